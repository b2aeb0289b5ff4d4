import CLZ4
import CPosix
import CVectors

/// Codes strips of pictures with the tile codec, one after another, on one thread.
struct TileStripEncoder {
    /// Rows of a strip in memory.
    struct Rows {
        let base: UnsafeRawPointer
        /// Bytes from one row to the one below.
        let pitch: Int
    }

    let strip: TileStrip
    let rows: Rows
    let reference: Rows?
    private var motion: TileMotion?
    private var repeats: TileRepeats
    let scratch: Scratch
    let acceleration: Int32
    let constants: TileConstants

    /// Memory that one worker needs.
    struct Scratch {
        let tile: TileScratch
        let hashTable: UnsafeMutableRawPointer
        let repeats: UnsafeMutableRawPointer
        let side: UnsafeMutableRawPointer
        /// Side information, rows and packed blocks for the LZ4 block.
        let block: UnsafeMutableRawPointer
        /// In profile huffman.
        let streams: FieldStreamWriter?
        /// In profile huffman: residuals beside those of `tile`, for what may be better.
        let trial: TileResiduals?

        /// Bytes for strips up to the size of `strip`.
        static func size(for strip: TileStrip, _ profile: Profile) -> Int {
            (profile == .huffman ? FieldStreamWriter.size(for: strip) &+ TileResiduals.size : 0)
                &+ TileScratch.size
                &+ TileScratch.align(Int(LZ4_sizeofState()))
                &+ TileScratch.align(TileRepeats.tableSize) &+ TileScratch.align(strip.largestSide &+ 64)
                &+ TileScratch.align(strip.largestBlock &+ 64)
        }

        /// - Parameter base: ``size(for:_:)`` bytes, aligned to 64.
        init(_ base: UnsafeMutableRawPointer, for strip: TileStrip, _ profile: Profile) {
            var next = base
            tile = TileScratch(&next)
            hashTable = TileScratch.take(Int(LZ4_sizeofState()), from: &next)
            repeats = TileScratch.take(TileRepeats.tableSize, from: &next)
            side = TileScratch.take(strip.largestSide &+ 64, from: &next)
            block = TileScratch.take(strip.largestBlock &+ 64, from: &next)
            streams = profile == .huffman ? FieldStreamWriter(&next, for: strip) : nil
            trial = profile == .huffman ? TileResiduals(&next) : nil
        }
    }

    /// - Parameters:
    ///   - rows: the strip's rows in wire order.
    ///   - reference: those of the reference, if there is one.
    ///   - motion: for the search in the reference's whole plane, if that lies in one piece.
    ///   - acceleration: LZ4's.
    init(
        _ strip: TileStrip, rows: Rows, reference: Rows?, motion: TileMotion?, scratch: Scratch,
        acceleration: Int32,
        constants: TileConstants
    ) {
        self.strip = strip
        self.rows = rows
        self.reference = reference
        self.motion = motion
        repeats = TileRepeats(rows.base, table: scratch.repeats)
        self.scratch = scratch
        self.acceleration = acceleration
        self.constants = constants
    }

    /// Bytes that ``encode(to:)`` may touch.
    static func capacity(for strip: TileStrip) -> Int {
        TileStrip.headerSize &+ strip.largestPacked &+ strip.largestSide &+ strip.byteCount
            &+ strip.largestBlock / 255 &+ 64 &+ HuffmanStream.slack
    }

    /// After ``encode(to:)``, how far a tile of the strip has moved.
    var foundVector: TileVector? { motion?.found }

