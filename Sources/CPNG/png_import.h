/*
 * libpng for Swift. libpng reports errors by longjmp, which must not cross a Swift frame, so each function here sets its own
 * landing place and returns 0 with a text instead.
 */
#ifndef FRAMEWIRE_CPNG_H
#define FRAMEWIRE_CPNG_H

#include <png.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define FWPNG_MESSAGE_SIZE 128

static inline void fwpng_on_error(png_structp png, png_const_charp text) {
    char *message = (char *)png_get_error_ptr(png);
    strncpy(message, text, FWPNG_MESSAGE_SIZE - 1);
    message[FWPNG_MESSAGE_SIZE - 1] = 0;
    png_longjmp(png, 1);
}

static inline void fwpng_on_warning(png_structp png, png_const_charp text) {
    (void)png;
    (void)text;
}

/* ---- Reading ----------------------------------------------------------------------------------------------------- */

typedef struct fwpng_reader {
    png_structp png;
    png_infop info;
    const uint8_t *bytes;
    size_t size;
    size_t used;
    uint32_t width;
    uint32_t height;
    uint32_t channels; /* 1 grey, 3 RGB, 4 RGBA, as fwpng_reader_rows will give them */
    uint32_t bits;     /* 8, or 16 little-endian */
    size_t row_bytes;
    char message[FWPNG_MESSAGE_SIZE];
} fwpng_reader;

static inline void fwpng_read_bytes(png_structp png, png_bytep destination, size_t count) {
    fwpng_reader *reader = (fwpng_reader *)png_get_io_ptr(png);
    if (count > reader->size - reader->used) {
        png_error(png, "the file is cut short");
    }
    memcpy(destination, reader->bytes + reader->used, count);
    reader->used += count;
}

static inline void fwpng_reader_free(fwpng_reader *reader) {
    if (reader != NULL) {
        png_destroy_read_struct(&reader->png, &reader->info, NULL);
        free(reader);
    }
}

/* A reader over `bytes`, which must outlive it; NULL when there is no memory. */
static inline fwpng_reader *fwpng_reader_new(const void *bytes, size_t size) {
    fwpng_reader *reader = (fwpng_reader *)calloc(1, sizeof(fwpng_reader));
    if (reader == NULL) {
        return NULL;
    }
    reader->bytes = (const uint8_t *)bytes;
    reader->size = size;
    reader->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, reader->message, fwpng_on_error, fwpng_on_warning);
    reader->info = reader->png == NULL ? NULL : png_create_info_struct(reader->png);
    if (reader->info == NULL) {
        fwpng_reader_free(reader);
        return NULL;
    }
    png_set_read_fn(reader->png, reader, fwpng_read_bytes);
    return reader;
}

/*
 * Reads everything before the pixels and chooses a form that loses nothing: grey stays grey; a palette, less than 8 bits and grey
 * with alpha are expanded; RGB of 16 bits gets an alpha of 65535. No gamma is applied. 1, or 0 with `message` set.
 */
static inline int fwpng_reader_header(fwpng_reader *reader, uint32_t maximum_side) {
    png_structp png = reader->png;
    if (setjmp(png_jmpbuf(png))) {
        return 0;
    }
    png_set_user_limits(png, maximum_side, maximum_side);
    png_read_info(png, reader->info);
    int color = png_get_color_type(png, reader->info);
    int bits = png_get_bit_depth(png, reader->info);
    int has_key = png_get_valid(png, reader->info, PNG_INFO_tRNS) != 0;
    png_set_expand(png);
    if (bits == 16) {
        png_set_swap(png);
        if (color == PNG_COLOR_TYPE_RGB && !has_key) {
            png_set_add_alpha(png, 0xFFFF, PNG_FILLER_AFTER);
        }
    }
    if (color == PNG_COLOR_TYPE_GRAY_ALPHA || (color == PNG_COLOR_TYPE_GRAY && has_key)) {
        png_set_gray_to_rgb(png);
    }
    png_set_interlace_handling(png);
    png_read_update_info(png, reader->info);
    reader->width = png_get_image_width(png, reader->info);
    reader->height = png_get_image_height(png, reader->info);
    reader->channels = png_get_channels(png, reader->info);
    reader->bits = png_get_bit_depth(png, reader->info);
    reader->row_bytes = png_get_rowbytes(png, reader->info);
    return 1;
}

