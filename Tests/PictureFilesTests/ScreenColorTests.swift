import Buffers
import Foundation
import struct TestSupport.SeededGenerator
import Testing

@testable import PictureFiles

/// What a pixel looks like, in floating point and by the formulas of the standards; alpha is 1.
private struct PlainScreen {
    let view: PictureView
    let depth: ClosedRange<Double>

    func color(_ x: Int, _ y: Int) -> [UInt8] {
        let row = view.row(y)
        let at = x * view.info.format.bytesPerPixel
        func half(_ index: Int) -> Double {
            let bits = UInt16(row[at + 2 * index]) | UInt16(row[at + 2 * index + 1]) << 8
            let fraction = Double(bits & 0x3FF) / 1024
            let exponent = Int(bits >> 10 & 31)
            let sign = bits >> 15 == 0 ? 1.0 : -1.0
            if exponent == 31 { return fraction == 0 ? sign * .infinity : .nan }
            return sign
                * (exponent == 0 ? fraction * pow(2, -14) : (1 + fraction) * pow(2, Double(exponent - 15)))
        }
        func word(_ index: Int) -> UInt32 {
            (0..<4).reduce(0) { $0 | UInt32(row[at + 4 * index + $1]) << UInt32(8 * $1) }
        }
        func float(_ index: Int) -> Double { Double(Float(bitPattern: word(index))) }
        func grey(_ value: UInt8) -> [UInt8] { [value, value, value] }
        switch view.info.format {
        case .rgba8, .rgbx8, .rgb8: return [row[at], row[at + 1], row[at + 2]]
        case .bgra8, .bgrx8, .bgr8: return [row[at + 2], row[at + 1], row[at]]
        case .r8: return grey(row[at])
        case .rg8: return [row[at], row[at + 1], 0]
        case .rgb10a2: return [0, 10, 20].map { UInt8((word(0) >> $0 & 0x3FF) >> 2) }
        case .rgba16: return [row[at + 1], row[at + 3], row[at + 5]]
        case .r16: return grey(row[at + 1])
        case .rgba16f: return (0..<3).map { light(half($0)) }
        case .r16f: return grey(light(half(0)))
        case .rgba32f: return (0..<3).map { light(float($0)) }
        case .r32f: return grey(light(float(0)))
        case .depth16: return grey(scaled(Double(UInt16(row[at]) | UInt16(row[at + 1]) << 8) / 65535))
        case .depth24s8: return grey(scaled(Double(word(0) >> 8) / 16_777_215))
        case .depth32f: return grey(scaled(float(0)))
        case .nv12:
            let pair = view.row(y / 2, plane: 1)
            return yuv(row[x], pair[x / 2 * 2], pair[x / 2 * 2 + 1])
        case .i420: return yuv(row[x], view.row(y / 2, plane: 1)[x / 2], view.row(y / 2, plane: 2)[x / 2])
        }
    }

    private func level(_ value: Double) -> UInt8 {
        value > 0 ? UInt8((min(value, 1) * 255).rounded()) : 0
    }

    private func scaled(_ value: Double) -> UInt8 {
        level((value - depth.lowerBound) / (depth.upperBound - depth.lowerBound))
    }

    private func light(_ value: Double) -> UInt8 {
        guard view.info.color.transfer == 8, value > 0 else { return level(value) }
        let value = min(value, 1)
        return level(value <= 0.0031308 ? 12.92 * value : 1.055 * pow(value, 1 / 2.4) - 0.055)
    }

