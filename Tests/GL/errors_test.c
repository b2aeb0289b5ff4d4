/* What goes wrong gives an error with a sentence, never a crash, and no error of OpenGL is left behind. */
#include "gl_support.h"

static fw_sender *sender;
static fw_receiver *receiver;

static fw_gl_readback *new_readback(const substitute *substitutes) {
    fw_gl_options options = gl_options(substitutes);
    fw_gl_readback *readback;
    CHECK_OK(fw_gl_readback_new(sender, &options, &readback));
    return readback;
}

static void arguments_are_checked(void) {
    fw_gl_options options = gl_options(NULL);
    fw_gl_stats stats = FW_GL_STATS_INIT;
    fw_gl_readback *readback = (fw_gl_readback *)&options;
    CHECK_ERROR(fw_gl_readback_new(NULL, &options, &readback), FW_ERROR_INVALID_ARGUMENT, "sender is NULL");
    CHECK(readback == NULL);
    CHECK_ERROR(fw_gl_readback_new(sender, NULL, &readback), FW_ERROR_INVALID_ARGUMENT, "options is NULL");
    CHECK_ERROR(fw_gl_readback_new(sender, &options, NULL), FW_ERROR_INVALID_ARGUMENT, "out is NULL");
    options.get_proc_address = NULL;
    CHECK_ERROR(fw_gl_readback_new(sender, &options, &readback), FW_ERROR_INVALID_ARGUMENT, "get_proc_address");
    options = gl_options(NULL);
    options.struct_size = 8;
    CHECK_ERROR(fw_gl_readback_new(sender, &options, &readback), FW_ERROR_INVALID_ARGUMENT, "FW_GL_OPTIONS_INIT");
    options = gl_options(NULL);
    options.ring_depth = 1;
    CHECK_ERROR(fw_gl_readback_new(sender, &options, &readback), FW_ERROR_INVALID_ARGUMENT, "2 to 32");
    options.ring_depth = 33;
    CHECK_ERROR(fw_gl_readback_new(sender, &options, &readback), FW_ERROR_INVALID_ARGUMENT, "2 to 32");
    options = gl_options(NULL);
    options.format = FW_PIXEL_FORMAT_NV12;
    CHECK_ERROR(fw_gl_readback_new(sender, &options, &readback), FW_ERROR_INVALID_ARGUMENT, "nv12");
    options.format = 70001;
    CHECK_ERROR(fw_gl_readback_new(sender, &options, &readback), FW_ERROR_INVALID_ARGUMENT, "70001");
    options = gl_options(NULL);
    options.path = (fw_gl_path)9;
    CHECK_ERROR(fw_gl_readback_new(sender, &options, &readback), FW_ERROR_INVALID_ARGUMENT, "path is 9");
    options = gl_options(NULL);
    options.resolve = (fw_gl_resolve)2;
    CHECK_ERROR(fw_gl_readback_new(sender, &options, &readback), FW_ERROR_INVALID_ARGUMENT, "resolve is 2");
    options = gl_options(NULL);
    options.row_order = (fw_row_order)2;
    CHECK_ERROR(fw_gl_readback_new(sender, &options, &readback), FW_ERROR_INVALID_ARGUMENT, "row_order is 2");

    CHECK_ERROR(fw_gl_readback_capture(NULL, 0, 0, 1, 1, 0), FW_ERROR_INVALID_ARGUMENT, "readback is NULL");
    CHECK_ERROR(fw_gl_readback_capture_framebuffer(NULL, 0, 0, 0, 0, 1, 1, 0), FW_ERROR_INVALID_ARGUMENT, "NULL");
    CHECK_ERROR(fw_gl_readback_poll(NULL), FW_ERROR_INVALID_ARGUMENT, "readback is NULL");
    CHECK_ERROR(fw_gl_readback_drain(NULL), FW_ERROR_INVALID_ARGUMENT, "readback is NULL");
    CHECK_ERROR(fw_gl_readback_get_stats(NULL, &stats), FW_ERROR_INVALID_ARGUMENT, "readback is NULL");
    fw_gl_readback_free(NULL);
    readback = new_readback(NULL);
    CHECK_ERROR(fw_gl_readback_get_stats(readback, NULL), FW_ERROR_INVALID_ARGUMENT, "stats is NULL");
    stats.struct_size = 4;
    CHECK_ERROR(fw_gl_readback_get_stats(readback, &stats), FW_ERROR_INVALID_ARGUMENT, "FW_GL_STATS_INIT");
    CHECK_ERROR(fw_gl_readback_capture(readback, 0, 0, 0, 1, 0), FW_ERROR_INVALID_ARGUMENT, "0 × 1 pixels");
    CHECK_ERROR(fw_gl_readback_capture(readback, 0, 0, 1, -1, 0), FW_ERROR_INVALID_ARGUMENT, "1 × -1 pixels");
    CHECK_ERROR(fw_gl_readback_capture(readback, -1, 0, 1, 1, 0), FW_ERROR_INVALID_ARGUMENT, "at -1, 0");
    CHECK_ERROR(fw_gl_readback_capture(readback, 0, 0, 65536, 1, 0), FW_ERROR_INVALID_ARGUMENT, "65536");
    fw_gl_readback_free(readback);
}

