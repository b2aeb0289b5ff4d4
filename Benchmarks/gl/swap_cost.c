/*
 * Nanoseconds that eglSwapBuffers takes where there is nothing to swap: a surface without a window. What it takes more under
 * `framewire capture` without a receiver is what the preloaded library costs then.
 */
#define _POSIX_C_SOURCE 200809L
#include <EGL/egl.h>
#include <stdio.h>
#include <time.h>

#define ROUNDS 9
#define SWAPS 300000

int main(void) {
    EGLDisplay display = eglGetDisplay(EGL_DEFAULT_DISPLAY);
    EGLint attributes[] = {EGL_SURFACE_TYPE, EGL_PBUFFER_BIT, EGL_RENDERABLE_TYPE, EGL_OPENGL_ES2_BIT, EGL_NONE};
    EGLint version[] = {EGL_CONTEXT_CLIENT_VERSION, 3, EGL_NONE};
    EGLint size[] = {EGL_WIDTH, 16, EGL_HEIGHT, 16, EGL_NONE};
    EGLConfig config;
    EGLint count;
    if (!eglInitialize(display, NULL, NULL) || !eglBindAPI(EGL_OPENGL_ES_API) ||
        !eglChooseConfig(display, attributes, &config, 1, &count) || count < 1) {
        return 1;
    }
    EGLContext context = eglCreateContext(display, config, EGL_NO_CONTEXT, version);
    EGLSurface surface = eglCreatePbufferSurface(display, config, size);
    if (!eglMakeCurrent(display, surface, surface, context)) {
        return 1;
    }
    double best = 1e9;
    for (int round = 0; round < ROUNDS; round++) {
        struct timespec start, end;
        clock_gettime(CLOCK_MONOTONIC, &start);
        for (int swap = 0; swap < SWAPS; swap++) {
            eglSwapBuffers(display, surface);
        }
        clock_gettime(CLOCK_MONOTONIC, &end);
        double time = ((double)(end.tv_sec - start.tv_sec) * 1e9 + (double)(end.tv_nsec - start.tv_nsec)) / SWAPS;
        best = time < best ? time : best;
    }
    printf("%.0f ns\n", best);
    return 0;
}
