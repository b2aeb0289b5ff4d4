import Codec
import TestSupport
import Testing

@testable import Framewire

/// The choice of a profile over simulated links: time is counted, not measured.
@Suite struct ProfileChooserTests {
    /// A sender, an encoder and a link that work beside each other.
    private struct Simulation {
        var chooser = ProfileChooser(.auto, isRecording: false, isLocal: false)
        var random = SeededGenerator(case: 3600)
        /// Bytes in a nanosecond.
        var link: Double
        var encoder = 2.0
        var ratio = 3.0
        /// Nanoseconds between two frames of the source; 0: as fast as they are taken.
        var source = 0.0
        /// The part by which every duration varies.
        var noise = 0.0
        /// Frames in profile raw one after another until they leave as fast as the link can take them.
        var warmUp = 1
        /// After so many, the receiver has something to do, and they leave at a rate of its own.
        var rawIsFastFor = Int.max
        var receiver = 1.0
        /// How much longer a frame in tile takes to encode among others in raw.
        var coldCaches = 1.0
        /// The same for huffman: encoder, ratio, and pixels that a receiver can decode in a nanosecond.
        var huffmanEncoder = 1.0
        var huffmanRatio = 4.0
        var huffmanDecoder = 1.5
        /// The pixels in tile that the receiver can decode in a nanosecond, where ages are told.
        var decoder = 4.0
        /// How many times as long as its encoding a frame in tile takes.
        var slowness = 1.0
        /// Frames of the connection's beginning that come late.
        var lateFrames = 0
        var peer: UInt32 = 0b11110
        var rawInARow = 0
        static let raw = 8_294_400

        var changes = 0
        var last = Profile.auto
        var trials = 0

        mutating func run(
            _ count: Int, andExpect profile: Profile, sourceLocation: SourceLocation = #_sourceLocation
        ) {
            let found = run(count)
            #expect(found == profile, sourceLocation: sourceLocation)
        }

        /// Sends `count` frames, and gives the profile that stands at the end.
        mutating func run(_ count: Int) -> Profile {
            for _ in 0..<count {
                let choice = chooser.choose(peerProfiles: peer)
                let pixels = Double(Self.raw)
                let (wire, work) =
                    switch choice.profile {
                    case .tile: (pixels / ratio, pixels / encoder * (choice.isTrial ? coldCaches : 1))
                    case .huffman: (pixels / huffmanRatio, pixels / huffmanEncoder)
                    default: (pixels, 1000)
                    }
                let encode = work * (1 + noise * Double.random(in: -1...1, using: &random))
                rawInARow = choice.profile == .raw ? rawInARow + 1 : 0
                let speed = choice.profile == .raw ? min(1, Double(rawInARow) / Double(warmUp)) : 1
                let rate = rawInARow > rawIsFastFor ? receiver : link * speed
                var send = wire / rate * (1 + noise * Double.random(in: -1...1, using: &random))
                if choice.profile == .huffman { send = max(send, pixels / huffmanDecoder) }
                let slow = choice.profile == .tile && !choice.isTrial ? slowness : 1
                let interval = max(encode * slow, send, source, lateFrames > 0 ? 60_000_000 : 0)
                lateFrames = max(0, lateFrames - 1)
                chooser.noteEncoded(
                    ProfileChooser.Encoded(
                        profile: choice.profile, isKey: false, rawBytes: Self.raw, wireBytes: Int(wire),
                        duration: Int64(encode), othersWait: source < max(encode, send),
                        linkIdles: encode > send, interval: Int64(interval)))
                if send > encode || choice.profile == .raw {
                    chooser.noteDrained(choice.profile, Int(wire), duration: Int64(send))
                }
                let decode = choice.profile == .tile ? pixels / decoder : 0
                chooser.noteDelivered(
                    choice.profile, rawBytes: Self.raw, age: Int64(encode + send + decode))
                if choice.isTrial {
                    trials += 1
                } else {
                    if choice.profile != last, last != .auto { changes += 1 }
                    last = choice.profile
                }
            }
            return last
        }
    }

