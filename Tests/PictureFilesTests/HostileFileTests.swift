import Buffers
import struct TestSupport.SeededGenerator
import Testing

@testable import PictureFiles

private let kinds = [PictureFormat.png, .bmp, .ppm]

@Test(arguments: kinds)
func everyTruncationIsAnError(kind: PictureFormat) throws {
    var random = SeededGenerator(case: 3)
    // Three pixels of three bytes: BMP pads rows, and only the padding of the last may be missing.
    let file = try encoded(Picture.random(3, 3, .bgr8, using: &random), as: kind)
    let padding = kind == .bmp ? 3 : 0
    for count in 0..<(file.count - padding) {
        #expect(throws: PictureError.self, "\(count) of \(file.count) bytes") {
            try PictureSeries.decode(Array(file[..<count]))
        }
    }
}

@Test(arguments: kinds)
func damagedFilesGiveAPictureOrAnError(kind: PictureFormat) throws {
    print("seed \(SeededGenerator.runSeed)")
    var random = SeededGenerator(case: 4)
    var refused = 0
    for _ in 0..<2000 {
        let format = [PixelFormat.rgba8, .bgr8, .r8].randomElement(using: &random)!
        var file = try encoded(Picture.random(5, 3, format, using: &random), as: kind)
        let reach = Bool.random(using: &random) ? min(file.count, 80) : file.count
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            file[Int.random(in: 2..<reach, using: &random)] = UInt8.random(in: 0...255, using: &random)
        }
        do throws(PictureError) {
            let picture = try PictureSeries.decode(file)
            let size = try picture.withView { view in view.bytes.count }
            #expect(size <= file.count * 1100)
        } catch {
            #expect(!error.message.isEmpty)
            refused += 1
        }
    }
    #expect(refused > 100)
}

@Test(arguments: [
    // Width and height of a BMP header: nothing, negative, far too large.
    ([0, 0, 0, 0, 1, 0, 0, 0] as [UInt8], "0 × 1"),
    ([1, 0, 0, 0, 0, 0, 0, 0], "1 × 0"),
    ([0xFF, 0xFF, 0xFF, 0xFF, 1, 0, 0, 0], "-1 × 1"),
    ([0xFF, 0xFF, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF, 0x7F], "2147483647"),
    ([1, 0, 0, 0, 0, 0, 0, 0x80], "2147483648"),
    ([0xFF, 0xFF, 0, 0, 0xFF, 0xFF, 0, 0], "cut short"),
])
func bmpSizesThatCannotBeAreRefused(sides: [UInt8], words: String) throws {
    var file = try encoded(
        Picture(info: FrameInfo(width: 1, height: 1, format: .bgr8), bytes: [1, 2, 3]), as: .bmp)
    file.replaceSubrange(18..<26, with: sides)
    let error = #expect(throws: PictureError.self) { try BMPFile.decode(file) }
    #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
}

@Test(arguments: [
    (10, [0xFF, 0xFF, 0xFF, 0xFF] as [UInt8], "begin at byte 4294967295"),
    (10, [1, 0, 0, 0], "begin at byte 1"),
    (14, [12, 0, 0, 0], "header of 12 bytes"),
    (28, [8, 0], "8 bits"),
    (30, [1, 0, 0, 0], "compressed"),
])
func bmpHeaderFieldsAreChecked(offset: Int, bytes: [UInt8], words: String) throws {
    var file = try encoded(
        Picture(info: FrameInfo(width: 1, height: 1, format: .bgr8), bytes: [1, 2, 3]), as: .bmp)
    file.replaceSubrange(offset..<offset + bytes.count, with: bytes)
    let error = #expect(throws: PictureError.self) { try BMPFile.decode(file) }
    #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
}

@Test func pngThatClaimsGigabytesIsRefused() throws {
    var file = try encoded(
        Picture(info: FrameInfo(width: 1, height: 1, format: .rgba8), bytes: [1, 2, 3, 4]), as: .png)
    // 60000 × 60000 in the header, with the checksum that libpng wants for it.
    file.replaceSubrange(16..<24, with: [0, 0, 0xEA, 0x60, 0, 0, 0xEA, 0x60])
    var remainder: UInt32 = 0xFFFF_FFFF
    for byte in file[12..<29] {
        remainder ^= UInt32(byte)
        for _ in 0..<8 { remainder = remainder & 1 != 0 ? remainder >> 1 ^ 0xEDB8_8320 : remainder >> 1 }
    }
    for index in 0..<4 {
        file[29 + index] = UInt8(truncatingIfNeeded: ~remainder >> (24 - 8 * UInt32(index)))
    }
    let error = #expect(throws: PictureError.self) { try PNGFile.decode(file) }
    #expect(error?.message.contains("limit") == true, "\(error?.message ?? "")")
}

@Test(arguments: [
    ("P6\n2 2\n254\n", "254"), ("P6\n0 2\n255\n", "width is 0"), ("P6\n99999 2\n255\n", "99999"),
    ("P6\n2 2\n255\n", "cut short"), ("P6\n-2 2\n255\n", "no width"), ("P6\n2", "no width"),
    ("P6\n9999999999 2\n255\n", "no width"), ("P3\n1 1\n255\n1 2 3\n", "P5 or P6"),
    ("P5\n1 1\n255\nabc", "2 bytes follow"),
])
func ppmHeadersAreChecked(text: String, words: String) {
    let error = #expect(throws: PictureError.self) { try PPMFile.decode(Array(text.utf8)) }
    #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
}
