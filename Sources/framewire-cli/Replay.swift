import ArgumentParser
import Buffers
import Framewire
import PictureFiles

/// `framewire replay`.
struct Replay: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Sends the frames of a recording.",
        discussion:
            "Frames go out at the pace of their presentation times, or as fast as they are taken where there are none."
    )

    @Argument(help: "A recording.")
    var file: String

    @Argument(help: "tcp://host:3000, tcp://:3000?listen=1, tls://…, unix:///path or file:///path.")
    var url: String

    @Option(help: ArgumentHelp("Frames per second instead of the recorded pace.", valueName: "FPS"))
    var rate: Rate?

    @OptionGroup var sending: SendingOptions

    /// A step between presentation times that is longer is taken for a jump, in nanoseconds.
    private static let longestStep: Int64 = 10_000_000_000

    func run() throws {
        Interruption.install()
        // A recording that cannot be read is found out before anyone is connected to.
        var recording = try Receiver(from: recordingURL(file))
        var session = try SendSession(url: url, options: sending)
        try session.run { session in
            var pass = 0
            while !Interruption.isRequested, sending.loop == 0 || pass < sending.loop {
                if pass > 0 {
                    recording.close()
                    recording = try Receiver(from: recordingURL(file))
                }
                try play(recording, &session)
                pass += 1
            }
        }
        recording.close()
    }

    private func play(_ recording: Receiver, _ session: inout SendSession) throws {
        var lastTime: Int64?
        while !Interruption.isRequested {
            let frame: Frame
            do throws(FramewireError) {
                frame = try recording.next()
            } catch {
                if error.code == .closed { return }
                throw error
            }
            if let rate {
                session.pause(until: rate.time(of: session.count))
            } else if let time = frame.info.pts {
                let step = lastTime.map { time.subtractingReportingOverflow($0) }
                if step.map({ $0.overflow || $0.partialValue < 0 || $0.partialValue > Replay.longestStep })
                    ?? true
                {
                    session.restartClock(at: time)
                }
                lastTime = time
                session.pause(until: time)
            }
            if Interruption.isRequested { return }
            // How the frame was coded in the recording is no matter of the stream that is sent.
            var info = frame.info
            info.flags.remove(.key)
            let copy = try session.sender.acquire(info)
            frame.withUnsafeBytes { bytes in
                copy.withUnsafeMutableBytes { $0.copyMemory(from: bytes) }
            }
            try copy.copyMetadata(of: frame)
            try session.submit(copy)
        }
    }
}
