/* Random operations on buffers. */
#include "trace.h"

#include <stdlib.h>
#include <string.h>

#define BOTH for (int s = 0; s < SIDES; s++)
#define OUTCOME(expected, call)                                                                                      \
    do {                                                                                                             \
        int was_done = (call);                                                                                       \
        AGREE(!was_done == !(expected), "%s: %s", sides[s]->name, was_done ? "done" : "refused");                    \
    } while (0)

/* The reference leaves empty memories out of a copy. */
static void keep_empty_memories(const buffer *from, void *copy) {
    for (int i = 0; i < from->count; i++) {
        void *empty;
        if (from->memories[i]->size > 0) continue;
        met[COPY_LEAVES_EMPTY_MEMORIES_OUT]++;
        empty = reference.peek(from->handle[REFERENCE], (size_t)i);
        if (from->memories[i]->flags & MEMORY_NO_SHARE) reference.memory_copy(empty, 0, 0, &empty);
        else reference.memory_ref(empty);
        AGREE(reference.insert(copy, i, empty), "reference: refused");
    }
}

static void place_buffer(buffer *b, void *const made[SIDES]) {
    buffer **slot = free_buffer_slot();
    BOTH b->handle[s] = made[s];
    *slot = b;
}

static void make_buffer(void) {
    buffer *b = buffer_make();
    void *made[SIDES];
    size_t size = one_in(3) ? 0 : 1 + below(60);
    note("buffer: make with %zu bytes", size);
    BOTH OUTCOME(1, size ? sides[s]->buffer_allocate(size, &made[s]) : sides[s]->buffer_new(&made[s]));
    if (size > 0) {
        memory *m = memory_make(size, 0, size, 0);
        random_bytes(m->bytes, size);
        buffer_put(b, 0, m);
        BOTH {
            size_t done;
            OUTCOME(1, sides[s]->fill(made[s], 0, m->bytes, size, &done));
            AGREE(done == size, "%s: filled %zu", sides[s]->name, done);
        }
    }
    place_buffer(b, made);
}

static void share_buffer(int from) {
    buffer *b = buffers[from], **slot;
    if (b->refs > 3) return;
    note("buffer: one more owner of %d", from);
    BOTH sides[s]->buffer_ref(b->handle[s]);
    buffer_take(b);
    slot = free_buffer_slot();
    *slot = b;
}

static void make_writable(int which) {
    buffer *b = buffers[which], *copy;
    int was = buffer_writable(b);
    void *made[SIDES];
    note("buffer: make %d writable", which);
    BOTH {
        made[s] = b->handle[s];
        OUTCOME(1, sides[s]->make_writable(&made[s]));
        AGREE((made[s] == b->handle[s]) == was, "%s: %s", sides[s]->name, was ? "copied" : "not copied");
    }
    if (was) return;
    keep_empty_memories(b, made[REFERENCE]);
    copy = buffer_copy_all(b, 0);
    BOTH copy->handle[s] = made[s];
    buffer_drop(b);
    buffers[which] = copy;
}

static int random_index(const buffer *b) {
    if (one_in(4)) return -1;
    return (int)below((unsigned)b->count + 2) - (one_in(20) ? 2 : 0);
}

/* A range, most often one that exists. */
static void random_range(const buffer *b, size_t *index, ptrdiff_t *count) {
    *index = b->count > 0 && !one_in(10) ? below((unsigned)b->count) : below((unsigned)b->count + 2);
    *count = one_in(4) ? -1 : 1 + (ptrdiff_t)below((unsigned)b->count + 1);
    if (one_in(3)) *count = 1;
    if (one_in(6)) {
        *index = 0;
        *count = -1;
    }
    /* From the very end to the end is an empty range here and a mistake there. */
    if (*count == -1 && *index == (size_t)b->count && b->count > 0) ++*index;
}

static void insert(int which) {
    buffer *b = buffers[which];
    int from = any_memory(), index = random_index(b), keeps = one_in(2), expected;
    memory *m;
    if (from < 0) return;
    m = memories[from];
    if (b->count >= MOST_IN_REFERENCE) {
        met[CAP_OF_16]++;
        return;
    }
    /* The reference copies such a memory on the way in. */
    if (memory_is_written(m) && m->places + m->shares > 0) return;
    expected = buffer_writable(b) && index >= -1 && index <= b->count;
    note("buffer: insert memory %d at %d of %d (%d memories)%s", from, index, which, b->count, keeps ? ", keep it" : "");
    BOTH {
        sides[s]->memory_ref(m->handle[s]);
        OUTCOME(expected, sides[s]->insert(b->handle[s], index, m->handle[s]));
        if (!expected) sides[s]->memory_unref(m->handle[s]);
    }
    if (expected) buffer_put(b, index < 0 ? b->count : index, memory_take(m));
    if (!keeps) drop_memory_slot(from);
}

static void replace(int which) {
    buffer *b = buffers[which];
    int from = any_memory(), expected;
    memory *m;
    size_t index;
    ptrdiff_t count;
    if (from < 0) return;
    m = memories[from];
    if (memory_is_written(m) && m->places + m->shares > 0) return;
    random_range(b, &index, &count);
    if (b->count >= MOST_IN_REFERENCE) count = -1;
    note("buffer: replace %zu+%td of %d (%d memories) by memory %d", index, count, which, b->count, from);
    expected = buffer_writable(b) && range_is_valid(b, index, count);
    BOTH {
        sides[s]->memory_ref(m->handle[s]);
        OUTCOME(expected, sides[s]->replace_range(b->handle[s], index, count, m->handle[s]));
        if (!expected) sides[s]->memory_unref(m->handle[s]);
    }
    if (!expected) return;
    memory_take(m);
    buffer_swap(b, (int)index, count < 0 ? b->count - (int)index : (int)count, m);
}

