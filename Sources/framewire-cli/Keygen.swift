import ArgumentParser
import CPosix
import Identities
import PictureFiles

/// `framewire keygen`.
struct Keygen: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Makes a pair of identities for tls:// URLs.",
        discussion: """
            Writes sender.pem, sender.key, receiver.pem and receiver.key to DIR: keys on the curve P-256 and certificates that each \
            signs itself. Copy one pair to each machine; each side knows the other by its fingerprint. Nothing is overwritten.
            """)

    @Argument(help: "The folder, which is made if it is not there.")
    var folder: String

    @Option(help: ArgumentHelp("What the certificates are called.", valueName: "NAME"))
    var name = "framewire"

    @Option(
        help: ArgumentHelp(
            "A name or address that the certificates are for; may be given several times.", valueName: "HOST")
    )
    var host: [String] = []

    @Option(help: ArgumentHelp("How long the certificates hold, 1 to 36500.", valueName: "N"))
    var days = 3650

    /// An hour, so that a clock that is a little slow does not refuse a new certificate; seconds.
    private static let grace = 3600
    /// X.520 allows no longer a name.
    private static let longestName = 64

    func validate() throws {
        guard (1...36500).contains(days) else { throw ValidationError("--days is 1 to 36500") }
        // " receiver" comes behind it.
        guard (1...Keygen.longestName - 9).contains(name.unicodeScalars.count) else {
            throw ValidationError("--name is 1 to \(Keygen.longestName - 9) characters")
        }
    }

    func run() throws {
        var path = folder
        while path.utf8.count > 1, path.utf8.last == UInt8(ascii: "/") { path.removeLast() }
        if mkdir(path, 0o755) != 0, fwp_errno() != EEXIST { throw failure("make the folder", path) }
        let roles = ["sender", "receiver"]
        // Before any of them is written.
        for role in roles {
            for file in ["\(path)/\(role).pem", "\(path)/\(role).key"] where access(file, F_OK) == 0 {
                throw Failure(
                    message: "\(file) is there already, and keys are not overwritten; name another folder")
            }
        }
        var fingerprints: [String] = []
        for role in roles {
            let identity = try makeIdentity(role)
            try write(identity.key, to: "\(path)/\(role).key", mode: 0o600)
            try write(identity.certificate, to: "\(path)/\(role).pem", mode: 0o644)
            fingerprints.append(identity.fingerprint)
        }
        let receiver =
            host.first.map { $0.utf8.contains(UInt8(ascii: ":")) ? "[\($0)]" : $0 } ?? "RECEIVER-HOST"
        Terminal.output(
            """
            sender    \(fingerprints[0])
            receiver  \(fingerprints[1])

            framewire receive tls://0.0.0.0:3000 --tls-cert \(quoted(path, "receiver.pem")) \
            --tls-key \(quoted(path, "receiver.key")) --tls-pin \(fingerprints[0])
            framewire send INPUT tls://\(receiver):3000 --tls-cert \(quoted(path, "sender.pem")) \
            --tls-key \(quoted(path, "sender.key")) --tls-pin \(fingerprints[1])

            """)
    }

    private func makeIdentity(_ role: String) throws -> Identity {
        var description = Identity.Description(name: "\(name) \(role)")
        description.hosts = host
        description.validFrom = -Keygen.grace
        description.validFor = days * 86400
        do throws(IdentityError) {
            return try Identity(description)
        } catch {
            throw Failure(message: error.message)
        }
    }

    private func failure(_ doing: String, _ path: String) -> Failure {
        let code = fwp_errno()
        let text = withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
            String(cString: fwp_strerror(code, buffer.baseAddress, buffer.count)!)
        }
        return Failure(message: "cannot \(doing) \(path): \(text)")
    }

    /// Creates a file that was not there before.
    private func write(_ bytes: [UInt8], to path: String, mode: UInt32) throws {
        let descriptor = fwp_open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw failure("create", path) }
        defer { close(descriptor) }
        var done = 0
        while done < bytes.count {
            let count = bytes[done...].withUnsafeBytes { CPosix.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, fwp_errno() == EINTR { continue }
            guard count > 0 else {
                let failure = failure("write", path)
                unlink(path)
                throw failure
            }
            done += count
        }
    }

    /// A path as a word of the shell.
    private func quoted(_ folder: String, _ file: String) -> String {
        let path = "\(folder)/\(file)"
        let isPlain = path.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "/"), UInt8(ascii: "."),
                UInt8(ascii: "-"),
                UInt8(ascii: "_"):
                true
            default: false
            }
        }
        if isPlain { return path }
        return "'" + path.replacing("'", with: "'\\''") + "'"
    }
}
