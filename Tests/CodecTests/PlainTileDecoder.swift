import Buffers
import CLZ4
import Codec

/// A decoder of payloads in the tile profiles written from docs/tile-format.md, as plainly as can be: what the
/// library's decoder is held against.
struct PlainTileDecoder {
    /// The payload is refused.
    struct Refusal: Error {
        let reason: String

        init(_ reason: String) {
            self.reason = reason
        }
    }

    private struct Plane {
        let rowBytes: Int
        let rows: Int
    }

    private static func planes(_ info: FrameInfo) -> [Plane] {
        let half = (info.width + 1) / 2
        let halfRows = (info.height + 1) / 2
        let first = Plane(rowBytes: info.width * info.format.bytesPerPixel, rows: info.height)
        switch info.format {
        case .nv12: return [first, Plane(rowBytes: 2 * half, rows: halfRows)]
        case .i420: return [first] + [Plane](repeating: Plane(rowBytes: half, rows: halfRows), count: 2)
        default: return [first]
        }
    }

    private static func number(_ bytes: [UInt8], _ offset: Int) -> Int {
        (0..<4).reduce(0) { $0 | Int(bytes[offset + $1]) << (8 * $1) }
    }

    /// The packed picture.
    static func decode(
        _ payload: [UInt8], _ info: FrameInfo, profile: Profile = .tile, stripRows: Int, reference: [UInt8]?
    ) throws -> [UInt8] {
        let planes = planes(info)
        let count = planes.reduce(0) { $0 + ($1.rows + stripRows - 1) / stripRows }
        guard stripRows % 16 == 0 else { throw Refusal("rows of a strip") }
        let largest = planes.map { min(stripRows, $0.rows) * $0.rowBytes }.max()!
        guard largest <= 4 << 20 || stripRows == 16 else { throw Refusal("bytes of a strip") }
        let tableSize = 8 + 4 * count
        let pixels = planes.reduce(0) { $0 + $1.rows * $1.rowBytes }
        guard payload.count >= tableSize, payload.count <= tableSize + 4 * count + pixels else {
            throw Refusal("size of the payload")
        }
        guard number(payload, 0) == 0x184D_2A5E, number(payload, 4) == payload.count - 8 else {
            throw Refusal("header")
        }
        var next = tableSize
        var picture: [UInt8] = []
        var index = 0
        for (number, plane) in planes.enumerated() {
            let planeStart = picture.count
            for firstRow in stride(from: 0, to: plane.rows, by: stripRows) {
                let size = Self.number(payload, 8 + 4 * index)
                guard size <= payload.count - next else { throw Refusal("size of strip \(index)") }
                let rows = min(stripRows, plane.rows - firstRow)
                let place = picture.count..<picture.count + rows * plane.rowBytes
                picture += try PlainStrip(
                    format: PlainFormat(info.format, plane: number), profile: profile,
                    rowBytes: plane.rowBytes, rows: rows, reference: reference.map { Array($0[place]) },
                    firstRow: firstRow,
                    referencePlane: reference.map {
                        Array($0[planeStart..<planeStart + plane.rows * plane.rowBytes])
                    }
                ).decode(Array(payload[next..<next + size]))
                next += size
                index += 1
            }
        }
        guard next == payload.count else { throw Refusal("bytes behind the last strip") }
        return picture
    }

    /// One strip and what it is decoded against.
    private struct PlainStrip {
        let format: PlainFormat
        let profile: Profile
        let rowBytes: Int
        let rows: Int
        let reference: [UInt8]?
        /// The strip's first row in its plane, and all of that plane in the reference.
        let firstRow: Int
        let referencePlane: [UInt8]?

        private var codedRowBytes: Int { format.isThreeBytes ? rowBytes / 3 * 4 : rowBytes }
        private var tilesAcross: Int { (codedRowBytes + 255) / 256 }
        private var tileRows: Int { (rows + 15) / 16 }
        private var tiles: Int { tilesAcross * tileRows }
        private var tileBytes: Int { format.isThreeBytes ? 192 : 256 }

