import Buffers
import CPosix

/// Measures all coders on one sequence.
struct BenchRun {
    private static let progressInterval: Int64 = 100_000_000
    /// Frames that every coder takes before the first pass, so that its memory and threads are there.
    private static let warmUpFrames = 2

    private let sequence: BenchSequence
    private let coders: [any BenchCoder]
    private var totals: [BenchResult]
    private var progressTime: Int64 = 0

    init(_ sequence: BenchSequence, _ coders: [any BenchCoder]) {
        self.sequence = sequence
        self.coders = coders
        totals = coders.map { BenchResult(codec: $0.name, threads: $0.threads) }
    }

    /// Codes all frames `passes` times with every coder.
    ///
    /// - Throws: ``Failure`` that names sequence, codec and frame when a coder fails or what it decodes differs.
    mutating func measure(passes: Int) throws -> [BenchResult] {
        defer { if progressTime > 0 { Terminal.clearProgress() } }
        for frame in 0..<min(BenchRun.warmUpFrames, sequence.count) {
            showProgress("warming up")
            for coder in coders.indices { _ = try code(frame, coder) }
        }
        for pass in 0..<passes {
            for index in totals.indices { totals[index].beginPass() }
            for frame in 0..<sequence.count {
                showProgress("pass \(pass + 1) of \(passes), frame \(frame + 1) of \(sequence.count)")
                for turn in coders.indices {
                    // Each codec is first in its turn: the first one finds the frame in no cache.
                    let coder = (turn + frame + pass) % coders.count
                    totals[coder].add(try code(frame, coder))
                }
            }
            for index in totals.indices {
                totals[index].endPass(rawBytes: sequence.layout.packedSize * sequence.count)
            }
        }
        let reference = totals.first { $0.codec == BenchResult.reference }
        for index in totals.indices { totals[index].relate(to: reference) }
        return totals
    }

    private func code(_ index: Int, _ coder: Int) throws -> BenchSample {
        let coder = coders[coder]
        let place = "\(sequence.name): frame \(index) with \(coder.name), threads \(coder.threads),"
        let sample: BenchSample
        do {
            sample = try coder.code(index, of: sequence)
        } catch {
            throw Failure(message: "\(place) fails: \(error.message)")
        }
        if let decoded = sample.decoded, !isEqual(sequence.frame(index), decoded) {
            throw Failure(message: "\(place) decodes to other pixels than were encoded")
        }
        return sample
    }

    private func isEqual(_ frame: UnsafeRawPointer, _ decoded: BenchSample.Decoded) -> Bool {
        let layout = sequence.layout
        switch decoded {
        case .asSource(let bytes): return memcmp(frame, bytes, layout.size) == 0
        case .packed(let bytes):
            if layout.isPacked { return memcmp(frame, bytes, layout.size) == 0 }
            for index in 0..<layout.planeCount {
                let plane = layout[plane: index]
                for row in 0..<plane.rows {
                    let original = frame + layout.offset(ofRow: row, plane: index)
                    let found = bytes + plane.packedOffset + row * plane.rowBytes
                    if memcmp(original, found, plane.rowBytes) != 0 { return false }
                }
            }
            return true
        }
    }

    private mutating func showProgress(_ text: String) {
        guard Terminal.isInteractive else { return }
        let now = Clock.now()
        guard now - progressTime >= BenchRun.progressInterval else { return }
        progressTime = now
        Terminal.showProgress("\(sequence.name): \(text)")
    }
}
