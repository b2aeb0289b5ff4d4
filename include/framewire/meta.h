/*
 * Framewire: metas, which say something about a buffer and travel with it.
 *
 * A meta has a registered type (a name, the size of its data, functions) and is an instance in one buffer.
 * The instances of a buffer keep the order they were added in. Types say by tags what their metas depend
 * on, and by a transform function what becomes of them in a copy. Small metas live inside the buffer.
 *
 * Threads: types may be registered and found on any thread. The metas of a buffer are changed only by the
 * one owner of the buffer, and may be read by all its owners.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef FRAMEWIRE_META_H
#define FRAMEWIRE_META_H

#include "buffer.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One meta in a buffer. It is valid until it is removed, or the buffer is freed. */
typedef struct fw_meta fw_meta;

/* A registered type. It lives as long as the program. */
typedef struct fw_meta_type fw_meta_type;

/* What metas of a type depend on: it decides whether they survive a copy. */
typedef enum fw_meta_tags {
    FW_META_TAG_NONE = 0,
    FW_META_TAG_MEMORY = 1 << 0,          /* on the memories: not in copies of a region, merged, or without them */
    FW_META_TAG_MEMORY_REFERENCE = 1 << 1 /* refers to the memories: not in deep copies */
} fw_meta_tags;

typedef enum fw_meta_flags {
    FW_META_FLAG_NONE = 0,
    FW_META_FLAG_READ_ONLY = 1 << 0, /* the data is not to be changed: fw_meta_data_writable gives NULL */
    FW_META_FLAG_POOLED = 1 << 1,    /* stays with the memory when a buffer returns to its pool */
    FW_META_FLAG_LOCKED = 1 << 2     /* cannot be removed */
} fw_meta_flags;

/* What a copy takes of its source: given to transform functions. */
typedef struct fw_meta_copy {
    uint32_t struct_size; /* sizeof(fw_meta_copy) of the library */
    uint32_t flags;       /* fw_buffer_copy_flags */
    int region;           /* 1: the copy has a part of the source only */
    size_t offset;        /* of the region, in bytes of the source */
    size_t size;          /* of the region */
} fw_meta_copy;

/*
 * The functions of a type. `data` is the meta's data, `user` the type's. They run on the thread that changes,
 * copies, pushes or frees the buffer, without a lock held; for metas of received frames on a thread of the
 * receiver.
 */

/*
 * Sets up new data, which is all zeros; `params` are those of fw_buffer_add_meta. Not FW_OK: the meta is
 * not added.
 */
typedef fw_status (*fw_meta_init_fn)(void *data, const void *params, fw_buffer *buffer, void *user);

/* Lets go of what the data holds. */
typedef void (*fw_meta_free_fn)(void *data, fw_buffer *buffer, void *user);

/*
 * Adds to `destination`, which is writable and has its memories already, what `meta` of `source` comes to
 * there; nothing is fine. Not FW_OK: the copy fails with that status.
 */
typedef fw_status (*fw_meta_transform_fn)(fw_buffer *destination, const fw_meta *meta, const fw_buffer *source,
                                          const fw_meta_copy *copy, void *user);

/*
 * Writes the data to `bytes` if it has at most `capacity` bytes; `*size` gets how many it has in any case.
 * Nothing but FW_OK is an error.
 */
typedef fw_status (*fw_meta_serialize_fn)(const void *data, void *bytes, size_t capacity, size_t *size, void *user);

/*
 * Sets up `data`, all zeros, from `size` bytes, which may come from anywhere. Not FW_OK: the meta is not
 * added, and the type's free function is not called.
 */
typedef fw_status (*fw_meta_deserialize_fn)(void *data, const void *bytes, size_t size, fw_buffer *buffer, void *user);

