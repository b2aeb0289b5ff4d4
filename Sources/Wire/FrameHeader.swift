import Buffers

/// How the pixels of a frame are coded, as the header says it.
package enum WireProfile {
    /// An LZ4 frame of stored blocks.
    package static let raw: UInt8 = 1
    /// An LZ4 frame.
    package static let lz4: UInt8 = 2
    /// A skippable frame with strips of the tile codec.
    package static let tile: UInt8 = 3
    /// The same, with Huffman codes for what is packed.
    package static let huffman: UInt8 = 4

    /// All of them as a bit set, as a hello has it.
    package static let all: UInt32 =
        1 << UInt32(raw) | 1 << UInt32(lz4) | 1 << UInt32(tile) | 1 << UInt32(huffman)

    /// Whether frames may refer to the one before, and strips be larger than an LZ4 block.
    static func usesTiles(_ profile: UInt8) -> Bool { profile == tile || profile == huffman }
}

/// The header of a message of kind ``MessageKind/frame``: all that a reader must know before the payload.
package struct FrameHeader: Sendable, Equatable {
    /// The picture. The row order is that of the source: on the wire rows always run from top to bottom and
    /// without padding, and the stride of a header that was read is 0.
    package var info: FrameInfo
    /// A value of ``WireProfile``.
    package var profile: UInt8
    /// Rows in each strip but the last of a plane.
    package var stripRows: UInt32
    /// Strips of all planes together; see ``stripCount(_:stripRows:)``.
    package var stripCount: UInt32
    /// Bytes of the packed picture.
    package var rawSize: Int
    /// Bytes that follow the header and its metadata.
    package var payloadSize: Int
    /// The earlier frame of the same stream and view that this one is coded against; none in a key frame.
    package var referenceSequence: UInt64?
    /// XXH3-64 of the packed picture.
    package var contentChecksum: UInt64?
    /// Whether the sender asks for an ``Acknowledgement``.
    package var wantsAcknowledgement: Bool
    /// Whether no frame of this stream follows.
    package var endOfStream: Bool
    /// When the frame was handed to the sender, in nanoseconds of the sender's own monotonic clock.
    package var captureTime: Int64?
    /// From then until encoding began, in nanoseconds.
    package var queueDuration: Int64?
    /// Encoding, in nanoseconds.
    package var encodeDuration: Int64?
    /// From capture to delivery of the newest frame that was acknowledged, in nanoseconds.
    package var latency: Int64?
    /// Bytes of metadata; set by the reader.
    package var metadataSize: Int

    package init(
        info: FrameInfo, profile: UInt8, stripRows: UInt32, stripCount: UInt32, rawSize: Int,
        payloadSize: Int,
        referenceSequence: UInt64? = nil, contentChecksum: UInt64? = nil, wantsAcknowledgement: Bool = false,
        endOfStream: Bool = false, captureTime: Int64? = nil, queueDuration: Int64? = nil,
        encodeDuration: Int64? = nil, latency: Int64? = nil, metadataSize: Int = 0
    ) {
        self.info = info
        self.profile = profile
        self.stripRows = stripRows
        self.stripCount = stripCount
        self.rawSize = rawSize
        self.payloadSize = payloadSize
        self.referenceSequence = referenceSequence
        self.contentChecksum = contentChecksum
        self.wantsAcknowledgement = wantsAcknowledgement
        self.endOfStream = endOfStream
        self.captureTime = captureTime
        self.queueDuration = queueDuration
        self.encodeDuration = encodeDuration
        self.latency = latency
        self.metadataSize = metadataSize
    }

    /// The number of strips when every plane is cut into strips of `stripRows` rows, 1 or more.
    package static func stripCount(_ layout: FrameLayout, stripRows: Int) -> Int {
        var count = 0
        for index in 0..<layout.planeCount {
            count += (layout[plane: index].rows + stripRows - 1) / stripRows
        }
        return count
    }

    /// Bytes of the largest block that the LZ4 Frame Format knows.
    static let maximumStripBytes = 4 << 20

    /// Bytes of an LZ4 frame around `stripCount` blocks: frame header with content size, block sizes, end
    /// mark.
    static func frameOverhead(stripCount: Int) -> Int {
        15 + 4 * stripCount + 4
    }

    /// The payload sizes that a reader takes for a picture of `rawSize` bytes.
    ///
    /// A raw payload has exactly one size. In profile `lz4` a block that does not get smaller is stored, so
    /// that no payload is larger than a raw one, and each block has at least a byte. For the others the bound is
    /// LZ4's own for incompressible bytes, with room for 8 bytes per strip and 64 per frame.
    static func payloadSizes(profile: UInt8, rawSize: Int, stripCount: Int) -> ClosedRange<Int> {
        let overhead = frameOverhead(stripCount: stripCount)
        switch profile {
        case WireProfile.raw: return overhead + rawSize...overhead + rawSize
        case WireProfile.lz4: return overhead + min(stripCount, rawSize)...overhead + rawSize
        default:
            return WireFormat.skippableHeaderSize...rawSize + rawSize / 255 + 16 + 8 * stripCount + 64
        }
    }
}
