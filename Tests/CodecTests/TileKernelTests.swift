import Buffers
import TestSupport
import Testing

@testable import Codec

/// The tile codec's kernels against the plain versions of docs/tile-format.md.
@Suite struct TileKernelTests {
    private func kind(_ fields: PlainFields) -> TileFormat.Lanes {
        switch fields {
        case .bytes: .bytes
        case .color, .firstAlone, .thirdAlone, .colorsAlone: .color
        case .halves: .halves
        case .words: .words
        case .tenBit: .tenBit
        case .depthStencil: .depthStencil
        }
    }

    /// 16 bytes: noise, or those that carry and wrap.
    private func vector(using random: inout SeededGenerator) -> [UInt8] {
        let extremes: [UInt8] = [0, 1, 0x7f, 0x80, 0xff, 0xfe, 0x3f, 0xc0]
        let isNoise = Bool.random(using: &random)
        return (0..<16).map { _ in
            isNoise ? UInt8.random(in: 0...255, using: &random) : extremes.randomElement(using: &random)!
        }
    }

    private func simd(_ bytes: [UInt8]) -> Bytes { Bytes(bytes) }

    private func array(_ vector: Bytes) -> [UInt8] { (0..<16).map { vector[$0] } }

    private func lanes(_ bytes: [UInt8]) -> [[UInt8]] { (0..<4).map { Array(bytes[4 * $0..<4 * $0 + 4]) } }

    private func check<Lanes: LaneArithmetic>(
        _ arithmetic: Lanes, _ plain: PlainFields, using random: inout SeededGenerator
    ) {
        for _ in 0..<2000 {
            let a = vector(using: &random)
            let b = vector(using: &random)
            let difference = arithmetic.difference(simd(a), simd(b))
            let differences = zip(lanes(a), lanes(b)).map { a, b in
                zip(plain.components(a), plain.components(b)).map { $0 - $1 }
            }
            let masked = differences.map { zip($0, plain.componentBits).map { $0 & (1 << $1 - 1) } }
            #expect(array(difference) == masked.flatMap { plain.lane($0) }, "\(plain): \(a) − \(b)")
            #expect(array(arithmetic.sum(difference, simd(b))) == a, "\(plain): \(a), \(b)")
            let folded = arithmetic.fold(difference)
            let fields = differences.flatMap { plain.fields($0) }
            #expect(array(folded) == fields, "\(plain): \(a) − \(b)")
            #expect(arithmetic.unfold(folded) == difference, "\(plain): \(a) − \(b)")
            let widths = array(arithmetic.magnitude(folded)).map { 8 - $0.leadingZeroBitCount }
            #expect(widths == fields.map { plain.width($0) }, "\(plain): \(fields)")
            // Any fields unfold, not only those that an encoder writes.
            let unfolded = lanes(a).map { plain.differences($0) }
            let bytes = unfolded.flatMap {
                plain.lane(zip($0, plain.componentBits).map { $0 & (1 << $1 - 1) })
            }
            #expect(array(arithmetic.unfold(simd(a))) == bytes, "\(plain): \(a)")
        }
    }

    @Test(arguments: PlainFields.allCases)
    func differencesOfLanesAreThoseOfTheirComponents(_ fields: PlainFields) {
        var random = SeededGenerator(case: 5000)
        switch fields {
        case .bytes: check(ByteLanes(), fields, using: &random)
        case .color: check(ColorLanes(TileColors(rawValue: 0)), fields, using: &random)
        case .firstAlone: check(ColorLanes(TileColors(rawValue: 16)), fields, using: &random)
        case .thirdAlone: check(ColorLanes(TileColors(rawValue: 32)), fields, using: &random)
        case .colorsAlone: check(ColorLanes(TileColors(rawValue: 48)), fields, using: &random)
        default: check(WideLanes(kind: kind(fields)), fields, using: &random)
        }
    }

