import Foundation
import TestSupport
import Testing

@testable import Transport

@Test(arguments: [
    ("tcp://render-host:3000", "tcp://render-host:3000"),
    ("tcp://10.0.0.7:3000/", "tcp://10.0.0.7:3000"),
    ("TCP://Host:65535", "tcp://Host:65535"),
    ("tcp://:3000", "tcp://:3000"),
    ("tcp://:0", "tcp://:0"),
    ("tcp://[::1]:3000", "tcp://[::1]:3000"),
    ("tcp://[fe80::1%25eth0]:3000", "tcp://[fe80::1%eth0]:3000"),
    ("tcp://host:3000?listen=1", "tcp://host:3000?listen=1"),
    ("tcp://host:3000?connect=1", "tcp://host:3000?connect=1"),
    ("tcp://host:3000?listen=0&connect=1", "tcp://host:3000?connect=1"),
    ("tcp://host:3000?listen=0", "tcp://host:3000"),
    ("tcp://host:3000?", "tcp://host:3000"),
    ("unix:///run/a.sock", "unix:///run/a.sock"),
    ("unix:///run/a.sock?listen=1", "unix:///run/a.sock?listen=1"),
    ("file:///tmp/a.lz4", "file:///tmp/a.lz4"),
    ("file:///tmp/a%20b%3F%25.lz4", "file:///tmp/a%20b%3F%25.lz4"),
    ("file:///tmp/%c3%a9", "file:///tmp/é"),
])
func aURLParsesToItsEndpoint(url: String, description: String) throws {
    let endpoint = try Endpoint(parsing: url)
    #expect(endpoint.description == description)
}

@Test func hostAndPortAreTakenApart() throws {
    guard case .tcp(let host, let port) = try Endpoint(parsing: "tcp://[::1]:3000").kind else {
        Issue.record("not tcp")
        return
    }
    #expect(host == "::1")
    #expect(port == 3000)
}

@Test func noHostIsNil() throws {
    guard case .tcp(let host, _) = try Endpoint(parsing: "tcp://:3000").kind else {
        Issue.record("not tcp")
        return
    }
    #expect(host == nil)
}

@Test func aFilePathIsDecoded() throws {
    guard case .file(let path) = try Endpoint(parsing: "file:///tmp/100%25%20of%3fit").kind else {
        Issue.record("no file")
        return
    }
    #expect(path == "/tmp/100% of?it")
}

@Test(arguments: [
    ("", "no scheme"),
    ("render-host:3000", "no scheme"),
    ("://host:3000", "no scheme"),
    ("tcp:host:3000", "no scheme"),
    ("udp://host:3000", "unknown scheme"),
    ("http://host:3000", "unknown scheme"),
    ("tcp://", "no port"),
    ("tcp://host", "no port"),
    ("tcp://host:", "no port"),
    ("tcp://[::1]", "no port"),
    ("tcp://[::1]:", "no port"),
    ("tcp://host:65536", "bad port"),
    ("tcp://host:-1", "bad port"),
    ("tcp://host:http", "bad port"),
    ("tcp://host:99999999999999999999999999", "bad port"),
    ("tcp://host:3000/path", "a path"),
    ("tcp://::1:3000", "several colons"),
    ("tcp://[::1:3000", "without a ']'"),
    ("tcp://[::1]3000", "other than a port"),
    ("tcp://[host]:3000", "no IPv6 address"),
    ("tcp://[]:3000", "no IPv6 address"),
    ("tcp://user@host:3000", "host with a character"),
    ("tcp://*:3000", "host with a character"),
    ("tcp://a b:3000", "host with a character"),
    ("tcp://host:3000?color=1", "unknown option"),
    ("tcp://host:3000?listen", "bad value"),
    ("tcp://host:3000?listen=yes", "bad value"),
    ("tcp://host:3000?listen=1&connect=1", "both listen=1 and connect=1"),
    ("unix://", "empty path"),
    ("unix:///", "empty path"),
    ("file://", "empty path"),
    ("unix://run/a.sock", "no absolute path"),
    ("file://recording.lz4", "no absolute path"),
    ("file:///tmp/%zz", "'%' without two hexadecimal digits"),
    ("file:///tmp/%4", "'%' without two hexadecimal digits"),
    ("file:///tmp/%00", "zero byte"),
    ("file:///tmp/%ff", "not UTF-8"),
    ("file:///tmp/a?listen=1", "neither listens nor connects"),
])
func aMalformedURLIsNamedWithItsFault(url: String, fault: String) throws {
    let error = try #require(throws: TransportError.self) { try Endpoint(parsing: url) }
    #expect(error.kind == .address)
    #expect(error.message.contains(fault), "\(error.message)")
    #expect(error.message.contains("\"\(url)\""), "\(error.message)")
}

@Test func aUnixPathMayBe107BytesLong() throws {
    let path = "/" + String(repeating: "a", count: 106)
    #expect(throws: Never.self) { try Endpoint(parsing: "unix://\(path)") }
    let error = try #require(throws: TransportError.self) { try Endpoint(parsing: "unix://\(path)a") }
    #expect(error.kind == .address)
    #expect(error.message.contains("108 bytes"), "\(error.message)")
    #expect(error.message.contains("107 at most"), "\(error.message)")
}

@Test func anErrorQuotesALongURLShortenedAndInOneLine() throws {
    let url = "tcp://\n" + String(repeating: "é", count: 5000)
    let error = try #require(throws: TransportError.self) { try Endpoint(parsing: url) }
    #expect(error.message.utf8.count < 400)
    #expect(!error.message.contains("\n"))
    #expect(!error.message.contains("\u{FFFD}"))
}

@Test func anyPathComesBackFromItsURL() throws {
    var random = SeededGenerator()
    for round in 0..<300 {
        let count = Int.random(in: 1...40, using: &random)
        let path =
            "/"
            + String(
                String.UnicodeScalarView(
                    (0..<count).map { _ in
                        Unicode.Scalar(UInt32.random(in: 1...0x2FF, using: &random))!
                    }))
        let written = Endpoint(.file(path: path)).description
        let parsed = try Endpoint(parsing: written)
        guard case .file(let read) = parsed.kind else {
            Issue.record("no file: \(written)")
            return
        }
        #expect(read.utf8.elementsEqual(path.utf8), "seed \(random.seed), round \(round): \(written)")
    }
}

@Test func arbitraryBytesParseOrFailButNeverTrap() {
    var random = SeededGenerator()
    let beginnings = [
        "tcp://", "tcp://a:1", "tcp://[::1]:1", "unix:///a", "file:///a", "file://", "", "é://",
    ]
    let pieces = [
        "a", ":", "/", "[", "]", "%", "%2", "%41", "?", "&", "=", "listen=", "connect=", "1", "é", "\0",
        "::1", "65536",
    ]
    var accepted = 0
    var refused = 0
    for round in 0..<5000 {
        let count = Int.random(in: 1...4, using: &random)
        let url = (0..<count).reduce(into: beginnings.randomElement(using: &random)!) { url, _ in
            url += pieces.randomElement(using: &random)!
        }
        do throws(TransportError) {
            // What is accepted must come out of its own description again.
            let endpoint = try Endpoint(parsing: url)
            let again = try Endpoint(parsing: endpoint.description)
            #expect(again.description == endpoint.description, "seed \(random.seed), round \(round): \(url)")
            accepted += 1
        } catch {
            #expect(error.kind == .address, "seed \(random.seed), round \(round): \(url)")
            refused += 1
        }
    }
    #expect(accepted > 100)
    #expect(refused > 100)
}