/* A type to register: start from FW_META_TYPE_INFO_INIT. */
typedef struct fw_meta_type_info {
    uint32_t struct_size;               /* sizeof(fw_meta_type_info) */
    uint32_t tags;                      /* fw_meta_tags */
    const char *name;                   /* unique, UTF-8, 1 to 255 bytes; copied */
    size_t size;                        /* bytes of the data, at most 65536 */
    fw_meta_init_fn init;               /* NULL: the data begins as zeros */
    fw_meta_free_fn free;               /* NULL: nothing to let go of */
    fw_meta_transform_fn transform;     /* NULL: the meta does not go into copies */
    fw_meta_serialize_fn serialize;     /* NULL: it cannot be serialised */
    fw_meta_deserialize_fn deserialize; /* NULL: nor read back */
    void *user;
} fw_meta_type_info;

#define FW_META_TYPE_INFO_INIT { (uint32_t)sizeof(fw_meta_type_info), 0, NULL, 0, NULL, NULL, NULL, NULL, NULL, NULL }

/*
 * Registers a type for as long as the program runs.
 * Errors: INVALID_ARGUMENT (NULL, the name is empty, too long, no UTF-8 or taken, unknown tags), OUT_OF_RANGE
 * (size), NO_MEMORY.
 */
fw_status fw_meta_type_register(const fw_meta_type_info *info, const fw_meta_type **out);

/* The type of this name, ready-made ones included; NULL when there is none. */
const fw_meta_type *fw_meta_type_find(const char *name);

/* The name, for the program's life. NULL for NULL. */
const char *fw_meta_type_name(const fw_meta_type *type);

/* Bytes of the data. 0 for NULL. */
size_t fw_meta_type_size(const fw_meta_type *type);

/* The fw_meta_tags. 0 for NULL. */
uint32_t fw_meta_type_tags(const fw_meta_type *type);

/* Instances */

/*
 * Adds a meta of `type` behind those the buffer has. `params` go to the type's init function. `*out` (`out`
 * may be NULL) is the new meta.
 * Errors: INVALID_ARGUMENT (NULL; a ready-made type, which has a function of its own), NOT_WRITABLE (the
 * buffer is shared), NO_MEMORY, what the init function returns.
 */
fw_status fw_buffer_add_meta(fw_buffer *buffer, const fw_meta_type *type, const void *params, fw_meta **out);

/* The first meta of `type`; NULL when there is none. */
fw_meta *fw_buffer_get_meta(const fw_buffer *buffer, const fw_meta_type *type);

/*
 * The metas one after another: `*state` is NULL for the first call, and belongs to the library from then on.
 * NULL at the end. The meta that was returned last may be removed before the next call.
 */
fw_meta *fw_buffer_iterate_meta(const fw_buffer *buffer, void **state);

/* As fw_buffer_iterate_meta, but only those of `type`. */
fw_meta *fw_buffer_iterate_meta_filtered(const fw_buffer *buffer, void **state, const fw_meta_type *type);

/* The number of metas of `type`, of all for NULL. 0 for a NULL buffer. */
size_t fw_buffer_meta_count(const fw_buffer *buffer, const fw_meta_type *type);

/*
 * Removes a meta of this buffer.
 * Errors: INVALID_ARGUMENT (NULL, or not in this buffer), NOT_WRITABLE (the buffer is shared, the meta is
 * FW_META_FLAG_LOCKED).
 */
fw_status fw_buffer_remove_meta(fw_buffer *buffer, fw_meta *meta);

/* Setting `*meta` to NULL has it removed; 0 ends the round. */
typedef int (*fw_meta_foreach_fn)(fw_buffer *buffer, fw_meta **meta, void *user);

/*
 * Calls `callback` with each meta in order, on this thread. It may add metas, which are visited too, and have
 * the one that it was given removed, by `*meta` = NULL alone. It must not remove metas by
 * fw_buffer_remove_meta, nor give up the caller's reference of `buffer`: the round goes on from where the meta
 * was. Pointers to other metas stay valid; those to the one that is removed, and to its data, are stale as soon
 * as the callback has returned.
 * Errors: INVALID_ARGUMENT, NOT_WRITABLE (a meta is to be removed that is locked, or from a shared buffer;
 * the round ends there).
 */
fw_status fw_buffer_foreach_meta(fw_buffer *buffer, fw_meta_foreach_fn callback, void *user);

/* The type. NULL for NULL. */
const fw_meta_type *fw_meta_get_type(const fw_meta *meta);

