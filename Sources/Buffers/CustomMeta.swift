import CPosix

/// The data of a custom meta: a name, and entries one after another.
///
/// An entry is the size of the value in 32 bits, little-endian, that of the key in 8, the key, a zero, and
/// the value.
package struct CustomMetaData {
    package let name: UnsafeMutableRawPointer
    let nameSize: Int
    var entries: UnsafeMutableRawPointer?
    var used: Int
    var capacity: Int
    package var count: Int

    /// The most bytes that the entries can have.
    static let maximumSize = 1 << 20
    /// The most keys.
    static let maximumCount = 1024
    /// Bytes of an entry beside key and value.
    static let overhead = 6

    /// One entry.
    package struct Entry {
        let offset: Int
        package let key: UnsafeRawBufferPointer
        package let value: UnsafeRawBufferPointer

        var size: Int { CustomMetaData.overhead + key.count + value.count }
    }

    /// The entry at `offset`, and where the next one is.
    private func entry(at offset: Int) -> Entry {
        let start = UnsafeRawPointer(entries!) + offset
        let valueSize = Int(UInt32(littleEndian: start.loadUnaligned(as: UInt32.self)))
        let keySize = Int(start.load(fromByteOffset: 4, as: UInt8.self))
        return Entry(
            offset: offset, key: UnsafeRawBufferPointer(start: start + 5, count: keySize),
            value: UnsafeRawBufferPointer(start: start + 6 + keySize, count: valueSize))
    }

    /// The entry of a key.
    package func find(_ key: UnsafeRawBufferPointer) -> Entry? {
        var offset = 0
        while offset < used {
            let entry = entry(at: offset)
            if entry.key.count == key.count,
                key.isEmpty || memcmp(entry.key.baseAddress!, key.baseAddress!, key.count) == 0
            {
                return entry
            }
            offset += entry.size
        }
        return nil
    }

    /// The entry at a place.
    package func entry(_ index: Int) -> Entry? {
        guard index >= 0, index < count else { return nil }
        var offset = 0
        for _ in 0..<index { offset += entry(at: offset).size }
        return entry(at: offset)
    }

    /// Sets the value of a key, which must be one. Nothing has changed if it throws.
    package mutating func set(
        _ key: UnsafeRawBufferPointer, to value: UnsafeRawBufferPointer
    ) throws(BufferError) {
        let old = find(key)
        let limit = Self.maximumSize - Self.overhead - key.count
        guard value.count <= limit, used - (old?.size ?? 0) <= limit - value.count,
            old != nil || count < Self.maximumCount
        else {
            throw .tooLarge(
                "a custom meta holds at most \(Self.maximumCount) keys, and \(Self.maximumSize) bytes of keys and values"
            )
        }
        let size = Self.overhead + key.count + value.count
        let newUsed = used - (old?.size ?? 0) + size
        // Always a new block: the value may lie in the old one.
        let newCapacity = newUsed <= capacity / 2 || newUsed > capacity ? max(64, newUsed * 3 / 2) : capacity
        guard let block = malloc(newCapacity) else { throw .noMemory(bytes: newCapacity) }
        let place = old?.offset ?? used
        let behind = place + (old?.size ?? 0)
        if place > 0 { memcpy(block, entries!, place) }
        let start = block + place
        start.storeBytes(of: UInt32(value.count).littleEndian, as: UInt32.self)
        start.storeBytes(of: UInt8(truncatingIfNeeded: key.count), toByteOffset: 4, as: UInt8.self)
        memcpy(start + 5, key.baseAddress!, key.count)
        start.storeBytes(of: 0, toByteOffset: 5 + key.count, as: UInt8.self)
        if value.count > 0 { memcpy(start + 6 + key.count, value.baseAddress!, value.count) }
        if used > behind { memcpy(start + size, entries! + behind, used - behind) }
        free(entries)
        entries = block
        capacity = newCapacity
        used = newUsed
        if old == nil { count += 1 }
    }

    /// Takes a key away; `false` when it is not there.
    package mutating func remove(_ key: UnsafeRawBufferPointer) -> Bool {
        guard let old = find(key) else { return false }
        let behind = old.offset + old.size
        if used > behind { memmove(entries! + old.offset, entries! + behind, used - behind) }
        used -= old.size
        count -= 1
        return true
    }

    /// Takes over entries that may come from anywhere.
    mutating func read(_ bytes: UnsafeRawBufferPointer) throws(BufferError) {
        guard bytes.count <= Self.maximumSize else {
            throw .corrupt("\(bytes.count) bytes of keys and values are too many")
        }
        guard bytes.count > 0 else { return }
        guard let block = malloc(bytes.count) else { throw .noMemory(bytes: bytes.count) }
        memcpy(block, bytes.baseAddress!, bytes.count)
        entries = block
        capacity = bytes.count
        // What has been looked at counts as read, so that a key can be looked for among those before it.
        var at = 0
        while at < bytes.count {
            let left = bytes.count - at
            guard left >= Self.overhead else { throw .corrupt("an entry of a custom meta is cut short") }
            let valueSize = Int(
                UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt32.self)))
            let keySize = Int(bytes[at + 4])
            guard keySize <= left - Self.overhead, valueSize <= left - Self.overhead - keySize else {
                throw .corrupt("an entry of a custom meta is longer than what is left of it")
            }
            let start = bytes.baseAddress! + at
            let key = UnsafeRawBufferPointer(start: start + 5, count: keySize)
            guard keySize > 0, MetaType.isText(key), bytes[at + 5 + keySize] == 0, find(key) == nil,
                count < Self.maximumCount
            else {
                throw .corrupt("a key of a custom meta is empty, no UTF-8, there twice, or one too many")
            }
            at += Self.overhead + keySize + valueSize
            used = at
            count += 1
        }
    }
}

