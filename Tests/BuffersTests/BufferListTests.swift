import TestSupport
import Testing

@testable import Buffers

/// A list of one buffer for each number, with that one byte.
private func list(_ bytes: UInt8...) throws -> BufferList {
    var list = BufferList()
    for byte in bytes { try list.append(Buffer(memory([byte]))) }
    return list
}

extension BufferList {
    /// The first byte of each buffer.
    fileprivate var bytes: [UInt8] { map { $0.content[0] } }
    /// What each buffer is.
    fileprivate var identities: [ObjectIdentifier] { map { ObjectIdentifier($0.storage) } }
}

/// A list as C has it: by a handle, dropped at the end.
private struct ListHandle: ~Copyable {
    var reference: Unmanaged<BufferListStorage>

    init(_ bytes: UInt8...) throws {
        reference = BufferListStorage.makeHandle(.make())
        for byte in bytes { try insert(handle(of: byte)) }
    }

    deinit { reference.dropHandle() }

    mutating func insert(_ buffer: Unmanaged<BufferStorage>) throws {
        try reference.borrowed { list throws(BufferError) in try list.insert(taking: buffer, at: list.count) }
    }

    mutating func remove(at index: Int) throws {
        try reference.borrowed { list throws(BufferError) in try list.remove(at: index, count: 1) }
    }

    func buffer(at index: Int) -> Unmanaged<BufferStorage> {
        reference.borrowed { $0.reference(at: index) }
    }

    /// Whether a holder of the C handles could change each buffer.
    func writableMembers() -> [Bool] {
        (0..<reference.borrowed { $0.count }).map { index in
            var buffer = buffer(at: index)
            return buffer.isOnlyHandle()
        }
    }
}

/// A buffer of one byte as C has it.
private func handle(of byte: UInt8) throws -> Unmanaged<BufferStorage> {
    BufferStorage.makeHandle(.make(taking: Unmanaged.passRetained(try memory([byte]))))
}

@Test func aListKeepsTheOrderOfInsertion() throws {
    var list = try list(1, 2)
    try list.insert(Buffer(memory([3])), at: 0)
    try list.insert(Buffer(memory([4])), at: 2)
    try list.insert(Buffer(memory([5])), at: 4)
    #expect(list.bytes == [3, 1, 4, 2, 5])
    #expect(list.count == 5)
}

@Test func aListGrowsPastItsInlinePlaces() throws {
    var list = BufferList()
    for index in 0..<100 { try list.insert(Buffer(memory([UInt8(index)])), at: index / 2) }
    #expect(list.count == 100)
    #expect(Set(list.bytes) == Set(0..<100))
    var sized = try BufferList(capacity: 100)
    for buffer in list { try sized.append(buffer) }
    #expect(sized.identities == list.identities)
}

@Test func theSizeOfAListIsThatOfItsBuffers() throws {
    var list = BufferList()
    #expect(list.size == 0)
    try list.append(Buffer(size: 10))
    try list.append(Buffer())
    var several = try Buffer(size: 3)
    try several.append(Memory(size: 4))
    try list.append(several)
    #expect(list.size == 17)
}

@Test func theSizeOfAListDoesNotOverflow() throws {
    var byte: UInt8 = 0
    try withUnsafeMutablePointer(to: &byte) { pointer in
        // Nothing reads these bytes, which are not there.
        let bytes = UnsafeMutableRawBufferPointer(start: pointer, count: .max)
        let buffer = Buffer(try Memory(wrapping: bytes))
        var list = BufferList()
        for _ in 0..<3 { try list.append(buffer) }
        #expect(list.size == .max)
    }
}

@Test func aBufferOfAListIsAValue() throws {
    let list = try list(1, 2)
    var buffer = list.buffer(at: 1)!
    _ = try buffer.fill(0, [9])
    #expect(list.bytes == [1, 2])
    #expect(buffer.content == [9])
    #expect(list.buffer(at: 2) == nil)
    #expect(list.buffer(at: -1) == nil)
}

