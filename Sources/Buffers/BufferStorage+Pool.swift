import CPosix
import Synchronization

/// The pooled buffers that a buffer keeps out of their pools, each once. One needs no allocation.
struct BufferParents {
    /// A further one, in a block of its own.
    struct Node {
        var parent: Unmanaged<BufferStorage>
        var next: UnsafeMutablePointer<Node>?
    }

    private var first: Unmanaged<BufferStorage>?
    private var others: UnsafeMutablePointer<Node>?

    @inline(__always)
    var isEmpty: Bool { first == nil && others == nil }

    private func contains(_ parent: Unmanaged<BufferStorage>) -> Bool {
        if first?.toOpaque() == parent.toOpaque() { return true }
        var next = others
        while let node = next {
            if node.pointee.parent.toOpaque() == parent.toOpaque() { return true }
            next = node.pointee.next
        }
        return false
    }

    /// Adds a parent, with a reference of its own.
    mutating func add(_ parent: Unmanaged<BufferStorage>) throws(BufferError) {
        if contains(parent) { return }
        if first == nil {
            first = parent.retain()
            return
        }
        let bytes = MemoryLayout<Node>.size
        guard let block = malloc(bytes) else { throw .noMemory(bytes: bytes) }
        let node = block.bindMemory(to: Node.self, capacity: 1)
        node.initialize(to: Node(parent: parent.retain(), next: others))
        others = node
    }

    /// Adds those of another buffer.
    mutating func add(_ parents: BufferParents) throws(BufferError) {
        if let parent = parents.first { try add(parent) }
        var next = parents.others
        while let node = next {
            next = node.pointee.next
            try add(node.pointee.parent)
        }
    }

    /// Lets those go that are not `isUsed`: when the list is whole again, as their return may run functions of the
    /// user.
    @inline(never)
    mutating func keep(_ isUsed: (Unmanaged<BufferStorage>) -> Bool) {
        var kept: UnsafeMutablePointer<Node>?
        var unused: UnsafeMutablePointer<Node>?
        var next = others
        while let node = next {
            next = node.pointee.next
            if isUsed(node.pointee.parent) {
                node.pointee.next = kept
                kept = node
            } else {
                node.pointee.next = unused
                unused = node
            }
        }
        others = kept
        var unusedFirst: Unmanaged<BufferStorage>?
        if let first, !isUsed(first) { unusedFirst = first }
        if unusedFirst != nil { first = nil }
        while let node = unused {
            unused = node.pointee.next
            node.pointee.parent.drop()
            free(node)
        }
        unusedFirst?.drop()
    }

    @inline(__always)
    mutating func removeAll() {
        if !isEmpty { keep { _ in false } }
    }
}

extension BufferStorage {
    /// Whether the buffer returns to a pool.
    package var isPooled: Bool { head.pointee.pool != nil }

    /// Keeps the pooled buffers whose memories came from `source` from returning to their pools: `source`
    /// itself, and those that it keeps.
    @inline(__always)
    func inheritParents(of source: BufferStorage) throws(BufferError) {
        let from = source.head
        if from.pointee.pool == nil, from.pointee.parents.isEmpty { return }
        try addParents(of: source)
    }

    @inline(never)
    private func addParents(of source: BufferStorage) throws(BufferError) {
        guard source !== self else { return }
        if source.head.pointee.pool != nil { try head.pointee.parents.add(Unmanaged.passUnretained(source)) }
        try head.pointee.parents.add(source.head.pointee.parents)
        releaseUnusedParents()
    }

    /// Lets the pooled buffers go of whose memories this one has none any more.
    @inline(__always)
    func releaseUnusedParents() {
        guard !head.pointee.parents.isEmpty else { return }
        head.pointee.parents.keep { parent in
            guard let pooled = parent.head.pointee.pooledMemory?.toOpaque() else { return false }
            for index in 0..<count where reference(at: index)._withUnsafeGuaranteedRef({ $0.block }) == pooled
            {
                return true
            }
            return false
        }
    }
}

extension Unmanaged<BufferStorage> {
    /// Drops a reference that is no handle. The last one to a buffer of a pool gives the whole buffer back,
    /// without freeing and allocating it.
    ///
    /// The last reference that a Swift value drops ends the object itself, and
    /// ``BufferStorage/returnMemoryToPool()`` makes another for the pool.
    package mutating func drop() {
        if head.pointee.pool != nil, isOnlyReference() {
            returnToPool()
        } else {
            release()
        }
    }

