import Buffers
import CPosix
import Codec
import Synchronization
import Transport
import Wire

/// The I/O thread of a sender: gets connections, decides what is encoded when, writes, and reads what the
/// receiver answers.
///
/// What is encoded is chosen when the link can take it: with a policy that drops frames, the next frame is
/// taken from the queue only when the one before it will have left by the time it is encoded. So the backlog
/// stays in the queue, where the policy rules, and latency does not grow.
final class SenderLoop: @unchecked Sendable {
    // Unchecked: everything but the atomics and the pool belongs to the I/O thread; `open` runs before that exists.
    private let endpoint: Endpoint
    private let options: Sender.Options
    private let wake: WakeUp
    private let link: Link
    private let workers: WorkerPool
    private let lanes: [SenderLane]
    private let encoded: EncodedFlag
    private let references = References()
    /// Copies of frames that do not stay, for `references`.
    private let copies = FramePool(capacity: References.maximumPairs + 2)
    private let keyInterval: Int
    private var chooser: ProfileChooser
    private var choice = ProfileChooser.Choice(profile: .auto, reason: .none)
    private var lastEncoded: Int64?
    private let unsent = Atomic<Int>(0)

    private var connection: Connection?
    private var backChannel: BackChannel
    private var openingPending = false
    private let small: UnsafeMutableRawBufferPointer

    /// Bytes per nanosecond that the link takes, and nanoseconds that encoding a frame takes: moving
    /// averages.
    private var drainRate = 0.0
    private var encodeEstimate = 0.0

    /// In a recording a reader that lost its place goes on at a key frame, so there is always one to come.
    private static let recordingKeyInterval = 60

    /// A frame of this size does not go into what the system holds for a connection, so that the time it takes
    /// to leave is the link's also where that never makes us wait.
    private static let telltaleBytes = 1 << 20

    /// Set by a worker when a frame is encoded.
    private final class EncodedFlag: Sendable {
        let isSet = Atomic<Bool>(false)
    }

    init(_ endpoint: Endpoint, _ options: Sender.Options, wake: WakeUp, cancel: WakeUp) {
        self.endpoint = endpoint
        self.options = options
        self.wake = wake
        link = Link(
            endpoint, role: .sender, options.reconnect, options.connectTimeout, options.tls, wake: wake,
            cancel: cancel)
        let count = WorkerPool.count(options.threads)
        workers = WorkerPool(workers: count, callerWorks: false)
        let flag = EncodedFlag()
        encoded = flag
        let notify = {
            flag.isSet.store(true, ordering: .releasing)
            wake.signal()
        }
        let keepsFrames = options.overflow == .block && link.comesBack
        lanes = [
            SenderLane(workers: count, keepsFrames: keepsFrames, whenEncoded: notify),
            SenderLane(workers: count, keepsFrames: keepsFrames, whenEncoded: notify),
        ]
        keyInterval =
            options.keyFrameInterval == 0 && link.isFile
            ? Self.recordingKeyInterval : options.keyFrameInterval
        chooser = ProfileChooser(options.profile, isRecording: link.isFile)
        backChannel = BackChannel()
        small = .allocate(byteCount: 2048, alignment: 8)
    }

    deinit {
        small.deallocate()
    }

    var port: UInt16 { link.port }
    var unsentBytes: Int { unsent.load(ordering: .relaxed) }
    /// Copies of frames that exist now.
    var framesAllocated: Int { copies.allocated }

    private var checksum: Bool { options.checksum ?? link.isFile }

    /// Binds, or makes the first connection where the options ask for it.
    ///
    /// - Returns: whether there is a connection now.
    func open() throws(TransportError) -> Bool {
        connection = try link.open()
        return connection != nil
    }

