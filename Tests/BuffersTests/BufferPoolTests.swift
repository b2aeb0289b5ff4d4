import Testing

@testable import Buffers

private func pool(
    size: Int = 100, minimum: Int = 0, maximum: Int = 0, prefix: Int = 0
) throws -> BufferPool {
    try BufferPool(
        BufferPool.Configuration(
            size: size, minimumBuffers: minimum, maximumBuffers: maximum,
            allocation: AllocationParameters(prefix: prefix)))
}

extension BufferPool.Stats {
    fileprivate init(acquired: UInt64, recycled: UInt64, discarded: UInt64, outstanding: UInt64, high: UInt64)
    {
        self.init()
        self.acquired = acquired
        self.recycled = recycled
        self.discarded = discarded
        self.outstanding = outstanding
        highWater = high
    }
}

@Test func aDroppedBufferIsUsedAgain() throws {
    let pool = try pool()
    let first = try pool.acquire().places
    let second = try pool.acquire().places
    #expect(first == second)
    #expect(
        pool.stats == BufferPool.Stats(acquired: 2, recycled: 2, discarded: 0, outstanding: 0, high: 1))
}

@Test func aBufferReturnsWithItsLastOwner() throws {
    let pool = try pool(maximum: 1)
    var owners = [try pool.acquire()]
    owners.append(owners[0])
    owners.removeFirst()
    expect(.wouldBlock) { try pool.acquire(timeout: 0) }
    owners.removeAll()
    _ = try pool.acquire(timeout: 0)
}

@Test func theMinimumIsAllocatedAtOnceAndTheMaximumHolds() throws {
    let pool = try pool(minimum: 2, maximum: 3)
    let buffers = try (0..<3).map { _ in try pool.acquire(timeout: 0) }
    expect(.wouldBlock) { try pool.acquire(timeout: 0) }
    expect(.timeout) { try pool.acquire(timeout: 1000) }
    #expect(Set(buffers.map { $0.places[0] }).count == 3)
    #expect(
        pool.stats == BufferPool.Stats(acquired: 3, recycled: 0, discarded: 0, outstanding: 3, high: 3))
}

@Test func aBufferComesBackWithItsWholeWindow() throws {
    let pool = try pool(prefix: 8)
    do {
        let buffer = try pool.acquire()
        try buffer.memory(at: 0)!.resize(offset: 50, size: 1)
    }
    let buffer = try pool.acquire()
    #expect(buffer.size == 100)
    #expect(buffer.memory(at: 0)!.offset == 8)
    #expect(pool.stats.recycled == 1)
}

@Test func aPooledBufferIsWrittenInPlace() throws {
    var buffer = try pool().acquire()
    let place = buffer.places[0]
    try buffer.withUnsafeMutableBytes { $0[0] = 1 }
    #expect(buffer.places[0] == place)
    let isUnique = buffer.isUnique
    #expect(isUnique)
}

/// What makes a buffer unusable when it comes back.
@Test func aBufferThatIsNotAsItWasIsThrownAway() throws {
    var keep: [Memory] = []
    var mapped: [Unmanaged<Memory>] = []
    let changes: [(inout Buffer) throws -> Void] = [
        { keep.append(try $0.memory(at: 0)!.share(offset: 0, size: 1)) },
        { keep.append($0.memory(at: 0)!) },
        { buffer in
            mapped.append(buffer.storage.reference(at: 0))
            _ = try buffer.memory(at: 0)!.map(.read)
        },
        { try $0.removeMemories(at: 0) },
        { try $0.append(counting(0..<1)) },
        { buffer in
            try buffer.removeMemories(at: 0)
            try buffer.append(Memory(size: 100))
        },
        { buffer in
            try buffer.append(counting(0..<1))
            try buffer.withUnsafeMutableBytes { $0[0] = 1 }
        },
        { buffer in
            let share = try buffer.memory(at: 0)!.share(offset: 0, size: 1)
            try buffer.withUnsafeMutableBytes { $0[0] = 1 }
            keep.append(share)
        },
    ]
    let pool = try pool(maximum: 1)
    for (index, change) in changes.enumerated() {
        do {
            var buffer = try pool.acquire(timeout: 0)
            try change(&buffer)
        }
        #expect(pool.stats.discarded == UInt64(index + 1), "change \(index)")
    }
    #expect(pool.stats.recycled == 0)
    #expect(pool.stats.outstanding == 0)
    // The map holds the memory on its own now.
    for memory in mapped { try memory.takeUnretainedValue().unmap(.read) }
}

