import Buffers

/// Collects small pictures of frames at even distances of a stream whose length is not known before its end.
///
/// Every n-th frame is kept; when twice as many are there as will be shown, every other one goes and n doubles. So memory is
/// bounded and most frames cost nothing.
package struct ContactSheet {
    /// The most pictures a sheet has.
    package static let maximumCount = 16
    /// The largest side of a small picture, in pixels.
    static let thumbnailSide = 320
    private static let gap = 4

    private struct Thumbnail {
        var width: Int
        var height: Int
        var pixels: [UInt8]
    }

    private let columns: Int
    private var kept: [Thumbnail] = []
    private var interval = 1
    private var count = 0

    /// - Parameter columns: Pictures side by side, 1 to ``maximumCount``.
    package init(columns: Int = 4) {
        self.columns = min(max(columns, 1), ContactSheet.maximumCount)
    }

    /// Offers the next frame of the stream.
    ///
    /// - Throws: ``PictureError`` for formats that have no obvious look, such as depth with stencil.
    package mutating func add(_ view: PictureView) throws(PictureError) {
        defer { count += 1 }
        guard count % interval == 0 else { return }
        if kept.count == 2 * ContactSheet.maximumCount {
            kept = stride(from: 0, to: kept.count, by: 2).map { kept[$0] }
            interval *= 2
            guard count % interval == 0 else { return }
        }
        kept.append(try ContactSheet.thumbnail(view))
    }

    /// The sheet as an `rgb8` picture; nil when there was no frame.
    package func picture() -> Picture? {
        guard !kept.isEmpty else { return nil }
        // Whole rows where there are frames enough, spread from the first to the last that was kept.
        let most = ContactSheet.maximumCount / columns * columns
        let shown = min(kept.count, most)
        let chosen = (0..<shown).map { kept[shown == 1 ? 0 : $0 * (kept.count - 1) / (shown - 1)] }
        let cellWidth = chosen.map(\.width).max()!
        let cellHeight = chosen.map(\.height).max()!
        let gap = ContactSheet.gap
        let across = min(columns, shown)
        let down = (shown + across - 1) / across
        let width = across * (cellWidth + gap) + gap
        let height = down * (cellHeight + gap) + gap
        var pixels = [UInt8](repeating: 32, count: width * height * 3)
        for (index, thumbnail) in chosen.enumerated() {
            let left = gap + index % across * (cellWidth + gap) + (cellWidth - thumbnail.width) / 2
            let top = gap + index / across * (cellHeight + gap) + (cellHeight - thumbnail.height) / 2
            let rowBytes = thumbnail.width * 3
            for y in 0..<thumbnail.height {
                let start = ((top + y) * width + left) * 3
                pixels.replaceSubrange(
                    start..<start + rowBytes, with: thumbnail.pixels[y * rowBytes..<(y + 1) * rowBytes])
            }
        }
        return Picture(info: FrameInfo(width: width, height: height, format: .rgb8), bytes: pixels)
    }

    /// Averages boxes of pixels; of large boxes at most 8 × 8 pixels are read.
    private static func thumbnail(_ view: PictureView) throws(PictureError) -> Thumbnail {
        let (width, height) = (view.info.width, view.info.height)
        let longest = max(width, height)
        let small = min(longest, thumbnailSide)
        let (across, down) = (max(1, width * small / longest), max(1, height * small / longest))
        guard let color = PixelColor(view) else {
            throw .cannotHold("contact sheet", view.info.format, "leave out --contact-sheet")
        }
        var pixels: [UInt8] = []
        pixels.reserveCapacity(across * down * 3)
        for y in 0..<down {
            let rows = y * height / down..<max(y * height / down + 1, (y + 1) * height / down)
            for x in 0..<across {
                let columns = x * width / across..<max(x * width / across + 1, (x + 1) * width / across)
                var sum = SIMD4<Int32>()
                var samples: Int32 = 0
                for row in stride(from: rows.lowerBound, to: rows.upperBound, by: max(1, rows.count / 8)) {
                    for column in stride(
                        from: columns.lowerBound, to: columns.upperBound, by: max(1, columns.count / 8))
                    {
                        sum &+= color.rgb(x: column, y: row)
                        samples += 1
                    }
                }
                let mean = (sum &+ samples / 2) / samples
                pixels += [UInt8(clamping: mean.x), UInt8(clamping: mean.y), UInt8(clamping: mean.z)]
            }
        }
        return Thumbnail(width: across, height: down, pixels: pixels)
    }
}

