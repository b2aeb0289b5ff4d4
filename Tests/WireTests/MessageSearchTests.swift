import TestSupport
import Testing

@testable import Wire

@Suite struct MessageSearchTests {
    private func search(_ bytes: [UInt8], from start: Int = 0) -> MessageSearch.Result {
        bytes.withUnsafeBytes { MessageSearch.next(in: $0, from: start) }
    }

    @Test func messagesOfEveryKindAreFound() throws {
        let names = [
            "frame", "hello", "acknowledgement", "key-frame-request", "bye", "frame-of-the-future",
            "kind-of-the-future",
        ]
        for name in names {
            #expect(search([1, 2, 0x5F, 0x2A, 3] + (try vector(name))) == .message(at: 5), "\(name)")
        }
    }

    @Test func messageWithAWrongChecksumIsPassedOver() throws {
        let bad = try vector("bad-header-checksum")
        #expect(search(try bad + vector("bye")) == .message(at: bad.count))
    }

    @Test func searchBeginsWhereItIsTold() throws {
        let bye = try vector("bye")
        #expect(search(bye + bye, from: 1) == .message(at: bye.count))
    }

    @Test func messageThatMayGoOnAsksForMore() throws {
        let bytes = try [9, 9, 9] + vector("key-frame-request")
        for count in 4..<bytes.count {
            #expect(search(Array(bytes[..<count])) == .needMore(from: 3), "\(count) bytes")
        }
    }

    @Test func bytesWithoutAMessageNeedNotBeKept() {
        #expect(search([]) == .needMore(from: 0))
        #expect(search([UInt8](repeating: 7, count: 100)) == .needMore(from: 100))
        #expect(search([UInt8](repeating: 0x5F, count: 100)) == .needMore(from: 99))
    }

    @Test func startBehindTheEndFindsNothing() throws {
        #expect(search(try vector("bye"), from: 1000) != .message(at: 0))
    }

    @Test func nothingLongerThanAHeaderIsAskedFor() throws {
        var generator = SeededGenerator()
        let frame = try vector("frame")
        for _ in 0..<2000 {
            var bytes = (0..<Int.random(in: 0...6000, using: &generator)).map { _ in
                UInt8.random(in: 0...255, using: &generator)
            }
            // Beginnings of messages, with sizes that reach far.
            var position = 0
            while position + 16 <= bytes.count {
                bytes.replaceSubrange(position..<position + 16, with: frame[..<16])
                bytes[position + 14] = UInt8.random(in: 0...255, using: &generator)
                bytes[position + 15] = UInt8.random(in: 0...255, using: &generator)
                position += Int.random(in: 16...2000, using: &generator)
            }
            guard case .needMore(let from) = search(bytes) else { continue }
            #expect(bytes.count - from < 8 + WireFormat.maximumHeaderSize)
        }
    }
}
