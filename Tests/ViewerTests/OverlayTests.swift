import Buffers
import Testing

@testable import Viewer

private func text(_ reading: OverlayReading) -> [String] {
    reading.lines.map { "\($0.label ?? "") \($0.text)" }
}

@Test func theOverlayTellsOfAStream() {
    var reading = OverlayReading()
    reading.info = FrameInfo(width: 1920, height: 1080, format: .rgb10a2, streamID: 7)
    (reading.frameRate, reading.wireRate, reading.ratio) = (59.94, 12_345_678, 3.406)
    (reading.latency, reading.dropped, reading.state, reading.isLive) = (3_249_000, 4, "connected", true)
    #expect(
        text(reading) == [
            "frames 59.9 fps", "picture 1920 × 1080 rgb10a2", "wire 12.3 MB/s, ratio 3.41",
            "latency 3.2 ms p50", "dropped 4", "state connected",
        ])
    #expect(reading.lines.last?.tone == .good)
    reading.stream = (2, 3)
    reading.missed = 12
    reading.info?.viewID = 1
    #expect(text(reading).contains("stream 7 view 1, 2 of 3"))
    #expect(text(reading).contains("dropped 4, and 12 by the sender"))
}

@Test func whatIsNotKnownIsADash() {
    var reading = OverlayReading()
    reading.state = "waiting for a sender …"
    #expect(
        text(reading) == [
            "frames –", "picture –", "wire –", "latency –", "dropped 0", "state waiting for a sender …",
        ])
    #expect(reading.lines.last?.tone == .attention)
    (reading.frameRate, reading.ratio, reading.wireRate) = (.nan, .infinity, 0)
    #expect(text(reading)[0] == "frames – fps" && text(reading)[2] == "wire 0.0 MB/s, ratio –")
}

@Test func ratesAreThoseOfTheLastSeconds() throws {
    var meter = RateMeter()
    #expect(meter.rates == nil)
    meter.note(Counts(), at: 1_000_000_000)
    #expect(meter.rates == nil)
    // Slow at first, then fast for longer than is remembered.
    for step in 1...20 {
        let fast = UInt64(max(0, step - 10))
        meter.note(
            Counts(frames: fast * 15, bytesRaw: fast * 3000, bytesWire: fast * 1000),
            at: 1_000_000_000 + Int64(step) * RateMeter.interval)
    }
    let rates = try #require(meter.rates)
    #expect(rates.frames == 60 && rates.wire == 4000 && rates.ratio == 3)
    #expect(meter.deadline == 1_000_000_000 + 21 * RateMeter.interval)
}

@Test func aStreamThatStandsStillHasNoRatio() throws {
    var meter = RateMeter()
    for time in 1...2 { meter.note(Counts(frames: 9, bytesRaw: 9, bytesWire: 9), at: Int64(time)) }
    let rates = try #require(meter.rates)
    #expect(rates.frames == 0 && rates.wire == 0 && rates.ratio == nil)
}

@Test func aRecordingIsPlayedAtItsOwnPace() {
    var pacer = FramePacer()
    // The difference of times, then of a frame without one the duration before, then the standard.
    let due = [
        pacer.due(100, 40, now: 1000), pacer.due(150, 40, now: 1001), pacer.due(nil, nil, now: 1051),
        pacer.due(nil, nil, now: 1091),
    ]
    #expect(due == [1000, 1050, 1090, 1090 + FramePacer.standardGap])
}

@Test func timeThatWasLostIsNotMadeUpFor() {
    var pacer = FramePacer()
    var due = [0, 10, 20].map { pacer.due($0, nil, now: $0 * 50) }
    #expect(due == [0, 500, 1000])
    due = [pacer.due(.max, nil, now: 1001), pacer.due(.min, nil, now: 1001)]
    #expect(due[0] == 1000 + FramePacer.longestGap)
    #expect(due[1] == due[0] + FramePacer.standardGap)
    pacer.restart()
    due = [pacer.due(0, nil, now: 1002)]
    #expect(due == [1002])
}
