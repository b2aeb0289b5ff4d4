import CPosix
import Synchronization

/// Ranges of memories: their sizes, their place, and trimming them.
extension BufferStorage {
    /// The bytes of a range of memories.
    func size(of range: Range<Int>) -> Int {
        let slots = head.pointee.slots
        var sum = 0
        for index in range { sum &+= slots[index]._withUnsafeGuaranteedRef { $0.size } }
        return sum
    }

    /// The bytes of a range; the offset of the first memory in its block; and the bytes with that and with
    /// what is free behind the last one's.
    package func sizes(of range: Range<Int>) -> (size: Int, offset: Int, maxSize: Int) {
        guard let last = range.last else { return (0, 0, 0) }
        let size = self.size(of: range)
        let offset = reference(at: range.lowerBound)._withUnsafeGuaranteedRef { $0.offset }
        let rest = reference(at: last)._withUnsafeGuaranteedRef { $0.maxSize - $0.offset - $0.size }
        // Each of the three lies in a block of its own, or in the same one, side by side.
        return (size, offset, offset &+ size &+ rest)
    }

    /// Which memories hold `size` bytes from `offset`, or those to the end for −1; and the bytes of the first
    /// before `offset`.
    package func findMemory(offset: Int, size: Int) throws(BufferError) -> (range: Range<Int>, skip: Int) {
        let total = self.size
        guard offset >= 0, offset <= total, size >= -1, size <= total - offset else {
            throw .noSuchRegion(offset, size, of: total)
        }
        let end = size < 0 ? total : offset + size
        var start = 0
        var first: Int?
        var skip = 0
        for index in 0..<count {
            let next = start + reference(at: index)._withUnsafeGuaranteedRef { $0.size }
            if first == nil, next > offset {
                first = index
                skip = offset - start
            }
            if let first, next >= end { return (first..<index + 1, skip) }
            start = next
        }
        return (count..<count, 0)
    }

    /// One memory with the bytes of a range: itself, a share of a span, or a copy.
    package func memory(of range: Range<Int>) throws(BufferError) -> Memory {
        if range.count == 1 { return reference(at: range.lowerBound).takeUnretainedValue() }
        if range.count > 1, let span = try shareOfSpan(range) { return span }
        return try copyMerged(range)
    }

    /// Whether each memory of a range can be mapped for writing as it is.
    package func isWritable(_ range: Range<Int>) -> Bool {
        for index in range {
            if !reference(at: index)._withUnsafeGuaranteedRef({ $0.isWritable }) { return false }
        }
        return true
    }

    /// Moves the start of a range by `offset` bytes, which may be negative, and makes it `size` bytes, or up
    /// to its old end for −1. Nothing has changed if it throws. The caller is the only owner.
    package func resize(_ range: Range<Int>, offset: Int, size: Int) throws(BufferError) {
        let (present, start, maximum) = sizes(of: range)
        let (begin, beginOverflow) = start.addingReportingOverflow(offset)
        let (rest, restOverflow) = present.subtractingReportingOverflow(offset)
        let newSize = size == -1 ? rest : size
        let (end, endOverflow) = begin.addingReportingOverflow(newSize)
        guard size >= -1, !beginOverflow, begin >= 0, size != -1 || (!restOverflow && rest >= 0),
            !endOverflow,
            newSize >= 0, begin <= maximum, end <= maximum
        else {
            let text: Sentence =
                "moving the start by \(offset) to \(size) bytes leaves the \(maximum) bytes that the memories have room for"
            throw .outOfRange(text)
        }
        if offset == 0 && newSize == present { return }
        // The sums can be right where a single window leaves its block.
        try forEachWindow(range, offset: offset, size: newSize) { index, move, length throws(BufferError) in
            let memory = reference(at: index).takeUnretainedValue()
            let (place, overflow) = memory.offset.addingReportingOverflow(move)
            guard !overflow, place >= 0, place <= memory.maxSize, length <= memory.maxSize - place else {
                let text: Sentence =
                    "memory \(index) would need bytes \(place) to \(place &+ length) of its block of \(memory.maxSize)"
                throw .outOfRange(text)
            }
        }
        // First those that have to be replaced are made, which can fail; then all windows are moved.
        let replacements = BufferStorage.make()
        try forEachWindow(range, offset: offset, size: newSize) { index, move, length throws(BufferError) in
            let memory = reference(at: index).takeUnretainedValue()
            guard memory.isFixed, move != 0 || length != memory.size else { return }
            let place = memory.offset + move
            let isShared = !memory.flags.contains(.noShare) && !memory.isBeingWritten
            let part =
                isShared
                ? try memory.shareOfBlock(offset: place, size: length)
                : try memory.copyOfBlock(offset: place, size: length)
            try replacements.insert(part, at: replacements.count)
            // The same memory may have another place here, and must not come to look writable once this one is
            // given up.
            try replacements.insert(memory, at: replacements.count)
        }
        var used = 0
        try forEachWindow(range, offset: offset, size: newSize) { index, move, length throws(BufferError) in
            let memory = reference(at: index).takeUnretainedValue()
            guard move != 0 || length != memory.size else { return }
            if memory.isFixed {
                replace(at: index, with: replacements.reference(at: used).takeUnretainedValue())
                used += 2
            } else {
                try memory.resize(offset: move, size: length)
            }
        }
    }

    /// Calls `body` with each place of a range, how far its window is to move, and its new size.
    private func forEachWindow(
        _ range: Range<Int>, offset: Int, size: Int,
        _ body: (Int, Int, Int) throws(BufferError) -> Void
    ) throws(BufferError) {
        var (offset, size) = (offset, size)
        for index in range {
            let memory = reference(at: index)
            let present = memory._withUnsafeGuaranteedRef { $0.size }
            var length = size
            var next = 0
            // The last one takes what is left, whatever it has.
            if index + 1 < range.upperBound {
                if present <= offset {
                    length = 0
                    next = offset - present
                    offset = 0
                } else {
                    length = min(present - offset, size)
                }
            }
            try body(index, offset, length)
            offset = next
            size -= length
        }
    }
}

extension Memory {
    /// Whether the window cannot be moved, as others see the block too.
    fileprivate var isFixed: Bool { !isWritable }

    fileprivate var isBeingWritten: Bool {
        let owner = root ?? Unmanaged.passUnretained(self)
        return owner._withUnsafeGuaranteedRef { MapCounts.isWriting($0.maps.load(ordering: .acquiring)) }
    }
}
