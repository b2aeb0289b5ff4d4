/* Every format, in odd sizes and any layout, through lz4enc and lz4dec: pixels, caps and times. */
#include "support.h"

static const struct {
    GstVideoFormat format;
    const char *colorimetry[3];
} formats[] = {
    {GST_VIDEO_FORMAT_RGBA, {"sRGB", "1:1:7:1", "2:1:5:4"}},
    {GST_VIDEO_FORMAT_BGRA, {"sRGB", "1:1:7:1", "2:1:5:4"}},
    {GST_VIDEO_FORMAT_RGBx, {"sRGB", "1:1:7:1", "2:1:5:4"}},
    {GST_VIDEO_FORMAT_BGRx, {"sRGB", "1:1:7:1", "2:1:5:4"}},
    {GST_VIDEO_FORMAT_RGB, {"sRGB", "1:1:7:1", "2:1:5:4"}},
    {GST_VIDEO_FORMAT_BGR, {"sRGB", "1:1:7:1", "2:1:5:4"}},
    {GST_VIDEO_FORMAT_GRAY8, {"1:4:0:0", "1:4:5:1", "bt709"}},
    {GST_VIDEO_FORMAT_GRAY16_LE, {"1:4:0:0", "1:4:5:1", "bt709"}},
    {GST_VIDEO_FORMAT_RGB10A2_LE, {"sRGB", "1:1:14:7", "2:1:5:4"}},
    {GST_VIDEO_FORMAT_RGBA64_LE, {"sRGB", "1:1:14:7", "1:1:1:1"}},
    {GST_VIDEO_FORMAT_NV12, {"bt601", "bt709", "bt2020"}},
    {GST_VIDEO_FORMAT_I420, {"bt601", "bt709", "bt2100-pq"}},
};
static const int sizes[][2] = {{1, 1}, {2, 3}, {17, 5}, {33, 31}, {64, 48}, {323, 241}};
static const char *const profiles[] = {"raw", "lz4", "tile"};
enum { PICTURES = 4, FPS = 50 };

static GstClockTime time_of(guint number) { return 7 * GST_SECOND + number * GST_SECOND / FPS; }

static void run(GstHarness *harness, GstVideoFormat format, const int *size, const char *colorimetry, layout layout) {
    GstCaps *caps = make_caps(format, size[0], size[1], colorimetry, FPS);
    GstVideoInfo info;
    CHECK(gst_video_info_from_caps(&info, caps));
    gst_harness_set_src_caps(harness, caps);
    for (guint number = 0; number < PICTURES; number++) {
        GstBuffer *picture = make_picture(&info, layout, number);
        GST_BUFFER_PTS(picture) = time_of(number);
        /* Without a duration of its own, the rate tells it. */
        if (number % 2 == 0) GST_BUFFER_DURATION(picture) = GST_SECOND / FPS;
        CHECK(gst_harness_push(harness, picture) == GST_FLOW_OK);
        GstBuffer *out = gst_harness_pull(harness);
        CHECK(out);
        check_picture(out, &info, number);
        CHECK(GST_BUFFER_PTS(out) == time_of(number));
        CHECK(GST_BUFFER_DURATION(out) == (GstClockTime)GST_SECOND / FPS);
        gst_buffer_unref(out);
    }
    GstCaps *found = gst_pad_get_current_caps(harness->sinkpad);
    check_caps(found, &info);
    gst_caps_unref(found);
}

/* One pipeline sees all formats and sizes, so that caps change in mid-stream all the time. */
static void all_through(const char *description, gboolean takes_any_layout) {
    GstHarness *harness = gst_harness_new_parse(description);
    if (takes_any_layout) gst_harness_add_propose_allocation_meta(harness, GST_VIDEO_META_API_TYPE, NULL);
    gst_harness_play(harness);
    for (guint format = 0; format < G_N_ELEMENTS(formats); format++) {
        for (guint size = 0; size < (is_quick() ? 3 : G_N_ELEMENTS(sizes)); size++) {
            for (int layout = 0; layout < LAYOUT_COUNT; layout++) {
                run(harness, formats[format].format, sizes[size], formats[format].colorimetry[(size + (guint)layout) % 3],
                    layout);
            }
        }
    }
    gst_harness_teardown(harness);
}

