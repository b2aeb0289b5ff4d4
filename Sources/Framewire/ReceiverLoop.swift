import Buffers
import CPosix
import Codec
import Transport
import Wire

/// The I/O thread of a receiver: gets connections, serves them in turn, and gives up those that are of no
/// use.
final class ReceiverLoop: @unchecked Sendable {
    // Unchecked: everything belongs to the I/O thread; `open` runs before that exists.

    /// How many connections are accepted before the others have their turn.
    private static let acceptedAtOnce = 16

    private let options: Receiver.Options
    private let wake: WakeUp
    private let link: Link
    private let workers: WorkerPool
    private var peers: [ReceiverPeer] = []
    /// Who has the first turn.
    private var first = 0
    private let maxPeers: Int
    /// The connection that opening made.
    private var opened: Connection?
    private var set = PollSet()

    init(_ endpoint: Endpoint, _ options: Receiver.Options, wake: WakeUp, cancel: WakeUp) {
        self.options = options
        self.wake = wake
        link = Link(
            endpoint, role: .receiver, options.reconnect, options.connectTimeout, options.tls, wake: wake,
            cancel: cancel)
        link.onAttempt = options.onConnection
        workers = WorkerPool(workers: WorkerPool.count(options.threads), callerWorks: true)
        maxPeers = options.once || !link.comesBack ? 1 : options.maxPeers
        peers.reserveCapacity(maxPeers)
    }

    var port: UInt16 { link.port }

    func open() throws(TransportError) {
        opened = try link.open(connectsLater: options.connectsLater)
    }

    func run(_ core: ReceiverCore) {
        if let opened { add(opened, core) }
        opened = nil
        let ending = serve(core)
        // A sender that connects again at once must be refused, not be left in the backlog of a listener that
        // goes.
        link.close()
        while let peer = peers.first {
            _ = remove(peer, StreamEnd(reason: .lost, error: ending, text: ending.message), core)
        }
        core.finish(ending)
        options.onConnection?(ConnectionEvent(.closed, peer: link.address, reason: ending))
    }

    /// - Returns: why there is nothing more to serve.
    private func serve(_ core: ReceiverCore) -> FramewireError {
        while true {
            let orders = core.orders()
            if orders.isClosing { break }
            if peers.isEmpty, !link.listens {
                do {
                    if let connection = try link.next(until: nil) { add(connection, core) }
                } catch {
                    return FramewireError(error)
                }
                continue
            }
            while let request = core.nextKeyFrameRequest() {
                for peer in peers { peer.requestKeyFrame(request) }
            }
            let linkIsReady: Bool
            do {
                linkIsReady = try wait(orders, core)
            } catch {
                return FramewireError(error)
            }
            // Who finds no room in the queue comes first next time.
            var next: Int?
            for index in peers.indices {
                let place = (first + index) % peers.count
                let peer = peers[place]
                guard peer.end == nil, peer.hasMore || peer.isHeldUp || set.isReady(peer.place) else {
                    continue
                }
                switch peer.takeTurn(core, after: anyIsHeldUp(but: peer)) {
                case .idle, .more: break
                case .waiting: if next == nil { next = place }
                case .ended(let end): peer.end = end
                case .closing: return Self.closed
                }
            }
            first = next ?? first + 1
            if let error = removeEnded(core) { return error }
            if linkIsReady { acceptPeers(core) }
        }
        return Self.closed
    }

    private func anyIsHeldUp(but peer: ReceiverPeer) -> Bool {
        for other in peers where other.isHeldUp && other !== peer { return true }
        return false
    }

    private static var closed: FramewireError { FramewireError(.closed, "the receiver is closed") }

    /// Waits until somebody has something to say or to be told, or a time has come.
    ///
    /// - Returns: whether somebody may have connected.
    private func wait(_ orders: ReceiverCore.Orders, _ core: ReceiverCore) throws(TransportError) -> Bool {
        var deadline: Int64 = -1
        let now = Clock.now()
        set.removeAll()
        let wakePlace = set.add(wake.descriptor, .readable)
        for peer in peers {
            peer.tell(isPaused: orders.isPaused)
            peer.flush(core)
            do throws(FramewireError) {
                if let time = try peer.check(core, now: now) {
                    deadline = deadline < 0 ? time : min(deadline, time)
                }
            } catch {
                peer.end = StreamEnd(reason: .lost, error: error, text: error.message)
            }
            if peer.hasMore || peer.end != nil { deadline = 0 }
            peer.place = set.add(peer.connection.descriptor, peer.events)
        }
        let firstOfLink = set.count
        let linkDeadline = link.addWaits(to: &set)
        if linkDeadline >= 0 { deadline = deadline < 0 ? linkDeadline : min(deadline, linkDeadline) }
        _ = try set.wait(until: deadline)
        if set.isReady(wakePlace) { wake.drain() }
        var place = firstOfLink
        while place < set.count {
            if set.isReady(place) { return true }
            place += 1
        }
        return linkDeadline >= 0 && Clock.now() >= linkDeadline
    }

    // MARK: - Coming and going

    private func acceptPeers(_ core: ReceiverCore) {
        for _ in 0..<Self.acceptedAtOnce {
            guard let connection = link.accept() else { return }
            if peers.count == maxPeers, let mute = longestMute() {
                let error = FramewireError(
                    .connection, "\(mute.name) has connected and said nothing, and others want its place")
                _ = remove(mute, StreamEnd(reason: .lost, error: error, text: error.message), core)
            }
            guard peers.count < maxPeers else {
                core.recordRefused()
                link.refuse(
                    connection,
                    "too many senders: the receiver takes \(maxPeers) at once; try again when one has left")
                continue
            }
            add(connection, core)
        }
    }

    /// Who has kept a place for longer than anything may take and never said a word.
    private func longestMute() -> ReceiverPeer? {
        let now = Clock.now()
        for peer in peers where peer.isMute(now: now) { return peer }
        return nil
    }

    private func add(_ connection: Connection, _ core: ReceiverCore) {
        let record = core.add(connection)
        // Frames of one sender's size are of use to that sender only.
        let pool = FramePool(
            capacity: options.queueDepth + 4 + References.maximumPairs, tally: core.tally)
        peers.append(ReceiverPeer(connection, record, options, workers, pool))
        Log.write(.info) { "receiver: \(record.address) connected" }
        options.onConnection?(ConnectionEvent(.connected, peerID: record.id, peer: record.address))
    }

    /// - Returns: the error that ends the receiver's stream.
    private func removeEnded(_ core: ReceiverCore) -> FramewireError? {
        var index = 0
        while index < peers.count {
            guard let end = peers[index].end else {
                index += 1
                continue
            }
            if let error = remove(peers[index], end, core) { return error }
        }
        return nil
    }

    /// - Returns: the error that ends the receiver's stream, if this does.
    private func remove(_ peer: ReceiverPeer, _ end: StreamEnd, _ core: ReceiverCore) -> FramewireError? {
        var index = 0
        while peers[index] !== peer { index += 1 }
        peers.remove(at: index)
        var end = end
        end.peerID = peer.record.id
        let isInOrder = end.error.code == .closed
        core.remove(peer.record, end, isError: !isInOrder)
        peer.close(end.error, core)
        if isInOrder {
            Log.write(.info) { end.error.sentence }
        } else if !options.once, link.comesBack {
            Log.write(.warning) {
                "receiver: \(peer.name): \(end.error.sentence); waiting for the next sender"
            }
        }
        options.onConnection?(
            ConnectionEvent(.lost, peerID: peer.record.id, peer: peer.name, reason: end.error))
        return options.once || !link.comesBack ? end.error : nil
    }
}
