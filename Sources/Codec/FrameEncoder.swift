import Buffers
import CLZ4
import CPosix
import CXXHash

/// Encodes the pixels of one frame at a time into a payload: an LZ4 frame, or the strips of the tile codec, as a
/// list of pieces for a gather write.
///
/// The parts of the work, one a strip, run on a ``WorkerPool`` in any order; what comes out does not depend
/// on how many threads there are. Nothing is allocated while the geometry of the frames stays the same.
///
/// Sequence: ``prepare(_:reference:copyTo:profile:acceleration:checksum:)``, then the pool runs the job with ``parts``
/// parts (none means that there is nothing to do), then ``finish()``. Then ``payloadSize``, ``vectors`` and
/// ``checksum`` are there until the next `prepare`.
package final class FrameEncoder: StripJob {
    /// Room before the payload's own vectors for the one that holds the message's header.
    package static let reservedVectors = 1

    private let workers: Int
    private var source: PixelSource?
    /// What the frame is coded against, in the tile profiles.
    private var reference: PixelSource?
    /// Where the packed picture is copied to while it is coded.
    private var copy: UnsafeMutableRawPointer?
    private var plan: StripPlan?
    private var profile = Profile.lz4
    private var acceleration: Int32 = 1
    private var checksumState: OpaquePointer?
    private var wantsChecksum = false

    /// LZ4's hash tables, or all that the tile codec needs, one a worker.
    private let states = RawBlock()
    private var tileScratchSize = 0
    /// For each strip a vector that was right for a tile of it, or nil.
    private let found = RawBlock()
    /// A vector of the frame before.
    private var seed: TileVector?
    /// Frames since the last key frame.
    private var frame = 0
    /// What the tile codec's choices depend on.
    package var constants = TileConstants.standard
    /// Strips that had to be gathered, one a worker.
    private let scratch = RawBlock()
    /// Compressed strips with their block headers, each at its own place; the block headers alone for stored
    /// strips.
    /// Whoever shares parts of it keeps the next frame from overwriting them.
    package private(set) var arena: Memory?
    private var slots: UnsafeMutableRawPointer?
    private var slotSize = 0
    /// In the tile profiles: the payload's own header and the size of each strip.
    private let table = RawBlock()
    /// The frame header, then the end mark.
    private let ends: UnsafeMutableRawPointer
    private var list: UnsafeMutablePointer<iovec>?
    private var listCapacity = 0
    private var listCount = 0

    /// Bytes of the payload after ``finish()``.
    package private(set) var payloadSize = 0
    /// XXH3-64 of the packed picture after ``finish()``, if it was asked for.
    package private(set) var checksum: UInt64?
    /// Bytes that were copied to bring strips into wire order before they were compressed.
    package private(set) var gatheredBytes = 0

    private let whenFinished: (() -> Void)?

    /// - Parameters:
    ///   - workers: how many threads may call ``process(_:worker:)`` at once.
    ///   - whenFinished: called on the thread that did the last part of a frame.
    package init(workers: Int, whenFinished: (() -> Void)? = nil) {
        self.workers = workers
        self.whenFinished = whenFinished
        ends = .allocate(byteCount: 64, alignment: 8)
        super.init()
    }

    deinit {
        ends.deallocate()
        free(list)
        fwx_xxh3_free(checksumState)
    }

    /// The pieces of the payload, behind ``reservedVectors`` that the caller fills.
    package var vectors: UnsafeMutableBufferPointer<iovec> {
        UnsafeMutableBufferPointer(start: list, count: listCount)
    }

    package var strips: Int { plan?.count ?? 0 }
    package var rowsPerStrip: Int { plan?.rowsPerStrip ?? 0 }

    /// The number of parts for the worker pool: 0 when there is nothing to compute.
    package var parts: Int {
        (profile == .raw && copy == nil ? 0 : strips) + (wantsChecksum ? 1 : 0)
    }

    /// Takes a frame. Its memory, and that of its reference, must stay as it is until ``finish()``, and in profile
    /// raw as long as ``vectors`` is used.
    ///
    /// - Parameters:
    ///   - reference: in the tile profiles, the frame that the decoder has: one of the same size and format; nil
    ///     makes a key frame.
    ///   - copyTo: room for the packed picture, which the workers fill strip by strip while the pixels are in the
    ///     caches; it must stay until ``finish()``. It holds what later frames are coded against when the source
    ///     itself does not stay.
    /// - Throws: ``CodecError/noMemory(bytes:)``, or `unsupported` for a picture of 4 GiB in the tile profiles; the encoder
    ///   can be used again.
    package func prepare(
        _ source: PixelSource, reference: PixelSource? = nil, copyTo copy: UnsafeMutableRawPointer? = nil,
        profile: Profile, acceleration: Int32, checksum: Bool
    ) throws(CodecError) {
        self.profile = profile == .auto ? .lz4 : profile
        let plan = StripPlan(for: source.layout, profile: self.profile)
        if self.profile.usesTiles, TilePayload.largestSize(of: plan) > Int(UInt32.max) {
            throw .unsupported(
                "a picture of \(plan.layout.packedSize) bytes is too large for profile \(self.profile.name) (4 GiB); use lz4",
                offset: 0)
        }
        self.source = source
        self.reference = reference
        self.copy = copy
        frame = reference == nil ? 0 : frame &+ 1
        self.plan = plan
        self.acceleration = acceleration
        wantsChecksum = checksum
        self.checksum = nil
        payloadSize = 0
        listCount = 0
        gatheredBytes = 0
        if checksum, checksumState == nil {
            checksumState = fwx_xxh3_new()
            if checksumState == nil { throw .noMemory(bytes: 1024) }
        }
        // Profile raw has more pieces when rows are apart; it reserves for those where it knows them.
        try reserveVectors(Self.reservedVectors + plan.count + 2)
        do {
            switch self.profile {
            case .tile, .huffman:
                let largest = TileStrip(largestOf: plan)
                slotSize = (TileStripEncoder.capacity(for: largest) + 63) & ~63
                tileScratchSize = TileStripEncoder.Scratch.size(for: largest, self.profile)
                try reserveArena(slotSize * plan.count)
                try table.reserve(TilePayload.tableSize(strips: plan.count))
                try found.reserve(plan.count * MemoryLayout<TileVector?>.stride)
                try states.reserve(workers * tileScratchSize)
                try scratch.reserve(workers * 2 * scratchSize(plan))
            case .raw:
                slotSize = LZ4Frame.blockHeaderSize
                try reserveArena(slotSize * plan.count)
            case .lz4, .auto:
                // The full bound lets LZ4 run without checks for the end of the output.
                slotSize =
                    (LZ4Frame.blockHeaderSize + Int(LZ4_compressBound(Int32(plan.largestStrip))) + 63) & ~63
                try reserveArena(slotSize * plan.count)
                try states.reserve(workers * stateSize)
                try scratch.reserve(workers * scratchSize(plan))
            }
        } catch {
            throw .noMemory(bytes: slotSize * plan.count)
        }
    }

    /// Makes the arena hold `bytes`, in another block if this one is too small or somebody shares it.
    private func reserveArena(_ bytes: Int) throws(BufferError) {
        if let arena, arena.maxSize >= bytes, arena.isWritable { return }
        arena = nil
        // Slots are as large as their strips could become.
        var parameters = AllocationParameters()
        parameters.isSparse = true
        let made = try Memory(size: bytes, parameters: parameters)
        slots = made.visibleBytes.baseAddress
        arena = made
    }

    private var stateSize: Int { (Int(LZ4_sizeofState()) + 63) & ~63 }

    private func scratchSize(_ plan: StripPlan) -> Int { (plan.largestStrip + 63) & ~63 }

    package override func process(_ index: Int, worker: Int) {
        guard let source, let plan else { return }
        var index = index
        if wantsChecksum {
            // The hash is the longest part, so it comes first.
            if index == 0 {
                checksum = source.checksum(with: checksumState!)
                return
            }
            index -= 1
        }
        // Rising in memory, which processors read ahead.
        if source.layout.rowOrder == .bottomUp { index = plan.count - 1 - index }
        let strip = plan[index]
        switch profile {
        case .tile, .huffman: encodeTiles(strip, index, source, worker)
        case .lz4: compress(strip, index, source, plan, worker)
        case .raw, .auto: break
        }
        if let copy { source.gather(strip, to: copy + strip.packedOffset) }
    }

    private func compress(
        _ strip: StripPlan.Strip, _ index: Int, _ source: PixelSource, _ plan: StripPlan, _ worker: Int
    ) {
        let bytes: UnsafeRawPointer
        if let inPlace = source.contiguousBytes(of: strip) {
            bytes = inPlace
        } else {
            let room = scratch.base! + worker * scratchSize(plan)
            source.gather(strip, to: room)
            bytes = UnsafeRawPointer(room)
        }
        let slot = slots! + index * slotSize
        let size = strip.byteCount
        let packed = Int(
            LZ4_compress_fast_extState(
                states.base! + worker * stateSize, bytes.assumingMemoryBound(to: CChar.self),
                (slot + LZ4Frame.blockHeaderSize).assumingMemoryBound(to: CChar.self), Int32(size),
                Int32(slotSize - LZ4Frame.blockHeaderSize), acceleration))
        if packed > 0, packed < size {
            slot.storeBytes(of: UInt32(packed).littleEndian, as: UInt32.self)
        } else {
            memcpy(slot + LZ4Frame.blockHeaderSize, bytes, size)
            slot.storeBytes(of: (UInt32(size) | LZ4Frame.storedFlag).littleEndian, as: UInt32.self)
        }
    }

    private func encodeTiles(
        _ strip: StripPlan.Strip, _ index: Int, _ source: PixelSource, _ worker: Int
    ) {
        guard let plan else { return }
        let room = scratch.base! + worker * 2 * scratchSize(plan)
        let tiles = TileStrip(strip, source.layout)
        var encoder = TileStripEncoder(
            tiles, rows: rows(of: strip, in: source, room),
            reference: reference.map { rows(of: strip, in: $0, room + scratchSize(plan)) },
            motion: motion(strip, index, tiles),
            scratch: TileStripEncoder.Scratch(
                states.base! + worker * tileScratchSize, for: TileStrip(largestOf: plan), profile),
            acceleration: acceleration, constants: constants)
        let size = encoder.encode(to: slots! + index * slotSize)
        TilePayload.setSize(size, ofStrip: index, in: table.base!)
        found.base!.assumingMemoryBound(to: TileVector?.self)[index] = encoder.foundVector
    }

    private func motion(_ strip: StripPlan.Strip, _ index: Int, _ tiles: TileStrip) -> TileMotion? {
        guard let reference else { return nil }
        var whole = strip
        whole.firstRow = 0
        whole.rows = reference.layout[plane: strip.plane].rows
        guard let rows = reference.rows(of: whole) else { return nil }
        let plane = TilePlane(
            base: rows.base, pitch: rows.pitch, rowBytes: strip.rowBytes, rows: whole.rows,
            pixelBytes: tiles.format.pixelBytes)
        // Where nothing has moved as a whole, one strip of eight looks whether that goes on.
        let searches = seed != nil || frame == 1 ? 3 : (index &+ frame) & 7 == 0 ? 1 : 0
        return TileMotion(plane, firstRow: strip.firstRow, seed: seed, searches: searches)
    }

    /// The strip's rows where they lie, or gathered in `room` when they are in several pieces.
    private func rows(
        of strip: StripPlan.Strip, in source: PixelSource, _ room: UnsafeMutableRawPointer
    ) -> TileStripEncoder.Rows {
        if let rows = source.rows(of: strip) {
            return TileStripEncoder.Rows(base: rows.base, pitch: rows.pitch)
        }
        source.gather(strip, to: room)
        return TileStripEncoder.Rows(base: UnsafeRawPointer(room), pitch: strip.rowBytes)
    }

    package override func finished() {
        whenFinished?()
    }

    /// Completes the payload when every part has been processed.
    ///
    /// - Throws: ``CodecError/noMemory(bytes:)``.
    package func finish() throws(CodecError) {
        guard let source, let plan else { return }
        self.source = nil
        reference = nil
        copy = nil
        if profile.usesTiles {
            try finishTiles(plan)
            return
        }
        let layout = source.layout
        LZ4Frame.writeHeader(to: ends, contentSize: layout.packedSize, largestBlock: plan.largestStrip)
        let endMark = ends + 16
        endMark.storeBytes(of: 0, as: UInt32.self)
        listCount = Self.reservedVectors
        payloadSize = 0
        try append(ends, LZ4Frame.headerSize)
        if profile == .lz4 {
            for index in 0..<plan.count {
                let slot = slots! + index * slotSize
                let size = UInt32(littleEndian: slot.load(as: UInt32.self)) & ~LZ4Frame.storedFlag
                try append(slot, LZ4Frame.blockHeaderSize + Int(size))
                if source.contiguousBytes(of: plan[index]) == nil { gatheredBytes += plan[index].byteCount }
            }
        } else {
            for index in 0..<plan.count {
                let strip = plan[index]
                let slot = slots! + index * slotSize
                slot.storeBytes(
                    of: (UInt32(strip.byteCount) | LZ4Frame.storedFlag).littleEndian, as: UInt32.self)
                try append(slot, LZ4Frame.blockHeaderSize)
                try reserveVectors(listCount + pieces(of: strip, in: source))
                source.forEachPiece(of: strip) { bytes, count in
                    appendReserved(UnsafeMutableRawPointer(mutating: bytes), count)
                }
            }
        }
        try append(endMark, LZ4Frame.endMarkSize)
    }

    private func finishTiles(_ plan: StripPlan) throws(CodecError) {
        listCount = Self.reservedVectors
        payloadSize = 0
        let table = table.base!
        let tableSize = TilePayload.tableSize(strips: plan.count)
        try append(table, tableSize)
        for index in 0..<plan.count {
            let size = TilePayload.size(ofStrip: index, in: table)
            if size > 0 { try append(slots! + index * slotSize, size) }
        }
        TilePayload.writeHeader(to: table, payloadSize: payloadSize)
        let vectors = found.base!.assumingMemoryBound(to: TileVector?.self)
        seed = nil
        for index in 0..<plan.count where seed == nil { seed = vectors[index] }
    }

    private func pieces(of strip: StripPlan.Strip, in source: PixelSource) -> Int {
        var count = 0
        source.forEachPiece(of: strip) { _, _ in count += 1 }
        return count
    }

    private func append(_ base: UnsafeMutableRawPointer, _ count: Int) throws(CodecError) {
        try reserveVectors(listCount + 1)
        appendReserved(base, count)
    }

    private func appendReserved(_ base: UnsafeMutableRawPointer, _ count: Int) {
        list![listCount] = iovec(iov_base: base, iov_len: count)
        listCount += 1
        payloadSize += count
    }

    private func reserveVectors(_ count: Int) throws(CodecError) {
        if count <= listCapacity { return }
        let capacity = max(count, 2 * listCapacity, 64)
        let bytes = capacity * MemoryLayout<iovec>.stride
        guard let grown = realloc(list, bytes) else { throw .noMemory(bytes: bytes) }
        list = grown.assumingMemoryBound(to: iovec.self)
        listCapacity = capacity
    }
}
