import CPosix
import CVectors

/// Collects the fields of a strip's packed blocks, and codes them.
struct FieldStreamWriter {
    /// For each field and width the place where its next bytes go.
    private let ends: UnsafeMutablePointer<UnsafeMutableRawPointer>
    private let squeezes: UnsafePointer<FieldStreams.Squeeze>
    private let symbols: UnsafeMutableRawPointer
    /// A part of a stream, before it is put to where it belongs.
    private let staging: UnsafeMutableRawPointer
    /// Code lengths of each stream, and how it will be coded.
    private let lengths: UnsafeMutablePointer<UInt8>
    private let plans: UnsafeMutablePointer<HuffmanStream.Plan?>
    private let room: Huffman.Room
    private let cursors: FieldCursors
    private let blocks: Int

    private static let endsSize = FieldStreams.places * MemoryLayout<UnsafeMutableRawPointer>.stride
    private static let lengthsSize = FieldStreams.places * Huffman.largestAlphabet
    private static let plansSize = FieldStreams.places * MemoryLayout<HuffmanStream.Plan?>.stride

    /// Bytes for the streams of one field, all blocks having each width.
    private static func fieldSize(blocks: Int) -> Int {
        var sum = FieldStreams.blockSlack
        for width in 1...8 {
            sum &+= blocks &* FieldStreams.Squeeze(width: width).bytes &+ FieldStreams.blockSlack
        }
        return sum
    }

    private static func blocks(_ strip: TileStrip) -> Int {
        strip.tiles &* (TileFormat.rows / 4) &* BitPacking.blocksPerRow
    }

    /// Bytes for strips up to the size of `strip`.
    static func size(for strip: TileStrip) -> Int {
        TileScratch.align(endsSize) &+ TileScratch.align(FieldStreams.squeezesSize)
            &+ TileScratch.align(lengthsSize) &+ TileScratch.align(plansSize) &+ Huffman.Room.size
            &+ FieldCursors.size
            &+ TileScratch.align(FieldStreams.fields &* fieldSize(blocks: blocks(strip)))
            &+ TileScratch.align(HuffmanStream.stagingSize(16 &* blocks(strip)))
    }

    /// - Parameter next: a multiple of 64 with ``size(for:)`` bytes; set to the place behind them.
    init(_ next: inout UnsafeMutableRawPointer, for strip: TileStrip) {
        ends = TileScratch.take(Self.endsSize, from: &next)
            .assumingMemoryBound(to: UnsafeMutableRawPointer.self)
        squeezes = FieldStreams.squeezes(&next)
        lengths = TileScratch.take(Self.lengthsSize, from: &next).assumingMemoryBound(to: UInt8.self)
        plans = TileScratch.take(Self.plansSize, from: &next)
            .assumingMemoryBound(to: HuffmanStream.Plan?.self)
        room = Huffman.Room(&next)
        cursors = FieldCursors(&next)
        blocks = Self.blocks(strip)
        symbols = TileScratch.take(FieldStreams.fields &* Self.fieldSize(blocks: blocks), from: &next)
        staging = TileScratch.take(HuffmanStream.stagingSize(16 &* blocks), from: &next)
    }

    /// Where the stream of a field and a width begins.
    private func start(_ field: Int, _ width: Int) -> UnsafeMutableRawPointer {
        var offset = field &* Self.fieldSize(blocks: blocks)
        for smaller in 0..<width {
            offset &+= blocks &* FieldStreams.Squeeze(width: smaller).bytes &+ FieldStreams.blockSlack
        }
        return symbols + offset
    }

    /// Forgets what was collected.
    func reset() {
        for field in 0..<FieldStreams.fields {
            for width in 0...8 { ends[FieldStreams.place(field, width)] = start(field, width) }
        }
    }

    /// Adds the blocks of a tile; the parameters are those of ``BitPacking/pack(_:blocks:widths:masks:hasFourth:to:)``.
    @inline(never)
    @_optimize(speed)
    func add(
        _ folded: UnsafePointer<Bytes>, blocks: Int, widths: UnsafePointer<UInt32>,
        masks: UnsafePointer<UInt32>, hasFourth: Bool
    ) {
        for block in 0..<blocks {
            let width = widths[block]
            if width == 0 { continue }
            let mask = bytes(fwx_splat32(masks[block]))
            let rows = folded + block &* 4
            let (r0, r1, r2, r3) = (rows[0] & mask, rows[1] & mask, rows[2] & mask, rows[3] & mask)
            let (even0, even1) = (fwx_even8(r0, r1), fwx_even8(r2, r3))
            let (odd0, odd1) = (fwx_odd8(r0, r1), fwx_odd8(r2, r3))
            add(fwx_even8(even0, even1), 0, Int(width & 0xf))
            add(fwx_even8(odd0, odd1), 1, Int((width &>> 8) & 0xf))
            add(fwx_odd8(even0, even1), 2, Int((width &>> 16) & 0xf))
            if hasFourth { add(fwx_odd8(odd0, odd1), 3, Int(width &>> 24)) }
        }
    }

