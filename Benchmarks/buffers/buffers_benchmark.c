/*
 * What operations on buffers cost in Framewire and in libgstreamer-1.0, through the C interface of each, in one process.
 *
 *   buffers_benchmark [--rounds N] [--json] [--only TEXT]
 *
 * Each round runs every case with both libraries in turn, so that the machine's drift meets both; the figure is the median round.
 * In a pass of its own each operation is run again while malloc and memcpy are counted. TEXT selects the cases whose name has it.
 *
 * SPDX-License-Identifier: MIT
 */
#define _GNU_SOURCE
#include <framewire/framewire.h>
#include <gst/gst.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MAX_ROUNDS = 99, SIDES = 2 };
static const double ROUND_SECONDS = 0.004;

/* What an operation asks of the C library. Both sides pay the same for the look at the flag. */
static int counting;
static unsigned long allocations, bytes_copied;

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *block, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

void *malloc(size_t size) {
    if (counting) allocations++;
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
    if (counting) allocations++;
    return __libc_calloc(count, size);
}

void *realloc(void *block, size_t size) {
    if (counting) allocations++;
    return __libc_realloc(block, size);
}

int posix_memalign(void **out, size_t alignment, size_t size) {
    if (counting) allocations++;
    *out = __libc_memalign(alignment, size);
    return *out == NULL ? 12 : 0;
}

/* memmove is the same code in the GNU C library, and the compiler must not turn it back into memcpy. */
static void *(*volatile move)(void *, const void *, size_t) = memmove;

void *memcpy(void *restrict to, const void *restrict from, size_t size) {
    if (counting) bytes_copied += size;
    return move(to, from, size);
}

static void fail(const char *what) {
    fprintf(stderr, "buffers_benchmark: %s: %s\n", what, fw_last_error());
    exit(1);
}

