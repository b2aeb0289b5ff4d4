import CPosix
import Synchronization

/// What may be done with a ``Memory``. The raw values are those of `fw_memory_flags`.
public struct MemoryFlags: OptionSet, Sendable {
    public let rawValue: UInt32

    public init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    /// Can never be mapped for writing.
    public static let readOnly = MemoryFlags(rawValue: 1 << 0)
    /// Is copied where it would be shared.
    public static let noShare = MemoryFlags(rawValue: 1 << 1)

    /// The prefix of a new block is filled with zeros.
    public static let zeroPrefixed = MemoryFlags(rawValue: 1 << 2)
    /// The padding of a new block is filled with zeros.
    public static let zeroPadded = MemoryFlags(rawValue: 1 << 3)
    /// The owner of foreign bytes says that they follow each other in physical memory.
    public static let physicallyContiguous = MemoryFlags(rawValue: 1 << 4)
    /// There are no bytes that the processor can reach: maps fail.
    public static let notMappable = MemoryFlags(rawValue: 1 << 5)

    static let known = MemoryFlags(rawValue: 0x3F)
    /// What a share has of the memory it is a window into.
    static let inherited: MemoryFlags = [.physicallyContiguous, .notMappable]
}

/// How a block is to be allocated.
public struct AllocationParameters: Sendable {
    /// The largest ``alignment``, in bytes.
    public static let maximumAlignment = 65536

    /// Flags of the new memory.
    public var flags: MemoryFlags
    /// Alignment of the base address in bytes: a power of two, at most ``maximumAlignment``.
    public var alignment: Int
    /// Bytes before the visible ones.
    public var prefix: Int
    /// Bytes behind the visible ones.
    public var padding: Int
    /// Whether much of the block stays untouched, so that huge pages would cost memory.
    package var isSparse = false

    public init(flags: MemoryFlags = [], alignment: Int = 64, prefix: Int = 0, padding: Int = 0) {
        self.flags = flags
        self.alignment = alignment
        self.prefix = prefix
        self.padding = padding
    }
}

/// One contiguous block of bytes, or a window into one.
///
/// The visible bytes are `base + offset ..< base + offset + size`. A memory comes from an allocation, from
/// foreign bytes with a release function, or from ``share(offset:size:)``, which makes a read-only window
/// into the block of another memory. While a share lives, or while several buffers hold the memory, its bytes
/// cannot be mapped for writing.
///
/// Threads: any number may read, map for reading and share. ``resize(offset:size:)`` asks for a single user.
public final class Memory: @unchecked Sendable {
    // Unchecked: the counts are atomic, and the window is changed by a single owner only.

    /// The C function that gives foreign bytes back.
    package typealias ReleaseFunction = @convention(c) (UnsafeMutableRawPointer?) -> Void

    /// The first byte of the block; nil only for foreign blocks of no bytes.
    @exclusivity(unchecked) private(set) var base: UnsafeMutableRawPointer?
    /// The size of the block in bytes.
    @exclusivity(unchecked) public private(set) var maxSize: Int
    @exclusivity(unchecked) public private(set) var flags: MemoryFlags
    /// The memory that owns the block, if this one is a share; never a share itself.
    ///
    /// Its places in buffers and the shares of it have one reference to it together: see `Sharing`. Of an idle share
    /// it is the next one: see ``becomeIdle(before:)``.
    @exclusivity(unchecked) private(set) var root: Unmanaged<Memory>?
    /// Called with `user` when a foreign block is given back. Without it, `user` is what `free` gets: a block
    /// of our own, or nil.
    private let releaseFunction: ReleaseFunction?
    private let user: UnsafeMutableRawPointer?

    @exclusivity(unchecked) private var windowOffset: Int
    @exclusivity(unchecked) private var windowSize: Int

    /// The open maps: see `MapCounts`.
    let maps = Atomic<UInt64>(0)
    /// Who else has an interest in the bytes: see `Sharing`.
    let sharing = Atomic<UInt64>(0)

    private init(
        base: UnsafeMutableRawPointer?, maxSize: Int, offset: Int, size: Int, flags: MemoryFlags,
        root: Unmanaged<Memory>?,
        releaseFunction: ReleaseFunction?, user: UnsafeMutableRawPointer?
    ) {
        self.base = base
        self.maxSize = maxSize
        self.flags = flags
        self.root = root
        self.releaseFunction = releaseFunction
        self.user = user
        windowOffset = offset
        windowSize = size
    }

