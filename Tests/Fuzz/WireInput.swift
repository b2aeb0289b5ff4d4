import Buffers
import CPosix
import Wire

/// A stream for the parser; see ``FuzzStream``.
package struct WireInput {
    private enum Choices {
        /// Payloads are taken by the caller instead of being fed.
        static let consumed: UInt8 = 2
        /// Limits that are soon exceeded.
        static let strict: UInt8 = 4
    }

    private let stream: FuzzStream

    /// Nil when there are too few bytes.
    package init?(_ bytes: UnsafeRawBufferPointer) {
        guard let stream = FuzzStream(bytes) else { return nil }
        self.stream = stream
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
        let whole = read(nil, consumes: false)
        if let contradiction = whole.contradiction { return .contradiction(contradiction) }
        let chopped = read(stream.chopping, consumes: stream.choices & Choices.consumed != 0)
        if let contradiction = chopped.contradiction { return .contradiction(contradiction) }
        guard whole == chopped else {
            return .contradiction("the pieces make a difference: \(whole) and \(chopped)")
        }
        for event in whole.events {
            if let contradiction = Self.roundTrip(event) { return .contradiction(contradiction) }
        }
        return whole.failure == nil ? .picture : .refused
    }

    private func read(_ pieces: Chopping?, consumes: Bool) -> Reading {
        let limits =
            stream.choices & Choices.strict != 0
            ? Limits(maxWidth: 64, maxHeight: 64, maxFrameBytes: 4096, maxMetadataBytes: 128) : Limits()
        let parser = StreamParser(limits: limits)
        var reading = Reading()
        do throws(WireError) {
            try stream.forEachPiece(pieces) { (piece) throws(WireError) in
                try feed(piece, to: parser, consumes: consumes, &reading)
                return reading.contradiction == nil
            }
            if reading.contradiction != nil { return reading }
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
