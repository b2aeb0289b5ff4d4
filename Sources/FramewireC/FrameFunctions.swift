import Buffers
import CFramewire
import Framewire

/// The frame behind a handle.
func frameSlot(_ frame: OpaquePointer) -> FrameSlot {
    Unmanaged<FrameSlot>.fromOpaque(UnsafeRawPointer(frame)).takeUnretainedValue()
}

/// A handle for a frame, which takes one ownership over: ``FrameSlot`` counts its owners itself and lives as
/// long as there are any.
func frameHandle(_ slot: FrameSlot) -> OpaquePointer {
    OpaquePointer(Unmanaged.passUnretained(slot).toOpaque())
}

@_cdecl("fw_frame_data") @implementation
public func fw_frame_data(_ frame: OpaquePointer!) -> UnsafeMutableRawPointer! {
    guard let frame else { return nil }
    return frameSlot(frame).base
}

@_cdecl("fw_frame_size") @implementation
public func fw_frame_size(_ frame: OpaquePointer!) -> Int {
    guard let frame else { return 0 }
    return frameSlot(frame).layout.size
}

@_cdecl("fw_frame_stride") @implementation
public func fw_frame_stride(_ frame: OpaquePointer!) -> Int {
    guard let frame else { return 0 }
    return frameSlot(frame).layout[plane: 0].stride
}

@_cdecl("fw_frame_get_info") @implementation
public func fw_frame_get_info(
    _ frame: OpaquePointer!, _ info: UnsafeMutablePointer<fw_frame_info>!
) -> fw_status {
    guard let frame else { return failNull("frame") }
    guard let info else { return failNull("info") }
    let size = info.pointee.struct_size
    guard size >= 8 else {
        return fail(FW_ERROR_INVALID_ARGUMENT, sizeMessage("fw_frame_info", size, "FW_FRAME_INFO_INIT"))
    }
    let slot = frameSlot(frame)
    store(cFrameInfo(slot.info, stride: slot.layout[plane: 0].stride), to: info, size: size)
    return FW_OK
}

@_cdecl("fw_frame_get_timing") @implementation
public func fw_frame_get_timing(
    _ frame: OpaquePointer!, _ timing: UnsafeMutablePointer<fw_frame_timing>!
) -> fw_status {
    guard let frame else { return failNull("frame") }
    guard let timing else { return failNull("timing") }
    let size = timing.pointee.struct_size
    guard size >= 8 else {
        return fail(FW_ERROR_INVALID_ARGUMENT, sizeMessage("fw_frame_timing", size, "FW_FRAME_TIMING_INIT"))
    }
    let found = frameSlot(frame).timing
    let result = fw_frame_timing(
        struct_size: 0, reserved: 0, sender_queue_ns: nanoseconds(found.senderQueue),
        sender_encode_ns: nanoseconds(found.senderEncode), receive_ns: nanoseconds(found.receive),
        decode_ns: nanoseconds(found.decode), latency_ns: nanoseconds(found.latency),
        wire_bytes: found.wireBytes)
    store(result, to: timing, size: size)
    return FW_OK
}

@_cdecl("fw_frame_peer_id") @implementation
public func fw_frame_peer_id(_ frame: OpaquePointer!) -> UInt64 {
    guard let frame else { return 0 }
    return frameSlot(frame).peerID
}

@_cdecl("fw_frame_buffer") @implementation
public func fw_frame_buffer(_ frame: OpaquePointer!) -> OpaquePointer! {
    guard let frame, let buffer = frameSlot(frame).buffer else { return nil }
    // Borrowed: the frame keeps it.
    return OpaquePointer(Unmanaged.passUnretained(buffer.storage).toOpaque())
}

@_cdecl("fw_frame_ref") @implementation
public func fw_frame_ref(_ frame: OpaquePointer!) -> OpaquePointer! {
    guard let frame else { return nil }
    frameSlot(frame).retain()
    return frame
}

@_cdecl("fw_frame_unref") @implementation
public func fw_frame_unref(_ frame: OpaquePointer!) {
    guard let frame else { return }
    frameSlot(frame).drop()
}
