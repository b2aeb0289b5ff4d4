import CGStreamer
import Framewire

/// Where the frames of a recording are, and when they are shown. It grows as far as the recording is there.
final class RecordingIndex: @unchecked Sendable {
    // Unchecked: the mutex guards what changes.

    /// A frame.
    struct Entry {
        /// Of its message, in bytes.
        let offset: UInt64
        let pts: GstClockTime
        /// Stream time.
        let time: GstClockTime
        let sequence: UInt64
        let view: Timeline.View
        let isKey: Bool
    }

    /// Where to read, and from which frame on to show what has been decoded.
    struct Place {
        let offset: UInt64
        let first: Entry
    }

    /// Bytes of the recording from an offset on; nil at its end and where it cannot be read.
    typealias Reader = (_ offset: UInt64, _ body: (UnsafeRawBufferPointer) -> Void) -> Bool

    /// As much as most headers with their metadata have.
    static let readSize: guint = 512
    /// More are not looked for: 200 MB.
    private static let mostEntries = 4 << 20

    private let mutex = UnsafeMutablePointer<GMutex>.allocate(capacity: 1)
    private let selection: StreamSelection
    private let finder: FrameFinder
    private var timeline = Timeline()
    private var entries: [Entry] = []
    private var hasFailed = false

    init(limits: Limits, _ selection: StreamSelection) {
        self.selection = selection
        finder = FrameFinder(limits: limits)
        mutex.initialize(to: GMutex())
        g_mutex_init(mutex)
    }

    deinit {
        g_mutex_clear(mutex)
        mutex.deallocate()
    }

    private func locked<R>(_ body: () -> R) -> R {
        g_mutex_lock(mutex)
        defer { g_mutex_unlock(mutex) }
        return body()
    }

    /// Looks at what has come to the recording since.
    ///
    /// - Returns: stream time of its end; nil where it has no frames.
    func extend(_ read: Reader) -> GstClockTime? {
        locked {
            var goesOn = true
            while goesOn, !hasFailed, entries.count < Self.mostEntries {
                goesOn = read(finder.offset) { bytes in
                    do throws(FramewireError) {
                        if let found = try finder.feed(bytes) { add(found) }
                    } catch {
                        // What is before the damage can be shown.
                        hasFailed = true
                    }
                }
            }
            return entries.isEmpty ? nil : timeline.end
        }
    }

    private func add(_ found: FrameFinder.Place) {
        let info = found.info
        guard selection.contains(info) else { return }
        _ = timeline.place(
            pts: info.pts.clockTime, duration: info.duration.clockTime, of: Timeline.View(info),
            startsAnew: !entries.isEmpty && info.flags.contains(.discontinuity), now: .max)
        let time = timeline.streamTime(info.pts.clockTime)
        entries.append(
            Entry(
                offset: found.offset, pts: info.pts.clockTime,
                time: time == .max ? entries.last?.time ?? 0 : time, sequence: info.sequence,
                view: Timeline.View(info), isKey: info.flags.contains(.key)))
    }

    /// The frame that is shown at a stream time, and the key frame that decoding begins at.
    ///
    /// - Parameter atKeyFrame: whether to begin with the key frame instead.
    /// - Returns: nil where there are no frames.
    func place(at time: GstClockTime, atKeyFrame: Bool) -> Place? {
        locked {
            guard !entries.isEmpty else { return nil }
            var index = entries.lastIndex { $0.time <= time } ?? 0
            // All views of that moment.
            while index > 0, entries[index - 1].time == entries[index].time { index -= 1 }
            var key = index
            while key > 0, !(entries[key].isKey && entries[key].view == entries[index].view) { key -= 1 }
            let first = entries[atKeyFrame ? key : index]
            return Place(offset: startOfViews(key), first: first)
        }
    }

    /// The offset of the frame from which on each view that comes before `key` can be decoded.
    private func startOfViews(_ key: Int) -> UInt64 {
        var missing: [Timeline.View] = []
        // Views follow each other closely; what did not come in so many frames has ended.
        for entry in entries[max(0, key - 64)..<key]
        where entry.view != entries[key].view && !missing.contains(entry.view) {
            missing.append(entry.view)
        }
        var start = key
        while !missing.isEmpty, start > 0 {
            start -= 1
            let entry = entries[start]
            if entry.isKey { missing.removeAll { $0 == entry.view } }
        }
        return entries[start].offset
    }
}