/* ----------------------------------------------------------------------------------------------- missing functions */

static const GLubyte *no_string(GLenum name) {
    (void)name;
    return NULL;
}

static const GLubyte *old_string(GLenum name) {
    return name == GL_VERSION ? (const GLubyte *)(is_es() ? "OpenGL ES 2.0 of old" : "1.4 of old") : GL(GetString)(name);
}

static const GLubyte *odd_string(GLenum name) { return name == GL_VERSION ? (const GLubyte *)"no version" : GL(GetString)(name); }

static void what_every_context_has_is_asked_for_by_name(void) {
    static const char *const names[] = { "glGetString", "glGetIntegerv", "glReadPixels", "glPixelStorei", "glReadBuffer" };
    size_t index;
    for (index = 0; index < sizeof names / sizeof *names; index++) {
        substitute hidden[] = { { NULL, NULL }, { NULL, NULL } };
        fw_gl_options options = gl_options(hidden);
        fw_gl_readback *readback;
        hidden[0].name = names[index];
        CHECK_ERROR(fw_gl_readback_new(sender, &options, &readback), FW_ERROR_GL, names[index]);
        CHECK(readback == NULL);
    }
}

static void versions_that_are_too_old_are_refused(void) {
    const substitute old[] = { { "glGetString", (fw_gl_proc)old_string }, { NULL, NULL } };
    const substitute odd[] = { { "glGetString", (fw_gl_proc)odd_string }, { NULL, NULL } };
    const substitute none[] = { { "glGetString", (fw_gl_proc)no_string }, { NULL, NULL } };
    fw_gl_options options = gl_options(old);
    fw_gl_readback *readback;
    CHECK_ERROR(fw_gl_readback_new(sender, &options, &readback), FW_ERROR_UNSUPPORTED, "of old");
    options = gl_options(odd);
    CHECK_ERROR(fw_gl_readback_new(sender, &options, &readback), FW_ERROR_UNSUPPORTED, "no version");
    options = gl_options(none);
    CHECK_ERROR(fw_gl_readback_new(sender, &options, &readback), FW_ERROR_GL, "no OpenGL context is current");
}

static fw_frame *fetch(void) {
    fw_frame *frame;
    CHECK_OK(fw_receiver_next(receiver, PATIENCE, &frame));
    return frame;
}

