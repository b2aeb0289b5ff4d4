import Synchronization

/// Keeps buffers of one size for reuse.
///
/// A pool is configured, then activated, and lends buffers while it is active. A buffer returns by itself
/// when its last owner drops it: as it was made, without timestamps, flags and metas. One whose memory was
/// replaced, or is still referred to, mapped or shared by others then, is thrown away instead; a region
/// copied from it with ``Buffer/copyRegion(offset:size:)`` keeps it out until the region is gone.
///
/// Threads: any, several at once. A pool that is dropped while buffers are out stays behind them, hidden,
/// until the last is gone.
public final class BufferPool: Sendable {
    /// What a pool is to hold.
    public struct Configuration: Sendable {
        /// The largest ``minimumBuffers``.
        public static let maximumPreallocation = 1 << 16

        /// Bytes of each buffer.
        public var size: Int
        /// Allocated when the pool is activated.
        public var minimumBuffers: Int
        /// The most that exist at one time; 0 is unlimited.
        public var maximumBuffers: Int
        /// How the memory of each buffer is allocated.
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
        /// Buffers that came back unusable, or to a pool that was not active any more.
        public var discarded: UInt64 = 0
        /// Buffers that are out now.
        public var outstanding: UInt64 = 0
        /// The most that were out at once.
        public var highWater: UInt64 = 0

        public init() {}
    }

    private let core: PoolCore

    /// An inactive pool of buffers without bytes: see ``configure(_:)``.
    public init() {
        core = PoolCore(keepsShares: false)
    }

    private init(keepsShares: Bool) {
        core = PoolCore(keepsShares: keepsShares)
    }

    /// A configured and active pool.
    ///
    /// - Throws: as ``configure(_:)`` and ``setActive(_:)``.
    public convenience init(_ configuration: Configuration) throws(BufferError) {
        self.init()
        try core.configure(configuration)
        try core.activate()
    }

    /// A configured and active pool for packets: buffers that return with shares of other memories behind their own
    /// are used again, and so are the objects of the shares (see `BufferStorage.append(shareOf:offset:size:)`).
    ///
    /// - Throws: as ``configure(_:)`` and ``setActive(_:)``.
    package convenience init(forPackets configuration: Configuration) throws(BufferError) {
        self.init(keepsShares: true)
        try core.configure(configuration)
        try core.activate()
    }

    deinit {
        core.close()
    }

    /// What the pool holds.
    public var configuration: Configuration { core.currentConfiguration }

    /// Says what the pool is to hold. The configuration it has already is accepted at any time.
    ///
    /// - Throws: ``BufferError/Kind/invalidArgument`` and ``BufferError/Kind/outOfRange`` for a configuration
    ///   that makes no sense, and the former while the pool is active or buffers are out. The pool is
    ///   unchanged then.
    public func configure(_ configuration: Configuration) throws(BufferError) {
        try core.configure(configuration)
    }

    /// Whether the pool lends buffers.
    public var isActive: Bool { core.currentlyActive }

    /// Activates the pool, which allocates the minimum of buffers and ends flushing; or deactivates it, which
    /// frees its buffers, those that are out as they come back, and makes calls that wait fail with
    /// ``BufferError/Kind/flushing``.
    ///
    /// - Throws: ``BufferError/Kind/noMemory`` when activating; the pool stays inactive then.
    public func setActive(_ isActive: Bool) throws(BufferError) {
        if isActive { try core.activate() } else { core.deactivate() }
    }

    /// A writable buffer of the pool's size.
    ///
    /// - Parameter timeout: nanoseconds to wait for one to come back when the pool holds as many as it may; 0
    ///   does not wait, a negative value waits without a limit.
    /// - Throws: ``BufferError/Kind/wouldBlock`` (timeout 0), ``BufferError/Kind/timeout``, ``BufferError/Kind/flushing``
    ///   when the pool is flushing or not active, ``BufferError/Kind/noMemory``.
    public func acquire(timeout: Int64 = -1) throws(BufferError) -> Buffer {
        Buffer(storage: try core.acquire(timeout: timeout).takeRetainedValue())
    }

    /// As ``acquire(timeout:)``, as a handle, of which the caller is the only owner.
    @inline(__always)
    package func acquireHandle(timeout: Int64) throws(BufferError) -> Unmanaged<BufferStorage> {
        let storage = try core.acquire(timeout: timeout)
        storage._withUnsafeGuaranteedRef { $0.handles.pointee.store(1, ordering: .relaxed) }
        return storage
    }

    /// While `true`, waiting and new calls of ``acquire(timeout:)`` fail with ``BufferError/Kind/flushing``.
    /// Activating the pool ends it too.
    public func setFlushing(_ isFlushing: Bool) {
        core.setFlushing(isFlushing)
    }

    /// Ends the pool, as dropping it does: calls that wait fail with ``BufferError/Kind/flushing``.
    package func close() {
        core.close()
    }

    public var stats: Stats { core.currentStats }

    /// The number of threads that wait in ``acquire(timeout:)``.
    var waiterCount: Int { core.waiterCount }

    /// The buffers that exist, free or out.
    var bufferCount: Int { core.bufferCount }
}

extension BufferPool.Configuration {
    /// Throws unless buffers can be made by it.
    func check() throws(BufferError) {
        _ = try allocation.blockSize(visible: size)
        guard minimumBuffers >= 0, minimumBuffers <= Self.maximumPreallocation, maximumBuffers >= 0 else {
            let message: Sentence = """
                a pool cannot allocate \(minimumBuffers) buffers at once, nor hold \(maximumBuffers); the \
                first may be at most \(Self.maximumPreallocation)
                """
            throw .outOfRange(message)
        }
        guard maximumBuffers == 0 || minimumBuffers <= maximumBuffers else {
            let message: Sentence = """
                the pool is to begin with \(minimumBuffers) buffers and to hold at most \(maximumBuffers)
                """
            throw .invalidArgument(message)
        }
    }

    func isSame(as other: Self) -> Bool {
        size == other.size && minimumBuffers == other.minimumBuffers && maximumBuffers == other.maximumBuffers
            && allocation.flags == other.allocation.flags
            && allocation.alignment == other.allocation.alignment
            && allocation.prefix == other.allocation.prefix && allocation.padding == other.allocation.padding
    }
}
