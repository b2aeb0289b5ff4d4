/// A queue of frames of fixed capacity that never allocates after it was made.
struct SlotRing {
    private var slots: [FrameSlot?]
    private var first = 0
    private(set) var count = 0
    private let capacity: Int

    /// What may be put back to the front of a full queue.
    static let spare = 2

    init(capacity: Int) {
        self.capacity = capacity
        slots = [FrameSlot?](repeating: nil, count: capacity + Self.spare)
    }

    var isFull: Bool { count >= capacity }
    var isEmpty: Bool { count == 0 }

    /// The frame that ``popFirst()`` would give.
    var oldest: FrameSlot? { count > 0 ? slots[first] : nil }

    /// The frame that was appended last.
    var newest: FrameSlot? { count > 0 ? slots[(first + count - 1) % slots.count] : nil }

    /// How many frames are before the oldest one of the stream and view of `slot`; nil when there is none.
    private func place(like slot: FrameSlot) -> Int? {
        for place in 0..<count {
            guard let info = slots[(first + place) % slots.count]?.info else { continue }
            if info.streamID == slot.info.streamID, info.viewID == slot.info.viewID { return place }
        }
        return nil
    }

    /// Whether a frame of the stream and view of `slot` is here.
    func overtakes(_ slot: FrameSlot) -> Bool { place(like: slot) != nil }

    /// Takes out the oldest frame of the stream and view of `slot`, or the oldest of all if there is none.
    mutating func popOldest(for slot: FrameSlot) -> FrameSlot? {
        guard let place = place(like: slot) else { return popFirst() }
        // Those before it move up, so that it comes first.
        for number in stride(from: place, to: 0, by: -1) {
            slots.swapAt((first + number) % slots.count, (first + number - 1) % slots.count)
        }
        return popFirst()
    }

    /// - Precondition: not full; every caller has checked.
    mutating func append(_ slot: FrameSlot) {
        slots[(first + count) % slots.count] = slot
        count += 1
    }

    /// Puts a frame that was taken back to where it came from.
    ///
    /// - Precondition: no more than ``spare`` frames are put back to a full queue.
    mutating func prepend(_ slot: FrameSlot) {
        first = (first + slots.count - 1) % slots.count
        slots[first] = slot
        count += 1
    }

    mutating func popFirst() -> FrameSlot? {
        guard count > 0 else { return nil }
        let slot = slots[first]
        slots[first] = nil
        first = (first + 1) % slots.count
        count -= 1
        return slot
    }
}
