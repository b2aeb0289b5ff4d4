/*
 * Framewire: the sender takes frames from a renderer and writes them to a connection or a file. One that listens serves
 * several receivers at once.
 *
 *   fw_sender *sender;
 *   if (fw_sender_open("tcp://media-server:3000", NULL, &sender) != FW_OK)
 *       fprintf(stderr, "%s\n", fw_last_error());
 *   fw_frame_info info = FW_FRAME_INFO_INIT;
 *   info.width = 1280;
 *   info.height = 720;
 *   info.row_order = FW_ROW_ORDER_BOTTOM_UP;
 *   for (;;) {
 *       fw_frame *frame;
 *       draw();
 *       if (fw_sender_acquire(sender, &info, &frame) != FW_OK) break;
 *       glReadPixels(0, 0, 1280, 720, GL_RGBA, GL_UNSIGNED_BYTE, fw_frame_data(frame));
 *       if (fw_sender_submit(sender, frame) != FW_OK) break;
 *   }
 *   fw_sender_close(sender);
 *
 * The caller's thread hands frames over and goes on: compression runs on the sender's worker threads and the
 * network on its I/O thread. Only FW_OVERFLOW_BLOCK ever makes it wait.
 *
 * Threads: all functions but fw_sender_close may be called on any thread, several at once. No call may be in
 * flight or follow when fw_sender_close is called.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef FRAMEWIRE_SENDER_H
#define FRAMEWIRE_SENDER_H

#include "buffer.h"
#include "connection.h"
#include "frame.h"
#include "tls.h"
#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct fw_sender fw_sender;

/* How frames are coded. Each is lossless; RAW and LZ4 give a stream that `lz4 -d` turns into the raw frames. */
typedef enum fw_profile {
    FW_PROFILE_AUTO = 0,   /* LZ4 until the peer says that it knows TILE, then that; RAW while the link is faster than
                              encoding, or a peer on this machine gets frames sooner in it; HUFFMAN while the link is what
                              frames wait for; LZ4 in recordings */
    FW_PROFILE_RAW = 1,    /* stored: no compression, no cost */
    FW_PROFILE_LZ4 = 2,    /* LZ4 blocks, compressed on several threads */
    FW_PROFILE_TILE = 3,   /* smaller than LZ4, and several times faster on textured pictures; frames refer to the one
                              before. For Framewire receivers alone */
    FW_PROFILE_HUFFMAN = 4 /* TILE, with Huffman codes for what it packs: up to a quarter smaller, several times slower */
} fw_profile;

/* Why frames are coded as they are. */
typedef enum fw_profile_reason {
    FW_PROFILE_REASON_NONE = 0,            /* no frame has been coded yet */
    FW_PROFILE_REASON_FORCED = 1,          /* the options ask for the profile */
    FW_PROFILE_REASON_RECORDING = 2,       /* recordings are in a profile that stock tools read */
    FW_PROFILE_REASON_NO_HELLO = 3,        /* the peer has not said what it knows */
    FW_PROFILE_REASON_PEER_LACKS_TILE = 4, /* the peer said that it does not know TILE */
    FW_PROFILE_REASON_PEER_KNOWS_TILE = 5, /* the peer knows TILE, and encoding keeps up */
    FW_PROFILE_REASON_LINK_FASTER = 6,     /* the link takes raw frames faster than they can be encoded and decoded */
    FW_PROFILE_REASON_LINK_LIMITED = 7     /* frames wait for the link, and HUFFMAN makes them clearly smaller */
} fw_profile_reason;

/* What becomes of a frame when the queue is full because the link or the receiver cannot keep up. */
typedef enum fw_overflow {
    FW_OVERFLOW_DROP_OLDEST = 0, /* the oldest waiting frame of the new one's stream and view is dropped, or else the oldest; and
                                    where frames wait for the link, all but the newest of each: the latest frame wins (default) */
    FW_OVERFLOW_DROP_NEWEST = 1, /* the new frame is dropped */
    FW_OVERFLOW_BLOCK = 2        /* the caller waits until there is room: nothing is lost */
} fw_overflow;

