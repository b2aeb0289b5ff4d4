/*
 * What comes to an open port that is not Framewire.
 *
 *   stranger HOST PORT KIND COUNT SEED [served]
 *
 *   nothing   connects and closes
 *   reset     connects, sends a few bytes and breaks the connection
 *   random    random bytes, of random length
 *   http      a request
 *   tls       the first bytes of a TLS handshake
 *   cut       the opening of a stream and part of a header
 *   huge      a message that says it is 4 GiB long
 *   zeros     as many zeros as are taken, up to 16 MiB
 *   deaf      connects, never reads and stays for three seconds
 *   slow      the opening of a stream and a header, one byte each 50 ms, COUNT connections at once, until it is killed
 *
 * COUNT connections one after another. Prints how many bytes it got. Exits with 1 when a connection is neither closed nor reset within
 * ten seconds, for those kinds that a receiver should not listen to any longer (random, http, tls, huge, zeros). A sender serves whoever comes, so
 * with `served` behind SEED each connection is closed after 200 ms of reading.
 *
 * SPDX-License-Identifier: MIT
 */
#include "faults.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

/* An empty LZ4 frame, with which each stream begins, then the skippable frame of a message. */
static const unsigned char opening[] = {0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82, 0, 0, 0, 0};
static const unsigned char message[] = {0x5f, 0x2a, 0x4d, 0x18};

static uint64_t state;
static int served;

static uint64_t random_word(void) {
    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
}

static int connect_to(const char *host, const char *port) {
    struct sockaddr_in address;
    int descriptor = socket(AF_INET, SOCK_STREAM, 0);
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_port = htons((uint16_t)number("PORT", port));
    CHECK(inet_pton(AF_INET, host, &address.sin_addr) == 1);
    CHECK(descriptor >= 0);
    if (connect(descriptor, (struct sockaddr *)&address, sizeof address) != 0) {
        perror("stranger: connect");
        exit(1);
    }
    return descriptor;
}

/* Whether it was all taken; the other side may have closed before. */
static int give(int descriptor, const void *bytes, size_t count) {
    const char *at = (const char *)bytes;
    while (count > 0) {
        struct pollfd wait = {descriptor, POLLOUT, 0};
        ssize_t sent = send(descriptor, at, count, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno == EAGAIN && poll(&wait, 1, 2000) == 1) continue;
        if (sent < 0) return 0;
        at += sent;
        count -= (size_t)sent;
    }
    return 1;
}

/* Reads until the other side ends the connection; gives 0 when it should have within ten seconds and has not. */
static int drain(int descriptor, uint64_t *received) {
    int64_t limit = now_ns() + (served ? SECOND / 5 : 10 * SECOND);
    static char bytes[65536];
    while (now_ns() < limit) {
        struct pollfd wait = {descriptor, POLLIN, 0};
        ssize_t count;
        if (poll(&wait, 1, 100) == 0) continue;
        count = recv(descriptor, bytes, sizeof bytes, MSG_DONTWAIT);
        if (count == 0 || (count < 0 && errno != EAGAIN)) return 1;
        if (count > 0) *received += (uint64_t)count;
    }
    return served;
}

static void give_random(int descriptor, size_t count) {
    uint64_t words[512];
    while (count > 0) {
        size_t part = count < sizeof words ? count : sizeof words, i;
        for (i = 0; i < 512; i++) words[i] = random_word();
        if (!give(descriptor, words, part)) return;
        count -= part;
    }
}

static void give_message(int descriptor, uint32_t size, size_t bytes) {
    give(descriptor, opening, sizeof opening);
    give(descriptor, message, sizeof message);
    give(descriptor, &size, sizeof size);
    give_random(descriptor, bytes);
}

static void visit(const char *host, const char *port, int kind, uint64_t *received) {
    int descriptor = connect_to(host, port), must_end = 0;
    struct linger at_once = {1, 0};
    static const unsigned char hello[] = {0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3};
    static const char request[] = "GET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: masscan\r\n\r\n";
    static const char zeros[65536];
    int i;
    switch (kind) {
    case 0: break;
    case 1:
        give_random(descriptor, (size_t)(random_word() % 64));
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        break;
    case 2: give_random(descriptor, (size_t)(random_word() % 100000 + 16)), must_end = 1; break;
    case 3: give(descriptor, request, sizeof request - 1), must_end = 1; break;
    case 4: give(descriptor, hello, sizeof hello), give_random(descriptor, 400), must_end = 1; break;
    case 5: give_message(descriptor, 160, (size_t)(random_word() % 16)); break;
    case 6: give_message(descriptor, UINT32_MAX, 100000), must_end = 1; break;
    case 7:
        for (i = 0; i < 256 && give(descriptor, zeros, sizeof zeros); i++) {}
        must_end = 1;
        break;
    default: sleep_for(3 * SECOND);
    }
    if (must_end && !drain(descriptor, received)) {
        fprintf(stderr, "stranger: the connection was not ended within ten seconds\n");
        exit(1);
    }
    close(descriptor);
}

/* Senders that never come to an end with their first header. */
static void be_slow(const char *host, const char *port, int count) {
    int descriptors[64], i, sent;
    uint32_t size = 160;
    unsigned char bytes[200] = {0};
    CHECK(count <= 64);
    memcpy(bytes, opening, sizeof opening);
    memcpy(bytes + sizeof opening, message, sizeof message);
    memcpy(bytes + sizeof opening + sizeof message, &size, sizeof size);
    for (i = 0; i < count; i++) descriptors[i] = connect_to(host, port);
    printf("connected\n");
    for (sent = 0; !asked_to_end; sent++) {
        for (i = 0; i < count; i++) give(descriptors[i], bytes + sent % (int)sizeof bytes, 1);
        sleep_for(50 * MILLISECOND);
    }
}

int main(int count, char **arguments) {
    uint64_t received = 0;
    int64_t visits;
    int kind;
    if (count != 6 && count != 7) {
        fprintf(stderr, "usage: stranger HOST PORT KIND COUNT SEED [served]\n");
        return 2;
    }
    begin(100);
    served = count == 7;
    kind = one_of("KIND", arguments[3], "nothing reset random http tls cut huge zeros deaf slow", 0);
    visits = number("COUNT", arguments[4]);
    state = (uint64_t)number("SEED", arguments[5]) * UINT64_C(0x9E3779B97F4A7C15) + 1;
    if (kind == 9) {
        be_slow(arguments[1], arguments[2], (int)visits);
        return 0;
    }
    for (; visits > 0; visits--) visit(arguments[1], arguments[2], kind, &received);
    printf("received %llu\n", (unsigned long long)received);
    return 0;
}
