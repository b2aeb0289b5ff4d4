import Buffers
import TestSupport

@testable import Codec

/// A picture and its reference in memory, each with its own stride, row order and pieces.
struct TileSample {
    /// How a picture differs from its reference.
    enum Change: CaseIterable {
        case nothing
        case aRectangle
        case everyTenthTile
        case moved
        case everything
    }

    let picture: Picture
    let reference: Picture?

    /// A random picture of a format, from one pixel to about 700 × 300, that has the number of bytes at most.
    static func random(
        _ format: PixelFormat, maximumBytes: Int, using random: inout SeededGenerator
    ) -> TileSample {
        // Widths around those of tiles and lanes are where the edges are.
        let tile = 256 / format.bytesPerPixel
        let near = [tile, 2 * tile, 3 * tile, 16, 4].randomElement(using: &random)!
        var width = random.scaled(1...700)
        if Bool.random(using: &random) { width = max(1, near + Int.random(in: -2...2, using: &random)) }
        width = min(width, maximumBytes / format.bytesPerPixel)
        let rows = max(1, maximumBytes / (width * format.bytesPerPixel))
        var height = random.scaled(1...300)
        if Bool.random(using: &random) {
            height = 16 * Int.random(in: 1...4, using: &random) + Int.random(in: -1...1, using: &random)
        }
        height = min(height, rows)
        let info = info(format, width, height, using: &random)
        let content = TileContent.allCases.randomElement(using: &random)!
        let packed = content.packed(info, using: &random)
        let picture = Picture(info, packed: packed, using: &random)
        guard Bool.random(using: &random) else { return TileSample(picture: picture, reference: nil) }
        var old = packed
        Change.allCases.randomElement(using: &random)!.apply(to: &old, picture, using: &random)
        let other = Self.info(format, width, height, using: &random)
        return TileSample(picture: picture, reference: Picture(other, packed: old, using: &random))
    }

    private static func info(
        _ format: PixelFormat, _ width: Int, _ height: Int, using random: inout SeededGenerator
    ) -> FrameInfo {
        var info = FrameInfo(
            width: width, height: height, format: format,
            rowOrder: Bool.random(using: &random) ? .topDown : .bottomUp)
        if Bool.random(using: &random) {
            info.stride = (width + width % 2) * format.bytesPerPixel + random.scaled(0...70)
        }
        return info
    }
}

extension TileSample.Change {
    fileprivate func apply(to packed: inout [UInt8], _ picture: Picture, using random: inout SeededGenerator)
    {
        let rowBytes = picture.info.width * picture.info.format.bytesPerPixel
        func change(_ place: Range<Int>) {
            for index in place.clamped(to: 0..<packed.count) {
                packed[index] ^= UInt8.random(in: 0...3, using: &random)
            }
        }
        switch self {
        case .nothing: break
        case .aRectangle:
            let x = Int.random(in: 0..<rowBytes, using: &random)
            let count = Int.random(in: 1...rowBytes, using: &random)
            let first = Int.random(in: 0..<picture.info.height, using: &random)
            for row in first..<first + Int.random(in: 1...40, using: &random) {
                change(row * rowBytes + x..<min((row + 1) * rowBytes, row * rowBytes + x + count))
            }
        case .everyTenthTile:
            for start in stride(from: 0, to: packed.count, by: 2560) { change(start..<start + 40) }
        case .moved:
            let by = random.scaled(1...packed.count) % packed.count
            packed = Array(packed[by...] + packed[..<by])
        case .everything:
            packed.withUnsafeMutableBytes { random.fill($0) }
        }
    }
}

/// What the pixels of a picture look like.
enum TileContent: CaseIterable {
    case noise, flat, gradient, text, fewColors, hardFloats, constantPlanes, texture, grain, mixed

    /// The bytes of a packed picture.
    func packed(_ info: FrameInfo, using random: inout SeededGenerator) -> [UInt8] {
        let pixelBytes = info.format.bytesPerPixel
        let rowBytes = info.width * pixelBytes
        switch self {
        case .noise: return bytes(info, .noise, using: &random)
        case .flat: return bytes(info, .constant, using: &random)
        case .text: return bytes(info, .text, using: &random)
        case .mixed: return bytes(info, .mixed, using: &random)
        case .gradient:
            let slopes = (0..<16).map { _ in Int.random(in: -3...3, using: &random) }
            return map(info) { index, _ in
                let (x, y, k) = (index % rowBytes / pixelBytes, index / rowBytes, index % pixelBytes)
                return UInt8(truncatingIfNeeded: x * slopes[k % 8] + y * slopes[8 + k % 8])
            }
        case .texture:
            let mask = UInt8.random(in: 1...31, using: &random)
            return map(info) { index, old in
                UInt8(truncatingIfNeeded: index % rowBytes / pixelBytes / 2 + index / rowBytes)
                    &+ (old & mask)
            }
        case .grain:
            // Small differences are more frequent than large ones, as in what renderers sample.
            return map(info) { index, old in
                UInt8(truncatingIfNeeded: index % rowBytes / pixelBytes + 2 * (old | 8).trailingZeroBitCount)
            }
        case .fewColors:
            let colors = (0..<4).map { _ in
                (0..<16).map { _ in UInt8.random(in: 0...255, using: &random) }
            }
            return map(info) { index, old in
                let x = index % rowBytes / pixelBytes
                return colors[(x / 7 + index / rowBytes / 5) & 3][index % pixelBytes]
            }
        case .hardFloats:
            // NaNs with payloads, infinities, denormal numbers and −0, as halves or floats.
            let patterns: [UInt32] = [
                0x7FC0_0000, 0x7FA0_BEEF, 0xFFFF_FFFF, 0x7F80_0000, 0xFF80_0000, 0x0000_0001, 0x807F_FFFF,
                0x8000_0000, 0x7C01_FE00, 0xFC00_03FF, 0x3F80_0000, 0x3F80_0001,
            ]
            let used = (0..<64).map { _ in patterns.randomElement(using: &random)! }
            return map(info) { index, _ in
                UInt8(truncatingIfNeeded: used[index / 4 % 61] >> UInt32(8 * (index % 4)))
            }
        case .constantPlanes:
            let constant = (0..<16).map { _ in Bool.random(using: &random) }
            return map(info) { index, old in constant[index % pixelBytes] ? 0xC3 : old }
        }
    }

