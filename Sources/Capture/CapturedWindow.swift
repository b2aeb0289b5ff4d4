import Buffers
import CCapture
import CPosix
import Framewire

/// A window that a context draws into: one stream of frames.
///
/// Whoever has entered it in the ``Session`` has it alone.
final class CapturedWindow {
    let system: WindowSystem
    let display: RawPointer?
    let context: RawPointer
    let drawable: UInt
    /// The stream of its frames.
    let id: UInt32
    /// Whether a thread is in it, and whether its context came to an end meanwhile. Guarded by the session's lock.
    var isEntered = false
    var isEnded = false
    /// Set when it cannot be captured.
    private(set) var isOff = false
    /// Between the last two swaps of buffers, and when the last one was.
    private(set) var pause: Int64 = 0
    private(set) var lastSwap: Int64 = 0
    /// From when on a frame is captured.
    private var nextTime: Int64 = 0
    private var readback: GLReadback?
    private var geometry = WindowSystem.Geometry.unknown
    /// Of the last frame; 0 before there is one.
    private var width = 0
    private var height = 0
    /// What is read; 0 is whatever the program has set.
    private var attachment: UInt32 = 0
    /// Captures that failed, one after another.
    private var failures = 0

    private static let backBuffer: UInt32 = 0x0405
    /// Captures that may fail in a row, while a window is not there yet or memory is short.
    private static let maximumFailures = 10

    init(_ system: WindowSystem, _ display: RawPointer?, context: RawPointer, drawable: UInt, id: UInt32) {
        self.system = system
        self.display = display
        self.context = context
        self.drawable = drawable
        self.id = id
    }

    /// Captures what has been drawn, before the buffers are swapped.
    func capture(to sender: Sender, _ session: Session) {
        let now = Clock.now()
        pause = now - lastSwap
        lastSwap = now
        guard !isOff, now >= nextTime else { return }
        // The pace is kept, but not made up for after a pause.
        let interval = session.settings.interval
        nextTime = (now - nextTime < interval ? nextTime : now) + interval
        guard let size = system.size(display, drawable, &geometry), size.0 > 0, size.1 > 0 else { return }
        do throws(FramewireError) {
            if readback == nil { readback = try make(sender) }
            readback?.moveToThisThread()
            try follow(size)
            try readback?.capture(
                framebuffer: 0, attachment: attachment, width: width, height: height, pts: now - session.start
            )
            failures = 0
        } catch {
            failed(error, session)
        }
    }

    /// Takes over the size of a window, once its buffers have it: what was begun before it was resized has the old one.
    private func follow(_ size: (width: Int, height: Int)) throws(FramewireError) {
        if width > 0, let readback {
            var hasOldSize = false
            if size.width != width {
                // A pixel that is in one of both alone.
                let isInOne = try readback.hasPixel(x: min(size.width, width), y: 0)
                hasOldSize = isInOne == (size.width < width)
            } else if size.height != height {
                let isInOne = try readback.hasPixel(x: 0, y: min(size.height, height))
                hasOldSize = isInOne == (size.height < height)
            }
            if hasOldSize { return }
        }
        (width, height) = size
    }

    private func make(_ sender: Sender) throws(FramewireError) -> GLReadback {
        var options = GLReadback.Options()
        options.framebuffer = 0
        options.streamID = id
        let system = system
        let made = try GLReadback(sender: sender, options: options) { name in
            system.symbol(name).map { function($0) }
        }
        // What is not a window has one buffer, which OpenGL calls the front one and OpenGL ES the back one.
        attachment = !made.isES && system.isPixelBuffer(display, drawable) ? 0 : Self.backBuffer
        return made
    }

    private func failed(_ error: FramewireError, _ session: Session) {
        switch error.code {
        case .closed:
            readback = nil
            width = 0
        // A frame that waited for a receiver in vain is lost, as others that there is no room for.
        case .timeout, .wouldBlock: return
        default: break
        }
        failures += 1
        guard
            failures == Self.maximumFailures || error.code == .unsupported
                || readback == nil && error.code == .gl
        else { return }
        isOff = true
        session.warn("stream \(id) is not captured: \(error.message)")
    }

    /// Hands over what can be had without waiting, after the buffers have been swapped.
    ///
    /// Frames that the GPU has not finished go with the next one. After a pause there may be none for long, so then it
    /// is waited for, a few milliseconds.
    func handOver() {
        guard let readback, !isOff else { return }
        drain(readback, until: pause > 40_000_000 ? Clock.now() + 4_000_000 : 0)
    }

    private func drain(_ readback: GLReadback, until deadline: Int64) {
        do throws(FramewireError) {
            while true {
                try readback.poll()
                guard readback.isReading, Clock.now() < deadline else { return }
                usleep(200)
            }
        } catch {
            // The next capture says the same.
        }
    }

    /// Before the program ends: hands over what the GPU finishes soon, if the context is current.
    func finish(until deadline: Int64) {
        guard let readback, !isOff, system.currentContext == context else { return }
        readback.moveToThisThread()
        drain(readback, until: deadline)
    }

    /// Before the context is gone: lets go of everything that is OpenGL's. What the sender still has of it is waited for,
    /// not for long.
    func close(_ session: Session) {
        guard let readback else { return }
        self.readback = nil
        if system.currentContext == context {
            readback.moveToThisThread()
            drain(readback, until: Clock.now() + 200_000_000)
        }
        if session.settings.isVerbose { Notice.say(summary(readback.stats)) }
        if !readback.waitForSender(until: Clock.now() + session.patience(readback.sender)) {
            // The only way to have it back is to let go of the connection, which is made again for other windows.
            session.close(readback.sender)
        }
        readback.close()
    }

    private func summary(_ stats: ReadbackStats) -> Sentence {
        "stream \(id): \(stats.framesCaptured) frames captured, \(stats.framesDelivered) handed over, \(stats.framesDropped) dropped; \(microseconds(stats.captureP50)) (p99 \(microseconds(stats.captureP99))) µs a frame; path \(stats.path.name)"
    }

    private func microseconds(_ time: Int64?) -> Int64 { (time ?? 0) / 1000 }
}