    func run(_ core: SenderCore) {
        if let connection { begin(connection, core) }
        while true {
            let (waiting, closeDeadline) = core.outlook()
            if let closeDeadline {
                let idle = !waiting && lane(.encoding) == nil && lane(.ready) == nil && lane(.sending) == nil
                if idle || Clock.now() >= closeDeadline { break }
            }
            guard connection != nil else {
                if !reconnect(core, until: closeDeadline) { return end(core) }
                continue
            }
            guard collectEncoded(core), startEncoding(core) else { return end(core) }
            do {
                try writeOpening()
                // A frame that has left makes room for the next, or was the last before closing; nothing
                // would wake us for that.
                let hasSent = try write(core)
                // The next frame is encoded while this one is sent, also when the link takes no more for now.
                guard startEncoding(core) else { return end(core) }
                try wait(until: hasSent ? 0 : closeDeadline ?? -1, core)
            } catch {
                if !lose(error, core) { return end(core) }
            }
        }
        sayGoodbye(core)
        end(core)
    }

    // MARK: - Connections

    private func begin(_ connection: Connection, _ core: SenderCore) {
        self.connection = connection
        backChannel = BackChannel()
        chooser.reset()
        lastEncoded = nil
        openingPending = true
        core.setConnected(true)
        Log.write(.info) { "sender: connected to \(connection.peerName)" }
    }

    /// Gets a connection, or waits for a while.
    ///
    /// - Returns: `false` when there will never be one.
    private func reconnect(_ core: SenderCore, until deadline: Int64?) -> Bool {
        do {
            if let made = try link.next(until: deadline) { begin(made, core) }
            return true
        } catch {
            core.fail(FramewireError(error))
            return false
        }
    }

    /// The connection has failed.
    ///
    /// - Returns: `false` when there will be no other.
    private func lose(_ error: TransportError, _ core: SenderCore) -> Bool {
        connection?.close()
        connection = nil
        core.setConnected(false)
        unsent.store(0, ordering: .relaxed)
        takeBackLanes(core)
        guard link.comesBack else {
            let failure = FramewireError(error)
            Log.write(.error) { "sender: \(failure.message)" }
            core.fail(link.isFile ? failure : FramewireError(code: .closed, message: failure.message))
            return false
        }
        Log.write(.warning) { "sender: \(error.sentence); connecting again" }
        return true
    }

    /// Frames that have not completely left go back to the queue, where the policy and the caller's pixels allow
    /// it: what is coded against other frames of this connection, or in a profile that its peer asked for, is
    /// worth nothing to the next one.
    private func takeBackLanes(_ core: SenderCore) {
        waitForWorkers()
        encoded.isSet.store(false, ordering: .relaxed)
        references.forgetAll()
        // What was cut off is lost unless nothing may be; it is the oldest.
        if options.overflow != .block || !link.comesBack, let sending = lane(.sending) {
            sending.reset()
            core.recordLost()
        }
        // The newest first, so that the oldest comes to the front of the queue.
        while let lane = newestLane {
            if let slot = lane.takeBack() {
                if link.comesBack, core.putBack(slot) { continue }
                slot.drop()
            }
            core.recordLost()
        }
    }

    private var newestLane: SenderLane? {
        guard lanes[0].state != .idle, lanes[1].state != .idle else {
            return lanes[0].state != .idle ? lanes[0] : lanes[1].state != .idle ? lanes[1] : nil
        }
        return lanes[0].sequence > lanes[1].sequence ? lanes[0] : lanes[1]
    }

    /// Lets go of everything that is still here.
    private func end(_ core: SenderCore) {
        core.fail(FramewireError(.closed, "the sender is closed"))
        waitForWorkers()
        for lane in lanes where lane.state != .idle {
            lane.reset()
            core.recordLost()
        }
        references.forgetAll()
        connection?.close()
        connection = nil
        link.close()
    }