    @Test func modesOfPackedTilesAreThoseOfTheFormat() {
        for mode in UInt8.min...UInt8.max {
            for fields in [PlainFields.bytes, .color, .halves, .words, .tenBit, .depthStencil] {
                let predictors = PlainPredictor.Mode.allCases.map { $0.rawValue }
                let isKnown = predictors.contains(Int(mode & 7)) && fields.ofMode(Int(mode)) != nil
                let kind = PackedKind(mode: mode, hasColors: fields == .color)
                #expect((kind != nil) == isKnown, "mode \(mode), \(fields)")
                if let kind { #expect(kind.mode == mode) }
            }
        }
    }

    /// Lanes, blocks and their widths in memory as the kernels want them.
    private final class Tile {
        let residuals: TileResiduals
        private let memory: UnsafeMutableRawPointer
        var folded: UnsafeMutablePointer<Bytes> { residuals.folded }
        var widths: UnsafeMutablePointer<Words> { residuals.widths }
        var masks: UnsafeMutablePointer<Words> { residuals.masks }

        init() {
            memory = .allocate(byteCount: TileResiduals.size, alignment: 64)
            memory.initializeMemory(as: UInt8.self, repeating: 0, count: TileResiduals.size)
            var next = memory
            residuals = TileResiduals(&next)
        }

        deinit { memory.deallocate() }

        var blockWidths: UnsafeMutablePointer<UInt32> {
            UnsafeMutableRawPointer(widths).assumingMemoryBound(to: UInt32.self)
        }
        var blockMasks: UnsafeMutablePointer<UInt32> {
            UnsafeMutableRawPointer(masks).assumingMemoryBound(to: UInt32.self)
        }

        func setWidths(_ block: Int, _ widths: [Int]) {
            blockWidths[block] = widths.reversed().reduce(0) { $0 << 8 | UInt32($1) }
            blockMasks[block] = widths.reversed().reduce(0) { $0 << 8 | UInt32(1 << $1 - 1) }
        }

        func width(_ block: Int, _ field: Int) -> Int { Int(blockWidths[block] >> UInt32(8 * field) & 0xff) }

        /// The fields of a lane of a block.
        func fields(_ block: Int, row: Int, lane: Int) -> [UInt8] {
            (0..<4).map { folded[4 * block + row][4 * lane + $0] }
        }
    }

    /// Blocks of the given widths: packed as the plain version packs them, and unpacked again.
    private func checkPacking(_ widths: [[Int]], isSigned: Bool, using random: inout SeededGenerator) {
        let plain: PlainFields = isSigned ? .bytes : .words
        let tile = Tile()
        var expected: [UInt8] = []
        for (block, widths) in widths.enumerated() {
            tile.setWidths(block, widths)
            var lanes = [[UInt64]](repeating: [], count: 4)
            for row in 0..<4 {
                for lane in 0..<4 {
                    var number: UInt64 = 0
                    var place = 0
                    for field in 0..<4 {
                        let bits = Int.random(in: 0..<1 << widths[field], using: &random)
                        number |= UInt64(bits) << UInt64(place)
                        place += widths[field]
                        tile.folded[4 * block + row][4 * lane + field] = plain.field(
                            bits, width: widths[field])
                    }
                    lanes[row].append(number)
                }
            }
            expected += PlainPacking.pack(lanes, bits: widths.reduce(0, +))
        }
        let hasFourth = widths.contains { $0[3] > 0 }
        let packed = GuardedBytes(count: expected.count + BitPacking.slack)
        let end = BitPacking.pack(
            tile.folded, blocks: widths.count, widths: tile.blockWidths, masks: tile.blockMasks,
            hasFourth: hasFourth, to: packed.base)
        #expect(end - packed.base == expected.count, "\(widths)")
        #expect(Array(packed.bytes[..<expected.count]) == expected, "\(widths)")
        #expect(packed.isIntact, "\(widths)")
        // What lies behind must not matter.
        random.fill(
            UnsafeMutableRawBufferPointer(start: packed.base + expected.count, count: BitPacking.slack))
        let back = Tile()
        BitPacking.unpack(
            packed.base, blocks: widths.count, widths: tile.blockWidths, masks: tile.blockMasks,
            fields: !isSigned ? .unsigned : hasFourth ? .signed : .threeSigned, to: back.folded)
        for index in 0..<4 * widths.count where back.folded[index] != tile.folded[index] {
            Issue.record("vector \(index) of blocks of widths \(widths)")
        }
        // Three fields may be unpacked as four.
        guard isSigned, !hasFourth else { return }
        BitPacking.unpack(
            packed.base, blocks: widths.count, widths: tile.blockWidths, masks: tile.blockMasks,
            fields: .signed, to: back.folded)
        for index in 0..<4 * widths.count where back.folded[index] != tile.folded[index] {
            Issue.record("vector \(index) of blocks of widths \(widths)")
        }
    }

    @Test(arguments: 0...8)
    func blocksOfEveryWidthsArePackedAsTheFormatSays(_ first: Int) {
        var random = SeededGenerator(case: 5100 + first)
        for second in 0...8 {
            for fourth in 0...8 {
                let widths = (0...8).map { [first, second, $0, fourth] }
                checkPacking(widths, isSigned: fourth % 2 == 0, using: &random)
            }
        }
    }

    @Test(arguments: 0..<60)
    func tilesOfMixedBlocksArePackedAsTheFormatSays(_ number: Int) {
        var random = SeededGenerator(case: 5200 + number)
        let largest = Int.random(in: 0...8, using: &random)
        let hasFourth = number % 3 == 0
        let widths = (0..<16 * Int.random(in: 1...4, using: &random)).map { _ in
            (0..<4).map { $0 < 3 || hasFourth ? Int.random(in: 0...largest, using: &random) : 0 }
        }
        checkPacking(widths, isSigned: number % 2 == 0, using: &random)
    }

    @Test(arguments: 0..<200)
    func widthsAreWrittenAndReadAsTheFormatSays(_ number: Int) throws {
        var random = SeededGenerator(case: 5300 + number)
        let blocks = 16 * Int.random(in: 1...4, using: &random)
        let ranges = (0..<4).map { _ -> ClosedRange<Int> in
            let low = Int.random(in: 0...8, using: &random)
            return low...Int.random(in: low...8, using: &random)
        }
        let widths = (0..<blocks).map { _ in ranges.map { Int.random(in: $0, using: &random) } }
        let tile = Tile()
        for (block, widths) in widths.enumerated() { tile.setWidths(block, widths) }
        func bound(_ choose: (Int, Int) -> Int) -> UInt32 {
            (0..<4).reversed().reduce(0) { sum, field in
                sum << 8 | UInt32(widths.map { $0[field] }.reduce(widths[0][field], choose))
            }
        }
        let out = GuardedBytes(count: TileWidths.largestSize)
        let end = TileWidths.write(
            tile.widths, blocks: blocks, smallest: bound(min), largest: bound(max), to: out.base)
        let written = Array(out.bytes[..<(end - out.base)])
        #expect(written == PlainPacking.writeWidths(widths), "\(widths)")
        #expect(out.isIntact)
        for size in 0..<written.count {
            let read = TileWidths.read(
                out.base, remaining: size, blocks: blocks, widths: tile.widths, masks: tile.masks)
            #expect(read == nil, "\(size) of \(written.count) bytes")
        }
        let back = Tile()
        let read = try #require(
            TileWidths.read(
                out.base, remaining: written.count, blocks: blocks, widths: back.widths, masks: back.masks))
        #expect(read.size == written.count)
        #expect(read.packedSize == 2 * widths.joined().reduce(0, +))
        for block in 0..<blocks {
            #expect((0..<4).map { back.width(block, $0) } == widths[block])
            #expect(back.blockMasks[block] == tile.blockMasks[block])
        }
        #expect(read.hasFourth || widths.allSatisfy { $0[3] == 0 })
    }

