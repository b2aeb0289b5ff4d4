/* framewiresink and framewiresrc, with each other and with GStreamer's own network elements. */
#include "support.h"

#include <gio/gio.h>
#include <gst/app/gstappsrc.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static const GstVideoFormat formats[] = {
    GST_VIDEO_FORMAT_RGBA,  GST_VIDEO_FORMAT_BGRA,      GST_VIDEO_FORMAT_RGBx,       GST_VIDEO_FORMAT_BGRx,
    GST_VIDEO_FORMAT_RGB,   GST_VIDEO_FORMAT_BGR,       GST_VIDEO_FORMAT_GRAY8,      GST_VIDEO_FORMAT_GRAY16_LE,
    GST_VIDEO_FORMAT_NV12,  GST_VIDEO_FORMAT_RGB10A2_LE, GST_VIDEO_FORMAT_RGBA64_LE, GST_VIDEO_FORMAT_I420,
};
enum { SIZES = 3, TOTAL = (int)G_N_ELEMENTS(formats) * LAYOUT_COUNT * SIZES, INTERVAL_MS = 20 };
static const int sizes[SIZES][2] = {{323, 241}, {64, 48}, {31, 7}};

/* What picture `number` of a run through everything is. */
static GstVideoInfo info_of(guint number) {
    GstVideoInfo info;
    guint format = number / (LAYOUT_COUNT * SIZES), size = number / LAYOUT_COUNT % SIZES;
    CHECK(gst_video_info_set_format(&info, formats[format], (guint)sizes[size][0], (guint)sizes[size][1]));
    info.fps_n = 1000 / INTERVAL_MS;
    return info;
}

/* What has come out of a receiving pipeline. */
typedef struct received {
    GMutex mutex;
    guint count;
    gint64 first, last; /* numbers of pictures */
    GstClockTime running; /* of the last one */
    gboolean any_order;   /* pictures may be missing or begin anew */
} received;

static void look(GstElement *sink, GstBuffer *buffer, GstPad *pad, gpointer user) {
    (void)sink;
    received *to = user;
    guint number = (guint)(GST_BUFFER_PTS(buffer) / (INTERVAL_MS * GST_MSECOND));
    GstVideoInfo info = info_of(number % TOTAL);
    check_picture(buffer, &info, number % TOTAL);
    CHECK(GST_BUFFER_DURATION(buffer) == INTERVAL_MS * (GstClockTime)GST_MSECOND);
    GstCaps *caps = gst_pad_get_current_caps(pad);
    check_caps(caps, &info);
    gst_caps_unref(caps);
    GstEvent *event = gst_pad_get_sticky_event(pad, GST_EVENT_SEGMENT, 0);
    const GstSegment *segment;
    gst_event_parse_segment(event, &segment);
    GstClockTime running = gst_segment_to_running_time(segment, GST_FORMAT_TIME, GST_BUFFER_PTS(buffer));
    gst_event_unref(event);
    g_mutex_lock(&to->mutex);
    CHECK(running != GST_CLOCK_TIME_NONE);
    CHECK(to->count == 0 || running >= to->running, "running time goes back at picture %u", number);
    CHECK(to->any_order || to->count == number, "picture %u came as number %u", number, to->count);
    if (to->count++ == 0) to->first = number;
    to->last = number;
    to->running = running;
    g_mutex_unlock(&to->mutex);
}

static guint count_of(received *from) {
    g_mutex_lock(&from->mutex);
    guint count = from->count;
    g_mutex_unlock(&from->mutex);
    return count;
}

static void attach(GstElement *pipeline, received *to) {
    memset(to, 0, sizeof *to);
    g_mutex_init(&to->mutex);
    to->first = to->last = -1;
    GstElement *sink = gst_bin_get_by_name(GST_BIN(pipeline), "out");
    g_object_set(sink, "signal-handoffs", TRUE, "sync", FALSE, NULL);
    g_signal_connect(sink, "handoff", G_CALLBACK(look), to);
    gst_object_unref(sink);
}

