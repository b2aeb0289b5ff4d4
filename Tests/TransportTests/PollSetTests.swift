import Buffers
import Foundation
import Testing

@testable import Transport

@Test func aWakeUpStaysSignalledUntilDrained() throws {
    let wakeUp = try WakeUp()
    #expect(!wakeUp.isSignalled)
    wakeUp.signal()
    wakeUp.signal()
    #expect(wakeUp.isSignalled)
    #expect(wakeUp.isSignalled)
    wakeUp.drain()
    #expect(!wakeUp.isSignalled)
    wakeUp.drain()
    wakeUp.signal()
    #expect(wakeUp.isSignalled)
}

@Test func aWakeUpInterruptsAWaitWithoutALimit() throws {
    let wakeUp = try WakeUp()
    let (first, second) = try Connection.pair()
    let begun = DispatchSemaphore(value: 0)
    let ended = DispatchSemaphore(value: 0)
    let socket = first.descriptor
    Thread.detachNewThread {
        var set = PollSet()
        let other = set.add(socket, .readable)
        let wake = set.add(wakeUp.descriptor, .readable)
        begun.signal()
        let isReady = try? set.wait(until: -1)
        #expect(isReady == true)
        #expect(set.isReady(wake))
        #expect(!set.isReady(other))
        ended.signal()
    }
    begun.wait()
    wakeUp.signal()
    #expect(ended.wait(timeout: .now() + 20) == .success)
    withExtendedLifetime((first, second)) {}
}

@Test func aWaitWithADeadlineEndsWithoutEvents() throws {
    let (first, second) = try Connection.pair()
    var set = PollSet()
    let place = set.add(first.descriptor, .readable)
    #expect(try set.wait(until: 0) == false)
    #expect(try set.wait(until: Clock.deadline(after: 1_000_000)) == false)
    #expect(!set.isReady(place))
    withExtendedLifetime(second) {}
}

@Test func aPollSetTellsReadableFromWritable() throws {
    let (first, second) = try Connection.pair()
    var set = PollSet()
    let reading = set.add(first.descriptor, .readable)
    let writing = set.add(first.descriptor, .writable)
    let both = set.add(second.descriptor, [.readable, .writable])
    try writeAll(second, [1, 2, 3])
    #expect(try set.wait(until: hangDeadline()))
    #expect(set.ready(reading) == .readable)
    #expect(set.ready(writing) == .writable)
    #expect(set.ready(both) == .writable)
}

@Test func aPeerThatClosesMakesItsEndReady() throws {
    let (first, second) = try Connection.pair()
    second.close()
    var set = PollSet()
    let place = set.add(first.descriptor, .readable)
    #expect(try set.wait(until: hangDeadline()))
    #expect(set.ready(place).contains(.hangUp))
}

@Test func placesWithoutADescriptorOrEventsAreNotWaitedFor() throws {
    let (first, second) = try Connection.pair()
    second.close()
    var set = PollSet()
    let none = set.add(-1, .readable)
    let noEvents = set.add(first.descriptor, [])
    #expect(try set.wait(until: Clock.deadline(after: 1_000_000)) == false)
    #expect(!set.isReady(none))
    #expect(!set.isReady(noEvents))
}

@Test func aFullPollSetTakesNoMore() throws {
    let wakeUp = try WakeUp()
    var set = PollSet()
    for place in 0..<PollSet.capacity { #expect(set.add(wakeUp.descriptor, .readable) == place) }
    #expect(set.add(wakeUp.descriptor, .readable) == -1)
    wakeUp.signal()
    #expect(try set.wait(until: hangDeadline()))
    #expect(set.isReady(PollSet.capacity - 1))
    #expect(!set.isReady(-1))
    set.removeAll()
    #expect(!set.isReady(0))
    #expect(set.add(wakeUp.descriptor, .readable) == 0)
}
