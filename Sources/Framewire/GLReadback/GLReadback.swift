import Buffers
import COpenGL
import CPosix

/// How pictures come back from the GPU. The better, the smaller the number.
public enum ReadbackPath: UInt32, Sendable {
    /// The best that the context has.
    case automatic = 0
    /// Pixel buffers that stay mapped, with fences.
    case persistent = 1
    /// Pixel buffers that are mapped once their fence has passed.
    case fenced = 2
    /// Pixel buffers that are mapped two captures later.
    case unfenced = 3
    /// glReadPixels into memory of the sender, which waits for the GPU.
    case direct = 4

    public var name: StaticString {
        switch self {
        case .automatic: "auto"
        case .persistent: "persistent"
        case .fenced: "fenced"
        case .unfenced: "unfenced"
        case .direct: "direct"
        }
    }
}

/// Reads what OpenGL has drawn back without stopping the renderer, and gives it to a sender.
///
/// A capture tells the GPU to copy the picture into one of a ring of pixel buffers and returns. A later call hands over
/// what the GPU has finished by then, and the compressor reads the mapped memory itself. All calls are made on
/// the thread that made the object, with its context current. `include/framewire/gl.h` says which state of OpenGL
/// is used, and restored.
public final class GLReadback {
    public struct Options: Sendable {
        /// Pixel buffers that there may be, 2 to 32; they are made when they are needed.
        public var ringDepth = 6
        /// The framebuffer object that ``capture(x:y:width:height:pts:)`` reads, 0 for the window's; `nil` for the one that
        /// is bound for reading.
        public var framebuffer: UInt32?
        /// What to read of it, for example `GL_COLOR_ATTACHMENT0`; 0 for what `GL_READ_BUFFER` says, or the depth if
        /// ``format`` is one of depth.
        public var attachment: UInt32 = 0
        /// `nil` for that of the attachment, with 8-bit components in the order that the driver prefers.
        public var format: PixelFormat?
        /// Which row OpenGL's row 0 is.
        public var rowOrder = RowOrder.bottomUp
        /// Whether multisampled framebuffers are resolved, or refused.
        public var resolves = true
        /// Another than `automatic` is taken, or making the readback fails.
        public var path = ReadbackPath.automatic
        /// How long, in nanoseconds, a capture may wait when the ring is full: 0 drops the new frame at once, negative is
        /// without a limit.
        public var fullTimeout: Int64 = 0
        public var streamID: UInt32 = 0
        public var viewID: UInt32 = 0
        /// Of the frames; unspecified for that of the attachment.
        public var color = ColorDescription()

        public init() {}
    }

    /// The captures before the buffer of one is mapped, where nothing tells when the GPU is done.
    private static let unfencedDelay: UInt64 = 2

    package let sender: Sender
    package let options: Options
    let gl: OpenGL
    let path: ReadbackPath
    let saved: SavedState
    let inspector: SourceInspector
    private let returns = Returns()
    /// The pixel buffers, each with a reference to the one before.
    private var slots: RingSlot?
    private var slotCount = 0
    /// The slots that the GPU writes to: the oldest, with a reference to the next, and the newest.
    private var oldest: RingSlot?
    private var newest: RingSlot?
    var resolver = Resolver()
    var source = CaptureSource()
    /// What is known of `source`, if it is.
    var traits: CaptureTraits?
    private var counters = ReadbackStats()
    private var captureTimes = Percentiles()
    private var readbackTimes = Percentiles()
    private var isClosed = false

    /// Makes a readback for the context that is current on this thread.
    ///
    /// - Parameter getProcAddress: looks up a function of OpenGL by its name; called during this call alone.
    /// - Throws: ``FramewireError``: `invalidArgument`, `gl` (no context, a function is missing), `unsupported` (an older
    ///   OpenGL, a path that the context does not have).
    public convenience init(
        sender: Sender, options: Options = Options(),
        getProcAddress: (UnsafePointer<CChar>) -> (@convention(c) () -> Void)?
    ) throws(FramewireError) {
        guard options.ringDepth >= 2, options.ringDepth <= 32 else {
            throw FramewireError(
                .invalidArgument, "the ring depth is \(options.ringDepth); it can be 2 to 32")
        }
        if let format = options.format, ReadFormat(format) == nil {
            throw FramewireError(
                .invalidArgument,
                "OpenGL gives no \(format.name); capture rgba8, or leave the choice to the attachment")
        }
        let gl = try OpenGL(loader: getProcAddress)
        let (path, missing) = Self.bestPath(gl)
        guard options.path == .automatic || options.path.rawValue >= path.rawValue,
            Self.has(gl, options.path)
        else {
            throw FramewireError(
                .unsupported, "path \(options.path.name) is not to be had from this context: \(missing)")
        }
        self.init(sender, options, gl, options.path == .automatic ? path : options.path)
        Log.write(.info) {
            "reading back from OpenGL by path \(self.path.name)\(missing.utf8CodeUnitCount == 0 ? "" : ": ")\(missing)"
        }
    }

