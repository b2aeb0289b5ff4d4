/*
 * Every allocation of block memory fails once: through the hook of fw_set_allocator the n-th one in each operation is refused, for
 * every n. The operation must say FW_ERROR_NO_MEMORY, leave its objects as they were and lose nothing.
 */
#include "check.h"

#include <string.h>

enum { NEVER = -1, MOST = 8, BYTES = 256 };

static long alive;     /* blocks that are out */
static int countdown;  /* allocations until one is refused; NEVER: none is */
static int refused;

static void *allocate(size_t size, size_t alignment, void *user) {
    char *block, *start;
    CHECK(user == &alive);
    if (countdown != NEVER && countdown-- == 0) {
        refused = 1;
        countdown = NEVER;
        return NULL;
    }
    /* The address that malloc gave is kept in front of the aligned one. */
    block = malloc(size + alignment + sizeof block);
    CHECK(block != NULL);
    start = block + sizeof block;
    start += (alignment - (uintptr_t)start % alignment) % alignment;
    memcpy(start - sizeof block, &block, sizeof block);
    alive++;
    return start;
}

static void release(void *start, void *user) {
    char *block;
    CHECK(user == &alive && start != NULL);
    memcpy(&block, (char *)start - sizeof block, sizeof block);
    free(block);
    alive--;
}

/* What the operations work on. */
static fw_buffer *buffer, *other;
static fw_memory *shared;
static fw_buffer_list *list;
static fw_buffer_pool *pool;

static fw_memory *filled(size_t size, uint32_t flags, int value) {
    fw_memory *memory = NULL;
    fw_allocation_params params = FW_ALLOCATION_PARAMS_INIT;
    void *data = NULL;
    params.flags = flags;
    CHECK(fw_memory_new(size, &params, &memory) == FW_OK);
    CHECK(fw_memory_map(memory, FW_MAP_WRITE, &data, NULL) == FW_OK);
    memset(data, value, size);
    CHECK(fw_memory_unmap(memory, FW_MAP_WRITE) == FW_OK);
    return memory;
}

/* A buffer of three memories with times and a meta; `other` shares the memories, so that a write has to copy them. */
static void prepare_of(uint32_t flags) {
    CHECK(fw_buffer_new(&buffer) == FW_OK);
    for (int i = 0; i < 3; i++) CHECK(fw_buffer_append_memory(buffer, filled(20, flags, i + 1)) == FW_OK);
    CHECK(fw_buffer_set_pts(buffer, 7) == FW_OK);
    CHECK(fw_buffer_add_custom_meta(buffer, "test", NULL) == FW_OK);
}

static void prepare(void) { prepare_of(0); }

static void prepare_shared(void) {
    prepare();
    CHECK(fw_buffer_copy(buffer, &other) == FW_OK);
}

static void prepare_two(void) {
    prepare();
    CHECK(fw_buffer_new(&other) == FW_OK);
    for (int i = 0; i < 3; i++)
        CHECK(fw_buffer_append_memory(other, filled(10, FW_MEMORY_FLAG_NO_SHARE, i + 7)) == FW_OK);
}

static void prepare_no_share(void) {
    prepare_of(FW_MEMORY_FLAG_NO_SHARE);
    shared = fw_memory_ref(fw_buffer_peek_memory(buffer, 0));
}

/* Each memory has a second place in another buffer, and cannot be shared. */
static void prepare_no_share_twice(void) {
    prepare_of(FW_MEMORY_FLAG_NO_SHARE);
    CHECK(fw_buffer_new(&other) == FW_OK);
    for (size_t i = 0; i < 3; i++)
        CHECK(fw_buffer_append_memory(other, fw_memory_ref(fw_buffer_peek_memory(buffer, i))) == FW_OK);
}

static void prepare_two_owners(void) {
    prepare_of(FW_MEMORY_FLAG_NO_SHARE);
    other = fw_buffer_ref(buffer);
}

static void prepare_list(void) {
    fw_buffer *member = NULL;
    prepare_of(FW_MEMORY_FLAG_NO_SHARE);
    CHECK(fw_buffer_list_new(&list) == FW_OK);
    CHECK(fw_buffer_list_add(list, fw_buffer_ref(buffer)) == FW_OK);
    CHECK(fw_buffer_new_allocate(10, NULL, &member) == FW_OK);
    CHECK(fw_buffer_list_add(list, member) == FW_OK);
}

static void prepare_pool(void) {
    fw_buffer_pool_config config = FW_BUFFER_POOL_CONFIG_INIT;
    config.size = 100;
    config.min_buffers = 3;
    CHECK(fw_buffer_pool_new(&pool) == FW_OK);
    CHECK(fw_buffer_pool_set_config(pool, &config) == FW_OK);
}

static void prepare_empty_pool(void) {
    fw_buffer_pool_config config = FW_BUFFER_POOL_CONFIG_INIT;
    config.size = 100;
    config.max_buffers = 1;
    CHECK(fw_buffer_pool_new(&pool) == FW_OK);
    CHECK(fw_buffer_pool_set_config(pool, &config) == FW_OK);
    CHECK(fw_buffer_pool_set_active(pool, 1) == FW_OK);
}

