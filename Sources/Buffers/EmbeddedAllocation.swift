#if hasFeature(Embedded)
    import CPosix

    /// Where Embedded Swift gets the memory of its objects from: it calls this function for all of them, and
    /// glibc's goes past the cache that each thread has of small blocks, which costs more than half of the
    /// making of a buffer.
    ///
    /// As it is not public, only the library itself sees it.
    @_cdecl("posix_memalign")
    func alignedBlock(
        _ out: UnsafeMutablePointer<UnsafeMutableRawPointer?>, _ alignment: Int, _ size: Int
    ) -> Int32 {
        // What malloc aligns to.
        if alignment <= 16 {
            out.pointee = malloc(size)
        } else {
            let (sum, overflow) = size.addingReportingOverflow(alignment - 1)
            out.pointee = overflow ? nil : aligned_alloc(alignment, sum & ~(alignment - 1))
        }
        return out.pointee == nil ? ENOMEM : 0
    }
#endif
