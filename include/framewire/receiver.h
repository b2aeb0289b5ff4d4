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

#include "connection.h"
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
    fw_connection_fn on_connection; /* what becomes of the connections, see connection.h; may be NULL */
    void *on_connection_user;
    int64_t keepalive_interval_ns; /* how often a sender is asked whether it is there; 0 = default, 1 s */
    int64_t idle_timeout_ns;       /* a sender that is not heard for so long, or of whose message less than 4 KiB come in
                                      that time, is given up; 0 = default, 5 s; negative: never. One that says no hello,
                                      such as nc, may be silent between frames */
    uint32_t max_peers;            /* senders at once when the receiver listens, 1 to 64; 0 = default, 16. More are
                                      refused, but one that has said nothing for idle_timeout_ns makes room. With
                                      `once` it is 1 */
    uint32_t reserved;             /* 0 */
} fw_receiver_options;

#define FW_RECEIVER_OPTIONS_INIT                                                                                      \
    { (uint32_t)sizeof(fw_receiver_options), 0, FW_OVERFLOW_BLOCK, 0, 0, FW_RECONNECT_DEFAULT, 0, 0, 0, 0, 0, 0, 0, 0, \
          0, 0, 0, 0, 0 }

/*
 * Opens a receiver on `url`:
 *
 *   tcp://:port, tcp://host:port   listens; without a host on loopback only (127.0.0.1 and ::1), so ask for 0.0.0.0 or [::] to be
 *                                  reached from other machines. As many senders as max_peers says at once; what
 *                                  one of them does costs the others nothing
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
 * Of several senders the frames come as they are complete; fw_frame_peer_id tells whose they are. Each sender
 * has its own stream ids and sequences.
 *
 * While it listens without `once`, a sender that leaves or breaks the protocol costs a log message and an
 * entry in the stats, and others are waited for. Otherwise the stream ends:
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

/*
 * Asks the senders for no more frames (`paused` 1), or for frames again (0); senders that connect later are
 * asked the same. Frames under way still arrive, and the connections stay. A sender that does not know of
 * pauses goes on. Errors: INVALID_ARGUMENT.
 */
fw_status fw_receiver_set_paused(fw_receiver *receiver, int paused);

/*
 * Sends a message to the program of a sender, or of all that are connected (`peer_id` 0), which gets it from
 * fw_sender_next_message: input events, for example. `type` is the program's own. `data` is copied, and may
 * be NULL if `size` is 0. The call does not wait. Messages arrive complete and in order, or not at all where
 * the connection is lost.
 *
 * A sender gets it when it has shown that it listens, which the library's do when they connect. Errors:
 * INVALID_ARGUMENT; TOO_LARGE (more than 65521 bytes); WOULD_BLOCK (64 messages wait for the sender; of all:
 * for each, while those with room for it get it); CLOSED (there is no such peer, or none at all; a recording
 * has none); NO_MEMORY.
 */
fw_status fw_receiver_send_message(fw_receiver *receiver, uint64_t peer_id, uint32_t type, const void *data, size_t size);

/*
 * Asks all senders for a key frame of a stream and view, for example to begin a recording there. Whoever
 * needs one to decode gets it without this. Errors: INVALID_ARGUMENT, WOULD_BLOCK (8 requests wait), CLOSED
 * (no sender is connected).
 */
fw_status fw_receiver_request_key_frame(fw_receiver *receiver, uint32_t stream_id, uint32_t view_id);

/* How the stream of a sender ended. */
typedef struct fw_end {
    uint32_t struct_size;   /* sizeof(fw_end) */
    fw_end_reason reason;   /* what the sender's goodbye said, or FW_END_LOST; FW_END_OF_STREAM for a recording */
    uint64_t peer_id;       /* whose */
    fw_status status;       /* FW_ERROR_CLOSED: in good order; else what broke it */
    uint32_t reserved;
    char text[1032];        /* the goodbye's, or the reason of the loss; "" if there is none; cut off if need be */
} fw_end;

#define FW_END_INIT { (uint32_t)sizeof(fw_end), FW_END_OF_STREAM, 0, FW_OK, 0, "" }

/*
 * How the stream ended that ended last, in `*end`, whose struct_size the caller has set (FW_END_INIT).
 * Errors: INVALID_ARGUMENT, WOULD_BLOCK (none has ended yet).
 */
fw_status fw_receiver_get_end(fw_receiver *receiver, fw_end *end);

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
    int64_t rtt_ns_p50;          /* there and back, from pings to all senders */
    int64_t rtt_ns_p99;
    uint32_t peers;              /* senders that are connected now */
    uint32_t paused;             /* 1 while fw_receiver_set_paused asks for no frames */
    uint64_t peers_refused;      /* connections beyond max_peers */
} fw_receiver_stats;

#define FW_RECEIVER_STATS_INIT \
    { (uint32_t)sizeof(fw_receiver_stats), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -1, -1, -1, -1, 0, -1, -1, 0, 0, 0 }

/* Fills `*stats`, whose struct_size the caller has set (FW_RECEIVER_STATS_INIT). Errors: INVALID_ARGUMENT. */
fw_status fw_receiver_get_stats(fw_receiver *receiver, fw_receiver_stats *stats);

/*
 * Fills `*stats` for one sender, from 0 to below fw_receiver_stats.peers in the order in which they
 * connected. Senders come and go: the peer_id says which it is. Errors: INVALID_ARGUMENT, OUT_OF_RANGE.
 */
fw_status fw_receiver_get_peer_stats(fw_receiver *receiver, uint32_t index, fw_peer_stats *stats);

/*
 * Closes the connection and frees the receiver; frames that were fetched stay valid. Returns within a second.
 * NULL is allowed.
 */
void fw_receiver_close(fw_receiver *receiver);

#ifdef __cplusplus
}
#endif

#endif /* FRAMEWIRE_RECEIVER_H */
