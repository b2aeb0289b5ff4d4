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
        guard view.info.format != .depth24s8 else {
            throw .cannotHold("contact sheet", view.info.format, "leave out --contact-sheet")
        }
        let color = ScreenColor(view)
        var pixels: [UInt8] = []
        pixels.reserveCapacity(across * down * 3)
        for y in 0..<down {
            let rows = y * height / down..<max(y * height / down + 1, (y + 1) * height / down)
            for x in 0..<across {
                let columns = x * width / across..<max(x * width / across + 1, (x + 1) * width / across)
                var sum = SIMD3<Int32>()
                var samples: Int32 = 0
                for row in stride(from: rows.lowerBound, to: rows.upperBound, by: max(1, rows.count / 8)) {
                    for column in stride(
                        from: columns.lowerBound, to: columns.upperBound, by: max(1, columns.count / 8))
                    {
                        let pixel = color.pixel(x: column, y: row)
                        sum &+= SIMD3(truncatingIfNeeded: SIMD3(pixel >> 16, pixel >> 8, pixel) & 0xFF)
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
