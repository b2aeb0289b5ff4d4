import ArgumentParser
import Buffers
import Framewire

/// `framewire inspect`.
struct Inspect: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows the messages of a recording or a live stream, one on each line.",
        discussion: "The headers are checked, the pixels are not decoded.")

    @Argument(help: "A recording, or a URL to receive from.")
    var input: String

    @OptionGroup var tls: TLSArguments

    @Flag(help: "Print a JSON object for each message, one on each line.")
    var json = false

    @Option(help: ArgumentHelp("Write the port to FILE once listening.", valueName: "FILE"))
    var readyFile: String?

    func run() throws {
        Interruption.install()
        let reader = try MessageReader(from: recordingURL(input), tls: tls.options)
        defer { reader.close() }
        try announce(port: reader.port, in: readyFile)
        while let message = try nextMessage(reader) {
            Terminal.output((json ? jsonLine(message) : line(message)) + "\n")
        }
    }

    private func line(_ message: MessageReader.Message) -> String {
        var words = ["\(message.offset)", "\(message.kind)"]
        if let info = message.info {
            words += [
                "#\(info.sequence)", "\(info.width)x\(info.height)", "\(info.format.name)", profile(message),
            ]
            words += [
                "\(message.stripCount) strips", "raw \(message.rawSize)", "payload \(message.payloadSize)",
            ]
            words += ["ratio \(Meter.ratio(UInt64(message.rawSize), UInt64(message.bytes.count)))"]
            if info.streamID != 0 { words.append("stream \(info.streamID)") }
            if info.viewID != 0 { words.append("view \(info.viewID)") }
            if let pts = info.pts { words.append("pts \(decimal(Double(pts) / 1e9, 6)) s") }
            if info.rowOrder == .bottomUp { words.append("bottom-up") }
            if info.flags.contains(.key) { words.append("key") }
            if info.flags.contains(.discontinuity) { words.append("discontinuity") }
            if let checksum = message.checksum { words.append("xxh3 \(hexadecimal(checksum))") }
        } else {
            words.append("\(message.bytes.count) bytes")
        }
        message.forEachMetadata { entry in
            switch entry.kind {
            case .text: words.append("\(entry.name)=\(quoted(entry.text))")
            case .matrix: words.append("matrix \(entry.name)")
            case .bytes: words.append("\(entry.content.count) bytes \(entry.name)")
            case .bufferMeta: words.append("meta \(entry.name)")
            }
        }
        return words.joined(separator: "  ")
    }

    private func jsonLine(_ message: MessageReader.Message) -> String {
        var fields = ["\"offset\": \(message.offset)", "\"kind\": \(quoted("\(message.kind)"))"]
        fields.append("\"bytes\": \(message.bytes.count)")
        if let info = message.info {
            fields += [
                "\"sequence\": \(info.sequence)", "\"width\": \(info.width)", "\"height\": \(info.height)",
                "\"format\": \(quoted(info.format.name.description))",
                "\"profile\": \(quoted(profile(message)))",
                "\"strips\": \(message.stripCount)", "\"raw\": \(message.rawSize)",
                "\"payload\": \(message.payloadSize)",
                "\"stream\": \(info.streamID)", "\"view\": \(info.viewID)",
                "\"pts\": \(info.pts.map { "\($0)" } ?? "null")",
                "\"duration\": \(info.duration.map { "\($0)" } ?? "null")",
                "\"bottom_up\": \(info.rowOrder == .bottomUp)", "\"key\": \(info.flags.contains(.key))",
                "\"discontinuity\": \(info.flags.contains(.discontinuity))",
                "\"xxh3\": \(message.checksum.map { quoted(hexadecimal($0)) } ?? "null")",
            ]
        }
        var metadata: [String] = []
        message.forEachMetadata { metadata.append(jsonObject($0)) }
        if !metadata.isEmpty { fields.append("\"metadata\": [\(metadata.joined(separator: ", "))]") }
        return "{" + fields.joined(separator: ", ") + "}"
    }

    /// Texts as they are, matrices as lists of numbers, column by column, all else in hexadecimal.
    private func jsonObject(_ entry: FrameMetadataEntry) -> String {
        let value: String
        if let matrix = entry.matrix {
            // JSON has no other numbers than finite ones.
            let numbers = (0..<16).map { matrix[$0].isFinite ? "\(matrix[$0])" : "null" }
            value = "[\(numbers.joined(separator: ", "))]"
        } else if entry.kind == .text {
            value = quoted(entry.text)
        } else {
            value = quoted(entry.content.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined())
        }
        return "{\"kind\": \(quoted("\(entry.kind)")), \"name\": \(quoted(entry.name)), \"value\": \(value)}"
    }

    private func profile(_ message: MessageReader.Message) -> String {
        message.profile?.name.description ?? "unknown profile"
    }
}
