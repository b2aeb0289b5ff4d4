import Codec

/// Chooses the profile of frames in profile auto, from what has been measured. It has no clock of its own.
///
/// The profiles compete by the time that a frame needs, of which encoding and sending overlap: the larger of both
/// counts. ``Profile/tile`` is what stands unless there is a reason for another. Where frames wait for the encoder and
/// the link idles, that is ``Profile/raw``; where they wait for the link, ``Profile/huffman``; and either only if a
/// frame in it needs clearly less time, or in huffman is clearly smaller. A few frames now and then in the other profile keep its estimate fresh; what
/// it took while it stood counts more than they do.
///
/// Where no frame waits at all, tile spares the network. Between programs on one machine there is none to spare: then
/// the profile of tile and raw stands in which frames are delivered sooner.
struct ProfileChooser {
    /// What the next frame is coded with.
    struct Choice: Equatable {
        var profile: Profile
        var reason: ProfileReason
        /// Whether this frame alone is coded so.
        var isTrial = false
    }

    /// What was measured of a frame when it had been encoded.
    struct Encoded {
        var profile: Profile
        var isKey: Bool
        var rawBytes: Int
        var wireBytes: Int
        /// Of encoding, in nanoseconds.
        var duration: Int64
        /// Whether another frame waits to be encoded, or would if the source had not been told to spare itself.
        var othersWait: Bool
        /// Whether the link has nothing to do.
        var linkIdles: Bool
        /// Nanoseconds since the frame before was encoded; nil for the first.
        var interval: Int64?
    }

    /// Frames from one trial to the next; after one that was hopeless twice as many, up to 64 times.
    static let trialPeriod = 64
    private static let longestWait = 64 * trialPeriod
    /// Frames of one trial of raw, as long as each goes better than the one before: the first ones meet sockets whose
    /// buffers have yet to grow, and a receiver that still decodes what came before them.
    static let longestTrial = 8
    /// Frames of a trial of huffman: the workers meet memory that they have not touched for long.
    static let huffmanTrial = 3
    /// A trial of raw ends when a frame of it takes so many times as long as one in tile.
    private static let hopeless = 4.0
    /// Frames from one trial of tile to the next, or more, while frames are delivered sooner in raw: less than one
    /// in a hundred is to be older for it.
    static let calmPeriod = 256
    /// Frames of one trial of tile there: the first may have to be a key frame.
    static let calmTrial = 2
    /// A frame of this size does not go into what the system holds for a connection, so that the time it takes to
    /// leave is the link's also where that never makes the sender wait, and its age is more than the system's own.
    static let telltaleBytes = 1 << 20
    /// Frames in a row that must ask for a change.
    static let patience = 8
    /// What another profile must need at most, in parts of the present one's time.
    static let margin = 0.8
    /// How large frames in huffman may be at most, in parts of their size in tile. That the link takes so many more of
    /// them is certain, so it is less than the margin that measured times need.
    static let smallerSize = 0.9
    /// Frames after which huffman must have made it faster than tile was: the receiver may be what everything waits for.
    static let probation = 32
    /// The part of the time for which the link must be busy with frames in tile, for huffman to stay.
    private static let busy = 0.5
    /// How much of an average a new measurement is.
    private static let weight = 0.125

    /// When the next trial of a profile is due.
    private struct Trials {
        /// Frames until there is one, and the least that they are once there was one.
        var wait: Int
        let period: Int
        var shortestWait: Int

        init(first: Int = ProfileChooser.patience, period: Int = ProfileChooser.trialPeriod) {
            wait = first
            self.period = period
            shortestWait = period
        }

        mutating func succeed() { wait = shortestWait }
        mutating func fail() { wait = min(2 * max(wait, shortestWait), ProfileChooser.longestWait) }

        /// The profile was left after so many frames. If it did not last, it was no better: it is tried more rarely.
        mutating func leave(after frames: Int) {
            let longest = ProfileChooser.longestWait
            shortestWait = frames < longest ? min(2 * shortestWait, longest) : period
            wait = shortestWait
        }
    }

    /// Nanoseconds of encoding, and bytes on the wire, for each byte of pixels.
    private struct Cost {
        var encoding: Double
        var size: Double
    }

