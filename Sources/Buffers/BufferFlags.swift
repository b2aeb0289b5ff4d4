/// Properties of a ``Buffer``. The raw values are those of `fw_buffer_flags`; the upper 16 bits are for
/// users.
public struct BufferFlags: OptionSet, Sendable {
    public let rawValue: UInt32

    public init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    /// From a live source: to be dropped when it is late in a pause.
    public static let live = BufferFlags(rawValue: 1 << 0)
    /// Needed to decode others, not to be shown.
    public static let decodeOnly = BufferFlags(rawValue: 1 << 1)
    /// Does not follow the buffer before it without a gap.
    public static let discont = BufferFlags(rawValue: 1 << 2)
    /// The times have to be looked at anew.
    public static let resync = BufferFlags(rawValue: 1 << 3)
    /// The content is known to be damaged.
    public static let corrupted = BufferFlags(rawValue: 1 << 4)
    /// A boundary that the format marks, such as the last packet of a frame.
    public static let marker = BufferFlags(rawValue: 1 << 5)
    /// Header data.
    public static let header = BufferFlags(rawValue: 1 << 6)
    /// Neutral content, such as silence, made to fill a gap.
    public static let gap = BufferFlags(rawValue: 1 << 7)
    /// May be dropped without harm to others.
    public static let droppable = BufferFlags(rawValue: 1 << 8)
    /// Cannot be decoded by itself.
    public static let deltaUnit = BufferFlags(rawValue: 1 << 9)
    /// Set by the library: the list of memories was changed.
    public static let tagMemory = BufferFlags(rawValue: 1 << 10)
    /// To be written to disk behind this buffer.
    public static let syncAfter = BufferFlags(rawValue: 1 << 11)
    /// Must not be dropped.
    public static let nonDroppable = BufferFlags(rawValue: 1 << 12)

    /// The first of 16 bits that users may give a meaning.
    public static let user = BufferFlags(rawValue: 1 << 16)

    /// All bits that mean something.
    package static let known = BufferFlags(rawValue: 0xFFFF_1FFF)
}

/// What a copy takes along. The raw values are those of `fw_buffer_copy_flags`.
public struct BufferCopyFlags: OptionSet, Sendable {
    public let rawValue: UInt32

    public init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    public static let flags = BufferCopyFlags(rawValue: 1 << 0)
    /// Times and offsets.
    public static let timestamps = BufferCopyFlags(rawValue: 1 << 1)
    public static let meta = BufferCopyFlags(rawValue: 1 << 2)
    public static let memory = BufferCopyFlags(rawValue: 1 << 3)
    /// With ``memory``: the result has one memory.
    public static let merge = BufferCopyFlags(rawValue: 1 << 4)
    /// With ``memory``: copies the bytes instead of sharing them.
    public static let deep = BufferCopyFlags(rawValue: 1 << 5)
    public static let metadata: BufferCopyFlags = [.flags, .timestamps, .meta]
    public static let all: BufferCopyFlags = [.metadata, .memory]

    package func check() throws(BufferError) {
        guard rawValue <= 0x3F else {
            throw .invalidArgument("copy flags \(rawValue) have bits that mean nothing")
        }
    }
}
