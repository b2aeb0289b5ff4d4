/* Random operations on memories by themselves, and on maps that stay open. */
#include "trace.h"

#include <stdlib.h>
#include <string.h>

/* Fills all bytes of a new block, those outside the window too: they may come to light later. */
static void fill_block(memory *m) {
    random_bytes(m->bytes, m->max);
    if (m->foreign[REFERENCE] != NULL) {
        for (int s = 0; s < SIDES; s++) memcpy(m->foreign[s], m->bytes, m->max);
        return;
    }
    for (int s = 0; s < SIDES; s++) {
        map open;
        AGREE(sides[s]->memory_resize(m->handle[s], -(ptrdiff_t)m->offset, m->max),
              "%s: a new memory cannot be widened", sides[s]->name);
        AGREE(sides[s]->memory_map(m->handle[s], MAP_WRITE, &open), "%s: a new memory cannot be mapped", sides[s]->name);
        memcpy(open.data, m->bytes, m->max);
        sides[s]->memory_unmap(m->handle[s], &open);
        sides[s]->memory_resize(m->handle[s], (ptrdiff_t)m->offset, m->size);
    }
}

static size_t random_size(void) {
    switch (below(8)) {
    case 0: return 0;
    case 1: return below(300);
    default: return 1 + below(40);
    }
}

static void make_memory(void) {
    memory **slot = free_memory_slot(), *m;
    size_t prefix = one_in(2) ? below(12) : 0, padding = one_in(2) ? below(12) : 0, size = random_size();
    unsigned flags = one_in(8) ? MEMORY_NO_SHARE : 0;
    size_t alignment = (size_t)16 << below(5);
    note("memory: allocate %zu bytes, prefix %zu, padding %zu, flags %u", size, prefix, padding, flags);
    m = memory_make(prefix + size + padding, prefix, size, flags);
    for (int s = 0; s < SIDES; s++) {
        map open;
        AGREE(sides[s]->memory_new(size, alignment, prefix, padding, flags, &m->handle[s]), "%s: no memory",
              sides[s]->name);
        AGREE(sides[s]->memory_map(m->handle[s], MAP_READ, &open), "%s: a new memory cannot be mapped", sides[s]->name);
        if (s == REFERENCE && alignment > 16) met[ALIGNMENT_COUNTS_IN_THE_LIMIT]++;
        AGREE(s == REFERENCE || ((uintptr_t)open.data - prefix) % alignment == 0, "%s: the block is not aligned", sides[s]->name);
        sides[s]->memory_unmap(m->handle[s], &open);
    }
    fill_block(m);
    *slot = m;
}

static void wrap_memory(void) {
    memory **slot = free_memory_slot(), *m;
    size_t max = 1 + below(50), offset = below((unsigned)max + 1), size = below((unsigned)(max - offset) + 1);
    unsigned flags = (one_in(3) ? MEMORY_READ_ONLY : 0) | (one_in(8) ? MEMORY_NO_SHARE : 0);
    note("memory: wrap %zu bytes, window %zu+%zu, flags %u", max, offset, size, flags);
    m = memory_make(max, offset, size, flags);
    m->released = calloc(SIDES, sizeof *m->released);
    for (int s = 0; s < SIDES; s++) {
        m->foreign[s] = malloc(max);
        AGREE(sides[s]->memory_wrap(m->foreign[s], max, offset, size, flags, &m->released[s], &m->handle[s]),
              "%s: cannot wrap", sides[s]->name);
    }
    fill_block(m);
    *slot = m;
}

