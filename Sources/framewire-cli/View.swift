import ArgumentParser
import Buffers
import Framewire
import PictureFiles
import Viewer

/// `framewire view`.
struct View: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows frames in a window.",
        discussion: """
            Keys: o overlay with numbers, s screenshot as a PNG file in the current folder, space pause, tab next stream, f full screen, \
            q or Esc quit. The latest frame wins: those that come faster than they can be drawn are dropped. It needs SDL 2 (package \
            libsdl2-2.0-0) and a display, and no GPU.
            """)

    @Argument(help: "tcp://:3000, tcp://host:port?connect=1, tls://…, unix:///path or file:///path.")
    var url: String

    @Option(
        help: ArgumentHelp("Show stream N alone; by default the one that comes first.", valueName: "N"))
    var stream: UInt32?

    @Flag(help: "Begin with the overlay; key o toggles it.")
    var overlay = false

    @Flag(help: "Begin in full screen; key f toggles it.")
    var fullScreen = false

    @Option(help: ArgumentHelp("Close after N frames were shown.", valueName: "N"))
    var frames: Int?

    @Option(
        help: ArgumentHelp(
            "At the end, write the frame shown last, as it was sent: png, bmp, ppm, y4m or raw by its name.",
            valueName: "FILE"))
    var screenshot: String?

    @Flag(help: "Close when the first sender leaves.")
    var once = false

    @Option(help: ArgumentHelp("Fail when no frame arrives for S seconds.", valueName: "S"))
    var timeout: Seconds?

    @Option(help: ArgumentHelp("Write the port to FILE once listening.", valueName: "FILE"))
    var readyFile: String?

    @Option(help: ArgumentHelp("Decoding threads, 1 to 64.", valueName: "N"))
    var threads: Int?

    @OptionGroup var connection: ConnectionArguments

    @OptionGroup var tls: TLSArguments

    @Flag(help: "Print a summary as JSON at the end.")
    var json = false

    func validate() throws {
        guard frames.map({ $0 > 0 }) ?? true else { throw ValidationError("--frames is 1 or more") }
        guard screenshot.map({ PictureFormat.ofFile($0) != nil }) ?? true else {
            throw ValidationError("--screenshot ends in .png, .bmp, .ppm, .y4m or .raw")
        }
        guard threads.map({ (1...64).contains($0) }) ?? true else {
            throw ValidationError("--threads is 1 to 64")
        }
    }

    func run() throws {
        Interruption.install()
        do {
            let session = try ViewSession(self)
            try session.run()
        } catch let error as WindowError {
            throw Failure(message: error.message)
        }
    }

    /// Whether the stream is a recording, which is played at its own pace and loses nothing.
    var isRecording: Bool { url.hasPrefix("file:") }

    func receiverOptions(_ onConnection: @escaping ConnectionHandler) -> Receiver.Options {
        var options = Receiver.Options()
        options.once = once
        options.tls = tls.options
        if let threads { options.threads = threads }
        connection.apply(to: &options)
        options.overflow = isRecording ? .block : .dropOldest
        // Room for a frame of each of several streams; all that wait are fetched at once.
        options.queueDepth = isRecording ? 2 : 4
        if !once { options.reconnect = .always }
        options.onConnection = onConnection
        return options
    }
}
