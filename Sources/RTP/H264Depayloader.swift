import Buffers

/// Puts access units together from RTP packets (RFC 6184, packetization modes 0 and 1).
///
/// Whatever the packets contain, memory is bounded by the options, and no packet makes it fail.
///
/// Threads: one at a time; the access units go to any.
public final class H264Depayloader {
    /// What packets are expected, and what is made of them.
    public struct Options: Sendable {
        /// Of the access units: start codes, or sizes, of 4 bytes.
        public var format = H264Payloader.Format.annexB
        /// Others are ignored; nil is any.
        public var payloadType: Int?
        /// Behind a missing packet, so many are held back before it is given up: 1 to 1024.
        public var reorderPackets = 32
        /// Others are ignored; nil is that of the first packet, and a new one once two packets in sequence have it.
        public var ssrc: UInt32?
        /// The RTP timestamp of time 0; nil is that of the first packet.
        public var timestampOffset: UInt32?
        /// Larger access units are damaged. 64 at least.
        public var maxAccessUnitBytes = 16 << 20
        /// Access units that wait to be fetched: then the oldest is dropped. 1 to 1024.
        public var maxWaiting = 32
        /// Whether access units of which something is missing are dropped.
        public var dropsDamaged = false

        public init() {}
    }

    /// Counts since the depayloader was made.
    public struct Stats: Sendable, Equatable {
        /// Of the stream; 0 before there is one.
        public var ssrc: UInt32 = 0
        public var packets: UInt64 = 0
        public var lost: UInt64 = 0
        public var reordered: UInt64 = 0
        public var late: UInt64 = 0
        public var duplicate: UInt64 = 0
        public var malformed: UInt64 = 0
        public var ignored: UInt64 = 0
        public var accessUnits: UInt64 = 0
        public var damaged: UInt64 = 0
        public var dropped: UInt64 = 0
        public var restarts: UInt64 = 0

        public init() {}
    }

    let options: Options
    public internal(set) var stats = Stats()
    let window: ReorderWindow
    var assembler: AccessUnitAssembler
    var sequence = SequenceState()
    var timeline: Timeline
    /// The type and header of the unit whose fragments are coming.
    var fragmentHeader: UInt8?
    /// Whether an access unit has begun, its RTP timestamp, and whether something of it is missing.
    var isInAccessUnit = false
    var timestamp: UInt32 = 0
    var isDamaged = false
    /// Whether something before the next packet is missing.
    var isGap = false

    /// Access units that wait, in a ring.
    private let waiting: UnsafeMutablePointer<Unmanaged<BufferStorage>?>
    private var firstWaiting = 0
    private var waitingCount = 0

    /// - Throws: ``BufferError`` of kind `outOfRange` for an option.
    public convenience init(_ options: Options = Options()) throws(BufferError) {
        do throws(BufferError) {
            try options.check()
        } catch {
            self.init(checked: Options())
            throw error
        }
        self.init(checked: options)
    }

    private init(checked options: Options) {
        self.options = options
        window = ReorderWindow(distance: options.reorderPackets)
        assembler = AccessUnitAssembler(
            writesSizes: options.format == .avc, maxBytes: options.maxAccessUnitBytes)
        timeline = Timeline(origin: options.timestampOffset)
        waiting = .allocate(capacity: options.maxWaiting)
        waiting.initialize(repeating: nil, count: options.maxWaiting)
    }

    deinit {
        assembler.close()
        while let handle = takeWaiting() { handle.dropHandle() }
        waiting.deallocate()
    }

    /// Takes one packet as it came from the network. What is wrong with it is counted.
    ///
    /// - Throws: ``BufferError`` of kind `noMemory`; the packet is lost then.
    public func push(_ packet: UnsafeRawBufferPointer) throws(BufferError) {
        stats.packets &+= 1
        guard packet.count <= 65535, let (header, _) = PacketHeader.parse(packet) else {
            stats.malformed &+= 1
            return
        }
        if let type = options.payloadType, type != Int(header.payloadType) {
            stats.ignored &+= 1
            return
        }
        if let ssrc = options.ssrc, ssrc != header.ssrc {
            stats.ignored &+= 1
            return
        }
        switch sequence.place(header, window: options.reorderPackets) {
        case .next: try take(packet, header.sequence)
        case .ahead(let distance): try hold(packet, header.sequence, distance: distance)
        case .behind(let isDuplicate):
            if isDuplicate { stats.duplicate &+= 1 } else { stats.late &+= 1 }
        case .stranger: stats.ignored &+= 1
        case .restart:
            try flush()
            if sequence.isStarted { stats.restarts &+= 1 }
            stats.ssrc = header.ssrc
            let isFirst = !sequence.isStarted
            if sequence.start(header) {
                timeline = Timeline(origin: options.timestampOffset, continuing: timeline)
            }
            isGap = !isFirst
            try take(packet, header.sequence)
        }
    }

