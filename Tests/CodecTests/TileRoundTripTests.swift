import Buffers
import TestSupport
import Testing

@testable import Codec

@Suite struct TileRoundTripTests {
    /// The bound of docs/tile-format.md.
    private func largestPayload(_ sample: TileSample, strips: Int) -> Int {
        8 + 8 * strips + sample.picture.packed.count
    }

    /// Any geometry, memory, content and reference: what comes out is the packed picture, and no number of
    /// workers changes the payload.
    @Test(arguments: PixelFormat.allCases, 0..<20)
    func anyPictureComesBackExactly(_ format: PixelFormat, number: Int) throws {
        let profile = number < 16 ? Profile.tile : .huffman
        var random = SeededGenerator(case: 6000 + Int(format.rawValue) * 100 + number)
        let limit = number % 8 == 0 ? 900_000 : 60_000
        let sample = TileSample.random(format, maximumBytes: limit, using: &random)
        let picture = sample.picture
        let comment =
            "FRAMEWIRE_SEED=\(SeededGenerator.runSeed), \(profile) \(format) \(number): \(picture.info)"
        let pieces = Bool.random(using: &random) ? 1 : random.scaled(1...7)
        // Cut in the same places each time: a reference in one piece is searched for what has moved.
        let cuts = random
        let encoded = try encodeTiles(sample, profile: profile, pieces: pieces, using: &random)
        for workers in 2...3 {
            var cuts = cuts
            let other = try encodeTiles(
                sample, profile: profile, pieces: pieces, workers: workers, using: &cuts)
            #expect(other.payload == encoded.payload, "\(workers) workers, \(comment)")
        }
        #expect(encoded.payload.count <= largestPayload(sample, strips: encoded.strips), "\(comment)")
        for workers in 1...3 {
            let target = GuardedBytes(count: picture.packed.count)
            try decodeTiles(
                encoded.payload, picture.info, profile: profile, rowsPerStrip: encoded.rowsPerStrip,
                reference: sample.reference?.packed, workers: workers, into: target)
            #expect(equal(target.bytes, picture.packed), "\(workers) workers, \(comment)")
            #expect(target.isIntact, "\(workers) workers, \(comment)")
        }
    }

