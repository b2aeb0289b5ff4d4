import Buffers
import CPosix
import Codec
import Wire

/// Encodes frames to messages for programs that carry the bytes themselves. One thread at a time.
public final class FrameMessageEncoder {
    private let options: Sender.Options
    private let workers: WorkerPool
    private let encoder: MessageEncoder
    /// The frames that are being encoded, or that messages refer to.
    private let pool = FramePool(capacity: 2)
    /// Those that callers fill.
    private let lent = FramePool(capacity: 2)
    private let references = References()
    /// Copies of the frames, because the caller's pixels do not stay.
    private let copies = FramePool(capacity: References.maximumPairs + 2)
    private var sequence: UInt64 = 0

    /// - Parameter options: profile, acceleration, threads, checksum and key frame interval count; `auto` is `lz4` here.
    /// - Throws: ``FramewireError`` with code `invalidArgument` that names the option.
    public convenience init(options: Sender.Options) throws(FramewireError) {
        try options.validate()
        self.init(options)
    }

    /// - Parameter options: validated; what concerns connections plays no role.
    package init(_ options: Sender.Options) {
        self.options = options
        workers = WorkerPool(workers: WorkerPool.count(options.threads), callerWorks: true)
        encoder = MessageEncoder(workers: workers.workers)
    }

    // MARK: Frames to be given metadata

    /// Lends a frame with pooled memory that fits `info`, to be filled, given metadata and then to ``encode(_:)``. The
    /// content is undefined. It may outlive the encoder.
    ///
    /// - Throws: ``FramewireError``: `invalidArgument`, `noMemory`.
    public func acquire(_ info: FrameInfo) throws(FramewireError) -> Frame {
        Frame(try acquireSlot(info))
    }

    package func acquireSlot(_ info: FrameInfo) throws(FramewireError) -> FrameSlot {
        do {
            return try lent.acquire(info, FrameLayout(info))
        } catch {
            throw FramewireError(error)
        }
    }

    /// A frame over memory of the caller's, to be given metadata and then to ``encode(_:)``. The memory must stay as it
    /// is until `release` is called, once, on any thread: when the last owner of the frame is gone, and in profile raw
    /// the last message of it, too.
    ///
    /// - Throws: ``FramewireError``: `invalidArgument`, `outOfRange` (too few bytes); then `release` is not called.
    public func wrap(
        _ info: FrameInfo, pixels: UnsafeRawBufferPointer, release: @escaping @Sendable () -> Void
    ) throws(FramewireError) -> Frame {
        let slot = try bareSlot(info, available: pixels.count, from: lent)
        slot.useWrapped(pixels, release: release)
        return Frame(slot)
    }

    /// The C interface's way to the same.
    package func wrap(
        _ info: FrameInfo, _ pixels: UnsafeRawBufferPointer,
        release: (@convention(c) (UnsafeMutableRawPointer?) -> Void)?, user: UnsafeMutableRawPointer?
    ) throws(FramewireError) -> FrameSlot {
        let slot = try bareSlot(info, available: pixels.count, from: lent)
        slot.useWrapped(pixels, release: release, user: user)
        return slot
    }

    private func bareSlot(
        _ info: FrameInfo, available: Int, from pool: FramePool
    ) throws(FramewireError) -> FrameSlot {
        do throws(BufferError) {
            let layout = try FrameLayout(info)
            guard available >= layout.size else {
                throw .outOfRange(
                    "\(available) bytes of pixels were given, a frame of this size and stride has \(layout.size)"
                )
            }
            return pool.bareSlot(info, layout)
        } catch {
            throw FramewireError(error)
        }
    }

    // MARK: Messages

