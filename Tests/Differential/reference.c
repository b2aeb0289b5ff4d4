/* libgstreamer-1.0 as one of the two sides. */
#include "side.h"

#include <gst/gst.h>
#include <string.h>

unsigned long reference_complaints;

/* The reference reports a bad argument by a critical message of GLib and returns. */
static void note_complaint(const gchar *domain, GLogLevelFlags level, const gchar *text, gpointer user) {
    (void)domain;
    (void)level;
    (void)text;
    (void)user;
    reference_complaints++;
}

#define COMPLAINS(call) (before = reference_complaints, (call), reference_complaints != before)

static const GstMetaInfo *infos[META_KINDS];
static GstCaps *clock_caps; /* of the reference timestamps */

typedef struct number_meta {
    GstMeta meta;
    uint64_t number;
} number_meta;

static gboolean init_number(GstMeta *meta, gpointer number, GstBuffer *buffer) {
    (void)buffer;
    ((number_meta *)meta)->number = *(uint64_t *)number;
    return TRUE;
}

static gboolean copy_number(GstBuffer *to, GstMeta *meta, GstBuffer *from, GQuark type, gpointer data) {
    (void)from;
    (void)data;
    if (!GST_META_TRANSFORM_IS_COPY(type)) return FALSE;
    return gst_buffer_add_meta(to, meta->info, &((number_meta *)meta)->number) != NULL;
}

static const GstMetaInfo *register_number(const char *api, const char *name, const gchar **tags) {
    return gst_meta_register(gst_meta_api_type_register(api, tags), name, sizeof(number_meta), init_number, NULL,
                             copy_number);
}

void reference_begin(void) {
    static const gchar *none[] = {NULL};
    static const gchar *memory[] = {GST_META_TAG_MEMORY_STR, NULL};
    g_unsetenv("G_DEBUG");
    g_setenv("GST_DEBUG", "0", TRUE);
    g_setenv("GST_REGISTRY_UPDATE", "no", TRUE);
    g_setenv("GST_PLUGIN_SYSTEM_PATH", "", TRUE);
    gst_init(NULL, NULL);
    /* What the alignment leaves over counts in the size limit of a block, by chance: so there is to be nothing left over. */
    gst_memory_alignment = 0;
    g_log_set_default_handler(note_complaint, NULL);
    infos[META_PLAIN] = register_number("TestPlainMetaAPI", "TestPlainMeta", none);
    infos[META_MEMORY] = register_number("TestMemoryMetaAPI", "TestMemoryMeta", memory);
    infos[META_PARENT] = gst_parent_buffer_meta_get_info();
    infos[META_TIMESTAMP] = gst_reference_timestamp_meta_get_info();
    clock_caps = gst_caps_new_empty_simple("timestamp/x-test");
}

static int memory_new(size_t size, size_t alignment, size_t prefix, size_t padding, unsigned flags, void **out) {
    GstAllocationParams params;
    (void)alignment;
    gst_allocation_params_init(&params);
    params.flags = ((flags & MEMORY_READ_ONLY) ? GST_MEMORY_FLAG_READONLY : 0)
                   | ((flags & MEMORY_NO_SHARE) ? GST_MEMORY_FLAG_NO_SHARE : 0);
    params.prefix = prefix;
    params.padding = padding;
    *out = gst_allocator_alloc(NULL, size, &params);
    return *out != NULL;
}

static void count_release(gpointer released) { ++*(int *)released; }

static int memory_wrap(void *data, size_t max, size_t offset, size_t size, unsigned flags, int *released, void **out) {
    GstMemoryFlags wanted = ((flags & MEMORY_READ_ONLY) ? GST_MEMORY_FLAG_READONLY : 0)
                            | ((flags & MEMORY_NO_SHARE) ? GST_MEMORY_FLAG_NO_SHARE : 0);
    *out = gst_memory_new_wrapped(wanted, data, max, offset, size, released, count_release);
    return *out != NULL;
}

static int memory_share(void *memory, size_t offset, size_t size, void **out) {
    *out = gst_memory_share(memory, (gssize)offset, (gssize)size);
    return *out != NULL;
}

static int memory_copy(void *memory, size_t offset, size_t size, void **out) {
    *out = gst_memory_copy(memory, (gssize)offset, (gssize)size);
    return *out != NULL;
}

static void memory_ref(void *memory) { gst_memory_ref(memory); }
static void memory_unref(void *memory) { gst_memory_unref(memory); }

static size_t memory_sizes(void *memory, size_t *offset, size_t *max) {
    return gst_memory_get_sizes(memory, offset, max);
}

static int memory_is_writable(void *memory) { return gst_memory_is_writable(memory); }

static int memory_is_span(void *first, void *second) {
    gsize offset;
    return gst_memory_is_span(first, second, &offset);
}

