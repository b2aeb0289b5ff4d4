import Buffers
import TestSupport
import Testing

@testable import Wire

/// Random headers, damaged bytes and noise. None of it may trap, read past the end or be taken for what it is
/// not.
@Suite struct HeaderPropertyTests {
    private func randomTime(_ generator: inout SeededGenerator, negative: Bool) -> Int64? {
        switch Int.random(in: 0..<4, using: &generator) {
        case 0: nil
        case 1: Int64.max
        case 2: negative ? Int64.min + 1 : 0
        default: Int64.random(in: (negative ? -1_000_000 : 0)...1_000_000_000_000, using: &generator)
        }
    }

    private func randomFrame(_ generator: inout SeededGenerator) throws -> FrameHeader {
        var info = FrameInfo(
            width: Int.random(in: 1...4097, using: &generator),
            height: Int.random(in: 1...2000, using: &generator),
            format: PixelFormat.allCases.randomElement(using: &generator)!,
            rowOrder: Bool.random(using: &generator) ? .topDown : .bottomUp,
            pts: randomTime(&generator, negative: true), duration: randomTime(&generator, negative: true),
            color: ColorDescription(
                primaries: .random(in: 0...255, using: &generator),
                transfer: .random(in: 0...255, using: &generator),
                matrix: .random(in: 0...255, using: &generator),
                range: .random(in: 0...255, using: &generator)),
            streamID: .random(in: 0...UInt32.max, using: &generator),
            viewID: .random(in: 0...UInt32.max, using: &generator),
            flags: Bool.random(using: &generator) ? .discontinuity : [],
            sequence: .random(in: 1...UInt64.max, using: &generator))
        let profile = UInt8.random(in: 1...4, using: &generator)
        var reference: UInt64?
        if WireProfile.usesTiles(profile), Bool.random(using: &generator) {
            reference = .random(in: 0..<info.sequence, using: &generator)
        } else {
            info.flags.insert(.key)
        }
        let layout = try FrameLayout(info)
        var rowBytes = 0
        for index in 0..<layout.planeCount { rowBytes = max(rowBytes, layout[plane: index].rowBytes) }
        let stripRows = Int.random(in: 1...min(info.height + 10, (4 << 20) / rowBytes), using: &generator)
        let stripCount = FrameHeader.stripCount(layout, stripRows: stripRows)
        let sizes = FrameHeader.payloadSizes(
            profile: profile, rawSize: layout.packedSize, stripCount: stripCount)
        return FrameHeader(
            info: info, profile: profile, stripRows: UInt32(stripRows), stripCount: UInt32(stripCount),
            rawSize: layout.packedSize, payloadSize: .random(in: sizes, using: &generator),
            referenceSequence: reference,
            contentChecksum: Bool.random(using: &generator)
                ? .random(in: 0...UInt64.max, using: &generator) : nil,
            wantsAcknowledgement: .random(using: &generator), endOfStream: .random(using: &generator),
            captureTime: randomTime(&generator, negative: true),
            queueDuration: randomTime(&generator, negative: false),
            encodeDuration: randomTime(&generator, negative: false),
            latency: randomTime(&generator, negative: false))
    }

    @Test func randomFrameHeadersComeBack() throws {
        var generator = SeededGenerator()
        for _ in 0..<2000 {
            let frame = try randomFrame(&generator)
            let bytes = encoded(FrameHeader.encodedSize()) { frame.encode(into: $0) }
            let outcome = parse(bytes, limits: Limits(maxFrameBytes: 1 << 30))
            #expect(outcome.events == [.frame(frame)], "\(outcome.message)")
        }
    }

    @Test func randomMessagesOfTheReceiverComeBack() throws {
        var generator = SeededGenerator()
        for _ in 0..<500 {
            let flow = Flow(
                isPaused: .random(using: &generator),
                maxFrameRate: .random(in: 0 ... .max, using: &generator),
                maxBitRate: .random(in: 0 ... .max, using: &generator))
            let ping = Ping(
                isReply: .random(using: &generator), time: .random(in: .min ... .max, using: &generator))
            let type = UInt32.random(in: 0 ... .max, using: &generator)
            let content = (0..<Int.random(in: 0...300, using: &generator)).map { _ in
                UInt8.random(in: 0...255, using: &generator)
            }
            let bytes =
                encoded(Flow.encodedSize) { flow.encode(into: $0) }
                + encoded(UserMessage.encodedSize(contentSize: content.count)) { bytes in
                    content.withUnsafeBytes { UserMessage(type: type).encode(into: bytes, content: $0) }
                } + encoded(Ping.encodedSize) { ping.encode(into: $0) }
            let outcome = parse(bytes, chop: { Int.random(in: 1...100, using: &generator) })
            #expect(outcome.events == [.flow(flow), .userMessage(type), .ping(ping)], "\(outcome.message)")
            #expect(outcome.metadata[1].withUnsafeBytes { Array(UserMessage.content(of: $0)) } == content)
        }
    }