    private let standing: Choice?
    /// Whether the receiver is on this machine.
    private let isLocal: Bool
    /// Tile, raw or huffman.
    private var current = Profile.tile
    /// The profile that has been better for some frames, and how many.
    private var wish: Profile?
    private var wishes = 0
    private var sinceTrial = 0
    private var rawTrials = Trials()
    private var huffmanTrials = Trials()
    private var ages = FrameAges()
    /// Trials of raw and of tile for their ages, and whether the first frame of such a trial of raw is under way.
    private var rawAgeTrials = Trials()
    private var tileAgeTrials = Trials(first: calmPeriod, period: calmPeriod)
    private var isTrialOfAges = false
    private var awaitsAge = false
    /// The part of the frames for which others waited.
    private var waiting = 0.0
    /// Frames of a trial that are still to come, and for raw how fast the last one of it left. The first one's leaving is
    /// awaited before there is another.
    private var trialLeft = 0
    private var trialProfile = Profile.raw
    private var trialRate: Double?
    /// What frames took, for each byte of pixels, when a profile was left; that of raw and huffman until it is tried
    /// again. Frames of a trial meet cold caches, and a receiver that has nothing else to do.
    private var leftTileAt: Double?
    private var leftRawAt: Double?
    private var leftHuffmanAt: Double?
    /// Frames since the profile changed.
    private var standingFor = 0
    private var tile: Cost?
    private var huffman: Cost?
    /// Bytes in a nanosecond that the link takes.
    private var drainRate: Double?
    /// The part of the frames for which the link waited, that for which others waited while it was busy, and the part of
    /// the time for which it could not take more.
    private var encoderPressure = 0.0
    private var linkPressure = 0.0
    private var linkShare = 0.0
    /// Nanoseconds for which the link could not take more, since the last frame was encoded.
    private var drained: Int64 = 0
    /// Nanoseconds from frame to frame, for each byte of pixels, and of how many frames.
    private var interval: Double?
    private var intervals = 0
    /// How many times as long as its encoding a frame in tile took when nothing but the encoder made frames wait. With
    /// each trial that is believed a little less.
    private var overhead = 1.0
    private static let belief = 0.95

    /// - Parameters:
    ///   - profile: what the options say.
    ///   - isRecording: whether frames go to a file.
    ///   - isLocal: whether they go to a program on this machine.
    init(_ profile: Profile, isRecording: Bool, isLocal: Bool) {
        self.isLocal = isLocal
        standing =
            profile != .auto
            ? Choice(profile: profile, reason: .forced)
            : isRecording ? Choice(profile: .lz4, reason: .recording) : nil
    }

    // MARK: - Measurements

    /// A frame has been encoded.
    mutating func noteEncoded(_ frame: Encoded) {
        let raw = Double(max(1, frame.rawBytes))
        switch frame.profile {
        case .tile: note(frame, raw, &tile)
        case .huffman: note(frame, raw, &huffman)
        default: break
        }
        let busy = drained
        drained = 0
        let wasCalm = isCalm
        Self.average(&waiting, frame.othersWait ? 1 : 0)
        // How often frames came so far says nothing any more.
        if isCalm != wasCalm { interval = nil }
        guard frame.profile == current else { return }
        // Frames are encoded just in time for the link, so that it may idle for a moment.
        let isHeldUp = 2 * busy > frame.interval ?? .max
        Self.average(&encoderPressure, frame.othersWait && frame.linkIdles && !isHeldUp ? 1 : 0)
        Self.average(&linkPressure, frame.othersWait && isHeldUp ? 1 : 0)
        if let interval = frame.interval {
            note(interval: Double(interval) / raw)
            Self.average(&linkShare, min(1, Double(busy) / Double(max(1, interval))))
        }
    }

    /// The first frames of a connection, or after a change, may come late for reasons of their own, and so may any one.
    private mutating func note(interval new: Double) {
        intervals += 1
        guard let known = interval else {
            interval = new
            intervals = 1
            return
        }
        interval =
            intervals < Self.patience ? min(known, new) : known + Self.weight * (min(new, 2 * known) - known)
    }

    private func note(_ frame: Encoded, _ raw: Double, _ cost: inout Cost?) {
        let new = Cost(encoding: Double(frame.duration) / raw, size: Double(frame.wireBytes) / raw)
        guard var known = cost else {
            cost = new
            return
        }
        // Key frames are rare, and not what the others cost.
        if frame.isKey { return }
        Self.average(&known.size, new.size)
        if frame.profile == .huffman, current != .huffman {
            known.encoding = min(known.encoding, new.encoding)
        } else {
            Self.average(&known.encoding, new.encoding)
        }
        cost = known
    }

