/* The ring: order, sizes that change, what happens when it is full, the end; on every path that the context has. */
#include "gl_support.h"

enum { FRAMES = 48 };

/* The size and the colour of picture `index`. */
static int width_of(int index) { return 32 + index / 6 * 23; }
static int height_of(int index) { return 24 + index / 6 * 11; }
static unsigned char shade_of(int index) { return (unsigned char)(index * 5); }

static void *receive_all(void *user) {
    fw_receiver *receiver = (fw_receiver *)user;
    int index;
    for (index = 0; index < FRAMES; index++) {
        fw_frame *frame;
        fw_frame_info info = FW_FRAME_INFO_INIT;
        const unsigned char *bytes;
        size_t at;
        CHECK_OK(fw_receiver_next(receiver, PATIENCE, &frame));
        CHECK_OK(fw_frame_get_info(frame, &info));
        CHECK(info.pts_ns == index && (int)info.width == width_of(index) && (int)info.height == height_of(index));
        bytes = (const unsigned char *)fw_frame_data(frame);
        for (at = 0; at < fw_frame_size(frame); at += 4) CHECK(bytes[at] == shade_of(index) && bytes[at + 3] == 255);
        fw_frame_unref(frame);
    }
    return NULL;
}

/* Nothing is lost, everything is in order, and no picture has pixels of another, however small the ring. */
static void all_frames_arrive_in_order(fw_gl_path path, uint32_t depth, int64_t timeout) {
    fw_sender *sender;
    fw_receiver *receiver;
    fw_gl_options options = gl_options(NULL);
    fw_gl_readback *readback;
    fw_gl_stats stats;
    pthread_t thread;
    target made = make_rgba8(512, 256, NULL);
    int index;
    open_lossless(&sender, &receiver);
    CHECK(pthread_create(&thread, NULL, receive_all, receiver) == 0);
    options.path = path;
    options.ring_depth = depth;
    options.full_timeout_ns = timeout;
    options.format = FW_PIXEL_FORMAT_RGBA8;
    CHECK_OK(fw_gl_readback_new(sender, &options, &readback));
    for (index = 0; index < FRAMES; index++) {
        const float shade = (float)shade_of(index) / 255;
        clear_to(shade, 0.5f, 0.25f);
        CHECK_OK(fw_gl_readback_capture(readback, 0, 0, width_of(index), height_of(index), index));
        if (index % 5 == 0) CHECK_OK(fw_gl_readback_poll(readback));
    }
    /* What comes after a capture does not show in it. */
    clear_to(0, 0, 0);
    CHECK_OK(fw_gl_readback_drain(readback));
    stats = gl_stats(readback);
    CHECK(stats.path == path && stats.frames_captured == FRAMES && stats.frames_delivered == FRAMES);
    CHECK(stats.frames_dropped == 0 && stats.frames_in_flight == 0);
    CHECK(stats.ring_allocated <= depth && stats.ring_peak <= depth);
    CHECK(stats.capture_ns_p50 > 0 && stats.capture_ns_p99 >= stats.capture_ns_p50 && stats.readback_ns_p50 > 0);
    if (path != FW_GL_PATH_DIRECT) {
        CHECK(stats.ring_depth == depth && stats.ring_peak >= 1 && stats.pixel_bytes_copied == 0);
        CHECK(sender_stats(sender).pixel_bytes_copied == 0);
    }
    CHECK_OK(fw_sender_flush(sender, PATIENCE));
    CHECK(pthread_join(thread, NULL) == 0);
    fw_gl_readback_free(readback);
    fw_sender_close(sender);
    fw_receiver_close(receiver);
    delete_target(&made);
}

/* ------------------------------------------------------------------------------------------------- a GPU that is late */

static int gpu_is_late;
static uint64_t longest_wait;

static GLenum late_wait(GLsync sync, GLbitfield flags, GLuint64 timeout) {
    if (timeout > longest_wait) longest_wait = timeout;
    if (!gpu_is_late) return GL(ClientWaitSync)(sync, flags, timeout);
    if (timeout > 0) {
        struct timespec time = { 0, 1000000 };
        nanosleep(&time, NULL);
    }
    return GL_TIMEOUT_EXPIRED;
}

