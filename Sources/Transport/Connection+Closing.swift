import Buffers

extension Connection {
    /// How often a connection without an event to wait for is looked at, ns.
    private static let lookInterval: Int64 = 5_000_000

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
        guard channel == .socket, descriptor >= 0 else { return true }
        let deadline = Clock.deadline(after: timeout)
        if let tls {
            // The last record may have to wait for room.
            while !tls.endWriting() {
                var set = PollSet()
                set.add(descriptor, tls.writeEvents)
                guard (try? set.wait(until: deadline)) ?? false else { return false }
            }
        }
        endDirection()
        return withUnsafeTemporaryAllocation(byteCount: 16384, alignment: 16) { scratch in
            while true {
                do throws(TransportError) {
                    let count = try read(scratch)
                    if count == 0 { return true }
                    if count < 0 {
                        let isSilent = bytesRead == 0
                        if isSilent, unsentBytes == 0 { return true }
                        let now = Clock.now()
                        if deadline >= 0, now >= deadline { return false }
                        let look = now + Connection.lookInterval
                        var set = PollSet()
                        set.add(descriptor, readEvents)
                        _ = try set.wait(
                            until: !isSilent ? deadline : deadline >= 0 ? min(look, deadline) : look)
                    } else if deadline >= 0, Clock.now() >= deadline {
                        return false
                    }
                } catch {
                    return false
                }
            }
        }
    }
}
