/*
 * Framewire: a frame is one picture: a buffer of pixels and the description of them.
 *
 * A frame comes from fw_sender_acquire (to be filled) or from fw_receiver_next (to be read); without a connection from
 * fw_encoder_acquire and fw_decoder_next. It is counted: fw_frame_ref adds an owner, fw_frame_unref takes one away, and
 * with the last one the memory goes back to the pool it came from. A frame may outlive whom it came from.
 *
 * Threads: references may be taken and dropped on any thread; the pixels of one frame are written by one
 * thread at a time.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef FRAMEWIRE_FRAME_H
#define FRAMEWIRE_FRAME_H

#include "buffer.h"
#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct fw_frame fw_frame;

/*
 * The first byte of the first row in memory. An acquired frame may be written until it is submitted. A received
 * frame is read-only: the frames after it may be decoded from its pixels. Valid as long as the frame is. The
 * address is a multiple of 64, but for frames over memory of yours. NULL for NULL.
 */
void *fw_frame_data(fw_frame *frame);

/* Bytes at fw_frame_data, the same as fw_frame_info_size of its info. 0 for NULL. */
size_t fw_frame_size(const fw_frame *frame);

/* Bytes from one row to the next, never 0 for a frame. 0 for NULL. */
size_t fw_frame_stride(const fw_frame *frame);

/*
 * Writes the description to `*info`, whose struct_size the caller has set (FW_FRAME_INFO_INIT). Received
 * frames are top-down and tightly packed, whatever the source was; `stride` is never 0.
 * Errors: INVALID_ARGUMENT.
 */
fw_status fw_frame_get_info(const fw_frame *frame, fw_frame_info *info);

/*
 * How long a received frame took, in nanoseconds. What could not be measured is -1. No value assumes that the
 * clocks of the two machines agree.
 */
typedef struct fw_frame_timing {
    uint32_t struct_size;        /* sizeof(fw_frame_timing) */
    uint32_t reserved;
    int64_t sender_queue_ns;     /* from submit to the start of encoding, at the sender */
    int64_t sender_encode_ns;    /* encoding, at the sender */
    int64_t receive_ns;          /* from the first to the last byte of the message, here */
    int64_t decode_ns;           /* decoding, here */
    int64_t latency_ns;          /* from submit to delivery, of the newest frame that the sender has heard back about */
    uint64_t wire_bytes;         /* bytes of the message, header included */
} fw_frame_timing;

#define FW_FRAME_TIMING_INIT { (uint32_t)sizeof(fw_frame_timing), 0, -1, -1, -1, -1, -1, 0 }

/* Errors: INVALID_ARGUMENT (NULL, struct_size below 8). */
fw_status fw_frame_get_timing(const fw_frame *frame, fw_frame_timing *timing);

/*
 * Whose frame a received one is: the peer_id of the receiver's connection events and of fw_peer_stats. 0 for other frames
 * and for NULL.
 */
uint64_t fw_frame_peer_id(const fw_frame *frame);

/*
 * The buffer that holds the pixels, borrowed: fw_buffer_ref it to keep it longer than the frame. While such a
 * reference lives, the frame's memory does not go back to the pool. The buffer of a received or acquired frame
 * has a video-frame meta, its pts and its duration, and is not writable: who wants to change the pixels maps a
 * copy (fw_buffer_make_writable), while later frames are decoded from the original. The buffer of a received frame
 * also has the metas that came with it, see fw_sender_push_buffer. NULL for NULL, and for a frame from
 * fw_sender_wrap or fw_encoder_wrap.
 */
fw_buffer *fw_frame_buffer(fw_frame *frame);

/* Adds an owner and returns `frame`. NULL gives NULL. Any thread. */
fw_frame *fw_frame_ref(fw_frame *frame);

/*
 * Takes one owner away. An acquired frame that is not to be submitted is given back this way. NULL is
 * allowed. Any thread.
 */
void fw_frame_unref(fw_frame *frame);

#ifdef __cplusplus
}
#endif

#endif /* FRAMEWIRE_FRAME_H */
