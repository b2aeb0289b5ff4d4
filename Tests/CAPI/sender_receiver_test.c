/* What the calls of senders and receivers do, and when: waiting, ends, descriptors, owners, structs of other sizes. */
#include "support.h"

static fw_receiver_options once_only(void) {
    fw_receiver_options options = FW_RECEIVER_OPTIONS_INIT;
    options.once = 1;
    return options;
}

static int is_readable(int descriptor, int timeout_ms) {
    struct pollfd entry;
    entry.fd = descriptor;
    entry.events = POLLIN;
    entry.revents = 0;
    return poll(&entry, 1, timeout_ms) == 1 && (entry.revents & POLLIN) != 0;
}

static void next_waits_as_long_as_it_is_told(void) {
    fw_receiver *receiver;
    fw_frame *frame = (fw_frame *)&frame;
    int64_t start;
    CHECK_OK(fw_receiver_open("tcp://127.0.0.1:0", NULL, &receiver));
    CHECK_ERROR(fw_receiver_next(receiver, 0, &frame), FW_ERROR_WOULD_BLOCK, "no frame");
    CHECK(frame == NULL);
    start = now_ns();
    frame = (fw_frame *)&frame;
    CHECK_ERROR(fw_receiver_next(receiver, 20 * MILLISECOND, &frame), FW_ERROR_TIMEOUT, "20000000 ns");
    CHECK(frame == NULL);
    CHECK(now_ns() - start >= 20 * MILLISECOND);
    CHECK_ERROR(fw_receiver_next(receiver, 1, &frame), FW_ERROR_TIMEOUT, "no frame");
    fw_receiver_close(receiver);
}

static void the_stream_ends_with_the_first_connection_if_asked_to(void) {
    fw_receiver_options options = once_only();
    fw_sender *sender;
    fw_receiver *receiver;
    fw_frame *frame;
    fw_frame_info info = picture(40, 30);
    open_pair(NULL, &options, &sender, &receiver);
    CHECK_OK(send_painted(sender, &info, 1));
    CHECK_OK(fw_sender_flush(sender, PATIENCE));
    CHECK_OK(send_painted(sender, &info, 2));
    fw_sender_close(sender);
    /* Frames that had arrived come before the end. */
    expect_painted(receiver, &info, 1);
    expect_painted(receiver, &info, 2);
    CHECK_ERROR(fw_receiver_next(receiver, -1, &frame), FW_ERROR_CLOSED, "ended the stream");
    CHECK_ERROR(fw_receiver_next(receiver, 0, &frame), FW_ERROR_CLOSED, "ended the stream");
    CHECK_ERROR(fw_receiver_next(receiver, SECOND, &frame), FW_ERROR_CLOSED, "ended the stream");
    CHECK(receiver_stats(receiver).connections == 1 && receiver_stats(receiver).errors == 0);
    fw_receiver_close(receiver);
}

static void the_next_sender_is_served_otherwise(void) {
    fw_sender *sender;
    fw_receiver *receiver;
    fw_frame_info info = picture(40, 30);
    uint64_t seed;
    CHECK_OK(fw_receiver_open("tcp://127.0.0.1:0", NULL, &receiver));
    for (seed = 1; seed <= 3; seed++) {
        CHECK_OK(fw_sender_open(tcp_url(fw_receiver_port(receiver), ""), NULL, &sender));
        CHECK_OK(send_painted(sender, &info, seed));
        expect_painted(receiver, &info, seed);
        fw_sender_close(sender);
    }
    CHECK(receiver_stats(receiver).connections == 3 && receiver_stats(receiver).errors == 0);
    CHECK(receiver_stats(receiver).frames_delivered == 3 && receiver_stats(receiver).frames_missed == 0);
    fw_receiver_close(receiver);
}

