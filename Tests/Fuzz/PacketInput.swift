import Buffers
import RTP

/// RTP packets of H.264 as a fuzzer writes them: two bytes that choose, then the packets.
///
/// | byte | |
/// |---|---|
/// | 0 | ``Choices`` |
/// | 1 | how many packets wait for a missing one, less 1 |
///
/// Each packet begins with a byte whose lower bits are ``PacketChoices`` and whose upper three choose a step of the sequence number,
/// a byte that counts the timestamp on, and a byte with the size of the payload.
package struct PacketInput {
    struct Choices: OptionSet {
        let rawValue: UInt8
        /// Access units have sizes instead of start codes.
        static let sizes = Choices(rawValue: 1)
        static let dropsDamaged = Choices(rawValue: 2)
        /// Limits that are soon exceeded.
        static let strict = Choices(rawValue: 4)
    }

    struct PacketChoices: OptionSet {
        let rawValue: UInt8
        static let marker = PacketChoices(rawValue: 1)
        /// The payload is a whole packet with a header of its own.
        static let raw = PacketChoices(rawValue: 2)
        static let anotherSource = PacketChoices(rawValue: 4)
        /// Extensions, padding and sources that contribute, as far as the payload has them.
        static let extras = PacketChoices(rawValue: 8)
    }

    static let steps = [1, 1, 2, -1, 0, 5, 40, 30_000]

    private let choices: Choices
    private let options: H264Depayloader.Options
    private let packets: [UInt8]

    /// Nil when there are too few bytes.
    package init?(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count >= 2 else { return nil }
        choices = Choices(rawValue: bytes[0])
        var options = H264Depayloader.Options()
        options.format = choices.contains(.sizes) ? .avc : .annexB
        options.dropsDamaged = choices.contains(.dropsDamaged)
        options.reorderPackets = Int(bytes[1]) % 64 + 1
        if choices.contains(.strict) {
            options.maxAccessUnitBytes = 300
            options.maxWaiting = 1
        }
        self.options = options
        packets = Array(bytes[2...])
    }

    /// Puts the access units together. Each must consist of NAL units, and come back from the packets that the payloader makes of it.
    package func run() -> FuzzOutcome {
        var fetched: UInt64 = 0
        var pushed: UInt64 = 0
        do throws(BufferError) {
            let depayloader = try H264Depayloader(options)
            var sequence = 65_000
            var timestamp: UInt32 = 0
            var place = 0
            while place + 3 <= packets.count {
                let packetChoices = PacketChoices(rawValue: packets[place])
                sequence += Self.steps[Int(packets[place] >> 5)]
                timestamp &+= UInt32(packets[place + 1]) &* 0x0101_0000
                let size = min(Int(packets[place + 2]), packets.count - place - 3)
                let payload = packets[place + 3..<place + 3 + size]
                place += 3 + size
                let packet = Self.packet(packetChoices, sequence, timestamp, payload)
                try Self.push(packet, to: depayloader)
                pushed += 1
                while packets[place - 1] & 1 == 0, let unit = depayloader.next() {
                    fetched += 1
                    if let contradiction = try check(unit) { return .contradiction(contradiction) }
                }
            }
            try depayloader.flush()
            while let unit = depayloader.next() {
                fetched += 1
                if let contradiction = try check(unit) { return .contradiction(contradiction) }
            }
            let stats = depayloader.stats
            guard stats.packets == pushed, stats.accessUnits == fetched + stats.dropped,
                stats.damaged <= stats.accessUnits
            else { return .contradiction("\(fetched) access units of \(pushed) packets, but \(stats)") }
        } catch {
            return .contradiction(error.message)
        }
        return fetched > 0 ? .picture : .refused
    }

    private static func packet(
        _ choices: PacketChoices, _ sequence: Int, _ timestamp: UInt32, _ payload: ArraySlice<UInt8>
    ) -> [UInt8] {
        if choices.contains(.raw) { return Array(payload) }
        var bytes: [UInt8] = [0x80, 96 | (choices.contains(.marker) ? 0x80 : 0)]
        if choices.contains(.extras), let first = payload.first { bytes[0] |= first & 0x3F }
        bytes.append(UInt8(truncatingIfNeeded: sequence >> 8))
        bytes.append(UInt8(truncatingIfNeeded: sequence))
        for shift in [24, 16, 8, 0] { bytes.append(UInt8(truncatingIfNeeded: timestamp >> UInt32(shift))) }
        return bytes + [0, 0, 0, choices.contains(.anotherSource) ? 2 : 1] + payload
    }

    private static func push(_ packet: [UInt8], to depayloader: H264Depayloader) throws(BufferError) {
        // In memory of its own without room behind it.
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: packet.count, alignment: 1)
        defer { bytes.deallocate() }
        bytes.copyBytes(from: packet)
        try depayloader.push(UnsafeRawBufferPointer(bytes))
    }

    /// What is wrong with an access unit.
    private func check(_ unit: Buffer) throws(BufferError) -> String? {
        guard unit.size > 4, unit.size <= options.maxAccessUnitBytes else { return "\(unit.size) bytes" }
        guard options.format == .avc else {
            let start = try unit.withUnsafeBytes { Array($0.prefix(4)) }
            return start == [0, 0, 0, 1] ? nil : "it begins with \(start)"
        }
        // The payloader refuses what does not consist of NAL units.
        var payloaderOptions = H264Payloader.Options()
        payloaderOptions.format = .avc
        payloaderOptions.mtu = 100
        payloaderOptions.aggregates = unit.size & 1 == 0
        let packets = try H264Payloader(payloaderOptions).payload(unit)
        let depayloader = try H264Depayloader(options)
        for packet in packets { try Self.push(packet.withUnsafeBytes { Array($0) }, to: depayloader) }
        guard let back = depayloader.next() else { return "it does not come back" }
        let bytes = try back.withUnsafeBytes { Array($0) }
        return try unit.withUnsafeBytes { Array($0) } == bytes ? nil : "it comes back as other bytes"
    }
}