static void clean_up(void) {
    fw_buffer_list_unref(list);
    fw_buffer_pool_free(pool);
    fw_buffer_unref(other);
    fw_buffer_unref(buffer);
    fw_memory_unref(shared);
    list = NULL;
    pool = NULL;
    other = buffer = NULL;
    shared = NULL;
}

static fw_status drop_buffer(fw_status status, fw_buffer *const *made) {
    CHECK((status == FW_OK) == (*made != NULL));
    fw_buffer_unref(*made);
    return status;
}

static fw_status drop_memory(fw_status status, fw_memory *const *made) {
    CHECK((status == FW_OK) == (*made != NULL));
    fw_memory_unref(*made);
    return status;
}

static fw_status map_and_unmap(size_t index, ptrdiff_t count, uint32_t flags) {
    fw_map_info info;
    fw_status status = fw_buffer_map_range(buffer, index, count, flags, &info);
    if (status == FW_OK) CHECK(fw_buffer_unmap(buffer, &info) == FW_OK);
    return status;
}

static fw_status new_memory(void) {
    fw_memory *made = NULL;
    return drop_memory(fw_memory_new(100, NULL, &made), &made);
}

static fw_status copy_memory(void) {
    fw_memory *made = NULL;
    return drop_memory(fw_memory_copy(shared, 2, 5, &made), &made);
}

static fw_status share_memory(void) {
    fw_memory *made = NULL;
    return drop_memory(fw_memory_share(shared, 2, 5, &made), &made);
}

static fw_status new_buffer(void) {
    fw_buffer *made = NULL;
    return drop_buffer(fw_buffer_new_allocate(100, NULL, &made), &made);
}

static fw_status map_merged(void) { return map_and_unmap(0, -1, FW_MAP_READ); }
static fw_status map_to_write(void) { return map_and_unmap(0, -1, FW_MAP_READ_WRITE); }
static fw_status map_one_to_write(void) { return map_and_unmap(1, 1, FW_MAP_WRITE); }
static fw_status map_two_to_write(void) { return map_and_unmap(1, 2, FW_MAP_WRITE); }
static fw_status fill(void) { return fw_buffer_fill(buffer, 10, "0123456789012345678901234567890123456789", 40, NULL); }
static fw_status set_bytes(void) { return fw_buffer_set_bytes(buffer, 0, 9, 60, NULL); }

static fw_status get_range(void) {
    fw_memory *made = NULL;
    return drop_memory(fw_buffer_get_memory_range(buffer, 0, 2, &made), &made);
}

static fw_status copy(void) {
    fw_buffer *made = NULL;
    return drop_buffer(fw_buffer_copy(buffer, &made), &made);
}

static fw_status copy_deep(void) {
    fw_buffer *made = NULL;
    return drop_buffer(fw_buffer_copy_deep(buffer, &made), &made);
}

static fw_status copy_region(void) {
    fw_buffer *made = NULL;
    return drop_buffer(fw_buffer_copy_region(buffer, FW_BUFFER_COPY_ALL, 5, 50, &made), &made);
}

static fw_status copy_merged(void) {
    fw_buffer *made = NULL;
    return drop_buffer(fw_buffer_copy_region(buffer, FW_BUFFER_COPY_ALL | FW_BUFFER_COPY_MERGE, 5, 50, &made), &made);
}

static fw_status copy_into(void) {
    return fw_buffer_copy_into(buffer, other, FW_BUFFER_COPY_ALL | FW_BUFFER_COPY_DEEP | FW_BUFFER_COPY_MERGE, 0, SIZE_MAX);
}

static fw_status append(void) {
    fw_status status = fw_buffer_append(&buffer, other);
    if (status == FW_OK) other = NULL;
    return status;
}

static fw_status append_region(void) {
    fw_status status = fw_buffer_append_region(&buffer, other, 5, 20);
    if (status == FW_OK) other = NULL;
    return status;
}

static fw_status make_writable(void) { return fw_buffer_make_writable(&buffer); }
static fw_status resize(void) { return fw_buffer_resize(buffer, 5, 50); }

static fw_status get_writable(void) {
    fw_buffer *member = NULL;
    return fw_buffer_list_get_writable(list, 0, &member);
}

static fw_status copy_list(void) {
    fw_buffer_list *made = NULL;
    fw_status status = fw_buffer_list_copy_deep(list, &made);
    fw_buffer_list_unref(made);
    return status;
}

static fw_status activate(void) {
    fw_status status = fw_buffer_pool_set_active(pool, 1);
    CHECK(fw_buffer_pool_is_active(pool) == (status == FW_OK));
    return status;
}

/* A failure must not count as a buffer that exists: there may be one only. */
static fw_status acquire(void) {
    fw_buffer *made = NULL;
    fw_acquire_params params = FW_ACQUIRE_PARAMS_INIT;
    params.flags = FW_ACQUIRE_FLAG_DONT_WAIT;
    return drop_buffer(fw_buffer_pool_acquire(pool, &params, &made), &made);
}

