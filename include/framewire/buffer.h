/*
 * Framewire: buffers, after the design of GStreamer's. This header brings those of memories (memory.h), metas
 * (meta.h), lists (buffer_list.h) and pools (buffer_pool.h) along.
 *
 * A buffer is an ordered list of memories that together hold one thing, such as a picture, with times, flags
 * and metas. It is counted and is copied by sharing its memories. It is writable while it has one owner, and
 * the list that holds it, if there is one, has one owner too; each function that changes a buffer asks for
 * that and else fails with NOT_WRITABLE and changes nothing.
 *
 * Ranges of memories are given by the index of the first and a count, where -1 means to the end; regions of
 * bytes by an offset and a size, where SIZE_MAX means to the end.
 *
 * Threads: references may be taken and dropped on any thread, and any number of threads may read the same
 * buffer. A buffer is changed only by the one owner it has.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef FRAMEWIRE_BUFFER_H
#define FRAMEWIRE_BUFFER_H

#include "memory.h"
#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct fw_buffer fw_buffer;

/* "No offset given." */
#define FW_OFFSET_NONE UINT64_MAX

typedef enum fw_buffer_flags {
    FW_BUFFER_FLAG_NONE = 0,
    FW_BUFFER_FLAG_LIVE = 1 << 0,           /* from a live source: to be dropped when it is late in a pause */
    FW_BUFFER_FLAG_DECODE_ONLY = 1 << 1,    /* needed to decode others, not to be shown */
    FW_BUFFER_FLAG_DISCONT = 1 << 2,        /* does not follow the buffer before it without a gap */
    FW_BUFFER_FLAG_RESYNC = 1 << 3,         /* the times have to be looked at anew */
    FW_BUFFER_FLAG_CORRUPTED = 1 << 4,      /* the content is known to be damaged */
    FW_BUFFER_FLAG_MARKER = 1 << 5,         /* a boundary that the format marks, such as the last packet of a frame */
    FW_BUFFER_FLAG_HEADER = 1 << 6,         /* header data */
    FW_BUFFER_FLAG_GAP = 1 << 7,            /* neutral content, such as silence, made to fill a gap */
    FW_BUFFER_FLAG_DROPPABLE = 1 << 8,      /* may be dropped without harm to others */
    FW_BUFFER_FLAG_DELTA_UNIT = 1 << 9,     /* cannot be decoded by itself */
    FW_BUFFER_FLAG_TAG_MEMORY = 1 << 10,    /* set by the library: the list of memories was changed */
    FW_BUFFER_FLAG_SYNC_AFTER = 1 << 11,    /* to be written to disk behind this buffer */
    FW_BUFFER_FLAG_NON_DROPPABLE = 1 << 12, /* must not be dropped */
    FW_BUFFER_FLAG_USER = 1 << 16           /* this bit and the 15 above it are for users */
} fw_buffer_flags;

/* What a copy takes along. */
typedef enum fw_buffer_copy_flags {
    FW_BUFFER_COPY_NONE = 0,
    FW_BUFFER_COPY_FLAGS = 1 << 0,
    FW_BUFFER_COPY_TIMESTAMPS = 1 << 1, /* pts, dts, duration, offset, offset_end */
    FW_BUFFER_COPY_META = 1 << 2,
    FW_BUFFER_COPY_MEMORY = 1 << 3,
    FW_BUFFER_COPY_MERGE = 1 << 4,      /* with MEMORY: the result has one memory */
    FW_BUFFER_COPY_DEEP = 1 << 5,       /* with MEMORY: copies the bytes instead of sharing them */
    FW_BUFFER_COPY_METADATA = 7,        /* FLAGS, TIMESTAMPS and META */
    FW_BUFFER_COPY_ALL = 15             /* METADATA and MEMORY */
} fw_buffer_copy_flags;

/* Making and owning */

/* An empty buffer. Errors: INVALID_ARGUMENT, NO_MEMORY. */
fw_status fw_buffer_new(fw_buffer **out);

/* A buffer with one new memory. Errors: as fw_memory_new. */
fw_status fw_buffer_new_allocate(size_t size, const fw_allocation_params *params, fw_buffer **out);

/* A buffer with one wrapped memory. Errors: as fw_memory_new_wrapped. */
fw_status fw_buffer_new_wrapped(void *data, size_t max_size, size_t offset, size_t size, uint32_t flags,
                                fw_release_fn release, void *user, fw_buffer **out);

/* Adds an owner and returns `buffer`. NULL gives NULL. */
fw_buffer *fw_buffer_ref(fw_buffer *buffer);

