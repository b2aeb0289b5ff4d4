import CPosix
import Foundation

/// Where the library is that `framewire capture` preloads.
enum CaptureLibrary {
    /// Names another file, for a command that is not installed.
    private static let variable = "FRAMEWIRE_CAPTURE_LIBRARY"
    private static let name = "framewire/libframewire-capture.so"

    #if arch(arm64)
        private static let triplet = "aarch64-linux-gnu"
    #else
        private static let triplet = "x86_64-linux-gnu"
    #endif

    /// The library that belongs to this command.
    ///
    /// - Throws: ``Failure`` that says where it was looked for, or why it cannot be preloaded.
    static func find() throws(Failure) -> String {
        let path = try locate()
        // The dynamic linker separates paths by these, and knows no way to quote them.
        guard !path.contains(where: { " :$".contains($0) }) else {
            throw Failure(
                message:
                    "\(path) cannot be preloaded, because of a space, colon or dollar sign in its path; install it elsewhere"
            )
        }
        guard let handle = dlopen(path, RTLD_LAZY | RTLD_LOCAL) else {
            throw Failure(message: "cannot load \(path): \(dlerror().map { String(cString: $0) } ?? "")")
        }
        dlclose(handle)
        return path
    }

    private static func locate() throws(Failure) -> String {
        if let given = getenv(variable), given.pointee != 0 {
            let path = absolutePath(String(cString: given))
            guard access(path, R_OK) == 0 else {
                throw Failure(message: "there is no \(path), which \(variable) names")
            }
            return path
        }
        guard let own = realpath("/proc/self/exe", nil) else {
            throw Failure(message: "/proc/self/exe cannot be read; name the library by \(variable)")
        }
        defer { free(own) }
        let prefix = String(cString: own).split(separator: "/").dropLast(2).map { "/" + $0 }.joined()
        let folders = ["lib", "lib/\(triplet)", "lib64"]
        for folder in folders {
            let path = "\(prefix)/\(folder)/\(name)"
            if access(path, R_OK) == 0 { return path }
        }
        throw Failure(
            message:
                "there is no \(name) in \(prefix)/lib; install Framewire by 'make install', or name the library by \(variable)"
        )
    }
}
