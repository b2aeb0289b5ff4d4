import ArgumentParser
import Framewire

/// What every subcommand takes that receives frames to decode them.
struct ReceivingOptions: ParsableArguments {
    @Argument(help: "tcp://:3000, tcp://host:port?connect=1, tls://…, unix:///path or file:///path.")
    var url: String

    @Flag(help: "End when the first sender leaves.")
    var once = false

    @Option(help: ArgumentHelp("Fail when no frame arrives for S seconds.", valueName: "S"))
    var timeout: Seconds?

    @Option(help: ArgumentHelp("Write the port to FILE once listening.", valueName: "FILE"))
    var readyFile: String?

    @Option(help: ArgumentHelp("Decoding threads, 1 to 64.", valueName: "N"))
    var threads: Int?

    @OptionGroup var connection: ConnectionArguments

    @OptionGroup var tls: TLSArguments

    func validate() throws {
        guard threads.map({ (1...64).contains($0) }) ?? true else {
            throw ValidationError("--threads is 1 to 64")
        }
    }

    /// Opens the receiver, and says on which port it listens where that was asked for.
    ///
    /// - Parameter change: what the subcommand decides itself.
    func makeReceiver(
        _ onConnection: @escaping ConnectionHandler, change: (inout Receiver.Options) -> Void = { _ in }
    ) throws -> Receiver {
        var options = Receiver.Options()
        options.once = once
        options.tls = tls.options
        if let threads { options.threads = threads }
        connection.apply(to: &options)
        options.onConnection = onConnection
        change(&options)
        let receiver = try Receiver(from: url, options: options)
        try announce(port: receiver.port, in: readyFile)
        return receiver
    }

    /// What ``timeout`` ends the command with.
    ///
    /// - Parameters:
    ///   - silence: nanoseconds since the last frame.
    ///   - before: what had come.
    func timeoutFailure(_ silence: Int64, _ before: String) -> Failure {
        Failure(
            message: "no frame came for \(decimal(Double(silence) / 1e9, 1)) s from \(url); \(before) before")
    }
}
