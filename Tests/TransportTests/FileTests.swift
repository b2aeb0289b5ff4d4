import Buffers
import CPosix
import Foundation
import TestSupport
import Testing

@testable import Transport

private func fileEndpoint(_ path: String) -> Endpoint {
    Endpoint(.file(path: path))
}

@Test func aFileGivesBackWhatWasWritten() throws {
    let folder = try TemporaryFolder()
    let target = fileEndpoint(folder.file("a b%.lz4"))
    var random = SeededGenerator()
    let data = random.bytes(1_000_003)
    let writer = try Connector.openFile(target, for: .writing)
    #expect(writer.isFile)
    let reader = try Connector.openFile(target, for: .reading)
    let out = try pump(data, from: writer, to: reader, maxVectors: 3000, using: &random)
    // Reading may meet the end before more is written; then the rest is behind it.
    writer.close()
    #expect(try out + readBytes(reader) == data, "seed \(random.seed)")
    #expect(try readBytes(reader).isEmpty)
}

@Test func oneWriteToAFileTakesAllVectors() throws {
    let folder = try TemporaryFolder()
    let target = fileEndpoint(folder.file("f"))
    let writer = try Connector.openFile(target, for: .writing)
    var bytes = (0..<5000).map { UInt8(truncatingIfNeeded: $0) }
    let written = try bytes.withUnsafeMutableBytes { bytes in
        let vectors = bytes.indices.map { iovec(iov_base: bytes.baseAddress! + $0, iov_len: 1) }
        return try vectors.withUnsafeBufferPointer { try writer.write($0) }
    }
    #expect(written == 5000)
    #expect(writer.unsentBytes == 0)
    #expect(writer.closeGracefully(timeout: 0))
    #expect(try readBytes(Connector.openFile(target, for: .reading)) == bytes)
}

@Test func writingReplacesWhatWasThere() throws {
    let folder = try TemporaryFolder()
    let target = fileEndpoint(folder.file("f"))
    try writeAll(Connector.openFile(target, for: .writing), [1, 2, 3, 4])
    try writeAll(Connector.openFile(target, for: .writing), [5])
    #expect(try readBytes(Connector.openFile(target, for: .reading)) == [5])
}

@Test func aFullDiskNamesThePathAndTheBytesWritten() throws {
    let writer = try Connector.openFile(fileEndpoint("/dev/full"), for: .writing)
    let error = try #require(throws: TransportError.self) { try writeAll(writer, [1]) }
    #expect(error.kind == .io)
    #expect(error.code == ENOSPC)
    #expect(
        error.message == "cannot write to file:///dev/full after 0 bytes: no space left on device; "
            + "the disk is full, free some space")
}

@Test func aFileThatTakesAPartReportsHowMuch() throws {
    let folder = try TemporaryFolder()
    let writer = try Connector.openFile(fileEndpoint(folder.file("f")), for: .writing)
    try writeAll(writer, [1, 2, 3])
    // Near the largest size that the file system allows, a write ends in the middle of a vector.
    var low: off_t = 0
    var high = off_t.max
    while low < high {
        let middle = low + (high - low) / 2 + 1
        if lseek(writer.descriptor, middle, SEEK_SET) == middle { low = middle } else { high = middle - 1 }
    }
    try #require(lseek(writer.descriptor, low - 10, SEEK_SET) == low - 10)
    var bytes = [UInt8](repeating: 7, count: 30)
    let error = try #require(throws: TransportError.self) {
        try bytes.withUnsafeMutableBytes { bytes in
            let vectors = [
                iovec(iov_base: bytes.baseAddress!, iov_len: 6),
                iovec(iov_base: bytes.baseAddress! + 6, iov_len: 24),
            ]
            _ = try vectors.withUnsafeBufferPointer { try writer.write($0) }
        }
    }
    #expect(error.kind == .io)
    #expect(error.code == EFBIG)
    #expect(error.message.contains("after \(writer.bytesWritten) bytes"), "\(error.message)")
    #expect(writer.bytesWritten == 13)
}

@Test func aMissingFileNamesThePath() throws {
    let folder = try TemporaryFolder()
    let target = fileEndpoint(folder.file("none"))
    let error = try #require(throws: TransportError.self) { try Connector.openFile(target, for: .reading) }
    #expect(error.kind == .io)
    #expect(error.code == ENOENT)
    #expect(
        error.message == "cannot open \(target) for reading: no such file or directory; check the path")
}

@Test(arguments: [Connector.FileAccess.reading, .writing])
func aFolderIsNoFile(access: Connector.FileAccess) throws {
    let folder = try TemporaryFolder()
    let error = try #require(throws: TransportError.self) {
        try Connector.openFile(fileEndpoint(folder.path), for: access)
    }
    #expect(error.kind == .io)
    #expect(error.code == EISDIR)
    #expect(error.message.contains(folder.path))
}

