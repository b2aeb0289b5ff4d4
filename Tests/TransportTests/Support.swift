import Buffers
import CPosix
import TestSupport
import Testing

@testable import Transport

/// Far more than any test needs, so that a hang becomes a failure.
let hangLimit: Int64 = 20_000_000_000

func hangDeadline() -> Int64 {
    Clock.deadline(after: hangLimit)
}

func endpoint(_ url: String) throws -> Endpoint {
    try Endpoint(parsing: url)
}

/// A listener, a connection to it, and its accepted other end.
func connectedPair(_ url: String) throws -> (listener: Listener, client: Connection, server: Connection) {
    let listener = try Listener(endpoint(url))
    var target = try endpoint(url)
    if case .tcp(let host, _) = target.kind { target = Endpoint(.tcp(host: host, port: listener.port)) }
    let client = try Connector.connect(target, timeout: hangLimit)
    return (listener, client, try acceptNext(listener))
}

/// Waits for the next connection.
func acceptNext(_ listener: Listener) throws -> Connection {
    let deadline = hangDeadline()
    while true {
        if let connection = try listener.accept() { return connection }
        var set = PollSet()
        for descriptor in listener.descriptors { set.add(descriptor, .readable) }
        guard try set.wait(until: deadline) else { throw HangError() }
    }
}

struct HangError: Error {}

/// Waits until `connection` is ready for `events`.
func waitFor(_ connection: Connection, _ events: PollEvents) throws {
    var set = PollSet()
    set.add(connection.descriptor, events)
    guard try set.wait(until: hangDeadline()) else { throw HangError() }
}

/// Writes everything to a connection whose other end has room for it.
func writeAll(_ connection: Connection, _ bytes: [UInt8]) throws {
    var done = 0
    while done < bytes.count {
        let written = try bytes.withUnsafeBytes {
            try connection.write(UnsafeRawBufferPointer(rebasing: $0[done...]))
        }
        if written == 0 { try waitFor(connection, .writable) }
        done += written
    }
}

/// Reads until `count` bytes are there or the stream ends.
func readBytes(_ connection: Connection, _ count: Int = .max) throws -> [UInt8] {
    var result: [UInt8] = []
    var scratch = [UInt8](repeating: 0, count: 65536)
    while result.count < count {
        let wanted = min(scratch.count, count - result.count)
        let got = try scratch.withUnsafeMutableBytes {
            try connection.read(UnsafeMutableRawBufferPointer(rebasing: $0[..<wanted]))
        }
        if got == 0 { break }
        if got < 0 { try waitFor(connection, .readable) } else { result += scratch[..<got] }
    }
    return result
}

/// Sends `data` through `writer` to `reader` on one thread, both sides cut into random vectors, and returns
/// what came out.
func pump(
    _ data: [UInt8], from writer: Connection, to reader: Connection, maxVectors: Int,
    using random: inout SeededGenerator
) throws -> [UInt8] {
    var input = data
    var output = [UInt8](repeating: 0, count: data.count)
    var written = 0
    var read = 0
    try input.withUnsafeMutableBytes { input in
        try output.withUnsafeMutableBytes { output in
            while read < data.count {
                var moved = 0
                if written < data.count {
                    let vectors = cut(input, from: written, maxVectors: maxVectors, using: &random)
                    moved += try vectors.withUnsafeBufferPointer { try writer.write($0) }
                    written += moved
                    if written == data.count { writer.shutdownWrite() }
                }
                let vectors = cut(output, from: read, maxVectors: maxVectors, using: &random)
                let got = try vectors.withUnsafeBufferPointer { try reader.read($0) }
                if got == 0 { break }
                if got > 0 {
                    read += got
                } else if moved == 0 {
                    var set = PollSet()
                    set.add(reader.descriptor, .readable)
                    set.add(written < data.count ? writer.descriptor : -1, .writable)
                    guard try set.wait(until: hangDeadline()) else { throw HangError() }
                }
            }
        }
    }
    return Array(output[..<read])
}

/// Random pieces of `bytes` behind `start`, empty ones among them, with at least one byte in all.
private func cut(
    _ bytes: UnsafeMutableRawBufferPointer, from start: Int, maxVectors: Int,
    using random: inout SeededGenerator
) -> [iovec] {
    var vectors: [iovec] = []
    var place = start
    let largest = [1, 17, 301, 4097, 100_003].randomElement(using: &random)!
    let count = Int.random(in: 1...maxVectors, using: &random)
    while place < bytes.count, vectors.count < count || place == start {
        let length = min(bytes.count - place, Int.random(in: 0...largest, using: &random))
        vectors.append(iovec(iov_base: bytes.baseAddress! + place, iov_len: length))
        place += length
    }
    return vectors
}
