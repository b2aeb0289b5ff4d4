import CPosix
import Synchronization

/// The copies of a buffer, and appending one to another.
extension BufferStorage {
    /// A storage of the same memories, shared, with all else that the buffer has; memories that cannot be
    /// shared, because they are ``MemoryFlags/noShare`` or mapped for writing, are copied.
    package func makeCopy() throws(BufferError) -> BufferStorage {
        let copy = BufferStorage.make()
        let count = self.count
        try copy.reserve(count)
        let target = copy.head
        let source = self.head
        let slots = source.pointee.slots
        for index in 0..<count {
            let reference = slots[index]
            let isShared =
                reference._withUnsafeGuaranteedRef { !$0.flags.contains(.noShare) }
                && reference.enterAnotherPlace()
            if isShared {
                target.pointee.slots[index] = reference
                target.pointee.count = index + 1
                target.pointee.maximumSize &+= reference._withUnsafeGuaranteedRef { $0.maxSize }
            } else {
                let memory = reference.takeUnretainedValue()
                try copy.insert(memory.copy(offset: 0, size: memory.size), at: index)
            }
        }
        target.pointee.flags = source.pointee.flags.subtracting(.tagMemory)
        target.pointee.times = source.pointee.times
        try copy.inheritParents(of: self)
        if source.pointee.firstMeta != nil {
            try copy.addMetas(of: self, MetaCopy(flags: .all, isRegion: false, offset: 0, size: size))
        }
        return copy
    }

    /// A storage of the same memories without metas: even those are shared that should be copied. Bytes that
    /// two buffers hold are never written, so it is safe.
    func makeBareCopy() -> BufferStorage {
        let copy = BufferStorage.make()
        do throws(BufferError) {
            try copy.reserve(count)
        } catch {
            fatalError("out of memory")
        }
        let target = copy.head
        for index in 0..<count {
            let reference = self.reference(at: index)
            reference._withUnsafeGuaranteedRef {
                _ = $0.sharing.wrappingAdd(Sharing.owner, ordering: .sequentiallyConsistent)
            }
            target.pointee.slots[index] = reference
        }
        target.pointee.count = count
        target.pointee.maximumSize = head.pointee.maximumSize
        target.pointee.flags = head.pointee.flags.subtracting(.tagMemory)
        target.pointee.times = head.pointee.times
        do throws(BufferError) {
            try copy.inheritParents(of: self)
        } catch {
            fatalError("out of memory")
        }
        return copy
    }

    /// A storage with what `flags` say of `size` bytes from `offset`; −1 for `size` is to the end.
    package func copyRegion(
        _ flags: BufferCopyFlags = .all, offset: Int, size: Int
    ) throws(BufferError) -> BufferStorage {
        let copy = BufferStorage.make()
        try copy.copyIn(self, flags, offset: offset, size: size)
        return copy
    }

    /// Appends what `flags` say of `size` bytes from `offset` of `source`, another buffer; −1 for `size` is
    /// to the end. Nothing has changed if it throws. The caller is the only owner.
    package func copyIn(
        _ source: BufferStorage, _ flags: BufferCopyFlags, offset: Int, size: Int
    ) throws(BufferError) {
        try flags.check()
        let total = source.size
        guard offset >= 0, offset <= total, size >= -1, size <= total - offset else {
            throw .noSuchRegion(offset, size, of: total)
        }
        let size = size < 0 ? total - offset : size
        let isRegion = offset > 0 || size < total
        let target = head
        let from = source.head
        let oldCount = target.pointee.count
        let oldMeta = target.pointee.lastMeta
        let (oldFlags, oldTimes) = (target.pointee.flags, target.pointee.times)
        var merged: Memory?
        do throws(BufferError) {
            if flags.contains(.memory) {
                try appendRegion(of: source, offset: offset, size: size, isDeep: flags.contains(.deep))
                if flags.contains(.merge), target.pointee.count > 1 {
                    merged = try memory(of: 0..<target.pointee.count)
                }
            }
            if flags.contains(.flags) {
                let kept = target.pointee.flags.intersection(.tagMemory)
                target.pointee.flags = from.pointee.flags.subtracting(.tagMemory).union(kept)
            }
            if flags.contains(.timestamps) { copyTimes(of: source, offset: offset, isWhole: !isRegion) }
            if flags.contains(.meta), from.pointee.firstMeta != nil {
                let copy = MetaCopy(flags: flags, isRegion: isRegion, offset: offset, size: size)
                try addMetas(of: source, copy)
            }
        } catch {
            removeMetas(behind: oldMeta)
            remove(oldCount..<target.pointee.count)
            target.pointee.flags = oldFlags
            target.pointee.times = oldTimes
            throw error
        }
        if let merged { replace(0..<target.pointee.count, with: merged) }
    }

