import Foundation

/// Random numbers that come out the same in each run: SplitMix64 (Steele, Lea, Flood 2014).
public struct SeededGenerator: RandomNumberGenerator, Sendable {
    /// The seed of a run: FRAMEWIRE_SEED in the environment, or a fixed number. It is printed when it is
    /// first asked for.
    public static let runSeed: UInt64 = {
        let text = ProcessInfo.processInfo.environment["FRAMEWIRE_SEED"]
        let seed = text.flatMap { UInt64($0) } ?? 0x5EED_0004
        print("FRAMEWIRE_SEED=\(seed)")
        return seed
    }()

    private var state: UInt64

    /// The seed of the run, for what a test says when it fails.
    public var seed: UInt64 { Self.runSeed }

    /// The numbers of case `number` of a property test.
    public init(case number: Int = 0) {
        state = Self.runSeed &+ UInt64(truncatingIfNeeded: number) &* 0xD1B5_4A32_D192_ED03
    }

    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// A number of `range`; small ones are as likely as large ones, by order of magnitude.
    public mutating func scaled(_ range: ClosedRange<Int>) -> Int {
        let bits = Int.random(in: 0...(Int.bitWidth - range.upperBound.leadingZeroBitCount), using: &self)
        let top = min(range.upperBound, (1 << bits) - 1)
        return Int.random(in: range.lowerBound...max(range.lowerBound, top), using: &self)
    }

    /// `count` bytes of noise.
    public mutating func bytes(_ count: Int) -> [UInt8] {
        var result = [UInt8](repeating: 0, count: count)
        result.withUnsafeMutableBytes { fill($0) }
        return result
    }

    /// Fills `bytes` with noise.
    public mutating func fill(_ bytes: UnsafeMutableRawBufferPointer) {
        var place = 0
        while place + 8 <= bytes.count {
            bytes.storeBytes(of: next(), toByteOffset: place, as: UInt64.self)
            place += 8
        }
        while place < bytes.count {
            bytes[place] = UInt8(truncatingIfNeeded: next())
            place += 1
        }
    }
}
