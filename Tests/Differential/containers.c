/* Random operations on lists of buffers, and traces of a pool. */
#include "trace.h"

#include <stdlib.h>
#include <string.h>

#define BOTH for (int s = 0; s < SIDES; s++)
#define OUTCOME(expected, call)                                                                                      \
    do {                                                                                                             \
        int was_done = (call);                                                                                       \
        AGREE(!was_done == !(expected), "%s: %s", sides[s]->name, was_done ? "done" : "refused");                    \
    } while (0)

static list **free_list_slot(void) {
    int slot;
    for (slot = 0; slot < LIST_SLOTS; slot++)
        if (lists[slot] == NULL) return &lists[slot];
    slot = (int)below(LIST_SLOTS);
    drop_list_slot(slot);
    return &lists[slot];
}

static list *make_list(void) {
    list *l = calloc(1, sizeof *l);
    if (l == NULL) abort();
    l->refs = 1;
    return l;
}

static void new_list(void) {
    list *l = make_list(), **slot;
    note("list: make");
    BOTH OUTCOME(1, sides[s]->list_new(&l->handle[s]));
    slot = free_list_slot();
    *slot = l;
}

static void share_list(int which) {
    list *l = lists[which], **slot;
    if (l->refs > 2) return;
    note("list: one more owner of %d", which);
    BOTH sides[s]->list_ref(l->handle[s]);
    l->refs++;
    slot = free_list_slot();
    *slot = l;
}

/* A buffer of one list at most: with two, the reference never calls it writable again. */
static int is_listed(const buffer *b) {
    for (int i = 0; i < LIST_SLOTS; i++)
        for (int j = 0; lists[i] != NULL && j < lists[i]->count; j++)
            if (lists[i]->items[j] == b) return 1;
    return 0;
}

static void insert(int which) {
    list *l = lists[which];
    int from = any_buffer(), index = (int)below((unsigned)l->count + 4) - 2, expected;
    buffer *b;
    if (from < 0 || l->count >= MOST_LISTED || is_listed(buffers[from])) return;
    b = buffers[from];
    expected = l->refs == 1 && index >= -1 && index <= l->count;
    note("list: insert buffer %d at %d of %d (%d buffers)", from, index, which, l->count);
    BOTH {
        if (s == REFERENCE && (index < -1 || index > l->count)) {
            met[LIST_PLACES_ARE_NOT_CHECKED]++;
            continue;
        }
        OUTCOME(expected, sides[s]->list_insert(l->handle[s], index, b->handle[s]));
    }
    if (!expected) return;
    if (index < 0) index = l->count;
    memmove(l->items + index + 1, l->items + index, (size_t)(l->count - index) * sizeof *l->items);
    l->items[index] = b;
    l->count++;
    buffers[from] = NULL;
}

static void cut(list *l, int index, int count) {
    for (int i = index; i < index + count; i++) {
        if (l->items[i]->refs == 1) end_maps_of(l->items[i]);
        buffer_drop(l->items[i]);
    }
    memmove(l->items + index, l->items + index + count, (size_t)(l->count - index - count) * sizeof *l->items);
    l->count -= count;
}

static void end_maps_in(const list *l) {
    for (int i = 0; i < l->count; i++) end_maps_of(l->items[i]);
}

static void remove_range(int which) {
    list *l = lists[which];
    size_t index = below((unsigned)l->count + 2), count = one_in(2) ? 1 : below((unsigned)l->count + 2);
    int expected = l->refs == 1 && index < (size_t)l->count && count <= (size_t)l->count - index;
    note("list: remove %zu+%zu of %d (%d buffers)", index, count, which, l->count);
    if (index == (size_t)l->count && count == 0) return;
    end_maps_in(l);
    BOTH OUTCOME(expected, sides[s]->list_remove(l->handle[s], index, count));
    if (expected) cut(l, (int)index, (int)count);
}