@Test func aSocketIsNoFile() throws {
    let folder = try TemporaryFolder()
    let listener = try Listener(endpoint("unix://\(folder.file("s"))"))
    let error = try #require(throws: TransportError.self) {
        try Connector.openFile(fileEndpoint(folder.file("s")), for: .reading)
    }
    #expect(error.kind == .io)
    #expect(error.message.contains("use unix://"), "\(error.message)")
    withExtendedLifetime(listener) {}
}

@Test func aTCPEndpointIsNoFile() throws {
    let error = try #require(throws: TransportError.self) {
        try Connector.openFile(endpoint("tcp://127.0.0.1:3000"), for: .reading)
    }
    #expect(error.kind == .address)
}

@Test(.enabled(if: getuid() != 0, "root may read any file"))
func aFileWithoutAccessIsAPermissionError() throws {
    let folder = try TemporaryFolder()
    try writeAll(Connector.openFile(fileEndpoint(folder.file("f")), for: .writing), [1])
    chmod(folder.file("f"), 0)
    let error = try #require(throws: TransportError.self) {
        try Connector.openFile(fileEndpoint(folder.file("f")), for: .reading)
    }
    #expect(error.kind == .permission)
    #expect(error.message.contains(folder.path))
}

@Test func aNamedPipeCarriesAStream() throws {
    let folder = try TemporaryFolder()
    let target = fileEndpoint(folder.file("p"))
    try #require(mkfifo(folder.file("p"), 0o600) == 0)
    let reader = try Connector.openFile(target, for: .reading)
    var byte: UInt8 = 0
    // Nobody has opened it for writing yet, which is no end.
    #expect(try withUnsafeMutableBytes(of: &byte) { try reader.read($0) } == -1)
    let writer = try Connector.openFile(target, for: .writing)
    var random = SeededGenerator()
    let data = random.bytes(300_007)
    #expect(
        try pump(data, from: writer, to: reader, maxVectors: 2000, using: &random) == data,
        "seed \(random.seed)")
    writer.close()
    #expect(try readBytes(reader).isEmpty)
}

@Test func aNamedPipeWhoseWriterLeftWithoutAWordIsAtItsEnd() throws {
    let folder = try TemporaryFolder()
    let target = fileEndpoint(folder.file("p"))
    try #require(mkfifo(folder.file("p"), 0o600) == 0)
    let reader = try Connector.openFile(target, for: .reading)
    try Connector.openFile(target, for: .writing).close()
    #expect(try readBytes(reader).isEmpty)
}

@Test func aNamedPipeWithoutAReaderIsATimeout() throws {
    let folder = try TemporaryFolder()
    try #require(mkfifo(folder.file("p"), 0o600) == 0)
    let error = try #require(throws: TransportError.self) {
        try Connector.openFile(fileEndpoint(folder.file("p")), for: .writing, timeout: 30_000_000)
    }
    #expect(error.kind == .timeout)
    #expect(error.message.contains("no program reads from the pipe"), "\(error.message)")
    let cancel = try WakeUp()
    cancel.signal()
    let cancelled = try #require(throws: TransportError.self) {
        try Connector.openFile(fileEndpoint(folder.file("p")), for: .writing, timeout: -1, cancel: cancel)
    }
    #expect(cancelled.kind == .closed)
}

@Test func aPipeWhoseReaderHasGoneIsClosedWithoutASignal() throws {
    let folder = try TemporaryFolder()
    let target = fileEndpoint(folder.file("p"))
    try #require(mkfifo(folder.file("p"), 0o600) == 0)
    let reader = try Connector.openFile(target, for: .reading)
    let writer = try Connector.openFile(target, for: .writing)
    reader.close()
    // With the default action a signal would end the process.
    let before = signal(SIGPIPE, SIG_DFL)
    defer { signal(SIGPIPE, before) }
    let error = try #require(throws: TransportError.self) { try writeAll(writer, [1]) }
    #expect(error.kind == .closed)
    #expect(
        error.message.contains("\(target) after 0 bytes: the reader of the pipe has gone"), "\(error.message)"
    )
    var pending = sigset_t()
    sigpending(&pending)
    #expect(sigismember(&pending, SIGPIPE) == 0)
    var blocked = sigset_t()
    pthread_sigmask(SIG_BLOCK, nil, &blocked)
    #expect(sigismember(&blocked, SIGPIPE) == 0)
}

@Test func standardDevicesTakeBytes() throws {
    let writer = try Connector.openFile(fileEndpoint("/dev/null"), for: .writing)
    try writeAll(writer, [UInt8](repeating: 0, count: 100_000))
    #expect(writer.bytesWritten == 100_000)
    #expect(try readBytes(Connector.openFile(fileEndpoint("/dev/null"), for: .reading)).isEmpty)
}
