import CPosix

/// An input that a fuzzer starts from.
package struct FuzzSeed: Sendable {
    package let name: String
    package let bytes: [UInt8]

    /// With FRAMEWIRE_FUZZ_SEEDS in the environment, writes the seeds into that folder and ends the program.
    package static func writeIfAsked(_ seeds: () -> [FuzzSeed]) {
        guard let folder = getenv("FRAMEWIRE_FUZZ_SEEDS") else { return }
        for seed in seeds() {
            let path = String(cString: folder) + "/" + seed.name
            guard let file = fopen(path, "w") else { fatalError("\(path) cannot be opened") }
            let written = fwrite(seed.bytes, 1, seed.bytes.count, file)
            guard fclose(file) == 0, written == seed.bytes.count else {
                fatalError("\(path) cannot be written")
            }
        }
        exit(0)
    }
}
