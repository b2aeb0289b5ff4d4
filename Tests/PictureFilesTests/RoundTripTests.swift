import Buffers
import struct TestSupport.SeededGenerator
import Testing

@testable import PictureFiles

/// Formats of one byte for each component.
private let byteFormats: [PixelFormat] = [.rgba8, .bgra8, .rgbx8, .bgrx8, .rgb8, .bgr8, .r8]

@Test(arguments: byteFormats + [.rgba16, .r16, .depth16])
func pngKeepsEveryValue(format: PixelFormat) throws {
    var random = SeededGenerator(case: Int(format.rawValue))
    for width in [1, 2, 3, 7, 64, 101] {
        let picture = try Picture.random(width, 5, format, using: &random)
        let back = try PNGFile.decode(encoded(picture, as: .png))
        #expect(try back.components() == picture.components())
    }
}

@Test(arguments: byteFormats)
func bmpKeepsEveryValue(format: PixelFormat) throws {
    var random = SeededGenerator(case: Int(format.rawValue))
    for width in [1, 2, 3, 5, 64, 101] {
        let picture = try Picture.random(width, 4, format, using: &random)
        let back = try BMPFile.decode(encoded(picture, as: .bmp))
        #expect(back.info.rowOrder == .bottomUp)
        #expect(try back.components() == picture.components())
    }
}

@Test(arguments: byteFormats + [.rgba16, .r16, .depth16])
func ppmKeepsEveryValueButAlpha(format: PixelFormat) throws {
    var random = SeededGenerator(case: Int(format.rawValue))
    for width in [1, 2, 3, 5, 64, 101] {
        let picture = try Picture.random(width, 4, format, using: &random)
        let back = try PPMFile.decode(encoded(picture, as: .ppm))
        let opaque = try picture.components().map { SIMD4($0.x, $0.y, $0.z, 0xFFFF) }
        #expect(try back.components() == opaque)
    }
}

@Test func randomGeometryRoundTrips() throws {
    print("seed \(SeededGenerator.runSeed)")
    var random = SeededGenerator(case: 1)
    for _ in 0..<150 {
        let format = byteFormats.randomElement(using: &random)!
        let picture = try Picture.random(
            Int.random(in: 1...300, using: &random), Int.random(in: 1...40, using: &random), format,
            using: &random)
        let kind = [PictureFormat.png, .bmp, .ppm].randomElement(using: &random)!
        let back = try PictureSeries.decode(encoded(picture, as: kind))
        var expected = try picture.components()
        if kind == .ppm { expected = expected.map { SIMD4($0.x, $0.y, $0.z, 0xFFFF) } }
        #expect(try back.components() == expected, "\(picture.info) as \(kind)")
    }
}

@Test func pngWidensTenBitsToSixteen() throws {
    let pixels: [UInt32] = [0, 0xFFFF_FFFF, 1 | 2 << 10 | 3 << 20 | 1 << 30]
    let picture = Picture(
        info: FrameInfo(width: 3, height: 1, format: .rgb10a2),
        bytes: pixels.flatMap { value in (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } })
    let back = try PNGFile.decode(encoded(picture, as: .png))
    #expect(
        try back.components() == [
            SIMD4(repeating: 0), SIMD4(repeating: 0xFFFF), SIMD4(1 << 6, 2 << 6, 3 << 6, 0x5555),
        ])
}

@Test(arguments: [PictureFormat.png, .bmp, .ppm])
func formatsThatDoNotFitAreRefused(kind: PictureFormat) throws {
    var random = SeededGenerator(case: 2)
    for format in [PixelFormat.rg8, .rgba16f, .rgba32f, .depth24s8, .nv12, .i420] {
        let picture = try Picture.random(4, 4, format, using: &random)
        let error = #expect(throws: PictureError.self) { try encoded(picture, as: kind) }
        #expect(error?.kind == .unsupported)
        #expect(error?.message.contains(format.name.description) == true)
    }
}

