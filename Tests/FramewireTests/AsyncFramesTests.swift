import TestSupport
import Testing

@testable import Framewire

@Suite(.timeLimit(.minutes(2))) struct AsyncFramesTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    @Test func iterationGivesEveryFrameAndEndsWithTheStream() async throws {
        let shown = pictures(8, case: 5000)
        try folder.write(try recording(shown), to: "recording")
        let receiver = try Receiver(from: folder.fileURL("recording"))
        var count = 0
        for try await frame in receiver.frames {
            expectFrame(frame, shows: shown[count])
            count += 1
        }
        #expect(count == shown.count)
        #expect(receiver.stats.framesDelivered == 8)
    }

    @Test func iterationThrowsWhatBrokeTheStream() async throws {
        let shown = pictures(2, case: 5100)
        try folder.write(Array(try recording(shown).dropLast(80)), to: "recording")
        let receiver = try Receiver(from: folder.fileURL("recording"))
        var count = 0
        let error = await #expect(throws: FramewireError.self) {
            for try await _ in receiver.frames { count += 1 }
        }
        #expect(error?.code == .protocolViolation)
        #expect(count == 1)
    }

    /// Before, while or after the task begins to wait: each must end it.
    @Test func cancellingTheTaskEndsTheIteration() async throws {
        for round in 0..<50 {
            let receiver = try Receiver(from: folder.unixURL("socket\(round)"))
            let task = Task {
                for try await _ in receiver.frames { Issue.record("a frame from nowhere") }
            }
            for _ in 0..<round % 10 { await Task.yield() }
            task.cancel()
            try await task.value
        }
    }

    @Test func cancellingAfterAFrameEndsTheIterationAndLosesNoOther() async throws {
        let receiver = try Receiver(from: folder.unixURL("socket"))
        let sender = try Sender(to: folder.unixURL("socket"))
        let shown = pictures(2, case: 5200)
        let (arrivals, arrived) = AsyncStream<Int64?>.makeStream()
        let task = Task {
            for try await frame in receiver.frames { arrived.yield(frame.info.pts) }
        }
        try push(shown[0], to: sender)
        var iterator = arrivals.makeAsyncIterator()
        let first: Int64?? = await iterator.next()
        #expect(first == 0)
        task.cancel()
        try await task.value
        try push(shown[1], to: sender)
        expectFrame(try receiver.next(timeout: hangLimit), shows: shown[1])
    }

    @Test func closingTheReceiverEndsTheIteration() async throws {
        let receiver = try Receiver(from: folder.unixURL("socket"))
        let task = Task {
            var count = 0
            for try await _ in receiver.frames { count += 1 }
            return count
        }
        receiver.close()
        #expect(try await task.value == 0)
    }

    /// Many rounds: a frame is to come in each of the moments between a task's asking and its sleeping.
    @Test func severalTasksShareTheFrames() async throws {
        let shown = pictures(100, maximumBytes: 2000, case: 5300)
        try folder.write(try recording(shown), to: "recording")
        for _ in 0..<30 {
            let receiver = try Receiver(from: folder.fileURL("recording"))
            let numbers = try await withThrowingTaskGroup(of: [Int64].self) { group in
                for _ in 0..<4 {
                    group.addTask {
                        var numbers: [Int64] = []
                        for try await frame in receiver.frames { numbers.append(frame.info.pts!) }
                        return numbers
                    }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            #expect(numbers.sorted() == Array(0..<100))
        }
    }
}