    /// Codes the strip.
    ///
    /// - Parameter out: ``capacity(for:)`` bytes.
    /// - Returns: the coded size; 0 when the strip equals that of the reference.
    @_optimize(speed)
    mutating func encode(to out: UnsafeMutableRawPointer) -> Int {
        var firstChange = 0
        // Rising in memory, which processors read ahead.
        let isTurned = rows.pitch < 0
        if reference != nil {
            while firstChange < strip.tileRows,
                isUnchanged(tileRow: isTurned ? strip.tileRows &- 1 &- firstChange : firstChange)
            {
                firstChange += 1
            }
            if firstChange == strip.tileRows { return 0 }
        }
        let tilesAcross = strip.tilesAcross
        let modes = scratch.side.assumingMemoryBound(to: UInt8.self)
        var side = scratch.side + strip.tiles
        let packedStart = out + TileStrip.headerSize
        var packed = packedStart
        var hasRows = false
        var interest = ReferenceInterest()
        var habit = PredictorHabit()
        scratch.streams?.reset()
        for tileRow in 0..<strip.tileRows {
            let rowModes = modes + tileRow &* tilesAcross
            let turn = isTurned ? strip.tileRows &- 1 &- tileRow : tileRow
            if reference != nil,
                turn < firstChange || (turn > firstChange && isUnchanged(tileRow: tileRow))
            {
                memset(rowModes, Int32(TileStrip.Mode.skip), tilesAcross)
                continue
            }
            for tile in 0..<tilesAcross {
                let mode = encodeTile(tile, tileRow, &side, &packed, &interest, &habit)
                rowModes[tile] = mode
                if mode == TileStrip.Mode.rows || mode == TileStrip.Mode.rowsXorReference { hasRows = true }
            }
        }
        let packedSize = packed - packedStart
        let sideSize = side - scratch.side
        if packedSize <= strip.byteCount, sideSize <= strip.byteCount {
            let size = assemble(out, packedSize: packedSize, sideSize: sideSize, hasRows: hasRows)
            if size < strip.byteCount { return size }
        }
        out.storeBytes(of: TileStrip.Flags.stored.littleEndian, as: UInt32.self)
        for row in 0..<strip.rows {
            let to = out + (TileStrip.storedHeaderSize &+ row &* strip.rowBytes)
            memcpy(to, rows.base + row &* rows.pitch, strip.rowBytes)
        }
        return TileStrip.storedHeaderSize &+ strip.byteCount
    }

    /// Rows of a row of tiles.
    func rowCount(_ tileRow: Int) -> Int {
        min(TileFormat.rows, strip.rows &- tileRow &* TileFormat.rows)
    }

    @_optimize(speed)
    private func isUnchanged(tileRow: Int) -> Bool {
        guard let reference else { return false }
        let first = tileRow &* TileFormat.rows
        let count = rowCount(tileRow)
        let a = rows.base + first &* rows.pitch
        let b = reference.base + first &* reference.pitch
        // Rows without gaps are one piece, whichever of them is the first in memory.
        if rows.pitch == reference.pitch, abs(rows.pitch) == strip.rowBytes {
            let start = rows.pitch < 0 ? (count &- 1) &* rows.pitch : 0
            return memcmp(a + start, b + start, count &* strip.rowBytes) == 0
        }
        for row in 0..<count
        where memcmp(a + row &* rows.pitch, b + row &* reference.pitch, strip.rowBytes) != 0 {
            return false
        }
        return true
    }

    private func source(_ rows: Rows, _ tile: Int, _ tileRow: Int) -> TileStage.Source {
        TileStage.Source(
            format: strip.format, base: rows.base + (tileRow &* TileFormat.rows &* rows.pitch),
            pitch: rows.pitch, rowBytes: strip.rowBytes, tile: tile, rows: rowCount(tileRow),
            isTop: tileRow == 0)
    }

    @_optimize(speed)
    private func isUnchanged(_ source: TileStage.Source, _ old: TileStage.Source) -> Bool {
        for row in 0..<source.rows {
            let a = source.base + (row &* source.pitch &+ source.offset)
            let b = old.base + (row &* old.pitch &+ old.offset)
            if memcmp(a, b, source.count) != 0 { return false }
        }
        return true
    }

