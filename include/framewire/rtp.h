/*
 * Framewire: H.264 to RTP packets and back (RFC 6184), and a UDP socket that sends them.
 *
 *   fw_rtp_h264_payloader *payloader;
 *   fw_udp_sink *sink;
 *   fw_buffer_list *packets;
 *   if (fw_rtp_h264_payloader_new(NULL, &payloader) != FW_OK || fw_udp_sink_open("udp://239.1.2.3:5004", NULL, &sink) != FW_OK)
 *       fprintf(stderr, "%s\n", fw_last_error());
 *   while ((picture = encode()) != NULL) {                  // a fw_buffer with one access unit and its pts
 *       if (fw_rtp_h264_payloader_payload(payloader, picture, &packets) != FW_OK) break;
 *       fw_buffer_unref(picture);
 *       fw_udp_sink_send(sink, packets);
 *       fw_buffer_list_unref(packets);
 *   }
 *
 * A packet is a buffer of two or more memories: a header of its own, and regions of the access unit, which are shared
 * and not copied. The sink gives the memories to the system as they are. Packets, headers and lists are used again
 * when they are dropped, so that nothing is allocated once a stream runs.
 *
 * Threads: a payloader or depayloader is used by one thread at a time, and so is a sink. The packets are buffers like
 * any others, and go to any thread.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef FRAMEWIRE_RTP_H
#define FRAMEWIRE_RTP_H

#include "buffer.h"
#include "buffer_list.h"
#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct fw_rtp_h264_payloader fw_rtp_h264_payloader;
typedef struct fw_rtp_h264_depayloader fw_rtp_h264_depayloader;
typedef struct fw_udp_sink fw_udp_sink;

/* How the NAL units of an access unit follow each other. */
typedef enum fw_h264_format {
    FW_H264_FORMAT_ANNEX_B = 0, /* each behind a start code, 00 00 01 or 00 00 00 01 (ITU-T H.264, Annex B) */
    FW_H264_FORMAT_AVC = 1      /* each behind its size in bytes, big-endian (ISO/IEC 14496-15), as in MP4 files */
} fw_h264_format;

/* What becomes of NAL units that are small enough to share a packet. */
typedef enum fw_rtp_aggregation {
    FW_RTP_AGGREGATION_NONE = 0,  /* each has a packet of its own (default) */
    FW_RTP_AGGREGATION_STAP_A = 1 /* those that follow each other in an access unit share a packet, up to 8 */
} fw_rtp_aggregation;

/* For the fields of which a random value is better: RFC 3550, section 5.1. */
#define FW_RTP_RANDOM (-1)

/* Start from FW_RTP_H264_OPTIONS_INIT. */
typedef struct fw_rtp_h264_options {
    uint32_t struct_size;           /* sizeof(fw_rtp_h264_options) */
    fw_h264_format format;          /* of the access units; default FW_H264_FORMAT_ANNEX_B */
    uint32_t mtu;                   /* the most bytes of a packet with its RTP header, but without those of UDP and IP: 28 to
                                       65507; 0 = default, 1400 */
    uint32_t payload_type;          /* 1 to 127; 0 = default, 96 */
    int64_t ssrc;                   /* 32 bits, or FW_RTP_RANDOM (default) */
    int64_t sequence;               /* of the first packet: 16 bits, or FW_RTP_RANDOM (default) */
    int64_t timestamp_offset;       /* the RTP timestamp of pts 0: 32 bits, or FW_RTP_RANDOM (default) */
    uint32_t single_nal_mode;       /* 1: packetization-mode 0, in which each NAL unit must fit a packet; default 0 */
    fw_rtp_aggregation aggregation; /* default FW_RTP_AGGREGATION_NONE */
    uint32_t repeat_parameter_sets; /* 1: pictures that decoding can begin at (IDR) are preceded by the parameter sets, if they
                                       come without; default 0 */
    uint32_t nal_size_bytes;        /* AVC: bytes of the size before each NAL unit, 1, 2 or 4; 0 = default: what codec_data
                                       says, or 4 */
    const void *codec_data;         /* an AVCDecoderConfigurationRecord (avcC) with the parameter sets, or NULL (default);
                                       it is copied */
    size_t codec_data_size;
} fw_rtp_h264_options;

