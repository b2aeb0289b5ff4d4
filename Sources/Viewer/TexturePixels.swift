import Buffers
import Dispatch
import PictureFiles

/// How the bytes of a texture's pixels follow each other.
package enum TextureFormat: Sendable {
    /// Four bytes: red, green, blue and one unused.
    case rgbx
    /// Four bytes: blue, green, red and one unused.
    case bgrx
    /// Three bytes: red, green, blue.
    case rgb
    /// Three bytes: blue, green, red.
    case bgr
}

/// Brings frames into a form that textures take. Most 8-bit formats are there already; others are converted into memory that is kept.
package struct TexturePixels {
    private var converted: [UInt32] = []

    package init() {}

    /// Gives `body` the rows of `view` from the top, and the number of bytes from one to the next.
    package mutating func withPixels<R>(
        of view: PictureView, _ body: (TextureFormat, UnsafeRawPointer, _ stride: Int) -> R
    ) -> R {
        if let format = TexturePixels.directFormat(view.info.format), view.layout.rowOrder == .topDown {
            return body(format, view.bytes.baseAddress!, view.layout[plane: 0].stride)
        }
        let (width, height) = (view.info.width, view.info.height)
        if converted.count != width * height {
            converted = [UInt32](repeating: 0, count: width * height)
        }
        // Perspective leaves most depths close to 1, so they are spread over what the picture has.
        let color = ScreenColor(view, depth: ScreenColor.depthRange(view))
        return converted.withUnsafeMutableBufferPointer { target in
            let job = Job(color: color, target: target.baseAddress!, width: width, height: height)
            let bands = min(
                (width * height + TexturePixels.bandPixels - 1) / TexturePixels.bandPixels, height)
            DispatchQueue.concurrentPerform(iterations: bands) { job.convert(band: $0, of: bands) }
            return body(.bgrx, UnsafeRawPointer(target.baseAddress!), 4 * width)
        }
    }

    /// About a tenth of a millisecond of work.
    private static let bandPixels = 16384

    /// A conversion that several threads share, each of which writes rows of its own.
    private struct Job: @unchecked Sendable {
        let color: ScreenColor
        let target: UnsafeMutablePointer<UInt32>
        let width: Int
        let height: Int

        func convert(band: Int, of bands: Int) {
            for y in height * band / bands..<height * (band + 1) / bands {
                color.convert(row: y, into: target + y * width)
            }
        }
    }

    private static func directFormat(_ format: PixelFormat) -> TextureFormat? {
        switch format {
        case .rgba8, .rgbx8: .rgbx
        case .bgra8, .bgrx8: .bgrx
        case .rgb8: .rgb
        case .bgr8: .bgr
        default: nil
        }
    }
}
