/*
 * What the tests of the readback share: contexts without a display, OpenGL's functions, pictures in framebuffer objects, a loader that
 * hides or replaces functions. The first argument of each program names the kind of context.
 */
#ifndef GL_SUPPORT_H
#define GL_SUPPORT_H

#include "../CAPI/support.h"

#include <EGL/egl.h>
#include <EGL/eglext.h>
#include <GL/glcorearb.h>
#include <pthread.h>

#define GL_CLAMP_READ_COLOR_ 0x891C
#define FUNCTIONS(X)                                                       \
    X(PFNGLGETSTRINGPROC, GetString)                                       \
    X(PFNGLGETSTRINGIPROC, GetStringi)                                     \
    X(PFNGLGETERRORPROC, GetError)                                         \
    X(PFNGLGETINTEGERVPROC, GetIntegerv)                                   \
    X(PFNGLGETFLOATVPROC, GetFloatv)                                       \
    X(PFNGLISENABLEDPROC, IsEnabled)                                       \
    X(PFNGLENABLEPROC, Enable)                                             \
    X(PFNGLDISABLEPROC, Disable)                                           \
    X(PFNGLPIXELSTOREIPROC, PixelStorei)                                   \
    X(PFNGLREADPIXELSPROC, ReadPixels)                                     \
    X(PFNGLREADBUFFERPROC, ReadBuffer)                                     \
    X(PFNGLDRAWBUFFERSPROC, DrawBuffers)                                   \
    X(PFNGLCLEARPROC, Clear)                                               \
    X(PFNGLCLEARCOLORPROC, ClearColor)                                     \
    X(PFNGLSCISSORPROC, Scissor)                                           \
    X(PFNGLVIEWPORTPROC, Viewport)                                         \
    X(PFNGLFINISHPROC, Finish)                                             \
    X(PFNGLGENTEXTURESPROC, GenTextures)                                   \
    X(PFNGLDELETETEXTURESPROC, DeleteTextures)                             \
    X(PFNGLBINDTEXTUREPROC, BindTexture)                                   \
    X(PFNGLTEXIMAGE2DPROC, TexImage2D)                                     \
    X(PFNGLTEXPARAMETERIPROC, TexParameteri)                               \
    X(PFNGLGENBUFFERSPROC, GenBuffers)                                     \
    X(PFNGLDELETEBUFFERSPROC, DeleteBuffers)                               \
    X(PFNGLBINDBUFFERPROC, BindBuffer)                                     \
    X(PFNGLBUFFERDATAPROC, BufferData)                                     \
    X(PFNGLGENFRAMEBUFFERSPROC, GenFramebuffers)                           \
    X(PFNGLDELETEFRAMEBUFFERSPROC, DeleteFramebuffers)                     \
    X(PFNGLBINDFRAMEBUFFERPROC, BindFramebuffer)                           \
    X(PFNGLCHECKFRAMEBUFFERSTATUSPROC, CheckFramebufferStatus)             \
    X(PFNGLFRAMEBUFFERTEXTURE2DPROC, FramebufferTexture2D)                 \
    X(PFNGLFRAMEBUFFERRENDERBUFFERPROC, FramebufferRenderbuffer)           \
    X(PFNGLGENRENDERBUFFERSPROC, GenRenderbuffers)                         \
    X(PFNGLDELETERENDERBUFFERSPROC, DeleteRenderbuffers)                   \
    X(PFNGLBINDRENDERBUFFERPROC, BindRenderbuffer)                         \
    X(PFNGLRENDERBUFFERSTORAGEMULTISAMPLEPROC, RenderbufferStorageMultisample) \
    X(PFNGLCLAMPCOLORPROC, ClampColor)                                     \
    X(PFNGLCLIENTWAITSYNCPROC, ClientWaitSync)

#define DECLARE(type, name) static type name##_ UNUSED_OK;
FUNCTIONS(DECLARE)
#undef DECLARE
/* gl.Name(…) would hide that these are variables; GL(Name)(…) reads as a call. */
#define GL(name) name##_

/* ------------------------------------------------------------------------------------------------------ contexts */

typedef enum kind {
    CORE,   /* OpenGL 4.5, core profile */
    COMPAT, /* OpenGL 4.5, compatibility profile */
    ES,     /* OpenGL ES 3 */
    OLD,    /* OpenGL 2.1 with ARB_framebuffer_object and without fences; scripts/test-gl.sh has Mesa say so */
    EXT     /* OpenGL 2.1 with EXT_framebuffer_object alone */
} kind;

static kind context_kind;
static EGLDisplay display;
static EGLConfig config;
static EGLSurface surface;
static EGLContext context;

UNUSED_OK static int is_es(void) { return context_kind == ES; }

/* Whether the context has what OpenGL 3 brought. */
UNUSED_OK static int is_modern(void) { return context_kind != OLD && context_kind != EXT; }

