/*
 * What the readback uses of OpenGL 2.1 to 4.6 and OpenGL ES 3: a table of functions, which are looked up at run time, and constants.
 * No header and no library of OpenGL is needed.
 *
 * Functions come in groups that are there or not as a whole; the digit before a name says in which group it is.
 */
#ifndef FRAMEWIRE_COPENGL_H
#define FRAMEWIRE_COPENGL_H

#include <stdint.h>
#include <stdio.h>

#define FWGL_GROUP_BASE 0           /* every context */
#define FWGL_GROUP_STRINGS 1        /* extensions one by one: OpenGL 3.0 */
#define FWGL_GROUP_FRAMEBUFFERS 2   /* framebuffer objects: OpenGL 3.0; EXT_framebuffer_object, with suffix */
#define FWGL_GROUP_BLITS 3          /* framebuffers of the readback's own: OpenGL 3.0 */
#define FWGL_GROUP_BUFFERS 4        /* OpenGL 1.5 */
#define FWGL_GROUP_MAP 5            /* OpenGL 1.5, not in OpenGL ES */
#define FWGL_GROUP_MAP_RANGE 6      /* OpenGL 3.0 */
#define FWGL_GROUP_STORAGE 7        /* OpenGL 4.4; EXT_buffer_storage, with suffix */
#define FWGL_GROUP_FENCES 8         /* OpenGL 3.2 */
#define FWGL_GROUP_RESET 9          /* OpenGL 4.5, or extensions with suffixes */
#define FWGL_GROUP_TRANSFER 10      /* compatibility profiles */
#define FWGL_GROUP_CLAMP 11         /* OpenGL 3.0, not in OpenGL ES */

#define FWGL_FUNCTIONS(F) \
    F("0", const uint8_t *_Nullable, GetString, (uint32_t name)) \
    F("0", void, GetIntegerv, (uint32_t name, int32_t *_Nonnull values)) \
    F("0", void, GetFloatv, (uint32_t name, float *_Nonnull values)) \
    F("0", uint32_t, GetError, (void)) \
    F("0", uint8_t, IsEnabled, (uint32_t capability)) \
    F("0", void, Enable, (uint32_t capability)) \
    F("0", void, Disable, (uint32_t capability)) \
    F("0", void, PixelStorei, (uint32_t name, int32_t value)) \
    F("0", void, ReadBuffer, (uint32_t buffer)) \
    F("0", void, ReadPixels, (int32_t x, int32_t y, int32_t width, int32_t height, uint32_t format, uint32_t type, \
                              void *_Nullable pixels)) \
    F("1", const uint8_t *_Nullable, GetStringi, (uint32_t name, uint32_t index)) \
    F("2", void, BindFramebuffer, (uint32_t target, uint32_t framebuffer)) \
    F("2", uint32_t, CheckFramebufferStatus, (uint32_t target)) \
    F("2", uint8_t, IsFramebuffer, (uint32_t framebuffer)) \
    F("2", void, GetFramebufferAttachmentParameteriv, \
      (uint32_t target, uint32_t attachment, uint32_t name, int32_t *_Nonnull values)) \
    F("3", void, GenFramebuffers, (int32_t count, uint32_t *_Nonnull names)) \
    F("3", void, DeleteFramebuffers, (int32_t count, const uint32_t *_Nonnull names)) \
    F("3", void, FramebufferRenderbuffer, \
      (uint32_t target, uint32_t attachment, uint32_t renderbuffer_target, uint32_t renderbuffer)) \
    F("3", void, GenRenderbuffers, (int32_t count, uint32_t *_Nonnull names)) \
    F("3", void, DeleteRenderbuffers, (int32_t count, const uint32_t *_Nonnull names)) \
    F("3", void, BindRenderbuffer, (uint32_t target, uint32_t renderbuffer)) \
    F("3", void, RenderbufferStorage, (uint32_t target, uint32_t format, int32_t width, int32_t height)) \
    F("3", void, GetRenderbufferParameteriv, (uint32_t target, uint32_t name, int32_t *_Nonnull values)) \
    F("3", void, BlitFramebuffer, (int32_t x0, int32_t y0, int32_t x1, int32_t y1, int32_t to_x0, int32_t to_y0, \
                                   int32_t to_x1, int32_t to_y1, uint32_t mask, uint32_t filter)) \
    F("3", void, DrawBuffers, (int32_t count, const uint32_t *_Nonnull buffers)) \
    F("4", void, GenBuffers, (int32_t count, uint32_t *_Nonnull names)) \
    F("4", void, DeleteBuffers, (int32_t count, const uint32_t *_Nonnull names)) \
    F("4", void, BindBuffer, (uint32_t target, uint32_t buffer)) \
    F("4", void, BufferData, (uint32_t target, intptr_t size, const void *_Nullable bytes, uint32_t usage)) \
    F("4", uint8_t, UnmapBuffer, (uint32_t target)) \
    F("4", void, GetBufferParameteriv, (uint32_t target, uint32_t name, int32_t *_Nonnull values)) \
    F("5", void *_Nullable, MapBuffer, (uint32_t target, uint32_t access)) \
    F("6", void *_Nullable, MapBufferRange, (uint32_t target, intptr_t offset, intptr_t size, uint32_t access)) \
    F("7", void, BufferStorage, (uint32_t target, intptr_t size, const void *_Nullable bytes, uint32_t flags)) \
    F("8", void *_Nullable, FenceSync, (uint32_t condition, uint32_t flags)) \
    F("8", uint32_t, ClientWaitSync, (void *_Nullable sync, uint32_t flags, uint64_t timeout)) \
    F("8", void, DeleteSync, (void *_Nullable sync)) \
    F("9", uint32_t, GetGraphicsResetStatus, (void)) \
    F("A", void, PixelTransferf, (uint32_t name, float value)) \
    F("B", void, ClampColor, (uint32_t target, uint32_t clamp))