/* An empty range. */
static void replace_nothing(int which) {
    buffer *b = buffers[which];
    int from = any_memory();
    size_t index = below((unsigned)b->count + 1);
    memory *m;
    if (from < 0 || !buffer_writable(b) || b->count >= MOST_IN_REFERENCE) return;
    m = memories[from];
    if (memory_is_written(m) && m->places + m->shares > 0) return;
    note("buffer: replace %zu+0 of %d by memory %d", index, which, from);
    BOTH sides[s]->memory_ref(m->handle[s]);
    met[EMPTY_RANGE_REPLACED]++;
    AGREE(!reference.replace_range(b->handle[REFERENCE], index, 0, m->handle[REFERENCE]), "reference: done");
    AGREE(reference.insert(b->handle[REFERENCE], (ptrdiff_t)index, m->handle[REFERENCE]), "reference: refused");
    AGREE(framewire.replace_range(b->handle[FRAMEWIRE], index, 0, m->handle[FRAMEWIRE]), "framewire: refused");
    buffer_put(b, (int)index, memory_take(m));
}

/* With -1 the reference adds it to the index, and takes the sum for a place that there is. */
static int rest_from_beyond(const buffer *b, size_t index, ptrdiff_t count) {
    if (count != -1 || index < (size_t)b->count || (index == 0 && b->count == 0)) return 0;
    met[NEGATIVE_COUNTS]++;
    return 1;
}

static void remove_range(int which) {
    buffer *b = buffers[which];
    size_t index;
    ptrdiff_t count;
    int expected;
    random_range(b, &index, &count);
    if (one_in(10)) count = 0;
    if (one_in(40)) {
        note("buffer: remove %zu+-2 of %d", index, which);
        met[NEGATIVE_COUNTS]++;
        AGREE(!framewire.remove_range(b->handle[FRAMEWIRE], index, -2 - (ptrdiff_t)below(3)), "framewire: done");
        return;
    }
    note("buffer: remove %zu+%td of %d (%d memories)", index, count, which, b->count);
    expected = buffer_writable(b) && (count == 0 ? index <= (size_t)b->count : range_is_valid(b, index, count));
    BOTH {
        if (s == REFERENCE && rest_from_beyond(b, index, count)) continue;
        OUTCOME(expected, sides[s]->remove_range(b->handle[s], index, count));
    }
    if (expected) buffer_cut(b, (int)index, count < 0 ? b->count - (int)index : (int)count);
}

static void remove_all(int which) {
    buffer *b = buffers[which];
    int expected = buffer_writable(b);
    if (b->count == 0 && !expected) return;
    note("buffer: remove all of %d", which);
    BOTH OUTCOME(expected, sides[s]->remove_all(b->handle[s]));
    if (expected) buffer_cut(b, 0, b->count);
}

/* Inserts two windows of a memory that follow each other: a span. */
static void insert_span(int which) {
    buffer *b = buffers[which];
    int from = any_memory(), index;
    size_t cut;
    memory *m, *parts[2];
    if (from < 0 || !buffer_writable(b) || b->count + 2 > MOST_IN_REFERENCE) return;
    m = memories[from];
    if (m->size == 0 || memory_is_written(m) || (m->flags & MEMORY_NO_SHARE)) return;
    cut = below((unsigned)m->size);
    index = (int)below((unsigned)b->count + 1);
    note("buffer: insert memory %d in two parts of %zu and %zu at %d of %d", from, cut, m->size - cut, index, which);
    parts[0] = memory_share_of(m, 0, cut);
    parts[1] = memory_share_of(m, cut, m->size - cut);
    BOTH for (int i = 0; i < 2; i++) {
        OUTCOME(1, sides[s]->memory_share(m->handle[s], i ? cut : 0, parts[i]->size, &parts[i]->handle[s]));
        OUTCOME(1, sides[s]->insert(b->handle[s], index + i, parts[i]->handle[s]));
    }
    for (int i = 0; i < 2; i++) buffer_put(b, index + i, parts[i]);
}

