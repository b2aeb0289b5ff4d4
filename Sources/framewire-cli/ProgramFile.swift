import CPosix
import Foundation

/// What can be known of a program before it runs.
enum ProgramFile {
    /// Refuses programs that no library can be preloaded into; what is not there or no ELF file is left to the system.
    ///
    /// - Throws: ``Failure`` that says why.
    static func check(_ name: String) throws(Failure) {
        guard let path = locate(name), let file = FileHandle(forReadingAtPath: path),
            let head = try? file.read(upToCount: 64), head.starts(with: [0x7F, 0x45, 0x4C, 0x46]),
            head.count == 64
        else { return }
        let bits = MemoryLayout<Int>.size * 8
        guard (head[4] == 2 ? 64 : 32) == bits else {
            throw Failure(
                message: "\(path) is a program of another word size than \(bits) bits; it cannot be captured")
        }
        var status = stat()
        if stat(path, &status) == 0, status.st_mode & (S_ISUID | S_ISGID) != 0, geteuid() != 0 {
            throw Failure(
                message: "\(path) runs with other rights than yours (setuid); nothing is preloaded into such")
        }
        guard isDynamic(file, head) else {
            throw Failure(message: "\(path) is statically linked; nothing can be preloaded into it")
        }
    }

    /// As `execvp` finds it.
    private static func locate(_ name: String) -> String? {
        guard !name.contains("/") else { return name }
        let path = getenv("PATH").map { String(cString: $0) } ?? "/bin:/usr/bin"
        return path.split(separator: ":", omittingEmptySubsequences: false)
            .map { $0.isEmpty ? name : "\($0)/\(name)" }
            .first { access($0, X_OK) == 0 }
    }

    /// Whether a dynamic linker is named: a program header of type PT_INTERP.
    private static func isDynamic(_ file: FileHandle, _ head: Data) -> Bool {
        func number(_ bytes: Data, _ offset: Int, _ size: Int) -> UInt64 {
            bytes.dropFirst(offset).prefix(size).reversed().reduce(0) { $0 << 8 | UInt64($1) }
        }
        let (start, size, count) = (number(head, 32, 8), number(head, 54, 2), number(head, 56, 2))
        guard size >= 4, (try? file.seek(toOffset: start)) != nil,
            let table = try? file.read(upToCount: Int(size * count)), table.count == Int(size * count)
        else { return true }
        return (0..<Int(count)).contains { number(table, $0 * Int(size), 4) == 3 }
    }
}
