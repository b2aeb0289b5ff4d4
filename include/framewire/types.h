/*
 * Framewire: status codes, pixel formats, the description of a frame, the log.
 *
 * Conventions that hold in every header:
 *
 *  - Handles are opaque. NULL handles and bad arguments give an error status, never a crash; every `..._free`,
 *    `..._close` and `..._unref` accepts NULL and does nothing.
 *  - A function that can fail returns fw_status: FW_OK (0), or a negative code. fw_last_error() then gives the calling
 *    thread's reason as one sentence. Out parameters are set to NULL, or left alone where that is said, on failure.
 *  - Structs that callers fill begin with `uint32_t struct_size`. Start from the FW_..._INIT macro, which sets it and
 *    the defaults; then programs built against an older or a newer header keep working.
 *  - Sizes and strides are bytes, times are nanoseconds (int64_t), sizes of pictures are pixels.
 *  - No callback runs while the library holds a lock, so a callback may call the library.
 *  - The library installs no signal handler, raises no SIGPIPE and writes nothing to standard output.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef FRAMEWIRE_TYPES_H
#define FRAMEWIRE_TYPES_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a call came to. 0 is success, every error is negative. */
typedef enum fw_status {
    FW_OK = 0,
    FW_ERROR_INVALID_ARGUMENT = -1, /* an argument is NULL, out of its domain, or does not fit the others */
    FW_ERROR_NO_MEMORY = -2,        /* an allocation failed */
    FW_ERROR_WOULD_BLOCK = -3,      /* the call would have to wait, and was asked not to */
    FW_ERROR_TIMEOUT = -4,          /* the time that was allowed ran out */
    FW_ERROR_CLOSED = -5,           /* the stream has ended, or the other side has gone */
    FW_ERROR_FLUSHING = -6,         /* the object is being shut down */
    FW_ERROR_NOT_WRITABLE = -7,     /* the object is shared or read-only */
    FW_ERROR_OUT_OF_RANGE = -8,     /* an offset, size or index reaches past the end */
    FW_ERROR_PROTOCOL = -9,         /* the bytes are not a Framewire stream, or of a version this library cannot read */
    FW_ERROR_CORRUPT = -10,         /* a checksum or a compressed block is wrong */
    FW_ERROR_TOO_LARGE = -11,       /* a limit is exceeded; the sentence names the limit */
    FW_ERROR_UNSUPPORTED = -12,     /* a format, profile or feature that this build does not have */
    FW_ERROR_CONNECTION = -13,      /* connecting, sending or receiving failed */
    FW_ERROR_ADDRESS = -14,         /* a URL that does not parse, an unknown host, an address in use */
    FW_ERROR_PERMISSION = -15,      /* the system refused access */
    FW_ERROR_IO = -16,              /* reading or writing a file failed, for example because the disk is full */
    FW_ERROR_GL = -17               /* OpenGL reported an error or lacks what is needed */
} fw_status;

/* The name of a status, for example "FW_ERROR_TIMEOUT". Static storage. Any thread, never NULL. */
const char *fw_status_string(fw_status status);

/*
 * The reason of the calling thread's last failed call, as one sentence that names the argument, address or
 * limit and says what to do. "" when no call of this thread has failed. The text belongs to the thread and
 * stays as it is until the thread's next failed call. Never NULL.
 */
const char *fw_last_error(void);

/*
 * How the bytes of a pixel follow each other in memory. The numbers are those of the wire format and never
 * change. Multi-byte components are little-endian.
 */
