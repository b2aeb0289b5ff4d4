/* What arrives is what OpenGL has, bit for bit: formats, paths, rectangles, attachments, samples, sRGB. */
#include "gl_support.h"

enum { WIDTH = 61, HEIGHT = 37 };

typedef struct format_case {
    fw_pixel_format pixels;
    GLenum internal, upload_format, upload_type, read_format, read_type;
    int bytes;     /* of an uploaded pixel */
    int in_es;     /* whether OpenGL ES 3 reads it on this driver */
    int automatic; /* whether FW_GL_FORMAT_AUTO chooses it on desktop */
} format_case;

static const format_case formats[] = {
    { FW_PIXEL_FORMAT_RGBA8, GL_RGBA8, GL_RGBA, GL_UNSIGNED_BYTE, GL_RGBA, GL_UNSIGNED_BYTE, 4, 1, 0 },
    { FW_PIXEL_FORMAT_BGRA8, GL_RGBA8, GL_RGBA, GL_UNSIGNED_BYTE, GL_BGRA, GL_UNSIGNED_BYTE, 4, 1, 0 },
    { FW_PIXEL_FORMAT_RGBX8, GL_RGBA8, GL_RGBA, GL_UNSIGNED_BYTE, GL_RGBA, GL_UNSIGNED_BYTE, 4, 1, 0 },
    { FW_PIXEL_FORMAT_BGRX8, GL_RGBA8, GL_RGBA, GL_UNSIGNED_BYTE, GL_BGRA, GL_UNSIGNED_BYTE, 4, 1, 0 },
    { FW_PIXEL_FORMAT_RGB8, GL_RGBA8, GL_RGBA, GL_UNSIGNED_BYTE, GL_RGB, GL_UNSIGNED_BYTE, 4, 0, 0 },
    { FW_PIXEL_FORMAT_BGR8, GL_RGBA8, GL_RGBA, GL_UNSIGNED_BYTE, GL_BGR, GL_UNSIGNED_BYTE, 4, 0, 0 },
    { FW_PIXEL_FORMAT_R8, GL_R8, GL_RED, GL_UNSIGNED_BYTE, GL_RED, GL_UNSIGNED_BYTE, 1, 0, 1 },
    { FW_PIXEL_FORMAT_RG8, GL_RG8, GL_RG, GL_UNSIGNED_BYTE, GL_RG, GL_UNSIGNED_BYTE, 2, 0, 1 },
    { FW_PIXEL_FORMAT_RGB10A2, GL_RGB10_A2, GL_RGBA, GL_UNSIGNED_INT_2_10_10_10_REV, GL_RGBA,
      GL_UNSIGNED_INT_2_10_10_10_REV, 4, 1, 1 },
    { FW_PIXEL_FORMAT_RGBA16, GL_RGBA16, GL_RGBA, GL_UNSIGNED_SHORT, GL_RGBA, GL_UNSIGNED_SHORT, 8, 0, 1 },
    { FW_PIXEL_FORMAT_RGBA16F, GL_RGBA16F, GL_RGBA, GL_HALF_FLOAT, GL_RGBA, GL_HALF_FLOAT, 8, 1, 1 },
    { FW_PIXEL_FORMAT_RGBA32F, GL_RGBA32F, GL_RGBA, GL_FLOAT, GL_RGBA, GL_FLOAT, 16, 1, 1 },
    { FW_PIXEL_FORMAT_R16, GL_R16, GL_RED, GL_UNSIGNED_SHORT, GL_RED, GL_UNSIGNED_SHORT, 2, 0, 1 },
    { FW_PIXEL_FORMAT_R16F, GL_R16F, GL_RED, GL_HALF_FLOAT, GL_RED, GL_HALF_FLOAT, 2, 0, 1 },
    { FW_PIXEL_FORMAT_R32F, GL_R32F, GL_RED, GL_FLOAT, GL_RED, GL_FLOAT, 4, 0, 1 },
    { FW_PIXEL_FORMAT_DEPTH16, GL_DEPTH_COMPONENT16, GL_DEPTH_COMPONENT, GL_UNSIGNED_SHORT, GL_DEPTH_COMPONENT,
      GL_UNSIGNED_SHORT, 2, 0, 1 },
    { FW_PIXEL_FORMAT_DEPTH24S8, GL_DEPTH24_STENCIL8, GL_DEPTH_STENCIL, GL_UNSIGNED_INT_24_8, GL_DEPTH_STENCIL,
      GL_UNSIGNED_INT_24_8, 4, 0, 1 },
    { FW_PIXEL_FORMAT_DEPTH32F, GL_DEPTH_COMPONENT32F, GL_DEPTH_COMPONENT, GL_FLOAT, GL_DEPTH_COMPONENT, GL_FLOAT, 4, 0, 1 },
};