typedef enum fw_reconnect {
    FW_RECONNECT_DEFAULT = 0,
    FW_RECONNECT_NEVER = 1,      /* a lost connection is final; further calls fail with FW_ERROR_CLOSED. For a sender that
                                    listens: when the last receiver has left */
    FW_RECONNECT_AFTER_LOSS = 2, /* the first attempt must succeed; a connection lost later is made again (default) */
    FW_RECONNECT_ALWAYS = 3      /* opening succeeds at once; attempts go on in the background until one succeeds */
} fw_reconnect;

typedef struct fw_sender_options {
    uint32_t struct_size;        /* sizeof(fw_sender_options) */
    fw_profile profile;          /* default FW_PROFILE_AUTO */
    int32_t acceleration;        /* LZ4's: 1 (default) compresses best, up to 65537 is faster and larger; 0 = default */
    fw_overflow overflow;        /* default FW_OVERFLOW_DROP_OLDEST */
    uint32_t queue_depth;        /* frames that may wait, 1 to 64; 0 = default, 2 */
    uint32_t threads;            /* compression threads, 1 to 64; 0 = default: one per processor, at most 4 */
    fw_reconnect reconnect;      /* tcp, tls and unix URLs */
    uint32_t checksum;           /* 1: each frame carries an XXH3-64 of its pixels; 0 (default): only file:// does */
    int64_t connect_timeout_ns;  /* for one attempt; 0 = default, 5 s */
    int64_t block_timeout_ns;    /* how long FW_OVERFLOW_BLOCK waits at most; 0 = default, for ever */
    int64_t close_timeout_ns;    /* how long fw_sender_close waits for queued frames to leave; 0 = default, 5 s */
    uint32_t key_frame_interval; /* with TILE and HUFFMAN: a key frame after this many frames at the latest; 0 = default:
                                    only when one is needed, and after 60 frames with file:// */
    uint32_t reserved;           /* 0 */
    const fw_tls_options *tls;   /* for tls:// URLs, see tls.h; may be NULL */
    fw_connection_fn on_connection;     /* is told what becomes of connections, see connection.h; may be NULL */
    void *on_connection_user;
    int64_t keepalive_interval_ns;      /* how often a receiver is asked whether it is there; 0 = default, 1 s */
    int64_t idle_timeout_ns;            /* after how long a receiver that is silent is given up: 0 = default, 5 s;
                                           negative = never. Of a peer that does not speak, such as `nc`, what its system
                                           confirms counts: it may take frames as slowly as it likes */
    uint64_t max_bit_rate;              /* bits per second that each receiver gets at most, on average over a few
                                           frames; 0 = default, any number */
    uint32_t max_frame_rate_millihertz; /* frames that each receiver gets at most, in thousandths of a frame per second; 0 =
                                           default, any number. The others are dropped by `overflow` as with a slow
                                           link. All streams and views count together */
    uint32_t max_peers;                 /* receivers at once, when it listens, 1 to 32; 0 = default, 16. Others are refused, unless
                                           one that does not speak has read nothing for idle_timeout_ns: that makes room */
} fw_sender_options;

#define FW_SENDER_OPTIONS_INIT \
    { \
        (uint32_t)sizeof(fw_sender_options), FW_PROFILE_AUTO, 0, FW_OVERFLOW_DROP_OLDEST, 0, 0, FW_RECONNECT_DEFAULT, \
            0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 \
    }

