import Buffers
import Framewire
import PictureFiles
import Viewer

/// One run of `framewire view`: the window, the receiver, and what was counted.
final class ViewSession {
    private static let noticeTime: Int64 = 2_500_000_000

    private let command: View
    private let window: PictureWindow
    private let receiver: Receiver
    private let waiter: FrameWaiter
    private let link = LinkState()
    private let screenshots: ScreenshotWriter

    private var choice: StreamChoice
    /// The last frame of each stream that is there, and the one that is shown.
    private var latest: [StreamKey: Frame] = [:]
    private var shown: Frame?
    private var meter = RateMeter()
    /// Of a recording: the frame that comes next.
    private var pending: (frame: Frame, due: Int64)?
    private var pacer = FramePacer()

    private var framesShown: UInt64 = 0
    /// Frames of the shown stream that came together with a newer one.
    private var framesPassedOver: UInt64 = 0
    private var lastFrameTime = Clock.now()
    private var isPaused = false
    private var hasOverlay: Bool
    private var notice: (text: String, until: Int64)?
    /// Why the last picture cannot be drawn.
    private var problem: String?
    private var drawnText: [String] = []
    private var needsDrawing = true
    private var isDone = false
    /// The stream has ended; the window stays.
    private var hasEnded = false

    /// Opens the window, then the receiver: no sender is let in that nobody would see.
    init(_ command: View) throws {
        self.command = command
        choice = StreamChoice(streamID: command.stream)
        hasOverlay = command.overlay
        screenshots = try ScreenshotWriter(final: command.screenshot)
        let window = try PictureWindow(title: command.receiving.url)
        self.window = window
        let link = link
        receiver = try command.makeReceiver { event in
            link.note(event)
            window.wake()
        }
        waiter = FrameWaiter(receiver.descriptor) { window.wake() }
        if command.fullScreen { window.toggleFullScreen() }
    }

    /// Shows frames to the end, then reports; an error on the way is thrown after the report.
    func run() throws {
        var failure: (any Error)?
        do {
            try showAll()
            if let shown { try screenshots.finish(shown) }
        } catch {
            failure = error
        }
        waiter.stop()
        let stats = receiver.stats
        receiver.close()
        window.close()
        if command.json { Terminal.output(report(stats).json) }
        if let failure { throw failure }
        if shown == nil, command.screenshot != nil {
            throw Failure(message: "no frame came from \(command.receiving.url), so there is no screenshot")
        }
    }

    private func showAll() throws {
        while true {
            try takeFrames()
            update()
            if isDone || Interruption.isRequested { return }
            if needsDrawing {
                needsDrawing = false
                window.draw()
                // What has happened meanwhile comes first.
                try handle(window.nextEvent(timeout: 0))
                continue
            }
            try checkTimeout()
            if wantsFrames { waiter.arm() }
            try handle(window.nextEvent(timeout: waitTime))
        }
    }

    // MARK: - Frames

    private var wantsFrames: Bool { !hasEnded && pending == nil }

    /// Fetches the frames that are there and shows the last one of the chosen stream; of a recording, one that is due.
    private func takeFrames() throws {
        _ = waiter.takeNotification()
        choice.keep(peers: link.peerIDs)
        var new: Frame?
        while wantsFrames, let frame = try fetch() {
            let key = StreamKey(
                peerID: frame.peerID, streamID: frame.info.streamID, viewID: frame.info.viewID)
            let isWanted = choice.take(key)
            if choice.streams.contains(key) { latest[key] = frame }
            guard isWanted else { continue }
            lastFrameTime = Clock.now()
            if command.isRecording {
                let due = pacer.due(frame.info.pts, frame.info.duration, now: lastFrameTime)
                pending = (frame, due)
            } else if !isPaused {
                if new != nil { framesPassedOver += 1 }
                new = frame
                if isLast { break }
            }
        }
        latest = latest.filter { choice.streams.contains($0.key) }
        if let next = pending, !isPaused, next.due <= Clock.now() {
            new = next.frame
            pending = nil
        }
        guard let new else { return }
        let wasLast = isLast
        try show(new)
        framesShown += 1
        if wasLast {
            window.draw()
            isDone = true
        }
    }

    /// Whether the next frame that is shown is the last one that was asked for.
    private var isLast: Bool { command.frames.map { framesShown + 1 >= $0 } ?? false }

    /// The next frame, if there is one.
    private func fetch() throws(FramewireError) -> Frame? {
        do throws(FramewireError) {
            return try receiver.next(timeout: 0)
        } catch {
            switch error.code {
            case .wouldBlock, .timeout: return nil
            case .closed:
                end()
                return nil
            default: throw error
            }
        }
    }

    private func show(_ frame: Frame) throws {
        shown = frame
        needsDrawing = true
        do {
            try frame.withUnsafeBytes { bytes in try window.show(PictureView(frame.info, bytes)) }
            problem = nil
        } catch let error as WindowError {
            // The next may be another.
            if problem == nil { Terminal.error("framewire: \(error.message)") }
            problem = error.message
        }
    }

    private func end() {
        hasEnded = true
        if command.receiving.once || command.frames != nil { isDone = true }
    }

    // MARK: - Time

