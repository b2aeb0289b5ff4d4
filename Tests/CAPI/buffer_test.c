/* Memories and buffers through the C interface: every function of memory.h and buffer.h, with good and with bad arguments. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"

#include <pthread.h>
#include <string.h>

static int released;

static void count_release(void *user) {
    CHECK(user == &released);
    released++;
}

static fw_memory *new_memory(size_t size, unsigned char first) {
    fw_memory *memory = NULL;
    void *data = NULL;
    size_t mapped = 0;
    CHECK(fw_memory_new(size, NULL, &memory) == FW_OK);
    CHECK(fw_memory_map(memory, FW_MAP_WRITE, &data, &mapped) == FW_OK);
    CHECK(mapped == size);
    for (size_t i = 0; i < size; i++) ((unsigned char *)data)[i] = (unsigned char)(first + i);
    CHECK(fw_memory_unmap(memory, FW_MAP_WRITE) == FW_OK);
    return memory;
}

/* Whether the bytes of the buffer count up from `first`. */
static int counts_from(const fw_buffer *buffer, unsigned char first) {
    unsigned char bytes[4096];
    size_t size = fw_buffer_extract(buffer, 0, bytes, sizeof bytes);
    CHECK(size == fw_buffer_size(buffer));
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] != (unsigned char)(first + i)) return 0;
    }
    return 1;
}

static void test_names(void) {
    CHECK(strcmp(fw_status_string(FW_OK), "FW_OK") == 0);
    CHECK(strcmp(fw_status_string(FW_ERROR_TIMEOUT), "FW_ERROR_TIMEOUT") == 0);
    CHECK(strcmp(fw_status_string(FW_ERROR_GL), "FW_ERROR_GL") == 0);
    CHECK(fw_status_string((fw_status)-99) != NULL);
    CHECK(strcmp(fw_pixel_format_name(FW_PIXEL_FORMAT_RGBA8), "rgba8") == 0);
    CHECK(strcmp(fw_pixel_format_name(FW_PIXEL_FORMAT_I420), "i420") == 0);
    CHECK(fw_pixel_format_name((fw_pixel_format)0) == NULL);
    CHECK(fw_pixel_format_name((fw_pixel_format)70000) == NULL);
    char version[32];
    snprintf(version, sizeof version, "%d.%d.%d", FW_VERSION_MAJOR, FW_VERSION_MINOR, FW_VERSION_PATCH);
    CHECK(strcmp(fw_version_string(), version) == 0);
    CHECK(fw_version() == FW_VERSION);
}

static void test_allocation(void) {
    fw_memory *memory = NULL;
    fw_allocation_params params = FW_ALLOCATION_PARAMS_INIT;
    size_t offset = 1, max_size = 1;
    void *data = NULL;
    CHECK(fw_memory_new(0, NULL, &memory) == FW_OK);
    CHECK(fw_memory_size(memory, NULL, NULL) == 0);
    fw_memory_unref(memory);

    for (size_t alignment = 1; alignment <= 65536; alignment *= 2) {
        params.alignment = alignment;
        params.prefix = 0;
        params.padding = 3;
        CHECK(fw_memory_new(100, &params, &memory) == FW_OK);
        CHECK(fw_memory_map(memory, FW_MAP_READ_WRITE, &data, NULL) == FW_OK);
        CHECK((uintptr_t)data % alignment == 0);
        memset(data, 1, 103);
        CHECK(fw_memory_unmap(memory, FW_MAP_READ_WRITE) == FW_OK);
        fw_memory_unref(memory);
    }
    params.alignment = 64;
    params.prefix = 16;
    CHECK(fw_memory_new(100, &params, &memory) == FW_OK);
    CHECK(fw_memory_size(memory, &offset, &max_size) == 100);
    CHECK(offset == 16 && max_size == 119);
    CHECK(fw_memory_resize(memory, -16, 119) == FW_OK);
    CHECK(fw_memory_size(memory, &offset, NULL) == 119);
    CHECK(offset == 0);
    CHECK_FAILS(FW_ERROR_OUT_OF_RANGE, fw_memory_resize(memory, -1, 1));
    CHECK_FAILS(FW_ERROR_OUT_OF_RANGE, fw_memory_resize(memory, 0, 120));
    CHECK_FAILS(FW_ERROR_OUT_OF_RANGE, fw_memory_resize(memory, PTRDIFF_MAX, 1));
    CHECK_FAILS(FW_ERROR_OUT_OF_RANGE, fw_memory_resize(memory, 1, SIZE_MAX));
    CHECK(fw_memory_ref(memory) == memory);
    fw_memory_unref(memory);
    fw_memory_unref(memory);

    params.alignment = 48;
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_memory_new(1, &params, &memory));
    CHECK(memory == NULL);
    params.alignment = 0;
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_memory_new(1, &params, &memory));
    params.alignment = 131072;
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_memory_new(1, &params, &memory));
    params.alignment = 64;
    params.flags = 1u << 20;
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_memory_new(1, &params, &memory));
    params.flags = 0;
    params.prefix = SIZE_MAX / 2;
    params.padding = SIZE_MAX / 2;
    CHECK_FAILS(FW_ERROR_OUT_OF_RANGE, fw_memory_new(1000, &params, &memory));
    CHECK_FAILS(FW_ERROR_OUT_OF_RANGE, fw_memory_new(SIZE_MAX, NULL, &memory));
    CHECK_FAILS(FW_ERROR_NO_MEMORY, fw_memory_new((size_t)PTRDIFF_MAX - 70000, NULL, &memory));
    CHECK(memory == NULL);
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_memory_new(1, NULL, NULL));
}

/* Structs of older callers, which end early, and of newer ones, which go on. */
static void test_struct_sizes(void) {
    fw_memory *memory = NULL;
    size_t offset = 0;
    struct {
        fw_allocation_params params;
        uint64_t later;
    } newer = {FW_ALLOCATION_PARAMS_INIT, 7};
    newer.params.struct_size = sizeof newer;
    newer.params.prefix = 8;
    CHECK(fw_memory_new(4, &newer.params, &memory) == FW_OK);
    CHECK(fw_memory_size(memory, &offset, NULL) == 4 && offset == 8);
    fw_memory_unref(memory);

    fw_allocation_params older = FW_ALLOCATION_PARAMS_INIT;
    older.struct_size = (uint32_t)offsetof(fw_allocation_params, alignment);
    older.flags = FW_MEMORY_FLAG_READ_ONLY;
    older.alignment = 3;
    CHECK(fw_memory_new(4, &older, &memory) == FW_OK);
    CHECK(!fw_memory_is_writable(memory));
    fw_memory_unref(memory);
    older.struct_size = 7;
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_memory_new(4, &older, &memory));
    older.struct_size = 0;
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_memory_new(4, &older, &memory));
}

