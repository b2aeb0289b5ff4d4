import Buffers

/// A picture for a test: its bytes in memory, and the same packed, as it must come out at the other end.
///
/// Where rows lie is computed here from the documentation and not with `FrameLayout`, so that one is held
/// against the other.
public struct Picture: Sendable {
    /// What the pixels look like, which decides how they compress.
    public enum Content: CaseIterable, Sendable {
        case constant
        case gradient
        case noise
        /// Repeated patterns on a flat ground.
        case text
        /// Bands of all the others.
        case mixed
    }

    /// Rows that lie one behind the other.
    private struct Plane {
        var rowBytes: Int
        var rows: Int
        var stride: Int
    }

    public var info: FrameInfo
    /// As `info` describes it; padding is noise, which must not matter.
    public let bytes: [UInt8]
    /// Rows top-down and without padding.
    public let packed: [UInt8]

    public init(_ info: FrameInfo, _ content: Content, using random: inout SeededGenerator) {
        let planes = Self.planes(of: info)
        var packed = [UInt8](repeating: 0, count: planes.reduce(0) { $0 + $1.rowBytes * $1.rows })
        packed.withUnsafeMutableBytes { all in
            var start = 0
            for plane in planes {
                let count = plane.rowBytes * plane.rows
                let part = UnsafeMutableRawBufferPointer(rebasing: all[start..<start + count])
                content.fill(part, rowBytes: plane.rowBytes, using: &random)
                start += count
            }
        }
        self.init(info, packed: packed, using: &random)
    }

    /// A picture of given packed bytes.
    public init(_ info: FrameInfo, packed: [UInt8], using random: inout SeededGenerator) {
        self.info = info
        self.packed = packed
        let planes = Self.planes(of: info)
        let last = planes[planes.count - 1]
        let size = planes.reduce(0) { $0 + $1.stride * $1.rows } - last.stride + last.rowBytes
        var bytes = [UInt8](repeating: 0, count: size)
        bytes.withUnsafeMutableBytes { memory in
            if size != packed.count { random.fill(memory) }
            packed.withUnsafeBytes { source in
                var planeStart = 0
                var taken = 0
                for plane in planes {
                    for row in 0..<plane.rows {
                        let place = info.rowOrder == .topDown ? row : plane.rows - 1 - row
                        (memory.baseAddress! + planeStart + place * plane.stride).copyMemory(
                            from: source.baseAddress! + taken, byteCount: plane.rowBytes)
                        taken += plane.rowBytes
                    }
                    planeStart += plane.stride * plane.rows
                }
            }
        }
        self.bytes = bytes
    }

    private static func planes(of info: FrameInfo) -> [Plane] {
        let width = info.width
        let height = info.height
        let half = (width + 1) / 2
        let halfRows = (height + 1) / 2
        func plane(_ rowBytes: Int, _ rows: Int, _ stride: Int) -> Plane {
            Plane(rowBytes: rowBytes, rows: rows, stride: stride == 0 ? rowBytes : stride)
        }
        switch info.format {
        case .nv12:
            return [plane(width, height, info.stride), plane(2 * half, halfRows, info.stride)]
        case .i420:
            let chroma = plane(half, halfRows, (info.stride + 1) / 2)
            return [plane(width, height, info.stride), chroma, chroma]
        default:
            return [plane(width * info.format.bytesPerPixel, height, info.stride)]
        }
    }

    /// A picture of any format, geometry and content whose packed size is about `maximumBytes` at most.
    public static func random(
        maximumBytes: Int, maximumWidth: Int = 4097, pts: Int64? = nil, using random: inout SeededGenerator
    ) -> Picture {
        let format = PixelFormat.allCases.randomElement(using: &random)!
        let width = random.scaled(1...min(maximumWidth, maximumBytes / format.bytesPerPixel))
        let height = random.scaled(1...max(1, min(4097, maximumBytes / (width * format.bytesPerPixel))))
        var info = FrameInfo(
            width: width, height: height, format: format,
            rowOrder: Bool.random(using: &random) ? .topDown : .bottomUp, pts: pts)
        if Bool.random(using: &random) {
            // Room for the U V pairs of an odd width, which are one byte longer than the row of Y.
            info.stride = (width + width % 2) * format.bytesPerPixel + random.scaled(0...70)
        }
        return Picture(info, Content.allCases.randomElement(using: &random)!, using: &random)
    }
}

extension Picture.Content {
    fileprivate func fill(
        _ bytes: UnsafeMutableRawBufferPointer, rowBytes: Int, using random: inout SeededGenerator
    ) {
        let base = bytes.baseAddress!
        switch self {
        case .constant:
            base.initializeMemory(
                as: UInt8.self, repeating: UInt8.random(in: 0...255, using: &random), count: bytes.count)
        case .gradient:
            let ramp = [UInt8]((0..<rowBytes + 256).map { UInt8(truncatingIfNeeded: $0 / 3) })
            ramp.withUnsafeBytes { ramp in
                for row in 0..<bytes.count / rowBytes {
                    (base + row * rowBytes).copyMemory(
                        from: ramp.baseAddress! + row % 256, byteCount: rowBytes)
                }
            }
        case .noise:
            random.fill(bytes)
        case .text:
            base.initializeMemory(as: UInt8.self, repeating: 0xF0, count: bytes.count)
            var glyphs = [UInt8](repeating: 0, count: 16 * 24)
            glyphs.withUnsafeMutableBytes { random.fill($0) }
            glyphs.withUnsafeBytes { glyphs in
                for _ in 0..<bytes.count / 64 {
                    let count = min(bytes.count, Int.random(in: 6...24, using: &random))
                    let place = Int.random(in: 0...bytes.count - count, using: &random)
                    let glyph = Int.random(in: 0..<16, using: &random)
                    (base + place).copyMemory(from: glyphs.baseAddress! + glyph * 24, byteCount: count)
                }
            }
        case .mixed:
            let rows = bytes.count / rowBytes
            var row = 0
            while row < rows {
                let count = min(rows - row, Int.random(in: 1...max(1, rows / 4), using: &random))
                let band = UnsafeMutableRawBufferPointer(
                    rebasing: bytes[row * rowBytes..<(row + count) * rowBytes])
                let kind: Picture.Content = [.constant, .gradient, .noise, .text].randomElement(
                    using: &random)!
                kind.fill(band, rowBytes: rowBytes, using: &random)
                row += count
            }
        }
    }
}
