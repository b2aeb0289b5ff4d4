import Buffers
import CPosix
import Codec
import Foundation
import TestSupport
import Testing
import Transport

@testable import Framewire

/// Far more than any test needs, so that a hang becomes a failure; nanoseconds.
let hangLimit: Int64 = 30_000_000_000

struct HangError: Error {
    var what: String
}

/// Waits for a condition that nothing can be waited for at, such as a counter.
func eventually(_ what: String, _ condition: () throws -> Bool) throws {
    let deadline = ContinuousClock.now + .nanoseconds(hangLimit)
    while try !condition() {
        guard ContinuousClock.now < deadline else { throw HangError(what: what) }
        usleep(500)
    }
}

/// Work on a thread of its own, because tests share few threads that must not wait for each other.
final class Background: @unchecked Sendable {
    // Unchecked: `failure` is written before `done` is signalled and read after it was waited for.
    private let done = DispatchSemaphore(value: 0)
    private var failure: (any Error)?

    init(_ body: @escaping @Sendable () throws -> Void) {
        Foundation.Thread {
            do {
                try body()
            } catch {
                self.failure = error
            }
            self.done.signal()
        }.start()
    }

    /// Waits for the end of the work, and throws what it threw.
    func join() throws {
        guard done.wait(timeout: .now() + .nanoseconds(Int(hangLimit))) == .success else {
            throw HangError(what: "a thread of the test")
        }
        done.signal()
        if let failure { throw failure }
    }

    /// Whether the work has ended.
    var hasEnded: Bool {
        guard done.wait(timeout: .now()) == .success else { return false }
        done.signal()
        return true
    }
}

func push(_ picture: Picture, to sender: Sender) throws {
    try picture.bytes.withUnsafeBytes { bytes in
        try sender.push(picture.info, pixels: bytes)
    }
}

/// Pictures whose time stamps are their numbers, from 0.
func pictures(_ count: Int, maximumBytes: Int = 40_000, case number: Int = 0) -> [Picture] {
    var random = SeededGenerator(case: number)
    return (0..<count).map { Picture.random(maximumBytes: maximumBytes, pts: Int64($0), using: &random) }
}

/// Pictures of 1 MiB of noise, which is more than the system holds of a Unix socket's stream.
func largePictures(_ count: Int) -> [Picture] {
    var random = SeededGenerator(case: 77)
    let packed = Picture(FrameInfo(width: 512, height: 512), .noise, using: &random).packed
    return (0..<count).map {
        Picture(FrameInfo(width: 512, height: 512, pts: Int64($0)), packed: packed, using: &random)
    }
}

/// Pictures that nothing can compress and that have nothing in common; time stamps are their numbers.
func noise(_ count: Int, _ info: FrameInfo, case number: Int) -> [Picture] {
    var random = SeededGenerator(case: number)
    return (0..<count).map { index in
        var info = info
        info.pts = Int64(index)
        return Picture(info, .noise, using: &random)
    }
}

/// Whether a frame shows a picture, bit by bit, with its description.
func expectFrame(
    _ frame: Frame, shows picture: Picture, _ comment: String = "",
    sourceLocation: SourceLocation = #_sourceLocation
) {
    let seed = "FRAMEWIRE_SEED=\(SeededGenerator.runSeed) \(comment)"
    let info = frame.info
    #expect(info.width == picture.info.width, "\(seed)", sourceLocation: sourceLocation)
    #expect(info.height == picture.info.height, "\(seed)", sourceLocation: sourceLocation)
    #expect(info.format == picture.info.format, "\(seed)", sourceLocation: sourceLocation)
    #expect(info.pts == picture.info.pts, "\(seed)", sourceLocation: sourceLocation)
    #expect(info.rowOrder == .topDown, "\(seed)", sourceLocation: sourceLocation)
    let isEqual = frame.withUnsafeBytes { bytes in
        bytes.count == picture.packed.count && memcmp(bytes.baseAddress!, picture.packed, bytes.count) == 0
    }
    #expect(isEqual, "the pixels differ: \(picture.info) \(seed)", sourceLocation: sourceLocation)
}

/// The bytes of a recording of `pictures`.
func recording(_ pictures: [Picture], profile: Profile = .auto, checksum: Bool? = nil) throws -> [UInt8] {
    let folder = try TemporaryFolder()
    var options = Sender.Options()
    options.profile = profile
    options.overflow = .block
    options.checksum = checksum
    options.closeTimeout = hangLimit
    let sender = try Sender(to: folder.fileURL("recording"), options: options)
    for picture in pictures { try push(picture, to: sender) }
    sender.close()
    return try folder.read("recording")
}

