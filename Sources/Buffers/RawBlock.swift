import CPosix

/// A block of bytes that grows, for scratch memory that is kept from frame to frame.
package final class RawBlock {
    package private(set) var base: UnsafeMutableRawPointer?
    package private(set) var capacity = 0

    private let isFilled: Bool

    /// - Parameter isFilled: whether all of it is used, as by a picture.
    package init(isFilled: Bool = false) {
        self.isFilled = isFilled
    }

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
        if isFilled, bytes >= HugePages.leastBlock {
            block = HugePages.block(bytes, alignment: 64)
        } else if posix_memalign(&block, 64, bytes) != 0 {
            block = nil
        }
        guard let block else { throw .noMemory(bytes: bytes) }
        base = block
        capacity = bytes
    }
}
