/// The frames that a receiver has been sent and has not said that it has got.
///
/// Where frames are small, hundreds of them fit into what the two systems hold for a connection, where no policy sees
/// them. So a receiver that is behind with its answers gets no more: the latest frame waits here instead.
struct FramesInFlight {
    /// So many are never too many: one is decoded while one is on its way and one leaves.
    private static let usual = 3
    private static let capacity = 256

    private var frames = [(sequence: UInt64, sent: Int64)](repeating: (0, 0), count: FramesInFlight.capacity)
    private var first = 0
    private var count = 0
    /// From the last byte of a frame to the word of its delivery, the least that has been seen, ns; nil before the first.
    private var leastTrip: Int64?

    /// The last byte of a frame has left. Sequences rise.
    mutating func add(_ sequence: UInt64, now: Int64) {
        if count == Self.capacity { removeFirst() }
        frames[(first + count) % Self.capacity] = (sequence, now)
        count += 1
    }

    /// The receiver has got a frame; of those before it nothing more will be heard.
    mutating func settle(_ sequence: UInt64, now: Int64) {
        while count > 0, frames[first].sequence <= sequence {
            if frames[first].sequence == sequence {
                let trip = now - frames[first].sent
                leastTrip = min(leastTrip ?? trip, trip)
            }
            removeFirst()
        }
    }

    /// The receiver has said that it cannot use what is under way.
    mutating func forgetAll() {
        count = 0
    }

    private mutating func removeFirst() {
        first = (first + 1) % Self.capacity
        count -= 1
    }

    /// Whether more is under way than the way there and back asks for. A receiver that has never answered is not
    /// waited for.
    func areTooMany(now: Int64) -> Bool {
        guard count >= Self.usual, let leastTrip else { return false }
        return now - frames[first].sent > 2 * leastTrip
    }
}
