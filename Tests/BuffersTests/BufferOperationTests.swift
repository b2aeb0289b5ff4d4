import Testing

@testable import Buffers

private func buffer(_ sizes: UInt8...) throws -> Buffer {
    var buffer = Buffer()
    var first: UInt8 = 0
    for size in sizes {
        try buffer.append(counting(first..<first + size))
        first += size
    }
    return buffer
}

// MARK: - Memory flags

@Test func prefixAndPaddingAreZeroOnRequest() throws {
    for _ in 0..<20 {
        // Used memory, so that zeros are no accident.
        do {
            let used = try Memory(size: 4096)
            used.visibleBytes.initializeMemory(as: UInt8.self, repeating: 0xAA)
            withExtendedLifetime(used) {}
        }
        let memory = try Memory(
            size: 4000,
            parameters: AllocationParameters(flags: [.zeroPrefixed, .zeroPadded], prefix: 16, padding: 80))
        memory.visibleBytes.initializeMemory(as: UInt8.self, repeating: 1)
        try memory.resize(offset: -16, size: 4096)
        let wanted = [(0, 16), (1, 4000), (0, 80)].flatMap { [UInt8](repeating: $0, count: $1) }
        #expect(memory.content == wanted)
    }
}

@Test func aMemoryThatIsNotMappableIsNeitherMappedNorCopied() throws {
    let memory = try Memory(
        wrapping: nil, maxSize: 100, offset: 0, size: 100, flags: [.notMappable, .physicallyContiguous],
        release: nil, user: nil)
    expect(.unsupported) { try memory.map(.read) }
    expect(.unsupported) { try memory.copy(offset: 0, size: 1) }
    let share = try memory.share(offset: 1, size: 2)
    #expect(share.flags == [.readOnly, .notMappable, .physicallyContiguous])
    var buffer = try buffer(3)
    try buffer.append(memory)
    expect(.unsupported) { try buffer.withUnsafeBytes { _ in } }
    expect(.unsupported) { try buffer.fill(0, [UInt8](repeating: 0, count: 9)) }
    var bytes = [UInt8](repeating: 9, count: 8)
    #expect(bytes.withUnsafeMutableBytes { buffer.extract(offset: 0, into: $0) } == 3)
    #expect(bytes == [0, 1, 2, 9, 9, 9, 9, 9])
}

@Test func onlyForeignBytesCanBePhysicallyContiguous() {
    expect(.invalidArgument) {
        try Memory(size: 1, parameters: AllocationParameters(flags: .physicallyContiguous))
    }
}

// MARK: - Times and flags

@Test func timesAndFlagsBelongToEachCopy() throws {
    var first = try buffer(4)
    #expect(first.pts == nil && first.dts == nil && first.duration == nil)
    #expect(first.offset == nil && first.offsetEnd == nil)
    first.pts = 1
    first.dts = 2
    first.duration = 3
    first.offset = 4
    first.offsetEnd = 5
    first.flags = [.marker, .user]
    var second = first
    second.pts = nil
    second.flags.insert(.gap)
    #expect(first.pts == 1 && first.flags == [.marker, .user])
    #expect(second.pts == nil && second.dts == 2 && second.flags == [.marker, .user, .gap])
    #expect(second.duration == 3 && second.offset == 4 && second.offsetEnd == 5)
}

@Test func timesGoAlongWithTheStartAndTheWholeOnly() throws {
    var source = try buffer(4, 4)
    (source.pts, source.dts, source.duration) = (1, 2, 3)
    (source.offset, source.offsetEnd) = (4, 5)
    let whole = try source.copyRegion(offset: 0)
    #expect((whole.pts, whole.dts, whole.duration) == (1, 2, 3))
    #expect(whole.offset == 4 && whole.offsetEnd == 5)
    let start = try source.copyRegion(offset: 0, size: 7)
    #expect((start.pts, start.dts, start.duration) == (1, 2, nil))
    #expect(start.offset == 4 && start.offsetEnd == nil)
    let rest = try source.copyRegion(offset: 1)
    #expect((rest.pts, rest.dts, rest.duration) == (nil, nil, nil))
    #expect(rest.offset == nil && rest.offsetEnd == nil)
    #expect(try source.copyRegion(.memory, offset: 0).pts == nil)
}

