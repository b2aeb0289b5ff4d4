/*
 * A receiver with several senders: bit by bit and apart from each other, hostile ones, the limit, pause, messages, key frames on
 * request, ends and their reasons, events, and a thousand connections that come and go.
 */
#include "events.h"

enum { SENDERS = 4, FRAMES = 25 };

static fw_sender *open_sender(uint16_t port) {
    fw_sender_options options = FW_SENDER_OPTIONS_INIT;
    fw_sender *sender;
    options.profile = FW_PROFILE_TILE;
    options.overflow = FW_OVERFLOW_BLOCK;
    options.threads = 1;
    CHECK_OK(fw_sender_open(tcp_url(port, ""), &options, &sender));
    return sender;
}

/* A stream that is none, from a client that then leaves. */
static void send_garbage(uint16_t port, uint64_t seed) {
    unsigned char bytes[200];
    int descriptor = connect_socket(port);
    paint(bytes, sizeof bytes, seed);
    CHECK(send(descriptor, bytes, sizeof bytes, MSG_NOSIGNAL) > 0);
    read_to_end(descriptor);
    close(descriptor);
}

static void senders_with_the_same_streams_do_not_mix(void) {
    fw_sender *senders[SENDERS];
    fw_receiver_options options = FW_RECEIVER_OPTIONS_INIT;
    fw_receiver *receiver;
    fw_frame_info info = picture(333, 77);
    fw_peer_stats stats = FW_PEER_STATS_INIT;
    uint64_t peer_of[SENDERS] = {0};
    int next[SENDERS] = {0};
    uint16_t port;
    int i, round;
    options.queue_depth = 8;
    CHECK_OK(fw_receiver_open("tcp://127.0.0.1:0", &options, &receiver));
    port = fw_receiver_port(receiver);
    for (i = 0; i < SENDERS; i++) senders[i] = open_sender(port);
    for (round = 0; round < FRAMES; round++) {
        for (i = 0; i < SENDERS; i++) {
            info.pts_ns = i * 1000 + round;
            CHECK_OK(send_painted(senders[i], &info, (uint64_t)(i * 1000 + round / 2)));
        }
        if (round % 5 == 0) send_garbage(port, (uint64_t)round);
        for (i = 0; i < SENDERS; i++) {
            fw_frame_info got = FW_FRAME_INFO_INIT;
            fw_frame *frame;
            int who;
            CHECK_OK(fw_receiver_next(receiver, PATIENCE, &frame));
            CHECK_OK(fw_frame_get_info(frame, &got));
            who = (int)(got.pts_ns / 1000);
            CHECK(who >= 0 && who < SENDERS && got.pts_ns % 1000 == next[who] && got.sequence == (uint64_t)next[who]);
            CHECK(frame_checksum(frame) == painted_checksum(&info, (uint64_t)(who * 1000 + next[who] / 2)));
            CHECK(fw_frame_peer_id(frame) != 0);
            CHECK(peer_of[who] == 0 || peer_of[who] == fw_frame_peer_id(frame));
            peer_of[who] = fw_frame_peer_id(frame);
            next[who]++;
            fw_frame_unref(frame);
        }
    }
    AWAIT(receiver_stats(receiver).peers == SENDERS);
    CHECK(receiver_stats(receiver).errors == FRAMES / 5);
    for (i = 0; i < SENDERS; i++) {
        CHECK_OK(fw_receiver_get_peer_stats(receiver, (uint32_t)i, &stats));
        CHECK(stats.frames == FRAMES && stats.profile == FW_PROFILE_TILE && stats.frames_dropped == 0);
        CHECK(strncmp(stats.address, "tcp://127.0.0.1:", 16) == 0);
    }
    CHECK_ERROR(fw_receiver_get_peer_stats(receiver, SENDERS, &stats), FW_ERROR_OUT_OF_RANGE, "");
    for (i = 0; i < SENDERS; i++) fw_sender_close(senders[i]);
    AWAIT(receiver_stats(receiver).peers == 0);
    fw_receiver_close(receiver);
}

