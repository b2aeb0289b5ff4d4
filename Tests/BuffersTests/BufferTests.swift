import Testing

@testable import Buffers

// MARK: - Memories

@Test func memoriesKeepTheirOrder() throws {
    var buffer = Buffer()
    try buffer.append(counting(2..<4))
    try buffer.prepend(counting(0..<1))
    try buffer.insert(counting(1..<2), at: 1)
    #expect(buffer.memoryCount == 3)
    #expect(buffer.size == 4)
    #expect(buffer.content == [0, 1, 2, 3])
}

@Test func aBufferGrowsPastItsInlinePlacesWithoutMerging() throws {
    var buffer = Buffer()
    var addresses: [UnsafeMutableRawPointer?] = []
    for index in 0..<100 {
        let memory = try counting(UInt8(index)..<UInt8(index + 1))
        addresses.insert(memory.base, at: index / 2)
        try buffer.insert(memory, at: index / 2)
    }
    #expect(buffer.places == addresses.map { UnsafeRawPointer($0) })
}

@Test func rangesAreRemoved() throws {
    var buffer = Buffer()
    for index: UInt8 in 0..<20 { try buffer.append(counting(index..<index + 1)) }
    try buffer.removeMemories(at: 17, count: -1)
    try buffer.removeMemories(at: 3, count: 10)
    try buffer.removeMemories(at: 0)
    try buffer.removeMemories(at: 2, count: 0)
    #expect(buffer.content == [1, 2, 13, 14, 15, 16])
}

@Test func placesThatDoNotExistAreRefused() throws {
    var buffer = Buffer(try counting(0..<5))
    let memory = try counting(0..<1)
    for index in [-1, 2, Int.max] { expect(.outOfRange) { try buffer.insert(memory, at: index) } }
    for (index, count) in [(0, 2), (1, 1), (2, 0), (2, -1), (-1, 1), (0, -2), (0, .max), (.max, .max)] {
        expect(.outOfRange) { try buffer.removeMemories(at: index, count: count) }
    }
    #expect(buffer.memory(at: 1) == nil)
    #expect(buffer.memory(at: -1) == nil)
    #expect(buffer.content == [0, 1, 2, 3, 4])
}

@Test func bytesThatCannotBeCountedAreRefused() throws {
    var byte: UInt8 = 0
    try withUnsafeMutablePointer(to: &byte) { pointer in
        let huge = try Memory(
            wrapping: pointer, maxSize: .max, offset: 0, size: .max, flags: [], release: nil, user: nil)
        var buffer = Buffer(huge)
        expect(.outOfRange) { try buffer.append(counting(0..<1)) }
        #expect(buffer.size == .max)
    }
}

@Test func aBufferKeepsItsMemories() throws {
    let block = ForeignBlock()
    do {
        var buffer = Buffer(try block.memory(8))
        let copy = buffer
        try buffer.removeMemories(at: 0)
        #expect(block.releaseCount == 0)
        #expect(copy.content == Array(0..<8))
    }
    #expect(block.releaseCount == 1)
}

@Test func aMemoryIsReleasedOnceWhateverBuffersHeldIt() throws {
    let block = ForeignBlock()
    do {
        let memory = try block.memory(8)
        var buffers = [Buffer(memory), Buffer(memory)]
        try buffers[0].append(memory)
        buffers.append(buffers[0])
        buffers.append(try buffers[0].copyRegion(offset: 4, size: 8))
        try buffers[2].append(counting(0..<1))
        buffers.remove(at: 0)
        #expect(block.releaseCount == 0)
    }
    #expect(block.releaseCount == 1)
}

// MARK: - Values

@Test func copiesAreIndependent() throws {
    var buffer = Buffer(try counting(0..<4))
    let copy = buffer
    #expect(try buffer.fill(1, [9]) == 1)
    try buffer.append(counting(7..<8))
    #expect(buffer.content == [0, 9, 2, 3, 7])
    #expect(copy.content == [0, 1, 2, 3])
}

@Test func aCopyOfTheListSharesItsMemories() throws {
    var buffer = Buffer(try counting(0..<4))
    let copy = buffer
    try buffer.append(counting(4..<5))
    #expect(copy.places[0] == buffer.places[0])
    #expect(buffer.memory(at: 0)?.isWritable == false)
}

