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
    private let wake: WakeUp
    private let cancel: WakeUp
    private var listener: Listener?
    private var nextAttempt: Int64 = 0
    private var pause = Link.firstPause
    private var jitter: UInt64

    /// The TCP port that is listened on; 0 where there is none.
    private(set) var port: UInt16 = 0

    /// - Parameters:
    ///   - wake: ends a wait in ``next(until:)``.
    ///   - cancel: ends an attempt to connect.
    init(
        _ endpoint: Endpoint, role: Role, _ reconnect: ReconnectPolicy, _ connectTimeout: Int64, wake: WakeUp,
        cancel: WakeUp
    ) {
        self.endpoint = endpoint
        self.role = role
        self.reconnect = reconnect == .standard ? .afterLoss : reconnect
        self.connectTimeout = connectTimeout
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
        if listens {
            let listener = try Listener(endpoint)
            self.listener = listener
            port = listener.port
            return nil
        }
        if reconnect == .always { return nil }
        return try Connector.connect(endpoint, timeout: connectTimeout)
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
            var set = PollSet()
            set.add(wake.descriptor, .readable)
            for descriptor in listener.descriptors { set.add(descriptor, .readable) }
            _ = try set.wait(until: deadline ?? -1)
            wake.drain()
            do {
                return try listener.accept()
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
            let connection = try Connector.connect(endpoint, timeout: timeout, cancel: cancel)
            pause = Self.firstPause
            // A peer that accepts and leaves at once must not be connected to in a tight loop.
            nextAttempt = Clock.now() + Self.firstPause
            return connection
        } catch {
            if case .closed = error.kind {
                cancel.drain()
                return nil
            }
            Log.write(.info) { error.sentence }
            nextAttempt = Clock.now() + pause / 2 + Int64(random() % UInt64(pause))
            pause = min(2 * pause, Self.longestPause)
            return nil
        }
    }

    /// Spreads the attempts of many programs that lost the same peer (xorshift64).
    private func random() -> UInt64 {
        jitter ^= jitter << 13
        jitter ^= jitter >> 7
        jitter ^= jitter << 17
        return jitter
    }

    func close() {
        listener?.close()
        listener = nil
    }
}
