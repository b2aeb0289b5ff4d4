/*
 * All state of OpenGL is as it was after every call, whatever it was, and does not change what is read.
 *
 * The state is everything that glGet answers to: every number that may be a name is asked.
 */
#include "gl_support.h"

enum { SIDE = 24, MAXIMUM_VALUES = 64, FIRST = 0x0B00, LAST = 0x9590 };

typedef struct snapshot {
    float values[LAST - FIRST][MAXIMUM_VALUES];
    GLint buffers[8][2];
} snapshot;

static unsigned char known[LAST - FIRST];
static snapshot before, after;
static GLuint framebuffers[8];
static int framebuffer_count;

/* Answers that are no state: they change by themselves, or are longer than the memory. */
static int is_state(GLenum name) {
    switch (name) {
    case 0x8E28: /* GL_TIMESTAMP */
    case 0x86A3: /* GL_COMPRESSED_TEXTURE_FORMATS */
    case 0x87FF: /* GL_PROGRAM_BINARY_FORMATS */
    case 0x8DF8: /* GL_SHADER_BINARY_FORMATS */
    case 0x9047: case 0x9048: case 0x9049: case 0x904A: case 0x904B: /* memory, GL_NVX_gpu_memory_info */
    case 0x87FB: case 0x87FC: case 0x87FD: /* the same, GL_ATI_meminfo */
        return 0;
    default: return 1;
    }
}

static void find_known(void) {
    static float values[4096];
    GLenum name;
    int count = 0;
    for (name = FIRST; name < LAST; name++) {
        if (!is_state(name)) continue;
        GL(GetFloatv)(name, values);
        known[name - FIRST] = GL(GetError)() == GL_NO_ERROR;
        count += known[name - FIRST];
    }
    CHECK(count > 200);
}

static void take(snapshot *to) {
    static float values[4096];
    GLenum name;
    GLint bound = 0, drawn = 0;
    int index;
    memset(to, 0, sizeof *to);
    for (name = FIRST; name < LAST; name++)
        if (known[name - FIRST]) {
            memset(values, 0, sizeof values[0] * MAXIMUM_VALUES);
            GL(GetFloatv)(name, values);
            memcpy(to->values[name - FIRST], values, sizeof to->values[0]);
        }
    /* What belongs to each framebuffer. */
    GL(GetIntegerv)(GL_DRAW_FRAMEBUFFER_BINDING, &drawn);
    if (context_kind != EXT) GL(GetIntegerv)(GL_READ_FRAMEBUFFER_BINDING, &bound);
    for (index = 0; index < framebuffer_count; index++) {
        bind_framebuffer(framebuffers[index]);
        GL(GetIntegerv)(GL_READ_BUFFER, &to->buffers[index][0]);
        GL(GetIntegerv)(GL_DRAW_BUFFER0, &to->buffers[index][1]);
    }
    bind_framebuffer((GLuint)drawn);
    if (context_kind != EXT) GL(BindFramebuffer)(GL_READ_FRAMEBUFFER, (GLuint)bound);
    CHECK(GL(GetError)() == GL_NO_ERROR);
}

static void expect_same_state(const char *what) {
    GLenum name;
    int index, different = 0;
    CHECK(GL(GetError)() == GL_NO_ERROR);
    take(&after);
    for (name = FIRST; name < LAST; name++)
        if (known[name - FIRST] && memcmp(before.values[name - FIRST], after.values[name - FIRST], sizeof before.values[0]) != 0) {
            fprintf(stderr, "%s: state 0x%04X was %g and is %g\n", what, name, (double)before.values[name - FIRST][0],
                    (double)after.values[name - FIRST][0]);
            different++;
        }
    for (index = 0; index < framebuffer_count; index++)
        if (memcmp(before.buffers[index], after.buffers[index], sizeof before.buffers[index]) != 0) {
            fprintf(stderr, "%s: buffers of framebuffer %u changed\n", what, framebuffers[index]);
            different++;
        }
    CHECK(different == 0);
}

/* --------------------------------------------------------------------------------------------------------- pictures */

static target colors, second, floats, depths;
static GLuint multisampled[2], packing[2], renderbuffer;
static unsigned char color_pixels[2][SIDE * SIDE * 4];
static float float_pixels[SIDE * SIDE * 4], depth_pixels[SIDE * SIDE];

static GLuint make_multisampled(GLenum internal) {
    GLuint framebuffer, buffer;
    GL(GenFramebuffers)(1, &framebuffer);
    bind_framebuffer(framebuffer);
    GL(GenRenderbuffers)(1, &buffer);
    GL(BindRenderbuffer)(GL_RENDERBUFFER, buffer);
    GL(RenderbufferStorageMultisample)(GL_RENDERBUFFER, 4, internal, SIDE, SIDE);
    GL(FramebufferRenderbuffer)(GL_FRAMEBUFFER, GL_COLOR_ATTACHMENT0, GL_RENDERBUFFER, buffer);
    clear_to(1, 0, 1);
    return framebuffer;
}

