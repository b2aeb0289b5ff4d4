import Buffers
import Codec
import CPosix

/// What came of a fuzzer's input.
package enum FuzzOutcome: Equatable, Sendable {
    /// The decoder said what is wrong with it.
    case refused
    /// It decoded.
    case picture
    /// Something that must never be, in words.
    case contradiction(String)
}

/// A payload of the tile codec as a fuzzer writes it: a few bytes that choose the picture, then the payload.
///
/// | byte | |
/// |---|---|
/// | 0 | pixel format: 1 + value modulo 20 |
/// | 1 | low byte of width − 1 |
/// | 2 | bits 0–1: the two bits above; bits 2–7: rows of tiles in a strip − 1 |
/// | 3 | height − 1 |
/// | 4 | ``Choices`` |
/// | 5 | which reference |
///
/// The height is limited so that a picture has at most ``maximumBytes``. Memory is exactly as long as it has to
/// be, so that an address sanitizer sees every step outside.
package struct TileInput {
    package static let headerSize = 6
    package static let maximumBytes = 128 << 10
    private static let payloadHeaderSize = 8

    package struct Choices: OptionSet {
        package let rawValue: UInt8

        package init(rawValue: UInt8) {
            self.rawValue = rawValue
        }

        /// The picture has a reference.
        package static let reference = Choices(rawValue: 1)
        /// The payload's header and the size of its last strip are put right, so that a fuzzer that changes the
        /// payload's length need not find them.
        package static let sizesFit = Choices(rawValue: 2)
        /// And the size of each strip's LZ4 block.
        package static let partsFit = Choices(rawValue: 4)
        /// Strips have a number of rows that is no multiple of a tile's.
        package static let oddRows = Choices(rawValue: 8)
        /// The payload is one of profile huffman, not of tile.
        package static let huffman = Choices(rawValue: 16)
    }

    package var format: PixelFormat
    package var width: Int
    package var height: Int
    package var tileRows: Int
    package var choices: Choices
    package var pattern: UInt8
    package var payload: [UInt8]

    package init(
        format: PixelFormat, width: Int, height: Int, tileRows: Int, choices: Choices, pattern: UInt8,
        payload: [UInt8]
    ) {
        self.format = format
        self.width = width
        self.height = height
        self.tileRows = tileRows
        self.choices = choices
        self.pattern = pattern
        self.payload = payload
    }

    /// Nil when there are too few bytes.
    package init?(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count >= Self.headerSize else { return nil }
        format = PixelFormat(rawValue: 1 + UInt16(bytes[0]) % UInt16(PixelFormat.allCases.count)) ?? .rgba8
        width = 1 + Int(bytes[1]) + Int(bytes[2] & 3) << 8
        tileRows = 1 + Int(bytes[2] >> 2)
        height = min(1 + Int(bytes[3]), max(1, Self.maximumBytes / (width * format.bytesPerPixel)))
        choices = Choices(rawValue: bytes[4])
        pattern = bytes[5]
        payload = Array(bytes[Self.headerSize...])
    }

    /// The input that gives this.
    package var bytes: [UInt8] {
        [
            UInt8(format.rawValue - 1), UInt8((width - 1) & 0xff),
            UInt8((width - 1) >> 8 | (tileRows - 1) << 2), UInt8(height - 1), choices.rawValue, pattern,
        ] + payload
    }

    private var profile: Profile { choices.contains(.huffman) ? .huffman : .tile }

    private var info: FrameInfo { FrameInfo(width: width, height: height, format: format) }

    private func plan() throws -> StripPlan {
        let rows = 16 * tileRows + (choices.contains(.oddRows) ? 1 : 0)
        return StripPlan(layout: try FrameLayout(info), rowsPerStrip: rows)
    }

    /// The packed picture that the payload refers to: equal pixels, a ramp, noise, or a mixture.
    package func reference(size: Int) -> [UInt8]? {
        guard choices.contains(.reference) else { return nil }
        var result = [UInt8](repeating: pattern, count: size)
        var state = UInt32(pattern) &* 0x9E37_79B9 | 1
        for index in 0..<size {
            state ^= state << 13
            state ^= state >> 17
            state ^= state << 5
            let noise = UInt8(truncatingIfNeeded: state >> 11)
            switch pattern & 3 {
            case 0: break
            case 1: result[index] = UInt8(truncatingIfNeeded: index / 4 &+ Int(pattern))
            case 2: result[index] = noise
            default: result[index] = index & 0x400 == 0 ? noise : UInt8(truncatingIfNeeded: index >> 6)
            }
        }
        return result
    }

    /// Puts the sizes right that ``choices`` asks for.
    private func fitted(_ plan: StripPlan) -> [UInt8] {
        let tableSize = Self.payloadHeaderSize + 4 * plan.count
        guard choices.contains(.sizesFit), payload.count >= tableSize else { return payload }
        var payload = payload
        func get(_ offset: Int) -> UInt32 {
            (0..<4).reduce(0) { $0 | UInt32(payload[offset + $1]) << UInt32(8 * $1) }
        }
        func set(_ value: Int, at offset: Int) {
            for index in 0..<4 { payload[offset + index] = UInt8(truncatingIfNeeded: value >> (8 * index)) }
        }
        set(0x184D_2A5E, at: 0)
        set(payload.count - Self.payloadHeaderSize, at: 4)
        var left = payload.count - tableSize
        for strip in 0..<plan.count {
            let entry = Self.payloadHeaderSize + 4 * strip
            let size = strip == plan.count - 1 ? left : min(left, Int(get(entry)))
            set(size, at: entry)
            let start = payload.count - left
            left -= size
            guard choices.contains(.partsFit), size >= 12 else { continue }
            let flags = get(start)
            // Nothing says how long coded side information is.
            if flags >> 31 != 0 || flags >> 25 & 1 != 0 { continue }
            let packed = flags >> 29 & 1 != 0 ? 0 : Int(flags & 0x1FF_FFFF)
            let side = flags >> 28 & 1 != 0 ? 0 : Int(get(start + 8))
            set(max(0, size - 12 - packed - side), at: start + 4)
        }
        return payload
    }

    /// Decodes the payload.
    ///
    /// If it decodes, it must give the same picture whatever was in the target before, and that picture must come
    /// back from the encoder.
    package func run() -> FuzzOutcome {
        guard let plan = try? plan() else { return .contradiction("the geometry makes no layout") }
        let payload = fitted(plan)
        let reference = reference(size: plan.layout.packedSize)
        guard let picture = decode(payload, plan, reference, filler: 0x00) else { return .refused }
        guard let again = decode(payload, plan, reference, filler: 0xFF) else {
            return .contradiction("the same payload is refused the second time")
        }
        guard picture == again else {
            return .contradiction("the picture depends on what was in the target before")
        }
        guard let coded = Self.encode(picture, info, profile, reference: reference) else {
            return .contradiction("the picture does not encode")
        }
        let ownPlan = StripPlan(for: plan.layout, profile: profile)
        guard decode(coded, ownPlan, reference, filler: 0x55) == picture else {
            return .contradiction("the picture does not come back from the encoder")
        }
        return .picture
    }

    private func decode(
        _ payload: [UInt8], _ plan: StripPlan, _ reference: [UInt8]?, filler: UInt8
    ) -> [UInt8]? {
        let size = plan.layout.packedSize
        let target = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 1)
        defer { target.deallocate() }
        memset(target, Int32(filler), size)
        // An array has room before its elements; this has not.
        let old = reference.map { _ in UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 1) }
        defer { old?.deallocate() }
        if let old, let reference { memcpy(old, reference, size) }
        do {
            let decoder = FrameDecoder()
            try decoder.begin(
                plan: plan, profile: profile, payloadSize: payload.count, target: target,
                reference: old.map { UnsafeRawPointer($0) })
            var taken = 0
            while !decoder.isComplete {
                let room = decoder.destination
                guard room.count <= payload.count - taken else { return nil }
                payload.withUnsafeBytes {
                    room.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[taken..<taken + room.count]))
                }
                taken += room.count
                try decoder.commit(room.count)
            }
            try decoder.decode(profile: profile, on: WorkerPool(workers: 1, callerWorks: true))
        } catch {
            return nil
        }
        return [UInt8](UnsafeRawBufferPointer(start: target, count: size))
    }

    /// The payload that the encoder makes of a packed picture; nil when there is no memory.
    package static func encode(
        _ picture: [UInt8], _ info: FrameInfo, _ profile: Profile, reference: [UInt8]?
    ) -> [UInt8]? {
        picture.withUnsafeBytes { picture in
            (reference ?? []).withUnsafeBytes { old in
                withUnsafePointer(to: picture) { first in
                    withUnsafePointer(to: old) { second in
                        try? encode(info, profile, first, reference == nil ? nil : second)
                    }
                }
            }
        }
    }

    private static func encode(
        _ info: FrameInfo, _ profile: Profile, _ picture: UnsafePointer<UnsafeRawBufferPointer>,
        _ reference: UnsafePointer<UnsafeRawBufferPointer>?
    ) throws -> [UInt8] {
        let layout = try FrameLayout(info)
        let encoder = FrameEncoder(workers: 1)
        let old = reference.map {
            PixelSource(layout: layout, regions: UnsafeBufferPointer(start: $0, count: 1))
        }
        try encoder.prepare(
            PixelSource(layout: layout, regions: UnsafeBufferPointer(start: picture, count: 1)),
            reference: old,
            profile: profile, acceleration: 1, checksum: false)
        for part in 0..<encoder.parts { encoder.process(part, worker: 0) }
        try encoder.finish()
        var payload: [UInt8] = []
        for vector in encoder.vectors.dropFirst(FrameEncoder.reservedVectors) {
            payload += UnsafeRawBufferPointer(start: vector.iov_base, count: vector.iov_len)
        }
        return payload
    }
}
