import Buffers
import CPosix

/// The system calls for datagrams.
extension System {
    /// The most messages in one call of `sendmmsg` (`UIO_MAXIOV` of Linux).
    static let maxMessages = 1024

    /// A datagram socket, non-blocking and closed on `exec`.
    static func datagramSocket(family: Int32) throws(Errno) -> Int32 {
        let type = Int32(SOCK_DGRAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let descriptor = CPosix.socket(family, type, 0)
        guard descriptor >= 0 else { throw Errno(code: fwp_errno()) }
        return descriptor
    }

    /// Sends messages until one would have to wait or fails.
    ///
    /// - Returns: how many were sent, at least one.
    static func send(
        _ descriptor: Int32, _ messages: UnsafeMutablePointer<fwp_mmsghdr>, count: Int
    ) throws(Errno) -> Int {
        while true {
            let sent = fwp_sendmmsg(descriptor, messages, UInt32(count), Int32(MSG_NOSIGNAL))
            if sent > 0 { return Int(sent) }
            let code = sent < 0 ? fwp_errno() : EAGAIN
            if code != EINTR { throw Errno(code: code) }
        }
    }

    /// Whether the system divides datagrams into segments: asked of a socket of its kind.
    static func canSegment(_ descriptor: Int32) -> Bool {
        var value: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        return getsockopt(descriptor, Int32(IPPROTO_UDP), UDP_SEGMENT, &value, &size) == 0
    }

    /// The number of a network interface; 0 when there is none of that name.
    static func interfaceIndex(_ name: String) -> UInt32 {
        if_nametoindex(name.cText)
    }

    /// Makes multicast datagrams of an IPv4 socket leave by an interface.
    static func setMulticastInterface(_ descriptor: Int32, index: UInt32) throws(Errno) {
        var request = ip_mreqn()
        request.imr_ifindex = Int32(bitPattern: index)
        let size = socklen_t(MemoryLayout<ip_mreqn>.size)
        guard setsockopt(descriptor, Int32(IPPROTO_IP), IP_MULTICAST_IF, &request, size) == 0 else {
            throw Errno(code: fwp_errno())
        }
    }

    /// A random number; of the clock where the system has none yet.
    package static func randomNumber() -> UInt64 {
        var value: UInt64 = 0
        if getrandom(&value, MemoryLayout<UInt64>.size, UInt32(GRND_NONBLOCK)) != MemoryLayout<UInt64>.size {
            value = UInt64(bitPattern: fwp_monotonic_ns()) &* 0x9E37_79B9_7F4A_7C15
        }
        return value
    }
}
