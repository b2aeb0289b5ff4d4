import CPosix

/// A block of bytes that grows, for scratch memory that is kept from frame to frame.
package final class RawBlock {
    package private(set) var base: UnsafeMutableRawPointer?
    package private(set) var capacity = 0

    package init() {}

    deinit {
        free(base)
    }

    /// Makes the block hold at least `bytes`; its content is lost when it has to grow.
    ///
    /// - Throws: ``BufferError/Kind/noMemory``; the block is empty then.
    package func reserve(_ bytes: Int) throws(BufferError) {
        if bytes <= capacity { return }
        free(base)
        base = nil
        capacity = 0
        var block: UnsafeMutableRawPointer?
        guard posix_memalign(&block, 64, bytes) == 0, let block else { throw .noMemory(bytes: bytes) }
        base = block
        capacity = bytes
    }
}
