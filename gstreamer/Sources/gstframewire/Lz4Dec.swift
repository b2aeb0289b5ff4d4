import CGStreamer
import Framewire

/// `lz4dec`: the bytes of a stream, cut anywhere, to pictures.
final class Lz4Dec: ElementObject, @unchecked Sendable {
    // Unchecked: what is not guarded belongs to the streaming thread, or to state changes while there is none.
    struct Settings: Sendable {
        var options = Receiver.Options()
        var selection = StreamSelection()
        var qos = true
    }

    private struct Counters: Sendable {
        var frames: UInt64 = 0
        var late: UInt64 = 0
        var bytesWire: UInt64 = 0
        var bytesRaw: UInt64 = 0
    }

    static let slot = Slot(parent: gst_element_get_type())
    // Set once, before there is an instance.
    nonisolated(unsafe) private static var parentClass: UnsafeMutablePointer<GstElementClass>!
    static let type = registerType(
        "GstFramewireLz4Dec", parent: gst_element_get_type(), slot: slot,
        classInit: { given, _ in initialize(given!.assumingMemoryBound(to: GstElementClass.self)) },
        instanceInit: { instance, elementClass in
            slot.put(
                Lz4Dec(
                    instance!.cast(to: GstElement.self),
                    elementClass!.assumingMemoryBound(to: GstElementClass.self)), in: instance!)
        })

    static let properties: [Property<Lz4Dec>] = {
        let initial = Settings()
        return [
            .threads(initial, \.options.threads, "decode"),
            .bool("qos", "Leave out frames that would come too late to be shown", initial, \.qos),
        ]
            + Property.limits(initial, \.options.limits, verify: \.options.verifyChecksums)
            + Property.selection(initial, \.selection)
            + [.stats("Counters since the element was started") { $0.stats }]
    }()

    let settings = Guarded(Settings())
    let element: UnsafeMutablePointer<GstElement>
    let sink: UnsafeMutablePointer<GstPad>
    let source: UnsafeMutablePointer<GstPad>
    private let counters = Guarded(Counters())
    /// Running time before which frames come too late; none where nothing is late.
    private let earliest = Guarded(GstClockTime.max)

    private var decoder: FrameMessageDecoder?
    private let output = FrameOutput()
    var timeline = Timeline()
    private var hasFailed = false
    /// Whether bytes of the stream have come.
    private var hasBytes = false
    /// Of a file that is read by this element itself, and so can be sought in.
    let file = Guarded<Recording?>(nil)
    var recording: Recording? { file.value }

    private init(
        _ element: UnsafeMutablePointer<GstElement>, _ elementClass: UnsafeMutablePointer<GstElementClass>
    ) {
        self.element = element
        sink = gst_pad_new_from_template(gst_element_class_get_pad_template(elementClass, "sink"), "sink")
        source = gst_pad_new_from_template(gst_element_class_get_pad_template(elementClass, "src"), "src")
        gst_pad_set_chain_function_full(
            sink, { _, parent, buffer in Lz4Dec.of(parent).chain(buffer!) }, nil, nil)
        gst_pad_set_activate_function_full(
            sink, { pad, parent in Lz4Dec.of(parent).activate(pad!).gboolean }, nil, nil)
        gst_pad_set_activatemode_function_full(
            sink,
            { pad, parent, mode, isActive in
                mode == GST_PAD_MODE_PULL ? Lz4Dec.of(parent).setReading(isActive != 0).gboolean : 1
            }, nil, nil)
        gst_pad_set_event_function_full(
            sink, { pad, parent, event in Lz4Dec.of(parent).sinkEvent(pad!, parent!, event!) }, nil, nil)
        gst_pad_set_event_function_full(
            source, { pad, parent, event in Lz4Dec.of(parent).sourceEvent(pad!, parent!, event!) }, nil, nil)
        gst_pad_set_query_function_full(
            source, { pad, parent, query in Lz4Dec.of(parent).answer(pad!, parent!, query!) }, nil, nil)
        gst_pad_use_fixed_caps(source)
        gst_element_add_pad(element, sink)
        gst_element_add_pad(element, source)
    }

