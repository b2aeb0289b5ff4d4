/*
 * A program that CMake builds: one picture of a gradient into a recording.
 *
 *   ./renderer file:///tmp/gradient.fwr && framewire inspect file:///tmp/gradient.fwr
 *
 * SPDX-License-Identifier: MIT
 */
#include <framewire/framewire.h>
#include <stdio.h>

enum { WIDTH = 256, HEIGHT = 256 };

int main(int count, char **arguments) {
    fw_sender *sender = NULL;
    fw_frame *frame = NULL;
    fw_frame_info info = FW_FRAME_INFO_INIT;
    info.width = WIDTH;
    info.height = HEIGHT;

    fw_status status = fw_sender_open(count > 1 ? arguments[1] : "file:///tmp/gradient.fwr", NULL, &sender);
    if (status == FW_OK) status = fw_sender_acquire(sender, &info, &frame);
    if (status == FW_OK) {
        unsigned char *p = fw_frame_data(frame);
        for (int y = 0; y < HEIGHT; y++)
            for (int x = 0; x < WIDTH; x++, p += 4) p[0] = (unsigned char)x, p[1] = (unsigned char)y, p[2] = 128, p[3] = 255;
        status = fw_sender_submit(sender, frame);
    }
    if (status != FW_OK) fprintf(stderr, "renderer: %s\n", fw_last_error());
    fw_sender_close(sender);
    return status == FW_OK ? 0 : 1;
}
