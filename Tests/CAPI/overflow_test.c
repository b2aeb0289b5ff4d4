/*
 * A receiver that does not read: under the policies that drop frames the renderer goes on and memory stays bounded, under
 * BLOCK it waits as long as it was told. And what becomes of memory that was lent for a push.
 */
#include "support.h"

/* One frame is more than the system takes for a connection whose other end does not read, after a few. */
enum { WIDTH = 1024, HEIGHT = 1024 };

static void *pixels;
static size_t pixels_size;

/* A connection to a socket that is accepted and never read from. */
static fw_sender *open_stalled(fw_sender_options *options, int *listener, int *peer) {
    fw_sender *sender;
    uint16_t port;
    *listener = bind_socket(&port, 1);
    options->close_timeout_ns = 50 * MILLISECOND;
    options->profile = FW_PROFILE_RAW;
    CHECK_OK(fw_sender_open(tcp_url(port, ""), options, &sender));
    *peer = accept(*listener, NULL, NULL);
    CHECK(*peer >= 0);
    return sender;
}

static void expect_balance(const fw_sender_stats *stats, const fw_sender_options *options) {
    /* Besides those that wait, one frame is on the way and one is encoded ahead. */
    uint64_t accounted = stats->frames_dropped + stats->frames_sent + stats->queue_depth;
    CHECK(accounted <= stats->frames_pushed && stats->frames_pushed - accounted <= 2);
    CHECK(stats->queue_depth <= options->queue_depth && stats->queue_peak <= options->queue_depth);
    CHECK(stats->frames_allocated <= options->queue_depth + 4);
}

static void a_stalled_receiver_does_not_stop_the_renderer(fw_overflow policy, int copying) {
    fw_sender_options options = FW_SENDER_OPTIONS_INIT;
    fw_sender *sender;
    fw_sender_stats stats;
    fw_frame_info info = picture(WIDTH, HEIGHT);
    int listener, peer, i, frames = quick() ? 40 : 200;
    options.overflow = policy;
    options.queue_depth = 3;
    sender = open_stalled(&options, &listener, &peer);
    for (i = 0; i < frames; i++) {
        if (copying) {
            CHECK_OK(fw_sender_push(sender, &info, pixels, pixels_size));
        } else {
            fw_frame *frame;
            CHECK_OK(fw_sender_acquire(sender, &info, &frame));
            memset(fw_frame_data(frame), i, fw_frame_size(frame));
            CHECK_OK(fw_sender_submit(sender, frame));
        }
        stats = sender_stats(sender);
        expect_balance(&stats, &options);
    }
    stats = sender_stats(sender);
    CHECK(stats.frames_pushed == (uint64_t)frames && stats.frames_dropped > 0);
    CHECK(stats.queue_peak == options.queue_depth && stats.connected == 1);
    CHECK(copying ? stats.pixel_bytes_copied == (uint64_t)frames * pixels_size : stats.pixel_bytes_copied == 0);
    CHECK_ERROR(fw_sender_flush(sender, MILLISECOND), FW_ERROR_TIMEOUT, "were not sent");
    /* What waits when the time for closing is over is dropped. */
    fw_sender_close(sender);
    close(peer);
    close(listener);
}

/* When the receiver reads on, the frames that are left are the last ones, or the first ones. */
static void the_policy_says_which_frames_are_left(fw_overflow policy) {
    enum { FRAMES = 30, DEPTH = 3 };
    fw_sender_options options = FW_SENDER_OPTIONS_INIT;
    fw_sender *sender;
    fw_receiver *receiver;
    fw_frame_info info = picture(16, 16);
    fw_sender_stats stats;
    uint64_t seed;
    options.overflow = policy;
    options.queue_depth = DEPTH;
    CHECK_OK(fw_sender_open("tcp://127.0.0.1:0?listen=1", &options, &sender));
    for (seed = 0; seed < FRAMES; seed++) CHECK_OK(send_painted(sender, &info, seed));
    stats = sender_stats(sender);
    CHECK(stats.frames_dropped == FRAMES - DEPTH && stats.queue_depth == DEPTH && stats.frames_pushed == FRAMES);
    CHECK_OK(fw_receiver_open(tcp_url(fw_sender_port(sender), "?connect=1"), NULL, &receiver));
    for (seed = 0; seed < DEPTH; seed++) {
        expect_painted(receiver, &info, policy == FW_OVERFLOW_DROP_OLDEST ? FRAMES - DEPTH + seed : seed);
    }
    CHECK_OK(fw_sender_flush(sender, PATIENCE));
    stats = sender_stats(sender);
    CHECK(stats.frames_sent == DEPTH && stats.frames_dropped == FRAMES - DEPTH && stats.queue_depth == 0);
    fw_sender_close(sender);
    fw_receiver_close(receiver);
}