/* What can be seen of a buffer. */
typedef struct view {
    size_t size, count, metas;
    int64_t pts;
    fw_memory *memories[MOST];
    unsigned char bytes[BYTES];
} view;

static view look(const fw_buffer *at) {
    view seen;
    memset(&seen, 0, sizeof seen);
    if (at == NULL) return seen;
    seen.size = fw_buffer_extract(at, 0, seen.bytes, sizeof seen.bytes);
    CHECK(seen.size == fw_buffer_size(at));
    seen.count = fw_buffer_memory_count(at);
    CHECK(seen.count <= MOST);
    for (size_t i = 0; i < seen.count; i++) seen.memories[i] = fw_buffer_peek_memory(at, i);
    seen.metas = fw_buffer_meta_count(at, NULL);
    seen.pts = fw_buffer_pts(at);
    return seen;
}

static const struct {
    const char *name;
    void (*prepare)(void);
    fw_status (*act)(void);
    int allocations; /* at least so many are refused in turn */
} operations[] = {
    {"fw_memory_new", prepare, new_memory, 1},
    {"fw_memory_copy", prepare_no_share, copy_memory, 1},
    {"fw_memory_share of NO_SHARE", prepare_no_share, share_memory, 1},
    {"fw_buffer_new_allocate", prepare, new_buffer, 1},
    {"fw_buffer_map, merged", prepare, map_merged, 1},
    {"fw_buffer_map, merged for the map", prepare_two_owners, map_merged, 1},
    {"fw_buffer_map, to write", prepare, map_to_write, 1},
    {"fw_buffer_map, to write shared memories", prepare_shared, map_to_write, 1},
    {"fw_buffer_map_range, one shared memory", prepare_shared, map_one_to_write, 1},
    {"fw_buffer_map_range, two shared memories", prepare_shared, map_two_to_write, 1},
    {"fw_buffer_fill of shared memories", prepare_shared, fill, 3},
    {"fw_buffer_set_bytes of shared memories", prepare_shared, set_bytes, 3},
    {"fw_buffer_get_memory_range", prepare, get_range, 1},
    {"fw_buffer_copy of NO_SHARE", prepare_no_share, copy, 3},
    {"fw_buffer_copy_deep", prepare, copy_deep, 3},
    {"fw_buffer_copy_region of NO_SHARE", prepare_no_share, copy_region, 3},
    {"fw_buffer_copy_region, merged", prepare, copy_merged, 1},
    {"fw_buffer_copy_into, deep and merged", prepare_two, copy_into, 4},
    {"fw_buffer_append", prepare_two, append, 0},
    {"fw_buffer_append_region of NO_SHARE", prepare_two, append_region, 1},
    {"fw_buffer_make_writable of NO_SHARE", prepare_two_owners, make_writable, 3},
    {"fw_buffer_resize of NO_SHARE in two buffers", prepare_no_share_twice, resize, 2},
    {"fw_buffer_list_get_writable of NO_SHARE", prepare_list, get_writable, 3},
    {"fw_buffer_list_copy_deep", prepare_list, copy_list, 4},
    {"fw_buffer_pool_set_active", prepare_pool, activate, 3},
    {"fw_buffer_pool_acquire", prepare_empty_pool, acquire, 1},
};

static void fail_each(size_t which) {
    int n = 0;
    do {
        fw_status status;
        view before, other_before, after, other_after;
        operations[which].prepare();
        before = look(buffer);
        other_before = look(other);
        refused = 0;
        countdown = n;
        status = operations[which].act();
        countdown = NEVER;
        if (refused) {
            if (status != FW_ERROR_NO_MEMORY) {
                fprintf(stderr, "%s, allocation %d: %s\n", operations[which].name, n, fw_status_string(status));
            }
            CHECK(status == FW_ERROR_NO_MEMORY);
            after = look(buffer);
            other_after = look(other);
            if (memcmp(&before, &after, sizeof before) != 0) {
                fprintf(stderr, "%s, allocation %d: the buffer has changed\n", operations[which].name, n);
            }
            CHECK(memcmp(&before, &after, sizeof before) == 0);
            CHECK(memcmp(&other_before, &other_after, sizeof other_before) == 0);
            /* What failed can be done once there is memory again. */
            CHECK(operations[which].act() == FW_OK);
        } else {
            CHECK(status == FW_OK);
        }
        clean_up();
        if (alive != 0) fprintf(stderr, "%s, allocation %d: %ld blocks left\n", operations[which].name, n, alive);
        CHECK(alive == 0);
        n++;
    } while (refused);
    if (n - 1 < operations[which].allocations) {
        fprintf(stderr, "%s: only %d allocations came through the hook\n", operations[which].name, n - 1);
    }
    CHECK(n - 1 >= operations[which].allocations);
}

int main(void) {
    countdown = NEVER;
    CHECK(fw_set_allocator(allocate, NULL, &alive) == FW_ERROR_INVALID_ARGUMENT);
    CHECK(fw_set_allocator(allocate, release, &alive) == FW_OK);
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++) fail_each(i);
    CHECK(fw_set_allocator(NULL, NULL, NULL) == FW_OK);
    printf("fault_test: ok\n");
    return 0;
}
