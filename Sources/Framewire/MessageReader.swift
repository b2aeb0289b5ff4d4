import Buffers
import CPosix
import Codec
import Transport
import Wire

/// Reads the messages of a stream as they are, without decoding pixels: what a recorder or an inspector
/// needs.
///
/// It takes one connection, or a recording, and answers nothing, so that a sender goes on in the profiles
/// that every reader knows. One thread at a time.
public final class MessageReader {
    /// One message with everything that stands before it and belongs to no other.
    public struct Message {
        public enum Kind: Sendable {
            case frame, hello, acknowledgement, keyFrameRequest, bye, flow, userMessage, ping
            /// Openings of a stream and skippable frames of other programs, where no message follows them.
            case other
        }

        public let kind: Kind
        /// Where in the stream the message itself begins, in bytes.
        public let offset: UInt64
        /// Bytes of the header and its metadata; 0 for `other`.
        public let headerSize: Int
        /// Bytes of the coded picture; 0 for all but frames.
        public let payloadSize: Int
        /// The picture; `nil` for all but frames. The row order is that of the source.
        public let info: FrameInfo?
        /// How the picture is coded; `nil` for all but frames, and where this version does not know it.
        public let profile: Profile?
        public let stripCount: Int
        /// Bytes of the picture, packed.
        public let rawSize: Int
        /// XXH3-64 of the packed picture, where the sender computed it.
        public let checksum: UInt64?
        /// All bytes since the last message, this one included: those of all messages together are the
        /// stream. Valid until the next call of ``MessageReader/next(timeout:)``.
        public let bytes: UnsafeRawBufferPointer
        /// Checked already. Valid as long as `bytes`.
        fileprivate let metadata: UnsafeRawBufferPointer

        /// Calls `body` with each value of the message's metadata that this version knows, in order. What
        /// it is given is valid as long as ``bytes``.
        public func forEachMetadata(_ body: (FrameMetadataEntry) -> Void) {
            var reader = MetadataReader(metadata)
            while let next = try? reader.next() {
                if let entry = FrameMetadataEntry(next.kind, next.name, next.content) { body(entry) }
            }
        }
    }

    /// More than this is not gathered before a message; it is given as ``Message/Kind/other`` in parts.
    private static let longestLeadIn = 1 << 16
    private static let readSize = 1 << 18

    private let link: Link
    private var connection: Connection?
    private let parser: StreamParser
    /// Bytes of the stream from `start` on; parsed up to `parsed`, read up to `filled`.
    private var block: UnsafeMutableRawPointer?
    private var capacity = 0
    private var start = 0
    private var parsed = 0
    private var filled = 0
    /// Where the bytes of the message end that was given last; they go with the next call.
    private var given = 0
    private var isEnded = false
    private var failure: FramewireError?
    /// The frame whose payload is arriving, and the bytes before that.
    private var frame: (header: FrameHeader, size: Int)?

    /// Opens a stream as a receiver does.
    ///
    /// - Throws: ``FramewireError``, as ``Receiver/init(from:options:)``.
    public convenience init(
        from url: String, limits: Limits = Limits(), tls: TLSOptions = TLSOptions()
    )
        throws(FramewireError)
    {
        do {
            let endpoint = try Endpoint(parsing: url)
            let link = Link(
                endpoint, role: .receiver, .never, 5_000_000_000, tls, wake: try WakeUp(),
                cancel: try WakeUp())
            self.init(link, try link.open(), StreamParser(limits: limits))
        } catch {
            throw FramewireError(error)
        }
    }

    /// Nothing throws here: Embedded Swift does not free an object whose designated initializer fails.
    private init(_ link: Link, _ connection: Connection?, _ parser: StreamParser) {
        self.link = link
        self.connection = connection
        self.parser = parser
    }

    deinit {
        close()
        free(block)
    }

    /// The TCP port that is listened on; 0 where there is none.
    public var port: UInt16 { link.port }

    /// The next message, or `nil` at the end of the stream.
    ///
    /// - Parameter timeout: nanoseconds; 0 does not wait, negative waits without a limit.
    /// - Throws: ``FramewireError``: `timeout` (0: `wouldBlock`), after which the call may be repeated;
    ///   otherwise why the stream cannot be read on, and each further call gives the same.
    public func next(timeout: Int64 = -1) throws(FramewireError) -> Message? {
        if let failure { throw failure }
        start = given
        let deadline = Clock.deadline(after: timeout)
        do {
            while true {
                if let message = try parse() { return message }
                if isEnded { return try lastMessage() }
                guard try readMore(until: deadline) else { break }
            }
        } catch {
            failure = error
            throw error
        }
        throw timeout == 0
            ? FramewireError(.wouldBlock, "no complete message has come yet")
            : FramewireError(.timeout, "no complete message came in time")
    }

