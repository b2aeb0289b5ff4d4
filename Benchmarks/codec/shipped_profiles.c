/*
 * The profiles of several built libraries beside each other, through the C interface: what other flags of the compiler cost.
 *
 *   shipped_profiles [-r ROUNDS] LIBRARY... -- FILE...        files of raw RGBA frames of 1920x1080
 *
 * All libraries are loaded into one process and take each frame in turn, so that the machine's drift meets all; the figure is the
 * sum of each frame's best time of the calling thread's processor. The libraries behind the first one are given as ratios of its
 * speed: more than 1 is faster. Formats other than RGBA read the same bytes as if they were of that format.
 *
 * SPDX-License-Identifier: MIT
 */
#define _POSIX_C_SOURCE 200809L
#include <dlfcn.h>
#include <framewire/framewire.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MAX_LIBRARIES = 8, FRAMES = 3, FRAME_BYTES = 1920 * 1080 * 4 };
/* fw_profile has no name for the tile codec in all of the libraries. */
enum { TILE = 3 };

#define FUNCTIONS(f)                                                                                                               \
    f(fw_encoder_new) f(fw_encoder_encode) f(fw_encoder_free) f(fw_decoder_new) f(fw_decoder_feed) f(fw_decoder_next)              \
        f(fw_decoder_free) f(fw_buffer_map) f(fw_buffer_unmap) f(fw_buffer_unref) f(fw_frame_unref) f(fw_frame_data)               \
            f(fw_frame_size) f(fw_last_error)

typedef struct library {
    const char *path;
#define POINTER(name) __typeof__(name) *name;
    FUNCTIONS(POINTER)
} library;

typedef struct test {
    const char *name;
    int profile;
    fw_row_order row_order;
    fw_pixel_format format;
    uint32_t width;
} test;

static const test tests[] = {
    {"tile", TILE, FW_ROW_ORDER_TOP_DOWN, FW_PIXEL_FORMAT_RGBA8, 1920},
    {"tile, turned over", TILE, FW_ROW_ORDER_BOTTOM_UP, FW_PIXEL_FORMAT_RGBA8, 1920},
    {"tile, R8, odd width", TILE, FW_ROW_ORDER_TOP_DOWN, FW_PIXEL_FORMAT_R8, 1917 * 4},
    {"tile, RGBA16F", TILE, FW_ROW_ORDER_TOP_DOWN, FW_PIXEL_FORMAT_RGBA16F, 958},
    {"lz4, turned over", FW_PROFILE_LZ4, FW_ROW_ORDER_BOTTOM_UP, FW_PIXEL_FORMAT_RGBA8, 1920},
};

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void fail(const char *what, const char *why) {
    fprintf(stderr, "shipped_profiles: %s: %s\n", what, why);
    exit(1);
}

static void check(const library *l, fw_status status) {
    if (status != FW_OK) fail(l->path, l->fw_last_error());
}

