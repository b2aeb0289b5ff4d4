import CLZ4
import CPosix

extension TileStripEncoder {
    /// Puts header, packed blocks, LZ4 block and side information together behind each other.
    func assemble(
        _ out: UnsafeMutableRawPointer, packedSize: Int, sideSize: Int, hasRows: Bool
    ) -> Int {
        // Widths of textured tiles do not compress; where tiles are flat, they and the modes repeat.
        let isFlat = sideSize < constants.flatSideBytes &* strip.tiles
        let sideInBlock = isFlat && sideSize >= 64
        let packedStart = out + TileStrip.headerSize
        var packedInBlock = packedSize > 0 && packedSize &* constants.flatPackedShare < strip.byteCount
        let codedSize = codeStreams(packedStart, packedSize, isFlat: packedInBlock)
        if codedSize != nil { packedInBlock = false }
        var flags: UInt32 = 0
        var packedSize = packedSize
        let start = scratch.block + strip.byteCount
        var blockStart = start
        var blockEnd = start
        if hasRows { blockEnd = gatherRows(to: blockEnd) }
        if sideInBlock {
            blockStart -= sideSize
            memcpy(blockStart, scratch.side, sideSize)
            flags |= TileStrip.Flags.sideInBlock
        }
        var writtenPacked = packedSize
        if packedInBlock {
            memcpy(blockEnd, packedStart, packedSize)
            blockEnd += packedSize
            flags |= TileStrip.Flags.packedInBlock
            packedSize = 0
        } else if let codedSize {
            flags |= TileStrip.Flags.packedIsCoded
            packedSize = codedSize
            writtenPacked = codedSize
        }
        var next = packedStart + packedSize
        let blockSize = blockEnd - blockStart
        var codedBlockSize = 0
        if blockSize > 0 {
            codedBlockSize = compress(blockStart, blockSize, to: next)
            if codedBlockSize == 0 {
                memcpy(next, blockStart, blockSize)
                codedBlockSize = blockSize
                flags |= TileStrip.Flags.blockIsStored
            } else if let size = compressAgain(next, codedBlockSize) {
                codedBlockSize = size
                flags |= TileStrip.Flags.blockIsTwice
            }
            next += codedBlockSize
        }
        if !sideInBlock {
            if let end = scratch.streams?.writeSide(scratch.side, sideSize, to: next) {
                next = end
                flags |= TileStrip.Flags.sideIsCoded
            } else {
                memcpy(next, scratch.side, sideSize)
                next += sideSize
            }
        }
        out.storeBytes(of: (UInt32(writtenPacked) | flags).littleEndian, as: UInt32.self)
        out.storeBytes(of: UInt32(codedBlockSize).littleEndian, toByteOffset: 4, as: UInt32.self)
        out.storeBytes(of: UInt32(sideSize).littleEndian, toByteOffset: 8, as: UInt32.self)
        return next - out
    }

    /// In profile huffman, puts coded streams into the place of the packed blocks, where they are smaller.
    ///
    /// - Parameter isFlat: whether the packed blocks would otherwise be in the LZ4 block.
    /// - Returns: their size, or nil when the packed blocks are as they were.
    private func codeStreams(_ packed: UnsafeMutableRawPointer, _ size: Int, isFlat: Bool) -> Int? {
        guard let streams = scratch.streams, size > 0 else { return nil }
        var other = 0
        if isFlat {
            pack(streams.collected(), to: packed)
            other = compress(packed, size, to: scratch.block)
        }
        if let size = streams.write(to: packed, limit: other > 0 ? other : size) { return size }
        if !isFlat { pack(streams.collected(), to: packed) }
        return nil
    }

    /// Packs the blocks of all tiles.
    private func pack(_ blocks: FieldCursors, to out: UnsafeMutableRawPointer) {
        let modes = scratch.side.assumingMemoryBound(to: UInt8.self)
        var side = UnsafeRawPointer(scratch.side + strip.tiles)
        var out = out
        let residuals = scratch.tile.residuals
        let widths = UnsafeRawPointer(residuals.widths).assumingMemoryBound(to: UInt32.self)
        let masks = UnsafeRawPointer(residuals.masks).assumingMemoryBound(to: UInt32.self)
        for tile in 0..<strip.tiles {
            if modes[tile] == TileStrip.Mode.moved { side += TileVector.size }
            guard let kind = PackedKind(mode: modes[tile], hasColors: strip.format.hasColors), !kind.isExact
            else { continue }
            let count = (rowCount(tile / strip.tilesAcross) &+ 3) / 4 &* BitPacking.blocksPerRow
            guard
                let sizes = TileWidths.read(
                    side, remaining: TileWidths.largestSize, blocks: count, widths: residuals.widths,
                    masks: residuals.masks)
            else { return }
            side += sizes.size
            blocks.take(blocks: count, widths: widths, masks: masks, fields: .unsigned, to: residuals.folded)
            out = BitPacking.pack(
                residuals.folded, blocks: count, widths: widths, masks: masks, hasFourth: sizes.hasFourth,
                to: out)
        }
    }

    /// - Returns: 0 when the block does not become smaller.
    private func compress(_ block: UnsafeRawPointer, _ size: Int, to out: UnsafeMutableRawPointer) -> Int {
        let capacity = Int(LZ4_compressBound(Int32(size)))
        let coded = Int(
            LZ4_compress_fast_extState(
                scratch.hashTable, block.assumingMemoryBound(to: CChar.self),
                out.assumingMemoryBound(to: CChar.self), Int32(size), Int32(capacity), acceleration))
        return coded < size ? coded : 0
    }

    /// Compresses a block once more where runs are so long that LZ4's own coding of their lengths, a byte for each 255
    /// bytes, is what the block consists of.
    ///
    /// - Returns: the new size, or nil when that does not pay.
    private func compressAgain(_ coded: UnsafeMutableRawPointer, _ size: Int) -> Int? {
        guard size >= 64, size <= strip.byteCount / 16 else { return nil }
        let room = scratch.block
        let again = compress(coded, size, to: room)
        guard again > 0, again &+ 4 < size else { return nil }
        coded.storeBytes(of: UInt32(size).littleEndian, as: UInt32.self)
        memcpy(coded + 4, room, again)
        return again &+ 4
    }

    /// The rows of all tiles that go into the LZ4 block, each row of the picture from left to right: so a run
    /// that crosses tiles stays one match.
    @_optimize(speed)
    private func gatherRows(to out: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer {
        var out = out
        let modes = scratch.side.assumingMemoryBound(to: UInt8.self)
        for tileRow in 0..<strip.tileRows {
            let rowModes = modes + tileRow &* strip.tilesAcross
            for row in 0..<rowCount(tileRow) {
                let y = tileRow &* TileFormat.rows &+ row
                let pixels = rows.base + y &* rows.pitch
                var tile = 0
                while tile < strip.tilesAcross {
                    let mode = rowModes[tile]
                    guard mode == TileStrip.Mode.rows || mode == TileStrip.Mode.rowsXorReference else {
                        tile += 1
                        continue
                    }
                    let first = tile
                    while tile < strip.tilesAcross, rowModes[tile] == mode { tile += 1 }
                    let tileBytes = strip.format.tileBytes
                    let offset = first &* tileBytes
                    let count = min(tile &* tileBytes, strip.rowBytes) &- offset
                    if mode == TileStrip.Mode.rows {
                        memcpy(out, pixels + offset, count)
                    } else if let reference {
                        let old = reference.base + (y &* reference.pitch &+ offset)
                        TileStrip.xor(pixels + offset, old, count, to: out)
                    }
                    out += count
                }
            }
        }
        return out
    }
}
