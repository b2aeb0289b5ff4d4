import Buffers
import Codec
import Transport
import Wire

/// Why a call failed: a code to act on and a sentence to show.
public struct FramewireError: Error, Sendable {
    /// The kinds of failure. The raw values are those of `fw_status`.
    public enum Code: Int32, Sendable {
        /// An argument is out of its domain or does not fit the others.
        case invalidArgument = -1
        /// An allocation failed.
        case noMemory = -2
        /// The call would have to wait, and was asked not to.
        case wouldBlock = -3
        /// The time that was allowed ran out.
        case timeout = -4
        /// The stream has ended, or the other side has gone.
        case closed = -5
        /// The object is being shut down.
        case flushing = -6
        /// The object is shared or read-only.
        case notWritable = -7
        /// An offset, size or index reaches past the end.
        case outOfRange = -8
        /// The bytes are not a Framewire stream, or of a version this library cannot read.
        case protocolViolation = -9
        /// A checksum or a compressed block is wrong.
        case corrupt = -10
        /// A limit is exceeded.
        case tooLarge = -11
        /// A format, profile or feature that this build does not have.
        case unsupported = -12
        /// Connecting, sending or receiving failed.
        case connection = -13
        /// A URL that does not parse, an unknown host, an address in use.
        case address = -14
        /// The system refused access.
        case permission = -15
        /// Reading or writing a file failed.
        case io = -16
        /// OpenGL refused, or is not there.
        case gl = -17
    }

    public let code: Code
    package let sentence: Sentence

    /// One sentence that names the argument, address or limit and says what to do.
    public var message: String { sentence.text }

    public init(code: Code, message: String) {
        self.code = code
        sentence = Sentence(message)
    }

    @inline(never)
    package init(_ code: Code, _ message: Sentence) {
        self.code = code
        sentence = message
    }

    @inline(never)
    init(_ error: BufferError) {
        let code: Code =
            switch error.kind {
            case .invalidArgument, .invalidFrame: .invalidArgument
            case .outOfRange: .outOfRange
            case .notWritable: .notWritable
            case .unsupported: .unsupported
            case .corrupt: .corrupt
            case .tooLarge: .tooLarge
            // Of a type's own function, which may return any number.
            case .callback: Code(rawValue: Int32(truncatingIfNeeded: error.code)) ?? .invalidArgument
            case .noMemory: .noMemory
            case .wouldBlock: .wouldBlock
            case .timeout: .timeout
            case .flushing: .flushing
            }
        self.init(code: code, message: error.message)
    }

    @inline(never)
    package init(_ error: TransportError) {
        let code: Code =
            switch error.kind {
            case .address: .address
            case .connection: .connection
            case .timeout: .timeout
            case .permission: .permission
            case .io: .io
            case .closed: .closed
            case .noMemory: .noMemory
            case .invalidArgument: .invalidArgument
            case .unsupported: .unsupported
            }
        self.init(code, error.sentence)
    }

    /// - Parameter payloadOffset: where in the stream the payload begins that the codec speaks of.
    @inline(never)
    init(_ error: CodecError, payloadOffset: UInt64) {
        switch error {
        case .corrupt(let text, let offset):
            self.init(.corrupt, "\(text), at byte \(payloadOffset &+ UInt64(offset)) of the stream")
        case .unsupported(let text, let offset):
            self.init(.unsupported, "\(text), at byte \(payloadOffset &+ UInt64(offset)) of the stream")
        case .noMemory(let bytes):
            self.init(.noMemory, "no memory for \(bytes) bytes")
        }
    }

    @inline(never)
    init(_ error: WireError) {
        let code: Code =
            switch error.kind {
            case .notFramewire, .protocolViolation, .truncated: .protocolViolation
            case .corrupt: .corrupt
            case .tooLarge: .tooLarge
            case .unsupported: .unsupported
            }
        self.init(code, error.sentence)
    }
}
