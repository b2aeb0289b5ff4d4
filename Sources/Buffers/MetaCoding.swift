import CPosix

/// Metas as bytes: the size of all in 32 bits, little-endian, the version in 8, the size of the type's name
/// in 8, the name, and what the type writes.
enum MetaCoding {
    static let headSize = 6
    static let version: UInt8 = 1
    /// The most bytes that a meta can have.
    static let maximumSize = 1 << 24
}

extension UnsafeMutablePointer<MetaNode> {
    /// Writes the meta with the name of its type, if there is room.
    ///
    /// - Returns: how many bytes it has in any case.
    /// - Throws: ``BufferError/Kind/unsupported``, and what the type throws.
    package func serialize(into target: UnsafeMutableRawBufferPointer) throws(BufferError) -> Int {
        let type = pointee.type._withUnsafeGuaranteedRef { $0 }
        let head = MetaCoding.headSize + type.nameSize
        let room =
            target.count > head
            ? UnsafeMutableRawBufferPointer(start: target.baseAddress! + head, count: target.count - head)
            : UnsafeMutableRawBufferPointer(start: nil, count: 0)
        let size = try serializeContent(into: room)
        if target.count >= head + size {
            target.storeBytes(of: UInt32(head + size).littleEndian, toByteOffset: 0, as: UInt32.self)
            target[4] = MetaCoding.version
            target[5] = UInt8(truncatingIfNeeded: type.nameSize)
            memcpy(target.baseAddress! + MetaCoding.headSize, type.cName, type.nameSize)
        }
        return head + size
    }

    /// Writes what the type writes, without the name of the type, if there is room.
    ///
    /// - Returns: how many bytes it has in any case.
    /// - Throws: ``BufferError/Kind/unsupported``, and what the type throws.
    package func serializeContent(into target: UnsafeMutableRawBufferPointer) throws(BufferError) -> Int {
        let type = pointee.type._withUnsafeGuaranteedRef { $0 }
        guard let serialize = type.functions.serialize else {
            throw .unsupported("metas of this type cannot be serialised")
        }
        let size = try serialize(data, target)
        guard size >= 0, size <= MetaCoding.maximumSize - MetaCoding.headSize - type.nameSize else {
            throw .tooLarge("the meta is too large to be serialised")
        }
        return size
    }
}

extension BufferStorage {
    /// Adds the meta at the front of `bytes`, which may come from anywhere. The caller is the only owner.
    ///
    /// - Returns: the meta, and how many bytes it had.
    /// - Throws: ``BufferError/Kind/corrupt``, ``BufferError/Kind/unsupported``,
    ///   ``BufferError/Kind/noMemory``, and what the type throws; then nothing was added.
    package func addMeta(serialized bytes: UnsafeRawBufferPointer) throws(BufferError) -> (MetaPointer, Int) {
        guard bytes.count >= MetaCoding.headSize else {
            throw .corrupt(
                "\(bytes.count) bytes are too few for the \(MetaCoding.headSize) a meta begins with")
        }
        let total = Int(UInt32(littleEndian: bytes.loadUnaligned(as: UInt32.self)))
        let nameSize = Int(bytes[5])
        // No sum here can wrap: each length is held against what is left.
        guard total <= bytes.count, total >= MetaCoding.headSize, nameSize <= total - MetaCoding.headSize
        else {
            throw .corrupt(
                "a meta of \(total) bytes with a name of \(nameSize) does not fit \(bytes.count) bytes")
        }
        guard bytes[4] == MetaCoding.version else {
            throw .unsupported("metas of version \(bytes[4]) are not known")
        }
        let name = UnsafeRawBufferPointer(
            start: bytes.baseAddress! + MetaCoding.headSize, count: nameSize)
        guard let type = nameSize > 0 ? MetaType.find(name) : nil else {
            throw .unsupported("no type of meta is registered under the name in the bytes")
        }
        let head = MetaCoding.headSize + nameSize
        let content = UnsafeRawBufferPointer(start: bytes.baseAddress! + head, count: total - head)
        return (try addMeta(type, content: content), total)
    }

    /// Adds the meta that its type makes of `content`, which may come from anywhere. The caller is the only
    /// owner.
    ///
    /// - Throws: ``BufferError/Kind/unsupported``, ``BufferError/Kind/noMemory``, and what the type throws;
    ///   then nothing was added.
    package func addMeta(
        _ type: MetaType, content: UnsafeRawBufferPointer
    ) throws(BufferError) -> MetaPointer {
        guard let deserialize = type.functions.deserialize else {
            throw .unsupported("metas of this type cannot be read back")
        }
        let node = try appendMeta(type)
        do throws(BufferError) {
            try deserialize(node.bytes, content, self)
        } catch {
            unlink(node)
            throw error
        }
        return node
    }
}
