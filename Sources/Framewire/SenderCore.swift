import Buffers
import CPosix
import Codec
import Synchronization
import Transport
import Wire

/// What the threads of a sender share: the queue, the counters, and whether it is open.
///
/// The caller's threads touch only this; the rest of the work is ``SenderLoop``'s, on the I/O thread.
package final class SenderCore: @unchecked Sendable {
    // Unchecked: what changes is guarded by `lock`, but for what `start` sets before anybody else knows the object.
    let options: Sender.Options
    let pool: FramePool
    /// Wakes the I/O thread.
    let wake: WakeUp
    /// Ends a connection attempt, or the wait for a peer.
    let cancel: WakeUp
    /// Calls of ``flush(timeout:)`` that wait.
    let flushes = Atomic<Int>(0)

    let lock = Lock()
    /// Of the receivers that are connected.
    var queues: [SenderQueue] = []
    /// Where frames wait while there is no receiver. The first one takes them over.
    let lobby: SenderQueue
    var stats = SenderStats()
    let encodeTimes = Percentiles()
    let latencies = Percentiles()
    let roundTrips = Percentiles()
    private let submitTimes = Percentiles()
    var inbox = SenderInbox()
    /// Frames handed over: the next sequence number.
    private var pushed: UInt64 = 0
    /// By when everything must have been sent, and what is said then, once the sender is to end.
    var ending: (deadline: Int64, bye: Bye)?
    /// Frames that were dropped at the end because receivers had paused.
    var unwanted: UInt64 = 0
    /// Why the sender is of no more use.
    var failure: FramewireError?
    /// Whether the I/O thread has let go of everything.
    var isOver = false
    var rateLimits: RateLimits
    /// Whether all depends on a first connection; set before the I/O thread exists.
    private var awaitsConnection = false
    private var thread: Thread?
    private let loop: SenderLoop

    convenience init(_ endpoint: Endpoint, _ options: Sender.Options) throws(TransportError) {
        self.init(endpoint, options, wake: try WakeUp(), cancel: try WakeUp())
    }

    private init(_ endpoint: Endpoint, _ options: Sender.Options, wake: WakeUp, cancel: WakeUp) {
        self.options = options
        self.wake = wake
        self.cancel = cancel
        rateLimits = options.rateLimits
        lobby = SenderQueue(capacity: options.queueDepth)
        queues.reserveCapacity(options.maxPeers)
        pool = FramePool(capacity: options.queueDepth + 4 + References.maximumPairs)
        loop = SenderLoop(endpoint, options, wake: wake, cancel: cancel)
    }

    /// Connects for the first time, if the options ask for it, and starts the I/O thread.
    func start() throws(FramewireError) {
        do {
            try loop.open(self)
        } catch {
            throw FramewireError(error)
        }
        awaitsConnection = loop.awaitsConnection
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
        var evicted = EvictedFrames()
        do {
            try lock.withLock { () throws(FramewireError) in
                try checkOpen()
                if options.overflow == .block { try waitForRoom(deadline) }
                slot.info.sequence = pushed
                slot.submitTime = start
                slot.phase = .submitted
                pushed += 1
                if queues.isEmpty { offer(slot, to: lobby, &evicted) }
                for index in queues.indices { offer(slot, to: queues[index], &evicted) }
                submitTimes.record(Clock.now() - start)
            }
        } catch {
            slot.drop()
            throw error
        }
        // The queues are owners of their own.
        slot.drop()
        evicted.dropAll()
        wake.signal()
    }

    /// Queues a frame as the policy says. The lock is held.
    private func offer(_ slot: FrameSlot, to queue: SenderQueue, _ evicted: inout EvictedFrames) {
        if queue.frames.isFull {
            queue.stats.framesDropped += 1
            stats.framesDropped += 1
            lock.notifyAll()
            guard options.overflow == .dropOldest else { return }
            if let oldest = queue.frames.popOldest(for: slot) { evicted.add(oldest) }
        }
        slot.retain()
        queue.frames.append(slot)
        stats.queuePeak = max(stats.queuePeak, queue.frames.count)
    }

    /// Waits until every receiver's queue has room. The lock is held.
    private func waitForRoom(_ deadline: Int64) throws(FramewireError) {
        while isAnyFull {
            let inTime = lock.wait(until: deadline)
            try checkOpen()
            guard inTime || !isAnyFull else {
                throw FramewireError(
                    .timeout,
                    "the queue of \(options.queueDepth) frames stayed full for \(options.blockTimeout) ns")
            }
        }
    }

    private var isAnyFull: Bool {
        if queues.isEmpty { return lobby.frames.isFull }
        for index in queues.indices where queues[index].frames.isFull { return true }
        return false
    }

    package func awaitConnection(timeout: Int64) throws(FramewireError) {
        let deadline = timeout < 0 ? -1 : Clock.deadline(after: timeout)
        try lock.withLock { () throws(FramewireError) in
            while awaitsConnection, stats.connections == 0 {
                try checkOpen()
                guard lock.wait(until: deadline) || stats.connections > 0 || failure != nil else {
                    throw FramewireError(.timeout, "no connection was made within \(timeout) ns")
                }
            }
        }
    }

    package func flush(timeout: Int64) throws(FramewireError) {
        let deadline = timeout < 0 ? -1 : Clock.deadline(after: timeout)
        flushes.wrappingAdd(1, ordering: .relaxed)
        defer { flushes.wrappingSubtract(1, ordering: .relaxed) }
        if timeout != 0 { wake.signal() }
        try lock.withLock { () throws(FramewireError) in
            let goal = pushed
            while isUnsettled(before: goal) {
                try checkOpen()
                guard timeout != 0 else {
                    throw FramewireError(.wouldBlock, "\(unsettledCount) frames have not been sent yet")
                }
                guard lock.wait(until: deadline) || !isUnsettled(before: goal) else {
                    throw FramewireError(
                        .timeout, "\(unsettledCount) frames were not sent within \(timeout) ns")
                }
            }
            // Frames that a failure dropped are settled too; that is no success.
            if let failure { throw failure }
        }
    }

    /// Whether a frame below `goal` is neither sent nor dropped. The lock is held.
    private func isUnsettled(before goal: UInt64) -> Bool {
        for index in queues.indices where queues[index].isUnsettled(before: goal) { return true }
        return lobby.isUnsettled(before: goal)
    }

    /// The most frames that a receiver has still to get. The lock is held.
    private var unsettledCount: Int {
        var count = lobby.frames.count
        for index in queues.indices {
            count = max(count, queues[index].inHand.count + queues[index].frames.count)
        }
        return count
    }

    package func currentStats() -> SenderStats {
        var result = SenderStats()
        lock.withLock {
            result = stats
            (result.encodeP50, result.encodeP99) = encodeTimes.values(50, 99)
            (result.latencyP50, result.latencyP99) = latencies.values(50, 99)
            (result.roundTripP50, result.roundTripP99) = roundTrips.values(50, 99)
            (result.submitP50, result.submitP99) = submitTimes.values(50, 99)
            result.queueDepth = lobby.frames.count
            for index in queues.indices {
                let queue = queues[index]
                result.queueDepth = max(result.queueDepth, queue.frames.count)
                result.sendQueueBytes += UInt64(queue.unsent.load(ordering: .relaxed))
            }
            result.receivers = queues.count
            result.framesPushed = pushed
        }
        result.framesAllocated = pool.allocated + loop.framesAllocated
        return result
    }

    /// - Returns: nil when there are not so many receivers.
    package func peerStats(at index: Int) -> PeerStats? {
        lock.withLock {
            guard queues.indices.contains(index) else { return nil }
            let queue = queues[index]
            var result = queue.stats
            result.queueDepth = queue.frames.count
            result.sendQueueBytes = UInt64(queue.unsent.load(ordering: .relaxed))
            (result.latencyP50, result.latencyP99) = queue.latencies.values(50, 99)
            (result.roundTripP50, result.roundTripP99) = queue.roundTrips.values(50, 99)
            return result
        }
    }

    package var isConnected: Bool { lock.withLock { stats.connected } }

    package var receiverCount: Int { lock.withLock { queues.count } }

    /// Whether a frame that is given now would be encoded and sent at once to one receiver at least.
    package var isReady: Bool {
        let now = Clock.now()
        return lock.withLock {
            guard failure == nil, ending == nil else { return false }
            for index in queues.indices {
                let queue = queues[index]
                guard queue.frames.isEmpty else { continue }
                let time = queue.takesFrom.load(ordering: .relaxed)
                if time <= now { return true }
                // A limit of the rate is nobody's being late.
                if time == .max { queue.wasAskedInVain.store(true, ordering: .relaxed) }
            }
            return false
        }
    }

    package func setRateLimits(_ limits: RateLimits) throws(FramewireError) {
        try lock.withLock { () throws(FramewireError) in
            try checkOpen()
            rateLimits = limits
        }
        wake.signal()
    }

    /// The message of a receiver that has waited longest.
    package func nextMessage(timeout: Int64) throws(FramewireError) -> Message {
        let deadline = timeout < 0 ? -1 : Clock.deadline(after: timeout)
        return try lock.withLock { () throws(FramewireError) in
            while true {
                if let message = inbox.popFirst() { return message }
                try checkOpen()
                guard timeout != 0 else { throw FramewireError(.wouldBlock, "no message has come") }
                guard lock.wait(until: deadline) || !inbox.isEmpty else {
                    throw FramewireError(.timeout, "no message has come within \(timeout) ns")
                }
            }
        }
    }

    package var port: UInt16 { loop.port }

    /// Sends what is queued, tells all receivers why the stream ends, and waits until that is done.
    package func end(_ reason: EndReason, _ text: String, timeout: Int64) throws(FramewireError) {
        guard reason != .lost else {
            throw FramewireError(
                .invalidArgument, "a stream cannot be ended as lost; give another reason")
        }
        let deadline = timeout < 0 ? -1 : Clock.deadline(after: timeout)
        let bye = Bye(reason: Bye.Reason(rawValue: reason.rawValue), text: text)
        let droppedBefore = try lock.withLock { () throws(FramewireError) in
            try checkOpen()
            ending = (deadline < 0 ? .max : deadline, bye)
            lock.notifyAll()
            return stats.framesDropped
        }
        cancel.signal()
        wake.signal()
        let dropped = lock.withLock {
            while !isOver { lock.wait() }
            return stats.framesDropped - droppedBefore - unwanted
        }
        guard dropped == 0 else {
            throw FramewireError(.timeout, "\(dropped) frames could not be sent before the stream ended")
        }
    }

    package func close() {
        let thread = lock.withLock { () -> Thread? in
            let thread = self.thread
            self.thread = nil
            let deadline = Clock.deadline(after: options.closeTimeout)
            ending = (
                min(ending?.deadline ?? .max, deadline < 0 ? .max : deadline), ending?.bye ?? Bye()
            )
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
    func checkOpen() throws(FramewireError) {
        if let failure { throw failure }
        if ending != nil { throw FramewireError(.closed, "the sender is being closed") }
    }
}
