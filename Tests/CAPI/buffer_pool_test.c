/* Pools of buffers through the C interface: one behaviour each, then bad arguments and several threads. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"

#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>

static const fw_acquire_params dont_wait = {(uint32_t)sizeof(fw_acquire_params), FW_ACQUIRE_FLAG_DONT_WAIT, -1};

static fw_buffer_pool_config config_of(size_t size, size_t min, size_t max) {
    fw_buffer_pool_config config = FW_BUFFER_POOL_CONFIG_INIT;
    config.size = size;
    config.min_buffers = min;
    config.max_buffers = max;
    return config;
}

/* An active pool. */
static fw_buffer_pool *new_pool(size_t size, size_t min, size_t max) {
    fw_buffer_pool *pool = NULL;
    fw_buffer_pool_config config = config_of(size, min, max);
    CHECK(fw_buffer_pool_new(&pool) == FW_OK);
    CHECK(fw_buffer_pool_set_config(pool, &config) == FW_OK);
    CHECK(fw_buffer_pool_set_active(pool, 1) == FW_OK);
    return pool;
}

static fw_buffer *acquire(fw_buffer_pool *pool) {
    fw_buffer *buffer = NULL;
    CHECK(fw_buffer_pool_acquire(pool, &dont_wait, &buffer) == FW_OK);
    return buffer;
}

static fw_buffer_pool_stats stats_of(const fw_buffer_pool *pool) {
    fw_buffer_pool_stats stats = FW_BUFFER_POOL_STATS_INIT;
    CHECK(fw_buffer_pool_get_stats(pool, &stats) == FW_OK);
    return stats;
}

/* Block allocations of memories, counted and limited. */
static size_t blocks, blocks_allowed = SIZE_MAX;

static void *allocate(size_t size, size_t alignment, void *user) {
    void *block = NULL;
    CHECK(user == &blocks);
    if (blocks >= blocks_allowed) return NULL;
    if (posix_memalign(&block, alignment < sizeof(void *) ? sizeof(void *) : alignment, size == 0 ? 1 : size) != 0) {
        return NULL;
    }
    blocks++;
    return block;
}

static void give_back(void *block, void *user) {
    CHECK(user == &blocks);
    blocks--;
    free(block);
}

static void a_pool_lends_nothing_until_it_is_active(void) {
    fw_buffer_pool *pool = NULL;
    fw_buffer *buffer = NULL;
    fw_buffer_pool_config config = config_of(10, 0, 0);
    CHECK(fw_buffer_pool_new(&pool) == FW_OK);
    CHECK(!fw_buffer_pool_is_active(pool));
    CHECK_FAILS(FW_ERROR_FLUSHING, fw_buffer_pool_acquire(pool, NULL, &buffer));
    CHECK(fw_buffer_pool_set_config(pool, &config) == FW_OK);
    CHECK_FAILS(FW_ERROR_FLUSHING, fw_buffer_pool_acquire(pool, &dont_wait, &buffer));
    CHECK(fw_buffer_pool_set_active(pool, 1) == FW_OK);
    CHECK(fw_buffer_pool_set_active(pool, 1) == FW_OK);
    CHECK(fw_buffer_pool_is_active(pool));
    buffer = acquire(pool);
    CHECK(fw_buffer_size(buffer) == 10 && fw_buffer_memory_count(buffer) == 1 && fw_buffer_is_writable(buffer));
    fw_buffer_unref(buffer);
    CHECK(fw_buffer_pool_set_active(pool, 0) == FW_OK);
    CHECK(fw_buffer_pool_set_active(pool, 0) == FW_OK);
    CHECK_FAILS(FW_ERROR_FLUSHING, fw_buffer_pool_acquire(pool, NULL, &buffer));
    CHECK(buffer == NULL);
    CHECK(stats_of(pool).acquired == 1);
    fw_buffer_pool_free(pool);
}

