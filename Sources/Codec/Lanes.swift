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
    /// Whether folded bytes are two's complement; else small numbers are small bytes.
    static var isSigned: Bool { get }
    /// a − b, component by component, modulo the component's range.
    static func difference(_ a: Bytes, _ b: Bytes) -> Bytes
    static func sum(_ a: Bytes, _ b: Bytes) -> Bytes
    /// A difference as four byte fields a lane.
    static func fold(_ difference: Bytes) -> Bytes
    /// For each folded byte one whose highest set bit tells how many bits the field needs.
    static func magnitude(_ folded: Bytes) -> Bytes
    static func unfold(_ folded: Bytes) -> Bytes
}

extension LaneArithmetic {
    @inline(__always)
    static func magnitude(_ folded: Bytes) -> Bytes { folded }
}

@inline(__always)
private func zigzagBytes(_ value: Bytes) -> Bytes {
    (value &+ value) ^ unsafeBitCast(unsafeBitCast(value, to: SIMD16<Int8>.self) &>> 7, to: Bytes.self)
}

/// Four independent bytes.
enum ByteLanes: LaneArithmetic {
    static var isSigned: Bool { true }

    @inline(__always)
    static func difference(_ a: Bytes, _ b: Bytes) -> Bytes { a &- b }

    @inline(__always)
    static func sum(_ a: Bytes, _ b: Bytes) -> Bytes { a &+ b }

    @inline(__always)
    static func fold(_ difference: Bytes) -> Bytes { difference }

    @inline(__always)
    static func magnitude(_ folded: Bytes) -> Bytes { zigzagBytes(folded) }

    @inline(__always)
    static func unfold(_ folded: Bytes) -> Bytes { folded }
}

/// Red, green, blue, alpha, or blue first: the green difference is taken from those of red and blue, which mostly
/// follow it.
enum ColorLanes: LaneArithmetic {
    static var isSigned: Bool { true }

    @inline(__always)
    static func difference(_ a: Bytes, _ b: Bytes) -> Bytes { a &- b }

    @inline(__always)
    static func sum(_ a: Bytes, _ b: Bytes) -> Bytes { a &+ b }

    @inline(__always)
    static func fold(_ difference: Bytes) -> Bytes { difference &- fwx_spread_second(difference) }

    @inline(__always)
    static func magnitude(_ folded: Bytes) -> Bytes { zigzagBytes(folded) }

    @inline(__always)
    static func unfold(_ folded: Bytes) -> Bytes { folded &+ fwx_spread_second(folded) }
}

/// Two 16-bit numbers: integers, or the patterns of half floats.
enum HalfLanes: LaneArithmetic {
    static var isSigned: Bool { false }

    @inline(__always)
    static func difference(_ a: Bytes, _ b: Bytes) -> Bytes { bytes(halves(a) &- halves(b)) }

    @inline(__always)
    static func sum(_ a: Bytes, _ b: Bytes) -> Bytes { bytes(halves(a) &+ halves(b)) }

    @inline(__always)
    static func fold(_ difference: Bytes) -> Bytes {
        let value = halves(difference)
        let sign = unsafeBitCast(unsafeBitCast(value, to: SIMD8<Int16>.self) &>> 15, to: Halves.self)
        return bytes((value &+ value) ^ sign)
    }

    @inline(__always)
    static func unfold(_ folded: Bytes) -> Bytes {
        let value = halves(folded)
        return bytes((value &>> 1) ^ (Halves(repeating: 0) &- (value & 1)))
    }
}

/// One 32-bit number: the pattern of a float.
enum WordLanes: LaneArithmetic {
    static var isSigned: Bool { false }

    @inline(__always)
    static func difference(_ a: Bytes, _ b: Bytes) -> Bytes { bytes(words(a) &- words(b)) }

    @inline(__always)
    static func sum(_ a: Bytes, _ b: Bytes) -> Bytes { bytes(words(a) &+ words(b)) }

    @inline(__always)
    static func fold(_ difference: Bytes) -> Bytes {
        let value = words(difference)
        let sign = unsafeBitCast(unsafeBitCast(value, to: SIMD4<Int32>.self) &>> 31, to: Words.self)
        return bytes((value &+ value) ^ sign)
    }

