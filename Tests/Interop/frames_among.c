/*
 * Says whether a file of frames holds only whole frames of another, in their order: what a sender that may
 * drop must deliver.
 *
 *   frames_among FRAME_BYTES SENT RECEIVED
 *
 * Prints `frames N of M, last I`: N whole frames received, M sent, I the number of the last one received.
 * Exits with 1 and a sentence when a received frame is none of those sent behind the one before it.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* 1 when there was a whole frame, 0 at the end, -1 when a part of a frame is left. */
static int read_frame(FILE *file, unsigned char *frame, size_t size) {
    size_t count = fread(frame, 1, size, file);
    return count == size ? 1 : count == 0 ? 0 : -1;
}

int main(int count, char **arguments) {
    if (count != 4) {
        fprintf(stderr, "usage: frames_among FRAME_BYTES SENT RECEIVED\n");
        return 2;
    }
    size_t size = strtoul(arguments[1], NULL, 10);
    FILE *sent = fopen(arguments[2], "rb"), *received = fopen(arguments[3], "rb");
    unsigned char *one = malloc(size), *other = malloc(size);
    if (!size || !sent || !received || !one || !other) {
        perror("frames_among");
        return 2;
    }
    long frames = 0, place = -1, total = 0;
    int state;
    while ((state = read_frame(received, one, size)) == 1) {
        int found = 0;
        while (!found && read_frame(sent, other, size) == 1) {
            total++;
            found = memcmp(one, other, size) == 0;
        }
        if (!found) {
            fprintf(stderr, "received frame %ld is none of those sent behind frame %ld\n", frames, place);
            return 1;
        }
        place = total - 1;
        frames++;
    }
    if (state < 0) {
        fprintf(stderr, "behind %ld frames there is a part of one\n", frames);
        return 1;
    }
    while (read_frame(sent, other, size) == 1) total++;
    printf("frames %ld of %ld, last %ld\n", frames, total, place);
    fclose(sent);
    fclose(received);
    free(one);
    free(other);
    return 0;
}
