import ArgumentParser
import Framewire

/// A number of bits per second, such as `50M`.
struct BitRate: ExpressibleByArgument {
    let bitsPerSecond: UInt64

    init?(argument: String) {
        var digits = Substring(argument)
        var unit = 1.0
        if let last = digits.last, let factor = ["k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9][last] {
            unit = factor
            digits.removeLast()
        }
        guard let value = Double(digits), value * unit >= 1, value * unit <= 1e15 else { return nil }
        bitsPerSecond = UInt64(value * unit)
    }
}

/// `KEY=VALUE`.
struct MetadataArgument: ExpressibleByArgument {
    let key: String
    let value: String

    init?(argument: String) {
        guard let split = argument.firstIndex(of: "="), split > argument.startIndex else { return nil }
        key = String(argument[..<split])
        value = String(argument[argument.index(after: split)...])
    }
}

/// What every subcommand that has peers takes.
struct ConnectionArguments: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Ask the other side every S seconds whether it is there; 1 by default.", valueName: "S"))
    var keepalive: Seconds?

    @Option(
        help: ArgumentHelp(
            "Give a side up that has been silent for S seconds; 5 by default, 0 is never.", valueName: "S"))
    var idleTimeout: Seconds?

    @Option(
        help: ArgumentHelp(
            "When listening: serve N at once and refuse others; 16 by default.", valueName: "N"))
    var maxPeers: Int?

    func validate() throws {
        guard keepalive.map({ $0.nanoseconds > 0 }) ?? true else {
            throw ValidationError("--keepalive is more than 0 seconds")
        }
        guard maxPeers.map({ $0 > 0 }) ?? true else { throw ValidationError("--max-peers is 1 or more") }
    }

    /// In the library's way: negative is never.
    var idleNanoseconds: Int64? { idleTimeout.map { $0.nanoseconds == 0 ? -1 : $0.nanoseconds } }

    func apply(to options: inout Sender.Options) {
        if let keepalive { options.keepaliveInterval = keepalive.nanoseconds }
        if let idleNanoseconds { options.idleTimeout = idleNanoseconds }
        if let maxPeers { options.maxPeers = maxPeers }
    }

    func apply(to options: inout Receiver.Options) {
        if let keepalive { options.keepaliveInterval = keepalive.nanoseconds }
        if let idleNanoseconds { options.idleTimeout = idleNanoseconds }
        if let maxPeers { options.maxPeers = maxPeers }
    }
}
