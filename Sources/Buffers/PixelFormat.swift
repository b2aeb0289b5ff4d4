/// How the bytes of a pixel follow each other in memory.
///
/// The raw values are those of the wire format and of `fw_pixel_format` and never change. Components of more
/// than one byte are little-endian.
public enum PixelFormat: UInt16, Sendable, CaseIterable {
    /// 4 bytes: red, green, blue, alpha.
    case rgba8 = 1
    /// 4 bytes: blue, green, red, alpha.
    case bgra8 = 2
    /// 4 bytes: red, green, blue and one unused byte, which is carried as it is.
    case rgbx8 = 3
    /// 4 bytes: blue, green, red and one unused byte, which is carried as it is.
    case bgrx8 = 4
    /// 3 bytes: red, green, blue.
    case rgb8 = 5
    /// 3 bytes: blue, green, red.
    case bgr8 = 6
    /// 1 byte: red or grey.
    case r8 = 7
    /// 2 bytes: red, green.
    case rg8 = 8
    /// 4 bytes: red in bits 0–9, green 10–19, blue 20–29, alpha 30–31.
    case rgb10a2 = 9
    /// 8 bytes: four 16-bit unsigned integers.
    case rgba16 = 10
    /// 8 bytes: four IEEE half floats.
    case rgba16f = 11
    /// 16 bytes: four IEEE floats.
    case rgba32f = 12
    /// 2 bytes: one 16-bit unsigned integer.
    case r16 = 13
    /// 2 bytes: one IEEE half float.
    case r16f = 14
    /// 4 bytes: one IEEE float.
    case r32f = 15
    /// 2 bytes: depth.
    case depth16 = 16
    /// 4 bytes: 24 bits of depth, 8 bits of stencil.
    case depth24s8 = 17
    /// 4 bytes: depth as an IEEE float.
    case depth32f = 18
    /// 12 bits: a plane of Y, then a plane of U V pairs at half width and half height.
    case nv12 = 19
    /// 12 bits: planes of Y, U and V; U and V at half width and half height.
    case i420 = 20

    /// The lower-case name, as the command line and `fw_pixel_format_name` use it.
    public var name: StaticString {
        switch self {
        case .rgba8: "rgba8"
        case .bgra8: "bgra8"
        case .rgbx8: "rgbx8"
        case .bgrx8: "bgrx8"
        case .rgb8: "rgb8"
        case .bgr8: "bgr8"
        case .r8: "r8"
        case .rg8: "rg8"
        case .rgb10a2: "rgb10a2"
        case .rgba16: "rgba16"
        case .rgba16f: "rgba16f"
        case .rgba32f: "rgba32f"
        case .r16: "r16"
        case .r16f: "r16f"
        case .r32f: "r32f"
        case .depth16: "depth16"
        case .depth24s8: "depth24s8"
        case .depth32f: "depth32f"
        case .nv12: "nv12"
        case .i420: "i420"
        }
    }

    /// Bytes of one pixel of the first plane: 1 for the planar formats.
    public var bytesPerPixel: Int {
        switch self {
        case .r8, .nv12, .i420: 1
        case .rg8, .r16, .r16f, .depth16: 2
        case .rgb8, .bgr8: 3
        case .rgba8, .bgra8, .rgbx8, .bgrx8, .rgb10a2, .r32f, .depth24s8, .depth32f: 4
        case .rgba16, .rgba16f: 8
        case .rgba32f: 16
        }
    }

    /// The number of planes, 1 to 3.
    public var planeCount: Int {
        switch self {
        case .nv12: 2
        case .i420: 3
        default: 1
        }
    }
}

/// Which row of a picture is first in memory. `glReadPixels` gives bottom-up.
public enum RowOrder: UInt8, Sendable {
    case topDown = 0
    case bottomUp = 1
}
