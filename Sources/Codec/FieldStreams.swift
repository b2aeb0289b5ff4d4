/// The fields of packed blocks in profile huffman: those of each field and width are a stream of bytes of its own. See
/// "Coded streams" in docs/tile-format.md.
enum FieldStreams {
    /// Fields of a lane, and places for the widths of each: 0 to 8.
    static let fields = 4
    static let widths = 16
    static let places = fields * widths
    @inline(__always)
    static func place(_ field: Int, _ width: Int) -> Int { field &* widths &+ width }

    /// Bytes that ``FieldStreamWriter`` may write, and ``FieldStreamReader`` may read, behind what a block has.
    static let blockSlack = 16

    /// How many different symbols a stream of a width, 1 to 8, can have.
    static func alphabet(_ width: Int) -> Int {
        switch width {
        case 1, 2, 4: 256
        case 3: 64
        default: 1 &<< width
        }
    }

    /// And coded side information, which is bytes.
    static let sideAlphabet = 256

    /// Present streams, then for each the number of its symbols and the bytes that they take.
    static let headerSize = 4
    static let streamHeaderSize = 8

    static let squeezesSize = widths * MemoryLayout<Squeeze>.stride

    /// The squeezes of all widths.
    ///
    /// - Parameter next: a multiple of 64 with ``squeezesSize`` bytes; set to the place behind them.
    static func squeezes(_ next: inout UnsafeMutableRawPointer) -> UnsafePointer<Squeeze> {
        let table = TileScratch.take(squeezesSize, from: &next).assumingMemoryBound(to: Squeeze.self)
        for width in 0...8 { table[width] = Squeeze(width: width) }
        return UnsafePointer(table)
    }

    /// How sixteen bytes of so many bits each become fewer bytes, and those sixteen again: the halves are joined, then
    /// for small widths those of the result, once or twice more.
    struct Squeeze {
        private let width: UInt64
        /// Bytes that a block's field adds to its stream.
        let bytes: Int
        /// The bits of a field in each byte.
        private let field: UInt64
        /// All ones where halves are joined once, twice, three times.
        private let once: UInt64
        private let twice: UInt64
        private let thrice: UInt64
        /// How far the second join moves the upper half; what then stays and what moves when it is taken back.
        private let shift: UInt64
        private let stays: UInt64
        private let moves: UInt64

        /// - Parameter width: 0 to 8.
        init(width: Int) {
            self.width = UInt64(width)
            bytes = width > 4 ? 16 : width > 2 ? 8 : 2 &* width
            field = UInt64((1 &<< width) &- 1) &* 0x0101_0101_0101_0101
            once = width <= 4 ? .max : 0
            twice = width <= 2 ? .max : 0
            thrice = width == 1 ? .max : 0
            shift = width <= 2 ? UInt64(32 &- 2 &* width) : 0
            moves = width == 1 ? 0x0c0c_0c0c : width == 2 ? 0xf0f0_f0f0 : 0
            stays = width == 1 ? 0x0303_0303 : width == 2 ? 0x0f0f_0f0f : .max
        }

        /// The first eight bytes of what goes to the stream; the second eight are `b`.
        @inline(__always)
        func join(_ a: UInt64, _ b: UInt64) -> UInt64 {
            let eight = a | ((b &<< width) & once)
            let four = eight | ((eight &>> shift) & twice)
            return four | ((four &>> 12) & thrice)
        }

        /// The opposite, with nothing above the bits of the fields; what follows in the stream may be anything.
        @inline(__always)
        func split(_ first: UInt64, _ second: UInt64) -> Longs {
            let four = (first & ~(thrice &<< 16 | 0xf0f0 & thrice)) | ((first & 0xf0f0 & thrice) &<< 12)
            let eight = (four & stays) | ((four & moves) &<< shift)
            return Longs(eight & field, (((eight &>> width) & once) | (second & ~once)) & field)
        }
    }
}
