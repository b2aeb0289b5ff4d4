import Buffers
import CPosix
import Codec
import Transport
import Wire

/// What the threads of a sender share: the queue, the counters, and whether it is open.
///
/// The caller's threads touch only this; the rest of the work is ``SenderLoop``'s, on the I/O thread.
package final class SenderCore: @unchecked Sendable {
    // Unchecked: what changes is guarded by `lock`, but for `thread`, which `start` sets before anybody else
    // knows the object.
    let options: Sender.Options
    let pool: FramePool
    /// Wakes the I/O thread.
    let wake: WakeUp
    /// Ends a connection attempt, or the wait for a peer.
    let cancel: WakeUp

    private let lock = Lock()
    private var queue: SlotRing
    private var stats = SenderStats()
    private var encodeTimes = Percentiles()
    private var latencies = Percentiles()
    private var submitTimes = Percentiles()
    /// Frames handed over: the next sequence number.
    private var pushed: UInt64 = 0
    /// Frames that the I/O thread has taken and neither sent nor lost: how many, and the sequences of the
    /// oldest two, which is all that it encodes and sends at once. They are settled in the order they were
    /// taken.
    private var inHand = (count: 0, first: UInt64(0), second: UInt64(0))
    private var closeDeadline: Int64?
    /// Why the sender is of no more use.
    private var failure: FramewireError?
    private var thread: Thread?
    private let loop: SenderLoop

    convenience init(_ endpoint: Endpoint, _ options: Sender.Options) throws(TransportError) {
        self.init(endpoint, options, wake: try WakeUp(), cancel: try WakeUp())
    }

    private init(_ endpoint: Endpoint, _ options: Sender.Options, wake: WakeUp, cancel: WakeUp) {
        self.options = options
        self.wake = wake
        self.cancel = cancel
        queue = SlotRing(capacity: options.queueDepth)
        pool = FramePool(capacity: options.queueDepth + 4 + References.maximumPairs)
        loop = SenderLoop(endpoint, options, wake: wake, cancel: cancel)
    }

    /// Connects for the first time, if the options ask for it, and starts the I/O thread.
    func start() throws(FramewireError) {
        do {
            // Said before the I/O thread exists, so that a caller who looks at once finds a recording
            // connected.
            if try loop.open() { setConnected(true) }
        } catch {
            throw FramewireError(error)
        }
        guard let thread = Thread.start(name: "framewire-send", { [self] in loop.run(self) }) else {
            throw FramewireError(.noMemory, "the system has no thread for the sender")
        }
        self.thread = thread
    }

    // MARK: - For the caller's threads

    package func acquire(_ info: FrameInfo) throws(FramewireError) -> FrameSlot {
        let layout = try checked(info)
        try checkRoom()
        do {
            return try pool.acquire(info, layout)
        } catch {
            throw FramewireError(error)
        }
    }

    /// A frame over memory of the caller's, to be submitted; `release(user)` runs once when nobody has the frame
    /// any more, unless this fails.
    package func wrap(
        _ info: FrameInfo, _ pixels: UnsafeRawBufferPointer,
        release: (@convention(c) (UnsafeMutableRawPointer?) -> Void)?, user: UnsafeMutableRawPointer?
    ) throws(FramewireError) -> FrameSlot {
        let slot = try wrappedSlot(info, available: pixels.count)
        slot.useWrapped(pixels, release: release, user: user)
        return slot
    }

    func wrap(
        _ info: FrameInfo, _ pixels: UnsafeRawBufferPointer, release: @escaping () -> Void
    ) throws(FramewireError) -> FrameSlot {
        let slot = try wrappedSlot(info, available: pixels.count)
        slot.useWrapped(pixels, release: release)
        return slot
    }

    private func wrappedSlot(_ info: FrameInfo, available: Int) throws(FramewireError) -> FrameSlot {
        let layout = try checked(info)
        try check(available, holds: layout)
        try checkRoom()
        return pool.bareSlot(info, layout)
    }

    /// - Throws: why no frame can be lent now.
    private func checkRoom() throws(FramewireError) {
        try lock.withLock { () throws(FramewireError) in try checkOpen() }
        guard pool.outstanding < Sender.maximumFrames else {
            throw FramewireError(
                .wouldBlock,
                "\(Sender.maximumFrames) frames of this sender are in use; submit or drop some before acquiring more"
            )
        }
    }

    package func push(_ info: FrameInfo, _ pixels: UnsafeRawBufferPointer) throws(FramewireError) {
        let layout = try checked(info)
        try check(pixels.count, holds: layout)
        let slot: FrameSlot
        do {
            slot = try pool.acquire(info, layout)
        } catch {
            throw FramewireError(error)
        }
        memcpy(slot.base!, pixels.baseAddress!, layout.size)
        lock.withLock { stats.pixelBytesCopied += UInt64(layout.packedSize) }
        try submit(slot)
    }

    /// The C interface's wrapped push: `release(user)` runs once when the pixels are no longer needed, unless
    /// this fails.
    package func pushWrapped(
        _ info: FrameInfo, _ pixels: UnsafeRawBufferPointer,
        release: (@convention(c) (UnsafeMutableRawPointer?) -> Void)?, user: UnsafeMutableRawPointer?
    ) throws(FramewireError) {
        let slot = try bareSlot(info, available: pixels.count)
        slot.useWrapped(pixels, release: release, user: user)
        try submitForeign(slot)
    }

    /// A frame for pixels that the caller keeps.
    package func bareSlot(_ info: FrameInfo, available: Int) throws(FramewireError) -> FrameSlot {
        let layout = try checked(info)
        try check(available, holds: layout)
        return pool.bareSlot(info, layout)
    }

    /// As ``submit(_:)``, but a call that fails forgets the release callback instead of running it.
    package func submitForeign(_ slot: FrameSlot) throws(FramewireError) {
        slot.retain()
        do {
            try submit(slot)
        } catch {
            slot.disarmRelease()
            slot.drop()
            throw error
        }
        slot.drop()
    }

    /// Takes over one ownership of `slot`, whatever comes of the call.
    package func submit(_ slot: FrameSlot) throws(FramewireError) {
        let start = Clock.now()
        guard slot.belongs(to: pool), slot.phase == .acquired else {
            slot.drop()
            throw FramewireError(
                .invalidArgument,
                "the frame was not acquired from this sender, or was submitted before; acquire a new one for each picture"
            )
        }
        let deadline = options.blockTimeout < 0 ? -1 : Clock.deadline(after: options.blockTimeout)
        var dropped: FrameSlot?
        do {
            try lock.withLock { () throws(FramewireError) in
                try checkOpen()
                if queue.isFull, options.overflow == .block { try waitForRoom(deadline) }
                slot.info.sequence = pushed
                slot.submitTime = start
                slot.phase = .submitted
                pushed += 1
                if queue.isFull {
                    if options.overflow == .dropOldest {
                        dropped = queue.popFirst()
                        queue.append(slot)
                    } else {
                        dropped = slot
                    }
                    stats.framesDropped += 1
                    lock.notifyAll()
                } else {
                    queue.append(slot)
                    stats.queuePeak = max(stats.queuePeak, queue.count)
                }
                submitTimes.record(Clock.now() - start)
            }
        } catch {
            slot.drop()
            throw error
        }
        dropped?.drop()
        wake.signal()
    }

    private func waitForRoom(_ deadline: Int64) throws(FramewireError) {
        while queue.isFull {
            let inTime = lock.wait(until: deadline)
            try checkOpen()
            guard inTime || !queue.isFull else {
                throw FramewireError(
                    .timeout,
                    "the queue of \(options.queueDepth) frames stayed full for \(options.blockTimeout) ns")
            }
        }
    }

    package func flush(timeout: Int64) throws(FramewireError) {
        let deadline = timeout < 0 ? -1 : Clock.deadline(after: timeout)
        try lock.withLock { () throws(FramewireError) in
            let goal = pushed
            while isUnsettled(before: goal) {
                try checkOpen()
                let count = inHand.count + queue.count
                guard timeout != 0 else {
                    throw FramewireError(.wouldBlock, "\(count) frames have not been sent yet")
                }
                guard lock.wait(until: deadline) || !isUnsettled(before: goal) else {
                    throw FramewireError(.timeout, "\(count) frames were not sent within \(timeout) ns")
                }
            }
            // Frames that a failure dropped are settled too; that is no success.
            if let failure { throw failure }
        }
    }

    /// Whether a frame below `goal` is neither sent nor dropped. The lock is held.
    private func isUnsettled(before goal: UInt64) -> Bool {
        if inHand.count > 0 { return inHand.first < goal }
        guard let oldest = queue.oldest else { return false }
        return oldest.info.sequence < goal
    }

    package func currentStats() -> SenderStats {
        var (result, encode, latency, submit) = lock.withLock {
            (
                stats, encodeTimes.copy(), latencies.copy(), submitTimes.copy()
            )
        }
        (result.encodeP50, result.encodeP99) = encode.values(50, 99)
        (result.latencyP50, result.latencyP99) = latency.values(50, 99)
        (result.submitP50, result.submitP99) = submit.values(50, 99)
        lock.withLock {
            result.queueDepth = queue.count
            result.framesPushed = pushed
        }
        result.framesAllocated = pool.allocated + loop.framesAllocated
        result.sendQueueBytes = UInt64(loop.unsentBytes)
        return result
    }

    package var isConnected: Bool { lock.withLock { stats.connected } }

    package var port: UInt16 { loop.port }

    package func close() {
        let thread = lock.withLock { () -> Thread? in
            let thread = self.thread
            self.thread = nil
            closeDeadline = Clock.deadline(after: options.closeTimeout)
            lock.notifyAll()
            return thread
        }
        guard let thread else { return }
        cancel.signal()
        wake.signal()
        thread.join()
    }

    private func checked(_ info: FrameInfo) throws(FramewireError) -> FrameLayout {
        do {
            return try FrameLayout(info)
        } catch {
            throw FramewireError(error)
        }
    }

    private func check(_ available: Int, holds layout: FrameLayout) throws(FramewireError) {
        guard available >= layout.size else {
            throw FramewireError(
                .outOfRange,
                "\(available) bytes of pixels were given, a frame of this size and stride has \(layout.size)")
        }
    }

    /// - Throws: why nothing can be sent any more. The lock is held.
    private func checkOpen() throws(FramewireError) {
        if let failure { throw failure }
        if closeDeadline != nil { throw FramewireError(.closed, "the sender is being closed") }
    }

    // MARK: - For the I/O thread

    /// The frame that waits longest.
    func takeNext() -> FrameSlot? {
        lock.withLock {
            guard let slot = queue.popFirst() else { return nil }
            if inHand.count == 0 {
                inHand.first = slot.info.sequence
            } else {
                inHand.second = slot.info.sequence
            }
            inHand.count += 1
            lock.notifyAll()
            return slot
        }
    }

    /// The frame that was taken last goes back to the front of the queue, to be taken again.
    ///
    /// - Returns: `false` when there is no room; the frame is still the caller's.
    func putBack(_ slot: FrameSlot) -> Bool {
        lock.withLock {
            guard failure == nil, options.overflow == .block || !queue.isFull else { return false }
            queue.prepend(slot)
            inHand.count -= 1
            return true
        }
    }

    /// Whether a frame waits, and the time by which everything must have been sent, once the sender is being
    /// closed.
    func outlook() -> (waiting: Bool, closeDeadline: Int64?) {
        lock.withLock { (!queue.isEmpty, closeDeadline) }
    }

    func setConnected(_ connected: Bool) {
        lock.withLock {
            if connected, !stats.connected { stats.connections += 1 }
            stats.connected = connected
        }
    }

    /// - Parameter choice: how frames are coded now; nil says nothing about it.
    func recordEncoded(_ duration: Int64, _ choice: (profile: Profile, reason: ProfileReason)?) {
        lock.withLock {
            encodeTimes.record(duration)
            if let choice { (stats.profile, stats.profileReason) = choice }
        }
    }

    func recordSent(rawBytes: Int, wireBytes: Int) {
        lock.withLock {
            stats.framesSent += 1
            stats.bytesRaw += UInt64(rawBytes)
            stats.bytesWire += UInt64(wireBytes)
            settleOldestInHand()
        }
    }

    /// A frame that was taken is lost.
    func recordLost() {
        lock.withLock {
            stats.framesDropped += 1
            settleOldestInHand()
        }
    }

    /// The lock is held.
    private func settleOldestInHand() {
        inHand.count -= 1
        inHand.first = inHand.second
        lock.notifyAll()
    }

    func recordLatency(_ duration: Int64) {
        lock.withLock {
            latencies.record(duration)
            stats.framesAcknowledged += 1
        }
    }

    /// Ends the sender for good: frames that wait are dropped, and every call gives `error` from now on.
    func fail(_ error: FramewireError) {
        lock.withLock {
            if failure == nil { failure = error }
            stats.connected = false
            lock.notifyAll()
        }
        while let slot = takeNext() {
            slot.drop()
            recordLost()
        }
    }
}
