/*
 * One set of operations on memories, buffers, lists and pools that both libraries can be driven through: `reference` is
 * libgstreamer-1.0, `framewire` is the library under test.
 *
 * An operation returns 1 if it was done and 0 if it was refused, however the library says so. A refused operation has changed
 * nothing and has taken no reference. Sizes of ALL mean to the end.
 */
#ifndef SIDE_H
#define SIDE_H

#include <stddef.h>
#include <stdint.h>

enum { MAP_READ = 1, MAP_WRITE = 2, MAP_BOTH = 3 };
enum { MEMORY_READ_ONLY = 1, MEMORY_NO_SHARE = 2 };
enum { COPY_FLAGS = 1, COPY_TIMESTAMPS = 2, COPY_META = 4, COPY_MEMORY = 8, COPY_MERGE = 16, COPY_DEEP = 32 };
#define ALL ((size_t)-1)
#define NO_TIME ((uint64_t)-1)

enum { FIELD_PTS, FIELD_DTS, FIELD_DURATION, FIELD_OFFSET, FIELD_OFFSET_END, FIELDS };

/* The flags of a buffer, in an order of the test's own. */
enum { BUFFER_FLAGS = 12 };

/* Kinds of metas: two of the test's own with a number inside, one of them bound to the memory, a parent buffer, and a
 * reference timestamp. */
enum { META_PLAIN, META_MEMORY, META_PARENT, META_TIMESTAMP, META_KINDS };

typedef struct map {
    void *data;
    size_t size;
    void *internal[16];
} map;

typedef struct meta_view {
    int kind;
    uint64_t number; /* of the two kinds of the test's own; the time of a reference timestamp */
} meta_view;

typedef struct pool_settings {
    size_t size, min, max, prefix, padding, alignment;
} pool_settings;

typedef struct side {
    const char *name;

    int (*memory_new)(size_t size, size_t alignment, size_t prefix, size_t padding, unsigned flags, void **out);
    int (*memory_wrap)(void *data, size_t max, size_t offset, size_t size, unsigned flags, int *released, void **out);
    int (*memory_share)(void *memory, size_t offset, size_t size, void **out);
    int (*memory_copy)(void *memory, size_t offset, size_t size, void **out);
    void (*memory_ref)(void *memory);
    void (*memory_unref)(void *memory);
    size_t (*memory_sizes)(void *memory, size_t *offset, size_t *max);
    int (*memory_is_writable)(void *memory);
    int (*memory_is_span)(void *first, void *second);
    int (*memory_resize)(void *memory, ptrdiff_t offset, size_t size);
    int (*memory_map)(void *memory, unsigned how, map *out);
    void (*memory_unmap)(void *memory, map *open);

    int (*buffer_new)(void **out);
    int (*buffer_allocate)(size_t size, void **out);
    void (*buffer_ref)(void *buffer);
    void (*buffer_unref)(void *buffer);
    int (*buffer_is_writable)(void *buffer);
    int (*make_writable)(void **buffer);
    size_t (*memory_count)(void *buffer);
    void *(*peek)(void *buffer, size_t index);
    int (*insert)(void *buffer, ptrdiff_t index, void *memory); /* takes the reference */
    int (*replace_range)(void *buffer, size_t index, ptrdiff_t count, void *memory); /* takes the reference */
    int (*remove_range)(void *buffer, size_t index, ptrdiff_t count);
    int (*remove_all)(void *buffer);
    int (*get_range)(void *buffer, size_t index, ptrdiff_t count, void **out);
    int (*find)(void *buffer, size_t offset, size_t size, size_t *index, size_t *count, size_t *skip);
    int (*range_is_writable)(void *buffer, size_t index, ptrdiff_t count);
    size_t (*sizes_range)(void *buffer, size_t index, ptrdiff_t count, size_t *offset, size_t *max);
    int (*resize_range)(void *buffer, size_t index, ptrdiff_t count, ptrdiff_t offset, size_t size);
    int (*set_size)(void *buffer, size_t size);
    int (*map_range)(void *buffer, size_t index, ptrdiff_t count, unsigned how, map *out);
    void (*unmap)(void *buffer, map *open);
    size_t (*extract)(void *buffer, size_t offset, void *to, size_t size);
    int (*fill)(void *buffer, size_t offset, const void *from, size_t size, size_t *done);
    int (*set_bytes)(void *buffer, size_t offset, unsigned char value, size_t size, size_t *done);
    int (*compare)(void *buffer, size_t offset, const void *with, size_t size); /* -1, 0, 1 */

    uint64_t (*field)(void *buffer, int field);
    void (*set_field)(void *buffer, int field, uint64_t value);
    unsigned (*flags)(void *buffer);
    void (*change_flag)(void *buffer, int flag, int on);

    int (*copy)(void *buffer, int deep, void **out);
    int (*copy_region)(void *buffer, unsigned flags, size_t offset, size_t size, void **out);
    int (*copy_into)(void *to, void *from, unsigned flags, size_t offset, size_t size);
    int (*append)(void **to, void *from); /* takes both references; *to is the result */
    int (*append_region)(void **to, void *from, size_t offset, size_t size);

    int (*add_meta)(void *buffer, int kind, uint64_t number, void *parent);
    int (*remove_meta)(void *buffer, int place); /* the one at a place in the order of adding */
    int (*lock_meta)(void *buffer, int place);
    int (*metas)(void *buffer, meta_view *out, int capacity);
    int (*count_metas)(void *buffer, int kind);

    int (*list_new)(void **out);
    void (*list_ref)(void *list);
    void (*list_unref)(void *list);
    int (*list_is_writable)(void *list);
    int (*list_make_writable)(void **list);
    size_t (*list_length)(void *list);
    void *(*list_get)(void *list, size_t index);
    int (*list_get_writable)(void *list, size_t index, void **out);
    int (*list_insert)(void *list, ptrdiff_t index, void *buffer); /* takes the reference */
    int (*list_remove)(void *list, size_t index, size_t count);
    int (*list_copy)(void *list, int deep, void **out);
    size_t (*list_size)(void *list);
    /* Removes the buffers whose place has its bit in `removed`, and stops behind place `last`. */
    int (*list_foreach)(void *list, uint32_t removed, size_t last);

    int (*pool_new)(const pool_settings *settings, void **out); /* inactive */
    void (*pool_free)(void *pool);
    int (*pool_configure)(void *pool, const pool_settings *settings);
    int (*pool_set_active)(void *pool, int active);
    int (*pool_set_flushing)(void *pool, int flushing);
    int (*pool_acquire)(void *pool, void **out); /* never waits */
} side;

extern const side reference;
extern const side framewire;

/* Readies the reference: its critical messages become refusals. */
void reference_begin(void);
void framewire_begin(void);

/* How often the reference has complained since the start. */
extern unsigned long reference_complaints;

#endif
