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
    private var profile = Profile.lz4

    /// The first piece that is not completely sent, and how much of it is.
    private var piece = 0
    private var pieceOffset = 0
    /// Bytes of the message still to be sent.
    private(set) var remaining = 0

    /// - Parameter whenEncoded: called on a worker thread when the frame is encoded.
    init(workers: Int, whenEncoded: @escaping () -> Void) {
        encoder = MessageEncoder(workers: workers, whenFinished: whenEncoded)
    }

    /// Takes a frame over and begins to encode it.
    ///
    /// - Throws: ``CodecError``; the frame has been dropped.
    func begin(
        _ slot: FrameSlot, profile: Profile, acceleration: Int32, checksum: Bool
    ) throws(CodecError) {
        sequence = slot.info.sequence
        submitTime = slot.submitTime
        rawBytes = slot.layout.packedSize
        encodeStart = Clock.now()
        self.profile = profile
        do {
            try encoder.begin(slot, profile: profile, acceleration: acceleration, checksum: checksum)
        } catch {
            slot.drop()
            throw error
        }
        self.slot = slot
        state = .encoding
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
        if profile != .raw {
            slot?.drop()
            slot = nil
        }
        state = .ready
        rewind()
        return duration
    }

    /// Goes back to the start of the message, to send it over another connection.
    func rewind() {
        piece = 0
        pieceOffset = 0
        remaining = encoder.messageSize
        state = .ready
    }

    func beginSending() {
        state = .sending
        sendStart = Clock.now()
    }

    /// Lets go of everything.
    func reset() {
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
