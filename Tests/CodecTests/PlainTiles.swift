import Buffers

/// The lanes of docs/tile-format.md, component by component and without vectors.
enum PlainFields: CaseIterable {
    case bytes, color, halves, words, tenBit, depthStencil
    /// Colours of which the first, the third or both are as they are.
    case firstAlone, thirdAlone, colorsAlone

    /// Those of a packed tile's mode; nil where there is no such mode.
    func ofMode(_ mode: Int) -> PlainFields? {
        let colors: [PlainFields] = [.color, .firstAlone, .thirdAlone, .colorsAlone]
        if mode < 16 { return self }
        return self == .color && mode < 64 && mode & 8 == 0 ? colors[mode / 16] : nil
    }

    var isColor: Bool { [.color, .firstAlone, .thirdAlone, .colorsAlone].contains(self) }

    /// Which colours green is part of.
    private var following: (first: Int, third: Int) {
        switch self {
        case .color: (1, 1)
        case .firstAlone: (0, 1)
        case .thirdAlone: (1, 0)
        default: (0, 0)
        }
    }

    /// The bits of the components of a lane, from its lowest bit on.
    var componentBits: [Int] {
        switch self {
        case .bytes, .color, .firstAlone, .thirdAlone, .colorsAlone: [8, 8, 8, 8]
        case .halves: [16, 16]
        case .words: [32]
        case .tenBit: [10, 10, 10, 2]
        case .depthStencil: [8, 24]
        }
    }

    var isSigned: Bool { componentBits.count == 4 && self != .tenBit }

    /// The components of four bytes.
    func components(_ lane: [UInt8]) -> [Int] {
        var number = Self.number(lane)
        return componentBits.map { bits in
            defer { number >>= bits }
            return number & (1 << bits - 1)
        }
    }

    /// The four bytes of components.
    func lane(_ components: [Int]) -> [UInt8] {
        var number = 0
        var place = 0
        for (component, bits) in zip(components, componentBits) {
            number |= component << place
            place += bits
        }
        return (0..<4).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
    }

    /// The fields that an encoder writes for the differences of a lane's components.
    func fields(_ differences: [Int]) -> [UInt8] {
        func byte(_ value: Int) -> UInt8 { UInt8(truncatingIfNeeded: value) }
        let d = differences
        switch self {
        case .bytes: return d.map(byte)
        case .color, .firstAlone, .thirdAlone, .colorsAlone:
            return [
                byte(d[0] - following.first * d[1]), byte(d[1]), byte(d[2] - following.third * d[1]),
                byte(d[3]),
            ]
        case .halves, .words, .tenBit, .depthStencil:
            let z = zip(d, componentBits).map { Self.zigzag($0, bits: $1) }
            switch self {
            case .halves: return [byte(z[0]), byte(z[0] >> 8), byte(z[1]), byte(z[1] >> 8)]
            case .words: return (0..<4).map { byte(z[0] >> (8 * $0)) }
            case .tenBit:
                let high = z[0] >> 8 | (z[1] >> 8) << 2 | (z[2] >> 8) << 4 | z[3] << 6
                return [byte(z[0]), byte(z[1]), byte(z[2]), byte(high)]
            default: return [byte(z[1]), byte(z[1] >> 8), byte(z[1] >> 16), byte(z[0])]
            }
        }
    }

    /// What fields say, signed ones extended to eight bits.
    func differences(_ f: [UInt8]) -> [Int] {
        func joined(_ bytes: UInt8...) -> Int { Self.number(bytes) }
        switch self {
        case .bytes: return f.map { Int($0) }
        case .color, .firstAlone, .thirdAlone, .colorsAlone:
            let (first, third) = following
            return [Int(f[0]) + first * Int(f[1]), Int(f[1]), Int(f[2]) + third * Int(f[1]), Int(f[3])]
        case .halves: return [Self.unzigzag(joined(f[0], f[1])), Self.unzigzag(joined(f[2], f[3]))]
        case .words: return [Self.unzigzag(joined(f[0], f[1], f[2], f[3]))]
        case .tenBit:
            let tens = (0..<3).map { Self.unzigzag(Int(f[$0]) + 256 * (Int(f[3]) >> (2 * $0) & 3)) }
            return tens + [Self.unzigzag(Int(f[3]) / 64)]
        case .depthStencil:
            return [Self.unzigzag(Int(f[3])), Self.unzigzag(joined(f[0], f[1], f[2]))]
        }
    }

    /// The bits that a field needs.
    func width(_ field: UInt8) -> Int {
        let magnitude = isSigned ? Self.zigzag(Int(Int8(bitPattern: field)), bits: 8) : Int(field)
        return Int.bitWidth - magnitude.leadingZeroBitCount
    }

