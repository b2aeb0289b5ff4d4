/// What the writer of a stream understands. Either side may send one at any message boundary.
package struct Hello: Sendable, Equatable {
    /// Which part the writer plays.
    package enum Role: UInt8, Sendable {
        case unspecified = 0
        case sender = 1
        case receiver = 2
    }

    /// The lowest and highest version of the wire format that the writer reads.
    package var versions: ClosedRange<UInt8>
    /// Bit n says that profile n is understood.
    package var profiles: UInt32
    /// What the writer accepts.
    package var limits: Limits
    package var role: Role
    /// A name for people, such as a program's and its version; empty is none.
    package var name: String

    package init(
        versions: ClosedRange<UInt8> = WireFormat.version...WireFormat.version, profiles: UInt32,
        limits: Limits = Limits(), role: Role = .unspecified, name: String = ""
    ) {
        self.versions = versions
        self.profiles = profiles
        self.limits = limits
        self.role = role
        self.name = name
    }

    // Names by their bytes: comparing strings needs tables that Embedded Swift would bring into the library.
    package static func == (a: Hello, b: Hello) -> Bool {
        a.versions == b.versions && a.profiles == b.profiles && a.limits == b.limits && a.role == b.role
            && a.name.utf8.elementsEqual(b.name.utf8)
    }
}

/// A frame was delivered.
package struct Acknowledgement: Sendable, Equatable {
    package var streamID: UInt32
    package var viewID: UInt32
    /// The frame's own.
    package var sequence: UInt64
    /// From the first to the last byte of the message, in nanoseconds.
    package var receiveDuration: Int64?
    /// Decoding, in nanoseconds.
    package var decodeDuration: Int64?

    package init(
        streamID: UInt32 = 0, viewID: UInt32 = 0, sequence: UInt64, receiveDuration: Int64? = nil,
        decodeDuration: Int64? = nil
    ) {
        self.streamID = streamID
        self.viewID = viewID
        self.sequence = sequence
        self.receiveDuration = receiveDuration
        self.decodeDuration = decodeDuration
    }
}

/// The receiver lacks a reference, and delivers nothing of the stream and view until a key frame comes.
package struct KeyFrameRequest: Sendable, Equatable {
    package var streamID: UInt32
    package var viewID: UInt32

    package init(streamID: UInt32 = 0, viewID: UInt32 = 0) {
        self.streamID = streamID
        self.viewID = viewID
    }
}

/// The writer sends nothing more.
package struct Bye: Sendable, Equatable {
    /// Why; a number that is not known counts as ``failed``.
    package struct Reason: RawRepresentable, Sendable, Equatable {
        package var rawValue: UInt32

        package init(rawValue: UInt32) {
            self.rawValue = rawValue
        }

        /// All is sent.
        package static let endOfStream = Reason(rawValue: 0)
        /// The writer could not go on.
        package static let failed = Reason(rawValue: 1)
        /// The other side's bytes are wrong.
        package static let protocolError = Reason(rawValue: 2)
        /// The other side's bytes are right but nothing the writer understands.
        package static let unsupported = Reason(rawValue: 3)
        /// The other side's bytes exceed a limit.
        package static let tooLarge = Reason(rawValue: 4)
    }

    package var reason: Reason
    /// One sentence for people; may be empty.
    package var text: String

    package init(reason: Reason = .endOfStream, text: String = "") {
        self.reason = reason
        self.text = text
    }

    package static func == (a: Bye, b: Bye) -> Bool {
        a.reason == b.reason && a.text.utf8.elementsEqual(b.text.utf8)
    }
}

/// How the receiver wants frames to come: not at all for now, or not more of them than this. Each one replaces
/// what the one before it said.
package struct Flow: Sendable, Equatable {
    /// Whether no frames are wanted until the next one of these.
    package var isPaused: Bool
    /// The most frames that are wanted, in thousandths of a frame per second; 0 is any number.
    package var maxFrameRate: UInt32
    /// The most bits per second that are wanted; 0 is any number.
    package var maxBitRate: UInt64

    package init(isPaused: Bool, maxFrameRate: UInt32 = 0, maxBitRate: UInt64 = 0) {
        self.isPaused = isPaused
        self.maxFrameRate = maxFrameRate
        self.maxBitRate = maxBitRate
    }
}

/// Something that the program of the receiver tells the sender's, such as an input event. The content is
/// not copied: it is handed to ``encode(into:content:)`` and found in a parser's metadata.
package struct UserMessage: Sendable, Equatable {
    /// The programs agree on what it means.
    package var type: UInt32

    package init(type: UInt32) {
        self.type = type
    }
}

/// A question whether the other side is still there, or the answer. Who knows the kind answers at once.
package struct Ping: Sendable, Equatable {
    package var isReply: Bool
    /// The asking side's own clock, which the answer repeats unchanged, in nanoseconds.
    package var time: Int64

    package init(isReply: Bool = false, time: Int64) {
        self.isReply = isReply
        self.time = time
    }

    /// The answer to this question.
    package var reply: Ping { Ping(isReply: true, time: time) }
}
