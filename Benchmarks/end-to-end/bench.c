/* See bench.h. SPDX-License-Identifier: MIT */
#include "bench.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

_Noreturn void die(const char *what) {
    fprintf(stderr, "end-to-end: %s%s%s\n", what, errno ? ": " : "", errno ? strerror(errno) : "");
    exit(1);
}

int64_t now_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * SECOND + time.tv_nsec;
}

void sleep_until(int64_t due) {
    struct timespec time = {(time_t)(due / SECOND), (long)(due % SECOND)};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL) != 0) {}
}

/* ------------------------------------------------------------------------------------------------------ pictures */

/* One row of a picture into two rows' worth: itself and its mirror image. */
static void mirror_row(const unsigned char *from, unsigned width, unsigned char *to) {
    memcpy(to, from, (size_t)width * 4);
    for (unsigned x = 0; x < width; x++) memcpy(to + (size_t)4 * (2 * width - 1 - x), from + (size_t)4 * x, 4);
}

pictures load_pictures(const char *path, unsigned limit, int mirrors) {
    pictures p = {0};
    const char *end = strstr(path, "_rgba.raw"), *name = end;
    while (name && name > path && *--name != '_') {}
    if (!name || sscanf(name, "_%5ux%5u_rgba.raw", &p.width, &p.height) != 2)
        die("the name of the file of pictures must end in _WIDTHxHEIGHT_rgba.raw");
    FILE *file = fopen(path, "rb");
    if (!file) die(path);
    size_t size = (size_t)p.width * p.height * 4, row = (size_t)p.width * 4;
    unsigned width = p.width, height = p.height;
    if (mirrors) {
        p.width *= 2;
        p.height *= 2;
    }
    p.size = (size_t)p.width * p.height * 4;
    p.bytes = malloc(p.size * limit);
    unsigned char *one = malloc(size);
    if (!p.bytes || !one) die("pictures");
    for (; p.count < limit && fread(one, 1, size, file) == size; p.count++) {
        unsigned char *to = p.bytes + p.size * p.count;
        if (!mirrors) memcpy(to, one, size);
        for (unsigned y = 0; mirrors && y < height; y++) {
            mirror_row(one + row * y, width, to + row * 2 * y);
            mirror_row(one + row * y, width, to + row * 2 * (2 * height - 1 - y));
        }
    }
    if (p.count == 0) die("the file holds no picture");
    free(one);
    fclose(file);
    return p;
}

typedef struct mark {
    uint64_t magic;
    int64_t capture_ns;
    uint64_t index;
    uint64_t sum; /* of some words of the picture */
} mark;

#define MAGIC UINT64_C(0x4b52414d4857464d)

static uint64_t sum_of(const unsigned char *bytes, size_t size) {
    uint64_t sum = 0, word;
    for (size_t at = 4096; at + 8 <= size; at += 4096 + 64) {
        memcpy(&word, bytes + at, 8);
        sum = (sum << 1 | sum >> 63) ^ word;
    }
    return sum;
}

void mark_picture(const pictures *p, uint64_t index, int64_t capture, unsigned char to[MARK_SIZE]) {
    static uint64_t sums[256];
    static unsigned char known[256];
    unsigned which = (unsigned)(index % p->count);
    mark m = {MAGIC, capture, index, 0};
    if (which < 256 && !known[which]) {
        sums[which] = sum_of(p->bytes + p->size * which, p->size);
        known[which] = 1;
    }
    m.sum = which < 256 ? sums[which] : sum_of(p->bytes + p->size * which, p->size);
    memcpy(to, &m, sizeof m);
}

static int64_t copying_ns;

static int64_t thread_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (int64_t)time.tv_sec * SECOND + time.tv_nsec;
}

void take_picture(const pictures *p, uint64_t index, int64_t capture, unsigned char *to) {
    int64_t before = thread_ns();
    memcpy(to, p->bytes + p->size * (index % p->count), p->size);
    mark_picture(p, index, capture, to);
    copying_ns += thread_ns() - before;
}

int64_t next_capture(int64_t *due, unsigned fps) {
    int64_t now = now_ns();
    if (fps == 0) return now;
    int64_t interval = SECOND / fps;
    if (*due == 0) *due = now;
    else *due += interval;
    if (now - *due >= interval) *due += (now - *due) / interval * interval;
    else sleep_until(*due);
    return *due;
}

/* ----------------------------------------------------------------------------------------------- time and memory */

static int64_t process_ns(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return ((int64_t)usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * SECOND +
           ((int64_t)usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000;
}

static long memory_kib(const char *name) {
    char line[256];
    long result = 0;
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof line, file)) {
        if (strncmp(line, name, strlen(name)) == 0) result = strtol(line + strlen(name), NULL, 10);
    }
    if (file) fclose(file);
    return result;
}

static int64_t began_ns;
static long began_kib;

