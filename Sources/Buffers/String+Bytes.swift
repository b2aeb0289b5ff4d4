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

    /// The bytes as text; what is no UTF-8 becomes U+FFFD.
    package var text: String {
        @inline(never) get { String(decoding: self, as: UTF8.self) }
    }
}
