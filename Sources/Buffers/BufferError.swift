/// What can go wrong with memories, buffers and the description of frames.
public struct BufferError: Error, Sendable {
    /// The class of a failure, by what a caller can do about it.
    // The raw type keeps the compiler from writing hash functions, which would bring random numbers into the
    // embedded library.
    public enum Kind: UInt8, Sendable {
        /// An argument is out of its domain.
        case invalidArgument
        /// A ``FrameInfo`` makes no sense.
        case invalidFrame
        /// An offset, size or index reaches past the end.
        case outOfRange
        /// The object is shared or read-only.
        case notWritable
        /// The memory or the type of meta cannot do what was asked.
        case unsupported
        /// Serialised bytes make no sense.
        case corrupt
        /// A limit is exceeded.
        case tooLarge
        /// A function of a registered type failed; ``BufferError/code`` is what it returned.
        case callback
        /// An allocation failed; ``BufferError/code`` is its size in bytes.
        case noMemory
        /// The pool has no free buffer and was asked not to wait.
        case wouldBlock
        /// The pool had no free buffer within the time allowed.
        case timeout
        /// The pool is flushing.
        case flushing
    }

    /// The status of a function of a registered type, or the size of an allocation in bytes; else 0.
    public let code: Int
    /// Left out where the kind and the code say it all: such an error allocates nothing.
    private let sentence: Sentence?
    public let kind: Kind

    /// One sentence for the caller.
    public var message: String {
        if let sentence { return sentence.text }
        switch kind {
        case .noMemory: return Sentence("no memory for \(code) bytes").text
        case .callback: return Sentence("a function of the type of meta failed with status \(code)").text
        case .wouldBlock: return "no buffer of the pool is free"
        case .timeout: return "no buffer of the pool became free in time"
        default: return "the pool is flushing"
        }
    }

    @inline(never)
    private init(_ kind: Kind, _ sentence: Sentence) {
        self.kind = kind
        self.sentence = sentence
        code = 0
    }

    private init(_ kind: Kind, code: Int = 0) {
        self.kind = kind
        self.code = code
        sentence = nil
    }
}

extension BufferError {
    package static func invalidArgument(_ text: Sentence) -> Self { Self(.invalidArgument, text) }
    package static func invalidFrame(_ text: Sentence) -> Self { Self(.invalidFrame, text) }
    package static func outOfRange(_ text: Sentence) -> Self { Self(.outOfRange, text) }
    package static func notWritable(_ text: Sentence) -> Self { Self(.notWritable, text) }
    package static func unsupported(_ text: Sentence) -> Self { Self(.unsupported, text) }
    package static func corrupt(_ text: Sentence) -> Self { Self(.corrupt, text) }
    package static func tooLarge(_ text: Sentence) -> Self { Self(.tooLarge, text) }
    package static func callback(code: Int32) -> Self { Self(.callback, code: Int(code)) }
    package static func noMemory(bytes: Int) -> Self { Self(.noMemory, code: bytes) }
    package static var wouldBlock: Self { Self(.wouldBlock) }
    package static var timeout: Self { Self(.timeout) }
    package static var flushing: Self { Self(.flushing) }

    /// For a memory that is ``MemoryFlags/notMappable``.
    static var notMappable: BufferError {
        @inline(never) get { .unsupported("the memory has no bytes that can be mapped or copied") }
    }

    /// For a memory that should be shared.
    static var mappedForWriting: BufferError {
        @inline(never) get {
            .notWritable("the memory is mapped for writing, so it cannot be shared; unmap it first")
        }
    }

    /// For a range of memories.
    @inline(never)
    static func noSuchMemories(_ index: Int, _ count: Int, of present: Int) -> BufferError {
        .outOfRange("\(count) memories from place \(index) reach past the \(present) of the buffer")
    }

    /// For a region of bytes.
    @inline(never)
    static func noSuchRegion(_ offset: Int, _ size: Int, of total: Int) -> BufferError {
        .outOfRange("\(size) bytes from offset \(offset) reach past the \(total) bytes of the buffer")
    }
}
