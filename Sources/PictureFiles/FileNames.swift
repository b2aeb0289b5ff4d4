import Buffers

/// A file name with one number in it, such as `frames/%05d.png`.
package struct NumberedName: Sendable {
    private let before: String
    private let after: String
    private let width: Int

    /// Parses `text`, in which `%d` or `%0Nd` (N from 1 to 9) stands for the number and `%%` for a per cent sign.
    ///
    /// - Returns: Nil when there is no `%` to be read.
    /// - Throws: ``PictureError`` when there is anything else behind a `%`, or more than one number.
    package init?(_ text: String) throws(PictureError) {
        var parts = [""]
        var digits = 1
        var rest = text.utf8[...]
        var literal: [UInt8] = []
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                literal.append(byte)
                continue
            }
            if rest.first == UInt8(ascii: "%") {
                rest.removeFirst()
                literal.append(byte)
                continue
            }
            var count = 1
            if rest.first == UInt8(ascii: "0") {
                rest.removeFirst()
                guard let digit = rest.popFirst(), (0x31...0x39).contains(digit) else {
                    throw NumberedName.malformed(text)
                }
                count = Int(digit - 0x30)
            }
            guard rest.popFirst() == UInt8(ascii: "d") else { throw NumberedName.malformed(text) }
            guard parts.count == 1 else {
                throw PictureError(.usage, "'\(text)' has more than one number; one %05d is enough")
            }
            parts = [String(decoding: literal, as: UTF8.self), ""]
            literal = []
            digits = count
        }
        guard parts.count == 2 else { return nil }
        before = parts[0]
        after = String(decoding: literal, as: UTF8.self)
        width = digits
    }

    private static func malformed(_ text: String) -> PictureError {
        PictureError(
            .usage, "'\(text)' is no numbered name: write %05d for the number and %% for a per cent sign")
    }

    /// The name with `number` in it, padded with zeros.
    package func name(_ number: Int) -> String {
        let digits = String(number)
        return before + String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits + after
    }

    /// `text` without a number, where `%%` is a per cent sign.
    package static func literal(_ text: String) -> String {
        var result: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            result.append(byte)
            if byte == UInt8(ascii: "%"), rest.first == byte { rest.removeFirst() }
        }
        return String(decoding: result, as: UTF8.self)
    }
}

/// `1280x720`, and the names of formats, as options and file names write them.
package enum Geometry {
    /// Width and height of `WxH`; nil when `text` is nothing like it or a side is not 1 to 65535.
    package static func size(_ text: some StringProtocol) -> (width: Int, height: Int)? {
        let sides = text.split(separator: "x", omittingEmptySubsequences: false)
        guard sides.count == 2, let width = side(sides[0]), let height = side(sides[1]) else { return nil }
        return (width, height)
    }

    private static func side(_ text: some StringProtocol) -> Int? {
        guard !text.isEmpty, text.utf8.count <= 5, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let value = Int(text), (1...FrameInfo.maximumSide).contains(value)
        else { return nil }
        return value
    }

    /// The format called `name`, or nil. The 8 at the end may be left out, as in `rgba`.
    package static func format(_ name: some StringProtocol) -> PixelFormat? {
        PixelFormat.allCases.first {
            $0.name.description == String(name) || $0.name.description == name + "8"
        }
    }

    /// What the name of a raw file says.
    package struct NamedFile {
        /// What is before size and format; it may be empty.
        package let name: String
        package let width: Int
        package let height: Int
        package let format: PixelFormat
    }

    /// Size and format of a raw file called `NAME_WxH_FORMAT.raw`, or `.raw.zst` when it is compressed; nil when the name does
    /// not say.
    package static func ofFile(_ path: String) -> NamedFile? {
        let file = path.split(separator: "/").last ?? ""
        var parts = file.split(separator: ".", omittingEmptySubsequences: false)
        if parts.count > 2, InputFile.isCompressed(path) { parts.removeLast() }
        let stem = parts.dropLast().joined(separator: ".")
        let words = stem.split(separator: "_")
        guard words.count >= 2, let format = format(words[words.count - 1]),
            let size = size(words[words.count - 2])
        else { return nil }
        return NamedFile(
            name: words.dropLast(2).joined(separator: "_"), width: size.width, height: size.height,
            format: format)
    }
}