    private func yuv(_ y: UInt8, _ u: UInt8, _ v: UInt8) -> [UInt8] {
        let weights: [UInt8: (Double, Double)] = [
            1: (0.2126, 0.0722), 4: (0.3, 0.11), 5: (0.299, 0.114), 6: (0.299, 0.114), 7: (0.212, 0.087),
            9: (0.2627, 0.0593), 10: (0.2627, 0.0593),
        ]
        let (kr, kb) =
            weights[view.info.color.matrix] ?? (view.info.height > 576 ? (0.2126, 0.0722) : (0.299, 0.114))
        let isFull = view.info.color.range == 1
        let luma = isFull ? Double(y) / 255 : (Double(y) - 16) / 219
        let cb = (Double(u) - 128) / (isFull ? 255 : 224)
        let cr = (Double(v) - 128) / (isFull ? 255 : 224)
        let red = luma + 2 * (1 - kr) * cr
        let blue = luma + 2 * (1 - kb) * cb
        let green = (luma - kr * red - kb * blue) / (1 - kr - kb)
        return [level(red), level(green), level(blue)]
    }
}

/// Compares a picture's conversion, by rows and by pixels, with the plain one; levels may differ by what rounding makes.
private func compare(_ picture: Picture, tolerance: Int) throws {
    try picture.withView { view in
        let range = ScreenColor.depthRange(view)
        let plain = PlainScreen(view: view, depth: Double(range.lowerBound)...Double(range.upperBound))
        let color = ScreenColor(view, depth: range)
        var row = [UInt32](repeating: 0, count: view.info.width)
        for y in 0..<view.info.height {
            row.withUnsafeMutableBufferPointer { color.convert(row: y, into: $0.baseAddress!) }
            for x in 0..<view.info.width {
                let wanted = plain.color(x, y)
                let got = [16, 8, 0].map { UInt8(truncatingIfNeeded: row[x] >> UInt32($0)) }
                let isClose = zip(wanted, got).allSatisfy { abs(Int($0) - Int($1)) <= tolerance }
                if !isClose || row[x] != color.pixel(x: x, y: y) || row[x] >> 24 != 255 {
                    Issue.record("\(view.info.format) at \(x), \(y): \(wanted) and not \(got), \(row[x])")
                }
            }
        }
    }
}

@Test(arguments: PixelFormat.allCases)
func pixelsOfEveryFormatAreShown(format: PixelFormat) throws {
    var random = SeededGenerator(case: 71)
    for _ in 0..<4 {
        let (width, height) = (Int.random(in: 1...19, using: &random), Int.random(in: 1...9, using: &random))
        var picture = try Picture.random(width, height, format, using: &random)
        if [.rgba16f, .r16f, .rgba32f, .r32f, .depth32f].contains(format) { picture.tame(using: &random) }
        let isExact = format.planeCount == 1 && format.bytesPerPixel < 16 && !format.isMeasured
        try compare(picture, tolerance: isExact ? 0 : 1)
    }
}

@Test(arguments: [UInt8(0), 1, 2, 4, 5, 6, 7, 9, 10], [UInt8(0), 1, 2])
func yuvIsShownByItsMatrixAndRange(matrix: UInt8, range: UInt8) throws {
    var random = SeededGenerator(case: 72)
    for format in [PixelFormat.nv12, .i420] {
        var picture = try Picture.random(33, 16, format, using: &random)
        picture.info.color.matrix = matrix
        picture.info.color.range = range
        try compare(picture, tolerance: 1)
    }
}

@Test func tallVideoWithoutAMatrixIsBT709() throws {
    var random = SeededGenerator(case: 73)
    try compare(Picture.random(2, 576, .nv12, using: &random), tolerance: 1)
    try compare(Picture.random(2, 577, .i420, using: &random), tolerance: 1)
}

@Test func linearLightGetsTheScreensCurve() throws {
    var random = SeededGenerator(case: 74)
    for format in [PixelFormat.rgba16f, .rgba32f, .r16f, .r32f] {
        var picture = try Picture.random(40, 3, format, using: &random)
        picture.tame(using: &random)
        picture.info.color.transfer = 8
        try compare(picture, tolerance: 1)
    }
}

