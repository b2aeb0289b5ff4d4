import Buffers
import RTP
import TestSupport
import Testing

/// A NAL unit with a header of `type` and importance 3, whose other bytes count up and are never 0.
func unit(_ type: UInt8, size: Int, importance: UInt8 = 3) -> [UInt8] {
    [importance << 5 | type] + (1..<max(1, size)).map { UInt8($0 % 251 + 2) }
}

/// NAL units behind start codes of 4 bytes.
func annexB(_ units: [[UInt8]]) -> [UInt8] {
    units.flatMap { [0, 0, 0, 1] + $0 }
}

/// NAL units behind their sizes.
func avc(_ units: [[UInt8]], sizeBytes: Int = 4) -> [UInt8] {
    units.flatMap { unit in
        (0..<sizeBytes).reversed().map { UInt8(truncatingIfNeeded: unit.count >> ($0 * 8)) } + unit
    }
}

/// A buffer with memories of these bytes and a time.
func accessUnit(_ memories: [[UInt8]], pts: Int64 = 0, flags: MemoryFlags = []) throws -> Buffer {
    var buffer = Buffer()
    for bytes in memories {
        let memory = try Memory(size: bytes.count, parameters: AllocationParameters())
        try memory.map(.write).copyBytes(from: bytes)
        try memory.unmap(.write)
        if flags.isEmpty {
            try buffer.append(memory)
        } else {
            let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
            copy.copyBytes(from: bytes)
            try buffer.append(Memory(wrapping: copy, flags: flags, release: { copy.deallocate() }))
        }
    }
    buffer.pts = pts
    return buffer
}

func accessUnit(_ bytes: [UInt8], pts: Int64 = 0) throws -> Buffer {
    try accessUnit([bytes], pts: pts)
}

extension Buffer {
    var content: [UInt8] {
        get throws { try withUnsafeBytes { Array($0) } }
    }
}

/// The packets of a list as bytes.
func packets(_ list: BufferList) throws -> [[UInt8]] {
    try list.map { try $0.content }
}

/// Options in which nothing is random.
var fixedOptions: H264Payloader.Options {
    var options = H264Payloader.Options()
    options.ssrc = 0x1122_3344
    options.sequence = 0xFFFE
    options.timestampOffset = 1000
    return options
}

/// An RTP packet.
func packet(
    _ sequence: Int, _ payload: [UInt8], timestamp: UInt32 = 0, marker: Bool = false, ssrc: UInt32 = 1,
    type: UInt8 = 96
) -> [UInt8] {
    var bytes: [UInt8] = [0x80, type | (marker ? 0x80 : 0)]
    bytes += [UInt8(truncatingIfNeeded: sequence >> 8), UInt8(truncatingIfNeeded: sequence)]
    for value in [timestamp, ssrc] {
        bytes += [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
    }
    return bytes + payload
}

extension H264Depayloader {
    func push(_ packet: [UInt8]) throws {
        // In a block of its own, so that the address sanitizer sees what reaches past it.
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: packet.count, alignment: 1)
        defer { bytes.deallocate() }
        bytes.copyBytes(from: packet)
        try push(UnsafeRawBufferPointer(bytes))
    }

    /// All access units that wait.
    func units() throws -> [[UInt8]] {
        var result: [[UInt8]] = []
        while let buffer = next() { result.append(try buffer.content) }
        return result
    }
}