#define FW_RTP_H264_OPTIONS_INIT                                                                                      \
    { (uint32_t)sizeof(fw_rtp_h264_options), FW_H264_FORMAT_ANNEX_B, 0, 0, FW_RTP_RANDOM, FW_RTP_RANDOM, FW_RTP_RANDOM, \
          0, FW_RTP_AGGREGATION_NONE, 0, 0, NULL, 0 }

/*
 * `options` may be NULL. Errors: INVALID_ARGUMENT, OUT_OF_RANGE (mtu, payload_type, ssrc, sequence,
 * timestamp_offset), CORRUPT (codec_data), NO_MEMORY.
 */
fw_status fw_rtp_h264_payloader_new(const fw_rtp_h264_options *options, fw_rtp_h264_payloader **out);

/*
 * Makes packets of one access unit: a picture, and what belongs to it. The packets share its memories, which cannot
 * be written to until they are gone. (Memories that are FW_MEMORY_FLAG_NO_SHARE are copied.) Their RTP timestamp is
 * its pts at 90 kHz, counted from timestamp_offset; they have its pts, and the last one has the marker, also as
 * FW_BUFFER_FLAG_MARKER. NAL units that are too large for a packet are sent in fragments (FU-A).
 *
 * The caller owns the reference of the list. On failure no packet has been made and no sequence number used.
 * Errors: INVALID_ARGUMENT (NULL; the buffer has no pts or no bytes), CORRUPT (there is no start code, a NAL unit is
 * empty, has the forbidden bit or a type that RTP uses itself, a size reaches past the end; the sentence names the
 * byte), TOO_LARGE (a NAL unit does not fit a packet, and single_nal_mode forbids fragments), NOT_WRITABLE (a memory
 * is mapped for writing), UNSUPPORTED (a memory cannot be mapped), NO_MEMORY.
 */
fw_status fw_rtp_h264_payloader_payload(fw_rtp_h264_payloader *payloader, fw_buffer *access_unit, fw_buffer_list **out);

/*
 * Writes what a receiver has to know as a session description (SDP, RFC 8866) of lines that end with CR LF, and a
 * zero byte. `url` is where the packets go, as fw_udp_sink_open has it. The parameter sets are in it
 * (sprop-parameter-sets, profile-level-id) once they have been in an access unit or in codec_data; receivers find
 * those also that are sent.
 *
 * `*needed`, if not NULL, is set to the bytes of the text with its zero. `text` may be NULL if `size` is 0.
 * Errors: INVALID_ARGUMENT, ADDRESS (the URL), TOO_LARGE (`size` is less than needed; `text` is not changed).
 */
fw_status fw_rtp_h264_payloader_get_sdp(const fw_rtp_h264_payloader *payloader, const char *url, char *text, size_t size,
                                        size_t *needed);

/* Counts since the payloader was made. */
typedef struct fw_rtp_h264_stats {
    uint32_t struct_size; /* sizeof(fw_rtp_h264_stats) */
    uint32_t ssrc;
    uint32_t next_sequence;
    uint32_t timestamp_offset;
    uint64_t access_units;
    uint64_t packets;
    uint64_t payload_bytes;        /* of the packets, without their RTP headers */
    uint64_t payload_bytes_shared; /* of them, those that are regions of access units */
    uint64_t payload_bytes_copied; /* of them, those that were copied because their memory cannot be shared. The rest are
                                      headers of fragments and aggregates, and repeated parameter sets */
} fw_rtp_h264_stats;

#define FW_RTP_H264_STATS_INIT { (uint32_t)sizeof(fw_rtp_h264_stats), 0, 0, 0, 0, 0, 0, 0, 0 }

/* Errors: INVALID_ARGUMENT. */
fw_status fw_rtp_h264_payloader_get_stats(const fw_rtp_h264_payloader *payloader, fw_rtp_h264_stats *stats);

/* Lists and packets that are out stay valid. NULL is allowed. */
void fw_rtp_h264_payloader_free(fw_rtp_h264_payloader *payloader);

