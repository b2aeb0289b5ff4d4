/// What tells the streams apart that reach one receiver.
package struct StreamKey: Hashable, Sendable {
    /// The sender's number.
    package var peerID: UInt64
    package var streamID: UInt32
    package var viewID: UInt32

    package init(peerID: UInt64, streamID: UInt32, viewID: UInt32) {
        self.peerID = peerID
        self.streamID = streamID
        self.viewID = viewID
    }
}

/// Which of several streams is shown.
///
/// It is the first that comes, or the one that the user asks for. When its sender has gone, a stream of the same numbers from another
/// sender takes its place, which is what follows when a connection is made again.
package struct StreamChoice: Sendable {
    /// Streams that are remembered; of a hostile sender's more are passed over.
    package static let capacity = 64

    /// Those that are there, in the order in which they came.
    package private(set) var streams: [StreamKey] = []
    package private(set) var selected: StreamKey?
    /// The only stream identifier that may be shown.
    private let wantedID: UInt32?

    package init(streamID: UInt32? = nil) {
        wantedID = streamID
    }

    /// The place of the shown one, counted from 1, or 0 while none of those that are there is shown.
    package var number: Int {
        selected.flatMap(streams.firstIndex(of:)).map { $0 + 1 } ?? 0
    }

    /// Notes a frame of a stream, and says whether it is to be shown.
    package mutating func take(_ key: StreamKey) -> Bool {
        guard wantedID == nil || key.streamID == wantedID else { return false }
        if !streams.contains(key) {
            guard streams.count < StreamChoice.capacity else { return false }
            streams.append(key)
        }
        guard let current = selected, streams.contains(current) else {
            selected = key
            return true
        }
        return current == key
    }

    /// Goes on to the next stream. Returns whether that is another one.
    package mutating func selectNext() -> Bool {
        guard !streams.isEmpty else { return false }
        let next = streams[number % streams.count]
        defer { selected = next }
        return next != selected
    }

    /// Forgets the streams of senders that are not among `peers`.
    package mutating func keep(peers: [UInt64]) {
        streams.removeAll { !peers.contains($0.peerID) }
        // A frame that comes later chooses; better the same stream by another sender, if it is there already.
        guard let current = selected, !streams.contains(current) else { return }
        if let heir = streams.first(where: {
            $0.streamID == current.streamID && $0.viewID == current.viewID
        }) ?? streams.first {
            selected = heir
        }
    }
}
