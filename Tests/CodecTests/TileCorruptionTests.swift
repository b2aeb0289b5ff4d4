import Buffers
import TestSupport
import Testing

@testable import Codec

/// Payloads of tiles that no encoder wrote: each is refused or gives the picture that the plain decoder gives, and
/// nothing outside of the target is written.
@Suite struct TileCorruptionTests {
    /// A small payload, and what it decodes against.
    private struct Sample {
        let info: FrameInfo
        let rowsPerStrip: Int
        let payload: [UInt8]
        let reference: [UInt8]?
        let packedSize: Int

        init(_ format: PixelFormat, _ content: TileContent, isKey: Bool, number: Int = 0) throws {
            var random = SeededGenerator(case: 9000 + number)
            info = FrameInfo(width: 264 / format.bytesPerPixel, height: 17, format: format)
            let packed = content.packed(info, using: &random)
            packedSize = packed.count
            var old: Picture?
            if !isKey {
                // Equal above, other values below, nothing of it to the right.
                var bytes = packed
                for index in packed.count / 3..<packed.count { bytes[index] &+= index % 256 < 200 ? 1 : 77 }
                old = Picture(info, packed: bytes, using: &random)
            }
            let sample = TileSample(
                picture: Picture(info, packed: packed, using: &random), reference: old)
            let encoded = try encodeTiles(sample, using: &random)
            payload = encoded.payload
            rowsPerStrip = encoded.rowsPerStrip
            reference = old?.packed
        }

        /// The picture, or nil when the payload is refused.
        func decode(_ payload: [UInt8], with decoder: FrameDecoder = FrameDecoder()) -> [UInt8]? {
            let target = GuardedBytes(count: packedSize)
            defer { #expect(target.isIntact) }
            do {
                try decodeTiles(
                    payload, info, rowsPerStrip: rowsPerStrip, reference: reference, into: target,
                    with: decoder)
                return Array(target.bytes)
            } catch {
                return nil
            }
        }

        func decodePlainly(_ payload: [UInt8]) -> [UInt8]? {
            try? PlainTileDecoder.decode(payload, info, stripRows: rowsPerStrip, reference: reference)
        }

        /// The payload with its own header and the size of its only strip put right.
        func fitted(_ payload: [UInt8]) -> [UInt8] {
            var payload = payload
            put(UInt32(payload.count - 8), into: &payload, at: 4)
            put(UInt32(payload.count - 12), into: &payload, at: 8)
            return payload
        }
    }

    private static func put(_ value: UInt32, into bytes: inout [UInt8], at offset: Int) {
        for index in 0..<4 { bytes[offset + index] = UInt8(truncatingIfNeeded: value >> UInt32(8 * index)) }
    }

    static let kinds: [(PixelFormat, TileContent, Bool)] = [
        (.rgba8, .gradient, true), (.rgba8, .gradient, false), (.rgb8, .gradient, true), (.r8, .text, false),
        (.rgba16f, .gradient, true), (.depth24s8, .fewColors, false), (.rgb10a2, .fewColors, true),
    ]

    @Test(arguments: 0..<kinds.count)
    func payloadsCutShortAreRefused(_ kind: Int) throws {
        let (format, content, isKey) = Self.kinds[kind]
        let sample = try Sample(format, content, isKey: isKey)
        #expect(sample.decode(sample.payload) != nil)
        for length in 0..<sample.payload.count {
            let cut = Array(sample.payload[..<length])
            #expect(sample.decode(cut) == nil, "\(length) of \(sample.payload.count) bytes")
            guard length > 12 else { continue }
            let fitted = sample.fitted(cut)
            #expect(
                sample.decode(fitted) == nil, "\(length) of \(sample.payload.count) bytes, sizes put right")
        }
    }

    @Test(arguments: 0..<kinds.count)
    func payloadsWithAFlippedBitDecodeAsTheFormatSaysOrNotAtAll(_ kind: Int) throws {
        let (format, content, isKey) = Self.kinds[kind]
        let sample = try Sample(format, content, isKey: isKey)
        var refused = 0
        for place in 0..<sample.payload.count {
            for bit in 0..<8 {
                var damaged = sample.payload
                damaged[place] ^= 1 << UInt8(bit)
                let picture = sample.decode(damaged)
                if picture == nil { refused += 1 }
                // The plain decoder takes its time; what it is compared on moves through the bits.
                guard (3 * place + bit) % 64 == 0 || (12..<24).contains(place) else { continue }
                #expect(picture == sample.decodePlainly(damaged), "byte \(place), bit \(bit)")
            }
        }
        #expect(refused > 12 * 8)
    }

