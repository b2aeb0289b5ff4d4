/*
 * The readback in a window of X11 by GLX, whose loader, other than EGL's, has an address for any name: what is missing shows by version
 * and extensions alone. Argument: core, compat, or what Mesa was told to be: old, ext. Needs DISPLAY.
 */
#include "../CAPI/support.h"

#include <framewire/gl.h>

#include <GL/gl.h>
#include <GL/glx.h>
#include <X11/Xlib.h>

enum { FRAMES = 12, LARGEST = 200 };

typedef GLXContext (*create_context)(Display *, GLXFBConfig, GLXContext, Bool, const int *);

static Display *display;
static Window window;

static fw_gl_proc look_up(const char *name, void *user) {
    (void)user;
    return (fw_gl_proc)glXGetProcAddressARB((const GLubyte *)name);
}

/* The window's size from frame `index` on; it is resized in mid-stream. */
static int width_of(int index) { return index < FRAMES / 2 ? 101 : 64; }
static int height_of(int index) { return index < FRAMES / 2 ? 47 : 96; }

static GLXContext open_window(int is_core) {
    const int wanted[] = { GLX_DOUBLEBUFFER, True, GLX_RED_SIZE, 8, GLX_GREEN_SIZE, 8, GLX_BLUE_SIZE, 8, None };
    const int core[] = { GLX_CONTEXT_MAJOR_VERSION_ARB, 3, GLX_CONTEXT_MINOR_VERSION_ARB, 3, GLX_CONTEXT_PROFILE_MASK_ARB,
                         GLX_CONTEXT_CORE_PROFILE_BIT_ARB, None };
    int count = 0;
    GLXFBConfig *configs;
    XVisualInfo *visual;
    XSetWindowAttributes attributes;
    GLXContext context;
    XEvent event;
    display = XOpenDisplay(NULL);
    CHECK(display != NULL);
    configs = glXChooseFBConfig(display, DefaultScreen(display), wanted, &count);
    CHECK(configs != NULL && count > 0);
    visual = glXGetVisualFromFBConfig(display, configs[0]);
    CHECK(visual != NULL);
    memset(&attributes, 0, sizeof attributes);
    attributes.colormap = XCreateColormap(display, DefaultRootWindow(display), visual->visual, AllocNone);
    attributes.event_mask = StructureNotifyMask;
    window = XCreateWindow(display, DefaultRootWindow(display), 0, 0, (unsigned)width_of(0), (unsigned)height_of(0), 0,
                           visual->depth, InputOutput, visual->visual, CWColormap | CWEventMask | CWBorderPixel, &attributes);
    XMapWindow(display, window);
    do XNextEvent(display, &event);
    while (event.type != MapNotify);
    if (is_core) {
        create_context create = (create_context)look_up("glXCreateContextAttribsARB", NULL);
        context = create(display, configs[0], NULL, True, core);
    } else {
        context = glXCreateNewContext(display, configs[0], GLX_RGBA_TYPE, NULL, True);
    }
    CHECK(context != NULL && glXMakeCurrent(display, window, context));
    XFree(visual);
    XFree(configs);
    return context;
}

/* The window's framebuffer takes the new size with the next picture. */
static void resize(int width, int height) {
    XEvent event;
    XResizeWindow(display, window, (unsigned)width, (unsigned)height);
    do XNextEvent(display, &event);
    while (event.type != ConfigureNotify || event.xconfigure.width != width);
    glXSwapBuffers(display, window);
    glFinish();
}

/* Draws stripes, each row in a colour of its own, and keeps what OpenGL then has: rows bottom-up. */
static void draw(int index, unsigned char *pixels) {
    const int width = width_of(index), height = height_of(index);
    int x, y;
    glViewport(0, 0, width, height);
    glEnable(GL_SCISSOR_TEST);
    for (y = 0; y < height; y++) {
        const unsigned char color[] = { (unsigned char)(y * 2), (unsigned char)(255 - y), (unsigned char)(index * 20), 255 };
        glScissor(0, y, width, 1);
        glClearColor(color[0] / 255.0f, color[1] / 255.0f, color[2] / 255.0f, 1);
        glClear(GL_COLOR_BUFFER_BIT);
        for (x = 0; x < width; x++) memcpy(pixels + (size_t)(y * width + x) * 4, color, 4);
    }
    glDisable(GL_SCISSOR_TEST);
}

static void expect(fw_receiver *receiver, int index, const unsigned char *pixels) {
    fw_frame *frame;
    fw_frame_info got = FW_FRAME_INFO_INIT, wanted = picture((uint32_t)width_of(index), (uint32_t)height_of(index));
    wanted.row_order = FW_ROW_ORDER_BOTTOM_UP;
    CHECK_OK(fw_receiver_next(receiver, PATIENCE, &frame));
    CHECK_OK(fw_frame_get_info(frame, &got));
    CHECK(got.width == wanted.width && got.height == wanted.height && got.format == FW_PIXEL_FORMAT_RGBA8);
    CHECK(frame_checksum(frame) == picture_checksum(&wanted, pixels, picture_size(&wanted)));
    fw_frame_unref(frame);
}

int main(int count, char **arguments) {
    static unsigned char pixels[LARGEST * LARGEST * 4];
    const char *kind = count > 1 ? arguments[1] : "core";
    fw_gl_options options = FW_GL_OPTIONS_INIT;
    fw_gl_stats stats = FW_GL_STATS_INIT;
    fw_sender_options sending = FW_SENDER_OPTIONS_INIT;
    fw_gl_readback *readback;
    fw_sender *sender;
    fw_receiver *receiver;
    GLXContext context;
    int index;
    begin_test();
    context = open_window(strcmp(kind, "core") == 0);
    sending.overflow = FW_OVERFLOW_BLOCK;
    open_pair(&sending, NULL, &sender, &receiver);
    options.get_proc_address = look_up;
    options.format = FW_PIXEL_FORMAT_RGBA8;
    CHECK_OK(fw_gl_readback_new(sender, &options, &readback));
    for (index = 0; index < FRAMES; index++) {
        if (width_of(index) != width_of(index - 1)) resize(width_of(index), height_of(index));
        draw(index, pixels);
        CHECK_OK(fw_gl_readback_capture(readback, 0, 0, width_of(index), height_of(index), index));
        glXSwapBuffers(display, window);
        CHECK_OK(fw_gl_readback_drain(readback));
        expect(receiver, index, pixels);
    }
    CHECK_OK(fw_gl_readback_get_stats(readback, &stats));
    CHECK(stats.frames_delivered == FRAMES);
    /* An old context has neither fences nor memory that stays mapped, whatever its loader says. */
    CHECK(strcmp(kind, "old") != 0 || stats.path == FW_GL_PATH_UNFENCED);
    CHECK(strcmp(kind, "ext") != 0 || stats.path == FW_GL_PATH_UNFENCED);
    CHECK(glGetError() == GL_NO_ERROR);
    printf("%s: %s, path %d\n", kind, (const char *)glGetString(GL_VERSION), (int)stats.path);
    fw_gl_readback_free(readback);
    fw_sender_close(sender);
    fw_receiver_close(receiver);
    glXMakeCurrent(display, None, NULL);
    glXDestroyContext(display, context);
    XDestroyWindow(display, window);
    XCloseDisplay(display);
    return 0;
}
