/*
 * Two hours of a stream of 30 frames a second, as fast as this machine takes them: every frame arrives to the bit with its own time,
 * and memory is level. Then counters and times go beyond 32 bits.
 *
 * SPDX-License-Identifier: MIT
 */
#include "faults.h"

#include <pthread.h>

enum { FRAMES = 2 * 60 * 60 * 30, LEVEL_AFTER = 20000, SIDE = 16 };

#define INTERVAL (SECOND / 30)
/* The stream has been running for a year when the test begins. */
#define BEGINNING (INT64_C(365) * 24 * 3600 * SECOND)

static fw_sender *sender;
static long level_kib;

static void send_frames(void) {
    fw_frame_info info = FW_FRAME_INFO_INIT;
    stamp mark = {STAMP_MAGIC, 0, 0, 0, CONTENT_RUNS};
    info.width = info.height = SIDE;
    info.duration_ns = INTERVAL;
    for (mark.index = 0; mark.index < FRAMES; mark.index++) {
        fw_frame *frame;
        info.pts_ns = BEGINNING + (int64_t)mark.index * INTERVAL;
        CHECK(fw_sender_acquire(sender, &info, &frame) == FW_OK);
        paint(fw_frame_data(frame), fw_frame_size(frame), &mark);
        CHECK(fw_sender_submit(sender, frame) == FW_OK);
    }
}

static void *receive_frames(void *argument) {
    fw_receiver *receiver = (fw_receiver *)argument;
    uint64_t i;
    for (i = 0; i < FRAMES; i++) {
        fw_frame *frame;
        fw_frame_info info = FW_FRAME_INFO_INIT;
        stamp mark;
        CHECK(fw_receiver_next(receiver, 30 * SECOND, &frame) == FW_OK);
        CHECK(fw_frame_get_info(frame, &info) == FW_OK);
        CHECK(is_painted(fw_frame_data(frame), fw_frame_size(frame), &mark));
        CHECK(mark.index == i && info.sequence == i);
        CHECK(info.pts_ns == BEGINNING + (int64_t)i * INTERVAL && info.duration_ns == INTERVAL);
        fw_frame_unref(frame);
        if (i == LEVEL_AFTER) level_kib = memory_kib("VmRSS:");
    }
    return NULL;
}

/* A large picture that does not change costs little, and its bytes count: more than 4 GiB of them. */
static void count_beyond_32_bits(fw_receiver *receiver) {
    fw_frame_info info = FW_FRAME_INFO_INIT;
    fw_sender_stats sent = FW_SENDER_STATS_INIT;
    fw_receiver_stats received = FW_RECEIVER_STATS_INIT;
    static const int64_t times[] = {INT64_MIN + 1, -1, 0, INT64_C(1) << 32, INT64_MAX};
    stamp mark = {STAMP_MAGIC, 0, 0, 0, CONTENT_STILL};
    fw_frame *frame;
    unsigned char *pixels;
    size_t size;
    uint64_t before;
    int i;
    info.width = info.height = 4096;
    CHECK(fw_frame_info_size(&info, &size) == FW_OK);
    CHECK((pixels = (unsigned char *)malloc(size)) != NULL);
    paint(pixels, size, &mark);
    CHECK(fw_receiver_get_stats(receiver, &received) == FW_OK);
    before = received.bytes_raw;
    for (i = 0; i < 70; i++) {
        fw_frame_info got = FW_FRAME_INFO_INIT;
        info.pts_ns = times[i % 5];
        CHECK(fw_sender_push_wrapped(sender, &info, pixels, size, NULL, NULL) == FW_OK);
        CHECK(fw_receiver_next(receiver, 30 * SECOND, &frame) == FW_OK);
        CHECK(fw_frame_get_info(frame, &got) == FW_OK);
        CHECK(got.pts_ns == times[i % 5]);
        CHECK(i % 10 || memcmp(fw_frame_data(frame), pixels, size) == 0);
        fw_frame_unref(frame);
    }
    CHECK(fw_sender_flush(sender, 30 * SECOND) == FW_OK);
    CHECK(fw_sender_get_stats(sender, &sent) == FW_OK);
    CHECK(fw_receiver_get_stats(receiver, &received) == FW_OK);
    CHECK(received.bytes_raw == before + 70 * (uint64_t)size && received.bytes_raw > UINT32_MAX);
    CHECK(sent.bytes_raw == received.bytes_raw);
    CHECK(received.frames_delivered == FRAMES + 70 && sent.frames_sent == FRAMES + 70);
    free(pixels);
}

int main(void) {
    fw_sender_options sending = FW_SENDER_OPTIONS_INIT;
    fw_receiver_options receiving = FW_RECEIVER_OPTIONS_INIT;
    fw_receiver *receiver;
    pthread_t thread;
    char url[64];
    int64_t start;
    long after;
    begin(100);
    sending.overflow = FW_OVERFLOW_BLOCK;
    sending.profile = FW_PROFILE_TILE;
    sending.queue_depth = receiving.queue_depth = 16;
    sending.threads = receiving.threads = 1;
    CHECK(fw_receiver_open("tcp://127.0.0.1:0", &receiving, &receiver) == FW_OK);
    snprintf(url, sizeof url, "tcp://127.0.0.1:%u", (unsigned)fw_receiver_port(receiver));
    CHECK(fw_sender_open(url, &sending, &sender) == FW_OK);
    start = now_ns();
    CHECK(pthread_create(&thread, NULL, receive_frames, receiver) == 0);
    send_frames();
    CHECK(pthread_join(thread, NULL) == 0);
    after = memory_kib("VmRSS:");
    printf("%d frames, %lld s of pictures in %lld s; %ld KiB at the beginning, %ld KiB at the end\n", FRAMES,
           (long long)(FRAMES * INTERVAL / SECOND), (long long)((now_ns() - start) / SECOND), level_kib, after);
    CHECK(after <= level_kib + 2048);
    count_beyond_32_bits(receiver);
    fw_sender_close(sender);
    fw_receiver_close(receiver);
    return 0;
}
