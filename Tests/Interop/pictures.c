/* SPDX-License-Identifier: MIT */
#include "pictures.h"

#include <string.h>

typedef struct color {
    unsigned char r, g, b, a;
} color;

static const char *const kind_names[] = { "smooth", "noise", "text", "mixed" };

int picture_kind_named(const char *name, picture_kind *kind) {
    for (int i = 0; i < 4; i++) {
        if (strcmp(name, kind_names[i]) != 0) continue;
        *kind = (picture_kind)i;
        return 0;
    }
    return -1;
}

fw_pixel_format picture_format_named(const char *name) {
    static const fw_pixel_format formats[] = {
        FW_PIXEL_FORMAT_RGBA8, FW_PIXEL_FORMAT_BGRA8, FW_PIXEL_FORMAT_RGB8, FW_PIXEL_FORMAT_BGR8,
        FW_PIXEL_FORMAT_R8,    FW_PIXEL_FORMAT_RGBA16, FW_PIXEL_FORMAT_NV12, FW_PIXEL_FORMAT_I420,
    };
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        if (strcmp(name, fw_pixel_format_name(formats[i])) == 0) return formats[i];
    }
    return (fw_pixel_format)0;
}

int picture_planes(fw_pixel_format format, uint32_t width, uint32_t height, picture_plane planes[3]) {
    size_t w = width, h = height, half_w = (w + 1) / 2, half_h = (h + 1) / 2;
    size_t pixel_bytes = 4;
    switch (format) {
    case FW_PIXEL_FORMAT_NV12:
        planes[0] = (picture_plane){ w, h };
        planes[1] = (picture_plane){ 2 * half_w, half_h };
        return 2;
    case FW_PIXEL_FORMAT_I420:
        planes[0] = (picture_plane){ w, h };
        planes[1] = planes[2] = (picture_plane){ half_w, half_h };
        return 3;
    case FW_PIXEL_FORMAT_RGB8:
    case FW_PIXEL_FORMAT_BGR8: pixel_bytes = 3; break;
    case FW_PIXEL_FORMAT_R8: pixel_bytes = 1; break;
    case FW_PIXEL_FORMAT_RGBA16: pixel_bytes = 8; break;
    default: break;
    }
    planes[0] = (picture_plane){ pixel_bytes * w, h };
    return 1;
}

size_t picture_size(fw_pixel_format format, uint32_t width, uint32_t height) {
    picture_plane planes[3];
    int count = picture_planes(format, width, height, planes);
    size_t size = 0;
    for (int i = 0; i < count; i++) size += planes[i].row_bytes * planes[i].rows;
    return size;
}

/* A number that looks random but depends on its arguments only. */
static uint32_t scramble(uint32_t x, uint32_t y, uint32_t z) {
    uint32_t h = x * 0x9E3779B1u ^ y * 0x85EBCA77u ^ z * 0xC2B2AE3Du;
    h = (h ^ (h >> 15)) * 0x2C1B3C6Du;
    h = (h ^ (h >> 12)) * 0x297A2D39u;
    return h ^ (h >> 15);
}

static color smooth(uint32_t x, uint32_t y, uint32_t index, uint32_t width, uint32_t height) {
    color c = { (unsigned char)(x * 200 / width + index), (unsigned char)(y * 220 / height),
                (unsigned char)((x + y) / 8 + 3 * index), 255 };
    int64_t dx = (int64_t)x - (int64_t)((width / 4 + 5 * (uint64_t)index) % width);
    int64_t dy = (int64_t)y - (int64_t)((height / 3 + 3 * (uint64_t)index) % height);
    int64_t radius = height / 6 + 1;
    if (dx * dx + dy * dy < radius * radius) {
        c.r = 250;
        c.g = (unsigned char)(255 * (dx * dx + dy * dy) / (radius * radius));
        c.a = 128;
    }
    return c;
}

static color noise(uint32_t x, uint32_t y, uint32_t index) {
    uint32_t h = scramble(x, y, index);
    return (color){ (unsigned char)h, (unsigned char)(h >> 8), (unsigned char)(h >> 16), (unsigned char)(h >> 24) };
}

static color text(uint32_t x, uint32_t y, uint32_t index) {
    const color ground = { 24, 26, 30, 255 };
    uint32_t line = y + 2 * index;
    uint32_t character = scramble(x / 8, line / 16, 7) % 64;
    /* Characters 0 to 15 are blanks; the others have a shape each, one bit a pixel. */
    if (character < 16 || x % 8 > 5 || line % 16 < 3 || line % 16 > 12) return ground;
    if (!((scramble(character, line % 16 / 2, 11) >> (x % 8)) & 1)) return ground;
    return (line / 16) % 5 == 0 ? (color){ 240, 180, 60, 255 } : (color){ 220, 220, 220, 255 };
}

