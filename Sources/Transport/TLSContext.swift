import Buffers
import CPosix

/// What all `tls:` connections of one sender or receiver have in common: who this side is and whom it trusts.
///
/// Any thread, several at once.
package final class TLSContext: @unchecked Sendable {
    // Unchecked: nothing changes after `init`, and OpenSSL counts its references atomically.

    /// Which side this is: the one that listens is the server.
    package enum Role: UInt8, Sendable {
        case client
        case server
    }

    let role: Role
    let pins: [Fingerprint]
    let handle: OpaquePointer

    /// Reads the files.
    ///
    /// - Throws: kind `invalidArgument` (options that contradict each other, a key that does not match), `io` and
    ///   `permission` (files), `unsupported` (there is no OpenSSL 3).
    package convenience init(_ options: TLSOptions, role: Role) throws(TransportError) {
        let pins = try Fingerprint.parse(options.pinList)
        if role == .server {
            guard options.certificateFile != nil else {
                throw TransportError(
                    .invalidArgument,
                    "who listens on a tls:// URL needs a certificate and its key; `framewire keygen` makes them"
                )
            }
            guard !options.requiresClientCertificate || !pins.isEmpty || options.authorityFile != nil else {
                throw TransportError(
                    .invalidArgument,
                    "a client certificate is required, but neither a pin nor an authority says which; give one"
                )
            }
        }
        guard options.keyFile == nil || options.certificateFile != nil else {
            throw TransportError(.invalidArgument, "a TLS key is given without its certificate; give both")
        }
        try TLSContext.checkReadable(options.certificateFile)
        try TLSContext.checkReadable(options.keyFile)
        try TLSContext.checkReadable(options.authorityFile)
        let handle = try OpenSSL.makeContext()
        // From here on the object frees it.
        self.init(role: role, pins: pins, handle: handle)
        if let file = options.certificateFile {
            try OpenSSL.useCertificate(handle, file, key: options.keyFile ?? file)
        }
        let verifies = role == .client || !pins.isEmpty || options.authorityFile != nil
        if verifies {
            try OpenSSL.verifyPeer(handle, authorities: pins.isEmpty ? options.authorityFile : nil)
        }
    }

    /// Nothing throws here: Embedded Swift does not free an object whose designated initializer fails.
    private init(role: Role, pins: [Fingerprint], handle: OpaquePointer) {
        self.role = role
        self.pins = pins
        self.handle = handle
    }

    deinit {
        OpenSSL.freeContext(handle)
    }

    /// OpenSSL's own words for a file that cannot be opened name no cause.
    @inline(never)
    private static func checkReadable(_ file: String?) throws(TransportError) {
        guard let file else { return }
        do throws(Errno) {
            System.close(try System.open(file, flags: O_RDONLY))
        } catch {
            throw TransportError(error, doing: "cannot read \(file)", fallback: .io)
        }
    }
}

/// Why a handshake failed, as far as that is worth a sentence of its own.
enum TLSFailure {
    /// The number of `X509_V_ERR_…`'s error, with its text.
    case peerCertificate(code: Int32, text: String)
    /// The reason of the first entry of OpenSSL's error queue, with its text.
    case reason(code: Int32, text: String)
    /// The socket failed.
    case system(Errno)
    /// The other side closed the socket.
    case ended
}
