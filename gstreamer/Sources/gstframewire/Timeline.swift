import CGStreamer
import Framewire

/// Notices where the time line of pictures that come down a pipeline jumps: where another segment makes another running
/// time of the same presentation time. Buffers that are marked as discontinuous only follow others that were dropped.
struct SegmentWatch {
    private var latest: GstSegment?

    /// Whether the segment of a picture is another than that of the picture before.
    mutating func hasJumped(to segment: GstSegment) -> Bool {
        defer { latest = segment }
        guard let latest else { return false }
        return latest.start != segment.start || latest.base != segment.base || latest.offset != segment.offset
            || latest.rate != segment.rate
    }
}

/// Puts the frames of one stream after another on the time line of a pipeline: presentation times stay as they were
/// sent, and segments make running time of them that never goes back.
///
/// A segment begins with the first frame, with the first one of another sender, with a discontinuity, and where the
/// times of a stream jump back.
struct Timeline {
    /// The segment that frames are in; nil before the first.
    private(set) var segment: GstSegment?
    private var latest: GstClockTime = 0
    /// Running time at which the last frame ends.
    private var end: GstClockTime = 0

    /// - Parameters:
    ///   - startsAnew: whether the frame has nothing to do with the times of the one before.
    ///   - now: running time now, where that is known and the frame's own is to be no earlier if it begins a segment.
    /// - Returns: the segment that is to be announced before the frame.
    mutating func place(
        pts: GstClockTime, duration: GstClockTime, startsAnew: Bool, now: GstClockTime
    ) -> GstSegment? {
        let none = GstClockTime.max
        let beginning = pts == none ? 0 : pts
        var announced: GstSegment?
        let jumpsBack = pts != none && segment.map { pts < $0.start || pts + 1_000_000_000 < latest } ?? false
        if segment == nil || (pts != none && startsAnew) || jumpsBack {
            var next = GstSegment()
            gst_segment_init(&next, GST_FORMAT_TIME)
            next.start = beginning
            next.position = beginning
            next.base = now == none ? end : max(end, now)
            next.time = next.base
            segment = next
            announced = next
            latest = 0
        }
        if pts != none, let segment {
            latest = max(latest, pts)
            let length = duration == none ? 0 : duration
            end = max(end, segment.base &+ (pts - segment.start) &+ length)
        }
        return announced
    }

    /// Running time of a frame; none where it has no time.
    func runningTime(_ pts: GstClockTime) -> GstClockTime {
        guard let segment, pts != .max, pts >= segment.start else { return .max }
        return segment.base &+ (pts - segment.start)
    }

    /// As before the first frame.
    mutating func reset() {
        self = Timeline()
    }
}
