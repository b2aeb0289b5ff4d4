import Buffers
import CFramewire
import CPosix
import Framewire
import Wire

@inline(never)
private func set(
    _ frame: OpaquePointer?, _ kind: MetadataEntry.Kind, _ name: UnsafePointer<CChar>?,
    _ content: UnsafeRawBufferPointer
) -> fw_status {
    guard let frame else { return failNull("frame") }
    guard let name else { return failNull("name") }
    do {
        try frameSlot(frame).setMetadata(kind, text(name), content)
        return FW_OK
    } catch {
        return fail(error)
    }
}

@_cdecl("fw_frame_set_text") @implementation
public func fw_frame_set_text(
    _ frame: OpaquePointer!, _ key: UnsafePointer<CChar>!, _ value: UnsafePointer<CChar>!
) -> fw_status {
    guard let value else { return failNull("value") }
    return set(frame, .text, key, text(value))
}

@_cdecl("fw_frame_set_matrix") @implementation
public func fw_frame_set_matrix(
    _ frame: OpaquePointer!, _ name: UnsafePointer<CChar>!, _ matrix: UnsafePointer<Float>!
) -> fw_status {
    guard let matrix else { return failNull("matrix") }
    return set(frame, .matrix, name, UnsafeRawBufferPointer(start: matrix, count: 64))
}

@_cdecl("fw_frame_set_bytes") @implementation
public func fw_frame_set_bytes(
    _ frame: OpaquePointer!, _ name: UnsafePointer<CChar>!, _ bytes: UnsafeRawPointer!, _ size: Int
) -> fw_status {
    guard bytes != nil || size == 0 else { return failNull("bytes") }
    return set(
        frame, .bytes, name, UnsafeRawBufferPointer(start: bytes, count: size < 0 ? Int.max : size))
}

/// A value of the frame, or nothing after noting why.
@inline(never)
private func find(
    _ frame: OpaquePointer?, _ kind: MetadataEntry.Kind, _ name: UnsafePointer<CChar>?,
    _ status: inout fw_status
) -> UnsafeRawBufferPointer {
    var found: UnsafeRawBufferPointer?
    if let frame, let name {
        found = frameSlot(frame).metadata.find(kind, text(name))?.content
        status = FW_OK
        if found == nil {
            status = fail(FW_ERROR_OUT_OF_RANGE, "the frame has no metadata of this kind and name")
        }
    } else {
        status = failNull(frame == nil ? "frame" : "name")
    }
    return found ?? UnsafeRawBufferPointer(start: nil, count: 0)
}

@_cdecl("fw_frame_get_text") @implementation
public func fw_frame_get_text(
    _ frame: OpaquePointer!, _ key: UnsafePointer<CChar>!, _ out: UnsafeMutablePointer<UnsafePointer<CChar>?>!
) -> fw_status {
    guard let out else { return failNull("out") }
    var status = FW_OK
    out.pointee = find(frame, .text, key, &status).baseAddress?.assumingMemoryBound(to: CChar.self)
    return status
}

@_cdecl("fw_frame_get_matrix") @implementation
public func fw_frame_get_matrix(
    _ frame: OpaquePointer!, _ name: UnsafePointer<CChar>!, _ matrix: UnsafeMutablePointer<Float>!
) -> fw_status {
    guard let matrix else { return failNull("matrix") }
    var status = FW_OK
    if let found = find(frame, .matrix, name, &status).baseAddress { memcpy(matrix, found, 64) }
    return status
}

@_cdecl("fw_frame_get_bytes") @implementation
public func fw_frame_get_bytes(
    _ frame: OpaquePointer!, _ name: UnsafePointer<CChar>!,
    _ out: UnsafeMutablePointer<UnsafeRawPointer?>!, _ size: UnsafeMutablePointer<Int>!
) -> fw_status {
    guard let out else { return failNull("out") }
    guard let size else { return failNull("size") }
    var status = FW_OK
    let found = find(frame, .bytes, name, &status)
    out.pointee = found.baseAddress
    size.pointee = found.count
    return status
}

@_cdecl("fw_frame_metadata_count") @implementation
public func fw_frame_metadata_count(_ frame: OpaquePointer!) -> Int {
    frame.map { frameSlot($0).metadata.count } ?? 0
}

@_cdecl("fw_frame_metadata_at") @implementation
public func fw_frame_metadata_at(
    _ frame: OpaquePointer!, _ index: Int, _ out: UnsafeMutablePointer<fw_metadata_entry>!
) -> fw_status {
    guard let frame else { return failNull("frame") }
    guard let out else { return failNull("entry") }
    let size = out.pointee.struct_size
    guard size >= 8 else {
        return fail(
            FW_ERROR_INVALID_ARGUMENT, sizeMessage("fw_metadata_entry", size, "FW_METADATA_ENTRY_INIT"))
    }
    guard let entry = frameSlot(frame).metadata.entry(index) else {
        return fail(FW_ERROR_OUT_OF_RANGE, "the frame has no metadata at index \(UInt(bitPattern: index))")
    }
    let result = fw_metadata_entry(
        struct_size: 0, kind: fw_metadata_kind(rawValue: UInt32(entry.kind.rawValue)),
        name: entry.name.baseAddress!.assumingMemoryBound(to: CChar.self), content: entry.content.baseAddress,
        size: entry.content.count)
    store(result, to: out, size: size)
    return FW_OK
}
