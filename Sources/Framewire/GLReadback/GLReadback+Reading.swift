import Buffers
import COpenGL
import CPosix

extension GLReadback {
    /// One call of `capture`.
    struct Request {
        /// `nil` for the one that is bound.
        var framebuffer: UInt32?
        var attachment: UInt32
        var x: Int32
        var y: Int32
        var width: Int
        var height: Int
        var pts: Int64?
        /// When the call began.
        var start: Int64
    }

    /// Has OpenGL read into `slot`, or, without one, into memory of the sender. All state is as before afterwards.
    func read(_ request: Request, into slot: RingSlot?) throws(FramewireError) {
        saved.saveFramebuffers()
        saved.savePackBuffer()
        // Restored in one place: a `defer` would put it at each of the ways out.
        let failure = attempt(request, slot)
        saved.restorePackBuffer()
        saved.restoreFramebuffers()
        if let failure { throw failure }
    }

    /// Whether the framebuffer has a pixel at `x`, `y`: OpenGL writes none that is outside. Waits for the GPU.
    ///
    /// No OpenGL tells how large the buffers of a window are, which follow the window's size when the driver finds time.
    package func hasPixel(x: Int, y: Int) throws(FramewireError) -> Bool {
        try gl.check()
        saved.saveFramebuffers()
        saved.savePackBuffer()
        defer {
            saved.restorePackBuffer()
            saved.restoreFramebuffers()
        }
        let framebuffer = try bind(options.framebuffer)
        guard let traits, source.framebuffer == framebuffer, gl.name(FWGL_READ_BUFFER) != FWGL_NONE else {
            return true
        }
        if gl.has(.buffers) { gl.call.pointee.BindBuffer(FWGL_PIXEL_PACK_BUFFER, 0) }
        saved.setPacking(isFloat: traits.read.isFloat)
        defer { saved.restorePacking() }
        // Of two fillings one is not what the pixel is.
        for filling in [UInt8(0x55), 0xAA] {
            // The largest pixel there is.
            var pixel = SIMD16<UInt8>(repeating: filling)
            withUnsafeMutableBytes(of: &pixel) { bytes in
                gl.call.pointee.ReadPixels(
                    Int32(x), Int32(y), 1, 1, traits.read.format, traits.read.type, bytes.baseAddress)
            }
            if pixel != SIMD16(repeating: filling) { return true }
        }
        return false
    }

    private func attempt(_ request: Request, _ slot: RingSlot?) -> FramewireError? {
        do {
            let framebuffer = try bind(request.framebuffer)
            let readBuffer = gl.name(FWGL_READ_BUFFER)
            try inspector.look(
                at: framebuffer, requested: request.attachment, readBuffer: readBuffer, isDepth: isDepth)
            guard !inspector.isDepth, request.attachment != 0, request.attachment != readBuffer else {
                try readPixels(request, into: slot)
                return nil
            }
            gl.call.pointee.ReadBuffer(request.attachment)
            var failure: FramewireError?
            do { try readPixels(request, into: slot) } catch { failure = error }
            // Of the framebuffer that was read, which is no longer bound if it was resolved.
            if gl.has(.framebuffers) { bindForReading(framebuffer) }
            gl.call.pointee.ReadBuffer(readBuffer)
            return failure
        } catch {
            return error
        }
    }

    /// Whether the options ask for depth.
    private var isDepth: Bool {
        options.format == .depth16 || options.format == .depth24s8 || options.format == .depth32f
    }

    private func readPixels(_ request: Request, into slot: RingSlot?) throws(FramewireError) {
        let (traits, isNew) = try inspect(request)
        let info = describe(request, traits)
        let layout: FrameLayout
        do { layout = try FrameLayout(info) } catch { throw FramewireError(error) }
        // The frame, or the buffer of the slot: where the pixels go.
        let frame = slot == nil ? try sender.implementation.acquire(info) : nil
        do {
            if let slot { try prepare(slot, size: layout.size) }
            if traits.samples > 0 {
                try resolver.resolve(
                    gl, traits, source: inspector.framebuffer, x: request.x, y: request.y,
                    width: Int32(request.width), height: Int32(request.height))
            }
            if gl.has(.buffers) { gl.call.pointee.BindBuffer(FWGL_PIXEL_PACK_BUFFER, slot?.buffer ?? 0) }
            let start = Clock.now()
            saved.setPacking(isFloat: traits.read.isFloat)
            gl.call.pointee.ReadPixels(
                request.x, request.y, Int32(request.width), Int32(request.height), traits.read.format,
                traits.read.type, frame?.base)
            saved.restorePacking()
            if slot == nil { noteStall(since: start) }
            if isNew { try checkRead(traits) }
        } catch {
            frame?.drop()
            self.traits = nil
            throw error
        }
        if let frame {
            try sender.implementation.submit(frame)
            delivered(copied: layout.packedSize, start: request.start)
        } else if let slot {
            slot.info = info
            slot.size = layout.size
            if path != .unfenced {
                slot.fence = gl.call.pointee.FenceSync(FWGL_SYNC_GPU_COMMANDS_COMPLETE, 0)
                guard slot.fence != nil else {
                    throw FramewireError(
                        .gl, "OpenGL makes no fence (\(errorName(gl.takeErrors()))); the frame is lost")
                }
            }
            began(slot, start: request.start)
        }
    }