extension MetaType {
    /// Keys and values.
    package static let custom: MetaType = {
        var functions = Functions()
        functions.free = { (data, _) in
            let given = data.load(as: CustomMetaData.self)
            CPosix.free(given.name)
            CPosix.free(given.entries)
        }
        functions.transform = { (target, node, _, _) throws(BufferError) in
            let given = node.data.load(as: CustomMetaData.self)
            let copy = try target.addCustomMeta(
                UnsafeRawBufferPointer(start: given.name, count: given.nameSize))
            guard given.used > 0 else { return }
            guard let block = malloc(given.used) else { throw .noMemory(bytes: given.used) }
            memcpy(block, given.entries!, given.used)
            copy.customData.pointee.entries = block
            copy.customData.pointee.used = given.used
            copy.customData.pointee.capacity = given.used
            copy.customData.pointee.count = given.count
        }
        functions.serialize = { (data, target) throws(BufferError) in
            let given = data.load(as: CustomMetaData.self)
            let size = 1 + given.nameSize + given.used
            if target.count >= size {
                target[0] = UInt8(truncatingIfNeeded: given.nameSize)
                memcpy(target.baseAddress! + 1, given.name, given.nameSize)
                if given.used > 0 {
                    memcpy(target.baseAddress! + 1 + given.nameSize, given.entries!, given.used)
                }
            }
            return size
        }
        functions.deserialize = { (data, bytes, _) throws(BufferError) in
            guard let nameSize = bytes.first.map({ Int($0) }), nameSize >= 1, nameSize <= bytes.count - 1
            else {
                throw .corrupt("a custom meta has no name, or one longer than itself")
            }
            let name = UnsafeRawBufferPointer(start: bytes.baseAddress! + 1, count: nameSize)
            guard isText(name) else { throw .corrupt("the name of a custom meta is no UTF-8") }
            var read = CustomMetaData(
                name: try copyOfText(name), nameSize: nameSize, entries: nil, used: 0, capacity: 0, count: 0)
            do throws(BufferError) {
                let rest = bytes.count - 1 - nameSize
                try read.read(UnsafeRawBufferPointer(start: bytes.baseAddress! + 1 + nameSize, count: rest))
            } catch {
                CPosix.free(read.name)
                CPosix.free(read.entries)
                throw error
            }
            data.storeBytes(of: read, as: CustomMetaData.self)
        }
        return readyMade(
            "framewire/custom", size: MemoryLayout<CustomMetaData>.size, tags: [], functions)
    }()
}

extension UnsafeMutablePointer<MetaNode> {
    /// The data of a custom meta.
    package var customData: UnsafeMutablePointer<CustomMetaData> {
        data.assumingMemoryBound(to: CustomMetaData.self)
    }
}

extension BufferStorage {
    /// A custom meta without keys. The caller is the only owner.
    package func addCustomMeta(_ name: UnsafeRawBufferPointer) throws(BufferError) -> MetaPointer {
        try MetaType.checkName(name, "the name of a custom meta")
        let copy = try MetaType.copyOfText(name)
        do throws(BufferError) {
            let node = try appendMeta(.custom)
            node.customData.initialize(
                to: CustomMetaData(
                    name: copy, nameSize: name.count, entries: nil, used: 0, capacity: 0, count: 0))
            return node
        } catch {
            free(copy)
            throw error
        }
    }

    /// The first custom meta of a name, or of any for nil.
    package func customMeta(_ name: UnsafeRawBufferPointer?) -> MetaPointer? {
        var next = firstMeta(of: .custom)
        while let node = next {
            guard let name else { return node }
            let data = node.customData.pointee
            if data.nameSize == name.count,
                name.isEmpty || memcmp(data.name, name.baseAddress!, name.count) == 0
            {
                return node
            }
            next = Self.find(.custom, from: node.pointee.next)
        }
        return nil
    }
}
