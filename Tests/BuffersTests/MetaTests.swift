import TestSupport
import Testing

@testable import Buffers

/// Writes the first meta of a buffer.
func serialize(_ buffer: Buffer, into bytes: inout [UInt8]) throws -> Int {
    try bytes.withUnsafeMutableBytes { try buffer.storage.firstMeta!.serialize(into: $0) }
}

/// Adds the meta in `bytes`, and returns how many it had.
@discardableResult
func deserialize(_ bytes: [UInt8], into buffer: inout Buffer) throws -> Int {
    try buffer.makeUnique()
    return try bytes.withUnsafeBytes { try buffer.storage.addMeta(serialized: $0).1 }
}

private let plain = try! MetaType.register("tests/plain", size: 8)
private let ofMemory = try! MetaType.register("tests/of-memory", size: 4, tags: .memory)
private let ofReference = try! MetaType.register("tests/of-reference", size: 4, tags: .memoryReference)

extension Buffer {
    fileprivate func types() -> [String] {
        var names: [String] = []
        var next = storage.firstMeta
        while let node = next {
            names.append(node.pointee.type.takeUnretainedValue().name)
            next = node.pointee.next
        }
        return names
    }
}

@Test func aTypeIsFoundByItsNameAndRegisteredOnce() throws {
    let type = plain
    #expect(MetaType.find("tests/plain") === type)
    #expect(MetaType.find("framewire/video-frame") === MetaType.videoFrame)
    #expect(MetaType.find("tests/unknown") == nil)
    expect(.invalidArgument) { try MetaType.register(plain.name, size: 1) }
    expect(.invalidArgument) { try MetaType.register("framewire/custom", size: 1) }
    expect(.invalidArgument) { try MetaType.register("", size: 1) }
    expect(.invalidArgument) { try MetaType.register(String(repeating: "x", count: 256), size: 1) }
    expect(.outOfRange) { try MetaType.register("tests/large", size: 65537) }
}

@Test func metasKeepTheirOrderAndTheirData() throws {
    var buffer = Buffer()
    for value in 0..<UInt64(20) {
        try buffer.addMeta(plain) { $0.storeBytes(of: value, as: UInt64.self) }
        try buffer.addMeta(ofMemory)
    }
    #expect(buffer.metaCount() == 40)
    #expect(buffer.metaCount(of: plain) == 20)
    var values: [UInt64] = []
    var sequence: UInt64 = 0
    var next = buffer.storage.firstMeta(of: plain)
    while let node = next {
        values.append(node.data.load(as: UInt64.self))
        #expect(node.pointee.sequence > sequence)
        sequence = node.pointee.sequence
        next = BufferStorage.find(plain, from: node.pointee.next)
    }
    #expect(values == Array(0..<20))
}

@Test func smallMetasLiveInsideTheBuffer() throws {
    var buffer = Buffer()
    try buffer.setVideoFrame(VideoFrameMeta(width: 4, height: 4, format: .i420))
    try buffer.addParent(Buffer())
    var next = buffer.storage.firstMeta
    while let node = next {
        #expect(node.pointee.arenaBytes > 0)
        #expect(UInt(bitPattern: node.data) % 16 == 0)
        next = node.pointee.next
    }
    for _ in 0..<1000 {
        try buffer.addMeta(plain)
        #expect(buffer.storage.head.pointee.lastMeta!.pointee.arenaBytes > 0)
        try buffer.removeMetas(of: plain)
    }
}

@Test func aLockedMetaIsNotRemoved() throws {
    var buffer = Buffer()
    try buffer.addMeta(plain)
    let node = buffer.storage.firstMeta!
    node.pointee.flags = .locked
    expect(.notWritable) { try buffer.storage.removeMeta(node) }
    try buffer.removeMetas()
    #expect(buffer.metaCount() == 1)
}

@Test func tagsDecideWhatSurvivesACopy() throws {
    var buffer = Buffer(try counting(0..<10))
    try buffer.addMeta(plain) { $0.storeBytes(of: 5, as: UInt64.self) }
    try buffer.addMeta(ofMemory)
    try buffer.addMeta(ofReference)
    let all = ["tests/plain", "tests/of-memory", "tests/of-reference"]
    #expect(try buffer.copyRegion(offset: 0).types() == all)
    #expect(try buffer.copyRegion(offset: 1).types() == [all[0], all[2]])
    #expect(try buffer.copyRegion([.all, .merge], offset: 0).types() == [all[0], all[2]])
    #expect(try buffer.copyRegion(.metadata, offset: 0).types() == [all[0], all[2]])
    #expect(try buffer.deepCopy().types() == [all[0], all[1]])
    #expect(try buffer.copyRegion([.memory, .flags], offset: 0).types() == [])
    var copy = buffer
    try copy.makeUnique()
    #expect(copy.types() == all)
    #expect(copy.withMeta(plain) { $0.load(as: UInt64.self) } == 5)
}

