import Buffers
import CPosix
import Codec
import TestSupport
import Testing
import Transport
import Wire

@testable import Framewire

/// Frames that are coded against others: which, and what becomes of them when one is missing.
@Suite(.timeLimit(.minutes(2))) struct TileStreamTests {
    private static let info = FrameInfo(width: 97, height: 53)

    private func expect(
        _ bytes: [UInt8], shows pictures: [Picture], sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let decoded = decodeStream(bytes)
        #expect(decoded.error == nil, sourceLocation: sourceLocation)
        #expect(decoded.frames.count == pictures.count, sourceLocation: sourceLocation)
        for (frame, picture) in zip(decoded.frames, pictures) {
            expectFrame(frame, shows: picture, sourceLocation: sourceLocation)
        }
    }

    // MARK: - What is coded against what

    @Test func eachFrameIsCodedAgainstTheOneBefore() throws {
        let shown = similarPictures(5, Self.info, case: 3000)
        let bytes = try tileRecording(shown)
        #expect(try messages(bytes).references == [nil, 0, 1, 2, 3])
        expect(bytes, shows: shown)
    }

    @Test(arguments: 0..<20)
    func framesOfAnyGeometryArriveBitByBit(_ number: Int) throws {
        var random = SeededGenerator(case: 3100 + number)
        let first = Picture.random(maximumBytes: 60_000, using: &random)
        let shown = similarPictures(4, first.info, case: 3200 + number)
        let bytes = try tileRecording(shown)
        #expect(try messages(bytes).references == [nil, 0, 1, 2])
        expect(bytes, shows: shown)
    }

    @Test func anotherSizeOrFormatBeginsWithAKeyFrame() throws {
        var info = Self.info
        var shown = similarPictures(2, info, case: 3300)
        info.height += 1
        shown += similarPictures(2, info, case: 3301)
        info.format = .bgra8
        shown += similarPictures(2, info, case: 3302)
        let bytes = try tileRecording(shown)
        #expect(try messages(bytes).references == [nil, 0, nil, 2, nil, 4])
        expect(bytes, shows: shown)
    }

    @Test func anotherRowOrderAndStrideDoNot() throws {
        var random = SeededGenerator(case: 3310)
        let packed = Picture(Self.info, .mixed, using: &random).packed
        var info = Self.info
        var shown = [Picture(info, packed: packed, using: &random)]
        info.rowOrder = .bottomUp
        shown.append(Picture(info, packed: packed, using: &random))
        info.stride = 400
        shown.append(Picture(info, packed: packed, using: &random))
        let bytes = try tileRecording(shown)
        #expect(try messages(bytes).references == [nil, 0, 1])
        expect(bytes, shows: shown)
    }

    @Test func streamsAndViewsThatInterleaveHaveReferencesOfTheirOwn() throws {
        var infos = [Self.info, Self.info, Self.info]
        infos[1].streamID = 7
        infos[2].viewID = 1
        infos[2].width = 30
        let series = infos.indices.map { similarPictures(3, infos[$0], case: 3320 + $0) }
        let shown = (0..<3).flatMap { number in series.map { $0[number] } }
        let bytes = try tileRecording(shown)
        #expect(try messages(bytes).references == [nil, nil, nil, 0, 1, 2, 3, 4, 5])
        expect(bytes, shows: shown)
    }

    @Test func moreStreamsThanHaveAPlaceAreAllKeyFrames() throws {
        let series = (0..<9).map { stream in
            var info = Self.info
            info.streamID = UInt32(stream)
            return similarPictures(2, info, case: 3330)
        }
        let shown = (0..<2).flatMap { number in series.map { $0[number] } }
        let bytes = try tileRecording(shown)
        #expect(try messages(bytes).references == [UInt64?](repeating: nil, count: 18))
        expect(bytes, shows: shown)
    }

    @Test func aKeyFrameComesAtEachInterval() throws {
        let shown = similarPictures(7, Self.info, case: 3340)
        let bytes = try tileRecording(shown, keyInterval: 3)
        #expect(try messages(bytes).references == [nil, 0, 1, nil, 3, 4, nil])
        #expect(try messages(tileRecording(shown, keyInterval: 1)).references.allSatisfy { $0 == nil })
    }

    @Test func aRecordingHasAKeyFrameEvery60Frames() throws {
        let shown = similarPictures(125, FrameInfo(width: 8, height: 8), case: 3350)
        let found = try messages(try tileRecording(shown)).references
        #expect(found.indices.filter { found[$0] == nil } == [0, 60, 120])
    }

    @Test func theCallerCanAskForAKeyFrame() throws {
        let shown = similarPictures(4, Self.info, case: 3360)
        let bytes = try tileRecording(shown) { picture, sender in
            var info = picture.info
            if info.pts == 2 { info.flags.insert(.key) }
            try picture.bytes.withUnsafeBytes { try sender.push(info, pixels: $0) }
        }
        #expect(try messages(bytes).references == [nil, 0, nil, 2])
        expect(bytes, shows: shown)
    }

    /// The memory is overwritten as soon as it is given back.
    @Test(arguments: [0, 24])
    func wrappedPixelsAreReferencesAfterTheyWereGivenBack(_ padding: Int) throws {
        var info = Self.info
        info.stride = info.width * 4 + padding
        info.rowOrder = padding > 0 ? .bottomUp : .topDown
        let shown = similarPictures(6, info, case: 3370)
        let bytes = try tileRecording(shown) { picture, sender in
            let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: picture.bytes.count, alignment: 1)
            copy.copyBytes(from: picture.bytes)
            nonisolated(unsafe) let lent = copy
            try sender.push(picture.info, wrapping: UnsafeRawBufferPointer(copy)) {
                lent.initializeMemory(as: UInt8.self, repeating: 0xEE)
                lent.deallocate()
            }
        }
        #expect(try messages(bytes).references == [nil, 0, 1, 2, 3, 4])
        expect(bytes, shows: shown)
    }

    @Test func buffersOfSeveralMemoriesAreReferences() throws {
        let shown = similarPictures(5, Self.info, case: 3380)
        let bytes = try tileRecording(shown) { picture, sender in
            var buffer = Buffer()
            var start = 0
            for size in [1, 5000, 777, picture.bytes.count - 5778] {
                let memory = try Memory(size: size)
                memory.visibleBytes.copyBytes(from: picture.bytes[start..<start + size])
                try buffer.append(memory)
                start += size
            }
            try sender.push(picture.info, buffer: buffer)
        }
        #expect(try messages(bytes).references == [nil, 0, 1, 2, 3])
        expect(bytes, shows: shown)
    }

    // MARK: - Frames that are missing

    /// Frame 1 of 8, with a key frame each fourth.
    @Test(arguments: [true, false])
    func withoutItsReferenceNothingIsDecodedUntilAKeyFrame(_ direct: Bool) throws {
        let shown = similarPictures(8, Self.info, case: 3400)
        let found = try messages(try tileRecording(shown, keyInterval: 4))
        var bytes = found.frames.joined().map { $0 }
        bytes.removeSubrange(found.frames[0].count..<found.frames[0].count + found.frames[1].count)
        let decoded = decodeStream(bytes, direct: direct) { 1000 }
        #expect(decoded.error == nil)
        #expect(decoded.frames.map(\.info.sequence) == [0, 4, 5, 6, 7])
        for frame in decoded.frames { expectFrame(frame, shows: shown[Int(frame.info.sequence)]) }
        let passedOver = decoded.others.compactMap { event -> UInt64? in
            guard case .undecodable(let header) = event else { return nil }
            return header.info.sequence
        }
        #expect(passedOver == [2, 3])
    }

    @Test func anotherStreamGoesOnMeanwhile() throws {
        var other = Self.info
        other.streamID = 1
        let one = similarPictures(4, Self.info, case: 3410)
        let two = similarPictures(4, other, case: 3411)
        let shown = zip(one, two).flatMap { [$0, $1] }
        let found = try messages(try tileRecording(shown))
        let bytes = found.frames.indices.filter { $0 != 2 }.flatMap { found.frames[$0] }
        let decoded = decodeStream(bytes)
        #expect(decoded.error == nil)
        #expect(decoded.frames.map(\.info.sequence) == [0, 1, 3, 5, 7])
        for frame in decoded.frames { expectFrame(frame, shows: shown[Int(frame.info.sequence)]) }
    }

    @Test func aStripThatIsWrongEndsTheStreamAtItsByte() throws {
        var bytes = try tileRecording(similarPictures(2, Self.info, case: 3420))
        // The size of the first strip, in the payload's table.
        bytes[StreamOpening.size + FrameHeader.encodedSize() + 8] ^= 0x40
        let decoded = decodeStream(bytes)
        #expect(decoded.frames.isEmpty)
        #expect(decoded.error?.code == .corrupt)
        #expect(decoded.error?.message.contains("byte") == true)
    }

    @Test func aReceiverAsksForAKeyFrameAndCountsWhatItPassedOver() throws {
        let folder = try TemporaryFolder()
        let receiver = try Receiver(from: folder.unixURL("socket"))
        let connection = try Connector.connect(
            Endpoint(parsing: folder.unixURL("socket")), timeout: hangLimit)
        let shown = similarPictures(8, Self.info, case: 3430)
        let found = try messages(try tileRecording(shown, keyInterval: 4))
        try write(
            encoded { Hello(profiles: WireProfile.all, role: .sender).encode(into: $0) }, to: connection)
        try write(found.frames[0], to: connection)
        try write(found.frames[2...].flatMap { $0 }, to: connection)
        for number in [0, 4, 5, 6, 7] {
            expectFrame(try receiver.next(timeout: hangLimit), shows: shown[number])
        }
        connection.shutdownWrite()
        let answers = decodeStream(try readToEnd(connection)).others
        let requests = answers.filter { if case .keyFrameRequest = $0 { true } else { false } }
        #expect(requests.count == 1)
        if case .hello(let hello) = answers.first {
            #expect(hello.profiles == 0b11110)
        } else {
            Issue.record("the first answer is no hello: \(answers)")
        }
        #expect(receiver.stats.framesUndecodable == 2)
        #expect(receiver.stats.framesMissed == 1)
    }

    @Test func aKeyFrameIsAskedForAgainOnlyAfterAWhile() {
        var requests = KeyFrameRequests()
        var other = Self.info
        other.viewID = 1
        let start: Int64 = 1_000_000_000_000
        let asked = [
            requests.isDue(Self.info, now: start),
            requests.isDue(Self.info, now: start + 499_999_999),
            requests.isDue(other, now: start + 1),
            requests.isDue(Self.info, now: start + 500_000_000),
            requests.isDue(Self.info, now: start + 999_999_999),
        ]
        #expect(asked == [true, false, true, true, false])
        requests.settle(Self.info)
        let askedThen = [
            requests.isDue(Self.info, now: start + 999_999_999), requests.isDue(other, now: start + 2),
        ]
        #expect(askedThen == [true, false])
    }

    /// What a receiver holds is what the next frame is decoded from.
    @Test func writingToTheBufferOfAReceivedFrameChangesACopy() throws {
        let shown = similarPictures(3, Self.info, case: 3440)
        let found = try messages(try tileRecording(shown))
        let decoder = makeDecoder()
        var decoded = Decoded()
        decoder.take(found.frames[0] + found.frames[1], into: &decoded)
        var buffer = try #require(decoded.frames.last?.slot.buffer)
        let garbage = [UInt8](repeating: 0xAB, count: buffer.size)
        #expect(try garbage.withUnsafeBytes { try buffer.fill(offset: 0, from: $0) } == garbage.count)
        decoder.take(found.frames[2], into: &decoded)
        #expect(decoded.error == nil)
        for (frame, picture) in zip(decoded.frames, shown) { expectFrame(frame, shows: picture) }
        #expect(decoded.frames.count == 3)
    }

    /// The frame after one in another profile is coded against that, be its pixels pooled or the caller's.
    @Test(arguments: [true, false])
    func framesInOtherProfilesAreReferencesToo(_ isWrapped: Bool) throws {
        let shown = similarPictures(6, Self.info, case: 3460)
        let references = References()
        let pool = FramePool(capacity: 4)
        let copies = FramePool(capacity: 4)
        let workers = WorkerPool(workers: 2, callerWorks: true)
        let encoder = MessageEncoder(workers: 2)
        var bytes: [UInt8] = []
        let profiles: [Profile] = [.lz4, .tile, .raw, .tile, .lz4, .tile]
        for (number, profile) in profiles.enumerated() {
            var info = shown[number].info
            info.sequence = UInt64(number)
            let layout = try FrameLayout(info)
            let slot = isWrapped ? pool.bareSlot(info, layout) : try pool.acquire(info, layout)
            var pixels = shown[number].bytes
            try pixels.withUnsafeMutableBytes { pixels in
                if isWrapped {
                    slot.useWrapped(UnsafeRawBufferPointer(pixels), release: nil, user: nil)
                } else {
                    memcpy(slot.base!, pixels.baseAddress!, pixels.count)
                }
                let coding = references.plan(
                    slot, profile: profile, keyInterval: 0, copies: copies, isTrial: profile != .tile)
                try encoder.begin(slot, coding: coding, acceleration: 1, checksum: true)
                if encoder.parts > 0 { workers.run(encoder.frameEncoder, parts: encoder.parts) }
                try encoder.complete(
                    wantsAcknowledgement: false, encodeDuration: nil, queueDuration: nil, latency: nil)
                for piece in encoder.vectors {
                    bytes += UnsafeRawBufferPointer(start: piece.iov_base, count: piece.iov_len)
                }
                coding.reference?.drop()
                coding.copy?.drop()
                slot.drop()
                pixels.initializeMemory(as: UInt8.self, repeating: 0xEE)
            }
        }
        #expect(try messages(bytes).references == [nil, nil, nil, 2, nil, 4])
        expect(bytes, shows: shown)
        references.forgetAll()
        #expect(pool.outstanding == 0 && copies.outstanding == 0)
    }

    // MARK: - Without a connection

    @Test func messagesOfAnEncoderReferToEachOther() throws {
        var options = Sender.Options()
        options.profile = .tile
        options.threads = 2
        let encoder = FrameMessageEncoder(options)
        let shown = similarPictures(4, Self.info, case: 3450)
        let encoded = try shown.map { picture in
            let buffer = try picture.bytes.withUnsafeBytes { try encoder.encode(picture.info, $0) }
            return (0..<buffer.memoryCount).flatMap { Array(buffer.visibleBytes(at: $0)) }
        }
        let found = try messages(encoded.flatMap { $0 })
        #expect(found.references == [nil, 0, 1, 2])
        expect(encoded.flatMap { $0 }, shows: shown)
        // One is missing: the decoder says so.
        let decoder = FrameMessageDecoder(Receiver.Options())
        _ = try encoded[0].withUnsafeBytes { try decoder.feed($0) }
        expectFrame(Frame(try decoder.next()), shows: shown[0])
        #expect(try encoded[2].withUnsafeBytes { try decoder.feed($0) } == encoded[2].count)
        let error = #expect(throws: FramewireError.self) { try decoder.next() }
        #expect(error?.code == .wouldBlock)
        #expect(error?.message.contains("frame 2 ") == true, "\(error?.message ?? "")")
    }
}
