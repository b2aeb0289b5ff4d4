import Synchronization

/// What holds buffers by handles, and has a say in whether they may be changed: the base of a list's storage.
package class BufferContainer: @unchecked Sendable {
    // Unchecked: subclasses are changed by a single owner only.

    /// The references that C has; all together have one strong reference to the object.
    package let handles = Atomic<Int>(0)

    package init() {}
}

extension Unmanaged where Instance: BufferContainer {
    /// Whether one handle is all that refers to the container.
    package mutating func isOnlyHandle() -> Bool {
        _withUnsafeGuaranteedRef { $0.handles.load(ordering: .acquiring) } == 1 && isOnlyReference()
    }

    /// Adds a handle.
    package func addHandle() {
        let old = _withUnsafeGuaranteedRef { $0.handles.add(1, ordering: .relaxed).oldValue }
        if old == 0 { _ = retain() }
    }

    /// Takes a handle away; the last one lets go of the container.
    package func dropHandle() {
        let rest = _withUnsafeGuaranteedRef {
            $0.handles.subtract(1, ordering: .acquiringAndReleasing).newValue
        }
        if rest == 0 { release() }
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
        if handles.pointee.add(1, ordering: .relaxed).oldValue == 0 { _ = retain() }
    }

    /// Takes a handle away; the last one lets go of the storage.
    @inline(__always)
    package func dropHandle() {
        let handles = self.handles
        // Whoever has the only handle is the only one who could add another.
        if handles.pointee.load(ordering: .acquiring) == 1 {
            var reference = self
            if reference.isOnlyReference() {
                release()
                return
            }
        }
        if handles.pointee.subtract(1, ordering: .acquiringAndReleasing).newValue == 0 { release() }
    }

    /// Whether the one handle that is known of is all that refers to the buffer, and to the container that it belongs to.
    @inline(__always)
    package mutating func isOnlyHandle() -> Bool {
        if handles.pointee.load(ordering: .acquiring) == 1, isOnlyReference() {
            let container = _withUnsafeGuaranteedRef { $0.containers.pointee.load(ordering: .acquiring) }
            if container == 0 { return true }
            var holder: Unmanaged<BufferContainer> = .fromOpaque(UnsafeRawPointer(bitPattern: container)!)
            return holder.isOnlyHandle()
        }
        return head.pointee.isBeingMade
    }

    /// Notes that a container holds one of the handles, or, the second time, that it does no longer.
    package func toggleContainer(_ container: BufferContainer) {
        let address = UInt(bitPattern: Unmanaged<BufferContainer>.passUnretained(container).toOpaque())
        _withUnsafeGuaranteedRef {
            _ = $0.containers.pointee.bitwiseXor(address, ordering: .acquiringAndReleasing)
        }
    }
}
