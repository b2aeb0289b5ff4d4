import Buffers
import CPosix
import Foundation
import TestSupport
import Testing

@testable import Transport

/// A port of both loopback addresses that is taken, so that nobody else can listen on it, and on which nobody
/// does.
private final class SilentPort {
    let number: UInt16
    private var descriptors: [Int32] = []

    init() throws {
        var found: UInt16 = 0
        for host in hasIPv6 ? ["127.0.0.1", "::1"] : ["127.0.0.1"] {
            let address = try System.resolve(host, port: found, numericOnly: true)[0]
            let descriptor = try System.socket(family: address.family)
            descriptors.append(descriptor)
            try System.bind(descriptor, to: address)
            found = try System.localAddress(descriptor).port
        }
        number = found
    }

    deinit {
        for descriptor in descriptors { System.close(descriptor) }
    }
}

@Test func aRefusedConnectionNamesTheAddressAndAsksForAReceiver() throws {
    let silent = try SilentPort()
    let port = silent.number
    let error = try #require(throws: TransportError.self) {
        try Connector.connect(Endpoint(.tcp(host: "127.0.0.1", port: port)), timeout: hangLimit)
    }
    #expect(error.kind == .connection)
    #expect(error.code == ECONNREFUSED)
    #expect(
        error.message == "cannot connect to tcp://127.0.0.1:\(port) (127.0.0.1): connection refused; "
            + "is a receiver listening there?")
    withExtendedLifetime(silent) {}
}

@Test func aMissingSocketFileNamesThePathAndAsksForAReceiver() throws {
    let folder = try TemporaryFolder()
    let url = "unix://\(folder.file("s"))"
    let error = try #require(throws: TransportError.self) {
        try Connector.connect(endpoint(url), timeout: hangLimit)
    }
    #expect(error.kind == .connection)
    #expect(
        error.message == "cannot connect to \(url): no such file or directory; is a receiver listening there?"
    )
}

@Test func allAddressesOfAHostAreTried() throws {
    let listener = try Listener(endpoint("tcp://127.0.0.1:0"))
    // Without a host both loopback addresses count; only one of them listens.
    let client = try Connector.connect(Endpoint(.tcp(host: nil, port: listener.port)), timeout: hangLimit)
    #expect(client.peerName == "tcp://:\(listener.port)")
    if hasIPv6 {
        let other = try Listener(endpoint("tcp://[::1]:0"))
        #expect(throws: Never.self) {
            try Connector.connect(Endpoint(.tcp(host: nil, port: other.port)), timeout: hangLimit)
        }
    }
}

@Test func ofAllAddressesTheMostTellingFailureIsReported() throws {
    let silent = try SilentPort()
    let port = silent.number
    let error = try #require(throws: TransportError.self) {
        try Connector.connect(Endpoint(.tcp(host: nil, port: port)), timeout: hangLimit)
    }
    #expect(error.kind == .connection)
    #expect(error.message.contains("of 2): connection refused"), "\(error.message)")
    withExtendedLifetime(silent) {}
}

@Test func aNameIsLookedUp() throws {
    let listener = try Listener(endpoint("tcp://localhost:0"))
    let client = try Connector.connect(
        Endpoint(.tcp(host: "localhost", port: listener.port)), timeout: hangLimit)
    withExtendedLifetime(client) {}
}

@Test func badDigitsInBracketsAreAnUnknownHost() throws {
    // Asks no name service: an address in brackets is never a name.
    let error = try #require(throws: TransportError.self) {
        try Connector.connect(endpoint("tcp://[::1::2]:3000"), timeout: hangLimit)
    }
    #expect(error.kind == .address)
    #expect(error.message == "tcp://[::1::2]:3000: the host \"::1::2\" is unknown; check its spelling")
}

@Test(arguments: [
    (EAI_NONAME, 0, TransportError.Kind.address, "is unknown"),
    (EAI_AGAIN, 0, .address, "try again later"),
    (EAI_MEMORY, 0, .noMemory, "no memory"),
    (EAI_SYSTEM, EMFILE, .io, "ulimit"),
    (EAI_FAMILY, 0, .address, "cannot look up"),
])
func aFailedLookUpNamesTheHost(code: Int32, errno: Int32, kind: TransportError.Kind, words: String) {
    let failure = LookupFailure(code: code, errno: Errno(code: errno))
    let error = Resolution.error(failure, host: "render-7", name: "tcp://render-7:3000")
    #expect(error.kind == kind)
    #expect(error.message.hasPrefix("tcp://render-7:3000: "))
    #expect(error.message.contains("\"render-7\""), "\(error.message)")
    #expect(error.message.contains(words), "\(error.message)")
}

