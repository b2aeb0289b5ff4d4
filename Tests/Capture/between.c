/*
 * A library that is preloaded behind Framewire's, as other tools are, and stands before glXSwapBuffers too: says at the end how often that
 * was called.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>

static unsigned swaps;

void glXSwapBuffers(void *display, unsigned long drawable);

void glXSwapBuffers(void *display, unsigned long drawable) {
    void (*next)(void *, unsigned long);
    *(void **)&next = dlsym(RTLD_NEXT, "glXSwapBuffers");
    swaps++;
    next(display, drawable);
}

__attribute__((destructor)) static void report(void) { printf("%u swaps\n", swaps); }
