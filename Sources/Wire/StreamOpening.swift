/// The empty LZ4 frame that a stream begins with.
///
/// The LZ4 Frame Format discourages streams that begin with a skippable frame, and tools know a file by this
/// magic number.
package enum StreamOpening {
    /// Bytes of the opening.
    package static let size = 11
    /// The magic number of an LZ4 frame.
    package static let magic: UInt32 = 0x184D_2204

    /// Byte `index` of: the magic number, FLG (version 1, independent blocks), BD (64 KiB), the header's
    /// check byte, and the end mark.
    private static func byte(_ index: Int) -> UInt8 {
        switch index {
        case 0: 0x04
        case 1: 0x22
        case 2: 0x4D
        case 3: 0x18
        case 4: 0x60
        case 5: 0x40
        case 6: 0x82
        default: 0
        }
    }

    /// Writes the opening and returns its size. `bytes` must hold ``size`` bytes. Nothing is allocated.
    package static func encode(into bytes: UnsafeMutableRawBufferPointer) -> Int {
        precondition(bytes.count >= size, "no room for the opening")
        for index in 0..<size { bytes[index] = byte(index) }
        return size
    }

    /// The first byte of `bytes`, which are at least ``size``, that differs from the opening.
    static func firstDifference(in bytes: UnsafeRawBufferPointer) -> Int? {
        for index in 0..<size where bytes[index] != byte(index) { return index }
        return nil
    }
}
