/*
 * What goes wrong outside of the program: addresses, files, peers that leave, bytes that are no stream. Each gives a status and a
 * sentence that names the cause, nothing hangs, no half frame is delivered, and a listening receiver serves the next sender.
 */
#define _DEFAULT_SOURCE
#include "support.h"

#include <fcntl.h>
#include <sys/wait.h>

static void expect_open_error(const char *url, int sending, fw_status wanted, const char *words) {
    if (sending) {
        fw_sender *out = (fw_sender *)&out;
        CHECK_ERROR(fw_sender_open(url, NULL, &out), wanted, words);
        CHECK(out == NULL);
    } else {
        fw_receiver *out = (fw_receiver *)&out;
        CHECK_ERROR(fw_receiver_open(url, NULL, &out), wanted, words);
        CHECK(out == NULL);
    }
}

static void urls_are_checked(void) {
    static const struct {
        const char *url;
        const char *words;
    } bad[] = {
        {"", "no scheme"},
        {"tcp", "no scheme"},
        {"http://host:1", "unknown scheme"},
        {"tcp://", "no port"},
        {"tcp://host", "no port"},
        {"tcp://host:", "no port"},
        {"tcp://host:99999", "0 to 65535"},
        {"tcp://host:3000x", "bad port"},
        {"tcp://[::1:3000", "']'"},
        {"tcp://host:1?speed=9", "listen=1"},
        {"tcp://host:1?listen=2", "bad value"},
        {"tcp://host:1?listen=1&connect=1", "choose one"},
        {"unix://", "empty path"},
        {"file://", "empty path"},
        {"tcp://a b:1", "host"},
    };
    char long_path[200];
    size_t i;
    int sending;
    for (sending = 0; sending < 2; sending++) {
        for (i = 0; i < sizeof bad / sizeof *bad; i++) {
            expect_open_error(bad[i].url, sending, FW_ERROR_ADDRESS, bad[i].words);
            CHECK(strstr(fw_last_error(), bad[i].url) != NULL);
        }
        memset(long_path, 'x', sizeof long_path);
        memcpy(long_path, "unix:///", 8);
        long_path[sizeof long_path - 1] = '\0';
        expect_open_error(long_path, sending, FW_ERROR_ADDRESS, "107 at most");
    }
}

