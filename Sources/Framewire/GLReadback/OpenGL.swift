import Buffers
import COpenGL
import CPosix

/// The OpenGL of one context: its functions, and what of them can be relied on.
///
/// A loader's answer says little (many give an address for any name), so what a context has follows from its version
/// and extensions; and then the functions must be there too.
final class OpenGL {
    /// A group of functions that are there together.
    enum Group: UInt8 {
        case base, strings, framebuffers, blits, buffers, map, mapRange, storage, fences, reset, transfer,
            clamp
    }

    typealias Loader = (UnsafePointer<CChar>) -> (@convention(c) () -> Void)?

    /// The functions; those of a group that is not there must not be called.
    let call: UnsafeMutablePointer<fwgl_functions>
    private(set) var isES = false
    /// 45 is OpenGL 4.5.
    private(set) var version = 0
    /// The groups that are there.
    private var groups: UInt32 = 0
    /// Whether framebuffers are bound for reading and for drawing apart.
    private(set) var separatesFramebuffers = false
    /// Whether attachments can be asked what they are made of.
    private(set) var describesAttachments = false
    /// Whether the order that the driver prefers can be asked for.
    private(set) var tellsReadFormat = false
    private(set) var hasFramebufferSRGB = false
    private(set) var hasPackInvert = false
    private(set) var hasReverseRows = false
    private var currentContext: fwgl_current_context?
    private var context: UnsafeMutableRawPointer?
    private var thread = pthread_self()
    /// Set when the context is found to be lost.
    var isLost = false

    /// - Throws: ``FramewireError``: `gl` without a current context or a function that every context has;
    ///   `unsupported` for versions before 2.1, or OpenGL ES before 3.
    convenience init(loader: Loader) throws(FramewireError) {
        self.init()
        try load(.base, loader)
        guard let text = call.pointee.GetString(FWGL_VERSION) else { throw Self.noContext() }
        readVersion(UnsafeRawPointer(text).assumingMemoryBound(to: CChar.self))
        guard version >= (isES ? 30 : 21) else {
            throw FramewireError(
                .unsupported,
                "the context is \(String(text: UnsafeRawPointer(text).assumingMemoryBound(to: CChar.self))); reading back takes OpenGL 2.1 or OpenGL ES 3.0"
            )
        }
        findContext(loader)
        findFramebuffers(loader)
        findBuffers(loader)
        findTheRest(loader)
    }

    private init() {
        call = .allocate(capacity: 1)
        memset(call, 0, MemoryLayout<fwgl_functions>.size)
    }

    deinit {
        call.deallocate()
    }

    func has(_ group: Group) -> Bool { groups & (1 << UInt32(group.rawValue)) != 0 }

    // MARK: - Loading

    /// "OpenGL ES 3.2 …", "4.5 (Core Profile) …".
    private func readVersion(_ text: UnsafePointer<CChar>) {
        isES = strncmp(text, "OpenGL ES", 9) == 0
        var at = text
        while at.pointee != 0, at.pointee < 48 || at.pointee > 57 { at += 1 }
        guard at.pointee != 0 else { return }
        version = Int(at.pointee - 48) * 10
        if at[1] == 46, at[2] >= 48, at[2] <= 57 { version += Int(at[2] - 48) }
    }

    /// Loads the functions of `group`, whose names end in `suffix`.
    ///
    /// - Throws: `gl`, which names the first function that is not there.
    private func load(
        _ group: Group, suffix: StaticString = "", _ loader: Loader
    ) throws(FramewireError) {
        let wanted = CChar(group.rawValue < 10 ? 48 + group.rawValue : 55 + group.rawValue)
        let slots = UnsafeMutableRawPointer(call).assumingMemoryBound(to: (@convention(c) () -> Void)?.self)
        var entry = fwgl_names()
        var index = 0
        while entry.pointee != 0 {
            let length = strlen(entry)
            if entry.pointee == wanted {
                // The longest name is half of this.
                let found = withUnsafeTemporaryAllocation(of: CChar.self, capacity: 96) { name in
                    fwgl_full_name(
                        name.baseAddress!, 96, entry + 1,
                        UnsafeRawPointer(suffix.utf8Start).assumingMemoryBound(to: CChar.self))
                    return loader(name.baseAddress!)
                }
                guard let function = found else {
                    throw FramewireError(
                        .gl,
                        "get_proc_address does not find gl\(String(text: entry + 1))\(suffix), which every context has"
                    )
                }
                slots[index] = function
            }
            entry += length + 1
            index += 1
        }
        groups |= 1 << UInt32(group.rawValue)
    }