static int memory_resize(void *memory, ptrdiff_t offset, size_t size) {
    unsigned long before;
    return !COMPLAINS(gst_memory_resize(memory, offset, size));
}

static int memory_map(void *memory, unsigned how, map *out) {
    GstMapInfo info;
    if (!gst_memory_map(memory, &info, (GstMapFlags)how)) return 0;
    out->data = info.data;
    out->size = info.size;
    memcpy(out->internal, &info, sizeof info);
    return 1;
}

static void memory_unmap(void *memory, map *open) {
    GstMapInfo info;
    memcpy(&info, open->internal, sizeof info);
    gst_memory_unmap(memory, &info);
}

static int buffer_new(void **out) {
    *out = gst_buffer_new();
    return 1;
}

static int buffer_allocate(size_t size, void **out) {
    *out = gst_buffer_new_allocate(NULL, size, NULL);
    return *out != NULL;
}

static void buffer_ref(void *buffer) { gst_buffer_ref(buffer); }
static void buffer_unref(void *buffer) { gst_buffer_unref(buffer); }
static int buffer_is_writable(void *buffer) { return gst_buffer_is_writable(GST_BUFFER_CAST(buffer)); }

static int make_writable(void **buffer) {
    *buffer = gst_buffer_make_writable(GST_BUFFER_CAST(*buffer));
    return 1;
}

static size_t memory_count(void *buffer) { return gst_buffer_n_memory(buffer); }
static void *peek(void *buffer, size_t index) { return gst_buffer_peek_memory(buffer, (guint)index); }

static int insert(void *buffer, ptrdiff_t index, void *memory) {
    unsigned long before;
    return !COMPLAINS(gst_buffer_insert_memory(buffer, (gint)index, memory));
}

static int replace_range(void *buffer, size_t index, ptrdiff_t count, void *memory) {
    unsigned long before;
    return !COMPLAINS(gst_buffer_replace_memory_range(buffer, (guint)index, (gint)count, memory));
}

static int remove_range(void *buffer, size_t index, ptrdiff_t count) {
    unsigned long before;
    return !COMPLAINS(gst_buffer_remove_memory_range(buffer, (guint)index, (gint)count));
}

static int remove_all(void *buffer) {
    unsigned long before;
    return !COMPLAINS(gst_buffer_remove_all_memory(buffer));
}

static int get_range(void *buffer, size_t index, ptrdiff_t count, void **out) {
    *out = gst_buffer_get_memory_range(buffer, (guint)index, (gint)count);
    return *out != NULL;
}

static int find(void *buffer, size_t offset, size_t size, size_t *index, size_t *count, size_t *skip) {
    guint first, length;
    if (!gst_buffer_find_memory(buffer, offset, size, &first, &length, skip)) return 0;
    *index = first;
    *count = length;
    return 1;
}

static int range_is_writable(void *buffer, size_t index, ptrdiff_t count) {
    return gst_buffer_is_memory_range_writable(buffer, (guint)index, (gint)count);
}

static size_t sizes_range(void *buffer, size_t index, ptrdiff_t count, size_t *offset, size_t *max) {
    return gst_buffer_get_sizes_range(buffer, (guint)index, (gint)count, offset, max);
}

static int resize_range(void *buffer, size_t index, ptrdiff_t count, ptrdiff_t offset, size_t size) {
    return gst_buffer_resize_range(buffer, (guint)index, (gint)count, offset, (gssize)size);
}

static int set_size(void *buffer, size_t size) {
    unsigned long before;
    return !COMPLAINS(gst_buffer_set_size(buffer, (gssize)size));
}

static int map_range(void *buffer, size_t index, ptrdiff_t count, unsigned how, map *out) {
    GstMapInfo info;
    if (!gst_buffer_map_range(buffer, (guint)index, (gint)count, &info, (GstMapFlags)how)) return 0;
    out->data = info.data;
    out->size = info.size;
    memcpy(out->internal, &info, sizeof info);
    return 1;
}

static void unmap(void *buffer, map *open) {
    GstMapInfo info;
    memcpy(&info, open->internal, sizeof info);
    gst_buffer_unmap(buffer, &info);
}

static size_t extract(void *buffer, size_t offset, void *to, size_t size) {
    return gst_buffer_extract(buffer, offset, to, size);
}

static int fill(void *buffer, size_t offset, const void *from, size_t size, size_t *done) {
    unsigned long before;
    return !COMPLAINS(*done = gst_buffer_fill(buffer, offset, from, size));
}

static int set_bytes(void *buffer, size_t offset, unsigned char value, size_t size, size_t *done) {
    unsigned long before;
    return !COMPLAINS(*done = gst_buffer_memset(buffer, offset, value, size));
}