/* Bits that are legal in the type: finite numbers, and for depth such from 0 to 1. */
static void fill(const format_case *c, void *pixels, size_t size) {
    const int is_depth = c->upload_format == GL_DEPTH_COMPONENT;
    size_t i;
    paint(pixels, size, (uint64_t)c->pixels);
    if (c->upload_type == GL_HALF_FLOAT) {
        uint16_t *values = (uint16_t *)pixels;
        for (i = 0; i < size / 2; i++) values[i] = (uint16_t)(values[i] % 0x7800 + 0x0400);
    } else if (c->upload_type == GL_FLOAT) {
        float *values = (float *)pixels;
        for (i = 0; i < size / 4; i++) {
            uint32_t bits;
            memcpy(&bits, &values[i], 4);
            values[i] = is_depth ? (float)(bits % 100001) / 100000.0f : (float)(int32_t)bits / 1000.0f;
        }
    }
}

static void each_format_arrives_as_it_is(fw_sender *sender, fw_receiver *receiver, fw_gl_path path) {
    size_t index;
    for (index = 0; index < sizeof formats / sizeof *formats; index++) {
        const format_case *c = &formats[index];
        const int is_depth = c->upload_format == GL_DEPTH_COMPONENT || c->upload_format == GL_DEPTH_STENCIL;
        const GLenum attachment = c->upload_format == GL_DEPTH_STENCIL ? GL_DEPTH_STENCIL_ATTACHMENT
                                  : is_depth                            ? GL_DEPTH_ATTACHMENT
                                                                        : GL_COLOR_ATTACHMENT0;
        const size_t size = (size_t)WIDTH * HEIGHT * (size_t)c->bytes;
        unsigned char *uploaded = (unsigned char *)malloc(size), *wanted = (unsigned char *)malloc((size_t)WIDTH * HEIGHT * 16);
        fw_gl_options options = gl_options(NULL);
        fw_gl_readback *readback;
        target made;
        int automatic;
        if (is_es() && !c->in_es) {
            free(uploaded);
            free(wanted);
            continue;
        }
        fill(c, uploaded, size);
        made = make_target(attachment, c->internal, c->upload_format, c->upload_type, WIDTH, HEIGHT, uploaded);
        GL(PixelStorei)(GL_PACK_ALIGNMENT, 1);
        GL(ReadPixels)(0, 0, WIDTH, HEIGHT, c->read_format, c->read_type, wanted);
        CHECK(GL(GetError)() == GL_NO_ERROR);
        if (c->read_format == c->upload_format) CHECK(memcmp(wanted, uploaded, size) == 0);
        for (automatic = 0; automatic <= (c->automatic && !is_es()); automatic++) {
            options.path = path;
            options.format = automatic ? FW_GL_FORMAT_AUTO : (uint32_t)c->pixels;
            options.framebuffer = made.framebuffer;
            options.attachment = automatic && is_depth ? GL_DEPTH_ATTACHMENT : 0;
            bind_framebuffer(0);
            CHECK_OK(fw_gl_readback_new(sender, &options, &readback));
            CHECK_OK(fw_gl_readback_capture(readback, 0, 0, WIDTH, HEIGHT, 1234));
            CHECK_OK(fw_gl_readback_drain(readback));
            expect_pixels(receiver, c->pixels, WIDTH, HEIGHT, wanted);
            CHECK(gl_stats(readback).path == path && gl_stats(readback).format == (uint32_t)c->pixels);
            CHECK((gl_stats(readback).pixel_bytes_copied == 0) == (path != FW_GL_PATH_DIRECT));
            fw_gl_readback_free(readback);
        }
        delete_target(&made);
        free(uploaded);
        free(wanted);
    }
}

