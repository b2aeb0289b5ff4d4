import CGStreamer
import Framewire

/// Makes buffers and caps of received frames, without a copy where downstream can read them as they lie. It belongs
/// to the streaming thread.
final class FrameOutput {
    /// What the present caps were made of.
    private var described: FrameInfo?
    private var video = GstVideoInfo()
    private var defaultFits = false
    private var takesMeta = false
    private var pool: UnsafeMutablePointer<GstBufferPool>?
    private var rate = Framerate.none
    private var details = PictureDetails()
    /// Of the frame whose caps were asked for last.
    private var extras = BufferDetails()

    deinit {
        dropPool()
    }

    /// The caps of a frame.
    ///
    /// - Returns: nil where those before still hold; else owned by the caller, who is to negotiate them.
    /// - Throws: ``Refusal`` for frames that GStreamer has no format for.
    func newCaps(_ frame: Frame) throws(Refusal) -> UnsafeMutablePointer<GstCaps>? {
        let info = frame.info
        let newDetails = readMetadata(frame)
        let newRate = rate(of: info, newDetails)
        if let described, described.width == info.width, described.height == info.height,
            described.format == info.format, described.color == info.color, details == newDetails,
            newRate == nil
        {
            return nil
        }
        guard let format = info.format.videoFormat else {
            throw Refusal(
                kind: .stream(GST_STREAM_ERROR_FORMAT),
                sentence:
                    "frames in \(info.format.name) are none of GStreamer's video formats; let the sender send one of"
                    + " rgba8, bgra8, rgb8, r8, r16, rgb10a2, rgba16, nv12 or i420")
        }
        var video = GstVideoInfo()
        guard
            gst_video_info_set_interlaced_format(
                &video, format, newDetails.mode, guint(info.width), guint(info.height)) != 0
        else {
            throw Refusal(
                kind: .stream(GST_STREAM_ERROR_FORMAT),
                sentence:
                    "pictures of \(info.width) x \(info.height) pixels are larger than GStreamer describes")
        }
        info.color.apply(to: &video)
        newDetails.apply(to: &video)
        if let newRate { rate = newRate }
        rate.apply(to: &video)
        self.video = video
        details = newDetails
        described = info
        defaultFits = Self.hasDefaultLayout(frame.layout, video)
        dropPool()
        return gst_video_info_to_caps(&video)
    }

    /// What the frame's metadata says about it; what is for its buffer goes to ``extras``.
    private func readMetadata(_ frame: Frame) -> PictureDetails {
        var details = PictureDetails()
        extras = BufferDetails()
        guard frame.metadataCount > 0 else { return details }
        frame.forEachMetadata { entry in
            extras.take(entry)
            if entry.kind == .text { details.take(entry.name, entry.text) }
        }
        return details
    }

    /// The rate that comes with a frame, or that its duration comes to, where that is another than before.
    private func rate(of info: FrameInfo, _ details: PictureDetails) -> Framerate? {
        if let given = details.rate { return given == rate ? nil : given }
        guard let derived = Framerate(duration: info.duration) else { return nil }
        return rate.isAbout(derived) ? nil : derived
    }

    private static func hasDefaultLayout(_ layout: FrameLayout, _ video: GstVideoInfo) -> Bool {
        guard layout.size == Int(video.size) else { return false }
        let strides = [video.stride.0, video.stride.1, video.stride.2]
        let offsets = [video.offset.0, video.offset.1, video.offset.2]
        for index in 0..<layout.planeCount {
            guard layout[plane: index].stride == Int(strides[index]),
                layout[plane: index].offset == Int(offsets[index])
            else { return false }
        }
        return true
    }

    /// Takes what downstream answered to an ALLOCATION query about the present caps.
    func negotiated(_ query: UnsafeMutablePointer<GstQuery>, _ caps: UnsafeMutablePointer<GstCaps>) {
        dropPool()
        takesMeta = gst_query_find_allocation_meta(query, gst_video_meta_api_get_type(), nil) != 0
        // A copy is made only where the frames themselves cannot go on.
        guard !defaultFits, !takesMeta else { return }
        if gst_query_get_n_allocation_pools(query) > 0 {
            var size: guint = 0
            var least: guint = 0
            var most: guint = 0
            gst_query_parse_nth_allocation_pool(query, 0, &pool, &size, &least, &most)
            if let pool, !activate(pool, caps, size: max(size, guint(video.size)), least, most) {
                gst_object_unref(pool)
                self.pool = nil
            }
        }
        if pool == nil, let own = gst_video_buffer_pool_new() {
            if activate(own, caps, size: guint(video.size), 2, 0) {
                pool = own
            } else {
                gst_object_unref(own)
            }
        }
    }

