/* lz4dec on streams that are cut anywhere, end early, are damaged, or begin in the middle. */
#include "support.h"

#include <string.h>
#include <unistd.h>

enum { PICTURES = 6 };

static GstVideoInfo info;

/* The bytes of a stream of PICTURES pictures; `offsets[n]` is where message n begins. */
static GByteArray *make_stream(const char *options, gsize *offsets) {
    char *description = g_strdup_printf("lz4enc %s", options);
    GstHarness *harness = gst_harness_new_parse(description);
    g_free(description);
    gst_harness_set_src_caps(harness, gst_video_info_to_caps(&info));
    GByteArray *stream = g_byte_array_new();
    guint messages = 0;
    for (guint number = 0; number < PICTURES; number++) {
        GstBuffer *picture = make_picture(&info, LAYOUT_DEFAULT, number);
        GST_BUFFER_PTS(picture) = number * 40 * GST_MSECOND;
        CHECK(gst_harness_push(harness, picture) == GST_FLOW_OK);
        GstBuffer *out;
        while ((out = gst_harness_try_pull(harness))) {
            GstMapInfo map;
            CHECK(gst_buffer_map(out, &map, GST_MAP_READ));
            /* The opening comes in a buffer of its own, which is marked as a header. */
            if (!GST_BUFFER_FLAG_IS_SET(out, GST_BUFFER_FLAG_HEADER) && offsets) offsets[messages++] = stream->len;
            CHECK(GST_BUFFER_FLAG_IS_SET(out, GST_BUFFER_FLAG_HEADER) == (stream->len == 0));
            g_byte_array_append(stream, map.data, (guint)map.size);
            gst_buffer_unmap(out, &map);
            gst_buffer_unref(out);
        }
    }
    gst_harness_teardown(harness);
    return stream;
}

static GstHarness *start_decoder(void) {
    GstHarness *harness = gst_harness_new("lz4dec");
    gst_harness_set_src_caps_str(harness, "application/x-framewire");
    return harness;
}

static GstFlowReturn push_bytes(GstHarness *harness, const guint8 *bytes, gsize size) {
    return gst_harness_push(harness, gst_buffer_new_memdup(bytes, size));
}

/* The pictures from number `first` on have come, and no more. */
static void check_pictures(GstHarness *harness, guint first, guint count) {
    for (guint number = first; number < first + count; number++) {
        GstBuffer *out = gst_harness_try_pull(harness);
        CHECK(out, "picture %u did not come", number);
        check_picture(out, &info, number);
        CHECK(GST_BUFFER_PTS(out) == number * (GstClockTime)(40 * GST_MSECOND));
        gst_buffer_unref(out);
    }
    CHECK(!gst_harness_try_pull(harness));
}

/* The bus of the harness's element, which has none unless it is given one. */
static GstBus *watch(GstHarness *harness) {
    GstBus *bus = gst_bus_new();
    gst_element_set_bus(harness->element, bus);
    return bus;
}

/* Messages keep their element, and the element keeps the bus. */
static void unwatch(GstHarness *harness, GstBus *bus) {
    gst_element_set_bus(harness->element, NULL);
    gst_bus_set_flushing(bus, TRUE);
    gst_object_unref(bus);
}

/* How many messages of a type have come; each of them says something. */
static guint count_messages(GstBus *bus, GstMessageType type) {
    guint count = 0;
    GstMessage *message;
    while ((message = gst_bus_pop_filtered(bus, type))) {
        GError *error = NULL;
        if (type == GST_MESSAGE_ERROR) gst_message_parse_error(message, &error, NULL);
        if (type == GST_MESSAGE_WARNING) gst_message_parse_warning(message, &error, NULL);
        CHECK(error && strlen(error->message) > 20);
        g_error_free(error);
        gst_message_unref(message);
        count++;
    }
    return count;
}

static void chopped(const GByteArray *stream) {
    static const gsize pieces[] = {1, 2, 3, 7, 63, 1021, 4096, 65536, 1 << 20};
    for (guint index = is_quick() ? 3 : 0; index < G_N_ELEMENTS(pieces); index++) {
        GstHarness *harness = start_decoder();
        for (gsize at = 0; at < stream->len; at += pieces[index]) {
            CHECK(push_bytes(harness, stream->data + at, MIN(pieces[index], stream->len - at)) == GST_FLOW_OK);
        }
        check_pictures(harness, 0, PICTURES);
        gst_harness_teardown(harness);
    }
}

