import Buffers

/// YUV4MPEG2, which players and encoders read from a pipe. Only what it holds without loss is written: `i420`, `nv12` (its chroma
/// planes pulled apart) and `r8`.
///
/// Source: the format description of the mjpegtools manual page yuv4mpeg(5).
package enum Y4MFile {
    /// The header of a stream of pictures like `info`, with a line feed at its end. `frameRate` is a fraction.
    ///
    /// - Throws: ``PictureError`` for every other format.
    package static func header(
        _ info: FrameInfo, frameRate: (Int, Int) = (30, 1)
    ) throws(PictureError) -> String {
        let chroma: String
        switch info.format {
        case .i420, .nv12: chroma = "420jpeg"
        case .r8: chroma = "mono"
        default: throw .cannotHold("Y4M", info.format, "use --format raw, ppm or png")
        }
        let range =
            switch info.color.range {
            case 1: " XCOLORRANGE=FULL"
            case 2: " XCOLORRANGE=LIMITED"
            default: ""
            }
        return
            "YUV4MPEG2 W\(info.width) H\(info.height) F\(frameRate.0):\(frameRate.1) Ip A1:1 C\(chroma)\(range)\n"
    }

    /// The fraction of frames per second that a frame's duration in nanoseconds comes to; 30 where there is none.
    package static func frameRate(duration: Int64?) -> (Int, Int) {
        guard let duration, duration > 0 else { return (30, 1) }
        // Durations are rounded to nanoseconds; whole rates and those of NTSC are meant exactly.
        let second = 1_000_000_000
        let rate = (second + Int(duration) / 2) / Int(duration)
        if rate > 0, abs(second / rate - Int(duration)) <= 1 { return (rate, 1) }
        let slow = (second + Int(duration) / 2) * 1001 / Int(duration) / 1000
        for whole in [slow, slow + 1] where whole > 0 {
            if abs(second * 1001 / (whole * 1000) - Int(duration)) <= 1 { return (whole * 1000, 1001) }
        }
        return (second, Int(duration))
    }

    /// Replaces `file` by one frame of the stream, its `FRAME` line included.
    package static func encode(_ view: PictureView, into file: inout [UInt8]) {
        file.removeAll(keepingCapacity: true)
        file.reserveCapacity(view.layout.packedSize + 6)
        file += "FRAME\n".utf8
        for y in 0..<view.info.height { file += view.row(y) }
        if view.info.format == .nv12 {
            for component in 0...1 {
                for y in 0..<view.layout[plane: 1].rows {
                    let row = view.row(y, plane: 1)
                    for x in stride(from: component, to: row.count, by: 2) { file.append(row[x]) }
                }
            }
        } else {
            for plane in 1..<max(1, view.layout.planeCount) {
                for y in 0..<view.layout[plane: plane].rows { file += view.row(y, plane: plane) }
            }
        }
    }
}
