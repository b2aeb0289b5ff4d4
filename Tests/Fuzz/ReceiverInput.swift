import Buffers
import CPosix
import Codec
import Framewire
import Wire

/// A whole stream for a receiver; see ``FuzzStream``.
package struct ReceiverInput {
    /// The largest picture.
    private static let maximumBytes = 128 << 10

    private enum Choices {
        /// Checksums of pictures are verified.
        static let verified: UInt8 = 2
        /// Payloads are put where they belong instead of being fed.
        static let direct: UInt8 = 4
    }

    private let stream: FuzzStream

    /// Nil when there are too few bytes.
    package init?(_ bytes: UnsafeRawBufferPointer) {
        guard let stream = FuzzStream(bytes) else { return nil }
        self.stream = stream
    }

    private struct Shown: Equatable {
        var info: FrameInfo
        var pixels: UInt64
        var metadata: Int
    }

    private struct Reading: Equatable {
        var frames: [Shown] = []
        var others = 0
        var failure: String?
        var contradiction: String?
    }

    /// Decodes the stream.
    ///
    /// The pieces it comes in must make no difference, nor what was in memory before; no frame may be larger
    /// than the limits, and none may stay behind.
    package func run() -> FuzzOutcome {
        let whole = read(direct: false, nil)
        if let contradiction = whole.contradiction { return .contradiction(contradiction) }
        let chopped = read(direct: stream.choices & Choices.direct != 0, stream.chopping)
        if let contradiction = chopped.contradiction { return .contradiction(contradiction) }
        guard whole == chopped else {
            return .contradiction("the pieces make a difference: \(whole) and \(chopped)")
        }
        return whole.frames.isEmpty ? .refused : .picture
    }

    private func read(direct: Bool, _ chopping: Chopping?) -> Reading {
        var reading = Reading()
        let limits = Limits(
            maxWidth: 2048, maxHeight: 2048, maxFrameBytes: Self.maximumBytes, maxMetadataBytes: 4096)
        let bench = StreamDecoderBench(
            limits: limits, verifyChecksums: stream.choices & Choices.verified != 0)
        do throws(FramewireError) {
            try stream.forEachPiece(chopping) { (piece) throws(FramewireError) in
                try feed(piece, to: bench.decoder, direct: direct, &reading)
                return true
            }
            try bench.decoder.finish()
        } catch {
            reading.failure = error.message
        }
        if reading.contradiction == nil, let left = bench.framesLeftBehind {
            reading.contradiction = "\(left) frames are still in use"
        }
        return reading
    }

    private func feed(
        _ piece: UnsafeRawBufferPointer, to decoder: StreamDecoder, direct: Bool, _ reading: inout Reading
    ) throws(FramewireError) {
        var done = 0
        while done < piece.count {
            var used = 0
            let event: StreamDecoder.Event
            let room = decoder.destination
            if direct, !room.isEmpty {
                used = min(room.count, piece.count - done)
                room.copyMemory(from: UnsafeRawBufferPointer(rebasing: piece[done..<done + used]))
                event = try decoder.commit(used)
            } else {
                event = try decoder.feed(UnsafeRawBufferPointer(rebasing: piece[done...]), used: &used)
            }
            done += used
            switch event {
            case .needMore: break
            case .frame(let slot, _): take(slot, &reading)
            default: reading.others += 1
            }
        }
    }

    private func take(_ slot: FrameSlot, _ reading: inout Reading) {
        defer { slot.drop() }
        if slot.layout.packedSize > Self.maximumBytes {
            reading.contradiction = "a frame of \(slot.layout.packedSize) bytes"
        }
        let pixels = (try? slot.source.checksum()) ?? 0
        reading.frames.append(
            Shown(info: slot.info, pixels: pixels, metadata: slot.metadata.encodedSize))
    }
}

/// A decoder with what it needs, to be looked at when it is gone.
private final class StreamDecoderBench {
    private let pool: FramePool
    private var held: StreamDecoder?

    init(limits: Limits, verifyChecksums: Bool) {
        let pool = FramePool(capacity: 16)
        self.pool = pool
        held = StreamDecoder(
            limits: limits, workers: WorkerPool(workers: 1, callerWorks: true), pool: pool,
            verifyChecksums: verifyChecksums)
    }

    var decoder: StreamDecoder { held! }

    /// Lets the decoder go and counts the frames that nobody can want any more.
    var framesLeftBehind: Int? {
        held = nil
        return pool.outstanding == 0 ? nil : pool.outstanding
    }
}
