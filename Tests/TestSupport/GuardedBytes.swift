import CPosix

/// Memory with a margin before and behind it that shows whether anything was written there.
public final class GuardedBytes {
    private static let margin = 256
    private static let mark: UInt8 = 0xA5
    private static let marks = [UInt8](repeating: mark, count: margin)
    private let whole: UnsafeMutableRawBufferPointer
    public let count: Int

    public init(count: Int) {
        self.count = count
        whole = .allocate(byteCount: count + 2 * Self.margin, alignment: 64)
        whole.initializeMemory(as: UInt8.self, repeating: Self.mark)
    }

    deinit {
        whole.deallocate()
    }

    public var base: UnsafeMutableRawPointer { whole.baseAddress! + Self.margin }

    public var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }

    /// Whether the margins are as they were made.
    public var isIntact: Bool {
        // Not by `allSatisfy`: some tests look at the margins a hundred thousand times.
        memcmp(whole.baseAddress!, Self.marks, Self.margin) == 0
            && memcmp(whole.baseAddress! + Self.margin + count, Self.marks, Self.margin) == 0
    }
}
