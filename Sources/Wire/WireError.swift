import Buffers

/// Why bytes were refused.
public struct WireError: Error, Sendable {
    /// What is wrong in general.
    // The raw type keeps the compiler from writing hash functions.
    public enum Kind: UInt8, Sendable {
        /// The bytes do not begin like a Framewire message.
        case notFramewire
        /// A message contradicts the format or itself.
        case protocolViolation
        /// A checksum differs.
        case corrupt
        /// A limit is exceeded.
        case tooLarge
        /// A version, kind, format or profile that this reader does not know.
        case unsupported
        /// The stream ends inside a message.
        case truncated
    }

    /// The byte of the stream, counted from 0, where the field that was refused begins.
    public let offset: UInt64
    package let sentence: Sentence
    public let kind: Kind

    /// One sentence that names the field, its value, the limit and the offset.
    public var message: String { sentence.text }

    /// An error whose sentence is `text` followed by the offset.
    @inline(never)
    package init(_ kind: Kind, at offset: UInt64, _ text: Sentence) {
        self.kind = kind
        self.offset = offset
        sentence = "\(text) (byte \(offset) of the stream)"
    }
}

/// `value` in hexadecimal with all its digits, as it is written in a specification: `0x184d2a5f`.
func hexadecimal(_ value: UInt32) -> String {
    var text: [UInt8] = [UInt8(ascii: "0"), UInt8(ascii: "x")]
    for shift in stride(from: 28, through: 0, by: -4) {
        let digit = UInt8(truncatingIfNeeded: value >> UInt32(shift)) & 15
        text.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") - 10 + digit)
    }
    return text.text
}