/*
 * Opens a sender to `url`:
 *
 *   tcp://host:port            connects to a receiver; host is a name, an IPv4 address or an IPv6 address in brackets
 *   tcp://host:port?listen=1   listens; receivers (or `nc host port | lz4 -d`) connect, up to options.max_peers at once
 *   tls://host:port            as tcp://, encrypted and authenticated by TLS 1.3; see tls.h
 *   unix:///path/to/socket     the same over a Unix socket; ?listen=1 as well
 *   file:///path/to/file       writes a recording, which fw_receiver_open reads back and `lz4 -t` tests
 *
 * With several receivers each has a queue of its own, to which `overflow` applies: one that is slow loses frames, and with
 * FW_OVERFLOW_BLOCK holds the caller up, but does not delay what the others get. What several need is encoded once.
 * While there is no receiver frames wait under the same policy, for the first that connects; those that join later
 * start with the next frame. A receiver is not sent frames that are larger than it says it takes.
 *
 * `options` may be NULL for the defaults. On success `*out` is a sender to be closed with fw_sender_close; on
 * failure NULL. Waits at most for the name look-up and options.connect_timeout_ns.
 *
 * Errors: INVALID_ARGUMENT, ADDRESS (bad URL, unknown host, address in use), CONNECTION (refused,
 * unreachable), TIMEOUT, PERMISSION, IO, NO_MEMORY; with tls:// also those of tls.h.
 */
fw_status fw_sender_open(const char *url, const fw_sender_options *options, fw_sender **out);

/*
 * Lends a frame of pooled memory that fits `info`, to be filled at fw_frame_data and then given to
 * fw_sender_submit (or back with fw_frame_unref). The content of the memory is undefined. Never waits.
 *
 * Errors: INVALID_ARGUMENT, CLOSED (the connection is lost for good; the sentence says why), WOULD_BLOCK (128
 * frames of the sender are in use already), NO_MEMORY.
 */
fw_status fw_sender_acquire(fw_sender *sender, const fw_frame_info *info, fw_frame **out);

/*
 * Queues an acquired frame. No pixel is copied. The sender takes the caller's reference whatever the result,
 * so the caller must not touch the frame after the call unless it holds another reference, and must not write
 * to its pixels in any case. A frame dropped by the overflow policy is not an error; fw_sender_get_stats
 * counts it.
 *
 * Errors: INVALID_ARGUMENT (NULL, a frame of another sender, a frame submitted twice), CLOSED, TIMEOUT
 * (FW_OVERFLOW_BLOCK and block_timeout_ns).
 */
fw_status fw_sender_submit(fw_sender *sender, fw_frame *frame);

/*
 * Copies `size` bytes at `pixels` into pooled memory and queues them: acquire, memcpy and submit in one call.
 * The pixels are the caller's again when the call returns. `size` must be at least fw_frame_info_size(info).
 *
 * Errors: as fw_sender_acquire and fw_sender_submit, OUT_OF_RANGE (`size` is too small).
 */
fw_status fw_sender_push(fw_sender *sender, const fw_frame_info *info, const void *pixels, size_t size);

/*
 * Lends a frame over the caller's own memory, to be given metadata (metadata.h) and then to fw_sender_submit. The
 * pixels must stay as they are until `release(user)` is called, once, when the frame has no owner any more: on the
 * sender's I/O thread, on a worker thread, or on the thread that drops the last reference. If the call fails,
 * `release` is not called. `release` may be NULL when the memory outlives the sender. What fw_sender_push_wrapped
 * says of how long pixels are held is true here.
 *
 * Errors: as fw_sender_acquire, OUT_OF_RANGE (`size` is too small).
 */
fw_status fw_sender_wrap(fw_sender *sender, const fw_frame_info *info, const void *pixels, size_t size,
                         fw_release_fn release, void *user, fw_frame **out);

/*
 * Queues the caller's own memory without a copy. The pixels must stay as they are until `release(user)` is
 * called, once, when they are no longer needed: on the sender's I/O thread, on a worker thread or, when a
 * frame is dropped at once, on the calling thread during this call. If the call fails, `release` is not
 * called. `release` may be NULL when the memory outlives the sender.
 * In the profiles TILE and HUFFMAN the worker threads keep a copy of the pixels as they encode them, because the next
 * frame refers to them. With FW_OVERFLOW_BLOCK pixels are held until the frame has left, in case the connection is lost.
 *
 * Errors: as fw_sender_push.
 */
