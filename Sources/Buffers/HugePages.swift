import CPosix

/// Blocks for pictures, which lie in huge pages where the system leaves that to programs: the first pass over one then
/// meets hundreds of page faults less, and later ones fewer misses of the TLB.
enum HugePages {
    /// Bytes of a huge page on x86-64 and, with pages of 4 KiB, on ARM.
    private static let size = 2 << 20
    /// Smaller blocks are not worth it.
    static let leastBlock = 2 * size

    /// A block to be given back by `free`; nil without memory. Its user should fill it: what is touched of it is
    /// there in pages of that size.
    @inline(never)
    static func block(_ bytes: Int, alignment: Int) -> UnsafeMutableRawPointer? {
        var block: UnsafeMutableRawPointer?
        guard posix_memalign(&block, max(alignment, size), bytes) == 0, let block else { return nil }
        // Whole huge pages only. It is no more than a wish.
        madvise(block, bytes & ~(size - 1), MADV_HUGEPAGE)
        return block
    }
}
