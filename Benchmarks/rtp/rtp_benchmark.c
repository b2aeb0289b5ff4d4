/*
 * H.264 to RTP packets, and to a socket of the loopback interface: rtph264pay and udpsink of GStreamer beside
 * fw_rtp_h264_payloader and fw_udp_sink, in one process and one run, both through C.
 *
 *   rtp_benchmark [--rounds N] [--mtu N]
 *
 * The access units are of the size of those of 1080p: one of 150 KB, then 24 of 25 KB, of random bytes without start
 * codes. GStreamer's elements are called on the caller's thread too. A thread takes the datagrams off the socket, in
 * either case. Each round all sides send the same, in turns; the figures are medians, and of the processor time of
 * the sending thread.
 *
 * SPDX-License-Identifier: MIT
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <framewire/framewire.h>
#include <gst/gst.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { UNITS = 25, KEY_BYTES = 150000, OTHER_BYTES = 25000, MAX_ROUNDS = 99, REPEATS = 8 };

static unsigned char *units[UNITS];
static size_t sizes[UNITS];
static unsigned mtu = 1400;
static guint port;
static int64_t pts;
static unsigned long gst_packets;

static void fail(const char *what) {
    fprintf(stderr, "rtp_benchmark: %s: %s\n", what, fw_last_error());
    exit(1);
}

#define OK(call)                                                                                                     \
    do {                                                                                                             \
        if ((call) != FW_OK) fail(#call);                                                                            \
    } while (0)

static double now(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void make_units(void) {
    uint64_t state = 1;
    for (int i = 0; i < UNITS; i++) {
        sizes[i] = i == 0 ? KEY_BYTES : OTHER_BYTES;
        units[i] = malloc(sizes[i]);
        memcpy(units[i], i == 0 ? "\0\0\0\1\x65" : "\0\0\0\1\x41", 5);
        for (size_t j = 5; j < sizes[i]; j++) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            units[i][j] = (unsigned char)(state >> 56);
            /* As an encoder does: no 00 00 00 to 00 00 02 in a NAL unit, and no 0 at its end. */
            if ((units[i][j - 2] == 0 && units[i][j - 1] == 0 && units[i][j] < 3) || j + 1 == sizes[i]) units[i][j] = 3;
        }
    }
}

/* GStreamer: a pad of ours before rtph264pay, and one behind it, or udpsink. */
static GstElement *pipeline;
static GstPad *gst_source, *gst_end;

static GstFlowReturn take_buffer(GstPad *pad, GstObject *parent, GstBuffer *buffer) {
    (void)pad, (void)parent;
    gst_packets++;
    gst_buffer_unref(buffer);
    return GST_FLOW_OK;
}

static GstFlowReturn take_list(GstPad *pad, GstObject *parent, GstBufferList *list) {
    (void)pad, (void)parent;
    gst_packets += gst_buffer_list_length(list);
    gst_buffer_list_unref(list);
    return GST_FLOW_OK;
}

static gboolean take_event(GstPad *pad, GstObject *parent, GstEvent *event) {
    (void)pad, (void)parent;
    gst_event_unref(event);
    return TRUE;
}

static void open_gst(int sends) {
    GstElement *payloader = gst_element_factory_make("rtph264pay", NULL);
    GstPad *pad;
    GstSegment segment;
    GstCaps *caps = gst_caps_from_string("video/x-h264,stream-format=byte-stream,alignment=au");
    if (payloader == NULL) fail("there is no rtph264pay");
    pipeline = gst_pipeline_new(NULL);
    g_object_set(payloader, "mtu", mtu, NULL);
    gst_bin_add(GST_BIN(pipeline), payloader);
    if (sends) {
        GstElement *sink = gst_element_factory_make("udpsink", NULL);
        if (sink == NULL) fail("there is no udpsink");
        g_object_set(sink, "host", "127.0.0.1", "port", (gint)port, "sync", FALSE, "async", FALSE, NULL);
        gst_bin_add(GST_BIN(pipeline), sink);
        gst_element_link(payloader, sink);
        gst_end = NULL;
    } else {
        gst_end = gst_pad_new("end", GST_PAD_SINK);
        gst_pad_set_chain_function(gst_end, take_buffer);
        gst_pad_set_chain_list_function(gst_end, take_list);
        gst_pad_set_event_function(gst_end, take_event);
        gst_pad_set_active(gst_end, TRUE);
        pad = gst_element_get_static_pad(payloader, "src");
        gst_pad_link(pad, gst_end);
        gst_object_unref(pad);
    }
    gst_source = gst_pad_new("source", GST_PAD_SRC);
    gst_pad_set_active(gst_source, TRUE);
    pad = gst_element_get_static_pad(payloader, "sink");
    if (gst_pad_link(gst_source, pad) != GST_PAD_LINK_OK) fail("gst_pad_link");
    gst_object_unref(pad);
    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    gst_pad_push_event(gst_source, gst_event_new_stream_start("benchmark"));
    gst_pad_push_event(gst_source, gst_event_new_caps(caps));
    gst_segment_init(&segment, GST_FORMAT_TIME);
    gst_pad_push_event(gst_source, gst_event_new_segment(&segment));
    gst_caps_unref(caps);
}

