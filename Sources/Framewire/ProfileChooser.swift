import Codec

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
    /// The link takes frames as they are faster than they can be encoded.
    case linkFasterThanEncoding = 6

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
        }
    }
}

/// Chooses the profile of frames in profile auto, from what has been measured. It has no clock of its own.
///
/// The profiles compete by the time that a frame needs, of which encoding and sending overlap: the larger of both
/// counts. ``Profile/tile`` is left only while frames wait for the encoder and the link idles, and only for a raw
/// profile that is clearly faster; it is taken up again when a frame in it would need clearly less time than frames
/// have been taking. A few frames now and then in the other profile keep its estimate fresh; what it took while it
/// stood counts more than they do.
struct ProfileChooser {
    /// What the next frame is coded with.
    struct Choice: Equatable {
        var profile: Profile
        var reason: ProfileReason
        /// Whether this frame alone is coded so.
        var isTrial = false
    }

    /// Frames from one trial to the next; after one of raw that was hopeless twice as many, up to 64 times.
    static let trialPeriod = 64
    private static let longestWait = 64 * trialPeriod
    /// Frames of one trial of raw, as long as each goes better than the one before: the first ones meet sockets whose
    /// buffers have yet to grow, and a receiver that still decodes what came before them.
    static let longestTrial = 8
    /// A trial of raw ends when a frame of it takes so many times as long as one in tile.
    private static let hopeless = 4.0
    /// Frames in a row that must ask for a change.
    static let patience = 8
    /// What another profile must need at most, in parts of the present one's time.
    static let margin = 0.8
    /// How much of an average a new measurement is.
    private static let weight = 0.125

    private let standing: Choice?
    private var isRaw = false
    private var wishes = 0
    private var sinceTrial = 0
    /// Frames of a trial of raw that are still to come, and how fast the last one of it left. The first one's leaving is
    /// awaited before there is another.
    private var trialLeft = 0
    private var trialRate: Double?
    /// Frames in tile until raw is tried again, and the least that they are once it has been tried.
    private var trialWait = ProfileChooser.patience
    private var shortestWait = ProfileChooser.trialPeriod
    /// What frames took, for each byte of pixels, when the profile that does not stand was left; that of raw until it
    /// is tried again. Frames of a trial meet cold caches, and a receiver that has nothing else to do.
    private var leftTileAt: Double?
    private var leftRawAt: Double?
    /// Frames since the profile changed.
    private var standingFor = 0
    /// Of the frames in tile: nanoseconds of encoding, and bytes on the wire, for each byte of pixels.
    private var encodeCost: Double?
    private var tileSize: Double?
    /// Bytes in a nanosecond that the link takes.
    private var drainRate: Double?
    /// The part of the frames for which the link waited.
    private var pressure = 0.0
    /// Nanoseconds from frame to frame, for each byte of pixels.
    private var interval: Double?
    /// How many times as long as its encoding a frame in tile took when nothing but the encoder made frames wait.
    private var overhead = 1.0

    /// - Parameters:
    ///   - profile: what the options say.
    ///   - isRecording: whether frames go to a file.
    init(_ profile: Profile, isRecording: Bool) {
        standing =
            profile != .auto
            ? Choice(profile: profile, reason: .forced)
            : isRecording ? Choice(profile: .lz4, reason: .recording) : nil
    }

    /// A frame has been encoded.
    ///
    /// - Parameters:
    ///   - duration: of encoding, in nanoseconds.
    ///   - encoderIsLate: whether the link had nothing to do while another frame waited to be encoded.
    ///   - interval: nanoseconds since the frame before was encoded; nil for the first.
    mutating func noteEncoded(
        _ profile: Profile, isKey: Bool, rawBytes: Int, wireBytes: Int, duration: Int64, encoderIsLate: Bool,
        interval: Int64?
    ) {
        let raw = Double(max(1, rawBytes))
        // Key frames are rare, and not what the others cost.
        if profile == .tile, !isKey || encodeCost == nil {
            Self.average(&encodeCost, Double(duration) / raw)
            Self.average(&tileSize, Double(wireBytes) / raw)
        }
        guard profile == (isRaw ? .raw : .tile) else { return }
        pressure += (encoderIsLate ? Self.weight : 0) - Self.weight * pressure
        if let interval { Self.average(&self.interval, Double(interval) / raw) }
    }

