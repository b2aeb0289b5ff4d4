import Buffers

/// One tagged entry of a message's metadata, borrowed from the bytes it was read from.
package struct MetadataEntry {
    /// What the content is.
    package struct Kind: RawRepresentable, Sendable, Equatable {
        package var rawValue: UInt16

        package init(rawValue: UInt16) {
            self.rawValue = rawValue
        }

        /// A key and a text in UTF-8.
        package static let text = Kind(rawValue: 1)
        /// A name and sixteen IEEE floats, column by column.
        package static let matrix = Kind(rawValue: 2)
        /// A name and bytes of the user's own.
        package static let bytes = Kind(rawValue: 3)
        /// The name of a meta's type and the meta, serialised as that type says.
        package static let bufferMeta = Kind(rawValue: 4)

        /// Whether the entry begins with a name.
        package var isNamed: Bool { rawValue >= 1 && rawValue <= 4 }
    }

    package var kind: Kind
    /// UTF-8; empty for kinds that this version does not know.
    package var name: UnsafeRawBufferPointer
    /// Behind the name; for kinds that are not known, all there is.
    package var content: UnsafeRawBufferPointer

    /// Whether the name is `other`.
    package func isNamed(_ other: StaticString) -> Bool {
        name.elementsEqual(UnsafeRawBufferPointer(start: other.utf8Start, count: other.utf8CodeUnitCount))
    }

    /// The content as text; bytes that are no UTF-8 become U+FFFD.
    package var text: String {
        String(bytes: content)
    }

    /// Element `index`, 0 to 15 column by column, of a matrix.
    package func matrixElement(_ index: Int) -> Float {
        Float(bitPattern: content.integer(at: 4 * index, as: UInt32.self))
    }
}

/// Writes tagged entries into memory of the caller's, one behind the other. Nothing is allocated.
package struct MetadataWriter {
    private let bytes: UnsafeMutableRawBufferPointer
    /// Bytes written so far.
    package private(set) var size = 0

    package init(_ bytes: UnsafeMutableRawBufferPointer) {
        self.bytes = bytes
    }

    /// What has been written, for an encoder.
    package var written: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: bytes[..<size])
    }

    /// Bytes of an entry with a name.
    package static func encodedSize(name: StaticString, contentSize: Int) -> Int {
        encodedSize(nameSize: name.utf8CodeUnitCount, contentSize: contentSize)
    }

    /// As ``encodedSize(name:contentSize:)``.
    package static func encodedSize(nameSize: Int, contentSize: Int) -> Int {
        MetadataReader.entryHeaderSize + 2 + nameSize + contentSize
    }

    /// Appends an entry with a name, as the kinds of ``MetadataEntry/Kind`` have it.
    ///
    /// - Returns: `false`, and nothing is written, when there is no room, the name is longer than 65535
    ///   bytes, or a matrix has not 64.
    package mutating func append(
        _ kind: MetadataEntry.Kind, name: UnsafeRawBufferPointer, content: UnsafeRawBufferPointer
    ) -> Bool {
        guard kind != .matrix || content.count == MetadataReader.matrixSize else { return false }
        let prefix = MetadataReader.entryHeaderSize + 2
        guard name.count <= Int(UInt16.max), name.count <= bytes.count - size - prefix,
            content.count <= bytes.count - size - prefix - name.count, content.count <= Int(Int32.max)
        else { return false }
        bytes.store(kind.rawValue, at: size)
        bytes.store(UInt32(2 + name.count + content.count), at: size + 2)
        bytes.store(UInt16(name.count), at: size + 6)
        UnsafeMutableRawBufferPointer(rebasing: bytes[(size + prefix)...]).copyMemory(from: name)
        UnsafeMutableRawBufferPointer(rebasing: bytes[(size + prefix + name.count)...]).copyMemory(
            from: content)
        size += prefix + name.count + content.count
        return true
    }

    /// As ``append(_:name:content:)``, for a name in the program's text.
    package mutating func append(
        _ kind: MetadataEntry.Kind, name: StaticString, content: UnsafeRawBufferPointer
    ) -> Bool {
        append(
            kind, name: UnsafeRawBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount),
            content: content)
    }

    /// Appends a text of at most `limit` bytes of UTF-8; a longer one is cut at a whole character.
    package mutating func append(_ text: String, name: StaticString, limit: Int = .max) -> Bool {
        let size = Self.size(of: text, limit: limit)
        return text.utf8.withContiguousStorageIfAvailable { utf8 in
            append(.text, name: name, content: UnsafeRawBufferPointer(utf8).slice(0, size))
        } ?? false
    }

    /// Bytes of UTF-8 that are left of `text` when it is cut at `limit` or before, at a whole character.
    static func size(of text: String, limit: Int) -> Int {
        return text.utf8.withContiguousStorageIfAvailable { utf8 in
            guard utf8.count > limit else { return utf8.count }
            var size = limit
            while size > 0, utf8[size] & 0xC0 == 0x80 { size -= 1 }
            return size
        } ?? 0
    }
}

