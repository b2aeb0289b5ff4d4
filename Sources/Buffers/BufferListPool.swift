import Synchronization

/// Keeps lists of buffers for reuse, with the room that they have.
///
/// A list returns when the last C handle of it is dropped; one that a Swift value is the last owner of is freed. A pool
/// lives until all its lists are gone.
///
/// Threads: any, several at once.
package final class BufferListPool: @unchecked Sendable {
    // Unchecked: all that changes is guarded by the lock.

    /// The most lists that are kept.
    private static let limit = 16

    private let lock = Lock()
    /// The free lists, linked by their `next`. Each is empty, has no other owner and no reference to the pool.
    @exclusivity(unchecked) private var free: Unmanaged<BufferListStorage>?
    @exclusivity(unchecked) private var freeCount = 0

    package init() {}

    deinit {
        while let list = pop() { list.release() }
    }

    private func pop() -> Unmanaged<BufferListStorage>? {
        guard let list = free else { return nil }
        free = list._withUnsafeGuaranteedRef { $0.head.pointee.next }
        freeCount -= 1
        return list
    }

    /// An empty list, of which the caller is the only owner.
    package func acquireHandle() -> Unmanaged<BufferListStorage> {
        let kept = lock.withLock { pop() }
        let list: Unmanaged<BufferListStorage>
        if let kept {
            list = kept
            list._withUnsafeGuaranteedRef { $0.handles.pointee.store(1, ordering: .relaxed) }
        } else {
            list = BufferListStorage.makeHandle(BufferListStorage.make())
        }
        list._withUnsafeGuaranteedRef { $0.head.pointee.pool = Unmanaged.passRetained(self) }
        return list
    }

    /// Takes an empty list back, with its reference; `false` when there are enough.
    fileprivate func takeBack(_ list: Unmanaged<BufferListStorage>) -> Bool {
        lock.withLock {
            guard freeCount < Self.limit else { return false }
            list._withUnsafeGuaranteedRef { storage in
                storage.head.pointee.pool = nil
                storage.head.pointee.next = free
            }
            free = list
            freeCount += 1
            return true
        }
    }
}

extension Unmanaged<BufferListStorage> {
    /// Gives a list, which no handle refers to any more, back to its pool, or frees it if it has other owners.
    @inline(never)
    func returnToPool() {
        var reference = self
        guard reference.isOnlyReference() else {
            release()
            return
        }
        _withUnsafeGuaranteedRef { $0.dropAll() }
        let pool = _withUnsafeGuaranteedRef { $0.head.pointee.pool! }
        if pool._withUnsafeGuaranteedRef({ $0.takeBack(self) }) { pool.release() } else { release() }
    }
}
