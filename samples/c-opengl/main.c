/*
 * Draws a moving scene with OpenGL and sends every picture with Framewire.
 *
 *   ./c-opengl tcp://127.0.0.1:3000          draws without a display
 *   ./c-opengl --window tcp://media-server:3000
 *
 * What it takes to send frames is in `open_readback` and one call for each picture; the rest is options, timing and the scene.
 *
 * SPDX-License-Identifier: MIT
 */
#define _POSIX_C_SOURCE 200809L

#include <EGL/egl.h>
#include <errno.h>
#include <framewire/framewire.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "context.h"
#include "gl.h"
#include "scene.h"

typedef struct options {
    const char *url, *checksums_path, *stats_path;
    int width, height;
    long frames;
    double fps;
    bool window;
    fw_sender_options sender;
} options;

/* Where the render thread's time went, in nanoseconds. */
typedef struct times {
    int64_t draw, capture;
} times;

static volatile sig_atomic_t interrupted;

static void interrupt(int number) {
    (void)number;
    interrupted = 1;
}

static int64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* ---- Options ----------------------------------------------------------------------------------------------------- */

static const char usage[] =
    "usage: c-opengl [options] [URL]\n"
    "  URL                 where to: tcp://host:port (default tcp://127.0.0.1:3000), unix:///path, file:///path\n"
    "  --size WxH          of the picture in pixels (1280x720)\n"
    "  --frames N          stop after N frames (0: go on until interrupted)\n"
    "  --fps F             frames a second (60; 0: as fast as possible)\n"
    "  --policy P          when the link is too slow: drop-oldest (default), drop-newest, block\n"
    "  --profile P         auto (default), raw, lz4, tile, huffman\n"
    "  --checksum          each frame carries a checksum that the receiver verifies\n"
    "  --checksums FILE    writes `sequence checksum` of each frame as it was drawn\n"
    "  --stats-json FILE   writes counters and times when done\n"
    "  --window            shows the pictures in a window as well\n";

/* `names` ends with NULL. */
static bool parse_choice(const char *value, const char *const *names, int *choice) {
    for (int i = 0; names[i]; i++)
        if (strcmp(value, names[i]) == 0) {
            *choice = i;
            return true;
        }
    return false;
}

static bool parse_value(options *o, const char *name, const char *value) {
    static const char *const policies[] = { "drop-oldest", "drop-newest", "block", NULL };
    static const char *const profiles[] = { "auto", "raw", "lz4", "tile", "huffman", NULL };
    char *end = NULL, rest;
    int choice = 0;
    if (strcmp(name, "--size") == 0)
        return sscanf(value, "%dx%d%c", &o->width, &o->height, &rest) == 2 && o->width > 0 && o->height > 0 &&
               o->width <= 16384 && o->height <= 16384;
    if (strcmp(name, "--frames") == 0) {
        errno = 0;
        o->frames = strtol(value, &end, 10);
        return errno == 0 && end != value && !*end && o->frames >= 0;
    }
    if (strcmp(name, "--fps") == 0) {
        o->fps = strtod(value, &end);
        return end != value && !*end && o->fps >= 0 && o->fps <= 100000;
    }
    if (strcmp(name, "--policy") == 0) {
        if (!parse_choice(value, policies, &choice)) return false;
        o->sender.overflow = (fw_overflow)choice;
    } else if (strcmp(name, "--profile") == 0) {
        if (!parse_choice(value, profiles, &choice)) return false;
        o->sender.profile = (fw_profile)choice;
    } else if (strcmp(name, "--checksums") == 0) {
        o->checksums_path = value;
    } else {
        o->stats_path = value;
    }
    return true;
}

