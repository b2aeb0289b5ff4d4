import Buffers
import CFramewire
import Framewire

/// Bytes of `fw_receiver_options` up to and with `once`.
private let minimumOptionsSize = 8

private func receiver(_ handle: OpaquePointer) -> Receiver {
    Unmanaged<Receiver>.fromOpaque(UnsafeRawPointer(handle)).takeUnretainedValue()
}

/// The caller's options, or `nil` after noting why they are refused.
func receiverOptions(_ given: UnsafePointer<fw_receiver_options>?) -> Receiver.Options? {
    var options = Receiver.Options()
    guard let given else { return options }
    let defaults = fw_receiver_options(
        struct_size: 0, once: 0, overflow: FW_OVERFLOW_BLOCK, queue_depth: 0, threads: 0,
        reconnect: FW_RECONNECT_DEFAULT, max_width: 0, max_height: 0, max_frame_bytes: 0,
        max_metadata_bytes: 0,
        ignore_checksums: 0, connect_timeout_ns: 0, tls: nil, on_connection: nil, on_connection_user: nil,
        keepalive_interval_ns: 0, idle_timeout_ns: 0, max_peers: 0, reserved: 0)
    let size = given.pointee.struct_size
    guard let full = overlay(given, size: size, minimum: minimumOptionsSize, on: defaults) else {
        _ = fail(
            FW_ERROR_INVALID_ARGUMENT, sizeMessage("fw_receiver_options", size, "FW_RECEIVER_OPTIONS_INIT"))
        return nil
    }
    guard let overflow = overflowPolicy(full.overflow), let reconnect = reconnectPolicy(full.reconnect),
        let tls = tlsOptions(full.tls)
    else { return nil }
    options.tls = tls
    options.once = full.once != 0
    options.overflow = overflow
    if full.queue_depth != 0 { options.queueDepth = Int(full.queue_depth) }
    options.threads = Int(full.threads)
    options.reconnect = reconnect
    if full.max_width != 0 { options.limits.maxWidth = Int(full.max_width) }
    if full.max_height != 0 { options.limits.maxHeight = Int(full.max_height) }
    if full.max_frame_bytes != 0 { options.limits.maxFrameBytes = Int(clamping: full.max_frame_bytes) }
    if full.max_metadata_bytes != 0 { options.limits.maxMetadataBytes = Int(full.max_metadata_bytes) }
    options.verifyChecksums = full.ignore_checksums == 0
    if full.connect_timeout_ns != 0 { options.connectTimeout = full.connect_timeout_ns }
    options.onConnection = connectionHandler(full.on_connection, full.on_connection_user)
    if full.keepalive_interval_ns != 0 { options.keepaliveInterval = full.keepalive_interval_ns }
    if full.idle_timeout_ns != 0 { options.idleTimeout = full.idle_timeout_ns }
    if full.max_peers != 0 { options.maxPeers = Int(full.max_peers) }
    return options
}

@_cdecl("fw_receiver_open") @implementation
public func fw_receiver_open(
    _ url: UnsafePointer<CChar>!, _ options: UnsafePointer<fw_receiver_options>!,
    _ out: UnsafeMutablePointer<OpaquePointer?>!
) -> fw_status {
    guard let out else { return failNull("out") }
    out.pointee = nil
    guard let url else { return failNull("url") }
    guard let options = receiverOptions(options) else { return FW_ERROR_INVALID_ARGUMENT }
    do {
        let receiver = try Receiver(from: String(text: url), options: options)
        out.pointee = OpaquePointer(Unmanaged.passRetained(receiver).toOpaque())
        return FW_OK
    } catch {
        return fail(error)
    }
}

@_cdecl("fw_receiver_next") @implementation
public func fw_receiver_next(
    _ handle: OpaquePointer!, _ timeout: Int64, _ out: UnsafeMutablePointer<OpaquePointer?>!
) -> fw_status {
    guard let out else { return failNull("out") }
    out.pointee = nil
    guard let handle else { return failNull("receiver") }
    do {
        out.pointee = frameHandle(try receiver(handle).implementation.next(timeout: timeout))
        return FW_OK
    } catch {
        return fail(error)
    }
}

@_cdecl("fw_receiver_fd") @implementation
public func fw_receiver_fd(_ handle: OpaquePointer!) -> Int32 {
    guard let handle else { return -1 }
    return receiver(handle).descriptor
}

@_cdecl("fw_receiver_port") @implementation
public func fw_receiver_port(_ handle: OpaquePointer!) -> UInt16 {
    guard let handle else { return 0 }
    return receiver(handle).port
}

