import CGStreamer
import Framewire

/// A buffer with a picture that came down the pipeline, mapped for reading while this lives.
///
/// The picture may be used and dropped on any thread.
final class Picture: @unchecked Sendable {
    // Unchecked: nothing changes after the initializer.
    private let frame: UnsafeMutablePointer<GstVideoFrame>
    private let info: FrameInfo
    private let packedLayout: FrameLayout

    /// - Parameter info: of the packed picture.
    /// - Throws: ``Refusal`` for a buffer that has less than the caps say.
    init(
        _ buffer: UnsafeMutablePointer<GstBuffer>, _ input: InputFormat, _ info: FrameInfo
    ) throws(Refusal) {
        self.info = info
        do {
            packedLayout = try FrameLayout(info)
        } catch {
            throw Refusal(kind: .stream(GST_STREAM_ERROR_FORMAT), sentence: error.message)
        }
        frame = try Self.map(buffer, input)
        // From here on `deinit` runs whatever happens.
        if let complaint = complaint(input) {
            throw Refusal(kind: .stream(GST_STREAM_ERROR_FORMAT), sentence: complaint)
        }
    }

    private static func map(
        _ buffer: UnsafeMutablePointer<GstBuffer>, _ input: InputFormat
    ) throws(Refusal) -> UnsafeMutablePointer<GstVideoFrame> {
        let frame = UnsafeMutablePointer<GstVideoFrame>.allocate(capacity: 1)
        frame.initialize(to: GstVideoFrame())
        var video = input.video
        if gst_video_frame_map(frame, &video, buffer, GST_MAP_READ) != 0 { return frame }
        frame.deallocate()
        throw Refusal(
            kind: .stream(GST_STREAM_ERROR_FORMAT),
            sentence: "a buffer of \(gst_buffer_get_size(buffer)) bytes cannot be mapped as the picture of"
                + " \(video.size) bytes that the caps describe")
    }

    deinit {
        gst_video_frame_unmap(frame)
        frame.deallocate()
    }

    /// The bytes as they lie and the description that fits them; nil where a description with one stride cannot.
    var asItLies: (info: FrameInfo, bytes: UnsafeRawBufferPointer)? {
        var info = info
        let plane = plane(0)
        guard plane.stride > 0 else { return nil }
        info.stride = plane.stride
        guard let layout = try? FrameLayout(info) else { return nil }
        for index in 1..<max(layout.planeCount, 1) {
            let other = self.plane(index)
            guard other.stride == layout[plane: index].stride,
                other.start == plane.start + layout[plane: index].offset
            else { return nil }
        }
        return (info, UnsafeRawBufferPointer(start: plane.start, count: layout.size))
    }

    /// Bytes of the packed picture.
    var packedSize: Int { packedLayout.size }

    /// Copies the rows without what is between them; `destination` has ``packedSize`` bytes.
    func pack(into destination: UnsafeMutableRawBufferPointer) {
        for index in 0..<packedLayout.planeCount {
            let from = plane(index)
            let to = packedLayout[plane: index]
            copyRows(
                from.start, from.stride, destination.baseAddress! + to.offset, to.stride,
                rowBytes: to.rowBytes, rows: to.rows)
        }
    }

    private func plane(_ index: Int) -> (start: UnsafeRawPointer, stride: Int) {
        let data = [frame.pointee.data.0, frame.pointee.data.1, frame.pointee.data.2][index]
        let strides = frame.pointee.info.stride
        return (UnsafeRawPointer(data!), Int([strides.0, strides.1, strides.2][index]))
    }

    /// What is wrong with what the buffer's own description claims: the base library believes it.
    private func complaint(_ input: InputFormat) -> String? {
        let info = frame.pointee.info
        guard info.finfo.pointee.format == input.video.finfo.pointee.format, info.width >= input.video.width,
            info.height >= input.video.height
        else {
            return "the buffer's video meta describes a picture of another format or size than the caps"
        }
        let maps = frame.pointee.map
        for index in 0..<packedLayout.planeCount {
            let layout = packedLayout[plane: index]
            let data = [frame.pointee.data.0, frame.pointee.data.1, frame.pointee.data.2][index]
            let own = [maps.0, maps.1, maps.2][index]
            // Where planes are not mapped each on its own, the first map has all of them.
            let map = own.data == nil ? maps.0 : own
            guard let data, let start = map.data else { return "plane \(index) of the buffer has no bytes" }
            let last = Int(bitPattern: data) - Int(bitPattern: start)
            let stride = [info.stride.0, info.stride.1, info.stride.2][index]
            let span = Int(stride) * (layout.rows - 1)
            guard last + min(0, span) >= 0, last + max(0, span) + layout.rowBytes <= Int(map.size) else {
                return
                    "plane \(index) of the buffer, \(layout.rows) rows of \(layout.rowBytes) bytes at a stride of"
                    + " \(stride), does not fit into \(map.size) bytes"
            }
        }
        return nil
    }
}

/// Copies rows between two pictures; strides may be negative.
func copyRows(
    _ from: UnsafeRawPointer, _ fromStride: Int, _ to: UnsafeMutableRawPointer, _ toStride: Int,
    rowBytes: Int,
    rows: Int
) {
    if fromStride == rowBytes, toStride == rowBytes {
        to.copyMemory(from: from, byteCount: rowBytes * rows)
        return
    }
    for row in 0..<rows {
        (to + row * toStride).copyMemory(from: from + row * fromStride, byteCount: rowBytes)
    }
}