    private func copyTimes(of source: BufferStorage, offset: Int, isWhole: Bool) {
        let times = source.head.pointee.times
        guard offset == 0 else {
            head.pointee.times = BufferTimes()
            return
        }
        head.pointee.times.pts = times.pts
        head.pointee.times.dts = times.dts
        head.pointee.times.offset = times.offset
        guard isWhole else { return }
        head.pointee.times.duration = times.duration
        head.pointee.times.offsetEnd = times.offsetEnd
    }

    /// Appends the memories of `size` bytes from `offset` of `source`: shared, in part where they are cut, or
    /// copied. If it throws, some have been appended.
    func appendRegion(
        of source: BufferStorage, offset: Int, size: Int, isDeep: Bool
    ) throws(BufferError) {
        let end = offset + size
        var start = 0
        // Fixed before anything is appended, as the source may be this buffer.
        let places = source.count
        for index in 0..<places where start < end {
            let reference = source.reference(at: index)
            let length = reference._withUnsafeGuaranteedRef { $0.size }
            let from = max(offset, start)
            let to = min(end, start + length)
            if from < to {
                try append(part: from - start..<to - start, of: reference, isDeep: isDeep)
            }
            start += length
        }
        if !isDeep { try inheritParents(of: source) }
    }

    /// Appends bytes `part` of a memory that another buffer holds.
    private func append(
        part: Range<Int>, of reference: Unmanaged<Memory>, isDeep: Bool
    ) throws(BufferError) {
        let (isWhole, isShared) = reference._withUnsafeGuaranteedRef {
            (part.count == $0.size, !$0.flags.contains(.noShare))
        }
        guard isWhole, isShared, !isDeep else {
            let memory = reference.takeUnretainedValue()
            let part =
                isDeep
                ? try memory.copy(offset: part.lowerBound, size: part.count)
                : try memory.share(offset: part.lowerBound, size: part.count)
            return try insert(part, at: count)
        }
        let head = self.head
        let count = head.pointee.count
        let maximum = head.pointee.maximumSize.addingReportingOverflow(
            reference._withUnsafeGuaranteedRef { $0.maxSize })
        guard !maximum.overflow else {
            throw .outOfRange("with one more memory the bytes of the buffer cannot be counted")
        }
        if count == head.pointee.capacity { try reserve(count + 1) }
        guard reference.enterAnotherPlace() else {
            throw .notWritable("a memory of the buffer is mapped for writing; unmap it first")
        }
        head.pointee.slots[count] = reference
        head.pointee.count = count + 1
        head.pointee.maximumSize = maximum.partialValue
        head.pointee.flags.insert(.tagMemory)
    }

    /// Appends the memories of `size` bytes from `offset` of `source`, or to the end for −1, without its
    /// times, flags and metas. Nothing has changed if it throws. The caller is the only owner.
    package func append(_ source: BufferStorage, offset: Int, size: Int) throws(BufferError) {
        try copyIn(source, .memory, offset: offset, size: size)
    }

    /// Appends all memories of `source`, which has none then. No memory is copied, not even one that is
    /// ``MemoryFlags/noShare``, and those without bytes come along. Nothing has changed if it throws. The caller
    /// is the only owner of both, and `source` belongs to no pool.
    package func appendMoving(_ source: BufferStorage) throws(BufferError) {
        let target = head
        let from = source.head
        let oldCount = target.pointee.count
        let maximum = target.pointee.maximumSize.addingReportingOverflow(from.pointee.maximumSize)
        guard !maximum.overflow else {
            throw .outOfRange(
                "with the memories of the other buffer the bytes of the buffer cannot be counted")
        }
        try reserve(oldCount + from.pointee.count)
        (target.pointee.slots + oldCount).update(from: from.pointee.slots, count: from.pointee.count)
        target.pointee.count += from.pointee.count
        do throws(BufferError) {
            try inheritParents(of: source)
        } catch {
            target.pointee.count = oldCount
            releaseUnusedParents()
            throw error
        }
        if from.pointee.count > 0 { target.pointee.flags.insert(.tagMemory) }
        target.pointee.maximumSize = maximum.partialValue
        from.pointee.count = 0
        from.pointee.maximumSize = 0
    }
}