    private func expect(
        _ chooser: inout ProfileChooser, peer: UInt32?, _ choice: ProfileChooser.Choice,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let found = chooser.choose(peerProfiles: peer)
        #expect(found == choice, sourceLocation: sourceLocation)
    }

    private static let gigabit = 0.125

    @Test func aSlowLinkIsTileForPeersThatKnowNothingElse() {
        var simulation = Simulation(link: Self.gigabit)
        simulation.peer = 0b1110
        simulation.run(500, andExpect: .tile)
        #expect(simulation.changes == 0 && simulation.trials == 0)
    }

    @Test func aSlowLinkIsHuffman() {
        var simulation = Simulation(link: Self.gigabit)
        simulation.run(100, andExpect: .huffman)
        let reason = simulation.chooser.choose(peerProfiles: simulation.peer).reason
        #expect(reason == .linkIsTheLimit)
        simulation.run(2000, andExpect: .huffman)
        #expect(simulation.changes == 1 && simulation.trials < 40)
    }

    @Test func huffmanThatGainsLittleIsNotWorthItsTime() {
        var simulation = Simulation(link: Self.gigabit)
        simulation.huffmanRatio = 3.3
        simulation.run(5000, andExpect: .tile)
        #expect(simulation.changes == 0 && simulation.trials < 10 * ProfileChooser.huffmanTrial)
    }

    @Test func huffmanThatGainsASeventhIsWorthItsTime() {
        var simulation = Simulation(link: Self.gigabit)
        simulation.huffmanRatio = 3.5
        simulation.run(100, andExpect: .huffman)
        simulation.run(2000, andExpect: .huffman)
        #expect(simulation.changes == 1)
    }

    /// The link is not what tile needs all of, so that the smaller frames would gain nothing.
    @Test func aSlowLinkIsTileWhereItKeepsUp() {
        var simulation = Simulation(link: Self.gigabit)
        simulation.source = 1.1 * Double(Simulation.raw) / simulation.ratio / simulation.link
        simulation.run(2000, andExpect: .tile)
        #expect(simulation.trials == 0)
    }

    @Test func huffmanIsLeftWhenTheLinkIsFastAgain() {
        var simulation = Simulation(link: Self.gigabit)
        simulation.source = 16_666_667
        simulation.run(200, andExpect: .huffman)
        simulation.link = 4 * Self.gigabit
        simulation.run(200, andExpect: .tile)
        simulation.link = Self.gigabit
        simulation.run(400, andExpect: .huffman)
        #expect(simulation.changes == 3)
    }

    /// What holds frames up is a receiver that takes longer still for huffman: that shows only once it stands.
    @Test func huffmanIsLeftWhereTheReceiverIsWhatHoldsFramesUp() {
        var simulation = Simulation(link: Self.gigabit)
        simulation.huffmanDecoder = 0.3
        _ = simulation.run(10_000)
        #expect(simulation.changes >= 2 && simulation.changes < 20)
        simulation.run(100, andExpect: .tile)
    }

    @Test func aLinkThatIsFasterThanEncodingIsRaw() {
        var simulation = Simulation(link: 100 * Self.gigabit)
        simulation.run(100, andExpect: .raw)
        let reason = simulation.chooser.choose(peerProfiles: 0b11110).reason
        #expect(reason == .linkFasterThanEncoding)
        simulation.run(2000, andExpect: .raw)
        #expect(simulation.changes == 1)
    }

    @Test func aLinkThatNeedsAFewFramesToShowItsSpeedIsRaw() {
        var simulation = Simulation(link: 50 * Self.gigabit)
        simulation.warmUp = 5
        simulation.run(200, andExpect: .raw)
        #expect(simulation.changes == 1)
    }