@Test func aRegionKeepsAPooledBufferOutAndLetsItReturn() throws {
    let pool = try pool(maximum: 1)
    var regions: [Buffer] = []
    do {
        let buffer = try pool.acquire()
        regions.append(try buffer.copyRegion(offset: 10, size: 5))
        regions.append(try buffer.copyRegion(offset: 0))
        regions.append(try regions[1].copyRegion(offset: 3, size: 3))
    }
    while !regions.isEmpty {
        expect(.wouldBlock) { try pool.acquire(timeout: 0) }
        regions.removeFirst()
    }
    #expect(
        pool.stats == BufferPool.Stats(acquired: 1, recycled: 1, discarded: 0, outstanding: 0, high: 1))
}

@Test func aCopyThatIsWrittenLetsThePooledBufferGo() throws {
    let pool = try pool(maximum: 1)
    var copy: Buffer
    do {
        let buffer = try pool.acquire()
        copy = buffer
        try copy.makeUnique()
        expect(.wouldBlock) { try pool.acquire(timeout: 0) }
        try copy.withUnsafeMutableBytes { $0[0] = 1 }
    }
    #expect(pool.stats.recycled == 1)
    #expect(copy.content[0] == 1)
}

@Test func aPoolThatFlushesLendsNothing() throws {
    let pool = try pool()
    let buffer = try pool.acquire()
    pool.setFlushing(true)
    expect(.flushing) { try pool.acquire() }
    expect(.flushing) { try pool.acquire(timeout: 0) }
    pool.setFlushing(false)
    #expect(try pool.acquire().places != buffer.places)
}

@Test func buffersOutliveTheirPool() throws {
    var pool: BufferPool? = try pool(minimum: 3)
    var buffers = [try pool!.acquire(), try pool!.acquire()]
    pool = nil
    try buffers[0].withUnsafeMutableBytes { $0.copyBytes(from: 0..<100) }
    #expect(buffers[0].content == Array(0..<100))
    buffers.removeFirst()
    #expect(buffers[0].size == 100)
}

@Test func configurationsThatMakeNoSenseAreRefused() {
    expect(.invalidArgument) { try pool(minimum: 2, maximum: 1) }
    expect(.outOfRange) { try pool(minimum: -1) }
    expect(.outOfRange) { try pool(maximum: -1) }
    expect(.outOfRange) { try pool(minimum: BufferPool.Configuration.maximumPreallocation + 1) }
    expect(.outOfRange) { try pool(size: -1) }
    expect(.outOfRange) { try pool(size: .max, prefix: 1) }
    expect(.noMemory) { try pool(size: .max - 100, minimum: 1) }
}

@Test func aFailedAllocationIsNotCounted() throws {
    let pool = try pool(size: .max - 100, maximum: 1)
    for _ in 0..<3 { expect(.noMemory) { try pool.acquire(timeout: 0) } }
    #expect(pool.stats == BufferPool.Stats())
}

// MARK: - Configuration and activation

@Test func aPoolLendsNothingUntilItIsActive() throws {
    let pool = BufferPool()
    #expect(!pool.isActive)
    expect(.flushing) { try pool.acquire() }
    try pool.configure(BufferPool.Configuration(size: 10))
    expect(.flushing) { try pool.acquire(timeout: 0) }
    #expect(pool.stats == BufferPool.Stats())
    try pool.setActive(true)
    #expect(pool.isActive)
    #expect(try pool.acquire().size == 10)
}

