import Buffers
import CPosix

/// The parameter sets of a stream, which a decoder needs before the first picture.
package struct ParameterSets {
    /// The most that are kept, and the bytes of one; streams have two of some dozen bytes.
    private static let limit = 16
    private static let maxSize = 1024

    struct Entry {
        let isSequence: Bool
        /// Tells sets of one type apart: its seq_parameter_set_id or pic_parameter_set_id.
        let id: Int
        var bytes: [UInt8]
    }

    /// Sequence parameter sets come first.
    private(set) var entries: [Entry] = []
    /// The sets one after another, to be sent, and where they lie.
    private var storage: BufferStorage?
    private(set) var units = NALUnits()

    var buffer: Unmanaged<BufferStorage>? { storage.map { Unmanaged.passUnretained($0) } }

    /// Keeps a set of an access unit, instead of that with its number.
    mutating func note(_ unit: NALUnit, _ cursor: inout BufferCursor) throws(BufferError) {
        guard unit.size <= Self.maxSize else { return }
        for entry in entries where entry.bytes.count == unit.size {
            var same = 0
            while same < unit.size, entry.bytes[same] == cursor.byte(at: unit.offset + same) { same += 1 }
            if same == unit.size { return }
        }
        var bytes: [UInt8] = []
        for index in 0..<unit.size { bytes.add(cursor.byte(at: unit.offset + index)) }
        add(bytes)
        try rebuild()
    }

    private mutating func add(_ bytes: [UInt8]) {
        let isSequence = NALType(rawValue: bytes[0] & 0x1F) == .sequenceParameters
        let id = Self.exponentialGolomb(bytes, from: isSequence ? 32 : 8)
        var place = 0
        for index in 0..<entries.count {
            if entries[index].isSequence == isSequence, entries[index].id == id {
                entries[index].bytes = bytes
                return
            }
            if entries[index].isSequence || !isSequence { place = index + 1 }
        }
        guard entries.count < Self.limit else { return }
        entries.append(Entry(isSequence: isSequence, id: id, bytes: bytes))
        var index = entries.count - 1
        while index > place {
            entries.swapAt(index, index - 1)
            index -= 1
        }
    }

    /// An unsigned number (ITU-T H.264, section 9.1) of at most 8 leading zeros; −1 for others.
    private static func exponentialGolomb(_ bytes: [UInt8], from start: Int) -> Int {
        func bit(_ index: Int) -> Int {
            index >> 3 < bytes.count ? Int(bytes[index >> 3] >> UInt8(7 - index & 7)) & 1 : 0
        }
        var zeros = 0
        while zeros <= 8, bit(start + zeros) == 0 { zeros += 1 }
        guard zeros <= 8 else { return -1 }
        var value = 0
        for index in 0...zeros { value = value << 1 | bit(start + zeros + index) }
        return value - 1
    }

    /// Takes the sets of an AVCDecoderConfigurationRecord (ISO/IEC 14496-15, section 5.3.3.1).
    ///
    /// - Returns: the bytes of the sizes before NAL units.
    mutating func add(codecData: [UInt8]) throws(BufferError) -> Int {
        guard codecData.count >= 7, codecData[0] == 1 else {
            throw .corrupt("codec_data is no avcC record, which begins with 1 and has 7 bytes at least")
        }
        var place = 5
        // Those of sequences, then those of pictures.
        for pass in 0..<2 {
            guard place < codecData.count else { throw Self.truncated(codecData) }
            let count = Int(codecData[place] & (pass == 0 ? 0x1F : 0xFF))
            place += 1
            for _ in 0..<count {
                guard place + 2 <= codecData.count else { throw Self.truncated(codecData) }
                let size = Int(codecData[place]) << 8 | Int(codecData[place + 1])
                place += 2
                guard size > 0, size <= codecData.count - place else { throw Self.truncated(codecData) }
                var bytes: [UInt8] = []
                for index in 0..<size { bytes.add(codecData[place + index]) }
                place += size
                let type = NALType(rawValue: bytes[0] & 0x1F)
                guard type == .sequenceParameters || type == .pictureParameters else {
                    throw .corrupt(
                        "codec_data has a NAL unit of type \(type.rawValue) among its parameter sets")
                }
                if size <= Self.maxSize { add(bytes) }
            }
        }
        try rebuild()
        return Int(codecData[4] & 3) + 1
    }

    private static func truncated(_ codecData: [UInt8]) -> BufferError {
        .corrupt("codec_data ends, with \(codecData.count) bytes, in the middle of a parameter set")
    }

    /// Makes a buffer of the sets, each behind its size.
    private mutating func rebuild() throws(BufferError) {
        var size = 0
        for entry in entries { size += 2 + entry.bytes.count }
        let memory = try Memory(size: size)
        let bytes = memory.visibleBytes
        var place = 0
        for entry in entries {
            bytes[place] = UInt8(entry.bytes.count >> 8)
            bytes[place + 1] = UInt8(truncatingIfNeeded: entry.bytes.count)
            for index in 0..<entry.bytes.count { bytes[place + 2 + index] = entry.bytes[index] }
            place += 2 + entry.bytes.count
        }
        let new = BufferStorage.make(taking: Unmanaged.passRetained(memory))
        storage = new
        try units.findSizes(in: Unmanaged.passUnretained(new), size: size, sizeBytes: 2)
    }
}
