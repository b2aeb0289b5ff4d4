import Buffers

extension Connection {
    /// How often a connection without an event to wait for is looked at, ns.
    package static let lookInterval: Int64 = 5_000_000

    /// Ends the stream so that nothing sent is lost, and closes, after `timeout` nanoseconds at most;
    /// negative waits without a limit.
    ///
    /// Closing a socket with unread bytes makes the system send a reset, and a reset may overtake data on its
    /// way (RFC 1122, 4.2.2.13). So our direction is ended first, and what the other side still says is read
    /// and dropped until its end. A side that has never said anything is not waited for longer than until its
    /// system has all bytes.
    ///
    /// - Returns: whether the other side has got everything as far as this side can know; always `true` for a
    ///   file.
    @discardableResult
    package func closeGracefully(timeout: Int64) -> Bool {
        defer { close() }
        let deadline = Clock.deadline(after: timeout)
        // The last record of TLS may have to wait for room.
        while !finishWriting() {
            var set = PollSet()
            set.add(descriptor, writeEvents)
            guard (try? set.wait(until: deadline)) ?? false else { return false }
        }
        while true {
            switch lookForEnd() {
            case .complete: return true
            case .broken: return false
            case .open(let wakesUp):
                let now = Clock.now()
                if deadline >= 0, now >= deadline { return false }
                let look = now + Connection.lookInterval
                var set = PollSet()
                set.add(descriptor, readEvents)
                _ = try? set.wait(until: wakesUp ? deadline : deadline >= 0 ? min(look, deadline) : look)
            }
        }
    }

    /// Ends the stream in our direction, with TLS only once its last record has room.
    ///
    /// - Returns: whether that is done; else ``writeEvents`` says what to wait for.
    package func finishWriting() -> Bool {
        guard channel == .socket, descriptor >= 0 else { return true }
        if let tls, !tls.endWriting() { return false }
        endDirection()
        return true
    }

    /// How far a connection is on its way to its end.
    package enum Ending {
        /// - Parameter wakesUp: whether ``readEvents`` come when it goes on; else it has to be looked at now and then.
        case open(wakesUp: Bool)
        /// The other side has all that was written, as far as this side can know.
        case complete
        case broken
    }

    /// After ``finishWriting()``: reads and drops what the other side still says. Never waits.
    package func lookForEnd() -> Ending {
        guard channel == .socket, descriptor >= 0 else { return .complete }
        return withUnsafeTemporaryAllocation(byteCount: 16384, alignment: 16) { scratch in
            // Not without end: the other side may send faster than this reads.
            for _ in 0..<16 {
                guard let count = try? read(scratch) else { return .broken }
                if count == 0 { return .complete }
                if count > 0 { continue }
                guard bytesRead == 0 else { return .open(wakesUp: true) }
                return unsentBytes == 0 ? .complete : .open(wakesUp: false)
            }
            return .open(wakesUp: tls == nil)
        }
    }
}
