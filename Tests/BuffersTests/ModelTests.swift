import TestSupport
import Testing

@testable import Buffers

/// A buffer beside what it should hold: the bytes of each memory.
private struct Pair {
    var buffer = Buffer()
    var memories: [[UInt8]] = []

    var bytes: [UInt8] { memories.flatMap { $0 } }

    func check() {
        #expect(buffer.memoryCount == memories.count)
        #expect((0..<buffer.memoryCount).map { buffer.memory(at: $0)!.content } == memories)
        #expect(buffer.content == bytes)
    }
}

/// A few buffers that share memories with each other, changed in random ways.
private struct Model {
    var random: SeededGenerator
    var pairs: [Pair] = [Pair()]
    /// Memories that are also referred to from outside of any buffer.
    var kept: [Memory] = []

    mutating func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }

    mutating func randomBytes(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
    }

    mutating func newMemory() throws -> Memory {
        let flags: [MemoryFlags] = [[], [], [], .readOnly, .noShare, [.readOnly, .noShare]]
        let bytes = randomBytes(number(0...9) == 0 ? 0 : number(1...40))
        return try memory(bytes, flags: flags[number(0...5)])
    }

    /// A new memory, one that is known already, or a share of one.
    mutating func anyMemory() throws -> Memory {
        switch number(0...3) {
        case 0 where !kept.isEmpty:
            return kept[number(0...kept.count - 1)]
        case 1 where !kept.isEmpty:
            let root = kept[number(0...kept.count - 1)]
            let offset = number(0...root.size)
            return try root.share(offset: offset, size: number(0...root.size - offset))
        default:
            let memory = try newMemory()
            if number(0...3) == 0 {
                kept.append(memory)
                if kept.count > 6 { kept.removeFirst() }
            }
            return memory
        }
    }

    mutating func insert(_ index: Int) throws {
        let memory = try anyMemory()
        let place = number(0...pairs[index].memories.count)
        try pairs[index].buffer.insert(memory, at: place)
        pairs[index].memories.insert(memory.content, at: place)
    }

    mutating func remove(_ index: Int) throws {
        let place = number(0...pairs[index].memories.count)
        let count = number(-1...pairs[index].memories.count - place)
        try pairs[index].buffer.removeMemories(at: place, count: count)
        pairs[index].memories.removeSubrange(
            place..<(count < 0 ? pairs[index].memories.count : place + count))
    }

    mutating func fill(_ index: Int) throws {
        let size = pairs[index].bytes.count
        let offset = number(0...size + 3)
        let source = randomBytes(number(0...60))
        let fitting = max(0, min(source.count, size - offset))
        #expect(try pairs[index].buffer.fill(offset, source) == fitting)
        var at = 0
        for memory in pairs[index].memories.indices {
            for byte in pairs[index].memories[memory].indices {
                if at >= offset, at < offset + fitting {
                    pairs[index].memories[memory][byte] = source[at - offset]
                }
                at += 1
            }
        }
    }

    mutating func write(_ index: Int) throws {
        let size = pairs[index].bytes.count
        if pairs[index].memories.count > 1 { pairs[index].memories = [pairs[index].bytes] }
        guard size > 0 else {
            try pairs[index].buffer.withUnsafeMutableBytes { #expect($0.count == 0) }
            return
        }
        let place = number(0...size - 1)
        let value = randomBytes(1)[0]
        try pairs[index].buffer.withUnsafeMutableBytes { bytes in
            #expect(bytes.count == size)
            bytes[place] = value
        }
        pairs[index].memories[0][place] = value
    }

    mutating func copy(_ index: Int) {
        if pairs.count < 6 {
            pairs.append(pairs[index])
        } else {
            pairs[number(0...pairs.count - 1)] = pairs[index]
        }
    }

    mutating func copyRegion(_ index: Int) throws {
        let size = pairs[index].bytes.count
        let offset = number(0...size)
        let end = number(offset...size)
        var pair = Pair()
        pair.buffer = try pairs[index].buffer.copyRegion(
            offset: offset, size: end == size && number(0...1) == 0 ? nil : end - offset)
        var start = 0
        for bytes in pairs[index].memories {
            let part = max(offset, start)..<max(offset, start, min(end, start + bytes.count))
            if !part.isEmpty {
                pair.memories.append(Array(bytes[part.lowerBound - start..<part.upperBound - start]))
            }
            start += bytes.count
        }
        pairs[number(0...pairs.count - 1)] = pair
    }

    mutating func step() throws {
        let index = number(0...pairs.count - 1)
        switch number(0...20) {
        case 0...7: try insert(index)
        case 8...9: try remove(index)
        case 10...12: try fill(index)
        case 13: try write(index)
        case 14...16: copy(index)
        case 17...19: try copyRegion(index)
        default:
            #expect(try pairs[index].buffer.withUnsafeBytes { Array($0) } == pairs[index].bytes)
        }
    }
}

@Test func buffersBehaveAsListsOfByteArrays() throws {
    var model = Model(random: SeededGenerator())
    for step in 0..<3000 {
        try model.step()
        if step % 7 == 0 { for pair in model.pairs { pair.check() } }
    }
    for pair in model.pairs { pair.check() }
    model.pairs = []
    for memory in model.kept {
        #expect(memory.places == 0)
        #expect(memory.openMaps == 0)
    }
}