static void push_picture(GstElement *pipeline, guint number) {
    GstAppSrc *source = GST_APP_SRC(gst_bin_get_by_name(GST_BIN(pipeline), "in"));
    GstVideoInfo info = info_of(number % TOTAL);
    GstCaps *caps = gst_video_info_to_caps(&info);
    gst_app_src_set_caps(source, caps);
    gst_caps_unref(caps);
    GstBuffer *buffer = make_picture(&info, (layout)(number % LAYOUT_COUNT), number % TOTAL);
    GST_BUFFER_PTS(buffer) = number * INTERVAL_MS * GST_MSECOND;
    GST_BUFFER_DURATION(buffer) = INTERVAL_MS * GST_MSECOND;
    CHECK(gst_app_src_push_buffer(source, buffer) == GST_FLOW_OK);
    gst_object_unref(source);
}

static void end_of_pictures(GstElement *pipeline) {
    GstAppSrc *source = GST_APP_SRC(gst_bin_get_by_name(GST_BIN(pipeline), "in"));
    gst_app_src_end_of_stream(source);
    gst_object_unref(source);
}

/* Conditions to wait for. */
typedef struct goal {
    received *got;
    guint count;
    GstElement *pipeline;
    guint number; /* of the picture that is pushed next */
    guint64 value;
} goal;

static gboolean have_come(gpointer user) { return count_of(((goal *)user)->got) >= ((goal *)user)->count; }

static gboolean have_come_pushing(gpointer user) {
    push_picture(((goal *)user)->pipeline, ((goal *)user)->number++);
    return have_come(user);
}

static gboolean has_failed(gpointer user) { return get_stat(((goal *)user)->pipeline, "src", "errors") == 1; }

static gboolean has_delivered(gpointer user) {
    return get_stat(((goal *)user)->pipeline, "src", "frames-delivered") == ((goal *)user)->count;
}

static gboolean is_connected(gpointer pipeline) { return get_stat(pipeline, "src", "connections") > 0; }

/* Whether no picture has gone anywhere for a while. */
static gboolean is_stuck(gpointer user) {
    goal *goal = user;
    guint64 now = get_stat(goal->pipeline, "sink", "frames-pushed");
    gboolean same = now > 0 && now == goal->value;
    goal->value = now;
    if (!same) g_usleep(50000);
    return same;
}

static GstElement *start_receiver(const char *properties, received *to) {
    GstElement *pipeline = launch("framewiresrc name=src %s ! fakesink name=out", properties);
    attach(pipeline, to);
    play(pipeline);
    return pipeline;
}

static GstElement *start_sender(guint port, const char *properties) {
    GstElement *pipeline = launch(
        "appsrc name=in format=time max-buffers=8 block=true ! framewiresink name=sink sync=false overflow=block "
        "uri=tcp://127.0.0.1:%u %s", port, properties);
    play(pipeline);
    return pipeline;
}

/* Every format, size and layout over one connection, in each profile. */
static void everything(void) {
    static const char *const profiles[] = {"profile=auto", "profile=raw", "profile=lz4 checksum=true", "profile=tile"};
    for (guint profile = 0; profile < (is_quick() ? 1 : G_N_ELEMENTS(profiles)); profile++) {
        received got;
        GstElement *receiver = start_receiver("uri=tcp://127.0.0.1:0 once=true", &got);
        GstElement *sender = start_sender(get_uint(receiver, "src", "current-port"), profiles[profile]);
        guint total = is_quick() ? 40 : TOTAL;
        for (guint number = 0; number < total; number++) push_picture(sender, number);
        end_of_pictures(sender);
        CHECK(await_end(sender, 20, NULL, NULL) == ENDED_EOS);
        CHECK(await_end(receiver, 20, NULL, NULL) == ENDED_EOS);
        CHECK(count_of(&got) == total);
        CHECK(get_stat(receiver, "src", "frames-received") == total);
        CHECK(get_stat(sender, "sink", "frames-sent") == total);
        finish(sender);
        finish(receiver);
    }
}

/* Senders come and go; the receiver goes on, and its running time with it. */
static void senders_restart(void) {
    received got;
    GstElement *receiver = start_receiver("uri=tcp://127.0.0.1:0", &got);
    got.any_order = TRUE;
    for (guint round = 1; round <= 3; round++) {
        GstElement *sender = start_sender(get_uint(receiver, "src", "current-port"), "");
        for (guint number = 0; number < 5; number++) push_picture(sender, number);
        end_of_pictures(sender);
        CHECK(await_end(sender, 20, NULL, NULL) == ENDED_EOS);
        finish(sender);
    }
    await(have_come, &(goal){.got = &got, .count = 15});
    /* Each began behind the end of the one before. */
    CHECK(got.running >= 14 * INTERVAL_MS * (GstClockTime)GST_MSECOND);
    CHECK(await_end(receiver, 0, NULL, NULL) == ENDED_TIMEOUT);
    finish(receiver);
}

