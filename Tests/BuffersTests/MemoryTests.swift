import Testing

@testable import Buffers

// MARK: - Allocation

@Test(arguments: (0...16).map { 1 << $0 })
func theBaseOfABlockIsAligned(_ alignment: Int) throws {
    for size in [0, 1, 1400, 200_000] {
        let memory = try Memory(size: size, parameters: AllocationParameters(alignment: alignment))
        #expect(UInt(bitPattern: memory.base) % UInt(alignment) == 0)
        memset(memory)
    }
}

/// Around the size from which blocks ask for huge pages.
@Test(arguments: [-1, 0, 1, 1_000_001], [1, 65536])
func aLargeBlockIsAsAnyOther(_ more: Int, _ alignment: Int) throws {
    let size = HugePages.leastBlock + more
    for isSparse in [false, true] {
        var parameters = AllocationParameters(alignment: alignment, prefix: 3, padding: 5)
        parameters.isSparse = isSparse
        let memory = try Memory(size: size - 8, parameters: parameters)
        #expect(memory.maxSize == size && memory.size == size - 8)
        #expect(UInt(bitPattern: memory.base) % UInt(alignment) == 0)
        for offset in [0, size / 2, size - 1] {
            memory.base!.storeBytes(of: 1, toByteOffset: offset, as: UInt8.self)
        }
    }
}

/// Touches every byte, so that tools see writes past a block.
private func memset(_ memory: Memory) {
    for index in 0..<memory.maxSize { memory.base!.storeBytes(of: 1, toByteOffset: index, as: UInt8.self) }
}

@Test func prefixAndPaddingSurroundTheVisibleBytes() throws {
    let memory = try Memory(size: 10, parameters: AllocationParameters(prefix: 5, padding: 7))
    #expect(memory.size == 10)
    #expect(memory.offset == 5)
    #expect(memory.maxSize == 22)
    memset(memory)
}

@Test func anAlignmentThatIsNoPowerOfTwoIsRefused() {
    for alignment in [0, -1, 3, 48, 131_072, Int.min] {
        expect(.invalidArgument) {
            try Memory(size: 1, parameters: AllocationParameters(alignment: alignment))
        }
    }
}

@Test func unknownFlagsAreRefused() {
    let flags = MemoryFlags(rawValue: 1 << 9)
    expect(.invalidArgument) { try Memory(size: 1, parameters: AllocationParameters(flags: flags)) }
    expect(.invalidArgument) { try Memory(wrapping: .init(start: nil, count: 0), flags: flags) }
}

@Test func sizesWhoseSumOverflowsAreOutOfRange() {
    expect(.outOfRange) { try Memory(size: -1) }
    expect(.outOfRange) { try Memory(size: 1, parameters: AllocationParameters(prefix: .max)) }
    expect(.outOfRange) { try Memory(size: 1, parameters: AllocationParameters(padding: .max)) }
    expect(.outOfRange) { try Memory(size: 1, parameters: AllocationParameters(prefix: -1)) }
}

@Test func aBlockThatTheSystemCannotGiveIsNoMemory() {
    for alignment in [1, 64, 4096] {
        expect(.noMemory) {
            try Memory(size: .max - 8, parameters: AllocationParameters(alignment: alignment))
        }
    }
}

// MARK: - Foreign bytes

@Test func foreignBytesAreGivenBackOnce() throws {
    let block = ForeignBlock()
    do {
        let memory = try block.memory(16, window: 4..<8)
        #expect(memory.content == [4, 5, 6, 7])
        #expect(memory.maxSize == 16)
        #expect(block.releaseCount == 0)
    }
    #expect(block.releaseCount == 1)
}

@Test func aShareKeepsForeignBytes() throws {
    let block = ForeignBlock()
    do {
        var memory: Memory? = try block.memory(16)
        let share = try memory!.share(offset: 2, size: 3)
        memory = nil
        #expect(block.releaseCount == 0)
        #expect(share.content == [2, 3, 4])
    }
    #expect(block.releaseCount == 1)
}

