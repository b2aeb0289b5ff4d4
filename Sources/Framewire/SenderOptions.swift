import Codec
import Transport

/// What becomes of a frame when a queue is full. The raw values are those of `fw_overflow`.
public enum OverflowPolicy: UInt32, Sendable {
    /// The oldest waiting frame of the new one's stream and view is dropped, or else the oldest; and where frames wait
    /// for the link, all but the newest of each: the latest frame wins.
    case dropOldest = 0
    /// The new frame is dropped.
    case dropNewest = 1
    /// The caller waits until there is room: nothing is lost.
    case block = 2
}

/// What happens when there is no connection. The raw values are those of `fw_reconnect`.
public enum ReconnectPolicy: UInt32, Sendable {
    /// As ``afterLoss``.
    case standard = 0
    /// A lost connection is final.
    case never = 1
    /// The first attempt must succeed; a connection that is lost later is made again.
    case afterLoss = 2
    /// Opening succeeds at once; attempts go on until one succeeds.
    case always = 3
}

extension Sender {
    /// How a sender works. Times are nanoseconds.
    public struct Options: Sendable {
        public var profile = Profile.auto
        /// LZ4's acceleration: 1 compresses best, up to 65537 is faster and larger.
        public var acceleration: Int32 = 1
        public var overflow = OverflowPolicy.dropOldest
        /// Frames that may wait, 1 to 64.
        public var queueDepth = 2
        /// Compression threads, 1 to 64; 0 is one per processor, at most 4.
        public var threads = 0
        public var reconnect = ReconnectPolicy.standard
        /// Whether each frame carries an XXH3-64 of its pixels; `nil`: in recordings only.
        public var checksum: Bool?
        /// For one attempt to connect.
        public var connectTimeout: Int64 = 5_000_000_000
        /// Whether opening does not wait for the first connection, even where it must succeed; the sender fails later
        /// if it does not. ``Sender/awaitConnection(timeout:)`` waits for it, and ``Sender/close()`` ends the attempt.
        public var connectsLater = false
        /// How long ``OverflowPolicy/block`` waits at most; negative is for ever.
        public var blockTimeout: Int64 = -1
        /// How long ``Sender/close()`` waits for queued frames to leave.
        public var closeTimeout: Int64 = 5_000_000_000
        /// For `tls:` URLs.
        public var tls = TLSOptions()

        /// In the tile profiles, a key frame comes after this many frames at the latest; 0: only when one is needed,
        /// and in recordings after 60 frames.
        public var keyFrameInterval = 0
        /// How many frames a second each receiver gets at most, in thousandths; the others are dropped by the overflow
        /// policy, as with a slow link. 0: any number. All streams and views count together.
        public var maxFrameRate: UInt32 = 0
        /// How many bits a second each receiver gets at most, on average over a few frames; 0: any number.
        public var maxBitRate: UInt64 = 0
        /// Gets what becomes of connections.
        public var onConnection: ConnectionHandler?
        /// How often a receiver is asked whether it is there.
        public var keepaliveInterval = Keepalive.standardInterval
        /// After how long a receiver that is silent is given up; negative: never. For peers that are no receivers of
        /// Framewire, what their system confirms counts.
        public var idleTimeout = Keepalive.standardTimeout
        /// How many receivers a sender that listens serves at once, 1 to 32. Others are refused.
        public var maxPeers = 16

        public init() {}

        package var rateLimits: RateLimits { RateLimits(frameRate: maxFrameRate, bitRate: maxBitRate) }

        /// - Throws: ``FramewireError`` with code `invalidArgument` that names the option.
        package func validate() throws(FramewireError) {
            try checkRange("the queue depth", queueDepth, 1...64)
            try checkRange("the number of threads", threads, 0...64)
            try checkRange("the acceleration", Int(acceleration), 1...65537)
            try checkRange("the number of peers", maxPeers, 1...Sender.maximumPeers)
            try checkRange("the key frame interval", keyFrameInterval, 0...Int(Int32.max))
            guard connectTimeout > 0 else {
                throw FramewireError(
                    .invalidArgument, "the connect timeout is \(connectTimeout) ns; it must be above 0")
            }
            guard keepaliveInterval > 0 else {
                throw FramewireError(
                    .invalidArgument, "the keepalive interval is \(keepaliveInterval) ns; it must be above 0")
            }
            guard idleTimeout != 0 else {
                throw FramewireError(
                    .invalidArgument, "the idle timeout is 0 ns; give a time, or a negative one for never")
            }
            guard closeTimeout >= 0 else {
                throw FramewireError(
                    .invalidArgument, "the close timeout is \(closeTimeout) ns; it must be 0 or more")
            }
        }
    }
}

/// - Throws: ``FramewireError`` with code `invalidArgument` when `value` is outside of `range`.
func checkRange(_ name: StaticString, _ value: Int, _ range: ClosedRange<Int>) throws(FramewireError) {
    guard range.contains(value) else {
        throw FramewireError(
            .invalidArgument, "\(name) is \(value); it must be \(range.lowerBound) to \(range.upperBound)")
    }
}