/* A sender that connects keeps trying while receivers come and go. */
static void receivers_restart(void) {
    received got;
    GstElement *receiver = start_receiver("uri=tcp://127.0.0.1:0 once=true", &got);
    guint port = get_uint(receiver, "src", "current-port");
    char *properties = g_strdup_printf("uri=tcp://127.0.0.1:%u once=true", port);
    GstElement *sender = start_sender(port, "reconnect=always overflow=drop-oldest");
    goal some = {.got = &got, .count = 5, .pipeline = sender};
    for (int round = 0; round < 3; round++) {
        if (round > 0) receiver = start_receiver(properties, &got);
        got.any_order = TRUE;
        await(have_come_pushing, &some);
        finish(receiver);
    }
    g_free(properties);
    finish(sender);
}

/* A sender that listens serves receivers that join at any time, each from a picture on. */
static void late_join(void) {
    received got[3];
    GstElement *receivers[3];
    GstElement *sender = start_sender(0, "uri=tcp://127.0.0.1:0?listen=1 overflow=drop-oldest");
    char *properties =
        g_strdup_printf("uri=tcp://127.0.0.1:%u?connect=1 once=true", get_uint(sender, "sink", "current-port"));
    goal some = {.count = 3, .pipeline = sender};
    for (int index = 0; index < 3; index++) {
        receivers[index] = start_receiver(properties, &got[index]);
        got[index].any_order = TRUE;
        some.got = &got[index];
        await(have_come_pushing, &some);
    }
    end_of_pictures(sender);
    CHECK(await_end(sender, 20, NULL, NULL) == ENDED_EOS);
    for (int index = 0; index < 3; index++) {
        CHECK(await_end(receivers[index], 20, NULL, NULL) == ENDED_EOS);
        CHECK(index == 0 || got[index].first > got[index - 1].first);
        finish(receivers[index]);
    }
    finish(sender);
    g_free(properties);
}

/* What cannot work says why, in one sentence. */
static void refusals(void) {
    static const char *const descriptions[] = {
        "videotestsrc ! framewiresink uri=tcp://127.0.0.1:1",
        "videotestsrc ! framewiresink uri=nonsense",
        "videotestsrc ! framewiresink uri=tls://127.0.0.1:1 tls-certificate=/nowhere",
        "framewiresrc uri=http://127.0.0.1:1 ! fakesink",
        "framewiresrc uri=file:///nowhere/at/all ! fakesink",
        "framewiresrc uri=tcp://127.0.0.1:1?connect=1 ! fakesink",
        "framewiresrc uri=tls://127.0.0.1:0 ! fakesink",
        "framewiresrc uri=file:///proc/self/exe ! fakesink",
    };
    for (guint index = 0; index < G_N_ELEMENTS(descriptions); index++) {
        GstElement *pipeline = launch("%s", descriptions[index]);
        char *sentence = NULL;
        gst_element_set_state(pipeline, GST_STATE_PLAYING);
        CHECK(await_end(pipeline, 20, &sentence, NULL) == ENDED_ERROR, "%s", descriptions[index]);
        CHECK(sentence && strlen(sentence) > 15, "%s: %s", descriptions[index], sentence);
        g_free(sentence);
        finish(pipeline);
    }
}

static void send_bytes(guint port, const guint8 *bytes, gsize size) {
    GSocketClient *client = g_socket_client_new();
    GSocketConnection *connection = g_socket_client_connect_to_host(client, "127.0.0.1", (guint16)port, NULL, NULL);
    CHECK(connection);
    CHECK(g_output_stream_write_all(g_io_stream_get_output_stream(G_IO_STREAM(connection)), bytes, size, NULL, NULL, NULL));
    g_io_stream_close(G_IO_STREAM(connection), NULL, NULL);
    g_object_unref(connection);
    g_object_unref(client);
}

