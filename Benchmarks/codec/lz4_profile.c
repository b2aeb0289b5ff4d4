/*
 * How fast the profile lz4 codes real frames, beside liblz4 itself, in one run.
 *
 *   lz4_profile [-r ROUNDS] FILE...        files of raw RGBA frames named NAME_WIDTHxHEIGHT_rgba.raw
 *
 * Each round codes every frame of a sequence with each codec in turn; the figure is the median round. Every result is decoded and
 * compared. "liblz4" is LZ4F_compressFrame at its fastest level with 4 MiB independent blocks, what the lz4 tool does to a file.
 *
 * SPDX-License-Identifier: MIT
 */
#define _POSIX_C_SOURCE 200809L
#include <framewire/framewire.h>
#include <lz4frame.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MAX_FRAMES = 64, MAX_ROUNDS = 64, CODECS = 6 };

typedef struct codec {
    const char *name;
    fw_profile profile;
    uint32_t threads;
    fw_row_order row_order;
    fw_encoder *encoder;
    fw_decoder *decoder;
    double encode_seconds[MAX_ROUNDS];
    double decode_seconds[MAX_ROUNDS];
    size_t bytes;
} codec;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void fail(const char *what, const char *why) {
    fprintf(stderr, "lz4_profile: %s: %s\n", what, why);
    exit(1);
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double median(double *values, int count) {
    qsort(values, (size_t)count, sizeof *values, compare);
    return values[count / 2];
}

static double code_liblz4(const unsigned char *frame, size_t size, unsigned char *packed, size_t capacity,
                          unsigned char *back, double *decode_seconds, size_t *bytes) {
    LZ4F_preferences_t preferences;
    memset(&preferences, 0, sizeof preferences);
    preferences.frameInfo.blockSizeID = LZ4F_max4MB;
    preferences.frameInfo.blockMode = LZ4F_blockIndependent;
    preferences.frameInfo.contentSize = size;
    double start = now();
    size_t count = LZ4F_compressFrame(packed, capacity, frame, size, &preferences);
    double encoded = now() - start;
    if (LZ4F_isError(count)) fail("LZ4F_compressFrame", LZ4F_getErrorName(count));
    LZ4F_dctx *context;
    if (LZ4F_isError(LZ4F_createDecompressionContext(&context, LZ4F_VERSION))) fail("lz4", "no memory");
    start = now();
    size_t in = 0, out = 0;
    while (in < count) {
        size_t source = count - in, destination = size - out;
        size_t hint = LZ4F_decompress(context, back + out, &destination, packed + in, &source, NULL);
        if (LZ4F_isError(hint)) fail("LZ4F_decompress", LZ4F_getErrorName(hint));
        in += source;
        out += destination;
    }
    *decode_seconds += now() - start;
    LZ4F_freeDecompressionContext(context);
    if (out != size || memcmp(back, frame, size) != 0) fail("liblz4", "the round trip differs");
    *bytes += count;
    return encoded;
}

static double code_framewire(codec *c, const unsigned char *frame, const fw_frame_info *info, size_t size,
                             double *decode_seconds, size_t *bytes) {
    fw_frame_info shape = *info;
    shape.row_order = c->row_order;
    double start = now();
    fw_buffer *message;
    if (fw_encoder_encode(c->encoder, &shape, frame, size, &message) != FW_OK) fail(c->name, fw_last_error());
    double encoded = now() - start;
    *bytes += fw_buffer_size(message);
    start = now();
    fw_map_info map;
    if (fw_buffer_map(message, FW_MAP_READ, &map) != FW_OK) fail(c->name, fw_last_error());
    *decode_seconds -= now() - start; /* merging the message is not decoding */
    size_t used;
    if (fw_decoder_feed(c->decoder, map.data, map.size, &used) != FW_OK) fail(c->name, fw_last_error());
    fw_frame *decoded;
    if (fw_decoder_next(c->decoder, &decoded) != FW_OK) fail(c->name, fw_last_error());
    *decode_seconds += now() - start;
    uint64_t expected, found;
    fw_frame_info got = FW_FRAME_INFO_INIT;
    fw_frame_get_info(decoded, &got);
    fw_frame_info_checksum(&shape, frame, size, &expected);
    fw_frame_info_checksum(&got, fw_frame_data(decoded), fw_frame_size(decoded), &found);
    if (expected != found) fail(c->name, "the round trip differs");
    fw_frame_unref(decoded);
    fw_buffer_unmap(message, &map);
    fw_buffer_unref(message);
    return encoded;
}

static void run(const char *path, int rounds) {
    const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    const char *place = strchr(name, '_');
    unsigned width = 0, height = 0;
    for (; place != NULL; place = strchr(place + 1, '_'))
        if (sscanf(place, "_%ux%u_rgba", &width, &height) == 2) break;
    if (place == NULL || width == 0 || height == 0) fail(path, "the name is not NAME_WIDTHxHEIGHT_rgba.raw");
    fw_frame_info info = FW_FRAME_INFO_INIT;
    info.width = width;
    info.height = height;
    size_t size;
    if (fw_frame_info_size(&info, &size) != FW_OK) fail(path, fw_last_error());
    FILE *file = fopen(path, "rb");
    if (file == NULL) fail(path, "cannot be opened");
    static unsigned char *frames[MAX_FRAMES];
    int count = 0;
    while (count < MAX_FRAMES) {
        frames[count] = malloc(size);
        if (frames[count] == NULL) fail(path, "no memory");
        if (fread(frames[count], 1, size, file) != size) {
            free(frames[count]);
            break;
        }
        count++;
    }
    fclose(file);
    if (count == 0) fail(path, "is shorter than one frame");
    size_t capacity = LZ4F_compressFrameBound(size, NULL) + (1 << 20);
    unsigned char *packed = malloc(capacity), *back = malloc(size);

    codec codecs[CODECS] = {
        {"liblz4", FW_PROFILE_AUTO, 1, FW_ROW_ORDER_TOP_DOWN, NULL, NULL, {0}, {0}, 0},
        {"lz4, 1 thread", FW_PROFILE_LZ4, 1, FW_ROW_ORDER_TOP_DOWN, NULL, NULL, {0}, {0}, 0},
        {"lz4, 1 thread, rows turned over", FW_PROFILE_LZ4, 1, FW_ROW_ORDER_BOTTOM_UP, NULL, NULL, {0}, {0}, 0},
        {"lz4, 2 threads", FW_PROFILE_LZ4, 2, FW_ROW_ORDER_TOP_DOWN, NULL, NULL, {0}, {0}, 0},
        {"lz4, 2 threads, rows turned over", FW_PROFILE_LZ4, 2, FW_ROW_ORDER_BOTTOM_UP, NULL, NULL, {0}, {0}, 0},
        {"raw, 1 thread", FW_PROFILE_RAW, 1, FW_ROW_ORDER_TOP_DOWN, NULL, NULL, {0}, {0}, 0},
    };
    for (int k = 1; k < CODECS; k++) {
        fw_encoder_options encoding = FW_ENCODER_OPTIONS_INIT;
        encoding.profile = codecs[k].profile;
        encoding.threads = codecs[k].threads;
        fw_receiver_options decoding = FW_RECEIVER_OPTIONS_INIT;
        decoding.threads = codecs[k].threads;
        if (fw_encoder_new(&encoding, &codecs[k].encoder) != FW_OK) fail(codecs[k].name, fw_last_error());
        if (fw_decoder_new(&decoding, &codecs[k].decoder) != FW_OK) fail(codecs[k].name, fw_last_error());
    }
    for (int round = -1; round < rounds; round++) {
        for (int k = 0; k < CODECS; k++) {
            double encode = 0, decode = 0;
            size_t bytes = 0;
            for (int f = 0; f < count; f++)
                encode += k == 0 ? code_liblz4(frames[f], size, packed, capacity, back, &decode, &bytes)
                                 : code_framewire(&codecs[k], frames[f], &info, size, &decode, &bytes);
            if (round < 0) continue; /* the first round warms up */
            codecs[k].encode_seconds[round] = encode;
            codecs[k].decode_seconds[round] = decode;
            codecs[k].bytes = bytes;
        }
    }
    double raw = (double)size * count, reference = 0;
    printf("%.*s, %d frames of %ux%u, median of %d rounds\n", (int)(place - name), name, count, width, height, rounds);
    printf("  %-34s %12s %10s %12s %8s\n", "", "encode MB/s", "of liblz4", "decode MB/s", "ratio");
    for (int k = 0; k < CODECS; k++) {
        double speed = raw / median(codecs[k].encode_seconds, rounds) * 1e-6;
        if (k == 0) reference = speed;
        printf("  %-34s %12.0f %10.2f %12.0f %8.2f\n", codecs[k].name, speed, speed / reference,
               raw / median(codecs[k].decode_seconds, rounds) * 1e-6, raw / (double)codecs[k].bytes);
        fw_encoder_free(codecs[k].encoder);
        fw_decoder_free(codecs[k].decoder);
    }
    for (int f = 0; f < count; f++) free(frames[f]);
    free(packed);
    free(back);
}

int main(int argc, char **argv) {
    int first = 1, rounds = 7;
    if (argc > 2 && strcmp(argv[1], "-r") == 0) {
        rounds = atoi(argv[2]);
        first = 3;
    }
    if (first >= argc || rounds < 1 || rounds > MAX_ROUNDS) {
        fprintf(stderr, "usage: lz4_profile [-r ROUNDS] NAME_WIDTHxHEIGHT_rgba.raw...\n");
        return 2;
    }
    for (int i = first; i < argc; i++) run(argv[i], rounds);
    return 0;
}
