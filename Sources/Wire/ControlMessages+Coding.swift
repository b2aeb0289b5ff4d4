import Buffers

/// Writes a message without payload. `bytes` must hold 8 + the kind's header + `metadataSize` bytes; `fields`
/// fills the header's own fields, `metadata` the metadata.
@inline(__always)
private func encodeMessage(
    _ prefix: MessagePrefix, into bytes: UnsafeMutableRawBufferPointer,
    fields: (UnsafeMutableRawBufferPointer) -> Void,
    metadata: (UnsafeMutableRawBufferPointer) -> Void = { _ in }
) -> Int {
    let metadataStart = WireFormat.skippableHeaderSize + prefix.headerSize
    let size = metadataStart + prefix.metadataSize
    precondition(bytes.count >= size, "no room for the message")
    fields(UnsafeMutableRawBufferPointer(rebasing: bytes[WireFormat.skippableHeaderSize..<metadataStart]))
    metadata(UnsafeMutableRawBufferPointer(rebasing: bytes[metadataStart..<size]))
    prefix.complete(UnsafeMutableRawBufferPointer(rebasing: bytes[..<size]))
    return size
}

/// The most UTF-8 of a name or a reason that is sent, in bytes; what is longer is cut.
private let textLimit = 1024

/// Bytes of metadata that hold one text; none for an empty one.
private func textSize(name: StaticString, _ text: String) -> Int {
    guard !text.utf8.isEmpty else { return 0 }
    return MetadataWriter.encodedSize(
        name: name, contentSize: MetadataWriter.size(of: text, limit: textLimit))
}

/// Fills metadata of ``textSize(name:_:)`` bytes.
private func writeText(_ text: String, name: StaticString, into bytes: UnsafeMutableRawBufferPointer) {
    guard !text.utf8.isEmpty else { return }
    var writer = MetadataWriter(bytes)
    _ = writer.append(text, name: name, limit: textLimit)
}

extension Hello {
    static let nameKey: StaticString = "name"

    /// Bytes that ``encode(into:)`` writes.
    package var encodedSize: Int {
        WireFormat.skippableHeaderSize + MessageKind.hello.headerSize + textSize(name: Self.nameKey, name)
    }

    /// Writes the message and returns its size. `bytes` must hold ``encodedSize`` bytes.
    package func encode(into bytes: UnsafeMutableRawBufferPointer) -> Int {
        var prefix = MessagePrefix(kind: .hello)
        prefix.metadataSize = textSize(name: Self.nameKey, name)
        return encodeMessage(prefix, into: bytes) { header in
            header[48] = versions.lowerBound
            header[49] = versions.upperBound
            header[50] = role.rawValue
            header[51] = 0
            header.store(profiles, at: 52)
            header.store(UInt32(clamping: limits.maxWidth), at: 56)
            header.store(UInt32(clamping: limits.maxHeight), at: 60)
            header.store(UInt64(clamping: limits.maxFrameBytes), at: 64)
            header.store(UInt32(clamping: limits.maxMetadataBytes), at: 72)
        } metadata: { metadata in
            writeText(name, name: Self.nameKey, into: metadata)
        }
    }

    init(reading header: UnsafeRawBufferPointer, name: String, base: UInt64) throws(WireError) {
        let lowest = header[48]
        let highest = header[49]
        guard lowest <= highest else {
            throw WireError(
                .protocolViolation, at: base + 48,
                "lowest version is \(lowest), above the highest, \(highest)")
        }
        self.init(
            versions: lowest...highest, profiles: header.integer(at: 52),
            limits: Limits(
                maxWidth: Int(header.integer(at: 56, as: UInt32.self)),
                maxHeight: Int(header.integer(at: 60, as: UInt32.self)),
                maxFrameBytes: Int(clamping: header.integer(at: 64, as: UInt64.self)),
                maxMetadataBytes: Int(header.integer(at: 72, as: UInt32.self))),
            role: Role(rawValue: header[50]) ?? .unspecified, name: name)
    }
}

extension Acknowledgement {
    /// Bytes that ``encode(into:)`` writes.
    package static let encodedSize = WireFormat.skippableHeaderSize + MessageKind.acknowledgement.headerSize

    /// Writes the message and returns its size. `bytes` must hold ``encodedSize`` bytes. Nothing is
    /// allocated.
    package func encode(into bytes: UnsafeMutableRawBufferPointer) -> Int {
        var prefix = MessagePrefix(kind: .acknowledgement)
        prefix.streamID = streamID
        prefix.viewID = viewID
        prefix.sequence = sequence
        return encodeMessage(prefix, into: bytes) { header in
            header.store(receiveDuration ?? WireFormat.noTime, at: 48)
            header.store(decodeDuration ?? WireFormat.noTime, at: 56)
        }
    }

    init(reading header: UnsafeRawBufferPointer, _ prefix: MessagePrefix) {
        self.init(
            streamID: prefix.streamID, viewID: prefix.viewID, sequence: prefix.sequence,
            receiveDuration: duration(header, at: 48), decodeDuration: duration(header, at: 56))
    }
}

