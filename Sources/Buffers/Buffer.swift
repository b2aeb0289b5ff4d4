/// An ordered list of memories that together hold one thing, such as a picture.
///
/// A buffer is a value: a copy shares the memories, and bytes that are shared are copied before they are
/// written. Up to 16 memories need no allocation beyond that of the buffer.
///
/// Threads: as with an array, any number of threads may read a buffer, and each may change its own copy.
public struct Buffer: @unchecked Sendable {
    // Unchecked: a storage is changed only while this value is its single owner, and its memories count their
    // users atomically.

    /// The object that a C handle of this buffer is.
    package var storage: BufferStorage

    /// A buffer without memories.
    public init() {
        storage = .make()
    }

    /// A buffer with one memory.
    public init(_ memory: consuming Memory) {
        storage = .make(taking: Unmanaged.passRetained(memory))
    }

    /// A buffer with one new memory of `size` bytes of undefined content.
    ///
    /// - Throws: as ``Memory/init(size:parameters:)``.
    public init(size: Int, parameters: AllocationParameters = AllocationParameters()) throws(BufferError) {
        self.init(try Memory(size: size, parameters: parameters))
    }

    /// A buffer that shares the storage of a C handle or a pool.
    package init(storage: BufferStorage) {
        self.storage = storage
    }

    // MARK: Times and flags

    /// When it is to be presented, in nanoseconds.
    public var pts: Int64? {
        get { storage.head.pointee.times.pts.unlessNone }
        set { changeHeader { $0.times.pts = newValue ?? .min } }
    }

    /// When it is to be decoded, in nanoseconds.
    public var dts: Int64? {
        get { storage.head.pointee.times.dts.unlessNone }
        set { changeHeader { $0.times.dts = newValue ?? .min } }
    }

    /// How long it lasts, in nanoseconds.
    public var duration: Int64? {
        get { storage.head.pointee.times.duration.unlessNone }
        set { changeHeader { $0.times.duration = newValue ?? .min } }
    }

    /// Where it starts in its source, in units of that: bytes, frames, samples.
    public var offset: UInt64? {
        get { storage.head.pointee.times.offset.unlessNone }
        set { changeHeader { $0.times.offset = newValue ?? .max } }
    }

    /// Where it ends in its source, in the same units.
    public var offsetEnd: UInt64? {
        get { storage.head.pointee.times.offsetEnd.unlessNone }
        set { changeHeader { $0.times.offsetEnd = newValue ?? .max } }
    }

    public var flags: BufferFlags {
        get { storage.head.pointee.flags }
        set { changeHeader { $0.flags = newValue } }
    }

    /// Changes the header of a storage of this value's own. Where no memory is left for a whole copy, all
    /// that can be shared is.
    private mutating func changeHeader(_ body: (inout BufferHeader) -> Void) {
        if !isKnownUniquelyReferenced(&storage) {
            storage = (try? storage.makeCopy()) ?? storage.makeBareCopy()
        }
        body(&storage.head.pointee)
    }

    // MARK: Memories

    /// The number of memories.
    public var memoryCount: Int { storage.count }

    /// The bytes of all memories together.
    /// - Complexity: O(memories).
    public var size: Int { storage.size }

    /// Whether this value is the only owner of its list of memories, so that a change copies nothing.
    public var isUnique: Bool {
        mutating get { isKnownUniquelyReferenced(&storage) }
    }

    /// The memory at `index`; nil when there is none.
    public func memory(at index: Int) -> Memory? {
        guard index >= 0, index < storage.count else { return nil }
        return storage.reference(at: index).takeUnretainedValue()
    }

    /// The visible bytes of the memory at `index`, which must exist, without the bookkeeping of a map. Valid
    /// while this value and the memory's place in it last.
    package func visibleBytes(at index: Int) -> UnsafeMutableRawBufferPointer {
        storage.bytes(at: index)
    }

    /// Whether the bytes of all memories can be reached.
    package var isMappable: Bool {
        for index in 0..<storage.count {
            let flags = storage.reference(at: index)._withUnsafeGuaranteedRef { $0.flags }
            if flags.contains(.notMappable) { return false }
        }
        return true
    }

    // MARK: Frames

    /// Whether the block of the only memory can be used for `size` other bytes: it is large enough, and
    /// nobody else refers to it.
    package mutating func isReusable(forSize size: Int) -> Bool {
        guard isKnownUniquelyReferenced(&storage), storage.count == 1 else { return false }
        return storage.head.pointee.slots[0].isUnusedByOthers()
            && storage.reference(at: 0)._withUnsafeGuaranteedRef {
                $0.maxSize >= size && !$0.flags.contains(.readOnly) && $0.root == nil
            }
    }

