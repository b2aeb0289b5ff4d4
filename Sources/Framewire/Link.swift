import Buffers
import Transport
import Wire

/// Gets connections to an endpoint, one after another: by connecting, with growing pauses, by listening, or
/// by opening a file.
///
/// It belongs to one I/O thread; ``open()`` runs before that exists.
final class Link {
    enum Role {
        case sender
        case receiver
    }

    private static let firstPause: Int64 = 100_000_000
    private static let longestPause: Int64 = 2_000_000_000

    private let endpoint: Endpoint
    private let role: Role
    private let reconnect: ReconnectPolicy
    private let connectTimeout: Int64
    /// Whether the first attempt to connect must succeed, and has not yet.
    private var mustSucceed = false
    private let tlsOptions: TLSOptions
    private let wake: WakeUp
    private let cancel: WakeUp
    private var listener: Listener?
    private var tls: TLSContext?
    /// Connections that were accepted and whose handshake of TLS goes on. There are a few, so that one that
    /// says nothing keeps nobody else out.
    private var greeted: [(connection: Connection, deadline: Int64)] = []
    private static let mostGreeted = 3
    /// Peers that were told to go and have not gone yet: closing at once could take what they were told from them.
    private var leaving: [(connection: Connection, deadline: Int64)] = []
    private static let mostLeaving = 4
    private static let leavingTime: Int64 = 1_000_000_000
    private var nextAttempt: Int64 = 0
    private var pause = Link.firstPause
    private var jitter: UInt64
    /// Attempts since the last connection, and why the last of them failed.
    private var attempt = 0
    private var lastFailure: FramewireError?
    /// When the last attempt succeeded.
    private var lastSuccess: Int64?

    /// Set when the peer has ended the last connection with a goodbye: the pauses go on growing.
    var isUnwelcome = false

    /// Gets an event ``ConnectionState/connecting`` before each attempt of ``next(until:)``.
    var onAttempt: ConnectionHandler?

    /// The TCP port that is listened on; 0 where there is none.
    private(set) var port: UInt16 = 0

    /// - Parameters:
    ///   - wake: ends a wait in ``next(until:)``.
    ///   - cancel: ends an attempt to connect.
    init(
        _ endpoint: Endpoint, role: Role, _ reconnect: ReconnectPolicy, _ connectTimeout: Int64,
        _ tls: TLSOptions,
        wake: WakeUp, cancel: WakeUp
    ) {
        self.endpoint = endpoint
        self.role = role
        self.reconnect = reconnect == .standard ? .afterLoss : reconnect
        self.connectTimeout = connectTimeout
        tlsOptions = tls
        self.wake = wake
        self.cancel = cancel
        jitter = UInt64(bitPattern: Clock.now()) | 1
    }

    var isFile: Bool {
        if case .file = endpoint.kind { return true }
        return false
    }

    /// Whether peers connect to this side.
    var listens: Bool {
        switch endpoint.mode {
        case .listen: true
        case .connect: false
        case .standard: role == .receiver
        }
    }

    /// Whether there will be another connection after one is lost.
    var comesBack: Bool { !isFile && reconnect != .never }

    /// Binds, opens the file, or makes the first connection unless that may come later.
    ///
    /// - Parameter connectsLater: whether the first connection is left to ``next(until:)``, which then throws if it
    ///   cannot be made.
    /// - Returns: the connection, if there is one already.
    func open(connectsLater: Bool = false) throws(TransportError) -> Connection? {
        if isFile {
            return try Connector.openFile(
                endpoint, for: role == .sender ? .writing : .reading, timeout: connectTimeout)
        }
        if endpoint.isTLS {
            tls = try TLSContext(tlsOptions, role: listens ? .server : .client)
        } else if !tlsOptions.isEmpty {
            throw TransportError(
                .invalidArgument, "\(endpoint.address) is not encrypted, but has TLS options; write tls://")
        }
        if listens {
            let listener = try Listener(endpoint)
            if role == .receiver, listener.isOpenToOthers, tls == nil {
                Log.write(.warning) {
                    "receiver: whoever reaches \(listener.name) can send and listen in; use tls:// on networks that"
                        + " you do not trust"
                }
            }
            self.listener = listener
            port = listener.port
            return nil
        }
        if reconnect == .always { return nil }
        mustSucceed = connectsLater
        if connectsLater { return nil }
        return try Connector.connect(endpoint, timeout: connectTimeout, tls: tls)
    }

    /// Whether opening has left the first connection for later, and all depends on it.
    var awaitsConnection: Bool { mustSucceed }

    /// What connections are opened to, or listened for on, as a URL.
    var address: String { endpoint.address }

