import Testing

@testable import Buffers

/// Text from bytes of others.
@Suite struct TextTests {
    private func text(_ bytes: [UInt8]) -> String { bytes.text }

    /// A byte that belongs to no character is one U+FFFD here, and may share one with others there.
    private func collapsed(_ text: String) -> [Unicode.Scalar] {
        var result: [Unicode.Scalar] = []
        for scalar in text.unicodeScalars where scalar != "\u{FFFD}" || result.last != "\u{FFFD}" {
            result.append(scalar)
        }
        return result
    }

    @Test func goodTextStaysAsItIs() {
        for good in [
            "", "plain", "na\u{EF}ve \u{20AC} \u{1F600}", "\u{7FF}\u{800}\u{FFFF}\u{10000}\u{10FFFF}", "a\0b",
        ] {
            #expect(text(Array(good.utf8)) == good)
        }
    }

    @Test func eachByteThatBelongsToNoCharacterIsReplaced() {
        #expect(text([0xFF, 0x42]) == "\u{FFFD}B")
        #expect(text([0x41, 0xC3]) == "A\u{FFFD}")
        #expect(text([0xC0, 0x80]) == "\u{FFFD}\u{FFFD}")
        #expect(text([0xED, 0xA0, 0x80, 0x41]) == "\u{FFFD}\u{FFFD}\u{FFFD}A")
        #expect(text([0xF4, 0x90, 0x80, 0x80]) == "\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}")
    }

    @Test func randomBytesGiveWhatTheStandardLibraryMakesOfThem() {
        var random = SeededGenerator("randomBytesGiveWhatTheStandardLibraryMakesOfThem")
        let interesting: [UInt8] = [
            0, 0x41, 0x7F, 0x80, 0x9F, 0xA0, 0xBF, 0xC1, 0xC2, 0xDF, 0xE0, 0xED, 0xEF, 0xF0, 0xF4, 0xF5,
        ]
        for _ in 0..<5000 {
            let bytes = (0..<Int.random(in: 0...12, using: &random)).map { _ in
                Bool.random(using: &random)
                    ? interesting.randomElement(using: &random)! : UInt8.random(in: 0...255, using: &random)
            }
            let expected = collapsed(String(decoding: bytes, as: UTF8.self))
            #expect(collapsed(text(bytes)) == expected, "\(bytes)")
        }
    }
}
