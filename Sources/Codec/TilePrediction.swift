import CVectors

/// What the pixels of a packed tile are predicted from. The raw values are the tile modes of the wire format.
enum TilePredictor: UInt8, CaseIterable {
    /// The pixel to the left.
    case left = 3
    /// Left + above − above left: right for planes of colour that rise evenly.
    case gradient = 4
    /// The same place of the reference.
    case previous = 5
    /// The pixel above.
    case up = 6
}

/// Where the vectors of a tile lie: rows of 256 bytes, `pitch` apart.
struct TilePlace {
    var base: UnsafeRawPointer
    var pitch: Int
    /// The row above, with a pixel to the left of it: a row of zeros at the top of a strip.
    var above: UnsafeRawPointer
    /// The same place in the reference, and its pitch, where there is one.
    var reference: UnsafeRawPointer
    var referencePitch: Int
    /// Bytes from a pixel to the next one.
    var step: Int
    /// 1 to 4 rows of 16 blocks.
    var blockRows: Int
    var blocks: Int { blockRows &* BitPacking.blocksPerRow }
}

/// What a tile's residuals come to.
struct TileResiduals {
    /// Blocks after each other, four vectors each.
    let folded: UnsafeMutablePointer<Bytes>
    let widths: UnsafeMutablePointer<Words>
    let masks: UnsafeMutablePointer<Words>

    /// Sizes of parts are multiples of 64.
    private static let foldedSize = TileFormat.rows * TileFormat.rowBytes
    private static let widthsSize = TileWidths.vectors * 16
    static let size = foldedSize + 2 * widthsSize

    /// - Parameter next: a multiple of 64 with ``size`` bytes; set to the place behind them.
    init(_ next: inout UnsafeMutableRawPointer) {
        folded = TileScratch.take(Self.foldedSize, from: &next).assumingMemoryBound(to: Bytes.self)
        widths = TileScratch.take(Self.widthsSize, from: &next).assumingMemoryBound(to: Words.self)
        masks = TileScratch.take(Self.widthsSize, from: &next).assumingMemoryBound(to: Words.self)
    }
}

/// Predicting the pixels of a tile and taking the difference, and back.
enum TilePrediction {
    /// The folded residuals of a tile, their widths and masks.
    ///
    /// - Returns: for each field the least and the greatest width of a block.
    @inline(__always)
    @_optimize(speed)
    static func residuals<Lanes: LaneArithmetic>(
        _ lanes: Lanes, _ place: TilePlace, _ predictor: TilePredictor, _ out: TileResiduals
    ) -> (smallest: UInt32, largest: UInt32) {
        let pitch = place.pitch
        switch predictor {
        case .gradient:
            return gradientResiduals(lanes, place, out)
        case .left:
            return residuals(
                lanes, place, place.base - place.step, place.base + (pitch &- place.step), pitch, out)
        case .up:
            return residuals(lanes, place, place.above, place.base, pitch, out)
        case .previous:
            let second = place.reference + place.referencePitch
            return residuals(lanes, place, place.reference, second, place.referencePitch, out)
        }
    }

    /// The differences from other pixels: the first row's at `first`, the others' from `second` on.
    @inline(never)
    @_optimize(speed)
    private static func residuals<Lanes: LaneArithmetic>(
        _ lanes: Lanes, _ place: TilePlace, _ first: UnsafeRawPointer, _ second: UnsafeRawPointer,
        _ otherPitch: Int, _ out: TileResiduals
    ) -> (smallest: UInt32, largest: UInt32) {
        var range = WidthRange()
        for blockRow in 0..<place.blockRows {
            let row = place.base + (4 &* blockRow &* place.pitch)
            let other = blockRow == 0 ? first : second + ((4 &* blockRow &- 1) &* otherPitch)
            let others = second + (4 &* blockRow &* otherPitch)
            for group in 0..<4 {
                @inline(__always)
                func block(_ index: Int) -> Words {
                    let column = 64 &* group &+ 16 &* index
                    let folded = out.folded + (blockRow &* 64 &+ group &* 16 &+ index &* 4)
                    @inline(__always)
                    func vector(_ y: Int) -> Bytes {
                        let pixels = row.vector(at: y &* place.pitch &+ column)
                        let predicted =
                            y == 0
                            ? other.vector(at: column) : others.vector(at: (y &- 1) &* otherPitch &+ column)
                        let value = lanes.fold(lanes.difference(pixels, predicted))
                        folded[y] = value
                        return lanes.magnitude(value)
                    }
                    return words(vector(0) | vector(1) | vector(2) | vector(3))
                }
                let mask = BitPacking.masks((block(0), block(1), block(2), block(3)))
                range.add(mask, at: blockRow &* 4 &+ group, out)
            }
        }
        return range.bounds
    }

    @inline(never)
    @_optimize(speed)
    private static func gradientResiduals<Lanes: LaneArithmetic>(
        _ lanes: Lanes, _ place: TilePlace, _ out: TileResiduals
    ) -> (smallest: UInt32, largest: UInt32) {
        var range = WidthRange()
        let step = place.step
        for blockRow in 0..<place.blockRows {
            let row = place.base + (4 &* blockRow &* place.pitch)
            let above = blockRow == 0 ? place.above : row - place.pitch
            for group in 0..<4 {
                @inline(__always)
                func block(_ index: Int) -> Words {
                    let column = 64 &* group &+ 16 &* index
                    let folded = out.folded + (blockRow &* 64 &+ group &* 16 &+ index &* 4)
                    var horizontal = lanes.difference(
                        above.vector(at: column), above.vector(at: column &- step))
                    @inline(__always)
                    func vector(_ y: Int) -> Bytes {
                        let offset = y &* place.pitch &+ column
                        let next = lanes.difference(row.vector(at: offset), row.vector(at: offset &- step))
                        let value = lanes.fold(lanes.difference(next, horizontal))
                        horizontal = next
                        folded[y] = value
                        return lanes.magnitude(value)
                    }
                    return words(vector(0) | vector(1) | vector(2) | vector(3))
                }
                let mask = BitPacking.masks((block(0), block(1), block(2), block(3)))
                range.add(mask, at: blockRow &* 4 &+ group, out)
            }
        }
        return range.bounds
    }

    /// The least and the greatest width of each field. A mask of n bits contains every smaller one, so or and and
    /// find them.
    private struct WidthRange {
        var all = Words(repeating: 0)
        var common = Words(repeating: .max)

        @inline(__always)
        mutating func add(_ mask: Words, at index: Int, _ out: TileResiduals) {
            out.masks[index] = mask
            out.widths[index] = BitPacking.bitCounts(mask)
            all |= mask
            common &= mask
        }

        @inline(__always)
        var bounds: (smallest: UInt32, largest: UInt32) {
            let common = common[0] & common[1] & common[2] & common[3]
            let all = all[0] | all[1] | all[2] | all[3]
            let counts = BitPacking.bitCounts(Words(common, all, 0, 0))
            return (counts[0], counts[1])
        }
    }
}
