import CGStreamer

/// A call that can take longer than anybody may wait for it, on a thread of its own. Whoever gives up waiting leaves it
/// to itself.
final class Errand: @unchecked Sendable {
    // Unchecked: the mutex guards what changes.
    private let mutex = UnsafeMutablePointer<GMutex>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<GCond>.allocate(capacity: 1)
    private var isDone = false

    /// Begins with `work`; where the system has no thread, it is done here.
    init(_ work: @escaping @Sendable () -> Void) {
        mutex.initialize(to: GMutex())
        condition.initialize(to: GCond())
        g_mutex_init(mutex)
        g_cond_init(condition)
        let order = Unmanaged.passRetained(Order(work, self))
        let thread = g_thread_try_new(
            "framewire-errand",
            { order in
                Unmanaged<Order>.fromOpaque(order!).takeRetainedValue().run()
                return nil
            }, order.toOpaque(), nil)
        if let thread { g_thread_unref(thread) } else { order.takeRetainedValue().run() }
    }

    deinit {
        g_cond_clear(condition)
        g_mutex_clear(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    /// What the thread is given.
    private final class Order {
        private let work: @Sendable () -> Void
        private let errand: Errand

        init(_ work: @escaping @Sendable () -> Void, _ errand: Errand) {
            self.work = work
            self.errand = errand
        }

        func run() {
            work()
            errand.finish()
        }
    }

    private func finish() {
        g_mutex_lock(mutex)
        isDone = true
        g_cond_broadcast(condition)
        g_mutex_unlock(mutex)
    }

    /// Waits until it is done, at most `duration` nanoseconds.
    ///
    /// - Returns: whether it is.
    func isDone(within duration: Int64) -> Bool {
        let deadline = g_get_monotonic_time() + gint64(duration / 1000)
        g_mutex_lock(mutex)
        defer { g_mutex_unlock(mutex) }
        while !isDone {
            guard g_cond_wait_until(condition, mutex, deadline) != 0 else { return isDone }
        }
        return true
    }
}

/// The element of a connection's events. They may come after the element has let go of the connection.
final class ElementReference: Sendable {
    private struct Address: @unchecked Sendable {
        // Unchecked: only functions that may be called on any thread are given the pointer.
        let element: UnsafeMutablePointer<GstElement>
    }

    private let address: Guarded<Address?>

    init(_ element: UnsafeMutablePointer<GstElement>) {
        address = Guarded(Address(element: element))
    }

    /// Calls `body` unless the element has let go.
    func use(_ body: (UnsafeMutablePointer<GstElement>) -> Void) {
        let held = address.change { address in
            if let address { gst_object_ref(address.element) }
            return address
        }
        guard let held else { return }
        body(held.element)
        gst_object_unref(held.element)
    }

    func forget() {
        address.set(nil)
    }

    /// Closes what the element has used, which takes no longer than what is agreed with it, except where a name
    /// service keeps a thread that nothing can wake: that ends when it will.
    func close(_ close: @escaping @Sendable () -> Void) {
        let errand = Errand(close)
        if !errand.isDone(within: 2_000_000_000) { forget() }
    }
}