    /// The first `size` bytes of the only memory, which ``isReusable(forSize:)``, as its new window.
    package mutating func soleRegion(size: Int) -> UnsafeRawBufferPointer {
        storage.reference(at: 0)._withUnsafeGuaranteedRef { memory in
            memory.resetWindow(offset: 0, size: size)
            return UnsafeRawBufferPointer(memory.visibleBytes)
        }
    }

    // MARK: Changes

    /// Inserts `memory` before place `index`, 0 to ``memoryCount``.
    ///
    /// - Throws: ``BufferError/Kind/outOfRange`` for the index, or when the bytes could not be counted any
    ///   more; ``BufferError/Kind/noMemory``.
    public mutating func insert(_ memory: Memory, at index: Int) throws(BufferError) {
        try makeUnique()
        try storage.insert(memory, at: index)
    }

    /// Adds `memory` at the end. Throws as ``insert(_:at:)``.
    public mutating func append(_ memory: Memory) throws(BufferError) {
        try insert(memory, at: memoryCount)
    }

    /// Adds `memory` at the front. Throws as ``insert(_:at:)``.
    public mutating func prepend(_ memory: Memory) throws(BufferError) {
        try insert(memory, at: 0)
    }

    /// Removes `count` memories from place `index`; −1 removes to the end.
    ///
    /// - Throws: ``BufferError/Kind/outOfRange``, ``BufferError/Kind/noMemory``.
    public mutating func removeMemories(at index: Int, count: Int = 1) throws(BufferError) {
        try makeUnique()
        try storage.remove(at: index, count: count)
    }

    /// Makes this value the only owner of its list of memories.
    ///
    /// - Throws: ``BufferError/Kind/noMemory``.
    public mutating func makeUnique() throws(BufferError) {
        if !isKnownUniquelyReferenced(&storage) { storage = try storage.makeCopy() }
    }

    // MARK: Bytes

