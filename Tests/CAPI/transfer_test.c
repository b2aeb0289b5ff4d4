/* Pictures arrive as they were sent: every format, row order, stride and profile, over every kind of address. */
#include "support.h"

static const fw_pixel_format formats[] = {
    FW_PIXEL_FORMAT_RGBA8,   FW_PIXEL_FORMAT_BGRA8,   FW_PIXEL_FORMAT_RGBX8,    FW_PIXEL_FORMAT_BGRX8,
    FW_PIXEL_FORMAT_RGB8,    FW_PIXEL_FORMAT_BGR8,    FW_PIXEL_FORMAT_R8,       FW_PIXEL_FORMAT_RG8,
    FW_PIXEL_FORMAT_RGB10A2, FW_PIXEL_FORMAT_RGBA16,  FW_PIXEL_FORMAT_RGBA16F,  FW_PIXEL_FORMAT_RGBA32F,
    FW_PIXEL_FORMAT_R16,     FW_PIXEL_FORMAT_R16F,    FW_PIXEL_FORMAT_R32F,     FW_PIXEL_FORMAT_DEPTH16,
    FW_PIXEL_FORMAT_DEPTH24S8, FW_PIXEL_FORMAT_DEPTH32F, FW_PIXEL_FORMAT_NV12,  FW_PIXEL_FORMAT_I420,
};
enum { FORMATS = sizeof formats / sizeof *formats };

static fw_sender_options blocking(fw_profile profile) {
    fw_sender_options options = FW_SENDER_OPTIONS_INIT;
    options.profile = profile;
    options.overflow = FW_OVERFLOW_BLOCK;
    return options;
}

/* The bytes of a row of a format's first plane, found from the sizes of pictures of one and two rows. */
static uint32_t tight_stride(fw_frame_info info) {
    size_t one, three;
    info.stride = 0;
    info.height = 2;
    one = picture_size(&info);
    info.height = 4;
    three = picture_size(&info);
    if (info.format == FW_PIXEL_FORMAT_NV12 || info.format == FW_PIXEL_FORMAT_I420) return info.width;
    return (uint32_t)((three - one) / 2);
}

static void every_format_order_and_stride_arrives(fw_profile profile) {
    fw_sender_options options = blocking(profile);
    fw_sender *sender;
    fw_receiver *receiver;
    uint64_t seed = 1;
    int format, order, padded;
    open_pair(&options, NULL, &sender, &receiver);
    for (format = 0; format < FORMATS; format++) {
        for (order = 0; order < 2; order++) {
            for (padded = 0; padded < 2; padded++) {
                fw_frame_info info = picture(37, 23);
                info.format = formats[format];
                info.row_order = order == 0 ? FW_ROW_ORDER_TOP_DOWN : FW_ROW_ORDER_BOTTOM_UP;
                if (padded) info.stride = tight_stride(info) + 12;
                CHECK_OK(send_painted(sender, &info, seed));
                expect_painted(receiver, &info, seed);
                seed++;
            }
        }
    }
    fw_sender_close(sender);
    fw_receiver_close(receiver);
}

/* The library's own checksum cannot find an error that it shares with the transfer, so rows are compared here too. */
static void bottom_up_rows_arrive_turned_over(fw_profile profile) {
    enum { WIDTH = 5, HEIGHT = 300, STRIDE = WIDTH * 3 + 7, ROW = WIDTH * 3 };
    static unsigned char pixels[STRIDE * HEIGHT];
    fw_sender_options options = blocking(profile);
    fw_sender *sender;
    fw_receiver *receiver;
    fw_frame_info info = picture(WIDTH, HEIGHT);
    fw_frame_info got = FW_FRAME_INFO_INIT;
    fw_frame *frame;
    int row;
    info.format = FW_PIXEL_FORMAT_RGB8;
    info.row_order = FW_ROW_ORDER_BOTTOM_UP;
    info.stride = STRIDE;
    CHECK(picture_size(&info) == STRIDE * (HEIGHT - 1) + ROW);
    paint(pixels, sizeof pixels, 3);
    open_pair(&options, NULL, &sender, &receiver);
    CHECK_OK(fw_sender_push(sender, &info, pixels, picture_size(&info)));
    CHECK_OK(fw_receiver_next(receiver, PATIENCE, &frame));
    CHECK_OK(fw_frame_get_info(frame, &got));
    CHECK(got.row_order == FW_ROW_ORDER_TOP_DOWN);
    CHECK(got.stride == ROW && fw_frame_stride(frame) == ROW && fw_frame_size(frame) == ROW * HEIGHT);
    for (row = 0; row < HEIGHT; row++) {
        const unsigned char *sent = pixels + (HEIGHT - 1 - row) * STRIDE;
        CHECK(memcmp((unsigned char *)fw_frame_data(frame) + row * ROW, sent, ROW) == 0);
    }
    fw_frame_unref(frame);
    fw_sender_close(sender);
    fw_receiver_close(receiver);
}