static void block_waits_as_long_as_it_is_told(void) {
    fw_sender_options options = FW_SENDER_OPTIONS_INIT;
    fw_sender *sender;
    fw_sender_stats stats;
    fw_frame_info info = picture(WIDTH, HEIGHT);
    fw_status status = FW_OK;
    int listener, peer, pushed = 0;
    options.overflow = FW_OVERFLOW_BLOCK;
    options.queue_depth = 2;
    options.block_timeout_ns = 30 * MILLISECOND;
    sender = open_stalled(&options, &listener, &peer);
    while (pushed < 1000) {
        int64_t start = now_ns();
        status = fw_sender_push(sender, &info, pixels, pixels_size);
        if (status != FW_OK) {
            CHECK(now_ns() - start >= options.block_timeout_ns);
            break;
        }
        pushed++;
    }
    CHECK(status == FW_ERROR_TIMEOUT);
    CHECK(strstr(fw_last_error(), "queue of 2 frames") != NULL && strstr(fw_last_error(), "30000000 ns") != NULL);
    stats = sender_stats(sender);
    CHECK(stats.frames_pushed == (uint64_t)pushed && stats.frames_dropped == 0 && stats.queue_depth == 2);
    expect_balance(&stats, &options);
    fw_sender_close(sender);
    close(peer);
    close(listener);
}

static void block_loses_nothing(void) {
    enum { FRAMES = 40 };
    fw_sender_options options = FW_SENDER_OPTIONS_INIT;
    fw_receiver_options once = FW_RECEIVER_OPTIONS_INIT;
    const char *folder = make_folder();
    fw_sender *sender;
    fw_receiver *receiver;
    fw_frame_info info = picture(200, 100);
    uint64_t seed;
    options.overflow = FW_OVERFLOW_BLOCK;
    once.once = 1;
    CHECK_OK(fw_sender_open(path_url("file", folder, "recording"), &options, &sender));
    for (seed = 0; seed < FRAMES; seed++) CHECK_OK(send_painted(sender, &info, seed));
    fw_sender_close(sender);
    CHECK_OK(fw_receiver_open(path_url("file", folder, "recording"), &once, &receiver));
    for (seed = 0; seed < FRAMES; seed++) expect_painted(receiver, &info, seed);
    CHECK(receiver_stats(receiver).frames_missed == 0);
    fw_receiver_close(receiver);
    remove_file(folder, "recording");
    CHECK(rmdir(folder) == 0);
}

/* A receiver may drop what is not fetched in time, instead of slowing the sender. */
static void a_receiver_may_drop_too(fw_overflow policy) {
    enum { FRAMES = 10 };
    fw_sender_options options = FW_SENDER_OPTIONS_INIT;
    fw_receiver_options receiving = FW_RECEIVER_OPTIONS_INIT;
    fw_sender *sender;
    fw_receiver *receiver;
    fw_frame_info info = picture(16, 16);
    fw_receiver_stats stats;
    uint64_t seed;
    options.overflow = FW_OVERFLOW_BLOCK;
    receiving.overflow = policy;
    open_pair(&options, &receiving, &sender, &receiver);
    for (seed = 0; seed < FRAMES; seed++) CHECK_OK(send_painted(sender, &info, seed));
    AWAIT(receiver_stats(receiver).frames_received == FRAMES);
    stats = receiver_stats(receiver);
    CHECK(stats.frames_dropped == FRAMES - 2 && stats.queue_depth == 2 && stats.frames_missed == 0);
    expect_painted(receiver, &info, policy == FW_OVERFLOW_DROP_OLDEST ? FRAMES - 2 : 0);
    expect_painted(receiver, &info, policy == FW_OVERFLOW_DROP_OLDEST ? FRAMES - 1 : 1);
    fw_sender_close(sender);
    fw_receiver_close(receiver);
}

/* ------------------------------------------------------------------------------------------------------ lent memory */