/* A stranger costs a warning where other senders may follow, else it is an error. */
static void strangers(void) {
    static const guint8 bytes[] = "GET / HTTP/1.1\r\nHost: media-server\r\n\r\n";
    received got;
    GstElement *receiver = start_receiver("uri=tcp://127.0.0.1:0 once=true", &got);
    send_bytes(get_uint(receiver, "src", "current-port"), bytes, sizeof bytes);
    char *sentence = NULL;
    CHECK(await_end(receiver, 20, &sentence, NULL) == ENDED_ERROR);
    CHECK(sentence && strlen(sentence) > 15);
    g_free(sentence);
    finish(receiver);

    receiver = start_receiver("uri=tcp://127.0.0.1:0", &got);
    guint port = get_uint(receiver, "src", "current-port");
    send_bytes(port, bytes, sizeof bytes);
    await(has_failed, &(goal){.pipeline = receiver});
    GstElement *sender = start_sender(port, "");
    for (guint number = 0; number < 5; number++) push_picture(sender, number);
    end_of_pictures(sender);
    CHECK(await_end(sender, 20, NULL, NULL) == ENDED_EOS);
    await(have_come, &(goal){.got = &got, .count = 5});
    GstBus *bus = gst_element_get_bus(receiver);
    GstMessage *message = gst_bus_pop_filtered(bus, GST_MESSAGE_WARNING);
    CHECK(message);
    gst_message_unref(message);
    gst_object_unref(bus);
    finish(sender);
    finish(receiver);
}

/* A sink that waits for a receiver that takes nothing can be stopped, paused and flushed. */
static void stopped_while_blocked(void) {
    GstElement *receiver = launch("framewiresrc name=src uri=tcp://127.0.0.1:0 queue-depth=1 ! fakesink");
    CHECK(gst_element_set_state(receiver, GST_STATE_PAUSED) != GST_STATE_CHANGE_FAILURE);
    guint port = get_uint(receiver, "src", "current-port");
    GstElement *sender = launch(
        "videotestsrc pattern=snow ! video/x-raw,format=RGBA,width=1920,height=1080 ! "
        "framewiresink name=sink sync=false overflow=block profile=raw close-timeout=0 uri=tcp://127.0.0.1:%u", port);
    play(sender);
    await(is_stuck, &(goal){.pipeline = sender});
    CHECK(gst_element_set_state(sender, GST_STATE_PAUSED) != GST_STATE_CHANGE_FAILURE);
    CHECK(gst_element_set_state(sender, GST_STATE_PLAYING) != GST_STATE_CHANGE_FAILURE);
    CHECK(gst_element_send_event(sender, gst_event_new_flush_start()));
    CHECK(gst_element_send_event(sender, gst_event_new_flush_stop(TRUE)));
    finish(sender);
    finish(receiver);
}

/* A socket that is listened on, and its port; who connects finds room for `backlog` and one more. */
static int listen_on(int backlog, guint *port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(bind(listener, (struct sockaddr *)&address, size) == 0 && listen(listener, backlog) == 0);
    CHECK(getsockname(listener, (struct sockaddr *)&address, &size) == 0);
    *port = ntohs(address.sin_port);
    return listener;
}

/* Connects without waiting for it. */
static int connect_to(guint port) {
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((guint16)port)};
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    connect(client, (struct sockaddr *)&address, sizeof address);
    return client;
}

static gboolean has_fallen_back(gpointer pad) { return GST_PAD_LAST_FLOW_RETURN((GstPad *)pad) == GST_FLOW_FLUSHING; }

/* A flush sends whoever gave the sink a picture back. */
static void flush_sink(GstElement *pipeline) {
    GstElement *sink = gst_bin_get_by_name(GST_BIN(pipeline), "sink");
    GstPad *pad = gst_element_get_static_pad(sink, "sink"), *peer = gst_pad_get_peer(pad);
    CHECK(gst_pad_send_event(pad, gst_event_new_flush_start()));
    await(has_fallen_back, peer);
    CHECK(gst_pad_send_event(pad, gst_event_new_flush_stop(TRUE)));
    gst_object_unref(peer);
    gst_object_unref(pad);
    gst_object_unref(sink);
}

/* Waits until an element says that it tries to connect. */
static void await_attempt(GstElement *pipeline) {
    GstBus *bus = gst_element_get_bus(pipeline);
    const char *state = NULL;
    while (!state || strcmp(state, "connecting") != 0) {
        GstMessage *message = gst_bus_timed_pop_filtered(bus, 20 * GST_SECOND, GST_MESSAGE_ELEMENT | GST_MESSAGE_ERROR);
        CHECK(message && GST_MESSAGE_TYPE(message) == GST_MESSAGE_ELEMENT);
        state = g_intern_string(gst_structure_get_string(gst_message_get_structure(message), "state"));
        gst_message_unref(message);
    }
    gst_object_unref(bus);
}