@Test func aParentIsKeptAliveByItsMeta() throws {
    let block = ForeignBlock()
    var child = Buffer()
    do { try child.addParent(Buffer(block.memory(4))) }
    var copy: Buffer? = try child.copyRegion(offset: 0)
    child = Buffer()
    #expect(block.releaseCount == 0)
    #expect(copy!.metaCount(of: .parentBuffer) == 1)
    copy = nil
    #expect(block.releaseCount == 1)
}

@Test func aReferenceTimestampIsFoundByItsClock() throws {
    var buffer = Buffer()
    try buffer.addReferenceTimestamp("timestamp/x-unix", 77)
    try buffer.addReferenceTimestamp("timestamp/x-ntp", 78, duration: 3)
    #expect(buffer.referenceTimestamp("timestamp/x-ntp")?.timestamp == 78)
    #expect(buffer.referenceTimestamp("timestamp/x-ntp")?.duration == 3)
    #expect(buffer.referenceTimestamp()?.timestamp == 77)
    #expect(buffer.referenceTimestamp("timestamp") == nil)
    expect(.invalidArgument) { try buffer.addReferenceTimestamp("", 1) }
    var bytes = [UInt8](repeating: 0, count: 100)
    let size = try serialize(buffer, into: &bytes)
    var other = Buffer()
    #expect(try deserialize(Array(bytes[..<size]), into: &other) == size)
    #expect(other.referenceTimestamp("timestamp/x-unix")?.timestamp == 77)
}

@Test func aVideoFrameGoesThroughBytes() throws {
    var buffer = Buffer()
    let frame = try VideoFrameMeta(
        width: 5, height: 3, format: .nv12, rowOrder: .bottomUp,
        planes: [.init(offset: 64, stride: 32), .init(offset: 4096, stride: 8)])
    try buffer.setVideoFrame(frame)
    var bytes = [UInt8](repeating: 0, count: 100)
    let size = try serialize(buffer, into: &bytes)
    var other = Buffer()
    try deserialize(Array(bytes[..<size]), into: &other)
    #expect(other.videoFrame == frame)
    expect(.invalidArgument) {
        try VideoFrameMeta(width: 5, height: 3, format: .nv12, planes: [.init(offset: 0, stride: 5)])
    }
    expect(.outOfRange) {
        try VideoFrameMeta(width: 5, height: 3, format: .r8, planes: [.init(offset: .max, stride: 5)])
    }
}

@Test func customValuesAreKeptCopiedAndSerialised() throws {
    var buffer = Buffer()
    func value(_ key: String, _ buffer: Buffer) -> [UInt8]? {
        buffer.withCustomValue(forKey: key, in: "tests") { Array($0) }
    }
    try [UInt8](1...3).withUnsafeBytes { try buffer.setCustomValue($0, forKey: "a", in: "tests") }
    try [UInt8](0..<200).withUnsafeBytes { try buffer.setCustomValue($0, forKey: "bc", in: "tests") }
    try [UInt8](7...7).withUnsafeBytes { try buffer.setCustomValue($0, forKey: "a", in: "tests") }
    #expect(value("a", buffer) == [7])
    #expect(value("bc", buffer) == Array(0..<200))
    #expect(value("c", buffer) == nil)
    let copy = try buffer.copyRegion(offset: 0)
    #expect(value("bc", copy) == Array(0..<200))
    var bytes = [UInt8](repeating: 0, count: 400)
    let size = try serialize(buffer, into: &bytes)
    var other = Buffer()
    try deserialize(Array(bytes[..<size]), into: &other)
    #expect(value("a", other) == [7])
    #expect(value("bc", other) == Array(0..<200))
    let many = [UInt8](repeating: 0, count: 1 << 20)
    expect(.tooLarge) { try many.withUnsafeBytes { try buffer.setCustomValue($0, forKey: "d", in: "tests") } }
}

@Test func damagedMetasAreRefusedOrRead() throws {
    var random = SeededGenerator()
    var buffer = Buffer()
    for key in ["one", "two", "three"] {
        try [UInt8](0..<20).withUnsafeBytes { try buffer.setCustomValue($0, forKey: key, in: "tests") }
    }
    var bytes = [UInt8](repeating: 0, count: 400)
    let size = try serialize(buffer, into: &bytes)
    for _ in 0..<5000 {
        var hostile = Array(bytes[..<size])
        for _ in 0..<Int.random(in: 1...3, using: &random) {
            hostile[Int.random(in: 0..<size, using: &random)] = UInt8.random(in: 0...255, using: &random)
        }
        var other = Buffer()
        do {
            #expect(try deserialize(hostile, into: &other) <= size)
            #expect(other.metaCount() == 1)
        } catch {
            #expect(other.metaCount() == 0)
        }
    }
}
