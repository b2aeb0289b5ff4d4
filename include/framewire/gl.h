/*
 * Framewire: reads what OpenGL has drawn back without stopping the renderer, and gives it to a sender.
 *
 *   fw_gl_options options = FW_GL_OPTIONS_INIT;
 *   options.get_proc_address = my_get_proc_address;      // a line around eglGetProcAddress, glfwGetProcAddress, …
 *   fw_gl_readback *readback;
 *   if (fw_gl_readback_new(sender, &options, &readback) != FW_OK)
 *       fprintf(stderr, "%s\n", fw_last_error());
 *   while (draw()) {
 *       if (fw_gl_readback_capture(readback, 0, 0, 1280, 720, pts_ns) != FW_OK) break;
 *       swap_buffers();
 *   }
 *   fw_gl_readback_drain(readback);
 *   fw_gl_readback_free(readback);
 *   fw_sender_close(sender);
 *
 * A capture tells the GPU to copy the picture into one of a ring of pixel buffers and returns. A later call hands over
 * to the sender what the GPU has finished by then, and the compressor reads the mapped memory of the pixel buffer
 * itself: the processor copies no pixel. Which of these ways is taken depends on the context (fw_gl_stats.path, and one
 * message of level INFO in the log that names what is missing for a better one):
 *
 *   PERSISTENT   OpenGL 4.4 or ARB_buffer_storage, OpenGL ES 3 with EXT_buffer_storage: buffers stay mapped
 *   FENCED       OpenGL 3.2 or ARB_sync, OpenGL ES 3: a buffer is mapped when its fence has passed, and unmapped by a
 *                later call, when the compressor is done with it
 *   UNFENCED     OpenGL 2.1, or ARB_pixel_buffer_object: as FENCED, but nothing tells when the GPU is done, so a buffer
 *                is mapped two captures later; if the GPU is further behind, mapping waits for it
 *   DIRECT       no pixel buffers: glReadPixels into memory of the sender, which waits for the GPU
 *
 * Contexts: desktop OpenGL from 2.1 on, core or compatibility profile, and OpenGL ES 3. Nothing links OpenGL: every
 * function comes from get_proc_address.
 *
 * Threads: all calls for one readback are made on the thread that made it, with the same context current; other
 * threads and contexts get FW_ERROR_GL. (Which context is current is asked of EGL or GLX, if get_proc_address knows
 * eglGetCurrentContext or glXGetCurrentContext; otherwise only that one is.) The sender may be used by other threads
 * and by other readbacks at the same time.
 *
 * State: the following is used, and is as before when a call returns: the bindings GL_PIXEL_PACK_BUFFER,
 * GL_READ_FRAMEBUFFER, GL_DRAW_FRAMEBUFFER, GL_RENDERBUFFER; GL_READ_BUFFER of the framebuffer that is read;
 * GL_PACK_ALIGNMENT, _ROW_LENGTH, _SKIP_ROWS, _SKIP_PIXELS, _SWAP_BYTES, GL_PACK_INVERT_MESA and
 * GL_PACK_REVERSE_ROW_ORDER_ANGLE; GL_SCISSOR_TEST, GL_FRAMEBUFFER_SRGB and GL_CLAMP_READ_COLOR; in compatibility
 * profiles GL_MAP_COLOR, GL_MAP_STENCIL and the scales, biases, shifts and offsets of pixel transfers. Lookup tables,
 * convolution and the other filters of ARB_imaging must be off. glGetError is called, and so takes a flag that the
 * renderer left, only when something new is captured: another framebuffer, attachment, size or format. Captures do not
 * belong between glBegin and glEnd, nor into a glBeginConditionalRender.
 *
 * sRGB: the values are those that the framebuffer stores; glReadPixels converts nothing. The colour transfer of frames
 * from an sRGB-encoded attachment says so (H.273: primaries 1, transfer 13), unless the options say something else.
 *
 * Multisampled framebuffers are resolved by glBlitFramebuffer into a framebuffer of the readback that has the same
 * format; sRGB-encoded samples are averaged as light, as GL_FRAMEBUFFER_SRGB does. Of depth GL takes one sample, or
 * what else the driver does. It takes OpenGL 3.0, ARB_framebuffer_object or OpenGL ES 3.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef FRAMEWIRE_GL_H
#define FRAMEWIRE_GL_H

#include "sender.h"
#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct fw_gl_readback fw_gl_readback;

/* How pictures come back. The better, the smaller the number; 0 takes the best that there is. */
typedef enum fw_gl_path {
    FW_GL_PATH_AUTO = 0,
    FW_GL_PATH_PERSISTENT = 1,
    FW_GL_PATH_FENCED = 2,
    FW_GL_PATH_UNFENCED = 3,
    FW_GL_PATH_DIRECT = 4
} fw_gl_path;

