/// Bytes in several allocations that one after another hold what was given.
public final class ScatteredBytes {
    public let regions: UnsafeMutableBufferPointer<UnsafeRawBufferPointer>
    private var blocks: [UnsafeMutableRawBufferPointer] = []

    /// Cuts `bytes` into `pieces` of random sizes, empty ones included.
    public init(_ bytes: [UInt8], pieces: Int, using random: inout SeededGenerator) {
        var cuts = (1..<max(1, pieces)).map { _ in Int.random(in: 0...bytes.count, using: &random) }
        cuts.sort()
        cuts.append(bytes.count)
        regions = .allocate(capacity: cuts.count)
        var start = 0
        for (index, end) in cuts.enumerated() {
            // Each allocation is as long as its piece, so that an address sanitizer sees any read beyond.
            let block = UnsafeMutableRawBufferPointer.allocate(byteCount: end - start, alignment: 1)
            bytes.withUnsafeBytes {
                block.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[start..<end]))
            }
            blocks.append(block)
            regions.initializeElement(at: index, to: UnsafeRawBufferPointer(block))
            start = end
        }
    }

    deinit {
        for block in blocks { block.deallocate() }
        regions.deallocate()
    }
}
