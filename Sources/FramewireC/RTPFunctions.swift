import Buffers
import CFramewire
import CPosix
import Framewire
import RTP
import Transport

private func payloader(_ handle: OpaquePointer) -> H264Payloader {
    Unmanaged<H264Payloader>.fromOpaque(UnsafeRawPointer(handle)).takeUnretainedValue()
}

/// The caller's number for a field that can be random: nil for that, and for one that is refused.
private func randomable<T: FixedWidthInteger>(
    _ value: Int64, _ name: StaticString, _ isRefused: inout Bool
) -> T? {
    if value == Int64(FW_RTP_RANDOM) { return nil }
    guard let result = T(exactly: value) else {
        if !isRefused {
            _ = fail(
                FW_ERROR_OUT_OF_RANGE,
                "\(name) is \(value); it must be 0 to \(T.max), or FW_RTP_RANDOM")
        }
        isRefused = true
        return nil
    }
    return result
}

private func format(_ given: fw_h264_format) -> H264Payloader.Format? {
    switch given {
    case FW_H264_FORMAT_ANNEX_B: return .annexB
    case FW_H264_FORMAT_AVC: return .avc
    default:
        _ = fail(FW_ERROR_INVALID_ARGUMENT, "format is \(given.rawValue), which is no fw_h264_format")
        return nil
    }
}

/// The caller's options, or the status of why they are refused.
private func options(
    _ given: UnsafePointer<fw_rtp_h264_options>?, _ options: inout H264Payloader.Options
) -> fw_status {
    guard let given else { return FW_OK }
    let defaults = fw_rtp_h264_options(
        struct_size: 0, format: FW_H264_FORMAT_ANNEX_B, mtu: 0, payload_type: 0, ssrc: -1, sequence: -1,
        timestamp_offset: -1, single_nal_mode: 0, aggregation: FW_RTP_AGGREGATION_NONE,
        repeat_parameter_sets: 0, nal_size_bytes: 0, codec_data: nil, codec_data_size: 0)
    let size = given.pointee.struct_size
    guard let full = overlay(given, size: size, minimum: 8, on: defaults) else {
        return fail(
            FW_ERROR_INVALID_ARGUMENT, sizeMessage("fw_rtp_h264_options", size, "FW_RTP_H264_OPTIONS_INIT"))
    }
    guard let format = format(full.format) else { return FW_ERROR_INVALID_ARGUMENT }
    options.format = format
    if full.mtu != 0 { options.mtu = Int(full.mtu) }
    if full.payload_type != 0 { options.payloadType = Int(full.payload_type) }
    var isRefused = false
    options.ssrc = randomable(full.ssrc, "ssrc", &isRefused)
    options.sequence = randomable(full.sequence, "sequence", &isRefused)
    options.timestampOffset = randomable(full.timestamp_offset, "timestamp_offset", &isRefused)
    if isRefused { return FW_ERROR_OUT_OF_RANGE }
    options.singleNALMode = full.single_nal_mode != 0
    guard full.aggregation == FW_RTP_AGGREGATION_NONE || full.aggregation == FW_RTP_AGGREGATION_STAP_A else {
        return fail(
            FW_ERROR_INVALID_ARGUMENT,
            "aggregation is \(full.aggregation.rawValue), which is no fw_rtp_aggregation")
    }
    options.aggregates = full.aggregation == FW_RTP_AGGREGATION_STAP_A
    options.repeatsParameterSets = full.repeat_parameter_sets != 0
    if full.nal_size_bytes != 0 { options.nalSizeBytes = Int(full.nal_size_bytes) }
    if full.codec_data_size != 0 {
        guard let data = full.codec_data else { return failNull("codec_data") }
        guard let count = byteCount(full.codec_data_size), count <= 1 << 20 else {
            return failSize(full.codec_data_size)
        }
        let bytes = UnsafeRawBufferPointer(start: data, count: count)
        for index in 0..<count { options.codecData.add(bytes[index]) }
    }
    return FW_OK
}

@_cdecl("fw_rtp_h264_payloader_new") @implementation
public func fw_rtp_h264_payloader_new(
    _ given: UnsafePointer<fw_rtp_h264_options>!, _ out: UnsafeMutablePointer<OpaquePointer?>!
) -> fw_status {
    guard let out else { return failNull("out") }
    out.pointee = nil
    var chosen = H264Payloader.Options()
    let refusal = options(given, &chosen)
    guard refusal == FW_OK else { return refusal }
    return status { () throws(BufferError) in
        out.pointee = OpaquePointer(Unmanaged.passRetained(try H264Payloader.make(chosen)).toOpaque())
    }
}

