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

    /// Blocks that are sampled; a quarter of the rows of blocks in each part.
    private static let blocks = 8

    /// Looks at eight blocks of the tile, at their last three rows, so that nothing outside of the tile is needed.
    @inline(never)
    init<Lanes: LaneArithmetic>(_ lanes: Lanes.Type, _ place: TilePlace, hasReference: Bool) {
        var counts = (left: Words(repeating: 0), up: Words(repeating: 0), previous: Words(repeating: 0))
        var widths = (
            left: Words(repeating: 0), gradient: Words(repeating: 0), up: Words(repeating: 0),
            previous: Words(repeating: 0)
        )
        for half in 0..<2 {
            typealias Magnitudes = (left: Words, gradient: Words, up: Words, previous: Words)
            @inline(__always)
            func sample(_ index: Int) -> Magnitudes {
                // A diagonal of blocks, and another one half a tile to the right.
                let column = ((index &* 4 &+ 2 &+ half &* 7) & 15) &* 16
                let row = (place.blockRows == 4 ? index : index % place.blockRows) &* 4
                let pixels = place.base + (row &* place.pitch &+ column)
                let reference = place.reference + (row &* place.referencePitch &+ column)
                var previousRow = pixels.vector(at: 0)
                var horizontal = Lanes.difference(previousRow, pixels.vector(at: 0 &- place.step))
                var left = Bytes(repeating: 0)
                var gradient = left
                var up = left
                var previous = left
                for y in 1..<4 {
                    let vector = pixels.vector(at: y &* place.pitch)
                    let toLeft = Lanes.difference(vector, pixels.vector(at: y &* place.pitch &- place.step))
                    let toUp = Lanes.difference(vector, previousRow)
                    left |= Lanes.magnitude(Lanes.fold(toLeft))
                    gradient |= Lanes.magnitude(Lanes.fold(Lanes.difference(toLeft, horizontal)))
                    up |= Lanes.magnitude(Lanes.fold(toUp))
                    counts.left = counts.left &- Self.isZero(toLeft)
                    counts.up = counts.up &- Self.isZero(toUp)
                    if hasReference {
                        let old = reference.vector(at: y &* place.referencePitch)
                        let toPrevious = Lanes.difference(vector, old)
                        previous |= Lanes.magnitude(Lanes.fold(toPrevious))
                        counts.previous = counts.previous &- Self.isZero(toPrevious)
                    }
                    previousRow = vector
                    horizontal = toLeft
                }
                return (words(left), words(gradient), words(up), words(previous))
            }
            let a = sample(0)
            let b = sample(1)
            let c = sample(2)
            let d = sample(3)
            widths.left = widths.left &+ Self.widths((a.left, b.left, c.left, d.left))
            widths.gradient = widths.gradient &+ Self.widths((a.gradient, b.gradient, c.gradient, d.gradient))
            widths.up = widths.up &+ Self.widths((a.up, b.up, c.up, d.up))
            if hasReference {
                widths.previous =
                    widths.previous &+ Self.widths((a.previous, b.previous, c.previous, d.previous))
            }
        }
        samples = Self.blocks * 12
        equalLeft = Int(counts.left.wrappedSum())
        equalUp = Int(counts.up.wrappedSum())
        equalPrevious = Int(counts.previous.wrappedSum())
        leftBits = Self.total(widths.left)
        gradientBits = Self.total(widths.gradient)
        upBits = Self.total(widths.up)
        previousBits = hasReference ? Self.total(widths.previous) : .max
    }

    /// All ones in the lanes that are zero.
    @inline(__always)
    private static func isZero(_ vector: Bytes) -> Words {
        Words(repeating: 0).replacing(with: Words(repeating: .max), where: words(vector) .== 0)
    }

    @inline(__always)
    private static func widths(_ magnitudes: (Words, Words, Words, Words)) -> Words {
        BitPacking.bitCounts(BitPacking.masks(magnitudes))
    }

    /// The sum of all bytes, none of which is above 16.
    @inline(__always)
    private static func total(_ widths: Words) -> Int {
        let pairs = (widths & 0x00ff_00ff) &+ ((widths &>> 8) & 0x00ff_00ff)
        return Int(((pairs & 0xffff) &+ (pairs &>> 16)).wrappedSum())
    }
}
