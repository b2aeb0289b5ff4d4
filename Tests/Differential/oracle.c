#include "oracle.h"

#include <stdlib.h>
#include <string.h>

long memories_alive, buffers_alive;

/* Wrapped bytes that are gone here, and may not be in the libraries before the step is over. */
static struct {
    int *released;
    void *foreign[SIDES];
} gone[256];
static int gone_count;

memory *memory_make(size_t max, size_t offset, size_t size, unsigned flags) {
    memory *m = calloc(1, sizeof *m);
    if (m == NULL || (m->bytes = calloc(1, max ? max : 1)) == NULL) abort();
    m->refs = 1;
    m->max = max;
    m->offset = offset;
    m->size = size;
    m->flags = flags;
    memories_alive++;
    return m;
}

memory *memory_take(memory *m) {
    m->refs++;
    return m;
}

void memory_drop(memory *m) {
    memory *root = m->root;
    if (--m->refs > 0) return;
    if (m->released != NULL) {
        if (gone_count == 256) abort();
        gone[gone_count].released = m->released;
        memcpy(gone[gone_count++].foreign, m->foreign, sizeof m->foreign);
    }
    free(m->bytes);
    free(m);
    memories_alive--;
    if (root != NULL) {
        root->shares--;
        memory_drop(root);
    }
}

int releases_are_complete(void) {
    int complete = 1;
    for (int i = 0; i < gone_count; i++) {
        complete = complete && gone[i].released[REFERENCE] == 1 && gone[i].released[FRAMEWIRE] == 1;
        free(gone[i].released);
        for (int s = 0; s < SIDES; s++) free(gone[i].foreign[s]);
    }
    gone_count = 0;
    return complete;
}

memory *memory_share_of(memory *m, size_t offset, size_t size) {
    memory *root = m->root ? m->root : m;
    memory *share = calloc(1, sizeof *share);
    if (share == NULL) abort();
    share->refs = 1;
    share->root = memory_take(root);
    share->offset = m->offset + offset;
    share->size = size;
    share->max = root->max;
    share->flags = root->flags | MEMORY_READ_ONLY;
    root->shares++;
    memories_alive++;
    return share;
}

unsigned char *memory_bytes(const memory *m) { return (m->root ? m->root->bytes : m->bytes) + m->offset; }

memory *memory_copy_of(const memory *m, size_t offset, size_t size) {
    memory *copy = memory_make(size, 0, size, 0);
    memcpy(copy->bytes, memory_bytes(m) + offset, size);
    return copy;
}

int memory_writable(const memory *m) {
    return m->root == NULL && !(m->flags & MEMORY_READ_ONLY) && m->shares == 0 && m->places <= 1;
}

int memory_is_exclusive(const memory *m) { return m->shares + m->places <= 1; }

int memory_maps(const memory *m) { return m->maps[MAP_READ] + m->maps[MAP_WRITE] + m->maps[MAP_BOTH]; }
int memory_is_written(const memory *m) { return m->maps[MAP_WRITE] + m->maps[MAP_BOTH] > 0; }

int memory_admits(const memory *m, unsigned how) {
    if ((how & MAP_WRITE) && !memory_writable(m)) return 0;
    if (memory_maps(m) == 0 || m->maps[MAP_BOTH] > 0) return 1;
    return how != MAP_BOTH && m->maps[how] == memory_maps(m);
}

int memory_admits_in_reference(const memory *m, unsigned how) {
    if ((how & MAP_WRITE) && ((m->flags & MEMORY_READ_ONLY) || !memory_is_exclusive(m))) return 0;
    return m->reference_mode == 0 || (m->reference_mode & how) == how;
}

void memory_open(memory *m, unsigned how) {
    if (memory_maps(m) == 0) m->reference_mode = how;
    m->maps[how]++;
    memory_take(m);
}

void memory_close(memory *m, unsigned how) {
    m->maps[how]--;
    if (memory_maps(m) == 0) m->reference_mode = 0;
    memory_drop(m);
}

int memory_span(const memory *first, const memory *second) {
    const memory *block = first->root ? first->root : first;
    return block == (second->root ? second->root : second) && first->offset + first->size == second->offset;
}

int memory_span_in_reference(const memory *first, const memory *second) {
    return first->root != NULL && second->root != NULL && memory_span(first, second);
}

buffer *buffer_make(void) {
    buffer *b = calloc(1, sizeof *b);
    if (b == NULL) abort();
    b->refs = 1;
    for (int i = 0; i < FIELDS; i++) b->fields[i] = NO_TIME;
    buffers_alive++;
    return b;
}

buffer *buffer_take(buffer *b) {
    b->refs++;
    return b;
}

void buffer_drop(buffer *b) {
    if (--b->refs > 0) return;
    buffer_cut(b, 0, b->count);
    while (b->meta_count > 0) buffer_remove_meta_model(b, 0);
    free(b);
    buffers_alive--;
}

