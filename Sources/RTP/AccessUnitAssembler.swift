import Buffers
import CPosix

/// Puts NAL units together to access units, in memory that is used again.
struct AccessUnitAssembler {
    /// Bytes of a start code, or of the size before a NAL unit.
    private static let prefix = 4
    private static let smallestBlock = 64 * 1024

    private let writesSizes: Bool
    private let maxBytes: Int
    private var pool: BufferPool?
    /// Bytes of the pool's buffers.
    private var capacity = 0
    /// What the access unit that has begun is written into.
    private var block: Unmanaged<BufferStorage>?
    /// The bytes of whole NAL units.
    private var used = 0
    /// Behind the bytes of a unit that has begun; nil when none has.
    private var unitEnd: Int?

    init(writesSizes: Bool, maxBytes: Int) {
        self.writesSizes = writesSizes
        self.maxBytes = maxBytes
    }

    /// Whether a NAL unit has begun and not ended.
    var isInUnit: Bool { unitEnd != nil }

    /// Makes room for `size` more bytes; `false` when the access unit would be too large.
    private mutating func reserve(_ size: Int) throws(BufferError) -> Bool {
        let end = unitEnd ?? used
        guard size <= maxBytes - end else { return false }
        if block != nil, size <= capacity - end { return true }
        if capacity < end + size {
            var larger = max(capacity, Self.smallestBlock)
            while larger < end + size { larger *= 2 }
            larger = min(larger, maxBytes)
            pool = try BufferPool(
                BufferPool.Configuration(size: larger, allocation: AllocationParameters()))
            capacity = larger
        }
        let new = try pool!.acquireHandle(timeout: 0)
        if let old = block {
            memcpy(bytes(of: new), bytes(of: old), end)
            old.dropHandle()
        }
        block = new
        return true
    }

    private func bytes(of block: Unmanaged<BufferStorage>) -> UnsafeMutableRawPointer {
        block._withUnsafeGuaranteedRef { $0.bytes(at: 0).baseAddress! }
    }

    /// Begins a NAL unit with its header; `false` when the access unit would be too large.
    mutating func beginUnit(header: UInt8) throws(BufferError) -> Bool {
        unitEnd = nil
        guard try reserve(Self.prefix + 1) else { return false }
        let place = bytes(of: block!) + used
        place.storeBytes(of: UInt32(1).bigEndian, as: UInt32.self)
        place.storeBytes(of: header, toByteOffset: Self.prefix, as: UInt8.self)
        unitEnd = used + Self.prefix + 1
        return true
    }

    /// Adds bytes to the unit that has begun; `false` when the access unit would be too large.
    mutating func append(_ part: UnsafeRawBufferPointer) throws(BufferError) -> Bool {
        guard try reserve(part.count), let end = unitEnd else { return false }
        if part.count > 0 { memcpy(bytes(of: block!) + end, part.baseAddress!, part.count) }
        unitEnd = end + part.count
        return true
    }

    mutating func endUnit() {
        guard let end = unitEnd else { return }
        if writesSizes {
            let size = UInt32(end - used - Self.prefix)
            (bytes(of: block!) + used).storeBytes(of: size.bigEndian, as: UInt32.self)
        }
        used = end
        unitEnd = nil
    }

    /// Forgets the unit that has begun.
    mutating func dropUnit() { unitEnd = nil }

    /// Ends the access unit; nil when it has no whole NAL unit.
    mutating func take() -> Unmanaged<BufferStorage>? {
        unitEnd = nil
        guard used > 0, let block else { return nil }
        block._withUnsafeGuaranteedRef { storage in
            storage.reference(at: 0)._withUnsafeGuaranteedRef { try? $0.resize(offset: 0, size: used) }
        }
        used = 0
        self.block = nil
        return block
    }

    /// Frees what the access unit that has begun is written into.
    mutating func close() {
        block?.dropHandle()
        block = nil
    }
}