static void make_pictures(void) {
    int index;
    for (index = 0; index < 2; index++) paint(color_pixels[index], sizeof color_pixels[index], (uint64_t)index + 1);
    for (index = 0; index < SIDE * SIDE * 4; index++) float_pixels[index] = (float)index / 7 - 100;
    for (index = 0; index < SIDE * SIDE; index++) depth_pixels[index] = (float)index / (SIDE * SIDE);
    second = make_rgba8(SIDE, SIDE, color_pixels[1]);
    colors = make_rgba8(SIDE, SIDE, color_pixels[0]);
    GL(FramebufferTexture2D)(GL_FRAMEBUFFER, GL_COLOR_ATTACHMENT1, GL_TEXTURE_2D, second.texture, 0);
    if (context_kind != EXT) {
        floats = make_target(GL_COLOR_ATTACHMENT0, GL_RGBA32F, GL_RGBA, GL_FLOAT, SIDE, SIDE, float_pixels);
        depths = make_target(GL_DEPTH_ATTACHMENT, GL_DEPTH_COMPONENT32F, GL_DEPTH_COMPONENT, GL_FLOAT, SIDE, SIDE, depth_pixels);
        multisampled[0] = make_multisampled(GL_RGBA8);
        multisampled[1] = make_multisampled(GL_SRGB8_ALPHA8);
    }
    GL(GenBuffers)(2, packing);
    GL(BindBuffer)(GL_PIXEL_PACK_BUFFER, packing[0]);
    GL(BufferData)(GL_PIXEL_PACK_BUFFER, 4096, NULL, GL_STREAM_READ);
    GL(BindBuffer)(GL_PIXEL_PACK_BUFFER, 0);
    GL(GenRenderbuffers)(1, &renderbuffer);
    framebuffers[framebuffer_count++] = 0;
    framebuffers[framebuffer_count++] = colors.framebuffer;
    if (context_kind != EXT) {
        framebuffers[framebuffer_count++] = floats.framebuffer;
        framebuffers[framebuffer_count++] = depths.framebuffer;
        framebuffers[framebuffer_count++] = multisampled[0];
    }
    CHECK(GL(GetError)() == GL_NO_ERROR);
}

/* ------------------------------------------------------------------------------------------------------------ states */

static void set_transfers(int odd) {
    void (*transfer)(GLenum, GLfloat) = (void (*)(GLenum, GLfloat))eglGetProcAddress("glPixelTransferf");
    GLenum name;
    if (context_kind == CORE || is_es()) return;
    for (name = 0x0D10; name <= 0x0D1F; name++) {
        const int is_scale = name >= 0x0D14 && name % 2 == 0;
        if (name == 0x0D16 || name == 0x0D17) continue; /* zoom factors */
        transfer(name, odd ? (name < 0x0D14 ? 1.0f : 0.5f + (float)(name - 0x0D14) / 32) : (is_scale ? 1.0f : 0.0f));
    }
}

/* State that a renderer may have left, as odd as can be; `odd` 0 is what OpenGL begins with. */
static void set_state(int odd) {
    static const GLenum packs[] = { GL_PACK_ROW_LENGTH, GL_PACK_SKIP_ROWS, GL_PACK_SKIP_PIXELS };
    size_t index;
    GL(PixelStorei)(GL_PACK_ALIGNMENT, odd ? 8 : 4);
    for (index = 0; index < 3; index++) GL(PixelStorei)(packs[index], odd ? 3 + (GLint)index : 0);
    if (!is_es()) {
        GL(PixelStorei)(GL_PACK_SWAP_BYTES, odd);
        GL(PixelStorei)(GL_PACK_LSB_FIRST, odd);
    }
    if (is_modern() && !is_es()) GL(ClampColor)(GL_CLAMP_READ_COLOR_, odd ? GL_TRUE : GL_FIXED_ONLY);
    set_transfers(odd);
    GL(Scissor)(1, 2, 3, 4);
    if (odd) {
        GL(Enable)(GL_SCISSOR_TEST);
        if (!is_es()) GL(Enable)(GL_FRAMEBUFFER_SRGB);
    } else {
        GL(Disable)(GL_SCISSOR_TEST);
        if (!is_es()) GL(Disable)(GL_FRAMEBUFFER_SRGB);
    }
    GL(BindBuffer)(GL_PIXEL_PACK_BUFFER, odd ? packing[0] : 0);
    GL(BindBuffer)(GL_PIXEL_UNPACK_BUFFER, odd ? packing[1] : 0);
    GL(BindRenderbuffer)(GL_RENDERBUFFER, odd ? renderbuffer : 0);
    bind_framebuffer(odd ? colors.framebuffer : 0);
    if (context_kind != EXT && odd == 1) GL(BindFramebuffer)(GL_READ_FRAMEBUFFER, floats.framebuffer);
    if (context_kind != EXT && odd == 1) GL(BindFramebuffer)(GL_DRAW_FRAMEBUFFER, depths.framebuffer);
    CHECK(GL(GetError)() == GL_NO_ERROR);
}

