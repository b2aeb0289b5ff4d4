import Buffers
import CPosix
import Codec

/// One frame on its way through encoding and sending. A sender has two: one is encoded while the other is
/// sent.
final class SenderLane {
    enum State {
        case idle
        case encoding
        /// Encoded; not a byte of it has been sent.
        case ready
        case sending
    }

    let encoder: MessageEncoder
    private(set) var state = State.idle
    private var slot: FrameSlot?
    private(set) var rawBytes = 0
    private(set) var sequence: UInt64 = 0
    private(set) var submitTime: Int64 = 0
    private(set) var encodeStart: Int64 = 0
    private(set) var sendStart: Int64 = 0
    private(set) var coding = FrameCoding(profile: .lz4)
    /// Whether the frame needs no other.
    private(set) var isKey = true
    /// Whether the frame is still here when its message is complete, so that it can be encoded once more.
    private let keepsFrames: Bool
    /// Whether the link made this message wait.
    private(set) var wasHeldUp = false

    /// The first piece that is not completely sent, and how much of it is.
    private var piece = 0
    private var pieceOffset = 0
    /// Bytes of the message still to be sent.
    private(set) var remaining = 0

    /// - Parameters:
    ///   - keepsFrames: whether frames are held until ``reset()``, for ``takeBack()``.
    ///   - whenEncoded: called on a worker thread when the frame is encoded.
    init(workers: Int, keepsFrames: Bool, whenEncoded: @escaping () -> Void) {
        self.keepsFrames = keepsFrames
        encoder = MessageEncoder(workers: workers, whenFinished: whenEncoded)
    }

    /// Takes over a frame, and what `coding` owns, and begins to encode it.
    ///
    /// - Throws: ``CodecError``; the frame has been dropped.
    func begin(
        _ slot: FrameSlot, coding: FrameCoding, acceleration: Int32, checksum: Bool
    ) throws(CodecError) {
        sequence = slot.info.sequence
        submitTime = slot.submitTime
        rawBytes = slot.layout.packedSize
        encodeStart = Clock.now()
        self.slot = slot
        self.coding = coding
        isKey = coding.reference == nil
        state = .encoding
        do {
            try encoder.begin(slot, coding: coding, acceleration: acceleration, checksum: checksum)
        } catch {
            reset()
            throw error
        }
    }

    /// Completes the message once its parts are done, and lets the frame go unless the message refers to it.
    ///
    /// - Returns: how long encoding took, ns.
    /// - Throws: ``CodecError``; the lane is idle.
    func complete(wantsAcknowledgement: Bool, latency: Int64?) throws(CodecError) -> Int64 {
        let duration = Clock.now() - encodeStart
        do {
            try encoder.complete(
                wantsAcknowledgement: wantsAcknowledgement, encodeDuration: duration,
                queueDuration: encodeStart - submitTime, latency: latency)
        } catch {
            reset()
            throw error
        }
        dropCoding()
        if coding.profile != .raw, !keepsFrames {
            slot?.drop()
            slot = nil
        }
        state = .ready
        piece = 0
        pieceOffset = 0
        remaining = encoder.messageSize
        return duration
    }

    /// Lets go of everything but the frame, if it is still here; the taker owns it.
    func takeBack() -> FrameSlot? {
        let taken = slot
        slot = nil
        reset()
        return taken
    }

    private func dropCoding() {
        coding.reference?.drop()
        coding.reference = nil
        coding.copy?.drop()
        coding.copy = nil
    }

    func beginSending() {
        state = .sending
        sendStart = Clock.now()
        wasHeldUp = false
    }

    /// The connection takes no more for now.
    func noteHeldUp() {
        wasHeldUp = true
    }

    /// Lets go of everything.
    func reset() {
        dropCoding()
        slot?.drop()
        slot = nil
        state = .idle
        remaining = 0
    }

    /// Calls `write` with the pieces that are still to be sent, and goes on behind what it says it took.
    func send<E: Error>(_ write: (UnsafeBufferPointer<iovec>) throws(E) -> Int) throws(E) -> Int {
        let vectors = encoder.vectors
        let first = piece
        let whole = vectors[first]
        // The list itself stays as it is, so that the message can be sent again.
        vectors[first] = iovec(iov_base: whole.iov_base + pieceOffset, iov_len: whole.iov_len - pieceOffset)
        defer { vectors[first] = whole }
        let count = try write(UnsafeBufferPointer(rebasing: vectors[first...]))
        remaining -= count
        vectors[first] = whole
        var left = count + pieceOffset
        while piece < vectors.count, left >= vectors[piece].iov_len {
            left -= vectors[piece].iov_len
            piece += 1
        }
        pieceOffset = left
        return count
    }
}