static bool parse_options(options *o, int count, char **arguments) {
    static const char *const with_value[] = { "--size",    "--frames",    "--fps",       "--policy",
                                              "--profile", "--checksums", "--stats-json" };
    bool have_url = false;
    for (int i = 1; i < count; i++) {
        const char *a = arguments[i];
        bool takes_value = false;
        for (size_t k = 0; k < sizeof with_value / sizeof *with_value; k++)
            if (strcmp(a, with_value[k]) == 0) takes_value = true;
        if (takes_value) {
            if (i + 1 == count || !parse_value(o, a, arguments[i + 1])) {
                fprintf(stderr, "c-opengl: %s cannot be '%s'\n%s", a, i + 1 < count ? arguments[i + 1] : "", usage);
                return false;
            }
            i++;
        } else if (strcmp(a, "--checksum") == 0) {
            o->sender.checksum = 1;
        } else if (strcmp(a, "--window") == 0) {
            o->window = true;
        } else if (strcmp(a, "--help") == 0) {
            fputs(usage, stdout);
            exit(0);
        } else if (a[0] == '-' || have_url) {
            fprintf(stderr, "c-opengl: '%s' is no option\n%s", a, usage);
            return false;
        } else {
            o->url = a;
            have_url = true;
        }
    }
    return true;
}

/* ---- Times ------------------------------------------------------------------------------------------------------- */

