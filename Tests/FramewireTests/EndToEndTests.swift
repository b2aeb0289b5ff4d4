import Buffers
import CPosix
import Foundation
import Synchronization
import TestSupport
import Testing
import Transport

@testable import Framewire

/// The ways from a sender to a receiver that listens.
enum Way: CaseIterable, Sendable {
    case tcp4
    case tcp6
    case tcpWithoutHost
    case unix

    /// Those that this machine has.
    static var available: [Way] {
        let addresses = try? String(contentsOfFile: "/proc/net/if_inet6", encoding: .utf8)
        let hasIPv6 = addresses?.contains("00000000000000000000000000000001") ?? false
        return allCases.filter { $0 != .tcp6 || hasIPv6 }
    }

    func receiverURL(_ folder: TemporaryFolder) -> String {
        switch self {
        case .tcp4: "tcp://127.0.0.1:0"
        case .tcp6: "tcp://[::1]:0"
        case .tcpWithoutHost: "tcp://:0"
        case .unix: folder.unixURL("socket")
        }
    }

    func senderURL(_ folder: TemporaryFolder, port: UInt16) -> String {
        switch self {
        case .tcp4: "tcp://127.0.0.1:\(port)"
        case .tcp6: "tcp://[::1]:\(port)"
        case .tcpWithoutHost: "tcp://localhost:\(port)"
        case .unix: folder.unixURL("socket")
        }
    }
}