    /// Uses the packet whose turn it is, and those behind it that have come already.
    private func take(_ packet: UnsafeRawBufferPointer, _ number: UInt16) throws(BufferError) {
        if sequence.isBehindNewest(number) { stats.reordered &+= 1 }
        sequence.advance(received: true)
        try use(packet)
        try takeHeld()
    }

    private func takeHeld() throws(BufferError) {
        while window.count > 0, let packet = window.remove(sequence.expected) {
            sequence.advance(received: true)
            try use(packet)
        }
    }

    /// Keeps a packet whose turn comes later; what is missing too far before it is given up.
    private func hold(
        _ packet: UnsafeRawBufferPointer, _ number: UInt16, distance: Int
    ) throws(BufferError) {
        var distance = distance
        while distance > options.reorderPackets {
            if window.count == 0 {
                let missing = distance - options.reorderPackets
                giveUp(missing)
                distance -= missing
                break
            }
            giveUp(1)
            distance -= 1
            let before = sequence.expected
            try takeHeld()
            distance -= Int(sequence.expected &- before)
        }
        // All before it may have been there.
        if distance == 0 {
            try take(packet, number)
            return
        }
        if window.holds(number) {
            stats.duplicate &+= 1
            return
        }
        if sequence.isBehindNewest(number) { stats.reordered &+= 1 }
        sequence.noteNewest(number)
        try window.insert(packet, number)
    }

    private func giveUp(_ count: Int) {
        for _ in 0..<count { sequence.advance(received: false) }
        stats.lost &+= UInt64(count)
        isGap = true
    }

    /// Gives missing packets up and completes the access unit that has begun.
    ///
    /// - Throws: ``BufferError`` of kind `noMemory`.
    public func flush() throws(BufferError) {
        while window.count > 0 {
            giveUp(1)
            try takeHeld()
        }
        endAccessUnit()
    }

    // MARK: Access units

    /// Ends the access unit that has begun, and lets it wait to be fetched.
    func endAccessUnit() {
        guard isInAccessUnit else { return }
        if assembler.isInUnit {
            assembler.dropUnit()
            isDamaged = true
        }
        fragmentHeader = nil
        isInAccessUnit = false
        let wasDamaged = isDamaged
        isDamaged = false
        stats.accessUnits &+= 1
        if wasDamaged { stats.damaged &+= 1 }
        guard let handle = assembler.take() else {
            stats.dropped &+= 1
            return
        }
        if wasDamaged, options.dropsDamaged {
            handle.dropHandle()
            stats.dropped &+= 1
            return
        }
        let head = handle.head
        head.pointee.times.pts = timeline.time
        if wasDamaged { head.pointee.flags.insert(.corrupted) }
        if waitingCount == options.maxWaiting {
            takeWaiting()?.dropHandle()
            stats.dropped &+= 1
        }
        waiting[(firstWaiting + waitingCount) % options.maxWaiting] = handle
        waitingCount += 1
    }

    private func takeWaiting() -> Unmanaged<BufferStorage>? {
        guard waitingCount > 0 else { return nil }
        let handle = waiting[firstWaiting]
        firstWaiting = (firstWaiting + 1) % options.maxWaiting
        waitingCount -= 1
        return handle
    }

    /// The next access unit, in the order of the sequence numbers: one memory, with its pts, and the flag
    /// ``BufferFlags/corrupted`` if something of it may be missing. Nil when more packets are needed.
    public func next() -> Buffer? {
        guard var handle = takeWaiting() else { return nil }
        handle.becomeReference()
        return Buffer(storage: handle.takeRetainedValue())
    }

    /// As ``next()``, as a handle, of which the caller is the only owner.
    package func nextHandle() -> Unmanaged<BufferStorage>? { takeWaiting() }
}

extension H264Depayloader.Options {
    fileprivate func check() throws(BufferError) {
        if let payloadType, payloadType < 0 || payloadType > 127 {
            throw .outOfRange("payload_type is \(payloadType); it must be 0 to 127, or -1 for any")
        }
        guard reorderPackets >= 1, reorderPackets <= 1024 else {
            throw .outOfRange("reorder_packets is \(reorderPackets); it must be 1 to 1024")
        }
        guard maxWaiting >= 1, maxWaiting <= 1024 else {
            throw .outOfRange("max_waiting is \(maxWaiting); it must be 1 to 1024")
        }
        guard maxAccessUnitBytes >= 64, maxAccessUnitBytes <= 1 << 30 else {
            throw .outOfRange("max_access_unit_bytes is \(maxAccessUnitBytes); it must be 64 to \(1 << 30)")
        }
    }
}
