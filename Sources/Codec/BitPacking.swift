import CVectors

/// Blocks of 4 × 4 lanes, each with one width for each of its four byte fields, packed without gaps between the
/// lanes: the inner loop of the tile codec.
///
/// A tile has up to 64 blocks, four rows of 16. A block of T bits a lane takes exactly 2 T bytes, so blocks need
/// no common bit position. See "Packed tiles" in docs/tile-format.md.
enum BitPacking {
    /// Bytes that ``pack(_:blocks:widths:masks:to:)`` may write, and ``unpack(_:blocks:widths:masks:to:)`` may
    /// read, behind the packed bytes.
    static let slack = 32
    /// Lanes of a block row times rows of blocks.
    static let blocksPerRow = 16

    /// Bits that each field needs, and the mask of as many bits, for four blocks at once.
    ///
    /// - Parameter magnitudes: for each of four blocks the bitwise or of the magnitudes of its four vectors.
    @inline(__always)
    static func masks(_ magnitudes: (Words, Words, Words, Words)) -> Words {
        // Or all lanes of a block into one lane.
        let a =
            fwx_low64(longs(magnitudes.0), longs(magnitudes.1))
            | fwx_high64(longs(magnitudes.0), longs(magnitudes.1))
        let b =
            fwx_low64(longs(magnitudes.2), longs(magnitudes.3))
            | fwx_high64(longs(magnitudes.2), longs(magnitudes.3))
        var mask = fwx_even32(words(a), words(b)) | fwx_odd32(words(a), words(b))
        // Set all bits below the highest one of each byte.
        mask |= (mask &>> 1) & 0x7f7f_7f7f
        mask |= (mask &>> 2) & 0x3f3f_3f3f
        return mask | ((mask &>> 4) & 0x0f0f_0f0f)
    }

    /// The number of bits set in each byte.
    @inline(__always)
    static func bitCounts(_ value: Words) -> Words {
        var count = value &- ((value &>> 1) & 0x5555_5555)
        count = (count & 0x3333_3333) &+ ((count &>> 2) & 0x3333_3333)
        return (count &+ (count &>> 4)) & 0x0f0f_0f0f
    }

    /// For each byte n, 0 to 8, a byte with the n lowest bits set.
    @inline(__always)
    static func masks(ofWidths widths: Words) -> Words {
        @inline(__always)
        func whole(_ bit: UInt32) -> Words {
            words(Bytes(repeating: 0) &- bytes((widths &>> Words(repeating: bit)) & 0x0101_0101))
        }
        var mask = whole(2) & 0x0f0f_0f0f
        mask ^= (mask ^ ((mask &<< 2) | 0x0303_0303)) & whole(1)
        mask ^= (mask ^ ((mask &<< 1) | 0x0101_0101)) & whole(0)
        return mask | whole(3)
    }

    /// Where the four fields of a lane are. Not constants: the compiler would make byte shuffles of them.
    @inline(__always)
    private static var places: (Words, Words, Words, Words) {
        (fwx_splat32(0xff), fwx_splat32(0xff00), fwx_splat32(0xff_0000), fwx_splat32(0xff00_0000))
    }

    /// For each field the sum of its widths in the blocks of a tile.
    @inline(__always)
    static func fieldBits(_ widths: UnsafePointer<Words>, blocks: Int) -> Words {
        var even = Words(repeating: 0)
        var odd = even
        for index in 0..<blocks / 4 {
            even = even &+ (widths[index] & 0x00ff_00ff)
            odd = odd &+ ((widths[index] &>> 8) & 0x00ff_00ff)
        }
        let (first, second) = (even.wrappedSum(), odd.wrappedSum())
        return Words(first & 0xffff, second & 0xffff, first &>> 16, second &>> 16)
    }

    /// The bytes of the packed blocks of a tile.
    static func size(_ widths: UnsafePointer<Words>, blocks: Int) -> Int {
        2 &* Int(fieldBits(widths, blocks: blocks).wrappedSum())
    }

