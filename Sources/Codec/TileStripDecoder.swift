import Buffers
import CLZ4
import CPosix

/// Decodes strips of the tile codec, one after another, on one thread. It trusts nothing that it reads.
struct TileStripDecoder {
    /// Memory that one worker needs, in parts of one block.
    struct Scratch {
        fileprivate let folded: UnsafeMutablePointer<Bytes>
        fileprivate let widths: UnsafeMutablePointer<Words>
        fileprivate let masks: UnsafeMutablePointer<Words>
        fileprivate let stage: TileStage
        fileprivate let referenceStage: TileStage
        /// A row of zeros, with 16 bytes before it.
        fileprivate let zeros: UnsafeMutableRawPointer
        /// An LZ4 block that was compressed twice.
        fileprivate let inner: UnsafeMutableRawPointer
        /// What the LZ4 block holds.
        fileprivate let block: UnsafeMutableRawPointer

        /// Bytes for strips up to the size of `strip`.
        static func size(for strip: TileStrip) -> Int {
            4096 &+ 512 &+ 2 &* align(TileStage.reservedSize) &+ 512
                &+ align(strip.largestInner) &+ align(strip.largestBlock &+ BitPacking.slack)
        }

        private static func align(_ size: Int) -> Int { (size &+ 63) & ~63 }

        /// - Parameter base: ``size(for:)`` bytes, aligned to 64.
        init(_ base: UnsafeMutableRawPointer, for strip: TileStrip) {
            var next = base
            @inline(__always)
            func take(_ size: Int) -> UnsafeMutableRawPointer {
                defer { next += Self.align(size) }
                return next
            }
            folded = take(4096).assumingMemoryBound(to: Bytes.self)
            widths = take(256).assumingMemoryBound(to: Words.self)
            masks = take(256).assumingMemoryBound(to: Words.self)
            stage = TileStage(base: take(TileStage.reservedSize))
            referenceStage = TileStage(base: take(TileStage.reservedSize))
            let row = take(512)
            memset(row, 0, 512)
            zeros = row + 64
            inner = take(strip.largestInner)
            block = next
        }
    }

    /// What is wrong with a strip, and how many bytes into it.
    struct Failure: Error {
        let reason: StaticString
        let offset: Int
    }

    private let strip: TileStrip
    /// The strip's first row in the packed picture.
    private let target: UnsafeMutableRawPointer
    /// The same place in the packed reference.
    private let reference: UnsafeRawPointer?
    /// The plane of the reference that the strip belongs to, and the strip's first row in it.
    private let plane: TilePlane?
    private let firstRow: Int
    private let scratch: Scratch

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

    /// The parts of a coded strip.
    private struct Parts {
        var packed: UnsafeRawPointer
        var packedEnd: UnsafeRawPointer
        var side: UnsafeRawPointer
        var sideEnd: UnsafeRawPointer
        var rows: UnsafeRawPointer
        var rowsEnd: UnsafeRawPointer
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
        guard parts.rows == parts.rowsEnd, parts.packed == parts.packedEnd, parts.side == parts.sideEnd else {
            throw Failure(reason: "it holds more than its tiles need", offset: size)
        }
    }

    /// Finds the parts, decoding the LZ4 block.
    private func findParts(_ coded: UnsafeRawPointer, _ size: Int, _ first: UInt32) throws(Failure) -> Parts {
        guard size >= TileStrip.headerSize else { throw Failure(reason: "its header is cut off", offset: 0) }
        let packedSize = Int(first & TileStrip.Flags.sizeMask)
        let codedBlockSize = Int(
            UInt32(littleEndian: coded.loadUnaligned(fromByteOffset: 4, as: UInt32.self)))
        let sideSize = Int(UInt32(littleEndian: coded.loadUnaligned(fromByteOffset: 8, as: UInt32.self)))
        let sideInBlock = first & TileStrip.Flags.sideInBlock != 0
        let packedInBlock = first & TileStrip.Flags.packedInBlock != 0
        guard packedSize <= strip.byteCount else {
            throw Failure(reason: "its packed blocks are larger than its pixels", offset: 0)
        }
        guard sideSize >= strip.tiles, sideSize <= strip.byteCount else {
            throw Failure(reason: "its side information has a size that the strip cannot have", offset: 8)
        }
        let body = TileStrip.headerSize &+ (packedInBlock ? 0 : packedSize) &+ (sideInBlock ? 0 : sideSize)
        guard size &- body == codedBlockSize else {
            throw Failure(reason: "the sizes of its parts do not add up", offset: 4)
        }
        let coded = coded + TileStrip.headerSize
        var block = coded + (packedInBlock ? 0 : packedSize)
        let side = block + codedBlockSize
        let blockSize = try blockSize(at: &block, codedBlockSize, first)
        let outside = (sideInBlock ? sideSize : 0) &+ (packedInBlock ? packedSize : 0)
        guard blockSize >= outside, blockSize &- outside <= strip.byteCount else {
            throw Failure(reason: "its LZ4 block does not hold what it should", offset: TileStrip.headerSize)
        }
        let rows = block + (sideInBlock ? sideSize : 0)
        let rowsEnd = rows + (blockSize &- outside)
        let packed = packedInBlock ? rowsEnd : coded
        return Parts(
            packed: packed, packedEnd: packed + packedSize, side: sideInBlock ? block : side,
            sideEnd: (sideInBlock ? block : side) + sideSize, rows: rows, rowsEnd: rowsEnd)
    }

