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
        storage = Storage(pieces.bytes.text)
    }

    @inline(never)
    package static func + (first: Sentence, second: Sentence) -> Sentence {
        var pieces = Pieces(literalCapacity: 0, interpolationCount: 0)
        pieces.appendInterpolation(first)
        pieces.appendInterpolation(second)
        return Sentence(stringInterpolation: pieces)
    }

    /// The pieces of a sentence while it is put together.
    package struct Pieces: StringInterpolationProtocol {
        fileprivate var bytes: [UInt8] = []

        @inline(never)
        package init(literalCapacity: Int, interpolationCount: Int) {}

        @inline(never)
        package mutating func appendLiteral(_ literal: String) {
            bytes.append(text: literal)
        }

        @inline(never)
        package mutating func appendInterpolation(_ value: String) {
            bytes.append(text: value)
        }

        @inline(never)
        package mutating func appendInterpolation(_ value: Sentence) {
            bytes.append(text: value.text)
        }

        @inline(never)
        package mutating func appendInterpolation(_ value: StaticString) {
            for index in 0..<value.utf8CodeUnitCount { bytes.append(value.utf8Start[index]) }
        }

        /// Any integer, in decimal.
        @inline(__always)
        package mutating func appendInterpolation<T: BinaryInteger>(_ value: T) {
            appendDecimal(magnitude: UInt64(value.magnitude), isNegative: value < 0)
        }

        @inline(never)
        private mutating func appendDecimal(magnitude: UInt64, isNegative: Bool) {
            if isNegative { bytes.append(UInt8(ascii: "-")) }
            let start = bytes.count
            var rest = magnitude
            repeat {
                bytes.insert(UInt8(ascii: "0") + UInt8(rest % 10), at: start)
                rest /= 10
            } while rest > 0
        }
    }
}