static void addresses_that_lead_nowhere(void) {
    fw_sender_options options = FW_SENDER_OPTIONS_INIT;
    fw_sender *sender;
    fw_receiver *receiver;
    uint16_t port;
    char url[64];
    int bound = bind_socket(&port, 0), listener, waiting[8], i;
    expect_open_error("tcp://nonexistent.invalid:3000", 1, FW_ERROR_ADDRESS, "\"nonexistent.invalid\" is unknown");
    expect_open_error("tcp://nonexistent.invalid:3000", 0, FW_ERROR_ADDRESS, "nonexistent.invalid");
    expect_open_error(tcp_url(port, ""), 1, FW_ERROR_CONNECTION, "connection refused; is a receiver listening there?");
    CHECK(strstr(fw_last_error(), tcp_url(port, "")) != NULL);
    expect_open_error(tcp_url(port, "?connect=1"), 0, FW_ERROR_CONNECTION, "connection refused");
    close(bound);
    expect_open_error("unix:///nonexistent/socket", 1, FW_ERROR_CONNECTION, "no such file");
    expect_open_error("unix:///nonexistent/socket", 0, FW_ERROR_ADDRESS, "create the folder first");

    CHECK_OK(fw_receiver_open("tcp://127.0.0.1:0", NULL, &receiver));
    snprintf(url, sizeof url, "%s", tcp_url(fw_receiver_port(receiver), ""));
    expect_open_error(url, 0, FW_ERROR_ADDRESS, "in use");
    CHECK(strstr(fw_last_error(), url) != NULL);
    snprintf(url, sizeof url, "%s", tcp_url(fw_receiver_port(receiver), "?listen=1"));
    expect_open_error(url, 1, FW_ERROR_ADDRESS, "in use");
    fw_receiver_close(receiver);

    /* A queue of connections that nobody accepts fills up; then attempts go unanswered. */
    listener = bind_socket(&port, 0);
    CHECK(listen(listener, 0) == 0);
    for (i = 0; i < 8; i++) {
        struct sockaddr_in address = loopback(port);
        waiting[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        CHECK(waiting[i] >= 0);
        (void)connect(waiting[i], (struct sockaddr *)&address, sizeof address);
    }
    options.connect_timeout_ns = 100 * MILLISECOND;
    CHECK_ERROR(fw_sender_open(tcp_url(port, ""), &options, &sender), FW_ERROR_TIMEOUT, tcp_url(port, ""));
    for (i = 0; i < 8; i++) close(waiting[i]);
    close(listener);
}

static void unix_sockets_that_are_taken(void) {
    const char *folder = make_folder();
    fw_receiver *receiver;
    CHECK_OK(fw_receiver_open(path_url("unix", folder, "socket"), NULL, &receiver));
    expect_open_error(path_url("unix", folder, "socket"), 0, FW_ERROR_ADDRESS, "in use");
    fw_receiver_close(receiver);
    CHECK(rmdir(folder) == 0);
}

static void files_that_cannot_be_used(void) {
    fw_sender *sender;
    fw_frame_info info = picture(64, 64);
    fw_status status = FW_OK;
    int i;
    expect_open_error("file:///nonexistent/file", 1, FW_ERROR_IO, "no such file or directory; check the path");
    expect_open_error("file:///nonexistent/file", 0, FW_ERROR_IO, "no such file or directory; check the path");
    expect_open_error("file:///tmp", 1, FW_ERROR_IO, "is a directory");
    expect_open_error("file:///tmp", 0, FW_ERROR_IO, "is a directory");

    CHECK_OK(fw_sender_open("file:///dev/full", NULL, &sender));
    for (i = 0; i < 1000 && status == FW_OK; i++) {
        status = send_painted(sender, &info, 1);
        if (status == FW_OK) status = fw_sender_flush(sender, PATIENCE);
    }
    CHECK(status == FW_ERROR_IO);
    CHECK(strstr(fw_last_error(), "/dev/full") != NULL && strstr(fw_last_error(), "disk is full") != NULL);
    CHECK(send_painted(sender, &info, 1) == FW_ERROR_IO && fw_sender_flush(sender, 0) == FW_ERROR_IO);
    CHECK(sender_stats(sender).frames_sent == 0);
    fw_sender_close(sender);
}

/* The superuser may do everything, so another user tries. */
static void permission_is_needed(void) {
    const char *folder = make_folder();
    char path[160];
    int descriptor, status;
    pid_t child;
    snprintf(path, sizeof path, "%s/file", folder);
    descriptor = open(path, O_CREAT | O_WRONLY, 0);
    CHECK(descriptor >= 0);
    close(descriptor);
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        CHECK(getuid() != 0 || setuid(65534) == 0);
        expect_open_error(path_url("file", folder, "file"), 1, FW_ERROR_PERMISSION, "permission denied");
        expect_open_error(path_url("file", folder, "file"), 0, FW_ERROR_PERMISSION, path);
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    remove_file(folder, "file");
    CHECK(rmdir(folder) == 0);
}

/* --------------------------------------------------------------------------------------------- peers that go away */

static void a_peer_that_leaves_is_told_to_the_caller(void) {
    fw_sender_options options = FW_SENDER_OPTIONS_INIT;
    fw_sender *sender;
    fw_frame *frame = (fw_frame *)&frame;
    fw_frame_info info = picture(64, 64);
    uint16_t port;
    int listener = bind_socket(&port, 1), peer;
    options.reconnect = FW_RECONNECT_NEVER;
    CHECK_OK(fw_sender_open(tcp_url(port, ""), &options, &sender));
    peer = accept(listener, NULL, NULL);
    CHECK(peer >= 0);
    CHECK(fw_sender_is_connected(sender));
    close(peer);
    /* Like `nc -N`, a peer may end its direction and read on, so the loss shows when frames are sent. */
    while (send_painted(sender, &info, 1) == FW_OK) pause_shortly();
    CHECK_ERROR(send_painted(sender, &info, 1), FW_ERROR_CLOSED, tcp_url(port, ""));
    CHECK_ERROR(fw_sender_acquire(sender, &info, &frame), FW_ERROR_CLOSED, tcp_url(port, ""));
    CHECK(frame == NULL);
    CHECK_ERROR(fw_sender_flush(sender, -1), FW_ERROR_CLOSED, tcp_url(port, ""));
    CHECK(!fw_sender_is_connected(sender));
    fw_sender_close(sender);
    close(listener);
}

static void a_reset_connection_ends_the_stream(void) {
    fw_receiver_options once = FW_RECEIVER_OPTIONS_INIT;
    fw_receiver *receiver;
    fw_frame *frame;
    struct linger at_once = {1, 0};
    int peer;
    once.once = 1;
    CHECK_OK(fw_receiver_open("tcp://127.0.0.1:0", &once, &receiver));
    peer = connect_socket(fw_receiver_port(receiver));
    AWAIT(receiver_stats(receiver).connected == 1);
    CHECK(setsockopt(peer, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) == 0);
    close(peer);
    CHECK_ERROR(fw_receiver_next(receiver, PATIENCE, &frame), FW_ERROR_CONNECTION, "reset the connection");
    CHECK_ERROR(fw_receiver_next(receiver, 0, &frame), FW_ERROR_CONNECTION, "reset the connection");
    fw_receiver_close(receiver);
}

/* ----------------------------------------------------------------------------------------- bytes that are no stream */

enum { SIDE = 64 };

/* A recording of two frames. */
static unsigned char stream[4 * SIDE * SIDE * 4];
static size_t stream_size;
/* Behind the opening, of the messages' fixed part, and of the first message. */
enum { OPENING = 11, HEAD = 8 + 148 };

static void make_stream(void) {
    fw_sender_options options = FW_SENDER_OPTIONS_INIT;
    const char *folder = make_folder();
    fw_sender *sender;
    fw_frame_info info = picture(SIDE, SIDE);
    char path[160];
    int descriptor;
    ssize_t count;
    options.overflow = FW_OVERFLOW_BLOCK;
    CHECK_OK(fw_sender_open(path_url("file", folder, "stream"), &options, &sender));
    CHECK_OK(send_painted(sender, &info, 1));
    CHECK_OK(send_painted(sender, &info, 2));
    fw_sender_close(sender);
    snprintf(path, sizeof path, "%s/stream", folder);
    descriptor = open(path, O_RDONLY);
    CHECK(descriptor >= 0);
    count = read(descriptor, stream, sizeof stream);
    CHECK(count > 2 * HEAD && (size_t)count < sizeof stream);
    stream_size = (size_t)count;
    close(descriptor);
    remove_file(folder, "stream");
    CHECK(rmdir(folder) == 0);
}

typedef struct damage {
    const char *name;
    size_t flipped;   /* the byte that is changed; SIZE_MAX: none */
    size_t cut;       /* bytes that are sent; SIZE_MAX: all */
    uint32_t limit;   /* of width; 0: default */
    int delivered;    /* whole frames before the damage */
    fw_status status;
    const char *words;
} damage;

static const damage damages[] = {
    {"magic", OPENING, SIZE_MAX, 0, 0, FW_ERROR_PROTOCOL, "(byte 11 of the stream)"},
    {"header magic", OPENING + 8, SIZE_MAX, 0, 0, FW_ERROR_PROTOCOL, "byte 19"},
    {"version", OPENING + 12, SIZE_MAX, 0, 0, FW_ERROR_UNSUPPORTED, "version"},
    {"width", OPENING + 56, SIZE_MAX, 0, 0, FW_ERROR_CORRUPT, "checksum"},
    {"pixels", OPENING + HEAD + 300, SIZE_MAX, 0, 0, FW_ERROR_CORRUPT, ""},
    {"end of the opening", SIZE_MAX, 5, 0, 0, FW_ERROR_PROTOCOL, "byte 5"},
    {"end of the header", SIZE_MAX, OPENING + 30, 0, 0, FW_ERROR_PROTOCOL, "byte 41"},
    {"end of the payload", SIZE_MAX, OPENING + HEAD + 100, 0, 0, FW_ERROR_PROTOCOL, "byte 267"},
    {"limit", SIZE_MAX, SIZE_MAX, SIDE - 1, 0, FW_ERROR_TOO_LARGE, "63"},
};
enum { DAMAGES = sizeof damages / sizeof *damages };

/* Sends a stream with a damage, and reads what the receiver says until it closes the connection. */
static void send_damaged(uint16_t port, const damage *what) {
    static unsigned char bytes[sizeof stream];
    size_t size = what->cut < stream_size ? what->cut : stream_size, at = 0;
    int descriptor = connect_socket(port);
    memcpy(bytes, stream, stream_size);
    if (what->flipped < size) bytes[what->flipped] ^= 0x10;
    while (at < size) {
        ssize_t count = send(descriptor, bytes + at, size - at, MSG_NOSIGNAL);
        /* The receiver may have seen enough already. */
        if (count < 0) break;
        at += (size_t)count;
    }
    shutdown(descriptor, SHUT_WR);
    read_to_end(descriptor);
    close(descriptor);
}

static void damaged_streams_end_with_the_cause(void) {
    int i;
    for (i = 0; i < DAMAGES; i++) {
        const damage *what = &damages[i];
        fw_receiver_options options = FW_RECEIVER_OPTIONS_INIT;
        fw_receiver *receiver;
        fw_frame *frame = (fw_frame *)&frame;
        fw_status status;
        options.once = 1;
        options.max_width = what->limit;
        CHECK_OK(fw_receiver_open("tcp://127.0.0.1:0", &options, &receiver));
        send_damaged(fw_receiver_port(receiver), what);
        status = fw_receiver_next(receiver, PATIENCE, &frame);
        if (status != what->status || strstr(fw_last_error(), what->words) == NULL) {
            fprintf(stderr, "damage of the %s: status %d, \"%s\"\n", what->name, status, fw_last_error());
        }
        CHECK(status == what->status && frame == NULL);
        CHECK(strstr(fw_last_error(), what->words) != NULL && strlen(fw_last_error()) > 20);
        CHECK(fw_receiver_next(receiver, 0, &frame) == status);
        CHECK(receiver_stats(receiver).errors == 1 && receiver_stats(receiver).frames_received == 0);
        fw_receiver_close(receiver);
    }
}

static int warnings;

static void count_warnings(fw_log_level level, const char *message, void *user) {
    CHECK(user == (void *)&warnings && message != NULL && strchr(message, '\n') == NULL);
    if (level <= FW_LOG_WARNING) __atomic_add_fetch(&warnings, 1, __ATOMIC_SEQ_CST);
}

static void a_listening_receiver_serves_the_next_sender(void) {
    fw_receiver_options options = FW_RECEIVER_OPTIONS_INIT;
    fw_receiver *receiver;
    fw_sender *sender;
    fw_frame *frame;
    fw_frame_info info = picture(SIDE - 1, SIDE);
    int i;
    fw_set_log(count_warnings, FW_LOG_DEBUG, &warnings);
    options.max_width = SIDE - 1;
    CHECK_OK(fw_receiver_open("tcp://127.0.0.1:0", &options, &receiver));
    for (i = 0; i < DAMAGES; i++) {
        send_damaged(fw_receiver_port(receiver), &damages[i]);
        AWAIT(receiver_stats(receiver).errors == (uint64_t)i + 1);
        CHECK(fw_receiver_next(receiver, 0, &frame) == FW_ERROR_WOULD_BLOCK);
        CHECK_OK(fw_sender_open(tcp_url(fw_receiver_port(receiver), ""), NULL, &sender));
        CHECK_OK(send_painted(sender, &info, (uint64_t)i));
        expect_painted(receiver, &info, (uint64_t)i);
        fw_sender_close(sender);
    }
    CHECK(__atomic_load_n(&warnings, __ATOMIC_SEQ_CST) == DAMAGES);
    fw_receiver_close(receiver);
    fw_set_log(NULL, FW_LOG_WARNING, NULL);
}

static void garbage_is_refused(void) {
    static const char *const texts[] = {"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "\x7f" "ELF", "PNG"};
    size_t i;
    for (i = 0; i < sizeof texts / sizeof *texts; i++) {
        fw_receiver_options options = FW_RECEIVER_OPTIONS_INIT;
        fw_receiver *receiver;
        fw_frame *frame;
        int descriptor;
        options.once = 1;
        CHECK_OK(fw_receiver_open("tcp://127.0.0.1:0", &options, &receiver));
        descriptor = connect_socket(fw_receiver_port(receiver));
        CHECK(send(descriptor, texts[i], strlen(texts[i]), MSG_NOSIGNAL) > 0);
        shutdown(descriptor, SHUT_WR);
        CHECK_ERROR(fw_receiver_next(receiver, PATIENCE, &frame), FW_ERROR_PROTOCOL, "of the stream");
        read_to_end(descriptor);
        close(descriptor);
        fw_receiver_close(receiver);
    }
}

/* The sender learns why its stream was refused; if the receiver's hello is there before the frame, the frame is not even sent. */
static void a_sender_hears_of_the_receivers_limit(void) {
    fw_sender_options options = FW_SENDER_OPTIONS_INIT;
    fw_receiver_options receiving = FW_RECEIVER_OPTIONS_INIT;
    fw_sender *sender;
    fw_receiver *receiver;
    fw_frame_info info = picture(SIDE, SIDE);
    options.reconnect = FW_RECONNECT_NEVER;
    receiving.max_width = SIDE - 1;
    fw_set_log(count_warnings, FW_LOG_ERROR, &warnings);
    open_pair(&options, &receiving, &sender, &receiver);
    CHECK_OK(send_painted(sender, &info, 1));
    AWAIT(!fw_sender_is_connected(sender) || sender_stats(sender).frames_dropped == 1);
    if (sender_stats(sender).frames_dropped == 0) {
        CHECK_ERROR(fw_sender_flush(sender, PATIENCE), FW_ERROR_CLOSED, "goodbye: width");
    }
    fw_sender_close(sender);
    fw_receiver_close(receiver);
    fw_set_log(NULL, FW_LOG_WARNING, NULL);
}

int main(void) {
    begin_test();
    /* First, while no thread of the library runs: it forks. */
    permission_is_needed();
    urls_are_checked();
    addresses_that_lead_nowhere();
    unix_sockets_that_are_taken();
    make_stream();
    fw_set_log(count_warnings, FW_LOG_ERROR, &warnings);
    files_that_cannot_be_used();
    a_peer_that_leaves_is_told_to_the_caller();
    fw_set_log(NULL, FW_LOG_WARNING, NULL);
    warnings = 0;
    a_reset_connection_ends_the_stream();
    damaged_streams_end_with_the_cause();
    garbage_is_refused();
    a_listening_receiver_serves_the_next_sender();
    a_sender_hears_of_the_receivers_limit();
    printf("failures_test: ok\n");
    return 0;
}
