import Buffers
import CPosix
import Codec
import Synchronization
import Wire

/// How long a received frame took, in nanoseconds; `nil` where it could not be measured. No value assumes
/// that the clocks of two machines agree.
public struct FrameTiming: Sendable {
    /// From submit to the start of encoding, at the sender.
    public var senderQueue: Int64?
    /// Encoding, at the sender.
    public var senderEncode: Int64?
    /// From the first to the last byte of the message.
    public var receive: Int64?
    /// Decoding.
    public var decode: Int64?
    /// From submit to delivery, of the newest frame that the sender has heard back about.
    public var latency: Int64?
    /// Bytes of the message, header included.
    public var wireBytes: UInt64 = 0

    public init() {}
}

/// One frame on its way: pixels, their description, and who owns it. It is the object behind `fw_frame`.
///
/// It counts its owners itself, so that with the last one it goes back to its pool instead of being freed.
package final class FrameSlot: @unchecked Sendable {
    // Unchecked: one thread at a time fills it; the count of owners is atomic.

    /// Where a slot is in its life, as far as the sender's API cares.
    enum Phase {
        case acquired
        case submitted
        case received
    }

    package internal(set) var info = FrameInfo(width: 1, height: 1)
    package internal(set) var layout: FrameLayout
    package internal(set) var timing = FrameTiming()
    /// Whose frame it is, of a received one; else 0.
    package internal(set) var peerID: UInt64 = 0
    /// How a received frame was coded.
    var profile = Profile.auto
    /// XXH3-64 that the sender sent along, of a received frame.
    package internal(set) var sentChecksum: UInt64?
    /// What goes with the pixels.
    package let metadata = FrameMetadata()
    /// Whether ``memory`` has metas beside its own.
    private var hasAddedMetas = false
    var phase = Phase.acquired
    var submitTime: Int64 = 0

    /// Pooled memory, kept from use to use.
    var memory: Buffer?
    /// Somebody else's buffer, held while the frame is under way.
    private var foreign: Buffer?
    private var release: (@convention(c) (UnsafeMutableRawPointer?) -> Void)?
    private var releaseUser: UnsafeMutableRawPointer?
    private var releaseClosure: (() -> Void)?

    private var regionList: UnsafeMutablePointer<UnsafeRawBufferPointer>
    private var regionCapacity = 1
    private var regionCount = 0

    private let references = Atomic<Int>(1)
    /// The pool to go back to, while the slot is out.
    fileprivate(set) var pool: FramePool?

    fileprivate init(layout: FrameLayout) {
        self.layout = layout
        regionList = .allocate(capacity: 1)
    }

    deinit {
        regionList.deallocate()
    }

    /// The first byte in memory; the address of pooled memory is a multiple of 64. `nil` if the pixels are in
    /// several pieces.
    package var base: UnsafeMutableRawPointer? {
        regionCount == 1 ? UnsafeMutableRawPointer(mutating: regionList[0].baseAddress) : nil
    }

    /// Whether the pixels are in pooled memory, which stays as it is as long as the slot has an owner.
    var hasOwnMemory: Bool {
        regionCount == 1 && foreign == nil && memory != nil && base == memory!.visibleBytes(at: 0).baseAddress
    }

    /// The buffer that holds the pixels, if there is one.
    package var buffer: Buffer? { foreign ?? (hasOwnMemory ? memory : nil) }

    /// The pixels where they lie.
    package var source: PixelSource {
        PixelSource(layout: layout, regions: UnsafeBufferPointer(start: regionList, count: regionCount))
    }

    /// The pool whose frame this is, while somebody owns it.
    package func belongs(to pool: FramePool) -> Bool { self.pool === pool }

    /// Adds an owner.
    package func retain() {
        references.wrappingAdd(1, ordering: .relaxed)
    }

    /// Takes one owner away; with the last one the frame goes back to its pool.
    package func drop() {
        guard references.wrappingSubtract(1, ordering: .acquiringAndReleasing).newValue == 0 else { return }
        finish()
        guard let pool else { return }
        self.pool = nil
        pool.recycle(self)
        // Balances the retain of `reuse`; the pool holds the object now, or nobody does.
        Unmanaged.passUnretained(self).release()
    }

    /// Lets go of what was lent: the foreign buffer is dropped and the release callback runs.
    private func finish() {
        regionCount = 0
        removeAddedMetas()
        foreign = nil
        sentChecksum = nil
        if let release {
            let user = releaseUser
            self.release = nil
            releaseUser = nil
            release(user)
        }
        if let closure = releaseClosure {
            releaseClosure = nil
            closure()
        }
    }

    /// Sets a value of the metadata of a frame that has not been submitted.
    ///
    /// - Throws: ``FramewireError``: `notWritable`, and as ``FrameMetadata/set(_:_:_:)``.
    package func setMetadata(
        _ kind: MetadataEntry.Kind, _ name: UnsafeRawBufferPointer, _ content: UnsafeRawBufferPointer
    ) throws(FramewireError) {
        try checkMetadataChanges()
        try metadata.set(kind, name, content)
    }

    /// Takes over all metadata of another frame; this one has not been submitted.
    ///
    /// - Throws: ``FramewireError``: `notWritable`, `tooLarge`, `noMemory`.
    package func copyMetadata(of other: FrameSlot) throws(FramewireError) {
        try checkMetadataChanges()
        try metadata.copy(other.metadata)
    }

    private func checkMetadataChanges() throws(FramewireError) {
        guard phase == .acquired else {
            throw FramewireError(
                .notWritable,
                "the frame was received, or submitted already; its metadata does not change any more")
        }
    }

    /// Gives the buffer of a received frame the metas that came with it.
    ///
    /// - Throws: ``FramewireError``: `noMemory`.
    func addReceivedMetas() throws(FramewireError) {
        guard !metadata.isEmpty, let memory else { return }
        hasAddedMetas = true
        try metadata.addMetas(to: memory)
    }

    /// Lets the metas that were added go, unless somebody still has the buffer.
    private func removeAddedMetas() {
        guard hasAddedMetas, memory != nil, memory!.isUnique else { return }
        hasAddedMetas = false
        memory!.storage.removeMetas(butFirst: .videoFrame)
    }

    /// Forgets the release callback, for a call that fails and so must not run it.
    func disarmRelease() {
        release = nil
        releaseClosure = nil
    }

    fileprivate func reuse(_ info: FrameInfo, _ layout: FrameLayout, pool: FramePool) {
        self.info = info
        self.layout = layout
        self.pool = pool
        timing = FrameTiming()
        peerID = 0
        metadata.clear()
        phase = .acquired
        references.store(1, ordering: .relaxed)
        // While it is out the object is held by its own count of owners: C has no other way to hold it.
        _ = Unmanaged.passRetained(self)
    }

    /// Makes the pooled memory the place of the pixels.
    ///
    /// - Throws: ``BufferError/Kind/noMemory``.
    fileprivate func usePooledMemory() throws(BufferError) {
        if memory == nil || !memory!.isReusable(forSize: layout.size) {
            memory = nil
            hasAddedMetas = false
            memory = Buffer(try Memory(size: layout.size))
        }
        removeAddedMetas()
        setRegion(memory!.soleRegion(size: layout.size))
        // The meta of the frame before is still there, so this changes bytes in place.
        try memory!.setVideoFrame(VideoFrameMeta(info, layout))
        memory!.pts = info.pts
        memory!.duration = info.duration
    }

    func useWrapped(
        _ bytes: UnsafeRawBufferPointer, release: (@convention(c) (UnsafeMutableRawPointer?) -> Void)?,
        user: UnsafeMutableRawPointer?
    ) {
        setRegion(bytes)
        self.release = release
        releaseUser = user
    }

    func useWrapped(_ bytes: UnsafeRawBufferPointer, release: @escaping () -> Void) {
        setRegion(bytes)
        releaseClosure = release
    }

    func useBuffer(_ buffer: Buffer) {
        foreign = buffer
        let count = buffer.memoryCount
        if count > regionCapacity {
            regionList.deallocate()
            regionList = .allocate(capacity: count)
            regionCapacity = count
        }
        for index in 0..<count { regionList[index] = UnsafeRawBufferPointer(buffer.visibleBytes(at: index)) }
        regionCount = count
    }

    /// As ``useBuffer(_:)``, with those of its metas that can go along.
    ///
    /// - Throws: ``FramewireError``: `unsupported`, and as ``FrameMetadata/readMetas(of:)``.
    func useBufferWithMetas(_ buffer: Buffer) throws(FramewireError) {
        guard buffer.isMappable else {
            throw FramewireError(.unsupported, "a memory of the buffer is not mappable, so it cannot be sent")
        }
        useBuffer(buffer)
        try metadata.readMetas(of: buffer)
    }

    /// Makes the pixels of another frame, which lie in one piece, those of this one, and owns it as long.
    func usePixels(of other: FrameSlot) {
        other.retain()
        useWrapped(
            UnsafeRawBufferPointer(start: other.base, count: other.layout.size), release: dropOwner,
            user: Unmanaged.passUnretained(other).toOpaque())
    }

    /// Whether a byte is one of those that the pixels lie in.
    func holds(_ byte: UnsafeRawPointer) -> Bool {
        for index in 0..<regionCount {
            let region = regionList[index]
            if let start = region.baseAddress, byte >= start, byte < start + region.count { return true }
        }
        return false
    }

    /// A memory over some of the bytes that the pixels lie in, which owns the frame.
    ///
    /// - Throws: ``BufferError/Kind/noMemory``.
    func memory(of bytes: UnsafeMutableRawBufferPointer) throws(BufferError) -> Memory {
        retain()
        do {
            return try Memory(
                wrapping: bytes.baseAddress, maxSize: bytes.count, offset: 0, size: bytes.count,
                flags: .readOnly,
                release: dropOwner, user: Unmanaged.passUnretained(self).toOpaque())
        } catch {
            drop()
            throw error
        }
    }

    private func setRegion(_ bytes: UnsafeRawBufferPointer) {
        regionList[0] = bytes
        regionCount = 1
    }
}