size_t buffer_size_of(const buffer *b) {
    size_t size = 0;
    for (int i = 0; i < b->count; i++) size += b->memories[i]->size;
    return size;
}

void buffer_bytes(const buffer *b, unsigned char *out) {
    for (int i = 0; i < b->count; i++) {
        memcpy(out, memory_bytes(b->memories[i]), b->memories[i]->size);
        out += b->memories[i]->size;
    }
}

void buffer_put(buffer *b, int index, memory *m) {
    if (b->count == MOST_MEMORIES) abort();
    memmove(b->memories + index + 1, b->memories + index, (size_t)(b->count - index) * sizeof *b->memories);
    b->memories[index] = m;
    b->count++;
    m->places++;
}

void buffer_cut(buffer *b, int index, int count) {
    for (int i = index; i < index + count; i++) {
        b->memories[i]->places--;
        memory_drop(b->memories[i]);
    }
    memmove(b->memories + index, b->memories + index + count,
            (size_t)(b->count - index - count) * sizeof *b->memories);
    b->count -= count;
}

void buffer_swap(buffer *b, int index, int count, memory *m) {
    buffer_cut(b, index, count);
    buffer_put(b, index, m);
}

int range_is_valid(const buffer *b, size_t index, ptrdiff_t count) {
    size_t present = (size_t)b->count;
    if (count == -1) return index < present || (present == 0 && index == 0);
    return count > 0 && index <= present && (size_t)count <= present - index;
}

int range_is_mixed_span(const buffer *b, int index, int count) {
    int is_span = count > 1, is_same = 1;
    for (int i = index + 1; i < index + count; i++) {
        is_span = is_span && memory_span(b->memories[i - 1], b->memories[i]);
        is_same = is_same && memory_span_in_reference(b->memories[i - 1], b->memories[i]);
    }
    return is_span && !is_same && !(b->memories[index]->flags & MEMORY_NO_SHARE);
}

int range_is_span(const buffer *b, int index, int count) {
    for (int i = index + 1; i < index + count; i++)
        if (!memory_span(b->memories[i - 1], b->memories[i])) return 0;
    return 1;
}

memory *buffer_merge(buffer *b, int index, int count) {
    size_t size = 0;
    unsigned char *to;
    memory *merged;
    if (count == 1) return memory_take(b->memories[index]);
    for (int i = index; i < index + count; i++) size += b->memories[i]->size;
    if (range_is_span(b, index, count) && !(b->memories[index]->flags & MEMORY_NO_SHARE)) return memory_share_of(b->memories[index], 0, size);
    merged = memory_make(size, 0, size, 0);
    to = merged->bytes;
    for (int i = index; i < index + count; i++) {
        memcpy(to, memory_bytes(b->memories[i]), b->memories[i]->size);
        to += b->memories[i]->size;
    }
    return merged;
}

memory *buffer_map_target(buffer *b, int index, int count, unsigned how) {
    memory *merged;
    if (count == 1 && memory_admits(b->memories[index], how)) return memory_take(b->memories[index]);
    /* Only what is shared or read-only is replaced; open maps are not to lose their memory. */
    for (int i = index; i < index + count; i++) {
        const memory *m = b->memories[i];
        if (memory_is_written(m) || (count == 1 && memory_writable(m))) return NULL;
    }
    merged = buffer_merge(b, index, count);
    if ((how & MAP_WRITE) && !memory_admits(merged, how)) {
        memory *copy = memory_copy_of(merged, 0, merged->size);
        memory_drop(merged);
        merged = copy;
    }
    /* To look at a span changes nothing. */
    if (b->refs == 1 && ((how & MAP_WRITE) || !range_is_span(b, index, count) || merged->root == NULL))
        buffer_swap(b, index, count, memory_take(merged));
    return merged;
}

size_t buffer_write(buffer *b, size_t offset, const unsigned char *from, size_t size) {
    size_t left = size;
    for (int i = 0; i < b->count && left > 0; i++) {
        memory *m = b->memories[i];
        size_t part = m->size > offset ? m->size - offset : 0;
        if (part > left) part = left;
        if (part == 0) {
            offset -= m->size;
            continue;
        }
        if (!memory_admits(m, MAP_WRITE)) {
            buffer_swap(b, i, 1, memory_copy_of(m, 0, m->size));
            m = b->memories[i];
        }
        memcpy(memory_bytes(m) + offset, from, part);
        from += part;
        left -= part;
        offset = 0;
    }
    return size - left;
}