@Test func portZeroIsForListening() throws {
    let error = try #require(throws: TransportError.self) {
        try Connector.connect(endpoint("tcp://127.0.0.1:0"), timeout: hangLimit)
    }
    #expect(error.kind == .address)
    #expect(error.message.contains("tcp://127.0.0.1:0"))
}

@Test func aFileIsNothingToConnectTo() throws {
    let error = try #require(throws: TransportError.self) {
        try Connector.connect(endpoint("file:///tmp/x"), timeout: hangLimit)
    }
    #expect(error.kind == .address)
    #expect(error.message.contains("file:///tmp/x"))
}

/// A listener whose queue of waiting connections is full, with those that fill it.
private func fullListener(_ url: String) throws -> (listener: Listener, target: Endpoint, fill: [Connection])
{
    let listener = try Listener(endpoint(url), backlog: 0)
    var target = try endpoint(url)
    if case .tcp(let host, _) = target.kind { target = Endpoint(.tcp(host: host, port: listener.port)) }
    var fill: [Connection] = []
    // How many fit beyond the number asked for is the system's choice.
    while fill.count < 64 {
        do throws(TransportError) {
            fill.append(try Connector.connect(target, timeout: 100_000_000))
        } catch {
            #expect(error.kind == .timeout)
            break
        }
    }
    return (listener, target, fill)
}

@Test(arguments: ["tcp://127.0.0.1:0", "unix"])
func anAddressThatDoesNotAnswerIsATimeoutThatNamesIt(kind: String) throws {
    let folder = try TemporaryFolder()
    let (listener, target, fill) = try fullListener(kind == "unix" ? "unix://\(folder.file("s"))" : kind)
    let error = try #require(throws: TransportError.self) {
        try Connector.connect(target, timeout: 30_000_000)
    }
    #expect(error.kind == .timeout)
    #expect(error.message.contains(target.description), "\(error.message)")
    withExtendedLifetime((listener, fill)) {}
}

@Test(arguments: ["tcp://127.0.0.1:0", "unix"])
func aWakeUpCancelsAConnectThatHasNoLimit(kind: String) throws {
    let folder = try TemporaryFolder()
    let (listener, target, fill) = try fullListener(kind == "unix" ? "unix://\(folder.file("s"))" : kind)
    let cancel = try WakeUp()
    let begun = DispatchSemaphore(value: 0)
    let ended = DispatchSemaphore(value: 0)
    Thread.detachNewThread {
        begun.signal()
        let error = #expect(throws: TransportError.self) {
            try Connector.connect(target, timeout: -1, cancel: cancel)
        }
        #expect(error?.kind == .closed)
        #expect(error?.message.contains("cancelled") == true)
        ended.signal()
    }
    begun.wait()
    cancel.signal()
    #expect(ended.wait(timeout: .now() + 20) == .success)
    #expect(cancel.isSignalled)
    withExtendedLifetime((listener, fill)) {}
}

@Test func aUnixConnectGoesThroughOnceTheQueueHasRoom() throws {
    let folder = try TemporaryFolder()
    let (listener, target, fill) = try fullListener("unix://\(folder.file("s"))")
    let ended = DispatchSemaphore(value: 0)
    Thread.detachNewThread {
        #expect(throws: Never.self) { try Connector.connect(target, timeout: hangLimit) }
        ended.signal()
    }
    for _ in fill { _ = try acceptNext(listener) }
    #expect(ended.wait(timeout: .now() + 20) == .success)
}

@Test func failedAttemptsKeepNoDescriptors() throws {
    let silent = try SilentPort()
    let port = silent.number
    // Descriptors are given from the lowest free number on, so a leak would run through this range.
    var highest: Int32 = 0
    for _ in 0..<200 {
        #expect(throws: TransportError.self) {
            try Connector.connect(Endpoint(.tcp(host: nil, port: port)), timeout: hangLimit)
        }
        highest = max(highest, try WakeUp().descriptor)
    }
    #expect(highest < 300)
    withExtendedLifetime(silent) {}
}