@Test func aPoolCanBeActivatedAsItIsMade() throws {
    let pool = BufferPool()
    try pool.setActive(true)
    #expect(try pool.acquire().size == 0)
}

@Test func aConfigurationIsKept() throws {
    let pool = BufferPool()
    let configuration = BufferPool.Configuration(
        size: 7, minimumBuffers: 1, maximumBuffers: 2,
        allocation: AllocationParameters(alignment: 128, prefix: 3, padding: 4))
    try pool.configure(configuration)
    #expect(pool.configuration.isSame(as: configuration))
    try pool.setActive(true)
    let memory = try pool.acquire().memory(at: 0)!
    #expect(memory.offset == 3)
    #expect(memory.size == 7)
    #expect(memory.maxSize == 14)
    #expect(UInt(bitPattern: memory.visibleBytes.baseAddress! - 3) % 128 == 0)
}

@Test func activationAllocatesTheMinimum() throws {
    // Only what is there already can be had from a pool that cannot allocate any more.
    let pool = BufferPool()
    try pool.configure(BufferPool.Configuration(size: .max - 100, minimumBuffers: 1))
    expect(.noMemory) { try pool.setActive(true) }
    #expect(!pool.isActive)
    expect(.flushing) { try pool.acquire() }
    try pool.configure(BufferPool.Configuration(size: 8, minimumBuffers: 3))
    try pool.setActive(true)
    #expect(pool.bufferCount == 3)
    #expect(pool.stats == BufferPool.Stats())
}

@Test func anActivePoolCannotBeConfiguredAnew() throws {
    let pool = try pool(size: 100, maximum: 2)
    let same = pool.configuration
    expect(.invalidArgument) { try pool.configure(BufferPool.Configuration(size: 101, maximumBuffers: 2)) }
    #expect(pool.configuration.isSame(as: same))
    #expect(try pool.acquire().size == 100)
    try pool.configure(same)
    try pool.setActive(false)
    try pool.configure(BufferPool.Configuration(size: 101))
    try pool.setActive(true)
    #expect(try pool.acquire().size == 101)
}

@Test func aPoolWithBuffersOutCannotBeConfiguredAnew() throws {
    let pool = try pool()
    do {
        let buffer = try pool.acquire()
        try pool.setActive(false)
        expect(.invalidArgument) { try pool.configure(BufferPool.Configuration(size: 1)) }
        try pool.configure(pool.configuration)
        withExtendedLifetime(buffer) {}
    }
    try pool.configure(BufferPool.Configuration(size: 1))
    try pool.setActive(true)
    #expect(try pool.acquire().size == 1)
}

@Test func aBadConfigurationLeavesTheOldOne() throws {
    let pool = BufferPool()
    try pool.configure(BufferPool.Configuration(size: 5))
    expect(.invalidArgument) {
        try pool.configure(
            BufferPool.Configuration(size: 6, allocation: AllocationParameters(alignment: 3)))
    }
    #expect(pool.configuration.size == 5)
}

@Test func deactivationFreesTheBuffers() throws {
    let pool = try pool(minimum: 4)
    var buffer: Buffer? = try pool.acquire()
    try pool.setActive(false)
    #expect(pool.bufferCount == 1)
    expect(.flushing) { try pool.acquire() }
    _ = try buffer!.fill(0, [1])
    buffer = nil
    #expect(pool.bufferCount == 0)
    #expect(
        pool.stats == BufferPool.Stats(acquired: 1, recycled: 0, discarded: 1, outstanding: 0, high: 1))
    try pool.setActive(true)
    #expect(pool.bufferCount == 4)
}

@Test func aBufferComesBackToAPoolThatWasActivatedAgain() throws {
    let pool = try pool(minimum: 2, maximum: 2)
    var buffer: Buffer? = try pool.acquire()
    try pool.setActive(false)
    try pool.setActive(true)
    #expect(pool.bufferCount == 2)
    buffer = nil
    #expect(pool.stats.recycled == 1)
    #expect(pool.bufferCount == 2)
    withExtendedLifetime(buffer) {}
}

