import Buffers

extension Connection {
    /// Makes the rest of the connection TLS; ``handshake()`` comes next, and nothing is read or written before it
    /// is complete.
    ///
    /// - Parameter host: for the side that connects: what the other's certificate must be for.
    package func startTLS(_ context: TLSContext, host: String = "") throws(TransportError) {
        let session = TLSSession(context, descriptor: descriptor, peerName: peerName)
        try session.start(host: host)
        tls = session
    }

    /// Goes on with the handshake of TLS as far as it goes without waiting.
    ///
    /// - Returns: whether the connection is ready for use; else ``readEvents`` says what to wait for.
    /// - Throws: kind `connection`, or `permission` when one side does not accept the other's certificate.
    package func handshake() throws(TransportError) -> Bool {
        try tls?.handshake() ?? true
    }

    /// Waits until the handshake is complete.
    ///
    /// - Parameters:
    ///   - deadline: of `Clock.now()`; negative is without a limit.
    ///   - cancel: ends the attempt when it is signalled; the signal stays.
    func finishHandshake(until deadline: Int64, cancel: WakeUp?) throws(TransportError) {
        while try !handshake() {
            var set = PollSet()
            let cancelled = set.add(cancel?.descriptor ?? -1, .readable)
            set.add(descriptor, readEvents)
            let isReady = try set.wait(until: deadline)
            if set.isReady(cancelled) {
                throw TransportError(.closed, "no TLS with \(peerName): the attempt was cancelled")
            }
            guard isReady else { throw handshakeTimeout }
        }
    }

    /// The error for a handshake that took too long.
    package var handshakeTimeout: TransportError {
        TransportError(
            .timeout,
            "no TLS with \(peerName): the handshake was not over in the time allowed; is it a tls:// peer?")
    }

    /// What to wait for before the next read: with TLS a read may have something to send first.
    package var readEvents: PollEvents { tls?.readEvents ?? .readable }

    /// What to wait for before the next write that would have to wait.
    package var writeEvents: PollEvents { tls?.writeEvents ?? .writable }
}
