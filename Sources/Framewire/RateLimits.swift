/// How much is sent to each receiver at most.
package struct RateLimits: Sendable, Equatable {
    /// Thousandths of a frame per second; 0: any number.
    package var frameRate: UInt32 = 0
    /// Bits per second, of frames as they are on the wire; 0: any number.
    package var bitRate: UInt64 = 0

    /// The stricter of both for each.
    func tightened(by other: RateLimits) -> RateLimits {
        RateLimits(
            frameRate: Self.stricter(frameRate, other.frameRate),
            bitRate: Self.stricter(bitRate, other.bitRate))
    }

    private static func stricter<T: UnsignedInteger>(_ one: T, _ other: T) -> T {
        one == 0 ? other : other == 0 ? one : min(one, other)
    }

    /// Nanoseconds from frame to frame.
    fileprivate var frameInterval: Int64 { frameRate == 0 ? 0 : 1_000_000_000_000 / Int64(frameRate) }

    /// Nanoseconds that so many bytes need.
    fileprivate func duration(ofBytes count: Int) -> Int64 {
        guard bitRate > 0 else { return 0 }
        return Int64(min(8e9 * Double(count) / Double(bitRate), 1e15))
    }
}

/// When the next frame may be taken from a queue. It has no clock of its own.
struct RateGate {
    private var nextFrame: Int64 = 0
    private var nextByte: Int64 = 0

    /// From when on a frame may be taken.
    func opening(_ limits: RateLimits) -> Int64 {
        // A source is not on time by the nanosecond; frames that come a little early are not more of them.
        let frame = limits.frameRate > 0 ? nextFrame - limits.frameInterval / 8 : 0
        return limits.bitRate > 0 ? max(frame, nextByte) : frame
    }

    /// A frame has been taken.
    mutating func noteTaken(_ limits: RateLimits, now: Int64) {
        nextFrame = max(now, nextFrame) + limits.frameInterval
    }

    /// The last byte of a message has left.
    ///
    /// - Parameter start: when its first byte did.
    mutating func noteSent(_ bytes: Int, _ limits: RateLimits, start: Int64) {
        nextByte = max(start, nextByte) + limits.duration(ofBytes: bytes)
    }
}