/// Packets of the payloader, as the fuzzer writes them.
package enum PacketSeeds {
    package static func all() -> [FuzzSeed] {
        [
            seed("fragments", first: 0, aggregates: false, sizes: [9, 4, 600]),
            seed("aggregates", first: 1, aggregates: true, sizes: [2, 9, 4, 30, 40, 500]),
            seed("strict", first: 7, aggregates: true, sizes: [9, 50, 100, 3]),
        ]
    }

    private static func seed(_ name: String, first: UInt8, aggregates: Bool, sizes: [Int]) -> FuzzSeed {
        var options = H264Payloader.Options()
        options.mtu = 120
        options.aggregates = aggregates
        var bytes: [UInt8] = [first, 3]
        var unit: [UInt8] = []
        for (index, size) in sizes.enumerated() {
            unit += [0, 0, 1, [0x67, 0x68, 0x65, 0x41][index % 4]] + (1..<size).map { UInt8($0 % 200 + 3) }
        }
        do {
            let payloader = try H264Payloader(options)
            for picture in 0..<3 {
                let memory = try Memory(size: unit.count)
                try memory.map(.write).copyBytes(from: unit)
                try memory.unmap(.write)
                var buffer = Buffer()
                try buffer.append(memory)
                buffer.pts = Int64(picture)
                for (index, packet) in try payloader.payload(buffer).enumerated() {
                    let packet = try packet.withUnsafeBytes { Array($0) }
                    bytes += [packet[1] >> 7, index == 0 ? 1 : 0, UInt8(packet.count - 12)] + packet[12...]
                }
            }
        } catch {
            fatalError("no seed: \(error)")
        }
        return FuzzSeed(name: name, bytes: bytes)
    }
}
