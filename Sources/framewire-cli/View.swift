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

    @OptionGroup var receiving: ReceivingOptions

    @Flag(help: "Print a summary as JSON at the end.")
    var json = false

    func validate() throws {
        guard frames.map({ $0 > 0 }) ?? true else { throw ValidationError("--frames is 1 or more") }
        guard screenshot.map({ PictureFormat.ofFile($0) != nil }) ?? true else {
            throw ValidationError("--screenshot ends in .png, .bmp, .ppm, .y4m or .raw")
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
    var isRecording: Bool { receiving.url.hasPrefix("file:") }

    func makeReceiver(_ onConnection: @escaping ConnectionHandler) throws -> Receiver {
        try receiving.makeReceiver(onConnection) { options in
            options.overflow = isRecording ? .block : .dropOldest
            // Room for a frame of each of several streams; all that wait are fetched at once.
            options.queueDepth = isRecording ? 2 : 4
            if !receiving.once { options.reconnect = .always }
        }
    }
}
