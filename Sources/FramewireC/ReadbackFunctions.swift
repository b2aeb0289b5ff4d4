import Buffers
import CFramewire
import Framewire

/// Bytes of `fw_gl_options` up to and with `user`.
private let minimumOptionsSize = 24

/// FW_TIME_NONE, a macro that Swift does not import.
private let noTime = Int64.min

private func readback(_ handle: OpaquePointer) -> GLReadback {
    Unmanaged<GLReadback>.fromOpaque(UnsafeRawPointer(handle)).takeUnretainedValue()
}

/// FW_GL_FRAMEBUFFER_BOUND is the one that is bound.
private func framebuffer(_ name: UInt32) -> UInt32? { name == .max ? nil : name }

/// The caller's options with the defaults in place of what it does not have, or `nil` after noting why they are refused.
private func fullOptions(_ given: UnsafePointer<fw_gl_options>) -> fw_gl_options? {
    let defaults = fw_gl_options(
        struct_size: 0, ring_depth: 0, get_proc_address: nil, user: nil, framebuffer: .max, attachment: 0,
        format: 0, row_order: FW_ROW_ORDER_BOTTOM_UP, resolve: FW_GL_RESOLVE_AUTO, path: FW_GL_PATH_AUTO,
        full_timeout_ns: 0, stream_id: 0, view_id: 0, color_primaries: 2, color_transfer: 2, color_matrix: 2,
        color_range: 0, reserved: 0)
    let size = given.pointee.struct_size
    guard let full = overlay(given, size: size, minimum: minimumOptionsSize, on: defaults) else {
        _ = fail(FW_ERROR_INVALID_ARGUMENT, sizeMessage("fw_gl_options", size, "FW_GL_OPTIONS_INIT"))
        return nil
    }
    return full
}

private func readbackOptions(_ full: fw_gl_options) -> GLReadback.Options? {
    var options = GLReadback.Options()
    guard let code = UInt16(exactly: full.format), code == 0 || PixelFormat(rawValue: code) != nil else {
        _ = fail(FW_ERROR_INVALID_ARGUMENT, "format is \(full.format), which is no fw_pixel_format")
        return nil
    }
    guard let order = UInt8(exactly: full.row_order.rawValue), let rowOrder = RowOrder(rawValue: order) else {
        _ = fail(
            FW_ERROR_INVALID_ARGUMENT, "row_order is \(full.row_order.rawValue), which is no fw_row_order")
        return nil
    }
    guard let path = ReadbackPath(rawValue: full.path.rawValue) else {
        _ = fail(FW_ERROR_INVALID_ARGUMENT, "path is \(full.path.rawValue), which is no fw_gl_path")
        return nil
    }
    guard full.resolve == FW_GL_RESOLVE_AUTO || full.resolve == FW_GL_RESOLVE_REFUSE else {
        _ = fail(
            FW_ERROR_INVALID_ARGUMENT, "resolve is \(full.resolve.rawValue), which is no fw_gl_resolve")
        return nil
    }
    if full.ring_depth != 0 { options.ringDepth = Int(full.ring_depth) }
    options.framebuffer = framebuffer(full.framebuffer)
    options.attachment = full.attachment
    options.format = PixelFormat(rawValue: code)
    options.rowOrder = rowOrder
    options.resolves = full.resolve == FW_GL_RESOLVE_AUTO
    options.path = path
    options.fullTimeout = full.full_timeout_ns
    options.streamID = full.stream_id
    options.viewID = full.view_id
    options.color = ColorDescription(
        primaries: full.color_primaries, transfer: full.color_transfer, matrix: full.color_matrix,
        range: full.color_range)
    return options
}

@_cdecl("fw_gl_readback_new") @implementation
public func fw_gl_readback_new(
    _ sender: OpaquePointer!, _ options: UnsafePointer<fw_gl_options>!,
    _ out: UnsafeMutablePointer<OpaquePointer?>!
) -> fw_status {
    guard let out else { return failNull("out") }
    out.pointee = nil
    guard let sender else { return failNull("sender") }
    guard let options else { return failNull("options") }
    guard let full = fullOptions(options) else { return FW_ERROR_INVALID_ARGUMENT }
    guard let load = full.get_proc_address else { return failNull("options.get_proc_address") }
    guard let options = readbackOptions(full) else { return FW_ERROR_INVALID_ARGUMENT }
    do {
        let sender = Unmanaged<Sender>.fromOpaque(UnsafeRawPointer(sender)).takeUnretainedValue()
        let made = try GLReadback(sender: sender, options: options) { load($0, full.user) }
        out.pointee = OpaquePointer(Unmanaged.passRetained(made).toOpaque())
        return FW_OK
    } catch {
        return fail(error)
    }
}

