import CGStreamer
import Framewire
import Glibc

/// `framewiresrc`: takes a stream from a connection or a recording and gives its frames.
final class FramewireSrc: ElementObject, @unchecked Sendable {
    // Unchecked: what is not guarded belongs to the streaming thread, or to state changes while there is none.
    struct Settings: Sendable {
        var uri: String? = "tcp://:3000"
        var receiver = Receiver.Options()
        var isLive = false
        var arrivalTimes = false
        var latency: UInt64 = 0
        var selection = StreamSelection()

        init() {
            // Frames of several senders would be one stream with changing caps.
            receiver.maxPeers = 1
        }
    }

    static let slot = Slot(parent: gst_push_src_get_type())
    // Set once, before there is an instance.
    nonisolated(unsafe) private static var parentClass: UnsafeMutablePointer<GstPushSrcClass>!
    static let type = registerType(
        "GstFramewireSrc", parent: gst_push_src_get_type(), slot: slot,
        classInit: { given, _ in initialize(given!.assumingMemoryBound(to: GstPushSrcClass.self)) },
        instanceInit: { instance, _ in
            slot.put(FramewireSrc(instance!.cast(to: GstBaseSrc.self)), in: instance!)
        })

    static let properties: [Property<FramewireSrc>] = {
        let initial = Settings()
        return [
            .string(
                "uri",
                "Where the stream comes from: tcp://[host]:port listens (without a host on loopback only),"
                    + " tcp://host:port?connect=1 connects; tls:// and unix:///path likewise; file:///path is a recording",
                initial, \.uri),
            .readOnlyUInt("current-port", "The TCP port that is listened on; 0 where there is none") {
                guint($0.receiver.value?.port ?? 0)
            },
            .bool(
                "once", "End of stream when the first sender has left, instead of waiting for the next one",
                initial,
                \.receiver.once),
            .bool(
                "is-live", "Whether to act as a live source, for a stream that is drawn now", initial,
                \.isLive),
            .bool(
                "arrival-times",
                "Replace the presentation times of the sender by the running time at which frames arrive",
                initial, \.arrivalTimes),
            .uint64(
                "latency", "How much later than it arrives a frame may be shown when live, in nanoseconds",
                0...(1 << 62), initial, \.latency),
            .overflow(
                initial, \.receiver.overflow,
                "When frames are not fetched in time; block slows the sender, whose own policy counts then"),
            .uint("queue-depth", "Decoded frames that may wait", 1...64, initial, \.receiver.queueDepth),
            .threads(initial, \.receiver.threads, "decode"),
            .reconnect(initial, \.receiver.reconnect),
        ]
            + Property.times(
                initial, connect: \.receiver.connectTimeout, keepalive: \.receiver.keepaliveInterval,
                idle: \.receiver.idleTimeout)
            + Property.limits(initial, \.receiver.limits, verify: \.receiver.verifyChecksums)
            + Property.selection(initial, \.selection)
            + Property.tls(initial, \.receiver.tls)
            + [.stats("Counters since the element was started; times are nanoseconds") { $0.stats }]
    }()

    let settings = Guarded(Settings())
    private let source: UnsafeMutablePointer<GstBaseSrc>
    /// Waits for frames, and for the order to stop waiting.
    private let poll: OpaquePointer
    private var descriptor = GstPollFD()
    private let receiver = Guarded<Receiver?>(nil)
    /// What the present receiver reports to.
    private var reference: ElementReference?
    /// Whether a flush has taken the time line away.
    private let wasFlushed = Guarded(false)

    private let output = FrameOutput()
    private var timeline = Timeline()
    private var peerID: UInt64 = 0

    private init(_ source: UnsafeMutablePointer<GstBaseSrc>) {
        self.source = source
        poll = gst_poll_new(1)
        gst_base_src_set_format(source, GST_FORMAT_TIME)
    }

    deinit {
        gst_poll_free(poll)
    }

