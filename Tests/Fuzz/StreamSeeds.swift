import Buffers
import CPosix
import Codec
import Framewire
import Wire

/// Streams that are right, made by the encoder: what the fuzzers of streams start from. Each begins with the
/// two bytes that choose.
package enum StreamSeeds {
    private static let formats: [PixelFormat] = [
        .rgba8, .rgb8, .r8, .rgb10a2, .rgba16f, .r32f, .depth24s8, .nv12, .i420,
    ]

    package static func all() -> [FuzzSeed] {
        var seeds = [FuzzSeed(name: "control", bytes: choices(7) + control())]
        for (index, format) in formats.enumerated() {
            for profile in [Profile.raw, .lz4, .tile] {
                let hasChecksum = (index + Int(profile.rawValue)) & 1 == 0
                guard let messages = messages(format, profile, hasChecksum) else { continue }
                let name = "\(format.name)-\(profile.rawValue)"
                seeds.append(
                    FuzzSeed(name: name, bytes: choices(UInt8(index) | 1) + messages.reduce([], +)))
                // The first frame is lost, and with it what the second is coded against.
                if profile == .tile {
                    let rest = messages[1...].reduce([], +) + message { Bye().encode(into: $0) }
                    seeds.append(FuzzSeed(name: "\(name)-lost", bytes: choices(3) + rest))
                }
            }
        }
        return seeds
    }

    private static func choices(_ value: UInt8) -> [UInt8] { [value & 7, value] }

    private static func message(_ encode: (UnsafeMutableRawBufferPointer) -> Int) -> [UInt8] {
        let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 4096, alignment: 16)
        defer { room.deallocate() }
        return Array(room[..<encode(room)])
    }

    /// One of each kind that is no frame.
    private static func control() -> [UInt8] {
        let content: [UInt8] = [1, 2, 3]
        var bytes = message { StreamOpening.encode(into: $0) }
        bytes += message { Hello(profiles: 14, role: .sender, name: "seed").encode(into: $0) }
        bytes += message { Acknowledgement(streamID: 3, sequence: 9, receiveDuration: 5).encode(into: $0) }
        bytes += message { KeyFrameRequest(streamID: 4, viewID: 1).encode(into: $0) }
        bytes += message { Flow(isPaused: true, maxFrameRate: 1000).encode(into: $0) }
        bytes += message { room in
            content.withUnsafeBytes { UserMessage(type: 6).encode(into: room, content: $0) }
        }
        bytes += message { Ping(time: 77).encode(into: $0) }
        bytes += message { Ping(isReply: true, time: 78).encode(into: $0) }
        // Of another program.
        bytes += [0x53, 0x2A, 0x4D, 0x18, 5, 0, 0, 0, 9, 9, 9, 9, 9]
        return bytes + message { Bye(reason: .failed, text: "enough").encode(into: $0) }
    }

    /// The opening with the first frame, then others: of the same stream, of another, of another size.
    private static func messages(
        _ format: PixelFormat, _ profile: Profile, _ hasChecksum: Bool
    ) -> [[UInt8]]? {
        var options = Sender.Options()
        options.profile = profile
        options.threads = 1
        options.checksum = hasChecksum
        let encoder = FrameMessageEncoder(options)
        var result: [[UInt8]] = []
        for (number, shape) in [(20, 17, 0), (20, 17, 0), (9, 5, 1), (20, 17, 0), (40, 3, 0)].enumerated() {
            var info = FrameInfo(width: shape.0, height: shape.1, format: format)
            info.streamID = UInt32(shape.2)
            info.pts = Int64(number)
            guard let layout = try? FrameLayout(info) else { return nil }
            let pixels = (0..<layout.size).map {
                UInt8(truncatingIfNeeded: $0 % 61 < 20 ? 7 : $0 &* 13 >> 3 &+ ($0 == number * 40 ? 1 : 0))
            }
            guard
                let coded = pixels.withUnsafeBytes({ pixels -> [UInt8]? in
                    guard let buffer = try? encoder.encode(info, pixels) else { return nil }
                    var bytes: [UInt8] = []
                    for index in 0..<buffer.memoryCount { bytes += buffer.visibleBytes(at: index) }
                    return bytes
                })
            else { return nil }
            result.append(coded)
        }
        return result
    }
}
