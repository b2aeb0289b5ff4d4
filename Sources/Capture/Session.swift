import Buffers
import CCapture
import CPosix
import Framewire
import Synchronization

/// All that is captured of this process: its connection, and the windows that it draws into.
final class Session: @unchecked Sendable {
    // Unchecked: what changes is guarded by `lock`, and a window by being entered.
    let settings: Settings
    /// When the first buffers were swapped.
    let start = Clock.now()
    private let lock = Lock()
    private var sender: Sender?
    private var windows: [CapturedWindow] = []
    /// Contexts that the program has destroyed, which live on as long as they are current somewhere.
    private var ended: [RawPointer] = []
    /// As many as there are of those.
    private let endedCount = Atomic<Int>(0)
    private let isWaitedFor = Atomic<Bool>(false)
    private let isOver = Atomic<Bool>(false)
    private let hasWarned = Atomic<Bool>(false)

    /// More windows at once are not captured.
    private static let maximumWindows = 64
    /// Windows that nothing has been drawn into for so long make room when their context draws into another.
    private static let idleTime: Int64 = 10_000_000_000

    /// `nil` where nothing is captured: no URL was given, or the sender does not open.
    static let shared: Session? = Settings.areGiven ? open() : nil
    /// In a child that was forked the threads of the sender are not there, and its connection is the parent's.
    private static let isForked = Atomic<Bool>(false)
    private static let isStarted = Atomic<Bool>(false)

    /// The session, if there is one by now.
    static var existing: Session? { isStarted.load(ordering: .acquiring) ? shared : nil }

    private init(_ settings: Settings) {
        self.settings = settings
        windows.reserveCapacity(Self.maximumWindows)
    }

    private static func open() -> Session? {
        let session: Session
        do throws(FramewireError) {
            session = Session(try Settings())
            let isVerbose = session.settings.isVerbose
            Log.setHandler({ _, text in Notice.say(Sentence(text)) }, maximum: isVerbose ? .info : .error)
            session.sender = try Sender(to: session.settings.url, options: session.settings.options)
        } catch {
            Notice.warn("nothing is captured: \(error.message)")
            return nil
        }
        _ = pthread_atfork(nil, nil) { Session.isForked.store(true, ordering: .relaxed) }
        // After those that OpenGL's driver has registered, and so called before them.
        atexit { Session.existing?.finish() }
        isStarted.store(true, ordering: .releasing)
        return session
    }

    /// Whether frames are still captured.
    var isOpen: Bool { !isOver.load(ordering: .relaxed) && !Self.isForked.load(ordering: .relaxed) }

    /// Says, once, that something is not captured.
    func warn(_ text: Sentence) {
        guard isOpen, !hasWarned.exchange(true, ordering: .relaxed) || settings.isVerbose else { return }
        Notice.warn(text)
    }

    // MARK: - Swaps

    /// Captures what is about to be shown.
    ///
    /// - Returns: the window, which is to be handed to ``didSwap(_:)``; `nil` when nothing is captured.
    func willSwap(_ system: WindowSystem?, _ display: RawPointer?, _ drawable: UInt) -> CapturedWindow? {
        guard let system, isOpen, let sender = readySender(), let window = enter(system, display, drawable)
        else { return nil }
        window.capture(to: sender, self)
        return window
    }

    func didSwap(_ window: CapturedWindow) {
        window.handOver()
        let isEnded = lock.withLock {
            window.isEntered = false
            return window.isEnded
        }
        if isEnded { window.close(self) }
    }

    /// The sender, if anybody is there for its frames: without a receiver no function of OpenGL is called.
    private func readySender() -> Sender? {
        guard let sender = currentSender() else { return nil }
        if settings.waits, !isWaitedFor.load(ordering: .relaxed) {
            while sender.receiverCount == 0, isOpen { usleep(5000) }
            isWaitedFor.store(true, ordering: .relaxed)
        }
        return sender.receiverCount > 0 ? sender : nil
    }

    private func currentSender() -> Sender? {
        let (known, isGone) = lock.withLock { (sender, sender == nil) }
        guard isGone, isOpen else { return known }
        let made: Sender
        do throws(FramewireError) {
            made = try Sender(to: settings.url, options: settings.options)
        } catch {
            isOver.store(true, ordering: .relaxed)
            Notice.warn("capturing ends: \(error.message)")
            return nil
        }
        let other = lock.withLock { () -> Sender? in
            if sender == nil { sender = made }
            return sender
        }
        if let other, other !== made { made.close() }
        return other
    }

