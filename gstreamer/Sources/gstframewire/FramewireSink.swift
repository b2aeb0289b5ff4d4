import CGStreamer
import Framewire

/// `framewiresink`: sends the pictures that come down the pipeline, or records them.
final class FramewireSink: ElementObject, @unchecked Sendable {
    // Unchecked: what is not guarded belongs to the streaming thread, or to state changes while there is none.
    struct Settings: Sendable {
        var uri: String? = "tcp://127.0.0.1:3000"
        var sender = Sender.Options()
        var checksum = false
        var streamID: UInt32 = 0
        var viewID: UInt32 = 0
    }

    static let slot = Slot(parent: gst_base_sink_get_type())
    // Set once, before there is an instance.
    nonisolated(unsafe) private static var parentClass: UnsafeMutablePointer<GstBaseSinkClass>!
    static let type = registerType(
        "GstFramewireSink", parent: gst_base_sink_get_type(), slot: slot,
        classInit: { given, _ in initialize(given!.assumingMemoryBound(to: GstBaseSinkClass.self)) },
        instanceInit: { instance, _ in
            slot.put(FramewireSink(instance!.cast(to: GstBaseSink.self)), in: instance!)
        })

    static let properties: [Property<FramewireSink>] = {
        let initial = Settings()
        return [
            .string(
                "uri",
                "Where the stream goes: tcp://host:port connects, tcp://[host]:port?listen=1 listens; tls:// and"
                    + " unix:///path likewise; file:///path writes a recording",
                initial, \.uri),
            .readOnlyUInt("current-port", "The TCP port that is listened on; 0 where there is none") {
                guint($0.sender.value?.port ?? 0)
            },
            .profile(initial, \.sender.profile, "How frames are coded; each way is lossless"),
            .acceleration(initial, \.sender.acceleration),
            .keyFrameInterval(initial, \.sender.keyFrameInterval),
            .overflow(initial, \.sender.overflow, "When the link or a receiver cannot keep up"),
            .uint("queue-depth", "Frames that may wait", 1...64, initial, \.sender.queueDepth),
            .threads(initial, \.sender.threads, "compress"),
            .bool(
                "checksum", "Send a checksum of each frame along; recordings have them always", initial,
                \.checksum),
            .fraction(
                "max-frame-rate", "Frames a second that each receiver gets at most; 0/1 is any number",
                \.sender.maxFrameRate),
            .uint64(
                "max-bit-rate", "Bits a second that each receiver gets at most on average; 0 is any number",
                0...guint64(Int64.max), initial, \.sender.maxBitRate, .playing),
            .uint(
                "max-peers", "Receivers that are served at once when listening", 1...32, initial,
                \.sender.maxPeers),
            .reconnect(initial, \.sender.reconnect),
            .int(
                "close-timeout",
                "How long the end of the stream waits for queued frames to leave, in nanoseconds; stopping without"
                    + " it waits 0.2 s at most",
                0...gint64.max, initial, \.sender.closeTimeout),
        ]
            + Property.times(
                initial, connect: \.sender.connectTimeout, keepalive: \.sender.keepaliveInterval,
                idle: \.sender.idleTimeout)
            + Property.marks(initial, streamID: \.streamID, viewID: \.viewID)
            + Property.tls(initial, \.sender.tls)
            + [.stats("Counters since the element was started; times are nanoseconds") { $0.stats }]
    }()

    let settings = Guarded(Settings())
    private let sink: UnsafeMutablePointer<GstBaseSink>
    private let sender = Guarded<Sender?>(nil)
    /// Whether the error that ended the present sender has been posted.
    private let hasFailed = Guarded(false)
    /// What the present sender reports to.
    private var reference: ElementReference?
    private var input: InputFormat?
    /// Whether the sender has said that the stream ends.
    private var hasEnded = false
    private var segments = SegmentWatch()

    private init(_ sink: UnsafeMutablePointer<GstBaseSink>) {
        self.sink = sink
    }