/*
 * The data, to be read: as many bytes as the type says, at a multiple of 16. NULL for NULL, or without
 * bytes.
 */
const void *fw_meta_data(const fw_meta *meta);

/*
 * The data, to be changed by the one owner of the buffer. NULL for NULL, without bytes, for a ready-made
 * type, or a meta that is FW_META_FLAG_READ_ONLY.
 */
void *fw_meta_data_writable(fw_meta *meta);

/* The fw_meta_flags. 0 for NULL. */
uint32_t fw_meta_get_flags(const fw_meta *meta);

/* Replaces the flags; for the one owner of the buffer. Errors: INVALID_ARGUMENT (NULL, unknown flags). */
fw_status fw_meta_set_flags(fw_meta *meta, uint32_t flags);

/*
 * When it was added: higher than that of each meta added before it, in any buffer of the program. 0 for
 * NULL.
 */
uint64_t fw_meta_sequence(const fw_meta *meta);

/*
 * Writes the meta, with the name of its type, to `bytes`, if it has at most `capacity` bytes. `*size` (not
 * NULL) gets how many it needs in any case, so `bytes` of NULL with a `capacity` of 0 asks for the size.
 * Errors: INVALID_ARGUMENT, OUT_OF_RANGE (`capacity` is too small), UNSUPPORTED (the type cannot be
 * serialised), NO_MEMORY, what the serialise function returns.
 */
fw_status fw_meta_serialize(const fw_meta *meta, void *bytes, size_t capacity, size_t *size);

/*
 * Adds the meta that is at the front of `size` bytes, which may come from anywhere. `*consumed` (may be
 * NULL) is how many bytes it had, `*out` (may be NULL) the new meta.
 * Errors, with nothing added: INVALID_ARGUMENT, NOT_WRITABLE, CORRUPT (a length does not fit the bytes, or
 * the content makes no sense), UNSUPPORTED (an unknown type, or one that cannot be read back), NO_MEMORY.
 */
fw_status fw_meta_deserialize(fw_buffer *buffer, const void *bytes, size_t size, size_t *consumed, fw_meta **out);

/*
 * Ready-made: a parent buffer. It keeps `parent` alive as long as the meta is there, for bytes that live in
 * it; it takes a reference of its own. Goes into all copies but deep ones (tag MEMORY_REFERENCE).
 * Errors: INVALID_ARGUMENT (NULL, the buffer itself), NOT_WRITABLE, NO_MEMORY.
 */
fw_status fw_buffer_add_parent_buffer_meta(fw_buffer *buffer, fw_buffer *parent, fw_meta **out);

/* The parent, borrowed. NULL for NULL, or a meta of another type. */
fw_buffer *fw_parent_buffer_meta_get(const fw_meta *meta);

/* Its type. */
const fw_meta_type *fw_parent_buffer_meta_type(void);

/*
 * Ready-made: the time of the buffer by a clock that is not that of the stream, such as a capture card's or
 * UTC. `reference` names the clock, for example "timestamp/x-unix": UTF-8, 1 to 255 bytes, copied. Goes into
 * all copies.
 */
typedef struct fw_reference_timestamp {
    const char *reference; /* valid as long as the meta */
    int64_t timestamp_ns;
    int64_t duration_ns;   /* or FW_TIME_NONE */
} fw_reference_timestamp;

/* Errors: INVALID_ARGUMENT (NULL, `reference`), NOT_WRITABLE, NO_MEMORY. */
fw_status fw_buffer_add_reference_timestamp_meta(fw_buffer *buffer, const char *reference, int64_t timestamp_ns,
                                                 int64_t duration_ns, fw_meta **out);

/* Errors: INVALID_ARGUMENT (NULL, or a meta of another type). */
fw_status fw_reference_timestamp_meta_get(const fw_meta *meta, fw_reference_timestamp *out);

/* The first meta of this clock; any clock for NULL. NULL when there is none. */
fw_meta *fw_buffer_get_reference_timestamp_meta(const fw_buffer *buffer, const char *reference);

/* Its type. */
const fw_meta_type *fw_reference_timestamp_meta_type(void);

