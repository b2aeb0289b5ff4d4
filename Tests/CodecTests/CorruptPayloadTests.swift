import Buffers
import TestSupport
import Testing

@testable import Codec

/// Payloads that are not what an encoder wrote: they are refused, and nothing outside of the target is ever
/// written.
@Suite struct CorruptPayloadTests {
    /// A payload of three strips.
    private struct Sample {
        let picture: Picture
        let profile: Profile
        let encoded: Encoded
        let plan: StripPlan
        /// Where the size of each strip's block lies.
        let blockOffsets: [Int]

        init(_ profile: Profile) throws {
            var random = SeededGenerator(case: 4000)
            let info = FrameInfo(width: 256, height: 640)
            picture = Picture(info, .text, using: &random)
            self.profile = profile
            encoded = try encode(picture, profile: profile)
            plan = try packedPlan(of: info, rowsPerStrip: encoded.rowsPerStrip)
            var offsets: [Int] = []
            var offset = LZ4Frame.headerSize
            for _ in 0..<plan.count {
                offsets.append(offset)
                offset += 4 + Int(Self.size(encoded.payload, offset) & ~LZ4Frame.storedFlag)
            }
            blockOffsets = offsets
        }

        static func size(_ bytes: [UInt8], _ offset: Int) -> UInt32 {
            (0..<4).reduce(0) { $0 | UInt32(bytes[offset + $1]) << UInt32(8 * $1) }
        }

        /// Whether the payload is taken; the margins around the target are checked either way.
        func isTaken(_ payload: [UInt8]) -> Bool {
            let target = GuardedBytes(count: picture.packed.count)
            defer { #expect(target.isIntact) }
            do {
                try decode(payload, plan: plan, profile: profile, into: target)
                return true
            } catch {
                return false
            }
        }

        /// The payload with another block size for a strip.
        func withBlockSize(_ size: UInt32, strip: Int) -> [UInt8] {
            var payload = encoded.payload
            for index in 0..<4 {
                payload[blockOffsets[strip] + index] = UInt8(truncatingIfNeeded: size >> UInt32(8 * index))
            }
            return payload
        }
    }

    @Test(arguments: [Profile.raw, .lz4])
    func theSampleItselfIsTaken(_ profile: Profile) throws {
        let sample = try Sample(profile)
        #expect(sample.plan.count == 3)
        #expect(sample.isTaken(sample.encoded.payload))
    }

    @Test(arguments: [Profile.raw, .lz4])
    func flippedBitsInHeadersAndBlockSizesAreRefused(_ profile: Profile) throws {
        let sample = try Sample(profile)
        let payload = sample.encoded.payload
        let places =
            Array(0..<LZ4Frame.headerSize) + sample.blockOffsets.flatMap { Array($0..<$0 + 4) }
            + Array(payload.count - 4..<payload.count)
        for place in places {
            for bit in 0..<8 {
                var damaged = payload
                damaged[place] ^= 1 << UInt8(bit)
                #expect(!sample.isTaken(damaged), "byte \(place), bit \(bit)")
            }
        }
    }

    /// LZ4 has no checksum, so some of these decode to another picture; that is for the content checksum to
    /// find.
    @Test func flippedBitsInCompressedBlocksNeverWriteOutsideOfTheTarget() throws {
        let sample = try Sample(.lz4)
        var random = SeededGenerator(case: 4001)
        var refused = 0
        for _ in 0..<200 {
            var damaged = sample.encoded.payload
            for _ in 0..<Int.random(in: 1...8, using: &random) {
                damaged[Int.random(in: LZ4Frame.headerSize..<damaged.count, using: &random)] ^=
                    1 << UInt8.random(in: 0..<8, using: &random)
            }
            if !sample.isTaken(damaged) { refused += 1 }
        }
        #expect(refused > 0)
    }

    @Test func noiseInPlaceOfABlockIsRefused() throws {
        let sample = try Sample(.lz4)
        var random = SeededGenerator(case: 4002)
        for round in 0..<60 {
            var damaged = sample.encoded.payload
            let strip = round % sample.plan.count
            let start = sample.blockOffsets[strip] + 4
            let end = strip + 1 < sample.plan.count ? sample.blockOffsets[strip + 1] : damaged.count - 4
            damaged.withUnsafeMutableBytes {
                random.fill(UnsafeMutableRawBufferPointer(rebasing: $0[start..<end]))
            }
            #expect(!sample.isTaken(damaged), "round \(round)")
        }
    }