@Test func aCopyOfAListChangesAlone() throws {
    let original = try list(1, 2, 3)
    var copy = original
    try copy.remove(at: 0)
    try copy.withWritableBuffer(at: 0) { buffer throws(BufferError) in
        try buffer.withUnsafeMutableBytes { $0[0] = 9 }
    }
    #expect(original.bytes == [1, 2, 3])
    #expect(copy.bytes == [9, 3])
}

@Test func aCopyOfAListSharesItsBuffersUntilOneIsChanged() throws {
    let original = try list(1, 2)
    var copy = original
    try copy.makeUnique()
    #expect(copy.identities == original.identities)
    try copy.withWritableBuffer(at: 0) { buffer throws(BufferError) in try buffer.append(Memory(size: 1)) }
    #expect(copy.identities[0] != original.identities[0])
    #expect(copy.identities[1] == original.identities[1])
    #expect(copy.buffer(at: 0)!.memory(at: 0) === original.buffer(at: 0)!.memory(at: 0))
}

@Test func aBufferThatOnlyTheListHasIsChangedInPlace() throws {
    var list = try list(1, 2)
    let before = list.identities
    let place = list.buffer(at: 1)!.places[0]
    let isUnique = try list.withWritableBuffer(at: 1) { buffer throws(BufferError) in
        try buffer.withUnsafeMutableBytes { $0[0] = 9 }
        return buffer.isUnique
    }
    #expect(isUnique)
    #expect(list.identities == before)
    #expect(list.buffer(at: 1)!.places[0] == place)
    #expect(list.bytes == [1, 9])
}

@Test func aDeepCopyHasItsOwnBytes() throws {
    let original = try list(1, 2)
    var copy = try original.copyDeep()
    #expect(copy.bytes == [1, 2])
    for index in 0..<2 {
        #expect(copy.buffer(at: index)!.places != original.buffer(at: index)!.places)
        #expect(copy.buffer(at: index)!.memory(at: 0)!.isWritable)
    }
    try copy.withWritableBuffer(at: 0) { buffer throws(BufferError) in
        try buffer.withUnsafeMutableBytes { $0[0] = 9 }
    }
    #expect(original.bytes == [1, 2])
}

@Test func rangesOfAListAreRemoved() throws {
    let all = try list(0, 1, 2, 3, 4, 5)
    let cases: [(index: Int, count: Int, left: [UInt8])] = [
        (0, 1, [1, 2, 3, 4, 5]), (1, 2, [0, 3, 4, 5]), (4, 2, [0, 1, 2, 3]), (2, -1, [0, 1]), (0, -1, []),
        (6, 0, [0, 1, 2, 3, 4, 5]), (6, -1, [0, 1, 2, 3, 4, 5]), (1, 4, [0, 5]),
    ]
    for (index, count, left) in cases {
        var list = all
        try list.remove(at: index, count: count)
        #expect(list.bytes == left, "\(count) from \(index)")
    }
}

@Test func removedBuffersAreLetGo() throws {
    let blocks = (0..<4).map { _ in ForeignBlock() }
    var list = BufferList()
    for block in blocks { try list.append(Buffer(block.memory(1))) }
    try list.remove(at: 1, count: 2)
    #expect(blocks.map(\.releaseCount) == [0, 1, 1, 0])
    list = BufferList()
    #expect(blocks.map(\.releaseCount) == [1, 1, 1, 1])
}

@Test func eachBufferIsVisitedInOrder() throws {
    var list = try list(5, 6, 7)
    var seen: [[Int]] = []
    let cameToTheEnd = try list.updateEach { buffer, index in
        seen.append([index, Int(buffer!.content[0])])
        return true
    }
    #expect(seen == [[0, 5], [1, 6], [2, 7]])
    #expect(cameToTheEnd)
    #expect(list.bytes == [5, 6, 7])
}