#define FWGL_FIELD(group, result, name, parameters) result (*_Nonnull name) parameters;
#define FWGL_NAME(group, result, name, parameters) group #name "\0"

/* A function whose group was not loaded must not be called. */
typedef struct fwgl_functions {
    FWGL_FUNCTIONS(FWGL_FIELD)
} fwgl_functions;

/* The group and the name, without "gl", of each function in the order of the table; an empty one is the end. */
static inline const char *_Nonnull fwgl_names(void) { return FWGL_FUNCTIONS(FWGL_NAME); }

/* Puts the name of a function together, "glBufferStorageEXT". */
static inline void fwgl_full_name(char *_Nonnull to, size_t room, const char *_Nonnull name, const char *_Nonnull suffix) {
    snprintf(to, room, "gl%s%s", name, suffix);
}

/* What glPixelStorei sets for reading; the last ones are there in some contexts alone. */
#define FWGL_PACK_COUNT 7
static inline uint32_t fwgl_pack_name(intptr_t index) {
    static const uint32_t names[FWGL_PACK_COUNT] = {
        0x0D05 /* GL_PACK_ALIGNMENT */, 0x0D02 /* _ROW_LENGTH */, 0x0D03 /* _SKIP_ROWS */, 0x0D04 /* _SKIP_PIXELS */,
        0x0D00 /* _SWAP_BYTES */, 0x8758 /* _INVERT_MESA */, 0x93A4 /* _REVERSE_ROW_ORDER_ANGLE */
    };
    return names[index];
}

/* The function of EGL or GLX that says which context is current. */
typedef void *_Nullable (*fwgl_current_context)(void);

#define FWGL_FALSE 0u
#define FWGL_NONE 0u
#define FWGL_CONTEXT_LOST 0x0507u
#define FWGL_READ_BUFFER 0x0C02u
#define FWGL_SCISSOR_TEST 0x0C11u
#define FWGL_VERSION 0x1F02u
#define FWGL_EXTENSIONS 0x1F03u
#define FWGL_RENDERER 0x1F01u
#define FWGL_NUM_EXTENSIONS 0x821Du
#define FWGL_CONTEXT_PROFILE_MASK 0x9126u
#define FWGL_CONTEXT_COMPATIBILITY_PROFILE_BIT 2
#define FWGL_RESET_NOTIFICATION_STRATEGY 0x8256u
#define FWGL_LOSE_CONTEXT_ON_RESET 0x8252

#define FWGL_FRONT_LEFT 0x0400u
#define FWGL_BACK_LEFT 0x0402u
#define FWGL_FRONT 0x0404u
#define FWGL_BACK 0x0405u
#define FWGL_LEFT 0x0406u
#define FWGL_RIGHT 0x0407u
#define FWGL_FRONT_AND_BACK 0x0408u
#define FWGL_AUX3 0x040Cu
#define FWGL_DEPTH 0x1801u

