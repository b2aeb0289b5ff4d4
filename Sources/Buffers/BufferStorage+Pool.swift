extension Unmanaged<BufferStorage> {
    /// Drops the reference. The last one to a buffer of a pool gives the whole buffer back, without freeing and allocating it.
    ///
    /// This is for references of C and of the library's own. The last reference that a Swift value drops ends the object itself, and
    /// ``BufferStorage/returnMemoryToPool()`` makes another for the pool.
    @inline(__always)
    package mutating func drop() {
        if _withUnsafeGuaranteedRef({ $0.head.pointee.pool != nil }), isOnlyReference() {
            returnToPool()
        } else {
            release()
        }
    }

    /// Gives the buffer, to which there is no other reference, back to its pool, or frees it if it is not as the pool made it.
    @inline(never)
    private mutating func returnToPool() {
        let pool = _withUnsafeGuaranteedRef { $0.head.pointee.pool! }
        if _withUnsafeGuaranteedRef({ $0.resetForPool() }) {
            pool._withUnsafeGuaranteedRef { $0.takeBack(self) }
            return
        }
        _withUnsafeGuaranteedRef { $0.head.pointee.pool = nil }
        release()
        pool._withUnsafeGuaranteedRef { $0.takeBack(nil) }
    }
}

extension BufferStorage {
    /// Takes away what the pool did not give; `false` when the memory is not the one that the pool gave, or has other users.
    fileprivate func resetForPool() -> Bool {
        let head = self.head
        guard head.pointee.count == 1, let pooled = head.pointee.pooledMemory,
            head.pointee.slots[0].toOpaque() == pooled.toOpaque(), head.pointee.slots[0].isUnusedByOthers()
        else { return false }
        if var parent = head.pointee.parent {
            head.pointee.parent = nil
            parent.drop()
        }
        return true
    }

    /// Ends a buffer of a pool: its memory goes on in a new buffer of the pool, if it is as the pool made it.
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
            head.pointee.count = 0
            successor = Unmanaged.passRetained(storage)
        }
        for index in 0..<head.pointee.count { head.pointee.slots[index].leavePlace() }
        pool._withUnsafeGuaranteedRef { $0.takeBack(successor) }
    }
}
