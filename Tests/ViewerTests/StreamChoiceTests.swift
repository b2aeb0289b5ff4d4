import Testing

@testable import Viewer

private func key(_ peer: UInt64, _ stream: UInt32 = 0, view: UInt32 = 0) -> StreamKey {
    StreamKey(peerID: peer, streamID: stream, viewID: view)
}

/// Inside of `#expect` nothing can change.
private func takes(_ choice: inout StreamChoice, _ key: StreamKey) -> Bool { choice.take(key) }

@Test func theFirstStreamIsShown() {
    var choice = StreamChoice()
    #expect(takes(&choice, key(1, 5)))
    #expect(!takes(&choice, key(1, 6)))
    #expect(!takes(&choice, key(2, 5)))
    #expect(takes(&choice, key(1, 5)))
    #expect(choice.streams.count == 3 && choice.number == 1)
}

@Test func theStreamThatIsAskedForIsShown() {
    var choice = StreamChoice(streamID: 6)
    #expect(!takes(&choice, key(1, 5)))
    #expect(takes(&choice, key(1, 6)))
    #expect(choice.streams == [key(1, 6)])
}

@Test func nextGoesRound() {
    var choice = StreamChoice()
    for stream in [UInt32(1), 2, 3] { _ = choice.take(key(1, stream)) }
    var shown: [UInt32] = []
    for _ in 0..<4 {
        let isOther = choice.selectNext()
        #expect(isOther)
        shown.append(choice.selected!.streamID)
    }
    #expect(shown == [2, 3, 1, 2])
}

@Test func nextOfOneStreamIsTheSame() {
    var choice = StreamChoice()
    var isOther = choice.selectNext()
    #expect(!isOther)
    _ = choice.take(key(1))
    isOther = choice.selectNext()
    #expect(!isOther && choice.selected == key(1))
}

@Test func aSenderThatComesAgainIsShown() {
    var choice = StreamChoice()
    _ = choice.take(key(1))
    choice.keep(peers: [])
    #expect(choice.streams.isEmpty && choice.selected == key(1))
    #expect(takes(&choice, key(2)))
    #expect(choice.selected == key(2))
}

@Test func theSameStreamOfAnotherSenderIsTheHeir() {
    var choice = StreamChoice()
    for peer in [UInt64(1), 2] {
        for stream in [UInt32(7), 8] { _ = choice.take(key(peer, stream)) }
    }
    _ = choice.selectNext()
    #expect(choice.selected == key(1, 8))
    choice.keep(peers: [2])
    #expect(choice.selected == key(2, 8))
    #expect(choice.number == 2)
}

@Test func aFloodOfStreamsIsBounded() {
    var choice = StreamChoice()
    for stream in 0..<UInt32(1000) { _ = choice.take(key(1, stream)) }
    #expect(choice.streams.count == StreamChoice.capacity)
    #expect(takes(&choice, key(1, 0)))
}