@Test func aVisitReplacesAndRemovesBuffers() throws {
    var list = try list(0, 1, 2, 3, 4)
    var places: [Int] = []
    try list.updateEach { buffer, index throws(BufferError) in
        places.append(index)
        switch buffer!.content[0] {
        case 1, 2: buffer = nil
        case 3: buffer = try Buffer(size: 1, parameters: AllocationParameters())
        default: break
        }
        return true
    }
    #expect(places == [0, 1, 1, 1, 2])
    #expect(list.count == 3)
    #expect(list.bytes[0] == 0 && list.bytes[2] == 4)
}

@Test func aVisitChangesBuffersInPlace() throws {
    var list = try list(1, 2)
    let before = list.identities
    try list.updateEach { buffer, _ throws(BufferError) in
        try buffer!.withUnsafeMutableBytes { $0[0] += 10 }
        return true
    }
    #expect(list.bytes == [11, 12])
    #expect(list.identities == before)
}

@Test func aVisitEndsWhereItIsToldTo() throws {
    var list = try list(1, 2, 3)
    let cameToTheEnd = try list.updateEach { buffer, index in
        if index == 1 { buffer = nil }
        return index < 1
    }
    #expect(!cameToTheEnd)
    #expect(list.bytes == [1, 3])
}

@Test func aVisitThatFailsLeavesAWholeList() throws {
    var list = try list(1, 2, 3)
    expect(.wouldBlock) {
        try list.updateEach { buffer, _ throws(BufferError) in
            if buffer!.content[0] == 2 { throw .wouldBlock }
            buffer = nil
            return true
        }
    }
    #expect(list.bytes == [2, 3])
    expect(.timeout) {
        try list.withWritableBuffer(at: 0) { buffer throws(BufferError) in
            buffer = Buffer(try Memory(size: 2))
            throw .timeout
        }
    }
    #expect(list.size == 3)
}

@Test func aVisitOfACopyLeavesTheOriginal() throws {
    let original = try list(1, 2, 3)
    var copy = original
    try copy.updateEach { buffer, _ in
        if buffer!.content[0] == 1 { buffer = nil }
        return true
    }
    #expect(original.bytes == [1, 2, 3])
    #expect(copy.bytes == [2, 3])
}

@Test func anIteratorKeepsTheListAsItWas() throws {
    var list = try list(1, 2, 3)
    var seen: [UInt8] = []
    for buffer in list {
        if list.count > 0 { try list.remove(at: 0) }
        seen.append(buffer.content[0])
    }
    #expect(seen == [1, 2, 3])
    #expect(list.count == 0)
}

// MARK: - Writability

@Test func aMemberIsWritableWhileTheListHasOneOwner() throws {
    let list = try ListHandle(1, 2)
    #expect(list.writableMembers() == [true, true])
    list.reference.addHandle()
    #expect(list.writableMembers() == [false, false])
    list.reference.dropHandle()
    #expect(list.writableMembers() == [true, true])
}

@Test func aMemberOfSeveralListsIsNotWritableUntilOneIsLeft() throws {
    let first = try ListHandle(1)
    var second: ListHandle? = try ListHandle()
    var third: ListHandle? = try ListHandle()
    first.buffer(at: 0).addHandle()
    try second!.insert(first.buffer(at: 0))
    first.buffer(at: 0).addHandle()
    try third!.insert(first.buffer(at: 0))
    #expect(first.writableMembers() == [false])
    second = nil
    #expect(first.writableMembers() == [false])
    third = nil
    #expect(first.writableMembers() == [true])
    first.reference.addHandle()
    #expect(first.writableMembers() == [false])
    first.reference.dropHandle()
}

@Test func aBufferTwiceInAListIsNotWritableUntilOneIsRemoved() throws {
    var list = try ListHandle(1)
    list.buffer(at: 0).addHandle()
    try list.insert(list.buffer(at: 0))
    #expect(list.writableMembers() == [false, false])
    try list.remove(at: 1)
    #expect(list.writableMembers() == [true])
}

