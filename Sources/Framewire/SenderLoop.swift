import Buffers
import CPosix
import Codec
import Synchronization
import Transport
import Wire

/// The I/O thread of a sender: gets connections, decides what is encoded when, writes, and reads what the
/// receivers answer.
///
/// What is encoded is chosen when a link can take it: with a policy that drops frames, the next frame is
/// taken from a receiver's queue only when the one before it will have left by the time it is encoded. So the backlog
/// stays in the queue, where the policy rules, and latency does not grow. Receivers that need the same frame, coded
/// the same way, share one message.
final class SenderLoop: @unchecked Sendable {
    // Unchecked: everything but the atomics and the pools belongs to the I/O thread; `open` runs before that exists.
    let options: Sender.Options
    let wake: WakeUp
    let link: Link
    let workers: WorkerPool
    let encoded: EncodedFlag
    /// Copies of frames that do not stay, for frames that are coded against them.
    let copies = FramePool(capacity: References.maximumPairs + 2)
    let keyInterval: Int
    private let keepsFrames: Bool

    var peers: [SenderPeer] = []
    /// Those that receivers need or may need yet, in the order they were begun; and those that can be used again.
    var messages: [EncodedMessage] = []
    var idle: [EncodedMessage] = []
    var encoding: EncodedMessage?
    /// Nanoseconds that encoding a frame takes: a moving average.
    var encodeEstimate = 0.0
    var limits: RateLimits
    /// Whether frames go to receivers that are behind, too, because no newer ones will come instead.
    var hurries = false

    /// In a recording a reader that lost its place goes on at a key frame, so there is always one to come.
    private static let recordingKeyInterval = 60

    /// Set by a worker when a frame is encoded.
    final class EncodedFlag: Sendable {
        let isSet = Atomic<Bool>(false)
    }

    init(_ endpoint: Endpoint, _ options: Sender.Options, wake: WakeUp, cancel: WakeUp) {
        self.options = options
        self.wake = wake
        link = Link(
            endpoint, role: .sender, options.reconnect, options.connectTimeout, options.tls, wake: wake,
            cancel: cancel)
        link.onAttempt = options.onConnection
        workers = WorkerPool(workers: WorkerPool.count(options.threads), callerWorks: false)
        encoded = EncodedFlag()
        keepsFrames = options.overflow == .block && link.comesBack
        keyInterval =
            options.keyFrameInterval == 0 && link.isFile
            ? Self.recordingKeyInterval : options.keyFrameInterval
        limits = options.rateLimits
        let mostPeers = link.listens ? options.maxPeers : 1
        peers.reserveCapacity(mostPeers)
        messages.reserveCapacity(2 * mostPeers + 2)
        idle.reserveCapacity(2 * mostPeers + 2)
        for _ in 0..<2 { idle.append(makeMessage()) }
    }

    var port: UInt16 { link.port }
    /// Copies of frames that exist now.
    var framesAllocated: Int { copies.allocated }

    func makeMessage() -> EncodedMessage {
        let flag = encoded
        let wake = wake
        return EncodedMessage(workers: workers.workers, keepsFrames: keepsFrames) {
            flag.isSet.store(true, ordering: .releasing)
            wake.signal()
        }
    }

    /// Binds, or makes the first connection where the options ask for it, so that a caller who looks at once finds it.
    func open(_ core: SenderCore) throws(TransportError) {
        if let connection = try link.open(connectsLater: options.connectsLater) { add(connection, core) }
    }

    /// Whether the first connection is still to be made, and all depends on it.
    var awaitsConnection: Bool { link.awaitsConnection }

