import CCapture

// EGL as the captured program sees it. EGLBoolean is an unsigned int, and surfaces, contexts and displays are pointers.

@_cdecl("eglSwapBuffers")
public func eglSwapBuffers(_ display: RawPointer?, _ surface: RawPointer?) -> UInt32 {
    guard let real = Hook.eglSwapBuffers.real else { return 0 }
    let call: @convention(c) (RawPointer?, RawPointer?) -> UInt32 = function(real)
    return swapping(.egl, display, UInt(bitPattern: surface)) { call(display, surface) }
}

@_cdecl("eglSwapBuffersWithDamageEXT")
public func eglSwapBuffersWithDamageEXT(
    _ display: RawPointer?, _ surface: RawPointer?, _ rectangles: UnsafePointer<Int32>?,
    _ count: Int32
) -> UInt32 {
    swapWithDamage(.eglSwapBuffersWithDamageEXT, display, surface, rectangles, count)
}

@_cdecl("eglSwapBuffersWithDamageKHR")
public func eglSwapBuffersWithDamageKHR(
    _ display: RawPointer?, _ surface: RawPointer?, _ rectangles: UnsafePointer<Int32>?,
    _ count: Int32
) -> UInt32 {
    swapWithDamage(.eglSwapBuffersWithDamageKHR, display, surface, rectangles, count)
}

private func swapWithDamage(
    _ hook: Hook, _ display: RawPointer?, _ surface: RawPointer?,
    _ rectangles: UnsafePointer<Int32>?, _ count: Int32
) -> UInt32 {
    guard let real = hook.real else { return 0 }
    let call:
        @convention(c) (
            RawPointer?, RawPointer?, UnsafePointer<Int32>?, Int32
        ) -> UInt32 = function(real)
    return swapping(.egl, display, UInt(bitPattern: surface)) { call(display, surface, rectangles, count) }
}

@_cdecl("eglDestroyContext")
public func eglDestroyContext(
    _ display: RawPointer?, _ context: RawPointer?
) -> UInt32 {
    guard let real = Hook.eglDestroyContext.real else { return 0 }
    let call: @convention(c) (RawPointer?, RawPointer?) -> UInt32 = function(real)
    outermost { Session.existing?.willDestroy(WindowSystem.of(.egl), context) }
    return call(display, context)
}

@_cdecl("eglMakeCurrent")
public func eglMakeCurrent(
    _ display: RawPointer?, _ draw: RawPointer?, _ read: RawPointer?,
    _ context: RawPointer?
) -> UInt32 {
    guard let real = Hook.eglMakeCurrent.real else { return 0 }
    let call:
        @convention(c) (
            RawPointer?, RawPointer?, RawPointer?,
            RawPointer?
        ) -> UInt32 = function(real)
    return changingContext(.egl) { call(display, draw, read, context) }
}

@_cdecl("eglReleaseThread")
public func eglReleaseThread() -> UInt32 {
    guard let real = Hook.eglReleaseThread.real else { return 0 }
    let call: @convention(c) () -> UInt32 = function(real)
    return changingContext(.egl) { call() }
}

/// The contexts of a display go with it.
@_cdecl("eglTerminate")
public func eglTerminate(_ display: RawPointer?) -> UInt32 {
    guard let real = Hook.eglTerminate.real else { return 0 }
    let call: @convention(c) (RawPointer?) -> UInt32 = function(real)
    outermost { Session.existing?.willClose(display: display) }
    return call(display)
}

@_cdecl("eglGetProcAddress")
public func eglGetProcAddress(_ name: UnsafePointer<CChar>?) -> RawPointer? {
    procAddress(.eglGetProcAddress, name)
}
