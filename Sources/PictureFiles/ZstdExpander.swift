import CZstd

/// Expands what zstd compressed while it is read. One thread at a time.
final class ZstdExpander {
    /// The largest window that libzstd takes: `zstd --long=31`, 2 GiB. By itself it stops at 128 MiB.
    private static let largestWindow: Int32 = 31

    private let name: String
    private let context: OpaquePointer
    private let input: UnsafeMutableRawBufferPointer
    /// How many bytes are in `input`, and how many of them have been taken.
    private var available = 0
    private var taken = 0
    /// Whether a zstd frame has begun and not ended: the file must not end here.
    private var isInsideFrame = false

    /// - Parameter name: of the file, for errors.
    /// - Throws: ``PictureError`` when there is no memory.
    init(name: String) throws(PictureError) {
        guard let context = ZSTD_createDCtx() else { throw PictureError(.io, "no memory for libzstd") }
        self.name = name
        self.context = context
        input = .allocate(byteCount: ZSTD_DStreamInSize(), alignment: 16)
        _ = ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, ZstdExpander.largestWindow)
    }

    deinit {
        ZSTD_freeDCtx(context)
        input.deallocate()
    }

    /// Fills `buffer` with expanded bytes; `readStored` fills what it is given from the file.
    ///
    /// - Returns: How many bytes there were; fewer than asked for at the end of the file only.
    /// - Throws: ``PictureError`` when the file is damaged or ends too soon, and what `readStored` throws.
    func read(
        _ buffer: UnsafeMutableRawBufferPointer,
        _ readStored: (UnsafeMutableRawBufferPointer) throws(PictureError) -> Int
    ) throws(PictureError) -> Int {
        var output = ZSTD_outBuffer(dst: buffer.baseAddress, size: buffer.count, pos: 0)
        while output.pos < output.size {
            let before = output.pos
            // Between frames there is nothing to be had without input.
            if taken < available || isInsideFrame { try expand(into: &output) }
            if taken < available || output.pos > before { continue }
            available = try readStored(input)
            taken = 0
            if available == 0 { break }
        }
        if output.pos < output.size, isInsideFrame {
            throw PictureError(.invalid, "\(name) ends inside its compressed data; it is cut short")
        }
        return output.pos
    }

    private func expand(into output: inout ZSTD_outBuffer) throws(PictureError) {
        var source = ZSTD_inBuffer(src: input.baseAddress, size: available, pos: taken)
        let left = ZSTD_decompressStream(context, &output, &source)
        taken = source.pos
        guard ZSTD_isError(left) == 0 else {
            let reason = String(cString: ZSTD_getErrorName(left))
            throw PictureError(.invalid, "\(name) is no valid zstd file: \(reason)")
        }
        isInsideFrame = left != 0
    }

    /// Begins again; the next bytes that are read are the file's first.
    func restart() {
        _ = ZSTD_DCtx_reset(context, ZSTD_reset_session_only)
        (available, taken) = (0, 0)
        isInsideFrame = false
    }
}
