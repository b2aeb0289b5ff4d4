import Buffers
import Codec
import Synchronization
import Transport

/// What is taken from the queues, and how it becomes messages.
extension SenderLoop {
    /// How many messages that nobody uses are kept for receivers that are behind.
    private static let mostSpare = 4

    /// Completes the frame that the workers have encoded, and lets them begin with the next.
    func collectEncoded(_ core: SenderCore) throws(CodecError) {
        if let message = encoding, encoded.isSet.load(ordering: .acquiring) {
            encoded.isSet.store(false, ordering: .relaxed)
            encoding = nil
            try complete(message, core)
        }
        guard encoding == nil else { return }
        for index in messages.indices where messages[index].state == .waiting {
            let message = messages[index]
            encoding = message
            message.startEncoding()
            workers.start(message.encoder.frameEncoder, parts: message.encoder.parts)
            return
        }
    }

    private func complete(_ message: EncodedMessage, _ core: SenderCore) throws(CodecError) {
        try message.complete(wantsAcknowledgement: !link.isFile)
        let duration = Double(message.duration)
        encodeEstimate = encodeEstimate == 0 ? duration : 0.75 * encodeEstimate + 0.25 * duration
        // A frame on trial says nothing about the others.
        core.recordEncoded(message.duration, message.choice.isTrial ? nil : message.choice)
        for index in peers.indices where peers[index].next === message { note(message, peers[index], core) }
        if message.users == 0 { recycleUnused(core) }
    }

    private func note(_ message: EncodedMessage, _ peer: SenderPeer, _ core: SenderCore) {
        let now = Clock.now()
        // A renderer that asks first gives no frame that would have to wait.
        let wasAsked = peer.queue.wasAskedInVain.exchange(false, ordering: .relaxed)
        peer.chooser.noteEncoded(
            ProfileChooser.Encoded(
                profile: message.coding.profile, isKey: message.isKey, rawBytes: message.rawBytes,
                wireBytes: message.encoder.messageSize, duration: message.duration,
                othersWait: wasAsked || core.hasWaiting(peer.queue), linkIdles: peer.sending == nil,
                interval: peer.lastEncoded.map { now - $0 }))
        peer.lastEncoded = now
    }

    /// From when on the next frame for a receiver may be taken; nil while something else must happen first.
    func takingTime(_ peer: SenderPeer) -> Int64? {
        guard peer.next == nil, !peer.flow.isPaused else { return nil }
        if options.overflow != .block, !link.isFile,
            !peer.linkWillBeFree(encodeEstimate) || !hurries && peer.isBehind
        {
            return nil
        }
        return peer.gate.opening(peer.limits(limits))
    }

    /// As ``takingTime(_:)``, for a wait: nil also when no frame is there.
    func takingTime(_ peer: SenderPeer, _ core: SenderCore) -> Int64? {
        let time = takingTime(peer)
        let isFree = link.isFile || peer.linkWillBeFree(encodeEstimate) && !peer.isBehind
        peer.queue.takesFrom.store(isFree ? time ?? .max : .max, ordering: .relaxed)
        return time != nil && core.hasWaiting(peer.queue) ? time : nil
    }

    /// Takes the frames that links are or will be free for.
    func takeFrames(_ core: SenderCore) throws(CodecError) {
        recycleUnused(core)
        for index in peers.indices {
            let peer = peers[index]
            let now = Clock.now()
            // Where the link is the limit, the newest frame is the one that is worth it.
            let isLate = options.overflow == .dropOldest && !link.isFile && !hurries && peer.isHeldUp
            while let time = takingTime(peer), time <= now,
                let slot = core.takeNext(peer.queue, skipsOvertaken: isLate)
            {
                guard peer.accepts(slot) else {
                    slot.drop()
                    core.recordLost(peer.queue)
                    continue
                }
                peer.gate.noteTaken(peer.limits(limits), now: now)
                try plan(slot, for: peer, core)
            }
        }
        try collectEncoded(core)
    }

    /// Decides how a frame is coded for a receiver, and makes the message unless there is one like it.
    private func plan(_ slot: FrameSlot, for peer: SenderPeer, _ core: SenderCore) throws(CodecError) {
        let info = slot.info
        let choice = peer.chooser.choose(peerProfiles: peer.profiles)
        let reference = peer.references.reference(
            for: info, profile: choice.profile, keyInterval: keyInterval)
        let found = message(info.sequence, choice.profile, reference?.info.sequence)
        let message: EncodedMessage
        if let found {
            message = found
            slot.drop()
        } else {
            message = idle.popLast() ?? makeMessage()
            messages.append(message)
        }
        message.users += 1
        peer.next = message
        if found == nil { try begin(message, slot, choice, reference, peer, core) }
        peer.references.note(info, message.kept, profile: choice.profile, isKey: message.isKey)
        if found != nil, message.state == .ready { note(message, peer, core) }
    }

    /// A message for the frame, coded like this.
    private func message(_ sequence: UInt64, _ profile: Profile, _ reference: UInt64?) -> EncodedMessage? {
        for index in messages.indices {
            let message = messages[index]
            if message.sequence == sequence, message.coding.profile == profile,
                message.referenceSequence == reference
            {
                return message
            }
        }
        return nil
    }

    private func begin(
        _ message: EncodedMessage, _ slot: FrameSlot, _ choice: ProfileChooser.Choice,
        _ reference: FrameSlot?,
        _ peer: SenderPeer, _ core: SenderCore
    ) throws(CodecError) {
        var coding = FrameCoding(profile: choice.profile)
        reference?.retain()
        coding.reference = reference
        if peer.references.needsCopy(of: slot, profile: choice.profile, isTrial: choice.isTrial) {
            coding.copy = copies.packedSlot(slot.info)
        }
        try message.begin(
            slot, coding: coding, choice: choice,
            keeps: peer.references.keeps(slot.info, profile: choice.profile),
            acceleration: options.acceleration, checksum: options.checksum ?? link.isFile)
        guard message.encoder.parts == 0 else { return }
        message.startEncoding()
        try complete(message, core)
    }

    // MARK: - Messages that are done with

    /// A receiver has done with a message.
    func release(_ message: EncodedMessage, _ core: SenderCore) {
        message.users -= 1
        if message.users == 0 { recycleUnused(core) }
    }

    /// Takes messages back that no receiver uses. A few stay while a receiver that is a little behind may want them.
    private func recycleUnused(_ core: SenderCore) {
        var spare = Self.mostSpare
        var index = 0
        while index < messages.count {
            let message = messages[index]
            if message.users > 0 || message.state == .encoding {
                index += 1
            } else if spare > 0, core.isAwaited(message.sequence) {
                spare -= 1
                index += 1
            } else {
                message.reset()
                messages.remove(at: index)
                idle.append(message)
            }
        }
    }

    /// A frame that is being encoded must not be let go under the workers' hands.
    func waitForWorkers() {
        guard encoding != nil else { return }
        while !encoded.isSet.load(ordering: .acquiring) {
            var set = PollSet()
            set.add(wake.descriptor, .readable)
            _ = try? set.wait(until: -1)
            wake.drain()
        }
        encoding = nil
    }
}
