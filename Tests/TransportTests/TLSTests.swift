import Buffers
import CPosix
import Foundation
import TestSupport
import Testing

@testable import Transport

/// Who is accepted, and what is said to who is not.
@Suite(.timeLimit(.minutes(2))) struct TLSHandshakeTests {
    private let ids = TestIdentities.shared

    private func results(
        _ client: TLSOptions, _ server: TLSOptions, host: String = "localhost"
    ) throws -> (
        client: HandshakeResult, server: HandshakeResult
    ) {
        let pair = try tlsPair(client, server, host: host)
        return try shakeHands(pair.client, pair.server)
    }

    @Test(arguments: ["localhost", "127.0.0.1", "::1"])
    func aServerOfTheAuthorityIsAcceptedByNameAndAddress(_ host: String) throws {
        let results = try results(TLSOptions(authority: ids.authority), TLSOptions(ids.server), host: host)
        #expect(results.client.message == "no error")
        #expect(results.server.message == "no error")
    }

    @Test func bothSidesAreVerifiedByTheAuthority() throws {
        let results = try results(
            TLSOptions(ids.client, authority: ids.authority), TLSOptions(ids.server, authority: ids.authority)
        )
        #expect(results.client.message == "no error")
        #expect(results.server.message == "no error")
    }

    @Test func aPinReplacesAuthorityNameAndDates() throws {
        for server in [ids.selfSigned, ids.wrongHost, ids.expired] {
            let results = try results(
                TLSOptions(ids.client, pins: [ids.server, server]), TLSOptions(server, pins: [ids.client]),
                host: "some.other.name")
            #expect(results.client.message == "no error")
            #expect(results.server.message == "no error")
        }
    }

    struct Refusal: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let server: TestIdentities.Files
        let pins: [TestIdentities.Files]
        let words: [String]
    }

    static let refusals: [Refusal] = {
        let ids = TestIdentities.shared
        return [
            Refusal(testDescription: "expired", server: ids.expired, pins: [], words: ["has expired"]),
            Refusal(
                testDescription: "not yet valid", server: ids.notYetValid, pins: [], words: ["not valid yet"]),
            Refusal(
                testDescription: "wrong host", server: ids.wrongHost, pins: [],
                words: ["another host", ids.wrongHost.fingerprint]),
            Refusal(
                testDescription: "self-signed", server: ids.selfSigned, pins: [],
                words: ["self-signed", ids.selfSigned.fingerprint]),
            Refusal(
                testDescription: "pin mismatch", server: ids.server, pins: [ids.client],
                words: ["not among the pins", ids.server.fingerprint]),
        ]
    }()

    @Test(arguments: refusals)
    func aClientSaysWhatIsWrongWithTheServer(_ refusal: Refusal) throws {
        let results = try results(
            TLSOptions(authority: ids.authority, pins: refusal.pins), TLSOptions(refusal.server))
        #expect(results.client.error?.kind == .permission)
        for word in refusal.words {
            #expect(results.client.message.contains(word), "\(results.client.message)")
        }
        #expect(results.client.message.contains("127.0.0.1"), "it names the peer")
        // The server is told by an alert.
        #expect(results.server.error != nil)
    }

    @Test func anUnknownAuthorityIsNamedAsSuch() throws {
        // No authority file: the system's know nothing of this one.
        let results = try results(TLSOptions(), TLSOptions(ids.server))
        #expect(results.client.message.contains("authority of its certificate is unknown"))
        #expect(results.client.message.contains(ids.server.fingerprint))
        #expect(results.server.error?.kind == .permission)
        #expect(results.server.message.contains("does not accept this side's certificate"))
    }

    @Test func aServerRefusesAClientWithoutCertificateAndBothSay() throws {
        var options = TLSOptions(ids.server, authority: ids.authority)
        options.requiresClientCertificate = true
        let pair = try tlsPair(TLSOptions(authority: ids.authority), options)
        let results = try shakeHands(pair.client, pair.server)
        #expect(results.server.error?.kind == .permission)
        #expect(results.server.message.contains("no client certificate"))
        // In TLS 1.3 a client is through before its certificate is judged.
        let error = #expect(throws: TransportError.self) { try readBytes(pair.client) }
        #expect(error?.message.contains("requires a client certificate") == true, "\(error?.message ?? "")")
        #expect(error?.kind == .permission)
    }

    @Test func aWriterToAServerThatRefusedItSaysWhyToo() throws {
        let pair = try tlsPair(
            TLSOptions(authority: ids.authority), TLSOptions(ids.server, authority: ids.authority))
        _ = try shakeHands(pair.client, pair.server)
        pair.server.close()
        let error = #expect(throws: TransportError.self) {
            try writeAll(pair.client, [UInt8](repeating: 1, count: 50_000_000))
        }
        #expect(error?.message.contains("requires a client certificate") == true, "\(error?.message ?? "")")
    }

    @Test func aClientOfAnotherAuthorityIsRefused() throws {
        let results = try results(
            TLSOptions(ids.selfSigned, authority: ids.authority),
            TLSOptions(ids.server, authority: ids.authority))
        #expect(results.server.message.contains("self-signed"), "\(results.server.message)")
        #expect(results.server.error?.kind == .permission)
    }

    @Test func aClientThatIsNotPinnedIsRefusedWithItsFingerprint() throws {
        let results = try results(
            TLSOptions(ids.selfSigned, authority: ids.authority), TLSOptions(ids.server, pins: [ids.client]))
        #expect(results.server.message.contains(ids.selfSigned.fingerprint), "\(results.server.message)")
    }

    // MARK: - Peers that are something else

    @Test(arguments: [
        "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        "\u{04}\u{22}\u{4D}\u{18}\u{60}\u{40}\u{82}\0\0\0\0 plain Framewire",
        "\u{16}\u{03}\u{01}\u{7F}\u{7F}nothing of the kind that was announced",
    ])
    func garbageInPlaceOfAHelloIsToldFromTLS(_ text: String) throws {
        let (_, client, server) = try connectedPair("tcp://127.0.0.1:0")
        try server.startTLS(TLSContext(TLSOptions(ids.server), role: .server))
        try writeAll(client, Array(text.utf8))
        client.shutdownWrite()
        let error = #expect(throws: TransportError.self) {
            try server.finishHandshake(until: hangDeadline(), cancel: nil)
        }
        #expect(error?.kind == .connection)
        #expect(error?.message.contains("TLS") == true, "\(error?.message ?? "")")
    }

    @Test func aPlainPeerIsToldFromATLSPeer() throws {
        let (_, client, server) = try connectedPair("tcp://127.0.0.1:0")
        try client.startTLS(TLSContext(TLSOptions(pins: [ids.server]), role: .client), host: "localhost")
        try writeAll(server, Array("220 mail.example ESMTP, and some more text\r\n".utf8))
        let error = #expect(throws: TransportError.self) {
            try client.finishHandshake(until: hangDeadline(), cancel: nil)
        }
        #expect(error?.message.contains("does not speak TLS") == true, "\(error?.message ?? "")")
    }

    @Test func aPeerThatHangsUpAtOnceIsNamed() throws {
        let (_, client, server) = try connectedPair("tcp://127.0.0.1:0")
        try server.startTLS(TLSContext(TLSOptions(ids.server), role: .server))
        client.close()
        let error = #expect(throws: TransportError.self) {
            try server.finishHandshake(until: hangDeadline(), cancel: nil)
        }
        #expect(error?.message.contains("closed the connection during the handshake") == true)
    }

    @Test func aSilentPeerIsNotWaitedForBeyondTheTimeout() throws {
        let listener = try Listener(endpoint("tcp://127.0.0.1:0"))
        let error = #expect(throws: TransportError.self) {
            try Connector.connect(
                Endpoint(.tls(host: "127.0.0.1", port: listener.port)), timeout: 50_000_000,
                tls: TLSContext(TLSOptions(pins: [ids.server]), role: .client))
        }
        #expect(error?.kind == .timeout)
        #expect(error?.message.contains("handshake") == true)
    }

    @Test func anAttemptThatIsCancelledEndsAtOnce() throws {
        let listener = try Listener(endpoint("tcp://127.0.0.1:0"))
        let cancel = try WakeUp()
        cancel.signal()
        let error = #expect(throws: TransportError.self) {
            try Connector.connect(
                Endpoint(.tls(host: "127.0.0.1", port: listener.port)), timeout: -1, cancel: cancel)
        }
        #expect(error?.kind == .closed)
    }

    // MARK: - Options

    private func error(
        _ role: TLSContext.Role = .server, _ change: (inout TLSOptions) -> Void
    ) -> TransportError? {
        var options = TLSOptions(ids.server)
        change(&options)
        return #expect(throws: TransportError.self) { try TLSContext(options, role: role) }
    }

    @Test func optionsThatCannotBeMeantAreRefused() {
        let none = error { $0 = TLSOptions() }
        #expect(none?.kind == .invalidArgument)
        #expect(none?.message.contains("needs a certificate") == true)
        let nobody = error { $0.requiresClientCertificate = true }
        #expect(nobody?.kind == .invalidArgument)
        let keyAlone = error(.client) { $0.certificateFile = nil }
        #expect(keyAlone?.kind == .invalidArgument)
        let mismatch = error { $0.keyFile = ids.client.key }
        #expect(mismatch?.kind == .invalidArgument)
        #expect(mismatch?.message.contains("does not belong to the certificate") == true)
        for pin in ["", "sha256", "sha1:00", "sha256:00", "sha256:" + String(repeating: "g", count: 64)] {
            let bad = pin.isEmpty ? nil : error { $0.pins = [pin] }
            #expect(pin.isEmpty || bad?.kind == .invalidArgument, "\(pin)")
        }
    }

    @Test func filesThatCannotBeReadAreNamed() throws {
        let missing = error { $0.certificateFile = "/nonexistent/x.pem" }
        #expect(missing?.kind == .io)
        #expect(missing?.message.contains("/nonexistent/x.pem") == true)
        #expect(missing?.code == ENOENT)
        let noKey = error { $0.keyFile = $0.certificateFile }
        #expect(noKey?.message.contains("holds no key") == true)
        let noCertificate = error { $0.certificateFile = $0.keyFile }
        #expect(noCertificate?.message.contains("holds no certificate") == true)
        let noAuthority = error { $0.authorityFile = $0.keyFile }
        #expect(noAuthority?.message.contains("holds no certificate") == true)
    }

    @Test func pinsAreReadInEveryUsualForm() throws {
        let plain = ids.server.fingerprint
        let digits = plain.dropFirst(7)
        let upper = "sha256:" + digits.uppercased()
        var spaced = "sha256:"
        for (index, digit) in digits.enumerated() {
            spaced += index > 0 && index % 2 == 0 ? ":\(digit)" : "\(digit)"
        }
        let parsed = try Fingerprint.parse("\(plain), \(upper) ,\(spaced), ")
        #expect(parsed.map(\.text) == [plain, plain, plain])
    }
}