static void the_descriptor_is_readable_while_next_has_something(void) {
    fw_receiver_options options = once_only();
    fw_sender *sender;
    fw_receiver *receiver;
    fw_frame *frame;
    fw_frame_info info = picture(40, 30);
    int descriptor;
    open_pair(NULL, &options, &sender, &receiver);
    descriptor = fw_receiver_fd(receiver);
    CHECK(descriptor >= 0);
    CHECK(!is_readable(descriptor, 0));
    CHECK_OK(send_painted(sender, &info, 1));
    CHECK_OK(send_painted(sender, &info, 2));
    CHECK(is_readable(descriptor, 60000));
    AWAIT(receiver_stats(receiver).queue_depth == 2);
    CHECK_OK(fw_receiver_next(receiver, 0, &frame));
    fw_frame_unref(frame);
    CHECK(is_readable(descriptor, 0));
    CHECK_OK(fw_receiver_next(receiver, 0, &frame));
    fw_frame_unref(frame);
    CHECK(!is_readable(descriptor, 0));
    CHECK(fw_receiver_next(receiver, 0, &frame) == FW_ERROR_WOULD_BLOCK);
    fw_sender_close(sender);
    CHECK(is_readable(descriptor, 60000));
    CHECK(fw_receiver_next(receiver, 0, &frame) == FW_ERROR_CLOSED);
    CHECK(is_readable(descriptor, 0));
    fw_receiver_close(receiver);
}

static void flush_waits_until_frames_have_left(void) {
    fw_sender_options options = FW_SENDER_OPTIONS_INIT;
    fw_sender *sender;
    fw_receiver *receiver;
    fw_frame_info info = picture(40, 30);
    fw_sender_stats stats;
    options.close_timeout_ns = MILLISECOND;
    /* With nobody to send to, nothing leaves. */
    CHECK_OK(fw_sender_open("tcp://127.0.0.1:0?listen=1", &options, &sender));
    CHECK_OK(fw_sender_flush(sender, 0));
    CHECK_OK(send_painted(sender, &info, 1));
    CHECK_ERROR(fw_sender_flush(sender, 0), FW_ERROR_WOULD_BLOCK, "1 frames");
    CHECK_ERROR(fw_sender_flush(sender, 5 * MILLISECOND), FW_ERROR_TIMEOUT, "5000000 ns");
    stats = sender_stats(sender);
    CHECK(stats.frames_pushed == 1 && stats.frames_sent == 0 && stats.queue_depth == 1 && !stats.connected);
    CHECK_OK(fw_receiver_open(tcp_url(fw_sender_port(sender), "?connect=1"), NULL, &receiver));
    CHECK_OK(fw_sender_flush(sender, PATIENCE));
    CHECK_OK(fw_sender_flush(sender, 0));
    CHECK(sender_stats(sender).frames_sent == 1);
    expect_painted(receiver, &info, 1);
    fw_receiver_close(receiver);
    fw_sender_close(sender);
}

