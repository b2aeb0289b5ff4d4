import Buffers
import CPosix
import Codec
import Wire

/// Makes frames of the bytes of a stream, chopped in any way.
///
/// Bytes are either fed with ``feed(_:used:)`` or, inside a payload, put straight where they belong:
/// ``destination`` and ``commit(_:)``. One thread at a time.
package final class StreamDecoder {
    /// What some bytes came to.
    package enum Event {
        /// More bytes are needed.
        case needMore
        /// A frame is complete and decoded; the taker owns it.
        case frame(FrameSlot, wantsAcknowledgement: Bool)
        /// A frame has begun that is coded against one that is not here; its payload will be passed over, and
        /// nothing of its stream and view can be decoded until a key frame comes.
        case undecodable(FrameHeader)
        case hello(Hello)
        case acknowledgement(Acknowledgement)
        case keyFrameRequest(KeyFrameRequest)
        case bye(Bye)
        case ping(Ping)
    }

    private let parser: StreamParser
    private let payload = FrameDecoder()
    private let workers: WorkerPool
    private let pool: FramePool
    private let verifyChecksums: Bool
    /// The frame whose payload is arriving.
    private var current: FrameSlot?
    private var header: FrameHeader?
    private var messageStart: Int64 = 0
    private var payloadOffset: UInt64 = 0
    private var failure: FramewireError?
    private let references = References()
    /// Bytes of a payload that is passed over.
    private var unwanted = 0

    /// Checksums compared and found equal.
    package private(set) var checksumsVerified: UInt64 = 0

    package init(limits: Limits, workers: WorkerPool, pool: FramePool, verifyChecksums: Bool) {
        parser = StreamParser(limits: limits)
        self.workers = workers
        self.pool = pool
        self.verifyChecksums = verifyChecksums
    }

    deinit {
        current?.drop()
    }

    /// Whether the bytes so far end inside a message.
    package var isInsideMessage: Bool { parser.isInsideMessage }

    /// Bytes of the stream taken so far.
    package var offset: UInt64 { parser.offset }

    /// Where the next bytes of a payload belong; empty between payloads, where bytes are fed.
    package var destination: UnsafeMutableRawBufferPointer {
        current == nil ? UnsafeMutableRawBufferPointer(start: nil, count: 0) : payload.destination
    }

    /// How many bytes of the payload are still to come.
    package var payloadRemaining: Int { current == nil ? 0 : payload.remaining }

    /// Takes bytes until something is complete or all are taken.
    ///
    /// - Parameter used: set to the number of bytes taken.
    /// - Throws: ``FramewireError``; each further call gives the same.
    package func feed(_ bytes: UnsafeRawBufferPointer, used: inout Int) throws(FramewireError) -> Event {
        used = 0
        if let failure { throw failure }
        while used < bytes.count {
            if current != nil {
                let room = destination
                let count = min(room.count, bytes.count - used)
                memcpy(room.baseAddress!, bytes.baseAddress! + used, count)
                used += count
                let event = try commit(count)
                if case .needMore = event { continue }
                return event
            }
            if unwanted > 0 {
                let count = min(unwanted, bytes.count - used)
                parser.payloadConsumed(count)
                unwanted -= count
                used += count
                continue
            }
            var taken = 0
            let event: StreamParser.Event
            do {
                event = try parser.feed(UnsafeRawBufferPointer(rebasing: bytes[used...]), used: &taken)
            } catch {
                throw fail(FramewireError(error))
            }
            used += taken
            switch event {
            case .needMore: return .needMore
            case .frame(let header):
                if try !begin(header) { return .undecodable(header) }
            case .hello(let hello): return .hello(hello)
            case .acknowledgement(let acknowledgement): return .acknowledgement(acknowledgement)
            case .keyFrameRequest(let request): return .keyFrameRequest(request)
            case .bye(let bye): return .bye(bye)
            case .ping(let ping): return .ping(ping)
            // Only for senders.
            case .flow, .userMessage: break
            }
        }
        return .needMore
    }

    /// Says that `count` bytes have been put at ``destination``.
    ///
    /// - Throws: ``FramewireError``; each further call gives the same.
    package func commit(_ count: Int) throws(FramewireError) -> Event {
        if let failure { throw failure }
        parser.payloadConsumed(count)
        do {
            try payload.commit(count)
        } catch {
            throw fail(FramewireError(error, payloadOffset: payloadOffset))
        }
        return payload.isComplete ? try finishFrame() : .needMore
    }

    /// Decodes a part of a payload that has arrived, for a thread that would wait for the rest otherwise.
    ///
    /// - Returns: the bytes of pixels; 0 when there was nothing to do.
    package func decodeAhead() -> Int {
        current == nil ? 0 : payload.decodeAhead(for: workers)
    }

    /// Says that no bytes follow.
    ///
    /// - Throws: ``FramewireError`` with code `protocolViolation` when the stream ends inside a message.
    package func finish() throws(FramewireError) {
        if let failure { throw failure }
        do {
            try parser.finish()
        } catch {
            throw fail(FramewireError(error))
        }
    }

    /// - Returns: `false` when the frame cannot be decoded because its reference is not here.
    private func begin(_ header: FrameHeader) throws(FramewireError) -> Bool {
        payloadOffset = parser.offset
        guard let profile = Profile(rawValue: header.profile), profile != .auto else {
            throw fail(
                FramewireError(
                    .unsupported,
                    "profile \(header.profile) of frame \(header.info.sequence) is not one that this version decodes"
                        + " (raw 1, lz4 2, tile 3, huffman 4); ask the sender for one of them"))
        }
        var reference: FrameSlot?
        if let wanted = header.referenceSequence {
            reference = references.newest(for: header.info)
            if reference?.info.sequence != wanted {
                references.lose(header.info)
                unwanted = header.payloadSize
                return false
            }
        }
        // The picture arrives top-down and packed, whatever it was at the source.
        var info = header.info
        info.rowOrder = .topDown
        info.stride = 0
        if header.referenceSequence == nil { info.flags.insert(.key) }
        let slot: FrameSlot
        do {
            let layout = try FrameLayout(info)
            info.stride = layout[plane: 0].stride
            slot = try pool.acquire(info, layout)
        } catch {
            throw fail(FramewireError(error))
        }
        do throws(FramewireError) {
            try slot.metadata.read(parser.metadata)
        } catch {
            slot.drop()
            throw fail(error)
        }
        slot.phase = .received
        slot.profile = profile
        slot.sentChecksum = header.contentChecksum
        slot.timing.senderQueue = header.queueDuration
        slot.timing.senderEncode = header.encodeDuration
        slot.timing.latency = header.latency
        slot.timing.wireBytes = UInt64(
            FrameHeader.encodedSize(metadataSize: header.metadataSize) + header.payloadSize)
        do throws(CodecError) {
            let plan = StripPlan(layout: slot.layout, rowsPerStrip: max(1, Int(header.stripRows)))
            guard plan.count == Int(header.stripCount) else {
                throw CodecError.corrupt(
                    "strips of \(header.stripRows) rows make \(plan.count), the header says \(header.stripCount)",
                    offset: 0)
            }
            try payload.begin(
                plan: plan, profile: profile, payloadSize: header.payloadSize, target: slot.base!,
                reference: reference?.base.map { UnsafeRawPointer($0) })
        } catch {
            slot.drop()
            throw fail(FramewireError(error, payloadOffset: payloadOffset))
        }
        messageStart = Clock.now()
        self.header = header
        current = slot
        return true
    }

    private func finishFrame() throws(FramewireError) -> Event {
        guard let slot = current, let header, let profile = Profile(rawValue: header.profile) else {
            return .needMore
        }
        let received = Clock.now()
        do {
            try payload.decode(profile: profile, on: workers)
        } catch {
            throw fail(FramewireError(error, payloadOffset: payloadOffset))
        }
        if verifyChecksums, let expected = header.contentChecksum {
            let found: UInt64
            do {
                found = try slot.source.checksum()
            } catch {
                throw fail(FramewireError(error, payloadOffset: payloadOffset))
            }
            guard found == expected else {
                throw fail(
                    FramewireError(
                        .corrupt,
                        "the pixels of frame \(header.info.sequence) do not match the checksum that the sender computed"
                            + " (message at byte \(parser.messageOffset) of the stream)"))
            }
            checksumsVerified += 1
        }
        do throws(FramewireError) {
            try slot.addReceivedMetas()
        } catch {
            throw fail(error)
        }
        slot.timing.receive = received - messageStart
        slot.timing.decode = Clock.now() - received
        current = nil
        references.keep(slot, profile: profile, isKey: header.referenceSequence == nil)
        return .frame(slot, wantsAcknowledgement: header.wantsAcknowledgement)
    }

    private func fail(_ error: FramewireError) -> FramewireError {
        failure = error
        payload.abandon()
        current?.drop()
        current = nil
        return error
    }
}