    /// Nothing throws here: Embedded Swift does not free an object whose designated initializer fails.
    private init(_ sender: Sender, _ options: Options, _ gl: OpenGL, _ path: ReadbackPath) {
        self.sender = sender
        self.options = options
        self.gl = gl
        self.path = path
        saved = SavedState(gl)
        inspector = SourceInspector(gl)
    }

    deinit {
        close()
    }

    private static func has(_ gl: OpenGL, _ path: ReadbackPath) -> Bool {
        switch path {
        case .automatic, .direct: true
        case .persistent: gl.has(.storage) && gl.has(.mapRange) && gl.has(.fences)
        case .fenced: gl.has(.fences) && (gl.has(.mapRange) || gl.has(.map))
        case .unfenced: gl.has(.buffers) && (gl.has(.mapRange) || gl.has(.map))
        }
    }

    /// The best path, and what is missing for a better one.
    private static func bestPath(_ gl: OpenGL) -> (ReadbackPath, StaticString) {
        if has(gl, .persistent) { return (.persistent, "") }
        if has(gl, .fenced) { return (.fenced, "there is no glBufferStorage, so buffers cannot stay mapped") }
        if has(gl, .unfenced) {
            return (.unfenced, "there is no glFenceSync, so nothing tells when the GPU is done")
        }
        return (.direct, "there are no pixel buffers, so each capture waits for the GPU")
    }

    // MARK: - Captures

    /// Captures pixels whose lower left corner is at `x`, `y` from the framebuffer of the options, and hands over to the
    /// sender what has been read in the meantime.
    ///
    /// Does not wait for the GPU, but with the paths `direct` and `unfenced` and with ``Options/fullTimeout``. A frame that is
    /// dropped because the ring is full is no error; ``stats`` counts it.
    /// - Throws: ``FramewireError``: `invalidArgument`, `gl`, `unsupported`, `timeout`, `noMemory`, and those of
    ///   ``Sender/submit(_:)``.
    public func capture(
        x: Int = 0, y: Int = 0, width: Int, height: Int, pts: Int64? = nil
    ) throws(FramewireError) {
        try capture(
            framebuffer: options.framebuffer, attachment: options.attachment, x: x, y: y, width: width,
            height: height, pts: pts)
    }

    /// As ``capture(x:y:width:height:pts:)``, from another framebuffer (`nil`: the one that is bound) and attachment.
    public func capture(
        framebuffer: UInt32?, attachment: UInt32 = 0, x: Int = 0, y: Int = 0, width: Int, height: Int,
        pts: Int64? = nil
    ) throws(FramewireError) {
        let start = Clock.now()
        try check()
        let limit = FrameInfo.maximumSide
        guard width > 0, height > 0, width <= limit, height <= limit, x >= 0, y >= 0, x <= limit, y <= limit
        else {
            throw FramewireError(
                .invalidArgument,
                "\(width) × \(height) pixels at \(x), \(y) cannot be captured; sizes go from 1 to \(limit), places from 0"
            )
        }
        try handOver(until: 0)
        let slot = path == .direct ? nil : try freeSlot()
        if slot != nil || path == .direct {
            counters.framesCaptured &+= 1
            try read(
                Request(
                    framebuffer: framebuffer, attachment: attachment, x: Int32(x), y: Int32(y), width: width,
                    height: height, pts: pts, start: start),
                into: slot)
        } else {
            counters.framesDropped &+= 1
        }
        captureTimes.record(Clock.now() - start)
    }

    /// Hands over what has been read by now, without waiting.
    public func poll() throws(FramewireError) {
        try check()
        try handOver(until: 0)
    }

    /// Waits until the GPU has finished every capture, and hands them over.
    public func drain() throws(FramewireError) {
        try check()
        try handOver(until: -1)
    }

    private func check() throws(FramewireError) {
        guard !isClosed else { throw FramewireError(.closed, "the readback is closed") }
        try gl.check()
    }

    // MARK: - The ring