/* A share or a copy of a region, which may be no region of the memory at all. */
static void part_of_memory(int is_share) {
    int from = any_memory();
    memory *m = from < 0 ? NULL : memories[from], *part = NULL, **slot;
    void *made[SIDES] = {NULL, NULL};
    size_t offset, size;
    int is_valid, expected;
    if (m == NULL) return;
    offset = below((unsigned)m->size + 2);
    size = below((unsigned)m->size + 2);
    if (one_in(3)) offset = 0;
    if (one_in(3) && offset <= m->size) size = m->size - offset;
    if (one_in(40)) size = ALL - below(3);
    is_valid = offset <= m->size && size <= m->size - offset;
    note("memory: %s %zu+%zu of %d (%zu bytes)", is_share ? "share" : "copy", offset, size, from, m->size);
    expected = is_valid && !(is_share && !(m->flags & MEMORY_NO_SHARE) && memory_is_written(m));
    for (int s = 0; s < SIDES; s++) {
        int done;
        if (s == REFERENCE && !is_valid) {
            met[REGIONS_ARE_NOT_CHECKED]++;
            continue;
        }
        if (is_share && s == REFERENCE && (m->flags & MEMORY_NO_SHARE)) {
            met[SHARE_OF_NO_SHARE]++;
            AGREE(!sides[s]->memory_share(m->handle[s], offset, size, &made[s]), "the reference shares a NO_SHARE memory");
            sides[s]->memory_copy(m->handle[s], offset, size, &made[s]);
            continue;
        }
        done = is_share ? sides[s]->memory_share(m->handle[s], offset, size, &made[s])
                        : sides[s]->memory_copy(m->handle[s], offset, size, &made[s]);
        AGREE(done == expected, "%s: %s", sides[s]->name, done ? "done" : "refused");
    }
    if (!expected) return;
    part = is_share && !(m->flags & MEMORY_NO_SHARE) ? memory_share_of(m, offset, size) : memory_copy_of(m, offset, size);
    for (int s = 0; s < SIDES; s++) part->handle[s] = made[s];
    slot = free_memory_slot();
    *slot = part;
}

static void resize_memory(void) {
    int which = any_memory(), expected;
    memory *m = which < 0 ? NULL : memories[which];
    ptrdiff_t offset;
    size_t size;
    if (m == NULL) return;
    offset = (ptrdiff_t)below((unsigned)m->max + 3) - (ptrdiff_t)m->offset - 1;
    size = below((unsigned)m->max + 2);
    if (one_in(2)) size = (size_t)((ptrdiff_t)m->size - offset);
    expected = (ptrdiff_t)m->offset + offset >= 0 && (size_t)((ptrdiff_t)m->offset + offset) <= m->max
               && size <= m->max - (size_t)((ptrdiff_t)m->offset + offset);
    note("memory: resize %d by %td to %zu (window %zu+%zu of %zu)", which, offset, size, m->offset, m->size, m->max);
    if (!reference_calls_writable(m)) {
        /* The reference refuses; here the window of a share or of shared bytes belongs to its holder. */
        ptrdiff_t back = -offset;
        int done = sides[FRAMEWIRE]->memory_resize(m->handle[FRAMEWIRE], offset, size);
        met[SHARED_WINDOW_MOVES]++;
        AGREE(done == expected, "framewire: %s", done ? "done" : "refused");
        if (done) AGREE(sides[FRAMEWIRE]->memory_resize(m->handle[FRAMEWIRE], back, m->size), "framewire: cannot go back");
        return;
    }
    for (int s = 0; s < SIDES; s++) {
        int done;
        if (s == REFERENCE && (ptrdiff_t)size < 0) {
            met[REGIONS_ARE_NOT_CHECKED]++; /* the sum wraps around, and the window is set */
            continue;
        }
        done = sides[s]->memory_resize(m->handle[s], offset, size);
        AGREE(done == expected, "%s: %s", sides[s]->name, done ? "done" : "refused");
    }
    if (!expected) return;
    m->offset = (size_t)((ptrdiff_t)m->offset + offset);
    m->size = size;
}

