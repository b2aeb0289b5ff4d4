import Buffers
import CFramewire
import Framewire

/// Bytes of `fw_sender_options` up to and with `profile`.
private let minimumOptionsSize = 8

private func sender(_ handle: OpaquePointer) -> Sender {
    Unmanaged<Sender>.fromOpaque(UnsafeRawPointer(handle)).takeUnretainedValue()
}

/// The caller's options, or `nil` after noting why they are refused.
private func senderOptions(_ given: UnsafePointer<fw_sender_options>?) -> Sender.Options? {
    var options = Sender.Options()
    guard let given else { return options }
    let defaults = fw_sender_options(
        struct_size: 0, profile: FW_PROFILE_AUTO, acceleration: 0, overflow: FW_OVERFLOW_DROP_OLDEST,
        queue_depth: 0,
        threads: 0, reconnect: FW_RECONNECT_DEFAULT, checksum: 0, connect_timeout_ns: 0, block_timeout_ns: 0,
        close_timeout_ns: 0, key_frame_interval: 0, reserved: 0, tls: nil, on_connection: nil,
        on_connection_user: nil, keepalive_interval_ns: 0, idle_timeout_ns: 0, max_bit_rate: 0,
        max_frame_rate_millihertz: 0, max_peers: 0)
    let size = given.pointee.struct_size
    guard let full = overlay(given, size: size, minimum: minimumOptionsSize, on: defaults) else {
        _ = fail(
            FW_ERROR_INVALID_ARGUMENT, sizeMessage("fw_sender_options", size, "FW_SENDER_OPTIONS_INIT"))
        return nil
    }
    guard let profile = profile(full.profile), let overflow = overflowPolicy(full.overflow),
        let reconnect = reconnectPolicy(full.reconnect), let tls = tlsOptions(full.tls)
    else { return nil }
    options.tls = tls
    options.profile = profile
    if full.acceleration != 0 { options.acceleration = full.acceleration }
    options.overflow = overflow
    if full.queue_depth != 0 { options.queueDepth = Int(full.queue_depth) }
    options.threads = Int(full.threads)
    options.reconnect = reconnect
    if full.checksum != 0 { options.checksum = true }
    if full.connect_timeout_ns != 0 { options.connectTimeout = full.connect_timeout_ns }
    if full.block_timeout_ns != 0 { options.blockTimeout = full.block_timeout_ns }
    if full.close_timeout_ns != 0 { options.closeTimeout = full.close_timeout_ns }
    options.keyFrameInterval = Int(full.key_frame_interval)
    options.onConnection = connectionHandler(full.on_connection, full.on_connection_user)
    if full.keepalive_interval_ns != 0 { options.keepaliveInterval = full.keepalive_interval_ns }
    if full.idle_timeout_ns != 0 { options.idleTimeout = full.idle_timeout_ns }
    options.maxBitRate = full.max_bit_rate
    options.maxFrameRate = full.max_frame_rate_millihertz
    if full.max_peers != 0 { options.maxPeers = Int(full.max_peers) }
    return options
}

func profile(_ given: fw_profile) -> Profile? {
    guard let code = UInt8(exactly: given.rawValue), let profile = Profile(rawValue: code) else {
        _ = fail(FW_ERROR_INVALID_ARGUMENT, "profile is \(given.rawValue), which is no fw_profile")
        return nil
    }
    return profile
}

func overflowPolicy(_ given: fw_overflow) -> OverflowPolicy? {
    guard let policy = OverflowPolicy(rawValue: given.rawValue) else {
        _ = fail(FW_ERROR_INVALID_ARGUMENT, "overflow is \(given.rawValue), which is no fw_overflow")
        return nil
    }
    return policy
}

func reconnectPolicy(_ given: fw_reconnect) -> ReconnectPolicy? {
    guard let policy = ReconnectPolicy(rawValue: given.rawValue) else {
        _ = fail(FW_ERROR_INVALID_ARGUMENT, "reconnect is \(given.rawValue), which is no fw_reconnect")
        return nil
    }
    return policy
}

