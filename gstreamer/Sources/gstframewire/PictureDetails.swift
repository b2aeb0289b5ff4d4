import CGStreamer
import Framewire

/// What caps say about pictures for which a frame's header has no place. It travels with each frame as texts in the
/// metadata, under the names and in the words of the caps; what is as usual is left out.
struct PictureDetails: Equatable {
    private var pixelAspectRatio: Fraction?
    private var interlaceMode: String?
    private var fieldOrder: String?
    private var chromaSite: String?
    private var colorimetry: String?
    private var multiviewMode: String?
    private var multiviewFlags: UInt32?
    /// Where durations do not say it.
    private var framerate: Fraction?
    private var maxFramerate: Fraction?

    private struct Fraction: Equatable {
        let numerator: gint
        let denominator: gint

        init(_ numerator: gint, _ denominator: gint) {
            self.numerator = numerator
            self.denominator = denominator
        }

        /// - Parameter least: of the numerator.
        init?(_ text: String, least: gint) {
            let parts = text.split(separator: "/", omittingEmptySubsequences: false)
            guard parts.count == 2, let numerator = gint(parts[0]), let denominator = gint(parts[1]),
                numerator >= least, denominator > 0
            else { return nil }
            self.init(numerator, denominator)
        }

        var text: String { "\(numerator)/\(denominator)" }
    }

    private static let interlaceModes: [(mode: GstVideoInterlaceMode, name: String)] = [
        (GST_VIDEO_INTERLACE_MODE_INTERLEAVED, "interleaved"), (GST_VIDEO_INTERLACE_MODE_MIXED, "mixed"),
    ]

    private static let fieldOrders: [(order: GstVideoFieldOrder, name: String)] = [
        (GST_VIDEO_FIELD_ORDER_TOP_FIELD_FIRST, "top-field-first"),
        (GST_VIDEO_FIELD_ORDER_BOTTOM_FIELD_FIRST, "bottom-field-first"),
    ]

    /// Those of one view, and of two in one picture; GStreamer's own way from names to modes complains aloud of others.
    private static let multiviewModes: [(mode: GstVideoMultiviewMode, name: String)] = {
        let last = GST_VIDEO_MULTIVIEW_MODE_CHECKERBOARD.rawValue
        return (GST_VIDEO_MULTIVIEW_MODE_LEFT.rawValue...last).compactMap { number in
            let mode = GstVideoMultiviewMode(rawValue: number)
            return gst_video_multiview_mode_to_caps_string(mode).map { (mode, String(cString: $0)) }
        }
    }()

    /// All that there are.
    private static let multiviewFlags: UInt32 = [
        GST_VIDEO_MULTIVIEW_FLAGS_RIGHT_VIEW_FIRST, GST_VIDEO_MULTIVIEW_FLAGS_LEFT_FLIPPED,
        GST_VIDEO_MULTIVIEW_FLAGS_LEFT_FLOPPED, GST_VIDEO_MULTIVIEW_FLAGS_RIGHT_FLIPPED,
        GST_VIDEO_MULTIVIEW_FLAGS_RIGHT_FLOPPED, GST_VIDEO_MULTIVIEW_FLAGS_HALF_ASPECT,
        GST_VIDEO_MULTIVIEW_FLAGS_MIXED_MONO,
    ].reduce(0) { $0 | UInt32($1.rawValue) }

    /// Whether a frame can carry pictures of this kind: fields of one picture in several buffers are none.
    static func knows(_ mode: GstVideoInterlaceMode) -> Bool {
        mode == GST_VIDEO_INTERLACE_MODE_PROGRESSIVE || interlaceModes.contains { $0.mode == mode }
    }

    // MARK: - Of caps

