import Buffers
import CFramewire
import Framewire
import Transport

private func sink(_ handle: OpaquePointer) -> UDPSink {
    Unmanaged<UDPSink>.fromOpaque(UnsafeRawPointer(handle)).takeUnretainedValue()
}

/// The caller's options, or `nil` after noting why they are refused.
private func sinkOptions(_ given: UnsafePointer<fw_udp_sink_options>?) -> UDPSink.Options? {
    var options = UDPSink.Options()
    guard let given else { return options }
    let defaults = fw_udp_sink_options(
        struct_size: 0, segmentation: FW_UDP_SEGMENTATION_AUTO, send_timeout_ns: 0, send_buffer_bytes: 0,
        reserved: 0)
    let size = given.pointee.struct_size
    guard let full = overlay(given, size: size, minimum: 8, on: defaults) else {
        _ = fail(
            FW_ERROR_INVALID_ARGUMENT, sizeMessage("fw_udp_sink_options", size, "FW_UDP_SINK_OPTIONS_INIT"))
        return nil
    }
    guard full.segmentation == FW_UDP_SEGMENTATION_AUTO || full.segmentation == FW_UDP_SEGMENTATION_OFF else {
        _ = fail(
            FW_ERROR_INVALID_ARGUMENT,
            "segmentation is \(full.segmentation.rawValue), which is no fw_udp_segmentation")
        return nil
    }
    options.segmentsPackets = full.segmentation == FW_UDP_SEGMENTATION_AUTO
    if full.send_timeout_ns != 0 { options.sendTimeout = full.send_timeout_ns }
    options.sendBufferBytes = Int(full.send_buffer_bytes)
    return options
}

@_cdecl("fw_udp_sink_open") @implementation
public func fw_udp_sink_open(
    _ url: UnsafePointer<CChar>!, _ options: UnsafePointer<fw_udp_sink_options>!,
    _ out: UnsafeMutablePointer<OpaquePointer?>!
) -> fw_status {
    guard let out else { return failNull("out") }
    out.pointee = nil
    guard let url else { return failNull("url") }
    guard let options = sinkOptions(options) else { return FW_ERROR_INVALID_ARGUMENT }
    do {
        let sink = try UDPSink.make(to: String(text: url), options: options)
        out.pointee = OpaquePointer(Unmanaged.passRetained(sink).toOpaque())
        return FW_OK
    } catch {
        return fail(FramewireError(error))
    }
}

@_cdecl("fw_udp_sink_send") @implementation
public func fw_udp_sink_send(_ handle: OpaquePointer!, _ list: OpaquePointer!) -> fw_status {
    guard let handle else { return failNull("sink") }
    guard let list else { return failNull("list") }
    do {
        try sink(handle).send(listReference(list).takeUnretainedValue())
        return FW_OK
    } catch {
        return fail(FramewireError(error))
    }
}

@_cdecl("fw_udp_sink_get_stats") @implementation
public func fw_udp_sink_get_stats(
    _ handle: OpaquePointer!, _ out: UnsafeMutablePointer<fw_udp_sink_stats>!
) -> fw_status {
    guard let handle else { return failNull("sink") }
    guard let out else { return failNull("stats") }
    let size = out.pointee.struct_size
    guard size >= 8 else {
        return fail(
            FW_ERROR_INVALID_ARGUMENT, sizeMessage("fw_udp_sink_stats", size, "FW_UDP_SINK_STATS_INIT"))
    }
    let stats = sink(handle).stats
    let result = fw_udp_sink_stats(
        struct_size: 0, segmentation: stats.segmentsPackets ? 1 : 0, packets_sent: stats.packetsSent,
        bytes_sent: stats.bytesSent, packets_dropped: stats.packetsDropped,
        packets_segmented: stats.packetsSegmented, calls: stats.calls, waits: stats.waits,
        refusals: stats.refusals)
    store(result, to: out, size: size)
    return FW_OK
}

@_cdecl("fw_udp_sink_close") @implementation
public func fw_udp_sink_close(_ handle: OpaquePointer!) {
    guard let handle else { return }
    Unmanaged<UDPSink>.fromOpaque(UnsafeRawPointer(handle)).release()
}
