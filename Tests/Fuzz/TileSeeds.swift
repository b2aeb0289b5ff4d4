import Buffers
import Codec

/// Inputs that decode, one for each pixel format and kind of picture, made by the encoder: what a fuzzer starts
/// from. In profile huffman only those whose packed blocks become coded streams.
package enum TileSeeds {
    private enum Content: String, CaseIterable {
        case flat, gradient, text, texture, noise, mixed, moved, lines

        /// Whether some of it is packed and does not repeat.
        var hasStreams: Bool { self == .texture || self == .mixed || self == .gradient }
    }

    package static func all() -> [FuzzSeed] {
        var seeds: [FuzzSeed] = []
        for format in PixelFormat.allCases {
            for (index, content) in Content.allCases.enumerated() {
                for isKey in [true, false] {
                    let name = "\(format.name)-\(content.rawValue)\(isKey ? "" : "-reference")"
                    let number = Int(format.rawValue) * 16 + index * 2 + (isKey ? 1 : 0)
                    if let bytes = seed(format, content, .tile, isKey: isKey, number: number) {
                        seeds.append(FuzzSeed(name: name, bytes: bytes))
                    }
                    guard content.hasStreams else { continue }
                    if let bytes = seed(format, content, .huffman, isKey: isKey, number: number) {
                        seeds.append(FuzzSeed(name: name + "-huffman", bytes: bytes))
                    }
                }
            }
        }
        return seeds
    }

    private static func seed(
        _ format: PixelFormat, _ content: Content, _ profile: Profile, isKey: Bool, number: Int
    ) -> [UInt8]? {
        // From part of a tile to two and a half, whole ones now and then.
        let tile = 256 / format.bytesPerPixel
        let width = max(1, tile * [1, 5, 2, 3][number & 3] / 2 + [0, 1, -1][number % 3])
        // So many flat rows that their LZ4 block is compressed twice.
        let height = content == .lines ? 160 : [16, 7, 33, 20][number / 4 & 3]
        var input = TileInput(
            format: format, width: content == .lines ? 2 * tile : min(width, 1024), height: height,
            tileRows: 1,
            choices: isKey ? [.sizesFit, .partsFit] : [.reference, .sizesFit, .partsFit],
            pattern: UInt8(truncatingIfNeeded: number), payload: [])
        if profile == .huffman { input.choices.insert(.huffman) }
        let info = FrameInfo(width: input.width, height: height, format: format)
        guard let layout = try? FrameLayout(info) else { return nil }
        input.tileRows = (StripPlan(for: layout, profile: profile).rowsPerStrip + 15) / 16
        let reference = input.reference(size: layout.packedSize)
        let picture = pixels(layout, content, over: reference)
        guard let payload = TileInput.encode(picture, info, profile, reference: reference) else { return nil }
        input.payload = payload
        return input.bytes
    }

    private static func pixels(_ layout: FrameLayout, _ content: Content, over reference: [UInt8]?) -> [UInt8]
    {
        let rowBytes = layout[plane: 0].rowBytes
        let step = layout.format.bytesPerPixel
        var state: UInt32 = 0x1234_5678
        func random() -> UInt8 {
            state ^= state << 13
            state ^= state >> 17
            state ^= state << 5
            return UInt8(truncatingIfNeeded: state >> 9)
        }
        let distance = 3 * rowBytes + (layout.format.bytesPerPixel)
        return (0..<layout.packedSize).map { index -> UInt8 in
            let x = index % rowBytes
            let y = index / rowBytes
            // The first third of a picture with a reference is that.
            if let reference, content != .flat, content != .moved, index < layout.packedSize / 3 {
                return reference[index]
            }
            switch content {
            case .flat: return 77
            case .moved:
                if let reference { return reference[(index + distance) % layout.packedSize] }
                return UInt8(truncatingIfNeeded: (index % distance) &* 7)
            case .lines: return y % 40 == 3 ? 200 : 10
            case .gradient: return UInt8(truncatingIfNeeded: x / step + 2 * y + 40 * (x % step))
            case .text: return (x / step ^ y * 5) % 7 == 0 && y % 9 < 6 ? 20 : 240
            case .texture:
                return UInt8(truncatingIfNeeded: 100 + x / step + y) &+ (random() & (x < 128 ? 7 : 1))
            case .noise: return random()
            case .mixed:
                if let reference, x & 512 != 0 { return reference[index] ^ (random() & 1) }
                return x & 256 == 0
                    ? UInt8(truncatingIfNeeded: y) &+ (random() & 3) : y & 8 == 0 ? 9 : random()
            }
        }
    }
}
