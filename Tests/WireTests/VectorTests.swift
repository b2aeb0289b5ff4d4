import Buffers
import Testing

@testable import Wire

/// The test vectors of docs/wire-format.md: decoded to known values, and encoded to the same bytes.
@Suite struct VectorTests {
    /// The values of the vector `frame`.
    private var everything: FrameHeader {
        FrameHeader(
            info: FrameInfo(
                width: 1920, height: 1080, format: .rgba8, rowOrder: .bottomUp, pts: -1, duration: 16_666_667,
                color: ColorDescription(primaries: 1, transfer: 13, matrix: 5, range: 1), streamID: 7,
                viewID: 1,
                flags: .discontinuity, sequence: 42),
            profile: WireProfile.tile, stripRows: 16, stripCount: 68, rawSize: 1920 * 1080 * 4,
            payloadSize: 1000,
            referenceSequence: 41, contentChecksum: 0x0123_4567_89AB_CDEF, wantsAcknowledgement: true,
            endOfStream: true, captureTime: 123_456_789_012, queueDuration: 50_000, encodeDuration: 2_000_000,
            latency: 9_000_000, metadataSize: 143)
    }

    /// The values of the vector `frame-minimal`.
    private var minimal: FrameHeader {
        FrameHeader(
            info: FrameInfo(width: 2, height: 2, flags: .key), profile: WireProfile.raw, stripRows: 2,
            stripCount: 1,
            rawSize: 16, payloadSize: 39)
    }

    /// The values of the vector `frame-huffman`.
    private var huffman: FrameHeader {
        FrameHeader(
            info: FrameInfo(width: 2, height: 2, sequence: 42), profile: WireProfile.huffman, stripRows: 16,
            stripCount: 1, rawSize: 16, payloadSize: 32, referenceSequence: 41)
    }

    private func event(_ name: String) throws -> StreamParser.Event? {
        parse(try vector(name)).events.first
    }

    @Test func openingIsWrittenAsInTheVector() throws {
        #expect(encoded(StreamOpening.size) { StreamOpening.encode(into: $0) } == (try vector("opening")))
    }

    @Test func openingAloneIsAStream() throws {
        #expect(parse(try vector("opening")) == Outcome())
    }

    @Test func frameIsReadWithEveryField() throws {
        #expect(try event("frame") == .frame(everything))
    }