@Suite(.timeLimit(.minutes(2))) struct EndToEndTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    private static func lossless(_ profile: Profile = .auto) -> Sender.Options {
        var options = Sender.Options()
        options.overflow = .block
        options.profile = profile
        return options
    }

    /// Random geometries, formats, strides and row orders in one stream, handed over in every way there is.
    @Test(arguments: Way.available, [Profile.raw, .lz4])
    func everyFrameArrivesBitByBit(_ way: Way, _ profile: Profile) throws {
        var receiverOptions = Receiver.Options()
        receiverOptions.once = true
        let receiver = try Receiver(from: way.receiverURL(folder), options: receiverOptions)
        var options = Self.lossless(profile)
        options.checksum = true
        let sender = try Sender(to: way.senderURL(folder, port: receiver.port), options: options)
        let shown =
            pictures(20, maximumBytes: 60_000, case: 1000) + pictures(3, maximumBytes: 2_000_000, case: 1001)
        let work = Background {
            for (number, picture) in shown.enumerated() {
                try handOver(picture, to: sender, way: number)
            }
            sender.close()
        }
        for (number, picture) in shown.enumerated() {
            let frame = try receiver.next(timeout: hangLimit)
            expectFrame(frame, shows: picture, "frame \(number)")
            #expect(frame.info.sequence == UInt64(number))
            #expect(frame.sentChecksum == (try frame.checksum()))
        }
        let end = #expect(throws: FramewireError.self) { try receiver.next(timeout: hangLimit) }
        #expect(end?.code == .closed)
        try work.join()
        let sent = sender.stats
        let received = receiver.stats
        #expect(sent.framesPushed == 23 && sent.framesSent == 23 && sent.framesDropped == 0)
        #expect(received.framesReceived == 23 && received.framesDelivered == 23 && received.framesMissed == 0)
        #expect(received.checksumsVerified == 23)
        #expect(received.bytesRaw == sent.bytesRaw)
        #expect(received.connections == 1 && received.errors == 0)
    }

    @Test(arguments: [Profile.raw, .lz4])
    func aRecordingGivesEveryFrameBitByBit(_ profile: Profile) throws {
        let shown = pictures(12, maximumBytes: 100_000, case: 1100)
        try folder.write(try recording(shown, profile: profile), to: "recording")
        let receiver = try Receiver(from: folder.fileURL("recording"))
        for picture in shown { expectFrame(try receiver.next(timeout: hangLimit), shows: picture) }
        let end = #expect(throws: FramewireError.self) { try receiver.next(timeout: hangLimit) }
        #expect(end?.code == .closed)
        #expect(receiver.stats.checksumsVerified == 12)
        #expect(receiver.stats.bytesWire == UInt64(try folder.read("recording").count))
    }

    @Test func aListeningSenderServesAReceiverThatConnects() throws {
        let sender = try Sender(to: "tcp://127.0.0.1:0?listen=1", options: Self.lossless())
        let receiver = try Receiver(from: "tcp://127.0.0.1:\(sender.port)?connect=1")
        let shown = pictures(6, case: 1200)
        let work = Background {
            for picture in shown { try push(picture, to: sender) }
        }
        for picture in shown { expectFrame(try receiver.next(timeout: hangLimit), shows: picture) }
        try work.join()
        #expect(sender.isConnected)
    }

    @Test func theDescriptionOfAFrameArrives() throws {
        var random = SeededGenerator(case: 1300)
        let info = FrameInfo(
            width: 5, height: 3, format: .rgba16f, rowOrder: .bottomUp, pts: -7, duration: 16_666_667,
            color: ColorDescription(primaries: 9, transfer: 16, matrix: 0, range: 1), streamID: 11, viewID: 1,
            flags: .discontinuity)
        try folder.write(try recording([Picture(info, .noise, using: &random)]), to: "recording")
        let frame = try Receiver(from: folder.fileURL("recording")).next(timeout: hangLimit)
        #expect(frame.info.pts == -7 && frame.info.duration == 16_666_667)
        #expect(frame.info.color == info.color)
        #expect(frame.info.streamID == 11 && frame.info.viewID == 1)
        #expect(frame.info.flags == [.discontinuity, .key])
        #expect(frame.info.stride == 40)
    }

    @Test func framesOutliveTheirReceiver() throws {
        let shown = pictures(2, case: 1400)
        try folder.write(try recording(shown), to: "recording")
        var frames: [Frame] = []
        do {
            let receiver = try Receiver(from: folder.fileURL("recording"))
            for _ in shown { frames.append(try receiver.next(timeout: hangLimit)) }
            receiver.close()
        }
        for (frame, picture) in zip(frames, shown) { expectFrame(frame, shows: picture) }
    }

    @Test func deliveredFramesAreAcknowledged() throws {
        let receiver = try Receiver(from: folder.unixURL("socket"))
        let sender = try Sender(to: folder.unixURL("socket"), options: Self.lossless())
        let shown = pictures(5, case: 1500)
        let work = Background {
            for picture in shown { try push(picture, to: sender) }
        }
        for _ in shown { _ = try receiver.next(timeout: hangLimit) }
        try work.join()
        try eventually("acknowledgements") { sender.stats.framesAcknowledged == 5 }
        #expect(sender.stats.latencyP50 != nil)
    }

    @Test func theDescriptorIsReadableWhileAFrameWaits() throws {
        let receiver = try Receiver(from: folder.unixURL("socket"))
        let sender = try Sender(to: folder.unixURL("socket"), options: Self.lossless())
        func isReadable(until deadline: Int64) throws -> Bool {
            var set = PollSet()
            set.add(receiver.descriptor, .readable)
            return try set.wait(until: deadline)
        }
        for picture in pictures(3, case: 1600) {
            #expect(try !isReadable(until: 0))
            let early = #expect(throws: FramewireError.self) { try receiver.next(timeout: 0) }
            #expect(early?.code == .wouldBlock)
            try push(picture, to: sender)
            #expect(try isReadable(until: Buffers.Clock.deadline(after: hangLimit)))
            expectFrame(try receiver.next(timeout: 0), shows: picture)
        }
        receiver.close()
        #expect(try isReadable(until: 0))
    }

    @Test func waitingForAFrameEndsWithTheTimeAllowed() throws {
        let receiver = try Receiver(from: folder.unixURL("socket"))
        let error = #expect(throws: FramewireError.self) { try receiver.next(timeout: 1_000_000) }
        #expect(error?.code == .timeout)
    }

    @Test func closingAReceiverEndsAWaitOnAnotherThread() throws {
        let receiver = try Receiver(from: folder.unixURL("socket"))
        let work = Background { _ = try receiver.next() }
        receiver.close()
        let error = #expect(throws: FramewireError.self) { try work.join() }
        #expect(error?.code == .closed)
    }

    @Test func aFrameIsTakenOnlyOnceAndOnlyByItsSender() throws {
        let first = try Sender(to: folder.fileURL("first"))
        let second = try Sender(to: folder.fileURL("second"))
        let frame = try first.acquire(FrameInfo(width: 4, height: 4))
        frame.withUnsafeMutableBytes { bytes in
            _ = bytes.initializeMemory(as: UInt8.self, repeating: 1)
        }
        #expect(throws: FramewireError.self) { try second.submit(frame) }
        try first.submit(frame)
        let error = #expect(throws: FramewireError.self) { try first.submit(frame) }
        #expect(error?.code == .invalidArgument)
    }

    @Test func tooFewPixelsAreOutOfRange() throws {
        let sender = try Sender(to: folder.fileURL("recording"))
        let pixels = [UInt8](repeating: 0, count: 4 * 4 * 4 - 1)
        let error = #expect(throws: FramewireError.self) {
            try pixels.withUnsafeBytes { bytes in
                try sender.push(FrameInfo(width: 4, height: 4), pixels: bytes)
            }
        }
        #expect(error?.code == .outOfRange)
        #expect(sender.stats.framesPushed == 0)
    }

    @Test func noMoreFramesThanTheMaximumAreLent() throws {
        let sender = try Sender(to: folder.fileURL("recording"))
        var frames: [Frame] = []
        for _ in 0..<Sender.maximumFrames {
            frames.append(try sender.acquire(FrameInfo(width: 1, height: 1)))
        }
        let error = #expect(throws: FramewireError.self) {
            try sender.acquire(FrameInfo(width: 1, height: 1))
        }
        #expect(error?.code == .wouldBlock)
        frames.removeLast()
        _ = try sender.acquire(FrameInfo(width: 1, height: 1))
    }

    @Test func aClosedSenderTakesNothing() throws {
        let sender = try Sender(to: folder.fileURL("recording"))
        sender.close()
        sender.close()
        let error = #expect(throws: FramewireError.self) { try push(pictures(1)[0], to: sender) }
        #expect(error?.code == .closed)
    }
}

/// Hands a picture over by copy, in a lent frame, in the caller's memory, or in a buffer of several memories.
private func handOver(_ picture: Picture, to sender: Sender, way: Int) throws {
    switch way % 4 {
    case 0:
        try push(picture, to: sender)
    case 1:
        let frame = try sender.acquire(picture.info)
        frame.withUnsafeMutableBytes { room in picture.bytes.withUnsafeBytes { room.copyMemory(from: $0) } }
        try sender.submit(frame)
    case 2:
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: picture.bytes.count, alignment: 1)
        picture.bytes.withUnsafeBytes { memory.copyMemory(from: $0) }
        nonisolated(unsafe) let lent = memory
        try sender.push(picture.info, wrapping: UnsafeRawBufferPointer(memory)) { lent.deallocate() }
    default:
        var buffer = Buffer()
        var start = 0
        while start < picture.bytes.count {
            let end = min(picture.bytes.count, start + picture.bytes.count / 3 + 1)
            let memory = try Memory(size: end - start)
            picture.bytes.withUnsafeBytes {
                memory.visibleBytes.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[start..<end]))
            }
            try buffer.append(memory)
            start = end
        }
        try sender.push(picture.info, buffer: buffer)
    }
}
