import Buffers
import COpenGL
import CPosix
import Synchronization

/// Tells the render thread, when it waits, that the sender let go of a slot.
final class Returns: Sendable {
    private let lock = Lock()
    private let waiters = Atomic<Int>(0)

    /// Any thread.
    func announce() {
        guard waiters.load(ordering: .sequentiallyConsistent) > 0 else { return }
        lock.withLock { lock.notifyAll() }
    }

    /// Waits until `condition` holds or `deadline` has passed.
    func wait(until deadline: Int64, for condition: () -> Bool) {
        waiters.add(1, ordering: .sequentiallyConsistent)
        lock.lock()
        while !condition(), lock.wait(until: deadline) {}
        lock.unlock()
        waiters.subtract(1, ordering: .sequentiallyConsistent)
    }
}

/// A pixel buffer of the ring. All but ``state`` is the render thread's.
final class RingSlot: @unchecked Sendable {
    // Unchecked: the sender's threads touch `state` alone, which is atomic, and `returns`.
    enum State: UInt8 {
        case free
        /// The GPU writes to it.
        case reading
        /// The sender reads the mapped memory.
        case lent
        /// The sender is done; the memory may still be mapped.
        case returned
    }

    private let stored = Atomic<UInt8>(State.free.rawValue)
    private let returns: Returns
    /// The slot that was made before this one.
    let next: RingSlot?
    /// The slot that was captured into after this one, while the GPU writes to both.
    var nextReading: RingSlot?
    var buffer: UInt32 = 0
    var capacity = 0
    /// Where the buffer is mapped, as long as it is.
    var memory: UnsafeMutableRawPointer?
    var fence: UnsafeMutableRawPointer?
    /// Whether the commands up to the fence are known to be on their way to the GPU.
    var isFlushed = false
    var info = FrameInfo(width: 1, height: 1)
    var size = 0
    var captureTime: Int64 = 0
    /// Which capture it was.
    var number: UInt64 = 0

    init(returns: Returns, next: RingSlot?) {
        self.returns = returns
        self.next = next
    }

    var state: State {
        get { State(rawValue: stored.load(ordering: .sequentiallyConsistent)) ?? .free }
        set { stored.store(newValue.rawValue, ordering: .sequentiallyConsistent) }
    }

    /// Queues the mapped pixels; the sender gives the slot back by ``State/returned``.
    func lend(to sender: Sender) throws(FramewireError) {
        state = .lent
        // The slot outlives the readback as long as the sender reads.
        let user = Unmanaged.passRetained(self).toOpaque()
        do {
            try sender.implementation.pushWrapped(
                info, UnsafeRawBufferPointer(start: memory, count: size),
                release: { user in
                    guard let user else { return }
                    let slot = Unmanaged<RingSlot>.fromOpaque(user).takeRetainedValue()
                    slot.state = .returned
                    slot.returns.announce()
                }, user: user)
        } catch {
            Unmanaged<RingSlot>.fromOpaque(user).release()
            state = .returned
            throw error
        }
    }
}
