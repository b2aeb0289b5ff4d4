import Buffers
import CPosix
import Synchronization

/// Ctrl-C and SIGTERM as something to poll, so that a stream ends in good order. A second signal ends the process at once, unless it
/// comes so soon that it is the same one again: some programs that start others pass it on twice.
enum Interruption {
    /// When the first signal came, on the library's clock; 0 before.
    private static let firstTime = Atomic<Int64>(0)
    private static let repetition: Int64 = 300_000_000
    private static let event = Atomic<Int32>(-1)

    /// Takes the signals over, and has a closed pipe reported as an error of the write.
    static func install() {
        event.store(eventfd(0, Int32(EFD_CLOEXEC) | Int32(EFD_NONBLOCK)), ordering: .relaxed)
        // `SIG_IGN` is a macro that Swift does not see; a handler that does nothing is as good.
        signal(SIGPIPE) { _ in }
        for number in [SIGINT, SIGTERM] {
            signal(number) { number in
                let now = Clock.now()
                let (isFirst, first) = Interruption.firstTime.compareExchange(
                    expected: 0, desired: now, ordering: .relaxed)
                if isFirst {
                    var one: UInt64 = 1
                    _ = write(Interruption.event.load(ordering: .relaxed), &one, 8)
                } else if now - first > Interruption.repetition {
                    signal(number, nil)
                    raise(number)
                }
            }
        }
    }

    static var isRequested: Bool {
        firstTime.load(ordering: .relaxed) != 0
    }

    /// Waits until `descriptor` or `other` is readable (−1 is none), the time `deadline` of the library's clock has come (negative:
    /// never) or a signal has.
    static func wait(_ descriptor: Int32, _ other: Int32 = -1, until deadline: Int64) {
        var entries = (
            pollfd(fd: event.load(ordering: .relaxed), events: Int16(POLLIN), revents: 0),
            pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0),
            pollfd(fd: other, events: Int16(POLLIN), revents: 0)
        )
        var milliseconds: Int32 = -1
        if deadline >= 0 {
            let rest = max(0, deadline - Clock.now())
            milliseconds = Int32(clamping: (rest + 999_999) / 1_000_000)
        }
        withUnsafeMutableBytes(of: &entries) { bytes in
            _ = poll(bytes.bindMemory(to: pollfd.self).baseAddress, 3, milliseconds)
        }
    }
}
