import Buffers
import TestSupport
import Testing

@testable import Codec

@Suite struct StripPlanTests {
    private static func randomLayout(_ random: inout SeededGenerator) throws -> FrameLayout {
        try FrameLayout(
            FrameInfo(
                width: random.scaled(1...65535), height: random.scaled(1...65535),
                format: PixelFormat.allCases.randomElement(using: &random)!))
    }

    /// Strips of a plan follow each other plane by plane and row by row, and end where the picture does.
    private static func expectCoverage(_ plan: StripPlan) {
        var index = 0
        var packedOffset = 0
        for plane in 0..<plan.layout.planeCount {
            let whole = plan.layout[plane: plane]
            var row = 0
            while row < whole.rows, index < plan.count {
                let strip = plan[index]
                guard strip.plane == plane, strip.firstRow == row, strip.rows >= 1,
                    strip.rows <= plan.rowsPerStrip,
                    strip.firstRow + strip.rows <= whole.rows, strip.rowBytes == whole.rowBytes,
                    strip.packedOffset == packedOffset, strip.byteCount <= plan.largestStrip
                else {
                    Issue.record("strip \(index) of \(plan.count) is \(strip) in \(plan.layout)")
                    return
                }
                row += strip.rows
                packedOffset += strip.byteCount
                index += 1
            }
            #expect(row == whole.rows)
        }
        #expect(index == plan.count)
        #expect(packedOffset == plan.layout.packedSize)
    }

    @Test func encoderStripsCoverEachPlaneOnceAndNeverCrossPlanes() throws {
        var random = SeededGenerator()
        for _ in 0..<100 {
            Self.expectCoverage(StripPlan(for: try Self.randomLayout(&random), profile: .lz4))
        }
    }

    @Test func anyRowsPerStripCoverEachPlaneOnce() throws {
        var random = SeededGenerator(case: 1)
        for _ in 0..<100 {
            let layout = try FrameLayout(
                FrameInfo(
                    width: random.scaled(1...4097), height: random.scaled(1...2000),
                    format: PixelFormat.allCases.randomElement(using: &random)!))
            Self.expectCoverage(StripPlan(layout: layout, rowsPerStrip: random.scaled(1...4000)))
        }
    }

    @Test func rowsPerStripOfAnyThirtyTwoBitNumberDoNotOverflow() throws {
        let layout = try FrameLayout(FrameInfo(width: 65535, height: 65535, format: .rgba32f))
        let plan = StripPlan(layout: layout, rowsPerStrip: Int(UInt32.max))
        #expect(plan.count == 1)
        #expect(plan.largestStrip == layout.packedSize)
    }

    /// Up to 1 MiB where there are eight of them still, or else up to 512 KiB.
    @Test(arguments: [(640, 360, 192), (1280, 720, 96), (1920, 1080, 128), (3840, 2160, 64)])
    func stripsOfProfileHuffmanGrowWithThePicture(_ width: Int, _ height: Int, _ rows: Int) throws {
        let layout = try FrameLayout(FrameInfo(width: width, height: height))
        #expect(StripPlan(for: layout, profile: .huffman).rowsPerStrip == rows)
    }

    @Test func stripsAreBetween128KiBAnd1MiBWhenThePictureIsThatLarge() throws {
        var random = SeededGenerator(case: 2)
        for _ in 0..<500 {
            let layout = try Self.randomLayout(&random)
            let plan = StripPlan(for: layout, profile: .lz4)
            #expect(plan.largestStrip <= 1 << 20)
            let first = layout[plane: 0]
            if first.packedSize >= 256 << 10 {
                #expect(plan[0].byteCount >= 128 << 10, "\(first)")
            } else {
                #expect(plan[0].rows == first.rows, "\(first)")
            }
        }
    }
}