static void a_pool_keeps_its_configuration(void) {
    fw_buffer_pool *pool = NULL;
    fw_buffer_pool_config config = config_of(100, 1, 2), found = FW_BUFFER_POOL_CONFIG_INIT;
    config.allocation.alignment = 128;
    config.allocation.prefix = 8;
    config.allocation.padding = 20;
    CHECK(fw_buffer_pool_new(&pool) == FW_OK);
    CHECK(fw_buffer_pool_get_config(pool, &found) == FW_OK);
    CHECK(found.size == 0 && found.min_buffers == 0 && found.max_buffers == 0 && found.allocation.alignment == 64);
    CHECK(fw_buffer_pool_set_config(pool, &config) == FW_OK);
    CHECK(fw_buffer_pool_get_config(pool, &found) == FW_OK);
    CHECK(memcmp(&found, &config, sizeof config) == 0);
    CHECK(fw_buffer_pool_set_active(pool, 1) == FW_OK);
    fw_buffer *buffer = acquire(pool);
    fw_memory *memory = fw_buffer_peek_memory(buffer, 0);
    size_t offset = 0, max_size = 0;
    void *data = NULL;
    CHECK(fw_memory_size(memory, &offset, &max_size) == 100 && offset == 8 && max_size == 128);
    CHECK(fw_memory_map(memory, FW_MAP_WRITE, &data, NULL) == FW_OK);
    CHECK(((uintptr_t)data - 8) % 128 == 0);
    CHECK(fw_memory_unmap(memory, FW_MAP_WRITE) == FW_OK);
    fw_buffer_unref(buffer);
    fw_buffer_pool_free(pool);
}

static void a_changed_configuration_is_refused_while_the_pool_is_in_use(void) {
    fw_buffer_pool *pool = new_pool(100, 0, 0);
    fw_buffer_pool_config same = config_of(100, 0, 0), other = config_of(50, 0, 0), found = config_of(0, 0, 0);
    fw_buffer *buffer = acquire(pool);
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_buffer_pool_set_config(pool, &other));
    CHECK(fw_buffer_pool_set_config(pool, &same) == FW_OK);
    CHECK(fw_buffer_pool_set_active(pool, 0) == FW_OK);
    /* One is still out. */
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_buffer_pool_set_config(pool, &other));
    CHECK(fw_buffer_pool_set_config(pool, &same) == FW_OK);
    CHECK(fw_buffer_pool_get_config(pool, &found) == FW_OK && found.size == 100);
    fw_buffer_unref(buffer);
    CHECK(fw_buffer_pool_set_config(pool, &other) == FW_OK);
    CHECK(fw_buffer_pool_set_active(pool, 1) == FW_OK);
    buffer = acquire(pool);
    CHECK(fw_buffer_size(buffer) == 50);
    fw_buffer_unref(buffer);
    fw_buffer_pool_free(pool);
}

static void activation_allocates_the_minimum_and_deactivation_frees(void) {
    CHECK(fw_set_allocator(allocate, give_back, &blocks) == FW_OK);
    fw_buffer_pool *pool = new_pool(100, 3, 5);
    CHECK(blocks == 3);
    fw_buffer *first = acquire(pool), *second = acquire(pool);
    CHECK(blocks == 3);
    fw_buffer_unref(first);
    CHECK(fw_buffer_pool_set_active(pool, 0) == FW_OK);
    CHECK(blocks == 1);
    fw_buffer_unref(second);
    CHECK(blocks == 0);
    CHECK(stats_of(pool).recycled == 1 && stats_of(pool).discarded == 1);
    CHECK(fw_buffer_pool_set_active(pool, 1) == FW_OK);
    CHECK(blocks == 3);
    fw_buffer_pool_free(pool);
    CHECK(blocks == 0);
    CHECK(fw_set_allocator(NULL, NULL, NULL) == FW_OK);
}

static void a_failed_allocation_leaves_the_pool_as_it_was(void) {
    CHECK(fw_set_allocator(allocate, give_back, &blocks) == FW_OK);
    fw_buffer_pool *pool = NULL;
    fw_buffer *buffer = NULL;
    fw_buffer_pool_config config = config_of(100, 3, 4);
    CHECK(fw_buffer_pool_new(&pool) == FW_OK);
    CHECK(fw_buffer_pool_set_config(pool, &config) == FW_OK);
    for (blocks_allowed = 0; blocks_allowed < 3; blocks_allowed++) {
        CHECK_FAILS(FW_ERROR_NO_MEMORY, fw_buffer_pool_set_active(pool, 1));
        CHECK(!fw_buffer_pool_is_active(pool));
        CHECK(blocks == 0);
    }
    CHECK(fw_buffer_pool_set_active(pool, 1) == FW_OK);
    fw_buffer *lent[3] = {acquire(pool), acquire(pool), acquire(pool)};
    for (int i = 0; i < 3; i++) {
        CHECK_FAILS(FW_ERROR_NO_MEMORY, fw_buffer_pool_acquire(pool, NULL, &buffer));
        CHECK(stats_of(pool).outstanding == 3);
    }
    blocks_allowed = 4;
    buffer = acquire(pool);
    for (int i = 0; i < 3; i++) fw_buffer_unref(lent[i]);
    fw_buffer_unref(buffer);
    fw_buffer_pool_free(pool);
    CHECK(blocks == 0);
    blocks_allowed = SIZE_MAX;
    CHECK(fw_set_allocator(NULL, NULL, NULL) == FW_OK);
}