/* Maps a memory, looks at it and writes, and keeps the map open or not. */
static void map_memory(void) {
    int which = any_memory(), expected, in_reference, stays;
    memory *m = which < 0 ? NULL : memories[which];
    unsigned how = 1 + below(3);
    map open[SIDES];
    unsigned char bytes[1024];
    held_map *place = NULL;
    if (m == NULL) return;
    for (int i = 0; i < HELD_MAPS; i++)
        if (held[i].memory == NULL) place = &held[i];
    stays = place != NULL && one_in(2);
    note("memory: map %d for %u%s (%d open)", which, how, stays ? " and keep the map" : "", memory_maps(m));
    expected = memory_admits(m, how);
    in_reference = memory_admits_in_reference(m, how);
    for (int s = 0; s < SIDES; s++) {
        if (s == REFERENCE && expected != in_reference) continue;
        AGREE(sides[s]->memory_map(m->handle[s], how, &open[s]) == expected, "%s: the map is %s", sides[s]->name,
              expected ? "refused" : "given");
    }
    if (expected != in_reference) {
        AGREE(!expected, "the reference would refuse this map");
        if (memory_maps(m) > 0) met[MODE_OF_THE_FIRST_MAP_STAYS]++;
        else met[LONE_SHARE_LEAVES_WRITABLE]++;
    }
    if (!expected) return;
    random_bytes(bytes, m->size < sizeof bytes ? m->size : sizeof bytes);
    for (int s = 0; s < SIDES; s++) {
        AGREE(open[s].size == m->size, "%s: the map has %zu bytes instead of %zu", sides[s]->name, open[s].size, m->size);
        AGREE(m->size == 0 || memcmp(open[s].data, memory_bytes(m), m->size) == 0, "%s: the map shows other bytes",
              sides[s]->name);
        if (how & MAP_WRITE) memcpy(open[s].data, bytes, m->size);
    }
    if (how & MAP_WRITE) memcpy(memory_bytes(m), bytes, m->size);
    if (!stays) {
        for (int s = 0; s < SIDES; s++) sides[s]->memory_unmap(m->handle[s], &open[s]);
        return;
    }
    place->memory = m;
    place->buffer = NULL;
    place->how = how;
    place->start = m->offset;
    memory_open(m, how);
    memory_take(m);
    for (int s = 0; s < SIDES; s++) {
        place->open[s] = open[s];
        sides[s]->memory_ref(m->handle[s]);
    }
}

/* A map that is open still shows the bytes, and what is written through it is not lost. */
static void use_held(int ends) {
    held_map *one = &held[below(HELD_MAPS)];
    unsigned char byte = (unsigned char)random_bits(), *bytes;
    size_t size, place;
    if (one->memory == NULL) return;
    size = one->open[FRAMEWIRE].size;
    note("%s map %d (for %u, %zu bytes)", ends ? "end" : "use", (int)(one - held), one->how, size);
    if (size > 0) {
        bytes = (one->memory->root ? one->memory->root->bytes : one->memory->bytes) + one->start;
        place = below((unsigned)size);
        if (one->how & MAP_WRITE) bytes[place] = byte;
        for (int s = 0; s < SIDES; s++) {
            unsigned char *data = one->open[s].data;
            if (one->how & MAP_WRITE) data[place] = byte;
            AGREE(memcmp(data, bytes, size) == 0, "%s: an open map shows other bytes", sides[s]->name);
        }
    }
    if (ends) end_held(one);
}

static void look_for_span(void) {
    int first = any_memory(), second = any_memory(), expected;
    if (first < 0) return;
    note("memory: are %d and %d a span?", first, second);
    for (int s = 0; s < SIDES; s++) {
        expected = s == FRAMEWIRE ? memory_span(memories[first], memories[second])
                                  : memory_span_in_reference(memories[first], memories[second]);
        AGREE(!sides[s]->memory_is_span(memories[first]->handle[s], memories[second]->handle[s]) == !expected,
              "%s: a span, or none", sides[s]->name);
    }
}

void memory_operation(void) {
    int which;
    switch (below(16)) {
    case 0:
    case 1: make_memory(); return;
    case 2: wrap_memory(); return;
    case 3:
    case 4:
    case 5: part_of_memory(1); return;
    case 6: part_of_memory(0); return;
    case 7:
    case 8: resize_memory(); return;
    case 9:
    case 10: map_memory(); return;
    case 11: use_held(0); return;
    case 12:
    case 13: use_held(1); return;
    case 14: look_for_span(); return;
    default:
        which = any_memory();
        if (which < 0) return;
        note("memory: drop %d", which);
        drop_memory_slot(which);
    }
}