static int compare(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* The 50th and the 99th percentile of one of the times, in microseconds. */
static void percentiles(const times *all, size_t count, size_t offset, double *p50, double *p99) {
    int64_t *sorted = malloc((count ? count : 1) * sizeof *sorted);
    *p50 = *p99 = 0;
    if (!sorted || count == 0) {
        free(sorted);
        return;
    }
    for (size_t i = 0; i < count; i++) memcpy(&sorted[i], (const char *)&all[i] + offset, sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, compare);
    *p50 = (double)sorted[(count - 1) * 50 / 100] / 1e3;
    *p99 = (double)sorted[(count - 1) * 99 / 100] / 1e3;
    free(sorted);
}

static bool report(const options *o, const char *renderer, const times *all, size_t kept, long frames, double seconds,
                   const fw_sender_stats *s, const fw_gl_stats *g) {
    static const char *const names[2] = { "draw", "capture" };
    const size_t offsets[2] = { offsetof(times, draw), offsetof(times, capture) };
    double p50[2], p99[2];
    for (int i = 0; i < 2; i++) percentiles(all, kept, offsets[i], &p50[i], &p99[i]);

    printf("%ld frames of %d x %d in %.2f s: %.1f frames/s; sent %" PRIu64 ", dropped %" PRIu64 ", %.1f MB raw, %.1f MB sent\n",
           frames, o->width, o->height, seconds, seconds > 0 ? (double)frames / seconds : 0, s->frames_sent,
           s->frames_dropped, (double)s->bytes_raw / 1e6, (double)s->bytes_wire / 1e6);
    printf("render thread, ms at the median and the 99th percentile: draw %.2f %.2f, capture %.3f %.3f (path %s)\n",
           p50[0] / 1e3, p99[0] / 1e3, p50[1] / 1e3, p99[1] / 1e3, fw_gl_path_name(g->path));
    if (!o->stats_path) return true;

    FILE *file = fopen(o->stats_path, "w");
    if (!file) {
        fprintf(stderr, "c-opengl: cannot write %s: %s\n", o->stats_path, strerror(errno));
        return false;
    }
    fprintf(file, "{\n  \"renderer\": \"");
    for (const char *c = renderer; *c; c++)
        if (*c != '"' && *c != '\\' && (unsigned char)*c >= ' ') fputc(*c, file);
    fprintf(file, "\",\n  \"frames\": %ld,\n  \"width\": %d,\n  \"height\": %d,\n  \"seconds\": %.6f,\n", frames, o->width,
            o->height, seconds);
    fprintf(file, "  \"path\": \"%s\",\n  \"ring_peak\": %" PRIu32 ",\n  \"ring_stalls\": %" PRIu64 ",\n  \"ring_dropped\": %" PRIu64 ",\n",
            fw_gl_path_name(g->path), g->ring_peak, g->stalls, g->frames_dropped);
    for (int i = 0; i < 2; i++)
        fprintf(file, "  \"%s_us_p50\": %.1f,\n  \"%s_us_p99\": %.1f,\n", names[i], p50[i], names[i], p99[i]);
    fprintf(file,
            "  \"frames_pushed\": %" PRIu64 ",\n  \"frames_sent\": %" PRIu64 ",\n  \"frames_dropped\": %" PRIu64
            ",\n  \"frames_acknowledged\": %" PRIu64 ",\n  \"bytes_raw\": %" PRIu64 ",\n  \"bytes_wire\": %" PRIu64
            ",\n  \"pixel_bytes_copied\": %" PRIu64 ",\n  \"queue_peak\": %" PRIu32 ",\n  \"encode_ns_p50\": %" PRId64
            ",\n  \"encode_ns_p99\": %" PRId64 ",\n  \"latency_ns_p50\": %" PRId64 ",\n  \"latency_ns_p99\": %" PRId64
            ",\n  \"profile\": %d,\n  \"profile_reason\": %d\n}\n",
            s->frames_pushed, s->frames_sent, s->frames_dropped, s->frames_acknowledged, s->bytes_raw, s->bytes_wire,
            s->pixel_bytes_copied, s->queue_peak, s->encode_ns_p50, s->encode_ns_p99, s->latency_ns_p50, s->latency_ns_p99,
            (int)s->profile, (int)s->profile_reason);
    bool failed = ferror(file) != 0;
    if (fclose(file) != 0 || failed) {
        fprintf(stderr, "c-opengl: cannot write %s: %s\n", o->stats_path, strerror(errno));
        return false;
    }
    return true;
}

/* ---- Frames ------------------------------------------------------------------------------------------------------ */

/* Asked for each function of OpenGL: the library itself is linked to none. */
static fw_gl_proc get_proc_address(const char *name, void *user) {
    (void)user;
    return eglGetProcAddress(name);
}

/* The ring of pixel buffers that pictures come back through. */
static fw_gl_readback *open_readback(fw_sender *sender, fw_overflow overflow) {
    fw_gl_options options = FW_GL_OPTIONS_INIT;
    fw_gl_readback *readback = NULL;
    options.get_proc_address = get_proc_address;
    /* Where the sender is to lose nothing, the ring is not to either. */
    if (overflow == FW_OVERFLOW_BLOCK) options.full_timeout_ns = -1;
    fw_gl_readback_new(sender, &options, &readback);
    return readback;
}

/* Writes down what was drawn, read in the plainest way, so that it can be held against what arrives. */
static bool write_checksum(const options *o, FILE *file, long index, fw_pixel_format format, unsigned char *pixels) {
    fw_frame_info info = FW_FRAME_INFO_INIT;
    uint64_t sum = 0;
    info.width = (uint32_t)o->width;
    info.height = (uint32_t)o->height;
    info.format = format;
    info.row_order = FW_ROW_ORDER_BOTTOM_UP;
    gl.PixelStorei(GL_PACK_ALIGNMENT, 1);
    gl.ReadPixels(0, 0, o->width, o->height, format == FW_PIXEL_FORMAT_BGRA8 ? GL_BGRA : GL_RGBA, GL_UNSIGNED_BYTE, pixels);
    if (fw_frame_info_checksum(&info, pixels, (size_t)o->width * (size_t)o->height * 4, &sum) != FW_OK) return false;
    fprintf(file, "%ld %016" PRIx64 "\n", index, sum);
    return true;
}

static void wait_until(int64_t time) {
    struct timespec t = { (time_t)(time / 1000000000), (long)(time % 1000000000) };
    while (!interrupted && clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR) {}
}

/* Draws and sends until there are enough frames. False after an error, which has been printed. */
static bool run(const options *o, context *context, fw_gl_readback *readback, FILE *checksums, unsigned char *pixels,
                times *all, size_t capacity, long *frames) {
    const double step = 1.0 / (o->fps > 0 ? o->fps : 30);
    const int64_t begin = now();
    fw_gl_stats stats = FW_GL_STATS_INIT;

    for (long i = 0; !interrupted && (o->frames == 0 || i < o->frames); i++) {
        times *spent = &all[(size_t)i % capacity];
        int64_t start = now();
        scene_draw((float)((double)i * step));
        spent->draw = now() - start;

        start = now();
        bool ok = fw_gl_readback_capture(readback, 0, 0, o->width, o->height, (int64_t)((double)i * step * 1e9)) == FW_OK;
        spent->capture = now() - start;
        if (ok && checksums) {
            fw_gl_readback_get_stats(readback, &stats);
            ok = write_checksum(o, checksums, i, (fw_pixel_format)stats.format, pixels);
        }
        if (!ok) {
            fprintf(stderr, "c-opengl: frame %ld: %s\n", i, fw_last_error());
            return false;
        }
        *frames = i + 1;

        if (o->window) {
            scene_copy_to_window();
            if (!context_present(context)) break;
        }
        if (o->fps > 0) {
            /* The picture goes out while there is time; otherwise it would with the next one. */
            fw_gl_readback_poll(readback);
            wait_until(begin + (int64_t)((double)(i + 1) * step * 1e9));
        }
    }
    if (fw_gl_readback_drain(readback) != FW_OK) {
        fprintf(stderr, "c-opengl: %s\n", fw_last_error());
        return false;
    }
    GLenum error = gl.GetError();
    if (error != GL_NO_ERROR) {
        fprintf(stderr, "c-opengl: OpenGL error 0x%x\n", error);
        return false;
    }
    return true;
}

int main(int count, char **arguments) {
    options o = { "tcp://127.0.0.1:3000", NULL, NULL, 1280, 720, 0, 60, false, FW_SENDER_OPTIONS_INIT };
    if (!parse_options(&o, count, arguments)) return 2;

    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = interrupt;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);

    /* Without an end to the frames, the times of the last ones are kept. */
    size_t capacity = o.frames > 0 && o.frames < 65536 ? (size_t)o.frames : 65536;
    times *all = calloc(capacity, sizeof *all);
    FILE *checksums = NULL;
    fw_sender *sender = NULL;
    fw_gl_readback *readback = NULL;
    unsigned char *pixels = NULL;
    bool ok = false;
    long frames = 0;
    context *context = context_create(o.window, o.width, o.height);
    if (!all || !context || !scene_create(o.width, o.height, context_is_es(context))) goto done;
    if (o.checksums_path && !(checksums = fopen(o.checksums_path, "w"))) {
        fprintf(stderr, "c-opengl: cannot write %s: %s\n", o.checksums_path, strerror(errno));
        goto done;
    }
    if (checksums && !(pixels = malloc((size_t)o.width * (size_t)o.height * 4))) goto done;
    if (fw_sender_open(o.url, &o.sender, &sender) != FW_OK || !(readback = open_readback(sender, o.sender.overflow))) {
        fprintf(stderr, "c-opengl: %s\n", fw_last_error());
        goto done;
    }
    const char *renderer = (const char *)gl.GetString(GL_RENDERER);
    printf("Drawing with %s, sending to %s\n", renderer ? renderer : "OpenGL", o.url);
    fflush(stdout);

    const int64_t start = now();
    ok = run(&o, context, readback, checksums, pixels, all, capacity, &frames);
    if (ok && fw_sender_flush(sender, 10000000000) != FW_OK) {
        fprintf(stderr, "c-opengl: %s\n", fw_last_error());
        ok = false;
    }
    double seconds = (double)(now() - start) / 1e9;

    fw_sender_stats stats = FW_SENDER_STATS_INIT;
    fw_sender_get_stats(sender, &stats);
    fw_gl_stats ring = FW_GL_STATS_INIT;
    fw_gl_readback_get_stats(readback, &ring);
    size_t kept = (size_t)frames < capacity ? (size_t)frames : capacity;
    ok = report(&o, renderer ? renderer : "OpenGL", all, kept, frames, seconds, &stats, &ring) && ok;

done:
    fw_gl_readback_free(readback); /* while its context is current */
    fw_sender_close(sender);
    if (checksums && fclose(checksums) != 0) {
        fprintf(stderr, "c-opengl: cannot write %s: %s\n", o.checksums_path, strerror(errno));
        ok = false;
    }
    context_destroy(context);
    free(pixels);
    free(all);
    return ok ? 0 : 1;
}
