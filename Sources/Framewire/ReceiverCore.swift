import Buffers
import Codec
import Transport
import Wire

/// What the threads of a receiver share: the queue of decoded frames, the counters, and how the stream ended.
package final class ReceiverCore: @unchecked Sendable {
    // Unchecked: what changes is guarded by `lock`, but for `thread`, which `start` sets before anybody else
    // knows the object.
    let options: Receiver.Options
    /// Readable while a frame waits or the stream has ended.
    package let readable: WakeUp
    /// Wakes the I/O thread.
    private let wake: WakeUp
    private let cancel: WakeUp

    private let lock = Lock()
    private var queue: SlotRing
    private var stats = ReceiverStats()
    private var decodeTimes = Percentiles()
    private var latencies = Percentiles()
    private var nextSequence: UInt64?
    private var closing = false
    /// How the stream ended.
    private var ending: FramewireError?
    private var thread: Thread?
    private let loop: ReceiverLoop
    let pool: FramePool

    #if !hasFeature(Embedded)
        private var waiters: [Waiter] = []
        private var nextWaiter: UInt64 = 0
    #endif

    convenience init(_ endpoint: Endpoint, _ options: Receiver.Options) throws(TransportError) {
        self.init(endpoint, options, readable: try WakeUp(), wake: try WakeUp(), cancel: try WakeUp())
    }

    private init(
        _ endpoint: Endpoint, _ options: Receiver.Options, readable: WakeUp, wake: WakeUp, cancel: WakeUp
    ) {
        self.options = options
        self.readable = readable
        self.wake = wake
        self.cancel = cancel
        queue = SlotRing(capacity: options.queueDepth)
        pool = FramePool(capacity: options.queueDepth + 4 + References.maximumPairs)
        loop = ReceiverLoop(endpoint, options, wake: wake, cancel: cancel)
    }

    /// Binds, opens or connects, and starts the I/O thread.
    func start() throws(FramewireError) {
        do {
            try loop.open()
        } catch {
            throw FramewireError(error)
        }
        guard let thread = Thread.start(name: "framewire-recv", { [self] in loop.run(self) }) else {
            throw FramewireError(.noMemory, "the system has no thread for the receiver")
        }
        self.thread = thread
    }

    // MARK: - For the caller's threads

    package func next(timeout: Int64) throws(FramewireError) -> FrameSlot {
        let deadline = timeout < 0 ? -1 : Clock.deadline(after: timeout)
        let (slot, isLast) = try lock.withLock { () throws(FramewireError) -> (FrameSlot, Bool) in
            while queue.isEmpty {
                if let ending { throw ending }
                guard timeout != 0 else {
                    throw FramewireError(.wouldBlock, "no frame has arrived yet")
                }
                guard lock.wait(until: deadline) || !queue.isEmpty || ending != nil else {
                    throw FramewireError(.timeout, "no frame arrived within \(timeout) ns")
                }
            }
            return (takeFirst(), queue.isEmpty && ending == nil)
        }
        if isLast { lowerReadable() }
        return slot
    }

    /// The lock is held and the queue is not empty.
    private func takeFirst() -> FrameSlot {
        let slot = queue.popFirst()!
        stats.framesDelivered += 1
        lock.notifyAll()
        return slot
    }

    /// No system call is made under the lock, so a frame may come between: then the signal is given again.
    private func lowerReadable() {
        readable.drain()
        if lock.withLock({ !queue.isEmpty || ending != nil }) { readable.signal() }
    }

    package func currentStats() -> ReceiverStats {
        var (result, decode, latency) = lock.withLock { (stats, decodeTimes.copy(), latencies.copy()) }
        (result.decodeP50, result.decodeP99) = decode.values(50, 99)
        (result.latencyP50, result.latencyP99) = latency.values(50, 99)
        result.queueDepth = lock.withLock { queue.count }
        result.framesAllocated = pool.allocated
        return result
    }

    package var port: UInt16 { loop.port }

    package func close() {
        let thread = lock.withLock { () -> Thread? in
            let thread = self.thread
            self.thread = nil
            closing = true
            lock.notifyAll()
            return thread
        }
        guard let thread else { return }
        cancel.signal()
        wake.signal()
        thread.join()
        while let slot = lock.withLock({ queue.popFirst() }) { slot.drop() }
    }

    // MARK: - For the I/O thread

    var isClosing: Bool { lock.withLock { closing } }

    func setConnected(_ connected: Bool) {
        lock.withLock {
            if connected, !stats.connected { stats.connections += 1 }
            stats.connected = connected
            // Sequences are those of one connection's sender.
            nextSequence = nil
        }
    }

    func recordRead(_ bytes: Int) {
        lock.withLock { stats.bytesWire += UInt64(bytes) }
    }

    func recordError() {
        lock.withLock { stats.errors += 1 }
    }

    /// A frame came that is coded against one that is not here.
    func recordUndecodable(_ sequence: UInt64) {
        lock.withLock {
            stats.framesUndecodable += 1
            noteSequence(sequence)
        }
    }

    /// Counts what is missing before a frame. The lock is held.
    private func noteSequence(_ sequence: UInt64) {
        if let expected = nextSequence, sequence > expected { stats.framesMissed += sequence - expected }
        nextSequence = sequence &+ 1
    }

    /// Queues a decoded frame by the overflow policy; with ``OverflowPolicy/block`` waits until there is
    /// room.
    ///
    /// - Returns: `false` when the receiver is being closed.
    func deliver(_ slot: FrameSlot, checksumsVerified: UInt64) -> Bool {
        var dropped: FrameSlot?
        let isOpen = lock.withLock { () -> Bool in
            stats.framesReceived += 1
            stats.bytesRaw += UInt64(slot.layout.packedSize)
            stats.checksumsVerified += checksumsVerified
            if let decode = slot.timing.decode { decodeTimes.record(decode) }
            if let latency = slot.timing.latency { latencies.record(latency) }
            noteSequence(slot.info.sequence)
            if options.overflow == .block {
                while queue.isFull, !closing { lock.wait() }
            }
            if closing {
                dropped = slot
                return false
            }
            if queue.isFull {
                stats.framesDropped += 1
                if options.overflow == .dropNewest {
                    dropped = slot
                    return true
                }
                dropped = queue.popFirst()
            }
            queue.append(slot)
            lock.notifyAll()
            return true
        }
        dropped?.drop()
        readable.signal()
        #if !hasFeature(Embedded)
            serveWaiters()
        #endif
        return isOpen
    }

    /// The stream has ended; frames that wait can still be fetched.
    func finish(_ error: FramewireError) {
        lock.withLock {
            if ending == nil { ending = error }
            stats.connected = false
            lock.notifyAll()
        }
        readable.signal()
        #if !hasFeature(Embedded)
            serveWaiters()
        #endif
    }
}