/* Formats of 8 bits come in the order that the driver prefers. */
static void the_driver_chooses_the_order(fw_sender *sender, fw_receiver *receiver) {
    static unsigned char pixels[WIDTH * HEIGHT * 4];
    fw_gl_options options = gl_options(NULL);
    fw_gl_readback *readback;
    GLint format = 0, type = 0;
    target made;
    fw_pixel_format wanted;
    paint(pixels, sizeof pixels, 5);
    made = make_rgba8(WIDTH, HEIGHT, pixels);
    if (is_modern()) {
        GL(GetIntegerv)(GL_IMPLEMENTATION_COLOR_READ_FORMAT, &format);
        GL(GetIntegerv)(GL_IMPLEMENTATION_COLOR_READ_TYPE, &type);
        wanted = format == GL_BGRA ? FW_PIXEL_FORMAT_BGRA8 : FW_PIXEL_FORMAT_RGBA8;
    } else {
        CHECK_OK(fw_gl_readback_new(sender, &options, &readback));
        CHECK_OK(fw_gl_readback_capture(readback, 0, 0, 1, 1, 0));
        CHECK_OK(fw_gl_readback_drain(readback));
        wanted = (fw_pixel_format)gl_stats(readback).format;
        fw_gl_readback_free(readback);
        {
            fw_frame *frame;
            CHECK_OK(fw_receiver_next(receiver, PATIENCE, &frame));
            fw_frame_unref(frame);
        }
        CHECK(wanted == FW_PIXEL_FORMAT_RGBA8 || wanted == FW_PIXEL_FORMAT_BGRA8);
    }
    GL(PixelStorei)(GL_PACK_ALIGNMENT, 1);
    GL(ReadPixels)(3, 5, 40, 20, wanted == FW_PIXEL_FORMAT_BGRA8 ? GL_BGRA : GL_RGBA, GL_UNSIGNED_BYTE, pixels);
    CHECK_OK(fw_gl_readback_new(sender, &options, &readback));
    /* A rectangle of the framebuffer that is bound. */
    CHECK_OK(fw_gl_readback_capture(readback, 3, 5, 40, 20, 0));
    CHECK_OK(fw_gl_readback_drain(readback));
    expect_pixels(receiver, wanted, 40, 20, pixels);
    fw_gl_readback_free(readback);
    delete_target(&made);
}

static void each_attachment_can_be_read(fw_sender *sender, fw_receiver *receiver) {
    static unsigned char pixels[2][WIDTH * HEIGHT * 4];
    fw_gl_options options = gl_options(NULL);
    fw_gl_readback *readback;
    target first, second;
    int index;
    paint(pixels[0], sizeof pixels[0], 1);
    paint(pixels[1], sizeof pixels[1], 2);
    second = make_rgba8(WIDTH, HEIGHT, pixels[1]);
    first = make_rgba8(WIDTH, HEIGHT, pixels[0]);
    GL(FramebufferTexture2D)(GL_FRAMEBUFFER, GL_COLOR_ATTACHMENT1, GL_TEXTURE_2D, second.texture, 0);
    options.format = FW_PIXEL_FORMAT_RGBA8;
    bind_framebuffer(0);
    CHECK_OK(fw_gl_readback_new(sender, &options, &readback));
    for (index = 0; index < 4; index++) {
        CHECK_OK(fw_gl_readback_capture_framebuffer(readback, first.framebuffer, GL_COLOR_ATTACHMENT0 + (GLenum)index % 2, 0,
                                                    0, WIDTH, HEIGHT, 0));
        CHECK_OK(fw_gl_readback_drain(readback));
        expect_pixels(receiver, FW_PIXEL_FORMAT_RGBA8, WIDTH, HEIGHT, pixels[index % 2]);
    }
    fw_gl_readback_free(readback);
    delete_target(&first);
    delete_target(&second);
}

static void the_window_can_be_read(fw_sender *sender, fw_receiver *receiver) {
    static unsigned char pixels[64 * 48 * 4];
    fw_gl_options options = gl_options(NULL);
    fw_gl_readback *readback;
    options.framebuffer = 0;
    options.format = FW_PIXEL_FORMAT_RGBA8;
    bind_framebuffer(0);
    clear_to(0.25f, 0.5f, 1);
    GL(Enable)(GL_SCISSOR_TEST);
    GL(Scissor)(7, 9, 20, 10);
    clear_to(1, 0.75f, 0);
    GL(Disable)(GL_SCISSOR_TEST);
    GL(ReadPixels)(0, 0, 64, 48, GL_RGBA, GL_UNSIGNED_BYTE, pixels);
    CHECK_OK(fw_gl_readback_new(sender, &options, &readback));
    CHECK_OK(fw_gl_readback_capture(readback, 0, 0, 64, 48, FW_TIME_NONE));
    CHECK_OK(fw_gl_readback_drain(readback));
    expect_pixels(receiver, FW_PIXEL_FORMAT_RGBA8, 64, 48, pixels);
    fw_gl_readback_free(readback);
}

