import Buffers
import CPosix

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
    /// ``pins`` with commas or spaces between them.
    // One string: arrays of strings would bring five kilobytes into the embedded library.
    package var pinList = ""
    /// For a side that listens: whether whoever connects must show a certificate. Needs ``pins`` or
    /// ``authorityFile``.
    public var requiresClientCertificate = false

    public init() {}

    /// Whether nothing has been set.
    package var isEmpty: Bool {
        certificateFile == nil && keyFile == nil && authorityFile == nil && pinList.utf8.isEmpty
            && !requiresClientCertificate
    }
}

#if !hasFeature(Embedded)
    extension TLSOptions {
        /// SHA-256 fingerprints of certificates that are trusted, each `sha256:` and 64 hexadecimal digits, which
        /// may have colons between them.
        public var pins: [String] {
            get { pinList.split(separator: ",").map { String($0) } }
            set { pinList = newValue.joined(separator: ",") }
        }
    }
#endif

/// The SHA-256 of a certificate in DER format.
struct Fingerprint {
    private static let prefix: StaticString = "sha256:"
    /// Hexadecimal digits.
    private static let length = 64

    /// The digest, its first bytes highest.
    private(set) var words = InlineArray<4, UInt64>(repeating: 0)

    init() {}

    /// - Parameter digest: 32 bytes.
    init(digest: UnsafeRawBufferPointer) {
        for index in 0..<4 {
            words[index] = UInt64(bigEndian: digest.loadUnaligned(fromByteOffset: 8 * index, as: UInt64.self))
        }
    }

    func equals(_ other: Fingerprint) -> Bool {
        var difference: UInt64 = 0
        for index in 0..<4 { difference |= words[index] ^ other.words[index] }
        return difference == 0
    }

    /// As it is written among the options.
    var text: String {
        let digits: StaticString = "0123456789abcdef"
        let start = Fingerprint.prefix.utf8CodeUnitCount
        return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: start + Fingerprint.length) { text in
            memcpy(text.baseAddress!, Fingerprint.prefix.utf8Start, start)
            for place in 0..<Fingerprint.length {
                let digit = words[place / 16] >> UInt64(60 - 4 * (place % 16)) & 15
                text[start + place] = digits.utf8Start[Int(digit)]
            }
            return String(bytes: UnsafeRawBufferPointer(text))
        }
    }

    /// All fingerprints in `list`.
    ///
    /// - Throws: ``TransportError`` of kind `invalidArgument`.
    static func parse(_ list: String) throws(TransportError) -> [Fingerprint] {
        var result: [Fingerprint] = []
        guard list.bytes.withUnsafeBufferPointer({ parse($0, into: &result) }) else {
            throw TransportError(
                .invalidArgument,
                "the pins \"\(list)\" are no fingerprints; write sha256: and 64 hexadecimal digits for each")
        }
        return result
    }

    private static func parse(_ text: UnsafeBufferPointer<UInt8>, into result: inout [Fingerprint]) -> Bool {
        let start = prefix.utf8CodeUnitCount
        var place = 0
        while place < text.count {
            if isSeparator(text[place]) {
                place += 1
                continue
            }
            guard text.count - place > start, memcmp(text.baseAddress! + place, prefix.utf8Start, start) == 0
            else { return false }
            place += start
            var fingerprint = Fingerprint()
            var count = 0
            while place < text.count, !isSeparator(text[place]) {
                if text[place] != UInt8(ascii: ":") {
                    guard count < length, let digit = hexDigit(text[place]) else { return false }
                    fingerprint.words[count / 16] = fingerprint.words[count / 16] << 4 | UInt64(digit)
                    count += 1
                }
                place += 1
            }
            guard count == length else { return false }
            result.append(fingerprint)
        }
        return true
    }

    private static func isSeparator(_ byte: UInt8) -> Bool {
        byte <= 0x20 || byte == UInt8(ascii: ",")
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
