import Buffers

/// Counts at one moment.
struct Reading {
    var frames: UInt64
    var bytesRaw: UInt64
    var bytesWire: UInt64
    var latency: Int64?
    var roundTrip: Int64?
    /// How many are connected now.
    var peers = 0
}

/// Measures rates, and shows them in a line that rewrites itself while standard error is a terminal.
final class Meter {
    private static let interval: Int64 = 200_000_000

    private var first: (time: Int64, reading: Reading)?
    private var lastTime: Int64 = 0
    private var final: Reading?
    private var shown: (time: Int64, reading: Reading)?
    private var isShowing = false

    /// When the line should be looked at again, on the library's clock; −1 when there is none.
    var deadline: Int64 {
        guard Terminal.isInteractive, let shown else { return -1 }
        return shown.time + Meter.interval
    }

    /// Notes that a frame has just passed. `reading` is asked for the counts only when they are to be shown.
    func noteFrame(_ reading: () -> Reading) {
        lastTime = Clock.now()
        if first == nil {
            first = (lastTime, reading())
            shown = first
        } else {
            refresh(reading)
        }
    }

    /// Rewrites the line when it is time to.
    func refresh(_ reading: () -> Reading) {
        guard Terminal.isInteractive, let before = shown else { return }
        let now = Clock.now()
        guard now - before.time >= Meter.interval else { return }
        let counts = reading()
        show(counts, since: before.reading, seconds: Double(now - before.time) / 1e9)
        shown = (now, counts)
    }

    /// Takes the line away and keeps the last counts for the report.
    func finish(_ reading: Reading) {
        if isShowing { Terminal.clearProgress() }
        isShowing = false
        final = reading
    }

    /// Seconds from the first frame to the last.
    var seconds: Double {
        first.map { Double(lastTime - $0.time) / 1e9 } ?? 0
    }

    /// Frames, raw and wire megabytes in each second. The clock starts with the first frame, whose share is left
    /// out; counts at that moment would not do, since the library may be frames ahead.
    var rates: (frames: Double, raw: Double, wire: Double) {
        guard let final, final.frames > 1, seconds > 0 else { return (0, 0, 0) }
        let share = Double(final.frames - 1) / Double(final.frames) / seconds
        return (
            Double(final.frames) * share, Double(final.bytesRaw) / 1e6 * share,
            Double(final.bytesWire) / 1e6 * share
        )
    }

    private static func rates(
        _ reading: Reading, since before: Reading, seconds: Double
    ) -> (frames: Double, raw: Double, wire: Double) {
        // Counts may stand still but never go back.
        (
            Double(reading.frames - before.frames) / seconds,
            Double(reading.bytesRaw - before.bytesRaw) / 1e6 / seconds,
            Double(reading.bytesWire - before.bytesWire) / 1e6 / seconds
        )
    }

    private func show(_ reading: Reading, since before: Reading, seconds: Double) {
        let rates = Meter.rates(reading, since: before, seconds: seconds)
        var line = "\(reading.frames) frames  \(decimal(rates.frames, 1)) fps"
        line += "  raw \(decimal(rates.raw, 1)) MB/s  wire \(decimal(rates.wire, 1)) MB/s"
        line += "  \(Meter.ratio(reading.bytesRaw, reading.bytesWire)):1"
        if let latency = reading.latency { line += "  latency \(milliseconds(latency))" }
        if let roundTrip = reading.roundTrip { line += "  rtt \(fineMilliseconds(roundTrip))" }
        if reading.peers > 1 { line += "  \(reading.peers) peers" }
        Terminal.showProgress(line)
        isShowing = true
    }

    static func ratio(_ raw: UInt64, _ wire: UInt64) -> String {
        wire == 0 ? "–" : decimal(Double(raw) / Double(wire), 2)
    }

    /// Adds what every subcommand reports.
    func add(to report: inout Report) {
        let (raw, wire) = (final?.bytesRaw ?? 0, final?.bytesWire ?? 0)
        let rates = rates
        report.add("seconds", seconds, places: 3)
        report.add("fps", rates.frames, places: 2)
        report.add("raw_mb_s", rates.raw, places: 2)
        report.add("wire_mb_s", rates.wire, places: 2)
        report.add("ratio", wire == 0 ? 0 : Double(raw) / Double(wire), places: 3)
        report.add("bytes_raw", raw)
        report.add("bytes_wire", wire)
        report.addRow("time", "\(decimal(seconds, 2)) s, \(decimal(rates.frames, 1)) frames/s")
        report.addRow("raw", "\(megabytes(raw)), \(decimal(rates.raw, 1)) MB/s")
        report.addRow(
            "wire", "\(megabytes(wire)), \(decimal(rates.wire, 1)) MB/s, ratio \(Meter.ratio(raw, wire))")
    }
}