/* Several memories in a buffer are one after another the stream's bytes. */
static void in_many_memories(const GByteArray *stream) {
    GstHarness *harness = start_decoder();
    GstBuffer *buffer = gst_buffer_new();
    gsize piece = stream->len / 7 + 1;
    for (gsize at = 0; at < stream->len; at += piece) {
        gst_buffer_append(buffer, gst_buffer_new_memdup(stream->data + at, MIN(piece, stream->len - at)));
    }
    CHECK(gst_buffer_n_memory(buffer) == 7);
    CHECK(gst_harness_push(harness, buffer) == GST_FLOW_OK);
    check_pictures(harness, 0, PICTURES);
    gst_harness_teardown(harness);
}

/* A stream that ends inside a message: the pictures before it, a warning, and the end of the stream. */
static void truncated(const GByteArray *stream, const gsize *offsets) {
    gsize step = is_quick() ? stream->len / 7 : stream->len / 97;
    for (gsize size = 1; size < stream->len; size += step) {
        GstHarness *harness = start_decoder();
        GstBus *bus = watch(harness);
        CHECK(push_bytes(harness, stream->data, size) == GST_FLOW_OK);
        guint complete = 0;
        gboolean at_boundary = size == offsets[0];
        for (guint number = 1; number < PICTURES && offsets[number] <= size; number++) {
            complete = number;
            at_boundary = offsets[number] == size;
        }
        check_pictures(harness, 0, complete);
        CHECK(gst_harness_push_event(harness, gst_event_new_eos()));
        CHECK(count_messages(bus, GST_MESSAGE_WARNING) == (at_boundary ? 0 : 1), "%" G_GSIZE_FORMAT " bytes", size);
        unwatch(harness, bus);
        gst_harness_teardown(harness);
    }
}

/* Damage anywhere: every picture that comes is right (checksums are on), or there is one error and nothing more. */
static void damaged(const GByteArray *stream, guint seed) {
    GRand *random = g_rand_new_with_seed(seed);
    for (int round = 0; round < (is_quick() ? 10 : 300); round++) {
        guint8 *copy = g_memdup2(stream->data, stream->len);
        gint count = g_rand_int_range(random, 1, 4);
        for (gint index = 0; index < count; index++) {
            copy[g_rand_int_range(random, 0, (gint)stream->len)] ^= (guint8)(1 << g_rand_int_range(random, 0, 8));
        }
        GstHarness *harness = start_decoder();
        GstBus *bus = watch(harness);
        GstFlowReturn flow = GST_FLOW_OK;
        for (gsize at = 0; at < stream->len && flow == GST_FLOW_OK; at += 5003) {
            flow = push_bytes(harness, copy + at, MIN(5003, stream->len - at));
        }
        guint errors = count_messages(bus, GST_MESSAGE_ERROR);
        CHECK(flow == GST_FLOW_OK || flow == GST_FLOW_ERROR, "seed %u, round %d", seed, round);
        CHECK(errors == (flow == GST_FLOW_ERROR), "seed %u, round %d: %u errors", seed, round, errors);
        if (flow == GST_FLOW_ERROR) {
            CHECK(push_bytes(harness, copy, 100) == GST_FLOW_ERROR);
            CHECK(count_messages(bus, GST_MESSAGE_ERROR) == 0);
        }
        GstBuffer *out;
        for (guint number = 0; (out = gst_harness_try_pull(harness)); number++) {
            check_picture(out, &info, number);
            gst_buffer_unref(out);
        }
        gst_harness_push_event(harness, gst_event_new_eos());
        unwatch(harness, bus);
        gst_harness_teardown(harness);
        g_free(copy);
    }
    g_rand_free(random);
}

/* Whoever joins later begins at a message; in profile tile at the next key frame. */
static void late_join(void) {
    static const char *const options[] = {"profile=lz4", "profile=raw", "profile=tile key-frame-interval=3"};
    for (guint index = 0; index < G_N_ELEMENTS(options); index++) {
        gsize offsets[PICTURES];
        GByteArray *stream = make_stream(options[index], offsets);
        GstHarness *harness = start_decoder();
        CHECK(push_bytes(harness, stream->data + offsets[1], stream->len - offsets[1]) == GST_FLOW_OK);
        guint first = index == 2 ? 3 : 1;
        check_pictures(harness, first, PICTURES - first);
        gst_harness_teardown(harness);
        g_byte_array_unref(stream);
    }
}