static void test_wrapping(void) {
    unsigned char bytes[32] = {0};
    fw_memory *memory = NULL, *share = NULL;
    void *data = NULL;
    released = 0;
    CHECK(fw_memory_new_wrapped(bytes, 32, 4, 8, 0, count_release, &released, &memory) == FW_OK);
    CHECK(fw_memory_map(memory, FW_MAP_READ, &data, NULL) == FW_OK);
    CHECK(data == bytes + 4);
    CHECK(fw_memory_unmap(memory, FW_MAP_READ) == FW_OK);
    CHECK(fw_memory_share(memory, 1, 2, &share) == FW_OK);
    fw_memory_unref(memory);
    CHECK(released == 0);
    fw_memory_unref(share);
    CHECK(released == 1);

    CHECK_FAILS(FW_ERROR_OUT_OF_RANGE,
                fw_memory_new_wrapped(bytes, 32, 30, 3, 0, count_release, &released, &memory));
    CHECK_FAILS(FW_ERROR_OUT_OF_RANGE,
                fw_memory_new_wrapped(bytes, 32, 33, 0, 0, count_release, &released, &memory));
    CHECK_FAILS(FW_ERROR_OUT_OF_RANGE,
                fw_memory_new_wrapped(bytes, SIZE_MAX, 0, 1, 0, count_release, &released, &memory));
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_memory_new_wrapped(NULL, 1, 0, 1, 0, count_release, &released, &memory));
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_memory_new_wrapped(bytes, 1, 0, 1, 64, count_release, &released, &memory));
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_memory_new_wrapped(bytes, 1, 0, 1, 0, count_release, &released, NULL));
    CHECK(released == 1);
    CHECK(fw_memory_new_wrapped(NULL, 0, 0, 0, 0, NULL, NULL, &memory) == FW_OK);
    CHECK(fw_memory_map(memory, FW_MAP_READ, &data, NULL) == FW_OK);
    CHECK(fw_memory_unmap(memory, FW_MAP_READ) == FW_OK);
    fw_memory_unref(memory);
}

static void test_sharing(void) {
    fw_memory *root = new_memory(100, 0), *child = NULL, *grandchild = NULL, *copy = NULL, *next = NULL;
    fw_allocation_params params = FW_ALLOCATION_PARAMS_INIT;
    void *data = NULL;
    size_t offset = 0, size = 0;
    CHECK(fw_memory_is_writable(root));
    CHECK(fw_memory_share(root, 10, 50, &child) == FW_OK);
    CHECK(fw_memory_get_flags(root) == FW_MEMORY_FLAG_NONE && fw_memory_get_flags(child) == FW_MEMORY_FLAG_READ_ONLY);
    CHECK(fw_memory_get_flags(NULL) == 0);
    CHECK(!fw_memory_is_writable(root) && !fw_memory_is_writable(child));
    CHECK_FAILS(FW_ERROR_NOT_WRITABLE, fw_memory_map(root, FW_MAP_WRITE, &data, NULL));
    CHECK_FAILS(FW_ERROR_NOT_WRITABLE, fw_memory_map(child, FW_MAP_WRITE, &data, NULL));
    CHECK(fw_memory_share(child, 5, 10, &grandchild) == FW_OK);
    CHECK(fw_memory_size(grandchild, &offset, &size) == 10 && offset == 15 && size == 100);
    fw_memory_unref(child);
    CHECK(!fw_memory_is_writable(root));
    CHECK(fw_memory_map(grandchild, FW_MAP_READ, &data, &size) == FW_OK);
    CHECK(size == 10 && ((unsigned char *)data)[0] == 15);
    CHECK(fw_memory_unmap(grandchild, FW_MAP_READ) == FW_OK);

    CHECK(fw_memory_share(root, 25, 5, &next) == FW_OK);
    CHECK(fw_memory_is_span(grandchild, next, &offset) && offset == 15);
    CHECK(!fw_memory_is_span(next, grandchild, NULL));
    CHECK(!fw_memory_is_span(NULL, next, NULL) && !fw_memory_is_span(next, NULL, NULL));
    fw_memory_unref(next);
    CHECK(fw_memory_copy(grandchild, 1, 9, &copy) == FW_OK);
    CHECK(fw_memory_is_writable(copy));
    CHECK(!fw_memory_is_span(grandchild, copy, NULL));
    fw_memory_unref(copy);
    fw_memory_unref(grandchild);
    CHECK(fw_memory_is_writable(root));

    CHECK(fw_memory_map(root, FW_MAP_WRITE, &data, NULL) == FW_OK);
    CHECK_FAILS(FW_ERROR_NOT_WRITABLE, fw_memory_share(root, 0, 1, &child));
    CHECK(child == NULL);
    CHECK(fw_memory_unmap(root, FW_MAP_WRITE) == FW_OK);
    CHECK_FAILS(FW_ERROR_OUT_OF_RANGE, fw_memory_share(root, 99, 2, &child));
    CHECK_FAILS(FW_ERROR_OUT_OF_RANGE, fw_memory_share(root, 101, 0, &child));
    CHECK_FAILS(FW_ERROR_OUT_OF_RANGE, fw_memory_share(root, 0, SIZE_MAX, &child));
    CHECK_FAILS(FW_ERROR_OUT_OF_RANGE, fw_memory_copy(root, 50, 51, &child));
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_memory_share(NULL, 0, 0, &child));
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_memory_share(root, 0, 0, NULL));
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_memory_copy(NULL, 0, 0, &child));
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_memory_copy(root, 0, 0, NULL));
    fw_memory_unref(root);

    params.flags = FW_MEMORY_FLAG_NO_SHARE;
    CHECK(fw_memory_new(8, &params, &root) == FW_OK);
    CHECK(fw_memory_share(root, 0, 8, &child) == FW_OK);
    CHECK(fw_memory_is_writable(root) && fw_memory_is_writable(child));
    fw_memory_unref(root);
    fw_memory_unref(child);
    params.flags = FW_MEMORY_FLAG_READ_ONLY;
    CHECK(fw_memory_new(8, &params, &root) == FW_OK);
    CHECK(!fw_memory_is_writable(root));
    CHECK_FAILS(FW_ERROR_NOT_WRITABLE, fw_memory_map(root, FW_MAP_READ_WRITE, &data, NULL));
    fw_memory_unref(root);
}

