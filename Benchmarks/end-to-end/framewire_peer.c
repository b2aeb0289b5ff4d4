/*
 * Both sides of Framewire: `framewire_peer source|sink --way auto|raw|lz4|tile …`, see bench.h.
 *
 * The source takes a picture whenever fw_sender_ready says that it would be sent at once, as a renderer would that draws as fast as it
 * can, or at --fps. The policy is the default in both cases: the latest frame wins.
 *
 * With --trace the source writes the capture time of each picture and how many receivers there were, the sink the capture time and the
 * age at delivery.
 *
 * SPDX-License-Identifier: MIT
 */
#include "bench.h"

#include <errno.h>
#include <framewire/framewire.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static void check(fw_status status) {
    errno = 0;
    if (status != FW_OK) die(fw_last_error());
}

static fw_profile profile_named(const char *name) {
    if (!strcmp(name, "raw")) return FW_PROFILE_RAW;
    if (!strcmp(name, "lz4")) return FW_PROFILE_LZ4;
    if (!strcmp(name, "tile")) return FW_PROFILE_TILE;
    if (!strcmp(name, "huffman")) return FW_PROFILE_HUFFMAN;
    return FW_PROFILE_AUTO;
}

/* A receiver that stops, or is killed, is no news here. */
static void print_error(fw_log_level level, const char *message, void *user) {
    (void)level, (void)user;
    fprintf(stderr, "framewire: %s\n", message);
}

/* The file is there at once with all that is in it. */
static void write_port(const char *path, uint16_t port) {
    char part[256];
    if (!path) return;
    snprintf(part, sizeof part, "%s.part", path);
    FILE *file = fopen(part, "w");
    if (!file || fprintf(file, "%u\n", port) < 0 || fclose(file) != 0 || rename(part, path) != 0) die(path);
}

/* For several receivers, one of which may be stopped: it is not given up, and not waited for at the end. */
static void listen_for_receivers(fw_sender_options *options) {
    options->idle_timeout_ns = -1;
    options->close_timeout_ns = 200 * MILLISECOND;
}

static void await_receivers(fw_sender *sender, const arguments *a) {
    int64_t limit = now_ns() + 20 * SECOND;
    write_port(a->ready, fw_sender_port(sender));
    while (fw_sender_receiver_count(sender) < a->receivers) {
        errno = 0;
        if (now_ns() > limit) die("not all the receivers came");
        sleep_until(now_ns() + MILLISECOND);
    }
}

static void run_source(const arguments *a) {
    pictures p = load_pictures(a->file, a->limit, a->mirrors != 0);
    fw_sender_options options = FW_SENDER_OPTIONS_INIT;
    fw_sender_stats stats = FW_SENDER_STATS_INIT;
    fw_frame_info info = FW_FRAME_INFO_INIT;
    fw_sender *sender;
    char url[256];
    uint64_t taken = 0;
    int64_t due = 0, capture, end, last = now_ns(), waited = 0;
    FILE *trace = a->trace ? fopen(a->trace, "w") : NULL;
    if (a->trace && (!trace || setvbuf(trace, NULL, _IOLBF, BUFSIZ))) die(a->trace);
    options.profile = profile_named(a->way);
    info.width = p.width;
    info.height = p.height;
    snprintf(url, sizeof url, "tcp://%s:%s%s", a->host, a->port, a->receivers ? "?listen=1" : "");
    if (a->receivers) listen_for_receivers(&options);
    begin_source();
    check(fw_sender_open(url, &options, &sender));
    if (a->receivers) await_receivers(sender, a);
    end = now_ns() + a->seconds * SECOND;
    while ((capture = next_capture(&due, a->fps)) < end) {
        fw_frame *frame;
        if (a->fps == 0 && !fw_sender_ready(sender)) {
            /* Asking is part of what is measured: less often where a picture takes longer. */
            sleep_until(capture + (waited > 8 * MILLISECOND ? MILLISECOND : MILLISECOND / 4));
            waited = now_ns() - last;
            continue;
        }
        if (trace) fprintf(trace, "%lld %u\n", (long long)capture, fw_sender_receiver_count(sender));
        check(fw_sender_acquire(sender, &info, &frame));
        take_picture(&p, taken++, capture, fw_frame_data(frame));
        check(fw_sender_submit(sender, frame));
        last = capture;
    }
    if (!a->receivers) fw_sender_flush(sender, 10 * SECOND);
    else if (fw_sender_receiver_count(sender) < a->receivers) die("a receiver left");
    check(fw_sender_get_stats(sender, &stats));
    fw_sender_close(sender);
    if (trace) fclose(trace);
    report_source(a->report, taken);
}

static void run_sink(const arguments *a) {
    fw_receiver_options options = FW_RECEIVER_OPTIONS_INIT;
    fw_receiver *receiver;
    fw_frame *frame;
    fw_status status;
    char url[256];
    options.once = 1;
    snprintf(url, sizeof url, "tcp://%s:%s%s", a->host, a->port, a->connect ? "?connect=1" : "");
    check(fw_receiver_open(url, &options, &receiver));
    write_port(a->ready, fw_receiver_port(receiver));
    if (a->trace) trace_arrivals(a->trace);
    while ((status = fw_receiver_next(receiver, 20 * SECOND, &frame)) == FW_OK) {
        picture_arrived(fw_frame_data(frame), fw_frame_size(frame));
        fw_frame_unref(frame);
        if (a->stall) raise(SIGSTOP);
    }
    if (status != FW_ERROR_CLOSED) check(status);
    fw_receiver_close(receiver);
    report_sink(a->report);
}

int main(int count, char **words) {
    arguments a = parse_arguments(count, words);
    fw_set_log(print_error, FW_LOG_ERROR, NULL);
    if (!strcmp(a.role, "source")) run_source(&a);
    else run_sink(&a);
    return 0;
}