/* After a flush, and where a buffer says that bytes are missing, a message is expected, and all goes on. */
static void interrupted(const GByteArray *stream, const gsize *offsets) {
    for (int flushes = 0; flushes < 2; flushes++) {
        GstHarness *harness = start_decoder();
        CHECK(push_bytes(harness, stream->data, offsets[2] + 9) == GST_FLOW_OK);
        check_pictures(harness, 0, 2);
        if (flushes) {
            CHECK(gst_harness_push_event(harness, gst_event_new_flush_start()));
            CHECK(gst_harness_push_event(harness, gst_event_new_flush_stop(TRUE)));
            GstSegment segment;
            gst_segment_init(&segment, GST_FORMAT_BYTES);
            CHECK(gst_harness_push_event(harness, gst_event_new_segment(&segment)));
        }
        GstBuffer *buffer = gst_buffer_new_memdup(stream->data + offsets[3], stream->len - offsets[3]);
        if (!flushes) GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DISCONT);
        CHECK(gst_harness_push(harness, buffer) == GST_FLOW_OK);
        check_pictures(harness, 3, PICTURES - 3);
        gst_harness_teardown(harness);
    }
}

/* Only the stream that was asked for comes out. */
static void selected(void) {
    GByteArray *both = g_byte_array_new();
    for (int view = 0; view < 2; view++) {
        char *options = g_strdup_printf("view-id=%d", view);
        GByteArray *one = make_stream(options, NULL);
        g_byte_array_append(both, one->data, one->len);
        g_byte_array_unref(one);
        g_free(options);
    }
    GstHarness *harness = gst_harness_new_parse("lz4dec view-id=1");
    gst_harness_set_src_caps_str(harness, "application/x-framewire");
    CHECK(push_bytes(harness, both->data, both->len) == GST_FLOW_OK);
    check_pictures(harness, 0, PICTURES);
    gst_harness_teardown(harness);
    g_byte_array_unref(both);
}

/* Frames that a sink has called late are left out; without `qos` they come. */
static void late_frames(const GByteArray *stream, const gsize *offsets) {
    for (int qos = 0; qos < 2; qos++) {
        GstHarness *harness = gst_harness_new_parse(qos ? "lz4dec" : "lz4dec qos=false");
        gst_harness_set_src_caps_str(harness, "application/x-framewire");
        CHECK(push_bytes(harness, stream->data, offsets[1]) == GST_FLOW_OK);
        check_pictures(harness, 0, 1);
        /* Late by 30 ms at 0 ms: what is to be shown before 60 ms is of no use. */
        gst_harness_push_upstream_event(harness, gst_event_new_qos(GST_QOS_TYPE_UNDERFLOW, 1, 30 * GST_MSECOND, 0));
        CHECK(push_bytes(harness, stream->data + offsets[1], stream->len - offsets[1]) == GST_FLOW_OK);
        guint first = qos ? 2 : 1;
        check_pictures(harness, first, PICTURES - first);
        gst_harness_teardown(harness);
    }
}

/* Running time follows the segments of the sender; a dropped buffer before a picture changes nothing. */
static void segments(void) {
    static const struct {
        GstClockTime pts, running;
        gboolean is_discontinuous, has_segment;
    } steps[] = {
        {0, 0, FALSE, FALSE},
        {80 * GST_MSECOND, 80 * GST_MSECOND, TRUE, FALSE},
        {10 * GST_SECOND, 120 * GST_MSECOND, FALSE, TRUE},
        {10 * GST_SECOND + 40 * GST_MSECOND, 160 * GST_MSECOND, FALSE, FALSE},
    };
    GstHarness *harness = gst_harness_new_parse("lz4enc ! lz4dec");
    gst_harness_set_src_caps(harness, gst_video_info_to_caps(&info));
    for (guint index = 0; index < G_N_ELEMENTS(steps); index++) {
        if (steps[index].has_segment) {
            GstSegment segment;
            gst_segment_init(&segment, GST_FORMAT_TIME);
            segment.start = segment.time = steps[index].pts;
            segment.base = steps[index].running;
            CHECK(gst_harness_push_event(harness, gst_event_new_segment(&segment)));
        }
        GstBuffer *picture = make_picture(&info, LAYOUT_DEFAULT, index);
        GST_BUFFER_PTS(picture) = steps[index].pts;
        if (steps[index].is_discontinuous) GST_BUFFER_FLAG_SET(picture, GST_BUFFER_FLAG_DISCONT);
        CHECK(gst_harness_push(harness, picture) == GST_FLOW_OK);
        GstBuffer *out = gst_harness_pull(harness);
        CHECK(GST_BUFFER_PTS(out) == steps[index].pts);
        GstEvent *event = gst_pad_get_sticky_event(harness->sinkpad, GST_EVENT_SEGMENT, 0);
        const GstSegment *segment;
        gst_event_parse_segment(event, &segment);
        CHECK(gst_segment_to_running_time(segment, GST_FORMAT_TIME, steps[index].pts) == steps[index].running, "step %u", index);
        gst_event_unref(event);
        gst_buffer_unref(out);
    }
    gst_harness_teardown(harness);
}

