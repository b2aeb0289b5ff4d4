import Buffers
import TestSupport
import Testing
import Transport
import Wire

@testable import Framewire

/// A sender that listens, and its receivers.
@Suite(.timeLimit(.minutes(2))) struct SenderPeersTests {
    private static let info = FrameInfo(width: 61, height: 47, format: .bgra8)
    private let folder: TemporaryFolder
    private let url: String

    init() throws {
        folder = try TemporaryFolder()
        url = folder.unixURL("socket")
    }

    private func listen(
        _ overflow: OverflowPolicy = .block, _ profile: Profile = .tile,
        configure: (inout Sender.Options) -> Void = { _ in }
    ) throws -> Sender {
        var options = Sender.Options()
        options.overflow = overflow
        options.profile = profile
        options.closeTimeout = 0
        options.idleTimeout = -1
        configure(&options)
        return try Sender(to: url + "?listen=1", options: options)
    }

    /// A receiver that has said nothing.
    private func connect(_ sender: Sender) throws -> HandReceiver {
        let count = sender.stats.connections
        let receiver = HandReceiver(try Connector.connect(Endpoint(parsing: url), timeout: hangLimit))
        try eventually("the connection") { sender.stats.connections > count }
        return receiver
    }

    private func connectReceiver(_ sender: Sender) throws -> Receiver {
        let count = sender.stats.connections
        let receiver = try Receiver(from: url + "?connect=1")
        try eventually("the connection") { sender.stats.connections > count }
        return receiver
    }

    private func hello(_ receiver: HandReceiver, limits: Limits = Limits()) throws {
        let hello = Hello(profiles: WireProfile.all, limits: limits, role: .receiver)
        try receiver.say { hello.encode(into: $0) }
    }

    private func expect(
        _ receiver: HandReceiver, shows pictures: [Picture], sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(receiver.decoded.frames.count == pictures.count, sourceLocation: sourceLocation)
        for (frame, picture) in zip(receiver.decoded.frames, pictures) {
            expectFrame(frame, shows: picture, sourceLocation: sourceLocation)
        }
    }

    // MARK: - Several receivers

    @Test(arguments: [Profile.tile, .lz4, .raw, .auto])
    func allReceiversGetAllFramesBitByBit(_ profile: Profile) throws {
        let sender = try listen(.block, profile)
        let receivers = try (0..<3).map { _ in try connectReceiver(sender) }
        #expect(sender.receiverCount == 3)
        let shown = similarPictures(20, Self.info, case: 7000)
        let readers = receivers.map { receiver in
            Background {
                for picture in shown { expectFrame(try receiver.next(timeout: hangLimit), shows: picture) }
            }
        }
        for picture in shown { try push(picture, to: sender) }
        for reader in readers { try reader.join() }
        try sender.flush(timeout: hangLimit)
        #expect(sender.stats.framesSent == 60)
        #expect(sender.stats.framesDropped == 0)
    }

    @Test(arguments: [true, false])
    func aFrameIsEncodedOnceForAllReceiversThatNeedTheSame(_ isWrapped: Bool) throws {
        let sender = try listen()
        let receivers = try (0..<4).map { _ in try connect(sender) }
        let shown = similarPictures(12, Self.info, case: 7010)
        for (number, picture) in shown.enumerated() {
            if isWrapped {
                try picture.bytes.withUnsafeBytes { bytes in
                    try sender.push(picture.info, wrapping: bytes) {}
                    try sender.flush(timeout: hangLimit)
                }
            } else {
                try push(picture, to: sender)
            }
            // One after another, so that some are always behind.
            for receiver in receivers { try receiver.read(untilFrames: number + 1) }
        }
        for receiver in receivers {
            expect(receiver, shows: shown)
            #expect(receiver.messages.references == [nil] + (0..<11).map { UInt64($0) })
        }
        #expect(sender.stats.framesEncoded == 12)
    }

    @Test func oneThatJoinsLateBeginsWithAKeyFrameAndTheOthersGoOn() throws {
        let sender = try listen()
        let first = try connect(sender)
        let shown = similarPictures(8, Self.info, case: 7020)
        for picture in shown[..<4] { try push(picture, to: sender) }
        try first.read(untilFrames: 4)
        let second = try connect(sender)
        for (number, picture) in shown[4...].enumerated() {
            try push(picture, to: sender)
            try first.read(untilFrames: number + 5)
            try second.read(untilFrames: number + 1)
        }
        expect(first, shows: shown)
        expect(second, shows: Array(shown[4...]))
        #expect(first.messages.references == [nil, 0, 1, 2, 3, 4, 5, 6])
        #expect(second.messages.references == [nil, 4, 5, 6])
        // The fifth frame twice: as a key frame, and against the fourth.
        #expect(sender.stats.framesEncoded == 9)
    }

    @Test func theFirstReceiverGetsTheFramesThatWaitAndTheOthersDoNot() throws {
        let sender = try listen { $0.queueDepth = 4 }
        let shown = similarPictures(4, Self.info, case: 7030)
        for picture in shown[..<3] { try push(picture, to: sender) }
        let first = try connect(sender)
        try first.read(untilFrames: 3)
        let second = try connect(sender)
        try push(shown[3], to: sender)
        try first.read(untilFrames: 4)
        try second.read(untilFrames: 1)
        expect(first, shows: shown)
        expect(second, shows: [shown[3]])
    }

    @Test func framesThatWaitWhileThereIsNobodyFollowThePolicy() throws {
        let sender = try listen(.dropOldest)
        let shown = similarPictures(5, Self.info, case: 7040)
        for picture in shown { try push(picture, to: sender) }
        #expect(sender.stats.framesDropped == 3)
        let first = try connect(sender)
        try first.read(untilFrames: 2)
        expect(first, shows: Array(shown[3...]))
    }

    @Test func whatALastReceiverLeftBehindIsForTheNext() throws {
        let sender = try listen(.block, .raw) { $0.queueDepth = 8 }
        let shown = largePictures(5)
        let first = try connect(sender)
        for picture in shown { try push(picture, to: sender) }
        try first.read(untilFrames: 1)
        first.close()
        let second = try connect(sender)
        try second.read(untilFrames: 4)
        #expect(second.decoded.frames.map(\.info.sequence) == [1, 2, 3, 4])
    }

    @Test func oneThatLeavesInTheMiddleOfAFrameDoesNotDisturbTheOthers() throws {
        let sender = try listen(.dropOldest, .raw)
        let shown = largePictures(6)
        let stalled = try connect(sender)
        let other = try connect(sender)
        try push(shown[0], to: sender)
        try other.read(untilFrames: 1)
        try push(shown[1], to: sender)
        try other.read(untilFrames: 2)
        stalled.close()
        try eventually("the loss") { sender.receiverCount == 1 }
        for number in 2..<6 {
            try push(shown[number], to: sender)
            try other.read(untilFrames: number + 1)
        }
        expect(other, shows: shown)
    }

    // MARK: - One that is stalled

    @Test func oneThatIsStalledCostsTheOthersNothingWithDropOldest() throws {
        let sender = try listen(.dropOldest, .raw)
        let stalled = try connect(sender)
        let other = try connect(sender)
        let shown = largePictures(10)
        for (number, picture) in shown.enumerated() {
            try push(picture, to: sender)
            try other.read(untilFrames: number + 1)
        }
        expect(other, shows: shown)
        #expect(sender.peerStats(at: 0)?.framesDropped == 7)
        #expect(sender.peerStats(at: 0)?.queueDepth == 2)
        #expect(sender.peerStats(at: 1)?.frames == 10)
        #expect(sender.peerStats(at: 1)?.framesDropped == 0)
        // What it finds when it goes on is the newest.
        try stalled.read(untilFrames: 2)
        #expect(stalled.decoded.frames.map(\.info.sequence) == [0, 9])
    }

    /// Each frame is awaited at two receivers before the next is pushed: one that waited for those that are stalled, of
    /// which one has spoken and one has not, would never come.
    @Test(arguments: [Profile.raw, .lz4, .tile, .auto])
    func noFrameOfTheOthersWaitsForThoseThatAreStalled(_ profile: Profile) throws {
        let count = 24
        let sender = try listen(.dropOldest, profile)
        let stalled = try (0..<2).map { _ in try connect(sender) }
        try hello(stalled[1])
        try stalled[1].readPing()
        let others = try (0..<2).map { _ in try connectReceiver(sender) }
        // Nothing can compress them, or find one in the one before, so that no connection holds more than a part of one.
        let shown = noise(4, FrameInfo(width: 320, height: 300), case: 7090)
        for number in 0..<count {
            let picture = shown[number % shown.count]
            try push(picture, to: sender)
            for other in others { expectFrame(try other.next(timeout: hangLimit), shows: picture) }
            for index in 2..<4 { #expect(sender.peerStats(at: index)?.queueDepth == 0) }
        }
        let stats = sender.stats
        #expect(stats.receivers == 4)
        // What the stalled ones have: a message on its way, one encoded, two in the queue. It is not more for more frames.
        #expect(stats.queuePeak <= 2)
        #expect(stats.framesAllocated <= 12)
        // With auto each receiver has profiles on trial at times of its own.
        if profile != .auto { #expect(stats.framesEncoded <= UInt64(count + 4)) }
        for index in 0..<2 {
            let peer = try #require(sender.peerStats(at: index))
            #expect(peer.frames == 0)
            #expect(peer.framesDropped >= UInt64(count - 4))
        }
        try eventually("the last word of the frames") {
            (2..<4).allSatisfy { sender.peerStats(at: $0)?.frames == UInt64(count) }
        }
        for index in 2..<4 { #expect(sender.peerStats(at: index)?.framesDropped == 0) }
    }

    @Test func oneThatIsStalledCostsTheOthersNothingWithDropNewest() throws {
        let sender = try listen(.dropNewest, .raw)
        let stalled = try connect(sender)
        let other = try connect(sender)
        let shown = largePictures(6)
        for (number, picture) in shown.enumerated() {
            try push(picture, to: sender)
            try other.read(untilFrames: number + 1)
        }
        expect(other, shows: shown)
        try stalled.read(untilFrames: 3)
        #expect(stalled.decoded.frames.map(\.info.sequence) == [0, 1, 2])
    }

    @Test func oneThatIsStalledHoldsTheCallerUpWithBlock() throws {
        let sender = try listen(.block, .raw) { $0.blockTimeout = 50_000_000 }
        let stalled = try connect(sender)
        let other = try connect(sender)
        let shown = largePictures(10)
        var pushed = 0
        let error = #expect(throws: FramewireError.self) {
            for picture in shown {
                try push(picture, to: sender)
                pushed += 1
                try other.read(untilFrames: pushed)
            }
        }
        #expect(error?.code == .timeout)
        expect(other, shows: Array(shown[..<pushed]))
        try stalled.read(untilFrames: pushed)
        expect(stalled, shows: Array(shown[..<pushed]))
        #expect(sender.stats.framesDropped == 0)
    }

    @Test func aKeyFrameThatOneAsksForIsNoKeyFrameForTheOthers() throws {
        let sender = try listen()
        let one = try connect(sender)
        let other = try connect(sender)
        try hello(one)
        let shown = similarPictures(4, Self.info, case: 7050)
        for number in 0..<2 {
            try push(shown[number], to: sender)
            try one.read(untilFrames: number + 1)
            try other.read(untilFrames: number + 1)
        }
        try one.say { KeyFrameRequest().encode(into: $0) }
        // Answered behind the request.
        try one.say { Ping(time: 1).encode(into: $0) }
        try one.read { $0.contains { if case .ping(let ping) = $0 { ping.isReply } else { false } } }
        for number in 2..<4 {
            try push(shown[number], to: sender)
            try one.read(untilFrames: number + 1)
            try other.read(untilFrames: number + 1)
        }
        #expect(one.messages.references == [nil, 0, nil, 2])
        #expect(other.messages.references == [nil, 0, 1, 2])
        expect(one, shows: shown)
        expect(other, shows: shown)
    }

    // MARK: - Who is served

    @Test func aToolThatReadsNothingMakesRoomForAReceiver() throws {
        let sender = try listen(.dropOldest, .raw) {
            $0.maxPeers = 2
            $0.idleTimeout = 20_000_000
        }
        let stalled = try connect(sender)
        let served = try connect(sender)
        let shown = largePictures(2)
        try push(shown[0], to: sender)
        try served.read(untilFrames: 1)
        // Refused until the time has passed.
        var late: HandReceiver?
        try eventually("a place") {
            let receiver = HandReceiver(try Connector.connect(Endpoint(parsing: url), timeout: hangLimit))
            try receiver.read { !$0.isEmpty }
            late = receiver
            if case .bye = receiver.messages.others[0] { return false }
            return true
        }
        let receiver = try #require(late)
        try push(shown[1], to: sender)
        try receiver.read(untilFrames: 1)
        expect(receiver, shows: [shown[1]])
        #expect(sender.receiverCount == 2)
        stalled.close()
    }

    @Test func receiversBeyondTheLimitAreToldSoAndRefused() throws {
        let sender = try listen { $0.maxPeers = 2 }
        let served = try (0..<2).map { _ in try connect(sender) }
        let third = HandReceiver(try Connector.connect(Endpoint(parsing: url), timeout: hangLimit))
        try third.readToEnd()
        guard case .bye(let bye) = third.messages.others.last else {
            Issue.record("no goodbye: \(third.messages.others)")
            return
        }
        #expect(bye.text.contains("2 receivers already"))
        #expect(sender.receiverCount == 2)
        // There is room again once one has left.
        served[0].close()
        try eventually("the loss") { sender.receiverCount == 1 }
        let fourth = try connect(sender)
        let shown = similarPictures(1, Self.info, case: 7060)
        try push(shown[0], to: sender)
        for receiver in [served[1], fourth] {
            try receiver.read(untilFrames: 1)
            expect(receiver, shows: shown)
        }
    }

    @Test func framesThatAReceiverDoesNotTakeAreNotSentToIt() throws {
        let sender = try listen(.dropOldest)
        let small = try connect(sender)
        let large = try connect(sender)
        try hello(small, limits: Limits(maxWidth: 60, maxHeight: 60))
        try hello(large, limits: Limits(maxWidth: 61, maxHeight: 47, maxFrameBytes: 61 * 47 * 4))
        try small.readPing()
        try large.readPing()
        let shown = similarPictures(2, Self.info, case: 7070)
        for (number, picture) in shown.enumerated() {
            try push(picture, to: sender)
            try large.read(untilFrames: number + 1)
        }
        try eventually("the drops") { sender.peerStats(at: 0)?.framesDropped == 2 }
        let tiny = similarPictures(1, FrameInfo(width: 60, height: 60), case: 7071)
        try push(tiny[0], to: sender)
        try small.read(untilFrames: 1)
        expect(small, shows: tiny)
        expect(large, shows: shown)
    }

    @Test func statsTellReceiversApart() throws {
        let sender = try listen()
        let one = try connect(sender)
        let other = try connect(sender)
        let shown = similarPictures(1, Self.info, case: 7080)
        try push(shown[0], to: sender)
        try one.read(untilFrames: 1)
        try other.read(untilFrames: 1)
        try sender.flush(timeout: hangLimit)
        let stats = try (0..<2).map { try #require(sender.peerStats(at: $0)) }
        #expect(stats.map(\.id) == [1, 2])
        #expect(stats.map(\.frames) == [1, 1])
        #expect(stats.map(\.profile) == [.tile, .tile])
        #expect(stats[0].bytesWire > 0)
        #expect(stats[0].address.contains("socket"))
        #expect(stats[0].roundTripP50 == nil)
        #expect(sender.peerStats(at: 2) == nil)
        #expect(sender.peerStats(at: -1) == nil)
        #expect(sender.stats.bytesWire == stats[0].bytesWire + stats[1].bytesWire)
        one.close()
        try eventually("the loss") { sender.receiverCount == 1 }
        #expect(sender.peerStats(at: 0)?.id == 2)
    }
}
