/// Colour description by the code points of ITU-T H.273.
public struct ColorDescription: Sendable, Equatable {
    /// `ColourPrimaries`; 2 is unspecified.
    public var primaries: UInt8
    /// `TransferCharacteristics`; 2 is unspecified.
    public var transfer: UInt8
    /// `MatrixCoefficients`; 2 is unspecified.
    public var matrix: UInt8
    /// 0 unspecified, 1 full (0–255 for 8 bits), 2 limited (16–235).
    public var range: UInt8

    public init(primaries: UInt8 = 2, transfer: UInt8 = 2, matrix: UInt8 = 2, range: UInt8 = 0) {
        self.primaries = primaries
        self.transfer = transfer
        self.matrix = matrix
        self.range = range
    }
}

/// Properties of a frame that are either there or not.
public struct FrameFlags: OptionSet, Sendable {
    public let rawValue: UInt32

    public init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    /// The source's time line jumps before this frame.
    public static let discontinuity = FrameFlags(rawValue: 1 << 0)
    /// The frame needs no other frame: it is to be coded so, or, set by the library on received frames, was.
    public static let key = FrameFlags(rawValue: 1 << 1)
}

/// Describes the pixels of one frame: geometry, format and time.
public struct FrameInfo: Sendable, Equatable {
    /// The largest width and height that can be described, in pixels.
    public static let maximumSide = 65535

    /// Pixels, 1 to ``maximumSide``.
    public var width: Int
    /// Pixels, 1 to ``maximumSide``.
    public var height: Int
    public var format: PixelFormat
    public var rowOrder: RowOrder
    /// Bytes from one row to the next in memory; 0 is tightly packed. For the planes of ``PixelFormat/i420``
    /// beyond the first it is `(stride + 1) / 2`.
    public var stride: Int
    /// Presentation time in nanoseconds.
    public var pts: Int64?
    /// Duration in nanoseconds.
    public var duration: Int64?
    public var color: ColorDescription
    /// Tells streams over one connection apart.
    public var streamID: UInt32
    /// For example 0 for the left eye and 1 for the right.
    public var viewID: UInt32
    public var flags: FrameFlags
    /// Counts the frames that were given to a sender, from 0; set by the library.
    public var sequence: UInt64

    public init(
        width: Int, height: Int, format: PixelFormat = .rgba8, rowOrder: RowOrder = .topDown, stride: Int = 0,
        pts: Int64? = nil, duration: Int64? = nil, color: ColorDescription = ColorDescription(),
        streamID: UInt32 = 0, viewID: UInt32 = 0, flags: FrameFlags = [], sequence: UInt64 = 0
    ) {
        self.width = width
        self.height = height
        self.format = format
        self.rowOrder = rowOrder
        self.stride = stride
        self.pts = pts
        self.duration = duration
        self.color = color
        self.streamID = streamID
        self.viewID = viewID
        self.flags = flags
        self.sequence = sequence
    }
}
