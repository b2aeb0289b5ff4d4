import Buffers
import CPosix
import Foundation
import Synchronization
import TestSupport
import Testing

@testable import Transport

@Test(arguments: ["tcp://127.0.0.1:0", "tcp://[::1]:0", "unix"])
func megabytesArriveWhateverTheChopping(kind: String) throws {
    let folder = try TemporaryFolder()
    let (_, client, server) = try connectedPair(kind == "unix" ? "unix://\(folder.file("s"))" : kind)
    var random = SeededGenerator()
    let data = random.bytes(3_000_017)
    let there = try pump(data, from: client, to: server, maxVectors: 60, using: &random)
    #expect(there == data, "seed \(random.seed)")
    #expect(client.bytesWritten == UInt64(data.count))
    #expect(server.bytesRead == UInt64(data.count))
    let back = try pump(data, from: server, to: client, maxVectors: 60, using: &random)
    #expect(back == data, "seed \(random.seed)")
}

@Test func aClosedConnectionIsNotLocal() throws {
    let (first, second) = try Connection.pair()
    #expect(first.isLocal && second.isLocal)
    first.close()
    first.close()
    #expect(!first.isLocal)
}

@Test func moreVectorsThanTheSystemTakesAtOnceArrive() throws {
    let (first, second) = try Connection.pair()
    var random = SeededGenerator()
    let data = random.bytes(400_000)
    let there = try pump(data, from: first, to: second, maxVectors: 5000, using: &random)
    #expect(there == data, "seed \(random.seed)")
}

@Test func oneCallWritesMoreVectorsThanTheSystemTakesAtOnce() throws {
    let (first, second) = try Connection.pair()
    var bytes = (0..<3000).map { UInt8(truncatingIfNeeded: $0) }
    let written = try bytes.withUnsafeMutableBytes { bytes in
        let vectors = bytes.indices.map { iovec(iov_base: bytes.baseAddress! + $0, iov_len: 1) }
        return try vectors.withUnsafeBufferPointer { try first.write($0) }
    }
    #expect(written == 3000)
    #expect(try readBytes(second, 3000) == bytes)
}

@Test func aFullConnectionSaysThatItWouldWait() throws {
    let (first, second) = try Connection.pair()
    let block = [UInt8](repeating: 7, count: 1 << 20)
    var total = 0
    while true {
        let written = try block.withUnsafeBytes { try first.write($0) }
        if written == 0 { break }
        total += written
    }
    #expect(total > 0)
    #expect(first.unsentBytes >= total)
    #expect(try readBytes(second, total).count == total)
    #expect(first.unsentBytes == 0)
    #expect(try block.withUnsafeBytes { try first.write($0) } > 0)
}

@Test func anEmptyConnectionSaysThatItWouldWait() throws {
    let (first, second) = try Connection.pair()
    var byte: UInt8 = 0
    #expect(try withUnsafeMutableBytes(of: &byte) { try first.read($0) } == -1)
    withExtendedLifetime(second) {}
}

@Test func writingAndReadingNothingIsNoEnd() throws {
    let (first, second) = try Connection.pair()
    try writeAll(second, [1])
    #expect(try first.write(UnsafeBufferPointer<iovec>(start: nil, count: 0)) == 0)
    #expect(try first.read(UnsafeBufferPointer<iovec>(start: nil, count: 0)) == -1)
    #expect(try first.read(UnsafeMutableRawBufferPointer(start: nil, count: 0)) == -1)
    #expect(try readBytes(first, 1) == [1])
}

@Test(arguments: ["tcp://127.0.0.1:0", "unix"])
func aHalfClosedConnectionStillCarriesTheOtherDirection(kind: String) throws {
    let folder = try TemporaryFolder()
    let (_, client, server) = try connectedPair(kind == "unix" ? "unix://\(folder.file("s"))" : kind)
    try writeAll(client, [1, 2, 3])
    client.shutdownWrite()
    #expect(try readBytes(server) == [1, 2, 3])
    try writeAll(server, [4, 5])
    server.shutdownWrite()
    #expect(try readBytes(client) == [4, 5])
}

