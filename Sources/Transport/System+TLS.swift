import Buffers
import COpenSSL
import CPosix

/// The functions of OpenSSL that this module calls; no other file calls one.
enum OpenSSL {
    private static let lock = Lock()
    // Written once, by `load`, under `lock`; every other use follows a call of it.
    nonisolated(unsafe) fileprivate static var api: UnsafePointer<fwt_connection_functions>!
    nonisolated(unsafe) private static var method: OpaquePointer?

    /// Loads the library, once.
    private static func load() throws(TransportError) {
        let problem = lock.withLock { () -> String? in
            if method != nil { return nil }
            let table = UnsafeMutablePointer<fwt_connection_functions>.allocate(capacity: 1)
            if let problem = fwt_load_connection_functions(table) {
                table.deallocate()
                return String(text: problem)
            }
            api = UnsafePointer(table)
            // Its clean-up at the end of the process would run into threads that still send.
            _ = api.pointee.OPENSSL_init_ssl(UInt64(OPENSSL_INIT_NO_ATEXIT), nil)
            guard
                let made = api.pointee.BIO_meth_new(
                    api.pointee.BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "framewire socket")
            else { return "no memory" }
            _ = api.pointee.BIO_meth_set_write(made, writeToSocket)
            _ = api.pointee.BIO_meth_set_read(made, readFromSocket)
            _ = api.pointee.BIO_meth_set_ctrl(made) { _, command, _, _ in command == BIO_CTRL_FLUSH ? 1 : 0 }
            method = made
            return nil
        }
        if let problem {
            throw TransportError(
                .unsupported,
                "TLS needs OpenSSL 3, which cannot be used (\(problem)); install the package libssl3")
        }
    }

    // MARK: - Contexts

    /// A context of TLS 1.3 and nothing older, which trusts nobody yet.
    static func makeContext() throws(TransportError) -> OpaquePointer {
        try load()
        guard let context = api.pointee.SSL_CTX_new(api.pointee.TLS_method()) else { throw noMemory }
        _ = api.pointee.SSL_CTX_ctrl(context, SSL_CTRL_SET_MIN_PROTO_VERSION, Int(TLS1_3_VERSION), nil)
        // A write says how much it took, and may be repeated from another place.
        _ = api.pointee.SSL_CTX_ctrl(
            context, SSL_CTRL_MODE,
            Int(SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER), nil)
        // Several records with each system call.
        _ = api.pointee.SSL_CTX_ctrl(context, SSL_CTRL_SET_READ_AHEAD, 1, nil)
        api.pointee.SSL_CTX_set_default_read_buffer_len(context, 64 << 10)
        // Nobody resumes a session, and a peer that reads nothing must not be left with tickets unread: closing
        // would reset the connection.
        _ = api.pointee.SSL_CTX_ctrl(context, SSL_CTRL_SET_SESS_CACHE_MODE, Int(SSL_SESS_CACHE_OFF), nil)
        _ = api.pointee.SSL_CTX_set_num_tickets(context, 0)
        // No question for a password on the terminal.
        api.pointee.SSL_CTX_set_default_passwd_cb(context) { _, _, _, _ in 0 }
        return context
    }

    static func freeContext(_ context: OpaquePointer) {
        api.pointee.SSL_CTX_free(context)
    }

    static func useCertificate(_ context: OpaquePointer, _ file: String, key: String) throws(TransportError) {
        api.pointee.ERR_clear_error()
        guard api.pointee.SSL_CTX_use_certificate_chain_file(context, file.cText) == 1 else {
            throw TransportError(
                .io, "\(file) holds no certificate in PEM format that OpenSSL takes (\(reasonText))")
        }
        guard api.pointee.SSL_CTX_use_PrivateKey_file(context, key.cText, SSL_FILETYPE_PEM) == 1 else {
            if reason == X509_R_KEY_VALUES_MISMATCH || reason == X509_R_KEY_TYPE_MISMATCH {
                throw TransportError(
                    .invalidArgument, "the key in \(key) does not belong to the certificate in \(file)")
            }
            throw TransportError(
                .io,
                "\(key) holds no key in PEM format that OpenSSL takes (\(reasonText)); it must not be encrypted"
            )
        }
    }

