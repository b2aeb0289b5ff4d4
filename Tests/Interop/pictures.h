/*
 * Moving pictures that are computed, so that a test needs no files and every run sends the same bytes.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PICTURES_H
#define PICTURES_H

#include <framewire/framewire.h>

typedef enum picture_kind {
    PICTURE_SMOOTH, /* slow ramps and a disc that wanders */
    PICTURE_NOISE,  /* nothing that a compressor could find */
    PICTURE_TEXT,   /* lines of small characters on a plain ground, scrolling */
    PICTURE_MIXED   /* a third of each */
} picture_kind;

/* 0, or -1 for an unknown name. */
int picture_kind_named(const char *name, picture_kind *kind);

/* Of the formats that can be drawn; 0 for any other name. */
fw_pixel_format picture_format_named(const char *name);

/* One plane of a picture: rows of bytes without padding. */
typedef struct picture_plane {
    size_t row_bytes;
    size_t rows;
} picture_plane;

/* The planes of a format that can be drawn, at most three; returns how many. */
int picture_planes(fw_pixel_format format, uint32_t width, uint32_t height, picture_plane planes[3]);

/* The bytes of one picture: rows top-down, no padding, planes one after another. */
size_t picture_size(fw_pixel_format format, uint32_t width, uint32_t height);

/* Draws picture number `index` to `bytes`, which has room for picture_size. */
void picture_draw(picture_kind kind, fw_pixel_format format, uint32_t width, uint32_t height, uint32_t index,
                  unsigned char *bytes);

/*
 * Copies a drawn picture to where a source with another layout would have it: `stride` bytes from row to row
 * of the first plane, the last row first if `bottom_up`. What lies between the rows is filled with a pattern
 * that no test expects to see again. Returns the number of bytes from the first to the last byte written.
 */
size_t picture_lay_out(fw_pixel_format format, uint32_t width, uint32_t height, uint32_t stride, int bottom_up,
                       const unsigned char *packed, unsigned char *destination);

/* The bytes that picture_lay_out needs at its destination. */
size_t picture_laid_out_size(fw_pixel_format format, uint32_t width, uint32_t height, uint32_t stride);

#endif
