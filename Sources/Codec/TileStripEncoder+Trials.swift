/// In profile huffman, the ways to predict a tile are tried: links that are slower than that are what it is for.
extension TileStripEncoder {
    /// A way that was tried.
    private struct Trial {
        let kind: PackedKind
        let residuals: TileResiduals
        let bounds: (smallest: UInt32, largest: UInt32)
        /// For each field the sum of its widths.
        let bits: Words
    }

    private func trial(_ place: TilePlace, _ kind: PackedKind, _ out: TileResiduals) -> Trial {
        let bounds = strip.format.residuals(place, kind, out)
        var even = Words(repeating: 0)
        var odd = even
        for index in 0..<place.blockRows &* 4 {
            even = even &+ (out.widths[index] & 0x00ff_00ff)
            odd = odd &+ ((out.widths[index] &>> 8) & 0x00ff_00ff)
        }
        let (first, second) = (even.wrappedSum(), odd.wrappedSum())
        let bits = Words(first & 0xffff, second & 0xffff, first &>> 16, second &>> 16)
        return Trial(kind: kind, residuals: out, bounds: bounds, bits: bits)
    }

    /// Packs a tile with the predictor and the colours whose residuals have the fewest bits.
    ///
    /// - Parameters:
    ///   - only: the only predictor to try; nil for all of them.
    ///   - colors: those of the tile before; set to those of this one.
    /// - Returns: the mode.
    @inline(never)
    func packBest(
        _ place: TilePlace, only: TilePredictor? = nil, withReference: Bool = false,
        _ colors: inout TileColors, _ side: inout UnsafeMutableRawPointer,
        _ packed: inout UnsafeMutableRawPointer
    ) -> UInt8 {
        var best = trial(place, PackedKind(only ?? .left, colors), scratch.tile.residuals)
        var free = scratch.trial ?? best.residuals
        func take(_ other: Trial) {
            free = best.residuals
            best = other
        }
        var predictor: TilePredictor? = only == nil ? .gradient : nil
        while let next = predictor {
            let other = trial(place, PackedKind(next, colors), free)
            if other.bits.wrappedSum() < best.bits.wrappedSum() { take(other) }
            predictor =
                switch next {
                case .gradient: .up
                case .up: withReference ? .previous : nil
                case .left, .previous: nil
                }
        }
        if strip.format.hasColors {
            let opposite = trial(place, PackedKind(best.kind.predictor, colors.opposite), free)
            let better = colors.better(bits: best.bits, oppositeBits: opposite.bits)
            if better == colors.opposite {
                take(opposite)
            } else if better != colors {
                take(trial(place, PackedKind(best.kind.predictor, better), free))
            }
            colors = better
        }
        return pack(best.residuals, best.bounds, blocks: place.blocks, best.kind, &side, &packed)
    }
}
