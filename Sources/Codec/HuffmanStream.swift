import CPosix

/// Writes and reads a stream of symbols in Huffman codes. Symbol n is in part n modulo 4, so that a reader can
/// follow four chains of codes at once. See "Coded streams" in docs/tile-format.md.
enum HuffmanStream {
    static let parts = 4
    /// Bytes before the first part: code lengths of four bits, and the sizes of the parts but the last.
    static func headerSize(alphabet: Int) -> Int { alphabet / 2 &+ sizesSize }
    private static let sizesSize = 4 * (parts - 1)
    /// Bytes behind a coded stream that ``write(_:count:plan:lengths:room:staging:to:)`` may change, and ``read(_:size:count:alphabet:room:to:)``
    /// may look at.
    static let slack = 8

    /// The most bytes that a part of a stream of `count` symbols takes.
    static func stagingSize(_ count: Int) -> Int {
        (count / parts &+ 1) &* Huffman.longest / 8 &+ 1 &+ slack
    }

    /// How a stream will be coded.
    struct Plan {
        /// Different symbols that there can be, a power of two of at most 256.
        var alphabet: Int
        /// Bytes of the parts.
        var sizes: (Int, Int, Int, Int)

        /// Bytes of the whole coded stream.
        var size: Int { headerSize(alphabet: alphabet) &+ sizes.0 &+ sizes.1 &+ sizes.2 &+ sizes.3 }
    }

    /// Finds the code lengths for a stream, and how many bytes it will take.
    ///
    /// - Parameters:
    ///   - alphabet: different symbols that there can be, a power of two of at most 256.
    ///   - lengths: to be set, one for each.
    @inline(never)
    @_optimize(speed)
    static func plan(
        _ bytes: UnsafePointer<UInt8>, count: Int, alphabet: Int, room: Huffman.Room,
        lengths: UnsafeMutablePointer<UInt8>
    ) -> Plan {
        let n = alphabet
        let counts = room.numbers
        memset(counts, 0, 4 &* n &* 4)
        let (c0, c1, c2, c3) = (counts, counts + n, counts + 2 &* n, counts + 3 &* n)
        var index = 0
        while index &+ 4 <= count {
            c0[Int(bytes[index])] &+= 1
            c1[Int(bytes[index &+ 1])] &+= 1
            c2[Int(bytes[index &+ 2])] &+= 1
            c3[Int(bytes[index &+ 3])] &+= 1
            index &+= 4
        }
        while index < count {
            counts[(index & 3) &* n &+ Int(bytes[index])] &+= 1
            index &+= 1
        }
        let all = counts + 4 &* n
        for symbol in 0..<n { all[symbol] = c0[symbol] &+ c1[symbol] &+ c2[symbol] &+ c3[symbol] }
        Huffman.findLengths(all, symbols: n, room: counts + 5 &* n, to: lengths)
        var bits = SIMD4<UInt32>(repeating: 0)
        for symbol in 0..<n {
            bits &+= SIMD4(c0[symbol], c1[symbol], c2[symbol], c3[symbol]) &* UInt32(lengths[symbol])
        }
        let sizes = (bits &+ 7) &>> 3
        return Plan(
            alphabet: alphabet, sizes: (Int(sizes[0]), Int(sizes[1]), Int(sizes[2]), Int(sizes[3])))
    }

    /// Writes a stream as planned.
    ///
    /// - Parameter staging: room for ``stagingSize(_:)`` bytes.
    /// - Returns: the place behind.
    @inline(never)
    @_optimize(speed)
    static func write(
        _ bytes: UnsafePointer<UInt8>, count: Int, plan: Plan, lengths: UnsafePointer<UInt8>,
        room: Huffman.Room, staging: UnsafeMutableRawPointer, to out: UnsafeMutableRawPointer
    ) -> UnsafeMutableRawPointer {
        let codes = room.numbers
        _ = Huffman.forEachCode(lengths, symbols: plan.alphabet, room.ranks) { symbol, code, length in
            codes[symbol] = code &<< 8 | length
        }
        for index in 0..<plan.alphabet / 2 {
            let both = lengths[2 &* index] | lengths[2 &* index &+ 1] &<< 4
            out.storeBytes(of: both, toByteOffset: index, as: UInt8.self)
        }
        let sizes = out + plan.alphabet / 2
        sizes.storeBytes(of: UInt32(plan.sizes.0).littleEndian, as: UInt32.self)
        sizes.storeBytes(of: UInt32(plan.sizes.1).littleEndian, toByteOffset: 4, as: UInt32.self)
        sizes.storeBytes(of: UInt32(plan.sizes.2).littleEndian, toByteOffset: 8, as: UInt32.self)
        var next = sizes + sizesSize
        writePair(bytes, count, codes, to: next, staging)
        memcpy(next + plan.sizes.0, staging, plan.sizes.1)
        next += plan.sizes.0 &+ plan.sizes.1
        writePair(bytes + 2, count &- 2, codes, to: next, staging)
        memcpy(next + plan.sizes.2, staging, plan.sizes.3)
        return next + (plan.sizes.2 &+ plan.sizes.3)
    }

