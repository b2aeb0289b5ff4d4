/*
 * `dlsym` in place of the C library's, for programs that load OpenGL themselves (SDL, GLFW, libepoxy, …).
 *
 * It is C, because the call of the real one must be a jump: for RTLD_NEXT that one looks at its return address to learn who
 * asks, and Swift promises no tail calls.
 */
#define _GNU_SOURCE
#include "capture.h"

#include <dlfcn.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

typedef void *look_up_function(void *restrict, const char *restrict);

static look_up_function *real_function(void) {
    static _Atomic(look_up_function *) known;
    look_up_function *function = atomic_load_explicit(&known, memory_order_acquire);
    if (function == NULL) {
        /* Since glibc 2.34 it is in libc itself, by this version on every processor. */
        function = (look_up_function *)dlvsym(RTLD_NEXT, "dlsym", "GLIBC_2.34");
        atomic_store_explicit(&known, function, memory_order_release);
    }
    return function;
}

void *dlsym(void *restrict handle, const char *restrict name) {
    look_up_function *function = real_function();
    if (function == NULL) {
        return NULL;
    }
    /* Who asks for the next function is between the program and OpenGL, as this library is, and must not get to itself. */
    if (handle == RTLD_NEXT || !fwc_is_hooked(name)) {
        __attribute__((musttail)) return function(handle, name);
    }
    void *found = function(handle, name);
    return found == NULL ? NULL : fwc_replacement(name, found);
}

void *fwc_find(void *library, const char *name) {
    look_up_function *function = real_function();
    return function == NULL ? NULL : function(library, name);
}

void *fwc_find_next(const char *name) {
    look_up_function *function = real_function();
    /* Volatile, so that this is no tail call: the next one is looked for from here. */
    void *volatile found = function == NULL ? NULL : function(RTLD_NEXT, name);
    return found;
}

void *fwc_find_own(const char *name) {
    void *library = fwc_library_of((const void *)fwc_find_own);
    return library == NULL ? NULL : fwc_find(library, name);
}

void *fwc_library_of(const void *address) {
    Dl_info info;
    if (dladdr(address, &info) == 0 || info.dli_fname == NULL) {
        return NULL;
    }
    return dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD);
}

void *fwc_open_library(const char *name) { return dlopen(name, RTLD_LAZY | RTLD_LOCAL); }

int32_t fwc_is_own(const void *address) {
    Dl_info own, other;
    return dladdr((const void *)fwc_find, &own) != 0 && dladdr(address, &other) != 0 && own.dli_fbase == other.dli_fbase;
}

int32_t fwc_share_folder(const void *first, const void *second) {
    Dl_info a, b;
    if (dladdr(first, &a) == 0 || dladdr(second, &b) == 0 || a.dli_fname == NULL || b.dli_fname == NULL) {
        return 0;
    }
    const char *end = strrchr(a.dli_fname, '/');
    size_t length = end == NULL ? 0 : (size_t)(end - a.dli_fname) + 1;
    const char *other_end = strrchr(b.dli_fname, '/');
    size_t other_length = other_end == NULL ? 0 : (size_t)(other_end - b.dli_fname) + 1;
    return length == other_length && memcmp(a.dli_fname, b.dli_fname, length) == 0;
}

int32_t *fwc_depth(void) {
    static _Thread_local int32_t depth;
    return &depth;
}
