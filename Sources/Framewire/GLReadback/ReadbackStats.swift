import Buffers

/// Counters of a ``GLReadback``, and its present state. Times are nanoseconds; percentiles are over the last 1024 captures, and
/// `nil` until there is one.
public struct ReadbackStats: Sendable {
    /// The path that is taken.
    public internal(set) var path = ReadbackPath.automatic
    /// Pixel buffers that there may be; 0 where none are used.
    public internal(set) var ringDepth = 0
    /// Pixel buffers that there are.
    public internal(set) var ringAllocated = 0
    /// Frames captured, and not yet handed over.
    public internal(set) var framesInFlight = 0
    /// Frames handed over, and still being read by the sender.
    public internal(set) var framesLent = 0
    /// The most of both together.
    public internal(set) var ringPeak = 0
    /// The format of the last capture.
    public internal(set) var format: PixelFormat?
    /// Captures that were begun.
    public internal(set) var framesCaptured: UInt64 = 0
    /// Frames handed over to the sender.
    public internal(set) var framesDelivered: UInt64 = 0
    /// Captures dropped because the ring was full, or lost by an error.
    public internal(set) var framesDropped: UInt64 = 0
    /// Captures that found every buffer taken and the GPU behind, or, where OpenGL tells nothing, reads of more than 1 ms.
    public internal(set) var stalls: UInt64 = 0
    /// Bytes copied by the processor between the GPU and the compressor: path `direct`.
    public internal(set) var pixelBytesCopied: UInt64 = 0
    /// Time inside a capture, on the render thread.
    public internal(set) var captureP50: Int64?
    public internal(set) var captureP99: Int64?
    /// From a capture until the frame was handed over.
    public internal(set) var readbackP50: Int64?
    public internal(set) var readbackP99: Int64?
}
