import TestSupport
import Testing

@testable import Wire

@Suite struct StreamParserTests {
    private let streams = [
        "stream-raw", "stream-lz4", "stream-strips", "frame-of-the-future", "kind-of-the-future",
    ]

    /// The text of the error that `parser` gives for `bytes`, or none.
    private func feed(_ bytes: [UInt8], to parser: inout StreamParser) -> String? {
        bytes.withUnsafeBytes { bytes in
            var used = 0
            while used < bytes.count {
                var taken = 0
                let rest = UnsafeRawBufferPointer(rebasing: bytes[used...])
                guard let event = try? parser.feed(rest, used: &taken) else { break }
                used += taken
                if event == .needMore() { return nil }
            }
            var taken = 0
            do throws(WireError) {
                _ = try parser.feed(UnsafeRawBufferPointer(rebasing: bytes[..<0]), used: &taken)
                return nil
            } catch {
                return error.message
            }
        }
    }

    @Test func bytesInPiecesOfAnySizeGiveTheSameEvents() throws {
        for name in streams {
            let bytes = try vector(name)
            let whole = parse(bytes)
            for size in 1...20 {
                #expect(parse(bytes, chop: { size }) == whole, "\(name) in pieces of \(size)")
            }
        }
    }

    @Test func randomPiecesGiveTheSameEvents() throws {
        var generator = SeededGenerator()
        let bytes = try streams.flatMap { try vector($0) }
        let whole = parse(bytes)
        for _ in 0..<200 {
            #expect(parse(bytes, chop: { Int.random(in: 0...64, using: &generator) }) == whole)
        }
    }

    @Test func parserStopsBehindAHeaderAndItsMetadata() throws {
        let bytes = try vector("frame") + [1, 2, 3]
        let parser = StreamParser()
        var used = 0
        _ = try bytes.withUnsafeBytes { try parser.feed($0, used: &used) }
        #expect(used == bytes.count - 3)
        #expect(parser.payloadRemaining == 1000)
        #expect(parser.offset == UInt64(used))
    }

    @Test func payloadMayBeTakenByTheCaller() throws {
        let bytes = try vector("stream-raw")
        let parser = StreamParser()
        var used = 0
        _ = try bytes.withUnsafeBytes { try parser.feed($0, used: &used) }
        #expect(parser.payloadRemaining == 39)
        parser.payloadConsumed(30)
        parser.payloadConsumed(9)
        let rest = Array(bytes[(used + 39)...])
        let event = try rest.withUnsafeBytes { try parser.feed($0, used: &used) }
        #expect(event == .bye(Bye()))
        #expect(parser.messageOffset == UInt64(bytes.count - rest.count))
        #expect(parser.offset == UInt64(bytes.count))
    }

    @Test func concatenatedRecordingsAreOneStream() throws {
        let bytes = try vector("stream-raw") + vector("stream-lz4")
        let outcome = parse(bytes)
        #expect(outcome.events.count == 5)
        #expect(outcome.errorKind == nil)
    }

    @Test func anyMessageMayBeTheFirst() throws {
        let bytes = Array(try vector("stream-raw").dropFirst(StreamOpening.size))
        let outcome = parse(bytes)
        #expect(outcome.events.count == 2)
        #expect(outcome.errorKind == nil)
    }

    @Test func endInsideAnyMessageIsTruncation() throws {
        for name in streams {
            let bytes = try vector(name)
            let boundaries = messageBoundaries(of: bytes)
            for count in 1..<bytes.count {
                let outcome = parse(Array(bytes[..<count]))
                #expect(
                    outcome.errorKind == (boundaries.contains(count) ? nil : .truncated),
                    "\(name) cut at \(count)")
                if outcome.errorKind != nil { #expect(outcome.errorOffset == UInt64(count), "\(name)") }
            }
        }
    }

