import Buffers
import CPosix
import Wire

/// Bytes for the parser of streams as a fuzzer writes them: two that choose, then the stream.
///
/// | byte | |
/// |---|---|
/// | 0 | ``Choices`` |
/// | 1 | in which pieces the stream comes |
package struct WireInput {
    package static let headerSize = 2

    package struct Choices: OptionSet {
        package let rawValue: UInt8

        package init(rawValue: UInt8) {
            self.rawValue = rawValue
        }

        /// Checksums and sizes are put right.
        package static let repaired = Choices(rawValue: 1)
        /// Payloads are taken by the caller instead of being fed.
        package static let consumed = Choices(rawValue: 2)
        /// Limits that are soon exceeded.
        package static let strict = Choices(rawValue: 4)
    }

    private let choices: Choices
    private let chopping: UInt8
    private var stream: [UInt8]

    /// Nil when there are too few bytes.
    package init?(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count >= Self.headerSize else { return nil }
        choices = Choices(rawValue: bytes[0])
        chopping = bytes[1]
        stream = Array(bytes[Self.headerSize...])
        if choices.contains(.repaired) { StreamRepair.repair(&stream) }
    }

    /// What a parser made of a stream.
    private struct Reading: Equatable {
        var events: [StreamParser.Event] = []
        var metadata: [[UInt8]] = []
        /// Where it failed, and what it said.
        var failure: String?
        var offset: UInt64 = 0
        var contradiction: String?
    }

    /// Parses the stream.
    ///
    /// The pieces it comes in must make no difference, nor who takes the payloads; each message must come
    /// back from what the library writes for it.
    package func run() -> FuzzOutcome {
        let whole = read(.max, consumes: false)
        if let contradiction = whole.contradiction { return .contradiction(contradiction) }
        var pieces = Chopping(chopping)
        let chopped = read(nil, consumes: choices.contains(.consumed), &pieces)
        if let contradiction = chopped.contradiction { return .contradiction(contradiction) }
        guard whole == chopped else {
            return .contradiction("the pieces make a difference: \(whole) and \(chopped)")
        }
        for event in whole.events {
            if let contradiction = Self.roundTrip(event) { return .contradiction(contradiction) }
        }
        return whole.failure == nil ? .picture : .refused
    }

    private func read(_ size: Int, consumes: Bool) -> Reading {
        var none = Chopping(0)
        return read(size, consumes: consumes, &none)
    }

    private func read(_ size: Int?, consumes: Bool, _ pieces: inout Chopping) -> Reading {
        let limits =
            choices.contains(.strict)
            ? Limits(maxWidth: 64, maxHeight: 64, maxFrameBytes: 4096, maxMetadataBytes: 128) : Limits()
        let parser = StreamParser(limits: limits)
        var reading = Reading()
        var start = 0
        do throws(WireError) {
            while start < stream.count {
                let end = start + min(max(1, size ?? pieces.next()), stream.count - start)
                // An array has room behind its elements; this has not.
                let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: end - start, alignment: 1)
                defer { piece.deallocate() }
                piece.copyBytes(from: stream[start..<end])
                try feed(UnsafeRawBufferPointer(piece), to: parser, consumes: consumes, &reading)
                if reading.contradiction != nil { return reading }
                start = end
            }
            try parser.finish()
        } catch {
            reading.failure = "\(error.kind) \(error.offset) \(error.message)"
            reading.contradiction = repeated(error, parser)
        }
        reading.offset = parser.offset
        return reading
    }

    private func feed(
        _ piece: UnsafeRawBufferPointer, to parser: StreamParser, consumes: Bool, _ reading: inout Reading
    ) throws(WireError) {
        var done = 0
        while done < piece.count {
            if consumes, parser.payloadRemaining > 0 {
                let count = min(parser.payloadRemaining, piece.count - done)
                parser.payloadConsumed(count)
                done += count
                continue
            }
            let before = parser.offset
            var used = 0
            let event = try parser.feed(UnsafeRawBufferPointer(rebasing: piece[done...]), used: &used)
            done += used
            guard parser.offset == before + UInt64(used) else {
                reading.contradiction = "from \(before) to \(parser.offset) with \(used) bytes"
                return
            }
            if case .needMore = event {
                if done < piece.count { reading.contradiction = "\(piece.count - done) bytes are not taken" }
                continue
            }
            reading.events.append(event)
            reading.metadata.append([UInt8](parser.metadata))
            var entries = MetadataReader(parser.metadata)
            while let entry = try entries.next() { _ = entry.text.utf8.count + entry.content.count }
            if case .userMessage = event { _ = UserMessage.content(of: parser.metadata).count }
        }
    }

    /// What is wrong if a parser that has failed does not fail again.
    private func repeated(_ error: WireError, _ parser: StreamParser) -> String? {
        // That the input ends is no error of the parser's own.
        if error.kind == .truncated { return nil }
        do throws(WireError) {
            try parser.finish()
            return "it fails and then does not"
        } catch let again {
            return again.message == error.message ? nil : "it fails with one sentence and then with another"
        }
    }

    /// What is wrong with a message that does not come back from its own encoding.
    private static func roundTrip(_ event: StreamParser.Event) -> String? {
        let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 8192, alignment: 1)
        defer { room.deallocate() }
        var event = event
        let size: Int
        switch event {
        case .needMore, .userMessage: return nil
        case .frame(var header):
            // What describes the source's memory does not travel, nor does the metadata here.
            header.metadataSize = 0
            event = .frame(header)
            size = header.encode(into: room)
        case .hello(let hello):
            // Longer ones are cut.
            if hello.name.utf8.count > 1024 { return nil }
            size = hello.encode(into: room)
        case .acknowledgement(let word): size = word.encode(into: room)
        case .keyFrameRequest(let request): size = request.encode(into: room)
        case .bye(let bye):
            if bye.text.utf8.count > 1024 { return nil }
            size = bye.encode(into: room)
        case .flow(let flow): size = flow.encode(into: room)
        case .ping(let ping): size = ping.encode(into: room)
        }
        var used = 0
        let again = try? StreamParser(limits: Limits(maxWidth: .max, maxHeight: .max, maxFrameBytes: .max))
            .feed(UnsafeRawBufferPointer(rebasing: room[..<size]), used: &used)
        return again == event && used == size ? nil : "\(event) comes back as \(String(describing: again))"
    }
}
