/// When the frames of a recording are due. Times are nanoseconds.
package struct FramePacer: Sendable {
    /// Longer gaps are cut short: they are pauses of whoever recorded.
    static let longestGap: Int64 = 2_000_000_000
    /// Frames that say nothing of time come at this distance.
    static let standardGap: Int64 = 1_000_000_000 / 30

    private var last: (pts: Int64?, duration: Int64?, due: Int64)?

    package init() {}

    /// When the next frame is due, which has just been read: after the one before by the difference of their own times, or the
    /// duration of that one. Never before `now`, so that a time that was lost is not made up for.
    package mutating func due(_ pts: Int64?, _ duration: Int64?, now: Int64) -> Int64 {
        var due = now
        if let last {
            var gap = last.duration ?? FramePacer.standardGap
            if let pts, let before = last.pts {
                let (difference, overflows) = pts.subtractingReportingOverflow(before)
                if !overflows, difference > 0 { gap = difference }
            }
            due = max(now, last.due + min(max(gap, 0), FramePacer.longestGap))
        }
        last = (pts, duration, due)
        return due
    }

    /// The next frame is due at once.
    package mutating func restart() {
        last = nil
    }
}
