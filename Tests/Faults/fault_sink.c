/*
 * Receives the pictures of fault_source, checks each to the bit and says how old it was.
 *
 *   fault_sink URL [option…]
 *
 *   --once 1            ends with the first connection
 *   --seconds S         ends after S seconds (60); so does SIGTERM
 *   --frames N          ends after N pictures
 *   --work MS           takes so long over each picture
 *   --policy POLICY     drop-oldest, drop-newest, block
 *   --reconnect WHEN    never, after-loss, always
 *   --max-size WxH      the limits of the receiver
 *   --idle-timeout MS   after which a silent sender is given up; keepalive is a quarter of it
 *   --max-peers N       senders at once
 *   --port-file FILE    the port, once listening
 *   --tls FOLDER        what `framewire keygen` has put there, for tls:// URLs
 *
 * Prints what becomes of connections, and a line for each picture:
 *
 *   frame INDEX age_us N key K source PID connections N at_ms N bytes N gap_ms N peer N
 *
 * age_us is the time from its capture to its delivery, gap_ms from the delivery before. At the end `end REASON frames N errors N
 * connections N refused N rss_kib N peak_kib N fds N allocated N`. Exits with 1 when a picture is not to the bit what was sent, when one comes
 * from a source twice or in the wrong order, or when the first one of a connection is no key frame.
 *
 * SPDX-License-Identifier: MIT
 */
#include "faults.h"

typedef struct settings {
    const char *url, *port_file;
    int64_t seconds, frames, work;
    fw_receiver_options options;
} settings;

static settings parse(int count, char **arguments) {
    const fw_receiver_options defaults = FW_RECEIVER_OPTIONS_INIT;
    settings s;
    int i;
    memset(&s, 0, sizeof s);
    s.seconds = 60;
    s.options = defaults;
    s.options.on_connection = print_event;
    if (count < 2 || count % 2) {
        fprintf(stderr, "usage: fault_sink URL [option VALUE]…\n");
        exit(2);
    }
    s.url = arguments[1];
    for (i = 2; i < count; i += 2) {
        const char *option = arguments[i], *value = arguments[i + 1];
        unsigned width, height;
        if (!strcmp(option, "--once")) s.options.once = (uint32_t)number(option, value);
        else if (!strcmp(option, "--seconds")) s.seconds = number(option, value);
        else if (!strcmp(option, "--frames")) s.frames = number(option, value);
        else if (!strcmp(option, "--work")) s.work = number(option, value);
        else if (!strcmp(option, "--port-file")) s.port_file = value;
        else if (!strcmp(option, "--max-peers")) s.options.max_peers = (uint32_t)number(option, value);
        else if (!strcmp(option, "--tls")) s.options.tls = tls_of(value, "receiver", "sender");
        else if (!strcmp(option, "--idle-timeout")) {
            s.options.idle_timeout_ns = number(option, value) * MILLISECOND;
            s.options.keepalive_interval_ns = s.options.idle_timeout_ns / 4;
        } else if (!strcmp(option, "--policy"))
            s.options.overflow = (fw_overflow)one_of(option, value, "drop-oldest drop-newest block", 0);
        else if (!strcmp(option, "--reconnect"))
            s.options.reconnect = (fw_reconnect)one_of(option, value, "never after-loss always", 1);
        else if (!strcmp(option, "--max-size") && sscanf(value, "%5ux%5u", &width, &height) == 2) {
            s.options.max_width = width;
            s.options.max_height = height;
        } else {
            fprintf(stderr, "fault_sink: unknown option %s %s\n", option, value);
            exit(2);
        }
    }
    return s;
}

/* The newest picture of each source that was seen. */
typedef struct source {
    uint64_t process, index;
} source;

static void check_order(const stamp *mark) {
    static source sources[256];
    static int count;
    int i;
    for (i = 0; i < count && sources[i].process != mark->source; i++) {}
    if (i < count && mark->index <= sources[i].index) {
        fprintf(stderr, "picture %llu of source %llu after %llu\n", (unsigned long long)mark->index,
                (unsigned long long)mark->source, (unsigned long long)sources[i].index);
        exit(1);
    }
    CHECK(i < 256);
    if (i == count) count++;
    sources[i].process = mark->source;
    sources[i].index = mark->index;
}

/* A receiver begins each connection without anything that a frame could refer to. */
static void check_beginning(uint64_t peer, int is_key) {
    static unsigned char begun[1 << 16];
    CHECK(peer > 0 && peer < sizeof begun);
    if (!begun[peer] && !is_key) {
        fprintf(stderr, "the first picture of connection %llu is no key frame\n", (unsigned long long)peer);
        exit(1);
    }
    begun[peer] = 1;
}

int main(int count, char **arguments) {
    settings s = parse(count, arguments);
    fw_receiver *receiver;
    fw_receiver_stats stats = FW_RECEIVER_STATS_INIT;
    fw_status status = FW_OK;
    int64_t start, last, frames = 0;
    begin(120);
    if (fw_receiver_open(s.url, &s.options, &receiver) != FW_OK) die("fw_receiver_open");
    write_number(s.port_file, fw_receiver_port(receiver));
    start = last = now_ns();
    while (!asked_to_end && now_ns() - start < s.seconds * SECOND && (s.frames == 0 || frames < s.frames)) {
        fw_frame *frame;
        fw_frame_info info = FW_FRAME_INFO_INIT;
        stamp mark;
        int64_t now;
        status = fw_receiver_next(receiver, 50 * MILLISECOND, &frame);
        if (status == FW_ERROR_TIMEOUT) continue;
        if (status != FW_OK) break;
        now = now_ns();
        CHECK(fw_frame_get_info(frame, &info) == FW_OK);
        if (!is_painted(fw_frame_data(frame), fw_frame_size(frame), &mark)) {
            fprintf(stderr, "the picture after %lld others is not what was sent\n", (long long)frames);
            return 1;
        }
        CHECK(fw_receiver_get_stats(receiver, &stats) == FW_OK);
        check_order(&mark);
        check_beginning(fw_frame_peer_id(frame), (info.flags & FW_FRAME_FLAG_KEY) != 0);
        printf("frame %llu age_us %lld key %d source %llu connections %llu at_ms %lld bytes %zu gap_ms %lld "
               "peer %llu\n",
               (unsigned long long)mark.index, (long long)((now - mark.capture_ns) / 1000),
               (info.flags & FW_FRAME_FLAG_KEY) != 0, (unsigned long long)mark.source,
               (unsigned long long)stats.connections, (long long)((now - start) / MILLISECOND), fw_frame_size(frame),
               (long long)((now - last) / MILLISECOND), (unsigned long long)fw_frame_peer_id(frame));
        last = now;
        fw_frame_unref(frame);
        if (s.work) sleep_for(s.work * MILLISECOND);
        frames++;
    }
    if (status != FW_OK && status != FW_ERROR_TIMEOUT && status != FW_ERROR_CLOSED)
        fprintf(stderr, "fault_sink: %s: %s\n", fw_status_string(status), fw_last_error());
    CHECK(fw_receiver_get_stats(receiver, &stats) == FW_OK);
    printf("end %s frames %lld errors %llu connections %llu refused %llu rss_kib %ld peak_kib %ld fds %d allocated %u\n",
           fw_status_string(status), (long long)frames, (unsigned long long)stats.errors,
           (unsigned long long)stats.connections, (unsigned long long)stats.peers_refused, memory_kib("VmRSS:"), memory_kib("VmHWM:"), count_of("fd"),
           stats.frames_allocated);
    fw_receiver_close(receiver);
    return 0;
}