    /// Chooses a mode, and packs the tile if that is the one.
    @_optimize(speed)
    private mutating func encodeTile(
        _ tile: Int, _ tileRow: Int, _ side: inout UnsafeMutableRawPointer,
        _ packed: inout UnsafeMutableRawPointer, _ interest: inout ReferenceInterest,
        _ habit: inout PredictorHabit
    ) -> UInt8 {
        let source = source(rows, tile, tileRow)
        if let reference {
            let old = self.source(reference, tile, tileRow)
            if isUnchanged(source, old) {
                interest.found(true)
                return TileStrip.Mode.skip
            }
            if let vector = motion?.known(source, tileRow) { return moved(vector, &side, &interest) }
            prefetch(old, sampled: interest.isNext)
        }
        let asksReference = reference != nil && interest.isNow
        let place = place(source, tile, tileRow, withReference: asksReference)
        if !asksReference, !repeats.looksAt(tile, tileRow), let predictor = habit.next() {
            _ = repeats.bits(source, tileRow, samples: 0, isWanted: false)
            if reference != nil { interest.found(false) }
            if let trial = scratch.trial {
                return packBest(place, predictor, nil, trial, &habit.color, &side, &packed)
            }
            return pack(place, PackedKind(predictor, habit.color.colors), &side, &packed)
        }
        let survey = strip.format.survey(place, habit.color.colors, hasReference: asksReference)
        var choice = TileChoice(survey, repeatBits: nil, constants)
        let repeatBits = repeats.bits(
            source, tileRow, samples: survey.samples, isWanted: choice.predictor != nil)
        if let repeatBits { choice = TileChoice(survey, repeatBits: repeatBits, constants) }
        if reference != nil { interest.found(choice.usesReference || choice.predictor == .previous) }
        habit.note(choice)
        guard let predictor = choice.predictor else {
            // What repeats may be letters, and letters scroll.
            if let vector = motion?.search(source, tileRow) { return moved(vector, &side, &interest) }
            return choice.usesReference ? TileStrip.Mode.rowsXorReference : TileStrip.Mode.rows
        }
        if let trial = scratch.trial {
            return packBest(place, predictor, survey, trial, &habit.color, &side, &packed)
        }
        let colors = habit.color.colors
        habit.color.take(colors.better(bits: survey.fieldBits, oppositeBits: survey.oppositeFieldBits))
        return pack(place, PackedKind(predictor, habit.color.colors), &side, &packed)
    }

    /// Packs a tile.
    ///
    /// - Returns: the mode.
    @inline(never)
    @_optimize(speed)
    private func pack(
        _ place: TilePlace, _ kind: PackedKind, _ side: inout UnsafeMutableRawPointer,
        _ packed: inout UnsafeMutableRawPointer
    ) -> UInt8 {
        let residuals = scratch.tile.residuals
        let bounds = strip.format.residuals(place, kind, residuals)
        return pack(residuals, bounds, blocks: place.blocks, kind, &side, &packed)
    }

    /// Packs residuals.
    ///
    /// - Parameter bounds: the least and the greatest width of each field.
    /// - Returns: the mode.
    @inline(__always)
    func pack(
        _ residuals: TileResiduals, _ bounds: (smallest: UInt32, largest: UInt32), blocks: Int,
        _ kind: PackedKind, _ side: inout UnsafeMutableRawPointer, _ packed: inout UnsafeMutableRawPointer
    ) -> UInt8 {
        if bounds.largest == 0 { return PackedKind.exact(kind.predictor).mode }
        side = TileWidths.write(
            residuals.widths, blocks: blocks, smallest: bounds.smallest, largest: bounds.largest, to: side)
        let widths = UnsafeRawPointer(residuals.widths).assumingMemoryBound(to: UInt32.self)
        let masks = UnsafeRawPointer(residuals.masks).assumingMemoryBound(to: UInt32.self)
        // Mostly, an alpha channel is as predicted.
        let hasFourth = bounds.largest >> 24 != 0
        if let streams = scratch.streams {
            // Mostly the streams will stand for the packed blocks, which are written only if they do not.
            streams.add(residuals.folded, blocks: blocks, widths: widths, masks: masks, hasFourth: hasFourth)
            packed += BitPacking.size(residuals.widths, blocks: blocks)
        } else {
            packed = BitPacking.pack(
                residuals.folded, blocks: blocks, widths: widths, masks: masks, hasFourth: hasFourth,
                to: packed)
        }
        return kind.mode
    }

