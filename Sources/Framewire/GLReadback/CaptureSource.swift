import Buffers
import COpenGL

/// What is captured: found out when it is new, and kept as long as it stays the same.
struct CaptureSource: Equatable {
    var framebuffer: UInt32 = 0
    /// As it was asked for; 0 for the buffer that is set.
    var attachment: UInt32 = 0
    var width = 0
    var height = 0
    /// The attachment's object, so that another one is noticed.
    var objectType: Int32 = 0
    var objectName: Int32 = 0
}

/// What follows from a ``CaptureSource``.
final class CaptureTraits {
    var pixels = PixelFormat.rgba8
    var read = ReadFormat(.rgba8)!
    var samples: Int32 = 0
    /// Of the framebuffer to resolve into.
    var internalFormat: UInt32 = 0
    var hasStencil = false
    var isSRGB = false
}

/// Looks at the framebuffer that is bound for reading. Nothing here causes an error of OpenGL that is not noticed here.
final class SourceInspector {
    let gl: OpenGL
    private(set) var framebuffer: UInt32 = 0
    /// The attachment in the words of queries.
    private var attachment: UInt32 = 0
    private(set) var isDepth = false
    private let readTarget: UInt32

    init(_ gl: OpenGL) {
        self.gl = gl
        readTarget = gl.separatesFramebuffers ? FWGL_READ_FRAMEBUFFER : FWGL_FRAMEBUFFER
    }

    /// Turns to another framebuffer, which is bound.
    ///
    /// - Parameters:
    ///   - requested: the attachment that the caller wants; 0 is the read buffer.
    ///   - isDepth: whether a format of depth is asked for.
    /// - Throws: ``FramewireError`` with code `gl`.
    func look(
        at framebuffer: UInt32, requested: UInt32, readBuffer: UInt32, isDepth: Bool
    ) throws(FramewireError) {
        self.framebuffer = framebuffer
        self.isDepth =
            isDepth || requested == FWGL_DEPTH_ATTACHMENT || requested == FWGL_DEPTH_STENCIL_ATTACHMENT
        if gl.has(.framebuffers) {
            let status = gl.call.pointee.CheckFramebufferStatus(readTarget)
            guard status == FWGL_FRAMEBUFFER_COMPLETE else {
                throw FramewireError(
                    .gl,
                    "framebuffer \(framebuffer) cannot be read: its status is \(Int(status)) (\(statusName(status)))"
                )
            }
        }
        guard !self.isDepth else {
            attachment = framebuffer == 0 ? FWGL_DEPTH : FWGL_DEPTH_ATTACHMENT
            return
        }
        attachment = requested == 0 ? readBuffer : requested
        guard isValid(attachment) else {
            throw FramewireError(
                .gl,
                attachment == FWGL_NONE
                    ? "GL_READ_BUFFER of framebuffer \(framebuffer) is GL_NONE; name the attachment to read"
                    : "framebuffer \(framebuffer) has no attachment \(Int(attachment)); use GL_COLOR_ATTACHMENT0 or one behind it for framebuffer objects, GL_BACK or GL_FRONT for the window's"
            )
        }
    }

    private func isValid(_ attachment: UInt32) -> Bool {
        if framebuffer != 0 {
            return attachment >= FWGL_COLOR_ATTACHMENT0
                && attachment - FWGL_COLOR_ATTACHMENT0 < gl.name(FWGL_MAX_COLOR_ATTACHMENTS)
        }
        if gl.isES { return attachment == FWGL_BACK }
        return attachment >= FWGL_FRONT_LEFT && attachment <= FWGL_AUX3 && attachment != FWGL_FRONT_AND_BACK
    }

