/// Huffman codes for symbols of a byte: how long they are, and which bits. See "Coded streams" in
/// docs/tile-format.md.
///
/// Codes are canonical and have at most ``longest`` bits, the first of which comes first: so the next bits of a
/// stream are an index into a table.
enum Huffman {
    /// Bits of the longest code.
    static let longest = 11
    /// Entries of a table for decoding.
    static let tableEntries = 1 << longest
    /// Different symbols, at most.
    static let largestAlphabet = 256

    /// Memory that finding and using a code needs.
    struct Room {
        /// Eight times a number for each symbol.
        let numbers: UnsafeMutablePointer<UInt32>
        /// A number for each length, twice.
        let ranks: UnsafeMutablePointer<UInt32>
        /// For any next eleven bits, the symbol in the upper byte and the length of its code.
        let table: UnsafeMutablePointer<UInt16>
        let lengths: UnsafeMutablePointer<UInt8>

        static let size = 8 * largestAlphabet * 4 + 32 * 4 + tableEntries * 2 + largestAlphabet

        /// - Parameter next: a multiple of 64 with ``size`` bytes; set to the place behind them.
        init(_ next: inout UnsafeMutableRawPointer) {
            numbers = TileScratch.take(8 * largestAlphabet * 4, from: &next).assumingMemoryBound(
                to: UInt32.self)
            ranks = TileScratch.take(32 * 4, from: &next).assumingMemoryBound(to: UInt32.self)
            table = TileScratch.take(tableEntries * 2, from: &next).assumingMemoryBound(to: UInt16.self)
            lengths = TileScratch.take(largestAlphabet, from: &next).assumingMemoryBound(to: UInt8.self)
        }
    }

    /// Finds code lengths, at most ``longest``, that make the fewest bits of it or nearly so.
    ///
    /// Source: Moffat and Katajainen, "In-place calculation of minimum-redundancy codes", 1995; codes that
    /// become too long are cut, and shorter ones made longer for it.
    ///
    /// - Parameters:
    ///   - counts: how often each symbol comes; at least one comes.
    ///   - symbols: how many there are, at most 256.
    ///   - room: for 768 numbers.
    ///   - lengths: 0 for symbols that do not come.
    static func findLengths(
        _ counts: UnsafePointer<UInt32>, symbols: Int, room: UnsafeMutablePointer<UInt32>,
        to lengths: UnsafeMutablePointer<UInt8>
    ) {
        var largest: UInt32 = 0
        for symbol in 0..<symbols { largest |= counts[symbol] }
        // What is sorted: 16 bits of count, and the symbol.
        let shift = UInt32(max(0, 16 &- largest.leadingZeroBitCount))
        let keys = room
        let sorted = room + largestAlphabet
        var used = 0
        for symbol in 0..<symbols {
            lengths[symbol] = 0
            let count = counts[symbol]
            if count == 0 { continue }
            keys[used] = max(1, count &>> shift) &<< 8 | UInt32(symbol)
            used &+= 1
        }
        if used == 1 {
            lengths[Int(keys[0] & 0xff)] = 1
            return
        }
        sort(keys, used, by: 8, to: sorted, room + 2 &* largestAlphabet)
        sort(sorted, used, by: 16, to: keys, room + 2 &* largestAlphabet)
        let depths = sorted
        for index in 0..<used { depths[index] = keys[index] &>> 8 }
        findDepths(depths, used)
        limit(depths, used)
        for index in 0..<used { lengths[Int(keys[index] & 0xff)] = UInt8(truncatingIfNeeded: depths[index]) }
    }

    /// Sorts by eight bits of each number, keeping the order of those that are equal there.
    private static func sort(
        _ keys: UnsafePointer<UInt32>, _ count: Int, by shift: UInt32,
        to sorted: UnsafeMutablePointer<UInt32>,
        _ places: UnsafeMutablePointer<UInt32>
    ) {
        for index in 0..<256 { places[index] = 0 }
        for index in 0..<count { places[Int((keys[index] &>> shift) & 0xff)] &+= 1 }
        var next: UInt32 = 0
        for index in 0..<256 {
            let here = places[index]
            places[index] = next
            next &+= here
        }
        for index in 0..<count {
            let digit = Int((keys[index] &>> shift) & 0xff)
            sorted[Int(places[digit])] = keys[index]
            places[digit] &+= 1
        }
    }

