/* The library under test as one of the two sides. */
#include "side.h"

#include <framewire/framewire.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const fw_meta_type *types[META_KINDS];

static fw_status init_number(void *data, const void *number, fw_buffer *buffer, void *user) {
    (void)buffer;
    (void)user;
    memcpy(data, number, sizeof(uint64_t));
    return FW_OK;
}

static fw_status copy_number(fw_buffer *to, const fw_meta *meta, const fw_buffer *from, const fw_meta_copy *how,
                             void *user) {
    (void)from;
    (void)how;
    (void)user;
    return fw_buffer_add_meta(to, fw_meta_get_type(meta), fw_meta_data(meta), NULL);
}

static const fw_meta_type *register_number(const char *name, uint32_t tags) {
    const fw_meta_type *type = NULL;
    fw_meta_type_info info = FW_META_TYPE_INFO_INIT;
    info.name = name;
    info.tags = tags;
    info.size = sizeof(uint64_t);
    info.init = init_number;
    info.transform = copy_number;
    if (fw_meta_type_register(&info, &type) != FW_OK) {
        fprintf(stderr, "a meta type cannot be registered: %s\n", fw_last_error());
        exit(2);
    }
    return type;
}

void framewire_begin(void) {
    types[META_PLAIN] = register_number("TestPlainMeta", 0);
    types[META_MEMORY] = register_number("TestMemoryMeta", FW_META_TAG_MEMORY);
    types[META_PARENT] = fw_parent_buffer_meta_type();
    types[META_TIMESTAMP] = fw_reference_timestamp_meta_type();
}

static uint32_t memory_flags(unsigned flags) {
    return ((flags & MEMORY_READ_ONLY) ? FW_MEMORY_FLAG_READ_ONLY : 0u)
           | ((flags & MEMORY_NO_SHARE) ? FW_MEMORY_FLAG_NO_SHARE : 0u);
}

static int memory_new(size_t size, size_t alignment, size_t prefix, size_t padding, unsigned flags, void **out) {
    fw_allocation_params params = FW_ALLOCATION_PARAMS_INIT;
    params.flags = memory_flags(flags);
    params.alignment = alignment;
    params.prefix = prefix;
    params.padding = padding;
    return fw_memory_new(size, &params, (fw_memory **)out) == FW_OK;
}

static void count_release(void *released) { ++*(int *)released; }

static int memory_wrap(void *data, size_t max, size_t offset, size_t size, unsigned flags, int *released, void **out) {
    return fw_memory_new_wrapped(data, max, offset, size, memory_flags(flags), count_release, released,
                                 (fw_memory **)out)
           == FW_OK;
}

static int memory_share(void *memory, size_t offset, size_t size, void **out) {
    return fw_memory_share(memory, offset, size, (fw_memory **)out) == FW_OK;
}

static int memory_copy(void *memory, size_t offset, size_t size, void **out) {
    return fw_memory_copy(memory, offset, size, (fw_memory **)out) == FW_OK;
}

static void memory_ref(void *memory) { fw_memory_ref(memory); }
static void memory_unref(void *memory) { fw_memory_unref(memory); }

static size_t memory_sizes(void *memory, size_t *offset, size_t *max) { return fw_memory_size(memory, offset, max); }
static int memory_is_writable(void *memory) { return fw_memory_is_writable(memory); }
static int memory_is_span(void *first, void *second) { return fw_memory_is_span(first, second, NULL); }

static int memory_resize(void *memory, ptrdiff_t offset, size_t size) {
    return fw_memory_resize(memory, offset, size) == FW_OK;
}

static int memory_map(void *memory, unsigned how, map *out) {
    out->internal[0] = (void *)(uintptr_t)how;
    return fw_memory_map(memory, how, &out->data, &out->size) == FW_OK;
}

static void memory_unmap(void *memory, map *open) {
    if (fw_memory_unmap(memory, (uint32_t)(uintptr_t)open->internal[0]) != FW_OK) {
        fprintf(stderr, "an open map of a memory cannot be ended: %s\n", fw_last_error());
        abort();
    }
}

static int buffer_new(void **out) { return fw_buffer_new((fw_buffer **)out) == FW_OK; }

