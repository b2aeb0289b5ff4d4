/*
 * Draws moving squares with OpenGL from C++11 and sends every picture, read back through the ring of pixel buffers.
 *
 *   ./cpp-opengl tcp://127.0.0.1:3000 [frames]
 *
 * SPDX-License-Identifier: MIT
 */
#define EGL_EGLEXT_PROTOTYPES
#include <EGL/egl.h>
#include <EGL/eglext.h>
#include <GL/gl.h>
#include <framewire/framewire.h>

#include <chrono>
#include <cmath>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

static void check(fw_status status) {
    if (status != FW_OK) throw std::runtime_error(fw_last_error());
}

struct Close {
    void operator()(fw_sender *sender) const { fw_sender_close(sender); }
    void operator()(fw_gl_readback *readback) const { fw_gl_readback_free(readback); }
};

/* An OpenGL context without a display, current on this thread, with a framebuffer of its own to draw into. */
class Context {
  public:
    Context(int width, int height) {
        const EGLint wanted[] = { EGL_SURFACE_TYPE, EGL_PBUFFER_BIT, EGL_RENDERABLE_TYPE, EGL_OPENGL_BIT, EGL_NONE };
        const EGLint size[] = { EGL_WIDTH, width, EGL_HEIGHT, height, EGL_NONE };
        EGLConfig config;
        EGLint count = 0;
        display = eglGetPlatformDisplay(EGL_PLATFORM_SURFACELESS_MESA, EGL_DEFAULT_DISPLAY, nullptr);
        if (!eglInitialize(display, nullptr, nullptr) || !eglBindAPI(EGL_OPENGL_API) ||
            !eglChooseConfig(display, wanted, &config, 1, &count) || count == 0)
            throw std::runtime_error("EGL has no OpenGL without a display here");
        const EGLSurface surface = eglCreatePbufferSurface(display, config, size);
        const EGLContext context = eglCreateContext(display, config, EGL_NO_CONTEXT, nullptr);
        if (!eglMakeCurrent(display, surface, surface, context)) throw std::runtime_error("EGL makes no context");
    }
    ~Context() { eglTerminate(display); }
    Context(const Context &) = delete;
    Context &operator=(const Context &) = delete;

  private:
    EGLDisplay display;
};

/* Squares that turn around the middle; only what the oldest OpenGL has. */
static void draw(int width, int height, double time) {
    glDisable(GL_SCISSOR_TEST);
    glClearColor(0.1f, 0.12f, 0.16f, 1);
    glClear(GL_COLOR_BUFFER_BIT);
    glEnable(GL_SCISSOR_TEST);
    for (int i = 0; i < 12; i++) {
        const double angle = time + i * 0.5236;
        glScissor(static_cast<int>(width * (0.5 + 0.35 * std::cos(angle))) - 24,
                  static_cast<int>(height * (0.5 + 0.35 * std::sin(angle))) - 24, 48, 48);
        glClearColor(static_cast<float>(0.5 + 0.5 * std::cos(i)), static_cast<float>(0.5 + 0.5 * std::sin(i)), 0.6f, 1);
        glClear(GL_COLOR_BUFFER_BIT);
    }
}

int main(int count, char **arguments) {
    const std::string url = count > 1 ? arguments[1] : "tcp://127.0.0.1:3000";
    const long frames = count > 2 ? std::atol(arguments[2]) : 300;
    const int width = 640, height = 360;
    try {
        Context context(width, height);
        fw_sender *opened = nullptr;
        check(fw_sender_open(url.c_str(), nullptr, &opened));
        const std::unique_ptr<fw_sender, Close> sender(opened);

        fw_gl_options options = FW_GL_OPTIONS_INIT;
        options.get_proc_address = [](const char *name, void *) -> fw_gl_proc { return eglGetProcAddress(name); };
        fw_gl_readback *made = nullptr;
        check(fw_gl_readback_new(sender.get(), &options, &made));
        const std::unique_ptr<fw_gl_readback, Close> readback(made);

        for (long i = 0; i < frames; i++) {
            draw(width, height, static_cast<double>(i) / 60);
            check(fw_gl_readback_capture(readback.get(), 0, 0, width, height, i * 1000000000LL / 60));
            std::this_thread::sleep_for(std::chrono::microseconds(16667));
        }
        check(fw_gl_readback_drain(readback.get()));
        check(fw_sender_flush(sender.get(), 10000000000LL));
        return 0;
    } catch (const std::exception &error) {
        std::cerr << "cpp-opengl: " << error.what() << '\n';
        return 1;
    }
}