    /// As ``load(_:suffix:_:)`` for what can be done without.
    @inline(never)
    private func tryLoad(_ group: Group, suffix: StaticString = "", _ loader: Loader) {
        do {
            try load(group, suffix: suffix, loader)
        } catch {
            // The group is not there, which `has` says.
        }
    }

    @inline(never)
    private func hasExtension(_ name: StaticString) -> Bool {
        let wanted = UnsafeRawPointer(name.utf8Start).assumingMemoryBound(to: CChar.self)
        if has(.strings) {
            for index in 0..<max(0, integer(FWGL_NUM_EXTENSIONS)) {
                guard let text = call.pointee.GetStringi(FWGL_EXTENSIONS, UInt32(index)) else { continue }
                if strcmp(UnsafeRawPointer(text).assumingMemoryBound(to: CChar.self), wanted) == 0 {
                    return true
                }
            }
            return false
        }
        guard let list = call.pointee.GetString(FWGL_EXTENSIONS) else { return false }
        var rest = UnsafeRawPointer(list).assumingMemoryBound(to: CChar.self)
        let length = name.utf8CodeUnitCount
        while let found = strstr(rest, wanted) {
            let start = UnsafePointer(found)
            let isWord =
                start == UnsafeRawPointer(list).assumingMemoryBound(to: CChar.self) || start[-1] == 32
            if isWord, start[length] == 0 || start[length] == 32 { return true }
            rest = start + length
        }
        return false
    }

    private func findContext(_ loader: Loader) {
        for name: StaticString in ["eglGetCurrentContext", "glXGetCurrentContext"] {
            let text = UnsafeRawPointer(name.utf8Start).assumingMemoryBound(to: CChar.self)
            guard let function = loader(text) else { continue }
            let query = unsafeBitCast(function, to: fwgl_current_context.self)
            guard let found = query() else { continue }
            currentContext = query
            context = found
            return
        }
    }

    private func findFramebuffers(_ loader: Loader) {
        if version >= 30 { tryLoad(.strings, loader) }
        if version >= 30 || hasExtension("GL_ARB_framebuffer_object") {
            tryLoad(.framebuffers, loader)
            separatesFramebuffers = has(.framebuffers)
            describesAttachments = separatesFramebuffers
            if separatesFramebuffers { tryLoad(.blits, loader) }
        } else if hasExtension("GL_EXT_framebuffer_object") {
            tryLoad(.framebuffers, suffix: "EXT", loader)
            separatesFramebuffers = has(.framebuffers) && hasExtension("GL_EXT_framebuffer_blit")
        }
        tellsReadFormat =
            isES || version >= 41 || hasExtension("GL_ARB_ES2_compatibility")
            || hasExtension("GL_OES_read_format")
        hasFramebufferSRGB = !isES && (version >= 30 || hasExtension("GL_ARB_framebuffer_sRGB"))
    }

    private func findBuffers(_ loader: Loader) {
        // OpenGL 2.1 has pixel buffer objects itself.
        tryLoad(.buffers, loader)
        guard has(.buffers) else { return }
        if !isES { tryLoad(.map, loader) }
        if version >= 30 || hasExtension("GL_ARB_map_buffer_range") { tryLoad(.mapRange, loader) }
        if isES || version >= 32 || hasExtension("GL_ARB_sync") { tryLoad(.fences, loader) }
        if isES {
            if hasExtension("GL_EXT_buffer_storage") { tryLoad(.storage, suffix: "EXT", loader) }
        } else if version >= 44 || hasExtension("GL_ARB_buffer_storage") {
            tryLoad(.storage, loader)
        }
    }