/* A connection that does not come about keeps nobody: not a change of state, not a flush. Else the alarm would ring. */
static void stopped_while_connecting(void) {
    guint full, nobody;
    int fillers[8], listener = listen_on(0, &full);
    for (guint index = 0; index < G_N_ELEMENTS(fillers); index++) fillers[index] = connect_to(full);
    close(listen_on(0, &nobody));
    static const char *const ends[] = {
        "videotestsrc ! video/x-raw,width=64,height=48,format=RGBA ! framewiresink name=sink overflow=block "
        "sync=false close-timeout=3600000000000 uri=tcp://127.0.0.1:%u?connect=1",
        "framewiresrc uri=tcp://127.0.0.1:%u?connect=1 ! fakesink",
    };
    alarm(60);
    for (guint end = 0; end < G_N_ELEMENTS(ends); end++) {
        for (int always = 0; always < 2; always++) {
            char *description = g_strdup_printf(ends[end], always ? nobody : full);
            char *properties = g_strdup_printf("%s connect-timeout=3600000000000",
                                               always ? " reconnect=always" : "reconnect=after-loss");
            char *marker = strstr(description, " uri=");
            *marker = 0;
            GstElement *pipeline = launch("%s %s %s", description, properties, marker + 1);
            for (int round = 0; round < 2; round++) {
                play(pipeline);
                await_attempt(pipeline);
                /* Where attempts go on for ever the sink does not wait for the first. */
                if (end == 0 && (!always || round == 1)) flush_sink(pipeline);
                CHECK(gst_element_set_state(pipeline, GST_STATE_READY) == GST_STATE_CHANGE_SUCCESS);
                CHECK(gst_element_set_state(pipeline, GST_STATE_NULL) == GST_STATE_CHANGE_SUCCESS);
            }
            finish(pipeline);
            g_free(properties);
            g_free(description);
        }
    }
    alarm(0);
    for (guint index = 0; index < G_N_ELEMENTS(fillers); index++) close(fillers[index]);
    close(listener);
}

/* Reads what comes over one connection and throws it away; ended by a signal. */
static pid_t start_reader(guint *port) {
    int listener = listen_on(1, port);
    pid_t reader = fork();
    CHECK(reader >= 0);
    if (reader == 0) {
        static char bytes[65536];
        int connection = accept(listener, NULL, NULL);
        while (read(connection, bytes, sizeof bytes) > 0) continue;
        _exit(0);
    }
    close(listener);
    return reader;
}

static gboolean has_sent(gpointer user) { return get_stat(((goal *)user)->pipeline, "sink", "frames-sent") >= 2; }

/* Nor does a receiver that was stopped, whether there are pictures left or only the goodbye. */
static void stopped_while_the_receiver_is(void) {
    static const char *const sources[] = {
        "videotestsrc pattern=snow ! video/x-raw,format=RGBA,width=1920,height=1080",
        "videotestsrc num-buffers=5 ! video/x-raw,format=RGBA,width=64,height=48",
    };
    alarm(60);
    for (guint index = 0; index < G_N_ELEMENTS(sources); index++) {
        for (int flushes = 0; flushes < 2; flushes++) {
            guint port;
            pid_t reader = start_reader(&port);
            GstElement *sender = launch(
                "%s ! framewiresink name=sink sync=false overflow=block profile=raw close-timeout=3600000000000 "
                "idle-timeout=-1 uri=tcp://127.0.0.1:%u", sources[index], port);
            if (index == 1) CHECK(kill(reader, SIGSTOP) == 0);
            play(sender);
            await(has_sent, &(goal){.pipeline = sender});
            if (index == 0) CHECK(kill(reader, SIGSTOP) == 0);
            if (index == 0) await(is_stuck, &(goal){.pipeline = sender});
            if (flushes && index == 0) flush_sink(sender);
            finish(sender);
            CHECK(kill(reader, SIGKILL) == 0 && waitpid(reader, NULL, 0) == reader);
        }
    }
    alarm(0);
}

