import Buffers
import CPosix

extension Listener {
    /// How many addresses of one host are listened on at most.
    private static let maxAddresses = 4
    /// How often another port is tried when the system's choice for the first address is taken on the second.
    private static let portAttempts = 32

    /// Listens on all of `addresses` that this machine has, on the same port.
    static func bind(
        _ addresses: [SocketAddress], port: UInt16, name: String, backlog: Int32
    ) throws(TransportError) -> (descriptors: [Int32], port: UInt16) {
        var attempt = 1
        while true {
            do throws(TransportError) {
                return try bindOnce(addresses, port: port, name: name, backlog: backlog)
            } catch {
                guard port == 0, error.code == EADDRINUSE, attempt < portAttempts else { throw error }
                attempt += 1
            }
        }
    }

    private static func bindOnce(
        _ addresses: [SocketAddress], port: UInt16, name: String, backlog: Int32
    ) throws(TransportError) -> (descriptors: [Int32], port: UInt16) {
        var descriptors: [Int32] = []
        var port = port
        var missing: Errno?
        for address in addresses.prefix(maxAddresses) {
            do throws(Errno) {
                var address = address
                address.port = port
                let descriptor = try listen(on: address, backlog: backlog)
                descriptors.append(descriptor)
                if port == 0 { port = try System.localAddress(descriptor).port }
            } catch {
                // One family of the two may be switched off. Anything else must not leave a part of the
                // addresses to others.
                if error.code == EADDRNOTAVAIL || error.code == EAFNOSUPPORT {
                    missing = error
                    continue
                }
                for descriptor in descriptors { System.close(descriptor) }
                throw failure(error, name: name)
            }
        }
        if descriptors.isEmpty { throw failure(missing ?? Errno(code: EADDRNOTAVAIL), name: name) }
        return (descriptors, port)
    }

    private static func listen(on address: SocketAddress, backlog: Int32) throws(Errno) -> Int32 {
        let descriptor = try System.socket(family: address.family)
        do throws(Errno) {
            // A port whose last connections still linger can be used at once; one on which somebody listens
            // cannot.
            try System.setOption(descriptor, level: SOL_SOCKET, SO_REUSEADDR, 1)
            if address.family == AF_INET6 {
                let only: Int32 = address.isUnspecifiedIPv6 ? 0 : 1
                try System.setOption(descriptor, level: Int32(IPPROTO_IPV6), IPV6_V6ONLY, only)
            }
            try System.bind(descriptor, to: address)
            try System.listen(descriptor, backlog: backlog)
        } catch {
            System.close(descriptor)
            throw error
        }
        return descriptor
    }

    /// Listens on a Unix socket. The status is that of the file which was made.
    static func bindUnix(
        _ path: String, name: String, backlog: Int32
    ) throws(TransportError) -> (descriptor: Int32, status: FileStatus?) {
        guard let address = SocketAddress(unixPath: path) else {
            throw TransportError(
                .address, "\(name): a Unix socket's path can have \(SocketAddress.maxPathBytes) bytes at most"
            )
        }
        do throws(Errno) {
            if let status = try System.status(of: path, followingLinks: false) {
                guard case .socket = status.kind else { throw Errno(code: ENOTSOCK) }
                try removeIfStale(path, address)
            }
            let descriptor = try System.socket(family: AF_UNIX)
            do throws(Errno) {
                try System.bind(descriptor, to: address)
                try System.listen(descriptor, backlog: backlog)
            } catch {
                System.close(descriptor)
                throw error
            }
            return (descriptor, try? System.status(of: path, followingLinks: false))
        } catch {
            throw failure(error, name: name)
        }
    }

    /// Removes a socket file on which nobody listens; throws `EADDRINUSE` when somebody does.
    private static func removeIfStale(_ path: String, _ address: SocketAddress) throws(Errno) {
        let probe = try System.socket(family: AF_UNIX)
        defer { System.close(probe) }
        do throws(Errno) {
            try System.connect(probe, to: address)
        } catch {
            switch error.code {
            case ECONNREFUSED: return try System.unlink(path)
            case ENOENT: return
            // A listener whose queue is full.
            case EAGAIN, EINPROGRESS: break
            default: throw error
            }
        }
        throw Errno(code: EADDRINUSE)
    }

    private static func failure(_ errno: Errno, name: String) -> TransportError {
        switch errno.code {
        case EADDRINUSE:
            TransportError(
                errno, doing: "cannot listen on \(name)", fallback: .address,
                hint: "stop the program that listens there, or choose another port or path")
        case EACCES:
            TransportError(
                errno, doing: "cannot listen on \(name)", fallback: .permission,
                hint: "ports below 1024 and other users' folders need more rights")
        case ENOTSOCK:
            TransportError(
                .address, code: errno.code,
                "cannot listen on \(name): there is a file that is not a socket; choose another path")
        case ENOENT, ENOTDIR:
            TransportError(
                errno, doing: "cannot listen on \(name)", fallback: .address, hint: "create the folder first")
        default:
            TransportError(errno, doing: "cannot listen on \(name)", fallback: .address)
        }
    }
}
