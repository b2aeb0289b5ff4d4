import Buffers
import Foundation
import TestSupport
import Testing

@testable import Framewire

/// The small parts that senders and receivers are made of.
@Suite struct PartsTests {
    // MARK: - Percentiles

    @Test func percentilesAreTheNearestRank() {
        let times = Percentiles()
        for duration in (1...200).reversed() { times.record(Int64(duration)) }
        #expect(times.values(50, 99) == (100, 198))
        #expect(times.values(1, 100) == (2, 200))
        #expect(times.values(0, 51) == (1, 102))
    }

    @Test func percentilesOfOneSampleAreThatSample() {
        let times = Percentiles()
        times.record(7)
        #expect(times.values(50, 99) == (7, 7))
    }

    @Test func percentilesOfNothingAreNothing() {
        #expect(Percentiles().values(50, 99) == (nil, nil))
    }

    @Test func percentilesFollowThePresent() {
        let times = Percentiles()
        for _ in 0..<5000 { times.record(200) }
        for _ in 0..<2 * Percentiles.halfWindow { times.record(100) }
        #expect(times.values(0, 100) == (100, 100))
    }

    @Test func durationsOutOfRangeCountAsTheEndsOfIt() {
        let times = Percentiles()
        times.record(.min)
        times.record(-1)
        times.record(.max)
        times.record(Percentiles.longest + 1)
        #expect(times.values(50, 51) == (0, Percentiles.longest))
    }

