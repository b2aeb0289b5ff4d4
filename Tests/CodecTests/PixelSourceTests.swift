import Buffers
import CXXHash
import TestSupport
import Testing

@testable import Codec

@Suite struct PixelSourceTests {
    @Test(arguments: 0..<60)
    func theChecksumIsXXH3OfThePackedBytes(_ number: Int) throws {
        var random = SeededGenerator(case: 3000 + number)
        let picture = Picture.random(maximumBytes: 60_000, using: &random)
        let memory = ScatteredBytes(picture.bytes, pieces: number % 5 + 1, using: &random)
        let source = PixelSource(
            layout: try FrameLayout(picture.info), regions: UnsafeBufferPointer(memory.regions))
        let expected = fwx_xxh3_64(picture.packed, picture.packed.count)
        #expect(try source.checksum() == expected, "case \(number): \(picture.info)")
        let encoded = try encode(
            picture, regions: UnsafeBufferPointer(memory.regions), profile: number % 2 == 0 ? .raw : .lz4,
            checksum: true)
        #expect(encoded.checksum == expected, "case \(number): \(picture.info)")
    }

    @Test func aKnownPictureHasAKnownChecksum() throws {
        // `printf abcd | xxhsum -H3`.
        let bytes = Array("abcd".utf8)
        let checksum = try bytes.withUnsafeBytes { bytes in
            try withUnsafePointer(to: bytes) { region in
                try PixelSource(
                    layout: FrameLayout(FrameInfo(width: 1, height: 1)),
                    regions: UnsafeBufferPointer(start: region, count: 1)
                ).checksum()
            }
        }
        #expect(checksum == 0x6497_A96F_53A8_9890)
    }

    @Test func gatheringStripsGivesThePackedBytes() throws {
        var random = SeededGenerator(case: 3100)
        for _ in 0..<40 {
            let picture = Picture.random(maximumBytes: 20_000, using: &random)
            let memory = ScatteredBytes(picture.bytes, pieces: random.scaled(1...40), using: &random)
            let layout = try FrameLayout(picture.info)
            let source = PixelSource(layout: layout, regions: UnsafeBufferPointer(memory.regions))
            let plan = StripPlan(layout: layout, rowsPerStrip: random.scaled(1...layout[plane: 0].rows))
            let target = GuardedBytes(count: picture.packed.count)
            for index in 0..<plan.count {
                source.gather(plan[index], to: target.base + plan[index].packedOffset)
            }
            #expect(equal(target.bytes, picture.packed), "\(picture.info)")
            #expect(target.isIntact)
        }
    }
}