    /// Unmaps what the sender has given back.
    private func reclaim() {
        while let slot = slot(in: .returned) {
            if path != .persistent {
                withPackBuffer {
                    gl.call.pointee.BindBuffer(FWGL_PIXEL_PACK_BUFFER, slot.buffer)
                    _ = gl.call.pointee.UnmapBuffer(FWGL_PIXEL_PACK_BUFFER)
                }
                slot.memory = nil
            }
            slot.state = .free
        }
    }

    private func withPackBuffer(_ body: () -> Void) {
        saved.savePackBuffer()
        body()
        saved.restorePackBuffer()
    }

    /// Gives the sender the pictures that the GPU has finished, in the order they were captured.
    ///
    /// - Parameter deadline: how long to wait for those that it has not: 0 is not at all, negative without a limit.
    private func handOver(until deadline: Int64) throws(FramewireError) {
        reclaim()
        while let slot = oldest {
            guard try isRead(slot, until: deadline) else { return }
            oldest = slot.nextReading
            if oldest == nil { newest = nil }
            slot.nextReading = nil
            if let fence = slot.fence {
                gl.call.pointee.DeleteSync(fence)
                slot.fence = nil
            }
            guard path == .persistent || map(slot) else {
                slot.state = .free
                counters.framesDropped &+= 1
                throw FramewireError(
                    .gl,
                    "OpenGL does not map a pixel buffer of \(slot.size) bytes (\(errorName(gl.takeErrors())))"
                )
            }
            do {
                try slot.lend(to: sender)
            } catch {
                counters.framesDropped &+= 1
                throw error
            }
            delivered(copied: 0, start: slot.captureTime)
        }
    }

    /// Whether the GPU has written all of `slot`.
    private func isRead(_ slot: RingSlot, until deadline: Int64) throws(FramewireError) -> Bool {
        guard let fence = slot.fence else {
            return deadline != 0 || counters.framesCaptured >= slot.number + Self.unfencedDelay
        }
        while true {
            // Asked again now and then, so that a lost context is noticed.
            var timeout: UInt64 = 0
            if deadline != 0 {
                timeout = 100_000_000
                if deadline > 0 { timeout = min(timeout, UInt64(max(0, deadline - Clock.now()))) }
            }
            let flags = slot.isFlushed ? 0 : FWGL_SYNC_FLUSH_COMMANDS_BIT
            slot.isFlushed = true
            switch gl.call.pointee.ClientWaitSync(fence, flags, timeout) {
            case FWGL_ALREADY_SIGNALED, FWGL_CONDITION_SATISFIED: return true
            case FWGL_TIMEOUT_EXPIRED:
                if deadline == 0 || deadline > 0 && Clock.now() >= deadline { return false }
                try gl.check()
            default:
                // No fence of a context that works fails.
                gl.isLost = true
                throw gl.lostContext()
            }
        }
    }

    /// Maps the pixels for the sender; while that takes the driver's time, the GPU is behind.
    private func map(_ slot: RingSlot) -> Bool {
        let start = Clock.now()
        withPackBuffer {
            gl.call.pointee.BindBuffer(FWGL_PIXEL_PACK_BUFFER, slot.buffer)
            slot.memory =
                gl.has(.mapRange)
                ? gl.call.pointee.MapBufferRange(FWGL_PIXEL_PACK_BUFFER, 0, slot.size, FWGL_MAP_READ_BIT)
                : gl.call.pointee.MapBuffer(FWGL_PIXEL_PACK_BUFFER, FWGL_READ_ONLY)
        }
        if path == .unfenced { noteStall(since: start) }
        return slot.memory != nil
    }

    func noteStall(since start: Int64) {
        if Clock.now() - start > 1_000_000 { counters.stalls &+= 1 }
    }

    /// A slot to read into, or `nil` if the ring is full.
    ///
    /// - Throws: `timeout`, if waiting was asked for; what handing over throws.
    private func freeSlot() throws(FramewireError) -> RingSlot? {
        if let slot = unusedSlot() { return slot }
        if oldest != nil { counters.stalls &+= 1 }
        guard options.fullTimeout != 0 else { return nil }
        let deadline = options.fullTimeout < 0 ? -1 : Clock.deadline(after: options.fullTimeout)
        while true {
            let slice = Clock.now() + 2_000_000
            let next = deadline < 0 ? slice : min(slice, deadline)
            let isLent = hasLent
            if oldest != nil {
                // The sender may be done before the GPU is, so neither is waited for alone.
                try handOver(until: isLent ? 0 : next)
            }
            if isLent { returns.wait(until: next) { slot(in: .returned) != nil } }
            reclaim()
            if let slot = unusedSlot() { return slot }
            if deadline >= 0, Clock.now() >= deadline {
                counters.framesDropped &+= 1
                throw FramewireError(
                    .timeout,
                    "all \(slotCount) pixel buffers stayed in use for \(options.fullTimeout) ns; the frame is dropped"
                )
            }
            try gl.check()
        }
    }