    private static func initialize(_ given: UnsafeMutablePointer<GstElementClass>) {
        parentClass = g_type_class_peek_parent(given).assumingMemoryBound(to: GstElementClass.self)
        let object = given.cast(to: GObjectClass.self)
        object.pointee.set_property = { object, number, value, _ in Lz4Dec.setProperty(object, number, value)
        }
        object.pointee.get_property = { object, number, value, _ in Lz4Dec.getProperty(object, number, value)
        }
        object.pointee.finalize = { object in
            Lz4Dec.slot.clear(object!)
            Lz4Dec.parentClass.cast(to: GObjectClass.self).pointee.finalize(object)
        }
        installProperties(object)
        addPadTemplate(given, "sink", GST_PAD_SINK, streamCaps)
        addPadTemplate(given, "src", GST_PAD_SRC, rawCaps)
        setMetadata(
            given, name: "LZ4 video decoder", kind: "Codec/Decoder/Video",
            description: "Makes video frames of a Framewire stream, in pieces of any size")
        given.pointee.change_state = { element, transition in
            if transition == GST_STATE_CHANGE_READY_TO_PAUSED, !Lz4Dec.of(element).start() {
                return GST_STATE_CHANGE_FAILURE
            }
            let result = Lz4Dec.parentClass.pointee.change_state(element, transition)
            // The streaming thread has left now.
            if transition == GST_STATE_CHANGE_PAUSED_TO_READY { Lz4Dec.of(element).stop() }
            return result
        }
    }

    // MARK: - The stream's beginning and end

    private func start() -> Bool {
        counters.set(Counters())
        return restart()
    }

    private func stop() {
        decoder = nil
        file.set(nil)
        output.reset()
        timeline.reset()
    }

    /// Expects the beginning of a stream, or a message.
    func restart() -> Bool {
        hasFailed = false
        hasBytes = false
        earliest.set(.max)
        do throws(FramewireError) {
            decoder = try FrameMessageDecoder(options: settings.value.options)
            return true
        } catch {
            fail(ErrorKind(error, connection: GST_RESOURCE_ERROR_FAILED), error.message)
            return false
        }
    }

    func fail(_ kind: ErrorKind, _ sentence: String) {
        hasFailed = true
        post(GST_MESSAGE_ERROR, element, kind, sentence)
    }

    private func sinkEvent(
        _ pad: UnsafeMutablePointer<GstPad>, _ parent: UnsafeMutablePointer<GstObject>,
        _ event: UnsafeMutablePointer<GstEvent>
    ) -> gboolean {
        switch event.pointee.type {
        case GST_EVENT_CAPS, GST_EVENT_SEGMENT:
            // Those of the bytes; the pictures have their own.
            gst_event_unref(event)
            return 1
        case GST_EVENT_FLUSH_STOP:
            _ = restart()
            timeline.reset()
        case GST_EVENT_EOS: finishStream()
        default: break
        }
        return gst_pad_event_default(pad, parent, event)
    }

    /// No bytes follow.
    func finishStream() {
        guard !hasFailed, let decoder else { return }
        do throws(FramewireError) {
            try decoder.finish()
        } catch {
            post(GST_MESSAGE_WARNING, element, .stream(GST_STREAM_ERROR_DECODE), error.message)
        }
    }

    // MARK: - Bytes and frames

    /// - Parameter buffer: owned by this function.
    func chain(_ buffer: UnsafeMutablePointer<GstBuffer>) -> GstFlowReturn {
        defer { gst_buffer_unref(buffer) }
        if hasBytes, gst_buffer_has_flags(buffer, GST_BUFFER_FLAG_DISCONT) != 0 {
            debug(GST_LEVEL_INFO, element, "bytes are missing; a message is expected to begin here")
            guard restart() else { return GST_FLOW_ERROR }
        }
        guard !hasFailed, let decoder else { return GST_FLOW_ERROR }
        hasBytes = true
        for index in 0..<gst_buffer_n_memory(buffer) {
            let memory = gst_buffer_peek_memory(buffer, index)
            var map = GstMapInfo()
            guard gst_memory_map(memory, &map, GST_MAP_READ) != 0 else {
                fail(
                    .resource(GST_RESOURCE_ERROR_READ),
                    "memory \(index) of a buffer cannot be mapped for reading")
                return GST_FLOW_ERROR
            }
            defer { gst_memory_unmap(memory, &map) }
            do throws(Flow) {
                try feed(decoder, UnsafeRawBufferPointer(start: map.data, count: Int(map.size)))
            } catch {
                return error.result
            }
        }
        return GST_FLOW_OK
    }

    private func feed(_ decoder: FrameMessageDecoder, _ bytes: UnsafeRawBufferPointer) throws(Flow) {
        counters.change { $0.bytesWire += UInt64(bytes.count) }
        var taken = 0
        while taken < bytes.count {
            do throws(FramewireError) {
                taken += try decoder.feed(UnsafeRawBufferPointer(rebasing: bytes[taken...]))
            } catch {
                fail(ErrorKind(error, connection: GST_RESOURCE_ERROR_READ), error.message)
                throw Flow(GST_FLOW_ERROR)
            }
            if let frame = decoder.nextFrame() { try push(frame) }
        }
    }