    func run(_ core: SenderCore) {
        for index in peers.indices { report(.connected, peers[index]) }
        while true {
            let outlook = core.outlook()
            limits = outlook.limits
            hurries = outlook.ending != nil || core.isFlushing
            if let ending = outlook.ending {
                for index in peers.indices where peers[index].flow.isPaused {
                    core.giveUp(peers[index].queue)
                }
                if !outlook.waiting && messages.isEmpty || Clock.now() >= ending.deadline { break }
            }
            let deadline = outlook.ending?.deadline
            if peers.isEmpty, !link.listens {
                guard reconnect(core, until: deadline) else { return end(core) }
                continue
            }
            guard step(core, until: deadline ?? -1) else { return end(core) }
        }
        sayGoodbye(core)
        end(core)
    }

    /// Does all that can be done now, and waits for more.
    ///
    /// - Returns: `false` when the sender is of no more use.
    private func step(_ core: SenderCore, until deadline: Int64) -> Bool {
        do {
            try collectEncoded(core)
            try takeFrames(core)
        } catch {
            core.fail(FramewireError(error, payloadOffset: 0))
            return false
        }
        // A frame that has left makes room for the next, or was the last before closing; nothing
        // would wake us for that.
        var isBusy = false
        var index = 0
        while index < peers.count {
            do throws(TransportError) {
                let peer = peers[index]
                try peer.keepAlive(options, now: Clock.now())
                if try write(peer, core) { isBusy = true }
                index += 1
            } catch {
                guard lose(at: index, error, core) else { return false }
            }
        }
        // Nothing would wake us from a wait for nobody.
        if peers.isEmpty, !link.listens { return true }
        do {
            // The next frame is encoded while this one is sent, also when the link takes no more for now.
            try takeFrames(core)
        } catch {
            core.fail(FramewireError(error, payloadOffset: 0))
            return false
        }
        return wait(until: isBusy ? 0 : deadline, core)
    }

    // MARK: - Connections

    private func add(_ connection: Connection, _ core: SenderCore) {
        let queue = core.addReceiver(connection.peerName)
        peers.append(SenderPeer(connection, queue, options))
        adaptPools()
        Log.write(.info) { "sender: connected to \(connection.peerName)" }
    }

    /// Each receiver may hold frames and messages that the others have done with.
    private func adaptPools() {
        copies.setCapacity(References.maximumPairs + 2 + 3 * max(0, peers.count - 1))
        while idle.count > 2, messages.count + idle.count > 2 * peers.count { idle.removeLast() }
    }

    private func report(_ state: ConnectionState, _ peer: SenderPeer, _ reason: FramewireError? = nil) {
        options.onConnection?(
            ConnectionEvent(
                state, peerID: peer.queue.id, peer: peer.connection.peerName, reason: reason))
    }

    /// Gets a connection, or waits for a while.
    ///
    /// - Returns: `false` when there will never be one.
    private func reconnect(_ core: SenderCore, until deadline: Int64?) -> Bool {
        do {
            if let made = try link.next(until: deadline) {
                add(made, core)
                report(.connected, peers[0])
            }
            return true
        } catch {
            core.fail(FramewireError(error))
            return false
        }
    }

    private func acceptPeers(_ core: SenderCore) {
        // Others have their turn, too, when they come without end.
        for _ in 0..<Sender.maximumPeers {
            guard let connection = link.accept() else { return }
            if peers.count < options.maxPeers || dismissStalled(core) {
                add(connection, core)
                report(.connected, peers[peers.count - 1])
            } else {
                link.refuse(
                    connection, "this sender serves \(peers.count) receivers already, the most it is to")
            }
        }
    }

    /// Gives the place of a program free that neither reads nor speaks; while nobody else wants it, it may keep it.
    private func dismissStalled(_ core: SenderCore) -> Bool {
        guard options.idleTimeout >= 0 else { return false }
        let now = Clock.now()
        for index in peers.indices {
            let stall = peers[index].stall(now: now)
            guard stall >= options.idleTimeout, stall > 0 else { continue }
            let error = TransportError(
                .timeout,
                "\(peers[index].connection.peerName) has read nothing for \(stall / 1_000_000) ms and makes room for another"
            )
            return lose(at: index, error, core)
        }
        return false
    }

