import CPosix

/// Decodes strips of the tile codec, one after another, on one thread. It trusts nothing that it reads.
struct TileStripDecoder {
    /// Memory that one worker needs.
    struct Scratch {
        let tile: TileScratch
        /// An LZ4 block that was compressed twice.
        let inner: UnsafeMutableRawPointer
        /// What the LZ4 block holds.
        let block: UnsafeMutableRawPointer
        /// In profile huffman.
        let streams: FieldStreamReader?

        /// Bytes for strips up to the size of `strip`.
        static func size(for strip: TileStrip, _ profile: Profile) -> Int {
            (profile == .huffman ? FieldStreamReader.size(for: strip) : 0) &+ TileScratch.size
                &+ TileScratch.align(strip.largestInner)
                &+ TileScratch.align(strip.largestBlock &+ BitPacking.slack)
        }

        /// - Parameter base: ``size(for:_:)`` bytes, aligned to 64.
        init(_ base: UnsafeMutableRawPointer, for strip: TileStrip, _ profile: Profile) {
            var next = base
            tile = TileScratch(&next)
            inner = TileScratch.take(strip.largestInner, from: &next)
            block = TileScratch.take(strip.largestBlock &+ BitPacking.slack, from: &next)
            streams = profile == .huffman ? FieldStreamReader(&next, for: strip) : nil
        }
    }

    /// What is wrong with a strip, and how many bytes into it.
    struct Failure: Error {
        let reason: StaticString
        let offset: Int
    }

    let strip: TileStrip
    /// The strip's first row in the packed picture.
    private let target: UnsafeMutableRawPointer
    /// The same place in the packed reference.
    private let reference: UnsafeRawPointer?
    /// The plane of the reference that the strip belongs to, and the strip's first row in it.
    private let plane: TilePlane?
    private let firstRow: Int
    let scratch: Scratch

    /// - Parameters:
    ///   - target: the strip's first row in the packed picture.
    ///   - plane: the plane of the packed reference that the strip belongs to.
    ///   - firstRow: the strip's first row in the plane.
    init(
        _ strip: TileStrip, target: UnsafeMutableRawPointer, plane: TilePlane?, firstRow: Int,
        scratch: Scratch
    ) {
        self.strip = strip
        self.target = target
        self.plane = plane
        self.firstRow = firstRow
        reference = plane.map { $0.base + firstRow &* $0.pitch }
        self.scratch = scratch
    }

    /// Decodes a strip into the target.
    ///
    /// - Parameters:
    ///   - coded: the strip; ``BitPacking/slack`` bytes behind it may be read.
    ///   - size: its bytes.
    /// - Throws: ``Failure``; what the target's rows of this strip hold is undefined then.
    func decode(_ coded: UnsafeRawPointer, size: Int) throws(Failure) {
        if size == 0 {
            guard let reference else {
                throw Failure(reason: "it refers to a picture that is not there", offset: 0)
            }
            memcpy(target, reference, strip.byteCount)
            return
        }
        guard size >= TileStrip.storedHeaderSize else {
            throw Failure(reason: "its header is cut off", offset: 0)
        }
        let first = UInt32(littleEndian: coded.loadUnaligned(as: UInt32.self))
        if first & TileStrip.Flags.stored != 0 {
            guard first == TileStrip.Flags.stored, size == TileStrip.storedHeaderSize &+ strip.byteCount
            else {
                throw Failure(reason: "it is stored with a size that is not that of its pixels", offset: 0)
            }
            memcpy(target, coded + TileStrip.storedHeaderSize, strip.byteCount)
            return
        }
        var parts = try findParts(coded, size, first)
        let modes = parts.side.assumingMemoryBound(to: UInt8.self)
        let tilesAcross = strip.tilesAcross
        parts.side += strip.tiles
        for tileRow in 0..<strip.tileRows {
            try decodeRow(tileRow, modes + tileRow &* tilesAcross, &parts, coded, size)
        }
        guard parts.rows == parts.rowsEnd, parts.packed == parts.packedEnd, parts.side == parts.sideEnd,
            parts.streams?.isAtEnd ?? true
        else {
            throw Failure(reason: "it holds more than its tiles need", offset: size)
        }
    }

