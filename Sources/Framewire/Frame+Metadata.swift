import Buffers
import Wire

/// What a piece of metadata is. The raw values are those of `fw_metadata_kind`.
public enum FrameMetadataKind: UInt16, Sendable {
    case text = 1
    /// Sixteen floats, column by column.
    case matrix = 2
    case bytes = 3
    /// A meta of the sender's buffer, as its type serialised it; the name is that of the type.
    case bufferMeta = 4
}

/// One value that goes with a frame's pixels. It lives no longer than the call that gave it.
public struct FrameMetadataEntry {
    public let kind: FrameMetadataKind
    private let nameBytes: UnsafeRawBufferPointer
    /// The value as bytes; a matrix is 64 of them.
    public let content: UnsafeRawBufferPointer

    init?(_ kind: MetadataEntry.Kind, _ name: UnsafeRawBufferPointer, _ content: UnsafeRawBufferPointer) {
        guard let kind = FrameMetadataKind(rawValue: kind.rawValue) else { return nil }
        self.kind = kind
        nameBytes = name
        self.content = content
    }

    public var name: String { String(bytes: nameBytes) }

    /// The value as text; bytes that are no UTF-8 become U+FFFD.
    public var text: String { String(bytes: content) }

    /// The value of a matrix, column by column; `nil` for other kinds.
    public var matrix: SIMD16<Float>? { kind == .matrix ? FrameMetadata.matrix(content) : nil }
}

extension FrameMetadata {
    /// The sixteen floats of a matrix.
    static func matrix(_ content: UnsafeRawBufferPointer) -> SIMD16<Float> {
        var result = SIMD16<Float>()
        for index in 0..<16 {
            result[index] = Float(
                bitPattern: UInt32(
                    littleEndian: content.loadUnaligned(fromByteOffset: 4 * index, as: UInt32.self)))
        }
        return result
    }
}

/// Metadata: values with names that go with the pixels.
///
/// They are set on a frame from ``Sender/acquire(_:)`` or ``Sender/wrap(_:pixels:release:)`` before it is submitted, or
/// from the same of ``FrameMessageEncoder``, and read from a received one. A frame carries at most 64 KiB of them, names included, in at most 1024 values. Setting a
/// value replaces the one of the same kind and name, and throws ``FramewireError``: `invalidArgument` (a name must have
/// 1 to 255 bytes of UTF-8 without a zero), `notWritable` (a received or submitted frame), `tooLarge`, `noMemory`.
extension Frame {
    public func setText(_ text: String, forKey key: String) throws(FramewireError) {
        var text = text
        let result = text.withUTF8 { set(.text, key, UnsafeRawBufferPointer($0)) }
        try result.get()
    }

    /// Sets a matrix of 4 × 4 elements, column by column.
    public func setMatrix(_ matrix: SIMD16<Float>, forKey name: String) throws(FramewireError) {
        var bits = SIMD16<UInt32>()
        for index in 0..<16 { bits[index] = matrix[index].bitPattern.littleEndian }
        let result = Swift.withUnsafeBytes(of: bits) { set(.matrix, name, $0) }
        try result.get()
    }

    public func setBytes(_ bytes: UnsafeRawBufferPointer, forKey name: String) throws(FramewireError) {
        try set(.bytes, name, bytes).get()
    }

    /// Takes over all values of another frame in place of those that are here, the metas of a buffer included: for a
    /// program that passes frames on.
    public func copyMetadata(of other: Frame) throws(FramewireError) {
        try slot.copyMetadata(of: other.slot)
    }

    private func set(
        _ kind: MetadataEntry.Kind, _ name: String, _ content: UnsafeRawBufferPointer
    ) -> Result<Void, FramewireError> {
        var name = name
        return name.withUTF8 { name in
            do throws(FramewireError) {
                try slot.setMetadata(kind, UnsafeRawBufferPointer(name), content)
                return .success(())
            } catch {
                return .failure(error)
            }
        }
    }

    /// The text that was set for `key`; `nil` when there is none.
    public func text(forKey key: String) -> String? {
        find(.text, key).map { String(bytes: $0.content) }
    }

    /// The matrix of this name, column by column; `nil` when there is none.
    public func matrix(forKey name: String) -> SIMD16<Float>? {
        find(.matrix, name).map { FrameMetadata.matrix($0.content) }
    }

    /// Calls `body` with the bytes of this name; `nil` when there are none.
    public func withBytes<R>(forKey name: String, _ body: (UnsafeRawBufferPointer) -> R) -> R? {
        find(.bytes, name).map { body($0.content) }
    }

    private func find(_ kind: MetadataEntry.Kind, _ name: String) -> FrameMetadata.Entry? {
        var name = name
        return name.withUTF8 { slot.metadata.find(kind, UnsafeRawBufferPointer($0)) }
    }

    /// The number of values.
    public var metadataCount: Int { slot.metadata.count }

    /// Calls `body` with each value, in the order they were set.
    public func forEachMetadata(_ body: (FrameMetadataEntry) -> Void) {
        for index in 0..<slot.metadata.count {
            guard let found = slot.metadata.entry(index),
                let entry = FrameMetadataEntry(found.kind, found.name, found.content)
            else { continue }
            body(entry)
        }
    }
}
