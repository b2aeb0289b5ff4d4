import CPosix
import CVectors

/// Decodes the streams that ``FieldStreamWriter`` has coded, and puts blocks together of them again. It trusts nothing
/// that it reads.
struct FieldStreamReader {
    /// For each field and width the place of its next bytes, and the place behind the last ones.
    private let cursors: UnsafeMutablePointer<UnsafeRawPointer>
    private let ends: UnsafeMutablePointer<UnsafeRawPointer>
    private let squeezes: UnsafePointer<FieldStreams.Squeeze>
    private let room: Huffman.Room
    private let symbols: UnsafeMutablePointer<UInt8>
    private let capacity: Int
    private let side: UnsafeMutablePointer<UInt8>
    private let largestSide: Int

    private static let pointersSize = FieldStreams.places * MemoryLayout<UnsafeRawPointer>.stride
    /// What a tile may read too much before that is noticed: its blocks' bytes of one field, and those of a vector.
    private static let slack = 64 * 16 + FieldStreams.blockSlack

    /// Bytes for strips up to the size of `strip`.
    static func size(for strip: TileStrip) -> Int {
        2 &* TileScratch.align(pointersSize) &+ TileScratch.align(FieldStreams.squeezesSize)
            &+ Huffman.Room.size &+ TileScratch.align(strip.largestPacked &+ slack)
            &+ TileScratch.align(strip.largestSide)
    }

    /// - Parameter next: a multiple of 64 with ``size(for:)`` bytes; set to the place behind them.
    init(_ next: inout UnsafeMutableRawPointer, for strip: TileStrip) {
        cursors = TileScratch.take(Self.pointersSize, from: &next)
            .assumingMemoryBound(to: UnsafeRawPointer.self)
        ends = TileScratch.take(Self.pointersSize, from: &next)
            .assumingMemoryBound(to: UnsafeRawPointer.self)
        squeezes = FieldStreams.squeezes(&next)
        room = Huffman.Room(&next)
        capacity = strip.largestPacked
        symbols = TileScratch.take(capacity &+ Self.slack, from: &next).assumingMemoryBound(to: UInt8.self)
        largestSide = strip.largestSide
        side = TileScratch.take(largestSide, from: &next).assumingMemoryBound(to: UInt8.self)
    }

    /// Decodes a strip's side information.
    ///
    /// - Parameters:
    ///   - size: its coded bytes; ``HuffmanStream/slack`` more may be looked at.
    ///   - count: its bytes.
    /// - Returns: nil when it does not decode.
    func readSide(_ coded: UnsafeRawPointer, size: Int, count: Int) -> UnsafeRawPointer? {
        guard count <= largestSide,
            HuffmanStream.read(
                coded, size: size, count: count, alphabet: FieldStreams.sideAlphabet, room: room, to: side)
        else { return nil }
        return UnsafeRawPointer(side)
    }

    /// Decodes all streams.
    ///
    /// - Parameter size: their bytes; ``HuffmanStream/slack`` more may be looked at.
    /// - Returns: nil, or what is wrong.
    func read(_ coded: UnsafeRawPointer, size: Int) -> StaticString? {
        guard size >= FieldStreams.headerSize else { return "its coded streams are cut off" }
        let present = UInt32(littleEndian: coded.loadUnaligned(as: UInt32.self))
        var next = coded + FieldStreams.headerSize
        var left = size &- FieldStreams.headerSize
        var taken = 0
        for field in 0..<FieldStreams.fields {
            for width in 0...8 {
                let place = FieldStreams.place(field, width)
                let out = symbols + taken
                cursors[place] = UnsafeRawPointer(out)
                ends[place] = UnsafeRawPointer(out)
                guard width > 0, present &>> UInt32(8 &* field &+ width &- 1) & 1 != 0 else { continue }
                guard left >= FieldStreams.streamHeaderSize else { return "its coded streams are cut off" }
                let count = Int(UInt32(littleEndian: next.loadUnaligned(as: UInt32.self)))
                let size = Int(
                    UInt32(littleEndian: next.loadUnaligned(fromByteOffset: 4, as: UInt32.self)))
                next += FieldStreams.streamHeaderSize
                left &-= FieldStreams.streamHeaderSize
                guard count <= capacity &- taken else {
                    return "a coded stream has more symbols than its tiles need"
                }
                guard size <= left else { return "a coded stream is cut off" }
                if size == count {
                    memcpy(out, next, count)
                } else {
                    guard
                        HuffmanStream.read(
                            next, size: size, count: count, alphabet: FieldStreams.alphabet(width),
                            room: room, to: out)
                    else {
                        return "a coded stream does not decode"
                    }
                }
                next += size
                left &-= size
                taken &+= count
                ends[place] = UnsafeRawPointer(out + count)
            }
        }
        return left == 0 ? nil : "there are bytes behind its coded streams"
    }