static int buffer_allocate(size_t size, void **out) {
    return fw_buffer_new_allocate(size, NULL, (fw_buffer **)out) == FW_OK;
}

static void buffer_ref(void *buffer) { fw_buffer_ref(buffer); }
static void buffer_unref(void *buffer) { fw_buffer_unref(buffer); }
static int buffer_is_writable(void *buffer) { return fw_buffer_is_writable(buffer); }
static int make_writable(void **buffer) { return fw_buffer_make_writable((fw_buffer **)buffer) == FW_OK; }
static size_t memory_count(void *buffer) { return fw_buffer_memory_count(buffer); }
static void *peek(void *buffer, size_t index) { return fw_buffer_peek_memory(buffer, index); }

static int insert(void *buffer, ptrdiff_t index, void *memory) {
    return fw_buffer_insert_memory(buffer, index, memory) == FW_OK;
}

static int replace_range(void *buffer, size_t index, ptrdiff_t count, void *memory) {
    return fw_buffer_replace_memory_range(buffer, index, count, memory) == FW_OK;
}

static int remove_range(void *buffer, size_t index, ptrdiff_t count) {
    return fw_buffer_remove_memory_range(buffer, index, count) == FW_OK;
}

static int remove_all(void *buffer) { return fw_buffer_remove_all_memory(buffer) == FW_OK; }

static int get_range(void *buffer, size_t index, ptrdiff_t count, void **out) {
    return fw_buffer_get_memory_range(buffer, index, count, (fw_memory **)out) == FW_OK;
}

static int find(void *buffer, size_t offset, size_t size, size_t *index, size_t *count, size_t *skip) {
    return fw_buffer_find_memory(buffer, offset, size, index, count, skip) == FW_OK;
}

static int range_is_writable(void *buffer, size_t index, ptrdiff_t count) {
    return fw_buffer_is_memory_range_writable(buffer, index, count);
}

static size_t sizes_range(void *buffer, size_t index, ptrdiff_t count, size_t *offset, size_t *max) {
    size_t size = 0;
    return fw_buffer_sizes_range(buffer, index, count, &size, offset, max) == FW_OK ? size : 0;
}

static int resize_range(void *buffer, size_t index, ptrdiff_t count, ptrdiff_t offset, size_t size) {
    return fw_buffer_resize_range(buffer, index, count, offset, (ptrdiff_t)size) == FW_OK;
}

static int set_size(void *buffer, size_t size) { return fw_buffer_set_size(buffer, (ptrdiff_t)size) == FW_OK; }

static int map_range(void *buffer, size_t index, ptrdiff_t count, unsigned how, map *out) {
    fw_map_info info;
    if (fw_buffer_map_range(buffer, index, count, how, &info) != FW_OK) return 0;
    out->data = info.data;
    out->size = info.size;
    memcpy(out->internal, &info, sizeof info);
    return 1;
}

static void unmap(void *buffer, map *open) {
    fw_map_info info;
    memcpy(&info, open->internal, sizeof info);
    if (fw_buffer_unmap(buffer, &info) != FW_OK) {
        fprintf(stderr, "an open map of a buffer cannot be ended: %s\n", fw_last_error());
        abort();
    }
}

static size_t extract(void *buffer, size_t offset, void *to, size_t size) {
    return fw_buffer_extract(buffer, offset, to, size);
}

static int fill(void *buffer, size_t offset, const void *from, size_t size, size_t *done) {
    return fw_buffer_fill(buffer, offset, from, size, done) == FW_OK;
}

static int set_bytes(void *buffer, size_t offset, unsigned char value, size_t size, size_t *done) {
    return fw_buffer_set_bytes(buffer, offset, value, size, done) == FW_OK;
}

static int compare(void *buffer, size_t offset, const void *with, size_t size) {
    int order = 0;
    /* The reference calls a buffer that is too short smaller; here the caller sees that from the count. */
    if (fw_buffer_compare(buffer, offset, with, size, &order) < size) return -1;
    return order < 0 ? 1 : order > 0 ? -1 : 0;
}

