import Buffers
import CPosix

/// How much a log message matters. The raw values are those of `fw_log_level`.
public enum LogLevel: Int32, Sendable {
    case error = 1
    case warning = 2
    case info = 3
    case debug = 4
}

/// The library's messages: connections made and lost, streams that break the protocol.
public enum Log {
    /// Called with one sentence without a line feed, from any thread, also from several at once.
    public typealias Handler = @Sendable (LogLevel, String) -> Void

    private struct State {
        var handler: Handler?
        var maximum = LogLevel.warning
    }

    private static let lock = Lock()
    // Guarded by `lock`.
    nonisolated(unsafe) private static var state = State()

    /// Sends messages of `maximum` and more important ones to `handler`; `nil` brings back the default:
    /// warnings and errors go to standard error.
    public static func setHandler(_ handler: Handler?, maximum: LogLevel = .warning) {
        lock.withLock { state = State(handler: handler, maximum: handler == nil ? .warning : maximum) }
    }

    /// The text is made only if somebody wants it.
    @inline(__always)
    static func write(_ level: LogLevel, _ text: () -> Sentence) {
        if isWanted(level) { write(level, text()) }
    }

    @inline(never)
    private static func isWanted(_ level: LogLevel) -> Bool {
        lock.withLock { level.rawValue <= state.maximum.rawValue }
    }

    @inline(never)
    private static func write(_ level: LogLevel, _ sentence: Sentence) {
        let message = sentence.text
        if let handler = lock.withLock({ state.handler }) {
            handler(level, message)
            return
        }
        let start: Sentence = level == .error ? "framewire: error: " : "framewire: warning: "
        let line = ("\(start)\(message)\n" as Sentence).text.bytes
        _ = CPosix.write(2, line, line.count)
    }
}
