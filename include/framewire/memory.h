/*
 * Framewire: memories, the blocks of bytes that buffers are made of.
 *
 * A memory is one contiguous block: a base, a window (offset, size) into it, and a size limit. Memories are
 * counted and are copied by sharing: a share is a window into another memory's block, and while it lives the
 * block cannot be written.
 *
 * Threads: references may be taken and dropped on any thread, and any number of threads may read, map for
 * reading and share the same memory. fw_memory_resize asks for a single user.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef FRAMEWIRE_MEMORY_H
#define FRAMEWIRE_MEMORY_H

#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct fw_memory fw_memory;

typedef enum fw_memory_flags {
    FW_MEMORY_FLAG_NONE = 0,
    FW_MEMORY_FLAG_READ_ONLY = 1 << 0,             /* can never be mapped for writing */
    FW_MEMORY_FLAG_NO_SHARE = 1 << 1,              /* is copied where it would be shared */
    FW_MEMORY_FLAG_ZERO_PREFIXED = 1 << 2,         /* allocate: the prefix is filled with zeros */
    FW_MEMORY_FLAG_ZERO_PADDED = 1 << 3,           /* allocate: the padding is filled with zeros */
    FW_MEMORY_FLAG_PHYSICALLY_CONTIGUOUS = 1 << 4, /* wrap: the owner of the bytes says so; kept for users */
    FW_MEMORY_FLAG_NOT_MAPPABLE = 1 << 5           /* has no bytes that the processor can reach: maps fail */
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
 * owns `*out`. With FW_MEMORY_FLAG_ZERO_PREFIXED and _ZERO_PADDED the bytes around the visible ones are
 * zero.
 * Errors: INVALID_ARGUMENT (alignment, flags; PHYSICALLY_CONTIGUOUS can only be said of foreign bytes),
 * OUT_OF_RANGE (the sum of the sizes overflows), NO_MEMORY.
 */
fw_status fw_memory_new(size_t size, const fw_allocation_params *params, fw_memory **out);

/*
 * A memory over foreign bytes: `max_size` bytes at `data`, of which [offset, offset + size) are visible.
 * `release(user)`, if not NULL, is called once when the memory and all shares of it are gone, on the thread
 * that drops the last reference. If the call fails, `release` is not called.
 * `data` may be NULL for a memory that is FW_MEMORY_FLAG_NOT_MAPPABLE.
 * Errors: INVALID_ARGUMENT (`data` NULL with max_size > 0; unknown flags), OUT_OF_RANGE (window outside
 * max_size), NO_MEMORY.
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
 * A private, writable copy of `size` bytes from `offset`.
 * Errors: INVALID_ARGUMENT, OUT_OF_RANGE, NO_MEMORY, UNSUPPORTED (not mappable).
 */
fw_status fw_memory_copy(const fw_memory *memory, size_t offset, size_t size, fw_memory **out);

fw_memory *fw_memory_ref(fw_memory *memory);
void fw_memory_unref(fw_memory *memory);

/*
 * The visible bytes; `offset` and `max_size`, if not NULL, get the start of the window and the size of the
 * block. 0 for NULL.
 */
size_t fw_memory_size(const fw_memory *memory, size_t *offset, size_t *max_size);

/* The fw_memory_flags of the memory; a share has READ_ONLY besides. 0 for NULL. */
uint32_t fw_memory_get_flags(const fw_memory *memory);

/*
 * Whether the memory can be mapped for writing now: not read-only, mappable, no share of it alive, itself no
 * share, in one buffer at most. 0 for NULL.
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
 * excludes it), OUT_OF_RANGE (2097151 maps of this kind are open), UNSUPPORTED (not mappable).
 */
fw_status fw_memory_map(fw_memory *memory, uint32_t map_flags, void **data, size_t *size);

/* Errors: INVALID_ARGUMENT (NULL, or no map with these flags is open). */
fw_status fw_memory_unmap(fw_memory *memory, uint32_t map_flags);

/* Where block memory comes from */

/* A block of `size` bytes, 1 or more, whose address is a multiple of `alignment`, a power of two; or NULL. */
typedef void *(*fw_alloc_fn)(size_t size, size_t alignment, void *user);

/* Gives back a block that the fw_alloc_fn set with this function has made. `block` is not NULL. */
typedef void (*fw_free_fn)(void *block, void *user);

/*
 * Makes `alloc` and `free` the source of the blocks that memories allocate from now on; both NULL brings back
 * the default, malloc. Nothing else the library allocates comes from there. A block goes back through the
 * `free` it was made with, whatever is set by then. Both functions are called on the thread that makes or
 * drops a memory, on several at once, without a lock held.
 * Errors: INVALID_ARGUMENT (only one of the two is NULL). Any thread.
 */
fw_status fw_set_allocator(fw_alloc_fn alloc, fw_free_fn free, void *user);

#ifdef __cplusplus
}
#endif

#endif /* FRAMEWIRE_MEMORY_H */
