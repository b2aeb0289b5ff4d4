import Buffers
import CPosix

extension Endpoint {
    /// Reads a URL.
    ///
    /// - Throws: ``TransportError`` of kind `address`, whose message quotes the URL and says what is wrong
    ///   with it.
    public init(parsing url: String) throws(TransportError) {
        let parser = URLParser(url)
        try self.init(parser: parser)
    }

    private init(parser: URLParser) throws(TransportError) {
        guard let colon = parser.schemeEnd else {
            throw parser.error("has no scheme; write tcp://host:port, unix:///path or file:///path")
        }
        var query = parser.piece(from: colon + 3)
        let body = query.cutOff(before: UInt8(ascii: "?"))
        let mode = try parser.mode(query: query)
        if parser.schemeIs("tcp", colon) {
            let (host, port) = try parser.hostAndPort(body)
            self.init(.tcp(host: host, port: port), mode: mode)
        } else if parser.schemeIs("tls", colon) {
            let (host, port) = try parser.hostAndPort(body)
            self.init(.tls(host: host, port: port), mode: mode)
        } else if parser.schemeIs("unix", colon) {
            let path = try parser.path(body, example: "unix:///run/framewire.sock")
            let size = path.bytes.count
            guard size <= SocketAddress.maxPathBytes else {
                throw parser.error(
                    "has a path of \(size) bytes; "
                        + "a Unix socket's path can have \(SocketAddress.maxPathBytes) at most")
            }
            self.init(.unix(path: path), mode: mode)
        } else if parser.schemeIs("file", colon) {
            let path = try parser.path(body, example: "file:///tmp/recording.lz4")
            guard case .standard = mode else {
                throw parser.error("is a file, which neither listens nor connects; leave the query out")
            }
            self.init(.file(path: path))
        } else {
            throw parser.error("has an unknown scheme; use tcp, tls, unix or file")
        }
    }
}

/// A part of a URL. Slices of arrays would bring four times the code into the library.
struct URLPiece {
    private let bytes: [UInt8]
    private(set) var start: Int
    private(set) var end: Int

    init(_ bytes: [UInt8], from start: Int, to end: Int) {
        self.bytes = bytes
        self.start = start
        self.end = end
    }

    var count: Int { end - start }
    var isEmpty: Bool { start == end }
    /// The first byte; 0, which no URL has, when there is none.
    var first: UInt8 { isEmpty ? 0 : bytes[start] }
    var last: UInt8 { isEmpty ? 0 : bytes[end - 1] }

    subscript(index: Int) -> UInt8 { bytes[start + index] }

    /// How many bytes come before the first `byte`; nil when there is none.
    @inline(never)
    func find(_ byte: UInt8) -> Int? {
        var place = start
        while place < end {
            if bytes[place] == byte { return place - start }
            place += 1
        }
        return nil
    }

    @inline(never)
    func isEqual(_ text: StaticString) -> Bool {
        guard count == text.utf8CodeUnitCount else { return false }
        for index in 0..<count where self[index] != text.utf8Start[index] { return false }
        return true
    }

    mutating func dropFirst(_ dropped: Int = 1) { start += min(dropped, count) }
    mutating func dropLast() { end -= min(1, count) }

    /// Takes away what comes before the first `byte`, and that with it; all when there is none.
    ///
    /// - Returns: what was before it.
    @inline(never)
    mutating func cutOff(before byte: UInt8) -> URLPiece {
        let size = find(byte) ?? count
        let head = URLPiece(bytes, from: start, to: start + size)
        dropFirst(size + 1)
        return head
    }

    /// The bytes as text.
    var text: String {
        var part: [UInt8] = []
        for index in 0..<count { part.append(self[index]) }
        return part.text
    }
}

/// The steps of reading a URL, over its UTF-8 bytes.
struct URLParser {
    let bytes: [UInt8]
    /// What the URLs begin with that errors give as examples.
    private let example: StaticString

