/*
 * Framewire: lists of buffers, for what is made or sent together, such as the packets of one picture.
 *
 * A list is counted like a buffer, and is a container of its buffers: a buffer in a list that has several
 * owners is not writable, even if the list is all that refers to it.
 *
 * Threads: references may be taken and dropped on any thread, and any number of threads may read the same
 * list. A list is changed only by the one owner it has.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef FRAMEWIRE_BUFFER_LIST_H
#define FRAMEWIRE_BUFFER_LIST_H

#include "buffer.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct fw_buffer_list fw_buffer_list;

/* An empty list. Errors: INVALID_ARGUMENT, NO_MEMORY. */
fw_status fw_buffer_list_new(fw_buffer_list **out);

/* An empty list with room for `capacity` buffers. Errors: INVALID_ARGUMENT, OUT_OF_RANGE, NO_MEMORY. */
fw_status fw_buffer_list_new_sized(size_t capacity, fw_buffer_list **out);

/* Adds an owner and returns `list`. NULL gives NULL. */
fw_buffer_list *fw_buffer_list_ref(fw_buffer_list *list);

/* Takes an owner away; with the last one the list and its references to the buffers go. NULL is allowed. */
void fw_buffer_list_unref(fw_buffer_list *list);

/* Whether the caller is the only owner, so that the list may be changed. 0 for NULL. */
int fw_buffer_list_is_writable(const fw_buffer_list *list);

/*
 * Replaces `*list`, of which the caller owns a reference, by a list that is writable: itself if it is
 * already, else a copy that has the same buffers. On failure `*list` is unchanged. Errors:
 * INVALID_ARGUMENT, NO_MEMORY.
 */
fw_status fw_buffer_list_make_writable(fw_buffer_list **list);

/* The number of buffers. 0 for NULL. */
size_t fw_buffer_list_length(const fw_buffer_list *list);

/* The bytes of all buffers together, at most SIZE_MAX. 0 for NULL. */
size_t fw_buffer_list_size(const fw_buffer_list *list);

/*
 * Inserts `buffer` before place `index`; -1 appends. The list takes the caller's reference if the call
 * succeeds.
 * Errors: INVALID_ARGUMENT, NOT_WRITABLE (the list is shared), OUT_OF_RANGE (index), NO_MEMORY.
 */
fw_status fw_buffer_list_insert(fw_buffer_list *list, ptrdiff_t index, fw_buffer *buffer);

/* Appends `buffer`: fw_buffer_list_insert at -1. */
fw_status fw_buffer_list_add(fw_buffer_list *list, fw_buffer *buffer);

/*
 * The buffer at `index`, borrowed. It is writable if the list is all that owns it, and has one owner
 * itself. NULL when there is none.
 */
fw_buffer *fw_buffer_list_get(const fw_buffer_list *list, size_t index);

/*
 * The buffer at `index`, borrowed, after it was replaced by a writable copy if it has other owners.
 * Errors: INVALID_ARGUMENT, NOT_WRITABLE (the list is shared), OUT_OF_RANGE, NO_MEMORY.
 */
fw_status fw_buffer_list_get_writable(fw_buffer_list *list, size_t index, fw_buffer **out);

/*
 * Removes `count` buffers from `index`; -1 = to the end.
 * Errors: INVALID_ARGUMENT, NOT_WRITABLE, OUT_OF_RANGE.
 */
fw_status fw_buffer_list_remove(fw_buffer_list *list, size_t index, ptrdiff_t count);

/*
 * Gets a buffer of the list and its place. For the time of the call, the reference in `*buffer` is the
 * callback's, and what it leaves there is the list's: the buffer may be changed where it is if it is
 * writable, replaced (fw_buffer_make_writable(buffer), or fw_buffer_unref(*buffer) and another one's
 * reference), or removed (fw_buffer_unref(*buffer) and NULL; the next one then has the same place). 0 ends
 * the round.
 */
typedef int (*fw_buffer_list_foreach_fn)(fw_buffer **buffer, size_t index, void *user);

/*
 * Calls `callback` with each buffer in order, on this thread. It cannot change the list by other means: for
 * the time of the round the list is shared, and calls that would change it fail with NOT_WRITABLE. It may drop
 * its references of the list; the round keeps the list alive. What fw_buffer_list_get gave before is stale once
 * the callback has replaced or removed that buffer, unless a reference of it is held.
 * Errors: INVALID_ARGUMENT, NOT_WRITABLE (the callback replaced or removed a buffer of a list that has other
 * owners; the list stays as it is, the replacement is dropped, and the round ends there).
 */
fw_status fw_buffer_list_foreach(fw_buffer_list *list, fw_buffer_list_foreach_fn callback, void *user);

/* A list of the same buffers, which are shared. Errors: INVALID_ARGUMENT, NO_MEMORY. */
fw_status fw_buffer_list_copy(const fw_buffer_list *list, fw_buffer_list **out);

/* A list of deep copies of the buffers. Errors: INVALID_ARGUMENT, as fw_buffer_copy_deep. */
fw_status fw_buffer_list_copy_deep(const fw_buffer_list *list, fw_buffer_list **out);

#ifdef __cplusplus
}
#endif

#endif /* FRAMEWIRE_BUFFER_LIST_H */
