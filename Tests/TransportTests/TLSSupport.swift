import Buffers
import CPosix
import Foundation
import Identities
import TestSupport
import Testing

@testable import Transport

/// Identities in files of a folder of their own, made once for all tests: keys take a while.
final class TestIdentities: Sendable {
    struct Files: Sendable {
        let certificate: String
        let key: String
        let fingerprint: String
    }

    static let shared = try! TestIdentities()

    private let folder: TemporaryFolder
    let authority: Files
    /// For `localhost` and the two loopback addresses, signed by `authority`.
    let server: Files
    let client: Files
    let expired: Files
    let notYetValid: Files
    let wrongHost: Files
    let selfSigned: Files

    private init() throws {
        let folder = try TemporaryFolder()
        self.folder = folder
        func write(_ name: String, _ identity: Identity) throws -> Files {
            try Data(identity.certificate).write(to: URL(fileURLWithPath: folder.file("\(name).pem")))
            try Data(identity.key).write(to: URL(fileURLWithPath: folder.file("\(name).key")))
            return Files(
                certificate: folder.file("\(name).pem"), key: folder.file("\(name).key"),
                fingerprint: identity.fingerprint)
        }
        var description = Identity.Description(name: "Framewire test authority")
        description.isAuthority = true
        let authority = try Identity(description)
        self.authority = try write("authority", authority)
        func make(
            _ name: String, by issuer: Identity?, _ change: (inout Identity.Description) -> Void = { _ in }
        )
            throws -> Files
        {
            var description = Identity.Description(name: name)
            description.hosts = ["localhost", "127.0.0.1", "::1"]
            change(&description)
            return try write(name, Identity(description, issuer: issuer))
        }
        server = try make("server", by: authority)
        client = try make("client", by: authority)
        expired = try make("expired", by: authority) {
            $0.validFrom = -20 * 86400
            $0.validFor = -86400
        }
        notYetValid = try make("notYetValid", by: authority) { $0.validFrom = 86400 }
        wrongHost = try make("wrongHost", by: authority) { $0.hosts = ["other.example", "192.0.2.1"] }
        selfSigned = try make("selfSigned", by: nil)
    }

    func file(_ name: String) -> String { folder.file(name) }
}

extension TLSOptions {
    init(
        _ identity: TestIdentities.Files? = nil, authority: TestIdentities.Files? = nil,
        pins: [TestIdentities.Files] = []
    ) {
        self.init()
        certificateFile = identity?.certificate
        keyFile = identity?.key
        authorityFile = authority?.certificate
        self.pins = pins.map(\.fingerprint)
    }
}

/// How a handshake ended on one side.
typealias HandshakeResult = Result<Void, TransportError>

extension HandshakeResult {
    var message: String {
        switch self {
        case .success: "no error"
        case .failure(let error): error.message
        }
    }

    var error: TransportError? {
        guard case .failure(let error) = self else { return nil }
        return error
    }
}

/// Goes on with both handshakes on one thread until both have ended. A side that fails closes its connection, as
/// programs do.
func shakeHands(
    _ client: Connection, _ server: Connection
) throws -> (
    client: HandshakeResult, server: HandshakeResult
) {
    var results: [HandshakeResult?] = [nil, nil]
    let sides = [client, server]
    while results.contains(where: { $0 == nil }) {
        var set = PollSet()
        for (index, side) in sides.enumerated() where results[index] == nil {
            do throws(TransportError) {
                if try side.handshake() { results[index] = .success(()) }
            } catch {
                results[index] = .failure(error)
                side.shutdown()
            }
        }
        for (index, side) in sides.enumerated() where results[index] == nil {
            set.add(side.descriptor, side.readEvents)
        }
        if results.contains(where: { $0 == nil }) {
            guard try set.wait(until: hangDeadline()) else { throw HangError() }
        }
    }
    return (results[0]!, results[1]!)
}

/// The two ends of a TCP connection with TLS begun on both.
func tlsPair(
    _ clientOptions: TLSOptions, _ serverOptions: TLSOptions, host: String = "localhost"
) throws -> (
    client: Connection, server: Connection
) {
    let (_, client, server) = try connectedPair("tcp://127.0.0.1:0")
    try client.startTLS(TLSContext(clientOptions, role: .client), host: host)
    try server.startTLS(TLSContext(serverOptions, role: .server))
    return (client, server)
}

/// A pair that is ready for use.
func establishedPair() throws -> (client: Connection, server: Connection) {
    let identities = TestIdentities.shared
    let (client, server) = try tlsPair(
        TLSOptions(identities.client, pins: [identities.server]),
        TLSOptions(identities.server, pins: [identities.client]))
    let results = try shakeHands(client, server)
    try results.client.get()
    try results.server.get()
    return (client, server)
}