    init(_ url: String, example: StaticString = "tcp") {
        bytes = url.bytes
        self.example = example
    }

    func piece(from start: Int) -> URLPiece { URLPiece(bytes, from: start, to: bytes.count) }

    /// An error that quotes the URL, shortened and in one line.
    func error(_ problem: Sentence) -> TransportError {
        let limit = 200
        var quoted = bytes
        for index in 0..<quoted.count where quoted[index] < 0x20 || quoted[index] == 0x7F {
            quoted[index] = UInt8(ascii: "?")
        }
        var end = min(limit, quoted.count)
        if quoted.count > limit {
            // Not in the middle of a character.
            while end > 0, quoted[end] & 0xC0 == 0x80 { end -= 1 }
        }
        let text = URLPiece(quoted, from: 0, to: end).text
        let ellipsis: StaticString = end < quoted.count ? "…" : ""
        return TransportError(.address, "the URL \"\(text)\(ellipsis)\" \(problem)")
    }

    /// Where `://` begins, behind at least one letter.
    var schemeEnd: Int? {
        guard let colon = piece(from: 0).find(UInt8(ascii: ":")), colon > 0, colon + 2 < bytes.count,
            bytes[colon + 1] == UInt8(ascii: "/"), bytes[colon + 2] == UInt8(ascii: "/")
        else { return nil }
        for index in 0..<colon
        where bytes[index] | 0x20 < UInt8(ascii: "a") || bytes[index] | 0x20 > UInt8(ascii: "z") {
            return nil
        }
        return colon
    }

    func schemeIs(_ name: StaticString, _ end: Int) -> Bool {
        guard end == name.utf8CodeUnitCount else { return false }
        for index in 0..<end where bytes[index] | 0x20 != name.utf8Start[index] { return false }
        return true
    }

    func hostAndPort(_ body: URLPiece) throws(TransportError) -> (String?, UInt16) {
        var rest = body
        if rest.last == UInt8(ascii: "/") { rest.dropLast() }
        guard rest.find(UInt8(ascii: "/")) == nil else {
            throw error("has a path, which \(example) does not know; write \(example)://host:port")
        }
        var host: String?
        var hasPort = true
        if rest.first == UInt8(ascii: "[") {
            guard rest.find(UInt8(ascii: "]")) != nil else {
                throw error("has a '[' without a ']'; write an IPv6 address as \(example)://[::1]:port")
            }
            rest.dropFirst()
            host = try ipv6Host(rest.cutOff(before: UInt8(ascii: "]")))
            guard rest.isEmpty || rest.first == UInt8(ascii: ":") else {
                throw error("has something other than a port behind the ']'; write \(example)://[::1]:port")
            }
            hasPort = !rest.isEmpty
            rest.dropFirst()
        } else {
            hasPort = rest.find(UInt8(ascii: ":")) != nil
            let name = rest.cutOff(before: UInt8(ascii: ":"))
            if rest.find(UInt8(ascii: ":")) != nil {
                throw error(
                    "has several colons; write an IPv6 address in brackets, as in \(example)://[::1]:port")
            }
            host = try plainHost(name)
        }
        guard hasPort, !rest.isEmpty else { throw error("has no port; write \(example)://host:port") }
        return (host, try port(rest))
    }

    private func port(_ text: URLPiece) throws(TransportError) -> UInt16 {
        guard let port = UInt16(exactly: number(text)) else {
            throw error("has a bad port; a port is a number from 0 to 65535")
        }
        return port
    }

    /// A number of decimal digits up to 65535; −1 for anything else.
    func number(_ text: URLPiece) -> Int {
        var value = 0
        for index in 0..<text.count {
            let digit = Int(text[index]) - 0x30
            guard digit >= 0, digit <= 9, value <= 65535 else { return -1 }
            value = value * 10 + digit
        }
        return value <= 65535 ? value : -1
    }