    /// Closes the connection or the file. Further calls of ``next(timeout:)`` find the end of the stream.
    public func close() {
        connection?.close()
        connection = nil
        link.close()
        isEnded = true
    }

    /// Takes what has been read apart until a message is complete.
    private func parse() throws(FramewireError) -> Message? {
        while true {
            if let frame {
                let count = min(parser.payloadRemaining, filled - parsed)
                parser.payloadConsumed(count)
                parsed += count
                if parser.payloadRemaining > 0 { return nil }
                self.frame = nil
                return message(.frame, headerSize: frame.size, frame.header)
            }
            guard parsed < filled else { return leadIn() }
            var used = 0
            let event: StreamParser.Event
            do {
                event = try parser.feed(
                    UnsafeRawBufferPointer(start: block! + parsed, count: filled - parsed), used: &used)
            } catch {
                throw FramewireError(error)
            }
            parsed += used
            let size = Int(parser.offset - parser.messageOffset)
            switch event {
            case .needMore: break
            case .frame(let header): frame = (header, size)
            case .hello: return message(.hello, headerSize: size)
            case .acknowledgement: return message(.acknowledgement, headerSize: size)
            case .keyFrameRequest: return message(.keyFrameRequest, headerSize: size)
            case .bye: return message(.bye, headerSize: size)
            case .flow: return message(.flow, headerSize: size)
            case .userMessage: return message(.userMessage, headerSize: size)
            case .ping: return message(.ping, headerSize: size)
            }
        }
    }

    /// A long run of openings and foreign frames, as far as it is complete.
    private func leadIn() -> Message? {
        let size = (parsed - start) - Int(parser.offset - parser.messageOffset)
        guard size > Self.longestLeadIn else { return nil }
        return message(.other, headerSize: 0, size: size)
    }

    private func lastMessage() throws(FramewireError) -> Message? {
        do {
            try parser.finish()
        } catch {
            throw FramewireError(error)
        }
        return parsed > start ? message(.other, headerSize: 0, size: parsed - start) : nil
    }

    private func message(
        _ kind: Message.Kind, headerSize: Int, _ header: FrameHeader? = nil, size: Int? = nil
    ) -> Message {
        let size = size ?? parsed - start
        given = start + size
        return Message(
            kind: kind,
            offset: kind == .other ? parser.offset - UInt64(parsed - start) : parser.messageOffset,
            headerSize: headerSize, payloadSize: header?.payloadSize ?? 0, info: header?.info,
            profile: header.flatMap { Profile(rawValue: $0.profile) },
            stripCount: Int(header?.stripCount ?? 0),
            rawSize: header?.rawSize ?? 0,
            checksum: header?.contentChecksum,
            bytes: UnsafeRawBufferPointer(start: block! + start, count: size), metadata: parser.metadata)
    }

    /// Waits for bytes or a connection.
    ///
    /// - Returns: `false` when the time ran out.
    private func readMore(until deadline: Int64) throws(FramewireError) -> Bool {
        do {
            guard let connection else {
                self.connection = try link.next(until: deadline < 0 ? nil : deadline)
                return self.connection != nil || deadline < 0 || Clock.now() < deadline
            }
            try makeRoom()
            let count = try connection.read(
                UnsafeMutableRawBufferPointer(start: block! + filled, count: capacity - filled))
            if count == 0 { isEnded = true }
            if count >= 0 {
                filled += count
                return true
            }
            var set = PollSet()
            set.add(connection.descriptor, connection.readEvents)
            return try set.wait(until: deadline)
        } catch {
            throw FramewireError(error)
        }
    }

    /// Moves what is not given yet to the front and grows the block as the stream asks, at least doubling it.
    private func makeRoom() throws(TransportError) {
        if start > 0, let block {
            memmove(block, block + start, filled - start)
            parsed -= start
            filled -= start
            given -= start
            start = 0
        }
        guard capacity - filled < Self.readSize else { return }
        let larger = max(2 * capacity, filled + 2 * Self.readSize)
        guard let memory = realloc(block, larger) else {
            throw TransportError(.noMemory, "no memory for \(larger) bytes of a message")
        }
        block = memory
        capacity = larger
    }
}