    /// Milliseconds until something is due; −1 when nothing is.
    private var waitTime: Int32 {
        var deadlines: [Int64] = []
        if let timeout = command.receiving.timeout, isAwaitingFrames {
            deadlines.append(lastFrameTime + timeout.nanoseconds)
        }
        if hasOverlay { deadlines.append(meter.deadline) }
        if let notice { deadlines.append(notice.until) }
        if let pending, !isPaused { deadlines.append(pending.due) }
        guard let first = deadlines.min() else { return -1 }
        return Int32(clamping: max(0, (first - Clock.now() + 999_999) / 1_000_000))
    }

    /// Whether a frame would come if the sender sent one.
    private var isAwaitingFrames: Bool { wantsFrames && !isPaused }

    private func checkTimeout() throws {
        guard let timeout = command.receiving.timeout, isAwaitingFrames else { return }
        let quiet = Clock.now() - lastFrameTime
        guard quiet >= timeout.nanoseconds else { return }
        throw command.receiving.timeoutFailure(quiet, "\(framesShown) frames had been shown")
    }

    // MARK: - What the user does

    private func handle(_ event: WindowEvent?) throws {
        switch event {
        case .closed, .key(.quit): isDone = true
        case .needsDrawing:
            needsDrawing = true
            // Text is sized by the window.
            drawnText = []
        case .key(.overlay): hasOverlay.toggle()
        case .key(.fullScreen): window.toggleFullScreen()
        case .key(.pause):
            isPaused.toggle()
            receiver.setPaused(isPaused)
            lastFrameTime = Clock.now()
        case .key(.nextStream):
            if choice.selectNext(), let frame = choice.selected.flatMap({ latest[$0] }) { try show(frame) }
        case .key(.screenshot): takeScreenshot()
        case .woken, nil: break
        }
    }

    private func takeScreenshot() {
        let text: String
        if let shown {
            do throws(PictureError) {
                text = try screenshots.write(shown)
            } catch {
                text = error.message
            }
        } else {
            text = "there is no picture yet"
        }
        Terminal.error("framewire: \(text)")
        notice = (text, Clock.now() + ViewSession.noticeTime)
    }

    // MARK: - What the user reads

    private var state: String {
        isPaused && link.isConnected ? "paused" : link.text
    }

    /// Writes title and panels anew where they have changed.
    private func update() {
        let now = Clock.now()
        if let until = notice?.until, now >= until { notice = nil }
        if now >= meter.deadline, hasOverlay || framesShown > 0 {
            let stats = receiver.stats
            meter.note(
                Counts(frames: framesShown, bytesRaw: stats.bytesRaw, bytesWire: stats.bytesWire), at: now)
        }
        let picture = shown.map { " – \($0.info.width) × \($0.info.height) \($0.info.format.name)" } ?? ""
        window.title = "\(command.receiving.url)\(picture) – \(state)"

        var panels: [(lines: [PanelLine], place: PictureWindow.PanelPlace)] = []
        if shown == nil { panels.append((greeting, .middle)) }
        if hasOverlay { panels.append((reading.lines, .topLeft)) }
        if let problem { panels.append((PanelLine.wrapped(problem, columns: window.textColumns), .middle)) }
        if let notice {
            panels.append((PanelLine.wrapped(notice.text, columns: window.textColumns), .bottomLeft))
        }
        let text = panels.flatMap { panel in panel.lines.map { "\($0.label ?? "") \($0.text)" } + [""] }
        guard text != drawnText else { return }
        drawnText = text
        needsDrawing = true
        let scale = window.textScale
        window.setPanels(
            panels.map { (Panel($0.lines, scale: scale, isCentered: $0.place == .middle), $0.place) })
    }

    /// Shown while there is no picture.
    private var greeting: [PanelLine] {
        // Who asked for any port wants to know which it is.
        let isAnyPort = receiver.port != 0 && !command.receiving.url.contains(":\(receiver.port)")
        let place = command.receiving.url + (isAnyPort ? ", port \(receiver.port)" : "")
        return [
            PanelLine(nil, state), PanelLine(nil, place, .faint), PanelLine(nil, ""),
            PanelLine(nil, "o overlay · s screenshot · space pause", .faint),
            PanelLine(nil, "tab stream · f full screen · q quit", .faint),
        ]
    }

    private var reading: OverlayReading {
        let stats = receiver.stats
        var reading = OverlayReading()
        reading.info = shown?.info
        (reading.frameRate, reading.wireRate) = (meter.rates?.frames, meter.rates?.wire)
        reading.ratio = meter.rates?.ratio
        reading.latency = stats.latencyP50
        reading.dropped = stats.framesDropped + framesPassedOver
        reading.missed = stats.framesMissed
        reading.stream = (choice.number, choice.streams.count)
        reading.state = state
        reading.isLive = link.isConnected && !isPaused
        return reading
    }

    private func report(_ stats: ReceiverStats) -> Report {
        var report = Report()
        report.add("shown", framesShown)
        report.add("frames", stats.framesReceived)
        report.add("dropped", stats.framesDropped + framesPassedOver)
        report.add("missed", stats.framesMissed)
        report.add("undecodable", stats.framesUndecodable)
        report.add("errors", stats.errors)
        report.add("connections", stats.connections)
        report.add(picture: shown?.info)
        report.add("sequence", shown?.info.sequence ?? 0)
        report.add("bytes_wire", stats.bytesWire)
        report.add(milliseconds: "latency_p50_ms", stats.latencyP50)
        return report
    }
}
