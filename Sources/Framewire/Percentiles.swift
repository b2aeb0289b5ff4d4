/// The last 1024 durations, for the percentiles of the stats.
///
/// Recording allocates nothing; asking sorts a copy.
struct Percentiles {
    private static let capacity = 1024
    private var samples: [Int64]
    private var next = 0
    private var count = 0

    init() {
        samples = [Int64](repeating: 0, count: Self.capacity)
    }

    mutating func record(_ duration: Int64) {
        samples[next] = duration
        next = (next + 1) % Self.capacity
        count = min(count + 1, Self.capacity)
    }

    /// The duration that `percent` of the samples do not exceed (nearest rank), for each of two values; `nil`
    /// without samples.
    func values(_ first: Int, _ second: Int) -> (Int64?, Int64?) {
        guard count > 0 else { return (nil, nil) }
        var sorted = [Int64](samples[0..<count])
        sorted.sort()
        return (sorted[rank(first)], sorted[rank(second)])
    }

    private func rank(_ percent: Int) -> Int {
        max(0, (count * percent + 99) / 100 - 1)
    }
}
