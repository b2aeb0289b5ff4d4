import Buffers
import CPosix
import Codec
import Wire

/// Makes one frame into one message of the wire format, as pieces for a gather write.
///
/// Sequence: ``begin(_:coding:acceleration:checksum:)``, then the job ``frameEncoder`` runs with ``parts``
/// parts, then ``complete(wantsAcknowledgement:encodeDuration:queueDuration:latency:)``. Nothing is allocated
/// in steady state.
package final class MessageEncoder {
    package let frameEncoder: FrameEncoder
    /// The message without its payload, allocated with the first frame. The metadata is put into its place first.
    private var head = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    private var metadataSize = 0
    private var info = FrameInfo(width: 1, height: 1)
    private var rawSize = 0
    private var profile = Profile.lz4
    private var referenceSequence: UInt64?
    private var captureTime: Int64 = 0

    /// Bytes of the whole message after `complete`.
    package private(set) var messageSize = 0

    /// - Parameters:
    ///   - workers: how many threads may encode at once.
    ///   - whenFinished: called on a worker thread when the parts of a frame are done.
    package init(workers: Int, whenFinished: (() -> Void)? = nil) {
        frameEncoder = FrameEncoder(workers: workers, whenFinished: whenFinished)
    }

    deinit {
        free(head.baseAddress)
    }

    /// Takes a frame whose pixels stay as they are until `complete`, and in profile raw until the message has
    /// been written. The frames that `coding` names must stay until `complete`, too.
    package func begin(
        _ slot: FrameSlot, coding: FrameCoding, acceleration: Int32, checksum: Bool
    ) throws(CodecError) {
        info = slot.info
        rawSize = slot.layout.packedSize
        profile = coding.profile == .auto ? .lz4 : coding.profile
        referenceSequence = coding.reference?.info.sequence
        captureTime = slot.submitTime
        messageSize = 0
        try takeMetadata(slot.metadata)
        try frameEncoder.prepare(
            slot.source, reference: coding.reference?.source, copyTo: coding.copy?.base, profile: profile,
            acceleration: acceleration, checksum: checksum)
    }

    private func takeMetadata(_ metadata: FrameMetadata) throws(CodecError) {
        metadataSize = metadata.encodedSize
        let size = FrameHeader.encodedSize(metadataSize: metadataSize)
        if size > head.count {
            guard let larger = malloc(size) else { throw .noMemory(bytes: size) }
            free(head.baseAddress)
            head = UnsafeMutableRawBufferPointer(start: larger, count: size)
        }
        if metadataSize > 0 { metadata.encode(into: metadataPlace) }
    }

    private var metadataPlace: UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(
            start: head.baseAddress! + FrameHeader.encodedSize(), count: metadataSize)
    }

    /// The number of parts for the worker pool; 0 when there is nothing to compute.
    package var parts: Int { frameEncoder.parts }

    /// Completes the message; ``vectors`` are its pieces until the next `begin`.
    package func complete(
        wantsAcknowledgement: Bool, encodeDuration: Int64?, queueDuration: Int64?, latency: Int64?
    ) throws(CodecError) {
        try frameEncoder.finish()
        let header = FrameHeader(
            info: info, profile: profile.rawValue, stripRows: UInt32(frameEncoder.rowsPerStrip),
            stripCount: UInt32(frameEncoder.strips), rawSize: rawSize, payloadSize: frameEncoder.payloadSize,
            referenceSequence: referenceSequence, contentChecksum: frameEncoder.checksum,
            wantsAcknowledgement: wantsAcknowledgement, captureTime: captureTime,
            queueDuration: queueDuration, encodeDuration: encodeDuration,
            latency: latency)
        let size = header.encode(into: head, metadata: UnsafeRawBufferPointer(metadataPlace))
        frameEncoder.vectors[0] = iovec(iov_base: head.baseAddress, iov_len: size)
        messageSize = size + frameEncoder.payloadSize
    }

    /// The pieces of the message.
    package var vectors: UnsafeMutableBufferPointer<iovec> { frameEncoder.vectors }
}
