import CZstd
import Foundation
import struct TestSupport.SeededGenerator
import class TestSupport.TemporaryFolder
import Testing

@testable import PictureFiles

/// `bytes` as one zstd frame with a checksum and a window of 2 to the power of `windowLog`.
private func compressed(_ bytes: [UInt8], windowLog: Int32 = 10) -> [UInt8] {
    let context = ZSTD_createCCtx()
    defer { ZSTD_freeCCtx(context) }
    ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, windowLog)
    ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1)
    // With the size in the header the window would be no larger than that.
    ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0)
    var result = [UInt8](repeating: 0, count: ZSTD_compressBound(bytes.count))
    let count = result.withUnsafeMutableBytes { output in
        bytes.withUnsafeBytes { input in
            var to = ZSTD_outBuffer(dst: output.baseAddress, size: output.count, pos: 0)
            // In two steps, since one alone would note the size as well.
            var from = ZSTD_inBuffer(src: input.baseAddress, size: input.count / 2, pos: 0)
            _ = ZSTD_compressStream2(context, &to, &from, ZSTD_e_flush)
            from.size = input.count
            _ = ZSTD_compressStream2(context, &to, &from, ZSTD_e_end)
            return to.pos
        }
    }
    return Array(result[..<count])
}

/// Some that compress and some that do not.
private func someBytes(_ count: Int, _ number: Int) -> [UInt8] {
    var random = SeededGenerator(case: number)
    return (0..<count).map { $0 % 5000 < 2500 ? UInt8($0 & 3) : UInt8.random(in: 0...255, using: &random) }
}

private func write(_ bytes: [UInt8], _ folder: TemporaryFolder) throws -> String {
    let path = folder.file("a_1x1_r8.raw.zst")
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    return path
}

@Test func compressedFilesAreExpanded() throws {
    let folder = try TemporaryFolder()
    // Larger than the buffers of either side; files that follow each other are one.
    let parts = [someBytes(700_000, 21), someBytes(3, 22), someBytes(140_000, 23)]
    let path = try write(parts.flatMap { compressed($0) }, folder)
    #expect(try InputFile.contents(path) == parts.flatMap { $0 })
}

@Test(arguments: [1, 7, 4096, 300_000])
func compressedFilesAreReadInAnySteps(step: Int) throws {
    let folder = try TemporaryFolder()
    let bytes = someBytes(step == 1 ? 6000 : 600_000, 24)
    let file = try InputFile(path: write(compressed(bytes), folder))
    #expect(file.size == nil)
    for _ in 0..<2 {
        var got: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: step)
        while true {
            let count = try buffer.withUnsafeMutableBytes { try file.read($0) }
            got += buffer[..<count]
            if count < step { break }
        }
        #expect(got == bytes)
        try file.rewind()
    }
}

@Test func longWindowsAreRead() throws {
    let folder = try TemporaryFolder()
    let bytes = someBytes(20_000, 25)
    // 256 MiB: more than libzstd takes unless it is told to.
    let file = compressed(bytes, windowLog: 28)
    #expect(try InputFile.contents(write(file, folder)) == bytes)
}

@Test func everyTruncationOfACompressedFileIsAnError() throws {
    let folder = try TemporaryFolder()
    let file = compressed(someBytes(3000, 26))
    for count in stride(from: 1, to: file.count, by: 7) {
        let path = try write(Array(file[..<count]), folder)
        let error = #expect(throws: PictureError.self, "\(count) of \(file.count) bytes") {
            try InputFile.contents(path)
        }
        #expect(error?.message.contains("cut short") == true, "\(error?.message ?? "")")
    }
}

@Test func whatIsNotCompressedIsRefused() throws {
    let folder = try TemporaryFolder()
    for file in [[1, 2, 3, 4, 5, 6], compressed(someBytes(3000, 27)) + [1, 2, 3, 4]] as [[UInt8]] {
        let path = try write(file, folder)
        let error = #expect(throws: PictureError.self) { try InputFile.contents(path) }
        #expect(error?.message.contains("\(path) is no valid zstd file") == true, "\(error?.message ?? "")")
    }
}

/// Not every bit of the format says something: what comes is an error, or what was there before the damage.
@Test func damagedCompressedFilesNeverGiveOtherBytes() throws {
    print("seed \(SeededGenerator.runSeed)")
    let folder = try TemporaryFolder()
    var random = SeededGenerator(case: 28)
    let bytes = someBytes(20_000, 29)
    let file = compressed(bytes)
    var refused = 0
    for _ in 0..<100 {
        var damaged = file
        // Behind the header, in which a bit may ask for a larger window and change nothing.
        let index = Int.random(in: 8..<file.count, using: &random)
        damaged[index] ^= UInt8.random(in: 1...255, using: &random)
        let path = try write(damaged, folder)
        do throws(PictureError) {
            let isUnchanged = try InputFile.contents(path) == bytes
            #expect(isUnchanged, "byte \(index)")
        } catch {
            refused += 1
            #expect(error.message.contains(path), "\(error.message)")
        }
    }
    #expect(refused > 90)
}