@Test func aBufferThatLeftItsListIsWritable() throws {
    var list = try ListHandle(1)
    var buffer = list.buffer(at: 0)
    buffer.addHandle()
    try list.remove(at: 0)
    list.reference.addHandle()
    let isWritable = buffer.isOnlyHandle()
    #expect(isWritable)
    list.reference.dropHandle()
    buffer.dropHandle()
}

@Test func aReplacedBufferHasNoList() throws {
    let list = try ListHandle(1)
    var old = list.buffer(at: 0)
    old.addHandle()
    let new = try list.reference.borrowed { list throws(BufferError) in try list.writable(at: 0) }
    #expect(new.toOpaque() != old.toOpaque())
    let isWritable = old.isOnlyHandle()
    #expect(isWritable)
    #expect(list.writableMembers() == [true])
    old.dropHandle()
}

// MARK: - Bad arguments

@Test func placesOutsideOfAListAreRefused() throws {
    var list = try list(1, 2)
    let extra = try Buffer(size: 1)
    for index in [-1, 3, .max, .min] { expect(.outOfRange) { try list.insert(extra, at: index) } }
    for (index, count) in [
        (0, 3), (1, 2), (2, 1), (3, 0), (3, -1), (0, -2), (-1, 1), (1, .max), (.max, 1), (.max, .max),
        (0, .min),
    ] {
        expect(.outOfRange) { try list.remove(at: index, count: count) }
    }
    for index in [-1, 2, .max] {
        expect(.outOfRange) { try list.withWritableBuffer(at: index) { _ in } }
        expect(.outOfRange) { try list.storage.writable(at: index) }
    }
    #expect(list.bytes == [1, 2])
}

@Test func aRefusedChangeDoesNotCopyTheList() throws {
    var list = try list(1, 2)
    let other = list
    expect(.outOfRange) { try list.remove(at: 3) }
    expect(.outOfRange) { try list.insert(Buffer(), at: 3) }
    expect(.outOfRange) { try list.withWritableBuffer(at: 2) { _ in } }
    #expect(list.storage === other.storage)
}

@Test func roomForMoreBuffersThanThereIsMemoryIsRefused() {
    expect(.outOfRange) { try BufferList(capacity: -1) }
    expect(.noMemory) { try BufferList(capacity: .max) }
    expect(.noMemory) { try BufferList(capacity: .max / 8) }
}

/// Random operations on lists against arrays of numbers.
@Test func randomListsBehaveAsArrays() throws {
    var random = SeededGenerator()
    var lists = [BufferList()]
    var models: [[UInt8]] = [[]]
    for step in 0..<4000 {
        let which = Int.random(in: 0..<lists.count, using: &random)
        let count = models[which].count
        switch Int.random(in: 0..<8, using: &random) {
        case 0, 1, 2:
            let place = Int.random(in: 0...count, using: &random)
            let byte = UInt8(truncatingIfNeeded: step)
            try lists[which].insert(Buffer(memory([byte])), at: place)
            models[which].insert(byte, at: place)
        case 3:
            let from = Int.random(in: 0...count, using: &random)
            let removed = Int.random(in: 0...(count - from), using: &random)
            try lists[which].remove(at: from, count: removed)
            models[which].removeSubrange(from..<from + removed)
        case 4 where count > 0:
            let place = Int.random(in: 0..<count, using: &random)
            try lists[which].withWritableBuffer(at: place) { buffer throws(BufferError) in
                try buffer.withUnsafeMutableBytes { $0[0] &+= 1 }
            }
            models[which][place] &+= 1
        case 5:
            if lists.count < 8 {
                lists.append(lists[which])
                models.append(models[which])
            } else {
                lists.remove(at: which)
                models.remove(at: which)
            }
        case 6:
            try lists[which].updateEach { buffer, _ in
                if buffer!.content[0] % 5 == 0 { buffer = nil }
                return true
            }
            models[which].removeAll { $0 % 5 == 0 }
        default:
            lists[which] = try lists[which].copyDeep()
        }
        let at = min(which, lists.count - 1)
        #expect(lists[at].bytes == models[at], "step \(step)")
    }
}
