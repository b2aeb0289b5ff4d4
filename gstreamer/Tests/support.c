#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void complain(const char *file, int line, const char *condition, const char *format, ...) {
    char text[1024] = "";
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    fprintf(stderr, "%s:%d: CHECK(%s) failed.%s\n", file, line, condition, text);
    exit(1);
}

void begin(int *argc, char ***argv) {
    gst_init(argc, argv);
    /* GStreamer and GLib warn of what breaks their rules: pictures before caps or a segment, calls that make no sense. */
    g_log_set_always_fatal(G_LOG_FATAL_MASK | G_LOG_LEVEL_CRITICAL | G_LOG_LEVEL_WARNING);
    GstElementFactory *factory = gst_element_factory_find("lz4dec");
    CHECK(factory, "lz4dec was not found; GST_PLUGIN_PATH is %s", g_getenv("GST_PLUGIN_PATH"));
    gst_object_unref(factory);
}

gboolean is_quick(void) { return g_getenv("FRAMEWIRE_TEST_QUICK") != NULL; }

int end(void) {
    gst_deinit();
    puts("all passed");
    return 0;
}

GstCaps *make_caps(GstVideoFormat format, int width, int height, const char *colorimetry, int fps) {
    GstVideoInfo info;
    CHECK(gst_video_info_set_format(&info, format, (guint)width, (guint)height));
    if (colorimetry) CHECK(gst_video_colorimetry_from_string(&info.colorimetry, colorimetry));
    info.fps_n = fps;
    info.fps_d = 1;
    return gst_video_info_to_caps(&info);
}

static guint8 pixel_byte(guint number, guint plane, int row, int byte) {
    /* Flat areas, ramps and noise, so that every way of coding is taken. */
    guint32 mixed = (guint32)byte * 2654435761u ^ (guint32)row * 2246822519u ^ number * 3266489917u;
    switch ((row / 8 + byte / 64 + (int)plane) % 3) {
    case 0: return (guint8)(40 + plane);
    case 1: return (guint8)(row + byte / 4 + (int)number);
    default: return (guint8)(mixed >> 13);
    }
}

void plane_extent(const GstVideoInfo *info, guint plane, int *row_bytes, int *rows) {
    int width = info->width, height = info->height, half = (width + 1) / 2;
    *row_bytes = width * GST_VIDEO_INFO_COMP_PSTRIDE(info, 0);
    *rows = height;
    if (plane > 0) {
        *rows = (height + 1) / 2;
        *row_bytes = GST_VIDEO_INFO_FORMAT(info) == GST_VIDEO_FORMAT_NV12 ? 2 * half : half;
    }
}

GstBuffer *make_picture(const GstVideoInfo *info, layout layout, guint number) {
    gsize offsets[GST_VIDEO_MAX_PLANES] = {0}, size = 0;
    gint strides[GST_VIDEO_MAX_PLANES] = {0};
    guint planes = GST_VIDEO_INFO_N_PLANES(info);
    for (guint plane = 0; plane < planes; plane++) {
        int row_bytes, rows;
        plane_extent(info, plane, &row_bytes, &rows);
        strides[plane] = row_bytes;
        if (layout == LAYOUT_DEFAULT) strides[plane] = GST_VIDEO_INFO_PLANE_STRIDE(info, plane);
        if (layout == LAYOUT_PADDED) strides[plane] = row_bytes + 13 + 3 * (int)plane;
        offsets[plane] = layout == LAYOUT_DEFAULT ? GST_VIDEO_INFO_PLANE_OFFSET(info, plane) : size;
        size += (gsize)strides[plane] * (gsize)rows + (layout == LAYOUT_PADDED ? 37 : 0);
    }
    if (layout == LAYOUT_DEFAULT) size = GST_VIDEO_INFO_SIZE(info);
    GstBuffer *buffer = gst_buffer_new();
    for (guint plane = 0; plane < planes; plane++) {
        gsize next = plane + 1 < planes ? offsets[plane + 1] : size;
        if (layout == LAYOUT_SEPARATE) gst_buffer_append_memory(buffer, gst_allocator_alloc(NULL, next - offsets[plane], NULL));
    }
    if (layout != LAYOUT_SEPARATE) gst_buffer_append_memory(buffer, gst_allocator_alloc(NULL, size, NULL));
    if (layout != LAYOUT_DEFAULT) {
        gst_buffer_add_video_meta_full(buffer, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_INFO_FORMAT(info),
                                       (guint)info->width, (guint)info->height, planes, offsets, strides);
    }
    gst_buffer_memset(buffer, 0, (guint8)(0xA5 + number), size);
    GstVideoFrame frame;
    GstVideoInfo copy = *info;
    CHECK(gst_video_frame_map(&frame, &copy, buffer, GST_MAP_WRITE));
    for (guint plane = 0; plane < planes; plane++) {
        int row_bytes, rows;
        plane_extent(info, plane, &row_bytes, &rows);
        for (int row = 0; row < rows; row++) {
            guint8 *bytes = (guint8 *)GST_VIDEO_FRAME_PLANE_DATA(&frame, plane) + row * GST_VIDEO_FRAME_PLANE_STRIDE(&frame, plane);
            for (int byte = 0; byte < row_bytes; byte++) bytes[byte] = pixel_byte(number, plane, row, byte);
        }
    }
    gst_video_frame_unmap(&frame);
    return buffer;
}

