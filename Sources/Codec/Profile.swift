/// How the pixels of a frame are coded. The raw values from 1 on are those of the wire format.
public enum Profile: UInt8, Sendable {
    /// The library chooses: ``lz4`` until the peer says that it knows ``tile``, then that, ``raw`` where the link is
    /// faster than encoding, or ``huffman`` where it is what frames wait for; ``lz4`` in recordings. Never on the wire.
    case auto = 0
    /// Stored: an LZ4 frame of uncompressed blocks.
    case raw = 1
    /// A standard LZ4 frame of independent blocks.
    case lz4 = 2
    /// The tile codec: several times faster than ``lz4`` and smaller on rendered pictures, and only for readers
    /// that know it.
    case tile = 3
    /// ``tile`` with Huffman codes for what it packs: smaller still, and several times slower.
    case huffman = 4

    /// Whether frames are coded in tiles, most of them against the frame before.
    package var usesTiles: Bool { self == .tile || self == .huffman }

    /// The lower-case name, as the command line uses it.
    public var name: StaticString {
        switch self {
        case .auto: "auto"
        case .raw: "raw"
        case .lz4: "lz4"
        case .tile: "tile"
        case .huffman: "huffman"
        }
    }
}