static void stats_count_what_happened(void) {
    enum { FRAMES = 4 };
    fw_sender_options options = FW_SENDER_OPTIONS_INIT;
    fw_sender *sender;
    fw_receiver *receiver;
    fw_frame_info info = picture(64, 48);
    fw_sender_stats sent;
    fw_receiver_stats received;
    uint64_t seed, size = picture_size(&info);
    options.overflow = FW_OVERFLOW_BLOCK;
    open_pair(&options, NULL, &sender, &receiver);
    CHECK(fw_sender_is_connected(sender));
    sent = sender_stats(sender);
    CHECK(sent.frames_pushed == 0 && sent.encode_ns_p50 == -1 && sent.latency_ns_p99 == -1);
    CHECK(sent.submit_ns_p50 == -1 && sent.bytes_wire == 0);
    received = receiver_stats(receiver);
    CHECK(received.decode_ns_p50 == -1 && received.latency_ns_p50 == -1 && received.frames_received == 0);
    for (seed = 0; seed < FRAMES; seed++) {
        CHECK_OK(send_painted(sender, &info, seed));
        expect_painted(receiver, &info, seed);
        AWAIT(sender_stats(sender).frames_acknowledged == seed + 1);
    }
    sent = sender_stats(sender);
    CHECK(sent.struct_size == sizeof sent && sent.connected == 1 && sent.connections == 1);
    CHECK(sent.frames_pushed == FRAMES && sent.frames_sent == FRAMES && sent.frames_dropped == 0);
    CHECK(sent.bytes_raw == FRAMES * size && sent.bytes_wire > 0 && sent.pixel_bytes_copied == 0);
    CHECK(sent.queue_depth == 0 && sent.queue_peak >= 1 && sent.frames_allocated >= 1);
    /* The receiver's hello has come with the first acknowledgement. */
    CHECK(sent.profile == FW_PROFILE_TILE && sent.profile_reason == FW_PROFILE_REASON_PEER_KNOWS_TILE);
    CHECK(sent.encode_ns_p50 > 0 && sent.encode_ns_p50 <= sent.encode_ns_p99);
    CHECK(sent.latency_ns_p50 > 0 && sent.latency_ns_p50 <= sent.latency_ns_p99);
    CHECK(sent.submit_ns_p50 >= 0 && sent.submit_ns_p50 <= sent.submit_ns_p99);
    received = receiver_stats(receiver);
    CHECK(received.connected == 1 && received.connections == 1 && received.errors == 0);
    CHECK(received.frames_received == FRAMES && received.frames_delivered == FRAMES);
    CHECK(received.frames_dropped == 0 && received.frames_missed == 0 && received.queue_depth == 0);
    CHECK(received.bytes_raw == FRAMES * size && received.bytes_wire >= sent.bytes_wire);
    CHECK(received.decode_ns_p50 > 0 && received.latency_ns_p50 > 0);
    CHECK_ERROR(fw_sender_push(sender, &info, "", 0), FW_ERROR_OUT_OF_RANGE, "0 bytes");
    CHECK(sender_stats(sender).frames_pushed == FRAMES);
    fw_sender_close(sender);
    fw_receiver_close(receiver);
}

static void a_frame_outlives_its_sender(void) {
    fw_sender *sender;
    fw_receiver *receiver;
    fw_frame *frame;
    fw_frame_info info = picture(40, 30);
    open_pair(NULL, NULL, &sender, &receiver);
    CHECK_OK(fw_sender_acquire(sender, &info, &frame));
    CHECK((uintptr_t)fw_frame_data(frame) % 64 == 0);
    CHECK(fw_frame_size(frame) == picture_size(&info) && fw_frame_stride(frame) == 160);
    fw_sender_close(sender);
    memset(fw_frame_data(frame), 1, fw_frame_size(frame));
    fw_frame_unref(frame);
    fw_receiver_close(receiver);
}

static void a_frame_outlives_its_receiver(void) {
    fw_sender *sender;
    fw_receiver *receiver;
    fw_frame *frame;
    fw_frame_info info = picture(40, 30);
    open_pair(NULL, NULL, &sender, &receiver);
    CHECK_OK(send_painted(sender, &info, 5));
    CHECK_OK(send_painted(sender, &info, 6));
    CHECK_OK(fw_receiver_next(receiver, PATIENCE, &frame));
    CHECK(fw_frame_ref(frame) == frame);
    fw_sender_close(sender);
    fw_receiver_close(receiver);
    fw_frame_unref(frame);
    CHECK(frame_checksum(frame) == painted_checksum(&info, 5));
    fw_frame_unref(frame);
}

/* A renderer may keep a reference to what it submitted, to show it as well. */
static void a_held_reference_keeps_the_pixels(void) {
    fw_sender *sender;
    fw_receiver *receiver;
    fw_frame *frame;
    fw_frame_info info = picture(40, 30);
    uint64_t seed;
    open_pair(NULL, NULL, &sender, &receiver);
    CHECK_OK(fw_sender_acquire(sender, &info, &frame));
    paint(fw_frame_data(frame), fw_frame_size(frame), 1);
    CHECK(fw_frame_ref(frame) == frame);
    CHECK_OK(fw_sender_submit(sender, frame));
    expect_painted(receiver, &info, 1);
    for (seed = 2; seed < 8; seed++) {
        CHECK_OK(send_painted(sender, &info, seed));
        expect_painted(receiver, &info, seed);
    }
    CHECK(frame_checksum(frame) == painted_checksum(&info, 1));
    fw_frame_unref(frame);
    fw_sender_close(sender);
    fw_receiver_close(receiver);
}

