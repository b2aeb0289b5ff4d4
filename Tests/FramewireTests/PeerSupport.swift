import Buffers
import Foundation
import TestSupport
import Testing
import Transport
import Wire

@testable import Framewire

/// A sender of a test's own: it writes what it is told and takes the receiver's answers apart.
/// One thread at a time uses it.
final class BarePeer: @unchecked Sendable {
    /// What a receiver says, in a form that can be compared.
    enum Answer: Equatable {
        case hello
        case acknowledgement(UInt64)
        case keyFrameRequest(stream: UInt32, view: UInt32)
        case bye(Bye.Reason, String)
        case flow(isPaused: Bool)
        case message(UInt32, [UInt8])
        case ping(Ping)
    }

    let connection: Connection
    private let parser = StreamParser()
    private var answers: [Answer] = []

    init(_ url: String) throws {
        connection = try Connector.connect(Endpoint(parsing: url), timeout: hangLimit)
    }

    func write(_ bytes: [UInt8]) throws {
        try writeAll(bytes, connection)
    }

    /// Says hello as a sender does.
    func sayHello() throws {
        try write(wireBytes { StreamOpening.encode(into: $0) })
        try write(wireBytes { Hello(profiles: 14, role: .sender, name: "test").encode(into: $0) })
    }

    /// The next answer but for pings, or nil at the end of the stream.
    func next(pings: Bool = false) throws -> Answer? {
        while true {
            while !answers.isEmpty {
                let answer = answers.removeFirst()
                if case .ping = answer, !pings { continue }
                return answer
            }
            guard let bytes = try? readSome(connection), !bytes.isEmpty else { return nil }
            try parse(bytes)
        }
    }

    /// The next answer but for hellos and pings, or nil at the end of the stream.
    func nextAfterHello() throws -> Answer? {
        while let answer = try next() {
            if answer != .hello { return answer }
        }
        return nil
    }

    private func parse(_ bytes: [UInt8]) throws {
        try bytes.withUnsafeBytes { bytes in
            var start = 0
            while start < bytes.count {
                var used = 0
                let event = try parser.feed(UnsafeRawBufferPointer(rebasing: bytes[start...]), used: &used)
                start += used
                switch event {
                case .needMore, .frame: break
                case .hello: answers.append(.hello)
                case .acknowledgement(let word): answers.append(.acknowledgement(word.sequence))
                case .keyFrameRequest(let request):
                    answers.append(.keyFrameRequest(stream: request.streamID, view: request.viewID))
                case .bye(let bye): answers.append(.bye(bye.reason, bye.text))
                case .flow(let flow): answers.append(.flow(isPaused: flow.isPaused))
                case .userMessage(let type):
                    answers.append(.message(type, [UInt8](UserMessage.content(of: parser.metadata))))
                case .ping(let ping): answers.append(.ping(ping))
                }
            }
        }
    }
}

/// Under another name than the method that calls it.
private func writeAll(_ bytes: [UInt8], _ connection: Connection) throws {
    try write(bytes, to: connection)
}

/// The bytes of a message.
func wireBytes(_ encode: (UnsafeMutableRawBufferPointer) -> Int) -> [UInt8] {
    var room = [UInt8](repeating: 0, count: 70_000)
    let count = room.withUnsafeMutableBytes(encode)
    return Array(room[..<count])
}

/// Where the opening and each message of a stream end.
func messageEnds(_ bytes: [UInt8]) throws -> [Int] {
    let folder = try TemporaryFolder()
    try folder.write(bytes, to: "recording")
    let reader = try MessageReader(from: folder.fileURL("recording"))
    var ends = [StreamOpening.size]
    while let message = try reader.next() {
        ends.append(Int(message.offset) + message.headerSize + message.payloadSize)
    }
    return ends
}

/// What a receiver or sender says about its connections, in a form that can be compared.
final class EventLog: @unchecked Sendable {
    // Unchecked: guarded by `lock`.
    private let lock = NSLock()
    private var events: [ConnectionEvent] = []

    var all: [ConnectionEvent] { lock.withLock { events } }

    var handler: ConnectionHandler {
        { event in self.lock.withLock { self.events.append(event) } }
    }

    var states: [ConnectionState] { all.map(\.state) }
}