static void test_memory_maps(void) {
    fw_memory *memory = new_memory(16, 0);
    void *data = NULL;
    CHECK(fw_memory_map(memory, FW_MAP_READ_WRITE, &data, NULL) == FW_OK);
    CHECK(fw_memory_map(memory, FW_MAP_READ, &data, NULL) == FW_OK);
    CHECK(fw_memory_map(memory, FW_MAP_WRITE, &data, NULL) == FW_OK);
    CHECK(fw_memory_unmap(memory, FW_MAP_WRITE) == FW_OK);
    CHECK(fw_memory_unmap(memory, FW_MAP_READ) == FW_OK);
    CHECK(fw_memory_unmap(memory, FW_MAP_READ_WRITE) == FW_OK);
    CHECK(fw_memory_map(memory, FW_MAP_READ, &data, NULL) == FW_OK);
    CHECK_FAILS(FW_ERROR_NOT_WRITABLE, fw_memory_map(memory, FW_MAP_WRITE, &data, NULL));
    CHECK_FAILS(FW_ERROR_NOT_WRITABLE, fw_memory_map(memory, FW_MAP_READ_WRITE, &data, NULL));
    CHECK(data == NULL);
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_memory_unmap(memory, FW_MAP_WRITE));
    CHECK(fw_memory_unmap(memory, FW_MAP_READ) == FW_OK);
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_memory_unmap(memory, FW_MAP_READ));
    for (int i = 0; i < 1000; i++) CHECK(fw_memory_map(memory, FW_MAP_READ, &data, NULL) == FW_OK);
    for (int i = 0; i < 1000; i++) CHECK(fw_memory_unmap(memory, FW_MAP_READ) == FW_OK);
    CHECK(fw_memory_is_writable(memory));
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_memory_map(memory, 0, &data, NULL));
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_memory_map(memory, 4, &data, NULL));
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_memory_map(memory, FW_MAP_READ, NULL, NULL));
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_memory_map(NULL, FW_MAP_READ, &data, NULL));
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_memory_unmap(NULL, FW_MAP_READ));
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_memory_unmap(memory, 9));
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_memory_resize(NULL, 0, 0));
    size_t offset = 5, max_size = 5;
    CHECK(fw_memory_ref(NULL) == NULL);
    CHECK(fw_memory_size(NULL, &offset, &max_size) == 0 && offset == 0 && max_size == 0);
    CHECK(fw_memory_is_writable(NULL) == 0);
    fw_memory_unref(NULL);
    fw_memory_unref(memory);
}

static void test_buffer_memories(void) {
    fw_buffer *buffer = NULL;
    CHECK(fw_buffer_new(&buffer) == FW_OK);
    CHECK(fw_buffer_memory_count(buffer) == 0 && fw_buffer_size(buffer) == 0);
    CHECK(fw_buffer_is_writable(buffer));
    /* In order, whatever the way in; far beyond the memories that fit into the buffer itself. */
    for (int i = 0; i < 50; i++) CHECK(fw_buffer_append_memory(buffer, new_memory(2, (unsigned char)(100 + 2 * i))) == FW_OK);
    for (int i = 49; i > 0; i--) CHECK(fw_buffer_prepend_memory(buffer, new_memory(2, (unsigned char)(2 * i))) == FW_OK);
    CHECK(fw_buffer_insert_memory(buffer, 0, new_memory(2, 0)) == FW_OK);
    CHECK(fw_buffer_insert_memory(buffer, -1, new_memory(1, 200)) == FW_OK);
    CHECK(fw_buffer_memory_count(buffer) == 101 && fw_buffer_size(buffer) == 201);
    CHECK(counts_from(buffer, 0));
    CHECK(fw_buffer_peek_memory(buffer, 100) != NULL && fw_buffer_peek_memory(buffer, 101) == NULL);
    CHECK(fw_buffer_peek_memory(buffer, SIZE_MAX) == NULL);

    fw_memory *memory = new_memory(1, 0);
    CHECK_FAILS(FW_ERROR_OUT_OF_RANGE, fw_buffer_insert_memory(buffer, 102, memory));
    CHECK_FAILS(FW_ERROR_OUT_OF_RANGE, fw_buffer_insert_memory(buffer, -2, memory));
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_buffer_insert_memory(buffer, 0, NULL));
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_buffer_append_memory(NULL, memory));
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_buffer_prepend_memory(NULL, memory));
    fw_memory_unref(memory);

    CHECK_FAILS(FW_ERROR_OUT_OF_RANGE, fw_buffer_remove_memory_range(buffer, 100, 2));
    CHECK_FAILS(FW_ERROR_OUT_OF_RANGE, fw_buffer_remove_memory_range(buffer, 102, -1));
    CHECK_FAILS(FW_ERROR_OUT_OF_RANGE, fw_buffer_remove_memory_range(buffer, 0, -2));
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_buffer_remove_memory_range(NULL, 0, 1));
    CHECK(fw_buffer_remove_memory_range(buffer, 50, -1) == FW_OK);
    CHECK(fw_buffer_remove_memory_range(buffer, 0, 1) == FW_OK);
    CHECK(fw_buffer_memory_count(buffer) == 49 && counts_from(buffer, 2));

    CHECK(fw_buffer_ref(buffer) == buffer);
    CHECK(!fw_buffer_is_writable(buffer));
    memory = new_memory(1, 0);
    CHECK_FAILS(FW_ERROR_NOT_WRITABLE, fw_buffer_append_memory(buffer, memory));
    CHECK_FAILS(FW_ERROR_NOT_WRITABLE, fw_buffer_remove_memory_range(buffer, 0, 1));
    fw_memory_unref(memory);
    fw_buffer *writable = buffer;
    CHECK(fw_buffer_make_writable(&writable) == FW_OK);
    CHECK(writable != buffer && fw_buffer_is_writable(writable) && fw_buffer_is_writable(buffer));
    CHECK(fw_buffer_peek_memory(writable, 0) == fw_buffer_peek_memory(buffer, 0));
    fw_buffer *same = writable;
    CHECK(fw_buffer_make_writable(&same) == FW_OK && same == writable);
    unsigned char byte = 77;
    size_t count = 0;
    CHECK(fw_buffer_fill(writable, 3, &byte, 1, &count) == FW_OK && count == 1);
    CHECK(counts_from(buffer, 2) && !counts_from(writable, 2));
    fw_buffer_unref(writable);
    fw_buffer_unref(buffer);

    /* Sizes that cannot be added. */
    static unsigned char bytes[8];
    CHECK(fw_buffer_new_wrapped(bytes, PTRDIFF_MAX, 0, PTRDIFF_MAX, 0, NULL, NULL, &buffer) == FW_OK);
    CHECK(fw_memory_new_wrapped(bytes, 8, 0, 8, 0, NULL, NULL, &memory) == FW_OK);
    CHECK_FAILS(FW_ERROR_OUT_OF_RANGE, fw_buffer_append_memory(buffer, memory));
    fw_memory_unref(memory);
    fw_buffer_unref(buffer);

    fw_buffer *null = NULL;
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_buffer_new(NULL));
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_buffer_new_allocate(1, NULL, NULL));
    CHECK_FAILS(FW_ERROR_OUT_OF_RANGE, fw_buffer_new_allocate(SIZE_MAX, NULL, &buffer));
    CHECK_FAILS(FW_ERROR_NO_MEMORY, fw_buffer_new_allocate((size_t)PTRDIFF_MAX - 70000, NULL, &buffer));
    CHECK(buffer == NULL);
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_buffer_new_wrapped(NULL, 1, 0, 1, 0, NULL, NULL, &buffer));
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_buffer_new_wrapped(bytes, 1, 0, 1, 0, NULL, NULL, NULL));
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_buffer_make_writable(NULL));
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_buffer_make_writable(&null));
    CHECK(fw_buffer_ref(NULL) == NULL && !fw_buffer_is_writable(NULL));
    CHECK(fw_buffer_memory_count(NULL) == 0 && fw_buffer_size(NULL) == 0 && fw_buffer_peek_memory(NULL, 0) == NULL);
    fw_buffer_unref(NULL);
}

