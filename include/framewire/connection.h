/*
 * Framewire: what senders and receivers have in common: the state of their connections, the peers at the other
 * end, messages, and how a stream ends.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef FRAMEWIRE_CONNECTION_H
#define FRAMEWIRE_CONNECTION_H

#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum fw_connection_state {
    FW_CONNECTION_CONNECTING = 1, /* an attempt to connect begins; `attempt` counts them from 1 since the last connection,
                                     and `reason` says why the one before failed. The attempt that opening waits for is
                                     not reported. Those that listen do not come here */
    FW_CONNECTION_CONNECTED = 2,  /* a peer is connected */
    FW_CONNECTION_LOST = 3,       /* a connection has ended; `reason` says why, and `status` is FW_ERROR_CLOSED where it
                                     ended in good order. Another may follow */
    FW_CONNECTION_CLOSED = 4      /* the sender or receiver is of no more use; the last event */
} fw_connection_state;

/* What has become of a connection. All pointers are valid during the call only. */
typedef struct fw_connection_event {
    uint32_t struct_size;      /* the library's; fields at the end may be new */
    fw_connection_state state;
    uint64_t peer_id;          /* counts the peers of a sender or receiver from 1; 0: none */
    const char *peer;          /* its address as a URL; never NULL */
    const char *reason;        /* one sentence, "" if there is none; never NULL */
    fw_status status;          /* of the reason; FW_OK if there is none */
    uint32_t attempt;          /* FW_CONNECTION_CONNECTING: which */
} fw_connection_event;

/*
 * Called on the I/O thread without a lock held. It may call the sender or receiver, but not close it, nor wait for it: frames
 * do not move until it returns.
 */
typedef void (*fw_connection_fn)(const fw_connection_event *event, void *user);

/* Why a stream ended. */
typedef enum fw_end_reason {
    FW_END_OF_STREAM = 0,     /* all is sent */
    FW_END_FAILED = 1,        /* the other side could not go on */
    FW_END_PROTOCOL = 2,      /* this side's bytes are wrong */
    FW_END_UNSUPPORTED = 3,   /* this side's bytes are right, but nothing the other side understands */
    FW_END_TOO_LARGE = 4,     /* this side's bytes exceed a limit of the other side's */
    FW_END_LOST = 255         /* no goodbye came: the connection broke or was silent for too long. Not to be given to
                                 fw_sender_end */
} fw_end_reason;

/*
 * Counters of one peer since it connected, and its present state. Times are nanoseconds; -1 where nothing has been
 * measured.
 */
typedef struct fw_peer_stats {
    uint32_t struct_size;     /* sizeof(fw_peer_stats) */
    uint32_t profile;         /* fw_profile of its frames */
    uint64_t peer_id;         /* counts from 1 */
    uint64_t frames;          /* frames sent to it, or received from it */
    uint64_t frames_dropped;  /* frames that it did not get because its link, or its receiver's program, is behind; those
                                 that a sender dropped are not known to a receiver */
    uint64_t bytes_wire;      /* bytes written to it, or read from it */
    uint32_t queue_depth;     /* frames waiting for it, or of it, now */
    uint32_t paused;          /* 1 while the receiver has asked for no frames */
    uint64_t send_queue_bytes; /* bytes that the system holds unsent or unacknowledged for the connection */
    int64_t rtt_ns_p50;       /* there and back, from pings */
    int64_t rtt_ns_p99;
    int64_t latency_ns_p50;   /* from submit until the receiver's word of delivery has come back */
    int64_t latency_ns_p99;
    char address[128];        /* as a URL, cut off if need be; ends with a zero byte */
} fw_peer_stats;

#define FW_PEER_STATS_INIT \
    { (uint32_t)sizeof(fw_peer_stats), 0, 0, 0, 0, 0, 0, 0, 0, -1, -1, -1, -1, "" }

/* A message that a receiver's program sent to the sender's. */
typedef struct fw_message fw_message;

/* What the sending program gave; 0 for NULL. */
uint32_t fw_message_type(const fw_message *message);

/* The first byte, aligned to 16; valid until fw_message_free. NULL for NULL and for an empty message. */
const void *fw_message_data(const fw_message *message);

/* Bytes at fw_message_data; 0 for NULL. */
size_t fw_message_size(const fw_message *message);

/* Whose message it is, as in fw_connection_event; 0 for NULL. */
uint64_t fw_message_peer_id(const fw_message *message);

/* NULL is allowed. */
void fw_message_free(fw_message *message);

#ifdef __cplusplus
}
#endif

#endif /* FRAMEWIRE_CONNECTION_H */