static void at_the_maximum_acquire_fails_or_times_out(void) {
    fw_buffer_pool *pool = new_pool(10, 0, 2);
    fw_buffer *first = acquire(pool), *second = acquire(pool), *third = first;
    fw_acquire_params params = FW_ACQUIRE_PARAMS_INIT;
    CHECK_FAILS(FW_ERROR_WOULD_BLOCK, fw_buffer_pool_acquire(pool, &dont_wait, &third));
    CHECK(third == NULL);
    params.timeout_ns = 0;
    CHECK_FAILS(FW_ERROR_WOULD_BLOCK, fw_buffer_pool_acquire(pool, &params, &third));
    params.timeout_ns = 1000;
    CHECK_FAILS(FW_ERROR_TIMEOUT, fw_buffer_pool_acquire(pool, &params, &third));
    fw_buffer_unref(first);
    CHECK(fw_buffer_pool_acquire(pool, &params, &third) == FW_OK);
    fw_buffer_pool_stats stats = stats_of(pool);
    CHECK(stats.acquired == 3 && stats.recycled == 1 && stats.discarded == 0);
    CHECK(stats.outstanding == 2 && stats.high_water == 2);
    fw_buffer_unref(second);
    fw_buffer_unref(third);
    stats = stats_of(pool);
    CHECK(stats.outstanding == 0 && stats.high_water == 2 && stats.recycled == 3);
    fw_buffer_pool_free(pool);
}

static void a_buffer_comes_back_as_it_was_made(void) {
    fw_buffer_pool *pool = new_pool(100, 1, 1);
    fw_buffer *buffer = acquire(pool);
    fw_memory *memory = fw_buffer_peek_memory(buffer, 0);
    CHECK(fw_buffer_set_pts(buffer, 1) == FW_OK);
    CHECK(fw_buffer_set_dts(buffer, 2) == FW_OK);
    CHECK(fw_buffer_set_duration(buffer, 3) == FW_OK);
    CHECK(fw_buffer_set_offset(buffer, 4) == FW_OK);
    CHECK(fw_buffer_set_offset_end(buffer, 5) == FW_OK);
    CHECK(fw_buffer_set_flags(buffer, FW_BUFFER_FLAG_LIVE | FW_BUFFER_FLAG_USER) == FW_OK);
    CHECK(fw_buffer_resize(buffer, 10, 5) == FW_OK);
    fw_buffer_unref(buffer);
    CHECK(stats_of(pool).recycled == 1);
    buffer = acquire(pool);
    CHECK(fw_buffer_peek_memory(buffer, 0) == memory);
    CHECK(fw_buffer_size(buffer) == 100);
    CHECK(fw_buffer_pts(buffer) == FW_TIME_NONE && fw_buffer_dts(buffer) == FW_TIME_NONE);
    CHECK(fw_buffer_duration(buffer) == FW_TIME_NONE);
    CHECK(fw_buffer_offset(buffer) == FW_OFFSET_NONE && fw_buffer_offset_end(buffer) == FW_OFFSET_NONE);
    CHECK((fw_buffer_get_flags(buffer) & ~(uint32_t)FW_BUFFER_FLAG_TAG_MEMORY) == 0);
    CHECK(fw_buffer_is_writable(buffer));
    fw_buffer_unref(buffer);
    fw_buffer_pool_free(pool);
}

static int metas_freed;

static void count_free(void *data, fw_buffer *buffer, void *user) {
    (void)data;
    (void)buffer;
    CHECK(user == &metas_freed);
    metas_freed++;
}

