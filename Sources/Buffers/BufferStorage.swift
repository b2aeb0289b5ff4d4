import CPosix
import Synchronization

/// When a buffer is to be used, and where it comes from. The values are those of C, where a time of
/// `Int64.min` and an offset of `UInt64.max` are none.
package struct BufferTimes {
    package var pts = Int64.min
    package var dts = Int64.min
    package var duration = Int64.min
    package var offset = UInt64.max
    package var offsetEnd = UInt64.max
}

/// The first part of a ``BufferStorage``.
package struct BufferHeader {
    /// The references that C has; all together have one strong reference to the storage. Changed through
    /// ``BufferStorage/handles`` only, for which it is the first field.
    private let handleCount = 0
    /// See ``BufferStorage/containers``, for which it is the second.
    private let containerAddresses: UInt = 0
    /// Shares of other memories that the buffer had when it returned to its pool, to be used again. Up here,
    /// the fields that start as zero fill whole vectors: code for size clears a rest by an `and`, which waits
    /// for the vector before it.
    var idleShares: Unmanaged<Memory>?
    /// The places for memories: those inside the object, or a block of their own when they are more.
    var slots: UnsafeMutablePointer<Unmanaged<Memory>>
    var count: Int
    var capacity: Int
    /// The sum of the memories' `maxSize`, which bounds the sum of their sizes whatever becomes of their
    /// windows.
    var maximumSize: Int
    /// The pool that the buffer returns to.
    var pool: Unmanaged<PoolCore>?
    /// The memory that the pool gave, while it has a place.
    var pooledMemory: Unmanaged<Memory>?
    /// The pooled buffers whose memories this one shares; they return to their pools only when those are free
    /// again.
    var parents: BufferParents
    /// The next free buffer of the pool that holds this one.
    var next: Unmanaged<BufferStorage>?
    /// The metas in the order they were added in.
    var firstMeta: UnsafeMutablePointer<MetaNode>?
    var lastMeta: UnsafeMutablePointer<MetaNode>?
    /// Bytes of the arena that are taken, and the number of metas that have some of them.
    var arenaUsed: Int32
    var arenaMetas: Int32
    package var flags: BufferFlags
    /// Set while a transform function adds metas to a copy that nobody else knows yet.
    var isBeingMade: Bool
    package var times: BufferTimes
}

/// What a ``Buffer`` refers to, and what the C handle `fw_buffer` is.
///
/// Header, the places for 16 memories, and the arena of small metas are one allocation. They are reached
/// through pointers, which costs neither exclusivity checks nor reference counting. Only the single owner of
/// a storage may call what changes it; the callers see to that.
package final class BufferStorage: ManagedBuffer<BufferHeader, Unmanaged<Memory>> {
    /// The number of memories that need no allocation of their own.
    package static let inlineCapacity = 16
    /// Bytes for small metas, and as many as may be lost to their alignment.
    static let arenaSize = 256
    private static let arenaPlaces = (arenaSize + 8) / MemoryLayout<Unmanaged<Memory>>.stride

    /// A storage without memories.
    @inline(__always)
    package static func make() -> BufferStorage {
        let base = BufferStorage.create(minimumCapacity: inlineCapacity + arenaPlaces) { base in
            BufferHeader(
                idleShares: nil, slots: base.withUnsafeMutablePointerToElements { $0 }, count: 0,
                capacity: inlineCapacity, maximumSize: 0, pool: nil, pooledMemory: nil,
                parents: BufferParents(), next: nil, firstMeta: nil, lastMeta: nil, arenaUsed: 0,
                arenaMetas: 0, flags: [], isBeingMade: false, times: BufferTimes())
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
        if head.pointee.firstMeta != nil { removeMetasAtEnd() }
        if head.pointee.pool != nil {
            returnMemoryToPool()
        } else {
            for index in 0..<head.pointee.count { head.pointee.slots[index].leavePlace() }
        }
        if head.pointee.capacity != Self.inlineCapacity { free(head.pointee.slots) }
        head.pointee.parents.removeAll()
    }

    /// The header; valid while the storage lives.
    @inline(__always)
    package var head: UnsafeMutablePointer<BufferHeader> {
        withUnsafeMutablePointerToHeader { $0 }
    }

    /// The number of references that C has. `ManagedBuffer` wants a header that can be copied, so the atomic
    /// lies over a plain field.
    @inline(__always)
    package var handles: UnsafeMutablePointer<Atomic<Int>> {
        UnsafeMutableRawPointer(head).assumingMemoryBound(to: Atomic<Int>.self)
    }

    /// The addresses of the containers that hold the buffer, each by a handle, joined by exclusive or: if one
    /// handle is all there is, then this is the address of the container it belongs to, or 0. With a count of
    /// the changes: see `ContainerAddress`.
    @inline(__always)
    package var containers: UnsafeMutablePointer<Atomic<UInt>> {
        (UnsafeMutableRawPointer(head) + MemoryLayout<Int>.stride).assumingMemoryBound(to: Atomic<UInt>.self)
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
            throw .noSuchMemories(0, index, of: count)
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
        head.pointee.flags.insert(.tagMemory)
    }

    /// The places `count` memories from `index` have; −1 is to the end.
    package func range(_ index: Int, _ count: Int) throws(BufferError) -> Range<Int> {
        let present = self.count
        guard index >= 0, index <= present, count >= -1, count <= present - index else {
            throw .noSuchMemories(index, count, of: present)
        }
        return index..<(count < 0 ? present : index + count)
    }

    /// Removes `count` memories from `index`; −1 removes to the end.
    package func remove(at index: Int, count: Int) throws(BufferError) {
        remove(try range(index, count))
    }

    func remove(_ range: Range<Int>) {
        let head = self.head
        let slots = head.pointee.slots
        for place in range {
            head.pointee.maximumSize -= slots[place]._withUnsafeGuaranteedRef { $0.maxSize }
            vacate(place)
        }
        let rest = head.pointee.count - range.upperBound
        if rest > 0, !range.isEmpty {
            memmove(
                slots + range.lowerBound, slots + range.upperBound,
                rest * MemoryLayout<Unmanaged<Memory>>.stride)
        }
        head.pointee.count -= range.count
        head.pointee.flags.insert(.tagMemory)
        releaseUnusedParents()
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
        head.pointee.maximumSize &+= memory.maxSize - old
        head.pointee.flags.insert(.tagMemory)
        releaseUnusedParents()
    }

    /// Puts `memory`, which no other buffer holds and which has room for all of their bytes, in the place of
    /// several.
    func replace(_ range: Range<Int>, with memory: Memory) {
        if range.count > 1 { remove(range.lowerBound + 1..<range.upperBound) }
        replace(at: range.lowerBound, with: memory)
    }

    /// Puts a memory in the place of `count` from `index`, and takes the reference unless it throws.
    package func replace(
        at index: Int, count: Int, taking reference: Unmanaged<Memory>
    ) throws(BufferError) {
        let range = try range(index, count)
        // In front of them first, as this can fail.
        try insert(taking: reference, at: range.lowerBound)
        remove(range.lowerBound + 1..<range.upperBound + 1)
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
}

extension Memory {
    /// Tells blocks apart: the address of the memory that owns the block.
    var block: UnsafeMutableRawPointer {
        root?.toOpaque() ?? Unmanaged.passUnretained(self).toOpaque()
    }
}