        private struct Parts {
            var packed: ArraySlice<UInt8>
            /// What there is in the place of the packed blocks, if they are coded.
            var streams: PlainFieldStreams?
            var side: ArraySlice<UInt8>
            var rows: ArraySlice<UInt8>
        }

        func decode(_ coded: [UInt8]) throws -> [UInt8] {
            if coded.isEmpty {
                guard let reference else { throw Refusal("no reference") }
                return reference
            }
            guard coded.count >= 4 else { throw Refusal("header of a strip") }
            let first = PlainTileDecoder.number(coded, 0)
            if first >> 31 == 1 {
                guard first == 1 << 31, coded.count == 4 + rows * rowBytes else { throw Refusal("stored") }
                return Array(coded[4...])
            }
            var parts = try split(coded, first)
            let modes = Array(parts.side.prefix(tiles))
            parts.side = parts.side.dropFirst(tiles)
            var picture = PlainPredictor(
                format: format, rows: Array(repeating: [], count: rows),
                reference: reference.map { reference in (0..<rows).map { components(reference, row: $0) } })
            let perLane = format.fields.componentBits.count
            let width = (codedRowBytes + 3) / 4 * perLane
            for y in 0..<rows { picture.rows[y] = [Int](repeating: 0, count: width) }
            for tileRow in 0..<tileRows {
                let rowModes = Array(modes[tileRow * tilesAcross..<(tileRow + 1) * tilesAcross])
                try placeRows(tileRow, rowModes, &parts, &picture)
                for tile in 0..<tilesAcross {
                    try decodeTile(tile, tileRow, Int(rowModes[tile]), &parts, &picture)
                }
            }
            guard parts.side.isEmpty, parts.packed.isEmpty, parts.rows.isEmpty,
                parts.streams?.isEmpty ?? true
            else {
                throw Refusal("too much")
            }
            return picture.rows.flatMap { format.contracted(format.bytes($0, count: codedRowBytes)) }
        }

        private func components(_ pixels: [UInt8], row: Int) -> [Int] {
            format.components(format.expanded(Array(pixels[row * rowBytes..<(row + 1) * rowBytes])))
        }

        private func split(_ coded: [UInt8], _ first: Int) throws -> Parts {
            guard coded.count >= 12 else { throw Refusal("header of a strip") }
            let packedSize = first & 0x1FF_FFFF
            let sideIsCoded = first >> 25 & 1 == 1
            let packedIsCoded = first >> 26 & 1 == 1
            let sideInBlock = first >> 28 & 1 == 1
            let packedInBlock = first >> 29 & 1 == 1
            let blockSize = PlainTileDecoder.number(coded, 4)
            let sideSize = PlainTileDecoder.number(coded, 8)
            guard !packedIsCoded || profile == .huffman && !packedInBlock else { throw Refusal("coded") }
            guard packedSize <= rows * rowBytes else { throw Refusal("packed size") }
            guard sideSize >= tiles, sideSize <= rows * rowBytes else { throw Refusal("side size") }
            let packedHere = packedInBlock ? 0 : packedSize
            let sideHere = sideInBlock ? 0 : sideSize
            guard !sideIsCoded || profile == .huffman && !sideInBlock else { throw Refusal("coded side") }
            let sideStart = 12 + packedHere + blockSize
            guard sideIsCoded ? coded.count >= sideStart : coded.count == sideStart + sideHere else {
                throw Refusal("sizes")
            }
            let side =
                sideIsCoded
                ? try PlainHuffman.decode(Array(coded[sideStart...]), count: sideSize, alphabet: 256)
                : Array(coded[sideStart...])
            let block = coded[(12 + packedHere)..<(12 + packedHere + blockSize)]
            let content: [UInt8]
            if first >> 30 & 1 == 1 || block.isEmpty {
                content = Array(block)
            } else if first >> 27 & 1 == 1 {
                guard block.count > 4 else { throw Refusal("block") }
                let size = PlainTileDecoder.number(Array(block), 0)
                guard size <= rows * rowBytes / 16 + 64 else { throw Refusal("inner block is too long") }
                let inner = try decompress(Array(block.dropFirst(4)), capacity: size)
                guard inner.count == size else { throw Refusal("inner block is too short") }
                content = try decompress(inner, capacity: 3 * rows * rowBytes)
            } else {
                content = try decompress(Array(block), capacity: 3 * rows * rowBytes)
            }
            let inBlock = (sideInBlock ? sideSize : 0, packedInBlock ? packedSize : 0)
            guard content.count >= inBlock.0 + inBlock.1 else { throw Refusal("block is too short") }
            let rowsEnd = content.count - inBlock.1
            guard rowsEnd - inBlock.0 <= rows * rowBytes else { throw Refusal("block is too long") }
            let packed = packedInBlock ? content[rowsEnd...] : coded[12..<12 + packedSize]
            return Parts(
                packed: packedIsCoded ? [] : packed,
                streams: packedIsCoded ? try PlainFieldStreams(packed, tiles: tiles) : nil,
                side: sideInBlock ? content[..<sideSize] : side[...],
                rows: content[inBlock.0..<rowsEnd])
        }