typedef enum fw_pixel_format {
    FW_PIXEL_FORMAT_RGBA8 = 1,      /*  4 bytes: R G B A          GL_RGBA, GL_UNSIGNED_BYTE */
    FW_PIXEL_FORMAT_BGRA8 = 2,      /*  4 bytes: B G R A          GL_BGRA, GL_UNSIGNED_BYTE */
    FW_PIXEL_FORMAT_RGBX8 = 3,      /*  4 bytes: R G B, 1 unused (carried as it is) */
    FW_PIXEL_FORMAT_BGRX8 = 4,      /*  4 bytes: B G R, 1 unused (carried as it is) */
    FW_PIXEL_FORMAT_RGB8 = 5,       /*  3 bytes: R G B            GL_RGB, GL_UNSIGNED_BYTE, GL_PACK_ALIGNMENT 1 */
    FW_PIXEL_FORMAT_BGR8 = 6,       /*  3 bytes: B G R */
    FW_PIXEL_FORMAT_R8 = 7,         /*  1 byte:  red or grey */
    FW_PIXEL_FORMAT_RG8 = 8,        /*  2 bytes: R G */
    FW_PIXEL_FORMAT_RGB10A2 = 9,    /*  4 bytes: R in bits 0-9, G 10-19, B 20-29, A 30-31; GL_UNSIGNED_INT_2_10_10_10_REV */
    FW_PIXEL_FORMAT_RGBA16 = 10,    /*  8 bytes: 16-bit unsigned integers */
    FW_PIXEL_FORMAT_RGBA16F = 11,   /*  8 bytes: IEEE half floats; GL_HALF_FLOAT */
    FW_PIXEL_FORMAT_RGBA32F = 12,   /* 16 bytes: IEEE floats; GL_FLOAT */
    FW_PIXEL_FORMAT_R16 = 13,       /*  2 bytes: 16-bit unsigned integer */
    FW_PIXEL_FORMAT_R16F = 14,      /*  2 bytes: IEEE half float */
    FW_PIXEL_FORMAT_R32F = 15,      /*  4 bytes: IEEE float */
    FW_PIXEL_FORMAT_DEPTH16 = 16,   /*  2 bytes: GL_DEPTH_COMPONENT, GL_UNSIGNED_SHORT */
    FW_PIXEL_FORMAT_DEPTH24S8 = 17, /*  4 bytes: GL_DEPTH_STENCIL, GL_UNSIGNED_INT_24_8 */
    FW_PIXEL_FORMAT_DEPTH32F = 18,  /*  4 bytes: GL_DEPTH_COMPONENT, GL_FLOAT */
    FW_PIXEL_FORMAT_NV12 = 19,      /* 12 bits:  plane Y, then plane of U V pairs at half width and half height */
    FW_PIXEL_FORMAT_I420 = 20       /* 12 bits:  planes Y, U, V; U and V at half width and half height */
} fw_pixel_format;

/*
 * The lower-case name of a format, for example "rgba8"; NULL for an unknown value. Static storage. Any
 * thread.
 */
const char *fw_pixel_format_name(fw_pixel_format format);

/* Which row of the picture is first in memory. glReadPixels gives FW_ROW_ORDER_BOTTOM_UP. */
typedef enum fw_row_order {
    FW_ROW_ORDER_TOP_DOWN = 0,
    FW_ROW_ORDER_BOTTOM_UP = 1
} fw_row_order;

/* "No time given." */
#define FW_TIME_NONE INT64_MIN

/* A colour code point of ITU-T H.273 that says "unspecified". */
#define FW_COLOR_UNSPECIFIED 2

typedef enum fw_color_range {
    FW_COLOR_RANGE_UNSPECIFIED = 0,
    FW_COLOR_RANGE_FULL = 1,  /* 0-255 for 8 bits */
    FW_COLOR_RANGE_LIMITED = 2 /* 16-235 for 8 bits */
} fw_color_range;

/* Bits of fw_frame_info.flags. */
typedef enum fw_frame_flags {
    FW_FRAME_FLAG_NONE = 0,
    FW_FRAME_FLAG_DISCONT = 1 << 0, /* the source's time line jumps before this frame */
    FW_FRAME_FLAG_KEY = 1 << 1      /* given to a sender: code the frame without reference to another; set by the library
                                       on received frames that are coded so */
} fw_frame_flags;