UNUSED_OK static EGLContext make_context(void) {
    const EGLint core[] = { EGL_CONTEXT_MAJOR_VERSION, 4, EGL_CONTEXT_MINOR_VERSION, 5, EGL_CONTEXT_OPENGL_PROFILE_MASK,
                            EGL_CONTEXT_OPENGL_CORE_PROFILE_BIT, EGL_NONE };
    const EGLint compat[] = { EGL_CONTEXT_MAJOR_VERSION, 4, EGL_CONTEXT_MINOR_VERSION, 5,
                              EGL_CONTEXT_OPENGL_PROFILE_MASK, EGL_CONTEXT_OPENGL_COMPATIBILITY_PROFILE_BIT, EGL_NONE };
    const EGLint es[] = { EGL_CONTEXT_MAJOR_VERSION, 3, EGL_NONE };
    const EGLint any[] = { EGL_NONE };
    const EGLint *attributes = context_kind == CORE ? core : context_kind == COMPAT ? compat : is_es() ? es : any;
    EGLContext made = eglCreateContext(display, config, EGL_NO_CONTEXT, attributes);
    CHECK(made != EGL_NO_CONTEXT);
    return made;
}

UNUSED_OK static void make_current(EGLContext which) {
    EGLSurface used = which == EGL_NO_CONTEXT ? EGL_NO_SURFACE : surface;
    CHECK(eglMakeCurrent(display, used, used, which));
}

/* Makes a context current, with a window's framebuffer of 64 × 48 pixels, and loads the functions. */
UNUSED_OK static void begin_gl_test(int count, char **arguments) {
    static const char *const names[] = { "core", "compat", "es", "old", "ext" };
    PFNEGLGETPLATFORMDISPLAYEXTPROC get_display =
        (PFNEGLGETPLATFORMDISPLAYEXTPROC)eglGetProcAddress("eglGetPlatformDisplayEXT");
    EGLint configs = 0;
    const EGLint wanted[] = { EGL_SURFACE_TYPE, EGL_PBUFFER_BIT, EGL_RED_SIZE, 8, EGL_GREEN_SIZE, 8, EGL_BLUE_SIZE, 8,
                              EGL_ALPHA_SIZE, 8, EGL_DEPTH_SIZE, 24, EGL_RENDERABLE_TYPE, 0, EGL_NONE };
    EGLint attributes[sizeof wanted / sizeof *wanted];
    const EGLint size[] = { EGL_WIDTH, 64, EGL_HEIGHT, 48, EGL_NONE };
    int index;
    begin_test();
    CHECK(count > 1);
    for (index = 0; index < 5 && strcmp(arguments[1], names[index]) != 0; index++) {}
    CHECK(index < 5);
    context_kind = (kind)index;
    memcpy(attributes, wanted, sizeof wanted);
    attributes[13] = is_es() ? EGL_OPENGL_ES3_BIT : EGL_OPENGL_BIT;
    CHECK(get_display != NULL);
    display = get_display(EGL_PLATFORM_SURFACELESS_MESA, EGL_DEFAULT_DISPLAY, NULL);
    CHECK(display != EGL_NO_DISPLAY && eglInitialize(display, NULL, NULL));
    CHECK(eglBindAPI(is_es() ? EGL_OPENGL_ES_API : EGL_OPENGL_API));
    CHECK(eglChooseConfig(display, attributes, &config, 1, &configs) && configs == 1);
    surface = eglCreatePbufferSurface(display, config, size);
    CHECK(surface != EGL_NO_SURFACE);
    context = make_context();
    make_current(context);
#define LOAD(type, name) name##_ = (type)eglGetProcAddress("gl" #name);
    FUNCTIONS(LOAD)
#undef LOAD
    printf("%s: %s, %s\n", arguments[1], GL(GetString)(GL_VERSION), GL(GetString)(GL_RENDERER));
}

UNUSED_OK static void end_gl_test(void) {
    CHECK(GL(GetError)() == GL_NO_ERROR);
    make_current(EGL_NO_CONTEXT);
    eglDestroyContext(display, context);
    eglTerminate(display);
}

/* -------------------------------------------------------------------------------------------------------- loaders */

/* A loader for `user` = an array of names that it does not find or finds elsewhere, which ends with a NULL name. */
typedef struct substitute {
    const char *name;
    fw_gl_proc function; /* NULL hides the function */
} substitute;

UNUSED_OK static fw_gl_proc look_up(const char *name, void *user) {
    const substitute *entry = (const substitute *)user;
    for (; entry != NULL && entry->name != NULL; entry++)
        if (strcmp(entry->name, name) == 0) return entry->function;
    return eglGetProcAddress(name);
}

UNUSED_OK static fw_gl_options gl_options(const substitute *substitutes) {
    fw_gl_options options = FW_GL_OPTIONS_INIT;
    options.get_proc_address = look_up;
    options.user = (void *)(uintptr_t)substitutes;
    return options;
}