static void an_acquired_frame_may_be_given_back(void) {
    fw_sender *sender;
    fw_receiver *receiver;
    fw_frame_info info = picture(40, 30);
    int i;
    open_pair(NULL, NULL, &sender, &receiver);
    for (i = 0; i < 200; i++) {
        fw_frame *frame;
        CHECK_OK(fw_sender_acquire(sender, &info, &frame));
        fw_frame_unref(frame);
    }
    CHECK(sender_stats(sender).frames_allocated == 1 && sender_stats(sender).frames_pushed == 0);
    fw_sender_close(sender);
    fw_receiver_close(receiver);
}

static void only_so_many_frames_can_be_acquired(void) {
    fw_sender *sender;
    fw_receiver *receiver;
    fw_frame *frames[128], *more = (fw_frame *)&more;
    fw_frame_info info = picture(4, 4);
    int i;
    open_pair(NULL, NULL, &sender, &receiver);
    for (i = 0; i < 128; i++) CHECK_OK(fw_sender_acquire(sender, &info, &frames[i]));
    CHECK_ERROR(fw_sender_acquire(sender, &info, &more), FW_ERROR_WOULD_BLOCK, "128 frames");
    CHECK(more == NULL);
    fw_frame_unref(frames[0]);
    CHECK_OK(fw_sender_acquire(sender, &info, &frames[0]));
    for (i = 0; i < 128; i++) fw_frame_unref(frames[i]);
    fw_sender_close(sender);
    fw_receiver_close(receiver);
}

/* Programs built against an older header have shorter structs, those built against a newer one longer. */
static void structs_of_other_versions_work(void) {
    struct {
        fw_sender_options options;
        char more[32];
    } sending;
    struct {
        fw_sender_stats stats;
        char more[32];
    } stats;
    struct {
        fw_frame_info info;
        char more[16];
    } longer;
    fw_sender_options known = FW_SENDER_OPTIONS_INIT;
    fw_receiver_options receiving = FW_RECEIVER_OPTIONS_INIT;
    fw_frame_info info = picture(40, 30);
    fw_frame_info shorter;
    fw_frame_info got;
    fw_sender *sender;
    fw_receiver *receiver;
    fw_frame *frame;
    size_t i;
    memset(&sending, 0xFF, sizeof sending);
    sending.options = known;
    sending.options.struct_size = sizeof sending;
    sending.options.queue_depth = 7;
    /* Of the receiver's options only `once`; what lies behind must not be read. */
    memset(&receiving, 0xFF, sizeof receiving);
    receiving.struct_size = 8;
    receiving.once = 1;
    open_pair(&sending.options, &receiving, &sender, &receiver);

    memset(&longer, 0xFF, sizeof longer);
    longer.info = info;
    longer.info.struct_size = sizeof longer;
    CHECK_OK(fw_sender_acquire(sender, &longer.info, &frame));
    paint(fw_frame_data(frame), fw_frame_size(frame), 1);
    CHECK_OK(fw_sender_submit(sender, frame));
    expect_painted(receiver, &info, 1);

    memset(&shorter, 0xFF, sizeof shorter);
    shorter.struct_size = offsetof(fw_frame_info, stride);
    shorter.width = 40;
    shorter.height = 30;
    shorter.format = FW_PIXEL_FORMAT_RGBA8;
    shorter.row_order = FW_ROW_ORDER_TOP_DOWN;
    CHECK_OK(fw_sender_acquire(sender, &shorter, &frame));
    CHECK(fw_frame_stride(frame) == 160);
    memset(&got, 0x55, sizeof got);
    got.struct_size = offsetof(fw_frame_info, format);
    CHECK_OK(fw_frame_get_info(frame, &got));
    CHECK(got.struct_size == offsetof(fw_frame_info, format) && got.width == 40 && got.height == 30);
    for (i = offsetof(fw_frame_info, format); i < sizeof got; i++) CHECK(((unsigned char *)&got)[i] == 0x55);
    fw_frame_unref(frame);

    memset(&stats, 0x55, sizeof stats);
    stats.stats.struct_size = sizeof stats;
    CHECK_OK(fw_sender_get_stats(sender, &stats.stats));
    CHECK(stats.stats.struct_size == sizeof stats && stats.stats.frames_pushed == 1);
    for (i = 0; i < sizeof stats.more; i++) CHECK(stats.more[i] == 0x55);
    memset(&stats, 0x55, sizeof stats);
    stats.stats.struct_size = 16;
    CHECK_OK(fw_sender_get_stats(sender, &stats.stats));
    CHECK(stats.stats.frames_pushed == 1);
    for (i = 16; i < sizeof stats.stats; i++) CHECK(((unsigned char *)&stats.stats)[i] == 0x55);
    fw_sender_close(sender);
    CHECK(fw_receiver_next(receiver, PATIENCE, &frame) == FW_ERROR_CLOSED);
    fw_receiver_close(receiver);
}