    private func findTheRest(_ loader: Loader) {
        let isCompatible =
            !isES
            && (version < 31
                || version >= 32
                    && integer(FWGL_CONTEXT_PROFILE_MASK) & FWGL_CONTEXT_COMPATIBILITY_PROFILE_BIT != 0
                || version == 31 && hasExtension("GL_ARB_compatibility"))
        if isCompatible { tryLoad(.transfer, loader) }
        if !isES, version >= 30 { tryLoad(.clamp, loader) }
        hasPackInvert = hasExtension("GL_MESA_pack_invert")
        hasReverseRows = hasExtension("GL_ANGLE_pack_reverse_row_order")
        findReset(loader)
    }

    /// Only a context that was made to say when it is lost is asked.
    private func findReset(_ loader: Loader) {
        if version >= (isES ? 32 : 45) {
            tryLoad(.reset, loader)
        } else if hasExtension("GL_KHR_robustness") {
            if isES { tryLoad(.reset, suffix: "KHR", loader) } else { tryLoad(.reset, loader) }
        } else if hasExtension("GL_ARB_robustness") {
            tryLoad(.reset, suffix: "ARB", loader)
        } else if hasExtension("GL_EXT_robustness") {
            tryLoad(.reset, suffix: "EXT", loader)
        }
        if has(.reset), integer(FWGL_RESET_NOTIFICATION_STRATEGY) != FWGL_LOSE_CONTEXT_ON_RESET {
            groups &= ~(1 << UInt32(Group.reset.rawValue))
        }
    }

    // MARK: - Use

    @inline(never)
    func integer(_ name: UInt32) -> Int32 {
        // Some queries give up to four values.
        var values: (Int32, Int32, Int32, Int32) = (0, 0, 0, 0)
        withUnsafeMutableBytes(of: &values) {
            call.pointee.GetIntegerv(name, $0.baseAddress!.assumingMemoryBound(to: Int32.self))
        }
        return values.0
    }

    @inline(never)
    func name(_ query: UInt32) -> UInt32 { UInt32(bitPattern: integer(query)) }

    /// - Throws: `gl` on another thread than the one that the object was made on.
    func checkThread() throws(FramewireError) {
        guard pthread_equal(thread, pthread_self()) != 0 else {
            throw FramewireError(
                .gl,
                "the readback was made on another thread; it is used on the thread that made it, where its OpenGL context is current"
            )
        }
    }

    /// From now on the calling thread is the one that may use the object.
    func moveToThisThread() { thread = pthread_self() }

    /// - Throws: `gl` unless the context is current on this thread, and works.
    func check() throws(FramewireError) {
        try checkThread()
        if let currentContext {
            let found = currentContext()
            guard found == context else {
                throw found == nil
                    ? Self.noContext()
                    : FramewireError(
                        .gl, "another OpenGL context is current than the one the readback was made with")
            }
        } else if call.pointee.GetString(FWGL_VERSION) == nil {
            throw Self.noContext()
        }
        if !isLost, has(.reset), call.pointee.GetGraphicsResetStatus() != 0 { isLost = true }
        if isLost { throw lostContext() }
    }

    @inline(never)
    private static func noContext() -> FramewireError {
        FramewireError(
            .gl, "no OpenGL context is current on this thread; make that of the readback current first")
    }

    @inline(never)
    func lostContext() -> FramewireError {
        FramewireError(.gl, "the OpenGL context is lost; make a new context and a new readback")
    }

    /// Takes what errors there are, so that the next one is that of a call to come.
    ///
    /// - Returns: the first one, or 0.
    @inline(never)
    func takeErrors() -> UInt32 {
        let first = call.pointee.GetError()
        var next = first
        // Several flags may be set, a few at most; a lost context may give its error for ever.
        var count = 0
        while next != 0, next != FWGL_CONTEXT_LOST, count < 16 {
            next = call.pointee.GetError()
            count += 1
        }
        if first == FWGL_CONTEXT_LOST || next == FWGL_CONTEXT_LOST { isLost = true }
        return first
    }
}

/// An error of OpenGL by its name.
func errorName(_ code: UInt32) -> StaticString {
    switch code {
    case 0x0500: "GL_INVALID_ENUM"
    case 0x0501: "GL_INVALID_VALUE"
    case 0x0502: "GL_INVALID_OPERATION"
    case 0x0505: "GL_OUT_OF_MEMORY"
    case 0x0506: "GL_INVALID_FRAMEBUFFER_OPERATION"
    case FWGL_CONTEXT_LOST: "GL_CONTEXT_LOST"
    default: "an unknown error"
    }
}
