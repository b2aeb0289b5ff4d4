import Testing

@testable import Framewire

@Suite struct FramesInFlightTests {
    @Test func aReceiverThatNeverAnswersIsNotWaitedFor() {
        var frames = FramesInFlight()
        for sequence in 0..<1000 { frames.add(UInt64(sequence), now: Int64(sequence)) }
        #expect(!frames.areTooMany(now: 1_000_000))
    }

    @Test func threeFramesThatAreLateAreTooMany() {
        var frames = FramesInFlight()
        frames.add(0, now: 0)
        frames.settle(0, now: 100)
        frames.add(1, now: 1000)
        frames.add(2, now: 1001)
        #expect(!frames.areTooMany(now: 5000))
        frames.add(3, now: 1002)
        #expect(!frames.areTooMany(now: 1200))
        #expect(frames.areTooMany(now: 1201))
        frames.settle(1, now: 1300)
        #expect(!frames.areTooMany(now: 5000))
    }

    @Test func aLongWayIsKeptFull() {
        var frames = FramesInFlight()
        var sequence: UInt64 = 0
        // A frame each 10, an answer after 100.
        for now in stride(from: Int64(0), through: 2000, by: 10) {
            if now >= 100 { frames.settle(UInt64((now - 100) / 10), now: now) }
            #expect(!frames.areTooMany(now: now))
            frames.add(sequence, now: now)
            sequence += 1
        }
    }

    /// A frame that the receiver could not use is not answered; the next one that is settles it.
    @Test func framesWithoutAnAnswerAreSettledByLaterOnes() {
        var frames = FramesInFlight()
        frames.add(0, now: 0)
        frames.settle(0, now: 10)
        for sequence in 1...5 { frames.add(UInt64(sequence), now: 100) }
        #expect(frames.areTooMany(now: 1000))
        frames.settle(5, now: 1000)
        #expect(!frames.areTooMany(now: 10_000))
    }

    @Test func aRequestForAKeyFrameSettlesAll() {
        var frames = FramesInFlight()
        frames.add(0, now: 0)
        frames.settle(0, now: 10)
        for sequence in 1...5 { frames.add(UInt64(sequence), now: 100) }
        frames.forgetAll()
        #expect(!frames.areTooMany(now: 1000))
    }
}
