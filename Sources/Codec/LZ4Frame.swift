import Buffers
import CXXHash

/// The parts of the LZ4 Frame Format (lz4_Frame_format.md 1.6.x) that a payload is made of.
///
/// The library writes them itself around `LZ4_compress_fast_extState`, so that blocks are compressed on
/// several threads and incompressible ones are stored.
package enum LZ4Frame {
    /// Magic number, FLG, BD, content size and header checksum, in bytes.
    package static let headerSize = 15
    package static let endMarkSize = 4
    package static let blockHeaderSize = 4
    /// Bit of a block's size that says that the block is not compressed.
    package static let storedFlag: UInt32 = 0x8000_0000

    private static let magic: UInt32 = 0x184D_2204
    /// Version 1, independent blocks, content size present, no checksums, no dictionary.
    private static let flags: UInt8 = 0b0110_1000

    /// The BD code of the smallest block maximum that holds `bytes`: 64 KiB, 256 KiB, 1 MiB or 4 MiB.
    private static func blockMaximumCode(for bytes: Int) -> UInt8 {
        bytes <= 64 << 10 ? 4 : bytes <= 256 << 10 ? 5 : bytes <= 1 << 20 ? 6 : 7
    }

    /// Writes a frame header of ``headerSize`` bytes.
    package static func writeHeader(
        to out: UnsafeMutableRawPointer, contentSize: Int, largestBlock: Int
    ) {
        out.storeBytes(of: magic.littleEndian, as: UInt32.self)
        out.storeBytes(of: flags, toByteOffset: 4, as: UInt8.self)
        out.storeBytes(of: blockMaximumCode(for: largestBlock) << 4, toByteOffset: 5, as: UInt8.self)
        out.storeBytes(of: UInt64(contentSize).littleEndian, toByteOffset: 6, as: UInt64.self)
        out.storeBytes(of: headerChecksum(out + 4), toByteOffset: 14, as: UInt8.self)
    }

    /// Checks a frame header of ``headerSize`` bytes against what the message's own header promised.
    package static func checkHeader(
        _ bytes: UnsafeRawPointer, contentSize: Int, largestBlock: Int
    ) throws(CodecError) {
        let found = UInt32(littleEndian: bytes.loadUnaligned(as: UInt32.self))
        guard found == magic else {
            throw .corrupt("the payload does not begin with the magic number of an LZ4 frame", offset: 0)
        }
        guard headerChecksum(bytes + 4) == bytes.load(fromByteOffset: 14, as: UInt8.self) else {
            throw .corrupt("the LZ4 frame header has a wrong checksum", offset: 14)
        }
        let found8 = bytes.load(fromByteOffset: 4, as: UInt8.self)
        guard found8 == flags else {
            throw .unsupported(
                "LZ4 frame flags \(found8) are not those of a Framewire payload (\(flags))", offset: 4)
        }
        let code = (bytes.load(fromByteOffset: 5, as: UInt8.self) >> 4) & 7
        guard code >= blockMaximumCode(for: largestBlock) else {
            throw .corrupt(
                "the LZ4 block maximum is smaller than a strip of \(largestBlock) bytes", offset: 5)
        }
        let size = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 6, as: UInt64.self))
        guard size == UInt64(contentSize) else {
            throw .corrupt("the LZ4 content size is \(size), the picture has \(contentSize) bytes", offset: 6)
        }
    }

    /// The second byte of the XXH32 of the ten descriptor bytes.
    private static func headerChecksum(_ descriptor: UnsafeRawPointer) -> UInt8 {
        UInt8(truncatingIfNeeded: fwx_xxh32(descriptor, 10, 0) >> 8)
    }

    /// Bytes of a payload of stored blocks.
    package static func storedSize(rawSize: Int, strips: Int) -> Int {
        headerSize + rawSize + strips * blockHeaderSize + endMarkSize
    }
}
