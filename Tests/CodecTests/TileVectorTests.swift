import Buffers
import Foundation
import TestSupport
import Testing

@testable import Codec

/// The test vectors of docs/tile-format.md, which were not written by this library, decoded to known pixels.
@Suite struct TileVectorTests {
    struct Vector: Sendable {
        let name: String
        let format: PixelFormat
        let width: Int
        let height: Int
        let stripRows: Int
        var profile = Profile.tile
        /// What the pixels are; nil for those of ``TileVectorTests/component(_:_:_:bits:)``.
        var value: UInt8?
        /// And those of the reference, if they are others.
        var referenceValue: UInt8?
        var hasReference = false
    }

    static let good: [Vector] =
        [
            Vector(name: "small", format: .r8, width: 1, height: 1, stripRows: 16),
            Vector(name: "stored", format: .rgba8, width: 65, height: 5, stripRows: 16),
            Vector(name: "rows", format: .rgba8, width: 140, height: 6, stripRows: 16),
            Vector(
                name: "rows-reference", format: .rgba8, width: 140, height: 6, stripRows: 16,
                hasReference: true),
            Vector(name: "moved", format: .rgba8, width: 65, height: 20, stripRows: 16, hasReference: true),
            Vector(
                name: "skip-and-exact", format: .rgba8, width: 70, height: 20, stripRows: 32, value: 7,
                hasReference: true),
            Vector(
                name: "exact-reference", format: .rgba8, width: 70, height: 20, stripRows: 32, value: 7,
                hasReference: true),
            Vector(name: "twice", format: .rgba8, width: 70, height: 20, stripRows: 32, value: 7),
            Vector(name: "colors", format: .rgba8, width: 66, height: 30, stripRows: 32),
            Vector(
                name: "colors-reference", format: .rgb8, width: 66, height: 30, stripRows: 32,
                hasReference: true),
            Vector(name: "packed-nv12", format: .nv12, width: 67, height: 21, stripRows: 32),
            Vector(name: "packed-i420", format: .i420, width: 67, height: 21, stripRows: 32),
            Vector(
                name: "huffman-rgba8", format: .rgba8, width: 66, height: 19, stripRows: 32,
                profile: .huffman),
            Vector(
                name: "huffman-colors", format: .rgb8, width: 66, height: 19, stripRows: 32,
                profile: .huffman),
            Vector(
                name: "huffman-side", format: .rgba8, width: 66, height: 19, stripRows: 32,
                profile: .huffman),
            Vector(
                name: "huffman-r16-reference", format: .r16, width: 131, height: 15, stripRows: 32,
                profile: .huffman, hasReference: true),
            Vector(
                name: "huffman-single", format: .rgba8, width: 128, height: 16, stripRows: 16,
                profile: .huffman, value: 7, referenceValue: 8, hasReference: true),
        ]
        + [
            (PixelFormat.rgba8, "rgba8", 66), (.rgb8, "rgb8", 66), (.r8, "r8", 261), (.rg8, "rg8", 131),
            (.r16, "r16", 131), (.rgba16, "rgba16", 34), (.r32f, "r32f", 66), (.rgba32f, "rgba32f", 18),
            (.rgb10a2, "rgb10a2", 66), (.depth24s8, "depth24s8", 66),
        ].flatMap { format, name, width in
            [
                Vector(name: "packed-" + name, format: format, width: width, height: 30, stripRows: 32),
                Vector(
                    name: "packed-" + name + "-reference", format: format, width: width, height: 30,
                    stripRows: 32, hasReference: true),
            ]
        }

    /// Vectors of 64 × 32 pixels of rgba8 in strips of 16 rows, and the byte that the error names.
    static let bad: [(name: String, offset: Int)] = [
        ("magic", 0), ("size", 0), ("strip-size", 12), ("left-over", 93), ("no-reference", 55), ("skip", 55),
        ("mode", 55), ("colors", 55), ("widths", 55), ("block", 67), ("rows", 55), ("packed-size", 55),
        ("side-size", 63),
        ("sizes", 59), ("too-much", 95), ("stored", 55), ("header", 55), ("coded", 55),
        ("huffman-in-block", 55), ("huffman-lengths", 67), ("huffman-long", 67), ("huffman-cut", 67),
        ("huffman-parts", 67), ("huffman-part", 67), ("huffman-count", 67), ("huffman-missing", 55),
        ("huffman-left", 428), ("huffman-behind", 67), ("side-coded", 55), ("huffman-side-in-block", 55),
        ("huffman-side", 63), ("huffman-side-behind", 63),
    ]

