/*
 * What the programs of the end-to-end benchmark share: pictures in memory, marked with the time at which they were taken, and the
 * numbers that each side reports.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef BENCH_H
#define BENCH_H

#include <stddef.h>
#include <stdint.h>

#define SECOND INT64_C(1000000000)
#define MILLISECOND INT64_C(1000000)

/* A sequence of pictures of 4 bytes a pixel, all in memory. */
typedef struct pictures {
    unsigned width, height, count;
    size_t size;          /* bytes of one picture */
    unsigned char *bytes; /* count pictures, one after another */
} pictures;

/*
 * Loads a file of raw pictures whose name ends in _WIDTHxHEIGHT_rgba.raw, at most `limit` of them. With `mirrors` each picture becomes
 * one of twice the width and height: itself and its mirror images. Mirrored, since a compressor would find plain copies again. Ends
 * the program when the file does not serve.
 */
pictures load_pictures(const char *path, unsigned limit, int mirrors);

/* CLOCK_MONOTONIC, which all processes of a machine share. */
int64_t now_ns(void);
void sleep_until(int64_t due);
_Noreturn void die(const char *what);

/*
 * Ends in `*due` the wait for the next picture of a source of `fps` pictures a second, or at once when fps is 0: the time at which the
 * picture is taken. Times that passed while the source was held up are passed over.
 */
int64_t next_capture(int64_t *due, unsigned fps);

/* Copies picture `index` of the sequence to `to` and marks it: what glReadPixels would do. The time it took is kept. */
void take_picture(const pictures *p, uint64_t index, int64_t capture, unsigned char *to);

/* The same without a copy, for a source that writes to a descriptor: the mark is MARK_SIZE bytes that go out in place of the first. */
enum { MARK_SIZE = 32 };
void mark_picture(const pictures *p, uint64_t index, int64_t capture, unsigned char mark[MARK_SIZE]);

/* Time and memory of this process count from here on. */
void begin_source(void);
/* Writes `name value` lines: cpu_s (without the time of take_picture), memory_kib (growth since begin_source), taken. */
void report_source(const char *path, uint64_t taken);

/* To be called for each picture when it has arrived. Ends the program when it is not one that a source took. */
void picture_arrived(const unsigned char *bytes, size_t size);
/* Has picture_arrived write a line for each picture, also of the first half second: its capture time and its age, in nanoseconds. */
void trace_arrivals(const char *path);
/* Writes `name value` lines: frames, fps, p50_ms, p99_ms, max_ms, cpu_s, memory_kib. The first half second does not count for fps and ms. */
void report_sink(const char *path);

/* The arguments that all the programs take; each ends the program with a message when there is something wrong with them. */
typedef struct arguments {
    const char *role;      /* source or sink */
    const char *file;      /* source: the pictures */
    const char *host, *port, *report;
    const char *way;       /* what else the program distinguishes */
    const char *trace;     /* framewire_peer: where a line for each picture is written; see there */
    const char *ready;     /* framewire_peer: where the port is written once the program listens or is connected */
    unsigned mirrors, fps, seconds, width, height, limit;
    unsigned receivers;    /* framewire_peer, source: listens, and begins when so many are connected; 0: it connects */
    unsigned connect;      /* framewire_peer, sink: 1: connects */
    unsigned stall;        /* framewire_peer, sink: 1: stops for good when the first picture has come */
} arguments;

arguments parse_arguments(int count, char **words);

#endif