    private static func initialize(_ given: UnsafeMutablePointer<GstBaseSinkClass>) {
        parentClass = g_type_class_peek_parent(given).assumingMemoryBound(to: GstBaseSinkClass.self)
        let object = given.cast(to: GObjectClass.self)
        object.pointee.set_property = { object, number, value, _ in
            FramewireSink.setProperty(object, number, value)
        }
        object.pointee.get_property = { object, number, value, _ in
            FramewireSink.getProperty(object, number, value)
        }
        object.pointee.finalize = { object in
            FramewireSink.slot.clear(object!)
            FramewireSink.parentClass.cast(to: GObjectClass.self).pointee.finalize(object)
        }
        installProperties(object)
        let element = given.cast(to: GstElementClass.self)
        addPadTemplate(element, "sink", GST_PAD_SINK, rawCaps)
        setMetadata(
            element, name: "Framewire sender", kind: "Sink/Network/Video",
            description: "Sends video frames without loss over a network, or records them")
        given.pointee.start = { sink in FramewireSink.of(sink).start().gboolean }
        given.pointee.stop = { sink in
            FramewireSink.of(sink).stop()
            return 1
        }
        given.pointee.set_caps = { sink, caps in FramewireSink.of(sink).setCaps(caps!).gboolean }
        given.pointee.propose_allocation = { sink, query in
            FramewireSink.of(sink).proposeAllocation(query!).gboolean
        }
        given.pointee.event = { sink, event in
            if event!.pointee.type == GST_EVENT_EOS { FramewireSink.of(sink).end() }
            return FramewireSink.parentClass.pointee.event(sink, event)
        }
        given.pointee.render = { sink, buffer in
            do throws(Flow) {
                try FramewireSink.of(sink).render(buffer!)
                return GST_FLOW_OK
            } catch {
                return error.result
            }
        }
    }

    func settingsChanged() {
        let options = settings.value.sender
        try? sender.value?.setRateLimits(frameRate: options.maxFrameRate, bitRate: options.maxBitRate)
    }

    private var element: UnsafeMutablePointer<GstElement> { sink.cast() }

    private func start() -> Bool {
        let settings = self.settings.value
        var options = settings.sender
        if settings.checksum { options.checksum = true }
        // A call that would wait longer comes back, to see what has become of the element.
        options.blockTimeout = Self.patience
        // A change of state cannot be ended, so what it waits for is short.
        options.connectsLater = true
        options.closeTimeout = min(options.closeTimeout, Self.farewell)
        let reference = ElementReference(element)
        let hasFailed = hasFailed
        hasFailed.set(false)
        options.onConnection = { event in
            reference.use { element in
                report(event, element, warnOfLoss: true, GST_RESOURCE_ERROR_WRITE)
                // Whether pictures come or not.
                if event.state == .closed, let reason = event.reason, reason.code != .closed {
                    Self.fail(element, reason, hasFailed)
                }
            }
        }
        do throws(FramewireError) {
            sender.set(try Sender(to: settings.uri ?? "", options: options))
            self.reference = reference
        } catch {
            post(
                GST_MESSAGE_ERROR, element, ErrorKind(error, connection: GST_RESOURCE_ERROR_OPEN_WRITE),
                error.message)
            return false
        }
        hasEnded = false
        segments = SegmentWatch()
        g_object_notify(element.cast(to: GObject.self), "current-port")
        return true
    }

    private func stop() {
        let sender = self.sender.change { held in
            defer { held = nil }
            return held
        }
        if let sender { reference?.close { sender.close() } }
        reference = nil
        input = nil
    }

    private func setCaps(_ caps: UnsafeMutablePointer<GstCaps>) -> Bool {
        do throws(Refusal) {
            input = try InputFormat(caps: caps)
            return true
        } catch {
            post(GST_MESSAGE_ERROR, element, error.kind, error.sentence)
            return false
        }
    }

