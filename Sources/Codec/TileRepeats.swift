import CPosix

/// An estimate of what LZ4 would make of a tile whose pixels equal none of their neighbours, and still repeat: tiled
/// pictures, hatching, dithered areas, few colours.
///
/// It parses a row of the tile as LZ4 does, with a small table of what came before in the strip. Where nothing repeats,
/// only every eighth tile is parsed.
struct TileRepeats {
    private static let tableBits: UInt64 = 10
    /// Bytes of the table that a strip needs.
    static let tableSize = 4 << Int(tableBits)
    /// What LZ4 spends on a match, and on a lane that matches nothing.
    private static let bitsOfMatch = 28
    private static let bitsOfLiteral = 33

    private let base: UnsafeRawPointer
    /// For each hash where those eight bytes were seen, as bytes from the base.
    private let table: UnsafeMutablePointer<Int32>
    private var isRepetitive = true
    /// Strips that have not changed never need the table, and clearing it takes a while.
    private var isCleared = false

    /// - Parameters:
    ///   - base: any place in the strip.
    ///   - table: ``tableSize`` bytes.
    init(_ base: UnsafeRawPointer, table: UnsafeMutableRawPointer) {
        self.base = base
        self.table = table.assumingMemoryBound(to: Int32.self)
    }

    /// Whether ``bits(_:_:samples:isWanted:)`` would look at the tile.
    func looksAt(_ tile: Int, _ tileRow: Int) -> Bool { isRepetitive || (tile ^ tileRow) & 7 == 0 }

    /// Bits of LZ4 for `samples` lanes of the tile, or nil when it has not been looked at.
    ///
    /// - Parameter isWanted: whether the answer could change anything; else the tile is only remembered.
    @_optimize(speed)
    mutating func bits(_ tile: TileStage.Source, _ tileRow: Int, samples: Int, isWanted: Bool) -> Int? {
        // Matches are followed to the end of the tile's width, so there must be a row behind in memory, whatever the
        // order of rows.
        guard tile.rows >= 3, tile.rowBytes >= 2 &* TileFormat.rowBytes, tile.count >= 64 else { return nil }
        let row = tile.base + (tile.rows / 2 &* tile.pitch &+ tile.offset)
        // The table holds 32 bits; rows may be gigabytes apart.
        guard (row - base).magnitude < 0x7e00_0000 else { return nil }
        if !isCleared {
            memset(table, 0x80, Self.tableSize)
            isCleared = true
        }
        guard isWanted, looksAt(tile.tile, tileRow) else {
            for offset in stride(from: 0, to: tile.count &- 8, by: 32) { _ = lookUp(row + offset) }
            return nil
        }
        let step = tile.format.isExpanded ? 3 : 4
        var found = 0
        var offset = 0
        while offset <= tile.count &- 8 {
            let place = row + offset
            guard let earlier = lookUp(place) else {
                found &+= Self.bitsOfLiteral
                offset &+= step
                continue
            }
            var length = 8
            while offset &+ length <= tile.count &- 8,
                (place + length).loadUnaligned(as: UInt64.self)
                    == (earlier + length).loadUnaligned(as: UInt64.self)
            { length &+= 8 }
            found &+= Self.bitsOfMatch
            offset &+= length
        }
        let lanes = tile.count / step
        isRepetitive = found < lanes &* Self.bitsOfLiteral / 2
        return found &* samples / lanes
    }

    /// Where the same eight bytes were seen before; from now on, they are seen here.
    @inline(__always)
    private func lookUp(_ place: UnsafeRawPointer) -> UnsafeRawPointer? {
        let value = place.loadUnaligned(as: UInt64.self)
        let hash = Int(truncatingIfNeeded: (value &* 0x9e37_79b9_7f4a_7c15) &>> (64 &- Self.tableBits))
        let earlier = table[hash]
        table[hash] = Int32(truncatingIfNeeded: place - base)
        // Nothing is 2³¹ − 2²³ bytes before the base: the table's first content.
        guard earlier > -0x7f00_0000 else { return nil }
        let candidate = base + Int(earlier)
        return candidate.loadUnaligned(as: UInt64.self) == value ? candidate : nil
    }
}