@Test func activationEndsFlushing() throws {
    let pool = try pool()
    pool.setFlushing(true)
    try pool.setActive(true)
    expect(.flushing) { try pool.acquire() }
    try pool.setActive(false)
    pool.setFlushing(false)
    expect(.flushing) { try pool.acquire() }
    pool.setFlushing(true)
    try pool.setActive(true)
    _ = try pool.acquire()
}

// MARK: - Coming back

@Test func theWholeBufferIsUsedAgainWhenTheLibraryDropsIt() throws {
    let pool = try pool()
    var storage = try pool.acquireHandle(timeout: 0)
    let first = storage.toOpaque()
    storage.addHandle()
    storage.dropHandle()
    #expect(pool.stats.recycled == 0)
    storage.dropHandle()
    #expect(pool.stats.recycled == 1)
    storage = try pool.acquireHandle(timeout: 0)
    #expect(storage.toOpaque() == first)
    storage.dropHandle()
}

@Test func aBufferInAListComesBackWithTheList() throws {
    let pool = try pool(maximum: 2)
    var list = BufferList()
    try list.append(pool.acquire())
    try list.append(pool.acquire())
    expect(.wouldBlock) { try pool.acquire(timeout: 0) }
    try list.remove(at: 0)
    #expect(pool.stats.recycled == 1)
    list = BufferList()
    #expect(pool.stats.recycled == 2)
    var owner = try pool.acquireHandle(timeout: 0)
    let isWritable = owner.isOnlyHandle()
    #expect(isWritable)
    owner.dropHandle()
}

@Test func aBufferOfRegionsOfSeveralPoolsKeepsThemAllOut() throws {
    let pools = try (0..<3).map { _ in try pool(maximum: 1) }
    var joined = Buffer()
    for pool in pools {
        let buffer = try pool.acquire()
        try joined.append(buffer.copyRegion(offset: 1, size: 2))
        try joined.append(buffer.copyRegion(offset: 5, size: 2))
    }
    #expect(joined.memoryCount == 6)
    var copy = joined
    try copy.removeMemories(at: 0, count: 3)
    joined = Buffer()
    #expect(pools.map(\.stats.recycled) == [1, 0, 0])
    try copy.removeMemories(at: 0, count: 1)
    #expect(pools.map(\.stats.recycled) == [1, 1, 0])
    copy = Buffer()
    #expect(pools.map(\.stats.recycled) == [1, 1, 1])
    #expect(pools.map(\.stats.discarded) == [0, 0, 0])
}

@Test func aRegionInAListKeepsAPooledBufferOut() throws {
    let pool = try pool(maximum: 1)
    var list = BufferList()
    try list.append(pool.acquire().copyRegion(offset: 1, size: 2))
    #expect(pool.stats.outstanding == 1)
    list = BufferList()
    #expect(
        pool.stats == BufferPool.Stats(acquired: 1, recycled: 1, discarded: 0, outstanding: 0, high: 1))
}

// MARK: - Frames

@Test func aBlockIsReusableWhileNobodyElseRefersToIt() throws {
    var buffer = Buffer(try Memory(size: 100))
    var answers = [buffer.isReusable(forSize: 100), buffer.isReusable(forSize: 101)]
    #expect(answers == [true, false])
    let region = buffer.soleRegion(size: 10)
    #expect(region.count == 10)
    answers = [buffer.isReusable(forSize: 100)]
    do {
        let copy = buffer
        answers.append(buffer.isReusable(forSize: 1))
        withExtendedLifetime(copy) {}
    }
    do {
        let part = try buffer.copyRegion(offset: 1, size: 2)
        answers.append(buffer.isReusable(forSize: 1))
        withExtendedLifetime(part) {}
    }
    answers.append(buffer.isReusable(forSize: 1))
    #expect(answers == [true, false, false, true])
}
