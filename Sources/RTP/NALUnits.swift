import Buffers
import CPosix

/// Where a NAL unit of an access unit lies (ITU-T H.264, section 7.3.1).
struct NALUnit {
    /// Of its first byte, the header, in the access unit.
    var offset: Int
    var size: Int
    var header: UInt8

    var type: NALType { NALType(rawValue: header & 0x1F) }
}

/// The types of NAL units that this module looks at (ITU-T H.264, table 7-1; RFC 6184, table 1).
struct NALType: RawRepresentable, Equatable {
    let rawValue: UInt8

    static let instantRefresh = NALType(rawValue: 5)
    static let sequenceParameters = NALType(rawValue: 7)
    static let pictureParameters = NALType(rawValue: 8)
    static let accessUnitDelimiter = NALType(rawValue: 9)
    static let stapA = NALType(rawValue: 24)
    static let fuA = NALType(rawValue: 28)

    /// Whether a NAL unit can have it: the others mean packets of several units or of parts.
    var isOfUnit: Bool { rawValue >= 1 && rawValue <= 23 }
}

/// A place in the bytes of a buffer, which may have several memories. It should not jump far.
struct BufferCursor {
    let buffer: Unmanaged<BufferStorage>
    /// The memory, and where in the buffer it begins.
    private(set) var index = 0
    private(set) var start = 0
    private(set) var bytes: UnsafeMutableRawBufferPointer

    /// The buffer must have memories, and outlive the cursor.
    init(_ buffer: Unmanaged<BufferStorage>) {
        self.buffer = buffer
        bytes = buffer._withUnsafeGuaranteedRef { $0.bytes(at: 0) }
    }

    /// Goes to the memory that has byte `offset` of the buffer, which must exist.
    @inline(__always)
    mutating func seek(_ offset: Int) {
        if offset < start || offset - start >= bytes.count { move(to: offset) }
    }

    @inline(never)
    private mutating func move(to offset: Int) {
        while offset < start {
            index -= 1
            bytes = buffer._withUnsafeGuaranteedRef { $0.bytes(at: index) }
            start -= bytes.count
        }
        while offset - start >= bytes.count {
            start += bytes.count
            index += 1
            bytes = buffer._withUnsafeGuaranteedRef { $0.bytes(at: index) }
        }
    }

    /// The byte at `offset`, which must exist.
    @inline(never)
    mutating func byte(at offset: Int) -> UInt8 {
        seek(offset)
        return bytes[offset - start]
    }
}

/// The NAL units of one access unit after another, found without touching more than start codes and sizes.
struct NALUnits {
    private var units: [NALUnit] = []
    private(set) var count = 0

    subscript(index: Int) -> NALUnit { units[index] }

    @inline(never)
    private mutating func append(_ unit: NALUnit) {
        if count < units.count { units[count] = unit } else { units.append(unit) }
        count += 1
    }

    mutating func removeAll() { count = 0 }

    /// Adds the unit of `size` bytes from `offset`, whose header must be one that RTP can carry.
    private mutating func add(
        _ cursor: inout BufferCursor, offset: Int, size: Int
    ) throws(BufferError) {
        guard size > 0 else {
            throw .corrupt("the NAL unit at byte \(offset) of the access unit is empty")
        }
        let unit = NALUnit(offset: offset, size: size, header: cursor.byte(at: offset))
        guard unit.header & 0x80 == 0 else {
            throw .corrupt("the NAL unit at byte \(offset) of the access unit has the forbidden bit set")
        }
        guard unit.type.isOfUnit else {
            throw .corrupt(
                "the NAL unit at byte \(offset) of the access unit has type \(unit.type.rawValue); RTP can carry 1 to 23"
            )
        }
        append(unit)
    }

    /// Finds the units that lie behind start codes (ITU-T H.264, Annex B).
    mutating func findStartCodes(in buffer: Unmanaged<BufferStorage>, size: Int) throws(BufferError) {
        removeAll()
        var cursor = BufferCursor(buffer)
        // Of the unit that has begun; negative before the first start code.
        var unitStart = -1
        // The two bytes before the memory.
        var last: UInt8 = 0xFF
        var lastButOne: UInt8 = 0xFF
        var memoryStart = 0
        for index in 0..<buffer._withUnsafeGuaranteedRef({ $0.count }) {
            let bytes = buffer._withUnsafeGuaranteedRef { $0.bytes(at: index) }
            guard let base = bytes.baseAddress, bytes.count > 0 else { continue }
            var place = 0
            // The system's search is several times faster than looking for the three bytes, and few bytes are 1.
            while place < bytes.count, let found = memchr(base + place, 1, bytes.count - place) {
                let one = base.distance(to: found)
                place = one + 1
                let before = one >= 1 ? bytes[one - 1] : last
                let beforeThat = one >= 2 ? bytes[one - 2] : one == 1 ? last : lastButOne
                guard before == 0, beforeThat == 0 else { continue }
                try endUnit(&cursor, from: unitStart, to: memoryStart + one - 2)
                unitStart = memoryStart + place
            }
            if bytes.count >= 2 { lastButOne = bytes[bytes.count - 2] } else { lastButOne = last }
            last = bytes[bytes.count - 1]
            memoryStart += bytes.count
        }
        guard unitStart >= 0 else {
            throw .corrupt(
                "the access unit of \(size) bytes has no start code (00 00 01); is its format FW_H264_FORMAT_AVC?"
            )
        }
        try endUnit(&cursor, from: unitStart, to: size)
    }

    /// Adds what lies between two start codes without the zeros at its end, which belong to no unit.
    private mutating func endUnit(
        _ cursor: inout BufferCursor, from start: Int, to end: Int
    ) throws(BufferError) {
        var last = end
        while last > max(0, start), cursor.byte(at: last - 1) == 0 { last -= 1 }
        if start >= 0 {
            try add(&cursor, offset: start, size: last - start)
        } else if last > 0 {
            throw .corrupt(
                "byte \(last - 1) of the access unit comes before the first start code and is not 0")
        }
    }

    /// Finds the units that lie behind their sizes of `sizeBytes` (ISO/IEC 14496-15, section 5.3.4.2).
    mutating func findSizes(
        in buffer: Unmanaged<BufferStorage>, size: Int, sizeBytes: Int
    ) throws(BufferError) {
        removeAll()
        var cursor = BufferCursor(buffer)
        var place = 0
        while place < size {
            guard sizeBytes <= size - place else {
                throw .corrupt(
                    "the access unit ends in the middle of the size of a NAL unit, at byte \(place)")
            }
            var unitSize = 0
            for index in 0..<sizeBytes { unitSize = unitSize << 8 | Int(cursor.byte(at: place + index)) }
            place += sizeBytes
            guard unitSize <= size - place else {
                throw .corrupt(
                    "the NAL unit at byte \(place) of the access unit is said to have \(unitSize) bytes, of which "
                        + "\(size - place) are there; is its format FW_H264_FORMAT_ANNEX_B?")
            }
            try add(&cursor, offset: place, size: unitSize)
            place += unitSize
        }
    }
}