@Test func changedMemoriesAreMarked() throws {
    var source = Buffer(try memory([1]))
    #expect(!source.flags.contains(.tagMemory))
    try source.append(memory([2]))
    #expect(source.flags.contains(.tagMemory))
    var copy = source
    try copy.makeUnique()
    #expect(!copy.flags.contains(.tagMemory))
}

// MARK: - Memories

@Test func memoriesAreReplacedByRange() throws {
    var buffer = try buffer(2, 2, 2, 2)
    try buffer.replaceMemories(at: 1, count: 2, with: memory([77]))
    #expect(buffer.content == [0, 1, 77, 6, 7])
    try buffer.replaceMemories(at: 3, count: 0, with: memory([8]))
    #expect(buffer.content == [0, 1, 77, 6, 7, 8])
    expect(.outOfRange) { try buffer.replaceMemories(at: 3, count: 2, with: memory([8])) }
    expect(.outOfRange) { try buffer.replaceMemories(at: 5, count: -1, with: memory([8])) }
    #expect(buffer.content == [0, 1, 77, 6, 7, 8])
    try buffer.replaceMemories(at: 0, count: -1, with: memory([1]))
    #expect(buffer.content == [1])
    #expect(buffer.memoryCount == 1)
}

@Test func memoriesAreFoundByTheirBytes() throws {
    let buffer = try buffer(4, 4, 4)
    for offset in 0..<12 {
        for size in 1...12 - offset {
            let found = try buffer.findMemory(offset: offset, size: size)
            #expect(found.range == offset / 4..<(offset + size - 1) / 4 + 1)
            #expect(found.skip == offset % 4)
        }
    }
    #expect(try buffer.findMemory(offset: 5).range == 1..<3)
    #expect(try buffer.findMemory(offset: 12).range.isEmpty)
    expect(.outOfRange) { try buffer.findMemory(offset: 13) }
    expect(.outOfRange) { try buffer.findMemory(offset: 5, size: 8) }
    expect(.outOfRange) { try buffer.findMemory(offset: 5, size: .max) }
}

@Test func aSpanIsOneMemoryWithoutACopy() throws {
    let root = try counting(0..<30)
    var buffer = Buffer()
    for offset in [5, 10, 15] { try buffer.append(root.share(offset: offset, size: 5)) }
    let merged = try buffer.mergedMemory()
    #expect(merged.block == root.block)
    #expect(merged.content == Array(5..<20))
    try buffer.append(memory([1]))
    let copy = try buffer.mergedMemory()
    #expect(copy.block != root.block)
    #expect(copy.content == Array(5..<20) + [1])
}

@Test func aRangeIsMergedAndTheRestIsLeft() throws {
    var buffer = try buffer(3, 3, 3, 3)
    let (first, last) = (buffer.places[0], buffer.places[3])
    try buffer.withUnsafeMutableBytes(ofMemoriesAt: 1, count: 2) { bytes in
        #expect(Array(bytes) == Array(3..<9))
        bytes[0] = 99
    }
    #expect(buffer.memoryCount == 3)
    #expect(buffer.places[0] == first && buffer.places[2] == last)
    #expect(buffer.content == [0, 1, 2, 99] + Array(4..<12))
    expect(.outOfRange) { try buffer.withUnsafeBytes(ofMemoriesAt: 1, count: 3) { _ in } }
}

@Test func writabilityOfMemoriesIsThatOfEach() throws {
    var buffer = try buffer(2, 2)
    #expect(buffer.isMemoryWritable())
    try buffer.append(memory([1], flags: .readOnly))
    #expect(buffer.isMemoryWritable(at: 0, count: 2))
    #expect(!buffer.isMemoryWritable())
    #expect(!buffer.isMemoryWritable(at: 0, count: 4))
    var copy = buffer
    try copy.makeUnique()
    #expect(!buffer.isMemoryWritable(at: 0, count: 1))
}

// MARK: - Trimming

@Test func trimmingFromTheFrontEmptiesMemories() throws {
    var buffer = try buffer(4, 4, 4)
    try buffer.resize(offset: 6)
    #expect(buffer.memoryCount == 3)
    #expect(buffer.content == Array(6..<12))
    try buffer.resize(offset: 0, size: 3)
    #expect(buffer.content == [6, 7, 8])
    try buffer.resize(offset: 0, size: 6)
    #expect(buffer.size == 6)
    expect(.outOfRange) { try buffer.resize(offset: 7) }
    expect(.outOfRange) { try buffer.resize(offset: 0, size: 100) }
    expect(.outOfRange) { try buffer.resize(offset: .min, size: 1) }
    expect(.outOfRange) { try buffer.resize(offset: .max, size: .max) }
    #expect(buffer.size == 6)
}

