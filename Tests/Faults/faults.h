/*
 * What the programs of the fault tests share: pictures that say when they were taken and can be checked to the bit, and numbers
 * about this process.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef FAULTS_H
#define FAULTS_H

#include "../CAPI/clock.h"

#include <dirent.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define STAMP_MAGIC UINT64_C(0x50594d4154534d46)

/* What every picture begins with. All machines that take part are one machine with one clock. */
typedef struct stamp {
    uint64_t magic;
    int64_t capture_ns; /* CLOCK_MONOTONIC */
    uint64_t index;     /* counts the source's pictures from 0 */
    uint64_t source;    /* process id of the source */
    uint64_t content;   /* how the rest is painted */
} stamp;

enum { CONTENT_NOISE = 0, CONTENT_RUNS = 1, CONTENT_STILL = 2 };

UNUSED_OK static void sleep_until(int64_t due) {
    struct timespec time = {(time_t)(due / SECOND), (long)(due % SECOND)};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL) != 0) {}
}

UNUSED_OK static void sleep_for(int64_t duration) { sleep_until(now_ns() + duration); }

UNUSED_OK static void die(const char *what) {
    fprintf(stderr, "%s: %s\n", what, fw_last_error());
    exit(1);
}

/* The word at `position` of the picture: noise that nothing can compress, runs, or the same in each picture. */
UNUSED_OK static uint64_t painted_word(const stamp *s, size_t position) {
    uint64_t word = s->content == CONTENT_STILL ? 1 : s->index + 1;
    word = word * UINT64_C(0x9E3779B97F4A7C15) + (s->content == CONTENT_NOISE ? position : position / 64);
    word ^= word >> 31;
    word *= UINT64_C(0xBF58476D1CE4E5B9);
    return word ^ word >> 29;
}

UNUSED_OK static void paint(void *pixels, size_t size, const stamp *s) {
    unsigned char *bytes = (unsigned char *)pixels;
    size_t at = sizeof *s;
    CHECK(size >= sizeof *s);
    memcpy(bytes, s, sizeof *s);
    for (; at + 8 <= size; at += 8) {
        uint64_t word = painted_word(s, at / 8);
        memcpy(bytes + at, &word, 8);
    }
    if (at < size) memset(bytes + at, 0, size - at);
}

/* Whether the picture is, to the bit, what paint() made of the stamp that it carries; the stamp is stored. */
UNUSED_OK static int is_painted(const void *pixels, size_t size, stamp *s) {
    const unsigned char *bytes = (const unsigned char *)pixels;
    size_t at = sizeof *s;
    if (size < sizeof *s) return 0;
    memcpy(s, bytes, sizeof *s);
    if (s->magic != STAMP_MAGIC) return 0;
    for (; at + 8 <= size; at += 8) {
        uint64_t word = painted_word(s, at / 8);
        if (memcmp(bytes + at, &word, 8) != 0) return 0;
    }
    for (; at < size; at++) {
        if (bytes[at] != 0) return 0;
    }
    return 1;
}

/* Memory of this process in KiB, as Linux tells it: `VmRSS:` for now, `VmHWM:` for the most ever. */
UNUSED_OK static long memory_kib(const char *name) {
    char line[256];
    long result = -1;
    size_t length = strlen(name);
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof line, file)) {
        if (strncmp(line, name, length) == 0) {
            result = strtol(line + length, NULL, 10);
            break;
        }
    }
    if (file) fclose(file);
    return result;
}

/* How many entries a folder of /proc/self has: `fd` or `task`. */
UNUSED_OK static int count_of(const char *what) {
    char path[64];
    int count = 0;
    DIR *folder;
    snprintf(path, sizeof path, "/proc/self/%s", what);
    folder = opendir(path);
    if (!folder) return -1;
    while (readdir(folder)) count++;
    closedir(folder);
    return count - 2 - (strcmp(what, "fd") == 0);
}

/* TLS with what `framewire keygen` has put into `folder`: this side's own identity, and the other's as the one that is trusted. */
UNUSED_OK static const fw_tls_options *tls_of(const char *folder, const char *own, const char *other) {
    static fw_tls_options tls = FW_TLS_OPTIONS_INIT;
    static char certificate[512], key[512], authority[512];
    snprintf(certificate, sizeof certificate, "%s/%s.pem", folder, own);
    snprintf(key, sizeof key, "%s/%s.key", folder, own);
    snprintf(authority, sizeof authority, "%s/%s.pem", folder, other);
    tls.certificate_file = certificate;
    tls.key_file = key;
    tls.authority_file = authority;
    return &tls;
}

/* The place of `value` in the words of `names`, counted from `first`; ends the program if it is not there. */
UNUSED_OK static int one_of(const char *option, const char *value, const char *names, int first) {
    size_t length = strlen(value);
    int place;
    for (place = first; *names; place++) {
        size_t word = strcspn(names, " ");
        if (word == length && memcmp(names, value, length) == 0) return place;
        names += word + strspn(names + word, " ");
    }
    fprintf(stderr, "%s cannot be %s\n", option, value);
    exit(2);
}

UNUSED_OK static int64_t number(const char *option, const char *value) {
    char *end;
    long long result = strtoll(value, &end, 10);
    if (!*value || *end) {
        fprintf(stderr, "%s takes a number, not %s\n", option, value);
        exit(2);
    }
    return result;
}

UNUSED_OK static void write_number(const char *path, unsigned value) {
    FILE *file = path ? fopen(path, "w") : NULL;
    if (!path) return;
    if (!file || fprintf(file, "%u\n", value) < 0 || fclose(file) != 0) die(path);
}

static volatile sig_atomic_t asked_to_end;

UNUSED_OK static void on_end(int signal_number) {
    (void)signal_number;
    asked_to_end = 1;
}

/* SIGTERM ends a program in good order; a program that hangs ends by itself. Each line is written at once. */
UNUSED_OK static void begin(unsigned seconds) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_end;
    sigaction(SIGTERM, &action, NULL);
    alarm(seconds);
    setvbuf(stdout, NULL, _IOLBF, 0);
}

/* Prints what becomes of connections: `event NAME peer N at NS status S reason …`, by the clock on the wall. */
UNUSED_OK static void print_event(const fw_connection_event *event, void *user) {
    static const char *const names[] = {"", "connecting", "connected", "lost", "closed"};
    struct timespec time;
    (void)user;
    clock_gettime(CLOCK_REALTIME, &time);
    printf("event %s peer %llu at_ns %lld status %s attempt %u reason %s\n", names[event->state],
           (unsigned long long)event->peer_id, (long long)time.tv_sec * SECOND + time.tv_nsec, fw_status_string(event->status), event->attempt,
           event->reason);
}

#endif
