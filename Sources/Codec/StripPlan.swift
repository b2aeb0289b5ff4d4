import Buffers

/// How a picture is cut into strips of whole rows, each coded as one LZ4 block.
///
/// Each plane is cut into strips of ``rowsPerStrip`` rows from its top, and the last one of a plane takes
/// what is left. Strips never cross planes. See "Payload" in docs/wire-format.md.
package struct StripPlan: Sendable {
    /// One strip.
    package struct Strip: Sendable {
        package var plane: Int
        /// The first row, counted from the top of the plane.
        package var firstRow: Int
        package var rows: Int
        /// Bytes of one row.
        package var rowBytes: Int
        /// Bytes from the start of the packed picture.
        package var packedOffset: Int

        /// Bytes of the strip's pixels.
        package var byteCount: Int { rows * rowBytes }
    }

    /// The bytes a strip is aimed at. Blocks of 64 KiB lose up to a quarter of LZ4's ratio, and 256 KiB fit a
    /// core's cache.
    private static let targetBytes = 256 << 10
    /// In profile huffman, and the most where there are still so many strips for threads to share. Each strip has code
    /// lengths of its own.
    private static let huffmanTargetBytes = 512 << 10
    private static let mostHuffmanTargetBytes = 1 << 20
    private static let sharedStrips = 8
    /// The largest block that the LZ4 frame format knows, in bytes.
    package static let maximumStripBytes = 4 << 20

    package let layout: FrameLayout
    package let rowsPerStrip: Int
    package let count: Int
    /// Bytes of the largest strip.
    package let largestStrip: Int

    /// The plan that an encoder makes for frames of `layout`: strips of 128 KiB to 1 MiB where the picture is
    /// that large; in the tile profiles, of whole rows of tiles.
    package init(for layout: FrameLayout, profile: Profile) {
        let plane = layout[plane: 0]
        if profile.usesTiles {
            let shared = min(plane.rowBytes * plane.rows / Self.sharedStrips, Self.mostHuffmanTargetBytes)
            let target = profile == .huffman ? max(Self.huffmanTargetBytes, shared) : Self.targetBytes
            // Rows count as long as their tiles, so that scratch memory stays small for narrow pictures, too.
            let rowBytes = max(plane.rowBytes, TileFormat.rowBytes)
            let tileRows = max(1, target / (rowBytes * TileFormat.rows))
            let needed = (plane.rows - 1) / TileFormat.rows + 1
            self.init(layout: layout, rowsPerStrip: TileFormat.rows * min(tileRows, needed))
        } else {
            let rows = max(1, Self.targetBytes / plane.rowBytes)
            self.init(layout: layout, rowsPerStrip: min(rows, plane.rows))
        }
    }

    /// The plan with strips of `rowsPerStrip` rows, 1 or more, as a header gives it.
    package init(layout: FrameLayout, rowsPerStrip: Int) {
        self.layout = layout
        self.rowsPerStrip = rowsPerStrip
        var count = 0
        var largest = 0
        for index in 0..<layout.planeCount {
            let plane = layout[plane: index]
            // Not (rows + rowsPerStrip − 1) / rowsPerStrip: rowsPerStrip may be any 32-bit number here.
            count += (plane.rows - 1) / rowsPerStrip + 1
            largest = max(largest, min(rowsPerStrip, plane.rows) * plane.rowBytes)
        }
        self.count = count
        largestStrip = largest
    }

    /// The strip at `index`, 0 to ``count`` − 1.
    package subscript(index: Int) -> Strip {
        var index = index
        var plane = 0
        while true {
            let inPlane = (layout[plane: plane].rows - 1) / rowsPerStrip + 1
            if index < inPlane || plane == layout.planeCount - 1 { break }
            index -= inPlane
            plane += 1
        }
        let part = layout[plane: plane]
        let firstRow = index * rowsPerStrip
        return Strip(
            plane: plane, firstRow: firstRow, rows: min(rowsPerStrip, part.rows - firstRow),
            rowBytes: part.rowBytes,
            packedOffset: part.packedOffset + firstRow * part.rowBytes)
    }
}
