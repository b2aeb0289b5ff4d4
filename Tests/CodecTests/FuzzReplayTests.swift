import Foundation
import Fuzzing
import Testing

/// What scripts/fuzz.sh feeds to the tile decoder, fed to it once more: inputs that it began with, and those in Corpus
/// that reached code which the others did not, or that once failed.
@Suite struct FuzzReplayTests {
    private func outcome(_ bytes: [UInt8]) -> FuzzOutcome? {
        bytes.withUnsafeBytes { TileInput($0)?.run() }
    }

    @Test func theEncodersOwnPayloadsDecode() {
        for seed in TileSeeds.all() { #expect(outcome(seed.bytes) == .picture, "\(seed.name)") }
    }

    @Test func committedInputsAreRefusedOrGiveAPicture() throws {
        let folder = try #require(Bundle.module.url(forResource: "Corpus", withExtension: nil))
        let files = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
        #expect(!files.isEmpty)
        for name in files {
            let bytes = [UInt8](try Data(contentsOf: folder.appendingPathComponent(name)))
            switch outcome(bytes) {
            case .contradiction(let text): Issue.record("\(name): \(text)")
            case .picture, .refused, nil: break
            }
        }
    }
}
