import Synchronization

/// An ordered list of buffers that go together, such as the packets of one frame.
///
/// A list is a value: a copy shares the buffers, and a buffer that is shared is copied, sharing its memories,
/// before it is changed. Up to 8 buffers need no allocation beyond that of the list.
///
/// Threads: as with an array, any number of threads may read a list, and each may change its own copy.
public struct BufferList: @unchecked Sendable {
    // Unchecked: a storage is changed only while this value is its single owner, and buffers count their
    // owners atomically.

    /// The object that a C handle of this list is.
    package var storage: BufferListStorage

    /// An empty list.
    public init() {
        storage = .make()
    }

    /// An empty list that has room for `capacity` buffers.
    ///
    /// - Throws: ``BufferError/Kind/outOfRange`` for a negative number, ``BufferError/Kind/noMemory``.
    public init(capacity: Int) throws(BufferError) {
        storage = try .make(capacity: capacity)
    }

    /// A list that shares the storage of a C handle.
    package init(storage: BufferListStorage) {
        self.storage = storage
    }

    /// A list that takes over the only C handle of its storage.
    package init(takingHandle handle: Unmanaged<BufferListStorage>) {
        handle._withUnsafeGuaranteedRef { $0.handles.pointee.store(0, ordering: .relaxed) }
        storage = handle.takeRetainedValue()
    }

    /// The number of buffers.
    public var count: Int { storage.count }

    /// The bytes of all buffers together; `Int.max` when they are more.
    /// - Complexity: O(memories).
    public var size: Int { storage.size }

    /// Whether this value is the only owner of its list, so that a change copies nothing.
    public var isUnique: Bool {
        mutating get { isKnownUniquelyReferenced(&storage) }
    }

    /// The buffer at `index`; nil when there is none.
    ///
    /// It is a copy, so that changing it leaves the list alone: see ``withWritableBuffer(at:_:)``.
    public func buffer(at index: Int) -> Buffer? {
        guard index >= 0, index < storage.count else { return nil }
        return Buffer(storage: storage.reference(at: index).takeUnretainedValue())
    }

    // MARK: Changes

    /// Inserts `buffer` before place `index`, 0 to ``count``.
    ///
    /// - Throws: ``BufferError/Kind/outOfRange``, ``BufferError/Kind/noMemory``.
    public mutating func insert(_ buffer: Buffer, at index: Int) throws(BufferError) {
        guard index >= 0, index <= storage.count else { throw outOfRange(index) }
        try makeUnique()
        let handle = Unmanaged.passUnretained(buffer.storage)
        handle.addHandle()
        do throws(BufferError) {
            try storage.insert(taking: handle, at: index)
        } catch {
            handle.dropHandle()
            throw error
        }
    }

    /// Adds `buffer` at the end. Throws ``BufferError/Kind/noMemory``.
    public mutating func append(_ buffer: Buffer) throws(BufferError) {
        try insert(buffer, at: count)
    }

    /// Removes `count` buffers from place `index`; −1 removes to the end.
    ///
    /// - Throws: ``BufferError/Kind/outOfRange``, ``BufferError/Kind/noMemory``.
    public mutating func remove(at index: Int, count: Int = 1) throws(BufferError) {
        try storage.check(index, count)
        try makeUnique()
        try storage.remove(at: index, count: count)
    }

    /// Calls `body` with the buffer at `index`, to change it where it is. Nothing is copied when the list and
    /// the buffer have no other owner.
    ///
    /// - Throws: ``BufferError/Kind/outOfRange``, ``BufferError/Kind/noMemory``, and what `body` throws;
    ///   the buffer is then as `body` left it.
    public mutating func withWritableBuffer<R>(
        at index: Int, _ body: (inout Buffer) throws(BufferError) -> R
    ) throws(BufferError) -> R {
        guard index >= 0, index < storage.count else { throw outOfRange(index) }
        try makeUnique()
        var buffer = take(at: index)
        defer { put(buffer, at: index) }
        return try body(&buffer)
    }

    /// Calls `body` with each buffer and its place. `body` may change the buffer, replace it, or remove it by
    /// setting it to nil; the place is then that of the buffer behind it too. It ends the walk by returning
    /// `false`.
    ///
    /// - Returns: whether the walk came to the end.
    /// - Throws: ``BufferError/Kind/noMemory`` before the first call; what `body` throws, with what it did
    ///   up to there done.
    @discardableResult
    public mutating func updateEach(
        _ body: (inout Buffer?, Int) throws(BufferError) -> Bool
    ) throws(BufferError) -> Bool {
        try makeUnique()
        var index = 0
        while index < storage.count {
            var buffer: Buffer? = take(at: index)
            let goesOn: Bool
            do throws(BufferError) {
                goesOn = try body(&buffer, index)
            } catch {
                _ = putBack(buffer, at: index)
                throw error
            }
            if putBack(buffer, at: index) { index += 1 }
            if !goesOn { return false }
        }
        return true
    }

    /// Ends a visit; `false` when the buffer was removed.
    private func putBack(_ buffer: Buffer?, at index: Int) -> Bool {
        guard let buffer else {
            storage.close(index)
            return false
        }
        put(buffer, at: index)
        return true
    }

    /// The buffer at `index`, out of its place.
    private func take(at index: Int) -> Buffer {
        var handle = storage.take(at: index)
        handle.becomeReference()
        return Buffer(storage: handle.takeRetainedValue())
    }

    /// Puts a buffer in the place of one that was taken.
    private func put(_ buffer: Buffer, at index: Int) {
        let handle = Unmanaged.passUnretained(buffer.storage)
        handle.addHandle()
        storage.put(handle, at: index)
    }

    /// Makes this value the only owner of its list, which shares the buffers.
    ///
    /// - Throws: ``BufferError/Kind/noMemory``.
    public mutating func makeUnique() throws(BufferError) {
        if !isKnownUniquelyReferenced(&storage) { storage = try storage.makeCopy() }
    }

    /// A list of private copies of the buffers, which share no byte with these.
    ///
    /// - Throws: ``BufferError/Kind/noMemory``.
    public func copyDeep() throws(BufferError) -> BufferList {
        BufferList(storage: try storage.makeDeepCopy())
    }

    private func outOfRange(_ index: Int) -> BufferError {
        storage.outOfRange(index)
    }
}

extension BufferList: Sequence {
    /// Gives each buffer in order, of the list as it was when the walk began.
    public struct Iterator: IteratorProtocol {
        let list: BufferList
        var index = 0

        public mutating func next() -> Buffer? {
            defer { index += 1 }
            return list.buffer(at: index)
        }
    }

    public func makeIterator() -> Iterator {
        Iterator(list: self)
    }

    public var underestimatedCount: Int { count }
}
