/* Many threads on one sender and one receiver, and closing while frames are under way. */
#include "support.h"

#include <pthread.h>

enum { PRODUCERS = 6, CONSUMERS = 2, SIDE = 48 };

static fw_sender *sender;
static fw_receiver *receiver;
static int frames_each;
static int stopping;
static int released;

static int is_set(int *flag) { return __atomic_load_n(flag, __ATOMIC_SEQ_CST); }

static void count_up(void *user) { __atomic_add_fetch((int *)user, 1, __ATOMIC_SEQ_CST); }

/* Each producer has a view of its own and numbers its frames in their pts. */
static fw_frame_info frame_of(int producer, int number) {
    fw_frame_info info = picture(SIDE, SIDE);
    info.view_id = (uint32_t)producer;
    info.pts_ns = number;
    return info;
}

static void *produce(void *argument) {
    static unsigned char lent[SIDE * SIDE * 4];
    int producer = (int)(intptr_t)argument, i;
    unsigned char *own = (unsigned char *)malloc(sizeof lent);
    CHECK(own != NULL);
    for (i = 0; i < frames_each; i++) {
        fw_frame_info info = frame_of(producer, i);
        fw_frame *frame;
        switch ((producer + i) % 3) {
        case 0:
            CHECK_OK(fw_sender_acquire(sender, &info, &frame));
            memset(fw_frame_data(frame), producer, fw_frame_size(frame));
            CHECK_OK(fw_sender_submit(sender, frame));
            break;
        case 1:
            memset(own, producer, sizeof lent);
            CHECK_OK(fw_sender_push(sender, &info, own, sizeof lent));
            memset(own, 0xEE, sizeof lent);
            break;
        default:
            /* All zero, and marked as such by the flag. */
            info.flags = FW_FRAME_FLAG_DISCONT;
            CHECK_OK(fw_sender_push_wrapped(sender, &info, lent, sizeof lent, count_up, &released));
            break;
        }
    }
    free(own);
    return NULL;
}

static int seen[PRODUCERS][1000];

static void *consume(void *argument) {
    fw_frame *frame;
    fw_status status;
    (void)argument;
    while ((status = fw_receiver_next(receiver, -1, &frame)) == FW_OK) {
        fw_frame_info info = FW_FRAME_INFO_INIT;
        const unsigned char *bytes = (const unsigned char *)fw_frame_data(frame);
        unsigned char expected;
        size_t i;
        CHECK_OK(fw_frame_get_info(frame, &info));
        CHECK(info.view_id < PRODUCERS && info.pts_ns >= 0 && info.pts_ns < frames_each);
        expected = info.flags & FW_FRAME_FLAG_DISCONT ? 0 : (unsigned char)info.view_id;
        for (i = 0; i < fw_frame_size(frame); i++) CHECK(bytes[i] == expected);
        __atomic_add_fetch(&seen[info.view_id][info.pts_ns], 1, __ATOMIC_SEQ_CST);
        fw_frame_unref(frame);
    }
    CHECK(status == FW_ERROR_CLOSED);
    return NULL;
}

static void *watch(void *argument) {
    (void)argument;
    while (!is_set(&stopping)) {
        fw_sender_stats sent = sender_stats(sender);
        fw_receiver_stats received = receiver_stats(receiver);
        CHECK(sent.frames_sent + sent.frames_dropped <= sent.frames_pushed);
        CHECK(received.frames_delivered <= received.frames_received);
        (void)fw_sender_is_connected(sender);
        (void)fw_sender_flush(sender, MILLISECOND);
        pause_shortly();
    }
    return NULL;
}

static void start(pthread_t *thread, void *(*body)(void *), int number) {
    CHECK(pthread_create(thread, NULL, body, (void *)(intptr_t)number) == 0);
}

