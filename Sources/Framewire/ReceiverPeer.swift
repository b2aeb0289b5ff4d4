import Buffers
import CPosix
import Codec
import Synchronization
import Transport
import Wire

/// One sender of a receiver: its connection, what of its stream is under way, and what it is to be told.
///
/// Everything belongs to the I/O thread. No sender shares anything with another but the workers and the
/// queue.
final class ReceiverPeer {
    /// What a turn came to.
    enum Turn {
        /// All that had come is taken.
        case idle
        /// There is more; the others come first.
        case more
        /// A frame finds no room in the queue; nothing is read until it has.
        case waiting
        case ended(StreamEnd)
        /// The receiver is being closed.
        case closing
    }

    private static let stagingSize = 64 << 10
    /// What one sender may cost before the others have their turn: bytes that are read, and bytes of
    /// pictures. One frame may be more.
    private static let turnBytes = 1 << 20
    /// A message of which fewer bytes than this come within the idle timeout is worth no waiting.
    private static let leastProgress: UInt64 = 4096

    let connection: Connection
    let record: ReceiverPeerRecord
    private let decoder: StreamDecoder
    private let options: Receiver.Options
    private let connectTime: Int64

    private let staging: UnsafeMutableRawBufferPointer
    /// The bytes in the staging area that are not taken yet.
    private var staged = 0..<0
    private let answer: UnsafeMutableRawBufferPointer
    /// Bytes of answers that wait for the sender to read.
    private var answerCount = 0
    /// A user message that is being written, and how much of it is.
    private var message: OutboundMessage?
    private var messageSent = 0

    /// Whether the sender has been told what is understood here; nothing else is said before.
    private var hasSaidHello = false
    private var hasToldPause = false
    private var requests = KeyFrameRequests()
    private var keepalive: Keepalive
    /// When the last pings were sent, whose answers are awaited.
    private var pings = InlineArray<8, Int64>(repeating: 0)
    private var nextPing = 0
    /// When a message was last complete or had come forward well, and how many bytes had been read then.
    private var progress: (time: Int64, bytes: UInt64)

    /// A decoded frame for which the queue has no room, and what is said once it has.
    private var decoded: FrameSlot?
    private var acknowledgement: Acknowledgement?
    private var verified: UInt64 = 0
    /// Bytes that were read and are not in the stats yet.
    private var unreported = 0

    private var othersWait = false
    /// Whether the next turn need not wait for the connection.
    private(set) var hasMore = true
    /// Where the connection is in the loop's set of descriptors.
    var place = -1
    /// How the stream ended, until the loop has seen it.
    var end: StreamEnd?

    init(
        _ connection: Connection, _ record: ReceiverPeerRecord, _ options: Receiver.Options,
        _ workers: WorkerPool, _ pool: FramePool
    ) {
        self.connection = connection
        self.record = record
        self.options = options
        decoder = StreamDecoder(
            limits: options.limits, workers: workers, pool: pool, verifyChecksums: options.verifyChecksums)
        staging = .allocate(byteCount: Self.stagingSize, alignment: 64)
        answer = .allocate(byteCount: 2048, alignment: 8)
        connectTime = Clock.now()
        keepalive = Keepalive(
            interval: options.keepaliveInterval, timeout: options.idleTimeout, now: connectTime)
        progress = (connectTime, 0)
    }

    deinit {
        decoded?.drop()
        staging.deallocate()
        answer.deallocate()
    }

    var name: String { record.address }

    /// Whether a frame waits for room in the queue.
    var isHeldUp: Bool { decoded != nil }

    /// What the connection is to be waited for.
    var events: PollEvents {
        var events: PollEvents = isHeldUp ? [] : connection.readEvents
        if answerCount > 0 || message != nil { events.formUnion(connection.writeEvents) }
        return events
    }

    /// Whether it has connected and said nothing, for longer than anything may take.
    func isMute(now: Int64) -> Bool {
        connection.bytesRead == 0 && options.idleTimeout >= 0 && now - connectTime >= options.idleTimeout
    }

    // MARK: - Reading

    /// Takes what has come, within bounds.
    ///
    /// - Parameter others: whether others wait for room in the queue; it is theirs first.
    func takeTurn(_ core: ReceiverCore, after others: Bool) -> Turn {
        othersWait = others
        let turn: Turn
        do {
            turn = try run(core)
        } catch {
            turn = .ended(StreamEnd(reason: .lost, error: error, text: error.message))
        }
        if case .more = turn { hasMore = true } else { hasMore = false }
        if unreported > 0 {
            core.recordRead(unreported, record)
            unreported = 0
        }
        return turn
    }