#define FWGL_BYTE_UNSIGNED 0x1401u
#define FWGL_SHORT_UNSIGNED 0x1403u
#define FWGL_INT 0x1404
#define FWGL_INT_UNSIGNED 0x1405
#define FWGL_FLOAT 0x1406u
#define FWGL_HALF_FLOAT 0x140Bu
#define FWGL_INT_2_10_10_10_REV 0x8368u
#define FWGL_INT_8_8_8_8_REV 0x8367
#define FWGL_INT_24_8 0x84FAu
#define FWGL_DEPTH_COMPONENT 0x1902u
#define FWGL_RED 0x1903u
#define FWGL_RGB 0x1907u
#define FWGL_RGBA 0x1908u
#define FWGL_BGR 0x80E0u
#define FWGL_BGRA 0x80E1u
#define FWGL_RG 0x8227u
#define FWGL_DEPTH_STENCIL 0x84F9u
#define FWGL_IMPLEMENTATION_COLOR_READ_TYPE 0x8B9Au
#define FWGL_IMPLEMENTATION_COLOR_READ_FORMAT 0x8B9Bu

#define FWGL_READ_FRAMEBUFFER 0x8CA8u
#define FWGL_DRAW_FRAMEBUFFER 0x8CA9u
#define FWGL_FRAMEBUFFER 0x8D40u
#define FWGL_DRAW_FRAMEBUFFER_BINDING 0x8CA6u
#define FWGL_READ_FRAMEBUFFER_BINDING 0x8CAAu
#define FWGL_RENDERBUFFER 0x8D41u
#define FWGL_RENDERBUFFER_BINDING 0x8CA7u
#define FWGL_RENDERBUFFER_INTERNAL_FORMAT 0x8D44u
#define FWGL_FRAMEBUFFER_COMPLETE 0x8CD5u
#define FWGL_COLOR_ATTACHMENT0 0x8CE0u
#define FWGL_MAX_COLOR_ATTACHMENTS 0x8CDFu
#define FWGL_DEPTH_ATTACHMENT 0x8D00u
#define FWGL_DEPTH_STENCIL_ATTACHMENT 0x821Au
#define FWGL_ATTACHMENT_OBJECT_TYPE 0x8CD0u
#define FWGL_ATTACHMENT_OBJECT_NAME 0x8CD1u
#define FWGL_ATTACHMENT_COLOR_ENCODING 0x8210u
#define FWGL_ATTACHMENT_COMPONENT_TYPE 0x8211u
#define FWGL_ATTACHMENT_RED_SIZE 0x8212u
#define FWGL_ATTACHMENT_GREEN_SIZE 0x8213u
#define FWGL_ATTACHMENT_BLUE_SIZE 0x8214u
#define FWGL_ATTACHMENT_ALPHA_SIZE 0x8215u
#define FWGL_ATTACHMENT_DEPTH_SIZE 0x8216u
#define FWGL_ATTACHMENT_STENCIL_SIZE 0x8217u
#define FWGL_SRGB 0x8C40
#define FWGL_SAMPLES 0x80A9u
#define FWGL_FRAMEBUFFER_SRGB 0x8DB9u
#define FWGL_COLOR_BUFFER_BIT 0x4000u
#define FWGL_DEPTH_BUFFER_BIT 0x0100u
#define FWGL_STENCIL_BUFFER_BIT 0x0400u
#define FWGL_NEAREST 0x2600u
#define FWGL_CLAMP_READ_COLOR 0x891Cu
#define FWGL_FIXED_ONLY 0x891D

#define FWGL_PIXEL_PACK_BUFFER 0x88EBu
#define FWGL_PIXEL_PACK_BUFFER_BINDING 0x88EDu
#define FWGL_BUFFER_SIZE 0x8764u
#define FWGL_STREAM_READ 0x88E1u
#define FWGL_READ_ONLY 0x88B8u
#define FWGL_MAP_READ_BIT 0x0001u
#define FWGL_MAP_PERSISTENT_BIT 0x0040u
#define FWGL_MAP_COHERENT_BIT 0x0080u
#define FWGL_CLIENT_STORAGE_BIT 0x0200u
#define FWGL_SYNC_GPU_COMMANDS_COMPLETE 0x9117u
#define FWGL_SYNC_FLUSH_COMMANDS_BIT 1u
#define FWGL_ALREADY_SIGNALED 0x911Au
#define FWGL_TIMEOUT_EXPIRED 0x911Bu
#define FWGL_CONDITION_SATISFIED 0x911Cu

#define FWGL_MAP_COLOR 0x0D10u
#define FWGL_RED_SCALE 0x0D14u
#define FWGL_ZOOM_X 0x0D16u
#define FWGL_ZOOM_Y 0x0D17u
#define FWGL_DEPTH_BIAS 0x0D1Fu

#endif
