import Buffers
import CPosix

/// Makes connections, and opens files as such.
package enum Connector {
    /// How often it is tried again where the system has no event to wait for, ns.
    static let retryInterval: Int64 = 10_000_000

    /// Connects to a listening socket. All addresses of a name are tried in turn; no host is this machine.
    ///
    /// - Parameters:
    ///   - timeout: for all addresses together, ns, after the name look-up; negative is without a limit.
    ///   - cancel: ends the attempt when it is signalled; the signal stays.
    ///   - tls: for `tls:` endpoints, whose handshake is part of the attempt.
    /// - Throws: kind `address`, `connection`, `timeout`, `permission`, or `closed` when cancelled.
    package static func connect(
        _ endpoint: Endpoint, timeout: Int64, cancel: WakeUp? = nil, tls: TLSContext? = nil
    ) throws(TransportError) -> Connection {
        let name = endpoint.address
        switch endpoint.kind {
        case .tcp(let host, let port), .tls(let host, let port):
            guard port != 0 else {
                throw TransportError(
                    .address, "cannot connect to \(name): port 0 is for listening; name the port")
            }
            let addresses = try Resolution.addresses(host: host, port: port, name: name)
            let deadline = Clock.deadline(after: timeout)
            let connection = try connect(toAnyOf: addresses, name: name, deadline: deadline, cancel: cancel)
            if endpoint.isTLS {
                let context: TLSContext
                if let tls { context = tls } else { context = try TLSContext(TLSOptions(), role: .client) }
                try connection.startTLS(context, host: host ?? "localhost")
                try connection.finishHandshake(until: deadline, cancel: cancel)
            }
            return connection
        case .unix(let path):
            guard let address = SocketAddress(unixPath: path) else {
                throw TransportError(
                    .address,
                    "\(name): a Unix socket's path can have \(SocketAddress.maxPathBytes) bytes at most")
            }
            let attempt = ConnectAttempt(
                address: address, name: name, place: "", deadline: Clock.deadline(after: timeout),
                cancel: cancel)
            return try attempt.run()
        case .file:
            throw TransportError(
                .address, "\(name) is a file, to which nothing can connect; use tcp://, tls:// or unix://")
        }
    }

    private static func connect(
        toAnyOf addresses: [SocketAddress], name: String, deadline: Int64, cancel: WakeUp?
    ) throws(TransportError) -> Connection {
        var worst: TransportError?
        for (index, address) in addresses.enumerated() {
            // An address that does not answer must leave time for the others.
            var attemptDeadline = deadline
            if deadline >= 0 {
                let now = Clock.now()
                attemptDeadline = now + max(0, deadline - now) / Int64(addresses.count - index)
            }
            let place =
                addresses.count == 1
                ? address.host
                : ("\(address.host), address \(index + 1) of \(addresses.count)" as Sentence).text
            let attempt = ConnectAttempt(
                address: address, name: name, place: place, deadline: attemptDeadline, cancel: cancel)
            do throws(TransportError) {
                return try attempt.run()
            } catch {
                if case .closed = error.kind { throw error }
                if worst == nil || rank(error) >= rank(worst!) { worst = error }
            }
        }
        throw worst ?? TransportError(.address, "\(name): the host has no address")
    }

    /// Which failure of several addresses tells most: one from the host itself before one from the way there.
    private static func rank(_ error: TransportError) -> Int {
        switch error.code {
        case ECONNREFUSED: 3
        case ETIMEDOUT: 2
        case EADDRNOTAVAIL, EAFNOSUPPORT, ENETUNREACH: 0
        default: 1
        }
    }
}

/// One attempt to connect to one address.
private struct ConnectAttempt {
    let address: SocketAddress
    let name: String
    /// The address in digits, for messages; may be empty.
    let place: String
    let deadline: Int64
    let cancel: WakeUp?

    private var doing: Sentence {
        place.utf8.isEmpty ? "cannot connect to \(name)" : "cannot connect to \(name) (\(place))"
    }

    func run() throws(TransportError) -> Connection {
        let descriptor: Int32
        do throws(Errno) {
            descriptor = try System.socket(family: address.family)
        } catch {
            throw failure(error)
        }
        do throws(TransportError) {
            SocketOptions.apply(to: descriptor, peer: address)
            try connect(descriptor)
            try refuseSelf(descriptor)
        } catch {
            System.close(descriptor)
            throw error
        }
        return Connection(descriptor: descriptor, isFile: false, name: name)
    }

    private func connect(_ descriptor: Int32) throws(TransportError) {
        while true {
            do throws(Errno) {
                try System.connect(descriptor, to: address)
                return
            } catch {
                if error.code == EINPROGRESS {
                    try waitUntilConnected(descriptor)
                    return
                }
                // A Unix socket whose queue is full says so at once instead of waiting.
                guard error.isWouldBlock else { throw failure(error) }
            }
            try pause()
        }
    }

    private func waitUntilConnected(_ descriptor: Int32) throws(TransportError) {
        var set = PollSet()
        let socket = set.add(descriptor, .writable)
        let cancelled = set.add(cancel?.descriptor ?? -1, .readable)
        let isReady = try set.wait(until: deadline)
        if set.isReady(cancelled) { throw cancellation }
        guard isReady, set.isReady(socket) else { throw timeout }
        do throws(Errno) {
            let code = try System.pendingError(descriptor)
            if code != 0 { throw Errno(code: code) }
        } catch {
            throw failure(error)
        }
    }

    private func pause() throws(TransportError) {
        let now = Clock.now()
        if deadline >= 0, now >= deadline { throw timeout }
        let next = now + Connector.retryInterval
        var set = PollSet()
        let cancelled = set.add(cancel?.descriptor ?? -1, .readable)
        _ = try set.wait(until: deadline >= 0 ? min(next, deadline) : next)
        if set.isReady(cancelled) { throw cancellation }
    }

    /// A connection to a free port of the range that the system also gives to callers can come out at its own
    /// other end.
    private func refuseSelf(_ descriptor: Int32) throws(TransportError) {
        guard let local = try? System.localAddress(descriptor),
            let peer = try? System.peerAddress(descriptor),
            local.isSameEndpoint(as: peer)
        else { return }
        throw failure(Errno(code: ECONNREFUSED))
    }

    private func failure(_ errno: Errno) -> TransportError {
        switch errno.code {
        case ECONNREFUSED, ENOENT:
            TransportError(
                .connection, code: errno.code, "\(doing): \(errno.text); is a receiver listening there?")
        case ETIMEDOUT:
            timeout
        case EADDRNOTAVAIL:
            TransportError(
                .connection, code: errno.code,
                "\(doing): \(errno.text); this machine has no way to such an address")
        case EHOSTUNREACH, ENETUNREACH:
            TransportError(.connection, code: errno.code, "\(doing): \(errno.text); check the network")
        default:
            TransportError(errno, doing: doing, fallback: .connection)
        }
    }

    private var timeout: TransportError {
        TransportError(
            .timeout, code: ETIMEDOUT,
            "\(doing): no answer in the time allowed; is the host up and the port open?")
    }

    private var cancellation: TransportError {
        TransportError(.closed, "\(doing): the attempt was cancelled")
    }
}
