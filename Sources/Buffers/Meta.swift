import CPosix
import Synchronization

/// What the metas of a type depend on. The raw values are those of `fw_meta_tags`.
public struct MetaTags: OptionSet, Sendable {
    public let rawValue: UInt32

    public init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    /// On the memories: not in copies of a region, merged ones, or those without memories.
    public static let memory = MetaTags(rawValue: 1 << 0)
    /// Refers to the memories: not in deep copies.
    public static let memoryReference = MetaTags(rawValue: 1 << 1)
}

/// Properties of one meta. The raw values are those of `fw_meta_flags`.
public struct MetaFlags: OptionSet, Sendable {
    public let rawValue: UInt32

    public init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    /// The data is not to be changed.
    public static let readOnly = MetaFlags(rawValue: 1 << 0)
    /// Stays with the memory when the buffer returns to its pool.
    public static let pooled = MetaFlags(rawValue: 1 << 1)
    /// Cannot be removed.
    public static let locked = MetaFlags(rawValue: 1 << 2)
}

/// What a copy takes of its source, as a type of meta is told.
public struct MetaCopy: Sendable {
    public var flags: BufferCopyFlags
    /// Whether the copy has a part of the source only.
    public var isRegion: Bool
    /// Where the region starts in the source, in bytes.
    public var offset: Int
    /// Bytes of the region.
    public var size: Int
}

/// One meta in a buffer, followed by its data.
package struct MetaNode {
    /// Bytes from a node to its data; a multiple of 16.
    static let headSize = 48

    package internal(set) var next: UnsafeMutablePointer<MetaNode>?
    var previous: UnsafeMutablePointer<MetaNode>?
    package let type: Unmanaged<MetaType>
    package let sequence: UInt64
    package var flags: MetaFlags
    /// Bytes in the arena of the buffer; 0 for a node in a block of its own.
    var arenaBytes: Int32
}

/// The node of a meta, which is what a C handle is.
package typealias MetaPointer = UnsafeMutablePointer<MetaNode>

extension UnsafeMutablePointer<MetaNode> {
    /// The data.
    @inline(__always)
    package var data: UnsafeMutableRawPointer {
        UnsafeMutableRawPointer(self) + MetaNode.headSize
    }

    /// The data, as many bytes as the type says.
    package var bytes: UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(start: data, count: pointee.type._withUnsafeGuaranteedRef { $0.size })
    }

    @inline(__always)
    package func isOf(_ type: MetaType) -> Bool {
        pointee.type.toOpaque() == Unmanaged.passUnretained(type).toOpaque()
    }
}

/// Counts the metas of the program.
let metaSequence = Atomic<UInt64>(0)

extension BufferStorage {
    /// The first meta.
    package var firstMeta: MetaPointer? { head.pointee.firstMeta }

    /// The first meta of a type at or behind `node`.
    package static func find(_ type: MetaType, from node: MetaPointer?) -> MetaPointer? {
        var node = node
        while let found = node, !found.isOf(type) { node = found.pointee.next }
        return node
    }

    package func firstMeta(of type: MetaType) -> MetaPointer? {
        Self.find(type, from: firstMeta)
    }

    /// The number of metas of a type, or of all.
    package func metaCount(of type: MetaType?) -> Int {
        var count = 0
        var next = firstMeta
        while let node = next {
            if type == nil || node.isOf(type!) { count += 1 }
            next = node.pointee.next
        }
        return count
    }

    /// Where the arena starts, a multiple of 16.
    private var arena: UnsafeMutableRawPointer {
        let places = withUnsafeMutablePointerToElements { $0 } + Self.inlineCapacity
        return UnsafeMutableRawPointer(bitPattern: (UInt(bitPattern: places) + 15) & ~15)!
    }

    /// A new node at the end of the list, with data of zeros that its type has not seen yet. The caller is
    /// the only owner.
    @inline(__always)
    package func appendMeta(_ type: MetaType) throws(BufferError) -> MetaPointer {
        let head = self.head
        let bytes = MetaNode.headSize + (type.size + 15) & ~15
        let used = Int(head.pointee.arenaUsed)
        let raw: UnsafeMutableRawPointer
        let arenaBytes: Int
        if bytes <= Self.arenaSize - used {
            raw = arena + used
            head.pointee.arenaUsed = Int32(truncatingIfNeeded: used + bytes)
            head.pointee.arenaMetas += 1
            arenaBytes = bytes
        } else {
            guard let block = malloc(bytes) else { throw .noMemory(bytes: bytes) }
            raw = block
            arenaBytes = 0
        }
        let node = raw.bindMemory(to: MetaNode.self, capacity: 1)
        node.initialize(
            to: MetaNode(
                next: nil, previous: head.pointee.lastMeta, type: Unmanaged.passUnretained(type),
                sequence: metaSequence.wrappingAdd(1, ordering: .relaxed).newValue, flags: [],
                arenaBytes: Int32(truncatingIfNeeded: arenaBytes)))
        memset(node.data, 0, type.size)
        if let last = head.pointee.lastMeta {
            last.pointee.next = node
        } else {
            head.pointee.firstMeta = node
        }
        head.pointee.lastMeta = node
        return node
    }

