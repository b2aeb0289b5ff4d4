import Buffers
import CEGL
import Framewire
import Testing

/// An OpenGL context of Mesa's software renderer, current on this thread, with a window's framebuffer.
private final class Context {
    let display: EGLDisplay
    let context: EGLContext

    init() throws {
        // Eight bits of alpha, so that it is no format of ten bits, which would round.
        let wanted = [
            EGL_SURFACE_TYPE, EGL_PBUFFER_BIT, EGL_RENDERABLE_TYPE, EGL_OPENGL_BIT, EGL_RED_SIZE, 8,
            EGL_GREEN_SIZE, 8, EGL_BLUE_SIZE, 8, EGL_ALPHA_SIZE, 8, EGL_NONE,
        ]
        let size = [EGL_WIDTH, 80, EGL_HEIGHT, 60, EGL_NONE]
        var config: EGLConfig?
        var count: EGLint = 0
        display = try #require(eglGetPlatformDisplay(EGLenum(EGL_PLATFORM_SURFACELESS_MESA), nil, nil))
        try #require(eglInitialize(display, nil, nil) != 0 && eglBindAPI(EGLenum(EGL_OPENGL_API)) != 0)
        try #require(eglChooseConfig(display, wanted, &config, 1, &count) != 0 && count == 1)
        let surface = try #require(eglCreatePbufferSurface(display, config, size))
        context = try #require(eglCreateContext(display, config, nil, nil))
        try #require(eglMakeCurrent(display, surface, surface, context) != 0)
    }

    deinit {
        eglMakeCurrent(display, nil, nil, nil)
        eglDestroyContext(display, context)
    }
}

// One after the other: the display is the process's.
@Suite(.serialized) struct ReadbackTests {
    private let receiver: Receiver
    private let sender: Sender

    init() throws {
        var once = Receiver.Options()
        once.once = true
        receiver = try Receiver(from: "tcp://127.0.0.1:0", options: once)
        var lossless = Sender.Options()
        lossless.overflow = .block
        sender = try Sender(to: "tcp://127.0.0.1:\(receiver.port)", options: lossless)
    }

    /// Fills the window's framebuffer with a colour.
    private func fill(_ red: Float, _ green: Float, _ blue: Float) {
        glClearColor(red, green, blue, 1)
        glClear(GLbitfield(GL_COLOR_BUFFER_BIT))
    }

    @Test func capturedPicturesArriveInOrder() throws {
        let context = try Context()
        var options = GLReadback.Options()
        options.format = .rgba8
        options.fullTimeout = -1
        options.streamID = 3
        let readback = try GLReadback(sender: sender, options: options) { eglGetProcAddress($0) }
        for index in 0..<12 {
            fill(Float(index) / 255, 1, 0)
            try readback.capture(x: 4, y: 5, width: 40 + index, height: 30, pts: Int64(index))
            let frame = index < 2 ? nil : try receiver.next(timeout: 60_000_000_000)
            if let frame { try check(frame, index - 2) }
        }
        try readback.drain()
        for index in 10..<12 { try check(receiver.next(timeout: 60_000_000_000), index) }
        #expect(readback.stats.framesCaptured == 12 && readback.stats.framesDelivered == 12)
        #expect(readback.stats.framesDropped == 0 && readback.stats.pixelBytesCopied == 0)
        #expect(readback.stats.format == .rgba8)
        readback.close()
        withExtendedLifetime(context) {}
    }

    private func check(_ frame: Frame, _ index: Int) throws {
        #expect(frame.info.pts == Int64(index) && frame.info.width == 40 + index && frame.info.height == 30)
        #expect(frame.info.streamID == 3)
        frame.withUnsafeBytes { bytes in
            for at in stride(from: 0, to: bytes.count, by: 4) {
                guard bytes[at] == index, bytes[at + 1] == 255, bytes[at + 2] == 0, bytes[at + 3] == 255
                else {
                    Issue.record("picture \(index) differs at byte \(at), which is \(bytes[at])")
                    return
                }
            }
        }
    }

