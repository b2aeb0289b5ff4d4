import CPosix
import Fuzzing

// The functions that libFuzzer calls (llvm.org/docs/LibFuzzer.html).

/// With FRAMEWIRE_FUZZ_SEEDS in the environment, writes the seeds into that folder and ends the program.
@_cdecl("LLVMFuzzerInitialize")
public func initialize(
    _ count: UnsafeMutableRawPointer?, _ arguments: UnsafeMutableRawPointer?
) -> CInt {
    guard let folder = getenv("FRAMEWIRE_FUZZ_SEEDS") else { return 0 }
    for seed in StreamSeeds.all() {
        let path = String(cString: folder) + "/" + seed.name
        guard let file = fopen(path, "w") else { fatalError("\(path) cannot be opened") }
        let written = fwrite(seed.bytes, 1, seed.bytes.count, file)
        guard fclose(file) == 0, written == seed.bytes.count else { fatalError("\(path) cannot be written") }
    }
    exit(0)
}

@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let input = WireInput(UnsafeRawBufferPointer(start: bytes, count: count)) else { return -1 }
    if case .contradiction(let text) = input.run() { fatalError(text) }
    return 0
}
