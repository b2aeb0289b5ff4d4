/*
 * Framewire: frames to the bytes of the wire format and back, without a connection, for programs that carry
 * the bytes themselves.
 *
 * Threads: an encoder or decoder is used by one thread at a time. They use worker threads of their own.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef FRAMEWIRE_CODEC_H
#define FRAMEWIRE_CODEC_H

#include "buffer.h"
#include "frame.h"
#include "metadata.h"
#include "receiver.h"
#include "sender.h"
#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct fw_encoder fw_encoder;
typedef struct fw_decoder fw_decoder;

typedef struct fw_encoder_options {
    uint32_t struct_size; /* sizeof(fw_encoder_options) */
    fw_profile profile;   /* default FW_PROFILE_AUTO */
    int32_t acceleration; /* as in fw_sender_options */
    uint32_t threads;     /* as in fw_sender_options */
    uint32_t checksum;    /* 1: each frame carries an XXH3-64 of its pixels; default 0 */
    uint32_t reserved;
} fw_encoder_options;

#define FW_ENCODER_OPTIONS_INIT { (uint32_t)sizeof(fw_encoder_options), FW_PROFILE_AUTO, 0, 0, 0, 0 }

/* `options` may be NULL. Errors: INVALID_ARGUMENT, NO_MEMORY. */
fw_status fw_encoder_new(const fw_encoder_options *options, fw_encoder **out);

/*
 * Encodes one frame and gives it as a buffer, owned by the caller, whose memories one after another are the
 * bytes of one message; the first message of an encoder also opens the stream. Give the memories to writev,
 * or merge them with fw_buffer_map. In the profiles TILE and HUFFMAN each message needs the one before of its stream and view,
 * but for the first and those of frames with FW_FRAME_FLAG_KEY; AUTO is LZ4 here. In profile RAW the buffer refers to
 * `pixels` without a copy, so they must live as long as the buffer.
 * Errors: INVALID_ARGUMENT, OUT_OF_RANGE (`size` is below fw_frame_info_size), NO_MEMORY.
 */
fw_status fw_encoder_encode(fw_encoder *encoder, const fw_frame_info *info, const void *pixels, size_t size,
                            fw_buffer **out);

/*
 * The same of a buffer of any number of memories that hold, one after another, the bytes that `info` describes. Its
 * metas go along as with fw_sender_push_buffer. In profile RAW the message shares the buffer's memories and has a
 * reference of its own to the buffer, whose content must not change while the message lives.
 * Errors: as fw_encoder_encode, UNSUPPORTED (a memory that cannot be mapped), TOO_LARGE (the metas), what the serialise
 * function of a meta's type returns.
 */
fw_status fw_encoder_encode_buffer(fw_encoder *encoder, const fw_frame_info *info, fw_buffer *buffer, fw_buffer **out);

/*
 * Lends a frame of pooled memory that fits `info`, to be filled at fw_frame_data, given metadata (metadata.h) and then
 * to fw_encoder_encode_frame. The caller owns it, and gives it back with fw_frame_unref; it may outlive the encoder.
 * The content of the memory is undefined.
 * Errors: INVALID_ARGUMENT, NO_MEMORY.
 */
fw_status fw_encoder_acquire(fw_encoder *encoder, const fw_frame_info *info, fw_frame **out);

/*
 * The same over the caller's own memory, which must stay as it is until `release(user)` is called, once, on the thread
 * that drops the last reference to the frame, or in profile RAW to the last message of it. If the call fails, `release`
 * is not called. `release` may be NULL.
 * Errors: INVALID_ARGUMENT, OUT_OF_RANGE (`size` is below fw_frame_info_size).
 */
fw_status fw_encoder_wrap(fw_encoder *encoder, const fw_frame_info *info, const void *pixels, size_t size,
                          fw_release_fn release, void *user, fw_frame **out);

/*
 * The same as fw_encoder_encode of a frame with its metadata: one of the functions above, one that a sender lent, or one
 * that was received and is passed on. It stays the caller's, and may be changed and encoded again, but in profile RAW
 * the message refers to its pixels and has a reference of its own to the frame, whose pixels must stay as they are
 * while the message lives.
 * Errors: INVALID_ARGUMENT, NO_MEMORY.
 */
fw_status fw_encoder_encode_frame(fw_encoder *encoder, fw_frame *frame, fw_buffer **out);

/* NULL is allowed. */
void fw_encoder_free(fw_encoder *encoder);

/* The limits and the number of threads are taken from `options`, which may be NULL; its other fields play no role.
 * Errors: INVALID_ARGUMENT, NO_MEMORY. */
fw_status fw_decoder_new(const fw_receiver_options *options, fw_decoder **out);

/*
 * Takes `size` bytes of a stream, chopped in any way, and sets `*used` to how many it took: fewer than `size`
 * when a frame is complete and waits for fw_decoder_next; call again with the rest after fetching it.
 * Errors: INVALID_ARGUMENT, PROTOCOL, CORRUPT, TOO_LARGE, UNSUPPORTED (the sentence names the field and the
 * byte offset in the stream; the decoder gives the same error from then on), NO_MEMORY.
 */
fw_status fw_decoder_feed(fw_decoder *decoder, const void *bytes, size_t size, size_t *used);

/*
 * The frame that is complete, with its metadata, owned by the caller. Its pixels are read-only. Errors:
 * INVALID_ARGUMENT, WOULD_BLOCK (more bytes are needed; the sentence says so if that is because a frame is coded
 * against one that is not here), CLOSED (the stream said that it ends).
 */
fw_status fw_decoder_next(fw_decoder *decoder, fw_frame **out);

/* NULL is allowed. Frames that were fetched stay valid. */
void fw_decoder_free(fw_decoder *decoder);

#ifdef __cplusplus
}
#endif

#endif /* FRAMEWIRE_CODEC_H */
