import Buffers

/// Where the components of a pixel lie, for formats whose components are whole bytes.
struct ByteOrder {
    let bytesPerPixel: Int
    let red: Int
    let green: Int
    let blue: Int
    /// The alpha byte, or the unused one; nil where there is neither.
    let fourth: Int?
    /// Whether the fourth byte is alpha.
    let hasAlpha: Bool

    /// Nil for formats of other components than one byte each.
    init?(_ format: PixelFormat) {
        bytesPerPixel = format.bytesPerPixel
        switch format {
        case .rgba8, .rgbx8: (red, green, blue, fourth) = (0, 1, 2, 3)
        case .bgra8, .bgrx8: (red, green, blue, fourth) = (2, 1, 0, 3)
        case .rgb8: (red, green, blue, fourth) = (0, 1, 2, nil)
        case .bgr8: (red, green, blue, fourth) = (2, 1, 0, nil)
        case .r8: (red, green, blue, fourth) = (0, 0, 0, nil)
        default: return nil
        }
        hasAlpha = format == .rgba8 || format == .bgra8
    }

    /// Copies a row of pixels into the order of `destination`, which has at least as few components.
    func convert(_ row: UnsafeRawBufferPointer, to order: ByteOrder, _ target: UnsafeMutableRawBufferPointer)
    {
        let count = row.count / bytesPerPixel
        var read = 0
        var write = 0
        for _ in 0..<count {
            target[write + order.red] = row[read + red]
            target[write + order.green] = row[read + green]
            target[write + order.blue] = row[read + blue]
            if let byte = order.fourth {
                target[write + byte] = fourth.map { row[read + $0] } ?? 255
            }
            read += bytesPerPixel
            write += order.bytesPerPixel
        }
    }
}

extension PictureError {
    /// `format` cannot be written as `kind` of file.
    static func cannotHold(_ kind: String, _ format: PixelFormat, _ advice: String) -> PictureError {
        PictureError(.unsupported, "a \(kind) file cannot hold \(format.name) pixels; \(advice)")
    }
}