UNUSED_OK static fw_gl_stats gl_stats(fw_gl_readback *readback) {
    fw_gl_stats stats = FW_GL_STATS_INIT;
    CHECK_OK(fw_gl_readback_get_stats(readback, &stats));
    return stats;
}

/* The best path that the context has. */
UNUSED_OK static fw_gl_path best_path(fw_sender *sender) {
    fw_gl_options options = gl_options(NULL);
    fw_gl_readback *readback;
    fw_gl_path path;
    CHECK_OK(fw_gl_readback_new(sender, &options, &readback));
    path = gl_stats(readback).path;
    fw_gl_readback_free(readback);
    return path;
}

/* ------------------------------------------------------------------------------------------------------- pictures */

typedef struct target {
    GLuint framebuffer, texture;
} target;

UNUSED_OK static void bind_framebuffer(GLuint framebuffer) {
    if (context_kind == EXT) {
        void (*bind)(GLenum, GLuint) = (void (*)(GLenum, GLuint))eglGetProcAddress("glBindFramebufferEXT");
        bind(GL_FRAMEBUFFER, framebuffer);
    } else {
        GL(BindFramebuffer)(GL_FRAMEBUFFER, framebuffer);
    }
}

/* A framebuffer object with one texture that has `pixels`. */
UNUSED_OK static target make_target(GLenum attachment, GLenum internal, GLenum format, GLenum type, int width, int height,
                                    const void *pixels) {
    target made;
    GL(GenTextures)(1, &made.texture);
    GL(BindTexture)(GL_TEXTURE_2D, made.texture);
    GL(TexParameteri)(GL_TEXTURE_2D, GL_TEXTURE_MIN_FILTER, GL_NEAREST);
    GL(PixelStorei)(GL_UNPACK_ALIGNMENT, 1);
    GL(TexImage2D)(GL_TEXTURE_2D, 0, (GLint)internal, width, height, 0, format, type, pixels);
    GL(GenFramebuffers)(1, &made.framebuffer);
    bind_framebuffer(made.framebuffer);
    GL(FramebufferTexture2D)(GL_FRAMEBUFFER, attachment, GL_TEXTURE_2D, made.texture, 0);
    if (attachment != GL_COLOR_ATTACHMENT0) {
        const GLenum none = GL_NONE;
        GL(DrawBuffers)(1, &none);
        GL(ReadBuffer)(GL_NONE);
    }
    CHECK(GL(CheckFramebufferStatus)(GL_FRAMEBUFFER) == GL_FRAMEBUFFER_COMPLETE);
    GL(BindTexture)(GL_TEXTURE_2D, 0);
    CHECK(GL(GetError)() == GL_NO_ERROR);
    return made;
}

UNUSED_OK static target make_rgba8(int width, int height, const void *pixels) {
    return make_target(GL_COLOR_ATTACHMENT0, GL_RGBA8, GL_RGBA, GL_UNSIGNED_BYTE, width, height, pixels);
}

UNUSED_OK static void delete_target(target *made) {
    bind_framebuffer(0);
    GL(DeleteFramebuffers)(1, &made->framebuffer);
    GL(DeleteTextures)(1, &made->texture);
}

UNUSED_OK static void clear_to(float red, float green, float blue) {
    GL(ClearColor)(red, green, blue, 1);
    GL(Clear)(GL_COLOR_BUFFER_BIT);
}

/* A sender that loses nothing, and its receiver. */
UNUSED_OK static void open_lossless(fw_sender **sender, fw_receiver **receiver) {
    fw_sender_options options = FW_SENDER_OPTIONS_INIT;
    fw_receiver_options once = FW_RECEIVER_OPTIONS_INIT;
    options.overflow = FW_OVERFLOW_BLOCK;
    options.checksum = 1;
    once.once = 1;
    open_pair(&options, &once, sender, receiver);
}

/* Fetches a frame and CHECKs its pixels against what OpenGL has: rows bottom-up. */
UNUSED_OK static void expect_pixels(fw_receiver *receiver, fw_pixel_format format, int width, int height,
                                    const void *pixels) {
    fw_frame *frame;
    fw_frame_info got = FW_FRAME_INFO_INIT, wanted = FW_FRAME_INFO_INIT;
    wanted.width = (uint32_t)width;
    wanted.height = (uint32_t)height;
    wanted.format = format;
    wanted.row_order = FW_ROW_ORDER_BOTTOM_UP;
    CHECK_OK(fw_receiver_next(receiver, PATIENCE, &frame));
    CHECK_OK(fw_frame_get_info(frame, &got));
    CHECK(got.width == wanted.width && got.height == wanted.height && got.format == format);
    CHECK(frame_checksum(frame) == picture_checksum(&wanted, pixels, picture_size(&wanted)));
    fw_frame_unref(frame);
}

#endif
