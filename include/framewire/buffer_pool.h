/*
 * Framewire: pools, which keep buffers of one size for reuse.
 *
 * A pool is made inactive, is given its configuration, and lends buffers while it is active. A buffer
 * returns by itself when its last reference is dropped. One whose memory was replaced, removed or is still
 * shared then is thrown away instead; a region that fw_buffer_copy_region made of it keeps it out until the
 * region is gone.
 *
 * Threads: any, several at once.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef FRAMEWIRE_BUFFER_POOL_H
#define FRAMEWIRE_BUFFER_POOL_H

#include "buffer.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct fw_buffer_pool fw_buffer_pool;

/* What a pool is to lend: start from FW_BUFFER_POOL_CONFIG_INIT. */
typedef struct fw_buffer_pool_config {
    uint32_t struct_size;            /* sizeof(fw_buffer_pool_config) */
    uint32_t reserved;
    size_t size;                     /* bytes of each buffer */
    size_t min_buffers;              /* allocated when the pool is activated; at most 65536 */
    size_t max_buffers;              /* the most that exist at one time; 0 = unlimited */
    fw_allocation_params allocation; /* FW_ALLOCATION_PARAMS_INIT */
} fw_buffer_pool_config;

#define FW_BUFFER_POOL_CONFIG_INIT { (uint32_t)sizeof(fw_buffer_pool_config), 0, 0, 0, 0, FW_ALLOCATION_PARAMS_INIT }

/*
 * A new pool, inactive, with the configuration of FW_BUFFER_POOL_CONFIG_INIT. Errors: INVALID_ARGUMENT,
 * NO_MEMORY.
 */
fw_status fw_buffer_pool_new(fw_buffer_pool **out);

/*
 * Says what the pool is to lend. Nothing changes on failure.
 * Errors: INVALID_ARGUMENT (NULL, alignment, flags, min_buffers above max_buffers; the pool is active, or has
 * buffers out, and the configuration differs from the one it has), OUT_OF_RANGE (sizes, min_buffers).
 */
fw_status fw_buffer_pool_set_config(fw_buffer_pool *pool, const fw_buffer_pool_config *config);

/* The configuration; `config->struct_size` is set by the caller. Errors: INVALID_ARGUMENT. */
fw_status fw_buffer_pool_get_config(const fw_buffer_pool *pool, fw_buffer_pool_config *config);

/*
 * 1 allocates min_buffers and lets acquire succeed; 0 makes waiting and new calls of acquire fail with
 * FLUSHING and frees the buffers that are not out. Doing what is done already is no error.
 * Errors: INVALID_ARGUMENT, NO_MEMORY (the pool stays inactive).
 */
fw_status fw_buffer_pool_set_active(fw_buffer_pool *pool, int active);

/* Whether it is active. 0 for NULL. */
int fw_buffer_pool_is_active(const fw_buffer_pool *pool);

/*
 * Starts (1) or ends (0) flushing: waiting and new calls of acquire fail with FLUSHING. Activating an
 * inactive pool ends it too. Errors: INVALID_ARGUMENT.
 */
fw_status fw_buffer_pool_set_flushing(fw_buffer_pool *pool, int flushing);

typedef enum fw_acquire_flags {
    FW_ACQUIRE_FLAG_NONE = 0,
    FW_ACQUIRE_FLAG_DONT_WAIT = 1 << 0 /* fail with WOULD_BLOCK instead of waiting */
} fw_acquire_flags;

/* How to acquire: start from FW_ACQUIRE_PARAMS_INIT. */
typedef struct fw_acquire_params {
    uint32_t struct_size; /* sizeof(fw_acquire_params) */
    uint32_t flags;       /* fw_acquire_flags */
    int64_t timeout_ns;   /* the longest wait; negative = without a limit (default), 0 = as DONT_WAIT */
} fw_acquire_params;

#define FW_ACQUIRE_PARAMS_INIT { (uint32_t)sizeof(fw_acquire_params), 0, -1 }

/*
 * A writable buffer of the pool's size, without timestamps and flags, and with the metas that are
 * FW_META_FLAG_POOLED only. When max_buffers exist it waits for one to come back. `params` NULL waits
 * without a limit.
 * Errors: INVALID_ARGUMENT, FLUSHING (the pool is inactive, flushing or was freed), WOULD_BLOCK, TIMEOUT,
 * NO_MEMORY.
 */
fw_status fw_buffer_pool_acquire(fw_buffer_pool *pool, const fw_acquire_params *params, fw_buffer **out);

typedef struct fw_buffer_pool_stats {
    uint32_t struct_size; /* sizeof(fw_buffer_pool_stats) */
    uint32_t reserved;
    uint64_t acquired;    /* calls of acquire that succeeded */
    uint64_t recycled;    /* buffers that came back and can be used again */
    uint64_t discarded;   /* buffers that came back unusable, or to a pool that is not active */
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

#endif /* FRAMEWIRE_BUFFER_POOL_H */