    /// Where messages end, found by the sizes in the vectors alone.
    private func messageBoundaries(of bytes: [UInt8]) -> Set<Int> {
        var boundaries: Set<Int> = []
        var position = 0
        while position + 8 <= bytes.count {
            if bytes[position] == 0x04 {
                position += StreamOpening.size
            } else {
                let size = bytes[(position + 4)..<(position + 8)].reversed().reduce(0) { $0 << 8 | Int($1) }
                let payload = bytes[(position + 24)..<(position + 32)].reversed().reduce(0) {
                    $0 << 8 | Int($1)
                }
                position += 8 + size + payload
            }
            boundaries.insert(position)
        }
        return boundaries
    }

    @Test func errorIsGivenAgainByEveryLaterCall() throws {
        var parser = StreamParser()
        let first = feed(try vector("bad-version"), to: &parser)
        let second = feed(try vector("stream-raw"), to: &parser)
        #expect(first != nil)
        #expect(first == second)
        var atEnd: String?
        do throws(WireError) { try parser.finish() } catch { atEnd = error.message }
        #expect(atEnd == first)
    }

    @Test func errorOffsetsCountFromTheStartOfTheStream() throws {
        let before = try vector("stream-raw")
        let outcome = parse(try before + vector("bad-version"))
        #expect(outcome.events.count == 2)
        #expect(outcome.errorOffset == UInt64(before.count + 12))
    }

    @Test func narrowerLimitsRefuse() throws {
        let cases: [(limits: Limits, offset: UInt64)] = [
            (Limits(maxWidth: 1919), 56), (Limits(maxHeight: 1079), 60),
            (Limits(maxFrameBytes: 1920 * 1080 * 4 - 1), 80), (Limits(maxMetadataBytes: 142), 4),
        ]
        let bytes = try vector("frame")
        for (limits, offset) in cases {
            let outcome = parse(bytes, limits: limits)
            #expect(outcome.errorKind == .tooLarge)
            #expect(outcome.errorOffset == offset)
            #expect(outcome.events == [])
        }
    }

    @Test func limitsThatJustSufficeAccept() throws {
        let limits = Limits(
            maxWidth: 1920, maxHeight: 1080, maxFrameBytes: 1920 * 1080 * 4, maxMetadataBytes: 143)
        #expect(parse(try vector("frame"), limits: limits).events.count == 1)
    }

    @Test func foreignFrameAboveTheMetadataLimitIsRefused() throws {
        let outcome = parse(try vector("foreign-frame"), limits: Limits(maxMetadataBytes: 4))
        #expect(outcome.errorKind == .tooLarge)
        #expect(outcome.errorOffset == 4)
    }

    @Test func emptyForeignFrameIsPassedOver() throws {
        let outcome = parse([0x53, 0x2A, 0x4D, 0x18, 0, 0, 0, 0] + (try vector("bye")))
        #expect(outcome.events.count == 1)
        #expect(outcome.errorKind == nil)
    }

    @Test func endInsideAForeignFrameIsTruncation() throws {
        let outcome = parse(Array(try vector("foreign-frame")[..<10]))
        #expect(outcome.errorKind == .truncated)
        #expect(outcome.message.contains("3 bytes are missing"))
    }

    @Test func parserGoesOnBehindDamageWhereTheSearchSays() throws {
        var bytes = try vector("stream-raw")
        let second = bytes.count
        bytes += try vector("stream-lz4")
        bytes[20] ^= 0xFF
        var parser = StreamParser()
        let error = feed(bytes, to: &parser)
        #expect(error != nil)
        let found = bytes.withUnsafeBytes { MessageSearch.next(in: $0, from: 12) }
        // The bye of the first recording is the first whole message behind the damage.
        #expect(found == .message(at: second - 64))
        parser.resynchronize(at: UInt64(second - 64))
        var used = 0
        let event = try bytes[(second - 64)...].withUnsafeBytes { try parser.feed($0, used: &used) }
        #expect(event == .bye(Bye()))
        #expect(parser.offset == UInt64(second))
    }
}