@Test func theOnlyHolderWritesInPlace() throws {
    var buffer = Buffer(try counting(0..<4))
    let place = buffer.places[0]
    do {
        let copy = buffer
        try buffer.makeUnique()
        #expect(copy.places == buffer.places)
    }
    try buffer.withUnsafeMutableBytes { $0[0] = 1 }
    #expect(buffer.places[0] == place)
}

@Test func aMemoryInTwoBuffersIsCopiedBeforeItIsWritten() throws {
    let memory = try counting(0..<4)
    var first = Buffer(memory)
    let second = Buffer(memory)
    expect(.notWritable) { try memory.map(.write) }
    try first.withUnsafeMutableBytes { $0[0] = 9 }
    #expect(first.content == [9, 1, 2, 3])
    #expect(second.content == [0, 1, 2, 3])
    #expect(memory.isWritable)
}

@Test func aReferenceToAMemoryDoesNotKeepItFromBeingWrittenInPlace() throws {
    let memory = try counting(0..<4)
    var buffer = Buffer(memory)
    try buffer.withUnsafeMutableBytes { $0[0] = 9 }
    #expect(memory.content == [9, 1, 2, 3])
}

@Test func aMemoryThatIsBeingWrittenIsCopiedWithTheList() throws {
    var buffer = Buffer(try counting(0..<4))
    let bytes = try buffer.memory(at: 0)!.map(.write)
    let copy = buffer
    try buffer.makeUnique()
    bytes[0] = 9
    // The list that is new has the copy.
    #expect(buffer.content == [0, 1, 2, 3])
    #expect(copy.content == [9, 1, 2, 3])
    try copy.memory(at: 0)!.unmap(.write)
}

// MARK: - Maps

@Test func oneMemoryIsMappedWithoutACopy() throws {
    let buffer = Buffer(try counting(0..<4))
    let address = try buffer.withUnsafeBytes { $0.baseAddress }
    #expect(address == buffer.places[0])
}

@Test func anEmptyBufferMapsToAnEmptyRegion() throws {
    var buffer = Buffer()
    #expect(try buffer.withUnsafeBytes { $0.count } == 0)
    #expect(try buffer.withUnsafeMutableBytes { $0.count } == 0)
    #expect(buffer.memoryCount == 0)
}

@Test func readingDoesNotMergeAValue() throws {
    var buffer = Buffer(try counting(0..<4))
    try buffer.append(counting(4..<8))
    #expect(try buffer.withUnsafeBytes { Array($0) } == Array(0..<8))
    #expect(buffer.memoryCount == 2)
}

@Test func writingMergesForGood() throws {
    var buffer = Buffer(try counting(0..<4))
    try buffer.append(counting(4..<8))
    try buffer.withUnsafeMutableBytes { $0[7] = 70 }
    #expect(buffer.memoryCount == 1)
    #expect(buffer.content == [0, 1, 2, 3, 4, 5, 6, 70])
}

@Test func mergingLeavesOtherHoldersOfTheMemoriesAlone() throws {
    var buffer = Buffer(try counting(0..<4))
    try buffer.append(counting(4..<8))
    let copy = buffer
    try buffer.withUnsafeMutableBytes { $0[0] = 70 }
    #expect(copy.memoryCount == 2)
    #expect(copy.content == Array(0..<8))
}

@Test func aSpanIsMappedWithoutACopy() throws {
    let root = try counting(0..<40)
    var buffer = Buffer()
    for index in 0..<4 { try buffer.append(root.share(offset: 10 * index, size: 10)) }
    try buffer.withUnsafeBytes { bytes in
        #expect(bytes.baseAddress == UnsafeRawPointer(root.base))
        #expect(Array(bytes) == Array(0..<40))
    }
    #expect(buffer.memoryCount == 4)
    try buffer.withUnsafeMutableBytes { $0[0] = 9 }
    #expect(root.content == Array(0..<40))
    try buffer.removeMemories(at: 0, count: -1)
    #expect(root.isWritable)
}

@Test func aSharedMemoryIsReplacedBeforeItIsWritten() throws {
    var buffer = Buffer(try counting(0..<4))
    let share = try buffer.memory(at: 0)!.share(offset: 1, size: 2)
    try buffer.withUnsafeMutableBytes { $0[1] = 9 }
    #expect(share.content == [1, 2])
    #expect(buffer.content == [0, 9, 2, 3])
}

