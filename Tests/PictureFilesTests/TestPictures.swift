import Buffers
import Foundation
import struct TestSupport.SeededGenerator
import Testing

@testable import PictureFiles

extension Picture {
    /// Random pixels in random memory: any row order, with or without padding behind rows.
    static func random(
        _ width: Int, _ height: Int, _ format: PixelFormat, packed: Bool = false,
        using random: inout SeededGenerator
    ) throws -> Picture {
        var info = FrameInfo(width: width, height: height, format: format)
        if !packed {
            info.rowOrder = Bool.random(using: &random) ? .topDown : .bottomUp
            let extra = Int.random(in: 0...9, using: &random)
            info.stride = extra == 0 ? 0 : (width + 1) / 2 * 2 * format.bytesPerPixel + extra
        }
        let bytes = (0..<(try FrameLayout(info).size)).map { _ in UInt8.random(in: 0...255, using: &random) }
        return Picture(info: info, bytes: bytes)
    }

    /// All pixels, top-down, each as 16-bit red, green, blue and alpha: what the picture shows, whatever its format.
    func components() throws -> [SIMD4<UInt16>] {
        try withView { view in
            var result: [SIMD4<UInt16>] = []
            for y in 0..<info.height {
                let row = view.row(y)
                for x in 0..<info.width { result.append(Picture.color(row, x, info.format)) }
            }
            return result
        }
    }

    private static func color(_ row: UnsafeRawBufferPointer, _ x: Int, _ format: PixelFormat) -> SIMD4<UInt16>
    {
        let at = x * format.bytesPerPixel
        func wide(_ index: Int) -> UInt16 { UInt16(row[at + index]) * 0x101 }
        func deep(_ index: Int) -> UInt16 { UInt16(row[at + index]) | UInt16(row[at + index + 1]) << 8 }
        switch format {
        case .rgba8: return [wide(0), wide(1), wide(2), wide(3)]
        case .bgra8: return [wide(2), wide(1), wide(0), wide(3)]
        case .rgbx8, .rgb8: return [wide(0), wide(1), wide(2), 0xFFFF]
        case .bgrx8, .bgr8: return [wide(2), wide(1), wide(0), 0xFFFF]
        case .r8: return [wide(0), wide(0), wide(0), 0xFFFF]
        case .r16, .depth16: return [deep(0), deep(0), deep(0), 0xFFFF]
        case .rgba16: return [deep(0), deep(2), deep(4), deep(6)]
        default: return []
        }
    }
}

/// Encodes `picture` as a file of the kind.
func encoded(_ picture: Picture, as format: PictureFormat) throws -> [UInt8] {
    var file: [UInt8] = []
    switch format {
    case .png:
        file = try picture.withView { view throws(PictureError) in try PNGEncoder().encode(view) { Array($0) }
        }
    case .bmp: try picture.withView { view throws(PictureError) in try BMPFile.encode(view, into: &file) }
    case .ppm: try picture.withView { view throws(PictureError) in try PPMFile.encode(view, into: &file) }
    case .raw, .y4m: Issue.record("not a file of one picture")
    }
    return file
}
