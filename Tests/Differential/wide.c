/*
 * Buffers of more memories than the reference can hold. It merges them, so the memories differ, but never the bytes: these are what
 * is compared here, with each other and with an array.
 */
#include "trace.h"

#include <string.h>

#define BOTH for (int s = 0; s < SIDES; s++)

enum { MOST_BYTES = 6000, STEPS = 120 };

static void *wide[SIDES];
static unsigned char content[MOST_BYTES];
static size_t size;

static void check_content(void *const of[SIDES]) {
    static unsigned char found[MOST_BYTES + 1];
    BOTH {
        AGREE(sides[s]->extract(of[s], 0, found, sizeof found) == size, "%s: another size", sides[s]->name);
        AGREE(memcmp(found, content, size) == 0, "%s: other bytes", sides[s]->name);
        AGREE(size == 0 || sides[s]->compare(of[s], 0, content, size) == 0, "%s: compares as different", sides[s]->name);
    }
}

/* In the middle only while both have the same memories and the reference has room: it loses memories otherwise. */
static void insert_one(void) {
    unsigned char bytes[30];
    size_t count = framewire.memory_count(wide[FRAMEWIRE]), length = below(sizeof bytes), start = size;
    size_t offset, room;
    ptrdiff_t index = -1;
    if (size + length > MOST_BYTES) return;
    if (one_in(4)) {
        index = 0;
        start = 0;
    } else if (count < MOST_IN_REFERENCE && reference.memory_count(wide[REFERENCE]) == count && one_in(2)) {
        index = (ptrdiff_t)below((unsigned)count + 1);
        start = framewire.sizes_range(wide[FRAMEWIRE], 0, index, &offset, &room);
        if (reference.sizes_range(wide[REFERENCE], 0, index, &offset, &room) != start) return;
    }
    random_bytes(bytes, length);
    note("wide: insert %zu bytes at %td of %zu", length, index, count);
    BOTH {
        void *memory;
        map open;
        AGREE(sides[s]->memory_new(length, 16, 0, 0, 0, &memory), "%s: no memory", sides[s]->name);
        AGREE(sides[s]->memory_map(memory, MAP_WRITE, &open), "%s: no map", sides[s]->name);
        memcpy(open.data, bytes, length);
        sides[s]->memory_unmap(memory, &open);
        AGREE(sides[s]->insert(wide[s], index, memory), "%s: refused", sides[s]->name);
    }
    memmove(content + start + length, content + start, size - start);
    memcpy(content + start, bytes, length);
    size += length;
}

static void write_some(void) {
    unsigned char bytes[300];
    size_t offset = below((unsigned)size + 1), length = below(sizeof bytes), fits = size - offset < length ? size - offset : length;
    int is_fill = one_in(2);
    random_bytes(bytes, sizeof bytes);
    note("wide: %s %zu bytes at %zu", is_fill ? "fill" : "set", length, offset);
    if (!is_fill) memset(bytes, *bytes, sizeof bytes);
    BOTH {
        size_t done = 0;
        AGREE(is_fill ? sides[s]->fill(wide[s], offset, bytes, length, &done)
                      : sides[s]->set_bytes(wide[s], offset, *bytes, length, &done), "%s: refused", sides[s]->name);
        AGREE(done == fits, "%s: %zu bytes", sides[s]->name, done);
    }
    memcpy(content + offset, bytes, fits);
}

static void map_all(void) {
    unsigned how = one_in(2) ? MAP_READ : MAP_BOTH;
    unsigned char byte = (unsigned char)random_bits();
    size_t place = size > 0 ? below((unsigned)size) : 0;
    note("wide: map %u", how);
    BOTH {
        map open;
        AGREE(sides[s]->map_range(wide[s], 0, -1, how, &open), "%s: refused", sides[s]->name);
        AGREE(open.size == size && memcmp(open.data, content, size) == 0, "%s: other bytes", sides[s]->name);
        if (how == MAP_BOTH && size > 0) ((unsigned char *)open.data)[place] = byte;
        sides[s]->unmap(wide[s], &open);
    }
    if (how == MAP_BOTH && size > 0) content[place] = byte;
}

static void trim(void) {
    size_t offset = below((unsigned)size / 8 + 1), length = size - offset - below((unsigned)(size - offset) / 8 + 1);
    note("wide: trim to %zu+%zu", offset, length);
    BOTH AGREE(sides[s]->resize_range(wide[s], 0, -1, (ptrdiff_t)offset, length), "%s: refused", sides[s]->name);
    memmove(content, content + offset, length);
    size = length;
}

/* What is written to a copy leaves the original alone, and the other way round. */
static void copy_and_write(void) {
    void *copy[SIDES];
    unsigned char byte = 0xEE;
    size_t done;
    int deep = one_in(4);
    note("wide: copy and write, %s", deep ? "deep" : "shallow");
    BOTH {
        AGREE(sides[s]->copy(wide[s], deep, &copy[s]), "%s: no copy", sides[s]->name);
        AGREE(size == 0 || sides[s]->fill(copy[s], size / 2, &byte, 1, &done), "%s: refused", sides[s]->name);
    }
    check_content(wide);
    if (size > 0) content[size / 2] = byte;
    BOTH {
        sides[s]->buffer_unref(wide[s]);
        wide[s] = copy[s];
    }
}

static void take_region(void) {
    size_t offset = below((unsigned)size / 4 + 1), length = size - offset - below((unsigned)(size - offset) / 4 + 1);
    note("wide: region %zu+%zu", offset, length);
    BOTH {
        void *part;
        AGREE(sides[s]->copy_region(wide[s], COPY_MEMORY, offset, length, &part), "%s: no region", sides[s]->name);
        sides[s]->buffer_unref(wide[s]);
        wide[s] = part;
    }
    memmove(content, content + offset, length);
    size = length;
}

static void append_itself(void) {
    if (size * 2 > MOST_BYTES) return;
    note("wide: append a copy");
    BOTH {
        void *copy;
        AGREE(sides[s]->copy(wide[s], 0, &copy), "%s: no copy", sides[s]->name);
        AGREE(sides[s]->append(&wide[s], copy), "%s: refused", sides[s]->name);
    }
    memcpy(content + size, content, size);
    size *= 2;
}

void wide_trace(void) {
    size = 0;
    BOTH AGREE(sides[s]->buffer_new(&wide[s]), "%s: no buffer", sides[s]->name);
    for (int step = 0; step < STEPS; step++) {
        switch (below(24)) {
        case 0: map_all(); break;
        case 1: trim(); break;
        case 2: copy_and_write(); break;
        case 3: take_region(); break;
        case 4: append_itself(); break;
        case 5:
        case 6: write_some(); break;
        default: insert_one();
        }
        check_content(wide);
        if (framewire.memory_count(wide[FRAMEWIRE]) > MOST_IN_REFERENCE) met[CAP_OF_16]++;
    }
    BOTH sides[s]->buffer_unref(wide[s]);
}