    /// Every fourth symbol of `count`, from the first on and from the second on: two chains of codes at once.
    @inline(never)
    @_optimize(speed)
    private static func writePair(
        _ bytes: UnsafePointer<UInt8>, _ count: Int, _ codes: UnsafePointer<UInt32>,
        to first: UnsafeMutableRawPointer, _ second: UnsafeMutableRawPointer
    ) {
        var a = Writer(first)
        var b = Writer(second)
        var index = 0
        // Up to 7 bits and five codes fit.
        while index &+ 17 < count {
            for step in 0..<5 {
                a.add(codes[Int(bytes[index &+ 4 &* step])])
                b.add(codes[Int(bytes[index &+ 4 &* step &+ 1])])
            }
            a.store()
            b.store()
            index &+= 20
        }
        while index < count {
            a.add(codes[Int(bytes[index])])
            a.store()
            if index &+ 1 < count {
                b.add(codes[Int(bytes[index &+ 1])])
                b.store()
            }
            index &+= 4
        }
    }

    /// A part of a stream that is being written.
    private struct Writer {
        private var out: UnsafeMutableRawPointer
        private var bits: UInt64 = 0
        private var filled: UInt64 = 0

        @inline(__always)
        init(_ out: UnsafeMutableRawPointer) { self.out = out }

        /// - Parameter code: its length, and above that its bits.
        @inline(__always)
        mutating func add(_ code: UInt32) {
            bits |= UInt64(code &>> 8) &<< filled
            filled &+= UInt64(code & 0xff)
        }

        /// Puts all bits out, the last byte of which may be put out once more.
        @inline(__always)
        mutating func store() {
            out.storeBytes(of: bits.littleEndian, as: UInt64.self)
            out += Int(filled &>> 3)
            bits &>>= filled & ~7
            filled &= 7
        }
    }

    /// Reads a stream of `count` symbols, and trusts nothing.
    ///
    /// - Parameters:
    ///   - size: its bytes; ``slack`` more may be looked at.
    ///   - out: room for `count` bytes.
    /// - Returns: whether it is one, and ends where it should.
    @inline(never)
    @_optimize(speed)
    static func read(
        _ source: UnsafeRawPointer, size: Int, count: Int, alphabet: Int, room: Huffman.Room,
        to out: UnsafeMutablePointer<UInt8>
    ) -> Bool {
        let headerSize = headerSize(alphabet: alphabet)
        guard size >= headerSize else { return false }
        let lengths = room.lengths
        let table = room.table
        for index in 0..<alphabet / 2 {
            let both = source.load(fromByteOffset: index, as: UInt8.self)
            lengths[2 &* index] = both & 15
            lengths[2 &* index &+ 1] = both &>> 4
        }
        guard fill(room, alphabet) else { return false }
        @inline(__always)
        func partSize(_ part: Int) -> Int {
            Int(
                UInt32(
                    littleEndian: source.loadUnaligned(
                        fromByteOffset: alphabet / 2 &+ 4 &* part, as: UInt32.self)))
        }
        let sizes = (partSize(0), partSize(1), partSize(2))
        let last = size &- headerSize &- sizes.0 &- sizes.1 &- sizes.2
        guard last >= 0 else { return false }
        let base = source + headerSize
        var a = Reader(base, sizes.0)
        var b = Reader(base + sizes.0, sizes.1)
        var c = Reader(base + (sizes.0 &+ sizes.1), sizes.2)
        var d = Reader(base + (sizes.0 &+ sizes.1 &+ sizes.2), last)
        var index = 0
        while index &+ 20 <= count {
            guard a.isInside, b.isInside, c.isInside, d.isInside else { return false }
            var (x, y, z, w) = (a.bits, b.bits, c.bits, d.bits)
            for _ in 0..<5 {
                out[index] = a.next(table, &x)
                out[index &+ 1] = b.next(table, &y)
                out[index &+ 2] = c.next(table, &z)
                out[index &+ 3] = d.next(table, &w)
                index &+= 4
            }
        }
        while index < count {
            guard a.isInside else { return false }
            var bits = a.bits
            out[index] = a.next(table, &bits)
            // The next symbol is the next part's.
            (a, b, c, d) = (b, c, d, a)
            index &+= 1
        }
        return a.isAtEnd && b.isAtEnd && c.isAtEnd && d.isAtEnd
    }

    /// A part of a stream that is being read.
    private struct Reader {
        let base: UnsafeRawPointer
        let size: Int
        /// Bits that have been read.
        var position = 0

        @inline(__always)
        init(_ base: UnsafeRawPointer, _ size: Int) {
            self.base = base
            self.size = size
        }

        @inline(__always)
        var isInside: Bool { position &>> 3 <= size }

        @inline(__always)
        var isAtEnd: Bool { (position &+ 7) &>> 3 == size }

        /// The next bits, 57 at least.
        @inline(__always)
        var bits: UInt64 {
            UInt64(littleEndian: base.loadUnaligned(fromByteOffset: position &>> 3, as: UInt64.self))
                &>> UInt64(position & 7)
        }

        @inline(__always)
        mutating func next(_ table: UnsafePointer<UInt16>, _ bits: inout UInt64) -> UInt8 {
            let entry = table[Int(bits & UInt64(Huffman.tableEntries &- 1))]
            bits &>>= UInt64(entry & 0xff)
            position &+= Int(entry & 0xff)
            return UInt8(truncatingIfNeeded: entry &>> 8)
        }
    }

    /// Fills the table from the lengths.
    ///
    /// - Returns: whether they are those of a code.
    @inline(never)
    @_optimize(speed)
    private static func fill(_ room: Huffman.Room, _ alphabet: Int) -> Bool {
        let table = room.table
        return Huffman.forEachCode(room.lengths, symbols: alphabet, room.ranks) { symbol, code, length in
            let entry = UInt16(symbol) &<< 8 | UInt16(length)
            let step = 1 &<< Int(length)
            var index = Int(code)
            while index < Huffman.tableEntries {
                table[index] = entry
                index &+= step
            }
        }
    }
}