static void test_buffer_maps(void) {
    fw_buffer *buffer = NULL;
    fw_map_info map, nested;
    CHECK(fw_buffer_new(&buffer) == FW_OK);
    CHECK(fw_buffer_map(buffer, FW_MAP_READ_WRITE, &map) == FW_OK);
    CHECK(map.size == 0 && map.flags == FW_MAP_READ_WRITE);
    CHECK(fw_buffer_unmap(buffer, &map) == FW_OK);
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_buffer_unmap(buffer, &map));

    /* Several memories are merged once, for good. */
    CHECK(fw_buffer_append_memory(buffer, new_memory(10, 0)) == FW_OK);
    CHECK(fw_buffer_append_memory(buffer, new_memory(10, 10)) == FW_OK);
    CHECK(fw_buffer_map(buffer, FW_MAP_READ, &map) == FW_OK);
    CHECK(map.size == 20 && fw_buffer_memory_count(buffer) == 1 && counts_from(buffer, 0));
    void *place = map.data;
    CHECK(fw_buffer_unmap(buffer, &map) == FW_OK);
    CHECK(fw_buffer_map(buffer, FW_MAP_READ, &map) == FW_OK && map.data == place);
    CHECK_FAILS(FW_ERROR_NOT_WRITABLE, fw_buffer_map(buffer, FW_MAP_WRITE, &nested));
    CHECK(nested.data == NULL && nested.size == 0);
    CHECK(fw_buffer_unmap(buffer, &map) == FW_OK);

    /* Writing and then reading sees the same bytes. */
    CHECK(fw_buffer_map(buffer, FW_MAP_READ_WRITE, &map) == FW_OK);
    CHECK(fw_buffer_map(buffer, FW_MAP_READ, &nested) == FW_OK);
    CHECK(map.data == nested.data && map.data == place);
    ((unsigned char *)map.data)[0] = 99;
    CHECK(((unsigned char *)nested.data)[0] == 99);
    CHECK(fw_buffer_unmap(buffer, &nested) == FW_OK);
    CHECK(fw_buffer_unmap(buffer, &map) == FW_OK);
    CHECK(fw_buffer_map(buffer, FW_MAP_WRITE, &map) == FW_OK);
    CHECK_FAILS(FW_ERROR_NOT_WRITABLE, fw_buffer_map(buffer, FW_MAP_READ, &nested));
    ((unsigned char *)map.data)[0] = 0;
    CHECK(fw_buffer_unmap(buffer, &map) == FW_OK);
    CHECK(counts_from(buffer, 0));

    /* A memory that is shared is replaced before it is written. */
    fw_buffer *region = NULL;
    CHECK(fw_buffer_copy_region(buffer, FW_BUFFER_COPY_ALL, 5, 10, &region) == FW_OK);
    CHECK(fw_buffer_map(buffer, FW_MAP_WRITE, &map) == FW_OK);
    CHECK(map.data != place);
    memset(map.data, 0, map.size);
    CHECK(fw_buffer_unmap(buffer, &map) == FW_OK);
    CHECK(counts_from(region, 5));
    fw_buffer_unref(region);

    /* What has other owners is not written. */
    fw_buffer_ref(buffer);
    CHECK_FAILS(FW_ERROR_NOT_WRITABLE, fw_buffer_map(buffer, FW_MAP_WRITE, &map));
    fw_buffer_unref(buffer);

    /* A map outlives the place of its memory. */
    CHECK(fw_buffer_map(buffer, FW_MAP_READ_WRITE, &map) == FW_OK);
    CHECK(fw_buffer_remove_memory_range(buffer, 0, -1) == FW_OK);
    memset(map.data, 3, map.size);
    CHECK(fw_buffer_unmap(buffer, &map) == FW_OK);

    /* Without the right to merge, the merged block lasts as long as the map. */
    CHECK(fw_buffer_append_memory(buffer, new_memory(10, 0)) == FW_OK);
    CHECK(fw_buffer_append_memory(buffer, new_memory(10, 10)) == FW_OK);
    fw_buffer_ref(buffer);
    CHECK(fw_buffer_map(buffer, FW_MAP_READ, &map) == FW_OK);
    CHECK(map.size == 20 && ((unsigned char *)map.data)[19] == 19 && fw_buffer_memory_count(buffer) == 2);
    CHECK(fw_buffer_unmap(buffer, &map) == FW_OK);
    fw_buffer_unref(buffer);

    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_buffer_map(NULL, FW_MAP_READ, &map));
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_buffer_map(buffer, FW_MAP_READ, NULL));
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_buffer_map(buffer, 0, &map));
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_buffer_map(buffer, 4, &map));
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_buffer_unmap(buffer, &map));
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_buffer_unmap(NULL, &map));
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_buffer_unmap(buffer, NULL));
    fw_buffer_unref(buffer);

    /* A span costs no copy. */
    fw_memory *whole = new_memory(64, 0), *part = NULL;
    void *data = NULL;
    CHECK(fw_buffer_new(&buffer) == FW_OK);
    for (size_t i = 0; i < 4; i++) {
        CHECK(fw_memory_share(whole, 16 * i, 16, &part) == FW_OK);
        CHECK(fw_buffer_append_memory(buffer, part) == FW_OK);
    }
    CHECK(fw_memory_map(whole, FW_MAP_READ, &data, NULL) == FW_OK);
    CHECK(fw_buffer_map(buffer, FW_MAP_READ, &map) == FW_OK);
    CHECK(map.data == data && map.size == 64 && fw_buffer_memory_count(buffer) == 4);
    CHECK(fw_buffer_unmap(buffer, &map) == FW_OK);
    CHECK(fw_memory_unmap(whole, FW_MAP_READ) == FW_OK);
    fw_memory_unref(whole);
    fw_buffer_unref(buffer);
}

