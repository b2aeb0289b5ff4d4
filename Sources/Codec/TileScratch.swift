import CPosix

/// What coding and decoding a tile both need, in parts of one block of memory that belongs to a worker.
struct TileScratch {
    /// A tile's vectors, block after block, and the widths and masks of its blocks.
    let folded: UnsafeMutablePointer<Bytes>
    let widths: UnsafeMutablePointer<Words>
    let masks: UnsafeMutablePointer<Words>
    let stage: TileStage
    let referenceStage: TileStage
    /// A row of zeros, with 16 bytes before it.
    let zeros: UnsafeMutableRawPointer

    private static let foldedSize = TileFormat.rows * TileFormat.rowBytes
    private static let widthsSize = TileWidths.vectors * 16
    private static let zerosSize = 64 + TileFormat.rowBytes + 64

    static var size: Int {
        foldedSize &+ 2 &* widthsSize &+ 2 &* align(TileStage.reservedSize) &+ zerosSize
    }

    /// Sizes of parts are rounded up, so that each begins at a multiple of 64.
    static func align(_ size: Int) -> Int { (size &+ 63) & ~63 }

    /// The next `size` bytes of a block.
    static func take(_ size: Int, from next: inout UnsafeMutableRawPointer) -> UnsafeMutableRawPointer {
        defer { next += align(size) }
        return next
    }

    /// - Parameter next: a multiple of 64 with ``size`` bytes; set to the place behind them.
    init(_ next: inout UnsafeMutableRawPointer) {
        folded = Self.take(Self.foldedSize, from: &next).assumingMemoryBound(to: Bytes.self)
        widths = Self.take(Self.widthsSize, from: &next).assumingMemoryBound(to: Words.self)
        masks = Self.take(Self.widthsSize, from: &next).assumingMemoryBound(to: Words.self)
        stage = TileStage(base: Self.take(TileStage.reservedSize, from: &next))
        referenceStage = TileStage(base: Self.take(TileStage.reservedSize, from: &next))
        let row = Self.take(Self.zerosSize, from: &next)
        memset(row, 0, Self.zerosSize)
        zeros = row + 64
    }
}
