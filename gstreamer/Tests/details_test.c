/* What caps and buffers say beside pixels and times comes out as it went in, picture by picture. */
#include "support.h"

#include <gst/app/gstappsink.h>
#include <gst/app/gstappsrc.h>
#include <string.h>

#define RAW "video/x-raw,width=64,height=50,format="

static const char *const caps[] = {
    RAW "RGBA,framerate=25/1,pixel-aspect-ratio=16/11",
    RAW "I420,framerate=30000/1001,interlace-mode=interleaved,field-order=bottom-field-first,chroma-site=mpeg2",
    RAW "NV12,framerate=25/1,interlace-mode=mixed,chroma-site=jpeg,colorimetry=bt601,pixel-aspect-ratio=8/9",
    RAW "I420,framerate=25/1,interlace-mode=interleaved,field-order=top-field-first",
    RAW "RGBA,framerate=0/1,max-framerate=60/1",
    RAW "BGRA,framerate=0/1",
    RAW "RGBA,framerate=2469/200,colorimetry=1:1:11:10",
    RAW "I420,framerate=24/1,colorimetry=2:4:16:4,chroma-site=alt-line",
    RAW "RGBA,framerate=24/1,multiview-mode=side-by-side,multiview-flags=(GstVideoMultiviewFlagsSet)0:ffffffff:/right-view-first",
    RAW "RGBA,framerate=25/1",
};

static const guint flags[] = {
    0,
    GST_BUFFER_FLAG_DISCONT | GST_BUFFER_FLAG_CORRUPTED,
    GST_BUFFER_FLAG_GAP | GST_BUFFER_FLAG_DROPPABLE,
    GST_BUFFER_FLAG_MARKER,
    GST_VIDEO_BUFFER_FLAG_INTERLACED | GST_VIDEO_BUFFER_FLAG_TFF,
    GST_VIDEO_BUFFER_FLAG_INTERLACED | GST_VIDEO_BUFFER_FLAG_RFF | GST_VIDEO_BUFFER_FLAG_ONEFIELD,
};

static guint carried_flags(void) {
    guint all = 0;
    for (guint index = 0; index < G_N_ELEMENTS(flags); index++) all |= flags[index];
    return all;
}

/* As GStreamer reads caps, except that 1.22 forgets the chroma site where there is no colorimetry. */
static GstVideoInfo info_from(GstCaps *parsed) {
    GstVideoInfo info;
    char *text = gst_caps_to_string(parsed);
    CHECK(gst_video_info_from_caps(&info, parsed), "%s", text);
    const char *site = gst_structure_get_string(gst_caps_get_structure(parsed, 0), "chroma-site");
    if (site) info.chroma_site = gst_video_chroma_site_from_string(site);
    g_free(text);
    return info;
}

static GstVideoInfo info_of(guint number) {
    GstCaps *parsed = gst_caps_from_string(caps[number / G_N_ELEMENTS(flags)]);
    CHECK(parsed, "%s", caps[number / G_N_ELEMENTS(flags)]);
    GstVideoInfo info = info_from(parsed);
    gst_caps_unref(parsed);
    return info;
}

static GstBuffer *make(guint number) {
    GstVideoInfo info = info_of(number);
    GstBuffer *buffer = make_picture(&info, (layout)(number % LAYOUT_COUNT), number);
    GST_BUFFER_PTS(buffer) = number * 20 * GST_MSECOND;
    /* That of a variable rate is not as long as the next picture takes. */
    if (number % 2) GST_BUFFER_DURATION(buffer) = 20 * GST_MSECOND;
    GST_BUFFER_FLAG_SET(buffer, flags[number % G_N_ELEMENTS(flags)]);
    for (guint index = 0; index < number % 3; index++) {
        GstCaps *reference = gst_caps_new_empty_simple(index ? "timestamp/x-ntp" : "timestamp/x-unix");
        gst_buffer_add_reference_timestamp_meta(buffer, reference, 1800000000 * GST_SECOND + number + index,
                                                index ? 20 * GST_MSECOND : GST_CLOCK_TIME_NONE);
        gst_caps_unref(reference);
    }
    if (number % 4 == 1) {
        gst_buffer_add_video_time_code_meta_full(buffer, 30000, 1001, NULL, GST_VIDEO_TIME_CODE_FLAGS_DROP_FRAME, 1, 2, 3,
                                                 4 + number % 20, 0);
    }
    if (number % 4 == 2) {
        gst_buffer_add_video_time_code_meta_full(buffer, 25, 1, NULL, GST_VIDEO_TIME_CODE_FLAGS_INTERLACED, 23, 59, 59,
                                                 24, 2);
    }
    return buffer;
}

static void check_metas(GstBuffer *found, GstBuffer *wanted, guint number) {
    static const char *const references[] = {"timestamp/x-unix", "timestamp/x-ntp"};
    for (guint index = 0; index < G_N_ELEMENTS(references); index++) {
        GstCaps *reference = gst_caps_new_empty_simple(references[index]);
        GstReferenceTimestampMeta *here = gst_buffer_get_reference_timestamp_meta(found, reference);
        GstReferenceTimestampMeta *there = gst_buffer_get_reference_timestamp_meta(wanted, reference);
        gst_caps_unref(reference);
        CHECK(!here == !there, "picture %u, %s", number, references[index]);
        if (!here) continue;
        CHECK(here->timestamp == there->timestamp && here->duration == there->duration, "picture %u", number);
    }
    GstVideoTimeCodeMeta *here = gst_buffer_get_video_time_code_meta(found);
    GstVideoTimeCodeMeta *there = gst_buffer_get_video_time_code_meta(wanted);
    CHECK(!here == !there, "picture %u", number);
    if (!here) return;
    CHECK(gst_video_time_code_compare(&here->tc, &there->tc) == 0, "picture %u", number);
    CHECK(here->tc.config.flags == there->tc.config.flags && here->tc.config.fps_n == there->tc.config.fps_n &&
          here->tc.config.fps_d == there->tc.config.fps_d && here->tc.field_count == there->tc.field_count);
}

