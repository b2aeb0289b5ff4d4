import Buffers

/// Decides when a peer is asked whether it is there, and when one that is silent is given up.
///
/// Both sides ask once in an interval, whatever else they say: one that reads nothing, because its program takes no
/// frames or because its link is slow, is then still heard. All that is heard counts. A peer that has never said hello,
/// such as `nc`, is neither asked nor given up.
struct Keepalive {
    enum Action: UInt8 {
        case nothing
        /// A ping is to be sent.
        case ask
        case giveUp
    }

    static let standardInterval: Int64 = 1_000_000_000
    static let standardTimeout: Int64 = 5_000_000_000

    private let interval: Int64
    /// Negative: never.
    private let timeout: Int64
    private var lastHeard: Int64
    private var lastAsked: Int64
    /// Since when the silence has lasted for most of the time that is allowed; nil: it has not.
    private var doubtSince: Int64?
    /// Whether the peer has said hello.
    private(set) var isActive = false

    init(interval: Int64, timeout: Int64, now: Int64) {
        self.interval = interval
        self.timeout = timeout
        lastHeard = now
        lastAsked = now &- interval
    }

    /// Bytes have come from the peer.
    mutating func heard(now: Int64) {
        lastHeard = now
        doubtSince = nil
    }

    /// The peer has said hello.
    mutating func activate() {
        isActive = true
    }

    /// What is to be done now. After `ask` the peer counts as asked.
    mutating func action(now: Int64) -> Action {
        guard isActive else { return .nothing }
        if timeout >= 0 {
            // Twice, with a wait and a look at what has come in between: it may have been this side that slept.
            if let doubtSince {
                if now - lastHeard >= timeout, now - doubtSince >= timeout / 4 { return .giveUp }
            } else if now - lastHeard >= timeout / 4 * 3 {
                doubtSince = now
            }
        }
        guard now - lastAsked >= interval else { return .nothing }
        lastAsked = now
        return .ask
    }

    /// When ``action(now:)`` is to be called at the latest; nil is never.
    var deadline: Int64? {
        guard isActive else { return nil }
        let ask = lastAsked &+ interval
        guard timeout >= 0 else { return ask }
        if let doubtSince { return min(ask, max(lastHeard &+ timeout, doubtSince + timeout / 4)) }
        return min(ask, lastHeard &+ timeout / 4 * 3)
    }
}
