import Buffers
import CPosix

/// Lines of standard error, which is the captured program's: only what goes wrong, unless it was asked for more.
enum Notice {
    static func warn(_ text: Sentence) {
        say("warning: \(text)")
    }

    static func say(_ text: Sentence) {
        let line = ("framewire capture: \(text)\n" as Sentence).text.bytes
        _ = CPosix.write(2, line, line.count)
    }
}
