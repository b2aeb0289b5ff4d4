import TestSupport
import Testing
import Wire

@testable import Framewire

@Suite(.timeLimit(.minutes(2))) struct StreamDecoderTests {
    @Test(arguments: [1, 2, 3, 7, 64, 4096, 65537, Int.max], [true, false])
    func piecesOfAnySizeGiveTheSameFrames(_ size: Int, _ direct: Bool) throws {
        for profile in [Profile.raw, .lz4] {
            let shown = pictures(5, maximumBytes: 9000, case: 100)
            let decoded = decodeStream(try recording(shown, profile: profile), direct: direct) { size }
            #expect(decoded.error == nil)
            try #require(decoded.frames.count == shown.count)
            for (frame, picture) in zip(decoded.frames, shown) { expectFrame(frame, shows: picture) }
        }
    }

    @Test(arguments: 0..<10)
    func piecesOfRandomSizesGiveTheSameFrames(_ number: Int) throws {
        var random = SeededGenerator(case: 200 + number)
        let shown = pictures(6, maximumBytes: 60_000, case: 300 + number)
        let bytes = try recording(shown, profile: number % 2 == 0 ? .raw : .lz4)
        let decoded = decodeStream(bytes, direct: number % 3 == 0) { random.scaled(1...(1 << 17)) }
        #expect(decoded.error == nil)
        try #require(decoded.frames.count == shown.count)
        for (frame, picture) in zip(decoded.frames, shown) {
            expectFrame(frame, shows: picture, "case \(number)")
        }
    }

    @Test func messagesWithoutAPayloadPassThrough() throws {
        var bytes: [UInt8] = []
        func append(_ encode: (UnsafeMutableRawBufferPointer) -> Int) {
            var room = [UInt8](repeating: 0, count: 2048)
            let count = room.withUnsafeMutableBytes(encode)
            bytes += room[..<count]
        }
        append { Hello(profiles: 6, role: .receiver, name: "test").encode(into: $0) }
        append { Acknowledgement(streamID: 3, sequence: 9).encode(into: $0) }
        append { KeyFrameRequest(streamID: 4).encode(into: $0) }
        append { Bye(reason: .failed, text: "enough").encode(into: $0) }
        let decoded = decodeStream(bytes) { 5 }
        #expect(decoded.error == nil)
        try #require(decoded.others.count == 4)
        guard case .hello(let hello) = decoded.others[0], case .acknowledgement(let word) = decoded.others[1],
            case .keyFrameRequest(let request) = decoded.others[2], case .bye(let bye) = decoded.others[3]
        else {
            Issue.record("\(decoded.others)")
            return
        }
        #expect(hello.name == "test")
        #expect(word.streamID == 3 && word.sequence == 9)
        #expect(request.streamID == 4)
        #expect(bye.reason == .failed && bye.text == "enough")
    }

    @Test(arguments: [Profile.raw, .lz4])
    func aStreamCutAnywhereIsAViolationThatNamesItsLastByte(_ profile: Profile) throws {
        var random = SeededGenerator(case: 400)
        let shown = pictures(3, maximumBytes: 6000, case: 401)
        let bytes = try recording(shown, profile: profile)
        let boundaries = try messageEnds(bytes)
        var cuts = (0..<80).map { _ in Int.random(in: 1..<bytes.count, using: &random) }
        cuts +=
            [1, 3, 4, 10, 12] + boundaries.dropLast().flatMap { [$0 - 1, $0, $0 + 1, $0 + 20, $0 + 155] }
        for cut in cuts where cut < bytes.count {
            let decoded = decodeStream(Array(bytes[..<cut]))
            if boundaries.contains(cut) {
                #expect(decoded.error == nil, "\(cut) bytes")
            } else {
                let error = try #require(decoded.error, "\(cut) bytes")
                #expect(error.code == .protocolViolation, "\(cut) bytes: \(error.message)")
                #expect(error.message.contains("byte \(cut) "), "\(cut) bytes: \(error.message)")
            }
            #expect(decoded.frames.count == boundaries.dropFirst().filter { $0 <= cut }.count)
        }
    }

    @Test func aChangedPixelIsFoundByTheChecksum() throws {
        let shown = pictures(2, maximumBytes: 6000, case: 500)
        var bytes = try recording(shown, profile: .raw)
        // The last byte of the second picture: before the end mark and the goodbye.
        let place = try messageEnds(bytes)[2] - 5
        bytes[place] ^= 0x10
        let decoded = decodeStream(bytes)
        #expect(decoded.frames.count == 1)
        let error = try #require(decoded.error)
        #expect(error.code == .corrupt)
        #expect(error.message.contains("frame 1"), "\(error.message)")
        #expect(decodeStream(bytes, verifyChecksums: false).frames.count == 2)
    }

    @Test(arguments: [Profile.raw, .lz4])
    func whateverBitsAreFlippedOnlyExactFramesAreDelivered(_ profile: Profile) throws {
        var random = SeededGenerator(case: 600)
        let shown = pictures(4, maximumBytes: 3000, case: 601)
        let bytes = try recording(shown, profile: profile)
        var errors = 0
        for _ in 0..<300 {
            var damaged = bytes
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                damaged[Int.random(in: 0..<damaged.count, using: &random)] ^=
                    1 << UInt8.random(in: 0..<8, using: &random)
            }
            let decoded = decodeStream(damaged) { random.scaled(1...5000) }
            if decoded.error != nil { errors += 1 }
            for (frame, picture) in zip(decoded.frames, shown) { expectFrame(frame, shows: picture) }
            #expect(decoded.error != nil || decoded.frames.count == shown.count)
        }
        #expect(errors > 200)
    }

    @Test func anErrorIsGivenAgainByEveryFurtherCall() throws {
        let decoder = makeDecoder()
        var decoded = Decoded()
        decoder.take(Array("GET / HTTP/1.1\r\n\r\n".utf8), into: &decoded)
        let error = try #require(decoded.error)
        #expect(error.code == .protocolViolation)
        var again = Decoded()
        decoder.take(try recording(pictures(1)), into: &again)
        #expect(again.frames.isEmpty)
        #expect(again.error?.message == error.message)
        #expect(throws: FramewireError.self) { try decoder.finish() }
    }

    @Test func aFrameWiderHigherOrLargerThanTheLimitsIsTooLarge() throws {
        var random = SeededGenerator(case: 700)
        let picture = Picture(FrameInfo(width: 64, height: 48), .gradient, using: &random)
        let bytes = try recording([picture])
        for limits in [Limits(maxWidth: 63), Limits(maxHeight: 47), Limits(maxFrameBytes: 64 * 48 * 4 - 1)] {
            let decoded = decodeStream(bytes, limits: limits)
            #expect(decoded.frames.isEmpty)
            #expect(decoded.error?.code == .tooLarge, "\(limits)")
        }
        let exact = Limits(maxWidth: 64, maxHeight: 48, maxFrameBytes: 64 * 48 * 4)
        #expect(decodeStream(bytes, limits: exact).frames.count == 1)
    }

    @Test func aProfileOfTheFutureIsUnsupported() throws {
        let info = FrameInfo(width: 2, height: 2)
        let header = FrameHeader(
            info: info, profile: 200, stripRows: 2, stripCount: 1, rawSize: 16, payloadSize: 8)
        var bytes = [UInt8](repeating: 0, count: FrameHeader.encodedSize())
        _ = bytes.withUnsafeMutableBytes { header.encode(into: $0) }
        #expect(decodeStream(bytes + [UInt8](repeating: 0, count: 8)).error?.code == .unsupported)
    }

    @Test func aPayloadWhoseBlocksAreWrongIsCorruptAtAByteOfTheStream() throws {
        let shown = pictures(1, maximumBytes: 3000, case: 800)
        var bytes = try recording(shown, profile: .raw)
        // The size of the first block: behind opening, header and the LZ4 frame's own header.
        let place = StreamOpening.size + FrameHeader.encodedSize() + 15
        bytes[place] ^= 1
        let error = try #require(decodeStream(bytes).error)
        #expect(error.code == .corrupt)
        #expect(error.message.contains("byte \(place) "), "\(error.message)")
    }
}
