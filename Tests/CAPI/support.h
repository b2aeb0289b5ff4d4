/* What the tests of senders and receivers share: pictures, addresses, sockets. Needs _POSIX_C_SOURCE 200809L. */
#ifndef SUPPORT_H
#define SUPPORT_H

#include "clock.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* Nothing that is waited for here should take as long; it bounds a test that would hang. */
#define PATIENCE (60 * SECOND)

/* CHECKs that `call` gives `wanted`, and that the sentence of the error has `words` in it. */
#define CHECK_ERROR(call, wanted, words)                                                                             \
    do {                                                                                                             \
        fw_status status_ = (call);                                                                                  \
        if (status_ != (wanted) || strstr(fw_last_error(), (words)) == NULL) {                                       \
            fprintf(stderr, "%s:%d: %s gave %d, \"%s\"; expected %s with \"%s\"\n", __FILE__, __LINE__, #call,       \
                    (int)status_, fw_last_error(), #wanted, (words));                                                \
            exit(1);                                                                                                 \
        }                                                                                                            \
    } while (0)

#define CHECK_OK(call) CHECK((call) == FW_OK)

/* Fewer rounds for slow machines: valgrind. */
UNUSED_OK static int quick(void) {
    const char *text = getenv("FRAMEWIRE_TEST_QUICK");
    return text != NULL && *text != '\0' && strcmp(text, "0") != 0;
}

/* A library that hangs must not hang the tests. */
UNUSED_OK static void begin_test(void) { alarm(quick() ? 240 : 60); }

/* A short pause between two looks at a state that is waited for. */
UNUSED_OK static void pause_shortly(void) {
    struct timespec time = {0, 2000000};
    nanosleep(&time, NULL);
}

/* Waits until `condition` holds. */
#define AWAIT(condition)                                                                                             \
    do {                                                                                                             \
        int64_t limit_ = now_ns() + PATIENCE;                                                                        \
        while (!(condition)) {                                                                                       \
            CHECK(now_ns() < limit_);                                                                                \
            pause_shortly();                                                                                         \
        }                                                                                                            \
    } while (0)

/* What a callback on another thread has counted so far. */
UNUSED_OK static int count_of(int *counter) { return __atomic_load_n(counter, __ATOMIC_SEQ_CST); }

UNUSED_OK static int open_descriptors(void) {
    DIR *folder = opendir("/proc/self/fd");
    int count = 0;
    CHECK(folder != NULL);
    while (readdir(folder) != NULL) count++;
    closedir(folder);
    return count;
}

/* ------------------------------------------------------------------------------------------------------- pictures */

UNUSED_OK static fw_frame_info picture(uint32_t width, uint32_t height) {
    fw_frame_info info = FW_FRAME_INFO_INIT;
    info.width = width;
    info.height = height;
    return info;
}

UNUSED_OK static size_t picture_size(const fw_frame_info *info) {
    size_t size = 0;
    CHECK_OK(fw_frame_info_size(info, &size));
    return size;
}

/* Fills memory with runs and noise that depend on `seed` only. */
UNUSED_OK static void paint(void *pixels, size_t size, uint64_t seed) {
    unsigned char *bytes = (unsigned char *)pixels;
    uint64_t state = seed * UINT64_C(0x9E3779B97F4A7C15) + 1;
    size_t at = 0;
    while (at < size) {
        size_t run, end;
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        run = (size_t)((state >> 8) % 97) + 1;
        end = size - at < run ? size : at + run;
        while (at < end) bytes[at++] = (unsigned char)state;
    }
}

UNUSED_OK static uint64_t picture_checksum(const fw_frame_info *info, const void *pixels, size_t size) {
    uint64_t checksum = 0;
    CHECK_OK(fw_frame_info_checksum(info, pixels, size, &checksum));
    return checksum;
}

/* The checksum of the picture that paint() makes of `info` and `seed`. */
UNUSED_OK static uint64_t painted_checksum(const fw_frame_info *info, uint64_t seed) {
    size_t size = picture_size(info);
    void *pixels = malloc(size);
    uint64_t checksum;
    CHECK(pixels != NULL);
    paint(pixels, size, seed);
    checksum = picture_checksum(info, pixels, size);
    free(pixels);
    return checksum;
}

UNUSED_OK static uint64_t frame_checksum(fw_frame *frame) {
    fw_frame_info info = FW_FRAME_INFO_INIT;
    CHECK_OK(fw_frame_get_info(frame, &info));
    return picture_checksum(&info, fw_frame_data(frame), fw_frame_size(frame));
}

/* Acquires a frame, paints it and submits it. */
UNUSED_OK static fw_status send_painted(fw_sender *sender, const fw_frame_info *info, uint64_t seed) {
    fw_frame *frame = NULL;
    fw_status status = fw_sender_acquire(sender, info, &frame);
    if (status != FW_OK) return status;
    CHECK(frame != NULL);
    paint(fw_frame_data(frame), fw_frame_size(frame), seed);
    return fw_sender_submit(sender, frame);
}

/* Fetches a frame and CHECKs that it is the picture of `info` and `seed`. */
UNUSED_OK static void expect_painted(fw_receiver *receiver, const fw_frame_info *info, uint64_t seed) {
    fw_frame *frame = NULL;
    fw_frame_info got = FW_FRAME_INFO_INIT;
    CHECK_OK(fw_receiver_next(receiver, PATIENCE, &frame));
    CHECK_OK(fw_frame_get_info(frame, &got));
    CHECK(got.width == info->width && got.height == info->height && got.format == info->format);
    CHECK(frame_checksum(frame) == painted_checksum(info, seed));
    fw_frame_unref(frame);
}

/* ------------------------------------------------------------------------------------------------------ addresses */

/* "tcp://127.0.0.1:PORT" and what follows; static storage, for one call. */
UNUSED_OK static const char *tcp_url(uint16_t port, const char *query) {
    static char text[128];
    snprintf(text, sizeof text, "tcp://127.0.0.1:%u%s", (unsigned)port, query);
    return text;
}

/* A folder of this process's own, which remove_folder takes away. */
UNUSED_OK static const char *make_folder(void) {
    static char path[128];
    snprintf(path, sizeof path, "%s", "/tmp/framewire-test-XXXXXX");
    CHECK(mkdtemp(path) != NULL);
    return path;
}

/* "SCHEME://FOLDER/NAME" and what follows; static storage, for one call. */
UNUSED_OK static const char *path_url(const char *scheme, const char *folder, const char *rest) {
    static char text[256];
    snprintf(text, sizeof text, "%s://%s/%s", scheme, folder, rest);
    return text;
}

UNUSED_OK static void remove_file(const char *folder, const char *name) {
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    CHECK(unlink(path) == 0);
}

/* Opens a receiver on a free port of 127.0.0.1 and a sender to it. */
UNUSED_OK static void open_pair(const fw_sender_options *sending, const fw_receiver_options *receiving,
                                fw_sender **sender, fw_receiver **receiver) {
    CHECK_OK(fw_receiver_open("tcp://127.0.0.1:0", receiving, receiver));
    CHECK(fw_receiver_port(*receiver) != 0);
    CHECK_OK(fw_sender_open(tcp_url(fw_receiver_port(*receiver), ""), sending, sender));
}

UNUSED_OK static fw_sender_stats sender_stats(fw_sender *sender) {
    fw_sender_stats stats = FW_SENDER_STATS_INIT;
    CHECK_OK(fw_sender_get_stats(sender, &stats));
    return stats;
}

UNUSED_OK static fw_receiver_stats receiver_stats(fw_receiver *receiver) {
    fw_receiver_stats stats = FW_RECEIVER_STATS_INIT;
    CHECK_OK(fw_receiver_get_stats(receiver, &stats));
    return stats;
}

/* -------------------------------------------------------------------------------------------------------- sockets */

UNUSED_OK static struct sockaddr_in loopback(uint16_t port) {
    struct sockaddr_in address;
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

/* A socket bound to a free port of 127.0.0.1, which is stored; it listens if asked to. */
UNUSED_OK static int bind_socket(uint16_t *port, int listening) {
    struct sockaddr_in address = loopback(0);
    socklen_t size = sizeof address;
    int descriptor = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(descriptor >= 0);
    CHECK(bind(descriptor, (struct sockaddr *)&address, size) == 0);
    CHECK(getsockname(descriptor, (struct sockaddr *)&address, &size) == 0);
    if (listening) CHECK(listen(descriptor, 4) == 0);
    *port = ntohs(address.sin_port);
    return descriptor;
}

UNUSED_OK static int connect_socket(uint16_t port) {
    struct sockaddr_in address = loopback(port);
    int descriptor = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(descriptor >= 0);
    CHECK(connect(descriptor, (struct sockaddr *)&address, sizeof address) == 0);
    return descriptor;
}

/* Reads until the other side ends the stream, without looking at the bytes. */
UNUSED_OK static void read_to_end(int descriptor) {
    char bytes[4096];
    while (read(descriptor, bytes, sizeof bytes) > 0) {}
}

#endif
