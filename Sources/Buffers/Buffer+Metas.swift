/// Metas, which say something about a buffer and travel with it.
extension Buffer {
    /// The number of metas of a type, or of all for nil.
    public func metaCount(of type: MetaType? = nil) -> Int {
        storage.metaCount(of: type)
    }

    /// Adds a meta of a registered type, whose data is set up by `body`.
    ///
    /// - Throws: ``BufferError/Kind/noMemory``, what the type throws; the buffer has not changed then.
    public mutating func addMeta(
        _ type: MetaType, _ body: (UnsafeMutableRawBufferPointer) -> Void = { _ in }
    ) throws(BufferError) {
        guard !type.isReadyMade else {
            throw .invalidArgument("metas of a ready-made type are added by a function of their own")
        }
        try makeUnique()
        body(try storage.addMeta(type).bytes)
    }

    /// Calls `body` with the data of the first meta of a type; nil when there is none.
    public func withMeta<R>(_ type: MetaType, _ body: (UnsafeRawBufferPointer) -> R) -> R? {
        storage.firstMeta(of: type).map { body(UnsafeRawBufferPointer($0.bytes)) }
    }

    /// Removes the metas of a type, or all, that are not ``MetaFlags/locked``.
    ///
    /// - Throws: ``BufferError/Kind/noMemory``.
    public mutating func removeMetas(of type: MetaType? = nil) throws(BufferError) {
        try makeUnique()
        var next = storage.firstMeta
        while let node = next {
            next = node.pointee.next
            if type == nil || node.isOf(type!), !node.pointee.flags.contains(.locked) {
                try storage.removeMeta(node)
            }
        }
    }

    /// Keeps another buffer alive as long as this one, for bytes that live in it.
    ///
    /// - Throws: ``BufferError/Kind/noMemory``.
    public mutating func addParent(_ parent: Buffer) throws(BufferError) {
        try makeUnique()
        _ = try storage.addParentMeta(Unmanaged.passUnretained(parent.storage))
    }

    /// Adds the time of the buffer by the clock `reference`, 1 to 255 bytes.
    ///
    /// - Throws: ``BufferError/Kind/invalidArgument``, ``BufferError/Kind/noMemory``.
    public mutating func addReferenceTimestamp(
        _ reference: String, _ timestamp: Int64, duration: Int64? = nil
    ) throws(BufferError) {
        try makeUnique()
        let storage = storage
        try withBytes(of: reference) { bytes throws(BufferError) in
            _ = try storage.addReferenceTimestampMeta(
                bytes, timestamp: timestamp, duration: duration ?? .min)
        }
    }

    /// The time by the clock `reference`, or by the first one for nil.
    public func referenceTimestamp(_ reference: String? = nil) -> (timestamp: Int64, duration: Int64?)? {
        var found: MetaPointer?
        if var reference {
            found = reference.withUTF8 { storage.referenceTimestampMeta(UnsafeRawBufferPointer($0)) }
        } else {
            found = storage.referenceTimestampMeta(nil)
        }
        guard let data = found?.data.load(as: ReferenceTimestampData.self) else { return nil }
        return (data.timestamp, data.duration == .min ? nil : data.duration)
    }

    /// How the bytes are a picture.
    public var videoFrame: VideoFrameMeta? { storage.videoFrame }

    /// Says how the bytes are a picture.
    ///
    /// - Throws: ``BufferError/Kind/noMemory``.
    public mutating func setVideoFrame(_ frame: VideoFrameMeta) throws(BufferError) {
        try makeUnique()
        try storage.setVideoFrame(frame)
    }

    /// Sets a value under a key of the first custom meta called `name`, which is added if there is none.
    ///
    /// - Throws: ``BufferError/Kind/invalidArgument`` for name or key, which must have 1 to 255 bytes;
    ///   ``BufferError/Kind/tooLarge``; ``BufferError/Kind/noMemory``.
    public mutating func setCustomValue(
        _ value: UnsafeRawBufferPointer, forKey key: String, in name: String
    ) throws(BufferError) {
        try makeUnique()
        let storage = storage
        try withBytes(of: key) { key throws(BufferError) in
            try MetaType.checkName(key, "the key")
            try withBytes(of: name) { name throws(BufferError) in
                var node = storage.customMeta(name)
                if node == nil { node = try storage.addCustomMeta(name) }
                try node!.customData.pointee.set(key, to: value)
            }
        }
    }

    /// Calls `body` with the value of a key of the first custom meta called `name`; nil when there is none.
    public func withCustomValue<R>(
        forKey key: String, in name: String, _ body: (UnsafeRawBufferPointer) -> R
    ) -> R? {
        var (key, name) = (key, name)
        let entry = name.withUTF8 { name in
            storage.customMeta(UnsafeRawBufferPointer(name)).flatMap { node in
                key.withUTF8 { node.customData.pointee.find(UnsafeRawBufferPointer($0)) }
            }
        }
        return entry.map { body($0.value) }
    }

    /// Runs `body` on the UTF-8 of a text.
    private func withBytes(
        of text: String, _ body: (UnsafeRawBufferPointer) throws(BufferError) -> Void
    ) throws(BufferError) {
        var text = text
        let failure = text.withUTF8 { bytes -> BufferError? in
            do throws(BufferError) {
                try body(UnsafeRawBufferPointer(bytes))
                return nil
            } catch {
                return error
            }
        }
        if let failure { throw failure }
    }
}