/* Start from FW_RTP_H264_DEPAYLOADER_OPTIONS_INIT. */
typedef struct fw_rtp_h264_depayloader_options {
    uint32_t struct_size;      /* sizeof(fw_rtp_h264_depayloader_options) */
    fw_h264_format format;     /* of the access units: start codes of 4 bytes (default), or sizes of 4 bytes */
    int32_t payload_type;      /* others are ignored; -1 (default): any */
    uint32_t reorder_packets;  /* behind a missing packet, so many are held back before it is given up: 1 to 1024; 0 = default,
                                  32. Each takes as much memory as it has bytes, which is 64 KiB at most */
    int64_t ssrc;              /* others are ignored; FW_RTP_RANDOM (default): that of the first packet, and a new one once two
                                  packets in sequence have it */
    int64_t timestamp_offset;  /* the RTP timestamp of pts 0; FW_RTP_RANDOM (default): that of the first packet */
    uint64_t max_access_unit_bytes; /* larger ones are damaged; 0 = default, 16 MiB */
    uint32_t max_waiting;      /* access units that wait to be fetched; then the oldest is dropped. 1 to 1024; 0 = default, 32 */
    uint32_t drop_damaged;     /* 1: access units of which something is missing are dropped; default 0: they come without the
                                  NAL units that are not whole, and with FW_BUFFER_FLAG_CORRUPTED */
} fw_rtp_h264_depayloader_options;

#define FW_RTP_H264_DEPAYLOADER_OPTIONS_INIT                                                                          \
    { (uint32_t)sizeof(fw_rtp_h264_depayloader_options), FW_H264_FORMAT_ANNEX_B, -1, 0, FW_RTP_RANDOM, FW_RTP_RANDOM, 0, 0, 0 }

/* `options` may be NULL. Errors: INVALID_ARGUMENT, OUT_OF_RANGE, NO_MEMORY. */
fw_status fw_rtp_h264_depayloader_new(const fw_rtp_h264_depayloader_options *options, fw_rtp_h264_depayloader **out);

/*
 * Takes one packet as it came from the network; its bytes are copied. What is no RTP packet, of another stream or not
 * as RFC 6184 says is counted and otherwise ignored: nothing that the network brings makes the call fail.
 * Errors: INVALID_ARGUMENT, NO_MEMORY (the packet is lost).
 */
fw_status fw_rtp_h264_depayloader_push(fw_rtp_h264_depayloader *depayloader, const void *packet, size_t size);

/*
 * Gives missing packets up, and completes the access unit that has begun: at the end of a stream, or when nothing has
 * come for longer than the caller wants to wait. What comes late then is ignored. Errors: INVALID_ARGUMENT,
 * NO_MEMORY.
 */
fw_status fw_rtp_h264_depayloader_flush(fw_rtp_h264_depayloader *depayloader);

/*
 * The next access unit, in the order of the sequence numbers. It is one memory, with its pts; the flag
 * FW_BUFFER_FLAG_CORRUPTED says that something of it may be missing. The caller owns the reference.
 * Errors: INVALID_ARGUMENT, WOULD_BLOCK (more packets are needed).
 */
fw_status fw_rtp_h264_depayloader_next(fw_rtp_h264_depayloader *depayloader, fw_buffer **out);

/* Counts since the depayloader was made. */
typedef struct fw_rtp_h264_depayloader_stats {
    uint32_t struct_size;          /* sizeof(fw_rtp_h264_depayloader_stats) */
    uint32_t ssrc;                 /* of the stream, 0 before there is one */
    uint64_t packets;              /* all that were pushed */
    uint64_t packets_lost;         /* sequence numbers that were given up */
    uint64_t packets_reordered;    /* came behind a later one, and in time */
    uint64_t packets_late;         /* came when they had been given up, or 65 or more behind */
    uint64_t packets_duplicate;
    uint64_t packets_malformed;    /* no RTP, or no payload that RFC 6184 knows in packetization modes 0 and 1 */
    uint64_t packets_ignored;      /* of another stream or payload type */
    uint64_t access_units;         /* complete ones and damaged ones */
    uint64_t access_units_damaged;
    uint64_t access_units_dropped; /* damaged, with drop_damaged; without a whole NAL unit; or not fetched in time */
    uint64_t restarts;             /* new streams, and jumps of the sequence number */
} fw_rtp_h264_depayloader_stats;

#define FW_RTP_H264_DEPAYLOADER_STATS_INIT                                                                            \
    { (uint32_t)sizeof(fw_rtp_h264_depayloader_stats), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }

