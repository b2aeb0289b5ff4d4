import ArgumentParser
import Buffers
import Framewire
import PictureFiles

/// `framewire receive`.
struct Receive: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Receives frames and writes them to files.",
        discussion: """
            Without --once a receiver that listens waits for the next sender when one leaves; Ctrl-C ends it with a \
            summary. Without --output frames are received and counted.
            """)

    @Option(
        name: [.long, .short],
        help: ArgumentHelp(
            "Numbered files (out/%05d.png), one file, or - for standard output.", valueName: "PATTERN|FILE|-")
    )
    var output: String?

    @Option(help: "png, bmp, ppm, raw or y4m; by default what the name of the output says.")
    var format: PictureFormat?

    @Option(help: ArgumentHelp("Stop after N frames.", valueName: "N"))
    var frames: Int?

    @Flag(help: "Fail unless every frame carried a checksum and matched it.")
    var verify = false

    @Flag(help: "Add the times of the stages to the summary.")
    var stats = false

    @Option(
        help: ArgumentHelp(
            "Write a line with the sequence number and the XXH3-64 of the pixels for each frame.",
            valueName: "FILE"))
    var checksums: String?

    @Option(help: ArgumentHelp("Write a picture of frames over time.", valueName: "FILE.png"))
    var contactSheet: String?

    @Option(help: ArgumentHelp("Pictures side by side on the contact sheet, 1 to 16.", valueName: "N"))
    var columns = 4

    @OptionGroup var receiving: ReceivingOptions

    @Flag(help: "Print the summary as JSON.")
    var json = false

    func validate() throws {
        guard frames.map({ $0 > 0 }) ?? true else { throw ValidationError("--frames is 1 or more") }
        guard (1...ContactSheet.maximumCount).contains(columns) else {
            throw ValidationError("--columns is 1 to \(ContactSheet.maximumCount)")
        }
        guard format == nil || output != nil else { throw ValidationError("--format needs --output") }
    }

    func run() throws {
        Interruption.install()
        var session = try ReceiveSession(self)
        try session.run()
    }

    /// Whether frames go to standard output, so that nothing else may.
    var usesStandardOutput: Bool {
        [output, checksums].contains { $0?.utf8.elementsEqual("-".utf8) ?? false }
    }
}

/// One run of `framewire receive`: the files that are open and what was counted.
private struct ReceiveSession {
    private let command: Receive
    private let receiver: Receiver
    private let output: PictureOutput?
    private let checksums: OutputFile?
    private var sheet: ContactSheet?
    private let meter = Meter()
    private let log = PeerLog()
    private var delivered = 0
    private var lastInfo: FrameInfo?
    private var lastTiming: FrameTiming?

    /// Opens everything that will be written before the first sender is let in.
    init(_ command: Receive) throws {
        self.command = command
        output = try command.output.map { target throws(PictureError) in
            try PictureOutput(target, format: command.format, isSinglePicture: command.frames == 1)
        }
        checksums = try command.checksums.map { path throws(PictureError) in try OutputFile(path: path) }
        if command.contactSheet != nil { sheet = ContactSheet(columns: command.columns) }
        let log = log
        receiver = try command.receiving.makeReceiver { log.note($0) }
    }

    /// Receives to the end, then reports; an error on the way is thrown after the report.
    mutating func run() throws {
        var failure: (any Error)?
        do {
            try receiveAll()
            try output?.finish()
            try checksums?.close()
        } catch {
            failure = error
        }
        log.update(receiver.peers)
        let (stats, end) = (receiver.stats, receiver.lastEnd)
        meter.finish(reading(stats))
        receiver.close()
        if let path = command.contactSheet, let picture = sheet?.picture() {
            do {
                try picture.withView { view throws(PictureError) in
                    try PNGEncoder().encode(view) { bytes throws(PictureError) in
                        try OutputFile.replace(path, bytes)
                    }
                }
            } catch {
                failure = failure ?? error
            }
        }
        summarize(stats, end)
        if let failure { throw failure }
        if command.verify { try verify(stats) }
    }

    private mutating func receiveAll() throws {
        var quietSince = Clock.now()
        while !Interruption.isRequested, command.frames.map({ delivered < $0 }) ?? true {
            let frame: Frame
            do throws(FramewireError) {
                frame = try receiver.next(timeout: 0)
            } catch {
                switch error.code {
                case .wouldBlock, .timeout: break
                case .closed: return
                default: throw error
                }
                let limit = command.receiving.timeout.map { quietSince + $0.nanoseconds } ?? -1
                if limit >= 0, Clock.now() >= limit {
                    throw command.receiving.timeoutFailure(
                        Clock.now() - quietSince, "\(delivered) frames had come")
                }
                let deadlines = [limit, meter.deadline].filter { $0 >= 0 }
                Interruption.wait(receiver.descriptor, until: deadlines.min() ?? -1)
                meter.refresh { reading(receiver.stats) }
                continue
            }
            try take(frame)
            quietSince = Clock.now()
        }
    }

