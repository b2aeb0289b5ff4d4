import Synchronization
import TestSupport
import Testing
import Transport

@testable import Framewire

/// What becomes of frames when the link or the program at its end is slower than the renderer.
@Suite(.timeLimit(.minutes(2))) struct OverflowTests {
    private let folder: TemporaryFolder
    private let listener: Listener

    init() throws {
        folder = try TemporaryFolder()
        listener = try Listener(Endpoint(parsing: folder.unixURL("socket")))
    }

    /// A sender whose first frame is stuck half-way in a connection that nobody reads, and the connection's
    /// other end.
    private func stalledSender(
        _ overflow: OverflowPolicy, _ first: Picture, configure: (inout Sender.Options) -> Void = { _ in }
    ) throws -> (sender: Sender, peer: Connection) {
        var options = Sender.Options()
        options.profile = .raw
        options.overflow = overflow
        options.closeTimeout = 0
        configure(&options)
        let sender = try Sender(to: folder.unixURL("socket"), options: options)
        let peer = try accept(listener)
        try push(first, to: sender)
        try eventually("the first frame to be taken") {
            sender.stats.queueDepth == 0 && sender.stats.sendQueueBytes > 0
        }
        return (sender, peer)
    }

    private func numbers(_ frames: [Frame]) -> [Int64?] { frames.map(\.info.pts) }

    @Test func dropOldestDeliversTheNewestFrameAfterAStall() throws {
        let shown = largePictures(8)
        let (sender, peer) = try stalledSender(.dropOldest, shown[0])
        for picture in shown[1...] { try push(picture, to: sender) }
        #expect(sender.stats.framesDropped == 5)
        let frames = try readFrames(peer, makeDecoder(), count: 2)
        #expect(numbers(frames) == [0, 7])
        for frame in frames { expectFrame(frame, shows: shown[Int(frame.info.pts!)]) }
        #expect(frames.map(\.info.sequence) == [0, 7])
        #expect(sender.stats.framesDropped == 6)
    }

    @Test func aBusyStreamDoesNotPushAQuietOneOut() throws {
        var shown = largePictures(8)
        shown[1].info.streamID = 7
        let (sender, peer) = try stalledSender(.dropOldest, shown[0])
        for picture in shown[1...] { try push(picture, to: sender) }
        #expect(sender.stats.framesDropped == 5)
        #expect(numbers(try readFrames(peer, makeDecoder(), count: 3)) == [0, 1, 7])
    }

    @Test func theNewestFrameOfOneStreamDoesNotOvertakeThatOfAnother() throws {
        var shown = largePictures(8)
        for index in shown.indices {
            shown[index].info.streamID = UInt32(index % 3)
            shown[index].info.viewID = UInt32(index % 2)
        }
        let (sender, peer) = try stalledSender(.dropOldest, shown[0]) { $0.queueDepth = 6 }
        for picture in shown[1...] { try push(picture, to: sender) }
        // Frame 7 is of the stream and view of frame 1, which is gone from the queue; those between are of others.
        #expect(numbers(try readFrames(peer, makeDecoder(), count: 7)) == [0, 2, 3, 4, 5, 6, 7])
    }

    @Test func dropNewestDeliversTheOldestFramesAfterAStall() throws {
        let shown = largePictures(8)
        let (sender, peer) = try stalledSender(.dropNewest, shown[0])
        for picture in shown[1...] { try push(picture, to: sender) }
        #expect(sender.stats.framesDropped == 5)
        let frames = try readFrames(peer, makeDecoder(), count: 3)
        #expect(numbers(frames) == [0, 1, 2])
    }

    @Test func blockLosesNothing() throws {
        let shown = largePictures(12)
        let (sender, peer) = try stalledSender(.block, shown[0])
        let work = Background {
            for picture in shown[1...] { try push(picture, to: sender) }
        }
        let frames = try readFrames(peer, makeDecoder(), count: 12)
        #expect(numbers(frames) == (0..<12).map { Int64($0) })
        try work.join()
        #expect(sender.stats.framesDropped == 0)
    }

    @Test func blockGivesUpWhenTheTimeAllowedIsOver() throws {
        let shown = largePictures(8)
        let (sender, _) = try stalledSender(.block, shown[0]) { $0.blockTimeout = 1_000_000 }
        let error = #expect(throws: FramewireError.self) {
            for picture in shown[1...] { try push(picture, to: sender) }
        }
        #expect(error?.code == .timeout)
        #expect(sender.stats.framesDropped == 0)
    }

    @Test func flushWaitsUntilEverythingHasLeft() throws {
        let shown = largePictures(3)
        let (sender, peer) = try stalledSender(.block, shown[0])
        for picture in shown[1...] { try push(picture, to: sender) }
        let look = #expect(throws: FramewireError.self) { try sender.flush(timeout: 0) }
        #expect(look?.code == .wouldBlock)
        let short = #expect(throws: FramewireError.self) { try sender.flush(timeout: 1_000_000) }
        #expect(short?.code == .timeout)
        let work = Background { _ = try readFrames(peer, makeDecoder(), count: 3) }
        try sender.flush(timeout: hangLimit)
        #expect(sender.stats.framesSent == 3)
        try sender.flush(timeout: 0)
        try work.join()
    }

    /// Frames that are pushed and dropped later do not count for those that were queued before.
    @Test func flushIsNotEndedByFramesThatAreDroppedMeanwhile() throws {
        let shown = largePictures(3)
        let (sender, peer) = try stalledSender(.dropNewest, shown[0])
        for picture in shown[1...] { try push(picture, to: sender) }
        let flush = Background {
            try sender.flush(timeout: hangLimit)
            #expect(sender.stats.framesSent == 3)
        }
        for _ in 0..<100 { try push(shown[0], to: sender) }
        let decoder = makeDecoder()
        #expect(numbers(try readFrames(peer, decoder, count: 1)) == [0])
        try eventually("the first frame to leave") { sender.stats.framesSent == 1 }
        #expect(!flush.hasEnded)
        #expect(numbers(try readFrames(peer, decoder, count: 2)) == [1, 2])
        try flush.join()
    }

    @Test func flushDoesNotWaitForFramesThatWereDropped() throws {
        var options = Sender.Options()
        options.reconnect = .always
        options.closeTimeout = 0
        options.connectTimeout = 1_000_000
        let sender = try Sender(to: folder.unixURL("nobody"), options: options)
        let shown = pictures(1)
        for _ in 0..<2 { try push(shown[0], to: sender) }
        let flush = Background { try sender.flush(timeout: hangLimit) }
        while !flush.hasEnded { try push(shown[0], to: sender) }
        try flush.join()
        #expect(sender.stats.framesSent == 0)
    }

    @Test func flushOfAnIdleSenderReturnsAtOnce() throws {
        var options = Sender.Options()
        options.closeTimeout = 0
        let sender = try Sender(to: folder.unixURL("socket"), options: options)
        try sender.flush(timeout: 0)
    }

    @Test func closingASenderSendsWhatIsQueued() throws {
        let shown = largePictures(3)
        let (sender, peer) = try stalledSender(.block, shown[0]) { $0.closeTimeout = hangLimit }
        for picture in shown[1...] { try push(picture, to: sender) }
        let work = Background { sender.close() }
        #expect(numbers(try readFrames(peer, makeDecoder())) == [0, 1, 2])
        try work.join()
        #expect(sender.stats.framesSent == 3)
    }

    /// Whatever becomes of a frame: sent, dropped by the policy, or left over at the end.
    @Test func theCallersMemoryIsReleasedExactlyOnce() throws {
        let shown = largePictures(8)
        let (sender, peer) = try stalledSender(.dropOldest, shown[0])
        let released = ReleaseCounter()
        for picture in shown[1...] {
            try picture.bytes.withUnsafeBytes { bytes in
                let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 64)
                copy.copyMemory(from: bytes)
                nonisolated(unsafe) let memory = copy
                try sender.push(picture.info, wrapping: UnsafeRawBufferPointer(copy)) {
                    memory.deallocate()
                    released.count.add(1, ordering: .relaxed)
                }
            }
        }
        #expect(released.count.load(ordering: .relaxed) == 5)
        sender.close()
        #expect(released.count.load(ordering: .relaxed) == 7)
        #expect(sender.stats.framesDropped == 8)
        peer.close()
    }

    @Test func aCallThatFailsDoesNotReleaseTheCallersMemory() throws {
        let sender = try Sender(to: folder.fileURL("recording"))
        sender.close()
        let released = ReleaseCounter()
        let pixels = [UInt8](repeating: 0, count: 4)
        #expect(throws: FramewireError.self) {
            try pixels.withUnsafeBytes { bytes in
                try sender.push(FrameInfo(width: 1, height: 1), wrapping: bytes) {
                    released.count.add(1, ordering: .relaxed)
                }
            }
        }
        #expect(released.count.load(ordering: .relaxed) == 0)
    }

    // MARK: - At the receiver

    private func receive(_ overflow: OverflowPolicy, _ shown: [Picture]) throws -> (Receiver, expected: Int) {
        try folder.write(try recording(shown), to: "recording")
        var options = Receiver.Options()
        options.overflow = overflow
        options.queueDepth = 2
        let receiver = try Receiver(from: folder.fileURL("recording"), options: options)
        return (receiver, shown.count)
    }

    private func remainingFrames(_ receiver: Receiver) -> [Frame] {
        var frames: [Frame] = []
        while let frame = try? receiver.next(timeout: hangLimit) { frames.append(frame) }
        return frames
    }

    @Test func aReceiverThatDropsTheOldestKeepsTheNewest() throws {
        let (receiver, count) = try receive(.dropOldest, pictures(9, case: 3000))
        try eventually("all frames") { receiver.stats.framesReceived == count }
        #expect(numbers(remainingFrames(receiver)) == [7, 8])
        #expect(receiver.stats.framesDropped == 7)
    }

    @Test func aReceiverThatDropsTheNewestKeepsTheOldest() throws {
        let (receiver, count) = try receive(.dropNewest, pictures(9, case: 3001))
        try eventually("all frames") { receiver.stats.framesReceived == count }
        #expect(numbers(remainingFrames(receiver)) == [0, 1])
    }

    @Test func aReceiverThatBlocksLosesNothing() throws {
        let (receiver, _) = try receive(.block, pictures(9, case: 3002))
        try eventually("a full queue") { receiver.stats.queueDepth == 2 }
        #expect(numbers(remainingFrames(receiver)) == (0..<9).map { Int64($0) })
    }
}

private final class ReleaseCounter: Sendable {
    let count = Atomic<Int>(0)
}
