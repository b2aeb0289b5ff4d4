/*
 * Random traces of operations on memories, buffers, lists and pools, run step by step against libgstreamer-1.0 and against
 * Framewire through its C interface, with an oracle of plain byte arrays beside them. After each step sizes, offsets, numbers of
 * memories, identities, writability, metas, contents and outcomes must agree.
 *
 *   buffers_differential [--long] [--operations N] [--seed S] [--verbose] [--differences]
 *
 * Each trace has a seed of its own, which a failure names; --seed S runs that trace alone.
 */
#include "trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int verbose;

/* Where the libraries are meant to differ: what the reference does, and why Framewire does otherwise. */
static const struct {
    const char *reference, *reason;
} table[DIFFERENCES] = {
    [STALE_INDEX_AFTER_MERGE] = {"an insertion in the middle of 16 memories merges them and then uses the old index",
                                 "the new memory would vanish (scenario)"},
    [CAP_OF_16] = {"holds 16 memories and merges all on the next one",
                   "any number is kept without a copy; traces stop at 16, others go on with the bytes alone"},
    [MAPS_OVERFLOW_AT_256] = {"the 256th map open at once carries into the count of shares",
                              "the memory could never be written again (scenario)"},
    [MAP_SWAPS_THE_MEMORY] = {"a map that the open ones exclude replaces the memory by a copy",
                              "what is written through the first map would be lost: refused instead"},
    [APPEND_REGION_OF_A_BAD_RANGE] = {"a bad region is reported and all is appended", "refused, nothing changed"},
    [APPEND_REGION_KEEPS_EMPTY_MEMORIES] = {"trims the source and moves all of its memories, empty ones too",
                                            "only what has bytes of the region is appended, as in a copy of a region"},
    [MERGE_OF_NOTHING] = {"all memory of an empty buffer is NULL", "an empty memory"},
    [REGION_OF_A_POOLED_BUFFER] = {"a region of a pooled buffer makes the pool throw the buffer away",
                                   "it returns when the region is gone"},
    [REGIONS_ARE_NOT_CHECKED] = {"share and copy of a memory take any offset and size, resize a sum that wraps", "refused: out of range"},
    [SHARE_OF_NO_SHARE] = {"refuses to share a NO_SHARE memory", "copied, as its buffer functions do"},
    [LONE_SHARE_LEAVES_WRITABLE] = {"a memory in no buffer stays writable with one share alive",
                                    "a share's bytes must not change: not writable while any share lives"},
    [READ_ONLY_IS_CALLED_WRITABLE] = {"is_writable of a memory looks at who holds it alone",
                                      "what can never be mapped for writing is not writable"},
    [MEMORY_OF_A_SHARED_BUFFER] = {"a memory is not writable while its buffer is not",
                                   "it says what a map of the memory would; the buffer is asked for itself"},
    [MODE_OF_THE_FIRST_MAP_STAYS] = {"the access of the first map counts until the last map is gone",
                                     "only the maps that are open count"},
    [SHARED_WINDOW_MOVES] = {"only a writable memory can be resized",
                             "the window is not content; buffers replace a memory that others hold by a share"},
    [FILL_COPIES_WHAT_IT_SKIPS] = {"fill and memset map every memory before the offset for writing too",
                                   "only memories that are written become private copies"},
    [REGION_OF_WRITTEN_MEMORY] = {"a region of a memory that is mapped for writing is copied",
                                  "refused: the bytes are in flux, and a region promises not to copy"},
    [EMPTY_RANGE_REPLACED] = {"refuses to replace an empty range", "it inserts"},
    [NEGATIVE_COUNTS] = {"counts below -1 wrap around", "refused: out of range"},
    [END_OF_BUFFER_IS_FOUND] = {"no memory is found at the very end, and empty ones there are counted",
                                "found, with no memories; those with bytes are counted"},
    [NEGATIVE_RESIZE_TO_THE_END] = {"a negative offset with a size of -1 is compared as an unsigned number and refused",
                                    "grows to the front up to the old end"},
    [RESIZE_HALF_DONE] = {"checks only the sums, and fails at a memory when others are resized already",
                          "each window is checked before anything changes"},
    [ALIGNMENT_COUNTS_IN_THE_LIMIT] = {"what aligning a block leaves over counts in its size limit, a matter of chance",
                                       "the limit is prefix, size and padding; the reference is driven unaligned"},
    [LIST_PLACES_ARE_NOT_CHECKED] = {"an insertion into a list at a place that does not exist appends", "refused: out of range"},
    [POOL_FORGETS_THE_PREFIX] = {"a buffer that comes back to its pool loses its prefix", "it is as it was configured"},
    [SPAN_WITH_THE_BLOCK_ITSELF] = {"only two shares can be a span", "a block and a share of it can, too"},
    [READ_ONLY_WINDOW_MOVES] = {"a resize moves the window of a read-only memory that only one buffer holds",
                                "it is replaced by a share: whoever else has a reference keeps the window"},
    [COPY_LEAVES_EMPTY_MEMORIES_OUT] = {"a shallow copy leaves memories of no bytes out", "a copy has what the buffer has"},
    [ROOM_THAT_CANNOT_BE_REACHED] = {"the sizes count the blocks of empty memories, which no resize can use",
                                     "the offset is that of the first memory, the room that behind the last one"},
    [LOOKING_REPLACES_A_SPAN] = {"a map for reading puts one share in the place of a span", "a look at a span changes nothing"},
    [SHARED_LIST_IS_CHANGED] = {"removal in a walk through a shared list is reported and done", "refused"},
    [FIELDS_OF_SHARED_BUFFERS] = {"times and flags are plain fields that anyone can set", "only of a writable buffer"},
};

