/// The way that a tile is coded, chosen from a ``TileSurvey`` by estimates of the bits that each way would take.
struct TileChoice {
    /// The predictor of a packed tile; nil when the tile's rows go into the strip's LZ4 block.
    let predictor: TilePredictor?
    /// Whether those rows are exclusive-ored with the reference.
    let usesReference: Bool

    init(_ survey: TileSurvey, _ constants: TileConstants) {
        var best = TilePredictor.left
        var bits = survey.leftBits
        if survey.gradientBits < bits { (best, bits) = (.gradient, survey.gradientBits) }
        if survey.upBits < bits { (best, bits) = (.up, survey.upBits) }
        if survey.previousBits < bits { (best, bits) = (.previous, survey.previousBits) }
        // Sums of the widths of 8 blocks, each of 16 lanes; the samples are 96 of those 128.
        let packedBits = bits &* 12
        let still = max(survey.equalLeft, survey.equalUp)
        let missed = survey.samples &- max(still, survey.equalPrevious)
        let bitsOfMissed =
            constants.bitsOfMissedLane &* survey.samples &+ constants.bitsOfTexture &* missed
        let blockBits =
            (missed &* bitsOfMissed) / survey.samples
            &+ survey.samples &* constants.sixteenthsOfMatchedLane / 16
        predictor = packedBits <= blockBits ? best : nil
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