static int compare(void *buffer, size_t offset, const void *with, size_t size) {
    gint order = gst_buffer_memcmp(buffer, offset, with, size);
    return order < 0 ? -1 : order > 0;
}

static guint64 *place_of_field(GstBuffer *buffer, int field) {
    switch (field) {
    case FIELD_PTS: return &buffer->pts;
    case FIELD_DTS: return &buffer->dts;
    case FIELD_DURATION: return &buffer->duration;
    case FIELD_OFFSET: return &buffer->offset;
    default: return &buffer->offset_end;
    }
}

static uint64_t get_field(void *buffer, int which) { return *place_of_field(buffer, which); }
static void set_field(void *buffer, int which, uint64_t value) { *place_of_field(buffer, which) = value; }

static const GstBufferFlags flag_bits[BUFFER_FLAGS] = {
    GST_BUFFER_FLAG_LIVE,        GST_BUFFER_FLAG_DECODE_ONLY, GST_BUFFER_FLAG_DISCONT, GST_BUFFER_FLAG_RESYNC,
    GST_BUFFER_FLAG_CORRUPTED,   GST_BUFFER_FLAG_MARKER,      GST_BUFFER_FLAG_HEADER,  GST_BUFFER_FLAG_GAP,
    GST_BUFFER_FLAG_DROPPABLE,   GST_BUFFER_FLAG_DELTA_UNIT,  GST_BUFFER_FLAG_SYNC_AFTER,
    GST_BUFFER_FLAG_NON_DROPPABLE};

static unsigned get_flags(void *buffer) {
    unsigned result = 0;
    for (int i = 0; i < BUFFER_FLAGS; i++)
        if (GST_BUFFER_FLAG_IS_SET(GST_BUFFER_CAST(buffer), flag_bits[i])) result |= 1u << i;
    return result;
}

static void change_flag(void *buffer, int flag, int on) {
    if (on) GST_BUFFER_FLAG_SET(GST_BUFFER_CAST(buffer), flag_bits[flag]);
    else GST_BUFFER_FLAG_UNSET(GST_BUFFER_CAST(buffer), flag_bits[flag]);
}

static GstBufferCopyFlags copy_flags(unsigned flags) {
    return (GstBufferCopyFlags)(((flags & COPY_FLAGS) ? GST_BUFFER_COPY_FLAGS : 0)
                                | ((flags & COPY_TIMESTAMPS) ? GST_BUFFER_COPY_TIMESTAMPS : 0)
                                | ((flags & COPY_META) ? GST_BUFFER_COPY_META : 0)
                                | ((flags & COPY_MEMORY) ? GST_BUFFER_COPY_MEMORY : 0)
                                | ((flags & COPY_MERGE) ? GST_BUFFER_COPY_MERGE : 0)
                                | ((flags & COPY_DEEP) ? GST_BUFFER_COPY_DEEP : 0));
}

static int copy(void *buffer, int deep, void **out) {
    *out = deep ? gst_buffer_copy_deep(buffer) : gst_buffer_copy(buffer);
    return *out != NULL;
}

static int copy_region(void *buffer, unsigned flags, size_t offset, size_t size, void **out) {
    *out = gst_buffer_copy_region(buffer, copy_flags(flags), offset, size);
    return *out != NULL;
}

static int copy_into(void *to, void *from, unsigned flags, size_t offset, size_t size) {
    return gst_buffer_copy_into(to, from, copy_flags(flags), offset, size);
}

static int append(void **to, void *from) {
    *to = gst_buffer_append(*to, from);
    return 1;
}

static int append_region(void **to, void *from, size_t offset, size_t size) {
    *to = gst_buffer_append_region(*to, from, (gssize)offset, (gssize)size);
    return 1;
}

static GstMeta *meta_at(GstBuffer *buffer, int place) {
    gpointer state = NULL;
    GstMeta *meta;
    do meta = gst_buffer_iterate_meta(buffer, &state);
    while (meta != NULL && place-- > 0);
    return meta;
}

static int add_meta(void *buffer, int kind, uint64_t number, void *parent) {
    if (kind == META_PARENT) {
        /* The reference adds the meta first and would write through NULL. */
        return gst_buffer_is_writable(GST_BUFFER_CAST(buffer))
               && gst_buffer_add_parent_buffer_meta(buffer, parent) != NULL;
    }
    if (kind == META_TIMESTAMP) {
        return gst_buffer_is_writable(buffer)
               && gst_buffer_add_reference_timestamp_meta(buffer, clock_caps, number, number / 2) != NULL;
    }
    return gst_buffer_add_meta(buffer, infos[kind], &number) != NULL;
}

static int remove_meta(void *buffer, int place) {
    GstMeta *meta = meta_at(buffer, place);
    return meta != NULL && gst_buffer_remove_meta(buffer, meta);
}

