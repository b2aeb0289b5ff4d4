import Buffers

/// Reads one picture after another from files numbered from 0 or 1, up to the first number that is missing, or a single file.
///
/// Each file is of the kind that its first bytes say: BMP, PNG, PPM or PGM.
package struct PictureSeries {
    private let pattern: NumberedName?
    private let path: String
    private let first: Int
    private var next: Int

    /// - Parameter path: A file, or a pattern with `%05d`.
    /// - Throws: ``PictureError`` when there is no file to begin with.
    package init(_ path: String) throws(PictureError) {
        self.path = path
        pattern = try NumberedName(path)
        if let pattern {
            guard let start = [0, 1].first(where: { InputFile.exists(pattern.name($0)) }) else {
                throw PictureError(
                    .io,
                    "there is neither \(pattern.name(0)) nor \(pattern.name(1)): a series begins at 0 or 1")
            }
            first = start
        } else {
            first = 0
        }
        next = first
    }

    /// The next picture, or nil behind the last.
    ///
    /// - Throws: ``PictureError`` that names the file.
    package mutating func read() throws(PictureError) -> Picture? {
        let name: String
        if let pattern {
            name = pattern.name(next)
            guard InputFile.exists(name) else { return nil }
        } else {
            guard next == 0 else { return nil }
            name = NumberedName.literal(path)
        }
        next += 1
        let bytes = try InputFile.contents(name)
        do throws(PictureError) {
            return try PictureSeries.decode(bytes)
        } catch {
            throw PictureError(error.kind, "\(name): \(error.message)")
        }
    }

    /// Starts again with the first picture.
    package mutating func rewind() {
        next = first
    }

    /// Whether the name of a file says that it is a picture of a kind read here.
    package static func isPicture(_ path: String) -> Bool {
        let name = path.lowercased()
        return [".bmp", ".dib", ".png", ".ppm", ".pgm", ".pnm"].contains { name.hasSuffix($0) }
    }

    static func decode(_ bytes: [UInt8]) throws(PictureError) -> Picture {
        if bytes.starts(with: [0x42, 0x4D]) { return try BMPFile.decode(bytes) }
        if bytes.starts(with: [0x89, 0x50, 0x4E, 0x47]) { return try PNGFile.decode(bytes) }
        if bytes.starts(with: [0x50]) { return try PPMFile.decode(bytes) }
        throw PictureError(
            .unsupported, "neither BMP, PNG nor binary PPM; for raw pixels give --size and --format")
    }
}