    /// One message, as a buffer whose memories one after another are its bytes. The first memory of the first buffer is the
    /// stream's opening and no more; it is the same in every stream, and readers do without it.
    ///
    /// The buffer of a frame that needs the one before of its stream and view has the flag `deltaUnit`. In profile
    /// raw the buffer refers to `pixels`, which must live as long.
    /// - Throws: ``FramewireError``: `invalidArgument`, `outOfRange`, `noMemory`.
    public func encode(_ info: FrameInfo, _ pixels: UnsafeRawBufferPointer) throws(FramewireError) -> Buffer {
        let slot = try bareSlot(info, available: pixels.count, from: pool)
        defer { slot.drop() }
        slot.useWrapped(pixels, release: nil, user: nil)
        return try encode(slot)
    }

    /// As ``encode(_:_:)``, of a buffer of any number of memories that together hold what `info` describes, with those of
    /// its metas that can be serialised and depend on no memory: the buffer of the decoded frame has them, where their
    /// type is registered. In profile raw the message owns the buffer.
    ///
    /// - Throws: as ``encode(_:_:)``; `unsupported` for a memory that is not mappable; `tooLarge` for more metas than a
    ///   frame can carry; what the function of a meta's type gives.
    public func encode(_ info: FrameInfo, buffer: Buffer) throws(FramewireError) -> Buffer {
        let slot = try bareSlot(info, available: buffer.size, from: pool)
        defer { slot.drop() }
        try slot.useBufferWithMetas(buffer)
        return try encode(slot)
    }

    /// As ``encode(_:_:)``, of a frame with its metadata: one of ``acquire(_:)`` or ``wrap(_:pixels:release:)``, of a
    /// sender, or a received one, which a program passes on. In profile raw the message owns the frame.
    ///
    /// - Throws: ``FramewireError``: `noMemory`.
    public func encode(_ frame: Frame) throws(FramewireError) -> Buffer {
        try encodeFrame(frame.slot)
    }

    package func encodeFrame(_ frame: FrameSlot) throws(FramewireError) -> Buffer {
        // Others may read the frame meanwhile, so what belongs to this stream alone is noted elsewhere.
        let slot = pool.bareSlot(frame.info, frame.layout)
        defer { slot.drop() }
        slot.usePixels(of: frame)
        try slot.metadata.copy(frame.metadata)
        return try encode(slot)
    }

    private func encode(_ slot: FrameSlot) throws(FramewireError) -> Buffer {
        slot.info.sequence = sequence
        slot.submitTime = Clock.now()
        let coding = references.plan(
            slot, profile: options.profile, keyInterval: options.keyFrameInterval, copies: copies,
            isTrial: false)
        defer {
            coding.reference?.drop()
            coding.copy?.drop()
        }
        var isComplete = false
        // A reader that never gets this frame must not need it.
        defer { if !isComplete { references.forgetAll() } }
        do {
            try encoder.begin(
                slot, coding: coding, acceleration: options.acceleration,
                checksum: options.checksum ?? false)
            if encoder.parts > 0 { workers.run(encoder.frameEncoder, parts: encoder.parts) }
            try encoder.complete(
                wantsAcknowledgement: false, encodeDuration: Clock.now() - slot.submitTime, queueDuration: 0,
                latency: nil)
        } catch {
            throw FramewireError(error, payloadOffset: 0)
        }
        do {
            let message = try makeBuffer(of: slot)
            // Nobody else has the buffer yet, so its own header can be changed in place.
            if coding.reference != nil { message.storage.head.pointee.flags.insert(.deltaUnit) }
            sequence += 1
            isComplete = true
            return message
        } catch {
            throw FramewireError(error)
        }
    }

    /// Coded strips are shared with the encoder, which takes another block for the next frame while they live; pixels are
    /// referred to; the small rest is copied.
    private func makeBuffer(of slot: FrameSlot) throws(BufferError) -> Buffer {
        var result = Buffer()
        if sequence == 0 {
            let opening = try Memory(size: StreamOpening.size)
            _ = StreamOpening.encode(into: opening.visibleBytes)
            try result.append(opening)
        }
        for vector in encoder.vectors {
            let count = vector.iov_len
            if slot.holds(vector.iov_base) {
                try result.append(
                    slot.memory(of: UnsafeMutableRawBufferPointer(start: vector.iov_base, count: count)))
            } else if let arena = encoder.frameEncoder.arena,
                let offset = offset(of: vector, in: UnsafeRawBufferPointer(arena.visibleBytes))
            {
                try result.append(arena.share(offset: offset, size: count))
            } else {
                let memory = try Memory(size: count)
                memcpy(memory.visibleBytes.baseAddress!, vector.iov_base, count)
                try result.append(memory)
            }
        }
        return result
    }

