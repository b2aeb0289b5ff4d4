/* One buffer, one memory, one list and one pool in the hands of several threads. */
#include "support.h"

#include <pthread.h>

enum { THREADS = 4, MEMORIES = 3, BLOCK = 64, POOLED = 3 };

static int rounds;

static fw_buffer *shared;
static fw_memory *memory;
static fw_buffer_list *list;
static fw_buffer_pool *pool;
static int released;
static int working;

static void count_up(void *user) { __atomic_add_fetch((int *)user, 1, __ATOMIC_SEQ_CST); }

static int value_of(const int *counter) { return __atomic_load_n(counter, __ATOMIC_SEQ_CST); }

static void on_threads(void *(*body)(void *)) {
    pthread_t threads[THREADS];
    int i;
    for (i = 0; i < THREADS; i++) CHECK(pthread_create(&threads[i], NULL, body, (void *)(intptr_t)i) == 0);
    for (i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
}

/* The byte at `place` of the shared buffer: each memory is filled with its number. */
static unsigned char wanted(size_t place) { return (unsigned char)(place / BLOCK + 1); }

static void check_bytes(fw_buffer *buffer, size_t offset) {
    fw_map_info map;
    size_t i;
    CHECK_OK(fw_buffer_map(buffer, FW_MAP_READ, &map));
    for (i = 0; i < map.size; i++) CHECK(((const unsigned char *)map.data)[i] == wanted(offset + i));
    CHECK_OK(fw_buffer_unmap(buffer, &map));
}

/* What a thread may do with a buffer that others have too. */
static void use_shared_buffer(int way) {
    fw_buffer *mine = NULL;
    fw_map_info map;
    switch (way % 5) {
    case 0:
        mine = fw_buffer_ref(shared);
        check_bytes(mine, 0);
        CHECK(fw_buffer_map(mine, FW_MAP_WRITE, &map) == FW_ERROR_NOT_WRITABLE);
        break;
    case 1:
        CHECK_OK(fw_buffer_copy_region(shared, FW_BUFFER_COPY_ALL, 10, BLOCK + 20, &mine));
        check_bytes(mine, 10);
        break;
    case 2:
        /* A copy is written: what it shares is replaced by bytes of its own. */
        CHECK_OK(fw_buffer_copy(shared, &mine));
        CHECK_OK(fw_buffer_map(mine, FW_MAP_WRITE, &map));
        memset(map.data, 0xEE, map.size);
        CHECK_OK(fw_buffer_unmap(mine, &map));
        break;
    case 3:
        mine = fw_buffer_ref(shared);
        CHECK_OK(fw_buffer_make_writable(&mine));
        CHECK(mine != shared && fw_buffer_is_writable(mine));
        CHECK_OK(fw_buffer_set_pts(mine, way));
        CHECK_OK(fw_buffer_fill(mine, 0, "\xFF", 1, NULL));
        break;
    default:
        CHECK_OK(fw_buffer_new(&mine));
        CHECK_OK(fw_buffer_append(&mine, fw_buffer_ref(shared)));
        CHECK_OK(fw_buffer_append_region(&mine, fw_buffer_ref(shared), 1, 2));
        CHECK(fw_buffer_memory_count(mine) == MEMORIES + 1);
    }
    fw_buffer_unref(mine);
}

static void *share_a_buffer(void *argument) {
    int i;
    for (i = 0; i < rounds; i++) use_shared_buffer((int)(intptr_t)argument + i);
    return NULL;
}

static void threads_reference_map_copy_and_write_one_buffer(void) {
    static unsigned char blocks[MEMORIES][BLOCK], found[MEMORIES * BLOCK];
    int i;
    CHECK_OK(fw_buffer_new(&shared));
    released = 0;
    for (i = 0; i < MEMORIES; i++) {
        fw_memory *block;
        memset(blocks[i], i + 1, BLOCK);
        CHECK_OK(fw_memory_new_wrapped(blocks[i], BLOCK, 0, BLOCK, 0, count_up, &released, &block));
        CHECK_OK(fw_buffer_append_memory(shared, block));
    }
    on_threads(share_a_buffer);
    /* A map would merge them, now that the buffer has one owner. */
    CHECK(fw_buffer_extract(shared, 0, found, sizeof found) == sizeof found);
    for (i = 0; i < MEMORIES * BLOCK; i++) CHECK(found[i] == wanted((size_t)i));
    CHECK(fw_buffer_is_writable(shared) && fw_buffer_is_all_memory_writable(shared));
    CHECK(value_of(&released) == 0);
    fw_buffer_unref(shared);
    CHECK(value_of(&released) == MEMORIES);
}

/* The last reference to a buffer, and to a share of its bytes, goes on whatever thread is last. */
static void *drop_a_reference(void *argument) {
    (void)argument;
    fw_buffer_unref(shared);
    fw_memory_unref(memory);
    return NULL;
}

static void a_block_that_threads_drop_together_is_released_once(void) {
    static unsigned char block[BLOCK];
    int i, j;
    for (i = 0; i < rounds / 20; i++) {
        fw_memory *root;
        released = 0;
        CHECK_OK(fw_buffer_new(&shared));
        CHECK_OK(fw_memory_new_wrapped(block, BLOCK, 0, BLOCK, 0, count_up, &released, &root));
        CHECK_OK(fw_memory_share(root, 8, 16, &memory));
        CHECK_OK(fw_buffer_append_memory(shared, root));
        for (j = 1; j < THREADS; j++) {
            CHECK(fw_buffer_ref(shared) == shared);
            CHECK(fw_memory_ref(memory) == memory);
        }
        on_threads(drop_a_reference);
        CHECK(value_of(&released) == 1);
    }
}

/* A share is read-only and keeps its root from being written, and a map for writing keeps it from being shared. */
static void *share_or_write(void *argument) {
    int i;
    for (i = 0; i < rounds; i++) {
        void *bytes;
        size_t size;
        fw_memory *part;
        if (((int)(intptr_t)argument + i) % 2 == 0) {
            fw_status status = fw_memory_map(memory, FW_MAP_READ_WRITE, &bytes, &size);
            CHECK(status == FW_OK || status == FW_ERROR_NOT_WRITABLE);
            if (status == FW_OK) CHECK_OK(fw_memory_unmap(memory, FW_MAP_READ_WRITE));
        } else {
            fw_status status = fw_memory_share(memory, 4, 8, &part);
            CHECK(status == FW_OK || status == FW_ERROR_NOT_WRITABLE);
            if (status != FW_OK) continue;
            CHECK(fw_memory_map(part, FW_MAP_WRITE, &bytes, &size) == FW_ERROR_NOT_WRITABLE);
            CHECK(fw_memory_map(memory, FW_MAP_WRITE, &bytes, &size) == FW_ERROR_NOT_WRITABLE);
            CHECK_OK(fw_memory_map(part, FW_MAP_READ, &bytes, &size));
            CHECK(size == 8);
            CHECK_OK(fw_memory_unmap(part, FW_MAP_READ));
            fw_memory_unref(part);
        }
    }
    return NULL;
}

static void threads_share_and_map_one_memory(void) {
    CHECK_OK(fw_memory_new(BLOCK, NULL, &memory));
    on_threads(share_or_write);
    CHECK(fw_memory_is_writable(memory));
    fw_memory_unref(memory);
}

static void *change_own_list(void *argument) {
    int i;
    (void)argument;
    for (i = 0; i < rounds; i++) {
        fw_buffer_list *mine = fw_buffer_list_ref(list);
        fw_buffer *member;
        CHECK(!fw_buffer_is_writable(fw_buffer_list_get(list, 0)));
        CHECK_OK(fw_buffer_list_make_writable(&mine));
        CHECK_OK(fw_buffer_list_get_writable(mine, 0, &member));
        CHECK_OK(fw_buffer_fill(member, 0, "\xFF", 1, NULL));
        CHECK_OK(fw_buffer_list_remove(mine, 1, -1));
        fw_buffer_list_unref(mine);
    }
    return NULL;
}

static void threads_change_their_copies_of_one_list(void) {
    unsigned char byte = 0;
    fw_buffer *buffer;
    int i;
    CHECK_OK(fw_buffer_list_new(&list));
    for (i = 0; i < 3; i++) {
        CHECK_OK(fw_buffer_new_allocate(BLOCK, NULL, &buffer));
        CHECK_OK(fw_buffer_set_bytes(buffer, 0, 7, BLOCK, NULL));
        CHECK_OK(fw_buffer_list_add(list, buffer));
    }
    CHECK(fw_buffer_list_ref(list) == list);
    on_threads(change_own_list);
    fw_buffer_list_unref(list);
    CHECK(fw_buffer_list_length(list) == 3 && fw_buffer_is_writable(fw_buffer_list_get(list, 0)));
    CHECK(fw_buffer_extract(fw_buffer_list_get(list, 0), 0, &byte, 1) == 1 && byte == 7);
    fw_buffer_list_unref(list);
}

/* Buffers come back whole, as regions that outlive them, replaced, or with times and metas. */
static void *use_pool(void *argument) {
    int number = (int)(intptr_t)argument, i;
    fw_buffer *region = NULL;
    for (i = 0; i < rounds; i++) {
        fw_acquire_params params = FW_ACQUIRE_PARAMS_INIT;
        fw_buffer *buffer = NULL;
        fw_map_info map;
        fw_status status;
        /* While a region is held its buffer stays out, so nobody waits without a limit while holding one. */
        if (region != NULL) params.flags = FW_ACQUIRE_FLAG_DONT_WAIT;
        else params.timeout_ns = i % 3 == 0 ? -1 : 100000;
        status = fw_buffer_pool_acquire(pool, &params, &buffer);
        CHECK(status == FW_OK || status == FW_ERROR_FLUSHING || status == FW_ERROR_TIMEOUT ||
              status == FW_ERROR_WOULD_BLOCK);
        fw_buffer_unref(region);
        region = NULL;
        if (status != FW_OK) continue;
        CHECK(fw_buffer_size(buffer) == BLOCK && fw_buffer_pts(buffer) == FW_TIME_NONE);
        CHECK_OK(fw_buffer_map(buffer, FW_MAP_READ_WRITE, &map));
        memset(map.data, number, map.size);
        CHECK(((unsigned char *)map.data)[BLOCK - 1] == number);
        CHECK_OK(fw_buffer_unmap(buffer, &map));
        CHECK_OK(fw_buffer_set_pts(buffer, i));
        switch ((number + i) % 4) {
        case 0: CHECK_OK(fw_buffer_copy_region(buffer, FW_BUFFER_COPY_MEMORY, 1, 2, &region)); break;
        case 1: CHECK_OK(fw_buffer_remove_all_memory(buffer)); break;
        case 2: CHECK_OK(fw_buffer_resize(buffer, 3, 4)); break;
        default: break;
        }
        fw_buffer_unref(buffer);
    }
    fw_buffer_unref(region);
    __atomic_sub_fetch(&working, 1, __ATOMIC_SEQ_CST);
    return NULL;
}

static void *disturb_pool(void *argument) {
    int i;
    (void)argument;
    for (i = 0; value_of(&working) > 0; i++) {
        fw_buffer_pool_stats stats = FW_BUFFER_POOL_STATS_INIT;
        CHECK_OK(fw_buffer_pool_get_stats(pool, &stats));
        CHECK(stats.outstanding <= POOLED && stats.high_water <= POOLED);
        CHECK(stats.acquired == stats.recycled + stats.discarded + stats.outstanding);
        if (i % 8 == 7) {
            CHECK_OK(fw_buffer_pool_set_active(pool, 0));
            CHECK_OK(fw_buffer_pool_set_active(pool, 1));
        } else {
            CHECK_OK(fw_buffer_pool_set_flushing(pool, 1));
            CHECK_OK(fw_buffer_pool_set_flushing(pool, 0));
        }
        pause_shortly();
    }
    return NULL;
}

static void threads_acquire_release_and_flush_one_pool(void) {
    fw_buffer_pool_config config = FW_BUFFER_POOL_CONFIG_INIT;
    fw_buffer_pool_stats stats = FW_BUFFER_POOL_STATS_INIT;
    pthread_t other;
    config.size = BLOCK;
    config.max_buffers = POOLED;
    CHECK_OK(fw_buffer_pool_new(&pool));
    CHECK_OK(fw_buffer_pool_set_config(pool, &config));
    CHECK_OK(fw_buffer_pool_set_active(pool, 1));
    working = THREADS;
    CHECK(pthread_create(&other, NULL, disturb_pool, NULL) == 0);
    on_threads(use_pool);
    CHECK(pthread_join(other, NULL) == 0);
    CHECK_OK(fw_buffer_pool_get_stats(pool, &stats));
    CHECK(stats.outstanding == 0 && stats.acquired == stats.recycled + stats.discarded);
    CHECK(stats.acquired > 0);
    fw_buffer_pool_free(pool);
}

int main(void) {
    begin_test();
    rounds = quick() ? 100 : 4000;
    threads_reference_map_copy_and_write_one_buffer();
    a_block_that_threads_drop_together_is_released_once();
    threads_share_and_map_one_memory();
    threads_change_their_copies_of_one_list();
    threads_acquire_release_and_flush_one_pool();
    printf("buffer_threads_test: ok\n");
    return 0;
}
