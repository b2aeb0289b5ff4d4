import Buffers
import CPosix

/// Sends the buffers of a list as datagrams, from the memories that they have.
///
/// Threads: one at a time.
public final class UDPSink {
    /// How a sink is to send.
    public struct Options: Sendable {
        /// Whether packets of one size that follow each other are given to the system together, as one datagram that it
        /// divides (`UDP_SEGMENT` of Linux), where it can.
        public var segmentsPackets = true
        /// How long one call may wait for room in the socket, ns; negative is not at all.
        public var sendTimeout: Int64 = 1_000_000_000
        /// Bytes of the socket's send buffer, which the system may bound; 0 leaves the system's.
        public var sendBufferBytes = 0

        public init() {}
    }

    /// Counts since the sink was opened.
    public struct Stats: Sendable {
        /// Whether packets of one size are given to the system together.
        public var segmentsPackets = false
        public var packetsSent: UInt64 = 0
        /// Of datagrams, without the headers of UDP and IP.
        public var bytesSent: UInt64 = 0
        /// Packets of lists that could not be sent to the end.
        public var packetsDropped: UInt64 = 0
        /// Of ``packetsSent``, those that the system made of larger datagrams.
        public var packetsSegmented: UInt64 = 0
        /// Calls of `sendmmsg`.
        public var calls: UInt64 = 0
        /// Waits for room in the socket.
        public var waits: UInt64 = 0
        /// Reports of the receiver's machine that nothing listens on the port.
        public var refusals: UInt64 = 0
    }

    /// What is as good as for ever, ns: an hour.
    private static let maxTimeout: Int64 = 3_600_000_000_000

    private let descriptor: Int32
    private let name: String
    private let sendTimeout: Int64
    private let batch = DatagramBatch()
    public private(set) var stats = Stats()

    /// Opens a socket that sends to `url`: see ``UDPAddress``. A host name is looked up, which may wait.
    ///
    /// - Throws: ``TransportError``.
    public convenience init(to url: String, options: Options = Options()) throws(TransportError) {
        let address: UDPAddress
        let descriptor: Int32
        do throws(TransportError) {
            address = try UDPAddress(parsing: url)
            descriptor = try Self.open(address, options)
        } catch {
            self.init(descriptor: -1, name: "", options)
            throw error
        }
        self.init(descriptor: descriptor, name: address.name, options)
    }

    private init(descriptor: Int32, name: String, _ options: Options) {
        self.descriptor = descriptor
        self.name = name
        sendTimeout = min(options.sendTimeout, Self.maxTimeout)
        stats.segmentsPackets = options.segmentsPackets && descriptor >= 0 && System.canSegment(descriptor)
    }

    deinit {
        if descriptor >= 0 { System.close(descriptor) }
    }

    private static func open(_ address: UDPAddress, _ options: Options) throws(TransportError) -> Int32 {
        let name = address.name
        let addresses = try Resolution.datagramAddresses(of: address)
        var worst = TransportError(.address, "\(name): the host has no address")
        for target in addresses {
            var descriptor: Int32 = -1
            do throws(Errno) {
                descriptor = try System.datagramSocket(family: target.family)
                try configure(descriptor, target, address, options)
                try System.connect(descriptor, to: target)
                return descriptor
            } catch {
                if descriptor >= 0 { System.close(descriptor) }
                if let interface = address.interface, error.code == ENXIO || error.code == ENODEV {
                    throw TransportError(
                        .address, code: error.code, "\(name): there is no network interface \"\(interface)\"")
                }
                worst = TransportError(error, doing: "cannot send to \(name)", fallback: .connection)
            }
        }
        throw worst
    }

    private static func configure(
        _ descriptor: Int32, _ target: SocketAddress, _ address: UDPAddress, _ options: Options
    ) throws(Errno) {
        if options.sendBufferBytes > 0 {
            let size = Int32(clamping: options.sendBufferBytes)
            try System.setOption(descriptor, level: SOL_SOCKET, SO_SNDBUF, size)
        }
        let hops = Int32(address.timeToLive)
        var index: UInt32 = 0
        if let interface = address.interface {
            index = System.interfaceIndex(interface)
            guard index != 0 else { throw Errno(code: ENODEV) }
        }
        if target.family == AF_INET {
            try System.setOption(descriptor, level: Int32(IPPROTO_IP), IP_MULTICAST_TTL, hops)
            if index != 0 { try System.setMulticastInterface(descriptor, index: index) }
        } else {
            let level = Int32(IPPROTO_IPV6)
            try System.setOption(descriptor, level: level, IPV6_MULTICAST_HOPS, hops)
            if index != 0 {
                let index = Int32(bitPattern: index)
                try System.setOption(descriptor, level: level, IPV6_MULTICAST_IF, index)
            }
        }
    }