/* The GNU C library's atomic built-ins, because C99 has none. */
static void count_up(void *user) { __atomic_add_fetch((int *)user, 1, __ATOMIC_SEQ_CST); }

static void lent_memory_is_released_once_when_sent(fw_profile profile) {
    enum { FRAMES = 20 };
    fw_sender_options options = FW_SENDER_OPTIONS_INIT;
    fw_sender *sender;
    fw_receiver *receiver;
    fw_frame_info info = picture(300, 200);
    int released[FRAMES] = {0};
    int i;
    options.profile = profile;
    options.overflow = FW_OVERFLOW_BLOCK;
    open_pair(&options, NULL, &sender, &receiver);
    for (i = 0; i < FRAMES; i++) {
        fw_frame *frame;
        CHECK_OK(fw_sender_push_wrapped(sender, &info, pixels, pixels_size, count_up, &released[i]));
        CHECK_OK(fw_receiver_next(receiver, PATIENCE, &frame));
        CHECK(memcmp(fw_frame_data(frame), pixels, fw_frame_size(frame)) == 0);
        fw_frame_unref(frame);
        AWAIT(count_of(&released[i]) == 1);
    }
    /* Without a callback the memory simply stays. */
    CHECK_OK(fw_sender_push_wrapped(sender, &info, pixels, pixels_size, NULL, NULL));
    CHECK(sender_stats(sender).pixel_bytes_copied == 0);
    fw_sender_close(sender);
    for (i = 0; i < FRAMES; i++) CHECK(count_of(&released[i]) == 1);
    fw_receiver_close(receiver);
}

static void lent_memory_is_released_once_when_dropped(fw_overflow policy) {
    enum { FRAMES = 30 };
    fw_sender_options options = FW_SENDER_OPTIONS_INIT;
    fw_sender *sender;
    fw_frame_info info = picture(WIDTH, HEIGHT);
    int released[FRAMES] = {0};
    int listener, peer, i, total = 0;
    options.overflow = policy;
    options.queue_depth = 1;
    sender = open_stalled(&options, &listener, &peer);
    for (i = 0; i < FRAMES; i++) {
        CHECK_OK(fw_sender_push_wrapped(sender, &info, pixels, pixels_size, count_up, &released[i]));
    }
    for (i = 0; i < FRAMES; i++) total += count_of(&released[i]);
    CHECK(total > 0 && total < FRAMES);
    fw_sender_close(sender);
    for (i = 0; i < FRAMES; i++) CHECK(count_of(&released[i]) == 1);
    close(peer);
    close(listener);
}

static void lent_memory_is_not_released_when_the_call_fails(void) {
    fw_sender_options options = FW_SENDER_OPTIONS_INIT;
    fw_sender *sender;
    fw_frame_info info = picture(WIDTH, HEIGHT);
    fw_frame_info bad = picture(0, 1);
    fw_status status = FW_OK;
    int listener, peer, kept = 0, failed = 0, pushed = 0;
    options.overflow = FW_OVERFLOW_BLOCK;
    options.queue_depth = 1;
    options.block_timeout_ns = MILLISECOND;
    options.reconnect = FW_RECONNECT_NEVER;
    sender = open_stalled(&options, &listener, &peer);
    CHECK(fw_sender_push_wrapped(sender, &bad, pixels, pixels_size, count_up, &failed) == FW_ERROR_INVALID_ARGUMENT);
    CHECK(fw_sender_push_wrapped(sender, &info, pixels, pixels_size - 1, count_up, &failed) ==
          FW_ERROR_OUT_OF_RANGE);
    CHECK(fw_sender_push_wrapped(sender, &info, NULL, pixels_size, count_up, &failed) == FW_ERROR_INVALID_ARGUMENT);
    CHECK(fw_sender_push_wrapped(NULL, &info, pixels, pixels_size, count_up, &failed) == FW_ERROR_INVALID_ARGUMENT);
    while (status == FW_OK && pushed < 1000) {
        int *counter = &kept;
        status = fw_sender_push_wrapped(sender, &info, pixels, pixels_size, count_up, counter);
        pushed += status == FW_OK;
    }
    CHECK(status == FW_ERROR_TIMEOUT);
    CHECK(count_of(&kept) < pushed);
    close(peer);
    close(listener);
    AWAIT(!fw_sender_is_connected(sender));
    /* The connection was lost for good: what waited is released, and further pushes fail without a release. */
    AWAIT(count_of(&kept) == pushed);
    AWAIT(fw_sender_flush(sender, 0) == FW_ERROR_CLOSED);
    CHECK_ERROR(fw_sender_push_wrapped(sender, &info, pixels, pixels_size, count_up, &failed), FW_ERROR_CLOSED,
                "127.0.0.1");
    fw_sender_close(sender);
    CHECK(count_of(&kept) == pushed && count_of(&failed) == 0);
}