    /// Trials of both profiles mislead: raw leaves fast until the receiver's own work shows, and single frames in tile
    /// are slow to encode.
    @Test func whatAProfileTookWhileItStoodCountsMoreThanTrials() {
        var simulation = Simulation(link: 40 * Self.gigabit)
        simulation.rawIsFastFor = 12
        simulation.coldCaches = 2.5
        simulation.run(20_000, andExpect: .tile)
        #expect(simulation.changes >= 2 && simulation.changes < 20)
        // A faster receiver is found out all the same.
        simulation.rawIsFastFor = .max
        simulation.run(20_000, andExpect: .raw)
    }

    @Test func aConnectionThatBeginsSlowlyIsTileWhereThatIsFaster() {
        var simulation = Simulation(link: 10 * Self.gigabit)
        simulation.lateFrames = 6
        simulation.run(300, andExpect: .tile)
        #expect(simulation.changes == 0)
    }

    /// What tile took under worse conditions is not held against it for ever.
    @Test func rawIsLeftWhenTileWouldBeFasterAgain() {
        var simulation = Simulation(link: 100 * Self.gigabit)
        simulation.slowness = 6
        simulation.run(300, andExpect: .raw)
        simulation.link = 10 * Self.gigabit
        simulation.slowness = 1
        simulation.run(3000, andExpect: .tile)
    }

    @Test func trialsThatCannotSucceedAreOneFrameAndEverRarer() {
        var simulation = Simulation(link: 2 * Self.gigabit, ratio: 30)
        simulation.huffmanRatio = 30
        simulation.run(6400, andExpect: .tile)
        #expect(simulation.trials > 3 && simulation.trials < 10)
        // And still the choice follows the link.
        simulation.link = 100 * Self.gigabit
        simulation.run(6400, andExpect: .raw)
    }

    /// A source that the encoder can follow has no use for more.
    @Test func aFastLinkIsTileWhereEncodingKeepsUp() {
        var simulation = Simulation(link: 100 * Self.gigabit)
        simulation.source = 16_666_667
        simulation.run(500, andExpect: .tile)
        #expect(simulation.trials == 0)
    }

    // MARK: - Between programs on one machine

    private static func local(_ encoder: Double, _ ratio: Double, _ decoder: Double) -> Simulation {
        var simulation = Simulation(link: 4)
        simulation.chooser = ProfileChooser(.auto, isRecording: false, isLocal: true)
        simulation.source = 16_666_667
        simulation.encoder = encoder
        simulation.ratio = ratio
        simulation.decoder = decoder
        return simulation
    }

    @Test func framesThatComeSoonerInRawAreRawOnOneMachine() {
        var simulation = Self.local(3, 3, 4)
        simulation.run(40, andExpect: .raw)
        simulation.run(20_000, andExpect: .raw)
        // Trials make a frame older, so that the 99th percentile must not see them.
        #expect(simulation.changes == 1 && simulation.trials < 100)
    }

    @Test func framesThatComeSoonerInTileAreTileOnOneMachine() {
        var simulation = Self.local(10, 30, 10)
        simulation.run(20_000, andExpect: .tile)
        #expect(simulation.changes == 0 && simulation.trials < 100)
    }

    @Test func picturesThatBecomeHardOnOneMachineAreTriedAgain() {
        var simulation = Self.local(10, 30, 10)
        simulation.run(5000, andExpect: .tile)
        simulation.encoder = 3
        simulation.decoder = 4
        simulation.ratio = 3
        simulation.run(100, andExpect: .raw)
        simulation.encoder = 10
        simulation.decoder = 10
        simulation.ratio = 30
        simulation.run(5000, andExpect: .tile)
        #expect(simulation.changes == 2)
    }

    /// A relay hides what is behind it: there frames in raw are late, and one is enough to know.
    @Test func aSlowRelayOnOneMachineIsSentOneFrameInRaw() {
        var simulation = Self.local(3, 12, 4)
        simulation.link = Self.gigabit
        simulation.run(5000, andExpect: .tile)
        #expect(simulation.trials > 3 && simulation.trials < 10)
    }