@_cdecl("fw_sender_open") @implementation
public func fw_sender_open(
    _ url: UnsafePointer<CChar>!, _ options: UnsafePointer<fw_sender_options>!,
    _ out: UnsafeMutablePointer<OpaquePointer?>!
) -> fw_status {
    guard let out else { return failNull("out") }
    out.pointee = nil
    guard let url else { return failNull("url") }
    guard let options = senderOptions(options) else { return FW_ERROR_INVALID_ARGUMENT }
    do {
        let sender = try Sender(to: String(text: url), options: options)
        out.pointee = OpaquePointer(Unmanaged.passRetained(sender).toOpaque())
        return FW_OK
    } catch {
        return fail(error)
    }
}

@_cdecl("fw_sender_acquire") @implementation
public func fw_sender_acquire(
    _ handle: OpaquePointer!, _ info: UnsafePointer<fw_frame_info>!,
    _ out: UnsafeMutablePointer<OpaquePointer?>!
) -> fw_status {
    guard let out else { return failNull("out") }
    out.pointee = nil
    guard let handle else { return failNull("sender") }
    guard let info = frameInfo(info) else { return FW_ERROR_INVALID_ARGUMENT }
    do {
        out.pointee = frameHandle(try sender(handle).implementation.acquire(info))
        return FW_OK
    } catch {
        return fail(error)
    }
}

@_cdecl("fw_sender_wrap") @implementation
public func fw_sender_wrap(
    _ handle: OpaquePointer!, _ info: UnsafePointer<fw_frame_info>!, _ pixels: UnsafeRawPointer!, _ size: Int,
    _ release: fw_release_fn!, _ user: UnsafeMutableRawPointer!, _ out: UnsafeMutablePointer<OpaquePointer?>!
) -> fw_status {
    guard let out else { return failNull("out") }
    out.pointee = nil
    return wrap(handle, info, pixels, size, release, user, out)
}

/// Makes a frame of the caller's memory, or queues it at once without an `out`.
@inline(never)
private func wrap(
    _ handle: OpaquePointer?, _ info: UnsafePointer<fw_frame_info>?, _ pixels: UnsafeRawPointer?,
    _ size: Int, _ release: fw_release_fn?, _ user: UnsafeMutableRawPointer?,
    _ out: UnsafeMutablePointer<OpaquePointer?>?
) -> fw_status {
    guard let handle else { return failNull("sender") }
    guard let pixels = givenPixels(pixels, size), let info = frameInfo(info) else {
        return FW_ERROR_INVALID_ARGUMENT
    }
    let core = sender(handle).implementation
    do {
        if let out {
            out.pointee = frameHandle(try core.wrap(info, pixels, release: release, user: user))
        } else {
            try core.pushWrapped(info, pixels, release: release, user: user)
        }
        return FW_OK
    } catch {
        return fail(error)
    }
}

@_cdecl("fw_sender_submit") @implementation
public func fw_sender_submit(_ handle: OpaquePointer!, _ frame: OpaquePointer!) -> fw_status {
    guard let frame else { return failNull("frame") }
    guard let handle else {
        fw_frame_unref(frame)
        return failNull("sender")
    }
    do {
        try sender(handle).implementation.submit(frameSlot(frame))
        return FW_OK
    } catch {
        return fail(error)
    }
}

@_cdecl("fw_sender_push") @implementation
public func fw_sender_push(
    _ handle: OpaquePointer!, _ info: UnsafePointer<fw_frame_info>!, _ pixels: UnsafeRawPointer!, _ size: Int
) -> fw_status {
    guard let handle else { return failNull("sender") }
    guard let pixels = givenPixels(pixels, size), let info = frameInfo(info) else {
        return FW_ERROR_INVALID_ARGUMENT
    }
    do {
        try sender(handle).implementation.push(info, pixels)
        return FW_OK
    } catch {
        return fail(error)
    }
}

@_cdecl("fw_sender_push_wrapped") @implementation
public func fw_sender_push_wrapped(
    _ handle: OpaquePointer!, _ info: UnsafePointer<fw_frame_info>!, _ pixels: UnsafeRawPointer!, _ size: Int,
    _ release: fw_release_fn!, _ user: UnsafeMutableRawPointer!
) -> fw_status {
    wrap(handle, info, pixels, size, release, user, nil)
}

/// The caller's pixels, or `nil` after noting why they are refused.
@inline(never)
func givenPixels(_ pixels: UnsafeRawPointer?, _ size: Int) -> UnsafeRawBufferPointer? {
    guard let pixels else {
        _ = failNull("pixels")
        return nil
    }
    guard let count = byteCount(size) else {
        _ = failSize(size)
        return nil
    }
    return UnsafeRawBufferPointer(start: pixels, count: count)
}