/// Bytes through an established connection.
@Suite(.timeLimit(.minutes(2))) struct TLSDataTests {
    /// Random vectors over `bytes`, empty ones among them.
    private func cut(_ bytes: UnsafeMutableRawBufferPointer, using random: inout SeededGenerator) -> [iovec] {
        var vectors: [iovec] = []
        var place = 0
        while place < bytes.count {
            let largest = [0, 1, 17, 301, 4097, 20_000, 100_003].randomElement(using: &random)!
            let length = min(bytes.count - place, Int.random(in: 0...largest, using: &random))
            vectors.append(iovec(iov_base: bytes.baseAddress! + place, iov_len: length))
            place += length
        }
        return vectors
    }

    /// One direction of a stream: what is still to be written, as vectors, and what has come.
    private struct Direction {
        let writer: Connection
        let reader: Connection
        var data: [UInt8]
        var vectors: [iovec] = []
        var received: [UInt8] = []

        var isWritten: Bool { vectors.isEmpty }
        var isDone: Bool { received.count >= data.count }

        mutating func write() throws -> Bool {
            guard !vectors.isEmpty else { return false }
            var count = try vectors.withUnsafeBufferPointer { try writer.write($0) }
            let moved = count > 0
            while let first = vectors.first, first.iov_len <= count {
                count -= first.iov_len
                vectors.removeFirst()
            }
            if count > 0 {
                vectors[0] = iovec(iov_base: vectors[0].iov_base + count, iov_len: vectors[0].iov_len - count)
            }
            return moved
        }

        mutating func read(atMost limit: Int) throws -> Bool {
            var scratch = [UInt8](repeating: 0, count: limit)
            let count = try scratch.withUnsafeMutableBytes { try reader.read($0) }
            if count > 0 { received += scratch[..<count] }
            return count > 0
        }
    }

    @Test(arguments: [1, 13, 5000, 200_000])
    func bothDirectionsAtOnceArriveInWhateverPiecesTheyAreCut(_ readSize: Int) throws {
        let (client, server) = try establishedPair()
        var random = SeededGenerator()
        let size = readSize < 100 ? 10_000 : 3_000_000
        var directions = [
            Direction(writer: client, reader: server, data: random.bytes(size)),
            Direction(writer: server, reader: client, data: random.bytes(size / 2)),
        ]
        // The bytes stay where they are: the vectors refer to them.
        let copies = directions.map { direction in
            let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: direction.data.count, alignment: 1)
            copy.copyBytes(from: direction.data)
            return copy
        }
        defer { for copy in copies { copy.deallocate() } }
        for index in directions.indices { directions[index].vectors = cut(copies[index], using: &random) }
        while !directions.allSatisfy({ $0.isDone }) {
            var moved = false
            for index in directions.indices {
                if try directions[index].write() { moved = true }
                if try directions[index].read(atMost: readSize) { moved = true }
            }
            guard !moved else { continue }
            var set = PollSet()
            for direction in directions {
                set.add(direction.reader.descriptor, direction.reader.readEvents)
                if !direction.isWritten { set.add(direction.writer.descriptor, direction.writer.writeEvents) }
            }
            guard try set.wait(until: hangDeadline()) else { throw HangError() }
        }
        for direction in directions { #expect(direction.received == direction.data, "seed \(random.seed)") }
        #expect(client.bytesWritten == UInt64(size))
        #expect(server.bytesRead == UInt64(size))
    }

    @Test func aGatherWriteOfManyVectorsIsTakenWhole() throws {
        let (client, server) = try establishedPair()
        var random = SeededGenerator()
        var data = random.bytes(5000 * 3)
        let written = try data.withUnsafeMutableBytes { bytes in
            let vectors = (0..<5000).map { iovec(iov_base: bytes.baseAddress! + 3 * $0, iov_len: 3) }
            return try vectors.withUnsafeBufferPointer { try client.write($0) }
        }
        #expect(written == data.count)
        #expect(try readBytes(server, data.count) == data, "seed \(random.seed)")
    }

    @Test func aReadGoesAcrossItsVectors() throws {
        let (client, server) = try establishedPair()
        var random = SeededGenerator()
        let data = random.bytes(40_000)
        try writeAll(client, data)
        var received = [UInt8](repeating: 0, count: data.count)
        var filled = 0
        while filled < data.count {
            let start = filled
            let count = try received.withUnsafeMutableBytes { bytes in
                var vectors: [iovec] = []
                var place = start
                while place < bytes.count {
                    let length = min(bytes.count - place, Int.random(in: 0...3000, using: &random))
                    vectors.append(iovec(iov_base: bytes.baseAddress! + place, iov_len: length))
                    place += length
                }
                return try vectors.withUnsafeBufferPointer { try server.read($0) }
            }
            if count < 0 { try waitFor(server, server.readEvents) } else { filled += count }
        }
        #expect(received == data, "seed \(random.seed)")
    }

    /// A relay that hands the bytes on in small pieces, so that records and handshake messages come in parts.
    @Test(arguments: [1, 7, 500]) func recordsMayBeChoppedOnTheirWay(_ piece: Int) throws {
        let ids = TestIdentities.shared
        let (client, relayClient) = try Connection.pair()
        let (relayServer, server) = try Connection.pair()
        try client.startTLS(
            TLSContext(TLSOptions(ids.client, pins: [ids.server]), role: .client), host: "localhost")
        try server.startTLS(TLSContext(TLSOptions(ids.server, pins: [ids.client]), role: .server))
        let relays = [(relayClient, relayServer), (relayServer, relayClient)]
        func relay() throws {
            for (from, to) in relays {
                var scratch = [UInt8](repeating: 0, count: piece)
                let count = try scratch.withUnsafeMutableBytes { try from.read($0) }
                if count > 0 { try writeAll(to, Array(scratch[..<count])) }
            }
        }
        while try !(client.handshake() && server.handshake()) {
            _ = try server.handshake()
            try relay()
        }
        var random = SeededGenerator()
        let data = random.bytes(piece < 100 ? 2000 : 20_000)
        var sent = 0
        var received: [UInt8] = []
        while received.count < data.count {
            if sent < data.count {
                sent += try data.withUnsafeBytes {
                    try client.write(UnsafeRawBufferPointer(rebasing: $0[sent...]))
                }
            }
            try relay()
            var scratch = [UInt8](repeating: 0, count: 4096)
            let count = try scratch.withUnsafeMutableBytes { try server.read($0) }
            if count > 0 { received += scratch[..<count] }
        }
        #expect(received == data, "seed \(random.seed)")
    }

    // MARK: - Ends

    @Test func anEndThatIsSaidIsAnEnd() throws {
        let (client, server) = try establishedPair()
        try writeAll(client, [1, 2, 3])
        client.shutdownWrite()
        #expect(try readBytes(server) == [1, 2, 3])
        // The other direction goes on.
        try writeAll(server, [4, 5])
        server.shutdownWrite()
        #expect(try readBytes(client) == [4, 5])
    }

    @Test func aConnectionThatIsCutIsAnErrorOnceAllHasBeenRead() throws {
        let (client, server) = try establishedPair()
        try writeAll(client, [1, 2, 3])
        client.close()
        #expect(try readBytes(server, 3) == [1, 2, 3])
        for _ in 0..<2 {
            let error = #expect(throws: TransportError.self) { try readBytes(server) }
            #expect(error?.message.contains("was cut off") == true, "\(error?.message ?? "")")
        }
    }

    @Test func whatHasComeIsReadWholeAfterWritingHasFailed() throws {
        let (client, server) = try establishedPair()
        var random = SeededGenerator()
        let data = random.bytes(50_000)
        try writeAll(client, data)
        client.shutdownWrite()
        client.close()
        #expect(throws: TransportError.self) {
            try writeAll(server, [UInt8](repeating: 1, count: 50_000_000))
        }
        #expect(throws: TransportError.self) { try writeAll(server, [1]) }
        #expect(try readBytes(server) == data, "seed \(random.seed)")
    }

    @Test func closingGracefullyWaitsUntilTheOtherSideHasAll() throws {
        let (client, server) = try establishedPair()
        var random = SeededGenerator()
        let data = random.bytes(2_000_003)
        // Answers that the sender never reads.
        try writeAll(server, random.bytes(1000))
        let ended = DispatchSemaphore(value: 0)
        Thread.detachNewThread {
            #expect(throws: Never.self) {
                _ = try readBytes(client, 10)
                try writeAll(client, data)
            }
            #expect(client.closeGracefully(timeout: hangLimit))
            ended.signal()
        }
        #expect(try readBytes(server) == data, "seed \(random.seed)")
        server.closeGracefully(timeout: 0)
        #expect(ended.wait(timeout: .now() + 20) == .success)
    }

    /// The default action of SIGPIPE would end the tests.
    @Test func writingToAPeerThatHasGoneRaisesNoSignal() throws {
        let (client, server) = try establishedPair()
        server.close()
        #expect(throws: TransportError.self) {
            try writeAll(client, [UInt8](repeating: 1, count: 50_000_000))
        }
        #expect(throws: TransportError.self) { try writeAll(client, [1]) }
    }

    @Test func garbageInTheMiddleBreaksTheConnection() throws {
        let (client, server) = try establishedPair()
        try writeAll(client, [1, 2, 3])
        // Behind the back of TLS.
        let garbage = [UInt8](repeating: 0x17, count: 100)
        _ = garbage.withUnsafeBytes { send(client.descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        client.close()
        #expect(try readBytes(server, 3) == [1, 2, 3])
        for _ in 0..<2 {
            let error = #expect(throws: TransportError.self) { try readBytes(server) }
            #expect(error?.kind == .connection)
        }
    }
}
