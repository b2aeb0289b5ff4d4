import CPosix
import Foundation
import TestSupport
import Testing

@testable import Transport

/// Whether this machine has `::1`.
let hasIPv6 = (try? Listener(Endpoint(.tcp(host: "::1", port: 0)))) != nil

@Test(.enabled(if: hasIPv6, "this machine has no IPv6"))
func withoutAHostBothLoopbackAddressesListenOnOnePort() throws {
    let listener = try Listener(endpoint("tcp://:0"))
    #expect(listener.descriptors.count == 2)
    #expect(listener.port != 0)
    #expect(listener.name == "tcp://:\(listener.port)")
    for host in ["127.0.0.1", "::1"] {
        let client = try Connector.connect(
            Endpoint(.tcp(host: host, port: listener.port)), timeout: hangLimit)
        let server = try acceptNext(listener)
        #expect(server.peerName.hasPrefix(host == "::1" ? "tcp://[::1]:" : "tcp://127.0.0.1:"))
        withExtendedLifetime(client) {}
    }
    #expect(try listener.accept() == nil)
}

@Test(.enabled(if: hasIPv6, "this machine has no IPv6"))
func theUnspecifiedIPv6AddressTakesBothFamilies() throws {
    let listener = try Listener(endpoint("tcp://[::]:0"))
    for host in ["127.0.0.1", "::1"] {
        let client = try Connector.connect(
            Endpoint(.tcp(host: host, port: listener.port)), timeout: hangLimit)
        let server = try acceptNext(listener)
        #expect(
            server.peerName.hasPrefix(host == "::1" ? "tcp://[::1]:" : "tcp://127.0.0.1:"),
            "\(server.peerName)")
        #expect(server.isLocal && client.isLocal, "\(server.peerName)")
        withExtendedLifetime(client) {}
    }
}

@Test(.enabled(if: hasIPv6, "this machine has no IPv6"))
func theUnspecifiedIPv4AddressTakesIPv4Only() throws {
    let listener = try Listener(endpoint("tcp://0.0.0.0:0"))
    let client = try Connector.connect(
        Endpoint(.tcp(host: "127.0.0.1", port: listener.port)), timeout: hangLimit)
    // Should another program listen on `::1` there, its answer does not matter.
    let other = try? Connector.connect(Endpoint(.tcp(host: "::1", port: listener.port)), timeout: hangLimit)
    #expect(try acceptNext(listener).peerName.hasPrefix("tcp://127.0.0.1:"))
    #expect(try listener.accept() == nil)
    withExtendedLifetime(other) {}
    withExtendedLifetime(client) {}
}

@Test func aPortInUseIsAnAddressErrorThatNamesIt() throws {
    let first = try Listener(endpoint("tcp://127.0.0.1:0"))
    let error = try #require(throws: TransportError.self) {
        try Listener(Endpoint(.tcp(host: "127.0.0.1", port: first.port)))
    }
    #expect(error.kind == .address)
    #expect(error.code == EADDRINUSE)
    #expect(
        error.message == "cannot listen on tcp://127.0.0.1:\(first.port): address already in use; "
            + "stop the program that listens there, or choose another port or path")
}

@Test(.enabled(if: hasIPv6, "this machine has no IPv6"))
func aPortThatIsInUseOnOneOfTwoAddressesIsInUse() throws {
    let first = try Listener(endpoint("tcp://[::1]:0"))
    let error = try #require(throws: TransportError.self) {
        try Listener(Endpoint(.tcp(host: nil, port: first.port)))
    }
    #expect(error.kind == .address)
    // Neither may the failed attempt keep the address that was free.
    #expect(throws: Never.self) { try Listener(Endpoint(.tcp(host: "127.0.0.1", port: first.port))) }
}

@Test func aPortCanBeListenedOnAgainAtOnce() throws {
    let (listener, client, server) = try connectedPair("tcp://127.0.0.1:0")
    // The side that closes first lingers in TIME_WAIT.
    server.close()
    #expect(try readBytes(client).isEmpty)
    client.close()
    listener.close()
    #expect(listener.descriptors.isEmpty)
    #expect(throws: Never.self) { try Listener(Endpoint(.tcp(host: "127.0.0.1", port: listener.port))) }
}

