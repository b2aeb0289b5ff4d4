import Buffers
import CPosix
import CXXHash

/// The pixels of a frame where they lie in memory: any rows, any stride, in one piece or in several.
///
/// It owns nothing: whoever makes it keeps the memory and the list of regions alive.
package struct PixelSource {
    package let layout: FrameLayout
    /// The pieces that one after another hold the bytes that `layout` describes.
    private let regions: UnsafeBufferPointer<UnsafeRawBufferPointer>

    /// - Precondition: the regions hold at least `layout.size` bytes together; callers have checked it.
    package init(layout: FrameLayout, regions: UnsafeBufferPointer<UnsafeRawBufferPointer>) {
        self.layout = layout
        self.regions = regions
    }

    /// The address of `count` bytes at `offset` when they lie in one piece.
    @inline(__always)
    private func address(of offset: Int, count: Int) -> UnsafeRawPointer? {
        var start = offset
        for region in regions {
            if start < region.count {
                return start + count <= region.count ? region.baseAddress! + start : nil
            }
            start -= region.count
        }
        return nil
    }

    /// The strip's bytes in wire order when they lie so in memory already, so that they need not be gathered.
    package func contiguousBytes(of strip: StripPlan.Strip) -> UnsafeRawPointer? {
        guard
            strip.rows == 1
                || (layout.rowOrder == .topDown && layout[plane: strip.plane].stride == strip.rowBytes)
        else { return nil }
        return address(of: layout.offset(ofRow: strip.firstRow, plane: strip.plane), count: strip.byteCount)
    }

    /// The first of the strip's rows in wire order and the bytes from one to the next, when all lie in one piece.
    package func rows(of strip: StripPlan.Strip) -> (base: UnsafeRawPointer, pitch: Int)? {
        let first = layout.offset(ofRow: strip.firstRow, plane: strip.plane)
        let last = layout.offset(ofRow: strip.firstRow + strip.rows - 1, plane: strip.plane)
        let start = min(first, last)
        guard let bytes = address(of: start, count: max(first, last) - start + strip.rowBytes) else {
            return nil
        }
        let stride = layout[plane: strip.plane].stride
        return (bytes + (first - start), layout.rowOrder == .topDown ? stride : -stride)
    }

    /// Calls `body` with the strip's bytes in wire order, piece by piece: rows top-down, without padding.
    @inline(__always)
    package func forEachPiece(of strip: StripPlan.Strip, _ body: (UnsafeRawPointer, Int) -> Void) {
        if let bytes = contiguousBytes(of: strip) {
            body(bytes, strip.byteCount)
            return
        }
        for row in strip.firstRow..<strip.firstRow + strip.rows {
            let offset = layout.offset(ofRow: row, plane: strip.plane)
            if let bytes = address(of: offset, count: strip.rowBytes) {
                body(bytes, strip.rowBytes)
            } else {
                forEachFragment(offset: offset, count: strip.rowBytes, body)
            }
        }
    }

    /// A row that lies across the border of two regions.
    private func forEachFragment(offset: Int, count: Int, _ body: (UnsafeRawPointer, Int) -> Void) {
        var start = offset
        var left = count
        for region in regions where left > 0 {
            if start >= region.count {
                start -= region.count
                continue
            }
            let part = min(left, region.count - start)
            body(region.baseAddress! + start, part)
            left -= part
            start = 0
        }
    }

    /// Copies the strip's bytes in wire order to `destination`.
    package func gather(_ strip: StripPlan.Strip, to destination: UnsafeMutableRawPointer) {
        var out = destination
        forEachPiece(of: strip) { bytes, count in
            memcpy(out, bytes, count)
            out += count
        }
    }

    /// XXH3-64 over the picture in wire order.
    ///
    /// - Throws: ``CodecError/noMemory(bytes:)`` when there is no memory for the hash's state.
    package func checksum() throws(CodecError) -> UInt64 {
        if layout.isPacked, let bytes = address(of: 0, count: layout.size) {
            return fwx_xxh3_64(bytes, layout.size)
        }
        guard let state = fwx_xxh3_new() else { throw .noMemory(bytes: 1024) }
        defer { fwx_xxh3_free(state) }
        return checksum(with: state)
    }

    /// As ``checksum()`` with a state that the caller keeps.
    package func checksum(with state: OpaquePointer) -> UInt64 {
        if layout.isPacked, let bytes = address(of: 0, count: layout.size) {
            return fwx_xxh3_64(bytes, layout.size)
        }
        fwx_xxh3_reset(state)
        // One strip a plane: pieces are rows, or the whole plane.
        for index in 0..<layout.planeCount {
            let plane = layout[plane: index]
            let strip = StripPlan.Strip(
                plane: index, firstRow: 0, rows: plane.rows, rowBytes: plane.rowBytes,
                packedOffset: plane.packedOffset)
            forEachPiece(of: strip) { bytes, count in fwx_xxh3_update(state, bytes, count) }
        }
        return fwx_xxh3_digest(state)
    }
}
