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
    @Test(arguments: PixelFormat.allCases, 0..<16)
    func anyPictureComesBackExactly(_ format: PixelFormat, number: Int) throws {
        var random = SeededGenerator(case: 6000 + Int(format.rawValue) * 100 + number)
        let limit = number % 8 == 0 ? 900_000 : 60_000
        let sample = TileSample.random(format, maximumBytes: limit, using: &random)
        let picture = sample.picture
        let comment = "FRAMEWIRE_SEED=\(SeededGenerator.runSeed), \(format) \(number): \(picture.info)"
        let pieces = Bool.random(using: &random) ? 1 : random.scaled(1...7)
        // Cut in the same places each time: a reference in one piece is searched for what has moved.
        let cuts = random
        let encoded = try encodeTiles(sample, pieces: pieces, using: &random)
        for workers in 2...3 {
            var cuts = cuts
            let other = try encodeTiles(sample, pieces: pieces, workers: workers, using: &cuts)
            #expect(other.payload == encoded.payload, "\(workers) workers, \(comment)")
        }
        #expect(encoded.payload.count <= largestPayload(sample, strips: encoded.strips), "\(comment)")
        for workers in 1...3 {
            let target = GuardedBytes(count: picture.packed.count)
            try decodeTiles(
                encoded.payload, picture.info, rowsPerStrip: encoded.rowsPerStrip,
                reference: sample.reference?.packed, workers: workers, into: target)
            #expect(equal(target.bytes, picture.packed), "\(workers) workers, \(comment)")
            #expect(target.isIntact, "\(workers) workers, \(comment)")
        }
    }

    @Test(arguments: PixelFormat.allCases, 0..<3)
    func thePlainDecoderReadsWhatTheEncoderWrites(_ format: PixelFormat, number: Int) throws {
        var random = SeededGenerator(case: 8100 + Int(format.rawValue) * 100 + number)
        for round in 0..<4 {
            let sample = TileSample.random(format, maximumBytes: 16_000, using: &random)
            let encoded = try encodeTiles(sample, using: &random)
            let plain = try PlainTileDecoder.decode(
                encoded.payload, sample.picture.info, stripRows: encoded.rowsPerStrip,
                reference: sample.reference?.packed)
            #expect(
                plain == sample.picture.packed,
                "FRAMEWIRE_SEED=\(SeededGenerator.runSeed), \(format) \(number) \(round): \(sample.picture.info)"
            )
        }
    }

    @Test(arguments: PixelFormat.allCases)
    func thePlainDecoderReadsEveryKindOfContent(_ format: PixelFormat) throws {
        var random = SeededGenerator(case: 8200 + Int(format.rawValue))
        for content in TileContent.allCases {
            let info = FrameInfo(width: 600 / format.bytesPerPixel + 1, height: 21, format: format)
            let picture = Picture(info, packed: content.packed(info, using: &random), using: &random)
            let encoded = try encodeTiles(TileSample(picture: picture, reference: nil), using: &random)
            let plain = try PlainTileDecoder.decode(
                encoded.payload, info, stripRows: encoded.rowsPerStrip, reference: nil)
            #expect(plain == picture.packed, "\(content)")
        }
    }

    @Test(arguments: PixelFormat.allCases)
    func everyFormatComesBackAtOddSizes(_ format: PixelFormat) throws {
        var random = SeededGenerator(case: 8300 + Int(format.rawValue))
        for (width, height) in [(1, 1), (1, 2), (2, 1), (3, 5), (17, 1), (1, 33), (65, 63), (5, 17)] {
            for content in [TileContent.noise, .gradient, .flat, .texture] {
                let info = FrameInfo(width: width, height: height, format: format, rowOrder: .bottomUp)
                let picture = Picture(info, packed: content.packed(info, using: &random), using: &random)
                let encoded = try encodeTiles(TileSample(picture: picture, reference: nil), using: &random)
                let target = GuardedBytes(count: picture.packed.count)
                try decodeTiles(
                    encoded.payload, info, rowsPerStrip: encoded.rowsPerStrip, reference: nil, into: target)
                #expect(equal(target.bytes, picture.packed), "\(width) × \(height), \(content)")
                #expect(target.isIntact)
            }
        }
    }

    @Test(arguments: [PixelFormat.rgba8, .rgb8, .nv12, .rgba32f])
    func anUnchangedFrameIsATableOfZeros(_ format: PixelFormat) throws {
        var random = SeededGenerator(case: 8400)
        let info = FrameInfo(
            width: 333, height: 401, format: format, rowOrder: .bottomUp, stride: 334 * 16 + 7)
        let picture = Picture(info, .mixed, using: &random)
        let old = Picture(
            FrameInfo(width: 333, height: 401, format: format), packed: picture.packed, using: &random)
        let encoded = try encodeTiles(TileSample(picture: picture, reference: old), using: &random)
        #expect(encoded.payload.count == 8 + 4 * encoded.strips)
        #expect(encoded.payload[8...].allSatisfy { $0 == 0 })
        let target = GuardedBytes(count: picture.packed.count)
        try decodeTiles(
            encoded.payload, info, rowsPerStrip: encoded.rowsPerStrip, reference: old.packed, into: target)
        #expect(equal(target.bytes, picture.packed))
    }

    @Test(arguments: PixelFormat.allCases)
    func noiseCostsAtMostOnePercent(_ format: PixelFormat) throws {
        var random = SeededGenerator(case: 8500)
        let picture = Picture(FrameInfo(width: 251, height: 130, format: format), .noise, using: &random)
        let encoded = try encodeTiles(TileSample(picture: picture, reference: nil), using: &random)
        #expect(encoded.payload.count <= picture.packed.count + picture.packed.count / 100)
    }

    /// The geometry changes from frame to frame, as in a window that is being resized.
    @Test func oneEncoderAndOneDecoderServeFramesOfChangingGeometry() throws {
        var random = SeededGenerator(case: 8600)
        let encoder = FrameEncoder(workers: 2)
        let decoder = FrameDecoder()
        for number in 0..<60 {
            let format = PixelFormat.allCases.randomElement(using: &random)!
            let sample = TileSample.random(
                format, maximumBytes: number % 8 == 0 ? 700_000 : 40_000, using: &random)
            let encoded = try encodeTiles(
                sample, pieces: number % 3 + 1, workers: 2, with: encoder, using: &random)
            let target = GuardedBytes(count: sample.picture.packed.count)
            try decodeTiles(
                encoded.payload, sample.picture.info, rowsPerStrip: encoded.rowsPerStrip,
                reference: sample.reference?.packed, workers: 2, into: target, with: decoder)
            #expect(equal(target.bytes, sample.picture.packed), "frame \(number): \(sample.picture.info)")
        }
    }
}
