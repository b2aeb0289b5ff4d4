import Buffers
import PictureFiles

/// The frames of one input in memory, all of one size and format.
final class BenchSequence {
    let name: String
    let info: FrameInfo
    let layout: FrameLayout
    private let frames: [RawBlock]

    /// - Parameters:
    ///   - path: raw frames, a picture or a numbered series.
    ///   - limit: how many frames are read at most.
    /// - Throws: ``PictureError``, or ``Failure`` when there are no frames or they differ in size or format.
    init(
        _ path: String, size: SizeArgument?, format: FormatArgument?, rowOrder: RowOrder?, limit: Int
    ) throws {
        name = Geometry.ofFile(path).flatMap { $0.name.isEmpty ? nil : $0.name } ?? baseName(path)
        if size == nil, PictureSeries.isPicture(path) {
            guard format == nil, rowOrder == nil else {
                throw Failure(
                    message: "--format and --row-order are for raw frames; the picture \(path) says both",
                    isUsage: true)
            }
            let pictures = try BenchSequence.pictures(path, limit)
            (info, frames) = pictures
            layout = try Failure.inMemory(path) { () throws(BufferError) in try FrameLayout(pictures.0) }
        } else {
            var raw = try RawFrames(path, size: size, format: format, rowOrder: rowOrder ?? .topDown)
            (info, layout) = (raw.info, raw.layout)
            frames = try BenchSequence.rawFrames(&raw, limit, path)
        }
        guard !frames.isEmpty else { throw Failure(message: "there is no frame in \(path)") }
    }

    var count: Int { frames.count }

    /// Frame `index` as it lies in memory: as many bytes as ``layout`` has.
    func frame(_ index: Int) -> UnsafeRawPointer {
        // Each block has been reserved.
        UnsafeRawPointer(frames[index].base!)
    }

    private static func rawFrames(_ raw: inout RawFrames, _ limit: Int, _ path: String) throws -> [RawBlock] {
        var frames: [RawBlock] = []
        while frames.count < limit {
            let block = try makeBlock(raw.layout.size, path)
            let bytes = UnsafeMutableRawBufferPointer(start: block.base, count: raw.layout.size)
            guard try raw.read(bytes) else { break }
            frames.append(block)
        }
        return frames
    }

    private static func pictures(_ path: String, _ limit: Int) throws -> (FrameInfo, [RawBlock]) {
        var series = try PictureSeries(path)
        var info: FrameInfo?
        var frames: [RawBlock] = []
        while frames.count < limit, let picture = try series.read() {
            if let info, info != picture.info {
                throw Failure(
                    message: "picture \(frames.count) of \(path) is \(describe(picture.info)), the first is"
                        + " \(describe(info)); a sequence has one size and format")
            }
            info = picture.info
            let size = try picture.withView { $0.bytes.count }
            let block = try makeBlock(size, path)
            try picture.withView { block.base!.copyMemory(from: $0.bytes.baseAddress!, byteCount: size) }
            frames.append(block)
        }
        guard let info else { throw Failure(message: "there is no frame in \(path)") }
        return (info, frames)
    }

    private static func makeBlock(_ size: Int, _ path: String) throws -> RawBlock {
        let block = RawBlock(isFilled: true)
        try Failure.inMemory(path) { () throws(BufferError) in try block.reserve(size) }
        return block
    }
}

/// Such as `1920 × 1080 rgba8`.
func describe(_ info: FrameInfo) -> String {
    let rows = info.rowOrder == .bottomUp ? " bottom-up" : ""
    return "\(info.width) × \(info.height) \(info.format.name)\(rows)"
}

/// The last part of a path.
private func baseName(_ path: String) -> String {
    path.split(separator: "/").last.map(String.init) ?? path
}

extension Failure {
    /// Runs `body`; an error says that it happened with `name`.
    static func inMemory<R>(_ name: String, _ body: () throws(BufferError) -> R) throws(Failure) -> R {
        do throws(BufferError) {
            return try body()
        } catch {
            throw Failure(message: "\(name): \(error.message)")
        }
    }
}
