/* lz4dec on recordings that it reads itself: seeking by time, durations, damage, and changes of state meanwhile. */
#include "support.h"

#include <gst/app/gstappsink.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Half of the pictures follow a jump of the sender's time line, which stream time does not show. */
enum { PICTURES = 24, JUMP = 12, INTERVAL_MS = 40 };
#define INTERVAL (INTERVAL_MS * GST_MSECOND)
#define LATER (100 * GST_SECOND)

static GstVideoInfo info;
static char *folder;

static GstClockTime pts_of(guint number) {
    return number < JUMP ? number * INTERVAL : LATER + (number - JUMP) * INTERVAL;
}

static guint number_of(GstClockTime pts) {
    return (guint)(pts < LATER ? pts / INTERVAL : JUMP + (pts - LATER) / INTERVAL);
}

/* Writes a recording of as many views as are asked for; its name is to be freed. `size` bytes of it, or all for 0. */
static char *record(const char *options, guint views, gsize size) {
    char *name = g_strdup_printf("%s/recording.fwr", folder);
    GByteArray *bytes = g_byte_array_new();
    GstHarness *encoders[2];
    for (guint view = 0; view < views; view++) {
        char *description = g_strdup_printf("lz4enc view-id=%u %s", view, options);
        encoders[view] = gst_harness_new_parse(description);
        gst_harness_set_src_caps(encoders[view], gst_video_info_to_caps(&info));
        g_free(description);
    }
    for (guint number = 0; number < PICTURES; number++) {
        for (guint view = 0; view < views; view++) {
            if (number == JUMP) {
                GstSegment segment;
                gst_segment_init(&segment, GST_FORMAT_TIME);
                segment.start = segment.time = LATER;
                segment.base = JUMP * INTERVAL;
                CHECK(gst_harness_push_event(encoders[view], gst_event_new_segment(&segment)));
            }
            GstBuffer *picture = make_picture(&info, LAYOUT_DEFAULT, number + 100 * view), *out;
            GST_BUFFER_PTS(picture) = pts_of(number);
            CHECK(gst_harness_push(encoders[view], picture) == GST_FLOW_OK);
            while ((out = gst_harness_try_pull(encoders[view]))) {
                GstMapInfo map;
                CHECK(gst_buffer_map(out, &map, GST_MAP_READ));
                g_byte_array_append(bytes, map.data, (guint)map.size);
                gst_buffer_unmap(out, &map);
                gst_buffer_unref(out);
            }
        }
    }
    for (guint view = 0; view < views; view++) gst_harness_teardown(encoders[view]);
    CHECK(g_file_set_contents(name, (const char *)bytes->data, size ? (gssize)size : (gssize)bytes->len, NULL));
    g_byte_array_unref(bytes);
    return name;
}

static GstElement *open_recording(const char *name, const char *options) {
    GstElement *pipeline = launch("filesrc location=%s ! lz4dec name=dec %s ! appsink name=out sync=false", name, options);
    CHECK(gst_element_set_state(pipeline, GST_STATE_PAUSED) != GST_STATE_CHANGE_FAILURE);
    CHECK(gst_element_get_state(pipeline, NULL, NULL, 20 * GST_SECOND) == GST_STATE_CHANGE_SUCCESS);
    return pipeline;
}

static GstAppSink *sink_of(GstElement *pipeline) {
    GstAppSink *sink = GST_APP_SINK(gst_bin_get_by_name(GST_BIN(pipeline), "out"));
    gst_object_unref(sink); /* the pipeline keeps it */
    return sink;
}

/* Checks the picture of a sample. The number of the picture; its view with it where there are two. */
static guint look(GstSample *sample, guint view) {
    GstBuffer *buffer = gst_sample_get_buffer(sample);
    guint number = number_of(GST_BUFFER_PTS(buffer));
    check_picture(buffer, &info, number + 100 * view);
    return number;
}

static void seek(GstElement *pipeline, double rate, GstSeekFlags flags, GstClockTime start, GstClockTime stop) {
    CHECK(gst_element_seek(pipeline, rate, GST_FORMAT_TIME, flags, GST_SEEK_TYPE_SET, (gint64)start, GST_SEEK_TYPE_SET,
                           (gint64)stop), "to %" GST_TIME_FORMAT, GST_TIME_ARGS(start));
}

