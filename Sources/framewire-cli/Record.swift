import ArgumentParser
import Buffers
import Framewire
import PictureFiles

/// `framewire record`.
struct Record: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Writes a stream to a file as it comes, without decoding it.",
        discussion: """
            Only complete messages are written, so that a recording can be read whenever it ends; `lz4 -t` tests it. It ends \
            when the sender leaves, or with Ctrl-C.
            """)

    @Argument(help: "tcp://:3000, tcp://host:port?connect=1, tls://… or unix:///path.")
    var url: String

    @Argument(help: "The file to write.")
    var file: String

    @Option(help: ArgumentHelp("Stop after N frames.", valueName: "N"))
    var frames: Int?

    @Option(help: ArgumentHelp("Write the port to FILE once listening.", valueName: "FILE"))
    var readyFile: String?

    @OptionGroup var tls: TLSArguments

    @Flag(help: "Print the summary as JSON.")
    var json = false

    func validate() throws {
        guard frames.map({ $0 > 0 }) ?? true else { throw ValidationError("--frames is 1 or more") }
    }

    func run() throws {
        Interruption.install()
        let output = try OutputFile(path: file)
        let reader = try MessageReader(from: url, tls: tls.options)
        try announce(port: reader.port, in: readyFile)
        let meter = Meter()
        var count = Reading(frames: 0, bytesRaw: 0, bytesWire: 0)
        var failure: (any Error)?
        do {
            while frames.map({ count.frames < UInt64($0) }) ?? true,
                let message = try nextMessage(reader)
            {
                try output.write(message.bytes)
                output.commit()
                count.bytesWire += UInt64(message.bytes.count)
                if message.kind == .frame {
                    count.frames += 1
                    count.bytesRaw += UInt64(message.rawSize)
                    meter.noteFrame { count }
                }
            }
            try output.close()
        } catch {
            failure = error
        }
        meter.finish(count)
        reader.close()
        var report = Report()
        report.add("frames", count.frames)
        report.addRow("frames", "\(count.frames) recorded")
        meter.add(to: &report)
        let text = json ? report.json : report.table
        if file.utf8.elementsEqual("-".utf8) {
            Terminal.errorWithoutLineFeed(text)
        } else {
            Terminal.output(text)
        }
        if let failure { throw failure }
    }
}

/// The next message, or nil at the end of the stream or at Ctrl-C, which is looked for every tenth of a second.
func nextMessage(
    _ reader: MessageReader
) throws(FramewireError) -> MessageReader.Message? {
    while !Interruption.isRequested {
        do throws(FramewireError) {
            return try reader.next(timeout: 100_000_000)
        } catch {
            guard error.code == .timeout else { throw error }
        }
    }
    return nil
}
