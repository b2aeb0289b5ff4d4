import Buffers
import CFramewire
import CPosix
import Framewire

/// The node of a meta of a type; nil for NULL, or one of another type.
private func node(_ meta: OpaquePointer?, _ type: MetaType) -> MetaPointer? {
    guard let meta, metaNode(meta).isOf(type) else { return nil }
    return metaNode(meta)
}

private func failType(_ name: StaticString) -> fw_status {
    fail(FW_ERROR_INVALID_ARGUMENT, "meta is NULL or no \(name) meta")
}

// MARK: - Parent buffer

@_cdecl("fw_buffer_add_parent_buffer_meta") @implementation
public func fw_buffer_add_parent_buffer_meta(
    _ buffer: OpaquePointer!, _ parent: OpaquePointer!, _ out: UnsafeMutablePointer<OpaquePointer?>!
) -> fw_status {
    out?.pointee = nil
    guard let parent else { return failNull("parent") }
    guard parent != buffer else {
        return fail(FW_ERROR_INVALID_ARGUMENT, "a buffer cannot be its own parent")
    }
    return addMeta(buffer, out) { storage throws(BufferError) in
        try storage.addParentMeta(bufferReference(parent))
    }
}

@_cdecl("fw_parent_buffer_meta_get") @implementation
public func fw_parent_buffer_meta_get(_ meta: OpaquePointer!) -> OpaquePointer! {
    node(meta, .parentBuffer)?.data.load(as: OpaquePointer.self)
}

@_cdecl("fw_parent_buffer_meta_type") @implementation
public func fw_parent_buffer_meta_type() -> OpaquePointer! { metaTypeHandle(.parentBuffer) }

// MARK: - Reference timestamp

@_cdecl("fw_buffer_add_reference_timestamp_meta") @implementation
public func fw_buffer_add_reference_timestamp_meta(
    _ buffer: OpaquePointer!, _ reference: UnsafePointer<CChar>!, _ timestamp_ns: Int64,
    _ duration_ns: Int64,
    _ out: UnsafeMutablePointer<OpaquePointer?>!
) -> fw_status {
    out?.pointee = nil
    guard let reference else { return failNull("reference") }
    return addMeta(buffer, out) { storage throws(BufferError) in
        try storage.addReferenceTimestampMeta(
            text(reference), timestamp: timestamp_ns, duration: duration_ns)
    }
}

@_cdecl("fw_reference_timestamp_meta_get") @implementation
public func fw_reference_timestamp_meta_get(
    _ meta: OpaquePointer!, _ out: UnsafeMutablePointer<fw_reference_timestamp>!
) -> fw_status {
    guard let out else { return failNull("out") }
    guard let node = node(meta, .referenceTimestamp) else { return failType("reference-timestamp") }
    let data = node.data.load(as: ReferenceTimestampData.self)
    out.pointee = fw_reference_timestamp(
        reference: UnsafePointer(data.name.assumingMemoryBound(to: CChar.self)),
        timestamp_ns: data.timestamp, duration_ns: data.duration)
    return FW_OK
}

@_cdecl("fw_buffer_get_reference_timestamp_meta") @implementation
public func fw_buffer_get_reference_timestamp_meta(
    _ buffer: OpaquePointer!, _ reference: UnsafePointer<CChar>!
) -> OpaquePointer! {
    guard let buffer else { return nil }
    return bufferReference(buffer).borrowed { storage in
        storage.referenceTimestampMeta(reference.map { text($0) }).map { OpaquePointer($0) }
    }
}

@_cdecl("fw_reference_timestamp_meta_type") @implementation
public func fw_reference_timestamp_meta_type() -> OpaquePointer! { metaTypeHandle(.referenceTimestamp) }

// MARK: - Video frame

/// The video frame of a caller.
private func videoFrame(_ frame: UnsafePointer<fw_video_frame>) throws(BufferError) -> VideoFrameMeta {
    var defaults = fw_video_frame()
    defaults.format = FW_PIXEL_FORMAT_RGBA8
    let size = frame.pointee.struct_size
    guard let full = overlay(frame, size: size, minimum: 20, on: defaults) else {
        throw .invalidArgument(sizeMessage("fw_video_frame", size, "FW_VIDEO_FRAME_INIT"))
    }
    guard let code = UInt16(exactly: full.format.rawValue), let format = PixelFormat(rawValue: code),
        let order = UInt8(exactly: full.row_order.rawValue), let rowOrder = RowOrder(rawValue: order)
    else {
        throw .invalidArgument("format is no fw_pixel_format, or row_order no fw_row_order")
    }
    let (offset, stride) = (full.plane_offset, full.plane_stride)
    return try VideoFrameMeta(
        width: Int(full.width), height: Int(full.height), format: format, rowOrder: rowOrder,
        planeCount: Int(full.plane_count),
        planes: (
            VideoFrameMeta.Plane(offset: offset.0, stride: stride.0),
            VideoFrameMeta.Plane(offset: offset.1, stride: stride.1),
            VideoFrameMeta.Plane(offset: offset.2, stride: stride.2)
        ))
}

@_cdecl("fw_buffer_add_video_frame_meta") @implementation
public func fw_buffer_add_video_frame_meta(
    _ buffer: OpaquePointer!, _ frame: UnsafePointer<fw_video_frame>!,
    _ out: UnsafeMutablePointer<OpaquePointer?>!
) -> fw_status {
    out?.pointee = nil
    guard let frame else { return failNull("frame") }
    return addMeta(buffer, out) { storage throws(BufferError) in
        try storage.addVideoFrameMeta(try videoFrame(frame))
    }
}

