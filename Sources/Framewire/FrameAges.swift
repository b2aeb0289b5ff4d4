/// How old frames are at delivery in tile and in raw, in nanoseconds for each byte of pixels, while none waits for
/// another: there, an encoder that keeps up says nothing of how long a frame takes.
struct FrameAges {
    /// What the other profile's age must be at most, in parts of the present one's.
    private static let margin = 0.9
    /// A trial ends when its first frame is so many times as old as those in tile.
    private static let hopeless = 4.0
    /// One frame that met a hiccup counts as one of so many times the average.
    private static let largest = 2.0

    private var tile: Double?
    private var raw: Double?
    /// The age of frames in tile when raw was tried last.
    private var tileAtTrial: Double?

    /// A frame that the receiver has got.
    ///
    /// - Parameter isOnTrial: of the few frames of a trial the later ones count more.
    mutating func note(_ isRaw: Bool, _ age: Double, isOnTrial: Bool) {
        let weight = isOnTrial ? 0.5 : 0.125
        if isRaw {
            Self.average(&raw, age, weight)
        } else {
            Self.average(&tile, age, weight)
        }
    }

    private static func average(_ value: inout Double?, _ new: Double, _ weight: Double) {
        value = value.map { $0 + weight * (min(new, largest * $0) - $0) } ?? new
    }

    var knowsTile: Bool { tile != nil }

    /// Whether a frame in raw is older than all that a trial could change.
    func isHopeless(_ age: Double) -> Bool { age > Self.hopeless * (tile ?? age) }

    /// Whether pictures have become so much harder since the last trial that another may end otherwise.
    var haveRisen: Bool {
        guard let tile, let tileAtTrial else { return false }
        return tile > Self.largest * tileAtTrial
    }

    /// Raw is to be tried, or has been left.
    mutating func forgetRaw() {
        raw = nil
        tileAtTrial = tile
    }

    var areLessInRaw: Bool {
        guard let tile, let raw else { return false }
        return raw < Self.margin * tile
    }

    var areLessInTile: Bool {
        guard let tile, let raw else { return false }
        return tile < Self.margin * raw
    }
}
