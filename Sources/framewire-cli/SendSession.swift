import Buffers
import Framewire
import PictureFiles

/// What `send` and `replay` have in common: a sender, the pace, the progress line and the summary.
struct SendSession {
    let sender: Sender
    private(set) var count = 0
    private let options: SendingOptions
    private let url: String
    private let meter = Meter()
    private var start: Int64 = 0
    private var lastInfo: FrameInfo?

    init(url: String, options: SendingOptions) throws {
        self.options = options
        self.url = url
        sender = try options.makeSender(url)
        try announce(port: sender.port, in: options.readyFile)
    }

    /// Runs `body`, which sends frames, waits until they have left, and reports. An error is thrown after the report.
    mutating func run(_ body: (inout SendSession) throws -> Void) throws {
        var failure: (any Error)?
        do {
            try body(&self)
        } catch {
            failure = error
        }
        do throws(FramewireError) {
            if count > 0, !Interruption.isRequested { try flush() }
        } catch {
            failure = failure ?? error
        }
        if count > 0 { meter.noteFrame { reading(sender.stats) } }
        sender.close()
        let stats = sender.stats
        meter.finish(reading(stats))
        summarize(stats)
        if let failure { throw failure }
        if !Interruption.isRequested, options.policy == .block, stats.framesSent < stats.framesPushed {
            throw Failure(
                message:
                    "\(stats.framesPushed - stats.framesSent) of \(stats.framesPushed) frames did not leave for \(url)"
            )
        }
    }

    /// Waits until `time` nanoseconds after the first frame.
    mutating func pause(until time: Int64) {
        if count == 0 { start = Clock.now() - time }
        let due = start + time
        while !Interruption.isRequested, Clock.now() < due { Interruption.wait(-1, until: due) }
    }

    /// A jump in the source's times: the next frame, of the time `time`, is due now.
    mutating func restartClock(at time: Int64) {
        start = Clock.now() - time
    }

    /// Queues a frame, waiting for room in steps, so that Ctrl-C is heard.
    mutating func submit(_ frame: Frame) throws(FramewireError) {
        while true {
            do throws(FramewireError) {
                try sender.submit(frame)
                break
            } catch {
                guard error.code == .timeout else { throw error }
                if Interruption.isRequested { return }
                meter.refresh { reading(sender.stats) }
            }
        }
        count += 1
        lastInfo = frame.info
        meter.noteFrame { reading(sender.stats) }
    }

    /// Waits until everything has left, in steps, so that Ctrl-C is heard.
    private mutating func flush() throws(FramewireError) {
        while !Interruption.isRequested {
            do throws(FramewireError) {
                return try sender.flush(timeout: SendingOptions.waitStep)
            } catch {
                guard error.code == .timeout else { throw error }
                meter.refresh { reading(sender.stats) }
            }
        }
    }

    private func reading(_ stats: SenderStats) -> Reading {
        Reading(
            frames: stats.framesSent, bytesRaw: stats.bytesRaw, bytesWire: stats.bytesWire,
            latency: stats.latencyP50)
    }

    private func summarize(_ stats: SenderStats) {
        var report = Report()
        report.add("frames", stats.framesPushed)
        report.add("sent", stats.framesSent)
        report.add("dropped", stats.framesDropped)
        report.add("acknowledged", stats.framesAcknowledged)
        report.add("connections", stats.connections)
        report.add("width", lastInfo?.width ?? 0)
        report.add("height", lastInfo?.height ?? 0)
        report.add("format", lastInfo?.format.name.description)
        report.add("profile", stats.profile.name.description)
        report.add("profile_reason", stats.profileReason.name.description)
        report.addRow(
            "frames",
            "\(stats.framesSent) sent, \(stats.framesDropped) dropped, \(stats.framesAcknowledged) acknowledged"
        )
        if let lastInfo {
            report.addRow("picture", "\(lastInfo.width) × \(lastInfo.height) \(lastInfo.format.name)")
        }
        report.addRow("profile", "\(stats.profile.name): \(stats.profileReason.name)")
        meter.add(to: &report)
        report.add(milliseconds: "encode_p50_ms", stats.encodeP50)
        report.add(milliseconds: "encode_p99_ms", stats.encodeP99)
        report.add(milliseconds: "latency_p50_ms", stats.latencyP50)
        report.add(milliseconds: "latency_p99_ms", stats.latencyP99)
        report.addRow("encode", "p50 \(milliseconds(stats.encodeP50)), p99 \(milliseconds(stats.encodeP99))")
        report.addRow(
            "latency", "p50 \(milliseconds(stats.latencyP50)), p99 \(milliseconds(stats.latencyP99))")
        Terminal.output(options.json ? report.json : report.table)
    }
}
