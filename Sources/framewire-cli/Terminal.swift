import CPosix
import PictureFiles

/// Standard output and standard error.
enum Terminal {
    /// Whether standard error is a terminal, so that a line can be rewritten.
    static let isInteractive = isatty(2) == 1

    /// Writes to standard output; a reader that has gone is not worth a second error.
    static func output(_ text: String) {
        write(text, to: 1)
    }

    /// Writes a line to standard error.
    static func error(_ text: String) {
        write(text + "\n", to: 2)
    }

    static func errorWithoutLineFeed(_ text: String) {
        write(text, to: 2)
    }

    /// Shows `text` in the line of standard error that is rewritten until ``clearProgress()``.
    static func showProgress(_ text: String) {
        // The end of the line is cleared, since the one before may have been longer.
        write("\r" + text + "\u{1B}[K", to: 2)
    }

    /// Takes the line of ``showProgress(_:)`` away.
    static func clearProgress() {
        write("\r\u{1B}[K", to: 2)
    }

    private static func write(_ text: String, to descriptor: Int32) {
        Array(text.utf8).withUnsafeBytes { bytes in
            var rest = bytes[...]
            while !rest.isEmpty {
                let slice = UnsafeRawBufferPointer(rebasing: rest)
                let count = CPosix.write(descriptor, slice.baseAddress, slice.count)
                if count < 0, fwp_errno() == EINTR { continue }
                guard count > 0 else { return }
                rest = rest.dropFirst(count)
            }
        }
    }
}

/// `value` with `places` digits behind the point, which is always a point.
func decimal(_ value: Double, _ places: Int) -> String {
    guard value.isFinite, value.magnitude < 1e15 else { return "0" }
    var scale = 1.0
    for _ in 0..<places { scale *= 10 }
    let digits = String(Int64((value.magnitude * scale).rounded()))
    let sign = value < 0 ? "-" : ""
    guard places > 0 else { return sign + digits }
    let padded = String(repeating: "0", count: max(0, places + 1 - digits.utf8.count)) + digits
    return sign + padded.dropLast(places) + "." + padded.suffix(places)
}

/// 16 digits, as `xxhsum` writes them.
func hexadecimal(_ value: UInt64) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.utf8.count) + digits
}
