/// The way that a tile is coded, chosen from a ``TileSurvey`` by estimates of the bits that each way would take.
///
/// The constants are found by the tool in Benchmarks/tuning, not by hand.
struct TileChoice {
    /// The predictor of a packed tile; nil when the tile's rows go into the strip's LZ4 block.
    let predictor: TilePredictor?
    /// Whether those rows are exclusive-ored with the reference.
    let usesReference: Bool

    /// Bits that LZ4 takes for a lane that equals none of its neighbours, where few do not …
    private static let bitsOfMissedLane = 10
    /// … and how many more where none does: scattered ones are part of what LZ4 has seen before, like letters.
    private static let bitsOfTexture = 24
    /// And for the others, in sixteenths.
    private static let sixteenthsOfMatchedLane = 4
    /// Side information of fewer bytes a tile is compressed with LZ4.
    static let flatSideBytes = 24
    /// Packed blocks that are fewer than one byte in so many are compressed with LZ4.
    static let flatPackedShare = 12

    init(_ survey: TileSurvey) {
        var best = TilePredictor.left
        var bits = survey.leftBits
        if survey.gradientBits < bits { (best, bits) = (.gradient, survey.gradientBits) }
        if survey.upBits < bits { (best, bits) = (.up, survey.upBits) }
        if survey.previousBits < bits { (best, bits) = (.previous, survey.previousBits) }
        // Sums of widths of 8 blocks: 16 lanes a block are packed. Samples are 96 of those 128 lanes.
        let packedBits = bits &* 12
        let still = max(survey.equalLeft, survey.equalUp)
        let missed = survey.samples &- max(still, survey.equalPrevious)
        let bitsOfMissed = Self.bitsOfMissedLane &* survey.samples &+ Self.bitsOfTexture &* missed
        let blockBits =
            (missed &* bitsOfMissed) / survey.samples &+ survey.samples &* Self.sixteenthsOfMatchedLane / 16
        predictor = packedBits <= blockBits ? best : nil
        usesReference = survey.equalPrevious > still &+ still / 16
    }
}
