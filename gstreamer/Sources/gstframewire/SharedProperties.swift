import CGStreamer
import Framewire

/// What `gst-inspect-1.0` says about profiles; one without a line here is for receivers of Framewire alone.
private let profileDescriptions: [(profile: Profile, text: StaticString)] = [
    (.auto, "What the receiver understands best; lz4 where nothing is known about it"),
    (.raw, "Stored: no compression; stock lz4 -d reads it"),
    (.lz4, "LZ4; stock lz4 -d reads it"),
    (.tile, "Smaller and faster than lz4; for receivers of Framewire alone"),
    (.huffman, "Smaller still, for links that are the limit; for receivers of Framewire alone"),
]

/// All profiles that the library has, from 0 on.
private let profileType = registerEnumeration(
    "GstFramewireProfile",
    (0...UInt8.max).compactMap { Profile(rawValue: $0) }.map { profile in
        let text = profileDescriptions.first { $0.profile == profile }?.text
        return (Int(profile.rawValue), text ?? "For receivers of Framewire alone", profile.name)
    })

private let overflowType = registerEnumeration(
    "GstFramewireOverflow",
    [
        (0, "The oldest waiting frame is dropped: the latest frame wins", "drop-oldest"),
        (1, "The new frame is dropped", "drop-newest"),
        (2, "Whoever gives frames waits: nothing is lost", "block"),
    ])

private let reconnectType = registerEnumeration(
    "GstFramewireReconnect",
    [
        (0, "As after-loss", "default"),
        (1, "A lost connection is final", "never"),
        (2, "The first attempt must succeed; a connection lost later is made again", "after-loss"),
        (3, "Attempts go on until one succeeds", "always"),
    ])

extension Property {
    static func profile(_ initial: Owner.Settings, _ path: Path<Profile>, _ blurb: String) -> Property {
        enumeration("profile", blurb, profileType, initial, path)
    }

    static func overflow(_ initial: Owner.Settings, _ path: Path<OverflowPolicy>, _ blurb: String) -> Property
    {
        enumeration("overflow", blurb, overflowType, initial, path)
    }

    static func reconnect(_ initial: Owner.Settings, _ path: Path<ReconnectPolicy>) -> Property {
        enumeration(
            "reconnect", "What happens without a connection, where this side connects", reconnectType,
            initial,
            path)
    }

    static func threads(_ initial: Owner.Settings, _ path: Path<Int>, _ what: String) -> Property {
        uint("threads", "Threads that \(what); 0 is one per processor, at most 4", 0...64, initial, path)
    }

    static func acceleration(_ initial: Owner.Settings, _ path: Path<Int32>) -> Property {
        uint(
            "acceleration", "Of LZ4: 1 compresses best, more is faster and larger", 1...65537, initial, path)
    }

    static func keyFrameInterval(_ initial: Owner.Settings, _ path: Path<Int>) -> Property {
        uint(
            "key-frame-interval",
            "In the tile profiles a key frame comes after so many frames at the latest; 0 is only when one is needed",
            0...guint(Int32.max), initial, path)
    }

    /// What a side that takes streams accepts.
    static func limits(
        _ initial: Owner.Settings, _ path: Path<Limits>, verify: Path<Bool>
    ) -> [Property] {
        [
            uint(
                "max-width", "Wider frames are refused, in pixels", 1...65535, initial,
                path.appending(path: \.maxWidth)),
            uint(
                "max-height", "Higher frames are refused, in pixels", 1...65535, initial,
                path.appending(path: \.maxHeight)),
            int(
                "max-frame-bytes", "Frames that are larger when decoded are refused, in bytes", 1...(1 << 40),
                initial,
                path.appending(path: \.maxFrameBytes)),
            bool("verify-checksums", "Compare the checksums that the sender sent along", initial, verify),
        ]
    }

    /// Which frames of a stream are wanted.
    static func selection(_ initial: Owner.Settings, _ path: Path<StreamSelection>) -> [Property] {
        [
            int(
                "stream-id", "Only frames with this stream id; -1 is any", -1...gint64(UInt32.max), initial,
                path.appending(path: \.streamID)),
            int(
                "view-id", "Only frames with this view id, of an eye for example; -1 is any",
                -1...gint64(UInt32.max), initial, path.appending(path: \.viewID)),
        ]
    }

    /// What frames are marked with.
    static func marks(_ initial: Owner.Settings, streamID: Path<UInt32>, viewID: Path<UInt32>) -> [Property] {
        [
            uint("stream-id", "Tells streams over one connection apart", 0...guint.max, initial, streamID),
            uint(
                "view-id", "Tells the views of a stream apart, of two eyes for example", 0...guint.max,
                initial, viewID),
        ]
    }

    /// For `tls:` URLs.
    static func tls(_ initial: Owner.Settings, _ path: Path<TLSOptions>) -> [Property] {
        [
            string(
                "tls-certificate", "File with this side's certificate, PEM", initial,
                path.appending(path: \.certificateFile)),
            string(
                "tls-key", "File with the certificate's key, PEM; none: it is in the certificate's file",
                initial,
                path.appending(path: \.keyFile)),
            string(
                "tls-authority", "File with the certificates of trusted authorities, PEM; none: the system's",
                initial,
                path.appending(path: \.authorityFile)),
            string(
                "tls-pins", "Fingerprints of trusted certificates, sha256:…, with commas between them",
                initial,
                path.appending(path: \.pinText)),
            bool(
                "tls-require-certificate", "Whether whoever connects to this side must show a certificate",
                initial,
                path.appending(path: \.requiresClientCertificate)),
        ]
    }

    /// Of connections, in nanoseconds.
    static func times(
        _ initial: Owner.Settings, connect: Path<Int64>, keepalive: Path<Int64>, idle: Path<Int64>
    ) -> [Property] {
        [
            int(
                "connect-timeout", "For one attempt to connect, in nanoseconds", 1...gint64.max, initial,
                connect),
            int(
                "keepalive-interval", "How often the other side is asked whether it is there, in nanoseconds",
                1...gint64.max, initial, keepalive),
            int(
                "idle-timeout", "After how long a silent peer is given up, in nanoseconds; -1 is never",
                -1...gint64.max, initial, idle),
        ]
    }
}

extension TLSOptions {
    /// ``pins`` as the property has them.
    fileprivate var pinText: String? {
        get { pins.isEmpty ? nil : pins.joined(separator: ",") }
        set { pins = newValue.map { [$0] } ?? [] }
    }
}

/// Which frames of a stream are wanted; −1 is any.
struct StreamSelection: Sendable {
    var streamID: Int64 = -1
    var viewID: Int64 = -1

    func contains(_ info: FrameInfo) -> Bool {
        (streamID < 0 || streamID == Int64(info.streamID)) && (viewID < 0 || viewID == Int64(info.viewID))
    }
}
