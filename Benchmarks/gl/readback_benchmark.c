/*
 * What sending costs the render thread: rendering alone, (a) glReadPixels and fw_sender_push, (b) fw_sender_acquire, glReadPixels and
 * fw_sender_submit, (c) the ring of fw_gl_readback. The frames go into a recording that is thrown away. No display is needed.
 *
 *   readback_benchmark [--frames N] [--interval MS] [--profile lz4|raw|tile] [--size WxH …]
 *
 * The ways take turns frame by frame, so that all see the same load of the machine. Each has a sender of its own, and no frame begins
 * before the sender has done its work, unless it takes longer than the interval.
 *
 * "frame" is from the first call of drawing until the thread is free again, without waiting for the GPU in between. "call" is the time
 * in the calls that read and send alone, after a glFinish, in frames of their own.
 *
 * SPDX-License-Identifier: MIT
 */
#define _POSIX_C_SOURCE 200809L

#include <EGL/egl.h>
#include <EGL/eglext.h>
#include <GL/glcorearb.h>
#include <framewire/framewire.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FUNCTIONS(X)                                       \
    X(PFNGLGETSTRINGPROC, GetString)                       \
    X(PFNGLGETINTEGERVPROC, GetIntegerv)                   \
    X(PFNGLGETERRORPROC, GetError)                         \
    X(PFNGLFINISHPROC, Finish)                             \
    X(PFNGLFLUSHPROC, Flush)                               \
    X(PFNGLREADPIXELSPROC, ReadPixels)                     \
    X(PFNGLPIXELSTOREIPROC, PixelStorei)                   \
    X(PFNGLGENTEXTURESPROC, GenTextures)                   \
    X(PFNGLBINDTEXTUREPROC, BindTexture)                   \
    X(PFNGLTEXIMAGE2DPROC, TexImage2D)                     \
    X(PFNGLDELETETEXTURESPROC, DeleteTextures)             \
    X(PFNGLGENFRAMEBUFFERSPROC, GenFramebuffers)           \
    X(PFNGLDELETEFRAMEBUFFERSPROC, DeleteFramebuffers)     \
    X(PFNGLBINDFRAMEBUFFERPROC, BindFramebuffer)           \
    X(PFNGLFRAMEBUFFERTEXTURE2DPROC, FramebufferTexture2D) \
    X(PFNGLBLITFRAMEBUFFERPROC, BlitFramebuffer)

static struct {
#define FIELD(type, name) type name;
    FUNCTIONS(FIELD)
#undef FIELD
} gl;

typedef enum way { ALONE, PUSH, SUBMIT, RING, WAYS } way;
static const char *const labels[WAYS] = { "rendering alone", "(a) push", "(b) submit", "(c) ring" };

static long frames = 100, interval_ms = 50;
static fw_profile profile = FW_PROFILE_LZ4;

static void require(int condition, const char *what) {
    if (condition) return;
    fprintf(stderr, "readback_benchmark: %s %s\n", what, fw_last_error());
    exit(1);
}

static int64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void wait_until(int64_t time) {
    struct timespec t = { (time_t)(time / 1000000000), (long)(time % 1000000000) };
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) != 0) {}
}

static fw_gl_proc get_proc_address(const char *name, void *user) {
    (void)user;
    return eglGetProcAddress(name);
}

/* A graphics card if there is one, else Mesa's software renderer. */
static void make_context(void) {
    static const EGLint wanted[] = { EGL_SURFACE_TYPE, EGL_PBUFFER_BIT, EGL_RENDERABLE_TYPE, EGL_OPENGL_BIT, EGL_NONE };
    static const EGLint version[] = { EGL_CONTEXT_MAJOR_VERSION, 3, EGL_CONTEXT_MINOR_VERSION, 3, EGL_NONE };
    PFNEGLGETPLATFORMDISPLAYEXTPROC get_display =
        (PFNEGLGETPLATFORMDISPLAYEXTPROC)eglGetProcAddress("eglGetPlatformDisplayEXT");
    PFNEGLQUERYDEVICESEXTPROC query = (PFNEGLQUERYDEVICESEXTPROC)eglGetProcAddress("eglQueryDevicesEXT");
    PFNEGLQUERYDEVICESTRINGEXTPROC describe =
        (PFNEGLQUERYDEVICESTRINGEXTPROC)eglGetProcAddress("eglQueryDeviceStringEXT");
    EGLDeviceEXT devices[16];
    EGLDisplay display = EGL_NO_DISPLAY;
    EGLint count = 0;
    EGLConfig config;
    require(get_display != NULL, "EGL has no platforms.");
    if (query && describe && query(16, devices, &count))
        for (EGLint i = 0; i < count && display == EGL_NO_DISPLAY; i++) {
            const char *extensions = describe(devices[i], EGL_EXTENSIONS);
            if (extensions && strstr(extensions, "EGL_MESA_device_software")) continue;
            display = get_display(EGL_PLATFORM_DEVICE_EXT, devices[i], NULL);
            if (display != EGL_NO_DISPLAY && !eglInitialize(display, NULL, NULL)) display = EGL_NO_DISPLAY;
        }
    if (display == EGL_NO_DISPLAY) {
        display = get_display(EGL_PLATFORM_SURFACELESS_MESA, EGL_DEFAULT_DISPLAY, NULL);
        require(display != EGL_NO_DISPLAY && eglInitialize(display, NULL, NULL), "EGL has no display.");
    }
    require(eglBindAPI(EGL_OPENGL_API) && eglChooseConfig(display, wanted, &config, 1, &count) && count == 1, "EGL has no OpenGL.");
    EGLContext context = eglCreateContext(display, config, EGL_NO_CONTEXT, version);
    require(context && eglMakeCurrent(display, EGL_NO_SURFACE, EGL_NO_SURFACE, context), "EGL makes no context.");
#define LOAD(type, name) require((gl.name = (type)eglGetProcAddress("gl" #name)) != NULL, "no gl" #name);
    FUNCTIONS(LOAD)
#undef LOAD
}