    /// Gives the buffer, to which there is no other reference, back to its pool, or frees it if it is not as
    /// the pool made it.
    @inline(never)
    mutating func returnToPool() {
        let storage = head
        _withUnsafeGuaranteedRef { storage in
            storage.handles.pointee.store(0, ordering: .relaxed)
            if storage.firstMeta != nil { storage.removeMetasAtEnd() }
        }
        // A meta that was let go may have added an owner.
        guard isOnlyReference() else {
            release()
            return
        }
        let pool = storage.pointee.pool!
        if _withUnsafeGuaranteedRef({ $0.resetForPool() }) {
            pool._withUnsafeGuaranteedRef { $0.takeBack(self) }
            return
        }
        _withUnsafeGuaranteedRef { $0.leavePool() }
        release()
        pool._withUnsafeGuaranteedRef { $0.takeBack(nil) }
    }
}

extension BufferStorage {
    /// Takes away what the pool did not give; `false` when the memory is not the one that the pool gave, or
    /// has other users.
    fileprivate func resetForPool() -> Bool {
        let head = self.head
        if head.pointee.pool!._withUnsafeGuaranteedRef({ $0.keepsShares }) { keepShares() }
        guard head.pointee.count == 1, let pooled = head.pointee.pooledMemory,
            head.pointee.slots[0].toOpaque() == pooled.toOpaque(), head.pointee.slots[0].isUnusedByOthers()
        else { return false }
        head.pointee.parents.removeAll()
        head.pointee.flags = []
        head.pointee.times = BufferTimes()
        return true
    }

    /// Takes all memories but the first out of their places. Shares that nobody else refers to are kept, idle.
    private func keepShares() {
        let head = self.head
        while head.pointee.count > 1 {
            let place = head.pointee.count - 1
            var reference = head.pointee.slots[place]
            head.pointee.count = place
            head.pointee.maximumSize -= reference._withUnsafeGuaranteedRef { $0.maxSize }
            if reference._withUnsafeGuaranteedRef({ $0.root != nil }), reference.isUnusedByOthers() {
                let owner = reference._withUnsafeGuaranteedRef {
                    $0.becomeIdle(before: head.pointee.idleShares)
                }
                head.pointee.idleShares = reference
                owner.dropShare()
            } else {
                reference.leavePlace()
            }
        }
    }

    /// Appends a share of `size` bytes from `offset` of the visible bytes of `memory`, which must have them, in the
    /// object of a share that the buffer had before if there is one. The caller is the only owner.
    ///
    /// - Returns: how many bytes were copied: `size` for a memory that is ``MemoryFlags/noShare``, else 0.
    @inline(__always)
    package func append(
        shareOf memory: Unmanaged<Memory>, offset: Int, size: Int
    ) throws(BufferError) -> Int {
        let share: Unmanaged<Memory>
        var copied = 0
        if memory._withUnsafeGuaranteedRef({ $0.flags.contains(.noShare) }) {
            share = try memory.borrowed { memory throws(BufferError) in
                Unmanaged.passRetained(try memory.copy(offset: offset, size: size))
            }
            copied = size
        } else {
            share = try memory.borrowed { memory throws(BufferError) in
                try memory.shareOfBlock(
                    offset: memory.offset + offset, size: size, reusing: &head.pointee.idleShares)
            }
        }
        do throws(BufferError) {
            try insert(taking: share, at: count)
        } catch {
            share.release()
            throw error
        }
        return copied
    }

    /// Keeps the pooled buffers whose memories came from `source` out of their pools while this buffer lives.
    package func keepOut(parentsOf source: BufferStorage) throws(BufferError) {
        try inheritParents(of: source)
    }

    /// Ends a buffer of a pool, of which only the pooled metas are left: its memory and those go on in a new
    /// buffer of the pool, if the memory is as the pool gave it.
    func returnMemoryToPool() {
        let head = self.head
        let pool = head.pointee.pool!
        var successor: Unmanaged<BufferStorage>?
        if resetForPool() {
            let storage = BufferStorage.make()
            let target = storage.head
            target.pointee.slots[0] = head.pointee.slots[0]
            target.pointee.count = 1
            target.pointee.maximumSize = head.pointee.maximumSize
            target.pointee.pool = pool
            target.pointee.pooledMemory = head.pointee.pooledMemory
            storage.adoptMetas(takePooledMetas())
            head.pointee.count = 0
            successor = Unmanaged.passRetained(storage)
        } else {
            removeMetas(behind: nil)
        }
        for index in 0..<head.pointee.count { head.pointee.slots[index].leavePlace() }
        head.pointee.count = 0
        leavePool()
        pool._withUnsafeGuaranteedRef { $0.takeBack(successor) }
    }

    /// Makes a buffer of no pool of one that is about to be freed.
    func leavePool() {
        head.pointee.pool = nil
        Memory.releaseIdle(head.pointee.idleShares)
        head.pointee.idleShares = nil
    }
}