static void pooled_metas_stay_and_others_go(void) {
    fw_buffer_pool *pool = new_pool(10, 1, 1);
    const fw_meta_type *type = NULL;
    fw_meta_type_info info = FW_META_TYPE_INFO_INIT;
    fw_meta *meta = NULL;
    info.name = "buffer_pool_test";
    info.size = 24;
    info.free = count_free;
    info.user = &metas_freed;
    CHECK(fw_meta_type_register(&info, &type) == FW_OK);
    fw_buffer *buffer = acquire(pool);
    CHECK(fw_buffer_add_meta(buffer, type, NULL, NULL) == FW_OK);
    CHECK(fw_buffer_add_meta(buffer, type, NULL, &meta) == FW_OK);
    CHECK(fw_meta_set_flags(meta, FW_META_FLAG_POOLED) == FW_OK);
    memcpy(fw_meta_data_writable(meta), "kept", 5);
    CHECK(fw_buffer_add_meta(buffer, type, NULL, NULL) == FW_OK);
    fw_buffer_unref(buffer);
    CHECK(metas_freed == 2);
    for (int round = 0; round < 3; round++) {
        buffer = acquire(pool);
        CHECK(fw_buffer_meta_count(buffer, NULL) == 1);
        meta = fw_buffer_get_meta(buffer, type);
        CHECK(strcmp((const char *)fw_meta_data(meta), "kept") == 0);
        fw_buffer_unref(buffer);
    }
    CHECK(stats_of(pool).recycled == 4);
    CHECK(metas_freed == 2);
    /* With the buffer they go too. */
    CHECK(fw_buffer_pool_set_active(pool, 0) == FW_OK);
    CHECK(metas_freed == 3);
    fw_buffer_pool_free(pool);
}

static void a_parent_meta_goes_with_the_buffer(void) {
    fw_buffer_pool *pool = new_pool(10, 1, 1), *other = new_pool(10, 1, 1);
    fw_buffer *buffer = acquire(pool), *parent = acquire(other);
    CHECK(fw_buffer_add_parent_buffer_meta(buffer, parent, NULL) == FW_OK);
    fw_buffer_unref(parent);
    CHECK(stats_of(other).outstanding == 1);
    fw_buffer_unref(buffer);
    CHECK(stats_of(pool).recycled == 1);
    CHECK(stats_of(other).recycled == 1);
    fw_buffer_pool_free(pool);
    fw_buffer_pool_free(other);
}

static void a_buffer_with_other_memory_is_discarded(void) {
    fw_buffer_pool *pool = new_pool(10, 0, 1);
    fw_memory *memory = NULL;
    fw_buffer *buffer = acquire(pool);
    CHECK(fw_buffer_remove_all_memory(buffer) == FW_OK);
    fw_buffer_unref(buffer);
    CHECK(stats_of(pool).discarded == 1);
    buffer = acquire(pool);
    CHECK(fw_memory_new(10, NULL, &memory) == FW_OK);
    CHECK(fw_buffer_replace_memory(buffer, 0, memory) == FW_OK);
    fw_buffer_unref(buffer);
    CHECK(stats_of(pool).discarded == 2);
    buffer = acquire(pool);
    CHECK(fw_memory_new(10, NULL, &memory) == FW_OK);
    CHECK(fw_buffer_append_memory(buffer, memory) == FW_OK);
    fw_buffer_unref(buffer);
    CHECK(stats_of(pool).discarded == 3);
    fw_buffer_unref(acquire(pool));
    CHECK(stats_of(pool).recycled == 1);
    fw_buffer_pool_free(pool);
}

static void a_buffer_whose_memory_is_in_use_is_discarded(void) {
    fw_buffer_pool *pool = new_pool(10, 0, 1);
    fw_memory *kept = NULL;
    fw_buffer *buffer = acquire(pool);
    CHECK(fw_memory_share(fw_buffer_peek_memory(buffer, 0), 2, 5, &kept) == FW_OK);
    fw_buffer_unref(buffer);
    CHECK(stats_of(pool).discarded == 1);
    fw_memory_unref(kept);
    buffer = acquire(pool);
    CHECK(fw_buffer_get_memory(buffer, 0, &kept) == FW_OK);
    fw_buffer_unref(buffer);
    CHECK(stats_of(pool).discarded == 2);
    CHECK(fw_memory_is_writable(kept));
    fw_memory_unref(kept);
    buffer = acquire(pool);
    fw_memory *memory = fw_buffer_peek_memory(buffer, 0);
    void *data = NULL;
    CHECK(fw_memory_map(memory, FW_MAP_WRITE, &data, NULL) == FW_OK);
    fw_buffer_unref(buffer);
    CHECK(stats_of(pool).discarded == 3);
    memset(data, 1, 10);
    CHECK(fw_memory_unmap(memory, FW_MAP_WRITE) == FW_OK);
    CHECK(stats_of(pool).recycled == 0);
    fw_buffer_pool_free(pool);
}

