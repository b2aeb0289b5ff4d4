import Buffers
import RTP
import Testing

@Suite struct PayloaderErrorTests {
    private func refusal(
        of bytes: [UInt8], _ change: (inout H264Payloader.Options) -> Void = { _ in }
    ) throws -> BufferError {
        var options = fixedOptions
        change(&options)
        let payloader = try H264Payloader(options)
        var refusal: BufferError?
        do throws(BufferError) {
            _ = try payloader.payload(try! accessUnit(bytes))
        } catch {
            refusal = error
        }
        // Nothing has happened: the next packet has the number that the refused one would have had.
        #expect(payloader.nextSequence == 0xFFFE)
        #expect(payloader.stats.packets == 0)
        return try #require(refusal)
    }

    @Test(arguments: [
        ([], BufferError.Kind.invalidArgument, "no bytes"),
        ([1, 2, 3], .corrupt, "no start code"),
        ([0, 0, 0, 0], .corrupt, "no start code"),
        ([7, 0, 0, 1, 0x65, 1], .corrupt, "byte 0 "),
        ([0, 0, 1], .corrupt, "byte 3 of the access unit is empty"),
        ([0, 0, 1, 0, 0, 1, 0x65], .corrupt, "byte 3 of the access unit is empty"),
        ([0, 0, 0, 1, 0xE5, 1], .corrupt, "forbidden bit"),
        ([0, 0, 0, 1, 0x60, 1], .corrupt, "type 0"),
        ([0, 0, 0, 1, 0x7C, 1], .corrupt, "type 28"),
    ])
    func malformedStartCodes(_ bytes: [UInt8], _ kind: BufferError.Kind, _ words: String) throws {
        let error = try refusal(of: bytes)
        #expect(error.kind == kind)
        #expect(error.message.contains(words))
    }

    @Test(arguments: [
        ([0, 0, 0], "middle of the size"),
        ([0, 0, 0, 0], "empty"),
        ([0, 0, 0, 5, 0x65, 1], "5 bytes, of which 2"),
        ([255, 255, 255, 255, 0x65], "4294967295 bytes, of which 1"),
        ([0, 0, 0, 1, 0x65, 0], "middle of the size of a NAL unit, at byte 5"),
    ])
    func malformedSizes(_ bytes: [UInt8], _ words: String) throws {
        let error = try refusal(of: bytes) { $0.format = .avc }
        #expect(error.kind == .corrupt)
        #expect(error.message.contains(words))
    }

    @Test func inModeZeroAUnitMustFitAPacket() throws {
        let error = try refusal(of: annexB([unit(7, size: 10), unit(5, size: 1389)])) {
            $0.singleNALMode = true
        }
        #expect(error.kind == .tooLarge)
        #expect(error.message.contains("1389 bytes"))
        #expect(error.message.contains("1388"))
    }

    @Test func aTimeIsNeeded() throws {
        let payloader = try H264Payloader()
        var input = try accessUnit(annexB([unit(1, size: 5)]))
        input.pts = nil
        #expect(throws: BufferError.self) { try payloader.payload(input) }
    }

    @Test func aMemoryThatIsMappedForWritingIsRefused() throws {
        let payloader = try H264Payloader(fixedOptions)
        let memory = try Memory(size: 2005)
        try memory.map(.write).copyBytes(from: annexB([unit(5, size: 2001)]))
        var input = Buffer()
        try input.append(memory)
        input.pts = 0
        let error = #expect(throws: BufferError.self) { try payloader.payload(input) }
        #expect(error?.kind == .notWritable)
        try memory.unmap(.write)
        #expect(try payloader.payload(input).count == 2)
    }

    @Test(arguments: [0, 27, 65508, -1])
    func theMTUHasBounds(_ mtu: Int) throws {
        var options = H264Payloader.Options()
        options.mtu = mtu
        let error = #expect(throws: BufferError.self) { try H264Payloader(options) }
        #expect(error?.kind == .outOfRange)
        #expect(error?.message.contains("mtu is \(mtu)") == true)
    }

    @Test(arguments: [0, 128])
    func thePayloadTypeHasBounds(_ type: Int) throws {
        var options = H264Payloader.Options()
        options.payloadType = type
        #expect(throws: BufferError.self) { try H264Payloader(options) }
    }

    @Test func codecDataIsChecked() throws {
        let good: [UInt8] =
            [1, 0x64, 0, 30, 0xFF, 0xE1, 0, 4] + unit(7, size: 4) + [1, 0, 2] + unit(8, size: 2)
        var options = H264Payloader.Options()
        options.codecData = good
        #expect(throws: Never.self) { try H264Payloader(options) }
        for end in 1..<good.count {
            options.codecData = Array(good[..<end])
            #expect(throws: BufferError.self) { try H264Payloader(options) }
        }
        options.codecData = good
        options.codecData[8] = 0x65
        #expect(throws: BufferError.self) { try H264Payloader(options) }
    }
}