    @Test func aSourceThatIsFasterThanTheEncoderIsRawOnOneMachine() {
        var simulation = Self.local(3, 3, 4)
        simulation.link = 100 * Self.gigabit
        simulation.source = 0
        simulation.run(300, andExpect: .raw)
        simulation.source = 16_666_667
        simulation.run(2000, andExpect: .raw)
        simulation.source = 0
        simulation.run(2000, andExpect: .raw)
        #expect(simulation.changes == 1)
    }

    @Test(arguments: 0..<10)
    func noiseDoesNotMakeTheChoiceFlapOnOneMachine(_ number: Int) {
        var simulation = Self.local(4, 3, 4)
        simulation.random = SeededGenerator(case: 3630 + number)
        simulation.noise = 0.3
        _ = simulation.run(5000)
        #expect(simulation.changes <= 2, "FRAMEWIRE_SEED=\(SeededGenerator.runSeed)")
    }

    // MARK: - What changes

    @Test func theChoiceFollowsALinkThatChanges() {
        var simulation = Simulation(link: 100 * Self.gigabit)
        simulation.run(300, andExpect: .raw)
        simulation.peer = 0b1110
        simulation.link = Self.gigabit
        simulation.run(300, andExpect: .tile)
        simulation.link = 100 * Self.gigabit
        simulation.run(300, andExpect: .raw)
        #expect(simulation.changes == 3)
        simulation.peer = 0b11110
        simulation.link = Self.gigabit
        simulation.run(400, andExpect: .huffman)
        simulation.link = 100 * Self.gigabit
        simulation.run(600, andExpect: .raw)
    }

    @Test func theChoiceRisesAgainWhenTheSourceSlowsDown() {
        var simulation = Simulation(link: 100 * Self.gigabit)
        simulation.run(300, andExpect: .raw)
        simulation.source = 16_666_667
        simulation.run(300, andExpect: .tile)
    }

    /// Pictures that compress badly and are slow to encode: the next trial finds out that they no longer are.
    @Test func theChoiceRisesAgainWhenPicturesBecomeEasy() {
        var simulation = Simulation(link: 20 * Self.gigabit, encoder: 1, ratio: 1.1)
        simulation.run(300, andExpect: .raw)
        simulation.encoder = 8
        simulation.ratio = 20
        simulation.run(600, andExpect: .tile)
        #expect(simulation.changes == 2)
    }

    /// Where both are equally fast on average, the choice stays what it is.
    @Test(arguments: 0..<10)
    func noiseDoesNotMakeTheChoiceFlap(_ number: Int) {
        var simulation = Simulation(link: 2, encoder: 2)
        simulation.random = SeededGenerator(case: 3610 + number)
        simulation.noise = 0.3
        _ = simulation.run(5000)
        #expect(simulation.changes <= 1, "FRAMEWIRE_SEED=\(SeededGenerator.runSeed)")
    }

    @Test func trialsAreRare() {
        var simulation = Simulation(link: 100 * Self.gigabit)
        _ = simulation.run(6400)
        #expect(simulation.trials > 50 && simulation.trials < 250)
    }

    @Test func whatIsAskedForIsNotWeighed() {
        for profile in [Profile.raw, .lz4, .tile] {
            var chooser = ProfileChooser(profile, isRecording: false, isLocal: true)
            expect(&chooser, peer: nil, .init(profile: profile, reason: .forced))
        }
        var recording = ProfileChooser(.auto, isRecording: true, isLocal: true)
        expect(&recording, peer: nil, .init(profile: .lz4, reason: .recording))
        var mute = ProfileChooser(.auto, isRecording: false, isLocal: false)
        expect(&mute, peer: nil, .init(profile: .lz4, reason: .noHello))
        expect(&mute, peer: 0b110, .init(profile: .lz4, reason: .peerLacksTile))
        expect(&mute, peer: 0b1110, .init(profile: .tile, reason: .peerKnowsTile))
    }
}