    private var hasLent: Bool { slot(in: .lent) != nil }

    /// A slot in this state, if there is one.
    @inline(never)
    private func slot(in state: RingSlot.State) -> RingSlot? {
        var next = slots
        while let slot = next {
            if slot.state == state { return slot }
            next = slot.next
        }
        return nil
    }

    @inline(never)
    private func count(_ state: RingSlot.State) -> Int {
        var count = 0
        var next = slots
        while let slot = next {
            if slot.state == state { count += 1 }
            next = slot.next
        }
        return count
    }

    private func unusedSlot() -> RingSlot? {
        if let slot = slot(in: .free) { return slot }
        guard slotCount < options.ringDepth else { return nil }
        slots = RingSlot(returns: returns, next: slots)
        slotCount += 1
        return slots
    }

    /// Notes that the GPU writes to `slot` from now on.
    func began(_ slot: RingSlot, start: Int64) {
        slot.captureTime = start
        slot.number = counters.framesCaptured
        slot.isFlushed = false
        slot.state = .reading
        if let newest { newest.nextReading = slot } else { oldest = slot }
        newest = slot
        counters.ringPeak = max(counters.ringPeak, slotCount - count(.free))
    }

    /// Notes a frame that went to the sender.
    @inline(never)
    func delivered(copied bytes: Int, start: Int64) {
        counters.framesDelivered &+= 1
        counters.pixelBytesCopied &+= UInt64(bytes)
        readbackTimes.record(Clock.now() - start)
    }

    // MARK: - Counters

    /// Counters since the readback was made, and the present state.
    public var stats: ReadbackStats {
        var result = counters
        result.path = path
        result.ringDepth = path == .direct ? 0 : options.ringDepth
        result.ringAllocated = slotCount
        result.framesInFlight = count(.reading)
        result.framesLent = count(.lent)
        result.format = traits?.pixels
        (result.captureP50, result.captureP99) = captureTimes.values(50, 99)
        (result.readbackP50, result.readbackP99) = readbackTimes.values(50, 99)
        return result
    }

    // MARK: - For programs whose calls are not their own

    /// Whether the context is one of OpenGL ES.
    package var isES: Bool { gl.isES }

    /// Whether captures have not been handed over yet.
    package var isReading: Bool { oldest != nil }

    /// Goes with the context to the calling thread, where it is current. No call may be in flight on the thread before.
    package func moveToThisThread() { gl.moveToThisThread() }

    /// Waits until the sender has let go of all mapped memory, or `deadline` has passed.
    ///
    /// - Returns: whether it has.
    package func waitForSender(until deadline: Int64) -> Bool {
        if hasLent { returns.wait(until: deadline) { !hasLent } }
        return !hasLent
    }

    /// Fails on another thread than the readback's. For the C interface.
    package func checkThread() throws(FramewireError) { try gl.checkThread() }

    // MARK: - The end

    /// Deletes the objects of OpenGL; captures that were not handed over are lost. Waits up to 5 s for the sender to let go
    /// of mapped memory.
    public func close() {
        guard !isClosed else { return }
        isClosed = true
        if !waitForSender(until: Clock.deadline(after: 5_000_000_000)) {
            Log.write(.warning) {
                "the sender still reads pixel buffers of OpenGL, which therefore stay; keep the context until the sender is closed"
            }
        }
        // The slots that are being read refer to each other both ways, by their age and as they were captured.
        while let slot = oldest {
            oldest = slot.nextReading
            slot.nextReading = nil
        }
        newest = nil
        do {
            try gl.check()
        } catch {
            // The objects are the context's, and go with it.
            return
        }
        var next = slots
        while let slot = next {
            next = slot.next
            guard slot.buffer != 0, slot.state != .lent else { continue }
            if let fence = slot.fence { gl.call.pointee.DeleteSync(fence) }
            // Unmaps it as well; a binding of the renderer's is of another buffer.
            gl.call.pointee.DeleteBuffers(1, &slot.buffer)
        }
        resolver.delete(gl)
    }
}
