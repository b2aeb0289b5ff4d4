import Synchronization

// Lists hold buffers by reference, so that a single reference to a buffer is not enough to say that it may be changed: the list
// that has it may have several owners. A buffer therefore knows its lists, in one word: their addresses combined by exclusive or. A
// buffer of a single reference is in one list or in none, and then the word is the address of that list or 0; with more references it
// is not writable, whatever the word is. So keeping it takes neither a lock nor an allocation.

extension BufferStorage {
    /// Notes that `list` holds the buffer, or does no more.
    @inline(__always)
    func toggleContainer(_ list: BufferListStorage) {
        let address = UInt(bitPattern: Unmanaged.passUnretained(list).toOpaque())
        withContainers { _ = $0.pointee.bitwiseXor(address, ordering: .acquiringAndReleasing) }
    }

    /// Calls `body` with the word. A header, which is copied, cannot have an `Atomic` in it; that has the layout of its value.
    @inline(__always)
    fileprivate func withContainers<R>(_ body: (UnsafeMutablePointer<Atomic<UInt>>) -> R) -> R {
        withUnsafeMutablePointer(to: &head.pointee.containers) {
            body(UnsafeMutableRawPointer($0).assumingMemoryBound(to: Atomic<UInt>.self))
        }
    }
}

extension Unmanaged<BufferStorage> {
    /// Whether the buffer has one owner, and so have the lists that hold it: then that owner may change it.
    @inline(__always)
    package mutating func isWritable() -> Bool {
        guard isOnlyReference() else { return false }
        let word = _withUnsafeGuaranteedRef { storage in
            storage.withContainers { $0.pointee.load(ordering: .acquiring) }
        }
        guard let address = UnsafeRawPointer(bitPattern: word) else { return true }
        var list = Unmanaged<BufferListStorage>.fromOpaque(address)
        return list.isOnlyReference()
    }
}