@Test func aNegativeOffsetReachesIntoThePrefix() throws {
    var buffer = try Buffer(size: 4, parameters: AllocationParameters(prefix: 8, padding: 8))
    try buffer.resize(offset: -8, size: 20)
    #expect(buffer.size == 20)
    #expect(try buffer.sizes().offset == 0)
    expect(.outOfRange) { try buffer.resize(offset: -1) }
}

@Test func trimmingASharedMemoryLeavesTheOtherBuffer() throws {
    let original = try buffer(8)
    var trimmed = original
    try trimmed.resize(offset: 2, size: 4)
    #expect(trimmed.content == [2, 3, 4, 5])
    #expect(trimmed.places[0] == original.places[0]! + 2)
    #expect(original.content == Array(0..<8))
}

// MARK: - Copies

@Test func copyingInAppendsAndMerges() throws {
    var target = try buffer(2)
    let source = try buffer(3, 3)
    try target.copyIn(source, offset: 1, size: 4)
    #expect(target.content == [0, 1, 1, 2, 3, 4])
    #expect(target.memoryCount == 3)
    try target.copyIn(source, [.memory, .merge], offset: 5)
    #expect(target.content == [0, 1, 1, 2, 3, 4, 5])
    #expect(target.memoryCount == 1)
    expect(.outOfRange) { try target.copyIn(source, offset: 7) }
    expect(.invalidArgument) { try target.copyIn(source, BufferCopyFlags(rawValue: 64)) }
    #expect(target.content == [0, 1, 1, 2, 3, 4, 5])
}

@Test func aDeepCopyHasBytesOfItsOwn() throws {
    let source = try buffer(3, 3)
    var copy = try source.deepCopy()
    #expect(copy.isMemoryWritable() && source.isMemoryWritable())
    try copy.withUnsafeMutableBytes { $0[0] = 9 }
    #expect(source.content == Array(0..<6))
}

@Test func appendingKeepsTheFirstBuffersMetadata() throws {
    var first = try buffer(2)
    first.pts = 5
    var second = try buffer(3)
    second.pts = 6
    second.flags = .marker
    try second.setVideoFrame(VideoFrameMeta(width: 1, height: 1, format: .r8))
    try first.append(second, offset: 1)
    #expect(first.content == [0, 1, 1, 2])
    #expect(first.pts == 5 && !first.flags.contains(.marker) && first.metaCount() == 0)
    try first.append(first)
    #expect(first.content == [0, 1, 1, 2, 0, 1, 1, 2])
}

@Test func partsOfOneBlockThatAreAppendedFormASpan() throws {
    let whole = Buffer(try counting(0..<40))
    var parts = try whole.copyRegion(offset: 0, size: 20)
    try parts.append(whole, offset: 20, size: 20)
    #expect(parts.memoryCount == 2)
    #expect(try parts.mergedMemory().block == whole.memory(at: 0)!.block)
}

// MARK: - Handles and containers

@Test func aBufferInASharedContainerIsNotWritable() throws {
    var handle = BufferStorage.makeHandle(.make())
    let list = BufferListStorage.makeHandle(.make())
    list._withUnsafeGuaranteedRef { handle.toggleContainer($0) }
    var answers = [handle.isOnlyHandle()]
    list.addHandle()
    answers.append(handle.isOnlyHandle())
    list._withUnsafeGuaranteedRef { handle.toggleContainer($0) }
    answers.append(handle.isOnlyHandle())
    #expect(answers == [true, false, true])
    list.dropHandle()
    list.dropHandle()
    handle.dropHandle()
}

// MARK: - Pools

@Test func pooledMetasStayWithTheMemory() throws {
    let pool = try BufferPool(BufferPool.Configuration(size: 16, maximumBuffers: 1))
    var buffer: Buffer? = try pool.acquire()
    try buffer!.setVideoFrame(VideoFrameMeta(width: 2, height: 2, format: .rgba8))
    try buffer!.addReferenceTimestamp("clock", 1)
    buffer!.storage.firstMeta!.pointee.flags = .pooled
    buffer!.pts = 7
    buffer = nil
    buffer = try pool.acquire()
    #expect(buffer!.videoFrame?.width == 2)
    #expect(buffer!.metaCount() == 1)
    #expect(buffer!.pts == nil)
    buffer = nil
}
