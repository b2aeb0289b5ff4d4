/*
 * One side of a measurement: pictures of a file into a pipeline, or out of one.
 *
 *   bench source FILE WIDTH HEIGHT SECONDS DESCRIPTION     pushes the RGBA pictures of FILE in a circle into `in`
 *   bench sink DESCRIPTION PORT-FILE                       counts what `out` gets; `src` has a `current-port`
 *
 * `in` is an appsrc, `out` a fakesink.
 *
 * Prints `name value` lines: frames, seconds (from the first to the last), cpu (seconds of this process).
 */
#include <gst/app/gstappsrc.h>
#include <gst/gst.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static guint64 frames;
static gint64 first, last;

static void fail(const char *what, const char *why) {
    fprintf(stderr, "bench: %s: %s\n", what, why);
    exit(1);
}

static GstElement *launch(const char *description) {
    GError *error = NULL;
    GstElement *pipeline = gst_parse_launch(description, &error);
    if (!pipeline || error) fail(description, error ? error->message : "no pipeline");
    return pipeline;
}

static void await_end(GstElement *pipeline) {
    GstBus *bus = gst_element_get_bus(pipeline);
    GstMessage *message = gst_bus_timed_pop_filtered(bus, 120 * GST_SECOND, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
    if (!message) fail("pipeline", "no end within two minutes");
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) {
        GError *error = NULL;
        gst_message_parse_error(message, &error, NULL);
        fail("pipeline", error->message);
    }
    gst_message_unref(message);
    gst_object_unref(bus);
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(pipeline);
}

static void report(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("frames %" G_GUINT64_FORMAT "\nseconds %.6f\ncpu %.6f\n", frames, (double)(last - first) / 1e6,
           (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) + (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
}

static void note(void) {
    last = g_get_monotonic_time();
    if (frames++ == 0) first = last;
}

static void source(char **argv) {
    gsize width = (gsize)atoi(argv[3]), height = (gsize)atoi(argv[4]), size = width * height * 4, length = 0;
    char *pictures = NULL;
    if (!g_file_get_contents(argv[2], &pictures, &length, NULL) || length < size) fail(argv[2], "has no whole picture");
    GstElement *pipeline = launch(argv[6]);
    GstAppSrc *in = GST_APP_SRC(gst_bin_get_by_name(GST_BIN(pipeline), "in"));
    GstCaps *caps = gst_caps_new_simple("video/x-raw", "format", G_TYPE_STRING, "RGBA", "width", G_TYPE_INT, (int)width, "height",
                                        G_TYPE_INT, (int)height, "framerate", GST_TYPE_FRACTION, 60, 1, NULL);
    g_object_set(in, "caps", caps, "format", GST_FORMAT_TIME, "block", TRUE, "max-buffers", (guint64)2, "max-bytes", (guint64)0, NULL);
    gst_caps_unref(caps);
    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    gint64 end = g_get_monotonic_time() + (gint64)(atof(argv[5]) * 1e6);
    while (g_get_monotonic_time() < end) {
        gsize offset = frames % (length / size) * size;
        GstBuffer *buffer = gst_buffer_new_wrapped_full(GST_MEMORY_FLAG_READONLY, pictures + offset, size, 0, size, NULL, NULL);
        GST_BUFFER_PTS(buffer) = frames * GST_SECOND / 60;
        GST_BUFFER_DURATION(buffer) = GST_SECOND / 60;
        note();
        if (gst_app_src_push_buffer(in, buffer) != GST_FLOW_OK) fail("source", "a picture was not taken");
    }
    gst_app_src_end_of_stream(in);
    gst_object_unref(in);
    await_end(pipeline);
    g_free(pictures);
}

static void count(GstElement *sink, GstBuffer *buffer, GstPad *pad, gpointer user) {
    (void)sink, (void)buffer, (void)pad, (void)user;
    note();
}

static void sink(char **argv) {
    GstElement *pipeline = launch(argv[2]);
    GstElement *out = gst_bin_get_by_name(GST_BIN(pipeline), "out"), *src = gst_bin_get_by_name(GST_BIN(pipeline), "src");
    g_object_set(out, "signal-handoffs", TRUE, "sync", FALSE, NULL);
    g_signal_connect(out, "handoff", G_CALLBACK(count), NULL);
    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    GValue port = G_VALUE_INIT;
    g_object_get_property(G_OBJECT(src), "current-port", g_value_init(&port, G_TYPE_INT64));
    char *text = g_strdup_printf("%" G_GINT64_FORMAT "\n", g_value_get_int64(&port));
    if (!g_file_set_contents(argv[3], text, -1, NULL)) fail(argv[3], "cannot be written");
    g_free(text);
    gst_object_unref(out);
    gst_object_unref(src);
    await_end(pipeline);
}

int main(int argc, char **argv) {
    gst_init(&argc, &argv);
    if (argc == 7 && strcmp(argv[1], "source") == 0) {
        source(argv);
    } else if (argc == 4 && strcmp(argv[1], "sink") == 0) {
        sink(argv);
    } else {
        fail("usage", "see the head of bench.c");
    }
    report();
    return 0;
}