#define OK(call)                                                                                                     \
    do {                                                                                                             \
        if ((call) != FW_OK) fail(#call);                                                                            \
    } while (0)

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* What the cases work on. */
static GstBuffer *gst_one, *gst_sixteen, *gst_frame, *gst_parent, *gst_carrier;
static GstBufferPool *gst_pool;
static fw_buffer *fw_one, *fw_sixteen, *fw_frame_bytes, *fw_parent, *fw_carrier;
static fw_buffer_pool *fw_pool;
static const unsigned char rtp_header[14] = {0x80, 96, 0, 1};

enum { PACKET = 1400, PAYLOAD = 1386, FRAME = 65536 };

static void prepare(void) {
    fw_buffer_pool_config config = FW_BUFFER_POOL_CONFIG_INIT;
    GstStructure *structure;
    g_setenv("GST_DEBUG", "0", TRUE);
    g_setenv("GST_REGISTRY_UPDATE", "no", TRUE);
    gst_init(NULL, NULL);
    gst_one = gst_buffer_new_allocate(NULL, PACKET, NULL);
    gst_frame = gst_buffer_new_allocate(NULL, FRAME, NULL);
    gst_parent = gst_buffer_new();
    gst_carrier = gst_buffer_new();
    gst_sixteen = gst_buffer_new();
    OK(fw_buffer_new_allocate(PACKET, NULL, &fw_one));
    OK(fw_buffer_new_allocate(FRAME, NULL, &fw_frame_bytes));
    OK(fw_buffer_new(&fw_parent));
    OK(fw_buffer_new(&fw_carrier));
    OK(fw_buffer_new(&fw_sixteen));
    for (int i = 0; i < 16; i++) {
        fw_memory *memory;
        gst_buffer_append_memory(gst_sixteen, gst_allocator_alloc(NULL, 64, NULL));
        OK(fw_memory_new(64, NULL, &memory));
        OK(fw_buffer_append_memory(fw_sixteen, memory));
    }
    gst_pool = gst_buffer_pool_new();
    structure = gst_buffer_pool_get_config(gst_pool);
    gst_buffer_pool_config_set_params(structure, NULL, PACKET, 2, 0);
    if (!gst_buffer_pool_set_config(gst_pool, structure) || !gst_buffer_pool_set_active(gst_pool, TRUE)) fail("pool");
    config.size = PACKET;
    config.min_buffers = 2;
    OK(fw_buffer_pool_new(&fw_pool));
    OK(fw_buffer_pool_set_config(fw_pool, &config));
    OK(fw_buffer_pool_set_active(fw_pool, 1));
}

static void finish(void) {
    gst_buffer_pool_set_active(gst_pool, FALSE);
    gst_object_unref(gst_pool);
    gst_buffer_unref(gst_one);
    gst_buffer_unref(gst_sixteen);
    gst_buffer_unref(gst_frame);
    gst_buffer_unref(gst_parent);
    gst_buffer_unref(gst_carrier);
    fw_buffer_pool_free(fw_pool);
    fw_buffer_unref(fw_one);
    fw_buffer_unref(fw_sixteen);
    fw_buffer_unref(fw_frame_bytes);
    fw_buffer_unref(fw_parent);
    fw_buffer_unref(fw_carrier);
}

#define LOOP for (unsigned long i = 0; i < count; i++)

static void gst_new(unsigned long count) { LOOP gst_buffer_unref(gst_buffer_new()); }
static void fw_new(unsigned long count) {
    LOOP {
        fw_buffer *buffer;
        OK(fw_buffer_new(&buffer));
        fw_buffer_unref(buffer);
    }
}

static void gst_allocate(unsigned long count) { LOOP gst_buffer_unref(gst_buffer_new_allocate(NULL, PACKET, NULL)); }
static void fw_allocate(unsigned long count) {
    LOOP {
        fw_buffer *buffer;
        OK(fw_buffer_new_allocate(PACKET, NULL, &buffer));
        fw_buffer_unref(buffer);
    }
}

static void gst_reference(unsigned long count) { LOOP gst_buffer_unref(gst_buffer_ref(gst_one)); }
static void fw_reference(unsigned long count) { LOOP fw_buffer_unref(fw_buffer_ref(fw_one)); }

static void gst_map(unsigned long count) {
    LOOP {
        GstMapInfo info;
        if (!gst_buffer_map(gst_one, &info, GST_MAP_READ)) fail("gst_buffer_map");
        gst_buffer_unmap(gst_one, &info);
    }
}

static void fw_map(unsigned long count) {
    LOOP {
        fw_map_info info;
        OK(fw_buffer_map(fw_one, FW_MAP_READ, &info));
        OK(fw_buffer_unmap(fw_one, &info));
    }
}

static void gst_copy(unsigned long count) { LOOP gst_buffer_unref(gst_buffer_copy(gst_one)); }
static void gst_copy_16(unsigned long count) { LOOP gst_buffer_unref(gst_buffer_copy(gst_sixteen)); }

static void copy_fw(fw_buffer *source, unsigned long count) {
    LOOP {
        fw_buffer *copy;
        OK(fw_buffer_copy(source, &copy));
        fw_buffer_unref(copy);
    }
}

static void fw_copy(unsigned long count) { copy_fw(fw_one, count); }
static void fw_copy_16(unsigned long count) { copy_fw(fw_sixteen, count); }

static void gst_region(unsigned long count) {
    LOOP gst_buffer_unref(gst_buffer_copy_region(gst_one, GST_BUFFER_COPY_ALL, 100, 1000));
}

static void fw_region(unsigned long count) {
    LOOP {
        fw_buffer *copy;
        OK(fw_buffer_copy_region(fw_one, FW_BUFFER_COPY_ALL, 100, 1000, &copy));
        fw_buffer_unref(copy);
    }
}

static void gst_lend(unsigned long count) {
    LOOP {
        GstBuffer *buffer;
        if (gst_buffer_pool_acquire_buffer(gst_pool, &buffer, NULL) != GST_FLOW_OK) fail("acquire");
        gst_buffer_unref(buffer);
    }
}

static void fw_lend(unsigned long count) {
    LOOP {
        fw_buffer *buffer;
        OK(fw_buffer_pool_acquire(fw_pool, NULL, &buffer));
        fw_buffer_unref(buffer);
    }
}

static void gst_meta(unsigned long count) {
    LOOP {
        GstParentBufferMeta *meta = gst_buffer_add_parent_buffer_meta(gst_carrier, gst_parent);
        gst_buffer_remove_meta(gst_carrier, &meta->parent);
    }
}

static void fw_add_meta(unsigned long count) {
    LOOP {
        fw_meta *meta;
        OK(fw_buffer_add_parent_buffer_meta(fw_carrier, fw_parent, &meta));
        OK(fw_buffer_remove_meta(fw_carrier, meta));
    }
}

static void append_gst(unsigned long count, int memories, size_t size) {
    LOOP {
        GstBuffer *buffer = gst_buffer_new();
        for (int j = 0; j < memories; j++) gst_buffer_append_memory(buffer, gst_allocator_alloc(NULL, size, NULL));
        gst_buffer_unref(buffer);
    }
}

static void append_fw(unsigned long count, int memories, size_t size) {
    LOOP {
        fw_buffer *buffer;
        OK(fw_buffer_new(&buffer));
        for (int j = 0; j < memories; j++) {
            fw_memory *memory;
            OK(fw_memory_new(size, NULL, &memory));
            OK(fw_buffer_append_memory(buffer, memory));
        }
        fw_buffer_unref(buffer);
    }
}

static void gst_append_17(unsigned long count) { append_gst(count, 17, 64); }
static void fw_append_17(unsigned long count) { append_fw(count, 17, 64); }
static void gst_append_64(unsigned long count) { append_gst(count, 64, 65536); }
static void fw_append_64(unsigned long count) { append_fw(count, 64, 65536); }

/* One packet of a fragmented picture: a header of 14 bytes, and a part of the picture without a copy. */
static void gst_packet(unsigned long count) {
    LOOP {
        gsize offset = (i % 40) * PAYLOAD;
        GstBuffer *packet = gst_buffer_new_allocate(NULL, sizeof rtp_header, NULL);
        gst_buffer_fill(packet, 0, rtp_header, sizeof rtp_header);
        GST_BUFFER_PTS(packet) = 40000000;
        packet = gst_buffer_append(packet, gst_buffer_copy_region(gst_frame, GST_BUFFER_COPY_MEMORY, offset, PAYLOAD));
        gst_buffer_unref(packet);
    }
}

static void fw_packet(unsigned long count) {
    LOOP {
        size_t offset = (i % 40) * PAYLOAD;
        fw_buffer *packet, *payload;
        OK(fw_buffer_new_allocate(sizeof rtp_header, NULL, &packet));
        OK(fw_buffer_fill(packet, 0, rtp_header, sizeof rtp_header, NULL));
        OK(fw_buffer_set_pts(packet, 40000000));
        OK(fw_buffer_copy_region(fw_frame_bytes, FW_BUFFER_COPY_MEMORY, offset, PAYLOAD, &payload));
        OK(fw_buffer_append(&packet, payload));
        fw_buffer_unref(packet);
    }
}

typedef struct bench {
    const char *name;
    void (*run[SIDES])(unsigned long count); /* libgstreamer, Framewire */
    unsigned long count;                     /* operations in a round */
    double ns[SIDES][MAX_ROUNDS];
    double median[SIDES];
    double allocations[SIDES], bytes[SIDES]; /* of one operation */
} bench;

static bench benches[] = {
    {.name = "new, unref", .run = {gst_new, fw_new}},
    {.name = "allocate 1400 B, unref", .run = {gst_allocate, fw_allocate}},
    {.name = "ref, unref", .run = {gst_reference, fw_reference}},
    {.name = "map, unmap", .run = {gst_map, fw_map}},
    {.name = "shallow copy, 1 memory", .run = {gst_copy, fw_copy}},
    {.name = "shallow copy, 16 memories", .run = {gst_copy_16, fw_copy_16}},
    {.name = "region copy", .run = {gst_region, fw_region}},
    {.name = "pool acquire, release", .run = {gst_lend, fw_lend}},
    {.name = "parent meta add, remove", .run = {gst_meta, fw_add_meta}},
    {.name = "append 17 x 64 B", .run = {gst_append_17, fw_append_17}},
    {.name = "append 64 x 64 KiB", .run = {gst_append_64, fw_append_64}},
    {.name = "one FU-A packet", .run = {gst_packet, fw_packet}},
};

enum { BENCHES = sizeof benches / sizeof *benches };

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* As many operations as take the slower side about a round's time. */
static void calibrate(bench *one) {
    double slowest;
    one->count = 1;
    for (;;) {
        slowest = 0;
        for (int s = 0; s < SIDES; s++) {
            double start = now(), took;
            one->run[s](one->count);
            took = now() - start;
            if (took > slowest) slowest = took;
        }
        if (slowest > ROUND_SECONDS / 2) break;
        one->count *= 2;
    }
}

static void count_one(bench *one) {
    enum { OPERATIONS = 100 };
    for (int s = 0; s < SIDES; s++) {
        allocations = bytes_copied = 0;
        counting = 1;
        one->run[s](OPERATIONS);
        counting = 0;
        one->allocations[s] = (double)allocations / OPERATIONS;
        one->bytes[s] = (double)bytes_copied / OPERATIONS;
    }
}

static void print_table(int selected, double mean, double sum_ratio) {
    printf("%-26s %10s %10s %7s   %15s   %17s\n", "", "gst ns", "fw ns", "gst/fw", "allocations", "bytes copied");
    for (int i = 0; i < BENCHES; i++) {
        const bench *b = &benches[i];
        if (b->count == 0) continue;
        printf("%-26s %10.1f %10.1f %7.2f   %7.1f %7.1f   %8.0f %8.0f%s\n", b->name, b->median[0], b->median[1],
               b->median[0] / b->median[1], b->allocations[0], b->allocations[1], b->bytes[0], b->bytes[1],
               b->median[0] < b->median[1] ? "   slower" : "");
    }
    printf("geometric mean of %d ratios: %.2f; ratio of the sums: %.2f\n", selected, mean, sum_ratio);
}

static void print_json(double mean, double sum_ratio) {
    const char *separator = "";
    printf("{\"unit\": \"ns\", \"cases\": [");
    for (int i = 0; i < BENCHES; i++) {
        const bench *b = &benches[i];
        if (b->count == 0) continue;
        printf("%s\n  {\"name\": \"%s\", \"gstreamer\": %.2f, \"framewire\": %.2f, \"ratio\": %.3f, "
               "\"allocations\": [%.2f, %.2f], \"bytes_copied\": [%.1f, %.1f]}",
               separator, b->name, b->median[0], b->median[1], b->median[0] / b->median[1], b->allocations[0],
               b->allocations[1], b->bytes[0], b->bytes[1]);
        separator = ",";
    }
    printf("\n], \"geometric_mean\": %.3f, \"ratio_of_sums\": %.3f}\n", mean, sum_ratio);
}

int main(int argc, char **argv) {
    int rounds = 15, json = 0, selected = 0;
    const char *only = "";
    double logs = 0, sums[SIDES] = {0, 0};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0) json = 1;
        else if (strcmp(argv[i], "--rounds") == 0 && i + 1 < argc) rounds = atoi(argv[++i]);
        else if (strcmp(argv[i], "--only") == 0 && i + 1 < argc) only = argv[++i];
        else rounds = 0;
    }
    if (rounds < 1 || rounds > MAX_ROUNDS) {
        fprintf(stderr, "usage: buffers_benchmark [--rounds 1..%d] [--json] [--only TEXT]\n", MAX_ROUNDS);
        return 2;
    }
    prepare();
    for (int i = 0; i < BENCHES; i++)
        if (strstr(benches[i].name, only) != NULL) calibrate(&benches[i]);
    for (int round = 0; round < rounds; round++) {
        for (int i = 0; i < BENCHES; i++) {
            bench *b = &benches[i];
            if (b->count == 0) continue;
            for (int turn = 0; turn < SIDES; turn++) {
                int s = (turn + round) % SIDES; /* each side is first in every other round */
                double start = now();
                b->run[s](b->count);
                b->ns[s][round] = (now() - start) * 1e9 / (double)b->count;
            }
        }
    }
    for (int i = 0; i < BENCHES; i++) {
        bench *b = &benches[i];
        if (b->count == 0) continue;
        count_one(b);
        for (int s = 0; s < SIDES; s++) {
            qsort(b->ns[s], (size_t)rounds, sizeof(double), compare);
            b->median[s] = b->ns[s][rounds / 2];
            sums[s] += b->median[s];
        }
        logs += log(b->median[0] / b->median[1]);
        selected++;
    }
    finish();
    if (selected == 0) {
        fprintf(stderr, "buffers_benchmark: no case has '%s' in its name\n", only);
        return 2;
    }
    if (json) print_json(exp(logs / selected), sums[0] / sums[1]);
    else print_table(selected, exp(logs / selected), sums[0] / sums[1]);
    return 0;
}