        private func decompress(_ block: [UInt8], capacity: Int) throws -> [UInt8] {
            // Room for one byte more, so that there is memory even for none.
            var content = [UInt8](repeating: 0, count: capacity + 1)
            let count = block.withUnsafeBytes { block in
                content.withUnsafeMutableBytes { content in
                    LZ4_decompress_safe(
                        block.baseAddress!.assumingMemoryBound(to: CChar.self),
                        content.baseAddress!.assumingMemoryBound(to: CChar.self), Int32(block.count),
                        Int32(capacity))
                }
            }
            guard count >= 0 else { throw Refusal("LZ4") }
            return Array(content[..<Int(count)])
        }

        private func rowRange(_ tileRow: Int) -> Range<Int> {
            16 * tileRow..<min(16 * tileRow + 16, rows)
        }

        private func placeRows(
            _ tileRow: Int, _ modes: [UInt8], _ parts: inout Parts, _ picture: inout PlainPredictor
        ) throws {
            for y in rowRange(tileRow) {
                for (tile, mode) in modes.enumerated() where mode == 1 || mode == 2 {
                    let start = tile * tileBytes
                    let count = min(tileBytes, rowBytes - start)
                    guard parts.rows.count >= count else { throw Refusal("rows") }
                    var bytes = Array(parts.rows.prefix(count))
                    parts.rows = parts.rows.dropFirst(count)
                    if mode == 2 {
                        guard let reference else { throw Refusal("no reference") }
                        for x in 0..<count { bytes[x] ^= reference[y * rowBytes + start + x] }
                    }
                    let components = format.components(format.expanded(bytes))
                    let at = tile * 64 * format.fields.componentBits.count
                    for (index, component) in components.enumerated() {
                        picture.rows[y][at + index] = component
                    }
                }
            }
        }

