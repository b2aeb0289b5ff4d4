import Buffers

/// Where datagrams go: `udp://host:port`, and for multicast addresses behind `?` `ttl=8` and `interface=eth0`.
public struct UDPAddress: Sendable {
    /// Without brackets; nil is this machine.
    package let host: String?
    package let port: UInt16
    /// The hops that multicast datagrams may take.
    package let timeToLive: Int
    /// The network interface that multicast datagrams leave by; nil lets the system choose.
    package let interface: String?

    /// The URL without its query, as errors name it.
    package var name: String {
        let url: Sentence
        if let host, host.contains(byte: UInt8(ascii: ":")) {
            url = "udp://[\(host)]:\(port)"
        } else {
            url = "udp://\(host ?? ""):\(port)"
        }
        return url.text
    }

    /// Reads a URL.
    ///
    /// - Throws: ``TransportError`` of kind `address`, whose message quotes the URL and says what is wrong
    ///   with it.
    public init(parsing url: String) throws(TransportError) {
        let parser = URLParser(url, example: "udp")
        guard let colon = parser.schemeEnd, parser.schemeIs("udp", colon) else {
            throw parser.error("does not begin with udp://; write udp://host:port")
        }
        var query = parser.piece(from: colon + 3)
        let body = query.cutOff(before: UInt8(ascii: "?"))
        (host, port) = try parser.hostAndPort(body)
        guard port != 0 else { throw parser.error("has port 0, to which nothing can be sent; name the port") }
        var timeToLive = 1
        var interface: String?
        while !query.isEmpty {
            var value = query.cutOff(before: UInt8(ascii: "&"))
            let key = value.cutOff(before: UInt8(ascii: "="))
            if key.isEqual("ttl") {
                timeToLive = parser.number(value)
                guard timeToLive >= 1, timeToLive <= 255 else {
                    throw parser.error("has a bad ttl behind '?'; it is a number from 1 to 255")
                }
            } else if key.isEqual("interface") {
                guard !value.isEmpty else { throw parser.error("has no name behind interface=") }
                interface = value.text
            } else {
                throw parser.error("has an unknown option behind '?'; there are ttl=8 and interface=eth0")
            }
        }
        self.timeToLive = timeToLive
        self.interface = interface
    }
}