    /// A field of `width` bits, signed ones extended to eight.
    func field(_ bits: Int, width: Int) -> UInt8 {
        guard isSigned, width > 0, bits >> (width - 1) & 1 == 1 else { return UInt8(bits) }
        return UInt8(truncatingIfNeeded: bits - 1 << width)
    }

    private static func number(_ bytes: [UInt8]) -> Int {
        bytes.reversed().reduce(0) { $0 << 8 | Int($1) }
    }

    private static func zigzag(_ difference: Int, bits: Int) -> Int {
        let range = 1 << bits
        var d = (difference % range + range) % range
        if d >= range / 2 { d -= range }
        return d >= 0 ? 2 * d : -2 * d - 1
    }

    private static func unzigzag(_ z: Int) -> Int { z % 2 == 0 ? z / 2 : -(z + 1) / 2 }
}

/// How docs/tile-format.md has a plane's bytes: the table of its formats.
struct PlainFormat {
    let fields: PlainFields
    /// Components of a pixel.
    let components: Int
    let isThreeBytes: Bool

    init(_ format: PixelFormat, plane: Int) {
        (fields, components, isThreeBytes) =
            switch format {
            case .rgba8, .bgra8, .rgbx8, .bgrx8: (.color, 4, false)
            case .rgb8, .bgr8: (.color, 4, true)
            case .r8, .i420: (.bytes, 1, false)
            case .rg8: (.bytes, 2, false)
            case .nv12: (.bytes, plane == 0 ? 1 : 2, false)
            case .r16, .r16f, .depth16: (.halves, 1, false)
            case .rgba16, .rgba16f: (.halves, 4, false)
            case .r32f, .depth32f: (.words, 1, false)
            case .rgba32f: (.words, 4, false)
            case .rgb10a2: (.tenBit, 4, false)
            case .depth24s8: (.depthStencil, 2, false)
            }
    }

    /// The bytes that are coded for those of a row.
    func expanded(_ row: [UInt8]) -> [UInt8] {
        guard isThreeBytes else { return row }
        return (0..<row.count / 3).flatMap { pixel -> [UInt8] in Array(row[3 * pixel..<3 * pixel + 3]) + [0] }
    }

    func contracted(_ row: [UInt8]) -> [UInt8] {
        guard isThreeBytes else { return row }
        return (0..<row.count / 4).flatMap { pixel -> ArraySlice<UInt8> in row[4 * pixel..<4 * pixel + 3] }
    }

    /// The components of a row; its last lane is filled with zeros.
    func components(_ row: [UInt8]) -> [Int] {
        let filled = row + [UInt8](repeating: 0, count: (4 - row.count % 4) % 4)
        return (0..<filled.count / 4).flatMap { lane -> [Int] in
            fields.components(Array(filled[4 * lane..<4 * lane + 4]))
        }
    }

    /// The first `count` bytes of a row of components.
    func bytes(_ row: [Int], count: Int) -> [UInt8] {
        let perLane = fields.componentBits.count
        let lanes = (0..<row.count / perLane).flatMap { lane -> [UInt8] in
            fields.lane(Array(row[lane * perLane..<(lane + 1) * perLane]))
        }
        return Array(lanes[..<count])
    }
}

/// The pixels of a strip as rows of components, and what a place in them is predicted from.
struct PlainPredictor {
    enum Mode: Int, CaseIterable {
        case left = 3
        case gradient = 4
        case reference = 5
        case above = 6
    }

    let format: PlainFormat
    var rows: [[Int]]
    var reference: [[Int]]?

    /// The prediction of component `index` of row `y`, before it is taken modulo its range.
    func prediction(_ mode: Mode, _ index: Int, _ y: Int) -> Int {
        switch mode {
        case .left: left(index, y)
        case .gradient: left(index, y) + pixel(index, y - 1) - corner(index, y)
        case .reference: reference![y][index]
        case .above: pixel(index, y - 1)
        }
    }

    /// 0 above the strip.
    private func pixel(_ index: Int, _ y: Int) -> Int { y < 0 ? 0 : rows[y][index] }

    private func left(_ index: Int, _ y: Int) -> Int {
        index >= format.components ? rows[y][index - format.components] : pixel(index, y / 4 * 4 - 1)
    }

    private func corner(_ index: Int, _ y: Int) -> Int {
        if y == 0 { return 0 }
        if index >= format.components { return rows[y - 1][index - format.components] }
        return y % 16 == 0 ? rows[y - 1][index] : left(index, y - 1)
    }
}

/// Blocks of 4 × 4 lanes as docs/tile-format.md has them.
enum PlainPacking {
    /// The rows and lanes that the eight numbers of each half of a block stand for.
    static func places(half: Int) -> [(row: Int, lane: Int)] {
        [
            (0, half), (1, half), (0, half + 2), (1, half + 2), (2, half), (3, half), (2, half + 2),
            (3, half + 2),
        ]
    }