/// Looks up single pixels of any format that has colours, as 8 bits of red, green and blue.
private struct PixelColor {
    private let view: PictureView
    private let order: ByteOrder?

    init?(_ view: PictureView) {
        self.view = view
        order = ByteOrder(view.info.format)
        if view.info.format == .depth24s8 { return nil }
    }

    func rgb(x: Int, y: Int) -> SIMD4<Int32> {
        let row = view.row(y)
        if let order {
            let at = x * order.bytesPerPixel
            return SIMD4(
                Int32(row[at + order.red]), Int32(row[at + order.green]), Int32(row[at + order.blue]), 0)
        }
        let at = x * view.info.format.bytesPerPixel
        switch view.info.format {
        case .rg8: return SIMD4(Int32(row[at]), Int32(row[at + 1]), 0, 0)
        case .r16, .depth16: return SIMD4(repeating: Int32(row[at + 1]))
        case .rgba16: return SIMD4(Int32(row[at + 1]), Int32(row[at + 3]), Int32(row[at + 5]), 0)
        case .rgb10a2:
            let wide = widened(
                rgb10a2: UInt32(littleEndian: row.loadUnaligned(fromByteOffset: at, as: UInt32.self)))
            return SIMD4<Int32>(truncatingIfNeeded: wide &>> 8)
        case .r32f, .depth32f: return SIMD4(repeating: light(row, at))
        case .rgba32f: return SIMD4(light(row, at), light(row, at + 4), light(row, at + 8), 0)
        case .r16f: return SIMD4(repeating: halfLight(row, at))
        case .rgba16f: return SIMD4(halfLight(row, at), halfLight(row, at + 2), halfLight(row, at + 4), 0)
        case .nv12:
            let pair = view.row(y / 2, plane: 1)
            return yuv(row[x], pair[x / 2 * 2], pair[x / 2 * 2 + 1])
        case .i420:
            return yuv(row[x], view.row(y / 2, plane: 1)[x / 2], view.row(y / 2, plane: 2)[x / 2])
        default: return SIMD4()
        }
    }

    /// 0 to 1 as 0 to 255; what is not a number is black.
    private func light(_ row: UnsafeRawBufferPointer, _ at: Int) -> Int32 {
        level(Float(bitPattern: UInt32(littleEndian: row.loadUnaligned(fromByteOffset: at, as: UInt32.self))))
    }

    private func halfLight(_ row: UnsafeRawBufferPointer, _ at: Int) -> Int32 {
        let bits = UInt32(UInt16(littleEndian: row.loadUnaligned(fromByteOffset: at, as: UInt16.self)))
        // The exponent of a half moved to where a float has it, and the bias of 15 made 127 by a multiplication.
        let value = Float(bitPattern: (bits & 0x7FFF) << 13) * Float(bitPattern: 0x7780_0000)
        return bits & 0x8000 != 0 ? 0 : level(value)
    }

    private func level(_ value: Float) -> Int32 {
        value > 0 ? Int32(min(value, 1) * 255) : 0
    }

    /// BT.601 of limited range, in 1/256: good enough for a small picture.
    private func yuv(_ luma: UInt8, _ u: UInt8, _ v: UInt8) -> SIMD4<Int32> {
        let y = 298 * (Int32(luma) - 16)
        let (u, v) = (Int32(u) - 128, Int32(v) - 128)
        let color = SIMD4<Int32>(y + 409 * v, y - 100 * u - 208 * v, y + 516 * u, 0)
        return (color &+ 128 &>> 8).clamped(lowerBound: SIMD4(), upperBound: SIMD4(repeating: 255))
    }
}