    private mutating func take(_ frame: Frame) throws {
        lastInfo = frame.info
        lastTiming = frame.timing
        if output != nil || sheet != nil {
            try frame.withUnsafeBytes { bytes in
                let view = try PictureView(frame.info, bytes)
                try output?.write(view)
                try sheet?.add(view)
            }
        }
        try checksums?.write("\(frame.info.sequence) \(hexadecimal(frame.checksum()))\n")
        checksums?.commit()
        delivered += 1
        log.countFrame(frame.peerID)
        meter.noteFrame { reading(receiver.stats) }
        log.refresh { receiver.peers }
    }

    private func reading(_ stats: ReceiverStats) -> Reading {
        Reading(
            frames: UInt64(delivered), bytesRaw: stats.bytesRaw, bytesWire: stats.bytesWire,
            latency: stats.latencyP50, roundTrip: stats.roundTripP50, peers: stats.peers)
    }

    private func summarize(_ stats: ReceiverStats, _ end: StreamEnd?) {
        var report = Report()
        report.add("frames", stats.framesReceived)
        report.add("delivered", delivered)
        report.add("dropped", stats.framesDropped)
        report.add("missed", stats.framesMissed)
        report.add("undecodable", stats.framesUndecodable)
        report.add("verified", stats.checksumsVerified)
        report.add("errors", stats.errors)
        report.add("connections", stats.connections)
        report.add(picture: lastInfo)
        report.addRow(
            "frames",
            "\(delivered) delivered, \(stats.framesDropped) dropped, \(stats.framesMissed) missed,"
                + " \(stats.checksumsVerified) verified")
        if stats.framesUndecodable > 0 {
            report.addRow("undecodable", "\(stats.framesUndecodable) without the frame that they refer to")
        }
        if let lastInfo {
            report.addRow("picture", "\(lastInfo.width) × \(lastInfo.height) \(lastInfo.format.name)")
        }
        meter.add(to: &report)
        report.add(milliseconds: "latency_p50_ms", stats.latencyP50)
        report.add(milliseconds: "latency_p99_ms", stats.latencyP99)
        report.addRow(
            "latency", "p50 \(milliseconds(stats.latencyP50)), p99 \(milliseconds(stats.latencyP99))")
        report.add(milliseconds: "rtt_p50_ms", stats.roundTripP50)
        report.add(milliseconds: "rtt_p99_ms", stats.roundTripP99)
        report.addRow(
            "round trip",
            "p50 \(fineMilliseconds(stats.roundTripP50)), p99 \(fineMilliseconds(stats.roundTripP99))")
        report.add("refused", stats.peersRefused)
        if stats.peersRefused > 0 { report.addRow("refused", "\(stats.peersRefused) senders too many") }
        report.add("end", end?.reason.name)
        report.add("end_text", end?.text)
        if let end {
            report.addRow("end", end.reason.name + (end.text.isEmpty ? "" : ": \(end.text)"))
        }
        log.add(to: &report)
        if command.stats { addStages(stats, to: &report) }
        let text = command.json ? report.json : report.table
        if command.usesStandardOutput {
            Terminal.errorWithoutLineFeed(text)
        } else {
            Terminal.output(text)
        }
    }

    private func addStages(_ stats: ReceiverStats, to report: inout Report) {
        report.add(milliseconds: "decode_p50_ms", stats.decodeP50)
        report.add(milliseconds: "decode_p99_ms", stats.decodeP99)
        report.addRow("decode", "p50 \(milliseconds(stats.decodeP50)), p99 \(milliseconds(stats.decodeP99))")
        guard let timing = lastTiming else { return }
        report.add(milliseconds: "last_sender_queue_ms", timing.senderQueue)
        report.add(milliseconds: "last_sender_encode_ms", timing.senderEncode)
        report.add(milliseconds: "last_receive_ms", timing.receive)
        report.addRow(
            "last frame",
            "queued \(milliseconds(timing.senderQueue)), encoded \(milliseconds(timing.senderEncode)), received"
                + " \(milliseconds(timing.receive)), decoded \(milliseconds(timing.decode))")
    }

    private func verify(_ stats: ReceiverStats) throws(Failure) {
        if stats.errors > 0 {
            throw Failure(
                message:
                    "\(stats.errors) connections ended with an error, so not every frame can be vouched for")
        }
        if stats.framesReceived == 0 { throw Failure(message: "no frame came, so nothing was verified") }
        if stats.checksumsVerified < stats.framesReceived {
            throw Failure(
                message:
                    "\(stats.framesReceived - stats.checksumsVerified) of \(stats.framesReceived) frames carried no"
                    + " checksum; send them with --checksum")
        }
    }
}

extension EndReason {
    /// In the report.
    fileprivate var name: String {
        switch self {
        case .endOfStream: "end of stream"
        case .failed: "failed"
        case .protocolError: "protocol error"
        case .unsupported: "unsupported"
        case .tooLarge: "too large"
        case .lost: "lost"
        }
    }
}