    @Test func aLoaderThatFindsNothingIsAnError() throws {
        let error = try #require(throws: FramewireError.self) {
            try GLReadback(sender: sender) { _ in nil }
        }
        #expect(error.code == .gl && error.message.contains("glGetString"))
    }

    @Test func withoutAContextThereIsNoReadback() throws {
        let error = try #require(throws: FramewireError.self) {
            try GLReadback(sender: sender) { eglGetProcAddress($0) }
        }
        #expect(error.code == .gl && error.message.contains("no OpenGL context"))
    }

    @Test func optionsAreChecked() throws {
        let context = try Context()
        var options = GLReadback.Options()
        options.ringDepth = 1
        var error = try #require(throws: FramewireError.self) {
            try GLReadback(sender: sender, options: options) { eglGetProcAddress($0) }
        }
        #expect(error.code == .invalidArgument && error.message.contains("ring depth"))
        options.ringDepth = 2
        options.format = .i420
        error = try #require(throws: FramewireError.self) {
            try GLReadback(sender: sender, options: options) { eglGetProcAddress($0) }
        }
        #expect(error.code == .invalidArgument && error.message.contains("i420"))
        withExtendedLifetime(context) {}
    }

    @Test func aClosedReadbackSaysSo() throws {
        let context = try Context()
        let readback = try GLReadback(sender: sender) { eglGetProcAddress($0) }
        readback.close()
        readback.close()
        let error = try #require(throws: FramewireError.self) { try readback.capture(width: 8, height: 8) }
        #expect(error.code == .closed)
        withExtendedLifetime(context) {}
    }

    @Test func theSizeOfAFramebufferCanBeFelt() throws {
        let context = try Context()
        let readback = try GLReadback(sender: sender) { eglGetProcAddress($0) }
        // What it is filled with is one of the values that are looked for.
        for value: Float in [0x55 / 255.0, 0xAA / 255.0] {
            glClearColor(value, value, value, value)
            glClear(GLbitfield(GL_COLOR_BUFFER_BIT))
            try readback.capture(width: 80, height: 60)
            #expect(try readback.hasPixel(x: 79, y: 59))
            #expect(try !readback.hasPixel(x: 80, y: 0))
            #expect(try !readback.hasPixel(x: 0, y: 60))
        }
        #expect(glGetError() == GLenum(GL_NO_ERROR))
        readback.close()
        withExtendedLifetime(context) {}
    }

    @Test func itGoesWithItsContextToAnotherThread() throws {
        let context = try Context()
        let readback = try GLReadback(sender: sender) { eglGetProcAddress($0) }
        fill(0, 0, 1)
        try readback.capture(width: 16, height: 16)
        let surface = eglGetCurrentSurface(EGL_DRAW)
        eglMakeCurrent(context.display, nil, nil, nil)
        nonisolated(unsafe) let moved = (readback: readback, context: context, surface: surface)
        nonisolated(unsafe) var failure: (any Error)?
        let thread = Thread.start(name: "moved") {
            let (readback, context, surface) = moved
            eglBindAPI(EGLenum(EGL_OPENGL_API))
            eglMakeCurrent(context.display, surface, surface, context.context)
            let refused = #expect(throws: FramewireError.self) { try readback.capture(width: 16, height: 16) }
            #expect(refused?.code == .gl)
            readback.moveToThisThread()
            do {
                try readback.capture(width: 16, height: 16)
                try readback.drain()
            } catch {
                failure = error
            }
            #expect(!readback.isReading && readback.waitForSender(until: -1))
            readback.close()
            eglMakeCurrent(context.display, nil, nil, nil)
        }
        try #require(thread).join()
        #expect(failure == nil)
        for _ in 0..<2 { #expect(try receiver.next(timeout: 60_000_000_000).info.width == 16) }
    }
}
