import Buffers
import CPNG

/// PNG files, through libpng. Component values are kept as they are: no gamma, no colour management.
package enum PNGFile {
    /// Reads any PNG: grey as `r8` or `r16`, RGB as `rgb8`, RGB of 16 bits and everything with alpha as `rgba16` or `rgba8`;
    /// palettes, fewer than 8 bits and grey with alpha are expanded.
    ///
    /// - Throws: ``PictureError`` with libpng's reason when the file is broken, or when its pixels would take more than 1 GiB.
    package static func decode(_ file: [UInt8]) throws(PictureError) -> Picture {
        let outcome: Result<Picture, PictureError> = file.withUnsafeBytes { bytes in
            guard let reader = fwpng_reader_new(bytes.baseAddress, bytes.count) else {
                return .failure(PictureError(.io, "no memory for libpng"))
            }
            defer { fwpng_reader_free(reader) }
            return decode(reader)
        }
        return try outcome.get()
    }

    private static func decode(_ reader: UnsafeMutablePointer<fwpng_reader>) -> Result<Picture, PictureError>
    {
        guard fwpng_reader_header(reader, UInt32(FrameInfo.maximumSide)) != 0 else {
            return .failure(PictureError(.invalid, "not a PNG file that can be read: \(message(of: reader))"))
        }
        let header = reader.pointee
        let format: PixelFormat? =
            switch (header.channels, header.bits) {
            case (1, 8): .r8
            case (1, 16): .r16
            case (3, 8): .rgb8
            case (4, 8): .rgba8
            case (4, 16): .rgba16
            default: nil
            }
        guard let format else {
            return .failure(
                PictureError(
                    .unsupported, "a PNG of \(header.channels) channels of \(header.bits) bits is not read"))
        }
        let size = header.row_bytes * Int(header.height)
        guard size <= Picture.maximumBytes else {
            return .failure(
                PictureError(
                    .unsupported,
                    "the PNG's \(header.width) × \(header.height) pixels need \(size) bytes; the limit is"
                        + " \(Picture.maximumBytes)"))
        }
        var isRead = false
        let pixels = [UInt8](unsafeUninitializedCapacity: size) { memory, count in
            isRead = fwpng_reader_rows(reader, memory.baseAddress) != 0
            count = isRead ? size : 0
        }
        guard isRead else {
            return .failure(PictureError(.invalid, "the PNG file is broken: \(message(of: reader))"))
        }
        let info = FrameInfo(width: Int(header.width), height: Int(header.height), format: format)
        return .success(Picture(info: info, bytes: pixels))
    }

    private static func message(of reader: UnsafeMutablePointer<fwpng_reader>) -> String {
        withUnsafeBytes(of: &reader.pointee.message) { text(in: $0) }
    }

    /// The text before the zero byte.
    fileprivate static func text(in bytes: UnsafeRawBufferPointer) -> String {
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
}

/// Writes PNG files one after another and keeps its memory in between. One thread at a time.
package final class PNGEncoder {
    private var output = fwpng_output()
    private var deep: [UInt8] = []

    package init() {}

    deinit {
        fwpng_output_free(&output)
    }

    /// Gives `body` the bytes of a PNG file of `view`; they are valid during the call.
    ///
    /// Formats of 8 and 16 bits keep every value, `rgbx8` and `bgrx8` lose their unused byte; `rgb10a2` is widened to 16 bits.
    ///
    /// - Throws: ``PictureError`` for formats that PNG cannot hold.
    package func encode<R>(
        _ view: PictureView, _ body: (UnsafeRawBufferPointer) throws(PictureError) -> R
    ) throws(PictureError) -> R {
        var source = fwpng_source()
        source.width = UInt32(view.info.width)
        source.height = UInt32(view.info.height)
        source.bits = 8
        guard let type = PNGEncoder.colorType(view.info.format) else {
            let isVideo = view.layout.planeCount > 1
            throw .cannotHold(
                "PNG", view.info.format, isVideo ? "use --format y4m or raw" : "use --format raw")
        }
        source.color_type = type
        switch view.info.format {
        case .rgba16, .r16, .depth16, .rgb10a2: source.bits = 16
        case .bgra8, .bgr8: source.is_bgr = 1
        case .rgbx8: source.has_filler = 1
        case .bgrx8: (source.is_bgr, source.has_filler) = (1, 1)
        default: break
        }
        if view.info.format == .rgb10a2 {
            widen(view)
            return try deep.withUnsafeBytesTyped { bytes throws(PictureError) in
                source.stride = view.info.width * 8
                source.top = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
                return try write(source, body)
            }
        }
        let plane = view.layout[plane: 0]
        source.stride = view.layout.rowOrder == .topDown ? plane.stride : -plane.stride
        source.top = view.row(0).baseAddress?.assumingMemoryBound(to: UInt8.self)
        return try write(source, body)
    }

    /// Whether PNG holds every value of a format.
    package static func canHold(_ format: PixelFormat) -> Bool { colorType(format) != nil }

    private static func colorType(_ format: PixelFormat) -> Int32? {
        switch format {
        case .rgba8, .bgra8, .rgba16, .rgb10a2: PNG_COLOR_TYPE_RGB_ALPHA
        case .rgbx8, .bgrx8, .rgb8, .bgr8: PNG_COLOR_TYPE_RGB
        case .r8, .r16, .depth16: PNG_COLOR_TYPE_GRAY
        default: nil
        }
    }

    private func write<R>(
        _ source: fwpng_source, _ body: (UnsafeRawBufferPointer) throws(PictureError) -> R
    ) throws(PictureError) -> R {
        guard withUnsafePointer(to: source, { fwpng_write(&output, $0) }) != 0 else {
            let reason = withUnsafeBytes(of: &output.message) { PNGFile.text(in: $0) }
            throw PictureError(.io, "libpng failed: \(reason)")
        }
        return try body(UnsafeRawBufferPointer(start: output.bytes, count: output.size))
    }

    /// Turns `rgb10a2` into packed `rgba16` by repeating the upper bits below, so that 0 stays 0 and full stays full.
    private func widen(_ view: PictureView) {
        deep.removeAll(keepingCapacity: true)
        deep.reserveCapacity(view.info.width * view.info.height * 8)
        for y in 0..<view.info.height {
            let row = view.row(y)
            for x in 0..<view.info.width {
                let pixel = UInt32(littleEndian: row.loadUnaligned(fromByteOffset: 4 * x, as: UInt32.self))
                let wide = widened(rgb10a2: pixel)
                for component in 0..<4 {
                    deep.append(UInt8(truncatingIfNeeded: wide[component]))
                    deep.append(UInt8(truncatingIfNeeded: wide[component] >> 8))
                }
            }
        }
    }
}

/// The four components of an `rgb10a2` pixel, widened to 16 bits.
func widened(rgb10a2 pixel: UInt32) -> SIMD4<UInt16> {
    let color = SIMD4<UInt32>(pixel, pixel >> 10, pixel >> 20, 0) & 0x3FF
    var wide = SIMD4<UInt16>(truncatingIfNeeded: color &<< 6 | color &>> 4)
    wide.w = UInt16(pixel >> 30) * 0x5555
    return wide
}
