import Buffers
import Synchronization
import Wire

/// What the I/O thread does with the shared state.
extension SenderCore {
    /// A receiver has connected. The first one gets the frames that wait.
    func addReceiver(_ address: String) -> SenderQueue {
        let queue = SenderQueue(capacity: options.queueDepth)
        let count = lock.withLock {
            stats.connections += 1
            stats.connected = true
            queue.id = stats.connections
            queue.stats.id = queue.id
            queue.stats.address = address
            if queues.isEmpty { swap(&queue.frames, &lobby.frames) }
            queues.append(queue)
            lock.notifyAll()
            return queues.count
        }
        adaptPool(count)
        return queue
    }

    /// A receiver has gone.
    ///
    /// - Parameter keepsFrames: whether those that wait for it alone are for the next one.
    func removeReceiver(_ queue: SenderQueue, keepsFrames: Bool) {
        let count = lock.withLock {
            if let index = queues.firstIndex(where: { $0 === queue }) { queues.remove(at: index) }
            stats.connected = !queues.isEmpty
            if keepsFrames, queues.isEmpty { swap(&queue.frames, &lobby.frames) }
            lock.notifyAll()
            return queues.count
        }
        dropAll(of: queue)
        adaptPool(count)
    }

    /// Each receiver may hold frames that the others have done with.
    private func adaptPool(_ receivers: Int) {
        pool.setCapacity(options.queueDepth + 4 + References.maximumPairs + 3 * max(0, receivers - 1))
    }

    /// The frame that waits longest.
    ///
    /// - Parameter skipsOvertaken: passes over frames of which a newer one of their stream and view waits, too.
    func takeNext(_ queue: SenderQueue, skipsOvertaken: Bool) -> FrameSlot? {
        var overtaken = EvictedFrames()
        defer { overtaken.dropAll() }
        return lock.withLock {
            guard var slot = queue.frames.popFirst() else { return nil }
            while skipsOvertaken, !overtaken.isFull, queue.frames.overtakes(slot),
                let next = queue.frames.popFirst()
            {
                overtaken.add(slot)
                stats.framesDropped += 1
                queue.stats.framesDropped += 1
                slot = next
            }
            if queue.inHand.count == 0 {
                queue.inHand.first = slot.info.sequence
            } else {
                queue.inHand.second = slot.info.sequence
            }
            queue.inHand.count += 1
            queue.takesFrom.store(.max, ordering: .relaxed)
            lock.notifyAll()
            return slot
        }
    }

    /// The frame that was taken last goes back to the front of the queue, to be taken again.
    ///
    /// - Returns: `false` when there is no room; the frame is still the caller's.
    func putBack(_ slot: FrameSlot, _ queue: SenderQueue) -> Bool {
        lock.withLock {
            guard failure == nil, options.overflow == .block || !queue.frames.isFull else { return false }
            queue.frames.prepend(slot)
            queue.inHand.count -= 1
            return true
        }
    }

    /// Whether somebody waits for the frames that wait to leave, however late they are.
    var isFlushing: Bool { flushes.load(ordering: .relaxed) > 0 }

    /// Whether frames wait, what is to be done once the sender is to end, and the limits as they are now.
    func outlook() -> (waiting: Bool, ending: (deadline: Int64, bye: Bye)?, limits: RateLimits) {
        lock.withLock {
            var waiting = !lobby.frames.isEmpty
            for index in queues.indices where !queues[index].frames.isEmpty { waiting = true }
            return (waiting, ending, rateLimits)
        }
    }

    func hasWaiting(_ queue: SenderQueue) -> Bool { lock.withLock { !queue.frames.isEmpty } }

    /// The sender is to end, and the receiver wants no frames: those that wait are dropped if they may be.
    func giveUp(_ queue: SenderQueue) {
        guard options.overflow != .block else { return }
        lock.withLock { unwanted += UInt64(queue.frames.count) }
        dropAll(of: queue)
    }

    /// Whether a receiver still waits for the frame.
    func isAwaited(_ sequence: UInt64) -> Bool {
        lock.withLock {
            for index in queues.indices where queues[index].holds(sequence) { return true }
            return false
        }
    }

    func setPaused(_ isPaused: Bool, _ queue: SenderQueue) {
        lock.withLock { queue.stats.isPaused = isPaused }
    }

    /// - Parameter choice: how frames are coded now; nil says nothing about it.
    func recordEncoded(_ duration: Int64, _ choice: ProfileChooser.Choice?) {
        lock.withLock {
            stats.framesEncoded += 1
            encodeTimes.record(duration)
            if let choice { (stats.profile, stats.profileReason) = (choice.profile, choice.reason) }
        }
    }

    func recordSent(_ queue: SenderQueue, _ message: EncodedMessage, wireBytes: Int) {
        lock.withLock {
            stats.framesSent += 1
            stats.bytesRaw += UInt64(message.rawBytes)
            stats.bytesWire += UInt64(wireBytes)
            queue.stats.frames += 1
            queue.stats.bytesWire += UInt64(wireBytes)
            queue.stats.profile = message.coding.profile
            queue.settleOldestInHand()
            lock.notifyAll()
        }
    }

    /// A frame that was taken is lost.
    func recordLost(_ queue: SenderQueue) {
        lock.withLock {
            stats.framesDropped += 1
            queue.stats.framesDropped += 1
            queue.settleOldestInHand()
            lock.notifyAll()
        }
    }

    func recordLatency(_ duration: Int64, _ queue: SenderQueue) {
        lock.withLock {
            latencies.record(duration)
            queue.latencies.record(duration)
            stats.framesAcknowledged += 1
        }
    }

    func recordRoundTrip(_ duration: Int64, _ queue: SenderQueue) {
        lock.withLock {
            roundTrips.record(duration)
            queue.roundTrips.record(duration)
        }
    }

    func deliver(_ message: Message) {
        lock.withLock {
            stats.messagesReceived += 1
            if inbox.append(message) { stats.messagesDropped += 1 }
            lock.notifyAll()
        }
    }

    /// Ends the sender for good: frames that wait are dropped, and every call gives `error` from now on.
    func fail(_ error: FramewireError) {
        let count = lock.withLock {
            if failure == nil { failure = error }
            stats.connected = false
            lock.notifyAll()
            return queues.count
        }
        dropAll(of: lobby)
        // Only this thread adds and removes queues.
        for index in 0..<count { dropAll(of: queues[index]) }
    }

    /// The I/O thread has let go of everything.
    func finish() {
        lock.withLock {
            isOver = true
            lock.notifyAll()
        }
    }

    private func dropAll(of queue: SenderQueue) {
        while let slot = takeNext(queue, skipsOvertaken: false) {
            slot.drop()
            recordLost(queue)
        }
    }
}
