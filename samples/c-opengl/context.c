#include "context.h"

#include <EGL/egl.h>
#include <EGL/eglext.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef WITH_X11
#include <X11/Xlib.h>
#include <X11/Xutil.h>
#include <X11/keysym.h>
#endif

#include "gl.h"

struct gl_functions gl;

struct context {
    EGLDisplay display;
    EGLContext context;
    EGLSurface surface;
    bool es;
#ifdef WITH_X11
    Display *x11;
    Window window;
    Atom delete_window;
#endif
};

static bool contains(const char *extensions, const char *name) { return extensions && strstr(extensions, name); }

static bool make_context(context *c, EGLenum api, EGLint surface_type, EGLint renderable, EGLint major, EGLint minor,
                         EGLConfig *config) {
    const EGLint config_attributes[] = { EGL_SURFACE_TYPE, surface_type, EGL_RENDERABLE_TYPE, renderable, EGL_RED_SIZE, 8,
                                         EGL_GREEN_SIZE, 8, EGL_BLUE_SIZE, 8, EGL_NONE };
    const EGLint context_attributes[] = { EGL_CONTEXT_MAJOR_VERSION, major, EGL_CONTEXT_MINOR_VERSION, minor, EGL_NONE };
    EGLint count = 0;
    if (!eglBindAPI(api) || !eglChooseConfig(c->display, config_attributes, config, 1, &count) || count == 0) return false;
    c->context = eglCreateContext(c->display, *config, EGL_NO_CONTEXT, context_attributes);
    c->es = api == EGL_OPENGL_ES_API;
    return c->context != EGL_NO_CONTEXT;
}

/* A context of the API that the display has; core profile is what EGL gives from version 3.2 on. */
static bool make_any_context(context *c, EGLint surface_type, EGLConfig *config) {
    return make_context(c, EGL_OPENGL_API, surface_type, EGL_OPENGL_BIT, 3, 3, config) ||
           make_context(c, EGL_OPENGL_ES_API, surface_type, EGL_OPENGL_ES3_BIT, 3, 0, config);
}

/* Everything is drawn into framebuffer objects, so no surface is needed; where EGL insists on one, a tiny one does. */
static bool use_display(context *c, EGLDisplay display) {
    EGLConfig config;
    if (display == EGL_NO_DISPLAY || !eglInitialize(display, NULL, NULL)) return false;
    c->display = display;
    if (make_any_context(c, EGL_PBUFFER_BIT, &config) || make_any_context(c, 0, &config)) {
        if (eglMakeCurrent(display, EGL_NO_SURFACE, EGL_NO_SURFACE, c->context)) return true;
        const EGLint tiny[] = { EGL_WIDTH, 16, EGL_HEIGHT, 16, EGL_NONE };
        c->surface = eglCreatePbufferSurface(display, config, tiny);
        if (c->surface && eglMakeCurrent(display, c->surface, c->surface, c->context)) return true;
    }
    eglTerminate(display);
    c->surface = EGL_NO_SURFACE;
    return false;
}

/* A graphics card first, then Mesa's choice, which may be the processor, then whatever the default display is. */
static bool create_headless(context *c) {
    const char *extensions = eglQueryString(EGL_NO_DISPLAY, EGL_EXTENSIONS);
    PFNEGLGETPLATFORMDISPLAYEXTPROC get_display =
        (PFNEGLGETPLATFORMDISPLAYEXTPROC)eglGetProcAddress("eglGetPlatformDisplayEXT");
    PFNEGLQUERYDEVICESEXTPROC query_devices = (PFNEGLQUERYDEVICESEXTPROC)eglGetProcAddress("eglQueryDevicesEXT");
    PFNEGLQUERYDEVICESTRINGEXTPROC device_string =
        (PFNEGLQUERYDEVICESTRINGEXTPROC)eglGetProcAddress("eglQueryDeviceStringEXT");

    if (get_display && query_devices && device_string && contains(extensions, "EGL_EXT_platform_device")) {
        EGLDeviceEXT devices[16];
        EGLint count = 0;
        if (query_devices(16, devices, &count))
            for (EGLint i = 0; i < count; i++)
                if (!contains(device_string(devices[i], EGL_EXTENSIONS), "EGL_MESA_device_software") &&
                    use_display(c, get_display(EGL_PLATFORM_DEVICE_EXT, devices[i], NULL)))
                    return true;
    }
    if (get_display && contains(extensions, "EGL_MESA_platform_surfaceless") &&
        use_display(c, get_display(EGL_PLATFORM_SURFACELESS_MESA, EGL_DEFAULT_DISPLAY, NULL)))
        return true;
    if (use_display(c, eglGetDisplay(EGL_DEFAULT_DISPLAY))) return true;
    fprintf(stderr, "No OpenGL 3.3 or OpenGL ES 3.0 by EGL on this machine. Without a graphics card, Mesa draws on the "
                    "processor: install libegl1 and libgl1-mesa-dri.\n");
    return false;
}

