/// The state of a pool, which its buffers refer to while they are out.
///
/// It lives as long as the ``BufferPool``, and behind that until the last buffer has come back.
final class PoolCore: @unchecked Sendable {
    // Unchecked: all that changes is guarded by the lock.

    private let lock = Lock()
    /// Whether buffers may come back with shares of other memories behind the one that they were lent with: the
    /// memories are let go, and the objects of the shares kept for the next user.
    let keepsShares: Bool
    /// The free buffers, linked by their `next`. Each has its memory, and no other owner.
    @exclusivity(unchecked) private var free: Unmanaged<BufferStorage>?
    /// Active and not flushing.
    @exclusivity(unchecked) private var isLending = false
    @exclusivity(unchecked) private var isActive = false
    @exclusivity(unchecked) private var isFlushing = false
    @exclusivity(unchecked) private var isClosed = false
    @exclusivity(unchecked) private var waiting = 0
    /// The buffers that exist: free, out, or being allocated.
    @exclusivity(unchecked) private var total = 0
    @exclusivity(unchecked) private var stats = BufferPool.Stats()
    @exclusivity(unchecked) private var configuration = BufferPool.Configuration(size: 0)
    /// Counts the changes of the configuration.
    @exclusivity(unchecked) private var generation = 0

    init(keepsShares: Bool) {
        self.keepsShares = keepsShares
    }

    // MARK: Configuration

    func configure(_ new: BufferPool.Configuration) throws(BufferError) {
        try new.check()
        lock.lock()
        defer { lock.unlock() }
        if configuration.isSame(as: new) { return }
        guard !isActive else {
            throw .invalidArgument("the pool is active, so it cannot be configured; deactivate it first")
        }
        guard total == 0 else {
            throw .invalidArgument(
                "buffers of the pool are still out, so it cannot be configured; release them first")
        }
        configuration = new
        generation += 1
    }

    func activate() throws(BufferError) {
        while true {
            lock.lock()
            let configuration = self.configuration
            let missing = isActive ? 0 : max(0, configuration.minimumBuffers - total)
            let generation = self.generation
            lock.unlock()

            // Without the lock: the allocator may be the user's.
            let new = try makeChain(missing, configuration)
            lock.lock()
            // Another thread may have been faster.
            let isCurrent = generation == self.generation && !isClosed
            if isCurrent, !isActive {
                adopt(new, missing)
                isActive = true
                isFlushing = false
                isLending = true
                lock.unlock()
                return
            }
            let isDone = isCurrent || isClosed
            lock.unlock()
            releaseAll(new)
            if isDone { return }
        }
    }

    func deactivate() {
        lock.lock()
        isActive = false
        isLending = false
        let unused = free
        free = nil
        var next = unused
        while let storage = next {
            total -= 1
            next = storage._withUnsafeGuaranteedRef { $0.head.pointee.next }
        }
        wakeAndUnlock()
        releaseAll(unused)
    }

    func setFlushing(_ flag: Bool) {
        lock.lock()
        isFlushing = flag
        isLending = isActive && !flag
        wakeAndUnlock()
    }

    func close() {
        lock.lock()
        // The buffers that are out have one reference to the pool together, which the last of them drops.
        if !isClosed, stats.outstanding > 0 { _ = Unmanaged.passRetained(self) }
        isClosed = true
        lock.unlock()
        deactivate()
    }

    var currentConfiguration: BufferPool.Configuration { lock.withLock { configuration } }

    var currentlyActive: Bool { lock.withLock { isActive } }

    var currentStats: BufferPool.Stats { lock.withLock { stats } }

    var waiterCount: Int { lock.withLock { waiting } }

    var bufferCount: Int { lock.withLock { total } }

    // MARK: Lending

    /// A buffer, of which the caller owns the reference.
    @inline(__always)
    func acquire(timeout: Int64) throws(BufferError) -> Unmanaged<BufferStorage> {
        lock.lock()
        guard isLending, let first = free else { return try acquireSlowly(timeout) }
        lend(first)
        lock.unlock()
        return first
    }

    /// Takes the first free buffer, with the lock held.
    @inline(__always)
    private func lend(_ first: Unmanaged<BufferStorage>) {
        free = first._withUnsafeGuaranteedRef { $0.head.pointee.next }
        countLent()
    }

    @inline(__always)
    private func countLent() {
        stats.acquired &+= 1
        stats.outstanding &+= 1
        if stats.outstanding > stats.highWater { stats.highWater = stats.outstanding }
    }