    /// The link took `bytes` of a frame in `profile` in `duration` nanoseconds, and could not take them faster.
    mutating func noteDrained(_ profile: Profile, _ bytes: Int, duration: Int64) {
        let rate = Double(bytes) / Double(max(1, duration))
        guard profile == .raw, !isRaw else {
            // Small frames show less of what a link can do.
            let weight = isRaw || rate > drainRate ?? 0 ? Self.weight : Self.weight / 8
            Self.average(&drainRate, rate, weight)
            return
        }
        Self.average(&drainRate, rate, 0.5)
        let isFirst = trialRate == nil
        let isBetter = trialRate.map { rate > 1.1 * $0 } ?? true
        trialRate = rate
        guard let tileTime else { return }
        let time = 1 / rate
        if time > Self.hopeless * tileTime {
            trialLeft = 0
            trialWait = min(2 * max(trialWait, shortestWait), Self.longestWait)
        } else {
            trialWait = shortestWait
            if isFirst { trialLeft = Self.longestTrial - 1 }
            if !isBetter, time > Self.margin * tileTime { trialLeft = 0 }
        }
    }

    /// How the next frame is coded.
    ///
    /// - Parameter peerProfiles: the bit set of the peer's hello; nil before it has come.
    mutating func choose(peerProfiles: UInt32?) -> Choice {
        if let standing { return standing }
        guard let peerProfiles else { return Choice(profile: .lz4, reason: .noHello) }
        guard peerProfiles & 1 << UInt32(Profile.tile.rawValue) != 0 else {
            return Choice(profile: .lz4, reason: .peerLacksTile)
        }
        wishes = wantsChange ? wishes + 1 : 0
        if wishes >= Self.patience { change() }
        standingFor += 1
        sinceTrial += 1
        if trialLeft > 0 {
            trialLeft -= 1
            sinceTrial = 0
            return Choice(profile: .raw, reason: .peerKnowsTile, isTrial: true)
        }
        let present = Choice(
            profile: isRaw ? .raw : .tile, reason: isRaw ? .linkFasterThanEncoding : .peerKnowsTile)
        guard isTrialDue else { return present }
        if !isRaw || sinceTrial > Self.trialPeriod + 1 { sinceTrial = 0 }
        if !isRaw {
            trialRate = nil
            leftRawAt = nil
        }
        return Choice(profile: isRaw ? .tile : .raw, reason: present.reason, isTrial: true)
    }

    /// Takes the other profile.
    private mutating func change() {
        if isRaw {
            leftRawAt = interval
            // If raw did not last, it was no better than tile: it is tried more rarely.
            shortestWait =
                standingFor < Self.longestWait
                ? min(2 * shortestWait, Self.longestWait) : Self.trialPeriod
            trialWait = shortestWait
        } else {
            leftTileAt = interval
            if let interval, let encodeCost { overhead = max(1, interval / encodeCost) }
        }
        isRaw.toggle()
        wishes = 0
        sinceTrial = 0
        standingFor = 0
        trialLeft = 0
        pressure = 0
        interval = nil
    }

    private var isTrialDue: Bool {
        // In raw two frames in a row: the first of them may have to be a key frame.
        if isRaw { return sinceTrial > Self.trialPeriod }
        // In tile, only where raw could be of use: the link is not to be burdened for nothing.
        guard pressure > 0.5 else { return false }
        return sinceTrial > trialWait
    }

    /// What a frame in tile needs, in nanoseconds for each byte of pixels; nil while that is not known.
    private var tileTime: Double? {
        guard let encodeCost, let tileSize else { return nil }
        let sending = drainRate.map { tileSize / $0 } ?? 0
        if isRaw { return max(min(encodeCost * overhead, leftTileAt ?? .infinity), sending) }
        // While the encoder makes frames wait, they come as fast as frames in tile can.
        return max(encodeCost, sending, pressure > 0.5 ? interval ?? 0 : 0)
    }

    private var wantsChange: Bool {
        guard let tileTime, let drainRate, drainRate > 0 else { return false }
        if isRaw {
            guard let interval else { return false }
            return tileTime < Self.margin * interval
        }
        return pressure > 0.5 && max(1 / drainRate, leftRawAt ?? 0) < Self.margin * tileTime
    }

    private static func average(_ value: inout Double?, _ new: Double, _ weight: Double = weight) {
        value = value.map { $0 + weight * (new - $0) } ?? new
    }
}