/* Gets a memory, or several as one, out of a buffer. */
static void get_range(int which) {
    buffer *b = buffers[which];
    size_t index;
    ptrdiff_t count;
    int expected, n;
    void *made[SIDES] = {NULL, NULL};
    memory *got, **slot;
    random_range(b, &index, &count);
    n = count < 0 ? b->count - (int)index : (int)count;
    expected = range_is_valid(b, index, count);
    if (expected && n > 1 && buffer_has_written(b, (int)index, n)) return;
    note("buffer: get memory %zu+%td of %d (%d memories)", index, count, which, b->count);
    if (expected && n > 1 && range_is_mixed_span(b, (int)index, n)) {
        size_t offset, max, size;
        met[SPAN_WITH_THE_BLOCK_ITSELF]++;
        AGREE(framewire.get_range(b->handle[FRAMEWIRE], index, count, &made[FRAMEWIRE]), "framewire: refused");
        size = framewire.memory_sizes(made[FRAMEWIRE], &offset, &max);
        got = buffer_merge(b, (int)index, n);
        AGREE(size == got->size && offset == got->offset && max == got->max, "framewire: a span was copied");
        memory_drop(got);
        framewire.memory_unref(made[FRAMEWIRE]);
        return;
    }
    if (expected && b->count == 0) {
        met[MERGE_OF_NOTHING]++;
        AGREE(!reference.get_range(b->handle[REFERENCE], index, count, &made[REFERENCE]), "reference: done");
        AGREE(framewire.get_range(b->handle[FRAMEWIRE], index, count, &made[FRAMEWIRE])
                  && framewire.memory_sizes(made[FRAMEWIRE], NULL, NULL) == 0, "framewire: no empty memory");
        framewire.memory_unref(made[FRAMEWIRE]);
        return;
    }
    BOTH OUTCOME(expected, sides[s]->get_range(b->handle[s], index, count, &made[s]));
    if (!expected) return;
    got = buffer_merge(b, (int)index, n);
    BOTH {
        if (n > 1) got->handle[s] = made[s];
        AGREE(got->handle[s] == NULL || got->handle[s] == made[s], "%s: another memory", sides[s]->name);
        got->handle[s] = made[s];
    }
    slot = free_memory_slot();
    *slot = got;
}

static void look(int which) {
    buffer *b = buffers[which];
    size_t index, offset = below((unsigned)buffer_size_of(b) + 3), size = 1 + below((unsigned)buffer_size_of(b) + 2);
    size_t found[SIDES][3] = {{0}}, sizes[SIDES][3] = {{0}};
    ptrdiff_t count;
    int done[SIDES], writable[SIDES];
    if (one_in(4)) size = ALL;
    random_range(b, &index, &count);
    note("buffer: find %zu+%zu, look at %zu+%td of %d", offset, size, index, count, which);
    BOTH {
        done[s] = sides[s]->find(b->handle[s], offset, size, &found[s][0], &found[s][1], &found[s][2]);
        sizes[s][0] = sides[s]->sizes_range(b->handle[s], index, count, &sizes[s][1], &sizes[s][2]);
        writable[s] = sides[s]->range_is_writable(b->handle[s], index, count);
    }
    if (offset == buffer_size_of(b) && size == ALL) {
        met[END_OF_BUFFER_IS_FOUND]++;
        AGREE(!done[REFERENCE] && done[FRAMEWIRE] && found[FRAMEWIRE][1] == 0, "the end of the buffer is found wrongly");
    } else {
        AGREE(done[REFERENCE] == done[FRAMEWIRE], "find: reference %d, framewire %d", done[REFERENCE], done[FRAMEWIRE]);
        for (int i = b->count; done[REFERENCE] && size == ALL && i > 0 && b->memories[i - 1]->size == 0; i--) {
            met[END_OF_BUFFER_IS_FOUND]++;
            found[REFERENCE][1]--;
        }
        AGREE(!done[REFERENCE] || memcmp(found[REFERENCE], found[FRAMEWIRE], sizeof found[0]) == 0,
              "find: %zu %zu %zu and %zu %zu %zu", found[0][0], found[0][1], found[0][2], found[1][0], found[1][1],
              found[1][2]);
    }
    if (range_is_valid(b, index, count) && b->count > 0) {
        int end = count < 0 ? b->count : (int)index + (int)count, has_empty = 0;
        const memory *last = b->memories[end - 1];
        size_t bytes = 0, first = b->memories[index]->offset;
        for (int i = (int)index; i < end; i++) {
            bytes += b->memories[i]->size;
            has_empty |= b->memories[i]->size == 0;
        }
        AGREE(sizes[FRAMEWIRE][0] == bytes && sizes[FRAMEWIRE][1] == first
                  && sizes[FRAMEWIRE][2] == first + bytes + last->max - last->offset - last->size,
              "framewire: sizes %zu %zu %zu", sizes[1][0], sizes[1][1], sizes[1][2]);
        if (has_empty) {
            met[ROOM_THAT_CANNOT_BE_REACHED]++;
            memcpy(sizes[REFERENCE], sizes[FRAMEWIRE], sizeof sizes[0]);
        }
    }
    AGREE(memcmp(sizes[REFERENCE], sizes[FRAMEWIRE], sizeof sizes[0]) == 0,
          "sizes: %zu %zu %zu and %zu %zu %zu", sizes[0][0], sizes[0][1], sizes[0][2], sizes[1][0], sizes[1][1],
          sizes[1][2]);
    if (!range_is_valid(b, index, count)) {
        AGREE(!writable[REFERENCE] && !writable[FRAMEWIRE], "no range is called writable");
        return;
    }
    BOTH {
        int expected = 1;
        for (int i = (int)index; i < (count < 0 ? b->count : (int)index + (int)count); i++)
            expected &= s == REFERENCE ? reference_calls_writable(b->memories[i]) : memory_writable(b->memories[i]);
        AGREE(!writable[s] == !expected, "%s: the range is %swritable", sides[s]->name, expected ? "not " : "");
    }
}

