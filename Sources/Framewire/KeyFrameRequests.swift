import Buffers

/// When a receiver asked for which key frames, so that it repeats itself only after a while.
struct KeyFrameRequests {
    /// A request may be lost with what a sender does not read; nanoseconds.
    static let pause: Int64 = 500_000_000

    private var asked: [(streamID: UInt32, viewID: UInt32, time: Int64)] = []

    /// Whether a key frame of the stream and view of `info` is to be asked for now; then that counts as done.
    mutating func isDue(_ info: FrameInfo, now: Int64) -> Bool {
        if let index = index(info) {
            guard now - asked[index].time >= Self.pause else { return false }
            asked[index].time = now
            return true
        }
        // As many as may have a reference; who has more streams than that asks more often.
        if asked.count == References.maximumPairs { asked.removeFirst() }
        asked.append((info.streamID, info.viewID, now))
        return true
    }

    /// A frame has come.
    mutating func settle(_ info: FrameInfo) {
        if let index = index(info) { asked.remove(at: index) }
    }

    private func index(_ info: FrameInfo) -> Int? {
        for index in asked.indices
        where asked[index].streamID == info.streamID && asked[index].viewID == info.viewID { return index }
        return nil
    }
}
