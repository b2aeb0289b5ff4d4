import Buffers
import CFramewire
import Framewire

private func sender(_ handle: OpaquePointer) -> Sender {
    Unmanaged<Sender>.fromOpaque(UnsafeRawPointer(handle)).takeUnretainedValue()
}

@_cdecl("fw_sender_receiver_count") @implementation
public func fw_sender_receiver_count(_ handle: OpaquePointer!) -> UInt32 {
    guard let handle else { return 0 }
    return UInt32(sender(handle).receiverCount)
}

@_cdecl("fw_sender_ready") @implementation
public func fw_sender_ready(_ handle: OpaquePointer!) -> Int32 {
    guard let handle else { return 0 }
    return sender(handle).isReady ? 1 : 0
}

@_cdecl("fw_sender_set_rate_limits") @implementation
public func fw_sender_set_rate_limits(
    _ handle: OpaquePointer!, _ frameRate: UInt32, _ bitRate: UInt64
) -> fw_status {
    guard let handle else { return failNull("sender") }
    do {
        try sender(handle).setRateLimits(frameRate: frameRate, bitRate: bitRate)
        return FW_OK
    } catch {
        return fail(error)
    }
}

@_cdecl("fw_sender_next_message") @implementation
public func fw_sender_next_message(
    _ handle: OpaquePointer!, _ timeout: Int64, _ out: UnsafeMutablePointer<OpaquePointer?>!
) -> fw_status {
    guard let out else { return failNull("out") }
    out.pointee = nil
    guard let handle else { return failNull("sender") }
    do {
        out.pointee = messageHandle(try sender(handle).nextMessage(timeout: timeout))
        return FW_OK
    } catch {
        return fail(error)
    }
}

@_cdecl("fw_sender_get_peer_stats") @implementation
public func fw_sender_get_peer_stats(
    _ handle: OpaquePointer!, _ index: UInt32, _ out: UnsafeMutablePointer<fw_peer_stats>!
) -> fw_status {
    guard let handle else { return failNull("sender") }
    return storePeerStats(sender(handle).peerStats(at: Int(index)), to: out)
}

@_cdecl("fw_sender_end") @implementation
public func fw_sender_end(
    _ handle: OpaquePointer!, _ reason: fw_end_reason, _ text: UnsafePointer<CChar>!, _ timeout: Int64
) -> fw_status {
    guard let handle else { return failNull("sender") }
    guard let known = EndReason(rawValue: reason.rawValue) else {
        return fail(FW_ERROR_INVALID_ARGUMENT, "reason is \(reason.rawValue), which is no fw_end_reason")
    }
    var sentence = ""
    if let text { sentence = String(text: text) }
    do {
        try sender(handle).end(known, sentence, timeout: timeout)
        return FW_OK
    } catch {
        return fail(error)
    }
}
