import Buffers

/// A picture that was read from a file.
package struct Picture: Sendable {
    /// Geometry and format; row order and stride are those of the file where they can be expressed, so that nothing is copied.
    package var info: FrameInfo
    /// The bytes of the file or of the decoded pixels.
    package var bytes: [UInt8]
    /// Where in ``bytes`` the picture's first row in memory begins.
    package var offset: Int

    package init(info: FrameInfo, bytes: [UInt8], offset: Int = 0) {
        self.info = info
        self.bytes = bytes
        self.offset = offset
    }

    /// The largest picture that is read, in bytes: what a few bytes of a hostile file can make us allocate.
    static let maximumBytes = 1 << 30

    /// Gives `body` the pixels: the bytes that ``info`` describes and no more.
    package func withView<R>(_ body: (PictureView) throws(PictureError) -> R) throws(PictureError) -> R {
        try bytes.withUnsafeBytesTyped { whole throws(PictureError) in
            try body(PictureView(info, UnsafeRawBufferPointer(rebasing: whole[offset...])))
        }
    }
}

/// Borrowed pixels with their description; valid as long as the memory is.
package struct PictureView {
    package let info: FrameInfo
    package let layout: FrameLayout
    /// From the first to the last byte of the picture in memory.
    package let bytes: UnsafeRawBufferPointer

    /// - Throws: ``PictureError`` when the description makes no sense or needs more than `bytes`.
    package init(_ info: FrameInfo, _ bytes: UnsafeRawBufferPointer) throws(PictureError) {
        self.info = info
        do {
            layout = try FrameLayout(info)
        } catch {
            throw PictureError(.invalid, error.message)
        }
        guard bytes.count >= layout.size else {
            throw PictureError(.invalid, "the picture needs \(layout.size) bytes and has \(bytes.count)")
        }
        self.bytes = UnsafeRawBufferPointer(rebasing: bytes[..<layout.size])
    }

    /// The pixels of row `y`, counted from the top of the picture, without padding.
    package func row(_ y: Int, plane: Int = 0) -> UnsafeRawBufferPointer {
        let start = layout.offset(ofRow: y, plane: plane)
        return UnsafeRawBufferPointer(rebasing: bytes[start..<start + layout[plane: plane].rowBytes])
    }
}

extension [UInt8] {
    /// As `withUnsafeBytes`, with typed errors.
    func withUnsafeBytesTyped<R, E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> R) throws(E) -> R {
        // Typed throws do not pass through `withUnsafeBytes`, so the outcome travels as a value.
        let outcome: Result<R, E> = withUnsafeBytes { bytes in
            do throws(E) {
                return .success(try body(bytes))
            } catch {
                return .failure(error)
            }
        }
        return try outcome.get()
    }
}