static color color_at(picture_kind kind, uint32_t x, uint32_t y, uint32_t index, uint32_t width, uint32_t height) {
    if (kind == PICTURE_MIXED) kind = (picture_kind)(3 * (uint64_t)y / height);
    switch (kind) {
    case PICTURE_NOISE: return noise(x, y, index);
    case PICTURE_TEXT: return text(x, y, index);
    default: return smooth(x, y, index, width, height);
    }
}

/* The bytes of one pixel of a format with one plane; returns how many. */
static size_t put_pixel(fw_pixel_format format, color c, unsigned char *to) {
    unsigned char components[4] = { c.r, c.g, c.b, c.a };
    switch (format) {
    case FW_PIXEL_FORMAT_BGRA8: to[0] = c.b, to[1] = c.g, to[2] = c.r, to[3] = c.a; return 4;
    case FW_PIXEL_FORMAT_RGB8: memcpy(to, components, 3); return 3;
    case FW_PIXEL_FORMAT_BGR8: to[0] = c.b, to[1] = c.g, to[2] = c.r; return 3;
    case FW_PIXEL_FORMAT_R8: to[0] = c.g; return 1;
    case FW_PIXEL_FORMAT_RGBA16:
        for (int i = 0; i < 4; i++) {
            to[2 * i] = (unsigned char)(components[i] * 37);
            to[2 * i + 1] = components[i];
        }
        return 8;
    default: memcpy(to, components, 4); return 4;
    }
}

void picture_draw(picture_kind kind, fw_pixel_format format, uint32_t width, uint32_t height, uint32_t index,
                  unsigned char *bytes) {
    for (uint32_t y = 0; y < height; y++) {
        for (uint32_t x = 0; x < width; x++) {
            color c = color_at(kind, x, y, index, width, height);
            if (format == FW_PIXEL_FORMAT_NV12 || format == FW_PIXEL_FORMAT_I420) {
                *bytes++ = c.g;
            } else {
                bytes += put_pixel(format, c, bytes);
            }
        }
    }
    if (format != FW_PIXEL_FORMAT_NV12 && format != FW_PIXEL_FORMAT_I420) return;
    /* Chrominance: red and blue of every second pixel will do. */
    uint32_t half_width = (width + 1) / 2, half_height = (height + 1) / 2;
    for (uint32_t y = 0; y < half_height; y++) {
        for (uint32_t x = 0; x < half_width; x++) {
            color c = color_at(kind, 2 * x, 2 * y, index, width, height);
            size_t place = (size_t)y * half_width + x;
            if (format == FW_PIXEL_FORMAT_NV12) {
                bytes[2 * place] = c.b;
                bytes[2 * place + 1] = c.r;
            } else {
                bytes[place] = c.b;
                bytes[place + (size_t)half_width * half_height] = c.r;
            }
        }
    }
}

/* As types.h says: both planes of NV12 have the same stride, U and V of I420 half of it, rounded up. */
static size_t plane_stride(fw_pixel_format format, int plane, const picture_plane *planes, uint32_t stride) {
    if (stride == 0) return planes[plane].row_bytes;
    return format == FW_PIXEL_FORMAT_I420 && plane > 0 ? ((size_t)stride + 1) / 2 : stride;
}

size_t picture_laid_out_size(fw_pixel_format format, uint32_t width, uint32_t height, uint32_t stride) {
    picture_plane planes[3];
    int count = picture_planes(format, width, height, planes);
    size_t size = 0;
    for (int i = 0; i < count; i++) size += plane_stride(format, i, planes, stride) * planes[i].rows;
    return size;
}

size_t picture_lay_out(fw_pixel_format format, uint32_t width, uint32_t height, uint32_t stride, int bottom_up,
                       const unsigned char *packed, unsigned char *destination) {
    picture_plane planes[3];
    int count = picture_planes(format, width, height, planes);
    unsigned char *start = destination, *end = destination;
    for (int i = 0; i < count; i++) {
        size_t step = plane_stride(format, i, planes, stride), row_bytes = planes[i].row_bytes;
        for (size_t y = 0; y < planes[i].rows; y++) {
            const unsigned char *row = packed + row_bytes * (bottom_up ? planes[i].rows - 1 - y : y);
            /* The last row of all has no padding behind it: a source need not own that memory. */
            int is_last = i == count - 1 && y == planes[i].rows - 1;
            memcpy(destination, row, row_bytes);
            if (!is_last) memset(destination + row_bytes, 0xA5, step - row_bytes);
            end = destination + row_bytes;
            destination += step;
        }
        packed += row_bytes * planes[i].rows;
    }
    return (size_t)(end - start);
}
