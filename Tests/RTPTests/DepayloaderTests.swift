import Buffers
import RTP
import TestSupport
import Testing

@Suite struct DepayloaderTests {
    @Test func whatThePayloaderMakesComesBack() throws {
        for number in 0..<60 {
            var generator = SeededGenerator(case: number)
            var options = fixedOptions
            options.mtu = generator.scaled(28...2000)
            options.aggregates = Bool.random(using: &generator)
            options.format = Bool.random(using: &generator) ? .avc : .annexB
            let payloader = try H264Payloader(options)
            var received = H264Depayloader.Options()
            let format: H264Payloader.Format = Bool.random(using: &generator) ? .avc : .annexB
            received.format = format
            let depayloader = try H264Depayloader(received)
            for picture in 0..<4 {
                let units = (0..<Int.random(in: 1...12, using: &generator)).map { _ in
                    unit(UInt8.random(in: 1...23, using: &generator), size: generator.scaled(1...8000))
                }
                let bytes = options.format == .avc ? avc(units) : annexB(units)
                for packet in try packets(
                    payloader.payload(accessUnit(bytes, pts: Int64(picture) * 40_000_000)))
                {
                    #expect(packet.count <= options.mtu)
                    try depayloader.push(packet)
                }
                let back = try #require(depayloader.next(), "case \(number)")
                #expect(try back.content == (format == .avc ? avc(units) : annexB(units)), "case \(number)")
                #expect(back.pts == Int64(picture) * 40_000_000)
                #expect(!back.flags.contains(.corrupted))
            }
            #expect(depayloader.next() == nil)
            #expect(depayloader.stats.damaged == 0)
        }
    }

    @Test func aChangeOfTheTimestampEndsAnAccessUnitToo() throws {
        let depayloader = try H264Depayloader()
        try depayloader.push(packet(1, unit(7, size: 5), timestamp: 0))
        try depayloader.push(packet(2, unit(5, size: 5), timestamp: 0))
        #expect(depayloader.next() == nil)
        try depayloader.push(packet(3, unit(1, size: 5), timestamp: 3600))
        #expect(try depayloader.units() == [annexB([unit(7, size: 5), unit(5, size: 5)])])
        try depayloader.flush()
        #expect(try depayloader.units() == [annexB([unit(1, size: 5)])])
    }

    @Test func packetsInAnyOrderComeBackInTheirs() throws {
        for number in 0..<200 {
            var generator = SeededGenerator(case: number)
            let depayloader = try H264Depayloader()
            var all = (0..<120).map {
                packet(65500 + $0, [0x41, UInt8($0)], timestamp: UInt32($0) * 3600, marker: true)
            }
            // The first one says where the stream begins; each other moves less than the window.
            var place = 1
            while place < all.count {
                let end = min(all.count, place + Int.random(in: 1...16, using: &generator))
                all[place..<end].shuffle(using: &generator)
                place = end
            }
            for packet in all { try depayloader.push(packet) }
            var units: [[UInt8]] = []
            while let buffer = depayloader.next() { units.append(try buffer.content) }
            // The rest was dropped to make room.
            #expect(units == (120 - 32..<120).map { annexB([[0x41, UInt8($0)]]) })
            #expect(depayloader.stats.lost == 0)
            #expect(depayloader.stats.damaged == 0)
            #expect(depayloader.stats.dropped == 120 - 32)
        }
    }

    @Test func reorderedPacketsAreCounted() throws {
        let depayloader = try H264Depayloader()
        for number in [1, 3, 2, 6, 5, 4] { try depayloader.push(packet(number, [0x41, 9], marker: true)) }
        #expect(depayloader.stats.reordered == 3)
        #expect(depayloader.stats.lost == 0)
        #expect(try depayloader.units().count == 6)
    }

    @Test func duplicatesAreCountedAndIgnored() throws {
        let depayloader = try H264Depayloader()
        for number in [1, 1, 2, 4, 4, 3, 3, 1, 4] {
            try depayloader.push(
                packet(number, [0x41, UInt8(number)], timestamp: UInt32(number), marker: true))
        }
        #expect(try depayloader.units() == (1...4).map { annexB([[0x41, UInt8($0)]]) })
        #expect(depayloader.stats.duplicate == 5)
        #expect(depayloader.stats.late == 0)
    }

    @Test func aLostPacketIsGivenUpBehindTheWindow() throws {
        var options = H264Depayloader.Options()
        options.reorderPackets = 3
        let depayloader = try H264Depayloader(options)
        for number in [1, 3, 4, 5] {
            try depayloader.push(
                packet(number, [0x41, UInt8(number)], timestamp: UInt32(number), marker: true))
        }
        #expect(try depayloader.units().count == 1)
        try depayloader.push(packet(6, [0x41, 6], timestamp: 6, marker: true))
        #expect(try depayloader.units().count == 4)
        #expect(depayloader.stats.lost == 1)
        try depayloader.push(packet(2, [0x41, 2], timestamp: 2, marker: true))
        #expect(depayloader.stats.late == 1)
        #expect(depayloader.next() == nil)
    }

    @Test func flushingGivesMissingPacketsUp() throws {
        let depayloader = try H264Depayloader()
        for number in [1, 4, 6] {
            try depayloader.push(packet(number, [0x41, 1], timestamp: UInt32(number)))
        }
        try depayloader.flush()
        #expect(depayloader.stats.lost == 3)
        #expect(try depayloader.units().count == 3)
    }

