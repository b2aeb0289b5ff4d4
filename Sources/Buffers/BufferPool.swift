/// Keeps buffers of one size for reuse.
///
/// A buffer returns by itself when its last owner drops it. One whose memory was replaced, or is still referred to, mapped or shared
/// by others then, is thrown away instead; a region copied from it with ``Buffer/copyRegion(offset:size:)`` keeps it out until
/// the region is gone.
///
/// Threads: any, several at once. A pool that is dropped while buffers are out stays behind them, hidden, until the last is gone.
public final class BufferPool: Sendable {
    /// What a pool is to hold.
    public struct Options: Sendable {
        /// The largest ``minimumBuffers``.
        public static let maximumPreallocation = 1 << 16

        /// Bytes of each buffer.
        public var size: Int
        /// Allocated at once.
        public var minimumBuffers: Int
        /// The most that exist at one time; 0 is unlimited.
        public var maximumBuffers: Int
        public var allocation: AllocationParameters

        public init(
            size: Int, minimumBuffers: Int = 0, maximumBuffers: Int = 0,
            allocation: AllocationParameters = AllocationParameters()
        ) {
            self.size = size
            self.minimumBuffers = minimumBuffers
            self.maximumBuffers = maximumBuffers
            self.allocation = allocation
        }
    }

    /// Counts since the pool was made.
    public struct Stats: Sendable, Equatable {
        /// Calls of ``BufferPool/acquire(timeout:)`` that succeeded.
        public var acquired: UInt64 = 0
        /// Buffers that came back and can be used again.
        public var recycled: UInt64 = 0
        /// Buffers that came back unusable.
        public var discarded: UInt64 = 0
        /// Buffers that are out now.
        public var outstanding: UInt64 = 0
        /// The most that were out at once.
        public var highWater: UInt64 = 0

        public init() {}
    }

    private let core: PoolCore

    /// A new, active pool.
    ///
    /// - Throws: ``BufferError/invalidArgument(_:)``, ``BufferError/outOfRange(_:)``, ``BufferError/noMemory(bytes:)``.
    public init(_ options: Options) throws(BufferError) {
        // Before anything throws: Embedded Swift does not free an object that is incomplete then.
        core = PoolCore(options)
        _ = try options.allocation.blockSize(visible: options.size)
        guard options.minimumBuffers >= 0, options.minimumBuffers <= Options.maximumPreallocation,
            options.maximumBuffers >= 0
        else {
            throw .outOfRange(
                "a pool cannot allocate \(options.minimumBuffers) buffers at once, nor hold \(options.maximumBuffers);"
                    + " the first may be at most \(Options.maximumPreallocation)")
        }
        guard options.maximumBuffers == 0 || options.minimumBuffers <= options.maximumBuffers else {
            throw .invalidArgument(
                "the pool is to begin with \(options.minimumBuffers) buffers and to hold at most \(options.maximumBuffers)"
            )
        }
        try core.preallocate()
    }

    deinit {
        core.close()
    }

    /// A writable buffer of the pool's size.
    ///
    /// - Parameter timeout: nanoseconds to wait for one to come back when the pool holds as many as it may; 0 does not wait,
    ///   a negative value waits without a limit.
    /// - Throws: ``BufferError/wouldBlock`` (timeout 0), ``BufferError/timeout``, ``BufferError/flushing``,
    ///   ``BufferError/noMemory(bytes:)``.
    public func acquire(timeout: Int64 = -1) throws(BufferError) -> Buffer {
        Buffer(storage: try acquireStorage(timeout: timeout))
    }

    /// As ``acquire(timeout:)``.
    package func acquireStorage(timeout: Int64) throws(BufferError) -> BufferStorage {
        try core.acquire(timeout: timeout)
    }

    /// While `true`, waiting and new calls of ``acquire(timeout:)`` fail with ``BufferError/flushing``.
    public func setFlushing(_ isFlushing: Bool) {
        core.setFlushing(isFlushing)
    }

    /// Ends the pool, as dropping it does: calls that wait fail with ``BufferError/flushing``.
    package func close() {
        core.close()
    }

    public var stats: Stats { core.currentStats }

    /// The number of threads that wait in ``acquire(timeout:)``.
    var waiterCount: Int { core.waiterCount }
}

/// The state of a pool, which its buffers refer to while they are out.
final class PoolCore: @unchecked Sendable {
    // Unchecked: all that changes is guarded by the lock.

    private let lock = Lock()
    private let options: BufferPool.Options
    /// The free memories, linked by their `next`.
    @exclusivity(unchecked) private var free: Unmanaged<Memory>?
    /// The memories that exist: free, out, or being allocated.
    @exclusivity(unchecked) private var total = 0
    @exclusivity(unchecked) private var waiting = 0
    @exclusivity(unchecked) private var isFlushing = false
    @exclusivity(unchecked) private var isClosed = false
    @exclusivity(unchecked) private var stats = BufferPool.Stats()

