import CPosix
import Foundation

/// Waits on a thread of its own for a descriptor, or a signal, on behalf of a loop that waits for something else.
final class FrameWaiter: @unchecked Sendable {
    // Unchecked: guarded by the condition, but for what never changes.
    private enum Phase {
        case idle, waiting, ready, stopping, stopped
    }

    private let condition = NSCondition()
    private var phase = Phase.idle
    private let descriptor: Int32
    /// Readable when the thread is to end.
    private let end = eventfd(0, Int32(EFD_CLOEXEC) | Int32(EFD_NONBLOCK))
    private let notify: @Sendable () -> Void

    /// - Parameter notify: Called on the thread when the descriptor that ``arm()`` waits for has become readable.
    init(_ descriptor: Int32, notify: @escaping @Sendable () -> Void) {
        self.descriptor = descriptor
        self.notify = notify
        Thread { [self] in run() }.start()
    }

    deinit {
        CPosix.close(end)
    }

    /// Asks for one notification, unless that has been done and it has not been taken yet.
    func arm() {
        condition.withLock {
            guard phase == .idle else { return }
            phase = .waiting
            condition.broadcast()
        }
    }

    /// Whether the notification that was asked for has come; it is then taken.
    func takeNotification() -> Bool {
        condition.withLock {
            guard phase == .ready else { return false }
            phase = .idle
            return true
        }
    }

    /// Ends the thread, and returns when it looks at the descriptor no more and notifies nobody.
    func stop() {
        var one: UInt64 = 1
        _ = write(end, &one, 8)
        condition.withLock {
            guard phase != .stopped else { return }
            phase = .stopping
            condition.broadcast()
            while phase != .stopped { condition.wait() }
        }
    }

    private func run() {
        while true {
            let goesOn = condition.withLock {
                while phase == .idle || phase == .ready { condition.wait() }
                return phase == .waiting
            }
            if goesOn {
                Interruption.wait(descriptor, end, until: -1)
                condition.withLock {
                    if phase == .waiting { phase = .ready }
                }
                notify()
                continue
            }
            return condition.withLock {
                phase = .stopped
                condition.broadcast()
            }
        }
    }
}