    private func push(_ frame: Frame) throws(Flow) {
        let settings = self.settings.value
        guard settings.selection.contains(frame.info), recording?.isWanted(frame.info) ?? true else { return }
        let caps: UnsafeMutablePointer<GstCaps>?
        do throws(Refusal) {
            caps = try output.newCaps(frame)
        } catch {
            fail(error.kind, error.sentence)
            throw Flow(GST_FLOW_ERROR)
        }
        if let caps {
            defer { gst_caps_unref(caps) }
            guard gst_pad_push_event(source, gst_event_new_caps(caps)) != 0 else {
                output.reset()
                throw Flow(refusal(of: source))
            }
            negotiate(caps)
        } else if gst_pad_check_reconfigure(source) != 0, let caps = gst_pad_get_current_caps(source) {
            negotiate(caps)
            gst_caps_unref(caps)
        }
        let info = frame.info
        let isFirst = timeline.segment == nil
        let sought = recording?.takeSegment()
        let placed = timeline.place(
            pts: info.pts.clockTime, duration: info.duration.clockTime, of: Timeline.View(info),
            startsAnew: sought == nil && info.flags.contains(.discontinuity),
            now: isFirst || recording != nil ? .max : gst_element_get_current_running_time(element))
        if recording != nil, timeline.isOver(info.pts.clockTime) { throw Flow(GST_FLOW_EOS) }
        let segment = placed ?? sought
        if var segment {
            let event = gst_event_new_segment(&segment)
            if let number = recording?.seekNumber { gst_event_set_seqnum(event, number) }
            gst_pad_push_event(source, event)
        }
        counters.change {
            $0.frames += 1
            $0.bytesRaw += UInt64(frame.layout.size)
        }
        if settings.qos, isLate(info) { return }
        let buffer = try output.makeBuffer(frame)
        if segment != nil { gst_buffer_set_flags(buffer, GST_BUFFER_FLAG_DISCONT) }
        let result = gst_pad_push(source, buffer)
        guard result == GST_FLOW_OK else { throw Flow(result) }
    }

    private func negotiate(_ caps: UnsafeMutablePointer<GstCaps>) {
        let query = gst_query_new_allocation(caps, 1)!
        // Without an answer nothing is known, which is an answer too.
        gst_pad_peer_query(source, query)
        output.negotiated(query, caps)
        gst_query_unref(query)
    }

    // MARK: - Quality of service, seeking, queries

    private func isLate(_ info: FrameInfo) -> Bool {
        let earliest = self.earliest.value
        let time = timeline.runningTime(info.pts.clockTime)
        guard earliest != .max, time != .max, time < earliest else { return false }
        let counters = self.counters.change { counters in
            counters.late += 1
            return counters
        }
        let message = gst_message_new_qos(
            element.cast(to: GstObject.self), 0, time, time, info.pts.clockTime, info.duration.clockTime)
        gst_message_set_qos_stats(
            message, GST_FORMAT_BUFFERS, guint64(counters.frames - counters.late), guint64(counters.late))
        gst_element_post_message(element, message)
        return true
    }

    private func sourceEvent(
        _ pad: UnsafeMutablePointer<GstPad>, _ parent: UnsafeMutablePointer<GstObject>,
        _ event: UnsafeMutablePointer<GstEvent>
    ) -> gboolean {
        switch event.pointee.type {
        case GST_EVENT_QOS:
            var late: GstClockTimeDiff = 0
            var time: GstClockTime = .max
            gst_event_parse_qos(event, nil, nil, &late, &time)
            if time != .max {
                // As far again as the last frame was late, so that the frames after it are not late too.
                let ahead = late > 0 ? 2 * late : late
                earliest.set(GstClockTime(max(0, GstClockTimeDiff(clamping: time) &+ ahead)))
            }
            return gst_pad_event_default(pad, parent, event)
        case GST_EVENT_SEEK:
            defer { gst_event_unref(event) }
            return (recording == nil ? rewind(event) : seek(event)).gboolean
        default:
            return gst_pad_event_default(pad, parent, event)
        }
    }

    private var stats: Record {
        let counters = self.counters.value
        let record = Record("lz4dec-stats")
        record.set("frames-decoded", counters.frames)
        record.set("frames-late", counters.late)
        record.set("bytes-wire", counters.bytesWire)
        record.set("bytes-raw", counters.bytesRaw)
        return record
    }
}
