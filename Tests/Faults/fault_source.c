/*
 * A renderer that sends pictures which say when they were taken.
 *
 *   fault_source URL [option…]
 *
 *   --size WxH          320x240
 *   --fps N             pictures a second; 0, the default, as fast as they are taken
 *   --seconds S         ends after S seconds (60); so does SIGTERM
 *   --frames N          ends after N pictures
 *   --content WHAT      noise (default), runs, still
 *   --profile PROFILE   auto, raw, lz4, tile
 *   --policy POLICY     drop-oldest, drop-newest, block
 *   --reconnect WHEN    never, after-loss, always
 *   --idle-timeout MS   after which a silent receiver is given up; keepalive is a quarter of it
 *   --max-peers N       receivers at once
 *   --port-file FILE    the port, once listening
 *   --tls FOLDER        what `framewire keygen` has put there, for tls:// URLs
 *
 * Prints what becomes of connections, and a line every 100 ms:
 *
 *   state MS connected C pushed N sent N dropped N allocated N queue N rss_kib N fds N submit_us N connections N receivers N
 *
 * where submit_us is the longest time that a picture took to be handed over. Exits with 0 unless the library reports an error.
 *
 * SPDX-License-Identifier: MIT
 */
#include "faults.h"

typedef struct settings {
    const char *url, *port_file;
    unsigned width, height;
    int64_t fps, seconds, frames;
    uint64_t content;
    fw_sender_options options;
} settings;

static settings parse(int count, char **arguments) {
    const fw_sender_options defaults = FW_SENDER_OPTIONS_INIT;
    settings s;
    int i;
    memset(&s, 0, sizeof s);
    s.width = 320;
    s.height = 240;
    s.seconds = 60;
    s.options = defaults;
    s.options.on_connection = print_event;
    if (count < 2 || count % 2) {
        fprintf(stderr, "usage: fault_source URL [option VALUE]…\n");
        exit(2);
    }
    s.url = arguments[1];
    for (i = 2; i < count; i += 2) {
        const char *option = arguments[i], *value = arguments[i + 1];
        if (!strcmp(option, "--size") && sscanf(value, "%5ux%5u", &s.width, &s.height) == 2) continue;
        if (!strcmp(option, "--fps")) s.fps = number(option, value);
        else if (!strcmp(option, "--seconds")) s.seconds = number(option, value);
        else if (!strcmp(option, "--frames")) s.frames = number(option, value);
        else if (!strcmp(option, "--port-file")) s.port_file = value;
        else if (!strcmp(option, "--max-peers")) s.options.max_peers = (uint32_t)number(option, value);
        else if (!strcmp(option, "--idle-timeout")) {
            s.options.idle_timeout_ns = number(option, value) * MILLISECOND;
            s.options.keepalive_interval_ns = s.options.idle_timeout_ns / 4;
        } else if (!strcmp(option, "--content")) s.content = (uint64_t)one_of(option, value, "noise runs still", 0);
        else if (!strcmp(option, "--tls")) s.options.tls = tls_of(value, "sender", "receiver");
        else if (!strcmp(option, "--profile"))
            s.options.profile = (fw_profile)one_of(option, value, "auto raw lz4 tile", 0);
        else if (!strcmp(option, "--policy"))
            s.options.overflow = (fw_overflow)one_of(option, value, "drop-oldest drop-newest block", 0);
        else if (!strcmp(option, "--reconnect"))
            s.options.reconnect = (fw_reconnect)one_of(option, value, "never after-loss always", 1);
        else {
            fprintf(stderr, "fault_source: unknown option %s %s\n", option, value);
            exit(2);
        }
    }
    return s;
}

static void print_state(fw_sender *sender, int64_t start, int64_t submit_ns) {
    fw_sender_stats stats = FW_SENDER_STATS_INIT;
    CHECK(fw_sender_get_stats(sender, &stats) == FW_OK);
    printf("state %lld connected %u pushed %llu sent %llu dropped %llu allocated %u queue %u rss_kib %ld fds %d submit_us %lld "
           "connections %llu receivers %u\n",
           (long long)((now_ns() - start) / MILLISECOND), stats.connected, (unsigned long long)stats.frames_pushed,
           (unsigned long long)stats.frames_sent, (unsigned long long)stats.frames_dropped, stats.frames_allocated,
           stats.queue_depth, memory_kib("VmRSS:"), count_of("fd"), (long long)(submit_ns / 1000),
           (unsigned long long)stats.connections, stats.receivers);
}

int main(int count, char **arguments) {
    settings s = parse(count, arguments);
    fw_sender *sender;
    fw_frame_info info = FW_FRAME_INFO_INIT;
    stamp mark;
    int64_t start, next_state, submit_ns = 0;
    fw_status status = FW_OK;
    begin(120);
    if (fw_sender_open(s.url, &s.options, &sender) != FW_OK) die("fw_sender_open");
    write_number(s.port_file, fw_sender_port(sender));
    info.width = s.width;
    info.height = s.height;
    memset(&mark, 0, sizeof mark);
    mark.magic = STAMP_MAGIC;
    mark.source = (uint64_t)getpid();
    mark.content = s.content;
    start = next_state = now_ns();
    while (status == FW_OK && !asked_to_end && now_ns() - start < s.seconds * SECOND &&
           (s.frames == 0 || (int64_t)mark.index < s.frames)) {
        fw_frame *frame;
        int64_t before, capture;
        if (s.fps) sleep_until(start + (int64_t)mark.index * SECOND / s.fps);
        if (now_ns() >= next_state) {
            print_state(sender, start, submit_ns);
            next_state = now_ns() + 100 * MILLISECOND;
        }
        capture = now_ns();
        if ((status = fw_sender_acquire(sender, &info, &frame)) != FW_OK) break;
        mark.capture_ns = capture;
        before = now_ns();
        submit_ns = before - capture > submit_ns ? before - capture : submit_ns;
        info.pts_ns = capture - start;
        paint(fw_frame_data(frame), fw_frame_size(frame), &mark);
        before = now_ns();
        status = fw_sender_submit(sender, frame);
        before = now_ns() - before;
        submit_ns = before > submit_ns ? before : submit_ns;
        mark.index++;
    }
    print_state(sender, start, submit_ns);
    if (status != FW_OK) fprintf(stderr, "fault_source: %s: %s\n", fw_status_string(status), fw_last_error());
    fw_sender_close(sender);
    printf("end %s\n", fw_status_string(status));
    return status == FW_OK ? 0 : 1;
}
