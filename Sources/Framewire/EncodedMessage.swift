import Buffers
import CPosix
import Codec

/// One frame as one message, from the decision how it is coded until its last receiver has it.
///
/// Receivers that need the same frame, coded the same way, share it. It belongs to the I/O thread.
final class EncodedMessage {
    enum State: UInt8 {
        /// For the workers to have done with other frames.
        case waiting
        case encoding
        case ready
    }

    let encoder: MessageEncoder
    private(set) var state = State.ready
    /// How many receivers send it or will.
    var users = 0
    /// Set while the message refers to the pixels, or may have to be encoded once more.
    private(set) var slot: FrameSlot?
    /// The pixels where they stay, for frames that are coded against this one; nil if they do not.
    private(set) var kept: FrameSlot?
    private(set) var coding = FrameCoding(profile: .lz4)
    private(set) var choice = ProfileChooser.Choice(profile: .auto, reason: .none)
    private(set) var sequence: UInt64 = 0
    private(set) var referenceSequence: UInt64?
    private(set) var rawBytes = 0
    private(set) var submitTime: Int64 = 0
    private var encodeStart: Int64 = 0
    /// Of encoding, ns.
    private(set) var duration: Int64 = 0
    /// Whether frames are held until ``reset()``, so that they can be encoded once more.
    private let keepsFrames: Bool

    /// Whether the frame needs no other.
    var isKey: Bool { referenceSequence == nil }

    /// - Parameter whenEncoded: called on a worker thread when the frame is encoded.
    init(workers: Int, keepsFrames: Bool, whenEncoded: @escaping () -> Void) {
        self.keepsFrames = keepsFrames
        encoder = MessageEncoder(workers: workers, whenFinished: whenEncoded)
    }

    /// Takes over a frame and what `coding` owns.
    ///
    /// - Parameter keeps: whether the pixels are wanted for frames that come later.
    /// - Throws: ``CodecError``; the frame has been dropped.
    func begin(
        _ slot: FrameSlot, coding: FrameCoding, choice: ProfileChooser.Choice, keeps: Bool,
        acceleration: Int32,
        checksum: Bool
    ) throws(CodecError) {
        sequence = slot.info.sequence
        referenceSequence = coding.reference?.info.sequence
        submitTime = slot.submitTime
        rawBytes = slot.layout.packedSize
        self.slot = slot
        self.coding = coding
        self.choice = choice
        if keeps, let pixels = slot.hasOwnMemory ? slot : coding.copy {
            pixels.retain()
            kept = pixels
        }
        state = .waiting
        do {
            try encoder.begin(slot, coding: coding, acceleration: acceleration, checksum: checksum)
        } catch {
            reset()
            throw error
        }
    }

    func startEncoding() {
        encodeStart = Clock.now()
        state = .encoding
    }

    /// Completes the message once its parts are done, and lets the frame go unless the message refers to it.
    ///
    /// - Throws: ``CodecError``; nothing is held any more.
    func complete(wantsAcknowledgement: Bool) throws(CodecError) {
        duration = Clock.now() - encodeStart
        state = .ready
        do {
            try encoder.complete(
                wantsAcknowledgement: wantsAcknowledgement, encodeDuration: duration,
                queueDuration: encodeStart - submitTime, latency: nil)
        } catch {
            reset()
            throw error
        }
        dropCoding()
        if coding.profile != .raw, !keepsFrames {
            slot?.drop()
            slot = nil
        }
    }

    private func dropCoding() {
        coding.reference?.drop()
        coding.reference = nil
        coding.copy?.drop()
        coding.copy = nil
    }

    /// Lets go of everything.
    func reset() {
        dropCoding()
        slot?.drop()
        slot = nil
        kept?.drop()
        kept = nil
        state = .ready
    }
}