    /// Any bytes: read as the plain version reads them, or refused by both.
    @Test func anyBytesAreReadAsWidthsOrRefusedAsTheFormatSays() {
        var random = SeededGenerator(case: 5600)
        var taken = 0
        for _ in 0..<3000 {
            let blocks = 16 * Int.random(in: 1...4, using: &random)
            var bytes = [UInt8](repeating: 0, count: TileWidths.largestSize)
            bytes.withUnsafeMutableBytes { random.fill($0) }
            for field in 0..<4 where Bool.random(using: &random) {
                bytes[field] =
                    UInt8.random(in: 0...9, using: &random) | UInt8.random(in: 0...3, using: &random) << 4
            }
            let plain = PlainPacking.readWidths(bytes[...], blocks: blocks)
            let tile = Tile()
            let read = bytes.withUnsafeBytes {
                TileWidths.read(
                    $0.baseAddress!, remaining: $0.count, blocks: blocks, widths: tile.widths,
                    masks: tile.masks)
            }
            #expect(read?.size == plain?.size, "\(bytes)")
            guard let plain, read != nil else { continue }
            taken += 1
            for block in 0..<blocks {
                #expect((0..<4).map { tile.width(block, $0) } == plain.widths[block], "\(bytes)")
            }
        }
        #expect(taken > 20)
    }

    /// A strip of three and a bit tiles across.
    private struct Strip {
        let format: TileFormat
        let plain: PlainFormat
        let rowBytes: Int
        let rows: Int
        let picture: [UInt8]
        let reference: [UInt8]
        let predictor: PlainPredictor

