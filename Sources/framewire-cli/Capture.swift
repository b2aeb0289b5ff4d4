import ArgumentParser
import CPosix
import Framewire
import PictureFiles

/// `framewire capture`.
struct Capture: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Runs a program and sends what it draws with OpenGL or OpenGL ES.",
        discussion: """
            framewire capture --to tcp://media-server:3000 -- ./renderer --its-own-arguments

            The program needs no change: a library that is preloaded captures each frame before the program's buffers are swapped by \
            GLX or EGL, which is what SDL, GLFW, Qt and others do. Each window, of each context that draws into it, is a stream of its \
            own. The program takes the place of this command: its output, signals and exit code are its own. While there is no \
            receiver nothing is read, and the program runs as it would alone.

            Programs that it starts are captured too, each by a connection of its own. Not captured are what is not of this \
            processor's word size or statically linked, programs with more rights than their user (setuid), and Vulkan.
            Exit codes of the command itself: 126 the program cannot be run, 127 it is not there; 1 and 2 as of the other commands.
            """)

    @Option(help: ArgumentHelp("Where frames go; a receiver, or a file.", valueName: "URL"))
    var to = "tcp://127.0.0.1:3000"

    @Option(help: "How frames are coded: auto, raw, lz4 or tile.")
    var profile: ProfileArgument = .auto

    @Option(
        help:
            "When the receiver cannot keep up: drop-oldest, drop-newest, or block, which slows the program down. By default drop-oldest, and block for a file."
    )
    var policy: PolicyArgument?

    @Option(
        help: ArgumentHelp(
            "Capture at most FPS frames per second of each window, and leave the others out.",
            valueName: "FPS"))
    var fps: Rate?

    @Flag(help: "Let the program wait with its first frame until there is a receiver.")
    var wait = false

    @Flag(help: "Say on standard error what is connected and how each window was captured.")
    var verbose = false

    @OptionGroup var tls: TLSArguments

    @Argument(parsing: .captureForPassthrough, help: "The program and its arguments.")
    var command: [String]

    func validate() throws {
        guard fps.map({ (1e-3...1e6).contains($0.framesPerSecond) }) ?? true else {
            throw ValidationError("--fps is 0.001 to 1000000 frames per second")
        }
    }

    func run() throws {
        let words = command.first == "--" ? Array(command.dropFirst()) : command
        guard let program = words.first else {
            throw Failure(message: "which program? Put it behind --, with its arguments", isUsage: true)
        }
        // What is no option of this command is taken for the program's name.
        if program.hasPrefix("-"), command.first != "--" {
            if ["-h", "--help"].contains(program) { throw CleanExit.helpRequest(self) }
            throw Failure(
                message: "there is no option \(program); the program and its options stand behind --",
                isUsage: true)
        }
        try Sender.check(url: to)
        let library = try CaptureLibrary.find()
        try ProgramFile.check(program)
        set("URL", to)
        set("PROFILE", profile == .auto ? nil : profile.rawValue)
        set("POLICY", policy?.rawValue)
        set("FPS", fps.map { "\($0.framesPerSecond)" })
        set("WAIT", wait ? "1" : nil)
        set("VERBOSE", verbose ? "1" : nil)
        set("TLS_CERT", tls.tlsCert.map(absolutePath))
        set("TLS_KEY", tls.tlsKey.map(absolutePath))
        set("TLS_CA", tls.tlsCa.map(absolutePath))
        set("TLS_PINS", tls.tlsPin.isEmpty ? nil : tls.tlsPin.joined(separator: ","))
        set("TLS_REQUIRE_CLIENT_CERT", tls.tlsRequireClientCert ? "1" : nil)
        let others = getenv("LD_PRELOAD").map { String(cString: $0) } ?? ""
        setenv("LD_PRELOAD", others.isEmpty ? library : "\(library):\(others)", 1)
        throw execute(words)
    }

    private func set(_ name: String, _ value: String?) {
        if let value {
            setenv("FRAMEWIRE_CAPTURE_\(name)", value, 1)
        } else {
            unsetenv("FRAMEWIRE_CAPTURE_\(name)")
        }
    }

    /// Replaces this process by the program.
    ///
    /// - Returns: why that cannot be done.
    private func execute(_ words: [String]) -> Failure {
        var arguments = words.map { strdup($0) }
        arguments.append(nil)
        execvp(words[0], arguments)
        let code = fwp_errno()
        var text = [CChar](repeating: 0, count: 256)
        let reason = String(cString: fwp_strerror(code, &text, text.count))
        return Failure(message: "cannot run \(words[0]): \(reason)", exitCode: code == ENOENT ? 127 : 126)
    }
}

/// `path` from the root on, since the program may go to another folder before it draws.
func absolutePath(_ path: String) -> String {
    guard !path.hasPrefix("/"), let folder = getcwd(nil, 0) else { return path }
    defer { free(folder) }
    return String(cString: folder) + "/" + path
}