    /// The link took `bytes` of a frame in `profile` in `duration` nanoseconds, and could not take them faster.
    mutating func noteDrained(_ profile: Profile, _ bytes: Int, duration: Int64) {
        let rate = Double(bytes) / Double(max(1, duration))
        drained += duration
        guard profile == .raw, current != .raw else {
            // Small frames show less of what a link can do.
            let weight = current == .raw || rate > drainRate ?? 0 ? Self.weight : Self.weight / 8
            Self.average(&drainRate, rate, weight)
            return
        }
        Self.average(&drainRate, rate, 0.5)
        if isTrialOfAges { return }
        let isFirst = trialRate == nil
        let isBetter = trialRate.map { rate > 1.1 * $0 } ?? true
        trialRate = rate
        guard let tileTime else { return }
        let time = 1 / rate
        if time > Self.hopeless * tileTime {
            trialLeft = 0
            rawTrials.fail()
        } else {
            rawTrials.succeed()
            if isFirst {
                trialLeft = Self.longestTrial - 1
                trialProfile = .raw
            }
            if !isBetter, time > Self.margin * tileTime { trialLeft = 0 }
        }
    }

    /// The receiver has got a frame of `rawBytes` bytes of pixels, `age` nanoseconds after it was submitted.
    mutating func noteDelivered(_ profile: Profile, rawBytes: Int, age: Int64) {
        guard isCalm, rawBytes >= Self.telltaleBytes, profile == .tile || profile == .raw else { return }
        let age = Double(age) / Double(rawBytes)
        if profile == .raw, awaitsAge {
            awaitsAge = false
            if !ages.isHopeless(age) { trialLeft = Self.longestTrial - 1 }
        }
        ages.note(profile == .raw, age, isOnTrial: profile != current)
    }

    /// Whether how soon frames are delivered is what counts.
    private var isCalm: Bool { isLocal && waiting < 0.5 }

    // MARK: - The choice

    /// How the next frame is coded.
    ///
    /// - Parameter peerProfiles: the bit set of the peer's hello; nil before it has come.
    mutating func choose(peerProfiles: UInt32?) -> Choice {
        if let standing { return standing }
        guard let peerProfiles else { return Choice(profile: .lz4, reason: .noHello) }
        guard Self.has(peerProfiles, .tile) else { return Choice(profile: .lz4, reason: .peerLacksTile) }
        standingFor += 1
        let better = better
        wishes = better == nil ? 0 : better == wish ? wishes + 1 : 1
        wish = better
        if let better, wishes >= Self.patience { change(to: better) }
        sinceTrial += 1
        if trialLeft > 0 {
            trialLeft -= 1
            sinceTrial = 0
            return Choice(profile: trialProfile, reason: .peerKnowsTile, isTrial: true)
        }
        guard let trial = dueTrial(Self.has(peerProfiles, .huffman)) else {
            return Choice(profile: current, reason: reason)
        }
        begin(trial)
        return Choice(profile: trial, reason: reason, isTrial: true)
    }

    /// The next frame is the first one of a trial.
    private mutating func begin(_ trial: Profile) {
        isTrialOfAges = isCalm
        if current != .raw || isCalm || sinceTrial > Self.trialPeriod + 1 { sinceTrial = 0 }
        switch trial {
        case .raw:
            trialRate = nil
            leftRawAt = nil
            trialProfile = .raw
            if isCalm {
                awaitsAge = true
                ages.forgetRaw()
                rawAgeTrials.fail()
            }
        case .huffman:
            leftHuffmanAt = nil
            huffman = nil
            trialLeft = Self.huffmanTrial - 1
            trialProfile = .huffman
        default:
            if current == .raw { overhead = max(1, overhead * Self.belief) }
            guard isCalm else { return }
            trialLeft = Self.calmTrial - 1
            trialProfile = .tile
            tileAgeTrials.fail()
        }
    }

    private static func has(_ profiles: UInt32, _ profile: Profile) -> Bool {
        profiles & 1 << UInt32(profile.rawValue) != 0
    }

    private var reason: ProfileReason {
        switch current {
        case .raw: .linkFasterThanEncoding
        case .huffman: .linkIsTheLimit
        default: .peerKnowsTile
        }
    }

