/*
 * A sender with several receivers: bit by bit, late ones, a stalled one, the limit, the rate, messages, the end and its reason, events,
 * and a thousand connections that come and go.
 */
#include "events.h"

enum { RECEIVERS = 3, FRAMES = 20 };

static fw_sender_options standard(fw_profile profile, fw_overflow overflow) {
    fw_sender_options options = FW_SENDER_OPTIONS_INIT;
    options.profile = profile;
    options.overflow = overflow;
    options.threads = 2;
    return options;
}

static fw_sender *listening(const fw_sender_options *options) {
    fw_sender *sender;
    CHECK_OK(fw_sender_open("tcp://127.0.0.1:0?listen=1", options, &sender));
    CHECK(fw_sender_port(sender) != 0);
    return sender;
}

/* Connects a receiver, and waits until the sender has it. */
static fw_receiver *connected(fw_sender *sender) {
    uint64_t count = sender_stats(sender).connections;
    fw_receiver *receiver;
    CHECK_OK(fw_receiver_open(tcp_url(fw_sender_port(sender), "?connect=1"), NULL, &receiver));
    AWAIT(sender_stats(sender).connections > count);
    return receiver;
}

static fw_peer_stats peer_stats(fw_sender *sender, uint32_t index) {
    fw_peer_stats stats = FW_PEER_STATS_INIT;
    CHECK_OK(fw_sender_get_peer_stats(sender, index, &stats));
    return stats;
}

static void all_receivers_get_all_frames(fw_profile profile) {
    fw_sender_options options = standard(profile, FW_OVERFLOW_BLOCK);
    fw_sender *sender = listening(&options);
    fw_receiver *receivers[RECEIVERS + 1];
    fw_frame_info info = picture(333, 77);
    int i, k;
    for (k = 0; k < RECEIVERS; k++) receivers[k] = connected(sender);
    CHECK(fw_sender_receiver_count(sender) == RECEIVERS);
    for (i = 0; i < FRAMES; i++) {
        CHECK_OK(send_painted(sender, &info, (uint64_t)i));
        for (k = 0; k < RECEIVERS; k++) expect_painted(receivers[k], &info, (uint64_t)i);
    }
    CHECK_OK(fw_sender_flush(sender, PATIENCE));
    CHECK(sender_stats(sender).frames_sent == RECEIVERS * FRAMES);
    if (profile == FW_PROFILE_TILE) CHECK(sender_stats(sender).frames_encoded == FRAMES);
    /* One that comes late. */
    receivers[RECEIVERS] = connected(sender);
    for (i = 0; i < FRAMES; i++) {
        CHECK_OK(send_painted(sender, &info, (uint64_t)(100 + i)));
        for (k = 0; k <= RECEIVERS; k++) expect_painted(receivers[k], &info, (uint64_t)(100 + i));
    }
    for (k = 0; k <= RECEIVERS; k++) {
        fw_peer_stats stats = peer_stats(sender, (uint32_t)k);
        CHECK(stats.peer_id == (uint64_t)k + 1 && stats.frames_dropped == 0 && stats.bytes_wire > 0);
        CHECK(strstr(stats.address, "tcp://127.0.0.1:") == stats.address);
        CHECK(profile == FW_PROFILE_AUTO || stats.profile == (uint32_t)profile);
    }
    CHECK(sender_stats(sender).frames_dropped == 0);
    for (k = 0; k <= RECEIVERS; k++) fw_receiver_close(receivers[k]);
    AWAIT(fw_sender_receiver_count(sender) == 0);
    fw_sender_close(sender);
}

