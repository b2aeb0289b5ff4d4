import Foundation
import Framewire
import Testing

/// What a program that carries the bytes itself can do with the public names alone.
@Suite struct ByteStreamTests {
    private static let info = FrameInfo(width: 37, height: 21, pts: 40_000_000)

    private func encoder(_ profile: Profile) throws -> FrameMessageEncoder {
        var options = Sender.Options()
        options.profile = profile
        options.threads = 1
        return try FrameMessageEncoder(options: options)
    }

    private func picture(_ number: UInt8) -> [UInt8] {
        (0..<37 * 21 * 4).map { UInt8(truncatingIfNeeded: $0 / 7) &+ number }
    }

    private func bytes(_ message: Buffer) throws -> [UInt8] {
        try message.withUnsafeBytes { Array($0) }
    }

    @Test func framesComeBackFromBytesInPieces() throws {
        let encoder = try encoder(.lz4)
        let decoder = try FrameMessageDecoder(options: Receiver.Options())
        for number in 0..<3 as Range<UInt8> {
            let sent = picture(number)
            let message = try sent.withUnsafeBytes { try bytes(encoder.encode(Self.info, $0)) }
            #expect(decoder.nextFrame() == nil)
            for piece in stride(from: 0, to: message.count, by: 100) {
                let part = Array(message[piece..<min(piece + 100, message.count)])
                #expect(try part.withUnsafeBytes { try decoder.feed($0) } == part.count)
            }
            let frame = try #require(decoder.nextFrame())
            #expect(frame.info.pts == 40_000_000)
            #expect(frame.withUnsafeBytes { Array($0) } == sent)
            #expect(decoder.nextFrame() == nil)
        }
        try decoder.finish()
    }

    @Test func theOpeningIsTheFirstMemoryOfTheFirstMessage() throws {
        let encoder = try encoder(.lz4)
        let pixels = picture(0)
        let first = try pixels.withUnsafeBytes { try encoder.encode(Self.info, $0) }
        let second = try pixels.withUnsafeBytes { try encoder.encode(Self.info, $0) }
        let opening: [UInt8] = [0x04, 0x22, 0x4D, 0x18, 0x60, 0x40, 0x82, 0, 0, 0, 0]
        #expect(first.memory(at: 0)?.size == opening.count)
        #expect(try bytes(first).starts(with: opening))
        #expect(try !bytes(second).starts(with: opening))
    }

    @Test func messagesThatNeedAnotherAreMarked() throws {
        let encoder = try encoder(.tile)
        let pixels = picture(0)
        var info = Self.info
        var isDelta: [Bool] = []
        for number in 0..<4 {
            info.flags = number == 2 ? .key : []
            let message = try pixels.withUnsafeBytes { try encoder.encode(info, $0) }
            isDelta.append(message.flags.contains(.deltaUnit))
        }
        #expect(isDelta == [false, true, false, true])
    }

    /// The frame that a message holds.
    private func decode(_ message: Buffer, with decoder: FrameMessageDecoder) throws -> Frame {
        let bytes = try bytes(message)
        #expect(try bytes.withUnsafeBytes { try decoder.feed($0) } == bytes.count)
        return try #require(decoder.nextFrame())
    }

    @Test(arguments: [Profile.raw, .lz4, .tile]) func metadataComesBackAndIsPassedOn(
        _ profile: Profile
    ) throws {
        let (first, second) = (try encoder(profile), try encoder(profile))
        let decoders = (
            try FrameMessageDecoder(options: Receiver.Options()),
            try FrameMessageDecoder(options: Receiver.Options())
        )
        let matrix = SIMD16<Float>(repeating: 0.5)
        for number in 0..<3 as Range<UInt8> {
            let pixels = picture(number)
            let frame = try first.acquire(Self.info)
            frame.withUnsafeMutableBytes { $0.copyBytes(from: pixels) }
            try frame.setText("Brücke \(number)", forKey: "scene")
            try frame.setMatrix(matrix, forKey: "view")
            try [number].withUnsafeBytes { try frame.setBytes($0, forKey: "number") }
            let received = try decode(first.encode(frame), with: decoders.0)
            let again = try decode(second.encode(received), with: decoders.1)
            for frame in [received, again] {
                #expect(frame.metadataCount == 3)
                #expect(frame.text(forKey: "scene") == "Brücke \(number)")
                #expect(frame.matrix(forKey: "view") == matrix)
                #expect(frame.withBytes(forKey: "number") { Array($0) } == [number])
                #expect(frame.withUnsafeBytes { Array($0) } == pixels)
            }
        }
    }

    @Test func metasOfABufferComeBack() throws {
        let pixels = picture(1)
        var buffer = Buffer()
        for half in [pixels[..<1001], pixels[1001...]] {
            let memory = try Memory(size: half.count)
            try memory.map(.write).copyBytes(from: half)
            try memory.unmap(.write)
            try buffer.append(memory)
        }
        try buffer.addReferenceTimestamp("timestamp/x-unix", 1000)
        let decoder = try FrameMessageDecoder(options: Receiver.Options())
        let frame = try decode(encoder(.lz4).encode(Self.info, buffer: buffer), with: decoder)
        #expect(frame.withUnsafeBytes { Array($0) } == pixels)
        #expect(frame.buffer?.referenceTimestamp("timestamp/x-unix")?.timestamp == 1000)
        #expect(try frame.buffer?.withUnsafeBytes { Array($0) } == pixels)
    }

    @Test func aRawMessageOwnsTheFrameItRefersTo() throws {
        let pixels = UnsafeMutableRawBufferPointer.allocate(byteCount: 37 * 21 * 4, alignment: 8)
        defer { pixels.deallocate() }
        pixels.copyBytes(from: picture(2))
        final class Owner: Sendable {}
        var owner: Owner? = Owner()
        weak let borrowed = owner
        var message: Buffer?
        do {
            let encoder = try encoder(.raw)
            let frame = try encoder.wrap(Self.info, pixels: UnsafeRawBufferPointer(pixels)) { [owner] in
                withExtendedLifetime(owner) {}
            }
            message = try encoder.encode(frame)
        }
        owner = nil
        #expect(borrowed != nil)
        let decoder = try FrameMessageDecoder(options: Receiver.Options())
        #expect(try decode(#require(message), with: decoder).withUnsafeBytes { Array($0) } == picture(2))
        message = nil
        #expect(borrowed == nil)
    }

    @Test func anEndInsideAMessageIsToldOf() throws {
        let encoder = try encoder(.raw)
        let pixels = picture(0)
        let message = try pixels.withUnsafeBytes { try bytes(encoder.encode(Self.info, $0)) }
        let decoder = try FrameMessageDecoder(options: Receiver.Options())
        _ = try message.dropLast().withUnsafeBytes { try decoder.feed($0) }
        let error = #expect(throws: FramewireError.self) { try decoder.finish() }
        #expect(error?.code == .protocolViolation)
    }

    @Test func optionsThatMakeNoSenseAreRefused() {
        var sending = Sender.Options()
        sending.threads = 65
        #expect(throws: FramewireError.self) { try FrameMessageEncoder(options: sending) }
        var receiving = Receiver.Options()
        receiving.limits.maxWidth = 0
        #expect(throws: FramewireError.self) { try FrameMessageDecoder(options: receiving) }
    }
}
