import Buffers
import CPosix
import Synchronization
import TestSupport
import Testing
import Transport
import Wire

@testable import Framewire

/// What receivers and programs tell a sender, and what a sender tells of its connections.
@Suite(.timeLimit(.minutes(2))) struct SenderControlTests {
    private static let info = FrameInfo(width: 40, height: 30)
    private let folder: TemporaryFolder
    private let url: String

    init() throws {
        folder = try TemporaryFolder()
        url = folder.unixURL("socket")
    }

    private func listen(
        _ overflow: OverflowPolicy = .dropOldest, configure: (inout Sender.Options) -> Void = { _ in }
    ) throws -> Sender {
        var options = Sender.Options()
        options.overflow = overflow
        options.profile = .tile
        options.closeTimeout = 0
        options.idleTimeout = -1
        configure(&options)
        return try Sender(to: url + "?listen=1", options: options)
    }

    /// A receiver whose hello has been read.
    private func connect() throws -> HandReceiver {
        let receiver = HandReceiver(try Connector.connect(Endpoint(parsing: url), timeout: hangLimit))
        let hello = Hello(profiles: WireProfile.all, role: .receiver)
        try receiver.say { hello.encode(into: $0) }
        try receiver.readPing()
        return receiver
    }

    /// Waits until all that was said has been understood: answers come in order.
    private func settle(_ receiver: HandReceiver, mark: Int64) throws {
        try receiver.say { Ping(time: mark).encode(into: $0) }
        try receiver.read {
            $0.contains { if case .ping(let ping) = $0 { ping.isReply && ping.time == mark } else { false } }
        }
    }

    // MARK: - Pause and limits

    @Test func aReceiverThatPausesGetsNothingAndThenTheNewest() throws {
        let sender = try listen()
        let paused = try connect()
        let other = try connect()
        try paused.say { Flow(isPaused: true).encode(into: $0) }
        try settle(paused, mark: 1)
        #expect(sender.peerStats(at: 0)?.isPaused == true)
        let shown = similarPictures(6, Self.info, case: 7100)
        for (number, picture) in shown.enumerated() {
            try push(picture, to: sender)
            try other.read(untilFrames: number + 1)
        }
        #expect(sender.peerStats(at: 0)?.frames == 0)
        #expect(sender.peerStats(at: 0)?.queueDepth == 2)
        try paused.say { Flow(isPaused: false).encode(into: $0) }
        try paused.read(untilFrames: 2)
        #expect(paused.decoded.frames.map(\.info.sequence) == [4, 5])
        #expect(sender.peerStats(at: 0)?.isPaused == false)
    }

    @Test func aSenderIsReadyWhileSomebodyWouldGetAFrameAtOnce() throws {
        let sender = try listen()
        #expect(!sender.isReady)
        let receiver = try connect()
        try eventually("readiness") { sender.isReady }
        try receiver.say { Flow(isPaused: true).encode(into: $0) }
        try eventually("the pause") { !sender.isReady }
        try receiver.say { Flow(isPaused: false).encode(into: $0) }
        try eventually("readiness") { sender.isReady }
        try push(similarPictures(1, Self.info, case: 7110)[0], to: sender)
        try receiver.read(untilFrames: 1)
        try eventually("readiness") { sender.isReady }
        // One frame in 1000 seconds.
        try sender.setRateLimits(frameRate: 1, bitRate: 0)
        try push(similarPictures(1, Self.info, case: 7110)[0], to: sender)
        try eventually("the limit") { !sender.isReady }
        sender.close()
        #expect(!sender.isReady)
    }

    /// The limits are so low that no second frame comes while the test lasts.
    @Test(arguments: [(UInt32(1), UInt64(0)), (0, 8)])
    func framesAboveARateFollowThePolicy(_ frameRate: UInt32, _ bitRate: UInt64) throws {
        let sender = try listen {
            $0.maxFrameRate = frameRate
            $0.maxBitRate = bitRate
        }
        let receiver = try connect()
        let shown = similarPictures(8, Self.info, case: 7120)
        try push(shown[0], to: sender)
        try receiver.read(untilFrames: 1)
        for picture in shown[1...] { try push(picture, to: sender) }
        try settle(receiver, mark: 2)
        #expect(sender.stats.framesSent == 1)
        #expect(sender.stats.framesDropped == 5)
        try sender.setRateLimits(frameRate: 0, bitRate: 0)
        try receiver.read(untilFrames: 3)
        #expect(receiver.decoded.frames.map(\.info.sequence) == [0, 6, 7])
    }

    @Test func aReceiverCanAskForLess() throws {
        let sender = try listen { $0.maxFrameRate = 1_000_000 }
        let modest = try connect()
        let other = try connect()
        try modest.say { Flow(isPaused: false, maxFrameRate: 1, maxBitRate: 1).encode(into: $0) }
        try settle(modest, mark: 3)
        let shown = similarPictures(4, Self.info, case: 7130)
        for (number, picture) in shown.enumerated() {
            try push(picture, to: sender)
            try other.read(untilFrames: number + 1)
        }
        try modest.read(untilFrames: 1)
        try settle(modest, mark: 4)
        #expect(sender.peerStats(at: 0)?.frames == 1)
    }

    @Test func aGateOpensAtTheRate() {
        let limits = RateLimits(frameRate: 10_000)
        var gate = RateGate()
        #expect(gate.opening(limits) <= 1)
        gate.noteTaken(limits, now: 1_000_000_000)
        // A tenth of a second, less an eighth for sources that are not on time.
        #expect(gate.opening(limits) == 1_087_500_000)
        gate.noteTaken(limits, now: 1_090_000_000)
        // It does not run away: the second may be early, the third not by as much again.
        #expect(gate.opening(limits) == 1_187_500_000)
        // After a pause no frames have been saved up.
        gate.noteTaken(limits, now: 5_000_000_000)
        #expect(gate.opening(limits) == 5_087_500_000)
        #expect(gate.opening(RateLimits()) <= 0)
    }

    @Test func aGateOpensWhenTheBitsHaveHadTheirTime() {
        let limits = RateLimits(bitRate: 8_000_000)
        var gate = RateGate()
        gate.noteTaken(limits, now: 1_000_000_000)
        gate.noteSent(1_000_000, limits, start: 1_000_000_000)
        #expect(gate.opening(limits) == 2_000_000_000)
        gate.noteSent(500_000, limits, start: 1_500_000_000)
        #expect(gate.opening(limits) == 2_500_000_000)
        #expect(gate.opening(RateLimits()) <= 0)
    }

    @Test func ofTwoLimitsTheStricterHolds() {
        let one = RateLimits(frameRate: 0, bitRate: 500)
        let other = RateLimits(frameRate: 30, bitRate: 600)
        #expect(one.tightened(by: other) == RateLimits(frameRate: 30, bitRate: 500))
        #expect(other.tightened(by: one) == RateLimits(frameRate: 30, bitRate: 500))
    }

    // MARK: - Whether a receiver is there

    @Test func pingsAreAnsweredAndTheWayIsMeasured() throws {
        let sender = try listen { $0.keepaliveInterval = 1_000_000 }
        let receiver = try connect()
        try settle(receiver, mark: .min)
        #expect(sender.stats.roundTripP50 == nil)
        var asked: Ping?
        for case .ping(let ping) in receiver.messages.others where !ping.isReply { asked = ping }
        let question = try #require(asked)
        // One that nobody can have asked counts for nothing.
        try receiver.say { Ping(isReply: true, time: .max).encode(into: $0) }
        try receiver.say { Ping(isReply: true, time: .min).encode(into: $0) }
        try receiver.say { question.reply.encode(into: $0) }
        try eventually("the round trip") { sender.stats.roundTripP50 != nil }
        #expect(try #require(sender.stats.roundTripP99) > 0)
        #expect(try #require(sender.peerStats(at: 0)?.roundTripP99) < hangLimit)
    }

    @Test func oneThatHasSaidHelloAndIsSilentIsGivenUp() throws {
        let events = EventLog()
        let sender = try listen {
            $0.idleTimeout = 100_000_000
            $0.keepaliveInterval = 10_000_000
            $0.onConnection = events.handler
        }
        let silent = try connect()
        try silent.readToEnd()
        try eventually("the loss") { events.states.contains(.lost) }
        let reason = try #require(events.all.last?.reason)
        #expect(reason.code == .timeout)
        #expect(reason.message.contains("has said nothing for 100 ms"))
        #expect(sender.receiverCount == 0)
    }

    /// Nothing else wakes it: no frame is pushed meanwhile.
    @Test func aSenderThatGivesItsReceiverUpConnectsAgainAtOnce() throws {
        let listener = try Listener(Endpoint(parsing: url))
        var options = Sender.Options()
        options.idleTimeout = 100_000_000
        options.keepaliveInterval = 10_000_000
        options.closeTimeout = 0
        let sender = try Sender(to: url, options: options)
        let silent = HandReceiver(try accept(listener))
        let hello = Hello(profiles: WireProfile.all, role: .receiver)
        try silent.say { hello.encode(into: $0) }
        let second = HandReceiver(try accept(listener))
        let shown = similarPictures(1, Self.info, case: 7135)
        try push(shown[0], to: sender)
        try second.read(untilFrames: 1)
        try silent.readToEnd()
    }

    /// One is silent by nature, the other speaks now and then.
    @Test func thoseThatDoNotSpeakOrThatDoAreNotGivenUp() throws {
        let sender = try listen {
            $0.idleTimeout = 400_000_000
            $0.keepaliveInterval = 10_000_000
        }
        let mute = HandReceiver(try Connector.connect(Endpoint(parsing: url), timeout: hangLimit))
        let polite = try connect()
        let silent = try connect()
        let answering = Background {
            while true {
                try polite.say { Ping(time: 0).encode(into: $0) }
                if sender.receiverCount < 3 { return }
                usleep(20_000)
            }
        }
        // It is the measure for the others.
        try silent.readToEnd()
        try answering.join()
        #expect(sender.receiverCount == 2)
        let shown = similarPictures(1, Self.info, case: 7140)
        try push(shown[0], to: sender)
        try mute.read(untilFrames: 1)
        try polite.read(untilFrames: 1)
    }

    @Test func aPeerIsAskedOnceInAnIntervalAndGivenUpAfterTheTimeout() {
        var keepalive = Keepalive(interval: 100, timeout: 1000, now: 10_000)
        #expect(keepalive.action(now: 99_000) == .nothing)
        #expect(keepalive.deadline == nil)
        keepalive.heard(now: 100_000)
        keepalive.activate()
        #expect(keepalive.action(now: 100_000) == .ask)
        #expect(keepalive.action(now: 100_099) == .nothing)
        #expect(keepalive.deadline == 100_100)
        #expect(keepalive.action(now: 100_100) == .ask)
        #expect(keepalive.action(now: 100_750) == .ask)
        #expect(keepalive.action(now: 100_999) != .giveUp)
        #expect(keepalive.action(now: 101_000) == .giveUp)
    }

    /// This side was stopped, and has not had a look at what came meanwhile.
    @Test func aPeerIsNotGivenUpBeforeItsBytesCouldHaveBeenRead() {
        var keepalive = Keepalive(interval: 100, timeout: 1000, now: 0)
        keepalive.activate()
        #expect(keepalive.action(now: 0) == .ask)
        #expect(keepalive.action(now: 50_000) == .ask)
        keepalive.heard(now: 50_000)
        #expect(keepalive.action(now: 50_200) == .ask)
        var other = keepalive
        #expect(other.action(now: 90_000) == .ask)
        #expect(other.action(now: 90_250) == .giveUp)
    }

    @Test func aPeerIsNeverGivenUpWithoutATimeout() {
        var keepalive = Keepalive(interval: 100, timeout: -1, now: 0)
        keepalive.activate()
        #expect(keepalive.action(now: 1_000_000) == .ask)
        #expect(keepalive.deadline == 1_000_100)
    }

    // MARK: - Messages

    @Test func messagesComeWithTypeContentAndPeer() throws {
        let sender = try listen()
        let one = try connect()
        let other = try connect()
        func say(_ text: String, _ type: UInt32, _ receiver: HandReceiver) throws {
            try receiver.say { room in
                Array(text.utf8).withUnsafeBytes { UserMessage(type: type).encode(into: room, content: $0) }
            }
        }
        #expect(throws: FramewireError.self) { try sender.nextMessage(timeout: 0) }
        try say("click", 7, one)
        let first = try sender.nextMessage(timeout: hangLimit)
        #expect(first.type == 7 && first.peerID == 1)
        #expect(first.content == Array("click".utf8))
        try say("", .max, other)
        let second = try sender.nextMessage(timeout: hangLimit)
        #expect(second.type == .max && second.peerID == 2)
        #expect(second.content.isEmpty)
        #expect(sender.stats.messagesReceived == 2)
        let waiting = Background { _ = try sender.nextMessage() }
        sender.close()
        #expect(throws: FramewireError.self) { try waiting.join() }
    }

    @Test func ofTooManyMessagesTheOldestAreDropped() throws {
        let sender = try listen()
        let receiver = try connect()
        for type in 0..<300 {
            try receiver.say {
                UserMessage(type: UInt32(type)).encode(into: $0, content: .init(start: nil, count: 0))
            }
        }
        try settle(receiver, mark: 9)
        #expect(sender.stats.messagesReceived == 300)
        #expect(sender.stats.messagesDropped == 44)
        for type in 44..<300 { #expect(try sender.nextMessage(timeout: 0).type == type) }
        let error = #expect(throws: FramewireError.self) { try sender.nextMessage(timeout: 0) }
        #expect(error?.code == .wouldBlock)
        #expect(
            #expect(throws: FramewireError.self) { try sender.nextMessage(timeout: 1000) }?.code == .timeout)
    }

    // MARK: - The end

    @Test func allReceiversAreToldWhyTheStreamEnds() throws {
        let sender = try listen(.block)
        let receivers = try (0..<3).map { _ in try connect() }
        let shown = similarPictures(2, Self.info, case: 7150)
        for picture in shown { try push(picture, to: sender) }
        let readers = receivers.map { receiver in
            Background {
                try receiver.readToEnd()
                receiver.close()
            }
        }
        try sender.end(.failed, "the renderer ran out of ideas", timeout: hangLimit)
        for reader in readers { try reader.join() }
        for receiver in receivers {
            #expect(receiver.decoded.frames.count == 2)
            guard case .bye(let bye) = receiver.messages.others.last else {
                Issue.record("no goodbye: \(receiver.messages.others)")
                continue
            }
            #expect(bye == Bye(reason: .failed, text: "the renderer ran out of ideas"))
        }
        let refused = #expect(throws: FramewireError.self) { try push(shown[0], to: sender) }
        #expect(refused?.code == .closed)
        #expect(throws: FramewireError.self) { try sender.end() }
        #expect(throws: FramewireError.self) { try sender.setRateLimits(frameRate: 1, bitRate: 1) }
        #expect(sender.stats.framesSent == 6)
        #expect(sender.receiverCount == 0)
        sender.close()
    }

    @Test func anEndWithoutReceiversTakesTheTimeThatFramesMayWait() throws {
        let sender = try listen()
        try push(similarPictures(1, Self.info, case: 7160)[0], to: sender)
        let error = #expect(throws: FramewireError.self) { try sender.end(timeout: 1_000_000) }
        #expect(error?.code == .timeout)
        #expect(error?.message.contains("1 frames") == true)
    }

    @Test func anEndDoesNotWaitForAReceiverThatHasPaused() throws {
        let sender = try listen()
        let receiver = try connect()
        try receiver.say { Flow(isPaused: true).encode(into: $0) }
        try settle(receiver, mark: 5)
        let shown = similarPictures(2, Self.info, case: 7165)
        for picture in shown { try push(picture, to: sender) }
        let reader = Background {
            try receiver.readToEnd()
            receiver.close()
        }
        try sender.end(timeout: hangLimit)
        try reader.join()
        #expect(sender.stats.framesDropped == 2)
        #expect(receiver.decoded.frames.isEmpty)
        guard case .bye = receiver.messages.others.last else {
            Issue.record("no goodbye: \(receiver.messages.others)")
            return
        }
    }

    @Test func aStreamCannotEndAsLost() throws {
        let sender = try listen()
        let error = #expect(throws: FramewireError.self) { try sender.end(.lost, timeout: 0) }
        #expect(error?.code == .invalidArgument)
        try sender.end(timeout: 0)
    }

    @Test func aRecordingEndsWithItsReason() throws {
        let sender = try Sender(to: folder.fileURL("recording"))
        try push(similarPictures(1, Self.info, case: 7170)[0], to: sender)
        try sender.end(.tooLarge, "enough", timeout: hangLimit)
        sender.close()
        let decoded = decodeStream(try folder.read("recording"))
        guard case .bye(let bye) = decoded.others.last else {
            Issue.record("no goodbye: \(decoded)")
            return
        }
        #expect(bye == Bye(reason: .tooLarge, text: "enough"))
    }

    // MARK: - Events

    @Test func aSenderThatListensTellsWhoComesAndGoes() throws {
        let events = EventLog()
        let sender = try listen { $0.onConnection = events.handler }
        let one = try connect()
        let other = try connect()
        try one.say { Bye(text: "seen enough").encode(into: $0) }
        try eventually("the loss") { events.states.contains(.lost) }
        sender.close()
        #expect(events.states == [.connected, .connected, .lost, .closed])
        #expect(events.all.map(\.peerID) == [1, 2, 1, 0])
        #expect(events.all[2].reason?.code == .closed)
        #expect(events.all[2].reason?.message.contains("seen enough") == true)
        #expect(events.all[3].reason?.code == .closed)
        #expect(events.all.allSatisfy { $0.peer.contains("socket") })
        other.close()
    }

    @Test func aSenderThatConnectsTellsOfEachAttemptAndBeginsAgainWithAKeyFrame() throws {
        let events = EventLog()
        var listener: Listener? = try Listener(Endpoint(parsing: url))
        var options = Sender.Options()
        options.profile = .tile
        options.idleTimeout = -1
        options.closeTimeout = 0
        options.onConnection = events.handler
        let sender = try Sender(to: url, options: options)
        let first = HandReceiver(try accept(listener!))
        let shown = similarPictures(4, Self.info, case: 7180)
        for number in 0..<2 {
            try push(shown[number], to: sender)
            try first.read(untilFrames: number + 1)
        }
        #expect(first.messages.references == [nil, 0])
        listener?.close()
        listener = nil
        first.close()
        try eventually("two attempts that fail") { events.all.contains { $0.attempt == 3 } }
        try push(shown[2], to: sender)
        let again = try Listener(Endpoint(parsing: url))
        let second = HandReceiver(try accept(again))
        try second.read(untilFrames: 1)
        try push(shown[3], to: sender)
        try second.read(untilFrames: 2)
        #expect(second.messages.references == [nil, 2])
        expectFrame(second.decoded.frames[0], shows: shown[2])
        sender.close()
        #expect(events.states.prefix(4) == [.connected, .lost, .connecting, .connecting])
        #expect(events.states.suffix(2) == [.connected, .closed])
        let attempts = events.all.filter { $0.state == .connecting }
        #expect(attempts.map(\.attempt) == Array(1...attempts.count))
        #expect(attempts[0].reason == nil)
        #expect(attempts[1].reason?.code == .connection)
        #expect(events.all.filter { $0.state == .connected }.map(\.peerID) == [1, 2])
    }

    /// A callback may use the sender.
    @Test func aCallbackMayCallTheSender() throws {
        let counts = Atomic<Int>(0)
        // Set before the callback can run: nobody connects earlier.
        nonisolated(unsafe) var sender: Sender?
        let made = try listen { options in
            options.onConnection = { event in
                if event.state == .connected, let sender {
                    counts.store(sender.receiverCount + Int(sender.stats.connections), ordering: .relaxed)
                }
            }
        }
        sender = made
        _ = try connect()
        try eventually("the callback") { counts.load(ordering: .relaxed) == 2 }
        made.close()
    }

    @Test func aLossThatIsFinalIsToldAndThenTheSenderIsClosed() throws {
        let events = EventLog()
        let listener = try Listener(Endpoint(parsing: url))
        var options = Sender.Options()
        options.reconnect = .never
        options.onConnection = events.handler
        let sender = try Sender(to: url, options: options)
        try accept(listener).close()
        try eventually("the end") { events.states.last == .closed }
        #expect(events.states == [.connected, .lost, .closed])
        let picture = similarPictures(1, Self.info, case: 7190)[0]
        let error = #expect(throws: FramewireError.self) { try push(picture, to: sender) }
        #expect(error?.code == .closed)
        #expect(sender.stats.framesPushed == 0)
    }
}
