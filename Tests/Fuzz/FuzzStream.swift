/// A stream as a fuzzer writes it: a byte of choices, of which the lowest bit is common to all, a byte that says in which pieces the
/// stream comes, then the stream.
struct FuzzStream {
    /// Checksums and sizes of messages are put right.
    static let repaired: UInt8 = 1

    let choices: UInt8
    let chopping: Chopping
    let bytes: [UInt8]

    /// Nil when there are too few bytes.
    init?(_ input: UnsafeRawBufferPointer) {
        guard input.count >= 2 else { return nil }
        choices = input[0]
        chopping = Chopping(input[1])
        var bytes = Array(input[2...])
        if choices & Self.repaired != 0 { StreamRepair.repair(&bytes) }
        self.bytes = bytes
    }

    /// Gives the stream to `take` in pieces, each in memory of its own without room behind it, as long as `take` wants more.
    ///
    /// - Parameter pieces: nil is the whole stream at once.
    func forEachPiece<Failure>(
        _ pieces: Chopping?, _ take: (UnsafeRawBufferPointer) throws(Failure) -> Bool
    ) throws(Failure) {
        var pieces = pieces
        var start = 0
        while start < bytes.count {
            let end = start + min(max(1, pieces?.next() ?? .max), bytes.count - start)
            let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: end - start, alignment: 1)
            defer { piece.deallocate() }
            piece.copyBytes(from: bytes[start..<end])
            guard try take(UnsafeRawBufferPointer(piece)) else { return }
            start = end
        }
    }
}