/* Takes an owner away; with the last one the buffer goes. NULL is allowed. */
void fw_buffer_unref(fw_buffer *buffer);

/*
 * Whether the buffer may be changed: the caller's reference is the only one, or it is that of a list which
 * has one owner. 0 for NULL.
 */
int fw_buffer_is_writable(const fw_buffer *buffer);

/*
 * Replaces `*buffer`, of which the caller owns a reference, by a buffer that is writable: itself if it is
 * already, else a copy as of fw_buffer_copy. On failure `*buffer` is unchanged. Errors: as fw_buffer_copy.
 */
fw_status fw_buffer_make_writable(fw_buffer **buffer);

/* Times and flags */

/* When it is to be presented; ns, or FW_TIME_NONE (also for NULL). */
int64_t fw_buffer_pts(const fw_buffer *buffer);

/* When it is to be decoded; ns, or FW_TIME_NONE (also for NULL). */
int64_t fw_buffer_dts(const fw_buffer *buffer);

/* How long it lasts; ns, or FW_TIME_NONE (also for NULL). */
int64_t fw_buffer_duration(const fw_buffer *buffer);

/*
 * Where it starts in its source, in units of that: bytes, frames, samples; or FW_OFFSET_NONE (also for
 * NULL).
 */
uint64_t fw_buffer_offset(const fw_buffer *buffer);

/* Where it ends, in the same units; or FW_OFFSET_NONE (also for NULL). */
uint64_t fw_buffer_offset_end(const fw_buffer *buffer);

/* Errors of all five: INVALID_ARGUMENT (NULL), NOT_WRITABLE. */
fw_status fw_buffer_set_pts(fw_buffer *buffer, int64_t pts_ns);
fw_status fw_buffer_set_dts(fw_buffer *buffer, int64_t dts_ns);
fw_status fw_buffer_set_duration(fw_buffer *buffer, int64_t duration_ns);
fw_status fw_buffer_set_offset(fw_buffer *buffer, uint64_t offset);
fw_status fw_buffer_set_offset_end(fw_buffer *buffer, uint64_t offset_end);

/* The fw_buffer_flags. 0 for NULL. */
uint32_t fw_buffer_get_flags(const fw_buffer *buffer);

/*
 * Set `flags`, or clear them, and leave the others. Errors: INVALID_ARGUMENT (NULL, a bit that means
 * nothing), NOT_WRITABLE.
 */
fw_status fw_buffer_set_flags(fw_buffer *buffer, uint32_t flags);
fw_status fw_buffer_unset_flags(fw_buffer *buffer, uint32_t flags);

/* Memories */

/* The number of memories. 0 for NULL. */
size_t fw_buffer_memory_count(const fw_buffer *buffer);

/* The bytes of all memories together. 0 for NULL. */
size_t fw_buffer_size(const fw_buffer *buffer);

/*
 * The bytes of all memories together; `*offset` (may be NULL) gets the offset of the first memory in its
 * block, `*max_size` (may be NULL) how many bytes there would be with that and with what is free behind the
 * last one's. 0 for NULL.
 */
size_t fw_buffer_sizes(const fw_buffer *buffer, size_t *offset, size_t *max_size);

/*
 * As fw_buffer_sizes, of a range. `*size` (not NULL) is set on success only. Errors: INVALID_ARGUMENT,
 * OUT_OF_RANGE.
 */
fw_status fw_buffer_sizes_range(const fw_buffer *buffer, size_t index, ptrdiff_t count, size_t *size, size_t *offset,
                                size_t *max_size);

/*
 * Inserts `memory` before place `index`; -1 appends. The buffer takes the caller's reference if the call
 * succeeds. There is no limit to the number of memories.
 * Errors: INVALID_ARGUMENT, NOT_WRITABLE, OUT_OF_RANGE (index, or the sum of the sizes overflows), NO_MEMORY.
 */
fw_status fw_buffer_insert_memory(fw_buffer *buffer, ptrdiff_t index, fw_memory *memory);
fw_status fw_buffer_append_memory(fw_buffer *buffer, fw_memory *memory);
fw_status fw_buffer_prepend_memory(fw_buffer *buffer, fw_memory *memory);

/* The memory at `index`, borrowed. NULL when there is none. */
fw_memory *fw_buffer_peek_memory(const fw_buffer *buffer, size_t index);

/* The memory at `index`, with a reference for the caller. Errors: INVALID_ARGUMENT, OUT_OF_RANGE. */
fw_status fw_buffer_get_memory(const fw_buffer *buffer, size_t index, fw_memory **out);