/* What becomes of multisampled framebuffers. */
typedef enum fw_gl_resolve {
    FW_GL_RESOLVE_AUTO = 0,  /* they are resolved (default) */
    FW_GL_RESOLVE_REFUSE = 1 /* capturing one fails with FW_ERROR_UNSUPPORTED */
} fw_gl_resolve;

/* For fw_gl_options.framebuffer: whichever is bound to GL_READ_FRAMEBUFFER at the call. */
#define FW_GL_FRAMEBUFFER_BOUND UINT32_MAX

/* For fw_gl_options.format. */
#define FW_GL_FORMAT_AUTO 0

/* Any function of OpenGL. */
typedef void (*fw_gl_proc)(void);

/* Looks up an OpenGL function by its name ("glReadPixels"); NULL where there is none. */
typedef fw_gl_proc (*fw_gl_get_proc_address_fn)(const char *name, void *user);

typedef struct fw_gl_options {
    uint32_t struct_size;     /* sizeof(fw_gl_options) */
    uint32_t ring_depth;      /* pixel buffers that there may be, 2 to 32; they are made when they are needed. 0 = default,
                                 6: two that the GPU fills, and the four that a sender with default options holds */
    fw_gl_get_proc_address_fn get_proc_address; /* called during fw_gl_readback_new alone; there is no default */
    void *user;               /* for get_proc_address */
    uint32_t framebuffer;     /* name of the framebuffer object for fw_gl_readback_capture, 0 for the window's; default
                                 FW_GL_FRAMEBUFFER_BOUND */
    uint32_t attachment;      /* what to read of it: GL_COLOR_ATTACHMENT0 …, GL_BACK, GL_FRONT …, GL_DEPTH_ATTACHMENT,
                                 GL_DEPTH_STENCIL_ATTACHMENT; 0 (default): the buffer that GL_READ_BUFFER names, or the
                                 depth buffer if `format` is one of depth */
    uint32_t format;          /* an fw_pixel_format but NV12 and I420, or FW_GL_FORMAT_AUTO (default): that of the
                                 attachment; 8-bit colours in the order that GL_IMPLEMENTATION_COLOR_READ_FORMAT prefers,
                                 because any other costs a conversion */
    fw_row_order row_order;   /* which row OpenGL's row 0 is; default FW_ROW_ORDER_BOTTOM_UP. TOP_DOWN is for renderers
                                 that draw upside down. Rows are turned by the compressor, at no cost */
    fw_gl_resolve resolve;
    fw_gl_path path;          /* default FW_GL_PATH_AUTO; another is taken, or creation fails with UNSUPPORTED */
    int64_t full_timeout_ns;  /* how long a capture may wait when the ring is full: 0 (default): not at all, the new frame is
                                 dropped; negative: as long as it takes, nothing is lost */
    uint32_t stream_id;       /* of the frames */
    uint32_t view_id;
    uint8_t color_primaries;  /* ITU-T H.273 code points of the frames; default FW_COLOR_UNSPECIFIED */
    uint8_t color_transfer;
    uint8_t color_matrix;
    uint8_t color_range;      /* fw_color_range */
    uint32_t reserved;        /* 0 */
} fw_gl_options;

#define FW_GL_OPTIONS_INIT \
    { \
        (uint32_t)sizeof(fw_gl_options), 0, 0, 0, FW_GL_FRAMEBUFFER_BOUND, 0, FW_GL_FORMAT_AUTO, FW_ROW_ORDER_BOTTOM_UP, \
            FW_GL_RESOLVE_AUTO, FW_GL_PATH_AUTO, 0, 0, 0, FW_COLOR_UNSPECIFIED, FW_COLOR_UNSPECIFIED, \
            FW_COLOR_UNSPECIFIED, FW_COLOR_RANGE_UNSPECIFIED, 0 \
    }

/*
 * Makes a readback for the context that is current on this thread. It keeps what it needs of the sender, which may be
 * closed at any time; handing a frame over then fails with CLOSED. `*out` is NULL on failure.
 *
 * Errors: INVALID_ARGUMENT, GL (no current context, a function is missing), UNSUPPORTED (an older OpenGL, a path that
 * the context does not have), NO_MEMORY.
 */
fw_status fw_gl_readback_new(fw_sender *sender, const fw_gl_options *options, fw_gl_readback **out);