static void load(library *l, const char *path) {
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (handle == NULL) fail(path, dlerror());
    l->path = path;
#define LOOK_UP(name)                                                                                                              \
    *(void **)&l->name = dlsym(handle, #name);                                                                                     \
    if (l->name == NULL) fail(path, "has no " #name);
    FUNCTIONS(LOOK_UP)
}

static void keep_best(double *best, double start) {
    double time = now() - start;
    if (*best == 0 || time < *best) *best = time;
}

static void code(const library *l, fw_encoder *encoder, fw_decoder *decoder, const fw_frame_info *info, const void *pixels,
                 double *encode, double *decode) {
    fw_buffer *message;
    double start = now();
    check(l, l->fw_encoder_encode(encoder, info, pixels, FRAME_BYTES, &message));
    keep_best(encode, start);
    fw_map_info map;
    check(l, l->fw_buffer_map(message, FW_MAP_READ, &map));
    size_t used;
    fw_frame *frame;
    start = now();
    check(l, l->fw_decoder_feed(decoder, map.data, map.size, &used));
    check(l, l->fw_decoder_next(decoder, &frame));
    keep_best(decode, start);
    if (info->row_order == FW_ROW_ORDER_TOP_DOWN && memcmp(l->fw_frame_data(frame), pixels, l->fw_frame_size(frame)) != 0)
        fail(l->path, "the round trip differs");
    l->fw_frame_unref(frame);
    check(l, l->fw_buffer_unmap(message, &map));
    l->fw_buffer_unref(message);
}

static void run(const library *libraries, int count, const test *t, unsigned char *const *frames, int rounds) {
    fw_encoder *encoders[MAX_LIBRARIES];
    fw_decoder *decoders[MAX_LIBRARIES];
    for (int k = 0; k < count; k++) {
        fw_encoder_options encoding = FW_ENCODER_OPTIONS_INIT;
        encoding.profile = (fw_profile)t->profile;
        encoding.threads = 1;
        fw_receiver_options decoding = FW_RECEIVER_OPTIONS_INIT;
        decoding.threads = 1;
        check(&libraries[k], libraries[k].fw_encoder_new(&encoding, &encoders[k]));
        check(&libraries[k], libraries[k].fw_decoder_new(&decoding, &decoders[k]));
    }
    fw_frame_info info = FW_FRAME_INFO_INIT;
    info.width = t->width;
    info.height = 1080;
    info.format = t->format;
    info.row_order = t->row_order;
    double encode[MAX_LIBRARIES][FRAMES] = {{0}}, decode[MAX_LIBRARIES][FRAMES] = {{0}};
    for (int round = 0; round < rounds; round++)
        for (int f = 0; f < FRAMES; f++)
            for (int k = 0; k < count; k++) {
                int turn = (k + round) % count; /* nobody is always first */
                code(&libraries[turn], encoders[turn], decoders[turn], &info, frames[f], &encode[turn][f], &decode[turn][f]);
            }
    printf("  %-20s", t->name);
    double first[2] = {0, 0};
    for (int k = 0; k < count; k++) {
        double sums[2] = {0, 0};
        for (int f = 0; f < FRAMES; f++) {
            sums[0] += encode[k][f];
            sums[1] += decode[k][f];
        }
        if (k == 0) {
            first[0] = sums[0];
            first[1] = sums[1];
            printf(" %6.0f %6.0f MB/s", FRAMES * 1e-6 * FRAME_BYTES / sums[0], FRAMES * 1e-6 * FRAME_BYTES / sums[1]);
        } else {
            printf("   %5.3f %5.3f", first[0] / sums[0], first[1] / sums[1]);
        }
        libraries[k].fw_encoder_free(encoders[k]);
        libraries[k].fw_decoder_free(decoders[k]);
    }
    printf("\n");
    fflush(stdout);
}

int main(int argc, char **argv) {
    library libraries[MAX_LIBRARIES];
    int rounds = 10, place = 1, count = 0;
    if (argc > 2 && strcmp(argv[1], "-r") == 0) {
        rounds = atoi(argv[2]);
        place = 3;
    }
    for (; place < argc && strcmp(argv[place], "--") != 0 && count < MAX_LIBRARIES; place++) load(&libraries[count++], argv[place]);
    if (count == 0 || rounds < 1 || place + 1 >= argc || strcmp(argv[place], "--") != 0) {
        fprintf(stderr, "usage: shipped_profiles [-r ROUNDS] LIBRARY... -- FILE...\n");
        return 2;
    }
    for (place++; place < argc; place++) {
        FILE *file = fopen(argv[place], "rb");
        if (file == NULL) fail(argv[place], "cannot be opened");
        static unsigned char *frames[FRAMES];
        for (int f = 0; f < FRAMES; f++) {
            if (frames[f] == NULL) frames[f] = malloc(FRAME_BYTES);
            if (frames[f] == NULL) fail(argv[place], "no memory");
            /* Every second frame, so that they differ more. */
            if (fread(frames[f], 1, FRAME_BYTES, file) != FRAME_BYTES || fseek(file, FRAME_BYTES, SEEK_CUR) != 0)
                fail(argv[place], "has fewer frames than it takes");
        }
        fclose(file);
        const char *name = strrchr(argv[place], '/') ? strrchr(argv[place], '/') + 1 : argv[place];
        printf("%s: encoding and decoding, MB/s of the first library, ratios of the others\n", name);
        for (size_t k = 0; k < sizeof tests / sizeof *tests; k++) run(libraries, count, &tests[k], frames, rounds);
    }
    return 0;
}