static void sizes_may_change_in_mid_stream(fw_profile profile) {
    static const uint32_t sizes[][2] = {{1, 1}, {640, 480}, {3, 1000}, {1000, 3}, {1281, 721}, {2, 2}, {640, 480}};
    enum { SIZES = sizeof sizes / sizeof *sizes };
    fw_sender_options options = blocking(profile);
    fw_sender *sender;
    fw_receiver *receiver;
    int i;
    open_pair(&options, NULL, &sender, &receiver);
    for (i = 0; i < SIZES; i++) {
        fw_frame_info info = picture(sizes[i][0], sizes[i][1]);
        if (i == 3) info.format = FW_PIXEL_FORMAT_I420;
        CHECK_OK(send_painted(sender, &info, (uint64_t)i));
        expect_painted(receiver, &info, (uint64_t)i);
    }
    fw_sender_close(sender);
    fw_receiver_close(receiver);
}

static void what_is_said_about_a_frame_arrives(void) {
    fw_sender *sender;
    fw_receiver *receiver;
    fw_frame_info info = picture(8, 4);
    fw_frame_info got = FW_FRAME_INFO_INIT;
    fw_frame_timing timing = FW_FRAME_TIMING_INIT;
    fw_frame *frame;
    info.pts_ns = 123456789;
    info.duration_ns = 16666667;
    info.color_primaries = 9;
    info.color_transfer = 16;
    info.color_matrix = 0;
    info.color_range = FW_COLOR_RANGE_FULL;
    info.stream_id = 7;
    info.view_id = 1;
    info.flags = FW_FRAME_FLAG_DISCONT;
    info.sequence = 99;
    open_pair(NULL, NULL, &sender, &receiver);
    CHECK_OK(send_painted(sender, &info, 1));
    CHECK_OK(fw_receiver_next(receiver, PATIENCE, &frame));
    CHECK_OK(fw_frame_get_info(frame, &got));
    CHECK(got.struct_size == sizeof got);
    CHECK(got.pts_ns == 123456789 && got.duration_ns == 16666667);
    CHECK(got.color_primaries == 9 && got.color_transfer == 16 && got.color_matrix == 0);
    CHECK(got.color_range == FW_COLOR_RANGE_FULL && got.stream_id == 7 && got.view_id == 1);
    CHECK(got.flags == (FW_FRAME_FLAG_DISCONT | FW_FRAME_FLAG_KEY));
    CHECK(got.sequence == 0);
    CHECK((uintptr_t)fw_frame_data(frame) % 64 == 0);
    CHECK_OK(fw_frame_get_timing(frame, &timing));
    CHECK(timing.sender_queue_ns >= 0 && timing.sender_encode_ns >= 0 && timing.receive_ns >= 0);
    CHECK(timing.decode_ns >= 0 && timing.wire_bytes > 148);
    fw_frame_unref(frame);
    info = picture(8, 4);
    CHECK_OK(send_painted(sender, &info, 2));
    CHECK_OK(fw_receiver_next(receiver, PATIENCE, &frame));
    CHECK_OK(fw_frame_get_info(frame, &got));
    CHECK(got.pts_ns == FW_TIME_NONE && got.duration_ns == FW_TIME_NONE && got.flags == FW_FRAME_FLAG_KEY);
    CHECK(got.sequence == 1);
    fw_frame_unref(frame);
    fw_sender_close(sender);
    fw_receiver_close(receiver);
}