    /// A connection has failed.
    ///
    /// - Returns: `false` when there will be no other.
    private func lose(at index: Int, _ error: TransportError, _ core: SenderCore) -> Bool {
        let peer = peers.remove(at: index)
        let reason = FramewireError(error)
        let isLast = peers.isEmpty
        let isFinal = isLast && !link.comesBack
        if isFinal {
            Log.write(.error) { "sender: \(reason.sentence)" }
            // Before anything else, so that no frame is taken that nobody would ever send.
            core.fail(link.isFile ? reason : FramewireError(.closed, reason.sentence))
        }
        peer.connection.close()
        link.isUnwelcome = peer.backChannel.hasSaidGoodbye
        takeBack(peer, isLast: isLast && !isFinal, core)
        core.removeReceiver(peer.queue, keepsFrames: isLast && !isFinal)
        adaptPools()
        if !isFinal {
            if !link.listens {
                Log.write(.warning) { "sender: \(reason.sentence); connecting again" }
            } else {
                Log.write(reason.code == .closed ? .info : .warning) { "sender: \(reason.sentence)" }
            }
        }
        report(.lost, peer, reason)
        return !isFinal
    }

    /// Frames that have not completely left go back to the queue, where the policy and the caller's pixels allow
    /// it, for the next receiver.
    private func takeBack(_ peer: SenderPeer, isLast: Bool, _ core: SenderCore) {
        let sending = peer.abandon()
        // What was cut off is lost unless nothing may be; it is the oldest.
        var isLost = false
        if let sending, !isLast || options.overflow != .block {
            core.recordLost(peer.queue)
            release(sending, core)
            isLost = true
        }
        // The newest first, so that the oldest comes to the front of the queue.
        if let next = peer.next {
            peer.next = nil
            putBack(next, peer, isLast: isLast, core)
        }
        if let sending, !isLost { putBack(sending, peer, isLast: isLast, core) }
    }

    private func putBack(_ message: EncodedMessage, _ peer: SenderPeer, isLast: Bool, _ core: SenderCore) {
        var isBack = false
        if isLast, let slot = message.slot {
            slot.retain()
            isBack = core.putBack(slot, peer.queue)
            if !isBack { slot.drop() }
        }
        if !isBack { core.recordLost(peer.queue) }
        release(message, core)
    }

    /// Lets go of everything that is still here.
    private func end(_ core: SenderCore) {
        core.fail(FramewireError(.closed, "the sender is closed"))
        waitForWorkers()
        while let peer = peers.popLast() {
            if let sending = peer.abandon() {
                core.recordLost(peer.queue)
                sending.users -= 1
            }
            if let next = peer.next {
                peer.next = nil
                core.recordLost(peer.queue)
                next.users -= 1
            }
            peer.connection.close()
            core.removeReceiver(peer.queue, keepsFrames: false)
        }
        for message in messages { message.reset() }
        messages.removeAll()
        link.close()
        options.onConnection?(
            ConnectionEvent(.closed, peer: link.address, reason: core.lock.withLock { core.failure }))
        core.finish()
    }

    // MARK: - Writing and reading

    /// Writes as much of one frame as the connection takes.
    ///
    /// - Returns: whether the last byte of a frame has left.
    private func write(_ peer: SenderPeer, _ core: SenderCore) throws(TransportError) -> Bool {
        guard let message = try peer.write() else { return false }
        peer.gate.noteSent(peer.messageSize, peer.limits(limits), start: peer.sendStart)
        core.recordSent(peer.queue, message, wireBytes: peer.messageSize)
        release(message, core)
        // Back to the loop, so that answers are read between frames also when the link never makes us
        // wait.
        return true
    }