#if !hasFeature(Embedded)
    extension ReceiverCore {
        /// A task that waits for a frame.
        fileprivate struct Waiter {
            let number: UInt64
            /// `nil` when the task was cancelled before it began to wait.
            var continuation: CheckedContinuation<Result<Frame, FramewireError>, Never>?
        }

        func makeWaiter() -> UInt64 {
            lock.withLock {
                nextWaiter += 1
                return nextWaiter
            }
        }

        func wait(_ number: UInt64, _ continuation: CheckedContinuation<Result<Frame, FramewireError>, Never>)
        {
            let isCancelled = lock.withLock { () -> Bool in
                if let index = waiters.firstIndex(where: { $0.number == number }) {
                    waiters.remove(at: index)
                    return true
                }
                waiters.append(Waiter(number: number, continuation: continuation))
                return false
            }
            if isCancelled {
                continuation.resume(returning: .failure(Self.cancelled))
            } else {
                serveWaiters()
            }
        }

        func cancel(_ number: UInt64) {
            let continuation = lock.withLock {
                () -> CheckedContinuation<Result<Frame, FramewireError>, Never>? in
                if let index = waiters.firstIndex(where: { $0.number == number }) {
                    return waiters.remove(at: index).continuation
                }
                // It has not begun to wait, or has been served; a mark of the former is found by `wait`.
                waiters.append(Waiter(number: number, continuation: nil))
                return nil
            }
            continuation?.resume(returning: .failure(Self.cancelled))
        }

        /// Removes the mark that a cancellation may have left behind.
        func forget(_ number: UInt64) {
            lock.withLock { waiters.removeAll { $0.number == number } }
        }

        private static var cancelled: FramewireError { FramewireError(.flushing, "the task was cancelled") }

        /// Gives frames, or the end of the stream, to tasks that wait.
        fileprivate func serveWaiters() {
            while true {
                var slot: FrameSlot?
                var end: FramewireError?
                var isLast = false
                let continuation = lock.withLock {
                    () -> CheckedContinuation<Result<Frame, FramewireError>, Never>? in
                    guard !queue.isEmpty || ending != nil,
                        let index = waiters.firstIndex(where: { $0.continuation != nil })
                    else { return nil }
                    if queue.isEmpty {
                        end = ending
                    } else {
                        slot = takeFirst()
                        isLast = queue.isEmpty && ending == nil
                    }
                    return waiters.remove(at: index).continuation
                }
                guard let continuation else { return }
                if isLast { lowerReadable() }
                if let slot {
                    continuation.resume(returning: .success(Frame(slot)))
                } else if let end {
                    continuation.resume(returning: .failure(end))
                }
            }
        }
    }
#endif