    /// 2 T bytes of a block's lanes: `lanes[row][lane]` are numbers of T bits.
    static func pack(_ lanes: [[UInt64]], bits: Int) -> [UInt8] {
        if bits > 16 {
            return pack(lanes.map { $0.map { $0 & 0xffff } }, bits: 16)
                + pack(lanes.map { $0.map { $0 >> 16 } }, bits: bits - 16)
        }
        return (0..<2).flatMap { half in
            var bytes = [UInt8](repeating: 0, count: bits)
            for (index, place) in places(half: half).enumerated() {
                for bit in 0..<bits where lanes[place.row][place.lane] >> UInt64(bit) & 1 == 1 {
                    let at = index * bits + bit
                    bytes[at / 8] |= 1 << UInt8(at % 8)
                }
            }
            return bytes
        }
    }

    static func unpack(_ packed: ArraySlice<UInt8>, bits: Int) -> [[UInt64]] {
        let first = packed.startIndex
        if bits > 16 {
            let low = unpack(packed[first..<first + 32], bits: 16)
            let high = unpack(packed[(first + 32)...], bits: bits - 16)
            return (0..<4).map { y in (0..<4).map { low[y][$0] | high[y][$0] << 16 } }
        }
        var lanes = [[UInt64]](repeating: [0, 0, 0, 0], count: 4)
        for half in 0..<2 {
            for (index, place) in places(half: half).enumerated() {
                for bit in 0..<bits {
                    let at = index * bits + bit
                    let byte = packed[first + half * bits + at / 8]
                    lanes[place.row][place.lane] |= UInt64(byte >> UInt8(at % 8) & 1) << UInt64(bit)
                }
            }
        }
        return lanes
    }

    /// The lowest bit of number `i` among 16 numbers of `count` bits, and where its highest is for 3.
    static func bitPlace(_ i: Int, count: Int) -> (low: Int, third: Int) {
        let (k, n) = (i / 4, i % 4)
        let one = 8 * (k % 2) + 4 * (n / 2) + 2 * (k / 2) + n % 2
        switch count {
        case 1: return (one, 0)
        case 2: return (2 * i, 0)
        case 3: return (2 * i, 32 + one)
        default: return (32 * (n % 2) + 8 * k + 4 * (n / 2), 0)
        }
    }

    /// The bytes of a tile's widths: `widths[block][field]`.
    static func writeWidths(_ widths: [[Int]]) -> [UInt8] {
        let smallest = (0..<4).map { field in widths.map { $0[field] }.min()! }
        let range = (0..<4).map { field in widths.map { $0[field] }.max()! - smallest[field] }
        var out = (0..<4).map { UInt8(smallest[$0] | range[$0] << 4) }
        for field in 0..<4 {
            let count = Int.bitWidth - range[field].leadingZeroBitCount
            for row in stride(from: 0, to: widths.count, by: 16) where count > 0 {
                var bytes = [UInt8](repeating: 0, count: 2 * count)
                func set(_ at: Int) { bytes[at / 8] |= 1 << UInt8(at % 8) }
                for i in 0..<16 {
                    let value = widths[row + i][field] - smallest[field]
                    let place = bitPlace(i, count: count)
                    for bit in 0..<count where value >> bit & 1 == 1 {
                        set(count == 3 && bit == 2 ? place.third : place.low + bit)
                    }
                }
                out += bytes
            }
        }
        return out
    }

    /// Nil when bytes are missing or a width is above 8.
    static func readWidths(_ bytes: ArraySlice<UInt8>, blocks: Int) -> (widths: [[Int]], size: Int)? {
        guard bytes.count >= 4 else { return nil }
        let first = bytes.startIndex
        var size = 4
        var widths = [[Int]](repeating: [0, 0, 0, 0], count: blocks)
        for field in 0..<4 {
            let smallest = Int(bytes[first + field] & 15)
            let range = Int(bytes[first + field] >> 4)
            let count = Int.bitWidth - range.leadingZeroBitCount
            for row in stride(from: 0, to: blocks, by: 16) {
                guard bytes.count >= size + 2 * count else { return nil }
                let start = first + size
                func get(_ at: Int) -> Int { Int(bytes[start + at / 8] >> UInt8(at % 8) & 1) }
                for i in 0..<16 {
                    var value = smallest
                    let place = bitPlace(i, count: count)
                    for bit in 0..<count {
                        value += get(count == 3 && bit == 2 ? place.third : place.low + bit) << bit
                    }
                    guard value <= 8 else { return nil }
                    widths[row + i][field] = value
                }
                size += 2 * count
            }
        }
        return (widths, size)
    }
}
