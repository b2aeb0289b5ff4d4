import Foundation
import Fuzzing
import Testing

/// What scripts/fuzz.sh feeds to the parser of streams and to the decoder of a receiver, fed to them once
/// more: streams that it began with, and those in Corpus that reached code which the others did not, or that
/// once failed.
@Suite struct StreamFuzzReplayTests {
    private func wire(_ bytes: [UInt8]) -> FuzzOutcome? {
        bytes.withUnsafeBytes { WireInput($0)?.run() }
    }

    private func receiver(_ bytes: [UInt8]) -> FuzzOutcome? {
        bytes.withUnsafeBytes { ReceiverInput($0)?.run() }
    }

    @Test func theEncodersOwnStreamsAreRead() {
        for seed in StreamSeeds.all() {
            #expect(wire(seed.bytes) == .picture, "\(seed.name)")
            #expect(receiver(seed.bytes) == (seed.name == "control" ? .refused : .picture), "\(seed.name)")
        }
    }

    @Test(arguments: ["wire", "receiver"])
    func committedInputsAreReadOrRefused(_ kind: String) throws {
        let corpus = try #require(Bundle.module.url(forResource: "Corpus", withExtension: nil))
        let folder = corpus.appendingPathComponent(kind)
        let files = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
        #expect(!files.isEmpty)
        for name in files {
            let bytes = [UInt8](try Data(contentsOf: folder.appendingPathComponent(name)))
            if case .contradiction(let text) = kind == "wire" ? wire(bytes) : receiver(bytes) {
                Issue.record("\(name): \(text)")
            }
        }
    }
}
