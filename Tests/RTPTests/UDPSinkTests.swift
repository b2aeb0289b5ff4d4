import Buffers
import CPosix
import RTP
import Testing

@testable import Transport

/// A socket that receives datagrams on a port of the loopback address.
private final class Receiver {
    let descriptor: Int32
    let port: UInt16

    init(_ family: Int32 = AF_INET) throws {
        let host = family == AF_INET ? "127.0.0.1" : "::1"
        let address = try System.resolve(host, port: 0, numericOnly: true, isDatagram: true)[0]
        descriptor = try System.datagramSocket(family: family)
        try System.setOption(descriptor, level: SOL_SOCKET, SO_RCVBUF, 1 << 20)
        try System.bind(descriptor, to: address)
        port = try System.localAddress(descriptor).port
    }

    deinit { System.close(descriptor) }

    /// The next datagrams, each as soon as it is there.
    func receive(_ count: Int) throws -> [[UInt8]] {
        try (0..<count).map { _ in
            var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            let ready = try System.poll(&entry, count: 1, until: Clock.deadline(after: 10_000_000_000))
            try #require(ready == 1, "no datagram came")
            var bytes = [UInt8](repeating: 0, count: 65536)
            let size = recv(descriptor, &bytes, bytes.count, 0)
            return Array(bytes[..<max(0, size)])
        }
    }
}

private func list(_ packets: [[UInt8]]) throws -> BufferList {
    var list = BufferList()
    for packet in packets {
        // In several memories, one of them without bytes.
        let middle = packet.count / 3
        try list.append(accessUnit([Array(packet[..<middle]), [], Array(packet[middle...])]))
    }
    return list
}

@Suite struct UDPSinkTests {
    private let packets = [1400, 1400, 1400, 700, 20, 1400, 1400, 3, 3, 900].enumerated().map { index, size in
        [UInt8](repeating: UInt8(index), count: size)
    }

    @Test(arguments: [true, false])
    func eachBufferIsADatagram(segmentsPackets: Bool) throws {
        let receiver = try Receiver()
        var options = UDPSink.Options()
        options.segmentsPackets = segmentsPackets
        let sink = try UDPSink(to: "udp://127.0.0.1:\(receiver.port)", options: options)
        try sink.send(list(packets))
        #expect(try receiver.receive(packets.count) == packets)
        #expect(sink.stats.packetsSent == 10)
        #expect(sink.stats.bytesSent == UInt64(packets.reduce(0) { $0 + $1.count }))
        #expect(sink.stats.calls == 1)
        #expect(sink.stats.packetsSegmented == (sink.stats.segmentsPackets ? 7 : 0))
    }

    @Test func iPv6() throws {
        guard let receiver = try? Receiver(AF_INET6) else { return }
        let sink = try UDPSink(to: "udp://[::1]:\(receiver.port)")
        try sink.send(list(packets))
        #expect(try receiver.receive(packets.count) == packets)
    }

    @Test func moreThanOneCallCanTake() throws {
        let receiver = try Receiver()
        var options = UDPSink.Options()
        options.segmentsPackets = false
        let sink = try UDPSink(to: "udp://127.0.0.1:\(receiver.port)", options: options)
        let many = (0..<1030).map { [UInt8($0 & 255), UInt8($0 >> 8)] }
        // The socket cannot hold all of them.
        try sink.send(list(many))
        #expect(sink.stats.packetsSent == 1030)
        #expect(sink.stats.calls >= 2)
        #expect(try receiver.receive(200) == Array(many[..<200]))
    }

    @Test func aRefusedPortIsReportedAndTheSinkStaysUsable() throws {
        var receiver: Receiver? = try Receiver()
        let port = receiver!.port
        receiver = nil
        let sink = try UDPSink(to: "udp://127.0.0.1:\(port)")
        var refusal: TransportError?
        // The first refusal is known when the next packet is to be sent.
        for _ in 0..<3 {
            do throws(TransportError) {
                try sink.send(try! list(packets))
            } catch {
                refusal = error
            }
        }
        #expect(refusal?.kind == .connection)
        #expect(refusal?.code == ECONNREFUSED)
        #expect(refusal?.message.contains("udp://127.0.0.1:\(port) refuses") == true)
        #expect(sink.stats.refusals > 0)
        #expect(sink.stats.packetsSent == 30)
    }

    @Test func buffersWithoutBytesAreRefused() throws {
        let receiver = try Receiver()
        let sink = try UDPSink(to: "udp://127.0.0.1:\(receiver.port)")
        let error = #expect(throws: TransportError.self) { try sink.send(list([[1], []])) }
        #expect(error?.kind == .invalidArgument)
        #expect(sink.stats.packetsDropped == 2)
        try sink.send(BufferList())
    }

    @Test func aDatagramCannotHaveMoreThan65507Bytes() throws {
        let receiver = try Receiver()
        let sink = try UDPSink(to: "udp://127.0.0.1:\(receiver.port)")
        let largest = [UInt8](repeating: 7, count: 65507)
        try sink.send(list([largest]))
        #expect(try receiver.receive(1) == [largest])
        #expect(throws: TransportError.self) { try sink.send(list([largest + [1]])) }
    }

    @Test func multicastAddressesAreAccepted() throws {

        let url = "udp://239.255.1.2:5004?ttl=2&interface=lo"
        #expect(throws: Never.self) { try UDPSink(to: url) }
    }

    @Test func anInterfaceThatIsNotThereIsNamed() throws {
        let error = #expect(throws: TransportError.self) {
            try UDPSink(to: "udp://239.1.2.3:5004?interface=nowhere")
        }
        #expect(error?.kind == .address)
        #expect(error?.message.contains("\"nowhere\"") == true)
    }

    @Test func anUnknownHostIsNamed() throws {
        let error = #expect(throws: TransportError.self) {
            try UDPSink(to: "udp://no.such.host.invalid:5004")
        }
        #expect(error?.kind == .address)
        #expect(error?.message.contains("no.such.host.invalid") == true)
    }
}
