import Buffers
import struct TestSupport.SeededGenerator
import class TestSupport.TemporaryFolder
import Testing

@testable import PictureFiles

@Test(arguments: [
    ("%05d.png", 42, "00042.png"), ("a/%d.bmp", 7, "a/7.bmp"), ("%03d", 12345, "12345"),
    ("50%%_%02d.raw", 3, "50%_03.raw"),
])
func numberedNamesAreFilledIn(pattern: String, number: Int, name: String) throws {
    #expect(try NumberedName(pattern)?.name(number) == name)
}

@Test(arguments: ["%s.png", "%5d", "%00d", "%0d", "%", "a%", "%0", "%05x", "%03d%03d", "%d-%d", "%ld", "%n"])
func otherPercentSignsAreRefused(pattern: String) {
    let error = #expect(throws: PictureError.self) { try NumberedName(pattern) }
    #expect(error?.kind == .usage)
}

@Test func namesWithoutANumberAreNoPattern() throws {
    #expect(try NumberedName("frame.png") == nil)
    #expect(try NumberedName("100%%.png") == nil)
    #expect(NumberedName.literal("100%%.png") == "100%.png")
}

@Test(arguments: ["1280x720", "1x1", "65535x65535"])
func sizesAreParsed(text: String) throws {
    let size = try #require(Geometry.size(text))
    #expect("\(size.width)x\(size.height)" == text)
}

@Test(arguments: [
    "", "x", "12x", "0x1", "-1x5", "+1x5", "65536x1", "1x2x3", "1 x2", "1X2", "999999999999999999999x1",
])
func otherSizesAreRefused(text: String) {
    #expect(Geometry.size(text) == nil)
}

@Test func fileNamesSayTheirGeometry() throws {
    for ending in [".raw", ".raw.zst", ".zst"] {
        let file = try #require(Geometry.ofFile("/tmp/x.y/stk_lighthouse_1920x1080_rgba" + ending))
        #expect((file.name, file.width, file.height, file.format) == ("stk_lighthouse", 1920, 1080, .rgba8))
    }
    #expect(try #require(Geometry.ofFile("a_2x3_i420.raw")).format == .i420)
    #expect(Geometry.ofFile("frames.raw") == nil)
    #expect(Geometry.ofFile("a_2x3_what.raw") == nil)
    #expect(Geometry.ofFile(".zst") == nil)
    #expect(Geometry.ofFile("") == nil)
}

@Test func aSeriesIsWrittenAndReadBack() throws {
    let folder = try TemporaryFolder()
    var random = SeededGenerator(case: 5)
    // Sizes change on the way.
    let pictures = try (1...4).map { try Picture.random(3 * $0, 5, .bgr8, using: &random) }
    let output = try PictureOutput(folder.file("%03d.bmp"), format: nil, isSinglePicture: false)
    for picture in pictures { try picture.withView { view throws(PictureError) in try output.write(view) } }
    try output.finish()
    #expect(folder.files == ["000.bmp", "001.bmp", "002.bmp", "003.bmp"])
    var series = try PictureSeries(folder.file("%03d.bmp"))
    for _ in 0..<2 {
        var count = 0
        while let picture = try series.read() {
            #expect(try picture.components() == pictures[count].components())
            count += 1
        }
        #expect(count == 4)
        series.rewind()
    }
}

@Test func aSeriesMayBeginAtOneAndEndsAtAGap() throws {
    let folder = try TemporaryFolder()
    for number in [1, 2, 4] { try OutputFile.replace(folder.file("\(number).pgm"), "P5 1 1 255\n\(number)") }
    var series = try PictureSeries(folder.file("%d.pgm"))
    #expect(try series.read()?.components().first?.x == 0x3131)
    #expect(try series.read()?.components().first?.x == 0x3232)
    #expect(try series.read() == nil)
}

@Test func aSeriesWithoutFilesNamesWhatIsMissing() throws {
    let folder = try TemporaryFolder()
    let error = #expect(throws: PictureError.self) { try PictureSeries(folder.file("%02d.png")) }
    #expect(error?.message.contains("00.png") == true)
}

