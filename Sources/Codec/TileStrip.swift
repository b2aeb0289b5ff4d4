import Buffers

/// What the tile codec's encoder and decoder know of a strip, and how large its parts can become. See
/// docs/tile-format.md.
struct TileStrip {
    let format: TileFormat
    /// Bytes of a row of the picture.
    let rowBytes: Int
    let rows: Int

    init(_ strip: StripPlan.Strip, _ layout: FrameLayout) {
        format = TileFormat(layout.format, plane: strip.plane)
        rowBytes = strip.rowBytes
        rows = strip.rows
    }

    /// A strip that no other one of `plan` needs more memory than.
    init(largestOf plan: StripPlan) {
        format = TileFormat(plan.layout.format, plane: 0)
        rows = plan[0].rows
        // Interleaved chroma of an odd width has longer rows than luma.
        var rowBytes = 0
        for index in 0..<plan.layout.planeCount {
            rowBytes = max(rowBytes, plan.layout[plane: index].rowBytes)
        }
        self.rowBytes = rowBytes
    }

    var byteCount: Int { rows &* rowBytes }
    var tilesAcross: Int {
        (format.laneBytes(ofRow: rowBytes) &+ TileFormat.rowBytes &- 1) / TileFormat.rowBytes
    }
    var tileRows: Int { (rows &+ TileFormat.rows &- 1) / TileFormat.rows }
    var tiles: Int { tilesAcross &* tileRows }

    /// Size and flags of the packed blocks, size of the LZ4 block, size of the side information.
    static let headerSize = 12
    /// The strip's bytes as they are follow a header of four bytes.
    static let storedHeaderSize = 4

    /// What a strip is made of, in the highest bits of its first number.
    enum Flags {
        /// In profile huffman: the side information is a coded stream.
        static let sideIsCoded: UInt32 = 1 << 25
        /// In profile huffman: the packed blocks are coded streams.
        static let packedIsCoded: UInt32 = 1 << 26
        /// The LZ4 block is compressed once more: its own size, then an LZ4 block that holds it.
        static let blockIsTwice: UInt32 = 1 << 27
        static let sideInBlock: UInt32 = 1 << 28
        static let packedInBlock: UInt32 = 1 << 29
        /// The LZ4 block is not compressed.
        static let blockIsStored: UInt32 = 1 << 30
        /// The strip is its own bytes, and nothing else follows.
        static let stored: UInt32 = 1 << 31
        static let sizeMask: UInt32 = (1 << 25) - 1
    }

    /// Modes of tiles that are not packed; the others are those of ``TilePredictor``.
    enum Mode {
        static let skip: UInt8 = 0
        /// The tile's rows are in the LZ4 block.
        static let rows: UInt8 = 1
        /// Their exclusive or with the reference is.
        static let rowsXorReference: UInt8 = 2
        /// The tile is somewhere else in the reference; the side information says where.
        static let moved: UInt8 = 7
        /// Added to a predictor: it is right everywhere, so nothing else is written.
        static let exact: UInt8 = 8
    }

    /// The most bytes of packed blocks, and of side information, while a strip is coded.
    var largestPacked: Int { tiles &* (TileFormat.rows &* TileFormat.rowBytes) }
    var largestSide: Int { tiles &* (1 &+ max(TileWidths.largestSize, TileVector.size)) }
    /// The most bytes of an LZ4 block. A strip whose packed blocks or whose side information have more bytes than
    /// its pixels is stored.
    var largestBlock: Int { 3 &* byteCount }
    /// The most bytes that an LZ4 block takes which is compressed once more.
    var largestInner: Int { byteCount / 16 &+ 64 }
}

extension TileStrip {
    /// The exclusive or of `count` bytes of both.
    @inline(never)
    @_optimize(speed)
    static func xor(
        _ a: UnsafeRawPointer, _ b: UnsafeRawPointer, _ count: Int, to out: UnsafeMutableRawPointer
    ) {
        var index = 0
        while index &+ 16 <= count {
            out.store(a.vector(at: index) ^ b.vector(at: index), at: index)
            index &+= 16
        }
        while index < count {
            let byte = (a + index).load(as: UInt8.self) ^ (b + index).load(as: UInt8.self)
            (out + index).storeBytes(of: byte, as: UInt8.self)
            index &+= 1
        }
    }
}

/// The parts of a payload of the tile codec that belong to no strip: a skippable LZ4 frame's header, so that other
/// readers pass over it, and the size of each strip.
enum TilePayload {
    private static let magic: UInt32 = 0x184D_2A5E
    private static let headerSize = 8

    static func tableSize(strips: Int) -> Int { headerSize &+ 4 &* strips }

    /// The most bytes of a payload: all strips are stored.
    static func largestSize(of plan: StripPlan) -> Int {
        tableSize(strips: plan.count) &+ plan.layout.packedSize &+ plan.count &* TileStrip.storedHeaderSize
    }

    static func writeHeader(to out: UnsafeMutableRawPointer, payloadSize: Int) {
        out.storeBytes(of: magic.littleEndian, as: UInt32.self)
        out.storeBytes(of: UInt32(payloadSize &- headerSize).littleEndian, toByteOffset: 4, as: UInt32.self)
    }

    /// Whether a payload begins as one of `payloadSize` bytes does.
    static func hasHeader(_ bytes: UnsafeRawPointer, payloadSize: Int) -> Bool {
        UInt32(littleEndian: bytes.loadUnaligned(as: UInt32.self)) == magic
            && Int(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 4, as: UInt32.self)))
                == payloadSize &- headerSize
    }

    static func setSize(_ size: Int, ofStrip index: Int, in table: UnsafeMutableRawPointer) {
        let entry = UInt32(truncatingIfNeeded: size).littleEndian
        table.storeBytes(of: entry, toByteOffset: headerSize &+ 4 &* index, as: UInt32.self)
    }

    static func size(ofStrip index: Int, in table: UnsafeRawPointer) -> Int {
        Int(
            UInt32(
                littleEndian: table.loadUnaligned(fromByteOffset: headerSize &+ 4 &* index, as: UInt32.self)))
    }
}
