import Buffers
import CPosix
import Codec
import Framewire
import Wire

/// Bytes of a whole stream for a receiver as a fuzzer writes them: two that choose, then the stream.
///
/// | byte | |
/// |---|---|
/// | 0 | ``Choices`` |
/// | 1 | in which pieces the stream comes |
package struct ReceiverInput {
    package static let headerSize = 2
    /// The largest picture.
    package static let maximumBytes = 128 << 10

    package struct Choices: OptionSet {
        package let rawValue: UInt8

        package init(rawValue: UInt8) {
            self.rawValue = rawValue
        }

        /// Checksums and sizes of messages are put right.
        package static let repaired = Choices(rawValue: 1)
        /// Checksums of pictures are verified.
        package static let verified = Choices(rawValue: 2)
        /// Payloads are put where they belong instead of being fed.
        package static let direct = Choices(rawValue: 4)
    }

    private let choices: Choices
    private let chopping: UInt8
    private var stream: [UInt8]

    /// Nil when there are too few bytes.
    package init?(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count >= Self.headerSize else { return nil }
        choices = Choices(rawValue: bytes[0])
        chopping = bytes[1]
        stream = Array(bytes[Self.headerSize...])
        if choices.contains(.repaired) { StreamRepair.repair(&stream) }
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
        let chopped = read(direct: choices.contains(.direct), Chopping(chopping))
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
        let bench = StreamDecoderBench(limits: limits, verifyChecksums: choices.contains(.verified))
        do throws(FramewireError) {
            var pieces = chopping
            var start = 0
            while start < stream.count {
                let end = start + min(pieces?.next() ?? .max, stream.count - start)
                // An array has room behind its elements; this has not.
                let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: end - start, alignment: 1)
                defer { piece.deallocate() }
                piece.copyBytes(from: stream[start..<end])
                try feed(UnsafeRawBufferPointer(piece), to: bench.decoder, direct: direct, &reading)
                start = end
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
