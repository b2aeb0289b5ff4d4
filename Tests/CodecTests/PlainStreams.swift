/// The coded streams of docs/tile-format.md, symbol by symbol and bit by bit.
struct PlainFieldStreams {
    /// For each field and width the symbols that no block has taken.
    private var symbols: [[ArraySlice<UInt8>]]

    var isEmpty: Bool { symbols.allSatisfy { $0.allSatisfy { $0.isEmpty } } }

    /// Of a stream of a width, how many different symbols a code can have.
    static func alphabet(_ width: Int) -> Int {
        switch width {
        case 1, 2, 4, 8: 256
        case 3, 6: 64
        case 5: 32
        default: 128
        }
    }

    /// Where the field of each lane is in a block's symbols: `[lane]`, row by row.
    static func places(_ width: Int) -> [(symbol: Int, bit: Int)] {
        // The lanes that share the symbol 0, from the lowest bit on.
        let together =
            switch width {
            case 1: [0, 8, 4, 12, 2, 10, 6, 14]
            case 2: [0, 8, 4, 12]
            case 3, 4: [0, 8]
            default: [0]
            }
        let count = 16 / together.count
        var places = [(symbol: Int, bit: Int)](repeating: (0, 0), count: 16)
        for symbol in 0..<count {
            for (index, lane) in together.enumerated() { places[symbol + lane] = (symbol, index * width) }
        }
        return places
    }

    /// The symbols that a block adds to a stream.
    static func squeeze(_ lanes: [Int], width: Int) -> [UInt8] {
        let places = places(width)
        var symbols = [UInt8](repeating: 0, count: places.map { $0.symbol }.max()! + 1)
        for (lane, place) in places.enumerated() { symbols[place.symbol] |= UInt8(lanes[lane] << place.bit) }
        return symbols
    }

    init(_ coded: ArraySlice<UInt8>, tiles: Int) throws {
        symbols = Array(repeating: Array(repeating: [], count: 9), count: 4)
        var rest = coded
        func number() throws -> Int {
            guard rest.count >= 4 else { throw PlainTileDecoder.Refusal("coded streams are cut off") }
            defer { rest = rest.dropFirst(4) }
            return rest.prefix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
        }
        let present = try number()
        var all = 0
        for field in 0..<4 {
            for width in 1...8 where present >> (8 * field + width - 1) & 1 == 1 {
                let count = try number()
                let size = try number()
                all += count
                guard all <= 4096 * tiles else { throw PlainTileDecoder.Refusal("too many symbols") }
                guard size <= rest.count else { throw PlainTileDecoder.Refusal("stream is cut off") }
                let stream = Array(rest.prefix(size))
                rest = rest.dropFirst(size)
                symbols[field][width] = ArraySlice(
                    size == count
                        ? stream
                        : try PlainHuffman.decode(stream, count: count, alphabet: Self.alphabet(width)))
            }
        }
        guard rest.isEmpty else { throw PlainTileDecoder.Refusal("bytes behind the streams") }
    }

    /// The fields of the next block: `[lane][field]`, row by row.
    mutating func take(_ widths: [Int]) throws -> [[Int]] {
        var lanes = [[Int]](repeating: [0, 0, 0, 0], count: 16)
        for (field, width) in widths.enumerated() where width > 0 {
            let places = Self.places(width)
            let count = places.map { $0.symbol }.max()! + 1
            guard symbols[field][width].count >= count else { throw PlainTileDecoder.Refusal("symbols") }
            let taken = Array(symbols[field][width].prefix(count))
            symbols[field][width] = symbols[field][width].dropFirst(count)
            for (lane, place) in places.enumerated() {
                lanes[lane][field] = Int(taken[place.symbol]) >> place.bit & (1 << width - 1)
            }
        }
        return lanes
    }
}

/// Canonical Huffman codes as docs/tile-format.md has them.
enum PlainHuffman {
    /// The symbol of each code, at the number that a 1 and then the code's bits make; nil when the lengths are not
    /// those of a code.
    static func symbols(_ lengths: [Int]) -> [UInt8?]? {
        var symbols = [UInt8?](repeating: nil, count: 1 << 12)
        let used = lengths.indices.filter { lengths[$0] > 0 }
        if used.count == 1 {
            guard lengths[used[0]] == 1 else { return nil }
            symbols[0b10] = UInt8(used[0])
            symbols[0b11] = UInt8(used[0])
            return symbols
        }
        guard used.allSatisfy({ lengths[$0] <= 11 }), kraftSum(lengths) == 1 << 11 else { return nil }
        var next = 0
        var length = 0
        for symbol in used.sorted(by: { (lengths[$0], $0) < (lengths[$1], $1) }) {
            next <<= lengths[symbol] - length
            length = lengths[symbol]
            symbols[1 << length | next] = UInt8(symbol)
            next += 1
        }
        return symbols
    }

    /// The sum of 2^−length over the symbols that have codes, in units of 2⁻¹¹.
    static func kraftSum(_ lengths: [Int]) -> Int {
        lengths.reduce(0) { $0 + ($1 > 0 && $1 <= 11 ? 1 << (11 - $1) : 0) }
    }

    /// The symbols of a stream.
    static func decode(_ coded: [UInt8], count: Int, alphabet: Int) throws -> [UInt8] {
        let header = alphabet / 2 + 12
        guard coded.count >= header else { throw PlainTileDecoder.Refusal("header of a stream") }
        let lengths = (0..<alphabet).map { Int(coded[$0 / 2]) >> (4 * ($0 % 2)) & 15 }
        guard let symbols = symbols(lengths) else { throw PlainTileDecoder.Refusal("code lengths") }
        var rest = coded[header...]
        var parts: [[UInt8]] = []
        for part in 0..<3 {
            let at = alphabet / 2 + 4 * part
            let size = coded[at..<at + 4].reversed().reduce(0) { $0 << 8 | Int($1) }
            guard size <= rest.count else { throw PlainTileDecoder.Refusal("size of a part") }
            parts.append(Array(rest.prefix(size)))
            rest = rest.dropFirst(size)
        }
        parts.append(Array(rest))
        var out = [UInt8](repeating: 0, count: count)
        for part in 0..<4 {
            var position = 0
            for index in stride(from: part, to: count, by: 4) {
                var code = 1
                while symbols[code] == nil {
                    guard position < 8 * parts[part].count else {
                        throw PlainTileDecoder.Refusal("part ends")
                    }
                    code = code << 1 | Int(parts[part][position / 8]) >> (position % 8) & 1
                    position += 1
                }
                out[index] = symbols[code]!
            }
            guard (position + 7) / 8 == parts[part].count else {
                throw PlainTileDecoder.Refusal("part is too long")
            }
        }
        return out
    }
}
