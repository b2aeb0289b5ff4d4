import CPosix

/// Writes bytes to a file of the user's. One thread at a time.
package final class OutputFile {
    private let descriptor: Int32
    private let name: String
    private var file: UnsafeMutablePointer<FILE>?
    /// Bytes that belong to what was written completely.
    private var committed: Int = 0
    private var written: Int = 0
    private let isRegular: Bool

    /// Creates or empties the file at `path`; `-` is standard output.
    package init(path: String) throws(PictureError) {
        if path.utf8.elementsEqual("-".utf8) {
            (descriptor, name) = (1, "standard output")
            isRegular = false
            return
        }
        name = path
        guard let file = fopen(path, "wbe") else { throw .system("create", path, fwp_errno()) }
        self.file = file
        descriptor = fileno(file)
        var status = stat()
        isRegular = fstat(descriptor, &status) == 0 && PictureFiles.isRegular(status)
    }

    deinit {
        if let file { fclose(file) }
    }

    /// Writes all of `bytes`. When that fails, a regular file is cut back to the last ``commit()``.
    package func write(_ bytes: UnsafeRawBufferPointer) throws(PictureError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = UnsafeRawBufferPointer(rebasing: rest).withMemoryRebound(to: UInt8.self) {
                CPosix.write(descriptor, $0.baseAddress, $0.count)
            }
            if count < 0 {
                let code = fwp_errno()
                if code == EINTR { continue }
                if code == EAGAIN {
                    // Somebody made our standard output non-blocking; wait until it takes more.
                    var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                    _ = poll(&entry, 1, -1)
                    continue
                }
                if isRegular, written > committed { _ = ftruncate(descriptor, committed) }
                throw .system("write to", name, code)
            }
            rest = rest.dropFirst(count)
            written += count
        }
    }

    package func write(_ text: String) throws(PictureError) {
        try Array(text.utf8).withUnsafeBytesTyped { bytes throws(PictureError) in try write(bytes) }
    }

    /// What was written so far is whole: it stays when a later write fails.
    package func commit() {
        committed = written
    }

    /// Closes the file and reports what the system has kept back until now.
    package func close() throws(PictureError) {
        guard let file else { return }
        self.file = nil
        if fclose(file) != 0 { throw .system("write to", name, fwp_errno()) }
    }

    /// Writes a whole file so that a reader sees the old content or the new one and never a part: under a temporary name in the
    /// same folder, which then takes the place of `path`. A device or a pipe is written to as it is.
    package static func replace(_ path: String, _ bytes: UnsafeRawBufferPointer) throws(PictureError) {
        var status = stat()
        if stat(path, &status) == 0, !PictureFiles.isRegular(status) {
            let file = try OutputFile(path: path)
            try file.write(bytes)
            return try file.close()
        }
        let temporary = path + ".part\(getpid())"
        do throws(PictureError) {
            let file = try OutputFile(path: temporary)
            try file.write(bytes)
            try file.close()
        } catch {
            unlink(temporary)
            // The user knows the name that was asked for, not ours.
            throw PictureError(.io, error.message.replacing(temporary, with: path))
        }
        if rename(temporary, path) != 0 {
            let code = fwp_errno()
            unlink(temporary)
            throw .system("create", path, code)
        }
    }

    package static func replace(_ path: String, _ text: String) throws(PictureError) {
        try Array(text.utf8).withUnsafeBytesTyped { bytes throws(PictureError) in try replace(path, bytes) }
    }
}

func isRegular(_ status: stat) -> Bool {
    status.st_mode & mode_t(S_IFMT) == mode_t(S_IFREG)
}
