import Buffers
import TestSupport
import Testing

@testable import Codec

/// Counts how often each part was processed, and by whom.
private final class CountingJob: StripJob {
    private let counts: UnsafeMutableBufferPointer<UInt8>
    private let lock = Lock()
    private var finishedCount = 0
    private var workersSeen: UInt64 = 0

    init(maximumParts: Int) {
        counts = .allocate(capacity: maximumParts)
        counts.initialize(repeating: 0)
        super.init()
    }

    deinit {
        counts.deallocate()
    }

    override func process(_ index: Int, worker: Int) {
        // Outside of the lock: a part that two threads process at once is found by the thread sanitizer too.
        counts[index] += 1
        lock.withLock { workersSeen |= 1 << UInt64(worker) }
    }

    override func finished() {
        lock.withLock {
            finishedCount += 1
            lock.notifyAll()
        }
    }

    func waitUntilFinished(_ count: Int) {
        lock.withLock {
            while finishedCount < count { lock.wait() }
        }
    }

    var finishes: Int { lock.withLock { finishedCount } }

    var largestWorker: Int { lock.withLock { 63 - workersSeen.leadingZeroBitCount } }

    /// Whether the first `parts` were processed exactly once and no others; forgets it all.
    func takeCounts(parts: Int) -> Bool {
        defer { counts.update(repeating: 0) }
        return counts[..<parts].allSatisfy { $0 == 1 } && counts[parts...].allSatisfy { $0 == 0 }
    }
}

@Suite(.timeLimit(.minutes(2))) struct WorkerPoolTests {
    @Test(arguments: 1...8, [true, false])
    func runProcessesEveryPartOnceInEachOfManyRounds(_ workers: Int, _ callerWorks: Bool) {
        var random = SeededGenerator(case: 5000 + workers)
        let pool = WorkerPool(workers: workers, callerWorks: callerWorks)
        #expect(pool.workers == workers)
        let job = CountingJob(maximumParts: 64)
        for round in 1...300 {
            let parts = random.scaled(0...64)
            pool.run(job, parts: parts)
            #expect(job.takeCounts(parts: parts), "round \(round), \(parts) parts")
        }
        job.waitUntilFinished(300)
        #expect(job.finishes == 300)
        #expect(job.largestWorker < workers)
    }

    @Test(arguments: 1...8)
    func startReportsTheEndOfEveryJobOnce(_ workers: Int) {
        var random = SeededGenerator(case: 5100 + workers)
        let pool = WorkerPool(workers: workers, callerWorks: false)
        let job = CountingJob(maximumParts: 64)
        for round in 1...300 {
            let parts = random.scaled(0...64)
            pool.start(job, parts: parts)
            job.waitUntilFinished(round)
            #expect(job.takeCounts(parts: parts), "round \(round), \(parts) parts")
        }
        #expect(job.finishes == 300)
        #expect(job.largestWorker < workers)
    }

    @Test func twoJobsTakeTurnsOnOnePool() {
        let pool = WorkerPool(workers: 3, callerWorks: false)
        let jobs = [CountingJob(maximumParts: 16), CountingJob(maximumParts: 16)]
        for round in 1...200 {
            for job in jobs {
                pool.start(job, parts: 16)
                job.waitUntilFinished(round)
                #expect(job.takeCounts(parts: 16))
            }
        }
    }

    @Test func aPoolThatIsDroppedEndsItsThreads() {
        for workers in 1...8 {
            let job = CountingJob(maximumParts: 8)
            do {
                let pool = WorkerPool(workers: workers, callerWorks: workers % 2 == 0)
                pool.run(job, parts: 8)
            }
            // The threads have been joined: nothing is processed or reported any more.
            #expect(job.finishes == 1)
            #expect(job.takeCounts(parts: 8))
        }
    }
}
