import CPosix

/// A mutex with a condition variable over POSIX threads.
///
/// Embedded Swift has no `Mutex`; the thread sanitizer knows this one.
package final class Lock: @unchecked Sendable {
    // Unchecked: the two objects are made to be used by several threads and are never moved.
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>

    package init() {
        mutex = .allocate(capacity: 1)
        mutex.initialize(to: pthread_mutex_t())
        pthread_mutex_init(mutex, nil)
        condition = .allocate(capacity: 1)
        condition.initialize(to: pthread_cond_t())
        _ = fwp_cond_init_monotonic(condition)
    }

    deinit {
        pthread_cond_destroy(condition)
        condition.deallocate()
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
    }

    package func lock() {
        pthread_mutex_lock(mutex)
    }

    package func unlock() {
        pthread_mutex_unlock(mutex)
    }

    /// Runs `body` with the lock held. `body` must not call out or wait for anything else.
    @inline(__always)
    package func withLock<R, E: Error>(_ body: () throws(E) -> R) throws(E) -> R {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body()
    }

    /// Gives the lock up until another thread calls ``notifyAll()``. Wake-ups without cause happen.
    package func wait() {
        pthread_cond_wait(condition, mutex)
    }

    /// As ``wait()``, but at most until `deadline`, in nanoseconds of ``Clock/now()``; negative is without a
    /// limit.
    ///
    /// - Returns: `false` when the time ran out.
    package func wait(until deadline: Int64) -> Bool {
        if deadline < 0 {
            wait()
            return true
        }
        return fwp_cond_wait_until(condition, mutex, deadline) == 0
    }

    /// Wakes every waiting thread.
    package func notifyAll() {
        pthread_cond_broadcast(condition)
    }
}

/// The clock that every duration and deadline in the library is measured by.
package enum Clock {
    /// Nanoseconds of `CLOCK_MONOTONIC`.
    @inline(__always)
    package static func now() -> Int64 {
        fwp_monotonic_ns()
    }

    /// The deadline that lies `timeout` nanoseconds ahead; negative, or too far to count, is −1: without a
    /// limit.
    package static func deadline(after timeout: Int64) -> Int64 {
        guard timeout >= 0 else { return -1 }
        let (sum, overflow) = now().addingReportingOverflow(timeout)
        return overflow ? -1 : sum
    }
}
