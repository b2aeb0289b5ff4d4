import Buffers
import Foundation

/// What a screen shows of a picture: 8 bits of red, green and blue for each pixel, whatever the format.
///
/// Wider integers lose their lower bits; floats are cut to 0…1, and what is not a number is black. One component is grey, two are red and
/// green. Alpha and stencil are not looked at. Floats whose description says that they are linear light
/// (``ColorDescription/transfer`` 8) get the curve of sRGB; other transfer functions and primaries are taken for the screen's own.
package struct ScreenColor {
    private let view: PictureView
    private let order: ByteOrder?
    private let yuv: YUVMatrix
    private let depth: ClosedRange<Float>
    private let isLinear: Bool
    /// By the bits of a half float; empty for other formats.
    private let halves: [UInt8]

    /// - Parameter depth: The depths that are black and white.
    package init(_ view: PictureView, depth: ClosedRange<Float> = 0...1) {
        self.view = view
        order = ByteOrder(view.info.format)
        yuv = YUVMatrix(view.info)
        // Of a flat picture every pixel is black.
        self.depth =
            depth.lowerBound < depth.upperBound ? depth : depth.lowerBound...(depth.lowerBound + 1)
        isLinear = view.info.color.transfer == 8
        halves =
            view.info.format == .r16f || view.info.format == .rgba16f
            ? isLinear ? ScreenColor.linearHalves : ScreenColor.plainHalves : []
    }

    /// The least and the greatest depth in a picture of one of the depth formats; 0…1 for others.
    package static func depthRange(_ view: PictureView) -> ClosedRange<Float> {
        guard [.depth16, .depth24s8, .depth32f].contains(view.info.format) else { return 0...1 }
        var (low, high) = (Float.infinity, -Float.infinity)
        for y in 0..<view.info.height {
            let row = view.row(y).baseAddress!
            for x in 0..<view.info.width {
                let value = depthValue(row, x, view.info.format)
                // Neither holds for what is not a number.
                if value < low { low = value }
                if value > high { high = value }
            }
        }
        return low <= high && low.isFinite && high.isFinite ? low...high : 0...1
    }

    /// All of a picture as `rgb8`, as a viewer shows it: depths are spread over what the picture has.
    package static func picture(_ view: PictureView) -> Picture {
        let color = ScreenColor(view, depth: depthRange(view))
        let (width, height) = (view.info.width, view.info.height)
        var row = [UInt32](repeating: 0, count: width)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(width * height * 3)
        for y in 0..<height {
            row.withUnsafeMutableBufferPointer { color.convert(row: y, into: $0.baseAddress!) }
            for pixel in row {
                for shift in [UInt32(16), 8, 0] { bytes.append(UInt8(truncatingIfNeeded: pixel >> shift)) }
            }
        }
        return Picture(info: FrameInfo(width: width, height: height, format: .rgb8), bytes: bytes)
    }

    /// One pixel as 0xFFRRGGBB; `y` counts from the top.
    package func pixel(x: Int, y: Int) -> UInt32 {
        color(view.info.format, rows(y), x)
    }

    /// Converts row `y`, counted from the top, to a number 0xFFRRGGBB for each pixel.
    package func convert(row y: Int, into target: UnsafeMutablePointer<UInt32>) {
        let rows = rows(y)
        let width = view.info.width
        // Each case is a loop of its own, in which the format is a constant.
        switch view.info.format {
        case .rg8: for x in 0..<width { target[x] = color(.rg8, rows, x) }
        case .r8: for x in 0..<width { target[x] = color(.r8, rows, x) }
        case .r16: for x in 0..<width { target[x] = color(.r16, rows, x) }
        case .rgba16: for x in 0..<width { target[x] = color(.rgba16, rows, x) }
        case .rgb10a2: for x in 0..<width { target[x] = color(.rgb10a2, rows, x) }
        case .r16f: for x in 0..<width { target[x] = color(.r16f, rows, x) }
        case .rgba16f: for x in 0..<width { target[x] = color(.rgba16f, rows, x) }
        case .r32f: for x in 0..<width { target[x] = color(.r32f, rows, x) }
        case .rgba32f: for x in 0..<width { target[x] = color(.rgba32f, rows, x) }
        case .nv12, .i420:
            for x in stride(from: 0, to: width, by: 2) {
                let chroma = chroma(rows, x)
                target[x] = yuv.color(byte(rows.first, x), chroma)
                if x + 1 < width { target[x + 1] = yuv.color(byte(rows.first, x + 1), chroma) }
            }
        default: for x in 0..<width { target[x] = color(view.info.format, rows, x) }
        }
    }

    // MARK: - Pixels

    /// A row of each plane; U and V are in one or in two.
    private struct Rows {
        var first: UnsafeRawPointer
        var u: UnsafeRawPointer
        var v: UnsafeRawPointer
        /// Bytes from one U or V to the next.
        var step = 1
    }

    private func rows(_ y: Int) -> Rows {
        let first = view.row(y).baseAddress!
        guard view.layout.planeCount > 1 else { return Rows(first: first, u: first, v: first) }
        let second = view.row(y / 2, plane: 1).baseAddress!
        guard view.layout.planeCount > 2 else {
            return Rows(first: first, u: second, v: second + 1, step: 2)
        }
        return Rows(first: first, u: second, v: view.row(y / 2, plane: 2).baseAddress!)
    }

    @inline(__always)
    private func chroma(_ rows: Rows, _ x: Int) -> YUVMatrix.Chroma {
        let at = (x >> 1) &* rows.step
        return yuv.chroma(byte(rows.u, at), byte(rows.v, at))
    }

    @inline(__always)
    private func color(_ format: PixelFormat, _ rows: Rows, _ x: Int) -> UInt32 {
        let row = rows.first
        switch format {
        case .rgba8, .bgra8, .rgbx8, .bgrx8, .rgb8, .bgr8:
            let order = order!
            let pixel = row + x * order.bytesPerPixel
            return ScreenColor.packed(
                byte(pixel, order.red), byte(pixel, order.green), byte(pixel, order.blue))
        case .r8: return grey(byte(row, x))
        case .rg8: return ScreenColor.packed(byte(row, 2 * x), byte(row, 2 * x + 1), 0)
        case .r16: return grey(byte(row, 2 * x + 1))
        case .rgba16:
            return ScreenColor.packed(byte(row, 8 * x + 1), byte(row, 8 * x + 3), byte(row, 8 * x + 5))
        case .rgb10a2:
            let pixel = word(row, 4 * x)
            return 0xFF00_0000 | pixel << 14 & 0xFF_0000 | pixel >> 4 & 0xFF00 | pixel >> 22 & 0xFF
        case .r16f: return grey(light(half: row, 2 * x))
        case .rgba16f:
            return ScreenColor.packed(
                light(half: row, 8 * x), light(half: row, 8 * x + 2), light(half: row, 8 * x + 4))
        case .r32f: return grey(light(single(row, 4 * x)))
        case .rgba32f:
            return ScreenColor.packed(
                light(single(row, 16 * x)), light(single(row, 16 * x + 4)), light(single(row, 16 * x + 8)))
        case .depth16, .depth24s8, .depth32f:
            let value = ScreenColor.depthValue(row, x, format)
            return grey(ScreenColor.level((value - depth.lowerBound) / (depth.upperBound - depth.lowerBound)))
        case .nv12, .i420: return yuv.color(byte(row, x), chroma(rows, x))
        }
    }

    @inline(__always)
    fileprivate static func packed(_ red: UInt32, _ green: UInt32, _ blue: UInt32) -> UInt32 {
        0xFF00_0000 | red << 16 | green << 8 | blue
    }

    @inline(__always)
    private func grey(_ value: UInt32) -> UInt32 { 0xFF00_0000 | value &* 0x01_0101 }

    @inline(__always)
    private func byte(_ row: UnsafeRawPointer, _ at: Int) -> UInt32 {
        UInt32(row.load(fromByteOffset: at, as: UInt8.self))
    }

    @inline(__always)
    private func word(_ row: UnsafeRawPointer, _ at: Int) -> UInt32 {
        UInt32(littleEndian: row.loadUnaligned(fromByteOffset: at, as: UInt32.self))
    }

    @inline(__always)
    private func single(_ row: UnsafeRawPointer, _ at: Int) -> Float { Float(bitPattern: word(row, at)) }

    @inline(__always)
    private func light(half row: UnsafeRawPointer, _ at: Int) -> UInt32 {
        let bits = UInt16(littleEndian: row.loadUnaligned(fromByteOffset: at, as: UInt16.self))
        return UInt32(halves[Int(bits)])
    }

    @inline(__always)
    private func light(_ value: Float) -> UInt32 {
        isLinear ? ScreenColor.curved(value) : ScreenColor.level(value)
    }

    @inline(__always)
    private static func curved(_ value: Float) -> UInt32 {
        let steps = Float(curve.count - 1)
        return UInt32(curve[value > 0 ? Int(min(value, 1) * steps + 0.5) : 0])
    }

    @inline(__always)
    private static func level(_ value: Float) -> UInt32 {
        let light = min(value > 0 ? value : 0, 1)
        // In a number from 2^23 on the lowest bit is 1.
        return (light * 255 + 8_388_608).bitPattern & 0xFF
    }

    /// What every half float looks like.
    private static let plainHalves: [UInt8] = (0..<65536).map { UInt8(level(value(half: $0))) }
    private static let linearHalves: [UInt8] = (0..<65536).map { UInt8(curved(value(half: $0))) }

    /// Negative numbers and what is not a number are 0.
    private static func value(half bits: Int) -> Float {
        guard bits <= 0x7C00 else { return 0 }
        // The exponent of a half moved to where a float has it, and the bias of 15 made 127 by a multiplication.
        return Float(bitPattern: UInt32(bits) << 13) * Float(bitPattern: 0x7780_0000)
    }

    @inline(__always)
    private static func depthValue(_ row: UnsafeRawPointer, _ x: Int, _ format: PixelFormat) -> Float {
        guard format != .depth16 else {
            let value = UInt16(littleEndian: row.loadUnaligned(fromByteOffset: 2 * x, as: UInt16.self))
            return Float(value) / 65535
        }
        let bits = UInt32(littleEndian: row.loadUnaligned(fromByteOffset: 4 * x, as: UInt32.self))
        return format == .depth24s8 ? Float(bits >> 8) / 16_777_215 : Float(bitPattern: bits)
    }

    /// Levels of 0…255 for linear light, in steps fine enough that none is left out.
    ///
    /// Source: IEC 61966-2-1.
    private static let curve: [UInt8] = (0...8191).map { step in
        let light = Double(step) / 8191
        let value = light <= 0.003_130_8 ? 12.92 * light : 1.055 * pow(light, 1 / 2.4) - 0.055
        return UInt8((value * 255).rounded())
    }
}