    /// Sends each buffer of `list` as one datagram, in order.
    ///
    /// If it throws, the rest of the list is dropped, but not for a refusal: all was sent then. The sink can be used
    /// further.
    ///
    /// - Throws: ``TransportError`` of kind `timeout`, `connection`, `invalidArgument` (a buffer without bytes),
    ///   `unsupported` (a memory that cannot be mapped), `permission`, `noMemory`.
    public func send(_ list: BufferList) throws(TransportError) {
        try send(list.storage)
    }

    package func send(_ list: BufferListStorage) throws(TransportError) {
        let total = list.count
        var next = 0
        var refusals: UInt64 = 0
        var deadline: Int64?
        do throws(TransportError) {
            while next < total {
                let segments = stats.segmentsPackets
                try batch.fill(from: list, at: next, segmentsPackets: segments)
                try sendBatch(&next, &refusals, &deadline)
            }
        } catch {
            stats.packetsDropped &+= UInt64(total - next)
            throw error
        }
        if refusals > 0 {
            throw TransportError(
                .connection, code: ECONNREFUSED,
                "\(name) refuses packets: no program receives on that port; start the receiver. "
                    + "The \(total) packets were sent nevertheless")
        }
    }

    /// Sends what is in the batch; less when the system turns out not to divide datagrams.
    private func sendBatch(
        _ next: inout Int, _ refusals: inout UInt64, _ deadline: inout Int64?
    ) throws(TransportError) {
        var message = 0
        var failures = 0
        while message < batch.count {
            let sent: Int
            do throws(Errno) {
                stats.calls &+= 1
                sent = try System.send(descriptor, batch.messages + message, count: batch.count - message)
            } catch {
                failures += 1
                switch error.code {
                case EAGAIN:
                    try waitForRoom(&deadline)
                // The report is of a packet before, and the next attempt sends; but it shall not go on for ever.
                case ECONNREFUSED where failures < 16:
                    refusals &+= 1
                    stats.refusals &+= 1
                // The system or the network device cannot, or a segment does not fit the path.
                case EINVAL, EIO, EMSGSIZE, ENOPROTOOPT, EOPNOTSUPP:
                    guard batch.isSegmented(message) else { throw failure(error) }
                    stats.segmentsPackets = false
                    return
                default: throw failure(error)
                }
                continue
            }
            failures = 0
            for index in message..<message + sent {
                let packets = batch.packets(in: index)
                next += packets
                stats.packetsSent &+= UInt64(packets)
                stats.bytesSent &+= UInt64(batch.bytes(in: index))
                if packets > 1 { stats.packetsSegmented &+= UInt64(packets) }
            }
            message += sent
        }
    }

    private func failure(_ errno: Errno) -> TransportError {
        TransportError(
            errno, doing: "cannot send to \(name)", fallback: .connection,
            hint: errno.code == EMSGSIZE ? "make the packets smaller" : "")
    }

    private func waitForRoom(_ deadline: inout Int64?) throws(TransportError) {
        let end = deadline ?? Clock.deadline(after: max(0, sendTimeout))
        deadline = end
        var ready = 0
        if sendTimeout >= 0 {
            stats.waits &+= 1
            var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            do throws(Errno) {
                ready = try System.poll(&entry, count: 1, until: end)
            } catch {
                throw failure(error)
            }
        }
        guard ready > 0, Clock.now() < end else {
            throw TransportError(
                .timeout,
                "the socket to \(name) had no room in time; send less at once or raise the send buffer")
        }
    }
}

extension Resolution {
    /// The addresses of a host for datagrams; without one, this machine's loopback address.
    fileprivate static func datagramAddresses(
        of address: UDPAddress
    ) throws(TransportError) -> [SocketAddress] {
        let host = address.host ?? "127.0.0.1"
        do throws(LookupFailure) {
            let isAddress = host.contains(byte: UInt8(ascii: ":"))
            return try System.resolve(
                host, port: address.port, numericOnly: isAddress, isDatagram: true)
        } catch {
            throw Resolution.error(error, host: host, name: address.name)
        }
    }
}
