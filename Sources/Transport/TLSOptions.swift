import Buffers

/// Who this side of a `tls:` connection is, and whom it trusts. Files are in PEM format; they are read when the
/// sender or receiver is opened.
///
/// A side that listens needs a certificate; one that connects needs it where the other asks for it. The other
/// side's certificate is accepted if
/// - its fingerprint is one of ``pins``; nothing else about it counts then, neither name nor dates; or, without
///   pins,
/// - an authority of ``authorityFile`` (else one that the system trusts) has signed it, it is in force, and, for
///   the side that connects, it is for the host of the URL.
///
/// A side that listens asks for a certificate only with pins, an authority file or
/// ``requiresClientCertificate``.
public struct TLSOptions: Sendable {
    /// This side's certificate, followed by those that lead to its authority.
    public var certificateFile: String?
    /// The key of that certificate, unencrypted; `nil`: it is in the certificate's file.
    public var keyFile: String?
    /// The certificates of authorities that are trusted in place of the system's.
    public var authorityFile: String?
    /// SHA-256 fingerprints of certificates that are trusted, each `sha256:` and 64 hexadecimal digits, which may
    /// have colons between them. What separates several is a comma, a space or an entry of its own.
    public var pins: [String] = []
    /// For a side that listens: whether whoever connects must show a certificate. Needs ``pins`` or
    /// ``authorityFile``.
    public var requiresClientCertificate = false

    public init() {}

    /// Whether nothing has been set.
    package var isEmpty: Bool {
        certificateFile == nil && keyFile == nil && authorityFile == nil && pins.isEmpty
            && !requiresClientCertificate
    }
}

/// The SHA-256 of a certificate in DER format.
struct Fingerprint {
    static let size = 32
    private static let prefix: StaticString = "sha256:"

    /// ``size`` bytes.
    let bytes: [UInt8]

    init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    func equals(_ other: Fingerprint) -> Bool {
        bytes.elementsEqual(other.bytes)
    }

    /// As it is written among the options.
    var text: String {
        let digits: StaticString = "0123456789abcdef"
        var result: [UInt8] = []
        for index in 0..<Fingerprint.prefix.utf8CodeUnitCount { result.append(Fingerprint.prefix.utf8Start[index]) }
        for byte in bytes {
            result.append(digits.utf8Start[Int(byte >> 4)])
            result.append(digits.utf8Start[Int(byte & 15)])
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// All fingerprints in entries that may hold several.
    ///
    /// - Throws: ``TransportError`` of kind `invalidArgument`.
    static func parse(_ entries: [String]) throws(TransportError) -> [Fingerprint] {
        var result: [Fingerprint] = []
        for entry in entries {
            for item in Array(entry.utf8).split(whereSeparator: { $0 == UInt8(ascii: ",") || $0 <= 0x20 }) {
                guard let fingerprint = Fingerprint(item) else {
                    throw TransportError(
                        .invalidArgument,
                        "the pin \"\(String(decoding: item, as: UTF8.self))\" is no fingerprint; write sha256: and 64"
                            + " hexadecimal digits")
                }
                result.append(fingerprint)
            }
        }
        return result
    }

    private init?(_ item: ArraySlice<UInt8>) {
        let prefix = UnsafeBufferPointer(
            start: Fingerprint.prefix.utf8Start, count: Fingerprint.prefix.utf8CodeUnitCount)
        guard item.prefix(prefix.count).elementsEqual(prefix) else { return nil }
        var bytes: [UInt8] = []
        var high: UInt8?
        for byte in item.dropFirst(prefix.count) where byte != UInt8(ascii: ":") {
            guard let digit = hexDigit(byte) else { return nil }
            if let first = high {
                bytes.append(first << 4 | digit)
                high = nil
            } else {
                high = digit
            }
        }
        guard bytes.count == Fingerprint.size, high == nil else { return nil }
        self.init(bytes: bytes)
    }
}

/// The value of a hexadecimal digit.
func hexDigit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
}
