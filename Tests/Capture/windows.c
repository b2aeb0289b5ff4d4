/*
 * A program to be captured, which knows nothing of Framewire: draws the pictures of pattern.h into windows of X.
 *
 *   windows [api=glx|egl|es] [windows=N] [contexts=one|each|threads] [frames=N] [from=N] [resize=FRAME] [samples=N]
 *           [lookup=plain|proc] [swap=plain|msc|damage] [end=return|exit|_exit|destroy|terminate|close|SIGNAL] [code=N] [pause=MS]
 *           [again=N] [fork=1]
 *
 * Built with -DLINKED its OpenGL is linked; else it is loaded by dlopen and looked up by dlsym, as SDL and GLFW do. With lookup=proc
 * the functions that swap come from glXGetProcAddress or eglGetProcAddress. again=N makes and destroys the windows' contexts N times.
 */
#define _GNU_SOURCE
#include "pattern.h"

#include <EGL/egl.h>
#include <EGL/eglext.h>
#include <GL/gl.h>
#include <GL/glx.h>
#include <X11/Xlib.h>
#include <X11/Xutil.h>
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define FUNCTIONS(X) \
    X(glXChooseFBConfig) X(glXGetVisualFromFBConfig) X(glXCreateNewContext) X(glXMakeCurrent) X(glXMakeContextCurrent) \
    X(glXSwapBuffers) X(glXDestroyContext) X(glXGetProcAddress) X(glXGetProcAddressARB) \
    X(glClear) X(glClearColor) X(glScissor) X(glEnable) X(glViewport) X(glGetError)
#define EGL_FUNCTIONS(X) \
    X(eglGetDisplay) X(eglInitialize) X(eglBindAPI) X(eglChooseConfig) X(eglCreateContext) X(eglCreateWindowSurface) \
    X(eglMakeCurrent) X(eglSwapBuffers) X(eglDestroyContext) X(eglDestroySurface) X(eglTerminate) X(eglGetProcAddress) \
    X(eglGetConfigAttrib)

#define DECLARE(name) static __typeof__(name) *name##_;
FUNCTIONS(DECLARE)
EGL_FUNCTIONS(DECLARE)

static const char *setting(int argc, char **argv, const char *name, const char *otherwise) {
    size_t length = strlen(name);
    for (int index = 1; index < argc; index++) {
        if (strncmp(argv[index], name, length) == 0 && argv[index][length] == '=') return argv[index] + length + 1;
    }
    return otherwise;
}

static int fail(const char *what) {
    fprintf(stderr, "windows: %s\n", what);
    _exit(99);
}

static int is_egl, is_es, uses_damage, uses_msc, frames, first, resize_at, samples;
static const char *contexts;
static long pause_ms;
static Display *display;
static EGLDisplay egl;
static EGLConfig egl_config;
static GLXFBConfig glx_config;
static int64_t (*swap_msc)(Display *, GLXDrawable, int64_t, int64_t, int64_t);
static PFNEGLSWAPBUFFERSWITHDAMAGEKHRPROC swap_damage;

