/*
 * Framewire: metadata of a frame: values with names that go with the pixels, over a connection and in a recording.
 *
 *   fw_sender_acquire(sender, &info, &frame);
 *   fw_frame_set_text(frame, "scene", "bridge");
 *   fw_frame_set_matrix(frame, "view", view);
 *   fw_sender_submit(sender, frame);
 *
 *   fw_receiver_next(receiver, -1, &frame);
 *   if (fw_frame_get_matrix(frame, "view", view) == FW_OK) look(view);
 *
 * Values are set on a frame from fw_sender_acquire or fw_sender_wrap before it is submitted; without a connection on
 * one from fw_encoder_acquire or fw_encoder_wrap (codec.h). A text, a matrix and bytes may have the same name. Setting a
 * value replaces the one of its kind and name; values keep the order they were last set in. A frame carries at most
 * 65536 bytes of them, names and 8 bytes for each value included, in at most 1024 values. The memory for them belongs to
 * the frame and is used again with it.
 *
 * Names are UTF-8, 1 to 255 bytes.
 *
 * Threads: one thread at a time sets values of a frame; those of a received frame may be read on any threads.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef FRAMEWIRE_METADATA_H
#define FRAMEWIRE_METADATA_H

#include "frame.h"
#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum fw_metadata_kind {
    FW_METADATA_TEXT = 1,       /* UTF-8; a zero follows it, which `size` does not count */
    FW_METADATA_MATRIX = 2,     /* 16 floats, column by column */
    FW_METADATA_BYTES = 3,      /* your own */
    FW_METADATA_BUFFER_META = 4 /* a meta of the buffer that the sender pushed, as its type serialised it; the name is
                                   that of the type. Where the type is registered, the frame's buffer has the meta */
} fw_metadata_kind;

/*
 * Each of these sets a value.
 * Errors: INVALID_ARGUMENT (NULL, the name, `value` is no UTF-8), NOT_WRITABLE (the frame was received, or submitted
 * already), TOO_LARGE (the limits above), NO_MEMORY. The frame has not changed then.
 */
fw_status fw_frame_set_text(fw_frame *frame, const char *key, const char *value);

/* `matrix` is 16 floats, column by column, as OpenGL has them. */
fw_status fw_frame_set_matrix(fw_frame *frame, const char *name, const float *matrix);

/* `bytes` may be NULL with a `size` of 0. */
fw_status fw_frame_set_bytes(fw_frame *frame, const char *name, const void *bytes, size_t size);

/*
 * Each of these gets a value. Pointers are valid as long as the frame, or until a value of it is set.
 * Errors: INVALID_ARGUMENT (NULL), OUT_OF_RANGE (the frame has no such value).
 */

/* Whoever sent the text should have sent UTF-8; it is as it came. A zero follows it. */
fw_status fw_frame_get_text(const fw_frame *frame, const char *key, const char **out);

/* `matrix` has room for 16 floats. */
fw_status fw_frame_get_matrix(const fw_frame *frame, const char *name, float *matrix);

/* The bytes begin at a multiple of 8; never NULL on success. */
fw_status fw_frame_get_bytes(const fw_frame *frame, const char *name, const void **out, size_t *size);

/* One value. */
typedef struct fw_metadata_entry {
    uint32_t struct_size;  /* sizeof(fw_metadata_entry) */
    fw_metadata_kind kind;
    const char *name;      /* a zero follows it */
    const void *content;   /* at a multiple of 8, a zero follows it; never NULL */
    size_t size;           /* bytes of the content; 64 for a matrix */
} fw_metadata_entry;

#define FW_METADATA_ENTRY_INIT { (uint32_t)sizeof(fw_metadata_entry), FW_METADATA_TEXT, NULL, NULL, 0 }

/* The number of values of all kinds. 0 for NULL. */
size_t fw_frame_metadata_count(const fw_frame *frame);

/*
 * Writes the value at `index` to `*entry`, whose struct_size the caller has set (FW_METADATA_ENTRY_INIT). Pointers
 * are valid as those above.
 * Errors: INVALID_ARGUMENT (NULL, struct_size), OUT_OF_RANGE.
 */
fw_status fw_frame_metadata_at(const fw_frame *frame, size_t index, fw_metadata_entry *entry);

#ifdef __cplusplus
}
#endif

#endif /* FRAMEWIRE_METADATA_H */