    @Test func frameMetadataIsRead() throws {
        let metadata = try #require(parse(try vector("frame")).metadata.first)
        try metadata.withUnsafeBytes { bytes in
            var reader = MetadataReader(bytes)
            let text = try #require(try reader.next())
            #expect(text.kind == .text && text.isNamed("scene") && text.text == "Brücke")
            let matrix = try #require(try reader.next())
            #expect(matrix.kind == .matrix && matrix.isNamed("view"))
            #expect((0..<16).map { matrix.matrixElement($0) } == (0..<16).map { Float($0) })
            let opaque = try #require(try reader.next())
            #expect(
                opaque.kind == .bytes && opaque.isNamed("tracker") && Array(opaque.content) == [1, 2, 3, 255])
            let meta = try #require(try reader.next())
            #expect(
                meta.kind == .bufferMeta && meta.isNamed("GstVideoMeta")
                    && Array(meta.content) == Array(0..<8))
            let end = try reader.next()
            #expect(end == nil)
        }
    }

    @Test func frameIsWrittenAsInTheVector() throws {
        let metadata = encodedMetadata { writer in
            let matrix = (0..<16).map { Float($0) }
            return writer.append("Brücke", name: "scene")
                && matrix.withUnsafeBytes { writer.append(.matrix, name: "view", content: $0) }
                && [UInt8]([1, 2, 3, 255]).withUnsafeBytes {
                    writer.append(.bytes, name: "tracker", content: $0)
                }
                && [UInt8](0..<8).withUnsafeBytes {
                    writer.append(.bufferMeta, name: "GstVideoMeta", content: $0)
                }
        }
        let bytes = metadata.withUnsafeBytes { metadata in
            encoded(FrameHeader.encodedSize(metadataSize: metadata.count)) {
                everything.encode(into: $0, metadata: metadata)
            }
        }
        #expect(bytes == (try vector("frame")))
    }

    private func encodedMetadata(_ write: (inout MetadataWriter) -> Bool) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: 1000) { memory, count in
            var writer = MetadataWriter(UnsafeMutableRawBufferPointer(memory))
            let fits = write(&writer)
            #expect(fits)
            count = writer.size
        }
    }

    @Test func aFrameOfProfileHuffmanIsReadAndWritten() throws {
        #expect(try event("frame-huffman") == .frame(huffman))
        #expect(
            encoded(FrameHeader.encodedSize()) { huffman.encode(into: $0) } == (try vector("frame-huffman")))
    }

    @Test func minimalFrameIsReadAndWritten() throws {
        #expect(try event("frame-minimal") == .frame(minimal))
        #expect(
            encoded(FrameHeader.encodedSize()) { minimal.encode(into: $0) } == (try vector("frame-minimal")))
    }

    @Test func helloIsReadAndWritten() throws {
        let hello = Hello(
            versions: 1...1, profiles: 0b110,
            limits: Limits(
                maxWidth: 16384, maxHeight: 8192, maxFrameBytes: 256 << 20, maxMetadataBytes: 65536),
            role: .receiver, name: "framewire 1.0")
        #expect(try event("hello") == .hello(hello))
        #expect(encoded(hello.encodedSize) { hello.encode(into: $0) } == (try vector("hello")))
    }

    @Test func acknowledgementIsReadAndWritten() throws {
        let acknowledgement = Acknowledgement(
            streamID: 7, viewID: 1, sequence: 42, receiveDuration: 2_500_000, decodeDuration: 1_250_000)
        #expect(try event("acknowledgement") == .acknowledgement(acknowledgement))
        #expect(
            encoded(Acknowledgement.encodedSize) { acknowledgement.encode(into: $0) }
                == (try vector("acknowledgement")))
    }

    @Test func keyFrameRequestIsReadAndWritten() throws {
        let request = KeyFrameRequest(streamID: 7, viewID: 1)
        #expect(try event("key-frame-request") == .keyFrameRequest(request))
        #expect(
            encoded(KeyFrameRequest.encodedSize) { request.encode(into: $0) }
                == (try vector("key-frame-request")))
    }

    @Test func byeIsReadAndWritten() throws {
        let bye = Bye(reason: .protocolError, text: "the header checksum differs")
        #expect(try event("bye") == .bye(bye))
        #expect(encoded(bye.encodedSize) { bye.encode(into: $0) } == (try vector("bye")))
    }

    @Test func flowIsReadAndWritten() throws {
        let flow = Flow(isPaused: true, maxFrameRate: 29_970, maxBitRate: 50_000_000)
        #expect(try event("flow") == .flow(flow))
        #expect(encoded(Flow.encodedSize) { flow.encode(into: $0) } == (try vector("flow")))
    }

    @Test func userMessageIsReadAndWritten() throws {
        let bytes = try vector("user-message")
        let outcome = parse(bytes)
        #expect(outcome.events == [.userMessage(0x464F_4F01)])
        let content: [UInt8] = [0, 1, 2, 254, 255]
        #expect(outcome.metadata[0].withUnsafeBytes { Array(UserMessage.content(of: $0)) } == content)
        let written = encoded(UserMessage.encodedSize(contentSize: content.count)) { bytes in
            content.withUnsafeBytes { UserMessage(type: 0x464F_4F01).encode(into: bytes, content: $0) }
        }
        #expect(written == bytes)
    }

    @Test func emptyUserMessageIsReadAndWritten() throws {
        let bytes = try vector("user-message-empty")
        let outcome = parse(bytes)
        #expect(outcome.events == [.userMessage(9)])
        #expect(outcome.metadata[0].withUnsafeBytes { Array(UserMessage.content(of: $0)) } == [])
        let written = encoded(UserMessage.encodedSize(contentSize: 0)) { bytes in
            UserMessage(type: 9).encode(into: bytes, content: UnsafeRawBufferPointer(start: nil, count: 0))
        }
        #expect(written == bytes)
    }

    @Test func pingAndItsReplyAreReadAndWritten() throws {
        let ping = Ping(time: 123_456_789_012)
        #expect(try event("ping") == .ping(ping))
        #expect(encoded(Ping.encodedSize) { ping.encode(into: $0) } == (try vector("ping")))
        #expect(try event("ping-reply") == .ping(ping.reply))
        #expect(encoded(Ping.encodedSize) { ping.reply.encode(into: $0) } == (try vector("ping-reply")))
    }

    @Test func longerHeaderOfTheFutureIsRead() throws {
        let outcome = parse(try vector("frame-of-the-future"))
        var expected = minimal
        expected.metadataSize = 9
        #expect(outcome.events == [.frame(expected)])
        // The payload is not in the vector.
        #expect(outcome.errorKind == .truncated)
    }

    @Test func unknownKindWithoutPayloadIsPassedOver() throws {
        let outcome = parse(try vector("kind-of-the-future"))
        #expect(outcome.events == [.bye(Bye())])
        #expect(outcome.errorKind == nil)
    }

    @Test func foreignSkippableFrameIsPassedOver() throws {
        let outcome = parse(try vector("foreign-frame"))
        #expect(outcome.events == [.bye(Bye())])
        #expect(outcome.errorKind == nil)
    }

    @Test func rawStreamIsRead() throws {
        var frame = minimal
        frame.contentChecksum = 0x8355_E3A6_F617_70DB
        let outcome = parse(try vector("stream-raw"))
        #expect(outcome.events == [.frame(frame), .bye(Bye())])
        #expect(outcome.errorKind == nil)
    }

    @Test func lz4StreamIsRead() throws {
        var frame = minimal
        frame.profile = WireProfile.lz4
        frame.payloadSize = 33
        let hello = Hello(
            profiles: 0b110, limits: Limits(maxHeight: 8192, maxFrameBytes: 256 << 20), role: .sender)
        let outcome = parse(try vector("stream-lz4"))
        #expect(outcome.events == [.hello(hello), .frame(frame), .bye(Bye())])
        #expect(outcome.errorKind == nil)
    }

    @Test func stripsOfSeveralPlanesAreRead() throws {
        let frame = FrameHeader(
            info: FrameInfo(width: 3, height: 3, format: .i420, flags: .key), profile: WireProfile.raw,
            stripRows: 2,
            stripCount: 4, rawSize: 17, payloadSize: 17 + 19 + 4 * 4)
        let outcome = parse(try vector("stream-strips"))
        #expect(outcome.events == [.frame(frame), .bye(Bye())])
        #expect(outcome.errorKind == nil)
    }

    /// Vector, kind of error, offset of the field, a part of the sentence.
    static let refused: [(name: String, kind: WireError.Kind, offset: UInt64, text: String)] = [
        ("bad-header-checksum", .corrupt, 163, "header checksum"),
        ("bad-metadata-checksum", .corrupt, 48, "metadata checksum"),
        ("bad-version", .unsupported, 12, "version is 2"),
        ("bad-header-size", .protocolViolation, 14, "header size is 144"),
        ("oversize-header", .tooLarge, 14, "the limit is 4096"),
        ("bad-message-size", .protocolViolation, 4, "its header alone has 148"),
        ("oversize-metadata", .tooLarge, 4, "the limit is 65536"),
        ("bad-metadata-size", .protocolViolation, 20, "metadata size is 5"),
        ("critical-flag", .unsupported, 16, "flags 0x00010000"),
        ("oversize-width", .tooLarge, 56, "width is 20000 pixels; the limit is 16384"),
        ("zero-width", .protocolViolation, 56, "width is 0"),
        ("oversize-frame", .tooLarge, 80, "the limit for a frame is 268435456"),
        ("bad-raw-size", .protocolViolation, 80, "raw size is 17"),
        ("unknown-format", .unsupported, 64, "pixel format 99"),
        ("unknown-profile", .unsupported, 67, "profile 9"),
        ("bad-strip-count", .protocolViolation, 76, "strip count is 3"),
        ("oversize-payload", .tooLarge, 24, "payload size is 1099511627776"),
        ("undersize-payload", .protocolViolation, 24, "payload size is 23"),
        ("bad-reference", .protocolViolation, 136, "reference sequence is 5"),
        ("no-reference", .protocolViolation, 16, "neither a key frame"),
        ("bad-versions", .protocolViolation, 56, "lowest version is 3"),
        ("bad-payload", .protocolViolation, 24, "kind 3 has a payload"),
        ("bad-ping-payload", .protocolViolation, 24, "kind 8 has a payload"),
        ("bad-flow-size", .protocolViolation, 14, "header size is 52"),
        ("bad-message-checksum", .corrupt, 48, "metadata checksum"),
        ("bad-metadata-entry", .protocolViolation, 158, "type 1 has 100 bytes"),
        ("bad-matrix", .protocolViolation, 158, "must have 64"),
        ("plain-lz4", .notFramewire, 7, "an LZ4 frame that is not the empty one"),
        ("http", .notFramewire, 0, "not with 0x20544547"),
        ("other-header", .notFramewire, 8, "FWIR"),
        ("truncated-header", .truncated, 148, "inside the header"),
        ("truncated-metadata", .truncated, 298, "inside the metadata"),
        ("truncated-payload", .truncated, 187, "8 bytes of 39"),
    ]

    @Test(arguments: refused.indices)
    func badVectorIsRefused(index: Int) throws {
        let expected = Self.refused[index]
        let outcome = parse(try vector(expected.name))
        #expect(outcome.errorKind == expected.kind, "\(expected.name)")
        #expect(outcome.errorOffset == expected.offset, "\(expected.name)")
        #expect(outcome.message.contains(expected.text), "\(expected.name): \(outcome.message)")
        #expect(outcome.message.contains("(byte \(expected.offset) of the stream)"), "\(expected.name)")
        if expected.kind != .truncated { #expect(outcome.events == [], "\(expected.name)") }
    }
}