@Test func aReadOnlyMemoryIsReplacedBeforeItIsWritten() throws {
    let memory = try counting(0..<4, flags: .readOnly)
    var buffer = Buffer(memory)
    try buffer.withUnsafeMutableBytes { $0[1] = 9 }
    #expect(memory.content == [0, 1, 2, 3])
    #expect(buffer.content == [0, 9, 2, 3])
}

@Test func aMapForReadingAfterOneForBothSeesTheSameBytes() throws {
    let storage = Buffer(try counting(0..<4)).storage
    let first = try storage.map(.readWrite, mayChange: true)
    let second = try storage.map(.read, mayChange: true)
    first.bytes[0] = 9
    #expect(second.bytes[0] == 9)
    #expect(second.end())
    #expect(first.end())
    #expect(!first.end())
}

@Test func exclusiveMapsOfABufferFailInsteadOfReplacing() throws {
    let storage = Buffer(try counting(0..<4)).storage
    let place = storage.bytes(at: 0).baseAddress
    for (first, second) in [(MapFlags.write, MapFlags.read), (.read, .write), (.read, .readWrite)] {
        let map = try storage.map(first, mayChange: true)
        expect(.notWritable) { try storage.map(second, mayChange: true) }
        #expect(storage.bytes(at: 0).baseAddress == place)
        #expect(map.end())
    }
}

@Test func writingNeedsTheOnlyOwner() throws {
    let storage = Buffer(try counting(0..<4)).storage
    expect(.notWritable) { try storage.map(.write, mayChange: false) }
    expect(.notWritable) { try Buffer().storage.map(.readWrite, mayChange: false) }
}

@Test func memoriesThatAreBeingWrittenAreNotMerged() throws {
    var buffer = Buffer(try counting(0..<4))
    try buffer.append(counting(4..<8))
    let memory = buffer.memory(at: 1)!
    _ = try memory.map(.write)
    expect(.notWritable) { try buffer.withUnsafeMutableBytes { $0[0] = 9 } }
    expect(.notWritable) { try buffer.withUnsafeBytes { $0.count } }
    #expect(buffer.memoryCount == 2)
    try memory.unmap(.write)
    try buffer.withUnsafeMutableBytes { $0[0] = 9 }
}

@Test func aMapOutlivesThePlaceOfItsMemory() throws {
    let block = ForeignBlock()
    let storage = BufferStorage.make(taking: Unmanaged.passRetained(try block.memory(8)))
    let first = try storage.map(.read, mayChange: true)
    let second = try storage.map(.read, mayChange: true)
    try storage.remove(at: 0, count: 1)
    #expect(first.bytes[7] == 7)
    #expect(first.end())
    #expect(block.releaseCount == 0)
    #expect(second.bytes[7] == 7)
    #expect(second.end())
    #expect(block.releaseCount == 1)
}

@Test func aMapOutlivesItsBuffer() throws {
    let block = ForeignBlock()
    var storage: BufferStorage? = BufferStorage.make(taking: Unmanaged.passRetained(try block.memory(8)))
    let map = try storage!.map(.readWrite, mayChange: true)
    storage = nil
    #expect(block.releaseCount == 0)
    map.bytes[0] = 1
    #expect(map.end())
    #expect(block.releaseCount == 1)
}

// MARK: - Bytes

@Test func extractIsShortAtTheEnd() throws {
    var buffer = Buffer(try counting(0..<4))
    try buffer.append(counting(4..<8))
    var bytes = [UInt8](repeating: 99, count: 5)
    let count = bytes.withUnsafeMutableBytes { buffer.extract(offset: 5, into: $0) }
    #expect(count == 3)
    #expect(bytes == [5, 6, 7, 99, 99])
    for offset in [8, 9, -1, Int.max, Int.min] {
        #expect(bytes.withUnsafeMutableBytes { buffer.extract(offset: offset, into: $0) } == 0)
    }
}

