import Synchronization

/// What a map is for. The raw values are those of `fw_map_flags`.
public struct MapFlags: OptionSet, Sendable {
    public let rawValue: UInt32

    public init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    public static let read = MapFlags(rawValue: 1 << 0)
    public static let write = MapFlags(rawValue: 1 << 1)
    public static let readWrite: MapFlags = [.read, .write]

    package func check() throws(BufferError) {
        guard rawValue >= 1, rawValue <= 3 else {
            throw .invalidArgument("map flags are \(rawValue); they must be read, write or both")
        }
    }
}

/// The open maps of a memory in one word: three counts of 21 bits, for reading only, writing only and both,
/// and the orphan bit.
///
/// The orphan bit says that the last buffer let go of the memory while it was mapped: the reference that the
/// buffers had together then belongs to the maps, and the last of them drops it.
enum MapCounts {
    static let orphan: UInt64 = 1 << 63
    static let counts: UInt64 = orphan - 1
    private static let field: UInt64 = (1 << 21) - 1
    private static let writers: UInt64 = counts & ~field

    /// One map of a kind; 1 << 0, 1 << 21 or 1 << 42.
    @inline(__always)
    static func unit(_ flags: MapFlags) -> UInt64 {
        1 << ((UInt64(flags.rawValue) - 1) &* 21)
    }

    /// Whether a map of the kind of `unit` is open.
    @inline(__always)
    static func isOpen(_ state: UInt64, unit: UInt64) -> Bool {
        state & (field &* unit) != 0
    }

    /// Whether a map of the kind of `unit` cannot be counted any more.
    @inline(__always)
    static func isFull(_ state: UInt64, unit: UInt64) -> Bool {
        state & (field &* unit) == field &* unit
    }

    @inline(__always)
    static func isWriting(_ state: UInt64) -> Bool {
        state & writers != 0
    }

    /// Whether the open maps admit one more for `flags`: a map for both admits all, one for reading or
    /// writing only its like.
    @inline(__always)
    static func admits(_ state: UInt64, _ flags: MapFlags) -> Bool {
        if state & counts == 0 || isOpen(state, unit: unit(.readWrite)) { return true }
        return state & counts & ~(field &* unit(flags)) == 0 && flags != .readWrite
    }
}

/// Who else has an interest in the bytes of a memory, in one word: the number of buffers' places that hold it
/// in the lower half, the number of living shares of it in the upper.
///
/// All places and shares together have one strong reference to the memory, so that a copy of a buffer costs
/// one atomic operation for each memory, and a share one as well.
enum Sharing {
    static let owner: UInt64 = 1
    static let share: UInt64 = 1 << 32

    @inline(__always)
    static func owners(_ state: UInt64) -> UInt32 {
        UInt32(truncatingIfNeeded: state)
    }

    @inline(__always)
    static func isShared(_ state: UInt64) -> Bool {
        state > owner
    }
}

extension Memory {
    /// What an attempt to map came to.
    ///
    /// The raw type keeps the compiler from writing hash functions, which would bring random numbers into the
    /// library.
    enum MapOutcome: UInt8 {
        case mapped
        /// Writing is refused because the memory is read-only or shared.
        case notWritable
        /// The open maps exclude this one.
        case excluded
        /// More maps are open than can be counted.
        case tooMany
        /// The memory has no bytes to map.
        case notMappable

        func error(_ flags: MapFlags) -> BufferError {
            switch self {
            case .mapped, .notWritable:
                .notWritable("the memory is read-only or shared, so it cannot be mapped for writing")
            case .excluded:
                .notWritable(
                    flags == .read
                        ? "the memory is mapped for writing only, which excludes a map for reading; unmap it first"
                        : "the memory has open maps that exclude one for writing; unmap them first")
            case .notMappable: .notMappable
            case .tooMany:
                .outOfRange("the memory has 2097151 open maps of this kind, and more cannot be counted")
            }
        }
    }

