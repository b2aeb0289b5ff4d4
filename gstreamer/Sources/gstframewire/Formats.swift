import CGStreamer
import Framewire

/// Formats that GStreamer and Framewire share, bit by bit.
private let sharedFormats: [(format: PixelFormat, video: GstVideoFormat, name: StaticString)] = [
    (.rgba8, GST_VIDEO_FORMAT_RGBA, "RGBA"),
    (.bgra8, GST_VIDEO_FORMAT_BGRA, "BGRA"),
    (.rgbx8, GST_VIDEO_FORMAT_RGBx, "RGBx"),
    (.bgrx8, GST_VIDEO_FORMAT_BGRx, "BGRx"),
    (.rgb8, GST_VIDEO_FORMAT_RGB, "RGB"),
    (.bgr8, GST_VIDEO_FORMAT_BGR, "BGR"),
    (.r8, GST_VIDEO_FORMAT_GRAY8, "GRAY8"),
    (.r16, GST_VIDEO_FORMAT_GRAY16_LE, "GRAY16_LE"),
    (.rgb10a2, GST_VIDEO_FORMAT_RGB10A2_LE, "RGB10A2_LE"),
    (.rgba16, GST_VIDEO_FORMAT_RGBA64_LE, "RGBA64_LE"),
    (.nv12, GST_VIDEO_FORMAT_NV12, "NV12"),
    (.i420, GST_VIDEO_FORMAT_I420, "I420"),
]

/// Of the stream of bytes.
let streamCaps = "application/x-framewire"

/// Of the pictures.
let rawCaps: String = {
    let names = sharedFormats.map { "\($0.name)" }.joined(separator: ", ")
    return "video/x-raw, format=(string){ \(names) }, width=(int)[1, \(FrameInfo.maximumSide)], "
        + "height=(int)[1, \(FrameInfo.maximumSide)], framerate=(fraction)[0/1, 2147483647/1]"
}()

extension PixelFormat {
    init?(_ video: GstVideoFormat) {
        guard let pair = sharedFormats.first(where: { $0.video == video }) else { return nil }
        self = pair.format
    }

    /// Depth of 16 bits is shown as grey.
    var videoFormat: GstVideoFormat? {
        let wanted = self == .depth16 ? .r16 : self
        return sharedFormats.first { $0.format == wanted }?.video
    }
}

extension ColorDescription {
    /// By the code points of H.273, which both know.
    init(_ colorimetry: GstVideoColorimetry) {
        let range: UInt8 =
            switch colorimetry.range {
            case GST_VIDEO_COLOR_RANGE_0_255: 1
            case GST_VIDEO_COLOR_RANGE_16_235: 2
            default: 0
            }
        self.init(
            primaries: UInt8(truncatingIfNeeded: gst_video_color_primaries_to_iso(colorimetry.primaries)),
            transfer: UInt8(truncatingIfNeeded: gst_video_transfer_function_to_iso(colorimetry.transfer)),
            matrix: UInt8(truncatingIfNeeded: gst_video_color_matrix_to_iso(colorimetry.matrix)),
            range: range)
    }

    /// Puts what is specified in place of GStreamer's defaults for the format.
    func apply(to info: inout GstVideoInfo) {
        switch range {
        case 1: info.colorimetry.range = GST_VIDEO_COLOR_RANGE_0_255
        case 2: info.colorimetry.range = GST_VIDEO_COLOR_RANGE_16_235
        default: break
        }
        let primaries = gst_video_color_primaries_from_iso(guint(primaries))
        if primaries != GST_VIDEO_COLOR_PRIMARIES_UNKNOWN { info.colorimetry.primaries = primaries }
        let transfer = gst_video_transfer_function_from_iso(guint(transfer))
        if transfer != GST_VIDEO_TRANSFER_UNKNOWN { info.colorimetry.transfer = transfer }
        // GStreamer takes the matrix of RGB for RGB alone, and no other for that.
        let matrix = gst_video_color_matrix_from_iso(guint(matrix))
        let isRGB = info.finfo.pointee.flags.rawValue & GST_VIDEO_FORMAT_FLAG_RGB.rawValue != 0
        if matrix != GST_VIDEO_COLOR_MATRIX_UNKNOWN, (matrix == GST_VIDEO_COLOR_MATRIX_RGB) == isRGB {
            info.colorimetry.matrix = matrix
        }
    }
}

