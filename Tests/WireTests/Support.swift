import Foundation
import Testing

@testable import Wire

/// The bytes of a vector: hexadecimal, with comments from `#` to the end of the line.
func vector(_ name: String) throws -> [UInt8] {
    let url = try #require(
        Bundle.module.url(forResource: name, withExtension: "hex", subdirectory: "Vectors"))
    var bytes: [UInt8] = []
    for line in try String(contentsOf: url, encoding: .utf8).split(separator: "\n") {
        for digits in line.prefix(while: { $0 != "#" }).split(separator: " ") {
            bytes.append(try #require(UInt8(digits, radix: 16)))
        }
    }
    return bytes
}

/// What a parser made of some bytes.
struct Outcome: Equatable {
    var events: [StreamParser.Event] = []
    /// The metadata of each event.
    var metadata: [[UInt8]] = []
    /// Stream offsets right behind each event.
    var offsets: [UInt64] = []
    var errorKind: WireError.Kind?
    var errorOffset: UInt64?
    var message = ""
}

/// Feeds `bytes` in pieces whose sizes `chop` gives, payloads included, and then the end of the stream.
func parse(_ bytes: [UInt8], limits: Limits = Limits(), chop: () -> Int = { .max }) -> Outcome {
    var outcome = Outcome()
    let parser = StreamParser(limits: limits)
    do throws(WireError) {
        var position = 0
        while position < bytes.count {
            let end = position + min(max(chop(), 0), bytes.count - position)
            let piece = Array(bytes[position..<end])
            var used = 0
            let result: Result<StreamParser.Event, WireError> = piece.withUnsafeBytes { piece in
                do throws(WireError) {
                    return .success(try parser.feed(piece, used: &used))
                } catch {
                    return .failure(error)
                }
            }
            position += used
            let event = try result.get()
            if event == .needMore() { continue }
            outcome.events.append(event)
            outcome.metadata.append(Array(parser.metadata))
            outcome.offsets.append(parser.offset)
        }
        try parser.finish()
    } catch {
        outcome.errorKind = error.kind
        outcome.errorOffset = error.offset
        outcome.message = error.message
    }
    return outcome
}

/// What an encoder writes, checked to be as long as was promised and not to touch anything behind it.
func encoded(_ size: Int, _ encode: (UnsafeMutableRawBufferPointer) -> Int) -> [UInt8] {
    var bytes = [UInt8](repeating: 0xA5, count: size + 8)
    let written = bytes.withUnsafeMutableBytes(encode)
    #expect(written == size)
    #expect(bytes[size...].allSatisfy { $0 == 0xA5 })
    return Array(bytes[..<size])
}