    private static func initialize(_ given: UnsafeMutablePointer<GstPushSrcClass>) {
        parentClass = g_type_class_peek_parent(given).assumingMemoryBound(to: GstPushSrcClass.self)
        let object = given.cast(to: GObjectClass.self)
        object.pointee.set_property = { object, number, value, _ in
            FramewireSrc.setProperty(object, number, value)
        }
        object.pointee.get_property = { object, number, value, _ in
            FramewireSrc.getProperty(object, number, value)
        }
        object.pointee.finalize = { object in
            FramewireSrc.slot.clear(object!)
            FramewireSrc.parentClass.cast(to: GObjectClass.self).pointee.finalize(object)
        }
        installProperties(object)
        let element = given.cast(to: GstElementClass.self)
        element.pointee.send_event = { element, event in
            if event!.pointee.type == GST_EVENT_FLUSH_STOP { FramewireSrc.of(element).wasFlushed.set(true) }
            return FramewireSrc.parentClass.cast(to: GstElementClass.self).pointee.send_event(element, event)
        }
        addPadTemplate(element, "src", GST_PAD_SRC, rawCaps)
        setMetadata(
            element, name: "Framewire receiver", kind: "Source/Network/Video",
            description: "Receives lossless video frames over a network, or plays a recording of them")
        let base = given.cast(to: GstBaseSrcClass.self)
        base.pointee.start = { source in FramewireSrc.of(source).start().gboolean }
        base.pointee.stop = { source in
            FramewireSrc.of(source).stop()
            return 1
        }
        base.pointee.unlock = { source in
            gst_poll_set_flushing(FramewireSrc.of(source).poll, 1)
            return 1
        }
        base.pointee.unlock_stop = { source in
            gst_poll_set_flushing(FramewireSrc.of(source).poll, 0)
            return 1
        }
        base.pointee.is_seekable = { _ in 0 }
        // The caps come with the first frame.
        base.pointee.negotiate = { _ in 1 }
        base.pointee.decide_allocation = { source, query in
            FramewireSrc.of(source).decideAllocation(query!)
            return 1
        }
        base.pointee.query = { source, query in
            FramewireSrc.of(source).answer(query!)
                ?? FramewireSrc.parentClass.cast(to: GstBaseSrcClass.self).pointee.query(source, query)
        }
        given.pointee.create = { source, out in
            do throws(Flow) {
                out!.pointee = try FramewireSrc.of(source).create()
                return GST_FLOW_OK
            } catch {
                return error.result
            }
        }
    }

    func settingsChanged() {
        gst_base_src_set_live(source, settings.value.isLive.gboolean)
    }

    private var element: UnsafeMutablePointer<GstElement> { source.cast() }

    private func start() -> Bool {
        let settings = self.settings.value
        var options = settings.receiver
        let uri = settings.uri ?? ""
        // A change of state cannot be ended, so it does not wait.
        options.connectsLater = true
        let reference = ElementReference(element)
        let goesOn = !options.once && !uri.hasPrefix("file:")
        options.onConnection = { event in
            reference.use { report(event, $0, warnOfLoss: goesOn, GST_RESOURCE_ERROR_READ) }
        }
        do throws(FramewireError) {
            let receiver = try Receiver(from: uri, options: options)
            gst_poll_fd_init(&descriptor)
            descriptor.fd = receiver.descriptor
            gst_poll_add_fd(poll, &descriptor)
            gst_poll_fd_ctl_read(poll, &descriptor, 1)
            self.receiver.set(receiver)
            self.reference = reference
        } catch {
            post(
                GST_MESSAGE_ERROR, element, ErrorKind(error, connection: GST_RESOURCE_ERROR_OPEN_READ),
                error.message)
            return false
        }
        g_object_notify(element.cast(to: GObject.self), "current-port")
        return true
    }

    private func stop() {
        gst_poll_remove_fd(poll, &descriptor)
        let receiver = self.receiver.change { held in
            defer { held = nil }
            return held
        }
        if let receiver { reference?.close { receiver.close() } }
        reference = nil
        output.reset()
        timeline.reset()
        peerID = 0
    }

    private func decideAllocation(_ query: UnsafeMutablePointer<GstQuery>) {
        var caps: UnsafeMutablePointer<GstCaps>?
        gst_query_parse_allocation(query, &caps, nil)
        if let caps { output.negotiated(query, caps) }
        // The base class is not to make a pool: frames have memory of their own.
        while gst_query_get_n_allocation_pools(query) > 0 { gst_query_remove_nth_allocation_pool(query, 0) }
    }

    /// - Returns: nil for queries that the base class answers.
    private func answer(_ query: UnsafeMutablePointer<GstQuery>) -> gboolean? {
        guard query.pointee.type == GST_QUERY_LATENCY else { return nil }
        let isLive = gst_base_src_is_live(source)
        gst_query_set_latency(
            query, isLive, isLive == 0 ? 0 : GstClockTime(settings.value.latency), GstClockTime.max)
        return 1
    }

