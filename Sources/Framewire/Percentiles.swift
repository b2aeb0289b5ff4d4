/// How the durations of the last frames are spread, for the percentiles of the stats: a histogram of high
/// dynamic range, laid out as HdrHistogram's (Gil Tene, hdrhistogram.org) for values from 1 ns to 2⁴⁰ ns,
/// 18 minutes, with two significant digits.
///
/// Durations below 256 ns have a counter each. From there on each power of two is divided among 128 counters, so
/// that a duration is known to within 1/128. There are two sets of counters for half a window each: when one is
/// full, the other is cleared and used, so that the percentiles follow the present. Recording takes the same
/// few steps always and allocates nothing.
final class Percentiles {
    /// Samples in one set of counters; with those in the other one, percentiles are of 512 to 1024 samples once
    /// there have been as many.
    static let halfWindow = 512
    /// Bits of a duration that decide about the counter.
    private static let precisionBits = 8
    /// Counters for one power of two.
    private static let halfCount = 1 << (precisionBits - 1)
    /// The longest duration that is told apart, 2⁴⁰ − 1; longer ones count as this.
    static let longest: Int64 = 1 << 40 - 1
    private static let counterCount = Percentiles.index(longest) + 1

    /// Two sets, one behind the other. A set never holds more than ``halfWindow``.
    private let counters: UnsafeMutablePointer<UInt16>
    /// Where the set in use begins.
    private var start = 0
    /// Samples in the set in use, and in the other.
    private var count = 0
    private var olderCount = 0

    init() {
        counters = .allocate(capacity: 2 * Self.counterCount)
        counters.initialize(repeating: 0, count: 2 * Self.counterCount)
    }

    deinit {
        counters.deallocate()
    }

    /// The counter of a duration.
    private static func index(_ duration: Int64) -> Int {
        let shift = max(0, UInt64.bitWidth - precisionBits - duration.leadingZeroBitCount)
        return shift << (precisionBits - 1) + Int(truncatingIfNeeded: duration >> Int64(shift))
    }

    /// The longest duration that counts where `index` does.
    private static func longest(at index: Int) -> Int64 {
        let shift = max(0, index >> (precisionBits - 1) - 1)
        return Int64(index - shift << (precisionBits - 1) + 1) << Int64(shift) - 1
    }

    /// Counts a duration, ns.
    @inline(never)
    func record(_ duration: Int64) {
        if count == Self.halfWindow { turn() }
        counters[start + Self.index(min(max(duration, 0), Self.longest))] &+= 1
        count += 1
    }

    /// Takes the other set into use.
    private func turn() {
        start = start == 0 ? Self.counterCount : 0
        for index in start..<start + Self.counterCount { counters[index] = 0 }
        olderCount = count
        count = 0
    }

    /// The duration that `percent` of the samples do not exceed (nearest rank), for each of two percentages; `nil`
    /// without samples. At most 1/128 longer than the sample that has the rank.
    @inline(never)
    func values(_ first: Int, _ second: Int) -> (Int64?, Int64?) {
        guard count > 0 else { return (nil, nil) }
        return (value(first), value(second))
    }

    private func value(_ percent: Int) -> Int64 {
        var left = max(1, ((count + olderCount) * percent + 99) / 100)
        var index = 0
        while index < Self.counterCount - 1 {
            left -= Int(counters[index]) + Int(counters[index + Self.counterCount])
            if left <= 0 { break }
            index += 1
        }
        return Self.longest(at: index)
    }
}
