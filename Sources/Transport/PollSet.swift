import Buffers
import CPosix

/// Events of a descriptor (`poll`).
package struct PollEvents: OptionSet, Sendable {
    package let rawValue: Int16

    package init(rawValue: Int16) {
        self.rawValue = rawValue
    }

    /// There is something to read, or the end of the stream.
    package static let readable = PollEvents(rawValue: Int16(POLLIN))
    /// There is room to write.
    package static let writable = PollEvents(rawValue: Int16(POLLOUT))
    /// The other side is gone; reported without being asked for.
    package static let hangUp = PollEvents(rawValue: Int16(POLLHUP))
    /// Something failed, which the next read or write tells; reported without being asked for.
    package static let failure = PollEvents(rawValue: Int16(POLLERR | POLLNVAL))
}

/// Descriptors to be waited for together. It lives on the stack and never allocates.
///
///     var set = PollSet()
///     let socket = set.add(connection.descriptor, .readable)
///     let wake = set.add(wakeUp.descriptor, .readable)
///     if try set.wait(until: deadline), set.isReady(socket) { … }
package struct PollSet {
    /// How many descriptors fit.
    package static let capacity = 80

    private var entries: InlineArray<80, pollfd>
    /// How many places are taken.
    package private(set) var count = 0

    @inline(never)
    package init() {
        entries = InlineArray(repeating: pollfd(fd: -1, events: 0, revents: 0))
    }

    /// Adds a descriptor; a negative one, or one with no events, keeps its place and is not waited for.
    ///
    /// - Returns: the place to ask with. Places count from 0; beyond ``capacity`` nothing is added, and −1
    ///   comes back.
    @discardableResult
    @inline(never)
    package mutating func add(_ descriptor: Int32, _ events: PollEvents) -> Int {
        guard count < PollSet.capacity else { return -1 }
        let waited = events.isEmpty ? -1 : descriptor
        entries[count] = pollfd(fd: waited, events: events.rawValue, revents: 0)
        count += 1
        return count - 1
    }

    /// Takes all descriptors out.
    package mutating func removeAll() {
        count = 0
    }

    /// Waits until something is ready, at most until `deadline` of `Clock.now()`; negative waits without a
    /// limit, 0 only looks.
    ///
    /// - Returns: `false` when the time ran out.
    @inline(never)
    package mutating func wait(until deadline: Int64) throws(TransportError) -> Bool {
        var span = entries.mutableSpan
        do throws(Errno) {
            return try span.withUnsafeMutableBufferPointer { (buffer) throws(Errno) in
                try System.poll(buffer.baseAddress!, count: count, until: deadline) > 0
            }
        } catch {
            throw TransportError(error, doing: "cannot wait for descriptors", fallback: .io)
        }
    }

    /// What the last wait found at `place`.
    package func ready(_ place: Int) -> PollEvents {
        guard place >= 0, place < count else { return [] }
        return PollEvents(rawValue: entries[place].revents)
    }

    /// Whether the last wait found anything at `place`, failures included: a read or write there will not
    /// wait.
    package func isReady(_ place: Int) -> Bool {
        !ready(place).isEmpty
    }
}

/// Interrupts a thread that waits in ``PollSet/wait(until:)`` (`eventfd`).
package final class WakeUp: Sendable {
    /// Readable from ``signal()`` to ``drain()``.
    package let descriptor: Int32

    package convenience init() throws(TransportError) {
        do throws(Errno) {
            self.init(descriptor: try System.makeEventCounter())
        } catch {
            throw TransportError(error, doing: "cannot create an event counter", fallback: .io)
        }
    }

    /// Nothing throws here: Embedded Swift does not free an object whose designated initializer fails.
    private init(descriptor: Int32) {
        self.descriptor = descriptor
    }

    deinit {
        System.close(descriptor)
    }

    /// Makes the descriptor readable. Any thread, never waits, any number of times.
    package func signal() {
        System.addEvent(descriptor)
    }

    /// Takes all signals given so far back.
    package func drain() {
        System.takeEvents(descriptor)
    }

    /// Whether a signal is there that was not drained.
    package var isSignalled: Bool {
        var set = PollSet()
        set.add(descriptor, .readable)
        return (try? set.wait(until: 0)) ?? false
    }
}