/* More than the traces do: the places where the reference falls short. */
void scenarios(void) {
    void *b, *m, *made;
    unsigned char all[40], found[64];
    size_t size;
    note("scenario: 40 memories, each inserted in the middle");
    for (unsigned i = 0; i < sizeof all; i++) {
        unsigned middle = i / 2;
        memmove(all + middle + 1, all + middle, i - middle);
        all[middle] = (unsigned char)(i + 1);
    }
    AGREE(framewire.buffer_new(&b), "no buffer");
    for (unsigned i = 0; i < sizeof all; i++) {
        unsigned char byte = (unsigned char)(i + 1);
        map open;
        AGREE(framewire.memory_new(1, 16, 0, 0, 0, &m) && framewire.memory_map(m, MAP_WRITE, &open), "no memory");
        memcpy(open.data, &byte, 1);
        framewire.memory_unmap(m, &open);
        AGREE(framewire.insert(b, (ptrdiff_t)(i / 2), m), "insertion %u refused", i);
        AGREE(framewire.memory_count(b) == i + 1, "%zu memories", framewire.memory_count(b));
    }
    met[STALE_INDEX_AFTER_MERGE]++;
    met[CAP_OF_16]++;
    size = framewire.extract(b, 0, found, sizeof found);
    AGREE(size == sizeof all && memcmp(found, all, size) == 0, "the bytes are in another order");
    AGREE(framewire.copy(b, 0, &made) && framewire.memory_count(made) == sizeof all, "the copy merged");
    framewire.buffer_unref(made);
    framewire.buffer_unref(b);

    note("scenario: 1000 maps at once");
    for (int s = 0; s < SIDES; s++) {
        static map open[1000];
        int most = s == REFERENCE ? 255 : 1000;
        AGREE(sides[s]->buffer_allocate(10, &b), "no buffer");
        for (int i = 0; i < most; i++) AGREE(sides[s]->map_range(b, 0, -1, MAP_READ, &open[i]), "map %d refused", i);
        for (int i = 0; i < most; i++) sides[s]->unmap(b, &open[i]);
        AGREE(sides[s]->range_is_writable(b, 0, -1), "%s: not writable after its maps", sides[s]->name);
        sides[s]->buffer_unref(b);
    }
    met[MAPS_OVERFLOW_AT_256]++;

    note("scenario: the outer map ends before the nested one");
    for (int s = 0; s < SIDES; s++) {
        map outer, inner, third;
        AGREE(sides[s]->memory_new(10, 16, 0, 0, 0, &m) && sides[s]->memory_map(m, MAP_BOTH, &outer)
                  && sides[s]->memory_map(m, MAP_READ, &inner), "%s: no nested map", sides[s]->name);
        sides[s]->memory_unmap(m, &outer);
        AGREE(sides[s]->memory_map(m, MAP_WRITE, &third) == (s == REFERENCE), "%s: writing beside a map for reading",
              sides[s]->name);
        if (s == REFERENCE) sides[s]->memory_unmap(m, &third);
        sides[s]->memory_unmap(m, &inner);
        sides[s]->memory_unref(m);
    }
    met[MODE_OF_THE_FIRST_MAP_STAYS]++;
}

static void run_trace(uint64_t seed) {
    unsigned long end = operations + 250;
    begin_trace(seed);
    if (seed % 8 == 0) pool_trace();
    if (seed % 8 == 4) wide_trace();
    while (operations < end) {
        unsigned kind = below(10);
        unsigned long before = operations;
        if (kind < 3) memory_operation();
        else if (kind < 9) buffer_operation();
        else list_operation();
        if (operations != before) check_all();
    }
    end_trace();
}

int main(int count, char **arguments) {
    unsigned long wanted = 100000;
    uint64_t seed = 1;
    int alone = 0, missed = 0;
    const char *from_environment = getenv("FRAMEWIRE_SEED");
    if (from_environment != NULL) seed = strtoull(from_environment, NULL, 0);
    for (int i = 1; i < count; i++) {
        if (strcmp(arguments[i], "--long") == 0) wanted = 1000000;
        else if (strcmp(arguments[i], "--operations") == 0 && i + 1 < count) wanted = strtoul(arguments[++i], NULL, 0);
        else if (strcmp(arguments[i], "--verbose") == 0) verbose = 1;
        else if (strcmp(arguments[i], "--seed") == 0 && i + 1 < count) {
            seed = strtoull(arguments[++i], NULL, 0);
            alone = 1;
        } else if (strcmp(arguments[i], "--differences") == 0) {
            for (int d = 0; d < DIFFERENCES; d++)
                printf("%2d. libgstreamer: %s\n    Framewire:    %s\n", d + 1, table[d].reference, table[d].reason);
            return 0;
        } else {
            fprintf(stderr, "usage: %s [--long] [--operations N] [--seed S] [--verbose] [--differences]\n", arguments[0]);
            return 2;
        }
    }
    reference_begin();
    framewire_begin();
    if (alone) {
        run_trace(seed);
    } else {
        scenarios();
        printf("seeds from %llu\n", (unsigned long long)seed);
        while (operations < wanted) run_trace(seed++);
    }
    printf("%lu operations, %lu refusals with a message of the reference\n", operations, reference_complaints);
    for (int d = 0; d < DIFFERENCES; d++) {
        if (alone || verbose) printf("%8lu  %s\n", met[d], table[d].reference);
        if (met[d] == 0) missed++;
    }
    /* So many operations meet every one of them; otherwise the table lists what is no difference any more. */
    if (!alone && operations >= 1000000 && missed > 0) {
        for (int d = 0; d < DIFFERENCES; d++)
            if (met[d] == 0) fprintf(stderr, "a difference that never occurred: %s\n", table[d].reference);
        return 1;
    }
    return 0;
}