        private func decodeTile(
            _ tile: Int, _ tileRow: Int, _ mode: Int, _ parts: inout Parts, _ picture: inout PlainPredictor
        ) throws {
            let perLane = format.fields.componentBits.count
            let columns = tile * 64 * perLane..<min((tile + 1) * 64 * perLane, picture.rows[0].count)
            switch mode {
            case 0:
                guard let old = picture.reference else { throw Refusal("no reference") }
                for y in rowRange(tileRow) { picture.rows[y].replaceSubrange(columns, with: old[y][columns]) }
            case 1, 2: break
            case 7: try copyMoved(tile, tileRow, &parts, &picture)
            default:
                guard mode & 7 >= 3, let predictor = PlainPredictor.Mode(rawValue: mode & 7),
                    let fields = format.fields.ofMode(mode)
                else { throw Refusal("mode \(mode)") }
                guard predictor != .reference || reference != nil else { throw Refusal("no reference") }
                let blockRows = (rowRange(tileRow).count + 3) / 4
                let differences =
                    mode & 8 != 0
                    ? Array(repeating: [Int](repeating: 0, count: 64 * perLane), count: 16)
                    : try unpack(fields, blockRows: blockRows, &parts)
                for y in rowRange(tileRow) {
                    for column in columns {
                        let sum =
                            picture.prediction(predictor, column, y)
                            + differences[y - 16 * tileRow][column - columns.lowerBound]
                        picture.rows[y][column] =
                            sum & (1 << format.fields.componentBits[column % perLane] - 1)
                    }
                }
            }
        }

        private func copyMoved(
            _ tile: Int, _ tileRow: Int, _ parts: inout Parts, _ picture: inout PlainPredictor
        ) throws {
            guard parts.side.count >= 4 else { throw Refusal("vector") }
            let vector = Array(parts.side.prefix(4))
            parts.side = parts.side.dropFirst(4)
            guard let referencePlane else { throw Refusal("no reference") }
            func signed(_ low: UInt8, _ high: UInt8) -> Int { Int(low) + 256 * Int(Int8(bitPattern: high)) }
            let pixelBytes =
                format.isThreeBytes
                ? 3 : format.components * 4 / format.fields.componentBits.count
            let left = tile * tileBytes + signed(vector[0], vector[1]) * pixelBytes
            let count = min(tileBytes, rowBytes - tile * tileBytes)
            let planeRows = referencePlane.count / rowBytes
            for y in rowRange(tileRow) {
                let row = firstRow + y + signed(vector[2], vector[3])
                guard row >= 0, row < planeRows, left >= 0, left + count <= rowBytes else {
                    throw Refusal("outside of the reference")
                }
                let start = row * rowBytes + left
                let components = format.components(
                    format.expanded(Array(referencePlane[start..<start + count])))
                let at = tile * 64 * format.fields.componentBits.count
                for (index, component) in components.enumerated() { picture.rows[y][at + index] = component }
            }
        }

        /// The differences of a tile: `[row][component]`.
        private func unpack(
            _ fieldsOfTile: PlainFields, blockRows: Int, _ parts: inout Parts
        ) throws -> [[Int]] {
            guard let (widths, size) = PlainPacking.readWidths(parts.side, blocks: 16 * blockRows) else {
                throw Refusal("widths")
            }
            parts.side = parts.side.dropFirst(size)
            var rows = [[Int]](repeating: [], count: 4 * blockRows)
            for (block, widths) in widths.enumerated() {
                let lanes = try fields(widths, &parts)
                for (index, fields) in lanes.enumerated() {
                    rows[block / 16 * 4 + index / 4] += fieldsOfTile.differences(
                        zip(fields, widths).map { fieldsOfTile.field($0, width: $1) })
                }
            }
            return rows
        }

        /// The fields of a block's lanes as they are written: `[lane][field]`, row by row.
        private func fields(_ widths: [Int], _ parts: inout Parts) throws -> [[Int]] {
            if parts.streams != nil { return try parts.streams!.take(widths) }
            let bits = widths.reduce(0, +)
            guard parts.packed.count >= 2 * bits else { throw Refusal("packed blocks") }
            let lanes = PlainPacking.unpack(parts.packed, bits: bits)
            parts.packed = parts.packed.dropFirst(2 * bits)
            return lanes.joined().map { lane in
                var lane = lane
                return widths.map { width in
                    defer { lane >>= UInt64(width) }
                    return Int(lane & (1 << UInt64(width) - 1))
                }
            }
        }
    }
}
