import CCapture
import CPosix

/// A pointer of C to something that only its maker knows.
public typealias RawPointer = UnsafeMutableRawPointer

/// What is asked of GLX or EGL beside the functions that are hooked. Found in the library that the program uses.
final class WindowSystem: Sendable {
    enum Kind {
        case glx, egl
    }

    let kind: Kind
    private let library: Library

    private struct Library: @unchecked Sendable {
        // Unchecked: a handle of dlopen, which any thread may use.
        let handle: RawPointer
        let getProcAddress: (@convention(c) (UnsafePointer<CChar>) -> RawPointer?)?
        let currentContext: @convention(c) () -> RawPointer?
        /// GLX: the drawable of the current context.
        var currentDrawable: (@convention(c) () -> UInt)?
        var currentReadDrawable: (@convention(c) () -> UInt)?
        var queryDrawable: (@convention(c) (RawPointer?, UInt, Int32, UnsafeMutablePointer<UInt32>) -> Void)?
        /// EGL: the surface of the current context.
        var currentSurface: (@convention(c) (Int32) -> RawPointer?)?
        var querySurface:
            (@convention(c) (RawPointer?, RawPointer?, Int32, UnsafeMutablePointer<Int32>) -> UInt32)?
        /// GLX: what X says of windows, by XCB: there an error is an answer, while Xlib ends the program.
        var connectionOf: (@convention(c) (RawPointer?) -> RawPointer?)?
        var getGeometry: fwc_get_geometry?
        var getGeometryReply: fwc_get_geometry_reply?
    }

    private static let glx = WindowSystem(.glx)
    private static let egl = WindowSystem(.egl)

    /// `nil` where it lacks something. To be asked for when the program has called a function of it.
    static func of(_ kind: Kind) -> WindowSystem? { kind == .glx ? glx : egl }

    /// `nil` when the library lacks what every GLX 1.3 and EGL 1.0 has.
    private init?(_ kind: Kind) {
        self.kind = kind
        let swap: Hook = kind == .glx ? .glXSwapBuffers : .eglSwapBuffers
        guard let real = swap.real, let handle = fwc_library_of(real) else { return nil }
        let proc: Hook = kind == .glx ? .glXGetProcAddressARB : .eglGetProcAddress
        // Where the library is another tool's that is preloaded as well, the functions are behind it.
        let find = { (name: StaticString) in
            let text = UnsafeRawPointer(name.utf8Start).assumingMemoryBound(to: CChar.self)
            return fwc_find(handle, text) ?? fwc_find_next(text)
        }
        guard let context = find(kind == .glx ? "glXGetCurrentContext" : "eglGetCurrentContext") else {
            return nil
        }
        var library = Library(
            handle: handle, getProcAddress: proc.real.map { function($0) }, currentContext: function(context))
        if kind == .glx {
            library.currentDrawable = find("glXGetCurrentDrawable").map { function($0) }
            library.currentReadDrawable = find("glXGetCurrentReadDrawable").map { function($0) }
            library.queryDrawable = find("glXQueryDrawable").map { function($0) }
            if let bridge = fwc_open_library("libX11-xcb.so.1"), let xcb = fwc_open_library("libxcb.so.1") {
                library.connectionOf = fwc_find(bridge, "XGetXCBConnection").map { function($0) }
                library.getGeometry = fwc_find(xcb, "xcb_get_geometry").map { function($0) }
                library.getGeometryReply = fwc_find(xcb, "xcb_get_geometry_reply").map { function($0) }
            }
            guard library.currentDrawable != nil, library.queryDrawable != nil else { return nil }
        } else {
            library.currentSurface = find("eglGetCurrentSurface").map { function($0) }
            library.querySurface = find("eglQuerySurface").map { function($0) }
            guard library.currentSurface != nil, library.querySurface != nil else { return nil }
        }
        self.library = library
    }

    var currentContext: RawPointer? { library.currentContext() }

    /// Whether the current context draws into `drawable`, and reads from it.
    func isCurrent(_ drawable: UInt) -> Bool {
        if let current = library.currentDrawable {
            return current() == drawable && library.currentReadDrawable.map { $0() == drawable } ?? true
        }
        guard let current = library.currentSurface else { return false }
        return current(FWC_EGL_DRAW) == RawPointer(bitPattern: drawable)
            && current(FWC_EGL_READ) == RawPointer(bitPattern: drawable)
    }

    /// The name that this process knows an OpenGL function by, or one of the window system's. Not hooked.
    func symbol(_ name: UnsafePointer<CChar>) -> RawPointer? {
        if strncmp(name, "gl", 2) == 0, name[2] != 88, let found = library.getProcAddress?(name) {
            return found
        }
        return fwc_find(library.handle, name) ?? fwc_find_next(name)
    }

    // MARK: - Sizes

    /// What X knows a drawable of GLX as.
    enum Geometry {
        case unknown
        /// A window, which X itself tells the size of.
        case window
        /// A GLXWindow or another drawable that GLX made.
        case made
    }

    /// Width and height of a drawable now, in pixels; `nil` when they are not to be had.
    func size(_ display: RawPointer?, _ drawable: UInt, _ geometry: inout Geometry) -> (Int, Int)? {
        if kind == .egl {
            let surface = RawPointer(bitPattern: drawable)
            guard let width = attribute(display, surface, FWC_EGL_WIDTH),
                let height = attribute(display, surface, FWC_EGL_HEIGHT)
            else { return nil }
            return (Int(width), Int(height))
        }
        if geometry != .made {
            if let size = windowSize(display, drawable) {
                geometry = .window
                return size
            }
            // A window that is no more has no size, and GLX would end the program for being asked.
            guard geometry == .unknown else { return nil }
            geometry = .made
        }
        guard let query = library.queryDrawable else { return nil }
        var (width, height) = (UInt32(0), UInt32(0))
        query(display, drawable, FWC_GLX_WIDTH, &width)
        query(display, drawable, FWC_GLX_HEIGHT, &height)
        return (Int(width), Int(height))
    }

    /// Whether a surface of EGL is one without a window: only for those EGL answers this question.
    func isPixelBuffer(_ display: RawPointer?, _ drawable: UInt) -> Bool {
        kind == .egl
            && attribute(display, RawPointer(bitPattern: drawable), FWC_EGL_LARGEST_PBUFFER) != nil
    }

    private func attribute(_ display: RawPointer?, _ surface: RawPointer?, _ name: Int32) -> Int32? {
        var value: Int32 = -1
        guard let query = library.querySurface, query(display, surface, name, &value) != 0, value >= 0 else {
            return nil
        }
        return value
    }

    private func windowSize(_ display: RawPointer?, _ window: UInt) -> (Int, Int)? {
        guard let display, let connectionOf = library.connectionOf, let ask = library.getGeometry,
            let answer = library.getGeometryReply, let connection = connectionOf(display)
        else { return nil }
        var error: RawPointer?
        let reply = answer(connection, ask(connection, UInt32(truncatingIfNeeded: window)), &error)
        free(error)
        guard let reply else { return nil }
        defer { free(reply) }
        // xcb_get_geometry_reply_t: behind 8 bytes of head, the root window and the place.
        let sizes = UnsafeRawPointer(reply + 16).assumingMemoryBound(to: UInt16.self)
        return (Int(sizes[0]), Int(sizes[1]))
    }
}