@Test func aRefusedWindowGivesNothingBack() {
    let block = ForeignBlock()
    var bytes: [UInt8] = [1, 2, 3]
    bytes.withUnsafeMutableBytes { bytes in
        expect(.outOfRange) {
            try Memory(wrapping: bytes, window: 2..<4) { Issue.record("released") }
        }
    }
    #expect(block.releaseCount == 0)
}

@Test func aBlockWithoutBytesNeedsNoAddress() throws {
    let memory = try Memory(wrapping: UnsafeMutableRawBufferPointer(start: nil, count: 0))
    #expect(memory.size == 0)
    #expect(try memory.map(.readWrite).count == 0)
    expect(.invalidArgument) {
        try Memory(wrapping: nil, maxSize: 1, offset: 0, size: 1, flags: [], release: nil, user: nil)
    }
}

// MARK: - Shares

@Test func aShareOfAShareRefersToTheRoot() throws {
    let root = try counting(0..<100)
    let child = try root.share(offset: 10, size: 50)
    let grandchild = try child.share(offset: 5, size: 10)
    #expect(grandchild.block == root.block)
    #expect(grandchild.offset == 15)
    #expect(grandchild.content == Array(15..<25))
}

@Test func aLivingShareMakesItsRootUnwritable() throws {
    let root = try counting(0..<10)
    var shares = [try root.share(offset: 0, size: 1), try root.share(offset: 0, size: 10)]
    #expect(!root.isWritable)
    expect(.notWritable) { try root.map(.write) }
    shares.removeLast()
    #expect(!root.isWritable)
    shares.removeLast()
    #expect(root.isWritable)
    _ = try root.map(.write)
}

@Test func aShareIsReadOnly() throws {
    let share = try counting(0..<10).share(offset: 0, size: 5)
    #expect(!share.isWritable)
    expect(.notWritable) { try share.map(.readWrite) }
    #expect(try share.map(.read).count == 5)
}

@Test func aMemoryThatIsMappedForWritingIsNotShared() throws {
    let memory = try counting(0..<10)
    for flags in [MapFlags.write, .readWrite] {
        _ = try memory.map(flags)
        expect(.notWritable) { try memory.share(offset: 0, size: 1) }
        try memory.unmap(flags)
    }
    #expect(memory.isWritable)
}

@Test func aNoShareMemoryIsCopiedInstead() throws {
    let memory = try counting(0..<10, flags: .noShare)
    let copy = try memory.share(offset: 2, size: 3)
    #expect(copy.content == [2, 3, 4])
    #expect(copy.isWritable)
    #expect(memory.isWritable)
    #expect(copy.base != memory.base)
}

@Test func aCopyIsPrivateAndWritable() throws {
    let memory = try counting(0..<10, flags: .readOnly)
    let copy = try memory.copy(offset: 8, size: 2)
    try copy.map(.write)[0] = 77
    #expect(copy.content == [77, 9])
    #expect(memory.content == Array(0..<10))
}

@Test func regionsOutsideTheVisibleBytesAreRefused() throws {
    let memory = try counting(0..<10)
    for (offset, size) in [(0, 11), (10, 1), (11, 0), (-1, 1), (0, -1), (.max, .max), (.min, 1)] {
        expect(.outOfRange) { try memory.share(offset: offset, size: size) }
        expect(.outOfRange) { try memory.copy(offset: offset, size: size) }
    }
    #expect(try memory.share(offset: 10, size: 0).size == 0)
}

// MARK: - Spans and windows

@Test func neighboursInOneBlockAreASpan() throws {
    let root = try counting(0..<100)
    let first = try root.share(offset: 10, size: 20)
    let second = try root.share(offset: 30, size: 5)
    #expect(Memory.isSpan(first, second) == 10)
    #expect(Memory.isSpan(second, first) == nil)
    #expect(Memory.isSpan(first, try root.share(offset: 31, size: 5)) == nil)
    #expect(Memory.isSpan(try counting(0..<10), try counting(10..<20)) == nil)
}

