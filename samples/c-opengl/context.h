/* An OpenGL context from EGL: without a display, or in a window. */
#ifndef CONTEXT_H
#define CONTEXT_H

#include <stdbool.h>

typedef struct context context;

/* Makes a context, 3.3 core or OpenGL ES 3.0, current on this thread and loads `gl`. NULL, after a message, if that fails. */
context *context_create(bool window, int width, int height);

/* Whether it is OpenGL ES. */
bool context_is_es(const context *context);

/* With a window: shows what was drawn into framebuffer 0. Returns false once the user has closed the window. */
bool context_present(context *context);

void context_destroy(context *context);

#endif
