import TestSupport
import Testing

@testable import Wire

@Suite struct MetadataTests {
    private func entries(_ bytes: [UInt8]) -> Result<[UInt16], WireError> {
        bytes.withUnsafeBytes { bytes in
            var reader = MetadataReader(bytes, base: 1000)
            var kinds: [UInt16] = []
            do throws(WireError) {
                while let entry = try reader.next() { kinds.append(entry.kind.rawValue) }
                return .success(kinds)
            } catch {
                return .failure(error)
            }
        }
    }

    private func failure(_ bytes: [UInt8]) -> WireError? {
        if case .failure(let error) = entries(bytes) { error } else { nil }
    }

    @Test func noMetadataHasNoEntries() throws {
        #expect(try entries([]).get() == [])
    }

    @Test func unknownKindsAreGivenWhole() throws {
        let bytes: [UInt8] = [0, 0x80, 3, 0, 0, 0, 1, 2, 3]
        try bytes.withUnsafeBytes { bytes in
            var reader = MetadataReader(bytes)
            let entry = try #require(try reader.next())
            #expect(entry.kind.rawValue == 0x8000)
            #expect(entry.name.isEmpty)
            #expect(Array(entry.content) == [1, 2, 3])
        }
    }

    @Test func lengthBehindTheEndIsRefused() {
        let error = failure([1, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0])
        #expect(error?.kind == .protocolViolation)
        #expect(error?.offset == 1002)
    }

    @Test func nameBehindTheEntryIsRefused() {
        let error = failure([1, 0, 3, 0, 0, 0, 2, 0, 65])
        #expect(error?.kind == .protocolViolation)
        #expect(error?.offset == 1006)
    }

    @Test func rumpAtTheEndIsRefused() {
        let error = failure([9, 0, 0, 0, 0, 0, 1, 0, 0])
        #expect(error?.kind == .protocolViolation)
        #expect(error?.offset == 1006)
    }

    @Test func writerRefusesWhatDoesNotFitAndWritesNothing() {
        var bytes = [UInt8](repeating: 0, count: 20)
        bytes.withUnsafeMutableBytes { memory in
            var writer = MetadataWriter(memory)
            let tooLong = writer.append("twelve bytes", name: "k")
            #expect(!tooLong)
            #expect(writer.size == 0)
            let fits = writer.append("eleven byte", name: "k")
            #expect(fits)
            #expect(writer.size == 20)
            let empty = writer.append("", name: "")
            #expect(!empty)
        }
    }

    @Test func writerRefusesAMatrixOfAnotherSize() {
        var bytes = [UInt8](repeating: 0, count: 200)
        bytes.withUnsafeMutableBytes { memory in
            var writer = MetadataWriter(memory)
            let accepted = [UInt8](repeating: 0, count: 63).withUnsafeBytes {
                writer.append(.matrix, name: "m", content: $0)
            }
            #expect(!accepted)
        }
    }

    @Test func entryIsFoundByKindAndName() throws {
        var bytes = [UInt8](repeating: 0, count: 100)
        try bytes.withUnsafeMutableBytes { memory in
            var writer = MetadataWriter(memory)
            _ = writer.append("1", name: "a")
            _ = writer.append("2", name: "ab")
            _ = writer.append("3", name: "b")
            var reader = MetadataReader(writer.written)
            let found = try reader.first(.text, named: "ab")
            #expect(found?.text == "2")
            var other = MetadataReader(writer.written)
            let missing = try other.first(.bytes, named: "ab")
            #expect(missing == nil)
        }
    }

    @Test func textThatIsNoUTF8IsRepaired() throws {
        let bytes: [UInt8] = [1, 0, 5, 0, 0, 0, 1, 0, 65, 0xFF, 66]
        try bytes.withUnsafeBytes { bytes in
            var reader = MetadataReader(bytes)
            let entry = try #require(try reader.next())
            #expect(entry.text == "\u{FFFD}B")
        }
    }

    @Test func longTextOfAByeIsCutAtAWholeCharacter() throws {
        let bye = Bye(reason: .failed, text: "x" + String(repeating: "é", count: 1000))
        let bytes = encoded(bye.encodedSize) { bye.encode(into: $0) }
        #expect(
            parse(bytes).events == [
                .bye(Bye(reason: .failed, text: "x" + String(repeating: "é", count: 511)))
            ])
    }

    @Test func randomEntriesComeBack() throws {
        var generator = SeededGenerator()
        for _ in 0..<300 {
            var memory = [UInt8](repeating: 0, count: 4000)
            let wanted = (0..<Int.random(in: 0...8, using: &generator)).map { _ in
                let kind = UInt16.random(in: 1...4, using: &generator)
                let size = kind == 2 ? 64 : Int.random(in: 0...100, using: &generator)
                let name = (0..<Int.random(in: 0...30, using: &generator)).map { _ in
                    UInt8.random(in: 0...255, using: &generator)
                }
                return (kind, name, (0..<size).map { _ in UInt8.random(in: 0...255, using: &generator) })
            }
            try memory.withUnsafeMutableBytes { memory in
                var writer = MetadataWriter(memory)
                for (kind, name, content) in wanted {
                    let fits = name.withUnsafeBytes { name in
                        content.withUnsafeBytes {
                            writer.append(.init(rawValue: kind), name: name, content: $0)
                        }
                    }
                    #expect(fits)
                }
                var reader = MetadataReader(writer.written)
                for (kind, name, content) in wanted {
                    let entry = try #require(try reader.next())
                    #expect(entry.kind.rawValue == kind)
                    #expect(Array(entry.name) == name)
                    #expect(Array(entry.content) == content)
                }
                let end = try reader.next()
                #expect(end == nil)
            }
        }
    }
}
