import Buffers
import CFramewire
import CPosix
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
    return { event in tell(event, callback, user) }
}

private func tell(_ event: ConnectionEvent, _ callback: fw_connection_fn, _ user: UserPointer) {
    let reason = event.reason.map { $0.message.cText } ?? [0]
    event.peer.cText.withUnsafeBufferPointer { peer in
        reason.withUnsafeBufferPointer { reason in
            var given = fw_connection_event(
                struct_size: UInt32(MemoryLayout<fw_connection_event>.size),
                state: fw_connection_state(rawValue: event.state.rawValue), peer_id: event.peerID,
                peer: peer.baseAddress, reason: reason.baseAddress,
                status: fw_status(rawValue: event.reason?.code.rawValue ?? 0),
                attempt: UInt32(truncatingIfNeeded: event.attempt))
            callback(&given, user.pointer)
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
    let whole = MemoryLayout<fw_peer_stats>.size
    // In memory, not as a value: the address makes that large.
    withUnsafeTemporaryAllocation(byteCount: whole, alignment: 8) { room in
        memset(room.baseAddress!, 0, whole)
        let result = room.assumingMemoryBound(to: fw_peer_stats.self).baseAddress!
        result.pointee.profile = UInt32(stats.profile.rawValue)
        result.pointee.peer_id = stats.id
        result.pointee.frames = stats.frames
        result.pointee.frames_dropped = stats.framesDropped
        result.pointee.bytes_wire = stats.bytesWire
        result.pointee.queue_depth = UInt32(truncatingIfNeeded: stats.queueDepth)
        result.pointee.paused = stats.isPaused ? 1 : 0
        result.pointee.send_queue_bytes = stats.sendQueueBytes
        result.pointee.rtt_ns_p50 = nanoseconds(stats.roundTripP50)
        result.pointee.rtt_ns_p99 = nanoseconds(stats.roundTripP99)
        result.pointee.latency_ns_p50 = nanoseconds(stats.latencyP50)
        result.pointee.latency_ns_p99 = nanoseconds(stats.latencyP99)
        // The address is the last field.
        let addressSize = MemoryLayout.size(ofValue: result.pointee.address)
        copyText(stats.address, to: UnsafeMutableRawBufferPointer(rebasing: room[(whole - addressSize)...]))
        let start = UnsafeRawPointer(room.baseAddress!)
        memcpy(UnsafeMutableRawPointer(out) + 4, start + 4, min(Int(size), whole) - 4)
    }
    return FW_OK
}

/// Writes as much of a text as there is room for, and a zero byte; the room is zeroed. A character is not cut.
@inline(never)
func copyText(_ text: String, to room: UnsafeMutableRawBufferPointer) {
    var count = text.copyBytes(to: UnsafeMutableRawBufferPointer(rebasing: room.dropLast()))
    if count == room.count - 1 {
        // The last character may have been cut: bytes that go on with one begin with the bits 10.
        while count > 0, room[count - 1] & 0xC0 == 0x80 { count -= 1 }
        if count > 0, room[count - 1] >= 0xC0 { count -= 1 }
    }
    room[count] = 0
}
