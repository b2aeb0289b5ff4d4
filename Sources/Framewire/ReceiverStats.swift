/// Counters of a receiver since it was opened, and its present state. Times are nanoseconds; percentiles are
/// over the last 512 to 1024 frames and at most 1 % above the exact ones, `nil` where nothing has been measured.
public struct ReceiverStats: Sendable {
    public var connected = false
    /// Frames decoded.
    public var framesReceived: UInt64 = 0
    /// Frames handed out.
    public var framesDelivered: UInt64 = 0
    /// Frames dropped by the overflow policy here.
    public var framesDropped: UInt64 = 0
    /// Gaps in the sender's sequence: frames that the sender did not send.
    public var framesMissed: UInt64 = 0
    /// Bytes of the frames decoded.
    public var bytesRaw: UInt64 = 0
    /// Bytes read from the connection or file.
    public var bytesWire: UInt64 = 0
    /// Senders that connected.
    public var connections: UInt64 = 0
    /// Connections ended by an error.
    public var errors: UInt64 = 0
    /// Frames whose checksum was compared and equal.
    public var checksumsVerified: UInt64 = 0
    /// Frames that were passed over because the frame that they are coded against is not here.
    public var framesUndecodable: UInt64 = 0
    /// Frames waiting now.
    public var queueDepth = 0
    /// Frames of pooled memory that exist now.
    public var framesAllocated = 0
    public var decodeP50: Int64?
    public var decodeP99: Int64?
    /// From submit to delivery as the sender measured it.
    public var latencyP50: Int64?
    public var latencyP99: Int64?

    /// There and back, from pings to all senders.
    public var roundTripP50: Int64?
    public var roundTripP99: Int64?
    /// Senders that are connected now.
    public var peers = 0
    /// Connections beyond ``Receiver/Options/maxPeers``.
    public var peersRefused: UInt64 = 0
    /// Whether the senders are asked for no frames.
    public var isPaused = false

    public init() {}
}
