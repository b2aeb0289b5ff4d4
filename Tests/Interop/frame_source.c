/*
 * Sends computed pictures with the C interface, and keeps the reference that the tests compare with: the same
 * pictures, rows top-down and packed, written by this program and not by the library.
 *
 *   frame_source URL [option…]         `-` for URL only writes the reference
 *
 *   --size WxH[,WxH…]    320x240; several take turns from frame to frame
 *   --frames N           10
 *   --kind KIND          smooth, noise, text, mixed
 *   --format FORMAT      rgba8, bgra8, rgb8, bgr8, r8, rgba16, nv12, i420
 *   --bottom-up          rows as glReadPixels gives them
 *   --padding BYTES      between the rows
 *   --by WAY             push, submit (into acquired memory), wrapped, buffer (of three memories)
 *   --profile PROFILE    auto, raw, lz4, tile
 *   --policy POLICY      block, drop-oldest, drop-newest
 *   --reconnect WHEN     never, after-loss, always
 *   --block-timeout S    how long block waits for room
 *   --fps N              pictures per second; otherwise as fast as they are taken
 *   --raw FILE           the reference, of every picture that was handed over
 *   --port-file FILE     the port, once listening
 *
 * Without --profile, --policy, --reconnect and --block-timeout the library gets NULL for its options. Prints
 * numbers at the end, one `name value` on each line. Exits with 1 when the library reports an error, with 2
 * when the arguments are wrong.
 *
 * SPDX-License-Identifier: MIT
 */
#define _POSIX_C_SOURCE 200809L

#include "pictures.h"

#include <framewire/framewire.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MAX_SIZES = 8 };

typedef enum way { BY_PUSH, BY_SUBMIT, BY_WRAPPED, BY_BUFFER } way;

typedef struct settings {
    const char *url, *raw, *port_file;
    uint32_t widths[MAX_SIZES], heights[MAX_SIZES];
    uint32_t size_count, frames, padding, fps;
    picture_kind kind;
    fw_pixel_format format;
    int bottom_up;
    way way;
    fw_sender_options options;
    int uses_options;
} settings;

static void refuse(const char *what, const char *value) {
    fprintf(stderr, "frame_source: %s %s\n", what, value);
    exit(2);
}

static int one_of(const char *option, const char *value, const char *names, int first) {
    size_t length = strlen(value);
    for (int i = first; *names; i++) {
        size_t word = strcspn(names, " ");
        if (word == length && memcmp(names, value, length) == 0) return i;
        names += word + strspn(names + word, " ");
    }
    refuse(option, value);
    return 0;
}

static uint32_t number(const char *option, const char *value) {
    char *end;
    unsigned long result = strtoul(value, &end, 10);
    if (*value < '0' || *value > '9' || *end || result > 1000000) refuse(option, value);
    return (uint32_t)result;
}

static void parse_sizes(settings *s, const char *value) {
    unsigned width, height;
    int used;
    s->size_count = 0;
    for (const char *rest = value; s->size_count < MAX_SIZES; rest++) {
        if (sscanf(rest, "%5ux%5u%n", &width, &height, &used) != 2) break;
        s->widths[s->size_count] = width;
        s->heights[s->size_count++] = height;
        rest += used;
        if (!*rest) return;
        if (*rest != ',') break;
    }
    refuse("--size", value);
}

