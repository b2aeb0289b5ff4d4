import CPosix

/// A thread of the library's own, to be joined.
///
/// It has all signals blocked, so that a program's signal handlers run on the program's threads.
package struct Thread: @unchecked Sendable {
    // Unchecked: `pthread_t` is a number that any thread may join once.
    private let handle: pthread_t

    private final class Body {
        let run: () -> Void

        init(_ run: @escaping () -> Void) {
            self.run = run
        }
    }

    /// Starts a thread that runs `body`; `nil` when the system has no more threads to give.
    ///
    /// - Parameter name: at most 15 bytes, for debuggers.
    package static func start(name: StaticString, _ body: @escaping @Sendable () -> Void) -> Thread? {
        var all = sigset_t()
        var previous = sigset_t()
        sigfillset(&all)
        pthread_sigmask(SIG_BLOCK, &all, &previous)
        defer { pthread_sigmask(SIG_SETMASK, &previous, nil) }
        var handle = pthread_t()
        let retained = Unmanaged.passRetained(Body(body))
        let code = pthread_create(
            &handle, nil,
            { raw in
                Unmanaged<Body>.fromOpaque(raw!).takeRetainedValue().run()
                return nil
            }, retained.toOpaque())
        guard code == 0 else {
            retained.release()
            return nil
        }
        name.withUTF8Buffer {
            _ = pthread_setname_np(
                handle, UnsafeRawPointer($0.baseAddress!).assumingMemoryBound(to: CChar.self))
        }
        return Thread(handle: handle)
    }

    /// Waits until the thread has ended.
    package func join() {
        pthread_join(handle, nil)
    }
}
