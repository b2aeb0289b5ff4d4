import Buffers

/// What a codec achieved on a sequence, pass by pass.
struct BenchResult {
    /// The codec that the others are held against.
    static let reference = "liblz4"

    /// Megabytes of pixels a second.
    struct Speed {
        private var passes: [Double] = []

        mutating func add(bytes: Int, nanoseconds: Int64) {
            // The clock may not have moved over a picture of a few pixels.
            passes.append(Double(bytes) * 1e3 / Double(max(1, nanoseconds)))
        }

        /// Nil when nothing was measured.
        var median: Double? {
            guard !passes.isEmpty else { return nil }
            let sorted = passes.sorted()
            let middle = sorted.count / 2
            return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
        }

        /// Per cent of the median from the slowest to the fastest pass.
        var spread: Double? {
            guard let median, let least = passes.min(), let most = passes.max() else { return nil }
            return (most - least) / median * 100
        }
    }

    let codec: String
    let threads: Int
    private(set) var encode = Speed()
    private(set) var decode = Speed()
    /// Encoded bytes of the whole sequence; nil when the codec does not encode.
    private(set) var byteCount: Int?
    private(set) var ratio: Double?
    /// Multiples of what the reference achieved; nil when one of both is missing.
    private var multiples: (encode: Double?, decode: Double?, ratio: Double?)

    private var encodeTime: Int64 = 0
    private var decodeTime: Int64?

    init(codec: String, threads: Int) {
        self.codec = codec
        self.threads = threads
    }

    mutating func beginPass() {
        encodeTime = 0
        decodeTime = nil
        byteCount = nil
    }

    mutating func add(_ sample: BenchSample) {
        encodeTime += sample.encodeTime
        if let time = sample.decodeTime { decodeTime = (decodeTime ?? 0) + time }
        if let count = sample.byteCount { byteCount = (byteCount ?? 0) + count }
    }

    /// - Parameter rawBytes: pixels of the pass.
    mutating func endPass(rawBytes: Int) {
        encode.add(bytes: rawBytes, nanoseconds: encodeTime)
        if let decodeTime { decode.add(bytes: rawBytes, nanoseconds: decodeTime) }
        ratio = byteCount.map { Double(rawBytes) / Double($0) }
    }

    mutating func relate(to reference: BenchResult?) {
        func multiple(_ value: Double?, _ unit: Double?) -> Double? {
            guard let value, let unit else { return nil }
            return value / unit
        }
        multiples = (
            multiple(encode.median, reference?.encode.median),
            multiple(decode.median, reference?.decode.median), multiple(ratio, reference?.ratio)
        )
    }

    /// The object of `--json`. Every decode was compared, or there would be no result.
    func jsonLine(_ sequence: BenchSequence) -> String {
        var report = Report()
        report.add("sequence", sequence.name)
        report.add("codec", codec)
        report.add("threads", threads)
        report.add("encode_mb_s", encode.median, places: 1)
        report.add("decode_mb_s", decode.median, places: 1)
        report.add("ratio", ratio, places: 4)
        report.add("frames", sequence.count)
        report.add("bytes", byteCount)
        report.add("encode_spread", encode.spread, places: 1)
        report.add("decode_spread", decode.spread, places: 1)
        report.add("verified", true)
        return report.jsonLine
    }

    /// The line above a table.
    static func title(_ sequence: BenchSequence, passes: Int) -> String {
        let frames = sequence.count == 1 ? "1 frame" : "\(sequence.count) frames"
        let count = passes == 1 ? "1 pass" : "median of \(passes) passes"
        return "\(sequence.name): \(frames) of \(describe(sequence.info)), \(count)\n"
    }

    static func table(_ results: [BenchResult]) -> String {
        var table = Table([.left] + Array(repeating: .right, count: 10))
        table.addRow([
            "codec", "threads", "encode MB/s", "spread", "× liblz4", "decode MB/s", "spread", "× liblz4",
            "ratio",
            "× liblz4", "bytes",
        ])
        for result in results { table.addRow(result.cells) }
        return table.text
    }

    private var cells: [String] {
        func text(_ value: Double?, _ places: Int, _ unit: String = "") -> String {
            value.map { decimal($0, places) + unit } ?? "–"
        }
        return [
            codec, "\(threads)", text(encode.median, 0), text(encode.spread, 0, " %"),
            text(multiples.encode, 2), text(decode.median, 0), text(decode.spread, 0, " %"),
            text(multiples.decode, 2), text(ratio, 2), text(multiples.ratio, 2),
            byteCount.map { "\($0)" } ?? "–",
        ]
    }
}
