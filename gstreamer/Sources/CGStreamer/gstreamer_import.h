/* No code here: only what makes up the Swift module. */
#ifndef FRAMEWIRE_GSTREAMER_IMPORT_H
#define FRAMEWIRE_GSTREAMER_IMPORT_H

#include <gst/base/base.h>
#include <gst/gst.h>
#include <gst/video/video.h>

#endif
