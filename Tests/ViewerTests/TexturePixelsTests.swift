import Buffers
import PictureFiles
import TestSupport
import Testing

@testable import Viewer

/// What a texture gets of a picture, four bytes a pixel as 0x00RRGGBB.
private func colors(_ view: PictureView, _ pixels: inout TexturePixels) -> [UInt32] {
    let (width, height) = (view.info.width, view.info.height)
    return pixels.withPixels(of: view) { format, bytes, stride in
        let places: (Int, Int, Int) =
            switch format {
            case .rgbx, .rgb: (0, 1, 2)
            case .bgrx, .bgr: (2, 1, 0)
            }
        let size = format == .rgb || format == .bgr ? 3 : 4
        return (0..<width * height).map { index in
            let pixel = bytes + index / width * stride + index % width * size
            func component(_ at: Int) -> UInt32 { UInt32(pixel.load(fromByteOffset: at, as: UInt8.self)) }
            return component(places.0) << 16 | component(places.1) << 8 | component(places.2)
        }
    }
}

/// Sizes change from one to the next, as in a stream; the largest is converted by several threads.
@Test(arguments: PixelFormat.allCases)
func texturesGetTheColorsOfEveryFormat(format: PixelFormat) throws {
    var pixels = TexturePixels()
    var random = SeededGenerator(case: Int(format.rawValue))
    for (width, height) in [(1, 1), (37, 21), (150, 120), (20, 3)] {
        let order: RowOrder = width % 2 == 0 ? .topDown : .bottomUp
        let info = FrameInfo(width: width, height: height, format: format, rowOrder: order)
        let picture = TestSupport.Picture(info, .noise, using: &random)
        try picture.bytes.withUnsafeBytes { bytes in
            let view = try PictureView(info, bytes)
            let color = ScreenColor(view, depth: ScreenColor.depthRange(view))
            let wanted = (0..<width * height).map {
                color.pixel(x: $0 % width, y: $0 / width) & 0xFF_FFFF
            }
            #expect(colors(view, &pixels) == wanted)
        }
    }
}

@Test func eightBitFramesAreNotCopied() throws {
    var pixels = TexturePixels()
    for format in [PixelFormat.rgba8, .bgra8, .rgbx8, .bgrx8, .rgb8, .bgr8] {
        let info = FrameInfo(width: 5, height: 2, format: format)
        try [UInt8](repeating: 1, count: 5 * 2 * format.bytesPerPixel).withUnsafeBytes { bytes in
            let address = try pixels.withPixels(of: PictureView(info, bytes)) { _, pixels, _ in pixels }
            #expect(address == bytes.baseAddress)
        }
    }
}
