/*
 * Framewire: memories, buffers and pools, after the design of GStreamer's buffers.
 *
 * A memory is one contiguous block: a base, a window (offset, size) into it, and a size limit. A buffer is an
 * ordered list of memories that together hold one thing, such as a picture. Both are counted and are copied
 * by sharing: a share is a window into another memory, and while it lives the parent cannot be written. A
 * pool keeps buffers of one size for reuse.
 *
 * Threads: references may be taken and dropped on any thread, and any number of threads may read the same
 * memory or buffer. A buffer is changed only by the one owner it has. Pools may be used from any thread,
 * several at once.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef FRAMEWIRE_BUFFER_H
#define FRAMEWIRE_BUFFER_H

#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct fw_memory fw_memory;
typedef struct fw_buffer fw_buffer;
typedef struct fw_buffer_pool fw_buffer_pool;

typedef enum fw_memory_flags {
    FW_MEMORY_FLAG_NONE = 0,
    FW_MEMORY_FLAG_READ_ONLY = 1 << 0, /* can never be mapped for writing */
    FW_MEMORY_FLAG_NO_SHARE = 1 << 1   /* is copied where it would be shared */
} fw_memory_flags;

typedef enum fw_map_flags {
    FW_MAP_READ = 1 << 0,
    FW_MAP_WRITE = 1 << 1,
    FW_MAP_READ_WRITE = 3
} fw_map_flags;

/* How a block is to be allocated: start from FW_ALLOCATION_PARAMS_INIT. */
typedef struct fw_allocation_params {
    uint32_t struct_size; /* sizeof(fw_allocation_params) */
    uint32_t flags;       /* fw_memory_flags of the new memory */
    size_t alignment;     /* of the base address: a power of two, at most 65536; default 64 */
    size_t prefix;        /* bytes before the visible ones */
    size_t padding;       /* bytes behind them */
} fw_allocation_params;

#define FW_ALLOCATION_PARAMS_INIT { (uint32_t)sizeof(fw_allocation_params), 0, 64, 0, 0 }

/* Memory */

/*
 * A new block with `size` visible bytes, 0 or more, of undefined content. `params` may be NULL. The caller
 * owns `*out`.
 * Errors: INVALID_ARGUMENT (alignment), OUT_OF_RANGE (the sum of the sizes overflows), NO_MEMORY.
 */
fw_status fw_memory_new(size_t size, const fw_allocation_params *params, fw_memory **out);

/*
 * A memory over foreign bytes: `max_size` bytes at `data`, of which [offset, offset + size) are visible.
 * `release(user)`, if not NULL, is called once when the memory and all shares of it are gone, on the thread
 * that drops the last reference. If the call fails, `release` is not called.
 * Errors: INVALID_ARGUMENT (`data` NULL with max_size > 0), OUT_OF_RANGE (window outside max_size),
 * NO_MEMORY.
 */
fw_status fw_memory_new_wrapped(void *data, size_t max_size, size_t offset, size_t size, uint32_t flags,
                                fw_release_fn release, void *user, fw_memory **out);

/*
 * A read-only window of `size` bytes from `offset` of the visible bytes of `memory`; no copy. It keeps the
 * root block alive. A FW_MEMORY_FLAG_NO_SHARE memory is copied instead.
 * Errors: INVALID_ARGUMENT, OUT_OF_RANGE, NOT_WRITABLE (the memory is mapped for writing), NO_MEMORY.
 */
fw_status fw_memory_share(fw_memory *memory, size_t offset, size_t size, fw_memory **out);

/*
 * A private, writable copy of `size` bytes from `offset`. Errors: INVALID_ARGUMENT, OUT_OF_RANGE, NO_MEMORY.
 */
fw_status fw_memory_copy(const fw_memory *memory, size_t offset, size_t size, fw_memory **out);

fw_memory *fw_memory_ref(fw_memory *memory);
void fw_memory_unref(fw_memory *memory);

/*
 * The visible bytes; `offset` and `max_size`, if not NULL, get the start of the window and the size of the
 * block. 0 for NULL.
 */
size_t fw_memory_size(const fw_memory *memory, size_t *offset, size_t *max_size);

/*
 * Whether the memory can be mapped for writing now: not read-only, no share of it alive, itself no share. 0
 * for NULL.
 */
int fw_memory_is_writable(const fw_memory *memory);

/*
 * Whether `second` follows `first` without a gap in the same block, so that both can be seen as one.
 * `*offset`, if not NULL, gets the start of `first` in the block. 0 for NULL.
 */
