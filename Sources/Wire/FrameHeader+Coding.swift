import Buffers

/// Bits of `flags` in a frame's header. Bits 0 and 1 are those of `FrameFlags`.
private enum FrameBits {
    static let discontinuity: UInt32 = 1 << 0
    static let key: UInt32 = 1 << 1
    static let reference: UInt32 = 1 << 2
    static let contentChecksum: UInt32 = 1 << 3
    static let wantsAcknowledgement: UInt32 = 1 << 4
    static let endOfStream: UInt32 = 1 << 5
}

extension FrameHeader {
    /// Bytes that ``encode(into:metadata:)`` writes.
    package static func encodedSize(metadataSize: Int = 0) -> Int {
        WireFormat.skippableHeaderSize + MessageKind.frame.headerSize + metadataSize
    }

    /// Writes the message without its payload: magic, size, header and metadata.
    ///
    /// - Parameters:
    ///   - bytes: At least ``encodedSize(metadataSize:)`` bytes.
    ///   - metadata: Tagged metadata as ``MetadataWriter`` makes it. ``metadataSize`` plays no role.
    /// - Returns: The number of bytes written. Nothing is allocated.
    package func encode(
        into bytes: UnsafeMutableRawBufferPointer,
        metadata: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0)
    ) -> Int {
        let size = Self.encodedSize(metadataSize: metadata.count)
        precondition(bytes.count >= size, "no room for the message")
        var prefix = MessagePrefix(kind: .frame)
        prefix.flags = flags
        prefix.metadataSize = metadata.count
        prefix.payloadSize = UInt64(payloadSize)
        prefix.sequence = info.sequence
        prefix.streamID = info.streamID
        prefix.viewID = info.viewID
        let message = UnsafeMutableRawBufferPointer(rebasing: bytes[..<size])
        let header = UnsafeMutableRawBufferPointer(rebasing: message[8..<8 + prefix.headerSize])
        header.store(UInt32(info.width), at: 48)
        header.store(UInt32(info.height), at: 52)
        header.store(info.format.rawValue, at: 56)
        header[58] = info.rowOrder.rawValue
        header[59] = profile
        header[60] = info.color.primaries
        header[61] = info.color.transfer
        header[62] = info.color.matrix
        header[63] = info.color.range
        header.store(stripRows, at: 64)
        header.store(stripCount, at: 68)
        header.store(UInt64(rawSize), at: 72)
        header.store(info.pts ?? WireFormat.noTime, at: 80)
        header.store(info.duration ?? WireFormat.noTime, at: 88)
        header.store(captureTime ?? WireFormat.noTime, at: 96)
        header.store(queueDuration ?? WireFormat.noTime, at: 104)
        header.store(encodeDuration ?? WireFormat.noTime, at: 112)
        header.store(latency ?? WireFormat.noTime, at: 120)
        header.store(referenceSequence ?? 0, at: 128)
        header.store(contentChecksum ?? 0, at: 136)
        UnsafeMutableRawBufferPointer(rebasing: message[(size - metadata.count)...]).copyMemory(
            from: metadata)
        prefix.complete(message)
        return size
    }

    /// Changes the latency in a message that ``encode(into:metadata:)`` has written, so that one message serves several
    /// receivers.
    package static func setLatency(_ latency: Int64?, in message: UnsafeMutableRawBufferPointer) {
        let size = MessageKind.frame.headerSize
        let start = WireFormat.skippableHeaderSize
        let header = UnsafeMutableRawBufferPointer(rebasing: message[start..<start + size])
        header.store(latency ?? WireFormat.noTime, at: 120)
        header.store(checksum(of: UnsafeRawBufferPointer(header).slice(0, size - 4)), at: size - 4)
    }

    private var flags: UInt32 {
        var bits: UInt32 = referenceSequence == nil ? FrameBits.key : FrameBits.reference
        if info.flags.contains(.discontinuity) { bits |= FrameBits.discontinuity }
        if contentChecksum != nil { bits |= FrameBits.contentChecksum }
        if wantsAcknowledgement { bits |= FrameBits.wantsAcknowledgement }
        if endOfStream { bits |= FrameBits.endOfStream }
        return bits
    }

    /// Takes the fields from a header whose size and checksum are right, and holds each against `limits`.
    ///
    /// `base` is the offset of the header in the stream.
    init(
        reading header: UnsafeRawBufferPointer, _ prefix: MessagePrefix, limits: Limits, base: UInt64
    ) throws(WireError) {
        let info = try Self.readInfo(header, prefix, limits: limits, base: base)
        let rawSize = try Self.readRawSize(header, info, limits: limits, base: base)
        self.init(
            info: info, profile: header[59], stripRows: header.integer(at: 64),
            stripCount: header.integer(at: 68),
            rawSize: rawSize, payloadSize: 0,
            referenceSequence: prefix.flags & FrameBits.reference != 0 ? header.integer(at: 128) : nil,
            contentChecksum: prefix.flags & FrameBits.contentChecksum != 0 ? header.integer(at: 136) : nil,
            wantsAcknowledgement: prefix.flags & FrameBits.wantsAcknowledgement != 0,
            endOfStream: prefix.flags & FrameBits.endOfStream != 0, captureTime: time(header, at: 96),
            queueDuration: duration(header, at: 104), encodeDuration: duration(header, at: 112),
            latency: duration(header, at: 120), metadataSize: prefix.metadataSize)
        try checkReference(prefix, base: base)
        try checkStrips(base: base)
        payloadSize = try checkedPayloadSize(prefix, base: base)
    }

    private static func readInfo(
        _ header: UnsafeRawBufferPointer, _ prefix: MessagePrefix, limits: Limits, base: UInt64
    ) throws(WireError) -> FrameInfo {
        let width: UInt32 = header.integer(at: 48)
        let height: UInt32 = header.integer(at: 52)
        try checkSide(width, "width", limit: limits.maxWidth, at: base + 48)
        try checkSide(height, "height", limit: limits.maxHeight, at: base + 52)
        let format: UInt16 = header.integer(at: 56)
        guard let format = PixelFormat(rawValue: format) else {
            throw WireError(
                .unsupported, at: base + 56, "pixel format \(format) is not known to this version")
        }
        guard let rowOrder = RowOrder(rawValue: header[58]) else {
            throw WireError(
                .unsupported, at: base + 58, "row order \(header[58]) is not known to this version")
        }
        var flags: FrameFlags = []
        if prefix.flags & FrameBits.discontinuity != 0 { flags.insert(.discontinuity) }
        if prefix.flags & FrameBits.key != 0 { flags.insert(.key) }
        return FrameInfo(
            width: Int(width), height: Int(height), format: format, rowOrder: rowOrder,
            pts: time(header, at: 80), duration: time(header, at: 88),
            color: ColorDescription(
                primaries: header[60], transfer: header[61], matrix: header[62], range: header[63]),
            streamID: prefix.streamID, viewID: prefix.viewID, flags: flags, sequence: prefix.sequence)
    }

    private static func checkSide(
        _ value: UInt32, _ name: StaticString, limit: Int, at offset: UInt64
    ) throws(WireError) {
        guard value > 0 else {
            throw WireError(.protocolViolation, at: offset, "\(name) is 0 pixels; it must be at least 1")
        }
        guard value <= min(limit, FrameInfo.maximumSide) else {
            throw WireError(
                .tooLarge, at: offset,
                "\(name) is \(value) pixels; the limit is \(min(limit, FrameInfo.maximumSide))")
        }
    }

    private static func readRawSize(
        _ header: UnsafeRawBufferPointer, _ info: FrameInfo, limits: Limits, base: UInt64
    ) throws(WireError) -> Int {
        let rawSize: UInt64 = header.integer(at: 72)
        guard rawSize <= UInt64(max(limits.maxFrameBytes, 0)) else {
            throw WireError(
                .tooLarge, at: base + 72,
                "raw size is \(rawSize) bytes; the limit for a frame is \(limits.maxFrameBytes)")
        }
        let packedSize: Int
        do throws(BufferError) {
            packedSize = try FrameLayout(info).packedSize
        } catch {
            throw WireError(.protocolViolation, at: base + 48, Sentence(error.message))
        }
        guard rawSize == UInt64(packedSize) else {
            throw WireError(
                .protocolViolation, at: base + 72,
                "raw size is \(rawSize) bytes; \(info.width) × \(info.height) pixels of \(info.format.name) have"
                    + " \(packedSize)")
        }
        return packedSize
    }

    private func checkReference(_ prefix: MessagePrefix, base: UInt64) throws(WireError) {
        let isKey = prefix.flags & FrameBits.key != 0
        guard isKey == (referenceSequence == nil) else {
            throw WireError(
                .protocolViolation, at: base + 8,
                isKey
                    ? "a key frame names a reference" : "a frame is neither a key frame nor names a reference"
            )
        }
        guard let referenceSequence else { return }
        guard referenceSequence < info.sequence else {
            throw WireError(
                .protocolViolation, at: base + 128,
                "reference sequence is \(referenceSequence); it must be below the frame's own, \(info.sequence)"
            )
        }
    }

    private func checkStrips(base: UInt64) throws(WireError) {
        guard profile >= WireProfile.raw, profile <= WireProfile.huffman else {
            throw WireError(.unsupported, at: base + 59, "profile \(profile) is not known to this version")
        }
        guard WireProfile.usesTiles(profile) || referenceSequence == nil else {
            throw WireError(
                .protocolViolation, at: base + 8,
                "a frame of profile \(profile) names a reference; only 3 (tile) and 4 (huffman) have one")
        }
        guard stripRows >= 1, stripRows <= FrameInfo.maximumSide else {
            throw WireError(
                .protocolViolation, at: base + 64,
                "strip rows is \(stripRows); it must be 1 to \(FrameInfo.maximumSide)")
        }
        guard let layout = try? FrameLayout(info) else { return }
        let expected = Self.stripCount(layout, stripRows: Int(stripRows))
        guard stripCount == expected else {
            throw WireError(
                .protocolViolation, at: base + 68,
                "strip count is \(stripCount); planes cut into strips of \(stripRows) rows come to \(expected)"
            )
        }
        guard !WireProfile.usesTiles(profile) else { return }
        for index in 0..<layout.planeCount {
            let plane = layout[plane: index]
            let size = min(Int(stripRows), plane.rows) * plane.rowBytes
            guard size <= Self.maximumStripBytes else {
                throw WireError(
                    .tooLarge, at: base + 64,
                    "strip rows is \(stripRows), strips of up to \(size) bytes; the limit of an LZ4 block is"
                        + " \(Self.maximumStripBytes)")
            }
        }
    }

    private func checkedPayloadSize(_ prefix: MessagePrefix, base: UInt64) throws(WireError) -> Int {
        let size = prefix.payloadSize
        let sizes = Self.payloadSizes(profile: profile, rawSize: rawSize, stripCount: Int(stripCount))
        guard size <= UInt64(sizes.upperBound) else {
            throw WireError(
                .tooLarge, at: base + 16,
                "payload size is \(size) bytes; in profile \(profile) a raw size of \(rawSize) comes to at most"
                    + " \(sizes.upperBound)")
        }
        guard size >= UInt64(sizes.lowerBound) else {
            throw WireError(
                .protocolViolation, at: base + 16,
                "payload size is \(size) bytes; in profile \(profile) a raw size of \(rawSize) comes to at least"
                    + " \(sizes.lowerBound)")
        }
        return Int(size)
    }
}

/// The time at `offset`, or none.
private func time(_ header: UnsafeRawBufferPointer, at offset: Int) -> Int64? {
    let value: Int64 = header.integer(at: offset)
    return value == WireFormat.noTime ? nil : value
}

/// The duration at `offset`; what is negative is none.
func duration(_ header: UnsafeRawBufferPointer, at offset: Int) -> Int64? {
    let value: Int64 = header.integer(at: offset)
    return value < 0 ? nil : value
}