static void many_threads_share_a_sender_and_a_receiver(fw_overflow policy) {
    pthread_t producers[PRODUCERS], consumers[CONSUMERS], watcher;
    fw_sender_options options = FW_SENDER_OPTIONS_INIT;
    fw_receiver_options once = FW_RECEIVER_OPTIONS_INIT;
    fw_sender_stats sent;
    fw_receiver_stats received;
    int i, j, total = 0, lent = 0;
    frames_each = quick() ? 30 : 300;
    stopping = 0;
    released = 0;
    memset(seen, 0, sizeof seen);
    options.overflow = policy;
    once.once = 1;
    open_pair(&options, &once, &sender, &receiver);
    for (i = 0; i < CONSUMERS; i++) start(&consumers[i], consume, i);
    start(&watcher, watch, 0);
    for (i = 0; i < PRODUCERS; i++) start(&producers[i], produce, i);
    for (i = 0; i < PRODUCERS; i++) CHECK(pthread_join(producers[i], NULL) == 0);
    CHECK_OK(fw_sender_flush(sender, PATIENCE));
    __atomic_store_n(&stopping, 1, __ATOMIC_SEQ_CST);
    CHECK(pthread_join(watcher, NULL) == 0);
    sent = sender_stats(sender);
    CHECK(sent.frames_pushed == (uint64_t)(PRODUCERS * frames_each));
    CHECK(sent.frames_sent + sent.frames_dropped == sent.frames_pushed && sent.queue_depth == 0);
    fw_sender_close(sender);
    for (i = 0; i < CONSUMERS; i++) CHECK(pthread_join(consumers[i], NULL) == 0);
    received = receiver_stats(receiver);
    CHECK(received.frames_delivered == sent.frames_sent && received.errors == 0);
    for (i = 0; i < PRODUCERS; i++) {
        for (j = 0; j < frames_each; j++) {
            CHECK(seen[i][j] <= 1);
            total += seen[i][j];
            lent += (i + j) % 3 == 2;
        }
    }
    CHECK((uint64_t)total == sent.frames_sent);
    CHECK(is_set(&released) == lent);
    if (policy == FW_OVERFLOW_BLOCK) CHECK(sent.frames_dropped == 0);
    fw_receiver_close(receiver);
}

/* Senders and receivers are closed with frames queued, encoded, on the way, decoded and held. */
static void closing_in_the_middle_is_fine(void) {
    int rounds = quick() ? 5 : 60, round, i;
    fw_frame_info info = picture(256, 256);
    for (round = 0; round < rounds; round++) {
        fw_sender_options options = FW_SENDER_OPTIONS_INIT;
        fw_frame *held = NULL, *mine;
        options.queue_depth = 8;
        options.close_timeout_ns = round % 3 == 0 ? 1 : 20 * MILLISECOND;
        options.profile = round % 2 == 0 ? FW_PROFILE_LZ4 : FW_PROFILE_RAW;
        open_pair(&options, NULL, &sender, &receiver);
        CHECK_OK(fw_sender_acquire(sender, &info, &mine));
        for (i = 0; i < round % 12; i++) CHECK_OK(send_painted(sender, &info, (uint64_t)i));
        if (round % 4 == 3) CHECK_OK(fw_receiver_next(receiver, PATIENCE, &held));
        if (round % 2 == 0) {
            fw_sender_close(sender);
            fw_receiver_close(receiver);
        } else {
            fw_receiver_close(receiver);
            fw_sender_close(sender);
        }
        if (held != NULL) CHECK(frame_checksum(held) != 0);
        fw_frame_unref(held);
        fw_frame_unref(mine);
    }
}

/* The reason of a failure belongs to the thread that failed. */
static void *fail_alone(void *argument) {
    (void)argument;
    CHECK(strcmp(fw_last_error(), "") == 0);
    CHECK_ERROR(fw_receiver_next(NULL, 0, &(fw_frame *){NULL}), FW_ERROR_INVALID_ARGUMENT, "receiver is NULL");
    return NULL;
}

static void each_thread_has_its_own_last_error(void) {
    pthread_t thread;
    CHECK_ERROR(fw_sender_flush(NULL, 0), FW_ERROR_INVALID_ARGUMENT, "sender is NULL");
    start(&thread, fail_alone, 0);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(strstr(fw_last_error(), "sender is NULL") != NULL);
}

static void ignore_log(fw_log_level level, const char *message, void *user) {
    (void)level;
    (void)message;
    (void)user;
}

int main(void) {
    begin_test();
    each_thread_has_its_own_last_error();
    many_threads_share_a_sender_and_a_receiver(FW_OVERFLOW_BLOCK);
    many_threads_share_a_sender_and_a_receiver(FW_OVERFLOW_DROP_OLDEST);
    many_threads_share_a_sender_and_a_receiver(FW_OVERFLOW_DROP_NEWEST);
    fw_set_log(ignore_log, FW_LOG_ERROR, NULL);
    closing_in_the_middle_is_fine();
    printf("threads_test: ok\n");
    return 0;
}