/* A peer that reads nothing, among others that read everything. */
static void a_stalled_peer_costs_the_others_nothing(void) {
    fw_sender_options options = standard(FW_PROFILE_RAW, FW_OVERFLOW_DROP_OLDEST);
    fw_sender *sender;
    fw_receiver *receiver;
    fw_frame_info info = picture(1920, 1080);
    int stalled, i;
    /* Where all is slow, the frames below take long. */
    options.idle_timeout_ns = -1;
    sender = listening(&options);
    stalled = connect_socket(fw_sender_port(sender));
    AWAIT(fw_sender_receiver_count(sender) == 1);
    receiver = connected(sender);
    for (i = 0; i < 20; i++) {
        CHECK_OK(send_painted(sender, &info, (uint64_t)i));
        expect_painted(receiver, &info, (uint64_t)i);
    }
    CHECK(peer_stats(sender, 1).frames_dropped == 0);
    CHECK(peer_stats(sender, 0).frames < 10 && peer_stats(sender, 0).frames_dropped > 0);
    CHECK(peer_stats(sender, 0).send_queue_bytes > 0);
    close(stalled);
    AWAIT(fw_sender_receiver_count(sender) == 1);
    CHECK_OK(send_painted(sender, &info, 7));
    expect_painted(receiver, &info, 7);
    fw_receiver_close(receiver);
    fw_sender_close(sender);
}

static void receivers_beyond_the_limit_are_refused(void) {
    fw_sender_options options = standard(FW_PROFILE_LZ4, FW_OVERFLOW_DROP_OLDEST);
    fw_sender *sender;
    fw_receiver *served, *refused;
    fw_frame *frame;
    fw_receiver_options once = FW_RECEIVER_OPTIONS_INIT;
    options.max_peers = 1;
    sender = listening(&options);
    served = connected(sender);
    once.once = 1;
    CHECK_OK(fw_receiver_open(tcp_url(fw_sender_port(sender), "?connect=1"), &once, &refused));
    CHECK(fw_receiver_next(refused, PATIENCE, &frame) == FW_ERROR_CLOSED);
    CHECK(strstr(fw_last_error(), "serves 1 receivers already") != NULL);
    CHECK(fw_sender_receiver_count(sender) == 1 && sender_stats(sender).connections == 1);
    fw_receiver_close(refused);
    fw_receiver_close(served);
    fw_sender_close(sender);
}

static void ready_and_rates(void) {
    fw_sender_options options = standard(FW_PROFILE_LZ4, FW_OVERFLOW_DROP_OLDEST);
    fw_sender *sender;
    fw_receiver *receiver;
    fw_frame_info info = picture(64, 64);
    int i;
    /* One frame in 1000 seconds. */
    options.max_frame_rate_millihertz = 1;
    sender = listening(&options);
    CHECK(fw_sender_ready(sender) == 0 && fw_sender_ready(NULL) == 0);
    receiver = connected(sender);
    AWAIT(fw_sender_ready(sender));
    CHECK_OK(send_painted(sender, &info, 0));
    expect_painted(receiver, &info, 0);
    for (i = 1; i < 6; i++) {
        CHECK(fw_sender_ready(sender) == 0);
        CHECK_OK(send_painted(sender, &info, (uint64_t)i));
    }
    AWAIT(sender_stats(sender).frames_sent == 1);
    CHECK(sender_stats(sender).frames_dropped == 3);
    CHECK_OK(fw_sender_set_rate_limits(sender, 0, 0));
    expect_painted(receiver, &info, 4);
    expect_painted(receiver, &info, 5);
    AWAIT(fw_sender_ready(sender));
    CHECK_OK(fw_receiver_set_paused(receiver, 1));
    AWAIT(!fw_sender_ready(sender));
    CHECK(peer_stats(sender, 0).paused == 1);
    CHECK_OK(fw_receiver_set_paused(receiver, 0));
    AWAIT(fw_sender_ready(sender));
    fw_receiver_close(receiver);
    fw_sender_close(sender);
}

