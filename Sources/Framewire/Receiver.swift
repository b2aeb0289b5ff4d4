import Buffers
import Codec
import Transport
import Wire

/// Takes a stream from a connection or a recording and gives its frames, decoded, one by one.
///
/// All methods may be called on any thread, several at once.
public final class Receiver: Sendable {
    /// How a receiver works. Times are nanoseconds.
    public struct Options: Sendable {
        /// The stream ends with the first connection instead of waiting for the next sender.
        public var once = false
        /// When frames are not fetched in time; ``OverflowPolicy/block`` slows the sender.
        public var overflow = OverflowPolicy.block
        /// Decoded frames that may wait, 1 to 64.
        public var queueDepth = 2
        /// Decoding threads, 1 to 64; 0 is one per processor, at most 4.
        public var threads = 0
        /// With `?connect=1`.
        public var reconnect = ReconnectPolicy.standard
        public var limits = Limits()
        /// Whether checksums that the sender sent along are compared.
        public var verifyChecksums = true
        /// With `?connect=1`, for one attempt; for each handshake of TLS.
        public var connectTimeout: Int64 = 5_000_000_000
        /// With `?connect=1`: opening does not wait for the first connection, even where it must succeed;
        /// ``Receiver/next(timeout:)`` fails if it does not, and ``Receiver/close()`` ends the attempt.
        public var connectsLater = false
        /// For `tls:` URLs.
        public var tls = TLSOptions()
        /// What becomes of the connections.
        public var onConnection: ConnectionHandler?
        /// How often a sender is asked whether it is there.
        public var keepaliveInterval: Int64 = Keepalive.standardInterval
        /// A sender that is not heard for so long, or of whose message so little comes that it is not worth
        /// waiting, is given up; negative is never. One that answers nothing, such as `nc`, may be silent
        /// between frames.
        public var idleTimeout: Int64 = Keepalive.standardTimeout
        /// Senders at once, 1 to 64, where the receiver listens; with ``once`` it is 1.
        public var maxPeers = 16

        public init() {}

        /// - Throws: ``FramewireError`` with code `invalidArgument` that names the option.
        package func validate() throws(FramewireError) {
            try checkRange("the queue depth", queueDepth, 1...64)
            try checkRange("the number of threads", threads, 0...64)
            try checkRange("the limit of the width", limits.maxWidth, 1...Int(UInt32.max))
            try checkRange("the limit of the height", limits.maxHeight, 1...Int(UInt32.max))
            try checkRange("the limit of bytes per frame", limits.maxFrameBytes, 1...(1 << 40))
            try checkRange("the limit of metadata bytes", limits.maxMetadataBytes, 0...(1 << 30))
            try checkRange("the number of senders", maxPeers, 1...64)
            guard keepaliveInterval > 0 else {
                throw FramewireError(
                    .invalidArgument, "the keepalive interval is \(keepaliveInterval) ns; it must be above 0")
            }
            guard connectTimeout > 0 else {
                throw FramewireError(
                    .invalidArgument, "the connect timeout is \(connectTimeout) ns; it must be above 0")
            }
        }
    }

    private let core: ReceiverCore

    /// Opens a receiver.
    ///
    /// - Parameter url: `tcp://:port` and `tcp://host:port` listen, without a host on loopback only;
    ///   `tcp://host:port?connect=1` connects; `tls:` and `unix:///path` likewise; `file:///path` reads a recording.
    /// - Throws: ``FramewireError``.
    public convenience init(from url: String, options: Options = Options()) throws(FramewireError) {
        try options.validate()
        let core: ReceiverCore
        do {
            core = try ReceiverCore(Endpoint(parsing: url), options)
        } catch {
            throw FramewireError(error)
        }
        try core.start()
        self.init(core)
    }

    /// Nothing throws here: Embedded Swift does not free an object whose designated initializer fails.
    private init(_ core: ReceiverCore) {
        self.core = core
    }

    deinit {
        close()
    }