    /// A new block with `size` visible bytes of undefined content.
    ///
    /// - Throws: ``BufferError/Kind/invalidArgument`` for the alignment or unknown flags,
    ///   ``BufferError/Kind/outOfRange`` when the sum of the sizes overflows,
    ///   ``BufferError/Kind/noMemory``.
    public convenience init(
        size: Int, parameters: AllocationParameters = AllocationParameters()
    ) throws(BufferError) {
        let maxSize: Int
        let block: Block
        do throws(BufferError) {
            maxSize = try parameters.blockSize(visible: size)
            block = try Block(
                size: maxSize, alignment: parameters.alignment, isSparse: parameters.isSparse)
        } catch {
            self.init(nothing: ())
            throw error
        }
        if parameters.flags.contains(.zeroPrefixed) { memset(block.base, 0, parameters.prefix) }
        if parameters.flags.contains(.zeroPadded) {
            memset(block.base + parameters.prefix + size, 0, parameters.padding)
        }
        self.init(
            base: block.base, maxSize: maxSize, offset: parameters.prefix, size: size,
            flags: parameters.flags, root: nil,
            releaseFunction: block.releaseFunction, user: block.user)
    }

    /// A memory over foreign bytes, of which `window` is visible.
    ///
    /// `release` is called once when the memory and all shares of it are gone, on the thread that drops the
    /// last reference; not when this initializer throws.
    ///
    /// - Throws: ``BufferError/Kind/invalidArgument`` for unknown flags, ``BufferError/Kind/outOfRange`` when
    ///   `window` does not lie in `bytes`.
    public convenience init(
        wrapping bytes: UnsafeMutableRawBufferPointer, window: Range<Int>? = nil, flags: MemoryFlags = [],
        release: (() -> Void)? = nil
    ) throws(BufferError) {
        let window = window ?? 0..<bytes.count
        try checkWrapped(
            base: bytes.baseAddress, maxSize: bytes.count, offset: window.lowerBound, size: window.count,
            flags: flags)
        var function: ReleaseFunction?
        var user: UnsafeMutableRawPointer?
        if let release {
            user = Unmanaged.passRetained(ReleaseClosure(release)).toOpaque()
            function = { user in
                Unmanaged<ReleaseClosure>.fromOpaque(user!).takeRetainedValue().body()
            }
        }
        self.init(
            base: bytes.baseAddress, maxSize: bytes.count, offset: window.lowerBound, size: window.count,
            flags: flags,
            root: nil, releaseFunction: function, user: user)
    }

    /// As ``init(wrapping:window:flags:release:)``, with a C function, which costs no closure.
    package convenience init(
        wrapping base: UnsafeMutableRawPointer?, maxSize: Int, offset: Int, size: Int, flags: MemoryFlags,
        release: ReleaseFunction?, user: UnsafeMutableRawPointer?
    ) throws(BufferError) {
        do throws(BufferError) {
            try checkWrapped(base: base, maxSize: maxSize, offset: offset, size: size, flags: flags)
        } catch {
            self.init(nothing: ())
            throw error
        }
        self.init(
            base: base, maxSize: maxSize, offset: offset, size: size, flags: flags, root: nil,
            releaseFunction: release, user: release == nil ? nil : user)
    }

    /// What an initializer makes of itself before it throws: Embedded Swift does not free an object that is
    /// incomplete then.
    private convenience init(nothing: Void) {
        self.init(
            base: nil, maxSize: 0, offset: 0, size: 0, flags: [], root: nil, releaseFunction: nil, user: nil)
    }

    /// A read-only window into the block of `root`, whose share count the caller has raised.
    fileprivate convenience init(share root: Unmanaged<Memory>, offset: Int, size: Int) {
        let (base, maxSize, flags) = root._withUnsafeGuaranteedRef { ($0.base, $0.maxSize, $0.flags) }
        self.init(
            base: base, maxSize: maxSize, offset: offset, size: size,
            flags: flags.intersection(.inherited).union(.readOnly), root: root,
            releaseFunction: nil, user: nil)
    }

