/*
 * Pictures to standard output, or from standard input, for programs that carry raw video through pipes: `pipe_peer source|sink …`, see
 * bench.h. A source at --fps that is held up passes pictures over.
 *
 * SPDX-License-Identifier: MIT
 */
#define _GNU_SOURCE
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

/* The mark, and the picture behind it. */
static void write_picture(const unsigned char *mark, const unsigned char *bytes, size_t size) {
    size_t done = 0;
    while (done < size) {
        struct iovec parts[2] = {{NULL, 0}, {NULL, 0}};
        if (done < MARK_SIZE) {
            parts[0].iov_base = (void *)(mark + done);
            parts[0].iov_len = MARK_SIZE - done;
        }
        size_t rest = done < MARK_SIZE ? MARK_SIZE : done;
        parts[1].iov_base = (void *)(bytes + rest);
        parts[1].iov_len = size - rest;
        ssize_t written = writev(STDOUT_FILENO, parts, 2);
        if (written < 0 && errno != EINTR) die("standard output");
        if (written > 0) done += (size_t)written;
    }
}

static void run_source(const arguments *a) {
    pictures p = load_pictures(a->file, a->limit, a->mirrors != 0);
    unsigned char mark[MARK_SIZE];
    uint64_t taken = 0;
    int64_t due = 0, capture, end;
    begin_source();
    end = now_ns() + a->seconds * SECOND;
    while ((capture = next_capture(&due, a->fps)) < end) {
        mark_picture(&p, taken, capture, mark);
        write_picture(mark, p.bytes + p.size * (taken % p.count), p.size);
        taken++;
    }
    close(STDOUT_FILENO);
    report_source(a->report, taken);
}

static void run_sink(const arguments *a) {
    size_t size = (size_t)a->width * a->height * 4, have = 0;
    unsigned char *bytes = malloc(size);
    if (!bytes) die("picture");
    for (;;) {
        ssize_t count = read(STDIN_FILENO, bytes + have, size - have);
        if (count == 0) break;
        if (count < 0 && errno != EINTR) die("standard input");
        if (count > 0) have += (size_t)count;
        if (have < size) continue;
        picture_arrived(bytes, size);
        have = 0;
    }
    report_sink(a->report);
}

int main(int count, char **words) {
    arguments a = parse_arguments(count, words);
    if (!strcmp(a.role, "source")) {
        fcntl(STDOUT_FILENO, F_SETPIPE_SZ, 1 << 20);
        run_source(&a);
    } else {
        fcntl(STDIN_FILENO, F_SETPIPE_SZ, 1 << 20);
        run_sink(&a);
    }
    return 0;
}