/* A description that reaches past its memory must be refused, not read. */
static void lying_meta(void) {
    GstHarness *harness = gst_harness_new_parse("lz4enc");
    GstCaps *caps = make_caps(GST_VIDEO_FORMAT_RGBA, 64, 48, NULL, FPS);
    gst_harness_set_src_caps(harness, caps);
    for (int variant = 0; variant < 3; variant++) {
        gsize offsets[GST_VIDEO_MAX_PLANES] = {variant == 0 ? 64 : 0};
        gint strides[GST_VIDEO_MAX_PLANES] = {variant == 1 ? 257 : 256};
        GstBuffer *buffer = gst_buffer_new_allocate(NULL, variant == 2 ? 64 * 48 * 4 - 1 : 64 * 48 * 4, NULL);
        GST_BUFFER_PTS(buffer) = 0;
        gst_buffer_memset(buffer, 0, 0, gst_buffer_get_size(buffer));
        gst_buffer_add_video_meta_full(buffer, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_FORMAT_RGBA, 64, 48, 1, offsets, strides);
        CHECK(gst_harness_push(harness, buffer) == GST_FLOW_ERROR, "variant %d", variant);
    }
    gst_harness_teardown(harness);
}

/* The rows may run upwards in memory. */
static void negative_stride(void) {
    GstHarness *harness = gst_harness_new_parse("lz4enc ! lz4dec");
    GstCaps *caps = make_caps(GST_VIDEO_FORMAT_GRAY8, 4, 3, NULL, 0);
    gst_harness_set_src_caps(harness, caps);
    static const guint8 upwards[12] = {9, 10, 11, 12, 5, 6, 7, 8, 1, 2, 3, 4};
    GstBuffer *buffer = gst_buffer_new_allocate(NULL, 12, NULL);
    gst_buffer_fill(buffer, 0, upwards, 12);
    gsize offsets[GST_VIDEO_MAX_PLANES] = {8};
    gint strides[GST_VIDEO_MAX_PLANES] = {-4};
    gst_buffer_add_video_meta_full(buffer, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_FORMAT_GRAY8, 4, 3, 1, offsets, strides);
    GST_BUFFER_PTS(buffer) = 0;
    GstFlowReturn flow = gst_harness_push(harness, buffer);
    /* Either the picture is right, or it is refused. */
    if (flow == GST_FLOW_OK) {
        GstBuffer *out = gst_harness_pull(harness);
        for (guint8 index = 0; index < 12; index++) {
            guint8 byte = 0;
            gst_buffer_extract(out, index, &byte, 1);
            CHECK(byte == index + 1, "byte %u is %u", index, byte);
        }
        gst_buffer_unref(out);
    }
    gst_harness_teardown(harness);
}

static void refusals(void) {
    static const char *const caps[] = {
        "video/x-raw,format=RGBA,width=64,height=48,framerate=25/1,interlace-mode=fields",
    };
    for (guint index = 0; index < G_N_ELEMENTS(caps); index++) {
        GstHarness *harness = gst_harness_new_parse("lz4enc");
        gst_harness_set_src_caps_str(harness, caps[index]);
        GstBuffer *buffer = gst_buffer_new_allocate(NULL, 64 * 48 * 4, NULL);
        GST_BUFFER_PTS(buffer) = 0;
        CHECK(gst_harness_push(harness, buffer) != GST_FLOW_OK, "%s", caps[index]);
        gst_harness_teardown(harness);
    }
}

int main(int argc, char **argv) {
    begin(&argc, &argv);
    for (guint profile = 0; profile < G_N_ELEMENTS(profiles); profile++) {
        for (int any = 0; any < 2; any++) {
            char *description = g_strdup_printf("lz4enc profile=%s checksum=true ! lz4dec", profiles[profile]);
            all_through(description, any);
            g_free(description);
        }
    }
    lying_meta();
    negative_stride();
    refusals();
    return end();
}
