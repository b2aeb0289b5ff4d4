import Buffers
import CPosix
import RTP
import Testing

@testable import Transport

@Suite struct ThreadsTests {
    /// Packets that other threads drop return to the payloader's pools while it makes more.
    @Test func packetsMayBeDroppedOnAnyThread() async throws {
        let payloader = try H264Payloader(fixedOptions)
        let bytes = annexB([unit(7, size: 9), unit(5, size: 20_000)])
        try await withThrowingTaskGroup(of: Int.self) { group in
            for picture in 0..<200 {
                let list = try payloader.payload(accessUnit(bytes, pts: Int64(picture)))
                group.addTask {
                    let copy = list
                    var sum = 0
                    for packet in copy { sum += try packet.content.count - 12 }
                    return sum
                }
            }
            for try await sum in group { #expect(sum == 9 + 19_999 + 15 * 2) }
        }
    }
}
