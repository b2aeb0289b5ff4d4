import COpenGL

/// The state of OpenGL that a capture changes, as it was before. Memory for it is kept from capture to capture.
final class SavedState {
    private let gl: OpenGL
    private var readFramebuffer: UInt32 = 0
    private var drawFramebuffer: UInt32 = 0
    private var packBuffer: UInt32 = 0
    private var clamp: Int32 = 0
    /// Of what is set by glPixelStorei, in the order of `fwgl_pack_name`.
    private let packValues = UnsafeMutablePointer<Int32>.allocate(capacity: Int(FWGL_PACK_COUNT))
    /// Of what is set by glPixelTransferf, from `FWGL_MAP_COLOR` to `FWGL_DEPTH_BIAS`.
    private let transferValues = UnsafeMutablePointer<Float>.allocate(capacity: transferCount)
    private static let transferCount = Int(FWGL_DEPTH_BIAS - FWGL_MAP_COLOR) + 1

    init(_ gl: OpenGL) {
        self.gl = gl
    }

    deinit {
        packValues.deallocate()
        transferValues.deallocate()
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
        for index in 0..<Int(FWGL_PACK_COUNT) {
            let wanted: Int32 = index == 0 ? 1 : 0
            packValues[index] = hasPack(index) ? gl.integer(fwgl_pack_name(index)) : wanted
            if packValues[index] != wanted { gl.call.pointee.PixelStorei(fwgl_pack_name(index), wanted) }
        }
        for index in 0..<Self.transferCount {
            let wanted = plainTransfer(index)
            transferValues[index] = wanted
            guard hasTransfer(index) else { continue }
            gl.call.pointee.GetFloatv(FWGL_MAP_COLOR + UInt32(index), &transferValues[index])
            if transferValues[index] != wanted {
                gl.call.pointee.PixelTransferf(FWGL_MAP_COLOR + UInt32(index), wanted)
            }
        }
        clamp = isFloat && gl.has(.clamp) ? gl.integer(FWGL_CLAMP_READ_COLOR) : FWGL_FIXED_ONLY
        if clamp != FWGL_FIXED_ONLY {
            gl.call.pointee.ClampColor(FWGL_CLAMP_READ_COLOR, UInt32(FWGL_FIXED_ONLY))
        }
    }

    func restorePacking() {
        for index in 0..<Int(FWGL_PACK_COUNT) where packValues[index] != (index == 0 ? 1 : 0) {
            gl.call.pointee.PixelStorei(fwgl_pack_name(index), packValues[index])
        }
        for index in 0..<Self.transferCount where transferValues[index] != plainTransfer(index) {
            gl.call.pointee.PixelTransferf(FWGL_MAP_COLOR + UInt32(index), transferValues[index])
        }
        if clamp != FWGL_FIXED_ONLY {
            gl.call.pointee.ClampColor(FWGL_CLAMP_READ_COLOR, UInt32(bitPattern: clamp))
        }
    }

    /// Alignment, row length and skips are everywhere; swapped bytes and turned rows are not.
    private func hasPack(_ index: Int) -> Bool {
        index < 4 || index == 4 && !gl.isES || index == 5 && gl.hasPackInvert
            || index == 6 && gl.hasReverseRows
    }

    /// Two names in between are those of zoom factors, which concern drawing.
    private func hasTransfer(_ index: Int) -> Bool {
        let name = FWGL_MAP_COLOR + UInt32(index)
        return gl.has(.transfer) && name != FWGL_ZOOM_X && name != FWGL_ZOOM_Y
    }

    /// Scales are 1 and the rest 0. From the scale of red on, scales and biases take turns.
    private func plainTransfer(_ index: Int) -> Float {
        let name = FWGL_MAP_COLOR + UInt32(index)
        return name >= FWGL_RED_SCALE && name % 2 == 0 ? 1 : 0
    }
}