static void check(GstBuffer *found, GstCaps *found_caps, guint number) {
    GstVideoInfo wanted = info_of(number), info = info_from(found_caps);
    char *text = gst_caps_to_string(found_caps);
    CHECK(gst_video_info_is_equal(&info, &wanted), "picture %u of %s came with %s", number,
          caps[number / G_N_ELEMENTS(flags)], text);
    CHECK(GST_VIDEO_INFO_CHROMA_SITE(&info) == GST_VIDEO_INFO_CHROMA_SITE(&wanted), "%s", text);
    CHECK(GST_VIDEO_INFO_FIELD_ORDER(&info) == GST_VIDEO_INFO_FIELD_ORDER(&wanted), "%s", text);
    g_free(text);
    check_picture(found, &info, number);
    GstBuffer *sent = make(number);
    guint same = carried_flags();
    /* Where the stream begins there is nothing before. */
    if (number == 0) same &= ~(guint)GST_BUFFER_FLAG_DISCONT;
    CHECK((GST_BUFFER_FLAGS(found) & same) == (GST_BUFFER_FLAGS(sent) & same), "picture %u: flags %x instead of %x", number,
          GST_BUFFER_FLAGS(found), GST_BUFFER_FLAGS(sent));
    /* Whoever maps the picture is told of its fields, too. */
    GstVideoFrame frame;
    CHECK(gst_video_frame_map(&frame, &info, found, GST_MAP_READ));
    if (GST_VIDEO_INFO_INTERLACE_MODE(&info) == GST_VIDEO_INTERLACE_MODE_MIXED) {
        CHECK(GST_VIDEO_FRAME_IS_INTERLACED(&frame) == !!GST_BUFFER_FLAG_IS_SET(sent, GST_VIDEO_BUFFER_FLAG_INTERLACED));
        CHECK(GST_VIDEO_FRAME_IS_TFF(&frame) == !!GST_BUFFER_FLAG_IS_SET(sent, GST_VIDEO_BUFFER_FLAG_TFF));
    }
    gst_video_frame_unmap(&frame);
    check_metas(found, sent, number);
    gst_buffer_unref(sent);
}

enum { TOTAL = (int)(G_N_ELEMENTS(caps) * G_N_ELEMENTS(flags)) };

static void as_bytes(const char *description, gboolean any_layout) {
    GstHarness *harness = gst_harness_new_parse(description);
    if (any_layout) take_any_layout(harness->sinkpad);
    for (guint number = 0; number < TOTAL; number++) {
        if (number % G_N_ELEMENTS(flags) == 0) gst_harness_set_src_caps_str(harness, caps[number / G_N_ELEMENTS(flags)]);
        CHECK(gst_harness_push(harness, make(number)) == GST_FLOW_OK);
        GstBuffer *out = gst_harness_pull(harness);
        GstCaps *now = gst_pad_get_current_caps(harness->sinkpad);
        CHECK(out);
        check(out, now, number);
        gst_caps_unref(now);
        gst_buffer_unref(out);
    }
    gst_harness_teardown(harness);
}

static void over_a_network(void) {
    GstElement *receiver = launch("framewiresrc name=src uri=tcp://127.0.0.1:0 once=true ! appsink name=out sync=false");
    play(receiver);
    GstElement *sender = launch(
        "appsrc name=in format=time max-buffers=4 block=true ! framewiresink sync=false overflow=block "
        "uri=tcp://127.0.0.1:%u", get_uint(receiver, "src", "current-port"));
    play(sender);
    GstAppSrc *in = GST_APP_SRC(gst_bin_get_by_name(GST_BIN(sender), "in"));
    GstAppSink *out = GST_APP_SINK(gst_bin_get_by_name(GST_BIN(receiver), "out"));
    for (guint number = 0; number < TOTAL; number++) {
        GstCaps *now = gst_caps_from_string(caps[number / G_N_ELEMENTS(flags)]);
        GstSample *sample = gst_sample_new(make(number), now, NULL, NULL);
        gst_buffer_unref(gst_sample_get_buffer(sample));
        CHECK(gst_app_src_push_sample(in, sample) == GST_FLOW_OK);
        gst_sample_unref(sample);
        gst_caps_unref(now);
        sample = gst_app_sink_try_pull_sample(out, 20 * GST_SECOND);
        CHECK(sample, "picture %u did not come", number);
        check(gst_sample_get_buffer(sample), gst_sample_get_caps(sample), number);
        gst_sample_unref(sample);
    }
    gst_app_src_end_of_stream(in);
    CHECK(await_end(sender, 20, NULL, NULL) == ENDED_EOS);
    CHECK(await_end(receiver, 20, NULL, NULL) == ENDED_EOS);
    gst_object_unref(in);
    gst_object_unref(out);
    finish(sender);
    finish(receiver);
}

int main(int argc, char **argv) {
    begin(&argc, &argv);
    /* Else GStreamer loads the type for the caps from its registry, and keeps what it has found there. */
    g_type_ensure(GST_TYPE_VIDEO_MULTIVIEW_FLAGSET);
    as_bytes("lz4enc ! lz4dec", FALSE);
    as_bytes("lz4enc profile=raw ! lz4dec", TRUE);
    as_bytes("lz4enc profile=tile ! lz4dec", TRUE);
    over_a_network();
    return end();
}
