/* Operations on several memories that fail at one of them: the others stay as they were. */
#include "check.h"

#include <string.h>

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

static void append(fw_buffer *buffer, fw_memory *memory) { CHECK(fw_buffer_append_memory(buffer, memory) == FW_OK); }

/* The first memory is shared, so that it would be copied; the second has a map that excludes writing. */
static void refused_filling_replaces_nothing(void) {
    fw_buffer *buffer = NULL;
    fw_memory *first = filled(4, 0, 1), *second = filled(4, 0, 2), *share = NULL;
    size_t count = 0;
    CHECK(fw_buffer_new(&buffer) == FW_OK);
    append(buffer, first);
    append(buffer, second);
    CHECK(fw_memory_share(first, 0, 4, &share) == FW_OK);
    CHECK(fw_memory_map(second, FW_MAP_READ, &(void *){NULL}, NULL) == FW_OK);
    CHECK(fw_buffer_fill(buffer, 0, "abcdefgh", 8, &count) == FW_ERROR_NOT_WRITABLE);
    CHECK(fw_buffer_set_bytes(buffer, 0, 9, 8, &count) == FW_ERROR_NOT_WRITABLE);
    CHECK(fw_buffer_peek_memory(buffer, 0) == first);
    CHECK(fw_memory_unmap(second, FW_MAP_READ) == FW_OK);
    CHECK(fw_buffer_fill(buffer, 0, "abcdefgh", 8, &count) == FW_OK && count == 8);
    CHECK(fw_buffer_peek_memory(buffer, 0) != first);
    fw_memory_unref(share);
    fw_buffer_unref(buffer);
}

/* The sums would allow it, but the last memory has no room for what the others lose. */
static void refused_resize_moves_no_window(void) {
    fw_buffer *buffer = NULL;
    fw_memory *last = filled(10, 0, 2);
    fw_memory *first;
    size_t offset = 0;
    CHECK(fw_buffer_new(&buffer) == FW_OK);
    append(buffer, filled(10, 0, 1));
    append(buffer, last);
    CHECK(fw_memory_resize(last, 6, 4) == FW_OK);
    first = fw_buffer_peek_memory(buffer, 0);
    CHECK(fw_buffer_resize(buffer, 5, 10) == FW_ERROR_OUT_OF_RANGE);
    CHECK(fw_buffer_resize(buffer, -1, -1) == FW_ERROR_OUT_OF_RANGE);
    CHECK(fw_memory_size(first, &offset, NULL) == 10 && offset == 0);
    CHECK(fw_memory_size(last, &offset, NULL) == 4 && offset == 6);
    CHECK(fw_buffer_resize(buffer, 5, 9) == FW_OK);
    CHECK(fw_buffer_size(buffer) == 9);
    fw_buffer_unref(buffer);
}

/* A memory that is copied instead of shared has two places; the copy for one is not that for the next memory. */
static void resize_of_a_memory_in_two_places(void) {
    fw_buffer *buffer = NULL;
    fw_memory *twice = filled(10, FW_MEMORY_FLAG_NO_SHARE, 1), *third = filled(10, 0, 3), *share = NULL;
    unsigned char bytes[40];
    size_t max_size = 0;
    CHECK(fw_memory_share(third, 0, 10, &share) == FW_OK);
    CHECK(fw_buffer_new(&buffer) == FW_OK);
    append(buffer, fw_memory_ref(twice));
    append(buffer, twice);
    append(buffer, filled(5, 0, 2));
    append(buffer, third);
    CHECK(fw_buffer_resize(buffer, 19, 10) == FW_OK);
    CHECK(fw_buffer_memory_count(buffer) == 4);
    CHECK(fw_buffer_extract(buffer, 0, bytes, sizeof bytes) == 10);
    CHECK(memcmp(bytes, "\1\2\2\2\2\2\3\3\3\3", 10) == 0);
    CHECK(fw_memory_size(fw_buffer_peek_memory(buffer, 3), NULL, &max_size) == 4 && max_size == 10);
    fw_memory_unref(share);
    fw_buffer_unref(buffer);
}

int main(void) {
    refused_filling_replaces_nothing();
    refused_resize_moves_no_window();
    resize_of_a_memory_in_two_places();
    printf("all_or_nothing_test: ok\n");
    return 0;
}
