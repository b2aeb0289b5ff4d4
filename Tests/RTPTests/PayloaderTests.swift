import Buffers
import RTP
import TestSupport
import Testing

@Suite struct PayloaderTests {
    @Test func aSmallUnitIsAPacketOfItsOwn() throws {
        let payloader = try H264Payloader(fixedOptions)
        let list = try payloader.payload(accessUnit(annexB([unit(1, size: 20)]), pts: 40_000_000))
        let expected: [UInt8] = [0x80, 0xE0, 0xFF, 0xFE, 0, 0, 0x11, 0xF8, 0x11, 0x22, 0x33, 0x44]
        #expect(try packets(list) == [expected + unit(1, size: 20)])
    }

    @Test func theLastPacketAloneHasTheMarker() throws {
        let payloader = try H264Payloader(fixedOptions)
        let list = try payloader.payload(accessUnit(annexB([unit(7, size: 9), unit(5, size: 5000)])))
        let markers = try packets(list).map { $0[1] & 0x80 != 0 }
        #expect(markers == [false, false, false, false, true])
        #expect(list.map { $0.flags.contains(.marker) } == markers)
        #expect(list.allSatisfy { $0.pts == 0 })
    }

    @Test func sequenceNumbersWrapAround() throws {
        let payloader = try H264Payloader(fixedOptions)
        let list = try payloader.payload(accessUnit(annexB([unit(5, size: 5000)])))
        #expect(try packets(list).map { Int($0[2]) << 8 | Int($0[3]) } == [0xFFFE, 0xFFFF, 0, 1])
        #expect(payloader.nextSequence == 2)
    }

    @Test func fragmentsAreAsRFC6184Says() throws {
        var options = fixedOptions
        options.mtu = 100
        let payloader = try H264Payloader(options)
        let whole = unit(5, size: 250, importance: 2)
        let list = try packets(payloader.payload(accessUnit(annexB([whole]))))
        #expect(list.map { $0.count } == [100, 100, 91])
        #expect(list.map { $0[12] } == [0x5C, 0x5C, 0x5C])
        #expect(list.map { $0[13] } == [0x85, 0x05, 0x45])
        #expect(list.flatMap { $0[14...] } == Array(whole[1...]))
    }

    @Test(arguments: [(88, 1), (89, 2)])
    func aUnitIsDividedWhenItDoesNotFit(size: Int, count: Int) throws {
        var options = fixedOptions
        options.mtu = 100
        let payloader = try H264Payloader(options)
        #expect(try payloader.payload(accessUnit(annexB([unit(1, size: size)]))).count == count)
    }

    @Test func aggregatesAreAsRFC6184Says() throws {
        var options = fixedOptions
        options.aggregates = true
        let payloader = try H264Payloader(options)
        let units = [
            unit(9, size: 2, importance: 0), unit(7, size: 10, importance: 3),
            unit(5, size: 300, importance: 1),
        ]
        let list = try packets(payloader.payload(accessUnit(annexB(units))))
        #expect(list.count == 1)
        #expect(Array(list[0][12...]) == [0x78] + avc(units, sizeBytes: 2))
    }

    @Test func aggregatesTakeAsManyUnitsAsFit() throws {
        var options = fixedOptions
        options.aggregates = true
        options.mtu = 100
        let payloader = try H264Payloader(options)
        // 13 + 2 + 40 + 2 + 40 = 97; the third has a packet of its own, and the next nine share two.
        let sizes = [40, 40, 60] + Array(repeating: 3, count: 9)
        let list = try packets(payloader.payload(accessUnit(annexB(sizes.map { unit(1, size: $0) }))))
        #expect(list.map { $0[12] & 31 } == [24, 24, 24])
        #expect(list.map { $0.count } == [97, 13 + 62 + 5 * 5, 13 + 5 * 4])
    }