/*
 * Captures `width` × `height` pixels whose lower left corner is at `x`, `y`, in pixels of OpenGL's window coordinates,
 * from the framebuffer and attachment of the options. Pixels outside the framebuffer are undefined. Sizes may
 * change from call to call. `pts_ns` is the presentation time or FW_TIME_NONE.
 *
 * First hands over to the sender what has been read in the meantime. Never waits for the GPU, and for the sender only as
 * fw_sender_submit does (FW_OVERFLOW_BLOCK), but with path DIRECT, path UNFENCED when the GPU is more than two captures
 * behind, and full_timeout_ns. When the ring is full the frame is dropped, which is no error: fw_gl_stats counts it.
 *
 * Errors: INVALID_ARGUMENT, GL (wrong thread, wrong or no context, context lost, an incomplete framebuffer, a
 * missing attachment, an error of OpenGL), UNSUPPORTED (a format that OpenGL does not give from this
 * attachment), TIMEOUT (full_timeout_ns), NO_MEMORY, and those of fw_sender_submit. After an error later captures may
 * succeed again, unless the context is lost or the sender closed.
 */
fw_status fw_gl_readback_capture(fw_gl_readback *readback, int x, int y, int width, int height, int64_t pts_ns);

/*
 * As fw_gl_readback_capture, from another framebuffer (0 is the window's, FW_GL_FRAMEBUFFER_BOUND whichever is bound for
 * reading) and attachment (0: see fw_gl_options.attachment).
 */
fw_status fw_gl_readback_capture_framebuffer(fw_gl_readback *readback, uint32_t framebuffer, uint32_t attachment, int x,
                                             int y, int width, int height, int64_t pts_ns);

/*
 * Hands over to the sender what has been read by now, without waiting for the GPU. Captures do so too; a call
 * after each swap of buffers takes up to a frame's time from the latency. Errors: as fw_gl_readback_capture.
 */
fw_status fw_gl_readback_poll(fw_gl_readback *readback);

/*
 * Waits until the GPU has finished every capture, and hands them all over: at the end, or before a pause. fw_sender_flush
 * then waits until they are sent. Errors: as fw_gl_readback_capture.
 */
fw_status fw_gl_readback_drain(fw_gl_readback *readback);

/*
 * Deletes the readback with its OpenGL objects; what has not been handed over is lost. Waits at most 5 s for the
 * sender to let go of mapped memory, and not at all once the sender is closed; after that the log says that buffers stay
 * mapped, and the context must live until the sender is closed. On another thread, or without the context, the
 * OpenGL objects are left to the context. NULL is allowed.
 */
void fw_gl_readback_free(fw_gl_readback *readback);

/* Counters since the readback was made, and the present state. Times are nanoseconds, percentiles over the last 1024;
 * what has not been measured is -1. */
typedef struct fw_gl_stats {
    uint32_t struct_size;       /* sizeof(fw_gl_stats) */
    fw_gl_path path;            /* that is taken */
    uint32_t ring_depth;        /* pixel buffers that there may be */
    uint32_t ring_allocated;    /* pixel buffers that there are */
    uint32_t frames_in_flight;  /* captured, and not yet handed over */
    uint32_t frames_lent;       /* handed over, and still being read by the sender */
    uint32_t ring_peak;         /* the most of both together */
    uint32_t format;            /* fw_pixel_format of the last capture; 0 before the first */
    uint64_t frames_captured;   /* captures that were begun */
    uint64_t frames_delivered;  /* frames handed over to the sender */
    uint64_t frames_dropped;    /* captures dropped because the ring was full, or lost by an error */
    uint64_t stalls;            /* captures that found every buffer taken and the GPU behind with the oldest, or, where
                                   OpenGL tells nothing (UNFENCED, DIRECT), reads that took more than 1 ms */
    uint64_t pixel_bytes_copied; /* by the processor, between the GPU and the compressor: path DIRECT */
    int64_t capture_ns_p50;     /* time inside fw_gl_readback_capture, on the render thread */
    int64_t capture_ns_p99;
    int64_t readback_ns_p50;    /* from capture until the frame was handed over */
    int64_t readback_ns_p99;
} fw_gl_stats;

#define FW_GL_STATS_INIT \
    { \
        (uint32_t)sizeof(fw_gl_stats), FW_GL_PATH_AUTO, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -1, -1, -1, -1 \
    }

/* Fills `*stats`, whose struct_size the caller has set (FW_GL_STATS_INIT). Needs no context, but the readback's thread.
 * Errors: INVALID_ARGUMENT, GL (wrong thread). */
fw_status fw_gl_readback_get_stats(fw_gl_readback *readback, fw_gl_stats *stats);

/* "persistent", "fenced", "unfenced", "direct" or "auto"; NULL for an unknown value. Static storage. Any thread. */
const char *fw_gl_path_name(fw_gl_path path);

#ifdef __cplusplus
}
#endif

#endif /* FRAMEWIRE_GL_H */
