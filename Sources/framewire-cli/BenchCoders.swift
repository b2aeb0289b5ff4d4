import Buffers
import CLZ4Frame
import CPosix

/// Something that is measured, one frame at a time. It keeps its memory from frame to frame.
protocol BenchCoder: AnyObject {
    /// Its name in the table.
    var name: String { get }
    var threads: Int { get }

    /// Encodes frame `index` and decodes it again. Frames come in order; with frame 0 a pass begins, and nothing before counts.
    ///
    /// - Throws: ``Failure`` with the reason alone; the caller says where.
    func code(_ index: Int, of sequence: BenchSequence) throws(Failure) -> BenchSample
}

/// What one frame gave.
struct BenchSample {
    /// Nanoseconds.
    var encodeTime: Int64
    /// Nanoseconds; nil when there is nothing to decode.
    var decodeTime: Int64?
    /// Size of the encoded frame; nil when there is none.
    var byteCount: Int?
    /// The decoded frame, valid until the next one is coded.
    var decoded: Decoded?

    enum Decoded {
        /// Laid out as the source is.
        case asSource(UnsafeRawPointer)
        /// Packed and top-down.
        case packed(UnsafeRawPointer)
    }
}

/// Copies the frame to other memory, which is "encoded", and from there to a third place.
final class CopyCoder: BenchCoder {
    let name = "memcpy"
    let threads = 1
    private let size: Int
    private let there = RawBlock(isFilled: true)
    private let back = RawBlock(isFilled: true)

    init(_ layout: FrameLayout) throws(Failure) {
        size = layout.size
        try Failure.inMemory(name) { () throws(BufferError) in
            try there.reserve(size)
            try back.reserve(size)
        }
    }

    func code(_ index: Int, of sequence: BenchSequence) -> BenchSample {
        let frame = sequence.frame(index)
        let start = Clock.now()
        memcpy(there.base!, frame, size)
        let middle = Clock.now()
        memcpy(back.base!, there.base!, size)
        let end = Clock.now()
        return BenchSample(
            encodeTime: middle - start, decodeTime: end - middle, byteCount: size,
            decoded: .asSource(back.base!))
    }
}

/// Compares the frame with a copy of it: the limit of an encoder that finds a picture unchanged.
final class CompareCoder: BenchCoder {
    let name = "memcmp"
    let threads = 1
    private let size: Int
    private let copy = RawBlock(isFilled: true)
    /// Which frame is in `copy`.
    private var copied = -1

    init(_ layout: FrameLayout) throws(Failure) {
        size = layout.size
        try Failure.inMemory(name) { () throws(BufferError) in try copy.reserve(size) }
    }

    func code(_ index: Int, of sequence: BenchSequence) throws(Failure) -> BenchSample {
        let frame = sequence.frame(index)
        if copied != index { memcpy(copy.base!, frame, size) }
        let start = Clock.now()
        let difference = memcmp(copy.base!, frame, size)
        let end = Clock.now()
        guard difference == 0 else { throw Failure(message: "a copy differs from its original") }
        // The copy is as old then as the frame before is for an encoder, and not in a cache because it is new.
        copied = (index + 1) % sequence.count
        memcpy(copy.base!, sequence.frame(copied), size)
        return BenchSample(encodeTime: end - start)
    }
}

/// liblz4 on the whole frame, as the lz4 tool does it.
final class ReferenceCoder: BenchCoder {
    let name = BenchResult.reference
    let threads = 1
    private let size: Int
    private let encoded = RawBlock()
    private let decoded = RawBlock(isFilled: true)
    private var preferences = LZ4F_preferences_t()
    private var context: OpaquePointer?

    init(_ layout: FrameLayout) throws(Failure) {
        size = layout.size
        preferences.frameInfo.blockSizeID = LZ4F_max4MB
        preferences.frameInfo.blockMode = LZ4F_blockIndependent
        preferences.frameInfo.contentSize = UInt64(size)
        preferences.compressionLevel = 1
        try Failure.inMemory(name) { () throws(BufferError) in
            try encoded.reserve(LZ4F_compressFrameBound(size, &preferences))
            try decoded.reserve(size)
        }
        try check(LZ4F_createDecompressionContext(&context, UInt32(LZ4F_VERSION)))
    }

    deinit {
        LZ4F_freeDecompressionContext(context)
    }

    func code(_ index: Int, of sequence: BenchSequence) throws(Failure) -> BenchSample {
        let frame = sequence.frame(index)
        let start = Clock.now()
        let count = LZ4F_compressFrame(encoded.base!, encoded.capacity, frame, size, &preferences)
        let middle = Clock.now()
        try check(count)
        let decodeStart = Clock.now()
        try decode(count)
        return BenchSample(
            encodeTime: middle - start, decodeTime: Clock.now() - decodeStart, byteCount: count,
            decoded: .asSource(decoded.base!))
    }

    private func decode(_ count: Int) throws(Failure) {
        var taken = 0
        var made = 0
        while taken < count {
            var input = count - taken
            var output = size - made
            try check(
                LZ4F_decompress(
                    context, decoded.base! + made, &output, encoded.base! + taken, &input, nil))
            guard input > 0 || output > 0 else { throw Failure(message: "decoding stands still") }
            taken += input
            made += output
        }
        guard made == size else { throw Failure(message: "\(made) of \(size) bytes were decoded") }
    }

    private func check(_ code: Int) throws(Failure) {
        if LZ4F_isError(code) != 0 { throw Failure(message: String(cString: LZ4F_getErrorName(code))) }
    }
}