/* -------------------------------------------------------------------------------------------------------------- calls */

static fw_gl_readback *make_readback(fw_sender *sender, fw_gl_path path, fw_pixel_format format) {
    fw_gl_options options = gl_options(NULL);
    fw_gl_readback *readback;
    options.path = path;
    options.format = (uint32_t)format;
    CHECK_OK(fw_gl_readback_new(sender, &options, &readback));
    expect_same_state("new");
    return readback;
}

static void capture(fw_gl_readback *readback, GLuint framebuffer, GLenum attachment, const char *what) {
    CHECK_OK(fw_gl_readback_capture_framebuffer(readback, framebuffer, attachment, 0, 0, SIDE, SIDE, 0));
    expect_same_state(what);
    CHECK_OK(fw_gl_readback_drain(readback));
    expect_same_state("drain");
}

static void nothing_changes(fw_sender *sender, fw_receiver *receiver, fw_gl_path path) {
    fw_gl_readback *readback = make_readback(sender, path, FW_PIXEL_FORMAT_RGBA8);
    int round;
    for (round = 0; round < 2; round++) {
        capture(readback, colors.framebuffer, 0, "a framebuffer object");
        expect_pixels(receiver, FW_PIXEL_FORMAT_RGBA8, SIDE, SIDE, color_pixels[0]);
        if (context_kind != EXT) {
            capture(readback, colors.framebuffer, GL_COLOR_ATTACHMENT1, "another attachment");
            expect_pixels(receiver, FW_PIXEL_FORMAT_RGBA8, SIDE, SIDE, color_pixels[1]);
        }
    }
    CHECK(fw_gl_readback_capture_framebuffer(readback, colors.framebuffer, GL_COLOR_ATTACHMENT3, 0, 0, 8, 8, 0) == FW_ERROR_GL);
    expect_same_state("a capture that fails");
    {
        static unsigned char wanted[SIDE * SIDE * 4];
        fw_frame *frame;
        capture(readback, 0, 0, "the window");
        CHECK_OK(fw_receiver_next(receiver, PATIENCE, &frame));
        fw_frame_unref(frame);
        for (round = 0; round < SIDE * SIDE * 4; round++) wanted[round] = round % 4 == 1 ? 0 : 255;
        if (is_modern())
            for (round = 0; round < 2; round++) {
                capture(readback, multisampled[round], 0, "a multisampled framebuffer");
                expect_pixels(receiver, FW_PIXEL_FORMAT_RGBA8, SIDE, SIDE, wanted);
            }
    }
    CHECK_OK(fw_gl_readback_capture_framebuffer(readback, colors.framebuffer, 0, 0, 0, SIDE, SIDE, 0));
    fw_gl_readback_free(readback);
    expect_same_state("free");
    if (!is_modern()) {
        /* The direct path has handed it over already. */
        fw_frame *frame;
        if (path == FW_GL_PATH_DIRECT) {
            CHECK_OK(fw_receiver_next(receiver, PATIENCE, &frame));
            fw_frame_unref(frame);
        }
        return;
    }
    if (path == FW_GL_PATH_DIRECT) expect_pixels(receiver, FW_PIXEL_FORMAT_RGBA8, SIDE, SIDE, color_pixels[0]);
    readback = make_readback(sender, path, FW_PIXEL_FORMAT_RGBA32F);
    capture(readback, floats.framebuffer, 0, "floats");
    expect_pixels(receiver, FW_PIXEL_FORMAT_RGBA32F, SIDE, SIDE, float_pixels);
    fw_gl_readback_free(readback);
    if (is_es()) return;
    readback = make_readback(sender, path, FW_PIXEL_FORMAT_DEPTH32F);
    capture(readback, depths.framebuffer, 0, "depth");
    expect_pixels(receiver, FW_PIXEL_FORMAT_DEPTH32F, SIDE, SIDE, depth_pixels);
    fw_gl_readback_free(readback);
}

int main(int count, char **arguments) {
    fw_sender *sender;
    fw_receiver *receiver;
    int path, odd;
    begin_gl_test(count, arguments);
    open_lossless(&sender, &receiver);
    find_known();
    make_pictures();
    for (path = (int)best_path(sender); path <= FW_GL_PATH_DIRECT; path++)
        for (odd = 0; odd < 3; odd++) {
            set_state(odd);
            take(&before);
            /* The look itself changes nothing. */
            expect_same_state("looking");
            nothing_changes(sender, receiver, (fw_gl_path)path);
            expect_same_state("all");
        }
    set_state(0);
    fw_sender_close(sender);
    fw_receiver_close(receiver);
    end_gl_test();
    return 0;
}
