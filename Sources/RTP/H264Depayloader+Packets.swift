import Buffers

/// What is made of packets whose turn it is.
extension H264Depayloader {
    /// Uses one packet; what is wrong with it is counted, and damages the access unit.
    func use(_ packet: UnsafeRawBufferPointer) throws(BufferError) {
        // A packet without a payload keeps a path open.
        guard let (header, range) = PacketHeader.parse(packet), !range.isEmpty else { return }
        let payload = UnsafeRawBufferPointer(rebasing: packet[range])
        beginAccessUnit(header)
        do throws(BufferError) {
            if try !take(payload) {
                stats.malformed &+= 1
                dropFragments()
                isDamaged = true
            }
        } catch {
            dropFragments()
            isDamaged = true
            throw error
        }
        if header.marker { endAccessUnit() }
    }

    /// Sees to it that the access unit of a packet has begun.
    private func beginAccessUnit(_ header: PacketHeader) {
        let isGap = self.isGap
        self.isGap = false
        if isGap { dropFragments() }
        if isInAccessUnit {
            // What is missing may be of both.
            if isGap { isDamaged = true }
            if timestamp == header.timestamp { return }
            endAccessUnit()
        }
        isInAccessUnit = true
        timestamp = header.timestamp
        timeline.note(header.timestamp)
        isDamaged = isGap
    }

    /// Forgets a unit of which a fragment is missing.
    private func dropFragments() {
        guard fragmentHeader != nil || assembler.isInUnit else { return }
        fragmentHeader = nil
        assembler.dropUnit()
        isDamaged = true
    }

    /// Takes the payload of a packet; `false` when it is not as RFC 6184 says.
    private func take(_ payload: UnsafeRawBufferPointer) throws(BufferError) -> Bool {
        let header = payload[0]
        // The forbidden bit says that the unit is damaged.
        guard header & 0x80 == 0 else { return false }
        let type = NALType(rawValue: header & 0x1F)
        let isFragment = type == .fuA
        if !isFragment { dropFragments() }
        if type.isOfUnit { return try takeUnit(payload) }
        if isFragment { return try takeFragment(payload) }
        if type == .stapA { return try takeAggregate(payload) }
        return false
    }

    private func takeUnit(_ unit: UnsafeRawBufferPointer) throws(BufferError) -> Bool {
        guard try assembler.beginUnit(header: unit[0]),
            try assembler.append(UnsafeRawBufferPointer(rebasing: unit[1...]))
        else {
            assembler.dropUnit()
            isDamaged = true
            return true
        }
        assembler.endUnit()
        return true
    }

    private func takeAggregate(_ payload: UnsafeRawBufferPointer) throws(BufferError) -> Bool {
        var place = 1
        guard payload.count > 3 else { return false }
        while place < payload.count {
            guard place + 2 <= payload.count else { return false }
            let size = Int(payload[place]) << 8 | Int(payload[place + 1])
            place += 2
            guard size > 0, size <= payload.count - place, payload[place] & 0x80 == 0,
                NALType(rawValue: payload[place] & 0x1F).isOfUnit
            else { return false }
            guard try takeUnit(UnsafeRawBufferPointer(rebasing: payload[place..<place + size])) else {
                return false
            }
            place += size
        }
        return true
    }

    private func takeFragment(_ payload: UnsafeRawBufferPointer) throws(BufferError) -> Bool {
        guard payload.count > 2 else { return false }
        let isStart = payload[1] & 0x80 != 0
        let isEnd = payload[1] & 0x40 != 0
        let header = payload[0] & 0xE0 | payload[1] & 0x1F
        guard NALType(rawValue: header & 0x1F).isOfUnit, !(isStart && isEnd) else { return false }
        if isStart {
            dropFragments()
            guard try assembler.beginUnit(header: header) else {
                isDamaged = true
                return true
            }
            fragmentHeader = header
        } else if fragmentHeader != header {
            // The beginning is missing, or it is of another unit.
            dropFragments()
            isDamaged = true
            return true
        }
        guard try assembler.append(UnsafeRawBufferPointer(rebasing: payload[2...])) else {
            dropFragments()
            return true
        }
        if isEnd {
            assembler.endUnit()
            fragmentHeader = nil
        }
        return true
    }
}
