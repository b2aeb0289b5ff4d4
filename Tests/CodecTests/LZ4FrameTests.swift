import Buffers
import CLZ4Frame
import TestSupport
import Testing

@testable import Codec

@Suite struct LZ4FrameTests {
    /// The header that liblz4 writes for independent blocks and a known content size.
    private static func referenceHeader(contentSize: Int, block: LZ4F_blockSizeID_t) throws -> [UInt8] {
        var preferences = LZ4F_preferences_t()
        preferences.frameInfo.blockMode = LZ4F_blockIndependent
        preferences.frameInfo.blockSizeID = block
        preferences.frameInfo.contentSize = UInt64(contentSize)
        var context: OpaquePointer?
        try #require(LZ4F_isError(LZ4F_createCompressionContext(&context, UInt32(LZ4F_VERSION))) == 0)
        defer { LZ4F_freeCompressionContext(context) }
        var header = [UInt8](repeating: 0, count: Int(LZ4F_HEADER_SIZE_MAX))
        let size = LZ4F_compressBegin(context, &header, header.count, &preferences)
        try #require(LZ4F_isError(size) == 0)
        return Array(header[..<size])
    }

    private static func header(contentSize: Int, largestBlock: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: LZ4Frame.headerSize)
        bytes.withUnsafeMutableBytes {
            LZ4Frame.writeHeader(to: $0.baseAddress!, contentSize: contentSize, largestBlock: largestBlock)
        }
        return bytes
    }

    @Test(arguments: [1, 65536, 65537, 262_144, 262_145, 1_048_576, 1_048_577, 4_194_304])
    func headersAreThoseOfLiblz4(_ largestBlock: Int) throws {
        let block: LZ4F_blockSizeID_t =
            switch largestBlock {
            case ...65536: LZ4F_max64KB
            case ...262_144: LZ4F_max256KB
            case ...1_048_576: LZ4F_max1MB
            default: LZ4F_max4MB
            }
        var random = SeededGenerator(case: largestBlock)
        for _ in 0..<50 {
            // From 1: 0 is an unknown size to liblz4.
            let contentSize = random.scaled(1...(1 << 40))
            #expect(
                Self.header(contentSize: contentSize, largestBlock: largestBlock)
                    == (try Self.referenceHeader(contentSize: contentSize, block: block)))
        }
    }

    @Test func aHeaderWithAnyBitFlippedIsRefused() throws {
        for size in [1, 4096, 12_582_912, 0x1234_5678_9ABC] {
            for bit in 0..<8 * LZ4Frame.headerSize {
                var bytes = Self.header(contentSize: size, largestBlock: 300 << 10)
                bytes[bit / 8] ^= 1 << UInt8(bit % 8)
                #expect(throws: CodecError.self, "bit \(bit)") {
                    try LZ4Frame.checkHeader(bytes, contentSize: size, largestBlock: 300 << 10)
                }
            }
        }
    }

    @Test func aHeaderOfAnotherContentSizeIsRefusedAtItsField() throws {
        let bytes = Self.header(contentSize: 1000, largestBlock: 1000)
        let error = #expect(throws: CodecError.self) {
            try LZ4Frame.checkHeader(bytes, contentSize: 1001, largestBlock: 1000)
        }
        guard case .corrupt(_, offset: 6) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test func aBlockMaximumBelowTheStripsIsRefused() {
        let bytes = Self.header(contentSize: 1 << 20, largestBlock: 64 << 10)
        #expect(throws: CodecError.self) {
            try LZ4Frame.checkHeader(bytes, contentSize: 1 << 20, largestBlock: (64 << 10) + 1)
        }
    }

    @Test func aBlockMaximumAboveTheStripsIsTaken() throws {
        try LZ4Frame.checkHeader(
            Self.header(contentSize: 5, largestBlock: 4 << 20), contentSize: 5, largestBlock: 5)
    }
}

/// Decodes a whole LZ4 frame with liblz4's own reader.
func decodeWithLiblz4(_ frame: [UInt8], size: Int) throws -> [UInt8] {
    var context: OpaquePointer?
    try #require(LZ4F_isError(LZ4F_createDecompressionContext(&context, UInt32(LZ4F_VERSION))) == 0)
    defer { LZ4F_freeDecompressionContext(context) }
    // One byte more than it should fill.
    var out = [UInt8](repeating: 0, count: size + 1)
    var produced = 0
    var consumed = 0
    while consumed < frame.count {
        var room = out.count - produced
        var left = frame.count - consumed
        let hint = out.withUnsafeMutableBytes { out in
            frame.withUnsafeBytes { frame in
                LZ4F_decompress(
                    context, out.baseAddress! + produced, &room, frame.baseAddress! + consumed, &left, nil)
            }
        }
        try #require(LZ4F_isError(hint) == 0, "liblz4: \(String(cString: LZ4F_getErrorName(hint)))")
        try #require(room > 0 || left > 0, "liblz4 makes no progress at byte \(consumed)")
        produced += room
        consumed += left
        if hint == 0 { break }
    }
    try #require(consumed == frame.count, "bytes follow the frame")
    return Array(out[..<produced])
}
