import Buffers
import CPosix

/// A socket address of any family (`sockaddr_storage`).
struct SocketAddress {
    private var storage = sockaddr_storage()
    private var length = socklen_t(MemoryLayout<sockaddr_storage>.size)

    init() {}

    /// A copy of what the system gave; `nil` when it is longer than any address.
    init?(copying address: UnsafePointer<sockaddr>, length: socklen_t) {
        guard length <= socklen_t(MemoryLayout<sockaddr_storage>.size) else { return nil }
        withUnsafeMutableBytes(of: &storage) { bytes in
            bytes.copyMemory(from: UnsafeRawBufferPointer(start: address, count: Int(length)))
        }
        self.length = length
    }

    /// The bytes that a Unix socket's path may have: `sun_path` less its terminator.
    static let maxPathBytes = MemoryLayout<sockaddr_un>.size - MemoryLayout<sa_family_t>.size - 1

    /// The address of a Unix socket; `nil` when the path does not fit.
    init?(unixPath path: String) {
        let path = path.bytes
        let count = path.count
        guard count <= SocketAddress.maxPathBytes else { return nil }
        withUnsafeMutableBytes(of: &storage) { bytes in
            bytes.storeBytes(of: sa_family_t(AF_UNIX), as: sa_family_t.self)
            let room = bytes.baseAddress! + MemoryLayout<sa_family_t>.size
            memcpy(room, path, count)
        }
        // The terminator counts; the storage was zeroed.
        length = socklen_t(MemoryLayout<sa_family_t>.size + count + 1)
    }

    var family: Int32 {
        Int32(storage.ss_family)
    }

    /// The port of an IPv4 or IPv6 address, else 0. Both families keep it behind the family, in network
    /// order.
    var port: UInt16 {
        get {
            guard family == AF_INET || family == AF_INET6 else { return 0 }
            return withUnsafeBytes(of: storage) {
                UInt16(bigEndian: $0.load(fromByteOffset: 2, as: UInt16.self))
            }
        }
        set {
            guard family == AF_INET || family == AF_INET6 else { return }
            withUnsafeMutableBytes(of: &storage) {
                $0.storeBytes(of: newValue.bigEndian, toByteOffset: 2, as: UInt16.self)
            }
        }
    }

    /// Whether this is `::`, on which IPv4 peers can be served too.
    var isUnspecifiedIPv6: Bool {
        guard family == AF_INET6 else { return false }
        return withUnsafeBytes(of: storage) { bytes in
            bytes[8..<24].allSatisfy { $0 == 0 }
        }
    }

    /// Whether only this machine can be reached by it, or reach it.
    var isLoopback: Bool {
        withUnsafeBytes(of: storage) { bytes in
            switch family {
            case AF_INET: bytes[4] == 127
            case AF_INET6:
                // ::1, or an address of 127.0.0.0/8 inside IPv6.
                bytes[8..<18].allSatisfy { $0 == 0 }
                    && (bytes[18..<23].allSatisfy { $0 == 0 } && bytes[23] == 1
                        || bytes[18] == 0xff && bytes[19] == 0xff && bytes[20] == 127)
            default: true
            }
        }
    }

    /// Whether both are the same address and port (`sockaddr_in6` has bytes that do not count, so no plain
    /// comparison).
    func isSameEndpoint(as other: SocketAddress) -> Bool {
        port == other.port && isSameHost(as: other)
    }

    /// Whether both are the same address, whatever the port.
    func isSameHost(as other: SocketAddress) -> Bool {
        guard family == other.family else { return false }
        let range =
            switch family {
            case AF_INET: 4..<8
            case AF_INET6: 8..<28
            default: 0..<0
            }
        if range.isEmpty { return false }
        return withUnsafeBytes(of: storage) { mine in
            withUnsafeBytes(of: other.storage) { theirs in
                range.allSatisfy { mine[$0] == theirs[$0] }
            }
        }
    }

    /// The address in digits without the port, an IPv4 address inside IPv6 as IPv4; empty for a Unix socket.
    var host: String {
        let text = System.numericHost(self)
        guard text.contains(byte: UInt8(ascii: ".")) else { return text }
        let mapped: StaticString = "::ffff:"
        let count = mapped.utf8CodeUnitCount
        let bytes = text.bytes
        guard bytes.count > count, memcmp(bytes, mapped.utf8Start, count) == 0 else { return text }
        return bytes.withUnsafeBytes { String(bytes: UnsafeRawBufferPointer(rebasing: $0[count...])) }
    }

    /// The address as a URL, for example `tcp://[::1]:3000`.
    func url(isTLS: Bool) -> String {
        guard family == AF_INET || family == AF_INET6 else { return "unix://" }
        return Endpoint.networkAddress(host, port, isTLS: isTLS)
    }

    func withPointer<R, E: Error>(_ body: (UnsafePointer<sockaddr>, socklen_t) throws(E) -> R) throws(E) -> R
    {
        try withUnsafePointer(to: storage) { (pointer) throws(E) in
            // All addresses begin with the family, and the storage is aligned for each of them.
            try body(UnsafeRawPointer(pointer).assumingMemoryBound(to: sockaddr.self), length)
        }
    }

    /// Lets the system write an address into this one.
    mutating func fill<R, E: Error>(
        _ body: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) throws(E) -> R
    ) throws(E) -> R {
        var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let result = try withUnsafeMutablePointer(to: &storage) { (pointer) throws(E) in
            try body(UnsafeMutableRawPointer(pointer).assumingMemoryBound(to: sockaddr.self), &size)
        }
        length = min(size, socklen_t(MemoryLayout<sockaddr_storage>.size))
        return result
    }
}