    deinit {
        if let root {
            root.dropShare()
        } else if let releaseFunction {
            releaseFunction(user)
        } else {
            free(user)
        }
    }

    /// Bytes from the start of the block to the first visible one.
    public var offset: Int { windowOffset }

    /// The number of visible bytes.
    public var size: Int { windowSize }

    /// The visible bytes, without the bookkeeping of a map: for the library's own use, where the rules of
    /// maps are known to hold.
    package var visibleBytes: UnsafeMutableRawBufferPointer {
        guard let base else {
            // Of no bytes, or of bytes that cannot be reached and so never are.
            return UnsafeMutableRawBufferPointer(
                start: UnsafeMutableRawPointer(bitPattern: windowSize == 0 ? 0 : 16), count: windowSize)
        }
        return UnsafeMutableRawBufferPointer(start: base + windowOffset, count: windowSize)
    }

    /// Whether the memory can be mapped for writing now, as far as other holders of its bytes go: it is not
    /// read-only, no share of it is alive, it is no share itself, and at most one buffer holds it.
    public var isWritable: Bool {
        root == nil && flags.isDisjoint(with: [.readOnly, .notMappable])
            && !Sharing.isShared(sharing.load(ordering: .acquiring))
    }

    /// Moves the window: its start by `offset` bytes, which may be negative and reaches into the prefix then,
    /// its size to `size` bytes. Open maps keep their bytes.
    ///
    /// - Throws: ``BufferError/Kind/outOfRange`` when the window would leave the block.
    public func resize(offset: Int, size: Int) throws(BufferError) {
        let (start, overflow) = windowOffset.addingReportingOverflow(offset)
        guard !overflow, start >= 0, start <= maxSize, size >= 0, size <= maxSize - start else {
            throw .outOfRange(
                "a window of \(size) bytes, moved by \(offset) from offset \(windowOffset), leaves the block of"
                    + " \(maxSize) bytes")
        }
        windowOffset = start
        windowSize = size
    }

    /// Puts the window of a block of our own back where it was, for the next user of the block.
    func resetWindow(offset: Int, size: Int) {
        windowOffset = offset
        windowSize = size
    }

    /// Whether `second` follows `first` without a gap in the same block, so that both can be seen as one.
    ///
    /// - Returns: the start of `first` in the block, in bytes; nil if they are no span.
    public static func isSpan(_ first: Memory, _ second: Memory) -> Int? {
        guard first.block == second.block else { return nil }
        return first.windowOffset + first.windowSize == second.windowOffset ? first.windowOffset : nil
    }

    /// A read-only window of `size` bytes from `offset` of the visible bytes, without a copy. It keeps the
    /// block alive. A memory that is ``MemoryFlags/noShare`` is copied instead.
    ///
    /// - Throws: ``BufferError/Kind/outOfRange``; ``BufferError/Kind/notWritable`` while the memory is mapped
    ///   for writing; ``BufferError/Kind/noMemory``.
    public func share(offset: Int, size: Int) throws(BufferError) -> Memory {
        try checkRegion(offset: offset, size: size)
        if flags.contains(.noShare) { return try copy(offset: offset, size: size) }
        return try shareOfBlock(offset: windowOffset + offset, size: size)
    }

    /// A read-only window of `size` bytes from `offset` of the block, which must lie in it.
    func shareOfBlock(offset: Int, size: Int) throws(BufferError) -> Memory {
        let owner = root ?? Unmanaged.passUnretained(self)
        guard owner.addShare() else { throw .mappedForWriting }
        return Memory(share: owner, offset: offset, size: size)
    }

    /// A private, writable copy of `size` bytes from `offset` of the visible bytes.
    ///
    /// - Throws: ``BufferError/Kind/outOfRange``, ``BufferError/Kind/noMemory``.
    public func copy(offset: Int, size: Int) throws(BufferError) -> Memory {
        try checkRegion(offset: offset, size: size)
        return try copyOfBlock(offset: windowOffset + offset, size: size)
    }

    /// A private copy of `size` bytes from `offset` of the block, which must lie in it.
    func copyOfBlock(offset: Int, size: Int) throws(BufferError) -> Memory {
        if flags.contains(.notMappable) { throw .notMappable }
        let copy = try Memory(size: size)
        if size > 0 { memcpy(copy.base!, base! + offset, size) }
        return copy
    }