static void a_full_ring_drops_frames_and_waits_for_nothing(fw_gl_path path) {
    const substitute late[] = { { "glClientWaitSync", (fw_gl_proc)late_wait }, { NULL, NULL } };
    fw_sender *sender;
    fw_receiver *receiver;
    fw_gl_options options = gl_options(late);
    fw_gl_readback *readback;
    fw_gl_stats stats;
    fw_frame *frame;
    target made = make_rgba8(16, 16, NULL);
    int index;
    open_lossless(&sender, &receiver);
    options.path = path;
    options.ring_depth = 3;
    CHECK_OK(fw_gl_readback_new(sender, &options, &readback));
    gpu_is_late = 1;
    longest_wait = 0;
    for (index = 0; index < 10; index++) CHECK_OK(fw_gl_readback_capture(readback, 0, 0, 16, 16, index));
    stats = gl_stats(readback);
    CHECK(longest_wait == 0);
    CHECK(stats.frames_captured == 3 && stats.frames_dropped == 7 && stats.frames_delivered == 0 && stats.stalls == 7);
    CHECK(stats.frames_in_flight == 3 && stats.ring_allocated == 3 && stats.ring_peak == 3 && stats.frames_lent == 0);
    gpu_is_late = 0;
    CHECK_OK(fw_gl_readback_drain(readback));
    for (index = 0; index < 3; index++) {
        fw_frame_info info = FW_FRAME_INFO_INIT;
        CHECK_OK(fw_receiver_next(receiver, PATIENCE, &frame));
        CHECK_OK(fw_frame_get_info(frame, &info));
        CHECK(info.pts_ns == index);
        fw_frame_unref(frame);
    }
    fw_gl_readback_free(readback);

    options.full_timeout_ns = 10 * MILLISECOND;
    CHECK_OK(fw_gl_readback_new(sender, &options, &readback));
    gpu_is_late = 1;
    for (index = 0; index < 3; index++) CHECK_OK(fw_gl_readback_capture(readback, 0, 0, 16, 16, index));
    CHECK_ERROR(fw_gl_readback_capture(readback, 0, 0, 16, 16, 3), FW_ERROR_TIMEOUT, "all 3 pixel buffers");
    CHECK(gl_stats(readback).frames_dropped == 1);
    /* What was not handed over is lost with the readback. */
    fw_gl_readback_free(readback);
    gpu_is_late = 0;
    fw_sender_close(sender);
    CHECK_ERROR(fw_receiver_next(receiver, PATIENCE, &frame), FW_ERROR_CLOSED, "ended");
    fw_receiver_close(receiver);
    delete_target(&made);
}

/* ------------------------------------------------------------------------------------------------------------ ends */

/* Nobody takes the frames: the sender holds what it has, and the ring fills. */
static void a_sender_that_keeps_frames_fills_the_ring(fw_gl_path path) {
    uint16_t port;
    int listener = bind_socket(&port, 1);
    fw_sender_options sending = FW_SENDER_OPTIONS_INIT;
    fw_gl_options options = gl_options(NULL);
    fw_gl_readback *readback;
    fw_sender *sender;
    fw_gl_stats stats;
    fw_status status;
    target made = make_rgba8(1024, 1024, NULL);
    int index;
    sending.profile = FW_PROFILE_RAW;
    sending.close_timeout_ns = MILLISECOND;
    sending.queue_depth = 8;
    CHECK_OK(fw_sender_open(tcp_url(port, ""), &sending, &sender));
    options.path = path;
    options.ring_depth = 4;
    CHECK_OK(fw_gl_readback_new(sender, &options, &readback));
    for (index = 0; index < 30; index++) {
        CHECK_OK(fw_gl_readback_capture(readback, 0, 0, 1024, 1024, index));
        GL(Finish)();
    }
    stats = gl_stats(readback);
    CHECK(stats.frames_dropped > 0 && stats.frames_captured + stats.frames_dropped == 30);
    CHECK(stats.frames_lent > 0 && stats.frames_lent + stats.frames_in_flight <= 4);
    /* The sender lets go when it is closed, in whatever order the two end. */
    fw_sender_close(sender);
    CHECK(gl_stats(readback).frames_lent == 0);
    do {
        status = fw_gl_readback_capture(readback, 0, 0, 64, 64, 0);
        if (status == FW_OK) status = fw_gl_readback_drain(readback);
    } while (status == FW_OK);
    CHECK(status == FW_ERROR_CLOSED && strstr(fw_last_error(), "closed") != NULL);
    fw_gl_readback_free(readback);
    close(listener);
    delete_target(&made);
}

static void a_frame_outlives_its_readback(fw_gl_path path) {
    static unsigned char pixels[64 * 64 * 4];
    fw_sender *sender;
    fw_receiver *receiver;
    fw_gl_options options = gl_options(NULL);
    fw_gl_readback *readback;
    target made;
    paint(pixels, sizeof pixels, 3);
    made = make_rgba8(64, 64, pixels);
    open_lossless(&sender, &receiver);
    options.path = path;
    options.format = FW_PIXEL_FORMAT_RGBA8;
    CHECK_OK(fw_gl_readback_new(sender, &options, &readback));
    CHECK_OK(fw_gl_readback_capture(readback, 0, 0, 64, 64, 0));
    CHECK_OK(fw_gl_readback_drain(readback));
    fw_gl_readback_free(readback);
    delete_target(&made);
    expect_pixels(receiver, FW_PIXEL_FORMAT_RGBA8, 64, 64, pixels);
    fw_sender_close(sender);
    fw_receiver_close(receiver);
}