int fw_memory_is_span(const fw_memory *first, const fw_memory *second, size_t *offset);

/*
 * Moves the window: its start by `offset` (negative reaches into the prefix), its size to `size`. Live maps
 * keep.
 * Errors: INVALID_ARGUMENT, OUT_OF_RANGE (window outside the block).
 */
fw_status fw_memory_resize(fw_memory *memory, ptrdiff_t offset, size_t size);

/*
 * Gives access to the visible bytes until fw_memory_unmap, which must be called once for each map with the
 * same flags. A read-write map admits nested maps of each kind; a map for reading only and one for writing
 * only exclude each other. `*data` is the first visible byte, `*size` (may be NULL) the count.
 * Errors: INVALID_ARGUMENT, NOT_WRITABLE (write on a read-only or shared memory, or against a map that
 * excludes it).
 */
fw_status fw_memory_map(fw_memory *memory, uint32_t map_flags, void **data, size_t *size);

/* Errors: INVALID_ARGUMENT (NULL, or no map with these flags is open). */
fw_status fw_memory_unmap(fw_memory *memory, uint32_t map_flags);

/* Buffer */

/* An empty buffer. Errors: INVALID_ARGUMENT, NO_MEMORY. */
fw_status fw_buffer_new(fw_buffer **out);

/* A buffer with one new memory. Errors: as fw_memory_new. */
fw_status fw_buffer_new_allocate(size_t size, const fw_allocation_params *params, fw_buffer **out);

/* A buffer with one wrapped memory. Errors: as fw_memory_new_wrapped. */
fw_status fw_buffer_new_wrapped(void *data, size_t max_size, size_t offset, size_t size, uint32_t flags,
                                fw_release_fn release, void *user, fw_buffer **out);

fw_buffer *fw_buffer_ref(fw_buffer *buffer);
void fw_buffer_unref(fw_buffer *buffer);

/* Whether the caller is the only owner, so that the buffer may be changed. 0 for NULL. */
int fw_buffer_is_writable(const fw_buffer *buffer);

/*
 * Replaces `*buffer`, of which the caller owns a reference, by a buffer that is writable: itself if it is
 * already, else a new one that shares its memories. On failure `*buffer` is unchanged. Errors:
 * INVALID_ARGUMENT, NO_MEMORY.
 */
fw_status fw_buffer_make_writable(fw_buffer **buffer);

/* The number of memories. 0 for NULL. */
size_t fw_buffer_memory_count(const fw_buffer *buffer);

/* The bytes of all memories together. 0 for NULL. */
size_t fw_buffer_size(const fw_buffer *buffer);

/*
 * Inserts `memory` before place `index`; -1 appends. The buffer takes the caller's reference if the call
 * succeeds.
 * Errors: INVALID_ARGUMENT, NOT_WRITABLE (the buffer is shared), OUT_OF_RANGE (index, or the sum of the sizes
 * overflows).
 */
fw_status fw_buffer_insert_memory(fw_buffer *buffer, ptrdiff_t index, fw_memory *memory);
fw_status fw_buffer_append_memory(fw_buffer *buffer, fw_memory *memory);
fw_status fw_buffer_prepend_memory(fw_buffer *buffer, fw_memory *memory);

/* The memory at `index`, borrowed. NULL when there is none. */
fw_memory *fw_buffer_peek_memory(const fw_buffer *buffer, size_t index);

/*
 * Removes `count` memories from `index`; -1 = to the end.
 * Errors: INVALID_ARGUMENT, NOT_WRITABLE, OUT_OF_RANGE.
 */
fw_status fw_buffer_remove_memory(fw_buffer *buffer, size_t index, ptrdiff_t count);

/*
 * An open map: filled by fw_buffer_map, given to fw_buffer_unmap. The fields under `data` and `size` are the
 * caller's to read.
 */
typedef struct fw_map_info {
    void *data;       /* the bytes, contiguous */
    size_t size;      /* how many */
    uint32_t flags;   /* fw_map_flags */
    uint32_t reserved;
    void *internal[2];
} fw_map_info;

/*
 * Presents the whole buffer as one contiguous region. One memory, or several that are a span, cost no copy;
 * otherwise they are merged into one block, which replaces them if the buffer is writable and lives until
 * fw_buffer_unmap if not. Mapping for writing needs a writable buffer and replaces a memory that cannot be
 * written by a private copy. An empty buffer gives an empty region.
 * Errors: INVALID_ARGUMENT, NOT_WRITABLE (nothing has changed), NO_MEMORY.
 */