    init(_ options: BufferPool.Options) {
        self.options = options
    }

    deinit {
        releaseAll(free)
    }

    func preallocate() throws(BufferError) {
        for _ in 0..<options.minimumBuffers {
            var memory = try makeMemory()
            push(&memory)
            total += 1
        }
    }

    func acquire(timeout: Int64) throws(BufferError) -> BufferStorage {
        lock.lock()
        if isClosed || isFlushing {
            lock.unlock()
            throw .flushing
        }
        let mustWait = free == nil && options.maximumBuffers != 0 && total >= options.maximumBuffers
        // Another thread may free the pool while this one waits.
        if mustWait { _ = Unmanaged.passRetained(self) }
        defer { if mustWait { Unmanaged.passUnretained(self).release() } }
        if mustWait {
            do throws(BufferError) {
                try wait(timeout)
            } catch {
                lock.unlock()
                throw error
            }
        }
        let memory: Unmanaged<Memory>
        if let first = free {
            memory = first
            free = first._withUnsafeGuaranteedRef { $0.next }
        } else {
            total += 1
            lock.unlock()
            do throws(BufferError) {
                memory = try makeMemory()
            } catch {
                lock.lock()
                total -= 1
                wakeAndUnlock()
                throw error
            }
            lock.lock()
        }
        stats.acquired += 1
        stats.outstanding += 1
        stats.highWater = max(stats.highWater, stats.outstanding)
        // All buffers that are out have one reference to the pool together.
        if stats.outstanding == 1 { _ = Unmanaged.passRetained(self) }
        lock.unlock()

        memory._withUnsafeGuaranteedRef {
            $0.resetWindow(offset: options.allocation.prefix, size: options.size)
        }
        let storage = BufferStorage.make()
        let head = storage.head
        head.pointee.slots[0] = memory
        head.pointee.count = 1
        head.pointee.maximumSize = memory._withUnsafeGuaranteedRef { $0.maxSize }
        head.pointee.pool = Unmanaged.passUnretained(self)
        head.pointee.pooledMemory = memory
        storage.giveBackPooledMetas(of: memory)
        return storage
    }

    /// Waits, with the lock held, until a buffer can be had.
    private func wait(_ timeout: Int64) throws(BufferError) {
        if timeout == 0 { throw .wouldBlock }
        let deadline = Clock.deadline(after: timeout)
        waiting += 1
        defer { waiting -= 1 }
        var isInTime = true
        while true {
            if isClosed || isFlushing { throw .flushing }
            if free != nil || total < options.maximumBuffers { return }
            guard isInTime else { throw .timeout }
            isInTime = lock.wait(until: deadline)
        }
    }

    /// Takes the memory of a buffer back with the reference of its place, or nil for a buffer whose memory cannot be used again.
    func takeBack(_ memory: Unmanaged<Memory>?) {
        lock.lock()
        stats.outstanding -= 1
        let isLast = stats.outstanding == 0
        var unused: Unmanaged<Memory>?
        if var memory, !isClosed {
            push(&memory)
            stats.recycled += 1
        } else {
            unused = memory
            total -= 1
            stats.discarded += 1
        }
        wakeAndUnlock()
        unused?.release()
        if isLast { Unmanaged.passUnretained(self).release() }
    }

    func setFlushing(_ flag: Bool) {
        lock.lock()
        isFlushing = flag
        wakeAndUnlock()
    }

    func close() {
        lock.lock()
        isClosed = true
        let unused = free
        free = nil
        wakeAndUnlock()
        releaseAll(unused)
    }

    var currentStats: BufferPool.Stats { lock.withLock { stats } }

    var waiterCount: Int { lock.withLock { waiting } }

    /// Ends the critical section and wakes those who wait, if there are any: inside of it, as the pool may be gone right behind it.
    private func wakeAndUnlock() {
        if waiting > 0 { lock.notifyAll() }
        lock.unlock()
    }

    /// A new memory with one place, that in a buffer to come.
    private func makeMemory() throws(BufferError) -> Unmanaged<Memory> {
        var memory = Unmanaged.passRetained(try Memory(size: options.size, parameters: options.allocation))
        memory.enterPlace()
        return memory
    }

    private func push(_ memory: inout Unmanaged<Memory>) {
        memory._withUnsafeGuaranteedRef { $0.next = free }
        free = memory
    }

    private func releaseAll(_ first: Unmanaged<Memory>?) {
        var next = first
        while let memory = next {
            next = memory._withUnsafeGuaranteedRef { $0.next }
            memory.release()
        }
    }
}