static uint64_t get_field(void *buffer, int field) {
    int64_t time;
    switch (field) {
    case FIELD_PTS: time = fw_buffer_pts(buffer); break;
    case FIELD_DTS: time = fw_buffer_dts(buffer); break;
    case FIELD_DURATION: time = fw_buffer_duration(buffer); break;
    case FIELD_OFFSET: return fw_buffer_offset(buffer);
    default: return fw_buffer_offset_end(buffer);
    }
    return time == FW_TIME_NONE ? NO_TIME : (uint64_t)time;
}

static void set_field(void *buffer, int field, uint64_t value) {
    int64_t time = value == NO_TIME ? FW_TIME_NONE : (int64_t)value;
    switch (field) {
    case FIELD_PTS: fw_buffer_set_pts(buffer, time); break;
    case FIELD_DTS: fw_buffer_set_dts(buffer, time); break;
    case FIELD_DURATION: fw_buffer_set_duration(buffer, time); break;
    case FIELD_OFFSET: fw_buffer_set_offset(buffer, value); break;
    default: fw_buffer_set_offset_end(buffer, value);
    }
}

static const uint32_t flag_bits[BUFFER_FLAGS] = {
    FW_BUFFER_FLAG_LIVE,      FW_BUFFER_FLAG_DECODE_ONLY, FW_BUFFER_FLAG_DISCONT, FW_BUFFER_FLAG_RESYNC,
    FW_BUFFER_FLAG_CORRUPTED, FW_BUFFER_FLAG_MARKER,      FW_BUFFER_FLAG_HEADER,  FW_BUFFER_FLAG_GAP,
    FW_BUFFER_FLAG_DROPPABLE, FW_BUFFER_FLAG_DELTA_UNIT,  FW_BUFFER_FLAG_SYNC_AFTER,
    FW_BUFFER_FLAG_NON_DROPPABLE};

static unsigned get_flags(void *buffer) {
    uint32_t flags = fw_buffer_get_flags(buffer);
    unsigned result = 0;
    for (int i = 0; i < BUFFER_FLAGS; i++)
        if (flags & flag_bits[i]) result |= 1u << i;
    return result;
}

static void change_flag(void *buffer, int flag, int on) {
    if (on) fw_buffer_set_flags(buffer, flag_bits[flag]);
    else fw_buffer_unset_flags(buffer, flag_bits[flag]);
}

static uint32_t copy_flags(unsigned flags) {
    return ((flags & COPY_FLAGS) ? FW_BUFFER_COPY_FLAGS : 0u)
           | ((flags & COPY_TIMESTAMPS) ? FW_BUFFER_COPY_TIMESTAMPS : 0u)
           | ((flags & COPY_META) ? FW_BUFFER_COPY_META : 0u) | ((flags & COPY_MEMORY) ? FW_BUFFER_COPY_MEMORY : 0u)
           | ((flags & COPY_MERGE) ? FW_BUFFER_COPY_MERGE : 0u) | ((flags & COPY_DEEP) ? FW_BUFFER_COPY_DEEP : 0u);
}

static int copy(void *buffer, int deep, void **out) {
    return (deep ? fw_buffer_copy_deep(buffer, (fw_buffer **)out) : fw_buffer_copy(buffer, (fw_buffer **)out)) == FW_OK;
}

static int copy_region(void *buffer, unsigned flags, size_t offset, size_t size, void **out) {
    return fw_buffer_copy_region(buffer, copy_flags(flags), offset, size, (fw_buffer **)out) == FW_OK;
}

static int copy_into(void *to, void *from, unsigned flags, size_t offset, size_t size) {
    return fw_buffer_copy_into(to, from, copy_flags(flags), offset, size) == FW_OK;
}

static int append(void **to, void *from) { return fw_buffer_append((fw_buffer **)to, from) == FW_OK; }

static int append_region(void **to, void *from, size_t offset, size_t size) {
    return fw_buffer_append_region((fw_buffer **)to, from, offset, size) == FW_OK;
}

static fw_meta *meta_at(fw_buffer *buffer, int place) {
    void *state = NULL;
    fw_meta *meta;
    do meta = fw_buffer_iterate_meta(buffer, &state);
    while (meta != NULL && place-- > 0);
    return meta;
}

