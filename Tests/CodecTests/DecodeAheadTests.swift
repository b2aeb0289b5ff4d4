import Buffers
import TestSupport
import Testing

@testable import Codec

/// Strips that are decoded before the whole payload has come.
@Suite struct DecodeAheadTests {
    private static let info = FrameInfo(width: 300, height: 1000)

    private func sample(_ random: inout SeededGenerator, temporal: Bool) -> TileSample {
        let packed = TileContent.grain.packed(Self.info, using: &random)
        let old = TileContent.texture.packed(Self.info, using: &random)
        return TileSample(
            picture: Picture(Self.info, packed: packed, using: &random),
            reference: temporal ? Picture(Self.info, packed: old, using: &random) : nil)
    }

    @Test(arguments: [Profile.tile, .huffman], [501, 50_000])
    func thePictureIsTheSame(_ profile: Profile, _ piece: Int) throws {
        var random = SeededGenerator(case: 8800 + piece)
        for temporal in [false, true] {
            let sample = sample(&random, temporal: temporal)
            let encoded = try encodeTiles(sample, profile: profile, using: &random)
            #expect(encoded.strips > 1)
            let target = GuardedBytes(count: sample.picture.packed.count)
            let ahead = try decodeTiles(
                encoded.payload, Self.info, profile: profile, rowsPerStrip: encoded.rowsPerStrip,
                reference: sample.reference?.packed, workers: 2, piece: piece, into: target)
            #expect(equal(target.bytes, sample.picture.packed))
            #expect(target.isIntact)
            // All strips but those that the last piece completed.
            let strip = encoded.rowsPerStrip * Self.info.width * 4
            #expect(ahead > 0 && ahead % strip == 0 && ahead < sample.picture.packed.count)
        }
    }

    /// What is wrong with a strip is said in the end, as if all had come at once.
    @Test(arguments: [Profile.tile, .huffman])
    func aDamagedStripIsTheSameError(_ profile: Profile) throws {
        var random = SeededGenerator(case: 8810)
        let sample = sample(&random, temporal: false)
        let encoded = try encodeTiles(sample, profile: profile, using: &random)
        for _ in 0..<10 {
            var payload = encoded.payload
            let place = Int.random(in: 8..<payload.count, using: &random)
            payload[place] ^= UInt8.random(in: 1...255, using: &random)
            let errors = [Int.max, 3000].map { piece in
                do {
                    try decodeTiles(
                        payload, Self.info, profile: profile, rowsPerStrip: encoded.rowsPerStrip,
                        reference: nil, piece: piece,
                        into: GuardedBytes(count: sample.picture.packed.count))
                    return "none"
                } catch {
                    return "\(error)"
                }
            }
            #expect(errors[0] == errors[1], "FRAMEWIRE_SEED=\(SeededGenerator.runSeed), byte \(place)")
        }
    }
}
