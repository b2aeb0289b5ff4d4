import CPosix
import Synchronization
import Testing

@testable import Buffers

// Lists and pools that several threads use at once.

private func onThreads(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
    let threads = (0..<count).map { index in
        Buffers.Thread.start(name: "test") { body(index) }
    }
    for thread in threads { thread!.join() }
}

@Test func threadsChangeTheirCopiesOfAList() throws {
    let block = ForeignBlock()
    do {
        var list = BufferList()
        try list.append(Buffer(block.memory(8)))
        for byte in 1..<4 { try list.append(Buffer(memory([UInt8(byte)]))) }
        let shared = list
        onThreads(4) { thread in
            for round in 0..<500 {
                do {
                    var own = shared
                    try own.withWritableBuffer(at: 1) { buffer throws(BufferError) in
                        try buffer.withUnsafeMutableBytes { $0[0] = UInt8(thread) }
                    }
                    try own.append(Buffer(size: 1))
                    try own.remove(at: round % 4 == 1 ? 2 : 3)
                    #expect(own.buffer(at: 1)!.content == [UInt8(thread)])
                    #expect(own.count == 4)
                } catch {
                    Issue.record("\(error)")
                }
            }
        }
        #expect(shared.map { $0.content[0] } == [0, 1, 2, 3])
    }
    #expect(block.releaseCount == 1)
}

@Test func aMemberThatManyListsDropAtOnceIsReleasedOnce() throws {
    for _ in 0..<200 {
        let block = ForeignBlock()
        nonisolated(unsafe) var lists: [BufferList?] = []
        do {
            let buffer = Buffer(try block.memory(8))
            for _ in 0..<3 {
                var list = BufferList()
                try list.append(buffer)
                lists.append(list)
            }
        }
        nonisolated(unsafe) let base = lists.withUnsafeMutableBufferPointer { $0.baseAddress! }
        onThreads(3) { base[$0] = nil }
        #expect(block.releaseCount == 1)
    }
}

@Test func aPoolIsFlushedAndDeactivatedUnderItsUsers() throws {
    let pool = try BufferPool(BufferPool.Configuration(size: 64, minimumBuffers: 1, maximumBuffers: 2))
    let acquired = Atomic<UInt64>(0)
    let isOver = Atomic<Bool>(false)
    onThreads(4) { thread in
        if thread == 0 {
            for round in 1...40 {
                while pool.stats.acquired < UInt64(round * 10) { sched_yield() }
                if round % 2 == 0 {
                    pool.setFlushing(true)
                    pool.setFlushing(false)
                } else {
                    #expect(throws: Never.self) { try pool.setActive(false) }
                    #expect(throws: Never.self) { try pool.setActive(true) }
                }
            }
            isOver.store(true, ordering: .releasing)
            return
        }
        var round = 0
        while !isOver.load(ordering: .acquiring) {
            round += 1
            do throws(BufferError) {
                var buffer = try pool.acquire(timeout: 1_000_000)
                acquired.add(1, ordering: .relaxed)
                try buffer.withUnsafeMutableBytes { bytes in
                    for index in bytes.indices { bytes[index] = UInt8(thread) }
                }
                #expect(buffer.content.allSatisfy { $0 == UInt8(thread) })
                if round % 3 == 0 {
                    let region = try buffer.copyRegion(offset: 1, size: 2)
                    buffer = region
                }
                if round % 5 == 0 { try buffer.removeMemories(at: 0) }
            } catch {
                if error.kind != .flushing, error.kind != .timeout { Issue.record("\(error)") }
                sched_yield()
            }
        }
    }
    let stats = pool.stats
    let expected = acquired.load(ordering: .relaxed)
    #expect(stats.acquired == expected)
    #expect(stats.recycled + stats.discarded == expected)
    #expect(stats.outstanding == 0)
    #expect(stats.highWater <= 2)
    #expect(pool.bufferCount <= 2)
}

@Test func deactivationWakesWaiters() throws {
    let pool = try BufferPool(BufferPool.Configuration(size: 64, maximumBuffers: 1))
    let held = try pool.acquire()
    let waiters = (0..<3).map { _ in
        Buffers.Thread.start(name: "waiter") { expect(.flushing) { () throws in try pool.acquire() } }!
    }
    while pool.waiterCount < 3 { sched_yield() }
    try pool.setActive(false)
    for waiter in waiters { waiter.join() }
    withExtendedLifetime(held) {}
}

@Test func aPoolIsActivatedByOneOfSeveralThreads() throws {
    for _ in 0..<50 {
        let pool = BufferPool()
        try pool.configure(BufferPool.Configuration(size: 8, minimumBuffers: 3, maximumBuffers: 3))
        onThreads(3) { _ in
            #expect(throws: Never.self) { try pool.setActive(true) }
            #expect(throws: Never.self) { try pool.acquire() }
        }
        #expect(pool.bufferCount == 3)
    }
}