@Test func writingBehindTheOwnEndIsClosed() throws {
    let (first, second) = try Connection.pair()
    first.shutdownWrite()
    let error = try #require(throws: TransportError.self) { try writeAll(first, [1]) }
    #expect(error.kind == .closed)
    #expect(error.code == EPIPE)
    withExtendedLifetime(second) {}
}

private let pipeSignals = Atomic<Int>(0)

/// Counts instead of ending the process, so that a signal is a failure of its test alone.
private func countPipeSignals() {
    signal(SIGPIPE) { _ in pipeSignals.add(1, ordering: .relaxed) }
}

@Test(arguments: ["tcp://127.0.0.1:0", "tcp://[::1]:0", "unix"])
func aPeerThatIsGoneGivesAnErrorThatNamesItAndNoSignal(kind: String) throws {
    countPipeSignals()
    let folder = try TemporaryFolder()
    let (listener, client, server) = try connectedPair(kind == "unix" ? "unix://\(folder.file("s"))" : kind)
    server.close()
    let block = [UInt8](repeating: 1, count: 100_000)
    let error = try #require(throws: TransportError.self) {
        // The first writes may be taken before the reset is back.
        while true { try writeAll(client, block) }
    }
    #expect(error.kind == .closed || error.kind == .connection)
    #expect(error.message.contains(listener.name), "\(error.message)")
    #expect(pipeSignals.load(ordering: .relaxed) == 0)
}

@Test func aResetIsAConnectionErrorThatNamesThePeer() throws {
    let (_, client, server) = try connectedPair("tcp://127.0.0.1:0")
    // Closing with unread bytes resets.
    try writeAll(client, [1, 2, 3])
    try waitFor(server, .readable)
    server.close()
    let error = try #require(throws: TransportError.self) { try readBytes(client, 1) }
    #expect(error.kind == .connection)
    #expect(error.code == ECONNRESET)
    #expect(error.message.contains(client.peerName), "\(error.message)")
}

@Test func aClosedConnectionFailsAndClosesTwice() throws {
    let (first, second) = try Connection.pair()
    first.close()
    first.close()
    #expect(first.descriptor == -1)
    #expect(first.unsentBytes == 0)
    first.shutdown()
    first.shutdownWrite()
    #expect(try #require(throws: TransportError.self) { try writeAll(first, [1]) }.kind == .closed)
    #expect(try #require(throws: TransportError.self) { try readBytes(first) }.kind == .closed)
    #expect(try readBytes(second).isEmpty)
}

@Test func shutdownEndsTheWaitOfAnotherThread() throws {
    let (_, client, server) = try connectedPair("tcp://127.0.0.1:0")
    let ended = DispatchSemaphore(value: 0)
    let descriptor = client.descriptor
    Thread.detachNewThread {
        var set = PollSet()
        set.add(descriptor, .readable)
        _ = try? set.wait(until: -1)
        ended.signal()
    }
    client.shutdown()
    #expect(ended.wait(timeout: .now() + 20) == .success)
    #expect(try readBytes(client).isEmpty)
    withExtendedLifetime(server) {}
}

@Test func connectionsHaveTheOptionsOfALowLatencyStream() throws {
    let (_, client, server) = try connectedPair("tcp://127.0.0.1:0")
    for connection in [client, server] {
        func option(_ level: Int32, _ name: Int32) -> Int32 {
            var value: Int32 = -1
            var size = socklen_t(4)
            getsockopt(connection.descriptor, level, name, &value, &size)
            return value
        }
        #expect(option(Int32(IPPROTO_TCP), TCP_NODELAY) == 1)
        #expect(option(Int32(IPPROTO_TCP), TCP_NOTSENT_LOWAT) == 32 * 1024)
        #expect(option(SOL_SOCKET, SO_KEEPALIVE) == 1)
        var algorithm = [UInt8](repeating: 0, count: 16)
        var size = socklen_t(algorithm.count)
        getsockopt(connection.descriptor, Int32(IPPROTO_TCP), TCP_CONGESTION, &algorithm, &size)
        #expect(algorithm.starts(with: "reno".utf8), "nothing is to be paced where no network is")
        #expect(fcntl(connection.descriptor, F_GETFD) & FD_CLOEXEC != 0)
        #expect(fcntl(connection.descriptor, F_GETFL) & O_NONBLOCK != 0)
    }
}
