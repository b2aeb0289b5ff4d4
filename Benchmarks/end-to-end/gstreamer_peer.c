/*
 * Both sides of GStreamer's TCP elements: `gstreamer_peer source|sink --way raw|gdp …`, see bench.h.
 *
 *   raw   appsrc ! tcpclientsink        tcpserversrc ! rawvideoparse ! appsink
 *   gdp   appsrc ! gdppay ! …           tcpserversrc ! gdpdepay ! appsink
 *
 * As with Framewire the source takes a picture when the pipeline takes one, or at --fps with a queue of two frames that drops the
 * older one.
 *
 * SPDX-License-Identifier: MIT
 */
#include "bench.h"

#include <errno.h>
#include <gst/gst.h>
#include <stdio.h>
#include <string.h>

static GstElement *launch(const char *description) {
    GError *error = NULL;
    GstElement *pipeline = gst_parse_launch(description, &error);
    errno = 0;
    if (error) die(error->message);
    if (gst_element_set_state(pipeline, GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE) die("the pipeline does not start");
    return pipeline;
}

static void run_source(const arguments *a) {
    pictures p = load_pictures(a->file, a->limit, a->mirrors != 0);
    char description[1024];
    GstFlowReturn flow = GST_FLOW_OK;
    uint64_t taken = 0;
    int64_t due = 0, capture, end;
    begin_source();
    snprintf(description, sizeof description,
             "appsrc name=source format=time %s caps=video/x-raw,format=RGBA,width=%u,height=%u,framerate=60/1 ! %s "
             "tcpclientsink host=%s port=%s sync=false",
             a->fps ? "leaky-type=downstream max-bytes=0 max-buffers=2" : "block=true max-bytes=0 max-buffers=1", p.width, p.height,
             strcmp(a->way, "gdp") ? "" : "gdppay !", a->host, a->port);
    GstElement *pipeline = launch(description), *source = gst_bin_get_by_name(GST_BIN(pipeline), "source");
    GstBufferPool *pool = gst_buffer_pool_new();
    GstStructure *config = gst_buffer_pool_get_config(pool);
    gst_buffer_pool_config_set_params(config, NULL, (guint)p.size, 0, 0);
    gst_buffer_pool_set_config(pool, config);
    gst_buffer_pool_set_active(pool, TRUE);
    end = now_ns() + a->seconds * SECOND;
    while (flow == GST_FLOW_OK && (capture = next_capture(&due, a->fps)) < end) {
        GstBuffer *buffer;
        GstMapInfo map;
        if (gst_buffer_pool_acquire_buffer(pool, &buffer, NULL) != GST_FLOW_OK) die("no buffer");
        gst_buffer_map(buffer, &map, GST_MAP_WRITE);
        take_picture(&p, taken, capture, map.data);
        gst_buffer_unmap(buffer, &map);
        GST_BUFFER_PTS(buffer) = (GstClockTime)taken++ * GST_SECOND / 60;
        g_signal_emit_by_name(source, "push-buffer", buffer, &flow);
        gst_buffer_unref(buffer);
    }
    g_signal_emit_by_name(source, "end-of-stream", &flow);
    GstBus *bus = gst_element_get_bus(pipeline);
    GstMessage *message = gst_bus_timed_pop_filtered(bus, 30 * GST_SECOND, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
    errno = 0;
    if (!message || GST_MESSAGE_TYPE(message) != GST_MESSAGE_EOS) die("the pipeline did not end in good order");
    gst_element_set_state(pipeline, GST_STATE_NULL);
    report_source(a->report, taken);
}

static void run_sink(const arguments *a) {
    char description[1024], parse[256];
    snprintf(parse, sizeof parse, "rawvideoparse format=rgba width=%u height=%u framerate=60/1", a->width, a->height);
    snprintf(description, sizeof description,
             "tcpserversrc host=%s port=%s ! %s ! appsink name=sink sync=false max-buffers=2", a->host, a->port,
             strcmp(a->way, "gdp") ? parse : "gdpdepay");
    GstElement *pipeline = launch(description), *sink = gst_bin_get_by_name(GST_BIN(pipeline), "sink");
    for (;;) {
        GstSample *sample = NULL;
        GstMapInfo map;
        g_signal_emit_by_name(sink, "pull-sample", &sample);
        if (!sample) break;
        GstBuffer *buffer = gst_sample_get_buffer(sample);
        gst_buffer_map(buffer, &map, GST_MAP_READ);
        picture_arrived(map.data, map.size);
        gst_buffer_unmap(buffer, &map);
        gst_sample_unref(sample);
    }
    report_sink(a->report);
    gst_element_set_state(pipeline, GST_STATE_NULL);
}

int main(int count, char **words) {
    arguments a = parse_arguments(count, words);
    gst_init(NULL, NULL);
    if (!strcmp(a.role, "source")) run_source(&a);
    else run_sink(&a);
    return 0;
}
