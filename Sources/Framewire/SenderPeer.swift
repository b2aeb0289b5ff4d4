import Buffers
import CPosix
import Codec
import Synchronization
import Transport
import Wire

/// One receiver of a sender: its connection, what is on its way to it, and what is known of it.
///
/// It belongs to the I/O thread.
final class SenderPeer {
    let connection: Connection
    let queue: SenderQueue
    let references = References()
    let backChannel = BackChannel()
    var chooser: ProfileChooser
    var keepalive: Keepalive
    var gate = RateGate()
    /// When the last frame for it was encoded.
    var lastEncoded: Int64?
    /// What it said that it takes; nil before its hello has come.
    private(set) var profiles: UInt32?
    private var peerLimits: Limits?
    private(set) var flow = Flow(isPaused: false)
    /// Whether it has been said that frames are too large for it.
    private var hasBeenTooLarge = false
    /// Whether more may be there to be read without an event that says so.
    var mayHaveMore = false
    /// Whether nothing more is waited for at the end.
    var hasLeft = false

    /// The message that is being sent, and the one that comes next.
    private(set) var sending: EncodedMessage?
    var next: EncodedMessage?
    /// The beginning of the message that is being sent, which is not the same for all that share it.
    private let head = RawBlock()
    private var headSize = 0
    /// The first piece that is not completely sent, and how much of it is.
    private var piece = 0
    private var pieceOffset = 0
    /// Bytes of the message still to be sent.
    private(set) var remaining = 0
    private(set) var messageSize = 0
    private(set) var sendStart: Int64 = 0
    /// When the connection last took bytes of a message.
    private var lastTaken: Int64
    /// Whether the link made this message wait, and whether it made the one before.
    private var wasHeldUp = false
    private var wasHeldUpBefore = false
    /// Bytes per nanosecond that the link takes: a moving average.
    private var drainRate = 0.0

    /// What is said between messages, from `controlStart` to `controlEnd`. It is not moved while it waits: TLS
    /// wants the same bytes again.
    private let control: UnsafeMutableRawBufferPointer
    private var controlStart = 0
    private var controlEnd = 0
    /// Since when the other side's system has had something to confirm.
    private var unconfirmedSince: Int64
    private var nextLook: Int64

    init(_ connection: Connection, _ queue: SenderQueue, _ options: Sender.Options) {
        let now = Clock.now()
        self.connection = connection
        self.queue = queue
        chooser = ProfileChooser(
            options.profile, isRecording: connection.isFile, isLocal: connection.isLocal)
        keepalive = Keepalive(interval: options.keepaliveInterval, timeout: options.idleTimeout, now: now)
        lastTaken = now
        unconfirmedSince = now
        nextLook = now
        control = .allocate(byteCount: 4096, alignment: 8)
        controlEnd = StreamOpening.encode(into: control)
        // Asks a receiver for its own hello, which that keeps from tools that would not read it.
        if !connection.isFile {
            let hello = Hello(
                profiles: WireProfile.all, limits: Limits(), role: .sender, name: "framewire")
            say(hello.encodedSize) { hello.encode(into: $0) }
        }
    }

    deinit {
        references.forgetAll()
        control.deallocate()
    }

    // MARK: - What the receiver says

    func take(_ hello: Hello) {
        profiles = hello.profiles
        peerLimits = hello.limits
        keepalive.activate()
    }

    func take(_ flow: Flow) {
        self.flow = flow
    }

    /// The limits that hold for this receiver.
    func limits(_ general: RateLimits) -> RateLimits {
        general.tightened(by: RateLimits(frameRate: flow.maxFrameRate, bitRate: flow.maxBitRate))
    }

    /// Whether the receiver has said that it takes such frames, or has said nothing.
    func accepts(_ slot: FrameSlot) -> Bool {
        guard let limits = peerLimits else { return true }
        let info = slot.info
        if info.width <= limits.maxWidth, info.height <= limits.maxHeight,
            slot.layout.packedSize <= limits.maxFrameBytes,
            slot.metadata.encodedSize <= limits.maxMetadataBytes
        {
            return true
        }
        if !hasBeenTooLarge {
            hasBeenTooLarge = true
            Log.write(.warning) {
                "sender: frames of \(info.width) x \(info.height) pixels are not sent to \(connection.peerName), whose limits they"
                    + " exceed"
            }
        }
        return false
    }

    // MARK: - Between messages

    /// Queues a few bytes to be sent between messages. Without room they are not said.
    func say(_ size: Int, _ encode: (UnsafeMutableRawBufferPointer) -> Int) {
        guard control.count - controlEnd >= size else { return }
        controlEnd += encode(UnsafeMutableRawBufferPointer(rebasing: control[controlEnd...]))
    }

    var hasMoreToSay: Bool { controlStart < controlEnd }

    /// - Returns: whether all has been said.
    func writeControl() throws(TransportError) -> Bool {
        while controlStart < controlEnd {
            let count = try connection.write(
                UnsafeRawBufferPointer(rebasing: control[controlStart..<controlEnd]))
            if count == 0 { return false }
            controlStart += count
        }
        controlStart = 0
        controlEnd = 0
        return true
    }

    // MARK: - Messages

    /// Whether there is something to write.
    var wantsRoom: Bool { sending != nil || next?.state == .ready || hasMoreToSay }