/*
 * A range of memories as one, with a reference for the caller: a single memory is itself, a span is a
 * share, else the bytes are copied. No memories at all come to one of no bytes.
 * Errors: INVALID_ARGUMENT, OUT_OF_RANGE, NOT_WRITABLE (a memory is mapped for writing), NO_MEMORY,
 * UNSUPPORTED (not mappable).
 */
fw_status fw_buffer_get_memory_range(const fw_buffer *buffer, size_t index, ptrdiff_t count, fw_memory **out);
fw_status fw_buffer_get_all_memory(const fw_buffer *buffer, fw_memory **out);

/*
 * Puts `memory` in the place of one, a range, or all. The buffer takes the caller's reference if the call
 * succeeds. An empty range inserts. Errors: INVALID_ARGUMENT, NOT_WRITABLE, OUT_OF_RANGE, NO_MEMORY.
 */
fw_status fw_buffer_replace_memory(fw_buffer *buffer, size_t index, fw_memory *memory);
fw_status fw_buffer_replace_memory_range(fw_buffer *buffer, size_t index, ptrdiff_t count, fw_memory *memory);
fw_status fw_buffer_replace_all_memory(fw_buffer *buffer, fw_memory *memory);

/* Removes one memory, a range, or all. Errors: INVALID_ARGUMENT, NOT_WRITABLE, OUT_OF_RANGE. */
fw_status fw_buffer_remove_memory(fw_buffer *buffer, size_t index);
fw_status fw_buffer_remove_memory_range(fw_buffer *buffer, size_t index, ptrdiff_t count);
fw_status fw_buffer_remove_all_memory(fw_buffer *buffer);

/*
 * Which memories hold `size` bytes from `offset`: `*index` is the first, `*count` how many, `*skip` the
 * bytes of the first before `offset` (all not NULL). No bytes at the very end of the buffer lie in no
 * memory: then `*count` is 0.
 * Errors: INVALID_ARGUMENT, OUT_OF_RANGE.
 */
fw_status fw_buffer_find_memory(const fw_buffer *buffer, size_t offset, size_t size, size_t *index, size_t *count,
                                size_t *skip);

/*
 * Whether each memory of the range can be mapped for writing as it is, without a private copy. 0 for NULL,
 * or a range that does not exist.
 */
int fw_buffer_is_memory_range_writable(const fw_buffer *buffer, size_t index, ptrdiff_t count);
int fw_buffer_is_all_memory_writable(const fw_buffer *buffer);

/*
 * Trims the buffer: the new first byte is `offset` bytes behind the old one (negative reaches into the
 * prefix of the first memory), the new size is `size` bytes (-1: up to the old end). Memories before the
 * new first byte become empty, the last one takes what is left to `size`, up to the end of its block.
 * Memories that others refer to are replaced by shares of them.
 * Errors: INVALID_ARGUMENT, NOT_WRITABLE, OUT_OF_RANGE, NO_MEMORY.
 */
fw_status fw_buffer_resize(fw_buffer *buffer, ptrdiff_t offset, ptrdiff_t size);

/* As fw_buffer_resize, of a range; the other memories stay as they are. */
fw_status fw_buffer_resize_range(fw_buffer *buffer, size_t index, ptrdiff_t count, ptrdiff_t offset, ptrdiff_t size);

/* fw_buffer_resize with an offset of 0. */
fw_status fw_buffer_set_size(fw_buffer *buffer, ptrdiff_t size);

/* Bytes */

/*
 * An open map: filled by fw_buffer_map, given to fw_buffer_unmap. The fields up to `flags` are the caller's
 * to read.
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
 * written by a private copy. An empty buffer gives an empty region. Any number of maps may be open.
 * Errors: INVALID_ARGUMENT, NOT_WRITABLE (also when open maps exclude this one; nothing has changed),
 * NO_MEMORY, UNSUPPORTED (not mappable).
 */
fw_status fw_buffer_map(fw_buffer *buffer, uint32_t map_flags, fw_map_info *info);

/* As fw_buffer_map, of a range of memories. Errors: as that, and OUT_OF_RANGE. */
fw_status fw_buffer_map_range(fw_buffer *buffer, size_t index, ptrdiff_t count, uint32_t map_flags, fw_map_info *info);

/* Ends a map; `*info` is cleared, and a second call with it fails. Errors: INVALID_ARGUMENT. */
fw_status fw_buffer_unmap(fw_buffer *buffer, fw_map_info *info);

/*
 * Copies up to `size` bytes from `offset` of the buffer to `destination`; returns how many there were,
 * fewer at the end of the buffer or before a memory that is not mappable. 0 for NULL.
 */
size_t fw_buffer_extract(const fw_buffer *buffer, size_t offset, void *destination, size_t size);

