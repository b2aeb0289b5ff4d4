import Buffers
import TestSupport
import Testing
import Transport
import Wire

@testable import Framewire

/// Profile tile over connections: what a sender makes of hellos, requests and losses.
@Suite(.timeLimit(.minutes(2))) struct TileConnectionTests {
    private static let info = FrameInfo(width: 97, height: 53)
    private let folder: TemporaryFolder
    private let listener: Listener

    init() throws {
        folder = try TemporaryFolder()
        listener = try Listener(Endpoint(parsing: folder.unixURL("socket")))
    }

    private func sender(_ profile: Profile, depth: Int = 2) throws -> Sender {
        var options = Sender.Options()
        options.profile = profile
        options.overflow = .block
        options.queueDepth = depth
        options.closeTimeout = 0
        return try Sender(to: folder.unixURL("socket"), options: options)
    }

    private func hello(_ profiles: UInt32) -> Hello { Hello(profiles: profiles, role: .receiver) }

    @Test func aKeyFrameFollowsARequest() throws {
        let sender = try sender(.tile)
        let peer = HandReceiver(try accept(listener))
        let shown = similarPictures(100, Self.info, case: 3500)
        try push(shown[0], to: sender)
        try push(shown[1], to: sender)
        try peer.read(untilFrames: 2)
        try peer.say { KeyFrameRequest(streamID: 0, viewID: 9).encode(into: $0) }
        try peer.say { KeyFrameRequest().encode(into: $0) }
        var count = 2
        // The request is heard some time; frames until then are coded against others.
        while peer.messages.references.last! != nil, count < shown.count {
            try push(shown[count], to: sender)
            count += 1
            try peer.read(untilFrames: count)
        }
        #expect(peer.messages.references.last! == nil)
        try push(shown[0], to: sender)
        try peer.read(untilFrames: count + 1)
        #expect(peer.messages.references.last! == UInt64(count - 1))
        for (frame, picture) in zip(peer.decoded.frames, shown[..<count]) {
            expectFrame(frame, shows: picture)
        }
    }

    /// Another receiver has none of the frames that were sent to the one before.
    @Test(arguments: [Profile.tile, .lz4])
    func whatWasNotSentIsCodedAgainForTheNextReceiver(_ profile: Profile) throws {
        let sender = try sender(profile, depth: 8)
        let shown = noise(6, FrameInfo(width: 512, height: 512), case: 3560)
        for picture in shown { try push(picture, to: sender) }
        let first = try accept(listener)
        #expect(try readFrames(first, makeDecoder(), count: 1).map(\.info.sequence) == [0])
        try eventually("the frames to be taken") {
            sender.stats.framesSent == 1 && sender.stats.queueDepth == 3
        }
        first.close()
        let second = HandReceiver(try accept(listener))
        try second.read(untilFrames: 5)
        #expect(second.messages.headers.map(\.info.sequence) == [1, 2, 3, 4, 5])
        #expect(
            second.messages.references
                == (profile == .tile ? [nil, 1, 2, 3, 4] : Array(repeating: nil, count: 5)))
        for (frame, picture) in zip(second.decoded.frames, shown[1...]) { expectFrame(frame, shows: picture) }
        try sender.flush(timeout: hangLimit)
        #expect(sender.stats.framesDropped == 0 && sender.stats.framesSent == 6)
    }

    /// With a policy that drops frames none comes out of order or is coded against one that was lost.
    @Test func aSenderThatDropsBeginsAgainWithAKeyFrame() throws {
        var options = Sender.Options()
        options.profile = .tile
        options.closeTimeout = 0
        let sender = try Sender(to: folder.unixURL("socket"), options: options)
        let shown = noise(6, FrameInfo(width: 512, height: 512), case: 3561)
        let first = try accept(listener)
        for picture in shown { try push(picture, to: sender) }
        _ = try readFrames(first, makeDecoder(), count: 1)
        first.close()
        let second = HandReceiver(try accept(listener))
        for picture in shown { try push(picture, to: sender) }
        try second.read(untilFrames: 1)
        #expect(second.messages.references.first! == nil)
    }

    // MARK: - Profile auto

    @Test func autoMovesUpWhenThePeerSaysThatItKnowsTile() throws {
        let sender = try sender(.auto)
        let peer = HandReceiver(try accept(listener))
        let shown = similarPictures(100, Self.info, case: 3510)
        try push(shown[0], to: sender)
        try peer.read(untilFrames: 1)
        #expect(peer.messages.profiles == [WireProfile.lz4])
        #expect(sender.stats.profile == .lz4 && sender.stats.profileReason == .noHello)
        try peer.say { hello(WireProfile.all).encode(into: $0) }
        var count = 1
        while peer.messages.profiles.last != WireProfile.tile, count < shown.count {
            try push(shown[count], to: sender)
            count += 1
            try peer.read(untilFrames: count)
        }
        try push(shown[0], to: sender)
        try peer.read(untilFrames: count + 1)
        #expect(peer.messages.profiles.suffix(2) == [WireProfile.tile, WireProfile.tile])
        #expect(peer.messages.references.suffix(2) == [nil, UInt64(count - 1)])
        #expect(sender.stats.profile == .tile && sender.stats.profileReason == .peerKnowsTile)
        for (frame, picture) in zip(peer.decoded.frames, shown[..<count]) {
            expectFrame(frame, shows: picture)
        }
    }

    /// A plain tool gets what `lz4 -d` reads, however long the stream.
    @Test func autoStaysWithLZ4WhileThePeerIsMute() throws {
        let sender = try sender(.auto)
        let peer = HandReceiver(try accept(listener))
        for (number, picture) in similarPictures(70, FrameInfo(width: 9, height: 9), case: 3520).enumerated()
        {
            try push(picture, to: sender)
            try peer.read(untilFrames: number + 1)
        }
        #expect(peer.messages.profiles.allSatisfy { $0 == WireProfile.lz4 })
        #expect(sender.stats.profileReason == .noHello)
    }

    @Test func autoStaysWithLZ4WhereThePeerDoesNotKnowTile() throws {
        let sender = try sender(.auto)
        let peer = HandReceiver(try accept(listener))
        let shown = similarPictures(100, FrameInfo(width: 9, height: 9), case: 3530)
        try peer.say { hello(0b110).encode(into: $0) }
        var count = 0
        while sender.stats.profileReason != .peerLacksTile, count < shown.count {
            try push(shown[count], to: sender)
            count += 1
            try peer.read(untilFrames: count)
        }
        #expect(sender.stats.profileReason == .peerLacksTile && sender.stats.profile == .lz4)
        #expect(peer.messages.profiles.allSatisfy { $0 == WireProfile.lz4 })
    }

    /// Frames large enough to tell are tried in raw where the receiver is on this machine and answers; what comes of
    /// it depends on the machine.
    @Test(arguments: [512, 511])
    func autoTriesRawOnOneMachine(_ width: Int) throws {
        let sender = try sender(.auto)
        let peer = HandReceiver(try accept(listener))
        let shown = similarPictures(60, FrameInfo(width: width, height: 512), case: 3570)
        try peer.say { hello(WireProfile.all).encode(into: $0) }
        for (number, picture) in shown.enumerated() {
            try push(picture, to: sender)
            try peer.read(untilFrames: number + 1)
            try peer.say { Acknowledgement(sequence: UInt64(number)).encode(into: $0) }
            try eventually("the acknowledgement") { sender.stats.framesAcknowledged == number + 1 }
        }
        #expect(peer.messages.profiles.contains(WireProfile.raw) == (width == 512))
        for (frame, picture) in zip(peer.decoded.frames, shown) { expectFrame(frame, shows: picture) }
    }

    @Test func recordingsAreInLZ4UnlessTileIsAskedFor() throws {
        let shown = similarPictures(3, Self.info, case: 3540)
        #expect(try messages(recording(shown)).profiles == [2, 2, 2])
        #expect(try messages(recording(shown, profile: .tile)).profiles == [3, 3, 3])
    }

    @Test func aSenderAndAReceiverAgreeOnTile() throws {
        let receiver = try Receiver(from: "tcp://127.0.0.1:0")
        var options = Sender.Options()
        options.overflow = .block
        let sender = try Sender(to: "tcp://127.0.0.1:\(receiver.port)", options: options)
        let shown = similarPictures(40, Self.info, case: 3550)
        for picture in shown {
            try push(picture, to: sender)
            let frame = try receiver.next(timeout: hangLimit)
            expectFrame(frame, shows: picture)
        }
        try eventually("the acknowledgements") { sender.stats.framesAcknowledged == 40 }
        #expect(sender.stats.profileReason == .peerKnowsTile)
        #expect(receiver.stats.framesUndecodable == 0)
    }
}