// MARK: - Peers without a sender or receiver

func accept(_ listener: Listener) throws -> Connection {
    let deadline = Buffers.Clock.deadline(after: hangLimit)
    while true {
        if let connection = try listener.accept() { return connection }
        var set = PollSet()
        for descriptor in listener.descriptors { set.add(descriptor, .readable) }
        guard try set.wait(until: deadline) else { throw HangError(what: "a connection") }
    }
}

private func wait(for connection: Connection, _ events: PollEvents) throws {
    var set = PollSet()
    set.add(connection.descriptor, events)
    guard try set.wait(until: Buffers.Clock.deadline(after: hangLimit)) else {
        throw HangError(what: "a peer")
    }
}

func write(_ bytes: [UInt8], to connection: Connection) throws {
    var done = 0
    while done < bytes.count {
        let count = try bytes.withUnsafeBytes { bytes in
            try connection.write(UnsafeRawBufferPointer(rebasing: bytes[done...]))
        }
        done += count
        if count == 0 { try wait(for: connection, .writable) }
    }
}

/// Reads at least one byte, or none at the end of the stream.
func readSome(_ connection: Connection, atMost limit: Int = 65536) throws -> [UInt8] {
    var scratch = [UInt8](repeating: 0, count: limit)
    while true {
        let count = try scratch.withUnsafeMutableBytes { bytes in
            try connection.read(bytes)
        }
        if count >= 0 { return Array(scratch[..<count]) }
        try wait(for: connection, .readable)
    }
}

func readToEnd(_ connection: Connection) throws -> [UInt8] {
    var result: [UInt8] = []
    while true {
        let piece = try readSome(connection)
        if piece.isEmpty { return result }
        result += piece
    }
}

// MARK: - Streams of bytes

/// What a decoder made of some bytes.
struct Decoded {
    var frames: [Frame] = []
    /// Messages that are no frames.
    var others: [StreamDecoder.Event] = []
    var error: FramewireError?
}

func makeDecoder(limits: Limits = Limits(), verifyChecksums: Bool = true) -> StreamDecoder {
    StreamDecoder(
        limits: limits, workers: WorkerPool(workers: 2, callerWorks: true), pool: FramePool(capacity: 4),
        verifyChecksums: verifyChecksums)
}

extension StreamDecoder {
    /// Takes all of `bytes`, in pieces whose sizes `chop` gives, and adds what they come to to `decoded`.
    ///
    /// - Parameter direct: whether bytes of payloads are put where they belong instead of being fed.
    func take(
        _ bytes: [UInt8], into decoded: inout Decoded, direct: Bool = false, chop: () -> Int = { .max }
    ) {
        var place = 0
        bytes.withUnsafeBytes { bytes in
            do throws(FramewireError) {
                while place < bytes.count {
                    let piece = UnsafeRawBufferPointer(
                        rebasing: bytes[place..<place + min(max(1, chop()), bytes.count - place)])
                    var used = 0
                    let event: Event
                    if direct, !destination.isEmpty {
                        used = min(piece.count, destination.count)
                        destination.copyMemory(from: UnsafeRawBufferPointer(rebasing: piece[..<used]))
                        event = try commit(used)
                    } else {
                        event = try feed(piece, used: &used)
                    }
                    place += used
                    switch event {
                    case .needMore: break
                    case .frame(let slot, _): decoded.frames.append(Frame(slot))
                    default: decoded.others.append(event)
                    }
                }
            } catch {
                decoded.error = error
            }
        }
    }
}

func decodeStream(
    _ bytes: [UInt8], limits: Limits = Limits(), verifyChecksums: Bool = true, direct: Bool = false,
    chop: () -> Int = { .max }
) -> Decoded {
    let decoder = makeDecoder(limits: limits, verifyChecksums: verifyChecksums)
    var decoded = Decoded()
    decoder.take(bytes, into: &decoded, direct: direct, chop: chop)
    if decoded.error == nil {
        do throws(FramewireError) {
            try decoder.finish()
        } catch {
            decoded.error = error
        }
    }
    return decoded
}

/// Reads frames from a connection until there are `count`, or until the stream ends.
func readFrames(_ connection: Connection, _ decoder: StreamDecoder, count: Int = .max) throws -> [Frame] {
    var decoded = Decoded()
    while decoded.frames.count < count {
        // Not beyond the frame, so that the rest stays in the connection.
        let limit = count == .max ? 65536 : max(1, min(65536, decoder.payloadRemaining))
        let piece = try readSome(connection, atMost: limit)
        if piece.isEmpty { break }
        decoder.take(piece, into: &decoded)
        if let error = decoded.error { throw error }
    }
    return decoded.frames
}