@Test func floatsThatAreNoLightAreBlackOrWhite() throws {
    let values: [(Float, UInt32)] = [
        (.nan, 0xFF00_0000), (-1, 0xFF00_0000), (-.infinity, 0xFF00_0000), (0, 0xFF00_0000),
        (1, 0xFFFF_FFFF), (3e38, 0xFFFF_FFFF), (.infinity, 0xFFFF_FFFF),
    ]
    let bytes = values.flatMap { value in
        (0..<4).map { UInt8(truncatingIfNeeded: value.0.bitPattern >> UInt32(8 * $0)) }
    }
    let halves: [(UInt16, UInt32)] = [
        (0x7E00, 0xFF00_0000), (0xFE00, 0xFF00_0000), (0x8000, 0xFF00_0000), (0xBC00, 0xFF00_0000),
        (0x3C00, 0xFFFF_FFFF), (0x7C00, 0xFFFF_FFFF), (0xFC00, 0xFF00_0000),
    ]
    let halfBytes = halves.flatMap { [UInt8($0.0 & 255), UInt8($0.0 >> 8)] }
    let pictures = [
        (Picture(info: FrameInfo(width: 7, height: 1, format: .r32f), bytes: bytes), values.map(\.1)),
        (Picture(info: FrameInfo(width: 7, height: 1, format: .r16f), bytes: halfBytes), halves.map(\.1)),
    ]
    for (picture, wanted) in pictures {
        try picture.withView { view in
            for x in 0..<7 { #expect(ScreenColor(view).pixel(x: x, y: 0) == wanted[x]) }
        }
    }
}

@Test func depthIsSpreadOverWhatIsThere() throws {
    let picture = Picture(
        info: FrameInfo(width: 3, height: 1, format: .depth16), bytes: [0x00, 0xF0, 0x80, 0xF7, 0x00, 0xFF])
    try picture.withView { view in
        let color = ScreenColor(view, depth: ScreenColor.depthRange(view))
        #expect((0..<3).map { color.pixel(x: $0, y: 0) & 255 } == [0, 128, 255])
    }
}

@Test func aFlatDepthIsBlack() throws {
    let picture = Picture(
        info: FrameInfo(width: 2, height: 1, format: .depth16), bytes: [0xFF, 0xFF, 0xFF, 0xFF])
    try picture.withView { view in
        let color = ScreenColor(view, depth: ScreenColor.depthRange(view))
        #expect(color.pixel(x: 1, y: 0) == 0xFF00_0000)
    }
}

@Test func aPictureAsShownHasItsRowsFromTheTop() throws {
    let info = FrameInfo(width: 1, height: 2, format: .rg8, rowOrder: .bottomUp)
    let shown = try Picture(info: info, bytes: [1, 2, 3, 4]).withView { ScreenColor.picture($0) }
    #expect(shown.info == FrameInfo(width: 1, height: 2, format: .rgb8))
    #expect(shown.bytes == [3, 4, 0, 1, 2, 0])
}

extension PixelFormat {
    /// Whether levels are computed and not looked up.
    fileprivate var isMeasured: Bool {
        [.rgba16f, .r16f, .rgba32f, .r32f, .depth16, .depth24s8, .depth32f].contains(self)
    }
}

extension Picture {
    /// Replaces most floats by such as are between −0.25 and 1.25: of random bits hardly any is.
    fileprivate mutating func tame(using random: inout SeededGenerator) {
        let size = info.format == .rgba16f || info.format == .r16f ? 2 : 4
        for at in stride(from: 0, through: bytes.count - size, by: size) {
            guard Int.random(in: 0..<8, using: &random) > 0 || info.format == .depth32f else { continue }
            let value = Float.random(in: -0.25...1.25, using: &random)
            let bits = size == 4 ? value.bitPattern : UInt32(halfBits(value))
            for byte in 0..<size { bytes[at + byte] = UInt8(truncatingIfNeeded: bits >> UInt32(8 * byte)) }
        }
    }

    /// A half that is near enough for a test.
    private func halfBits(_ value: Float) -> UInt16 {
        let magnitude = min(abs(value), 1.9)
        guard magnitude >= 0.0001 else { return 0 }
        let exponent = Int(magnitude.exponent)
        let fraction = UInt16((magnitude.significand - 1) * 1023)
        return UInt16(exponent + 15) << 10 | fraction | (value < 0 ? 0x8000 : 0)
    }
}
