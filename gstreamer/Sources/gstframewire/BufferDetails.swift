import CGStreamer
import Framewire

/// What a buffer with a picture says beside pixels and times, in the metadata of its frame: flags, time codes, and times by
/// other clocks.
struct BufferDetails {
    private var flags: UInt32 = 0
    private var timeCode: String?
    private var timestamps: [(reference: String, timestamp: Int64, duration: Int64?)] = []

    /// Flags that mean something to whoever gets the picture, and their names.
    private static let flagNames: [(flag: UInt32, name: String)] = [
        (UInt32(GST_BUFFER_FLAG_DISCONT.rawValue), "discont"),
        (UInt32(GST_BUFFER_FLAG_CORRUPTED.rawValue), "corrupted"),
        (UInt32(GST_BUFFER_FLAG_MARKER.rawValue), "marker"),
        (UInt32(GST_BUFFER_FLAG_GAP.rawValue), "gap"),
        (UInt32(GST_BUFFER_FLAG_DROPPABLE.rawValue), "droppable"),
        (GST_VIDEO_BUFFER_FLAG_INTERLACED.rawValue, "interlaced"),
        (GST_VIDEO_BUFFER_FLAG_TFF.rawValue, "tff"),
        (GST_VIDEO_BUFFER_FLAG_RFF.rawValue, "rff"),
        (GST_VIDEO_BUFFER_FLAG_ONEFIELD.rawValue, "onefield"),
    ]

    var isEmpty: Bool { flags == 0 && timeCode == nil && timestamps.isEmpty }

    // MARK: - Of buffers

    init(_ buffer: UnsafeMutablePointer<GstBuffer>) {
        flags = buffer.pointee.mini_object.flags
        var place: UnsafeMutableRawPointer?
        while let meta = gst_buffer_iterate_meta(buffer, &place) {
            let api = meta.pointee.info.pointee.api
            if api == gst_reference_timestamp_meta_api_get_type() {
                take(meta.cast(to: GstReferenceTimestampMeta.self).pointee)
            } else if api == gst_video_time_code_meta_api_get_type(), timeCode == nil {
                timeCode = Self.text(meta.cast(to: GstVideoTimeCodeMeta.self).pointee.tc)
            } else if api == gst_video_meta_api_get_type() {
                let inMeta = meta.cast(to: GstVideoMeta.self).pointee.flags.rawValue
                for (flag, inBuffer) in Self.pictureFlags where inMeta & flag != 0 { flags |= inBuffer }
            }
        }
        flags &= Self.flagNames.reduce(0) { $0 | $1.flag }
    }

    /// What a video meta calls them, and what a buffer does.
    private static let pictureFlags: [(flag: UInt32, inBuffer: UInt32)] = [
        (GST_VIDEO_FRAME_FLAG_INTERLACED.rawValue, GST_VIDEO_BUFFER_FLAG_INTERLACED.rawValue),
        (GST_VIDEO_FRAME_FLAG_TFF.rawValue, GST_VIDEO_BUFFER_FLAG_TFF.rawValue),
        (GST_VIDEO_FRAME_FLAG_RFF.rawValue, GST_VIDEO_BUFFER_FLAG_RFF.rawValue),
        (GST_VIDEO_FRAME_FLAG_ONEFIELD.rawValue, GST_VIDEO_BUFFER_FLAG_ONEFIELD.rawValue),
    ]

    private mutating func take(_ meta: GstReferenceTimestampMeta) {
        guard let name = gst_caps_to_string(meta.reference) else { return }
        defer { g_free(name) }
        let reference = String(cString: name)
        // What a name may have, and a time.
        guard (1...255).contains(reference.utf8.count), let timestamp = Int64(exactly: meta.timestamp) else {
            return
        }
        timestamps.append((reference, timestamp, Int64?(clockTime: meta.duration)))
    }

