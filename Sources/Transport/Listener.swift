import Buffers
import CPosix

/// Waits for connections on a TCP port or a Unix socket.
///
/// One thread at a time; `descriptors` may be polled by any.
package final class Listener: @unchecked Sendable {
    // Unchecked: nothing changes between the initializer and `close`, which is for when no other call is
    // under way.

    /// The listening sockets, readable when ``accept()`` has something: one, or one for each address of the
    /// host. Empty once closed.
    package private(set) var descriptors: [Int32]
    /// The TCP port, also where the system chose it; 0 for a Unix socket.
    package let port: UInt16
    /// The address that is listened on as a URL, for messages.
    package let name: String
    /// Whether other machines can connect.
    package let isOpenToOthers: Bool
    private let isTLS: Bool
    /// The socket file that is ours to remove.
    private let socketFile: (path: String, status: FileStatus)?

    /// Binds and listens.
    ///
    /// Without a host that is 127.0.0.1 and, where the machine has IPv6, `::1`, on one port. `[::]` takes
    /// IPv4 connections too. The file of a Unix socket on which nobody listens any more is replaced.
    ///
    /// - Parameter backlog: how many connections may wait to be accepted.
    /// - Throws: kind `address` (unknown host, address in use), `permission`, `io`.
    package convenience init(_ endpoint: Endpoint, backlog: Int32 = 16) throws(TransportError) {
        let name = endpoint.address
        switch endpoint.kind {
        case .tcp(let host, let port), .tls(let host, let port):
            let addresses = try Resolution.addresses(host: host, port: port, name: name)
            let bound = try Listener.bind(addresses, port: port, name: name, backlog: backlog)
            let isTLS = endpoint.isTLS
            self.init(
                bound.descriptors, port: bound.port,
                name: Endpoint.networkAddress(host, bound.port, isTLS: isTLS), socketFile: nil, isTLS: isTLS,
                isOpenToOthers: !addresses.allSatisfy { $0.isLoopback })
        case .unix(let path):
            let (descriptor, status) = try Listener.bindUnix(path, name: name, backlog: backlog)
            self.init(
                [descriptor], port: 0, name: name, socketFile: status.map { (path, $0) }, isTLS: false,
                isOpenToOthers: false)
        case .file:
            throw TransportError(
                .address, "\(name) is a file, on which nothing can listen; use tcp://, tls:// or unix://")
        }
    }

    /// Nothing throws here: Embedded Swift does not free an object whose designated initializer fails.
    private init(
        _ descriptors: [Int32], port: UInt16, name: String, socketFile: (path: String, status: FileStatus)?,
        isTLS: Bool, isOpenToOthers: Bool
    ) {
        self.descriptors = descriptors
        self.port = port
        self.name = name
        self.socketFile = socketFile
        self.isTLS = isTLS
        self.isOpenToOthers = isOpenToOthers
    }

    deinit {
        close()
    }

    /// The next connection that waits, or `nil`. For `tls:` its ``Connection/startTLS(_:host:)`` comes next.
    ///
    /// - Throws: kind `io` (no descriptors left) or `noMemory`: the connection still waits, so pause before
    ///   the next call.
    package func accept() throws(TransportError) -> Connection? {
        for descriptor in descriptors {
            while true {
                do throws(Errno) {
                    let (accepted, peer) = try System.accept(descriptor)
                    SocketOptions.apply(to: accepted, peer: peer)
                    return Connection(
                        descriptor: accepted, isFile: false,
                        name: peer.family == AF_UNIX ? name : peer.url(isTLS: isTLS))
                } catch {
                    if error.isWouldBlock { break }
                    switch error.code {
                    case EMFILE, ENFILE, ENOBUFS, ENOMEM, EBADF, EINVAL, ENOTSOCK, EOPNOTSUPP, EPERM:
                        throw TransportError(
                            error, doing: "cannot accept a connection on \(name)", fallback: .connection)
                    // Errors of the connection, not of the listener (accept(2)): it is gone, take the next.
                    default: continue
                    }
                }
            }
        }
        return nil
    }

    /// Stops listening and removes the socket file, unless another has taken its place; a second call does
    /// nothing.
    package func close() {
        guard !descriptors.isEmpty else { return }
        if let socketFile, let now = try? System.status(of: socketFile.path, followingLinks: false),
            now.isSame(as: socketFile.status)
        {
            try? System.unlink(socketFile.path)
        }
        for descriptor in descriptors { System.close(descriptor) }
        descriptors = []
    }
}
