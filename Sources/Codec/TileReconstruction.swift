import CVectors

/// A distance from a pixel to the next one: how the predictors that look left go through a vector.
protocol PixelStep {
    /// In bytes: 1, 2, 4, 8 or 16.
    var bytes: Int { get }
}

/// A step that the compiler knows.
struct StepOf1: PixelStep { var bytes: Int { @inline(__always) get { 1 } } }
struct StepOf2: PixelStep { var bytes: Int { @inline(__always) get { 2 } } }
struct StepOf4: PixelStep { var bytes: Int { @inline(__always) get { 4 } } }
/// A step that is looked up.
struct AnyStep: PixelStep { let bytes: Int }

extension PixelStep {
    /// To each pixel the sum of those before it in the vector.
    @inline(__always)
    func prefixSum<Lanes: LaneArithmetic>(_ lanes: Lanes, _ vector: Bytes) -> Bytes {
        var vector = vector
        if bytes <= 1 { vector = lanes.sum(vector, fwx_up8(vector)) }
        if bytes <= 2 { vector = lanes.sum(vector, fwx_up16(vector)) }
        if bytes <= 4 { vector = lanes.sum(vector, fwx_up32(vector)) }
        if bytes <= 8 { vector = lanes.sum(vector, fwx_up64(vector)) }
        return vector
    }

    /// The last pixel in every place.
    @inline(__always)
    func last(_ vector: Bytes) -> Bytes {
        switch bytes {
        case 1: Bytes(repeating: vector[15])
        case 2: Codec.bytes(fwx_last16(halves(vector)))
        case 4: Codec.bytes(fwx_last32(words(vector)))
        case 8: Codec.bytes(fwx_last64(longs(vector)))
        default: vector
        }
    }
}

/// Where the pixels of a tile go.
struct TileTarget {
    var base: UnsafeMutableRawPointer
    var pitch: Int
    /// The row above, with a pixel to the left of it where there is one; zeros at the top of a strip.
    var above: UnsafeRawPointer
    var reference: UnsafeRawPointer
    var referencePitch: Int
    var blockRows: Int
    /// Whether the tile is the first of its row, so that there is no pixel to its left.
    var isFirst: Bool
    /// Whether the tile is at the top of its strip.
    var isTop: Bool
}

/// Pixels from the residuals of a tile.
enum TileReconstruction {
    /// - Parameter folded: blocks after each other, four vectors each.
    @inline(never)
    @_optimize(speed)
    static func left<Lanes: LaneArithmetic, Step: PixelStep>(
        _ lanes: Lanes, _ step: Step, _ folded: UnsafePointer<Bytes>, _ target: TileTarget
    ) {
        let pitch = target.pitch
        for blockRow in 0..<target.blockRows {
            let row = target.base + (4 &* blockRow &* pitch)
            var (p0, p1, p2, p3) = leftPixels(step, target, row, blockRow)
            for column in 0..<16 {
                let block = folded + (blockRow &* 64 &+ 4 &* column)
                @inline(__always)
                func next(_ y: Int, _ left: inout Bytes) {
                    let residual = step.prefixSum(lanes, lanes.unfold(block[y]))
                    let pixels = lanes.sum(residual, left)
                    left = step.last(pixels)
                    row.store(pixels, at: y &* pitch &+ 16 &* column)
                }
                next(0, &p0)
                next(1, &p1)
                next(2, &p2)
                next(3, &p3)
            }
        }
    }

