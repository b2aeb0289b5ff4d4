import Foundation
import Fuzzing
import Testing

/// What scripts/fuzz.sh feeds to the depayloader, fed to it once more: packets that it began with, and those in Corpus that reached
/// code which the others did not, or that once failed.
@Suite struct FuzzReplayTests {
    private func run(_ bytes: [UInt8]) -> FuzzOutcome? {
        bytes.withUnsafeBytes { PacketInput($0)?.run() }
    }

    @Test func thePayloadersOwnPacketsComeBack() {
        for seed in PacketSeeds.all() { #expect(run(seed.bytes) == .picture, "\(seed.name)") }
    }

    @Test func committedInputsAreReadOrRefused() throws {
        let folder = try #require(Bundle.module.url(forResource: "Corpus", withExtension: nil))
        let files = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
        #expect(!files.isEmpty)
        for name in files {
            let bytes = [UInt8](try Data(contentsOf: folder.appendingPathComponent(name)))
            if case .contradiction(let text) = run(bytes) { Issue.record("\(name): \(text)") }
        }
    }
}
