import CGStreamer
import Framewire

/// `lz4enc`: pictures to the bytes of a stream.
final class Lz4Enc: ElementObject, @unchecked Sendable {
    // Unchecked: what is not guarded belongs to the streaming thread, or to state changes while there is none.
    struct Settings: Sendable {
        var options = Sender.Options()
        var checksum = false
        var streamID: UInt32 = 0
        var viewID: UInt32 = 0

        init() {
            options.profile = .lz4
        }
    }

    static let slot = Slot(parent: gst_video_encoder_get_type())
    // Set once, before there is an instance.
    nonisolated(unsafe) private static var parentClass: UnsafeMutablePointer<GstVideoEncoderClass>!
    static let type = registerType(
        "GstFramewireLz4Enc", parent: gst_video_encoder_get_type(), slot: slot,
        classInit: { given, _ in initialize(given!.assumingMemoryBound(to: GstVideoEncoderClass.self)) },
        instanceInit: { instance, _ in
            slot.put(Lz4Enc(instance!.cast(to: GstVideoEncoder.self)), in: instance!)
        })

    static let properties: [Property<Lz4Enc>] = {
        let initial = Settings()
        return [
            .profile(
                initial, \.options.profile,
                "How frames are coded; each way is lossless. auto is lz4, because nothing is known of the receiver"
            ),
            .acceleration(initial, \.options.acceleration),
            .keyFrameInterval(initial, \.options.keyFrameInterval),
            .threads(initial, \.options.threads, "compress"),
            .bool("checksum", "Send a checksum of each frame along", initial, \.checksum),
        ] + Property.marks(initial, streamID: \.streamID, viewID: \.viewID)
    }()

    let settings = Guarded(Settings())
    private let parent: UnsafeMutablePointer<GstVideoEncoder>
    private var encoder: FrameMessageEncoder?
    private var input: InputFormat?
    private var state: UnsafeMutablePointer<GstVideoCodecState>?
    /// Whether the output's caps are still to be set for the present input.
    private var needsCaps = true
    private var isFirst = true
    /// Whether the base class has been given what the stream begins with.
    private var hasHeaders = false
    private var needsKeyFrame = false
    /// What every stream begins with.
    private var opening: UnsafeMutablePointer<GstBuffer>?
    /// Room for a packed picture.
    private var scratch = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    private var segments = SegmentWatch()

    private init(_ parent: UnsafeMutablePointer<GstVideoEncoder>) {
        self.parent = parent
    }

    deinit {
        forgetStream()
    }

    private static func initialize(_ given: UnsafeMutablePointer<GstVideoEncoderClass>) {
        parentClass = g_type_class_peek_parent(given).assumingMemoryBound(to: GstVideoEncoderClass.self)
        let object = given.cast(to: GObjectClass.self)
        object.pointee.set_property = { object, number, value, _ in Lz4Enc.setProperty(object, number, value)
        }
        object.pointee.get_property = { object, number, value, _ in Lz4Enc.getProperty(object, number, value)
        }
        object.pointee.finalize = { object in
            Lz4Enc.slot.clear(object!)
            Lz4Enc.parentClass.cast(to: GObjectClass.self).pointee.finalize(object)
        }
        installProperties(object)
        let element = given.cast(to: GstElementClass.self)
        addPadTemplate(element, "sink", GST_PAD_SINK, rawCaps)
        addPadTemplate(element, "src", GST_PAD_SRC, streamCaps)
        setMetadata(
            element, name: "LZ4 video encoder", kind: "Codec/Encoder/Video",
            description:
                "Compresses video frames without loss into a Framewire stream, which stock lz4 -d reads too")
        given.pointee.start = { parent in Lz4Enc.of(parent).start().gboolean }
        given.pointee.stop = { parent in
            Lz4Enc.of(parent).forgetStream()
            return 1
        }
        given.pointee.flush = { parent in
            Lz4Enc.of(parent).needsKeyFrame = true
            return 1
        }
        given.pointee.set_format = { parent, state in Lz4Enc.of(parent).setFormat(state!).gboolean }
        given.pointee.propose_allocation = { parent, query in
            gst_query_add_allocation_meta(query, gst_video_meta_api_get_type(), nil)
            return Lz4Enc.parentClass.pointee.propose_allocation(parent, query)
        }
        given.pointee.handle_frame = { parent, frame in Lz4Enc.of(parent).encode(frame!) }
    }

    private var element: UnsafeMutablePointer<GstElement> { parent.cast() }

    private func start() -> Bool {
        let settings = self.settings.value
        var options = settings.options
        options.checksum = settings.checksum
        do throws(FramewireError) {
            encoder = try FrameMessageEncoder(options: options)
            return true
        } catch {
            post(
                GST_MESSAGE_ERROR, element, ErrorKind(error, connection: GST_RESOURCE_ERROR_FAILED),
                error.message)
            return false
        }
    }

    private func forgetStream() {
        encoder = nil
        input = nil
        scratch.deallocate()
        scratch = UnsafeMutableRawBufferPointer(start: nil, count: 0)
        segments = SegmentWatch()
        isFirst = true
        hasHeaders = false
        needsKeyFrame = false
        if let state { gst_video_codec_state_unref(state) }
        state = nil
        if let opening { gst_buffer_unref(opening) }
        opening = nil
    }

    private func setFormat(_ state: UnsafeMutablePointer<GstVideoCodecState>) -> Bool {
        do throws(Refusal) {
            input = try InputFormat(caps: state.pointee.caps)
        } catch {
            post(GST_MESSAGE_ERROR, element, error.kind, error.sentence)
            return false
        }
        gst_video_codec_state_ref(state)
        if let old = self.state { gst_video_codec_state_unref(old) }
        self.state = state
        needsCaps = true
        return true
    }