/// Why something cannot be done, and which of GStreamer's errors that is.
struct Refusal: Error {
    let kind: ErrorKind
    let sentence: String
}

/// What caps say about pictures that are to be sent.
struct InputFormat: @unchecked Sendable {
    // Unchecked: the pointer inside is to one of GStreamer's constants.
    let video: GstVideoInfo
    let format: PixelFormat
    private let rate: Framerate
    private let details: PictureDetails

    /// - Throws: ``Refusal`` with the sentence that says what is wrong with the caps.
    init(caps: UnsafeMutablePointer<GstCaps>) throws(Refusal) {
        var video = GstVideoInfo()
        guard gst_video_info_from_caps(&video, caps) != 0 else {
            let text = gst_caps_to_string(caps)
            defer { g_free(text) }
            let shown = text.map { String(cString: $0) } ?? ""
            throw Refusal(
                kind: .stream(GST_STREAM_ERROR_FORMAT), sentence: "the caps \(shown) describe no video")
        }
        // Caps without a colorimetry make GStreamer 1.22 forget what they say about this.
        if let site = gst_structure_get_string(gst_caps_get_structure(caps, 0), "chroma-site"),
            video.finfo.pointee.flags.rawValue & GST_VIDEO_FORMAT_FLAG_YUV.rawValue != 0
        {
            video.chroma_site = gst_video_chroma_site_from_string(site)
        }
        guard let format = PixelFormat(video.finfo.pointee.format) else {
            let name =
                gst_video_format_to_string(video.finfo.pointee.format).map { String(cString: $0) } ?? ""
            throw Refusal(
                kind: .stream(GST_STREAM_ERROR_FORMAT),
                sentence:
                    "the format \(name) is not one that a stream can carry; put videoconvert before this element"
            )
        }
        guard PictureDetails.knows(video.interlace_mode) else {
            let name =
                gst_video_interlace_mode_to_string(video.interlace_mode)
                .map { String(cString: $0) } ?? ""
            throw Refusal(
                kind: .stream(GST_STREAM_ERROR_FORMAT),
                sentence:
                    "the fields of a picture are in several buffers (interlace-mode \(name)), which a stream cannot"
                    + " carry; put deinterlace before this element")
        }
        self.video = video
        self.format = format
        rate = Framerate(video)
        details = PictureDetails(video)
    }

    /// What goes with the pixels of a frame as metadata.
    ///
    /// - Returns: nil where there is nothing.
    func metadata(_ info: FrameInfo, _ buffer: BufferDetails) -> FrameDetails? {
        let picture = details.with(rate, duration: info.duration)
        return picture == PictureDetails() && buffer.isEmpty
            ? nil : FrameDetails(picture: picture, buffer: buffer)
    }

    /// Time from one picture to the next, ns.
    var frameDuration: Int64? {
        guard video.fps_n > 0, video.fps_d > 0, !rate.isVariable else { return nil }
        return Int64(gst_util_uint64_scale_int(1_000_000_000, video.fps_d, video.fps_n))
    }
}

/// What goes with the pixels of a frame as metadata.
struct FrameDetails {
    let picture: PictureDetails
    let buffer: BufferDetails

    func write(to frame: Frame) throws(FramewireError) {
        try picture.forEach { (key, text) throws(FramewireError) in try frame.setText(text, forKey: key) }
        try buffer.write(to: frame)
    }
}

extension Optional where Wrapped == Int64 {
    /// Of a `GstClockTime`; none where it is more than a stream can carry.
    init(clockTime: GstClockTime) {
        self = clockTime == GstClockTime.max ? nil : Int64(exactly: clockTime)
    }

    /// As a `GstClockTime`.
    var clockTime: GstClockTime {
        guard let value = self, value >= 0 else { return .max }
        return GstClockTime(value)
    }
}