static void map_buffer(int which) {
    buffer *b = buffers[which];
    size_t index, size;
    ptrdiff_t count;
    unsigned how = 1 + below(3);
    unsigned char bytes[16384];
    map open[SIDES];
    memory *target = NULL;
    held_map *place = NULL;
    int expected, n, stays, keeps_span;
    random_range(b, &index, &count);
    for (int i = 0; i < HELD_MAPS; i++)
        if (held[i].memory == NULL) place = &held[i];
    stays = place != NULL && one_in(3);
    n = count < 0 ? b->count - (int)index : (int)count;
    note("buffer: map %zu+%td of %d (%d memories) for %u%s", index, count, which, b->count, how,
         stays ? " and keep the map" : "");
    expected = range_is_valid(b, index, count) && (!(how & MAP_WRITE) || buffer_writable(b));
    if (!expected || b->count == 0) {
        BOTH {
            OUTCOME(expected, sides[s]->map_range(b->handle[s], index, count, how, &open[s]));
            if (!expected) continue;
            AGREE(open[s].size == 0, "%s: %zu bytes of an empty buffer", sides[s]->name, open[s].size);
            if (s == FRAMEWIRE) sides[s]->unmap(b->handle[s], &open[s]);
        }
        return;
    }
    if (range_is_mixed_span(b, (int)index, n)) return;
    keeps_span = n > 1 && how == MAP_READ && buffer_writable(b) && range_is_span(b, (int)index, n)
                 && !(b->memories[index]->flags & MEMORY_NO_SHARE);
    target = buffer_map_target(b, (int)index, n, how);
    if (target == NULL) {
        /* The reference would put a copy in the place of the mapped memory. */
        met[MAP_SWAPS_THE_MEMORY]++;
        AGREE(!framewire.map_range(b->handle[FRAMEWIRE], index, count, how, &open[FRAMEWIRE]), "framewire: done");
        return;
    }
    size = target->size;
    random_bytes(bytes, size);
    BOTH {
        /* The reference would put the share in the place of the span, but not while the buffer has two owners. */
        if (s == REFERENCE && keeps_span) sides[s]->buffer_ref(b->handle[s]);
        OUTCOME(1, sides[s]->map_range(b->handle[s], index, count, how, &open[s]));
        if (s == REFERENCE && keeps_span) {
            met[LOOKING_REPLACES_A_SPAN]++;
            sides[s]->buffer_unref(b->handle[s]);
        }
        AGREE(open[s].size == size, "%s: the map has %zu bytes instead of %zu", sides[s]->name, open[s].size, size);
        AGREE(size == 0 || memcmp(open[s].data, memory_bytes(target), size) == 0, "%s: the map shows other bytes",
              sides[s]->name);
        if (how & MAP_WRITE) memcpy(open[s].data, bytes, size);
    }
    if (how & MAP_WRITE) memcpy(memory_bytes(target), bytes, size);
    if (stays) {
        place->memory = target;
        place->buffer = b;
        place->how = how;
        place->start = target->offset;
        memory_open(target, how);
        BOTH place->open[s] = open[s];
    } else {
        BOTH sides[s]->unmap(b->handle[s], &open[s]);
    }
    memory_drop(target);
}

/* What a write would touch: whether it is refused, and whether the reference can do it by the same call. */
static int write_is_admitted(const buffer *b, size_t offset, size_t size, int *is_same) {
    size_t left = size;
    int admitted = 1;
    *is_same = 1;
    for (int i = 0; i < b->count && left > 0; i++) {
        const memory *m = b->memories[i];
        size_t part = m->size > offset ? m->size - offset : 0;
        if (part > left) part = left;
        if (part == 0) {
            offset -= m->size;
            if (!memory_admits(m, MAP_WRITE) || !memory_admits_in_reference(m, MAP_WRITE)) *is_same = 0;
            continue;
        }
        if (!memory_admits(m, MAP_WRITE) && (memory_is_written(m) || memory_writable(m))) admitted = 0;
        left -= part;
        offset = 0;
    }
    return admitted;
}

/* Writes into the reference without touching the memories that come before. */
static void write_parts(void *handle, const buffer *b, size_t offset, const unsigned char *from, size_t size) {
    for (int i = 0; i < b->count && size > 0; i++) {
        size_t part = b->memories[i]->size > offset ? b->memories[i]->size - offset : 0;
        map open;
        if (part > size) part = size;
        if (part == 0) {
            offset -= b->memories[i]->size;
            continue;
        }
        AGREE(reference.map_range(handle, (size_t)i, 1, MAP_WRITE, &open), "reference: a memory cannot be written");
        memcpy((unsigned char *)open.data + offset, from, part);
        reference.unmap(handle, &open);
        from += part;
        size -= part;
        offset = 0;
    }
}

static void write_bytes(int which, int is_set) {
    buffer *b = buffers[which];
    unsigned char bytes[256];
    size_t total = buffer_size_of(b), offset = below((unsigned)total + 3), size = below(80), fits = 0;
    int expected, admitted, is_same;
    random_bytes(bytes, size);
    if (is_set) memset(bytes, bytes[0], sizeof bytes);
    if (one_in(20)) offset = ALL - below(40);
    note("buffer: %s %zu+%zu of %d (%zu bytes)", is_set ? "set" : "fill", offset, size, which, total);
    expected = buffer_writable(b);
    admitted = write_is_admitted(b, offset, size, &is_same);
    if (expected && !admitted) {
        size_t done = 0;
        met[MAP_SWAPS_THE_MEMORY]++;
        AGREE(is_set ? !framewire.set_bytes(b->handle[FRAMEWIRE], offset, bytes[0], size, &done)
                     : !framewire.fill(b->handle[FRAMEWIRE], offset, bytes, size, &done), "framewire: done");
        return;
    }
    if (expected && offset < total) fits = size < total - offset ? size : total - offset;
    BOTH {
        size_t done = 0;
        if (s == REFERENCE && expected && !is_same) {
            met[FILL_COPIES_WHAT_IT_SKIPS]++;
            write_parts(b->handle[s], b, offset, bytes, size);
            continue;
        }
        OUTCOME(expected, is_set ? sides[s]->set_bytes(b->handle[s], offset, bytes[0], size, &done)
                                 : sides[s]->fill(b->handle[s], offset, bytes, size, &done));
        AGREE(done == fits, "%s: %zu bytes fitted; it should be %zu", sides[s]->name, done, fits);
    }
    if (expected) AGREE(buffer_write(b, offset, bytes, size) == fits, "the oracle is wrong about what fits");
}

