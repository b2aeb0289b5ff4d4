import Testing

@testable import Viewer

/// The rows of a panel of scale 1, ground as a dot and text as a hash.
private func picture(_ panel: Panel) -> [String] {
    (0..<panel.size.height).map { y in
        String(
            (0..<panel.size.width).map { x in
                panel.pixels[y * panel.size.width + x] >> 24 == 255 ? "#" : "." as Character
            })
    }
}

@Test func textIsDrawnPixelByPixel() {
    let rows = picture(Panel([PanelLine(nil, "7g")], scale: 1))
    // Six pixels of margin, two characters of five and one between.
    #expect(rows[0].count == 6 + 5 + 1 + 5 + 6)
    #expect(
        rows[6..<15].map { String($0.dropFirst(6).prefix(11)) } == [
            "#####......",
            "....#......",
            "...#...####",
            "..#...#...#",
            ".#....#...#",
            ".#....#...#",
            ".#.....####",
            "..........#",
            ".......###.",
        ])
    #expect(rows[..<6].allSatisfy { !$0.contains("#") } && rows[15...].allSatisfy { !$0.contains("#") })
}

@Test func aScaleMultipliesPixels() {
    let small = picture(Panel([PanelLine("a", "×…–·")], scale: 1))
    let large = picture(Panel([PanelLine("a", "×…–·")], scale: 3))
    #expect(large.count == 3 * small.count)
    for (y, row) in large.enumerated() {
        #expect(row == String(small[y / 3].flatMap { [$0, $0, $0] }))
    }
}

@Test func labelsMakeAColumn() {
    let panel = picture(Panel([PanelLine("ab", "|"), PanelLine("a", "|")], scale: 1))
    let (first, second) = (panel[6], panel[6 + 12])
    // The bar is the middle pixel of the character behind two of the label and two of the gap.
    let place = first.index(first.startIndex, offsetBy: 6 + 4 * 6 + 2)
    #expect(first[place] == "#" && second[place] == "#")
}

@Test func everyCharacterHasAFormOfItsOwn() {
    let characters = (0x21...0x7E).map { Unicode.Scalar($0)! } + ["×", "…", "–", "·", "\u{FFFD}"]
    var seen: [UInt64: Unicode.Scalar] = [:]
    for character in characters {
        let glyph = Font.glyph(character)
        #expect(glyph != 0 && glyph >> 45 == 0, "\(character)")
        #expect(seen[glyph] == nil, "\(character) looks like \(seen[glyph] ?? " ")")
        seen[glyph] = character
    }
    #expect(Font.glyph(" ") == 0)
    #expect(Font.glyph("ß") == Font.glyph("\u{FFFD}") && Font.glyph("\n") == Font.glyph("\u{FFFD}"))
}

@Test func aPanelOfNothingIsSmall() {
    #expect(Panel([PanelLine(nil, "")], scale: 1).size == Size(13, 20))
}

@Test func longTextIsBrokenBetweenWords() {
    let lines = PanelLine.wrapped("a picture cannot be drawn here", columns: 10).map(\.text)
    #expect(lines == ["a picture", "cannot be", "drawn here"])
    #expect(PanelLine.wrapped("unbreakable", columns: 3).map(\.text) == ["unbreakable"])
    #expect(PanelLine.wrapped("", columns: 3).isEmpty)
}