static void test_buffer_bytes(void) {
    fw_buffer *buffer = NULL, *region = NULL;
    unsigned char bytes[32], more[40];
    size_t count = 9;
    CHECK(fw_buffer_new(&buffer) == FW_OK);
    for (int i = 0; i < 3; i++) CHECK(fw_buffer_append_memory(buffer, new_memory(10, (unsigned char)(10 * i))) == FW_OK);
    CHECK(fw_buffer_extract(buffer, 8, bytes, 14) == 14 && bytes[0] == 8 && bytes[13] == 21);
    CHECK(fw_buffer_extract(buffer, 28, bytes, 14) == 2);
    CHECK(fw_buffer_extract(buffer, 30, bytes, 14) == 0);
    CHECK(fw_buffer_extract(buffer, SIZE_MAX, bytes, 14) == 0);
    CHECK(fw_buffer_extract(buffer, 29, bytes, SIZE_MAX) == 1);
    CHECK(fw_buffer_extract(NULL, 0, bytes, 1) == 0 && fw_buffer_extract(buffer, 0, NULL, 1) == 0);

    for (int i = 0; i < 40; i++) more[i] = (unsigned char)(i + 5);
    CHECK(fw_buffer_fill(buffer, 0, more, 40, &count) == FW_OK && count == 30);
    CHECK(counts_from(buffer, 5) && fw_buffer_memory_count(buffer) == 3);
    CHECK(fw_buffer_fill(buffer, 30, more, 1, &count) == FW_OK && count == 0);
    CHECK(fw_buffer_fill(buffer, 0, NULL, 0, NULL) == FW_OK);
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_buffer_fill(buffer, 0, NULL, 1, &count));
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_buffer_fill(NULL, 0, more, 1, &count));
    fw_buffer_ref(buffer);
    CHECK_FAILS(FW_ERROR_NOT_WRITABLE, fw_buffer_fill(buffer, 0, more + 1, 1, &count));
    fw_buffer_unref(buffer);
    void *data = NULL;
    CHECK(fw_memory_map(fw_buffer_peek_memory(buffer, 2), FW_MAP_READ, &data, NULL) == FW_OK);
    CHECK_FAILS(FW_ERROR_NOT_WRITABLE, fw_buffer_fill(buffer, 0, more + 1, 30, &count));
    CHECK(counts_from(buffer, 5));
    CHECK(fw_memory_unmap(fw_buffer_peek_memory(buffer, 2), FW_MAP_READ) == FW_OK);
    CHECK(fw_memory_is_writable(fw_buffer_peek_memory(buffer, 0)));

    CHECK(fw_buffer_copy_region(buffer, FW_BUFFER_COPY_ALL, 5, 20, &region) == FW_OK);
    CHECK(fw_buffer_memory_count(region) == 3 && fw_buffer_size(region) == 20 && counts_from(region, 10));
    CHECK(fw_buffer_peek_memory(region, 1) == fw_buffer_peek_memory(buffer, 1));
    fw_buffer_unref(region);
    CHECK(fw_buffer_copy_region(buffer, FW_BUFFER_COPY_ALL, 0, SIZE_MAX, &region) == FW_OK);
    CHECK(fw_buffer_size(region) == 30);
    fw_buffer_unref(region);
    CHECK(fw_buffer_copy_region(buffer, FW_BUFFER_COPY_ALL, 30, SIZE_MAX, &region) == FW_OK && fw_buffer_size(region) == 0);
    fw_buffer_unref(region);
    CHECK_FAILS(FW_ERROR_OUT_OF_RANGE, fw_buffer_copy_region(buffer, FW_BUFFER_COPY_ALL, 31, SIZE_MAX, &region));
    CHECK(region == NULL);
    CHECK_FAILS(FW_ERROR_OUT_OF_RANGE, fw_buffer_copy_region(buffer, FW_BUFFER_COPY_ALL, 1, 30, &region));
    CHECK_FAILS(FW_ERROR_OUT_OF_RANGE, fw_buffer_copy_region(buffer, FW_BUFFER_COPY_ALL, 0, SIZE_MAX - 1, &region));
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_buffer_copy_region(NULL, FW_BUFFER_COPY_ALL, 0, 0, &region));
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_buffer_copy_region(buffer, FW_BUFFER_COPY_ALL, 0, 0, NULL));
    CHECK(fw_memory_map(fw_buffer_peek_memory(buffer, 1), FW_MAP_WRITE, &data, NULL) == FW_OK);
    CHECK_FAILS(FW_ERROR_NOT_WRITABLE, fw_buffer_copy_region(buffer, FW_BUFFER_COPY_ALL, 5, 20, &region));
    CHECK(fw_memory_unmap(fw_buffer_peek_memory(buffer, 1), FW_MAP_WRITE) == FW_OK);
    CHECK(fw_memory_is_writable(fw_buffer_peek_memory(buffer, 0)));
    fw_buffer_unref(buffer);

    fw_allocation_params params = FW_ALLOCATION_PARAMS_INIT;
    params.flags = FW_MEMORY_FLAG_NO_SHARE;
    CHECK(fw_buffer_new_allocate(16, &params, &buffer) == FW_OK);
    CHECK(fw_buffer_copy_region(buffer, FW_BUFFER_COPY_ALL, 0, SIZE_MAX, &region) == FW_OK);
    CHECK(fw_buffer_peek_memory(region, 0) != fw_buffer_peek_memory(buffer, 0));
    fw_buffer_unref(region);
    fw_buffer_unref(buffer);
}

static void test_times_and_flags(void) {
    fw_buffer *buffer = NULL, *copy = NULL;
    CHECK(fw_buffer_new(&buffer) == FW_OK);
    CHECK(fw_buffer_pts(buffer) == FW_TIME_NONE && fw_buffer_dts(buffer) == FW_TIME_NONE);
    CHECK(fw_buffer_duration(buffer) == FW_TIME_NONE);
    CHECK(fw_buffer_offset(buffer) == FW_OFFSET_NONE && fw_buffer_offset_end(buffer) == FW_OFFSET_NONE);
    CHECK(fw_buffer_set_pts(buffer, 1) == FW_OK && fw_buffer_set_dts(buffer, 2) == FW_OK);
    CHECK(fw_buffer_set_duration(buffer, 3) == FW_OK && fw_buffer_set_offset(buffer, 4) == FW_OK);
    CHECK(fw_buffer_set_offset_end(buffer, 5) == FW_OK);
    CHECK(fw_buffer_set_flags(buffer, FW_BUFFER_FLAG_LIVE | FW_BUFFER_FLAG_USER | 1u << 31) == FW_OK);
    CHECK(fw_buffer_unset_flags(buffer, FW_BUFFER_FLAG_LIVE) == FW_OK);
    CHECK(fw_buffer_get_flags(buffer) == (FW_BUFFER_FLAG_USER | 1u << 31));
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_buffer_set_flags(buffer, 1u << 13));
    CHECK(fw_buffer_copy(buffer, &copy) == FW_OK);
    CHECK(fw_buffer_pts(copy) == 1 && fw_buffer_dts(copy) == 2 && fw_buffer_duration(copy) == 3);
    CHECK(fw_buffer_offset(copy) == 4 && fw_buffer_offset_end(copy) == 5);
    CHECK(fw_buffer_get_flags(copy) == (FW_BUFFER_FLAG_USER | 1u << 31));
    fw_buffer_ref(buffer);
    CHECK_FAILS(FW_ERROR_NOT_WRITABLE, fw_buffer_set_pts(buffer, 9));
    CHECK_FAILS(FW_ERROR_NOT_WRITABLE, fw_buffer_set_flags(buffer, 1));
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_buffer_set_offset_end(NULL, 9));
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_buffer_unset_flags(NULL, 1));
    CHECK(fw_buffer_pts(NULL) == FW_TIME_NONE && fw_buffer_offset(NULL) == FW_OFFSET_NONE);
    CHECK(fw_buffer_pts(buffer) == 1 && fw_buffer_get_flags(NULL) == 0);
    fw_buffer_unref(buffer);
    fw_buffer_unref(buffer);
    fw_buffer_unref(copy);
}