static void run_gst(void) {
    for (int i = 0; i < UNITS; i++) {
        GstBuffer *unit = gst_buffer_new_wrapped_full(GST_MEMORY_FLAG_READONLY, units[i], sizes[i], 0, sizes[i], NULL, NULL);
        GST_BUFFER_PTS(unit) = (GstClockTime)pts;
        if (gst_pad_push(gst_source, unit) != GST_FLOW_OK) fail("gst_pad_push");
        pts += 40000000;
    }
}

static void close_gst(void) {
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(gst_source);
    if (gst_end != NULL) gst_object_unref(gst_end);
    gst_object_unref(pipeline);
}

/* Framewire. */
static fw_rtp_h264_payloader *payloader;
static fw_udp_sink *sink;

static void open_fw(int sends, fw_udp_segmentation segmentation) {
    fw_rtp_h264_options options = FW_RTP_H264_OPTIONS_INIT;
    fw_udp_sink_options sink_options = FW_UDP_SINK_OPTIONS_INIT;
    char url[64];
    options.mtu = mtu;
    OK(fw_rtp_h264_payloader_new(&options, &payloader));
    sink_options.segmentation = segmentation;
    snprintf(url, sizeof url, "udp://127.0.0.1:%u", port);
    sink = NULL;
    if (sends) OK(fw_udp_sink_open(url, &sink_options, &sink));
}

static void run_fw(void) {
    for (int i = 0; i < UNITS; i++) {
        fw_buffer *unit;
        fw_buffer_list *packets;
        OK(fw_buffer_new_wrapped(units[i], sizes[i], 0, sizes[i], FW_MEMORY_FLAG_READ_ONLY, NULL, NULL, &unit));
        OK(fw_buffer_set_pts(unit, pts));
        OK(fw_rtp_h264_payloader_payload(payloader, unit, &packets));
        fw_buffer_unref(unit);
        if (sink != NULL) OK(fw_udp_sink_send(sink, packets));
        fw_buffer_list_unref(packets);
        pts += 40000000;
    }
}

static void close_fw(void) {
    fw_udp_sink_close(sink);
    fw_rtp_h264_payloader_free(payloader);
}

/* The other end. */
static int receiver;
static volatile int is_over;
static volatile unsigned long received;