    private func bytes(
        _ info: FrameInfo, _ content: Picture.Content, using random: inout SeededGenerator
    ) -> [UInt8] {
        var packed = info
        packed.stride = 0
        return Picture(packed, content, using: &random).packed
    }

    /// Bytes made from their places and from noise.
    private func map(_ info: FrameInfo, _ body: (Int, UInt8) -> UInt8) -> [UInt8] {
        var random = SeededGenerator(case: info.width * 65536 + info.height)
        return bytes(info, .noise, using: &random).enumerated().map { body($0.offset, $0.element) }
    }
}

/// The payload of a picture in one of the tile profiles.
func encodeTiles(
    _ sample: TileSample, profile: Profile = .tile, pieces: Int = 1, workers: Int = 1,
    with encoder: FrameEncoder? = nil,
    using random: inout SeededGenerator
) throws -> Encoded {
    let encoder = encoder ?? FrameEncoder(workers: workers)
    let memory = ScatteredBytes(sample.picture.bytes, pieces: pieces, using: &random)
    let old = sample.reference.map { ScatteredBytes($0.bytes, pieces: pieces, using: &random) }
    let source = PixelSource(
        layout: try FrameLayout(sample.picture.info), regions: UnsafeBufferPointer(memory.regions))
    var reference: PixelSource?
    if let picture = sample.reference, let old {
        reference = PixelSource(
            layout: try FrameLayout(picture.info), regions: UnsafeBufferPointer(old.regions))
    }
    try encoder.prepare(source, reference: reference, profile: profile, acceleration: 1, checksum: false)
    WorkerPool(workers: workers, callerWorks: true).run(encoder, parts: encoder.parts)
    try encoder.finish()
    var result = Encoded(payload: [], rowsPerStrip: encoder.rowsPerStrip, strips: encoder.strips)
    for vector in encoder.vectors.dropFirst(FrameEncoder.reservedVectors) {
        result.payload += UnsafeRawBufferPointer(start: vector.iov_base, count: vector.iov_len)
    }
    return withExtendedLifetime((memory, old)) { result }
}

/// Decodes a payload of one of the tile profiles into memory that is exactly as long as the picture.
///
/// - Parameter piece: so many bytes come at once; what strips there are is decoded before the next ones.
/// - Returns: how many bytes of pixels were decoded before all had come.
@discardableResult
func decodeTiles(
    _ payload: [UInt8], _ info: FrameInfo, profile: Profile = .tile, rowsPerStrip: Int, reference: [UInt8]?,
    workers: Int = 1, piece: Int = .max, into target: GuardedBytes,
    with decoder: FrameDecoder = FrameDecoder()
) throws -> Int {
    let plan = try packedPlan(of: info, rowsPerStrip: rowsPerStrip)
    let old = reference.map { bytes in
        let copy = UnsafeMutableRawPointer.allocate(byteCount: bytes.count, alignment: 1)
        copy.copyMemory(from: bytes, byteCount: bytes.count)
        return copy
    }
    defer { old?.deallocate() }
    try decoder.begin(
        plan: plan, profile: profile, payloadSize: payload.count, target: target.base,
        reference: old.map { UnsafeRawPointer($0) })
    let pool = WorkerPool(workers: workers, callerWorks: true)
    var taken = 0
    var ahead = 0
    while !decoder.isComplete {
        let room = decoder.destination
        guard room.count <= payload.count - taken else {
            throw CodecError.corrupt("the decoder asks for more than the payload has", offset: taken)
        }
        let count = min(room.count, piece)
        payload.withUnsafeBytes {
            room.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[taken..<taken + count]))
        }
        taken += count
        try decoder.commit(count)
        while case let count = decoder.decodeAhead(for: pool), count > 0 { ahead += count }
    }
    try decoder.decode(profile: profile, on: pool)
    return ahead
}