/* Reads height rows of row_bytes to `pixels`, packed and top-down, then the rest of the file. 1, or 0 with `message` set. */
static inline int fwpng_reader_rows(fwpng_reader *reader, uint8_t *pixels) {
    png_structp png = reader->png;
    png_bytep *rows = (png_bytep *)malloc(sizeof(png_bytep) * reader->height);
    if (rows == NULL) {
        strcpy(reader->message, "no memory for the table of rows");
        return 0;
    }
    if (setjmp(png_jmpbuf(png))) {
        free(rows);
        return 0;
    }
    for (uint32_t y = 0; y < reader->height; y++) {
        rows[y] = pixels + reader->row_bytes * y;
    }
    png_read_image(png, rows);
    png_read_end(png, NULL);
    free(rows);
    return 1;
}

/* ---- Writing ----------------------------------------------------------------------------------------------------- */

/* A finished PNG file. Zeroed at first; may be used again and again, so that its memory is kept; freed with fwpng_output_free. */
typedef struct fwpng_output {
    uint8_t *bytes;
    size_t size;
    size_t capacity;
    char message[FWPNG_MESSAGE_SIZE];
} fwpng_output;

/* The pixels to write. */
typedef struct fwpng_source {
    const uint8_t *top; /* the first byte of the top row */
    ptrdiff_t stride;   /* bytes from a row to the one below it; negative where rows are bottom-up */
    uint32_t width;
    uint32_t height;
    int color_type;     /* PNG_COLOR_TYPE_GRAY, _RGB or _RGB_ALPHA */
    int bits;           /* 8, or 16 little-endian */
    int is_bgr;         /* blue comes first */
    int has_filler;     /* RGB is followed by an unused byte, which is left out */
} fwpng_source;

static inline void fwpng_write_bytes(png_structp png, png_bytep bytes, size_t count) {
    fwpng_output *output = (fwpng_output *)png_get_io_ptr(png);
    if (count > output->capacity - output->size) {
        size_t capacity = output->capacity < 65536 ? 65536 : output->capacity;
        while (capacity - output->size < count) {
            if (capacity > SIZE_MAX / 2) {
                png_error(png, "the file is too large");
            }
            capacity *= 2;
        }
        uint8_t *larger = (uint8_t *)realloc(output->bytes, capacity);
        if (larger == NULL) {
            png_error(png, "no memory for the file");
        }
        output->bytes = larger;
        output->capacity = capacity;
    }
    memcpy(output->bytes + output->size, bytes, count);
    output->size += count;
}

static inline void fwpng_flush(png_structp png) { (void)png; }

static inline void fwpng_output_free(fwpng_output *output) {
    free(output->bytes);
    memset(output, 0, sizeof *output);
}

/* Replaces what `output` holds by a PNG file of `source`. 1, or 0 with `message` set. */
static inline int fwpng_write(fwpng_output *output, const fwpng_source *source) {
    output->size = 0;
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, output->message, fwpng_on_error, fwpng_on_warning);
    png_infop info = png == NULL ? NULL : png_create_info_struct(png);
    if (info == NULL) {
        png_destroy_write_struct(&png, NULL);
        strcpy(output->message, "no memory for libpng");
        return 0;
    }
    if (setjmp(png_jmpbuf(png))) {
        png_destroy_write_struct(&png, &info);
        return 0;
    }
    png_set_write_fn(png, output, fwpng_write_bytes, fwpng_flush);
    png_set_user_limits(png, 0x7FFFFFFF, 0x7FFFFFFF);
    png_set_IHDR(png, info, source->width, source->height, source->bits, source->color_type, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    /* Series are written while frames arrive: a low level and one filter are several times as fast for a few per cent of size. */
    png_set_compression_level(png, 2);
    png_set_filter(png, PNG_FILTER_TYPE_BASE, PNG_FILTER_SUB);
    png_write_info(png, info);
    if (source->bits == 16) {
        png_set_swap(png);
    }
    if (source->has_filler) {
        png_set_filler(png, 0, PNG_FILLER_AFTER);
    }
    if (source->is_bgr) {
        png_set_bgr(png);
    }
    for (uint32_t y = 0; y < source->height; y++) {
        png_write_row(png, source->top + source->stride * (ptrdiff_t)y);
    }
    png_write_end(png, NULL);
    png_destroy_write_struct(&png, &info);
    return 1;
}

#endif
