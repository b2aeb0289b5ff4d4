import CPosix
import TestSupport
import Testing

@testable import Codec

/// Code lengths, streams of symbols, and how fields become symbols: held against docs/tile-format.md.
@Suite struct HuffmanTests {
    /// What finding and using codes needs, of a size that is exactly as promised.
    private final class Memory {
        private let guarded = GuardedBytes(count: (Huffman.Room.size + 63) / 64 * 64 + 512)
        let room: Huffman.Room

        init() {
            var next = guarded.base
            room = Huffman.Room(&next)
            #expect(next - guarded.base <= guarded.count)
        }

        func lengths(_ counts: [UInt32]) -> [Int] {
            var lengths = [UInt8](repeating: 0xFF, count: counts.count)
            Huffman.findLengths(counts, symbols: counts.count, room: room.numbers, to: &lengths)
            #expect(guarded.isIntact)
            return lengths.map { Int($0) }
        }
    }

    /// The bits that a Huffman code of any length takes: each joining of the two smallest weights costs their sum.
    private func fewestBits(_ counts: [UInt32]) -> Int {
        var weights = counts.filter { $0 > 0 }.map { Int($0) }.sorted()
        if weights.count == 1 { return weights[0] }
        var bits = 0
        while weights.count > 1 {
            let sum = weights[0] + weights[1]
            bits += sum
            weights.removeFirst(2)
            weights.insert(sum, at: weights.firstIndex { $0 >= sum } ?? weights.count)
        }
        return bits
    }

    private func bits(_ counts: [UInt32], _ lengths: [Int]) -> Int {
        zip(counts, lengths).reduce(0) { $0 + Int($1.0) * $1.1 }
    }

    private func expectCode(_ lengths: [Int], for counts: [UInt32], _ comment: Comment) {
        for (count, length) in zip(counts, lengths) {
            #expect((count > 0) == (length > 0), comment)
            #expect(length <= 11, comment)
        }
        #expect(PlainHuffman.kraftSum(lengths) == 2048, comment)
    }

    // MARK: Lengths

    @Test func aSingleSymbolHasOneBit() {
        for symbol in [0, 1, 77, 255] {
            var counts = [UInt32](repeating: 0, count: 256)
            counts[symbol] = 1000
            let lengths = Memory().lengths(counts)
            #expect(lengths.indices.filter { lengths[$0] != 0 } == [symbol])
            #expect(lengths[symbol] == 1)
        }
    }

    @Test func twoSymbolsHaveOneBitEach() {
        for (a, b): (UInt32, UInt32) in [(1, 1), (1, 1_000_000), (16_000_000, 3)] {
            var counts = [UInt32](repeating: 0, count: 64)
            counts[63] = a
            counts[5] = b
            let lengths = Memory().lengths(counts)
            #expect(lengths[63] == 1 && lengths[5] == 1 && lengths.reduce(0, +) == 2)
        }
    }

    @Test(arguments: [32, 64, 128, 256])
    func equallyFrequentSymbolsHaveCodesOfOneLength(_ alphabet: Int) {
        for count: UInt32 in [1, 17, 65535, 65536, 1 << 24] {
            let lengths = Memory().lengths([UInt32](repeating: count, count: alphabet))
            #expect(lengths.allSatisfy { 1 << $0 == alphabet }, "\(count)")
        }
    }