    /// Whether a frame that is encoded from now on will find the link free.
    ///
    /// - Parameter encodeEstimate: nanoseconds that encoding takes.
    func linkWillBeFree(_ encodeEstimate: Double) -> Bool {
        sending == nil || Double(remaining) <= drainRate * encodeEstimate
    }

    /// Whether frames wait for the link.
    var isHeldUp: Bool { wasHeldUp || wasHeldUpBefore && sending != nil }

    /// Whether the receiver has more frames to answer than the way to it explains.
    var isBehind: Bool { backChannel.inFlight.areTooMany(now: Clock.now()) }

    private func begin(_ message: EncodedMessage) throws(TransportError) {
        next = nil
        sending = message
        let shared = message.encoder.vectors[0]
        do {
            try head.reserve(shared.iov_len)
        } catch {
            throw TransportError(.noMemory, Sentence(error.message))
        }
        headSize = shared.iov_len
        let own = UnsafeMutableRawBufferPointer(start: head.base, count: headSize)
        own.copyMemory(from: UnsafeRawBufferPointer(start: shared.iov_base, count: headSize))
        FrameHeader.setLatency(backChannel.newestLatency, in: own)
        piece = 0
        pieceOffset = 0
        messageSize = message.encoder.messageSize
        remaining = messageSize
        sendStart = Clock.now()
        lastTaken = sendStart
        wasHeldUpBefore = wasHeldUp
        wasHeldUp = false
    }

    /// Writes what the connection takes, to the end of one message at most.
    ///
    /// - Returns: the message whose last byte has left; the receiver uses it no more.
    func write() throws(TransportError) -> EncodedMessage? {
        if sending == nil {
            guard try writeControl(), let next, next.state == .ready else { return nil }
            try begin(next)
        }
        guard let message = sending else { return nil }
        while remaining > 0 {
            if try send(message) == 0 {
                wasHeldUp = true
                queue.unsent.store(connection.unsentBytes, ordering: .relaxed)
                return nil
            }
        }
        let now = Clock.now()
        let rate = Double(messageSize) / Double(max(1, now - sendStart))
        drainRate = drainRate == 0 ? rate : 0.75 * drainRate + 0.25 * rate
        if wasHeldUp || message.coding.profile == .raw && message.rawBytes >= ProfileChooser.telltaleBytes {
            chooser.noteDrained(message.coding.profile, messageSize, duration: now - sendStart)
        }
        backChannel.expect(message, now: now)
        queue.unsent.store(connection.unsentBytes, ordering: .relaxed)
        sending = nil
        return message
    }

    /// Writes pieces that are still to be sent.
    private func send(_ message: EncodedMessage) throws(TransportError) -> Int {
        let vectors = message.encoder.vectors
        let first = piece
        // The list is put right again: others send the same message.
        let shared = vectors[first]
        let whole = first == 0 ? iovec(iov_base: head.base, iov_len: headSize) : shared
        vectors[first] = iovec(iov_base: whole.iov_base + pieceOffset, iov_len: whole.iov_len - pieceOffset)
        defer { vectors[first] = shared }
        let count = try connection.write(UnsafeBufferPointer(rebasing: vectors[first...]))
        remaining -= count
        if count > 0 { lastTaken = Clock.now() }
        var left = count + pieceOffset
        var length = whole.iov_len
        while left >= length {
            left -= length
            piece += 1
            guard piece < vectors.count else { break }
            length = vectors[piece].iov_len
        }
        pieceOffset = left
        return count
    }

    /// Gives up the message that is being sent.
    func abandon() -> EncodedMessage? {
        let message = sending
        sending = nil
        return message
    }

    // MARK: - Whether it is there

    /// Says what the time asks for.
    ///
    /// - Throws: ``TransportError`` of kind `timeout` when the receiver has been silent for too long.
    func keepAlive(_ options: Sender.Options, now: Int64) throws(TransportError) {
        switch keepalive.action(now: now) {
        case .nothing: break
        case .ask: say(Ping.encodedSize) { Ping(time: now).encode(into: $0) }
        case .giveUp:
            throw TransportError(
                .timeout,
                "\(connection.peerName) has said nothing for \(options.idleTimeout / 1_000_000) ms")
        }
        guard now >= nextLook, !connection.isFile else { return }
        nextLook = now + options.keepaliveInterval
        let unsent = connection.unsentBytes
        queue.unsent.store(unsent, ordering: .relaxed)
        // The system of a peer that does not speak, such as `nc`, confirms what it is sent, or says that it has no room.
        if unsent == 0 { unconfirmedSince = now }
        guard !keepalive.isActive, options.idleTimeout >= 0, now - unconfirmedSince >= options.idleTimeout,
            let silence = connection.silence, silence >= options.idleTimeout
        else { return }
        throw TransportError(
            .timeout,
            "the machine of \(connection.peerName) has confirmed nothing for \(silence / 1_000_000) ms")
    }

    /// For how long it has taken nothing of a message, ns, if it has never said anything either.
    func stall(now: Int64) -> Int64 { sending == nil || keepalive.isActive ? 0 : now - lastTaken }

    /// When ``keepAlive(_:now:)`` is to be called at the latest; nil is never.
    var keepaliveDeadline: Int64? {
        connection.isFile ? nil : min(nextLook, keepalive.deadline ?? .max)
    }
}