    /// A name or an IPv4 address; `nil` when there is none.
    private func plainHost(_ text: URLPiece) throws(TransportError) -> String? {
        if text.isEmpty { return nil }
        for index in 0..<text.count {
            switch text[index] {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"),
                UInt8(ascii: "_"):
                continue
            default:
                throw error("has a host with a character other than letters, digits, '.', '-' and '_'")
            }
        }
        return text.text
    }

    /// What is in the brackets: an IPv6 address, perhaps with a zone behind `%` or, as RFC 6874 writes it,
    /// `%25`.
    private func ipv6Host(_ text: URLPiece) throws(TransportError) -> String {
        var bytes: [UInt8] = []
        var zone = false
        var hasColon = false
        var index = 0
        while index < text.count {
            let byte = text[index]
            index += 1
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
                UInt8(ascii: "A")...UInt8(ascii: "F"), UInt8(ascii: "."):
                break
            case UInt8(ascii: ":"):
                hasColon = true
            case UInt8(ascii: "%") where !zone:
                zone = true
                if text.count > index + 2, text[index] == UInt8(ascii: "2"),
                    text[index + 1] == UInt8(ascii: "5")
                {
                    index += 2
                }
            case UInt8(ascii: "a")...UInt8(ascii: "z") where zone,
                UInt8(ascii: "A")...UInt8(ascii: "Z") where zone,
                UInt8(ascii: "-") where zone, UInt8(ascii: "_") where zone:
                break
            default:
                throw error("has no IPv6 address in its brackets; write it as in \(example)://[::1]:port")
            }
            bytes.append(byte)
        }
        guard hasColon else {
            throw error("has no IPv6 address in its brackets; write it as in \(example)://[::1]:port")
        }
        return bytes.text
    }

    /// An absolute path, decoded.
    func path(_ body: URLPiece, example: Sentence) throws(TransportError) -> String {
        guard !body.isEmpty, body.count > 1 || body.first != UInt8(ascii: "/") else {
            throw error("has an empty path; write it as in \(example)")
        }
        guard body.first == UInt8(ascii: "/") else {
            throw error("has no absolute path; write it with three slashes, as in \(example)")
        }
        var decoded: [UInt8] = []
        decoded.reserveCapacity(body.count)
        var place = 0
        while place < body.count {
            var byte = body[place]
            place += 1
            if byte == UInt8(ascii: "%") {
                guard place + 1 < body.count, let high = hexDigit(body[place]),
                    let low = hexDigit(body[place + 1])
                else {
                    throw error("has a '%' without two hexadecimal digits behind it; write '%' itself as %25")
                }
                byte = high << 4 | low
                place += 2
            }
            guard byte != 0 else { throw error("has a zero byte in its path, which no path can have") }
            decoded.append(byte)
        }
        let path = decoded.text
        // Decoding replaces what is not UTF-8, and another file would be meant.
        let bytes = path.bytes
        guard bytes.count == decoded.count, memcmp(bytes, decoded, bytes.count) == 0 else {
            throw error("has a path that is not UTF-8 once its '%' are decoded")
        }
        return path
    }

    /// The query: `listen=1` or `connect=1`, not both; 0 is as if it were not there.
    func mode(query: URLPiece) throws(TransportError) -> Endpoint.Mode {
        var listens = false
        var connects = false
        var query = query
        while !query.isEmpty {
            var value = query.cutOff(before: UInt8(ascii: "&"))
            let key = value.cutOff(before: UInt8(ascii: "="))
            let isListen = key.isEqual("listen")
            guard isListen || key.isEqual("connect") else {
                throw error("has an unknown option behind '?'; there are listen=1 and connect=1")
            }
            let isOn = value.first == UInt8(ascii: "1")
            guard value.count == 1, isOn || value.first == UInt8(ascii: "0") else {
                throw error("has a bad value behind '?'; write listen=1 or connect=1")
            }
            if isListen { listens = isOn } else { connects = isOn }
        }
        guard !(listens && connects) else { throw error("has both listen=1 and connect=1; choose one") }
        return listens ? .listen : connects ? .connect : .standard
    }
}