static void a_region_keeps_the_pooled_buffer_out(void) {
    fw_buffer_pool *pool = new_pool(100, 1, 1);
    fw_buffer *buffer = acquire(pool), *part = NULL, *whole = NULL, *part_of_part = NULL, *none = NULL;
    unsigned char byte = 7;
    CHECK(fw_buffer_fill(buffer, 12, &byte, 1, NULL) == FW_OK);
    CHECK(fw_buffer_copy_region(buffer, FW_BUFFER_COPY_ALL, 10, 20, &part) == FW_OK);
    CHECK(fw_buffer_copy(buffer, &whole) == FW_OK);
    fw_buffer_unref(buffer);
    CHECK(fw_buffer_copy_region(part, FW_BUFFER_COPY_ALL, 1, 5, &part_of_part) == FW_OK);
    fw_buffer_unref(part);
    fw_buffer_unref(whole);
    CHECK_FAILS(FW_ERROR_WOULD_BLOCK, fw_buffer_pool_acquire(pool, &dont_wait, &none));
    byte = 0;
    CHECK(fw_buffer_extract(part_of_part, 1, &byte, 1) == 1 && byte == 7);
    fw_buffer_unref(part_of_part);
    fw_buffer_pool_stats stats = stats_of(pool);
    CHECK(stats.outstanding == 0 && stats.recycled == 1 && stats.discarded == 0);
    fw_buffer_unref(acquire(pool));
    fw_buffer_pool_free(pool);
}

static void a_deep_copy_lets_the_pooled_buffer_go(void) {
    fw_buffer_pool *pool = new_pool(100, 1, 1);
    fw_buffer *buffer = acquire(pool), *copy = NULL;
    CHECK(fw_buffer_copy_deep(buffer, &copy) == FW_OK);
    fw_buffer_unref(buffer);
    CHECK(stats_of(pool).recycled == 1);
    fw_buffer_unref(copy);
    fw_buffer_pool_free(pool);
}

static void a_buffer_in_a_list_comes_back_with_it(void) {
    fw_buffer_pool *pool = new_pool(10, 2, 2);
    fw_buffer_list *list = NULL;
    CHECK(fw_buffer_list_new(&list) == FW_OK);
    CHECK(fw_buffer_list_add(list, acquire(pool)) == FW_OK);
    CHECK(fw_buffer_list_add(list, acquire(pool)) == FW_OK);
    CHECK(fw_buffer_list_remove(list, 0, 1) == FW_OK);
    CHECK(stats_of(pool).recycled == 1);
    fw_buffer_list_ref(list);
    fw_buffer_list_unref(list);
    CHECK(stats_of(pool).recycled == 1);
    fw_buffer_list_unref(list);
    CHECK(stats_of(pool).recycled == 2);
    fw_buffer *buffer = acquire(pool);
    CHECK(fw_buffer_is_writable(buffer));
    fw_buffer_unref(buffer);
    fw_buffer_pool_free(pool);
}

static void a_flushing_pool_lends_nothing(void) {
    fw_buffer_pool *pool = new_pool(10, 1, 1);
    fw_buffer *buffer = acquire(pool), *none = buffer;
    CHECK(fw_buffer_pool_set_flushing(pool, 1) == FW_OK);
    CHECK_FAILS(FW_ERROR_FLUSHING, fw_buffer_pool_acquire(pool, NULL, &none));
    CHECK(none == NULL);
    fw_buffer_unref(buffer);
    CHECK(stats_of(pool).recycled == 1);
    CHECK_FAILS(FW_ERROR_FLUSHING, fw_buffer_pool_acquire(pool, &dont_wait, &none));
    CHECK(fw_buffer_pool_set_flushing(pool, 0) == FW_OK);
    fw_buffer_unref(acquire(pool));
    fw_buffer_pool_free(pool);
}

