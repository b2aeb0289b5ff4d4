/* The example of buffers in README.md, which quotes what stands between the two marks. */
#include "check.h"

#include <string.h>

/* README begin */
/* A packet of `size` bytes of a picture: 12 bytes of its own, then the pixels, which are shared and not copied. */
fw_buffer *make_packet(fw_buffer *picture, size_t offset, size_t size, const void *header) {
    fw_buffer *packet = NULL;
    if (fw_buffer_new_allocate(12, NULL, &packet) == FW_OK &&
        fw_buffer_fill(packet, 0, header, 12, NULL) == FW_OK &&
        fw_buffer_copy_into(packet, picture, FW_BUFFER_COPY_MEMORY, offset, size) == FW_OK) {
        return packet; /* two memories; one map or fw_buffer_extract presents them as one */
    }
    fprintf(stderr, "no packet: %s\n", fw_last_error());
    fw_buffer_unref(packet);
    return NULL;
}
/* README end */

int main(void) {
    unsigned char pixels[3000], found[1412];
    fw_buffer *picture = NULL, *packet;
    size_t i;
    for (i = 0; i < sizeof pixels; i++) pixels[i] = (unsigned char)(i * 7);
    CHECK(fw_buffer_new_wrapped(pixels, sizeof pixels, 0, sizeof pixels, 0, NULL, NULL, &picture) == FW_OK);
    packet = make_packet(picture, 1400, 1400, "header bytes");
    CHECK(packet != NULL && fw_buffer_memory_count(packet) == 2);
    CHECK(!fw_buffer_is_all_memory_writable(picture));
    CHECK(fw_buffer_extract(packet, 0, found, sizeof found) == sizeof found);
    CHECK(memcmp(found, "header bytes", 12) == 0 && memcmp(found + 12, pixels + 1400, 1400) == 0);
    fw_buffer_unref(packet);
    CHECK(fw_buffer_is_all_memory_writable(picture));
    CHECK(make_packet(picture, 2000, 1400, "header bytes") == NULL);
    fw_buffer_unref(picture);
    printf("readme_example_test: ok\n");
    return 0;
}
