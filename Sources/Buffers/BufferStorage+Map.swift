import CPosix
import Synchronization

/// An open map of a buffer.
package struct BufferMap {
    /// Where the bytes of a map come from.
    package enum Kind: UInt8 {
        /// A memory of the buffer. The map holds no reference of its own: a mapped memory outlives its place
        /// in a buffer.
        case memory = 1
        /// A memory made for this map, of which the map holds the reference.
        case temporary = 2
        /// A buffer without memories.
        case empty = 3
    }

    package var bytes: UnsafeMutableRawBufferPointer
    package var flags: MapFlags
    package var kind: Kind
    package var memory: Unmanaged<Memory>?

    package init(
        bytes: UnsafeMutableRawBufferPointer, flags: MapFlags, kind: Kind, memory: Unmanaged<Memory>?
    ) {
        self.bytes = bytes
        self.flags = flags
        self.kind = kind
        self.memory = memory
    }

    /// Ends the map; `false` when it is not open.
    package func end() -> Bool {
        guard let memory else { return kind == .empty }
        let wasOpen = memory._withUnsafeGuaranteedRef { $0.tryUnmap(flags) }
        if wasOpen, kind == .temporary { memory.release() }
        return wasOpen
    }
}

extension BufferStorage {
    /// Presents all bytes as one region. `flags` must be valid; `mayChange` says that the caller is the only
    /// owner.
    @inline(__always)
    package func map(_ flags: MapFlags, mayChange: Bool) throws(BufferError) -> BufferMap {
        let head = self.head
        if head.pointee.count == 1, mayChange || !flags.contains(.write) {
            let memory = head.pointee.slots[0]
            if memory._withUnsafeGuaranteedRef({ $0.tryMap(flags) }) == .mapped {
                return BufferMap(mapped: memory, flags, .memory)
            }
        }
        return try map(0..<head.pointee.count, flags, mayChange: mayChange)
    }

    /// Presents the bytes of a range of memories, which must exist, as one region.
    @inline(never)
    package func map(
        _ range: Range<Int>, _ flags: MapFlags, mayChange: Bool
    ) throws(BufferError) -> BufferMap {
        if !mayChange, flags.contains(.write) {
            throw .notWritable(
                "the buffer has other owners, so it cannot be mapped for writing; make it writable first")
        }
        switch range.count {
        case 1:
            let memory = reference(at: range.lowerBound)
            let outcome = memory._withUnsafeGuaranteedRef { $0.tryMap(flags) }
            if outcome == .mapped { return BufferMap(mapped: memory, flags, .memory) }
            return try mapCopy(at: range.lowerBound, flags, after: outcome)
        case 0:
            let nothing = UnsafeMutableRawBufferPointer(start: nil, count: 0)
            return BufferMap(bytes: nothing, flags: flags, kind: .empty, memory: nil)
        default:
            return try mapSeveral(range, flags, mayChange: mayChange)
        }
    }

    /// Replaces a memory by a private copy where that is why it cannot be mapped.
    private func mapCopy(
        at index: Int, _ flags: MapFlags, after outcome: Memory.MapOutcome
    ) throws(BufferError) -> BufferMap {
        guard outcome == .notWritable else { throw outcome.error(flags) }
        let copy = try copyToReplace(at: index)
        _ = copy.tryMap(flags)
        replace(at: index, with: copy)
        return BufferMap(mapped: reference(at: index), flags, .memory)
    }

    private func mapSeveral(
        _ range: Range<Int>, _ flags: MapFlags, mayChange: Bool
    ) throws(BufferError) -> BufferMap {
        if !flags.contains(.write), let span = try shareOfSpan(range) {
            return mapTemporary(span, flags)
        }
        let merged = try copyMerged(range)
        guard mayChange else { return mapTemporary(merged, flags) }
        _ = merged.tryMap(flags)
        replace(range, with: merged)
        return BufferMap(mapped: reference(at: range.lowerBound), flags, .memory)
    }

    private func mapTemporary(_ memory: Memory, _ flags: MapFlags) -> BufferMap {
        _ = memory.tryMap(flags)
        return BufferMap(mapped: Unmanaged.passRetained(memory), flags, .temporary)
    }

