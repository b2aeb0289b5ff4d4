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

    /// The part by which a survey may be wrong.
    private static let doubt = 6

    private func trial(_ place: TilePlace, _ kind: PackedKind, _ out: TileResiduals) -> Trial {
        let bounds = strip.format.residuals(place, kind, out)
        let bits = BitPacking.fieldBits(out.widths, blocks: place.blocks)
        return Trial(kind: kind, residuals: out, bounds: bounds, bits: bits)
    }

    /// Packs a tile with the predictor and the colours whose residuals have the fewest bits.
    ///
    /// - Parameters:
    ///   - predictor: the one to begin with.
    ///   - survey: what says which other predictors to try; nil for none, and then colours are tried only where they
    ///     change from tile to tile.
    ///   - room: residuals beside those of the encoder's scratch memory.
    ///   - habit: the colours of the tile before; set to those of this one.
    /// - Returns: the mode.
    @inline(never)
    func packBest(
        _ place: TilePlace, _ predictor: TilePredictor, _ survey: TileSurvey?, _ room: TileResiduals,
        _ habit: inout ColorHabit, _ side: inout UnsafeMutableRawPointer,
        _ packed: inout UnsafeMutableRawPointer
    ) -> UInt8 {
        let colors = habit.colors
        var best = trial(place, PackedKind(predictor, colors), scratch.tile.residuals)
        var free = room
        func take(_ other: Trial) {
            free = best.residuals
            best = other
        }
        if let survey {
            let most = survey.bits(predictor) &+ survey.bits(predictor) / Self.doubt
            for other in TilePredictor.allCases where other != predictor && survey.bits(other) <= most {
                let other = trial(place, PackedKind(other, colors), free)
                if other.bits.wrappedSum() < best.bits.wrappedSum() { take(other) }
            }
        }
        if strip.format.hasColors, survey != nil || !habit.isSettled {
            let opposite = trial(place, PackedKind(best.kind.predictor, colors.opposite), free)
            let better = colors.better(bits: best.bits, oppositeBits: opposite.bits)
            if better == colors.opposite {
                take(opposite)
            } else if better != colors {
                take(trial(place, PackedKind(best.kind.predictor, better), free))
            }
            habit.take(better)
        }
        return pack(best.residuals, best.bounds, blocks: place.blocks, best.kind, &side, &packed)
    }
}
