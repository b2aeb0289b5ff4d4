import CPosix

/// Reads bytes from a file of the user's; one whose name ends in `.zst` is expanded on the way. One thread at a time.
package final class InputFile {
    private let descriptor: Int32
    package let name: String
    private var file: UnsafeMutablePointer<FILE>?
    private var expander: ZstdExpander?

    /// Opens the file at `path`; `-` is standard input.
    package init(path: String) throws(PictureError) {
        if path.utf8.elementsEqual("-".utf8) {
            (descriptor, name) = (0, "standard input")
            return
        }
        name = path
        guard let file = fopen(path, "rbe") else { throw .system("open", path, fwp_errno()) }
        self.file = file
        descriptor = fileno(file)
        if InputFile.isCompressed(path) { expander = try ZstdExpander(name: path) }
    }

    /// Whether the name of a file says that zstd compressed it.
    static func isCompressed(_ path: String) -> Bool {
        path.utf8.suffix(4).elementsEqual(".zst".utf8)
    }

    deinit {
        if let file { fclose(file) }
    }

    /// Fills `buffer`, waiting as long as it takes.
    ///
    /// - Returns: How many bytes there were; fewer than asked for at the end of the file only.
    package func read(_ buffer: UnsafeMutableRawBufferPointer) throws(PictureError) -> Int {
        guard let expander else { return try readStored(buffer) }
        return try expander.read(buffer) { input throws(PictureError) in try readStored(input) }
    }

    /// As ``read(_:)``, the bytes as they are in the file.
    private func readStored(_ buffer: UnsafeMutableRawBufferPointer) throws(PictureError) -> Int {
        var count = 0
        while count < buffer.count {
            let got = CPosix.read(descriptor, buffer.baseAddress! + count, buffer.count - count)
            if got == 0 { break }
            if got < 0 {
                let code = fwp_errno()
                if code == EINTR { continue }
                if code == EAGAIN {
                    var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
                    _ = poll(&entry, 1, -1)
                    continue
                }
                throw .system("read", name, code)
            }
            count += got
        }
        return count
    }

    /// Goes back to the first byte.
    package func rewind() throws(PictureError) {
        if lseek(descriptor, 0, SEEK_SET) != 0 { throw .system("go back to the start of", name, fwp_errno()) }
        expander?.restart()
    }

    /// The bytes that can be read from the first on, or nil where that is not known, as for a pipe or a compressed file.
    package var size: Int? {
        guard expander == nil else { return nil }
        var status = stat()
        guard fstat(descriptor, &status) == 0, isRegular(status) else { return nil }
        return Int(status.st_size)
    }

    /// Everything in the file at `path`, at most `limit` bytes.
    package static func contents(
        _ path: String, limit: Int = Picture.maximumBytes
    ) throws(PictureError) -> [UInt8] {
        let file = try InputFile(path: path)
        var bytes: [UInt8] = []
        // One byte more than there should be shows the end of the file at the first attempt.
        var step = min(file.size ?? 1 << 16, limit) + 1
        while true {
            guard bytes.count <= limit else {
                throw PictureError(
                    .unsupported, "\(path) is larger than \(limit) bytes, the limit for one picture")
            }
            var failure: PictureError?
            let more = [UInt8](unsafeUninitializedCapacity: step) { memory, count in
                do throws(PictureError) {
                    count = try file.read(UnsafeMutableRawBufferPointer(memory))
                } catch {
                    failure = error
                    count = 0
                }
            }
            if let failure { throw failure }
            if bytes.isEmpty { bytes = more } else { bytes += more }
            if more.count < step { return bytes }
            step = min(step * 2, 1 << 24)
        }
    }

    /// Whether there is something at `path`.
    package static func exists(_ path: String) -> Bool {
        access(path, F_OK) == 0
    }
}