    private func offset(of vector: iovec, in bytes: UnsafeRawBufferPointer) -> Int? {
        let address = UInt(bitPattern: vector.iov_base)
        let start = UInt(bitPattern: bytes.baseAddress)
        return address >= start && address < start + UInt(bytes.count) ? Int(address - start) : nil
    }
}

/// Decodes the bytes of a stream that a program carries itself. One thread at a time.
public final class FrameMessageDecoder {
    private let decoder: StreamDecoder
    private let pool = FramePool(capacity: 4 + References.maximumPairs)
    private var ready: FrameSlot?
    /// The last frame that could not be decoded for want of another.
    private var undecodable: UInt64?
    private var hasEnded = false

    /// - Parameter options: limits, threads and checksums count.
    /// - Throws: ``FramewireError`` with code `invalidArgument` that names the option.
    public convenience init(options: Receiver.Options) throws(FramewireError) {
        try options.validate()
        self.init(options)
    }

    /// - Parameter options: validated; limits, threads and checksums count.
    package init(_ options: Receiver.Options) {
        decoder = StreamDecoder(
            limits: options.limits,
            workers: WorkerPool(workers: WorkerPool.count(options.threads), callerWorks: true),
            pool: pool, verifyChecksums: options.verifyChecksums)
    }

    deinit {
        ready?.drop()
    }

    /// Takes bytes until a frame is complete.
    ///
    /// - Returns: how many were taken; fewer than all when a frame waits for ``nextFrame()``.
    /// - Throws: ``FramewireError``: `protocolViolation`, `corrupt`, `tooLarge`, `unsupported`, `noMemory`; each further
    ///   call gives the same.
    public func feed(_ bytes: UnsafeRawBufferPointer) throws(FramewireError) -> Int {
        var total = 0
        while ready == nil, total < bytes.count {
            var used = 0
            let event = try decoder.feed(UnsafeRawBufferPointer(rebasing: bytes[total...]), used: &used)
            total += used
            switch event {
            case .frame(let slot, _):
                ready = slot
                undecodable = nil
            case .undecodable(let header): undecodable = header.info.sequence
            case .bye: hasEnded = true
            case .needMore, .hello, .acknowledgement, .keyFrameRequest, .ping: break
            }
        }
        return total
    }

    /// The frame that is complete; nil when more bytes are needed. Its pixels are read-only.
    public func nextFrame() -> Frame? {
        guard let slot = ready else { return nil }
        ready = nil
        return Frame(slot)
    }

    /// Says that no bytes follow.
    ///
    /// - Throws: ``FramewireError`` with code `protocolViolation` when the stream ends inside a message; what
    ///   ``feed(_:)`` threw.
    public func finish() throws(FramewireError) {
        try decoder.finish()
    }

    /// The frame that is complete; the taker owns it.
    ///
    /// - Throws: ``FramewireError``: `wouldBlock`, or `closed` after the stream said that it ends.
    package func next() throws(FramewireError) -> FrameSlot {
        guard let slot = ready else {
            if hasEnded { throw FramewireError(.closed, "the stream has ended") }
            if let undecodable {
                throw FramewireError(
                    .wouldBlock,
                    "frame \(undecodable) is coded against one that is not here; feed bytes up to the next key frame"
                )
            }
            throw FramewireError(.wouldBlock, "no frame is complete; feed more bytes")
        }
        ready = nil
        return slot
    }
}