        init(_ format: PixelFormat, rows: Int, using random: inout SeededGenerator) {
            self.format = TileFormat(format, plane: 0)
            plain = PlainFormat(format, plane: 0)
            self.rows = rows
            let pixelBytes = format.bytesPerPixel
            let pixels = 2 * self.format.tileBytes / pixelBytes + Int.random(in: 1...20, using: &random)
            rowBytes = pixels * pixelBytes
            let mask = UInt8.random(in: 0...255, using: &random)
            func noise(_ random: inout SeededGenerator) -> [UInt8] {
                var bytes = [UInt8](repeating: 0, count: rows * pixels * pixelBytes)
                bytes.withUnsafeMutableBytes { random.fill($0) }
                return bytes.map { $0 & mask }
            }
            picture = noise(&random)
            reference = noise(&random)
            let (plain, rowBytes) = (plain, rowBytes)
            func components(_ bytes: [UInt8]) -> [[Int]] {
                (0..<rows).map {
                    plain.components(plain.expanded(Array(bytes[$0 * rowBytes..<($0 + 1) * rowBytes])))
                }
            }
            predictor = PlainPredictor(
                format: plain, rows: components(picture), reference: components(reference))
        }

        /// How many of a lane's bytes are in the picture.
        func bytesInside(lane: Int) -> Int {
            min(4, (plain.isThreeBytes ? rowBytes / 3 * 4 : rowBytes) - 4 * lane)
        }

        func rowsOfTile(_ tileRow: Int) -> Int { min(16, rows - 16 * tileRow) }

        /// The fields of a lane, nil outside of the picture.
        func fields(_ way: Way, row: Int, lane: Int) -> [UInt8]? {
            let perLane = way.fields.componentBits.count
            guard row < rows, (lane + 1) * perLane <= predictor.rows[row].count else { return nil }
            return way.fields.fields(
                (lane * perLane..<(lane + 1) * perLane).map {
                    predictor.rows[row][$0] - predictor.prediction(way.mode, $0, row)
                })
        }
    }

    /// How a tile is coded, as the library says it and as the plain version does.
    private struct Way: CustomStringConvertible {
        let kind: PackedKind
        let mode: PlainPredictor.Mode
        let fields: PlainFields

        var description: String { "\(mode), \(fields)" }

        static func all(_ fields: PlainFields) -> [Way] {
            PlainPredictor.Mode.allCases.flatMap { mode in
                [0, 16, 32, 48].compactMap { colors in
                    let number = mode.rawValue | colors
                    guard let fields = fields.ofMode(number),
                        let kind = PackedKind(mode: UInt8(number), hasColors: fields.isColor)
                    else { return nil }
                    return Way(kind: kind, mode: mode, fields: fields)
                }
            }
        }
    }

    /// Each tile of a strip, staged and, where that can be, where it lies.
    private func checkTiles(
        _ format: PixelFormat, rows: Int, using random: inout SeededGenerator,
        _ body: (Strip, _ tile: Int, _ tileRow: Int, Way) -> Void
    ) {
        let strip = Strip(format, rows: rows, using: &random)
        for tileRow in 0..<(rows + 15) / 16 {
            for tile in 0..<3 {
                for way in Way.all(strip.plain.fields) { body(strip, tile, tileRow, way) }
            }
        }
    }

    private func source(
        _ strip: Strip, _ bytes: UnsafeRawPointer, _ tile: Int, _ tileRow: Int
    ) -> TileStage.Source {
        TileStage.Source(
            format: strip.format, base: bytes + 16 * tileRow * strip.rowBytes, pitch: strip.rowBytes,
            rowBytes: strip.rowBytes, tile: tile, rows: strip.rowsOfTile(tileRow), isTop: tileRow == 0)
    }

    private func checkResiduals(
        _ out: Tile, _ strip: Strip, _ tile: Int, _ tileRow: Int, _ way: Way
    ) {
        for block in 0..<(strip.rowsOfTile(tileRow) + 3) / 4 * 16 {
            var widths = [0, 0, 0, 0]
            for row in 0..<4 {
                for lane in 0..<4 {
                    let found = out.fields(block, row: row, lane: lane)
                    for field in 0..<4 {
                        widths[field] = max(widths[field], way.fields.width(found[field]))
                    }
                    let y = 16 * tileRow + block / 16 * 4 + row
                    let column = 64 * tile + block % 16 * 4 + lane
                    guard let fields = strip.fields(way, row: y, lane: column) else { continue }
                    let count = strip.bytesInside(lane: column)
                    let place = "tile \(tile), \(tileRow), block \(block), \(row), \(lane)"
                    #expect(found[..<count] == fields[..<count], "\(way), \(place)")
                }
            }
            #expect((0..<4).map { out.width(block, $0) } == widths, "\(way), block \(block)")
        }
    }

