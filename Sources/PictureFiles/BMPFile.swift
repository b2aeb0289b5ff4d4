import Buffers

/// Windows bitmaps of 24 and 32 bits without compression.
///
/// Source: Microsoft's documentation of BITMAPFILEHEADER, BITMAPINFOHEADER and BITMAPV4HEADER.
package enum BMPFile {
    /// Reads a bitmap without moving a pixel: row order and padding are described instead. Only orders of components that no
    /// ``PixelFormat`` has are rewritten, as RGBA.
    ///
    /// - Throws: ``PictureError`` when the bytes are no bitmap, reach past the end of the file, or are of a kind not read here.
    package static func decode(_ file: [UInt8]) throws(PictureError) -> Picture {
        guard file.count >= 54, file[0] == 0x42, file[1] == 0x4D else {
            throw PictureError(.invalid, "not a BMP file: it does not begin with the 54 bytes of a BM header")
        }
        let pixels = Int(file.littleEndian32(at: 10))
        let headerSize = Int(file.littleEndian32(at: 14))
        guard [40, 52, 56, 108, 124].contains(headerSize), file.count >= 14 + headerSize else {
            throw PictureError(
                .unsupported, "the BMP header of \(headerSize) bytes is of a kind that is not read")
        }
        let width = Int(Int32(bitPattern: file.littleEndian32(at: 18)))
        let signedHeight = Int(Int32(bitPattern: file.littleEndian32(at: 22)))
        guard width > 0, signedHeight != 0 else {
            throw PictureError(.invalid, "the BMP header says \(width) × \(signedHeight) pixels")
        }
        let bits = Int(file.littleEndian16(at: 28))
        let compression = file.littleEndian32(at: 30)
        guard bits == 24 || bits == 32 else {
            throw PictureError(
                .unsupported, "a BMP of \(bits) bits per pixel is not read; save it with 24 or 32")
        }
        guard compression == 0 || (bits == 32 && (compression == 3 || compression == 6)) else {
            throw PictureError(
                .unsupported, "the BMP is compressed (method \(compression)); save it without compression")
        }
        // Behind a header of 40 bytes the masks follow as three or four words; longer headers contain them.
        let maskCount = compression == 6 || headerSize >= 56 ? 4 : 3
        let headersEnd = compression != 0 && headerSize == 40 ? 54 + 4 * maskCount : 14 + headerSize
        guard pixels >= headersEnd, pixels < file.count, file.count >= headersEnd else {
            throw PictureError(
                .invalid,
                "the BMP's pixels begin at byte \(pixels), which is outside the file of \(file.count) bytes")
        }
        var masks: [UInt32] = []
        if compression != 0 {
            masks = (0..<maskCount).map { file.littleEndian32(at: 54 + 4 * $0) }
        }
        let places = compression == 0 ? nil : try bytePlaces(of: masks)
        let format: PixelFormat =
            switch places {
            case nil: bits == 24 ? .bgr8 : .bgrx8
            case [2, 1, 0, 3]: .bgra8
            case [2, 1, 0]: .bgrx8
            case [0, 1, 2, 3]: .rgba8
            case [0, 1, 2]: .rgbx8
            default: .rgba8
            }
        let stride = (width * (bits / 8) + 3) / 4 * 4
        let info = FrameInfo(
            width: width, height: Int(signedHeight.magnitude), format: format,
            rowOrder: signedHeight > 0 ? .bottomUp : .topDown, stride: stride)
        let layout: FrameLayout
        do {
            layout = try FrameLayout(info)
        } catch {
            throw PictureError(.invalid, "the BMP header makes no sense: \(error.message)")
        }
        guard layout.size <= file.count - pixels else {
            throw PictureError(
                .invalid,
                "the BMP is cut short: \(width) × \(info.height) pixels need \(layout.size) bytes and"
                    + " \(file.count - pixels) are there")
        }
        var picture = Picture(info: info, bytes: file, offset: pixels)
        if let places, format == .rgba8, places != [0, 1, 2, 3] {
            picture.reorder(places)
        }
        return picture
    }

    /// Which byte of a pixel each mask selects, or an error when a mask is not one byte.
    private static func bytePlaces(of masks: [UInt32]) throws(PictureError) -> [Int] {
        var places: [Int] = []
        for (index, mask) in masks.enumerated() {
            if index == 3, mask == 0 { break }
            guard let place = (0..<4).first(where: { mask == 0xFF << (8 * UInt32($0)) }),
                !places.contains(place)
            else {
                throw PictureError(
                    .unsupported, "the BMP's bit mask 0x\(String(mask, radix: 16)) is not one byte of its own"
                )
            }
            places.append(place)
        }
        return places
    }

    /// Replaces `file` by a bitmap of `view`: 24 bits for formats without a fourth byte, 32 bits with an unused byte, or 32
    /// bits with alpha behind a version 4 header.
    ///
    /// - Throws: ``PictureError`` for formats that are not of one byte per component.
    package static func encode(_ view: PictureView, into file: inout [UInt8]) throws(PictureError) {
        guard let source = ByteOrder(view.info.format) else {
            throw .cannotHold("BMP", view.info.format, "use --format raw, or png where it can")
        }
        let format: PixelFormat = source.fourth == nil ? .bgr8 : source.hasAlpha ? .bgra8 : .bgrx8
        let target = ByteOrder(format)!
        let (width, height) = (view.info.width, view.info.height)
        let stride = (width * target.bytesPerPixel + 3) / 4 * 4
        let headerSize = source.hasAlpha ? 108 : 40
        let size = 14 + headerSize + stride * height
        guard size <= Int(UInt32.max) else {
            throw PictureError(
                .unsupported, "\(width) × \(height) pixels are too many for a BMP file of 4 GiB")
        }
        file.removeAll(keepingCapacity: true)
        file.reserveCapacity(size)
        file += [0x42, 0x4D]
        file.append(littleEndian32: size)
        file.append(littleEndian32: 0)
        file.append(littleEndian32: 14 + headerSize)
        file.append(littleEndian32: headerSize)
        file.append(littleEndian32: width)
        file.append(littleEndian32: height)
        file += [1, 0, UInt8(target.bytesPerPixel * 8), 0]
        file.append(littleEndian32: source.hasAlpha ? 3 : 0)
        file.append(littleEndian32: stride * height)
        // 2835 pixels per metre are 72 per inch; then the sizes of the palette, which there is not.
        for value in [2835, 2835, 0, 0] { file.append(littleEndian32: value) }
        if source.hasAlpha {
            for mask in [0x00FF_0000, 0x0000_FF00, 0x0000_00FF, 0xFF00_0000] {
                file.append(littleEndian32: mask)
            }
            // "sRGB" as LCS_sRGB; end points and gammas are then unused.
            file.append(littleEndian32: 0x7352_4742)
            file += [UInt8](repeating: 0, count: 48)
        }
        let first = file.count
        file += repeatElement(0, count: stride * height)
        file.withUnsafeMutableBytes { bytes in
            for y in 0..<height {
                let start = first + stride * (height - 1 - y)
                source.convert(
                    view.row(y), to: target,
                    UnsafeMutableRawBufferPointer(
                        rebasing: bytes[start..<start + width * target.bytesPerPixel]))
            }
        }
    }
}

extension Picture {
    /// Rewrites pixels of 4 bytes whose red, green, blue and perhaps alpha are at `places` as RGBA.
    fileprivate mutating func reorder(_ places: [Int]) {
        for y in 0..<info.height {
            for x in 0..<info.width {
                let at = offset + y * info.stride + 4 * x
                let pixel = bytes.littleEndian32(at: at)
                for component in 0..<4 {
                    bytes[at + component] =
                        component < places.count
                        ? UInt8(truncatingIfNeeded: pixel >> (8 * UInt32(places[component]))) : 255
                }
            }
        }
    }
}

extension [UInt8] {
    func littleEndian16(at index: Int) -> UInt16 {
        UInt16(self[index]) | UInt16(self[index + 1]) << 8
    }

    func littleEndian32(at index: Int) -> UInt32 {
        UInt32(littleEndian16(at: index)) | UInt32(littleEndian16(at: index + 2)) << 16
    }

    mutating func append(littleEndian32 value: Int) {
        let word = UInt32(truncatingIfNeeded: value)
        for shift in stride(from: UInt32(0), to: 32, by: 8) {
            append(UInt8(truncatingIfNeeded: word >> shift))
        }
    }
}