    /// Packs `blocks` blocks of four vectors each.
    ///
    /// - Parameters:
    ///   - folded: the vectors, block after block.
    ///   - widths: for each block the bits of its fields, a byte each.
    ///   - masks: for each block the mask of those bits.
    ///   - hasFourth: whether the fourth field of any block has bits; mostly, an alpha channel has not.
    /// - Returns: the place behind what was written.
    @inline(never)
    @_optimize(speed)
    static func pack(
        _ folded: UnsafePointer<Bytes>, blocks: Int, widths: UnsafePointer<UInt32>,
        masks: UnsafePointer<UInt32>, hasFourth: Bool, to out: UnsafeMutableRawPointer
    ) -> UnsafeMutableRawPointer {
        hasFourth
            ? packBlocks(folded, blocks, widths, masks, hasFourth: true, to: out)
            : packBlocks(folded, blocks, widths, masks, hasFourth: false, to: out)
    }

    @inline(__always)
    private static func packBlocks(
        _ folded: UnsafePointer<Bytes>, _ blocks: Int, _ widths: UnsafePointer<UInt32>,
        _ masks: UnsafePointer<UInt32>, hasFourth: Bool, to out: UnsafeMutableRawPointer
    ) -> UnsafeMutableRawPointer {
        let places = places
        var out = out
        for block in 0..<blocks {
            // Byte k is the sum of the widths of the fields 0 to k.
            let ends = widths[block] &* 0x0101_0101
            let bits = ends &>> 24
            if bits == 0 { continue }
            let mask = fwx_splat32(masks[block])
            let masks = (mask & places.0, mask & places.1, mask & places.2, mask & places.3)
            let shifts = (8 &- (ends & 0xff), 16 &- ((ends &>> 8) & 0xff), 24 &- ((ends &>> 16) & 0xff))
            @inline(__always)
            func close(_ index: Int) -> Words {
                let lanes = words(folded[block &* 4 &+ index])
                let two = (lanes & masks.0) | fwx_shr32(lanes & masks.1, shifts.0)
                let three = two | fwx_shr32(lanes & masks.2, shifts.1)
                return hasFourth ? three | fwx_shr32(lanes & masks.3, shifts.2) : three
            }
            let lanes = (close(0), close(1), close(2), close(3))
            if bits <= 16 {
                packBlock(lanes, bits, out)
            } else {
                let low = (lanes.0 & 0xffff, lanes.1 & 0xffff, lanes.2 & 0xffff, lanes.3 & 0xffff)
                packBlock(low, 16, out)
                let high = (lanes.0 &>> 16, lanes.1 &>> 16, lanes.2 &>> 16, lanes.3 &>> 16)
                packBlock(high, bits &- 16, out + 32)
            }
            out += Int(2 &* bits)
        }
        return out
    }

    /// Lanes of `bits` bits, 1 to 16, to 2 × `bits` bytes.
    @inline(__always)
    private static func packBlock(
        _ lanes: (Words, Words, Words, Words), _ bits: UInt32, _ out: UnsafeMutableRawPointer
    ) {
        let a = fwx_whole32(lanes.0 | fwx_shl32(lanes.1, bits))
        let b = fwx_whole32(lanes.2 | fwx_shl32(lanes.3, bits))
        let c = fwx_widen_low32(a) | fwx_shl64(fwx_widen_high32(a), 2 &* bits)
        let d = fwx_widen_low32(b) | fwx_shl64(fwx_widen_high32(b), 2 &* bits)
        // Two numbers of 8 × bits bits each.
        let low = c | fwx_shl64(d, 4 &* bits)
        let high = fwx_shr64(d, 64 &- 4 &* bits)
        out.store(bytes(fwx_low64(low, high)), at: 0)
        out.store(bytes(fwx_high64(low, high)), at: Int(bits))
    }

    /// How the fields of a tile's blocks are read back.
    enum Fields {
        /// Two's complement, and the fourth has no bits.
        case threeSigned
        case signed
        case unsigned
    }