    /// Turns weights in ascending order, two or more, into the depths of the leaves of their Huffman tree.
    private static func findDepths(_ a: UnsafeMutablePointer<UInt32>, _ count: Int) {
        // Weights of inner nodes take the places of the leaves that they join; then parents theirs.
        var root = 0
        var leaf = 0
        for next in 0..<count &- 1 {
            @inline(__always)
            func smallest() -> UInt32 {
                if leaf >= count || (root < next && a[root] < a[leaf]) {
                    let weight = a[root]
                    a[root] = UInt32(next)
                    root &+= 1
                    return weight
                }
                leaf &+= 1
                return a[leaf &- 1]
            }
            let first = smallest()
            a[next] = first &+ smallest()
        }
        // Depths of inner nodes, from the root on down.
        a[count &- 2] = 0
        var node = count &- 3
        while node >= 0 {
            a[node] = a[Int(a[node])] &+ 1
            node &-= 1
        }
        // At each depth, places that no inner node takes are leaves.
        var available = 1
        var depth: UInt32 = 0
        var next = count &- 1
        node = count &- 2
        while available > 0 {
            var inner = 0
            while node >= 0, a[node] == depth {
                inner &+= 1
                node &-= 1
            }
            while available > inner {
                a[next] = depth
                next &-= 1
                available &-= 1
            }
            available = 2 &* inner
            depth &+= 1
        }
    }

    /// Makes code lengths of depths, those of the rarest symbols first: at most ``longest``, and such that every
    /// sequence of bits is one of codes.
    private static func limit(_ a: UnsafeMutablePointer<UInt32>, _ count: Int) {
        let longest = UInt32(Self.longest)
        // What codes take of all sequences of 11 bits.
        var taken = 0
        for index in 0..<count {
            a[index] = min(a[index], longest)
            taken &+= 1 &<< Int(longest &- a[index])
        }
        var rarest = 0
        while taken > tableEntries {
            while a[rarest] == longest { rarest &+= 1 }
            a[rarest] &+= 1
            taken &-= 1 &<< Int(longest &- a[rarest])
        }
        while taken < tableEntries {
            var index = count &- 1
            while index >= 0 {
                let more = 1 &<< Int(longest &- a[index])
                if taken &+ more <= tableEntries {
                    a[index] &-= 1
                    taken &+= more
                }
                index &-= 1
            }
        }
    }

    /// The codes of given lengths: shorter ones before longer ones, among equals those of smaller symbols.
    ///
    /// - Parameters:
    ///   - lengths: of all symbols, none above 15.
    ///   - ranks: room for 32 numbers.
    ///   - body: called for each symbol that has a code, with its bits, the first one lowest, and its length.
    /// - Returns: whether the lengths are those of a code in which no bits are left over. A single symbol has one
    ///   of length 1, and both codes there are: `body` is called with 1, then with 0.
    @inline(__always)
    static func forEachCode(
        _ lengths: UnsafePointer<UInt8>, symbols: Int, _ ranks: UnsafeMutablePointer<UInt32>,
        _ body: (_ symbol: Int, _ code: UInt32, _ length: UInt32) -> Void
    ) -> Bool {
        let next = ranks + 16
        for length in 0..<16 { ranks[length] = 0 }
        for symbol in 0..<symbols { ranks[Int(lengths[symbol])] &+= 1 }
        var code: UInt32 = 0
        for length in 1...longest {
            next[length] = code
            code &+= ranks[length] &<< UInt32(longest &- length)
        }
        let isSingle = ranks[0] == symbols &- 1 && ranks[1] == 1
        let tooLong = ranks[12] | ranks[13] | ranks[14] | ranks[15]
        guard tooLong == 0, code == tableEntries || isSingle else { return false }
        for symbol in 0..<symbols {
            let length = UInt32(lengths[symbol])
            if length == 0 { continue }
            if isSingle { body(symbol, 1, length) }
            // Codes count in their highest bits, which come first: they are turned round.
            body(symbol, reversed(next[Int(length)]), length)
            next[Int(length)] &+= 1 &<< (UInt32(longest) &- length)
        }
        return true
    }

    /// The lowest eleven bits in the opposite order.
    @inline(__always)
    private static func reversed(_ value: UInt32) -> UInt32 {
        var v = value &<< 5
        v = (v & 0x5555) &<< 1 | (v &>> 1) & 0x5555
        v = (v & 0x3333) &<< 2 | (v &>> 2) & 0x3333
        v = (v & 0x0f0f) &<< 4 | (v &>> 4) & 0x0f0f
        return (v & 0xff) &<< 8 | (v &>> 8)
    }
}
