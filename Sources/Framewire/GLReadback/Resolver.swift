import COpenGL

/// A framebuffer of the readback's own, into which multisampled ones are resolved.
struct Resolver {
    private var framebuffer: UInt32 = 0
    private var renderbuffer: UInt32 = 0
    private var width = 0
    private var height = 0
    private var format: UInt32 = 0
    private var isDepth = false

    /// Resolves a rectangle of `source`, which is bound for reading, and leaves the result bound for reading in its place,
    /// at the same coordinates: OpenGL ES resolves to nowhere else.
    ///
    /// - Throws: `unsupported`, `gl`.
    mutating func resolve(
        _ gl: OpenGL, _ traits: CaptureTraits, source: UInt32, x: Int32, y: Int32, width: Int32, height: Int32
    ) throws(FramewireError) {
        guard gl.has(.blits), traits.internalFormat != 0 else {
            throw FramewireError(
                .unsupported,
                "framebuffer \(source) has \(Int(traits.samples)) samples a pixel, and this context cannot resolve what it is made of; resolve it before the capture"
            )
        }
        try prepare(gl, traits, width: Int(x) + Int(width), height: Int(y) + Int(height))
        gl.call.pointee.BindFramebuffer(FWGL_READ_FRAMEBUFFER, source)
        gl.call.pointee.BindFramebuffer(FWGL_DRAW_FRAMEBUFFER, framebuffer)
        let scissors = gl.call.pointee.IsEnabled(FWGL_SCISSOR_TEST) != 0
        if scissors { gl.call.pointee.Disable(FWGL_SCISSOR_TEST) }
        let averagesLight =
            traits.isSRGB && gl.hasFramebufferSRGB && gl.call.pointee.IsEnabled(FWGL_FRAMEBUFFER_SRGB) == 0
        if averagesLight { gl.call.pointee.Enable(FWGL_FRAMEBUFFER_SRGB) }
        gl.call.pointee.BlitFramebuffer(
            x, y, x + width, y + height, x, y, x + width, y + height,
            isDepth
                ? FWGL_DEPTH_BUFFER_BIT | (traits.hasStencil ? FWGL_STENCIL_BUFFER_BIT : 0)
                : FWGL_COLOR_BUFFER_BIT,
            FWGL_NEAREST)
        if averagesLight { gl.call.pointee.Disable(FWGL_FRAMEBUFFER_SRGB) }
        if scissors { gl.call.pointee.Enable(FWGL_SCISSOR_TEST) }
        gl.call.pointee.BindFramebuffer(FWGL_READ_FRAMEBUFFER, framebuffer)
    }

    /// Makes the framebuffer large enough and of the right kind. Both bindings are changed.
    private mutating func prepare(
        _ gl: OpenGL, _ traits: CaptureTraits, width: Int, height: Int
    ) throws(FramewireError) {
        let isAsBefore = format == traits.internalFormat && isDepth == traits.read.isDepth
        guard framebuffer == 0 || !isAsBefore || width > self.width || height > self.height else { return }
        // What there was is of no more use, whatever comes.
        delete(gl)
        let bound = gl.name(FWGL_RENDERBUFFER_BINDING)
        gl.call.pointee.GenFramebuffers(1, &framebuffer)
        gl.call.pointee.GenRenderbuffers(1, &renderbuffer)
        gl.call.pointee.BindFramebuffer(FWGL_DRAW_FRAMEBUFFER, framebuffer)
        gl.call.pointee.BindFramebuffer(FWGL_READ_FRAMEBUFFER, framebuffer)
        gl.call.pointee.BindRenderbuffer(FWGL_RENDERBUFFER, renderbuffer)
        gl.call.pointee.RenderbufferStorage(
            FWGL_RENDERBUFFER, traits.internalFormat, Int32(width), Int32(height))
        gl.call.pointee.BindRenderbuffer(FWGL_RENDERBUFFER, bound)
        isDepth = traits.read.isDepth
        let attachment =
            isDepth
            ? (traits.hasStencil ? FWGL_DEPTH_STENCIL_ATTACHMENT : FWGL_DEPTH_ATTACHMENT)
            : FWGL_COLOR_ATTACHMENT0
        gl.call.pointee.FramebufferRenderbuffer(
            FWGL_DRAW_FRAMEBUFFER, attachment, FWGL_RENDERBUFFER, renderbuffer)
        if isDepth {
            // Without colours, and older versions want that said.
            var none = FWGL_NONE
            gl.call.pointee.DrawBuffers(1, &none)
            gl.call.pointee.ReadBuffer(FWGL_NONE)
        }
        format = traits.internalFormat
        self.width = width
        self.height = height
        guard gl.call.pointee.CheckFramebufferStatus(FWGL_DRAW_FRAMEBUFFER) == FWGL_FRAMEBUFFER_COMPLETE
        else {
            let error = gl.takeErrors()
            delete(gl)
            throw FramewireError(
                .gl,
                "a framebuffer of \(width) × \(height) pixels and internal format \(Int(traits.internalFormat)) to resolve into cannot be made (\(errorName(error)))"
            )
        }
    }

    /// Deletes the objects; the context must be current.
    mutating func delete(_ gl: OpenGL) {
        guard framebuffer != 0 else { return }
        gl.call.pointee.DeleteFramebuffers(1, &framebuffer)
        gl.call.pointee.DeleteRenderbuffers(1, &renderbuffer)
        framebuffer = 0
        renderbuffer = 0
    }
}
