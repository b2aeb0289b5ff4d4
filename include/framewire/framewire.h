/*
 * Framewire: frames from a renderer to another machine, losslessly. This header includes all the others.
 *
 *   version.h     which version this is
 *   types.h       status codes, pixel formats, the description of a frame, the log
 *   buffer.h      buffers: pixels shared instead of copied. It includes memory.h, meta.h, buffer_list.h, buffer_pool.h
 *   frame.h       one picture: a buffer with its description
 *   metadata.h    values with names that go with a frame's pixels
 *   codec.h       frames to bytes and back, without a connection
 *   tls.h         certificates and fingerprints for tls:// URLs
 *   connection.h  states of connections, their peers, messages, how a stream ends
 *   sender.h      frames out, over TCP, TLS, a Unix socket or into a recording
 *   receiver.h    frames in
 *   gl.h          frames out of OpenGL, without stopping the renderer
 *   rtp.h         H.264 to RTP packets and back, and a UDP socket that sends them
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef FRAMEWIRE_FRAMEWIRE_H
#define FRAMEWIRE_FRAMEWIRE_H

#include "buffer.h"
#include "codec.h"
#include "connection.h"
#include "frame.h"
#include "gl.h"
#include "metadata.h"
#include "receiver.h"
#include "rtp.h"
#include "sender.h"
#include "tls.h"
#include "types.h"
#include "version.h"

#endif /* FRAMEWIRE_FRAMEWIRE_H */
