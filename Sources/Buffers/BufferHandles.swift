import Synchronization

extension Unmanaged<BufferListStorage> {
    @inline(__always)
    private var handles: UnsafeMutablePointer<Atomic<Int>> {
        _withUnsafeGuaranteedRef { $0.handles }
    }

    /// Whether one handle is all that refers to the list.
    @inline(__always)
    package mutating func isOnlyHandle() -> Bool {
        handles.pointee.load(ordering: .acquiring) == 1 && isOnlyReference()
    }

    /// Adds a handle.
    @inline(__always)
    package func addHandle() {
        if handles.pointee.wrappingAdd(1, ordering: .relaxed).oldValue == 0 { _ = retain() }
    }

    /// Takes a handle away; the last one lets go of the list, or gives it back to its pool.
    @inline(__always)
    package func dropHandle() {
        if handles.pointee.wrappingSubtract(1, ordering: .acquiringAndReleasing).newValue == 0 {
            if _withUnsafeGuaranteedRef({ $0.head.pointee.pool }) == nil { release() } else { returnToPool() }
        }
    }
}

extension BufferStorage {
    /// A new storage as a handle, of which the caller is the only owner.
    @inline(__always)
    package static func makeHandle(_ storage: consuming BufferStorage) -> Unmanaged<BufferStorage> {
        storage.handles.pointee.store(1, ordering: .relaxed)
        return Unmanaged.passRetained(storage)
    }
}

extension Unmanaged<BufferStorage> {
    /// The header of the storage, which outlives the use of it.
    @inline(__always)
    package var head: UnsafeMutablePointer<BufferHeader> {
        _withUnsafeGuaranteedRef { $0.head }
    }

    @inline(__always)
    private var handles: UnsafeMutablePointer<Atomic<Int>> {
        _withUnsafeGuaranteedRef { $0.handles }
    }

    /// Adds a handle.
    @inline(__always)
    package func addHandle() {
        if handles.pointee.wrappingAdd(1, ordering: .relaxed).oldValue == 0 { _ = retain() }
    }

    /// Takes a handle away; the last one lets go of the storage.
    @inline(__always)
    package func dropHandle() {
        let handles = self.handles
        // Whoever has the only handle is the only one who could add another.
        if handles.pointee.load(ordering: .acquiring) == 1 {
            var reference = self
            if reference.isOnlyReference() {
                if head.pointee.pool == nil { release() } else { reference.returnToPool() }
                return
            }
        }
        if handles.pointee.wrappingSubtract(1, ordering: .acquiringAndReleasing).newValue == 0 { release() }
    }

    /// Whether the one handle that is known of is all that refers to the buffer, and to the container that it
    /// belongs to.
    @inline(__always)
    package mutating func isOnlyHandle() -> Bool {
        let containers = _withUnsafeGuaranteedRef { $0.containers }
        let before = containers.pointee.load(ordering: .acquiring)
        if handles.pointee.load(ordering: .acquiring) == 1, isOnlyReference() {
            // While there is one handle, the joined addresses are that of its container. But they can have been
            // read while another thread had the buffer in a list of its own: then they are no address at all.
            guard containers.pointee.load(ordering: .acquiring) == before else { return false }
            let address = before & ContainerAddress.mask
            guard let list = UnsafeRawPointer(bitPattern: address << ContainerAddress.shift) else {
                return true
            }
            var container: Unmanaged<BufferListStorage> = .fromOpaque(list)
            return container.isOnlyHandle()
        }
        return head.pointee.isBeingMade
    }

    /// Makes the caller's handle a reference that is no handle: the only one if the handle was.
    package mutating func becomeReference() {
        if handles.pointee.load(ordering: .acquiring) == 1, isOnlyReference() {
            handles.pointee.store(0, ordering: .relaxed)
        } else {
            _ = retain()
            dropHandle()
        }
    }

    /// Notes that a list holds one of the handles, or, the second time, that it does no longer. The handle must
    /// be there at both times.
    @inline(__always)
    package func toggleContainer(_ list: BufferListStorage) {
        let address = UInt(bitPattern: Unmanaged<BufferListStorage>.passUnretained(list).toOpaque())
        let containers = _withUnsafeGuaranteedRef { $0.containers }
        var old = containers.pointee.load(ordering: .relaxed)
        while true {
            let new = (old ^ (address >> ContainerAddress.shift)) &+ ContainerAddress.change
            let (exchanged, original) = containers.pointee.weakCompareExchange(
                expected: old, desired: new, ordering: .acquiringAndReleasing)
            if exchanged { return }
            old = original
        }
    }
}

/// How ``BufferStorage/containers`` is made up: an address, whose lowest bits are zero, and above it a count of
/// the changes, so that two equal looks mean that nothing has changed between them.
private enum ContainerAddress {
    static var shift: UInt { 4 }
    static var mask: UInt { change - 1 }
    static var change: UInt { 1 << 44 }
}
