import Buffers
import CPosix
import TestSupport

@testable import Codec

/// What an encoder made of a picture.
struct Encoded {
    var payload: [UInt8]
    var checksum: UInt64?
    var rowsPerStrip: Int
    var strips: Int
}

func encode(
    _ picture: Picture, regions: UnsafeBufferPointer<UnsafeRawBufferPointer>, profile: Profile,
    workers: Int = 1,
    acceleration: Int32 = 1, checksum: Bool = false, with encoder: FrameEncoder? = nil
) throws -> Encoded {
    let encoder = encoder ?? FrameEncoder(workers: workers)
    let source = PixelSource(layout: try FrameLayout(picture.info), regions: regions)
    try encoder.prepare(source, profile: profile, acceleration: acceleration, checksum: checksum)
    if encoder.parts > 0 {
        WorkerPool(workers: workers, callerWorks: true).run(encoder, parts: encoder.parts)
    }
    try encoder.finish()
    var result = Encoded(
        payload: [], checksum: encoder.checksum, rowsPerStrip: encoder.rowsPerStrip, strips: encoder.strips)
    for vector in encoder.vectors.dropFirst(FrameEncoder.reservedVectors) {
        result.payload += UnsafeRawBufferPointer(start: vector.iov_base, count: vector.iov_len)
    }
    return result
}

func encode(_ picture: Picture, profile: Profile, workers: Int = 1, checksum: Bool = false) throws -> Encoded
{
    try picture.bytes.withUnsafeBytes { bytes in
        try withUnsafePointer(to: bytes) { region in
            try encode(
                picture, regions: UnsafeBufferPointer(start: region, count: 1), profile: profile,
                workers: workers,
                checksum: checksum)
        }
    }
}

/// The plan that a reader makes of what a header says.
func packedPlan(of info: FrameInfo, rowsPerStrip: Int) throws -> StripPlan {
    var packed = info
    packed.stride = 0
    packed.rowOrder = .topDown
    return StripPlan(layout: try FrameLayout(packed), rowsPerStrip: rowsPerStrip)
}

/// Decodes a payload that comes in pieces of sizes that `chop` gives.
func decode(
    _ payload: [UInt8], plan: StripPlan, profile: Profile, workers: Int = 1, into target: GuardedBytes,
    with decoder: FrameDecoder = FrameDecoder(), chop: () -> Int = { .max }
) throws {
    try decoder.begin(plan: plan, profile: profile, payloadSize: payload.count, target: target.base)
    var taken = 0
    while !decoder.isComplete {
        let room = decoder.destination
        let count = min(room.count, payload.count - taken, max(1, chop()))
        guard count > 0 else {
            throw CodecError.corrupt("the decoder asks for more than the payload has", offset: taken)
        }
        payload.withUnsafeBytes {
            room.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[taken..<taken + count]))
        }
        taken += count
        try decoder.commit(count)
    }
    try decoder.decode(profile: profile, on: WorkerPool(workers: workers, callerWorks: true))
}

/// Whether two stretches of memory hold the same.
func equal(_ a: UnsafeRawBufferPointer, _ b: [UInt8]) -> Bool {
    a.count == b.count && (a.isEmpty || memcmp(a.baseAddress!, b, a.count) == 0)
}
