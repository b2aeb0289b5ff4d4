import Buffers
import Codec
import Transport
import Wire

/// Reads a stream message by message without decoding pixels: what `framewire inspect` and `framewire record` use.
///
/// It waits on the calling thread; one thread at a time.
public final class MessageReader {
    /// One message.
    public struct Message {
        /// What a message is about.
        public enum Kind: Sendable {
            case frame
            case hello
            case acknowledgement
            case keyFrameRequest
            case bye
        }

        public var kind: Kind
        /// Bytes from the start of the stream to the message.
        public var offset: UInt64
        /// Bytes of the header with its metadata and the skippable frame around them.
        public var headerSize: Int
        /// Bytes of the coded pixels behind it.
        public var payloadSize: Int
        /// Of a frame: the picture, with the row order of the source.
        public var info: FrameInfo?
        /// Of a frame: how the pixels are coded; `nil` when this version does not know it.
        public var profile: Profile?
        public var stripCount = 0
        /// Bytes of the packed picture.
        public var rawSize = 0
        /// XXH3-64 of the packed picture, if the sender sent it.
        public var checksum: UInt64?
        /// All bytes of the message; valid until the next call of ``MessageReader/next()``.
        public var bytes: UnsafeRawBufferPointer
    }

    private static let chunk = 256 << 10

    private let link: Link
    private let wake: WakeUp
    private let parser: StreamParser
    private var connection: Connection?
    private var message: UnsafeMutableRawBufferPointer
    /// Bytes of the present message in `message`, and bytes that were read beyond it.
    private var held = 0
    private var taken = 0
    private var parsed = 0

    /// - Parameters:
    ///   - url: as for ``Receiver/init(from:options:)``.
    /// - Throws: ``FramewireError``.
    public init(from url: String, limits: Limits = Limits()) throws(FramewireError) {
        do {
            wake = try WakeUp()
            link = Link(
                try Endpoint(parsing: url), role: .receiver, .never, 5_000_000_000, wake: wake, cancel: wake)
            parser = StreamParser(limits: limits)
            connection = try link.open()
        } catch {
            throw FramewireError(error)
        }
        message = .allocate(byteCount: 4 * Self.chunk, alignment: 64)
    }

    deinit {
        message.deallocate()
        connection?.close()
        link.close()
    }

    /// The TCP port that is listened on; 0 where there is none.
    public var port: UInt16 { link.port }

    /// Ends a call of ``next()`` that waits on another thread.
    public func interrupt() {
        wake.signal()
    }

    /// The next message, or `nil` at the end of the stream or after ``interrupt()``.
    ///
    /// - Throws: ``FramewireError``: what is wrong with the bytes and where, or that the stream ends inside a message.
    public func next() throws(FramewireError) -> Message? {
        forgetTaken()
        while true {
            while parsed < held {
                var used = 0
                let event: StreamParser.Event
                do {
                    event = try parser.feed(UnsafeRawBufferPointer(rebasing: message[parsed..<held]), used: &used)
                } catch {
                    throw FramewireError(error)
                }
                parsed += used
                if case .needMore = event { continue }
                // What came before the message, such as the opening, is not part of it.
                let begin = parsed - Int(parser.offset - parser.messageOffset)
                return try complete(event, from: begin)
            }
            guard try fill() else {
                do {
                    try parser.finish()
                } catch {
                    throw FramewireError(error)
                }
                return nil
            }
        }
    }

    private func complete(_ event: StreamParser.Event, from begin: Int) throws(FramewireError) -> Message {
        var result = Message(
            kind: .bye, offset: parser.messageOffset, headerSize: parsed - begin, payloadSize: 0,
            bytes: UnsafeRawBufferPointer(start: nil, count: 0))
        switch event {
        case .hello: result.kind = .hello
        case .acknowledgement: result.kind = .acknowledgement
        case .keyFrameRequest: result.kind = .keyFrameRequest
        case .bye, .needMore: result.kind = .bye
        case .frame(let header):
            result.kind = .frame
            result.payloadSize = header.payloadSize
            result.info = header.info
            result.profile = Profile(rawValue: header.profile)
            result.stripCount = Int(header.stripCount)
            result.rawSize = header.rawSize
            result.checksum = header.contentChecksum
        }
        let end = parsed + result.payloadSize
        while held < end {
            reserve(end)
            guard try fill() else {
                parser.payloadConsumed(held - parsed)
                do {
                    try parser.finish()
                } catch {
                    throw FramewireError(error)
                }
                throw FramewireError(.closed, "the reader was interrupted")
            }
        }
        parser.payloadConsumed(result.payloadSize)
        parsed = end
        taken = end
        result.bytes = UnsafeRawBufferPointer(rebasing: message[begin..<end])
        return result
    }

    /// Moves what was read beyond the last message to the front.
    private func forgetTaken() {
        guard taken > 0 else { return }
        message.baseAddress!.copyMemory(from: message.baseAddress! + taken, byteCount: held - taken)
        held -= taken
        parsed -= taken
        taken = 0
    }

    private func reserve(_ count: Int) {
        guard count > message.count else { return }
        let grown = UnsafeMutableRawBufferPointer.allocate(byteCount: count + Self.chunk, alignment: 64)
        grown.baseAddress!.copyMemory(from: message.baseAddress!, byteCount: held)
        message.deallocate()
        message = grown
    }

    /// Reads what there is, waiting for some.
    ///
    /// - Returns: `false` at the end of the stream or when interrupted.
    private func fill() throws(FramewireError) -> Bool {
        reserve(held + Self.chunk)
        do {
            while true {
                if wake.isSignalled { return false }
                guard let connection else {
                    connection = try link.next(until: nil)
                    continue
                }
                let count = try connection.read(UnsafeMutableRawBufferPointer(rebasing: message[held...]))
                if count > 0 {
                    held += count
                    return true
                }
                if count == 0 { return false }
                var set = PollSet()
                set.add(wake.descriptor, .readable)
                set.add(connection.descriptor, .readable)
                _ = try set.wait(until: -1)
            }
        } catch {
            throw FramewireError(error)
        }
    }
}