    @Test func userMessageOfTheLargestSizeIsTakenAndOneByteMoreIsRefused() throws {
        let limits = Limits(maxMetadataBytes: 1000)
        let largest = UserMessage.maximumContentSize(limits)
        for (size, isTaken) in [(largest, true), (largest + 1, false)] {
            let content = [UInt8](repeating: 7, count: size)
            let bytes = encoded(UserMessage.encodedSize(contentSize: size)) { bytes in
                content.withUnsafeBytes { UserMessage(type: 1).encode(into: bytes, content: $0) }
            }
            let outcome = parse(bytes, limits: limits)
            #expect(outcome.events == (isTaken ? [.userMessage(1)] : []))
            #expect(outcome.errorKind == (isTaken ? nil : .tooLarge))
        }
    }

    @Test func everyChangedBitOfAHeaderIsNoticed() throws {
        for name in [
            "frame", "hello", "acknowledgement", "key-frame-request", "bye", "flow", "user-message", "ping",
        ] {
            let bytes = try vector(name)
            for bit in 0..<bytes.count * 8 {
                var changed = bytes
                changed[bit / 8] ^= 1 << UInt8(bit % 8)
                let outcome = parse(changed)
                // A changed magic number can make a skippable frame of another program, which is passed over.
                #expect(outcome.events == [], "\(name), bit \(bit)")
                if bit / 8 >= 4 { #expect(outcome.errorKind != nil, "\(name), bit \(bit)") }
            }
        }
    }

    /// Repairs the header checksum of the message at the start of `bytes`, so that the fields themselves are
    /// judged.
    private func repair(_ bytes: inout [UInt8]) {
        let size = Int(bytes[14]) | Int(bytes[15]) << 8
        guard size >= 52, bytes.count >= 8 + size else { return }
        let sum = bytes.withUnsafeBytes { checksum(of: $0.slice(8, size - 4)) }
        bytes.withUnsafeMutableBytes { $0.store(sum, at: 8 + size - 4) }
    }

    @Test func mutatedHeadersWithGoodChecksumsGiveFramesWithinTheLimits() throws {
        var generator = SeededGenerator()
        let limits = Limits(maxWidth: 4000, maxHeight: 3000, maxFrameBytes: 64 << 20, maxMetadataBytes: 200)
        let names = [
            "frame", "frame-minimal", "frame-huffman", "hello", "acknowledgement", "key-frame-request", "bye",
            "flow",
            "user-message", "ping",
        ]
        let vectors = try names.map { try vector($0) }
        let interesting: [UInt8] = [0, 1, 2, 0x7F, 0x80, 0xFE, 0xFF]
        var accepted = 0
        for _ in 0..<20_000 {
            var bytes = vectors.randomElement(using: &generator)!
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                let index = Int.random(in: 8..<bytes.count, using: &generator)
                bytes[index] =
                    Bool.random(using: &generator)
                    ? interesting.randomElement(using: &generator)! : .random(in: 0...255, using: &generator)
            }
            repair(&bytes)
            let outcome = parse(bytes, limits: limits, chop: { Int.random(in: 1...300, using: &generator) })
            for case .frame(let frame) in outcome.events {
                accepted += 1
                #expect(frame.info.width <= 4000 && frame.info.height <= 3000 && frame.rawSize <= 64 << 20)
                #expect(
                    frame.payloadSize <= frame.rawSize + frame.rawSize / 255 + 80 + 8 * Int(frame.stripCount))
                #expect(frame.metadataSize <= 200)
                #expect(frame.rawSize == (try FrameLayout(frame.info).packedSize))
            }
            if let offset = outcome.errorOffset { #expect(offset <= UInt64(bytes.count)) }
        }
        // The mutations must reach past the checks, or they show nothing.
        #expect(accepted > 100)
    }

