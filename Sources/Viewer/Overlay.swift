import Buffers

/// What the overlay tells about a stream.
package struct OverlayReading: Sendable {
    /// Geometry and format of the picture that is shown.
    package var info: FrameInfo?
    /// Frames shown per second.
    package var frameRate: Double?
    /// Bytes per second.
    package var wireRate: Double?
    /// Raw bytes for each byte on the wire.
    package var ratio: Double?
    /// The median of the time from submit to delivery, in nanoseconds.
    package var latency: Int64?
    /// Frames that came and were not shown, since newer ones did.
    package var dropped: UInt64 = 0
    /// Frames that the sender did not send.
    package var missed: UInt64 = 0
    /// The place of the stream that is shown, from 1, and how many there are.
    package var stream = (number: 0, count: 0)
    package var state = ""
    /// Whether somebody sends, or nobody does, or none is wanted.
    package var isLive = false

    package init() {}

    /// The overlay's lines.
    package var lines: [PanelLine] {
        let ratio = ratio.map { ", ratio \(hundredths($0))" } ?? ""
        var lines = [
            PanelLine("frames", frameRate.map { "\(tenths($0)) fps" } ?? "–"),
            PanelLine("picture", info.map { "\($0.width) × \($0.height) \($0.format.name)" } ?? "–"),
            PanelLine("wire", wireRate.map { "\(tenths($0 / 1e6)) MB/s\(ratio)" } ?? "–"),
            PanelLine("latency", latency.map { "\(tenths(Double($0) / 1e6)) ms p50" } ?? "–"),
            PanelLine("dropped", missed == 0 ? "\(dropped)" : "\(dropped), and \(missed) by the sender"),
        ]
        if stream.count > 1, let info {
            let view = info.viewID == 0 ? "" : " view \(info.viewID)"
            lines.append(
                PanelLine("stream", "\(info.streamID)\(view), \(stream.number) of \(stream.count)"))
        }
        lines.append(PanelLine("state", state, isLive ? .good : .attention))
        return lines
    }

    private func tenths(_ value: Double) -> String {
        guard value >= 0, value < 1e12 else { return "–" }
        let count = Int64((value * 10).rounded())
        return "\(count / 10).\(count % 10)"
    }

    private func hundredths(_ value: Double) -> String {
        guard value >= 0, value < 1e12 else { return "–" }
        let count = Int64((value * 100).rounded())
        return "\(count / 100).\(count / 10 % 10)\(count % 10)"
    }
}
