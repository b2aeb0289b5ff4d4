/*
 * Streams an H.264 file with start codes as RTP, at a frame rate:
 *
 *   rtp-h264 FILE udp://host:port [FRAMES PER SECOND]
 *
 * Writes the session description that a player needs (ffplay -protocol_whitelist file,udp,rtp stream.sdp) to stdout first.
 */
#define _POSIX_C_SOURCE 200809L
#include "access_units.h"

#include <framewire/framewire.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static volatile sig_atomic_t is_over;

static void stop(int number) {
    (void)number;
    is_over = 1;
}

static int fail(const char *what) {
    fprintf(stderr, "rtp-h264: %s: %s\n", what, fw_last_error());
    return 1;
}

/* Sends one access unit; its bytes must live until this returns, as the packets share them. */
static int send_picture(fw_rtp_h264_payloader *payloader, fw_udp_sink *sink, void *bytes, size_t size, int64_t pts_ns) {
    fw_buffer *picture = NULL;
    fw_buffer_list *packets = NULL;
    int failed = 1;
    if (fw_buffer_new_wrapped(bytes, size, 0, size, FW_MEMORY_FLAG_READ_ONLY, NULL, NULL, &picture) == FW_OK &&
        fw_buffer_set_pts(picture, pts_ns) == FW_OK &&
        fw_rtp_h264_payloader_payload(payloader, picture, &packets) == FW_OK) {
        fw_status status = fw_udp_sink_send(sink, packets);
        /* The receiver may come later, or come back. */
        failed = status != FW_OK && status != FW_ERROR_CONNECTION;
    }
    if (failed) fail("the picture cannot be sent");
    fw_buffer_list_unref(packets);
    fw_buffer_unref(picture);
    return failed;
}

int main(int argc, char **argv) {
    double rate = argc > 3 ? atof(argv[3]) : 25;
    fw_rtp_h264_payloader *payloader;
    fw_udp_sink *sink;
    fw_udp_sink_stats stats = FW_UDP_SINK_STATS_INIT;
    unsigned char *stream;
    size_t size, place = 0;
    struct timespec start, now;
    int64_t pictures = 0;
    int failed = 0;
    if (argc < 3 || !(rate > 0)) {
        fprintf(stderr, "usage: rtp-h264 FILE udp://host:port [FRAMES PER SECOND]\n");
        return 2;
    }
    if ((stream = read_stream(argv[1], &size)) == NULL) return 1;
    if (fw_rtp_h264_payloader_new(NULL, &payloader) != FW_OK) return fail("no payloader");
    if (fw_udp_sink_open(argv[2], NULL, &sink) != FW_OK) return fail("no socket");
    signal(SIGINT, stop);
    signal(SIGTERM, stop);
    clock_gettime(CLOCK_MONOTONIC, &start);
    while (!failed && !is_over && place < size) {
        size_t unit = access_unit_size(stream + place, size - place);
        int64_t pts_ns = (int64_t)((double)pictures * 1e9 / rate), wait_ns;
        clock_gettime(CLOCK_MONOTONIC, &now);
        wait_ns = pts_ns - ((now.tv_sec - start.tv_sec) * (int64_t)1000000000 + now.tv_nsec - start.tv_nsec);
        if (wait_ns > 0) {
            now.tv_sec = (time_t)(wait_ns / 1000000000);
            now.tv_nsec = (long)(wait_ns % 1000000000);
            nanosleep(&now, NULL);
        }
        failed = send_picture(payloader, sink, stream + place, unit, pts_ns);
        if (pictures == 0) {
            /* The parameter sets are known now. */
            char text[4096];
            if (fw_rtp_h264_payloader_get_sdp(payloader, argv[2], text, sizeof text, NULL) != FW_OK) failed = fail("no SDP");
            else fputs(text, stdout), fflush(stdout);
        }
        place += unit;
        pictures++;
    }
    fw_udp_sink_get_stats(sink, &stats);
    fprintf(stderr, "%lld pictures in %llu packets; the port was refused %llu times\n", (long long)pictures,
            (unsigned long long)stats.packets_sent, (unsigned long long)stats.refusals);
    fw_udp_sink_close(sink);
    fw_rtp_h264_payloader_free(payloader);
    free(stream);
    return failed;
}