    private func run(_ core: ReceiverCore) throws(FramewireError) -> Turn {
        // No more than this one, since others may wait for the same room.
        if decoded != nil { return deliver(core) ?? .more }
        var left = Self.turnBytes
        while true {
            while !staged.isEmpty {
                if left <= 0 { return .more }
                var used = 0
                let event = try decoder.feed(
                    UnsafeRawBufferPointer(rebasing: staging[staged]), used: &used)
                staged = staged.lowerBound + used..<staged.upperBound
                if let turn = take(event, core, &left) { return turn }
            }
            if left <= 0 { return .more }
            var filled = 0
            let count = try receive(filled: &filled)
            if count < 0 {
                let decoded = decoder.decodeAhead()
                if decoded == 0 { return .idle }
                left -= decoded
                continue
            }
            if count == 0 { return try endOfInput() }
            unreported += count
            left -= count
            keepalive.heard(now: Clock.now())
            staged = 0..<count - filled
            if filled > 0, let turn = take(try decoder.commit(filled), core, &left) { return turn }
        }
    }

    /// Reads what there is: a payload straight to where it belongs, other bytes to the staging area.
    ///
    /// - Parameter filled: set to the bytes of the payload among them.
    private func receive(filled: inout Int) throws(FramewireError) -> Int {
        let payload = decoder.destination
        // Behind one piece of a payload only the next block's size is taken along, so that no pixels need to
        // be moved.
        let behind = decoder.payloadRemaining > payload.count ? 4 : Self.stagingSize
        // What a turn may take is bounded, and so is what is read at once.
        let room = min(payload.count, Self.turnBytes)
        let count: Int
        do {
            if payload.isEmpty {
                count = try connection.read(staging)
            } else {
                count = try withUnsafeTemporaryAllocation(of: iovec.self, capacity: 2) {
                    (list) throws(TransportError) -> Int in
                    list[0] = iovec(iov_base: payload.baseAddress, iov_len: room)
                    list[1] = iovec(iov_base: staging.baseAddress, iov_len: room < payload.count ? 0 : behind)
                    return try connection.read(UnsafeBufferPointer(list))
                }
            }
        } catch {
            throw FramewireError(error)
        }
        filled = count > 0 ? min(count, room) : 0
        return count
    }

    private func endOfInput() throws(FramewireError) -> Turn {
        try decoder.finish()
        let error = FramewireError(.closed, "\(name) ended the stream")
        // Whoever ends without a word may have been killed between two frames.
        return connection.isFile
            ? .ended(StreamEnd(reason: .endOfStream, error: error, text: ""))
            : .ended(StreamEnd(reason: .lost, error: error, text: "the connection ended without a goodbye"))
    }

    /// - Returns: what ends the turn.
    private func take(_ event: StreamDecoder.Event, _ core: ReceiverCore, _ left: inout Int) -> Turn? {
        if case .needMore = event { return nil }
        noteProgress(Clock.now())
        switch event {
        case .undecodable(let header):
            core.recordUndecodable(header.info.sequence, record)
            if header.wantsAcknowledgement { sayHello() }
            if requests.isDue(header.info, now: progress.time) {
                requestKeyFrame(KeyFrameRequest(streamID: header.info.streamID, viewID: header.info.viewID))
                flush(core)
            }
        case .frame(let slot, let wantsAcknowledgement):
            left -= slot.layout.packedSize
            slot.peerID = record.id
            requests.settle(slot.info)
            acknowledgement = nil
            if wantsAcknowledgement {
                acknowledgement = Acknowledgement(
                    streamID: slot.info.streamID, viewID: slot.info.viewID, sequence: slot.info.sequence,
                    receiveDuration: slot.timing.receive, decodeDuration: slot.timing.decode)
            }
            core.recordFrame(
                slot, record, bytesRead: unreported, checksumsVerified: decoder.checksumsVerified - verified)
            unreported = 0
            verified = decoder.checksumsVerified
            decoded = slot
            return othersWait ? .more : deliver(core)
        case .bye(let bye):
            // In a recording another stream may follow; on a connection nothing does.
            if connection.isFile { return nil }
            let error = FramewireError(
                .closed,
                bye.text.utf8.isEmpty ? "\(name) ended the stream" : "\(name) ended the stream: \(bye.text)")
            return .ended(StreamEnd(reason: EndReason(bye.reason), error: error, text: bye.text))
        case .hello:
            keepalive.activate()
            sayHello()
            flush(core)
        case .ping(let ping):
            if !ping.isReply {
                sayHello()
                append(Ping.encodedSize) { ping.reply.encode(into: $0) }
                flush(core)
            } else if let place = place(ofPing: ping.time) {
                pings[place] = 0
                core.recordRoundTrip(progress.time - ping.time, record)
            }
        case .needMore, .acknowledgement, .keyFrameRequest: break
        }
        return nil
    }

    private func place(ofPing time: Int64) -> Int? {
        for place in pings.indices where pings[place] == time && time != 0 { return place }
        return nil
    }

    /// Puts the frame that is decoded into the queue.
    ///
    /// - Returns: what ends the turn.
    private func deliver(_ core: ReceiverCore) -> Turn? {
        guard let slot = decoded else { return nil }
        switch core.offer(slot, record) {
        case .full: return .waiting
        case .closing: return .closing
        case .taken: break
        }
        decoded = nil
        if let acknowledgement {
            sayHello()
            append(Acknowledgement.encodedSize) { acknowledgement.encode(into: $0) }
            flush(core)
        }
        return nil
    }

