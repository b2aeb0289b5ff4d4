/// What can go wrong with memories, buffers and the description of frames. The text is one sentence for the caller.
public enum BufferError: Error, Sendable {
    /// An argument is out of its domain.
    case invalidArgument(String)
    /// A ``FrameInfo`` makes no sense.
    case invalidFrame(String)
    /// An offset, size or index reaches past the end.
    case outOfRange(String)
    /// The object is shared or read-only.
    case notWritable(String)
    /// An allocation of so many bytes failed.
    case noMemory(bytes: Int)
    /// The pool has no free buffer and was asked not to wait.
    case wouldBlock
    /// The pool had no free buffer within the time allowed.
    case timeout
    /// The pool is flushing.
    case flushing

    /// One sentence for the caller.
    public var message: String {
        switch self {
        case .invalidArgument(let text), .invalidFrame(let text), .outOfRange(let text),
            .notWritable(let text):
            text
        case .noMemory(let bytes): "no memory for \(bytes) bytes"
        case .wouldBlock: "no buffer of the pool is free"
        case .timeout: "no buffer of the pool became free in time"
        case .flushing: "the pool is flushing"
        }
    }
}
