import Buffers
import TestSupport
import Testing
import Transport
import Wire

@testable import Framewire

/// Pictures of one geometry, each like the one before but for a few bytes; time stamps are their numbers.
func similarPictures(_ count: Int, _ info: FrameInfo, case number: Int) -> [Picture] {
    var random = SeededGenerator(case: number)
    var packed = Picture(info, .mixed, using: &random).packed
    return (0..<count).map { index in
        for _ in 0..<20 {
            packed[Int.random(in: 0..<packed.count, using: &random)] = UInt8.random(
                in: 0...255, using: &random)
        }
        var info = info
        info.pts = Int64(index)
        return Picture(info, packed: packed, using: &random)
    }
}

/// A stream's messages: what their headers say, and the bytes of each frame, header and payload.
struct Messages {
    private let parser = StreamParser()
    private(set) var headers: [FrameHeader] = []
    private(set) var frames: [[UInt8]] = []
    private(set) var others: [StreamParser.Event] = []
    private var message: [UInt8] = []
    private var payload = 0

    mutating func take(_ bytes: [UInt8]) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            if payload > 0 {
                let count = min(payload, rest.count)
                parser.payloadConsumed(count)
                message += rest.prefix(count)
                rest = rest.dropFirst(count)
                payload -= count
                if payload == 0 { endFrame() }
                continue
            }
            var used = 0
            let event = try Array(rest).withUnsafeBytes { try parser.feed($0, used: &used) }
            message += rest.prefix(used)
            rest = rest.dropFirst(used)
            switch event {
            case .needMore: break
            case .frame(let header):
                headers.append(header)
                payload = header.payloadSize
            default:
                others.append(event)
                message = []
            }
        }
    }

    private mutating func endFrame() {
        frames.append(message)
        message = []
    }

    var references: [UInt64?] { headers.map(\.referenceSequence) }
    var profiles: [UInt8] { headers.map(\.profile) }
}

func messages(_ bytes: [UInt8]) throws -> Messages {
    var messages = Messages()
    try messages.take(bytes)
    return messages
}

/// The bytes of a control message.
func encoded(_ encode: (UnsafeMutableRawBufferPointer) -> Int) -> [UInt8] {
    var room = [UInt8](repeating: 0, count: 2048)
    let count = room.withUnsafeMutableBytes(encode)
    return Array(room[..<count])
}

/// The bytes of a recording in profile tile.
func tileRecording(
    _ pictures: [Picture], keyInterval: Int = 0, push: ((Picture, Sender) throws -> Void)? = nil
) throws -> [UInt8] {
    let folder = try TemporaryFolder()
    var options = Sender.Options()
    options.profile = .tile
    options.overflow = .block
    options.keyFrameInterval = keyInterval
    options.closeTimeout = hangLimit
    let sender = try Sender(to: folder.fileURL("recording"), options: options)
    for picture in pictures {
        if let push { try push(picture, sender) } else { try send(picture, sender) }
    }
    sender.close()
    return try folder.read("recording")
}

private func send(_ picture: Picture, _ sender: Sender) throws { try push(picture, to: sender) }

/// A receiver that is worked by hand.
final class HandReceiver: @unchecked Sendable {
    // Unchecked: one thread at a time uses it.
    private let connection: Connection
    private let decoder = makeDecoder()
    private(set) var messages = Messages()
    private(set) var decoded = Decoded()

    init(_ connection: Connection) {
        self.connection = connection
    }

    /// Reads until `count` frames have come altogether.
    func read(untilFrames count: Int) throws {
        while messages.frames.count < count { try #require(try readMore(), "the stream ended") }
    }

    /// Reads until the messages that are no frames are as wanted.
    func read(until isEnough: ([StreamParser.Event]) -> Bool) throws {
        while !isEnough(messages.others) { try #require(try readMore(), "the stream ended") }
    }

    /// Reads until the sender has asked whether this is there, as it does at once when it has read the hello.
    func readPing() throws {
        try read { $0.contains { if case .ping(let ping) = $0 { !ping.isReply } else { false } } }
    }

    func readToEnd() throws {
        while try readMore() {}
    }

    /// - Returns: whether something came.
    private func readMore() throws -> Bool {
        let piece = try readSome(connection)
        try messages.take(piece)
        decoder.take(piece, into: &decoded)
        if let error = decoded.error { throw error }
        return !piece.isEmpty
    }

    func close() {
        connection.close()
    }

    func say(_ encode: (UnsafeMutableRawBufferPointer) -> Int) throws {
        try write(encoded(encode), to: connection)
    }
}