    /// A frame that is being encoded must not be let go under the workers' hands.
    private func waitForWorkers() {
        while let encoding = lane(.encoding), encoding.encoder.parts > 0,
            !encoded.isSet.load(ordering: .acquiring)
        {
            var set = PollSet()
            set.add(wake.descriptor, .readable)
            _ = try? set.wait(until: -1)
            wake.drain()
        }
    }

    // MARK: - Encoding

    private func lane(_ state: SenderLane.State) -> SenderLane? {
        lanes[0].state == state ? lanes[0] : lanes[1].state == state ? lanes[1] : nil
    }

    /// Completes the frame that the workers have encoded.
    private func collectEncoded(_ core: SenderCore) -> Bool {
        guard let lane = lane(.encoding) else { return true }
        if lane.encoder.parts > 0 {
            guard encoded.isSet.load(ordering: .acquiring) else { return true }
            encoded.isSet.store(false, ordering: .relaxed)
        }
        do {
            let duration = try lane.complete(
                wantsAcknowledgement: !link.isFile, latency: backChannel.newestLatency)
            encodeEstimate =
                encodeEstimate == 0 ? Double(duration) : 0.75 * encodeEstimate + 0.25 * Double(duration)
            note(lane, duration, core)
            return true
        } catch {
            core.recordLost()
            core.fail(FramewireError(error, payloadOffset: 0))
            return false
        }
    }

    private func note(_ lane: SenderLane, _ duration: Int64, _ core: SenderCore) {
        let now = Clock.now()
        chooser.noteEncoded(
            lane.coding.profile, isKey: lane.isKey, rawBytes: lane.rawBytes,
            wireBytes: lane.encoder.messageSize, duration: duration,
            encoderIsLate: self.lane(.sending) == nil && core.outlook().waiting,
            interval: lastEncoded.map { now - $0 })
        lastEncoded = now
        // A frame on trial says nothing about the others.
        core.recordEncoded(duration, choice.isTrial ? nil : (choice.profile, choice.reason))
    }

    private func startEncoding(_ core: SenderCore) -> Bool {
        guard lane(.encoding) == nil, lane(.ready) == nil, let idle = lane(.idle), linkWillBeFree,
            let slot = core.takeNext()
        else { return true }
        choice = chooser.choose(peerProfiles: backChannel.peerProfiles)
        let coding = references.plan(
            slot, profile: choice.profile, keyInterval: keyInterval, copies: copies, isTrial: choice.isTrial)
        do {
            try idle.begin(slot, coding: coding, acceleration: options.acceleration, checksum: checksum)
        } catch {
            core.recordLost()
            core.fail(FramewireError(error, payloadOffset: 0))
            return false
        }
        let parts = idle.encoder.parts
        if parts == 0 { return collectEncoded(core) }
        workers.start(idle.encoder.frameEncoder, parts: parts)
        return true
    }

    /// Whether a frame that is encoded from now on will find the link free.
    private var linkWillBeFree: Bool {
        guard options.overflow != .block, !link.isFile, let sending = lane(.sending) else { return true }
        return Double(sending.remaining) <= drainRate * encodeEstimate
    }

    // MARK: - Writing and reading

    private func writeOpening() throws(TransportError) {
        guard let connection, openingPending else { return }
        var size = StreamOpening.encode(into: small)
        // Asks a receiver for its own hello, which that keeps from tools that would not read it.
        if !link.isFile {
            let hello = Hello(
                profiles: WireProfile.all, limits: Limits(), role: .sender, name: "framewire")
            size += hello.encode(into: UnsafeMutableRawBufferPointer(rebasing: small[size...]))
        }
        try writeAll(UnsafeRawBufferPointer(rebasing: small[..<size]), to: connection, until: -1)
        openingPending = false
    }

