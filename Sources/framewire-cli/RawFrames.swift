import Buffers
import PictureFiles

/// A file of raw frames back to back, without a header.
struct RawFrames {
    let info: FrameInfo
    let layout: FrameLayout
    private let file: InputFile
    private var count = 0

    /// - Parameters:
    ///   - path: a file, or `-` for standard input.
    ///   - size: where the name of the file does not say it, or says something else.
    ///   - format: likewise.
    /// - Throws: ``PictureError``, or ``Failure`` when size and format are not known, or a file is no whole number of frames.
    init(_ path: String, size: SizeArgument?, format: FormatArgument?, rowOrder: RowOrder) throws {
        let isStandardInput = path.utf8.elementsEqual("-".utf8)
        let named = isStandardInput ? nil : Geometry.ofFile(path)
        guard let width = size?.width ?? named?.width, let height = size?.height ?? named?.height,
            let format = format?.format ?? named?.format
        else {
            let what = isStandardInput ? "standard input" : "'\(path)'"
            throw Failure(
                message: "\(what) does not say what its frames are; give --size WxH and --format",
                isUsage: true)
        }
        info = FrameInfo(width: width, height: height, format: format, rowOrder: rowOrder)
        do {
            layout = try FrameLayout(info)
        } catch {
            throw Failure(message: error.message, isUsage: true)
        }
        file = try InputFile(path: path)
        if let size = file.size, size == 0 || size % layout.size != 0 {
            throw Failure(
                message: "\(file.name) has \(size) bytes, which is no whole number of frames of"
                    + " \(width) × \(height) \(format.name) (\(layout.size) bytes each)")
        }
    }

    /// Reads the next frame.
    ///
    /// - Parameter bytes: as many as the layout has.
    /// - Returns: False when there is none behind the last.
    /// - Throws: ``PictureError``, or ``Failure`` when the file ends inside a frame.
    mutating func read(_ bytes: UnsafeMutableRawBufferPointer) throws -> Bool {
        let got = try file.read(bytes)
        if got == 0 { return false }
        guard got == bytes.count else {
            throw Failure(
                message:
                    "\(file.name) ends inside frame \(count): \(got) of its \(bytes.count) bytes are there")
        }
        count += 1
        return true
    }

    /// Goes back to the first frame.
    mutating func rewind() throws {
        try file.rewind()
    }
}