    /// Decodes the LZ4 block.
    ///
    /// - Parameter block: where it lies; set to where its content lies.
    /// - Returns: the size of the content.
    private func blockSize(
        at block: inout UnsafeRawPointer, _ codedSize: Int, _ flags: UInt32
    ) throws(Failure) -> Int {
        if codedSize == 0 { return 0 }
        if flags & TileStrip.Flags.blockIsStored != 0 { return codedSize }
        var codedSize = codedSize
        if flags & TileStrip.Flags.blockIsTwice != 0 {
            guard codedSize > 4 else { throw Failure(reason: "its LZ4 block is cut off", offset: 4) }
            let inner = Int(UInt32(littleEndian: block.loadUnaligned(as: UInt32.self)))
            guard inner <= strip.largestInner else {
                throw Failure(
                    reason: "its LZ4 block is larger than one that is compressed twice can be",
                    offset: TileStrip.headerSize)
            }
            let size = LZ4_decompress_safe(
                (block + 4).assumingMemoryBound(to: CChar.self),
                scratch.inner.assumingMemoryBound(to: CChar.self), Int32(clamping: codedSize &- 4),
                Int32(clamping: inner))
            guard Int(size) == inner else {
                throw Failure(
                    reason: "its twice compressed LZ4 block does not decode", offset: TileStrip.headerSize)
            }
            block = UnsafeRawPointer(scratch.inner)
            codedSize = inner
        }
        let size = Int(
            LZ4_decompress_safe(
                block.assumingMemoryBound(to: CChar.self), scratch.block.assumingMemoryBound(to: CChar.self),
                Int32(clamping: codedSize), Int32(clamping: strip.largestBlock)))
        guard size >= 0 else {
            throw Failure(reason: "its LZ4 block does not decode", offset: TileStrip.headerSize)
        }
        block = UnsafeRawPointer(scratch.block)
        return size
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
                    let predictor = TilePredictor(rawValue: mode & ~TileStrip.Mode.exact),
                    predictor != .previous || reference != nil
                else {
                    throw Failure(
                        reason: "a tile has a mode that is not known, or not allowed here", offset: 0)
                }
                try decodeTile(tile, tileRow, predictor, isExact: mode & TileStrip.Mode.exact != 0, &parts)
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
        _ tile: Int, _ tileRow: Int, _ predictor: TilePredictor, isExact: Bool, _ parts: inout Parts
    ) throws(Failure) {
        let source = source(UnsafeRawPointer(target), tile, tileRow)
        let blocks = source.blockRows &* BitPacking.blocksPerRow
        if isExact {
            memset(scratch.folded, 0, blocks &* 64)
        } else {
            guard
                let sizes = TileWidths.read(
                    parts.side, remaining: parts.sideEnd - parts.side, blocks: blocks,
                    widths: scratch.widths, masks: scratch.masks)
            else { throw Failure(reason: "the widths of a tile are cut off or too large", offset: 0) }
            parts.side += sizes.size
            guard parts.packedEnd - parts.packed >= sizes.packedSize else {
                throw Failure(reason: "its packed blocks end before those of its tiles do", offset: 0)
            }
            BitPacking.unpack(
                parts.packed, blocks: blocks,
                widths: UnsafeRawPointer(scratch.widths).assumingMemoryBound(to: UInt32.self),
                masks: UnsafeRawPointer(scratch.masks).assumingMemoryBound(to: UInt32.self),
                fields: !strip.format.isSigned ? .unsigned : sizes.hasFourth ? .signed : .threeSigned,
                to: scratch.folded)
            parts.packed += sizes.packedSize
        }
        reconstruct(source, tile, tileRow, predictor)
    }

    @_optimize(speed)
    private func reconstruct(
        _ source: TileStage.Source, _ tile: Int, _ tileRow: Int, _ predictor: TilePredictor
    ) {
        let isWhole =
            source.rows & 3 == 0 && source.count == TileFormat.rowBytes && !strip.format.isExpanded
        if isWhole {
            let offset = tileRow &* TileFormat.rows &* strip.rowBytes &+ source.offset
            let base = target + offset
            let place = TileTarget(
                base: base, pitch: strip.rowBytes,
                above: UnsafeRawPointer(source.isTop ? scratch.zeros : base - strip.rowBytes),
                reference: reference.map { $0 + offset } ?? UnsafeRawPointer(base),
                referencePitch: strip.rowBytes, blockRows: source.blockRows, isFirst: tile == 0,
                isTop: source.isTop)
            strip.format.reconstruct(predictor, scratch.folded, place)
            return
        }
        let stage = scratch.stage
        stage.loadSurroundings(source)
        if predictor == .previous, let reference {
            scratch.referenceStage.load(self.source(reference, tile, tileRow))
        }
        let place = TileTarget(
            base: stage.pixels, pitch: TileStage.pitch, above: UnsafeRawPointer(stage.above),
            reference: UnsafeRawPointer(scratch.referenceStage.pixels), referencePitch: TileStage.pitch,
            blockRows: source.blockRows, isFirst: tile == 0, isTop: source.isTop)
        strip.format.reconstruct(predictor, scratch.folded, place)
        stage.store(source, to: target + tileRow &* TileFormat.rows &* strip.rowBytes)
    }
}