void check_picture(GstBuffer *buffer, const GstVideoInfo *info, guint number) {
    GstVideoFrame frame;
    GstVideoInfo copy = *info;
    CHECK(gst_video_frame_map(&frame, &copy, buffer, GST_MAP_READ), "picture %u of %" G_GSIZE_FORMAT " bytes", number,
          gst_buffer_get_size(buffer));
    for (guint plane = 0; plane < GST_VIDEO_INFO_N_PLANES(info); plane++) {
        int row_bytes, rows;
        plane_extent(info, plane, &row_bytes, &rows);
        for (int row = 0; row < rows; row++) {
            const guint8 *bytes =
                (const guint8 *)GST_VIDEO_FRAME_PLANE_DATA(&frame, plane) + row * GST_VIDEO_FRAME_PLANE_STRIDE(&frame, plane);
            for (int byte = 0; byte < row_bytes; byte++) {
                CHECK(bytes[byte] == pixel_byte(number, plane, row, byte), "picture %u, plane %u, row %d, byte %d of a %s of %d x %d",
                      number, plane, row, byte, GST_VIDEO_INFO_NAME(info), info->width, info->height);
            }
        }
    }
    gst_video_frame_unmap(&frame);
}

void check_caps(GstCaps *caps, const GstVideoInfo *info) {
    GstVideoInfo found;
    char *text = gst_caps_to_string(caps);
    CHECK(gst_video_info_from_caps(&found, caps), "%s", text);
    CHECK(GST_VIDEO_INFO_FORMAT(&found) == GST_VIDEO_INFO_FORMAT(info), "%s", text);
    CHECK(found.width == info->width && found.height == info->height, "%s", text);
    CHECK(gst_video_colorimetry_is_equal(&found.colorimetry, &info->colorimetry), "%s instead of %s", text,
          gst_video_colorimetry_to_string(&info->colorimetry));
    CHECK(info->fps_n == 0 || (found.fps_n == info->fps_n && found.fps_d == info->fps_d), "%s", text);
    g_free(text);
}

ending await_end(GstElement *pipeline, int seconds, char **sentence, guint *warnings) {
    GstBus *bus = gst_element_get_bus(pipeline);
    gint64 deadline = g_get_monotonic_time() + seconds * G_TIME_SPAN_SECOND;
    ending result = ENDED_TIMEOUT;
    if (warnings) *warnings = 0;
    if (sentence) *sentence = NULL;
    while (result == ENDED_TIMEOUT) {
        gint64 left = deadline - g_get_monotonic_time();
        GstMessage *message =
            left <= 0 ? NULL
                      : gst_bus_timed_pop_filtered(bus, (guint64)left * GST_USECOND,
                                                   GST_MESSAGE_EOS | GST_MESSAGE_ERROR | GST_MESSAGE_WARNING);
        if (!message) break;
        if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS) result = ENDED_EOS;
        if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_WARNING && warnings) *warnings += 1;
        if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) {
            GError *error = NULL;
            gst_message_parse_error(message, &error, NULL);
            if (sentence) *sentence = g_strdup(error->message);
            g_error_free(error);
            result = ENDED_ERROR;
        }
        gst_message_unref(message);
    }
    gst_object_unref(bus);
    return result;
}

GstElement *launch(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    char *description = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    GError *error = NULL;
    GstElement *pipeline = gst_parse_launch(description, &error);
    CHECK(pipeline && !error, "%s: %s", description, error ? error->message : "");
    g_free(description);
    return pipeline;
}

void play(GstElement *pipeline) { CHECK(gst_element_set_state(pipeline, GST_STATE_PLAYING) != GST_STATE_CHANGE_FAILURE); }

void finish(GstElement *pipeline) {
    CHECK(gst_element_set_state(pipeline, GST_STATE_NULL) == GST_STATE_CHANGE_SUCCESS);
    gst_object_unref(pipeline);
}

guint get_uint(GstElement *pipeline, const char *name, const char *property) {
    guint value = 0;
    GstElement *element = gst_bin_get_by_name(GST_BIN(pipeline), name);
    g_object_get(element, property, &value, NULL);
    gst_object_unref(element);
    return value;
}

guint64 get_stat(GstElement *pipeline, const char *name, const char *field) {
    GstStructure *stats = NULL;
    guint64 value = 0;
    GstElement *element = gst_bin_get_by_name(GST_BIN(pipeline), name);
    g_object_get(element, "stats", &stats, NULL);
    CHECK(gst_structure_get_uint64(stats, field, &value), "%s", field);
    gst_structure_free(stats);
    gst_object_unref(element);
    return value;
}

void await(gboolean (*condition)(gpointer user), gpointer user) {
    gint64 deadline = g_get_monotonic_time() + 20 * G_TIME_SPAN_SECOND;
    while (!condition(user)) {
        CHECK(g_get_monotonic_time() < deadline, "the condition did not come true");
        g_usleep(2000);
    }
}

static GstPadProbeReturn answer(GstPad *pad, GstPadProbeInfo *info, gpointer user) {
    (void)pad;
    (void)user;
    GstQuery *query = GST_PAD_PROBE_INFO_QUERY(info);
    if (GST_QUERY_TYPE(query) != GST_QUERY_ALLOCATION) return GST_PAD_PROBE_OK;
    gst_query_add_allocation_meta(query, GST_VIDEO_META_API_TYPE, NULL);
    return GST_PAD_PROBE_HANDLED;
}

void take_any_layout(GstPad *pad) {
    gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_QUERY_DOWNSTREAM | GST_PAD_PROBE_TYPE_PUSH, answer, NULL, NULL);
}