static void read_bytes(int which) {
    static unsigned char all[65536], found[65536], with[65536];
    buffer *b = buffers[which];
    size_t total = buffer_size_of(b), offset = below((unsigned)total + 3), size = below((unsigned)total + 10), there;
    int order, wanted;
    if (total > sizeof all) return;
    if (one_in(20)) offset = ALL - below(40);
    note("buffer: extract and compare %zu+%zu of %d (%zu bytes)", offset, size, which, total);
    buffer_bytes(b, all);
    there = offset >= total ? 0 : size < total - offset ? size : total - offset;
    memcpy(with, all + (offset < total ? offset : 0), there);
    if (there > 0 && one_in(2)) with[below((unsigned)there)] ^= (unsigned char)(1u << below(8));
    /* The reference subtracts without looking; an order is that of the bytes given to those of the buffer. */
    wanted = there < size ? -1 : memcmp(with, all + (offset < total ? offset : 0), size);
    wanted = wanted < 0 ? -1 : wanted > 0;
    BOTH {
        if (s == REFERENCE && buffer_has_written(b, 0, b->count)) continue;
        AGREE(sides[s]->extract(b->handle[s], offset, found, size) == there, "%s: another count", sides[s]->name);
        AGREE(memcmp(found, all + (offset < total ? offset : 0), there) == 0, "%s: other bytes", sides[s]->name);
        if (offset > ALL / 2 || size == 0) continue;
        order = sides[s]->compare(b->handle[s], offset, with, size);
        AGREE(order == wanted, "%s: compared as %d; it should be %d", sides[s]->name, order, wanted);
    }
}

static void keep_times(int which) {
    buffer *b = buffers[which];
    int field = (int)below(FIELDS), flag = (int)below(BUFFER_FLAGS), on = one_in(2);
    uint64_t value = one_in(4) ? NO_TIME : random_bits() >> 2;
    note("buffer: set field %d and flag %d of %d", field, flag, which);
    if (!buffer_writable(b)) {
        met[FIELDS_OF_SHARED_BUFFERS]++;
        framewire.set_field(b->handle[FRAMEWIRE], field, value);
        framewire.change_flag(b->handle[FRAMEWIRE], flag, !(b->flags >> flag & 1));
        return;
    }
    BOTH {
        sides[s]->set_field(b->handle[s], field, value);
        sides[s]->change_flag(b->handle[s], flag, on);
    }
    b->fields[field] = value;
    b->flags = on ? b->flags | 1u << flag : b->flags & ~(1u << flag);
}

/* Whether a region would share bytes of a memory that is mapped for writing. */
static int region_is_written(const buffer *b, size_t offset, size_t size) {
    size_t start = 0, total = buffer_size_of(b);
    size_t end = size == ALL || size > total - offset ? total : offset + size;
    for (int i = 0; i < b->count; i++) {
        size_t stop = start + b->memories[i]->size;
        const memory *m = b->memories[i];
        int is_shared = memory_is_written(m) && !(m->flags & MEMORY_NO_SHARE) && m->size > 0;
        if (is_shared && stop > offset && start < end && offset < end) return 1;
        start = stop;
    }
    return 0;
}

static void copy_whole(int which, int deep) {
    buffer *b = buffers[which];
    void *made[SIDES];
    note("buffer: %s copy of %d", deep ? "deep" : "shallow", which);
    BOTH OUTCOME(1, sides[s]->copy(b->handle[s], deep, &made[s]));
    if (!deep) keep_empty_memories(b, made[REFERENCE]);
    place_buffer(buffer_copy_all(b, deep), made);
}

static void random_region(const buffer *b, size_t *offset, size_t *size) {
    size_t total = buffer_size_of(b);
    *offset = one_in(3) ? 0 : below((unsigned)total + 1);
    *size = one_in(3) ? ALL : below((unsigned)(total - *offset) + 1);
    if (one_in(12)) *offset = total + below(3);
    if (one_in(12)) *size = total + below(3);
    if (one_in(60)) *size = ALL - 1 - below(5);
}

/* The reference then takes the sum for small, and the region for one that there is. */
static int sum_wraps(size_t offset, size_t size) {
    if (size == ALL || offset <= ALL - size) return 0;
    met[REGIONS_ARE_NOT_CHECKED]++;
    return 1;
}

/* Whether what is merged could be a span of a block and shares of it. */
static int has_block_and_share(const buffer *first, const buffer *second) {
    const memory *all[2 * MOST_MEMORIES];
    int count = 0;
    for (int i = 0; i < first->count; i++) all[count++] = first->memories[i];
    for (int i = 0; i < second->count; i++) all[count++] = second->memories[i];
    for (int i = 0; i < count; i++)
        for (int j = 0; j < count; j++)
            if (all[i]->root == all[j] || (all[i] == all[j] && i != j)) return 1;
    return 0;
}

