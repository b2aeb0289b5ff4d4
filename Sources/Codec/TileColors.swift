import CVectors

/// Which colours of a packed tile are taken as differences from green. Mostly both red and blue follow it; where light is
/// coloured, one of them or neither does. The raw values are bits of the tile modes of the wire format.
struct TileColors: Equatable {
    let rawValue: UInt8

    /// Red, or blue where that comes first, as it is; the third component as it is.
    private static let first: UInt8 = 1 << 4
    private static let third: UInt8 = 1 << 5

    private static let both = first | third

    /// Both are differences.
    static let differences = TileColors(rawValue: 0)

    init(rawValue: UInt8) { self.rawValue = rawValue }

    /// The colours that a tile's mode tells of.
    init(mode: UInt8) { rawValue = mode & Self.both }

    /// What is a difference is none, and the other way round.
    var opposite: TileColors { TileColors(rawValue: rawValue ^ Self.both) }

    /// The better ones, field by field.
    ///
    /// - Parameters:
    ///   - bits: of the fields with these colours.
    ///   - oppositeBits: of the fields with the opposite ones.
    func better(bits: Words, oppositeBits: Words) -> TileColors {
        let first = oppositeBits[0] < bits[0] ? Self.first : 0
        let third = oppositeBits[2] < bits[2] ? Self.third : 0
        return TileColors(rawValue: rawValue ^ (first | third))
    }

    /// All ones in the bytes of a lane that green is subtracted from.
    @inline(__always)
    var mask: Bytes {
        let first: UInt32 = rawValue & Self.first == 0 ? 0xff : 0
        let third: UInt32 = rawValue & Self.third == 0 ? 0xff_0000 : 0
        return bytes(Words(repeating: first | third))
    }
}

/// The colours of the tile that was looked at last, and how long they have been the better ones.
struct ColorHabit {
    private(set) var colors = TileColors.differences
    private var kept = 0

    /// Whether they need not be looked at for every tile.
    var isSettled: Bool { kept >= 4 }

    /// A tile's colours were found.
    mutating func take(_ better: TileColors) {
        kept = better == colors ? kept &+ 1 : 0
        colors = better
    }
}
