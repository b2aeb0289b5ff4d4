import ArgumentParser
import Framewire
import PictureFiles

/// The `framewire` command: one subcommand for each direction and for recordings.
struct FramewireCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "framewire",
        abstract: "Carries frames that a renderer draws to another machine, without loss.",
        discussion: """
            URLs: tcp://host:port, tcp://:port (loopback), tls://host:port, unix:///path, file:///path. A sender connects and a receiver \
            listens; ?listen=1 and ?connect=1 turn that around.
            Exit codes: 0 done, 1 an error, 2 arguments that cannot be meant.
            """,
        version: "0.1.0",
        subcommands: [
            Receive.self, View.self, Send.self, Capture.self, Inspect.self, Record.self, Replay.self,
            Keygen.self, Bench.self,
        ])

    private static let usageError: Int32 = 2

    /// Parses the process's arguments, runs, reports an error in one sentence and returns the exit code.
    static func runToExitCode() -> Int32 {
        do {
            var command = try parseAsRoot()
            try command.run()
            return 0
        } catch let error as Failure {
            return report(error.message, error.exitCode ?? (error.isUsage ? usageError : 1))
        } catch let error as FramewireError {
            return report(error.message, 1)
        } catch let error as PictureError {
            return report(error.message, error.kind == .usage ? usageError : 1)
        } catch {
            let text = fullMessage(for: error)
            guard exitCode(for: error) == .success else {
                Terminal.error(text)
                return usageError
            }
            // The texts of --help and --version.
            Terminal.output(text + "\n")
            return 0
        }
    }

    private static func report(_ message: String, _ code: Int32) -> Int32 {
        Terminal.error("framewire: \(message)")
        return code
    }
}

/// An error of the command itself, as one sentence.
struct Failure: Error {
    let message: String
    var isUsage = false
    /// Another than of errors and usage.
    var exitCode: Int32?
}
