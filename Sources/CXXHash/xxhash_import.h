/*
 * xxHash by its header alone, so that the library needs no libxxhash.so. XXH_INLINE_ALL renames the functions by macros, which Swift
 * does not see; these wrappers have names of their own.
 */
#ifndef FRAMEWIRE_CXXHASH_H
#define FRAMEWIRE_CXXHASH_H

#define XXH_INLINE_ALL
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <xxhash.h>

typedef struct fwx_xxh3_state fwx_xxh3_state;

static inline uint32_t fwx_xxh32(const void *bytes, size_t size, uint32_t seed) { return XXH32(bytes, size, seed); }

static inline uint64_t fwx_xxh3_64(const void *bytes, size_t size) { return XXH3_64bits(bytes, size); }

/* A streaming state, or NULL when there is no memory; aligned as XXH3 asks. */
static inline fwx_xxh3_state *fwx_xxh3_new(void) {
    return (fwx_xxh3_state *)aligned_alloc(64, (sizeof(XXH3_state_t) + 63) / 64 * 64);
}

static inline void fwx_xxh3_free(fwx_xxh3_state *state) { free(state); }

static inline void fwx_xxh3_reset(fwx_xxh3_state *state) { XXH3_64bits_reset((XXH3_state_t *)state); }

static inline void fwx_xxh3_update(fwx_xxh3_state *state, const void *bytes, size_t size) {
    XXH3_64bits_update((XXH3_state_t *)state, bytes, size);
}

static inline uint64_t fwx_xxh3_digest(const fwx_xxh3_state *state) {
    return XXH3_64bits_digest((const XXH3_state_t *)state);
}

#endif
