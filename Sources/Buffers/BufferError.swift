/// What can go wrong with memories, buffers and the description of frames. The text is one sentence for the
/// caller.
public enum BufferError: Error, Sendable {
    /// An argument is out of its domain.
    case invalidArgument(String)
    /// A ``FrameInfo`` makes no sense.
    case invalidFrame(String)
    /// An offset, size or index reaches past the end.
    case outOfRange(String)
    /// The object is shared or read-only.
    case notWritable(String)
    /// The memory or the type of meta cannot do what was asked.
    case unsupported(String)
    /// Serialised bytes make no sense.
    case corrupt(String)
    /// A limit is exceeded.
    case tooLarge(String)
    /// A function of a registered type failed with this code.
    case callback(code: Int32)
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
            .notWritable(let text), .unsupported(let text), .corrupt(let text), .tooLarge(let text):
            text
        case .callback(let code): Sentence("a function of the type of meta failed with status \(code)").text
        case .noMemory(let bytes): Sentence("no memory for \(bytes) bytes").text
        case .wouldBlock: "no buffer of the pool is free"
        case .timeout: "no buffer of the pool became free in time"
        case .flushing: "the pool is flushing"
        }
    }
}

extension BufferError {
    /// For a memory that is ``MemoryFlags/notMappable``.
    static var notMappable: BufferError {
        .unsupported("the memory has no bytes that can be mapped or copied")
    }

    /// For a range of memories.
    static func noSuchMemories(_ index: Int, _ count: Int, of present: Int) -> BufferError {
        let text = Sentence("\(count) memories from place \(index) reach past the \(present) of the buffer")
        return .outOfRange(text.text)
    }

    /// For a region of bytes.
    static func noSuchRegion(_ offset: Int, _ size: Int, of total: Int) -> BufferError {
        let text = Sentence("\(size) bytes from offset \(offset) reach past the \(total) bytes of the buffer")
        return .outOfRange(text.text)
    }
}
