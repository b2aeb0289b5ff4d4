/// An ordered list of memories that together hold one thing, such as a picture.
///
/// A buffer is a value: a copy shares the memories, and bytes that are shared are copied before they are written. Up to
/// 16 memories need no allocation beyond that of the buffer.
///
/// Threads: as with an array, any number of threads may read a buffer, and each may change its own copy.
public struct Buffer: @unchecked Sendable {
    // Unchecked: a storage is changed only while this value is its single owner, and its memories count their users atomically.

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

    /// The visible bytes of the memory at `index`, which must exist, without the bookkeeping of a map. Valid while this value and the
    /// memory's place in it last.
    package func visibleBytes(at index: Int) -> UnsafeMutableRawBufferPointer {
        storage.bytes(at: index)
    }

    // MARK: Frames

    /// Whether the block of the only memory can be used for `size` other bytes: it is large enough, and nobody else refers to it.
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
    /// - Throws: ``BufferError/outOfRange(_:)`` for the index, or when the bytes could not be counted any more;
    ///   ``BufferError/noMemory(bytes:)``.
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
    /// - Throws: ``BufferError/outOfRange(_:)``, ``BufferError/noMemory(bytes:)``.
    public mutating func removeMemories(at index: Int, count: Int = 1) throws(BufferError) {
        try makeUnique()
        try storage.remove(at: index, count: count)
    }

    /// Makes this value the only owner of its list of memories.
    ///
    /// - Throws: ``BufferError/noMemory(bytes:)``.
    public mutating func makeUnique() throws(BufferError) {
        if !isKnownUniquelyReferenced(&storage) { storage = try storage.makeCopy() }
    }

    // MARK: Bytes

    /// Calls `body` with all bytes as one region. Several memories that are no span are merged into a block for the call.
    ///
    /// - Throws: ``BufferError/notWritable(_:)`` when a memory is mapped for writing only; ``BufferError/noMemory(bytes:)``.
    public func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) -> R) throws(BufferError) -> R {
        let map = try storage.map(.read, mayChange: false)
        defer { _ = map.end() }
        return body(UnsafeRawBufferPointer(map.bytes))
    }

    /// Calls `body` with all bytes as one region that may be changed. Several memories are merged for good, and one that is
    /// shared or read-only is replaced by a private copy.
    ///
    /// - Throws: ``BufferError/notWritable(_:)`` when open maps of a memory exclude this one; ``BufferError/noMemory(bytes:)``.
    public mutating func withUnsafeMutableBytes<R>(
        _ body: (UnsafeMutableRawBufferPointer) -> R
    ) throws(BufferError) -> R {
        try makeUnique()
        let map = try storage.map(.readWrite, mayChange: true)
        defer { _ = map.end() }
        return body(map.bytes)
    }

    /// Copies up to `destination.count` bytes from `offset` of the buffer.
    ///
    /// - Returns: how many there were: fewer at the end of the buffer.
    public func extract(offset: Int, into destination: UnsafeMutableRawBufferPointer) -> Int {
        storage.extract(offset: offset, into: destination)
    }

    /// Copies up to `source.count` bytes to `offset` of the buffer. Memories that are shared or read-only are replaced by private copies.
    ///
    /// - Returns: how many fitted.
    /// - Throws: ``BufferError/notWritable(_:)`` when open maps of a memory exclude writing, ``BufferError/noMemory(bytes:)``;
    ///   then nothing is written.
    public mutating func fill(offset: Int, from source: UnsafeRawBufferPointer) throws(BufferError) -> Int {
        try makeUnique()
        return try storage.fill(offset: offset, from: source)
    }

    /// A buffer over `size` bytes from `offset`, or to the end: whole memories are shared, those cut are shared in part. No byte is
    /// copied unless a memory is ``MemoryFlags/noShare``.
    ///
    /// - Throws: ``BufferError/outOfRange(_:)``; ``BufferError/notWritable(_:)`` when a memory is mapped for writing;
    ///   ``BufferError/noMemory(bytes:)``.
    public func copyRegion(offset: Int, size: Int? = nil) throws(BufferError) -> Buffer {
        if let size, size < 0 { throw .outOfRange("a region of \(size) bytes makes no sense") }
        return Buffer(storage: try storage.copyRegion(offset: offset, size: size ?? -1))
    }
}
