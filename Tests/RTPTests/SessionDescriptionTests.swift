import RTP
import Testing
import Transport

@Suite struct SessionDescriptionTests {
    @Test func itSaysWhatAReceiverHasToKnow() throws {
        let payloader = try H264Payloader(fixedOptions)
        let sets: [[UInt8]] = [[0x67, 0x42, 0xC0, 0x1E, 0xD9], [0x68, 0xCE]]
        _ = try payloader.payload(accessUnit(annexB(sets + [unit(5, size: 9)])))
        #expect(
            try payloader.sessionDescription(for: "udp://192.0.2.1:5004") == """
                v=0\r
                o=- 287454020 1 IN IP4 192.0.2.1\r
                s=Framewire\r
                c=IN IP4 192.0.2.1\r
                t=0 0\r
                m=video 5004 RTP/AVP 96\r
                a=rtpmap:96 H264/90000\r
                a=fmtp:96 packetization-mode=1;profile-level-id=42c01e;sprop-parameter-sets=Z0LAHtk=,aM4=\r

                """)
    }

    @Test func theParameterSetsAreThoseOfTheLastAccessUnits() throws {
        let payloader = try H264Payloader(fixedOptions)
        for profile in [UInt8(0x42), 0x64] {
            let sets: [[UInt8]] = [[0x68, 0x80], [0x67, profile, 0, 10, 0x80, 5], [0x68, 0x40]]
            _ = try payloader.payload(accessUnit(annexB(sets)))
        }
        let text = try payloader.sessionDescription(for: "udp://[::1]:5004")
        #expect(text.contains("profile-level-id=64000a;sprop-parameter-sets=Z2QACoAF,aIA=,aEA=\r\n"))
        #expect(text.contains("c=IN IP6 ::1\r\n"))
    }

    @Test func multicastAddressesHaveTheirHops() throws {
        let payloader = try H264Payloader(fixedOptions)
        let text = try payloader.sessionDescription(for: "udp://239.1.2.3:5004?ttl=16&interface=eth0")
        #expect(text.contains("c=IN IP4 239.1.2.3/16\r\n"))
        #expect(text.contains("packetization-mode=1\r\n"))
        #expect(try payloader.sessionDescription(for: "udp://223.1.2.3:5004").contains("223.1.2.3\r\n"))
    }

    @Test(arguments: [
        ("tcp://127.0.0.1:5", "udp://"), ("udp://127.0.0.1", "port"), ("udp://127.0.0.1:0", "port 0"),
        ("udp://a:1?ttl=0", "ttl"), ("udp://a:1?ttl=256", "ttl"), ("udp://a:1?ttl=", "ttl"),
        ("udp://a:1?ttl=1x", "ttl"), ("udp://a:1?interface=", "interface"),
        ("udp://a:1?loop=1", "unknown option"),
        ("udp://[::1:5", "udp://[::1]:port"), ("", "udp://"),
    ])
    func badAddresses(_ url: String, _ words: String) throws {
        let error = #expect(throws: TransportError.self) { try H264Payloader().sessionDescription(for: url) }
        #expect(error?.kind == .address)
        #expect(error?.message.contains(words) == true)
    }
}