    /// Gives access to the visible bytes until ``unmap(_:)``, which must be called once for each map with the
    /// same flags.
    ///
    /// A map for reading and writing admits further maps of each kind; a map for reading only and one for
    /// writing only exclude each other.
    ///
    /// - Throws: ``BufferError/Kind/notWritable`` for writing on a read-only or shared memory, or against a
    ///   map that excludes this one; ``BufferError/Kind/invalidArgument`` for empty or unknown flags.
    public func map(_ flags: MapFlags) throws(BufferError) -> UnsafeMutableRawBufferPointer {
        try flags.check()
        let outcome = tryMap(flags)
        guard outcome == .mapped else { throw outcome.error(flags) }
        return visibleBytes
    }

    /// Ends a map.
    ///
    /// - Throws: ``BufferError/Kind/invalidArgument`` when no map with these flags is open.
    public func unmap(_ flags: MapFlags) throws(BufferError) {
        try flags.check()
        guard tryUnmap(flags) else {
            throw .invalidArgument("the memory has no open map with these flags")
        }
    }

    /// Counts one more map for `flags`, which must be valid.
    @inline(__always)
    func tryMap(_ flags: MapFlags) -> MapOutcome {
        let isWriting = flags.contains(.write)
        if self.flags.contains(.notMappable) { return .notMappable }
        // Refused without a trace, so that an attempt of another holder of the bytes never gets in the way of
        // a share.
        if isWriting, !isWritable { return .notWritable }
        let unit = MapCounts.unit(flags)
        var state = maps.load(ordering: .relaxed)
        while true {
            guard MapCounts.admits(state, flags) else { return .excluded }
            guard !MapCounts.isFull(state, unit: unit) else { return .tooMany }
            let (exchanged, original) = maps.weakCompareExchange(
                expected: state, desired: state &+ unit, ordering: .sequentiallyConsistent)
            if exchanged { break }
            state = original
        }
        if isWriting, Sharing.isShared(sharing.load(ordering: .sequentiallyConsistent)) {
            _ = tryUnmap(flags)
            return .notWritable
        }
        return .mapped
    }

    /// Counts one map less; `false` when none for `flags` is open.
    @inline(__always)
    func tryUnmap(_ flags: MapFlags) -> Bool {
        let unit = MapCounts.unit(flags)
        var state = maps.load(ordering: .relaxed)
        while true {
            guard MapCounts.isOpen(state, unit: unit) else { return false }
            var desired = state &- unit
            if desired & MapCounts.counts == 0 { desired = 0 }
            let (exchanged, original) = maps.weakCompareExchange(
                expected: state, desired: desired, ordering: .acquiringAndReleasing)
            if exchanged {
                if state & MapCounts.orphan != 0, desired == 0 { Unmanaged.passUnretained(self).release() }
                return true
            }
            state = original
        }
    }
}

// MARK: - Places in buffers

extension Unmanaged {
    /// Whether the one reference that is known of is the only one.
    @inline(__always)
    package mutating func isOnlyReference() -> Bool {
        // An unmanaged reference has the layout of a strong one; looking at it through the type of that
        // neither retains nor releases.
        withUnsafeMutablePointer(to: &self) { pointer in
            pointer.withMemoryRebound(to: Instance.self, capacity: 1) {
                isKnownUniquelyReferenced(&$0.pointee)
            }
        }
    }

