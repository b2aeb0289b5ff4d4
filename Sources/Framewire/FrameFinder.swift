import Buffers
import Wire

/// Finds the frames of a recording by their headers, without the pixels between them. One thread at a time.
public final class FrameFinder {
    /// A frame of a recording.
    public struct Place: Sendable {
        /// Of the first byte of its message, from the beginning of the recording.
        public let offset: UInt64
        /// As the sender described it; with the flag `key` it can be decoded without any other.
        public let info: FrameInfo
    }

    private let parser: StreamParser

    /// - Parameter limits: of what is believed.
    public init(limits: Limits = Limits()) {
        parser = StreamParser(limits: limits)
    }

    /// Where the bytes are that are wanted next, from the beginning of the recording.
    public var offset: UInt64 { parser.offset }

    /// Takes bytes that begin at ``offset``; a few hundred are enough for most headers.
    ///
    /// - Returns: a frame; nil when none begins in these bytes.
    /// - Throws: ``FramewireError``: as ``FrameMessageDecoder/feed(_:)``; each further call gives the same.
    public func feed(_ bytes: UnsafeRawBufferPointer) throws(FramewireError) -> Place? {
        var taken = 0
        while taken < bytes.count {
            var used = 0
            let event: StreamParser.Event
            do {
                event = try parser.feed(UnsafeRawBufferPointer(rebasing: bytes[taken...]), used: &used)
            } catch {
                throw FramewireError(error)
            }
            taken += used
            guard case .frame(let header) = event else { continue }
            var info = header.info
            if header.referenceSequence == nil { info.flags.insert(.key) }
            parser.payloadConsumed(parser.payloadRemaining)
            return Place(offset: parser.messageOffset, info: info)
        }
        return nil
    }
}