static void a_lost_connection_is_made_again(void) {
    fw_sender *sender;
    fw_receiver *receiver;
    fw_frame_info info = picture(40, 30);
    uint16_t port;
    char url[64];
    open_pair(NULL, NULL, &sender, &receiver);
    port = fw_receiver_port(receiver);
    CHECK_OK(send_painted(sender, &info, 1));
    expect_painted(receiver, &info, 1);
    fw_receiver_close(receiver);
    AWAIT(!fw_sender_is_connected(sender));
    snprintf(url, sizeof url, "%s", tcp_url(port, ""));
    CHECK_OK(fw_receiver_open(url, NULL, &receiver));
    AWAIT(fw_sender_is_connected(sender));
    CHECK_OK(send_painted(sender, &info, 2));
    expect_painted(receiver, &info, 2);
    CHECK(sender_stats(sender).connections == 2);
    fw_sender_close(sender);
    fw_receiver_close(receiver);
}

static void a_sender_may_wait_for_a_receiver_that_is_not_there_yet(void) {
    fw_sender_options options = FW_SENDER_OPTIONS_INIT;
    fw_sender *sender;
    fw_receiver *receiver;
    fw_frame_info info = picture(40, 30);
    uint16_t port;
    int reserved = bind_socket(&port, 0);
    options.reconnect = FW_RECONNECT_ALWAYS;
    CHECK_OK(fw_sender_open(tcp_url(port, ""), &options, &sender));
    CHECK(!fw_sender_is_connected(sender));
    CHECK_OK(send_painted(sender, &info, 1));
    close(reserved);
    CHECK_OK(fw_receiver_open(tcp_url(port, ""), NULL, &receiver));
    expect_painted(receiver, &info, 1);
    fw_sender_close(sender);
    fw_receiver_close(receiver);
}

static void closing_at_once_is_fine(void) {
    fw_sender_options options = FW_SENDER_OPTIONS_INIT;
    fw_sender *sender;
    fw_receiver *receiver;
    options.reconnect = FW_RECONNECT_ALWAYS;
    CHECK_OK(fw_receiver_open("tcp://127.0.0.1:0", NULL, &receiver));
    fw_receiver_close(receiver);
    CHECK_OK(fw_sender_open("tcp://127.0.0.1:0?listen=1", NULL, &sender));
    fw_sender_close(sender);
    CHECK_OK(fw_sender_open("tcp://127.0.0.1:1", &options, &sender));
    fw_sender_close(sender);
    fw_sender_close(NULL);
    fw_receiver_close(NULL);
    fw_frame_unref(NULL);
}

int main(void) {
    begin_test();
    next_waits_as_long_as_it_is_told();
    the_stream_ends_with_the_first_connection_if_asked_to();
    the_next_sender_is_served_otherwise();
    the_descriptor_is_readable_while_next_has_something();
    flush_waits_until_frames_have_left();
    stats_count_what_happened();
    a_frame_outlives_its_sender();
    a_frame_outlives_its_receiver();
    a_held_reference_keeps_the_pixels();
    an_acquired_frame_may_be_given_back();
    only_so_many_frames_can_be_acquired();
    structs_of_other_versions_work();
    a_lost_connection_is_made_again();
    a_sender_may_wait_for_a_receiver_that_is_not_there_yet();
    closing_at_once_is_fine();
    printf("sender_receiver_test: ok\n");
    return 0;
}
