import Buffers

/// How NAL units share a packet (RFC 6184, section 5.7.1): one header for all, and a size before each.
enum Aggregate {
    /// Of the RTP header, the header of all, and the sizes.
    static var headerSize: Int { PacketHeader.size + 1 + 2 * H264Payloader.maxAggregated }
}

/// Makes the packets of one access unit.
struct PacketMaker {
    let payloader: Unmanaged<H264Payloader>
    let pool: BufferPool
    let list: Unmanaged<BufferListStorage>
    let pts: Int64
    /// Of the next packet.
    var header: PacketHeader
    private(set) var payloadBytes = 0
    private(set) var sharedBytes = 0
    private(set) var copiedBytes = 0

    init(
        payloader: Unmanaged<H264Payloader>, pool: BufferPool, list: Unmanaged<BufferListStorage>, pts: Int64,
        header: PacketHeader
    ) {
        self.payloader = payloader
        self.pool = pool
        self.list = list
        self.pts = pts
        self.header = header
    }

    /// Adds packets of some units of a buffer.
    mutating func add(
        _ units: NALUnits, _ range: Range<Int>, of buffer: Unmanaged<BufferStorage>, isAccessUnit: Bool
    ) throws(BufferError) {
        let (mtu, aggregates, isSingleNAL) = payloader._withUnsafeGuaranteedRef {
            ($0.mtu, $0.aggregates, $0.isSingleNAL)
        }
        var source = Source(buffer, isAccessUnit: isAccessUnit)
        var index = range.lowerBound
        while index < range.upperBound {
            let unit = units[index]
            if aggregates {
                let end = Self.aggregateEnd(units, index..<range.upperBound, mtu: mtu)
                if end - index > 1 {
                    try addAggregate(units, index..<end, &source)
                    index = end
                    continue
                }
            }
            index += 1
            if unit.size <= mtu - PacketHeader.size {
                try addPacket(nil, &source, offset: unit.offset, size: unit.size)
            } else if isSingleNAL {
                throw .tooLarge(
                    "the NAL unit at byte \(unit.offset) of the access unit has \(unit.size) bytes, and packets have room "
                        + "for \(mtu - PacketHeader.size); raise mtu or leave single_nal_mode")
            } else {
                try addFragments(unit, &source, mtu: mtu)
            }
        }
    }

    /// What the packets share regions of.
    private struct Source {
        let buffer: Unmanaged<BufferStorage>
        var cursor: BufferCursor
        let isAccessUnit: Bool

        init(_ buffer: Unmanaged<BufferStorage>, isAccessUnit: Bool) {
            self.buffer = buffer
            cursor = BufferCursor(buffer)
            self.isAccessUnit = isAccessUnit
        }
    }

    /// A packet with its RTP header, and where that is.
    private struct Packet {
        var handle: Unmanaged<BufferStorage>
        let bytes: UnsafeMutableRawPointer
    }

    @inline(never)
    private mutating func begin(headerSize: Int) throws(BufferError) -> Packet {
        let handle = try pool.acquireHandle(timeout: 0)
        let bytes = handle._withUnsafeGuaranteedRef { storage in
            let memory = storage.reference(at: 0)
            if headerSize != H264Payloader.fragmentHeader {
                // The block has room for the largest header.
                memory._withUnsafeGuaranteedRef { try? $0.resize(offset: 0, size: headerSize) }
            }
            return storage.bytes(at: 0).baseAddress!
        }
        header.write(to: bytes)
        header.sequence &+= 1
        payloadBytes &+= headerSize - PacketHeader.size
        handle.head.pointee.times.pts = pts
        return Packet(handle: handle, bytes: bytes)
    }

    /// Appends a region of the source to a packet: a share of each memory that it touches.
    @inline(never)
    private mutating func append(
        _ packet: Packet, _ source: inout Source, offset: Int, size: Int
    ) throws(BufferError) {
        var place = offset
        let end = offset + size
        while place < end {
            source.cursor.seek(place)
            let from = place - source.cursor.start
            let length = min(end - place, source.cursor.bytes.count - from)
            let memory = source.buffer._withUnsafeGuaranteedRef { $0.reference(at: source.cursor.index) }
            let copied = try append(packet, shareOf: memory, offset: from, size: length)
            copiedBytes &+= copied
            if source.isAccessUnit { sharedBytes &+= length - copied }
            place += length
        }
        payloadBytes &+= size
    }

    /// Puts a packet into the list.
    @inline(never)
    private mutating func finish(_ packet: Packet, _ source: Source) throws(BufferError) {
        let buffer = source.buffer
        try packet.handle.borrowed { storage throws(BufferError) in
            try buffer.borrowed { buffer throws(BufferError) in try storage.keepOut(parentsOf: buffer) }
        }
        try list.borrowed { list throws(BufferError) in
            try list.insert(taking: packet.handle, at: list.count)
        }
    }