/* With any one function away there is a path, or an error; the pictures that come are right. */
static void each_function_may_be_missing(void) {
    static const char *const names[] = {
        "glGetStringi",        "glBindFramebuffer",   "glCheckFramebufferStatus", "glIsFramebuffer",     "glGenFramebuffers",
        "glBlitFramebuffer",   "glBufferData",        "glUnmapBuffer",            "glMapBufferRange",    "glMapBuffer",
        "glBufferStorage",     "glBufferStorageEXT",  "glFenceSync",              "glClientWaitSync",    "glDeleteSync",
        "glPixelTransferf",    "glClampColor",        "eglGetCurrentContext",     "glBindBuffer",        "glDrawBuffers",
        "glRenderbufferStorage", "glGetFramebufferAttachmentParameteriv", "glGetGraphicsResetStatus"
    };
    static unsigned char pixels[64 * 48 * 4];
    size_t index;
    bind_framebuffer(0);
    clear_to(0.2f, 0.4f, 0.8f);
    GL(PixelStorei)(GL_PACK_ALIGNMENT, 1);
    GL(ReadPixels)(0, 0, 64, 48, GL_RGBA, GL_UNSIGNED_BYTE, pixels);
    for (index = 0; index < sizeof names / sizeof *names; index++) {
        substitute hidden[] = { { NULL, NULL }, { NULL, NULL } };
        fw_gl_options options = gl_options(hidden);
        fw_gl_readback *readback;
        hidden[0].name = names[index];
        options.format = FW_PIXEL_FORMAT_RGBA8;
        CHECK_OK(fw_gl_readback_new(sender, &options, &readback));
        CHECK_OK(fw_gl_readback_capture(readback, 0, 0, 64, 48, 0));
        CHECK_OK(fw_gl_readback_drain(readback));
        expect_pixels(receiver, FW_PIXEL_FORMAT_RGBA8, 64, 48, pixels);
        fw_gl_readback_free(readback);
    }
}

/* ------------------------------------------------------------------------------------------------ threads, contexts */

static void *on_another_thread(void *user) {
    fw_gl_readback *readback = (fw_gl_readback *)user;
    fw_gl_stats stats = FW_GL_STATS_INIT;
    fw_gl_options options = gl_options(NULL);
    CHECK_ERROR(fw_gl_readback_capture(readback, 0, 0, 8, 8, 0), FW_ERROR_GL, "another thread");
    CHECK_ERROR(fw_gl_readback_poll(readback), FW_ERROR_GL, "another thread");
    CHECK_ERROR(fw_gl_readback_drain(readback), FW_ERROR_GL, "another thread");
    CHECK_ERROR(fw_gl_readback_get_stats(readback, &stats), FW_ERROR_GL, "another thread");
    CHECK_ERROR(fw_gl_readback_new(sender, &options, &readback), FW_ERROR_GL, "no OpenGL context is current");
    return NULL;
}

static void *free_elsewhere(void *user) {
    fw_gl_readback_free((fw_gl_readback *)user);
    return NULL;
}

static void other_threads_are_refused(void) {
    fw_gl_readback *readback = new_readback(NULL);
    pthread_t thread;
    CHECK_OK(fw_gl_readback_capture(readback, 0, 0, 8, 8, 0));
    CHECK(pthread_create(&thread, NULL, on_another_thread, readback) == 0 && pthread_join(thread, NULL) == 0);
    CHECK_OK(fw_gl_readback_drain(readback));
    fw_frame_unref(fetch());
    CHECK(pthread_create(&thread, NULL, free_elsewhere, readback) == 0 && pthread_join(thread, NULL) == 0);
}