    /// Whether no tile has taken more than there is.
    @inline(__always)
    var isInside: Bool { allStreams { $0 <= $1 } }

    /// Whether all has been taken.
    var isAtEnd: Bool { allStreams { $0 == $1 } }

    /// Whether something holds for the cursor and the end of every stream.
    @inline(__always)
    private func allStreams(_ holds: (UnsafeRawPointer, UnsafeRawPointer) -> Bool) -> Bool {
        for field in 0..<FieldStreams.fields {
            for width in 1...8 {
                let place = FieldStreams.place(field, width)
                if !holds(cursors[place], ends[place]) { return false }
            }
        }
        return true
    }

    /// The blocks of a tile; the parameters are those of ``BitPacking/unpack(_:blocks:widths:masks:fields:to:)``.
    ///
    /// Before the next tile the caller asks ``isInside``; what the blocks hold is undefined if that is false.
    @inline(never)
    @_optimize(speed)
    func take(
        blocks: Int, widths: UnsafePointer<UInt32>, masks: UnsafePointer<UInt32>, fields: BitPacking.Fields,
        to folded: UnsafeMutablePointer<Bytes>
    ) {
        var isSigned = true
        var hasFourth = true
        switch fields {
        case .threeSigned: hasFourth = false
        case .signed: break
        case .unsigned: isSigned = false
        }
        for block in 0..<blocks {
            let width = widths[block]
            let out = folded + block &* 4
            if width == 0 {
                for index in 0..<4 { out[index] = Bytes(repeating: 0) }
                continue
            }
            let f0 = next(0, Int(width & 0xf))
            let f1 = next(1, Int((width &>> 8) & 0xf))
            let f2 = next(2, Int((width &>> 16) & 0xf))
            let f3 = hasFourth ? next(3, Int(width &>> 24)) : Bytes(repeating: 0)
            let (low0, high0) = (fwx_zip_low8(f0, f1), fwx_zip_high8(f0, f1))
            let (low1, high1) = (fwx_zip_low8(f2, f3), fwx_zip_high8(f2, f3))
            // The highest bit of each field, which is its sign.
            let mask = fwx_splat32(masks[block])
            let sign = isSigned ? bytes(mask & ~((mask &>> 1) & 0x7f7f_7f7f)) : Bytes(repeating: 0)
            out[0] = (fwx_zip_low16(low0, low1) ^ sign) &- sign
            out[1] = (fwx_zip_high16(low0, low1) ^ sign) &- sign
            out[2] = (fwx_zip_low16(high0, high1) ^ sign) &- sign
            out[3] = (fwx_zip_high16(high0, high1) ^ sign) &- sign
        }
    }

    @inline(__always)
    private func next(_ field: Int, _ width: Int) -> Bytes {
        let place = FieldStreams.place(field, width)
        let cursor = cursors[place]
        let squeeze = squeezes[width]
        cursors[place] = cursor + squeeze.bytes
        return bytes(
            squeeze.split(
                UInt64(littleEndian: cursor.loadUnaligned(as: UInt64.self)),
                UInt64(littleEndian: cursor.loadUnaligned(fromByteOffset: 8, as: UInt64.self))))
    }
}