    /// A new memory with the bytes of a range.
    func copyMerged(_ range: Range<Int>) throws(BufferError) -> Memory {
        for index in range {
            let (isWriting, isMappable) = reference(at: index)._withUnsafeGuaranteedRef {
                (
                    MapCounts.isWriting($0.maps.load(ordering: .acquiring)),
                    !$0.flags.contains(.notMappable)
                )
            }
            guard isMappable else { throw .notMappable }
            guard !isWriting else {
                throw .notWritable(
                    "a memory of the buffer is mapped for writing, so it cannot be merged; unmap it first")
            }
        }
        let merged = try Memory(size: size(of: range))
        var offset = 0
        for index in range {
            let bytes = self.bytes(at: index)
            if let source = bytes.baseAddress, bytes.count > 0 {
                memcpy(merged.visibleBytes.baseAddress! + offset, source, bytes.count)
            }
            offset += bytes.count
        }
        return merged
    }

    /// One share of all bytes if the memories follow each other in one block. Such memories are shares, so
    /// their block is not being written.
    func shareOfSpan(_ range: Range<Int>) throws(BufferError) -> Memory? {
        for index in range.dropFirst() {
            let isSpan = reference(at: index - 1)._withUnsafeGuaranteedRef { first in
                reference(at: index)._withUnsafeGuaranteedRef { Memory.isSpan(first, $0) != nil }
            }
            guard isSpan else { return nil }
        }
        let size = self.size(of: range)
        let first = reference(at: range.lowerBound).takeUnretainedValue()
        // The whole block is no share, and may be private to the buffer or say that it is not to be shared.
        if first.flags.contains(.noShare) { return nil }
        return try first.shareOfBlock(offset: first.offset, size: size)
    }

    // MARK: Bytes

    /// Copies up to `destination.count` bytes from `offset`; returns how many there were.
    package func extract(offset: Int, into destination: UnsafeMutableRawBufferPointer) -> Int {
        var done = 0
        var isReachable = true
        forEachPart(offset: offset, size: destination.count) { index, part in
            isReachable = isReachable && isMappable(at: index)
            guard isReachable else { return }
            memcpy(destination.baseAddress! + done, part.baseAddress!, part.count)
            done += part.count
        }
        return done
    }

    /// Compares up to `bytes.count` bytes from `offset`; returns how many there were, and what `memcmp` says
    /// of them.
    package func compare(offset: Int, with bytes: UnsafeRawBufferPointer) -> (count: Int, order: Int32) {
        var done = 0
        var order: Int32 = 0
        var isReachable = true
        forEachPart(offset: offset, size: bytes.count) { index, part in
            isReachable = isReachable && isMappable(at: index)
            guard isReachable else { return }
            if order == 0 { order = memcmp(part.baseAddress!, bytes.baseAddress! + done, part.count) }
            done += part.count
        }
        return (done, order)
    }

    private func isMappable(at index: Int) -> Bool {
        reference(at: index)._withUnsafeGuaranteedRef { !$0.flags.contains(.notMappable) }
    }

    /// Copies up to `source.count` bytes to `offset`; returns how many fitted. Nothing is written if it
    /// throws. The caller is the only owner.
    package func fill(offset: Int, from source: UnsafeRawBufferPointer) throws(BufferError) -> Int {
        try write(offset: offset, size: source.count) { target, done in
            memcpy(target.baseAddress!, source.baseAddress! + done, target.count)
        }
    }

    /// Sets up to `size` bytes from `offset`; else as ``fill(offset:from:)``.
    package func setBytes(offset: Int, to value: UInt8, size: Int) throws(BufferError) -> Int {
        try write(offset: offset, size: size) { target, _ in
            memset(target.baseAddress!, Int32(value), target.count)
        }
    }

    @inline(__always)
    private func write(
        offset: Int, size: Int, _ body: (UnsafeMutableRawBufferPointer, Int) -> Void
    ) throws(BufferError) -> Int {
        try mapForFilling(offset: offset, size: size)
        var done = 0
        forEachPart(offset: offset, size: size) { index, part in
            body(part, done)
            done += part.count
            _ = reference(at: index)._withUnsafeGuaranteedRef { $0.tryUnmap(.write) }
        }
        return done
    }

    /// Maps the memories of a region for writing; those that are shared or read-only are replaced by copies.
    /// Nothing has changed if it throws.
    @inline(never)
    private func mapForFilling(offset: Int, size: Int) throws(BufferError) {
        var failure: BufferError?
        // All are asked first: one that refuses must not find others replaced by copies.
        var hasFixed = false
        forEachPart(offset: offset, size: size) { index, _ in
            if failure == nil { failure = whyNotFilled(at: index) }
            hasFixed = hasFixed || isFixed(at: index)
        }
        if let failure { throw failure }
        if hasFixed { try replaceFixed(offset: offset, size: size) }
        // Maps in the order of the places, so that a failure leaves those to undo at the front.
        var mapped = 0
        forEachPart(offset: offset, size: size) { index, _ in
            guard failure == nil else { return }
            do throws(BufferError) {
                try mapForFilling(at: index)
                mapped += 1
            } catch {
                failure = error
            }
        }
        guard let failure else { return }
        forEachPart(offset: offset, size: size) { index, _ in
            guard mapped > 0 else { return }
            _ = reference(at: index)._withUnsafeGuaranteedRef { $0.tryUnmap(.write) }
            mapped -= 1
        }
        throw failure
    }