    /// Has the peer's certificate verified, which it then must show.
    static func verifyPeer(_ context: OpaquePointer, authorities: String?) throws(TransportError) {
        if let authorities {
            api.pointee.ERR_clear_error()
            guard api.pointee.SSL_CTX_load_verify_file(context, authorities.cText) == 1 else {
                throw TransportError(.io, "\(authorities) holds no certificate in PEM format (\(reasonText))")
            }
        } else {
            _ = api.pointee.SSL_CTX_set_default_verify_paths(context)
        }
        api.pointee.SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nil)
        api.pointee.SSL_CTX_set_cert_verify_callback(context, verifyCertificate, nil)
    }

    // MARK: - Sessions

    /// - Parameter host: what the certificate of a server must be for, where no pins say which it is.
    fileprivate static func makeSession(
        _ context: TLSContext, host: String, for session: TLSSession
    ) throws(TransportError) -> OpaquePointer {
        guard let ssl = api.pointee.SSL_new(context.handle) else { throw noMemory }
        guard let bio = api.pointee.BIO_new(method) else {
            api.pointee.SSL_free(ssl)
            throw noMemory
        }
        let user = Unmanaged.passUnretained(session).toOpaque()
        api.pointee.BIO_set_data(bio, user)
        api.pointee.SSL_set_bio(ssl, bio, bio)
        _ = api.pointee.SSL_set_ex_data(ssl, 0, user)
        guard context.role == .client else {
            api.pointee.SSL_set_accept_state(ssl)
            return ssl
        }
        api.pointee.SSL_set_connect_state(ssl)
        let isAddress =
            api.pointee.X509_VERIFY_PARAM_set1_ip_asc(api.pointee.SSL_get0_param(ssl), host.cText) == 1
        if !isAddress {
            _ = api.pointee.SSL_set1_host(ssl, host.cText)
            host.cText.withUnsafeBufferPointer { name in
                _ = api.pointee.SSL_ctrl(
                    ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, Int(TLSEXT_NAMETYPE_host_name),
                    UnsafeMutableRawPointer(mutating: name.baseAddress))
            }
        }
        return ssl
    }

    private static var noMemory: TransportError { TransportError(.noMemory, "no memory for TLS") }

    /// The reason of the first error that is queued.
    fileprivate static var reason: Int32 {
        Int32(truncatingIfNeeded: api.pointee.ERR_peek_error() & 0x7F_FFFF)
    }

    fileprivate static var reasonText: String {
        guard let text = api.pointee.ERR_reason_error_string(api.pointee.ERR_peek_error()) else {
            return "no reason given"
        }
        return String(text: text)
    }
}

// MARK: - What OpenSSL calls

/// OpenSSL's own way to write to a socket would raise SIGPIPE.
private func writeToSocket(_ bio: OpaquePointer?, _ bytes: UnsafePointer<CChar>?, _ count: Int32) -> Int32 {
    transfer(bio, UnsafeMutablePointer(mutating: bytes), count, writes: true)
}

private func readFromSocket(
    _ bio: OpaquePointer?, _ bytes: UnsafeMutablePointer<CChar>?, _ count: Int32
)
    -> Int32
{
    transfer(bio, bytes, count, writes: false)
}

@inline(never)
private func transfer(
    _ bio: OpaquePointer?, _ bytes: UnsafeMutablePointer<CChar>?, _ count: Int32, writes: Bool
) -> Int32 {
    let api = OpenSSL.api!
    let session = Unmanaged<TLSSession>.fromOpaque(api.pointee.BIO_get_data(bio)!).takeUnretainedValue()
    api.pointee.BIO_clear_flags(bio, BIO_FLAGS_READ | BIO_FLAGS_WRITE | BIO_FLAGS_SHOULD_RETRY)
    var vector = iovec(iov_base: bytes, iov_len: Int(count))
    do throws(Errno) {
        let done = try withUnsafePointer(to: &vector) { (pointer) throws(Errno) in
            let vectors = UnsafeBufferPointer(start: pointer, count: 1)
            return writes
                ? try System.send(session.descriptor, vectors) : try System.read(session.descriptor, vectors)
        }
        return Int32(done)
    } catch {
        if error.isWouldBlock {
            let retry = writes ? BIO_FLAGS_WRITE : BIO_FLAGS_READ
            api.pointee.BIO_set_flags(bio, retry | BIO_FLAGS_SHOULD_RETRY)
        } else {
            session.systemError = error
        }
        return -1
    }
}

