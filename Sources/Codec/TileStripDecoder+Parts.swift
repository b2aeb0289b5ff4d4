import CLZ4

extension TileStripDecoder {
    /// The parts of a coded strip.
    struct Parts {
        var packed: UnsafeRawPointer
        var packedEnd: UnsafeRawPointer
        var side: UnsafeRawPointer
        var sideEnd: UnsafeRawPointer
        var rows: UnsafeRawPointer
        var rowsEnd: UnsafeRawPointer
        /// What the packed blocks are in instead, if they are coded.
        var streams: FieldStreamReader?
    }

    /// Finds the parts, decoding the LZ4 block.
    func findParts(_ coded: UnsafeRawPointer, _ size: Int, _ first: UInt32) throws(Failure) -> Parts {
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
        let sideIsCoded = first & TileStrip.Flags.sideIsCoded != 0
        let rest = size &- TileStrip.headerSize &- (packedInBlock ? 0 : packedSize) &- codedBlockSize
        let isWhole = sideIsCoded ? rest >= 0 : rest == (sideInBlock ? 0 : sideSize)
        guard isWhole else { throw Failure(reason: "the sizes of its parts do not add up", offset: 4) }
        let coded = coded + TileStrip.headerSize
        var block = coded + (packedInBlock ? 0 : packedSize)
        let side = try side(block + codedBlockSize, rest, sideSize, first)
        let blockSize = try blockSize(at: &block, codedBlockSize, first)
        let outside = (sideInBlock ? sideSize : 0) &+ (packedInBlock ? packedSize : 0)
        guard blockSize >= outside, blockSize &- outside <= strip.byteCount else {
            throw Failure(reason: "its LZ4 block does not hold what it should", offset: TileStrip.headerSize)
        }
        let rows = block + (sideInBlock ? sideSize : 0)
        let rowsEnd = rows + (blockSize &- outside)
        let packed = packedInBlock ? rowsEnd : coded
        var parts = Parts(
            packed: packed, packedEnd: packed + packedSize, side: sideInBlock ? block : side,
            sideEnd: (sideInBlock ? block : side) + sideSize, rows: rows, rowsEnd: rowsEnd)
        guard first & TileStrip.Flags.packedIsCoded != 0 else { return parts }
        guard let streams = scratch.streams, !packedInBlock else {
            throw Failure(
                reason: "its packed blocks are coded, which is not known, or not allowed here", offset: 0)
        }
        if let reason = streams.read(coded, size: packedSize) {
            throw Failure(reason: reason, offset: TileStrip.headerSize)
        }
        parts.packed = parts.packedEnd
        parts.streams = streams
        return parts
    }

    /// The side information that is not in the LZ4 block.
    ///
    /// - Parameters:
    ///   - coded: what is in its place.
    ///   - codedSize: bytes of that.
    ///   - size: its own bytes.
    private func side(
        _ coded: UnsafeRawPointer, _ codedSize: Int, _ size: Int, _ flags: UInt32
    ) throws(Failure) -> UnsafeRawPointer {
        guard flags & TileStrip.Flags.sideIsCoded != 0 else { return coded }
        guard let streams = scratch.streams, flags & TileStrip.Flags.sideInBlock == 0 else {
            throw Failure(
                reason: "its side information is coded, which is not known, or not allowed here", offset: 0)
        }
        guard let side = streams.readSide(coded, size: codedSize, count: size) else {
            throw Failure(reason: "its coded side information does not decode", offset: 8)
        }
        return side
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
}