static void buffers_outlive_their_pool(void) {
    fw_buffer_pool *pool = new_pool(10, 2, 0);
    fw_buffer *first = acquire(pool), *second = acquire(pool), *region = NULL;
    unsigned char byte = 1;
    CHECK(fw_buffer_copy_region(second, FW_BUFFER_COPY_ALL, 0, 1, &region) == FW_OK);
    fw_buffer_pool_free(pool);
    CHECK(fw_buffer_fill(first, 9, &byte, 1, NULL) == FW_OK);
    fw_buffer_unref(first);
    fw_buffer_unref(second);
    CHECK(fw_buffer_size(region) == 1);
    fw_buffer_unref(region);
}

static void structs_of_other_sizes_work(void) {
    fw_buffer_pool *pool = NULL;
    fw_buffer_pool_config config = config_of(10, 0, 1);
    CHECK(fw_buffer_pool_new(&pool) == FW_OK);
    /* The fields that an older caller does not have keep their defaults. */
    config.struct_size = (uint32_t)offsetof(fw_buffer_pool_config, allocation);
    config.allocation.alignment = 3;
    CHECK(fw_buffer_pool_set_config(pool, &config) == FW_OK);
    config.struct_size = 15;
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_buffer_pool_set_config(pool, &config));
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_buffer_pool_get_config(pool, &config));
    config = config_of(10, 0, 1);
    config.allocation.struct_size = 0;
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_buffer_pool_set_config(pool, &config));
    fw_buffer_pool_config found = config_of(1, 2, 77);
    found.struct_size = 24;
    CHECK(fw_buffer_pool_get_config(pool, &found) == FW_OK);
    CHECK(found.struct_size == 24 && found.size == 10 && found.min_buffers == 0 && found.max_buffers == 77);

    CHECK(fw_buffer_pool_set_active(pool, 1) == FW_OK);
    fw_buffer *buffer = NULL;
    fw_acquire_params params = {8, 0, 0};
    CHECK(fw_buffer_pool_acquire(pool, &params, &buffer) == FW_OK);
    fw_buffer_unref(buffer);
    params.struct_size = 7;
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_buffer_pool_acquire(pool, &params, &buffer));
    params = (fw_acquire_params)FW_ACQUIRE_PARAMS_INIT;
    params.flags = 2;
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_buffer_pool_acquire(pool, &params, &buffer));

    fw_buffer_pool_stats stats = FW_BUFFER_POOL_STATS_INIT;
    stats.struct_size = 16;
    stats.high_water = 77;
    CHECK(fw_buffer_pool_get_stats(pool, &stats) == FW_OK);
    CHECK(stats.struct_size == 16 && stats.acquired == 1 && stats.high_water == 77);
    stats.struct_size = 15;
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_buffer_pool_get_stats(pool, &stats));
    fw_buffer_pool_free(pool);
}

static void configurations_that_make_no_sense_are_refused(void) {
    fw_buffer_pool *pool = NULL;
    fw_buffer_pool_config good = config_of(5, 1, 2), config, found = FW_BUFFER_POOL_CONFIG_INIT;
    CHECK(fw_buffer_pool_new(&pool) == FW_OK);
    CHECK(fw_buffer_pool_set_config(pool, &good) == FW_OK);
    config = config_of(5, 3, 2);
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_buffer_pool_set_config(pool, &config));
    config = config_of(5, 65537, 0);
    CHECK_FAILS(FW_ERROR_OUT_OF_RANGE, fw_buffer_pool_set_config(pool, &config));
    config = config_of(5, SIZE_MAX, 0);
    CHECK_FAILS(FW_ERROR_OUT_OF_RANGE, fw_buffer_pool_set_config(pool, &config));
    config = config_of(5, 0, SIZE_MAX);
    CHECK_FAILS(FW_ERROR_OUT_OF_RANGE, fw_buffer_pool_set_config(pool, &config));
    config = config_of(SIZE_MAX, 0, 0);
    CHECK_FAILS(FW_ERROR_OUT_OF_RANGE, fw_buffer_pool_set_config(pool, &config));
    config = config_of((size_t)PTRDIFF_MAX, 0, 0);
    config.allocation.padding = 1;
    CHECK_FAILS(FW_ERROR_OUT_OF_RANGE, fw_buffer_pool_set_config(pool, &config));
    config = config_of(5, 0, 0);
    config.allocation.alignment = 3;
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_buffer_pool_set_config(pool, &config));
    config.allocation.alignment = 131072;
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_buffer_pool_set_config(pool, &config));
    config = config_of(5, 0, 0);
    config.allocation.flags = 1u << 31;
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_buffer_pool_set_config(pool, &config));
    CHECK(fw_buffer_pool_get_config(pool, &found) == FW_OK);
    CHECK(memcmp(&found, &good, sizeof good) == 0);
    fw_buffer_pool_free(pool);
}

