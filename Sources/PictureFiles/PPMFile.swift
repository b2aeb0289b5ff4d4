import Buffers

/// Netpbm's binary grey (P5) and colour (P6) pictures of 8 and 16 bits.
///
/// Source: the netpbm manual pages pgm(5) and ppm(5).
package enum PPMFile {
    /// Reads one picture: P5 as `r8` or `r16`, P6 as `rgb8`, or as `rgba16` with an alpha of 65535.
    ///
    /// - Throws: ``PictureError`` when the header or the number of bytes is wrong.
    package static func decode(_ file: [UInt8]) throws(PictureError) -> Picture {
        guard file.count >= 2, file[0] == UInt8(ascii: "P"), file[1] == 0x35 || file[1] == 0x36 else {
            throw PictureError(.invalid, "not a binary PPM or PGM file: it does not begin with P5 or P6")
        }
        let isColor = file[1] == 0x36
        var header = Header(file: file, position: 2)
        let width = try header.number("width")
        let height = try header.number("height")
        let maximum = try header.number("maximum value")
        guard maximum == 255 || maximum == 65535 else {
            throw PictureError(
                .unsupported,
                "the PPM's maximum value is \(maximum); only 255 and 65535 can be carried without loss")
        }
        // Exactly one white byte stands between the header and the pixels.
        let start = header.position + 1
        let isDeep = maximum == 65535
        let info = FrameInfo(
            width: width, height: height,
            format: isColor ? (isDeep ? .rgba16 : .rgb8) : (isDeep ? .r16 : .r8))
        do {
            _ = try FrameLayout(info)
        } catch {
            throw PictureError(.invalid, "the PPM header makes no sense: \(error.message)")
        }
        let samples = width * height * (isColor ? 3 : 1)
        let needed = isDeep ? samples * 2 : samples
        guard start <= file.count, file.count - start >= needed else {
            throw PictureError(
                .invalid,
                "the PPM is cut short: \(width) × \(height) pixels need \(needed) bytes and"
                    + " \(max(0, file.count - start)) are there")
        }
        guard file[(start + needed)...].allSatisfy({ Header.isWhite($0) }) else {
            throw PictureError(
                .unsupported,
                "\(file.count - start - needed) bytes follow the PPM's picture; put one in each file")
        }
        guard isDeep else { return Picture(info: info, bytes: file, offset: start) }
        return Picture(info: info, bytes: littleEndian(file[start..<start + needed], isColor: isColor))
    }

    /// Swaps the bytes of each sample and gives colour an alpha.
    private static func littleEndian(_ samples: ArraySlice<UInt8>, isColor: Bool) -> [UInt8] {
        let components = isColor ? 3 : 1
        var result: [UInt8] = []
        result.reserveCapacity(isColor ? samples.count / 3 * 4 : samples.count)
        var at = samples.startIndex
        while at < samples.endIndex {
            for component in 0..<components {
                result.append(samples[at + 2 * component + 1])
                result.append(samples[at + 2 * component])
            }
            if isColor { result += [0xFF, 0xFF] }
            at += 2 * components
        }
        return result
    }

    /// The decimal numbers of a netpbm header, with comments from `#` to the end of a line.
    private struct Header {
        let file: [UInt8]
        var position: Int

        static func isWhite(_ byte: UInt8) -> Bool {
            byte == 0x20 || (0x09...0x0D).contains(byte)
        }

        mutating func number(_ name: String) throws(PictureError) -> Int {
            while position < file.count, Header.isWhite(file[position]) || file[position] == UInt8(ascii: "#")
            {
                if file[position] == UInt8(ascii: "#") {
                    while position < file.count, file[position] != 0x0A { position += 1 }
                } else {
                    position += 1
                }
            }
            var value = 0
            let start = position
            while position < file.count, (0x30...0x39).contains(file[position]), position - start < 9 {
                value = value * 10 + Int(file[position] - 0x30)
                position += 1
            }
            guard position > start, position < file.count, Header.isWhite(file[position]) else {
                throw PictureError(.invalid, "the PPM header has no \(name) at byte \(start)")
            }
            return value
        }
    }

    /// Replaces `file` by a PPM or, for one component, a PGM. Alpha and unused bytes are left out, since netpbm has no place for them.
    ///
    /// - Throws: ``PictureError`` for formats other than integers of 8, 10 and 16 bits.
    package static func encode(_ view: PictureView, into file: inout [UInt8]) throws(PictureError) {
        let (width, height, format) = (view.info.width, view.info.height, view.info.format)
        let isGrey = format == .r8 || format == .r16 || format == .depth16
        let isDeep: Bool
        switch format {
        case .rgba8, .bgra8, .rgbx8, .bgrx8, .rgb8, .bgr8, .r8: isDeep = false
        case .rgba16, .rgb10a2, .r16, .depth16: isDeep = true
        case .nv12, .i420: throw .cannotHold("PPM", format, "use --format y4m or raw")
        default: throw .cannotHold("PPM", format, "use --format raw")
        }
        let rowBytes = width * (isGrey ? 1 : 3) * (isDeep ? 2 : 1)
        file.removeAll(keepingCapacity: true)
        file.reserveCapacity(32 + rowBytes * height)
        file += "\(isGrey ? "P5" : "P6")\n\(width) \(height)\n\(isDeep ? 65535 : 255)\n".utf8
        let first = file.count
        guard isDeep else {
            let source = ByteOrder(format)!
            let target = ByteOrder(isGrey ? .r8 : .rgb8)!
            file += repeatElement(0, count: rowBytes * height)
            file.withUnsafeMutableBytes { bytes in
                for y in 0..<height {
                    let start = first + rowBytes * y
                    source.convert(
                        view.row(y), to: target,
                        UnsafeMutableRawBufferPointer(rebasing: bytes[start..<start + rowBytes]))
                }
            }
            return
        }
        for y in 0..<height {
            let row = view.row(y)
            for x in 0..<width {
                if format == .rgb10a2 {
                    let pixel = UInt32(
                        littleEndian: row.loadUnaligned(fromByteOffset: 4 * x, as: UInt32.self))
                    let wide = widened(rgb10a2: pixel)
                    for component in 0..<3 {
                        file.append(UInt8(truncatingIfNeeded: wide[component] >> 8))
                        file.append(UInt8(truncatingIfNeeded: wide[component]))
                    }
                } else {
                    for component in 0..<(isGrey ? 1 : 3) {
                        let at = x * format.bytesPerPixel + 2 * component
                        file.append(row[at + 1])
                        file.append(row[at])
                    }
                }
            }
        }
    }
}