static void get_writable(int which) {
    list *l = lists[which];
    size_t index = below((unsigned)l->count + 1);
    int expected = l->refs == 1 && index < (size_t)l->count;
    /* Its copy would differ; traces of buffers look at that. */
    for (int i = 0; expected && i < l->items[index]->count; i++)
        if (l->items[index]->memories[i]->size == 0) return;
    void *made[SIDES] = {NULL, NULL};
    buffer *b;
    note("list: get buffer %zu of %d to write", index, which);
    BOTH OUTCOME(expected, sides[s]->list_get_writable(l->handle[s], index, &made[s]));
    if (!expected) return;
    b = l->items[index];
    BOTH AGREE((made[s] == b->handle[s]) == (b->refs == 1), "%s: %s", sides[s]->name,
               b->refs == 1 ? "copied" : "not copied");
    if (b->refs > 1) {
        buffer *copy = buffer_copy_all(b, 0);
        buffer_drop(b);
        l->items[index] = b = copy;
        BOTH b->handle[s] = made[s];
    }
    b->fields[FIELD_PTS] = random_bits() >> 3;
    BOTH sides[s]->set_field(b->handle[s], FIELD_PTS, b->fields[FIELD_PTS]);
}

/* Takes a buffer of the list into a slot: another owner. */
static void take_buffer(int which) {
    list *l = lists[which];
    buffer *b, **slot;
    int index;
    if (l->count == 0) return;
    index = (int)below((unsigned)l->count);
    b = l->items[index];
    if (b->refs > 3) return;
    note("list: take buffer %d of %d", index, which);
    BOTH sides[s]->buffer_ref(b->handle[s]);
    buffer_take(b);
    slot = free_buffer_slot();
    *slot = b;
}

static void make_writable(int which) {
    list *l = lists[which], *copy;
    void *made[SIDES];
    /* The reference then has its buffers in two lists at once, and stays with that. */
    if (l->refs > 1 && l->count > 0) return;
    note("list: make %d writable", which);
    BOTH {
        made[s] = l->handle[s];
        OUTCOME(1, sides[s]->list_make_writable(&made[s]));
        AGREE((made[s] == l->handle[s]) == (l->refs == 1), "%s: copied or not", sides[s]->name);
    }
    if (l->refs == 1) return;
    copy = make_list();
    BOTH copy->handle[s] = made[s];
    drop_list(l);
    lists[which] = copy;
}

static void copy_list(int which, int deep) {
    list *l = lists[which], *copy, **slot;
    void *made[SIDES];
    if (!deep && l->count > 0) {
        /* Looked at and dropped at once, for the same reason. */
        note("list: shallow copy of %d", which);
        BOTH {
            OUTCOME(1, sides[s]->list_copy(l->handle[s], 0, &made[s]));
            AGREE(sides[s]->list_length(made[s]) == (size_t)l->count, "%s: the copy has another length", sides[s]->name);
            for (int i = 0; i < l->count; i++)
                AGREE(sides[s]->list_get(made[s], (size_t)i) == l->items[i]->handle[s], "%s: the copy has other buffers",
                      sides[s]->name);
            AGREE(l->count == 0 || !sides[s]->buffer_is_writable(sides[s]->list_get(made[s], 0)),
                  "%s: a buffer of two lists is writable", sides[s]->name);
            sides[s]->list_unref(made[s]);
        }
        return;
    }
    note("list: deep copy of %d", which);
    BOTH OUTCOME(1, sides[s]->list_copy(l->handle[s], deep, &made[s]));
    copy = make_list();
    BOTH copy->handle[s] = made[s];
    for (int i = 0; i < l->count; i++) copy->items[copy->count++] = buffer_copy_all(l->items[i], 1);
    slot = free_list_slot();
    *slot = copy;
}

static void walk(int which) {
    list *l = lists[which];
    uint32_t removed = one_in(2) ? 0 : (uint32_t)random_bits();
    size_t last = one_in(3) ? below((unsigned)l->count + 1) : 100;
    int ends = (size_t)l->count > last, place = 0;
    note("list: walk through %d (%d buffers), remove %x, stop after %zu", which, l->count, removed, last);
    if (l->refs > 1 && removed != 0) {
        met[SHARED_LIST_IS_CHANGED]++;
        framewire.list_foreach(l->handle[FRAMEWIRE], removed, last);
        return;
    }
    end_maps_in(l);
    BOTH OUTCOME(!ends, sides[s]->list_foreach(l->handle[s], removed, last));
    for (int i = 0; i < l->count; place++) {
        if ((size_t)place > last) break;
        if (removed >> place & 1) cut(l, i, 1);
        else i++;
    }
}