    @_optimize(speed)
    private func decodeRow(
        _ tileRow: Int, _ modes: UnsafePointer<UInt8>, _ parts: inout Parts, _ coded: UnsafeRawPointer,
        _ size: Int
    ) throws(Failure) {
        try placeRows(tileRow, modes, &parts)
        var tile = 0
        while tile < strip.tilesAcross {
            let mode = modes[tile]
            switch mode {
            case TileStrip.Mode.rows, TileStrip.Mode.rowsXorReference:
                tile += 1
            case TileStrip.Mode.skip:
                guard let reference else {
                    throw Failure(reason: "a tile refers to a picture that is not there", offset: 0)
                }
                let first = tile
                while tile < strip.tilesAcross, modes[tile] == mode { tile += 1 }
                copy(first..<tile, tileRow, from: reference)
            case TileStrip.Mode.moved:
                try copyMoved(tile, tileRow, &parts)
                tile += 1
            default:
                guard
                    let kind = PackedKind(mode: mode, hasColors: strip.format.hasColors),
                    kind.predictor != .previous || reference != nil
                else {
                    throw Failure(
                        reason: "a tile has a mode that is not known, or not allowed here", offset: 0)
                }
                try decodeTile(tile, tileRow, kind, &parts)
                tile += 1
            }
        }
    }

    private func rowCount(_ tileRow: Int) -> Int {
        min(TileFormat.rows, strip.rows &- tileRow &* TileFormat.rows)
    }

    private func source(_ base: UnsafeRawPointer, _ tile: Int, _ tileRow: Int) -> TileStage.Source {
        TileStage.Source(
            format: strip.format, base: base + tileRow &* TileFormat.rows &* strip.rowBytes,
            pitch: strip.rowBytes, rowBytes: strip.rowBytes, tile: tile, rows: rowCount(tileRow),
            isTop: tileRow == 0)
    }

    @_optimize(speed)
    private func copy(_ tiles: Range<Int>, _ tileRow: Int, from reference: UnsafeRawPointer) {
        let offset = tiles.lowerBound &* strip.format.tileBytes
        let count = min(tiles.upperBound &* strip.format.tileBytes, strip.rowBytes) &- offset
        let start = tileRow &* TileFormat.rows &* strip.rowBytes &+ offset
        if count == strip.rowBytes {
            memcpy(target + start, reference + start, rowCount(tileRow) &* count)
            return
        }
        for row in 0..<rowCount(tileRow) {
            let place = start &+ row &* strip.rowBytes
            memcpy(target + place, reference + place, count)
        }
    }

    private func copyMoved(_ tile: Int, _ tileRow: Int, _ parts: inout Parts) throws(Failure) {
        guard parts.sideEnd - parts.side >= TileVector.size else {
            throw Failure(reason: "the vector of a tile is cut off", offset: 0)
        }
        let vector = TileVector(from: parts.side)
        parts.side += TileVector.size
        let to = source(UnsafeRawPointer(target), tile, tileRow)
        let row = firstRow &+ tileRow &* TileFormat.rows
        guard
            let plane,
            let place = plane.place(vector, row: row, offset: to.offset, count: to.count, rows: to.rows)
        else { throw Failure(reason: "a tile refers to what is outside of the reference", offset: 0) }
        for row in 0..<to.rows {
            let start = (tileRow &* TileFormat.rows &+ row) &* strip.rowBytes &+ to.offset
            memcpy(target + start, place + row &* plane.pitch, to.count)
        }
    }

    /// Puts the rows that were in the LZ4 block to their tiles.
    @_optimize(speed)
    private func placeRows(
        _ tileRow: Int, _ modes: UnsafePointer<UInt8>, _ parts: inout Parts
    ) throws(Failure) {
        for row in 0..<rowCount(tileRow) {
            let start = (tileRow &* TileFormat.rows &+ row) &* strip.rowBytes
            var tile = 0
            while tile < strip.tilesAcross {
                let mode = modes[tile]
                guard mode == TileStrip.Mode.rows || mode == TileStrip.Mode.rowsXorReference else {
                    tile += 1
                    continue
                }
                let offset = tile &* strip.format.tileBytes
                while tile < strip.tilesAcross, modes[tile] == mode { tile += 1 }
                let count = min(tile &* strip.format.tileBytes, strip.rowBytes) &- offset
                guard parts.rowsEnd - parts.rows >= count else {
                    throw Failure(reason: "its LZ4 block ends before the rows of its tiles do", offset: 0)
                }
                let to = target + (start &+ offset)
                if mode == TileStrip.Mode.rows {
                    memcpy(to, parts.rows, count)
                } else {
                    guard let reference else {
                        throw Failure(reason: "a tile refers to a picture that is not there", offset: 0)
                    }
                    TileStrip.xor(parts.rows, reference + (start &+ offset), count, to: to)
                }
                parts.rows += count
            }
        }
    }