func failSize(_ size: Int) -> fw_status {
    fail(
        FW_ERROR_INVALID_ARGUMENT,
        "size is \(UInt(bitPattern: size)) bytes, which is more than any object can have")
}

@_cdecl("fw_sender_push_buffer") @implementation
public func fw_sender_push_buffer(
    _ handle: OpaquePointer!, _ info: UnsafePointer<fw_frame_info>!, _ buffer: OpaquePointer!
) -> fw_status {
    guard let handle else { return failNull("sender") }
    guard let buffer else { return failNull("buffer") }
    guard let info = frameInfo(info) else { return FW_ERROR_INVALID_ARGUMENT }
    do {
        try sender(handle).push(info, buffer: Buffer(storage: bufferReference(buffer).takeUnretainedValue()))
        return FW_OK
    } catch {
        return fail(error)
    }
}

@_cdecl("fw_sender_flush") @implementation
public func fw_sender_flush(_ handle: OpaquePointer!, _ timeout: Int64) -> fw_status {
    guard let handle else { return failNull("sender") }
    do {
        try sender(handle).flush(timeout: timeout)
        return FW_OK
    } catch {
        return fail(error)
    }
}

@_cdecl("fw_sender_is_connected") @implementation
public func fw_sender_is_connected(_ handle: OpaquePointer!) -> Int32 {
    guard let handle else { return 0 }
    return sender(handle).isConnected ? 1 : 0
}

@_cdecl("fw_sender_port") @implementation
public func fw_sender_port(_ handle: OpaquePointer!) -> UInt16 {
    guard let handle else { return 0 }
    return sender(handle).port
}

@_cdecl("fw_sender_get_stats") @implementation
public func fw_sender_get_stats(
    _ handle: OpaquePointer!, _ out: UnsafeMutablePointer<fw_sender_stats>!
) -> fw_status {
    guard let handle else { return failNull("sender") }
    guard let out else { return failNull("stats") }
    let size = out.pointee.struct_size
    guard size >= 8 else {
        return fail(FW_ERROR_INVALID_ARGUMENT, sizeMessage("fw_sender_stats", size, "FW_SENDER_STATS_INIT"))
    }
    let stats = sender(handle).stats
    let result = fw_sender_stats(
        struct_size: 0, connected: stats.connected ? 1 : 0, frames_pushed: stats.framesPushed,
        frames_sent: stats.framesSent, frames_dropped: stats.framesDropped, bytes_raw: stats.bytesRaw,
        bytes_wire: stats.bytesWire, frames_acknowledged: stats.framesAcknowledged,
        connections: stats.connections,
        pixel_bytes_copied: stats.pixelBytesCopied, queue_depth: UInt32(stats.queueDepth),
        queue_peak: UInt32(stats.queuePeak), frames_allocated: UInt32(stats.framesAllocated),
        profile: fw_profile(rawValue: UInt32(stats.profile.rawValue)),
        encode_ns_p50: nanoseconds(stats.encodeP50),
        encode_ns_p99: nanoseconds(stats.encodeP99), latency_ns_p50: nanoseconds(stats.latencyP50),
        latency_ns_p99: nanoseconds(stats.latencyP99), submit_ns_p50: nanoseconds(stats.submitP50),
        submit_ns_p99: nanoseconds(stats.submitP99), send_queue_bytes: stats.sendQueueBytes,
        profile_reason: fw_profile_reason(rawValue: stats.profileReason.rawValue),
        receivers: UInt32(stats.receivers), rtt_ns_p50: nanoseconds(stats.roundTripP50),
        rtt_ns_p99: nanoseconds(stats.roundTripP99), frames_encoded: stats.framesEncoded,
        messages_received: stats.messagesReceived,
        messages_dropped: stats.messagesDropped)
    store(result, to: out, size: size)
    return FW_OK
}

@_cdecl("fw_sender_close") @implementation
public func fw_sender_close(_ handle: OpaquePointer!) {
    guard let handle else { return }
    Unmanaged<Sender>.fromOpaque(UnsafeRawPointer(handle)).takeRetainedValue().close()
}
