import Buffers

/// The fixed header of RTP packets (RFC 3550, section 5.1).
struct PacketHeader {
    static let size = 12

    var payloadType: UInt8
    var marker: Bool
    var sequence: UInt16
    var timestamp: UInt32
    var ssrc: UInt32

    /// Writes it without CSRCs, extension and padding.
    @inline(__always)
    func write(to bytes: UnsafeMutableRawPointer) {
        bytes.storeBytes(of: 0x80, as: UInt8.self)
        bytes.storeBytes(of: payloadType | (marker ? 0x80 : 0), toByteOffset: 1, as: UInt8.self)
        bytes.storeBytes(of: sequence.bigEndian, toByteOffset: 2, as: UInt16.self)
        bytes.storeBytes(of: timestamp.bigEndian, toByteOffset: 4, as: UInt32.self)
        bytes.storeBytes(of: ssrc.bigEndian, toByteOffset: 8, as: UInt32.self)
    }

    /// Sets the marker of a header that is written.
    static func setMarker(_ bytes: UnsafeMutableRawPointer) {
        let byte = bytes.load(fromByteOffset: 1, as: UInt8.self)
        bytes.storeBytes(of: byte | 0x80, toByteOffset: 1, as: UInt8.self)
    }

    /// Reads the header of a packet, with all that can come before and behind the payload.
    ///
    /// - Returns: the header and where the payload lies; nil for what is no RTP packet.
    static func parse(_ packet: UnsafeRawBufferPointer) -> (PacketHeader, payload: Range<Int>)? {
        guard packet.count >= size, packet[0] >> 6 == 2 else { return nil }
        var start = size + Int(packet[0] & 15) * 4
        if packet[0] & 0x10 != 0 {
            guard start + 4 <= packet.count else { return nil }
            start += 4 + (Int(packet[start + 2]) << 8 | Int(packet[start + 3])) * 4
        }
        var end = packet.count
        guard start <= end else { return nil }
        if packet[0] & 0x20 != 0 {
            let padding = Int(packet[end - 1])
            guard padding > 0, padding <= end - start else { return nil }
            end -= padding
        }
        let header = PacketHeader(
            payloadType: packet[1] & 0x7F, marker: packet[1] & 0x80 != 0,
            sequence: UInt16(bigEndian: packet.loadUnaligned(fromByteOffset: 2, as: UInt16.self)),
            timestamp: UInt32(bigEndian: packet.loadUnaligned(fromByteOffset: 4, as: UInt32.self)),
            ssrc: UInt32(bigEndian: packet.loadUnaligned(fromByteOffset: 8, as: UInt32.self)))
        return (header, start..<end)
    }
}

/// The clock of H.264 in RTP: 90 kHz (RFC 6184, section 8.2.1).
enum MediaClock {
    /// The ticks of a time in nanoseconds, rounded down; as in RTP, the lower 32 bits of them.
    static func ticks(_ time: Int64) -> UInt32 {
        var units = time / 100_000
        var rest = time % 100_000
        if rest < 0 {
            units -= 1
            rest += 100_000
        }
        return UInt32(truncatingIfNeeded: units &* 9 &+ rest * 9 / 100_000)
    }

    /// The nanoseconds of a number of ticks, rounded down; it saturates.
    static func time(_ ticks: Int64) -> Int64 {
        var units = ticks / 9
        var rest = ticks % 9
        if rest < 0 {
            units -= 1
            rest += 9
        }
        let (time, overflow) = units.multipliedReportingOverflow(by: 100_000)
        // Int64.min is the time that is none.
        if overflow { return units < 0 ? .min + 1 : .max }
        let (sum, overflows) = time.addingReportingOverflow(rest * 100_000 / 9)
        return overflows ? .max : max(sum, .min + 1)
    }
}
