import CPosix
import Synchronization

/// The first part of a ``BufferStorage``.
package struct BufferHeader {
    /// See ``BufferStorage/containers``, for which it is the first field.
    private let containerAddresses: UInt = 0
    /// The places for memories: those inside the object, or a block of their own when they are more.
    var slots: UnsafeMutablePointer<Unmanaged<Memory>>
    var count: Int
    var capacity: Int
    /// The sum of the memories' `maxSize`, which bounds the sum of their sizes whatever becomes of their windows.
    var maximumSize: Int
    /// The pool that the buffer returns to.
    var pool: Unmanaged<PoolCore>?
    /// The memory that the pool gave, while it has a place.
    var pooledMemory: Unmanaged<Memory>?
    /// The pooled buffer whose memories this one shares; it returns to its pool only when they are free again.
    var parent: Unmanaged<BufferStorage>?
    /// The next free buffer of the pool that holds this one.
    var next: Unmanaged<BufferStorage>?
}

/// What a ``Buffer`` refers to, and what the C handle `fw_buffer` is.
///
/// Header and the places for 16 memories are one allocation. They are reached through pointers, which costs neither
/// exclusivity checks nor reference counting. Only the single owner of a storage may call what changes it; the callers see to that.
package final class BufferStorage: ManagedBuffer<BufferHeader, Unmanaged<Memory>> {
    /// The number of memories that need no allocation of their own.
    package static let inlineCapacity = 16

    /// A storage without memories.
    @inline(__always)
    package static func make() -> BufferStorage {
        let base = BufferStorage.create(minimumCapacity: inlineCapacity) { base in
            BufferHeader(
                slots: base.withUnsafeMutablePointerToElements { $0 }, count: 0, capacity: inlineCapacity,
                maximumSize: 0,
                pool: nil, pooledMemory: nil, parent: nil, next: nil)
        }
        return unsafeDowncast(base, to: BufferStorage.self)
    }

    /// A storage with one memory, of which the caller gives its reference.
    @inline(__always)
    package static func make(taking reference: Unmanaged<Memory>) -> BufferStorage {
        let storage = make()
        let head = storage.head
        var reference = reference
        reference.enterPlace()
        head.pointee.slots[0] = reference
        head.pointee.count = 1
        head.pointee.maximumSize = reference._withUnsafeGuaranteedRef { $0.maxSize }
        return storage
    }

    deinit {
        let head = self.head
        if head.pointee.pool != nil {
            returnMemoryToPool()
        } else {
            for index in 0..<head.pointee.count { head.pointee.slots[index].leavePlace() }
        }
        if head.pointee.capacity != Self.inlineCapacity { free(head.pointee.slots) }
        if var parent = head.pointee.parent { parent.drop() }
    }

    /// The header; valid while the storage lives.
    @inline(__always)
    var head: UnsafeMutablePointer<BufferHeader> {
        withUnsafeMutablePointerToHeader { $0 }
    }

    /// The number of memories.
    @inline(__always)
    package var count: Int { head.pointee.count }

    /// The bytes of all memories together.
    package var size: Int {
        let head = self.head
        var sum = 0
        for index in 0..<head.pointee.count {
            sum &+= head.pointee.slots[index]._withUnsafeGuaranteedRef { $0.size }
        }
        return sum
    }

    /// The memory at `index`, which must exist.
    @inline(__always)
    package func reference(at index: Int) -> Unmanaged<Memory> {
        head.pointee.slots[index]
    }

    /// The visible bytes of the memory at `index`, which must exist.
    @inline(__always)
    package func bytes(at index: Int) -> UnsafeMutableRawBufferPointer {
        head.pointee.slots[index]._withUnsafeGuaranteedRef { $0.visibleBytes }
    }

    // MARK: Changes

    /// Makes room for `count` memories.
    func reserve(_ count: Int) throws(BufferError) {
        let head = self.head
        guard count > head.pointee.capacity else { return }
        let doubled = head.pointee.capacity.multipliedReportingOverflow(by: 2)
        let capacity = doubled.overflow ? count : max(count, doubled.partialValue)
        let bytes = capacity.multipliedReportingOverflow(by: MemoryLayout<Unmanaged<Memory>>.stride)
        let isInline = head.pointee.capacity == Self.inlineCapacity
        guard !bytes.overflow,
            let block = realloc(
                isInline ? nil : UnsafeMutableRawPointer(head.pointee.slots), bytes.partialValue)
        else {
            throw .noMemory(bytes: bytes.partialValue)
        }
        let slots = block.bindMemory(to: Unmanaged<Memory>.self, capacity: capacity)
        if isInline { slots.update(from: head.pointee.slots, count: head.pointee.count) }
        head.pointee.slots = slots
        head.pointee.capacity = capacity
    }

    /// Inserts `memory` before place `index`, 0 to the count.
    package func insert(_ memory: Memory, at index: Int) throws(BufferError) {
        let reference = Unmanaged.passRetained(memory)
        do throws(BufferError) {
            try insert(taking: reference, at: index)
        } catch {
            reference.release()
            throw error
        }
    }

    /// As ``insert(_:at:)``, and takes the reference unless it throws.
    package func insert(taking reference: Unmanaged<Memory>, at index: Int) throws(BufferError) {
        let head = self.head
        let count = head.pointee.count
        guard index >= 0, index <= count else {
            throw .outOfRange("place \(index) does not exist in a buffer of \(count) memories")
        }
        let maximum = head.pointee.maximumSize.addingReportingOverflow(
            reference._withUnsafeGuaranteedRef { $0.maxSize })
        guard !maximum.overflow else {
            throw .outOfRange("with one more memory the bytes of the buffer cannot be counted")
        }
        if count == head.pointee.capacity { try reserve(count + 1) }
        var reference = reference
        reference.enterPlace()
        let slots = head.pointee.slots
        if index < count {
            memmove(
                slots + index + 1, slots + index, (count - index) * MemoryLayout<Unmanaged<Memory>>.stride)
        }
        slots[index] = reference
        head.pointee.count = count + 1
        head.pointee.maximumSize = maximum.partialValue
    }

    /// Removes `count` memories from `index`; −1 removes to the end.
    package func remove(at index: Int, count: Int) throws(BufferError) {
        let head = self.head
        let present = head.pointee.count
        guard index >= 0, index <= present, count >= -1, count <= present - index else {
            throw .outOfRange("\(count) memories from place \(index) reach past the \(present) of the buffer")
        }
        let count = count < 0 ? present - index : count
        let slots = head.pointee.slots
        for place in index..<index + count {
            head.pointee.maximumSize -= slots[place]._withUnsafeGuaranteedRef { $0.maxSize }
            vacate(place)
        }
        let rest = present - index - count
        if rest > 0 {
            memmove(slots + index, slots + index + count, rest * MemoryLayout<Unmanaged<Memory>>.stride)
        }
        head.pointee.count = present - count
        releaseUnusedParent()
    }

    /// Puts `memory`, which no other buffer holds, in the place of the one at `index`.
    func replace(at index: Int, with memory: Memory) {
        let head = self.head
        var reference = Unmanaged.passRetained(memory)
        reference.enterPlace()
        let old = head.pointee.slots[index]._withUnsafeGuaranteedRef { $0.maxSize }
        vacate(index)
        head.pointee.slots[index] = reference
        // A private copy is never larger than the block that it comes from.
        head.pointee.maximumSize += memory.maxSize - old
        releaseUnusedParent()
    }

    /// Puts `memory`, which no other buffer holds, in the place of all memories.
    func replaceAll(with memory: Memory) {
        let head = self.head
        for index in 0..<head.pointee.count { vacate(index) }
        var reference = Unmanaged.passRetained(memory)
        reference.enterPlace()
        head.pointee.slots[0] = reference
        head.pointee.count = 1
        head.pointee.maximumSize = memory.maxSize
        releaseUnusedParent()
    }

    /// Gives up the memory at `index`, in whose place another is to come.
    private func vacate(_ index: Int) {
        let head = self.head
        // Forgotten at once: another memory may get its address.
        if head.pointee.slots[index].toOpaque() == head.pointee.pooledMemory?.toOpaque() {
            head.pointee.pooledMemory = nil
        }
        head.pointee.slots[index].leavePlace()
    }

    /// Lets the pooled buffer go whose memories this one shared, when it has none of them any more.
    private func releaseUnusedParent() {
        let head = self.head
        guard var parent = head.pointee.parent else { return }
        let pooled = parent._withUnsafeGuaranteedRef { $0.head.pointee.pooledMemory?.toOpaque() }
        var isUsed = false
        for index in 0..<head.pointee.count where pooled != nil {
            if head.pointee.slots[index]._withUnsafeGuaranteedRef({ $0.block }) == pooled { isUsed = true }
        }
        guard !isUsed else { return }
        head.pointee.parent = nil
        parent.drop()
    }

    // MARK: Copies

    /// A storage of the same memories, shared; those that cannot be, because they are ``MemoryFlags/noShare`` or mapped for writing,
    /// are copied.
    package func makeCopy() throws(BufferError) -> BufferStorage {
        let copy = BufferStorage.make()
        let count = self.count
        try copy.reserve(count)
        let target = copy.head
        let slots = head.pointee.slots
        for index in 0..<count {
            let reference = slots[index]
            let isShared =
                reference._withUnsafeGuaranteedRef { !$0.flags.contains(.noShare) }
                && reference.enterAnotherPlace()
            if isShared {
                target.pointee.slots[index] = reference
                target.pointee.count = index + 1
                target.pointee.maximumSize &+= reference._withUnsafeGuaranteedRef { $0.maxSize }
            } else {
                let memory = reference.takeUnretainedValue()
                try copy.insert(memory.copy(offset: 0, size: memory.size), at: index)
            }
        }
        copy.inheritParent(of: self)
        return copy
    }

    /// A storage over `size` bytes from `offset`; −1 for `size` is to the end. Whole memories are shared, those cut are shared in part.
    package func copyRegion(offset: Int, size: Int) throws(BufferError) -> BufferStorage {
        let total = self.size
        guard offset >= 0, offset <= total, size >= -1, size <= total - offset else {
            throw .outOfRange(
                "\(size) bytes from offset \(offset) reach past the \(total) bytes of the buffer")
        }
        let copy = BufferStorage.make()
        let end = size < 0 ? total : offset + size
        var start = 0
        for index in 0..<count where start < end {
            let reference = self.reference(at: index)
            let length = reference._withUnsafeGuaranteedRef { $0.size }
            let from = max(offset, start)
            let to = min(end, start + length)
            if from < to { try copy.append(part: from - start..<to - start, of: reference) }
            start += length
        }
        copy.inheritParent(of: self)
        return copy
    }

    /// Appends bytes `part` of a memory that another buffer holds.
    private func append(part: Range<Int>, of reference: Unmanaged<Memory>) throws(BufferError) {
        let isWhole = reference._withUnsafeGuaranteedRef {
            part.count == $0.size && !$0.flags.contains(.noShare)
        }
        guard isWhole else {
            let share = try reference.takeUnretainedValue().share(offset: part.lowerBound, size: part.count)
            return try insert(share, at: count)
        }
        if count == head.pointee.capacity { try reserve(count + 1) }
        guard reference.enterAnotherPlace() else {
            throw .notWritable("a memory of the buffer is mapped for writing; unmap it first")
        }
        head.pointee.slots[count] = reference
        head.pointee.count += 1
        // No more than the bytes of the source, which were counted when they went in there.
        head.pointee.maximumSize &+= reference._withUnsafeGuaranteedRef { $0.maxSize }
    }

    /// Keeps the pooled buffer that `source` is, or whose memories it shares, from returning to its pool.
    private func inheritParent(of source: BufferStorage) {
        if source.head.pointee.pool != nil {
            head.pointee.parent = Unmanaged.passRetained(source)
        } else if let parent = source.head.pointee.parent {
            head.pointee.parent = parent.retain()
        } else {
            return
        }
        releaseUnusedParent()
    }
}

extension Memory {
    /// Tells blocks apart: the address of the memory that owns the block.
    var block: UnsafeMutableRawPointer {
        Unmanaged.passUnretained(root ?? self).toOpaque()
    }
}
