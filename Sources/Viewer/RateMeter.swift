/// Counts at one moment.
package struct Counts: Equatable, Sendable {
    /// Frames that were shown.
    package var frames: UInt64
    package var bytesRaw: UInt64
    package var bytesWire: UInt64

    package init(frames: UInt64 = 0, bytesRaw: UInt64 = 0, bytesWire: UInt64 = 0) {
        self.frames = frames
        self.bytesRaw = bytesRaw
        self.bytesWire = bytesWire
    }
}

/// Rates over the last second or two.
package struct RateMeter: Sendable {
    /// How often it wants to be told, in nanoseconds.
    package static let interval: Int64 = 250_000_000
    private static let readings = 8

    private var history: [(time: Int64, counts: Counts)] = []

    package init() {}

    /// When the next reading is due, in nanoseconds.
    package var deadline: Int64 {
        history.last.map { $0.time + RateMeter.interval } ?? 0
    }

    /// Notes the counts at a time in nanoseconds.
    package mutating func note(_ counts: Counts, at time: Int64) {
        if history.count == RateMeter.readings { history.removeFirst() }
        history.append((time, counts))
    }

    /// Frames and bytes on the wire per second, and the raw bytes for each of those; nil until two readings are there.
    package var rates: (frames: Double, wire: Double, ratio: Double?)? {
        guard let first = history.first, let last = history.last, last.time > first.time else { return nil }
        let seconds = Double(last.time - first.time) / 1e9
        let frames = last.counts.frames &- first.counts.frames
        let raw = last.counts.bytesRaw &- first.counts.bytesRaw
        let wire = last.counts.bytesWire &- first.counts.bytesWire
        return (
            Double(frames) / seconds, Double(wire) / seconds,
            wire > 0 && raw > 0 ? Double(raw) / Double(wire) : nil
        )
    }
}
