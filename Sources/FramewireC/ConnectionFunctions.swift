import Buffers
import CFramewire
import Framewire

/// The object behind `fw_message`: its content lies behind it.
final class MessageHandle {
    let type: UInt32
    let peerID: UInt64
    let bytes: UnsafeMutableRawBufferPointer

    init(_ message: Message) {
        type = message.type
        peerID = message.peerID
        bytes = .allocate(byteCount: message.content.count, alignment: 16)
        bytes.copyBytes(from: message.content)
    }

    deinit {
        bytes.deallocate()
    }
}

/// A handle for a message, which the caller owns.
func messageHandle(_ message: Message) -> OpaquePointer {
    OpaquePointer(Unmanaged.passRetained(MessageHandle(message)).toOpaque())
}

private func message(_ handle: OpaquePointer) -> MessageHandle {
    Unmanaged<MessageHandle>.fromOpaque(UnsafeRawPointer(handle)).takeUnretainedValue()
}

@_cdecl("fw_message_type") @implementation
public func fw_message_type(_ handle: OpaquePointer!) -> UInt32 {
    guard let handle else { return 0 }
    return message(handle).type
}

@_cdecl("fw_message_data") @implementation
public func fw_message_data(_ handle: OpaquePointer!) -> UnsafeRawPointer! {
    guard let handle, message(handle).bytes.count > 0 else { return nil }
    return UnsafeRawPointer(message(handle).bytes.baseAddress)
}

@_cdecl("fw_message_size") @implementation
public func fw_message_size(_ handle: OpaquePointer!) -> Int {
    guard let handle else { return 0 }
    return message(handle).bytes.count
}

@_cdecl("fw_message_peer_id") @implementation
public func fw_message_peer_id(_ handle: OpaquePointer!) -> UInt64 {
    guard let handle else { return 0 }
    return message(handle).peerID
}

@_cdecl("fw_message_free") @implementation
public func fw_message_free(_ handle: OpaquePointer!) {
    guard let handle else { return }
    Unmanaged<MessageHandle>.fromOpaque(UnsafeRawPointer(handle)).release()
}

/// The caller's pointer, which only the caller's own callback looks at.
private struct UserPointer: @unchecked Sendable {
    let pointer: UnsafeMutableRawPointer?
}

/// The caller's callback as the library has it.
func connectionHandler(
    _ callback: fw_connection_fn?, _ user: UnsafeMutableRawPointer?
) -> ConnectionHandler? {
    guard let callback else { return nil }
    let user = UserPointer(pointer: user)
    return { event in
        let reason = (event.reason?.message ?? "").cText
        event.peer.cText.withUnsafeBufferPointer { peer in
            reason.withUnsafeBufferPointer { reason in
                var given = fw_connection_event(
                    struct_size: UInt32(MemoryLayout<fw_connection_event>.size),
                    state: fw_connection_state(rawValue: event.state.rawValue), peer_id: event.peerID,
                    peer: peer.baseAddress, reason: reason.baseAddress,
                    status: fw_status(rawValue: event.reason?.code.rawValue ?? 0),
                    attempt: UInt32(clamping: event.attempt))
                callback(&given, user.pointer)
            }
        }
    }
}

/// Writes the stats of a peer to the caller's struct, or notes why there are none.
///
/// - Parameter stats: nil: there is no peer of that number.
func storePeerStats(_ stats: PeerStats?, to out: UnsafeMutablePointer<fw_peer_stats>!) -> fw_status {
    guard let out else { return failNull("stats") }
    let size = out.pointee.struct_size
    guard size >= 8 else {
        return fail(FW_ERROR_INVALID_ARGUMENT, sizeMessage("fw_peer_stats", size, "FW_PEER_STATS_INIT"))
    }
    guard let stats else { return fail(FW_ERROR_OUT_OF_RANGE, "there are not so many peers now") }
    var result = fw_peer_stats()
    result.profile = UInt32(stats.profile.rawValue)
    result.peer_id = stats.id
    result.frames = stats.frames
    result.frames_dropped = stats.framesDropped
    result.bytes_wire = stats.bytesWire
    result.queue_depth = UInt32(clamping: stats.queueDepth)
    result.paused = stats.isPaused ? 1 : 0
    result.send_queue_bytes = stats.sendQueueBytes
    result.rtt_ns_p50 = nanoseconds(stats.roundTripP50)
    result.rtt_ns_p99 = nanoseconds(stats.roundTripP99)
    result.latency_ns_p50 = nanoseconds(stats.latencyP50)
    result.latency_ns_p99 = nanoseconds(stats.latencyP99)
    withUnsafeMutableBytes(of: &result.address) { copyText(stats.address, to: $0) }
    store(result, to: out, size: size)
    return FW_OK
}

/// Writes as much of a text as there is room for, and a zero byte. A character is not cut.
func copyText(_ text: String, to room: UnsafeMutableRawBufferPointer) {
    let bytes = text.bytes
    var count = bytes.count
    if count >= room.count {
        count = room.count - 1
        // Bytes that go on with a character begin with the bits 10.
        while count > 0, bytes[count] & 0xC0 == 0x80 { count -= 1 }
    }
    for index in 0..<count { room[index] = bytes[index] }
    room[count] = 0
}