@Test func anAddressOfAnotherMachineIsAnAddressError() throws {
    // 192.0.2.0/24 is for documentation (RFC 5737); binding sends nothing.
    let error = try #require(throws: TransportError.self) { try Listener(endpoint("tcp://192.0.2.1:0")) }
    #expect(error.kind == .address)
    #expect(error.message.contains("tcp://192.0.2.1:0"), "\(error.message)")
}

@Test func aFileIsNoPlaceToListen() throws {
    let error = try #require(throws: TransportError.self) { try Listener(endpoint("file:///tmp/x")) }
    #expect(error.kind == .address)
    #expect(error.message.contains("file:///tmp/x"))
}

@Test(.enabled(if: getuid() != 0, "root may bind any port"))
func aPrivilegedPortIsAPermissionError() throws {
    let error = try #require(throws: TransportError.self) { try Listener(endpoint("tcp://127.0.0.1:1")) }
    #expect(error.kind == .permission)
    #expect(error.message.contains("tcp://127.0.0.1:1"))
}

@Test func aSocketFileIsMadeAndRemoved() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("s")
    let listener = try Listener(endpoint("unix://\(path)"))
    #expect(listener.port == 0)
    #expect(FileManager.default.fileExists(atPath: path))
    listener.close()
    #expect(!FileManager.default.fileExists(atPath: path))
}

@Test func aDroppedListenerRemovesItsSocketFile() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("s")
    do {
        let listener = try Listener(endpoint("unix://\(path)"))
        withExtendedLifetime(listener) {}
    }
    #expect(!FileManager.default.fileExists(atPath: path))
}

@Test func aStaleSocketFileIsReplaced() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("s")
    let address = try #require(SocketAddress(unixPath: path))
    let dead = try System.socket(family: AF_UNIX)
    try System.bind(dead, to: address)
    try System.listen(dead, backlog: 1)
    System.close(dead)
    #expect(FileManager.default.fileExists(atPath: path))
    let (_, client, server) = try connectedPair("unix://\(path)")
    try writeAll(client, [9])
    #expect(try readBytes(server, 1) == [9])
}

@Test func aSocketFileWithAListenerIsInUse() throws {
    let folder = try TemporaryFolder()
    let url = "unix://\(folder.file("s"))"
    let first = try Listener(endpoint(url))
    let error = try #require(throws: TransportError.self) { try Listener(endpoint(url)) }
    #expect(error.kind == .address)
    #expect(error.code == EADDRINUSE)
    #expect(error.message.contains("\(url): address already in use"), "\(error.message)")
    // The first is none the worse.
    #expect(throws: Never.self) { try Connector.connect(endpoint(url), timeout: hangLimit) }
    withExtendedLifetime(first) {}
}

@Test func aFileThatIsNoSocketIsLeftAlone() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("notes.txt")
    try Data("precious".utf8).write(to: URL(fileURLWithPath: path))
    let error = try #require(throws: TransportError.self) { try Listener(endpoint("unix://\(path)")) }
    #expect(error.kind == .address)
    #expect(error.message.contains("not a socket"), "\(error.message)")
    #expect(error.message.contains(path))
    #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == Data("precious".utf8))
}

@Test func aSocketFileThatAnotherHasReplacedIsLeftAlone() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("s")
    let first = try Listener(endpoint("unix://\(path)"))
    try FileManager.default.removeItem(atPath: path)
    let second = try Listener(endpoint("unix://\(path)"))
    first.close()
    #expect(FileManager.default.fileExists(atPath: path))
    withExtendedLifetime(second) {}
}

@Test func aMissingFolderIsAnAddressErrorThatNamesThePath() throws {
    let folder = try TemporaryFolder()
    let url = "unix://\(folder.file("none/s"))"
    let error = try #require(throws: TransportError.self) { try Listener(endpoint(url)) }
    #expect(error.kind == .address)
    #expect(
        error.message.contains("\(url): no such file or directory; create the folder first"),
        "\(error.message)")
}

@Test(.enabled(if: getuid() != 0, "root may write to any folder"))
func aFolderWithoutWriteAccessIsAPermissionError() throws {
    let folder = try TemporaryFolder()
    chmod(folder.path, 0o500)
    let error = try #require(throws: TransportError.self) {
        try Listener(endpoint("unix://\(folder.file("s"))"))
    }
    #expect(error.kind == .permission)
    #expect(error.message.contains(folder.path))
}