@_cdecl("fw_receiver_get_stats") @implementation
public func fw_receiver_get_stats(
    _ handle: OpaquePointer!, _ out: UnsafeMutablePointer<fw_receiver_stats>!
) -> fw_status {
    guard let handle else { return failNull("receiver") }
    guard let out else { return failNull("stats") }
    let size = out.pointee.struct_size
    guard size >= 8 else {
        return fail(
            FW_ERROR_INVALID_ARGUMENT, sizeMessage("fw_receiver_stats", size, "FW_RECEIVER_STATS_INIT"))
    }
    let stats = receiver(handle).stats
    let result = fw_receiver_stats(
        struct_size: 0, connected: stats.connected ? 1 : 0, frames_received: stats.framesReceived,
        frames_delivered: stats.framesDelivered, frames_dropped: stats.framesDropped,
        frames_missed: stats.framesMissed, bytes_raw: stats.bytesRaw, bytes_wire: stats.bytesWire,
        connections: stats.connections, errors: stats.errors, checksums_verified: stats.checksumsVerified,
        queue_depth: UInt32(stats.queueDepth), frames_allocated: UInt32(stats.framesAllocated),
        decode_ns_p50: nanoseconds(stats.decodeP50), decode_ns_p99: nanoseconds(stats.decodeP99),
        latency_ns_p50: nanoseconds(stats.latencyP50), latency_ns_p99: nanoseconds(stats.latencyP99),
        frames_undecodable: stats.framesUndecodable, rtt_ns_p50: nanoseconds(stats.roundTripP50),
        rtt_ns_p99: nanoseconds(stats.roundTripP99), peers: UInt32(stats.peers),
        paused: stats.isPaused ? 1 : 0, peers_refused: stats.peersRefused)
    store(result, to: out, size: size)
    return FW_OK
}

@_cdecl("fw_receiver_get_peer_stats") @implementation
public func fw_receiver_get_peer_stats(
    _ handle: OpaquePointer!, _ index: UInt32, _ out: UnsafeMutablePointer<fw_peer_stats>!
) -> fw_status {
    guard let handle else { return failNull("receiver") }
    return storePeerStats(receiver(handle).implementation.peerStats(Int(index)), to: out)
}

@_cdecl("fw_receiver_set_paused") @implementation
public func fw_receiver_set_paused(_ handle: OpaquePointer!, _ paused: Int32) -> fw_status {
    guard let handle else { return failNull("receiver") }
    receiver(handle).setPaused(paused != 0)
    return FW_OK
}

@_cdecl("fw_receiver_send_message") @implementation
public func fw_receiver_send_message(
    _ handle: OpaquePointer!, _ peer: UInt64, _ type: UInt32, _ data: UnsafeRawPointer!, _ size: Int
) -> fw_status {
    guard let handle else { return failNull("receiver") }
    guard data != nil || size == 0 else { return failNull("data") }
    guard size >= 0 else { return fail(FW_ERROR_TOO_LARGE, "size is more than there is memory") }
    do {
        let content = UnsafeRawBufferPointer(start: data, count: size)
        try receiver(handle).implementation.send(to: peer, type: type, content: content)
        return FW_OK
    } catch {
        return fail(error)
    }
}

@_cdecl("fw_receiver_request_key_frame") @implementation
public func fw_receiver_request_key_frame(
    _ handle: OpaquePointer!, _ stream: UInt32, _ view: UInt32
) -> fw_status {
    guard let handle else { return failNull("receiver") }
    do {
        try receiver(handle).implementation.requestKeyFrame(streamID: stream, viewID: view)
        return FW_OK
    } catch {
        return fail(error)
    }
}

@_cdecl("fw_receiver_get_end") @implementation
public func fw_receiver_get_end(_ handle: OpaquePointer!, _ out: UnsafeMutablePointer<fw_end>!) -> fw_status {
    guard let handle else { return failNull("receiver") }
    guard let out else { return failNull("end") }
    let size = out.pointee.struct_size
    guard size >= 8 else {
        return fail(FW_ERROR_INVALID_ARGUMENT, sizeMessage("fw_end", size, "FW_END_INIT"))
    }
    guard let end = receiver(handle).lastEnd else {
        return fail(FW_ERROR_WOULD_BLOCK, "no stream has ended yet")
    }
    var result = fw_end()
    result.reason = fw_end_reason(rawValue: end.reason.rawValue)
    result.peer_id = end.peerID
    result.status = fw_status(rawValue: end.error.code.rawValue)
    withUnsafeMutableBytes(of: &result.text) { copyText(end.text, to: $0) }
    store(result, to: out, size: size)
    return FW_OK
}

@_cdecl("fw_receiver_close") @implementation
public func fw_receiver_close(_ handle: OpaquePointer!) {
    guard let handle else { return }
    Unmanaged<Receiver>.fromOpaque(UnsafeRawPointer(handle)).takeRetainedValue().close()
}
