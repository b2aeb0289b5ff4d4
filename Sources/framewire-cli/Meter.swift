import Buffers

/// Counts at one moment.
struct Reading {
    var frames: UInt64
    var bytesRaw: UInt64
    var bytesWire: UInt64
    var latency: Int64?
}

/// Measures rates, and shows them in a line that rewrites itself while standard error is a terminal.
struct Meter {
    private static let interval: Int64 = 200_000_000

    private var first: (time: Int64, reading: Reading)?
    private var last: (time: Int64, reading: Reading)?
    private var shown: (time: Int64, reading: Reading)?
    private var isShowing = false

    /// When the line should be looked at again, on the library's clock; −1 when there is none.
    var deadline: Int64 {
        Terminal.isInteractive ? (shown?.time ?? Clock.now()) + Meter.interval : -1
    }

    /// Whether ``update(_:)`` would do anything but note the time, so that counts need not be gathered for each frame.
    var wantsReading: Bool {
        first == nil || (Terminal.isInteractive && Clock.now() >= deadline)
    }

    /// Notes that a frame has just passed.
    mutating func update(_ reading: Reading) {
        let now = Clock.now()
        if first == nil {
            first = (now, reading)
            shown = first
        }
        last = (now, reading)
        guard Terminal.isInteractive, let before = shown, now - before.time >= Meter.interval else { return }
        show(reading, since: before.reading, seconds: Double(now - before.time) / 1e9)
        shown = (now, reading)
    }

    /// Seconds from the first frame to the last.
    var seconds: Double {
        guard let first, let last else { return 0 }
        return Double(last.time - first.time) / 1e9
    }

    /// Frames, raw and wire megabytes in each second, after the first frame.
    var rates: (frames: Double, raw: Double, wire: Double) {
        guard let first, let last, last.time > first.time else { return (0, 0, 0) }
        return Meter.rates(last.reading, since: first.reading, seconds: seconds)
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

    private mutating func show(_ reading: Reading, since before: Reading, seconds: Double) {
        let rates = Meter.rates(reading, since: before, seconds: seconds)
        var line = "\r\(reading.frames) frames  \(decimal(rates.frames, 1)) fps"
        line += "  raw \(decimal(rates.raw, 1)) MB/s  wire \(decimal(rates.wire, 1)) MB/s"
        line += "  \(Meter.ratio(reading.bytesRaw, reading.bytesWire)):1"
        if let latency = reading.latency { line += "  latency \(milliseconds(latency))" }
        // The end of the line is cleared, since the one before may have been longer.
        Terminal.errorWithoutLineFeed(line + "\u{1B}[K")
        isShowing = true
    }

    /// Takes the line away, so that something else can be written.
    mutating func clear() {
        if isShowing { Terminal.errorWithoutLineFeed("\r\u{1B}[K") }
        isShowing = false
    }

    static func ratio(_ raw: UInt64, _ wire: UInt64) -> String {
        wire == 0 ? "–" : decimal(Double(raw) / Double(wire), 2)
    }

    /// Adds the rates that every subcommand reports.
    func add(to report: inout Report, raw: UInt64, wire: UInt64) {
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