static void null_arguments_are_errors(void) {
    fw_buffer_pool *pool = new_pool(1, 0, 0);
    fw_buffer_pool_config config = FW_BUFFER_POOL_CONFIG_INIT;
    fw_buffer_pool_stats stats = FW_BUFFER_POOL_STATS_INIT;
    fw_buffer *buffer = NULL;
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_buffer_pool_new(NULL));
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_buffer_pool_set_config(NULL, &config));
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_buffer_pool_set_config(pool, NULL));
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_buffer_pool_get_config(NULL, &config));
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_buffer_pool_get_config(pool, NULL));
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_buffer_pool_set_active(NULL, 1));
    CHECK(fw_buffer_pool_is_active(NULL) == 0);
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_buffer_pool_set_flushing(NULL, 1));
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_buffer_pool_acquire(NULL, NULL, &buffer));
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_buffer_pool_acquire(pool, NULL, NULL));
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_buffer_pool_get_stats(NULL, &stats));
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_buffer_pool_get_stats(pool, NULL));
    fw_buffer_pool_free(pool);
    fw_buffer_pool_free(NULL);
}

/* What a thread that waits for a buffer got. */
struct waiter {
    fw_buffer_pool *pool;
    fw_status status;
    pthread_t thread;
};

static void *wait_for_buffer(void *argument) {
    struct waiter *waiter = (struct waiter *)argument;
    fw_buffer *buffer = NULL;
    waiter->status = fw_buffer_pool_acquire(waiter->pool, NULL, &buffer);
    fw_buffer_unref(buffer);
    return NULL;
}

static void start_waiter(struct waiter *waiter, fw_buffer_pool *pool) {
    waiter->pool = pool;
    waiter->status = FW_ERROR_IO;
    CHECK(pthread_create(&waiter->thread, NULL, wait_for_buffer, waiter) == 0);
}

static void a_buffer_that_comes_back_wakes_a_waiter(void) {
    fw_buffer_pool *pool = new_pool(10, 1, 1);
    fw_buffer *buffer = acquire(pool);
    struct waiter waiter;
    start_waiter(&waiter, pool);
    fw_buffer_unref(buffer);
    CHECK(pthread_join(waiter.thread, NULL) == 0);
    CHECK(waiter.status == FW_OK);
    CHECK(stats_of(pool).recycled == 2);
    fw_buffer_pool_free(pool);
}

static void a_discarded_buffer_wakes_a_waiter(void) {
    fw_buffer_pool *pool = new_pool(10, 1, 1);
    fw_buffer *buffer = acquire(pool);
    struct waiter waiter;
    CHECK(fw_buffer_remove_all_memory(buffer) == FW_OK);
    start_waiter(&waiter, pool);
    fw_buffer_unref(buffer);
    CHECK(pthread_join(waiter.thread, NULL) == 0);
    CHECK(waiter.status == FW_OK);
    CHECK(stats_of(pool).discarded == 1);
    fw_buffer_pool_free(pool);
}

static void flushing_and_deactivation_wake_waiters(void) {
    for (int deactivate = 0; deactivate < 2; deactivate++) {
        fw_buffer_pool *pool = new_pool(10, 1, 1);
        fw_buffer *buffer = acquire(pool);
        struct waiter waiters[3];
        for (int i = 0; i < 3; i++) start_waiter(&waiters[i], pool);
        CHECK((deactivate ? fw_buffer_pool_set_active(pool, 0) : fw_buffer_pool_set_flushing(pool, 1)) == FW_OK);
        for (int i = 0; i < 3; i++) {
            CHECK(pthread_join(waiters[i].thread, NULL) == 0);
            CHECK(waiters[i].status == FW_ERROR_FLUSHING);
        }
        fw_buffer_unref(buffer);
        fw_buffer_pool_free(pool);
    }
}

struct worker {
    fw_buffer_pool *pool;
    pthread_t thread;
    size_t acquired, flushed;
    unsigned char id;
    const int *is_over;
};