    /// `01:02:03:04`, or with `;` before the last number where frame numbers are dropped; the rate; the field where there
    /// is one.
    private static func text(_ code: GstVideoTimeCode) -> String {
        func two(_ number: guint) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let drops = code.config.flags.rawValue & GST_VIDEO_TIME_CODE_FLAGS_DROP_FRAME.rawValue != 0
        let seconds = "\(two(code.hours)):\(two(code.minutes)):\(two(code.seconds))"
        let time = seconds + (drops ? ";" : ":") + two(code.frames)
        let isInterlaced =
            code.config.flags.rawValue & GST_VIDEO_TIME_CODE_FLAGS_INTERLACED.rawValue != 0
        let field = isInterlaced ? " \(code.field_count)" : ""
        return "\(time) \(code.config.fps_n)/\(code.config.fps_d)\(field)"
    }

    /// Sets what is here on a frame.
    func write(to frame: Frame) throws(FramewireError) {
        if flags != 0 {
            let names = Self.flagNames.filter { flags & $0.flag != 0 }.map(\.name)
            try frame.setText(names.joined(separator: " "), forKey: "buffer-flags")
        }
        if let timeCode { try frame.setText(timeCode, forKey: "timecode") }
        guard !timestamps.isEmpty else { return }
        var carrier = Buffer()
        do {
            for (reference, timestamp, duration) in timestamps {
                try carrier.addReferenceTimestamp(reference, timestamp, duration: duration)
            }
        } catch {
            throw FramewireError(code: .noMemory, message: error.message)
        }
        try frame.addMetas(of: carrier)
    }

    // MARK: - Of received frames

    init() {}

    /// Takes a value that came with a frame, if it is one of these.
    mutating func take(_ entry: FrameMetadataEntry) {
        if let timestamp = entry.referenceTimestamp {
            timestamps.append(timestamp)
        } else if entry.kind == .text {
            switch entry.name {
            case "buffer-flags":
                for name in entry.text.split(separator: " ") {
                    flags |= Self.flagNames.first { $0.name == name }?.flag ?? 0
                }
            case "timecode": timeCode = entry.text
            default: break
            }
        }
    }

    /// Of the picture, for a video meta.
    var pictureFlags: GstVideoFrameFlags {
        GstVideoFrameFlags(
            rawValue: Self.pictureFlags.reduce(0) { flags & $1.inBuffer != 0 ? $0 | $1.flag : $0 })
    }

    /// Gives a buffer what came with the frame.
    func apply(to buffer: UnsafeMutablePointer<GstBuffer>) {
        gst_buffer_set_flags(buffer, GstBufferFlags(rawValue: flags))
        if let timeCode { add(timeCode, to: buffer) }
        for (reference, timestamp, duration) in timestamps where timestamp >= 0 {
            guard let caps = gst_caps_from_string(reference) else { continue }
            gst_buffer_add_reference_timestamp_meta(
                buffer, caps, GstClockTime(timestamp), duration.clockTime)
            gst_caps_unref(caps)
        }
    }

    /// Nothing happens where it is none.
    private func add(_ text: String, to buffer: UnsafeMutablePointer<GstBuffer>) {
        let parts = text.split(separator: " ")
        guard (2...3).contains(parts.count) else { return }
        let numbers = parts[0].split(whereSeparator: { $0 == ":" || $0 == ";" }).map { guint($0) ?? .max }
        let rate = parts[1].split(separator: "/").map { guint($0) ?? 0 }
        let field = parts.count == 3 ? guint(parts[2]) ?? .max : 0
        guard numbers.count == 4, rate.count == 2, rate[0] > 0, rate[1] > 0, rate[0] <= 1_000_000, field <= 2
        else {
            return
        }
        var flags = GST_VIDEO_TIME_CODE_FLAGS_NONE.rawValue
        if parts[0].contains(";") { flags |= GST_VIDEO_TIME_CODE_FLAGS_DROP_FRAME.rawValue }
        if parts.count == 3 { flags |= GST_VIDEO_TIME_CODE_FLAGS_INTERLACED.rawValue }
        guard
            let code = gst_video_time_code_new(
                rate[0], rate[1], nil, GstVideoTimeCodeFlags(rawValue: flags), numbers[0], numbers[1],
                numbers[2], numbers[3], field)
        else { return }
        if gst_video_time_code_is_valid(code) != 0 { gst_buffer_add_video_time_code_meta(buffer, code) }
        gst_video_time_code_free(code)
    }
}
