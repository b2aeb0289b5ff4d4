/*
 * Sends frames to itself over loopback and compares them: the program that the checks of the installation
 * build and run.
 *
 * SPDX-License-Identifier: MIT
 */
#include <framewire/framewire.h>
#include <stdio.h>
#include <string.h>

enum { WIDTH = 123, HEIGHT = 45, FRAMES = 20 };

static int fail(const char *what) {
    fprintf(stderr, "round_trip: %s: %s\n", what, fw_last_error());
    return 1;
}

int main(void) {
    static unsigned char pixels[WIDTH * HEIGHT * 4];
    fw_receiver *receiver;
    fw_sender *sender;
    fw_frame *frame;
    fw_frame_info info = FW_FRAME_INFO_INIT;
    char url[40];
    info.width = WIDTH;
    info.height = HEIGHT;
    if (fw_receiver_open("tcp://127.0.0.1:0", NULL, &receiver) != FW_OK) return fail("fw_receiver_open");
    snprintf(url, sizeof url, "tcp://127.0.0.1:%u", (unsigned)fw_receiver_port(receiver));
    if (fw_sender_open(url, NULL, &sender) != FW_OK) return fail("fw_sender_open");
    for (int i = 0; i < FRAMES; i++) {
        for (size_t k = 0; k < sizeof pixels; k++) pixels[k] = (unsigned char)(k * (size_t)(i + 1) >> 3);
        if (fw_sender_push(sender, &info, pixels, sizeof pixels) != FW_OK) return fail("fw_sender_push");
        if (fw_receiver_next(receiver, 10000000000, &frame) != FW_OK) return fail("fw_receiver_next");
        if (fw_frame_size(frame) != sizeof pixels || memcmp(fw_frame_data(frame), pixels, sizeof pixels) != 0) {
            fprintf(stderr, "round_trip: frame %d differs\n", i);
            return 1;
        }
        fw_frame_unref(frame);
    }
    fw_sender_close(sender);
    fw_receiver_close(receiver);
    printf("%d frames came back as they were, framewire %s\n", (int)FRAMES, fw_version_string());
    return 0;
}
