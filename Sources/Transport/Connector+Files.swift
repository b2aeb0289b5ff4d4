import Buffers
import CPosix

extension Connector {
    /// What a file is opened for.
    package enum FileAccess: UInt8, Sendable {
        case reading
        /// What was in the file before is lost.
        case writing
    }

    /// Opens a `file:` endpoint: a regular file, a pipe or a device such as `/dev/stdout`.
    ///
    /// - Parameters:
    ///   - timeout: how long to wait for the reader of a named pipe that is to be written, ns; negative is
    ///     without a limit. Nothing else waits.
    ///   - cancel: ends that wait when it is signalled.
    /// - Throws: kind `io`, `permission`, `timeout`, or `closed` when cancelled.
    package static func openFile(
        _ endpoint: Endpoint, for access: FileAccess, timeout: Int64 = 5_000_000_000, cancel: WakeUp? = nil
    ) throws(TransportError) -> Connection {
        let name = endpoint.address
        guard case .file(let path) = endpoint.kind else {
            throw TransportError(.address, "\(name) is no file; use file:///path")
        }
        let doing: Sentence =
            switch access {
            case .reading: "cannot open \(name) for reading"
            case .writing: "cannot open \(name) for writing"
            }
        let flags =
            switch access {
            case .reading: O_RDONLY
            case .writing: O_WRONLY | O_CREAT | O_TRUNC
            }
        let deadline = Clock.deadline(after: timeout)
        while true {
            do throws(Errno) {
                // Non-blocking matters to pipes and terminals only; it belongs to this opening, not to a
                // shared one.
                let descriptor = try System.open(path, flags: flags | O_NOCTTY | O_NONBLOCK, mode: 0o666)
                if let status = try? System.status(descriptor), case .directory = status.kind {
                    System.close(descriptor)
                    throw Errno(code: EISDIR)
                }
                return Connection(descriptor: descriptor, isFile: true, name: name)
            } catch {
                guard error.code == ENXIO else { throw failure(error, doing: doing) }
            }
            // A pipe without a reader, or something that cannot be opened at all.
            let kind = (try? System.status(of: path, followingLinks: true))??.kind
            guard case .pipe? = kind else {
                throw TransportError(
                    .io, code: ENXIO,
                    kind == .socket
                        ? "\(doing): it is a socket; use unix://" : "\(doing): there is no such device")
            }
            try pause(until: deadline, doing: doing, cancel: cancel)
        }
    }

    private static func failure(_ errno: Errno, doing: Sentence) -> TransportError {
        switch errno.code {
        case ENOENT, ENOTDIR:
            TransportError(errno, doing: doing, fallback: .io, hint: "check the path")
        case EISDIR:
            TransportError(errno, doing: doing, fallback: .io, hint: "name a file")
        default:
            TransportError(errno, doing: doing, fallback: .io)
        }
    }

    private static func pause(until deadline: Int64, doing: Sentence, cancel: WakeUp?) throws(TransportError)
    {
        let now = Clock.now()
        if deadline >= 0, now >= deadline {
            throw TransportError(.timeout, code: ENXIO, "\(doing): no program reads from the pipe")
        }
        let next = now + retryInterval
        var set = PollSet()
        let cancelled = set.add(cancel?.descriptor ?? -1, .readable)
        _ = try set.wait(until: deadline >= 0 ? min(next, deadline) : next)
        if set.isReady(cancelled) { throw TransportError(.closed, "\(doing): the attempt was cancelled") }
    }
}
