/*
 * H.264 files to RTP packets and back, for the checks of Tests/Interop. Files of packets are as in RFC 4571, which
 * GStreamer's rtpstreampay writes: each packet behind its size in two bytes.
 *
 *   rtp_packets pay STREAM PACKETS [OPTION…]      --mtu N, --stap, --avc, --single: as in fw_rtp_h264_options
 *   rtp_packets send STREAM URL [OPTION…]         to a socket, 2 ms apart; --sdp FILE, --loops N
 *   rtp_packets depay PACKETS STREAM [--avc]
 *   rtp_packets avc STREAM OUT                    the stream with sizes instead of start codes
 *
 * SSRC 0x11223344, sequence 100, timestamp 1000, 25 pictures a second. Prints `packets N`, and on the way back what
 * the depayloader counted.
 */
#define _POSIX_C_SOURCE 200809L
#include "../../samples/rtp-h264/access_units.h"

#include <framewire/framewire.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void fail(const char *what) {
    fprintf(stderr, "rtp_packets: %s: %s\n", what, fw_last_error());
    exit(1);
}

/* The bytes of `unit` with sizes of 4 bytes instead of start codes, in `out`, which has room for twice as many. */
static size_t to_sizes(const unsigned char *unit, size_t size, unsigned char *out) {
    size_t used = 0, start = 0, i;
    int has_unit = 0;
    for (i = 0; i <= size; i++) {
        int is_code = i + 3 <= size && unit[i] == 0 && unit[i + 1] == 0 && unit[i + 2] == 1;
        if (!is_code && i < size) continue;
        if (has_unit) {
            size_t end = i, length;
            while (end > start && unit[end - 1] == 0) end--;
            length = end - start;
            out[used] = (unsigned char)(length >> 24);
            out[used + 1] = (unsigned char)(length >> 16);
            out[used + 2] = (unsigned char)(length >> 8);
            out[used + 3] = (unsigned char)length;
            memcpy(out + used + 4, unit + start, length);
            used += 4 + length;
        }
        has_unit = 1;
        i += 2;
        start = i + 1;
    }
    return used;
}

typedef struct options {
    fw_rtp_h264_options payloader;
    const char *sdp;
    int loops;
} options;

static options parse(int argc, char **argv) {
    options result = {FW_RTP_H264_OPTIONS_INIT, NULL, 1};
    result.payloader.ssrc = 0x11223344;
    result.payloader.sequence = 100;
    result.payloader.timestamp_offset = 1000;
    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--mtu") == 0 && i + 1 < argc) result.payloader.mtu = (uint32_t)atoi(argv[++i]);
        else if (strcmp(argv[i], "--sdp") == 0 && i + 1 < argc) result.sdp = argv[++i];
        else if (strcmp(argv[i], "--loops") == 0 && i + 1 < argc) result.loops = atoi(argv[++i]);
        else if (strcmp(argv[i], "--stap") == 0) result.payloader.aggregation = FW_RTP_AGGREGATION_STAP_A;
        else if (strcmp(argv[i], "--avc") == 0) result.payloader.format = FW_H264_FORMAT_AVC;
        else if (strcmp(argv[i], "--single") == 0) result.payloader.single_nal_mode = 1;
        else fail(argv[i]);
    }
    return result;
}

static void write_packets(FILE *file, const fw_buffer_list *list) {
    for (size_t i = 0; i < fw_buffer_list_length(list); i++) {
        static unsigned char bytes[65536];
        size_t size = fw_buffer_extract(fw_buffer_list_get(list, i), 0, bytes + 2, sizeof bytes - 2);
        bytes[0] = (unsigned char)(size >> 8);
        bytes[1] = (unsigned char)size;
        if (fwrite(bytes, 1, size + 2, file) != size + 2) fail("fwrite");
    }
}

static void wait_2_ms(void) {
    struct timespec time = {0, 2000000};
    nanosleep(&time, NULL);
}