    /// All but the rate, which depends on the duration of each frame.
    init(_ video: GstVideoInfo) {
        if video.par_n > 0, video.par_d > 0, video.par_n != video.par_d {
            pixelAspectRatio = Fraction(video.par_n, video.par_d)
        }
        interlaceMode = Self.interlaceModes.first { $0.mode == video.interlace_mode }?.name
        if interlaceMode != nil {
            fieldOrder = Self.fieldOrders.first { $0.order == video.ABI.abi.field_order }?.name
        }
        // What a receiver takes for granted, with the code points of a header.
        var received = GstVideoInfo()
        gst_video_info_set_format(
            &received, video.finfo.pointee.format, guint(video.width), guint(video.height))
        ColorDescription(video.colorimetry).apply(to: &received)
        if video.chroma_site != received.chroma_site {
            chromaSite = Self.take(gst_video_chroma_site_to_string(video.chroma_site))
        }
        var color = video.colorimetry
        if gst_video_colorimetry_is_equal(&received.colorimetry, &color) == 0 {
            colorimetry = Self.take(gst_video_colorimetry_to_string(&color))
        }
        let mode = video.ABI.abi.multiview_mode
        multiviewMode = Self.multiviewModes.first { $0.mode == mode }?.name
        let flags = video.ABI.abi.multiview_flags.rawValue & Self.multiviewFlags
        if multiviewMode != nil, flags != 0 { multiviewFlags = flags }
    }

    /// A string that GLib has made for us.
    private static func take(_ text: UnsafeMutablePointer<CChar>?) -> String? {
        defer { g_free(text) }
        return text.map { String(cString: $0) }
    }

    /// With the rate that caps give, unless it is what a receiver makes of the duration.
    func with(_ rate: Framerate, duration: Int64?) -> PictureDetails {
        guard rate.isVariable || rate.numerator == 0 || rate != Framerate(duration: duration) else {
            return self
        }
        var result = self
        let given = Fraction(rate.numerator, rate.denominator)
        result.framerate = rate.isVariable ? Fraction(0, 1) : given
        result.maxFramerate = rate.isVariable ? given : nil
        return result
    }

    /// The texts for a frame.
    func forEach(
        _ body: (_ key: String, _ text: String) throws(FramewireError) -> Void
    ) throws(FramewireError) {
        if let pixelAspectRatio { try body("pixel-aspect-ratio", pixelAspectRatio.text) }
        if let interlaceMode { try body("interlace-mode", interlaceMode) }
        if let fieldOrder { try body("field-order", fieldOrder) }
        if let chromaSite { try body("chroma-site", chromaSite) }
        if let colorimetry { try body("colorimetry", colorimetry) }
        if let multiviewMode { try body("multiview-mode", multiviewMode) }
        if let multiviewFlags { try body("multiview-flags", "\(multiviewFlags)") }
        if let framerate { try body("framerate", framerate.text) }
        if let maxFramerate { try body("max-framerate", maxFramerate.text) }
    }

    // MARK: - Of received frames

    init() {}

    /// Takes a text that came with a frame, if it is one of these.
    mutating func take(_ key: String, _ text: String) {
        switch key {
        case "pixel-aspect-ratio": pixelAspectRatio = Fraction(text, least: 1)
        case "interlace-mode": interlaceMode = text
        case "field-order": fieldOrder = text
        case "chroma-site": chromaSite = text
        case "colorimetry": colorimetry = text
        case "multiview-mode": multiviewMode = text
        case "multiview-flags": multiviewFlags = UInt32(text)
        case "framerate": framerate = Fraction(text, least: 0)
        case "max-framerate": maxFramerate = Fraction(text, least: 1)
        default: break
        }
    }

    /// The rate that came with the frame.
    var rate: Framerate? {
        guard let framerate else { return nil }
        if framerate.numerator == 0, let maxFramerate {
            return Framerate(
                numerator: maxFramerate.numerator, denominator: maxFramerate.denominator, isVariable: true)
        }
        return Framerate(numerator: framerate.numerator, denominator: framerate.denominator)
    }

    /// How the rows belong to fields; progressive where nothing is known of what was said.
    var mode: GstVideoInterlaceMode {
        Self.interlaceModes.first { $0.name == interlaceMode }?.mode ?? GST_VIDEO_INTERLACE_MODE_PROGRESSIVE
    }