static void test_ranges(void) {
    fw_buffer *buffer = NULL, *other = NULL;
    fw_memory *memory = NULL;
    fw_map_info map;
    size_t size = 0, offset = 0, max_size = 0, index = 0, count = 0, skip = 0;
    CHECK(fw_buffer_new(&buffer) == FW_OK);
    for (int i = 0; i < 4; i++) CHECK(fw_buffer_append_memory(buffer, new_memory(5, (unsigned char)(5 * i))) == FW_OK);
    CHECK(fw_buffer_sizes(buffer, &offset, &max_size) == 20 && offset == 0 && max_size >= 20);
    CHECK(fw_buffer_sizes_range(buffer, 1, 2, &size, NULL, NULL) == FW_OK && size == 10);
    CHECK_FAILS(FW_ERROR_OUT_OF_RANGE, fw_buffer_sizes_range(buffer, 1, 4, &size, NULL, NULL));
    CHECK(fw_buffer_find_memory(buffer, 7, 6, &index, &count, &skip) == FW_OK && index == 1 && count == 2 && skip == 2);
    CHECK(fw_buffer_find_memory(buffer, 20, SIZE_MAX, &index, &count, &skip) == FW_OK && count == 0);
    CHECK_FAILS(FW_ERROR_OUT_OF_RANGE, fw_buffer_find_memory(buffer, 7, 14, &index, &count, &skip));
    CHECK(fw_buffer_get_memory(buffer, 1, &memory) == FW_OK && memory == fw_buffer_peek_memory(buffer, 1));
    fw_memory_unref(memory);
    CHECK(fw_buffer_get_memory_range(buffer, 1, 2, &memory) == FW_OK && fw_memory_size(memory, NULL, NULL) == 10);
    fw_memory_unref(memory);
    CHECK(fw_buffer_get_all_memory(buffer, &memory) == FW_OK && fw_memory_size(memory, NULL, NULL) == 20);
    fw_memory_unref(memory);
    CHECK_FAILS(FW_ERROR_OUT_OF_RANGE, fw_buffer_get_memory(buffer, 4, &memory));
    CHECK(fw_buffer_is_all_memory_writable(buffer) && fw_buffer_is_memory_range_writable(buffer, 3, -1));
    CHECK(!fw_buffer_is_memory_range_writable(buffer, 3, 2) && !fw_buffer_is_all_memory_writable(NULL));
    CHECK(fw_buffer_map_range(buffer, 2, -1, FW_MAP_READ, &map) == FW_OK);
    CHECK(map.size == 10 && ((unsigned char *)map.data)[9] == 19);
    CHECK(fw_buffer_unmap(buffer, &map) == FW_OK && fw_buffer_memory_count(buffer) == 3);
    CHECK_FAILS(FW_ERROR_OUT_OF_RANGE, fw_buffer_map_range(buffer, 2, 2, FW_MAP_READ, &map));
    CHECK(fw_buffer_replace_memory(buffer, 0, new_memory(5, 0)) == FW_OK);
    CHECK(fw_buffer_replace_memory_range(buffer, 1, 2, new_memory(15, 5)) == FW_OK);
    CHECK(counts_from(buffer, 0) && fw_buffer_memory_count(buffer) == 2);
    memory = new_memory(1, 0);
    CHECK_FAILS(FW_ERROR_OUT_OF_RANGE, fw_buffer_replace_memory(buffer, 2, memory));
    fw_memory_unref(memory);

    int order = 1;
    unsigned char bytes[20];
    CHECK(fw_buffer_extract(buffer, 0, bytes, 20) == 20);
    CHECK(fw_buffer_compare(buffer, 0, bytes, 20, &order) == 20 && order == 0);
    CHECK(fw_buffer_compare(buffer, 1, bytes, SIZE_MAX, &order) == 19 && order > 0);
    CHECK(fw_buffer_set_bytes(buffer, 3, 7, 4, &count) == FW_OK && count == 4);
    CHECK(fw_buffer_compare(buffer, 3, "\7\7\7\7", 4, &order) == 4 && order == 0);
    CHECK(fw_buffer_fill(buffer, 0, bytes, 20, &count) == FW_OK && counts_from(buffer, 0));

    CHECK(fw_buffer_resize(buffer, 2, 10) == FW_OK && fw_buffer_size(buffer) == 10 && counts_from(buffer, 2));
    CHECK(fw_buffer_set_size(buffer, 8) == FW_OK && fw_buffer_size(buffer) == 8);
    CHECK(fw_buffer_resize_range(buffer, 1, 1, 1, -1) == FW_OK && fw_buffer_size(buffer) == 7);
    CHECK_FAILS(FW_ERROR_OUT_OF_RANGE, fw_buffer_resize(buffer, PTRDIFF_MIN, -1));
    CHECK_FAILS(FW_ERROR_OUT_OF_RANGE, fw_buffer_resize(buffer, 8, -1));
    CHECK_FAILS(FW_ERROR_OUT_OF_RANGE, fw_buffer_resize(buffer, 0, PTRDIFF_MAX));
    CHECK(fw_buffer_size(buffer) == 7);

    CHECK(fw_buffer_new_allocate(4, NULL, &other) == FW_OK);
    CHECK_FAILS(FW_ERROR_OUT_OF_RANGE, fw_buffer_append_region(&buffer, other, 2, 3));
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_buffer_append(&buffer, buffer));
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_buffer_append(&buffer, NULL));
    CHECK(fw_buffer_size(buffer) == 7 && fw_buffer_memory_count(buffer) == 2);
    CHECK(fw_buffer_append_region(&buffer, other, 1, 2) == FW_OK && fw_buffer_size(buffer) == 9);
    fw_buffer *same = fw_buffer_ref(buffer);
    CHECK(fw_buffer_append(&buffer, fw_buffer_ref(buffer)) == FW_OK);
    CHECK(buffer != same && fw_buffer_size(buffer) == 18 && fw_buffer_size(same) == 9);
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_buffer_copy_into(buffer, buffer, FW_BUFFER_COPY_ALL, 0, 1));
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_buffer_copy_into(buffer, same, 64, 0, 1));
    CHECK(fw_buffer_copy_into(buffer, same, FW_BUFFER_COPY_MEMORY | FW_BUFFER_COPY_MERGE, 0, SIZE_MAX) == FW_OK);
    CHECK(fw_buffer_size(buffer) == 27 && fw_buffer_memory_count(buffer) == 1);
    CHECK(fw_buffer_replace_all_memory(buffer, new_memory(3, 0)) == FW_OK && fw_buffer_size(buffer) == 3);
    CHECK(fw_buffer_copy_deep(buffer, &other) == FW_OK && fw_buffer_is_all_memory_writable(buffer));
    fw_buffer_unref(other);
    CHECK(fw_buffer_remove_memory(buffer, 0) == FW_OK && fw_buffer_remove_all_memory(buffer) == FW_OK);
    CHECK_FAILS(FW_ERROR_OUT_OF_RANGE, fw_buffer_remove_memory(buffer, 0));
    fw_buffer_unref(same);
    fw_buffer_unref(buffer);
}