    @Test(arguments: [Profile.raw, .lz4])
    func payloadsCutShortAreRefused(_ profile: Profile) throws {
        let sample = try Sample(profile)
        var random = SeededGenerator(case: 4003)
        let count = sample.encoded.payload.count
        var lengths = [0, 1, 14, 15, 18, 19, count - 5, count - 4, count - 1] + sample.blockOffsets
        lengths += (0..<40).map { _ in Int.random(in: 0..<count, using: &random) }
        for length in lengths {
            #expect(!sample.isTaken(Array(sample.encoded.payload[..<length])), "\(length) of \(count) bytes")
        }
    }

    @Test(arguments: [Profile.raw, .lz4])
    func bytesBehindTheEndMarkAreRefused(_ profile: Profile) throws {
        let sample = try Sample(profile)
        for extra in [1, 4, 100] {
            #expect(!sample.isTaken(sample.encoded.payload + [UInt8](repeating: 0, count: extra)))
        }
    }

    @Test(arguments: [Profile.raw, .lz4])
    func wrongBlockSizesAreRefused(_ profile: Profile) throws {
        let sample = try Sample(profile)
        for strip in 0..<sample.plan.count {
            let size = Sample.size(sample.encoded.payload, sample.blockOffsets[strip])
            let raw = UInt32(sample.plan[strip].byteCount)
            let hostile: [UInt32] = [
                0, 1, size - 1, size + 1, size ^ LZ4Frame.storedFlag, raw + 1, raw + 1 | LZ4Frame.storedFlag,
                LZ4Frame.storedFlag, LZ4Frame.storedFlag | 1, 0x7FFF_FFFF, 0xFFFF_FFFF, 4 << 20, 0xFFFF_FFF0,
            ]
            for wrong in hostile {
                #expect(
                    !sample.isTaken(sample.withBlockSize(wrong, strip: strip)), "strip \(strip): \(wrong)")
            }
        }
    }

    @Test func anErrorNamesTheFirstDamagedStrip() throws {
        let sample = try Sample(.lz4)
        var damaged = sample.encoded.payload
        for strip in [1, 2] {
            // A count of literals that goes on and on.
            for index in 0..<64 { damaged[sample.blockOffsets[strip] + 4 + index] = 0xFF }
        }
        let error = #expect(throws: CodecError.self) {
            try decode(
                damaged, plan: sample.plan, profile: .lz4, workers: 3,
                into: GuardedBytes(count: sample.picture.packed.count))
        }
        guard case .corrupt(let text, let offset) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(offset == sample.blockOffsets[1] + 4)
        #expect(text.text.contains("strip 1 of 3"))
    }

    @Test(arguments: [Profile.raw, .lz4])
    func hostilePayloadSizesAreRefusedAtOnce(_ profile: Profile) throws {
        let sample = try Sample(profile)
        let target = GuardedBytes(count: sample.picture.packed.count)
        let stored = LZ4Frame.storedSize(rawSize: sample.picture.packed.count, strips: sample.plan.count)
        for size in [0, 1, 19, 33, stored + 1, 1 << 40, Int.max] {
            #expect(throws: CodecError.self, "\(size) bytes") {
                try FrameDecoder().begin(
                    plan: sample.plan, profile: profile, payloadSize: size, target: target.base)
            }
        }
    }

    @Test func stripsLargerThanAnLZ4BlockAreRefused() throws {
        let plan = StripPlan(layout: try FrameLayout(FrameInfo(width: 2048, height: 2048)), rowsPerStrip: 513)
        let target = GuardedBytes(count: 1)
        #expect(throws: CodecError.self) {
            try FrameDecoder().begin(
                plan: plan, profile: .raw,
                payloadSize: LZ4Frame.storedSize(rawSize: plan.layout.packedSize, strips: plan.count),
                target: target.base)
        }
    }

    @Test func aDecoderWorksAgainAfterARefusedPayload() throws {
        let sample = try Sample(.lz4)
        let decoder = FrameDecoder()
        let target = GuardedBytes(count: sample.picture.packed.count)
        #expect(throws: CodecError.self) {
            try decode(
                sample.withBlockSize(0, strip: 1), plan: sample.plan, profile: .lz4, into: target,
                with: decoder)
        }
        decoder.abandon()
        try decode(sample.encoded.payload, plan: sample.plan, profile: .lz4, into: target, with: decoder)
        #expect(equal(target.bytes, sample.picture.packed))
    }
}