    // MARK: Shares that are used again

    /// As ``shareOfBlock(offset:size:)``, of which the caller gets the reference. The first of the idle shares in
    /// `idle`, if there is one, becomes the share.
    func shareOfBlock(
        offset: Int, size: Int, reusing idle: inout Unmanaged<Memory>?
    ) throws(BufferError) -> Unmanaged<Memory> {
        guard let first = idle else {
            return Unmanaged.passRetained(try shareOfBlock(offset: offset, size: size))
        }
        let owner = root ?? Unmanaged.passUnretained(self)
        guard owner.addShare() else { throw .mappedForWriting }
        first._withUnsafeGuaranteedRef { share in
            idle = share.root
            share.root = owner
            share.base = base
            share.maxSize = maxSize
            share.flags = owner._withUnsafeGuaranteedRef {
                $0.flags.intersection(.inherited).union(.readOnly)
            }
            share.windowOffset = offset
            share.windowSize = size
            share.sharing.store(0, ordering: .relaxed)
        }
        return first
    }

    /// Makes a share, to which nobody else refers, an idle one, which comes before `next` in a chain of them.
    ///
    /// - Returns: the memory that it was a share of, and that counts it still.
    func becomeIdle(before next: Unmanaged<Memory>?) -> Unmanaged<Memory> {
        let owner = root!
        root = next
        base = nil
        maxSize = 0
        windowOffset = 0
        windowSize = 0
        return owner
    }

    /// Frees a chain of idle shares.
    static func releaseIdle(_ first: Unmanaged<Memory>?) {
        var next = first
        while let idle = next {
            next = idle._withUnsafeGuaranteedRef { share in
                let next = share.root
                share.root = nil
                return next
            }
            idle.release()
        }
    }

    private func checkRegion(offset: Int, size: Int) throws(BufferError) {
        guard offset >= 0, offset <= windowSize, size >= 0, size <= windowSize - offset else {
            throw .outOfRange(
                "\(size) bytes from offset \(offset) reach past the \(windowSize) bytes of the memory")
        }
    }
}

/// Holds the closure that releases foreign bytes.
private final class ReleaseClosure {
    let body: () -> Void

    init(_ body: @escaping () -> Void) {
        self.body = body
    }
}

private func checkWrapped(
    base: UnsafeMutableRawPointer?, maxSize: Int, offset: Int, size: Int, flags: MemoryFlags
) throws(BufferError) {
    try flags.check()
    guard maxSize >= 0, offset >= 0, offset <= maxSize, size >= 0, size <= maxSize - offset else {
        throw .outOfRange(
            "a window of \(size) bytes at offset \(offset) does not lie in a block of \(maxSize) bytes")
    }
    guard base != nil || maxSize == 0 || flags.contains(.notMappable) else {
        throw .invalidArgument("data is NULL, but the block is said to have \(maxSize) bytes")
    }
}

extension MemoryFlags {
    fileprivate func check() throws(BufferError) {
        guard isSubset(of: .known) else {
            throw .invalidArgument(
                "memory flags \(rawValue) have bits that mean nothing; known are \(Self.known.rawValue)")
        }
    }
}

extension AllocationParameters {
    /// The size of a block with `visible` visible bytes.
    func blockSize(visible: Int) throws(BufferError) -> Int {
        try flags.check()
        guard flags.isDisjoint(with: .physicallyContiguous) else {
            throw .invalidArgument(
                "only the owner of foreign bytes can say that they are physically contiguous")
        }
        guard alignment >= 1, alignment <= Self.maximumAlignment, alignment & (alignment - 1) == 0 else {
            throw .invalidArgument(
                "alignment is \(alignment); it must be a power of two of at most \(Self.maximumAlignment) bytes"
            )
        }
        let (head, headOverflow) = prefix.addingReportingOverflow(visible)
        let (total, totalOverflow) = head.addingReportingOverflow(padding)
        guard visible >= 0, prefix >= 0, padding >= 0, !headOverflow, !totalOverflow else {
            throw .outOfRange("prefix, size and padding together are more bytes than a block can have")
        }
        return total
    }
}
