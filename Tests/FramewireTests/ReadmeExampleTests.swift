import Framewire
import Testing

// README.md quotes what stands between the two marks.

// README begin
/// A packet of part of a picture: a header of its own, then the pixels, which are shared and not copied.
func makePacket(of picture: Buffer, _ range: Range<Int>, header: [UInt8]) throws -> Buffer {
    var packet = try Buffer(size: header.count)
    try packet.withUnsafeMutableBytes { $0.copyBytes(from: header) }
    try packet.append(picture, offset: range.lowerBound, size: range.count)
    return packet
}
// README end

@Test func thePacketOfTheReadmeSharesThePixels() throws {
    var picture = try Buffer(size: 3000)
    try picture.withUnsafeMutableBytes { pixels in
        for index in pixels.indices { pixels[index] = UInt8(truncatingIfNeeded: index * 7) }
    }
    let packet = try makePacket(of: picture, 1400..<2800, header: [1, 2, 3])
    // A packet is a value: what is written to the picture now is not seen in it.
    try picture.withUnsafeMutableBytes { $0[1400] = 255 }
    try packet.withUnsafeBytes { bytes in
        #expect(bytes.count == 1403)
        #expect(Array(bytes[..<4]) == [1, 2, 3, UInt8(truncatingIfNeeded: 1400 * 7)])
    }
    #expect(throws: BufferError.self) { try makePacket(of: picture, 2000..<3400, header: []) }
}

@Test func theTypesOfBuffersComeWithFramewire() throws {
    var list = BufferList()
    try list.append(Buffer(size: 4))
    let flags: MapFlags = [.read, .write]
    #expect(list.count == 1 && flags == [.read, .write] && BufferCopyFlags.all.contains(.memory))
}