    /// Runs `body` on the object, which outlives the call, without counting a reference.
    @inline(__always)
    package func borrowed<R>(_ body: (Instance) throws(BufferError) -> R) throws(BufferError) -> R {
        let result = _withUnsafeGuaranteedRef { instance -> Result<R, BufferError> in
            do throws(BufferError) {
                return .success(try body(instance))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    /// Runs `body` on the object, which outlives the call, without counting a reference.
    @inline(__always)
    package func borrowed<R>(_ body: (Instance) -> R) -> R {
        _withUnsafeGuaranteedRef(body)
    }
}

extension Unmanaged<Memory> {
    /// Whether the place that holds the memory is all that refers to it: no share, no map, no other
    /// reference.
    @inline(__always)
    mutating func isUnusedByOthers() -> Bool {
        let isIdle = _withUnsafeGuaranteedRef {
            $0.sharing.load(ordering: .acquiring) == Sharing.owner && $0.maps.load(ordering: .acquiring) == 0
        }
        return isIdle && isOnlyReference()
    }

    /// Counts one more place. The reference of the caller becomes the one of all places together, or is
    /// dropped if they have one.
    @inline(__always)
    mutating func enterPlace() {
        if _withUnsafeGuaranteedRef({ $0.sharing.load(ordering: .acquiring) }) == 0, isOnlyReference() {
            _withUnsafeGuaranteedRef { $0.sharing.store(Sharing.owner, ordering: .relaxed) }
            return
        }
        let others = _withUnsafeGuaranteedRef {
            $0.sharing.wrappingAdd(Sharing.owner, ordering: .sequentiallyConsistent).oldValue
        }
        if others > 0 { release() }
    }

    /// Counts one more place of a memory that has one already.
    ///
    /// - Returns: `false` when the memory is mapped for writing.
    @inline(__always)
    func enterAnotherPlace() -> Bool {
        _withUnsafeGuaranteedRef { memory in
            memory.sharing.wrappingAdd(Sharing.owner, ordering: .sequentiallyConsistent)
            if MapCounts.isWriting(memory.maps.load(ordering: .sequentiallyConsistent)) {
                // The place that the caller copies from is left.
                memory.sharing.wrappingSubtract(Sharing.owner, ordering: .acquiringAndReleasing)
                return false
            }
            return true
        }
    }

    /// Counts one more share; `false` when the memory is mapped for writing.
    @inline(__always)
    func addShare() -> Bool {
        // The count goes up before the maps are looked at, and a map for writing looks at the count after it
        // is in place: of a share and a map that race, at least one sees the other.
        let others = _withUnsafeGuaranteedRef {
            $0.sharing.wrappingAdd(Sharing.share, ordering: .sequentiallyConsistent).oldValue
        }
        if others == 0 { _ = retain() }
        if _withUnsafeGuaranteedRef({ MapCounts.isWriting($0.maps.load(ordering: .sequentiallyConsistent)) })
        {
            dropShare()
            return false
        }
        return true
    }

    /// Counts one share less.
    @inline(__always)
    func dropShare() {
        let rest = _withUnsafeGuaranteedRef {
            $0.sharing.wrappingSubtract(Sharing.share, ordering: .acquiringAndReleasing).newValue
        }
        if rest == 0, !_withUnsafeGuaranteedRef({ $0.becomeOrphan() }) { release() }
    }

    /// Counts one place less; the last one gives the reference up, or leaves it to the open maps.
    @inline(__always)
    mutating func leavePlace() {
        // Then nobody else can come to the memory, and the count needs no atomic change.
        if isUnusedByOthers() {
            release()
            return
        }
        let rest = _withUnsafeGuaranteedRef {
            $0.sharing.wrappingSubtract(Sharing.owner, ordering: .acquiringAndReleasing).newValue
        }
        if rest == 0, !_withUnsafeGuaranteedRef({ $0.becomeOrphan() }) { release() }
    }
}

extension Memory {
    /// Leaves the reference of the buffers to the open maps; `false` when there are none, or they have one
    /// already.
    fileprivate func becomeOrphan() -> Bool {
        var state = maps.load(ordering: .acquiring)
        while state & MapCounts.counts != 0, state & MapCounts.orphan == 0 {
            let (exchanged, original) = maps.weakCompareExchange(
                expected: state, desired: state | MapCounts.orphan, ordering: .acquiringAndReleasing)
            if exchanged { return true }
            state = original
        }
        return false
    }
}
