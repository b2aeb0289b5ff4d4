import Buffers
import Framewire
import PictureFiles

/// Where `framewire send` takes frames from.
protocol FrameSource {
    /// Reads the next frame into memory of `sender`'s. Nil behind the last.
    mutating func next(for sender: Sender, timing: (pts: Int64, duration: Int64)?) throws -> Frame?

    /// Starts again with the first frame.
    mutating func rewind() throws
}

/// Files of pictures.
struct SeriesSource: FrameSource {
    private var series: PictureSeries

    init(_ series: PictureSeries) {
        self.series = series
    }

    mutating func next(for sender: Sender, timing: (pts: Int64, duration: Int64)?) throws -> Frame? {
        guard var picture = try series.read() else { return nil }
        picture.info.pts = timing?.pts
        picture.info.duration = timing?.duration
        let frame = try sender.acquire(picture.info)
        try picture.withView { view in
            frame.withUnsafeMutableBytes { $0.copyMemory(from: view.bytes) }
        }
        return frame
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

    mutating func next(for sender: Sender, timing: (pts: Int64, duration: Int64)?) throws -> Frame? {
        var info = template
        info.pts = timing?.pts
        info.duration = timing?.duration
        let frame = try sender.acquire(info)
        let got = try frame.withUnsafeMutableBytes { bytes throws(PictureError) in try file.read(bytes) }
        if got == 0 { return nil }
        guard got == frameBytes else {
            throw Failure(
                message:
                    "\(file.name) ends inside frame \(count): \(got) of its \(frameBytes) bytes are there")
        }
        count += 1
        return frame
    }

    mutating func rewind() throws {
        try file.rewind()
    }
}
