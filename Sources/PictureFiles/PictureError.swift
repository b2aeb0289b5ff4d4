import CPosix

/// What went wrong with a file of pictures, as one sentence for the user.
package struct PictureError: Error, Sendable {
    package enum Kind: Sendable {
        /// The system refused to open, read or write.
        case io
        /// The bytes are no valid file of their kind.
        case invalid
        /// A valid file, format or request that this code does not handle.
        case unsupported
        /// A name or an option that cannot be meant.
        case usage
    }

    package let kind: Kind
    package let message: String

    package init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message
    }

    /// A failed system call on the file called `name`.
    static func system(_ action: String, _ name: String, _ code: Int32) -> PictureError {
        PictureError(.io, "cannot \(action) \(name): \(systemMessage(code))")
    }
}

/// The system's text for an error number, such as "No space left on device".
package func systemMessage(_ code: Int32) -> String {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { text in
        String(cString: fwp_strerror(code, text.baseAddress, text.count))
    }
}
