import CXXHash

/// Puts the checksums and sizes of a stream's messages right, so that a fuzzer that changes what they cover
/// need not find them.
enum StreamRepair {
    private static let messageMagic: UInt32 = 0x184D_2A5F
    private static let tileMagic: UInt32 = 0x184D_2A5E
    private static let openingSize = 11
    private static let frameKind: UInt8 = 1

    static func repair(_ bytes: inout [UInt8]) {
        bytes.withUnsafeMutableBytes { bytes in
            var place = 0
            while place + 16 <= bytes.count {
                switch word(bytes, place) {
                case messageMagic: place += repairMessage(bytes, place)
                case 0x184D_2204: place += openingSize
                case 0x184D_2A50...tileMagic: place += 8 + Int(word(bytes, place + 4))
                default: place += 1
                }
            }
        }
    }

    private static func word(_ bytes: UnsafeMutableRawBufferPointer, _ place: Int) -> UInt32 {
        UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: place, as: UInt32.self))
    }

    private static func set(_ bytes: UnsafeMutableRawBufferPointer, _ place: Int, _ value: UInt32) {
        bytes.storeBytes(of: value.littleEndian, toByteOffset: place, as: UInt32.self)
    }

    /// - Returns: the bytes of the message as far as it can be told.
    private static func repairMessage(_ bytes: UnsafeMutableRawBufferPointer, _ start: Int) -> Int {
        let header = start + 8
        let headerSize = Int(bytes.loadUnaligned(fromByteOffset: header + 6, as: UInt16.self).littleEndian)
        guard headerSize >= 52, headerSize <= 4096, header + headerSize <= bytes.count else { return 1 }
        let metadata = header + headerSize
        let metadataSize = min(Int(word(bytes, header + 12)), bytes.count - metadata)
        set(bytes, header, 0x5249_5746)
        bytes[header + 4] = 1
        set(bytes, header + 12, UInt32(metadataSize))
        set(bytes, start + 4, UInt32(headerSize + metadataSize))
        set(bytes, header + 40, fwx_xxh32(bytes.baseAddress! + metadata, metadataSize, 0))
        set(
            bytes, header + headerSize - 4, fwx_xxh32(bytes.baseAddress! + header, headerSize - 4, 0))
        let payload = metadata + metadataSize
        guard bytes[header + 5] == frameKind else { return payload - start }
        let size = bytes.loadUnaligned(fromByteOffset: header + 16, as: UInt64.self).littleEndian
        let payloadSize = Int(min(size, UInt64(bytes.count - payload)))
        if payloadSize >= 8, word(bytes, payload) == tileMagic {
            set(bytes, payload + 4, UInt32(payloadSize - 8))
        }
        return payload - start + payloadSize
    }
}

/// The sizes of pieces that a stream is fed in: a few that come again and again, chosen by one byte.
struct Chopping {
    private static let sizes = [1, 2, 3, 5, 8, 13, 31, 64, 100, 255, 1000, 4096]
    private var state: UInt32

    init(_ choice: UInt8) {
        state = UInt32(choice) &* 0x9E37_79B9 | 1
    }

    mutating func next() -> Int {
        state ^= state << 13
        state ^= state >> 17
        state ^= state << 5
        return Self.sizes[Int(state >> 8) % Self.sizes.count]
    }
}
