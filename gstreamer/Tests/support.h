/*
 * What the test programs of the GStreamer plugin share: computed pictures in buffers of any layout, the comparison of
 * what comes out, and a bus loop that ends in time.
 */
#ifndef SUPPORT_H
#define SUPPORT_H

#include <gst/check/gstharness.h>
#include <gst/gst.h>
#include <gst/video/video.h>

/* Ends the program with status 1 and a line that says where. */
#define CHECK(condition, ...)                                                       \
    do {                                                                            \
        if (!(condition)) complain(__FILE__, __LINE__, #condition, " " __VA_ARGS__); \
    } while (0)

void complain(const char *file, int line, const char *condition, const char *format, ...) G_GNUC_PRINTF(4, 5)
    G_GNUC_NORETURN;

/* Initializes GStreamer; the environment says where the plugin is. A quick run is for valgrind. */
void begin(int *argc, char ***argv);
gboolean is_quick(void);

/* Shuts GStreamer down, so that the leaks tracer reports, and says that all passed. */
int end(void);

/* How the planes of a buffer lie. */
typedef enum layout {
    LAYOUT_DEFAULT,  /* as caps alone describe it */
    LAYOUT_PADDED,   /* wider rows and gaps between planes, in a video meta */
    LAYOUT_SEPARATE, /* a memory for each plane */
    LAYOUT_PACKED,   /* rows without any padding, in a video meta */
    LAYOUT_COUNT
} layout;

/* Caps of progressive raw video. `colorimetry` may be NULL, `fps` 0 for none. */
GstCaps *make_caps(GstVideoFormat format, int width, int height, const char *colorimetry, int fps);

/* Bytes of pixels in a row of a plane, and its rows: what the format says, not what any layout adds. */
void plane_extent(const GstVideoInfo *info, guint plane, int *row_bytes, int *rows);

/* Picture `number`, which depends on nothing else; padding is filled with bytes that no comparison may see. */
GstBuffer *make_picture(const GstVideoInfo *info, layout layout, guint number);

/* Checks each pixel of picture `number`, wherever the buffer has it. */
void check_picture(GstBuffer *buffer, const GstVideoInfo *info, guint number);

/* Checks that `caps` are those of `info`: format, size and colorimetry, and the rate where `info` has one. */
void check_caps(GstCaps *caps, const GstVideoInfo *info);

typedef enum ending { ENDED_EOS, ENDED_ERROR, ENDED_TIMEOUT } ending;

/*
 * Waits for the end of a pipeline's stream, at most `seconds`. `sentence` (may be NULL) gets the text of the error, to
 * be freed with g_free; `warnings` (may be NULL) the number of warnings.
 */
ending await_end(GstElement *pipeline, int seconds, char **sentence, guint *warnings);

/* Builds a pipeline; fails with what is wrong with its description. */
GstElement *launch(const char *format, ...) G_GNUC_PRINTF(1, 2);

/* Plays it and waits until that has happened, or until data is awaited. */
void play(GstElement *pipeline);

/* Stops and frees it. */
void finish(GstElement *pipeline);

/* A property of the element called `name`, of unsigned integers. */
guint get_uint(GstElement *pipeline, const char *name, const char *property);

/* A number of the `stats` property of the element called `name`. */
guint64 get_stat(GstElement *pipeline, const char *name, const char *field);

/* Waits until `condition(user)`, at most 20 seconds. */
void await(gboolean (*condition)(gpointer user), gpointer user);

/* Lets the next pad answer ALLOCATION queries as elements do that read any layout. */
void take_any_layout(GstPad *pad);

#endif