static int add_meta(void *buffer, int kind, uint64_t number, void *parent) {
    if (kind == META_PARENT) return fw_buffer_add_parent_buffer_meta(buffer, parent, NULL) == FW_OK;
    if (kind == META_TIMESTAMP) {
        return fw_buffer_add_reference_timestamp_meta(buffer, "timestamp/x-test", (int64_t)number, (int64_t)(number / 2), NULL)
               == FW_OK;
    }
    return fw_buffer_add_meta(buffer, types[kind], &number, NULL) == FW_OK;
}

static int remove_meta(void *buffer, int place) {
    fw_meta *meta = meta_at(buffer, place);
    return meta != NULL && fw_buffer_remove_meta(buffer, meta) == FW_OK;
}

static int lock_meta(void *buffer, int place) {
    fw_meta *meta = meta_at(buffer, place);
    return meta != NULL && fw_meta_set_flags(meta, FW_META_FLAG_LOCKED) == FW_OK;
}

static int metas(void *buffer, meta_view *out, int capacity) {
    void *state = NULL;
    fw_meta *meta;
    int count = 0;
    while ((meta = fw_buffer_iterate_meta(buffer, &state)) != NULL && count < capacity) {
        int kind = 0;
        while (kind < META_KINDS && types[kind] != fw_meta_get_type(meta)) kind++;
        out[count].kind = kind;
        out[count].number = 0;
        if (kind < META_PARENT) memcpy(&out[count].number, fw_meta_data(meta), sizeof(uint64_t));
        if (kind == META_TIMESTAMP) {
            fw_reference_timestamp given = {NULL, 0, 0};
            if (fw_reference_timestamp_meta_get(meta, &given) != FW_OK || strcmp(given.reference, "timestamp/x-test") != 0) abort();
            out[count].number = given.duration_ns == given.timestamp_ns / 2 ? (uint64_t)given.timestamp_ns : ~(uint64_t)0;
        }
        count++;
    }
    return count;
}

static int count_metas(void *buffer, int kind) { return (int)fw_buffer_meta_count(buffer, types[kind]); }

static int list_new(void **out) { return fw_buffer_list_new((fw_buffer_list **)out) == FW_OK; }
static void list_ref(void *list) { fw_buffer_list_ref(list); }
static void list_unref(void *list) { fw_buffer_list_unref(list); }
static int list_is_writable(void *list) { return fw_buffer_list_is_writable(list); }
static int list_make_writable(void **list) { return fw_buffer_list_make_writable((fw_buffer_list **)list) == FW_OK; }
static size_t list_length(void *list) { return fw_buffer_list_length(list); }
static void *list_get(void *list, size_t index) { return fw_buffer_list_get(list, index); }

static int list_get_writable(void *list, size_t index, void **out) {
    return fw_buffer_list_get_writable(list, index, (fw_buffer **)out) == FW_OK;
}

static int list_insert(void *list, ptrdiff_t index, void *buffer) {
    return fw_buffer_list_insert(list, index, buffer) == FW_OK;
}

static int list_remove(void *list, size_t index, size_t count) {
    return fw_buffer_list_remove(list, index, (ptrdiff_t)count) == FW_OK;
}

static int list_copy(void *list, int deep, void **out) {
    return (deep ? fw_buffer_list_copy_deep(list, (fw_buffer_list **)out)
                 : fw_buffer_list_copy(list, (fw_buffer_list **)out))
           == FW_OK;
}

static size_t list_size(void *list) { return fw_buffer_list_size(list); }

typedef struct walk {
    uint32_t removed;
    size_t place, last;
} walk;

static int visit(fw_buffer **buffer, size_t index, void *user) {
    walk *state = user;
    (void)index;
    if (state->removed >> state->place & 1) {
        fw_buffer_unref(*buffer);
        *buffer = NULL;
    }
    return state->place++ < state->last;
}

static int list_foreach(void *list, uint32_t removed, size_t last) {
    walk state = {removed, 0, last};
    /* Like the reference, say whether the round came to the end. */
    return fw_buffer_list_foreach(list, visit, &state) == FW_OK && state.place <= state.last;
}

