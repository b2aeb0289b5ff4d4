/// Ranges of memories. Where a count is asked for, −1 is to the end.
extension Buffer {
    /// Puts `memory` in the place of `count` memories from place `index`; without any, inserts it.
    ///
    /// - Throws: ``BufferError/Kind/outOfRange``, ``BufferError/Kind/noMemory``.
    public mutating func replaceMemories(
        at index: Int, count: Int = 1, with memory: Memory
    ) throws(BufferError) {
        _ = try storage.range(index, count)
        try makeUnique()
        let reference = Unmanaged.passRetained(memory)
        do throws(BufferError) {
            try storage.replace(at: index, count: count, taking: reference)
        } catch {
            reference.release()
            throw error
        }
    }

    /// `count` memories from place `index` as one: a single memory is itself, a span is a share, else the
    /// bytes are copied.
    ///
    /// - Throws: ``BufferError/Kind/outOfRange``; ``BufferError/Kind/notWritable`` when a memory is mapped for
    ///   writing; ``BufferError/Kind/noMemory``.
    public func mergedMemory(at index: Int = 0, count: Int = -1) throws(BufferError) -> Memory {
        try storage.memory(of: storage.range(index, count))
    }

    /// Which memories hold `size` bytes from `offset`, or those to the end, and the bytes of the first before
    /// `offset`.
    ///
    /// - Throws: ``BufferError/Kind/outOfRange``.
    public func findMemory(
        offset: Int, size: Int? = nil
    ) throws(BufferError) -> (range: Range<Int>, skip: Int) {
        try storage.findMemory(offset: offset, size: size ?? -1)
    }

    /// The bytes of `count` memories from place `index`, the offset of the first in its block, and the bytes
    /// with that and with what is free behind the last one's.
    ///
    /// - Throws: ``BufferError/Kind/outOfRange``.
    public func sizes(
        ofMemoriesAt index: Int = 0, count: Int = -1
    ) throws(BufferError) -> (size: Int, offset: Int, maxSize: Int) {
        storage.sizes(of: try storage.range(index, count))
    }

    /// Whether each of `count` memories from place `index` can be mapped for writing without a private copy;
    /// `false` for a range that does not exist.
    public func isMemoryWritable(at index: Int = 0, count: Int = -1) -> Bool {
        guard let range = try? storage.range(index, count) else { return false }
        return storage.isWritable(range)
    }

    /// Moves the start of `count` memories from place `index` by `offset` bytes, which may be negative and
    /// reaches into the prefix then, and makes them `size` bytes, or up to their old end for nil.
    ///
    /// Memories before the new start become empty, the last one takes what is left, up to the end of its
    /// block. Those that others refer to are replaced by shares.
    ///
    /// - Throws: ``BufferError/Kind/outOfRange``, ``BufferError/Kind/noMemory``; the buffer has not changed
    ///   then.
    public mutating func resize(
        memoriesAt index: Int = 0, count: Int = -1, offset: Int, size: Int? = nil
    ) throws(BufferError) {
        let range = try storage.range(index, count)
        if let size, size < 0 { throw .outOfRange("a size of \(size) bytes makes no sense") }
        try makeUnique()
        try storage.resize(range, offset: offset, size: size ?? -1)
    }
}
