/// Ways to the bytes of a string that bring only what is needed into the library: iterating over `utf8`, slices of it,
/// `withCString` and `append` come with code for strings that are no UTF-8 in memory, which there are none of on
/// Linux.
extension String {
    /// The text in UTF-8.
    package var bytes: [UInt8] {
        @inline(never) get { copied(terminator: false) }
    }

    /// The text in UTF-8 with a zero byte behind it. A text with a zero byte in it ends there for whoever looks for one.
    package var cText: [CChar] {
        @inline(never) get { unsafeBitCast(copied(terminator: true), to: [CChar].self) }
    }

    @inline(never)
    private func copied(terminator: Bool) -> [UInt8] {
        var result: [UInt8] = []
        result.append(text: self)
        if terminator { result.append(0) }
        return result
    }

    /// Copies as much of the text in UTF-8 as there is room for, and allocates nothing.
    ///
    /// - Returns: how many bytes were copied.
    @inline(never)
    package func copyBytes(to room: UnsafeMutableRawBufferPointer) -> Int {
        utf8.withContiguousStorageIfAvailable { bytes in
            let count = Swift.min(bytes.count, room.count)
            room.copyMemory(from: UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(bytes)[..<count]))
            return count
        } ?? 0
    }

    /// Whether a byte of the text is `byte`.
    @inline(never)
    package func contains(byte: UInt8) -> Bool {
        for each in bytes where each == byte { return true }
        return false
    }
}

extension [UInt8] {
    /// Appends the text in UTF-8.
    @inline(never)
    package mutating func append(text: String) {
        text.utf8.withContiguousStorageIfAvailable { bytes in
            reserveCapacity(count + bytes.count)
            for byte in bytes { append(byte) }
        }
    }

    /// The bytes as text; each that belongs to no UTF-8 becomes U+FFFD.
    package var text: String {
        @inline(never) get { withUnsafeBytes { String(text: $0) } }
    }
}

/// The standard library's own ways from bytes to a string repair what is no UTF-8 by code for strings of all kinds.
extension String {
    /// The bytes as text; each that belongs to no UTF-8 becomes U+FFFD.
    @inline(never)
    package init(text bytes: UnsafeRawBufferPointer) {
        if let text = String(validating: bytes, as: UTF8.self) {
            self = text
            return
        }
        var repaired: [UInt8] = []
        var place = 0
        while place < bytes.count {
            let count = String.characterSize(bytes, place)
            for index in place..<place + count { repaired.append(bytes[index]) }
            if count == 0 { repaired += [0xEF, 0xBF, 0xBD] }
            place += count == 0 ? 1 : count
        }
        self = String(validating: repaired, as: UTF8.self) ?? ""
    }

    /// The text up to the zero byte, as ``init(text:)``.
    @inline(never)
    package init(text: UnsafePointer<CChar>) {
        var count = 0
        while text[count] != 0 { count += 1 }
        self.init(text: UnsafeRawBufferPointer(start: text, count: count))
    }

    /// The bytes of the character that begins at `place` (Unicode 16, table 3-7), or 0 if none does.
    private static func characterSize(_ bytes: UnsafeRawBufferPointer, _ place: Int) -> Int {
        let first = bytes[place]
        let size =
            first < 0x80 ? 1 : first < 0xC2 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : first < 0xF5 ? 4 : 0
        guard size > 1 else { return size }
        guard place + size <= bytes.count else { return 0 }
        for index in 1..<size where bytes[place + index] & 0xC0 != 0x80 { return 0 }
        let second = bytes[place + 1]
        switch first {
        // Longer than need be, halves of pairs, beyond the last character.
        case 0xE0: return second < 0xA0 ? 0 : size
        case 0xED: return second > 0x9F ? 0 : size
        case 0xF0: return second < 0x90 ? 0 : size
        case 0xF4: return second > 0x8F ? 0 : size
        default: return size
        }
    }
}
