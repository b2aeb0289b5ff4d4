import Buffers
import Transport

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
    private let tlsOptions: TLSOptions
    private let wake: WakeUp
    private let cancel: WakeUp
    private var listener: Listener?
    private var tls: TLSContext?
    /// Connections that were accepted and whose handshake of TLS goes on. There are a few, so that one that
    /// says nothing keeps nobody else out.
    private var greeted: [(connection: Connection, deadline: Int64)] = []
    private static let mostGreeted = 3
    private var nextAttempt: Int64 = 0
    private var pause = Link.firstPause
    private var jitter: UInt64

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

    private var listens: Bool {
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
    /// - Returns: the connection, if there is one already.
    func open() throws(TransportError) -> Connection? {
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
        return try Connector.connect(endpoint, timeout: connectTimeout, tls: tls)
    }

    /// A connection, or `nil` after a while: when `deadline` has come, when it was woken, or after an attempt
    /// that failed.
    ///
    /// - Throws: ``TransportError`` when there is no use in going on.
    func next(until deadline: Int64?) throws(TransportError) -> Connection? {
        let now = Clock.now()
        if now < nextAttempt {
            var set = PollSet()
            set.add(wake.descriptor, .readable)
            _ = try set.wait(until: min(nextAttempt, deadline ?? nextAttempt))
            wake.drain()
            return nil
        }
        if let listener {
            var until = deadline ?? -1
            var set = PollSet()
            set.add(wake.descriptor, .readable)
            for entry in greeted {
                set.add(entry.connection.descriptor, entry.connection.readEvents)
                until = until < 0 ? entry.deadline : min(until, entry.deadline)
            }
            if greeted.count < Self.mostGreeted {
                for descriptor in listener.descriptors { set.add(descriptor, .readable) }
            }
            _ = try set.wait(until: until)
            wake.drain()
            if let ready = nextGreeted() { return ready }
            guard greeted.count < Self.mostGreeted else { return nil }
            do {
                guard let connection = try listener.accept() else { return nil }
                guard let tls else { return connection }
                try connection.startTLS(tls)
                greeted.append((connection, Clock.deadline(after: connectTimeout)))
                return nil
            } catch {
                // No descriptors or no memory at this moment: the peer still waits, and others will give
                // theirs back.
                Log.write(.warning) { error.sentence }
                nextAttempt = now + Self.firstPause
                return nil
            }
        }
        var timeout = connectTimeout
        if let deadline { timeout = min(timeout, max(0, deadline - now)) }
        do {
            let connection = try Connector.connect(endpoint, timeout: timeout, cancel: cancel, tls: tls)
            pause = Self.firstPause
            // A peer that accepts and leaves at once must not be connected to in a tight loop.
            nextAttempt = Clock.now() + Self.firstPause
            return connection
        } catch {
            if case .closed = error.kind {
                cancel.drain()
                return nil
            }
            // A peer that is not up yet is nothing to speak of; one that is not to be trusted is.
            Log.write(error.kind == .permission ? .warning : .info) { error.sentence }
            nextAttempt = Clock.now() + pause / 2 + Int64(random() % UInt64(pause))
            pause = min(2 * pause, Self.longestPause)
            return nil
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
                if Clock.now() >= deadline { throw connection.handshakeTimeout }
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
        listener?.close()
        listener = nil
    }
}
