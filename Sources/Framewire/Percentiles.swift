/// The last 1024 durations, for the percentiles of the stats.
///
/// Recording allocates nothing; asking sorts a copy, see ``copy()``.
package struct Percentiles {
    private static let capacity = 1024
    private var samples: [Int64]
    private var next = 0
    private var count = 0

    package init() {
        samples = [Int64](repeating: 0, count: Self.capacity)
    }

    package mutating func record(_ duration: Int64) {
        samples[next] = duration
        next = (next + 1) % Self.capacity
        count = min(count + 1, Self.capacity)
    }

    /// The same with samples of its own. A plain copy would share them, and the next one to be recorded would have to
    /// allocate, on a thread that must not.
    package func copy() -> Percentiles {
        var result = self
        result.samples = samples.withUnsafeBufferPointer { [Int64]($0) }
        return result
    }

    /// The duration that `percent` of the samples do not exceed (nearest rank), for each of two values; `nil`
    /// without samples.
    package func values(_ first: Int, _ second: Int) -> (Int64?, Int64?) {
        guard count > 0 else { return (nil, nil) }
        var sorted = [Int64](samples[0..<count])
        sort(&sorted)
        return (sorted[rank(first)], sorted[rank(second)])
    }

    /// Shell's sort (1959), with gaps that shrink by 4/9: the standard library's sort is ten times the code.
    private func sort(_ values: inout [Int64]) {
        var gap = 701
        while gap > 0 {
            var index = gap
            while index < values.count {
                let value = values[index]
                var place = index
                while place >= gap, values[place - gap] > value {
                    values[place] = values[place - gap]
                    place -= gap
                }
                values[place] = value
                index += 1
            }
            gap = gap == 1 ? 0 : max(1, gap * 4 / 9)
        }
    }

    private func rank(_ percent: Int) -> Int {
        max(0, (count * percent + 99) / 100 - 1)
    }
}