/*
 * Describes the pixels of one frame: start from FW_FRAME_INFO_INIT, then set width and height at least.
 *
 * Planar formats: the planes follow each other without gaps. For NV12 both planes have rows of `stride`
 * bytes, but for a packed picture of odd width, whose rows of U V pairs have one byte more; for I420 the rows
 * of U and V have (stride + 1) / 2 bytes. Half sizes round up. FW_ROW_ORDER_BOTTOM_UP turns each plane over by
 * itself.
 */
typedef struct fw_frame_info {
    uint32_t struct_size;       /* sizeof(fw_frame_info) */
    uint32_t width;             /* pixels, 1 to 65535 */
    uint32_t height;            /* pixels, 1 to 65535 */
    fw_pixel_format format;     /* default FW_PIXEL_FORMAT_RGBA8 */
    fw_row_order row_order;     /* default FW_ROW_ORDER_TOP_DOWN */
    uint32_t stride;            /* bytes from one row to the next in memory; 0 = tightly packed */
    int64_t pts_ns;             /* presentation time, or FW_TIME_NONE (default) */
    int64_t duration_ns;        /* or FW_TIME_NONE (default) */
    uint8_t color_primaries;    /* ITU-T H.273 code points; default FW_COLOR_UNSPECIFIED */
    uint8_t color_transfer;
    uint8_t color_matrix;
    uint8_t color_range;        /* fw_color_range */
    uint32_t stream_id;         /* tells streams over one connection apart; default 0 */
    uint32_t view_id;           /* for example 0 = left eye, 1 = right eye; default 0 */
    uint32_t flags;             /* fw_frame_flags */
    uint64_t sequence;          /* set by the library: counts the frames of a stream from 0; ignored on sending */
} fw_frame_info;

#define FW_FRAME_INFO_INIT \
    { \
        (uint32_t)sizeof(fw_frame_info), 0, 0, FW_PIXEL_FORMAT_RGBA8, FW_ROW_ORDER_TOP_DOWN, 0, FW_TIME_NONE, \
            FW_TIME_NONE, FW_COLOR_UNSPECIFIED, FW_COLOR_UNSPECIFIED, FW_COLOR_UNSPECIFIED, \
            FW_COLOR_RANGE_UNSPECIFIED, 0, 0, 0, 0 \
    }

/*
 * The number of bytes from the first to the last byte of a frame: stride times rows, with the last row of the
 * last plane counted without the padding behind it. `*size` is set on success only.
 *
 * Errors: INVALID_ARGUMENT (NULL, zero or too large sizes, unknown format, stride below a row's bytes).
 * Any thread.
 */
fw_status fw_frame_info_size(const fw_frame_info *info, size_t *size);

/*
 * XXH3-64 over the picture as it travels: rows top-down, no padding, planes one after another. It does not
 * depend on row order or stride, so that a sender and a receiver can compare what they hold; `xxhsum -H3`
 * gives the same for the packed file.
 *
 * Errors: INVALID_ARGUMENT (NULL, bad info), OUT_OF_RANGE (`size` is less than fw_frame_info_size). Any
 * thread.
 */
fw_status fw_frame_info_checksum(const fw_frame_info *info, const void *pixels, size_t size, uint64_t *checksum);

/*
 * Called once when the library no longer needs what it was lent; the thread is said where the callback is
 * given.
 */
typedef void (*fw_release_fn)(void *user);

typedef enum fw_log_level {
    FW_LOG_ERROR = 1,
    FW_LOG_WARNING = 2,
    FW_LOG_INFO = 3,
    FW_LOG_DEBUG = 4
} fw_log_level;

/* `message` is one sentence without a line feed; it is valid during the call only. */
typedef void (*fw_log_fn)(fw_log_level level, const char *message, void *user);

/*
 * Sends the library's messages of `max_level` and below to `callback`, which must be callable from any
 * thread, also from several at once. NULL brings back the default, whatever `max_level` is: warnings and
 * errors go to standard error. After the call returns, other threads may still be inside the old callback. Any thread.
 */
void fw_set_log(fw_log_fn callback, fw_log_level max_level, void *user);

#ifdef __cplusplus
}
#endif

#endif /* FRAMEWIRE_TYPES_H */