static void a_sender_beyond_the_limit_is_told_so(void) {
    fw_receiver_options options = FW_RECEIVER_OPTIONS_INIT;
    fw_receiver *receiver;
    fw_sender *sender;
    char answer[512];
    ssize_t size = 0, part;
    int descriptor;
    options.max_peers = 1;
    CHECK_OK(fw_receiver_open("tcp://127.0.0.1:0", &options, &receiver));
    sender = open_sender(fw_receiver_port(receiver));
    AWAIT(receiver_stats(receiver).peers == 1);
    descriptor = connect_socket(fw_receiver_port(receiver));
    while (size < (ssize_t)sizeof answer - 1 && (part = read(descriptor, answer + size, sizeof answer - 1 - (size_t)size)) > 0) size += part;
    answer[size > 0 ? size : 0] = '\0';
    for (part = 0; part < size; part++) {
        if (answer[part] == '\0') answer[part] = ' ';
    }
    CHECK(strstr(answer, "too many senders") != NULL);
    CHECK(receiver_stats(receiver).peers_refused == 1);
    close(descriptor);
    fw_sender_close(sender);
    fw_receiver_close(receiver);
}

static int is_paused(fw_sender *sender) {
    fw_peer_stats stats = FW_PEER_STATS_INIT;
    CHECK_OK(fw_sender_get_peer_stats(sender, 0, &stats));
    return stats.paused == 1;
}

static void pause_and_resume(void) {
    fw_sender *sender;
    fw_receiver *receiver;
    fw_frame_info info = picture(64, 64);
    fw_frame *frame;
    open_pair(NULL, NULL, &sender, &receiver);
    CHECK_OK(send_painted(sender, &info, 1));
    expect_painted(receiver, &info, 1);
    CHECK_OK(fw_receiver_set_paused(receiver, 1));
    CHECK(receiver_stats(receiver).paused == 1);
    /* Not just until the frame before has left. */
    AWAIT(is_paused(sender));
    CHECK(!fw_sender_ready(sender));
    CHECK_OK(send_painted(sender, &info, 2));
    CHECK(fw_receiver_next(receiver, 20 * MILLISECOND, &frame) == FW_ERROR_TIMEOUT);
    CHECK_OK(fw_receiver_set_paused(receiver, 0));
    /* What waited arrives. */
    expect_painted(receiver, &info, 2);
    AWAIT(fw_sender_ready(sender));
    fw_sender_close(sender);
    fw_receiver_close(receiver);
}

static void messages_reach_the_sender(void) {
    fw_sender *sender;
    fw_receiver *receiver;
    static char large[65000];
    int i;
    open_pair(NULL, NULL, &sender, &receiver);
    AWAIT(receiver_stats(receiver).peers == 1);
    paint(large, sizeof large, 9);
    CHECK_OK(fw_receiver_send_message(receiver, 0, 7, "click", 5));
    CHECK_OK(fw_receiver_send_message(receiver, 1, 8, large, sizeof large));
    CHECK_OK(fw_receiver_send_message(receiver, 0, 9, NULL, 0));
    for (i = 0; i < 3; i++) {
        fw_message *message;
        CHECK_OK(fw_sender_next_message(sender, PATIENCE, &message));
        CHECK(fw_message_type(message) == (uint32_t)(7 + i));
        CHECK(fw_message_size(message) == (i == 0 ? 5 : i == 1 ? sizeof large : 0));
        if (i == 0) CHECK(memcmp(fw_message_data(message), "click", 5) == 0);
        if (i == 1) CHECK(memcmp(fw_message_data(message), large, sizeof large) == 0);
        fw_message_free(message);
    }
    CHECK_ERROR(fw_receiver_send_message(receiver, 99, 1, "x", 1), FW_ERROR_CLOSED, "99");
    CHECK_ERROR(fw_receiver_send_message(receiver, 0, 1, large, 100000), FW_ERROR_TOO_LARGE, "100000");
    fw_sender_close(sender);
    AWAIT(receiver_stats(receiver).peers == 0);
    CHECK_ERROR(fw_receiver_send_message(receiver, 0, 1, "x", 1), FW_ERROR_CLOSED, "no sender");
    fw_receiver_close(receiver);
}

static int next_is_key(fw_sender *sender, fw_receiver *receiver, const fw_frame_info *info, uint64_t seed) {
    fw_frame_info got = FW_FRAME_INFO_INIT;
    fw_frame *frame;
    CHECK_OK(send_painted(sender, info, seed));
    CHECK_OK(fw_receiver_next(receiver, PATIENCE, &frame));
    CHECK_OK(fw_frame_get_info(frame, &got));
    fw_frame_unref(frame);
    return (got.flags & FW_FRAME_FLAG_KEY) != 0;
}