/* Elements that draw into pictures get a copy: frames that come later are decoded from the first one. */
static void drawn_into(void) {
    GstHarness *harness = gst_harness_new_parse("lz4enc profile=tile ! lz4dec");
    gst_harness_set_src_caps(harness, gst_video_info_to_caps(&info));
    for (guint number = 0; number < PICTURES; number++) {
        GstBuffer *picture = make_picture(&info, LAYOUT_DEFAULT, 3);
        GST_BUFFER_PTS(picture) = number * 40 * GST_MSECOND;
        CHECK(gst_harness_push(harness, picture) == GST_FLOW_OK);
        GstBuffer *out = gst_harness_pull(harness);
        check_picture(out, &info, 3);
        out = gst_buffer_make_writable(out);
        GstMapInfo map;
        CHECK(gst_buffer_map(out, &map, GST_MAP_READWRITE));
        memset(map.data, 0x5A, map.size);
        gst_buffer_unmap(out, &map);
        gst_buffer_unref(out);
    }
    gst_harness_teardown(harness);
}

/* Pictures and messages outlive the elements that made them. */
static void outlived(void) {
    static const char *const descriptions[] = {"lz4enc profile=tile ! lz4dec", "lz4enc", "lz4enc profile=raw"};
    for (guint index = 0; index < G_N_ELEMENTS(descriptions); index++) {
        GstBuffer *kept[PICTURES + 1];
        guint count = 0;
        GstHarness *harness = gst_harness_new_parse(descriptions[index]);
        gst_harness_set_src_caps(harness, gst_video_info_to_caps(&info));
        for (guint number = 0; number < PICTURES; number++) {
            GstBuffer *picture = make_picture(&info, (layout)(number % LAYOUT_COUNT), number);
            GST_BUFFER_PTS(picture) = number * 40 * GST_MSECOND;
            CHECK(gst_harness_push(harness, picture) == GST_FLOW_OK);
            GstBuffer *out;
            while ((out = gst_harness_try_pull(harness))) kept[count++] = out;
        }
        gst_harness_teardown(harness);
        GstHarness *decoder = index > 0 ? start_decoder() : NULL;
        for (guint number = 0; number < count; number++) {
            if (decoder) CHECK(gst_harness_push(decoder, kept[number]) == GST_FLOW_OK);
            if (!decoder) check_picture(kept[number], &info, number);
            if (!decoder) gst_buffer_unref(kept[number]);
        }
        if (decoder) {
            check_pictures(decoder, 0, PICTURES);
            gst_harness_teardown(decoder);
        }
    }
}

/* Recordings are known by their first bytes, and play in decodebin from any place that asks for the beginning. */
static void found_by_type(const GByteArray *stream) {
    char *name = NULL;
    GError *error = NULL;
    int file = g_file_open_tmp("framewire-XXXXXX", &name, &error);
    CHECK(file >= 0);
    close(file);
    CHECK(g_file_set_contents(name, (const char *)stream->data, (gssize)stream->len, NULL));
    GstElement *pipeline = launch("filesrc location=%s blocksize=1000 ! decodebin ! fakesink name=out sync=false", name);
    play(pipeline);
    CHECK(await_end(pipeline, 20, NULL, NULL) == ENDED_EOS);
    for (int round = 0; round < 3; round++) {
        CHECK(gst_element_seek_simple(pipeline, GST_FORMAT_TIME, GST_SEEK_FLAG_FLUSH, 0));
        CHECK(await_end(pipeline, 20, NULL, NULL) == ENDED_EOS);
    }
    finish(pipeline);
    unlink(name);
    g_free(name);
}

int main(int argc, char **argv) {
    begin(&argc, &argv);
    CHECK(gst_video_info_set_format(&info, GST_VIDEO_FORMAT_RGBA, 83, 41));
    info.fps_n = 25;
    gsize offsets[PICTURES];
    GByteArray *stream = make_stream("profile=lz4 checksum=true", offsets);
    chopped(stream);
    in_many_memories(stream);
    truncated(stream, offsets);
    damaged(stream, 20261121);
    late_join();
    interrupted(stream, offsets);
    selected();
    segments();
    drawn_into();
    outlived();
    late_frames(stream, offsets);
    found_by_type(stream);
    g_byte_array_unref(stream);
    stream = make_stream("profile=tile checksum=true", offsets);
    chopped(stream);
    damaged(stream, 42);
    g_byte_array_unref(stream);
    return end();
}
