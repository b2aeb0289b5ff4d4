import TestSupport
import Testing
import Transport
import Wire

@testable import Framewire

@Suite(.timeLimit(.minutes(2))) struct RecordingTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    @Test func concatenatedRecordingsPlayOneAfterAnother() throws {
        let first = pictures(3, case: 4000)
        let second = pictures(4, case: 4001)
        let bytes = try recording(first, profile: .raw) + recording([]) + recording(second, profile: .lz4)
        try folder.write(bytes, to: "recording")
        let receiver = try Receiver(from: folder.fileURL("recording"))
        for picture in first + second { expectFrame(try receiver.next(timeout: hangLimit), shows: picture) }
        let end = #expect(throws: FramewireError.self) { try receiver.next(timeout: hangLimit) }
        #expect(end?.code == .closed)
    }

    @Test func aRecordingOfNothingHasNoFrames() throws {
        try folder.write(try recording([]), to: "recording")
        let end = #expect(throws: FramewireError.self) {
            try Receiver(from: folder.fileURL("recording")).next(timeout: hangLimit)
        }
        #expect(end?.code == .closed)
    }

    @Test func aRecordingIsTheSameForAnyNumberOfThreads() throws {
        let shown = pictures(3, maximumBytes: 1_500_000, case: 4100)
        var payloads: [[UInt8]] = []
        for threads in 1...4 {
            var options = Sender.Options()
            options.threads = threads
            options.overflow = .block
            let sender = try Sender(to: folder.fileURL("recording"), options: options)
            for picture in shown { try push(picture, to: sender) }
            sender.close()
            // Headers hold times, which differ.
            var all: [UInt8] = []
            let reader = try MessageReader(from: folder.fileURL("recording"))
            while let message = try reader.next() { all += message.bytes.suffix(message.payloadSize) }
            payloads.append(all)
        }
        #expect(payloads[1...].allSatisfy { $0 == payloads[0] })
    }

    @Test func truncatedRecordingsNameTheByteWhereTheyEnd() throws {
        let bytes = try recording(pictures(2, case: 4200))
        for cut in [5, 40, 200, bytes.count - 1] {
            try folder.write(Array(bytes[..<cut]), to: "recording")
            let receiver = try Receiver(from: folder.fileURL("recording"))
            var end: FramewireError?
            while end == nil {
                do throws(FramewireError) {
                    _ = try receiver.next(timeout: hangLimit)
                } catch {
                    end = error
                }
            }
            #expect(end?.code == .protocolViolation)
            #expect(end?.message.contains("byte \(cut) ") == true, "\(cut): \(end?.message ?? "")")
            #expect(receiver.stats.errors == 1)
        }
    }

    @Test func limitsOfTheReceiverHold() throws {
        var random = SeededGenerator(case: 4300)
        let picture = Picture(FrameInfo(width: 64, height: 48), .text, using: &random)
        try folder.write(try recording([picture]), to: "recording")
        for limits in [Limits(maxWidth: 63), Limits(maxFrameBytes: 12287)] {
            var options = Receiver.Options()
            options.limits = limits
            let receiver = try Receiver(from: folder.fileURL("recording"), options: options)
            let error = #expect(throws: FramewireError.self) { try receiver.next(timeout: hangLimit) }
            #expect(error?.code == .tooLarge)
        }
    }

    @Test func aWrongChecksumEndsTheStreamUnlessItIsIgnored() throws {
        var random = SeededGenerator(case: 4400)
        let picture = Picture(FrameInfo(width: 8, height: 8), .noise, using: &random)
        var bytes = try recording([picture], profile: .raw)
        bytes[StreamOpening.size + FrameHeader.encodedSize() + 19 + 7] ^= 0x80
        try folder.write(bytes, to: "recording")
        let error = #expect(throws: FramewireError.self) {
            try Receiver(from: folder.fileURL("recording")).next(timeout: hangLimit)
        }
        #expect(error?.code == .corrupt)
        var options = Receiver.Options()
        options.verifyChecksums = false
        let frame = try Receiver(from: folder.fileURL("recording"), options: options).next(timeout: hangLimit)
        #expect(frame.sentChecksum != nil)
        #expect(frame.sentChecksum != (try frame.checksum()))
    }

    // MARK: - Message by message

    @Test(arguments: [Profile.raw, .lz4])
    func theMessagesOfARecordingMakeUpTheFile(_ profile: Profile) throws {
        let shown = pictures(5, maximumBytes: 1_200_000, case: 4500)
        let bytes = try recording(shown, profile: profile)
        try folder.write(bytes, to: "recording")
        let reader = try MessageReader(from: folder.fileURL("recording"))
        var copy: [UInt8] = []
        var kinds: [MessageReader.Message.Kind] = []
        while let message = try reader.next() {
            copy += message.bytes
            #expect(Int(message.offset) + message.headerSize + message.payloadSize == copy.count)
            if message.kind == .frame {
                let picture = shown[kinds.count]
                #expect(
                    message.info?.width == picture.info.width && message.info?.height == picture.info.height)
                #expect(message.info?.rowOrder == picture.info.rowOrder)
                #expect(message.profile == profile)
                #expect(message.rawSize == picture.packed.count)
                #expect(message.checksum != nil)
                #expect(message.stripCount >= picture.info.format.planeCount)
            }
            kinds.append(message.kind)
        }
        #expect(copy == bytes)
        #expect(kinds == [.frame, .frame, .frame, .frame, .frame, .bye])
    }

    @Test func openingsInTheMiddleBelongToTheMessageBehindThem() throws {
        let bytes = try recording(pictures(1, case: 4600))
        try folder.write(bytes + bytes, to: "recording")
        let reader = try MessageReader(from: folder.fileURL("recording"))
        var offsets: [Int] = []
        var copy: [UInt8] = []
        while let message = try reader.next() {
            offsets.append(Int(message.offset))
            copy += message.bytes
        }
        #expect(copy == bytes + bytes)
        #expect(offsets.count == 4)
        #expect(offsets[2] == bytes.count + StreamOpening.size)
    }

    @Test func anOpeningWithoutAMessageIsGivenToo() throws {
        let bytes = Array(try recording([]).prefix(StreamOpening.size))
        try folder.write(bytes, to: "recording")
        let reader = try MessageReader(from: folder.fileURL("recording"))
        let message = try reader.next()
        #expect(message?.kind == .other)
        #expect(message.map { Array($0.bytes) } == bytes)
        #expect(try reader.next()?.kind == nil)
    }

    @Test func aReaderOfATruncatedRecordingNamesTheByteWhereItEnds() throws {
        let bytes = try recording(pictures(1, case: 4700))
        for cut in [60, bytes.count - 70] {
            try folder.write(Array(bytes[..<cut]), to: "recording")
            let reader = try MessageReader(from: folder.fileURL("recording"))
            let error = #expect(throws: FramewireError.self) { while try reader.next()?.kind != nil {} }
            #expect(error?.code == .protocolViolation)
            #expect(error?.message.contains("byte \(cut) ") == true)
        }
    }

    /// In the middle of a header, and in the middle of a payload.
    @Test(arguments: [60, 300])
    func aReaderGoesOnAfterItWaitedInVain(_ sent: Int) throws {
        var random = SeededGenerator(case: 4800)
        let bytes = try recording([Picture(FrameInfo(width: 64, height: 64), .noise, using: &random)])
        let reader = try MessageReader(from: folder.unixURL("socket"))
        let connection = try Connector.connect(
            Endpoint(parsing: folder.unixURL("socket")), timeout: hangLimit)
        try write(Array(bytes[..<sent]), to: connection)
        let early = #expect(throws: FramewireError.self) { try reader.next(timeout: 1_000_000) }
        #expect(early?.code == .timeout)
        try write(Array(bytes[sent...]), to: connection)
        var copy: [UInt8] = []
        while copy.count < bytes.count {
            let message = try #require(try reader.next(timeout: hangLimit))
            copy += message.bytes
        }
        #expect(copy == bytes)
    }

    @Test func aClosedReaderFindsTheEndOfTheStream() throws {
        let reader = try MessageReader(from: folder.unixURL("socket"))
        reader.close()
        #expect(try reader.next()?.kind == nil)
    }
}
