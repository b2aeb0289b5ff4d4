import Synchronization

// Lists hold buffers by reference, so that a single reference to a buffer is not enough to say that it may be changed: the list
// that has it may have several owners. A buffer therefore knows its lists, in one word: their addresses combined by exclusive or. A
// buffer of a single reference is in one list or in none, and then the word is the address of that list or 0; with more references it
// is not writable, whatever the word is. So keeping it takes neither a lock nor an allocation.

extension BufferStorage {
    /// The word. `ManagedBuffer` wants a header that can be copied, so the atomic lies over a plain field.
    @inline(__always)
    var containers: UnsafeMutablePointer<Atomic<UInt>> {
        UnsafeMutableRawPointer(head).assumingMemoryBound(to: Atomic<UInt>.self)
    }

    /// Notes that `list` holds the buffer, or does no more.
    @inline(__always)
    func toggleContainer(_ list: BufferListStorage) {
        let address = UInt(bitPattern: Unmanaged.passUnretained(list).toOpaque())
        _ = containers.pointee.bitwiseXor(address, ordering: .acquiringAndReleasing)
    }
}

extension Unmanaged<BufferStorage> {
    /// Whether the buffer has one owner, and so have the lists that hold it: then that owner may change it.
    @inline(__always)
    package mutating func isWritable() -> Bool {
        guard isOnlyReference() else { return false }
        let word = _withUnsafeGuaranteedRef { $0.containers.pointee.load(ordering: .acquiring) }
        guard let address = UnsafeRawPointer(bitPattern: word) else { return true }
        var list = Unmanaged<BufferListStorage>.fromOpaque(address)
        return list.isOnlyReference()
    }
}