void begin_source(void) {
    /* The peak counts from now on. */
    FILE *file = fopen("/proc/self/clear_refs", "w");
    if (file) {
        fputs("5", file);
        fclose(file);
    }
    began_ns = process_ns();
    began_kib = memory_kib("VmRSS:");
    copying_ns = 0;
}

static FILE *open_report(const char *path) {
    FILE *file = fopen(path, "a");
    if (!file) die(path);
    return file;
}

void report_source(const char *path, uint64_t taken) {
    double seconds = (double)(process_ns() - began_ns - copying_ns) / 1e9;
    FILE *file = open_report(path);
    fprintf(file, "cpu_s %.3f\nmemory_kib %ld\ntaken %llu\n", seconds, memory_kib("VmHWM:") - began_kib, (unsigned long long)taken);
    fclose(file);
}

/* ------------------------------------------------------------------------------------------------------ arrivals */

enum { MOST_ARRIVALS = 1 << 18 };
static int64_t ages[MOST_ARRIVALS], first_arrival, first_counted, last_arrival;
static size_t arrivals, counted;
static FILE *arrivals_trace;

void trace_arrivals(const char *path) { arrivals_trace = open_report(path); }

void picture_arrived(const unsigned char *bytes, size_t size) {
    mark m;
    int64_t now = now_ns();
    errno = 0;
    if (size < sizeof m) die("a picture that arrived is too small");
    memcpy(&m, bytes, sizeof m);
    if (m.magic != MAGIC) die("what arrived is not a picture");
    if (m.sum != sum_of(bytes, size)) die("a picture that arrived is not what was sent");
    if (arrivals_trace) fprintf(arrivals_trace, "%lld %lld\n", (long long)m.capture_ns, (long long)(now - m.capture_ns));
    if (arrivals++ == 0) first_arrival = now;
    last_arrival = now;
    if (now - first_arrival < SECOND / 2 || counted == MOST_ARRIVALS) return;
    if (counted == 0) first_counted = now;
    ages[counted++] = now - m.capture_ns;
}

static int compare(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static double age_ms(double part) {
    if (counted == 0) return -1;
    return (double)ages[(size_t)((double)(counted - 1) * part + 0.5)] / 1e6;
}

void report_sink(const char *path) {
    FILE *file = open_report(path);
    double span = (double)(last_arrival - first_counted) / 1e9;
    qsort(ages, counted, sizeof ages[0], compare);
    fprintf(file, "frames %zu\nfps %.2f\np50_ms %.2f\np99_ms %.2f\nmax_ms %.2f\ncpu_s %.3f\nmemory_kib %ld\n", arrivals,
            counted > 1 ? (double)(counted - 1) / span : 0, age_ms(0.5), age_ms(0.99), age_ms(1), (double)process_ns() / 1e9,
            memory_kib("VmHWM:"));
    fclose(file);
    if (arrivals_trace) fclose(arrivals_trace);
}

/* ----------------------------------------------------------------------------------------------------- arguments */

static unsigned number(const char *text) {
    char *end;
    unsigned long value = strtoul(text, &end, 10);
    errno = 0;
    if (!*text || *end || value > 1000000) die("an option takes a number");
    return (unsigned)value;
}

arguments parse_arguments(int count, char **words) {
    arguments a = {.host = "127.0.0.1", .port = "4000", .way = "", .seconds = 3, .width = 1920, .height = 1080, .limit = 8};
    errno = 0;
    if (count < 2 || count % 2) die("usage: PROGRAM source|sink --file FILE --report FILE [--OPTION VALUE]…");
    a.role = words[1];
    for (int i = 2; i < count; i += 2) {
        const char *option = words[i], *value = words[i + 1];
        if (!strcmp(option, "--file")) a.file = value;
        else if (!strcmp(option, "--host")) a.host = value;
        else if (!strcmp(option, "--port")) a.port = value;
        else if (!strcmp(option, "--report")) a.report = value;
        else if (!strcmp(option, "--way")) a.way = value;
        else if (!strcmp(option, "--mirrors")) a.mirrors = number(value);
        else if (!strcmp(option, "--fps")) a.fps = number(value);
        else if (!strcmp(option, "--seconds")) a.seconds = number(value);
        else if (!strcmp(option, "--width")) a.width = number(value);
        else if (!strcmp(option, "--height")) a.height = number(value);
        else if (!strcmp(option, "--pictures")) a.limit = number(value);
        else if (!strcmp(option, "--ready")) a.ready = value;
        else if (!strcmp(option, "--trace")) a.trace = value;
        else if (!strcmp(option, "--receivers")) a.receivers = number(value);
        else if (!strcmp(option, "--connect")) a.connect = number(value);
        else if (!strcmp(option, "--stall")) a.stall = number(value);
        else die(option);
    }
    if (!a.report) die("--report is missing");
    if (!strcmp(a.role, "source") && !a.file) die("--file is missing");
    /* A program that hangs ends by itself. */
    alarm(a.seconds + 60);
    return a;
}