    @Test(arguments: PixelFormat.allCases, 0..<5)
    func thePlainDecoderReadsWhatTheEncoderWrites(_ format: PixelFormat, number: Int) throws {
        let profile = number < 3 ? Profile.tile : .huffman
        var random = SeededGenerator(case: 8100 + Int(format.rawValue) * 100 + number)
        for round in 0..<4 {
            let sample = TileSample.random(format, maximumBytes: 16_000, using: &random)
            let encoded = try encodeTiles(sample, profile: profile, using: &random)
            let plain = try PlainTileDecoder.decode(
                encoded.payload, sample.picture.info, profile: profile, stripRows: encoded.rowsPerStrip,
                reference: sample.reference?.packed)
            #expect(
                plain == sample.picture.packed,
                "FRAMEWIRE_SEED=\(SeededGenerator.runSeed), \(format) \(number) \(round): \(sample.picture.info)"
            )
        }
    }

    @Test(arguments: PixelFormat.allCases, [Profile.tile, .huffman])
    func thePlainDecoderReadsEveryKindOfContent(_ format: PixelFormat, profile: Profile) throws {
        var random = SeededGenerator(case: 8200 + Int(format.rawValue))
        for content in profile == .tile ? TileContent.allCases : [.texture, .grain, .mixed] {
            let info = FrameInfo(width: 600 / format.bytesPerPixel + 1, height: 21, format: format)
            let picture = Picture(info, packed: content.packed(info, using: &random), using: &random)
            let encoded = try encodeTiles(
                TileSample(picture: picture, reference: nil), profile: profile, using: &random)
            let plain = try PlainTileDecoder.decode(
                encoded.payload, info, profile: profile, stripRows: encoded.rowsPerStrip, reference: nil)
            #expect(plain == picture.packed, "\(content)")
        }
    }

    @Test(arguments: PixelFormat.allCases, [Profile.tile, .huffman])
    func everyFormatComesBackAtOddSizes(_ format: PixelFormat, profile: Profile) throws {
        var random = SeededGenerator(case: 8300 + Int(format.rawValue))
        for (width, height) in [(1, 1), (1, 2), (2, 1), (3, 5), (17, 1), (1, 33), (65, 63), (5, 17)] {
            for content in [TileContent.noise, .gradient, .flat, .texture] {
                let info = FrameInfo(width: width, height: height, format: format, rowOrder: .bottomUp)
                let picture = Picture(info, packed: content.packed(info, using: &random), using: &random)
                let encoded = try encodeTiles(
                    TileSample(picture: picture, reference: nil), profile: profile, using: &random)
                let target = GuardedBytes(count: picture.packed.count)
                try decodeTiles(
                    encoded.payload, info, profile: profile, rowsPerStrip: encoded.rowsPerStrip,
                    reference: nil, into: target)
                #expect(equal(target.bytes, picture.packed), "\(width) × \(height), \(content)")
                #expect(target.isIntact)
            }
        }
    }

    @Test(arguments: [PixelFormat.rgba8, .rgb8, .nv12, .rgba32f], [Profile.tile, .huffman])
    func anUnchangedFrameIsATableOfZeros(_ format: PixelFormat, profile: Profile) throws {
        var random = SeededGenerator(case: 8400)
        let info = FrameInfo(
            width: 333, height: 401, format: format, rowOrder: .bottomUp, stride: 334 * 16 + 7)
        let picture = Picture(info, .mixed, using: &random)
        let old = Picture(
            FrameInfo(width: 333, height: 401, format: format), packed: picture.packed, using: &random)
        let encoded = try encodeTiles(
            TileSample(picture: picture, reference: old), profile: profile, using: &random)
        #expect(encoded.payload.count == 8 + 4 * encoded.strips)
        #expect(encoded.payload[8...].allSatisfy { $0 == 0 })
        let target = GuardedBytes(count: picture.packed.count)
        try decodeTiles(
            encoded.payload, info, profile: profile, rowsPerStrip: encoded.rowsPerStrip,
            reference: old.packed, into: target)
        #expect(equal(target.bytes, picture.packed))
    }

    @Test(arguments: PixelFormat.allCases, [Profile.tile, .huffman])
    func noiseCostsAtMostOnePercent(_ format: PixelFormat, profile: Profile) throws {
        var random = SeededGenerator(case: 8500)
        let picture = Picture(FrameInfo(width: 251, height: 130, format: format), .noise, using: &random)
        let encoded = try encodeTiles(
            TileSample(picture: picture, reference: nil), profile: profile, using: &random)
        #expect(encoded.payload.count <= picture.packed.count + picture.packed.count / 100)
    }

    /// The geometry changes from frame to frame, as in a window that is being resized, and so does the profile.
    @Test func oneEncoderAndOneDecoderServeFramesOfChangingGeometry() throws {
        var random = SeededGenerator(case: 8600)
        let encoder = FrameEncoder(workers: 2)
        let decoder = FrameDecoder()
        for number in 0..<60 {
            let format = PixelFormat.allCases.randomElement(using: &random)!
            let sample = TileSample.random(
                format, maximumBytes: number % 8 == 0 ? 700_000 : 40_000, using: &random)
            let profile = number % 5 < 2 ? Profile.huffman : .tile
            let encoded = try encodeTiles(
                sample, profile: profile, pieces: number % 3 + 1, workers: 2, with: encoder, using: &random)
            let target = GuardedBytes(count: sample.picture.packed.count)
            try decodeTiles(
                encoded.payload, sample.picture.info, profile: profile,
                rowsPerStrip: encoded.rowsPerStrip, reference: sample.reference?.packed, workers: 2,
                into: target, with: decoder)
            #expect(equal(target.bytes, sample.picture.packed), "frame \(number): \(sample.picture.info)")
        }
    }

    /// Green is noise of six bits; red and blue are the same noise or all 7. What follows green costs nothing as its
    /// difference, what does not costs nothing as it is: only a third of the colours' bits are left.
    @Test(arguments: [PixelFormat.rgba8, .bgr8], [Profile.tile, .huffman])
    func onlyColorsThatFollowGreenAreCodedAsDifferences(_ format: PixelFormat, profile: Profile) throws {
        var random = SeededGenerator(case: 8650)
        let info = FrameInfo(width: 640, height: 160, format: format)
        for follows in [[true, true], [false, true], [true, false], [false, false]] {
            var packed = [UInt8](repeating: 7, count: 640 * 160 * format.bytesPerPixel)
            for pixel in 0..<640 * 160 {
                let green = UInt8.random(in: 100..<132, using: &random)
                let start = pixel * format.bytesPerPixel
                packed[start + 1] = green
                if follows[0] { packed[start] = green }
                if follows[1] { packed[start + 2] = green }
            }
            let sample = TileSample(picture: Picture(info, packed: packed, using: &random), reference: nil)
            let encoded = try encodeTiles(sample, profile: profile, using: &random)
            #expect(encoded.payload.count < 640 * 160, "\(follows)")
            let plain = try PlainTileDecoder.decode(
                encoded.payload, info, profile: profile, stripRows: encoded.rowsPerStrip, reference: nil)
            #expect(plain == packed, "\(follows)")
        }
    }

    /// What the profile is for: pictures with some noise in them, as renderers make.
    @Test(arguments: [PixelFormat.rgba8, .rgb8, .rgba16f, .depth24s8])
    func huffmanIsAFifthSmallerThanTileOnGrain(_ format: PixelFormat) throws {
        var random = SeededGenerator(case: 8700)
        let info = FrameInfo(width: 251, height: 150, format: format)
        let picture = Picture(info, packed: TileContent.grain.packed(info, using: &random), using: &random)
        let sample = TileSample(picture: picture, reference: nil)
        let tile = try encodeTiles(sample, using: &random).payload.count
        let huffman = try encodeTiles(sample, profile: .huffman, using: &random).payload.count
        #expect(huffman * 5 < tile * 4, "\(huffman) for \(tile)")
    }

    /// Noise that is mostly weak and, here and there, strong.
    @Test func fieldsAndSideInformationOfUnevenNoiseAreCoded() throws {
        var random = SeededGenerator(case: 8750)
        let info = FrameInfo(width: 640, height: 200)
        var packed: [UInt8] = []
        for y in 0..<200 {
            for x in 0..<640 {
                let range: UInt8 = (x / 8 + 3 * (y / 8)) % 5 == 0 ? 60 : 5
                for _ in 0..<4 { packed.append(128 + UInt8.random(in: 0..<range, using: &random)) }
            }
        }
        let picture = Picture(info, packed: packed, using: &random)
        let sample = TileSample(picture: picture, reference: nil)
        let encoded = try encodeTiles(sample, profile: .huffman, using: &random)
        let firstStrip = encoded.payload[(8 + 4 * encoded.strips)...].prefix(4)
        let flags = firstStrip.reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        let coded = TileStrip.Flags.packedIsCoded | TileStrip.Flags.sideIsCoded
        #expect(flags & coded == coded)
    }
}