static void lent_memory_is_released_by_close_without_a_peer(void) {
    fw_sender_options options = FW_SENDER_OPTIONS_INIT;
    fw_sender *sender;
    fw_frame_info info = picture(16, 16);
    int released = 0;
    options.close_timeout_ns = MILLISECOND;
    CHECK_OK(fw_sender_open("tcp://127.0.0.1:0?listen=1", &options, &sender));
    CHECK_OK(fw_sender_push_wrapped(sender, &info, pixels, pixels_size, count_up, &released));
    CHECK_OK(fw_sender_push_wrapped(sender, &info, pixels, pixels_size, count_up, &released));
    CHECK(count_of(&released) == 0);
    fw_sender_close(sender);
    CHECK(count_of(&released) == 2);
}

typedef struct caller {
    fw_sender *sender; /* NULL once it is being closed, when no more calls are allowed */
    int calls;
} caller;

static void call_the_library(void *user) {
    caller *self = (caller *)user;
    if (self->sender != NULL) {
        CHECK(!fw_sender_is_connected(self->sender));
        CHECK(sender_stats(self->sender).frames_dropped == 1);
    }
    __atomic_add_fetch(&self->calls, 1, __ATOMIC_SEQ_CST);
}

static void a_release_callback_may_call_the_library(void) {
    fw_sender_options options = FW_SENDER_OPTIONS_INIT;
    fw_frame_info info = picture(16, 16);
    caller self = {NULL, 0};
    fw_sender *sender;
    options.queue_depth = 1;
    options.close_timeout_ns = MILLISECOND;
    CHECK_OK(fw_sender_open("tcp://127.0.0.1:0?listen=1", &options, &self.sender));
    CHECK_OK(fw_sender_push_wrapped(self.sender, &info, pixels, pixels_size, call_the_library, &self));
    CHECK_OK(fw_sender_push_wrapped(self.sender, &info, pixels, pixels_size, call_the_library, &self));
    CHECK(count_of(&self.calls) == 1);
    sender = self.sender;
    self.sender = NULL;
    fw_sender_close(sender);
    CHECK(count_of(&self.calls) == 2);
}

int main(void) {
    fw_frame_info info = picture(WIDTH, HEIGHT);
    begin_test();
    pixels_size = picture_size(&info);
    pixels = malloc(pixels_size);
    CHECK(pixels != NULL);
    paint(pixels, pixels_size, 1);
    a_stalled_receiver_does_not_stop_the_renderer(FW_OVERFLOW_DROP_OLDEST, 0);
    a_stalled_receiver_does_not_stop_the_renderer(FW_OVERFLOW_DROP_NEWEST, 0);
    a_stalled_receiver_does_not_stop_the_renderer(FW_OVERFLOW_DROP_OLDEST, 1);
    the_policy_says_which_frames_are_left(FW_OVERFLOW_DROP_OLDEST);
    the_policy_says_which_frames_are_left(FW_OVERFLOW_DROP_NEWEST);
    block_waits_as_long_as_it_is_told();
    block_loses_nothing();
    a_receiver_may_drop_too(FW_OVERFLOW_DROP_OLDEST);
    a_receiver_may_drop_too(FW_OVERFLOW_DROP_NEWEST);
    lent_memory_is_released_once_when_sent(FW_PROFILE_LZ4);
    lent_memory_is_released_once_when_sent(FW_PROFILE_RAW);
    lent_memory_is_released_once_when_dropped(FW_OVERFLOW_DROP_OLDEST);
    lent_memory_is_released_once_when_dropped(FW_OVERFLOW_DROP_NEWEST);
    lent_memory_is_not_released_when_the_call_fails();
    lent_memory_is_released_by_close_without_a_peer();
    a_release_callback_may_call_the_library();
    free(pixels);
    printf("overflow_test: ok\n");
    return 0;
}
