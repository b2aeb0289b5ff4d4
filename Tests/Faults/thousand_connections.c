/*
 * A thousand connections come and go, at a receiver that listens and at a sender that listens: descriptors and threads afterwards are
 * those of before, and memory is level.
 *
 * SPDX-License-Identifier: MIT
 */
#include "faults.h"

enum { WARM_UP = 200, CONNECTIONS = 1000 };

static const char *url(uint16_t port, const char *query) {
    static char text[64];
    snprintf(text, sizeof text, "tcp://127.0.0.1:%u%s", (unsigned)port, query);
    return text;
}

static void send_one(fw_sender *sender, uint64_t index) {
    fw_frame_info info = FW_FRAME_INFO_INIT;
    fw_frame *frame;
    stamp mark = {STAMP_MAGIC, 0, 0, 0, CONTENT_RUNS};
    info.width = info.height = 64;
    mark.index = index;
    CHECK(fw_sender_acquire(sender, &info, &frame) == FW_OK);
    paint(fw_frame_data(frame), fw_frame_size(frame), &mark);
    CHECK(fw_sender_submit(sender, frame) == FW_OK);
}

static void expect_one(fw_receiver *receiver, uint64_t index) {
    fw_frame *frame;
    stamp mark;
    CHECK(fw_receiver_next(receiver, 30 * SECOND, &frame) == FW_OK);
    CHECK(is_painted(fw_frame_data(frame), fw_frame_size(frame), &mark));
    CHECK(mark.index == index);
    fw_frame_unref(frame);
}

/* The sender may not have heard yet that the receiver before has gone: frames that it sends there are lost. */
static void send_until_one_arrives(fw_sender *sender, fw_receiver *receiver, uint64_t *index) {
    fw_frame *frame;
    stamp mark;
    fw_status status;
    int64_t limit = now_ns() + 30 * SECOND;
    do {
        CHECK(now_ns() < limit);
        send_one(sender, (*index)++);
        status = fw_receiver_next(receiver, 5 * MILLISECOND, &frame);
    } while (status == FW_ERROR_TIMEOUT);
    CHECK(status == FW_OK);
    CHECK(is_painted(fw_frame_data(frame), fw_frame_size(frame), &mark));
    fw_frame_unref(frame);
}

typedef struct level {
    int descriptors, threads;
    long memory;
} level;

static level measure(void) {
    level now;
    now.descriptors = count_of("fd");
    now.threads = count_of("task");
    now.memory = memory_kib("VmRSS:");
    return now;
}

/* Threads and sockets of the last connection go when the I/O thread comes to it. */
static void compare(const char *what, level before) {
    level after;
    int64_t limit = now_ns() + 20 * SECOND;
    do {
        sleep_for(10 * MILLISECOND);
        after = measure();
    } while ((after.descriptors > before.descriptors || after.threads > before.threads) && now_ns() < limit);
    printf("%s: descriptors %d to %d, threads %d to %d, %ld to %ld KiB. ", what, before.descriptors, after.descriptors,
           before.threads, after.threads, before.memory, after.memory);
    CHECK(after.descriptors <= before.descriptors);
    CHECK(after.threads <= before.threads);
    CHECK(after.memory <= before.memory + 4096);
}

int main(void) {
    level before = {0, 0, 0};
    fw_sender_options sending = FW_SENDER_OPTIONS_INIT;
    fw_receiver_options receiving = FW_RECEIVER_OPTIONS_INIT;
    fw_receiver *receiver;
    fw_sender *sender;
    uint16_t port;
    uint64_t index = 0;
    int i;
    begin(100);
    fw_set_log(NULL, FW_LOG_ERROR, NULL);

    sending.overflow = FW_OVERFLOW_BLOCK;
    sending.threads = receiving.threads = 1;
    CHECK(fw_receiver_open("tcp://127.0.0.1:0", &receiving, &receiver) == FW_OK);
    port = fw_receiver_port(receiver);
    for (i = 0; i < CONNECTIONS; i++) {
        if (i == WARM_UP) before = measure();
        CHECK(fw_sender_open(url(port, ""), &sending, &sender) == FW_OK);
        send_one(sender, (uint64_t)i);
        expect_one(receiver, (uint64_t)i);
        fw_sender_close(sender);
    }
    compare("senders", before);
    fw_receiver_close(receiver);

    sending.overflow = FW_OVERFLOW_DROP_OLDEST;
    CHECK(fw_sender_open("tcp://127.0.0.1:0?listen=1", &sending, &sender) == FW_OK);
    port = fw_sender_port(sender);
    receiving.reconnect = FW_RECONNECT_NEVER;
    for (i = 0; i < CONNECTIONS; i++) {
        if (i == WARM_UP) before = measure();
        CHECK(fw_receiver_open(url(port, "?connect=1"), &receiving, &receiver) == FW_OK);
        send_until_one_arrives(sender, receiver, &index);
        fw_receiver_close(receiver);
    }
    compare("receivers", before);
    fw_sender_close(sender);
    printf("\n");
    return 0;
}