static void send_three(fw_sender *sender, fw_receiver *receiver) {
    fw_frame_info info = picture(320, 200);
    uint64_t seed;
    for (seed = 0; seed < 3; seed++) {
        CHECK_OK(send_painted(sender, &info, seed));
        expect_painted(receiver, &info, seed);
    }
    AWAIT(sender_stats(sender).frames_acknowledged == 3);
}

static void a_sender_may_listen(void) {
    fw_sender *sender;
    fw_receiver *receiver;
    CHECK_OK(fw_sender_open("tcp://127.0.0.1:0?listen=1", NULL, &sender));
    CHECK(fw_sender_port(sender) != 0);
    CHECK(!fw_sender_is_connected(sender));
    CHECK_OK(fw_receiver_open(tcp_url(fw_sender_port(sender), "?connect=1"), NULL, &receiver));
    CHECK(fw_receiver_port(receiver) == 0);
    AWAIT(fw_sender_is_connected(sender));
    send_three(sender, receiver);
    fw_sender_close(sender);
    fw_receiver_close(receiver);
}

static void unix_sockets_work_both_ways(void) {
    const char *folder = make_folder();
    fw_sender *sender;
    fw_receiver *receiver;
    CHECK_OK(fw_receiver_open(path_url("unix", folder, "a"), NULL, &receiver));
    CHECK(fw_receiver_port(receiver) == 0);
    CHECK_OK(fw_sender_open(path_url("unix", folder, "a"), NULL, &sender));
    CHECK(fw_sender_port(sender) == 0);
    send_three(sender, receiver);
    fw_sender_close(sender);
    fw_receiver_close(receiver);

    CHECK_OK(fw_sender_open(path_url("unix", folder, "b?listen=1"), NULL, &sender));
    CHECK_OK(fw_receiver_open(path_url("unix", folder, "b?connect=1"), NULL, &receiver));
    send_three(sender, receiver);
    fw_sender_close(sender);
    fw_receiver_close(receiver);
    CHECK(rmdir(folder) == 0);
}

static void a_recording_is_read_back(fw_profile profile) {
    enum { FRAMES = 5 };
    const char *folder = make_folder();
    fw_sender_options options = blocking(profile);
    fw_sender *sender;
    fw_receiver *receiver;
    fw_frame_info info = picture(321, 123);
    fw_frame *frame;
    fw_sender_stats sent;
    fw_receiver_stats stats;
    struct stat file;
    char path[160];
    uint64_t seed;
    snprintf(path, sizeof path, "%s/recording", folder);
    CHECK_OK(fw_sender_open(path_url("file", folder, "recording"), &options, &sender));
    CHECK(fw_sender_is_connected(sender));
    CHECK(fw_sender_port(sender) == 0);
    for (seed = 0; seed < FRAMES; seed++) {
        info.row_order = seed % 2 == 0 ? FW_ROW_ORDER_TOP_DOWN : FW_ROW_ORDER_BOTTOM_UP;
        CHECK_OK(send_painted(sender, &info, seed));
    }
    CHECK_OK(fw_sender_flush(sender, PATIENCE));
    sent = sender_stats(sender);
    CHECK(sent.frames_sent == FRAMES && sent.frames_dropped == 0 && sent.connections == 1);
    CHECK(sent.bytes_raw == FRAMES * (uint64_t)picture_size(&info));
    CHECK(sent.latency_ns_p50 == -1 && sent.frames_acknowledged == 0);
    fw_sender_close(sender);
    CHECK(stat(path, &file) == 0 && (uint64_t)file.st_size >= sent.bytes_wire);

    CHECK_OK(fw_receiver_open(path_url("file", folder, "recording"), NULL, &receiver));
    CHECK(fw_receiver_port(receiver) == 0);
    for (seed = 0; seed < FRAMES; seed++) {
        info.row_order = seed % 2 == 0 ? FW_ROW_ORDER_TOP_DOWN : FW_ROW_ORDER_BOTTOM_UP;
        expect_painted(receiver, &info, seed);
    }
    CHECK(fw_receiver_next(receiver, PATIENCE, &frame) == FW_ERROR_CLOSED && frame == NULL);
    CHECK(fw_receiver_next(receiver, 0, &frame) == FW_ERROR_CLOSED);
    stats = receiver_stats(receiver);
    CHECK(stats.frames_received == FRAMES && stats.frames_delivered == FRAMES && stats.frames_dropped == 0);
    CHECK(stats.checksums_verified == FRAMES && stats.frames_missed == 0 && stats.errors == 0);
    CHECK(stats.bytes_raw == sent.bytes_raw && stats.bytes_wire == (uint64_t)file.st_size);
    fw_receiver_close(receiver);
    CHECK(unlink(path) == 0 && rmdir(folder) == 0);
}