    /// Takes another profile.
    private mutating func change(to other: Profile) {
        // While none waited, frames came as the source gave them.
        let interval = isCalm ? nil : interval
        switch current {
        case .raw where isCalm:
            leftRawAt = nil
            ages.forgetRaw()
            rawAgeTrials.leave(after: standingFor)
            tileAgeTrials.succeed()
        case .raw:
            leftRawAt = interval
            rawTrials.leave(after: standingFor)
        case .huffman:
            leftHuffmanAt = interval
            huffmanTrials.leave(after: standingFor)
        default:
            leftTileAt = interval
            if other == .raw, let tile { overhead = max(1, (interval ?? 0) / tile.encoding) }
        }
        current = other
        wishes = 0
        sinceTrial = 0
        standingFor = 0
        trialLeft = 0
        encoderPressure = 0
        linkPressure = 0
        self.interval = nil
    }

    /// The profile that the next frame is to be tried in, if it is time for one.
    private mutating func dueTrial(_ knowsHuffman: Bool) -> Profile? {
        switch current {
        case .raw where isCalm: return sinceTrial > tileAgeTrials.wait ? .tile : nil
        case .tile where isCalm:
            let wait = ages.haveRisen ? min(rawAgeTrials.wait, Self.trialPeriod) : rawAgeTrials.wait
            return ages.knowsTile && sinceTrial > wait ? .raw : nil
        // Two frames in a row: the first of them may have to be a key frame.
        case .raw: return sinceTrial > Self.trialPeriod ? .tile : nil
        case .huffman: return sinceTrial > Self.trialPeriod ? .tile : nil
        default:
            // Only where the other could be of use: the link, and the processor, are not to be burdened for nothing.
            if encoderPressure > 0.5, sinceTrial > rawTrials.wait { return .raw }
            guard knowsHuffman, linkPressure > 0.5, sinceTrial > huffmanTrials.wait else { return nil }
            // If nothing comes of it, the next one is later.
            huffmanTrials.fail()
            return .huffman
        }
    }

    /// What a frame in tile needs, in nanoseconds for each byte of pixels; nil while that is not known.
    private var tileTime: Double? {
        guard let tile else { return nil }
        let sending = drainRate.map { tile.size / $0 } ?? 0
        if current == .raw {
            return max(min(tile.encoding * overhead, leftTileAt ?? .infinity), sending)
        }
        // While the encoder makes frames wait, they come as fast as frames in tile can.
        return max(tile.encoding, sending, encoderPressure > 0.5 ? interval ?? 0 : 0)
    }

    /// The profile that the present one should make way for.
    private var better: Profile? {
        if isCalm, current != .huffman {
            if current == .raw { return ages.areLessInTile ? .tile : nil }
            return trialLeft == 0 && ages.areLessInRaw ? .raw : nil
        }
        guard let tileTime, let drainRate, drainRate > 0 else { return nil }
        switch current {
        case .raw:
            guard let interval else { return nil }
            return tileTime < Self.margin * interval ? .tile : nil
        case .huffman:
            guard let tile, let huffman, let interval else { return nil }
            if encoderPressure > 0.5 { return .tile }
            if standingFor >= Self.patience, linkShare * tile.size < Self.busy * huffman.size { return .tile }
            // The first frames met a link that was full of others.
            let isOnProbation = standingFor >= Self.probation && standingFor < 2 * Self.probation
            if isOnProbation, let leftTileAt, interval > leftTileAt { return .tile }
            return nil
        default:
            if encoderPressure > 0.5 {
                return max(1 / drainRate, leftRawAt ?? 0) < Self.margin * tileTime ? .raw : nil
            }
            guard linkPressure > 0.5, trialLeft == 0, let tile, let huffman, let interval else { return nil }
            let isSmaller = huffman.size < Self.smallerSize * tile.size
            let time = max(huffman.encoding, leftHuffmanAt ?? 0)
            return isSmaller && time < Self.margin * interval ? .huffman : nil
        }
    }

    private static func average(_ value: inout Double?, _ new: Double, _ weight: Double = weight) {
        value = value.map { $0 + weight * (new - $0) } ?? new
    }

    private static func average(_ value: inout Double, _ new: Double, _ weight: Double = weight) {
        value += weight * (new - value)
    }
}
