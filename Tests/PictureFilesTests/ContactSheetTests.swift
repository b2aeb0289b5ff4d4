import Buffers
import Testing

@testable import PictureFiles

/// The grey values of the cells of a sheet made of `count` frames, each of which is grey by its number.
private func cells(_ count: Int, columns: Int) throws -> (shown: [UInt8], info: FrameInfo)? {
    var sheet = ContactSheet(columns: columns)
    for number in 0..<count {
        let value = UInt8(number * 255 / max(1, count - 1))
        let frame = Picture(
            info: FrameInfo(width: 2, height: 2, format: .r8), bytes: [value, value, value, value])
        try frame.withView { view throws(PictureError) in try sheet.add(view) }
    }
    guard let picture = sheet.picture() else { return nil }
    var shown: [UInt8] = []
    for y in stride(from: 4, to: picture.info.height, by: 6) {
        for x in stride(from: 4, to: picture.info.width, by: 6) {
            shown.append(picture.bytes[(y * picture.info.width + x) * 3])
        }
    }
    return (shown, picture.info)
}

@Test func noFramesMakeNoSheet() throws {
    #expect(try cells(0, columns: 4) == nil)
}

@Test func fewFramesAreAllShown() throws {
    let sheet = try #require(try cells(3, columns: 4))
    #expect(sheet.shown == [0, 127, 255])
    #expect(sheet.info.height == 2 + 2 * 4)
}

@Test(arguments: [16, 17, 31, 32, 33, 64, 65, 100, 240, 1000])
func manyFramesAreSampledEvenly(count: Int) throws {
    let sheet = try #require(try cells(count, columns: 4))
    #expect(sheet.shown.count == 16)
    #expect(sheet.shown[0] == 0)
    let steps = zip(sheet.shown, sheet.shown.dropFirst()).map { Int($1) - Int($0) }
    #expect(steps.allSatisfy { $0 > 0 })
    // A step is one or two of the distances kept; no sheet ends far before the stream does.
    #expect(steps.max()! <= 2 * steps.min()! + 2)
    #expect(Int(sheet.shown[15]) > 255 - 2 * 17)
}

@Test func columnsMakeWholeRows() throws {
    #expect(try #require(try cells(100, columns: 5)).shown.count == 15)
    #expect(try #require(try cells(100, columns: 16)).shown.count == 16)
    #expect(try #require(try cells(100, columns: 1)).shown.count == 16)
}

@Test func largeFramesAreAveraged() throws {
    let info = FrameInfo(width: 640, height: 2, format: .r8, stride: 640)
    let row = (0..<640).map { UInt8($0 % 2 * 200) }
    var sheet = ContactSheet()
    try Picture(info: info, bytes: row + row).withView { view throws(PictureError) in try sheet.add(view) }
    let picture = try #require(sheet.picture())
    #expect(picture.info.width == 320 + 8)
    #expect(picture.bytes[(4 * picture.info.width + 10) * 3] == 100)
}

@Test(arguments: PixelFormat.allCases.filter { $0 != .depth24s8 })
func whiteIsWhiteInEveryFormat(format: PixelFormat) throws {
    let info = FrameInfo(width: 2, height: 2, format: format)
    let size = try FrameLayout(info).size
    let pixel: [UInt8] =
        switch format {
        case .rgba16f, .r16f: [0x00, 0x3C]
        case .rgba32f, .r32f, .depth32f: [0, 0, 0x80, 0x3F]
        case .nv12, .i420: [235, 235, 235, 235, 128, 128]
        default: [0xFF]
        }
    let picture = Picture(info: info, bytes: (0..<size).map { pixel[$0 % pixel.count] })
    var sheet = ContactSheet()
    try picture.withView { view throws(PictureError) in try sheet.add(view) }
    let shown = try #require(sheet.picture())
    let at = (4 * shown.info.width + 4) * 3
    #expect(Array(shown.bytes[at..<at + 3]) == (format == .rg8 ? [255, 255, 0] : [255, 255, 255]))
}
