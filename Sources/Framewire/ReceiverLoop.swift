import Buffers
import CPosix
import Codec
import Transport
import Wire

/// The I/O thread of a receiver: gets connections, reads, decodes, and answers the sender.
final class ReceiverLoop: @unchecked Sendable {
    // Unchecked: everything belongs to the I/O thread; `open` runs before that exists.
    private static let stagingSize = 64 << 10

    private let options: Receiver.Options
    private let wake: WakeUp
    private let link: Link
    private let workers: WorkerPool
    private let staging: UnsafeMutableRawBufferPointer
    private let answer: UnsafeMutableRawBufferPointer
    private var connection: Connection?
    /// Bytes of answers that wait for the sender to read.
    private var answerCount = 0
    /// Whether the sender of this connection has been told what is understood here.
    private var hasSaidHello = false
    private var requests = KeyFrameRequests()

    /// How a connection's stream ended.
    private enum End {
        case inOrder
        case broken(FramewireError)
        case closing
    }

    init(_ endpoint: Endpoint, _ options: Receiver.Options, wake: WakeUp, cancel: WakeUp) {
        self.options = options
        self.wake = wake
        link = Link(
            endpoint, role: .receiver, options.reconnect, options.connectTimeout, options.tls, wake: wake,
            cancel: cancel)
        workers = WorkerPool(workers: WorkerPool.count(options.threads), callerWorks: true)
        staging = .allocate(byteCount: Self.stagingSize, alignment: 64)
        answer = .allocate(byteCount: 2048, alignment: 8)
    }

    deinit {
        staging.deallocate()
        answer.deallocate()
    }

    var port: UInt16 { link.port }

    func open() throws(TransportError) {
        connection = try link.open()
    }

    func run(_ core: ReceiverCore) {
        defer { link.close() }
        while !core.isClosing {
            guard let connection else {
                do {
                    connection = try link.next(until: nil)
                } catch {
                    return core.finish(FramewireError(error))
                }
                continue
            }
            core.setConnected(true)
            Log.write(.info) { "receiver: \(connection.peerName) connected" }
            let end = read(connection, core)
            core.setConnected(false)
            let isFinal = options.once || !link.comesBack
            switch end {
            case .inOrder:
                connection.closeGracefully(timeout: 0)
                if isFinal {
                    return core.finish(FramewireError(.closed, "\(connection.peerName) ended the stream"))
                }
                Log.write(.info) { "receiver: \(connection.peerName) ended the stream" }
            case .broken(let error):
                sayGoodbye(error, connection)
                core.recordError()
                if isFinal { return core.finish(error) }
                Log.write(.warning) {
                    "receiver: \(connection.peerName): \(error.sentence); waiting for the next sender"
                }
            case .closing:
                // A sender that connects again at once must be refused, not be left in the backlog of a
                // listener that goes.
                link.close()
                connection.closeGracefully(timeout: 0)
            }
            self.connection = nil
        }
        core.finish(FramewireError(.closed, "the receiver is closed"))
    }

    private func read(_ connection: Connection, _ core: ReceiverCore) -> End {
        let decoder = StreamDecoder(
            limits: options.limits, workers: workers, pool: core.pool,
            verifyChecksums: options.verifyChecksums)
        answerCount = 0
        requests = KeyFrameRequests()
        hasSaidHello = connection.isFile
        var verified: UInt64 = 0
        while true {
            do {
                sendAnswers(connection)
                var filled = 0
                let count = try receive(connection, decoder, filled: &filled)
                if core.isClosing { return .closing }
                if count < 0 {
                    try wait(for: connection)
                    continue
                }
                if count == 0 {
                    do {
                        try decoder.finish()
                        return .inOrder
                    } catch {
                        return .broken(error)
                    }
                }
                core.recordRead(count)
                var staged = UnsafeRawBufferPointer(rebasing: staging[..<(count - filled)])
                var event = filled > 0 ? try commit(decoder, filled) : .needMore
                while true {
                    switch event {
                    case .undecodable(let header):
                        core.recordUndecodable(header.info.sequence)
                        if header.wantsAcknowledgement { sayHello() }
                        requestKeyFrame(header.info, connection)
                    case .frame(let slot, let wantsAcknowledgement):
                        requests.settle(slot.info)
                        let acknowledgement = Acknowledgement(
                            streamID: slot.info.streamID, viewID: slot.info.viewID,
                            sequence: slot.info.sequence,
                            receiveDuration: slot.timing.receive, decodeDuration: slot.timing.decode)
                        let isOpen = core.deliver(
                            slot, checksumsVerified: decoder.checksumsVerified - verified)
                        verified = decoder.checksumsVerified
                        if !isOpen { return .closing }
                        if wantsAcknowledgement {
                            sayHello()
                            acknowledge(acknowledgement, connection)
                        }
                    case .bye:
                        // In a recording another stream may follow; on a connection nothing does.
                        if !connection.isFile { return .inOrder }
                    case .hello:
                        sayHello()
                    case .needMore, .acknowledgement, .keyFrameRequest:
                        break
                    }
                    if staged.isEmpty { break }
                    var used = 0
                    event = try feed(decoder, staged, &used)
                    staged = UnsafeRawBufferPointer(rebasing: staged[used...])
                }
            } catch {
                return .broken(error)
            }
        }
    }