fw_status fw_sender_push_wrapped(fw_sender *sender, const fw_frame_info *info, const void *pixels, size_t size,
                                 fw_release_fn release, void *user);

/*
 * Queues a buffer of any number of memories that hold, one after another, the bytes that `info` describes.
 * The sender takes a reference of its own and merges nothing: memories are compressed or sent from where they
 * are. The buffer's content must not change until the sender has dropped its reference.
 *
 * The buffer's metas go along if they can be serialised and have no tags, which happens during this call: custom
 * metas, reference timestamps, and your own. fw_frame_buffer of the received frame has them, where their types are
 * registered and take them. Together they are limited as metadata.h says.
 *
 * Errors: as fw_sender_push, UNSUPPORTED (a memory that cannot be mapped), TOO_LARGE (the metas), what the serialise
 * function of a meta's type returns.
 */
fw_status fw_sender_push_buffer(fw_sender *sender, const fw_frame_info *info, fw_buffer *buffer);

/*
 * Waits until every frame queued so far has been handed to the system (tcp, unix) or written (file), at most
 * `timeout_ns`; 0 only looks, negative waits without a limit.
 *
 * Errors: INVALID_ARGUMENT, TIMEOUT (0: WOULD_BLOCK), CLOSED (the connection was lost for good).
 */
fw_status fw_sender_flush(fw_sender *sender, int64_t timeout_ns);

/* Whether a peer is connected at this moment (a file: always 1). 0 for NULL. */
int fw_sender_is_connected(const fw_sender *sender);

/* The receivers that are connected at this moment (a file: 1). 0 for NULL. */
uint32_t fw_sender_receiver_count(const fw_sender *sender);

/*
 * Whether a frame that is given now would be encoded and sent at once to one receiver at least. A renderer may leave
 * frames out while none would: nobody is connected, or all are paused, busy or at the limit of their rate. Never waits.
 * 0 for NULL.
 */
int fw_sender_ready(const fw_sender *sender);

/*
 * Changes options.max_frame_rate_millihertz and options.max_bit_rate; 0 is any number. A receiver that has asked for less
 * gets less.
 *
 * Errors: INVALID_ARGUMENT (NULL), CLOSED.
 */
fw_status fw_sender_set_rate_limits(fw_sender *sender, uint32_t frame_rate_millihertz, uint64_t bit_rate);

/*
 * The message of a receiver's program that has waited longest, see connection.h; the caller frees it with fw_message_free. At most
 * 256 wait: the oldest makes room for a new one, and is counted. Waits at most `timeout_ns`; 0 does not wait, negative
 * waits without a limit. `*out` is NULL on failure.
 *
 * Errors: INVALID_ARGUMENT, TIMEOUT (0: WOULD_BLOCK), CLOSED (the sender is of no more use, and no message waits).
 */
fw_status fw_sender_next_message(fw_sender *sender, int64_t timeout_ns, fw_message **out);

/*
 * The TCP port that a listening sender is bound to, so that port 0 can be asked for; 0 where there is none.
 */
uint16_t fw_sender_port(const fw_sender *sender);

/*
 * Counters since the sender was opened, and the present state. Times are nanoseconds; percentiles are over
 * the last 512 to 1024 frames and at most 1 % above the exact ones; what has not been measured is -1. With several
 * receivers a frame counts for each of them in what is sent, dropped or acknowledged; fw_sender_get_peer_stats tells
 * them apart.
 */
