import Buffers
import CPosix

/// How far the content of a tile has moved since the reference: the tile is what the reference has `x` pixels to the
/// right and `y` rows below.
struct TileVector: Equatable {
    /// Bytes that a vector takes: two 16-bit numbers.
    static let size = 4

    var x: Int
    var y: Int

    init(x: Int, y: Int) {
        self.x = x
        self.y = y
    }

    init(from bytes: UnsafeRawPointer) {
        x = Int(Int16(littleEndian: bytes.loadUnaligned(as: Int16.self)))
        y = Int(Int16(littleEndian: bytes.loadUnaligned(fromByteOffset: 2, as: Int16.self)))
    }

    func write(to out: UnsafeMutableRawPointer) {
        out.storeBytes(of: Int16(truncatingIfNeeded: x).littleEndian, as: Int16.self)
        out.storeBytes(of: Int16(truncatingIfNeeded: y).littleEndian, toByteOffset: 2, as: Int16.self)
    }
}

/// A whole plane of a reference.
struct TilePlane {
    let base: UnsafeRawPointer
    let pitch: Int
    let rowBytes: Int
    let rows: Int
    let pixelBytes: Int

    /// Where `count` bytes of `rows` rows lie whose place is `vector` away from `offset` bytes into row `row`.
    ///
    /// - Returns: nil when some of them lie outside of the plane.
    func place(_ vector: TileVector, row: Int, offset: Int, count: Int, rows: Int) -> UnsafeRawPointer? {
        let top = row &+ vector.y
        let left = offset &+ vector.x &* pixelBytes
        guard top >= 0, top <= self.rows &- rows, left >= 0, left <= rowBytes &- count else { return nil }
        return base + (top &* pitch &+ left)
    }
}

/// The search for scrolled text and moved windows, in one strip.
struct TileMotion {
    /// The reference.
    let plane: TilePlane
    /// The strip's first row in the plane.
    let firstRow: Int
    /// The vectors that were right last.
    private var latest: TileVector?
    private var second: TileVector?
    /// Each search reads a column and a row of the reference, which takes as long as coding many tiles.
    private var searches: Int
    /// The vector of a tile of this strip.
    private(set) var found: TileVector?

    /// How far a vector reaches at most, in pixels and in rows.
    private static let reach = 2048
    private static let probeSize = 16

    /// - Parameters:
    ///   - seed: a vector that was right in the frame before.
    ///   - searches: how many may be made.
    init(_ plane: TilePlane, firstRow: Int, seed: TileVector?, searches: Int) {
        self.plane = plane
        self.firstRow = firstRow
        self.searches = searches
        latest = seed
    }

    /// A vector that was right before and is right for this tile, too.
    mutating func known(_ tile: TileStage.Source, _ tileRow: Int) -> TileVector? {
        if let latest, matches(latest, tile, tileRow) {
            found = latest
            return latest
        }
        guard let vector = second, matches(vector, tile, tileRow) else { return nil }
        return remember(vector)
    }

    /// Looks up, down, left and right for what the tile shows, nearest first.
    @_optimize(speed)
    mutating func search(_ tile: TileStage.Source, _ tileRow: Int) -> TileVector? {
        guard searches > 0, let probe = probe(tile) else { return nil }
        searches -= 1
        let row = firstRow &+ tileRow &* TileFormat.rows &+ probe.row
        let pixels = tile.base + (probe.row &* tile.pitch &+ probe.offset)
        let wanted = (pixels.loadUnaligned(as: UInt64.self), (pixels + 8).loadUnaligned(as: UInt64.self))
        // Chance hits are possible where a pattern repeats.
        var attempts = 8
        for distance in 1..<Self.reach {
            for direction in 0..<4 {
                let step = direction & 1 == 0 ? distance : 0 &- distance
                let vector = direction < 2 ? TileVector(x: 0, y: step) : TileVector(x: step, y: 0)
                guard hits(vector, wanted, row, probe.offset) else { continue }
                if matches(vector, tile, tileRow) { return remember(vector) }
                attempts -= 1
                if attempts == 0 { return nil }
            }
        }
        return nil
    }

    private mutating func remember(_ vector: TileVector) -> TileVector {
        (latest, second, found) = (vector, latest, vector)
        return vector
    }

    private func hits(_ vector: TileVector, _ wanted: (UInt64, UInt64), _ row: Int, _ offset: Int) -> Bool {
        guard
            let place = plane.place(vector, row: row, offset: offset, count: Self.probeSize, rows: 1)
        else { return false }
        return place.loadUnaligned(as: UInt64.self) == wanted.0
            && (place + 8).loadUnaligned(as: UInt64.self) == wanted.1
    }

    @_optimize(speed)
    private func matches(_ vector: TileVector, _ tile: TileStage.Source, _ tileRow: Int) -> Bool {
        let row = firstRow &+ tileRow &* TileFormat.rows
        guard
            let place = plane.place(vector, row: row, offset: tile.offset, count: tile.count, rows: tile.rows)
        else { return false }
        for row in 0..<tile.rows {
            let pixels = tile.base + (row &* tile.pitch &+ tile.offset)
            if memcmp(pixels, place + row &* plane.pitch, tile.count) != 0 { return false }
        }
        return true
    }

    /// 16 bytes of the tile that are not all alike.
    private func probe(_ tile: TileStage.Source) -> (row: Int, offset: Int)? {
        guard tile.count >= 4 &* Self.probeSize else { return nil }
        for row in 0..<tile.rows {
            for quarter in 1..<4 {
                let offset = tile.offset &+ tile.count / 4 &* quarter
                let pixels = tile.base + (row &* tile.pitch &+ offset)
                let first = pixels.loadUnaligned(as: UInt64.self)
                // With a period of four bytes both halves are equal, and a flat stretch of 3-byte pixels is rare.
                if first != (pixels + 8).loadUnaligned(as: UInt64.self) { return (row, offset) }
            }
        }
        return nil
    }
}
