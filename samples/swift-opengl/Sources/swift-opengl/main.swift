// Draws moving squares with OpenGL and sends every picture, read back through the ring of pixel buffers.
//
//     swift run swift-opengl tcp://127.0.0.1:3000 300

import CEGL
import Foundation
import Framewire

let width = 640
let height = 360

struct NoContext: Error {}

/// Makes an OpenGL context without a display current on this thread.
func makeContext() throws -> EGLDisplay {
    let wanted = [EGL_SURFACE_TYPE, EGL_PBUFFER_BIT, EGL_RENDERABLE_TYPE, EGL_OPENGL_BIT, EGL_NONE]
    let size = [EGL_WIDTH, EGLint(width), EGL_HEIGHT, EGLint(height), EGL_NONE]
    var config: EGLConfig?
    var count: EGLint = 0
    guard let display = eglGetPlatformDisplay(EGLenum(EGL_PLATFORM_SURFACELESS_MESA), nil, nil),
        eglInitialize(display, nil, nil) != 0, eglBindAPI(EGLenum(EGL_OPENGL_API)) != 0,
        eglChooseConfig(display, wanted, &config, 1, &count) != 0, count > 0,
        let surface = eglCreatePbufferSurface(display, config, size),
        let context = eglCreateContext(display, config, nil, nil),
        eglMakeCurrent(display, surface, surface, context) != 0
    else { throw NoContext() }
    return display
}

/// Squares that turn around the middle; only what the oldest OpenGL has.
func draw(_ time: Double) {
    glDisable(GLenum(GL_SCISSOR_TEST))
    glClearColor(0.1, 0.12, 0.16, 1)
    glClear(GLbitfield(GL_COLOR_BUFFER_BIT))
    glEnable(GLenum(GL_SCISSOR_TEST))
    for index in 0..<12 {
        let angle = time + Double(index) * 0.5236
        glScissor(
            GLint(Double(width) * (0.5 + 0.35 * cos(angle))) - 24,
            GLint(Double(height) * (0.5 + 0.35 * sin(angle))) - 24, 48, 48)
        glClearColor(
            GLfloat(0.5 + 0.5 * cos(Double(index))), GLfloat(0.5 + 0.5 * sin(Double(index))), 0.6, 1)
        glClear(GLbitfield(GL_COLOR_BUFFER_BIT))
    }
}

let arguments = CommandLine.arguments
let url = arguments.count > 1 ? arguments[1] : "tcp://127.0.0.1:3000"
let frames = arguments.count > 2 ? Int(arguments[2]) ?? 300 : 300

do {
    let display = try makeContext()
    defer { eglTerminate(display) }
    let sender = try Sender(to: url)
    let readback = try GLReadback(sender: sender) { eglGetProcAddress($0) }
    for index in 0..<frames {
        draw(Double(index) / 60)
        try readback.capture(width: width, height: height, pts: Int64(index) * 1_000_000_000 / 60)
        Thread.sleep(forTimeInterval: 1.0 / 60)
    }
    try readback.drain()
    try sender.flush()
    // While the context is there.
    readback.close()
    sender.close()
} catch let error as FramewireError {
    print("swift-opengl: \(error.message)")
    exit(1)
} catch {
    print("swift-opengl: EGL has no OpenGL without a display here")
    exit(1)
}