static void parse_option(settings *s, const char *option, const char *value) {
    if (!strcmp(option, "--size")) parse_sizes(s, value);
    else if (!strcmp(option, "--frames")) s->frames = number(option, value);
    else if (!strcmp(option, "--padding")) s->padding = number(option, value);
    else if (!strcmp(option, "--fps")) s->fps = number(option, value);
    else if (!strcmp(option, "--raw")) s->raw = value;
    else if (!strcmp(option, "--port-file")) s->port_file = value;
    else if (!strcmp(option, "--by")) s->way = (way)one_of(option, value, "push submit wrapped buffer", 0);
    else if (!strcmp(option, "--kind")) {
        if (picture_kind_named(value, &s->kind) != 0) refuse(option, value);
    } else if (!strcmp(option, "--format")) {
        s->format = picture_format_named(value);
        if (!s->format) refuse(option, value);
    } else {
        s->uses_options = 1;
        if (!strcmp(option, "--profile"))
            s->options.profile = (fw_profile)one_of(option, value, "auto raw lz4 tile", 0);
        else if (!strcmp(option, "--policy"))
            s->options.overflow = (fw_overflow)one_of(option, value, "drop-oldest drop-newest block", 0);
        else if (!strcmp(option, "--reconnect"))
            s->options.reconnect = (fw_reconnect)one_of(option, value, "never after-loss always", 1);
        else if (!strcmp(option, "--block-timeout"))
            s->options.block_timeout_ns = (int64_t)number(option, value) * 1000000000;
        else refuse("unknown option", option);
    }
}

static settings parse(int count, char **arguments) {
    settings s = { .size_count = 1, .frames = 10, .format = FW_PIXEL_FORMAT_RGBA8 };
    const fw_sender_options defaults = FW_SENDER_OPTIONS_INIT;
    s.widths[0] = 320;
    s.heights[0] = 240;
    s.options = defaults;
    if (count < 2) refuse("usage:", "frame_source URL [option…]");
    s.url = arguments[1];
    for (int i = 2; i < count; i++) {
        if (!strcmp(arguments[i], "--bottom-up")) {
            s.bottom_up = 1;
            continue;
        }
        if (i + 1 == count) refuse("no value for", arguments[i]);
        parse_option(&s, arguments[i], arguments[i + 1]);
        i++;
    }
    return s;
}

static void *allocate(size_t size) {
    void *bytes = malloc(size ? size : 1);
    if (!bytes) refuse("out of", "memory");
    return bytes;
}

static void check(fw_status status, const char *what) {
    if (status == FW_OK) return;
    fprintf(stderr, "frame_source: %s: %s: %s\n", what, fw_status_string(status), fw_last_error());
    exit(1);
}

/* The picture, laid out as the source would have it, in three memories that are cut where no row ends. */
static fw_buffer *in_three_memories(unsigned char *bytes, size_t size) {
    const size_t third = size / 3 + 1, half = size / 2 + 1;
    const size_t cuts[] = { 0, third < size ? third : size, half < size ? half : size, size };
    fw_buffer *buffer;
    check(fw_buffer_new(&buffer), "fw_buffer_new");
    for (int i = 0; i < 3; i++) {
        fw_memory *memory;
        size_t length = cuts[i + 1] - cuts[i];
        /* Blocks of their own, so that the memories are not neighbours by chance. */
        unsigned char *block = allocate(length);
        memcpy(block, bytes + cuts[i], length);
        check(fw_memory_new_wrapped(block, length, 0, length, 0, free, block, &memory), "fw_memory_new_wrapped");
        check(fw_buffer_append_memory(buffer, memory), "fw_buffer_append_memory");
    }
    return buffer;
}

static fw_status hand_over(fw_sender *sender, const settings *s, const fw_frame_info *info,
                           const unsigned char *packed, unsigned char *scratch) {
    uint32_t width = info->width, height = info->height, stride = info->stride;
    fw_status status;
    if (s->way == BY_SUBMIT) {
        fw_frame *frame;
        if ((status = fw_sender_acquire(sender, info, &frame)) != FW_OK) return status;
        picture_lay_out(s->format, width, height, stride, s->bottom_up, packed, fw_frame_data(frame));
        return fw_sender_submit(sender, frame);
    }
    unsigned char *bytes = scratch;
    if (s->way == BY_WRAPPED) bytes = allocate(picture_laid_out_size(s->format, width, height, stride));
    size_t size = picture_lay_out(s->format, width, height, stride, s->bottom_up, packed, bytes);
    if (s->way == BY_WRAPPED) {
        status = fw_sender_push_wrapped(sender, info, bytes, size, free, bytes);
        if (status != FW_OK) free(bytes);
        return status;
    }
    if (s->way == BY_PUSH) return fw_sender_push(sender, info, bytes, size);
    fw_buffer *buffer = in_three_memories(bytes, size);
    status = fw_sender_push_buffer(sender, info, buffer);
    fw_buffer_unref(buffer);
    return status;
}

