import TestSupport
import Testing

@testable import Buffers

@Suite struct TextTests {
    @Test func bytesOfATextAreThoseOfUTF8() {
        for text in ["", "a", "fifteen bytes..", "sixteen bytes...", "größer, 大きい, 🖼", "a\0b"] {
            #expect(text.bytes == Array(text.utf8))
            #expect(text.bytes.text == text)
            #expect(text.cText == text.utf8.map { CChar(bitPattern: $0) } + [0])
        }
    }

    @Test func whatIsNoUTF8BecomesU_FFFD() {
        #expect([0x61, 0xFF, 0x62].text == "a\u{FFFD}b")
        // Cut off, overlong, a surrogate, above U+10FFFF.
        #expect([0xE5, 0xA4].text == "\u{FFFD}\u{FFFD}")
        #expect([0xC0, 0xAF].text == "\u{FFFD}\u{FFFD}")
        #expect([0xED, 0xA0, 0x80].text == "\u{FFFD}\u{FFFD}\u{FFFD}")
        #expect([0xF4, 0x90, 0x80, 0x80].text == "\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}")
    }

    /// The standard library replaces runs where this replaces bytes; what it leaves must be the same.
    @Test func whatIsUTF8StaysAsItIs() {
        var random = SeededGenerator()
        let pieces: [[UInt8]] =
            ["a", "é", "大", "🖼", "\u{7FF}", "\u{FFFF}"].map { Array($0.utf8) } + [
                [0xFF], [0x80], [0xE0, 0x80],
            ]
        for _ in 0..<2000 {
            var bytes: [UInt8] = []
            for _ in 0..<Int.random(in: 0...12, using: &random) {
                let piece = pieces.randomElement(using: &random)!
                bytes += piece.prefix(Int.random(in: 0...3, using: &random) == 0 ? 1 : piece.count)
            }
            func kept(_ text: String) -> [Unicode.Scalar] { text.unicodeScalars.filter { $0 != "\u{FFFD}" } }
            #expect(kept(bytes.text) == kept(String(decoding: bytes, as: UTF8.self)), "\(bytes)")
        }
    }
}
