import Foundation
import Framewire

/// What the connections of a receiver are doing, in words for a window. Any thread.
final class LinkState: @unchecked Sendable {
    // Unchecked: guarded by the lock.
    private let lock = NSLock()
    private var peers: [(id: UInt64, address: String)] = []
    private var attempt: (url: String, number: Int)?
    private var hasEnded = false

    func note(_ event: ConnectionEvent) {
        lock.withLock {
            switch event.state {
            case .connecting: attempt = (event.peer, event.attempt)
            case .connected:
                attempt = nil
                peers.append((event.peerID, event.peer))
            case .lost: peers.removeAll { $0.id == event.peerID }
            case .closed: hasEnded = true
            }
        }
    }

    /// Whether there is a sender.
    var isConnected: Bool { lock.withLock { !peers.isEmpty } }

    var peerIDs: [UInt64] { lock.withLock { peers.map(\.id) } }

    var text: String {
        lock.withLock {
            if peers.count == 1 {
                let address = peers[0].address
                if address.hasPrefix("file:") { return "playing" }
                return "connected, "
                    + (address.firstRange(of: "://").map { String(address[$0.upperBound...]) } ?? address)
            }
            if peers.count > 1 { return "connected, \(peers.count) senders" }
            if hasEnded { return "the stream has ended" }
            if let attempt {
                let number = attempt.number > 1 ? ", attempt \(attempt.number)" : ""
                return "connecting to \(attempt.url)\(number)"
            }
            return "waiting for a sender …"
        }
    }
}