    @inline(never)
    private func parameter(_ name: UInt32) -> Int32 {
        var value: Int32 = 0
        var asked = attachment
        if framebuffer == 0, !gl.isES {
            // Queries want one of the buffers that a name may stand for.
            switch attachment {
            case FWGL_BACK, 0x0403: asked = attachment == FWGL_BACK ? FWGL_BACK_LEFT : attachment
            case FWGL_FRONT, FWGL_LEFT: asked = FWGL_FRONT_LEFT
            case FWGL_RIGHT: asked = 0x0401
            default: break
            }
        }
        gl.call.pointee.GetFramebufferAttachmentParameteriv(readTarget, asked, name, &value)
        return value
    }

    /// Notes in `source` which object is read.
    ///
    /// - Throws: `gl` when nothing is attached.
    func identify(_ source: inout CaptureSource) throws(FramewireError) {
        guard gl.has(.framebuffers), framebuffer != 0 else { return }
        source.objectType = parameter(FWGL_ATTACHMENT_OBJECT_TYPE)
        guard source.objectType != 0 else {
            throw FramewireError(
                .gl, "nothing is attached to \(Int(attachment)) of framebuffer \(framebuffer)")
        }
        source.objectName = parameter(FWGL_ATTACHMENT_OBJECT_NAME)
    }

    private func describe() -> AttachmentDescription {
        let result = AttachmentDescription()
        guard gl.describesAttachments else { return result }
        let type = parameter(FWGL_ATTACHMENT_COMPONENT_TYPE)
        result.isFloat = type == Int32(FWGL_FLOAT)
        result.isInteger = type == FWGL_INT || type == FWGL_INT_UNSIGNED
        result.isSRGB = !isDepth && parameter(FWGL_ATTACHMENT_COLOR_ENCODING) == FWGL_SRGB
        result.red = parameter(FWGL_ATTACHMENT_RED_SIZE)
        result.green = parameter(FWGL_ATTACHMENT_GREEN_SIZE)
        result.blue = parameter(FWGL_ATTACHMENT_BLUE_SIZE)
        result.alpha = parameter(FWGL_ATTACHMENT_ALPHA_SIZE)
        result.depth = parameter(FWGL_ATTACHMENT_DEPTH_SIZE)
        result.stencil = isDepth ? stencilSize() : 0
        return result
    }

    /// The stencil bits that share an object with the depth. Where stencil is attached by itself there may be another object.
    private func stencilSize() -> Int32 {
        guard framebuffer != 0 else { return parameter(FWGL_ATTACHMENT_STENCIL_SIZE) }
        var type: Int32 = 0
        gl.call.pointee.GetFramebufferAttachmentParameteriv(
            readTarget, 0x8D20, FWGL_ATTACHMENT_OBJECT_TYPE, &type)
        guard type == parameter(FWGL_ATTACHMENT_OBJECT_TYPE) else { return 0 }
        var name: Int32 = 0
        gl.call.pointee.GetFramebufferAttachmentParameteriv(
            readTarget, 0x8D20, FWGL_ATTACHMENT_OBJECT_NAME, &name)
        return name == parameter(FWGL_ATTACHMENT_OBJECT_NAME) ? parameter(FWGL_ATTACHMENT_STENCIL_SIZE) : 0
    }

