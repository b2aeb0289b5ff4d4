import ArgumentParser
import Buffers
import Framewire
import PictureFiles

/// `framewire send`.
struct Send: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Sends raw frames or a series of pictures.",
        discussion: """
            INPUT is a raw file (NAME_1280x720_rgba8.raw says its own geometry, .raw.zst is expanded), - for raw frames on standard input, a \
            picture, or a series of BMP, PNG or PPM files such as frames/%05d.bmp, which begins at 0 or 1 and ends at the \
            first number that is missing.
            """)

    @Argument(help: "A raw file, -, a picture or a numbered series.")
    var input: String

    @Argument(help: "tcp://host:3000, tcp://:3000?listen=1, tls://…, unix:///path or file:///path.")
    var url: String

    @Option(help: ArgumentHelp("Width and height of raw frames.", valueName: "WxH"))
    var size: SizeArgument?

    @Option(help: ArgumentHelp("Pixel format of raw frames, such as rgba8.", valueName: "FORMAT"))
    var format: FormatArgument?

    @Option(help: ArgumentHelp("Frames per second; by default as fast as they are taken.", valueName: "FPS"))
    var rate: Rate?

    @Flag(help: "The first row of raw frames is the bottom of the picture, as glReadPixels gives it.")
    var bottomUp = false

    @OptionGroup var sending: SendingOptions

    func run() throws {
        Interruption.install()
        var source = try makeSource()
        var session = try SendSession(url: url, options: sending)
        try session.run { session in
            var pass = 0
            while !Interruption.isRequested, sending.loop == 0 || pass < sending.loop {
                if pass > 0 { try source.rewind() }
                while !Interruption.isRequested {
                    if let rate { session.pause(until: rate.time(of: session.count)) }
                    if Interruption.isRequested { break }
                    let timing = timing(session.count)
                    guard let frame = try source.next(for: session.sender, timing: timing) else { break }
                    try session.submit(frame)
                }
                pass += 1
            }
        }
    }

    /// Presentation time and duration of a frame; none when no rate is known.
    private func timing(_ index: Int) -> (pts: Int64, duration: Int64)? {
        rate.map { ($0.time(of: index), $0.time(of: index + 1) - $0.time(of: index)) }
    }

    private func makeSource() throws -> any FrameSource {
        let isStandardInput = input.utf8.elementsEqual("-".utf8)
        if !isStandardInput, size == nil, PictureSeries.isPicture(input) {
            guard format == nil, !bottomUp else {
                throw Failure(
                    message: "--format and --bottom-up are for raw frames; a picture says both", isUsage: true
                )
            }
            return SeriesSource(try PictureSeries(input))
        }
        let frames = try RawFrames(
            input, size: size, format: format, rowOrder: bottomUp ? .bottomUp : .topDown)
        guard !isStandardInput || sending.loop == 1 else {
            throw Failure(message: "standard input cannot be played again; leave out --loop", isUsage: true)
        }
        return RawSource(frames)
    }
}
