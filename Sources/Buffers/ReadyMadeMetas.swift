import CPosix

// MARK: - Parent buffer

extension MetaType {
    /// Keeps another buffer alive.
    package static let parentBuffer: MetaType = {
        var functions = Functions()
        functions.free = { (data, _) in
            data.load(as: Unmanaged<BufferStorage>.self).dropHandle()
        }
        functions.transform = { (target, node, _, _) throws(BufferError) in
            _ = try target.addParentMeta(node.data.load(as: Unmanaged<BufferStorage>.self))
        }
        return readyMade("framewire/parent-buffer", size: 8, tags: .memoryReference, functions)
    }()

    /// The time by another clock.
    package static let referenceTimestamp: MetaType = {
        var functions = Functions()
        functions.free = { (data, _) in CPosix.free(data.load(as: ReferenceTimestampData.self).name) }
        functions.transform = { (target, node, _, _) throws(BufferError) in
            let given = node.data.load(as: ReferenceTimestampData.self)
            let name = UnsafeRawBufferPointer(start: given.name, count: given.nameSize)
            _ = try target.addReferenceTimestampMeta(
                name, timestamp: given.timestamp, duration: given.duration)
        }
        functions.serialize = { (data, target) throws(BufferError) in
            let given = data.load(as: ReferenceTimestampData.self)
            let size = 16 + given.nameSize
            if target.count >= size {
                target.storeBytes(of: given.timestamp.littleEndian, toByteOffset: 0, as: Int64.self)
                target.storeBytes(of: given.duration.littleEndian, toByteOffset: 8, as: Int64.self)
                memcpy(target.baseAddress! + 16, given.name, given.nameSize)
            }
            return size
        }
        functions.deserialize = { (data, bytes, _) throws(BufferError) in
            guard bytes.count > 16 else {
                throw .corrupt("a reference timestamp of \(bytes.count) bytes has no name")
            }
            let name = UnsafeRawBufferPointer(start: bytes.baseAddress! + 16, count: bytes.count - 16)
            guard name.count <= maximumNameSize, isText(name) else {
                throw .corrupt("the name of a reference timestamp is too long or no UTF-8")
            }
            let copy = try copyOfText(name)
            data.storeBytes(
                of: ReferenceTimestampData(
                    name: copy, nameSize: name.count,
                    timestamp: Int64(littleEndian: bytes.loadUnaligned(as: Int64.self)),
                    duration: Int64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: Int64.self))),
                as: ReferenceTimestampData.self)
        }
        return readyMade(
            "framewire/reference-timestamp", size: MemoryLayout<ReferenceTimestampData>.size, tags: [],
            functions)
    }()

    /// How the bytes are a picture.
    package static let videoFrame: MetaType = {
        var functions = Functions()
        functions.transform = { (target, node, _, _) throws(BufferError) in
            let copy = try target.appendMeta(videoFrame)
            copy.bytes.copyMemory(from: UnsafeRawBufferPointer(node.bytes))
        }
        functions.serialize = { (data, target) throws(BufferError) in
            data.load(as: VideoFrameMeta.self).write(to: target)
        }
        functions.deserialize = { (data, bytes, _) throws(BufferError) in
            data.storeBytes(of: try VideoFrameMeta(serialized: bytes), as: VideoFrameMeta.self)
        }
        return readyMade(
            "framewire/video-frame", size: MemoryLayout<VideoFrameMeta>.size, tags: .memory, functions)
    }()

    /// A copy of bytes, with a zero behind them.
    static func copyOfText(_ text: UnsafeRawBufferPointer) throws(BufferError) -> UnsafeMutableRawPointer {
        guard let copy = malloc(text.count + 1) else { throw .noMemory(bytes: text.count + 1) }
        if text.count > 0 { memcpy(copy, text.baseAddress!, text.count) }
        copy.storeBytes(of: 0, toByteOffset: text.count, as: UInt8.self)
        return copy
    }
}

/// The data of a reference timestamp.
package struct ReferenceTimestampData {
    package let name: UnsafeMutableRawPointer
    let nameSize: Int
    package let timestamp: Int64
    package let duration: Int64
}

extension BufferStorage {
    /// Keeps `parent` alive as long as the meta is there. The caller is the only owner.
    package func addParentMeta(_ parent: Unmanaged<BufferStorage>) throws(BufferError) -> MetaPointer {
        let node = try appendMeta(.parentBuffer)
        parent.addHandle()
        node.data.storeBytes(of: parent, as: Unmanaged<BufferStorage>.self)
        return node
    }

    /// The time by the clock `reference`. The caller is the only owner.
    package func addReferenceTimestampMeta(
        _ reference: UnsafeRawBufferPointer, timestamp: Int64, duration: Int64
    ) throws(BufferError) -> MetaPointer {
        try MetaType.checkName(reference, "the reference")
        let name = try MetaType.copyOfText(reference)
        do throws(BufferError) {
            let node = try appendMeta(.referenceTimestamp)
            node.data.storeBytes(
                of: ReferenceTimestampData(
                    name: name, nameSize: reference.count, timestamp: timestamp, duration: duration),
                as: ReferenceTimestampData.self)
            return node
        } catch {
            free(name)
            throw error
        }
    }

    /// The first reference timestamp of a clock, or of any for nil.
    package func referenceTimestampMeta(_ reference: UnsafeRawBufferPointer?) -> MetaPointer? {
        var next = firstMeta(of: .referenceTimestamp)
        while let node = next {
            let data = node.data.load(as: ReferenceTimestampData.self)
            guard let reference else { return node }
            if data.nameSize == reference.count,
                reference.isEmpty || memcmp(data.name, reference.baseAddress!, reference.count) == 0
            {
                return node
            }
            next = Self.find(.referenceTimestamp, from: node.pointee.next)
        }
        return nil
    }

    /// Adds a video-frame meta. The caller is the only owner.
    package func addVideoFrameMeta(_ frame: VideoFrameMeta) throws(BufferError) -> MetaPointer {
        let node = try appendMeta(.videoFrame)
        node.data.storeBytes(of: frame, as: VideoFrameMeta.self)
        return node
    }

    /// Makes `frame` the video-frame meta: the one that is there already, or a new one. The caller is the
    /// only owner.
    package func setVideoFrame(_ frame: VideoFrameMeta) throws(BufferError) {
        guard let node = firstMeta(of: .videoFrame) else {
            _ = try addVideoFrameMeta(frame)
            return
        }
        node.data.storeBytes(of: frame, as: VideoFrameMeta.self)
    }

    /// The first video-frame meta.
    package var videoFrame: VideoFrameMeta? {
        firstMeta(of: .videoFrame)?.data.load(as: VideoFrameMeta.self)
    }
}