static void pause_until(const struct timespec *start, uint32_t index, uint32_t fps) {
    uint64_t after = (uint64_t)index * 1000000000 / fps + (uint64_t)start->tv_nsec;
    struct timespec due = { start->tv_sec + (time_t)(after / 1000000000), (long)(after % 1000000000) };
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL) != 0) {}
}

/* The most memory this process ever had in use, as Linux tells it. */
static long peak_kibibytes(void) {
    char line[256];
    long result = -1;
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof line, file)) {
        if (sscanf(line, "VmHWM: %ld", &result) == 1) break;
    }
    if (file) fclose(file);
    return result;
}

static void report(fw_sender *sender) {
    fw_sender_stats stats = FW_SENDER_STATS_INIT;
    check(fw_sender_get_stats(sender, &stats), "fw_sender_get_stats");
    printf("pushed %llu\nsent %llu\ndropped %llu\nconnections %llu\nallocated %u\npeak_kib %ld\n",
           (unsigned long long)stats.frames_pushed, (unsigned long long)stats.frames_sent,
           (unsigned long long)stats.frames_dropped, (unsigned long long)stats.connections, stats.frames_allocated,
           peak_kibibytes());
}

static void write_port(const settings *s, fw_sender *sender) {
    if (!s->port_file) return;
    FILE *file = fopen(s->port_file, "w");
    if (!file || fprintf(file, "%u\n", (unsigned)fw_sender_port(sender)) < 0 || fclose(file) != 0)
        refuse("cannot write", s->port_file);
}

int main(int count, char **arguments) {
    settings s = parse(count, arguments);
    fw_sender *sender = NULL;
    int sends = strcmp(s.url, "-") != 0;
    if (sends) check(fw_sender_open(s.url, s.uses_options ? &s.options : NULL, &sender), "fw_sender_open");
    if (sends) write_port(&s, sender);
    FILE *raw = s.raw ? fopen(s.raw, "wb") : NULL;
    if (s.raw && !raw) refuse("cannot write", s.raw);

    size_t room = 0, scratch_room = 0;
    for (uint32_t i = 0; i < s.size_count; i++) {
        size_t size = picture_size(s.format, s.widths[i], s.heights[i]);
        size_t scratch = size + (size_t)3 * s.heights[i] * s.padding;
        if (size > room) room = size;
        if (scratch > scratch_room) scratch_room = scratch;
    }
    unsigned char *packed = allocate(room), *scratch = allocate(scratch_room);
    struct timespec start;
    clock_gettime(CLOCK_MONOTONIC, &start);
    fw_status status = FW_OK;
    for (uint32_t i = 0; i < s.frames && status == FW_OK; i++) {
        fw_frame_info info = FW_FRAME_INFO_INIT;
        picture_plane planes[3];
        info.width = s.widths[i % s.size_count];
        info.height = s.heights[i % s.size_count];
        info.format = s.format;
        info.row_order = s.bottom_up ? FW_ROW_ORDER_BOTTOM_UP : FW_ROW_ORDER_TOP_DOWN;
        picture_planes(s.format, info.width, info.height, planes);
        if (s.padding) info.stride = (uint32_t)planes[0].row_bytes + s.padding;
        if (s.fps) pause_until(&start, i, s.fps);
        picture_draw(s.kind, s.format, info.width, info.height, i, packed);
        if (sends) status = hand_over(sender, &s, &info, packed, scratch);
        size_t size = picture_size(s.format, info.width, info.height);
        if (raw && status == FW_OK && fwrite(packed, 1, size, raw) != size) refuse("cannot write", s.raw);
    }
    if (status != FW_OK) fprintf(stderr, "frame_source: %s: %s\n", fw_status_string(status), fw_last_error());
    if (sends) report(sender);
    if (raw && fclose(raw) != 0) refuse("cannot write", s.raw);
    fw_sender_close(sender);
    free(packed);
    free(scratch);
    return status == FW_OK ? 0 : 1;
}
