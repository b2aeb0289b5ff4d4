import Buffers

/// What can go wrong when a frame is encoded or decoded.
package enum CodecError: Error, Sendable {
    /// The coded bytes are wrong at `offset` bytes into the payload.
    case corrupt(Sentence, offset: Int)
    /// The coded bytes ask for something that this reader does not have, at `offset` bytes into the payload.
    case unsupported(Sentence, offset: Int)
    /// An allocation of so many bytes failed.
    case noMemory(bytes: Int)
}
