import Buffers
import CPosix

/// One stream of bytes: a connected socket, a regular file, or a pipe.
///
/// Sockets and pipes never wait: ``write(_:)`` and ``read(_:)`` say that they would have to, and the caller
/// waits with a ``PollSet``. Regular files are written completely and are always ready.
///
/// One thread at a time may write, another may read meanwhile; with TLS one thread does both. ``close()`` is for when neither is under way;
/// ``shutdown()`` from any thread makes both end.
package final class Connection: @unchecked Sendable {
    // Unchecked: the counters have one writer each, by the rule above, and the rest does not change before
    // `close`.

    /// What a descriptor is, as far as reading and writing differ.
    enum Channel: UInt8 {
        case socket
        case regularFile
        /// A pipe, a terminal or a device.
        case pipe
    }

    /// The descriptor for a ``PollSet``; −1 once closed.
    package private(set) var descriptor: Int32
    /// Whether this is a file, or a pipe opened as one: nothing ever comes back on it.
    package let isFile: Bool
    /// The other side as a URL, for messages.
    package let peerName: String
    /// Bytes written and read so far.
    package private(set) var bytesWritten: UInt64 = 0
    package private(set) var bytesRead: UInt64 = 0
    let channel: Channel

    var tls: TLSSession?

    /// Takes a descriptor over, and closes it in the end. A socket or a pipe must be non-blocking.
    package init(descriptor: Int32, isFile: Bool, name: String) {
        self.descriptor = descriptor
        self.isFile = isFile
        peerName = name
        var channel = isFile ? Channel.regularFile : Channel.socket
        if let status = try? System.status(descriptor) {
            switch status.kind {
            case .socket: channel = .socket
            case .regular, .directory: channel = .regularFile
            case .pipe, .other: channel = .pipe
            }
        }
        self.channel = channel
    }

    deinit {
        close()
    }

    /// Whether the other side is on this machine, as far as addresses tell.
    package var isLocal: Bool {
        guard let peer = try? System.peerAddress(descriptor) else { return false }
        if peer.isLoopback { return true }
        guard let own = try? System.localAddress(descriptor) else { return false }
        return own.isSameHost(as: peer)
    }

    /// Two connected ends (`socketpair`).
    package static func pair() throws(TransportError) -> (Connection, Connection) {
        do throws(Errno) {
            let (first, second) = try System.socketPair()
            return (
                Connection(descriptor: first, isFile: false, name: "pair:first"),
                Connection(descriptor: second, isFile: false, name: "pair:second")
            )
        } catch {
            throw TransportError(error, doing: "cannot create a pair of sockets", fallback: .connection)
        }
    }

    /// Writes the bytes of `vectors`, in order and without copying them together; any number of vectors.
    ///
    /// With TLS a write that would have had to wait must be repeated with the same bytes in the same vectors; more
    /// may follow them.
    ///
    /// - Returns: how many bytes were taken, which may be fewer than there are; 0 when it would have to wait.
    ///   A regular file takes all of them.
    /// - Throws: kind `closed` when the other side is gone, `connection`, or `io` for a file.
    package func write(_ vectors: UnsafeBufferPointer<iovec>) throws(TransportError) -> Int {
        if let tls {
            let count = try tls.write(vectors)
            bytesWritten += UInt64(count)
            return count
        }
        var total = 0
        var start = 0
        while start < vectors.count {
            let count = min(vectors.count - start, System.maxVectors)
            let part = UnsafeBufferPointer(rebasing: vectors[start..<(start + count)])
            let written: Int
            do throws(Errno) {
                written = try writeOnce(part)
            } catch {
                // What was taken counts; the failure is still there at the next call. A file must say it now.
                if channel != .regularFile, total > 0 || error.isWouldBlock { return total }
                throw writeError(error)
            }
            total += written
            bytesWritten += UInt64(written)
            var index = 0
            var rest = written
            while index < count, rest >= part[index].iov_len {
                rest -= part[index].iov_len
                index += 1
            }
            if index < count {
                guard channel == .regularFile else { return total }
                let left = part[index].iov_len - rest
                try writeRest(part[index].iov_base.map { $0 + rest }, left)
                total += left
                index += 1
            }
            start += index
        }
        return total
    }

    /// Writes bytes that lie together. As ``write(_:)-(UnsafeBufferPointer<iovec>)``.
    package func write(_ bytes: UnsafeRawBufferPointer) throws(TransportError) -> Int {
        var vector = iovec(
            iov_base: UnsafeMutableRawPointer(mutating: bytes.baseAddress), iov_len: bytes.count)
        return try withUnsafePointer(to: &vector) { (pointer) throws(TransportError) in
            try write(UnsafeBufferPointer(start: pointer, count: 1))
        }
    }

    @inline(__always)
    private func writeOnce(_ vectors: UnsafeBufferPointer<iovec>) throws(Errno) -> Int {
        switch channel {
        case .socket: try System.send(descriptor, vectors)
        case .regularFile: try System.write(descriptor, vectors)
        case .pipe: try System.writeToPipe(descriptor, vectors)
        }
    }

    /// The rest of a vector that a regular file took in part, as it does just before the disk is full.
    private func writeRest(_ base: UnsafeMutableRawPointer?, _ count: Int) throws(TransportError) {
        var done = 0
        while done < count {
            var vector = iovec(iov_base: base.map { $0 + done }, iov_len: count - done)
            do throws(Errno) {
                let written = try withUnsafePointer(to: &vector) { (pointer) throws(Errno) in
                    try System.write(descriptor, UnsafeBufferPointer(start: pointer, count: 1))
                }
                if written == 0 { throw Errno(code: EIO) }
                done += written
                bytesWritten += UInt64(written)
            } catch {
                throw writeError(error)
            }
        }
    }

    /// Reads into `vectors`, which have room for at least one byte, as far as there are bytes now.
    ///
    /// - Returns: how many bytes came; 0 at the end of the stream, −1 when it would have to wait.
    /// - Throws: kind `connection` when the stream broke, or `io` for a file.
    package func read(_ vectors: UnsafeBufferPointer<iovec>) throws(TransportError) -> Int {
        if let tls {
            let count = try tls.read(vectors)
            if count > 0 { bytesRead += UInt64(count) }
            return count
        }
        let part = UnsafeBufferPointer(rebasing: vectors.prefix(System.maxVectors))
        do throws(Errno) {
            let count = try System.read(descriptor, part)
            if count == 0, channel != .regularFile || part.allSatisfy({ $0.iov_len == 0 }) {
                return isAtEnd(part) ? 0 : -1
            }
            bytesRead += UInt64(count)
            return count
        } catch {
            if error.isWouldBlock { return -1 }
            throw readError(error)
        }
    }

    /// Reads into bytes that lie together. As ``read(_:)-(UnsafeBufferPointer<iovec>)``.
    package func read(_ bytes: UnsafeMutableRawBufferPointer) throws(TransportError) -> Int {
        var vector = iovec(iov_base: bytes.baseAddress, iov_len: bytes.count)
        return try withUnsafePointer(to: &vector) { (pointer) throws(TransportError) in
            try read(UnsafeBufferPointer(start: pointer, count: 1))
        }
    }

    /// Whether a read of 0 bytes means the end: not when nothing was asked for, nor for a named pipe that no
    /// writer has opened yet, which does not report a hang-up.
    private func isAtEnd(_ vectors: UnsafeBufferPointer<iovec>) -> Bool {
        if vectors.allSatisfy({ $0.iov_len == 0 }) { return false }
        guard channel == .pipe, bytesRead == 0 else { return true }
        var set = PollSet()
        let place = set.add(descriptor, .readable)
        return ((try? set.wait(until: 0)) ?? true) && set.isReady(place)
    }

    /// The bytes that were written and that the other side's system has not confirmed (TCP) or its program
    /// not read (Unix sockets, with what the system adds for its own use); 0 for files.
    package var unsentBytes: Int {
        guard channel == .socket, descriptor >= 0 else { return 0 }
        return (try? System.unsentBytes(descriptor)) ?? 0
    }

    /// How long ago the other side's system has confirmed anything, also that it has no room, in nanoseconds; nil where
    /// that is not known.
    package var silence: Int64? {
        guard channel == .socket, descriptor >= 0 else { return nil }
        return System.silence(descriptor)
    }

    /// Ends the stream in our direction; the other side reads its end once it has read all before. No effect
    /// on files.
    package func shutdownWrite() {
        guard channel == .socket, descriptor >= 0 else { return }
        _ = tls?.endWriting()
        endDirection()
    }

    func endDirection() {
        try? System.shutdown(descriptor, how: Int32(SHUT_WR))
    }

    /// Ends both directions at once: every wait for this connection, on any thread, comes back. No effect on
    /// files.
    package func shutdown() {
        guard channel == .socket, descriptor >= 0 else { return }
        try? System.shutdown(descriptor, how: Int32(SHUT_RDWR))
    }

    /// Closes the descriptor; a second call does nothing.
    package func close() {
        guard descriptor >= 0 else { return }
        tls = nil
        System.close(descriptor)
        descriptor = -1
    }
}
