import Buffers
import CPosix
import Foundation
import TestSupport
import Testing

@testable import Transport

@Test func nothingIsLostWhenUnreadAnswersWait() throws {
    let (_, client, server) = try connectedPair("tcp://127.0.0.1:0")
    var random = SeededGenerator()
    let data = random.bytes(2_000_003)
    // Answers that the sender never reads: a plain close would reset the connection and cut the data.
    try writeAll(server, random.bytes(1000))
    let ended = DispatchSemaphore(value: 0)
    Thread.detachNewThread {
        var scratch = [UInt8](repeating: 0, count: 16)
        // So that the peer counts as one that answers.
        while ((try? scratch.withUnsafeMutableBytes { try client.read($0) }) ?? 0) < 0 {}
        #expect(throws: Never.self) { try writeAll(client, data) }
        #expect(client.closeGracefully(timeout: hangLimit))
        ended.signal()
    }
    #expect(try readBytes(server) == data, "seed \(random.seed)")
    server.close()
    #expect(ended.wait(timeout: .now() + 20) == .success)
}

@Test func aPeerThatAnswersUntilTheEndIsReadToItsEnd() throws {
    let (first, second) = try Connection.pair()
    try writeAll(second, [UInt8](repeating: 1, count: 50_000))
    second.close()
    #expect(first.closeGracefully(timeout: hangLimit))
    #expect(first.descriptor == -1)
}

@Test func aSilentPeerThatNeverClosesIsNotWaitedForOnceItHasAll() throws {
    let (_, client, server) = try connectedPair("tcp://127.0.0.1:0")
    try writeAll(client, [1, 2, 3])
    #expect(client.closeGracefully(timeout: -1))
    #expect(try readBytes(server) == [1, 2, 3])
}

@Test func aPeerThatNeverReadsIsGivenUpAtTheDeadline() throws {
    let (_, client, server) = try connectedPair("tcp://127.0.0.1:0")
    let block = [UInt8](repeating: 7, count: 1 << 20)
    // Until neither system's buffers take any more.
    var isFull = false
    while !isFull {
        if try block.withUnsafeBytes({ try client.write($0) }) == 0 {
            var set = PollSet()
            set.add(client.descriptor, .writable)
            isFull = try !set.wait(until: Clock.deadline(after: 50_000_000))
        }
    }
    #expect(!client.closeGracefully(timeout: 20_000_000))
    #expect(client.descriptor == -1)
    withExtendedLifetime(server) {}
}

@Test func aPeerThatTalksForEverIsGivenUpAtTheDeadline() throws {
    let (first, second) = try Connection.pair()
    let stop = try WakeUp()
    let ended = DispatchSemaphore(value: 0)
    let descriptor = second.descriptor
    try writeAll(second, [1])
    Thread.detachNewThread {
        let block = [UInt8](repeating: 1, count: 4096)
        while !stop.isSignalled {
            _ = block.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        }
        ended.signal()
    }
    #expect(!first.closeGracefully(timeout: 20_000_000))
    stop.signal()
    #expect(ended.wait(timeout: .now() + 20) == .success)
    withExtendedLifetime(second) {}
}

@Test func aResetPeerIsReportedAsLost() throws {
    let (_, client, server) = try connectedPair("tcp://127.0.0.1:0")
    try writeAll(client, [1, 2, 3])
    try waitFor(server, .readable)
    server.close()
    #expect(!client.closeGracefully(timeout: hangLimit))
}

@Test func aClosedConnectionClosesGracefullyAtOnce() throws {
    let (first, _) = try Connection.pair()
    first.close()
    #expect(first.closeGracefully(timeout: -1))
}