    /// Asks for as many buffers as can be in use here at once, in any layout.
    private func proposeAllocation(_ query: UnsafeMutablePointer<GstQuery>) -> Bool {
        var caps: UnsafeMutablePointer<GstCaps>?
        gst_query_parse_allocation(query, &caps, nil)
        var video = GstVideoInfo()
        guard let caps, gst_video_info_from_caps(&video, caps) != 0 else { return false }
        let held = guint(settings.value.sender.queueDepth) + 2
        gst_query_add_allocation_pool(query, nil, guint(video.size), held, 0)
        gst_query_add_allocation_meta(query, gst_video_meta_api_get_type(), nil)
        return true
    }

    private func render(_ buffer: UnsafeMutablePointer<GstBuffer>) throws(Flow) {
        guard let input else { throw Flow(GST_FLOW_NOT_NEGOTIATED) }
        // After a flush the pipeline may go on behind the end, over another connection.
        if hasEnded {
            stop()
            guard start() else { throw Flow(GST_FLOW_ERROR) }
            self.input = input
        }
        guard let sender = sender.value else { throw Flow(GST_FLOW_FLUSHING) }
        let settings = self.settings.value
        var info = FrameInfo(
            width: Int(input.video.width), height: Int(input.video.height), format: input.format)
        info.pts = Int64?(clockTime: buffer.pointee.pts)
        info.duration = Int64?(clockTime: buffer.pointee.duration) ?? input.frameDuration
        info.color = ColorDescription(input.video.colorimetry)
        info.streamID = settings.streamID
        info.viewID = settings.viewID
        if segments.hasJumped(to: sink.pointee.segment) { info.flags.insert(.discontinuity) }
        let picture: Picture
        do throws(Refusal) {
            picture = try Picture(buffer, input, info)
        } catch {
            post(GST_MESSAGE_ERROR, element, error.kind, error.sentence)
            throw Flow(GST_FLOW_ERROR)
        }
        // The first connection must be made; frames are not to be dropped for the time that it takes.
        try send { () throws(FramewireError) in try sender.awaitConnection(timeout: Self.patience) }
        let metadata = input.metadata(info, BufferDetails(buffer))
        var frame: Frame?
        try send { () throws(FramewireError) in
            if frame == nil {
                frame = try Self.makeFrame(sender, picture, info)
                if let frame { try metadata?.write(to: frame) }
            }
            if let frame { try sender.submit(frame) }
        }
    }

    private static func makeFrame(
        _ sender: Sender, _ picture: Picture, _ info: FrameInfo
    ) throws(FramewireError) -> Frame {
        if let lying = picture.asItLies {
            // The closure keeps the buffer until the sender has done with it.
            return try sender.wrap(lying.info, pixels: lying.bytes) { withExtendedLifetime(picture) {} }
        }
        let packed = try sender.acquire(info)
        packed.withUnsafeMutableBytes { picture.pack(into: $0) }
        return packed
    }

    /// How long a call of the sender waits before it is asked again, ns.
    private static let patience: Int64 = 20_000_000
    /// How long the last frames and the goodbye may take where the stream was not ended before, ns.
    private static let farewell: Int64 = 200_000_000

    /// Calls until there is room.
    private func send(_ attempt: () throws(FramewireError) -> Void) throws(Flow) {
        while true {
            var failure: FramewireError?
            letStatesChange {
                do throws(FramewireError) {
                    try attempt()
                } catch {
                    failure = error
                }
            }
            guard let failure else { return }
            // So many frames are in use that a receiver has to let go of one before the next.
            if failure.code == .wouldBlock { letStatesChange { g_usleep(gulong(Self.patience / 10_000)) } }
            guard failure.code == .timeout || failure.code == .wouldBlock else {
                Self.fail(element, failure, hasFailed)
                throw Flow(GST_FLOW_ERROR)
            }
            try goOnWaiting()
        }
    }