static void a_key_frame_comes_on_request(void) {
    fw_sender_options options = FW_SENDER_OPTIONS_INIT;
    fw_sender *sender;
    fw_receiver *receiver;
    fw_frame_info info = picture(64, 64);
    options.profile = FW_PROFILE_TILE;
    options.overflow = FW_OVERFLOW_BLOCK;
    open_pair(&options, NULL, &sender, &receiver);
    info.stream_id = 5;
    AWAIT(!next_is_key(sender, receiver, &info, 1));
    CHECK(!next_is_key(sender, receiver, &info, 2));
    CHECK_OK(fw_receiver_request_key_frame(receiver, 5, 0));
    AWAIT(next_is_key(sender, receiver, &info, 3));
    fw_sender_close(sender);
    fw_receiver_close(receiver);
}

static void ends_and_events_are_told(void) {
    fw_receiver_options options = FW_RECEIVER_OPTIONS_INIT;
    fw_receiver *receiver;
    fw_sender *sender;
    fw_end end = FW_END_INIT;
    events all;
    int descriptor;
    memset(&all, 0, sizeof all);
    options.on_connection = note;
    options.on_connection_user = &all;
    CHECK_OK(fw_receiver_open("tcp://127.0.0.1:0", &options, &receiver));
    CHECK(fw_receiver_get_end(receiver, &end) == FW_ERROR_WOULD_BLOCK);
    sender = open_sender(fw_receiver_port(receiver));
    AWAIT(count_of(&all.connected) == 1);
    CHECK_OK(fw_sender_end(sender, FW_END_FAILED, "the renderer crashed", PATIENCE));
    AWAIT(count_of(&all.lost) == 1);
    CHECK(__atomic_load_n(&all.last_status, __ATOMIC_SEQ_CST) == FW_ERROR_CLOSED);
    CHECK_OK(fw_receiver_get_end(receiver, &end));
    CHECK(end.reason == FW_END_FAILED && end.peer_id == 1 && strcmp(end.text, "the renderer crashed") == 0);
    fw_sender_close(sender);
    descriptor = connect_socket(fw_receiver_port(receiver));
    CHECK(write(descriptor, "garbage!", 8) == 8);
    AWAIT(count_of(&all.lost) == 2);
    CHECK_OK(fw_receiver_get_end(receiver, &end));
    CHECK(end.reason == FW_END_LOST && end.status == FW_ERROR_PROTOCOL && end.peer_id == 2 && end.text[0] != '\0');
    close(descriptor);
    fw_receiver_close(receiver);
    CHECK(count_of(&all.closed) == 1 && count_of(&all.connecting) == 0);
}

/* ------------------------------------------------------------------------------------------ many connections */

static long resident_bytes(void) {
    FILE *file = fopen("/proc/self/statm", "r");
    long pages = 0;
    CHECK(file != NULL);
    CHECK(fscanf(file, "%*s %ld", &pages) == 1);
    fclose(file);
    return pages * sysconf(_SC_PAGESIZE);
}

/* Ways to connect and leave: at once, with a part of a header, with garbage, with a reset. */
static void come_and_go(uint16_t port, int how) {
    int descriptor = connect_socket(port);
    struct linger reset = {1, 0};
    switch (how % 4) {
    case 0: break;
    case 1: CHECK(send(descriptor, "\x04\x22\x4d\x18\x60", 5, MSG_NOSIGNAL) == 5); break;
    case 2: CHECK(send(descriptor, "GET / HTTP/1.0\r\n\r\n", 18, MSG_NOSIGNAL) == 18); break;
    case 3: CHECK(setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &reset, sizeof reset) == 0); break;
    }
    close(descriptor);
}