@Test func anErrorInASeriesNamesTheFile() throws {
    let folder = try TemporaryFolder()
    try OutputFile.replace(folder.file("0.png"), "no picture")
    var series = try PictureSeries(folder.file("%d.png"))
    let error = #expect(throws: PictureError.self) { try series.read() }
    #expect(error?.message.contains("0.png: ") == true)
}

@Test func framesFollowEachOtherInAFile() throws {
    let folder = try TemporaryFolder()
    let info = FrameInfo(width: 1, height: 2, format: .r8, rowOrder: .bottomUp, stride: 3)
    let output = try PictureOutput(folder.file("out.raw"), format: nil, isSinglePicture: false)
    for _ in 0..<2 {
        try Picture(info: info, bytes: [1, 9, 9, 2]).withView { view throws(PictureError) in
            try output.write(view)
        }
    }
    try output.finish()
    #expect(try InputFile.contents(folder.file("out.raw")) == [2, 1, 2, 1])
}

@Test func y4mKeepsOneSize() throws {
    let folder = try TemporaryFolder()
    let output = try PictureOutput(folder.file("out.y4m"), format: nil, isSinglePicture: false)
    let first = Picture(info: FrameInfo(width: 1, height: 1, format: .r8, duration: 40_000_000), bytes: [65])
    let second = Picture(info: FrameInfo(width: 2, height: 1, format: .r8), bytes: [65, 66])
    try first.withView { view throws(PictureError) in try output.write(view) }
    let error = #expect(throws: PictureError.self) {
        try second.withView { view throws(PictureError) in try output.write(view) }
    }
    #expect(error?.message.contains("cannot change") == true)
    try output.finish()
    let bytes = try InputFile.contents(folder.file("out.y4m"))
    #expect(String(decoding: bytes, as: UTF8.self) == "YUV4MPEG2 W1 H1 F25:1 Ip A1:1 Cmono\nFRAME\nA")
}

@Test func onePNGNameHoldsOnePicture() throws {
    let error = #expect(throws: PictureError.self) {
        try PictureOutput("/nowhere/a.png", format: nil, isSinglePicture: false)
    }
    #expect(error?.kind == .usage)
    #expect(throws: PictureError.self) {
        try PictureOutput("/nowhere/a", format: nil, isSinglePicture: false)
    }
    #expect(throws: PictureError.self) { try PictureOutput("%d.y4m", format: nil, isSinglePicture: false) }
}

@Test func aFullDeviceIsAnErrorThatNamesIt() throws {
    let picture = Picture(
        info: FrameInfo(width: 64, height: 64, format: .r8), bytes: [UInt8](repeating: 7, count: 4096))
    for format in [PictureFormat.raw, .ppm, .bmp, .png] {
        let output = try PictureOutput("/dev/full", format: format, isSinglePicture: true)
        let error = #expect(throws: PictureError.self) {
            try picture.withView { view throws(PictureError) in try output.write(view) }
        }
        #expect(error?.kind == .io)
        #expect(error?.message.contains("/dev/full: No space left") == true, "\(error?.message ?? "")")
    }
}

@Test func aPictureThatCannotBeWrittenLeavesNothingBehind() throws {
    let folder = try TemporaryFolder()
    let output = try PictureOutput(folder.file("missing/%d.png"), format: nil, isSinglePicture: false)
    let picture = Picture(info: FrameInfo(width: 1, height: 1, format: .r8), bytes: [7])
    let error = #expect(throws: PictureError.self) {
        try picture.withView { view throws(PictureError) in try output.write(view) }
    }
    #expect(error?.message.contains(".part") == false)
    #expect(error?.message.contains("missing/0.png") == true)
    #expect(folder.files.isEmpty)
}

@Test func filesAboveTheLimitAreRefused() throws {
    let folder = try TemporaryFolder()
    try OutputFile.replace(folder.file("a"), "12345")
    #expect(try InputFile.contents(folder.file("a"), limit: 5).count == 5)
    #expect(throws: PictureError.self) { try InputFile.contents(folder.file("a"), limit: 4) }
    #expect(throws: PictureError.self) { try InputFile.contents("/dev/zero", limit: 100_000) }
}
