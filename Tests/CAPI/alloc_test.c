/*
 * Counts every allocation of the process, on all threads, while frames go from a sender over TCP loopback to a receiver: there
 * must be none once both are warm, and no pixel is copied between the caller's memory and the compressor.
 *
 * With FRAMEWIRE_ALLOC_TRACE set, each allocation that is counted prints where it came from.
 */
#define _GNU_SOURCE
#include "support.h"

#include <dlfcn.h>
#include <execinfo.h>

/* The GNU C library's atomic built-ins, because C99 has none. */
static int counting;
static int allocations;
static int tracing;
static __thread int inside;

/* Looking a function up may allocate; that early memory comes from here and is never given back. */
static char early[16384];
static size_t early_used;

static void *early_bytes(size_t size) {
    void *result = early + early_used;
    early_used += (size + 15) & ~(size_t)15;
    if (early_used > sizeof early) abort();
    return result;
}

static int is_early(const void *pointer) {
    return (const char *)pointer >= early && (const char *)pointer < early + sizeof early;
}

static void note(size_t size) {
    if (!__atomic_load_n(&counting, __ATOMIC_SEQ_CST) || inside) return;
    __atomic_add_fetch(&allocations, 1, __ATOMIC_SEQ_CST);
    if (tracing) {
        void *frames[16];
        int count;
        inside = 1;
        fprintf(stderr, "allocation of %lu bytes:\n", (unsigned long)size);
        count = backtrace(frames, 16);
        backtrace_symbols_fd(frames, count, 2);
        inside = 0;
    }
}

/* The function of the C library that one of ours stands before. */
#define REAL(name)                                                                                                   \
    static void *found;                                                                                              \
    static int looking;                                                                                              \
    if (found == NULL && !looking) {                                                                                 \
        looking = 1;                                                                                                 \
        found = dlsym(RTLD_NEXT, name);                                                                              \
        looking = 0;                                                                                                 \
    }

void *malloc(size_t size) {
    void *(*real)(size_t);
    REAL("malloc")
    if (found == NULL) return early_bytes(size);
    note(size);
    memcpy(&real, &found, sizeof real);
    return real(size);
}

void *calloc(size_t count, size_t size) {
    void *(*real)(size_t, size_t);
    REAL("calloc")
    if (found == NULL) return early_bytes(count * size);
    note(count * size);
    memcpy(&real, &found, sizeof real);
    return real(count, size);
}

void *realloc(void *pointer, size_t size) {
    void *(*real)(void *, size_t);
    REAL("realloc")
    if (found == NULL || is_early(pointer)) abort();
    note(size);
    memcpy(&real, &found, sizeof real);
    return real(pointer, size);
}

