import Buffers
import Transport

/// Makes RTP packets of H.264 access units (RFC 6184, packetization modes 0 and 1).
///
/// A packet is a buffer of a header and of regions of the access unit, which are shared and not copied. Packets, headers
/// and C's lists are used again once they are dropped.
///
/// Threads: one at a time; the packets go to any.
public final class H264Payloader {
    /// How the NAL units of an access unit follow each other.
    public enum Format: UInt8, Sendable {
        /// Behind start codes (ITU-T H.264, Annex B).
        case annexB
        /// Behind their sizes (ISO/IEC 14496-15).
        case avc
    }

    /// What packets are to be made. Nil is a random value.
    public struct Options: Sendable {
        /// The bounds of ``mtu``.
        public static let mtuRange = 28...65507

        public var format = Format.annexB
        /// The most bytes of a packet with its RTP header, without those of UDP and IP.
        public var mtu = 1400
        /// 1 to 127.
        public var payloadType = 96
        public var ssrc: UInt32?
        /// Of the first packet.
        public var sequence: UInt16?
        /// The RTP timestamp of time 0.
        public var timestampOffset: UInt32?
        /// Packetization mode 0, in which each NAL unit must fit a packet.
        public var singleNALMode = false
        /// Whether small NAL units that follow each other share a packet (STAP-A).
        public var aggregates = false
        /// Whether IDR pictures are preceded by the parameter sets if they come without.
        public var repeatsParameterSets = false
        /// AVC: bytes of the size before each NAL unit: 1, 2 or 4; nil for what ``codecData`` says, or 4.
        public var nalSizeBytes: Int?
        /// An AVCDecoderConfigurationRecord (avcC), from which the parameter sets are taken.
        public var codecData: [UInt8] = []

        public init() {}
    }

    /// Counts since the payloader was made.
    public struct Stats: Sendable {
        public var accessUnits: UInt64 = 0
        public var packets: UInt64 = 0
        /// Of the packets, without their RTP headers.
        public var payloadBytes: UInt64 = 0
        /// Of ``payloadBytes``, those that are regions of access units.
        public var sharedBytes: UInt64 = 0
        /// Of ``payloadBytes``, those that were copied because their memory is ``MemoryFlags/noShare``.
        public var copiedBytes: UInt64 = 0
    }

    /// Bytes of the headers of most packets, fragments: those of RTP, FU indicator and FU header.
    static let fragmentHeader = PacketHeader.size + 2
    /// The most NAL units in a packet: with their sizes they are as many memories as a buffer has room for.
    static let maxAggregated = BufferStorage.inlineCapacity / 2

    let mtu: Int
    let payloadType: UInt8
    let isSingleNAL: Bool
    let aggregates: Bool
    private let format: Format
    private let nalSizeBytes: Int
    private let repeatsParameterSets: Bool
    public let ssrc: UInt32
    public let timestampOffset: UInt32
    private let pool: BufferPool
    private let lists = BufferListPool()

    /// Of the next packet.
    public private(set) var nextSequence: UInt16
    public private(set) var stats = Stats()
    package private(set) var parameterSets = ParameterSets()
    private var units = NALUnits()

    /// - Throws: ``BufferError`` of kind `outOfRange` for the MTU and the payload type, `invalidArgument` for
    ///   ``Options/nalSizeBytes``, `corrupt` for ``Options/codecData``, `noMemory`.
    public convenience init(_ options: Options = Options()) throws(BufferError) {
        var sets = ParameterSets()
        var sizeBytes = 4
        var pool = BufferPool()
        do throws(BufferError) {
            try options.check()
            if !options.codecData.isEmpty { sizeBytes = try sets.add(codecData: options.codecData) }
            pool = try BufferPool(
                forPackets: BufferPool.Configuration(
                    size: Self.fragmentHeader,
                    allocation: AllocationParameters(
                        alignment: 16, padding: Aggregate.headerSize - Self.fragmentHeader)))
        } catch {
            self.init(options, pool, sets, sizeBytes: sizeBytes)
            throw error
        }
        self.init(options, pool, sets, sizeBytes: options.nalSizeBytes ?? sizeBytes)
    }

    private init(_ options: Options, _ pool: BufferPool, _ sets: ParameterSets, sizeBytes: Int) {
        mtu = options.mtu
        payloadType = UInt8(truncatingIfNeeded: options.payloadType)
        isSingleNAL = options.singleNALMode
        aggregates = options.aggregates && !options.singleNALMode
        format = options.format
        nalSizeBytes = sizeBytes
        repeatsParameterSets = options.repeatsParameterSets
        let random = System.randomNumber()
        ssrc = options.ssrc ?? UInt32(truncatingIfNeeded: random)
        nextSequence = options.sequence ?? UInt16(truncatingIfNeeded: random >> 32)
        timestampOffset = options.timestampOffset ?? UInt32(truncatingIfNeeded: System.randomNumber())
        self.pool = pool
        parameterSets = sets
    }