    @Test(arguments: 0..<kinds.count)
    func payloadsWithAnotherByteNeverWriteOutsideOfTheTarget(_ kind: Int) throws {
        let (format, content, isKey) = Self.kinds[kind]
        let sample = try Sample(format, content, isKey: isKey)
        var random = SeededGenerator(case: 9100 + kind)
        for place in 0..<sample.payload.count {
            for value: UInt8 in [0, 0xFF, 0x7F, UInt8.random(in: 0...255, using: &random)] {
                var damaged = sample.payload
                damaged[place] = value
                _ = sample.decode(damaged)
            }
        }
    }

    @Test(arguments: 0..<kinds.count)
    func splicedPayloadsDecodeAsTheFormatSaysOrNotAtAll(_ kind: Int) throws {
        let (format, content, isKey) = Self.kinds[kind]
        let sample = try Sample(format, content, isKey: isKey)
        let other = try Sample(format, .mixed, isKey: isKey, number: 1)
        var random = SeededGenerator(case: 9200 + kind)
        let decoder = FrameDecoder()
        for round in 0..<60 {
            let a = Int.random(in: 12..<sample.payload.count, using: &random)
            let b = Int.random(in: 12..<other.payload.count, using: &random)
            var spliced = Array(sample.payload[..<a] + other.payload[b...])
            for _ in 0..<Int.random(in: 0...3, using: &random) {
                spliced[Int.random(in: 12..<spliced.count, using: &random)] = UInt8.random(
                    in: 0...255, using: &random)
            }
            if round % 4 != 0 { spliced = sample.fitted(spliced) }
            #expect(
                sample.decode(spliced, with: decoder) == sample.decodePlainly(spliced), "round \(round)")
        }
    }

    // MARK: Strips made by hand

    /// A payload for pictures of 64 × 32 pixels of rgba8 in two strips, of which the first is good.
    private func payload(_ strip: [UInt8]) -> [UInt8] {
        let good = handmade(modes: [11], side: [])
        var payload = [UInt8](repeating: 0, count: 16) + good + strip
        Self.put(0x184D_2A5E, into: &payload, at: 0)
        Self.put(UInt32(payload.count - 8), into: &payload, at: 4)
        Self.put(UInt32(good.count), into: &payload, at: 8)
        Self.put(UInt32(strip.count), into: &payload, at: 12)
        return payload
    }

    private func handmade(
        flags: UInt32 = 0, packed: [UInt8] = [], block: [UInt8] = [], modes: [UInt8], side: [UInt8],
        packedSize: UInt32? = nil, blockSize: UInt32? = nil, sideSize: UInt32? = nil
    ) -> [UInt8] {
        var strip = [UInt8](repeating: 0, count: 12) + packed + block + modes + side
        Self.put(flags | (packedSize ?? UInt32(packed.count)), into: &strip, at: 0)
        Self.put(blockSize ?? UInt32(block.count), into: &strip, at: 4)
        Self.put(sideSize ?? UInt32(modes.count + side.count), into: &strip, at: 8)
        return strip
    }

    /// The error that the second strip gives, and how many bytes into it.
    private func failure(_ strip: [UInt8], hasReference: Bool = false) throws -> (text: String, offset: Int)?
    {
        let info = FrameInfo(width: 64, height: 32)
        let target = GuardedBytes(count: 64 * 32 * 4)
        let payload = payload(strip)
        do {
            try decodeTiles(
                payload, info, rowsPerStrip: 16,
                reference: hasReference ? [UInt8](repeating: 9, count: target.count) : nil, workers: 2,
                into: target)
            return nil
        } catch let CodecError.corrupt(text, offset) {
            #expect(target.isIntact)
            return (text.text, offset - (payload.count - strip.count))
        }
    }

    /// Each error names the strip, and a byte inside of it or right behind.
    private func expectRefusal(
        _ strip: [UInt8], _ words: String, at offset: Int? = nil, hasReference: Bool = false,
        _ location: SourceLocation = #_sourceLocation
    ) throws {
        let found = try failure(strip, hasReference: hasReference)
        guard let found else {
            Issue.record("it is taken", sourceLocation: location)
            return
        }
        #expect(found.text.contains("strip 1 of 2"), sourceLocation: location)
        #expect(found.text.contains(words), "\(found.text)", sourceLocation: location)
        #expect((0...strip.count).contains(found.offset), "\(found.offset)", sourceLocation: location)
        if let offset { #expect(found.offset == offset, sourceLocation: location) }
    }

    @Test func aHandmadeStripIsTaken() throws {
        #expect(try failure(handmade(modes: [11], side: [])) == nil)
        #expect(try failure(handmade(packed: [], modes: [3], side: [0, 0, 0, 0])) == nil)
        #expect(try failure([], hasReference: true) == nil)
    }

    @Test func whatNeedsAReferenceThatIsNotThereIsRefused() throws {
        try expectRefusal([], "picture that is not there", at: 0)
        try expectRefusal(handmade(modes: [0], side: []), "picture that is not there")
        let rows = [UInt8](repeating: 1, count: 4096)
        let xor = handmade(flags: TileStrip.Flags.blockIsStored, block: rows, modes: [2], side: [])
        try expectRefusal(xor, "picture that is not there")
        #expect(try failure(xor, hasReference: true) == nil)
        try expectRefusal(handmade(modes: [13], side: []), "not allowed here")
        try expectRefusal(handmade(modes: [5], side: [0, 0, 0, 0]), "not allowed here")
    }

    @Test(arguments: [8, 9, 10, 15, 16, 23, 27, 32, 47, 64, 67, 128, 131, 255] as [UInt8])
    func unknownModesAreRefused(_ mode: UInt8) throws {
        try expectRefusal(handmade(modes: [mode], side: [0, 0, 0, 0]), "not known", hasReference: true)
    }

    /// Only lanes of colours have colours that may be differences or not.
    @Test func modesOfColorsAreRefusedWhereThereAreNone() throws {
        let cases: [(PixelFormat, UInt8, Bool)] = [
            (.r8, 3, true), (.r8, 19, false), (.r32f, 3, true), (.r32f, 35, false), (.rgb10a2, 51, false),
            (.bgr8, 51, true),
        ]
        for (format, mode, isTaken) in cases {
            let strip = handmade(modes: [mode], side: [0, 0, 0, 0])
            var payload = [UInt8](repeating: 0, count: 12) + strip
            Self.put(0x184D_2A5E, into: &payload, at: 0)
            Self.put(UInt32(payload.count - 8), into: &payload, at: 4)
            Self.put(UInt32(strip.count), into: &payload, at: 8)
            let info = FrameInfo(width: 16, height: 16, format: format)
            let target = GuardedBytes(count: 256 * format.bytesPerPixel)
            do {
                try decodeTiles(payload, info, rowsPerStrip: 16, reference: nil, into: target)
                #expect(isTaken, "\(format), mode \(mode)")
            } catch let CodecError.corrupt(text, _) {
                #expect(!isTaken && text.text.contains("not known"), "\(format), mode \(mode)")
            }
            #expect(target.isIntact)
        }
    }

    @Test func widthsAboveEightAreRefused() throws {
        for field in 0..<4 {
            var widths: [UInt8] = [0, 0, 0, 0]
            widths[field] = 9
            try expectRefusal(handmade(packed: [0, 0], modes: [3], side: widths), "widths")
            // 8 and a range of 15: one block of 64 is too wide.
            widths[field] = 0x78
            var numbers = [UInt8](repeating: 0, count: 24)
            #expect(
                try failure(
                    handmade(packed: [UInt8](repeating: 0, count: 1024), modes: [3], side: widths + numbers))
                    == nil)
            numbers[17] = 0x80
            try expectRefusal(
                handmade(packed: [UInt8](repeating: 0, count: 1024), modes: [3], side: widths + numbers),
                "widths")
        }
    }

    @Test func widthsAndBlocksThatAreMissingOrLeftOverAreRefused() throws {
        for size in 0..<4 {
            try expectRefusal(
                handmade(modes: [3], side: [UInt8](repeating: 0, count: size)), "widths of a tile are cut off"
            )
        }
        let one = [1, 0, 0, 0] as [UInt8]
        #expect(
            try failure(handmade(packed: [UInt8](repeating: 0, count: 128), modes: [3], side: one)) == nil)
        try expectRefusal(
            handmade(packed: [UInt8](repeating: 0, count: 127), modes: [3], side: one), "packed blocks end")
        try expectRefusal(
            handmade(packed: [UInt8](repeating: 0, count: 129), modes: [3], side: one), "more than its tiles")
        try expectRefusal(
            handmade(packed: [UInt8](repeating: 0, count: 128), modes: [3], side: one + [0]),
            "more than its tiles")
    }

    @Test func rowsThatAreMissingOrLeftOverAreRefused() throws {
        for (count, words) in [(0, "rows"), (4095, "rows"), (4097, "hold what it should")] {
            try expectRefusal(
                handmade(
                    flags: TileStrip.Flags.blockIsStored, block: [UInt8](repeating: 7, count: count),
                    modes: [1],
                    side: []), words)
        }
        try expectRefusal(
            handmade(
                flags: TileStrip.Flags.blockIsStored, block: [UInt8](repeating: 7, count: 1), modes: [11],
                side: []), "more than its tiles")
    }

    @Test func sizesThatDoNotAddUpAreRefused() throws {
        let modes: [UInt8] = [11]
        for size: UInt32 in [1, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF] {
            try expectRefusal(handmade(modes: modes, side: [], blockSize: size), "add up", at: 4)
        }
        for size: UInt32 in [0, 8193, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF] {
            try expectRefusal(handmade(modes: modes, side: [], sideSize: size), "side information", at: 8)
        }
        for size: UInt32 in [4097, 0x7FF_FFFF] {
            for flags in [0, TileStrip.Flags.packedInBlock] {
                try expectRefusal(
                    handmade(flags: flags, modes: modes, side: [], packedSize: size), "packed blocks", at: 0)
            }
        }
        try expectRefusal(handmade(modes: modes, side: [], packedSize: 1), "add up", at: 4)
        // In the block there would have to be something.
        for flags in [
            TileStrip.Flags.sideInBlock, TileStrip.Flags.sideInBlock | TileStrip.Flags.blockIsStored,
        ] {
            try expectRefusal(handmade(flags: flags, modes: [], side: [], sideSize: 1), "hold what it should")
        }
        try expectRefusal(
            handmade(flags: TileStrip.Flags.packedInBlock, modes: modes, side: [], packedSize: 64),
            "hold what it should")
    }

    @Test func stripsWithoutAWholeHeaderAreRefused() throws {
        let strip = handmade(modes: [11], side: [])
        for size in 1..<12 { try expectRefusal(Array(strip[..<size]), "cut off", at: 0) }
    }

    @Test func storedStripsOfAnotherSizeAreRefused() throws {
        var stored = [UInt8](repeating: 5, count: 4 + 4096)
        Self.put(TileStrip.Flags.stored, into: &stored, at: 0)
        #expect(try failure(stored) == nil)
        try expectRefusal(Array(stored.dropLast()), "stored", at: 0)
        // A byte more, and one less in the strip before, would be above the payload's bound otherwise.
        try expectRefusal(Array(stored[..<4]), "stored", at: 0)
        for bit in 0..<31 {
            var other = stored
            Self.put(TileStrip.Flags.stored | 1 << UInt32(bit), into: &other, at: 0)
            try expectRefusal(other, "stored", at: 0)
        }
    }

    @Test func lz4BlocksThatDoNotDecodeAreRefused() throws {
        // Endless literals, a match before the beginning, nothing behind a token, noise.
        var random = SeededGenerator(case: 9300)
        var noise = [UInt8](repeating: 0, count: 300)
        noise.withUnsafeMutableBytes { random.fill($0) }
        for block in [
            [UInt8](repeating: 0xFF, count: 64), [0x10, 1, 0xFF, 0xFF, 0x50, 1, 2, 3, 4, 5], [0xF0], noise,
        ] {
            try expectRefusal(handmade(block: block, modes: [1], side: []), "LZ4 block")
        }
        // A run of 100 KB, more than any content of this strip.
        var bomb: [UInt8] = [0x1F, 0, 1, 0]
        bomb += [UInt8](repeating: 0xFF, count: 400)
        bomb += [0, 0x50, 0, 0, 0, 0, 0]
        try expectRefusal(handmade(block: bomb, modes: [1], side: []), "does not decode", at: 12)
    }

    @Test func tablesThatDoNotFitThePayloadAreRefused() throws {
        let good = payload(handmade(modes: [11], side: []))
        let info = FrameInfo(width: 64, height: 32)
        let target = GuardedBytes(count: 64 * 32 * 4)
        try decodeTiles(good, info, rowsPerStrip: 16, reference: nil, into: target)
        func offset(_ place: Int, _ value: UInt32) throws -> Int? {
            var damaged = good
            Self.put(value, into: &damaged, at: place)
            do {
                try decodeTiles(damaged, info, rowsPerStrip: 16, reference: nil, into: target)
                return nil
            } catch let CodecError.corrupt(_, offset) {
                return offset
            }
        }
        #expect(try offset(0, 0x184D_2A5F) == 0)
        for size: UInt32 in [0, UInt32(good.count), UInt32(good.count - 9), 0xFFFF_FFFF] {
            #expect(try offset(4, size) == 0, "\(size)")
        }
        for size: UInt32 in [UInt32(good.count - 15), 0x7FFF_FFFF, 0xFFFF_FFFF] {
            #expect(try offset(8, size) == 8, "\(size)")
        }
        for size: UInt32 in [14, 0x7FFF_FFFF, 0xFFFF_FFFF] { #expect(try offset(12, size) == 12, "\(size)") }
        #expect(try offset(12, 12) == good.count - 1)
    }

    @Test func vectorsThatLeadOutsideOfTheReferenceAreRefused() throws {
        // Of the 64 × 32 pixels, the strip is the lower 64 × 16.
        func strip(_ x: Int, _ y: Int) -> [UInt8] {
            let vector = [x, y].flatMap {
                [UInt8(truncatingIfNeeded: $0), UInt8(truncatingIfNeeded: $0 >> 8)]
            }
            return handmade(modes: [7], side: vector)
        }
        for y in [0, -1, -16] { #expect(try failure(strip(0, y), hasReference: true) == nil) }
        for (x, y) in [
            (0, 1), (0, -17), (1, 0), (-1, 0), (0, 32767), (0, -32768), (32767, 0), (-32768, 0),
            (-32768, -32768),
        ] {
            try expectRefusal(strip(x, y), "outside of the reference", hasReference: true)
        }
        try expectRefusal(strip(0, 0), "outside of the reference")
        for size in 0..<4 {
            try expectRefusal(
                handmade(modes: [7], side: [UInt8](repeating: 0, count: size)), "vector of a tile is cut off",
                hasReference: true)
        }
        try expectRefusal(
            handmade(modes: [7], side: [0, 0, 0, 0, 0]), "more than its tiles", hasReference: true)
    }

    @Test func blocksThatAreCompressedTwiceAreCheckedTwice() throws {
        // 4096 bytes of 7: one literal, a match of 4090 = 19 + 15 · 255 + 246 bytes, five literals.
        let inner: [UInt8] =
            [0x1F, 7, 1, 0] + [UInt8](repeating: 255, count: 15) + [246, 0x50, 7, 7, 7, 7, 7]
        #expect(try failure(handmade(block: inner, modes: [1], side: [])) == nil)
        func twice(_ inner: [UInt8], size: UInt32? = nil, cut: Int = 0) -> [UInt8] {
            var block = [0, 0, 0, 0, 0xF0, UInt8(inner.count - 15)] + inner
            Self.put(size ?? UInt32(inner.count), into: &block, at: 0)
            return handmade(
                flags: TileStrip.Flags.blockIsTwice, block: Array(block.dropLast(cut)), modes: [1], side: [])
        }
        #expect(try failure(twice(inner)) == nil)
        for size: UInt32 in [0, 1, UInt32(inner.count - 1), UInt32(inner.count + 1), 4096 / 16 + 64] {
            try expectRefusal(twice(inner, size: size), "twice compressed", at: 12)
        }
        for size: UInt32 in [4096 / 16 + 65, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF] {
            try expectRefusal(twice(inner, size: size), "larger than one", at: 12)
        }
        try expectRefusal(twice(inner, cut: inner.count + 2), "cut off")
        try expectRefusal(twice(inner.dropLast() + [8, 8]), "LZ4 block")
        try expectRefusal(twice([UInt8](repeating: 0xFF, count: 40)), "does not decode", at: 12)
    }

    // MARK: Sizes

    private func begin(_ info: FrameInfo, rowsPerStrip: Int, payloadSize: Int) throws {
        let target = GuardedBytes(count: 1)
        let plan = try packedPlan(of: info, rowsPerStrip: rowsPerStrip)
        try FrameDecoder().begin(plan: plan, profile: .tile, payloadSize: payloadSize, target: target.base)
    }

    @Test func hostilePayloadSizesAreRefusedAtOnce() throws {
        let info = FrameInfo(width: 64, height: 32)
        try begin(info, rowsPerStrip: 16, payloadSize: 16)
        try begin(info, rowsPerStrip: 16, payloadSize: 24 + 8192)
        for size in [Int.min, -1, 0, 1, 8, 15, 24 + 8193, 1 << 32, 1 << 40, Int.max] {
            #expect(throws: CodecError.self, "\(size) bytes") {
                try begin(info, rowsPerStrip: 16, payloadSize: size)
            }
        }
    }

    @Test func stripsThatAreNoRowsOfTilesAreRefused() throws {
        for rows in [1, 15, 17, 65535] {
            #expect(throws: CodecError.self, "\(rows) rows") {
                try begin(FrameInfo(width: 64, height: 32), rowsPerStrip: rows, payloadSize: 100)
            }
        }
    }

    @Test func stripsOfMoreThanFourMebibytesAreRefusedUnlessTheyHaveOneRowOfTiles() throws {
        let info = FrameInfo(width: 2048, height: 4096)
        try begin(info, rowsPerStrip: 512, payloadSize: 100)
        for rows in [528, 4096, 65520] {
            #expect(throws: CodecError.self, "\(rows) rows") {
                try begin(info, rowsPerStrip: rows, payloadSize: 100)
            }
        }
        let wide = FrameInfo(width: 65535, height: 40, format: .rgba32f)
        try begin(wide, rowsPerStrip: 16, payloadSize: 100)
        #expect(throws: CodecError.self) { try begin(wide, rowsPerStrip: 32, payloadSize: 100) }
    }

    @Test(arguments: PixelFormat.allCases)
    func theEncodersStripsAreNeverTooLarge(_ format: PixelFormat) throws {
        for width in [1, 16, 255, 256, 1920, 16384, 65535] {
            for height in [1, 15, 16, 17, 1080, 65535] {
                let layout = try FrameLayout(FrameInfo(width: width, height: height, format: format))
                let plan = StripPlan(for: layout, profile: .tile)
                try begin(
                    FrameInfo(width: width, height: height, format: format), rowsPerStrip: plan.rowsPerStrip,
                    payloadSize: TilePayload.tableSize(strips: plan.count))
            }
        }
    }

    /// What the workers touch of their memory is about three times the picture, however the strips are cut.
    @Test func scratchMemoryIsLittleMoreThanThreeTimesAStrip() throws {
        for (width, rows) in [(64, 65520), (64, 16), (1000, 1024), (1, 65520)] {
            let layout = try FrameLayout(FrameInfo(width: width, height: 1024))
            let plan = StripPlan(layout: layout, rowsPerStrip: rows)
            let size = TileStripDecoder.Scratch.size(for: TileStrip(largestOf: plan), .tile)
            #expect(size <= 3 * plan.largestStrip + plan.largestStrip / 16 + (32 << 10))
            let withStreams = TileStripDecoder.Scratch.size(for: TileStrip(largestOf: plan), .huffman)
            #expect(withStreams <= size + 4229 * TileStrip(largestOf: plan).tiles + (32 << 10))
        }
    }

    @Test func picturesWhosePayloadCouldPass4GiBAreNotCodedAsTiles() throws {
        let layout = try FrameLayout(FrameInfo(width: 32768, height: 32768))
        let encoder = FrameEncoder(workers: 1)
        let none = PixelSource(layout: layout, regions: UnsafeBufferPointer(start: nil, count: 0))
        #expect(throws: CodecError.self) {
            try encoder.prepare(none, profile: .tile, acceleration: 1, checksum: false)
        }
    }

    @Test func aDecoderWorksAgainAfterARefusedPayload() throws {
        let sample = try Sample(.rgba8, .texture, isKey: false)
        let decoder = FrameDecoder()
        var damaged = sample.payload
        damaged[12] ^= 1
        #expect(sample.decode(damaged, with: decoder) == nil)
        decoder.abandon()
        #expect(sample.decode(sample.payload, with: decoder) == sample.decodePlainly(sample.payload))
    }
}
