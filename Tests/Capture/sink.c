/*
 * Receives what Tests/Capture/windows.c draws, and compares every pixel with what it must be.
 *
 *   sink READY-FILE
 *
 * Listens on a port of its own choice, which it writes to READY-FILE. Takes one sender, and ends when it has left, with a line for each
 * stream: its number, the window, how many frames came, the first and the last of them, the gaps between, and the sizes in their
 * order. Exits with 1 when a picture is wrong.
 */
#define _POSIX_C_SOURCE 200809L
#include "pattern.h"

#include <framewire/framewire.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STREAMS 16

typedef struct stream {
    unsigned window, frames, first, last, gaps;
    uint32_t width, height;
    char sizes[256];
} stream;

static stream streams[STREAMS];

static int fail(const char *what) {
    fprintf(stderr, "sink: %s\n", what);
    return 1;
}

/* The colour at a place; row 0 is the top one. */
static void pixel(const fw_frame_info *info, const uint8_t *bytes, size_t stride, uint32_t x, uint32_t y, uint8_t color[3]) {
    const uint8_t *at = bytes + y * stride + x * 4;
    int is_bgr = info->format == FW_PIXEL_FORMAT_BGRA8 || info->format == FW_PIXEL_FORMAT_BGRX8;
    color[0] = at[is_bgr ? 2 : 0];
    color[1] = at[1];
    color[2] = at[is_bgr ? 0 : 2];
}

static int check_picture(const fw_frame_info *info, const uint8_t *bytes, size_t stride, unsigned window, unsigned number) {
    int width = (int)info->width, height = (int)info->height;
    for (int row = 0; row < PATTERN_CELLS; row++) {
        for (int column = 0; column < PATTERN_CELLS; column++) {
            uint8_t wanted[3], found[3];
            pattern_color(window, number, column, row, wanted);
            for (int y = pattern_edge(row, height); y < pattern_edge(row + 1, height); y++) {
                for (int x = pattern_edge(column, width); x < pattern_edge(column + 1, width); x++) {
                    pixel(info, bytes, stride, (uint32_t)x, (uint32_t)(height - 1 - y), found);
                    if (memcmp(wanted, found, 3) != 0) {
                        fprintf(stderr,
                                "sink: window %u, frame %u of %d x %d: pixel %d, %d from the lower left is %d %d %d, not %d %d %d\n",
                                window, number, width, height, x, y, found[0], found[1], found[2], wanted[0], wanted[1],
                                wanted[2]);
                        return 1;
                    }
                }
            }
        }
    }
    return 0;
}

static int take(fw_frame *frame) {
    fw_frame_info info = FW_FRAME_INFO_INIT;
    if (fw_frame_get_info(frame, &info) != FW_OK) return fail(fw_last_error());
    if (info.stream_id >= STREAMS) return fail("a stream number that is too large");
    if (info.format != FW_PIXEL_FORMAT_RGBA8 && info.format != FW_PIXEL_FORMAT_BGRA8 && info.format != FW_PIXEL_FORMAT_RGBX8 &&
        info.format != FW_PIXEL_FORMAT_BGRX8) {
        return fail(fw_pixel_format_name(info.format));
    }
    if (info.row_order != FW_ROW_ORDER_TOP_DOWN) return fail("the rows are not top down");
    const uint8_t *bytes = fw_frame_data(frame);
    size_t stride = fw_frame_stride(frame);
    uint8_t color[3];
    pixel(&info, bytes, stride, 0, info.height - 1, color);
    unsigned window = color[0], number = color[1] | (unsigned)color[2] << 8;
    if (check_picture(&info, bytes, stride, window, number) != 0) return 1;
    stream *of = &streams[info.stream_id];
    if (of->frames == 0) {
        of->first = number;
        of->window = window;
    } else {
        if (window != of->window) return fail("pictures of two windows in one stream");
        if (number <= of->last) return fail("a picture came again, or late");
        of->gaps += number - of->last - 1;
    }
    if (info.width != of->width || info.height != of->height) {
        size_t length = strlen(of->sizes);
        snprintf(of->sizes + length, sizeof of->sizes - length, " %ux%u", info.width, info.height);
        of->width = info.width;
        of->height = info.height;
    }
    of->last = number;
    of->frames++;
    return 0;
}

int main(int argc, char **argv) {
    if (argc != 2) return fail("usage: sink READY-FILE");
    fw_receiver_options options = FW_RECEIVER_OPTIONS_INIT;
    options.once = 1;
    fw_receiver *receiver;
    if (fw_receiver_open("tcp://127.0.0.1:0", &options, &receiver) != FW_OK) return fail(fw_last_error());
    char temporary[4096];
    snprintf(temporary, sizeof temporary, "%s.part", argv[1]);
    FILE *ready = fopen(temporary, "w");
    if (ready == NULL) return fail(temporary);
    fprintf(ready, "%d\n", fw_receiver_port(receiver));
    if (fclose(ready) != 0 || rename(temporary, argv[1]) != 0) return fail(argv[1]);
    int status = 0;
    for (;;) {
        fw_frame *frame;
        fw_status code = fw_receiver_next(receiver, 30000000000, &frame);
        /* Who is killed says no goodbye. */
        if (code == FW_ERROR_CLOSED || code == FW_ERROR_CONNECTION) break;
        if (code != FW_OK) {
            status = fail(fw_last_error());
            break;
        }
        status |= take(frame);
        fw_frame_unref(frame);
        if (status != 0) break;
    }
    fw_receiver_close(receiver);
    for (unsigned index = 0; index < STREAMS; index++) {
        const stream *of = &streams[index];
        if (of->frames > 0) {
            printf("stream %u window %u frames %u from %u to %u gaps %u sizes%s\n", index, of->window, of->frames,
                   of->first, of->last, of->gaps, of->sizes);
        }
    }
    return status;
}