int buffer_resize_model(buffer *b, size_t index, ptrdiff_t count, ptrdiff_t offset, size_t size) {
    ptrdiff_t total = 0, end, left = (ptrdiff_t)size;
    int is_writable[MOST_MEMORIES];
    if (!range_is_valid(b, index, count) || b->count == 0) return -1;
    end = count < 0 ? b->count : (ptrdiff_t)index + count;
    for (ptrdiff_t i = (ptrdiff_t)index; i < end; i++) {
        total += (ptrdiff_t)b->memories[i]->size;
        is_writable[i] = memory_writable(b->memories[i]);
    }
    if (size == ALL) left = total - offset;
    if (offset == 0 && left == total) return 1;
    for (ptrdiff_t i = (ptrdiff_t)index; i < end; i++) {
        memory *m = b->memories[i];
        ptrdiff_t keep, next = 0, have = (ptrdiff_t)m->size;
        if (i + 1 == end) keep = left;
        else if (have <= offset) {
            keep = 0;
            next = offset - have;
            offset = 0;
        } else keep = have - offset < left ? have - offset : left;
        if (offset != 0 || keep != have) {
            if (is_writable[i]) {
                m->offset = (size_t)((ptrdiff_t)m->offset + offset);
                m->size = (size_t)keep;
            } else {
                memory *window = (m->flags & MEMORY_NO_SHARE) ? memory_copy_of(m, (size_t)offset, (size_t)keep)
                                                              : memory_share_of(m, (size_t)offset, (size_t)keep);
                buffer_swap(b, (int)i, 1, window);
            }
        }
        offset = next;
        left -= keep;
    }
    return 1;
}

int buffer_copy_model(buffer *to, buffer *from, unsigned flags, size_t offset, size_t size) {
    size_t total = buffer_size_of(from), skip = offset, left;
    int is_region, count = from->count;
    if (offset > total) return 0;
    if (size == ALL) size = total - offset;
    if (size > total - offset) return 0;
    is_region = offset > 0 || size < total;
    if (flags & COPY_FLAGS) to->flags = from->flags;
    if (flags & COPY_TIMESTAMPS) {
        int whole = offset == 0 && size == total;
        for (int i = 0; i < FIELDS; i++) {
            int is_end = i == FIELD_DURATION || i == FIELD_OFFSET_END;
            if (offset > 0) to->fields[i] = NO_TIME;
            else if (!is_end || whole) to->fields[i] = from->fields[i];
        }
    }
    left = (flags & COPY_MEMORY) ? size : 0;
    for (int i = 0; i < count && left > 0; i++) {
        memory *m = from->memories[i], *part;
        size_t take;
        if (m->size <= skip) {
            skip -= m->size;
            continue;
        }
        take = m->size - skip < left ? m->size - skip : left;
        if ((flags & COPY_DEEP) || (m->flags & MEMORY_NO_SHARE) || memory_is_written(m)) part = memory_copy_of(m, skip, take);
        else if (take < m->size) part = memory_share_of(m, skip, take);
        else part = memory_take(m);
        skip = 0;
        left -= take;
        buffer_put(to, to->count, part);
    }
    if ((flags & COPY_MEMORY) && (flags & COPY_MERGE) && to->count > 1)
        buffer_swap(to, 0, to->count, buffer_merge(to, 0, to->count));
    for (int i = 0; (flags & COPY_META) && i < from->meta_count; i++) {
        const meta *one = &from->metas[i];
        if (one->kind == META_MEMORY && (is_region || !(flags & COPY_MEMORY) || (flags & COPY_MERGE))) continue;
        if (one->kind == META_PARENT && (flags & COPY_DEEP)) continue;
        buffer_add_meta_model(to, one->kind, one->number, one->parent);
    }
    return 1;
}

buffer *buffer_copy_all(buffer *from, int deep) {
    buffer *copy = buffer_make();
    unsigned flags = COPY_FLAGS | COPY_TIMESTAMPS | COPY_META | COPY_MEMORY | (deep ? COPY_DEEP : 0);
    buffer_copy_model(copy, from, flags, 0, ALL);
    for (int i = 0; !deep && i < from->count; i++) {
        memory *m = from->memories[i];
        if (m->size > 0) continue;
        buffer_put(copy, i, (m->flags & MEMORY_NO_SHARE) || memory_is_written(m) ? memory_copy_of(m, 0, 0) : memory_take(m));
    }
    return copy;
}

int buffer_add_meta_model(buffer *b, int kind, uint64_t number, buffer *parent) {
    meta *one = &b->metas[b->meta_count];
    if (b->meta_count == MOST_METAS) abort();
    b->meta_count++;
    one->kind = kind;
    one->locked = 0;
    one->number = kind == META_PARENT ? 0 : number;
    one->parent = parent ? buffer_take(parent) : NULL;
    return 1;
}

void buffer_remove_meta_model(buffer *b, int place) {
    buffer *parent = b->metas[place].parent;
    memmove(b->metas + place, b->metas + place + 1, (size_t)(b->meta_count - place - 1) * sizeof *b->metas);
    b->meta_count--;
    if (parent != NULL) buffer_drop(parent);
}
