import Buffers

/// Why bytes were refused.
public struct WireError: Error, Sendable {
    /// What is wrong in general.
    public enum Kind: Sendable, Equatable {
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

    public var kind: Kind
    /// The byte of the stream, counted from 0, where the field that was refused begins.
    public var offset: UInt64
    /// One sentence that names the field, its value, the limit and the offset.
    public var message: String

    /// An error whose sentence is `text` followed by the offset.
    package init(_ kind: Kind, at offset: UInt64, _ text: Sentence) {
        self.kind = kind
        self.offset = offset
        let sentence: Sentence = "\(text) (byte \(offset) of the stream)"
        message = sentence.text
    }
}

/// `value` in hexadecimal with all its digits, as it is written in a specification: `0x184d2a5f`.
func hexadecimal(_ value: UInt32) -> String {
    var text = "0x"
    for shift in stride(from: 28, through: 0, by: -4) {
        let digit = UInt8(truncatingIfNeeded: value >> UInt32(shift)) & 15
        text.unicodeScalars.append(Unicode.Scalar(digit < 10 ? 48 + digit : 87 + digit))
    }
    return text
}
