import Buffers

import CPosix

/// What went wrong with an address, a connection or a file.
public struct TransportError: Error, Sendable {
    /// The class of a failure, by what a caller can do about it.
    // The raw type keeps the compiler from writing hash functions, which would bring random numbers into the
    // embedded library.
    public enum Kind: UInt8, Sendable {
        /// A URL that does not parse, an unknown host, or an address that is in use or not of this machine.
        case address
        /// Connecting, sending or receiving failed.
        case connection
        /// The time that was allowed ran out.
        case timeout
        /// The system refused access, or one side did not accept the other's certificate.
        case permission
        /// Reading or writing a file failed, or the process has no descriptors left.
        case io
        /// The other side has closed the connection, or the attempt was cancelled.
        case closed
        /// The system has no memory for it.
        case noMemory
        /// Options that contradict each other.
        case invalidArgument
        /// This system lacks what is needed: TLS without OpenSSL.
        case unsupported
    }

    /// The system's error number (`errno`), or 0 where the system had no part in it.
    public let code: Int32
    public let kind: Kind
    package let sentence: Sentence

    /// One sentence that names the address and the cause.
    public var message: String { sentence.text }

    @inline(never)
    package init(_ kind: Kind, code: Int32 = 0, _ message: Sentence) {
        self.kind = kind
        self.code = code
        sentence = message
    }

    /// A failed system call: `doing` names the attempt and the address, for example "cannot listen on
    /// tcp://:80".
    ///
    /// Error numbers that mean the same everywhere get their own kind; the others are of kind `fallback`.
    init(_ errno: Errno, doing: Sentence, fallback: Kind, hint: Sentence = "") {
        let (kind, usualHint) = TransportError.classify(errno.code)
        let tail = hint.text.utf8.isEmpty ? usualHint : hint
        self.init(
            kind ?? fallback, code: errno.code,
            tail.text.utf8.isEmpty ? "\(doing): \(errno.text)" : "\(doing): \(errno.text); \(tail)")
    }

    private static func classify(_ code: Int32) -> (Kind?, Sentence) {
        switch code {
        case EACCES, EPERM: (.permission, "check the rights of this user")
        case EADDRINUSE: (.address, "")
        case EADDRNOTAVAIL: (.address, "use an address that this machine has")
        case EAFNOSUPPORT: (.address, "this machine does not have this kind of address")
        case ENOMEM, ENOBUFS: (.noMemory, "")
        case EMFILE: (.io, "raise the limit of open files (ulimit -n)")
        case ENFILE: (.io, "the whole system has no file descriptors left")
        default: (nil, "")
        }
    }
}