/// Judges the peer's certificate: by the pins, where there are some, else by the authorities.
private func verifyCertificate(_ store: OpaquePointer?, _ unused: UnsafeMutableRawPointer?) -> Int32 {
    let api = OpenSSL.api!
    guard
        let ssl = api.pointee.X509_STORE_CTX_get_ex_data(
            store, api.pointee.SSL_get_ex_data_X509_STORE_CTX_idx()),
        let user = api.pointee.SSL_get_ex_data(OpaquePointer(ssl), 0),
        let certificate = api.pointee.X509_STORE_CTX_get0_cert(store)
    else { return 0 }
    let session = Unmanaged<TLSSession>.fromOpaque(user).takeUnretainedValue()
    let fingerprint = withUnsafeTemporaryAllocation(byteCount: Int(EVP_MAX_MD_SIZE), alignment: 8) { digest in
        _ = api.pointee.X509_digest(certificate, api.pointee.EVP_sha256(), digest.baseAddress, nil)
        return Fingerprint(digest: UnsafeRawBufferPointer(digest))
    }
    session.peerFingerprint = fingerprint
    let pins = session.context.pins
    if pins.isEmpty { return api.pointee.X509_verify_cert(store) }
    if pins.contains(where: { $0.equals(fingerprint) }) { return 1 }
    api.pointee.X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED)
    return 0
}

// MARK: - A session

/// TLS on one socket. One thread at a time.
final class TLSSession {
    let context: TLSContext
    let descriptor: Int32
    private let peerName: String
    private var ssl: OpaquePointer?
    /// Where small pieces are put together: each write makes a record of its own.
    private let record: UnsafeMutableRawPointer
    /// The most bytes that one record carries.
    private static let recordSize = 16 << 10

    /// What the socket must be ready for before the next read, write or step of the handshake.
    private(set) var readEvents = PollEvents.readable
    private(set) var writeEvents = PollEvents.writable
    private(set) var isEstablished = false

    // Left behind by what OpenSSL calls.
    fileprivate var systemError: Errno?
    fileprivate var peerFingerprint: Fingerprint?

    /// What broke the session: OpenSSL says it once only.
    private var failure: TransportError?
    /// Why nothing can be written any more; what has come can still be read.
    private var writeFailure: TransportError?

    init(_ context: TLSContext, descriptor: Int32, peerName: String) {
        self.context = context
        self.descriptor = descriptor
        self.peerName = peerName
        record = .allocate(byteCount: TLSSession.recordSize, alignment: 64)
    }

    deinit {
        if let ssl { OpenSSL.api.pointee.SSL_free(ssl) }
        record.deallocate()
    }

    /// Makes OpenSSL's half of the session, which refers to this one.
    func start(host: String) throws(TransportError) {
        ssl = try OpenSSL.makeSession(context, host: host, for: self)
    }

    /// Goes on with the handshake as far as it goes without waiting.
    ///
    /// - Returns: whether it is complete; else ``readEvents`` says what to wait for.
    /// - Throws: kind `connection`, or `permission` when one side does not accept the other's certificate.
    func handshake() throws(TransportError) -> Bool {
        if isEstablished { return true }
        prepare()
        let result = OpenSSL.api.pointee.SSL_do_handshake(ssl)
        if result == 1 {
            isEstablished = true
            readEvents = .readable
            return true
        }
        switch try outcome(result) {
        case .wantsWrite: readEvents = .writable
        case .wantsRead: readEvents = .readable
        case .ended: throw fail(.ended)
        }
        return false
    }

    /// As `Connection.write`, in records of at most 16 KiB.
    func write(_ vectors: UnsafeBufferPointer<iovec>) throws(TransportError) -> Int {
        if let writeFailure { throw writeFailure }
        var total = 0
        var place = VectorPlace()
        while place.skipEmpty(vectors) {
            let whole = vectors[place.index]
            var count = whole.iov_len - place.offset
            var bytes: UnsafeRawPointer = UnsafeRawPointer(whole.iov_base) + place.offset
            // A write that could not be completed is repeated with the same vectors, so the same bytes come
            // together here again, as OpenSSL demands.
            if count < TLSSession.recordSize, place.index + 1 < vectors.count {
                count = gather(vectors, place)
                bytes = UnsafeRawPointer(record)
            }
            prepare()
            var written = 0
            let result = OpenSSL.api.pointee.SSL_write_ex(ssl, bytes, count, &written)
            guard result == 1 else {
                do throws(TransportError) {
                    switch try outcome(result) {
                    case .wantsRead: writeEvents = .readable
                    case .wantsWrite: writeEvents = .writable
                    case .ended: throw fail(.ended)
                    }
                } catch {
                    writeFailure = error
                    if total == 0 { throw error }
                }
                return total
            }
            writeEvents = .writable
            total += written
            place.advance(vectors, by: written)
        }
        return total
    }