/// Takes tagged entries apart, checking every length.
package struct MetadataReader {
    /// Bytes of an entry before its content: kind and length.
    static let entryHeaderSize = 6
    static let matrixSize = 64

    private let bytes: UnsafeRawBufferPointer
    private var position = 0
    private let base: UInt64

    /// `base` is the offset of `bytes` in the stream, for error messages.
    package init(_ bytes: UnsafeRawBufferPointer, base: UInt64 = 0) {
        self.bytes = bytes
        self.base = base
    }

    /// The next entry, of whatever kind, or none at the end.
    package mutating func next() throws(WireError) -> MetadataEntry? {
        let left = bytes.count - position
        guard left > 0 else { return nil }
        let offset = base + UInt64(position)
        guard left >= Self.entryHeaderSize else {
            throw WireError(
                .protocolViolation, at: offset,
                "metadata ends with \(left) bytes; an entry has at least \(Self.entryHeaderSize)")
        }
        let kind = MetadataEntry.Kind(rawValue: bytes.integer(at: position))
        let length: UInt32 = bytes.integer(at: position + 2)
        guard length <= left - Self.entryHeaderSize else {
            throw WireError(
                .protocolViolation, at: offset + 2,
                "metadata entry of type \(kind.rawValue) has \(length) bytes; \(left - Self.entryHeaderSize) are left"
            )
        }
        let body = bytes.slice(position + Self.entryHeaderSize, Int(length))
        position += Self.entryHeaderSize + Int(length)
        guard kind.isNamed else {
            return MetadataEntry(kind: kind, name: body.slice(0, 0), content: body)
        }
        guard body.count >= 2, Int(body.integer(at: 0, as: UInt16.self)) <= body.count - 2 else {
            throw WireError(
                .protocolViolation, at: offset + 6,
                "the name of a metadata entry of type \(kind.rawValue) does not fit its \(length) bytes")
        }
        let nameSize = Int(body.integer(at: 0, as: UInt16.self))
        let content = body.slice(2 + nameSize, body.count - 2 - nameSize)
        guard kind != .matrix || content.count == Self.matrixSize else {
            throw WireError(
                .protocolViolation, at: offset + 2,
                "a matrix in the metadata has \(content.count) bytes; it must have \(Self.matrixSize)")
        }
        return MetadataEntry(kind: kind, name: body.slice(2, nameSize), content: content)
    }

    /// The first entry of `kind` with this name, or none. Entries before it are passed over.
    package mutating func first(
        _ kind: MetadataEntry.Kind, named name: StaticString
    ) throws(WireError) -> MetadataEntry? {
        while let entry = try next() {
            if entry.kind == kind, entry.isNamed(name) { return entry }
        }
        return nil
    }
}
