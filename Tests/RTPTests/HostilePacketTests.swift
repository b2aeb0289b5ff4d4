import Buffers
import RTP
import TestSupport
import Testing

@Suite struct HostilePacketTests {
    @Test(arguments: [
        [], [0x80], Array(repeating: 0x80, count: 11), [0x40] + Array(repeating: 0, count: 20),
        // CSRCs, an extension and padding that reach past the end.
        [0x8F] + Array(repeating: 0, count: 40), [0x90] + Array(repeating: 0, count: 12),
        [0x90, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 255, 255, 1, 2],
        [0xA0, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 5, 9], [0xA0, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 5, 0],
    ])
    func whatIsNoRTPIsCounted(_ bytes: [UInt8]) throws {
        let depayloader = try H264Depayloader()
        try depayloader.push(bytes)
        #expect(depayloader.stats.malformed == 1)
        try depayloader.push(packet(1, [0x41, 1], marker: true))
        #expect(try depayloader.units() == [annexB([[0x41, 1]])])
    }

    @Test func extensionsAndPaddingAreLeftOut() throws {
        let depayloader = try H264Depayloader()
        var bytes = packet(1, [], marker: true)
        bytes[0] = 0x80 | 0x20 | 0x10 | 2
        bytes += Array(repeating: 7, count: 8) + [0xBE, 0xDE, 0, 1, 9, 9, 9, 9] + [0x41, 1, 2] + [0, 0, 3]
        try depayloader.push(bytes)
        #expect(try depayloader.units() == [annexB([[0x41, 1, 2]])])
    }

    @Test(arguments: [
        // Types that have no meaning, or not in these modes; the forbidden bit.
        [0x60, 1], [0x79, 0, 0, 0, 1, 1], [0x7A, 1, 1, 1, 1], [0x7D, 0x85, 1, 1, 1], [0x7E, 1], [0x7F, 1],
        [0xC1, 1],
        // Aggregates without units, and with sizes that are wrong.
        [0x78], [0x78, 0], [0x78, 0, 0], [0x78, 0, 0, 0], [0x78, 0, 9, 0x41], [0x78, 0, 1, 0x41, 0],
        [0x78, 0, 1, 0x78], [0x78, 0, 2, 0xC1, 1],
        // Fragments without bytes, of what cannot be in fragments, that begin and end at once.
        [0x7C], [0x7C, 0x85], [0x7C, 0x9C, 1], [0x7C, 0x80, 1], [0x7C, 0xC5, 1],
    ])
    func whatRFC6184DoesNotKnowIsCountedAndDamagesTheAccessUnit(_ payload: [UInt8]) throws {
        let depayloader = try H264Depayloader()
        try depayloader.push(packet(1, unit(7, size: 5)))
        try depayloader.push(packet(2, payload))
        try depayloader.push(packet(3, unit(1, size: 5), marker: true))
        #expect(depayloader.stats.malformed == 1)
        let buffer = try #require(depayloader.next())
        #expect(buffer.flags.contains(.corrupted))
        let content = try buffer.content
        #expect(content.starts(with: annexB([unit(7, size: 5)])))
        #expect(Array(content.suffix(9)) == annexB([unit(1, size: 5)]))
    }

    @Test(
        arguments: [
            [[0x7C, 0x05, 1], [0x7C, 0x45, 1]], [[0x7C, 0x45, 1]], [[0x7C, 0x85, 1], [0x41, 1]],
            [[0x7C, 0x85, 1], [0x7C, 0x41, 1]], [[0x7C, 0x85, 1], [0x5C, 0x45, 1]],
            [[0x7C, 0x85, 1], [0x7C, 0x85, 1]],
        ] as [[[UInt8]]])
    func fragmentsThatDoNotFitTogetherMakeNoUnit(_ payloads: [[UInt8]]) throws {
        let depayloader = try H264Depayloader()
        for (number, payload) in payloads.enumerated() { try depayloader.push(packet(number, payload)) }
        try depayloader.push(packet(payloads.count, unit(6, size: 3), marker: true))
        let buffer = try #require(depayloader.next())
        #expect(buffer.flags.contains(.corrupted))
        let rest = payloads.filter { $0[0] == 0x41 } + [unit(6, size: 3)]
        #expect(try buffer.content == annexB(rest))
    }

    @Test func noiseDoesNothingWorse() throws {
        for number in 0..<150 {
            var generator = SeededGenerator(case: number)
            var options = H264Depayloader.Options()
            options.reorderPackets = generator.scaled(1...64)
            options.maxAccessUnitBytes = generator.scaled(64...5000)
            options.maxWaiting = generator.scaled(1...8)
            options.dropsDamaged = Bool.random(using: &generator)
            let depayloader = try H264Depayloader(options)
            var sequence = 0
            for _ in 0..<200 {
                var payload = [UInt8](repeating: 0, count: generator.scaled(0...300))
                payload.withUnsafeMutableBytes { generator.fill($0) }
                if !payload.isEmpty, Bool.random(using: &generator) {
                    payload[0] = [0x41, 0x67, 0x78, 0x7C, 0x5C][Int.random(in: 0..<5, using: &generator)]
                }
                sequence += [1, 1, 1, 2, -3, 40, 20_000][Int.random(in: 0..<7, using: &generator)]
                var bytes = packet(
                    sequence & 0xFFFF, payload, timestamp: UInt32(generator.scaled(0...3)),
                    marker: Bool.random(using: &generator), ssrc: UInt32(generator.scaled(0...1)))
                if generator.scaled(0...9) == 0 { bytes[0] = UInt8.random(in: 0...255, using: &generator) }
                try depayloader.push(bytes)
                while generator.scaled(0...3) == 0, let unit = depayloader.next() {
                    #expect(unit.size > 4 && unit.size <= options.maxAccessUnitBytes, "case \(number)")
                }
            }
            try depayloader.flush()
            let stats = depayloader.stats
            #expect(stats.packets == 200)
            #expect(
                stats.damaged <= stats.accessUnits && stats.dropped <= stats.accessUnits, "case \(number)")
        }
    }
}