static void copy_region(int which, int to) {
    buffer *b = buffers[which], *target = to < 0 ? buffer_make() : buffers[to];
    unsigned flags = one_in(2) ? 15 : below(64);
    size_t offset, size, total = buffer_size_of(b);
    int expected, is_written;
    void *made[SIDES];
    random_region(b, &offset, &size);
    expected = offset <= total && (size == ALL || size <= total - offset) && (to < 0 || buffer_writable(target));
    is_written = (flags & COPY_MEMORY) && !(flags & COPY_DEEP) && offset <= total && region_is_written(b, offset, size);
    if (to >= 0 && target->count + (offset < total && size > 0) < 2) flags &= ~(unsigned)COPY_MERGE;
    if (to >= 0 && (target == b || target->count + b->count > MOST_IN_REFERENCE || target->meta_count > 8)) return;
    if ((flags & COPY_MERGE) && buffer_has_written(target, 0, target->count)) flags &= ~(unsigned)COPY_MERGE;
    if (has_block_and_share(target, b)) flags &= ~(unsigned)COPY_MERGE;
    note("buffer: copy %zu+%zu of %d (%zu bytes) with flags %u into %d", offset, size, which, total, flags, to);
    if (expected && is_written) {
        met[REGION_OF_WRITTEN_MEMORY]++;
        AGREE(to < 0 ? !framewire.copy_region(b->handle[FRAMEWIRE], flags, offset, size, &made[FRAMEWIRE])
                     : !framewire.copy_into(target->handle[FRAMEWIRE], b->handle[FRAMEWIRE], flags, offset, size),
              "framewire: done");
        if (to < 0) buffer_drop(target);
        return;
    }
    if (to < 0) {
        int merges_nothing;
        for (int i = 0; i < b->meta_count; i++)
            if (b->metas[i].kind == META_MEMORY && (size == 0 || offset >= total)) flags &= ~(unsigned)COPY_MERGE;
        merges_nothing = expected && (flags & COPY_MEMORY) && (size == 0 || offset == total);
        BOTH {
            unsigned given = s == REFERENCE && merges_nothing ? flags & ~(unsigned)COPY_MERGE : flags;
            if (given != flags) met[MERGE_OF_NOTHING]++;
            if (s == REFERENCE && sum_wraps(offset, size)) continue;
            OUTCOME(expected, sides[s]->copy_region(b->handle[s], given, offset, size, &made[s]));
        }
        if (expected) buffer_copy_model(target, b, flags, offset, size);
        if (expected) place_buffer(target, made);
        else buffer_drop(target);
        return;
    }
    BOTH {
        if (s == REFERENCE && sum_wraps(offset, size)) continue;
        OUTCOME(expected, sides[s]->copy_into(target->handle[s], b->handle[s], flags, offset, size));
    }
    if (expected) buffer_copy_model(target, b, flags, offset, size);
}

/* Appends one buffer, or a region of it, to another; both references go into the result. */
static void append(int which, int is_region) {
    int from = any_buffer();
    buffer *b = buffers[which], *other = buffers[from], *result = b;
    size_t offset = 0, size = ALL, total = buffer_size_of(other);
    int expected;
    void *made[SIDES];
    if (is_region) random_region(other, &offset, &size);
    if (offset == 0 && size == ALL) is_region = 0;
    if (from == which || b == other || b->count + other->count > MOST_IN_REFERENCE) return;
    if (buffer_has_written(other, 0, other->count) || buffer_has_written(b, 0, b->count)) return;
    expected = offset <= total && (size == ALL || size <= total - offset);
    note("buffer: append %zu+%zu of %d to %d", offset, size, from, which);
    BOTH made[s] = b->handle[s];
    if (!expected) {
        met[APPEND_REGION_OF_A_BAD_RANGE]++;
        AGREE(!framewire.append_region(&made[FRAMEWIRE], other->handle[FRAMEWIRE], offset, size), "framewire: done");
        AGREE(made[FRAMEWIRE] == b->handle[FRAMEWIRE], "framewire: the buffer was replaced");
        return;
    }
    if (other->refs == 1) end_maps_of(other);
    if (!is_region) {
        if (!buffer_writable(b))
            for (int i = 0; i < b->count; i++)
                if (b->memories[i]->size == 0) return;
        BOTH OUTCOME(1, sides[s]->append(&made[s], other->handle[s]));
    } else {
        void *part;
        if (!buffer_writable(b))
            for (int i = 0; i < b->count; i++)
                if (b->memories[i]->size == 0) return;
        met[APPEND_REGION_KEEPS_EMPTY_MEMORIES]++;
        AGREE(reference.copy_region(other->handle[REFERENCE], COPY_MEMORY, offset, size, &part), "reference: no region");
        reference.buffer_unref(other->handle[REFERENCE]);
        reference.append(&made[REFERENCE], part);
        AGREE(framewire.append_region(&made[FRAMEWIRE], other->handle[FRAMEWIRE], offset, size), "framewire: refused");
    }
    if (!buffer_writable(b)) {
        result = buffer_copy_all(b, 0);
        buffer_drop(b);
    }
    BOTH result->handle[s] = made[s];
    if (is_region) {
        buffer_copy_model(result, other, COPY_MEMORY, offset, size);
    } else {
        int is_copied = other->refs > 1;
        for (int i = 0; i < other->count; i++) {
            memory *m = other->memories[i];
            /* To move memories out of a shared buffer is to copy it first. */
            if (is_copied && m->size == 0) continue;
            buffer_put(result, result->count,
                       (m->flags & MEMORY_NO_SHARE) && is_copied ? memory_copy_of(m, 0, m->size) : memory_take(m));
        }
    }
    buffer_drop(other);
    buffers[which] = result;
    buffers[from] = NULL;
}