    /// A connection, or `nil` after a while: when `deadline` has come, when it was woken, or after an attempt
    /// that failed.
    ///
    /// - Throws: ``TransportError`` when there is no use in going on.
    func next(until deadline: Int64?) throws(TransportError) -> Connection? {
        if listens {
            var set = PollSet()
            set.add(wake.descriptor, .readable)
            _ = try set.wait(until: addWaits(to: &set, until: deadline ?? -1))
            wake.drain()
            return accept()
        }
        let now = Clock.now()
        if let lastSuccess {
            self.lastSuccess = nil
            // A peer that accepts and leaves at once must not be connected to in a tight loop, and one that says that
            // it does not want us less often still.
            pause = isUnwelcome ? min(2 * pause, Self.longestPause) : Self.firstPause
            isUnwelcome = false
            nextAttempt = lastSuccess + pause
        }
        if now < nextAttempt {
            var set = PollSet()
            set.add(wake.descriptor, .readable)
            _ = try set.wait(until: min(nextAttempt, deadline ?? nextAttempt))
            wake.drain()
            return nil
        }
        var timeout = connectTimeout
        if let deadline { timeout = min(timeout, max(0, deadline - now)) }
        attempt += 1
        onAttempt?(ConnectionEvent(.connecting, peer: address, reason: lastFailure, attempt: attempt))
        do {
            let connection = try Connector.connect(endpoint, timeout: timeout, cancel: cancel, tls: tls)
            attempt = 0
            lastFailure = nil
            mustSucceed = false
            lastSuccess = Clock.now()
            return connection
        } catch {
            if case .closed = error.kind {
                cancel.drain()
                return nil
            }
            if mustSucceed { throw error }
            // A peer that is not up yet is nothing to speak of; one that is not to be trusted is.
            Log.write(error.kind == .permission ? .warning : .info) { error.sentence }
            lastFailure = FramewireError(error)
            nextAttempt = Clock.now() + pause / 2 + Int64(random() % UInt64(pause))
            pause = min(2 * pause, Self.longestPause)
            return nil
        }
    }

    // MARK: - Listening

    /// Adds what a thread that has other things to wait for, too, waits for before ``accept()``.
    ///
    /// - Parameter deadline: of the wait; negative is without a limit.
    /// - Returns: the deadline, or the earlier time at which ``accept()`` has something to do.
    func addWaits(to set: inout PollSet, until deadline: Int64 = -1) -> Int64 {
        guard let listener else { return deadline }
        var until = deadline
        func limit(_ time: Int64) {
            guard time >= 0 else { return }
            until = until < 0 ? time : min(until, time)
        }
        for entry in greeted {
            set.add(entry.connection.descriptor, entry.connection.readEvents)
            limit(entry.deadline)
        }
        for entry in leaving {
            set.add(entry.connection.descriptor, entry.connection.readEvents)
            limit(entry.deadline)
        }
        if Clock.now() < nextAttempt {
            limit(nextAttempt)
        } else if greeted.count < Self.mostGreeted {
            for descriptor in listener.descriptors { set.add(descriptor, .readable) }
        }
        return until
    }

    /// A peer that has connected, if there is one. Never waits.
    func accept() -> Connection? {
        seeOff()
        if let ready = nextGreeted() { return ready }
        guard let listener, greeted.count < Self.mostGreeted, Clock.now() >= nextAttempt else { return nil }
        do {
            guard let connection = try listener.accept() else { return nil }
            guard let tls else { return connection }
            try connection.startTLS(tls)
            greeted.append((connection, Clock.deadline(after: connectTimeout)))
        } catch {
            // No descriptors or no memory at this moment: the peer still waits, and others will give
            // theirs back.
            Log.write(.warning) { error.sentence }
            nextAttempt = Clock.now() + Self.firstPause
        }
        return nil
    }

    /// Tells a peer that has connected why it cannot stay. Never waits.
    func refuse(_ connection: Connection, _ reason: Sentence) {
        Log.write(.info) { "\(connection.peerName) is refused: \(reason)" }
        let bye = Bye(reason: .failed, text: reason.text)
        let isTold = withUnsafeTemporaryAllocation(byteCount: 2048, alignment: 8) { room in
            var size = role == .sender ? StreamOpening.encode(into: room) : 0
            size += bye.encode(into: UnsafeMutableRawBufferPointer(rebasing: room[size...]))
            let bytes = UnsafeRawBufferPointer(rebasing: room[..<size])
            return (try? connection.write(bytes)) == size
        }
        guard isTold, leaving.count < Self.mostLeaving else { return connection.close() }
        connection.shutdownWrite()
        leaving.append((connection, Clock.now() + Self.leavingTime))
    }

    /// Reads what peers that were told to go still say, until they are gone.
    private func seeOff() {
        var index = 0
        while index < leaving.count {
            let (connection, deadline) = leaving[index]
            let hasGone = withUnsafeTemporaryAllocation(byteCount: 16384, alignment: 16) { scratch in
                // Not without end: it may be one that sends faster than we read.
                for _ in 0..<16 {
                    guard let count = try? connection.read(scratch), count != 0 else { return true }
                    if count < 0 { break }
                }
                return Clock.now() >= deadline
            }
            if hasGone {
                connection.close()
                leaving.remove(at: index)
            } else {
                index += 1
            }
        }
    }

    /// Goes on with the handshakes: the first connection whose handshake is complete.
    private func nextGreeted() -> Connection? {
        var index = 0
        while index < greeted.count {
            let (connection, deadline) = greeted[index]
            do throws(TransportError) {
                if try connection.handshake() {
                    greeted.remove(at: index)
                    return connection
                }
                if deadline >= 0, Clock.now() >= deadline { throw connection.handshakeTimeout }
                index += 1
            } catch {
                Log.write(.warning) { error.sentence }
                greeted.remove(at: index)
            }
        }
        return nil
    }

    /// Spreads the attempts of many programs that lost the same peer (xorshift64).
    private func random() -> UInt64 {
        jitter ^= jitter << 13
        jitter ^= jitter >> 7
        jitter ^= jitter << 17
        return jitter
    }

    func close() {
        greeted.removeAll()
        leaving.removeAll()
        listener?.close()
        listener = nil
    }
}
