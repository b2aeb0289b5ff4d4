/// What a reader accepts. Every length in a message is held against these before anything is allocated for
/// it.
public struct Limits: Sendable, Equatable {
    /// The widest frame, in pixels.
    public var maxWidth: Int
    /// The highest frame, in pixels.
    public var maxHeight: Int
    /// The largest decoded frame, tightly packed, in bytes.
    public var maxFrameBytes: Int
    /// The most metadata one message may carry, in bytes. Frames of other programs between messages are
    /// skipped up to this size.
    public var maxMetadataBytes: Int

    /// The defaults are 16384 × 16384 pixels, 256 MiB and 64 KiB.
    public init(
        maxWidth: Int = 16384, maxHeight: Int = 16384, maxFrameBytes: Int = 256 << 20,
        maxMetadataBytes: Int = 64 << 10
    ) {
        self.maxWidth = maxWidth
        self.maxHeight = maxHeight
        self.maxFrameBytes = maxFrameBytes
        self.maxMetadataBytes = maxMetadataBytes
    }
}