@_cdecl("fw_rtp_h264_payloader_payload") @implementation
public func fw_rtp_h264_payloader_payload(
    _ handle: OpaquePointer!, _ buffer: OpaquePointer!, _ out: UnsafeMutablePointer<OpaquePointer?>!
) -> fw_status {
    guard let out else { return failNull("out") }
    out.pointee = nil
    guard let handle else { return failNull("payloader") }
    guard let buffer else { return failNull("access_unit") }
    return status { () throws(BufferError) in
        out.pointee = OpaquePointer(try payloader(handle).payload(bufferReference(buffer)).toOpaque())
    }
}

@_cdecl("fw_rtp_h264_payloader_get_sdp") @implementation
public func fw_rtp_h264_payloader_get_sdp(
    _ handle: OpaquePointer!, _ url: UnsafePointer<CChar>!, _ text: UnsafeMutablePointer<CChar>!, _ size: Int,
    _ needed: UnsafeMutablePointer<Int>!
) -> fw_status {
    needed?.pointee = 0
    guard let handle else { return failNull("payloader") }
    guard let url else { return failNull("url") }
    guard text != nil || size == 0 else { return failNull("text") }
    do {
        let description = try payloader(handle).sessionDescription(for: String(text: url)).cText
        let count = description.count
        needed?.pointee = count
        if size == 0, text == nil, needed != nil { return FW_OK }
        guard let room = byteCount(size), room >= count else {
            return fail(
                FW_ERROR_TOO_LARGE,
                "the session description has \(count) bytes; size is \(UInt(bitPattern: size))")
        }
        memcpy(text, description, count)
        return FW_OK
    } catch {
        return fail(FramewireError(error))
    }
}

@_cdecl("fw_rtp_h264_payloader_get_stats") @implementation
public func fw_rtp_h264_payloader_get_stats(
    _ handle: OpaquePointer!, _ out: UnsafeMutablePointer<fw_rtp_h264_stats>!
) -> fw_status {
    guard let handle else { return failNull("payloader") }
    guard let out else { return failNull("stats") }
    let size = out.pointee.struct_size
    guard size >= 8 else {
        return fail(
            FW_ERROR_INVALID_ARGUMENT, sizeMessage("fw_rtp_h264_stats", size, "FW_RTP_H264_STATS_INIT"))
    }
    let payloader = payloader(handle)
    let stats = payloader.stats
    let result = fw_rtp_h264_stats(
        struct_size: 0, ssrc: payloader.ssrc, next_sequence: UInt32(payloader.nextSequence),
        timestamp_offset: payloader.timestampOffset, access_units: stats.accessUnits, packets: stats.packets,
        payload_bytes: stats.payloadBytes, payload_bytes_shared: stats.sharedBytes,
        payload_bytes_copied: stats.copiedBytes)
    store(result, to: out, size: size)
    return FW_OK
}

@_cdecl("fw_rtp_h264_payloader_free") @implementation
public func fw_rtp_h264_payloader_free(_ handle: OpaquePointer!) {
    guard let handle else { return }
    Unmanaged<H264Payloader>.fromOpaque(UnsafeRawPointer(handle)).release()
}

// MARK: - Depayloader

private func depayloader(_ handle: OpaquePointer) -> H264Depayloader {
    Unmanaged<H264Depayloader>.fromOpaque(UnsafeRawPointer(handle)).takeUnretainedValue()
}

/// The caller's options, or the status of why they are refused.
private func options(
    _ given: UnsafePointer<fw_rtp_h264_depayloader_options>?, _ options: inout H264Depayloader.Options
) -> fw_status {
    guard let given else { return FW_OK }
    let defaults = fw_rtp_h264_depayloader_options(
        struct_size: 0, format: FW_H264_FORMAT_ANNEX_B, payload_type: -1, reorder_packets: 0, ssrc: -1,
        timestamp_offset: -1, max_access_unit_bytes: 0, max_waiting: 0, drop_damaged: 0)
    let size = given.pointee.struct_size
    guard let full = overlay(given, size: size, minimum: 8, on: defaults) else {
        return fail(
            FW_ERROR_INVALID_ARGUMENT,
            sizeMessage(
                "fw_rtp_h264_depayloader_options", size, "FW_RTP_H264_DEPAYLOADER_OPTIONS_INIT"))
    }
    guard let format = format(full.format) else { return FW_ERROR_INVALID_ARGUMENT }
    options.format = format
    if full.payload_type != -1 { options.payloadType = Int(full.payload_type) }
    if full.reorder_packets != 0 { options.reorderPackets = Int(full.reorder_packets) }
    var isRefused = false
    options.ssrc = randomable(full.ssrc, "ssrc", &isRefused)
    options.timestampOffset = randomable(full.timestamp_offset, "timestamp_offset", &isRefused)
    if isRefused { return FW_ERROR_OUT_OF_RANGE }
    if full.max_access_unit_bytes != 0 {
        options.maxAccessUnitBytes = Int(clamping: full.max_access_unit_bytes)
    }
    if full.max_waiting != 0 { options.maxWaiting = Int(full.max_waiting) }
    options.dropsDamaged = full.drop_damaged != 0
    return FW_OK
}

