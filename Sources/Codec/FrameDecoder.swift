import Buffers
import CLZ4
import CPosix
import CXXHash

/// Decodes one payload at a time into the memory of a frame, reading the payload as it arrives in any pieces.
///
/// The caller asks for ``destination``, puts bytes there and says how many with ``commit(_:)``, until
/// ``isComplete``; then ``decode(on:)``. Stored pixels are received straight into the frame. Nothing is
/// allocated while the geometry stays the same.
package final class FrameDecoder: StripJob {
    private enum State {
        case idle
        case frameHeader
        case blockHeader
        case storedBlock
        case endMark
        /// All of a compressed payload, parsed when it is there.
        case wholePayload
        case complete
    }

    private var state = State.idle
    private var plan: StripPlan?
    private var target: UnsafeMutableRawPointer?
    private var payloadSize = 0
    /// Bytes of the payload that have arrived.
    package private(set) var received = 0
    /// In profile raw the strip that arrives; in the tile profiles those from the first on that were decoded ahead.
    private var strip = 0
    /// In the tile profiles, whether the sizes of the strips have arrived and are right.
    private var hasTable = false
    /// Where the next byte goes, and how many belong to the present piece.
    private var cursor: UnsafeMutableRawPointer?
    private var wanted = 0

    /// Frame header, block header or end mark of a stored payload.
    private let small: UnsafeMutableRawPointer
    /// A compressed payload.
    private let payload = RawBlock()
    /// Where each strip lies in the payload: offset of the data, size with the stored flag.
    private let blocks = RawBlock()
    /// In the tile profiles: what each worker needs.
    private let tileScratch = RawBlock()
    private var tileScratchSize = 0
    /// The picture that the frame is coded against, packed.
    private var reference: UnsafeRawPointer?
    private var profile = Profile.lz4
    /// The first wrong strip that any worker found; −1 when there is none.
    private var failedStrip = -1
    /// What is wrong with it, in the tile profiles, and how many bytes into it.
    private var failure = TileStripDecoder.Failure(reason: "", offset: 0)
    private let failureLock = Lock()

    package override init() {
        small = .allocate(byteCount: 16, alignment: 8)
        super.init()
    }

    deinit {
        small.deallocate()
    }

    private struct Block {
        var offset: Int
        var size: UInt32
    }

    /// Begins a payload of `payloadSize` bytes in `profile`, whose picture goes packed to `target`.
    ///
    /// - Parameters:
    ///   - plan: the strips, over a packed layout; its largest strip has at most
    ///     ``StripPlan/maximumStripBytes``.
    ///   - target: room for `plan.layout.packedSize` bytes.
    ///   - reference: in the tile profiles, the packed picture that the frame is coded against, which must stay until
    ///     ``decode(profile:on:)``; nil for a key frame.
    /// - Throws: ``CodecError``; nothing has begun then.
    package func begin(
        plan: StripPlan, profile: Profile, payloadSize: Int, target: UnsafeMutableRawPointer,
        reference: UnsafeRawPointer? = nil
    ) throws(CodecError) {
        state = .idle
        self.profile = profile
        self.reference = reference
        if profile.usesTiles {
            try beginTiles(plan, payloadSize, target)
            return
        }
        guard plan.largestStrip <= StripPlan.maximumStripBytes else {
            throw .unsupported(
                "strips of \(plan.largestStrip) bytes are larger than an LZ4 block can be (4 MiB)", offset: 0)
        }
        let stored = LZ4Frame.storedSize(rawSize: plan.layout.packedSize, strips: plan.count)
        if profile == .raw {
            guard payloadSize == stored else {
                throw .corrupt(
                    "a stored picture of this size has \(stored) bytes, the header says \(payloadSize)",
                    offset: 0)
            }
        } else {
            guard payloadSize <= stored,
                payloadSize >= LZ4Frame.storedSize(rawSize: plan.count, strips: plan.count)
            else {
                throw .corrupt(
                    "a payload of \(payloadSize) bytes cannot hold \(plan.count) strips of a picture of"
                        + " \(plan.layout.packedSize) bytes", offset: 0)
            }
            do {
                try reservePayload(payloadSize, largest: stored)
                try blocks.reserve(plan.count * MemoryLayout<Block>.stride)
            } catch {
                throw .noMemory(bytes: payloadSize)
            }
        }
        start(plan, payloadSize, target)
        if profile == .raw {
            expect(.frameHeader, small, LZ4Frame.headerSize)
        } else {
            expect(.wholePayload, payload.base!, payloadSize)
        }
    }

    private func start(_ plan: StripPlan, _ payloadSize: Int, _ target: UnsafeMutableRawPointer) {
        self.plan = plan
        self.target = target
        self.payloadSize = payloadSize
        received = 0
        strip = 0
        hasTable = false
        failedStrip = -1
    }

    private func beginTiles(
        _ plan: StripPlan, _ payloadSize: Int, _ target: UnsafeMutableRawPointer
    ) throws(CodecError) {
        guard
            payloadSize >= TilePayload.tableSize(strips: plan.count),
            payloadSize <= TilePayload.largestSize(of: plan)
        else {
            throw .corrupt(
                "a payload of \(payloadSize) bytes cannot hold \(plan.count) strips of tiles of a picture of"
                    + " \(plan.layout.packedSize) bytes", offset: 0)
        }
        guard plan.rowsPerStrip % TileFormat.rows == 0 else {
            throw .corrupt(
                "strips have \(plan.rowsPerStrip) rows; those of profile \(profile.name) have a multiple of"
                    + " \(TileFormat.rows)", offset: 0)
        }
        // Workers need memory for three times a strip each; so all of them together for three times the picture.
        guard plan.largestStrip <= StripPlan.maximumStripBytes || plan.rowsPerStrip == TileFormat.rows else {
            throw .unsupported(
                "strips of \(plan.largestStrip) bytes are larger than 4 MiB and have more than"
                    + " \(TileFormat.rows) rows", offset: 0)
        }
        tileScratchSize = TileStripDecoder.Scratch.size(for: TileStrip(largestOf: plan), profile)
        do {
            try reservePayload(payloadSize, largest: TilePayload.largestSize(of: plan))
            try blocks.reserve(plan.count * MemoryLayout<Block>.stride)
        } catch {
            throw .noMemory(bytes: payloadSize)
        }
        start(plan, payloadSize, target)
        expect(.wholePayload, payload.base!, payloadSize)
    }

    /// Makes room for the payload and, unless frames are huge, for the largest one of such frames, so that a larger one
    /// than before allocates nothing.
    private func reservePayload(_ size: Int, largest: Int) throws(BufferError) {
        try payload.reserve(max(size, min(largest, 64 << 20)) + BitPacking.slack)
    }

    /// Gives up the payload that was begun, so that its target may go away.
    package func abandon() {
        state = .idle
        target = nil
        reference = nil
    }

    private func expect(_ state: State, _ cursor: UnsafeMutableRawPointer, _ wanted: Int) {
        self.state = state
        self.cursor = cursor
        self.wanted = wanted
    }

    /// Whether the whole payload has arrived.
    package var isComplete: Bool { state == .complete }

    /// Where the next bytes of the payload belong; empty when it is complete.
    package var destination: UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(start: cursor, count: state == .complete || state == .idle ? 0 : wanted)
    }

    /// How many bytes of the payload are still to come.
    package var remaining: Int { payloadSize - received }

    /// Says that `count` bytes, at most those of ``destination``, have been put there.
    ///
    /// - Throws: ``CodecError/corrupt(_:offset:)`` or `unsupported` when they are wrong.
    package func commit(_ count: Int) throws(CodecError) {
        received += count
        cursor = cursor! + count
        wanted -= count
        if state == .wholePayload, profile.usesTiles, !hasTable, let plan,
            received >= TilePayload.tableSize(strips: plan.count)
        {
            try findTileStrips(plan)
            hasTable = true
        }
        if wanted > 0 { return }
        try advance()
    }

    /// Decodes a strip that has arrived, if there is one that has not been decoded yet: for a thread that would wait
    /// for more otherwise. Nothing but the time at which it is done depends on it.
    ///
    /// - Parameter pool: that of ``decode(profile:on:)``.
    /// - Returns: the bytes of pixels; 0 when nothing was done.
    package func decodeAhead(for pool: WorkerPool) -> Int {
        guard state == .wholePayload, hasTable, let plan, strip < plan.count else { return 0 }
        let block = blocks.base!.assumingMemoryBound(to: Block.self)[strip]
        guard received >= block.offset + Int(block.size) else { return 0 }
        guard (try? tileScratch.reserve(pool.workers * tileScratchSize)) != nil else { return 0 }
        process(0, worker: 0)
        strip += 1
        return plan[strip - 1].byteCount
    }

    private func advance() throws(CodecError) {
        guard let plan, let target else { return }
        switch state {
        case .frameHeader:
            try LZ4Frame.checkHeader(
                small, contentSize: plan.layout.packedSize, largestBlock: plan.largestStrip)
            expect(.blockHeader, small, LZ4Frame.blockHeaderSize)
        case .blockHeader:
            let part = plan[strip]
            let size = UInt32(littleEndian: small.load(as: UInt32.self))
            guard size == UInt32(part.byteCount) | LZ4Frame.storedFlag else {
                throw .corrupt(
                    "strip \(strip) should be stored with \(part.byteCount) bytes, its block size is \(size)",
                    offset: received - LZ4Frame.blockHeaderSize)
            }
            expect(.storedBlock, target + part.packedOffset, part.byteCount)
        case .storedBlock:
            strip += 1
            if strip < plan.count {
                expect(.blockHeader, small, LZ4Frame.blockHeaderSize)
            } else {
                expect(.endMark, small, LZ4Frame.endMarkSize)
            }
        case .endMark:
            guard small.load(as: UInt32.self) == 0 else {
                throw .corrupt(
                    "the end mark of the LZ4 frame is missing", offset: received - LZ4Frame.endMarkSize)
            }
            state = .complete
        case .wholePayload:
            if !profile.usesTiles { try findBlocks(plan) }
            state = .complete
        case .idle, .complete:
            break
        }
    }

    /// Finds the blocks of a compressed payload and checks that they fill it exactly.
    private func findBlocks(_ plan: StripPlan) throws(CodecError) {
        let bytes = UnsafeRawPointer(payload.base!)
        try LZ4Frame.checkHeader(bytes, contentSize: plan.layout.packedSize, largestBlock: plan.largestStrip)
        let table = blocks.base!.assumingMemoryBound(to: Block.self)
        var offset = LZ4Frame.headerSize
        // What must still follow a block's data: the headers of the others and the end mark.
        for index in 0..<plan.count {
            guard payloadSize - offset >= LZ4Frame.blockHeaderSize + LZ4Frame.endMarkSize else {
                throw .corrupt("the payload ends before strip \(index) of \(plan.count)", offset: offset)
            }
            let size = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
            let count = Int(size & ~LZ4Frame.storedFlag)
            let raw = plan[index].byteCount
            guard count > 0, count <= raw, size & LZ4Frame.storedFlag == 0 || count == raw else {
                throw .corrupt(
                    "strip \(index) has \(raw) bytes of pixels, its block size is \(size)", offset: offset)
            }
            offset += LZ4Frame.blockHeaderSize
            guard payloadSize - offset - LZ4Frame.endMarkSize >= count else {
                throw .corrupt(
                    "the block of strip \(index) reaches past the end of the payload", offset: offset)
            }
            table[index] = Block(offset: offset, size: size)
            offset += count
        }
        guard payloadSize - offset == LZ4Frame.endMarkSize,
            bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self) == 0
        else {
            throw .corrupt("the end mark of the LZ4 frame is not behind the last strip", offset: offset)
        }
        strip = 0
    }

    /// Finds the strips of tiles and checks that they fill the payload exactly.
    private func findTileStrips(_ plan: StripPlan) throws(CodecError) {
        let bytes = UnsafeRawPointer(payload.base!)
        guard TilePayload.hasHeader(bytes, payloadSize: payloadSize) else {
            throw .corrupt("the payload does not begin as one of tiles of its size does", offset: 0)
        }
        let table = blocks.base!.assumingMemoryBound(to: Block.self)
        var offset = TilePayload.tableSize(strips: plan.count)
        for index in 0..<plan.count {
            let size = TilePayload.size(ofStrip: index, in: bytes)
            guard size <= payloadSize - offset else {
                throw .corrupt(
                    "strip \(index) of \(plan.count) has \(size) bytes and reaches past the end of the payload",
                    offset: TilePayload.tableSize(strips: index))
            }
            table[index] = Block(offset: offset, size: UInt32(size))
            offset += size
        }
        guard offset == payloadSize else {
            throw .corrupt("there are \(payloadSize - offset) bytes behind the last strip", offset: offset)
        }
    }

    private func decodeTiles(
        _ part: StripPlan.Strip, _ block: Block, _ plan: StripPlan, worker: Int
    ) throws(TileStripDecoder.Failure) {
        guard let target, let base = payload.base, let scratch = tileScratch.base else { return }
        let tiles = TileStrip(part, plan.layout)
        let plane = plan.layout[plane: part.plane]
        let decoder = TileStripDecoder(
            tiles, target: target + part.packedOffset,
            plane: reference.map {
                TilePlane(
                    base: $0 + plane.packedOffset, pitch: plane.rowBytes, rowBytes: plane.rowBytes,
                    rows: plane.rows, pixelBytes: tiles.format.pixelBytes)
            }, firstRow: part.firstRow,
            scratch: TileStripDecoder.Scratch(
                scratch + worker * tileScratchSize, for: TileStrip(largestOf: plan), profile))
        try decoder.decode(base + block.offset, size: Int(block.size))
    }

    package override func process(_ index: Int, worker: Int) {
        guard let plan, let target, let base = payload.base, let table = blocks.base else { return }
        // Those before have been decoded.
        let index = strip + index
        let block = table.assumingMemoryBound(to: Block.self)[index]
        let part = plan[index]
        if profile.usesTiles {
            do {
                try decodeTiles(part, block, plan, worker: worker)
            } catch {
                failureLock.withLock {
                    if failedStrip < 0 || index < failedStrip { (failedStrip, failure) = (index, error) }
                }
            }
            return
        }
        let out = target + part.packedOffset
        if block.size & LZ4Frame.storedFlag != 0 {
            memcpy(out, base + block.offset, part.byteCount)
            return
        }
        let count = LZ4_decompress_safe(
            (base + block.offset).assumingMemoryBound(to: CChar.self),
            out.assumingMemoryBound(to: CChar.self),
            Int32(block.size), Int32(part.byteCount))
        if Int(count) != part.byteCount {
            failureLock.withLock {
                if failedStrip < 0 || index < failedStrip { failedStrip = index }
            }
        }
    }

    /// Decodes the payload when it is complete; the picture is in the target afterwards.
    ///
    /// - Throws: ``CodecError/corrupt(_:offset:)`` that names the first wrong strip; the target's content is
    ///   undefined then.
    package func decode(profile: Profile, on pool: WorkerPool) throws(CodecError) {
        guard let plan, state == .complete else { return }
        state = .idle
        if profile == .raw {
            target = nil
            return
        }
        if profile.usesTiles {
            do {
                try tileScratch.reserve(pool.workers * tileScratchSize)
            } catch {
                throw .noMemory(bytes: pool.workers * tileScratchSize)
            }
        }
        pool.run(self, parts: plan.count - strip)
        target = nil
        reference = nil
        if failedStrip >= 0 {
            let block = blocks.base!.assumingMemoryBound(to: Block.self)[failedStrip]
            if profile.usesTiles {
                throw .corrupt(
                    "strip \(failedStrip) of \(plan.count) is wrong: \(failure.reason)",
                    offset: block.offset + failure.offset)
            }
            throw .corrupt(
                "the LZ4 block of strip \(failedStrip) of \(plan.count) does not decode", offset: block.offset
            )
        }
    }
}
