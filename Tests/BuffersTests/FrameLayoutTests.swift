import TestSupport
import Testing

@testable import Buffers

@Test func packedRowsFollowEachOtherWithoutGaps() throws {
    let layout = try FrameLayout(FrameInfo(width: 5, height: 3, format: .rgb8))
    #expect(layout.planeCount == 1)
    #expect(
        layout[plane: 0]
            == FrameLayout.Plane(offset: 0, stride: 15, rowBytes: 15, rows: 3, packedOffset: 0))
    #expect(layout.size == 45)
    #expect(layout.packedSize == 45)
    #expect(layout.isPacked)
    #expect((0..<3).map { layout.offset(ofRow: $0, plane: 0) } == [0, 15, 30])
}

@Test func paddingBehindTheLastRowIsNotCounted() throws {
    let layout = try FrameLayout(FrameInfo(width: 5, height: 3, format: .rgb8, stride: 16))
    #expect(layout.size == 16 + 16 + 15)
    #expect(layout.packedSize == 45)
    #expect(!layout.isPacked)
    #expect((0..<3).map { layout.offset(ofRow: $0, plane: 0) } == [0, 16, 32])
}

@Test func bottomUpTurnsTheRowsOver() throws {
    let layout = try FrameLayout(
        FrameInfo(width: 2, height: 3, format: .rgba8, rowOrder: .bottomUp, stride: 12))
    #expect((0..<3).map { layout.offset(ofRow: $0, plane: 0) } == [24, 12, 0])
    #expect(!layout.isPacked)
}

@Test func oneRowIsPackedInEitherOrder() throws {
    #expect(try FrameLayout(FrameInfo(width: 7, height: 1, rowOrder: .bottomUp)).isPacked)
    #expect(try FrameLayout(FrameInfo(width: 7, height: 1, stride: 64)).isPacked)
}

@Test func halfSizesOfNV12RoundUp() throws {
    let layout = try FrameLayout(FrameInfo(width: 5, height: 3, format: .nv12))
    #expect(layout.planeCount == 2)
    #expect(
        layout[plane: 0] == FrameLayout.Plane(offset: 0, stride: 5, rowBytes: 5, rows: 3, packedOffset: 0))
    #expect(
        layout[plane: 1]
            == FrameLayout.Plane(offset: 15, stride: 6, rowBytes: 6, rows: 2, packedOffset: 15))
    #expect(layout.size == 27)
    #expect(layout.isPacked)
}

@Test func bothPlanesOfNV12HaveTheStride() throws {
    let layout = try FrameLayout(
        FrameInfo(width: 5, height: 3, format: .nv12, rowOrder: .bottomUp, stride: 8))
    #expect(layout[plane: 1].offset == 24)
    #expect(layout.size == 24 + 8 + 6)
    #expect(layout.packedSize == 27)
    #expect((0..<3).map { layout.offset(ofRow: $0, plane: 0) } == [16, 8, 0])
    #expect((0..<2).map { layout.offset(ofRow: $0, plane: 1) } == [32, 24])
}

@Test func halfSizesOfI420RoundUp() throws {
    let layout = try FrameLayout(FrameInfo(width: 5, height: 3, format: .i420))
    #expect(layout.planeCount == 3)
    #expect(
        layout[plane: 1]
            == FrameLayout.Plane(offset: 15, stride: 3, rowBytes: 3, rows: 2, packedOffset: 15))
    #expect(
        layout[plane: 2]
            == FrameLayout.Plane(offset: 21, stride: 3, rowBytes: 3, rows: 2, packedOffset: 21))
    #expect(layout.size == 27)
    #expect(layout.isPacked)
}

@Test func halfTheStrideOfI420RoundsUp() throws {
    let layout = try FrameLayout(FrameInfo(width: 5, height: 3, format: .i420, stride: 9))
    #expect(layout[plane: 1].stride == 5)
    #expect(layout[plane: 1].offset == 27)
    #expect(layout[plane: 2].offset == 37)
    #expect(layout.size == 37 + 5 + 3)
    #expect(layout.packedSize == 27)
}

/// Rows of every plane lie in the frame, do not overlap, and reach its last byte.
@Test(arguments: PixelFormat.allCases)
func rowsOfRandomFramesAreDisjoint(_ format: PixelFormat) throws {
    var random = SeededGenerator()
    for _ in 0..<200 {
        let width = Int.random(in: 1...70, using: &random)
        let rowBytes = width * format.bytesPerPixel + width % 2
        let info = FrameInfo(
            width: width, height: Int.random(in: 1...20, using: &random), format: format,
            rowOrder: Bool.random(using: &random) ? .topDown : .bottomUp,
            stride: Bool.random(using: &random) ? 0 : rowBytes + Int.random(in: 0...9, using: &random))
        let layout = try FrameLayout(info)
        var used = [Bool](repeating: false, count: layout.size)
        var packed = 0
        for index in 0..<layout.planeCount {
            let plane = layout[plane: index]
            #expect(plane.packedOffset == packed)
            packed += plane.packedSize
            for row in 0..<plane.rows {
                let start = layout.offset(ofRow: row, plane: index)
                for byte in start..<start + plane.rowBytes {
                    #expect(!used[byte])
                    used[byte] = true
                }
            }
        }
        #expect(used.last == true)
        #expect(layout.packedSize == packed)
        #expect(
            layout.isPacked == (used.allSatisfy { $0 } && (info.rowOrder == .topDown || info.height == 1)))
    }
}

@Test func sidesOutsideTheirRangeAreRefused() {
    for (width, height) in [(0, 1), (1, 0), (-1, 1), (65536, 1), (1, 65536), (Int.max, Int.max)] {
        expect(.invalidFrame) { try FrameLayout(FrameInfo(width: width, height: height)) }
    }
}

@Test func aStrideThatIsTooShortOrTooLongIsRefused() throws {
    expect(.invalidFrame) { try FrameLayout(FrameInfo(width: 5, height: 3, stride: 19)) }
    expect(.invalidFrame) { try FrameLayout(FrameInfo(width: 5, height: 3, stride: -20)) }
    expect(.invalidFrame) { try FrameLayout(FrameInfo(width: 5, height: 3, stride: 1 << 32)) }
    expect(.invalidFrame) { try FrameLayout(FrameInfo(width: 5, height: 3, format: .nv12, stride: 4)) }
    _ = try FrameLayout(FrameInfo(width: 5, height: 3, format: .i420, stride: 5))
}

@Test func theStrideOfPackedOddRowsOfNV12MeansPacked() throws {
    // A row of U V pairs is one byte longer than an odd row of Y.
    let packed = try FrameLayout(FrameInfo(width: 5, height: 3, format: .nv12))
    #expect(try FrameLayout(FrameInfo(width: 5, height: 3, format: .nv12, stride: 5)) == packed)
    #expect(packed[plane: 1].stride == 6)
}

@Test func theLargestFrameHasASize() throws {
    let info = FrameInfo(width: 65535, height: 65535, format: .rgba32f, stride: Int(UInt32.max))
    #expect(try FrameLayout(info).size == Int(UInt32.max) * 65534 + 65535 * 16)
}
