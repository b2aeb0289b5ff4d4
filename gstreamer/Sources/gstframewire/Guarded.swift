import Synchronization

/// A value that several threads use, one at a time.
final class Guarded<Value: Sendable>: Sendable {
    private let mutex: Mutex<Value>

    init(_ value: Value) {
        mutex = Mutex(value)
    }

    /// A copy.
    var value: Value { mutex.withLock { $0 } }

    func set(_ value: Value) {
        mutex.withLock { $0 = value }
    }

    /// `body` must not call out.
    func change<R: Sendable>(_ body: (inout sending Value) -> R) -> R {
        mutex.withLock { value in body(&value) }
    }
}