#ifdef WITH_X11
static bool create_window(context *c, int width, int height) {
    c->x11 = XOpenDisplay(NULL);
    if (!c->x11) {
        fprintf(stderr, "There is no X display to open a window on: set DISPLAY, or leave --window out.\n");
        return false;
    }
    EGLConfig config;
    c->display = eglGetDisplay((EGLNativeDisplayType)c->x11);
    EGLint visual_id = 0;
    if (!eglInitialize(c->display, NULL, NULL) || !make_any_context(c, EGL_WINDOW_BIT, &config) ||
        !eglGetConfigAttrib(c->display, config, EGL_NATIVE_VISUAL_ID, &visual_id)) {
        fprintf(stderr, "No OpenGL 3.3 or OpenGL ES 3.0 by EGL on X display %s.\n", XDisplayString(c->x11));
        return false;
    }
    XVisualInfo wanted, *visual;
    int count = 0;
    memset(&wanted, 0, sizeof wanted);
    wanted.visualid = (VisualID)visual_id;
    visual = XGetVisualInfo(c->x11, VisualIDMask, &wanted, &count);
    if (!visual) {
        fprintf(stderr, "X display %s has no visual %d.\n", XDisplayString(c->x11), visual_id);
        return false;
    }
    Window root = RootWindow(c->x11, visual->screen);
    XSetWindowAttributes attributes;
    memset(&attributes, 0, sizeof attributes);
    attributes.colormap = XCreateColormap(c->x11, root, visual->visual, AllocNone);
    attributes.event_mask = KeyPressMask | StructureNotifyMask;
    c->window = XCreateWindow(c->x11, root, 0, 0, (unsigned)width, (unsigned)height, 0, visual->depth, InputOutput,
                              visual->visual, CWColormap | CWEventMask, &attributes);
    XFree(visual);
    XStoreName(c->x11, c->window, "Framewire: OpenGL sample");
    c->delete_window = XInternAtom(c->x11, "WM_DELETE_WINDOW", False);
    XSetWMProtocols(c->x11, c->window, &c->delete_window, 1);
    /* The picture has one size: what is sent does not follow the window. */
    XSizeHints hints;
    memset(&hints, 0, sizeof hints);
    hints.flags = PMinSize | PMaxSize;
    hints.min_width = hints.max_width = width;
    hints.min_height = hints.max_height = height;
    XSetWMNormalHints(c->x11, c->window, &hints);
    XMapWindow(c->x11, c->window);
    c->surface = eglCreateWindowSurface(c->display, config, (EGLNativeWindowType)c->window, NULL);
    if (!c->surface || !eglMakeCurrent(c->display, c->surface, c->surface, c->context)) {
        fprintf(stderr, "EGL could not draw into the window (error 0x%x).\n", (unsigned)eglGetError());
        return false;
    }
    eglSwapInterval(c->display, 0);
    return true;
}
#else
static bool create_window(context *c, int width, int height) {
    (void)c, (void)width, (void)height;
    fprintf(stderr, "This program was built without X11: install libx11-dev and build it again, or leave --window out.\n");
    return false;
}
#endif

context *context_create(bool window, int width, int height) {
    context *c = calloc(1, sizeof *c);
    if (!c) return NULL;
    if (!(window ? create_window(c, width, height) : create_headless(c))) {
        context_destroy(c);
        return NULL;
    }
    const char *missing = NULL;
#define GL_LOAD(type, name) \
    if (!(gl.name = (type)eglGetProcAddress("gl" #name))) missing = "gl" #name;
    GL_FUNCTIONS(GL_LOAD)
#undef GL_LOAD
    if (missing) {
        fprintf(stderr, "The OpenGL driver does not have %s.\n", missing);
        context_destroy(c);
        return NULL;
    }
    return c;
}

bool context_is_es(const context *c) { return c->es; }

bool context_present(context *c) {
    bool open = true;
#ifdef WITH_X11
    if (!c->x11) return true;
    eglSwapBuffers(c->display, c->surface);
    while (XPending(c->x11)) {
        XEvent event;
        XNextEvent(c->x11, &event);
        if (event.type == KeyPress) {
            KeySym key = XLookupKeysym(&event.xkey, 0);
            if (key == XK_Escape || key == XK_q) open = false;
        } else if (event.type == ClientMessage && (Atom)event.xclient.data.l[0] == c->delete_window) {
            open = false;
        }
    }
#else
    (void)c;
#endif
    return open;
}

void context_destroy(context *c) {
    if (!c) return;
    if (c->display) {
        eglMakeCurrent(c->display, EGL_NO_SURFACE, EGL_NO_SURFACE, EGL_NO_CONTEXT);
        eglTerminate(c->display); /* takes contexts and surfaces with it */
    }
#ifdef WITH_X11
    if (c->x11) XCloseDisplay(c->x11);
#endif
    free(c);
}