    @Test func mutatedStreamsEndInAnEventOrAnError() throws {
        var generator = SeededGenerator()
        let streams = try ["stream-raw", "stream-lz4", "stream-strips", "foreign-frame"].map {
            try vector($0)
        }
        for _ in 0..<5_000 {
            var bytes: [UInt8] = []
            for _ in 0..<Int.random(in: 1...3, using: &generator) {
                bytes += streams.randomElement(using: &generator)!
            }
            switch Int.random(in: 0..<3, using: &generator) {
            case 0: bytes.removeSubrange(bytes.indices.randomElement(using: &generator)!...)
            case 1: bytes.remove(at: bytes.indices.randomElement(using: &generator)!)
            default:
                bytes[bytes.indices.randomElement(using: &generator)!] ^= .random(
                    in: 1...255, using: &generator)
            }
            let whole = parse(bytes)
            let pieces = parse(bytes, chop: { Int.random(in: 0...40, using: &generator) })
            #expect(whole == pieces)
            if let last = whole.offsets.last { #expect(last <= UInt64(bytes.count)) }
        }
    }

    @Test func noiseIsNotAStream() throws {
        var generator = SeededGenerator()
        for _ in 0..<2_000 {
            let bytes = (0..<Int.random(in: 4...200, using: &generator)).map { _ in
                UInt8.random(in: 0...255, using: &generator)
            }
            let outcome = parse(bytes)
            #expect(outcome.events == [])
            #expect(outcome.errorKind != nil)
        }
    }

    @Test func noiseBehindAGoodBeginningIsRefused() throws {
        var generator = SeededGenerator()
        let start = Array(try vector("frame-minimal")[..<16])
        for _ in 0..<2_000 {
            let bytes = start + (0..<200).map { _ in UInt8.random(in: 0...255, using: &generator) }
            let outcome = parse(bytes)
            #expect(outcome.events == [])
            #expect(outcome.errorKind == .corrupt)
        }
    }

    @Test func largestFrameThatCanBeDescribedIsJudgedWithoutOverflow() throws {
        let info = FrameInfo(width: 65535, height: 65535, format: .rgba32f, flags: .key)
        let rawSize = try FrameLayout(info).packedSize
        let frame = FrameHeader(
            info: info, profile: WireProfile.raw, stripRows: 4, stripCount: 16384, rawSize: rawSize,
            payloadSize: rawSize + 19 + 4 * 16384)
        let bytes = encoded(FrameHeader.encodedSize()) { frame.encode(into: $0) }
        let limits = Limits(maxWidth: .max, maxHeight: .max, maxFrameBytes: .max, maxMetadataBytes: .max)
        #expect(parse(bytes, limits: limits).events == [.frame(frame)])
        #expect(parse(bytes).errorKind == .tooLarge)
    }

    @Test func senselessLimitsRefuseEverything() throws {
        let limits = Limits(maxWidth: -1, maxHeight: -1, maxFrameBytes: -1, maxMetadataBytes: -1)
        #expect(parse(try vector("frame-minimal"), limits: limits).errorKind == .tooLarge)
    }

    @Test func stripLargerThanAnLZ4BlockIsRefused() throws {
        let info = FrameInfo(width: 16384, height: 17, format: .rgba32f, flags: .key)
        let rawSize = try FrameLayout(info).packedSize
        let frame = FrameHeader(
            info: info, profile: WireProfile.lz4, stripRows: 17, stripCount: 1, rawSize: rawSize,
            payloadSize: 1000)
        let outcome = parse(encoded(FrameHeader.encodedSize()) { frame.encode(into: $0) })
        #expect(outcome.errorKind == .tooLarge)
        #expect(outcome.errorOffset == 72)
    }

    @Test func negativeStageDurationsAreNone() throws {
        var frame = FrameHeader(
            info: FrameInfo(width: 2, height: 2, flags: .key), profile: WireProfile.raw, stripRows: 2,
            stripCount: 1,
            rawSize: 16, payloadSize: 39, queueDuration: -1, encodeDuration: -2, latency: -3)
        let outcome = parse(encoded(FrameHeader.encodedSize()) { frame.encode(into: $0) })
        frame.queueDuration = nil
        frame.encodeDuration = nil
        frame.latency = nil
        #expect(outcome.events == [.frame(frame)])
    }
}