    /// Why the memory at `index` can neither be mapped for writing nor be replaced by a copy that can.
    private func whyNotFilled(at index: Int) -> BufferError? {
        reference(at: index)._withUnsafeGuaranteedRef { memory in
            let maps = memory.maps.load(ordering: .acquiring)
            let isAdmitted =
                memory.isWritable ? MapCounts.admits(maps, .write) : !MapCounts.isWriting(maps)
            return isAdmitted ? nil : Memory.MapOutcome.excluded.error(.write)
        }
    }

    /// Whether the memory at `index` is shared or read-only.
    private func isFixed(at index: Int) -> Bool {
        reference(at: index)._withUnsafeGuaranteedRef { !$0.isWritable }
    }

    /// Replaces the memories of a region that are shared or read-only by copies: all, or none if it throws.
    private func replaceFixed(offset: Int, size: Int) throws(BufferError) {
        // For each place its copy, or the memory itself.
        let targets = BufferStorage.make()
        var failure: BufferError?
        forEachPart(offset: offset, size: size) { index, _ in
            guard failure == nil else { return }
            do throws(BufferError) {
                let target =
                    isFixed(at: index)
                    ? try copyToReplace(at: index) : reference(at: index).takeUnretainedValue()
                try targets.insert(target, at: targets.count)
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        var used = 0
        forEachPart(offset: offset, size: size) { index, _ in
            let target = targets.reference(at: used)
            used += 1
            guard target.toOpaque() != reference(at: index).toOpaque() else { return }
            // What shared it may have been another memory of the buffer, which is replaced by now.
            let canStay = reference(at: index)._withUnsafeGuaranteedRef {
                $0.isWritable && MapCounts.admits($0.maps.load(ordering: .acquiring), .write)
            }
            if !canStay { replace(at: index, with: target.takeUnretainedValue()) }
        }
    }

    private func mapForFilling(at index: Int) throws(BufferError) {
        // A map of both kinds that is open admits this one.
        let outcome = reference(at: index)._withUnsafeGuaranteedRef { $0.tryMap(.write) }
        if outcome == .mapped { return }
        // Another thread can have come between.
        guard outcome == .notWritable else { throw outcome.error(.write) }
        let copy = try copyToReplace(at: index)
        _ = copy.tryMap(.write)
        replace(at: index, with: copy)
    }

    /// A copy of the memory at `index`, which is read-only or shared, to take its place.
    private func copyToReplace(at index: Int) throws(BufferError) -> Memory {
        let memory = reference(at: index).takeUnretainedValue()
        // It can have been put into a second buffer while the first had it mapped: then a map for writing
        // would lose its target.
        guard !MapCounts.isWriting(memory.maps.load(ordering: .acquiring)) else {
            throw Memory.MapOutcome.excluded.error(.write)
        }
        return try memory.copy(offset: 0, size: memory.size)
    }

    /// Calls `body` with each place and the bytes of it that lie in `size` bytes from `offset`, as far as
    /// there are any.
    @inline(__always)
    private func forEachPart(offset: Int, size: Int, _ body: (Int, UnsafeMutableRawBufferPointer) -> Void) {
        guard offset >= 0, size > 0 else { return }
        let (sum, overflow) = offset.addingReportingOverflow(size)
        let end = overflow ? Int.max : sum
        var start = 0
        for index in 0..<count where start < end {
            let bytes = self.bytes(at: index)
            let from = max(offset, start)
            let to = min(end, start + bytes.count)
            if from < to {
                let part = UnsafeMutableRawBufferPointer(
                    start: bytes.baseAddress.map { $0 + (from - start) }, count: to - from)
                body(index, part)
            }
            start += bytes.count
        }
    }
}

extension BufferMap {
    @inline(__always)
    fileprivate init(mapped memory: Unmanaged<Memory>, _ flags: MapFlags, _ kind: Kind) {
        self.init(
            bytes: memory._withUnsafeGuaranteedRef { $0.visibleBytes }, flags: flags, kind: kind,
            memory: memory)
    }
}
