/* The access units of an H.264 stream with start codes (ITU-T H.264, Annex B), as encoders write it into a file. */
#ifndef ACCESS_UNITS_H
#define ACCESS_UNITS_H

#include <stddef.h>

/*
 * The bytes of the access unit that begins at `bytes`, which has `size` bytes to the end of the stream; 0 at the end. Good for
 * streams of frames: a field is taken for an access unit of its own.
 */
size_t access_unit_size(const unsigned char *bytes, size_t size);

/* All of a file, to be freed; NULL after a message to stderr. */
unsigned char *read_stream(const char *path, size_t *size);

#endif
