import Buffers
import Codec
import Wire

/// What a connection is doing. The raw values are those of `fw_connection_state`.
public enum ConnectionState: UInt32, Sendable {
    /// An attempt to connect begins. The one that opening waits for is not reported.
    case connecting = 1
    /// A peer is connected.
    case connected = 2
    /// A connection has ended; another may follow.
    case lost = 3
    /// The sender or receiver is of no more use; the last event.
    case closed = 4
}

/// What has become of a connection of a ``Sender`` or ``Receiver``.
public struct ConnectionEvent: Sendable {
    public var state: ConnectionState
    /// Counts the peers from 1; 0: none.
    public var peerID: UInt64
    /// The peer's address as a URL, or the one that is being connected to.
    public var peer: String
    /// Why the connection was lost, or the attempt before this one failed. Code `closed` is an end in good order.
    public var reason: FramewireError?
    /// Counts the attempts to connect from 1 since the last connection; 0: none.
    public var attempt: Int

    package init(
        _ state: ConnectionState, peerID: UInt64 = 0, peer: String, reason: FramewireError? = nil,
        attempt: Int = 0
    ) {
        self.state = state
        self.peerID = peerID
        self.peer = peer
        self.reason = reason
        self.attempt = attempt
    }
}

/// Called on the I/O thread without a lock held. It may call the sender or receiver, but not close it, nor wait for it.
public typealias ConnectionHandler = @Sendable (ConnectionEvent) -> Void

/// Why a stream ended. The raw values are those of `fw_end_reason`.
public enum EndReason: UInt32, Sendable {
    /// All is sent.
    case endOfStream = 0
    /// The other side could not go on.
    case failed = 1
    /// This side's bytes are wrong.
    case protocolError = 2
    /// This side's bytes are right, but nothing the other side understands.
    case unsupported = 3
    /// This side's bytes exceed a limit of the other side's.
    case tooLarge = 4
    /// No goodbye came: the connection broke or was silent for too long.
    case lost = 255

    /// What a goodbye says; a number that is not known is a failure.
    init(_ reason: Bye.Reason) {
        self = reason.rawValue < 255 ? EndReason(rawValue: reason.rawValue) ?? .failed : .failed
    }
}

/// A message that a receiver's program sent to the sender's.
public struct Message: Sendable {
    /// What the sending program gave.
    public var type: UInt32
    public var content: [UInt8]
    /// Whose message it is, as in ``ConnectionEvent/peerID``.
    public var peerID: UInt64

    package init(type: UInt32, content: [UInt8], peerID: UInt64) {
        self.type = type
        self.content = content
        self.peerID = peerID
    }
}

/// Counters of one peer since it connected, and its present state. Times are nanoseconds, `nil` where nothing
/// has been measured.
public struct PeerStats: Sendable {
    /// As in ``ConnectionEvent/peerID``.
    public var id: UInt64 = 0
    /// As a URL.
    public var address = ""
    /// Frames sent to it, or received from it.
    public var frames: UInt64 = 0
    /// Frames that it did not get because its link, or the program of its receiver, is behind.
    public var framesDropped: UInt64 = 0
    /// Bytes written to it, or read from it.
    public var bytesWire: UInt64 = 0
    /// Of its frames.
    public var profile = Profile.auto
    /// Whether the receiver has asked for no frames.
    public var isPaused = false
    /// Frames waiting for it, or of it.
    public var queueDepth = 0
    /// Bytes that the system holds unsent or unacknowledged for the connection.
    public var sendQueueBytes: UInt64 = 0
    /// There and back, from pings.
    public var roundTripP50: Int64?
    public var roundTripP99: Int64?
    /// From submit until the receiver's word of delivery has come back.
    public var latencyP50: Int64?
    public var latencyP99: Int64?

    public init() {}
}