static void what_the_frame_says_is_what_was_asked(fw_sender *sender, fw_receiver *receiver) {
    fw_gl_options options = gl_options(NULL);
    fw_gl_readback *readback;
    fw_frame_info info = FW_FRAME_INFO_INIT;
    fw_frame *frame;
    target made = make_target(GL_COLOR_ATTACHMENT0, is_modern() ? GL_SRGB8_ALPHA8 : GL_RGBA8, GL_RGBA, GL_UNSIGNED_BYTE, 8, 8, NULL);
    options.stream_id = 7;
    options.view_id = 1;
    options.row_order = FW_ROW_ORDER_TOP_DOWN;
    options.color_matrix = 5;
    CHECK_OK(fw_gl_readback_new(sender, &options, &readback));
    CHECK_OK(fw_gl_readback_capture(readback, 0, 0, 8, 8, 42));
    CHECK_OK(fw_gl_readback_drain(readback));
    CHECK_OK(fw_receiver_next(receiver, PATIENCE, &frame));
    CHECK_OK(fw_frame_get_info(frame, &info));
    CHECK(info.stream_id == 7 && info.view_id == 1 && info.pts_ns == 42 && info.color_matrix == 5);
    /* An sRGB attachment says so; where attachments cannot be asked nothing does. */
    CHECK(info.color_transfer == (is_modern() ? 13 : FW_COLOR_UNSPECIFIED));
    CHECK(info.color_primaries == (is_modern() ? 1 : FW_COLOR_UNSPECIFIED));
    fw_frame_unref(frame);
    fw_gl_readback_free(readback);
    delete_target(&made);
}

/* ------------------------------------------------------------------------------------------------------- samples */

static GLuint make_multisampled(GLenum attachment, GLenum internal, int width, int height) {
    GLuint framebuffer, renderbuffer;
    GL(GenFramebuffers)(1, &framebuffer);
    bind_framebuffer(framebuffer);
    GL(GenRenderbuffers)(1, &renderbuffer);
    GL(BindRenderbuffer)(GL_RENDERBUFFER, renderbuffer);
    GL(RenderbufferStorageMultisample)(GL_RENDERBUFFER, 4, internal, width, height);
    GL(FramebufferRenderbuffer)(GL_FRAMEBUFFER, attachment, GL_RENDERBUFFER, renderbuffer);
    GL(BindRenderbuffer)(GL_RENDERBUFFER, 0);
    if (attachment != GL_COLOR_ATTACHMENT0) {
        const GLenum none = GL_NONE;
        GL(DrawBuffers)(1, &none);
        GL(ReadBuffer)(GL_NONE);
    }
    CHECK(GL(CheckFramebufferStatus)(GL_FRAMEBUFFER) == GL_FRAMEBUFFER_COMPLETE);
    return framebuffer;
}

static void samples_are_resolved(fw_sender *sender, fw_receiver *receiver, fw_gl_path path) {
    static unsigned char wanted[40 * 30 * 4];
    fw_gl_options options = gl_options(NULL);
    fw_gl_readback *readback;
    GLuint framebuffer = make_multisampled(GL_COLOR_ATTACHMENT0, GL_RGBA8, 50, 40);
    int x, y, round;
    /* A rectangle in a ground; the capture begins beside the corner. */
    clear_to(0, 0.2f, 1);
    GL(Enable)(GL_SCISSOR_TEST);
    GL(Scissor)(15, 15, 10, 10);
    clear_to(1, 0, 0.6f);
    for (y = 0; y < 30; y++)
        for (x = 0; x < 40; x++) {
            const int inside = x >= 5 && x < 15 && y >= 5 && y < 15;
            unsigned char *p = wanted + (y * 40 + x) * 4;
            p[0] = inside ? 255 : 0;
            p[1] = inside ? 0 : 51;
            p[2] = inside ? 153 : 255;
            p[3] = 255;
        }
    options.path = path;
    options.format = FW_PIXEL_FORMAT_RGBA8;
    CHECK_OK(fw_gl_readback_new(sender, &options, &readback));
    for (round = 0; round < 2; round++) {
        CHECK_OK(fw_gl_readback_capture(readback, 10, 10, 40, 30, 0));
        CHECK_OK(fw_gl_readback_drain(readback));
        expect_pixels(receiver, FW_PIXEL_FORMAT_RGBA8, 40, 30, wanted);
    }
    GL(Disable)(GL_SCISSOR_TEST);
    fw_gl_readback_free(readback);
    options.resolve = FW_GL_RESOLVE_REFUSE;
    CHECK_OK(fw_gl_readback_new(sender, &options, &readback));
    CHECK_ERROR(fw_gl_readback_capture(readback, 0, 0, 8, 8, 0), FW_ERROR_UNSUPPORTED, "4 samples");
    fw_gl_readback_free(readback);
    bind_framebuffer(0);
    GL(DeleteFramebuffers)(1, &framebuffer);
}

