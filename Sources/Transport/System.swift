import Buffers
import CPosix

/// An error number of the system (`errno`).
struct Errno: Error {
    let code: Int32

    var isWouldBlock: Bool {
        code == EAGAIN || code == EWOULDBLOCK
    }

    /// The system's words for it, beginning in lower case so that they fit into a sentence.
    var text: String {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
            let text = fwp_strerror(code, buffer.baseAddress, buffer.count)!
            let room = buffer.baseAddress!
            // The system may give a text of its own instead of filling the room.
            if text != UnsafePointer(room) { strncpy(room, text, buffer.count - 1) }
            room[buffer.count - 1] = 0
            // "Connection refused", but not "I/O error" or "RPC …".
            if (0x41...0x5A).contains(room[0]), (0x61...0x7A).contains(room[1]) || room[1] == 0x20 {
                room[0] += 0x20
            }
            return String(text: room)
        }
    }
}

/// A failed name look-up: the code of `getaddrinfo`, and `errno` where that is `EAI_SYSTEM`.
struct LookupFailure: Error {
    let code: Int32
    let errno: Errno
}

/// The system calls of this module, with results in place of −1 and `EINTR` taken care of.
///
/// No files of the module but this and its extensions call the system.
package enum System {
    /// `IOV_MAX` of Linux: more vectors in one call are an error.
    static let maxVectors = 1024

    @inline(__always)
    private static func check(_ call: () -> Int) throws(Errno) -> Int {
        while true {
            let result = call()
            if result >= 0 { return result }
            let code = fwp_errno()
            if code != EINTR { throw Errno(code: code) }
        }
    }

    @inline(__always)
    private static func check(_ call: () -> Int32) throws(Errno) -> Int32 {
        while true {
            let result = call()
            if result >= 0 { return result }
            let code = fwp_errno()
            if code != EINTR { throw Errno(code: code) }
        }
    }

    // Sockets.

    /// A stream socket, non-blocking and closed on `exec`.
    static func socket(family: Int32) throws(Errno) -> Int32 {
        let type = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        return try check { CPosix.socket(family, type, 0) }
    }

    static func socketPair() throws(Errno) -> (Int32, Int32) {
        let type = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        var first: Int32 = -1
        var second: Int32 = -1
        try withUnsafeTemporaryAllocation(of: Int32.self, capacity: 2) { (pair) throws(Errno) in
            pair.initialize(repeating: -1)
            _ = try check { socketpair(AF_UNIX, type, 0, pair.baseAddress) }
            first = pair[0]
            second = pair[1]
        }
        return (first, second)
    }

    static func setOption(_ descriptor: Int32, level: Int32, _ name: Int32, _ value: Int32) throws(Errno) {
        var value = value
        _ = try check { setsockopt(descriptor, level, name, &value, socklen_t(MemoryLayout<Int32>.size)) }
    }

    /// `TCP_CONGESTION`: the algorithm that says how much may be on its way, by the system's name for it.
    static func setCongestionControl(_ descriptor: Int32, _ name: StaticString) throws(Errno) {
        _ = try check {
            setsockopt(
                descriptor, Int32(IPPROTO_TCP), TCP_CONGESTION, name.utf8Start,
                socklen_t(name.utf8CodeUnitCount))
        }
    }

    /// `SO_ERROR`: how a connection attempt ended, 0 for success.
    static func pendingError(_ descriptor: Int32) throws(Errno) -> Int32 {
        var value: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        _ = try check { getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &value, &size) }
        return value
    }

    static func bind(_ descriptor: Int32, to address: SocketAddress) throws(Errno) {
        _ = try address.withPointer { (pointer, length) throws(Errno) in
            try check { CPosix.bind(descriptor, pointer, length) }
        }
    }

    static func listen(_ descriptor: Int32, backlog: Int32) throws(Errno) {
        _ = try check { CPosix.listen(descriptor, backlog) }
    }

    /// Begins to connect; throws `EINPROGRESS` where the outcome comes later.
    static func connect(_ descriptor: Int32, to address: SocketAddress) throws(Errno) {
        let code = address.withPointer { pointer, length in
            CPosix.connect(descriptor, pointer, length) == 0 ? 0 : fwp_errno()
        }
        // An interrupted attempt goes on in the background; a second call would only say EALREADY.
        if code != 0 { throw Errno(code: code == EINTR ? EINPROGRESS : code) }
    }

    static func accept(_ descriptor: Int32) throws(Errno) -> (descriptor: Int32, peer: SocketAddress) {
        var peer = SocketAddress()
        let flags = Int32(SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let accepted = try peer.fill { (pointer, length) throws(Errno) in
            try check { accept4(descriptor, pointer, length, flags) }
        }
        return (accepted, peer)
    }

    static func localAddress(_ descriptor: Int32) throws(Errno) -> SocketAddress {
        var address = SocketAddress()
        _ = try address.fill { (pointer, length) throws(Errno) in
            try check { getsockname(descriptor, pointer, length) }
        }
        return address
    }

    static func peerAddress(_ descriptor: Int32) throws(Errno) -> SocketAddress {
        var address = SocketAddress()
        _ = try address.fill { (pointer, length) throws(Errno) in
            try check { getpeername(descriptor, pointer, length) }
        }
        return address
    }

    static func shutdown(_ descriptor: Int32, how: Int32) throws(Errno) {
        _ = try check { CPosix.shutdown(descriptor, how) }
    }

    /// `SIOCOUTQ`: bytes written but not yet taken by the other side.
    static func unsentBytes(_ descriptor: Int32) throws(Errno) -> Int {
        var value: Int32 = 0
        _ = try check { fwp_ioctl_int(descriptor, UInt(SIOCOUTQ), &value) }
        return Int(value)
    }

    /// `TCP_INFO`: nanoseconds since the last acknowledgement; nil for what is not TCP.
    static func silence(_ descriptor: Int32) -> Int64? {
        var info = tcp_info()
        var size = socklen_t(MemoryLayout<tcp_info>.size)
        guard getsockopt(descriptor, Int32(IPPROTO_TCP), TCP_INFO, &info, &size) == 0 else { return nil }
        return Int64(info.tcpi_last_ack_recv) * 1_000_000
    }

    // Names.

    /// The addresses of `host`, in the order in which they should be tried. Waits for the name service.
    static func resolve(
        _ host: String, port: UInt16, numericOnly: Bool, isDatagram: Bool = false
    ) throws(LookupFailure) -> [SocketAddress] {
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = Int32((isDatagram ? SOCK_DGRAM : SOCK_STREAM).rawValue)
        hints.ai_flags = AI_NUMERICSERV | (numericOnly ? AI_NUMERICHOST : 0)
        var first: UnsafeMutablePointer<addrinfo>?
        let portText: Sentence = "\(port)"
        let code = getaddrinfo(host.cText, portText.text.cText, &hints, &first)
        guard code == 0 else { throw LookupFailure(code: code, errno: Errno(code: fwp_errno())) }
        defer { freeaddrinfo(first) }
        var addresses: [SocketAddress] = []
        var next = first
        while let entry = next {
            if let pointer = entry.pointee.ai_addr,
                let address = SocketAddress(copying: pointer, length: entry.pointee.ai_addrlen),
                // A host that the hosts file names twice comes twice.
                !addresses.contains(where: { $0.isSameEndpoint(as: address) })
            {
                addresses.append(address)
            }
            next = entry.pointee.ai_next
        }
        return addresses
    }

    /// The system's words for a failed look-up.
    static func lookupText(_ code: Int32) -> String {
        guard let text = gai_strerror(code) else { return ("error \(code)" as Sentence).text }
        return String(text: text)
    }

    /// The address in digits, without the port; empty for a Unix socket.
    static func numericHost(_ address: SocketAddress) -> String {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(NI_MAXHOST)) { buffer in
            buffer[0] = 0
            let code = address.withPointer { pointer, length in
                getnameinfo(
                    pointer, length, buffer.baseAddress, socklen_t(buffer.count), nil, 0, NI_NUMERICHOST)
            }
            return code == 0 ? String(text: buffer.baseAddress!) : ""
        }
    }

    // Reading and writing.

    /// `sendmsg` that raises no SIGPIPE.
    @inline(__always)
    static func send(_ descriptor: Int32, _ vectors: UnsafeBufferPointer<iovec>) throws(Errno) -> Int {
        var message = msghdr()
        message.msg_iov = UnsafeMutablePointer(mutating: vectors.baseAddress)
        message.msg_iovlen = vectors.count
        return try check { sendmsg(descriptor, &message, Int32(MSG_NOSIGNAL)) }
    }

    @inline(__always)
    static func write(_ descriptor: Int32, _ vectors: UnsafeBufferPointer<iovec>) throws(Errno) -> Int {
        try check { writev(descriptor, vectors.baseAddress, Int32(vectors.count)) }
    }

    /// `writev` to a pipe that raises no SIGPIPE: the signal, which goes to the writing thread, is held back
    /// and taken off again.
    static func writeToPipe(_ descriptor: Int32, _ vectors: UnsafeBufferPointer<iovec>) throws(Errno) -> Int {
        var pipeSignal = sigset_t()
        sigemptyset(&pipeSignal)
        sigaddset(&pipeSignal, SIGPIPE)
        var pending = sigset_t()
        sigemptyset(&pending)
        sigpending(&pending)
        // One that was pending before is not ours to take.
        if sigismember(&pending, SIGPIPE) == 1 { return try write(descriptor, vectors) }
        var before = sigset_t()
        pthread_sigmask(SIG_BLOCK, &pipeSignal, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        do throws(Errno) {
            return try write(descriptor, vectors)
        } catch {
            if error.code == EPIPE {
                var none = timespec()
                while sigtimedwait(&pipeSignal, nil, &none) < 0, fwp_errno() == EINTR {}
            }
            throw error
        }
    }

    @inline(__always)
    static func read(_ descriptor: Int32, _ vectors: UnsafeBufferPointer<iovec>) throws(Errno) -> Int {
        try check { readv(descriptor, vectors.baseAddress, Int32(vectors.count)) }
    }

    /// Waits for events until `deadline` of `Clock.now()`'s clock; negative is without a limit. Returns how
    /// many are ready.
    static func poll(
        _ descriptors: UnsafeMutablePointer<pollfd>, count: Int, until deadline: Int64
    ) throws(Errno) -> Int {
        while true {
            var time = timespec()
            if deadline >= 0 {
                let left = max(0, deadline - fwp_monotonic_ns())
                time.tv_sec = Int(left / 1_000_000_000)
                time.tv_nsec = Int(left % 1_000_000_000)
            }
            let ready =
                deadline < 0
                ? ppoll(descriptors, nfds_t(count), nil, nil) : ppoll(descriptors, nfds_t(count), &time, nil)
            if ready >= 0 { return Int(ready) }
            let code = fwp_errno()
            if code != EINTR { throw Errno(code: code) }
        }
    }

    // Files and descriptors.

    static func open(_ path: String, flags: Int32, mode: UInt32 = 0) throws(Errno) -> Int32 {
        let path = path.cText
        while true {
            let result = fwp_open(path, flags | O_CLOEXEC, mode)
            let code = result < 0 ? fwp_errno() : 0
            if code == EINTR { continue }
            if result < 0 { throw Errno(code: code) }
            return result
        }
    }

    /// Closes without a second attempt: Linux has freed the descriptor even where it reports an error.
    static func close(_ descriptor: Int32) {
        _ = CPosix.close(descriptor)
    }

    static func status(_ descriptor: Int32) throws(Errno) -> FileStatus {
        var result = stat()
        _ = try check { fstat(descriptor, &result) }
        return FileStatus(result)
    }

    /// The status of what `path` names, or `nil` when there is nothing.
    static func status(of path: String, followingLinks: Bool) throws(Errno) -> FileStatus? {
        var result = stat()
        let path = path.cText
        let code = (followingLinks ? stat(path, &result) : lstat(path, &result)) == 0 ? 0 : fwp_errno()
        if code == ENOENT { return nil }
        if code != 0 { throw Errno(code: code) }
        return FileStatus(result)
    }

    static func unlink(_ path: String) throws(Errno) {
        guard CPosix.unlink(path.cText) == 0 else { throw Errno(code: fwp_errno()) }
    }

    // Event counters.

    static func makeEventCounter() throws(Errno) -> Int32 {
        try check { eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK)) }
    }

    static func addEvent(_ descriptor: Int32) {
        // A counter that is full is readable, which is all that is asked for.
        _ = try? check { eventfd_write(descriptor, 1) }
    }

    static func takeEvents(_ descriptor: Int32) {
        var value: eventfd_t = 0
        _ = try? check { eventfd_read(descriptor, &value) }
    }
}

/// What kind of thing a path or a descriptor is, and which one.
struct FileStatus {
    enum Kind: UInt8 {
        case regular, directory, socket, pipe, other
    }

    let kind: Kind
    let device: UInt
    let inode: UInt

    init(_ status: stat) {
        kind =
            switch Int32(bitPattern: status.st_mode) & S_IFMT {
            case S_IFREG: .regular
            case S_IFDIR: .directory
            case S_IFSOCK: .socket
            case S_IFIFO: .pipe
            default: .other
            }
        device = UInt(status.st_dev)
        inode = UInt(status.st_ino)
    }

    func isSame(as other: FileStatus) -> Bool {
        device == other.device && inode == other.inode
    }
}