    @_optimize(speed)
    private func decodeTile(
        _ tile: Int, _ tileRow: Int, _ kind: PackedKind, _ parts: inout Parts
    ) throws(Failure) {
        let source = source(UnsafeRawPointer(target), tile, tileRow)
        let blocks = source.blockRows &* BitPacking.blocksPerRow
        let residuals = scratch.tile.residuals
        if kind.isExact {
            memset(residuals.folded, 0, blocks &* 64)
        } else {
            guard
                let sizes = TileWidths.read(
                    parts.side, remaining: parts.sideEnd - parts.side, blocks: blocks,
                    widths: residuals.widths, masks: residuals.masks)
            else { throw Failure(reason: "the widths of a tile are cut off or too large", offset: 0) }
            parts.side += sizes.size
            let widths = UnsafeRawPointer(residuals.widths).assumingMemoryBound(to: UInt32.self)
            let masks = UnsafeRawPointer(residuals.masks).assumingMemoryBound(to: UInt32.self)
            let fields: BitPacking.Fields =
                !strip.format.isSigned ? .unsigned : sizes.hasFourth ? .signed : .threeSigned
            if let streams = parts.streams {
                streams.cursors.take(
                    blocks: blocks, widths: widths, masks: masks, fields: fields, to: residuals.folded)
                guard streams.isInside else {
                    throw Failure(reason: "its coded streams end before those of its tiles do", offset: 0)
                }
                reconstruct(source, tile, tileRow, kind)
                return
            }
            guard parts.packedEnd - parts.packed >= sizes.packedSize else {
                throw Failure(reason: "its packed blocks end before those of its tiles do", offset: 0)
            }
            BitPacking.unpack(
                parts.packed, blocks: blocks, widths: widths, masks: masks, fields: fields,
                to: residuals.folded)
            parts.packed += sizes.packedSize
        }
        reconstruct(source, tile, tileRow, kind)
    }

    @_optimize(speed)
    private func reconstruct(
        _ source: TileStage.Source, _ tile: Int, _ tileRow: Int, _ kind: PackedKind
    ) {
        let isWhole =
            source.rows & 3 == 0 && source.count == TileFormat.rowBytes && !strip.format.isExpanded
        if isWhole {
            let offset = tileRow &* TileFormat.rows &* strip.rowBytes &+ source.offset
            let base = target + offset
            let place = TileTarget(
                base: base, pitch: strip.rowBytes,
                above: UnsafeRawPointer(source.isTop ? scratch.tile.zeros : base - strip.rowBytes),
                reference: reference.map { $0 + offset } ?? UnsafeRawPointer(base),
                referencePitch: strip.rowBytes, blockRows: source.blockRows, isFirst: tile == 0,
                isTop: source.isTop)
            strip.format.reconstruct(kind, scratch.tile.residuals.folded, place)
            return
        }
        let stage = scratch.tile.stage
        stage.loadSurroundings(source)
        if kind.predictor == .previous, let reference {
            scratch.tile.referenceStage.load(self.source(reference, tile, tileRow))
        }
        let place = TileTarget(
            base: stage.pixels, pitch: TileStage.pitch, above: UnsafeRawPointer(stage.above),
            reference: UnsafeRawPointer(scratch.tile.referenceStage.pixels), referencePitch: TileStage.pitch,
            blockRows: source.blockRows, isFirst: tile == 0, isTop: source.isTop)
        strip.format.reconstruct(kind, scratch.tile.residuals.folded, place)
        stage.store(source, to: target + tileRow &* TileFormat.rows &* strip.rowBytes)
    }
}
