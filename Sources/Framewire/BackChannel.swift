import Buffers
import CPosix
import Codec
import Transport
import Wire

/// What a receiver says on the connection: acknowledgements, requests, messages, a goodbye.
///
/// A peer that is no Framewire receiver answers nothing, or something that is not for us; both are fine.
final class BackChannel {
    private let parser = StreamParser()
    private let scratch = RawBlock()
    private static let scratchSize = 4096

    /// A frame whose acknowledgement is awaited.
    private struct Awaited {
        var sequence = UInt64.max
        var submitted: Int64 = 0
        var profile = Profile.raw
        var rawBytes = 0
    }

    /// A frame's place is its sequence modulo the count.
    private var awaited = [Awaited](repeating: Awaited(), count: 256)
    /// Whether nothing more is read: the peer has ended its direction, or what it says is not for us.
    private(set) var isEnded = false
    /// Whether the peer has said anything that only a Framewire receiver says.
    private var peerIsReceiver = false
    private var isForeign = false
    private(set) var hasSaidGoodbye = false
    /// From submit to the word of delivery, of the frame that was acknowledged last, ns.
    private(set) var newestLatency: Int64?
    private(set) var inFlight = FramesInFlight()

    private static let longestRoundTrip: Int64 = 3_600_000_000_000

    /// A frame has been sent.
    func expect(_ message: EncodedMessage, now: Int64) {
        inFlight.add(message.sequence, now: now)
        awaited[Int(message.sequence % UInt64(awaited.count))] = Awaited(
            sequence: message.sequence, submitted: message.submitTime, profile: message.coding.profile,
            rawBytes: message.rawBytes)
    }

    /// How often is read before others have their turn.
    private static let reads = 16

    /// Reads what is there, and does what it asks for.
    ///
    /// - Returns: whether there may be more.
    /// - Throws: ``TransportError`` of kind `closed` when the receiver has gone.
    func read(_ peer: SenderPeer, _ core: SenderCore) throws(TransportError) -> Bool {
        let connection = peer.connection
        do {
            try scratch.reserve(Self.scratchSize)
        } catch {
            throw TransportError(.noMemory, Sentence(error.message))
        }
        let room = UnsafeMutableRawBufferPointer(start: scratch.base, count: Self.scratchSize)
        for _ in 0..<Self.reads {
            let count = try connection.read(room)
            if count < 0 { return false }
            if count == 0 {
                isEnded = true
                // `nc` ends its direction as soon as its input does, and reads on; a receiver of ours has
                // left.
                if peerIsReceiver {
                    throw TransportError(.closed, "\(connection.peerName) closed the connection")
                }
                return false
            }
            if !isForeign {
                try parse(UnsafeRawBufferPointer(rebasing: room[..<count]), peer, core)
            }
        }
        return true
    }

    private func parse(
        _ bytes: UnsafeRawBufferPointer, _ peer: SenderPeer, _ core: SenderCore
    ) throws(TransportError) {
        var start = 0
        while start < bytes.count {
            var used = 0
            let event: StreamParser.Event
            do {
                event = try parser.feed(UnsafeRawBufferPointer(rebasing: bytes[start...]), used: &used)
            } catch {
                isForeign = true
                return
            }
            start += used
            switch event {
            case .hello(let hello):
                peerIsReceiver = true
                peer.take(hello)
            case .keyFrameRequest(let request):
                peer.references.forget(streamID: request.streamID, viewID: request.viewID)
                inFlight.forgetAll()
            case .acknowledgement(let acknowledgement):
                peerIsReceiver = true
                let now = Clock.now()
                inFlight.settle(acknowledgement.sequence, now: now)
                let entry = awaited[Int(acknowledgement.sequence % UInt64(awaited.count))]
                guard entry.sequence == acknowledgement.sequence else { continue }
                let latency = now - entry.submitted
                newestLatency = latency
                core.recordLatency(latency, peer.queue)
                peer.chooser.noteDelivered(entry.profile, rawBytes: entry.rawBytes, age: latency)
            case .flow(let flow):
                peer.take(flow)
                core.setPaused(flow.isPaused, peer.queue)
            case .ping(let ping):
                guard ping.isReply else {
                    peer.say(Ping.encodedSize) { ping.reply.encode(into: $0) }
                    continue
                }
                // The time is what the peer says it is: only one that can be ours says something.
                let duration = Clock.now() &- ping.time
                if duration >= 0, duration < Self.longestRoundTrip {
                    core.recordRoundTrip(duration, peer.queue)
                }
            case .userMessage(let type):
                let content = [UInt8](UserMessage.content(of: parser.metadata))
                core.deliver(Message(type: type, content: content, peerID: peer.queue.id))
            case .bye(let bye):
                hasSaidGoodbye = true
                let name = peer.connection.peerName
                throw TransportError(
                    .closed,
                    bye.text.utf8.isEmpty ? "\(name) said goodbye" : "\(name) said goodbye: \(bye.text)")
            case .frame:
                isForeign = true
                return
            case .needMore:
                break
            }
        }
    }
}
