import Buffers

/// How the tile codec looks at the bytes of a plane: as rows of 32-bit lanes, 64 of them to a tile.
struct TileFormat {
    enum Lanes {
        case bytes
        case color
        case halves
        case words
        case tenBit
        case depthStencil
    }

    /// Rows and bytes of a tile.
    static let rows = 16
    static let rowBytes = 256

    let lanes: Lanes
    /// Bytes from a pixel to the next one, as the tiles see them: 1, 2, 4, 8 or 16.
    let step: Int
    /// Whether pixels of three bytes get a fourth one, zero, so that each has a lane.
    let isExpanded: Bool

    init(_ format: PixelFormat, plane: Int) {
        (lanes, step, isExpanded) =
            switch format {
            case .rgba8, .bgra8, .rgbx8, .bgrx8: (.color, 4, false)
            case .rgb8, .bgr8: (.color, 4, true)
            case .r8, .i420: (.bytes, 1, false)
            case .rg8: (.bytes, 2, false)
            case .nv12: (.bytes, plane == 0 ? 1 : 2, false)
            case .r16, .r16f, .depth16: (.halves, 2, false)
            case .rgba16, .rgba16f: (.halves, 8, false)
            case .r32f, .depth32f: (.words, 4, false)
            case .rgba32f: (.words, 16, false)
            case .rgb10a2: (.tenBit, 4, false)
            case .depth24s8: (.depthStencil, 4, false)
            }
    }

    /// Bytes of a row of `count` bytes when every pixel has its lane; a multiple of 4.
    func laneBytes(ofRow count: Int) -> Int {
        isExpanded ? count / 3 * 4 : (count + 3) & ~3
    }

    /// Bytes from a pixel to the next one in memory.
    var pixelBytes: Int { isExpanded ? 3 : step }

    /// Bytes of a whole tile's row before pixels of three bytes get a fourth.
    var tileBytes: Int { isExpanded ? Self.rowBytes / 4 * 3 : Self.rowBytes }

    /// The folded residuals of a tile, their widths and masks; see ``TilePrediction``.
    func residuals(
        _ place: TilePlace, _ kind: PackedKind, _ out: TileResiduals
    ) -> (smallest: UInt32, largest: UInt32) {
        let predictor = kind.predictor
        return switch lanes {
        case .color: TilePrediction.residuals(ColorLanes(kind.colors), place, predictor, out)
        case .bytes: TilePrediction.residuals(ByteLanes(), place, predictor, out)
        default: TilePrediction.residuals(WideLanes(kind: lanes), place, predictor, out)
        }
    }

    /// What a sample of a tile says about its pixels.
    func survey(_ place: TilePlace, _ colors: TileColors, hasReference: Bool) -> TileSurvey {
        switch lanes {
        case .color: TileSurvey(ColorLanes(colors), place, hasReference: hasReference)
        case .bytes: TileSurvey(ByteLanes(), place, hasReference: hasReference)
        default: TileSurvey(WideLanes(kind: lanes), place, hasReference: hasReference)
        }
    }

    /// Whether lanes are pixels of red, green and blue, for ``TileColors`` to choose.
    var hasColors: Bool { lanes == .color }

    /// Whether folded fields are two's complement.
    var isSigned: Bool {
        switch lanes {
        case .color, .bytes: true
        case .halves, .words, .tenBit, .depthStencil: false
        }
    }

    /// The pixels of a tile from its folded residuals.
    func reconstruct(_ kind: PackedKind, _ folded: UnsafePointer<Bytes>, _ target: TileTarget) {
        let predictor = kind.predictor
        switch lanes {
        case .color: reconstruct(ColorLanes(kind.colors), StepOf4(), predictor, folded, target)
        case .bytes:
            if step == 1 {
                reconstruct(ByteLanes(), StepOf1(), predictor, folded, target)
            } else {
                reconstruct(ByteLanes(), StepOf2(), predictor, folded, target)
            }
        default: reconstruct(WideLanes(kind: lanes), AnyStep(bytes: step), predictor, folded, target)
        }
    }

    @inline(__always)
    private func reconstruct<Lanes: LaneArithmetic, Step: PixelStep>(
        _ lanes: Lanes, _ step: Step, _ predictor: TilePredictor, _ folded: UnsafePointer<Bytes>,
        _ target: TileTarget
    ) {
        switch predictor {
        case .left: TileReconstruction.left(lanes, step, folded, target)
        case .gradient: TileReconstruction.gradient(lanes, step, folded, target)
        case .up:
            TileReconstruction.plain(
                lanes, folded, target, target.above, UnsafeRawPointer(target.base), target.pitch)
        case .previous:
            TileReconstruction.plain(
                lanes, folded, target, target.reference, target.reference + target.referencePitch,
                target.referencePitch)
        }
    }
}