fw_status fw_buffer_map(fw_buffer *buffer, uint32_t map_flags, fw_map_info *info);

/* Ends a map; `*info` is cleared, and a second call with it fails. Errors: INVALID_ARGUMENT. */
fw_status fw_buffer_unmap(fw_buffer *buffer, fw_map_info *info);

/*
 * Copies up to `size` bytes from `offset` of the buffer to `destination`; returns how many there were, fewer
 * at the end of the buffer. 0 for NULL.
 */
size_t fw_buffer_extract(const fw_buffer *buffer, size_t offset, void *destination, size_t size);

/*
 * Copies up to `size` bytes from `source` into the buffer. `*count` (may be NULL) gets how many fitted. A memory that cannot be
 * written is replaced by a private copy. Errors, with nothing written: INVALID_ARGUMENT, NOT_WRITABLE (the buffer is shared, or maps
 * are open that exclude writing), NO_MEMORY.
 */
fw_status fw_buffer_fill(fw_buffer *buffer, size_t offset, const void *source, size_t size, size_t *count);

/*
 * A new buffer over `size` bytes from `offset`: whole memories are shared, those cut are shared in part; no
 * byte is copied unless a memory is FW_MEMORY_FLAG_NO_SHARE. `size` of SIZE_MAX means to the end.
 * Errors: INVALID_ARGUMENT, OUT_OF_RANGE, NOT_WRITABLE (a memory is mapped for writing), NO_MEMORY.
 */
fw_status fw_buffer_copy_region(const fw_buffer *buffer, size_t offset, size_t size, fw_buffer **out);

/* Pool */

typedef struct fw_buffer_pool_options {
    uint32_t struct_size;            /* sizeof(fw_buffer_pool_options) */
    uint32_t reserved;
    size_t size;                     /* bytes of each buffer */
    size_t min_buffers;              /* allocated at once */
    size_t max_buffers;              /* 0 = unlimited */
    fw_allocation_params allocation; /* FW_ALLOCATION_PARAMS_INIT */
} fw_buffer_pool_options;

#define FW_BUFFER_POOL_OPTIONS_INIT { (uint32_t)sizeof(fw_buffer_pool_options), 0, 0, 0, 0, FW_ALLOCATION_PARAMS_INIT }

/* A new, active pool. Errors: INVALID_ARGUMENT, OUT_OF_RANGE, NO_MEMORY. */
fw_status fw_buffer_pool_new(const fw_buffer_pool_options *options, fw_buffer_pool **out);

/*
 * A writable buffer of the pool's size. It returns to the pool by itself when its last reference is dropped;
 * a buffer whose memory was replaced or is still shared then is thrown away instead. At max_buffers it waits
 * at most `timeout_ns` for one to come back; 0 does not wait, negative waits without a limit.
 * Errors: INVALID_ARGUMENT, TIMEOUT (0: WOULD_BLOCK), FLUSHING (the pool is flushing or was freed),
 * NO_MEMORY.
 */
fw_status fw_buffer_pool_acquire(fw_buffer_pool *pool, int64_t timeout_ns, fw_buffer **out);

/*
 * Starts (1) or ends (0) flushing: waiting and new calls of acquire fail with FLUSHING. Errors:
 * INVALID_ARGUMENT.
 */
fw_status fw_buffer_pool_set_flushing(fw_buffer_pool *pool, int flushing);

typedef struct fw_buffer_pool_stats {
    uint32_t struct_size; /* sizeof(fw_buffer_pool_stats) */
    uint32_t reserved;
    uint64_t acquired;    /* calls of acquire that succeeded */
    uint64_t recycled;    /* buffers that came back and can be used again */
    uint64_t discarded;   /* buffers that came back unusable */
    uint64_t outstanding; /* buffers out now */
    uint64_t high_water;  /* the most that were out at once */
} fw_buffer_pool_stats;

#define FW_BUFFER_POOL_STATS_INIT { (uint32_t)sizeof(fw_buffer_pool_stats), 0, 0, 0, 0, 0, 0 }

/* Errors: INVALID_ARGUMENT. */
fw_status fw_buffer_pool_get_stats(const fw_buffer_pool *pool, fw_buffer_pool_stats *stats);

/* Frees the pool. Buffers that are out stay valid and are freed when they are dropped. NULL is allowed. */
void fw_buffer_pool_free(fw_buffer_pool *pool);

#ifdef __cplusplus
}
#endif

#endif /* FRAMEWIRE_BUFFER_H */
