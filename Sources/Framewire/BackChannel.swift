import Buffers
import CPosix
import Transport
import Wire

/// What a receiver answers on the connection: acknowledgements, a goodbye.
///
/// A peer that is no Framewire receiver answers nothing, or something that is not for us; both are fine.
struct BackChannel {
    private let parser = StreamParser()
    private let scratch = RawBlock()
    private static let scratchSize = 4096

    /// When frames were submitted whose acknowledgement is awaited; a frame's place is its sequence modulo
    /// the count.
    private var awaited: [(sequence: UInt64, submitted: Int64)]
    /// Whether nothing more is read: the peer has ended its direction, or what it says is not for us.
    private(set) var isEnded = false
    /// Whether the peer has said anything that only a Framewire receiver says.
    private var peerIsReceiver = false
    /// The profiles that the peer's hello names, as a bit set; nil before it has come.
    private(set) var peerProfiles: UInt32?
    /// Requests that nobody has asked for yet. No more than the pairs that may have a reference are worth keeping.
    private var requests: [KeyFrameRequest] = []
    private var isForeign = false
    /// From submit to the word of delivery, of the frame that was acknowledged last, ns.
    private(set) var newestLatency: Int64?

    init() {
        awaited = [(sequence: UInt64, submitted: Int64)](repeating: (.max, 0), count: 256)
        requests.reserveCapacity(References.maximumPairs)
    }

    /// A key frame request that has come, each once.
    mutating func nextKeyFrameRequest() -> KeyFrameRequest? { requests.popLast() }

    /// A frame has been sent.
    mutating func expect(_ sequence: UInt64, submitted: Int64) {
        awaited[Int(sequence % UInt64(awaited.count))] = (sequence, submitted)
    }

    /// Reads what is there.
    ///
    /// - Parameter delivered: gets the latency of each frame that is reported as delivered, ns.
    /// - Throws: ``TransportError`` of kind `closed` when the receiver has gone.
    mutating func read(from connection: Connection, delivered: (Int64) -> Void) throws(TransportError) {
        do {
            try scratch.reserve(Self.scratchSize)
        } catch {
            throw TransportError(.noMemory, Sentence(error.message))
        }
        let room = UnsafeMutableRawBufferPointer(start: scratch.base, count: Self.scratchSize)
        while true {
            let count = try connection.read(room)
            if count < 0 { return }
            if count == 0 {
                isEnded = true
                // `nc` ends its direction as soon as its input does, and reads on; a receiver of ours has
                // left.
                if peerIsReceiver {
                    throw TransportError(.closed, "\(connection.peerName) closed the connection")
                }
                return
            }
            if !isForeign {
                try parse(UnsafeRawBufferPointer(rebasing: room[..<count]), connection.peerName, delivered)
            }
        }
    }

    private mutating func parse(
        _ bytes: UnsafeRawBufferPointer, _ peer: String, _ delivered: (Int64) -> Void
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
                peerProfiles = hello.profiles
            case .keyFrameRequest(let request):
                peerIsReceiver = true
                if !requests.contains(request), requests.count < References.maximumPairs {
                    requests.append(request)
                }
            case .acknowledgement(let acknowledgement):
                peerIsReceiver = true
                let entry = awaited[Int(acknowledgement.sequence % UInt64(awaited.count))]
                guard entry.sequence == acknowledgement.sequence else { continue }
                let latency = Clock.now() - entry.submitted
                newestLatency = latency
                delivered(latency)
            case .bye(let bye):
                throw TransportError(
                    .closed,
                    bye.text.utf8.isEmpty ? "\(peer) said goodbye" : "\(peer) said goodbye: \(bye.text)")
            case .frame:
                isForeign = true
                return
            case .needMore, .flow, .userMessage, .ping:
                break
            }
        }
    }
}