#ifdef LINKED
#define LOAD(name) name##_ = name;
#define LOAD_EGL(name) name##_ = name;
#else
static void *library;
#define LOAD(name) \
    if ((*(void **)&name##_ = dlsym(library, #name)) == NULL) fail("no " #name);
#define LOAD_EGL(name) LOAD(name)
#endif

static void load(int from_proc) {
#ifndef LINKED
    if (dlsym(RTLD_DEFAULT, "eglSwapBuffers") != NULL || dlsym(RTLD_DEFAULT, "glXSwapBuffers") != NULL) {
        fail("OpenGL is there without having been loaded");
    }
    if (is_egl) {
        library = dlopen("libEGL.so.1", RTLD_LAZY | RTLD_LOCAL);
        if (library == NULL) fail(dlerror());
        EGL_FUNCTIONS(LOAD_EGL)
        library = dlopen(is_es ? "libGLESv2.so.2" : "libGL.so.1", RTLD_LAZY | RTLD_LOCAL);
        LOAD(glClear) LOAD(glClearColor) LOAD(glScissor) LOAD(glEnable) LOAD(glViewport) LOAD(glGetError)
    } else {
        library = dlopen("libGL.so.1", RTLD_LAZY | RTLD_LOCAL);
        if (library == NULL) fail(dlerror());
        FUNCTIONS(LOAD)
    }
#else
    FUNCTIONS(LOAD)
    EGL_FUNCTIONS(LOAD_EGL)
#endif
    if (from_proc) {
        if (is_egl) {
            *(void **)&eglSwapBuffers_ = (void *)eglGetProcAddress_("eglSwapBuffers");
            *(void **)&eglDestroyContext_ = (void *)eglGetProcAddress_("eglDestroyContext");
        } else {
            *(void **)&glXSwapBuffers_ = (void *)glXGetProcAddress_((const GLubyte *)"glXSwapBuffers");
            *(void **)&glXDestroyContext_ = (void *)glXGetProcAddressARB_((const GLubyte *)"glXDestroyContext");
        }
    }
    if (uses_damage) *(void **)&swap_damage = (void *)eglGetProcAddress_("eglSwapBuffersWithDamageKHR");
    if (uses_msc) *(void **)&swap_msc = (void *)glXGetProcAddress_((const GLubyte *)"glXSwapBuffersMscOML");
    if ((uses_damage && swap_damage == NULL) || (uses_msc && swap_msc == NULL)) fail("this way to swap is not there");
}

typedef struct window {
    unsigned number;
    int width, height;
    Window handle;
    EGLSurface surface;
    void *context;
} window;

static void choose_config(void) {
    if (is_egl) {
        egl = eglGetDisplay_((EGLNativeDisplayType)display);
        EGLint attributes[] = {EGL_SURFACE_TYPE, EGL_WINDOW_BIT, EGL_RENDERABLE_TYPE, is_es ? EGL_OPENGL_ES2_BIT : EGL_OPENGL_BIT,
                               EGL_RED_SIZE, 8, EGL_GREEN_SIZE, 8, EGL_BLUE_SIZE, 8, EGL_SAMPLES, samples, EGL_NONE};
        EGLint count = 0;
        if (!eglInitialize_(egl, NULL, NULL) || !eglBindAPI_(is_es ? EGL_OPENGL_ES_API : EGL_OPENGL_API) ||
            !eglChooseConfig_(egl, attributes, &egl_config, 1, &count) || count < 1) {
            fail("no configuration of EGL");
        }
    } else {
        int attributes[] = {GLX_DRAWABLE_TYPE, GLX_WINDOW_BIT, GLX_DOUBLEBUFFER, True, GLX_RED_SIZE, 8, GLX_GREEN_SIZE, 8,
                            GLX_BLUE_SIZE, 8, GLX_SAMPLES, samples, None};
        int count = 0;
        GLXFBConfig *found = glXChooseFBConfig_(display, DefaultScreen(display), attributes, &count);
        if (found == NULL || count < 1) fail("no configuration of GLX");
        glx_config = found[0];
        XFree(found);
    }
}

static void *make_context(void) {
    void *made;
    if (is_egl) {
        EGLint version[] = {EGL_CONTEXT_CLIENT_VERSION, 3, EGL_NONE};
        made = eglCreateContext_(egl, egl_config, EGL_NO_CONTEXT, is_es ? version : NULL);
    } else {
        made = glXCreateNewContext_(display, glx_config, GLX_RGBA_TYPE, NULL, True);
    }
    if (made == NULL) fail("no context");
    return made;
}

static void make_window(window *w) {
    XVisualInfo *visual;
    if (is_egl) {
        XVisualInfo wanted = {0};
        EGLint id = 0;
        int count = 0;
        eglGetConfigAttrib_(egl, egl_config, EGL_NATIVE_VISUAL_ID, &id);
        wanted.visualid = (VisualID)id;
        visual = XGetVisualInfo(display, VisualIDMask, &wanted, &count);
    } else {
        visual = glXGetVisualFromFBConfig_(display, glx_config);
    }
    if (visual == NULL) fail("no visual");
    XSetWindowAttributes attributes = {0};
    attributes.colormap = XCreateColormap(display, RootWindow(display, visual->screen), visual->visual, AllocNone);
    attributes.event_mask = StructureNotifyMask;
    w->handle = XCreateWindow(display, RootWindow(display, visual->screen), (int)w->number * 330, 0, (unsigned)w->width,
                              (unsigned)w->height, 0, visual->depth, InputOutput, visual->visual, CWColormap | CWEventMask,
                              &attributes);
    XMapWindow(display, w->handle);
    XFree(visual);
    if (is_egl) {
        w->surface = eglCreateWindowSurface_(egl, egl_config, w->handle, NULL);
        if (w->surface == EGL_NO_SURFACE) fail("no surface");
    }
}

static void make_current(const window *w, void *context) {
    int done;
    if (is_egl) {
        done = (int)eglMakeCurrent_(egl, w == NULL ? EGL_NO_SURFACE : w->surface, w == NULL ? EGL_NO_SURFACE : w->surface, context);
    } else {
        done = glXMakeCurrent_(display, w == NULL ? None : w->handle, context);
    }
    if (!done) fail("the context does not become current");
}

static void destroy_context(void *context) {
    if (is_egl) {
        eglDestroyContext_(egl, context);
    } else {
        glXDestroyContext_(display, context);
    }
}

static void resize(window *w) {
    w->width = w->width * 5 / 4 + 3;
    w->height = w->height * 3 / 4 + 1;
    XResizeWindow(display, w->handle, (unsigned)w->width, (unsigned)w->height);
    XEvent event;
    do {
        XWindowEvent(display, w->handle, StructureNotifyMask, &event);
    } while (event.type != ConfigureNotify || event.xconfigure.width != w->width || event.xconfigure.height != w->height);
}

static void draw(const window *w, unsigned frame) {
    glViewport_(0, 0, w->width, w->height);
    glEnable_(GL_SCISSOR_TEST);
    for (int row = 0; row < PATTERN_CELLS; row++) {
        for (int column = 0; column < PATTERN_CELLS; column++) {
            uint8_t color[3];
            pattern_color(w->number, frame, column, row, color);
            int x = pattern_edge(column, w->width), y = pattern_edge(row, w->height);
            glScissor_(x, y, pattern_edge(column + 1, w->width) - x, pattern_edge(row + 1, w->height) - y);
            glClearColor_(color[0] / 255.0f, color[1] / 255.0f, color[2] / 255.0f, 1);
            glClear_(GL_COLOR_BUFFER_BIT);
        }
    }
}

static void swap(const window *w) {
    if (uses_damage) {
        EGLint all[] = {0, 0, w->width, w->height};
        swap_damage(egl, w->surface, all, 1);
    } else if (uses_msc) {
        swap_msc(display, w->handle, 0, 0, 0);
    } else if (is_egl) {
        eglSwapBuffers_(egl, w->surface);
    } else {
        glXSwapBuffers_(display, w->handle);
    }
}

static void show(window *w, int frame) {
    draw(w, (unsigned)frame);
    swap(w);
    if (glGetError_() != GL_NO_ERROR) fail("an error of OpenGL that the program did not make");
    if (pause_ms > 0) nanosleep(&(struct timespec){pause_ms / 1000, pause_ms % 1000 * 1000000}, NULL);
}

static void *draw_alone(void *argument) {
    window *w = argument;
    if (is_egl) eglBindAPI_(is_es ? EGL_OPENGL_ES_API : EGL_OPENGL_API);
    w->context = make_context();
    make_current(w, w->context);
    for (int frame = first; frame < first + frames; frame++) {
        if (frame == resize_at) resize(w);
        show(w, frame);
    }
    make_current(NULL, NULL);
    destroy_context(w->context);
    return NULL;
}

int main(int argc, char **argv) {
    const char *api = setting(argc, argv, "api", "glx");
    is_es = strcmp(api, "es") == 0;
    is_egl = is_es || strcmp(api, "egl") == 0;
    int count = atoi(setting(argc, argv, "windows", "1"));
    contexts = setting(argc, argv, "contexts", "each");
    frames = atoi(setting(argc, argv, "frames", "20"));
    first = atoi(setting(argc, argv, "from", "0"));
    resize_at = atoi(setting(argc, argv, "resize", "-1"));
    samples = atoi(setting(argc, argv, "samples", "0"));
    pause_ms = atol(setting(argc, argv, "pause", "0"));
    const char *swap_by = setting(argc, argv, "swap", "plain");
    uses_damage = strcmp(swap_by, "damage") == 0;
    uses_msc = strcmp(swap_by, "msc") == 0;
    const char *end = setting(argc, argv, "end", "return");
    int code = atoi(setting(argc, argv, "code", "0"));
    if (count < 1 || count > 8) fail("windows=1 to 8");

    XInitThreads();
    load(strcmp(setting(argc, argv, "lookup", "plain"), "proc") == 0);
    display = XOpenDisplay(NULL);
    if (display == NULL) fail("no display");
    choose_config();
    window windows[8] = {{0}};
    for (int index = 0; index < count; index++) {
        windows[index].number = (unsigned)index + 1;
        windows[index].width = 320 - 16 * index;
        windows[index].height = 240 + 8 * index;
        make_window(&windows[index]);
    }
    XSync(display, False);
    puts("drawing");
    fflush(stdout);

    if (strcmp(contexts, "threads") == 0) {
        pthread_t threads[8];
        for (int index = 0; index < count; index++) pthread_create(&threads[index], NULL, draw_alone, &windows[index]);
        for (int index = 0; index < count; index++) pthread_join(threads[index], NULL);
    } else {
        int rounds = atoi(setting(argc, argv, "again", "1"));
        for (int round = 0; round < rounds; round++) {
            for (int index = 0; index < count; index++) {
                windows[index].context = index > 0 && strcmp(contexts, "one") == 0 ? windows[0].context : make_context();
            }
            for (int frame = first + round * frames; frame < first + (round + 1) * frames; frame++) {
                for (int index = 0; index < count; index++) {
                    if (frame == resize_at) resize(&windows[index]);
                    make_current(&windows[index], windows[index].context);
                    show(&windows[index], frame);
                }
            }
            if (round + 1 == rounds) break;
            /* Once while it is current, and once when it is not. */
            if (round % 2 == 0) make_current(NULL, NULL);
            for (int index = 0; index < count; index++) {
                if (index == 0 || strcmp(contexts, "one") != 0) destroy_context(windows[index].context);
            }
        }
    }
    if (setting(argc, argv, "fork", NULL) != NULL) {
        pid_t child = fork();
        if (child == 0) exit(3);
        int status = 0;
        waitpid(child, &status, 0);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 3) fail("the child did not exit as it should");
    }
    fprintf(stderr, "drawn\n");
    if (strcmp(end, "exit") == 0) exit(code);
    if (strcmp(end, "_exit") == 0) _exit(code);
    if (strcmp(end, "terminate") == 0) {
        make_current(NULL, NULL);
        if (is_egl) eglTerminate_(egl);
        XCloseDisplay(display);
    } else if (strcmp(end, "close") == 0) {
        XCloseDisplay(display);
    } else if (strcmp(end, "destroy") == 0) {
        make_current(NULL, NULL);
        for (int index = 0; index < count; index++) {
            if (index == 0 || strcmp(contexts, "one") != 0) destroy_context(windows[index].context);
        }
        XCloseDisplay(display);
    } else if (atoi(end) > 0) {
        raise(atoi(end));
    }
    return code;
}