    /// What was collected, from the first block on.
    func collected() -> FieldCursors {
        for field in 0..<FieldStreams.fields {
            for width in 0...8 {
                cursors.set(FieldStreams.place(field, width), UnsafeRawPointer(start(field, width)))
            }
        }
        return cursors
    }

    @inline(__always)
    private func add(_ values: Bytes, _ field: Int, _ width: Int) {
        let halves = longs(values)
        let squeeze = squeezes[width]
        let place = FieldStreams.place(field, width)
        let end = ends[place]
        end.storeBytes(of: squeeze.join(halves[0], halves[1]).littleEndian, as: UInt64.self)
        end.storeBytes(of: halves[1].littleEndian, toByteOffset: 8, as: UInt64.self)
        ends[place] = end + squeeze.bytes
    }

    /// The streams that have symbols, in the order of the format.
    private func forEachStream(
        _ body: (_ field: Int, _ width: Int, _ symbols: UnsafePointer<UInt8>, _ count: Int) -> Void
    ) {
        for field in 0..<FieldStreams.fields {
            for width in 1...8 {
                let start = start(field, width)
                let count = ends[FieldStreams.place(field, width)] - start
                if count > 0 { body(field, width, start.assumingMemoryBound(to: UInt8.self), count) }
            }
        }
    }

    /// Codes a strip's side information.
    ///
    /// - Returns: the place behind, or nil when it would not become smaller, and nothing was written.
    func writeSide(
        _ side: UnsafeRawPointer, _ size: Int, to out: UnsafeMutableRawPointer
    ) -> UnsafeMutableRawPointer? {
        guard size > HuffmanStream.headerSize(alphabet: FieldStreams.sideAlphabet) else { return nil }
        let bytes = side.assumingMemoryBound(to: UInt8.self)
        let plan = HuffmanStream.plan(
            bytes, count: size, alphabet: FieldStreams.sideAlphabet, room: room, lengths: lengths)
        guard plan.size < size else { return nil }
        return HuffmanStream.write(
            bytes, count: size, plan: plan, lengths: lengths, room: room, staging: staging, to: out)
    }

    /// Codes what was collected.
    ///
    /// - Parameter limit: bytes that it must come below.
    /// - Returns: the bytes that were written, or nil when there are not fewer than `limit`, and nothing was written.
    func write(to out: UnsafeMutableRawPointer, limit: Int) -> Int? {
        var size = FieldStreams.headerSize
        forEachStream { field, width, symbols, count in
            let place = FieldStreams.place(field, width)
            plans[place] = nil
            // What is too small to earn its code lengths back is left as it is.
            let alphabet = FieldStreams.alphabet(width)
            if count > HuffmanStream.headerSize(alphabet: alphabet) {
                let plan = HuffmanStream.plan(
                    symbols, count: count, alphabet: alphabet, room: room,
                    lengths: lengths + place &* Huffman.largestAlphabet)
                if plan.size < count { plans[place] = plan }
            }
            size &+= FieldStreams.streamHeaderSize &+ (plans[place]?.size ?? count)
        }
        guard size < limit else { return nil }
        var next = out + FieldStreams.headerSize
        var present: UInt32 = 0
        forEachStream { field, width, symbols, count in
            let place = FieldStreams.place(field, width)
            present |= 1 &<< UInt32(8 &* field &+ width &- 1)
            next.storeBytes(of: UInt32(count).littleEndian, as: UInt32.self)
            next.storeBytes(
                of: UInt32(plans[place]?.size ?? count).littleEndian, toByteOffset: 4, as: UInt32.self)
            next += FieldStreams.streamHeaderSize
            if let plan = plans[place] {
                next = HuffmanStream.write(
                    symbols, count: count, plan: plan, lengths: lengths + place &* Huffman.largestAlphabet,
                    room: room, staging: staging, to: next)
            } else {
                memcpy(next, symbols, count)
                next += count
            }
        }
        out.storeBytes(of: present.littleEndian, as: UInt32.self)
        return next - out
    }
}