    /// Calls `body` with all bytes as one region. Several memories that are no span are merged into a block
    /// for the call.
    ///
    /// - Throws: ``BufferError/Kind/notWritable`` when a memory is mapped for writing only;
    ///   ``BufferError/Kind/noMemory``.
    public func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) -> R) throws(BufferError) -> R {
        let map = try storage.map(.read, mayChange: false)
        defer { _ = map.end() }
        return body(UnsafeRawBufferPointer(map.bytes))
    }

    /// Calls `body` with all bytes as one region that may be changed. Several memories are merged for good,
    /// and one that is shared or read-only is replaced by a private copy.
    ///
    /// - Throws: ``BufferError/Kind/notWritable`` when open maps of a memory exclude this one;
    ///   ``BufferError/Kind/noMemory``.
    public mutating func withUnsafeMutableBytes<R>(
        _ body: (UnsafeMutableRawBufferPointer) -> R
    ) throws(BufferError) -> R {
        try makeUnique()
        let map = try storage.map(.readWrite, mayChange: true)
        defer { _ = map.end() }
        return body(map.bytes)
    }

    /// Calls `body` with the bytes of `count` memories from place `index` as one region; else as
    /// ``withUnsafeBytes(_:)``.
    ///
    /// - Throws: also ``BufferError/Kind/outOfRange``.
    public func withUnsafeBytes<R>(
        ofMemoriesAt index: Int, count: Int, _ body: (UnsafeRawBufferPointer) -> R
    ) throws(BufferError) -> R {
        let map = try storage.map(storage.range(index, count), .read, mayChange: false)
        defer { _ = map.end() }
        return body(UnsafeRawBufferPointer(map.bytes))
    }

    /// Calls `body` with the bytes of `count` memories from place `index` as one region that may be changed;
    /// else as ``withUnsafeMutableBytes(_:)``. The other memories stay as they are.
    ///
    /// - Throws: also ``BufferError/Kind/outOfRange``.
    public mutating func withUnsafeMutableBytes<R>(
        ofMemoriesAt index: Int, count: Int, _ body: (UnsafeMutableRawBufferPointer) -> R
    ) throws(BufferError) -> R {
        let range = try storage.range(index, count)
        try makeUnique()
        let map = try storage.map(range, .readWrite, mayChange: true)
        defer { _ = map.end() }
        return body(map.bytes)
    }

    /// Copies up to `destination.count` bytes from `offset` of the buffer.
    ///
    /// - Returns: how many there were: fewer at the end of the buffer.
    public func extract(offset: Int, into destination: UnsafeMutableRawBufferPointer) -> Int {
        storage.extract(offset: offset, into: destination)
    }

    /// Copies up to `source.count` bytes to `offset` of the buffer. Memories that are shared or read-only are
    /// replaced by private copies.
    ///
    /// - Returns: how many fitted.
    /// - Throws: ``BufferError/Kind/notWritable`` when open maps of a memory exclude writing,
    ///   ``BufferError/Kind/noMemory``; then nothing is written.
    public mutating func fill(offset: Int, from source: UnsafeRawBufferPointer) throws(BufferError) -> Int {
        try makeUnique()
        return try storage.fill(offset: offset, from: source)
    }

    /// Sets up to `size` bytes from `offset` to `value`; else as ``fill(offset:from:)``.
    public mutating func setBytes(offset: Int, to value: UInt8, size: Int) throws(BufferError) -> Int {
        try makeUnique()
        return try storage.setBytes(offset: offset, to: value, size: size)
    }

    /// Compares up to `bytes.count` bytes from `offset` of the buffer.
    ///
    /// - Returns: how many there were to compare: fewer at the end of the buffer; and a number below, at or
    ///   above 0 as with `memcmp`.
    public func compare(offset: Int, with bytes: UnsafeRawBufferPointer) -> (count: Int, order: Int) {
        let result = storage.compare(offset: offset, with: bytes)
        return (result.count, Int(result.order))
    }

    // MARK: Copies

    /// A buffer with what `flags` say of `size` bytes from `offset`, or to the end: whole memories are
    /// shared, those cut are shared in part. No byte is copied unless a memory is ``MemoryFlags/noShare`` or
    /// the copy is ``BufferCopyFlags/deep``.
    ///
    /// - Throws: ``BufferError/Kind/outOfRange``; ``BufferError/Kind/notWritable`` when a memory is mapped for
    ///   writing; ``BufferError/Kind/noMemory``; what a type of meta throws.
    public func copyRegion(
        _ flags: BufferCopyFlags = .all, offset: Int, size: Int? = nil
    ) throws(BufferError) -> Buffer {
        Buffer(storage: try storage.copyRegion(flags, offset: offset, size: try Self.size(size)))
    }

    /// A buffer with bytes of its own. Throws as ``copyRegion(_:offset:size:)``.
    public func deepCopy() throws(BufferError) -> Buffer {
        try copyRegion([.all, .deep], offset: 0)
    }

    /// Appends what `flags` say of `size` bytes from `offset` of `source`, or to its end.
    ///
    /// Times go along only if `offset` is 0, ``duration`` and ``offsetEnd`` only if the region is all of the
    /// source; metas come last, and those that depend on the memories do not go along with a region or with
    /// ``BufferCopyFlags/merge``.
    ///
    /// - Throws: as ``copyRegion(_:offset:size:)``; the buffer has not changed then.
    public mutating func copyIn(
        _ source: Buffer, _ flags: BufferCopyFlags = .all, offset: Int = 0, size: Int? = nil
    ) throws(BufferError) {
        let size = try Self.size(size)
        try makeUnique()
        try storage.copyIn(source.storage, flags, offset: offset, size: size)
    }

    /// Appends the memories of `size` bytes from `offset` of `other`, or to its end. Times, flags and metas
    /// of this buffer stay.
    ///
    /// - Throws: as ``copyRegion(_:offset:size:)``; the buffer has not changed then.
    public mutating func append(
        _ other: Buffer, offset: Int = 0, size: Int? = nil
    ) throws(BufferError) {
        let size = try Self.size(size)
        try makeUnique()
        try storage.append(other.storage, offset: offset, size: size)
    }

    /// A size as the storage has it, where −1 is to the end.
    private static func size(_ size: Int?) throws(BufferError) -> Int {
        guard let size else { return -1 }
        if size < 0 { throw .outOfRange("a region of \(size) bytes makes no sense") }
        return size
    }
}

extension Int64 {
    /// Nil for the number that stands for no time.
    fileprivate var unlessNone: Int64? { self == .min ? nil : self }
}

extension UInt64 {
    /// Nil for the number that stands for no offset.
    fileprivate var unlessNone: UInt64? { self == .max ? nil : self }
}
