import CVectors

/// The widths of a packed tile's blocks, as they are written: for each field the smallest width of the tile, the
/// bits of the difference from it, and those differences. See "Widths" in docs/tile-format.md.
enum TileWidths {
    /// The most bytes that the widths of a tile take.
    static let largestSize = headerSize + 4 * 32
    private static let headerSize = 4
    /// Vectors that hold the widths of 64 blocks.
    static let vectors = 16

    /// Writes the widths of `blocks` blocks, a multiple of 16.
    ///
    /// - Parameters:
    ///   - widths: four bytes a block, as many vectors as 64 blocks take; those behind `blocks` are zero.
    ///   - smallest: for each field the least width of all blocks.
    ///   - largest: and the greatest.
    /// - Returns: the place behind.
    @inline(never)
    @_optimize(speed)
    static func write(
        _ widths: UnsafePointer<Words>, blocks: Int, smallest: UInt32, largest: UInt32,
        to out: UnsafeMutableRawPointer
    ) -> UnsafeMutableRawPointer {
        let range = largest &- smallest
        out.storeBytes(of: (smallest | (range &<< 4)).littleEndian, as: UInt32.self)
        var out = out + headerSize
        for field in 0..<4 {
            let shift = UInt32(8 &* field)
            let bits = rangeBits((range &>> shift) & 0xf)
            if bits == 0 { continue }
            let base = Words(repeating: (smallest &>> shift) & 0xff)
            for row in 0..<blocks / 16 {
                @inline(__always)
                func difference(_ index: Int) -> Words {
                    (fwx_shr32(widths[row &* 4 &+ index], shift) & 0xff) &- base
                }
                // Byte k of lane n is the difference of block 4 k + n.
                let low = difference(0) | (difference(1) &<< 8)
                let high = (difference(2) &<< 16) | (difference(3) &<< 24)
                out = write(low | high, bits, to: out)
            }
        }
        return out
    }

    /// 16 numbers of 1 to 4 bits, four bytes of four lanes, in 2 × `bits` bytes.
    @inline(__always)
    private static func write(
        _ value: Words, _ bits: UInt32, to out: UnsafeMutableRawPointer
    ) -> UnsafeMutableRawPointer {
        // Fold 128 bits to 64: the numbers have at most 4 bits each.
        let folded = longs(value)
        let both = folded[0] | (folded[1] &<< 4)
        var out = out
        if bits == 4 {
            out.storeBytes(of: both.littleEndian, as: UInt64.self)
            return out + 8
        }
        if bits >= 2 {
            let pairs = (both & 0x3333_3333_3333_3333)
            let half = (pairs | (pairs &>> 30)) & 0xffff_ffff
            out.storeBytes(of: UInt32(truncatingIfNeeded: half).littleEndian, as: UInt32.self)
            out += 4
        }
        if bits & 1 != 0 {
            let ones = (bits == 1 ? both : both &>> 2) & 0x1111_1111_1111_1111
            let half = ones | (ones &>> 31)
            let quarter = half | (half &>> 14)
            out.storeBytes(of: UInt16(truncatingIfNeeded: quarter).littleEndian, as: UInt16.self)
            out += 2
        }
        return out
    }

    /// Reads what ``write(_:blocks:smallest:largest:to:)`` wrote.
    ///
    /// - Parameters:
    ///   - remaining: how many bytes there are.
    ///   - widths: set for the blocks, as many vectors as hold them.
    ///   - masks: likewise; of as many bits as each width says.
    /// - Returns: the bytes that were read, the bytes that the packed blocks take, and whether the fourth field of
    ///   any block may have bits; nil when the bytes do not reach or a width is above 8.
    @inline(never)
    @_optimize(speed)
    static func read(
        _ source: UnsafeRawPointer, remaining: Int, blocks: Int, widths: UnsafeMutablePointer<Words>,
        masks: UnsafeMutablePointer<Words>
    ) -> (size: Int, packedSize: Int, hasFourth: Bool)? {
        guard remaining >= headerSize else { return nil }
        let header = UInt32(littleEndian: source.loadUnaligned(as: UInt32.self))
        let smallest = header & 0x0f0f_0f0f
        let range = (header &>> 4) & 0x0f0f_0f0f
        let rows = blocks / 16
        var size = headerSize
        for field in 0..<4 {
            size &+= rows &* 2 &* Int(rangeBits((range &>> UInt32(8 &* field)) & 0xf))
        }
        guard remaining >= size else { return nil }
        for index in 0..<rows &* 4 { widths[index] = Words(repeating: smallest) }
        var next = source + headerSize
        for field in 0..<4 {
            let shift = UInt32(8 &* field)
            let bits = rangeBits((range &>> shift) & 0xf)
            if bits == 0 { continue }
            for row in 0..<rows {
                let value = read(&next, bits)
                let into = widths + row &* 4
                into[0] = into[0] &+ fwx_shl32(value & 0xff, shift)
                into[1] = into[1] &+ fwx_shl32((value &>> 8) & 0xff, shift)
                into[2] = into[2] &+ fwx_shl32((value &>> 16) & 0xff, shift)
                into[3] = into[3] &+ fwx_shl32(value &>> 24, shift)
            }
        }
        var tooWide = Words(repeating: 0)
        var sums = Words(repeating: 0)
        for index in 0..<rows &* 4 {
            let value = widths[index]
            // No width is above 30, so bytes do not carry: the highest bit says 9 or more.
            tooWide |= value &+ 0x7777_7777
            sums = sums &+ (value & 0x00ff_00ff) &+ ((value &>> 8) & 0x00ff_00ff)
            masks[index] = BitPacking.masks(ofWidths: value)
        }
        tooWide &= 0x8080_8080
        guard tooWide == Words(repeating: 0) else { return nil }
        let sum = ((sums & 0xffff) &+ (sums &>> 16)).wrappedSum()
        return (size, 2 &* Int(sum), header &>> 24 != 0)
    }

    /// 16 numbers of `bits` bits: byte k of lane n is number 4 k + n.
    @inline(__always)
    private static func read(_ next: inout UnsafeRawPointer, _ bits: UInt32) -> Words {
        var both: UInt64 = 0
        if bits == 4 {
            both = UInt64(littleEndian: next.loadUnaligned(as: UInt64.self))
            next += 8
        }
        if bits & 2 != 0 {
            let half = UInt64(UInt32(littleEndian: next.loadUnaligned(as: UInt32.self)))
            next += 4
            both = (half | (half &<< 30)) & 0x3333_3333_3333_3333
        }
        if bits & 1 != 0 {
            let quarter = UInt64(UInt16(littleEndian: next.loadUnaligned(as: UInt16.self)))
            next += 2
            let half = (quarter | (quarter &<< 14)) & 0x3333_3333
            let ones = (half | (half &<< 31)) & 0x1111_1111_1111_1111
            both |= bits == 1 ? ones : ones &<< 2
        }
        return words(Longs(both & 0x0f0f_0f0f_0f0f_0f0f, (both &>> 4) & 0x0f0f_0f0f_0f0f_0f0f))
    }

    /// Bits of a number from 0 to `range`.
    @inline(__always)
    private static func rangeBits(_ range: UInt32) -> UInt32 {
        range == 0 ? 0 : UInt32(truncatingIfNeeded: 32 &- range.leadingZeroBitCount)
    }
}