@Test func aRootAndItsShareCanBeASpan() throws {
    let root = try counting(0..<10)
    let share = try root.share(offset: 6, size: 4)
    try root.resize(offset: 0, size: 6)
    #expect(Memory.isSpan(root, share) == 0)
}

@Test func theWindowMovesWithinItsBlock() throws {
    let memory = try Memory(size: 10, parameters: AllocationParameters(prefix: 4, padding: 2))
    try memory.resize(offset: -4, size: 16)
    #expect((memory.offset, memory.size) == (0, 16))
    try memory.resize(offset: 16, size: 0)
    #expect((memory.offset, memory.size) == (16, 0))
    for (offset, size) in [(-17, 0), (1, 0), (0, 1), (-1, 2), (0, -1), (.max, 0), (.min, 0)] {
        expect(.outOfRange) { try memory.resize(offset: offset, size: size) }
    }
    #expect((memory.offset, memory.size) == (16, 0))
}

@Test func aMapKeepsItsBytesWhenTheWindowMoves() throws {
    let memory = try counting(0..<10)
    let bytes = try memory.map(.read)
    try memory.resize(offset: 5, size: 5)
    #expect(Array(bytes) == Array(0..<10))
    #expect(try Array(memory.map(.read)) == Array(5..<10))
}

// MARK: - Maps

/// What a second map comes to while a first one is open.
@Test func openMapsDecideWhichOthersTheyAdmit() throws {
    let kinds = [MapFlags.read, .write, .readWrite]
    let admitted: [[Bool]] = [[true, false, false], [false, true, false], [true, true, true]]
    for (first, row) in zip(kinds, admitted) {
        for (second, isAdmitted) in zip(kinds, row) {
            let memory = try counting(0..<10)
            _ = try memory.map(first)
            if isAdmitted {
                _ = try memory.map(second)
                try memory.unmap(second)
            } else {
                expect(.notWritable) { try memory.map(second) }
            }
            try memory.unmap(first)
            #expect(memory.openMaps == 0)
        }
    }
}

@Test func unmapMustMatchAnOpenMap() throws {
    let memory = try counting(0..<10)
    expect(.invalidArgument) { try memory.unmap(.read) }
    _ = try memory.map(.readWrite)
    expect(.invalidArgument) { try memory.unmap(.read) }
    expect(.invalidArgument) { try memory.unmap(.write) }
    try memory.unmap(.readWrite)
    expect(.invalidArgument) { try memory.unmap(.readWrite) }
}

@Test func mapFlagsThatMeanNothingAreRefused() throws {
    let memory = try counting(0..<10)
    for value: UInt32 in [0, 4, 7, .max] {
        expect(.invalidArgument) { try memory.map(MapFlags(rawValue: value)) }
        expect(.invalidArgument) { try memory.unmap(MapFlags(rawValue: value)) }
    }
}

@Test func manyMapsDoNotRunIntoTheNextCount() throws {
    let memory = try counting(0..<10)
    _ = try memory.map(.readWrite)
    for _ in 0..<70_000 { _ = try memory.map(.read) }
    expect(.invalidArgument) { try memory.unmap(.write) }
    for _ in 0..<70_000 { try memory.unmap(.read) }
    try memory.unmap(.readWrite)
    #expect(memory.isWritable)
    _ = try memory.map(.write)
}

@Test func mapsBeyondTheCountAreRefused() throws {
    let memory = try counting(0..<10)
    memory.maps.store((1 << 21) - 1, ordering: .relaxed)
    expect(.outOfRange) { try memory.map(.read) }
    try memory.unmap(.read)
    _ = try memory.map(.read)
    memory.maps.store(0, ordering: .relaxed)
}