    /// Frequencies whose Huffman tree is a chain.
    @Test func codesThatWouldBeTooLongAreLimited() {
        for symbols in 3...32 {
            var counts = [UInt32](repeating: 0, count: 256)
            var (a, b): (UInt32, UInt32) = (1, 1)
            for index in 0..<symbols {
                counts[index * 8 % 256 + index / 32] = a
                (a, b) = (b, a + b)
            }
            let lengths = Memory().lengths(counts)
            expectCode(lengths, for: counts, "\(symbols) symbols")
            let fewest = fewestBits(counts)
            let bits = bits(counts, lengths)
            #expect(
                bits <= fewest + fewest / 25, "\(symbols) symbols: \(bits) bits, \(fewest) without a limit")
        }
    }

    /// Geometric, flat, steep and sparse frequencies; up to those of a strip of 16 MiB.
    @Test(arguments: 0..<200)
    func anyFrequenciesGiveACodeThatIsNearlyTheBest(_ number: Int) {
        var random = SeededGenerator(case: 11_000 + number)
        let alphabet = [32, 64, 128, 256].randomElement(using: &random)!
        let largest = Double(1 << Int.random(in: 0...24, using: &random))
        let slope = Double.random(in: 0...1, using: &random)
        let share = [0.02, 0.3, 1, 1].randomElement(using: &random)!
        var falling = 1.0
        var counts = (0..<alphabet).map { _ -> UInt32 in
            falling *= number % 3 == 0 ? 1 - slope / 2 : 1
            guard Double.random(in: 0..<1, using: &random) < share else { return 0 }
            return UInt32(
                largest * falling * (number % 3 == 1 ? 1 : Double.random(in: 0...1, using: &random)))
        }
        if counts.allSatisfy({ $0 == 0 }) { counts[3] = 1 }
        if counts.filter({ $0 > 0 }).count == 1 { counts[counts[0] > 0 ? 1 : 0] = 1 }
        counts.shuffle(using: &random)
        let lengths = Memory().lengths(counts)
        let comment: Comment = "FRAMEWIRE_SEED=\(SeededGenerator.runSeed), \(number): \(counts)"
        expectCode(lengths, for: counts, comment)
        let fewest = fewestBits(counts)
        let bits = bits(counts, lengths)
        #expect(bits <= fewest + fewest / 25, "\(bits) bits, \(fewest) without a limit; \(comment)")
        // Nothing is cut off or rounded.
        guard counts.allSatisfy({ $0 < 65536 }), lengths.allSatisfy({ $0 < 11 }) else { return }
        #expect(bits == fewest, comment)
    }

    // MARK: Streams

    /// A coded stream, in memory that ends where the promised slack does.
    private func code(_ symbols: [UInt8], alphabet: Int, _ memory: Memory) -> [UInt8] {
        var lengths = [UInt8](repeating: 0, count: alphabet)
        let plan = HuffmanStream.plan(
            symbols, count: symbols.count, alphabet: alphabet, room: memory.room, lengths: &lengths)
        let target = GuardedBytes(count: plan.size + HuffmanStream.slack)
        let staging = GuardedBytes(count: HuffmanStream.stagingSize(symbols.count))
        let end = HuffmanStream.write(
            symbols, count: symbols.count, plan: plan, lengths: lengths, room: memory.room,
            staging: staging.base, to: target.base)
        #expect(staging.isIntact)
        #expect(end - target.base == plan.size)
        #expect(target.isIntact)
        return Array(target.bytes.prefix(plan.size))
    }

    /// The symbols of a coded stream, behind which there is no memory but the promised slack.
    private func decode(_ coded: [UInt8], count: Int, alphabet: Int, _ memory: Memory) -> [UInt8]? {
        let source = UnsafeMutableRawPointer.allocate(
            byteCount: coded.count + HuffmanStream.slack, alignment: 1)
        defer { source.deallocate() }
        memset(source, 0xFF, coded.count + HuffmanStream.slack)
        source.copyMemory(from: coded, byteCount: coded.count)
        let target = GuardedBytes(count: count)
        let isRead = HuffmanStream.read(
            source, size: coded.count, count: count, alphabet: alphabet, room: memory.room,
            to: target.base.assumingMemoryBound(to: UInt8.self))
        #expect(target.isIntact)
        return isRead ? Array(target.bytes) : nil
    }

    /// Symbols of which each is half as frequent as the one before, or all as frequent.
    private func symbols(_ count: Int, alphabet: Int, steep: Bool, _ random: inout SeededGenerator) -> [UInt8]
    {
        (0..<count).map { _ in
            let value =
                steep
                ? UInt64.random(in: 0...UInt64.max, using: &random).trailingZeroBitCount * 5
                : Int.random(in: 0..<alphabet, using: &random)
            return UInt8(value % alphabet)
        }
    }

    @Test(arguments: [32, 64, 128, 256], [false, true])
    func streamsOfAnyLengthComeBack(_ alphabet: Int, steep: Bool) throws {
        var random = SeededGenerator(case: 11_300 + alphabet + (steep ? 1 : 0))
        let memory = Memory()
        for count in Array(1...200) + [4095, 4096, 4097, 60_001] {
            let symbols = symbols(count, alphabet: alphabet, steep: steep, &random)
            let coded = code(symbols, alphabet: alphabet, memory)
            #expect(decode(coded, count: count, alphabet: alphabet, memory) == symbols, "\(count) symbols")
            guard count % 8 < 2 else { continue }
            let plain = try PlainHuffman.decode(coded, count: count, alphabet: alphabet)
            #expect(plain == symbols, "\(count) symbols")
        }
    }

    @Test func aStreamOfMostSymbolsComesBack() {
        var random = SeededGenerator(case: 11_400)
        let memory = Memory()
        // Codes of all lengths up to 11, and then some that had to be cut.
        var symbols: [UInt8] = []
        for symbol in 0..<16 { symbols += [UInt8](repeating: UInt8(symbol * 16), count: 1 << symbol) }
        symbols.shuffle(using: &random)
        #expect(
            decode(code(symbols, alphabet: 256, memory), count: symbols.count, alphabet: 256, memory)
                == symbols)
    }

    @Test func eitherBitStandsForASymbolThatIsTheOnlyOne() throws {
        var random = SeededGenerator(case: 11_500)
        let memory = Memory()
        for count in [1, 3, 4, 5, 31, 32, 33, 34, 79, 80, 81, 200] {
            let symbols = [UInt8](repeating: 29, count: count)
            var coded = code(symbols, alphabet: 32, memory)
            let parts = (0..<4).map { ((count + 3 - $0) / 4 + 7) / 8 }
            #expect(coded.count == 16 + 12 + parts.reduce(0, +))
            #expect(coded.dropFirst(28).allSatisfy { $0 == 0 })
            for index in 28..<coded.count { coded[index] = UInt8.random(in: 0...255, using: &random) }
            #expect(decode(coded, count: count, alphabet: 32, memory) == symbols)
            #expect(try PlainHuffman.decode(coded, count: count, alphabet: 32) == symbols)
        }
    }

    @Test(arguments: 0..<4)
    func aDamagedStreamIsReadAsTheFormatSaysOrRefused(_ number: Int) {
        var random = SeededGenerator(case: 11_600 + number)
        let memory = Memory()
        let alphabet = [32, 64, 128, 256][number]
        let count = 90 + number
        let symbols = symbols(count, alphabet: alphabet, steep: number % 2 == 0, &random)
        let coded = code(symbols, alphabet: alphabet, memory)
        var refused = 0
        func compare(_ damaged: [UInt8], _ comment: Comment) {
            let read = decode(damaged, count: count, alphabet: alphabet, memory)
            if read == nil { refused += 1 }
            let plain = try? PlainHuffman.decode(damaged, count: count, alphabet: alphabet)
            #expect(read == plain, comment)
        }
        for place in coded.indices {
            for bit in 0..<8 {
                var damaged = coded
                damaged[place] ^= 1 << UInt8(bit)
                compare(damaged, "byte \(place), bit \(bit)")
            }
            compare(Array(coded[..<place]), "\(place) bytes")
        }
        compare(coded + [0], "a byte more")
        #expect(refused > coded.count)
    }

    /// An address sanitizer sees every step behind the slack.
    @Test func partsThatEndTooSoonAreNotReadBeyondTheirEnd() {
        let memory = Memory()
        for lengths in [[1, 1], Array(1...10) + [11, 11]] {
            for (last, count) in [(0, 1), (0, 4), (0, 20), (0, 4096), (1, 4096), (7, 4097), (8, 60_000)] {
                var coded = [UInt8](repeating: 0, count: 16 + 12)
                for (symbol, length) in lengths.enumerated() {
                    coded[symbol / 2] |= UInt8(length << (4 * (symbol % 2)))
                }
                coded += [UInt8](repeating: 0xFF, count: last)
                #expect(decode(coded, count: count, alphabet: 32, memory) == nil, "\(count) symbols")
            }
        }
    }

    @Test func lengthsThatMakeNoCodeAreRefused() {
        let memory = Memory()
        /// Of 32 symbols, the first ones have these lengths; bytes of the parts.
        func isRead(_ lengths: [Int], parts: Int = 1) -> Bool {
            var header = [UInt8](repeating: 0, count: 16 + 12)
            for (symbol, length) in lengths.enumerated() {
                header[symbol / 2] |= UInt8(length << (4 * (symbol % 2)))
            }
            for part in 0..<3 { header[16 + 4 * part] = UInt8(parts) }
            let coded = header + [UInt8](repeating: 0, count: 4 * parts)
            return decode(coded, count: 4, alphabet: 32, memory) != nil
        }
        #expect(isRead([1, 1]))
        #expect(isRead([1]))
        #expect(isRead([0, 1, 0]))
        #expect(isRead([2, 1, 2]))
        #expect(isRead(Array(1...10) + [11, 11]))
        #expect(!isRead([]))
        #expect(!isRead([2]))
        #expect(!isRead([1, 2]))
        #expect(!isRead([1, 1, 1]))
        #expect(!isRead([1, 1, 11]))
        #expect(!isRead(Array(1...10) + [11, 10]))
        #expect(!isRead(Array(1...11) + [12, 12]))
        for length in 12...15 { #expect(!isRead([1, 1, length]), "\(length)") }
        #expect(!isRead([Int](repeating: 1, count: 32)))
        #expect(!isRead([1, 1], parts: 2))
        #expect(!isRead([1, 1], parts: 0))
    }

    // MARK: Fields

    @Test(arguments: 1...8)
    func fieldsBecomeTheSymbolsOfTheTableAndComeBack(_ width: Int) {
        var random = SeededGenerator(case: 11_700 + width)
        let squeeze = FieldStreams.Squeeze(width: width)
        for _ in 0..<200 {
            let lanes = (0..<16).map { _ in Int.random(in: 0..<1 << width, using: &random) }
            func half(_ lanes: ArraySlice<Int>) -> UInt64 {
                lanes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
            }
            let (low, high) = (half(lanes[..<8]), half(lanes[8...]))
            var symbols = PlainFieldStreams.squeeze(lanes, width: width)
            #expect(squeeze.bytes == symbols.count)
            func bytes(_ number: UInt64) -> [UInt8] {
                (0..<8).map { UInt8(truncatingIfNeeded: number >> UInt64(8 * $0)) }
            }
            let joined = bytes(squeeze.join(low, high)) + bytes(high)
            #expect(Array(joined.prefix(squeeze.bytes)) == symbols, "\(lanes)")
            // Bits that no field has, and what follows in the stream, mean nothing.
            let used = width == 3 ? 6 : max(width, width < 3 ? 8 : width == 4 ? 8 : 0)
            for index in symbols.indices where used < 8 {
                symbols[index] |= UInt8.random(in: 0...255, using: &random) << UInt8(used)
            }
            symbols += (0..<16).map { _ in UInt8.random(in: 0...255, using: &random) }
            func number(_ bytes: ArraySlice<UInt8>) -> UInt64 {
                bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
            }
            let split = squeeze.split(number(symbols[..<8]), number(symbols[8..<16]))
            #expect(bytes(split[0]) + bytes(split[1]) == lanes.map { UInt8($0) }, "\(lanes)")
        }
    }

    @Test func aFieldOfNoBitsHasNoSymbols() {
        let squeeze = FieldStreams.Squeeze(width: 0)
        #expect(squeeze.bytes == 0)
        let split = squeeze.split(.max, .max)
        #expect(split[0] == 0 && split[1] == 0)
    }

    @Test func alphabetsAreThoseOfTheDocument() {
        for width in 1...8 { #expect(FieldStreams.alphabet(width) == PlainFieldStreams.alphabet(width)) }
    }
}
