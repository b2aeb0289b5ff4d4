import COpenGL

/// The state of OpenGL that a capture changes, as it was before. Memory for it is kept from capture to capture.
final class SavedState {
    private let gl: OpenGL
    private var readFramebuffer: UInt32 = 0
    private var drawFramebuffer: UInt32 = 0
    private var packBuffer: UInt32 = 0
    private var clamp: Int32 = 0
    /// Names and values of what is set by glPixelStorei, and what they have to be.
    private var packNames: [UInt32]
    private var packValues: [Int32]
    /// Of what is set by glPixelTransferf, from `FWGL_MAP_COLOR` to `FWGL_DEPTH_BIAS`.
    private var transferValues: [Float]

    init(_ gl: OpenGL) {
        self.gl = gl
        packNames = [FWGL_PACK_ALIGNMENT, FWGL_PACK_ROW_LENGTH, FWGL_PACK_SKIP_ROWS, FWGL_PACK_SKIP_PIXELS]
        if !gl.isES { packNames.append(FWGL_PACK_SWAP_BYTES) }
        if gl.hasPackInvert { packNames.append(FWGL_PACK_INVERT_MESA) }
        if gl.hasReverseRows { packNames.append(FWGL_PACK_REVERSE_ROW_ORDER_ANGLE) }
        packValues = [Int32](repeating: 0, count: packNames.count)
        transferValues = [Float](
            repeating: 0, count: gl.has(.transfer) ? Int(FWGL_DEPTH_BIAS - FWGL_MAP_COLOR) + 1 : 0)
    }

    // MARK: - Framebuffers

    func saveFramebuffers() {
        guard gl.has(.framebuffers) else { return }
        drawFramebuffer = gl.name(FWGL_DRAW_FRAMEBUFFER_BINDING)
        readFramebuffer = gl.separatesFramebuffers ? gl.name(FWGL_READ_FRAMEBUFFER_BINDING) : drawFramebuffer
    }

    /// The framebuffer that was bound for reading.
    var boundFramebuffer: UInt32 { readFramebuffer }

    func restoreFramebuffers() {
        guard gl.has(.framebuffers) else { return }
        if gl.separatesFramebuffers {
            if gl.name(FWGL_READ_FRAMEBUFFER_BINDING) != readFramebuffer {
                gl.call.pointee.BindFramebuffer(FWGL_READ_FRAMEBUFFER, readFramebuffer)
            }
            if gl.name(FWGL_DRAW_FRAMEBUFFER_BINDING) != drawFramebuffer {
                gl.call.pointee.BindFramebuffer(FWGL_DRAW_FRAMEBUFFER, drawFramebuffer)
            }
        } else if gl.name(FWGL_DRAW_FRAMEBUFFER_BINDING) != readFramebuffer {
            gl.call.pointee.BindFramebuffer(FWGL_FRAMEBUFFER, readFramebuffer)
        }
    }

    // MARK: - Where pixels go

    func savePackBuffer() {
        if gl.has(.buffers) { packBuffer = gl.name(FWGL_PIXEL_PACK_BUFFER_BINDING) }
    }

    func restorePackBuffer() {
        if gl.has(.buffers) { gl.call.pointee.BindBuffer(FWGL_PIXEL_PACK_BUFFER, packBuffer) }
    }

    /// Saves how pixels are written, and sets it to rows without padding and values as they are.
    func setPacking(isFloat: Bool) {
        for index in 0..<packNames.count {
            let value = gl.integer(packNames[index])
            packValues[index] = value
            let wanted = plainValue(index)
            if value != wanted { gl.call.pointee.PixelStorei(packNames[index], wanted) }
        }
        for index in 0..<transferValues.count where isTransfer(index) {
            var value: Float = 0
            gl.call.pointee.GetFloatv(FWGL_MAP_COLOR + UInt32(index), &value)
            transferValues[index] = value
            let wanted = plainTransfer(index)
            if value != wanted { gl.call.pointee.PixelTransferf(FWGL_MAP_COLOR + UInt32(index), wanted) }
        }
        clamp = FWGL_FIXED_ONLY
        if isFloat, gl.has(.clamp) {
            clamp = gl.integer(FWGL_CLAMP_READ_COLOR)
            if clamp != FWGL_FIXED_ONLY {
                gl.call.pointee.ClampColor(FWGL_CLAMP_READ_COLOR, UInt32(FWGL_FIXED_ONLY))
            }
        }
    }

    func restorePacking() {
        for index in 0..<packNames.count where packValues[index] != plainValue(index) {
            gl.call.pointee.PixelStorei(packNames[index], packValues[index])
        }
        for index in 0..<transferValues.count where isTransfer(index) {
            if transferValues[index] != plainTransfer(index) {
                gl.call.pointee.PixelTransferf(FWGL_MAP_COLOR + UInt32(index), transferValues[index])
            }
        }
        if clamp != FWGL_FIXED_ONLY { gl.call.pointee.ClampColor(FWGL_CLAMP_READ_COLOR, UInt32(clamp)) }
    }

    private func plainValue(_ index: Int) -> Int32 { packNames[index] == FWGL_PACK_ALIGNMENT ? 1 : 0 }

    /// Two names in between are those of zoom factors, which concern drawing.
    private func isTransfer(_ index: Int) -> Bool {
        let name = FWGL_MAP_COLOR + UInt32(index)
        return name != FWGL_ZOOM_X && name != FWGL_ZOOM_Y
    }

    /// Scales are 1 and the rest 0. From the scale of red on, scales and biases take turns.
    private func plainTransfer(_ index: Int) -> Float {
        let name = FWGL_MAP_COLOR + UInt32(index)
        return name >= FWGL_RED_SCALE && name % 2 == 0 ? 1 : 0
    }
}
