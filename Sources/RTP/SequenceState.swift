/// Where a stream of packets is (RFC 3550, appendix A.1).
struct SequenceState {
    /// What a packet is to the stream.
    enum Place {
        /// The one that is expected.
        case next
        /// So many behind that.
        case ahead(Int)
        /// Its turn is over.
        case behind(isDuplicate: Bool)
        /// Of another stream, or far from where this one is.
        case stranger
        /// The stream begins, or goes on elsewhere.
        case restart
    }

    /// The largest jumps that are of the same stream.
    private static let maxDropout = 3000
    private static let maxMisorder = 1024

    private(set) var isStarted = false
    /// The sequence number of the packet whose turn it is.
    private(set) var expected: UInt16 = 0
    private var ssrc: UInt32 = 0
    private var newest: UInt16 = 0
    /// Which of the 64 packets before the expected one have come; the lowest bit is the last one.
    private var received: UInt64 = 0
    /// What would be the next packet of a stream that begins elsewhere.
    private var candidate: (ssrc: UInt32, sequence: UInt16)?

    /// Begins with a packet; `true` when it is of another source than before.
    mutating func start(_ header: PacketHeader) -> Bool {
        let isNew = !isStarted || ssrc != header.ssrc
        isStarted = true
        ssrc = header.ssrc
        expected = header.sequence
        newest = header.sequence
        received = 0
        candidate = nil
        return isNew
    }

    mutating func place(_ header: PacketHeader, window: Int) -> Place {
        guard isStarted else { return .restart }
        let distance = Int(Int16(truncatingIfNeeded: Int(header.sequence) - Int(expected)))
        guard header.ssrc == ssrc, distance < Self.maxDropout, distance > -Self.maxMisorder else {
            // Two in sequence are no accident.
            if let candidate, candidate.ssrc == header.ssrc, candidate.sequence == header.sequence {
                return .restart
            }
            candidate = (header.ssrc, header.sequence &+ 1)
            return .stranger
        }
        if distance == 0 { return .next }
        if distance > 0 { return .ahead(distance) }
        return .behind(isDuplicate: distance >= -64 && received >> UInt64(-distance - 1) & 1 == 1)
    }

    /// Goes on to the next number.
    mutating func advance(received isReceived: Bool) {
        noteNewest(expected)
        expected &+= 1
        received = received << 1 | (isReceived ? 1 : 0)
    }

    /// Whether a later packet has come before.
    func isBehindNewest(_ sequence: UInt16) -> Bool {
        Int16(truncatingIfNeeded: Int(sequence) - Int(newest)) < 0
    }

    mutating func noteNewest(_ sequence: UInt16) {
        if Int16(truncatingIfNeeded: Int(sequence) - Int(newest)) > 0 { newest = sequence }
    }
}

/// Timestamps of RTP, which wrap around every 13 hours, as times.
struct Timeline {
    private let origin: UInt32?
    /// The last timestamp, and how many ticks it is behind the origin.
    private var last: UInt32?
    private var ticks: Int64 = 0

    init(origin: UInt32?) {
        self.origin = origin
    }

    /// For a stream that follows another: its time goes on where that one's was, if it does not say where it begins.
    init(origin: UInt32?, continuing before: Timeline) {
        self.origin = origin
        if origin == nil { ticks = before.ticks }
    }

    /// Goes on to the timestamp of the next access unit.
    mutating func note(_ timestamp: UInt32) {
        if let last {
            ticks &+= Int64(Int32(truncatingIfNeeded: Int64(timestamp) - Int64(last)))
        } else if let origin {
            ticks = Int64(Int32(truncatingIfNeeded: Int64(timestamp) - Int64(origin)))
        }
        last = timestamp
    }

    /// The time of the timestamp that was noted last, ns.
    var time: Int64 { MediaClock.time(ticks) }
}
