/// A line of a panel.
package struct PanelLine: Equatable, Sendable {
    package enum Tone: Sendable {
        case plain, faint, good, attention

        /// 0xAARRGGBB.
        var color: UInt32 {
            switch self {
            case .plain: 0xFFFF_FFFF
            case .faint: 0xFF9F_AAB8
            case .good: 0xFF7D_E39A
            case .attention: 0xFFFF_C24D
            }
        }
    }

    /// What stands in a column of its own, on the left.
    package var label: String?
    package var text: String
    package var tone: Tone

    package init(_ label: String?, _ text: String, _ tone: Tone = .plain) {
        self.label = label
        self.text = text
        self.tone = tone
    }

    /// `text` in lines of at most `columns` characters, as far as its words allow.
    package static func wrapped(_ text: String, columns: Int) -> [PanelLine] {
        var lines: [String] = []
        for word in text.split(separator: " ") {
            if let last = lines.last, last.count + 1 + word.count <= columns {
                lines[lines.count - 1] = last + " " + word
            } else {
                lines.append(String(word))
            }
        }
        return lines.map { PanelLine(nil, $0) }
    }
}

/// A few lines of text on a dark ground that lets the picture through, as pixels 0xAARRGGBB that are not premultiplied.
package struct Panel: Sendable {
    package private(set) var pixels: [UInt32] = []
    package let size: Size

    private static let ground: UInt32 = 0xC410_151C
    /// Around the text and between lines, in pixels of the typeface.
    private static let margin = 6
    private static let lineHeight = 12
    private static let columnGap = 2

    /// - Parameters:
    ///   - scale: The width of a pixel of the typeface, 1 or more.
    ///   - isCentered: Whether lines without a label stand in the middle.
    package init(_ lines: [PanelLine], scale: Int, isCentered: Bool = false) {
        let labels = lines.map { $0.label.map(Panel.cells) ?? 0 }
        let column = labels.max().map { $0 > 0 ? $0 + Panel.columnGap : 0 } ?? 0
        let cells = lines.map { ($0.label == nil ? 0 : column) + Panel.cells($0.text) }.max() ?? 0
        let inner = cells * Font.advance - (Font.advance - Font.width)
        // The part of the typeface below the line counts as half of the margin.
        size = Size(
            (max(inner, 1) + 2 * Panel.margin) * scale,
            (lines.count * Panel.lineHeight - (Panel.lineHeight - Font.height) + 2 * Panel.margin - 1) * scale
        )
        pixels = [UInt32](repeating: Panel.ground, count: size.width * size.height)
        roundCorners(radius: 3 * scale)
        for (index, line) in lines.enumerated() {
            let y = (Panel.margin + index * Panel.lineHeight) * scale
            var x = Panel.margin * scale
            if let label = line.label {
                draw(label, x, y, scale, .faint)
                x += column * Font.advance * scale
            } else if isCentered {
                x += (cells - Panel.cells(line.text)) * Font.advance * scale / 2
            }
            draw(line.text, x, y, scale, line.tone)
        }
    }

    private static func cells(_ text: String) -> Int { text.unicodeScalars.count }

    private mutating func draw(_ text: String, _ left: Int, _ top: Int, _ scale: Int, _ tone: PanelLine.Tone)
    {
        var left = left
        for character in text.unicodeScalars {
            let glyph = Font.glyph(character)
            for y in 0..<Font.height {
                for x in 0..<Font.width {
                    let bit = (Font.height - 1 - y) * Font.width + (Font.width - 1 - x)
                    guard glyph >> UInt64(bit) & 1 != 0 else { continue }
                    fill(left + x * scale, top + y * scale, scale, tone.color)
                }
            }
            left += Font.advance * scale
        }
    }

    private mutating func fill(_ left: Int, _ top: Int, _ side: Int, _ color: UInt32) {
        for y in top..<top + side {
            for x in left..<left + side { pixels[y * size.width + x] = color }
        }
    }

    private mutating func roundCorners(radius: Int) {
        for y in 0..<radius {
            for x in 0..<radius {
                // Distances of pixels' middles, doubled so that they are whole.
                let (across, down) = (2 * (radius - x) - 1, 2 * (radius - y) - 1)
                guard across * across + down * down > 4 * radius * radius else { continue }
                for row in [y, size.height - 1 - y] {
                    pixels[row * size.width + x] = 0
                    pixels[row * size.width + size.width - 1 - x] = 0
                }
            }
        }
    }
}