    /// Adds all but the rate and the mode to a description of that mode. What GStreamer does not know changes nothing.
    func apply(to video: inout GstVideoInfo) {
        if let pixelAspectRatio {
            video.par_n = pixelAspectRatio.numerator
            video.par_d = pixelAspectRatio.denominator
        }
        if video.interlace_mode == GST_VIDEO_INTERLACE_MODE_INTERLEAVED,
            let order = Self.fieldOrders.first(where: { $0.name == fieldOrder })?.order
        {
            video.ABI.abi.field_order = order
        }
        let isYUV = video.finfo.pointee.flags.rawValue & GST_VIDEO_FORMAT_FLAG_YUV.rawValue != 0
        if let chromaSite, isYUV { video.chroma_site = gst_video_chroma_site_from_string(chromaSite) }
        if let colorimetry { apply(colorimetry, to: &video) }
        if let mode = Self.multiviewModes.first(where: { $0.name == multiviewMode })?.mode {
            video.ABI.abi.multiview_mode = mode
            video.ABI.abi.multiview_flags = GstVideoMultiviewFlags(
                rawValue: (multiviewFlags ?? 0) & Self.multiviewFlags)
        }
    }

    private func apply(_ colorimetry: String, to video: inout GstVideoInfo) {
        var found = GstVideoColorimetry()
        // Four numbers are taken as they are, and others use them to look things up in tables.
        guard gst_video_colorimetry_from_string(&found, colorimetry) != 0,
            found.range.rawValue <= GST_VIDEO_COLOR_RANGE_16_235.rawValue,
            found.matrix.rawValue <= GST_VIDEO_COLOR_MATRIX_BT2020.rawValue,
            found.transfer.rawValue <= GST_VIDEO_TRANSFER_ARIB_STD_B67.rawValue,
            found.primaries.rawValue <= GST_VIDEO_COLOR_PRIMARIES_EBU3213.rawValue
        else { return }
        let isRGB = video.finfo.pointee.flags.rawValue & GST_VIDEO_FORMAT_FLAG_RGB.rawValue != 0
        if found.matrix == GST_VIDEO_COLOR_MATRIX_UNKNOWN
            || (found.matrix == GST_VIDEO_COLOR_MATRIX_RGB) == isRGB
        {
            video.colorimetry = found
        }
    }
}

/// Pictures a second.
struct Framerate: Equatable {
    /// 0: none that is known.
    var numerator: gint
    var denominator: gint
    /// Whether it is the highest that there can be.
    var isVariable = false

    static let none = Framerate(numerator: 0, denominator: 1)

    init(numerator: gint, denominator: gint, isVariable: Bool = false) {
        self.numerator = numerator
        self.denominator = denominator
        self.isVariable = isVariable
    }

    init(_ video: GstVideoInfo) {
        let isVariable = video.flags.rawValue & GST_VIDEO_FLAG_VARIABLE_FPS.rawValue != 0 && video.fps_n > 0
        self.init(numerator: video.fps_n, denominator: max(1, video.fps_d), isVariable: isVariable)
    }

    /// What the duration of a frame comes to.
    init?(duration: Int64?) {
        guard let duration, duration > 0 else { return nil }
        var numerator: gint = 0
        var denominator: gint = 1
        gst_video_guess_framerate(GstClockTime(duration), &numerator, &denominator)
        guard numerator > 0, denominator > 0 else { return nil }
        self.init(numerator: numerator, denominator: denominator)
    }

    func apply(to video: inout GstVideoInfo) {
        video.fps_n = numerator
        video.fps_d = denominator
        if isVariable || numerator == 0 {
            video.flags = GstVideoFlags(
                rawValue: video.flags.rawValue | GST_VIDEO_FLAG_VARIABLE_FPS.rawValue)
        }
    }

    /// Whether it is the same but for the rounding of durations, by less than a percent.
    func isAbout(_ other: Framerate) -> Bool {
        let here = Double(numerator) / Double(denominator)
        let there = Double(other.numerator) / Double(other.denominator)
        return !isVariable && abs(here - there) <= 0.01 * there
    }
}