/* Errors: INVALID_ARGUMENT. */
fw_status fw_rtp_h264_depayloader_get_stats(const fw_rtp_h264_depayloader *depayloader,
                                            fw_rtp_h264_depayloader_stats *stats);

/* Access units that were fetched stay valid. NULL is allowed. */
void fw_rtp_h264_depayloader_free(fw_rtp_h264_depayloader *depayloader);

/* Whether the system is to divide large datagrams into packets (UDP_SEGMENT of Linux 4.18). */
typedef enum fw_udp_segmentation {
    FW_UDP_SEGMENTATION_AUTO = 0, /* where the system can and there are packets of one size in a row (default) */
    FW_UDP_SEGMENTATION_OFF = 1
} fw_udp_segmentation;

/* Start from FW_UDP_SINK_OPTIONS_INIT. */
typedef struct fw_udp_sink_options {
    uint32_t struct_size;       /* sizeof(fw_udp_sink_options) */
    fw_udp_segmentation segmentation;
    int64_t send_timeout_ns;    /* how long a call may wait for room in the socket; negative: not at all; 0 = default, 1 s */
    uint32_t send_buffer_bytes; /* of the socket, which the system may bound; 0 = default: the system's */
    uint32_t reserved;          /* 0 */
} fw_udp_sink_options;

#define FW_UDP_SINK_OPTIONS_INIT { (uint32_t)sizeof(fw_udp_sink_options), FW_UDP_SEGMENTATION_AUTO, 0, 0, 0 }

/*
 * Opens a socket that sends to udp://host:port; an IPv6 address in brackets, udp://[::1]:5004. A host name is looked
 * up. Behind a `?`, joined by `&`, multicast addresses can have
 *
 *   ttl=8            hops that the packets may take, 1 to 255; 1, the local network, if it is left out
 *   interface=eth0   that the packets leave by; the system chooses if it is left out
 *
 * `options` may be NULL. Errors: INVALID_ARGUMENT, ADDRESS (the URL, an unknown host or interface), CONNECTION,
 * PERMISSION, IO (no descriptors are left), NO_MEMORY.
 */
fw_status fw_udp_sink_open(const char *url, const fw_udp_sink_options *options, fw_udp_sink **out);

/*
 * Sends each buffer of the list as one datagram, in order and from the memories it has: all with one call of the
 * system (sendmmsg), or one for each 1024. The list stays the caller's.
 *
 * When the socket has no room it waits up to send_timeout_ns in all. The rest of the list is dropped if the call
 * fails, but for a refusal: the sink can be used further.
 * Errors: INVALID_ARGUMENT (NULL; a buffer has no bytes), UNSUPPORTED (a memory cannot be mapped), TIMEOUT,
 * CONNECTION (the receiver's machine refuses the packets: nothing listens on the port. All were sent nevertheless, as
 * it may listen by now; or the network cannot be reached, or a packet is larger than a datagram can be), PERMISSION,
 * NO_MEMORY.
 */
fw_status fw_udp_sink_send(fw_udp_sink *sink, const fw_buffer_list *list);

/* Counts since the sink was opened. */
typedef struct fw_udp_sink_stats {
    uint32_t struct_size;       /* sizeof(fw_udp_sink_stats) */
    uint32_t segmentation;      /* 1: packets of one size are given to the system together */
    uint64_t packets_sent;
    uint64_t bytes_sent;        /* of datagrams, without the headers of UDP and IP */
    uint64_t packets_dropped;   /* of lists that could not be sent to the end */
    uint64_t packets_segmented; /* of packets_sent, those that the system made of larger datagrams */
    uint64_t calls;             /* of sendmmsg */
    uint64_t waits;             /* for room in the socket */
    uint64_t refusals;          /* reports that nothing listens on the port */
} fw_udp_sink_stats;

#define FW_UDP_SINK_STATS_INIT { (uint32_t)sizeof(fw_udp_sink_stats), 0, 0, 0, 0, 0, 0, 0, 0 }

/* Errors: INVALID_ARGUMENT. */
fw_status fw_udp_sink_get_stats(const fw_udp_sink *sink, fw_udp_sink_stats *stats);

/* NULL is allowed. */
void fw_udp_sink_close(fw_udp_sink *sink);

#ifdef __cplusplus
}
#endif

#endif /* FRAMEWIRE_RTP_H */