    private func gather(_ vectors: UnsafeBufferPointer<iovec>, _ start: VectorPlace) -> Int {
        var place = start
        var filled = 0
        while filled < TLSSession.recordSize, place.skipEmpty(vectors) {
            let vector = vectors[place.index]
            let count = min(vector.iov_len - place.offset, TLSSession.recordSize - filled)
            memcpy(record + filled, vector.iov_base + place.offset, count)
            filled += count
            place.advance(vectors, by: count)
        }
        return filled
    }

    /// As `Connection.read`. 0 only when the other side has said that it ends; a connection that is cut is an
    /// error.
    func read(_ vectors: UnsafeBufferPointer<iovec>) throws(TransportError) -> Int {
        var total = 0
        var place = VectorPlace()
        while place.skipEmpty(vectors) {
            let vector = vectors[place.index]
            prepare()
            var count = 0
            let result = OpenSSL.api.pointee.SSL_read_ex(
                ssl, vector.iov_base + place.offset, vector.iov_len - place.offset, &count)
            guard result == 1 else {
                do throws(TransportError) {
                    switch try outcome(result) {
                    case .wantsRead: readEvents = .readable
                    case .wantsWrite: readEvents = .writable
                    case .ended: return total
                    }
                } catch {
                    failure = error
                    if total == 0 { throw error }
                }
                return total > 0 ? total : -1
            }
            readEvents = .readable
            total += count
            place.advance(vectors, by: count)
        }
        return total
    }

    /// Tells the other side that nothing more comes (`close_notify`).
    ///
    /// - Returns: whether that is done; else ``writeEvents`` says what to wait for.
    func endWriting() -> Bool {
        guard isEstablished, failure == nil, writeFailure == nil else { return true }
        prepare()
        let result = OpenSSL.api.pointee.SSL_shutdown(ssl)
        guard result < 0 else { return true }
        switch OpenSSL.api.pointee.SSL_get_error(ssl, result) {
        case SSL_ERROR_WANT_WRITE:
            writeEvents = .writable
            return false
        default: return true
        }
    }

    // MARK: - Outcomes

    private enum Outcome: UInt8 {
        case wantsRead
        case wantsWrite
        /// The other side has said that it sends no more.
        case ended
    }

    private func prepare() {
        OpenSSL.api.pointee.ERR_clear_error()
        systemError = nil
    }

    private func outcome(_ result: Int32) throws(TransportError) -> Outcome {
        if let failure { throw failure }
        switch OpenSSL.api.pointee.SSL_get_error(ssl, result) {
        case SSL_ERROR_WANT_READ: return .wantsRead
        case SSL_ERROR_WANT_WRITE: return .wantsWrite
        case SSL_ERROR_ZERO_RETURN: return .ended
        default: break
        }
        if OpenSSL.api.pointee.ERR_peek_error() == 0, let systemError {
            // Why the other side has gone may have come before the news that it has. It is the first thing it
            // says: the certificate of a client is judged when the client is already through. What it has sent besides
            // stays to be read.
            var count = 0
            if isEstablished { _ = OpenSSL.api.pointee.SSL_peek_ex(ssl, record, 1, &count) }
            if OpenSSL.api.pointee.ERR_peek_error() == 0 { throw explain(.system(systemError)) }
        }
        if OpenSSL.api.pointee.ERR_peek_error() == 0 { throw fail(.ended) }
        let verification = OpenSSL.api.pointee.SSL_get_verify_result(ssl)
        if !isEstablished, verification != Int(X509_V_OK) {
            let text = OpenSSL.api.pointee.X509_verify_cert_error_string(verification).map {
                String(text: $0)
            }
            throw fail(.peerCertificate(code: Int32(verification), text: text ?? ""))
        }
        throw fail(.reason(code: OpenSSL.reason, text: OpenSSL.reasonText))
    }

