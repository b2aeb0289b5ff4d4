/* A trace: objects that exist in both libraries and in the oracle, random numbers, and what to say when they disagree. */
#ifndef TRACE_H
#define TRACE_H

#include "oracle.h"

/* Where the two libraries are meant to differ; buffers_differential.c says why. */
typedef enum difference {
    STALE_INDEX_AFTER_MERGE,
    CAP_OF_16,
    MAPS_OVERFLOW_AT_256,
    MAP_SWAPS_THE_MEMORY,
    APPEND_REGION_OF_A_BAD_RANGE,
    APPEND_REGION_KEEPS_EMPTY_MEMORIES,
    MERGE_OF_NOTHING,
    REGION_OF_A_POOLED_BUFFER,
    REGIONS_ARE_NOT_CHECKED,
    SHARE_OF_NO_SHARE,
    LONE_SHARE_LEAVES_WRITABLE,
    READ_ONLY_IS_CALLED_WRITABLE,
    MEMORY_OF_A_SHARED_BUFFER,
    MODE_OF_THE_FIRST_MAP_STAYS,
    SHARED_WINDOW_MOVES,
    FILL_COPIES_WHAT_IT_SKIPS,
    REGION_OF_WRITTEN_MEMORY,
    EMPTY_RANGE_REPLACED,
    NEGATIVE_COUNTS,
    END_OF_BUFFER_IS_FOUND,
    NEGATIVE_RESIZE_TO_THE_END,
    RESIZE_HALF_DONE,
    ALIGNMENT_COUNTS_IN_THE_LIMIT,
    LIST_PLACES_ARE_NOT_CHECKED,
    POOL_FORGETS_THE_PREFIX,
    SPAN_WITH_THE_BLOCK_ITSELF,
    READ_ONLY_WINDOW_MOVES,
    COPY_LEAVES_EMPTY_MEMORIES_OUT,
    ROOM_THAT_CANNOT_BE_REACHED,
    LOOKING_REPLACES_A_SPAN,
    SHARED_LIST_IS_CHANGED,
    FIELDS_OF_SHARED_BUFFERS,
    DIFFERENCES
} difference;

extern unsigned long met[DIFFERENCES];

#define COUNT(array) (sizeof(array) / sizeof *(array))

enum { MEMORY_SLOTS = 8, BUFFER_SLOTS = 7, HELD_MAPS = 5, LIST_SLOTS = 3, MOST_IN_REFERENCE = 16, MOST_LISTED = 12 };

/* An open map that outlives its step. */
typedef struct held_map {
    memory *memory;
    buffer *buffer; /* NULL: a map of the memory itself */
    unsigned how;
    size_t start; /* in the block */
    map open[SIDES];
} held_map;

typedef struct list {
    int refs;
    buffer *items[MOST_LISTED * 2];
    int count;
    void *handle[SIDES];
} list;

extern memory *memories[MEMORY_SLOTS];
extern buffer *buffers[BUFFER_SLOTS];
extern held_map held[HELD_MAPS];
extern list *lists[LIST_SLOTS];
extern const side *const sides[SIDES];
extern unsigned long operations;
extern int verbose;

void seed_random(uint64_t seed);
uint64_t random_bits(void);
unsigned below(unsigned bound); /* 0 ..< bound */
int one_in(unsigned n);
void random_bytes(unsigned char *bytes, size_t count);

/* Notes the operation that begins. */
void note(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Says what disagreed, with the last operations, and ends the program. */
void disagree(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
#define AGREE(condition, ...)                                                                                        \
    do {                                                                                                             \
        if (!(condition)) disagree(__VA_ARGS__);                                                                     \
    } while (0)

void begin_trace(uint64_t seed);
void end_trace(void);

memory **free_memory_slot(void); /* makes one free if there is none */
buffer **free_buffer_slot(void);
int any_memory(void); /* a used slot, or -1 */
int any_buffer(void);
int any_list(void);

void drop_memory_slot(int slot);
void drop_buffer_slot(int slot);
void drop_list_slot(int slot);
void drop_list(list *l); /* the model's reference */
void end_held(held_map *one);
void end_maps_of(const buffer *b);
int buffer_writable(const buffer *b);
int reference_calls_writable(const memory *m);
int buffer_has_written(const buffer *b, int index, int count);

/* Compares all objects on both sides with the oracle. */
void check_all(void);

/* One random operation. */
void memory_operation(void);
void buffer_operation(void);
void list_operation(void);
void pool_trace(void);
void wide_trace(void);
void scenarios(void);

#endif
