import Foundation
import Synchronization
import Testing

@testable import Buffers

/// Runs `body` on `count` threads at once.
private func onThreads(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
    let threads = (0..<count).map { index in
        Buffers.Thread.start(name: "test") { body(index) }
    }
    for thread in threads { thread!.join() }
}

@Test func referencesAndMapsOfManyThreadsBalance() throws {
    let block = ForeignBlock()
    do {
        let memory = try block.memory(64)
        let buffer = Buffer(memory)
        onThreads(4) { _ in
            for round in 0..<2000 {
                do {
                    var own = buffer
                    let sum = try own.withUnsafeBytes { bytes in bytes.reduce(0) { $0 + Int($1) } }
                    #expect(sum == 64 * 63 / 2)
                    let region = try own.copyRegion(offset: round % 64, size: 1)
                    #expect(region.content == [UInt8(round % 64)])
                    if round % 16 == 0 {
                        // The original is shared, so this writes to a private copy.
                        try own.withUnsafeMutableBytes { $0[0] = 99 }
                        #expect(own.content[0] == 99)
                    }
                } catch {
                    Issue.record("\(error)")
                }
            }
        }
        #expect(memory.openMaps == 0)
        #expect(memory.places == 1)
        #expect(buffer.content == Array(0..<64))
    }
    #expect(block.releaseCount == 1)
}

@Test func sharesAndMapsForWritingExcludeEachOther() throws {
    let memory = try Memory(size: 8)
    let isWriting = Atomic<Bool>(false)
    let shares = Atomic<Int>(0)
    let writes = Atomic<Int>(0)
    onThreads(4) { index in
        for _ in 0..<20_000 {
            if index == 0 {
                guard (try? memory.map(.write)) != nil else { continue }
                isWriting.store(true, ordering: .sequentiallyConsistent)
                #expect(memory.shares <= 3)
                isWriting.store(false, ordering: .sequentiallyConsistent)
                #expect(throws: Never.self) { try memory.unmap(.write) }
                writes.add(1, ordering: .relaxed)
            } else if let share = try? memory.share(offset: 0, size: 8) {
                // While the share lives, no map for writing is there or can come.
                let isExcluded = !isWriting.load(ordering: .sequentiallyConsistent)
                #expect(isExcluded)
                shares.add(1, ordering: .relaxed)
                withExtendedLifetime(share) {}
            }
        }
    }
    #expect(memory.isWritable)
    #expect(memory.openMaps == 0)
    let total = shares.load(ordering: .relaxed) + writes.load(ordering: .relaxed)
    #expect(total > 0)
}

@Test func aMemoryIsReleasedOnceWhenThreadsDropItTogether() throws {
    for _ in 0..<200 {
        let block = ForeignBlock()
        var buffer = Buffer()
        try buffer.append(block.memory(8))
        nonisolated(unsafe) var copies: [Buffer?] = (0..<3).map { _ in buffer }
        for index in copies.indices { try copies[index]!.makeUnique() }
        buffer = Buffer()
        nonisolated(unsafe) let base = copies.withUnsafeMutableBufferPointer { $0.baseAddress! }
        onThreads(3) { base[$0] = nil }
        #expect(block.releaseCount == 1)
    }
}

@Test func aPoolServesMoreThreadsThanItHasBuffers() throws {
    let pool = try BufferPool(BufferPool.Configuration(size: 64, maximumBuffers: 2))
    onThreads(4) { thread in
        for _ in 0..<1000 {
            do {
                var buffer = try pool.acquire()
                try buffer.withUnsafeMutableBytes { bytes in
                    for index in bytes.indices { bytes[index] = UInt8(thread) }
                }
                #expect(buffer.content.allSatisfy { $0 == UInt8(thread) })
            } catch {
                Issue.record("\(error)")
            }
        }
    }
    let stats = pool.stats
    #expect(stats.acquired == 4000)
    #expect(stats.recycled == 4000)
    #expect(stats.outstanding == 0)
    #expect(stats.highWater <= 2)
}

@Test func aDiscardedBufferWakesAWaiter() throws {
    let pool = try BufferPool(BufferPool.Configuration(size: 64, maximumBuffers: 1))
    nonisolated(unsafe) var held: Buffer? = try pool.acquire()
    let share = try held!.memory(at: 0)!.share(offset: 0, size: 1)
    let waiter = Buffers.Thread.start(name: "waiter") {
        #expect(throws: Never.self) { try pool.acquire() }
    }!
    held = nil
    waiter.join()
    #expect(pool.stats.discarded == 1)
    #expect(pool.stats.acquired == 2)
    _ = share
}

@Test func flushingWakesWaiters() throws {
    let pool = try BufferPool(BufferPool.Configuration(size: 64, maximumBuffers: 1))
    let held = try pool.acquire()
    let flushed = Atomic<Int>(0)
    let waiters = (0..<3).map { _ in
        Buffers.Thread.start(name: "waiter") {
            do throws(BufferError) {
                _ = try pool.acquire()
                Issue.record("a buffer was lent")
            } catch {
                if error.kind == .flushing { flushed.add(1, ordering: .relaxed) }
            }
        }!
    }
    pool.setFlushing(true)
    for waiter in waiters { waiter.join() }
    let count = flushed.load(ordering: .relaxed)
    #expect(count == 3)
    _ = held
}

@Test func endingAPoolWakesWaiters() throws {
    nonisolated(unsafe) var pool: BufferPool? = try BufferPool(
        BufferPool.Configuration(size: 64, maximumBuffers: 1))
    let handle = Unmanaged.passRetained(pool!)
    pool = nil
    let held = try handle.takeUnretainedValue().acquire()
    let address = UInt(bitPattern: handle.toOpaque())
    let waiter = Buffers.Thread.start(name: "waiter") {
        // As a caller from C: without a reference of its own.
        let pool = Unmanaged<BufferPool>.fromOpaque(UnsafeRawPointer(bitPattern: address)!)
        expect(.flushing) { () throws in
            try pool.borrowed { pool throws(BufferError) in try pool.acquireHandle(timeout: -1) }
        }
    }!
    let isWaiting = handle.takeUnretainedValue()
    while isWaiting.waiterCount == 0 { sched_yield() }
    isWaiting.close()
    waiter.join()
    handle.release()
    #expect(held.size == 64)
}
