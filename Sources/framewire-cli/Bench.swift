import ArgumentParser
import Buffers
import Codec

/// `framewire bench`.
struct Bench: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measures the library on this machine.",
        subcommands: [BenchCodec.self, BenchTune.self])
}

/// `framewire bench codec`.
struct BenchCodec: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "codec",
        abstract: "Measures the codecs on your own frames, beside liblz4, memcpy and memcmp.",
        discussion: """
            Each FILE is a sequence: raw frames (NAME_1920x1080_rgba8.raw says its own geometry, .raw.zst is expanded), a \
            picture, or a numbered series such as frames/%05d.png. Its frames are read into memory first.

            In each pass every codec takes each frame in turn, so that a busy machine slows all alike: trust the multiples \
            (×) of liblz4 more than MB/s, which are a million bytes of pixels a second, the median of the passes. The spread \
            is (largest − smallest) / median. Every decoded frame is compared with what was encoded.

            memcpy copies frames there and back; memcmp compares equal ones. liblz4 is LZ4F_compressFrame at level 1 with \
            independent blocks of 4 MiB, what the lz4 tool does. The profiles are the library's. tile and huffman refer \
            to the frame before, tile-key never does. Bytes are those of the payload, without the message's header.

            Encoding is timed from the pixels as they lie in memory to the pieces for a gather write. Decoding begins with \
            the payload in the decoder's memory, where receiving puts it. Profile raw computes nothing, so its figures are \
            those of copying the payload out and in.
            """)

    @Argument(help: "Raw frames, pictures or numbered series.")
    var files: [String]

    @Option(help: ArgumentHelp("Width and height of raw frames.", valueName: "WxH"))
    var size: SizeArgument?

    @Option(help: ArgumentHelp("Pixel format of raw frames, such as rgba8.", valueName: "FORMAT"))
    var format: FormatArgument?

    @Option(
        help: "How the rows of raw frames lie: top-down, or bottom-up as glReadPixels gives them.")
    var rowOrder: RowOrderArgument?

    @Option(
        help: ArgumentHelp(
            "Measure with N threads beside one, 1 to 64; by default one for each processor.", valueName: "N"))
    var threads: Int?

    @Option(help: ArgumentHelp("Read at most N frames of each file.", valueName: "N"))
    var frames = 24

    @Option(help: ArgumentHelp("Passes over each sequence.", valueName: "N"))
    var `repeat` = 5

    @Option(
        help: ArgumentHelp(
            "Measure these, separated by commas: \(BenchProfile.allNames). By default all.",
            valueName: "PROFILES"))
    var profiles: ProfileList?

    @Flag(help: "Print a JSON object for each sequence, codec and number of threads, one on each line.")
    var json = false

    func validate() throws {
        guard frames >= 1 else { throw ValidationError("--frames is a number of frames, 1 or more") }
        guard (1...1000).contains(`repeat`) else { throw ValidationError("--repeat is 1 to 1000") }
        guard threads.map({ (1...64).contains($0) }) ?? true else {
            throw ValidationError("--threads is 1 to 64")
        }
    }

    func run() throws {
        for (index, file) in files.enumerated() {
            let sequence = try BenchSequence(
                file, size: size, format: format, rowOrder: rowOrder?.rowOrder, limit: frames)
            var run = BenchRun(sequence, try coders(for: sequence))
            let results = try run.measure(passes: `repeat`)
            if json {
                Terminal.output(results.map { $0.jsonLine(sequence) }.joined())
            } else {
                let title = BenchResult.title(sequence, passes: `repeat`)
                Terminal.output((index > 0 ? "\n" : "") + title + BenchResult.table(results))
            }
        }
    }

    private func coders(for sequence: BenchSequence) throws -> [any BenchCoder] {
        let most = threads ?? min(64, WorkerPool.processors)
        var coders: [any BenchCoder] = [
            try CopyCoder(sequence.layout), try CompareCoder(sequence.layout),
            try ReferenceCoder(sequence.layout),
        ]
        for profile in profiles?.profiles ?? BenchProfile.allCases {
            // There is nothing for a second thread to do in profile raw.
            for count in profile == .raw || most == 1 ? [1] : [1, most] {
                coders.append(try ProfileCoder(profile, sequence.info, threads: count))
            }
        }
        return coders
    }
}

/// What `--profiles` knows.
enum BenchProfile: String, CaseIterable {
    case raw, lz4, tile
    /// Profile tile with each frame as a key frame.
    case tileKey = "tile-key"

    case huffman

    /// The library's profile.
    var profile: Profile {
        switch self {
        case .raw: .raw
        case .lz4: .lz4
        case .tile, .tileKey: .tile
        case .huffman: .huffman
        }
    }

    static var allNames: String { allCases.map(\.rawValue).joined(separator: ", ") }
}

/// Names of profiles, separated by commas.
struct ProfileList: ExpressibleByArgument {
    let profiles: [BenchProfile]

    init?(argument: String) {
        var profiles: [BenchProfile] = []
        for name in argument.split(separator: ",", omittingEmptySubsequences: false) {
            guard let profile = BenchProfile(rawValue: String(name)) else { return nil }
            if !profiles.contains(profile) { profiles.append(profile) }
        }
        self.profiles = profiles
    }
}

/// `--row-order`.
enum RowOrderArgument: String, CaseIterable, ExpressibleByArgument {
    case topDown = "top-down"
    case bottomUp = "bottom-up"

    var rowOrder: RowOrder { self == .topDown ? .topDown : .bottomUp }
}
