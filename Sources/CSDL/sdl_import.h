/*
 * SDL 2 by its headers alone: nothing links it. Its functions are looked up in libSDL2-2.0.so.0 when a window is opened, so that
 * the command needs no SDL for anything else.
 *
 * A table has a pointer for each function, under the function's own name and of its own type.
 */
#ifndef FRAMEWIRE_CSDL_H
#define FRAMEWIRE_CSDL_H

#define SDL_MAIN_HANDLED
#include <SDL2/SDL.h>
#include <dlfcn.h>
#include <string.h>

#define FWS_FUNCTIONS(F) \
    F(SDL_InitSubSystem) \
    F(SDL_Quit) \
    F(SDL_SetMainReady) \
    F(SDL_GetError) \
    F(SDL_GetCurrentVideoDriver) \
    F(SDL_SetHint) \
    F(SDL_CreateWindow) \
    F(SDL_DestroyWindow) \
    F(SDL_GetWindowSize) \
    F(SDL_SetWindowSize) \
    F(SDL_SetWindowPosition) \
    F(SDL_SetWindowTitle) \
    F(SDL_GetWindowFlags) \
    F(SDL_SetWindowFullscreen) \
    F(SDL_GetWindowDisplayIndex) \
    F(SDL_GetDisplayUsableBounds) \
    F(SDL_CreateRenderer) \
    F(SDL_DestroyRenderer) \
    F(SDL_GetRendererInfo) \
    F(SDL_GetRendererOutputSize) \
    F(SDL_SetRenderDrawColor) \
    F(SDL_RenderClear) \
    F(SDL_RenderCopy) \
    F(SDL_RenderPresent) \
    F(SDL_CreateTexture) \
    F(SDL_DestroyTexture) \
    F(SDL_UpdateTexture) \
    F(SDL_SetTextureBlendMode) \
    F(SDL_SetTextureScaleMode) \
    F(SDL_RegisterEvents) \
    F(SDL_PushEvent) \
    F(SDL_WaitEventTimeout)

#define FWS_FIELD(function) __typeof__(&function) _Nonnull function;
#define FWS_NAME(function) #function "\0"

typedef struct fws_functions {
    FWS_FUNCTIONS(FWS_FIELD)
} fws_functions;

/*
 * Fills the table. The library stays loaded.
 *
 * Returns NULL, or why it did not succeed: the loader's words, or the name of a function that is missing.
 */
static inline const char *fws_load(fws_functions *table) {
    const char *names = FWS_FUNCTIONS(FWS_NAME);
    void *library = dlopen("libSDL2-2.0.so.0", RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        return dlerror();
    }
    char *field = (char *)table;
    while (*names != 0) {
        void *function = dlsym(library, names);
        if (function == NULL) {
            return names;
        }
        memcpy(field, &function, sizeof function);
        field += sizeof function;
        names += strlen(names) + 1;
    }
    return NULL;
}

/* Macros that Swift does not see. */
static const int fws_window_position = (int)SDL_WINDOWPOS_CENTERED;

#endif
