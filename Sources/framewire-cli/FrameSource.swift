import Buffers
import Framewire
import PictureFiles

/// Where `framewire send` takes frames from.
protocol FrameSource {
    /// The last frame that was sent.
    var info: FrameInfo? { get }

    /// Reads the next frame and queues it. False behind the last.
    mutating func send(to sender: Sender, timing: (pts: Int64, duration: Int64)?) throws -> Bool

    /// Starts again with the first frame.
    mutating func rewind() throws
}

/// Files of pictures.
struct SeriesSource: FrameSource {
    private var series: PictureSeries
    private(set) var info: FrameInfo?

    init(_ series: PictureSeries) {
        self.series = series
    }

    mutating func send(to sender: Sender, timing: (pts: Int64, duration: Int64)?) throws -> Bool {
        guard var picture = try series.read() else { return false }
        picture.info.pts = timing?.pts
        picture.info.duration = timing?.duration
        info = picture.info
        var failure: FramewireError?
        try picture.withView { view in
            do throws(FramewireError) {
                try sender.push(view.info, pixels: view.bytes)
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return true
    }

    mutating func rewind() {
        series.rewind()
    }
}

/// Raw frames back to back, read straight into the sender's memory.
struct RawSource: FrameSource {
    private let file: InputFile
    private let template: FrameInfo
    private let frameBytes: Int
    private var count = 0
    private(set) var info: FrameInfo?

    /// - Throws: ``PictureError``, or ``Failure`` when a file is no whole number of frames.
    init(_ path: String, _ info: FrameInfo) throws {
        template = info
        do {
            frameBytes = try FrameLayout(info).size
        } catch {
            throw Failure(message: error.message, isUsage: true)
        }
        file = try InputFile(path: path)
        if let size = file.size, size == 0 || size % frameBytes != 0 {
            throw Failure(
                message: "\(file.name) has \(size) bytes, which is no whole number of frames of"
                    + " \(info.width) × \(info.height) \(info.format.name) (\(frameBytes) bytes each)")
        }
    }

    mutating func send(to sender: Sender, timing: (pts: Int64, duration: Int64)?) throws -> Bool {
        var info = template
        info.pts = timing?.pts
        info.duration = timing?.duration
        let frame = try sender.acquire(info)
        let got = try frame.withUnsafeMutableBytes { bytes in try file.read(bytes) }
        if got == 0 { return false }
        guard got == frameBytes else {
            throw Failure(
                message:
                    "\(file.name) ends inside frame \(count): \(got) of its \(frameBytes) bytes are there")
        }
        try sender.submit(frame)
        count += 1
        self.info = info
        return true
    }

    mutating func rewind() throws {
        try file.rewind()
    }
}