static fw_buffer_pool_config pool_config(const pool_settings *settings) {
    fw_buffer_pool_config config = FW_BUFFER_POOL_CONFIG_INIT;
    config.size = settings->size;
    config.min_buffers = settings->min;
    config.max_buffers = settings->max;
    config.allocation.prefix = settings->prefix;
    config.allocation.padding = settings->padding;
    config.allocation.alignment = settings->alignment;
    return config;
}

static int pool_configure(void *pool, const pool_settings *settings) {
    fw_buffer_pool_config config = pool_config(settings);
    return fw_buffer_pool_set_config(pool, &config) == FW_OK;
}

static int pool_new(const pool_settings *settings, void **out) {
    if (fw_buffer_pool_new((fw_buffer_pool **)out) != FW_OK) return 0;
    if (pool_configure(*out, settings)) return 1;
    fw_buffer_pool_free(*out);
    *out = NULL;
    return 0;
}

static void pool_free(void *pool) { fw_buffer_pool_free(pool); }
static int pool_set_active(void *pool, int active) { return fw_buffer_pool_set_active(pool, active) == FW_OK; }
static int pool_set_flushing(void *pool, int flushing) { return fw_buffer_pool_set_flushing(pool, flushing) == FW_OK; }

static int pool_acquire(void *pool, void **out) {
    static unsigned calls;
    fw_acquire_params params = FW_ACQUIRE_PARAMS_INIT;
    fw_status status;
    /* The reference can only be told not to wait; to wait for a while comes to the same here, as nobody else releases. */
    switch (calls++ % 8) {
    case 0: params.timeout_ns = 1000; break;
    case 1: params.timeout_ns = 0; break;
    default: params.flags = FW_ACQUIRE_FLAG_DONT_WAIT;
    }
    status = fw_buffer_pool_acquire(pool, &params, (fw_buffer **)out);
    if (status == FW_ERROR_TIMEOUT && params.timeout_ns != 1000) abort();
    if (status == FW_ERROR_WOULD_BLOCK && params.timeout_ns == 1000) abort();
    return status == FW_OK;
}

const side framewire = {
    .name = "framewire",
    .memory_new = memory_new, .memory_wrap = memory_wrap, .memory_share = memory_share, .memory_copy = memory_copy,
    .memory_ref = memory_ref, .memory_unref = memory_unref, .memory_sizes = memory_sizes,
    .memory_is_writable = memory_is_writable, .memory_is_span = memory_is_span, .memory_resize = memory_resize,
    .memory_map = memory_map, .memory_unmap = memory_unmap,
    .buffer_new = buffer_new, .buffer_allocate = buffer_allocate, .buffer_ref = buffer_ref,
    .buffer_unref = buffer_unref, .buffer_is_writable = buffer_is_writable, .make_writable = make_writable,
    .memory_count = memory_count, .peek = peek, .insert = insert, .replace_range = replace_range,
    .remove_range = remove_range, .remove_all = remove_all, .get_range = get_range, .find = find,
    .range_is_writable = range_is_writable, .sizes_range = sizes_range, .resize_range = resize_range,
    .set_size = set_size, .map_range = map_range, .unmap = unmap, .extract = extract, .fill = fill,
    .set_bytes = set_bytes, .compare = compare, .field = get_field, .set_field = set_field, .flags = get_flags,
    .change_flag = change_flag, .copy = copy, .copy_region = copy_region, .copy_into = copy_into,
    .append = append, .append_region = append_region, .add_meta = add_meta, .remove_meta = remove_meta,
    .lock_meta = lock_meta, .metas = metas, .count_metas = count_metas,
    .list_new = list_new, .list_ref = list_ref, .list_unref = list_unref, .list_is_writable = list_is_writable,
    .list_make_writable = list_make_writable, .list_length = list_length, .list_get = list_get,
    .list_get_writable = list_get_writable, .list_insert = list_insert, .list_remove = list_remove,
    .list_copy = list_copy, .list_size = list_size, .list_foreach = list_foreach,
    .pool_new = pool_new, .pool_free = pool_free, .pool_configure = pool_configure,
    .pool_set_active = pool_set_active, .pool_set_flushing = pool_set_flushing, .pool_acquire = pool_acquire,
};
