import Codec

/// Counters of a sender since it was opened, and its present state. Times are nanoseconds; percentiles are
/// over the last 512 to 1024 frames and at most 1 % above the exact ones, `nil` where nothing has been measured.
///
/// With several receivers a frame counts for each of them; ``Sender/peerStats(at:)`` tells them apart.
public struct SenderStats: Sendable {
    public var connected = false
    /// Frames handed over, those dropped later included.
    public var framesPushed: UInt64 = 0
    /// Frames whose last byte was handed to the system.
    public var framesSent: UInt64 = 0
    /// Frames dropped by the overflow policy, or with a lost connection.
    public var framesDropped: UInt64 = 0
    /// Bytes of the frames sent, before compression, packed.
    public var bytesRaw: UInt64 = 0
    /// Bytes of the same frames on the wire, headers included.
    public var bytesWire: UInt64 = 0
    /// Frames that the receiver reported as delivered.
    public var framesAcknowledged: UInt64 = 0
    /// How often a connection was made.
    public var connections: UInt64 = 0
    /// Bytes of pixels copied between the caller's memory and the compressor.
    public var pixelBytesCopied: UInt64 = 0
    /// Frames waiting now, of the receiver for which most do.
    public var queueDepth = 0
    /// The most that ever waited.
    public var queuePeak = 0
    /// Frames of pooled memory that exist now.
    public var framesAllocated = 0
    /// The profile that frames are coded with; a single frame on trial in another does not count.
    public var profile = Profile.auto
    /// Why it is that.
    public var profileReason = ProfileReason.none
    public var encodeP50: Int64?
    public var encodeP99: Int64?
    /// From submit until the receiver's word of delivery has come back.
    public var latencyP50: Int64?
    public var latencyP99: Int64?
    /// Time spent inside submit, on the caller's thread.
    public var submitP50: Int64?
    public var submitP99: Int64?
    /// Bytes that the system holds unsent or unacknowledged for the connection.
    public var sendQueueBytes: UInt64 = 0
    /// There and back, from pings.
    public var roundTripP50: Int64?
    public var roundTripP99: Int64?
    /// Receivers that are connected now.
    public var receivers = 0
    /// How often a frame was encoded: once for all receivers that need the same.
    public var framesEncoded: UInt64 = 0
    /// Messages that receivers have sent, and those of them that were dropped because too many waited.
    public var messagesReceived: UInt64 = 0
    public var messagesDropped: UInt64 = 0

    public init() {}
}
