import CVectors

// The vectors that the tile codec's kernels work on: 16 bytes, which is what every 64-bit processor has.
typealias Bytes = SIMD16<UInt8>
typealias Halves = SIMD8<UInt16>
typealias Words = SIMD4<UInt32>
typealias Longs = SIMD2<UInt64>

@inline(__always)
func bytes(_ vector: Words) -> Bytes { unsafeBitCast(vector, to: Bytes.self) }

@inline(__always)
func bytes(_ vector: Halves) -> Bytes { unsafeBitCast(vector, to: Bytes.self) }

@inline(__always)
func bytes(_ vector: Longs) -> Bytes { unsafeBitCast(vector, to: Bytes.self) }

@inline(__always)
func halves(_ vector: Bytes) -> Halves { unsafeBitCast(vector, to: Halves.self) }

@inline(__always)
func words(_ vector: Bytes) -> Words { unsafeBitCast(vector, to: Words.self) }

@inline(__always)
func words(_ vector: Longs) -> Words { unsafeBitCast(vector, to: Words.self) }

@inline(__always)
func longs(_ vector: Bytes) -> Longs { unsafeBitCast(vector, to: Longs.self) }

@inline(__always)
func longs(_ vector: Words) -> Longs { unsafeBitCast(vector, to: Longs.self) }

extension UnsafeRawPointer {
    /// 16 bytes from anywhere.
    @inline(__always)
    func vector(at offset: Int) -> Bytes { (self + offset).loadUnaligned(as: Bytes.self) }
}

extension UnsafeMutableRawPointer {
    /// Puts 16 bytes anywhere.
    @inline(__always)
    func store(_ vector: Bytes, at offset: Int) { (self + offset).storeBytes(of: vector, as: Bytes.self) }

    /// 16 bytes from anywhere.
    @inline(__always)
    func vector(at offset: Int) -> Bytes { (self + offset).loadUnaligned(as: Bytes.self) }
}

/// How the components of a picture lie in 32-bit lanes, and how differences of them become the four byte fields
/// that ``BitPacking`` packs. All is exact: `sum(difference(a, b), b) == a`, `unfold(fold(d)) == d`.
protocol LaneArithmetic {
    /// a − b, component by component, modulo the component's range.
    func difference(_ a: Bytes, _ b: Bytes) -> Bytes
    func sum(_ a: Bytes, _ b: Bytes) -> Bytes
    /// A difference as four byte fields a lane.
    func fold(_ difference: Bytes) -> Bytes
    /// For each folded byte one whose highest set bit tells how many bits the field needs.
    func magnitude(_ folded: Bytes) -> Bytes
    func unfold(_ folded: Bytes) -> Bytes

    /// The lanes of the opposite ``TileColors``, if there are any.
    var opposite: Self? { get }
}

extension LaneArithmetic {
    var opposite: Self? { @inline(__always) get { nil } }
}

/// Small numbers of either sign as small bytes: 0, −1, 1, −2 … as 0, 1, 2, 3 …
@inline(__always)
func zigzag(_ value: Bytes) -> Bytes {
    (value &+ value) ^ unsafeBitCast(unsafeBitCast(value, to: SIMD16<Int8>.self) &>> 7, to: Bytes.self)
}

/// Four independent bytes; folded, they are two's complement.
struct ByteLanes: LaneArithmetic {
    @inline(__always)
    func difference(_ a: Bytes, _ b: Bytes) -> Bytes { a &- b }

    @inline(__always)
    func sum(_ a: Bytes, _ b: Bytes) -> Bytes { a &+ b }

    @inline(__always)
    func fold(_ difference: Bytes) -> Bytes { difference }

    @inline(__always)
    func magnitude(_ folded: Bytes) -> Bytes { zigzag(folded) }

    @inline(__always)
    func unfold(_ folded: Bytes) -> Bytes { folded }
}

/// Red, green, blue, alpha, or blue first: the green difference is taken from those of red and blue, or from those of
/// them that ``TileColors`` says. Folded, they are two's complement.
struct ColorLanes: LaneArithmetic {
    private let mask: Bytes

    @inline(__always)
    init(_ colors: TileColors) { mask = colors.mask }

    @inline(__always)
    private init(mask: Bytes) { self.mask = mask }

    var opposite: ColorLanes? {
        @inline(__always) get { ColorLanes(mask: mask ^ TileColors.differences.mask) }
    }

    @inline(__always)
    func difference(_ a: Bytes, _ b: Bytes) -> Bytes { a &- b }

    @inline(__always)
    func sum(_ a: Bytes, _ b: Bytes) -> Bytes { a &+ b }

    @inline(__always)
    func fold(_ difference: Bytes) -> Bytes { difference &- (fwx_spread_second(difference) & mask) }

    @inline(__always)
    func magnitude(_ folded: Bytes) -> Bytes { zigzag(folded) }

    @inline(__always)
    func unfold(_ folded: Bytes) -> Bytes { folded &+ (fwx_spread_second(folded) & mask) }
}
