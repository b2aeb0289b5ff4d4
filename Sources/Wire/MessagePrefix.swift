import CXXHash

/// What a message is about.
package enum MessageKind: UInt8, Sendable, Equatable {
    /// One picture: the only kind with a payload.
    case frame = 1
    /// What the writer of this message understands.
    case hello = 2
    /// A frame was delivered.
    case acknowledgement = 3
    /// The receiver lacks a reference and waits for a frame that needs none.
    case keyFrameRequest = 4
    /// The writer sends nothing more.
    case bye = 5
    /// How the receiver wants frames to come.
    case flow = 6
    /// Something that the program of the receiver tells the sender's.
    case userMessage = 7
    /// A question whether the other side is still there, or the answer.
    case ping = 8

    /// Bytes of the shortest header of this kind, which is what version 1 writes.
    var headerSize: Int {
        switch self {
        case .frame: 148
        case .hello: 80
        case .acknowledgement: 68
        case .keyFrameRequest: 52
        case .bye: 56
        case .flow: 68
        case .userMessage: 56
        case .ping: 64
        }
    }
}

/// Numbers of the wire format that every message shares.
package enum WireFormat {
    /// The version that this library reads and writes.
    package static let version: UInt8 = 1
    /// The magic number of the skippable LZ4 frame that holds a header and its metadata.
    package static let messageMagic: UInt32 = 0x184D_2A5F
    /// The first of the sixteen magic numbers of skippable frames; `messageMagic` is the last.
    static let firstSkippableMagic: UInt32 = 0x184D_2A50
    /// The first bytes of a header: `FWIR`.
    static let headerMagic: UInt32 = 0x5249_5746
    /// Bytes of a skippable frame before its content: magic and size.
    package static let skippableHeaderSize = 8
    /// Bytes of a header that mean the same in every kind.
    static let prefixSize = 48
    /// Bytes of the shortest header: the prefix and the checksum.
    static let minimumHeaderSize = 52
    /// Bytes of the longest header that a reader takes. Version 1 writes at most 148.
    package static let maximumHeaderSize = 4096
    /// The bits of `flags` that a reader must know; the others may be ignored.
    static let criticalFlags: UInt32 = 0xFFFF_0000
    /// "No time given."
    static let noTime = Int64.min
}

/// The fields that begin every header.
struct MessagePrefix {
    /// A raw ``MessageKind``, or a kind of the future.
    var kind: UInt8
    var headerSize: Int
    var flags: UInt32 = 0
    var metadataSize: Int = 0
    var payloadSize: UInt64 = 0
    var sequence: UInt64 = 0
    var streamID: UInt32 = 0
    var viewID: UInt32 = 0
    var metadataChecksum: UInt32 = 0

    init(kind: MessageKind) {
        self.kind = kind.rawValue
        headerSize = kind.headerSize
    }

    /// Takes the prefix from a header of at least ``WireFormat/minimumHeaderSize`` bytes, unchecked.
    init(reading header: UnsafeRawBufferPointer) {
        kind = header[5]
        headerSize = Int(header.integer(at: 6, as: UInt16.self))
        flags = header.integer(at: 8)
        metadataSize = Int(header.integer(at: 12, as: UInt32.self))
        payloadSize = header.integer(at: 16)
        sequence = header.integer(at: 24)
        streamID = header.integer(at: 32)
        viewID = header.integer(at: 36)
        metadataChecksum = header.integer(at: 40)
    }

    /// Writes a message whose kind-specific fields and metadata are in place already: what comes before and
    /// behind them.
    ///
    /// `message` begins with the skippable frame's magic and is as long as the message without its payload.
    func complete(_ message: UnsafeMutableRawBufferPointer) {
        let metadataStart = WireFormat.skippableHeaderSize + headerSize
        let metadata = UnsafeRawBufferPointer(message).slice(metadataStart, metadataSize)
        message.store(WireFormat.messageMagic, at: 0)
        message.store(UInt32(headerSize + metadataSize), at: 4)
        let header = UnsafeMutableRawBufferPointer(rebasing: message[8..<metadataStart])
        header.store(WireFormat.headerMagic, at: 0)
        header[4] = WireFormat.version
        header[5] = kind
        header.store(UInt16(headerSize), at: 6)
        header.store(flags, at: 8)
        header.store(UInt32(metadataSize), at: 12)
        header.store(payloadSize, at: 16)
        header.store(sequence, at: 24)
        header.store(streamID, at: 32)
        header.store(viewID, at: 36)
        header.store(checksum(of: metadata), at: 40)
        header.store(UInt32(0), at: 44)
        header.store(
            checksum(of: UnsafeRawBufferPointer(header).slice(0, headerSize - 4)), at: headerSize - 4)
    }
}

/// XXH32 with seed 0, also of no bytes at all.
func checksum(of bytes: UnsafeRawBufferPointer) -> UInt32 {
    fwx_xxh32(bytes.baseAddress, bytes.count, 0)
}
