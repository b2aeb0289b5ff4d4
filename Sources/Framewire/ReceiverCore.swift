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
    private let decodeTimes = Percentiles()
    private let latencies = Percentiles()
    private let roundTrips = Percentiles()
    private var closing = false
    /// Whether frames are wanted.
    private var isPaused = false
    /// Whether the I/O thread waits for room in the queue.
    private var isHeldUp = false
    /// The senders that are connected, in the order in which they came.
    private var records: [ReceiverPeerRecord] = []
    private var lastID: UInt64 = 0
    private var keyFrameRequests: [KeyFrameRequest] = []
    private var lastEnd: StreamEnd?
    /// How the stream ended.
    private var ending: FramewireError?
    private var thread: Thread?
    private let loop: ReceiverLoop
    /// Counts the frames of all senders.
    let tally = FrameTally()

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
        keyFrameRequests.reserveCapacity(References.maximumPairs)
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
        let taken = try lock.withLock { () throws(FramewireError) -> Taken in
            while queue.isEmpty {
                if let ending { throw ending }
                guard timeout != 0 else {
                    throw FramewireError(.wouldBlock, "no frame has arrived yet")
                }
                guard lock.wait(until: deadline) || !queue.isEmpty || ending != nil else {
                    throw FramewireError(.timeout, "no frame arrived within \(timeout) ns")
                }
            }
            return takeFirst()
        }
        tellAbout(taken)
        return taken.slot
    }

    /// A frame that was taken from the queue, and who has to know.
    private struct Taken {
        let slot: FrameSlot
        let isLast: Bool
        let makesRoom: Bool
    }

    /// The lock is held and the queue is not empty.
    private func takeFirst() -> Taken {
        let slot = queue.popFirst()!
        stats.framesDelivered += 1
        record(of: slot)?.stats.queueDepth -= 1
        let makesRoom = isHeldUp
        isHeldUp = false
        return Taken(slot: slot, isLast: queue.isEmpty && ending == nil, makesRoom: makesRoom)
    }

    /// No system call is made under the lock, so a frame may come between: then the signal is given again.
    private func tellAbout(_ taken: Taken) {
        if taken.makesRoom { wake.signal() }
        guard taken.isLast else { return }
        readable.drain()
        if lock.withLock({ !queue.isEmpty || ending != nil }) { readable.signal() }
    }

    /// Whose frame it is, unless that has left. The lock is held.
    private func record(of slot: FrameSlot) -> ReceiverPeerRecord? {
        for record in records where record.id == slot.peerID { return record }
        return nil
    }

    package func setPaused(_ paused: Bool) {
        lock.withLock { isPaused = paused }
        wake.signal()
    }

    /// - Parameter peerID: 0: to all.
    package func send(
        to peerID: UInt64, type: UInt32, content: UnsafeRawBufferPointer
    ) throws(FramewireError) {
        let limit = UserMessage.maximumContentSize(Limits())
        guard content.count <= limit else {
            throw FramewireError(
                .tooLarge, "a message of \(content.count) bytes; the most that can be sent is \(limit)")
        }
        guard let message = OutboundMessage.make(type: type, content: content) else {
            throw FramewireError(.noMemory, "no memory for a message of \(content.count) bytes")
        }
        var hasFound = false
        var hasTaken = false
        lock.withLock {
            for record in records where !record.isFile && (peerID == 0 || record.id == peerID) {
                hasFound = true
                if record.append(message) { hasTaken = true }
            }
        }
        guard hasFound else {
            throw FramewireError(
                .closed,
                peerID == 0
                    ? "no sender is connected that could take a message"
                    : "sender \(peerID) is not connected, or a recording")
        }
        guard hasTaken else {
            throw FramewireError(
                .wouldBlock, "\(ReceiverPeerRecord.outboxCapacity) messages wait for the sender to read them")
        }
        wake.signal()
    }

    package func requestKeyFrame(streamID: UInt32, viewID: UInt32) throws(FramewireError) {
        let request = KeyFrameRequest(streamID: streamID, viewID: viewID)
        try lock.withLock { () throws(FramewireError) in
            var isHeard = false
            for record in records where !record.isFile { isHeard = true }
            guard isHeard else {
                throw FramewireError(.closed, "no sender is connected that could be asked for a key frame")
            }
            for known in keyFrameRequests where known == request { return }
            guard keyFrameRequests.count < References.maximumPairs else {
                throw FramewireError(.wouldBlock, "\(keyFrameRequests.count) requests for key frames wait")
            }
            keyFrameRequests.append(request)
        }
        wake.signal()
    }

    package var end: StreamEnd? { lock.withLock { lastEnd } }

    /// - Returns: nil when there are not so many senders.
    package func peerStats(_ index: Int) -> PeerStats? {
        lock.withLock {
            guard index >= 0, index < records.count else { return nil }
            let record = records[index]
            var result = record.stats
            (result.latencyP50, result.latencyP99) = record.latencies.values(50, 99)
            (result.roundTripP50, result.roundTripP99) = record.roundTrips.values(50, 99)
            result.isPaused = isPaused
            return result
        }
    }

    package func currentStats() -> ReceiverStats {
        var result = ReceiverStats()
        lock.withLock {
            result = stats
            (result.decodeP50, result.decodeP99) = decodeTimes.values(50, 99)
            (result.latencyP50, result.latencyP99) = latencies.values(50, 99)
            (result.roundTripP50, result.roundTripP99) = roundTrips.values(50, 99)
            result.queueDepth = queue.count
            result.peers = records.count
            result.isPaused = isPaused
        }
        result.framesAllocated = tally.count
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

    /// What the caller's threads want of the I/O thread.
    struct Orders {
        let isClosing: Bool
        let isPaused: Bool
    }

    func orders() -> Orders {
        lock.withLock { Orders(isClosing: closing, isPaused: isPaused) }
    }

    func nextKeyFrameRequest() -> KeyFrameRequest? {
        lock.withLock { keyFrameRequests.popLast() }
    }

    func takeMessage(_ record: ReceiverPeerRecord) -> OutboundMessage? {
        lock.withLock { record.takeMessage() }
    }

    func add(_ connection: Connection) -> ReceiverPeerRecord {
        let id = lastID + 1
        let record = ReceiverPeerRecord(id: id, address: connection.peerName, isFile: connection.isFile)
        lock.withLock {
            lastID = id
            records.append(record)
            stats.connections += 1
            stats.connected = true
        }
        return record
    }

    func remove(_ record: ReceiverPeerRecord, _ end: StreamEnd, isError: Bool) {
        lock.withLock {
            for index in records.indices where records[index] === record {
                records.remove(at: index)
                break
            }
            stats.connected = !records.isEmpty
            if isError { stats.errors += 1 }
            lastEnd = end
        }
    }

    func recordRefused() {
        lock.withLock { stats.peersRefused += 1 }
    }

    func recordRead(_ bytes: Int, _ record: ReceiverPeerRecord) {
        lock.withLock { addBytes(bytes, record) }
    }

    /// The lock is held.
    private func addBytes(_ bytes: Int, _ record: ReceiverPeerRecord) {
        stats.bytesWire += UInt64(bytes)
        record.stats.bytesWire += UInt64(bytes)
    }

    func recordRoundTrip(_ duration: Int64, _ record: ReceiverPeerRecord) {
        lock.withLock {
            roundTrips.record(duration)
            record.roundTrips.record(duration)
        }
    }

    /// A frame came that is coded against one that is not here.
    func recordUndecodable(_ sequence: UInt64, _ record: ReceiverPeerRecord) {
        lock.withLock {
            stats.framesUndecodable += 1
            noteSequence(sequence, record)
        }
    }

    /// Counts what is missing before a frame. The lock is held.
    private func noteSequence(_ sequence: UInt64, _ record: ReceiverPeerRecord) {
        if let expected = record.nextSequence, sequence > expected {
            stats.framesMissed &+= sequence - expected
        }
        record.nextSequence = sequence &+ 1
    }

    /// A frame is decoded.
    ///
    /// - Parameter bytesRead: what of the sender has been read since the last time.
    func recordFrame(
        _ slot: FrameSlot, _ record: ReceiverPeerRecord, bytesRead: Int, checksumsVerified: UInt64
    ) {
        lock.withLock {
            addBytes(bytesRead, record)
            stats.framesReceived += 1
            record.stats.frames += 1
            record.stats.profile = slot.profile
            stats.bytesRaw += UInt64(slot.layout.packedSize)
            stats.checksumsVerified += checksumsVerified
            if let decode = slot.timing.decode { decodeTimes.record(decode) }
            if let latency = slot.timing.latency {
                latencies.record(latency)
                record.latencies.record(latency)
            }
            noteSequence(slot.info.sequence, record)
        }
    }

    enum Offer: UInt8 {
        /// The queue has the frame, or it has been dropped by the policy.
        case taken
        /// There is no room; ``next(timeout:)`` wakes the I/O thread when there is.
        case full
        case closing
    }

    /// Queues a decoded frame by the overflow policy. Unless it is taken it stays the caller's.
    func offer(_ slot: FrameSlot, _ record: ReceiverPeerRecord) -> Offer {
        var dropped: FrameSlot?
        let offer = lock.withLock { () -> Offer in
            if closing { return .closing }
            if queue.isFull {
                if options.overflow == .block {
                    isHeldUp = true
                    return .full
                }
                stats.framesDropped += 1
                if options.overflow == .dropNewest {
                    record.stats.framesDropped += 1
                    dropped = slot
                    return .taken
                }
                dropped = queue.popFirst()
                if let loser = dropped.flatMap({ self.record(of: $0) }) {
                    loser.stats.framesDropped += 1
                    loser.stats.queueDepth -= 1
                }
            }
            queue.append(slot)
            record.stats.queueDepth += 1
            lock.notifyAll()
            return .taken
        }
        guard offer == .taken else { return offer }
        dropped?.drop()
        readable.signal()
        #if !hasFeature(Embedded)
            serveWaiters()
        #endif
        return offer
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
        ///
        /// What a task gets is made under the lock that it takes once more before it looks (`forget`): of a
        /// continuation resumed before it is awaited the thread sanitizer is told nothing, of the lock it is.
        fileprivate func serveWaiters() {
            while true {
                var taken: Taken?
                let served = lock.withLock { () -> (Waiter, Result<Frame, FramewireError>)? in
                    guard let index = waiters.firstIndex(where: { $0.continuation != nil }) else {
                        return nil
                    }
                    if queue.isEmpty {
                        guard let ending else { return nil }
                        return (waiters.remove(at: index), .failure(ending))
                    }
                    let first = takeFirst()
                    taken = first
                    return (waiters.remove(at: index), .success(Frame(first.slot)))
                }
                guard let (waiter, result) = served else { return }
                if let taken { tellAbout(taken) }
                waiter.continuation?.resume(returning: result)
            }
        }
    }
#endif