    /// Writes as much of one frame as the connection takes.
    ///
    /// - Returns: whether the last byte of a frame has left.
    private func write(_ core: SenderCore) throws(TransportError) -> Bool {
        guard let connection else { return false }
        while true {
            if lane(.sending) == nil { lane(.ready)?.beginSending() }
            guard let lane = lane(.sending) else { return false }
            let count = try lane.send { (vectors) throws(TransportError) in try connection.write(vectors) }
            if lane.remaining > 0 {
                if count > 0 { continue }
                lane.noteHeldUp()
                unsent.store(connection.unsentBytes, ordering: .relaxed)
                return false
            }
            let now = Clock.now()
            let rate = Double(lane.encoder.messageSize) / Double(max(1, now - lane.sendStart))
            drainRate = drainRate == 0 ? rate : 0.75 * drainRate + 0.25 * rate
            if lane.wasHeldUp || lane.coding.profile == .raw && lane.rawBytes >= Self.telltaleBytes {
                chooser.noteDrained(lane.encoder.messageSize, duration: now - lane.sendStart)
            }
            backChannel.expect(lane.sequence, submitted: lane.submitTime)
            unsent.store(connection.unsentBytes, ordering: .relaxed)
            let raw = lane.rawBytes
            let wire = lane.encoder.messageSize
            lane.reset()
            core.recordSent(rawBytes: raw, wireBytes: wire)
            // Back to the loop, so that answers are read between frames also when the link never makes us
            // wait.
            return true
        }
    }

    /// Writes a few bytes, waiting until they are taken or `deadline` has come.
    private func writeAll(
        _ bytes: UnsafeRawBufferPointer, to connection: Connection, until deadline: Int64
    ) throws(TransportError) {
        var start = 0
        while start < bytes.count {
            let count = try connection.write(UnsafeRawBufferPointer(rebasing: bytes[start...]))
            start += count
            if count == 0 {
                var set = PollSet()
                set.add(connection.descriptor, connection.writeEvents)
                guard try set.wait(until: deadline) else { return }
            }
        }
    }

    private func wait(until deadline: Int64, _ core: SenderCore) throws(TransportError) {
        guard let connection else { return }
        var set = PollSet()
        set.add(wake.descriptor, .readable)
        var events: PollEvents = []
        if lane(.sending) != nil || lane(.ready) != nil { events.formUnion(connection.writeEvents) }
        if !connection.isFile, !backChannel.isEnded { events.formUnion(connection.readEvents) }
        // Hang-ups are reported unasked, but only for a descriptor that is waited for at all.
        let place = set.add(
            connection.isFile && events.isEmpty ? -1 : connection.descriptor,
            events.isEmpty ? .hangUp : events)
        _ = try set.wait(until: deadline)
        wake.drain()
        let ready = set.ready(place)
        // With TLS either event can be what a read waits for.
        if !backChannel.isEnded, !ready.isDisjoint(with: connection.readEvents) {
            try backChannel.read(from: connection) { duration in core.recordLatency(duration) }
            while let request = backChannel.nextKeyFrameRequest() {
                references.forget(streamID: request.streamID, viewID: request.viewID)
            }
        } else if !ready.isDisjoint(with: [.hangUp, .failure]), lane(.sending) == nil {
            throw TransportError(.closed, "\(connection.peerName) closed the connection")
        }
    }

    /// Tells the receiver that the stream ends, and closes.
    private func sayGoodbye(_ core: SenderCore) {
        // A receiver that connects again at once must be refused, not be left in the backlog of a listener
        // that goes.
        link.close()
        guard let connection, lane(.sending) == nil else { return }
        let deadline = core.outlook().closeDeadline ?? Clock.now()
        let bye = Bye(reason: .endOfStream)
        do {
            try writeOpening()
            let size = bye.encode(into: small)
            try writeAll(UnsafeRawBufferPointer(rebasing: small[..<size]), to: connection, until: deadline)
            connection.closeGracefully(timeout: max(0, deadline - Clock.now()))
        } catch {
            Log.write(.info) { "sender: \(error.sentence)" }
        }
        self.connection = nil
        core.setConnected(false)
    }
}
