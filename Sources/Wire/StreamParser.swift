import Buffers
import CPosix

/// Takes a stream apart into messages, from bytes that come in pieces of any size. Payloads it only counts.
///
/// One thread at a time. Memory: a header and its metadata, grown as they come and never beyond the limits.
package final class StreamParser {
    /// What ``feed(_:used:)`` came to.
    package enum Event: Sendable, Equatable {
        /// All bytes are taken and no message is complete.
        // With a value, because of how the compiler tells a case without one from nine others: by a comparison that
        // valgrind takes for a use of the bits that smaller values do not fill.
        case needMore(Nothing = Nothing())
        /// The payload follows: see ``payloadRemaining``.
        case frame(FrameHeader)
        case hello(Hello)
        case acknowledgement(Acknowledgement)
        case keyFrameRequest(KeyFrameRequest)
        case bye(Bye)
        case flow(Flow)
        /// The type; ``UserMessage/content(of:)`` finds the content in ``StreamParser/metadata``.
        case userMessage(UInt32)
        case ping(Ping)
    }

    /// What ``Event/needMore(_:)`` holds.
    package struct Nothing: Sendable, Equatable {
        private var byte: UInt8 = 0
    }

    /// What is being collected.
    private enum Stage {
        /// The magic number of an LZ4 frame or a skippable frame.
        case magic
        case opening
        /// The size of a skippable frame of another program.
        case foreign
        /// The skippable frame's size, and the header up to its own size.
        case start
        case header
        case metadata
    }

    package var limits: Limits
    /// Bytes of the stream taken so far, payloads included.
    package private(set) var offset: UInt64 = 0
    /// The offset of the message, opening or skipped frame that came last or is being read.
    package private(set) var messageOffset: UInt64 = 0
    /// Bytes of the payload of the last frame that are still to come.
    package private(set) var payloadRemaining = 0

    private var stage = Stage.magic
    private var storage: UnsafeMutableRawPointer?
    private var capacity = 0
    /// Bytes collected since `messageOffset`.
    private var count = 0
    /// Bytes to collect until the stage can be left.
    private var needed = 4
    /// Bytes of a frame of another program that are still to be skipped.
    private var foreignRemaining: UInt64 = 0
    private var prefix = MessagePrefix(kind: .bye)
    /// Read and checked; its metadata may be still to come.
    private var frame: FrameHeader?
    private var failure: WireError?
    private var metadataStart = 0
    private var metadataSize = 0

    package init(limits: Limits = Limits()) {
        self.limits = limits
    }

    deinit {
        free(storage)
    }

    /// The metadata of the last message, for a ``MetadataReader``. Valid until the next call of
    /// ``feed(_:used:)``.
    package var metadata: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(
            start: storage.map { UnsafeRawPointer($0 + metadataStart) }, count: metadataSize)
    }

    /// Takes bytes until a message's header and metadata are complete, or all are taken.
    ///
    /// Bytes of a payload that ``payloadConsumed(_:)`` does not tell about are skipped, so that a caller
    /// without interest in pixels feeds everything. After an error every further call gives the same.
    ///
    /// - Parameter used: Set to the number of bytes taken, all of them unless a message is complete.
    package func feed(_ bytes: UnsafeRawBufferPointer, used: inout Int) throws(WireError) -> Event {
        used = 0
        if let failure { throw failure }
        metadataSize = 0
        do throws(WireError) {
            while true {
                let left = UnsafeRawBufferPointer(rebasing: bytes[used...])
                if payloadRemaining > 0 {
                    let taken = min(payloadRemaining, left.count)
                    payloadConsumed(taken)
                    used += taken
                } else if foreignRemaining > 0 {
                    let taken = Int(min(foreignRemaining, UInt64(left.count)))
                    foreignRemaining -= UInt64(taken)
                    offset += UInt64(taken)
                    used += taken
                } else {
                    used += try collect(left)
                    if count == needed {
                        let event = try advance()
                        guard case .needMore = event else { return event }
                    }
                }
                if used == bytes.count, count < needed || isSkipping { return .needMore() }
            }
        } catch {
            failure = error
            throw error
        }
    }

    /// Tells that the caller has taken `count` bytes of the payload, at most ``payloadRemaining``.
    package func payloadConsumed(_ count: Int) {
        precondition(count >= 0 && count <= payloadRemaining, "more bytes than the payload has")
        payloadRemaining -= count
        offset += UInt64(count)
    }

    /// Says that no bytes follow.
    ///
    /// - Throws: A ``WireError/Kind/truncated`` error that says what is missing, unless the stream ends at a
    ///   message boundary; or the error that came before.
    package func finish() throws(WireError) {
        if let failure { throw failure }
        if payloadRemaining > 0 {
            throw WireError(
                .truncated, at: offset,
                "the stream ends inside the payload of frame \(prefix.sequence); \(payloadRemaining) bytes of"
                    + " \(prefix.payloadSize) are missing")
        }
        if foreignRemaining > 0 {
            throw WireError(
                .truncated, at: offset,
                "the stream ends inside a skippable frame; \(foreignRemaining) bytes are missing")
        }
        guard count > 0 else { return }
        switch stage {
        case .metadata:
            throw WireError(
                .truncated, at: offset,
                "the stream ends inside the metadata of a message; \(needed - count) bytes of \(prefix.metadataSize)"
                    + " are missing")
        default:
            throw WireError(
                .truncated, at: offset,
                "the stream ends inside the header of a message; at least \(needed - count) bytes are missing"
            )
        }
    }

    /// Forgets an error and everything half read, and expects a message at byte `offset` of the stream, where
    /// ``MessageSearch`` found one.
    package func resynchronize(at offset: UInt64) {
        failure = nil
        payloadRemaining = 0
        foreignRemaining = 0
        metadataSize = 0
        self.offset = offset
        expectMessage()
    }

    /// Whether the bytes so far end inside a message, an opening or a skipped frame.
    package var isInsideMessage: Bool { count > 0 || isSkipping }

    private var isSkipping: Bool { payloadRemaining > 0 || foreignRemaining > 0 }

    private func expectMessage() {
        stage = .magic
        count = 0
        needed = 4
    }

    private func collect(_ bytes: UnsafeRawBufferPointer) throws(WireError) -> Int {
        if count == 0 { messageOffset = offset }
        let taken = min(needed - count, bytes.count)
        guard taken > 0, let source = bytes.baseAddress else { return 0 }
        try reserve(count + taken)
        memcpy(storage! + count, source, taken)
        count += taken
        offset += UInt64(taken)
        return taken
    }

    /// Makes room for `size` bytes, at least doubling, so that memory follows what has come and not what was
    /// announced.
    private func reserve(_ size: Int) throws(WireError) {
        guard size > capacity else { return }
        let newCapacity = max(size, 2 * capacity, 1024)
        guard let larger = realloc(storage, newCapacity) else {
            throw WireError(
                .tooLarge, at: messageOffset, "no memory for \(newCapacity) bytes of a message's header")
        }
        storage = larger
        capacity = newCapacity
    }

    private var collected: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: storage, count: count)
    }

    private var header: UnsafeRawBufferPointer {
        collected.slice(WireFormat.skippableHeaderSize, prefix.headerSize)
    }

    private var headerOffset: UInt64 { messageOffset + UInt64(WireFormat.skippableHeaderSize) }

    /// Judges what was collected and says what to collect next; gives an event when a message is complete.
    private func advance() throws(WireError) -> Event {
        switch stage {
        case .magic: try checkMagic()
        case .opening: try checkOpening()
        case .foreign: try checkForeign()
        case .start: try checkStart()
        case .header:
            try checkHeader()
            if prefix.metadataSize == 0 { return try complete() }
        case .metadata: return try complete()
        }
        return .needMore()
    }

    private func checkMagic() throws(WireError) {
        let magic: UInt32 = collected.integer(at: 0)
        switch magic {
        case WireFormat.messageMagic:
            stage = .start
            needed = WireFormat.skippableHeaderSize + 8
        case WireFormat.firstSkippableMagic..<WireFormat.messageMagic:
            stage = .foreign
            needed = WireFormat.skippableHeaderSize
        case StreamOpening.magic:
            stage = .opening
            needed = StreamOpening.size
        default:
            throw WireError(
                .notFramewire, at: messageOffset,
                "a message begins with \(hexadecimal(WireFormat.messageMagic)), not with \(hexadecimal(magic)): these"
                    + " bytes are not a Framewire stream, or some are missing")
        }
    }

    private func checkOpening() throws(WireError) {
        if let index = StreamOpening.firstDifference(in: collected) {
            throw WireError(
                .notFramewire, at: messageOffset + UInt64(index),
                "an LZ4 frame that is not the empty one that opens a stream, and that no header announces")
        }
        expectMessage()
    }

    private func checkForeign() throws(WireError) {
        let size: UInt32 = collected.integer(at: 4)
        guard Int(size) <= limits.maxMetadataBytes else {
            throw WireError(
                .tooLarge, at: messageOffset + 4,
                "a skippable frame of another program has \(size) bytes; the limit for metadata is"
                    + " \(limits.maxMetadataBytes)")
        }
        foreignRemaining = UInt64(size)
        expectMessage()
    }

    private func checkStart() throws(WireError) {
        let size = Int(collected.integer(at: 4, as: UInt32.self))
        let magic: UInt32 = collected.integer(at: 8)
        guard magic == WireFormat.headerMagic else {
            throw WireError(
                .notFramewire, at: headerOffset,
                "a header begins with \(hexadecimal(WireFormat.headerMagic)) (FWIR), not with \(hexadecimal(magic))"
            )
        }
        guard collected[12] == WireFormat.version else {
            throw WireError(
                .unsupported, at: headerOffset + 4,
                "wire format version is \(collected[12]); this library reads version \(WireFormat.version)")
        }
        let headerSize = Int(collected.integer(at: 14, as: UInt16.self))
        let minimum = MessageKind(rawValue: collected[13])?.headerSize ?? WireFormat.minimumHeaderSize
        guard headerSize >= minimum else {
            throw WireError(
                .protocolViolation, at: headerOffset + 6,
                "header size is \(headerSize) bytes; a message of kind \(collected[13]) has at least \(minimum)"
            )
        }
        guard headerSize <= WireFormat.maximumHeaderSize else {
            throw WireError(
                .tooLarge, at: headerOffset + 6,
                "header size is \(headerSize) bytes; the limit is \(WireFormat.maximumHeaderSize)")
        }
        guard size >= headerSize else {
            throw WireError(
                .protocolViolation, at: messageOffset + 4,
                "a message has \(size) bytes; its header alone has \(headerSize)")
        }
        guard size - headerSize <= limits.maxMetadataBytes else {
            throw WireError(
                .tooLarge, at: messageOffset + 4,
                "a message has \(size - headerSize) bytes of metadata; the limit is \(limits.maxMetadataBytes)"
            )
        }
        prefix.headerSize = headerSize
        stage = .header
        needed = WireFormat.skippableHeaderSize + headerSize
    }

    private func checkHeader() throws(WireError) {
        let stored: UInt32 = header.integer(at: header.count - 4)
        let computed = checksum(of: header.slice(0, header.count - 4))
        guard stored == computed else {
            throw WireError(
                .corrupt, at: headerOffset + UInt64(header.count - 4),
                "header checksum is \(hexadecimal(stored)); the header's bytes give \(hexadecimal(computed))")
        }
        prefix = MessagePrefix(reading: header)
        let size = Int(collected.integer(at: 4, as: UInt32.self))
        guard prefix.metadataSize == size - prefix.headerSize else {
            throw WireError(
                .protocolViolation, at: headerOffset + 12,
                "metadata size is \(prefix.metadataSize) bytes; the message has \(size - prefix.headerSize)")
        }
        let unknown = prefix.flags & WireFormat.criticalFlags
        guard unknown == 0 else {
            throw WireError(
                .unsupported, at: headerOffset + 8,
                "flags \(hexadecimal(unknown)) must be understood, and this version does not know them")
        }
        guard prefix.kind == MessageKind.frame.rawValue || prefix.payloadSize == 0 else {
            throw WireError(
                MessageKind(rawValue: prefix.kind) == nil ? .unsupported : .protocolViolation,
                at: headerOffset + 16,
                "a message of kind \(prefix.kind) has a payload of \(prefix.payloadSize) bytes; only frames have one"
            )
        }
        if prefix.kind == MessageKind.frame.rawValue {
            // Before the metadata is waited for, so that a refused frame costs nothing more.
            frame = try FrameHeader(reading: header, prefix, limits: limits, base: headerOffset)
        }
        stage = .metadata
        needed += prefix.metadataSize
    }

    private func complete() throws(WireError) -> Event {
        metadataStart = WireFormat.skippableHeaderSize + prefix.headerSize
        metadataSize = prefix.metadataSize
        let metadataOffset = messageOffset + UInt64(metadataStart)
        let computed = checksum(of: metadata)
        guard prefix.metadataChecksum == computed else {
            throw WireError(
                .corrupt, at: headerOffset + 40,
                "metadata checksum is \(hexadecimal(prefix.metadataChecksum)); the metadata's bytes give"
                    + " \(hexadecimal(computed))")
        }
        var entries = MetadataReader(metadata, base: metadataOffset)
        while try entries.next() != nil {}
        let event = try makeEvent()
        if case .needMore = event { metadataSize = 0 }
        expectMessage()
        return event
    }

    private func makeEvent() throws(WireError) -> Event {
        switch MessageKind(rawValue: prefix.kind) {
        case .frame:
            guard let frame else { return .needMore() }
            payloadRemaining = frame.payloadSize
            return .frame(frame)
        case .hello:
            return .hello(try Hello(reading: header, name: try text(Hello.nameKey), base: headerOffset))
        case .acknowledgement:
            return .acknowledgement(Acknowledgement(reading: header, prefix))
        case .keyFrameRequest:
            return .keyFrameRequest(KeyFrameRequest(streamID: prefix.streamID, viewID: prefix.viewID))
        case .bye:
            return .bye(
                Bye(reason: Bye.Reason(rawValue: header.integer(at: 48)), text: try text(Bye.textKey)))
        case .flow:
            return .flow(Flow(reading: header))
        case .userMessage:
            return .userMessage(header.integer(at: 48))
        case .ping:
            return .ping(Ping(reading: header))
        case nil:
            return .needMore()
        }
    }

    /// The text in the metadata with this name, or an empty one.
    private func text(_ name: StaticString) throws(WireError) -> String {
        var entries = MetadataReader(metadata)
        return try entries.first(.text, named: name)?.text ?? ""
    }
}
