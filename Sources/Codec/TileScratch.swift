import CPosix

/// What coding and decoding a tile both need, in parts of one block of memory that belongs to a worker.
struct TileScratch {
    let residuals: TileResiduals
    let stage: TileStage
    let referenceStage: TileStage
    /// A row of zeros, with 16 bytes before it.
    let zeros: UnsafeMutableRawPointer

    private static let zerosSize = 64 + TileFormat.rowBytes + 64

    static var size: Int {
        TileResiduals.size &+ 2 &* align(TileStage.reservedSize) &+ zerosSize
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
        residuals = TileResiduals(&next)
        stage = TileStage(base: Self.take(TileStage.reservedSize, from: &next))
        referenceStage = TileStage(base: Self.take(TileStage.reservedSize, from: &next))
        let row = Self.take(Self.zerosSize, from: &next)
        memset(row, 0, Self.zerosSize)
        zeros = row + 64
    }
}
