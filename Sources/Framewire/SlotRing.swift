/// A queue of frames of fixed capacity that never allocates after it was made.
struct SlotRing {
    private var slots: [FrameSlot?]
    private var first = 0
    private(set) var count = 0

    init(capacity: Int) {
        slots = [FrameSlot?](repeating: nil, count: capacity)
    }

    var isFull: Bool { count == slots.count }
    var isEmpty: Bool { count == 0 }

    /// The frame that ``popFirst()`` would give.
    var oldest: FrameSlot? { count > 0 ? slots[first] : nil }

    /// - Precondition: not full; every caller has checked.
    mutating func append(_ slot: FrameSlot) {
        slots[(first + count) % slots.count] = slot
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