@Test func bmpOfTopDownRowsIsReadTopDown() throws {
    // Two pixels above each other: red, then blue; height −2.
    var file = try encoded(
        Picture(info: FrameInfo(width: 1, height: 2, format: .bgr8), bytes: [255, 0, 0, 0, 0, 255]), as: .bmp)
    file.replaceSubrange(22..<26, with: [0xFE, 0xFF, 0xFF, 0xFF])
    let picture = try BMPFile.decode(file)
    #expect(picture.info.rowOrder == .topDown)
    #expect(try picture.components() == [SIMD4(0xFFFF, 0, 0, 0xFFFF), SIMD4(0, 0, 0xFFFF, 0xFFFF)])
}

@Test(arguments: [
    ([0x0000_00FF, 0x0000_FF00, 0x00FF_0000, 0xFF00_0000] as [UInt32], PixelFormat.rgba8),
    ([0x0000_00FF, 0x0000_FF00, 0x00FF_0000, 0], .rgbx8),
    ([0x00FF_0000, 0x0000_FF00, 0x0000_00FF, 0], .bgrx8),
    ([0xFF00_0000, 0x00FF_0000, 0x0000_FF00, 0x0000_00FF], .rgba8),
])
func bmpBitMasksSayWhereColoursAre(masks: [UInt32], format: PixelFormat) throws {
    var file = try encoded(
        Picture(info: FrameInfo(width: 1, height: 1, format: .bgra8), bytes: [0, 0, 0, 0]), as: .bmp)
    for (index, mask) in masks.enumerated() {
        for byte in 0..<4 {
            file[54 + 4 * index + byte] = UInt8(truncatingIfNeeded: mask >> (8 * UInt32(byte)))
        }
    }
    let value =
        masks[0] & 0x1111_1111 | masks[1] & 0x2222_2222 | masks[2] & 0x3333_3333 | masks[3] & 0x4444_4444
    for byte in 0..<4 { file[file.count - 4 + byte] = UInt8(truncatingIfNeeded: value >> (8 * UInt32(byte))) }
    let picture = try BMPFile.decode(file)
    #expect(picture.info.format == format)
    let alpha: UInt16 = masks[3] == 0 ? 0xFFFF : 0x4444
    #expect(try picture.components() == [SIMD4(0x1111, 0x2222, 0x3333, alpha)])
}

@Test func ppmHeadersMayHaveComments() throws {
    let file = Array("P6 # a comment\n# another 9\n2\t1 255\n".utf8) + [1, 2, 3, 4, 5, 6] + Array("\n".utf8)
    let picture = try PPMFile.decode(file)
    #expect(picture.info.width == 2)
    #expect(try picture.components().map(\.x) == [0x101, 0x404])
}

@Test func y4mHoldsNV12AsPlanes() throws {
    let info = FrameInfo(width: 3, height: 2, format: .nv12)
    let picture = Picture(info: info, bytes: [1, 2, 3, 4, 5, 6, 10, 20, 11, 21])
    var file: [UInt8] = []
    try picture.withView { Y4MFile.encode($0, into: &file) }
    #expect(file == Array("FRAME\n".utf8) + [1, 2, 3, 4, 5, 6, 10, 11, 20, 21])
    #expect(try Y4MFile.header(info, frameRate: (25, 1)) == "YUV4MPEG2 W3 H2 F25:1 Ip A1:1 C420jpeg\n")
}

@Test(arguments: [
    (40_000_000, 25, 1), (16_666_667, 60, 1), (33_366_667, 30000, 1001), (41_708_333, 24000, 1001),
    (77_777_777, 1_000_000_000, 77_777_777),
])
func y4mFrameRatesAreTheOnesMeant(duration: Int64, numerator: Int, denominator: Int) {
    #expect(Y4MFile.frameRate(duration: duration) == (numerator, denominator))
}