/* The windows that a resize comes to; 0 if one of them would leave its block. */
static int resize_is_possible(const buffer *b, size_t index, ptrdiff_t count, ptrdiff_t offset, size_t size) {
    ptrdiff_t end, left = (ptrdiff_t)size, total = 0;
    if (!range_is_valid(b, index, count)) return 0;
    end = count < 0 ? b->count : (ptrdiff_t)index + count;
    for (ptrdiff_t i = (ptrdiff_t)index; i < end; i++) total += (ptrdiff_t)b->memories[i]->size;
    if (size == ALL) left = total - offset;
    if (left < 0) return 0;
    if (offset == 0 && left == total) return 1;
    if (b->count == 0) return 0;
    for (ptrdiff_t i = (ptrdiff_t)index; i < end; i++) {
        const memory *m = b->memories[i];
        ptrdiff_t have = (ptrdiff_t)m->size, keep, next = 0, start;
        if (i + 1 == end) keep = left;
        else if (have <= offset) {
            keep = 0;
            next = offset - have;
            offset = 0;
        } else keep = have - offset < left ? have - offset : left;
        start = (ptrdiff_t)m->offset + offset;
        if (start < 0 || start + keep > (ptrdiff_t)m->max || keep < 0) return 0;
        offset = next;
        left -= keep;
    }
    return 1;
}

/* Whether the reference moves the window of a read-only memory in place that is replaced by a share here. */
static int moves_in_place(const buffer *b, size_t index, ptrdiff_t count) {
    ptrdiff_t end = count < 0 ? b->count : (ptrdiff_t)index + count;
    for (ptrdiff_t i = (ptrdiff_t)index; i < end; i++) {
        const memory *m = b->memories[i];
        int here = 0;
        for (ptrdiff_t j = i; j < end; j++) here += b->memories[j] == m;
        /* At the last of several places here, the others are replaced already. */
        if (!memory_writable(m) && m->shares + m->places <= here) return 1;
    }
    return 0;
}

/* Brings the reference to where the oracle is. */
static void follow_resize(buffer *b, memory *const *old, const size_t *offsets, int is_moved) {
    void *handle = b->handle[REFERENCE];
    if (is_moved) met[READ_ONLY_WINDOW_MOVES]++;
    for (int i = 0; i < b->count; i++) {
        memory *m = b->memories[i];
        void *now = reference.peek(handle, (size_t)i), *part;
        if (m == old[i]) {
            if (m->offset != offsets[i] || m->size != reference.memory_sizes(now, NULL, NULL))
                AGREE(reference.memory_resize(now, (ptrdiff_t)(m->offset - offsets[i]), m->size), "reference: refused");
        } else {
            if (m->root == NULL) {
                map open;
                reference.memory_new(m->size, 1, 0, 0, 0, &part);
                reference.memory_map(part, MAP_WRITE, &open);
                memcpy(open.data, memory_bytes(m), m->size);
                reference.memory_unmap(part, &open);
            } else {
                reference.memory_share(now, m->offset - offsets[i], m->size, &part);
            }
            AGREE(reference.replace_range(handle, (size_t)i, 1, part), "reference: refused");
        }
    }
}

static void resize(int which) {
    buffer *b = buffers[which];
    size_t index, size, total = buffer_size_of(b), first = 0, max = 0, reference_size;
    ptrdiff_t count, offset;
    memory *old[MOST_MEMORIES];
    size_t offsets[MOST_MEMORIES];
    int expected, is_valid, in_reference, is_followed, old_count;
    random_range(b, &index, &count);
    if (one_in(2)) {
        index = 0;
        count = -1;
    }
    is_valid = range_is_valid(b, index, count);
    offset = one_in(3) ? 0 : (ptrdiff_t)below((unsigned)total + 4) - 3;
    size = one_in(3) ? ALL : below((unsigned)total + 6);
    note("buffer: resize %zu+%td of %d (%zu bytes) by %td to %zd", index, count, which, total, offset, (ptrdiff_t)size);
    expected = buffer_writable(b) && resize_is_possible(b, index, count, offset, size);
    /* What the reference checks: the sums. */
    reference_size = is_valid ? reference.sizes_range(b->handle[REFERENCE], index, count, &first, &max) : 0;
    in_reference = is_valid && (ptrdiff_t)first + offset >= 0 && first + (size_t)offset <= max
                   && (size != ALL ? first + (size_t)offset + size <= max : (ptrdiff_t)reference_size >= offset);
    if (buffer_writable(b) && in_reference && !expected) {
        met[RESIZE_HALF_DONE]++;
        AGREE(!framewire.resize_range(b->handle[FRAMEWIRE], index, count, offset, size), "framewire: done");
        return;
    }
    if (expected && !in_reference) met[ROOM_THAT_CANNOT_BE_REACHED]++;
    is_followed = expected && (!in_reference || moves_in_place(b, index, count));
    for (int i = 0; i < b->count; i++) {
        old[i] = memory_take(b->memories[i]);
        offsets[i] = old[i]->offset;
    }
    old_count = b->count;
    BOTH {
        size_t wanted = size;
        if (s == REFERENCE && is_followed) continue;
        if (s == REFERENCE && size == ALL && offset < 0 && is_valid) {
            met[NEGATIVE_RESIZE_TO_THE_END]++;
            wanted = (size_t)((ptrdiff_t)reference_size - offset);
        }
        if (s == REFERENCE && rest_from_beyond(b, index, count)) continue;
        OUTCOME(expected, sides[s]->resize_range(b->handle[s], index, count, offset, wanted));
    }
    if (expected) buffer_resize_model(b, index, count, offset, size);
    if (is_followed) follow_resize(b, old, offsets, in_reference);
    for (int i = 0; i < old_count; i++) memory_drop(old[i]);
}