    private func activate(
        _ pool: UnsafeMutablePointer<GstBufferPool>, _ caps: UnsafeMutablePointer<GstCaps>, size: guint,
        _ least: guint, _ most: guint
    ) -> Bool {
        let config = gst_buffer_pool_get_config(pool)
        gst_buffer_pool_config_set_params(config, caps, size, least, most)
        return gst_buffer_pool_set_config(pool, config) != 0 && gst_buffer_pool_set_active(pool, 1) != 0
    }

    private func dropPool() {
        guard let pool else { return }
        gst_buffer_pool_set_active(pool, 0)
        gst_object_unref(pool)
        self.pool = nil
    }

    /// Forgets the caps, so that the next frame gives them again.
    func reset() {
        described = nil
        rate = .none
        takesMeta = false
        dropPool()
    }

    /// A buffer of a frame whose caps are negotiated, with its times; owned by the caller.
    ///
    /// - Throws: what the pool downstream gives, for example `GST_FLOW_FLUSHING`.
    func makeBuffer(_ frame: Frame) throws(Flow) -> UnsafeMutablePointer<GstBuffer> {
        let buffer =
            if defaultFits || takesMeta {
                lend(frame)
            } else {
                try copy(frame)
            }
        let info = frame.info
        buffer.pointee.pts = info.pts.clockTime
        buffer.pointee.dts = .max
        buffer.pointee.duration = info.duration.clockTime
        buffer.pointee.offset = guint64(info.sequence)
        buffer.pointee.offset_end = guint64(info.sequence) &+ 1
        extras.apply(to: buffer)
        return buffer
    }

    /// The buffer refers to the frame, which others may read but not write.
    private func lend(_ frame: Frame) -> UnsafeMutablePointer<GstBuffer> {
        let owner = Unmanaged.passRetained(LentFrame(frame))
        let size = gsize(frame.layout.size)
        // The bytes stay where they are as long as the frame.
        let start = frame.withUnsafeBytes { UnsafeMutableRawPointer(mutating: $0.baseAddress!) }
        let buffer = gst_buffer_new()!
        gst_buffer_append_memory(
            buffer,
            gst_memory_new_wrapped(
                GST_MEMORY_FLAG_READONLY, start, size, 0, size, owner.toOpaque(),
                { Unmanaged<LentFrame>.fromOpaque($0!).release() }))
        if !defaultFits {
            let layout = frame.layout
            var offsets: [gsize] = [0, 0, 0, 0]
            var strides: [gint] = [0, 0, 0, 0]
            for index in 0..<layout.planeCount {
                offsets[index] = gsize(layout[plane: index].offset)
                strides[index] = gint(layout[plane: index].stride)
            }
            gst_buffer_add_video_meta_full(
                buffer, extras.pictureFlags, video.finfo.pointee.format, guint(video.width),
                guint(video.height), guint(layout.planeCount), &offsets, &strides)
        }
        return buffer
    }

    /// A copy in the layout that all elements know.
    private func copy(_ frame: Frame) throws(Flow) -> UnsafeMutablePointer<GstBuffer> {
        var made: UnsafeMutablePointer<GstBuffer>?
        guard let pool else { throw Flow(GST_FLOW_NOT_NEGOTIATED) }
        let result = gst_buffer_pool_acquire_buffer(pool, &made, nil)
        guard result == GST_FLOW_OK, let buffer = made else { throw Flow(result) }
        var target = GstVideoFrame()
        guard gst_video_frame_map(&target, &video, buffer, GST_MAP_WRITE) != 0 else {
            gst_buffer_unref(buffer)
            throw Flow(GST_FLOW_ERROR)
        }
        let planes = [target.data.0, target.data.1, target.data.2]
        let strides = [target.info.stride.0, target.info.stride.1, target.info.stride.2]
        let layout = frame.layout
        frame.withUnsafeBytes { bytes in
            for index in 0..<layout.planeCount {
                let plane = layout[plane: index]
                copyRows(
                    bytes.baseAddress! + plane.offset, plane.stride, planes[index]!, Int(strides[index]),
                    rowBytes: plane.rowBytes, rows: plane.rows)
            }
        }
        gst_video_frame_unmap(&target)
        return buffer
    }
}

/// Keeps a frame while a buffer refers to its pixels.
private final class LentFrame {
    let frame: Frame

    init(_ frame: Frame) {
        self.frame = frame
    }
}

/// A result other than GST_FLOW_OK, on its way up.
struct Flow: Error {
    let result: GstFlowReturn

    init(_ result: GstFlowReturn) {
        self.result = result
    }
}

/// Why caps were not taken: downstream is being flushed, or does not want them.
func refusal(of pad: UnsafeMutablePointer<GstPad>) -> GstFlowReturn {
    let isFlushing = pad.pointee.object.flags & UInt32(GST_PAD_FLAG_FLUSHING.rawValue) != 0
    return isFlushing ? GST_FLOW_FLUSHING : GST_FLOW_NOT_NEGOTIATED
}
