import CPosix

/// Finds the next message in a recording that is damaged.
///
/// Pixels that happen to hold a whole message, checksum included, are taken for one; only the frame's own
/// reader can tell.
package enum MessageSearch {
    /// What was found.
    package enum Result: Sendable, Equatable {
        /// A message with a good header begins at this index.
        case message(at: Int)
        /// None; what begins at this index (at most a header's length from the end) may become one with more
        /// bytes.
        case needMore(from: Int)
    }

    /// The first message at or behind `start` of `bytes`. Headers of any kind and of later, longer layouts
    /// count; what is in them is for ``StreamParser`` to judge.
    package static func next(in bytes: UnsafeRawBufferPointer, from start: Int = 0) -> Result {
        guard let base = bytes.baseAddress else { return .needMore(from: 0) }
        var index = max(start, 0)
        while index < bytes.count {
            // Nearly every byte is decided by the first one of the magic number.
            let first = Int32(WireFormat.messageMagic & 0xFF)
            guard let found = memchr(base + index, first, bytes.count - index) else { break }
            index = UnsafeRawPointer(found) - base
            switch judge(UnsafeRawBufferPointer(rebasing: bytes[index...])) {
            case .message: return .message(at: index)
            case .tooShort: return .needMore(from: index)
            case .other: index += 1
            }
        }
        return .needMore(from: bytes.count)
    }

    private enum Judgement {
        case message
        case tooShort
        case other
    }

    private static func judge(_ bytes: UnsafeRawBufferPointer) -> Judgement {
        guard isPrefix(bytes, of: WireFormat.messageMagic, at: 0) else { return .other }
        guard bytes.count >= 8 else { return .tooShort }
        let size = Int(bytes.integer(at: 4, as: UInt32.self))
        guard size >= WireFormat.minimumHeaderSize, isPrefix(bytes, of: WireFormat.headerMagic, at: 8) else {
            return .other
        }
        guard bytes.count >= 16 else { return .tooShort }
        let headerSize = Int(bytes.integer(at: 14, as: UInt16.self))
        guard bytes[12] == WireFormat.version, headerSize >= WireFormat.minimumHeaderSize, headerSize <= size,
            headerSize <= WireFormat.maximumHeaderSize
        else { return .other }
        guard bytes.count >= 8 + headerSize else { return .tooShort }
        let header = bytes.slice(8, headerSize)
        let stored: UInt32 = header.integer(at: headerSize - 4)
        return stored == checksum(of: header.slice(0, headerSize - 4)) ? .message : .other
    }

    /// Whether the bytes at `offset`, as far as there are any, are those of `magic`.
    private static func isPrefix(_ bytes: UnsafeRawBufferPointer, of magic: UInt32, at offset: Int) -> Bool {
        for index in 0..<4 where offset + index < bytes.count {
            guard bytes[offset + index] == UInt8(truncatingIfNeeded: magic >> UInt32(8 * index)) else {
                return false
            }
        }
        return true
    }
}
