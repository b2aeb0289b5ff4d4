/// How the bytes of a buffer are a picture.
public struct VideoFrameMeta: Sendable, Equatable {
    /// Where a plane lies.
    public struct Plane: Sendable, Equatable {
        /// Bytes from the start of the buffer to the plane's first row in memory.
        public var offset: Int
        /// Bytes from one row to the next.
        public var stride: Int

        public init(offset: Int, stride: Int) {
            self.offset = offset
            self.stride = stride
        }
    }

    /// Pixels, 1 to ``FrameInfo/maximumSide``.
    public let width: Int
    /// Pixels, 1 to ``FrameInfo/maximumSide``.
    public let height: Int
    public let format: PixelFormat
    public let rowOrder: RowOrder
    private let planes: (Plane, Plane, Plane)

    /// The number of planes, 1 to 3.
    public var planeCount: Int { format.planeCount }

    /// The plane at `index`, 0 to ``planeCount`` − 1.
    public subscript(plane index: Int) -> Plane {
        switch index {
        case 0: planes.0
        case 1: planes.1
        default: planes.2
        }
    }

    /// The picture of a frame.
    public init(_ info: FrameInfo, _ layout: FrameLayout) {
        let none = Plane(offset: 0, stride: 0)
        func plane(_ index: Int) -> Plane {
            guard index < layout.planeCount else { return none }
            let plane = layout[plane: index]
            return Plane(offset: plane.offset, stride: plane.stride)
        }
        self.init(info, (plane(0), plane(1), plane(2)))
    }

    /// A picture with planes anywhere in the buffer; without any, they are packed.
    ///
    /// - Throws: ``BufferError/Kind/invalidFrame`` for the sides; ``BufferError/Kind/invalidArgument`` for a
    ///   wrong number of planes or a stride below a row's bytes; ``BufferError/Kind/outOfRange`` for a plane
    ///   that reaches past what can be counted.
    public init(
        width: Int, height: Int, format: PixelFormat, rowOrder: RowOrder = .topDown,
        planes given: [Plane] = []
    ) throws(BufferError) {
        func plane(_ index: Int) -> Plane {
            index < given.count ? given[index] : Plane(offset: 0, stride: 0)
        }
        try self.init(
            width: width, height: height, format: format, rowOrder: rowOrder, planeCount: given.count,
            planes: (plane(0), plane(1), plane(2)))
    }

    package init(
        width: Int, height: Int, format: PixelFormat, rowOrder: RowOrder, planeCount: Int,
        planes given: (Plane, Plane, Plane)
    ) throws(BufferError) {
        let info = FrameInfo(width: width, height: height, format: format, rowOrder: rowOrder)
        let layout = try FrameLayout(info)
        guard planeCount > 0 else {
            self.init(info, layout)
            return
        }
        guard planeCount == layout.planeCount else {
            throw .invalidArgument(
                "\(planeCount) planes are given, the format has \(layout.planeCount)")
        }
        let none = Plane(offset: 0, stride: 0)
        var planes = (none, none, none)
        for index in 0..<planeCount {
            let wanted = layout[plane: index]
            let plane = index == 0 ? given.0 : index == 1 ? given.1 : given.2
            guard plane.stride >= wanted.rowBytes else {
                throw .invalidArgument(
                    "plane \(index) has a stride of \(plane.stride), its rows have \(wanted.rowBytes) bytes")
            }
            let rows = plane.stride.multipliedReportingOverflow(by: wanted.rows)
            let end = plane.offset.addingReportingOverflow(rows.partialValue)
            guard plane.offset >= 0, !rows.overflow, !end.overflow else {
                throw .outOfRange("plane \(index) reaches past what can be counted")
            }
            switch index {
            case 0: planes.0 = plane
            case 1: planes.1 = plane
            default: planes.2 = plane
            }
        }
        self.init(info, planes)
    }

    private init(_ info: FrameInfo, _ planes: (Plane, Plane, Plane)) {
        width = info.width
        height = info.height
        format = info.format
        rowOrder = info.rowOrder
        self.planes = planes
    }

    public static func == (a: VideoFrameMeta, b: VideoFrameMeta) -> Bool {
        a.width == b.width && a.height == b.height && a.format == b.format && a.rowOrder == b.rowOrder
            && a.planes.0 == b.planes.0 && a.planes.1 == b.planes.1 && a.planes.2 == b.planes.2
    }

    // MARK: Serialised

    /// Writes it, if there is room: width and height in 32 bits, the format in 16, row order and number of
    /// planes in 8 each, then offset and stride of each plane in 64, little-endian. Returns how many bytes
    /// that is.
    func write(to target: UnsafeMutableRawBufferPointer) -> Int {
        let size = 12 + 16 * planeCount
        guard target.count >= size else { return size }
        target.storeBytes(of: UInt32(width).littleEndian, toByteOffset: 0, as: UInt32.self)
        target.storeBytes(of: UInt32(height).littleEndian, toByteOffset: 4, as: UInt32.self)
        target.storeBytes(of: format.rawValue.littleEndian, toByteOffset: 8, as: UInt16.self)
        target[10] = rowOrder.rawValue
        target[11] = UInt8(truncatingIfNeeded: planeCount)
        for index in 0..<planeCount {
            let plane = self[plane: index]
            target.storeBytes(of: plane.offset.littleEndian, toByteOffset: 12 + 16 * index, as: Int.self)
            target.storeBytes(of: plane.stride.littleEndian, toByteOffset: 20 + 16 * index, as: Int.self)
        }
        return size
    }

    init(serialized bytes: UnsafeRawBufferPointer) throws(BufferError) {
        guard bytes.count >= 12, bytes.count == 12 + 16 * Int(bytes[11]), bytes[11] >= 1,
            let format = PixelFormat(
                rawValue: UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt16.self))),
            let rowOrder = RowOrder(rawValue: bytes[10])
        else {
            throw .corrupt("\(bytes.count) bytes are no video-frame meta")
        }
        func plane(_ index: Int) -> Plane {
            guard index < bytes[11] else { return Plane(offset: 0, stride: 0) }
            return Plane(
                offset: Int(littleEndian: bytes.loadUnaligned(fromByteOffset: 12 + 16 * index, as: Int.self)),
                stride: Int(littleEndian: bytes.loadUnaligned(fromByteOffset: 20 + 16 * index, as: Int.self)))
        }
        do throws(BufferError) {
            try self.init(
                width: Int(UInt32(littleEndian: bytes.loadUnaligned(as: UInt32.self))),
                height: Int(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 4, as: UInt32.self))),
                format: format, rowOrder: rowOrder, planeCount: Int(bytes[11]),
                planes: (plane(0), plane(1), plane(2)))
        } catch {
            throw .corrupt(Sentence(error.message))
        }
    }
}