    private func enter(_ system: WindowSystem, _ display: RawPointer?, _ drawable: UInt) -> CapturedWindow? {
        guard let context = system.currentContext, system.isCurrent(drawable) else { return nil }
        var idle: [CapturedWindow] = []
        let window = lock.withLock { () -> CapturedWindow? in
            for index in windows.indices {
                let window = windows[index]
                guard window.context == context, window.drawable == drawable, window.system === system else {
                    continue
                }
                guard !window.isEntered else { return nil }
                window.isEntered = true
                return window
            }
            for index in ended.indices where ended[index] == context { return nil }
            let oldest = Clock.now() - Self.idleTime
            idle = remove { $0.context == context && $0.system === system && $0.lastSwap < oldest }
            guard windows.count < Self.maximumWindows else { return nil }
            let made = CapturedWindow(system, display, context: context, drawable: drawable, id: freeID)
            made.isEntered = true
            windows.append(made)
            return made
        }
        for index in idle.indices { idle[index].close(self) }
        return window
    }

    /// The smallest number that no window has. The lock is held.
    private var freeID: UInt32 {
        var id: UInt32 = 0
        while true {
            var isTaken = false
            for index in windows.indices where windows[index].id == id { isTaken = true }
            if !isTaken { return id }
            id += 1
        }
    }

    /// Takes the windows that fit out of the list, and returns those that no thread is in. The lock is held.
    private func remove(_ fits: (CapturedWindow) -> Bool) -> [CapturedWindow] {
        var kept: [CapturedWindow] = []
        var removed: [CapturedWindow] = []
        kept.reserveCapacity(Self.maximumWindows)
        for index in windows.indices {
            let window = windows[index]
            if !fits(window) {
                kept.append(window)
            } else if window.isEntered {
                window.isEnded = true
            } else {
                removed.append(window)
            }
        }
        windows = kept
        return removed
    }

    // MARK: - Ends

    /// Before a context is destroyed.
    func willDestroy(_ system: WindowSystem?, _ context: RawPointer?) {
        guard let system, let context, !Self.isForked.load(ordering: .relaxed) else { return }
        let windows = lock.withLock {
            if ended.count == Self.maximumWindows { ended.removeFirst() }
            ended.append(context)
            endedCount.store(ended.count, ordering: .relaxed)
            return remove { $0.context == context && $0.system === system }
        }
        for index in windows.indices { windows[index].close(self) }
    }

    /// Whether a context that was destroyed may still be current.
    var awaitsChange: Bool { endedCount.load(ordering: .relaxed) > 0 }

    /// After the current context has changed from one to another: one that was destroyed is gone now, and the other one lives,
    /// although one of the same address may have been destroyed.
    func didMakeCurrent(_ before: RawPointer?, _ now: RawPointer?) {
        guard before != now else { return }
        lock.withLock {
            ended.removeAll { $0 == before || $0 == now }
            endedCount.store(ended.count, ordering: .relaxed)
        }
    }

    /// Before all that belongs to a display goes.
    func willClose(display: RawPointer?) {
        guard !Self.isForked.load(ordering: .relaxed) else { return }
        let windows = lock.withLock { remove { $0.display == display } }
        for index in windows.indices { windows[index].close(self) }
    }

    /// How long what is OpenGL's may be waited for.
    func patience(_ sender: Sender) -> Int64 { sender.receiverCount > 0 ? 500_000_000 : 0 }

    /// Lets go of a connection that holds what must be gone. The next frame opens another.
    func close(_ old: Sender) {
        lock.withLock { if sender === old { sender = nil } }
        old.close()
    }

    /// At the end of the program: sends what there is, within a bound.
    private func finish() {
        // A program that ends inside of a hook does so in a handler of a signal or of an error of X, where nothing may be
        // waited for: this thread may have a lock.
        guard isOpen, fwc_depth().pointee == 0 else { return }
        isOver.store(true, ordering: .relaxed)
        let (sender, windows) = lock.withLock { () -> (Sender?, [CapturedWindow]) in
            var free: [CapturedWindow] = []
            for index in self.windows.indices where !self.windows[index].isEntered {
                self.windows[index].isEntered = true
                free.append(self.windows[index])
            }
            return (self.sender, free)
        }
        guard let sender, sender.receiverCount > 0 else { return }
        let deadline = Clock.now() + 300_000_000
        for index in windows.indices { windows[index].finish(until: deadline) }
        do throws(FramewireError) {
            try sender.end(.endOfStream, "the captured program has ended", timeout: settings.flushTimeout)
        } catch {
            if settings.isVerbose { Notice.say(Sentence(error.message)) }
        }
    }
}