static void pay(const char *from, const char *to, options *given, int is_socket) {
    size_t size, place, pictures = 0;
    unsigned char *stream = read_stream(from, &size), *sizes = malloc(2 * size + 16);
    fw_rtp_h264_payloader *payloader;
    fw_rtp_h264_stats stats = FW_RTP_H264_STATS_INIT;
    fw_udp_sink *sink = NULL;
    FILE *file = NULL;
    if (stream == NULL || sizes == NULL) exit(1);
    if (fw_rtp_h264_payloader_new(&given->payloader, &payloader) != FW_OK) fail("payloader");
    if (is_socket && fw_udp_sink_open(to, NULL, &sink) != FW_OK) fail("sink");
    if (!is_socket && (file = fopen(to, "wb")) == NULL) fail(to);
    for (int loop = 0; loop < given->loops; loop++) {
        for (place = 0; place < size; pictures++) {
            size_t unit = access_unit_size(stream + place, size - place), length = unit;
            unsigned char *bytes = stream + place;
            fw_buffer *picture;
            fw_buffer_list *packets;
            if (given->payloader.format == FW_H264_FORMAT_AVC) length = to_sizes(stream + place, unit, bytes = sizes);
            if (fw_buffer_new_wrapped(bytes, length, 0, length, 0, NULL, NULL, &picture) != FW_OK) fail("buffer");
            fw_buffer_set_pts(picture, (int64_t)pictures * 40000000);
            if (fw_rtp_h264_payloader_payload(payloader, picture, &packets) != FW_OK) fail("payload");
            if (file != NULL) write_packets(file, packets);
            else if (fw_udp_sink_send(sink, packets) != FW_OK) fail("send");
            fw_buffer_list_unref(packets);
            fw_buffer_unref(picture);
            place += unit;
            if (is_socket) wait_2_ms();
        }
    }
    if (given->sdp != NULL) {
        char text[4096];
        FILE *sdp = fopen(given->sdp, "wb");
        if (fw_rtp_h264_payloader_get_sdp(payloader, "udp://127.0.0.1:5004", text, sizeof text, NULL) != FW_OK) fail("sdp");
        if (sdp == NULL || fputs(text, sdp) < 0 || fclose(sdp) != 0) fail(given->sdp);
    }
    fw_rtp_h264_payloader_get_stats(payloader, &stats);
    printf("packets %llu\npictures %llu\ncopied %llu\n", (unsigned long long)stats.packets, (unsigned long long)pictures,
           (unsigned long long)stats.payload_bytes_copied);
    if (file != NULL && fclose(file) != 0) fail(to);
    fw_udp_sink_close(sink);
    fw_rtp_h264_payloader_free(payloader);
    free(stream);
    free(sizes);
}

static void take_units(fw_rtp_h264_depayloader *depayloader, FILE *out) {
    fw_buffer *unit;
    while (fw_rtp_h264_depayloader_next(depayloader, &unit) == FW_OK) {
        fw_map_info map;
        if (fw_buffer_map(unit, FW_MAP_READ, &map) != FW_OK) fail("map");
        if (fwrite(map.data, 1, map.size, out) != map.size) fail("fwrite");
        fw_buffer_unmap(unit, &map);
        fw_buffer_unref(unit);
    }
}

static void depay(const char *from, const char *to, const options *given) {
    fw_rtp_h264_depayloader_options chosen = FW_RTP_H264_DEPAYLOADER_OPTIONS_INIT;
    fw_rtp_h264_depayloader_stats stats = FW_RTP_H264_DEPAYLOADER_STATS_INIT;
    fw_rtp_h264_depayloader *depayloader;
    size_t size, place = 0;
    unsigned char *packets = read_stream(from, &size);
    FILE *out = fopen(to, "wb");
    if (packets == NULL || out == NULL) exit(1);
    chosen.format = given->payloader.format;
    if (fw_rtp_h264_depayloader_new(&chosen, &depayloader) != FW_OK) fail("depayloader");
    while (place + 2 <= size) {
        size_t length = (size_t)packets[place] << 8 | packets[place + 1];
        place += 2;
        if (length > size - place) fail("the file of packets is cut off");
        if (fw_rtp_h264_depayloader_push(depayloader, packets + place, length) != FW_OK) fail("push");
        place += length;
        take_units(depayloader, out);
    }
    fw_rtp_h264_depayloader_flush(depayloader);
    take_units(depayloader, out);
    fw_rtp_h264_depayloader_get_stats(depayloader, &stats);
    printf("packets %llu\nlost %llu\nmalformed %llu\naccess_units %llu\ndamaged %llu\n", (unsigned long long)stats.packets,
           (unsigned long long)stats.packets_lost, (unsigned long long)stats.packets_malformed,
           (unsigned long long)stats.access_units, (unsigned long long)stats.access_units_damaged);
    fw_rtp_h264_depayloader_free(depayloader);
    if (fclose(out) != 0) fail(to);
    free(packets);
}

static void write_avc(const char *from, const char *to) {
    size_t size;
    unsigned char *stream = read_stream(from, &size), *sizes = malloc(2 * size + 16);
    FILE *out = fopen(to, "wb");
    if (stream == NULL || sizes == NULL || out == NULL) exit(1);
    size = to_sizes(stream, size, sizes);
    if (fwrite(sizes, 1, size, out) != size || fclose(out) != 0) fail(to);
    free(stream);
    free(sizes);
}

int main(int argc, char **argv) {
    options given;
    if (argc < 4) return 2;
    given = parse(argc - 4, argv + 4);
    if (strcmp(argv[1], "pay") == 0) pay(argv[2], argv[3], &given, 0);
    else if (strcmp(argv[1], "send") == 0) pay(argv[2], argv[3], &given, 1);
    else if (strcmp(argv[1], "depay") == 0) depay(argv[2], argv[3], &given);
    else if (strcmp(argv[1], "avc") == 0) write_avc(argv[2], argv[3]);
    else return 2;
    return 0;
}