extension KeyFrameRequest {
    /// Bytes that ``encode(into:)`` writes.
    package static let encodedSize = WireFormat.skippableHeaderSize + MessageKind.keyFrameRequest.headerSize

    /// Writes the message and returns its size. `bytes` must hold ``encodedSize`` bytes. Nothing is
    /// allocated.
    package func encode(into bytes: UnsafeMutableRawBufferPointer) -> Int {
        var prefix = MessagePrefix(kind: .keyFrameRequest)
        prefix.streamID = streamID
        prefix.viewID = viewID
        return encodeMessage(prefix, into: bytes) { _ in }
    }
}

extension Bye {
    static let textKey: StaticString = "text"

    /// Bytes that ``encode(into:)`` writes.
    package var encodedSize: Int {
        WireFormat.skippableHeaderSize + MessageKind.bye.headerSize + textSize(name: Self.textKey, text)
    }

    /// Writes the message and returns its size. `bytes` must hold ``encodedSize`` bytes.
    package func encode(into bytes: UnsafeMutableRawBufferPointer) -> Int {
        var prefix = MessagePrefix(kind: .bye)
        prefix.metadataSize = textSize(name: Self.textKey, text)
        return encodeMessage(prefix, into: bytes) { header in
            header.store(reason.rawValue, at: 48)
        } metadata: { metadata in
            writeText(text, name: Self.textKey, into: metadata)
        }
    }
}

extension Flow {
    /// Bytes that ``encode(into:)`` writes.
    package static let encodedSize = WireFormat.skippableHeaderSize + MessageKind.flow.headerSize

    /// Writes the message and returns its size. `bytes` must hold ``encodedSize`` bytes. Nothing is
    /// allocated.
    package func encode(into bytes: UnsafeMutableRawBufferPointer) -> Int {
        encodeMessage(MessagePrefix(kind: .flow), into: bytes) { header in
            header.store(UInt32(isPaused ? 1 : 0), at: 48)
            header.store(maxFrameRate, at: 52)
            header.store(maxBitRate, at: 56)
        }
    }

    init(reading header: UnsafeRawBufferPointer) {
        self.init(
            isPaused: header.integer(at: 48, as: UInt32.self) != 0, maxFrameRate: header.integer(at: 52),
            maxBitRate: header.integer(at: 56))
    }
}

extension UserMessage {
    static let contentKey: StaticString = "message"

    /// Bytes that ``encode(into:content:)`` writes for a content of this size.
    package static func encodedSize(contentSize: Int) -> Int {
        WireFormat.skippableHeaderSize + MessageKind.userMessage.headerSize
            + MetadataWriter.encodedSize(name: contentKey, contentSize: contentSize)
    }

    /// The largest content that a reader with these limits takes, in bytes; below 0 when it takes none.
    package static func maximumContentSize(_ limits: Limits) -> Int {
        limits.maxMetadataBytes - MetadataWriter.encodedSize(name: contentKey, contentSize: 0)
    }

    /// Writes the message and returns its size. `bytes` must hold ``encodedSize(contentSize:)`` bytes, and
    /// `content` must not have more than ``maximumContentSize(_:)``. Nothing is allocated.
    package func encode(
        into bytes: UnsafeMutableRawBufferPointer, content: UnsafeRawBufferPointer
    ) -> Int {
        var prefix = MessagePrefix(kind: .userMessage)
        prefix.metadataSize = MetadataWriter.encodedSize(name: Self.contentKey, contentSize: content.count)
        return encodeMessage(prefix, into: bytes) { header in
            header.store(type, at: 48)
        } metadata: { metadata in
            var writer = MetadataWriter(metadata)
            _ = writer.append(.bytes, name: Self.contentKey, content: content)
        }
    }

    /// The content, borrowed from the metadata of a message that a parser has taken; none is empty.
    package static func content(of metadata: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        var entries = MetadataReader(metadata)
        let entry = try? entries.first(.bytes, named: contentKey)
        return entry?.content ?? metadata.slice(0, 0)
    }
}

extension Ping {
    /// Bytes that ``encode(into:)`` writes.
    package static let encodedSize = WireFormat.skippableHeaderSize + MessageKind.ping.headerSize

    /// Writes the message and returns its size. `bytes` must hold ``encodedSize`` bytes. Nothing is
    /// allocated.
    package func encode(into bytes: UnsafeMutableRawBufferPointer) -> Int {
        encodeMessage(MessagePrefix(kind: .ping), into: bytes) { header in
            header.store(UInt32(isReply ? 1 : 0), at: 48)
            header.store(time, at: 52)
        }
    }

    init(reading header: UnsafeRawBufferPointer) {
        self.init(
            isReply: header.integer(at: 48, as: UInt32.self) != 0, time: header.integer(at: 52))
    }
}
