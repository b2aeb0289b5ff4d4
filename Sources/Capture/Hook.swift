import Buffers
import CCapture
import CPosix
import Synchronization

/// The functions that this library stands before.
enum Hook: Int {
    case glXSwapBuffers, glXSwapBuffersMscOML, glXDestroyContext, glXMakeCurrent, glXMakeContextCurrent
    case glXGetProcAddress, glXGetProcAddressARB
    case eglSwapBuffers, eglSwapBuffersWithDamageEXT, eglSwapBuffersWithDamageKHR, eglDestroyContext
    case eglMakeCurrent, eglReleaseThread, eglTerminate, eglGetProcAddress
    case closeDisplay

    static let count = 16

    /// The hook of the function with this name, if there is one.
    static func named(_ name: UnsafePointer<CChar>) -> Hook? {
        // `g`, `e` and `X`, so that the rest of what a program looks up costs a comparison or two.
        guard name[0] == 103 || name[0] == 101 || name[0] == 88 else { return nil }
        for index in 0..<count {
            guard let hook = Hook(rawValue: index) else { return nil }
            if strcmp(hook.cName, name) == 0 { return hook }
        }
        return nil
    }

    var cName: UnsafePointer<CChar> {
        UnsafeRawPointer(name.utf8Start).assumingMemoryBound(to: CChar.self)
    }

    private var name: StaticString {
        switch self {
        case .glXSwapBuffers: "glXSwapBuffers"
        case .glXSwapBuffersMscOML: "glXSwapBuffersMscOML"
        case .glXDestroyContext: "glXDestroyContext"
        case .glXMakeCurrent: "glXMakeCurrent"
        case .glXMakeContextCurrent: "glXMakeContextCurrent"
        case .glXGetProcAddress: "glXGetProcAddress"
        case .glXGetProcAddressARB: "glXGetProcAddressARB"
        case .eglSwapBuffers: "eglSwapBuffers"
        case .eglSwapBuffersWithDamageEXT: "eglSwapBuffersWithDamageEXT"
        case .eglSwapBuffersWithDamageKHR: "eglSwapBuffersWithDamageKHR"
        case .eglDestroyContext: "eglDestroyContext"
        case .eglMakeCurrent: "eglMakeCurrent"
        case .eglReleaseThread: "eglReleaseThread"
        case .eglTerminate: "eglTerminate"
        case .eglGetProcAddress: "eglGetProcAddress"
        case .closeDisplay: "XCloseDisplay"
        }
    }

    /// What the program gets in its place.
    private var replacement: RawPointer? { fwc_find_own(cName) }

    // MARK: - The real functions

    /// The functions that the program would call without this library, once they are known; 0 before.
    nonisolated(unsafe) private static let known: UnsafeMutablePointer<Atomic<UInt>> = {
        let addresses = UnsafeMutablePointer<Atomic<UInt>>.allocate(capacity: count)
        for index in 0..<count { (addresses + index).initialize(to: Atomic(0)) }
        return addresses
    }()

    private var isEGL: Bool { rawValue >= Hook.eglSwapBuffers.rawValue && self != .closeDisplay }

    /// One of the real functions of the same interface, if any is known.
    private var neighbour: RawPointer? {
        for index in 0..<Hook.count {
            guard let hook = Hook(rawValue: index), hook != .closeDisplay, hook.isEGL == isEGL else {
                continue
            }
            if let address = RawPointer(bitPattern: Hook.known[index].load(ordering: .acquiring)) {
                return address
            }
        }
        return nil
    }

    /// The real function; `nil` where the program has none.
    var real: RawPointer? {
        if let address = RawPointer(bitPattern: Hook.known[rawValue].load(ordering: .acquiring)) {
            return address
        }
        // Linked by the program; or, with libraries that a program has loaded for itself, where its other functions are.
        var found = fwc_find_next(cName)
        if found == nil, self != .closeDisplay, let neighbour, let library = fwc_library_of(neighbour) {
            found = fwc_find(library, cName)
        }
        guard let found, fwc_is_own(found) == 0 else { return nil }
        return note(found)
    }

    /// Remembers the real function, unless one is known, which it then returns.
    private func note(_ address: RawPointer) -> RawPointer {
        // Whoever lets go of the library must not leave this one with dangling functions.
        _ = fwc_library_of(address)
        let (isFirst, before) = Hook.known[rawValue].compareExchange(
            expected: 0, desired: UInt(bitPattern: address), ordering: .acquiringAndReleasing)
        return isFirst ? address : RawPointer(bitPattern: before) ?? address
    }

    /// What a program that found the real function `found` gets.
    func replacement(of found: RawPointer) -> RawPointer? {
        if fwc_is_own(found) != 0 {
            // Found in this library, which has it whether or not there is a real one.
            return real == nil ? nil : found
        }
        guard self != .closeDisplay else {
            _ = note(found)
            return replacement
        }
        // Programs may bring an EGL of their own with them that itself uses the system's. Calls of one must not get to
        // the other, so only the first is captured; the libraries of one system are all in one folder.
        if let neighbour, fwc_share_folder(neighbour, found) == 0 { return found }
        _ = note(found)
        return replacement
    }

    /// As ``replacement(of:)``, for a function that the real glXGetProcAddress or eglGetProcAddress found.
    func replacement(ofProc found: RawPointer) -> RawPointer? {
        if fwc_is_own(found) == 0 { _ = note(found) }
        return replacement
    }
}

@_cdecl("fwc_is_hooked") @implementation
public func fwc_is_hooked(_ name: UnsafePointer<CChar>) -> Int32 {
    Settings.areGiven && Hook.named(name) != nil ? 1 : 0
}

@_cdecl("fwc_replacement") @implementation
public func fwc_replacement(
    _ name: UnsafePointer<CChar>, _ found: RawPointer
) -> RawPointer? {
    Hook.named(name)?.replacement(of: found)
}