    /// Goes on with the lock held, and gives it up.
    @inline(never)
    private func acquireSlowly(_ timeout: Int64) throws(BufferError) -> Unmanaged<BufferStorage> {
        // Another thread may free the pool while this one waits or allocates.
        let pool = Unmanaged.passRetained(self)
        defer { pool.release() }
        let storage: Unmanaged<BufferStorage>?
        do throws(BufferError) {
            storage = try waitForFree(timeout)
        } catch {
            lock.unlock()
            throw error
        }
        if let storage {
            lend(storage)
            lock.unlock()
            return storage
        }
        total += 1
        let configuration = self.configuration
        lock.unlock()
        var new: Unmanaged<BufferStorage>?
        var failure = BufferError.flushing
        do throws(BufferError) {
            new = try make(configuration)
        } catch {
            failure = error
        }
        lock.lock()
        if let new, isLending {
            countLent()
            lock.unlock()
            return new
        }
        total -= 1
        wakeAndUnlock()
        releaseAll(new)
        throw failure
    }

    /// Waits, with the lock held, until a buffer is free or may be made.
    private func waitForFree(_ timeout: Int64) throws(BufferError) -> Unmanaged<BufferStorage>? {
        var deadline: Int64?
        var isInTime = true
        while true {
            guard isLending else { throw .flushing }
            if let free { return free }
            if configuration.maximumBuffers == 0 || total < configuration.maximumBuffers { return nil }
            if timeout == 0 { throw .wouldBlock }
            guard isInTime else { throw .timeout }
            let end = deadline ?? Clock.deadline(after: timeout)
            deadline = end
            waiting += 1
            isInTime = lock.wait(until: end)
            waiting -= 1
        }
    }

    /// Takes a buffer back, with its reference, or nil for one that cannot be used again.
    func takeBack(_ storage: Unmanaged<BufferStorage>?) {
        lock.lock()
        stats.outstanding &-= 1
        var unused: Unmanaged<BufferStorage>?
        if let storage, isActive {
            storage._withUnsafeGuaranteedRef {
                $0.head.pointee.slots[0]._withUnsafeGuaranteedRef {
                    $0.resetWindow(offset: configuration.allocation.prefix, size: configuration.size)
                }
            }
            push(storage)
            stats.recycled &+= 1
        } else {
            unused = storage
            storage?._withUnsafeGuaranteedRef { $0.head.pointee.next = nil }
            total -= 1
            stats.discarded &+= 1
        }
        let isLast = isClosed && stats.outstanding == 0
        wakeAndUnlock()
        releaseAll(unused)
        if isLast { Unmanaged.passUnretained(self).release() }
    }

    /// Ends the critical section and wakes those who wait, if there are any: inside of it, as the pool may be
    /// gone right behind it.
    @inline(__always)
    private func wakeAndUnlock() {
        if waiting > 0 { lock.notifyAll() }
        lock.unlock()
    }

    // MARK: Buffers

    @inline(__always)
    private func push(_ storage: Unmanaged<BufferStorage>) {
        storage._withUnsafeGuaranteedRef { $0.head.pointee.next = free }
        free = storage
    }

    /// Adds `count` new buffers to the free ones, with the lock held.
    private func adopt(_ first: Unmanaged<BufferStorage>?, _ count: Int) {
        var next = first
        while let storage = next {
            next = storage._withUnsafeGuaranteedRef { $0.head.pointee.next }
            push(storage)
        }
        total += count
    }

    private func makeChain(
        _ count: Int, _ configuration: BufferPool.Configuration
    ) throws(BufferError) -> Unmanaged<BufferStorage>? {
        var first: Unmanaged<BufferStorage>?
        for _ in 0..<count {
            do throws(BufferError) {
                let new = try make(configuration)
                new._withUnsafeGuaranteedRef { $0.head.pointee.next = first }
                first = new
            } catch {
                releaseAll(first)
                throw error
            }
        }
        return first
    }

    private func make(
        _ configuration: BufferPool.Configuration
    ) throws(BufferError) -> Unmanaged<BufferStorage> {
        let memory = try Memory(size: configuration.size, parameters: configuration.allocation)
        let storage = BufferStorage.make(taking: Unmanaged.passRetained(memory))
        let head = storage.head
        head.pointee.pool = Unmanaged.passUnretained(self)
        head.pointee.pooledMemory = head.pointee.slots[0]
        return Unmanaged.passRetained(storage)
    }

    /// Frees the buffers of a chain, which are then of no pool.
    private func releaseAll(_ first: Unmanaged<BufferStorage>?) {
        var next = first
        while let storage = next {
            next = storage._withUnsafeGuaranteedRef {
                $0.leavePool()
                return $0.head.pointee.next
            }
            storage.release()
        }
    }
}