@_cdecl("fw_gl_readback_capture_framebuffer") @implementation
public func fw_gl_readback_capture_framebuffer(
    _ handle: OpaquePointer!, _ name: UInt32, _ attachment: UInt32, _ x: Int32, _ y: Int32, _ width: Int32,
    _ height: Int32, _ pts: Int64
) -> fw_status {
    guard let handle else { return failNull("readback") }
    do {
        try readback(handle).capture(
            framebuffer: framebuffer(name), attachment: attachment, x: Int(x), y: Int(y), width: Int(width),
            height: Int(height), pts: pts == noTime ? nil : pts)
        return FW_OK
    } catch {
        return fail(error)
    }
}

@_cdecl("fw_gl_readback_capture") @implementation
public func fw_gl_readback_capture(
    _ handle: OpaquePointer!, _ x: Int32, _ y: Int32, _ width: Int32, _ height: Int32, _ pts: Int64
) -> fw_status {
    guard let handle else { return failNull("readback") }
    let options = readback(handle).options
    return fw_gl_readback_capture_framebuffer(
        handle, options.framebuffer ?? .max, options.attachment, x, y, width, height, pts)
}

@_cdecl("fw_gl_readback_poll") @implementation
public func fw_gl_readback_poll(_ handle: OpaquePointer!) -> fw_status {
    guard let handle else { return failNull("readback") }
    do {
        try readback(handle).poll()
        return FW_OK
    } catch {
        return fail(error)
    }
}

@_cdecl("fw_gl_readback_drain") @implementation
public func fw_gl_readback_drain(_ handle: OpaquePointer!) -> fw_status {
    guard let handle else { return failNull("readback") }
    do {
        try readback(handle).drain()
        return FW_OK
    } catch {
        return fail(error)
    }
}

@_cdecl("fw_gl_readback_free") @implementation
public func fw_gl_readback_free(_ handle: OpaquePointer!) {
    guard let handle else { return }
    Unmanaged<GLReadback>.fromOpaque(UnsafeRawPointer(handle)).takeRetainedValue().close()
}

@_cdecl("fw_gl_readback_get_stats") @implementation
public func fw_gl_readback_get_stats(
    _ handle: OpaquePointer!, _ out: UnsafeMutablePointer<fw_gl_stats>!
) -> fw_status {
    guard let handle else { return failNull("readback") }
    guard let out else { return failNull("stats") }
    let size = out.pointee.struct_size
    guard size >= 8 else {
        return fail(FW_ERROR_INVALID_ARGUMENT, sizeMessage("fw_gl_stats", size, "FW_GL_STATS_INIT"))
    }
    do {
        try readback(handle).checkThread()
    } catch {
        return fail(error)
    }
    let stats = readback(handle).stats
    let result = fw_gl_stats(
        struct_size: 0, path: fw_gl_path(rawValue: stats.path.rawValue), ring_depth: UInt32(stats.ringDepth),
        ring_allocated: UInt32(stats.ringAllocated), frames_in_flight: UInt32(stats.framesInFlight),
        frames_lent: UInt32(stats.framesLent), ring_peak: UInt32(stats.ringPeak),
        format: UInt32(stats.format?.rawValue ?? 0), frames_captured: stats.framesCaptured,
        frames_delivered: stats.framesDelivered, frames_dropped: stats.framesDropped, stalls: stats.stalls,
        pixel_bytes_copied: stats.pixelBytesCopied, capture_ns_p50: nanoseconds(stats.captureP50),
        capture_ns_p99: nanoseconds(stats.captureP99), readback_ns_p50: nanoseconds(stats.readbackP50),
        readback_ns_p99: nanoseconds(stats.readbackP99))
    store(result, to: out, size: size)
    return FW_OK
}

@_cdecl("fw_gl_path_name") @implementation
public func fw_gl_path_name(_ path: fw_gl_path) -> UnsafePointer<CChar>! {
    guard let path = ReadbackPath(rawValue: path.rawValue) else { return nil }
    return UnsafeRawPointer(path.name.utf8Start).assumingMemoryBound(to: CChar.self)
}
