import Buffers
import Codec
import Foundation
import TestSupport
import Testing
import Wire

@testable import Framewire

/// Metadata of frames.
@Suite(.timeLimit(.minutes(2))) struct FrameMetadataTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    /// A value as tests compare it.
    private struct Value: Equatable, CustomStringConvertible {
        var kind: FrameMetadataKind
        var name: String
        var content: [UInt8]

        var description: String { "\(kind) \(name) \(content.count)" }

        init(_ kind: FrameMetadataKind, _ name: String, _ content: [UInt8]) {
            self.kind = kind
            self.name = name
            self.content = content
        }

        init(_ entry: FrameMetadataEntry) {
            self.init(entry.kind, entry.name, Array(entry.content))
        }
    }

    private func values(_ frame: Frame) -> [Value] {
        var result: [Value] = []
        frame.forEachMetadata { result.append(Value($0)) }
        #expect(result.count == frame.metadataCount)
        return result
    }

    private func set(_ value: Value, on frame: Frame) throws {
        switch value.kind {
        case .text: try frame.setText(String(decoding: value.content, as: UTF8.self), forKey: value.name)
        case .matrix:
            let matrix = value.content.withUnsafeBytes { $0.loadUnaligned(as: SIMD16<Float>.self) }
            try frame.setMatrix(matrix, forKey: value.name)
        default: try value.content.withUnsafeBytes { try frame.setBytes($0, forKey: value.name) }
        }
    }

    private func randomValue(_ random: inout SeededGenerator) -> Value {
        let name = ["a", "view", "Brücke", String(repeating: "n", count: 255)].randomElement(using: &random)!
        switch Int.random(in: 0..<3, using: &random) {
        case 0:
            let text = String(
                repeating: ["x", "ü", "日"].randomElement(using: &random)!,
                count: random.scaled(0...2000))
            return Value(.text, name, Array(text.utf8))
        case 1:
            let numbers = (0..<16).map { _ in Float.random(in: -1e6...1e6, using: &random) }
            return Value(.matrix, name, numbers.withUnsafeBytes { Array($0) })
        default:
            return Value(
                .bytes, name,
                (0..<random.scaled(0...3000)).map { _ in UInt8.random(in: 0...255, using: &random) })
        }
    }

    /// Random values are set, some of them again: a list says what must be there. Then they go into a recording, and
    /// what a receiver and an inspector read must be the same.
    @Test func whatWasSetIsReadAndInspected() throws {
        var random = SeededGenerator(case: 7000)
        let url = folder.fileURL("recording")
        var options = Sender.Options()
        options.overflow = .block
        let sender = try Sender(to: url, options: options)
        var wanted: [[Value]] = []
        for _ in 0..<60 {
            let frame = try sender.acquire(FrameInfo(width: 8, height: 8))
            frame.withUnsafeMutableBytes { _ = $0.initializeMemory(as: UInt8.self, repeating: 1) }
            var model: [Value] = []
            for _ in 0..<Int.random(in: 0...12, using: &random) {
                let value = randomValue(&random)
                try set(value, on: frame)
                model.removeAll { $0.kind == value.kind && $0.name == value.name }
                model.append(value)
                #expect(values(frame) == model)
            }
            try sender.submit(frame)
            wanted.append(model)
        }
        sender.close()
        let receiver = try Receiver(from: url)
        for model in wanted {
            let frame = try receiver.next(timeout: hangLimit)
            #expect(values(frame) == model)
            for value in model {
                switch value.kind {
                case .text:
                    #expect(frame.text(forKey: value.name).map { Array($0.utf8) } == value.content)
                case .matrix:
                    let matrix = frame.matrix(forKey: value.name)
                    #expect(matrix.map { withUnsafeBytes(of: $0) { Array($0) } } == value.content)
                default:
                    #expect(frame.withBytes(forKey: value.name) { Array($0) } == value.content)
                }
            }
            #expect(frame.text(forKey: "none") == nil && frame.matrix(forKey: "none") == nil)
            #expect(frame.withBytes(forKey: "none") { $0.count } == nil)
        }
        let reader = try MessageReader(from: url)
        var inspected: [[Value]] = []
        while let message = try reader.next() {
            guard message.kind == .frame else { continue }
            var found: [Value] = []
            message.forEachMetadata { found.append(Value($0)) }
            inspected.append(found)
        }
        #expect(inspected == wanted)
    }

    @Test func aRefusedValueIsAnErrorThatSaysWhy() throws {
        let sender = try Sender(to: folder.fileURL("recording"))
        let frame = try sender.acquire(FrameInfo(width: 2, height: 2))
        let unnamed = #expect(throws: FramewireError.self) { try frame.setText("x", forKey: "") }
        #expect(unnamed?.code == .invalidArgument)
        let zero = #expect(throws: FramewireError.self) { try frame.setText("a\0b", forKey: "k") }
        #expect(zero?.code == .invalidArgument)
        let long = #expect(throws: FramewireError.self) {
            try frame.setText(String(repeating: "x", count: 65536), forKey: "k")
        }
        #expect(long?.code == .tooLarge)
        #expect(frame.metadataCount == 0)
        try sender.submit(frame)
        let late = #expect(throws: FramewireError.self) { try frame.setText("x", forKey: "k") }
        #expect(late?.code == .notWritable)
    }

    @Test func valuesArePassedOn() throws {
        let decoded = decodeStream(
            stream(
                entry(1, Array("k".utf8), Array("v".utf8)) + entry(4, Array("somebody/else".utf8), [1, 2, 3])
                    + entry(4, Array("somebody/else".utf8), [4])))
        let received = try #require(decoded.frames.first)
        let sender = try Sender(to: folder.fileURL("recording"))
        let frame = try sender.acquire(FrameInfo(width: 2, height: 2))
        try frame.setText("gone", forKey: "before")
        try frame.copyMetadata(of: frame)
        #expect(frame.text(forKey: "before") == "gone")
        try frame.copyMetadata(of: received)
        #expect(values(frame) == values(received) && frame.metadataCount == 3)
        try frame.setText("new", forKey: "k")
        #expect(frame.text(forKey: "k") == "new" && received.text(forKey: "k") == "v")
        let refused = #expect(throws: FramewireError.self) { try received.copyMetadata(of: frame) }
        #expect(refused?.code == .notWritable)
    }

    @Test func aWrappedFrameIsReleasedWhenItIsGone() throws {
        let sender = try Sender(to: folder.fileURL("recording"))
        let pixels = UnsafeMutableRawBufferPointer.allocate(byteCount: 16, alignment: 8)
        defer { pixels.deallocate() }
        pixels.initializeMemory(as: UInt8.self, repeating: 3)
        let released = Counter()
        do {
            let frame = try sender.wrap(
                FrameInfo(width: 2, height: 2), pixels: UnsafeRawBufferPointer(pixels)
            ) { released.add() }
            try frame.setText("held", forKey: "k")
            #expect(released.value == 0)
            try sender.submit(frame)
        }
        sender.close()
        #expect(released.value == 1)
        let frame = try Receiver(from: folder.fileURL("recording")).next(timeout: hangLimit)
        #expect(frame.text(forKey: "k") == "held")
        frame.withUnsafeBytes { #expect($0.allSatisfy { $0 == 3 }) }
    }

    private final class Counter: @unchecked Sendable {
        private let lock = NSLock()
        private var count = 0
        func add() { lock.withLock { count += 1 } }
        var value: Int { lock.withLock { count } }
    }

    // MARK: - Streams of other writers

    /// A stream of one raw frame with this metadata.
    private func stream(_ metadata: [UInt8]) -> [UInt8] {
        let header = FrameHeader(
            info: FrameInfo(width: 1, height: 1, flags: .key), profile: WireProfile.raw, stripRows: 1,
            stripCount: 1, rawSize: 4, payloadSize: 4 + 23)
        var bytes = [UInt8](repeating: 0, count: FrameHeader.encodedSize(metadataSize: metadata.count))
        _ = bytes.withUnsafeMutableBytes { bytes in
            metadata.withUnsafeBytes { header.encode(into: bytes, metadata: $0) }
        }
        // The frame header of LZ4 with content size 4 and its checksum, one stored block, end mark.
        let start: [UInt8] = [4, 0x22, 0x4D, 0x18, 0x68, 0x40, 4, 0, 0, 0, 0, 0, 0, 0, 0xcd]
        return bytes + start + [4, 0, 0, 0x80, 9, 8, 7, 6, 0, 0, 0, 0]
    }

    private func entry(_ kind: UInt16, _ name: [UInt8], _ content: [UInt8]) -> [UInt8] {
        let size = UInt32(2 + name.count + content.count)
        return withUnsafeBytes(of: kind.littleEndian) { Array($0) }
            + withUnsafeBytes(of: size.littleEndian) { Array($0) }
            + withUnsafeBytes(of: UInt16(name.count).littleEndian) { Array($0) } + name + content
    }

    @Test func unknownKindsArePassedOverAndNamesMayBeAnything() throws {
        let long = [UInt8](repeating: 0xFF, count: 30_000)
        let bytes = stream(
            entry(1, [], Array("no name".utf8)) + entry(999, [1], [2]) + entry(3, long, [1, 2])
                + entry(1, Array("k".utf8), [0xFF, 0]) + entry(1, Array("k".utf8), Array("second".utf8)))
        let decoded = decodeStream(bytes) { 1000 }
        #expect(decoded.error == nil)
        let frame = try #require(decoded.frames.first)
        #expect(frame.metadataCount == 4)
        #expect(frame.text(forKey: "") == "no name")
        // The first of a name counts, and what is no UTF-8 is repaired.
        #expect(frame.text(forKey: "k") == "\u{FFFD}\0")
        #expect(values(frame)[1].content == [1, 2])
    }

    @Test func ofTooManyValuesTheFirstAreTaken() throws {
        var metadata: [UInt8] = []
        for number in 0..<5000 { metadata += entry(3, [], [UInt8(truncatingIfNeeded: number)]) }
        let decoded = decodeStream(stream(metadata))
        #expect(decoded.error == nil)
        let frame = try #require(decoded.frames.first)
        #expect(frame.metadataCount == 1024)
        #expect(values(frame).last?.content == [255])
    }

    @Test func metasOfTypesThatAreNotHereAreValuesOnly() throws {
        let decoded = decodeStream(
            stream(
                entry(4, Array("somebody/else".utf8), [1, 2, 3])
                    + entry(4, Array("framewire/video-frame".utf8), [UInt8](repeating: 1, count: 28))
                    + entry(4, Array("framewire/custom".utf8), [9, 9])
                    + entry(4, [UInt8](repeating: 0x61, count: 300), [])))
        #expect(decoded.error == nil)
        let frame = try #require(decoded.frames.first)
        #expect(frame.metadataCount == 4)
        // Its own alone.
        #expect(frame.slot.buffer?.metaCount() == 1)
        #expect(frame.slot.buffer?.videoFrame?.width == 1)
    }

    @Test func aFrameOfALaterUseBeginsWithoutValues() throws {
        let pool = FramePool(capacity: 1)
        let info = FrameInfo(width: 1, height: 1)
        let slot = try pool.acquire(info, FrameLayout(info))
        try [UInt8]([1]).withUnsafeBytes { bytes in
            try slot.setMetadata(.bytes, bytes, bytes)
        }
        slot.drop()
        let again = try pool.acquire(info, FrameLayout(info))
        #expect(again === slot && again.metadata.isEmpty && again.metadata.encodedSize == 0)
        again.drop()
    }
}
