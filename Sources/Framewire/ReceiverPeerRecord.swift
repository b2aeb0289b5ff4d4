import Buffers
import CPosix
import Synchronization
import Wire

/// How the stream of a sender ended.
public struct StreamEnd: Sendable {
    /// What the sender's goodbye said; ``EndReason/endOfStream`` for a recording.
    public var reason: EndReason
    /// Whose stream it was, as in ``ConnectionEvent/peerID``.
    public var peerID: UInt64 = 0
    /// Code `closed` if it ended in good order, else what broke it.
    public var error: FramewireError
    /// The goodbye's text or the reason of the loss; may be empty.
    public var text: String
}

/// What the threads of a receiver share about one sender: counters, and what it is to be sent.
///
/// All that changes is guarded by the lock of the ``ReceiverCore``.
final class ReceiverPeerRecord: @unchecked Sendable {
    // Unchecked: see above.

    /// The most messages that wait for one sender.
    static let outboxCapacity = 64

    let id: UInt64
    let address: String
    /// Whether nothing can be sent to it: it is a recording.
    let isFile: Bool
    var stats = PeerStats()
    let latencies = Percentiles()
    let roundTrips = Percentiles()
    /// Sequences are those of one connection's sender.
    var nextSequence: UInt64?

    private var outbox = [OutboundMessage?](repeating: nil, count: ReceiverPeerRecord.outboxCapacity)
    private var first = 0
    /// How many messages wait. It is read without the lock, so that nobody takes that to find nothing.
    let waiting = Atomic<Int>(0)

    init(id: UInt64, address: String, isFile: Bool) {
        self.id = id
        self.address = address
        self.isFile = isFile
        stats.id = id
        stats.address = address
    }

    /// - Returns: `false` when there is no room.
    func append(_ message: OutboundMessage) -> Bool {
        let count = waiting.load(ordering: .relaxed)
        guard count < Self.outboxCapacity else { return false }
        outbox[(first + count) % Self.outboxCapacity] = message
        waiting.store(count + 1, ordering: .relaxed)
        return true
    }

    func takeMessage() -> OutboundMessage? {
        let count = waiting.load(ordering: .relaxed)
        guard count > 0 else { return nil }
        let message = outbox[first]
        outbox[first] = nil
        first = (first + 1) % Self.outboxCapacity
        waiting.store(count - 1, ordering: .relaxed)
        return message
    }
}

/// A user message as it goes on the wire, for one sender or several.
final class OutboundMessage: @unchecked Sendable {
    // Unchecked: written before anybody else has it.
    let bytes: UnsafeRawBufferPointer

    /// - Returns: `nil` when there is no memory.
    static func make(type: UInt32, content: UnsafeRawBufferPointer) -> OutboundMessage? {
        let size = UserMessage.encodedSize(contentSize: content.count)
        guard let base = malloc(size) else { return nil }
        let room = UnsafeMutableRawBufferPointer(start: base, count: size)
        _ = UserMessage(type: type).encode(into: room, content: content)
        return OutboundMessage(UnsafeRawBufferPointer(room))
    }

    private init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
    }

    deinit {
        free(UnsafeMutableRawPointer(mutating: bytes.baseAddress))
    }
}
