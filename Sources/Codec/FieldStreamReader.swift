import CPosix
import CVectors

/// Decodes the streams that ``FieldStreamWriter`` has coded, and puts blocks together of them again. It trusts nothing
/// that it reads.
struct FieldStreamReader {
    let cursors: FieldCursors
    /// For each field and width the place behind the last of its bytes.
    private let ends: UnsafeMutablePointer<UnsafeRawPointer>
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
        FieldCursors.size &+ TileScratch.align(pointersSize) &+ Huffman.Room.size
            &+ TileScratch.align(strip.largestPacked &+ slack)
            &+ TileScratch.align(strip.largestSide)
    }

    /// - Parameter next: a multiple of 64 with ``size(for:)`` bytes; set to the place behind them.
    init(_ next: inout UnsafeMutableRawPointer, for strip: TileStrip) {
        cursors = FieldCursors(&next)
        ends = TileScratch.take(Self.pointersSize, from: &next)
            .assumingMemoryBound(to: UnsafeRawPointer.self)
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
                cursors.set(place, UnsafeRawPointer(out))
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
}
