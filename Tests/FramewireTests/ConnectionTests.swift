import TestSupport
import Testing
import Transport
import Wire

@testable import Framewire

/// Connections that are made late, lost, made again, or spoken on by somebody else.
@Suite(.timeLimit(.minutes(2))) struct ConnectionTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    private static func raw(_ overflow: OverflowPolicy, depth: Int = 2) -> Sender.Options {
        var options = Sender.Options()
        options.profile = .raw
        options.overflow = overflow
        options.queueDepth = depth
        options.closeTimeout = 0
        return options
    }

    /// Pushes pictures until one arrives.
    private func expectDelivery(_ sender: Sender, _ receiver: Receiver, _ shown: [Picture]) throws {
        var frame: Frame?
        var number = 0
        try eventually("a frame") {
            try push(shown[number % shown.count], to: sender)
            number += 1
            frame = try? receiver.next(timeout: 20_000_000)
            return frame != nil
        }
        let arrived = try #require(frame)
        expectFrame(arrived, shows: shown[Int(try #require(arrived.info.pts))])
    }

    /// Not 127.0.0.1, where another test may be given the port meanwhile.
    @Test(arguments: ["tcp://127.77.0.1", "unix"])
    func aSenderGoesOnWhenItsReceiverIsClosedAndOpenedAgain(_ place: String) throws {
        let shown = pictures(5, case: 2000)
        let isUnix = place == "unix"
        var receiver = try Receiver(from: isUnix ? folder.unixURL("socket") : "\(place):0")
        let url = isUnix ? folder.unixURL("socket") : "\(place):\(receiver.port)"
        let sender = try Sender(to: url)
        try expectDelivery(sender, receiver, shown)
        for _ in 0..<2 {
            receiver.close()
            receiver = try Receiver(from: url)
            try expectDelivery(sender, receiver, shown)
        }
        #expect(sender.stats.connections >= 3)
    }

    @Test func aSenderThatMustNotReconnectFailsWithClosed() throws {
        let receiver = try Receiver(from: folder.unixURL("socket"))
        var options = Sender.Options()
        options.reconnect = .never
        let sender = try Sender(to: folder.unixURL("socket"), options: options)
        let picture = pictures(1)[0]
        try push(picture, to: sender)
        _ = try receiver.next(timeout: hangLimit)
        receiver.close()
        var failure: FramewireError?
        try eventually("the loss") {
            do {
                try push(picture, to: sender)
            } catch let error as FramewireError {
                failure = error
            }
            return failure != nil
        }
        #expect(failure?.code == .closed)
        #expect(throws: FramewireError.self) { try sender.flush() }
        #expect(throws: FramewireError.self) {
            try sender.acquire(FrameInfo(width: 1, height: 1)).submit(to: sender)
        }
        #expect(!sender.isConnected)
    }

    @Test(arguments: [ReconnectPolicy.standard, .never, .afterLoss])
    func openingASenderFailsWhereNobodyListens(_ reconnect: ReconnectPolicy) throws {
        var options = Sender.Options()
        options.reconnect = reconnect
        let error = #expect(throws: FramewireError.self) {
            try Sender(to: folder.unixURL("nobody"), options: options)
        }
        #expect(error?.code == .connection)
        #expect(error?.message.contains(folder.unixURL("nobody")) == true)
    }

    @Test(arguments: [ReconnectPolicy.standard, .never, .afterLoss])
    func aFirstConnectionThatIsMadeLaterMustSucceedToo(_ reconnect: ReconnectPolicy) throws {
        var options = Sender.Options()
        options.reconnect = reconnect
        options.connectsLater = true
        let sender = try Sender(to: folder.unixURL("nobody"), options: options)
        let error = #expect(throws: FramewireError.self) { try sender.awaitConnection(timeout: hangLimit) }
        #expect(error?.code == .connection)
        #expect(error?.message.contains(folder.unixURL("nobody")) == true)
        #expect(throws: FramewireError.self) { try push(pictures(1)[0], to: sender) }

        var receiving = Receiver.Options()
        receiving.reconnect = reconnect
        receiving.connectsLater = true
        let receiver = try Receiver(from: folder.unixURL("nobody") + "?connect=1", options: receiving)
        let refusal = #expect(throws: FramewireError.self) { try receiver.next(timeout: hangLimit) }
        #expect(refusal?.code == .connection)
    }

    @Test func aConnectionThatIsMadeLaterCarriesFrames() throws {
        let receiver = try Receiver(from: folder.unixURL("socket"))
        var options = Sender.Options()
        options.connectsLater = true
        let sender = try Sender(to: folder.unixURL("socket"), options: options)
        try sender.awaitConnection(timeout: hangLimit)
        #expect(sender.isConnected)
        let shown = pictures(2)
        for picture in shown {
            try push(picture, to: sender)
            expectFrame(try receiver.next(timeout: hangLimit), shows: picture)
        }
    }

    /// The peer says nothing, so that the handshake would take as long as it may.
    @Test func closingEndsTheFirstAttemptToConnect() throws {
        let listener = try Listener(Endpoint(parsing: "tcp://127.0.0.1:0"))
        let url = "tls://127.0.0.1:\(listener.port)"
        var options = Sender.Options()
        options.connectsLater = true
        options.connectTimeout = 100 * hangLimit
        options.closeTimeout = 0
        let sender = try Sender(to: url, options: options)
        let error = #expect(throws: FramewireError.self) { try sender.awaitConnection(timeout: 1_000_000) }
        #expect(error?.code == .timeout)
        sender.close()
        #expect(throws: FramewireError.self) { try sender.awaitConnection(timeout: -1) }

        var receiving = Receiver.Options()
        receiving.connectsLater = true
        receiving.connectTimeout = 100 * hangLimit
        let receiver = try Receiver(from: url + "?connect=1", options: receiving)
        receiver.close()
        let end = #expect(throws: FramewireError.self) { try receiver.next(timeout: 0) }
        #expect(end?.code == .closed)
    }

    @Test func aSenderThatMayWaitDeliversOnceAReceiverAppears() throws {
        var options = Self.raw(.block)
        options.reconnect = .always
        let sender = try Sender(to: folder.unixURL("socket"), options: options)
        #expect(!sender.isConnected)
        let shown = pictures(2, case: 2100)
        for picture in shown { try push(picture, to: sender) }
        let receiver = try Receiver(from: folder.unixURL("socket"))
        for picture in shown { expectFrame(try receiver.next(timeout: hangLimit), shows: picture) }
    }

    /// The frame that was cut off is sent again, before those behind it.
    @Test func framesStayInOrderWhenAConnectionIsLostInTheMiddleOfOne() throws {
        let listener = try Listener(Endpoint(parsing: folder.unixURL("socket")))
        let sender = try Sender(to: folder.unixURL("socket"), options: Self.raw(.block, depth: 8))
        let shown = largePictures(6)
        for picture in shown { try push(picture, to: sender) }
        let first = try accept(listener)
        #expect(try readFrames(first, makeDecoder(), count: 1).map(\.info.sequence) == [0])
        // One frame is being sent, and another is encoded and waits for that.
        try eventually("the frames to be taken") {
            sender.stats.framesSent == 1 && sender.stats.queueDepth == 3
        }
        first.close()
        let second = try accept(listener)
        let frames = try readFrames(second, makeDecoder(), count: 5)
        #expect(frames.map(\.info.sequence) == [1, 2, 3, 4, 5])
        for (frame, picture) in zip(frames, shown[1...]) { expectFrame(frame, shows: picture) }
    }

    @Test func aListeningSenderServesOneReceiverAfterAnother() throws {
        let sender = try Sender(to: folder.unixURL("socket") + "?listen=1")
        let shown = pictures(3, case: 2200)
        for _ in 0..<3 {
            let receiver = try Receiver(from: folder.unixURL("socket") + "?connect=1")
            try expectDelivery(sender, receiver, shown)
            receiver.close()
        }
    }

    /// A receiver tells who sent it garbage why it hangs up, and waits for the next.
    @Test func aReceiverSurvivesGarbageAndThenServesASender() throws {
        var random = SeededGenerator(case: 2300)
        let receiver = try Receiver(from: folder.unixURL("socket"))
        var noise = [UInt8](repeating: 0, count: 5000)
        noise.withUnsafeMutableBytes { random.fill($0) }
        let recorded = try recording(pictures(1, case: 2301))
        let streams = [Array("GET / HTTP/1.1\r\n\r\n".utf8), noise, Array(recorded.dropFirst(15))]
        for bytes in streams {
            let connection = try Connector.connect(
                Endpoint(parsing: folder.unixURL("socket")), timeout: hangLimit)
            try write(bytes, to: connection)
            let answer = try readToEndOrReset(connection)
            let decoded = decodeStream(answer)
            guard case .bye(let bye) = decoded.others.last else {
                Issue.record("no goodbye: \(decoded)")
                continue
            }
            #expect(bye.reason == .protocolError)
            #expect(bye.text.contains("byte"), "\(bye.text)")
        }
        let sender = try Sender(to: folder.unixURL("socket"))
        try expectDelivery(sender, receiver, pictures(3, case: 2302))
        #expect(receiver.stats.errors == 3)
        #expect(receiver.stats.connections == 4)
    }

    /// What a peer said before it closed with bytes of ours unread, which breaks the connection.
    private func readToEndOrReset(_ connection: Connection) throws -> [UInt8] {
        var result: [UInt8] = []
        while let piece = try? readSome(connection), !piece.isEmpty { result += piece }
        return result
    }

    @Test func aReceiverSurvivesASenderThatLeavesInTheMiddleOfAFrame() throws {
        let receiver = try Receiver(from: folder.unixURL("socket"))
        let shown = pictures(2, case: 2400)
        let bytes = try recording(shown)
        let connection = try Connector.connect(
            Endpoint(parsing: folder.unixURL("socket")), timeout: hangLimit)
        // Without the goodbye and the end of the second frame.
        try write(Array(bytes.dropLast(100)), to: connection)
        connection.shutdownWrite()
        expectFrame(try receiver.next(timeout: hangLimit), shows: shown[0])
        _ = try readToEnd(connection)
        let sender = try Sender(to: folder.unixURL("socket"))
        try expectDelivery(sender, receiver, shown)
        #expect(receiver.stats.errors == 1)
    }

    @Test func aStreamCutShortEndsAOnceReceiverWithTheByteOfTheCut() throws {
        var options = Receiver.Options()
        options.once = true
        let receiver = try Receiver(from: "tcp://127.0.0.1:0", options: options)
        let bytes = try recording(pictures(1, case: 2500))
        let connection = try Connector.connect(
            Endpoint(parsing: "tcp://127.0.0.1:\(receiver.port)"), timeout: hangLimit)
        try write(Array(bytes[..<100]), to: connection)
        connection.shutdownWrite()
        for _ in 0..<2 {
            let error = #expect(throws: FramewireError.self) { try receiver.next(timeout: hangLimit) }
            #expect(error?.code == .protocolViolation)
            #expect(error?.message.contains("byte 100 ") == true)
        }
    }

    @Test func aReceiverOnceEndsInOrderWhenItsSenderCloses() throws {
        var options = Receiver.Options()
        options.once = true
        let receiver = try Receiver(from: folder.unixURL("socket"), options: options)
        var senderOptions = Self.raw(.block)
        senderOptions.closeTimeout = hangLimit
        let sender = try Sender(to: folder.unixURL("socket"), options: senderOptions)
        let shown = pictures(2, case: 2600)
        for picture in shown { try push(picture, to: sender) }
        sender.close()
        for picture in shown { expectFrame(try receiver.next(timeout: hangLimit), shows: picture) }
        for _ in 0..<2 {
            let error = #expect(throws: FramewireError.self) { try receiver.next(timeout: hangLimit) }
            #expect(error?.code == .closed)
        }
    }

    @Test func badAddressesAreToldFromConnectionsThatFail() {
        for url in ["", "nonsense", "http://host:1", "tcp://host", "tcp://:70000", "file:///tmp/x?listen=1"] {
            let sender = #expect(throws: FramewireError.self, "\(url)") { try Sender(to: url) }
            #expect(sender?.code == .address, "\(url)")
            let receiver = #expect(throws: FramewireError.self, "\(url)") { try Receiver(from: url) }
            #expect(receiver?.code == .address, "\(url)")
        }
        let missing = #expect(throws: FramewireError.self) { try Receiver(from: folder.fileURL("missing")) }
        #expect(missing?.code == .io)
    }
}

extension Frame {
    fileprivate func submit(to sender: Sender) throws(FramewireError) {
        try sender.submit(self)
    }
}