    /// The opposite of ``pack(_:blocks:widths:masks:hasFourth:to:)``; the caller has checked that the bytes are
    /// there.
    @inline(never)
    @_optimize(speed)
    static func unpack(
        _ packed: UnsafeRawPointer, blocks: Int, widths: UnsafePointer<UInt32>,
        masks: UnsafePointer<UInt32>, fields: Fields, to folded: UnsafeMutablePointer<Bytes>
    ) {
        switch fields {
        case .threeSigned: unpackBlocks(packed, blocks, widths, masks, .threeSigned, to: folded)
        case .signed: unpackBlocks(packed, blocks, widths, masks, .signed, to: folded)
        case .unsigned: unpackBlocks(packed, blocks, widths, masks, .unsigned, to: folded)
        }
    }

    @inline(__always)
    private static func unpackBlocks(
        _ packed: UnsafeRawPointer, _ blocks: Int, _ widths: UnsafePointer<UInt32>,
        _ masks: UnsafePointer<UInt32>, _ fields: Fields, to folded: UnsafeMutablePointer<Bytes>
    ) {
        let places = places
        var packed = packed
        for block in 0..<blocks {
            let ends = widths[block] &* 0x0101_0101
            let bits = ends &>> 24
            let out = folded + block &* 4
            if bits == 0 {
                for index in 0..<4 { out[index] = Bytes(repeating: 0) }
                continue
            }
            let mask = fwx_splat32(masks[block])
            let lanes = unpackLanes(packed, bits)
            packed += Int(2 &* bits)
            let masks = (mask & places.0, mask & places.1, mask & places.2, mask & places.3)
            let shifts = (8 &- (ends & 0xff), 16 &- ((ends &>> 8) & 0xff), 24 &- ((ends &>> 16) & 0xff))
            let sign = bytes(mask & ~((mask &>> 1) & 0x7f7f_7f7f))
            @inline(__always)
            func open(_ lanes: Words) -> Bytes {
                let two = (lanes & masks.0) | (fwx_shl32(lanes, shifts.0) & masks.1)
                let three = two | (fwx_shl32(lanes, shifts.1) & masks.2)
                if case .threeSigned = fields { return (bytes(three) ^ sign) &- sign }
                let all = bytes(three | (fwx_shl32(lanes, shifts.2) & masks.3))
                if case .signed = fields { return (all ^ sign) &- sign }
                return all
            }
            out[0] = open(lanes.0)
            out[1] = open(lanes.1)
            out[2] = open(lanes.2)
            out[3] = open(lanes.3)
        }
    }

    /// The four vectors of a block; bits above those that were packed are anything.
    @inline(__always)
    private static func unpackLanes(
        _ packed: UnsafeRawPointer, _ bits: UInt32
    ) -> (Words, Words, Words, Words) {
        if bits <= 16 { return unpackBlock(packed, bits) }
        let low = unpackBlock(packed, 16)
        let high = unpackBlock(packed + 32, bits &- 16)
        return (
            (low.0 & 0xffff) | (high.0 &<< 16), (low.1 & 0xffff) | (high.1 &<< 16),
            (low.2 & 0xffff) | (high.2 &<< 16), (low.3 & 0xffff) | (high.3 &<< 16)
        )
    }

    @inline(__always)
    private static func unpackBlock(
        _ packed: UnsafeRawPointer, _ bits: UInt32
    ) -> (Words, Words, Words, Words) {
        let second = packed + Int(bits)
        // The second half of each number begins at a half byte when `bits` is odd.
        let half = Int(bits &>> 1)
        let c = fwx_load64x2(packed, second)
        let d = fwx_shr64(fwx_load64x2(packed + half, second + half), (bits & 1) &* 4)
        let a = fwx_even32(words(c), words(fwx_shr64(c, 2 &* bits)))
        let b = fwx_even32(words(d), words(fwx_shr64(d, 2 &* bits)))
        return (a, fwx_shr32(a, bits), b, fwx_shr32(b, bits))
    }
}