    /// The next frame, complete and verified. Waits at most `timeout` nanoseconds; 0 does not wait, negative
    /// has no limit.
    ///
    /// - Throws: ``FramewireError``: `timeout`, `wouldBlock` (timeout 0), `closed` (the stream ended in good
    ///   order), or why it broke; after the last two each further call gives the same.
    public func next(timeout: Int64 = -1) throws(FramewireError) -> Frame {
        Frame(try core.next(timeout: timeout))
    }

    /// A descriptor for `poll()`: readable while ``next(timeout:)`` would return at once. It belongs to the
    /// receiver.
    public var descriptor: Int32 { core.readable.descriptor }

    /// The TCP port that a listening receiver is bound to; 0 where there is none.
    public var port: UInt16 { core.port }

    public var stats: ReceiverStats { core.currentStats() }

    /// The senders that are connected, in the order in which they came.
    public var peers: [PeerStats] {
        var peers: [PeerStats] = []
        while let peer = core.peerStats(peers.count) { peers.append(peer) }
        return peers
    }

    /// Asks the senders for no more frames, or for frames again; senders that connect later are asked the
    /// same. Frames under way still arrive. A sender that does not know of pauses goes on.
    public func setPaused(_ paused: Bool) {
        core.setPaused(paused)
    }

    /// Sends a message to the program of a sender, which ``Sender/nextMessage(timeout:)`` gives it. Never
    /// waits.
    ///
    /// - Parameters:
    ///   - peerID: as in ``ConnectionEvent/peerID``; nil is to all that are connected.
    ///   - type: the program's own.
    /// - Throws: ``FramewireError``: `tooLarge` (more than about 64 KiB), `wouldBlock` (64 messages wait for the sender;
    ///   of all: for each), `closed` (there is no such sender, or none), `noMemory`.
    public func send(
        type: UInt32, _ content: UnsafeRawBufferPointer, to peerID: UInt64? = nil
    ) throws(FramewireError) {
        try core.send(to: peerID ?? 0, type: type, content: content)
    }

    /// Asks all senders for a key frame of a stream and view. Whoever needs one to decode gets it without
    /// this.
    ///
    /// - Throws: ``FramewireError``: `wouldBlock` (8 requests wait) or `closed` (no sender is connected).
    public func requestKeyFrame(streamID: UInt32 = 0, viewID: UInt32 = 0) throws(FramewireError) {
        try core.requestKeyFrame(streamID: streamID, viewID: viewID)
    }

    /// How the stream ended that ended last; nil while none has.
    public var lastEnd: StreamEnd? { core.end }

    /// Closes the connection. Frames that were fetched stay valid; further calls of ``next(timeout:)`` fail.
    public func close() {
        core.close()
    }

    /// The C interface's way to the same.
    package var implementation: ReceiverCore { core }
}

#if !hasFeature(Embedded)
    extension Receiver {
        /// The frames as an asynchronous sequence, which ends when the stream ends in good order.
        ///
        /// One iteration at a time: several share the frames among them.
        public var frames: Frames { Frames(core: core) }

        /// The frames of a receiver.
        public struct Frames: AsyncSequence, AsyncIteratorProtocol, Sendable {
            fileprivate let core: ReceiverCore

            public func makeAsyncIterator() -> Frames { self }

            /// The next frame, or `nil` at the end of the stream or when the task is cancelled.
            ///
            /// - Throws: ``FramewireError`` when the stream broke.
            public func next() async throws(FramewireError) -> Frame? {
                let waiter = core.makeWaiter()
                let result: Result<Frame, FramewireError> = await withTaskCancellationHandler {
                    await withCheckedContinuation { core.wait(waiter, $0) }
                } onCancel: {
                    core.cancel(waiter)
                }
                core.forget(waiter)
                do {
                    return try result.get()
                } catch {
                    if error.code == .closed || error.code == .flushing { return nil }
                    throw error
                }
            }
        }
    }
#endif
