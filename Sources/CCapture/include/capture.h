/*
 * What the preloaded library cannot say in Swift: `dlsym` itself, functions that only _GNU_SOURCE declares, a variable
 * of each thread, and a structure that is passed by value.
 */
#ifndef FRAMEWIRE_CCAPTURE_H
#define FRAMEWIRE_CCAPTURE_H

#include <stdint.h>

/* Written in Swift, for `dlsym`: whether the program gets another function than it asks for by this name. */
int32_t fwc_is_hooked(const char *_Nonnull name);

/* What the program gets in place of the function `found` of this name. */
void *_Nullable fwc_replacement(const char *_Nonnull name, void *_Nonnull found);

/* The system's own dlsym. */
void *_Nullable fwc_find(void *_Nullable library, const char *_Nonnull name);

/* The function that the program would call without this library; NULL where there is none. */
void *_Nullable fwc_find_next(const char *_Nonnull name);

/* The function that this library shows by this name. */
void *_Nullable fwc_find_own(const char *_Nonnull name);

/* The library that `address` is in, which from now on stays loaded; NULL when it is in none. */
void *_Nullable fwc_library_of(const void *_Nonnull address);

/* A library by its soname, loaded unless it is; it stays. NULL when there is none. */
void *_Nullable fwc_open_library(const char *_Nonnull name);

/* Whether `address` is in this library. */
int32_t fwc_is_own(const void *_Nonnull address);

/* Whether the libraries of both are files of the same folder. */
int32_t fwc_share_folder(const void *_Nonnull first, const void *_Nonnull second);

/* How deep in hooks the calling thread is: functions of the window system may call each other. */
int32_t *_Nonnull fwc_depth(void);

/* xcb_get_geometry returns and takes a structure of one number. */
typedef struct fwc_cookie {
    unsigned sequence;
} fwc_cookie;

/* Constants of EGL and GLX. */
#define FWC_EGL_HEIGHT 0x3056
#define FWC_EGL_WIDTH 0x3057
#define FWC_EGL_LARGEST_PBUFFER 0x3058
#define FWC_EGL_DRAW 0x3059
#define FWC_EGL_READ 0x305A
#define FWC_GLX_WIDTH 0x801D
#define FWC_GLX_HEIGHT 0x801E

typedef fwc_cookie (*fwc_get_geometry)(void *_Nonnull connection, uint32_t drawable);
typedef uint8_t *_Nullable (*fwc_get_geometry_reply)(void *_Nonnull connection, fwc_cookie cookie,
                                                     void *_Nullable *_Nullable error);

#endif