/* Takes and drops buffers until it is told to end, whatever state the pool is in. */
static void *work(void *argument) {
    struct worker *worker = (struct worker *)argument;
    while (!__atomic_load_n(worker->is_over, __ATOMIC_ACQUIRE)) {
        fw_buffer *buffer = NULL, *region = NULL;
        fw_acquire_params params = FW_ACQUIRE_PARAMS_INIT;
        params.timeout_ns = 1000000;
        fw_status status = fw_buffer_pool_acquire(worker->pool, &params, &buffer);
        if (status != FW_OK) {
            CHECK(status == FW_ERROR_FLUSHING || status == FW_ERROR_TIMEOUT);
            worker->flushed++;
            sched_yield();
            continue;
        }
        CHECK(fw_buffer_set_bytes(buffer, 0, worker->id, SIZE_MAX, NULL) == FW_OK);
        unsigned char byte = 0;
        CHECK(fw_buffer_extract(buffer, worker->acquired % 64, &byte, 1) == 1 && byte == worker->id);
        if (worker->acquired % 4 == 1) {
            CHECK(fw_buffer_copy_region(buffer, FW_BUFFER_COPY_ALL, 1, 2, &region) == FW_OK);
        }
        if (worker->acquired % 8 == 2) CHECK(fw_buffer_remove_all_memory(buffer) == FW_OK);
        worker->acquired++;
        fw_buffer_unref(buffer);
        fw_buffer_unref(region);
    }
    return NULL;
}

/* More threads than buffers, while the pool is flushed and deactivated under them. */
static void a_pool_serves_several_threads(void) {
    fw_buffer_pool *pool = new_pool(64, 1, 2);
    struct worker workers[4];
    int is_over = 0;
    size_t acquired = 0;
    for (int i = 0; i < 4; i++) {
        workers[i] = (struct worker){pool, 0, 0, 0, (unsigned char)(i + 1), &is_over};
        CHECK(pthread_create(&workers[i].thread, NULL, work, &workers[i]) == 0);
    }
    for (size_t round = 1; round <= 50; round++) {
        while (stats_of(pool).acquired < round * 10) sched_yield();
        if (round % 2 == 0) {
            CHECK(fw_buffer_pool_set_flushing(pool, 1) == FW_OK);
            CHECK(fw_buffer_pool_set_flushing(pool, 0) == FW_OK);
        } else {
            CHECK(fw_buffer_pool_set_active(pool, 0) == FW_OK);
            CHECK(fw_buffer_pool_set_active(pool, 1) == FW_OK);
        }
    }
    __atomic_store_n(&is_over, 1, __ATOMIC_RELEASE);
    for (int i = 0; i < 4; i++) {
        CHECK(pthread_join(workers[i].thread, NULL) == 0);
        acquired += workers[i].acquired;
    }
    fw_buffer_pool_stats stats = stats_of(pool);
    CHECK(stats.acquired == acquired && stats.outstanding == 0 && stats.high_water <= 2);
    CHECK(stats.recycled + stats.discarded == acquired);
    fw_buffer_pool_free(pool);
}

int main(void) {
    a_pool_lends_nothing_until_it_is_active();
    a_pool_keeps_its_configuration();
    a_changed_configuration_is_refused_while_the_pool_is_in_use();
    activation_allocates_the_minimum_and_deactivation_frees();
    a_failed_allocation_leaves_the_pool_as_it_was();
    at_the_maximum_acquire_fails_or_times_out();
    a_buffer_comes_back_as_it_was_made();
    pooled_metas_stay_and_others_go();
    a_parent_meta_goes_with_the_buffer();
    a_buffer_with_other_memory_is_discarded();
    a_buffer_whose_memory_is_in_use_is_discarded();
    a_region_keeps_the_pooled_buffer_out();
    a_deep_copy_lets_the_pooled_buffer_go();
    a_buffer_in_a_list_comes_back_with_it();
    a_flushing_pool_lends_nothing();
    buffers_outlive_their_pool();
    structs_of_other_sizes_work();
    configurations_that_make_no_sense_are_refused();
    null_arguments_are_errors();
    a_buffer_that_comes_back_wakes_a_waiter();
    a_discarded_buffer_wakes_a_waiter();
    flushing_and_deactivation_wake_waiters();
    a_pool_serves_several_threads();
    printf("buffer_pool_test: ok\n");
    return 0;
}
