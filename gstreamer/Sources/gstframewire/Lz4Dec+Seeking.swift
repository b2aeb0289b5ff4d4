import CGStreamer
import Framewire

/// A file that the decoder reads itself.
final class Recording: @unchecked Sendable {
    // Unchecked: all but the index belongs to the streaming thread, or to whoever keeps that from running.
    let index: RecordingIndex
    /// Of the bytes that are read next.
    var offset: UInt64 = 0
    /// What the last seek asked for, in stream time.
    var segment = GstSegment()
    /// Of the last seek.
    var seekNumber: guint32?
    /// To be announced before the next frame.
    private var pendingSegment: GstSegment?
    /// The frame that is waited for: those before it are decoded only.
    private var first: RecordingIndex.Entry?
    var hasBegun = false

    init(_ index: RecordingIndex) {
        self.index = index
        gst_segment_init(&segment, GST_FORMAT_TIME)
    }

    func go(to place: RecordingIndex.Place, announcing segment: GstSegment) {
        offset = place.offset
        first = place.first
        pendingSegment = segment
    }

    /// Whether a frame is to be shown.
    func isWanted(_ info: FrameInfo) -> Bool {
        guard let first else { return true }
        guard info.sequence == first.sequence, Timeline.View(info) == first.view else {
            return false
        }
        self.first = nil
        return true
    }

    func takeSegment() -> GstSegment? {
        defer { pendingSegment = nil }
        return pendingSegment
    }
}

/// Where the file comes from an element that can be asked for any part of it, the decoder reads it at its own pace, and
/// finds frames by their times. Other streams come as they come, and only files can be begun anew.
extension Lz4Dec {
    private static let readSize: guint = 256 << 10

    // MARK: - Reading

    func activate(_ pad: UnsafeMutablePointer<GstPad>) -> Bool {
        let query = gst_query_new_scheduling()
        defer { gst_query_unref(query) }
        var flags = GstSchedulingFlags(rawValue: 0)
        var canPull = gst_pad_peer_query(pad, query) != 0
        if canPull {
            gst_query_parse_scheduling(query, &flags, nil, nil, nil)
            let slow =
                GST_SCHEDULING_FLAG_SEQUENTIAL.rawValue | GST_SCHEDULING_FLAG_BANDWIDTH_LIMITED.rawValue
            canPull =
                flags.rawValue & slow == 0
                && gst_query_has_scheduling_mode_with_flags(
                    query, GST_PAD_MODE_PULL, GST_SCHEDULING_FLAG_SEEKABLE) != 0
        }
        return gst_pad_activate_mode(pad, canPull ? GST_PAD_MODE_PULL : GST_PAD_MODE_PUSH, 1) != 0
    }

    /// Begins or ends the thread that reads.
    func setReading(_ isReading: Bool) -> Bool {
        guard isReading else { return gst_pad_stop_task(sink) != 0 }
        let settings = self.settings.value
        file.set(Recording(RecordingIndex(limits: settings.options.limits, settings.selection)))
        return startTask()
    }

    private func startTask() -> Bool {
        gst_pad_start_task(sink, { element in Lz4Dec.of(element).read() }, element, nil) != 0
    }

    /// One round of the thread that reads.
    private func read() {
        guard let recording else { return }
        if !recording.hasBegun {
            recording.hasBegun = true
            beginStream()
        }
        var buffer: UnsafeMutablePointer<GstBuffer>?
        var result = gst_pad_pull_range(sink, guint64(recording.offset), Self.readSize, &buffer)
        if result == GST_FLOW_OK, let buffer {
            recording.offset += UInt64(gst_buffer_get_size(buffer))
            result = chain(buffer)
        } else if result == GST_FLOW_EOS {
            finishStream()
        }
        guard result != GST_FLOW_OK else { return }
        debug(GST_LEVEL_INFO, element, "reading ends: \(String(cString: gst_flow_get_name(result)))")
        gst_pad_pause_task(sink)
        switch result {
        case GST_FLOW_FLUSHING: break
        case GST_FLOW_EOS: endSegment(recording)
        default:
            // Decoding has posted its own error.
            if result != GST_FLOW_ERROR {
                fail(
                    .stream(GST_STREAM_ERROR_FAILED),
                    "the pictures could not be given on: \(String(cString: gst_flow_get_name(result)))")
            }
            push(gst_event_new_eos(), recording)
        }
    }

    private func beginStream() {
        let id = gst_pad_create_stream_id(source, element, nil)
        defer { g_free(id) }
        let event = gst_event_new_stream_start(id)
        gst_event_set_group_id(event, gst_util_group_id_next())
        gst_pad_push_event(source, event)
    }

    private func push(_ event: UnsafeMutablePointer<GstEvent>?, _ recording: Recording) {
        if let number = recording.seekNumber { gst_event_set_seqnum(event, number) }
        gst_pad_push_event(source, event)
    }

    private func endSegment(_ recording: Recording) {
        guard recording.segment.flags.rawValue & GST_SEGMENT_FLAG_SEGMENT.rawValue != 0 else {
            push(gst_event_new_eos(), recording)
            return
        }
        let position = gint64(
            clamping: recording.segment.stop == .max ? timeline.end : recording.segment.stop)
        let message = gst_message_new_segment_done(
            element.cast(to: GstObject.self), GST_FORMAT_TIME, position)
        if let number = recording.seekNumber { gst_message_set_seqnum(message, number) }
        gst_element_post_message(element, message)
        push(gst_event_new_segment_done(GST_FORMAT_TIME, position), recording)
    }