    /// Formats of which each stands for those with the same lanes.
    static let formats: [PixelFormat] = [
        .rgba8, .rgb8, .r8, .rg8, .r16, .rgba16f, .r32f, .rgba32f, .rgb10a2, .depth24s8,
    ]

    @Test(arguments: formats, [16, 29])
    func residualsAreDifferencesFromThePlainPredictions(_ format: PixelFormat, rows: Int) {
        var random = SeededGenerator(case: 5700 + Int(format.rawValue))
        let stage = GuardedBytes(count: TileStage.reservedSize)
        let referenceStage = GuardedBytes(count: TileStage.reservedSize)
        checkTiles(format, rows: rows, using: &random) { strip, tile, tileRow, way in
            strip.picture.withUnsafeBytes { picture in
                strip.reference.withUnsafeBytes { reference in
                    let staged = TileStage(base: stage.base)
                    let stagedReference = TileStage(base: referenceStage.base)
                    let source = source(strip, picture.baseAddress!, tile, tileRow)
                    staged.load(source)
                    stagedReference.load(self.source(strip, reference.baseAddress!, tile, tileRow))
                    let out = Tile()
                    let place = TilePlace(
                        base: UnsafeRawPointer(staged.pixels), pitch: TileStage.pitch,
                        above: UnsafeRawPointer(staged.above),
                        reference: UnsafeRawPointer(stagedReference.pixels), referencePitch: TileStage.pitch,
                        step: strip.format.step, blockRows: source.blockRows)
                    _ = strip.format.residuals(place, way.kind, out.residuals)
                    checkResiduals(out, strip, tile, tileRow, way)
                }
            }
        }
        #expect(stage.isIntact && referenceStage.isIntact)
    }

    /// Residuals that are the plain ones give the picture back, in the strip itself and in the stage.
    @Test(arguments: formats, [16, 29])
    func plainResidualsGiveThePictureBack(_ format: PixelFormat, rows: Int) {
        var random = SeededGenerator(case: 5800 + Int(format.rawValue))
        let stage = GuardedBytes(count: TileStage.reservedSize)
        let referenceStage = GuardedBytes(count: TileStage.reservedSize)
        checkTiles(format, rows: rows, using: &random) { strip, tile, tileRow, way in
            let folded = Tile()
            for block in 0..<64 {
                for row in 0..<4 {
                    for lane in 0..<4 {
                        let y = 16 * tileRow + block / 16 * 4 + row
                        let fields = strip.fields(way, row: y, lane: 64 * tile + block % 16 * 4 + lane)
                        for (index, field) in (fields ?? [1, 2, 3, 4]).enumerated() {
                            folded.folded[4 * block + row][4 * lane + index] = field
                        }
                    }
                }
            }
            let target = GuardedBytes(count: strip.picture.count)
            target.base.copyMemory(from: strip.picture, byteCount: strip.picture.count)
            // The tile itself and what comes after it is not there yet.
            let offset = 16 * tileRow * strip.rowBytes + tile * strip.format.tileBytes
            let count = min(strip.format.tileBytes, strip.rowBytes - tile * strip.format.tileBytes)
            for row in 0..<strip.rowsOfTile(tileRow) {
                (target.base + offset + row * strip.rowBytes).initializeMemory(
                    as: UInt8.self, repeating: 0xEE, count: count)
            }
            strip.reference.withUnsafeBytes { reference in
                let source = source(strip, UnsafeRawPointer(target.base), tile, tileRow)
                let staged = TileStage(base: stage.base)
                let stagedReference = TileStage(base: referenceStage.base)
                staged.loadSurroundings(source)
                stagedReference.load(self.source(strip, reference.baseAddress!, tile, tileRow))
                strip.format.reconstruct(
                    way.kind, folded.folded,
                    TileTarget(
                        base: staged.pixels, pitch: TileStage.pitch, above: UnsafeRawPointer(staged.above),
                        reference: UnsafeRawPointer(stagedReference.pixels), referencePitch: TileStage.pitch,
                        blockRows: source.blockRows, isFirst: tile == 0, isTop: source.isTop))
                staged.store(source, to: target.base + 16 * tileRow * strip.rowBytes)
            }
            #expect(equal(target.bytes, strip.picture), "\(way), tile \(tile), \(tileRow)")
            #expect(target.isIntact)
        }
        #expect(stage.isIntact && referenceStage.isIntact)
    }
}
