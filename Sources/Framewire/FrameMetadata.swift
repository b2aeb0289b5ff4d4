import Buffers
import CPosix
import Wire

/// What a frame carries beside its pixels: tagged values with names, in the order they were set.
///
/// They lie in one block, which is kept from frame to frame, so that nothing is allocated once it is large
/// enough. A name or a value has a zero behind it, for C, and a value begins at a multiple of 8. One thread
/// at a time changes them.
package final class FrameMetadata {
    /// The most bytes that the values of a frame may have on the wire.
    package static let maximumSize = 64 << 10
    /// The most values of a frame.
    package static let maximumCount = 1024

    /// Bytes of a record before its name: kind, size of the name, size of the content.
    private static let headSize = 8

    private var block: UnsafeMutableRawPointer?
    private var capacity = 0
    private var used = 0
    /// The number of values.
    package private(set) var count = 0
    /// Bytes that ``encode(into:)`` writes.
    package private(set) var encodedSize = 0

    init() {}

    deinit {
        free(block)
    }

    /// A value, borrowed until the next change.
    package struct Entry {
        fileprivate let offset: Int
        package let kind: MetadataEntry.Kind
        package let name: UnsafeRawBufferPointer
        package let content: UnsafeRawBufferPointer

        fileprivate var size: Int { FrameMetadata.recordSize(name.count, content.count) }
        fileprivate var encodedSize: Int { FrameMetadata.encodedSize(name.count, content.count) }
    }

    private static func recordSize(_ name: Int, _ content: Int) -> Int {
        headSize + padded(name) + padded(content)
    }

    /// With the zero behind it, up to a multiple of 8.
    private static func padded(_ size: Int) -> Int { (size + 8) & ~7 }

    private static func encodedSize(_ name: Int, _ content: Int) -> Int {
        MetadataWriter.encodedSize(nameSize: name, contentSize: content)
    }

    private func entry(at offset: Int) -> Entry {
        let start = UnsafeRawPointer(block!) + offset
        let nameSize = Int(start.load(fromByteOffset: 2, as: UInt16.self))
        let name = start + Self.headSize
        return Entry(
            offset: offset, kind: MetadataEntry.Kind(rawValue: start.load(as: UInt16.self)),
            name: UnsafeRawBufferPointer(start: name, count: nameSize),
            content: UnsafeRawBufferPointer(
                start: name + Self.padded(nameSize),
                count: Int(start.load(fromByteOffset: 4, as: UInt32.self))))
    }

    package var isEmpty: Bool { count == 0 }

    /// The value at a place.
    package func entry(_ index: Int) -> Entry? {
        guard index >= 0, index < count else { return nil }
        var offset = 0
        for _ in 0..<index { offset += entry(at: offset).size }
        return entry(at: offset)
    }

    /// The first value of a kind and name.
    package func find(_ kind: MetadataEntry.Kind, _ name: UnsafeRawBufferPointer) -> Entry? {
        var offset = 0
        while offset < used {
            let entry = entry(at: offset)
            if entry.kind == kind, entry.name.count == name.count,
                name.isEmpty || memcmp(entry.name.baseAddress!, name.baseAddress!, name.count) == 0
            {
                return entry
            }
            offset += entry.size
        }
        return nil
    }

    // MARK: Changes

    func clear() {
        used = 0
        count = 0
        encodedSize = 0
    }

    /// Sets a value; one of the same kind and name goes. `content` may lie in what is here already.
    ///
    /// - Throws: ``FramewireError``: `invalidArgument` (the name, a text that is no UTF-8), `tooLarge`,
    ///   `noMemory`; nothing has changed then.
    package func set(
        _ kind: MetadataEntry.Kind, _ name: UnsafeRawBufferPointer, _ content: UnsafeRawBufferPointer
    ) throws(FramewireError) {
        do throws(BufferError) {
            try MetaType.checkName(name, "the name of a frame's metadata")
        } catch {
            throw FramewireError(error)
        }
        guard kind != .text || MetaType.isText(content) else {
            throw FramewireError(
                .invalidArgument, "the text is no UTF-8, or has a zero in it; set what is no text as bytes")
        }
        let old = find(kind, name)
        let room = try appendRoom(kind, name, content.count, replacing: old)
        // The block with the old bytes lives until here.
        if content.count > 0 { memcpy(room.place, content.baseAddress!, content.count) }
        free(room.former)
        if let old { remove(at: old.offset) }
    }

    /// Takes over all values of another frame in place of those that are here.
    ///
    /// - Throws: ``FramewireError``: `tooLarge`, `noMemory`; some have been taken over then.
    func copy(_ other: FrameMetadata) throws(FramewireError) {
        guard other !== self else { return }
        clear()
        var offset = 0
        while offset < other.used {
            let entry = other.entry(at: offset)
            offset += entry.size
            let room = try appendRoom(entry.kind, entry.name, entry.content.count)
            free(room.former)
            if entry.content.count > 0 {
                memcpy(room.place, entry.content.baseAddress!, entry.content.count)
            }
        }
    }

    private func remove(at offset: Int) {
        let old = entry(at: offset)
        let (size, encoded) = (old.size, old.encodedSize)
        memmove(block! + offset, block! + offset + size, used - offset - size)
        used -= size
        encodedSize -= encoded
        count -= 1
    }

    /// A value at the end whose content is still to be written, and the block that the values were in before
    /// if they had to move: the taker frees it.
    ///
    /// - Throws: ``FramewireError``: `tooLarge`, `noMemory`.
    private func appendRoom(
        _ kind: MetadataEntry.Kind, _ name: UnsafeRawBufferPointer, _ size: Int,
        replacing old: Entry? = nil, limit: Int = maximumSize
    ) throws(FramewireError) -> (place: UnsafeMutableRawPointer, former: UnsafeMutableRawPointer?) {
        let taken = encodedSize - (old?.encodedSize ?? 0)
        guard size <= limit, Self.encodedSize(name.count, size) <= limit - taken,
            old != nil || count < Self.maximumCount
        else {
            throw FramewireError(
                .tooLarge,
                "\(size) bytes do not fit the metadata of a frame: at most 65536 bytes, names included, in 1024 values"
            )
        }
        let recordSize = Self.recordSize(name.count, size)
        var former: UnsafeMutableRawPointer?
        if recordSize > capacity - used {
            let newCapacity = max(512, used + recordSize, 2 * capacity)
            guard let larger = malloc(newCapacity) else {
                throw FramewireError(.noMemory, "no memory for \(newCapacity) bytes of metadata")
            }
            if used > 0 { memcpy(larger, block!, used) }
            former = block
            block = larger
            capacity = newCapacity
        }
        let start = block! + used
        start.storeBytes(of: kind.rawValue, as: UInt16.self)
        start.storeBytes(of: UInt16(truncatingIfNeeded: name.count), toByteOffset: 2, as: UInt16.self)
        start.storeBytes(of: UInt32(truncatingIfNeeded: size), toByteOffset: 4, as: UInt32.self)
        let nameStart = start + Self.headSize
        if name.count > 0 { memcpy(nameStart, name.baseAddress!, name.count) }
        nameStart.storeBytes(of: 0, toByteOffset: name.count, as: UInt8.self)
        let place = nameStart + Self.padded(name.count)
        place.storeBytes(of: 0, toByteOffset: size, as: UInt8.self)
        used += recordSize
        count += 1
        encodedSize += Self.encodedSize(name.count, size)
        return (place, former)
    }

    // MARK: On the wire

    /// Takes over what has come, without what this version does not know. Of more than ``maximumCount``
    /// values the first ones are taken.
    ///
    /// - Throws: ``FramewireError``: `noMemory`.
    func read(_ bytes: UnsafeRawBufferPointer) throws(FramewireError) {
        clear()
        guard !bytes.isEmpty else { return }
        var reader = MetadataReader(bytes)
        while count < Self.maximumCount {
            let next: MetadataEntry?
            do {
                next = try reader.next()
            } catch {
                throw FramewireError(error)
            }
            guard let next else { return }
            guard next.kind.isNamed else { continue }
            let room = try appendRoom(next.kind, next.name, next.content.count, limit: .max)
            free(room.former)
            if next.content.count > 0 { memcpy(room.place, next.content.baseAddress!, next.content.count) }
        }
    }

    /// Writes the values as the wire format has them. `bytes` must hold ``encodedSize``. Nothing is allocated.
    func encode(into bytes: UnsafeMutableRawBufferPointer) {
        var writer = MetadataWriter(bytes)
        var offset = 0
        while offset < used {
            let entry = entry(at: offset)
            _ = writer.append(entry.kind, name: entry.name, content: entry.content)
            offset += entry.size
        }
    }

    // MARK: Metas of buffers

    /// Takes over the metas of a buffer that can be serialised and do not depend on its memories.
    ///
    /// - Throws: ``FramewireError``: `tooLarge`, `noMemory`, `corrupt`, and what a type's function gives.
    func readMetas(of buffer: Buffer) throws(FramewireError) {
        var next = buffer.storage.firstMeta
        while let node = next {
            next = node.pointee.next
            let type = node.pointee.type._withUnsafeGuaranteedRef { $0 }
            guard type.isSerializable, type.tags.isEmpty else { continue }
            let size = try Self.serialize(node, UnsafeMutableRawBufferPointer(start: nil, count: 0))
            let room = try appendRoom(.bufferMeta, type.nameBytes, size)
            free(room.former)
            let written = try Self.serialize(
                node, UnsafeMutableRawBufferPointer(start: room.place, count: size))
            guard written == size else {
                throw FramewireError(
                    .corrupt, "a type of meta said that it has \(size) bytes, and then wrote \(written)")
            }
        }
    }

    private static func serialize(
        _ node: MetaPointer, _ target: UnsafeMutableRawBufferPointer
    ) throws(FramewireError) -> Int {
        do {
            return try node.serializeContent(into: target)
        } catch {
            throw FramewireError(error)
        }
    }

    /// Adds the metas that have come to a buffer of ours. Those whose type is not registered here, and those
    /// that their type does not take, are left out.
    ///
    /// - Throws: ``FramewireError``: `noMemory`.
    func addMetas(to buffer: Buffer) throws(FramewireError) {
        var offset = 0
        while offset < used {
            let entry = entry(at: offset)
            offset += entry.size
            // What depends on memories says nothing about ours.
            guard entry.kind == .bufferMeta, let type = MetaType.find(entry.name), type.tags.isEmpty else {
                continue
            }
            do throws(BufferError) {
                _ = try buffer.storage.addMeta(type, content: entry.content)
            } catch {
                if error.kind == .noMemory { throw FramewireError(error) }
            }
        }
    }
}