/* Ready-made: how the bytes of the buffer are a picture. Start from FW_VIDEO_FRAME_INIT. */
typedef struct fw_video_frame {
    uint32_t struct_size;     /* sizeof(fw_video_frame) */
    uint32_t width;           /* pixels, 1 to 65535 */
    uint32_t height;          /* pixels, 1 to 65535 */
    fw_pixel_format format;
    fw_row_order row_order;
    uint32_t plane_count;     /* 1 to 3, as the format has */
    size_t plane_offset[4];   /* bytes from the start of the buffer to the plane's first row in memory */
    size_t plane_stride[4];   /* bytes from one row to the next */
} fw_video_frame;

#define FW_VIDEO_FRAME_INIT \
    { \
        (uint32_t)sizeof(fw_video_frame), 0, 0, FW_PIXEL_FORMAT_RGBA8, FW_ROW_ORDER_TOP_DOWN, 0, {0, 0, 0, 0}, \
        { \
            0, 0, 0, 0 \
        } \
    }

/*
 * Adds a video-frame meta. With `plane_count` 0 the planes are those of fw_frame_info with stride 0:
 * packed. The meta depends on the memories (tag MEMORY): a copy of a region drops it.
 * Errors: INVALID_ARGUMENT (NULL, sizes, format, a wrong number of planes, a stride below a row's bytes),
 * OUT_OF_RANGE (a plane reaches past what can be counted), NOT_WRITABLE, NO_MEMORY.
 */
fw_status fw_buffer_add_video_frame_meta(fw_buffer *buffer, const fw_video_frame *frame, fw_meta **out);

/* `out->struct_size` is set by the caller. Errors: INVALID_ARGUMENT (NULL, or a meta of another type). */
fw_status fw_video_frame_meta_get(const fw_meta *meta, fw_video_frame *out);

/* Its type. */
const fw_meta_type *fw_video_frame_meta_type(void);

/*
 * Ready-made: keys and values of your own, under a name that says whose they are. `name` is UTF-8, 1 to 255
 * bytes, copied; several may have the same. Goes into all copies.
 * Errors: INVALID_ARGUMENT (NULL, name), NOT_WRITABLE, NO_MEMORY.
 */
fw_status fw_buffer_add_custom_meta(fw_buffer *buffer, const char *name, fw_meta **out);

/* The first custom meta of this name; any for NULL. NULL when there is none. */
fw_meta *fw_buffer_get_custom_meta(const fw_buffer *buffer, const char *name);

/* The name, valid as long as the meta. NULL for NULL, or a meta of another type. */
const char *fw_custom_meta_name(const fw_meta *meta);

/*
 * Sets the value of `key` to a copy of `size` bytes; `value` NULL with `size` 0 is an empty value. Keys are
 * UTF-8, 1 to 255 bytes, and keep the order they were first set in. For the one owner of the buffer.
 * Errors: INVALID_ARGUMENT (NULL, key, a meta of another type), NOT_WRITABLE (the meta is READ_ONLY),
 * TOO_LARGE (more than 1048576 bytes of keys and values), NO_MEMORY.
 */
fw_status fw_custom_meta_set(fw_meta *meta, const char *key, const void *value, size_t size);

/*
 * The value of `key`, at any address, valid until the meta is changed; `*size` (may be NULL) is how many
 * bytes. Never NULL when the key is there. NULL when it is not, for NULL, or a meta of another type.
 */
const void *fw_custom_meta_get(const fw_meta *meta, const char *key, size_t *size);

/*
 * Takes a key away. Errors: INVALID_ARGUMENT (NULL, another type), NOT_WRITABLE, OUT_OF_RANGE (no such
 * key).
 */
fw_status fw_custom_meta_remove(fw_meta *meta, const char *key);

/* The number of keys. 0 for NULL, or a meta of another type. */
size_t fw_custom_meta_count(const fw_meta *meta);

/* The key at `index`, valid until the meta is changed. NULL when there is none. */
const char *fw_custom_meta_key(const fw_meta *meta, size_t index);

/* Its type. */
const fw_meta_type *fw_custom_meta_type(void);

#ifdef __cplusplus
}
#endif

#endif /* FRAMEWIRE_META_H */
