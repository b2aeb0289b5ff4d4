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
        ignore_checksums: 0, connect_timeout_ns: 0, tls: nil)
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
        let receiver = try Receiver(from: String(cString: url), options: options)
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
        frames_undecodable: stats.framesUndecodable)
    store(result, to: out, size: size)
    return FW_OK
}

@_cdecl("fw_receiver_close") @implementation
public func fw_receiver_close(_ handle: OpaquePointer!) {
    guard let handle else { return }
    Unmanaged<Receiver>.fromOpaque(UnsafeRawPointer(handle)).takeRetainedValue().close()
}
