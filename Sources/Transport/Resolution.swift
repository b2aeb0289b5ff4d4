import Buffers
import CPosix

/// From hosts to addresses.
enum Resolution {
    /// The addresses of `host`; without one, this machine's two loopback addresses.
    static func addresses(host: String?, port: UInt16, name: String) throws(TransportError) -> [SocketAddress]
    {
        do throws(LookupFailure) {
            guard let host else {
                return try System.resolve("127.0.0.1", port: port, numericOnly: true)
                    + System.resolve("::1", port: port, numericOnly: true)
            }
            // Only addresses have colons, and the name service shall not be asked for one.
            let isAddress = host.contains(byte: UInt8(ascii: ":"))
            return try System.resolve(host, port: port, numericOnly: isAddress)
        } catch {
            throw Resolution.error(error, host: host ?? "", name: name)
        }
    }

    static func error(_ failure: LookupFailure, host: String, name: String) -> TransportError {
        switch failure.code {
        case EAI_NONAME, EAI_NODATA, EAI_ADDRFAMILY, EAI_FAIL:
            TransportError(.address, "\(name): the host \"\(host)\" is unknown; check its spelling")
        case EAI_AGAIN:
            TransportError(
                .address, "\(name): the name service gave no answer for the host \"\(host)\"; try again later"
            )
        case EAI_MEMORY:
            TransportError(.noMemory, "\(name): no memory to look up the host \"\(host)\"")
        case EAI_SYSTEM:
            TransportError(
                failure.errno, doing: "\(name): cannot look up the host \"\(host)\"", fallback: .address)
        default:
            TransportError(
                .address, "\(name): cannot look up the host \"\(host)\": \(System.lookupText(failure.code))")
        }
    }
}

/// What every TCP connection of this library asks of the system.
enum SocketOptions {
    /// Bytes that may wait unsent before `poll` says that there is no room: a decision to drop a frame sees
    /// the real backlog.
    static let unsentLimit: Int32 = 32 * 1024

    /// Sets them. All of them only tune, so a system that lacks one is none the worse.
    ///
    /// - Parameter peer: the address of the other side.
    static func apply(to descriptor: Int32, peer: SocketAddress) {
        guard peer.family == AF_INET || peer.family == AF_INET6 else { return }
        let tcp = Int32(IPPROTO_TCP)
        try? System.setOption(descriptor, level: tcp, TCP_NODELAY, 1)
        try? System.setOption(descriptor, level: tcp, TCP_NOTSENT_LOWAT, unsentLimit)
        // Where no network is, there is nothing to pace for: BBR holds frames back for up to 10 ms there.
        if peer.isLoopback { try? System.setCongestionControl(descriptor, "reno") }
        // A peer that vanished without a word while nothing is sent is noticed within 15 seconds instead of the
        // system's two hours. While something is, whoever sends looks at `Connection.silence`: TCP_USER_TIMEOUT would
        // also end the connection to a peer that is there and just reads nothing.
        try? System.setOption(descriptor, level: SOL_SOCKET, SO_KEEPALIVE, 1)
        try? System.setOption(descriptor, level: tcp, TCP_KEEPIDLE, 5)
        try? System.setOption(descriptor, level: tcp, TCP_KEEPINTVL, 2)
        try? System.setOption(descriptor, level: tcp, TCP_KEEPCNT, 5)
    }
}
