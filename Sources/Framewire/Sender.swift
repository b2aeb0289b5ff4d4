import Buffers
import Codec
import Transport

/// Takes frames from a renderer and writes them to a connection or a recording. One that listens serves several
/// receivers at once.
///
/// The caller's thread hands frames over and goes on: compression runs on the sender's worker threads and the
/// network on its I/O thread. Only ``OverflowPolicy/block`` ever makes it wait. All methods may be called on
/// any thread, several at once.
public final class Sender: Sendable {
    private let core: SenderCore

    /// The most frames of one sender that may be in use: acquired, waiting and being sent.
    public static let maximumFrames = 128

    /// The most receivers that a sender can serve at once.
    public static let maximumPeers = 32

    /// Opens a sender.
    ///
    /// - Parameter url: `tcp://host:port` connects, `tcp://host:port?listen=1` listens, `tls:` and
    ///   `unix:///path` likewise, `file:///path` writes a recording.
    /// - Throws: ``FramewireError``; waits at most for the name look-up and `options.connectTimeout`.
    public convenience init(to url: String, options: Options = Options()) throws(FramewireError) {
        try options.validate()
        let core: SenderCore
        do {
            core = try SenderCore(Endpoint(parsing: url), options)
        } catch {
            throw FramewireError(error)
        }
        try core.start()
        self.init(core)
    }

    /// Checks a URL without opening it.
    ///
    /// - Throws: ``FramewireError``: `address`.
    package static func check(url: String) throws(FramewireError) {
        do {
            _ = try Endpoint(parsing: url)
        } catch {
            throw FramewireError(error)
        }
    }

    /// Nothing throws here: Embedded Swift does not free an object whose designated initializer fails.
    private init(_ core: SenderCore) {
        self.core = core
    }

    deinit {
        close()
    }

    /// Lends a frame of pooled memory to be filled and given to ``submit(_:)``. Its content is undefined.
    /// Never waits.
    ///
    /// - Throws: ``FramewireError``: `invalidArgument`, `closed`, `wouldBlock` (``maximumFrames`` are in
    ///   use), `noMemory`.
    public func acquire(_ info: FrameInfo) throws(FramewireError) -> Frame {
        Frame(try core.acquire(info))
    }

    /// Queues an acquired frame without a copy. Its pixels must not be written afterwards.
    ///
    /// A frame dropped by the overflow policy is not an error; ``stats`` counts it.
    /// - Throws: ``FramewireError``: `invalidArgument` (a frame of another sender, or submitted twice),
    ///   `closed`, `timeout`.
    public func submit(_ frame: Frame) throws(FramewireError) {
        frame.slot.retain()
        try core.submit(frame.slot)
    }

    /// Copies `pixels`, which `info` describes, and queues them.
    ///
    /// - Throws: ``FramewireError``: as ``acquire(_:)`` and ``submit(_:)``, `outOfRange` (too few bytes).
    public func push(_ info: FrameInfo, pixels: UnsafeRawBufferPointer) throws(FramewireError) {
        try core.push(info, pixels)
    }

    /// Queues memory of the caller's without a copy; it must stay as it is until `release` is called, once,
    /// on any thread.
    ///
    /// - Throws: as ``push(_:pixels:)``; then `release` is not called.
    public func push(
        _ info: FrameInfo, wrapping pixels: UnsafeRawBufferPointer, release: @escaping @Sendable () -> Void
    ) throws(FramewireError) {
        let slot = try core.bareSlot(info, available: pixels.count)
        slot.useWrapped(pixels, release: release)
        try core.submitForeign(slot)
    }

    /// A frame over memory of the caller's, to be given metadata and then to ``submit(_:)``. The memory must
    /// stay as it is until `release` is called, once, on any thread: when the last owner of the frame is gone.
    ///
    /// - Throws: as ``acquire(_:)``, `outOfRange` (too few bytes); then `release` is not called.
    public func wrap(
        _ info: FrameInfo, pixels: UnsafeRawBufferPointer, release: @escaping @Sendable () -> Void
    ) throws(FramewireError) -> Frame {
        Frame(try core.wrap(info, pixels, release: release))
    }

    /// Queues a buffer of any number of memories that together hold what `info` describes. Nothing is merged
    /// or copied.
    ///
    /// Metas that can be serialised and depend on no memory go along; the buffer of the received frame has
    /// them, where their type is registered.
    ///
    /// - Throws: as ``push(_:pixels:)``; `unsupported` for a memory that is not mappable; `tooLarge` for more
    ///   metas than a frame can carry; what the function of a meta's type gives.
    public func push(_ info: FrameInfo, buffer: Buffer) throws(FramewireError) {
        let slot = try core.bareSlot(info, available: buffer.size)
        do {
            try slot.useBufferWithMetas(buffer)
        } catch {
            slot.drop()
            throw error
        }
        try core.submitForeign(slot)
    }

    /// Waits until every frame queued so far has been handed to the system, at most `timeout` nanoseconds;
    /// negative is without a limit.
    ///
    /// - Throws: ``FramewireError``: `timeout`, `wouldBlock` (timeout 0), `closed`.
    public func flush(timeout: Int64 = -1) throws(FramewireError) {
        try core.flush(timeout: timeout)
    }

    /// Whether a peer is connected now; always true for a recording.
    public var isConnected: Bool { core.isConnected }

    /// The receivers that are connected now; 1 for a recording.
    public var receiverCount: Int { core.receiverCount }

    /// Whether a frame that is given now would be encoded and sent at once to one receiver at least. A renderer may
    /// skip frames while none would.
    public var isReady: Bool { core.isReady }

    /// Changes ``Options/maxFrameRate`` and ``Options/maxBitRate``.
    ///
    /// - Throws: ``FramewireError``: `closed`.
    public func setRateLimits(frameRate: UInt32, bitRate: UInt64) throws(FramewireError) {
        try core.setRateLimits(RateLimits(frameRate: frameRate, bitRate: bitRate))
    }

    /// The message of a receiver that has waited longest, at most 256 of which wait; negative `timeout` is without a
    /// limit.
    ///
    /// - Throws: ``FramewireError``: `timeout`, `wouldBlock` (timeout 0), `closed` once the sender is and no message
    ///   waits.
    public func nextMessage(timeout: Int64 = -1) throws(FramewireError) -> Message {
        try core.nextMessage(timeout: timeout)
    }

    /// Sends what is queued, tells all receivers why the stream ends, and waits until that is done, at most `timeout`
    /// nanoseconds; negative is without a limit. Frames given later are refused with `closed`.
    ///
    /// - Parameters:
    ///   - reason: not ``EndReason/lost``.
    ///   - text: for people; at most 1024 bytes of it are told.
    /// - Throws: ``FramewireError``: `timeout` when frames could not be sent, `closed`, `invalidArgument`.
    public func end(
        _ reason: EndReason = .endOfStream, _ text: String = "", timeout: Int64 = -1
    ) throws(FramewireError) {
        try core.end(reason, text, timeout: timeout)
    }

    /// The TCP port that a listening sender is bound to; 0 where there is none.
    public var port: UInt16 { core.port }

    public var stats: SenderStats { core.currentStats() }

    /// - Parameter index: 0 to ``receiverCount`` - 1, in the order in which they connected.
    /// - Returns: nil when there are not so many receivers.
    public func peerStats(at index: Int) -> PeerStats? { core.peerStats(at: index) }

    /// Sends what is queued within `options.closeTimeout`, says goodbye and closes. Further calls of the
    /// sender fail.
    public func close() {
        core.close()
    }

    /// The C interface's way to the same.
    package var implementation: SenderCore { core }
}
