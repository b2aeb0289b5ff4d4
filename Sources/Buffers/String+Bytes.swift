import CPosix

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

    /// Appends one byte: a call, where `append` would put its own code in place.
    @inline(never)
    package mutating func add(_ byte: UInt8) {
        append(byte)
    }

    /// The bytes as text; what is no UTF-8 becomes U+FFFD.
    package var text: String {
        @inline(never) get { withUnsafeBytes { String(bytes: $0) } }
    }
}

extension String {
    /// The bytes as text; each that is no UTF-8 becomes U+FFFD.
    ///
    /// What the standard library has for this changes strings in place, which brings all that `append` does.
    @inline(never)
    package init(bytes: UnsafeRawBufferPointer) {
        if let text = Self.valid(bytes) {
            self = text
        } else {
            self = repaired(bytes).withUnsafeBytes { Self.valid($0) } ?? ""
        }
    }

    /// The bytes before the first that is zero, in the same way.
    @inline(never)
    package init(text: UnsafePointer<CChar>) {
        self.init(bytes: UnsafeRawBufferPointer(start: text, count: strlen(text)))
    }

    @inline(never)
    private static func valid(_ bytes: UnsafeRawBufferPointer) -> String? {
        String(validating: bytes.assumingMemoryBound(to: UInt8.self), as: UTF8.self)
    }
}

private func repaired(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
    var result: [UInt8] = []
    var place = 0
    while place < bytes.count {
        let length = characterLength(UnsafeRawBufferPointer(rebasing: bytes[place...]))
        for index in 0..<length { result.append(bytes[place + index]) }
        if length == 0 {
            result.append(0xEF)
            result.append(0xBF)
            result.append(0xBD)
        }
        place += max(1, length)
    }
    return result
}

/// How many bytes the first character has (The Unicode Standard, table 3-7); 0 when there is none.
private func characterLength(_ bytes: UnsafeRawBufferPointer) -> Int {
    let lead = bytes[0]
    if lead < 0x80 { return 1 }
    guard lead >= 0xC2, lead <= 0xF4 else { return 0 }
    let length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4
    guard bytes.count >= length else { return 0 }
    for index in 1..<length where bytes[index] & 0xC0 != 0x80 { return 0 }
    let second = bytes[1]
    switch lead {
    case 0xE0: return second >= 0xA0 ? length : 0
    case 0xED: return second < 0xA0 ? length : 0
    case 0xF0: return second >= 0x90 ? length : 0
    case 0xF4: return second < 0x90 ? length : 0
    default: return length
    }
}
