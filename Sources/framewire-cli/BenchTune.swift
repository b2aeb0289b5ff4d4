import ArgumentParser
import Buffers
import CPosix
import Codec
import Glibc

/// `framewire bench tune`.
struct BenchTune: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tune",
        abstract: "Looks for the constants of the tile codec's choices that suit your frames.",
        discussion: """
            Starting from the constants of this build, each is changed in turn to smaller and larger values. What counts is the \
            mean over all FILES of ln(size) + WEIGHT × ln(time), of encoding the frames with references and then as key frames; \
            a change of more than 0.1 % is kept. One thread; the time is the shortest of three, but on a busy machine choose a \
            small weight. The constants live in Sources/Codec/TileChoice.swift: they change size and speed, not the format.
            """)

    @Argument(help: "Raw frames, pictures or numbered series, as for bench codec.")
    var files: [String]

    @Option(help: ArgumentHelp("Frames of each file.", valueName: "COUNT"))
    var frames = 4

    @Option(help: "What encoding time counts for beside size.")
    var weight = 0.2

    mutating func validate() throws {
        guard frames >= 1 else { throw ValidationError("--frames must be 1 or more") }
        guard weight >= 0 else { throw ValidationError("--weight must be 0 or more") }
    }

    /// A constant and the values that make sense.
    private struct Knob {
        let name: String
        let path: WritableKeyPath<TileConstants, Int>
        let range: ClosedRange<Int>
    }

    private static var knobs: [Knob] {
        [
            Knob(name: "bitsOfMissedLane", path: \.bitsOfMissedLane, range: 1...64),
            Knob(name: "bitsOfTexture", path: \.bitsOfTexture, range: 0...128),
            Knob(name: "sixteenthsOfMatchedLane", path: \.sixteenthsOfMatchedLane, range: 0...64),
            Knob(name: "sixteenthsOfReference", path: \.sixteenthsOfReference, range: 0...64),
            Knob(name: "flatSideBytes", path: \.flatSideBytes, range: 0...128),
            Knob(name: "flatPackedShare", path: \.flatPackedShare, range: 1...64),
        ]
    }

    mutating func run() throws {
        let sequences = try files.map {
            try BenchSequence($0, size: nil, format: nil, rowOrder: nil, limit: frames)
        }
        var best = TileConstants.standard
        var table = Table([.left, .right, .right, .right, .left])
        table.addRow(["constant", "value", "size", "time", ""])
        var improved = true
        while improved {
            improved = false
            for knob in Self.knobs {
                for value in Self.neighbours(of: best[keyPath: knob.path], in: knob.range) {
                    Terminal.showProgress("\(knob.name) = \(value)")
                    var constants = best
                    constants[keyPath: knob.path] = value
                    // Both in turn, so that a busy machine slows both.
                    let (old, found) = try costs(best, constants, sequences)
                    let change = Self.change(from: old, to: found)
                    let isBetter = change.size + weight * change.time < -0.001
                    table.addRow([
                        knob.name, String(value), Self.percent(change.size), Self.percent(change.time),
                        isBetter ? "kept" : "",
                    ])
                    if isBetter {
                        best = constants
                        improved = true
                    }
                }
            }
        }
        Terminal.clearProgress()
        print(table.text)
        for knob in Self.knobs { print("package var \(knob.name) = \(best[keyPath: knob.path])") }
    }

    private static func neighbours(of value: Int, in range: ClosedRange<Int>) -> [Int] {
        var values: [Int] = []
        for candidate in [value / 2, value * 3 / 4, value - 1, value + 1, value * 4 / 3, value * 2]
        where range.contains(candidate) && candidate != value && !values.contains(candidate) {
            values.append(candidate)
        }
        return values
    }

    private typealias Cost = (bytes: Double, time: Double)

    private func costs(
        _ first: TileConstants, _ second: TileConstants, _ sequences: [BenchSequence]
    ) throws -> ([Cost], [Cost]) {
        let encoders = [TuneEncoder(first), TuneEncoder(second)]
        var results: [[Cost]] = [[], []]
        for sequence in sequences {
            var costs = try encoders.map { try $0.run(sequence) }
            for _ in 0..<2 {
                for index in 0..<2 {
                    costs[index].time = min(costs[index].time, try encoders[index].run(sequence).time)
                }
            }
            for index in 0..<2 { results[index].append(costs[index]) }
        }
        return (results[0], results[1])
    }

    /// The mean of the logarithms of what sizes and times are multiplied with.
    private static func change(from old: [Cost], to new: [Cost]) -> (size: Double, time: Double) {
        var size = 0.0
        var time = 0.0
        for (before, after) in zip(old, new) {
            size += log(after.bytes / before.bytes)
            time += log(after.time / before.time)
        }
        return (size / Double(old.count), time / Double(old.count))
    }

    private static func percent(_ logarithm: Double) -> String {
        let value = (exp(logarithm) - 1) * 100
        return (value < 0 ? "−" : "+") + decimal(abs(value), 2) + " %"
    }
}

/// Encodes sequences with some constants, on one thread.
private final class TuneEncoder {
    private let encoder = FrameEncoder(workers: 1)
    private let workers = WorkerPool(workers: 1, callerWorks: true)

    init(_ constants: TileConstants) {
        encoder.constants = constants
    }

    /// Encodes the frames against each other and then each alone.
    func run(_ sequence: BenchSequence) throws -> (bytes: Double, time: Double) {
        var bytes = 0
        let start = Clock.now()
        for isTemporal in [true, false] {
            for index in 0..<sequence.count {
                bytes += try encode(index, against: isTemporal && index > 0 ? index - 1 : nil, sequence)
            }
        }
        return (Double(bytes), Double(Clock.now() - start))
    }

    private func encode(_ index: Int, against reference: Int?, _ sequence: BenchSequence) throws -> Int {
        let size = sequence.layout.size
        let regions = [index, reference ?? index].map {
            UnsafeRawBufferPointer(start: sequence.frame($0), count: size)
        }
        return try regions.withUnsafeBufferPointer { regions in
            let sources = (0..<2).map {
                PixelSource(
                    layout: sequence.layout,
                    regions: UnsafeBufferPointer(rebasing: regions[$0..<$0 + 1]))
            }
            do throws(CodecError) {
                try encoder.prepare(
                    sources[0], reference: reference == nil ? nil : sources[1], profile: .tile,
                    acceleration: 1, checksum: false)
                workers.run(encoder, parts: encoder.parts)
                try encoder.finish()
            } catch {
                throw Failure(
                    message: "\(sequence.name): frame \(index) cannot be encoded: there is no memory")
            }
            return encoder.payloadSize
        }
    }
}