    private func fail(_ cause: TLSFailure) -> TransportError {
        let error = explain(cause)
        failure = error
        return error
    }

    // MARK: - Sentences

    private func explain(_ cause: TLSFailure) -> TransportError {
        let doing: Sentence = isEstablished ? "TLS with \(peerName) broke" : "no TLS with \(peerName)"
        switch cause {
        case .system(let errno):
            return TransportError(errno, doing: doing, fallback: .connection)
        case .ended:
            return TransportError(
                .connection,
                isEstablished
                    ? "\(peerName) was cut off: it closed the connection without ending TLS, so bytes may be missing"
                    : "\(doing): the other side closed the connection during the handshake; is it a tls:// peer?"
            )
        case .peerCertificate(let code, let text):
            return TransportError(.permission, "\(doing): \(verdict(code, text))")
        case .reason(let code, let text):
            return explain(reason: code, text, doing)
        }
    }

    /// What is wrong with the other side's certificate.
    private func verdict(_ code: Int32, _ text: String) -> Sentence {
        let seen = peerFingerprint?.text ?? "of no fingerprint"
        switch code {
        case X509_V_ERR_CERT_HAS_EXPIRED:
            return "its certificate has expired; renew it, or set the clock of this machine"
        case X509_V_ERR_CERT_NOT_YET_VALID:
            return "its certificate is not valid yet; compare the clocks of both machines"
        case X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH:
            return "its certificate is for another host; connect by a name that is in it, or pin \(seen)"
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
            return "its certificate is self-signed; if \(seen) is the right one, pin it"
        case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT,
            X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
            return
                "the authority of its certificate is unknown here; give the authority's file, or pin \(seen)"
        case X509_V_ERR_CERT_REJECTED:
            return "its certificate is \(seen), which is not among the pins; is it the right machine?"
        default:
            return "its certificate does not hold: \(text)"
        }
    }

    private func explain(reason code: Int32, _ text: String, _ doing: Sentence) -> TransportError {
        switch code {
        case SSL_R_WRONG_VERSION_NUMBER, SSL_R_HTTP_REQUEST, SSL_R_HTTPS_PROXY_REQUEST,
            SSL_R_PACKET_LENGTH_TOO_LONG, SSL_R_UNEXPECTED_MESSAGE, SSL_R_BAD_RECORD_TYPE,
            SSL_R_RECORD_LENGTH_MISMATCH, SSL_R_LENGTH_MISMATCH, SSL_R_RECORD_TOO_SMALL:
            TransportError(
                .connection, "\(doing): the other side does not speak TLS; is its URL tcp:// or tls://?")
        case SSL_R_UNSUPPORTED_PROTOCOL, SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, SSL_R_VERSION_TOO_LOW,
            SSL_R_WRONG_SSL_VERSION:
            TransportError(
                .connection, "\(doing): the other side's TLS is too old; it must be able to speak 1.3")
        case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
            TransportError(
                .permission, "\(doing): it showed no client certificate, which is required here; give it one")
        case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
            TransportError(
                .permission, "\(doing): it requires a client certificate; give a certificate and its key")
        case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE...SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN,
            SSL_R_TLSV1_ALERT_UNKNOWN_CA, SSL_R_TLSV1_ALERT_ACCESS_DENIED:
            TransportError(
                .permission,
                "\(doing): it does not accept this side's certificate (\(text)); its log says why")
        default:
            TransportError(.connection, "\(doing): \(text)")
        }
    }
}

/// A place among the bytes of vectors.
private struct VectorPlace {
    var index = 0
    var offset = 0

    /// Moves to the next byte.
    ///
    /// - Returns: `false` when there is none.
    mutating func skipEmpty(_ vectors: UnsafeBufferPointer<iovec>) -> Bool {
        while index < vectors.count {
            if offset < vectors[index].iov_len { return true }
            index += 1
            offset = 0
        }
        return false
    }

    /// Moves over `count` bytes.
    mutating func advance(_ vectors: UnsafeBufferPointer<iovec>, by count: Int) {
        var left = offset + count
        while index < vectors.count, left >= vectors[index].iov_len {
            left -= vectors[index].iov_len
            index += 1
        }
        offset = left
    }
}
