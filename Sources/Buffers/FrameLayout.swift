/// Where the rows of a frame lie in memory: what a ``FrameInfo`` comes to, in bytes.
public struct FrameLayout: Sendable, Equatable {
    /// One plane of a frame.
    public struct Plane: Sendable, Equatable {
        /// Bytes from the start of the frame to the plane's first row in memory.
        public var offset: Int
        /// Bytes from one row to the next.
        public var stride: Int
        /// Bytes of pixels in a row, without padding.
        public var rowBytes: Int
        /// The number of rows.
        public var rows: Int
        /// Bytes from the start of the packed picture to the plane's first packed row.
        public var packedOffset: Int

        /// Bytes of the plane's pixels without padding.
        public var packedSize: Int { rowBytes * rows }
    }

    public let format: PixelFormat
    /// The number of planes, 1 to 3.
    public let planeCount: Int
    private let storage: (Plane, Plane, Plane)
    public let rowOrder: RowOrder
    /// Bytes from the first to the last byte of the frame in memory; the padding behind the last row is not
    /// counted.
    public let size: Int
    /// Bytes of the picture as it travels: rows top-down and packed, planes one after another.
    public let packedSize: Int

    /// Computes the layout of `info`.
    ///
    /// - Throws: ``BufferError/Kind/invalidFrame`` with the reason when sizes or stride make no sense. With
    ///   sides of at most 65535 pixels and a stride below 4 GiB no product here can overflow 64 bits.
    public init(_ info: FrameInfo) throws(BufferError) {
        guard info.width >= 1, info.width <= FrameInfo.maximumSide else {
            throw .invalidFrame("width is \(info.width) pixels; it must be 1 to \(FrameInfo.maximumSide)")
        }
        guard info.height >= 1, info.height <= FrameInfo.maximumSide else {
            throw .invalidFrame("height is \(info.height) pixels; it must be 1 to \(FrameInfo.maximumSide)")
        }
        let rowBytes = info.width * info.format.bytesPerPixel
        guard info.stride == 0 || (info.stride >= rowBytes && info.stride <= Int(UInt32.max)) else {
            throw .invalidFrame(
                "stride is \(info.stride) bytes; rows of \(info.width) pixels in \(info.format.name) have \(rowBytes)"
                    + " bytes, so it must be 0 (packed) or at least that")
        }
        let halfWidth = (info.width + 1) / 2
        let halfHeight = (info.height + 1) / 2
        let stride = info.stride
        let first = Plane(
            offset: 0, stride: stride == 0 ? rowBytes : stride, rowBytes: rowBytes, rows: info.height,
            packedOffset: 0)
        var second = Plane(offset: 0, stride: 0, rowBytes: 0, rows: 0, packedOffset: 0)
        var third = second
        switch info.format {
        case .nv12:
            // An odd width makes the row of U V pairs one byte longer than the row of Y. The stride of packed
            // rows of Y therefore means the same as 0: it is what a received, packed picture has.
            second = Plane(
                offset: first.stride * first.rows, stride: max(first.stride, 2 * halfWidth),
                rowBytes: 2 * halfWidth, rows: halfHeight, packedOffset: first.packedSize)
        case .i420:
            let chromaStride = stride == 0 ? halfWidth : (stride + 1) / 2
            second = Plane(
                offset: first.stride * first.rows, stride: chromaStride, rowBytes: halfWidth,
                rows: halfHeight,
                packedOffset: first.packedSize)
            third = Plane(
                offset: second.offset + chromaStride * halfHeight, stride: chromaStride, rowBytes: halfWidth,
                rows: halfHeight, packedOffset: second.packedOffset + second.packedSize)
        default:
            break
        }
        format = info.format
        planeCount = info.format.planeCount
        storage = (first, second, third)
        rowOrder = info.rowOrder
        let last = planeCount == 3 ? third : planeCount == 2 ? second : first
        size = last.offset + last.stride * (last.rows - 1) + last.rowBytes
        packedSize = last.packedOffset + last.packedSize
    }

    /// The plane at `index`, 0 to ``planeCount`` − 1.
    public subscript(plane index: Int) -> Plane {
        switch index {
        case 0: storage.0
        case 1: storage.1
        default: storage.2
        }
    }

    /// Whether the bytes in memory are the picture as it travels: top-down and without padding.
    public var isPacked: Bool {
        guard rowOrder == .topDown || maximumRows == 1 else { return false }
        return size == packedSize
    }

    /// The largest number of rows of a plane.
    private var maximumRows: Int { storage.0.rows }

    /// Bytes from the start of the frame in memory to row `row` of a plane, counted from the top of the
    /// picture.
    public func offset(ofRow row: Int, plane index: Int) -> Int {
        let plane = self[plane: index]
        return plane.offset + plane.stride * (rowOrder == .topDown ? row : plane.rows - 1 - row)
    }

    public static func == (a: FrameLayout, b: FrameLayout) -> Bool {
        a.format == b.format && a.planeCount == b.planeCount && a.rowOrder == b.rowOrder && a.size == b.size
            && a.storage.0 == b.storage.0
            && a.storage.1 == b.storage.1 && a.storage.2 == b.storage.2
    }
}
