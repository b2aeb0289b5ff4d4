/// A message for people, put together from pieces.
///
/// It is written like a `String` with interpolations. Each piece is appended by one call here, where `String`
/// would put its own code for each piece in place: that made half of the library's size.
package struct Sentence: ExpressibleByStringInterpolation, Sendable {
    package private(set) var text: String

    @inline(never)
    package init(stringLiteral value: String) {
        text = value
    }

    @inline(never)
    package init(stringInterpolation pieces: Pieces) {
        text = pieces.text
    }

    @inline(never)
    package static func + (first: Sentence, second: Sentence) -> Sentence {
        var result = first
        result.text.append(second.text)
        return result
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