/*
 * Compares up to `size` bytes from `offset` of the buffer with `bytes`; returns how many there were to
 * compare, fewer at the end of the buffer. `*order` (not NULL) is below, at or above 0 as with memcmp over
 * those. 0 for NULL.
 */
size_t fw_buffer_compare(const fw_buffer *buffer, size_t offset, const void *bytes, size_t size, int *order);

/*
 * Copies up to `size` bytes from `source` into the buffer. `*count` (may be NULL) gets how many fitted. A
 * memory that cannot be written is replaced by a private copy.
 * Errors, with nothing written: INVALID_ARGUMENT, NOT_WRITABLE (or maps are open that exclude writing),
 * NO_MEMORY, UNSUPPORTED (not mappable).
 */
fw_status fw_buffer_fill(fw_buffer *buffer, size_t offset, const void *source, size_t size, size_t *count);

/* Sets up to `size` bytes from `offset` to `value`; else as fw_buffer_fill. */
fw_status fw_buffer_set_bytes(fw_buffer *buffer, size_t offset, uint8_t value, size_t size, size_t *count);

/* Copies */

/*
 * A buffer with all that `buffer` has: the memories are shared. Those that are FW_MEMORY_FLAG_NO_SHARE or
 * mapped for writing are copied.
 * Errors: INVALID_ARGUMENT, NO_MEMORY, UNSUPPORTED (not mappable, where it had to be copied), what a
 * transform function of a meta returns.
 */
fw_status fw_buffer_copy(const fw_buffer *buffer, fw_buffer **out);

/* A buffer with all that `buffer` has, and bytes of its own. Errors: as fw_buffer_copy. */
fw_status fw_buffer_copy_deep(const fw_buffer *buffer, fw_buffer **out);

/*
 * A new buffer with what `flags` (fw_buffer_copy_flags) say of `size` bytes from `offset`:
 * fw_buffer_copy_into an empty one. Errors: as that.
 */
fw_status fw_buffer_copy_region(const fw_buffer *buffer, uint32_t flags, size_t offset, size_t size, fw_buffer **out);

/*
 * Copies what `flags` say of `size` bytes from `offset` of `source` into `destination`. Memories are
 * appended: whole ones are shared, those cut are shared in part; no byte is copied but with
 * FW_BUFFER_COPY_DEEP, or where a memory is FW_MEMORY_FLAG_NO_SHARE. With FW_BUFFER_COPY_MERGE all memories
 * of the destination become one then. pts, dts and offset go along if `offset` is 0, duration and
 * offset_end if the region is all of the buffer; an `offset` above 0 sets all five to none.
 * FW_BUFFER_FLAG_TAG_MEMORY does not go along. Metas come last, each by its type's transform function;
 * those that depend on the memories do not go along with a region or MERGE, or without MEMORY.
 * Errors, with `destination` unchanged: INVALID_ARGUMENT (NULL, flags, a buffer into itself), NOT_WRITABLE
 * (also when a memory is mapped for writing), OUT_OF_RANGE, NO_MEMORY, UNSUPPORTED (not mappable, where it
 * had to be copied), what a transform function returns.
 */
fw_status fw_buffer_copy_into(fw_buffer *destination, const fw_buffer *source, uint32_t flags, size_t offset,
                              size_t size);

/*
 * Appends the memories of `other`. If the caller has its only reference they are moved; else they are shared,
 * those that are FW_MEMORY_FLAG_NO_SHARE copied, and those without bytes left out. So it is with a buffer of a
 * pool, too, which returns when its bytes are free again. Times, flags and metas of `*buffer` stay, those of
 * `other` go. As fw_buffer_make_writable, it replaces `*buffer` by a copy if that is not writable. It takes
 * the caller's reference of `other` if the call succeeds; on failure nothing has changed.
 * Errors: INVALID_ARGUMENT, OUT_OF_RANGE (the sum of the sizes overflows), NOT_WRITABLE (a memory is mapped
 * for writing), NO_MEMORY.
 */
fw_status fw_buffer_append(fw_buffer **buffer, fw_buffer *other);

/*
 * As fw_buffer_append, of `size` bytes from `offset` of `other`, or to its end for SIZE_MAX. Memories are moved
 * only where that is all of it: `offset` is 0 and `size` SIZE_MAX. Errors: as that, and OUT_OF_RANGE.
 */
fw_status fw_buffer_append_region(fw_buffer **buffer, fw_buffer *other, size_t offset, size_t size);

#ifdef __cplusplus
}
#endif

#include "buffer_list.h"
#include "buffer_pool.h"
#include "meta.h"

#endif /* FRAMEWIRE_BUFFER_H */