/* A texture in a framebuffer of its own; with pixels, noise that is not quite random, so that compression has work. */
static GLuint make_framebuffer(int width, int height, int filled, GLuint *texture) {
    unsigned char *pixels = NULL;
    GLuint framebuffer;
    if (filled) {
        uint32_t state = 1;
        require((pixels = malloc((size_t)width * (size_t)height * 4)) != NULL, "no memory.");
        for (size_t i = 0; i < (size_t)width * (size_t)height * 4; i++) {
            state = state * 1664525 + 1013904223;
            pixels[i] = (unsigned char)(i / 64 + (state >> 30));
        }
    }
    gl.GenTextures(1, texture);
    gl.BindTexture(GL_TEXTURE_2D, *texture);
    gl.TexImage2D(GL_TEXTURE_2D, 0, GL_RGBA8, width, height, 0, GL_RGBA, GL_UNSIGNED_BYTE, pixels);
    free(pixels);
    gl.GenFramebuffers(1, &framebuffer);
    gl.BindFramebuffer(GL_FRAMEBUFFER, framebuffer);
    gl.FramebufferTexture2D(GL_FRAMEBUFFER, GL_COLOR_ATTACHMENT0, GL_TEXTURE_2D, *texture, 0);
    return framebuffer;
}

typedef struct stage {
    int width, height;
    GLuint source, target, textures[2];
    fw_frame_info info;
    unsigned char *pixels;
    fw_sender *senders[WAYS];
    fw_gl_readback *readback;
} stage;

/* A part of the texture, enlarged, that moves with the frames; left bound for reading. */
static void draw(const stage *s, long index) {
    const int x = (int)(index * 7 % 256), y = (int)(index * 3 % 256);
    gl.BindFramebuffer(GL_READ_FRAMEBUFFER, s->source);
    gl.BindFramebuffer(GL_DRAW_FRAMEBUFFER, s->target);
    gl.BlitFramebuffer(x, y, x + 640, y + 360, 0, 0, s->width, s->height, GL_COLOR_BUFFER_BIT, GL_LINEAR);
    gl.BindFramebuffer(GL_FRAMEBUFFER, s->target);
}

static void send(const stage *s, way how) {
    const GLenum format = s->info.format == FW_PIXEL_FORMAT_BGRA8 ? GL_BGRA : GL_RGBA;
    const size_t size = (size_t)s->width * (size_t)s->height * 4;
    fw_frame *frame;
    switch (how) {
    case PUSH:
        gl.ReadPixels(0, 0, s->width, s->height, format, GL_UNSIGNED_BYTE, s->pixels);
        require(fw_sender_push(s->senders[how], &s->info, s->pixels, size) == FW_OK, "push:");
        break;
    case SUBMIT:
        require(fw_sender_acquire(s->senders[how], &s->info, &frame) == FW_OK, "acquire:");
        gl.ReadPixels(0, 0, s->width, s->height, format, GL_UNSIGNED_BYTE, fw_frame_data(frame));
        require(fw_sender_submit(s->senders[how], frame) == FW_OK, "submit:");
        break;
    case RING: require(fw_gl_readback_capture(s->readback, 0, 0, s->width, s->height, 0) == FW_OK, "capture:"); break;
    default: break;
    }
}