    /// - Returns: `false` when the sender is of no more use.
    private func wait(until deadline: Int64, _ core: SenderCore) -> Bool {
        var until = deadline < 0 ? Int64.max : deadline
        var set = PollSet()
        set.add(wake.descriptor, .readable)
        for index in peers.indices {
            let peer = peers[index]
            let connection = peer.connection
            var events: PollEvents = []
            if peer.wantsRoom { events.formUnion(connection.writeEvents) }
            if !connection.isFile, !peer.backChannel.isEnded { events.formUnion(connection.readEvents) }
            // Hang-ups are reported unasked, but only for a descriptor that is waited for at all.
            set.add(
                connection.isFile && events.isEmpty ? -1 : connection.descriptor,
                events.isEmpty ? .hangUp : events)
            if let time = peer.keepaliveDeadline { until = min(until, time) }
            if let time = takingTime(peer, core) { until = min(until, time) }
            if peer.mayHaveMore { until = 0 }
        }
        let waited = peers.count
        if link.listens {
            let time = link.addWaits(to: &set)
            if time >= 0 { until = min(until, time) }
        }
        do {
            _ = try set.wait(until: until == .max ? -1 : until)
        } catch {
            core.fail(FramewireError(error))
            return false
        }
        wake.drain()
        // From the last to the first, so that one that goes does not move those that come.
        for index in stride(from: waited - 1, through: 0, by: -1) {
            do throws(TransportError) {
                try read(peers[index], ready: set.ready(index + 1), core)
            } catch {
                guard lose(at: index, error, core) else { return false }
            }
        }
        if link.listens { acceptPeers(core) }
        return true
    }

    private func read(_ peer: SenderPeer, ready: PollEvents, _ core: SenderCore) throws(TransportError) {
        let connection = peer.connection
        // With TLS either event can be what a read waits for.
        if !peer.backChannel.isEnded, peer.mayHaveMore || !ready.isDisjoint(with: connection.readEvents) {
            let before = connection.bytesRead
            peer.mayHaveMore = try peer.backChannel.read(peer, core)
            if connection.bytesRead != before { peer.keepalive.heard(now: Clock.now()) }
        }
        guard !ready.isDisjoint(with: [.hangUp, .failure]) else { return }
        // Now, not with the next write: the receiver that comes for this one may be waiting already. What is being written
        // tells why.
        if peer.sending != nil { _ = try peer.write() }
        throw TransportError(.closed, "\(connection.peerName) closed the connection")
    }

    /// Tells the receivers that the stream ends, and closes.
    private func sayGoodbye(_ core: SenderCore) {
        // A receiver that connects again at once must be refused, not be left in the backlog of a listener
        // that goes.
        link.close()
        guard let ending = core.outlook().ending else { return }
        for index in peers.indices {
            peers[index].say(ending.bye.encodedSize) { ending.bye.encode(into: $0) }
        }
        var set = PollSet()
        while true {
            set.removeAll()
            var until = ending.deadline
            for index in peers.indices where !peers[index].hasLeft {
                peers[index].hasLeft = isGone(peers[index], &set, &until)
            }
            if set.count == 0 || Clock.now() >= ending.deadline { return }
            _ = try? set.wait(until: until == .max ? -1 : until)
        }
    }

    /// Goes on with the end of a connection.
    ///
    /// - Returns: whether it has come, or cannot be reached in good order.
    private func isGone(_ peer: SenderPeer, _ set: inout PollSet, _ until: inout Int64) -> Bool {
        // Half a frame is no place for a goodbye.
        guard peer.sending == nil else { return true }
        do {
            guard try peer.writeControl(), peer.connection.finishWriting() else {
                set.add(peer.connection.descriptor, peer.connection.writeEvents)
                return false
            }
        } catch {
            Log.write(.info) { "sender: \(error.sentence)" }
            return true
        }
        guard case .open(let wakesUp) = peer.connection.lookForEnd() else { return true }
        set.add(peer.connection.descriptor, peer.connection.readEvents)
        if !wakesUp { until = min(until, Clock.now() + Connection.lookInterval) }
        return false
    }
}
