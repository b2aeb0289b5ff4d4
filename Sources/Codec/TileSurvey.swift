import CVectors

/// What a sample of a tile's pixels says about the ways to code it.
struct TileSurvey {
    /// Lanes that were looked at.
    private(set) var samples: Int
    /// Lanes that equal their neighbour.
    private(set) var equalLeft: Int
    private(set) var equalUp: Int
    private(set) var equalPrevious: Int
    /// The widths of all fields of the sampled blocks together.
    private(set) var leftBits: Int
    private(set) var gradientBits: Int
    private(set) var upBits: Int
    private(set) var previousBits: Int
    /// The bits of each field of the differences from the left, and those with the opposite ``TileColors``.
    private(set) var fieldBits: Words
    private(set) var oppositeFieldBits: Words

    /// Places that are looked at.
    private static let blocks = 8

    /// What is or-ed over a block, one for each predictor.
    private struct Magnitudes {
        var left = Bytes(repeating: 0)
        var gradient = Bytes(repeating: 0)
        var up = Bytes(repeating: 0)
        var previous = Bytes(repeating: 0)
        /// Of the left, with the opposite colours.
        var opposite = Bytes(repeating: 0)
    }

    /// Lanes that equal a neighbour, counted in vectors.
    private struct Equalities {
        var left = Words(repeating: 0)
        var up = Words(repeating: 0)
        var previous = Words(repeating: 0)
    }

    /// Looks at eight places of the tile. Nothing above or below the tile is needed.
    @inline(never)
    @_optimize(speed)
    init<Lanes: LaneArithmetic>(_ lanes: Lanes, _ place: TilePlace, hasReference: Bool) {
        var equal = Equalities()
        var left = Words(repeating: 0)
        var gradient = left
        var up = left
        var previous = left
        var opposite = left
        for half in 0..<2 {
            // A diagonal of blocks, and another one half a tile to the right.
            let a = Self.block(lanes, place, 0, half, hasReference, &equal)
            let b = Self.block(lanes, place, 1, half, hasReference, &equal)
            let c = Self.block(lanes, place, 2, half, hasReference, &equal)
            let d = Self.block(lanes, place, 3, half, hasReference, &equal)
            left = left &+ Self.widths(a.left, b.left, c.left, d.left)
            gradient = gradient &+ Self.widths(a.gradient, b.gradient, c.gradient, d.gradient)
            up = up &+ Self.widths(a.up, b.up, c.up, d.up)
            if lanes.opposite != nil {
                opposite = opposite &+ Self.widths(a.opposite, b.opposite, c.opposite, d.opposite)
            }
            if hasReference {
                previous = previous &+ Self.widths(a.previous, b.previous, c.previous, d.previous)
            }
        }
        samples = Self.blocks * 12
        equalLeft = Self.count(equal.left)
        equalUp = Self.count(equal.up)
        equalPrevious = Self.count(equal.previous)
        leftBits = Self.total(left)
        fieldBits = Self.fields(left)
        oppositeFieldBits = lanes.opposite == nil ? fieldBits : Self.fields(opposite)
        gradientBits = Self.total(gradient)
        upBits = Self.total(up)
        previousBits = hasReference ? Self.total(previous) : .max
    }

    /// The bits with a predictor.
    func bits(_ predictor: TilePredictor) -> Int {
        switch predictor {
        case .left: leftBits
        case .gradient: gradientBits
        case .previous: previousBits
        case .up: upBits
        }
    }

    /// Has what a survey reads of a reference fetched.
    @inline(__always)
    static func prefetch(_ reference: UnsafeRawPointer, pitch: Int, blockRows: Int) {
        for half in 0..<2 {
            for index in 0..<4 {
                let place = place(of: index, half, blockRows)
                let block = reference + (place.row &* pitch &+ place.column)
                for y in 1..<4 { fwx_prefetch(block + y &* pitch) }
            }
        }
    }

    /// Where a sample lies in the tile: a row, below which three are looked at, and a column.
    ///
    /// Where they can they cross from one row of blocks to the next, because content that is made of squares of four
    /// pixels would seem to have no edges.
    @inline(__always)
    private static func place(of index: Int, _ half: Int, _ blockRows: Int) -> (row: Int, column: Int) {
        (min(index &* 4 &+ half &* 2, 4 &* blockRows &- 4), ((index &* 4 &+ 2 &+ half &* 7) & 15) &* 16)
    }

    @inline(never)
    @_optimize(speed)
    private static func block<Lanes: LaneArithmetic>(
        _ lanes: Lanes, _ place: TilePlace, _ index: Int, _ half: Int, _ hasReference: Bool,
        _ equal: inout Equalities
    ) -> Magnitudes {
        let (row, column) = Self.place(of: index, half, place.blockRows)
        let pixels = place.base + (row &* place.pitch &+ column)
        let reference = place.reference + (row &* place.referencePitch &+ column)
        var result = Magnitudes()
        var above = pixels.vector(at: 0)
        var horizontal = lanes.difference(above, pixels.vector(at: 0 &- place.step))
        for y in 1..<4 {
            let vector = pixels.vector(at: y &* place.pitch)
            let toLeft = lanes.difference(vector, pixels.vector(at: y &* place.pitch &- place.step))
            let toUp = lanes.difference(vector, above)
            result.left |= lanes.magnitude(lanes.fold(toLeft))
            if let opposite = lanes.opposite {
                result.opposite |= opposite.magnitude(opposite.fold(toLeft))
            }
            result.gradient |= lanes.magnitude(lanes.fold(lanes.difference(toLeft, horizontal)))
            result.up |= lanes.magnitude(lanes.fold(toUp))
            equal.left = equal.left &- fwx_is_zero32(words(toLeft))
            equal.up = equal.up &- fwx_is_zero32(words(toUp))
            if hasReference {
                let toPrevious = lanes.difference(
                    vector, reference.vector(at: y &* place.referencePitch))
                result.previous |= lanes.magnitude(lanes.fold(toPrevious))
                equal.previous = equal.previous &- fwx_is_zero32(words(toPrevious))
            }
            above = vector
            horizontal = toLeft
        }
        return result
    }

    /// The sum of the lanes.
    @inline(__always)
    private static func count(_ lanes: Words) -> Int {
        Int(lanes[0] &+ lanes[1] &+ lanes[2] &+ lanes[3])
    }

    @inline(__always)
    private static func widths(_ a: Bytes, _ b: Bytes, _ c: Bytes, _ d: Bytes) -> Words {
        BitPacking.bitCounts(BitPacking.masks((words(a), words(b), words(c), words(d))))
    }

    /// The sums of bytes that are at most 16 in each of four lanes, field by field.
    @inline(__always)
    private static func fields(_ widths: Words) -> Words {
        let sum = widths.wrappedSum()
        return Words(sum & 0xff, sum &>> 8 & 0xff, sum &>> 16 & 0xff, sum &>> 24)
    }

    /// The sum of all bytes, none of which is above 16.
    @inline(__always)
    private static func total(_ widths: Words) -> Int {
        let pairs = (widths & 0x00ff_00ff) &+ ((widths &>> 8) & 0x00ff_00ff)
        return count((pairs & 0xffff) &+ (pairs &>> 16))
    }
}