static void two_readbacks_share_a_sender(void) {
    fw_sender *sender;
    fw_receiver *receiver;
    fw_gl_options options = gl_options(NULL);
    fw_gl_readback *readbacks[2];
    target made = make_rgba8(20, 10, NULL);
    uint32_t seen[2] = { 0, 0 };
    int index;
    open_lossless(&sender, &receiver);
    for (index = 0; index < 2; index++) {
        options.view_id = (uint32_t)index;
        CHECK_OK(fw_gl_readback_new(sender, &options, &readbacks[index]));
    }
    for (index = 0; index < 8; index++) {
        fw_frame *frame;
        fw_frame_info info = FW_FRAME_INFO_INIT;
        CHECK_OK(fw_gl_readback_capture(readbacks[index % 2], 0, 0, 20, 10, index));
        CHECK_OK(fw_gl_readback_drain(readbacks[index % 2]));
        CHECK_OK(fw_receiver_next(receiver, PATIENCE, &frame));
        CHECK_OK(fw_frame_get_info(frame, &info));
        CHECK(info.view_id < 2);
        seen[info.view_id]++;
        fw_frame_unref(frame);
    }
    CHECK(seen[0] == 4 && seen[1] == 4);
    fw_gl_readback_free(readbacks[0]);
    fw_gl_readback_free(readbacks[1]);
    fw_sender_close(sender);
    fw_receiver_close(receiver);
    delete_target(&made);
}

/* Which path there is, and what without some function: the next one. */
static void paths_fall_back_step_by_step(void) {
    static const substitute nothing[] = { { NULL, NULL } }, no_storage[] = { { "glBufferStorage", NULL },
                                                                            { "glBufferStorageEXT", NULL },
                                                                            { NULL, NULL } },
                            no_fences[] = { { "glFenceSync", NULL }, { NULL, NULL } },
                            no_buffers[] = { { "glGenBuffers", NULL }, { NULL, NULL } };
    const substitute *const hidden[] = { nothing, no_storage, no_fences, no_buffers };
    int index;
    for (index = 0; index < 4; index++) {
        fw_sender *sender;
        fw_receiver *receiver;
        fw_gl_options options = gl_options(hidden[index]);
        fw_gl_readback *readback;
        fw_gl_path wanted = (fw_gl_path)(index + 1);
        if (!is_modern() && wanted < FW_GL_PATH_UNFENCED) wanted = FW_GL_PATH_UNFENCED;
        open_lossless(&sender, &receiver);
        CHECK_OK(fw_gl_readback_new(sender, &options, &readback));
        CHECK(gl_stats(readback).path == wanted);
        fw_gl_readback_free(readback);
        options.path = wanted;
        CHECK_OK(fw_gl_readback_new(sender, &options, &readback));
        fw_gl_readback_free(readback);
        if (wanted > FW_GL_PATH_PERSISTENT) {
            options.path = (fw_gl_path)(wanted - 1);
            CHECK_ERROR(fw_gl_readback_new(sender, &options, &readback), FW_ERROR_UNSUPPORTED,
                        fw_gl_path_name(options.path));
            CHECK(readback == NULL);
        }
        fw_sender_close(sender);
        fw_receiver_close(receiver);
    }
    CHECK(strcmp(fw_gl_path_name(FW_GL_PATH_AUTO), "auto") == 0 && fw_gl_path_name((fw_gl_path)9) == NULL);
}

int main(int count, char **arguments) {
    fw_sender *sender;
    fw_receiver *receiver;
    int path, best;
    begin_gl_test(count, arguments);
    paths_fall_back_step_by_step();
    open_lossless(&sender, &receiver);
    best = (int)best_path(sender);
    fw_sender_close(sender);
    fw_receiver_close(receiver);
    CHECK(best == (is_modern() ? FW_GL_PATH_PERSISTENT : FW_GL_PATH_UNFENCED));
    if (context_kind != EXT) {
        for (path = best; path <= FW_GL_PATH_DIRECT; path++) {
            all_frames_arrive_in_order((fw_gl_path)path, 6, -1);
            all_frames_arrive_in_order((fw_gl_path)path, 2, -1);
            a_frame_outlives_its_readback((fw_gl_path)path);
            if (path != FW_GL_PATH_DIRECT) a_sender_that_keeps_frames_fills_the_ring((fw_gl_path)path);
            if (path <= FW_GL_PATH_FENCED) a_full_ring_drops_frames_and_waits_for_nothing((fw_gl_path)path);
        }
        two_readbacks_share_a_sender();
    }
    end_gl_test();
    return 0;
}