@_cdecl("fw_video_frame_meta_get") @implementation
public func fw_video_frame_meta_get(
    _ meta: OpaquePointer!, _ out: UnsafeMutablePointer<fw_video_frame>!
) -> fw_status {
    guard let out else { return failNull("out") }
    guard let node = node(meta, .videoFrame) else { return failType("video-frame") }
    let size = out.pointee.struct_size
    guard size >= 20 else {
        return fail(FW_ERROR_INVALID_ARGUMENT, sizeMessage("fw_video_frame", size, "FW_VIDEO_FRAME_INIT"))
    }
    let frame = node.data.load(as: VideoFrameMeta.self)
    let (first, second, third) = (frame[plane: 0], frame[plane: 1], frame[plane: 2])
    let result = fw_video_frame(
        struct_size: 0, width: UInt32(frame.width), height: UInt32(frame.height),
        format: fw_pixel_format(rawValue: UInt32(frame.format.rawValue)),
        row_order: fw_row_order(rawValue: UInt32(frame.rowOrder.rawValue)),
        plane_count: UInt32(frame.planeCount),
        plane_offset: (first.offset, second.offset, third.offset, 0),
        plane_stride: (first.stride, second.stride, third.stride, 0))
    store(result, to: out, size: size)
    return FW_OK
}

@_cdecl("fw_video_frame_meta_type") @implementation
public func fw_video_frame_meta_type() -> OpaquePointer! { metaTypeHandle(.videoFrame) }

// MARK: - Custom

@_cdecl("fw_buffer_add_custom_meta") @implementation
public func fw_buffer_add_custom_meta(
    _ buffer: OpaquePointer!, _ name: UnsafePointer<CChar>!, _ out: UnsafeMutablePointer<OpaquePointer?>!
) -> fw_status {
    out?.pointee = nil
    guard let name else { return failNull("name") }
    return addMeta(buffer, out) { storage throws(BufferError) in try storage.addCustomMeta(text(name)) }
}

@_cdecl("fw_buffer_get_custom_meta") @implementation
public func fw_buffer_get_custom_meta(
    _ buffer: OpaquePointer!, _ name: UnsafePointer<CChar>!
) -> OpaquePointer! {
    guard let buffer else { return nil }
    return bufferReference(buffer).borrowed { storage in
        storage.customMeta(name.map { text($0) }).map { OpaquePointer($0) }
    }
}

@_cdecl("fw_custom_meta_name") @implementation
public func fw_custom_meta_name(_ meta: OpaquePointer!) -> UnsafePointer<CChar>! {
    node(meta, .custom).map { UnsafePointer($0.customData.pointee.name.assumingMemoryBound(to: CChar.self)) }
}

@_cdecl("fw_custom_meta_set") @implementation
public func fw_custom_meta_set(
    _ meta: OpaquePointer!, _ key: UnsafePointer<CChar>!, _ value: UnsafeRawPointer!, _ size: Int
) -> fw_status {
    guard let key else { return failNull("key") }
    guard value != nil || size == 0 else { return failNull("value") }
    guard let node = node(meta, .custom) else { return failType("custom") }
    guard !node.pointee.flags.contains(.readOnly) else {
        return fail(FW_ERROR_NOT_WRITABLE, "the meta is read-only")
    }
    return status { () throws(BufferError) in
        try MetaType.checkName(text(key), "the key")
        let bytes = UnsafeRawBufferPointer(start: value, count: size < 0 ? Int.max : size)
        try node.customData.pointee.set(text(key), to: bytes)
    }
}

@_cdecl("fw_custom_meta_get") @implementation
public func fw_custom_meta_get(
    _ meta: OpaquePointer!, _ key: UnsafePointer<CChar>!, _ size: UnsafeMutablePointer<Int>!
) -> UnsafeRawPointer! {
    size?.pointee = 0
    guard let key, let entry = node(meta, .custom)?.customData.pointee.find(text(key)) else { return nil }
    size?.pointee = entry.value.count
    return entry.value.baseAddress
}

@_cdecl("fw_custom_meta_remove") @implementation
public func fw_custom_meta_remove(_ meta: OpaquePointer!, _ key: UnsafePointer<CChar>!) -> fw_status {
    guard let key else { return failNull("key") }
    guard let node = node(meta, .custom) else { return failType("custom") }
    guard !node.pointee.flags.contains(.readOnly) else {
        return fail(FW_ERROR_NOT_WRITABLE, "the meta is read-only")
    }
    guard node.customData.pointee.remove(text(key)) else {
        return fail(FW_ERROR_OUT_OF_RANGE, "the meta has no such key")
    }
    return FW_OK
}

@_cdecl("fw_custom_meta_count") @implementation
public func fw_custom_meta_count(_ meta: OpaquePointer!) -> Int {
    node(meta, .custom)?.customData.pointee.count ?? 0
}

@_cdecl("fw_custom_meta_key") @implementation
public func fw_custom_meta_key(_ meta: OpaquePointer!, _ index: Int) -> UnsafePointer<CChar>! {
    node(meta, .custom)?.customData.pointee.entry(index).map {
        $0.key.baseAddress!.assumingMemoryBound(to: CChar.self)
    }
}

@_cdecl("fw_custom_meta_type") @implementation
public func fw_custom_meta_type() -> OpaquePointer! { metaTypeHandle(.custom) }
