import Buffers
import CPosix
import TestSupport
import Testing
import Transport
import Wire

@testable import Framewire

/// A receiver that listens and serves several senders, not all of them friendly.
@Suite(.timeLimit(.minutes(2))) struct ManySendersTests {
    private let folder: TemporaryFolder
    private var url: String { folder.unixURL("socket") }

    init() throws {
        folder = try TemporaryFolder()
    }

    private static func options(
        maxPeers: Int = 16, idleTimeout: Int64 = -1, overflow: OverflowPolicy = .block
    ) -> Receiver.Options {
        var options = Receiver.Options()
        options.maxPeers = maxPeers
        options.idleTimeout = idleTimeout
        options.overflow = overflow
        return options
    }

    private static func sender(_ url: String, profile: Profile = .tile) throws -> Sender {
        var options = Sender.Options()
        options.profile = profile
        options.overflow = .block
        options.closeTimeout = hangLimit
        return try Sender(to: url, options: options)
    }

    /// Pictures of one size, so that each can be the reference of the next, with time stamps from `first` on.
    private static func series(_ count: Int, first: Int64, case number: Int) -> [Picture] {
        var random = SeededGenerator(case: number)
        var packed = Picture(FrameInfo(width: 70, height: 50), .mixed, using: &random).packed
        return (0..<count).map { index in
            for _ in 0..<50 { packed[Int.random(in: 0..<packed.count, using: &random)] &+= 1 }
            return Picture(
                FrameInfo(width: 70, height: 50, pts: first + Int64(index)), packed: packed, using: &random)
        }
    }

    @Test func fourSendersWithTheSameStreamIDsArriveBitByBit() throws {
        let receiver = try Receiver(from: url, options: Self.options())
        let count = 30
        let all = (0..<4).map { Self.series(count, first: Int64($0 * 1000), case: 5000 + $0) }
        let url = url
        let senders = all.map { series in
            Background {
                let sender = try Self.sender(url)
                for picture in series { try push(picture, to: sender) }
                sender.close()
            }
        }
        var next = [0, 0, 0, 0]
        var peerOf: [Int: UInt64] = [:]
        for _ in 0..<4 * count {
            let frame = try receiver.next(timeout: hangLimit)
            let sender = Int(try #require(frame.info.pts)) / 1000
            expectFrame(frame, shows: all[sender][next[sender]])
            #expect(frame.info.streamID == 0)
            #expect(frame.info.sequence == UInt64(next[sender]))
            #expect(frame.peerID == peerOf[sender, default: frame.peerID])
            peerOf[sender] = frame.peerID
            next[sender] += 1
        }
        #expect(next == [count, count, count, count])
        #expect(Set(peerOf.values) == [1, 2, 3, 4])
        for sender in senders { try sender.join() }
        try eventually("all to have left") { receiver.stats.peers == 0 }
        let stats = receiver.stats
        #expect(stats.connections == 4)
        #expect(stats.errors == 0 && stats.framesMissed == 0 && stats.framesUndecodable == 0)
    }

    @Test func aHostileSenderIsCutOffAndCostsTheOthersNothing() throws {
        let receiver = try Receiver(from: url, options: Self.options())
        let good = try Self.sender(url)
        let series = Self.series(40, first: 0, case: 5100)
        let recorded = try recording(Self.series(3, first: 0, case: 5101), profile: .tile)
        var random = SeededGenerator(case: 5102)
        for (number, picture) in series.enumerated() {
            try push(picture, to: good)
            if number % 4 == 0 {
                // A good stream in which a byte of a header or of a payload is wrong.
                var bytes = recorded
                let place = Int.random(in: 20..<bytes.count - 100, using: &random)
                bytes[place] ^= 0x20
                let hostile = try BarePeer(url)
                try hostile.write(bytes)
                while try hostile.next() != nil {}
            }
            var frame = try receiver.next(timeout: hangLimit)
            while frame.peerID != 1 { frame = try receiver.next(timeout: hangLimit) }
            expectFrame(frame, shows: picture)
        }
        #expect(receiver.stats.errors == 10)
        #expect(good.stats.connections == 1)
    }

    @Test func garbageIsRefusedAtOnceWithASentence() throws {
        let receiver = try Receiver(from: url, options: Self.options())
        for text in ["GET / HTTP/1.1\r\nHost: x\r\n\r\n", "SSH-2.0-scan\r\n", "\u{16}\u{3}\u{1}\u{2}\u{0}"] {
            let peer = try BarePeer(url)
            try peer.write(Array(text.utf8))
            guard case .bye(let reason, let words) = try peer.next() else {
                Issue.record("no goodbye")
                continue
            }
            #expect(reason == .protocolError)
            #expect(words.contains("not a Framewire stream"), "\(words)")
            #expect(try peer.next() == nil)
        }
        try eventually("the last to be gone") { receiver.stats.peers == 0 }
    }

    @Test func aSenderBeyondTheLimitIsToldSoAndServedWhenOneHasLeft() throws {
        let receiver = try Receiver(from: url, options: Self.options(maxPeers: 2))
        let first = try BarePeer(url)
        let second = try BarePeer(url)
        try eventually("two senders") { receiver.stats.peers == 2 }
        let third = try BarePeer(url)
        guard case .bye(_, let words) = try third.next() else {
            Issue.record("no goodbye")
            return
        }
        #expect(words.contains("too many senders") && words.contains("2 at once"), "\(words)")
        #expect(try third.next() == nil)
        #expect(receiver.stats.peersRefused == 1)
        first.connection.close()
        try eventually("one to be gone") { receiver.stats.peers == 1 }
        let shown = Self.series(1, first: 7, case: 5200)
        let fourth = try BarePeer(url)
        try fourth.write(try recording(shown))
        expectFrame(try receiver.next(timeout: hangLimit), shows: shown[0])
        withExtendedLifetime(second) {}
    }

    @Test func onceTakesOneSenderAndRefusesOthersMeanwhile() throws {
        var options = Self.options()
        options.once = true
        let receiver = try Receiver(from: url, options: options)
        let first = try BarePeer(url)
        try first.sayHello()
        #expect(try first.next() == .hello)
        let second = try BarePeer(url)
        guard case .bye = try second.next() else {
            Issue.record("no goodbye")
            return
        }
        try first.write(wireBytes { Bye().encode(into: $0) })
        let error = #expect(throws: FramewireError.self) { try receiver.next(timeout: hangLimit) }
        #expect(error?.code == .closed)
    }

    /// A place that was taken by one that says nothing goes to one that wants it.
    @Test func connectionsThatSayNothingCannotKeepTheOthersOut() throws {
        let receiver = try Receiver(from: url, options: Self.options(maxPeers: 2, idleTimeout: 50_000_000))
        let mute = [try BarePeer(url), try BarePeer(url)]
        try eventually("two senders") { receiver.stats.peers == 2 }
        let shown = Self.series(1, first: 7, case: 5300)
        let bytes = try recording(shown)
        var frame: Frame?
        try eventually("a place") {
            let peer = try BarePeer(url)
            try? peer.write(bytes)
            frame = try? receiver.next(timeout: 20_000_000)
            return frame != nil
        }
        expectFrame(try #require(frame), shows: shown[0])
        withExtendedLifetime(mute) {}
    }

    // MARK: - Slow senders

    /// Writes `bytes` one by one until the receiver has had enough.
    private static func trickle(_ bytes: [UInt8], to peer: BarePeer) {
        for byte in bytes {
            guard (try? write([byte], to: peer.connection)) != nil else { return }
            usleep(2000)
        }
    }

    @Test(arguments: ["header", "metadata", "payload"])
    func aSenderWhoseMessageTricklesIsGivenUp(_ part: String) throws {
        let receiver = try Receiver(from: url, options: Self.options(idleTimeout: 100_000_000))
        let bytes = try recording([largePictures(1)[0]], profile: .raw)
        let peer = try BarePeer(url)
        switch part {
        case "header":
            try peer.write(Array(bytes[..<20]))
            Self.trickle(Array(bytes[20..<100]), to: peer)
        case "metadata":
            let hello = wireBytes {
                Hello(profiles: 2, name: String(repeating: "n", count: 1000)).encode(into: $0)
            }
            try peer.write(Array(hello[..<200]))
            Self.trickle(Array(hello[200..<500]), to: peer)
        default:
            try peer.write(Array(bytes[..<1000]))
            Self.trickle(Array(bytes[1000..<2000]), to: peer)
        }
        var last: BarePeer.Answer?
        while let answer = try peer.next() { last = answer }
        guard case .bye(let reason, let words) = last else {
            Issue.record("no goodbye: \(String(describing: last))")
            return
        }
        #expect(reason == .failed)
        #expect(words.contains("of a message in 100 ms"), "\(words)")
        #expect(receiver.stats.errors == 1)
        #expect(receiver.lastEnd?.reason == .lost)
    }

    /// The second is given up although it came later; so the first would have been, too.
    @Test func aSenderThatSaysNothingBetweenFramesStays() throws {
        let receiver = try Receiver(from: url, options: Self.options(idleTimeout: 100_000_000))
        let shown = Self.series(2, first: 0, case: 5400)
        let bytes = try recording(shown)
        let end = try messageEnds(bytes)[1]
        let quiet = try BarePeer(url)
        try quiet.write(Array(bytes[..<end]))
        expectFrame(try receiver.next(timeout: hangLimit), shows: shown[0])
        for _ in 0..<2 {
            let slow = try BarePeer(url)
            try slow.write(Array(bytes[..<30]))
            while try slow.next() != nil {}
        }
        try quiet.write(Array(bytes[end...]))
        expectFrame(try receiver.next(timeout: hangLimit), shows: shown[1])
    }

    @Test func aSenderThatSaidHelloAndAnswersNoPingIsGivenUp() throws {
        let receiver = try Receiver(from: url, options: Self.options(idleTimeout: 100_000_000))
        let peer = try BarePeer(url)
        try peer.sayHello()
        var last: BarePeer.Answer?
        while let answer = try peer.next() { last = answer }
        guard case .bye(_, let words) = last else {
            Issue.record("no goodbye: \(String(describing: last))")
            return
        }
        #expect(words.contains("not been heard for 100 ms"), "\(words)")
        #expect(receiver.lastEnd?.error.code == .connection)
    }

    @Test func aConnectingReceiverGivesUpASilentSenderAndConnectsAgain() throws {
        let listener = try Listener(Endpoint(parsing: url))
        var options = Self.options(idleTimeout: 100_000_000)
        let log = EventLog()
        options.onConnection = log.handler
        let receiver = try Receiver(from: url + "?connect=1", options: options)
        let first = try accept(listener)
        try write(
            wireBytes {
                let opening = StreamOpening.encode(into: $0)
                return opening
                    + Hello(profiles: 14, role: .sender)
                    .encode(into: UnsafeMutableRawBufferPointer(rebasing: $0[opening...]))
            }, to: first)
        let second = try accept(listener)
        let shown = Self.series(1, first: 1, case: 5500)
        try write(try recording(shown), to: second)
        expectFrame(try receiver.next(timeout: hangLimit), shows: shown[0])
        #expect(log.states.prefix(4) == [.connected, .lost, .connecting, .connected])
        #expect(log.all[1].reason?.code == .connection)
        #expect(log.all[1].peerID == 1 && log.all[3].peerID == 2)
    }

    /// A program that takes no frames must not make its senders look dead.
    @Test func aSenderWhoseFramesAreNotFetchedIsNotGivenUp() throws {
        let receiver = try Receiver(from: url, options: Self.options(idleTimeout: 100_000_000))
        let shown = largePictures(6)
        let bytes = try recording(shown)
        let held = try BarePeer(url)
        try held.sayHello()
        let writer = Background { try held.write(bytes) }
        try eventually("a full queue") { receiver.stats.framesReceived >= 3 }
        for _ in 0..<2 {
            let slow = try BarePeer(url)
            try slow.write(Array(bytes[..<30]))
            while try slow.next() != nil {}
        }
        for picture in shown { expectFrame(try receiver.next(timeout: hangLimit), shows: picture) }
        try writer.join()
    }

    // MARK: - Fairness

    @Test func sendersThatFindNoRoomTakeTurns() throws {
        let receiver = try Receiver(from: url, options: Self.options())
        let count = 15
        let peers = [try BarePeer(url), try BarePeer(url), try BarePeer(url)]
        // Each is as much as a turn may be, and so small when coded that the system holds all of them.
        var random = SeededGenerator(case: 5600)
        let bytes = try recording(
            (0..<count).map { _ in
                Picture(FrameInfo(width: 512, height: 512), .constant, using: &random)
            })
        for peer in peers { try peer.write(bytes) }
        // Two frames are in the queue, and each sender has one that finds no room.
        try eventually("a full queue") { receiver.stats.framesReceived == 5 }
        var counts: [UInt64: Int] = [:]
        for number in 1...3 * count {
            counts[try receiver.next(timeout: hangLimit).peerID, default: 0] += 1
            // Two may have been in the queue before the others came.
            guard number < 3 * count - 6 else { continue }
            let fewest = [1, 2, 3].map { counts[$0, default: 0] }.min() ?? 0
            let most = [1, 2, 3].map { counts[$0, default: 0] }.max() ?? 0
            #expect(most - fewest <= 4, "\(counts) after \(number)")
        }
        #expect(counts == [1: count, 2: count, 3: count])
    }

    @Test func statsAreKeptForEachSender() throws {
        let receiver = try Receiver(from: url, options: Self.options(overflow: .dropOldest))
        let first = try BarePeer(url)
        let second = try BarePeer(url)
        try eventually("two senders") { receiver.stats.peers == 2 }
        let bytes = try recording(Self.series(5, first: 0, case: 5700), profile: .raw)
        // Without the goodbye, so that they stay.
        try first.write(Array(bytes.dropLast(64)))
        try eventually("five frames") { receiver.stats.framesReceived == 5 }
        try second.write(Array(bytes[..<(try messageEnds(bytes)[1])]))
        try eventually("six frames") { receiver.stats.framesReceived == 6 }
        let stats = receiver.peers
        try #require(stats.count == 2)
        #expect(stats[0].id == 1 && stats[1].id == 2)
        #expect(stats[0].frames == 5 && stats[1].frames == 1)
        #expect(stats[0].framesDropped == 4 && stats[1].framesDropped == 0)
        #expect(stats[0].queueDepth == 1 && stats[1].queueDepth == 1)
        #expect(stats[0].profile == .raw)
        #expect(stats[0].bytesWire + stats[1].bytesWire == receiver.stats.bytesWire)
        #expect(stats[0].address.hasPrefix("unix://"))
        withExtendedLifetime((first, second)) {}
    }
}
