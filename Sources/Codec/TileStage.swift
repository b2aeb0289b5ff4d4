import CPosix

/// A tile brought into rows of lanes, with what its predictors look at: for tiles at the edges of a picture, and for
/// pixels that have no lanes of their own.
///
/// Rows are ``pitch`` apart; before each lie 16 bytes, of which the last pixel is the one to the left.
struct TileStage {
    static let pitch = 16 + TileFormat.rowBytes
    /// A row above and the 16 rows of a tile.
    static let size = pitch * (1 + TileFormat.rows)

    let base: UnsafeMutableRawPointer

    /// The first pixel of the tile.
    var pixels: UnsafeMutableRawPointer { base + Self.pitch + 16 }
    /// The first pixel of the row above.
    var above: UnsafeMutableRawPointer { base + 16 }

    /// A tile's rows where they lie in a strip, without lanes.
    struct Source {
        let format: TileFormat
        /// The first row of the tile's row of tiles, at the left edge of the picture.
        let base: UnsafeRawPointer
        let pitch: Int
        /// Bytes of a row of the picture.
        let rowBytes: Int
        /// The tile's place in its row.
        let tile: Int
        /// The rows that the tile has, 1 to 16.
        let rows: Int
        /// Whether there is no row above.
        let isTop: Bool

        var offset: Int { tile &* format.tileBytes }
        /// Bytes of this tile's rows without lanes.
        var count: Int { min(format.tileBytes, rowBytes &- offset) }
        /// The rows that blocks cover.
        var blockRows: Int { (rows &+ 3) / 4 }
    }

    /// Brings the tile's rows here, and what is around them.
    @_optimize(speed)
    func load(_ source: Source) {
        for row in 0..<source.rows {
            loadRow(source, row, to: pixels + row &* Self.pitch)
        }
        // Rows that fill the last blocks repeat the last one: that costs nothing to code.
        for row in source.rows..<source.blockRows &* 4 {
            let to = pixels + row &* Self.pitch
            memcpy(to, to - Self.pitch, TileFormat.rowBytes)
        }
        loadSurroundings(source)
    }

    /// Brings the row above and the pixels to the left here.
    @_optimize(speed)
    func loadSurroundings(_ source: Source) {
        if source.isTop {
            memset(base, 0, Self.pitch)
        } else {
            loadRow(source, -1, to: above)
            if source.tile > 0 { loadLeftPixel(source, -1) }
        }
        if source.tile > 0 {
            for row in 0..<source.rows { loadLeftPixel(source, row) }
            for row in source.rows..<source.blockRows &* 4 {
                let to = pixels + row &* Self.pitch - 16
                memcpy(to, to - Self.pitch, 16)
            }
            return
        }
        // At the left edge the pixel above each row of blocks stands for those to the left.
        if !source.isTop { memcpy(above - 16, pixel(source, -1), 16) }
        for row in 0..<source.blockRows &* 4 {
            let to = pixels + row &* Self.pitch - 16
            memcpy(to, row & 3 == 0 ? pixel(source, row &- 1) : UnsafeRawPointer(to - Self.pitch), 16)
        }
    }

    /// The first pixel of a row that is here, in every place of 16 bytes that are valid until the next call.
    @_optimize(speed)
    private func pixel(_ source: Source, _ row: Int) -> UnsafeRawPointer {
        let room = base + Self.size
        if row < 0, source.isTop {
            memset(room, 0, 16)
            return UnsafeRawPointer(room)
        }
        let from = pixels + row &* Self.pitch
        let step = source.format.step
        for index in 0..<16 / step { memcpy(room + index &* step, from, step) }
        return UnsafeRawPointer(room)
    }

    /// Bytes that ``TileStage`` needs at its base: its rows and room for one vector.
    static let reservedSize = size + 16

    @_optimize(speed)
    private func loadLeftPixel(_ source: Source, _ row: Int) {
        let to = pixels + row &* Self.pitch
        let from = source.base + (row &* source.pitch &+ source.offset)
        if source.format.isExpanded {
            memcpy(to - 4, from - 3, 3)
            (to - 1).storeBytes(of: 0, as: UInt8.self)
        } else {
            memcpy(to - source.format.step, from - source.format.step, source.format.step)
        }
    }

    @_optimize(speed)
    private func loadRow(_ source: Source, _ row: Int, to: UnsafeMutableRawPointer) {
        let from = source.base + (row &* source.pitch &+ source.offset)
        var filled: Int
        if source.format.isExpanded {
            let pixels = source.count / 3
            Self.expand(from, pixels, to: to)
            filled = 4 &* pixels
        } else {
            filled = source.count
            memcpy(to, from, filled)
        }
        // Lanes behind the picture repeat its last pixel.
        let step = source.format.step
        while filled < TileFormat.rowBytes {
            (to + filled).storeBytes(of: (to + filled - step).load(as: UInt8.self), as: UInt8.self)
            filled &+= 1
        }
    }

    /// Puts the tile's pixels to where they belong in the picture.
    @_optimize(speed)
    func store(_ source: Source, to base: UnsafeMutableRawPointer) {
        for row in 0..<source.rows {
            let from = pixels + row &* Self.pitch
            let to = base + (row &* source.pitch &+ source.offset)
            if source.format.isExpanded {
                Self.contract(UnsafeRawPointer(from), source.count / 3, to: to)
            } else {
                memcpy(to, from, source.count)
            }
        }
    }

    /// Gives pixels of three bytes a fourth one, zero.
    @_optimize(speed)
    private static func expand(_ from: UnsafeRawPointer, _ count: Int, to: UnsafeMutableRawPointer) {
        var index = 0
        // Each read takes a byte of the next pixel, so the last ones are left to the loop below.
        while index &+ 4 < count {
            let pixel = from + 3 &* index
            let four = Words(
                pixel.loadUnaligned(as: UInt32.self), (pixel + 3).loadUnaligned(as: UInt32.self),
                (pixel + 6).loadUnaligned(as: UInt32.self), (pixel + 9).loadUnaligned(as: UInt32.self))
            to.store(bytes(four & 0xff_ffff), at: 4 &* index)
            index &+= 4
        }
        while index < count {
            let pixel = from + 3 &* index
            let low = UInt32(pixel.loadUnaligned(as: UInt16.self))
            let high = UInt32(pixel.load(fromByteOffset: 2, as: UInt8.self))
            to.storeBytes(of: low | high &<< 16, toByteOffset: 4 &* index, as: UInt32.self)
            index &+= 1
        }
    }

    /// Takes the fourth byte of pixels away.
    @_optimize(speed)
    private static func contract(_ from: UnsafeRawPointer, _ count: Int, to: UnsafeMutableRawPointer) {
        var index = 0
        // Each write reaches two bytes into the next pixel.
        while index &+ 2 < count {
            let two = (from + 4 &* index).loadUnaligned(as: UInt64.self)
            let packed = (two & 0xff_ffff) | ((two &>> 8) & 0xffff_ff00_0000)
            to.storeBytes(of: packed, toByteOffset: 3 &* index, as: UInt64.self)
            index &+= 2
        }
        while index < count {
            let pixel = (from + 4 &* index).load(as: UInt32.self)
            to.storeBytes(of: UInt16(truncatingIfNeeded: pixel), toByteOffset: 3 &* index, as: UInt16.self)
            to.storeBytes(
                of: UInt8(truncatingIfNeeded: pixel &>> 16), toByteOffset: 3 &* index &+ 2, as: UInt8.self)
            index &+= 1
        }
    }
}
