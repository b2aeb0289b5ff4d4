import Buffers
import CPosix
import Synchronization

/// Work that falls into numbered parts that may run in any order and at the same time.
package class StripJob {
    package init() {}

    /// Does part `index` on the thread with number `worker`, 0 to ``WorkerPool/workers`` − 1.
    package func process(_ index: Int, worker: Int) {}

    /// Called once when every part is done, on the thread that finished last.
    package func finished() {}
}

/// Threads that share the parts of one job at a time.
///
/// Starting a job allocates nothing. One thread at a time starts jobs, and only when the last one has
/// finished.
package final class WorkerPool: @unchecked Sendable {
    // Unchecked: `state` is guarded by `lock`, `next` is atomic, and `count` is written only while no worker
    // is active.
    private let shared: Shared
    private var threads: [Thread] = []

    /// The largest number that ``StripJob/process(_:worker:)`` sees as `worker`, plus one.
    package let workers: Int
    /// Whether the thread that calls ``run(_:parts:)`` works as worker 0.
    private let callerWorks: Bool
    /// How often a thread that has worked looks whether the others are done, before it sleeps: 20 to 50 microseconds.
    private static let mostLooks = 1000

    /// What the threads see. They keep it alive, not the pool, so that the pool can end them when it goes.
    private final class Shared: @unchecked Sendable {
        let lock = Lock()
        let next = Atomic<Int>(0)
        /// Whether the last job is done. What the lock guards decides; this tells who would rather not sleep.
        let isDone = Atomic<Bool>(true)
        var job: StripJob?
        var count = 0
        var active = 0
        var generation: UInt64 = 0
        var stopping = false

        /// Takes parts of the current job until none is left; the caller has counted itself as active.
        func work(on job: StripJob, count: Int, worker: Int) {
            while true {
                let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
                if index >= count { break }
                job.process(index, worker: worker)
            }
            let isLast = lock.withLock {
                active -= 1
                guard active == 0, self.job != nil else { return false }
                self.job = nil
                isDone.store(true, ordering: .releasing)
                lock.notifyAll()
                return true
            }
            if isLast { job.finished() }
        }
    }

    /// - Parameters:
    ///   - workers: how many threads work on a job, 1 or more.
    ///   - callerWorks: whether one of them is the thread that calls ``run(_:parts:)``; then one thread fewer
    ///     is made.
    package init(workers: Int, callerWorks: Bool) {
        let shared = Shared()
        self.shared = shared
        self.callerWorks = callerWorks
        var made = callerWorks ? 1 : 0
        while made < workers {
            let worker = made
            // Fewer threads than asked for are slower, not wrong; with none at all the caller does the work.
            guard
                let thread = Thread.start(name: "framewire-work", { Self.threadBody(shared, worker: worker) })
            else { break }
            threads.append(thread)
            made += 1
        }
        self.workers = max(1, made)
    }

    deinit {
        shared.lock.withLock {
            shared.stopping = true
            shared.lock.notifyAll()
        }
        for thread in threads { thread.join() }
    }

    private static func threadBody(_ shared: Shared, worker: Int) {
        var seen: UInt64 = 0
        while true {
            shared.lock.lock()
            while !shared.stopping, shared.job == nil || shared.generation == seen { shared.lock.wait() }
            guard !shared.stopping, let job = shared.job else {
                shared.lock.unlock()
                return
            }
            seen = shared.generation
            let count = shared.count
            shared.active += 1
            shared.lock.unlock()
            shared.work(on: job, count: count, worker: worker)
        }
    }

    /// Starts `job` on the pool's threads and returns; ``StripJob/finished()`` says when it is done.
    package func start(_ job: StripJob, parts: Int) {
        if threads.isEmpty {
            run(job, parts: parts)
            return
        }
        shared.lock.withLock {
            shared.job = job
            shared.count = parts
            shared.next.store(0, ordering: .relaxed)
            shared.generation &+= 1
            shared.lock.notifyAll()
        }
    }

    /// Runs `job` and returns when every part is done; ``StripJob/finished()`` may still be running on
    /// another thread. The calling works as worker 0 if the pool was made so.
    package func run(_ job: StripJob, parts: Int) {
        if threads.isEmpty {
            for index in 0..<parts { job.process(index, worker: 0) }
            job.finished()
            return
        }
        shared.lock.withLock {
            shared.job = job
            shared.count = parts
            shared.next.store(0, ordering: .relaxed)
            shared.isDone.store(false, ordering: .relaxed)
            shared.generation &+= 1
            if callerWorks { shared.active += 1 }
            // One part needs no second thread.
            if parts > 1 || !callerWorks { shared.lock.notifyAll() }
        }
        if callerWorks {
            shared.work(on: job, count: parts, worker: 0)
            // The others have a part to finish at most, which takes less time than to sleep and be woken.
            var looks = 0
            while looks < Self.mostLooks, !shared.isDone.load(ordering: .acquiring) {
                fwp_pause()
                looks += 1
            }
        }
        shared.lock.withLock {
            while shared.job != nil || shared.active > 0 { shared.lock.wait() }
        }
    }

    /// How many workers a user's option means: 0 is one per processor, at most 4.
    package static func count(_ option: Int) -> Int {
        option > 0 ? option : min(4, processors)
    }

    /// The number of processors that this process may use.
    package static var processors: Int {
        max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
    }
}
