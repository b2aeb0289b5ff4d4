/* Buffers of several memories are sent from where they are, and frames show the buffer that holds them. */
#include "support.h"

enum { WIDTH = 100, HEIGHT = 50, SIZE = WIDTH * HEIGHT * 4 };

static unsigned char pixels[SIZE];

static void count_up(void *user) { __atomic_add_fetch((int *)user, 1, __ATOMIC_SEQ_CST); }

/* A buffer over `pixels` in pieces that end in mid-row and mid-pixel. */
static fw_buffer *buffer_in_pieces(int *released) {
    static const size_t ends[] = {1, 399, 400, 4001, 12345, SIZE};
    fw_buffer *buffer;
    size_t start = 0, i;
    CHECK_OK(fw_buffer_new(&buffer));
    for (i = 0; i < sizeof ends / sizeof *ends; i++) {
        size_t size = ends[i] - start;
        fw_memory *memory;
        CHECK_OK(fw_memory_new_wrapped(pixels + start, size, 0, size, FW_MEMORY_FLAG_READ_ONLY, count_up, released,
                                       &memory));
        CHECK_OK(fw_buffer_append_memory(buffer, memory));
        start = ends[i];
    }
    CHECK(fw_buffer_size(buffer) == SIZE && fw_buffer_memory_count(buffer) == 6);
    return buffer;
}

static void pieces_arrive_as_one_picture(fw_profile profile, fw_row_order order) {
    fw_sender_options options = FW_SENDER_OPTIONS_INIT;
    fw_sender *sender;
    fw_receiver *receiver;
    fw_frame *frame;
    fw_frame_info info = picture(WIDTH, HEIGHT);
    fw_buffer *buffer;
    int released = 0;
    info.row_order = order;
    options.profile = profile;
    open_pair(&options, NULL, &sender, &receiver);
    buffer = buffer_in_pieces(&released);
    CHECK_OK(fw_sender_push_buffer(sender, &info, buffer));
    CHECK_OK(fw_receiver_next(receiver, PATIENCE, &frame));
    CHECK(frame_checksum(frame) == picture_checksum(&info, pixels, SIZE));
    fw_frame_unref(frame);
    CHECK_OK(fw_sender_push_buffer(sender, &info, buffer));
    /* The caller's reference is the caller's; the sender has its own. */
    fw_buffer_unref(buffer);
    CHECK_OK(fw_receiver_next(receiver, PATIENCE, &frame));
    CHECK(frame_checksum(frame) == picture_checksum(&info, pixels, SIZE));
    fw_frame_unref(frame);
    AWAIT(count_of(&released) == 6);
    CHECK(sender_stats(sender).pixel_bytes_copied == 0);
    fw_sender_close(sender);
    CHECK(count_of(&released) == 6);
    fw_receiver_close(receiver);
}

static void a_dropped_or_refused_buffer_is_let_go(void) {
    fw_sender_options options = FW_SENDER_OPTIONS_INIT;
    fw_sender *sender;
    fw_frame_info info = picture(WIDTH, HEIGHT), large = picture(WIDTH, HEIGHT + 1);
    fw_buffer *buffer, *unreachable;
    int released = 0;
    options.close_timeout_ns = MILLISECOND;
    options.queue_depth = 1;
    CHECK_OK(fw_sender_open("tcp://127.0.0.1:0?listen=1", &options, &sender));
    buffer = buffer_in_pieces(&released);
    CHECK_ERROR(fw_sender_push_buffer(NULL, &info, buffer), FW_ERROR_INVALID_ARGUMENT, "sender is NULL");
    CHECK_ERROR(fw_sender_push_buffer(sender, NULL, buffer), FW_ERROR_INVALID_ARGUMENT, "info is NULL");
    CHECK_ERROR(fw_sender_push_buffer(sender, &info, NULL), FW_ERROR_INVALID_ARGUMENT, "buffer is NULL");
    CHECK_ERROR(fw_sender_push_buffer(sender, &large, buffer), FW_ERROR_OUT_OF_RANGE, "20000 bytes");
    CHECK_OK(fw_buffer_new_wrapped(NULL, SIZE, 0, SIZE, FW_MEMORY_FLAG_NOT_MAPPABLE, NULL, NULL, &unreachable));
    CHECK_ERROR(fw_sender_push_buffer(sender, &info, unreachable), FW_ERROR_UNSUPPORTED, "not mappable");
    fw_buffer_unref(unreachable);
    CHECK(fw_buffer_is_writable(buffer));
    CHECK_OK(fw_sender_push_buffer(sender, &info, buffer));
    CHECK(!fw_buffer_is_writable(buffer));
    CHECK_OK(fw_sender_push(sender, &info, pixels, SIZE));
    CHECK(fw_buffer_is_writable(buffer));
    CHECK_OK(fw_sender_push_buffer(sender, &info, buffer));
    fw_buffer_unref(buffer);
    CHECK(count_of(&released) == 0);
    fw_sender_close(sender);
    CHECK(count_of(&released) == 6);
}

