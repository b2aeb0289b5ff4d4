/// The way that a tile is coded, chosen from a ``TileSurvey`` by estimates of the bits that each way would take.
struct TileChoice {
    /// The predictor of a packed tile; nil when the tile's rows go into the strip's LZ4 block.
    let predictor: TilePredictor?
    /// Whether those rows are exclusive-ored with the reference.
    let usesReference: Bool
    /// Whether packing is better by far.
    let isClear: Bool

    /// - Parameter repeatBits: what LZ4 is estimated to take for as many lanes as the survey has samples; nil when
    ///   there is no estimate.
    init(_ survey: TileSurvey, repeatBits: Int?, _ constants: TileConstants) {
        var best = TilePredictor.left
        var bits = survey.leftBits
        if survey.gradientBits < bits { (best, bits) = (.gradient, survey.gradientBits) }
        if survey.upBits < bits { (best, bits) = (.up, survey.upBits) }
        if survey.previousBits < bits { (best, bits) = (.previous, survey.previousBits) }
        // The bits are sums of the widths of eight places.
        let packedBits = bits &* survey.samples / 8
        let still = max(survey.equalLeft, survey.equalUp)
        let missed = survey.samples &- max(still, survey.equalPrevious)
        let bitsOfMissed =
            constants.bitsOfMissedLane &* survey.samples &+ constants.bitsOfTexture &* missed
        let neighbourBits =
            (missed &* bitsOfMissed) / survey.samples
            &+ survey.samples &* constants.sixteenthsOfMatchedLane / 16
        let blockBits = min(neighbourBits, repeatBits ?? .max)
        predictor = packedBits <= blockBits ? best : nil
        isClear = packedBits &+ packedBits / 4 <= blockBits
        usesReference =
            survey.equalPrevious > still &+ still &* constants.sixteenthsOfReference / 16
    }
}

/// The numbers that the tile codec's choices depend on. They change size and speed, not what a decoder gets.
package struct TileConstants: Sendable {
    /// Bits that LZ4 takes for a lane that equals none of its neighbours, where few do not …
    package var bitsOfMissedLane = 6
    /// … and how many more where none does: scattered ones are part of what LZ4 has seen before, like letters.
    package var bitsOfTexture = 25
    /// And for the others, in sixteenths of a bit.
    package var sixteenthsOfMatchedLane = 23
    /// By how many sixteenths more lanes must equal the reference than a neighbour for rows to be exclusive-ored
    /// with it.
    package var sixteenthsOfReference = 5
    /// Side information of fewer bytes a tile is compressed with LZ4.
    package var flatSideBytes = 40
    /// Packed blocks that are fewer than one byte in so many are compressed with LZ4.
    package var flatPackedShare = 6

    /// What `framewire bench tune` found; see Benchmarks/README.md.
    package static let standard = TileConstants()

    package init() {}
}
