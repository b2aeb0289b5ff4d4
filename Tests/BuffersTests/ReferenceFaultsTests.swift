import Testing

@testable import Buffers

// The places where the reference implementation falls short, numbered as in its list of faults.

@Test func insertingIntoTheMiddleOfAFullBufferLosesNoMemory() throws {
    var buffer = Buffer()
    for index in 0..<UInt8(16) { try buffer.append(memory([index])) }
    try buffer.insert(memory([99]), at: 8)
    #expect(buffer.memoryCount == 17)
    #expect(buffer.content == Array(0..<8) + [99] + Array(8..<16))
}

@Test func moreThan256MapsAtOnceLeaveTheMemoryWritable() throws {
    let memory = try Memory(size: 8)
    for _ in 0..<300 { _ = try memory.map(.read) }
    for _ in 0..<300 { try memory.unmap(.read) }
    #expect(memory.isWritable)
    _ = try memory.map(.write)
    try memory.unmap(.write)
}

@Test func aReadMapBehindAWriteMapSeesTheSameBytes() throws {
    let buffer = Buffer(try memory([1, 2, 3]))
    let writing = try buffer.storage.map(.readWrite, mayChange: true)
    let reading = try buffer.storage.map(.read, mayChange: true)
    writing.bytes[0] = 42
    #expect(reading.bytes[0] == 42)
    #expect(reading.end())
    #expect(writing.end())
    #expect(buffer.content == [42, 2, 3])
}

@Test func appendingABadRegionAppendsNothing() throws {
    var buffer = Buffer(try memory([1, 2]))
    let other = Buffer(try memory([3, 4]))
    expect(.outOfRange) { try buffer.append(other, offset: 1, size: 2) }
    expect(.outOfRange) { try buffer.append(other, offset: 3) }
    #expect(buffer.content == [1, 2])
    #expect(buffer.memoryCount == 1)
    #expect(other.content == [3, 4])
}

@Test func aMergedCopyOfAnEmptyBufferIsAnEmptyBuffer() throws {
    let copy = try Buffer().copyRegion([.all, .merge], offset: 0)
    #expect(copy.memoryCount == 0)
    #expect(try Buffer().mergedMemory().size == 0)
}

@Test func aRegionOfAPooledBufferReturnsItWhenItDies() throws {
    let pool = try BufferPool(BufferPool.Configuration(size: 64, maximumBuffers: 1))
    var buffer: Buffer? = try pool.acquire()
    var region: Buffer? = try buffer!.copyRegion(offset: 8, size: 8)
    buffer = nil
    #expect(pool.stats.outstanding == 1)
    #expect(region!.size == 8)
    region = nil
    #expect(pool.stats.outstanding == 0)
    #expect(pool.stats.recycled == 1)
    #expect(pool.stats.discarded == 0)
}

@Test func anOverlongNameInASerialisedMetaIsRefused() throws {
    var buffer = Buffer()
    try buffer.setVideoFrame(VideoFrameMeta(width: 2, height: 2, format: .rgba8))
    var bytes = [UInt8](repeating: 0, count: 256)
    let size = try serialize(buffer, into: &bytes)
    for length in 0...255 where length != bytes[5] {
        var hostile = Array(bytes[..<size])
        hostile[5] = UInt8(length)
        #expect(throws: BufferError.self) { try deserialize(hostile, into: &buffer) }
    }
    for total in [0, 5, UInt32(size) + 1, .max] {
        var hostile = Array(bytes[..<size])
        withUnsafeBytes(of: total.littleEndian) { hostile.replaceSubrange(0..<4, with: $0) }
        #expect(throws: BufferError.self) { try deserialize(hostile, into: &buffer) }
    }
    for count in 0..<size {
        #expect(throws: BufferError.self) { try deserialize(Array(bytes[..<count]), into: &buffer) }
    }
    #expect(buffer.metaCount() == 1)
}

@Test func compareAndSetBytesFindTheRightBlockOfSeveral() throws {
    var buffer = Buffer()
    for first in stride(from: UInt8(0), to: 40, by: 5) { try buffer.append(counting(first..<first + 5)) }
    let wanted: [UInt8] = Array(7..<33)
    let same = wanted.withUnsafeBytes { buffer.compare(offset: 7, with: $0) }
    #expect(same.count == 26)
    #expect(same.order == 0)
    let other = wanted.withUnsafeBytes { buffer.compare(offset: 8, with: $0) }
    #expect(other.order > 0)
    #expect(wanted.withUnsafeBytes { buffer.compare(offset: 38, with: $0) }.count == 2)
    #expect(try buffer.setBytes(offset: 12, to: 77, size: 11) == 11)
    #expect(buffer.content == Array(0..<12) + Array(repeating: 77, count: 11) + Array(23..<40))
    #expect(try buffer.setBytes(offset: 38, to: 1, size: 11) == 2)
    #expect(try buffer.setBytes(offset: 41, to: 1, size: 1) == 0)
}