    /// Of durations from nanoseconds to minutes, in a window that goes along.
    @Test func percentilesAreWithinOnePercentOfTheExactOnes() {
        var random = SeededGenerator(case: 6100)
        for round in 0..<40 {
            let times = Percentiles()
            // The samples of both half windows, as they must be.
            var older: [Int64] = []
            var current: [Int64] = []
            let center = Double.random(in: 0...40, using: &random)
            let spread = Double.random(in: 0...20, using: &random)
            for _ in 0..<Int.random(in: 1...3000, using: &random) {
                let power = center + Double.random(in: -spread...spread, using: &random)
                let duration = Int64(min(max(exp2(power), 0), 1e12))
                times.record(duration)
                if current.count == Percentiles.halfWindow { (older, current) = (current, []) }
                current.append(duration)
            }
            let sorted = (older + current).sorted()
            for percent in [0, 1, 25, 50, 90, 99, 100] {
                let exact = sorted[max(0, (sorted.count * percent + 99) / 100 - 1)]
                guard let found = times.values(percent, 50).0 else {
                    Issue.record("nothing of \(sorted.count) samples")
                    return
                }
                #expect(
                    found >= exact && found - exact <= exact / 128,
                    "round \(round), \(percent) % of \(sorted.count) samples: \(found), not \(exact)")
            }
        }
    }

    // MARK: - Queues and pools

    private static func slot(_ pool: FramePool, _ sequence: UInt64) throws -> FrameSlot {
        let info = FrameInfo(width: 1, height: 1, sequence: sequence)
        return pool.bareSlot(info, try FrameLayout(info))
    }

    @Test func aRingGivesFramesInTheOrderTheyCame() throws {
        var random = SeededGenerator(case: 6000)
        let pool = FramePool(capacity: 8)
        var ring = SlotRing(capacity: 5)
        var put: UInt64 = 0
        var got: UInt64 = 0
        for _ in 0..<500 {
            if Bool.random(using: &random), !ring.isFull {
                ring.append(try Self.slot(pool, put))
                put += 1
            } else if let slot = ring.popFirst() {
                #expect(slot.info.sequence == got)
                slot.drop()
                got += 1
            } else {
                #expect(put == got)
            }
            #expect(ring.count == Int(put - got))
            #expect(ring.isEmpty == (put == got))
            #expect(ring.isFull == (put - got == 5))
        }
        #expect(got > 100)
        while let slot = ring.popFirst() { slot.drop() }
    }

    @Test func aPoolReusesTheMemoryOfFramesOfOneSize() throws {
        let pool = FramePool(capacity: 4)
        let info = FrameInfo(width: 100, height: 100)
        let layout = try FrameLayout(info)
        let first = try pool.acquire(info, layout)
        let address = first.base
        first.drop()
        let second = try pool.acquire(info, layout)
        #expect(second.base == address)
        #expect(pool.allocated == 1)
        second.drop()
        #expect(pool.outstanding == 0)
    }

    @Test func aPoolGivesMemoryForFramesOfAnySize() throws {
        var random = SeededGenerator(case: 6100)
        let pool = FramePool(capacity: 2)
        var held: [FrameSlot] = []
        for _ in 0..<60 {
            let picture = Picture.random(maximumBytes: 5000, using: &random)
            let slot = try pool.acquire(picture.info, try FrameLayout(picture.info))
            // All of it can be written; a sanitizer would see what cannot.
            picture.bytes.withUnsafeBytes {
                slot.base!.copyMemory(from: $0.baseAddress!, byteCount: $0.count)
            }
            held.append(slot)
            if held.count > 3 { held.removeFirst().drop() }
        }
        #expect(pool.outstanding == held.count)
        for slot in held { slot.drop() }
        #expect(pool.outstanding == 0)
        #expect(pool.allocated <= 2)
    }

    // MARK: - Options

    @Test func senderOptionsOutOfRangeAreRefusedByName() {
        expectRefusal("number of peers") { $0.maxPeers = 0 }
        expectRefusal("number of peers") { $0.maxPeers = Sender.maximumPeers + 1 }
        expectRefusal("keepalive interval") { $0.keepaliveInterval = 0 }
        expectRefusal("idle timeout") { $0.idleTimeout = 0 }
        expectRefusal("queue depth") { $0.queueDepth = 0 }
        expectRefusal("queue depth") { $0.queueDepth = 65 }
        expectRefusal("threads") { $0.threads = -1 }
        expectRefusal("threads") { $0.threads = 65 }
        expectRefusal("acceleration") { $0.acceleration = 0 }
        expectRefusal("acceleration") { $0.acceleration = 65538 }
        expectRefusal("connect timeout") { $0.connectTimeout = 0 }
        expectRefusal("close timeout") { $0.closeTimeout = -1 }
    }

    private func expectRefusal(_ name: String, _ change: (inout Sender.Options) -> Void) {
        var options = Sender.Options()
        change(&options)
        let error = #expect(throws: FramewireError.self) { try Sender(to: "tcp://:1", options: options) }
        #expect(error?.code == .invalidArgument)
        #expect(error?.message.contains(name) == true)
    }

    @Test func receiverOptionsOutOfRangeAreRefusedByName() {
        var options = Receiver.Options()
        options.queueDepth = 0
        let depth = #expect(throws: FramewireError.self) { try Receiver(from: "tcp://:0", options: options) }
        #expect(depth?.code == .invalidArgument && depth?.message.contains("queue depth") == true)
        options = Receiver.Options()
        options.limits.maxWidth = 0
        let width = #expect(throws: FramewireError.self) { try Receiver(from: "tcp://:0", options: options) }
        #expect(width?.code == .invalidArgument && width?.message.contains("limit of the width") == true)
    }

    // MARK: - Log

    private final class Messages: @unchecked Sendable {
        // Unchecked: guarded by `lock`.
        private let lock = Lock()
        private var list: [(LogLevel, String)] = []

        func append(_ level: LogLevel, _ text: String) {
            lock.withLock { list.append((level, text)) }
        }

        /// The handler is the process's, so other tests' messages come as well.
        func about(_ place: String) -> [(LogLevel, String)] {
            lock.withLock { list.filter { $0.1.contains(place) } }
        }
    }

    @Test func aLogHandlerGetsTheMessagesOfItsLevelAndAbove() throws {
        let messages = Messages()
        Log.setHandler({ messages.append($0, $1) }, maximum: .info)
        defer { Log.setHandler(nil) }
        let folder = try TemporaryFolder()
        let receiver = try Receiver(from: folder.unixURL("log"))
        do {
            let sender = try Sender(to: folder.unixURL("log"))
            try push(pictures(1)[0], to: sender)
            _ = try receiver.next(timeout: hangLimit)
        }
        try eventually("the messages") {
            messages.about(folder.path).contains { $0.0 == .info && $0.1.contains("ended the stream") }
        }
        #expect(
            messages.about(folder.path).contains {
                $0.1.hasPrefix("sender: connected to unix://\(folder.path)")
            })
        #expect(!messages.about(folder.path).contains { $0.1.contains("\n") })
        Log.setHandler({ messages.append($0, $1) }, maximum: .error)
        let before = messages.about(folder.path).count
        _ = try Sender(to: folder.unixURL("log"))
        receiver.close()
        #expect(messages.about(folder.path).count == before)
    }
}
