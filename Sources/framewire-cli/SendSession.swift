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
    private let log = PeerLog()
    private var start: Int64 = 0
    private var lastInfo: FrameInfo?

    init(url: String, options: SendingOptions) throws {
        self.options = options
        self.url = url
        sender = try options.makeSender(url, log)
        try announce(port: sender.port, in: options.readyFile)
        // There is nothing to wait at for it.
        while !Interruption.isRequested, sender.receiverCount < options.receivers ?? 0 {
            Interruption.wait(-1, until: Clock.now() + 10_000_000)
        }
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
        log.update(peers)
        // Said before the connections are gone, so that receivers know more than that. What goes wrong in it, the report shows.
        if let failure {
            let text = (failure as? FramewireError)?.message ?? "\(failure)"
            try? sender.end(.failed, text, timeout: SendingOptions.waitStep)
        } else if Interruption.isRequested {
            try? sender.end(.endOfStream, "the sender was interrupted", timeout: SendingOptions.waitStep)
        }
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
        for entry in options.metadata { try frame.setText(entry.value, forKey: entry.key) }
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
        log.refresh { peers }
    }

    /// The receivers that are connected now.
    private var peers: [PeerStats] {
        var result: [PeerStats] = []
        while let peer = sender.peerStats(at: result.count) { result.append(peer) }
        return result
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
            latency: stats.latencyP50, roundTrip: stats.roundTripP50, peers: stats.receivers)
    }

    private func summarize(_ stats: SenderStats) {
        var report = Report()
        report.add("frames", stats.framesPushed)
        report.add("sent", stats.framesSent)
        report.add("dropped", stats.framesDropped)
        report.add("acknowledged", stats.framesAcknowledged)
        report.add("connections", stats.connections)
        report.add(picture: lastInfo)
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
        report.add(milliseconds: "rtt_p50_ms", stats.roundTripP50)
        report.add(milliseconds: "rtt_p99_ms", stats.roundTripP99)
        report.add("encoded", stats.framesEncoded)
        report.add("messages", stats.messagesReceived)
        report.addRow("encode", "p50 \(milliseconds(stats.encodeP50)), p99 \(milliseconds(stats.encodeP99))")
        report.addRow(
            "latency", "p50 \(milliseconds(stats.latencyP50)), p99 \(milliseconds(stats.latencyP99))")
        report.addRow(
            "round trip",
            "p50 \(fineMilliseconds(stats.roundTripP50)), p99 \(fineMilliseconds(stats.roundTripP99))")
        log.add(to: &report)
        Terminal.output(options.json ? report.json : report.table)
    }
}