    @Test func aFragmentThatIsMissingCostsItsUnitAlone() throws {
        for missing in 1...3 {
            let depayloader = try H264Depayloader()
            let fragments: [[UInt8]] = [[0x7C, 0x85, 1], [0x7C, 5, 2], [0x7C, 0x45, 3]]
            let payloads = [unit(7, size: 4)] + fragments + [unit(6, size: 4)]
            for (index, payload) in payloads.enumerated() where index != missing {
                try depayloader.push(packet(index, payload, marker: index == 4))
            }
            try depayloader.flush()
            let buffer = try #require(depayloader.next())
            #expect(try buffer.content == annexB([unit(7, size: 4), unit(6, size: 4)]))
            #expect(buffer.flags.contains(.corrupted))
            #expect(depayloader.stats.damaged == 1)
        }
    }

    @Test func damagedAccessUnitsCanBeDropped() throws {
        var options = H264Depayloader.Options()
        options.dropsDamaged = true
        let depayloader = try H264Depayloader(options)
        for number in [1, 2, 4, 5, 6] {
            try depayloader.push(
                packet(number, [0x41, UInt8(number)], timestamp: UInt32(number / 3), marker: number % 3 == 2))
        }
        try depayloader.flush()
        #expect(try depayloader.units() == [annexB([[0x41, 1], [0x41, 2]]), annexB([[0x41, 6]])])
        #expect(depayloader.stats.dropped == 1)
    }

    @Test func anotherStreamIsFollowedWhenTwoPacketsInSequenceHaveIt() throws {
        let depayloader = try H264Depayloader()
        try depayloader.push(packet(1, [0x41, 1], timestamp: 90_000, marker: true))
        for number in [500, 600, 601, 602] {
            try depayloader.push(packet(number, [0x41, 2], timestamp: UInt32(number), marker: true, ssrc: 2))
        }
        #expect(depayloader.stats.ignored == 2)
        #expect(depayloader.stats.restarts == 1)
        #expect(depayloader.stats.ssrc == 2)
        #expect(try depayloader.units().count == 3)
    }

    @Test func packetsOfOthersAreIgnored() throws {
        var options = H264Depayloader.Options()
        options.ssrc = 1
        options.payloadType = 96
        let depayloader = try H264Depayloader(options)
        for number in 1...10 {
            try depayloader.push(packet(number, [0x41, 2], marker: true, ssrc: 2))
            try depayloader.push(packet(number, [0x41, 2], marker: true, type: 97))
        }
        #expect(depayloader.stats.ignored == 20)
        try depayloader.push(packet(1, [0x41, 2], marker: true))
        #expect(try depayloader.units().count == 1)
    }

    @Test func aJumpOfTheSequenceIsFollowed() throws {
        let depayloader = try H264Depayloader()
        for number in [1, 2, 30_000, 30_001, 30_002] {
            try depayloader.push(packet(number, [0x41, 2], timestamp: UInt32(number), marker: true))
        }
        #expect(try depayloader.units().count == 4)
        #expect(depayloader.stats.restarts == 1)
        #expect(depayloader.stats.lost == 0)
    }

    @Test func timestampsWrapAroundAndTimesGoOn() throws {
        var options = H264Depayloader.Options()
        options.timestampOffset = .max - 90_000 + 1
        let depayloader = try H264Depayloader(options)
        for (number, timestamp) in [UInt32.max - 45_000 + 1, 0, 90_000].enumerated() {
            try depayloader.push(packet(number, [0x41, 2], timestamp: timestamp, marker: true))
        }
        var times: [Int64?] = []
        while let buffer = depayloader.next() { times.append(buffer.pts) }
        #expect(times == [500_000_000, 1_000_000_000, 2_000_000_000])
    }

    @Test func anAccessUnitThatIsTooLargeIsDamaged() throws {
        var options = H264Depayloader.Options()
        options.maxAccessUnitBytes = 1000
        let depayloader = try H264Depayloader(options)
        try depayloader.push(packet(1, unit(7, size: 500)))
        try depayloader.push(packet(2, unit(5, size: 500)))
        try depayloader.push(packet(3, unit(6, size: 400), marker: true))
        let buffer = try #require(depayloader.next())
        #expect(try buffer.content == annexB([unit(7, size: 500), unit(6, size: 400)]))
        #expect(buffer.flags.contains(.corrupted))
    }

    @Test func theMemoryOfAccessUnitsIsUsedAgain() throws {
        let depayloader = try H264Depayloader()
        var addresses: Set<UnsafeRawPointer> = []
        for number in 0..<20 {
            try depayloader.push(packet(number, unit(5, size: 900), marker: true))
            let buffer = try #require(depayloader.next())
            addresses.insert(try #require(try buffer.withUnsafeBytes { $0.baseAddress }))
        }
        #expect(addresses.count == 1)
    }

    @Test(arguments: [0, 1025])
    func theWindowHasBounds(_ packets: Int) throws {
        var options = H264Depayloader.Options()
        options.reorderPackets = packets
        #expect(throws: BufferError.self) { try H264Depayloader(options) }
    }
}
