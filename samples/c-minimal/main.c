/*
 * The smallest program that sends frames: a colour that slowly changes, 60 times a second.
 *
 *   framewire receive tcp://:3000 --output %05d.png        on the one side
 *   ./c-minimal tcp://127.0.0.1:3000                       on the other
 *
 * SPDX-License-Identifier: MIT
 */
#define _POSIX_C_SOURCE 200809L

#include <framewire/framewire.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { WIDTH = 640, HEIGHT = 360 };

static unsigned char pixels[WIDTH * HEIGHT * 4];

int main(int count, char **arguments) {
    fw_sender *sender;
    fw_frame_info info = FW_FRAME_INFO_INIT;
    info.width = WIDTH;
    info.height = HEIGHT;

    fw_status status = fw_sender_open(count > 1 ? arguments[1] : "tcp://127.0.0.1:3000", NULL, &sender);
    for (int i = 0; status == FW_OK && i < 300; i++) {
        memset(pixels, i, sizeof pixels);
        status = fw_sender_push(sender, &info, pixels, sizeof pixels);
        nanosleep(&(struct timespec){ 0, 16666667 }, NULL);
    }
    if (status != FW_OK) fprintf(stderr, "c-minimal: %s\n", fw_last_error());
    fw_sender_close(sender);
    return status == FW_OK ? 0 : 1;
}
