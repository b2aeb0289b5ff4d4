import CVectors

/// Components of more than eight bits. Folded, they are byte fields of small numbers.
///
/// Which of them, is looked up at each vector: that costs some speed, but code of its own for each would cost a
/// fifth of the library's size.
struct WideLanes: LaneArithmetic {
    let kind: TileFormat.Lanes

    @inline(never)
    @_optimize(speed)
    func difference(_ a: Bytes, _ b: Bytes) -> Bytes {
        switch kind {
        case .halves: HalfLanes.difference(a, b)
        case .words: WordLanes.difference(a, b)
        case .tenBit: TenBitLanes.difference(a, b)
        case .depthStencil: DepthStencilLanes.difference(a, b)
        case .bytes, .color: a &- b
        }
    }

    @inline(never)
    @_optimize(speed)
    func sum(_ a: Bytes, _ b: Bytes) -> Bytes {
        switch kind {
        case .halves: HalfLanes.sum(a, b)
        case .words: WordLanes.sum(a, b)
        case .tenBit: TenBitLanes.sum(a, b)
        case .depthStencil: DepthStencilLanes.sum(a, b)
        case .bytes, .color: a &+ b
        }
    }

    @inline(never)
    @_optimize(speed)
    func fold(_ difference: Bytes) -> Bytes {
        switch kind {
        case .halves: HalfLanes.fold(difference)
        case .words: WordLanes.fold(difference)
        case .tenBit: TenBitLanes.fold(difference)
        case .depthStencil: DepthStencilLanes.fold(difference)
        case .bytes, .color: difference
        }
    }

    @inline(__always)
    func magnitude(_ folded: Bytes) -> Bytes { folded }

    @inline(never)
    @_optimize(speed)
    func unfold(_ folded: Bytes) -> Bytes {
        switch kind {
        case .halves: HalfLanes.unfold(folded)
        case .words: WordLanes.unfold(folded)
        case .tenBit: TenBitLanes.unfold(folded)
        case .depthStencil: DepthStencilLanes.unfold(folded)
        case .bytes, .color: folded
        }
    }
}

/// Two 16-bit numbers: integers, or the patterns of half floats.
enum HalfLanes {
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
enum WordLanes {
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
enum TenBitLanes {
    private static let top: UInt32 = 1 << 9 | 1 << 19 | 1 << 29 | 1 << 31
    private static let topTens: UInt32 = 1 << 9 | 1 << 19 | 1 << 29
    private static let bottomTens: UInt32 = 1 | 1 << 10 | 1 << 20

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
enum DepthStencilLanes {
    private static let depth: UInt32 = 0xffff_ff00

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
        return bytes(depth | ((words(zigzag(difference)) & 0xff) &<< 24))
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
