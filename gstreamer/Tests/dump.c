/*
 * Plays a pipeline and writes what its element `out`, a fakesink, gets: rows packed, one picture after another.
 *
 *   dump FILE DESCRIPTION [PORT-FILE]
 *   dump DESCRIPTION                     only builds it; elements that are not installed are no failure
 *
 * PORT-FILE gets the `current-port` of the element `src` once it plays. Prints the caps whenever they change. Exits
 * with 1 for an error or when the stream does not end within a minute.
 */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>

static FILE *file;
static GstCaps *last;

static void write_picture(GstElement *sink, GstBuffer *buffer, GstPad *pad, gpointer user) {
    (void)sink;
    (void)user;
    GstCaps *caps = gst_pad_get_current_caps(pad);
    if (!last || !gst_caps_is_equal(caps, last)) {
        char *text = gst_caps_to_string(caps);
        puts(text);
        g_free(text);
        gst_caps_replace(&last, caps);
    }
    GstVideoInfo info;
    GstVideoFrame frame;
    CHECK(gst_video_info_from_caps(&info, caps));
    gst_caps_unref(caps);
    CHECK(gst_video_frame_map(&frame, &info, buffer, GST_MAP_READ));
    for (guint plane = 0; plane < GST_VIDEO_FRAME_N_PLANES(&frame); plane++) {
        int row_bytes = 0, rows = 0;
        plane_extent(&info, plane, &row_bytes, &rows);
        for (int row = 0; row < rows; row++) {
            const guint8 *bytes =
                (const guint8 *)GST_VIDEO_FRAME_PLANE_DATA(&frame, plane) + row * GST_VIDEO_FRAME_PLANE_STRIDE(&frame, plane);
            CHECK(fwrite(bytes, 1, (size_t)row_bytes, file) == (size_t)row_bytes);
        }
    }
    gst_video_frame_unmap(&frame);
}

int main(int argc, char **argv) {
    begin(&argc, &argv);
    CHECK(argc >= 2, "dump FILE DESCRIPTION [PORT-FILE]");
    if (argc == 2) {
        GError *error = NULL;
        GstElement *built = gst_parse_launch(argv[1], &error);
        CHECK(!error || g_error_matches(error, GST_PARSE_ERROR, GST_PARSE_ERROR_NO_SUCH_ELEMENT), "%s", error->message);
        g_clear_error(&error);
        if (built) gst_object_unref(built);
        return end();
    }
    file = fopen(argv[1], "wb");
    CHECK(file, "%s", argv[1]);
    GstElement *pipeline = launch("%s", argv[2]);
    GstElement *sink = gst_bin_get_by_name(GST_BIN(pipeline), "out");
    g_object_set(sink, "signal-handoffs", TRUE, "sync", FALSE, NULL);
    g_signal_connect(sink, "handoff", G_CALLBACK(write_picture), NULL);
    gst_object_unref(sink);
    play(pipeline);
    if (argc > 3) {
        GstElement *source = gst_bin_get_by_name(GST_BIN(pipeline), "src");
        GValue port = G_VALUE_INIT;
        g_object_get_property(G_OBJECT(source), "current-port", g_value_init(&port, G_TYPE_INT64));
        char *text = g_strdup_printf("%" G_GINT64_FORMAT "\n", g_value_get_int64(&port));
        CHECK(g_file_set_contents(argv[3], text, -1, NULL));
        g_free(text);
        gst_object_unref(source);
    }
    char *sentence = NULL;
    ending ending = await_end(pipeline, 60, &sentence, NULL);
    CHECK(ending == ENDED_EOS, "%s", sentence ? sentence : "the stream did not end");
    finish(pipeline);
    gst_caps_replace(&last, NULL);
    CHECK(fclose(file) == 0);
    return end();
}
