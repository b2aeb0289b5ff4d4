import CCapture

// GLX as the captured program sees it. A GLXDrawable is an XID, an unsigned long.

@_cdecl("glXSwapBuffers")
public func glXSwapBuffers(_ display: RawPointer?, _ drawable: UInt) {
    guard let real = Hook.glXSwapBuffers.real else { return }
    let call: @convention(c) (RawPointer?, UInt) -> Void = function(real)
    swapping(.glx, display, drawable) { call(display, drawable) }
}

@_cdecl("glXSwapBuffersMscOML")
public func glXSwapBuffersMscOML(
    _ display: RawPointer?, _ drawable: UInt, _ target: Int64, _ divisor: Int64, _ remainder: Int64
) -> Int64 {
    guard let real = Hook.glXSwapBuffersMscOML.real else { return -1 }
    let call: @convention(c) (RawPointer?, UInt, Int64, Int64, Int64) -> Int64 = function(real)
    return swapping(.glx, display, drawable) { call(display, drawable, target, divisor, remainder) }
}

@_cdecl("glXDestroyContext")
public func glXDestroyContext(_ display: RawPointer?, _ context: RawPointer?) {
    guard let real = Hook.glXDestroyContext.real else { return }
    let call: @convention(c) (RawPointer?, RawPointer?) -> Void = function(real)
    outermost { Session.existing?.willDestroy(WindowSystem.of(.glx), context) }
    call(display, context)
}

@_cdecl("glXMakeCurrent")
public func glXMakeCurrent(
    _ display: RawPointer?, _ drawable: UInt, _ context: RawPointer?
) -> Int32 {
    guard let real = Hook.glXMakeCurrent.real else { return 0 }
    let call: @convention(c) (RawPointer?, UInt, RawPointer?) -> Int32 = function(real)
    return changingContext(.glx) { call(display, drawable, context) }
}

@_cdecl("glXMakeContextCurrent")
public func glXMakeContextCurrent(
    _ display: RawPointer?, _ draw: UInt, _ read: UInt, _ context: RawPointer?
) -> Int32 {
    guard let real = Hook.glXMakeContextCurrent.real else { return 0 }
    let call: @convention(c) (RawPointer?, UInt, UInt, RawPointer?) -> Int32 =
        function(real)
    return changingContext(.glx) { call(display, draw, read, context) }
}

@_cdecl("glXGetProcAddress")
public func glXGetProcAddress(_ name: UnsafePointer<CChar>?) -> RawPointer? {
    procAddress(.glXGetProcAddress, name)
}

@_cdecl("glXGetProcAddressARB")
public func glXGetProcAddressARB(_ name: UnsafePointer<CChar>?) -> RawPointer? {
    procAddress(.glXGetProcAddressARB, name)
}

/// The contexts of a display go with it.
@_cdecl("XCloseDisplay")
public func XCloseDisplay(_ display: RawPointer?) -> Int32 {
    guard let real = Hook.closeDisplay.real else { return 0 }
    let call: @convention(c) (RawPointer?) -> Int32 = function(real)
    outermost { Session.existing?.willClose(display: display) }
    return call(display)
}