static void set_size(int which) {
    buffer *b = buffers[which];
    size_t size = below((unsigned)buffer_size_of(b) + 4), first = 0, max = 0;
    int expected = buffer_writable(b) && resize_is_possible(b, 0, -1, 0, size);
    note("buffer: set size of %d to %zu", which, size);
    reference.sizes_range(b->handle[REFERENCE], 0, -1, &first, &max);
    if (expected && (moves_in_place(b, 0, -1) || first + size > max)) return;
    if (buffer_writable(b) && !expected && first + size <= max) {
        met[RESIZE_HALF_DONE]++;
        AGREE(!framewire.set_size(b->handle[FRAMEWIRE], size), "framewire: done");
        return;
    }
    BOTH OUTCOME(expected, sides[s]->set_size(b->handle[s], size));
    if (expected) buffer_resize_model(b, 0, -1, 0, size);
}

/* A buffer whose only memory is wrapped, so that it is seen when it goes. */
static buffer *make_parent(void) {
    buffer *parent = buffer_make();
    memory *m = memory_make(4, 0, 4, 0);
    m->released = calloc(SIDES, sizeof *m->released);
    BOTH {
        void *block;
        m->foreign[s] = calloc(1, 4);
        OUTCOME(1, sides[s]->memory_wrap(m->foreign[s], 4, 0, 4, 0, &m->released[s], &block));
        OUTCOME(1, sides[s]->buffer_new(&parent->handle[s]));
        OUTCOME(1, sides[s]->insert(parent->handle[s], -1, block));
    }
    buffer_put(parent, 0, m);
    return parent;
}

static void change_metas(int which) {
    buffer *b = buffers[which], *parent = NULL;
    int expected = buffer_writable(b), kind = (int)below(META_KINDS), place = (int)below((unsigned)b->meta_count + 1);
    uint64_t number = random_bits();
    BOTH AGREE(sides[s]->count_metas(b->handle[s], kind) == sides[0]->count_metas(b->handle[0], kind),
               "%s: another number of metas of a kind", sides[s]->name);
    switch (below(5)) {
    case 0:
    case 1:
        if (b->meta_count >= MOST_METAS / 2) return;
        note("buffer: add meta of kind %d to %d", kind, which);
        if (kind == META_PARENT) parent = make_parent();
        if (kind == META_TIMESTAMP) number >>= 1; /* above that are times that are none */
        BOTH OUTCOME(expected, sides[s]->add_meta(b->handle[s], kind, number, parent ? parent->handle[s] : NULL));
        if (expected) buffer_add_meta_model(b, kind, number, parent);
        if (parent == NULL) return;
        BOTH sides[s]->buffer_unref(parent->handle[s]);
        buffer_drop(parent);
        return;
    case 2:
        if (!expected || place >= b->meta_count || !one_in(3)) return;
        note("buffer: lock meta %d of %d", place, which);
        BOTH OUTCOME(1, sides[s]->lock_meta(b->handle[s], place));
        b->metas[place].locked = 1;
        return;
    default:
        note("buffer: remove meta %d of %d", place, which);
        expected = expected && place < b->meta_count && !b->metas[place].locked;
        BOTH OUTCOME(expected, sides[s]->remove_meta(b->handle[s], place));
        if (expected) buffer_remove_meta_model(b, place);
    }
}

void buffer_operation(void) {
    int which = any_buffer();
    if (which < 0 || one_in(12)) {
        make_buffer();
        return;
    }
    switch (below(42)) {
    case 0: share_buffer(which); return;
    case 1:
    case 2: make_writable(which); return;
    case 3:
    case 4:
    case 5:
    case 6:
    case 7: insert(which); return;
    case 8: replace(which); return;
    case 9: replace_nothing(which); return;
    case 10: remove_range(which); return;
    case 40: insert_span(which); return;
    case 11: one_in(6) ? remove_all(which) : look(which); return;
    case 12:
    case 13: get_range(which); return;
    case 14: look(which); return;
    case 15:
    case 16:
    case 17:
    case 18: map_buffer(which); return;
    case 19:
    case 20: write_bytes(which, 0); return;
    case 21: write_bytes(which, 1); return;
    case 22: read_bytes(which); return;
    case 23: keep_times(which); return;
    case 24: copy_whole(which, 0); return;
    case 25: copy_whole(which, 1); return;
    case 26:
    case 27:
    case 28: copy_region(which, -1); return;
    case 29: copy_region(which, any_buffer()); return;
    case 30: append(which, 0); return;
    case 31: append(which, 1); return;
    case 32:
    case 33: resize(which); return;
    case 34: set_size(which); return;
    case 35:
    case 36:
    case 37: change_metas(which); return;
    default:
        note("buffer: drop %d", which);
        drop_buffer_slot(which);
    }
}
