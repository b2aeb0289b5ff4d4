import Buffers

/// Where a stream goes to or comes from: the URL that a user gives.
///
///     tcp://host:port     a name, an IPv4 address, or an IPv6 address in brackets
///     tcp://:port         this machine only
///     tls://host:port     the same, encrypted and authenticated by TLS 1.3
///     unix:///path        a Unix socket
///     file:///path        a recording, or a pipe
///
/// `?listen=1` and `?connect=1` choose who waits for whom where that is not as usual. In paths `%` and two
/// hexadecimal digits stand for a byte.
public struct Endpoint: Sendable, CustomStringConvertible {
    /// What an endpoint is.
    public enum Kind: Sendable {
        /// `host` is without brackets; `nil` is this machine only. Port 0 lets the system choose.
        case tcp(host: String?, port: UInt16)
        /// As `tcp`, with TLS 1.3.
        case tls(host: String?, port: UInt16)
        case unix(path: String)
        case file(path: String)
    }

    /// Which side waits for the other.
    public enum Mode: UInt8, Sendable {
        /// A sender connects, a receiver listens.
        case standard
        case listen
        case connect
    }

    public let kind: Kind
    public let mode: Mode

    package init(_ kind: Kind, mode: Mode = .standard) {
        self.kind = kind
        self.mode = mode
    }

    /// Whether connections are to be encrypted.
    package var isTLS: Bool {
        if case .tls = kind { return true }
        return false
    }

    /// The URL without its query, as errors name it.
    package var address: String {
        switch kind {
        case .tcp(let host, let port): Endpoint.networkAddress(host, port, isTLS: false)
        case .tls(let host, let port): Endpoint.networkAddress(host, port, isTLS: true)
        case .unix(let path): Self.text("unix://\(Endpoint.percentEncoded(path))")
        case .file(let path): Self.text("file://\(Endpoint.percentEncoded(path))")
        }
    }

    /// The URL.
    public var description: String {
        switch mode {
        case .standard: address
        case .listen: Self.text("\(address)?listen=1")
        case .connect: Self.text("\(address)?connect=1")
        }
    }

    /// The URL of a host and a port.
    @inline(never)
    package static func networkAddress(_ host: String?, _ port: UInt16, isTLS: Bool) -> String {
        let scheme: StaticString = isTLS ? "tls" : "tcp"
        guard let host else { return Self.text("\(scheme)://:\(port)") }
        return host.contains(byte: UInt8(ascii: ":"))
            ? Self.text("\(scheme)://[\(host)]:\(port)") : Self.text("\(scheme)://\(host):\(port)")
    }

    private static func text(_ sentence: Sentence) -> String { sentence.text }

    /// The path as it is written in a URL: with `%` for what would end it or be taken for something else.
    private static func percentEncoded(_ path: String) -> String {
        let digits: StaticString = "0123456789ABCDEF"
        var bytes: [UInt8] = []
        for byte in path.bytes {
            switch byte {
            case 0...0x20, 0x7F, UInt8(ascii: "%"), UInt8(ascii: "?"), UInt8(ascii: "#"):
                bytes.append(UInt8(ascii: "%"))
                bytes.append(digits.utf8Start[Int(byte >> 4)])
                bytes.append(digits.utf8Start[Int(byte & 15)])
            default: bytes.append(byte)
            }
        }
        return bytes.text
    }
}