    private func create() throws(Flow) -> UnsafeMutablePointer<GstBuffer> {
        guard let receiver = receiver.value else { throw Flow(GST_FLOW_FLUSHING) }
        let settings = self.settings.value
        while true {
            let frame = try next(receiver)
            if settings.selection.contains(frame.info) { return try makeBuffer(frame, settings) }
        }
    }

    private func next(_ receiver: Receiver) throws(Flow) -> Frame {
        while true {
            do throws(FramewireError) {
                return try receiver.next(timeout: 0)
            } catch {
                switch error.code {
                case .wouldBlock: break
                case .closed:
                    if let end = receiver.lastEnd, end.reason != .endOfStream {
                        post(
                            GST_MESSAGE_WARNING, element, .resource(GST_RESOURCE_ERROR_READ),
                            "the sender could not go on: \(end.text)")
                    }
                    throw Flow(GST_FLOW_EOS)
                default:
                    post(
                        GST_MESSAGE_ERROR, element, ErrorKind(error, connection: GST_RESOURCE_ERROR_READ),
                        error.message)
                    throw Flow(GST_FLOW_ERROR)
                }
            }
            // EBUSY: unlock() was called. Any other failure is a signal's.
            if gst_poll_wait(poll, GstClockTime.max) < 0, errno == EBUSY { throw Flow(GST_FLOW_FLUSHING) }
        }
    }

    private func makeBuffer(
        _ frame: Frame, _ settings: Settings
    ) throws(Flow) -> UnsafeMutablePointer<GstBuffer> {
        let caps: UnsafeMutablePointer<GstCaps>?
        do throws(Refusal) {
            caps = try output.newCaps(frame)
        } catch {
            post(GST_MESSAGE_ERROR, element, error.kind, error.sentence)
            throw Flow(GST_FLOW_ERROR)
        }
        if let caps {
            let accepted = gst_base_src_set_caps(source, caps) != 0 && gst_base_src_negotiate(source) != 0
            gst_caps_unref(caps)
            guard accepted else {
                output.reset()
                throw Flow(refusal(of: source.pointee.srcpad))
            }
        }
        let buffer = try output.makeBuffer(frame)
        place(buffer, frame, settings)
        return buffer
    }

    private func place(_ buffer: UnsafeMutablePointer<GstBuffer>, _ frame: Frame, _ settings: Settings) {
        if wasFlushed.value {
            wasFlushed.set(false)
            timeline.reset()
        }
        let now = gst_element_get_current_running_time(element)
        if settings.arrivalTimes { buffer.pointee.pts = now == .max ? 0 : now }
        let isFirst = timeline.segment == nil
        let startsAnew =
            !settings.arrivalTimes && !isFirst
            && (frame.peerID != peerID || frame.info.flags.contains(.discontinuity))
        peerID = frame.peerID
        // A stream that is not live begins at 0; what comes after a gap goes on now.
        let usesNow = !isFirst || settings.isLive || settings.arrivalTimes
        if var segment = timeline.place(
            pts: buffer.pointee.pts, duration: buffer.pointee.duration, of: Timeline.View(frame.info),
            startsAnew: startsAnew, now: usesNow ? now : .max)
        {
            gst_base_src_new_segment(source, &segment)
            if !isFirst { gst_buffer_set_flags(buffer, GST_BUFFER_FLAG_DISCONT) }
        }
    }

    private var stats: Record {
        let stats = receiver.value?.stats ?? ReceiverStats()
        let record = Record("framewiresrc-stats")
        record.set("connected", stats.connected)
        record.set("connections", stats.connections)
        record.set("frames-received", stats.framesReceived)
        record.set("frames-delivered", stats.framesDelivered)
        record.set("frames-dropped", stats.framesDropped)
        record.set("frames-missed", stats.framesMissed)
        record.set("frames-undecodable", stats.framesUndecodable)
        record.set("bytes-raw", stats.bytesRaw)
        record.set("bytes-wire", stats.bytesWire)
        record.set("errors", stats.errors)
        record.set("checksums-verified", stats.checksumsVerified)
        record.set("decode-p50", stats.decodeP50)
        record.set("decode-p99", stats.decodeP99)
        record.set("latency-p50", stats.latencyP50)
        record.set("latency-p99", stats.latencyP99)
        record.set("round-trip-p50", stats.roundTripP50)
        return record
    }
}
