import Buffers
import COpenGL

/// What glReadPixels is asked for.
struct ReadFormat {
    var format: UInt32
    var type: UInt32
    var isDepth = false
    var isFloat = false

    /// `nil` for the formats that OpenGL cannot give.
    init?(_ pixels: PixelFormat) {
        type = FWGL_BYTE_UNSIGNED
        switch pixels {
        case .rgba8, .rgbx8, .rgb10a2, .rgba16, .rgba16f, .rgba32f: format = FWGL_RGBA
        case .bgra8, .bgrx8: format = FWGL_BGRA
        case .rgb8: format = FWGL_RGB
        case .bgr8: format = FWGL_BGR
        case .rg8: format = FWGL_RG
        case .r8, .r16, .r16f, .r32f: format = FWGL_RED
        case .depth16, .depth32f: format = FWGL_DEPTH_COMPONENT
        case .depth24s8: format = FWGL_DEPTH_STENCIL
        case .nv12, .i420: return nil
        }
        switch pixels {
        case .rgb10a2: type = FWGL_INT_2_10_10_10_REV
        case .rgba16, .r16, .depth16: type = FWGL_SHORT_UNSIGNED
        case .rgba16f, .r16f: type = FWGL_HALF_FLOAT
        case .rgba32f, .r32f, .depth32f: type = FWGL_FLOAT
        case .depth24s8: type = FWGL_INT_24_8
        default: break
        }
        switch pixels {
        case .depth16, .depth24s8, .depth32f: isDepth = true
        case .rgba16f, .rgba32f, .r16f, .r32f: isFloat = true
        default: break
        }
    }
}

/// What an attachment is made of: bits, and what they mean.
///
/// A class, as what it goes into: references pass in one register, and this is made only when something new is captured.
final class AttachmentDescription {
    var red: Int32 = 8
    var green: Int32 = 8
    var blue: Int32 = 8
    var alpha: Int32 = 8
    var depth: Int32 = 24
    var stencil: Int32 = 8
    var isFloat = false
    var isInteger = false
    var isSRGB = false

    /// The format for depth that loses nothing.
    var depthFormat: PixelFormat {
        if isFloat || depth > 24 { return .depth32f }
        // Depth alone of 24 bits has no format of its own; 32-bit floats hold them all.
        if depth <= 16 { return .depth16 }
        return stencil > 0 ? .depth24s8 : .depth32f
    }

    /// The format for colours that loses nothing; `nil` for 8 bits of several components, whose order is a matter of taste.
    func colorFormat(isES: Bool) -> PixelFormat? {
        // What OpenGL ES gives is four components, and what it is asked for otherwise is the driver's choice.
        let isSingle = green == 0 && blue == 0 && alpha == 0 && !isES
        let most = max(max(red, green), max(blue, alpha))
        if isFloat {
            if most > 16 { return isSingle ? .r32f : .rgba32f }
            return isSingle ? .r16f : .rgba16f
        }
        if most > 10 { return isES ? .rgba32f : isSingle ? .r16 : .rgba16 }
        if most > 8 { return .rgb10a2 }
        if isSingle { return .r8 }
        return blue == 0 && alpha == 0 && !isES ? .rg8 : nil
    }

    /// A sized internal format that holds these components; OpenGL wants the same one only in OpenGL ES.
    var internalFormat: UInt32 {
        let most = max(max(red, green), max(blue, alpha))
        if isFloat { return red == 11 ? 0x8C3A : most > 16 ? 0x8814 : 0x881A }
        if isSRGB { return 0x8C43 }
        if most > 10 { return 0x805B }
        if most > 8 { return 0x8059 }
        return alpha == 0 && blue > 0 ? 0x8051 : 0x8058
    }

    /// As ``internalFormat``, of depth.
    var internalDepthFormat: UInt32 {
        if isFloat { return stencil > 0 ? 0x8CAD : 0x8CAC }
        if depth <= 16, stencil == 0 { return 0x81A5 }
        if depth > 24 { return 0x81A7 }
        return stencil > 0 ? 0x88F0 : 0x81A6
    }
}