/* What follows a seek has its number: the segment, and an end. */
static void expect_number(GstElement *pipeline, GstEventType type, guint32 number) {
    GstElement *decoder = gst_bin_get_by_name(GST_BIN(pipeline), "dec");
    GstPad *pad = gst_element_get_static_pad(decoder, "src");
    GstEvent *event = gst_pad_get_sticky_event(pad, type, 0);
    CHECK(event && gst_event_get_seqnum(event) == number, "%s", gst_event_type_get_name(type));
    gst_event_unref(event);
    gst_object_unref(pad);
    gst_object_unref(decoder);
}

static void numbers(void) {
    char *name = record("", 1, 0);
    GstElement *pipeline = open_recording(name, "");
    GstEvent *event = gst_event_new_seek(1, GST_FORMAT_TIME, GST_SEEK_FLAG_FLUSH, GST_SEEK_TYPE_SET, 3 * INTERVAL,
                                         GST_SEEK_TYPE_NONE, -1);
    guint32 number = gst_event_get_seqnum(event);
    CHECK(gst_element_send_event(pipeline, event));
    gst_sample_unref(gst_app_sink_pull_preroll(sink_of(pipeline)));
    expect_number(pipeline, GST_EVENT_SEGMENT, number);
    g_object_set(sink_of(pipeline), "drop", TRUE, "max-buffers", 1, "wait-on-eos", FALSE, NULL);
    play(pipeline);
    CHECK(await_end(pipeline, 20, NULL, NULL) == ENDED_EOS);
    expect_number(pipeline, GST_EVENT_EOS, number);
    finish(pipeline);
    g_free(name);
}

/* Plays to the end: the pictures from `first` to `last` come, one after another, and no more. */
static void expect_pictures(GstElement *pipeline, guint first, guint last, GstClockTime running) {
    play(pipeline);
    for (guint number = first; number <= last; number++) {
        GstSample *sample = gst_app_sink_try_pull_sample(sink_of(pipeline), 20 * GST_SECOND);
        CHECK(sample, "picture %u did not come", number);
        CHECK(look(sample, 0) == number, "%u instead of %u", look(sample, 0), number);
        GstClockTime now = gst_segment_to_running_time(gst_sample_get_segment(sample), GST_FORMAT_TIME,
                                                       GST_BUFFER_PTS(gst_sample_get_buffer(sample)));
        if (number == last && running != GST_CLOCK_TIME_NONE) CHECK(now == running, "%" GST_TIME_FORMAT, GST_TIME_ARGS(now));
        gst_sample_unref(sample);
    }
    CHECK(!gst_app_sink_try_pull_sample(sink_of(pipeline), 20 * GST_SECOND));
    CHECK(gst_app_sink_is_eos(sink_of(pipeline)));
}

