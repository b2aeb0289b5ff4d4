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
    private var frames: RawFrames

    init(_ frames: RawFrames) {
        self.frames = frames
    }

    mutating func next(for sender: Sender, timing: (pts: Int64, duration: Int64)?) throws -> Frame? {
        var info = frames.info
        info.pts = timing?.pts
        info.duration = timing?.duration
        let frame = try sender.acquire(info)
        let isThere = try frame.withUnsafeMutableBytes { bytes in try frames.read(bytes) }
        return isThere ? frame : nil
    }

    mutating func rewind() throws {
        try frames.rewind()
    }
}