typedef struct allocator {
    int blocks;
    int left;
} allocator;

static void *allocate(size_t size, size_t alignment, void *user) {
    allocator *state = user;
    void *block = NULL;
    if (state->left-- <= 0) return NULL;
    state->blocks++;
    return posix_memalign(&block, alignment < sizeof(void *) ? sizeof(void *) : alignment, size) ? NULL : block;
}

static void give_back(void *block, void *user) {
    CHECK(block != NULL);
    ((allocator *)user)->blocks--;
    free(block);
}

/* Block memory comes from the user's functions, and a failing one is an error at each place. */
static void test_allocator(void) {
    allocator state = {0, 100}, second = {0, 100};
    fw_memory *memory = NULL;
    fw_buffer *buffer = NULL, *copy = NULL;
    fw_map_info map;
    fw_allocation_params params = FW_ALLOCATION_PARAMS_INIT;
    void *data = NULL;
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_set_allocator(allocate, NULL, &state));
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_set_allocator(NULL, give_back, &state));
    CHECK(fw_set_allocator(allocate, give_back, &state) == FW_OK);
    for (params.alignment = 1; params.alignment <= 65536; params.alignment *= 2) {
        CHECK(fw_memory_new(9, &params, &memory) == FW_OK && state.blocks == 1);
        CHECK(fw_memory_map(memory, FW_MAP_WRITE, &data, NULL) == FW_OK && (uintptr_t)data % params.alignment == 0);
        memset(data, 1, 9);
        fw_memory_unmap(memory, FW_MAP_WRITE);
        fw_memory_unref(memory);
        CHECK(state.blocks == 0);
    }
    CHECK(fw_memory_new(9, NULL, &memory) == FW_OK);
    CHECK(fw_set_allocator(allocate, give_back, &second) == FW_OK);
    fw_memory_unref(memory);
    CHECK(state.blocks == 0 && second.blocks == 0);

    CHECK(fw_buffer_new_allocate(8, NULL, &buffer) == FW_OK);
    CHECK(fw_buffer_append_memory(buffer, new_memory(8, 0)) == FW_OK && second.blocks == 2);
    second.left = 0;
    CHECK_FAILS(FW_ERROR_NO_MEMORY, fw_memory_new(1, NULL, &memory));
    CHECK_FAILS(FW_ERROR_NO_MEMORY, fw_buffer_new_allocate(1, NULL, &copy));
    CHECK_FAILS(FW_ERROR_NO_MEMORY, fw_buffer_map(buffer, FW_MAP_READ, &map));
    CHECK_FAILS(FW_ERROR_NO_MEMORY, fw_buffer_copy_deep(buffer, &copy));
    CHECK_FAILS(FW_ERROR_NO_MEMORY, fw_buffer_get_all_memory(buffer, &memory));
    CHECK(fw_buffer_copy(buffer, &copy) == FW_OK);
    CHECK_FAILS(FW_ERROR_NO_MEMORY, fw_buffer_fill(copy, 0, "x", 1, NULL));
    CHECK_FAILS(FW_ERROR_NO_MEMORY, fw_buffer_copy_into(copy, buffer, 15 | FW_BUFFER_COPY_DEEP, 1, 9));
    CHECK_FAILS(FW_ERROR_NO_MEMORY, fw_buffer_copy_into(copy, buffer, 15 | FW_BUFFER_COPY_MERGE, 1, 9));
    CHECK(fw_buffer_memory_count(copy) == 2 && fw_buffer_memory_count(buffer) == 2);
    fw_buffer_unref(copy);
    fw_buffer_unref(buffer);
    CHECK(second.blocks == 0);
    CHECK(fw_set_allocator(NULL, NULL, NULL) == FW_OK);
    CHECK(fw_memory_new(9, NULL, &memory) == FW_OK);
    fw_memory_unref(memory);
}

static void the_last_memory_absorbs_what_a_resize_adds(void) {
    fw_allocation_params params = FW_ALLOCATION_PARAMS_INIT;
    fw_buffer *buffer = NULL;
    fw_memory *memory = NULL;
    size_t offset, room;
    int i;
    params.padding = 8;
    CHECK(fw_buffer_new(&buffer) == FW_OK);
    for (i = 0; i < 3; i++) {
        CHECK(fw_memory_new(10, &params, &memory) == FW_OK && fw_buffer_append_memory(buffer, memory) == FW_OK);
    }
    CHECK(fw_buffer_set_size(buffer, 35) == FW_OK && fw_buffer_memory_count(buffer) == 3);
    for (i = 0; i < 3; i++) {
        size_t size;
        CHECK(fw_buffer_sizes_range(buffer, (size_t)i, 1, &size, &offset, &room) == FW_OK && size == (i == 2 ? 15 : 10));
    }
    CHECK_FAILS(FW_ERROR_OUT_OF_RANGE, fw_buffer_set_size(buffer, 39));
    CHECK(fw_buffer_size(buffer) == 35);
    fw_buffer_unref(buffer);
}

static int freed;

static void count_freed(void *user) { ++*(int *)user; }

static fw_memory *wrapped_memory(unsigned char *bytes, size_t size, uint32_t flags) {
    fw_memory *memory = NULL;
    CHECK(fw_memory_new_wrapped(bytes, size, 0, size, flags, count_freed, &freed, &memory) == FW_OK);
    return memory;
}