/* Every place can be gone to, in any order; what is shown first is what is shown at that time. */
static void any_place(const char *options, guint key_interval) {
    char *name = record(options, 1, 0);
    GstElement *pipeline = open_recording(name, "");
    gint64 duration = 0;
    CHECK(gst_element_query_duration(pipeline, GST_FORMAT_TIME, &duration) && duration == PICTURES * (gint64)INTERVAL);
    for (guint round = 0; round < (is_quick() ? 10 : 100); round++) {
        /* Places in an order without a pattern, with all that is special among them. */
        GstClockTime time = round * 7919 % (PICTURES * INTERVAL_MS) * GST_MSECOND;
        if (round % 5 == 0) time = round / 5 % PICTURES * INTERVAL;
        gboolean to_key = round % 3 == 2;
        seek(pipeline, 1, GST_SEEK_FLAG_FLUSH | (to_key ? GST_SEEK_FLAG_KEY_UNIT : GST_SEEK_FLAG_ACCURATE), time,
             GST_CLOCK_TIME_NONE);
        GstSample *sample = gst_app_sink_try_pull_preroll(sink_of(pipeline), 20 * GST_SECOND);
        CHECK(sample);
        guint wanted = (guint)(time / INTERVAL);
        if (to_key) wanted -= wanted % key_interval;
        CHECK(look(sample, 0) == wanted, "%u instead of %u at %" GST_TIME_FORMAT, look(sample, 0), wanted, GST_TIME_ARGS(time));
        const GstSegment *segment = gst_sample_get_segment(sample);
        GstClockTime beginning = gst_segment_to_stream_time(segment, GST_FORMAT_TIME, segment->start);
        CHECK(beginning == (to_key ? wanted * INTERVAL : time), "%" GST_TIME_FORMAT, GST_TIME_ARGS(beginning));
        CHECK(gst_segment_to_running_time(segment, GST_FORMAT_TIME, segment->start) == 0);
        gst_sample_unref(sample);
    }
    seek(pipeline, 1, GST_SEEK_FLAG_FLUSH, 5 * INTERVAL, GST_CLOCK_TIME_NONE);
    expect_pictures(pipeline, 5, PICTURES - 1, (PICTURES - 6) * INTERVAL);
    /* From the end back, over the jump, twice as fast, to a stop. */
    seek(pipeline, 2, GST_SEEK_FLAG_FLUSH, 10 * INTERVAL, 15 * INTERVAL);
    expect_pictures(pipeline, 10, 14, 4 * INTERVAL / 2);
    CHECK(!gst_element_seek_simple(pipeline, GST_FORMAT_BYTES, GST_SEEK_FLAG_FLUSH, 0));
    CHECK(!gst_element_seek(pipeline, -1, GST_FORMAT_TIME, GST_SEEK_FLAG_FLUSH, GST_SEEK_TYPE_SET, 0, GST_SEEK_TYPE_SET,
                            (gint64)INTERVAL));
    finish(pipeline);
    g_free(name);
}

/* Both views of a moment come, decoded from a key frame of each. */
static void two_views(void) {
    char *name = record("profile=tile key-frame-interval=5", 2, 0);
    GstElement *pipeline = open_recording(name, "");
    for (guint number = 0; number < PICTURES; number += 3) {
        seek(pipeline, 1, GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_ACCURATE, number * INTERVAL, GST_CLOCK_TIME_NONE);
        play(pipeline);
        for (guint view = 0; view < 2; view++) {
            GstSample *sample = gst_app_sink_try_pull_sample(sink_of(pipeline), 20 * GST_SECOND);
            CHECK(sample);
            CHECK(look(sample, view) == number);
            gst_sample_unref(sample);
        }
    }
    finish(pipeline);
    pipeline = open_recording(name, "view-id=1");
    seek(pipeline, 1, GST_SEEK_FLAG_FLUSH, 7 * INTERVAL, GST_CLOCK_TIME_NONE);
    GstSample *sample = gst_app_sink_try_pull_preroll(sink_of(pipeline), 20 * GST_SECOND);
    CHECK(sample && look(sample, 1) == 7);
    gst_sample_unref(sample);
    finish(pipeline);
    g_free(name);
}

/* A part that is played again and again, without a gap in running time. */
static void loops(void) {
    char *name = record("profile=tile", 1, 0);
    GstElement *pipeline = open_recording(name, "");
    GstBus *bus = gst_element_get_bus(pipeline);
    GstSeekFlags flags = GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_SEGMENT | GST_SEEK_FLAG_ACCURATE;
    for (guint round = 0; round < 3; round++) {
        seek(pipeline, 1, flags, 9 * INTERVAL, 14 * INTERVAL);
        flags &= ~(guint)GST_SEEK_FLAG_FLUSH;
        if (round == 0) play(pipeline);
        for (guint number = 9; number < 14; number++) {
            GstSample *sample = gst_app_sink_try_pull_sample(sink_of(pipeline), 20 * GST_SECOND);
            CHECK(sample && look(sample, 0) == number);
            GstClockTime running = gst_segment_to_running_time(gst_sample_get_segment(sample), GST_FORMAT_TIME,
                                                               GST_BUFFER_PTS(gst_sample_get_buffer(sample)));
            CHECK(running == (5 * round + number - 9) * INTERVAL, "%" GST_TIME_FORMAT, GST_TIME_ARGS(running));
            gst_sample_unref(sample);
        }
        GstMessage *message = gst_bus_timed_pop_filtered(bus, 20 * GST_SECOND, GST_MESSAGE_SEGMENT_DONE | GST_MESSAGE_ERROR);
        CHECK(message && GST_MESSAGE_TYPE(message) == GST_MESSAGE_SEGMENT_DONE);
        gst_message_unref(message);
    }
    gst_object_unref(bus);
    finish(pipeline);
    g_free(name);
}

