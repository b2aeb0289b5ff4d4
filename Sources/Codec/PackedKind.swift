/// How a packed tile is coded, and the mode that says so.
struct PackedKind {
    let predictor: TilePredictor
    let colors: TileColors
    /// Every pixel is as predicted.
    let isExact: Bool

    init(_ predictor: TilePredictor, _ colors: TileColors) {
        self.predictor = predictor
        self.colors = colors
        isExact = false
    }

    private init(exact predictor: TilePredictor) {
        self.predictor = predictor
        colors = .differences
        isExact = true
    }

    static func exact(_ predictor: TilePredictor) -> PackedKind { PackedKind(exact: predictor) }

    /// - Parameter hasColors: whether the tile's lanes are colours.
    init?(mode: UInt8, hasColors: Bool) {
        colors = TileColors(mode: mode)
        isExact = mode & TileStrip.Mode.exact != 0
        let rest = mode & ~(colors.rawValue | TileStrip.Mode.exact)
        guard let predictor = TilePredictor(rawValue: rest) else { return nil }
        self.predictor = predictor
        guard colors == .differences || (hasColors && !isExact) else { return nil }
    }

    var mode: UInt8 {
        predictor.rawValue | colors.rawValue | (isExact ? TileStrip.Mode.exact : 0)
    }
}
