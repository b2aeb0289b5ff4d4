import Buffers

/// The kinds of files that frames are written to.
package enum PictureFormat: String, CaseIterable, Sendable {
    case png, bmp, ppm, raw, y4m

    /// The kind that the end of a file's name says.
    package static func ofFile(_ path: String) -> PictureFormat? {
        let name = path.lowercased()
        if name.hasSuffix(".pgm") || name.hasSuffix(".pnm") { return .ppm }
        if name.hasSuffix(".dib") { return .bmp }
        return allCases.first { name.hasSuffix("." + $0.rawValue) }
    }

    /// Whether several pictures may follow each other in one file.
    package var isStream: Bool {
        self == .raw || self == .ppm || self == .y4m
    }
}

/// Writes frames to numbered files, or one behind the other to a file or standard output. One thread at a time.
package final class PictureOutput {
    private let format: PictureFormat
    private let pattern: NumberedName?
    private let path: String
    private var stream: OutputFile?
    private var number = 0
    private var scratch: [UInt8] = []
    private let png = PNGEncoder()
    private var streamInfo: FrameInfo?

    /// - Parameters:
    ///   - target: A pattern with `%05d`, a file, or `-` for standard output.
    ///   - format: Nil takes the kind from the name; standard output is then raw.
    ///   - isSinglePicture: Whether at most one frame will come, so that one PNG or BMP file is enough.
    /// - Throws: ``PictureError`` when the kind is unknown or cannot be written there, or the file cannot be made.
    package init(_ target: String, format: PictureFormat?, isSinglePicture: Bool) throws(PictureError) {
        pattern = try NumberedName(target)
        path = pattern == nil ? NumberedName.literal(target) : target
        let isStandardOutput = target.utf8.elementsEqual("-".utf8)
        guard let kind = format ?? PictureFormat.ofFile(target) ?? (isStandardOutput ? .raw : nil) else {
            throw PictureError(
                .usage, "'\(target)' does not say what to write; give --format png, bmp, ppm, raw or y4m")
        }
        self.format = kind
        guard pattern == nil else {
            if kind == .y4m {
                throw PictureError(.usage, "a Y4M file holds a whole stream; give it a name without %")
            }
            return
        }
        guard kind.isStream || isSinglePicture else {
            throw PictureError(
                .usage,
                "a \(kind.rawValue) file holds one picture; put %05d into the name, or ask for --frames 1")
        }
        if kind.isStream { stream = try OutputFile(path: path) }
    }

    /// Writes one frame. A frame that cannot be written whole leaves nothing behind.
    package func write(_ view: PictureView) throws(PictureError) {
        defer { number += 1 }
        if let stream { return try append(view, to: stream) }
        let name = pattern?.name(number) ?? path
        switch format {
        case .png:
            try png.encode(view) { bytes throws(PictureError) in try replace(name, bytes) }
            return
        case .bmp: try BMPFile.encode(view, into: &scratch)
        case .ppm: try PPMFile.encode(view, into: &scratch)
        case .raw, .y4m:
            if view.layout.isPacked { return try replace(name, view.bytes) }
            pack(view)
        }
        try scratch.withUnsafeBytesTyped { bytes throws(PictureError) in try replace(name, bytes) }
    }

    private func replace(_ name: String, _ bytes: UnsafeRawBufferPointer) throws(PictureError) {
        if name.utf8.elementsEqual("-".utf8) {
            try OutputFile(path: name).write(bytes)
        } else {
            try OutputFile.replace(name, bytes)
        }
    }

    private func append(_ view: PictureView, to stream: OutputFile) throws(PictureError) {
        if format == .raw, view.layout.isPacked {
            try stream.write(view.bytes)
            return stream.commit()
        }
        switch format {
        case .ppm: try PPMFile.encode(view, into: &scratch)
        case .y4m:
            if let first = streamInfo {
                guard first.width == view.info.width, first.height == view.info.height,
                    first.format == view.info.format
                else {
                    throw PictureError(
                        .unsupported,
                        "frame \(number) is \(view.info.width) × \(view.info.height)"
                            + " \(view.info.format.name) and the Y4M file began with \(first.width) × \(first.height)"
                            + " \(first.format.name), which cannot change; write numbered files instead")
                }
            } else {
                let rate = Y4MFile.frameRate(duration: view.info.duration)
                try stream.write(Y4MFile.header(view.info, frameRate: rate))
                streamInfo = view.info
            }
            Y4MFile.encode(view, into: &scratch)
        default: pack(view)
        }
        try scratch.withUnsafeBytesTyped { bytes throws(PictureError) in try stream.write(bytes) }
        stream.commit()
    }

    /// Gathers the rows, top-down and without padding.
    private func pack(_ view: PictureView) {
        scratch.removeAll(keepingCapacity: true)
        scratch.reserveCapacity(view.layout.packedSize)
        for plane in 0..<view.layout.planeCount {
            for y in 0..<view.layout[plane: plane].rows { scratch += view.row(y, plane: plane) }
        }
    }

    /// Closes the file.
    package func finish() throws(PictureError) {
        try stream?.close()
    }
}
