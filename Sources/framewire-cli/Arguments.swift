import ArgumentParser
import Buffers
import CPosix
import Framewire
import PictureFiles

/// `1280x720`.
struct SizeArgument: ExpressibleByArgument {
    let width: Int
    let height: Int

    init?(argument: String) {
        guard let size = Geometry.size(argument) else { return nil }
        (width, height) = size
    }
}

/// The name of a pixel format, such as `rgba8` or `rgba`.
struct FormatArgument: ExpressibleByArgument {
    let format: PixelFormat

    init?(argument: String) {
        guard let format = Geometry.format(argument) else { return nil }
        self.format = format
    }

    static var allValueStrings: [String] { PixelFormat.allCases.map { $0.name.description } }
}

extension PictureFormat: ExpressibleByArgument {}

/// A time in seconds, with a fraction.
struct Seconds: ExpressibleByArgument {
    let nanoseconds: Int64

    init?(argument: String) {
        guard let value = Double(argument), value >= 0, value <= 1e9 else { return nil }
        nanoseconds = Int64(value * 1e9)
    }
}

/// Frames per second, above 0.
struct Rate: ExpressibleByArgument {
    let framesPerSecond: Double

    init?(argument: String) {
        guard let value = Double(argument), value > 0, value >= 1e-6, value <= 1e9 else { return nil }
        framesPerSecond = value
    }

    /// When frame `index` is due, in nanoseconds after the first.
    func time(of index: Int) -> Int64 {
        Int64((Double(index) * 1e9 / framesPerSecond).rounded())
    }
}

/// `--profile`, as the library's ``Profile``.
enum ProfileArgument: String, CaseIterable, ExpressibleByArgument {
    case auto, raw, lz4, tile, huffman

    var profile: Profile {
        switch self {
        case .auto: .auto
        case .raw: .raw
        case .lz4: .lz4
        case .tile: .tile
        case .huffman: .huffman
        }
    }
}

/// `--policy`, as the library's ``OverflowPolicy``.
enum PolicyArgument: String, CaseIterable, ExpressibleByArgument {
    case block
    case dropOldest = "drop-oldest"
    case dropNewest = "drop-newest"

    var policy: OverflowPolicy {
        switch self {
        case .block: .block
        case .dropOldest: .dropOldest
        case .dropNewest: .dropNewest
        }
    }
}

/// What every subcommand that sends takes.
struct SendingOptions: ParsableArguments {
    @Option(
        help:
            "How frames are coded: auto, raw, lz4, tile or huffman. auto is lz4 for files and plain tools, else what is fastest."
    )
    var profile: ProfileArgument = .auto

    @Option(
        help: ArgumentHelp(
            "With tile and huffman: a key frame after N frames at the latest. By default when one is needed, in files after 60.",
            valueName: "N"))
    var keyFrameInterval: Int?

    @Option(
        help:
            "When the receiver cannot keep up: block, drop-oldest or drop-newest. A file loses nothing by default."
    )
    var policy: PolicyArgument = .block

    @Option(help: ArgumentHelp("Play the input N times; 0 is for ever.", valueName: "N"))
    var loop = 1

    @Option(help: ArgumentHelp("Compression threads, 1 to 64.", valueName: "N"))
    var threads: Int?

    @Flag(help: "Give each frame a checksum of its pixels; files always have one.")
    var checksum = false

    @Flag(help: "Keep trying until the receiver is there, and again when it has gone.")
    var wait = false

    @Option(help: ArgumentHelp("Write the port to FILE once listening (with ?listen=1).", valueName: "FILE"))
    var readyFile: String?

    @Option(
        help: ArgumentHelp(
            "Send each receiver at most FPS frames per second; others are dropped, or with block waited for.",
            valueName: "FPS"))
    var maxRate: Rate?

    @Option(
        help: ArgumentHelp(
            "Send each receiver at most so many bits per second, such as 50M.", valueName: "BITS"))
    var bitRate: BitRate?

    @Option(
        help: ArgumentHelp(
            "Give each frame a text of metadata; may be given several times.", valueName: "KEY=VALUE"))
    var metadata: [MetadataArgument] = []

    @Option(
        help: ArgumentHelp("When listening: begin when N receivers are connected.", valueName: "N"))
    var receivers: Int?

    @OptionGroup var connection: ConnectionArguments

    @OptionGroup var tls: TLSArguments

    @Flag(help: "Print the summary as JSON.")
    var json = false

    func validate() throws {
        guard maxRate.map({ $0.framesPerSecond <= 1e6 }) ?? true else {
            throw ValidationError("--max-rate is at most 1000000 frames per second")
        }
        guard receivers.map({ $0 > 0 }) ?? true else { throw ValidationError("--receivers is 1 or more") }
        guard loop >= 0 else { throw ValidationError("--loop is a number of times, 0 or more") }
        guard threads.map({ (1...64).contains($0) }) ?? true else {
            throw ValidationError("--threads is 1 to 64")
        }
        guard keyFrameInterval.map({ (1...Int(Int32.max)).contains($0) }) ?? true else {
            throw ValidationError("--key-frame-interval is 1 or more")
        }
    }

    /// How long one call of the library may wait, in nanoseconds; in between Ctrl-C is looked for.
    static let waitStep: Int64 = 100_000_000

    func makeSender(_ url: String, _ log: PeerLog) throws(FramewireError) -> Sender {
        var options = Sender.Options()
        options.profile = profile.profile
        options.overflow = policy.policy
        if let threads { options.threads = threads }
        if let keyFrameInterval { options.keyFrameInterval = keyFrameInterval }
        if checksum { options.checksum = true }
        // Frames that were on their way are lost with a connection, so going on after a loss is for those who ask for it.
        options.reconnect = wait ? .always : .never
        options.tls = tls.options
        if let maxRate { options.maxFrameRate = UInt32(max(1, (maxRate.framesPerSecond * 1000).rounded())) }
        if let bitRate { options.maxBitRate = bitRate.bitsPerSecond }
        connection.apply(to: &options)
        options.onConnection = { log.note($0) }
        options.blockTimeout = SendingOptions.waitStep
        return try Sender(to: url, options: options)
    }
}

/// Writes the port a process listens on to `file`, for a script that waits for it.
func announce(port: UInt16, in file: String?) throws(PictureError) {
    if let file { try OutputFile.replace(file, "\(port)\n") }
}

/// `name` as a URL: what has no scheme is the path of a file.
func recordingURL(_ name: String) -> String {
    if name.contains("://") { return name }
    var path = name
    if !name.hasPrefix("/"), let folder = getcwd(nil, 0) {
        defer { free(folder) }
        path = String(cString: folder) + "/" + name
    }
    // In a URL these would end the path or stand for another byte.
    return "file://"
        + path.replacing("%", with: "%25").replacing("?", with: "%3F").replacing("#", with: "%23")
}
