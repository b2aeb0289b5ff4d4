/*
 * Receives frames with the C interface and writes them to a file, packed one after another.
 *
 *   frame_sink URL FILE [--once] [--frames N] [--timeout S] [--port-file FILE]
 *
 * Ends with the stream, after N frames, or when no frame comes for S seconds (20). Prints numbers at the end,
 * one `name value` on each line. Exits with 0 when the stream ended in good order or N frames came, else with
 * 1 and the library's sentence.
 *
 * SPDX-License-Identifier: MIT
 */
#include <framewire/framewire.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int fail(const char *what, fw_status status) {
    fprintf(stderr, "frame_sink: %s: %s: %s\n", what, fw_status_string(status), fw_last_error());
    return 1;
}

int main(int count, char **arguments) {
    fw_receiver_options options = FW_RECEIVER_OPTIONS_INIT;
    const char *port_file = NULL;
    unsigned long frames = 0, written = 0;
    int64_t timeout = 20;
    if (count < 3) {
        fprintf(stderr, "usage: frame_sink URL FILE [--once] [--frames N] [--timeout S] [--port-file FILE]\n");
        return 2;
    }
    for (int i = 3; i < count; i++) {
        const char *value = i + 1 < count ? arguments[i + 1] : "";
        if (!strcmp(arguments[i], "--once")) {
            options.once = 1;
            continue;
        }
        if (!strcmp(arguments[i], "--frames")) frames = strtoul(value, NULL, 10);
        else if (!strcmp(arguments[i], "--timeout")) timeout = strtol(value, NULL, 10);
        else if (!strcmp(arguments[i], "--port-file")) port_file = value;
        else {
            fprintf(stderr, "frame_sink: unknown option %s\n", arguments[i]);
            return 2;
        }
        i++;
    }
    fw_receiver *receiver;
    fw_status status = fw_receiver_open(arguments[1], &options, &receiver);
    if (status != FW_OK) return fail("fw_receiver_open", status);
    FILE *file = fopen(arguments[2], "wb");
    FILE *port = port_file ? fopen(port_file, "w") : NULL;
    if (!file || (port_file && !port)) {
        perror("frame_sink");
        return 1;
    }
    if (port) {
        fprintf(port, "%u\n", (unsigned)fw_receiver_port(receiver));
        fclose(port);
    }
    fw_frame *frame;
    while ((frames == 0 || written < frames) &&
           (status = fw_receiver_next(receiver, timeout * 1000000000, &frame)) == FW_OK) {
        size_t size = fw_frame_size(frame);
        if (fwrite(fw_frame_data(frame), 1, size, file) != size) {
            perror("frame_sink");
            return 1;
        }
        fw_frame_unref(frame);
        written++;
    }
    int result = status == FW_OK || status == FW_ERROR_CLOSED ? 0 : fail("fw_receiver_next", status);
    if (fclose(file) != 0) {
        perror("frame_sink");
        return 1;
    }
    fw_receiver_stats stats = FW_RECEIVER_STATS_INIT;
    if (fw_receiver_get_stats(receiver, &stats) == FW_OK) {
        printf("frames %lu\nerrors %llu\nconnections %llu\nverified %llu\n", written, (unsigned long long)stats.errors,
               (unsigned long long)stats.connections, (unsigned long long)stats.checksums_verified);
    }
    fw_receiver_close(receiver);
    return result;
}