/* What is before the damage can be gone to, and the end is said with a warning or an error. */
static void damage(void) {
    char *name = record("", 1, 20000);
    GstElement *pipeline = open_recording(name, "");
    guint warnings = 0;
    seek(pipeline, 1, GST_SEEK_FLAG_FLUSH, INTERVAL, GST_CLOCK_TIME_NONE);
    GstSample *sample = gst_app_sink_try_pull_preroll(sink_of(pipeline), 20 * GST_SECOND);
    CHECK(sample && look(sample, 0) == 1);
    gst_sample_unref(sample);
    g_object_set(sink_of(pipeline), "drop", TRUE, "max-buffers", 1, "wait-on-eos", FALSE, NULL);
    play(pipeline);
    CHECK(await_end(pipeline, 20, NULL, &warnings) == ENDED_EOS && warnings == 1);
    finish(pipeline);

    char *bytes;
    gsize size;
    CHECK(g_file_get_contents(name, &bytes, &size, NULL));
    memset(bytes + size / 2, 0x33, size / 4);
    CHECK(g_file_set_contents(name, bytes, (gssize)size, NULL));
    pipeline = launch("filesrc location=%s ! lz4dec ! fakesink sync=false", name);
    play(pipeline);
    char *sentence = NULL;
    CHECK(await_end(pipeline, 20, &sentence, NULL) == ENDED_ERROR && strlen(sentence) > 15);
    g_free(sentence);
    finish(pipeline);
    g_free(bytes);
    g_free(name);
}

/* Seeks and changes of state at any moment. */
static void at_any_moment(int rounds) {
    static const GstState states[] = {GST_STATE_NULL, GST_STATE_READY, GST_STATE_PAUSED, GST_STATE_PLAYING, GST_STATE_PLAYING};
    const char *seed = g_getenv("FRAMEWIRE_TEST_SEED");
    GRand *random = g_rand_new_with_seed(seed ? (guint32)atoi(seed) : 20261121);
    char *name = record("profile=tile key-frame-interval=5", 1, 0);
    GstElement *pipeline = launch("filesrc location=%s ! lz4dec ! queue ! fakesink sync=false", name);
    for (int round = 0; round < rounds; round++) {
        GstState state = states[g_rand_int_range(random, 0, G_N_ELEMENTS(states))];
        CHECK(gst_element_set_state(pipeline, state) != GST_STATE_CHANGE_FAILURE);
        for (int times = g_rand_int_range(random, 0, 3); times > 0; times--) {
            gint64 duration;
            gst_element_query_duration(pipeline, GST_FORMAT_TIME, &duration);
            gst_element_seek_simple(pipeline, GST_FORMAT_TIME, GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_ACCURATE,
                                    g_rand_int_range(random, 0, PICTURES) * (gint64)INTERVAL);
        }
    }
    CHECK(gst_element_set_state(pipeline, GST_STATE_NULL) == GST_STATE_CHANGE_SUCCESS);
    play(pipeline);
    CHECK(await_end(pipeline, 20, NULL, NULL) == ENDED_EOS);
    finish(pipeline);
    g_free(name);
    g_rand_free(random);
}

int main(int argc, char **argv) {
    begin(&argc, &argv);
    CHECK(gst_video_info_set_format(&info, GST_VIDEO_FORMAT_RGBA, 83, 41));
    info.fps_n = 1000 / INTERVAL_MS;
    folder = g_dir_make_tmp("framewire-XXXXXX", NULL);
    CHECK(folder);
    any_place("", 1);
    any_place("profile=tile key-frame-interval=4", 4);
    numbers();
    two_views();
    loops();
    damage();
    at_any_moment(is_quick() ? 20 : 1000);
    char *name = g_strdup_printf("%s/recording.fwr", folder);
    unlink(name);
    rmdir(folder);
    g_free(name);
    g_free(folder);
    return end();
}
