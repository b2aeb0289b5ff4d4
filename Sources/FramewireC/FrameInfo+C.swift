import CFramewire
import Framewire

/// Bytes of `fw_frame_info` up to and with `row_order`.
private let minimumInfoSize = 20

/// FW_TIME_NONE, a macro that Swift does not import.
private let noTime = Int64.min

/// The caller's description, or `nil` after noting why it is refused.
func frameInfo(_ info: UnsafePointer<fw_frame_info>?) -> FrameInfo? {
    guard let info else {
        _ = failNull("info")
        return nil
    }
    let defaults = fw_frame_info(
        struct_size: 0, width: 0, height: 0, format: FW_PIXEL_FORMAT_RGBA8, row_order: FW_ROW_ORDER_TOP_DOWN,
        stride: 0,
        pts_ns: noTime, duration_ns: noTime, color_primaries: 2, color_transfer: 2, color_matrix: 2,
        color_range: 0,
        stream_id: 0, view_id: 0, flags: 0, sequence: 0)
    guard let full = overlay(info, size: info.pointee.struct_size, minimum: minimumInfoSize, on: defaults)
    else {
        _ = fail(
            FW_ERROR_INVALID_ARGUMENT,
            sizeMessage("fw_frame_info", info.pointee.struct_size, "FW_FRAME_INFO_INIT"))
        return nil
    }
    guard let code = UInt16(exactly: full.format.rawValue), let format = PixelFormat(rawValue: code) else {
        _ = fail(FW_ERROR_INVALID_ARGUMENT, "format is \(full.format.rawValue), which is no fw_pixel_format")
        return nil
    }
    guard let code = UInt8(exactly: full.row_order.rawValue), let rowOrder = RowOrder(rawValue: code) else {
        _ = fail(
            FW_ERROR_INVALID_ARGUMENT, "row_order is \(full.row_order.rawValue), which is no fw_row_order")
        return nil
    }
    return FrameInfo(
        width: Int(full.width), height: Int(full.height), format: format, rowOrder: rowOrder,
        stride: Int(full.stride),
        pts: full.pts_ns == noTime ? nil : full.pts_ns,
        duration: full.duration_ns == noTime ? nil : full.duration_ns,
        color: ColorDescription(
            primaries: full.color_primaries, transfer: full.color_transfer, matrix: full.color_matrix,
            range: full.color_range),
        streamID: full.stream_id, viewID: full.view_id,
        flags: FrameFlags(rawValue: full.flags).intersection([.discontinuity, .key]))
}

/// `info` as C has it.
func cFrameInfo(_ info: FrameInfo, stride: Int) -> fw_frame_info {
    fw_frame_info(
        struct_size: 0, width: UInt32(info.width), height: UInt32(info.height),
        format: fw_pixel_format(rawValue: UInt32(info.format.rawValue)),
        row_order: fw_row_order(rawValue: UInt32(info.rowOrder.rawValue)), stride: UInt32(clamping: stride),
        pts_ns: info.pts ?? noTime, duration_ns: info.duration ?? noTime,
        color_primaries: info.color.primaries,
        color_transfer: info.color.transfer, color_matrix: info.color.matrix, color_range: info.color.range,
        stream_id: info.streamID, view_id: info.viewID, flags: info.flags.rawValue, sequence: info.sequence)
}

/// The layout of a description, or `nil` after noting why it is refused.
func frameLayout(_ info: FrameInfo) -> FrameLayout? {
    do {
        return try FrameLayout(info)
    } catch {
        _ = fail(error)
        return nil
    }
}

@_cdecl("fw_frame_info_size") @implementation
public func fw_frame_info_size(
    _ info: UnsafePointer<fw_frame_info>!, _ size: UnsafeMutablePointer<Int>!
) -> fw_status {
    guard let size else { return failNull("size") }
    guard let info = frameInfo(info), let layout = frameLayout(info) else { return FW_ERROR_INVALID_ARGUMENT }
    size.pointee = layout.size
    return FW_OK
}

@_cdecl("fw_frame_info_checksum") @implementation
public func fw_frame_info_checksum(
    _ info: UnsafePointer<fw_frame_info>!, _ pixels: UnsafeRawPointer!, _ size: Int,
    _ checksum: UnsafeMutablePointer<UInt64>!
) -> fw_status {
    guard let pixels else { return failNull("pixels") }
    guard let checksum else { return failNull("checksum") }
    guard let info = frameInfo(info), let layout = frameLayout(info) else { return FW_ERROR_INVALID_ARGUMENT }
    guard let count = byteCount(size), count >= layout.size else {
        return fail(
            FW_ERROR_OUT_OF_RANGE,
            "size is \(UInt(bitPattern: size)) bytes, a frame like this has \(layout.size)")
    }
    do {
        checksum.pointee = try pictureChecksum(layout, UnsafeRawBufferPointer(start: pixels, count: count))
        return FW_OK
    } catch {
        return fail(error)
    }
}

/// A `size_t` as a count of bytes; `nil` when it is larger than any object can be.
func byteCount(_ size: Int) -> Int? { size >= 0 ? size : nil }
