/// Why frames are coded in the profile that they are. The raw values are those of `fw_profile_reason`.
public enum ProfileReason: UInt32, Sendable {
    /// No frame has been coded yet.
    case none = 0
    /// The options ask for the profile.
    case forced = 1
    /// Recordings are in a profile that stock tools read.
    case recording = 2
    /// The peer has not said what it knows.
    case noHello = 3
    /// The peer does not know profile tile.
    case peerLacksTile = 4
    /// The peer knows profile tile, and encoding keeps up.
    case peerKnowsTile = 5
    /// The link takes frames as they are faster than they can be encoded, or encoded and decoded.
    case linkFasterThanEncoding = 6
    /// Frames wait for the link, and become clearly smaller in profile huffman.
    case linkIsTheLimit = 7

    /// A few words for people.
    public var name: StaticString {
        switch self {
        case .none: "no frame yet"
        case .forced: "asked for"
        case .recording: "recording"
        case .noHello: "no hello from the peer"
        case .peerLacksTile: "the peer does not know tile"
        case .peerKnowsTile: "the peer knows tile"
        case .linkFasterThanEncoding: "the link is faster than encoding"
        case .linkIsTheLimit: "frames wait for the link"
        }
    }
}