    @inline(__always)
    static func unfold(_ folded: Bytes) -> Bytes {
        let value = words(folded)
        return bytes((value &>> 1) ^ (Words(repeating: 0) &- (value & 1)))
    }
}

/// 10, 10, 10 and 2 bits from the lowest up. A field is the low byte of one, the last is what lies above.
enum TenBitLanes: LaneArithmetic {
    private static let top: UInt32 = 1 << 9 | 1 << 19 | 1 << 29 | 1 << 31
    private static let topTens: UInt32 = 1 << 9 | 1 << 19 | 1 << 29
    private static let bottomTens: UInt32 = 1 | 1 << 10 | 1 << 20

    static var isSigned: Bool { false }

    // Bits below each component's highest add without a carry into the next one; the highest are added by xor.

    @inline(__always)
    static func difference(_ a: Bytes, _ b: Bytes) -> Bytes {
        let a = words(a)
        let b = words(b)
        return bytes(((a | Self.top) &- (b & ~Self.top)) ^ ((a ^ ~b) & Self.top))
    }

    @inline(__always)
    static func sum(_ a: Bytes, _ b: Bytes) -> Bytes {
        let a = words(a)
        let b = words(b)
        return bytes(((a & ~Self.top) &+ (b & ~Self.top)) ^ ((a ^ b) & Self.top))
    }

    @inline(__always)
    static func fold(_ difference: Bytes) -> Bytes {
        let value = words(difference)
        let tens = value & Self.topTens
        let two = value & (1 &<< 31)
        let sign = tens | (tens &- (tens &>> 9)) | two | (two &>> 1)
        let zigzag = ((value & ~Self.top) &<< 1) ^ sign
        let low = (zigzag & 0xff) | ((zigzag &>> 2) & 0xff00) | ((zigzag &>> 4) & 0xff_0000)
        let high = ((zigzag &>> 8) & 0x3) | ((zigzag &>> 16) & 0xc) | ((zigzag &>> 24) & 0x30)
        return bytes(low | ((high | ((zigzag &>> 24) & 0xc0)) &<< 24))
    }

    @inline(__always)
    static func unfold(_ folded: Bytes) -> Bytes {
        let value = words(folded)
        let high = value &>> 24
        let low = (value & 0xff) | ((value & 0xff00) &<< 2) | ((value & 0xff_0000) &<< 4)
        let zigzag =
            low | ((high & 0x3) &<< 8) | ((high & 0xc) &<< 16) | ((high & 0xf0) &<< 24)
        let tens = zigzag & Self.bottomTens
        let two = zigzag & (1 &<< 30)
        let sign = ((tens &<< 10) &- tens) | two | (two &<< 1)
        return bytes(((zigzag &>> 1) & ~Self.top) ^ sign)
    }
}

/// 8 bits of stencil, then 24 bits of depth.
enum DepthStencilLanes: LaneArithmetic {
    private static let depth: UInt32 = 0xffff_ff00

    static var isSigned: Bool { false }

    @inline(__always)
    static func difference(_ a: Bytes, _ b: Bytes) -> Bytes {
        let depths = (words(a) & Self.depth) &- (words(b) & Self.depth)
        return bytes(depths | (words(a &- b) & 0xff))
    }

    @inline(__always)
    static func sum(_ a: Bytes, _ b: Bytes) -> Bytes {
        let depths = (words(a) & Self.depth) &+ (words(b) & Self.depth)
        return bytes(depths | (words(a &+ b) & 0xff))
    }

    @inline(__always)
    static func fold(_ difference: Bytes) -> Bytes {
        let value = words(difference)
        let sign = unsafeBitCast(unsafeBitCast(value, to: SIMD4<Int32>.self) &>> 31, to: Words.self)
        let depth = (((value & Self.depth) &<< 1) ^ (sign & Self.depth)) &>> 8
        return bytes(depth | ((words(zigzagBytes(difference)) & 0xff) &<< 24))
    }

    @inline(__always)
    static func unfold(_ folded: Bytes) -> Bytes {
        let value = words(folded)
        let sign = Words(repeating: 0) &- (value & 1)
        let depth = ((value &<< 7) & 0x7fff_ff00) ^ (sign & Self.depth)
        let stencil = value &>> 24
        return bytes(depth | (((stencil &>> 1) ^ (Words(repeating: 0) &- (stencil & 1))) & 0xff))
    }
}