static void messages_and_round_trips(void) {
    fw_sender_options options = standard(FW_PROFILE_LZ4, FW_OVERFLOW_DROP_OLDEST);
    fw_sender *sender;
    fw_receiver *receiver;
    fw_message *message;
    options.keepalive_interval_ns = MILLISECOND;
    sender = listening(&options);
    receiver = connected(sender);
    CHECK_ERROR(fw_sender_next_message(sender, 0, &message), FW_ERROR_WOULD_BLOCK, "no message");
    CHECK(message == NULL);
    AWAIT(fw_receiver_send_message(receiver, 0, 5, "left", 4) == FW_OK);
    CHECK_OK(fw_sender_next_message(sender, PATIENCE, &message));
    CHECK(fw_message_type(message) == 5 && fw_message_size(message) == 4 && fw_message_peer_id(message) == 1);
    CHECK(memcmp(fw_message_data(message), "left", 4) == 0);
    CHECK((uintptr_t)fw_message_data(message) % 16 == 0);
    fw_message_free(message);
    CHECK_OK(fw_receiver_send_message(receiver, 0, 6, NULL, 0));
    CHECK_OK(fw_sender_next_message(sender, PATIENCE, &message));
    CHECK(fw_message_type(message) == 6 && fw_message_size(message) == 0 && fw_message_data(message) == NULL);
    fw_message_free(message);
    CHECK(sender_stats(sender).messages_received == 2 && sender_stats(sender).messages_dropped == 0);
    AWAIT(sender_stats(sender).rtt_ns_p50 > 0 && peer_stats(sender, 0).rtt_ns_p99 > 0);
    CHECK_OK(fw_sender_end(sender, FW_END_OF_STREAM, NULL, PATIENCE));
    CHECK_ERROR(fw_sender_next_message(sender, -1, &message), FW_ERROR_CLOSED, "closed");
    fw_receiver_close(receiver);
    fw_sender_close(sender);
}

static void the_end_and_its_reason_are_told(void) {
    fw_sender_options options = standard(FW_PROFILE_TILE, FW_OVERFLOW_BLOCK);
    fw_sender *sender;
    fw_receiver *receivers[2];
    fw_frame_info info = picture(100, 50);
    events all = {0, 0, 0, 0, FW_OK};
    int k;
    options.on_connection = note;
    options.on_connection_user = &all;
    sender = listening(&options);
    for (k = 0; k < 2; k++) receivers[k] = connected(sender);
    CHECK_OK(send_painted(sender, &info, 1));
    CHECK_OK(fw_sender_end(sender, FW_END_FAILED, "the renderer lost its device", PATIENCE));
    CHECK(count_of(&all.connected) == 2 && count_of(&all.closed) == 1 && count_of(&all.lost) == 0);
    CHECK_ERROR(send_painted(sender, &info, 1), FW_ERROR_CLOSED, "closed");
    CHECK_ERROR(fw_sender_end(sender, FW_END_OF_STREAM, "", 0), FW_ERROR_CLOSED, "closed");
    CHECK(sender_stats(sender).frames_sent == 2);
    for (k = 0; k < 2; k++) {
        fw_end end = FW_END_INIT;
        expect_painted(receivers[k], &info, 1);
        AWAIT(fw_receiver_get_end(receivers[k], &end) == FW_OK);
        CHECK(end.reason == FW_END_FAILED && strstr(end.text, "the renderer lost its device") != NULL);
        fw_receiver_close(receivers[k]);
    }
    fw_sender_close(sender);
    CHECK(count_of(&all.closed) == 1);
}

static void a_sender_that_connects_tells_of_each_attempt(void) {
    fw_sender_options options = standard(FW_PROFILE_TILE, FW_OVERFLOW_DROP_OLDEST);
    fw_sender *sender;
    fw_receiver *receiver;
    fw_frame_info info = picture(100, 50);
    events all = {0, 0, 0, 0, FW_OK};
    uint16_t port;
    char url[128];
    options.on_connection = note;
    options.on_connection_user = &all;
    CHECK_OK(fw_receiver_open("tcp://127.0.0.1:0", NULL, &receiver));
    port = fw_receiver_port(receiver);
    snprintf(url, sizeof url, "%s", tcp_url(port, ""));
    CHECK_OK(fw_sender_open(url, &options, &sender));
    CHECK_OK(send_painted(sender, &info, 0));
    expect_painted(receiver, &info, 0);
    fw_receiver_close(receiver);
    AWAIT(count_of(&all.lost) == 1 && count_of(&all.connecting) >= 2);
    CHECK_OK(fw_receiver_open(url, NULL, &receiver));
    AWAIT(count_of(&all.connected) == 2);
    CHECK_OK(send_painted(sender, &info, 9));
    expect_painted(receiver, &info, 9);
    fw_sender_close(sender);
    CHECK(count_of(&all.closed) == 1);
    fw_receiver_close(receiver);
}

