import Fuzzing

// The functions that libFuzzer calls (llvm.org/docs/LibFuzzer.html).

@_cdecl("LLVMFuzzerInitialize")
public func initialize(
    _ count: UnsafeMutableRawPointer?, _ arguments: UnsafeMutableRawPointer?
) -> CInt {
    FuzzSeed.writeIfAsked(PacketSeeds.all)
    return 0
}

@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let input = PacketInput(UnsafeRawBufferPointer(start: bytes, count: count)) else { return -1 }
    if case .contradiction(let text) = input.run() { fatalError(text) }
    return 0
}