    /// Makes packets of one access unit, which must have a pts. While they live its memories cannot be written to.
    ///
    /// - Throws: ``BufferError`` of kind `invalidArgument` (no pts, no bytes), `corrupt` (no NAL units that RTP can
    ///   carry), `tooLarge` (a NAL unit that does not fit a packet in mode 0), `notWritable` (a memory is mapped for
    ///   writing), `unsupported` (a memory cannot be mapped), `noMemory`. No packet has been made then.
    public func payload(_ accessUnit: Buffer) throws(BufferError) -> BufferList {
        let handle = try payload(Unmanaged.passUnretained(accessUnit.storage))
        return BufferList(takingHandle: handle)
    }

    /// As ``payload(_:)``, of a buffer that outlives the call.
    package func payload(
        _ accessUnit: Unmanaged<BufferStorage>
    ) throws(BufferError) -> Unmanaged<BufferListStorage> {
        let pts = accessUnit.head.pointee.times.pts
        guard pts != .min else {
            throw .invalidArgument("the access unit has no pts, which the RTP timestamp is made of; set it")
        }
        try findUnits(in: accessUnit)
        try noteParameterSets(accessUnit)

        let list = lists.acquireHandle()
        var packets = PacketMaker(
            payloader: Unmanaged.passUnretained(self), pool: pool, list: list, pts: pts,
            header: PacketHeader(
                payloadType: payloadType, marker: false, sequence: nextSequence,
                timestamp: timestampOffset &+ MediaClock.ticks(pts), ssrc: ssrc))
        do throws(BufferError) {
            try makePackets(of: accessUnit, &packets)
        } catch {
            list.dropHandle()
            throw error
        }
        packets.markLast()
        nextSequence = packets.header.sequence
        stats.accessUnits &+= 1
        stats.packets &+= UInt64(list._withUnsafeGuaranteedRef { $0.count })
        stats.payloadBytes &+= UInt64(packets.payloadBytes)
        stats.sharedBytes &+= UInt64(packets.sharedBytes)
        stats.copiedBytes &+= UInt64(packets.copiedBytes)
        return list
    }

    private func findUnits(in accessUnit: Unmanaged<BufferStorage>) throws(BufferError) {
        let (size, isMappable) = accessUnit._withUnsafeGuaranteedRef { storage in
            var isMappable = true
            for index in 0..<storage.count
            where storage.reference(at: index)._withUnsafeGuaranteedRef({ $0.flags.contains(.notMappable) }) {
                isMappable = false
            }
            return (storage.size, isMappable)
        }
        guard isMappable else {
            throw .unsupported(
                "a memory of the access unit cannot be mapped, so no packets can be made of it")
        }
        guard size > 0 else { throw .invalidArgument("the access unit has no bytes") }
        switch format {
        case .annexB: try units.findStartCodes(in: accessUnit, size: size)
        case .avc: try units.findSizes(in: accessUnit, size: size, sizeBytes: nalSizeBytes)
        }
    }

    private func noteParameterSets(_ accessUnit: Unmanaged<BufferStorage>) throws(BufferError) {
        var cursor = BufferCursor(accessUnit)
        for index in 0..<units.count {
            let unit = units[index]
            if unit.type == .sequenceParameters || unit.type == .pictureParameters {
                try parameterSets.note(unit, &cursor)
            }
        }
    }

    private func makePackets(
        of accessUnit: Unmanaged<BufferStorage>, _ packets: inout PacketMaker
    ) throws(BufferError) {
        var first = 0
        if repeatsParameterSets, lacksParameterSets, let sets = parameterSets.buffer {
            // The delimiter stays first.
            if units[0].type == .accessUnitDelimiter { first = 1 }
            try packets.add(units, 0..<first, of: accessUnit, isAccessUnit: true)
            try packets.add(parameterSets.units, 0..<parameterSets.units.count, of: sets, isAccessUnit: false)
        }
        try packets.add(units, first..<units.count, of: accessUnit, isAccessUnit: true)
    }

    /// Whether decoding could begin here if the parameter sets were not missing.
    private var lacksParameterSets: Bool {
        var isInstantRefresh = false
        for index in 0..<units.count {
            let type = units[index].type
            if type == .sequenceParameters || type == .pictureParameters { return false }
            if type == .instantRefresh { isInstantRefresh = true }
        }
        return isInstantRefresh
    }
}

extension H264Payloader.Options {
    fileprivate func check() throws(BufferError) {
        guard mtu >= Self.mtuRange.lowerBound, mtu <= Self.mtuRange.upperBound else {
            throw .outOfRange(
                "mtu is \(mtu) bytes; it must be \(Self.mtuRange.lowerBound) to \(Self.mtuRange.upperBound), "
                    + "so that there is room for a payload behind the headers")
        }
        guard payloadType >= 1, payloadType <= 127 else {
            throw .outOfRange("payload_type is \(payloadType); it must be 1 to 127")
        }
        if let nalSizeBytes, nalSizeBytes != 1, nalSizeBytes != 2, nalSizeBytes != 4 {
            throw .invalidArgument("nal_size_bytes is \(nalSizeBytes); it must be 1, 2 or 4")
        }
    }
}