/// Takes one owner of a frame away, as a release function.
private func dropOwner(_ slot: UnsafeMutableRawPointer?) {
    Unmanaged<FrameSlot>.fromOpaque(slot!).takeUnretainedValue().drop()
}

/// The frames of a sender or receiver, kept for reuse. Frames that are out keep it alive.
package final class FramePool: @unchecked Sendable {
    // Unchecked: everything is guarded by `lock`.
    private let lock = Lock()
    private var free: [FrameSlot] = []
    private var allocatedCount = 0
    /// Slots kept for later; more than that come back only after a burst.
    private var capacity: Int
    private let tally: FrameTally?

    /// - Parameter tally: counts the frames of several pools.
    package init(capacity: Int, tally: FrameTally? = nil) {
        self.capacity = capacity
        self.tally = tally
        free.reserveCapacity(capacity)
    }

    deinit {
        tally?.add(-free.count)
    }

    /// Keeps up to `count` slots for later from now on.
    func setCapacity(_ count: Int) {
        lock.withLock {
            capacity = count
            free.reserveCapacity(count)
        }
    }

    /// The number of frames that exist, in use or waiting.
    var allocated: Int { lock.withLock { allocatedCount } }

    /// The number of frames in use.
    package var outstanding: Int { lock.withLock { allocatedCount - free.count } }

    /// A frame with pooled memory for `info`, with one owner.
    func acquire(_ info: FrameInfo, _ layout: FrameLayout) throws(BufferError) -> FrameSlot {
        let slot = bareSlot(info, layout)
        do {
            try slot.usePooledMemory()
        } catch {
            slot.drop()
            throw error
        }
        return slot
    }

    /// A frame with room for a packed copy of a frame of `info`, with one owner; nil when there is no memory.
    func packedSlot(_ info: FrameInfo) -> FrameSlot? {
        var info = info
        info.rowOrder = .topDown
        info.stride = 0
        do {
            return try acquire(info, FrameLayout(info))
        } catch {
            return nil
        }
    }

    /// A frame for pixels that are elsewhere, with one owner.
    func bareSlot(_ info: FrameInfo, _ layout: FrameLayout) -> FrameSlot {
        let recycled = lock.withLock { () -> FrameSlot? in
            if let slot = free.popLast() { return slot }
            allocatedCount += 1
            return nil
        }
        if recycled == nil { tally?.add(1) }
        let slot = recycled ?? FrameSlot(layout: layout)
        slot.reuse(info, layout, pool: self)
        return slot
    }

    fileprivate func recycle(_ slot: FrameSlot) {
        let isKept = lock.withLock { () -> Bool in
            guard free.count < capacity else {
                allocatedCount -= 1
                return false
            }
            free.append(slot)
            return true
        }
        if !isKept { tally?.add(-1) }
    }
}

/// How many frames several pools have made that still exist.
package final class FrameTally: Sendable {
    private let total = Atomic<Int>(0)

    var count: Int { total.load(ordering: .relaxed) }

    func add(_ change: Int) {
        total.wrappingAdd(change, ordering: .relaxed)
    }
}
