import CPosix
import Synchronization

/// The first part of a ``BufferListStorage``.
package struct BufferListHeader {
    /// The references that C has; all together have one strong reference to the storage. Changed through
    /// ``BufferListStorage/handles`` only, for which it is the first field.
    private let handleCount = 0
    /// The places for buffers: those inside the object, or a block of their own when they are more.
    var slots: UnsafeMutablePointer<Unmanaged<BufferStorage>>
    var count: Int
    var capacity: Int
    /// The pool that the list returns to, of which it has a reference while it is out.
    var pool: Unmanaged<BufferListPool>?
    /// The next free list of the pool that holds this one.
    var next: Unmanaged<BufferListStorage>?
}

/// What a ``BufferList`` refers to, and what the C handle `fw_buffer_list` is. Each place has a handle of its
/// buffer.
///
/// Only the single owner of a storage may call what changes it; the callers see to that.
package final class BufferListStorage: ManagedBuffer<BufferListHeader, Unmanaged<BufferStorage>> {
    /// The number of buffers that need no allocation of their own.
    static let inlineCapacity = 8

    /// A list without buffers.
    package static func make() -> BufferListStorage {
        let base = BufferListStorage.create(minimumCapacity: inlineCapacity) { base in
            BufferListHeader(
                slots: base.withUnsafeMutablePointerToElements { $0 }, count: 0, capacity: inlineCapacity,
                pool: nil, next: nil)
        }
        return unsafeDowncast(base, to: BufferListStorage.self)
    }

    /// A list without buffers that has room for `capacity`.
    package static func make(capacity: Int) throws(BufferError) -> BufferListStorage {
        let storage = make()
        guard capacity >= 0 else { throw .outOfRange("a list cannot have room for so many buffers") }
        try storage.reserve(capacity)
        return storage
    }

    deinit {
        let head = self.head
        dropAll()
        if head.pointee.capacity != Self.inlineCapacity { free(head.pointee.slots) }
        head.pointee.pool?.release()
    }

    /// Drops the buffers of a list that nobody refers to.
    func dropAll() {
        let head = self.head
        for index in 0..<head.pointee.count {
            take(at: index).dropHandle()
        }
        head.pointee.count = 0
    }

    /// The header; valid while the storage lives.
    @inline(__always)
    var head: UnsafeMutablePointer<BufferListHeader> {
        withUnsafeMutablePointerToHeader { $0 }
    }

    /// The number of references that C has. `ManagedBuffer` wants a header that can be copied, so the atomic
    /// lies over a plain field.
    @inline(__always)
    var handles: UnsafeMutablePointer<Atomic<Int>> {
        UnsafeMutableRawPointer(head).assumingMemoryBound(to: Atomic<Int>.self)
    }

    /// A storage as a handle, of which the caller is the only owner.
    package static func makeHandle(_ storage: consuming BufferListStorage) -> Unmanaged<BufferListStorage> {
        storage.handles.pointee.store(1, ordering: .relaxed)
        return Unmanaged.passRetained(storage)
    }

    /// The number of buffers.
    @inline(__always)
    package var count: Int { head.pointee.count }

    /// The bytes of all buffers together; `Int.max` when they are more.
    package var size: Int {
        let head = self.head
        var sum = 0
        for index in 0..<head.pointee.count {
            let (next, overflow) = sum.addingReportingOverflow(
                head.pointee.slots[index]._withUnsafeGuaranteedRef { $0.size })
            if overflow { return .max }
            sum = next
        }
        return sum
    }

    /// The buffer at `index`, which must exist.
    @inline(__always)
    package func reference(at index: Int) -> Unmanaged<BufferStorage> {
        head.pointee.slots[index]
    }

    /// Throws unless `count` buffers from `index` are there; −1 is to the end.
    package func check(_ index: Int, _ count: Int) throws(BufferError) {
        let present = self.count
        guard index >= 0, index <= present, count >= -1, count <= present - index else {
            let message: Sentence =
                "\(count) buffers from place \(index) reach past the \(present) of the list"
            throw .outOfRange(message)
        }
    }

    /// The error for a place that does not exist.
    @inline(never)
    func outOfRange(_ index: Int) -> BufferError {
        let message: Sentence = "place \(index) does not exist in a list of \(count) buffers"
        return .outOfRange(message)
    }

    // MARK: Changes

    /// Makes room for `count` buffers.
    package func reserve(_ count: Int) throws(BufferError) {
        let head = self.head
        guard count > head.pointee.capacity else { return }
        let doubled = head.pointee.capacity.multipliedReportingOverflow(by: 2)
        let capacity = doubled.overflow ? count : max(count, doubled.partialValue)
        let bytes = capacity.multipliedReportingOverflow(by: MemoryLayout<Unmanaged<BufferStorage>>.stride)
        let isInline = head.pointee.capacity == Self.inlineCapacity
        guard !bytes.overflow,
            let block = realloc(
                isInline ? nil : UnsafeMutableRawPointer(head.pointee.slots), bytes.partialValue)
        else {
            throw .noMemory(bytes: bytes.overflow ? .max : bytes.partialValue)
        }
        let slots = block.bindMemory(to: Unmanaged<BufferStorage>.self, capacity: capacity)
        if isInline { slots.update(from: head.pointee.slots, count: head.pointee.count) }
        head.pointee.slots = slots
        head.pointee.capacity = capacity
    }

    /// Inserts a buffer before place `index`, 0 to the count, and takes the handle unless it throws.
    package func insert(taking handle: Unmanaged<BufferStorage>, at index: Int) throws(BufferError) {
        let head = self.head
        let count = head.pointee.count
        guard index >= 0, index <= count else { throw outOfRange(index) }
        if count == head.pointee.capacity { try reserve(count + 1) }
        let slots = head.pointee.slots
        if index < count {
            memmove(
                slots + index + 1, slots + index,
                (count - index) * MemoryLayout<Unmanaged<BufferStorage>>.stride)
        }
        slots[index] = handle
        head.pointee.count = count + 1
        handle.toggleContainer(self)
    }

    /// Removes `count` buffers from `index`; −1 removes to the end.
    package func remove(at index: Int, count: Int) throws(BufferError) {
        try check(index, count)
        let present = self.count
        let count = count < 0 ? present - index : count
        if index + count < present { rotate(index, count) }
        // The last owner of a buffer may call a release function of the user, which sees a whole list, and
        // one with an owner more, so that it cannot change it.
        let owner = Unmanaged.passUnretained(self).retain()
        for _ in 0..<count {
            let handle = take(at: self.count - 1)
            head.pointee.count -= 1
            handle.dropHandle()
        }
        owner.release()
    }

    /// Brings the `count` buffers from `index` to the end, and those behind them to their place.
    private func rotate(_ index: Int, _ count: Int) {
        var slots = UnsafeMutableBufferPointer(start: head.pointee.slots, count: self.count)
        slots[index..<index + count].reverse()
        slots[(index + count)...].reverse()
        slots[index...].reverse()
    }

    /// Takes the buffer at `index`, which must exist, out of its place: the caller has its handle then, and
    /// the list is no owner of it. ``put(_:at:)`` or ``close(_:)`` must follow.
    @inline(__always)
    package func take(at index: Int) -> Unmanaged<BufferStorage> {
        let handle = head.pointee.slots[index]
        handle.toggleContainer(self)
        return handle
    }

    /// Puts a buffer, whose handle it takes, in the place of one that was taken.
    package func put(_ handle: Unmanaged<BufferStorage>, at index: Int) {
        head.pointee.slots[index] = handle
        handle.toggleContainer(self)
    }

    /// Closes the gap at `index`, whose buffer was taken.
    package func close(_ index: Int) {
        let head = self.head
        let rest = head.pointee.count - index - 1
        if rest > 0 {
            let gap = head.pointee.slots + index
            memmove(gap, gap + 1, rest * MemoryLayout<Unmanaged<BufferStorage>>.stride)
        }
        head.pointee.count -= 1
    }

    /// The buffer at `index`, as one that only this list holds: a buffer with other owners is replaced by a
    /// copy of it.
    package func writable(at index: Int) throws(BufferError) -> Unmanaged<BufferStorage> {
        guard index >= 0, index < count else { throw outOfRange(index) }
        var shared = take(at: index)
        // Taken out, as this list is no reason to copy it, whoever asks for it.
        if shared.isOnlyHandle() {
            put(shared, at: index)
            return shared
        }
        let copy: BufferStorage
        do throws(BufferError) {
            copy = try shared.borrowed { shared throws(BufferError) in try shared.makeCopy() }
        } catch {
            put(shared, at: index)
            throw error
        }
        let handle = BufferStorage.makeHandle(copy)
        put(handle, at: index)
        shared.dropHandle()
        return handle
    }

    // MARK: Copies

    /// A list of the same buffers, which have an owner more each.
    package func makeCopy() throws(BufferError) -> BufferListStorage {
        let copy = try BufferListStorage.make(capacity: count)
        for index in 0..<count {
            let handle = head.pointee.slots[index]
            handle.addHandle()
            try copy.insert(taking: handle, at: index)
        }
        return copy
    }

    /// A list of private copies of the buffers.
    package func makeDeepCopy() throws(BufferError) -> BufferListStorage {
        let copy = try BufferListStorage.make(capacity: count)
        for index in 0..<count {
            let buffer = try head.pointee.slots[index].borrowed { source throws(BufferError) in
                try source.copyRegion([.all, .deep], offset: 0, size: -1)
            }
            try copy.insert(taking: BufferStorage.makeHandle(buffer), at: index)
        }
        return copy
    }
}
