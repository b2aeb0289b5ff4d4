import Buffers
import Transport

extension H264Payloader {
    /// What a receiver has to know, as a session description (SDP, RFC 8866; the format's parameters: RFC 6184, section
    /// 8.2.1). The parameter sets are in it once the payloader knows them.
    ///
    /// - Throws: ``TransportError`` of kind `address` for the URL that the packets go to.
    public func sessionDescription(for url: String) throws(TransportError) -> String {
        let address = try UDPAddress(parsing: url)
        let host = address.host ?? "127.0.0.1"
        let isIPv6 = host.contains(byte: UInt8(ascii: ":"))
        let family: StaticString = isIPv6 ? "IP6" : "IP4"
        // Multicast addresses of IPv4 have to have it, others must not.
        let hops: Sentence = !isIPv6 && Self.isMulticast(host) ? "/\(address.timeToLive)" : ""
        let lines: Sentence =
            "v=0\r\no=- \(ssrc) 1 IN \(family) \(host)\r\ns=Framewire\r\nc=IN \(family) \(host)\(hops)\r\nt=0 0\r\n"
        let media: Sentence =
            "m=video \(address.port) RTP/AVP \(payloadType)\r\na=rtpmap:\(payloadType) H264/90000\r\n"
        let format: Sentence =
            "a=fmtp:\(payloadType) packetization-mode=\(isSingleNAL ? 0 : 1)\(parameterText)\r\n"
        return (lines + media + format).text
    }

    /// Whether a host is an IPv4 address of 224.0.0.0 to 239.255.255.255.
    private static func isMulticast(_ host: String) -> Bool {
        let bytes = host.bytes
        guard bytes.count > 3, bytes[3] == UInt8(ascii: "."), bytes[0] == UInt8(ascii: "2") else {
            return false
        }
        return bytes[1] == UInt8(ascii: "2") ? bytes[2] >= UInt8(ascii: "4") : bytes[1] == UInt8(ascii: "3")
    }

    private var parameterText: Sentence {
        let entries = parameterSets.entries
        guard !entries.isEmpty else { return "" }
        var text: [UInt8] = []
        if entries[0].isSequence, entries[0].bytes.count >= 4 {
            text.append(text: ";profile-level-id=")
            let digits: StaticString = "0123456789abcdef"
            for index in 1..<4 {
                text.add(digits.utf8Start[Int(entries[0].bytes[index] >> 4)])
                text.add(digits.utf8Start[Int(entries[0].bytes[index] & 15)])
            }
        }
        text.append(text: ";sprop-parameter-sets=")
        for index in 0..<entries.count {
            if index > 0 { text.add(UInt8(ascii: ",")) }
            Self.appendBase64(entries[index].bytes, to: &text)
        }
        return Sentence(text.text)
    }

    /// Appends bytes in base 64 (RFC 4648, section 4).
    private static func appendBase64(_ bytes: [UInt8], to text: inout [UInt8]) {
        let digits: StaticString = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        var place = 0
        while place < bytes.count {
            let count = min(3, bytes.count - place)
            var value = 0
            for index in 0..<3 { value = value << 8 | (index < count ? Int(bytes[place + index]) : 0) }
            for index in 0..<4 {
                let digit = digits.utf8Start[value >> (18 - 6 * index) & 63]
                text.add(index <= count ? digit : UInt8(ascii: "="))
            }
            place += count
        }
    }
}