    /// Reads what there is: a payload straight to where it belongs, other bytes to the staging area.
    ///
    /// - Parameter filled: set to the bytes of the payload among them.
    private func receive(
        _ connection: Connection, _ decoder: StreamDecoder, filled: inout Int
    ) throws(FramewireError) -> Int {
        let payload = decoder.destination
        // Behind one piece of a payload only the next block's size is taken along, so that no pixels need to
        // be moved.
        let behind = decoder.payloadRemaining > payload.count ? 4 : Self.stagingSize
        let count: Int
        do {
            if payload.isEmpty {
                count = try connection.read(staging)
            } else {
                count = try withUnsafeTemporaryAllocation(of: iovec.self, capacity: 2) {
                    (list) throws(TransportError) -> Int in
                    list[0] = iovec(iov_base: payload.baseAddress, iov_len: payload.count)
                    list[1] = iovec(iov_base: staging.baseAddress, iov_len: behind)
                    return try connection.read(UnsafeBufferPointer(list))
                }
            }
        } catch {
            throw FramewireError(error)
        }
        filled = count > 0 ? min(count, payload.count) : 0
        return count
    }

    private func commit(_ decoder: StreamDecoder, _ count: Int) throws(FramewireError) -> StreamDecoder.Event
    {
        try decoder.commit(count)
    }

    private func feed(
        _ decoder: StreamDecoder, _ bytes: UnsafeRawBufferPointer, _ used: inout Int
    ) throws(FramewireError) -> StreamDecoder.Event {
        try decoder.feed(bytes, used: &used)
    }

    private func wait(for connection: Connection) throws(FramewireError) {
        var set = PollSet()
        set.add(wake.descriptor, .readable)
        let events = connection.readEvents
        set.add(connection.descriptor, answerCount > 0 ? events.union(connection.writeEvents) : events)
        do {
            _ = try set.wait(until: -1)
        } catch {
            throw FramewireError(error)
        }
        wake.drain()
    }

    // MARK: - Answers

    /// Says hello, once, to a sender that has shown that it listens: by its own hello or by asking for
    /// acknowledgements.
    ///
    /// A tool that writes a recording and leaves reads nothing; the system would reset its connection for the
    /// unread hello, and lose what it had written last.
    private func sayHello() {
        guard !hasSaidHello else { return }
        hasSaidHello = true
        let hello = Hello(
            profiles: WireProfile.all, limits: options.limits, role: .receiver, name: "framewire")
        // Nothing is waiting to be sent: this is the first answer.
        answerCount = hello.encode(into: answer)
    }

    /// Answers that a sender does not read are dropped: they are never worth waiting for.
    private func acknowledge(_ acknowledgement: Acknowledgement, _ connection: Connection) {
        sendAnswers(connection)
        guard answerCount + Acknowledgement.encodedSize <= answer.count else { return }
        let room = UnsafeMutableRawBufferPointer(rebasing: answer[answerCount...])
        answerCount += acknowledgement.encode(into: room)
        sendAnswers(connection)
    }

    /// Asks for a key frame of the stream and view of `info`, if the sender listens.
    private func requestKeyFrame(_ info: FrameInfo, _ connection: Connection) {
        guard !connection.isFile, hasSaidHello, requests.isDue(info, now: Clock.now()) else { return }
        sendAnswers(connection)
        guard answerCount + KeyFrameRequest.encodedSize <= answer.count else { return }
        let request = KeyFrameRequest(streamID: info.streamID, viewID: info.viewID)
        answerCount += request.encode(into: UnsafeMutableRawBufferPointer(rebasing: answer[answerCount...]))
        sendAnswers(connection)
    }

    private func sendAnswers(_ connection: Connection) {
        guard answerCount > 0 else { return }
        // A connection that cannot be written to is found broken by the next read.
        let sent =
            (try? connection.write(UnsafeRawBufferPointer(rebasing: answer[..<answerCount]))) ?? answerCount
        answerCount -= sent
        if answerCount > 0 { memmove(answer.baseAddress!, answer.baseAddress! + sent, answerCount) }
    }

    /// Tells a sender why its stream was refused, if it cares to read that.
    private func sayGoodbye(_ error: FramewireError, _ connection: Connection) {
        guard !connection.isFile else { return }
        let reason: Bye.Reason =
            switch error.code {
            case .unsupported: .unsupported
            case .tooLarge: .tooLarge
            case .protocolViolation, .corrupt: .protocolError
            default: .failed
            }
        // A hello may wait still, when what was refused came together with the sender's.
        sendAnswers(connection)
        if answerCount == 0 {
            answerCount = Bye(reason: reason, text: error.message).encode(into: answer)
            sendAnswers(connection)
        }
        connection.closeGracefully(timeout: 0)
    }
}