    private func moved(
        _ vector: TileVector, _ side: inout UnsafeMutableRawPointer, _ interest: inout ReferenceInterest
    ) -> UInt8 {
        vector.write(to: side)
        side += TileVector.size
        interest.found(true)
        return TileStrip.Mode.moved
    }

    /// Has what will be sampled of the reference at the tile to the right fetched from memory: single lines, far
    /// apart, so the processor does not see them coming.
    private func prefetch(_ old: TileStage.Source, sampled: Bool) {
        let next = old.base + (old.offset &+ old.count)
        fwx_prefetch(next)
        if sampled { TileSurvey.prefetch(next, pitch: old.pitch, blockRows: old.blockRows) }
    }

    /// Which predictor to take without a survey: where tile after tile chose the same one by far, most tiles do without.
    private struct PredictorHabit {
        private var predictor: TilePredictor?
        var color = ColorHabit()
        /// Surveys in a row that chose it.
        private var seen = 0
        /// Tiles that did without since.
        private var skipped = 0

        private static let enough = 2
        private static let mostSkipped = 3

        /// The predictor for the tile at hand; nil when it is to be surveyed.
        mutating func next() -> TilePredictor? {
            guard seen >= Self.enough, skipped < Self.mostSkipped else { return nil }
            skipped &+= 1
            return predictor
        }

        /// A tile was surveyed.
        mutating func note(_ choice: TileChoice) {
            skipped = 0
            seen = choice.isClear && choice.predictor == predictor ? seen &+ 1 : 0
            predictor = choice.predictor
        }
    }

    /// Whether the reference is worth looking at. Where everything moves it is not, and fetching it from memory is
    /// what takes most of a survey's time: then only every fourth tile looks, until one finds something.
    private struct ReferenceInterest {
        private var missed = 0

        /// For the tile at hand.
        var isNow: Bool { missed < 4 || missed & 7 == 0 }
        /// For the tile behind it, if this one finds nothing.
        var isNext: Bool { missed < 3 || missed & 7 == 7 }

        mutating func found(_ isUsed: Bool) { missed = isUsed ? 0 : missed &+ 1 }
    }

    /// The tile where it lies if its vectors can be read there, or else staged.
    ///
    /// - Parameter withReference: whether the reference will be looked at.
    private func place(
        _ source: TileStage.Source, _ tile: Int, _ tileRow: Int, withReference: Bool
    ) -> TilePlace {
        let isWhole =
            tile > 0 && source.rows & 3 == 0 && source.count == TileFormat.rowBytes
            && !strip.format.isExpanded
        if isWhole {
            let base = source.base + source.offset
            return TilePlace(
                base: base, pitch: source.pitch,
                above: source.isTop ? UnsafeRawPointer(scratch.tile.zeros) : base - source.pitch,
                reference: reference.map { self.source($0, tile, tileRow).base + source.offset } ?? base,
                referencePitch: reference?.pitch ?? 0, step: strip.format.step, blockRows: source.blockRows)
        }
        scratch.tile.stage.load(source)
        if let reference, withReference {
            scratch.tile.referenceStage.load(self.source(reference, tile, tileRow))
        }
        return TilePlace(
            base: UnsafeRawPointer(scratch.tile.stage.pixels), pitch: TileStage.pitch,
            above: UnsafeRawPointer(scratch.tile.stage.above),
            reference: UnsafeRawPointer(scratch.tile.referenceStage.pixels), referencePitch: TileStage.pitch,
            step: strip.format.step, blockRows: source.blockRows)
    }
}