    private func payload(_ name: String) throws -> [UInt8] {
        let url = try #require(
            Bundle.module.url(forResource: name, withExtension: "hex", subdirectory: "Vectors"))
        let text = try String(contentsOf: url, encoding: .utf8)
        return text.split(separator: "\n").flatMap { line in
            line.prefix { $0 != "#" }.split(separator: " ").compactMap { UInt8($0, radix: 16) }
        }
    }

    private func component(_ x: Int, _ y: Int, _ k: Int, bits: Int) -> Int {
        let value = 3 * x + 5 * y + 40 * k + (x * x + y * (k + 1)) % 5
        return value * (bits > 16 ? 4099 : bits > 10 ? 37 : 1) & (1 << bits - 1)
    }

    /// The packed picture of a vector; the pixel at (x, y) of its reference is that of (x + 1, y + 2).
    private func pixels(_ vector: Vector, isReference: Bool) -> [UInt8] {
        let (dx, dy) = isReference ? (1, 2) : (0, 0)
        let constant = isReference ? vector.referenceValue ?? vector.value : vector.value
        func plane(_ width: Int, _ height: Int, _ bits: [Int]) -> [UInt8] {
            var out: [UInt8] = []
            for y in 0..<height {
                for x in 0..<width {
                    var number: UInt64 = 0
                    var place = 0
                    for (k, count) in bits.enumerated() {
                        let value = constant.map { Int($0) } ?? component(x + dx, y + dy, k, bits: count)
                        number |= UInt64(value) << UInt64(place)
                        place += count
                        while place >= 8 {
                            out.append(UInt8(truncatingIfNeeded: number))
                            number >>= 8
                            place -= 8
                        }
                    }
                }
            }
            return out
        }
        let (width, height) = (vector.width, vector.height)
        let half = ((width + 1) / 2, (height + 1) / 2)
        return switch vector.format {
        case .nv12: plane(width, height, [8]) + plane(half.0, half.1, [8, 8])
        case .i420:
            plane(width, height, [8]) + plane(half.0, half.1, [8]) + plane(half.0, half.1, [8])
        case .rgb8: plane(width, height, [8, 8, 8])
        case .r8: plane(width, height, [8])
        case .rg8: plane(width, height, [8, 8])
        case .r16: plane(width, height, [16])
        case .rgba16: plane(width, height, [16, 16, 16, 16])
        case .r32f: plane(width, height, [32])
        case .rgba32f: plane(width, height, [32, 32, 32, 32])
        case .rgb10a2: plane(width, height, [10, 10, 10, 2])
        case .depth24s8: plane(width, height, [8, 24])
        default: plane(width, height, [8, 8, 8, 8])
        }
    }

    @Test(arguments: good)
    func vectorsDecodeToKnownPixels(_ vector: Vector) throws {
        let payload = try payload(vector.name)
        let info = FrameInfo(width: vector.width, height: vector.height, format: vector.format)
        let expected = pixels(vector, isReference: false)
        let reference = vector.hasReference ? pixels(vector, isReference: true) : nil
        let target = GuardedBytes(count: expected.count)
        try decodeTiles(
            payload, info, profile: vector.profile, rowsPerStrip: vector.stripRows, reference: reference,
            into: target)
        #expect(equal(target.bytes, expected))
        #expect(target.isIntact)
        let plain = try PlainTileDecoder.decode(
            payload, info, profile: vector.profile, stripRows: vector.stripRows, reference: reference)
        #expect(plain == expected)
    }

    @Test func anUnchangedVectorGivesItsReference() throws {
        let info = FrameInfo(width: 65, height: 18)
        let reference = (0..<65 * 18 * 4).map { UInt8(truncatingIfNeeded: $0 * 7) }
        let target = GuardedBytes(count: reference.count)
        try decodeTiles(try payload("unchanged"), info, rowsPerStrip: 16, reference: reference, into: target)
        #expect(equal(target.bytes, reference))
    }

    @Test(arguments: 0..<bad.count)
    func badVectorsAreRefusedAtTheByteThatTheDocumentNames(_ index: Int) throws {
        let (name, expected) = Self.bad[index]
        let payload = try payload("bad-" + name)
        let profile = name.hasPrefix("huffman") ? Profile.huffman : .tile
        let info = FrameInfo(width: 64, height: 32)
        let target = GuardedBytes(count: 64 * 32 * 4)
        #expect(throws: PlainTileDecoder.Refusal.self, "\(name)") {
            try PlainTileDecoder.decode(payload, info, profile: profile, stripRows: 16, reference: nil)
        }
        do {
            try decodeTiles(
                payload, info, profile: profile, rowsPerStrip: 16, reference: nil, into: target)
            Issue.record("\(name) is taken")
        } catch let CodecError.corrupt(_, offset) {
            #expect(offset == expected, "\(name)")
        }
        #expect(target.isIntact)
    }

    @Test func codedSideInformationOfAnotherSizeIsRefused() throws {
        let good = try payload("huffman-side")
        let info = FrameInfo(width: 66, height: 19)
        let target = GuardedBytes(count: 66 * 19 * 4)
        let right: UInt32 = good[20..<24].reversed().reduce(0) { $0 << 8 | UInt32($1) }
        let picture: UInt32 = 66 * 19 * 4
        let largest: UInt32 = 4 * 133
        // Side information of the largest size that four tiles can have, and one byte more.
        let others: [UInt32] = [0, 1, 3, picture, picture + 1, .max, largest, largest + 1]
        for size in others + [right - 1, right + 1] {
            var bad = good
            for byte in 0..<4 { bad[20 + byte] = UInt8(truncatingIfNeeded: size >> UInt32(8 * byte)) }
            do {
                try decodeTiles(
                    bad, info, profile: .huffman, rowsPerStrip: 32, reference: nil, into: target)
                Issue.record("\(size) is taken")
            } catch let CodecError.corrupt(_, offset) {
                #expect(offset == 20, "\(size)")
            }
            #expect(target.isIntact)
        }
    }

    /// Profile huffman takes what profile tile takes, as long as nothing is coded.
    @Test func vectorsOfTheOtherProfileDecode() throws {
        for vector in Self.good where vector.profile == .tile && !vector.hasReference {
            let expected = pixels(vector, isReference: false)
            let target = GuardedBytes(count: expected.count)
            let info = FrameInfo(width: vector.width, height: vector.height, format: vector.format)
            try decodeTiles(
                try payload(vector.name), info, profile: .huffman, rowsPerStrip: vector.stripRows,
                reference: nil, into: target)
            #expect(equal(target.bytes, expected), "\(vector.name)")
        }
    }

    @Test(arguments: good.filter { $0.profile == .huffman })
    func damagedStreamsDecodeAsTheFormatSaysOrNotAtAll(_ vector: Vector) throws {
        let payload = try payload(vector.name)
        let info = FrameInfo(width: vector.width, height: vector.height, format: vector.format)
        let reference = vector.hasReference ? pixels(vector, isReference: true) : nil
        let decoder = FrameDecoder()
        let target = GuardedBytes(count: pixels(vector, isReference: false).count)
        func decode(_ payload: [UInt8]) -> [UInt8]? {
            defer { #expect(target.isIntact) }
            do {
                try decodeTiles(
                    payload, info, profile: .huffman, rowsPerStrip: vector.stripRows, reference: reference,
                    into: target, with: decoder)
                return Array(target.bytes)
            } catch {
                return nil
            }
        }
        var random = SeededGenerator(case: 9400)
        var refused = 0
        for place in payload.indices {
            let flip: UInt8 = 1 << UInt8.random(in: 0...7, using: &random)
            for value in place % 4 == 0 ? [flip, UInt8.random(in: 0...255, using: &random)] : [flip] {
                var damaged = payload
                damaged[place] ^= value
                let picture = decode(damaged)
                if picture == nil { refused += 1 }
                // The plain decoder takes its time.
                guard place % 53 == 0 || (12..<28).contains(place) else { continue }
                let plain = try? PlainTileDecoder.decode(
                    damaged, info, profile: .huffman, stripRows: vector.stripRows, reference: reference)
                #expect(picture == plain, "byte \(place), bits \(value)")
            }
            var cut = Array(payload[..<place])
            #expect(decode(cut) == nil, "\(place) bytes")
            guard place > 12 else { continue }
            for (offset, size) in [(4, place - 8), (8, place - 12)] {
                for byte in 0..<4 { cut[offset + byte] = UInt8(truncatingIfNeeded: size >> (8 * byte)) }
            }
            #expect(decode(cut) == nil, "\(place) bytes, sizes put right")
        }
        #expect(refused > payload.count / 2)
    }
}
