/*
 * fw_rtp_h264_… and fw_udp_sink_…. The program has a sendmmsg of its own, which sees what the sink gives to the
 * system, and can fail as the system can; and it counts the allocations of the library.
 */
#define _GNU_SOURCE
#include "check.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* Allocations while `counting`. One thread. */
static int counting, allocations;
extern void *__libc_malloc(size_t size);
extern void *__libc_realloc(void *block, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

void *malloc(size_t size) {
    allocations += counting;
    return __libc_malloc(size);
}

void *realloc(void *block, size_t size) {
    allocations += counting;
    return __libc_realloc(block, size);
}

int posix_memalign(void **out, size_t alignment, size_t size) {
    allocations += counting;
    *out = __libc_memalign(alignment, size);
    return *out == NULL ? ENOMEM : 0;
}

void *aligned_alloc(size_t alignment, size_t size) {
    allocations += counting;
    return __libc_memalign(alignment, size);
}

/* What the system gets, and how it answers. */
static const unsigned char *input;
static size_t input_size;
static unsigned long input_bytes_sent, other_bytes_sent, messages_sent, segmented_messages, send_calls;
static int failures_left, failure, most_at_once = 1 << 30;

int sendmmsg(int descriptor, struct mmsghdr *messages, unsigned count, int flags) {
    static int (*real)(int, struct mmsghdr *, unsigned, int);
    int sent;
    if (real == NULL) *(void **)&real = dlsym(RTLD_NEXT, "sendmmsg");
    send_calls++;
    CHECK((flags & MSG_NOSIGNAL) != 0);
    if (failures_left != 0 && (failure != EINVAL || messages[0].msg_hdr.msg_controllen > 0)) {
        if (failures_left > 0) failures_left--;
        errno = failure;
        return -1;
    }
    sent = real(descriptor, messages, count < (unsigned)most_at_once ? count : (unsigned)most_at_once, flags);
    for (int i = 0; i < sent; i++) {
        const struct msghdr *header = &messages[i].msg_hdr;
        messages_sent++;
        if (header->msg_controllen > 0) segmented_messages++;
        for (size_t v = 0; v < header->msg_iovlen; v++) {
            const unsigned char *base = header->msg_iov[v].iov_base;
            size_t size = header->msg_iov[v].iov_len;
            if (base >= input && base + size <= input + input_size) input_bytes_sent += size;
            else other_bytes_sent += size;
        }
    }
    return sent;
}

enum { UNITS = 4, STREAM_ROOM = 200000 };
static unsigned char stream[STREAM_ROOM];

/* An access unit of parameter sets, a slice of `size` bytes and one of 60. */
static size_t make_access_unit(size_t size) {
    static const unsigned char headers[UNITS] = {0x67, 0x68, 0x65, 0x41};
    size_t sizes[UNITS], used = 0;
    sizes[0] = 20;
    sizes[1] = 5;
    sizes[2] = size;
    sizes[3] = 60;
    for (int i = 0; i < UNITS; i++) {
        memcpy(stream + used, "\0\0\0\1", 4);
        stream[used + 4] = headers[i];
        for (size_t j = 1; j < sizes[i]; j++) stream[used + 4 + j] = (unsigned char)(j % 250 + 2);
        used += 4 + sizes[i];
    }
    return used;
}

static fw_buffer *wrap(void *bytes, size_t size, int64_t pts) {
    fw_buffer *buffer;
    CHECK(fw_buffer_new_wrapped(bytes, size, 0, size, FW_MEMORY_FLAG_READ_ONLY, NULL, NULL, &buffer) == FW_OK);
    CHECK(fw_buffer_set_pts(buffer, pts) == FW_OK);
    return buffer;
}

static int receiver(uint16_t *port) {
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    int descriptor = socket(AF_INET, SOCK_DGRAM, 0), room = 1 << 20;
    struct timeval patience = {10, 0};
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(descriptor >= 0 && bind(descriptor, (struct sockaddr *)&address, sizeof address) == 0);
    CHECK(getsockname(descriptor, (struct sockaddr *)&address, &size) == 0);
    setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    CHECK(setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0);
    *port = ntohs(address.sin_port);
    return descriptor;
}

static fw_udp_sink *open_sink(uint16_t port, const fw_udp_sink_options *options) {
    char url[64];
    fw_udp_sink *sink;
    snprintf(url, sizeof url, "udp://127.0.0.1:%u", port);
    CHECK(fw_udp_sink_open(url, options, &sink) == FW_OK);
    return sink;
}

static fw_udp_sink_stats sink_stats(fw_udp_sink *sink) {
    fw_udp_sink_stats stats = FW_UDP_SINK_STATS_INIT;
    CHECK(fw_udp_sink_get_stats(sink, &stats) == FW_OK);
    return stats;
}

/* Packets go through a socket and come back as what they were made of: no byte copied, nothing allocated. */
static void test_there_and_back(const fw_rtp_h264_options *options, fw_udp_segmentation segmentation) {
    uint16_t port;
    int descriptor = receiver(&port);
    fw_udp_sink_options sink_options = FW_UDP_SINK_OPTIONS_INIT;
    fw_udp_sink *sink;
    fw_rtp_h264_payloader *payloader;
    fw_rtp_h264_depayloader *depayloader;
    fw_rtp_h264_stats stats = FW_RTP_H264_STATS_INIT;
    fw_rtp_h264_depayloader_stats back = FW_RTP_H264_DEPAYLOADER_STATS_INIT;
    unsigned long before;
    sink_options.segmentation = segmentation;
    sink = open_sink(port, &sink_options);
    CHECK(fw_rtp_h264_payloader_new(options, &payloader) == FW_OK);
    CHECK(fw_rtp_h264_depayloader_new(NULL, &depayloader) == FW_OK);
    input = stream;
    input_bytes_sent = other_bytes_sent = 0;
    for (int i = 0; i < 30; i++) {
        size_t size = make_access_unit(20000);
        fw_buffer *picture = wrap(stream, size, i * (int64_t)40000000), *restored;
        fw_buffer_list *packets;
        size_t count;
        int equal;
        input_size = size;
        before = send_calls;
        allocations = 0;
        counting = 1;
        CHECK(fw_rtp_h264_payloader_payload(payloader, picture, &packets) == FW_OK);
        CHECK(fw_buffer_list_is_writable(packets));
        CHECK(fw_udp_sink_send(sink, packets) == FW_OK);
        CHECK(send_calls == before + 1);
        count = fw_buffer_list_length(packets);
        fw_buffer_list_unref(packets);
        CHECK(fw_buffer_is_writable(picture));
        for (size_t p = 0; p < count; p++) {
            static unsigned char bytes[65536];
            ssize_t got = recv(descriptor, bytes, sizeof bytes, 0);
            CHECK(got > 12);
            CHECK(fw_rtp_h264_depayloader_push(depayloader, bytes, (size_t)got) == FW_OK);
        }
        CHECK(fw_rtp_h264_depayloader_next(depayloader, &restored) == FW_OK);
        CHECK(fw_buffer_size(restored) == size);
        equal = 0;
        {
            fw_map_info map;
            CHECK(fw_buffer_map(restored, FW_MAP_READ, &map) == FW_OK);
            equal = memcmp(map.data, stream, size) == 0;
            CHECK(fw_buffer_unmap(restored, &map) == FW_OK);
        }
        CHECK(equal);
        CHECK(fw_buffer_pts(restored) == i * (int64_t)40000000);
        fw_buffer_unref(restored);
        fw_buffer_unref(picture);
        counting = 0;
        CHECK(i > 0 || allocations > 0);
        CHECK(i < 10 || allocations == 0);
    }
    CHECK(fw_rtp_h264_depayloader_next(depayloader, (fw_buffer *[1]){NULL}) == FW_ERROR_WOULD_BLOCK);
    CHECK(fw_rtp_h264_payloader_get_stats(payloader, &stats) == FW_OK);
    CHECK(stats.access_units == 30);
    CHECK(stats.packets == sink_stats(sink).packets_sent);
    CHECK(stats.payload_bytes_copied == 0);
    CHECK(stats.payload_bytes_shared == input_bytes_sent);
    /* What is not memory of the input are headers alone. */
    CHECK(other_bytes_sent == stats.payload_bytes - stats.payload_bytes_shared + 12 * stats.packets);
    CHECK(sink_stats(sink).bytes_sent == input_bytes_sent + other_bytes_sent);
    CHECK(fw_rtp_h264_depayloader_get_stats(depayloader, &back) == FW_OK);
    CHECK(back.packets == stats.packets && back.access_units == 30 && back.access_units_damaged == 0);
    CHECK(back.ssrc == stats.ssrc);
    fw_rtp_h264_depayloader_free(depayloader);
    fw_rtp_h264_payloader_free(payloader);
    fw_udp_sink_close(sink);
    close(descriptor);
}

/* The ways in which the system can answer. */
static void test_answers(void) {
    uint16_t port;
    int descriptor = receiver(&port);
    fw_udp_sink_options options = FW_UDP_SINK_OPTIONS_INIT;
    fw_udp_sink *sink;
    fw_rtp_h264_payloader *payloader;
    fw_buffer *picture = wrap(stream, make_access_unit(30000), 0);
    fw_buffer_list *packets;
    size_t count;
    options.send_timeout_ns = 20000000;
    sink = open_sink(port, &options);
    CHECK(fw_rtp_h264_payloader_new(NULL, &payloader) == FW_OK);
    CHECK(fw_rtp_h264_payloader_payload(payloader, picture, &packets) == FW_OK);
    count = fw_buffer_list_length(packets);

    failure = EINTR;
    failures_left = 5;
    CHECK(fw_udp_sink_send(sink, packets) == FW_OK);
    CHECK(sink_stats(sink).packets_sent == count);

    most_at_once = 1;
    CHECK(fw_udp_sink_send(sink, packets) == FW_OK);
    CHECK(sink_stats(sink).packets_sent == 2 * count);
    most_at_once = 1 << 30;

    failure = EAGAIN;
    failures_left = 3;
    CHECK(fw_udp_sink_send(sink, packets) == FW_OK);
    CHECK(sink_stats(sink).waits == 3);
    failures_left = -1;
    CHECK(fw_udp_sink_send(sink, packets) == FW_ERROR_TIMEOUT);
    CHECK(strstr(fw_last_error(), "no room") != NULL);
    CHECK(sink_stats(sink).packets_dropped == count);

    failure = ECONNREFUSED;
    failures_left = 2;
    CHECK(fw_udp_sink_send(sink, packets) == FW_ERROR_CONNECTION);
    CHECK(strstr(fw_last_error(), "refuses packets") != NULL);
    CHECK(sink_stats(sink).packets_sent == 4 * count);
    CHECK(sink_stats(sink).refusals == 2);
    failures_left = -1;
    CHECK(fw_udp_sink_send(sink, packets) == FW_ERROR_CONNECTION);

    failure = ENETUNREACH;
    CHECK(fw_udp_sink_send(sink, packets) == FW_ERROR_CONNECTION);
    failure = EPERM;
    CHECK(fw_udp_sink_send(sink, packets) == FW_ERROR_PERMISSION);
    failure = ENOBUFS;
    CHECK(fw_udp_sink_send(sink, packets) == FW_ERROR_NO_MEMORY);

    /* A system or a network device that cannot divide datagrams: nothing is lost, and it is not tried again. */
    failure = EINVAL;
    CHECK(fw_udp_sink_send(sink, packets) == FW_OK);
    CHECK(sink_stats(sink).segmentation == 0);
    CHECK(sink_stats(sink).packets_sent == 5 * count);
    failures_left = 0;
    segmented_messages = 0;
    CHECK(fw_udp_sink_send(sink, packets) == FW_OK);
    CHECK(segmented_messages == 0);

    fw_buffer_list_unref(packets);
    fw_buffer_unref(picture);
    fw_rtp_h264_payloader_free(payloader);
    fw_udp_sink_close(sink);
    close(descriptor);
}

/* Lists, packets and memories live as long as somebody holds them. */
static void test_ownership(void) {
    fw_rtp_h264_payloader *payloader;
    fw_buffer_list *lists[40], *copy;
    fw_buffer *packet, *picture = wrap(stream, make_access_unit(5000), 7);
    unsigned char first[64], again[64];
    CHECK(fw_rtp_h264_payloader_new(NULL, &payloader) == FW_OK);
    for (int i = 0; i < 40; i++) CHECK(fw_rtp_h264_payloader_payload(payloader, picture, &lists[i]) == FW_OK);
    CHECK(fw_buffer_list_copy(lists[0], &copy) == FW_OK);
    packet = fw_buffer_ref(fw_buffer_list_get(lists[1], 2));
    CHECK(fw_buffer_extract(packet, 0, first, sizeof first) == sizeof first);
    for (int i = 0; i < 40; i++) fw_buffer_list_unref(lists[i]);
    for (int i = 0; i < 40; i++) CHECK(fw_rtp_h264_payloader_payload(payloader, picture, &lists[i]) == FW_OK);
    fw_rtp_h264_payloader_free(payloader);
    CHECK(fw_buffer_extract(packet, 0, again, sizeof again) == sizeof again);
    CHECK(memcmp(first, again, sizeof first) == 0);
    CHECK(fw_buffer_list_length(copy) == fw_buffer_list_length(lists[0]));
    CHECK(fw_buffer_pts(packet) == 7);
    fw_buffer_unref(packet);
    for (int i = 0; i < 40; i++) fw_buffer_list_unref(lists[i]);
    fw_buffer_list_unref(copy);
    fw_buffer_unref(picture);
}

static void test_sdp(void) {
    fw_rtp_h264_payloader *payloader;
    fw_rtp_h264_options options = FW_RTP_H264_OPTIONS_INIT;
    char text[2048];
    size_t needed = 0;
    options.payload_type = 111;
    CHECK(fw_rtp_h264_payloader_new(&options, &payloader) == FW_OK);
    CHECK(fw_rtp_h264_payloader_get_sdp(payloader, "udp://10.0.0.1:5004", NULL, 0, &needed) == FW_OK);
    CHECK(needed > 80);
    CHECK(fw_rtp_h264_payloader_get_sdp(payloader, "udp://10.0.0.1:5004", text, needed, NULL) == FW_OK);
    CHECK(strlen(text) == needed - 1);
    CHECK(strstr(text, "m=video 5004 RTP/AVP 111\r\n") != NULL);
    text[0] = 'x';
    CHECK(fw_rtp_h264_payloader_get_sdp(payloader, "udp://10.0.0.1:5004", text, needed - 1, &needed) == FW_ERROR_TOO_LARGE);
    CHECK(text[0] == 'x' && needed > 80);
    CHECK(fw_rtp_h264_payloader_get_sdp(payloader, "udp://10.0.0.1:5004", NULL, 0, NULL) == FW_ERROR_TOO_LARGE);
    CHECK(fw_rtp_h264_payloader_get_sdp(payloader, "tcp://10.0.0.1:5004", text, sizeof text, NULL) == FW_ERROR_ADDRESS);
    CHECK(fw_rtp_h264_payloader_get_sdp(payloader, NULL, text, sizeof text, NULL) == FW_ERROR_INVALID_ARGUMENT);
    CHECK(fw_rtp_h264_payloader_get_sdp(payloader, "udp://a:1", NULL, 5, NULL) == FW_ERROR_INVALID_ARGUMENT);
    CHECK(fw_rtp_h264_payloader_get_sdp(NULL, "udp://a:1", text, 5, NULL) == FW_ERROR_INVALID_ARGUMENT);
    fw_rtp_h264_payloader_free(payloader);
}

/* The status of a payloader with options that `change` has spoiled. */
#define REFUSED(field, value, status)                                                                                \
    do {                                                                                                             \
        fw_rtp_h264_options options = FW_RTP_H264_OPTIONS_INIT;                                                      \
        fw_rtp_h264_payloader *none = (fw_rtp_h264_payloader *)&options;                                             \
        options.field = value;                                                                                       \
        CHECK(fw_rtp_h264_payloader_new(&options, &none) == status);                                                 \
        CHECK(none == NULL && fw_last_error()[0] != '\0');                                                           \
    } while (0)

#define DEPAYLOADER_REFUSED(field, value, status)                                                                    \
    do {                                                                                                             \
        fw_rtp_h264_depayloader_options options = FW_RTP_H264_DEPAYLOADER_OPTIONS_INIT;                              \
        fw_rtp_h264_depayloader *none = (fw_rtp_h264_depayloader *)&options;                                         \
        options.field = value;                                                                                       \
        CHECK(fw_rtp_h264_depayloader_new(&options, &none) == status);                                               \
        CHECK(none == NULL && fw_last_error()[0] != '\0');                                                           \
    } while (0)

static void test_arguments(void) {
    fw_rtp_h264_payloader *payloader;
    fw_rtp_h264_depayloader *depayloader;
    fw_rtp_h264_stats stats = FW_RTP_H264_STATS_INIT;
    fw_rtp_h264_depayloader_stats back = FW_RTP_H264_DEPAYLOADER_STATS_INIT;
    fw_udp_sink_stats sent = FW_UDP_SINK_STATS_INIT;
    fw_udp_sink_options sink_options = FW_UDP_SINK_OPTIONS_INIT;
    fw_udp_sink *sink;
    fw_buffer *buffer;
    fw_buffer_list *list = NULL;
    static unsigned char avcc[7] = {1, 0x42, 0, 30, 0xFF, 0xE0, 0};

    REFUSED(struct_size, 0, FW_ERROR_INVALID_ARGUMENT);
    REFUSED(format, (fw_h264_format)7, FW_ERROR_INVALID_ARGUMENT);
    REFUSED(aggregation, (fw_rtp_aggregation)7, FW_ERROR_INVALID_ARGUMENT);
    REFUSED(mtu, 27, FW_ERROR_OUT_OF_RANGE);
    REFUSED(mtu, 65508, FW_ERROR_OUT_OF_RANGE);
    REFUSED(payload_type, 128, FW_ERROR_OUT_OF_RANGE);
    REFUSED(ssrc, (int64_t)1 << 32, FW_ERROR_OUT_OF_RANGE);
    REFUSED(sequence, 65536, FW_ERROR_OUT_OF_RANGE);
    REFUSED(timestamp_offset, -2, FW_ERROR_OUT_OF_RANGE);
    REFUSED(nal_size_bytes, 3, FW_ERROR_INVALID_ARGUMENT);
    REFUSED(codec_data_size, 7, FW_ERROR_INVALID_ARGUMENT);
    REFUSED(codec_data = avcc; options.codec_data_size, 6, FW_ERROR_CORRUPT);
    CHECK(fw_rtp_h264_payloader_new(NULL, NULL) == FW_ERROR_INVALID_ARGUMENT);
    DEPAYLOADER_REFUSED(struct_size, 4, FW_ERROR_INVALID_ARGUMENT);
    DEPAYLOADER_REFUSED(format, (fw_h264_format)7, FW_ERROR_INVALID_ARGUMENT);
    DEPAYLOADER_REFUSED(payload_type, 128, FW_ERROR_OUT_OF_RANGE);
    DEPAYLOADER_REFUSED(reorder_packets, 1025, FW_ERROR_OUT_OF_RANGE);
    DEPAYLOADER_REFUSED(ssrc, -2, FW_ERROR_OUT_OF_RANGE);
    DEPAYLOADER_REFUSED(max_access_unit_bytes, UINT64_MAX, FW_ERROR_OUT_OF_RANGE);
    DEPAYLOADER_REFUSED(max_waiting, 1025, FW_ERROR_OUT_OF_RANGE);
    CHECK(fw_rtp_h264_depayloader_new(NULL, NULL) == FW_ERROR_INVALID_ARGUMENT);

    CHECK(fw_rtp_h264_payloader_new(NULL, &payloader) == FW_OK);
    buffer = wrap(stream, make_access_unit(100), 0);
    CHECK(fw_rtp_h264_payloader_payload(NULL, buffer, &list) == FW_ERROR_INVALID_ARGUMENT && list == NULL);
    CHECK(fw_rtp_h264_payloader_payload(payloader, NULL, &list) == FW_ERROR_INVALID_ARGUMENT);
    CHECK(fw_rtp_h264_payloader_payload(payloader, buffer, NULL) == FW_ERROR_INVALID_ARGUMENT);
    CHECK(fw_buffer_set_pts(buffer, FW_TIME_NONE) == FW_OK);
    CHECK(fw_rtp_h264_payloader_payload(payloader, buffer, &list) == FW_ERROR_INVALID_ARGUMENT);
    fw_buffer_unref(buffer);
    buffer = wrap(stream, 3, 0);
    CHECK(fw_rtp_h264_payloader_payload(payloader, buffer, &list) == FW_ERROR_CORRUPT);
    fw_buffer_unref(buffer);
    CHECK(fw_buffer_new(&buffer) == FW_OK && fw_buffer_set_pts(buffer, 0) == FW_OK);
    CHECK(fw_rtp_h264_payloader_payload(payloader, buffer, &list) == FW_ERROR_INVALID_ARGUMENT);
    fw_buffer_unref(buffer);
    CHECK(fw_buffer_new_wrapped(NULL, 50, 0, 50, FW_MEMORY_FLAG_NOT_MAPPABLE, NULL, NULL, &buffer) == FW_OK);
    CHECK(fw_buffer_set_pts(buffer, 0) == FW_OK);
    CHECK(fw_rtp_h264_payloader_payload(payloader, buffer, &list) == FW_ERROR_UNSUPPORTED);
    CHECK(fw_rtp_h264_payloader_get_stats(payloader, &stats) == FW_OK && stats.packets == 0);
    CHECK(fw_rtp_h264_payloader_get_stats(NULL, &stats) == FW_ERROR_INVALID_ARGUMENT);
    CHECK(fw_rtp_h264_payloader_get_stats(payloader, NULL) == FW_ERROR_INVALID_ARGUMENT);
    stats.struct_size = 4;
    CHECK(fw_rtp_h264_payloader_get_stats(payloader, &stats) == FW_ERROR_INVALID_ARGUMENT);

    CHECK(fw_udp_sink_open(NULL, NULL, &sink) == FW_ERROR_INVALID_ARGUMENT);
    CHECK(fw_udp_sink_open("udp://127.0.0.1:5004", NULL, NULL) == FW_ERROR_INVALID_ARGUMENT);
    CHECK(fw_udp_sink_open("udp://127.0.0.1", NULL, &sink) == FW_ERROR_ADDRESS && sink == NULL);
    sink_options.segmentation = (fw_udp_segmentation)9;
    CHECK(fw_udp_sink_open("udp://127.0.0.1:5004", &sink_options, &sink) == FW_ERROR_INVALID_ARGUMENT);
    sink_options.struct_size = 3;
    CHECK(fw_udp_sink_open("udp://127.0.0.1:5004", &sink_options, &sink) == FW_ERROR_INVALID_ARGUMENT);
    CHECK(fw_udp_sink_open("udp://127.0.0.1:5004", NULL, &sink) == FW_OK);
    CHECK(fw_buffer_list_new(&list) == FW_OK);
    CHECK(fw_udp_sink_send(sink, list) == FW_OK);
    CHECK(fw_buffer_list_add(list, buffer) == FW_OK);
    CHECK(fw_udp_sink_send(sink, list) == FW_ERROR_UNSUPPORTED);
    CHECK(fw_udp_sink_send(NULL, list) == FW_ERROR_INVALID_ARGUMENT);
    CHECK(fw_udp_sink_send(sink, NULL) == FW_ERROR_INVALID_ARGUMENT);
    CHECK(fw_udp_sink_get_stats(sink, &sent) == FW_OK && sent.packets_dropped == 1);
    CHECK(fw_udp_sink_get_stats(NULL, &sent) == FW_ERROR_INVALID_ARGUMENT);
    CHECK(fw_udp_sink_get_stats(sink, NULL) == FW_ERROR_INVALID_ARGUMENT);
    fw_buffer_list_unref(list);
    fw_udp_sink_close(sink);

    CHECK(fw_rtp_h264_depayloader_new(NULL, &depayloader) == FW_OK);
    CHECK(fw_rtp_h264_depayloader_push(depayloader, NULL, 5) == FW_ERROR_INVALID_ARGUMENT);
    CHECK(fw_rtp_h264_depayloader_push(depayloader, stream, SIZE_MAX) == FW_ERROR_INVALID_ARGUMENT);
    CHECK(fw_rtp_h264_depayloader_push(NULL, stream, 5) == FW_ERROR_INVALID_ARGUMENT);
    CHECK(fw_rtp_h264_depayloader_push(depayloader, NULL, 0) == FW_OK);
    CHECK(fw_rtp_h264_depayloader_push(depayloader, stream, 70000) == FW_OK);
    CHECK(fw_rtp_h264_depayloader_flush(NULL) == FW_ERROR_INVALID_ARGUMENT);
    CHECK(fw_rtp_h264_depayloader_flush(depayloader) == FW_OK);
    CHECK(fw_rtp_h264_depayloader_next(NULL, &buffer) == FW_ERROR_INVALID_ARGUMENT && buffer == NULL);
    CHECK(fw_rtp_h264_depayloader_next(depayloader, NULL) == FW_ERROR_INVALID_ARGUMENT);
    CHECK(fw_rtp_h264_depayloader_next(depayloader, &buffer) == FW_ERROR_WOULD_BLOCK);
    CHECK(fw_rtp_h264_depayloader_get_stats(depayloader, &back) == FW_OK && back.packets_malformed == 2);
    CHECK(fw_rtp_h264_depayloader_get_stats(NULL, &back) == FW_ERROR_INVALID_ARGUMENT);
    CHECK(fw_rtp_h264_depayloader_get_stats(depayloader, NULL) == FW_ERROR_INVALID_ARGUMENT);

    fw_rtp_h264_depayloader_free(depayloader);
    fw_rtp_h264_payloader_free(payloader);
    fw_rtp_h264_depayloader_free(NULL);
    fw_rtp_h264_payloader_free(NULL);
    fw_udp_sink_close(NULL);
}

int main(void) {
    fw_rtp_h264_options aggregating = FW_RTP_H264_OPTIONS_INIT;
    test_there_and_back(NULL, FW_UDP_SEGMENTATION_AUTO);
    test_there_and_back(NULL, FW_UDP_SEGMENTATION_OFF);
    aggregating.aggregation = FW_RTP_AGGREGATION_STAP_A;
    aggregating.mtu = 900;
    test_there_and_back(&aggregating, FW_UDP_SEGMENTATION_AUTO);
    test_answers();
    test_ownership();
    test_sdp();
    test_arguments();
    return 0;
}