    /// Posts an error, once.
    private static func fail(
        _ element: UnsafeMutablePointer<GstElement>, _ failure: FramewireError, _ hasFailed: Guarded<Bool>
    ) {
        let isSecond = hasFailed.change { hasFailed in
            defer { hasFailed = true }
            return hasFailed
        }
        guard !isSecond else { return }
        post(
            GST_MESSAGE_ERROR, element, ErrorKind(failure, connection: GST_RESOURCE_ERROR_WRITE),
            failure.message)
    }

    /// Runs what may wait without the base class's preroll lock. Every change of state takes that, and not all of them
    /// ask the element to stop waiting before.
    private func letStatesChange(_ body: () -> Void) {
        g_mutex_unlock(&sink.pointee.preroll_lock)
        body()
        g_mutex_lock(&sink.pointee.preroll_lock)
    }

    /// What has become of the element while it waited.
    ///
    /// - Throws: what the base class gives where it is to stop.
    private func goOnWaiting() throws(Flow) {
        if sink.pointee.flushing != 0 { throw Flow(GST_FLOW_FLUSHING) }
        guard sink.pointee.need_preroll != 0 else { return }
        // Paused: until the element plays again.
        let result = gst_base_sink_wait_preroll(sink)
        guard result == GST_FLOW_OK else { throw Flow(result) }
    }

    /// Everything is handed to the system, and receivers hear that it was all, before the end goes to the application.
    /// The base class holds its preroll lock, as it does for ``render(_:)``.
    private func end() {
        guard !hasEnded, let sender = sender.value else { return }
        var left = settings.value.sender.closeTimeout
        var isFlushed = false
        do throws(Flow) {
            while left > 0, !isFlushed {
                letStatesChange { isFlushed = flush(sender, min(left, Self.patience)) }
                left -= Self.patience
                if !isFlushed { try goOnWaiting() }
            }
            hasEnded = true
            try sayGoodbye(sender, max(left, Self.patience))
        } catch {
            return
        }
    }

    /// Tells receivers that the stream ends, and waits until they have everything, at most `timeout` nanoseconds.
    private func sayGoodbye(_ sender: Sender, _ timeout: Int64) throws(Flow) {
        let failure = Guarded<FramewireError?>(nil)
        let errand = Errand {
            do throws(FramewireError) {
                try sender.end(timeout: timeout)
            } catch {
                failure.set(error)
            }
        }
        var isDone = false
        while !isDone {
            letStatesChange { isDone = errand.isDone(within: Self.patience) }
            if !isDone { try goOnWaiting() }
        }
        if let failure = failure.value {
            post(
                GST_MESSAGE_WARNING, element, ErrorKind(failure, connection: GST_RESOURCE_ERROR_WRITE),
                failure.message)
        }
    }

    /// - Returns: whether there is nothing to wait for any more.
    private func flush(_ sender: Sender, _ timeout: Int64) -> Bool {
        do throws(FramewireError) {
            try sender.flush(timeout: timeout)
            return true
        } catch {
            return error.code != .timeout
        }
    }

    private var stats: Record {
        let stats = sender.value?.stats ?? SenderStats()
        let record = Record("framewiresink-stats")
        record.set("connected", stats.connected)
        record.set("connections", stats.connections)
        record.set("receivers", UInt64(stats.receivers))
        record.set("frames-pushed", stats.framesPushed)
        record.set("frames-sent", stats.framesSent)
        record.set("frames-dropped", stats.framesDropped)
        record.set("frames-acknowledged", stats.framesAcknowledged)
        record.set("bytes-raw", stats.bytesRaw)
        record.set("bytes-wire", stats.bytesWire)
        record.set("pixel-bytes-copied", stats.pixelBytesCopied)
        record.set("queue-depth", UInt64(stats.queueDepth))
        record.set("profile", "\(stats.profile.name)")
        record.set("encode-p50", stats.encodeP50)
        record.set("encode-p99", stats.encodeP99)
        record.set("latency-p50", stats.latencyP50)
        record.set("latency-p99", stats.latencyP99)
        record.set("round-trip-p50", stats.roundTripP50)
        return record
    }
}
