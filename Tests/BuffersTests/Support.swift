import Synchronization
import Testing

@testable import Buffers

/// A memory that holds `bytes`.
func memory(_ bytes: [UInt8], flags: MemoryFlags = []) throws -> Memory {
    let memory = try Memory(size: bytes.count, parameters: AllocationParameters(flags: flags))
    memory.visibleBytes.copyBytes(from: bytes)
    return memory
}

/// A memory of the bytes that count up from `first`.
func counting(_ range: Range<UInt8>, flags: MemoryFlags = []) throws -> Memory {
    try memory(Array(range), flags: flags)
}

extension Memory {
    var content: [UInt8] { Array(visibleBytes) }
    var openMaps: UInt64 { maps.load(ordering: .acquiring) & MapCounts.counts }
    var places: Int { Int(Sharing.owners(sharing.load(ordering: .acquiring))) }
    var shares: Int { Int(sharing.load(ordering: .acquiring) >> 32) }
}

extension Buffer {
    /// All bytes, taken memory by memory.
    var content: [UInt8] {
        var bytes = [UInt8](repeating: 0, count: size)
        let count = bytes.withUnsafeMutableBytes { extract(offset: 0, into: $0) }
        #expect(count == bytes.count)
        return bytes
    }

    /// Where the bytes of each memory lie.
    var places: [UnsafeRawPointer?] {
        (0..<memoryCount).map { UnsafeRawPointer(visibleBytes(at: $0).baseAddress) }
    }

    mutating func fill(_ offset: Int, _ bytes: [UInt8]) throws -> Int {
        try bytes.withUnsafeBytes { try fill(offset: offset, from: $0) }
    }
}

/// A block of foreign bytes that counts how often it is given back.
final class ForeignBlock: Sendable {
    private let releases = Atomic<Int>(0)

    var releaseCount: Int { releases.load(ordering: .acquiring) }

    func memory(_ count: Int, window: Range<Int>? = nil, flags: MemoryFlags = []) throws -> Memory {
        let block = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 16)
        for index in 0..<count { block[index] = UInt8(truncatingIfNeeded: index) }
        nonisolated(unsafe) let bytes = block
        return try Memory(wrapping: block, window: window, flags: flags) {
            bytes.deallocate()
            self.releases.add(1, ordering: .acquiringAndReleasing)
        }
    }
}

/// Expects `body` to throw an error of `kind` with a sentence.
func expect<R>(
    _ kind: BufferError.Kind, sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> R
) {
    do {
        _ = try body()
        Issue.record("nothing was thrown", sourceLocation: sourceLocation)
    } catch let error as BufferError {
        #expect(error.kind == kind, sourceLocation: sourceLocation)
        #expect(!error.message.isEmpty, sourceLocation: sourceLocation)
    } catch {
        Issue.record("\(error) was thrown", sourceLocation: sourceLocation)
    }
}
