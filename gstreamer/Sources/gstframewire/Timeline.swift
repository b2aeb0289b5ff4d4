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
    /// No frame of the segment is earlier; the first one may be half over when the segment begins.
    private var earliest: GstClockTime = 0
    /// Whose frame began the segment.
    private var starter = View()
    /// Stream time at which the last frame ends.
    private(set) var end: GstClockTime = 0
    /// Stream time at which no more is wanted.
    private var stop = GstClockTime.max

    /// Which stream and view a frame belongs to.
    struct View: Equatable {
        private var streamID: UInt32 = 0
        private var viewID: UInt32 = 0

        init() {}

        init(_ info: FrameInfo) {
            self.init(streamID: info.streamID, viewID: info.viewID)
        }

        init(streamID: UInt32, viewID: UInt32) {
            self.streamID = streamID
            self.viewID = viewID
        }
    }

    /// - Parameters:
    ///   - startsAnew: whether the frame has nothing to do with the times of the one before. That each view says so where all
    ///     of them jump makes one jump.
    ///   - now: running time now, where that is known and the frame's own is to be no earlier if it begins a segment.
    /// - Returns: the segment that is to be announced before the frame.
    mutating func place(
        pts: GstClockTime, duration: GstClockTime, of view: View, startsAnew: Bool, now: GstClockTime
    ) -> GstSegment? {
        let none = GstClockTime.max
        let beginning = pts == none ? 0 : pts
        var announced: GstSegment?
        let jumpsBack = pts != none && segment != nil && (pts < earliest || pts + 1_000_000_000 < latest)
        let isOfSameJump = view != starter && pts == earliest
        if segment == nil || (pts != none && startsAnew && !isOfSameJump) || jumpsBack {
            let base = runningEnd
            let pause = now == none || now < base ? 0 : now - base
            announced = begin(
                pts: beginning, of: view, time: end &+ pause, base: base &+ pause, rate: segment?.rate ?? 1,
                stop: stop)
        }
        if pts != none, let segment {
            latest = max(latest, pts)
            let length = duration == none ? 0 : duration
            end = max(end, streamTime(pts, segment) &+ length)
        }
        return announced
    }

    /// Begins a segment.
    ///
    /// - Parameters:
    ///   - pts: presentation time of the first frame.
    ///   - late: how much of that frame is over when the segment begins.
    ///   - time: stream time of the beginning.
    ///   - base: running time of the beginning.
    ///   - stop: stream time of the end; none is no end.
    mutating func begin(
        pts: GstClockTime, of view: View, late: GstClockTime = 0, time: GstClockTime, base: GstClockTime,
        rate: Double,
        stop: GstClockTime
    ) -> GstSegment {
        var next = GstSegment()
        gst_segment_init(&next, GST_FORMAT_TIME)
        next.rate = rate
        next.start = pts &+ late
        next.position = next.start
        next.base = base
        next.time = time
        if stop != .max { next.stop = next.start &+ (stop > time ? stop - time : 0) }
        segment = next
        self.stop = stop
        earliest = pts
        starter = view
        latest = 0
        end = time
        return next
    }

    private func streamTime(_ pts: GstClockTime, _ segment: GstSegment) -> GstClockTime {
        pts < segment.start ? segment.time : segment.time &+ (pts - segment.start)
    }

    /// Stream time of a frame; none where it has no time.
    func streamTime(_ pts: GstClockTime) -> GstClockTime {
        guard let segment, pts != .max else { return .max }
        return streamTime(pts, segment)
    }

    /// Running time at which the last frame ends, or all that is wanted.
    var runningEnd: GstClockTime {
        guard let segment else { return 0 }
        return segment.base &+ scaled(max(segment.time, min(end, stop)) - segment.time, segment)
    }

    /// Running time of a frame; none where it has no time.
    func runningTime(_ pts: GstClockTime) -> GstClockTime {
        guard let segment, pts != .max, pts >= segment.start else { return .max }
        return segment.base &+ scaled(pts - segment.start, segment)
    }

    private func scaled(_ length: GstClockTime, _ segment: GstSegment) -> GstClockTime {
        segment.rate == 1 ? length : GstClockTime(min(Double(length) / segment.rate, 0x1p62))
    }

    /// Whether a frame is behind the end of what is wanted.
    func isOver(_ pts: GstClockTime) -> Bool {
        guard stop != .max, let segment, pts != .max else { return false }
        return streamTime(pts, segment) >= stop
    }

    /// As before the first frame.
    mutating func reset() {
        self = Timeline()
    }
}