static void a_thousand_connections_leave_nothing_behind(void) {
    fw_receiver *receiver;
    fw_sender *sender;
    fw_frame_info info = picture(64, 64);
    uint64_t before;
    uint16_t port;
    long memory = 0;
    int i, round, count = quick() ? 100 : 1000, descriptors = 0;
    fw_set_log(NULL, FW_LOG_ERROR, NULL);
    CHECK_OK(fw_receiver_open("tcp://127.0.0.1:0", NULL, &receiver));
    port = fw_receiver_port(receiver);
    sender = open_sender(port);
    for (round = 0; round < 2; round++) {
        for (i = 0; i < count; i++) {
            before = receiver_stats(receiver).connections;
            come_and_go(port, i);
            AWAIT(receiver_stats(receiver).connections + receiver_stats(receiver).peers_refused > before);
            if (i % 50 == 0) {
                CHECK_OK(send_painted(sender, &info, (uint64_t)i));
                expect_painted(receiver, &info, (uint64_t)i);
            }
            if (i % 20 == 0) {
                fw_sender *other = open_sender(port);
                CHECK_OK(send_painted(other, &info, 4));
                expect_painted(receiver, &info, 4);
                fw_sender_close(other);
            }
        }
        AWAIT(receiver_stats(receiver).peers == 1);
        /* The first round has warmed up what there is to warm up. */
        if (round == 0) {
            descriptors = open_descriptors();
            memory = resident_bytes();
        }
    }
    CHECK(open_descriptors() == descriptors);
    if (!quick()) CHECK(resident_bytes() - memory < 4 << 20);
    CHECK(sender_stats(sender).connections == 1);
    fw_sender_close(sender);
    fw_receiver_close(receiver);
}

/* -------------------------------------------------------------------------------------------------- arguments */

static void bad_arguments_are_refused(void) {
    fw_receiver_options options = FW_RECEIVER_OPTIONS_INIT;
    fw_peer_stats stats = FW_PEER_STATS_INIT;
    fw_end end = FW_END_INIT;
    fw_receiver *receiver;
    CHECK_ERROR(fw_receiver_set_paused(NULL, 1), FW_ERROR_INVALID_ARGUMENT, "receiver");
    CHECK_ERROR(fw_receiver_send_message(NULL, 0, 0, "", 0), FW_ERROR_INVALID_ARGUMENT, "receiver");
    CHECK_ERROR(fw_receiver_request_key_frame(NULL, 0, 0), FW_ERROR_INVALID_ARGUMENT, "receiver");
    CHECK_ERROR(fw_receiver_get_end(NULL, &end), FW_ERROR_INVALID_ARGUMENT, "receiver");
    CHECK_ERROR(fw_receiver_get_peer_stats(NULL, 0, &stats), FW_ERROR_INVALID_ARGUMENT, "receiver");
    CHECK(fw_frame_peer_id(NULL) == 0);
    options.max_peers = 65;
    CHECK_ERROR(fw_receiver_open("tcp://127.0.0.1:0", &options, &receiver), FW_ERROR_INVALID_ARGUMENT, "65");
    options.max_peers = 0;
    options.keepalive_interval_ns = -1;
    CHECK_ERROR(fw_receiver_open("tcp://127.0.0.1:0", &options, &receiver), FW_ERROR_INVALID_ARGUMENT, "keepalive");
    /* An older program's options end before these. */
    options.struct_size = (uint32_t)((char *)&options.on_connection - (char *)&options);
    CHECK_OK(fw_receiver_open("tcp://127.0.0.1:0", &options, &receiver));
    CHECK_ERROR(fw_receiver_send_message(receiver, 0, 0, NULL, 1), FW_ERROR_INVALID_ARGUMENT, "data");
    CHECK_ERROR(fw_receiver_send_message(receiver, 0, 0, "", (size_t)-1), FW_ERROR_TOO_LARGE, "");
    CHECK_ERROR(fw_receiver_request_key_frame(receiver, 0, 0), FW_ERROR_CLOSED, "");
    CHECK_ERROR(fw_receiver_get_end(receiver, NULL), FW_ERROR_INVALID_ARGUMENT, "end");
    end.struct_size = 4;
    CHECK_ERROR(fw_receiver_get_end(receiver, &end), FW_ERROR_INVALID_ARGUMENT, "fw_end.struct_size");
    CHECK_ERROR(fw_receiver_get_peer_stats(receiver, 0, NULL), FW_ERROR_INVALID_ARGUMENT, "stats");
    CHECK_ERROR(fw_receiver_get_peer_stats(receiver, 0, &stats), FW_ERROR_OUT_OF_RANGE, "");
    fw_receiver_close(receiver);
}

int main(void) {
    begin_test();
    bad_arguments_are_refused();
    senders_with_the_same_streams_do_not_mix();
    a_sender_beyond_the_limit_is_told_so();
    pause_and_resume();
    messages_reach_the_sender();
    a_key_frame_comes_on_request();
    ends_and_events_are_told();
    a_thousand_connections_leave_nothing_behind();
    printf("peers_test: ok\n");
    return 0;
}
