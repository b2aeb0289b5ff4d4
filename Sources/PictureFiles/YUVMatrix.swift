import Buffers

/// Turns 8-bit Y, U and V into red, green and blue by what a frame says of its colours, in whole numbers of 1/65536.
///
/// Source: ITU-T H.273, table 4 (`MatrixCoefficients`) and equations 20 to 43. A frame that does not say which matrix it has is taken
/// for BT.709 above 576 rows and for BT.601 otherwise, as video players do, and one that does not say which range for limited.
struct YUVMatrix {
    private let black: Int32
    private let luma: Int32
    private let redByV: Int32
    private let greenByU: Int32
    private let greenByV: Int32
    private let blueByU: Int32

    init(_ info: FrameInfo) {
        let (red, blue): (Double, Double) =
            switch info.color.matrix {
            case 1: (0.2126, 0.0722)
            case 4: (0.30, 0.11)
            case 5, 6: (0.299, 0.114)
            case 7: (0.212, 0.087)
            case 9, 10: (0.2627, 0.0593)
            default: info.height > 576 ? (0.2126, 0.0722) : (0.299, 0.114)
            }
        let green = 1 - red - blue
        let isFull = info.color.range == 1
        black = isFull ? 0 : 16
        let lumaScale = 65536 * (isFull ? 1 : 255.0 / 219)
        let chromaScale = 65536 * (isFull ? 1 : 255.0 / 224)
        luma = Int32(lumaScale.rounded())
        redByV = Int32((chromaScale * 2 * (1 - red)).rounded())
        blueByU = Int32((chromaScale * 2 * (1 - blue)).rounded())
        greenByU = Int32((chromaScale * 2 * (1 - blue) * blue / green).rounded())
        greenByV = Int32((chromaScale * 2 * (1 - red) * red / green).rounded())
    }

    /// What U and V add to the components of the pixels that share them.
    typealias Chroma = (red: Int32, green: Int32, blue: Int32)

    @inline(__always)
    func chroma(_ u: UInt32, _ v: UInt32) -> Chroma {
        let u = Int32(truncatingIfNeeded: u) &- 128
        let v = Int32(truncatingIfNeeded: v) &- 128
        return (redByV &* v, 0 &- greenByU &* u &- greenByV &* v, blueByU &* u)
    }

    /// 0xFFRRGGBB.
    @inline(__always)
    func color(_ y: UInt32, _ chroma: Chroma) -> UInt32 {
        // At most 76309 × 239 + 143168 × 127: no sum comes near 32 bits.
        let light = (Int32(truncatingIfNeeded: y) &- black) &* luma &+ 32768
        return 0xFF00_0000 | level(light &+ chroma.red) << 16 | level(light &+ chroma.green) << 8
            | level(light &+ chroma.blue)
    }

    /// Cuts to 0…255, without a branch that noise would make the processor mispredict.
    @inline(__always)
    private func level(_ value: Int32) -> UInt32 {
        let level = value &>> 16
        let isOver = (255 &- level) &>> 31
        return UInt32(bitPattern: (level | isOver) & ~(level &>> 31)) & 0xFF
    }
}