static void measure(int which) {
    list *l = lists[which];
    size_t size = 0;
    note("list: size of %d", which);
    for (int i = 0; i < l->count; i++) size += buffer_size_of(l->items[i]);
    BOTH AGREE(sides[s]->list_size(l->handle[s]) == size, "%s: %zu bytes; it should be %zu", sides[s]->name,
               sides[s]->list_size(l->handle[s]), size);
}

void list_operation(void) {
    int which = any_list();
    if (which < 0 || one_in(20)) {
        new_list();
        return;
    }
    switch (below(16)) {
    case 0: share_list(which); return;
    case 1: make_writable(which); return;
    case 2:
    case 3: get_writable(which); return;
    case 4: take_buffer(which); return;
    case 5: copy_list(which, 0); return;
    case 6: copy_list(which, 1); return;
    case 7: walk(which); return;
    case 8: measure(which); return;
    case 9:
    case 10: remove_range(which); return;
    case 11:
        note("list: drop %d", which);
        drop_list_slot(which);
        return;
    default: insert(which);
    }
}

/* Pools */

enum { MOST_OUT = 8 };

typedef struct lent {
    void *handle[SIDES];
    int changed; /* it cannot go back into the pool */
} lent;

static void random_settings(pool_settings *settings) {
    memset(settings, 0, sizeof *settings);
    settings->size = 1 + below(200);
    settings->min = below(3);
    settings->max = one_in(3) ? 0 : settings->min + 1 + below(4);
    settings->prefix = below(16);
    settings->padding = below(16);
    settings->alignment = (size_t)16 << below(4);
}

static void check_lent(const lent *one, const pool_settings *settings) {
    BOTH {
        const side *lib = sides[s];
        size_t offset = 0, max = 0;
        map open;
        AGREE(lib->buffer_is_writable(one->handle[s]), "%s: an acquired buffer is not writable", lib->name);
        AGREE(lib->memory_count(one->handle[s]) == 1, "%s: an acquired buffer has %zu memories", lib->name,
              lib->memory_count(one->handle[s]));
        AGREE(lib->sizes_range(one->handle[s], 0, -1, &offset, &max) == settings->size
                  && (offset == settings->prefix || s == REFERENCE)
                  && max == settings->size + settings->prefix + settings->padding,
              "%s: an acquired buffer has another window", lib->name);
        if (offset != settings->prefix) met[POOL_FORGETS_THE_PREFIX]++;
        for (int i = 0; i < FIELDS; i++)
            AGREE(lib->field(one->handle[s], i) == NO_TIME, "%s: an acquired buffer has field %d", lib->name, i);
        AGREE(lib->flags(one->handle[s]) == 0, "%s: an acquired buffer has flags", lib->name);
        AGREE(lib->count_metas(one->handle[s], META_PLAIN) == 0, "%s: an acquired buffer has a meta", lib->name);
        AGREE(lib->map_range(one->handle[s], 0, -1, MAP_WRITE, &open), "%s: an acquired buffer cannot be mapped", lib->name);
        AGREE(s == REFERENCE || ((uintptr_t)open.data - settings->prefix) % settings->alignment == 0, "%s: is not aligned", lib->name);
        memset(open.data, 1, open.size);
        lib->unmap(one->handle[s], &open);
    }
}