    /// Stream time of the recording's end.
    private func extend(_ index: RecordingIndex) -> GstClockTime? {
        index.extend { (offset, body) in
            var buffer: UnsafeMutablePointer<GstBuffer>?
            guard gst_pad_pull_range(sink, guint64(offset), RecordingIndex.readSize, &buffer) == GST_FLOW_OK,
                let buffer
            else { return false }
            defer { gst_buffer_unref(buffer) }
            var map = GstMapInfo()
            guard gst_buffer_map(buffer, &map, GST_MAP_READ) != 0 else { return false }
            defer { gst_buffer_unmap(buffer, &map) }
            body(UnsafeRawBufferPointer(start: map.data, count: Int(map.size)))
            return map.size > 0
        }
    }

    // MARK: - Seeking

    func seek(_ event: UnsafeMutablePointer<GstEvent>) -> Bool {
        var rate = 0.0
        var format = GST_FORMAT_UNDEFINED
        var flags = GstSeekFlags(rawValue: 0)
        var startType = GST_SEEK_TYPE_NONE
        var stopType = GST_SEEK_TYPE_NONE
        var start: gint64 = 0
        var stop: gint64 = 0
        gst_event_parse_seek(event, &rate, &format, &flags, &startType, &start, &stopType, &stop)
        guard let recording, rate > 0, format == GST_FORMAT_TIME, let end = extend(recording.index) else {
            return false
        }
        let number = gst_event_get_seqnum(event)
        let flushes = flags.rawValue & GST_SEEK_FLAG_FLUSH.rawValue != 0
        if flushes {
            flush(gst_event_new_flush_start(), number)
        } else {
            gst_pad_pause_task(sink)
        }
        g_rec_mutex_lock(&sink.pointee.stream_rec_lock)
        defer { g_rec_mutex_unlock(&sink.pointee.stream_rec_lock) }
        if flushes { flush(gst_event_new_flush_stop(1), number) }
        var wanted = recording.segment
        wanted.duration = end
        // The present position counts where only the end or the rate is to change.
        wanted.position = min(timeline.end, end)
        let isUnderstood =
            gst_segment_do_seek(
                &wanted, rate, format, flags, startType, GstClockTime(clamping: start), stopType,
                stop < 0 ? .max : GstClockTime(stop), nil) != 0
        // After a flush there must be a segment in any case.
        if !isUnderstood { wanted.start = wanted.position }
        go(to: wanted, recording, atKeyFrame: flags.rawValue & GST_SEEK_FLAG_KEY_UNIT.rawValue != 0, flushes)
        recording.seekNumber = number
        return startTask() && isUnderstood
    }

    private func flush(_ event: UnsafeMutablePointer<GstEvent>?, _ number: guint32) {
        gst_event_set_seqnum(event, number)
        gst_pad_push_event(sink, gst_event_ref(event))
        gst_pad_push_event(source, event)
    }

    private func go(to wanted: GstSegment, _ recording: Recording, atKeyFrame: Bool, _ flushes: Bool) {
        guard let place = recording.index.place(at: wanted.start, atKeyFrame: atKeyFrame) else { return }
        let first = place.first
        // Before the first frame, and at a key frame, the segment begins with the frame.
        let time = atKeyFrame ? first.time : max(wanted.start, first.time)
        let base = flushes ? 0 : timeline.runningEnd
        let segment = timeline.begin(
            pts: first.pts == .max ? 0 : first.pts, of: first.view, late: time - first.time, time: time,
            base: base,
            rate: wanted.rate, stop: wanted.stop)
        recording.segment = wanted
        recording.go(to: place, announcing: segment)
        _ = restart()
    }

    /// Only the beginning can be gone to: where other frames are is not known.
    func rewind(_ event: UnsafeMutablePointer<GstEvent>) -> Bool {
        var rate = 0.0
        var format = GST_FORMAT_UNDEFINED
        var flags = GstSeekFlags(rawValue: 0)
        var startType = GST_SEEK_TYPE_NONE
        var start: gint64 = 0
        var stop: gint64 = 0
        var stopType = GST_SEEK_TYPE_NONE
        gst_event_parse_seek(event, &rate, &format, &flags, &startType, &start, &stopType, &stop)
        guard rate == 1, format == GST_FORMAT_TIME, startType == GST_SEEK_TYPE_SET, start == 0,
            stopType == GST_SEEK_TYPE_NONE || stop == -1
        else { return false }
        let bytes = gst_event_new_seek(
            1, GST_FORMAT_BYTES, GstSeekFlags(rawValue: flags.rawValue & GST_SEEK_FLAG_FLUSH.rawValue),
            GST_SEEK_TYPE_SET, 0, GST_SEEK_TYPE_NONE, -1)
        gst_event_set_seqnum(bytes, gst_event_get_seqnum(event))
        return gst_pad_push_event(sink, bytes) != 0
    }

    // MARK: - Queries

    func answer(
        _ pad: UnsafeMutablePointer<GstPad>, _ parent: UnsafeMutablePointer<GstObject>,
        _ query: UnsafeMutablePointer<GstQuery>
    ) -> gboolean {
        switch query.pointee.type {
        case GST_QUERY_SEEKING:
            var format = GST_FORMAT_UNDEFINED
            gst_query_parse_seeking(query, &format, nil, nil, nil)
            let end = recording.flatMap { format == GST_FORMAT_TIME ? extend($0.index) : nil }
            gst_query_set_seeking(
                query, format, (end != nil).gboolean, 0, end.map { gint64(clamping: $0) } ?? -1)
            return 1
        case GST_QUERY_DURATION:
            var format = GST_FORMAT_UNDEFINED
            gst_query_parse_duration(query, &format, nil)
            guard format == GST_FORMAT_TIME, let recording, let end = extend(recording.index) else {
                return gst_pad_query_default(pad, parent, query)
            }
            gst_query_set_duration(query, format, gint64(clamping: end))
            return 1
        default: return gst_pad_query_default(pad, parent, query)
        }
    }
}