@_cdecl("fw_rtp_h264_depayloader_new") @implementation
public func fw_rtp_h264_depayloader_new(
    _ given: UnsafePointer<fw_rtp_h264_depayloader_options>!, _ out: UnsafeMutablePointer<OpaquePointer?>!
) -> fw_status {
    guard let out else { return failNull("out") }
    out.pointee = nil
    var chosen = H264Depayloader.Options()
    let refusal = options(given, &chosen)
    guard refusal == FW_OK else { return refusal }
    return status { () throws(BufferError) in
        out.pointee = OpaquePointer(Unmanaged.passRetained(try H264Depayloader.make(chosen)).toOpaque())
    }
}

@_cdecl("fw_rtp_h264_depayloader_push") @implementation
public func fw_rtp_h264_depayloader_push(
    _ handle: OpaquePointer!, _ packet: UnsafeRawPointer!, _ size: Int
) -> fw_status {
    guard let handle else { return failNull("depayloader") }
    guard packet != nil || size == 0 else { return failNull("packet") }
    guard let count = byteCount(size) else { return failSize(size) }
    return status { () throws(BufferError) in
        try depayloader(handle).push(UnsafeRawBufferPointer(start: packet, count: count))
    }
}

@_cdecl("fw_rtp_h264_depayloader_flush") @implementation
public func fw_rtp_h264_depayloader_flush(_ handle: OpaquePointer!) -> fw_status {
    guard let handle else { return failNull("depayloader") }
    return status { () throws(BufferError) in try depayloader(handle).flush() }
}

@_cdecl("fw_rtp_h264_depayloader_next") @implementation
public func fw_rtp_h264_depayloader_next(
    _ handle: OpaquePointer!, _ out: UnsafeMutablePointer<OpaquePointer?>!
) -> fw_status {
    guard let out else { return failNull("out") }
    out.pointee = nil
    guard let handle else { return failNull("depayloader") }
    guard let buffer = depayloader(handle).nextHandle() else {
        return fail(FW_ERROR_WOULD_BLOCK, text: "no access unit is complete; push more packets")
    }
    out.pointee = OpaquePointer(buffer.toOpaque())
    return FW_OK
}

@_cdecl("fw_rtp_h264_depayloader_get_stats") @implementation
public func fw_rtp_h264_depayloader_get_stats(
    _ handle: OpaquePointer!, _ out: UnsafeMutablePointer<fw_rtp_h264_depayloader_stats>!
) -> fw_status {
    guard let handle else { return failNull("depayloader") }
    guard let out else { return failNull("stats") }
    let size = out.pointee.struct_size
    guard size >= 8 else {
        return fail(
            FW_ERROR_INVALID_ARGUMENT,
            sizeMessage("fw_rtp_h264_depayloader_stats", size, "FW_RTP_H264_DEPAYLOADER_STATS_INIT"))
    }
    let stats = depayloader(handle).stats
    let result = fw_rtp_h264_depayloader_stats(
        struct_size: 0, ssrc: stats.ssrc, packets: stats.packets, packets_lost: stats.lost,
        packets_reordered: stats.reordered, packets_late: stats.late, packets_duplicate: stats.duplicate,
        packets_malformed: stats.malformed, packets_ignored: stats.ignored, access_units: stats.accessUnits,
        access_units_damaged: stats.damaged, access_units_dropped: stats.dropped, restarts: stats.restarts)
    store(result, to: out, size: size)
    return FW_OK
}

@_cdecl("fw_rtp_h264_depayloader_free") @implementation
public func fw_rtp_h264_depayloader_free(_ handle: OpaquePointer!) {
    guard let handle else { return }
    Unmanaged<H264Depayloader>.fromOpaque(UnsafeRawPointer(handle)).release()
}
