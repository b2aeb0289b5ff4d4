/*
 * Framewire: the receiver takes a stream from a connection or a recording and gives its frames, decoded, one
 * by one.
 *
 *   fw_receiver *receiver;
 *   if (fw_receiver_open("tcp://:3000", NULL, &receiver) != FW_OK)
 *       fprintf(stderr, "%s\n", fw_last_error());
 *   fw_frame *frame;
 *   while (fw_receiver_next(receiver, -1, &frame) == FW_OK) {
 *       show(fw_frame_data(frame), fw_frame_stride(frame));
 *       fw_frame_unref(frame);
 *   }
 *   fw_receiver_close(receiver);
 *
 * Threads: all functions but fw_receiver_close may be called on any thread, several at once. No call may be
 * in flight or follow when fw_receiver_close is called. Frames may outlive the receiver.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef FRAMEWIRE_RECEIVER_H
#define FRAMEWIRE_RECEIVER_H

#include "frame.h"
#include "sender.h"
#include "tls.h"
#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct fw_receiver fw_receiver;

typedef struct fw_receiver_options {
    uint32_t struct_size;          /* sizeof(fw_receiver_options) */
    uint32_t once;                 /* 1: the stream ends with the first connection; 0 (default): the next sender is waited for */
    fw_overflow overflow;          /* when frames are not fetched in time; default here FW_OVERFLOW_BLOCK: the sender is slowed */
    uint32_t queue_depth;          /* decoded frames that may wait, 1 to 64; 0 = default, 2 */
    uint32_t threads;              /* decoding threads, 1 to 64; 0 = default: one per processor, at most 4 */
    fw_reconnect reconnect;        /* with ?connect=1 */
    uint32_t max_width;            /* pixels; 0 = default, 16384 */
    uint32_t max_height;           /* pixels; 0 = default, 16384 */
    uint64_t max_frame_bytes;      /* of one decoded frame; 0 = default, 256 MiB */
    uint32_t max_metadata_bytes;   /* of one message; 0 = default, 64 KiB */
    uint32_t ignore_checksums;     /* 1: content checksums are not verified */
    int64_t connect_timeout_ns;    /* with ?connect=1, for one attempt; for each handshake of TLS; 0 = default, 5 s */
    const fw_tls_options *tls;     /* for tls:// URLs, see tls.h; may be NULL */
} fw_receiver_options;

#define FW_RECEIVER_OPTIONS_INIT \
    { (uint32_t)sizeof(fw_receiver_options), 0, FW_OVERFLOW_BLOCK, 0, 0, FW_RECONNECT_DEFAULT, 0, 0, 0, 0, 0, 0, 0 }

/*
 * Opens a receiver on `url`:
 *
 *   tcp://:port, tcp://host:port   listens; without a host on loopback only (127.0.0.1 and ::1), so ask for 0.0.0.0 or [::] to be
 *                                  reached from other machines. One sender at a time
 *   tcp://host:port?connect=1      connects to a sender that listens
 *   tls://                         as tcp://, encrypted and authenticated by TLS 1.3; see tls.h. Listening beyond loopback without it
 *                                  costs a warning in the log
 *   unix:///path                   listens; ?connect=1 connects
 *   file:///path                   reads a recording from its start
 *
 * `options` may be NULL. On success `*out` is a receiver to be closed with fw_receiver_close; on failure
 * NULL.
 * Errors: as fw_sender_open.
 */
fw_status fw_receiver_open(const char *url, const fw_receiver_options *options, fw_receiver **out);

/*
 * The next frame, complete and verified, in `*out`; the caller owns one reference and gives it back with
 * fw_frame_unref. Waits at most `timeout_ns`; 0 does not wait, negative waits without a limit. `*out` is NULL
 * on failure.
 *
 * While it listens without `once`, a sender that leaves or breaks the protocol costs a log message and an
 * entry in the stats, and the next sender is waited for. Otherwise the stream ends:
 * Errors: INVALID_ARGUMENT, TIMEOUT (0: WOULD_BLOCK), CLOSED (the stream ended in good order), PROTOCOL,
 * CORRUPT, TOO_LARGE, UNSUPPORTED (the bytes are wrong; the sentence names the field and the byte offset),
 * CONNECTION, IO. After any of the last seven each further call gives the same.
 */
fw_status fw_receiver_next(fw_receiver *receiver, int64_t timeout_ns, fw_frame **out);

/*
 * A descriptor for poll(), select() or epoll: readable while fw_receiver_next would return at once, with a
 * frame or with an error. It belongs to the receiver: do not read from it or close it. -1 for NULL.
 */
int fw_receiver_fd(const fw_receiver *receiver);

/*
 * The TCP port that a listening receiver is bound to, so that port 0 can be asked for; 0 where there is none.
 */
uint16_t fw_receiver_port(const fw_receiver *receiver);

/* Counters since the receiver was opened, and the present state; -1 where nothing has been measured. */
typedef struct fw_receiver_stats {
    uint32_t struct_size;        /* sizeof(fw_receiver_stats) */
    uint32_t connected;          /* 1 while a sender is connected */
    uint64_t frames_received;    /* frames decoded */
    uint64_t frames_delivered;   /* frames handed out by fw_receiver_next */
    uint64_t frames_dropped;     /* dropped by the overflow policy here */
    uint64_t frames_missed;      /* gaps in the sender's sequence: frames that the sender did not send */
    uint64_t bytes_raw;          /* of the frames decoded */
    uint64_t bytes_wire;         /* bytes read from the connection or file */
    uint64_t connections;        /* senders that connected */
    uint64_t errors;             /* connections ended by an error */
    uint64_t checksums_verified; /* frames whose content checksum was compared and equal */
    uint32_t queue_depth;        /* frames waiting now */
    uint32_t frames_allocated;   /* frames of pooled memory that exist now */
    int64_t decode_ns_p50;       /* over the last 512 to 1024 frames, at most 1 % above the exact value */
    int64_t decode_ns_p99;
    int64_t latency_ns_p50;      /* from submit to delivery as the sender measured it, sent along with later frames */
    int64_t latency_ns_p99;
    uint64_t frames_undecodable; /* passed over because the frame that they are coded against is not here; a sender that
                                    listens has been asked for a key frame */
} fw_receiver_stats;

#define FW_RECEIVER_STATS_INIT \
    { (uint32_t)sizeof(fw_receiver_stats), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -1, -1, -1, -1, 0 }

/* Fills `*stats`, whose struct_size the caller has set (FW_RECEIVER_STATS_INIT). Errors: INVALID_ARGUMENT. */
fw_status fw_receiver_get_stats(fw_receiver *receiver, fw_receiver_stats *stats);

/*
 * Closes the connection and frees the receiver; frames that were fetched stay valid. Returns within a second.
 * NULL is allowed.
 */
void fw_receiver_close(fw_receiver *receiver);

#ifdef __cplusplus
}
#endif

#endif /* FRAMEWIRE_RECEIVER_H */