/* A raw socket that said hello as a receiver does, recorded from one, and then nothing more. */
static void a_receiver_that_falls_silent_is_given_up(void) {
    fw_sender_options options = standard(FW_PROFILE_LZ4, FW_OVERFLOW_DROP_OLDEST);
    fw_sender *sender;
    events all = {0, 0, 0, 0, FW_OK};
    uint16_t port;
    char hello[512];
    ssize_t size, sent;
    int listener = bind_socket(&port, 1), real, silent;
    fw_receiver *receiver;
    fw_sender *asking;
    /* The hello: a real sender's opening makes a real receiver say it. */
    CHECK_OK(fw_receiver_open("tcp://127.0.0.1:0", NULL, &receiver));
    CHECK_OK(fw_sender_open(tcp_url(port, ""), NULL, &asking));
    real = accept(listener, NULL, NULL);
    CHECK(real >= 0);
    size = recv(real, hello, sizeof hello, 0);
    CHECK(size > 0);
    silent = connect_socket(fw_receiver_port(receiver));
    CHECK(send(silent, hello, (size_t)size, MSG_NOSIGNAL) == size);
    size = recv(silent, hello, sizeof hello, 0);
    CHECK(size > 0);
    close(silent);
    close(real);
    close(listener);
    fw_sender_close(asking);
    fw_receiver_close(receiver);

    options.on_connection = note;
    options.on_connection_user = &all;
    options.keepalive_interval_ns = 10 * MILLISECOND;
    options.idle_timeout_ns = 200 * MILLISECOND;
    sender = listening(&options);
    silent = connect_socket(fw_sender_port(sender));
    sent = send(silent, hello, (size_t)size, MSG_NOSIGNAL);
    CHECK(sent == size);
    AWAIT(count_of(&all.lost) == 1);
    CHECK(all.last_status == FW_ERROR_TIMEOUT);
    read_to_end(silent);
    close(silent);
    fw_sender_close(sender);
}

/* ------------------------------------------------------------------------------------------------- coming and going */

static void a_thousand_receivers_leave_nothing_behind(void) {
    fw_sender_options options = standard(FW_PROFILE_TILE, FW_OVERFLOW_DROP_OLDEST);
    fw_sender *sender = listening(&options);
    fw_receiver *receiver = connected(sender);
    fw_frame_info info = picture(200, 100);
    int descriptors = open_descriptors();
    uint32_t allocated = 0;
    int i, rounds = quick() ? 60 : 1000;
    for (i = 0; i < rounds; i++) {
        int guest = connect_socket(fw_sender_port(sender));
        if (i % 3 == 0) CHECK(send(guest, "GET / HTTP/1.1\r\n\r\n", 18, MSG_NOSIGNAL) == 18);
        CHECK_OK(send_painted(sender, &info, (uint64_t)i));
        expect_painted(receiver, &info, (uint64_t)i);
        close(guest);
        if (i == rounds / 2) allocated = sender_stats(sender).frames_allocated;
    }
    AWAIT(fw_sender_receiver_count(sender) == 1);
    AWAIT(open_descriptors() == descriptors);
    /* What each one needed for a while is given back. */
    CHECK(sender_stats(sender).frames_allocated <= allocated + 8);
    CHECK(peer_stats(sender, 0).frames_dropped == 0);
    fw_receiver_close(receiver);
    fw_sender_close(sender);
}

