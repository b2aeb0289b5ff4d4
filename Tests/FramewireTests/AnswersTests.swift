import Buffers
import TestSupport
import Testing
import Transport
import Wire

@testable import Framewire

/// What a receiver tells its senders, and how their streams end.
@Suite(.timeLimit(.minutes(2))) struct AnswersTests {
    private let folder: TemporaryFolder
    private var url: String { folder.unixURL("socket") }

    init() throws {
        folder = try TemporaryFolder()
    }

    private func receiver(once: Bool = false, onConnection: ConnectionHandler? = nil) throws -> Receiver {
        var options = Receiver.Options()
        options.once = once
        options.idleTimeout = -1
        options.onConnection = onConnection
        return try Receiver(from: url, options: options)
    }

    /// A peer that has said hello and been answered.
    private func greetedPeer() throws -> BarePeer {
        let peer = try BarePeer(url)
        try peer.sayHello()
        #expect(try peer.next() == .hello)
        return peer
    }

    // MARK: - Pause

    @Test func aPauseAndItsEndAreToldOnceEach() throws {
        let receiver = try receiver()
        let peer = try greetedPeer()
        receiver.setPaused(true)
        #expect(try peer.next() == .flow(isPaused: true))
        #expect(receiver.stats.isPaused)
        receiver.setPaused(true)
        receiver.setPaused(false)
        #expect(try peer.next() == .flow(isPaused: false))
        #expect(!receiver.stats.isPaused)
        try receiver.requestKeyFrame()
        #expect(try peer.next() == .keyFrameRequest(stream: 0, view: 0))
    }

    @Test func aSenderThatConnectsDuringAPauseIsToldOfIt() throws {
        let receiver = try receiver()
        receiver.setPaused(true)
        for _ in 0..<2 {
            let peer = try greetedPeer()
            #expect(try peer.next() == .flow(isPaused: true))
        }
        let shown = pictures(1, case: 6000)
        let silent = try BarePeer(url)
        try silent.write(try recording(shown))
        // What comes all the same is delivered.
        expectFrame(try receiver.next(timeout: hangLimit), shows: shown[0])
    }

    // MARK: - Messages

    @Test func messagesArriveCompleteAndInOrder() throws {
        let receiver = try receiver()
        let peer = try greetedPeer()
        var random = SeededGenerator(case: 6100)
        var sent: [(UInt32, [UInt8])] = []
        for number in 0..<40 {
            let size = number == 7 ? UserMessage.maximumContentSize(Limits()) : random.scaled(0...20_000)
            let content = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ number) }
            sent.append((UInt32(number), content))
        }
        let expected = sent
        let reader = Background {
            for (type, content) in expected {
                let answer = try peer.next()
                #expect(answer == .message(type, content))
            }
        }
        for (type, content) in sent {
            try eventually("room") {
                do {
                    try content.withUnsafeBytes { try receiver.send(type: type, $0) }
                    return true
                } catch let error as FramewireError where error.code == .wouldBlock {
                    return false
                }
            }
        }
        try reader.join()
    }

    @Test func messagesWaitForTheSenderToListenUpTo64() throws {
        let receiver = try receiver()
        let peer = try BarePeer(url)
        try eventually("the sender") { receiver.stats.peers == 1 }
        let bytes: [UInt8] = [1, 2, 3]
        for type in 0..<64 {
            try bytes.withUnsafeBytes { try receiver.send(type: UInt32(type), $0, to: 1) }
        }
        let full = #expect(throws: FramewireError.self) {
            try bytes.withUnsafeBytes { try receiver.send(type: 64, $0, to: 1) }
        }
        #expect(full?.code == .wouldBlock)
        try peer.sayHello()
        #expect(try peer.next() == .hello)
        for type in 0..<64 { #expect(try peer.next() == .message(UInt32(type), bytes)) }
    }

    @Test func aMessageToAllReachesAllAndOneToOneReachesThat() throws {
        let receiver = try receiver()
        let first = try greetedPeer()
        let second = try greetedPeer()
        try [UInt8]("all".utf8).withUnsafeBytes { try receiver.send(type: 1, $0) }
        try [UInt8]("second".utf8).withUnsafeBytes { try receiver.send(type: 2, $0, to: 2) }
        try receiver.send(type: 3, UnsafeRawBufferPointer(start: nil, count: 0))
        #expect(try first.next() == .message(1, Array("all".utf8)))
        #expect(try first.next() == .message(3, []))
        #expect(try second.next() == .message(1, Array("all".utf8)))
        #expect(try second.next() == .message(2, Array("second".utf8)))
        #expect(try second.next() == .message(3, []))
    }

    @Test func aMessageThatCannotBeSentSaysWhy() throws {
        let receiver = try receiver()
        let none = UnsafeRawBufferPointer(start: nil, count: 0)
        #expect(throws: FramewireError.self) { try receiver.send(type: 1, none) }
        #expect(throws: FramewireError.self) { try receiver.requestKeyFrame() }
        let peer = try greetedPeer()
        let unknown = #expect(throws: FramewireError.self) { try receiver.send(type: 1, none, to: 9) }
        #expect(unknown?.code == .closed)
        let large = [UInt8](repeating: 0, count: UserMessage.maximumContentSize(Limits()) + 1)
        let tooLarge = #expect(throws: FramewireError.self) {
            try large.withUnsafeBytes { try receiver.send(type: 1, $0) }
        }
        #expect(tooLarge?.code == .tooLarge)
        withExtendedLifetime(peer) {}
    }

    /// A sender that reads nothing keeps neither the others nor the receiver waiting.
    @Test func aSenderThatDoesNotReadItsMessagesHoldsUpNobody() throws {
        let receiver = try receiver()
        let deaf = try greetedPeer()
        let good = try greetedPeer()
        let large = [UInt8](repeating: 5, count: 60_000)
        var refused = false
        while !refused {
            do {
                try large.withUnsafeBytes { try receiver.send(type: 1, $0, to: 1) }
            } catch let error as FramewireError where error.code == .wouldBlock {
                refused = true
            }
        }
        try [UInt8](repeating: 6, count: 10).withUnsafeBytes { try receiver.send(type: 2, $0) }
        #expect(try good.next() == .message(2, [UInt8](repeating: 6, count: 10)))
        let shown = pictures(1, case: 6200)
        try deaf.write(try recording(shown))
        expectFrame(try receiver.next(timeout: hangLimit), shows: shown[0])
    }

    // MARK: - Key frames and pings

    @Test func aKeyFrameIsAskedForOnRequestFromEachSender() throws {
        let receiver = try receiver()
        let peers = [try greetedPeer(), try greetedPeer()]
        try receiver.requestKeyFrame(streamID: 3, viewID: 1)
        for peer in peers { #expect(try peer.next() == .keyFrameRequest(stream: 3, view: 1)) }
    }

    @Test func pingsAreAnsweredAndMeasureTheWayThereAndBack() throws {
        let receiver = try receiver()
        let peer = try BarePeer(url)
        // A ping alone shows that the sender listens, too.
        try peer.write(wireBytes { Ping(time: 4711).encode(into: $0) })
        #expect(try peer.next(pings: true) == .hello)
        #expect(try peer.next(pings: true) == .ping(Ping(isReply: true, time: 4711)))
        #expect(receiver.stats.roundTripP50 == nil)
        try peer.sayHello()
        guard case .ping(let ping) = try peer.next(pings: true) else {
            Issue.record("no ping")
            return
        }
        #expect(!ping.isReply)
        // One that nobody asked does not count, nor does the same twice.
        for answer in [Ping(isReply: true, time: ping.time - 1), ping.reply, ping.reply] {
            try peer.write(wireBytes { answer.encode(into: $0) })
        }
        try eventually("the time") { receiver.stats.roundTripP50 != nil }
        #expect(try #require(receiver.stats.roundTripP99) > 0)
        #expect(receiver.peers[0].roundTripP50 == receiver.stats.roundTripP50)
    }

    // MARK: - Ends

    @Test func theReasonOfAGoodbyeIsKept() throws {
        let receiver = try receiver(once: true)
        #expect(receiver.lastEnd == nil)
        let peer = try greetedPeer()
        try peer.write(wireBytes { Bye(reason: .failed, text: "the disk is full").encode(into: $0) })
        let error = #expect(throws: FramewireError.self) { try receiver.next(timeout: hangLimit) }
        #expect(error?.code == .closed)
        #expect(error?.message.contains("the disk is full") == true)
        let end = try #require(receiver.lastEnd)
        #expect(end.reason == .failed && end.text == "the disk is full" && end.peerID == 1)
        #expect(end.error.code == .closed)
    }

    @Test func aSenderThatClosesSaysThatAllIsSent() throws {
        let receiver = try receiver(once: true)
        let sender = try Sender(to: url)
        try push(pictures(1)[0], to: sender)
        _ = try receiver.next(timeout: hangLimit)
        sender.close()
        #expect(throws: FramewireError.self) { try receiver.next(timeout: hangLimit) }
        #expect(receiver.lastEnd?.reason == .endOfStream)
    }

    @Test func anEndWithoutAGoodbyeIsALoss() throws {
        let receiver = try receiver()
        let bytes = try recording(pictures(1))
        for (count, code) in [
            (try messageEnds(bytes)[1], FramewireError.Code.closed), (50, .protocolViolation),
        ] {
            let peer = try BarePeer(url)
            try peer.write(Array(bytes[..<count]))
            peer.connection.shutdownWrite()
            while try peer.next() != nil {}
            try eventually("the end") { receiver.stats.peers == 0 }
            let end = try #require(receiver.lastEnd)
            #expect(end.reason == .lost)
            #expect(end.error.code == code)
            #expect(!end.text.isEmpty)
        }
    }

    @Test func aRecordingEndsInOrder() throws {
        try folder.write(try recording(pictures(1)), to: "recording")
        let receiver = try Receiver(from: folder.fileURL("recording"))
        _ = try receiver.next(timeout: hangLimit)
        #expect(throws: FramewireError.self) { try receiver.next(timeout: hangLimit) }
        #expect(receiver.lastEnd?.reason == .endOfStream)
        #expect(throws: FramewireError.self) { try receiver.requestKeyFrame() }
    }

    // MARK: - Events

    @Test func eachConnectionAndItsLossAreReported() throws {
        let log = EventLog()
        let receiver = try receiver(onConnection: log.handler)
        let first = try greetedPeer()
        let second = try greetedPeer()
        try first.write(wireBytes { Bye(text: "enough").encode(into: $0) })
        try eventually("the end") { receiver.stats.peers == 1 }
        receiver.close()
        let events = log.all
        #expect(events.map(\.state) == [.connected, .connected, .lost, .lost, .closed])
        #expect(events.map(\.peerID) == [1, 2, 1, 2, 0])
        #expect(events[2].reason?.message.contains("enough") == true)
        #expect(events.allSatisfy { $0.reason == nil || $0.reason?.code == .closed })
        withExtendedLifetime(second) {}
    }

    /// The pause is over with the connection, and told again on the next.
    @Test func aConnectingReceiverFindsARestartedSender() throws {
        let log = EventLog()
        var options = Receiver.Options()
        options.onConnection = log.handler
        options.reconnect = .always
        let receiver = try Receiver(from: url + "?connect=1", options: options)
        for round in 0..<3 {
            let sender = try Sender(to: url + "?listen=1")
            let shown = pictures(3, case: 6300 + round)
            var frame: Frame?
            var number = 0
            try eventually("a frame") {
                try push(shown[number % 3], to: sender)
                number += 1
                frame = try? receiver.next(timeout: 20_000_000)
                return frame != nil
            }
            let arrived = try #require(frame)
            expectFrame(arrived, shows: shown[Int(try #require(arrived.info.pts))])
            #expect(arrived.info.flags.contains(.key))
            sender.close()
            try eventually("the end") { receiver.stats.peers == 0 }
            while (try? receiver.next(timeout: 0)) != nil {}
        }
        #expect(receiver.stats.connections == 3)
        try eventually("all events") { log.states.filter { $0 == .connected || $0 == .lost }.count == 6 }
        #expect(log.all.contains { $0.state == .connecting && $0.attempt > 0 })
    }
}
