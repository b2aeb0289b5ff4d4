/// A message for people, put together from pieces.
///
/// It is written like a `String` with interpolations. Each piece is appended by one call here, where `String`
/// would put its own code for each piece in place: that made half of the library's size. For the same reason it
/// is one reference, so that an error can be passed in registers and released by one call.
package struct Sentence: ExpressibleByStringInterpolation, Sendable {
    private final class Storage: Sendable {
        let text: String

        init(_ text: String) {
            self.text = text
        }
    }

    private let storage: Storage

    package var text: String {
        @inline(never) get { storage.text }
    }

    @inline(never)
    package init(_ text: String) {
        storage = Storage(text)
    }

    @inline(never)
    package init(stringLiteral value: String) {
        storage = Storage(value)
    }

    @inline(never)
    package init(stringInterpolation pieces: Pieces) {
        storage = Storage(pieces.text)
    }

    @inline(never)
    package static func + (first: Sentence, second: Sentence) -> Sentence {
        var text = first.text
        text.append(second.text)
        return Sentence(text)
    }

    /// The pieces of a sentence while it is put together.
    package struct Pieces: StringInterpolationProtocol {
        fileprivate var text = ""

        @inline(never)
        package init(literalCapacity: Int, interpolationCount: Int) {}

        @inline(never)
        package mutating func appendLiteral(_ literal: String) {
            text.append(literal)
        }

        @inline(never)
        package mutating func appendInterpolation(_ value: String) {
            text.append(value)
        }

        @inline(never)
        package mutating func appendInterpolation(_ value: Sentence) {
            text.append(value.text)
        }

        @inline(never)
        package mutating func appendInterpolation(_ value: StaticString) {
            value.withUTF8Buffer { text.append(String(decoding: $0, as: UTF8.self)) }
        }

        /// Any integer, in decimal.
        @inline(__always)
        package mutating func appendInterpolation<T: BinaryInteger>(_ value: T) {
            appendDecimal(magnitude: UInt64(value.magnitude), isNegative: value < 0)
        }

        @inline(never)
        private mutating func appendDecimal(magnitude: UInt64, isNegative: Bool) {
            if isNegative { text.append("-") }
            text.append(String(magnitude))
        }
    }
}
