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

    /// Takes a handle away; the last one lets go of the list.
    @inline(__always)
    package func dropHandle() {
        if handles.pointee.wrappingSubtract(1, ordering: .acquiringAndReleasing).newValue == 0 { release() }
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
        if handles.pointee.load(ordering: .acquiring) == 1, isOnlyReference() {
            let container = _withUnsafeGuaranteedRef { $0.containers.pointee.load(ordering: .acquiring) }
            if container == 0 { return true }
            var list: Unmanaged<BufferListStorage> = .fromOpaque(UnsafeRawPointer(bitPattern: container)!)
            return list.isOnlyHandle()
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

    /// Notes that a list holds one of the handles, or, the second time, that it does no longer.
    @inline(__always)
    package func toggleContainer(_ list: BufferListStorage) {
        let address = UInt(bitPattern: Unmanaged<BufferListStorage>.passUnretained(list).toOpaque())
        _withUnsafeGuaranteedRef {
            _ = $0.containers.pointee.bitwiseXor(address, ordering: .acquiringAndReleasing)
        }
    }
}