    /// Adds a packet of one region of the source, behind the two bytes of a fragment's header if there are any.
    @inline(never)
    private mutating func addPacket(
        _ fragment: (indicator: UInt8, header: UInt8)?, _ source: inout Source, offset: Int, size: Int
    ) throws(BufferError) {
        let packet = try begin(
            headerSize: fragment == nil ? PacketHeader.size : H264Payloader.fragmentHeader)
        if let fragment {
            packet.bytes.storeBytes(of: fragment.indicator, toByteOffset: PacketHeader.size, as: UInt8.self)
            packet.bytes.storeBytes(of: fragment.header, toByteOffset: PacketHeader.size + 1, as: UInt8.self)
        }
        do throws(BufferError) {
            try append(packet, &source, offset: offset, size: size)
            try finish(packet, source)
        } catch {
            packet.handle.dropHandle()
            throw error
        }
    }

    /// Adds a unit in fragments (FU-A: RFC 6184, section 5.8).
    private mutating func addFragments(
        _ unit: NALUnit, _ source: inout Source, mtu: Int
    ) throws(BufferError) {
        let room = mtu - H264Payloader.fragmentHeader
        let indicator = unit.header & 0xE0 | NALType.fuA.rawValue
        let type = unit.header & 0x1F
        let end = unit.offset + unit.size
        // The unit's own header is not sent: it is in the two bytes of each fragment.
        var place = unit.offset + 1
        var isFirst = true
        while place < end {
            let size = min(room, end - place)
            let bits: UInt8 = isFirst ? 0x80 : place + size == end ? 0x40 : 0
            try addPacket((indicator, bits | type), &source, offset: place, size: size)
            place += size
            isFirst = false
        }
    }

    /// Behind the last unit of those that fit a packet with the first.
    private static func aggregateEnd(_ units: NALUnits, _ range: Range<Int>, mtu: Int) -> Int {
        var room = mtu - PacketHeader.size - 1
        var end = range.lowerBound
        while end < range.upperBound, end - range.lowerBound < H264Payloader.maxAggregated {
            room -= 2 + units[end].size
            if room < 0 { break }
            end += 1
        }
        return end
    }

    /// Adds units that share a packet. Their sizes lie behind each other in the memory of the header, and are shared
    /// from there, but for the first one.
    private mutating func addAggregate(
        _ units: NALUnits, _ range: Range<Int>, _ source: inout Source
    ) throws(BufferError) {
        let firstSize = PacketHeader.size + 1
        let packet = try begin(headerSize: firstSize + 2 * range.count)
        var importance: UInt8 = 0
        for index in range {
            let unit = units[index]
            importance = max(importance, unit.header & 0x60)
            packet.bytes.storeBytes(
                of: UInt16(unit.size).bigEndian, toByteOffset: firstSize + 2 * (index - range.lowerBound),
                as: UInt16.self)
        }
        packet.bytes.storeBytes(
            of: importance | NALType.stapA.rawValue, toByteOffset: PacketHeader.size, as: UInt8.self)
        do throws(BufferError) {
            let headers = packet.handle._withUnsafeGuaranteedRef { $0.reference(at: 0) }
            for index in range {
                if index > range.lowerBound {
                    let place = firstSize + 2 * (index - range.lowerBound)
                    _ = try append(packet, shareOf: headers, offset: place, size: 2)
                }
                try append(packet, &source, offset: units[index].offset, size: units[index].size)
            }
            _ = headers._withUnsafeGuaranteedRef { try? $0.resize(offset: 0, size: firstSize + 2) }
            try finish(packet, source)
        } catch {
            packet.handle.dropHandle()
            throw error
        }
    }

    /// Appends a share of a memory to a packet.
    ///
    /// - Returns: how many bytes were copied.
    @inline(never)
    private func append(
        _ packet: Packet, shareOf memory: Unmanaged<Memory>, offset: Int, size: Int
    ) throws(BufferError) -> Int {
        try packet.handle.borrowed { storage throws(BufferError) in
            try storage.append(shareOf: memory, offset: offset, size: size)
        }
    }

    /// Gives the last packet the marker: the access unit ends with it.
    func markLast() {
        list._withUnsafeGuaranteedRef { list in
            let last = list.reference(at: list.count - 1)
            PacketHeader.setMarker(last._withUnsafeGuaranteedRef { $0.bytes(at: 0).baseAddress! })
            last.head.pointee.flags.insert(.marker)
        }
    }
}