    /// - Parameter frame: owned by this function, as the base class wants it.
    private func encode(_ frame: UnsafeMutablePointer<GstVideoCodecFrame>) -> GstFlowReturn {
        guard let encoder, let input else {
            gst_video_codec_frame_unref(frame)
            return GST_FLOW_NOT_NEGOTIATED
        }
        let isKey: Bool
        do {
            let info = describe(frame, input)
            let picture = try Picture(frame.pointee.input_buffer, input, info)
            let metadata = input.metadata(info, BufferDetails(frame.pointee.input_buffer))
            isKey = try withExtendedLifetime(picture) {
                let (info, bytes) = picture.asItLies ?? (info, pack(picture))
                let described = try encoder.wrap(info, pixels: bytes) {}
                try metadata?.write(to: described)
                let message = try encoder.encode(described)
                frame.pointee.output_buffer = take(message)
                return !message.flags.contains(.deltaUnit)
            }
        } catch {
            // Drops the frame.
            gst_video_encoder_finish_frame(parent, frame)
            switch error {
            case let refusal as Refusal: post(GST_MESSAGE_ERROR, element, refusal.kind, refusal.sentence)
            case let failure as FramewireError:
                post(
                    GST_MESSAGE_ERROR, element, ErrorKind(failure, connection: GST_RESOURCE_ERROR_FAILED),
                    failure.message)
            default: break
            }
            return GST_FLOW_ERROR
        }
        needsKeyFrame = false
        guard !needsCaps || setCaps() else {
            gst_buffer_replace(&frame.pointee.output_buffer, nil)
            gst_video_encoder_finish_frame(parent, frame)
            // No reader has this frame, so the next one must not need it.
            needsKeyFrame = true
            return refusal(of: parent.pointee.srcpad)
        }
        if isKey { frame.pointee.flags |= UInt32(GST_VIDEO_CODEC_FRAME_FLAG_SYNC_POINT.rawValue) }
        return gst_video_encoder_finish_frame(parent, frame)
    }

    private func describe(
        _ frame: UnsafeMutablePointer<GstVideoCodecFrame>, _ input: InputFormat
    ) -> FrameInfo {
        let settings = self.settings.value
        var info = FrameInfo(
            width: Int(input.video.width), height: Int(input.video.height), format: input.format)
        info.pts = Int64?(clockTime: frame.pointee.pts)
        info.duration = Int64?(clockTime: frame.pointee.duration) ?? input.frameDuration
        info.color = ColorDescription(input.video.colorimetry)
        info.streamID = settings.streamID
        info.viewID = settings.viewID
        let isForced = frame.pointee.flags & UInt32(GST_VIDEO_CODEC_FRAME_FLAG_FORCE_KEYFRAME.rawValue) != 0
        if isForced || needsKeyFrame { info.flags.insert(.key) }
        if segments.hasJumped(to: parent.pointee.input_segment) { info.flags.insert(.discontinuity) }
        return info
    }

    /// A packed copy, valid until the next one.
    private func pack(_ picture: Picture) -> UnsafeRawBufferPointer {
        if scratch.count != picture.packedSize {
            scratch.deallocate()
            scratch = .allocate(byteCount: picture.packedSize, alignment: 64)
        }
        picture.pack(into: scratch)
        return UnsafeRawBufferPointer(scratch)
    }

    /// Tells downstream what comes, with the opening for those that join later.
    private func setCaps() -> Bool {
        guard let state, let caps = gst_caps_new_empty_simple(streamCaps) else { return false }
        if let opening {
            var headers = GValue()
            g_value_init(&headers, gst_value_array_get_type())
            var header = GValue()
            g_value_init(&header, gst_buffer_get_type())
            g_value_set_boxed(&header, opening)
            gst_value_array_append_and_take_value(&headers, &header)
            gst_caps_set_value(caps, "streamheader", &headers)
            g_value_unset(&headers)
        }
        gst_video_codec_state_unref(gst_video_encoder_set_output_state(parent, caps, state))
        guard gst_video_encoder_negotiate(parent) != 0 else { return false }
        if !hasHeaders, let opening {
            gst_video_encoder_set_headers(parent, g_list_append(nil, gst_buffer_ref(opening)))
            hasHeaders = true
        }
        needsCaps = false
        return true
    }

    /// The bytes of a message in one memory: messages of large pictures are in more memories than a buffer takes, and may
    /// refer to the pixels.
    private func take(_ message: Buffer) -> UnsafeMutablePointer<GstBuffer>? {
        debug(GST_LEVEL_LOG, element, "a message of \(message.size) bytes in \(message.memoryCount) memories")
        guard isFirst else { return copyBytes(of: message, 0..<message.memoryCount) }
        isFirst = false
        opening = copyBytes(of: message, 0..<1)
        if let opening { gst_buffer_set_flags(opening, GST_BUFFER_FLAG_HEADER) }
        return copyBytes(of: message, 1..<message.memoryCount)
    }

    /// One memory with the bytes of some of a message's.
    private func copyBytes(of message: Buffer, _ range: Range<Int>) -> UnsafeMutablePointer<GstBuffer>? {
        var offset = 0
        var size = 0
        for index in 0..<range.upperBound {
            let count = message.memory(at: index)?.size ?? 0
            if index < range.lowerBound { offset += count } else { size += count }
        }
        guard let buffer = gst_buffer_new_allocate(nil, gsize(size), nil) else { return nil }
        var map = GstMapInfo()
        gst_buffer_map(buffer, &map, GST_MAP_WRITE)
        _ = message.extract(
            offset: offset, into: UnsafeMutableRawBufferPointer(start: map.data, count: Int(map.size)))
        gst_buffer_unmap(buffer, &map)
        return buffer
    }
}