/* A buffer of a memory that is not to be shared, one without bytes, and a third. */
static fw_buffer *mixed_buffer(unsigned char *bytes) {
    fw_buffer *buffer = NULL;
    CHECK(fw_buffer_new(&buffer) == FW_OK);
    CHECK(fw_buffer_append_memory(buffer, wrapped_memory(bytes, 4, FW_MEMORY_FLAG_NO_SHARE)) == FW_OK);
    CHECK(fw_buffer_append_memory(buffer, wrapped_memory(bytes + 4, 0, 0)) == FW_OK);
    CHECK(fw_buffer_append_memory(buffer, wrapped_memory(bytes + 4, 2, 0)) == FW_OK);
    return buffer;
}

static const void *address_of(fw_buffer *buffer, size_t index) {
    fw_map_info map;
    const void *address;
    CHECK(fw_buffer_map_range(buffer, index, 1, FW_MAP_READ, &map) == FW_OK);
    address = map.data;
    CHECK(fw_buffer_unmap(buffer, &map) == FW_OK);
    return address;
}

static void append_moves_the_memories_of_a_buffer_that_nobody_else_has(void) {
    unsigned char bytes[6] = {0, 1, 2, 3, 4, 5};
    fw_buffer *buffer = NULL;
    freed = 0;
    CHECK(fw_buffer_new(&buffer) == FW_OK && fw_buffer_append_memory(buffer, new_memory(3, 9)) == FW_OK);
    CHECK(fw_buffer_append(&buffer, mixed_buffer(bytes)) == FW_OK);
    CHECK(fw_buffer_memory_count(buffer) == 4 && fw_buffer_size(buffer) == 9 && freed == 0);
    CHECK(address_of(buffer, 1) == bytes && address_of(buffer, 3) == bytes + 4);
    CHECK(fw_buffer_is_memory_range_writable(buffer, 1, 1));
    fw_buffer_unref(buffer);
    CHECK(freed == 3);
}

static void append_shares_the_memories_of_a_buffer_that_others_have(void) {
    unsigned char bytes[6] = {0, 1, 2, 3, 4, 5};
    fw_buffer *buffer = NULL, *other = mixed_buffer(bytes);
    freed = 0;
    CHECK(fw_buffer_new(&buffer) == FW_OK);
    CHECK(fw_buffer_append(&buffer, fw_buffer_ref(other)) == FW_OK);
    CHECK(fw_buffer_memory_count(other) == 3 && fw_buffer_memory_count(buffer) == 2);
    CHECK(address_of(buffer, 0) != bytes && address_of(buffer, 1) == bytes + 4);
    fw_buffer_unref(other);
    CHECK(freed == 2);
    fw_buffer_unref(buffer);
    CHECK(freed == 3);
}

static void append_moves_into_the_copy_of_a_buffer_that_others_have(void) {
    unsigned char bytes[6] = {0, 1, 2, 3, 4, 5};
    fw_buffer *buffer = NULL, *same;
    freed = 0;
    CHECK(fw_buffer_new(&buffer) == FW_OK);
    same = fw_buffer_ref(buffer);
    CHECK(fw_buffer_append(&buffer, mixed_buffer(bytes)) == FW_OK);
    CHECK(buffer != same && fw_buffer_memory_count(buffer) == 3 && fw_buffer_memory_count(same) == 0);
    CHECK(address_of(buffer, 0) == bytes);
    fw_buffer_unref(same);
    fw_buffer_unref(buffer);
    CHECK(freed == 3);
}

static void a_pooled_buffer_that_is_appended_returns_when_its_bytes_are_free(void) {
    fw_buffer_pool_config config = FW_BUFFER_POOL_CONFIG_INIT;
    fw_buffer_pool_stats stats = FW_BUFFER_POOL_STATS_INIT;
    fw_buffer_pool *pool = NULL;
    fw_buffer *buffer = NULL, *middle = NULL, *pooled = NULL;
    config.size = 10;
    CHECK(fw_buffer_pool_new(&pool) == FW_OK && fw_buffer_pool_set_config(pool, &config) == FW_OK);
    CHECK(fw_buffer_pool_set_active(pool, 1) == FW_OK);
    CHECK(fw_buffer_new(&buffer) == FW_OK && fw_buffer_new(&middle) == FW_OK);
    CHECK(fw_buffer_pool_acquire(pool, NULL, &pooled) == FW_OK);
    /* The second step moves a memory that keeps the pooled buffer out. */
    CHECK(fw_buffer_append(&middle, pooled) == FW_OK && fw_buffer_append(&buffer, middle) == FW_OK);
    CHECK(fw_buffer_size(buffer) == 10);
    CHECK(fw_buffer_pool_get_stats(pool, &stats) == FW_OK && stats.outstanding == 1);
    fw_buffer_unref(buffer);
    CHECK(fw_buffer_pool_get_stats(pool, &stats) == FW_OK);
    CHECK(stats.outstanding == 0 && stats.recycled == 1 && stats.discarded == 0);
    fw_buffer_pool_free(pool);
}

static void append_that_fails_moves_nothing(void) {
    fw_buffer *buffer = NULL, *other = NULL;
    fw_memory *half = NULL;
    int i;
    for (i = 0; i < 2; i++) {
        fw_buffer **made = i == 0 ? &buffer : &other;
        CHECK(fw_buffer_new(made) == FW_OK);
        CHECK(fw_memory_new_wrapped(NULL, SIZE_MAX / 4 + 1, 0, 0, FW_MEMORY_FLAG_NOT_MAPPABLE, NULL, NULL, &half) == FW_OK);
        CHECK(fw_buffer_append_memory(*made, half) == FW_OK);
    }
    CHECK_FAILS(FW_ERROR_OUT_OF_RANGE, fw_buffer_append(&buffer, other));
    CHECK(fw_buffer_memory_count(buffer) == 1 && fw_buffer_memory_count(other) == 1);
    fw_buffer_unref(buffer);
    fw_buffer_unref(other);
}

int main(void) {
    CHECK(fw_last_error()[0] == '\0');
    test_names();
    test_allocation();
    test_struct_sizes();
    test_wrapping();
    test_sharing();
    test_memory_maps();
    test_buffer_memories();
    test_buffer_maps();
    test_buffer_bytes();
    test_times_and_flags();
    test_ranges();
    test_allocator();
    the_last_memory_absorbs_what_a_resize_adds();
    append_moves_the_memories_of_a_buffer_that_nobody_else_has();
    append_shares_the_memories_of_a_buffer_that_others_have();
    append_moves_into_the_copy_of_a_buffer_that_others_have();
    a_pooled_buffer_that_is_appended_returns_when_its_bytes_are_free();
    append_that_fails_moves_nothing();
    printf("buffer_test: ok\n");
    return 0;
}
