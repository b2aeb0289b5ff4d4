/*
 * What memories and buffers should be: plain byte arrays, windows and counts, written down once more and as simply as possible, so
 * that neither library is trusted alone.
 */
#ifndef ORACLE_H
#define ORACLE_H

#include "side.h"

enum { REFERENCE, FRAMEWIRE, SIDES };
enum { MOST_MEMORIES = 64, MOST_METAS = 24 };

typedef struct memory memory;
typedef struct buffer buffer;

struct memory {
    int refs; /* of handles, places in buffers, shares and open maps */
    memory *root; /* what a share looks into, else NULL */
    unsigned char *bytes; /* of a root: all `max` of them */
    size_t offset, size, max;
    unsigned flags;
    int places; /* in buffers */
    int shares; /* living shares of a root */
    int maps[4]; /* open, by what for */
    unsigned reference_mode; /* the reference keeps the access of the first map until the last is gone */
    void *handle[SIDES]; /* once known */
    void *foreign[SIDES]; /* wrapped bytes */
    int *released; /* counts the calls of the two release functions */
};

typedef struct meta {
    int kind, locked;
    uint64_t number;
    buffer *parent;
} meta;

struct buffer {
    int refs;
    memory *memories[MOST_MEMORIES];
    int count;
    uint64_t fields[FIELDS];
    unsigned flags;
    meta metas[MOST_METAS];
    int meta_count;
    void *handle[SIDES];
};

/* Objects that live; 0 at the end. */
extern long memories_alive, buffers_alive;

memory *memory_make(size_t max, size_t offset, size_t size, unsigned flags);
memory *memory_take(memory *m);
void memory_drop(memory *m);
memory *memory_share_of(memory *m, size_t offset, size_t size); /* of the visible bytes */
memory *memory_copy_of(const memory *m, size_t offset, size_t size);
unsigned char *memory_bytes(const memory *m); /* the visible ones */
int memory_writable(const memory *m);
/* Held by one buffer at most and not shared: what the reference calls writable, be it read-only or not. */
int memory_is_exclusive(const memory *m);
int memory_maps(const memory *m); /* how many are open */
int memory_is_written(const memory *m); /* a map for writing is open */
int memory_admits(const memory *m, unsigned how);
int memory_admits_in_reference(const memory *m, unsigned how);
void memory_open(memory *m, unsigned how);
void memory_close(memory *m, unsigned how);
int memory_span(const memory *first, const memory *second);
/* The reference knows spans of shares alone. */
int memory_span_in_reference(const memory *first, const memory *second);

/* The release counts of roots that have gone since the last call must all be 1; returns whether they are. */
int releases_are_complete(void);

buffer *buffer_make(void);
buffer *buffer_take(buffer *b);
void buffer_drop(buffer *b);
size_t buffer_size_of(const buffer *b);
void buffer_bytes(const buffer *b, unsigned char *out);
void buffer_put(buffer *b, int index, memory *m); /* takes the reference */
void buffer_cut(buffer *b, int index, int count);
void buffer_swap(buffer *b, int index, int count, memory *m); /* takes the reference */
int range_is_valid(const buffer *b, size_t index, ptrdiff_t count);
/* A span in which the block itself takes part. */
int range_is_mixed_span(const buffer *b, int index, int count);
int range_is_span(const buffer *b, int index, int count);
memory *buffer_merge(buffer *b, int index, int count);
/* The memory that a map is to open, put in place as the map does it; NULL if it is refused. The caller owns the reference. */
memory *buffer_map_target(buffer *b, int index, int count, unsigned how);
/* Writes up to `size` bytes; replaces what is not writable by copies. Returns how many fitted. */
size_t buffer_write(buffer *b, size_t offset, const unsigned char *from, size_t size);
int buffer_resize_model(buffer *b, size_t index, ptrdiff_t count, ptrdiff_t offset, size_t size);
int buffer_copy_model(buffer *to, buffer *from, unsigned flags, size_t offset, size_t size);
buffer *buffer_copy_all(buffer *from, int deep);
int buffer_add_meta_model(buffer *b, int kind, uint64_t number, buffer *parent);
void buffer_remove_meta_model(buffer *b, int place);

#endif