    /// Finds out what there is to know. Errors of OpenGL before this are the renderer's.
    ///
    /// - Parameter wanted: the format to read in, or `nil` for the attachment's own.
    /// - Throws: `unsupported`.
    func traits(_ source: CaptureSource, wanted: PixelFormat?) throws(FramewireError) -> CaptureTraits {
        let made = describe()
        guard !made.isInteger || isDepth else {
            throw FramewireError(
                .unsupported,
                "the attachment is of integers, for which there is no pixel format; draw into one of normalised or floating-point components"
            )
        }
        let traits = CaptureTraits()
        traits.pixels =
            wanted ?? (isDepth ? made.depthFormat : made.colorFormat(isES: gl.isES) ?? preferredFormat())
        if wanted == nil, gl.isES, traits.pixels == .rgba32f, made.isFloat, prefersHalfFloats {
            traits.pixels = .rgba16f
        } else if wanted == nil, gl.isES, traits.pixels == .rgba16f, !prefersHalfFloats {
            traits.pixels = .rgba32f
        }
        // The readback refused the formats that there is none for.
        traits.read = ReadFormat(traits.pixels) ?? traits.read
        guard traits.read.isDepth == isDepth else {
            throw FramewireError(
                .unsupported,
                "\(traits.pixels.name) is no format of \(isDepth ? "depth" : "colours"), which the attachment has"
            )
        }
        traits.isSRGB = made.isSRGB
        // OpenGL itself resolves the framebuffer of a window when it is read.
        guard framebuffer != 0, gl.separatesFramebuffers else { return traits }
        traits.samples = samples()
        guard traits.samples > 0 else { return traits }
        traits.hasStencil = isDepth && made.stencil > 0
        traits.internalFormat = isDepth ? made.internalDepthFormat : made.internalFormat
        if source.objectType == Int32(FWGL_RENDERBUFFER), gl.has(.blits) {
            let bound = gl.name(FWGL_RENDERBUFFER_BINDING)
            gl.call.pointee.BindRenderbuffer(FWGL_RENDERBUFFER, UInt32(bitPattern: source.objectName))
            var format: Int32 = 0
            gl.call.pointee.GetRenderbufferParameteriv(
                FWGL_RENDERBUFFER, FWGL_RENDERBUFFER_INTERNAL_FORMAT, &format)
            gl.call.pointee.BindRenderbuffer(FWGL_RENDERBUFFER, bound)
            if format != 0 { traits.internalFormat = UInt32(bitPattern: format) }
        }
        return traits
    }

    /// Samples a pixel; OpenGL says it of the framebuffer that is drawn into.
    private func samples() -> Int32 {
        let drawn = gl.name(FWGL_DRAW_FRAMEBUFFER_BINDING)
        guard drawn != framebuffer else { return gl.integer(FWGL_SAMPLES) }
        gl.call.pointee.BindFramebuffer(FWGL_DRAW_FRAMEBUFFER, framebuffer)
        let result = gl.integer(FWGL_SAMPLES)
        gl.call.pointee.BindFramebuffer(FWGL_DRAW_FRAMEBUFFER, drawn)
        return result
    }

    /// The order of 8-bit components that costs the driver least.
    private func preferredFormat() -> PixelFormat {
        // Before there was the question, BGRA was what drivers held.
        guard gl.tellsReadFormat else { return .bgra8 }
        let format = gl.name(FWGL_IMPLEMENTATION_COLOR_READ_FORMAT)
        let type = gl.integer(FWGL_IMPLEMENTATION_COLOR_READ_TYPE)
        let isBytes = type == Int32(FWGL_BYTE_UNSIGNED) || type == FWGL_INT_8_8_8_8_REV
        return format == FWGL_BGRA && isBytes ? .bgra8 : .rgba8
    }

    private var prefersHalfFloats: Bool {
        gl.name(FWGL_IMPLEMENTATION_COLOR_READ_FORMAT) == FWGL_RGBA
            && gl.name(FWGL_IMPLEMENTATION_COLOR_READ_TYPE) == FWGL_HALF_FLOAT
    }
}

/// A status of glCheckFramebufferStatus by its name.
private func statusName(_ status: UInt32) -> StaticString {
    switch status {
    case 0x8219: "GL_FRAMEBUFFER_UNDEFINED: there is no window"
    case 0x8CD6: "GL_FRAMEBUFFER_INCOMPLETE_ATTACHMENT"
    case 0x8CD7: "GL_FRAMEBUFFER_INCOMPLETE_MISSING_ATTACHMENT"
    case 0x8CDB: "GL_FRAMEBUFFER_INCOMPLETE_DRAW_BUFFER"
    case 0x8CDC: "GL_FRAMEBUFFER_INCOMPLETE_READ_BUFFER"
    case 0x8CDD: "GL_FRAMEBUFFER_UNSUPPORTED"
    case 0x8D56: "GL_FRAMEBUFFER_INCOMPLETE_MULTISAMPLE"
    default: "not complete"
    }
}