static void a_frame_shows_its_buffer(void) {
    fw_sender *sender;
    fw_receiver *receiver;
    fw_frame *frame;
    fw_frame_info info = picture(WIDTH, HEIGHT);
    fw_buffer *buffer;
    unsigned char copy[SIZE];
    uint64_t seed;
    fw_video_frame video = FW_VIDEO_FRAME_INIT;
    open_pair(NULL, NULL, &sender, &receiver);
    info.pts_ns = 77;
    info.duration_ns = 5;
    CHECK_OK(fw_sender_push(sender, &info, pixels, SIZE));
    CHECK_OK(fw_receiver_next(receiver, PATIENCE, &frame));
    buffer = fw_frame_buffer(frame);
    CHECK_OK(fw_video_frame_meta_get(fw_buffer_get_meta(buffer, fw_video_frame_meta_type()), &video));
    CHECK(video.width == WIDTH && video.height == HEIGHT && video.format == info.format);
    CHECK(video.row_order == FW_ROW_ORDER_TOP_DOWN && video.plane_count == 1 && video.plane_offset[0] == 0);
    CHECK(video.plane_stride[0] == fw_frame_stride(frame));
    CHECK(fw_buffer_pts(buffer) == 77 && fw_buffer_duration(buffer) == 5);
    CHECK(fw_buffer_meta_count(buffer, NULL) == 1 && !fw_buffer_is_writable(buffer));
    CHECK(buffer != NULL && fw_buffer_size(buffer) == SIZE);
    CHECK(fw_frame_buffer(frame) == buffer);
    CHECK(fw_buffer_ref(buffer) == buffer);
    fw_frame_unref(frame);
    /* While the reference lives, later frames leave its memory alone, also when the receiver has gone. */
    for (seed = 0; seed < 8; seed++) {
        CHECK_OK(send_painted(sender, &info, seed));
        expect_painted(receiver, &info, seed);
    }
    fw_sender_close(sender);
    fw_receiver_close(receiver);
    CHECK(fw_buffer_extract(buffer, 0, copy, SIZE) == SIZE && memcmp(copy, pixels, SIZE) == 0);
    fw_buffer_unref(buffer);
}

static void a_received_buffer_can_be_sent_on(void) {
    fw_sender *first, *second;
    fw_receiver *middle, *last;
    fw_frame *frame;
    fw_frame_info info = picture(WIDTH, HEIGHT);
    open_pair(NULL, NULL, &first, &middle);
    open_pair(NULL, NULL, &second, &last);
    CHECK_OK(send_painted(first, &info, 9));
    CHECK_OK(fw_receiver_next(middle, PATIENCE, &frame));
    CHECK_OK(fw_frame_get_info(frame, &info));
    CHECK_OK(fw_sender_push_buffer(second, &info, fw_frame_buffer(frame)));
    fw_frame_unref(frame);
    expect_painted(last, &info, 9);
    CHECK(sender_stats(second).pixel_bytes_copied == 0);
    fw_sender_close(first);
    fw_sender_close(second);
    fw_receiver_close(middle);
    fw_receiver_close(last);
}

/* The frames after it are decoded from a received frame. */
static void writing_to_a_received_buffer_changes_a_copy(void) {
    fw_sender_options options = FW_SENDER_OPTIONS_INIT;
    fw_sender *sender;
    fw_receiver *receiver;
    fw_frame *frame;
    fw_frame_info info = picture(WIDTH, HEIGHT);
    fw_buffer *buffer;
    fw_map_info map;
    int i;
    options.profile = FW_PROFILE_TILE;
    options.overflow = FW_OVERFLOW_BLOCK;
    open_pair(&options, NULL, &sender, &receiver);
    for (i = 0; i < 4; i++) {
        CHECK_OK(fw_sender_push(sender, &info, pixels, SIZE));
        CHECK_OK(fw_receiver_next(receiver, PATIENCE, &frame));
        CHECK(memcmp(fw_frame_data(frame), pixels, SIZE) == 0);
        CHECK(!fw_buffer_is_writable(fw_frame_buffer(frame)));
        buffer = fw_buffer_ref(fw_frame_buffer(frame));
        if (i % 2 == 0) fw_frame_unref(frame);
        CHECK_OK(fw_buffer_make_writable(&buffer));
        CHECK_OK(fw_buffer_map(buffer, FW_MAP_WRITE, &map));
        memset(map.data, 0xEE, map.size);
        CHECK_OK(fw_buffer_unmap(buffer, &map));
        fw_buffer_unref(buffer);
        if (i % 2 != 0) {
            CHECK(memcmp(fw_frame_data(frame), pixels, SIZE) == 0);
            fw_frame_unref(frame);
        }
    }
    fw_sender_close(sender);
    fw_receiver_close(receiver);
}

int main(void) {
    begin_test();
    paint(pixels, SIZE, 1);
    pieces_arrive_as_one_picture(FW_PROFILE_LZ4, FW_ROW_ORDER_TOP_DOWN);
    pieces_arrive_as_one_picture(FW_PROFILE_LZ4, FW_ROW_ORDER_BOTTOM_UP);
    pieces_arrive_as_one_picture(FW_PROFILE_RAW, FW_ROW_ORDER_TOP_DOWN);
    pieces_arrive_as_one_picture(FW_PROFILE_RAW, FW_ROW_ORDER_BOTTOM_UP);
    pieces_arrive_as_one_picture(FW_PROFILE_TILE, FW_ROW_ORDER_TOP_DOWN);
    pieces_arrive_as_one_picture(FW_PROFILE_TILE, FW_ROW_ORDER_BOTTOM_UP);
    a_dropped_or_refused_buffer_is_let_go();
    a_frame_shows_its_buffer();
    a_received_buffer_can_be_sent_on();
    writing_to_a_received_buffer_changes_a_copy();
    printf("push_buffer_test: ok\n");
    return 0;
}