static int lock_meta(void *buffer, int place) {
    GstMeta *meta = meta_at(buffer, place);
    if (meta == NULL) return 0;
    GST_META_FLAG_SET(meta, GST_META_FLAG_LOCKED);
    return 1;
}

static int metas(void *buffer, meta_view *out, int capacity) {
    gpointer state = NULL;
    GstMeta *meta;
    int count = 0;
    while ((meta = gst_buffer_iterate_meta(buffer, &state)) != NULL && count < capacity) {
        int kind = 0;
        while (kind < META_KINDS && infos[kind] != meta->info) kind++;
        out[count].kind = kind;
        out[count].number = 0;
        if (kind < META_PARENT) out[count].number = ((number_meta *)meta)->number;
        if (kind == META_TIMESTAMP) {
            const GstReferenceTimestampMeta *given = (GstReferenceTimestampMeta *)meta;
            out[count].number = given->duration == given->timestamp / 2 ? given->timestamp : ~(uint64_t)0;
        }
        count++;
    }
    return count;
}

static int count_metas(void *buffer, int kind) { return (int)gst_buffer_get_n_meta(buffer, infos[kind]->api); }

static int list_new(void **out) {
    *out = gst_buffer_list_new();
    return 1;
}

static void list_ref(void *list) { gst_buffer_list_ref(list); }
static void list_unref(void *list) { gst_buffer_list_unref(list); }
static int list_is_writable(void *list) { return gst_buffer_list_is_writable(GST_BUFFER_LIST_CAST(list)); }

static int list_make_writable(void **list) {
    *list = gst_buffer_list_make_writable(GST_BUFFER_LIST_CAST(*list));
    return 1;
}

static size_t list_length(void *list) { return gst_buffer_list_length(list); }
static void *list_get(void *list, size_t index) { return gst_buffer_list_get(list, (guint)index); }

static int list_get_writable(void *list, size_t index, void **out) {
    *out = gst_buffer_list_get_writable(list, (guint)index);
    return *out != NULL;
}

static int list_insert(void *list, ptrdiff_t index, void *buffer) {
    unsigned long before;
    return !COMPLAINS(gst_buffer_list_insert(list, (gint)index, buffer));
}

static int list_remove(void *list, size_t index, size_t count) {
    unsigned long before;
    return !COMPLAINS(gst_buffer_list_remove(list, (guint)index, (guint)count));
}

static int list_copy(void *list, int deep, void **out) {
    *out = deep ? gst_buffer_list_copy_deep(list) : gst_buffer_list_copy(list);
    return *out != NULL;
}

static size_t list_size(void *list) { return gst_buffer_list_calculate_size(list); }

/* The reference gives the places that are left, so the test counts the calls itself. */
typedef struct walk {
    uint32_t removed;
    size_t place, last;
} walk;

static gboolean visit(GstBuffer **buffer, guint index, gpointer user) {
    walk *state = user;
    (void)index;
    if (state->removed >> state->place & 1) {
        gst_buffer_unref(*buffer);
        *buffer = NULL;
    }
    return state->place++ < state->last;
}

static int list_foreach(void *list, uint32_t removed, size_t last) {
    walk state = {removed, 0, last};
    return gst_buffer_list_foreach(list, visit, &state);
}

static int pool_configure(void *pool, const pool_settings *settings) {
    GstStructure *config = gst_buffer_pool_get_config(pool);
    GstAllocationParams params;
    gst_allocation_params_init(&params);
    params.prefix = settings->prefix;
    params.padding = settings->padding;
    gst_buffer_pool_config_set_params(config, NULL, (guint)settings->size, (guint)settings->min, (guint)settings->max);
    gst_buffer_pool_config_set_allocator(config, NULL, &params);
    return gst_buffer_pool_set_config(pool, config);
}

static int pool_new(const pool_settings *settings, void **out) {
    *out = gst_buffer_pool_new();
    if (pool_configure(*out, settings)) return 1;
    gst_object_unref(*out);
    *out = NULL;
    return 0;
}

static void pool_free(void *pool) {
    gst_buffer_pool_set_active(pool, FALSE);
    gst_object_unref(pool);
}

static int pool_set_active(void *pool, int active) { return gst_buffer_pool_set_active(pool, active); }

static int pool_set_flushing(void *pool, int flushing) {
    gst_buffer_pool_set_flushing(pool, flushing);
    return 1;
}

static int pool_acquire(void *pool, void **out) {
    GstBufferPoolAcquireParams params = {0};
    GstBuffer *buffer = NULL;
    params.flags = GST_BUFFER_POOL_ACQUIRE_FLAG_DONTWAIT;
    if (gst_buffer_pool_acquire_buffer(pool, &buffer, &params) != GST_FLOW_OK) return 0;
    *out = buffer;
    return 1;
}

const side reference = {
    .name = "reference",
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