@Test func fillCrossesMemoriesAndIsShortAtTheEnd() throws {
    var buffer = Buffer(try counting(0..<4))
    try buffer.append(counting(4..<6))
    try buffer.append(counting(6..<9))
    #expect(try buffer.fill(3, [30, 40, 50, 60]) == 4)
    #expect(buffer.content == [0, 1, 2, 30, 40, 50, 60, 7, 8])
    #expect(try buffer.fill(8, [80, 90]) == 1)
    #expect(try buffer.fill(9, [1]) == 0)
    #expect(try buffer.fill(-1, [1]) == 0)
    #expect(buffer.memoryCount == 3)
}

@Test func fillWritesNothingWhenOneMemoryRefuses() throws {
    var buffer = Buffer(try counting(0..<4))
    try buffer.append(counting(4..<8))
    _ = try buffer.memory(at: 1)!.map(.read)
    expect(.notWritable) { try buffer.fill(0, [9, 9, 9, 9, 9]) }
    #expect(buffer.content == Array(0..<8))
    // What the first memory was reserved with is given back.
    #expect(try buffer.fill(0, [9]) == 1)
    #expect(buffer.memory(at: 0)!.openMaps == 0)
    try buffer.memory(at: 1)!.unmap(.read)
}

// MARK: - Regions

@Test func aRegionSharesWholeMemoriesAndPartsOfOthers() throws {
    var buffer = Buffer(try counting(0..<10))
    try buffer.append(counting(10..<20))
    try buffer.append(counting(20..<30))
    let region = try buffer.copyRegion(offset: 5, size: 20)
    #expect(region.content == Array(5..<25))
    #expect(region.memory(at: 0)!.block == buffer.memory(at: 0)!.block)
    #expect(region.memory(at: 1) === buffer.memory(at: 1))
    #expect(region.memory(at: 2)!.block == buffer.memory(at: 2)!.block)
    #expect(region.places == [buffer.places[0]! + 5, buffer.places[1], buffer.places[2]])
}

@Test func aRegionIsIndependentOfItsSource() throws {
    var buffer = Buffer(try counting(0..<10))
    var region = try buffer.copyRegion(offset: 2, size: 4)
    #expect(try buffer.fill(3, [99]) == 1)
    #expect(try region.fill(0, [88]) == 1)
    #expect(region.content == [88, 3, 4, 5])
    #expect(buffer.content == [0, 1, 2, 99, 4, 5, 6, 7, 8, 9])
}

@Test func aRegionToTheEndAndAnEmptyOneExist() throws {
    let buffer = Buffer(try counting(0..<10))
    #expect(try buffer.copyRegion(offset: 7).content == [7, 8, 9])
    #expect(try buffer.copyRegion(offset: 10).memoryCount == 0)
    #expect(try buffer.copyRegion(offset: 3, size: 0).memoryCount == 0)
    #expect(try Buffer().copyRegion(offset: 0).size == 0)
}

@Test func regionsOutsideTheBufferAreRefused() throws {
    let buffer = Buffer(try counting(0..<10))
    for (offset, size) in [(11, 0), (10, 1), (0, 11), (-1, 1), (0, -1), (1, .max), (.max, .max)] {
        expect(.outOfRange) { try buffer.copyRegion(offset: offset, size: size) }
    }
}

@Test func aRegionOfANoShareMemoryIsACopy() throws {
    var buffer = Buffer(try counting(0..<10, flags: .noShare))
    let region = try buffer.copyRegion(offset: 0)
    #expect(region.memory(at: 0) !== buffer.memory(at: 0))
    let place = buffer.places[0]
    try buffer.withUnsafeMutableBytes { $0[0] = 9 }
    #expect(buffer.places[0] == place)
    #expect(region.content == Array(0..<10))
}

@Test func aRegionOfBytesThatAreBeingWrittenIsRefused() throws {
    var buffer = Buffer(try counting(0..<4))
    try buffer.append(counting(4..<8))
    _ = try buffer.memory(at: 1)!.map(.write)
    expect(.notWritable) { try buffer.copyRegion(offset: 0) }
    expect(.notWritable) { try buffer.copyRegion(offset: 0, size: 5) }
    #expect(try buffer.copyRegion(offset: 0, size: 4).content == [0, 1, 2, 3])
    #expect(buffer.memory(at: 0)!.isWritable)
    try buffer.memory(at: 1)!.unmap(.write)
}
