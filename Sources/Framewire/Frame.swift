import Buffers
import Codec

/// One picture: pixels with their description.
///
/// A frame comes from ``Sender/acquire(_:)``, to be filled, or from ``Receiver/next(timeout:)``, to be read; without a
/// connection from ``FrameMessageEncoder/acquire(_:)`` and ``FrameMessageDecoder/nextFrame()``. Copies of the value
/// share the pixels; when the last one is gone, the memory goes back to the pool it came from. A frame may outlive
/// whom it came from.
public struct Frame: @unchecked Sendable {
    // Unchecked: one thread at a time writes the pixels of an acquired frame, as the documentation asks.
    private final class Lease {
        let slot: FrameSlot

        init(_ slot: FrameSlot) {
            self.slot = slot
        }

        deinit {
            slot.drop()
        }
    }

    private let lease: Lease

    package var slot: FrameSlot { lease.slot }

    /// Takes over one ownership of `slot`.
    package init(_ slot: FrameSlot) {
        lease = Lease(slot)
    }

    /// What the pixels are. Received frames are top-down and packed, whatever the source was; `stride` is
    /// never 0.
    public var info: FrameInfo { slot.info }

    /// Where the rows lie in ``withUnsafeBytes(_:)``.
    public var layout: FrameLayout { slot.layout }

    /// How long a received frame took.
    public var timing: FrameTiming { slot.timing }

    /// Whose frame a received one is, as in ``ConnectionEvent/peerID``; 0 of other frames.
    public var peerID: UInt64 { slot.peerID }

    /// XXH3-64 of the packed picture as the sender computed it, if it did.
    public var sentChecksum: UInt64? { slot.sentChecksum }

    /// The buffer that holds the pixels, with its times and metas: of a received frame also those that came with it. While
    /// a copy of the value lives, the frame's memory does not go back to the pool, and who writes to one writes to memory
    /// of its own. `nil` for a frame over memory of the caller's.
    public var buffer: Buffer? { slot.buffer }

    /// Calls `body` with the pixels, from the first to the last byte in memory.
    public func withUnsafeBytes<R, E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> R) throws(E) -> R {
        try body(UnsafeRawBufferPointer(start: slot.base, count: slot.layout.size))
    }

    /// Calls `body` with the pixels of an acquired frame, to be written.
    ///
    /// Not of a received one: the frames after it may be decoded from its pixels.
    public func withUnsafeMutableBytes<R, E: Error>(
        _ body: (UnsafeMutableRawBufferPointer) throws(E) -> R
    ) throws(E) -> R {
        try body(UnsafeMutableRawBufferPointer(start: slot.base, count: slot.layout.size))
    }

    /// XXH3-64 over the packed picture, computed now: rows top-down, no padding.
    ///
    /// - Throws: ``FramewireError`` with code `noMemory`.
    public func checksum() throws(FramewireError) -> UInt64 {
        do {
            return try slot.source.checksum()
        } catch {
            throw FramewireError(error, payloadOffset: 0)
        }
    }
}

/// XXH3-64 over a picture that lies in one piece: rows top-down, no padding.
///
/// - Parameter pixels: at least `layout.size` bytes.
/// - Throws: ``FramewireError`` with code `noMemory`.
package func pictureChecksum(
    _ layout: FrameLayout, _ pixels: UnsafeRawBufferPointer
) throws(FramewireError) -> UInt64 {
    do {
        return try withUnsafePointer(to: pixels) { (region) throws(CodecError) in
            try PixelSource(layout: layout, regions: UnsafeBufferPointer(start: region, count: 1)).checksum()
        }
    } catch {
        throw FramewireError(error, payloadOffset: 0)
    }
}