static void bad_arguments_are_refused(void) {
    fw_sender_options options = standard(FW_PROFILE_LZ4, FW_OVERFLOW_DROP_OLDEST), bad;
    fw_sender *sender = listening(&options), *none;
    fw_message *message = (fw_message *)&options;
    fw_peer_stats stats = FW_PEER_STATS_INIT;
    CHECK(fw_sender_receiver_count(NULL) == 0);
    CHECK_ERROR(fw_sender_set_rate_limits(NULL, 0, 0), FW_ERROR_INVALID_ARGUMENT, "sender is NULL");
    CHECK_ERROR(fw_sender_next_message(NULL, 0, &message), FW_ERROR_INVALID_ARGUMENT, "sender is NULL");
    CHECK(message == NULL);
    CHECK_ERROR(fw_sender_next_message(sender, 0, NULL), FW_ERROR_INVALID_ARGUMENT, "out is NULL");
    CHECK_ERROR(fw_sender_get_peer_stats(NULL, 0, &stats), FW_ERROR_INVALID_ARGUMENT, "sender is NULL");
    CHECK_ERROR(fw_sender_get_peer_stats(sender, 0, NULL), FW_ERROR_INVALID_ARGUMENT, "stats is NULL");
    CHECK_ERROR(fw_sender_get_peer_stats(sender, 0, &stats), FW_ERROR_OUT_OF_RANGE, "not so many peers");
    CHECK_ERROR(fw_sender_get_peer_stats(sender, UINT32_MAX, &stats), FW_ERROR_OUT_OF_RANGE, "not so many peers");
    stats.struct_size = 0;
    CHECK_ERROR(fw_sender_get_peer_stats(sender, 0, &stats), FW_ERROR_INVALID_ARGUMENT, "FW_PEER_STATS_INIT");
    CHECK_ERROR(fw_sender_end(NULL, FW_END_OF_STREAM, "", 0), FW_ERROR_INVALID_ARGUMENT, "sender is NULL");
    CHECK_ERROR(fw_sender_end(sender, FW_END_LOST, "", 0), FW_ERROR_INVALID_ARGUMENT, "lost");
    CHECK_ERROR(fw_sender_end(sender, (fw_end_reason)77, "", 0), FW_ERROR_INVALID_ARGUMENT, "reason is 77");
    CHECK(fw_message_type(NULL) == 0 && fw_message_size(NULL) == 0 && fw_message_data(NULL) == NULL);
    CHECK(fw_message_peer_id(NULL) == 0);
    fw_message_free(NULL);
    bad = options;
    bad.max_peers = 33;
    CHECK_ERROR(fw_sender_open("tcp://127.0.0.1:0?listen=1", &bad, &none), FW_ERROR_INVALID_ARGUMENT, "peers is 33");
    bad = options;
    bad.keepalive_interval_ns = -1;
    CHECK_ERROR(fw_sender_open("tcp://127.0.0.1:0?listen=1", &bad, &none), FW_ERROR_INVALID_ARGUMENT, "-1 ns");
    fw_sender_close(sender);
}

static void ignore(fw_log_level level, const char *message, void *user) { (void)level, (void)message, (void)user; }

int main(void) {
    begin_test();
    fw_set_log(ignore, FW_LOG_ERROR, NULL);
    all_receivers_get_all_frames(FW_PROFILE_TILE);
    all_receivers_get_all_frames(FW_PROFILE_LZ4);
    all_receivers_get_all_frames(FW_PROFILE_AUTO);
    a_stalled_peer_costs_the_others_nothing();
    receivers_beyond_the_limit_are_refused();
    ready_and_rates();
    messages_and_round_trips();
    the_end_and_its_reason_are_told();
    a_sender_that_connects_tells_of_each_attempt();
    a_receiver_that_falls_silent_is_given_up();
    a_thousand_receivers_leave_nothing_behind();
    bad_arguments_are_refused();
    printf("receivers_test: ok\n");
    return 0;
}