static void other_contexts_are_refused(void) {
    static const substitute unknown[] = { { "eglGetCurrentContext", NULL }, { "glXGetCurrentContext", NULL }, { NULL, NULL } };
    fw_gl_readback *readback = new_readback(NULL), *blind = new_readback(unknown), *third;
    EGLContext other = make_context();
    CHECK_OK(fw_gl_readback_capture(readback, 0, 0, 8, 8, 0));
    make_current(other);
    CHECK_ERROR(fw_gl_readback_capture(readback, 0, 0, 8, 8, 0), FW_ERROR_GL, "another OpenGL context");
    third = new_readback(NULL);
    make_current(EGL_NO_CONTEXT);
    CHECK_ERROR(fw_gl_readback_capture(readback, 0, 0, 8, 8, 0), FW_ERROR_GL, "no OpenGL context is current");
    CHECK_ERROR(fw_gl_readback_drain(readback), FW_ERROR_GL, "no OpenGL context is current");
    CHECK_ERROR(fw_gl_readback_capture(blind, 0, 0, 8, 8, 0), FW_ERROR_GL, "no OpenGL context is current");
    /* Its context goes first. */
    eglDestroyContext(display, other);
    fw_gl_readback_free(third);
    make_current(context);
    CHECK_OK(fw_gl_readback_capture(readback, 0, 0, 8, 8, 0));
    CHECK_OK(fw_gl_readback_capture(blind, 0, 0, 8, 8, 0));
    CHECK_OK(fw_gl_readback_drain(readback));
    CHECK_OK(fw_gl_readback_drain(blind));
    fw_frame_unref(fetch());
    fw_frame_unref(fetch());
    fw_frame_unref(fetch());
    fw_gl_readback_free(readback);
    make_current(EGL_NO_CONTEXT);
    fw_gl_readback_free(blind);
    make_current(context);
}

/* ----------------------------------------------------------------------------------------------------- lost contexts */

static GLenum reset_status;
static GLenum reset(void) { return reset_status; }

static void resets_are_told(GLenum name, GLint *values) {
    if (name == 0x8256) {
        *values = 0x8252; /* GL_LOSE_CONTEXT_ON_RESET */
    } else {
        GL(GetIntegerv)(name, values);
    }
}

static GLenum failing_wait(GLsync sync, GLbitfield flags, GLuint64 timeout) {
    (void)sync, (void)flags, (void)timeout;
    return GL_WAIT_FAILED;
}

static void a_lost_context_is_an_error_for_good(void) {
    const substitute told[] = { { "glGetGraphicsResetStatus", (fw_gl_proc)reset },     { "glGetGraphicsResetStatusARB", (fw_gl_proc)reset },
                                { "glGetGraphicsResetStatusEXT", (fw_gl_proc)reset }, { "glGetGraphicsResetStatusKHR", (fw_gl_proc)reset },
                                { "glGetIntegerv", (fw_gl_proc)resets_are_told },      { NULL, NULL } };
    fw_gl_readback *readback = new_readback(told);
    reset_status = 0;
    CHECK_OK(fw_gl_readback_capture(readback, 0, 0, 8, 8, 0));
    reset_status = 0x8253; /* GL_GUILTY_CONTEXT_RESET */
    CHECK_ERROR(fw_gl_readback_capture(readback, 0, 0, 8, 8, 0), FW_ERROR_GL, "context is lost");
    reset_status = 0;
    CHECK_ERROR(fw_gl_readback_capture(readback, 0, 0, 8, 8, 0), FW_ERROR_GL, "context is lost");
    CHECK_ERROR(fw_gl_readback_drain(readback), FW_ERROR_GL, "context is lost");
    fw_gl_readback_free(readback);
}

static void a_fence_that_fails_means_a_lost_context(void) {
    const substitute failing[] = { { "glClientWaitSync", (fw_gl_proc)failing_wait }, { NULL, NULL } };
    fw_gl_readback *readback = new_readback(failing);
    CHECK_OK(fw_gl_readback_capture(readback, 0, 0, 8, 8, 0));
    CHECK_ERROR(fw_gl_readback_capture(readback, 0, 0, 8, 8, 0), FW_ERROR_GL, "context is lost");
    CHECK_ERROR(fw_gl_readback_poll(readback), FW_ERROR_GL, "context is lost");
    fw_gl_readback_free(readback);
}

static void *no_range(GLenum target, GLintptr offset, GLsizeiptr size, GLbitfield access) {
    (void)target, (void)offset, (void)size, (void)access;
    return NULL;
}