    /// A new meta at the end of the list, set up by its type. The caller is the only owner.
    package func addMeta(
        _ type: MetaType, parameters: UnsafeRawPointer? = nil
    ) throws(BufferError) -> MetaPointer {
        let node = try appendMeta(type)
        if let initialize = type.functions.initialize {
            do throws(BufferError) {
                try initialize(node.bytes, parameters, self)
            } catch {
                unlink(node)
                throw error
            }
        }
        return node
    }

    /// Takes a node out of the list and frees it, but not what its data holds.
    package func unlink(_ node: MetaPointer) {
        let head = self.head
        if let previous = node.pointee.previous {
            previous.pointee.next = node.pointee.next
        } else {
            head.pointee.firstMeta = node.pointee.next
        }
        if let next = node.pointee.next {
            next.pointee.previous = node.pointee.previous
        } else {
            head.pointee.lastMeta = node.pointee.previous
        }
        let bytes = node.pointee.arenaBytes
        guard bytes > 0 else {
            free(node)
            return
        }
        head.pointee.arenaMetas -= 1
        if head.pointee.arenaMetas == 0 {
            head.pointee.arenaUsed = 0
        } else if UnsafeMutableRawPointer(node) + Int(bytes) == arena + Int(head.pointee.arenaUsed) {
            head.pointee.arenaUsed -= bytes
        }
    }

    /// Whether the node is one of this buffer's.
    package func contains(_ node: MetaPointer) -> Bool {
        var next = firstMeta
        while let found = next {
            if found == node { return true }
            next = found.pointee.next
        }
        return false
    }

    /// Removes a meta of this buffer. The caller is the only owner.
    package func removeMeta(_ node: MetaPointer) throws(BufferError) {
        guard !node.pointee.flags.contains(.locked) else {
            throw .notWritable("the meta is locked, so it cannot be removed")
        }
        node.pointee.type._withUnsafeGuaranteedRef { $0.release(node.data, self) }
        unlink(node)
    }

    /// Removes the metas behind `node`, or all for nil, locked or not, the newest first.
    func removeMetas(behind node: MetaPointer?) {
        while let last = head.pointee.lastMeta, last != node {
            last.pointee.type._withUnsafeGuaranteedRef { $0.release(last.data, self) }
            unlink(last)
        }
    }

    /// Removes all metas but the first of a type, the newest first, locked or not. The caller is the only
    /// owner.
    package func removeMetas(butFirst type: MetaType) {
        let kept = firstMeta(of: type)
        while let last = head.pointee.lastMeta, last != kept {
            last.pointee.type._withUnsafeGuaranteedRef { $0.release(last.data, self) }
            unlink(last)
        }
    }

    /// Lets all metas go at the end of the buffer.
    @inline(never)
    func removeMetasAtEnd() {
        guard head.pointee.pool != nil else {
            removeMetas(behind: nil)
            return
        }
        var next = firstMeta
        while let node = next {
            next = node.pointee.next
            if node.pointee.flags.contains(.pooled) { continue }
            node.pointee.type._withUnsafeGuaranteedRef { $0.release(node.data, self) }
            unlink(node)
        }
    }

    // MARK: Pools

    /// Takes the metas that are left out of the buffer, into blocks of their own.
    func takePooledMetas() -> MetaPointer? {
        guard head.pointee.firstMeta != nil else { return nil }
        var first: MetaPointer?
        var last: MetaPointer?
        while let node = head.pointee.firstMeta {
            let bytes = MetaNode.headSize + node.pointee.type._withUnsafeGuaranteedRef { $0.size }
            guard let block = malloc(bytes) else {
                removeMetas(behind: nil)
                break
            }
            memcpy(block, node, bytes)
            let copy = block.bindMemory(to: MetaNode.self, capacity: 1)
            unlink(node)
            copy.pointee.arenaBytes = 0
            copy.pointee.next = nil
            copy.pointee.previous = last
            if let last { last.pointee.next = copy } else { first = copy }
            last = copy
        }
        return first
    }

    /// Makes metas in blocks of their own those of this new buffer.
    func adoptMetas(_ first: MetaPointer?) {
        guard let first else { return }
        head.pointee.firstMeta = first
        var last = first
        while let next = last.pointee.next { last = next }
        head.pointee.lastMeta = last
    }

    // MARK: Copies

    /// Adds what the metas of `source` come to in this copy of it. If it throws, some have been added.
    @inline(never)
    func addMetas(of source: BufferStorage, _ copy: MetaCopy) throws(BufferError) {
        let wasBeingMade = head.pointee.isBeingMade
        head.pointee.isBeingMade = true
        defer { head.pointee.isBeingMade = wasBeingMade }
        let losesMemories = copy.isRegion || !copy.flags.contains(.memory) || copy.flags.contains(.merge)
        var next = source.firstMeta
        while let node = next {
            next = node.pointee.next
            let type = node.pointee.type._withUnsafeGuaranteedRef { $0 }
            if losesMemories, type.tags.contains(.memory) { continue }
            if copy.flags.contains(.deep), type.tags.contains(.memoryReference) { continue }
            guard let transform = type.functions.transform else { continue }
            try transform(self, node, source, copy)
        }
    }
}
