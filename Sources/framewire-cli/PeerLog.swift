import Buffers
import Foundation
import Framewire

/// Who was connected and how it went, for the report: peers that have left are known to nobody else.
final class PeerLog: @unchecked Sendable {
    // Unchecked: guarded by the lock.
    private struct Entry {
        var stats: PeerStats
        /// Why it left, or that it is there.
        var state: String
        /// Frames that came from it; the counts in `stats` are a moment old when it has left.
        var frames: UInt64 = 0
    }

    /// Peers that are kept; of more the first go.
    private static let capacity = 64
    private static let interval: Int64 = 200_000_000

    private let lock = NSLock()
    private var entries: [Entry] = []
    private var count = 0
    private var lastTime: Int64 = 0

    /// To be called for each event of a connection, on any thread.
    func note(_ event: ConnectionEvent) {
        lock.withLock {
            switch event.state {
            case .connected:
                // Files are no peers.
                guard !event.peer.hasPrefix("file:") else { return }
                var stats = PeerStats()
                stats.id = event.peerID
                stats.address = event.peer
                count += 1
                if entries.count == PeerLog.capacity { entries.removeFirst() }
                entries.append(Entry(stats: stats, state: "connected"))
            case .lost:
                guard let index = entries.firstIndex(where: { $0.stats.id == event.peerID }) else { return }
                let reason = event.reason?.message ?? "left"
                // The address has a column of its own.
                let address = entries[index].stats.address + " "
                entries[index].state =
                    reason.hasPrefix(address) ? String(reason.dropFirst(address.count)) : reason
            case .connecting, .closed: break
            }
        }
    }

    /// Counts a frame from a peer.
    func countFrame(_ peerID: UInt64) {
        lock.withLock {
            guard let index = entries.firstIndex(where: { $0.stats.id == peerID }) else { return }
            entries[index].frames += 1
        }
    }

    /// Notes how the peers stand, unless that was done a moment ago.
    func refresh(_ peers: () -> [PeerStats]) {
        let now = Clock.now()
        guard now - lastTime >= PeerLog.interval else { return }
        lastTime = now
        update(peers())
    }

    /// Notes how the peers stand.
    func update(_ peers: [PeerStats]) {
        lock.withLock {
            for peer in peers {
                if let index = entries.firstIndex(where: { $0.stats.id == peer.id }) {
                    entries[index].stats = peer
                }
            }
        }
    }

    /// Adds a table for people and a list for machines.
    func add(to report: inout Report) {
        let (entries, count) = lock.withLock { (self.entries, self.count) }
        guard count > 0 else { return }
        var table = Table([
            .right, .left, .right, .right, .right, .right, .right, .right, .right, .left, .left,
        ])
        table.addRow([
            "peer", "address", "frames", "dropped", "MB", "rtt p50", "p99", "latency p50", "p99", "profile",
            "state",
        ])
        var objects: [Report] = []
        for entry in entries {
            let stats = entry.stats
            let frames = max(stats.frames, entry.frames)
            table.addRow([
                "\(stats.id)", stats.address, "\(frames)", "\(stats.framesDropped)",
                decimal(Double(stats.bytesWire) / 1e6, 1), fineMilliseconds(stats.roundTripP50),
                fineMilliseconds(stats.roundTripP99), milliseconds(stats.latencyP50),
                milliseconds(stats.latencyP99),
                stats.profile.name.description,
                stats.isPaused ? "paused; \(entry.state)" : entry.state,
            ])
            var object = Report()
            object.add("peer", stats.id)
            object.add("address", stats.address)
            object.add("frames", frames)
            object.add("dropped", stats.framesDropped)
            object.add("bytes_wire", stats.bytesWire)
            object.add(milliseconds: "rtt_p50_ms", stats.roundTripP50)
            object.add(milliseconds: "rtt_p99_ms", stats.roundTripP99)
            object.add(milliseconds: "latency_p50_ms", stats.latencyP50)
            object.add(milliseconds: "latency_p99_ms", stats.latencyP99)
            object.add("profile", stats.profile.name.description)
            object.add("paused", stats.isPaused)
            object.add("state", entry.state)
            objects.append(object)
        }
        report.add("peers", objects)
        report.addTable(table)
    }
}

/// A short time in nanoseconds as `0.042 ms`, or a dash.
func fineMilliseconds(_ nanoseconds: Int64?) -> String {
    nanoseconds.map { decimal(Double($0) / 1e6, 3) + " ms" } ?? "–"
}