static void *no_map(GLenum target, GLenum access) {
    (void)target, (void)access;
    return NULL;
}

static GLsync no_fence(GLenum condition, GLbitfield flags) {
    (void)condition, (void)flags;
    return NULL;
}

static void memory_that_is_not_mapped_is_an_error(void) {
    const substitute failing[] = { { "glMapBufferRange", (fw_gl_proc)no_range }, { "glMapBuffer", (fw_gl_proc)no_map }, { NULL, NULL } };
    const substitute fenceless[] = { { "glFenceSync", (fw_gl_proc)no_fence }, { NULL, NULL } };
    fw_gl_readback *readback = new_readback(failing);
    fw_gl_path path = gl_stats(readback).path;
    if (path == FW_GL_PATH_PERSISTENT) {
        CHECK_ERROR(fw_gl_readback_capture(readback, 0, 0, 8, 8, 0), FW_ERROR_NO_MEMORY, "no pixel buffer of 256 bytes");
        CHECK_ERROR(fw_gl_readback_capture(readback, 0, 0, 8, 8, 0), FW_ERROR_NO_MEMORY, "no pixel buffer of 256 bytes");
    } else {
        CHECK_OK(fw_gl_readback_capture(readback, 0, 0, 8, 8, 0));
        CHECK_ERROR(fw_gl_readback_drain(readback), FW_ERROR_GL, "does not map");
        CHECK_OK(fw_gl_readback_drain(readback));
        CHECK(gl_stats(readback).frames_dropped == 1 && gl_stats(readback).frames_in_flight == 0);
    }
    fw_gl_readback_free(readback);
    if (path > FW_GL_PATH_FENCED) return;
    readback = new_readback(fenceless);
    CHECK_ERROR(fw_gl_readback_capture(readback, 0, 0, 8, 8, 0), FW_ERROR_GL, "no fence");
    CHECK(gl_stats(readback).frames_in_flight == 0);
    fw_gl_readback_free(readback);
}

/* ----------------------------------------------------------------------------------------------------- framebuffers */

static void what_cannot_be_read_is_said(void) {
    fw_gl_options options = gl_options(NULL);
    fw_gl_readback *readback = new_readback(NULL);
    target made = make_rgba8(8, 8, NULL);
    GLuint empty;
    CHECK_ERROR(fw_gl_readback_capture_framebuffer(readback, 9999, 0, 0, 0, 8, 8, 0), FW_ERROR_GL, "9999 is no framebuffer");
    CHECK_ERROR(fw_gl_readback_capture(readback, 0, 0, 65535, 65535, 0),
                FW_ERROR_NO_MEMORY, "no pixel buffer");
    CHECK_ERROR(fw_gl_readback_capture_framebuffer(readback, made.framebuffer, GL_COLOR_ATTACHMENT3, 0, 0, 8, 8, 0),
                FW_ERROR_GL, "nothing is attached");
    CHECK_ERROR(fw_gl_readback_capture_framebuffer(readback, made.framebuffer, GL_BACK, 0, 0, 8, 8, 0), FW_ERROR_GL,
                "no attachment 1029");
    CHECK_ERROR(fw_gl_readback_capture_framebuffer(readback, 0, GL_COLOR_ATTACHMENT0, 0, 0, 8, 8, 0), FW_ERROR_GL,
                "no attachment 36064");
    CHECK_ERROR(fw_gl_readback_capture_framebuffer(readback, made.framebuffer, GL_DEPTH_ATTACHMENT, 0, 0, 8, 8, 0),
                FW_ERROR_GL, "nothing is attached");
    GL(ReadBuffer)(GL_NONE);
    CHECK_ERROR(fw_gl_readback_capture(readback, 0, 0, 8, 8, 0), FW_ERROR_GL, "GL_NONE");
    GL(ReadBuffer)(GL_COLOR_ATTACHMENT0);
    GL(GenFramebuffers)(1, &empty);
    bind_framebuffer(empty);
    CHECK_ERROR(fw_gl_readback_capture(readback, 0, 0, 8, 8, 0), FW_ERROR_GL, "MISSING_ATTACHMENT");
    bind_framebuffer(made.framebuffer);
    GL(DeleteFramebuffers)(1, &empty);
    /* An error of the renderer's is taken, not reported as one of the capture. */
    GL(Enable)(0xFFFF);
    CHECK_OK(fw_gl_readback_capture(readback, 0, 0, 8, 8, 0));
    CHECK(GL(GetError)() == GL_NO_ERROR);
    /* It stays while nothing new is captured. */
    GL(Enable)(0xFFFF);
    CHECK_OK(fw_gl_readback_capture(readback, 0, 0, 8, 8, 0));
    CHECK(GL(GetError)() == GL_INVALID_ENUM);
    CHECK_OK(fw_gl_readback_drain(readback));
    fw_frame_unref(fetch());
    fw_frame_unref(fetch());
    fw_gl_readback_free(readback);
    options.format = FW_PIXEL_FORMAT_DEPTH16;
    CHECK_OK(fw_gl_readback_new(sender, &options, &readback));
    CHECK_ERROR(fw_gl_readback_capture(readback, 0, 0, 8, 8, 0), FW_ERROR_GL, "nothing is attached");
    fw_gl_readback_free(readback);
    delete_target(&made);
    if (is_modern()) {
        readback = new_readback(NULL);
        made = make_target(GL_COLOR_ATTACHMENT0, GL_RGBA8UI, GL_RGBA_INTEGER, GL_UNSIGNED_BYTE, 8, 8, NULL);
        CHECK_ERROR(fw_gl_readback_capture(readback, 0, 0, 8, 8, 0), FW_ERROR_UNSUPPORTED, "integers");
        delete_target(&made);
        fw_gl_readback_free(readback);
    }
    CHECK(GL(GetError)() == GL_NO_ERROR);
}

