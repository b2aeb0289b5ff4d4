import Buffers
import Synchronization

/// What a sender keeps for one receiver, or for the next one while there is none: the frames that wait for it, and its
/// counters.
final class SenderQueue: @unchecked Sendable {
    // Unchecked: everything but the atomics is guarded by the core's lock.
    var frames: SlotRing
    /// Counts the receivers from 1. It does not change once the queue is known to the I/O thread.
    var id: UInt64 = 0
    /// Frames that the I/O thread has taken and neither sent nor lost: how many, and the sequences of the
    /// oldest two, which is all that it encodes and sends at once. They are settled in the order they were
    /// taken.
    var inHand = (count: 0, first: UInt64(0), second: UInt64(0))
    var stats = PeerStats()
    let latencies = Percentiles()
    let roundTrips = Percentiles()
    /// From when on a frame that is pushed would be encoded and sent at once; `Int64.max`: that is not known.
    let takesFrom = Atomic<Int64>(.max)
    /// Whether somebody has asked since whether a frame would be taken at once, and was told that it would not.
    let wasAskedInVain = Atomic<Bool>(false)
    /// Bytes that the system holds.
    let unsent = Atomic<Int>(0)

    init(capacity: Int) {
        frames = SlotRing(capacity: capacity)
    }

    /// Whether a frame below `goal` is neither sent nor dropped.
    func isUnsettled(before goal: UInt64) -> Bool {
        if inHand.count > 0 { return inHand.first < goal }
        guard let oldest = frames.oldest else { return false }
        return oldest.info.sequence < goal
    }

    /// Whether the frame waits here.
    func holds(_ sequence: UInt64) -> Bool {
        guard let oldest = frames.oldest, let newest = frames.newest else { return false }
        return oldest.info.sequence <= sequence && sequence <= newest.info.sequence
    }

    func settleOldestInHand() {
        inHand.count -= 1
        inHand.first = inHand.second
    }
}

/// Frames that queues gave up, to be dropped when no lock is held.
struct EvictedFrames {
    private var slots = InlineArray<32, FrameSlot?>(repeating: nil)
    private var count = 0

    var isFull: Bool { count == slots.count }

    /// - Precondition: no more than ``Sender/maximumPeers`` frames.
    mutating func add(_ slot: FrameSlot) {
        slots[count] = slot
        count += 1
    }

    func dropAll() {
        for index in 0..<count { slots[index]?.drop() }
    }
}

/// Messages of receivers that wait for the program, in memory that is there from the start but for their contents.
struct SenderInbox {
    static let capacity = 256

    private var messages = [Message?](repeating: nil, count: SenderInbox.capacity)
    private var first = 0
    private var count = 0

    var isEmpty: Bool { count == 0 }

    /// - Returns: whether the oldest had to go.
    mutating func append(_ message: Message) -> Bool {
        let isFull = count == Self.capacity
        messages[(first + count) % Self.capacity] = message
        if isFull {
            first = (first + 1) % Self.capacity
        } else {
            count += 1
        }
        return isFull
    }

    mutating func popFirst() -> Message? {
        guard count > 0 else { return nil }
        let message = messages[first]
        messages[first] = nil
        first = (first + 1) % Self.capacity
        count -= 1
        return message
    }
}