/* The receiver may not even have accepted the connection when the sender is done with it. */
static void a_sender_that_closes_at_once_loses_nothing(void) {
    fw_receiver_options once = FW_RECEIVER_OPTIONS_INIT;
    int rounds = quick() ? 5 : 50;
    once.once = 1;
    while (rounds-- > 0) {
        fw_sender *sender;
        fw_receiver *receiver;
        fw_frame_info info = picture(400, 300);
        fw_frame *frame;
        open_pair(NULL, &once, &sender, &receiver);
        CHECK_OK(send_painted(sender, &info, (uint64_t)rounds));
        fw_sender_close(sender);
        expect_painted(receiver, &info, (uint64_t)rounds);
        CHECK_ERROR(fw_receiver_next(receiver, PATIENCE, &frame), FW_ERROR_CLOSED, "ended the stream");
        fw_receiver_close(receiver);
    }
}

static void two_senders_share_a_process(void) {
    fw_sender *first, *second;
    fw_receiver *from_first, *from_second;
    fw_frame_info small = picture(64, 64);
    fw_frame_info large = picture(800, 600);
    uint64_t seed;
    open_pair(NULL, NULL, &first, &from_first);
    open_pair(NULL, NULL, &second, &from_second);
    for (seed = 0; seed < 4; seed++) {
        CHECK_OK(send_painted(first, &small, seed));
        CHECK_OK(send_painted(second, &large, seed + 100));
        expect_painted(from_second, &large, seed + 100);
        expect_painted(from_first, &small, seed);
    }
    CHECK(sender_stats(first).frames_sent == 4 && sender_stats(second).frames_sent == 4);
    fw_sender_close(first);
    fw_receiver_close(from_second);
    fw_sender_close(second);
    fw_receiver_close(from_first);
}

static void checksums_travel_when_asked_for(void) {
    fw_sender_options options = FW_SENDER_OPTIONS_INIT;
    fw_sender *sender;
    fw_receiver *receiver;
    fw_frame_info info = picture(50, 50);
    options.checksum = 1;
    open_pair(&options, NULL, &sender, &receiver);
    CHECK_OK(send_painted(sender, &info, 1));
    expect_painted(receiver, &info, 1);
    CHECK(receiver_stats(receiver).checksums_verified == 1);
    fw_sender_close(sender);
    fw_receiver_close(receiver);
}

int main(void) {
    begin_test();
    every_format_order_and_stride_arrives(FW_PROFILE_LZ4);
    every_format_order_and_stride_arrives(FW_PROFILE_RAW);
    every_format_order_and_stride_arrives(FW_PROFILE_TILE);
    every_format_order_and_stride_arrives(FW_PROFILE_HUFFMAN);
    bottom_up_rows_arrive_turned_over(FW_PROFILE_LZ4);
    bottom_up_rows_arrive_turned_over(FW_PROFILE_RAW);
    bottom_up_rows_arrive_turned_over(FW_PROFILE_TILE);
    sizes_may_change_in_mid_stream(FW_PROFILE_LZ4);
    sizes_may_change_in_mid_stream(FW_PROFILE_RAW);
    sizes_may_change_in_mid_stream(FW_PROFILE_TILE);
    sizes_may_change_in_mid_stream(FW_PROFILE_HUFFMAN);
    what_is_said_about_a_frame_arrives();
    a_sender_that_closes_at_once_loses_nothing();
    a_sender_may_listen();
    unix_sockets_work_both_ways();
    a_recording_is_read_back(FW_PROFILE_LZ4);
    a_recording_is_read_back(FW_PROFILE_RAW);
    a_recording_is_read_back(FW_PROFILE_TILE);
    a_recording_is_read_back(FW_PROFILE_HUFFMAN);
    two_senders_share_a_process();
    checksums_travel_when_asked_for();
    printf("transfer_test: ok\n");
    return 0;
}