static void depth_samples_are_resolved(fw_sender *sender, fw_receiver *receiver) {
    static float wanted[16 * 16];
    fw_gl_options options = gl_options(NULL);
    fw_gl_readback *readback;
    GLuint framebuffer = make_multisampled(GL_DEPTH_ATTACHMENT, GL_DEPTH_COMPONENT32F, 16, 16);
    void (*clear_depth)(double) = (void (*)(double))eglGetProcAddress("glClearDepth");
    size_t i;
    clear_depth(0.625);
    GL(Clear)(GL_DEPTH_BUFFER_BIT);
    for (i = 0; i < 16 * 16; i++) wanted[i] = 0.625f;
    options.format = FW_PIXEL_FORMAT_DEPTH32F;
    CHECK_OK(fw_gl_readback_new(sender, &options, &readback));
    CHECK_OK(fw_gl_readback_capture(readback, 0, 0, 16, 16, 0));
    CHECK_OK(fw_gl_readback_drain(readback));
    expect_pixels(receiver, FW_PIXEL_FORMAT_DEPTH32F, 16, 16, wanted);
    fw_gl_readback_free(readback);
    bind_framebuffer(0);
    GL(DeleteFramebuffers)(1, &framebuffer);
}

/* White over the left half of each pixel of a column, on black: half of the samples. */
static int half_covered(fw_sender *sender, fw_receiver *receiver, GLenum internal) {
    void (*begin)(GLenum) = (void (*)(GLenum))eglGetProcAddress("glBegin");
    void (*end)(void) = (void (*)(void))eglGetProcAddress("glEnd");
    void (*vertex)(float, float) = (void (*)(float, float))eglGetProcAddress("glVertex2f");
    fw_gl_options options = gl_options(NULL);
    fw_gl_readback *readback;
    fw_frame *frame;
    int value;
    GLuint framebuffer = make_multisampled(GL_COLOR_ATTACHMENT0, internal, 8, 8);
    GL(Viewport)(0, 0, 8, 8);
    clear_to(0, 0, 0);
    begin(GL_TRIANGLE_FAN);
    vertex(-1, -1);
    vertex(-1 + 3 * 0.25f + 0.125f, -1);
    vertex(-1 + 3 * 0.25f + 0.125f, 1);
    vertex(-1, 1);
    end();
    options.format = FW_PIXEL_FORMAT_RGBA8;
    CHECK_OK(fw_gl_readback_new(sender, &options, &readback));
    CHECK_OK(fw_gl_readback_capture(readback, 0, 0, 8, 8, 0));
    CHECK_OK(fw_gl_readback_drain(readback));
    CHECK_OK(fw_receiver_next(receiver, PATIENCE, &frame));
    CHECK(((unsigned char *)fw_frame_data(frame))[2 * 4] == 255 && ((unsigned char *)fw_frame_data(frame))[4 * 4] == 0);
    value = ((unsigned char *)fw_frame_data(frame))[3 * 4];
    fw_frame_unref(frame);
    fw_gl_readback_free(readback);
    bind_framebuffer(0);
    GL(DeleteFramebuffers)(1, &framebuffer);
    return value;
}

static void srgb_samples_are_averaged_as_light(fw_sender *sender, fw_receiver *receiver) {
    int value = half_covered(sender, receiver, GL_RGBA8);
    CHECK(value == 127 || value == 128);
    value = half_covered(sender, receiver, GL_SRGB8_ALPHA8);
    CHECK(value == 187 || value == 188);
}

int main(int count, char **arguments) {
    fw_sender *sender;
    fw_receiver *receiver;
    int path;
    begin_gl_test(count, arguments);
    open_lossless(&sender, &receiver);
    for (path = (int)best_path(sender); path <= FW_GL_PATH_DIRECT; path++) {
        if (is_modern()) {
            each_format_arrives_as_it_is(sender, receiver, (fw_gl_path)path);
            samples_are_resolved(sender, receiver, (fw_gl_path)path);
        }
    }
    the_window_can_be_read(sender, receiver);
    if (context_kind != EXT) {
        the_driver_chooses_the_order(sender, receiver);
        each_attachment_can_be_read(sender, receiver);
        if (is_modern()) what_the_frame_says_is_what_was_asked(sender, receiver);
    }
    if (is_modern() && !is_es()) depth_samples_are_resolved(sender, receiver);
    if (context_kind == COMPAT) srgb_samples_are_averaged_as_light(sender, receiver);
    fw_sender_close(sender);
    fw_receiver_close(receiver);
    end_gl_test();
    return 0;
}
