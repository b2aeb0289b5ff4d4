import CCapture
import CPosix

/// `address` as the function that it is of.
func function<Function>(_ address: RawPointer) -> Function {
    unsafeBitCast(address, to: Function.self)
}

/// Runs `body`, unless this thread is in a hook already: a function of the window system may call another.
@inline(__always)
func outermost(_ body: () -> Void) {
    let depth = fwc_depth()
    guard depth.pointee == 0 else { return }
    depth.pointee = 1
    body()
    depth.pointee = 0
}

/// Swaps buffers by `call`; what has been drawn is captured before.
@inline(__always)
func swapping<Result>(
    _ kind: WindowSystem.Kind, _ display: RawPointer?, _ drawable: UInt, _ call: () -> Result
) -> Result {
    let depth = fwc_depth()
    guard depth.pointee == 0, let session = Session.shared else { return call() }
    depth.pointee = 1
    let window = session.willSwap(WindowSystem.of(kind), display, drawable)
    let result = call()
    if let window { session.didSwap(window) }
    depth.pointee = 0
    return result
}

/// Makes another context current by `call`, or none.
@inline(__always)
func changingContext<Result>(_ kind: WindowSystem.Kind, _ call: () -> Result) -> Result {
    guard let session = Session.existing, session.awaitsChange else { return call() }
    let system = WindowSystem.of(kind)
    let before = system?.currentContext
    let result = call()
    session.didMakeCurrent(before, system?.currentContext)
    return result
}

/// glXGetProcAddress or eglGetProcAddress.
func procAddress(_ hook: Hook, _ name: UnsafePointer<CChar>?) -> RawPointer? {
    guard let real = hook.real else { return nil }
    let call: @convention(c) (UnsafePointer<CChar>?) -> RawPointer? = function(real)
    guard let name, let found = call(name), Settings.areGiven, let hook = Hook.named(name) else {
        return call(name)
    }
    return hook.replacement(ofProc: found)
}