/* Does something to a lent buffer that goes away when it returns, or keeps it from returning. */
static void change_lent(lent *one, const pool_settings *settings) {
    int how = (int)below(5);
    void *memory;
    note("pool: change a lent buffer, way %d", how);
    BOTH {
        switch (how) {
        case 0:
            for (int i = 0; i < FIELDS; i++) sides[s]->set_field(one->handle[s], i, 7);
            for (int i = 0; i < BUFFER_FLAGS; i++) sides[s]->change_flag(one->handle[s], i, 1);
            break;
        case 1: OUTCOME(1, sides[s]->add_meta(one->handle[s], META_PLAIN, 3, NULL)); break;
        case 2:
            if (sides[s]->memory_count(one->handle[s]) == 1 && !one->changed)
                OUTCOME(1, sides[s]->resize_range(one->handle[s], 0, -1, 0, settings->size / 2));
            break;
        case 3: OUTCOME(1, sides[s]->remove_all(one->handle[s])); break;
        default:
            OUTCOME(1, sides[s]->memory_new(10, 16, 0, 0, 0, &memory));
            OUTCOME(1, sides[s]->insert(one->handle[s], -1, memory));
        }
    }
    if (how >= 3) one->changed = 1;
}

void pool_trace(void) {
    pool_settings settings, other;
    void *pool[SIDES];
    lent out[MOST_OUT];
    int count = 0, active = 0, flushing = 0;
    random_settings(&settings);
    note("pool: make, %zu bytes, %zu to %zu", settings.size, settings.min, settings.max);
    BOTH OUTCOME(1, sides[s]->pool_new(&settings, &pool[s]));
    for (int step = 0; step < 60; step++) {
        int which, expected;
        void *made[SIDES];
        switch (below(12)) {
        case 0:
            if (active && !one_in(4)) break;
            note("pool: set active %d", !active);
            /* The reference stays started until the last buffer is back; both lend again only when activated. */
            active = !active;
            BOTH OUTCOME(1, sides[s]->pool_set_active(pool[s], active));
            flushing = 0;
            break;
        case 1:
            if (!active) break;
            flushing = !flushing;
            note("pool: set flushing %d", flushing);
            BOTH OUTCOME(1, sides[s]->pool_set_flushing(pool[s], flushing));
            break;
        case 2:
            random_settings(&other);
            expected = !active && count == 0;
            note("pool: configure");
            BOTH OUTCOME(expected, sides[s]->pool_configure(pool[s], &other));
            if (expected) settings = other;
            break;
        case 3:
        case 4:
        case 5:
        case 6:
            if (count == MOST_OUT) break;
            expected = active && !flushing && (settings.max == 0 || (size_t)count < settings.max);
            note("pool: acquire (%d out of %zu)", count, settings.max);
            BOTH OUTCOME(expected, sides[s]->pool_acquire(pool[s], &made[s]));
            if (!expected) break;
            BOTH out[count].handle[s] = made[s];
            out[count].changed = 0;
            check_lent(&out[count], &settings);
            count++;
            break;
        case 7:
        case 8:
            if (count == 0) break;
            change_lent(&out[below((unsigned)count)], &settings);
            break;
        case 9:
            /* A region keeps the buffer out as long as it lives; the reference throws the buffer away. */
            if (count == 0) break;
            which = (int)below((unsigned)count);
            if (out[which].changed) break;
            note("pool: drop a buffer before a region of it");
            met[REGION_OF_A_POOLED_BUFFER]++;
            BOTH {
                OUTCOME(1, sides[s]->copy_region(out[which].handle[s], COPY_MEMORY, 0, ALL, &made[s]));
                sides[s]->buffer_unref(out[which].handle[s]);
            }
            if (settings.max != 0 && (size_t)count == settings.max) {
                void *more;
                AGREE(!framewire.pool_acquire(pool[FRAMEWIRE], &more), "framewire: the region let the buffer go");
            }
            BOTH sides[s]->buffer_unref(made[s]);
            out[which] = out[--count];
            break;
        default:
            if (count == 0) break;
            which = (int)below((unsigned)count);
            note("pool: release a buffer");
            BOTH sides[s]->buffer_unref(out[which].handle[s]);
            out[which] = out[--count];
        }
    }
    note("pool: free with %d buffers out", count);
    if (one_in(2)) {
        BOTH sides[s]->pool_free(pool[s]);
        while (count > 0) {
            count--;
            BOTH sides[s]->buffer_unref(out[count].handle[s]);
        }
    } else {
        while (count > 0) {
            count--;
            BOTH sides[s]->buffer_unref(out[count].handle[s]);
        }
        BOTH sides[s]->pool_free(pool[s]);
    }
}
