import Buffers
import TestSupport
import Testing

@testable import Codec

@Suite struct RoundTripTests {
    /// One random picture in one to seven regions: what comes out is the packed picture, whatever the
    /// profile, the number of workers and the sizes of the pieces it arrives in.
    @Test(arguments: 0..<150)
    func anyPictureComesBackExactly(_ number: Int) throws {
        var random = SeededGenerator(case: number)
        // Every fifth has several strips.
        let limit = number % 5 == 0 ? 1_200_000 : 150_000
        let picture = Picture.random(maximumBytes: limit, using: &random)
        let comment = "FRAMEWIRE_SEED=\(SeededGenerator.runSeed), case \(number): \(picture.info)"
        let memory = ScatteredBytes(picture.bytes, pieces: random.scaled(1...7), using: &random)
        let regions = UnsafeBufferPointer(memory.regions)
        let acceleration = Int32(random.scaled(1...65537))
        for profile in [Profile.raw, .lz4] {
            let encoded = try encode(
                picture, regions: regions, profile: profile, acceleration: acceleration, checksum: true)
            for workers in 2...4 {
                let other = try encode(
                    picture, regions: regions, profile: profile, workers: workers, acceleration: acceleration,
                    checksum: true)
                #expect(other.payload == encoded.payload, "\(workers) workers, \(comment)")
                #expect(other.checksum == encoded.checksum, "\(workers) workers, \(comment)")
            }
            let plan = try packedPlan(of: picture.info, rowsPerStrip: encoded.rowsPerStrip)
            #expect(plan.count == encoded.strips, "\(comment)")
            for workers in [1, Int.random(in: 2...4, using: &random)] {
                let target = GuardedBytes(count: picture.packed.count)
                try decode(encoded.payload, plan: plan, profile: profile, workers: workers, into: target) {
                    random.scaled(1...(1 << 20))
                }
                #expect(equal(target.bytes, picture.packed), "\(profile), \(comment)")
                #expect(target.isIntact, "\(profile), \(comment)")
            }
            let stock = try decodeWithLiblz4(encoded.payload, size: picture.packed.count)
            #expect(stock == picture.packed, "liblz4, \(profile), \(comment)")
        }
    }

    @Test(arguments: PixelFormat.allCases)
    func everyFormatComesBackAtOddSizes(_ format: PixelFormat) throws {
        var random = SeededGenerator(case: 1000 + Int(format.rawValue))
        for (width, height) in [(1, 1), (1, 2), (2, 1), (3, 5), (17, 1), (1, 33), (65, 63)] {
            for rowOrder in [RowOrder.topDown, .bottomUp] {
                for padding in [0, 1, 6] {
                    var info = FrameInfo(width: width, height: height, format: format, rowOrder: rowOrder)
                    if padding > 0 { info.stride = (width + 1) * format.bytesPerPixel + padding }
                    let picture = Picture(info, .noise, using: &random)
                    for profile in [Profile.raw, .lz4] {
                        let encoded = try encode(picture, profile: profile)
                        let target = GuardedBytes(count: picture.packed.count)
                        let plan = try packedPlan(of: info, rowsPerStrip: encoded.rowsPerStrip)
                        try decode(encoded.payload, plan: plan, profile: profile, into: target)
                        #expect(equal(target.bytes, picture.packed), "\(profile), \(info)")
                        #expect(target.isIntact)
                    }
                }
            }
        }
    }

    /// The geometry and the profile change from frame to frame, as in a window that is being resized.
    @Test func oneEncoderAndOneDecoderServeFramesOfChangingGeometry() throws {
        var random = SeededGenerator(case: 2000)
        let encoder = FrameEncoder(workers: 2)
        let decoder = FrameDecoder()
        for number in 0..<40 {
            let picture = Picture.random(maximumBytes: number % 8 == 0 ? 700_000 : 60_000, using: &random)
            let memory = ScatteredBytes(picture.bytes, pieces: number % 3 + 1, using: &random)
            let profile: Profile = Bool.random(using: &random) ? .raw : .lz4
            let encoded = try encode(
                picture, regions: UnsafeBufferPointer(memory.regions), profile: profile, workers: 2,
                checksum: number % 2 == 0, with: encoder)
            let target = GuardedBytes(count: picture.packed.count)
            let plan = try packedPlan(of: picture.info, rowsPerStrip: encoded.rowsPerStrip)
            try decode(encoded.payload, plan: plan, profile: profile, workers: 2, into: target, with: decoder)
            #expect(equal(target.bytes, picture.packed), "frame \(number): \(picture.info)")
            #expect((encoded.checksum != nil) == (number % 2 == 0))
        }
    }

    @Test func noiseIsStoredAndCostsOnlyTheBlockHeaders() throws {
        var random = SeededGenerator(case: 2001)
        let picture = Picture(FrameInfo(width: 640, height: 480), .noise, using: &random)
        let encoded = try encode(picture, profile: .lz4)
        #expect(
            encoded.payload.count
                == LZ4Frame.storedSize(rawSize: picture.packed.count, strips: encoded.strips))
        #expect(encoded.payload == (try encode(picture, profile: .raw)).payload)
    }

    @Test func flatPicturesShrink() throws {
        var random = SeededGenerator(case: 2002)
        let picture = Picture(FrameInfo(width: 640, height: 480), .constant, using: &random)
        #expect(try encode(picture, profile: .lz4).payload.count < picture.packed.count / 100)
    }

    @Test func theRowsOfARawFrameAreSentFromWhereTheyLie() throws {
        var random = SeededGenerator(case: 2003)
        let picture = Picture(
            FrameInfo(width: 640, height: 480, rowOrder: .bottomUp, stride: 2600), .noise, using: &random)
        try picture.bytes.withUnsafeBytes { bytes in
            let encoder = FrameEncoder(workers: 1)
            try withUnsafePointer(to: bytes) { region in
                let source = PixelSource(
                    layout: try FrameLayout(picture.info),
                    regions: UnsafeBufferPointer(start: region, count: 1))
                try encoder.prepare(source, profile: .raw, acceleration: 1, checksum: false)
                #expect(encoder.parts == 0)
                try encoder.finish()
            }
            let begin = UInt(bitPattern: bytes.baseAddress!)
            let inPlace = encoder.vectors.dropFirst(FrameEncoder.reservedVectors).filter { vector in
                let address = UInt(bitPattern: vector.iov_base)
                return address >= begin && address < begin + UInt(bytes.count)
            }
            #expect(inPlace.reduce(0) { $0 + $1.iov_len } == picture.packed.count)
            #expect(encoder.gatheredBytes == 0)
        }
    }
}
