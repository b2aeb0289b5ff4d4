import Buffers
import CFramewire

@_cdecl("fw_buffer_pts") @implementation
public func fw_buffer_pts(_ buffer: OpaquePointer!) -> Int64 {
    guard let buffer else { return .min }
    return bufferReference(buffer).head.pointee.times.pts
}

@_cdecl("fw_buffer_dts") @implementation
public func fw_buffer_dts(_ buffer: OpaquePointer!) -> Int64 {
    guard let buffer else { return .min }
    return bufferReference(buffer).head.pointee.times.dts
}

@_cdecl("fw_buffer_duration") @implementation
public func fw_buffer_duration(_ buffer: OpaquePointer!) -> Int64 {
    guard let buffer else { return .min }
    return bufferReference(buffer).head.pointee.times.duration
}

@_cdecl("fw_buffer_offset") @implementation
public func fw_buffer_offset(_ buffer: OpaquePointer!) -> UInt64 {
    guard let buffer else { return .max }
    return bufferReference(buffer).head.pointee.times.offset
}

@_cdecl("fw_buffer_offset_end") @implementation
public func fw_buffer_offset_end(_ buffer: OpaquePointer!) -> UInt64 {
    guard let buffer else { return .max }
    return bufferReference(buffer).head.pointee.times.offsetEnd
}

@_cdecl("fw_buffer_set_pts") @implementation
public func fw_buffer_set_pts(_ buffer: OpaquePointer!, _ pts_ns: Int64) -> fw_status {
    change(buffer) { $0.head.pointee.times.pts = pts_ns }
}

@_cdecl("fw_buffer_set_dts") @implementation
public func fw_buffer_set_dts(_ buffer: OpaquePointer!, _ dts_ns: Int64) -> fw_status {
    change(buffer) { $0.head.pointee.times.dts = dts_ns }
}

@_cdecl("fw_buffer_set_duration") @implementation
public func fw_buffer_set_duration(_ buffer: OpaquePointer!, _ duration_ns: Int64) -> fw_status {
    change(buffer) { $0.head.pointee.times.duration = duration_ns }
}

@_cdecl("fw_buffer_set_offset") @implementation
public func fw_buffer_set_offset(_ buffer: OpaquePointer!, _ offset: UInt64) -> fw_status {
    change(buffer) { $0.head.pointee.times.offset = offset }
}

@_cdecl("fw_buffer_set_offset_end") @implementation
public func fw_buffer_set_offset_end(_ buffer: OpaquePointer!, _ offset_end: UInt64) -> fw_status {
    change(buffer) { $0.head.pointee.times.offsetEnd = offset_end }
}

@_cdecl("fw_buffer_get_flags") @implementation
public func fw_buffer_get_flags(_ buffer: OpaquePointer!) -> UInt32 {
    guard let buffer else { return 0 }
    return bufferReference(buffer).head.pointee.flags.rawValue
}

/// The flags of a caller.
private func bufferFlags(_ flags: UInt32) throws(BufferError) -> BufferFlags {
    let flags = BufferFlags(rawValue: flags)
    guard flags.isSubset(of: .known) else {
        throw .invalidArgument("flags have bits that mean nothing")
    }
    return flags
}

@_cdecl("fw_buffer_set_flags") @implementation
public func fw_buffer_set_flags(_ buffer: OpaquePointer!, _ flags: UInt32) -> fw_status {
    change(buffer) { storage throws(BufferError) in
        storage.head.pointee.flags.formUnion(try bufferFlags(flags))
    }
}

@_cdecl("fw_buffer_unset_flags") @implementation
public func fw_buffer_unset_flags(_ buffer: OpaquePointer!, _ flags: UInt32) -> fw_status {
    change(buffer) { storage throws(BufferError) in
        storage.head.pointee.flags.subtract(try bufferFlags(flags))
    }
}