    private func bindForReading(_ framebuffer: UInt32) {
        gl.call.pointee.BindFramebuffer(
            gl.separatesFramebuffers ? FWGL_READ_FRAMEBUFFER : FWGL_FRAMEBUFFER, framebuffer)
    }

    /// Binds what is to be read, and returns its name.
    private func bind(_ wanted: UInt32?) throws(FramewireError) -> UInt32 {
        let bound = saved.boundFramebuffer
        guard let wanted, wanted != bound else { return bound }
        guard gl.has(.framebuffers), wanted == 0 || gl.call.pointee.IsFramebuffer(wanted) != 0 else {
            throw FramewireError(.gl, "\(wanted) is no framebuffer object of the current OpenGL context")
        }
        bindForReading(wanted)
        return wanted
    }

    /// What is known of the source, which is found out if it is new.
    private func inspect(_ request: Request) throws(FramewireError) -> (CaptureTraits, isNew: Bool) {
        var found = CaptureSource(
            framebuffer: inspector.framebuffer, attachment: request.attachment, width: request.width,
            height: request.height)
        try inspector.identify(&found)
        if found == source, let traits { return (traits, false) }
        traits = nil
        let left = gl.takeErrors()
        if left != 0 {
            Log.write(.warning) {
                "the renderer left \(errorName(left)), which has been taken by glGetError before a capture"
            }
        }
        if gl.isLost { throw gl.lostContext() }
        let fresh = try inspector.traits(found, wanted: options.format)
        guard fresh.samples == 0 || options.resolves else {
            throw FramewireError(
                .unsupported,
                "framebuffer \(found.framebuffer) has \(Int(fresh.samples)) samples a pixel; resolve it before the capture, or let the readback do it"
            )
        }
        source = found
        traits = fresh
        return (fresh, true)
    }

    private func describe(_ request: Request, _ traits: CaptureTraits) -> FrameInfo {
        var color = options.color
        if traits.isSRGB {
            if color.primaries == 2 { color.primaries = 1 }
            if color.transfer == 2 { color.transfer = 13 }
        }
        return FrameInfo(
            width: request.width, height: request.height, format: traits.pixels, rowOrder: options.rowOrder,
            pts: request.pts, color: color, streamID: options.streamID, viewID: options.viewID)
    }

    /// Looks for errors of the first read from a source.
    private func checkRead(_ traits: CaptureTraits) throws(FramewireError) {
        let error = gl.takeErrors()
        guard error != 0 else { return }
        if gl.isLost { throw gl.lostContext() }
        throw FramewireError(
            error == 0x0505 ? .noMemory : .unsupported,
            "OpenGL\(gl.isES ? " ES" : "") does not read \(traits.pixels.name) from framebuffer \(source.framebuffer) (\(errorName(error))); leave the format to the attachment, or draw into another"
        )
    }

    /// Makes the buffer of `slot` fit for `size` bytes; its binding is changed.
    private func prepare(_ slot: RingSlot, size: Int) throws(FramewireError) {
        // Much too large a buffer is let go of as well: sizes change for good when a window does.
        guard slot.buffer == 0 || slot.capacity < size || slot.capacity / 4 > size else { return }
        if slot.buffer != 0 { gl.call.pointee.DeleteBuffers(1, &slot.buffer) }
        slot.memory = nil
        slot.capacity = 0
        gl.call.pointee.GenBuffers(1, &slot.buffer)
        gl.call.pointee.BindBuffer(FWGL_PIXEL_PACK_BUFFER, slot.buffer)
        if path == .persistent {
            let access = FWGL_MAP_READ_BIT | FWGL_MAP_PERSISTENT_BIT | FWGL_MAP_COHERENT_BIT
            gl.call.pointee.BufferStorage(
                FWGL_PIXEL_PACK_BUFFER, size, nil, access | FWGL_CLIENT_STORAGE_BIT)
            slot.memory = gl.call.pointee.MapBufferRange(FWGL_PIXEL_PACK_BUFFER, 0, size, access)
        } else {
            gl.call.pointee.BufferData(FWGL_PIXEL_PACK_BUFFER, size, nil, FWGL_STREAM_READ)
        }
        // The buffer itself says whether it is there, so that an error flag of the renderer's stays where it is. Sizes that
        // the answer has no room for are none.
        var made: Int32 = 0
        gl.call.pointee.GetBufferParameteriv(FWGL_PIXEL_PACK_BUFFER, FWGL_BUFFER_SIZE, &made)
        guard Int(made) == size, path != .persistent || slot.memory != nil else {
            let error = gl.takeErrors()
            gl.call.pointee.DeleteBuffers(1, &slot.buffer)
            slot.buffer = 0
            slot.memory = nil
            if gl.isLost { throw gl.lostContext() }
            throw FramewireError(
                .noMemory, "OpenGL gives no pixel buffer of \(size) bytes (\(errorName(error)))")
        }
        slot.capacity = size
    }
}