int posix_memalign(void **out, size_t alignment, size_t size) {
    int (*real)(void **, size_t, size_t);
    REAL("posix_memalign")
    note(size);
    memcpy(&real, &found, sizeof real);
    return real(out, alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    void *(*real)(size_t, size_t);
    REAL("aligned_alloc")
    note(size);
    memcpy(&real, &found, sizeof real);
    return real(alignment, size);
}

void free(void *pointer) {
    void (*real)(void *);
    REAL("free")
    if (pointer == NULL || found == NULL || is_early(pointer)) return;
    memcpy(&real, &found, sizeof real);
    real(pointer);
}

enum { WARM_UP = 50, MEASURED = 200, QUICK_MEASURED = 20 };

typedef enum way { ACQUIRE, PUSH, WRAPPED, BUFFER, METADATA, WRAPPED_METADATA, METAS } way;

static void *wrapped_pixels;
static fw_buffer *pixel_buffer, *buffer_with_meta;
static const fw_meta_type *number_type;

static void wrapped_done(void *user) { ++*(int *)user; }

static void set_values(fw_frame *frame, int number) {
    float matrix[16] = {1, 2, 3};
    char text[128];
    memset(text, 'a' + number % 20, sizeof text);
    text[number % 100] = '\0';
    CHECK_OK(fw_frame_set_text(frame, "scene", text));
    CHECK_OK(fw_frame_set_matrix(frame, "view", matrix));
    CHECK_OK(fw_frame_set_bytes(frame, "number", &number, sizeof number));
    CHECK_OK(fw_frame_set_text(frame, "scene", text + 1));
}

static void expect_values(fw_frame *frame, int number) {
    const char *text;
    const void *bytes;
    float matrix[16];
    size_t size;
    CHECK(fw_frame_metadata_count(frame) == 3);
    CHECK_OK(fw_frame_get_text(frame, "scene", &text));
    CHECK_OK(fw_frame_get_matrix(frame, "view", matrix));
    CHECK_OK(fw_frame_get_bytes(frame, "number", &bytes, &size));
    CHECK(size == sizeof number && memcmp(bytes, &number, size) == 0 && matrix[2] == 3);
}

static fw_status write_number(const void *data, void *bytes, size_t capacity, size_t *size, void *user) {
    (void)user;
    *size = sizeof(int);
    if (capacity >= sizeof(int)) memcpy(bytes, data, sizeof(int));
    return FW_OK;
}

static fw_status read_number(void *data, const void *bytes, size_t size, fw_buffer *buffer, void *user) {
    (void)buffer, (void)user;
    if (size != sizeof(int)) return FW_ERROR_CORRUPT;
    memcpy(data, bytes, size);
    return FW_OK;
}

static void exchange(fw_sender *sender, fw_receiver *receiver, const fw_frame_info *info, way how, int count) {
    size_t size = picture_size(info);
    int released = 0;
    int i;
    for (i = 0; i < count; i++) {
        fw_frame *frame = NULL;
        switch (how) {
        case ACQUIRE:
            CHECK_OK(fw_sender_acquire(sender, info, &frame));
            memset(fw_frame_data(frame), i, size);
            CHECK_OK(fw_sender_submit(sender, frame));
            break;
        case PUSH: CHECK_OK(fw_sender_push(sender, info, wrapped_pixels, size)); break;
        case WRAPPED:
            CHECK_OK(fw_sender_push_wrapped(sender, info, wrapped_pixels, size, wrapped_done, &released));
            break;
        case BUFFER: CHECK_OK(fw_sender_push_buffer(sender, info, pixel_buffer)); break;
        case METADATA:
            CHECK_OK(fw_sender_acquire(sender, info, &frame));
            memset(fw_frame_data(frame), i, size);
            set_values(frame, i);
            CHECK_OK(fw_sender_submit(sender, frame));
            break;
        case WRAPPED_METADATA:
            CHECK_OK(fw_sender_wrap(sender, info, wrapped_pixels, size, wrapped_done, &released, &frame));
            set_values(frame, i);
            CHECK_OK(fw_sender_submit(sender, frame));
            break;
        case METAS: CHECK_OK(fw_sender_push_buffer(sender, info, buffer_with_meta)); break;
        }
        CHECK_OK(fw_receiver_next(receiver, -1, &frame));
        CHECK(fw_frame_size(frame) == size);
        if (how == METADATA || how == WRAPPED_METADATA) expect_values(frame, i);
        if (how == METAS) {
            fw_meta *meta = fw_buffer_get_meta(fw_frame_buffer(frame), number_type);
            CHECK(*(const int *)fw_meta_data(meta) == 42);
        }
        fw_frame_unref(frame);
    }
    CHECK_OK(fw_sender_flush(sender, PATIENCE));
    if (how == WRAPPED || how == WRAPPED_METADATA) AWAIT(__atomic_load_n(&released, __ATOMIC_SEQ_CST) == count);
}

/* How many frames are in use at once depends on the threads' timing, so both pools are filled first. */
static void warm_up(fw_sender *sender, fw_receiver *receiver, const fw_frame_info *info, way how) {
    fw_frame *frames[4];
    int i;
    for (i = 0; i < 4; i++) CHECK_OK(fw_sender_acquire(sender, info, &frames[i]));
    for (i = 0; i < 4; i++) {
        memset(fw_frame_data(frames[i]), i, fw_frame_size(frames[i]));
        if (how >= METADATA) set_values(frames[i], 99);
        CHECK_OK(fw_sender_submit(sender, frames[i]));
    }
    for (i = 0; i < 4; i++) CHECK_OK(fw_receiver_next(receiver, PATIENCE, &frames[i]));
    for (i = 0; i < 4; i++) fw_frame_unref(frames[i]);
    exchange(sender, receiver, info, how, WARM_UP);
}

static void measure(const char *name, fw_profile profile, fw_row_order order, way how) {
    fw_sender_options sending = FW_SENDER_OPTIONS_INIT;
    fw_sender *sender;
    fw_receiver *receiver;
    fw_frame_info info = picture(640, 360);
    uint64_t copied;
    int found;
    sending.profile = profile;
    sending.overflow = FW_OVERFLOW_BLOCK;
    sending.threads = 2;
    info.row_order = order;
    open_pair(&sending, NULL, &sender, &receiver);
    warm_up(sender, receiver, &info, how);
    copied = sender_stats(sender).pixel_bytes_copied;
    __atomic_store_n(&allocations, 0, __ATOMIC_SEQ_CST);
    __atomic_store_n(&counting, 1, __ATOMIC_SEQ_CST);
    exchange(sender, receiver, &info, how, quick() ? QUICK_MEASURED : MEASURED);
    __atomic_store_n(&counting, 0, __ATOMIC_SEQ_CST);
    found = __atomic_load_n(&allocations, __ATOMIC_SEQ_CST);
    if (found != 0) {
        fprintf(stderr, "%s: %d allocations in %d frames\n", name, found, quick() ? QUICK_MEASURED : MEASURED);
    }
    CHECK(found == 0);
    copied = sender_stats(sender).pixel_bytes_copied - copied;
    CHECK(how == PUSH ? copied > 0 : copied == 0);
    fw_sender_close(sender);
    fw_receiver_close(receiver);
}

static void start_counting(void) {
    __atomic_store_n(&allocations, 0, __ATOMIC_SEQ_CST);
    __atomic_store_n(&counting, 1, __ATOMIC_SEQ_CST);
}

static int stop_counting(void) {
    __atomic_store_n(&counting, 0, __ATOMIC_SEQ_CST);
    return __atomic_load_n(&allocations, __ATOMIC_SEQ_CST);
}

/* Two receivers, which share what is encoded. */
static void measure_two(const char *name, fw_profile profile, way how) {
    fw_sender_options sending = FW_SENDER_OPTIONS_INIT;
    fw_sender *sender;
    fw_receiver *receivers[2];
    fw_frame_info info = picture(640, 360);
    size_t size = picture_size(&info);
    int found, i, k, released = 0, count = quick() ? QUICK_MEASURED : MEASURED;
    sending.profile = profile;
    sending.overflow = FW_OVERFLOW_BLOCK;
    sending.threads = 2;
    CHECK_OK(fw_sender_open("tcp://127.0.0.1:0?listen=1", &sending, &sender));
    for (k = 0; k < 2; k++) {
        CHECK_OK(fw_receiver_open(tcp_url(fw_sender_port(sender), "?connect=1"), NULL, &receivers[k]));
    }
    AWAIT(fw_sender_receiver_count(sender) == 2);
    __atomic_store_n(&allocations, 0, __ATOMIC_SEQ_CST);
    for (i = -WARM_UP; i < count; i++) {
        fw_frame *frames[4];
        if (i == -WARM_UP || i == 0) {
            /* How many frames are in use at once depends on the threads' timing, so the pools are filled first. */
            for (k = 0; k < 4; k++) CHECK_OK(fw_sender_acquire(sender, &info, &frames[k]));
            for (k = 0; k < 4; k++) fw_frame_unref(frames[k]);
            __atomic_store_n(&counting, i == 0, __ATOMIC_SEQ_CST);
        }
        if (how == WRAPPED) {
            CHECK_OK(fw_sender_push_wrapped(sender, &info, wrapped_pixels, size, wrapped_done, &released));
        } else {
            CHECK_OK(fw_sender_push(sender, &info, wrapped_pixels, size));
        }
        for (k = 0; k < 2; k++) {
            CHECK_OK(fw_receiver_next(receivers[k], -1, &frames[k]));
            CHECK(fw_frame_size(frames[k]) == size);
        }
        for (k = 0; k < 2; k++) fw_frame_unref(frames[k]);
    }
    __atomic_store_n(&counting, 0, __ATOMIC_SEQ_CST);
    found = __atomic_load_n(&allocations, __ATOMIC_SEQ_CST);
    if (found != 0) fprintf(stderr, "%s: %d allocations in %d frames\n", name, found, count);
    CHECK(found == 0);
    CHECK_OK(fw_sender_flush(sender, PATIENCE));
    if (profile != FW_PROFILE_AUTO) CHECK(sender_stats(sender).frames_encoded == (uint64_t)(WARM_UP + count));
    fw_sender_close(sender);
    for (k = 0; k < 2; k++) fw_receiver_close(receivers[k]);
}

/* Two senders of pictures of different sizes, to one receiver. */
static void measure_two_senders(const char *name, fw_profile profile) {
    fw_sender_options sending = FW_SENDER_OPTIONS_INIT;
    fw_sender *senders[2];
    fw_receiver *receiver;
    fw_frame_info infos[2];
    fw_frame *held[8];
    int found, i, k, count = quick() ? QUICK_MEASURED : MEASURED;
    sending.profile = profile;
    sending.overflow = FW_OVERFLOW_BLOCK;
    sending.threads = 2;
    infos[0] = picture(640, 360);
    infos[1] = picture(320, 200);
    CHECK_OK(fw_receiver_open("tcp://127.0.0.1:0", NULL, &receiver));
    for (k = 0; k < 2; k++) CHECK_OK(fw_sender_open(tcp_url(fw_receiver_port(receiver), ""), &sending, &senders[k]));
    AWAIT(receiver_stats(receiver).peers == 2);
    for (i = -WARM_UP; i < count; i++) {
        int round = i + WARM_UP;
        if (i == -WARM_UP || i == 0) {
            for (k = 0; k < 8; k++) CHECK_OK(fw_sender_acquire(senders[k / 4], &infos[k / 4], &held[k]));
            for (k = 0; k < 8; k++) fw_frame_unref(held[k]);
        }
        if (i == 0) start_counting();
        for (k = 0; k < 2; k++) {
            CHECK_OK(fw_sender_push(senders[k], &infos[k], wrapped_pixels, picture_size(&infos[k])));
        }
        for (k = 0; k < 2; k++) {
            fw_frame *frame;
            CHECK_OK(fw_receiver_next(receiver, -1, &frame));
            /* At first some are held, so that the pool for each sender is filled. */
            if (round < 4) held[2 * round + k] = frame;
            else fw_frame_unref(frame);
        }
        if (round == 3) {
            for (k = 0; k < 8; k++) fw_frame_unref(held[k]);
        }
    }
    found = stop_counting();
    if (found != 0) fprintf(stderr, "%s: %d allocations in %d frames\n", name, found, count);
    CHECK(found == 0);
    for (k = 0; k < 2; k++) fw_sender_close(senders[k]);
    fw_receiver_close(receiver);
}

/* ------------------------------------------------------------------------------------------------- buffers */

/* CHECKs how often `statement` allocates. */
#define CHECK_ALLOCATIONS(wanted, statement)                                                                         \
    do {                                                                                                             \
        int found_;                                                                                                  \
        start_counting();                                                                                            \
        statement;                                                                                                   \
        found_ = stop_counting();                                                                                    \
        if (found_ != (wanted)) {                                                                                    \
            fprintf(stderr, "%s:%d: %d allocations, not %d: %s\n", __FILE__, __LINE__, found_, (wanted), #statement); \
            exit(1);                                                                                                 \
        }                                                                                                            \
    } while (0)

static unsigned char block[16];

static fw_buffer *buffer_of_16_memories(void) {
    fw_buffer *buffer;
    fw_memory *memory;
    int i;
    CHECK_OK(fw_buffer_new(&buffer));
    for (i = 0; i < 16; i++) {
        CHECK_OK(fw_memory_new_wrapped(block, sizeof block, 0, sizeof block, 0, NULL, NULL, &memory));
        CHECK_OK(fw_buffer_append_memory(buffer, memory));
    }
    return buffer;
}

static void sixteen_memories_need_no_block_of_their_own(void) {
    fw_buffer *buffer;
    fw_memory *memory;
    int i;
    CHECK_OK(fw_buffer_new(&buffer));
    for (i = 1; i <= 33; i++) {
        CHECK_OK(fw_memory_new_wrapped(block, sizeof block, 0, sizeof block, 0, NULL, NULL, &memory));
        /* One grows from 16 places to 32, one from 32 to 64. */
        CHECK_ALLOCATIONS(i == 17 || i == 33 ? 1 : 0, CHECK_OK(fw_buffer_append_memory(buffer, memory)));
    }
    CHECK(fw_buffer_memory_count(buffer) == 33);
    fw_buffer_unref(buffer);
}

static void a_warm_pool_allocates_nothing(void) {
    fw_buffer_pool_config config = FW_BUFFER_POOL_CONFIG_INIT;
    fw_buffer_pool *pool;
    fw_buffer *buffer;
    fw_map_info map;
    int i;
    config.size = 1400;
    config.min_buffers = 1;
    CHECK_OK(fw_buffer_pool_new(&pool));
    CHECK_OK(fw_buffer_pool_set_config(pool, &config));
    CHECK_OK(fw_buffer_pool_set_active(pool, 1));
    for (i = 0; i < 3; i++) {
        CHECK_ALLOCATIONS(0, CHECK_OK(fw_buffer_pool_acquire(pool, NULL, &buffer)));
        CHECK_ALLOCATIONS(0, CHECK_OK(fw_buffer_map(buffer, FW_MAP_WRITE, &map)));
        CHECK_ALLOCATIONS(0, CHECK_OK(fw_buffer_unmap(buffer, &map)));
        CHECK_ALLOCATIONS(0, CHECK_OK(fw_buffer_set_pts(buffer, i)));
        CHECK_ALLOCATIONS(0, fw_buffer_unref(buffer));
    }
    fw_buffer_pool_free(pool);
}

/* A pool that is asked for more than it may have, and not to wait, does not pay for saying no. */
static void a_refused_buffer_costs_no_more_than_its_sentence(void) {
    fw_buffer_pool_config config = FW_BUFFER_POOL_CONFIG_INIT;
    fw_acquire_params params = FW_ACQUIRE_PARAMS_INIT;
    fw_buffer_pool *pool;
    fw_buffer *buffer, *none = NULL;
    config.size = 10;
    config.max_buffers = 1;
    params.flags = FW_ACQUIRE_FLAG_DONT_WAIT;
    CHECK_OK(fw_buffer_pool_new(&pool));
    CHECK_OK(fw_buffer_pool_set_config(pool, &config));
    CHECK_OK(fw_buffer_pool_set_active(pool, 1));
    CHECK_OK(fw_buffer_pool_acquire(pool, NULL, &buffer));
    CHECK_ALLOCATIONS(0, CHECK(fw_buffer_pool_acquire(pool, &params, &none) == FW_ERROR_WOULD_BLOCK));
    fw_buffer_unref(buffer);
    fw_buffer_pool_free(pool);
}

static void copies_that_share_allocate_one_object(void) {
    fw_buffer *buffer = buffer_of_16_memories(), *copy;
    CHECK_ALLOCATIONS(1, CHECK_OK(fw_buffer_copy(buffer, &copy)));
    CHECK_ALLOCATIONS(0, fw_buffer_unref(copy));
    /* Whole memories are shared; each of the two that are cut is a share, an object of its own. */
    CHECK_ALLOCATIONS(1, CHECK_OK(fw_buffer_copy_region(buffer, FW_BUFFER_COPY_ALL, 16, 224, &copy)));
    fw_buffer_unref(copy);
    CHECK_ALLOCATIONS(3, CHECK_OK(fw_buffer_copy_region(buffer, FW_BUFFER_COPY_ALL, 1, 250, &copy)));
    fw_buffer_unref(copy);
    fw_buffer_unref(buffer);
}

static void references_maps_and_small_metas_allocate_nothing(void) {
    fw_buffer *buffer, *parent;
    fw_map_info map;
    fw_meta *meta;
    CHECK_OK(fw_buffer_new_allocate(64, NULL, &buffer));
    CHECK_OK(fw_buffer_new(&parent));
    CHECK_ALLOCATIONS(0, fw_buffer_unref(fw_buffer_ref(buffer)));
    CHECK_ALLOCATIONS(0, CHECK_OK(fw_buffer_map(buffer, FW_MAP_READ_WRITE, &map)));
    CHECK_ALLOCATIONS(0, CHECK_OK(fw_buffer_unmap(buffer, &map)));
    /* The ready-made types are registered when the first is asked for. */
    CHECK(fw_parent_buffer_meta_type() != NULL);
    CHECK_ALLOCATIONS(0, CHECK_OK(fw_buffer_add_parent_buffer_meta(buffer, parent, &meta)));
    CHECK_ALLOCATIONS(0, CHECK_OK(fw_buffer_remove_meta(buffer, meta)));
    fw_buffer_unref(parent);
    fw_buffer_unref(buffer);
}

/* A counter that counts nothing would make every other check pass. */
static void counter_counts(void) {
    void *volatile pointer;
    __atomic_store_n(&counting, 1, __ATOMIC_SEQ_CST);
    pointer = malloc(10);
    free(pointer);
    __atomic_store_n(&counting, 0, __ATOMIC_SEQ_CST);
    CHECK(__atomic_load_n(&allocations, __ATOMIC_SEQ_CST) == 1);
}

int main(void) {
    void *warm[1];
    fw_meta_type_info type_info = FW_META_TYPE_INFO_INIT;
    fw_meta *meta;
    fw_frame_info info = picture(640, 360);
    begin_test();
    tracing = getenv("FRAMEWIRE_ALLOC_TRACE") != NULL;
    backtrace(warm, 1);
    wrapped_pixels = malloc(picture_size(&info));
    CHECK(wrapped_pixels != NULL);
    paint(wrapped_pixels, picture_size(&info), 1);
    CHECK_OK(fw_buffer_new_wrapped(wrapped_pixels, picture_size(&info), 0, picture_size(&info),
                                   FW_MEMORY_FLAG_READ_ONLY, NULL, NULL, &pixel_buffer));
    type_info.name = "tests/number";
    type_info.size = sizeof(int);
    type_info.serialize = write_number;
    type_info.deserialize = read_number;
    CHECK_OK(fw_meta_type_register(&type_info, &number_type));
    CHECK_OK(fw_buffer_new_wrapped(wrapped_pixels, picture_size(&info), 0, picture_size(&info),
                                   FW_MEMORY_FLAG_READ_ONLY, NULL, NULL, &buffer_with_meta));
    CHECK_OK(fw_buffer_add_meta(buffer_with_meta, number_type, NULL, &meta));
    *(int *)fw_meta_data_writable(meta) = 42;
    counter_counts();
    sixteen_memories_need_no_block_of_their_own();
    a_warm_pool_allocates_nothing();
    a_refused_buffer_costs_no_more_than_its_sentence();
    copies_that_share_allocate_one_object();
    references_maps_and_small_metas_allocate_nothing();
    measure("lz4, acquire and submit, top-down", FW_PROFILE_LZ4, FW_ROW_ORDER_TOP_DOWN, ACQUIRE);
    measure("lz4, acquire and submit, bottom-up", FW_PROFILE_LZ4, FW_ROW_ORDER_BOTTOM_UP, ACQUIRE);
    measure("raw, acquire and submit, top-down", FW_PROFILE_RAW, FW_ROW_ORDER_TOP_DOWN, ACQUIRE);
    measure("raw, acquire and submit, bottom-up", FW_PROFILE_RAW, FW_ROW_ORDER_BOTTOM_UP, ACQUIRE);
    measure("lz4, push", FW_PROFILE_LZ4, FW_ROW_ORDER_TOP_DOWN, PUSH);
    measure("raw, push", FW_PROFILE_RAW, FW_ROW_ORDER_TOP_DOWN, PUSH);
    measure("lz4, push_wrapped", FW_PROFILE_LZ4, FW_ROW_ORDER_TOP_DOWN, WRAPPED);
    measure("raw, push_wrapped", FW_PROFILE_RAW, FW_ROW_ORDER_TOP_DOWN, WRAPPED);
    measure("lz4, push_buffer", FW_PROFILE_LZ4, FW_ROW_ORDER_TOP_DOWN, BUFFER);
    measure("raw, push_buffer", FW_PROFILE_RAW, FW_ROW_ORDER_TOP_DOWN, BUFFER);
    measure("tile, acquire and submit, top-down", FW_PROFILE_TILE, FW_ROW_ORDER_TOP_DOWN, ACQUIRE);
    measure("tile, acquire and submit, bottom-up", FW_PROFILE_TILE, FW_ROW_ORDER_BOTTOM_UP, ACQUIRE);
    measure("tile, push", FW_PROFILE_TILE, FW_ROW_ORDER_TOP_DOWN, PUSH);
    measure("tile, push_wrapped", FW_PROFILE_TILE, FW_ROW_ORDER_BOTTOM_UP, WRAPPED);
    measure("tile, push_buffer", FW_PROFILE_TILE, FW_ROW_ORDER_TOP_DOWN, BUFFER);
    measure("huffman, push", FW_PROFILE_HUFFMAN, FW_ROW_ORDER_TOP_DOWN, PUSH);
    measure("auto, acquire and submit", FW_PROFILE_AUTO, FW_ROW_ORDER_TOP_DOWN, ACQUIRE);
    measure_two("two receivers, lz4, push", FW_PROFILE_LZ4, PUSH);
    measure_two("two receivers, raw, push_wrapped", FW_PROFILE_RAW, WRAPPED);
    measure_two("two receivers, tile, push", FW_PROFILE_TILE, PUSH);
    measure_two("two receivers, tile, push_wrapped", FW_PROFILE_TILE, WRAPPED);
    measure_two("two receivers, auto, push", FW_PROFILE_AUTO, PUSH);
    measure_two_senders("two senders, lz4", FW_PROFILE_LZ4);
    measure_two_senders("two senders, tile", FW_PROFILE_TILE);
    measure("lz4, metadata", FW_PROFILE_LZ4, FW_ROW_ORDER_TOP_DOWN, METADATA);
    measure("raw, metadata", FW_PROFILE_RAW, FW_ROW_ORDER_TOP_DOWN, METADATA);
    measure("tile, metadata", FW_PROFILE_TILE, FW_ROW_ORDER_TOP_DOWN, METADATA);
    measure("tile, wrap with metadata", FW_PROFILE_TILE, FW_ROW_ORDER_BOTTOM_UP, WRAPPED_METADATA);
    measure("lz4, metas of a buffer", FW_PROFILE_LZ4, FW_ROW_ORDER_TOP_DOWN, METAS);
    fw_buffer_unref(pixel_buffer);
    fw_buffer_unref(buffer_with_meta);
    free(wrapped_pixels);
    printf("alloc_test: ok\n");
    return 0;
}
