import CSDL

/// Why there is no window, as one sentence for the user.
package struct WindowError: Error, Sendable {
    package let message: String
}

/// SDL's functions, looked up when the first window is opened.
enum SDL {
    /// - Throws: ``WindowError`` that names the package when there is no SDL 2.
    static func load() throws(WindowError) -> UnsafePointer<fws_functions> {
        let table = UnsafeMutablePointer<fws_functions>.allocate(capacity: 1)
        if let problem = fws_load(table) {
            let reason = String(cString: problem)
            table.deallocate()
            throw WindowError(
                message: "a window needs SDL 2, which cannot be used (\(reason)); install the package"
                    + " libsdl2-2.0-0")
        }
        return UnsafePointer(table)
    }

    /// SDL's words for what went wrong last.
    static func lastError(_ functions: UnsafePointer<fws_functions>) -> String {
        functions.pointee.SDL_GetError().map { String(cString: $0) } ?? ""
    }
}
