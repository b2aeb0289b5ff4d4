import CVectors

/// Blocks put together again of the streams of their fields.
struct FieldCursors {
    /// For each field and width the place of its next bytes.
    private let places: UnsafeMutablePointer<UnsafeRawPointer>
    private let squeezes: UnsafePointer<FieldStreams.Squeeze>

    private static let placesSize = FieldStreams.places * MemoryLayout<UnsafeRawPointer>.stride
    static var size: Int { TileScratch.align(placesSize) &+ TileScratch.align(FieldStreams.squeezesSize) }

    /// - Parameter next: a multiple of 64 with ``size`` bytes; set to the place behind them.
    init(_ next: inout UnsafeMutableRawPointer) {
        places = TileScratch.take(Self.placesSize, from: &next)
            .assumingMemoryBound(to: UnsafeRawPointer.self)
        squeezes = FieldStreams.squeezes(&next)
    }

    /// Where the next bytes of a stream are; see ``FieldStreams/place(_:_:)``.
    @inline(__always)
    subscript(place: Int) -> UnsafeRawPointer { places[place] }

    func set(_ place: Int, _ start: UnsafeRawPointer) { places[place] = start }

    /// The next blocks; the parameters are those of ``BitPacking/unpack(_:blocks:widths:masks:fields:to:)``.
    ///
    /// Whether the streams had as much is for the caller to ask.
    @inline(never)
    @_optimize(speed)
    func take(
        blocks: Int, widths: UnsafePointer<UInt32>, masks: UnsafePointer<UInt32>, fields: BitPacking.Fields,
        to folded: UnsafeMutablePointer<Bytes>
    ) {
        var isSigned = true
        var hasFourth = true
        switch fields {
        case .threeSigned: hasFourth = false
        case .signed: break
        case .unsigned: isSigned = false
        }
        for block in 0..<blocks {
            let width = widths[block]
            let out = folded + block &* 4
            if width == 0 {
                for index in 0..<4 { out[index] = Bytes(repeating: 0) }
                continue
            }
            let f0 = next(0, Int(width & 0xf))
            let f1 = next(1, Int((width &>> 8) & 0xf))
            let f2 = next(2, Int((width &>> 16) & 0xf))
            let f3 = hasFourth ? next(3, Int(width &>> 24)) : Bytes(repeating: 0)
            let (low0, high0) = (fwx_zip_low8(f0, f1), fwx_zip_high8(f0, f1))
            let (low1, high1) = (fwx_zip_low8(f2, f3), fwx_zip_high8(f2, f3))
            // The highest bit of each field, which is its sign.
            let mask = fwx_splat32(masks[block])
            let sign = isSigned ? bytes(mask & ~((mask &>> 1) & 0x7f7f_7f7f)) : Bytes(repeating: 0)
            out[0] = (fwx_zip_low16(low0, low1) ^ sign) &- sign
            out[1] = (fwx_zip_high16(low0, low1) ^ sign) &- sign
            out[2] = (fwx_zip_low16(high0, high1) ^ sign) &- sign
            out[3] = (fwx_zip_high16(high0, high1) ^ sign) &- sign
        }
    }

    @inline(__always)
    private func next(_ field: Int, _ width: Int) -> Bytes {
        let place = FieldStreams.place(field, width)
        let cursor = places[place]
        let squeeze = squeezes[width]
        places[place] = cursor + squeeze.bytes
        return bytes(
            squeeze.split(
                UInt64(littleEndian: cursor.loadUnaligned(as: UInt64.self)),
                UInt64(littleEndian: cursor.loadUnaligned(fromByteOffset: 8, as: UInt64.self))))
    }
}
