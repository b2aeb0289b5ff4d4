import Buffers

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
        let bytes = parser.bytes
        guard let colon = parser.schemeEnd else {
            throw parser.error("has no scheme; write tcp://host:port, unix:///path or file:///path")
        }
        let rest = bytes[(colon + 3)...]
        let queryStart = rest.firstIndex(of: UInt8(ascii: "?")) ?? rest.endIndex
        let body = rest[..<queryStart]
        let mode = try parser.mode(query: rest[queryStart...].dropFirst())
        if parser.schemeIs("tcp", colon) {
            let (host, port) = try parser.hostAndPort(body)
            self.init(.tcp(host: host, port: port), mode: mode)
        } else if parser.schemeIs("tls", colon) {
            let (host, port) = try parser.hostAndPort(body)
            self.init(.tls(host: host, port: port), mode: mode)
        } else if parser.schemeIs("unix", colon) {
            let path = try parser.path(body, example: "unix:///run/framewire.sock")
            guard path.utf8.count <= SocketAddress.maxPathBytes else {
                throw parser.error(
                    "has a path of \(path.utf8.count) bytes; "
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

/// The steps of reading a URL, over its UTF-8 bytes.
private struct URLParser {
    let bytes: [UInt8]

    init(_ url: String) {
        bytes = Array(url.utf8)
    }

    /// An error that quotes the URL, shortened and in one line.
    func error(_ problem: Sentence) -> TransportError {
        let limit = 200
        var quoted: [UInt8] = []
        for byte in bytes.prefix(limit) {
            quoted.append(byte < 0x20 || byte == 0x7F ? UInt8(ascii: "?") : byte)
        }
        if bytes.count > limit {
            // Not in the middle of a character.
            while let last = quoted.last, last & 0xC0 == 0x80 { quoted.removeLast() }
            if let last = quoted.last, last >= 0xC0 { quoted.removeLast() }
            quoted.append(contentsOf: "…".utf8)
        }
        return TransportError(.address, "the URL \"\(String(decoding: quoted, as: UTF8.self))\" \(problem)")
    }

    /// Where `://` begins, behind at least one letter.
    var schemeEnd: Int? {
        guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")), colon > 0, colon + 2 < bytes.count,
            bytes[colon + 1] == UInt8(ascii: "/"), bytes[colon + 2] == UInt8(ascii: "/"),
            bytes[..<colon].allSatisfy({
                ($0 | 0x20) >= UInt8(ascii: "a") && ($0 | 0x20) <= UInt8(ascii: "z")
            })
        else { return nil }
        return colon
    }

    func schemeIs(_ name: StaticString, _ end: Int) -> Bool {
        end == name.utf8CodeUnitCount
            && bytes[..<end].indices.allSatisfy { bytes[$0] | 0x20 == name.utf8Start[$0] }
    }

    func hostAndPort(_ body: ArraySlice<UInt8>) throws(TransportError) -> (String?, UInt16) {
        var body = body
        if body.last == UInt8(ascii: "/") { body = body.dropLast() }
        guard !body.contains(UInt8(ascii: "/")) else {
            throw error("has a path, which tcp does not know; write tcp://host:port")
        }
        var host: String?
        let portText: ArraySlice<UInt8>
        if body.first == UInt8(ascii: "[") {
            guard let bracket = body.firstIndex(of: UInt8(ascii: "]")) else {
                throw error("has a '[' without a ']'; write an IPv6 address as tcp://[::1]:port")
            }
            host = try ipv6Host(body[(body.startIndex + 1)..<bracket])
            portText = body[(bracket + 1)...]
            guard portText.isEmpty || portText.first == UInt8(ascii: ":") else {
                throw error("has something other than a port behind the ']'; write tcp://[::1]:port")
            }
        } else {
            let colon = body.firstIndex(of: UInt8(ascii: ":")) ?? body.endIndex
            if body[colon...].dropFirst().contains(UInt8(ascii: ":")) {
                throw error("has several colons; write an IPv6 address in brackets, as in tcp://[::1]:port")
            }
            host = try plainHost(body[..<colon])
            portText = body[colon...]
        }
        guard portText.count > 1 else { throw error("has no port; write tcp://host:port") }
        return (host, try port(portText.dropFirst()))
    }

    private func port(_ text: ArraySlice<UInt8>) throws(TransportError) -> UInt16 {
        var value = 0
        for byte in text {
            guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9"), value <= 65535 else {
                throw error("has a bad port; a port is a number from 0 to 65535")
            }
            value = value * 10 + Int(byte - UInt8(ascii: "0"))
        }
        guard let port = UInt16(exactly: value) else {
            throw error("has a bad port; a port is a number from 0 to 65535")
        }
        return port
    }

    /// A name or an IPv4 address; `nil` when there is none.
    private func plainHost(_ text: ArraySlice<UInt8>) throws(TransportError) -> String? {
        if text.isEmpty { return nil }
        for byte in text {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"),
                UInt8(ascii: "_"):
                continue
            default:
                throw error("has a host with a character other than letters, digits, '.', '-' and '_'")
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// What is in the brackets: an IPv6 address, perhaps with a zone behind `%` or, as RFC 6874 writes it,
    /// `%25`.
    private func ipv6Host(_ text: ArraySlice<UInt8>) throws(TransportError) -> String {
        var bytes: [UInt8] = []
        var zone = false
        for (place, byte) in zip(text.indices, text) {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
                UInt8(ascii: "A")...UInt8(ascii: "F"), UInt8(ascii: ":"), UInt8(ascii: "."):
                bytes.append(byte)
            case UInt8(ascii: "%") where !zone:
                zone = true
                bytes.append(byte)
            case UInt8(ascii: "a")...UInt8(ascii: "z") where zone,
                UInt8(ascii: "A")...UInt8(ascii: "Z") where zone,
                UInt8(ascii: "-") where zone, UInt8(ascii: "_") where zone:
                bytes.append(byte)
            default:
                _ = place
                throw error("has no IPv6 address in its brackets; write it as in tcp://[::1]:port")
            }
        }
        if let percent = bytes.firstIndex(of: UInt8(ascii: "%")), bytes.count > percent + 3,
            bytes[percent + 1] == UInt8(ascii: "2"), bytes[percent + 2] == UInt8(ascii: "5")
        {
            bytes.removeSubrange((percent + 1)...(percent + 2))
        }
        guard bytes.contains(UInt8(ascii: ":")) else {
            throw error("has no IPv6 address in its brackets; write it as in tcp://[::1]:port")
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// An absolute path, decoded.
    func path(_ body: ArraySlice<UInt8>, example: Sentence) throws(TransportError) -> String {
        guard !body.isEmpty, body.count > 1 || body.first != UInt8(ascii: "/") else {
            throw error("has an empty path; write it as in \(example)")
        }
        guard body.first == UInt8(ascii: "/") else {
            throw error("has no absolute path; write it with three slashes, as in \(example)")
        }
        var decoded: [UInt8] = []
        decoded.reserveCapacity(body.count)
        var place = body.startIndex
        while place < body.endIndex {
            var byte = body[place]
            place += 1
            if byte == UInt8(ascii: "%") {
                guard place + 1 < body.endIndex, let high = hexDigit(body[place]),
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
        let path = String(decoding: decoded, as: UTF8.self)
        // Decoding replaces what is not UTF-8, and another file would be meant.
        guard path.utf8.elementsEqual(decoded) else {
            throw error("has a path that is not UTF-8 once its '%' are decoded")
        }
        return path
    }

    /// The query: `listen=1` or `connect=1`, not both; 0 is as if it were not there.
    func mode(query: ArraySlice<UInt8>) throws(TransportError) -> Endpoint.Mode {
        var listens = false
        var connects = false
        var place = query.startIndex
        while place < query.endIndex {
            let end = query[place...].firstIndex(of: UInt8(ascii: "&")) ?? query.endIndex
            let item = query[place..<end]
            place = end + 1
            let equals = item.firstIndex(of: UInt8(ascii: "=")) ?? item.endIndex
            let key = item[..<equals]
            let value = item[equals...].dropFirst()
            let isListen = key.elementsEqual("listen".utf8)
            guard isListen || key.elementsEqual("connect".utf8) else {
                throw error("has an unknown option behind '?'; there are listen=1 and connect=1")
            }
            guard value.count == 1, value.first == UInt8(ascii: "1") || value.first == UInt8(ascii: "0")
            else {
                throw error("has a bad value behind '?'; write listen=1 or connect=1")
            }
            let isOn = value.first == UInt8(ascii: "1")
            if isListen { listens = isOn } else { connects = isOn }
        }
        guard !(listens && connects) else { throw error("has both listen=1 and connect=1; choose one") }
        return listens ? .listen : connects ? .connect : .standard
    }
}