/* Nor a sender that says half of something and then nothing. */
static void stopped_while_the_sender_is_silent(void) {
    static const guint8 half[] = {0x04, 0x22, 0x4D, 0x18, 0x60, 0x40, 0x82, 0, 0, 0, 0, 0x5F, 0x2A, 0x4D, 0x18, 0x94, 0};
    alarm(60);
    GstElement *receiver = launch("framewiresrc name=src uri=tcp://127.0.0.1:0 idle-timeout=-1 ! fakesink");
    for (int round = 0; round < 2; round++) {
        play(receiver);
        int sender = connect_to(get_uint(receiver, "src", "current-port"));
        CHECK(write(sender, half, sizeof half) == (gssize)sizeof half);
        await(is_connected, receiver);
        CHECK(gst_element_send_event(receiver, gst_event_new_flush_start()));
        CHECK(gst_element_send_event(receiver, gst_event_new_flush_stop(TRUE)));
        CHECK(gst_element_set_state(receiver, GST_STATE_READY) == GST_STATE_CHANGE_SUCCESS);
        close(sender);
    }
    finish(receiver);
    alarm(0);
}

/* Live, the latency is what the property says; times of arrival are running times. */
static void live(void) {
    GstElement *receiver = launch(
        "framewiresrc name=src uri=tcp://127.0.0.1:0 once=true is-live=true arrival-times=true latency=40000000 ! "
        "fakesink name=out sync=false");
    play(receiver);
    GstElement *sender = start_sender(get_uint(receiver, "src", "current-port"), "");
    for (guint number = 0; number < 5; number++) push_picture(sender, 1000 + number);
    await(has_delivered, &(goal){.pipeline = receiver, .count = 5});
    GstQuery *query = gst_query_new_latency();
    GstElement *source = gst_bin_get_by_name(GST_BIN(receiver), "src");
    CHECK(gst_element_query(source, query));
    gst_object_unref(source);
    gboolean is_live;
    GstClockTime least, most;
    gst_query_parse_latency(query, &is_live, &least, &most);
    CHECK(is_live && least == 40 * GST_MSECOND);
    gst_query_unref(query);
    GstElement *sink = gst_bin_get_by_name(GST_BIN(receiver), "out");
    GstSample *sample = NULL;
    end_of_pictures(sender);
    CHECK(await_end(receiver, 20, NULL, NULL) == ENDED_EOS);
    g_object_get(sink, "last-sample", &sample, NULL);
    CHECK(sample && GST_BUFFER_PTS(gst_sample_get_buffer(sample)) < 20 * (GstClockTime)GST_SECOND);
    gst_sample_unref(sample);
    gst_object_unref(sink);
    finish(sender);
    finish(receiver);
}

/* GStreamer's own network elements carry the bytes as well. */
static void foreign_elements(void) {
    received got;
    GstElement *receiver = launch("tcpserversrc name=src host=127.0.0.1 port=0 ! lz4dec ! fakesink name=out");
    attach(receiver, &got);
    play(receiver);
    GstElement *source = gst_bin_get_by_name(GST_BIN(receiver), "src");
    gint port = 0;
    g_object_get(source, "current-port", &port, NULL);
    gst_object_unref(source);
    GstElement *sender = start_sender((guint)port, "profile=lz4");
    for (guint number = 0; number < 20; number++) push_picture(sender, number);
    end_of_pictures(sender);
    CHECK(await_end(receiver, 20, NULL, NULL) == ENDED_EOS);
    CHECK(count_of(&got) == 20);
    finish(sender);
    finish(receiver);

    receiver = start_receiver("uri=tcp://127.0.0.1:0 once=true", &got);
    sender = launch(
        "appsrc name=in format=time ! lz4enc profile=tile ! tcpclientsink host=127.0.0.1 port=%u",
        get_uint(receiver, "src", "current-port"));
    play(sender);
    for (guint number = 0; number < 20; number++) push_picture(sender, number);
    end_of_pictures(sender);
    CHECK(await_end(sender, 20, NULL, NULL) == ENDED_EOS);
    finish(sender);
    CHECK(await_end(receiver, 20, NULL, NULL) == ENDED_EOS);
    CHECK(count_of(&got) == 20);
    finish(receiver);
}

int main(int argc, char **argv) {
    begin(&argc, &argv);
    everything();
    senders_restart();
    receivers_restart();
    late_join();
    refusals();
    strangers();
    stopped_while_blocked();
    stopped_while_connecting();
    stopped_while_the_receiver_is();
    stopped_while_the_sender_is_silent();
    live();
    foreign_elements();
    return end();
}