    // MARK: - Time

    private func noteProgress(_ now: Int64) {
        progress = (now, connection.bytesRead)
    }

    /// Asks whether the sender is there, and finds that it is not.
    ///
    /// - Returns: when to look again at the latest; nil is never.
    /// - Throws: ``FramewireError`` when the sender is to be given up.
    func check(_ core: ReceiverCore, now: Int64) throws(FramewireError) -> Int64? {
        guard !connection.isFile else { return nil }
        // A sender that is not listened to cannot be heard.
        if isHeldUp { keepalive.heard(now: now) }
        let isInside = decoder.isInsideMessage
        if isHeldUp || !isInside || connection.bytesRead - progress.bytes >= Self.leastProgress {
            noteProgress(now)
        }
        let idle = options.idleTimeout
        switch keepalive.action(now: now) {
        case .nothing: break
        case .ask:
            append(Ping.encodedSize) {
                pings[nextPing] = now
                nextPing = (nextPing + 1) % pings.count
                return Ping(time: now).encode(into: $0)
            }
            flush(core)
        case .giveUp:
            throw FramewireError(
                .connection, "\(name) has not been heard for \(idle / 1_000_000) ms and is given up")
        }
        guard idle >= 0, isInside, !isHeldUp else { return keepalive.deadline }
        let deadline = progress.time &+ idle
        guard now < deadline else {
            throw FramewireError(
                .connection,
                "\(name) has sent \(connection.bytesRead - progress.bytes) bytes of a message in \(idle / 1_000_000) ms"
                    + " and is given up")
        }
        return min(deadline, keepalive.deadline ?? deadline)
    }

    // MARK: - Answers

    /// Says hello, once, to a sender that has shown that it listens: by its own hello, by asking for
    /// acknowledgements, or by a ping.
    ///
    /// A tool that writes a recording and leaves reads nothing; the system would reset its connection for the
    /// unread hello, and lose what it had written last.
    private func sayHello() {
        guard !hasSaidHello, !connection.isFile else { return }
        hasSaidHello = true
        let hello = Hello(
            profiles: WireProfile.all, limits: options.limits, role: .receiver, name: "framewire")
        append(hello.encodedSize) { hello.encode(into: $0) }
    }

    /// Adds an answer. Answers that a sender does not read are dropped: they are never worth waiting for.
    ///
    /// - Returns: whether there was room.
    @discardableResult
    private func append(_ size: Int, _ encode: (UnsafeMutableRawBufferPointer) -> Int) -> Bool {
        guard answerCount + size <= answer.count else { return false }
        answerCount += encode(UnsafeMutableRawBufferPointer(rebasing: answer[answerCount...]))
        return true
    }

    /// Asks for a key frame, if the sender listens.
    func requestKeyFrame(_ request: KeyFrameRequest) {
        guard hasSaidHello else { return }
        append(KeyFrameRequest.encodedSize) { request.encode(into: $0) }
    }

    /// Says whether frames are wanted, unless the sender knows.
    func tell(isPaused: Bool) {
        guard hasSaidHello, isPaused != hasToldPause else { return }
        let flow = Flow(isPaused: isPaused)
        if append(Flow.encodedSize, { flow.encode(into: $0) }) { hasToldPause = isPaused }
    }

    /// Writes answers and messages as far as the sender reads them.
    func flush(_ core: ReceiverCore) {
        while true {
            if let message {
                let rest = UnsafeRawBufferPointer(rebasing: message.bytes[messageSent...])
                messageSent += write(rest)
                if messageSent < message.bytes.count { return }
                self.message = nil
            }
            if answerCount > 0 {
                let sent = write(UnsafeRawBufferPointer(rebasing: answer[..<answerCount]))
                answerCount -= sent
                if answerCount > 0 {
                    memmove(answer.baseAddress!, answer.baseAddress! + sent, answerCount)
                    return
                }
            }
            guard hasSaidHello, record.waiting.load(ordering: .relaxed) > 0 else { return }
            message = core.takeMessage(record)
            messageSent = 0
        }
    }

    /// A connection that cannot be written to is found broken by the next read.
    private func write(_ bytes: UnsafeRawBufferPointer) -> Int {
        (try? connection.write(bytes)) ?? bytes.count
    }

    /// Tells a sender why its stream was refused, if it cares to read that, and closes.
    func close(_ error: FramewireError, _ core: ReceiverCore) {
        if !connection.isFile, error.code != .closed {
            let reason: Bye.Reason =
                switch error.code {
                case .unsupported: .unsupported
                case .tooLarge: .tooLarge
                case .protocolViolation, .corrupt: .protocolError
                default: .failed
                }
            // A hello may wait still, when what was refused came together with the sender's.
            flush(core)
            if answerCount == 0, message == nil {
                answerCount = Bye(reason: reason, text: error.message).encode(into: answer)
                flush(core)
            }
        }
        connection.closeGracefully(timeout: 0)
    }
}
