import Buffers
import CPosix
import Codec

/// One of the library's profiles, encoded and decoded as sender and receiver do it, with a pool of threads of its own.
final class ProfileCoder: BenchCoder {
    let name: String
    let threads: Int
    private let calls: CodecCalls
    private let isTemporal: Bool
    private let workers: WorkerPool
    private let layout: FrameLayout
    /// The layout of a received frame: packed and top-down.
    private let packed: FrameLayout
    /// The payload in one piece.
    private let payload = RawBlock()
    /// Decoded frames: this one and the one before, by turns.
    private let targets = [RawBlock(isFilled: true), RawBlock(isFilled: true)]
    private var turn = 0
    /// Where frame and reference lie: `PixelSource` refers to these.
    private let regions: UnsafeMutableBufferPointer<UnsafeRawBufferPointer>

    init(_ profile: BenchProfile, _ info: FrameInfo, threads: Int) throws(Failure) {
        name = profile.rawValue
        self.threads = threads
        isTemporal = profile != .tileKey && profile.profile.usesTiles
        // The thread that calls is one of them, as in the library's own encoder.
        workers = WorkerPool(workers: threads, callerWorks: true)
        calls = CodecCalls(profile: profile.profile, workers: workers)
        regions = .allocate(capacity: 2)
        regions.initialize(repeating: UnsafeRawBufferPointer(start: nil, count: 0))
        (layout, packed) = try Failure.inMemory(profile.rawValue) { () throws(BufferError) in
            var received = info
            received.rowOrder = .topDown
            received.stride = 0
            return (try FrameLayout(info), try FrameLayout(received))
        }
        for target in targets {
            try Failure.inMemory(name) { () throws(BufferError) in try target.reserve(packed.size) }
        }
    }

    deinit {
        regions.deallocate()
    }

    func code(_ index: Int, of sequence: BenchSequence) throws(Failure) -> BenchSample {
        let reference = isTemporal && index > 0 ? sequence.frame(index - 1) : nil
        do throws(CodecError) {
            return try run(sequence.frame(index), reference: reference)
        } catch {
            switch error {
            case .corrupt(let text, let offset), .unsupported(let text, let offset):
                throw Failure(message: "\(text.text), at byte \(offset) of the payload")
            case .noMemory(let bytes):
                throw Failure(message: "no memory for \(bytes) bytes")
            }
        }
    }

    private func run(
        _ frame: UnsafeRawPointer, reference: UnsafeRawPointer?
    ) throws(CodecError) -> BenchSample {
        let previousTarget = targets[turn].base!
        turn = 1 - turn
        let target = targets[turn].base!

        let source = pixelSource(frame, 0)
        let referenceSource = reference.map { pixelSource($0, 1) }
        let start = Clock.now()
        try calls.prepare(source, reference: referenceSource)
        try calls.finish(on: workers)
        var encodeTime = Clock.now() - start

        let copyStart = Clock.now()
        let count = try copyPayload()
        let copyTime = Clock.now() - copyStart

        let beginStart = Clock.now()
        try calls.begin(
            layout: packed, payloadSize: count, target: target,
            reference: reference == nil ? nil : UnsafeRawPointer(previousTarget))
        var decodeTime = Clock.now() - beginStart
        let receiveStart = Clock.now()
        try receivePayload(count)
        let receiveTime = Clock.now() - receiveStart
        let decodeStart = Clock.now()
        try calls.decode(on: workers)
        decodeTime += Clock.now() - decodeStart
        // All that profile raw does is copying.
        if calls.profile == .raw {
            encodeTime += copyTime
            decodeTime += receiveTime
        }
        return BenchSample(
            encodeTime: encodeTime, decodeTime: decodeTime, byteCount: count, decoded: .packed(target))
    }

    private func pixelSource(_ frame: UnsafeRawPointer, _ region: Int) -> PixelSource {
        regions[region] = UnsafeRawBufferPointer(start: frame, count: layout.size)
        return PixelSource(
            layout: layout, regions: UnsafeBufferPointer(rebasing: regions[region..<region + 1]))
    }

    /// Brings the pieces of the payload together, as a network would, and returns its size.
    private func copyPayload() throws(CodecError) -> Int {
        let count = calls.encoder.payloadSize
        do {
            try payload.reserve(count)
        } catch {
            throw .noMemory(bytes: count)
        }
        var out = payload.base!
        for vector in calls.encoder.vectors.dropFirst(FrameEncoder.reservedVectors) {
            memcpy(out, vector.iov_base, vector.iov_len)
            out += vector.iov_len
        }
        return count
    }

    private func receivePayload(_ count: Int) throws(CodecError) {
        var taken = 0
        while !calls.decoder.isComplete {
            let room = calls.decoder.destination
            let part = min(room.count, count - taken)
            guard part > 0 else { throw .corrupt("the decoder wants more than the payload", offset: taken) }
            memcpy(room.baseAddress!, payload.base! + taken, part)
            taken += part
            try calls.decoder.commit(part)
        }
    }
}

/// The calls of the codec whose arguments depend on the profile, in one place.
private struct CodecCalls {
    let profile: Profile
    let encoder: FrameEncoder
    let decoder = FrameDecoder()

    init(profile: Profile, workers: WorkerPool) {
        self.profile = profile
        encoder = FrameEncoder(workers: workers.workers)
    }

    /// - Parameter reference: the frame before, for profiles that refer to it; nil makes a key frame.
    func prepare(_ source: PixelSource, reference: PixelSource?) throws(CodecError) {
        try encoder.prepare(
            source, reference: reference, profile: profile, acceleration: 1, checksum: false)
    }

    /// Encodes what was prepared.
    func finish(on workers: WorkerPool) throws(CodecError) {
        if encoder.parts > 0 { workers.run(encoder, parts: encoder.parts) }
        try encoder.finish()
    }

    /// - Parameter reference: the decoded frame before, packed; nil for a key frame.
    func begin(
        layout: FrameLayout, payloadSize: Int, target: UnsafeMutableRawPointer, reference: UnsafeRawPointer?
    ) throws(CodecError) {
        let plan = StripPlan(layout: layout, rowsPerStrip: encoder.rowsPerStrip)
        try decoder.begin(
            plan: plan, profile: profile, payloadSize: payloadSize, target: target, reference: reference)
    }

    func decode(on workers: WorkerPool) throws(CodecError) {
        try decoder.decode(profile: profile, on: workers)
    }
}
