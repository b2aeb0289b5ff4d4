import CPosix
import Synchronization

/// Where the blocks of memories come from, if not from `malloc`.
package struct Allocator {
    package typealias Allocate =
        @convention(c) (Int, Int, UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer?
    package typealias Free = @convention(c) (UnsafeMutableRawPointer?, UnsafeMutableRawPointer?) -> Void

    let allocate: Allocate
    let free: Free
    let user: UnsafeMutableRawPointer?
    /// The one that was set before: none is ever freed, as its blocks go back to it.
    let previous: UInt

    /// Makes these functions the source of the blocks to come.
    package static func set(_ allocate: Allocate, _ free: Free, user: UnsafeMutableRawPointer?) {
        let allocator = UnsafeMutablePointer<Allocator>.allocate(capacity: 1)
        allocator.initialize(
            to: Allocator(
                allocate: allocate, free: free, user: user,
                previous: newestAllocator.load(ordering: .acquiring)))
        newestAllocator.store(UInt(bitPattern: allocator), ordering: .releasing)
        currentAllocator.store(UInt(bitPattern: allocator), ordering: .releasing)
    }

    /// Brings back `malloc`.
    package static func reset() {
        currentAllocator.store(0, ordering: .releasing)
    }
}

/// The address of the ``Allocator`` in use; 0 for `malloc`.
private let currentAllocator = Atomic<UInt>(0)
/// The address of the ``Allocator`` that was set last, which leads to all others.
private let newestAllocator = Atomic<UInt>(0)

/// A new block of bytes, and how it is given back.
struct Block {
    /// The aligned first byte.
    let base: UnsafeMutableRawPointer
    /// Called with `user`; without it, `user` is what `free` gets.
    let releaseFunction: Memory.ReleaseFunction?
    let user: UnsafeMutableRawPointer

    /// A block of at least `size` bytes.
    ///
    /// `malloc` aligns to 16 bytes. For a little more than that, it is faster to ask it for more bytes and to
    /// align by hand than to call `posix_memalign`, which goes past the thread's cache of glibc.
    @inline(__always)
    init(size: Int, alignment: Int, isSparse: Bool) throws(BufferError) {
        let source = currentAllocator.load(ordering: .acquiring)
        if source != 0 {
            self = try Self.hooked(source, size: size, alignment: alignment)
            return
        }
        var block: UnsafeMutableRawPointer?
        if size >= HugePages.leastBlock, !isSparse {
            block = HugePages.block(size, alignment: alignment)
        } else if alignment <= 16 {
            block = malloc(max(size, 1))
        } else if alignment <= 256 {
            let (total, overflow) = size.addingReportingOverflow(alignment - 16)
            block = overflow ? nil : malloc(max(total, 1))
        } else if posix_memalign(&block, alignment, max(size, 1)) != 0 {
            block = nil
        }
        guard let block else { throw .noMemory(bytes: size) }
        let mask = UInt(alignment - 1)
        self.init(
            base: UnsafeMutableRawPointer(bitPattern: (UInt(bitPattern: block) + mask) & ~mask)!,
            releaseFunction: nil, user: block)
    }

    private init(
        base: UnsafeMutableRawPointer, releaseFunction: Memory.ReleaseFunction?, user: UnsafeMutableRawPointer
    ) {
        self.base = base
        self.releaseFunction = releaseFunction
        self.user = user
    }

    /// What stands right before the bytes of a block of a user's allocator.
    private struct Origin {
        let allocator: UnsafePointer<Allocator>
        let block: UnsafeMutableRawPointer
    }

    @inline(never)
    private static func hooked(_ source: UInt, size: Int, alignment: Int) throws(BufferError) -> Block {
        let allocator = UnsafePointer<Allocator>(bitPattern: source)!
        let alignment = max(alignment, MemoryLayout<Origin>.size)
        // The first multiple of the alignment has room for the origin before it.
        let (total, overflow) = size.addingReportingOverflow(alignment)
        guard !overflow, let block = allocator.pointee.allocate(total, alignment, allocator.pointee.user)
        else {
            throw .noMemory(bytes: size)
        }
        let base = block + alignment
        let origin = (base - MemoryLayout<Origin>.size).bindMemory(to: Origin.self, capacity: 1)
        origin.initialize(to: Origin(allocator: allocator, block: block))
        return Block(
            base: base,
            releaseFunction: { raw in
                let origin = raw!.assumingMemoryBound(to: Origin.self).pointee
                origin.allocator.pointee.free(origin.block, origin.allocator.pointee.user)
            }, user: UnsafeMutableRawPointer(origin))
    }
}