typedef struct fw_sender_stats {
    uint32_t struct_size;          /* sizeof(fw_sender_stats) */
    uint32_t connected;            /* 1 while a peer is connected */
    uint64_t frames_pushed;        /* frames handed over, those dropped later included */
    uint64_t frames_sent;          /* frames whose last byte was handed to the system */
    uint64_t frames_dropped;       /* frames dropped by the overflow policy, or for want of a connection at the end */
    uint64_t bytes_raw;            /* of the frames sent, before compression, tightly packed */
    uint64_t bytes_wire;           /* of the same frames on the wire, headers included */
    uint64_t frames_acknowledged;  /* frames that the receiver reported as delivered */
    uint64_t connections;          /* how often a connection was made */
    uint64_t pixel_bytes_copied;   /* bytes of pixels copied between the caller's memory and the compressor */
    uint32_t queue_depth;          /* frames waiting now, of the receiver for which most do */
    uint32_t queue_peak;           /* the most that ever waited */
    uint32_t frames_allocated;     /* frames of pooled memory that exist now */
    fw_profile profile;            /* that frames are coded with; single frames on trial in another do not count */
    int64_t encode_ns_p50;         /* time of encoding one frame */
    int64_t encode_ns_p99;
    int64_t latency_ns_p50;        /* from submit until the receiver's word of delivery has come back */
    int64_t latency_ns_p99;
    int64_t submit_ns_p50;         /* time spent inside fw_sender_submit, on the caller's thread */
    int64_t submit_ns_p99;
    uint64_t send_queue_bytes;     /* bytes that the system holds unsent or unacknowledged for the connection */
    fw_profile_reason profile_reason; /* why `profile` is what it is */
    uint32_t receivers;               /* that are connected now */
    int64_t rtt_ns_p50;               /* there and back, from pings */
    int64_t rtt_ns_p99;
    uint64_t frames_encoded;          /* how often a frame was encoded: once for all receivers that need the same */
    uint64_t messages_received;       /* of receivers' programs */
    uint64_t messages_dropped;        /* because 256 waited */
} fw_sender_stats;

#define FW_SENDER_STATS_INIT \
    { \
        (uint32_t)sizeof(fw_sender_stats), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, FW_PROFILE_AUTO, -1, -1, -1, -1, -1, -1, \
            0, FW_PROFILE_REASON_NONE, 0, -1, -1, 0, 0, 0 \
    }

/* Fills `*stats`, whose struct_size the caller has set (FW_SENDER_STATS_INIT). Errors: INVALID_ARGUMENT. */
fw_status fw_sender_get_stats(fw_sender *sender, fw_sender_stats *stats);

/*
 * Fills `*stats`, whose struct_size the caller has set (FW_PEER_STATS_INIT), for receiver `index`, which counts from 0 in
 * the order in which they connected: those that leave make the others move up.
 *
 * Errors: INVALID_ARGUMENT, OUT_OF_RANGE (there are not so many receivers).
 */
fw_status fw_sender_get_peer_stats(fw_sender *sender, uint32_t index, fw_peer_stats *stats);

/*
 * Sends what is queued, tells all receivers why the stream ends, and waits until that is done, at most `timeout_ns`; negative
 * waits without a limit. Frames that wait for a receiver that has paused are dropped, unless with FW_OVERFLOW_BLOCK.
 * Frames given later are refused with CLOSED; messages that wait and the stats can still be
 * had. `text` is one sentence for people, of which at most 1024 bytes are told; NULL is "".
 *
 * Errors: INVALID_ARGUMENT (NULL, FW_END_LOST), TIMEOUT (frames could not be sent), CLOSED.
 */
fw_status fw_sender_end(fw_sender *sender, fw_end_reason reason, const char *text, int64_t timeout_ns);

/*
 * Sends what is queued, tells the receivers that the stream ends, unless fw_sender_end has, closes and frees; waits at
 * most options.close_timeout_ns, after which the rest is dropped. Release callbacks of frames still held have run
 * when the call returns. NULL is allowed.
 */
void fw_sender_close(fw_sender *sender);

#ifdef __cplusplus
}
#endif

#endif /* FRAMEWIRE_SENDER_H */