/* OpenGL ES gives fewer formats; what it refuses is an error, and the next capture works. */
static void es_says_what_it_does_not_read(void) {
    fw_gl_options options = gl_options(NULL);
    fw_gl_readback *readback;
    target made = make_rgba8(8, 8, NULL);
    int path;
    options.format = FW_PIXEL_FORMAT_RGB8;
    for (path = FW_GL_PATH_PERSISTENT; path <= FW_GL_PATH_DIRECT; path++) {
        options.path = (fw_gl_path)path;
        CHECK_OK(fw_gl_readback_new(sender, &options, &readback));
        CHECK_ERROR(fw_gl_readback_capture(readback, 0, 0, 8, 8, 0), FW_ERROR_UNSUPPORTED, "does not read rgb8");
        CHECK_ERROR(fw_gl_readback_capture(readback, 0, 0, 8, 8, 0), FW_ERROR_UNSUPPORTED, "does not read rgb8");
        CHECK(gl_stats(readback).frames_in_flight == 0);
        fw_gl_readback_free(readback);
    }
    delete_target(&made);
}

static void be_quiet(fw_log_level level, const char *message, void *user) {
    (void)level, (void)message, (void)user;
}

int main(int count, char **arguments) {
    begin_gl_test(count, arguments);
    fw_set_log(be_quiet, FW_LOG_DEBUG, NULL);
    open_lossless(&sender, &receiver);
    arguments_are_checked();
    what_every_context_has_is_asked_for_by_name();
    versions_that_are_too_old_are_refused();
    each_function_may_be_missing();
    other_threads_are_refused();
    other_contexts_are_refused();
    a_lost_context_is_an_error_for_good();
    if (is_modern()) a_fence_that_fails_means_a_lost_context();
    memory_that_is_not_mapped_is_an_error();
    if (context_kind != EXT) what_cannot_be_read_is_said();
    if (is_es()) es_says_what_it_does_not_read();
    fw_sender_close(sender);
    fw_receiver_close(receiver);
    end_gl_test();
    return 0;
}