    @Test func startCodesOfThreeBytesAndZerosBetweenUnitsAreNoPartOfThem() throws {
        let payloader = try H264Payloader(fixedOptions)
        let bytes =
            [0, 0, 0, 0, 1] + unit(7, size: 5) + [0, 0, 0, 0, 0, 1] + unit(8, size: 4) + [0, 0, 1]
            + unit(5, size: 6) + [0, 0, 0]
        let list = try packets(payloader.payload(accessUnit(bytes)))
        #expect(list.map { Array($0[12...]) } == [unit(7, size: 5), unit(8, size: 4), unit(5, size: 6)])
    }

    @Test(arguments: [1, 2, 4])
    func sizesBeforeUnitsAreReadToo(sizeBytes: Int) throws {
        var options = fixedOptions
        options.format = .avc
        options.nalSizeBytes = sizeBytes
        let payloader = try H264Payloader(options)
        let units = [unit(7, size: 5), unit(5, size: 200)]
        let list = try packets(payloader.payload(accessUnit(avc(units, sizeBytes: sizeBytes))))
        #expect(list.map { Array($0[12...]) } == units)
    }

    @Test func timesBecomeTicksOf90Kilohertz() throws {
        let payloader = try H264Payloader(fixedOptions)
        func timestamp(_ pts: Int64) throws -> UInt32 {
            let bytes = try packets(payloader.payload(accessUnit(annexB([unit(1, size: 3)]), pts: pts)))[0]
            return bytes[4..<8].reduce(0) { $0 << 8 | UInt32($1) } &- 1000
        }
        #expect(try timestamp(0) == 0)
        #expect(try timestamp(11_111) == 0)
        #expect(try timestamp(11_112) == 1)
        #expect(try timestamp(1_000_000_000) == 90_000)
        #expect(try timestamp(-1) == .max)
        #expect(try timestamp(-1_000_000_000) == 0 &- 90_000)
        #expect(
            try timestamp(.max) == UInt32(truncatingIfNeeded: Int64.max / 100_000 * 9 + 75807 * 9 / 100_000))
        #expect(
            try timestamp(.min + 1)
                == UInt32(truncatingIfNeeded: (Int64.min / 100_000 - 1) * 9 + 24193 * 9 / 100_000))
    }

    @Test func thePayloadIsMemoryOfTheAccessUnit() throws {
        let payloader = try H264Payloader(fixedOptions)
        let input = try accessUnit(annexB([unit(5, size: 5000)]))
        let bytes = try #require(try input.withUnsafeBytes { $0.baseAddress })
        var place = bytes + 5
        for packet in try payloader.payload(input) {
            #expect(packet.memoryCount == 2)
            let memory = try #require(packet.memory(at: 1))
            let region = try memory.map(.read)
            #expect(UnsafeRawPointer(region.baseAddress) == place)
            place += region.count
            try memory.unmap(.read)
        }
        #expect(place == bytes + 5004)
        #expect(payloader.stats.copiedBytes == 0)
        #expect(payloader.stats.sharedBytes == 4999)
        #expect(payloader.stats.payloadBytes == 4999 + 4 * 2)
    }

    @Test func memoriesThatCannotBeSharedAreCopiedAndCounted() throws {
        let payloader = try H264Payloader(fixedOptions)
        let bytes = annexB([unit(1, size: 50)])
        let list = try packets(payloader.payload(accessUnit([bytes], flags: .noShare)))
        #expect(Array(list[0][12...]) == unit(1, size: 50))
        #expect(payloader.stats.copiedBytes == 50)
        #expect(payloader.stats.sharedBytes == 0)
    }

    @Test func anAccessUnitMayHaveAnyMemories() throws {
        var generator = SeededGenerator()
        for _ in 0..<200 {
            let units = (0..<Int.random(in: 1...6, using: &generator)).map { _ in
                unit(
                    UInt8.random(in: 1...23, using: &generator),
                    size: Int.random(in: 1...400, using: &generator))
            }
            let bytes = annexB(units)
            var memories: [[UInt8]] = []
            var place = 0
            while place < bytes.count {
                let size = min(Int.random(in: 0...40, using: &generator), bytes.count - place)
                memories.append(Array(bytes[place..<place + size]))
                place += size
            }
            var options = fixedOptions
            options.mtu = Int.random(in: 28...500, using: &generator)
            options.aggregates = Bool.random(using: &generator)
            let scattered = try packets(H264Payloader(options).payload(accessUnit(memories)))
            let whole = try packets(H264Payloader(options).payload(accessUnit(bytes)))
            #expect(scattered == whole)
        }
    }

    @Test func aPooledAccessUnitReturnsToItsPoolWhenThePacketsAreGone() throws {
        let pool = try BufferPool(BufferPool.Configuration(size: 3000))
        let payloader = try H264Payloader(fixedOptions)
        var input: Buffer? = try pool.acquire()
        try input!.withUnsafeMutableBytes { $0.copyBytes(from: annexB([unit(5, size: 2996)])) }
        input!.pts = 0
        var list: BufferList? = try payloader.payload(input!)
        input = nil
        #expect(pool.stats.outstanding == 1)
        #expect(try packets(list!).count == 3)
        list = nil
        #expect(pool.stats.outstanding == 0)
        #expect(pool.stats.recycled == 1)
    }

    @Test func packetsOutliveThePayloaderAndTheInput() throws {
        var list: BufferList
        do {
            list = try H264Payloader(fixedOptions).payload(accessUnit(annexB([unit(5, size: 5000)])))
        }
        #expect(try packets(list).flatMap { $0[14...] } == Array(unit(5, size: 5000)[1...]))
        try list.remove(at: 0, count: -1)
        #expect(list.count == 0)
    }

    @Test func aMemoryOfAPacketThatIsKeptStaysAsItIs() throws {
        let payloader = try H264Payloader(fixedOptions)
        let first = annexB([unit(1, size: 60)])
        let kept = try #require(
            try payloader.payload(accessUnit(first)).buffer(at: 0)?.memory(at: 1))
        for _ in 0..<4 { _ = try payloader.payload(accessUnit(annexB([unit(5, size: 700)]))) }
        #expect(try Array(kept.map(.read)) == unit(1, size: 60))
        try kept.unmap(.read)
    }

    @Test func idrPicturesCanBePrecededByTheParameterSets() throws {
        var options = fixedOptions
        options.repeatsParameterSets = true
        let payloader = try H264Payloader(options)
        let sequence = unit(7, size: 12)
        let picture = unit(8, size: 6)
        _ = try payloader.payload(accessUnit(annexB([sequence, picture, unit(5, size: 40)])))
        let delimiter = unit(9, size: 2)
        let list = try packets(payloader.payload(accessUnit(annexB([delimiter, unit(5, size: 40)]))))
        #expect(list.map { Array($0[12...]) } == [delimiter, sequence, picture, unit(5, size: 40)])
        #expect(list.map { $0[1] & 0x80 != 0 } == [false, false, false, true])
        #expect(try payloader.payload(accessUnit(annexB([unit(1, size: 40)]))).count == 1)
        #expect(payloader.stats.copiedBytes == 0)
    }

    @Test func codecDataHasTheParameterSetsAndTheSizeOfSizes() throws {
        var options = fixedOptions
        options.format = .avc
        options.repeatsParameterSets = true
        let sequence = unit(7, size: 12)
        let picture = unit(8, size: 6)
        options.codecData = [1, 0x64, 0, 30, 0xFD, 0xE1, 0, 12] + sequence + [1, 0, 6] + picture
        let payloader = try H264Payloader(options)
        let list = try packets(payloader.payload(accessUnit(avc([unit(5, size: 40)], sizeBytes: 2))))
        #expect(list.map { Array($0[12...]) } == [sequence, picture, unit(5, size: 40)])
    }
}