    /// - Parameter folded: blocks after each other, four vectors each.
    @inline(never)
    @_optimize(speed)
    static func gradient<Lanes: LaneArithmetic, Step: PixelStep>(
        _ lanes: Lanes, _ step: Step, _ folded: UnsafePointer<Bytes>, _ target: TileTarget
    ) {
        let pitch = target.pitch
        for blockRow in 0..<target.blockRows {
            let row = target.base + (4 &* blockRow &* pitch)
            let above = blockRow == 0 ? target.above : UnsafeRawPointer(row - pitch)
            let pixels = leftPixels(step, target, row, blockRow)
            // A row's difference from the one above, at the pixel to the left.
            var d0 = lanes.difference(pixels.0, aboveLeftPixel(step, target, above, row, blockRow))
            var d1 = lanes.difference(pixels.1, pixels.0)
            var d2 = lanes.difference(pixels.2, pixels.1)
            var d3 = lanes.difference(pixels.3, pixels.2)
            for column in 0..<16 {
                let block = folded + (blockRow &* 64 &+ 4 &* column)
                var pixels = above.vector(at: 16 &* column)
                @inline(__always)
                func next(_ y: Int, _ left: inout Bytes) {
                    let residual = step.prefixSum(lanes, lanes.unfold(block[y]))
                    let difference = lanes.sum(residual, left)
                    left = step.last(difference)
                    pixels = lanes.sum(pixels, difference)
                    row.store(pixels, at: y &* pitch &+ 16 &* column)
                }
                next(0, &d0)
                next(1, &d1)
                next(2, &d2)
                next(3, &d3)
            }
        }
    }

    /// Adds the residuals to other pixels: the first row's at `first`, the others' from `second` on.
    @inline(never)
    @_optimize(speed)
    static func plain<Lanes: LaneArithmetic>(
        _ lanes: Lanes, _ folded: UnsafePointer<Bytes>, _ target: TileTarget, _ first: UnsafeRawPointer,
        _ second: UnsafeRawPointer, _ otherPitch: Int
    ) {
        for y in 0..<4 &* target.blockRows {
            let row = target.base + (y &* target.pitch)
            let other = y == 0 ? first : second + ((y &- 1) &* otherPitch)
            let vectors = folded + ((y &>> 2) &* 64 &+ (y & 3))
            for column in 0..<16 {
                let residual = lanes.unfold(vectors[4 &* column])
                row.store(lanes.sum(other.vector(at: 16 &* column), residual), at: 16 &* column)
            }
        }
    }

    /// The pixels to the left of a block row's four rows, each in every place of a vector.
    @inline(__always)
    private static func leftPixels<Step: PixelStep>(
        _ step: Step, _ target: TileTarget, _ row: UnsafeMutableRawPointer, _ blockRow: Int
    ) -> (Bytes, Bytes, Bytes, Bytes) {
        if target.isFirst {
            let pixel = marginPixel(step, target, row, blockRow)
            return (pixel, pixel, pixel, pixel)
        }
        @inline(__always)
        func pixel(_ y: Int) -> Bytes { step.last(row.vector(at: y &* target.pitch &- 16)) }
        return (pixel(0), pixel(1), pixel(2), pixel(3))
    }

    /// What stands for the pixels to the left of a row of blocks at the left edge: the pixel above its first one.
    @inline(__always)
    private static func marginPixel<Step: PixelStep>(
        _ step: Step, _ target: TileTarget, _ row: UnsafeMutableRawPointer, _ blockRow: Int
    ) -> Bytes {
        if blockRow == 0, target.isTop { return Bytes(repeating: 0) }
        // The pixel lies at the front of the row above, and there are 16 bytes before its end.
        let above = blockRow == 0 ? target.above : UnsafeRawPointer(row - target.pitch)
        return step.last(above.vector(at: step.bytes &- 16))
    }

    @inline(__always)
    private static func aboveLeftPixel<Step: PixelStep>(
        _ step: Step, _ target: TileTarget, _ above: UnsafeRawPointer, _ row: UnsafeMutableRawPointer,
        _ blockRow: Int
    ) -> Bytes {
        if !target.isFirst { return step.last(above.vector(at: -16)) }
        if blockRow == 0 { return marginPixel(step, target, row, 0) }
        return marginPixel(step, target, row - 4 &* target.pitch, blockRow &- 1)
    }
}