static void *drain(void *none) {
    static unsigned char bytes[64][2048];
    struct mmsghdr messages[64];
    struct iovec vectors[64];
    (void)none;
    memset(messages, 0, sizeof messages);
    for (int i = 0; i < 64; i++) {
        vectors[i].iov_base = bytes[i];
        vectors[i].iov_len = sizeof bytes[i];
        messages[i].msg_hdr.msg_iov = &vectors[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    while (!is_over) {
        int count = recvmmsg(receiver, messages, 64, MSG_WAITFORONE, NULL);
        if (count > 0) received += (unsigned long)count;
    }
    return NULL;
}

static void open_receiver(void) {
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    struct timeval patience = {0, 100000};
    int room = 1 << 22;
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    receiver = socket(AF_INET, SOCK_DGRAM, 0);
    if (receiver < 0 || bind(receiver, (struct sockaddr *)&address, sizeof address) != 0 ||
        getsockname(receiver, (struct sockaddr *)&address, &size) != 0)
        fail("the receiving socket");
    setsockopt(receiver, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    setsockopt(receiver, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    port = ntohs(address.sin_port);
}

typedef struct side {
    const char *name;
    int is_gst, sends;
    fw_udp_segmentation segmentation;
    double cpu[MAX_ROUNDS], wall[MAX_ROUNDS];
    unsigned long packets, arrived;
} side;

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

int main(int argc, char **argv) {
    static side sides[] = {
        {.name = "rtph264pay", .is_gst = 1},
        {.name = "fw_rtp_h264_payloader"},
        {.name = "rtph264pay ! udpsink", .is_gst = 1, .sends = 1},
        {.name = "payloader, sink", .sends = 1},
        {.name = "the same without UDP_SEGMENT", .sends = 1, .segmentation = FW_UDP_SEGMENTATION_OFF},
    };
    enum { SIDES = sizeof sides / sizeof *sides };
    int rounds = 21;
    unsigned long per_run = 0;
    pthread_t thread;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--rounds") == 0 && i + 1 < argc) rounds = atoi(argv[++i]);
        else if (strcmp(argv[i], "--mtu") == 0 && i + 1 < argc) mtu = (unsigned)atoi(argv[++i]);
        else rounds = 0;
    }
    if (rounds < 1 || rounds > MAX_ROUNDS) {
        fprintf(stderr, "usage: rtp_benchmark [--rounds 1..%d] [--mtu N]\n", MAX_ROUNDS);
        return 2;
    }
    gst_init(NULL, NULL);
    make_units();
    open_receiver();
    pthread_create(&thread, NULL, drain, NULL);
    for (int round = 0; round < rounds; round++) {
        for (int turn = 0; turn < SIDES; turn++) {
            side *s = &sides[(turn + round) % SIDES];
            double cpu, wall;
            unsigned long before = received;
            if (s->is_gst) open_gst(s->sends);
            else open_fw(s->sends, s->segmentation);
            gst_packets = 0;
            /* The first one fills pools. */
            if (s->is_gst) run_gst();
            else run_fw();
            if (s->is_gst && !s->sends) per_run = gst_packets;
            cpu = now(CLOCK_THREAD_CPUTIME_ID);
            wall = now(CLOCK_MONOTONIC);
            for (int i = 0; i < REPEATS; i++) {
                if (s->is_gst) run_gst();
                else run_fw();
            }
            s->cpu[round] = now(CLOCK_THREAD_CPUTIME_ID) - cpu;
            s->wall[round] = now(CLOCK_MONOTONIC) - wall;
            if (!s->is_gst) {
                fw_rtp_h264_stats stats = FW_RTP_H264_STATS_INIT;
                OK(fw_rtp_h264_payloader_get_stats(payloader, &stats));
                s->packets = (unsigned long)stats.packets / (REPEATS + 1);
                if (stats.payload_bytes_copied != 0) fail("bytes were copied");
            }
            if (s->is_gst) close_gst();
            else close_fw();
            s->arrived += received - before;
        }
    }
    is_over = 1;
    pthread_join(thread, NULL);
    printf("%-30s %14s %14s %12s %8s %9s\n", "", "packets/s", "of CPU time", "ns a packet", "x gst", "arrived");
    for (int i = 0; i < SIDES; i++) {
        side *s = &sides[i];
        double packets = (double)per_run * REPEATS, reference;
        unsigned long sent = per_run * (REPEATS + 1) * (unsigned long)rounds;
        if (!s->is_gst && s->packets != per_run) fail("the sides made different numbers of packets");
        qsort(s->cpu, (size_t)rounds, sizeof(double), compare);
        qsort(s->wall, (size_t)rounds, sizeof(double), compare);
        reference = sides[s->sends ? 2 : 0].cpu[rounds / 2];
        printf("%-30s %14.0f %14.0f %12.0f %8.2f", s->name, packets / s->wall[rounds / 2], packets / s->cpu[rounds / 2],
               s->cpu[rounds / 2] / packets * 1e9, reference / s->cpu[rounds / 2]);
        if (s->sends) printf(" %8.1f%%", 100.0 * (double)s->arrived / (double)sent);
        printf("\n");
    }
    return 0;
}