static int compare(const void *a, const void *b) {
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static double percentile(int64_t *values, long count, long percent) {
    qsort(values, (size_t)count, sizeof *values, compare);
    return (double)values[(count - 1) * percent / 100] / 1e6;
}

static void measure(int width, int height) {
    stage s = { .width = width, .height = height, .info = FW_FRAME_INFO_INIT };
    int64_t *spent[2][WAYS];
    fw_sender_options sending = FW_SENDER_OPTIONS_INIT;
    fw_gl_options options = FW_GL_OPTIONS_INIT;
    fw_gl_stats stats = FW_GL_STATS_INIT;
    GLint format = 0;
    s.source = make_framebuffer(1024, 1024, 1, &s.textures[0]);
    s.target = make_framebuffer(width, height, 0, &s.textures[1]);
    gl.GetIntegerv(GL_IMPLEMENTATION_COLOR_READ_FORMAT, &format);
    gl.PixelStorei(GL_PACK_ALIGNMENT, 1);
    s.info.width = (uint32_t)width;
    s.info.height = (uint32_t)height;
    s.info.row_order = FW_ROW_ORDER_BOTTOM_UP;
    s.info.format = format == GL_BGRA ? FW_PIXEL_FORMAT_BGRA8 : FW_PIXEL_FORMAT_RGBA8;
    require((s.pixels = malloc((size_t)width * (size_t)height * 4)) != NULL, "no memory.");
    sending.profile = profile;
    sending.overflow = FW_OVERFLOW_BLOCK;
    options.get_proc_address = get_proc_address;
    options.full_timeout_ns = -1;
    for (int how = PUSH; how < WAYS; how++)
        require(fw_sender_open("file:///dev/null", &sending, &s.senders[how]) == FW_OK, "sender:");
    require(fw_gl_readback_new(s.senders[RING], &options, &s.readback) == FW_OK, "readback:");
    for (int part = 0; part < 2; part++)
        for (int how = 0; how < WAYS; how++) require((spent[part][how] = calloc((size_t)frames, sizeof(int64_t))) != NULL, "no memory.");

    /* Eight frames warm up: pools and rings are filled then. */
    for (long i = -8; i < frames; i++)
        for (int part = 0; part < 2; part++)
            for (int how = 0; how < WAYS; how++) {
                const int64_t begin = now();
                int64_t start = begin, end;
                draw(&s, i + 8);
                if (part == 1) {
                    gl.Finish();
                    start = now();
                }
                send(&s, (way)how);
                if (part == 0) gl.Flush(); /* as a swap of buffers would */
                end = now();
                if (i >= 0) spent[part][how][i] = end - start;
                gl.Finish();
                if (how == RING) require(fw_gl_readback_poll(s.readback) == FW_OK, "poll:");
                if (how != ALONE) require(fw_sender_flush(s.senders[how], 10000000000) == FW_OK, "flush:");
                wait_until(begin + interval_ms * 1000000);
            }

    require(fw_gl_readback_drain(s.readback) == FW_OK, "drain:");
    fw_gl_readback_get_stats(s.readback, &stats);
    printf("%d x %d, %s, path %s, %llu stalls, %llu bytes copied\n", width, height,
           s.info.format == FW_PIXEL_FORMAT_BGRA8 ? "bgra8" : "rgba8", fw_gl_path_name(stats.path),
           (unsigned long long)stats.stalls, (unsigned long long)stats.pixel_bytes_copied);
    for (int how = 0; how < WAYS; how++) {
        printf("  %-16s %9.3f %9.3f", labels[how], percentile(spent[0][how], frames, 50), percentile(spent[0][how], frames, 99));
        if (how != ALONE) printf(" %9.3f %9.3f", percentile(spent[1][how], frames, 50), percentile(spent[1][how], frames, 99));
        printf("\n");
    }
    require(gl.GetError() == GL_NO_ERROR, "OpenGL failed.");
    fw_gl_readback_free(s.readback);
    for (int how = PUSH; how < WAYS; how++) fw_sender_close(s.senders[how]);
    gl.BindFramebuffer(GL_FRAMEBUFFER, 0);
    gl.DeleteFramebuffers(1, &s.source);
    gl.DeleteFramebuffers(1, &s.target);
    gl.DeleteTextures(2, s.textures);
    free(s.pixels);
    for (int part = 0; part < 2; part++)
        for (int how = 0; how < WAYS; how++) free(spent[part][how]);
}

int main(int count, char **arguments) {
    int sized = 0, width, height;
    for (int i = 1; i + 1 < count; i += 2) {
        const char *name = arguments[i], *value = arguments[i + 1];
        if (strcmp(name, "--frames") == 0) frames = atol(value);
        if (strcmp(name, "--interval") == 0) interval_ms = atol(value);
        if (strcmp(name, "--profile") == 0)
            profile = strcmp(value, "raw") == 0 ? FW_PROFILE_RAW : strcmp(value, "tile") == 0 ? FW_PROFILE_TILE : FW_PROFILE_LZ4;
    }
    require(frames > 0 && interval_ms >= 0, "--frames N, --interval MS.");
    make_context();
    printf("%s, %s\n", (const char *)gl.GetString(GL_RENDERER), (const char *)gl.GetString(GL_VERSION));
    printf("ms                  frame p50       p99  call p50       p99\n");
    for (int i = 1; i + 1 < count; i += 2)
        if (strcmp(arguments[i], "--size") == 0 && sscanf(arguments[i + 1], "%dx%d", &width, &height) == 2) {
            measure(width, height);
            sized = 1;
        }
    if (!sized) {
        measure(1280, 720);
        measure(1920, 1080);
        measure(3840, 2160);
    }
    return 0;
}
