#include "trace.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REMEMBERED = 24, LINE = 200 };

memory *memories[MEMORY_SLOTS];
buffer *buffers[BUFFER_SLOTS];
held_map held[HELD_MAPS];
list *lists[LIST_SLOTS];
const side *const sides[SIDES] = {&reference, &framewire};
unsigned long operations;
unsigned long met[DIFFERENCES];

static uint64_t state, trace_seed;
static char remembered[REMEMBERED][LINE];
static unsigned long noted;

/* SplitMix64. */
uint64_t random_bits(void) {
    uint64_t z = (state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

void seed_random(uint64_t seed) { state = seed; }
unsigned below(unsigned bound) { return (unsigned)(random_bits() >> 33) % bound; }
int one_in(unsigned n) { return below(n) == 0; }

void random_bytes(unsigned char *bytes, size_t count) {
    for (size_t i = 0; i < count; i++) bytes[i] = (unsigned char)random_bits();
}

void note(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(remembered[noted++ % REMEMBERED], LINE, format, arguments);
    va_end(arguments);
    operations++;
    if (verbose) printf("%s\n", remembered[(noted - 1) % REMEMBERED]);
}

static void describe(const memory *m) {
    fprintf(stderr, " %zu+%zu/%zu%s%s(p%d s%d r%d w%d b%d)", m->offset, m->size, m->max,
            m->root ? " share" : (m->flags & MEMORY_READ_ONLY) ? " ro" : "", (m->flags & MEMORY_NO_SHARE) ? " ns" : "",
            m->places, m->root ? m->root->shares : m->shares, m->maps[MAP_READ], m->maps[MAP_WRITE], m->maps[MAP_BOTH]);
}

/* What the oracle takes all objects for. */
static void describe_all(void) {
    for (int i = 0; i < MEMORY_SLOTS; i++) {
        if (memories[i] == NULL) continue;
        fprintf(stderr, "  memory %d:", i);
        describe(memories[i]);
        fprintf(stderr, "\n");
    }
    for (int i = 0; i < BUFFER_SLOTS; i++) {
        if (buffers[i] == NULL) continue;
        fprintf(stderr, "  buffer %d (%d owners):", i, buffers[i]->refs);
        for (int j = 0; j < buffers[i]->count; j++) describe(buffers[i]->memories[j]);
        fprintf(stderr, "\n");
    }
}

void disagree(const char *format, ...) {
    va_list arguments;
    unsigned long first = noted > REMEMBERED ? noted - REMEMBERED : 0;
    fflush(stdout);
    fprintf(stderr, "the last operations of the trace:\n");
    for (unsigned long i = first; i < noted; i++) fprintf(stderr, "  %4lu  %s\n", i, remembered[i % REMEMBERED]);
    fprintf(stderr, "the objects now: window/limit, places, shares of the block, open maps for reading, writing, both\n");
    describe_all();
    fprintf(stderr, "disagreement: ");
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fprintf(stderr, "\nreproduce with --seed %llu\n", (unsigned long long)trace_seed);
    abort();
}

void begin_trace(uint64_t seed) {
    trace_seed = seed;
    seed_random(seed);
    noted = 0;
}

void end_trace(void) {
    note("end of the trace");
    operations--;
    for (int i = 0; i < HELD_MAPS; i++)
        if (held[i].memory != NULL) end_held(&held[i]);
    for (int i = 0; i < LIST_SLOTS; i++)
        if (lists[i] != NULL) drop_list_slot(i);
    for (int i = 0; i < BUFFER_SLOTS; i++)
        if (buffers[i] != NULL) drop_buffer_slot(i);
    for (int i = 0; i < MEMORY_SLOTS; i++)
        if (memories[i] != NULL) drop_memory_slot(i);
    AGREE(memories_alive == 0 && buffers_alive == 0, "the oracle has %ld memories and %ld buffers left",
          memories_alive, buffers_alive);
    AGREE(releases_are_complete(), "wrapped bytes were not released exactly once by both");
}

memory **free_memory_slot(void) {
    int slot;
    for (slot = 0; slot < MEMORY_SLOTS; slot++)
        if (memories[slot] == NULL) return &memories[slot];
    slot = (int)below(MEMORY_SLOTS);
    drop_memory_slot(slot);
    return &memories[slot];
}

buffer **free_buffer_slot(void) {
    int slot;
    for (slot = 0; slot < BUFFER_SLOTS; slot++)
        if (buffers[slot] == NULL) return &buffers[slot];
    slot = (int)below(BUFFER_SLOTS);
    drop_buffer_slot(slot);
    return &buffers[slot];
}

#define ANY(array)                                                                                                   \
    int first = (int)below((unsigned)COUNT(array));                                                                  \
    for (int i = 0; i < (int)COUNT(array); i++)                                                                      \
        if (array[(first + i) % (int)COUNT(array)] != NULL) return (first + i) % (int)COUNT(array);                  \
    return -1;

int any_memory(void) { ANY(memories) }
int any_buffer(void) { ANY(buffers) }
int any_list(void) { ANY(lists) }

void drop_memory_slot(int slot) {
    for (int s = 0; s < SIDES; s++) sides[s]->memory_unref(memories[slot]->handle[s]);
    /* A map of the memory itself needs a handle; it has one reference for that. */
    memory_drop(memories[slot]);
    memories[slot] = NULL;
}

void end_held(held_map *one) {
    /* Nested maps first: the reference goes by the outer one as long as any is open. */
    for (int i = 0; one->how == MAP_BOTH && one->memory->maps[MAP_BOTH] == 1 && i < HELD_MAPS; i++)
        if (&held[i] != one && held[i].memory == one->memory) end_held(&held[i]);
    for (int s = 0; s < SIDES; s++) {
        if (one->buffer == NULL) {
            sides[s]->memory_unmap(one->memory->handle[s], &one->open[s]);
            sides[s]->memory_unref(one->memory->handle[s]);
        } else {
            sides[s]->unmap(one->buffer->handle[s], &one->open[s]);
        }
    }
    if (one->buffer == NULL) memory_drop(one->memory);
    memory_close(one->memory, one->how);
    one->memory = NULL;
}

void end_maps_of(const buffer *b) {
    for (int i = 0; i < HELD_MAPS; i++)
        if (held[i].memory != NULL && held[i].buffer == b) end_held(&held[i]);
}

void drop_buffer_slot(int slot) {
    buffer *b = buffers[slot];
    if (b->refs == 1) end_maps_of(b);
    for (int s = 0; s < SIDES; s++) sides[s]->buffer_unref(b->handle[s]);
    buffer_drop(b);
    buffers[slot] = NULL;
}

void drop_list(list *l) {
    if (--l->refs > 0) return;
    for (int i = 0; i < l->count; i++) {
        if (l->items[i]->refs == 1) end_maps_of(l->items[i]);
        buffer_drop(l->items[i]);
    }
    free(l);
}

void drop_list_slot(int slot) {
    list *l = lists[slot];
    if (l->refs == 1)
        for (int i = 0; i < l->count; i++)
            if (l->items[i]->refs == 1) end_maps_of(l->items[i]);
    for (int s = 0; s < SIDES; s++) sides[s]->list_unref(l->handle[s]);
    drop_list(l);
    lists[slot] = NULL;
}

int buffer_writable(const buffer *b) {
    if (b->refs != 1) return 0;
    for (int i = 0; i < LIST_SLOTS; i++)
        for (int j = 0; lists[i] != NULL && j < lists[i]->count; j++)
            if (lists[i]->items[j] == b) return lists[i]->refs == 1;
    return 1;
}

static int holds(const buffer *b, const memory *m) {
    for (int i = 0; b != NULL && i < b->count; i++)
        if (b->memories[i] == m) return 1;
    return 0;
}

/* The reference asks the buffer that holds the memory too, but not whether the memory is read-only. */
int reference_calls_writable(const memory *m) {
    if (!memory_is_exclusive(m)) return 0;
    if (m->places == 0) return 1;
    for (int i = 0; i < BUFFER_SLOTS; i++)
        if (holds(buffers[i], m)) return buffer_writable(buffers[i]);
    for (int i = 0; i < LIST_SLOTS; i++)
        for (int j = 0; lists[i] != NULL && j < lists[i]->count; j++)
            if (holds(lists[i]->items[j], m)) return buffer_writable(lists[i]->items[j]);
    return 1;
}

int buffer_has_written(const buffer *b, int index, int count) {
    for (int i = index; i < index + count; i++)
        if (memory_is_written(b->memories[i])) return 1;
    return 0;
}

static void check_memory(const char *what, int number, memory *m, int s, void *handle) {
    size_t offset = 0, max = 0, size = sides[s]->memory_sizes(handle, &offset, &max);
    int writable = sides[s]->memory_is_writable(handle);
    int expected = s == REFERENCE ? reference_calls_writable(m) : memory_writable(m);
    AGREE(size == m->size && offset == m->offset && max == m->max,
          "%s: %s %d has size %zu, offset %zu, limit %zu; it should be %zu, %zu, %zu", sides[s]->name, what, number,
          size, offset, max, m->size, m->offset, m->max);
    AGREE(!writable == !expected, "%s: %s %d is %swritable", sides[s]->name, what, number, writable ? "" : "not ");
    if (s == FRAMEWIRE || expected == memory_writable(m)) return;
    if (m->flags & MEMORY_READ_ONLY) met[READ_ONLY_IS_CALLED_WRITABLE]++;
    else if (m->places > 0) met[MEMORY_OF_A_SHARED_BUFFER]++;
    else met[LONE_SHARE_LEAVES_WRITABLE]++;
}

static void check_buffer(const char *what, int number, buffer *b, int s) {
    static unsigned char wanted[65536], found[65536];
    const side *lib = sides[s];
    void *handle = b->handle[s];
    size_t size = buffer_size_of(b), count = lib->memory_count(handle);
    int is_unreadable = 0, meta_count;
    meta_view views[MOST_METAS + 1];
    AGREE(count == (size_t)b->count, "%s: %s %d has %zu memories; it should be %d", lib->name, what, number, count,
          b->count);
    for (int i = 0; i < b->count; i++) {
        memory *m = b->memories[i];
        void *peeked = lib->peek(handle, (size_t)i);
        if (m->handle[s] == NULL) m->handle[s] = peeked;
        AGREE(m->handle[s] == peeked, "%s: memory %d of %s %d is not the one that it should be", lib->name, i, what,
              number);
        check_memory("a memory of buffer", number, m, s, peeked);
        is_unreadable |= m->maps[MAP_WRITE] > 0 && m->reference_mode == MAP_WRITE;
    }
    AGREE(!lib->buffer_is_writable(handle) == !buffer_writable(b), "%s: %s %d is %swritable", lib->name, what, number,
          buffer_writable(b) ? "not " : "");
    for (int i = 0; i < FIELDS; i++)
        AGREE(lib->field(handle, i) == b->fields[i], "%s: field %d of %s %d is %llx, it should be %llx", lib->name, i,
              what, number, (unsigned long long)lib->field(handle, i), (unsigned long long)b->fields[i]);
    AGREE(lib->flags(handle) == b->flags, "%s: the flags of %s %d are %x; they should be %x", lib->name, what, number,
          lib->flags(handle), b->flags);
    meta_count = lib->metas(handle, views, MOST_METAS + 1);
    AGREE(meta_count == b->meta_count, "%s: %s %d has %d metas; it should be %d", lib->name, what, number, meta_count,
          b->meta_count);
    for (int i = 0; i < meta_count; i++)
        AGREE(views[i].kind == b->metas[i].kind && views[i].number == b->metas[i].number,
              "%s: meta %d of %s %d is another", lib->name, i, what, number);
    /* To look at such bytes the reference would replace the memory. */
    if (size > sizeof wanted || (s == REFERENCE && is_unreadable)) return;
    buffer_bytes(b, wanted);
    AGREE(lib->extract(handle, 0, found, sizeof found) == size && memcmp(wanted, found, size) == 0,
          "%s: %s %d has other bytes than it should", lib->name, what, number);
}

void check_all(void) {
    for (int s = 0; s < SIDES; s++) {
        for (int i = 0; i < BUFFER_SLOTS; i++)
            if (buffers[i] != NULL) check_buffer("buffer", i, buffers[i], s);
        for (int i = 0; i < LIST_SLOTS; i++) {
            if (lists[i] == NULL) continue;
            AGREE(sides[s]->list_length(lists[i]->handle[s]) == (size_t)lists[i]->count, "%s: list %d has %zu buffers",
                  sides[s]->name, i, sides[s]->list_length(lists[i]->handle[s]));
            AGREE(!sides[s]->list_is_writable(lists[i]->handle[s]) == (lists[i]->refs != 1),
                  "%s: list %d is wrong about being writable", sides[s]->name, i);
            for (int j = 0; j < lists[i]->count; j++) {
                buffer *b = lists[i]->items[j];
                void *got = sides[s]->list_get(lists[i]->handle[s], (size_t)j);
                if (b->handle[s] == NULL) b->handle[s] = got;
                AGREE(got == b->handle[s], "%s: buffer %d of list %d is another", sides[s]->name, j, i);
                check_buffer("a buffer of list", i, b, s);
            }
        }
        for (int i = 0; i < MEMORY_SLOTS; i++)
            if (memories[i] != NULL) check_memory("memory", i, memories[i], s, memories[i]->handle[s]);
    }
    AGREE(releases_are_complete(), "wrapped bytes were not released exactly once by both");
}
