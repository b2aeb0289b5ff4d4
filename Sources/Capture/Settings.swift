import Buffers
import CPosix
import Codec
import Framewire
import Transport

/// What `framewire capture` asks for. It tells the preloaded library by the environment, which the programs that the
/// captured one starts inherit.
struct Settings {
    let url: String
    private(set) var options = Sender.Options()
    /// Nanoseconds between two captured frames of one window; 0: each is captured.
    private(set) var interval: Int64 = 0
    /// Whether the first frame waits until there is a receiver.
    let waits: Bool
    let isVerbose: Bool

    /// How long the end of the program may wait for frames to leave.
    var flushTimeout: Int64 { options.overflow == .block ? 5_000_000_000 : 1_000_000_000 }

    /// Whether there is anything to capture for. A library that is preloaded by hand does nothing without a URL.
    static let areGiven = variable("URL") != nil

    /// - Throws: ``FramewireError`` with code `invalidArgument` that names the variable.
    init() throws(FramewireError) {
        let address = variable("URL")
        url = text("URL") ?? ""
        waits = variable("WAIT") != nil
        isVerbose = variable("VERBOSE") != nil
        // Files lose nothing; a receiver does not hold the program up.
        let isFile = address.map { strncmp($0, "file:", 5) == 0 } ?? false
        options.overflow = isFile ? .block : .dropOldest
        options.reconnect = isFile ? .standard : .always
        options.blockTimeout = 2_000_000_000
        options.closeTimeout = 500_000_000
        options.profile =
            switch try choice("PROFILE", "auto", "raw", "lz4", "tile", "huffman") {
            case 1: .raw
            case 2: .lz4
            case 3: .tile
            case 4: .huffman
            default: .auto
            }
        switch try choice("POLICY", "drop-oldest", "drop-newest", "block") {
        case 0: options.overflow = .dropOldest
        case 1: options.overflow = .dropNewest
        case 2: options.overflow = .block
        default: break
        }
        if let text = variable("FPS") {
            let rate = strtod(text, nil)
            guard rate >= 1e-3, rate <= 1e6 else {
                throw FramewireError(
                    .invalidArgument,
                    "FRAMEWIRE_CAPTURE_FPS is \"\(String(text: text))\"; it is a number of frames per second")
            }
            interval = Int64(1e9 / rate)
        }
        options.tls.certificateFile = text("TLS_CERT")
        options.tls.keyFile = text("TLS_KEY")
        options.tls.authorityFile = text("TLS_CA")
        options.tls.pinList = text("TLS_PINS") ?? ""
        options.tls.requiresClientCertificate = variable("TLS_REQUIRE_CLIENT_CERT") != nil
    }
}

/// The variable FRAMEWIRE_CAPTURE_`name` of the environment, unless it is not set or empty.
private func variable(_ name: StaticString) -> UnsafePointer<CChar>? {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { room in
        strcpy(room.baseAddress!, "FRAMEWIRE_CAPTURE_")
        strcat(room.baseAddress!, UnsafeRawPointer(name.utf8Start).assumingMemoryBound(to: CChar.self))
        guard let value = getenv(room.baseAddress!), value.pointee != 0 else { return nil }
        return UnsafePointer(value)
    }
}

private func text(_ name: StaticString) -> String? { variable(name).map { String(text: $0) } }

/// Which of `names` the variable is; −1 where it is not set.
private func choice(_ name: StaticString, _ names: StaticString...) throws(FramewireError) -> Int {
    guard let value = variable(name) else { return -1 }
    for index in names.indices
    where strcmp(value, UnsafeRawPointer(names[index].utf8Start).assumingMemoryBound(to: CChar.self)) == 0 {
        return index
    }
    throw FramewireError(
        .invalidArgument,
        "FRAMEWIRE_CAPTURE_\(name) is \"\(String(text: value))\"; 'framewire capture --help' says what it can be"
    )
}
